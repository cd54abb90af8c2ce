//! The log view as a person has it: what keys do to the filter, the place and the record, and what is drawn of it.
use proptest::prelude::*;
use quarterdeck::{
    config::theme::{ColourDepth, Theme},
    core::{
        Effect, Msg,
        action::{Action, Motion},
        logs::{Ask, Level, LogAction as Log, Nanos},
        screen::{Draft, Overlay, Tone},
        time::{MINUTE, SECOND},
    },
    ui::{Look, glyphs::Glyphs},
};
use ratatui::buffer::Buffer;

use crate::{
    dump,
    loglines::{DEPLOY, Desk, MAIL, TOKEN, by_host, hostile},
    night::AT,
};

fn look(theme: &str, depth: ColourDepth, glyphs: Glyphs) -> Look {
    Look::new(Theme::built_in(theme).unwrap(), depth, glyphs)
}

fn dark() -> Look {
    look("dark", ColourDepth::True, Glyphs::Unicode)
}

fn chips(desk: &Desk) -> Vec<(&str, bool)> {
    desk.state().logs.chips.iter().map(|chip| (chip.text.as_str(), chip.on)).collect()
}

fn filtered(text: &str) -> Desk {
    let mut desk = Desk::new();
    desk.log(Log::EditFilter);
    desk.types(Draft::LogFilter, text);
    desk.act(&[Action::Confirm]);
    desk
}

/// Goes to the newest line that holds a text.
fn find(desk: &mut Desk, text: &str) {
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
    assert_eq!(desk.shown().total(), 343 + 1 + 62 + 150 + 1 + 9 + 1 + 6 + 1 + 1);
    assert_eq!(desk.shown().matched(), desk.shown().total());
}

#[test]
fn a_filter_acts_while_it_is_typed_and_a_wrong_one_loses_nothing() {
    let mut desk = Desk::new();
    let all = desk.shown().matched();
    desk.log(Log::EditFilter);
    desk.types(Draft::LogFilter, "level>=error");
    let errors = desk.shown().matched();
    assert!(errors > 60 && errors < all, "{errors}");
    assert_eq!(chips(&desk), [("level>=error", true)]);
    // Half a term on the way to another: the last filter that was one stays.
    desk.types(Draft::LogFilter, "level>=error service:(");
    let wrong = desk.state().logs.wrong.clone().unwrap();
    assert!(!wrong.says.is_empty() && wrong.from >= 13 && wrong.to <= 22, "{wrong:?}");
    assert_eq!((desk.shown().matched(), chips(&desk)), (errors, vec![("level>=error", true)]));
    desk.act(&[Action::Confirm]);
    assert_eq!(desk.said(), (Tone::Error, wrong.says));
    assert_eq!(desk.state().screen.overlay, Some(Overlay::Log(Draft::LogFilter)), "what was typed can be mended");
    assert_eq!(desk.state().screen.draft(Draft::LogFilter), "level>=error service:(");
    // As before, before a letter was typed.
    desk.act(&[Action::GoBack]);
    assert_eq!((desk.shown().matched(), chips(&desk), desk.state().logs.wrong.is_none()), (all, vec![], true));
    assert_eq!(desk.state().screen.overlay, None);
}

#[test]
fn changes_of_the_filter_are_taken_back_one_by_one() {
    let mut desk = filtered("level>=error");
    let errors = desk.shown().matched();
    desk.log(Log::EditFilter);
    desk.types(Draft::LogFilter, "level>=error service:play | count by host");
    desk.act(&[Action::Confirm]);
    assert_eq!(desk.state().logs.stage, "count by host");
    assert_eq!(chips(&desk), [("level>=error", true), ("service:play", true)]);
    desk.log(Log::Undo);
    assert_eq!((chips(&desk), desk.state().logs.stage.as_str()), (vec![("level>=error", true)], ""));
    assert_eq!(desk.shown().matched(), errors);
    desk.log(Log::Undo);
    assert_eq!(desk.shown().matched(), desk.shown().total());
    desk.log(Log::Undo);
    assert_eq!(desk.said(), (Tone::Info, "no change of the filter to take back".into()));
}

