//! What keys do to the place and the record: hops, hits, context, times, the histogram, what is copied and revealed.
use std::collections::BTreeSet;

use quarterdeck::core::{
    Effect,
    action::{Action, Motion},
    alerts::Severity,
    id::IncidentId,
    incidents::{
        IncidentAction, IncidentEvent, IncidentEventKind, StoredIncidentEvent, evidence, precedent, similar::Signature,
    },
    logs::{
        Ask, Level, LogAction as Log, Nanos, SourceState,
        shown::{Back, FieldValue},
    },
    record::Row,
    screen::{Draft, Tone, View},
    time::{MINUTE, SECOND},
};
use quarterdeck::ui;

use crate::{
    dump,
    log_view::{chips, dark, filtered, find},
    loglines::{DEPLOY, Desk, MAIL, TOKEN},
    night::AT,
};

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
    assert!(dump::text(&desk.draw(&dark(), (120, 36))).contains("◐ following, 2 of 6 lost"), "two can bring nothing");
    desk.states.drain(..);
    desk.states.resize(6, SourceState::Live);
    desk.publish();
    assert!(dump::text(&desk.draw(&dark(), (120, 36))).contains("● following"));
    let lost = SourceState::Reconnecting { since: AT, attempt: 2, why: "no answer".into() };
    desk.states.fill(lost);
    desk.publish();
    let text = dump::text(&desk.draw(&dark(), (120, 36)));
    assert!(text.contains("✗ not live: 6 of 6 sources lost") && !text.contains("following"), "{text}");
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
    // No further than the longest line's end, and at its beginning again with another filter.
    let to = |desk: &mut Desk, motion| {
        desk.act(&[Action::Move(motion)]);
        desk.draw(&dark(), (120, 36));
        desk.state().logs.sideways
    };
    let first = to(&mut desk, Motion::Right);
    let mut last = first;
    for _ in 0..150 {
        last = to(&mut desk, Motion::Right);
    }
    assert!(shows(&mut desk, "89abcdef012") && (8_000..8_192).contains(&last), "{last}");
    assert_eq!(to(&mut desk, Motion::Right), last);
    assert_eq!(to(&mut desk, Motion::Left), last - first);
    desk.log(Log::EditFilter);
    desk.types(Draft::LogFilter, "service:cloud");
    desk.act(&[Action::Confirm]);
    assert_eq!(desk.state().logs.sideways, 0);
    find(&mut desk, "long 0123456789");
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
fn what_was_not_read_is_no_zero() {
    let mut desk = Desk::new();
    let bars = |desk: &mut Desk| dump::text(&desk.draw(&dark(), (120, 36))).lines().nth(6).unwrap().to_owned();
    assert!(!bars(&mut desk).contains('·'));
    desk.searched.back = Back::Time((AT - 20 * MINUTE).into());
    // One line of long before: between it and what was read nobody knows.
    let line = format!("{{\"level\":30,\"time\":{},\"msg\":\"an old one\"}}\n", (AT - 80 * MINUTE).0);
    desk.reads(quarterdeck::core::logs::SourceId(2), line.into_bytes(), None);
    desk.publish();
    assert!(bars(&mut desk).matches('·').count() > 20, "{}", bars(&mut desk));
    let text = dump::text(&desk.draw(&dark(), (80, 24)));
    assert!(text.contains("all read since 02:52:41"), "{text}");
}

#[test]
fn a_lost_link_is_one_line_for_all_sources_of_its_host() {
    let mut desk = Desk::bare();
    let source = |desk: &mut Desk, name: &str, service, host| {
        desk.source(name, "file", "/var/log/x", (Some(service), Some(host)), "plain")
    };
    let sources = [("play-out", "play", "web-01"), ("cart-out", "cart", "web-01"), ("far-out", "far", "web-02")]
        .map(|(name, service, host)| (source(&mut desk, name, service, host), name, host));
    for (id, name, host) in sources {
        desk.raw(id, &[format!("a line of {name}").into_bytes()], AT - MINUTE);
        desk.notice(id, &format!("{name} on {host}: lost: no answer"), AT - 50 * SECOND);
        let resumed = format!("{name} on {host}: reconnected after 12.0s, resumed at byte {}", name.len() * 100);
        desk.notice(id, &resumed, AT - 38 * SECOND);
    }
    desk.raw(sources[0].0, &[b"the last line".to_vec()], AT - SECOND);
    desk.open();
    let text = |desk: &mut Desk| dump::text(&desk.draw(&dark(), (120, 36)));
    let drawn = text(&mut desk);
    for says in [
        "── web-01: lost: no answer · 2 sources: play-out, cart-out ──",
        "── far-out on web-02: lost: no answer ──",
        "── web-01: reconnected after 12.0s · 2 sources: play-out, cart-out ──",
        "── far-out on web-02: reconnected after 12.0s, resumed at byte 700 ──",
    ] {
        assert!(drawn.contains(&says.replace("──", "─")), "{says}: {drawn}");
    }
    assert!(!drawn.contains("play-out on web-01"), "{drawn}");
    // It is one line to walk over, both ways: the last line, four of the console's own, three lines.
    let walk = |desk: &mut Desk, motion| {
        let mut stops = vec![desk.cursor()];
        loop {
            desk.act(&[Action::Move(motion)]);
            if stops.contains(&desk.cursor()) {
                return stops.len();
            }
            stops.push(desk.cursor());
        }
    };
    assert_eq!(walk(&mut desk, Motion::Up), 8);
    assert_eq!(walk(&mut desk, Motion::Down), 8);
    // Who filters for one service is told of its source alone.
    desk.log(Log::EditFilter);
    desk.types(Draft::LogFilter, "service:cart");
    desk.act(&[Action::Confirm]);
    let drawn = text(&mut desk);
    assert!(drawn.contains("cart-out on web-01: lost: no answer") && !drawn.contains("2 sources"), "{drawn}");
}

