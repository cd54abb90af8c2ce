//! The log view of the demo's fleet, as somebody on call has it: a filter mended, undone, read around, searched, exported.
use crate::pty::{Terminal, command, qd};

/// Rows of the pane of lines that hold a line, at any width.
fn rows(screen: &str) -> Vec<&str> {
    let is_line = |line: &&str| {
        let mut parts = line.trim_start_matches(['┃', '│', '▸', '★', '↑', ' ']).split(' ');
        let time = parts.next().unwrap_or_default();
        time.len() == 12 && time.matches(':').count() == 2 && parts.next().is_some_and(|level| level.len() <= 1)
    };
    screen.lines().filter(is_line).collect()
}

/// How many lines pass the filter, and of how many.
fn counts(screen: &str) -> Option<(u64, u64)> {
    let line = screen.lines().nth(2)?;
    let (left, right) = line.split_once(" of ")?;
    let number = |word: Option<&str>| word?.replace(',', "").parse().ok();
    Some((number(left.split(' ').next_back())?, number(right.split(' ').next())?))
}

fn settled(screen: &str) -> bool {
    !screen.lines().nth(2).is_some_and(|line| line.contains('…'))
}

fn opened(columns: u16, rows: u16) -> (Terminal, tempfile::TempDir) {
    let home = tempfile::tempdir().unwrap();
    let mut terminal = Terminal::start(command(&qd(), home.path(), &["demo"]), columns, rows);
    terminal.until("the services", |text| text.contains("Services") && text.contains("play"));
    terminal.keys("\x1b[20~");
    terminal.until("lines that are followed", |text| {
        text.contains("● following") && self::rows(text).len() >= 4 && counts(text).is_some_and(|(_, all)| all > 1_000)
    });
    (terminal, home)
}

/// Types a filter in place of the one there is.
fn filter(terminal: &mut Terminal, text: &str) {
    terminal.keys("F");
    terminal.shows("Enter keep");
    terminal.keys(&format!("\x15{text}\r"));
    terminal.until("the filter is kept", |screen| {
        !screen.contains("Enter keep") && settled(screen) && counts(screen).is_some()
    });
}

#[test]
fn a_wrong_filter_is_mended_in_its_line_and_taken_back() {
    let (mut terminal, _home) = opened(80, 24);
    let long = "status>=200 path:/v1/segment/* -path:/health -path:/nothing host:* dur>=0s level>=5oo";
    terminal.keys(&format!("F{long}"));
    // What is typed is seen, and what is wrong with it: on the row of the keys, as there is no room beside it.
    terminal.until("what is wrong and where", |text| {
        text.contains("column 83:") && text.contains("level>=5oo") && !text.contains("Enter keep")
    });
    terminal.keys("\r");
    terminal.keys("x");
    terminal.until("the line is still open", |text| text.contains("5oox") && text.contains("column 83:"));
    terminal.keys(&"\x7f".repeat(4));
    terminal.keys("info\r");
    let text = terminal.until("lines that match alone", |text| {
        let lines = rows(text);
        settled(text)
            && !lines.is_empty()
            && lines.iter().all(|line| line.contains("/v1/segment/"))
            && counts(text).is_some_and(|(some, all)| some > 0 && some < all)
    });
    assert!(text.contains("● status>=200"), "{text}");
    // Its terms are listed, each by itself; one is turned off.
    terminal.keys(",");
    terminal.until("the list of terms", |text| {
        text.contains("Filter terms") && text.contains("-path:/nothing") && text.contains("level>=info")
    });
    terminal.keys("j\r");
    terminal.until("another line beside", |text| rows(text).iter().any(|line| !line.contains("/v1/segment/")));
    terminal.keys("\x1b");
    terminal.until("the list is closed", |text| !text.contains("Filter terms"));
    terminal.keys("\x7f");
    terminal.until("the term acts again", |text| {
        let lines = rows(text);
        settled(text) && !lines.is_empty() && lines.iter().all(|line| line.contains("/v1/segment/"))
    });
    terminal.keys("\x7f");
    terminal.shows("none: all lines");
    terminal.keys("\x03");
    terminal.ended().clean();
}

