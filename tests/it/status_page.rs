//! The status page for everybody: one file, the same bars, nothing that is loaded or run, and no word of others' that is markup.
use std::collections::BTreeMap;

use quarterdeck::{
    core::{
        Msg,
        incidents::{IncidentEvent, IncidentEventKind},
        record::{DeclaredState, Row, StatusUpdate},
        services::{self, Maintenance, uptime::Span},
        time::{DAY, HOUR, Timestamp},
    },
    render,
};

use crate::night::Night;

/// A page with everything on it: what is down, declared and planned, a hostile word, and what was told long ago.
fn page() -> String {
    let mut night = Night::new();
    let (now, day) = (night.now.utc, |at: Timestamp, hours: i64| Span { from: at, to: at + hours * HOUR });
    let planned = [
        Maintenance { service: Some("API@prod".parse().unwrap()), span: day(now - HOUR, 2) },
        Maintenance { service: None, span: day(now + DAY, 1) },
    ];
    night.tell(Msg::Services(services::Msg::MaintenanceReplaced(planned.to_vec())));
    let updates = [
        update(now - 30 * DAY, DeclaredState::Resolved, "Streams start again."),
        update(now - 30 * DAY - HOUR, DeclaredState::Investigating, "Streams do not start.\nWe look <b>why</b>."),
        update(now - 600_000, DeclaredState::Identified, "Streams fail to start for some people."),
    ];
    render::status_page(&night.state.published(Some("prod"), &updates, now)).unwrap()
}

#[test]
fn the_page_at_a_fixed_time() {
    insta::assert_snapshot!("status-page", page());
}

/// Relative luminance of `#rrggbb` or `#rgb`.
fn luminance(colour: &str) -> f64 {
    let hex = colour.trim_start_matches('#');
    let hex: String = if hex.len() == 3 { hex.chars().flat_map(|c| [c, c]).collect() } else { hex.to_owned() };
    let channel = |at: usize| {
        let value = f64::from(u8::from_str_radix(hex.get(at..at + 2).unwrap(), 16).unwrap()) / 255.0;
        if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * channel(0) + 0.7152 * channel(2) + 0.0722 * channel(4)
}

fn contrast(one: &str, other: &str) -> f64 {
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

#[test]
fn it_can_be_read_by_day_and_by_night() {
    let page = page();
    let sets: Vec<BTreeMap<&str, &str>> = page
        .match_indices("--bg:")
        .map(|(at, _)| {
            let set = page.get(at..).unwrap().split_once('}').unwrap().0;
            set.split(';').filter_map(|pair| pair.split_once(':')).map(|(name, of)| (name.trim(), of.trim())).collect()
        })
        .collect();
    assert_eq!(sets.len(), 2, "light and dark");
    for colours in &sets {
        for ground in ["--bg", "--card"] {
            for text in ["--fg", "--dim", "--up", "--bad", "--work", "--warn"] {
                let found = contrast(colours[text], colours[ground]);
                assert!(found >= 4.5, "{text} {} on {ground} {}: {found:.2}", colours[text], colours[ground]);
            }
        }
        for bar in ["--up", "--minor", "--fair", "--poor", "--bad", "--work"] {
            let found = contrast(colours[bar], colours["--card"]);
            assert!(found >= 3.0, "{bar} {}: {found:.2}", colours[bar]);
        }
    }
}

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
fn what_was_declared_of_a_closed_incident_is_declared_no_more() {
    let mut night = Night::new();
    let (incident, at) = (*night.state.incidents.incidents.keys().next().unwrap(), night.now.utc);
    let updates = [update(at, DeclaredState::Identified, "Streams fail to start for some people.")];
    let declares = |night: &Night| {
        let page = night.state.published(Some("prod"), &updates, at);
        assert_eq!(page.updates.len(), 1, "what was said stays in its history");
        page.services.into_iter().find(|service| service.name == "Play").unwrap().declared.map(|of| of.state)
    };
    let told = IncidentEventKind::Told {
        state: DeclaredState::Identified,
        text: updates[0].text.clone(),
        internal: String::new(),
        to: vec!["status page".into()],
    };
    let event = |kind| Row::Incident(IncidentEvent { incident, at, by: "op1".into(), kind });
    night.commit(vec![event(told)]);
    assert_eq!(declares(&night), Some("identified"));
    night.commit(vec![event(IncidentEventKind::Closed)]);
    assert_eq!(declares(&night), None);
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