#[test]
fn a_term_is_turned_off_and_on_and_rests_meanwhile() {
    let mut desk = filtered("level>=error service:play");
    let both = desk.shown().matched();
    desk.log(Log::ListFilters);
    desk.act(&[Action::Confirm]);
    assert_eq!(chips(&desk), [("level>=error", false), ("service:play", true)]);
    let one = desk.shown().matched();
    assert!(one > both);
    // It is not lost while the others are edited.
    desk.act(&[Action::GoBack]);
    desk.log(Log::EditFilter);
    assert_eq!(desk.state().screen.draft(Draft::LogFilter), "service:play");
    desk.types(Draft::LogFilter, "service:play status:504");
    desk.act(&[Action::Confirm]);
    assert_eq!(chips(&desk), [("service:play", true), ("status:504", true), ("level>=error", false)]);
    desk.log(Log::ListFilters);
    desk.act(&[Action::Move(Motion::Down), Action::Move(Motion::Down), Action::Confirm]);
    assert_eq!(chips(&desk)[2], ("level>=error", true));
}

#[test]
fn a_fields_value_is_kept_or_left_out() {
    let mut desk = Desk::new();
    desk.act(&[Action::Move(Motion::Up)]);
    let service = desk.shown().value_of("service").unwrap().to_owned();
    desk.act(&[Action::FocusPane(4), Action::Move(Motion::Top)]);
    desk.log(Log::Keep);
    assert_eq!(chips(&desk), [(format!("service:{service}").as_str(), true)]);
    let kept = desk.shown().matched();
    desk.log(Log::Undo);
    desk.log(Log::Exclude);
    assert_eq!(chips(&desk), [(format!("-service:{service}").as_str(), true)]);
    assert_eq!(kept + desk.shown().matched(), desk.shown().total());
}

#[test]
fn a_pattern_is_kept_or_left_out() {
    let mut desk = Desk::new();
    desk.act(&[Action::FocusPane(3), Action::Move(Motion::Top)]);
    let first = desk.shown().patterns[0].clone();
    assert!(first.new && first.level == Level::Error, "{first:?}");
    desk.log(Log::Keep);
    // A line of the console's own passes every filter: no gap is missed.
    assert_eq!(desk.shown().matched(), first.count + 1, "{:?}", chips(&desk));
    desk.log(Log::Undo);
    desk.log(Log::Exclude);
    assert_eq!(desk.shown().matched(), desk.shown().total() - first.count, "{:?}", chips(&desk));
}

#[test]
fn what_is_new_and_what_stopped_is_told_against_a_line_of_one_s_choice() {
    let mut desk = Desk::new();
    let has = |desk: &Desk, what: &str, of: fn(&quarterdeck::core::logs::shown::Pattern) -> bool| {
        desk.shown().patterns.iter().any(|pattern| pattern.template.contains(what) && of(pattern))
    };
    assert!(has(&desk, "upstream timed out", |pattern| pattern.new));
    assert!(has(&desk, "segment store answered", |pattern| pattern.gone), "{:#?}", desk.shown().patterns);
    // Against a moment before all of it nothing stopped; the same key ends it.
    desk.act(&[Action::FocusPane(2), Action::Move(Motion::Up)]);
    desk.log(Log::NewSinceHere);
    assert_eq!(desk.state().logs.query.baseline, Some(desk.cursor().time));
    assert!(!has(&desk, "upstream timed out", |pattern| pattern.new));
    desk.log(Log::NewSinceHere);
    assert_eq!(desk.state().logs.query.baseline, None);
}

#[test]
fn hops_stop_where_they_say_and_say_when_there_is_nothing_more() {
    let mut desk = Desk::new();
    for _ in 0..3 {
        desk.log(Log::PreviousError);
        assert!(desk.level() >= Level::Error);
    }
    let at = desk.cursor();
    desk.log(Log::PreviousWarning);
    assert!(desk.level() == Level::Warn && desk.cursor() < at);
    desk.act(&[Action::Move(Motion::Top)]);
    let first = desk.cursor();
    for (action, says) in [
        (Log::PreviousError, "before this line there is no error"),
        (Log::PreviousWarning, "before this line there is no warning"),
        (Log::PreviousHit, "before this line there is no hit: nothing is searched for"),
        (Log::PreviousMark, "before this line there is no mark"),
        (Log::NextMark, "after this line there is no mark"),
    ] {
        desk.log(action);
        assert_eq!((desk.said(), desk.cursor()), ((Tone::Info, says.to_owned()), first));
    }
    desk.log(Log::NextError);
    assert!(desk.level() >= Level::Error && desk.cursor() > first);
    desk.log(Log::Mark);
    let mark = desk.cursor();
    desk.act(&[Action::Move(Motion::Bottom)]);
    desk.log(Log::PreviousMark);
    assert_eq!(desk.cursor(), mark);
    desk.log(Log::Mark);
    assert!(desk.state().logs.marks.is_empty());
}

