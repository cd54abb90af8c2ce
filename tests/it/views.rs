//! Every view at every size: text and style, and what must hold whatever is drawn.
use quarterdeck::{
    config::{
        keymap::Keymap,
        theme::{ColourDepth, Theme},
    },
    core::action::Action,
    ui::{self, Look, Screen, glyphs::Glyphs},
};
use ratatui::{
    buffer::{Buffer, Cell},
    layout::Rect,
    style::{Color, Modifier},
};

use crate::{
    dump,
    night::Night,
    places::places,
    rollout::{self, Rollout},
};

/// Draws a screen on a buffer of this size.
fn paint(screen: &Screen, look: &Look, (wide, high): (u16, u16)) -> Buffer {
    let area = Rect::new(0, 0, wide, high);
    let mut buffer = Buffer::empty(area);
    ui::paint(screen, look, &mut buffer, area);
    buffer
}

/// Draws the state of a night as the program does.
pub(crate) fn draw(night: &Night, look: &Look, size: (u16, u16)) -> Buffer {
    paint(&read(night), look, size)
}

fn read(night: &Night) -> Screen {
    ui::reading::screen(&night.state, &Keymap::default(), night.now)
}

fn look(theme: &str, depth: ColourDepth, glyphs: Glyphs) -> Look {
    Look::new(Theme::built_in(theme).unwrap(), depth, glyphs)
}

fn dark() -> Look {
    look("dark", ColourDepth::True, Glyphs::Unicode)
}

#[test]
fn the_overview_at_every_size() {
    for size in [(60, 18), (80, 24), (100, 30), (120, 36), (200, 50), (40, 10)] {
        let buffer = draw(&Night::new(), &dark(), size);
        insta::assert_snapshot!(format!("overview-{}x{}", size.0, size.1), dump::full(&buffer));
    }
}

#[test]
fn the_overview_in_every_look() {
    for (name, look) in [
        ("light", look("light", ColourDepth::True, Glyphs::Unicode)),
        ("cb", look("cb", ColourDepth::True, Glyphs::Unicode)),
        ("mono", look("mono", ColourDepth::True, Glyphs::Unicode)),
        ("ascii", look("dark", ColourDepth::Mono, Glyphs::Ascii)),
        ("sixteen", look("dark", ColourDepth::Ansi16, Glyphs::Unicode)),
    ] {
        insta::assert_snapshot!(format!("overview-{name}"), dump::full(&draw(&Night::new(), &look, (80, 24))));
    }
}

#[test]
fn every_view_and_every_box() {
    for (name, night) in places() {
        if name == "overview" {
            continue;
        }
        insta::assert_snapshot!(format!("{name}-120x36"), dump::full(&draw(&night, &dark(), (120, 36))));
        for (wide, high) in [(60, 18), (80, 24)] {
            insta::assert_snapshot!(format!("{name}-{wide}x{high}"), dump::text(&draw(&night, &dark(), (wide, high))));
        }
    }
}

#[test]
fn no_size_is_too_small_or_too_large() {
    for (_, night) in places() {
        let screen = read(&night);
        for wide in (0..8).chain([19, 39, 59, 60, 79, 81, 99, 101, 119, 121, 199]) {
            for high in (0..6).chain([9, 17, 18, 23, 25, 36, 60]) {
                paint(&screen, &dark(), (wide, high));
            }
        }
    }
}

#[test]
fn ascii_means_ascii() {
    let look = look("dark", ColourDepth::Mono, Glyphs::Ascii);
    for (name, night) in places() {
        for size in [(80, 24), (120, 36), (200, 50)] {
            let text = dump::text(&draw(&night, &look, size));
            let odd: String = text.chars().filter(|c| !c.is_ascii()).collect();
            assert!(odd.is_empty(), "{name}: {odd}");
        }
    }
}

#[test]
fn without_colour_no_cell_has_one() {
    let look = look("mono", ColourDepth::True, Glyphs::Unicode);
    for (name, night) in places() {
        let buffer = draw(&night, &look, (120, 36));
        assert!(buffer.content.iter().all(|cell| cell.fg == Color::Reset && cell.bg == Color::Reset), "{name}");
    }
}

