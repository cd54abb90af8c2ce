//! What a page names opens the console there: `qd INC-1`.
use crate::{documents::Desk, pty::Terminal};

#[test]
fn the_command_of_a_page_opens_the_console_at_its_incident() {
    let desk = Desk::new();
    for (name, columns, rows) in [("INC-1", 80, 24), ("inc-1", 120, 36), ("inc1", 80, 24)] {
        let mut terminal = Terminal::start(desk.command(&[name]), columns, rows);
        terminal.until("the incident", |text| text.contains("CLASSIFY") && text.contains("shop@prod down"));
        // Back is the overview, as if one had come from there.
        terminal.keys("\u{1b}");
        terminal.shows("1 Services");
        terminal.keys("q");
        assert_eq!(terminal.ended().code, 0);
    }
}

#[test]
fn an_incident_that_is_not_there_is_answered_with_the_nearest() {
    let desk = Desk::new();
    for (words, says) in [
        (&["INC-9"][..], &["no incident `INC-9`", "the nearest is INC-1", "shop@prod down"][..]),
        (&["inc-9"], &["no incident `INC-9`"]),
        (&["INC-1", "status"], &["takes no command", "qd incidents INC-1"]),
        (&["INC"], &["unrecognized subcommand 'INC'"]),
        (&["INC-1", "--json"], &["has no --json"]),
    ] {
        let ended = Terminal::start(desk.command(words), 100, 30).ended();
        assert_eq!(ended.code, 2, "{words:?}: {}", ended.text);
        assert!(says.iter().all(|says| ended.text.contains(says)), "{words:?}: {}", ended.text);
    }
}