#[test]
fn hits_are_gone_through_and_a_wrong_search_is_said() {
    let mut desk = Desk::new();
    find(&mut desk, "invoice 88");
    let newest = desk.cursor();
    desk.log(Log::PreviousHit);
    assert!(desk.line().contains("invoice 88") && desk.cursor() < newest);
    desk.log(Log::NextHit);
    assert_eq!(desk.cursor(), newest);
    desk.log(Log::NextHit);
    assert_eq!(desk.said().1, "after this line there is no hit");
    // Searching is no filter.
    assert_eq!(desk.shown().matched(), desk.shown().total());
    desk.log(Log::Search);
    desk.types(Draft::LogSearch, "/in[voice/");
    assert!(desk.state().logs.wrong.is_some());
    desk.act(&[Action::GoBack]);
    assert_eq!((desk.state().logs.search.as_str(), desk.state().logs.wrong.is_none()), ("", true));
}

#[test]
fn following_stops_on_the_way_up_and_counts_what_is_new() {
    let mut desk = Desk::new();
    desk.act(&[Action::Move(Motion::Up)]);
    let at = desk.cursor();
    assert!(!desk.state().logs.follows);
    let line = |n: i64| {
        format!("{{\"level\":30,\"time\":{},\"pid\":17,\"hostname\":\"api-01\",\"msg\":\"more\"}}\n", AT.0 + n)
    };
    let lines: String = (0..3).map(line).collect();
    desk.reads(quarterdeck::core::logs::SourceId(2), lines.into_bytes(), None);
    desk.publish();
    assert_eq!(desk.cursor(), at, "nobody is moved");
    let text = dump::text(&desk.draw(&dark(), (120, 36)));
    assert!(text.contains("paused +3 new"), "{text}");
    desk.log(Log::Follow);
    assert_eq!(desk.cursor(), desk.shown().last().unwrap());
    assert!(dump::text(&desk.draw(&dark(), (120, 36))).contains("● following"));
    desk.log(Log::Follow);
    assert!(!desk.state().logs.follows);
    desk.act(&[Action::Move(Motion::Bottom)]);
    assert!(desk.state().logs.follows);
}

#[test]
fn context_shows_all_lines_around_one_and_keeps_the_filter() {
    let mut desk = filtered("service:billing");
    desk.act(&[Action::Move(Motion::Up)]);
    let (at, matched) = (desk.cursor(), desk.shown().matched());
    desk.log(Log::Context);
    assert_eq!((desk.cursor(), chips(&desk)), (at, vec![("service:billing", true)]));
    let text = dump::text(&desk.draw(&dark(), (120, 36)));
    assert!(text.contains("context, filter kept") && text.contains("request completed"), "{text}");
    desk.act(&[Action::Move(Motion::Up)]);
    assert!(!desk.line().contains("invoice"), "steps go over all lines: {}", desk.line());
    desk.log(Log::Context);
    assert_eq!(desk.shown().matched(), matched);
    assert!(!dump::text(&desk.draw(&dark(), (120, 36))).contains("request completed"));
}