#[test]
fn every_character_is_one_column_wide() {
    use unicode_width::UnicodeWidthStr;
    for (name, night) in places() {
        for cell in &draw(&night, &dark(), (120, 36)).content {
            assert_eq!(cell.symbol().width(), 1, "{name}: {:?}", cell.symbol());
        }
    }
}

#[test]
fn one_frame_is_heavy_and_a_change_in_production_is_double() {
    let corners = |night: &Night, corner: &str| {
        draw(night, &dark(), (120, 36)).content.iter().filter(|cell| cell.symbol() == corner).count()
    };
    assert_eq!(corners(&Night::new(), "┏"), 1);
    assert_eq!(corners(&Night::new().review(), "╔"), 1);
    assert_eq!(corners(&Night::new().run(), "╔"), 1);
}

#[test]
fn under_a_box_nothing_is_bright_but_lines_0_and_1() {
    let buffer = draw(&Night::new().review(), &dark(), (120, 36));
    for x in 0..15 {
        for y in 2..35 {
            assert!(!buffer[(x, y)].modifier.contains(Modifier::BOLD), "{x} {y}");
        }
    }
    assert!(dump::text(&buffer).contains("03:12:42Z"));
}

#[test]
fn enter_is_struck_until_the_name_matches() {
    let struck = |typed: &str| {
        let mut night = Night::new().review();
        night.types(quarterdeck::core::screen::Draft::Name, typed);
        let buffer = draw(&night, &dark(), (120, 36));
        let struck = buffer.content.iter().filter(|cell| cell.modifier.contains(Modifier::CROSSED_OUT));
        struck.map(Cell::symbol).collect::<String>()
    };
    assert_eq!([struck("").trim(), struck("Pla").trim(), struck("Play").trim()], ["restart", "restart", ""]);
}

#[test]
fn a_passphrase_is_only_so_many_dots() {
    let (_, night) = places().into_iter().find(|(name, _)| *name == "passphrase").unwrap();
    assert!(dump::text(&draw(&night, &dark(), (120, 36))).contains("•••••"));
}

#[test]
fn stale_values_are_question_marks_and_only_the_age_is_loud() {
    let text = dump::text(&draw(&Night::new(), &dark(), (120, 36)));
    let line = text.lines().find(|line| line.contains("cloud-01")).unwrap();
    assert!(line.matches('?').count() >= 5 && line.contains("4m!"), "{line}");
}

#[test]
fn what_is_due_next_to_an_open_p1_stands_on_every_screen() {
    use Action::{
        GoAlerts, GoAudit, GoFindings, GoHandover, GoHosts, GoIncidents, GoLogs, GoMaintenance, GoMessages, GoOutbox,
        GoOverview, GoRuns, OpenSelected,
    };
    let line = |night: &Night, wide| dump::text(&draw(night, &dark(), (wide, 24))).lines().nth(1).unwrap().to_owned();
    let mut night = Night::new();
    let views = [
        GoOverview,
        OpenSelected,
        GoHosts,
        OpenSelected,
        GoAlerts,
        GoIncidents,
        OpenSelected,
        GoHandover,
        GoRuns,
        GoLogs,
        GoOutbox,
        GoAudit,
        GoFindings,
        GoMaintenance,
        GoMessages,
    ];
    for action in views {
        night.act(&[action]);
        assert!(
            line(&night, 120).ends_with("first update 4m left  P1 00:11:40  |"),
            "{action:?}: {}",
            line(&night, 120)
        );
        assert!(line(&night, 80).ends_with("update in 4m  P1 11:40  |"), "{action:?}: {}", line(&night, 80));
        // Where there is no room for it, it is said once it is late.
        assert!(line(&night, 60).ends_with("  P1 11:40  |"), "{action:?}: {}", line(&night, 60));
    }
    night.pass(300);
    for action in views {
        night.act(&[action]);
        for (wide, says) in [(120, "first update 1m over  P1 00:16:40  |"), (80, "update 1m over  P1 16:40  |")] {
            assert!(line(&night, wide).ends_with(says), "{action:?}: {}", line(&night, wide));
        }
        assert!(line(&night, 60).ends_with("update 1m over  P1 16:40  |"), "{action:?}: {}", line(&night, 60));
    }
}

