//! What keys do to the filter: typed, taken back, terms at rest, values and patterns kept and left out.
use quarterdeck::core::{
    Effect,
    action::{Action, Motion},
    logs::{Ask, Level, LogAction as Log},
    screen::{Draft, LogList, Overlay, Tone},
    time::SECOND,
};

use crate::{
    dump,
    log_view::{chips, dark, filtered},
    loglines::{Desk, TOKEN},
    night::AT,
};

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
    // A line of the console's own passes every filter, so that no gap is missed; it is counted by none.
    assert_eq!(desk.shown().matched(), first.count, "{:?}", chips(&desk));
    assert_eq!((desk.shown().matches.total, desk.shown().matches.notices), (first.count + 1, 1));
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
fn what_the_console_says_of_a_source_is_seen_and_is_no_line_of_it() {
    let mut desk = filtered("\"no line says this\"");
    assert_eq!((desk.shown().matched(), desk.shown().total() > 500), (0, true));
    let text = dump::text(&desk.draw(&dark(), (120, 36)));
    assert!(text.contains("passes the filter. Backspace takes its last change back"), "{text}");
    assert!(text.contains("cloud-out on cloud-01: not read since 03:08:41"), "the gap is seen: {text}");
    // Copied it is a remark; nobody counts it, and no search stops at it.
    desk.act(&[Action::Move(Motion::Up), Action::CopyLine]);
    assert!(desk.copied().starts_with("# cloud-out on cloud-01"), "{}", desk.copied());
    desk.log(Log::CopyBundle);
    assert!(desk.copied().contains("lines: 0\n"), "{}", desk.copied());
    desk.log(Log::Search);
    desk.types(Draft::LogSearch, "\"not read since\"");
    desk.act(&[Action::Confirm]);
    assert_eq!(desk.shown().hit(None), Some((0, 0)));
}

#[test]
fn a_search_says_which_hit_of_how_many_one_is_on() {
    let mut desk = filtered("service:billing");
    desk.log(Log::Search);
    desk.types(Draft::LogSearch, "invoice");
    desk.act(&[Action::Confirm]);
    let (nth, all) = desk.shown().hit(Some(desk.cursor())).unwrap();
    assert!(nth == all && all > 3, "{nth} of {all}");
    desk.log(Log::PreviousHit);
    assert_eq!(desk.shown().hit(Some(desk.cursor())), Some((all - 1, all)));
    let text = dump::text(&desk.draw(&dark(), (80, 24)));
    assert!(text.contains(&format!("/invoice {} of {all}", all - 1)), "{text}");
}

#[test]
fn a_source_without_a_service_is_found_by_the_name_that_its_column_shows() {
    let mut desk = Desk::bare();
    let bare = desk.source("odd-log", "file", "/var/log/odd", (None, None), "plain");
    let named = desk.source("play-out", "file", "/var/log/play", (Some("play"), Some("play-01")), "plain");
    let json = desk.source("mixed", "file", "/var/log/mixed", (None, None), "json");
    let lines = |text: &str| vec![text.as_bytes().to_vec(); 3];
    desk.raw(bare, &lines("a line of nobody"), AT - 60 * SECOND);
    desk.raw(named, &lines("a line of play"), AT - 50 * SECOND);
    desk.raw(json, &lines("{\"service\":\"cart\",\"host\":\"web-07\",\"msg\":\"own names\"}"), AT - 40 * SECOND);
    desk.open();
    let text = dump::text(&desk.draw(&dark(), (120, 36)));
    for (shown, term, count) in [
        ("odd-log", "service:odd-log", 3),
        ("play", "service:play", 3),
        ("cart", "service:cart", 3),
        ("web-07", "host:web-07", 3),
        ("play-01", "host:play-01", 3),
        ("odd-log", "-service:odd-log", 6),
        ("odd-log", "service:*", 9),
        ("web-07", "-host:*", 3),
    ] {
        assert!(text.contains(&format!(" {shown} ")), "{shown}: {text}");
        desk.log(Log::EditFilter);
        desk.types(Draft::LogFilter, term);
        desk.act(&[Action::Confirm]);
        assert_eq!(desk.shown().matched(), count, "{term}");
    }
}

#[test]
fn patterns_are_counted_under_the_filter_and_name_all_their_services() {
    let mut desk = Desk::bare();
    let source = |desk: &mut Desk, name: &str, service| {
        desk.source(name, "file", "/var/log/x", (Some(service), Some("play-01")), "plain")
    };
    let (play, cart) = (source(&mut desk, "play-out", "play"), source(&mut desk, "cart-out", "cart"));
    let lines = |count: usize| vec![b"the pool is exhausted, nothing is free".to_vec(); count];
    desk.raw(play, &lines(5), AT - 60 * SECOND);
    desk.raw(cart, &lines(2), AT - 50 * SECOND);
    desk.raw(cart, &[b"a cart was forgotten by its owner".to_vec()], AT - 40 * SECOND);
    desk.open();
    let listed = |desk: &Desk| -> Vec<(u64, String)> {
        desk.shown().patterns.iter().map(|pattern| (pattern.count, pattern.service.clone())).collect()
    };
    assert_eq!(listed(&desk), [(7, "play +1".into()), (1, "cart".into())]);
    desk.log(Log::EditFilter);
    desk.types(Draft::LogFilter, "service:cart");
    desk.act(&[Action::Confirm]);
    assert_eq!(listed(&desk), [(2, "cart".into()), (1, "cart".into())]);
    assert_eq!(desk.shown().patterns[0].trend.iter().sum::<u64>(), 2);
    let text = dump::text(&desk.draw(&dark(), (120, 36)));
    assert!(text.contains("Patterns of the filter, new since"), "{text}");
}

