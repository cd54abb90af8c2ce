//! The log view as a person has it: what keys do to the filter, the place and the record, and what is drawn of it.
use quarterdeck::{
    config::theme::{ColourDepth, Theme},
    core::{
        Effect,
        action::{Action, Motion},
        logs::{Ask, LogAction as Log},
        screen::Draft,
    },
    ui::{Look, glyphs::Glyphs},
};

use crate::{
    dump,
    loglines::{Desk, by_host},
};

pub(crate) fn look(theme: &str, depth: ColourDepth, glyphs: Glyphs) -> Look {
    Look::new(Theme::built_in(theme).unwrap(), depth, glyphs)
}

pub(crate) fn dark() -> Look {
    look("dark", ColourDepth::True, Glyphs::Unicode)
}

pub(crate) fn chips(desk: &Desk) -> Vec<(&str, bool)> {
    desk.state().logs.chips.iter().map(|chip| (chip.text.as_str(), chip.on)).collect()
}

pub(crate) fn filtered(text: &str) -> Desk {
    let mut desk = Desk::new();
    desk.log(Log::EditFilter);
    desk.types(Draft::LogFilter, text);
    desk.act(&[Action::Confirm]);
    desk
}

/// Goes to the newest line that holds a text.
pub(crate) fn find(desk: &mut Desk, text: &str) {
    if !desk.state().logs.follows {
        desk.log(Log::Follow);
    }
    desk.log(Log::Search);
    desk.types(Draft::LogSearch, &format!("\"{text}\""));
    desk.act(&[Action::Confirm]);
    assert!(desk.line().contains(text), "{}", desk.line());
}

#[test]
fn it_opens_at_the_end_and_its_sources_run() {
    let desk = Desk::new();
    assert_eq!(desk.effects.iter().filter(|effect| matches!(effect, Effect::Logs(Ask::Start))).count(), 1);
    assert!(desk.state().logs.follows && desk.cursor() == desk.shown().last().unwrap());
    assert_eq!(desk.shown().total(), 343 + 1 + 62 + 150 + 1 + 9 + 1 + 6 + 1);
    assert_eq!(desk.shown().matched(), desk.shown().total());
}

#[test]
fn the_view_at_every_size() {
    for size in [(60, 18), (80, 24), (120, 36), (200, 50)] {
        let mut desk = Desk::new();
        desk.log(Log::PreviousError);
        insta::assert_snapshot!(format!("logs-{}x{}", size.0, size.1), dump::full(&desk.draw(&dark(), size)));
    }
    for (name, look) in [
        ("mono", look("mono", ColourDepth::True, Glyphs::Unicode)),
        ("ascii", look("dark", ColourDepth::Mono, Glyphs::Ascii)),
    ] {
        insta::assert_snapshot!(format!("logs-{name}"), dump::full(&Desk::new().draw(&look, (80, 24))));
    }
}

/// Every state of the view worth a look, by name.
pub(crate) fn places() -> Vec<(&'static str, Desk)> {
    let mut web = filtered("service:play");
    web.log(Log::Web);
    let mut sources = Desk::new();
    sources.log(Log::ListSources);
    let mut wrong = filtered("level>=warn");
    wrong.log(Log::EditFilter);
    wrong.types(Draft::LogFilter, "level>=warn status>=5oo path:/api/*");
    let mut stage = filtered("level>=warn | count by host");
    stage.stage = Some(by_host());
    stage.publish();
    let mut empty = Desk::bare();
    empty.open();
    let mut silent = Desk::bare();
    silent.source(
        "play-access",
        "file",
        "/var/log/nginx/access.log",
        (Some("Play"), Some("play-01")),
        "nginx-combined",
    );
    silent.open();
    let mut unfolded = Desk::new();
    find(&mut unfolded, "SQLSTATE");
    unfolded.log(Log::Unfold);
    let mut patterns = Desk::new();
    patterns.act(&[Action::FocusPane(3), Action::Move(Motion::Top)]);
    let mut histogram = Desk::new();
    histogram.act(&[Action::FocusPane(1)]);
    for _ in 0..12 {
        histogram.log(Log::EarlierBar);
    }
    vec![
        ("logs", {
            let mut desk = Desk::new();
            desk.log(Log::PreviousError);
            desk
        }),
        ("logs-web", web),
        ("logs-sources", sources),
        ("logs-wrong", wrong),
        ("logs-count", stage),
        ("logs-no-line", silent),
        ("logs-no-source", empty),
        ("logs-no-match", filtered("service:nobody")),
        ("logs-unfolded", unfolded),
        ("logs-patterns-new", patterns),
        ("logs-histogram", histogram),
    ]
}

#[test]
fn every_state_of_the_view() {
    for (name, mut desk) in places().into_iter().skip(1) {
        insta::assert_snapshot!(format!("{name}-120x36"), dump::full(&desk.draw(&dark(), (120, 36))));
        insta::assert_snapshot!(format!("{name}-80x24"), dump::text(&desk.draw(&dark(), (80, 24))));
    }
}
