//! The status page for everybody: one file, the same bars, nothing that is loaded or run, and no word of others' that is markup.
use quarterdeck::{
    core::{
        record::{DeclaredState, StatusUpdate},
        time::{DAY, Timestamp},
    },
    render,
};

use crate::night::Night;

fn update(at: Timestamp, state: DeclaredState, text: &str) -> StatusUpdate {
    let service = Some("Play@prod".parse().unwrap());
    StatusUpdate { at, by: "op1".into(), service, state, text: text.into() }
}

#[test]
fn the_page_tells_what_is_measured_beside_what_is_declared() {
    let night = Night::new();
    let now = night.now.utc;
    let updates = [
        update(now - 30 * DAY, DeclaredState::Resolved, "Streams start again."),
        update(now - 60_000, DeclaredState::Identified, "Streams fail to start for some people."),
    ];
    let page = night.state.published(Some("prod"), &updates, now);
    let play = page.services.iter().find(|service| service.name == "Play").unwrap();
    assert_eq!((play.state, play.days.len()), ("down", 90));
    assert_eq!(play.declared.as_ref().map(|declared| declared.state), Some("identified"));
    assert_eq!((page.updates.len(), page.history.len()), (1, 1), "the whole history is there");
    let text = render::status_page(&page).unwrap();
    for part in [
        "partial outage",
        "Streams fail to start for some people.",
        "Streams start again.",
        "declared since",
        "90 d ",
        "prefers-color-scheme: dark",
        "default-src &#x27;none&#x27;",
    ] {
        let plain = part.replace("&#x27;", "'");
        assert!(text.contains(part) || text.contains(&plain), "{part}: {text}");
    }
    assert_eq!(text.matches("<i class=\"").count() % 90, 0);
    for secret in ["play-01", "op1", "10.0."] {
        assert!(!text.contains(secret), "{secret} is for nobody else");
    }
    for loaded in ["<script", "src=", "href=", "url(", "@import", "http://", "https://"] {
        assert!(!text.contains(loaded), "{loaded}");
    }
    if let Ok(path) = std::env::var("QD_STATUS_PAGE") {
        std::fs::write(path, text).unwrap();
    }
}

#[test]
fn hostile_words_stay_words() {
    let mut night = Night::new();
    std::sync::Arc::make_mut(&mut night.state.inventory).client = "</title><script>alert(1)</script>".into();
    let hostile = "\u{1b}[2J</div><script>alert('x')</script><img src=x onerror=\"y\"> {{ 7 * 7 }} \u{202e}\u{7}&amp;";
    let page = night.state.published(None, &[update(night.now.utc, DeclaredState::Monitoring, hostile)], night.now.utc);
    let text = render::status_page(&page).unwrap();
    for bad in ["<script", "<img", "\u{1b}", "\u{7}", "\u{202e}"] {
        assert!(!text.contains(bad), "{bad:?}");
    }
    assert!(text.contains("{{ 7 * 7 }}") && text.contains("&amp;amp;"), "{text}");
}