#[test]
fn what_is_copied_is_redacted() {
    let clean = |text: &str| assert!(!text.contains(TOKEN) && !text.contains(MAIL), "{text}");
    let mut desk = Desk::new();
    find(&mut desk, "/play/start");
    desk.act(&[Action::CopyLine]);
    assert!(desk.copied().contains("/play/start") && desk.copied().lines().count() == 1);
    clean(&desk.copied());
    // A range, whichever way.
    desk.log(Log::Range);
    assert_eq!(desk.said().1, "range begins here: move, then y copies it");
    desk.act(&[Action::Move(Motion::Up), Action::Move(Motion::Up), Action::CopyLine]);
    assert_eq!(desk.copied().lines().count(), 3);
    clean(&desk.copied());
    assert_eq!(desk.state().logs.range, None);
    // A field.
    find(&mut desk, "/play/start");
    desk.act(&[Action::FocusPane(4), Action::Move(Motion::Top)]);
    for _ in 0..desk.shown().record.len() {
        desk.act(&[Action::CopyLine]);
        clean(&desk.copied());
        desk.act(&[Action::Move(Motion::Down)]);
    }
    // Marked lines, with what they were filtered by.
    desk.act(&[Action::FocusPane(2)]);
    desk.log(Log::Mark);
    find(&mut desk, "login refused");
    desk.log(Log::Mark);
    desk.log(Log::CopyBundle);
    let bundle = desk.copied();
    assert!(bundle.starts_with("filter: none\nlines: 2\nmasked: ") && bundle.contains("login refused"), "{bundle}");
    clean(&bundle);
}

#[test]
fn a_secret_value_does_not_become_a_term_that_everybody_reads() {
    let mut desk = Desk::new();
    find(&mut desk, "login refused");
    desk.act(&[Action::FocusPane(4), Action::Move(Motion::Top)]);
    for _ in 0..desk.shown().record.len() {
        desk.log(Log::Keep);
        let text = dump::text(&desk.draw(&dark(), (200, 50)));
        assert!(!text.contains(TOKEN) && !text.contains(MAIL), "{text}");
        desk.log(Log::Undo);
        desk.act(&[Action::Move(Motion::Down)]);
    }
}

#[test]
fn a_time_is_gone_to_in_each_of_its_forms() {
    let mut desk = Desk::new();
    let mut at = |text: &str| {
        desk.log(Log::GoToTime);
        desk.types(Draft::LogTime, text);
        desk.act(&[Action::Confirm]);
        desk.cursor().time
    };
    let near = |at: Nanos, wanted| {
        let off = at.timestamp().since(wanted);
        assert!((0..20 * SECOND).contains(&off), "{off}");
    };
    near(at("-10m"), AT - 10 * MINUTE);
    near(at("02:58"), DEPLOY - MINUTE - 41 * SECOND);
    near(at("2026-11-20 03:02:41"), AT - 10 * MINUTE);
    let onset = at("@onset");
    assert!(onset.timestamp() > DEPLOY && onset.timestamp() < AT);
    let before = desk.cursor();
    desk.log(Log::GoToTime);
    desk.types(Draft::LogTime, "yesterdayish");
    desk.act(&[Action::Confirm]);
    assert!(desk.said().0 == Tone::Error && desk.said().1.starts_with("not a time"), "{:?}", desk.said());
    desk.act(&[Action::GoBack]);
    assert_eq!(desk.cursor(), before);
    // Before all that is here: older lines are asked for.
    desk.effects.clear();
    desk.log(Log::GoToTime);
    desk.types(Draft::LogTime, "01:00");
    desk.act(&[Action::Confirm]);
    assert_eq!(Some(desk.cursor()), desk.shown().first());
    assert!(desk.effects.iter().any(|effect| matches!(effect, Effect::Logs(Ask::Earlier))));
}

#[test]
fn the_histogram_zooms_around_the_line_and_back_and_jumps_by_bars() {
    let mut desk = Desk::new();
    let whole = desk.shown().span();
    let wide = |desk: &Desk| desk.shown().span().1.0 - desk.shown().span().0.0;
    let full = wide(&desk);
    desk.act(&[Action::Move(Motion::Up)]);
    desk.log(Log::EarlierBar);
    let bar = desk.state().logs.bar.unwrap();
    desk.log(Log::EarlierBar);
    assert_eq!(desk.state().logs.bar, Some(bar - 1));
    let drawn = desk.draw(&dark(), (120, 36));
    assert_eq!(desk.shown().bars(), usize::from(desk.state().logs.query.bars));
    assert!(dump::text(&drawn).contains('▲'));
    desk.log(Log::ZoomIn);
    assert!(wide(&desk) <= full / 2 + 2, "{} of {full}", wide(&desk));
    let (from, to) = desk.shown().span();
    assert!((from..=to).contains(&desk.cursor().time));
    for _ in 0..4 {
        desk.log(Log::ZoomOut);
    }
    assert_eq!(desk.shown().span(), whole);
    assert_eq!(desk.said().1, "the histogram spans all lines that are here");
    // Far in, it never becomes nothing.
    for _ in 0..60 {
        desk.log(Log::ZoomIn);
    }
    assert!(wide(&desk) > 0);
}