#[test]
fn all_of_a_lost_host_ages_and_says_why() {
    let hosts = [Action::GoHosts, Action::OpenSelected];
    let mut night = Night::new();
    night.act(&hosts);
    night.lose("play-01");
    // Lost a moment ago: every number still stands there with its age, none as if it were new.
    night.pass(20);
    let text = dump::text(&draw(&night, &dark(), (120, 36)));
    assert!(text.contains("not reached since") && text.contains("timeout: no answer behind jump"), "{text}");
    assert!(text.contains("next try in") || text.contains("trying again"), "{text}");
    assert_eq!(text.matches(" 20s! ─").count() + text.matches(" 20s! ━").count(), 5, "{text}");
    assert!(text.contains("412M") && text.contains("errored 20s!") && text.contains("93%"), "{text}");
    // Past the limit no number is left.
    night.pass(40);
    let text = dump::text(&draw(&night, &dark(), (120, 36)));
    assert!(!text.contains("412M") && !text.contains("93%") && !text.contains("errored"), "{text}");
    assert_eq!(text.matches("too old").count(), 5, "{text}");
    night.act(&[Action::GoHosts]);
    let text = dump::text(&draw(&night, &dark(), (80, 24)));
    assert!(text.contains("play-01 not reached since"), "{text}");
}

#[test]
fn hostile_text_never_becomes_control() {
    let mut screen = read(&Night::new());
    let ui::View::Overview(overview) = &mut screen.view else { unreachable!() };
    overview.services[0].name = "a\u{1b}[2J\u{7}\u{202e}b\tc".into();
    overview.alerts[0].rule = "\u{9b}31m日本語\r\n".into();
    let buffer = paint(&screen, &dark(), (120, 36));
    assert!(buffer.content.iter().all(|cell| !cell.symbol().chars().any(|c| c.is_control() || c == '\u{202e}')));
}

#[test]
fn the_facts_say_where_the_rows_stand() {
    let area = Rect::new(0, 0, 120, 36);
    let mut buffer = Buffer::empty(area);
    let facts = ui::paint(&read(&Night::new()), &dark(), &mut buffer, area);
    let digits: Vec<u8> = facts.panes.iter().map(|pane| pane.digit).collect();
    assert_eq!(digits, [1, 2, 3, 4, 5]);
    let services = facts.panes[0];
    let row: String = (0..120).map(|x| buffer[(x, services.rows_at)].symbol()).collect();
    assert!(row.contains("Play") && services.room >= 8, "{row} {services:?}");
}