#[test]
fn following_context_and_search_by_keys_at_three_sizes() {
    let (mut terminal, _home) = opened(120, 36);
    // On the way up it stops and counts; the end follows again.
    terminal.keys("k");
    terminal.until("what is new is counted", |text| text.contains("paused +") && text.contains(" new"));
    let selected = |text: &str| text.lines().find(|line| line.starts_with("┃▸")).map(str::to_owned);
    let before = terminal.until("it stays and more comes", |text| text.contains(" new") && selected(text).is_some());
    let later = terminal.until("more of them", |text| counts(text) > counts(&before) && selected(text).is_some());
    let at: String = selected(&later).unwrap().chars().take(60).collect();
    terminal.until("what one reads stays where it is", |text| {
        counts(text) > counts(&later) && selected(text).is_some_and(|line| line.starts_with(&at))
    });
    terminal.keys("\x1b[F");
    terminal.until("it follows", |text| text.contains("● following") && !text.contains("paused"));

    // Around a line of a filter, all lines, and the filter stays.
    filter(&mut terminal, "service:billing");
    terminal.until("billing alone", |text| rows(text).iter().all(|line| line.contains(" billing ")));
    terminal.keys("kc");
    let text = terminal.until("context", |text| {
        text.contains("context, filter kept") && rows(text).iter().any(|line| !line.contains(" billing "))
    });
    assert!(text.contains("● service:billing"), "{text}");
    terminal.keys("c");
    terminal.until("filtered again", |text| {
        !text.contains("context, filter kept") && rows(text).iter().all(|line| line.contains(" billing "))
    });

    // A search is no filter: its hits are gone through, and counted.
    terminal.keys("\x7f");
    terminal.shows("none: all lines");
    terminal.keys("/");
    terminal.shows("exact text");
    terminal.keys("\"GET /v1/segment\"\r");
    let hit = |text: &str| {
        let place = text.lines().nth(2)?.split_once("segment\" ")?.1;
        place.split_whitespace().next()?.replace(',', "").parse::<u64>().ok()
    };
    let moved = |from: &str, text: &str| {
        let there = selected(text).is_some_and(|line| line.contains("/v1/segment/") && line != from);
        there && hit(text).is_some_and(|nth| nth > 0) && text.contains("paused")
    };
    let first = terminal.until("a hit, and which of how many it is", |text| moved("", text));
    let first = selected(&first).unwrap();
    terminal.keys("N");
    let second = terminal.until("the hit before", |text| moved(&first, text));
    // Lines that came late may stand between the two by now: the next one is another, further on.
    terminal.keys("n");
    let before = selected(&second).unwrap();
    terminal.until("the next again", |text| moved(&before, text));

    for (columns, high) in [(80, 24), (60, 18), (120, 36)] {
        terminal.resize(columns, high);
        let text = terminal.until("a frame of this size", |text| {
            text.lines().count() == usize::from(high)
                && selected(text).is_some_and(|line| line.contains("/v1/segment/"))
                && text.lines().any(|line| line.chars().count() == usize::from(columns))
        });
        assert!(text.lines().all(|line| line.chars().count() <= usize::from(columns)), "{text}");
    }
    terminal.keys("\x1b");
    terminal.until("nothing is searched", |text| text.contains("none: all lines"));
    terminal.keys("q");
    terminal.shows("1 Services");
    terminal.keys("\x03");
    terminal.ended().clean();
}

#[test]
fn what_is_exported_is_what_passes_and_holds_no_secret() {
    let (mut terminal, home) = opened(120, 36);
    filter(&mut terminal, "\"slow query\"");
    let text = terminal.until("the lines", |text| rows(text).iter().any(|line| line.contains("slow query")));
    assert!(!text.contains("@acme.example"), "{text}");
    terminal.keys("kX");
    terminal.until("what became of it", |text| text.contains("written to") && text.contains("masked"));
    terminal.keys("\x03");
    terminal.ended().clean();
    let files: Vec<_> = std::fs::read_dir(home.path()).unwrap().flatten().map(|entry| entry.path()).collect();
    let [file] = files.as_slice() else { panic!("one file, no more: {files:?}") };
    assert!(file.file_name().unwrap().to_str().unwrap().starts_with("qd-logs-"), "{file:?}");
    let text = std::fs::read_to_string(file).unwrap();
    assert!(text.lines().count() > 0 && !text.contains("@acme.example"), "{text}");
    for line in text.lines() {
        let object: serde_json::Value = serde_json::from_str(line).unwrap();
        assert!(object["line"].as_str().unwrap().contains("slow query"), "{line}");
        assert!(object["service"].as_str().unwrap().contains('@') && object["host"].is_string(), "{line}");
    }
}