#[test]
fn a_secret_that_was_typed_is_masked_and_never_saved() {
    let mut desk = filtered(&format!("\"Authorization: Bearer {TOKEN}\" service:play"));
    let clean = |desk: &mut Desk| {
        let text = dump::text(&desk.draw(&dark(), (200, 50)));
        assert!(!text.contains(TOKEN) && text.contains("service:play"), "{text}");
    };
    clean(&mut desk);
    desk.log(Log::ListFilters);
    clean(&mut desk);
    desk.act(&[Action::GoBack]);
    desk.log(Log::SaveSession);
    desk.types(Draft::LogSession, "mine");
    desk.effects.clear();
    desk.act(&[Action::Confirm]);
    let (tone, said) = desk.said();
    assert!(tone == Tone::Error && said.starts_with("not saved: ") && !said.contains(TOKEN), "{said}");
    assert!(!desk.effects.iter().any(|effect| matches!(effect, Effect::Logs(Ask::Save { .. }))));
    assert!(desk.state().logs.saved.is_empty());
}

#[test]
fn a_line_without_a_level_is_not_known_to_be_an_error_and_stays() {
    let mut desk = Desk::new();
    let mut count = |term: &str| {
        desk.log(Log::EditFilter);
        desk.types(Draft::LogFilter, term);
        desk.act(&[Action::Confirm]);
        desk.shown().matched()
    };
    let (all, unknown) = (count(""), count("level:unknown"));
    assert!(unknown > 0);
    assert_eq!(count("level:error") + count("level!=error"), all);
    assert_eq!(count("level>=trace") + unknown, all);
    assert_eq!(count("level<=fatal") + unknown, all);
}

#[test]
fn a_term_has_a_name_that_is_kept_and_taken_back() {
    let mut desk = filtered("level>=error service:play");
    let name = |desk: &mut Desk, name: &str| {
        desk.act(&[Action::RenameTerm]);
        assert_eq!(desk.state().screen.overlay, Some(Overlay::Log(Draft::LogName)));
        desk.types(Draft::LogName, name);
        desk.act(&[Action::Confirm]);
        assert_eq!(desk.state().screen.overlay, Some(Overlay::LogList(LogList::Filters)));
    };
    desk.log(Log::ListFilters);
    name(&mut desk, "what broke");
    let text = |desk: &mut Desk| dump::text(&desk.draw(&dark(), (120, 36)));
    let drawn = text(&mut desk);
    assert!(drawn.contains("what broke    level>=error") && drawn.contains("r name"), "{drawn}");
    // The filter is as it was, and stays named while it is edited and at rest.
    assert_eq!(chips(&desk), [("level>=error", true), ("service:play", true)]);
    desk.act(&[Action::Confirm, Action::Confirm, Action::GoBack]);
    desk.log(Log::EditFilter);
    assert_eq!(desk.state().screen.draft(Draft::LogFilter), "level>=error service:play");
    desk.types(Draft::LogFilter, "level>=error status:504");
    desk.act(&[Action::Confirm]);
    let drawn = text(&mut desk);
    assert!(drawn.contains("● what broke ") && drawn.contains("● status:504 "), "{drawn}");
    // Given up it is as before; what is taken back is the name alone.
    desk.log(Log::ListFilters);
    desk.act(&[Action::RenameTerm]);
    desk.types(Draft::LogName, "else");
    desk.act(&[Action::GoBack]);
    assert_eq!(desk.state().logs.chips[0].name, "what broke");
    name(&mut desk, "");
    desk.act(&[Action::GoBack]);
    assert!(text(&mut desk).contains("● level>=error "));
    desk.log(Log::Undo);
    assert!(text(&mut desk).contains("● what broke "));
}

#[test]
fn a_session_brings_back_how_and_where_one_looked() {
    let mut desk = filtered("service:billing");
    desk.act(&[Action::Move(Motion::Up), Action::Move(Motion::Up)]);
    desk.log(Log::TurnClock);
    desk.log(Log::TurnClock);
    let (at, clock) = (desk.cursor(), desk.state().logs.clock);
    desk.log(Log::SaveSession);
    desk.types(Draft::LogSession, "bills");
    desk.act(&[Action::Confirm]);
    let saved = desk.effects.iter().find_map(|effect| match effect {
        Effect::Logs(Ask::Save { name, session }) => Some((name.clone(), session.clock, session.at)),
        _ => None,
    });
    assert_eq!(saved, Some(("bills".into(), clock, Some(at.time))));
    desk.log(Log::Undo);
    desk.log(Log::TurnClock);
    desk.log(Log::Follow);
    assert!(desk.state().logs.follows && desk.state().logs.clock != clock && chips(&desk).is_empty());
    desk.log(Log::ListFilters);
    desk.act(&[Action::Confirm]);
    assert_eq!((desk.cursor(), desk.state().logs.clock), (at, clock));
    assert_eq!(chips(&desk), [("service:billing", true)]);
}