#[test]
fn folded_repeats_are_one_line_to_walk_over() {
    let mut desk = Desk::bare();
    let source = desk.source("odd", "file", "/var/log/x", (Some("odd"), Some("web-01")), "plain");
    desk.raw(source, &[b"first of all".to_vec()], AT - 2 * MINUTE);
    desk.raw(source, &vec![b"the pool is exhausted, nothing is free".to_vec(); 40], AT - MINUTE);
    desk.raw(source, &[b"something else happened".to_vec()], AT - SECOND);
    desk.open();
    desk.log(Log::FoldRepeats);
    desk.act(&[Action::Move(Motion::Up)]);
    assert_eq!(desk.line(), "the pool is exhausted, nothing is free");
    assert!(dump::text(&desk.draw(&dark(), (120, 36))).contains("×40 ▸"));
    desk.act(&[Action::Move(Motion::Up)]);
    assert_eq!(desk.line(), "first of all");
    desk.act(&[Action::Move(Motion::Down), Action::Move(Motion::Down)]);
    assert_eq!(desk.line(), "something else happened");
}

#[test]
fn what_came_late_stands_where_it_belongs_and_is_marked() {
    let mut desk = Desk::new();
    find(&mut desk, "upstream answered after its time");
    let text = dump::text(&desk.draw(&dark(), (120, 36)));
    let at = |part: &str| text.lines().position(|line| line.contains(part)).unwrap_or_else(|| panic!("{part}: {text}"));
    let late = at("↑03:11:40.000 W API     api-01   upstream answered after its time");
    assert!(at("03:11:39.000") < late && late < at("03:11:46.000"), "{text}");
    assert_eq!(text.matches('↑').count(), 1, "{text}");
}

#[test]
fn how_far_a_hosts_clock_is_off_is_told_of_its_sources() {
    let mut desk = Desk::new();
    desk.log(Log::ListSources);
    for _ in 0..3 {
        desk.act(&[Action::Move(Motion::Down)]);
    }
    let text = dump::text(&desk.draw(&dark(), (120, 36)));
    assert!(text.contains("clock 1210 ms off"), "{text}");
    assert!(!text.contains("clock 4 ms"), "what nobody can see is not told: {text}");
}

#[test]
fn how_often_a_rule_finds_nothing_is_said_beside_what_it_finds() {
    let mut desk = Desk::bare();
    let source = desk.source("odd", "file", "/var/log/x", (Some("odd"), Some("web-01")), "plain");
    desk.raw(source, &[b"for ana in the shop".to_vec(), b"another".to_vec()], AT - MINUTE);
    let found = |name: &str, missed| FieldValue { name: name.into(), value: "ana".into(), share: Some(0.5), missed };
    desk.derived = vec![found("tenant", Some(0.12)), found("module", Some(0.004)), found("plan", Some(0.0))];
    desk.open();
    desk.act(&[Action::Move(Motion::Up)]);
    desk.publish();
    let text = dump::text(&desk.draw(&dark(), (200, 50)));
    let line = |name: &str| {
        let line = text.lines().find(|line| line.contains(&format!(" {name} ")) && line.contains(" ana "));
        line.unwrap_or_else(|| panic!("{name}: {text}")).to_owned()
    };
    assert!(line("tenant").contains("12% unknown"), "{text}");
    assert!(line("module").contains("<1% unknown"), "seldom is not never: {text}");
    assert!(!line("plan").contains("unknown"), "{text}");
}

#[test]
fn the_title_says_how_many_lines_had_to_go_and_since_when_all_are_here() {
    let mut desk = Desk::limited(3 << 20);
    let source = desk.source("odd", "file", "/var/log/x", (Some("odd"), Some("web-01")), "plain");
    let mut read = 0_u64;
    for part in 0..60 {
        // What does not pack: else it would all fit.
        let noise = |line: u64| {
            let mix = |word: u64| (word ^ word >> 31).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            let word = |at: u64| mix(mix(((part * 100 + line) * 64 + at).wrapping_mul(0x9E37_79B9_7F4A_7C15)));
            (0..64).map(|at| format!("{:016x}", word(at))).collect::<String>().into_bytes()
        };
        let lines: Vec<_> = (0..100).map(noise).collect();
        read += lines.len() as u64;
        desk.raw(source, &lines, AT - 100 * MINUTE + i64::try_from(part).unwrap() * 100 * SECOND);
    }
    desk.open();
    let gone = desk.shown().snapshot.dropped.records;
    assert!(gone > 0 && desk.shown().total() + gone == read, "{gone} of {read}");
    let count = ui::logs::grouped(gone);
    let text = dump::text(&desk.draw(&dark(), (120, 36)));
    assert!(text.contains(&format!("2 Lines {count} older let go")), "{text}");
    desk.searched.back = Back::Time((AT - 20 * MINUTE).into());
    desk.publish();
    let text = dump::text(&desk.draw(&dark(), (120, 36)));
    assert!(text.contains(&format!("2 Lines since 02:52:41, {count} older let go")), "{text}");
}

