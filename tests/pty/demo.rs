//! `qd demo` at both sizes: it is useful at once, keys do what they say, and a storm of sizes leaves a whole frame.
use crate::pty::{Terminal, command, qd};

fn demo(columns: u16, rows: u16) -> (Terminal, tempfile::TempDir) {
    let home = tempfile::tempdir().unwrap();
    (Terminal::start(command(&qd(), home.path(), &["demo"]), columns, rows), home)
}

fn walk(columns: u16, rows: u16) {
    let (mut terminal, home) = demo(columns, rows);
    // Useful: it says that it is made up, what is watched, and how it has been.
    let first = terminal.until("services with their days", |text| {
        text.contains("DEMO") && text.contains("play") && text.contains("Services") && text.contains('%')
    });
    assert!(first.lines().all(|line| line.chars().count() <= usize::from(columns)));
    terminal.until("live hosts", |text| text.contains("UP") || text.contains('●'));

    terminal.keys("?");
    terminal.shows("the day before");
    terminal.keys("\x1b");
    terminal.until("help is closed", |text| text.contains("Services"));

    for (key, view) in [("\x1bOS", "Hosts"), ("\x1b[15~", "Alerts"), ("\x1bOR", "Services")] {
        terminal.keys(key);
        terminal.shows(view);
    }
    // Keys that do nothing here do no harm.
    terminal.keys("Z\x02\x1b[99~é%");
    terminal.keys(":");
    terminal.shows("what to do, or where to go");
    terminal.keys("go-hosts\r");
    terminal.shows("1 Hosts");
    terminal.keys("\x1bOR");
    terminal.shows("Services");
    // What its scanner found is made up, and says so.
    terminal.keys("Q");
    terminal.until("findings", |text| text.contains("Findings") && text.contains("DEMO: "));
    terminal.keys("\x1bOR");
    terminal.shows("Services");
    // The row is copied by the terminal itself, and what was done is said.
    terminal.keys("y");
    terminal.shows("by OSC 52");
    let written = terminal.written();
    let sequence = written.windows(7).any(|bytes| bytes == b"\x1b]52;c;");
    assert!(sequence, "the terminal was told");
    terminal.keys("\x03");
    terminal.ended().clean();
    let left: Vec<_> = std::fs::read_dir(home.path()).unwrap().flatten().map(|entry| entry.path()).collect();
    assert!(left.is_empty(), "the demo leaves something behind: {left:?}");
}

#[test]
fn the_demo_at_80_by_24() {
    walk(80, 24);
}

#[test]
fn the_demo_at_120_by_36() {
    walk(120, 36);
}
