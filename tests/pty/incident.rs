//! An incident of the demo's fleet from its first signal to what is owed at its end, by its keys alone.
use std::path::Path;

use crate::pty::{Terminal, command, qd};

/// Starts the demo and opens the incident of what breaks in it, and its page: two keys.
pub(crate) fn opened(home: &Path) -> Terminal {
    let mut terminal = Terminal::start(command(&qd(), home, &["demo"]), 120, 36);
    // The key is for what the cursor is on: another may be the first of the list until all have answered.
    terminal.until("play is down", |text| text.contains("▸ ✗ play@prod    DOWN"));
    terminal.keys("i");
    terminal.shows("opened: play@prod down");
    terminal.keys("i");
    terminal.shows("3 CLASSIFY");
    terminal
}

#[test]
fn an_incident_is_led_from_the_first_signal_to_what_is_owed() {
    let home = tempfile::tempdir().unwrap();
    let mut terminal = opened(home.path());
    terminal.keys("c");
    terminal.shows("acknowledge ✓");

    // What is missing is said, and a word lets it go on: this is a P1.
    terminal.keys(">");
    terminal.shows("missing: type chosen");
    terminal.keys("\x1b");
    terminal.until("the box is closed", |text| !text.contains("missing: type chosen"));
    terminal.keys("C\x1b[Znobody can start a stream\r");
    terminal.shows("✓ impact said");
    terminal.keys(">");
    terminal.shows("4 DIAGNOSE");

    // The release that came before is the first that is suspected, once its host has told of it.
    terminal.keys("d");
    terminal.until("the release first", |text| {
        text.lines().any(|line| line.contains("▸1") && line.contains("deploy") && line.contains("2.31.1"))
    });
    terminal.keys("\r");
    terminal.keys("\x1b");
    terminal.shows("4 DIAGNOSE");
    terminal.keys("h2.31.1 exhausts the pool; test: go back\r");
    terminal.shows("H1 2.31.1 exhausts the pool");
    terminal.keys("@-5m\r");
    terminal.until("the onset is said", |text| text.contains("says so") && text.contains("✓ suspect chosen"));
    terminal.keys(">");
    terminal.shows("5 ACT");

    // The whole screen is kept, as it stands there.
    terminal.keys("\x0b");
    terminal.shows("the screen is kept as evidence");
    terminal.shows("a screen of the console");

    terminal.keys("B");
    terminal.shows("Roll play back to 2.31.0");
    terminal.keys("\x1bOSplay\tbad release");
    terminal.shows("2 s to cancel with Esc");
    terminal.keys("\r");
    terminal.shows("recovered");
    terminal.keys("\x1b");
    terminal.shows("6 VALIDATE");

    // It has not been well for long: that can be owed, and is.
    terminal.keys(">users are well\r");
    terminal.shows("7 DOCUMENT");
    for text in ["it leaks connections", "watch the pool", "alert on its size"] {
        terminal.keys("E");
        terminal.shows("what only you know");
        terminal.keys(&format!("{text}\r"));
        terminal.until("the box is closed", |text| !text.contains("what only you know"));
    }
    // A key pressed before the last of them is saved would be told that it is missing too.
    terminal.until("all three are written", |text| text.contains("✓ follow-ups written"));
    terminal.keys(">");
    terminal.shows("missing: well for long enough");
    // All of it goes with the demo: that is asked first.
    terminal.keys("\x03");
    terminal.shows("The demo ends with this");
    terminal.keys("\x1b");
    terminal.until("it goes on", |text| !text.contains("The demo ends"));
    terminal.keys("\x03");
    terminal.shows("The demo ends with this");
    terminal.keys("y");
    terminal.ended().clean();
}