#[test]
fn an_incident_is_opened_for_a_line_which_is_its_first_evidence() {
    let mut desk = Desk::new();
    let line = desk.line();
    desk.act(&[Action::OpenIncident]);
    let rows = desk
        .effects
        .iter()
        .flat_map(|effect| if let Effect::Commit { rows, .. } = effect { rows.clone() } else { Vec::new() });
    let kinds = rows.filter_map(|row| if let Row::Incident(event) = row { Some(event.kind) } else { None });
    let kinds: Vec<IncidentEventKind> = kinds.collect();
    let [
        IncidentEventKind::Opened { title, .. },
        IncidentEventKind::Pinned { what, body, sha256, .. },
        IncidentEventKind::About { hosts },
    ] = &*kinds
    else {
        panic!("{kinds:#?}")
    };
    assert_eq!(hosts.iter().map(ToString::to_string).collect::<Vec<_>>(), ["play-01"], "where it was read");
    assert!(body.contains(line.trim()), "{body} {line}");
    assert_eq!((what.as_str(), sha256), ("a log line", &evidence::sha256(body)));
    // It is named by what the line says, not by what stands above it.
    let said: String = line.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(60).collect();
    assert!(title.starts_with(&said) && title.chars().count() <= 140, "{title}");
}

/// Keeps the lines that are under the cursor one after the other, in an incident; returns by which patterns it is known.
fn kept(searches: &[&str]) -> BTreeSet<String> {
    let mut desk = Desk::new();
    for text in searches {
        find(&mut desk, text);
        desk.log(Log::Mark);
    }
    desk.act(&[Action::Incident(IncidentAction::Pin)]);
    let rows = desk
        .effects
        .iter()
        .flat_map(|effect| if let Effect::Commit { rows, .. } = effect { rows.clone() } else { Vec::new() });
    let kept = rows.filter_map(|row| if let Row::Incident(event) = row { Some(event) } else { None });
    let mut kept = kept.filter(|event| matches!(event.kind, IncidentEventKind::Pinned { .. }));
    let event = kept.next().unwrap();
    let IncidentEventKind::Pinned { what, .. } = &event.kind else { panic!("{event:?}") };
    assert_eq!(*what, if searches.len() == 1 { "a log line".into() } else { format!("{} log lines", searches.len()) });
    let opened = IncidentEventKind::Opened { title: "it answers late".into(), severity: Severity::P3, service: None };
    let opened = IncidentEvent { kind: opened, ..event.clone() };
    let stored = [opened, event].into_iter().zip(1..);
    let stored = stored.map(|(event, seq)| StoredIncidentEvent { number: IncidentId(1), seq, event });
    Signature::of(&precedent::folded(stored).unwrap(), None).patterns
}

#[test]
fn lines_that_are_kept_make_incidents_alike_by_what_they_say() {
    let (one, other) = (kept(&["login refused"]), kept(&["SQLSTATE", "invoice 88"]));
    assert!(one.len() == 1 && other.len() >= 2, "{one:?} {other:?}");
    assert!(one.is_disjoint(&other), "{one:?} {other:?}");
    let all: Vec<&String> = one.union(&other).collect();
    for own in ["filter", "masked", "api-out", "admin"] {
        assert!(all.iter().all(|pattern| !pattern.contains(own)), "{own}: {all:?}");
    }
    assert_eq!(one, kept(&["login refused"]));
}

#[test]
fn from_an_incident_the_logs_open_where_it_began() {
    let mut desk = Desk::new();
    let incident = *desk.state().incidents.incidents.keys().next().unwrap();
    let zero = desk.state().incidents.incidents[&incident].zero();
    desk.act(&[Action::GoIncidents, Action::OpenSelected]);
    assert_eq!(desk.state().screen.view, View::Incident(incident));
    desk.act(&[Action::OpenLogs]);
    desk.publish();
    assert_eq!(desk.state().screen.view, View::Logs);
    let off = desk.cursor().time.timestamp().since(zero);
    assert!((0..20 * SECOND).contains(&off), "{off}");
    assert_eq!(desk.said().1, "this is where it began");
    // Once there, new lines move nothing.
    desk.act(&[Action::Move(Motion::Down)]);
    let here = desk.cursor();
    desk.publish();
    assert_eq!(desk.cursor(), here);
}
