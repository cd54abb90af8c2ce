//! Whatever a record holds, it is shown and does nothing.
use proptest::prelude::*;
use quarterdeck::core::{
    Msg,
    action::{Action, Motion},
    logs::LogAction as Log,
    time::SECOND,
};
use ratatui::buffer::Buffer;

use crate::{
    dump,
    log_view::{dark, filtered, find, places},
    loglines::{Desk, MAIL, TOKEN, hostile},
    night::AT,
};

fn harmless(cells: &Buffer) {
    for cell in &cells.content {
        let odd = |c: char| {
            c.is_control()
                || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
        };
        assert!(!cell.symbol().chars().any(odd), "{:?}", cell.symbol());
    }
    let text = dump::text(cells);
    assert!(!text.contains(TOKEN) && !text.contains(MAIL), "{text}");
}

#[test]
fn hostile_lines_are_shown_and_do_nothing() {
    for (text, more) in
        [("gpj.exe", None), ("back", Some(Log::Wrap)), ("a title", Some(Log::Unfold)), ("for", Some(Log::Wrap))]
    {
        let mut desk = filtered("service:cloud");
        find(&mut desk, text);
        more.into_iter().for_each(|action| desk.log(action));
        for size in [(60, 18), (120, 36), (200, 50)] {
            harmless(&desk.draw(&dark(), size));
        }
    }
}

#[test]
fn no_size_is_too_small_for_logs() {
    for (_, mut desk) in places().into_iter().take(4) {
        for wide in (0..8).chain([39, 60, 99, 121]) {
            for high in (0..6).chain([9, 18, 60]) {
                desk.draw(&dark(), (wide, high));
            }
        }
    }
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let odd = prop::sample::select(hostile());
    let signs = prop::sample::select(vec![
        "\u{1b}[",
        "\u{1b}]52;c;",
        "\u{9b}",
        "\u{202e}",
        "\u{2066}",
        "\0",
        "\r",
        "\t",
        "\u{7f}",
        "日",
        "\u{301}",
        "\"",
        "{",
        "\\u001b",
        "\\n",
    ]);
    let part = prop_oneof![
        3 => prop::collection::vec(any::<u8>(), 0..40),
        3 => signs.prop_map(|text| text.as_bytes().to_vec()),
        // Apart from what is beside it: glued to a digit an address is none.
        1 => odd.prop_map(|record| [b" ".as_slice(), &record, b" "].concat()),
        2 => "[ -~]{0,30}".prop_map(String::into_bytes),
    ];
    prop::collection::vec(part, 0..8).prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_a_record_holds_no_cell_has_control_and_no_secret_is_seen(
        before in bytes(),
        after in bytes(),
        format in prop::sample::select(vec!["plain", "pino", "nginx-combined", "laravel", "logfmt", "syslog", "json"]),
        (unfold, wrap) in (any::<bool>(), any::<bool>()),
        size in prop::sample::select(vec![(60, 18), (120, 36), (200, 50)]),
    ) {
        let secret = format!(" Authorization: Bearer {TOKEN} by {MAIL} ");
        let record = [before.as_slice(), secret.as_bytes(), &after].concat();
        let mut desk = Desk::bare();
        let source = desk.source("odd", "file", "/var/log/odd", (None, None), format);
        desk.raw(source, &[record], AT - SECOND);
        desk.open();
        desk.tell(Msg::Acted(Action::Move(Motion::Top)));
        if unfold {
            desk.tell(Msg::Acted(Action::Log(Log::Unfold)));
        }
        if wrap {
            desk.tell(Msg::Acted(Action::Log(Log::Wrap)));
        }
        harmless(&desk.draw(&dark(), size));
    }
}
