//! The fields that the shipped examples derive: what their rules make of lines, and what they miss.
use std::path::Path;

use quarterdeck::{
    config,
    core::logs::derive::{Derived, Outcome},
};

fn derived(example: &str) -> Derived {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(example);
    let loaded = crate::config::load(&path);
    assert_eq!(loaded.problems, [], "{}", config::check_text(&loaded.problems));
    Derived::new(loaded.inventory.derives.iter().map(|rule| (**rule).clone())).unwrap()
}

/// Says what a rule makes of a request: a value, `?` where no rule knows it, nothing where none is about it.
fn of(derived: &Derived, field: &str, path: &str) -> String {
    let formats = config::formats::load(None).0;
    let line =
        format!("203.0.113.9 - - [20/Nov/2026:19:42:12 +0000] \"GET {path} HTTP/1.1\" 200 5 \"-\" \"ExoPlayer/2.19\"");
    match derived.outcome(field, line.as_bytes(), formats.get("nginx-combined").unwrap()) {
        Outcome::Value(value) => String::from_utf8(value.into_owned()).unwrap(),
        Outcome::Unmatched => "?".into(),
        Outcome::Apart => String::new(),
    }
}

#[test]
fn a_streaming_platform_knows_partner_content_tag_country_and_endpoint() {
    let derived = derived("video-streaming.toml");
    assert_eq!(derived.names(), ["partner", "content_id", "tag", "country", "endpoint"]);
    let fields = |path: &str| derived.names().iter().map(|name| of(&derived, name, path)).collect::<Vec<_>>().join(" ");
    assert_eq!(fields("/partner/claro/88123/start?tag=live-1"), "claro 88123 live-1 CO /partner");
    assert_eq!(fields("/play/1042331/manifest.m3u8?partner=vivo&tag=vod"), "vivo 1042331 vod BR /play");
    assert_eq!(fields("/api/v2/catalogue?content=4711&country=MX"), "? 4711 ? MX /api/v2/catalogue");
    assert_eq!(fields("/partner/other/1042"), "other 1042  elsewhere /partner");
    // What the rules are about but do not know is told apart from what they are not about.
    assert_eq!(fields("/"), "? ?   ?");
}

#[test]
fn a_network_knows_its_customers() {
    let derived = derived("cdn.toml");
    assert_eq!(
        (of(&derived, "customer", "/c/shop/img/1.webp"), of(&derived, "endpoint", "/c/shop/img/1.webp")),
        ("shop".into(), "/img".into())
    );
    assert_eq!(of(&derived, "customer", "/healthz"), "?");
}
