//! The terminal of whoever looks: its bell, and the notices of terminals that know OSC 9 or OSC 777.
//!
//! It is told by the console that shows it, and not by the outbox: every console has a terminal of its own.
use futures_util::future::BoxFuture;
use serde_json::Value as Json;

use super::{Notifier, Telling, words};
use crate::{
    config::{Field, Kind, Shape},
    core::{inventory::Params, outbox::Remote},
    parse::sanitise,
    trackers::{Means, Missed, probe::Probed},
};

/// The terminal.
#[derive(Debug)]
pub(super) struct Terminal;

const FIELDS: &[Field] = &[
    Field { name: "bell", shape: Shape::Flag, required: false, doc: "Whether it rings. Default `true`." },
    Field {
        name: "osc",
        shape: Shape::List(&Shape::Choice(&["9", "777"])),
        required: false,
        doc: "How its notices are written: `9` (iTerm2, WezTerm, Windows Terminal, kitty), `777` (urxvt, foot, Ghostty). Default: none.",
    },
];

impl Kind for Terminal {
    fn name(&self) -> &'static str {
        "terminal"
    }

    fn fields(&self) -> &'static [Field] {
        FIELDS
    }

    fn is_local(&self) -> bool {
        true
    }
}

impl Notifier for Terminal {
    fn tell<'a>(&'a self, _told: Telling<'a>, _means: &'a Means) -> BoxFuture<'a, Result<Remote, Missed>> {
        Box::pin(async { Err(Missed::refused("a terminal is told by its own console")) })
    }

    fn probe<'a>(&'a self, _params: &'a Params, _means: &'a Means) -> BoxFuture<'a, Result<Probed, Missed>> {
        Box::pin(async { Ok(Probed::silent("each console tells its own terminal")) })
    }

    fn preview(&self, told: Telling<'_>) -> String {
        words::subject(told)
    }
}

/// Returns what a terminal is sent. Texts from outside cannot end the sequence, or begin another one.
pub fn bytes(settings: &Params, title: &str, text: &str, variable: impl Fn(&str) -> Option<String>) -> Vec<u8> {
    let mut all = String::new();
    if settings.get("bell").and_then(Json::as_bool).unwrap_or(true) {
        all.push('\x07');
    }
    let safe = |text: &str, most: usize| sanitise::line_max(text, most).replace(';', ",");
    let (title, text) = (safe(title, 80), safe(text, 200));
    let ways = settings.get("osc").and_then(Json::as_array).into_iter().flatten().filter_map(Json::as_str);
    for way in ways {
        let body = if way == "9" { format!("9;{title}: {text}") } else { format!("777;notify;{title};{text}") };
        all.push_str(&wrapped(&format!("\x1b]{body}\x1b\\"), &variable));
    }
    all.into_bytes()
}

/// Hands a sequence on through tmux or screen, which know none of it themselves.
fn wrapped(sequence: &str, variable: impl Fn(&str) -> Option<String>) -> String {
    if variable("TMUX").is_some() {
        format!("\x1bPtmux;{}\x1b\\", sequence.replace('\x1b', "\x1b\x1b"))
    } else if variable("TERM").is_some_and(|term| term.starts_with("screen")) {
        // The end of the string would end the wrapper too: the bell ends it as well.
        format!("\x1bP{}\x1b\\", sequence.replace("\x1b\\", "\x07"))
    } else {
        sequence.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::bytes;

    fn sent(settings: &serde_json::Value, text: &str, tmux: bool) -> String {
        let settings = settings.as_object().cloned().unwrap_or_default();
        let variable = |name: &str| (tmux && name == "TMUX").then(|| "/tmp/tmux".to_owned());
        String::from_utf8(bytes(&settings, "play@prod", text, variable)).unwrap()
    }

    #[test]
    fn a_terminal_rings_and_hostile_text_ends_no_sequence() {
        assert_eq!(sent(&json!({}), "down", false), "\x07");
        let both = json!({ "bell": false, "osc": ["9", "777"] });
        assert_eq!(sent(&both, "down", false), "\x1b]9;play@prod: down\x1b\\\x1b]777;notify;play@prod;down\x1b\\");
        let hostile = sent(&json!({ "bell": false, "osc": ["777"] }), "a\x1b\\\x07\x1b]52;c;eA==\x07;b\r\nc", false);
        assert_eq!(hostile.matches('\x1b').count(), 2, "{hostile:?}");
        assert!(!hostile.contains('\x07') && !hostile.contains('\n') && !hostile.contains("52;c"), "{hostile:?}");
        let tmux = sent(&json!({ "bell": false, "osc": ["9"] }), "down", true);
        assert_eq!(tmux, "\x1bPtmux;\x1b\x1b]9;play@prod: down\x1b\x1b\\\x1b\\");
    }
}