#[test]
fn long_lines_are_moved_sideways_and_broken() {
    let mut desk = Desk::new();
    find(&mut desk, "long 0123456789");
    let shows = |desk: &mut Desk, text: &str| dump::text(&desk.draw(&dark(), (120, 36))).contains(text);
    assert!(shows(&mut desk, "long 0123"));
    desk.act(&[Action::Move(Motion::Right)]);
    assert!(desk.state().logs.sideways > 0 && shows(&mut desk, "MESSAGE ‹"));
    desk.act(&[Action::Move(Motion::Left)]);
    assert_eq!(desk.state().logs.sideways, 0);
    desk.log(Log::Wrap);
    let text = dump::text(&desk.draw(&dark(), (120, 36)));
    assert!(text.matches("0123456789abcdef").count() > 20, "{text}");
}

#[test]
fn a_trace_is_folded_and_unfolds() {
    let mut desk = Desk::new();
    find(&mut desk, "SQLSTATE");
    let text = dump::text(&desk.draw(&dark(), (120, 36)));
    assert!(text.contains("lines ▸") && !text.contains("Invoices.php(128)"), "{text}");
    desk.log(Log::Unfold);
    assert!(dump::text(&desk.draw(&dark(), (120, 36))).contains("Invoices.php(128)"));
    desk.log(Log::Unfold);
    assert!(!dump::text(&desk.draw(&dark(), (120, 36))).contains("Invoices.php(128)"));
    // JSON is written with a line for each entry.
    find(&mut desk, "upstream answered");
    desk.log(Log::Unfold);
    assert!(dump::text(&desk.draw(&dark(), (120, 36))).contains("\"statusCode\": 504"));
}

#[test]
fn a_request_is_followed_across_lines() {
    let mut desk = filtered("service:api");
    find(&mut desk, "request completed");
    let id = desk.shown().field_of(desk.cursor(), "request_id").unwrap();
    let at = desk.cursor();
    desk.log(Log::PreviousOfRequest);
    assert!(desk.cursor() < at && desk.line().contains(&id), "{} {}", desk.line(), desk.said().1);
    desk.log(Log::NextOfRequest);
    assert_eq!(desk.cursor(), at);
}

#[test]
fn a_record_is_revealed_alone_and_on_record() {
    let mut desk = Desk::new();
    find(&mut desk, "login refused");
    let shows = |desk: &mut Desk| dump::text(&desk.draw(&dark(), (200, 50))).contains(MAIL);
    assert!(!shows(&mut desk) && desk.audits().is_empty());
    desk.log(Log::Reveal);
    assert!(shows(&mut desk));
    assert_eq!(desk.audits(), ["log.revealed api-out"]);
    desk.act(&[Action::Move(Motion::Up), Action::Move(Motion::Down)]);
    assert!(!shows(&mut desk), "it is masked again once one has left it");
}

#[test]
fn a_hidden_source_is_left_out_until_it_is_shown_again() {
    let mut desk = Desk::new();
    let all = desk.shown().matched();
    desk.log(Log::ListSources);
    desk.act(&[Action::Confirm]);
    assert_eq!(desk.shown().matched(), all - 344);
    desk.act(&[Action::Confirm]);
    assert_eq!(desk.shown().matched(), all);
}

#[test]
fn the_web_view_shows_the_same_lines_and_history_leads_into_it() {
    let mut desk = filtered("service:play");
    desk.log(Log::Web);
    assert!(desk.shown().web.is_some());
    desk.act(&[Action::FocusPane(2), Action::Move(Motion::Top)]);
    desk.log(Log::Exclude);
    assert_eq!(chips(&desk)[1], ("-path:/play/manifest.m3u8", true));
    desk.log(Log::Web);
    assert!(desk.shown().web.is_none());
    for (key, there) in [(Action::LastView, true), (Action::HistoryBack, false), (Action::HistoryForward, true)] {
        desk.act(&[key]);
        assert_eq!(desk.shown().web.is_some(), there, "{key:?}");
    }
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