/// What stands on the screen without its frames, blanks and line ends made one.
fn words(night: &Night, size: (u16, u16)) -> String {
    let text = dump::text(&draw(night, &dark(), size));
    let plain: String = text.chars().map(|c| if "│┃║|".contains(c) { ' ' } else { c }).collect();
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

const SIZES: [(u16, u16); 4] = [(60, 18), (80, 24), (120, 36), (200, 50)];

#[test]
fn how_to_find_out_and_the_verdict_are_never_cut() {
    let unknown = Rollout::unknown().night();
    let failed = Rollout::proved(false).night();
    for size in SIZES {
        let text = words(&unknown, size);
        assert!(text.contains("by hand: ssh play-02 cat .quarterdeck/runs/8f21c0aa9d31/journal"), "{size:?} {text}");
        assert!(text.contains("? UNKNOWN reload: nobody knows"), "{size:?} {text}");
        if size.0 < 100 {
            let text = words(&failed, size);
            assert!(text.contains("errors 8.4 % → 7.9 % (≤ 2.0 %); 3 new patterns of errors"), "{size:?} {text}");
        }
    }
}

#[test]
fn of_twenty_hosts_those_that_failed_or_are_slow_come_first() {
    let night = Rollout::live(20).night();
    for size in SIZES {
        let text = words(&night, size);
        let at = |part: &str| text.find(part).unwrap_or_else(|| panic!("{part} at {size:?}: {text}"));
        assert!(at("✗ FAILED reload: exit 1") < at("● RUNNING reload"), "{size:?} {text}");
    }
}

#[test]
fn enter_shows_one_hosts_output_and_esc_that_of_all() {
    let mut night = Rollout::live(6).night();
    let of = |night: &Night| {
        let text = words(night, (120, 36));
        (text.contains("Process or Namespace play not found"), text.contains("Applying action reloadProcessId"))
    };
    assert_eq!(of(&night), (true, true));
    // The cursor is on the host that failed.
    night.act(&[Action::OpenSelected]);
    assert_eq!(of(&night), (true, false));
    night.act(&[Action::Move(quarterdeck::core::action::Motion::Down), Action::OpenSelected]);
    assert_eq!(of(&night), (false, true));
    assert!(words(&night, (120, 36)).contains("2 Output play-02"));
    night.act(&[Action::OpenSelected]);
    assert_eq!(of(&night), (true, true));
    night.act(&[Action::OpenSelected, Action::GoBack]);
    assert_eq!(of(&night), (true, true), "Esc leaves the one host first");
    assert!(matches!(night.state.screen.view, quarterdeck::core::screen::View::Run(_)));
}

#[test]
fn a_review_that_does_not_fit_is_read_to_its_end_before_it_is_confirmed() {
    use quarterdeck::core::{action::Motion, screen::Draft};
    let all = [
        "v2.31.0 → v2.30.4",
        "no open request is cut: each host is drained",
        "play-03 has 1.2 GiB free",
        "frozen until 2026-11-23 06:00",
        "sets aside what is held, with a reason",
        "ana or leo (responder or more)",
    ];
    for size in SIZES {
        let mut night = rollout::second();
        night.types(Draft::Name, "Play");
        let mut seen = String::new();
        let mut pages = 0;
        loop {
            let area = Rect::new(0, 0, size.0, size.1);
            let mut buffer = Buffer::empty(area);
            let facts = ui::draw(&night.state, &Keymap::default(), &dark(), night.now, None, &mut buffer);
            let (text, cut) = (words(&night, size), facts.cut);
            seen.push_str(&text);
            for part in ["Type the service name to go on", "Esc cancel"] {
                assert!(text.contains(part), "{size:?}: {part}: {text}");
            }
            night.tell(quarterdeck::core::Msg::LaidOut(facts));
            if !cut {
                break;
            }
            night.tell(quarterdeck::core::Msg::Acted(Action::Confirm));
            let refused = night.state.runs.review.as_ref().and_then(|review| review.refused.clone());
            assert!(refused.is_some_and(|why| why.contains("read on to its end")), "{size:?}");
            night.tell(quarterdeck::core::Msg::Acted(Action::Move(Motion::PageDown)));
            pages += 1;
            assert!(pages < 12, "it ends at {size:?}: {text}");
        }
        let missing: Vec<&str> = all.into_iter().filter(|part| !seen.contains(part)).collect();
        assert!(missing.is_empty(), "{size:?}: {missing:?} {seen}");
        // What is missing now takes a row: what was read to its end stays so.
        for _ in 0..2 {
            night.tell(quarterdeck::core::Msg::Acted(Action::Confirm));
            let refused = night.state.runs.review.as_ref().and_then(|review| review.refused.clone()).unwrap();
            assert!(!refused.contains("read on"), "{size:?}: {refused}");
            for _ in 0..2 {
                let mut buffer = Buffer::empty(Rect::new(0, 0, size.0, size.1));
                let facts = ui::draw(&night.state, &Keymap::default(), &dark(), night.now, None, &mut buffer);
                night.tell(quarterdeck::core::Msg::LaidOut(facts));
            }
            assert!(!words(&night, size).contains("to be read before"), "{size:?} {}", words(&night, size));
        }
        assert!(pages == 0 || size.1 < 36, "there is room for it at {size:?}");
    }
}

#[test]
fn of_two_sets_review_and_run_say_which_serves_and_where_each_balancer_leads() {
    let says = |night: &Night, all: &[&str]| {
        let text = words(night, (120, 36));
        let missing: Vec<&&str> = all.iter().filter(|part| !text.contains(**part)).collect();
        assert!(missing.is_empty(), "{missing:?} {text}");
    };
    let lines = ["(green while blue serves, then play-03,", "blue serves and runs v2.31.0; green runs v2.30.4"];
    says(&rollout::sets_review(), &lines);
    let told = ["play-03 leads to green; play-04 leads to blue", "play-02 green", "play-03 balancer", "lead to green"];
    says(&Rollout::led().night(), &told);
}
