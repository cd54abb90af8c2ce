//! A recorded incident is played back by the command and from the console, and the store is as it was.
use std::{collections::BTreeMap, fs, path::PathBuf};

use portable_pty::CommandBuilder;
use quarterdeck::{
    core::{
        alerts::Severity,
        id::Uid,
        incidents::{IncidentEvent, IncidentEventKind},
        record::Row,
        time::{MINUTE, Timestamp},
    },
    store::{Options, Sqlite, Store as _},
};
use tempfile::TempDir;

use crate::pty::{Terminal, command, qd};

/// 2026-11-18 02:26:40 UTC.
const AT: Timestamp = Timestamp(1_795_000_000_000);

/// A store in a folder of its own, with an incident that is over.
struct Desk {
    home: TempDir,
    config: PathBuf,
}

impl Desk {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let (folder, config) = (home.path().join("store"), home.path().join("qd.toml"));
        fs::create_dir(&folder).unwrap();
        let store = folder.join("qd.db");
        let text = format!(
            "version = 1\nenvironment = [{{ name = \"prod\", kind = \"production\" }}]\n[store]\npath = {store:?}\n[[service]]\n\
             name = \"shop\"\n[service.in.prod]\nchecks = [{{ name = \"port\", type = \"tcp\", address = \"127.0.0.1:1\" }}]\n"
        );
        fs::write(&config, text).unwrap();
        let opened = IncidentEventKind::Opened {
            title: "shop@prod down".into(),
            severity: Severity::P1,
            service: Some("shop@prod".parse().unwrap()),
        };
        let night = [
            (0, opened),
            (2, IncidentEventKind::Acknowledged),
            (4, IncidentEventKind::Note { text: "the pool is empty".into() }),
            (6, IncidentEventKind::Note { text: "we go back".into() }),
            (10, IncidentEventKind::Resolved { summary: "green again".into() }),
        ];
        let mut opened = Sqlite::open(&store, &Options::default()).unwrap();
        for (minute, kind) in night {
            let event = IncidentEvent { incident: Uid([7; 6]), at: AT + minute * MINUTE, by: "ana".into(), kind };
            opened.commit(&[Row::Incident(event)], None).unwrap();
        }
        drop(opened);
        Self { home, config }
    }

    fn command(&self, args: &[&str]) -> CommandBuilder {
        command(&qd(), self.home.path(), &[&["--config", self.config.to_str().unwrap()], args].concat())
    }

    /// Every file of the store's folder.
    fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let files = fs::read_dir(self.home.path().join("store")).unwrap().map(|file| file.unwrap().path());
        files.map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), fs::read(&path).unwrap())).collect()
    }
}

#[test]
fn a_replay_goes_forth_and_back_to_a_moment_and_faster_and_leaves_the_store_as_it_was() {
    let desk = Desk::new();
    let before = desk.files();
    let mut terminal = Terminal::start(desk.command(&["replay", "INC-1", "--speed", "2", "--at", "+5m"]), 120, 36);
    // Two of its five entries had happened by then; it stands while it is looked at.
    terminal.shows("REPLAY ×2 2/5");
    terminal.keys(" ");
    terminal.shows("REPLAY PAUSED");
    terminal.keys(".");
    terminal.shows(" 3/5");
    terminal.keys(",,");
    terminal.shows(" 1/5");
    // What cannot be, and what is nothing.
    terminal.keys("@");
    terminal.shows("+10m");
    terminal.keys("yesterday\r");
    terminal.until("why not", |text| text.matches("yesterday").count() > 1);
    terminal.keys("\u{1b}");
    terminal.until("no box", |text| !text.contains("yesterday"));
    terminal.keys("@");
    terminal.shows("+10m");
    terminal.keys("@end\r");
    terminal.shows(" 5/5");
    for wrong in ["R", "a", "W", "n", "r", "Z", "i", "M", "+"] {
        terminal.keys(wrong);
    }
    terminal.keys("\u{1b}");
    terminal.resize(80, 24);
    terminal.shows(" 5/5");
    terminal.keys("\u{3}");
    let ended = terminal.ended();
    assert_eq!((ended.code, ended.signal.as_deref()), (0, None), "{}", ended.text);
    ended.clean();
    assert_eq!(desk.files().keys().collect::<Vec<_>>(), before.keys().collect::<Vec<_>>());
    assert!(desk.files() == before, "the store's files are as they were");
}

#[test]
fn a_replay_of_a_demo_says_that_it_is_made_up() {
    let desk = Desk::new();
    for (more, says) in [(&["--demo"][..], true), (&[], false)] {
        let mut terminal = Terminal::start(desk.command(&[&["replay", "INC-1"], more].concat()), 80, 24);
        let text = terminal.until("the replay", |text| text.contains("REPLAY"));
        assert_eq!(text.contains("DEMO"), says, "{text}");
        terminal.keys("\u{3}");
        terminal.ended().clean();
    }
}

#[test]
fn what_cannot_be_played_back_is_said_with_what_can() {
    let desk = Desk::new();
    for (args, says) in [
        (&["replay", "INC-9"][..], "INC-1"),
        (&["replay", "INC-1", "--at", "soon"], "--at"),
        (&["replay", "INC-1", "--speed", "0"], "--speed"),
    ] {
        let ended = Terminal::start(desk.command(args), 100, 30).ended();
        assert_eq!(ended.code, 2, "{args:?}: {}", ended.text);
        assert!(ended.text.contains(says), "{args:?}: {}", ended.text);
    }
}

#[test]
fn the_console_hands_the_terminal_to_a_replay_and_comes_back_to_now() {
    let desk = Desk::new();
    let mut terminal = Terminal::start(desk.command(&[]), 120, 36);
    terminal.shows("1 Services");
    // From the palette, by the incident's name.
    terminal.keys(":replay INC-1");
    terminal.shows("qd replay INC-1");
    terminal.keys("\r");
    terminal.shows("REPLAY");
    terminal.keys("@");
    terminal.shows("+10m");
    terminal.keys("@end\r");
    // How many entries there are by then is up to the alert that fires there now.
    terminal.shows("REPLAY END");
    terminal.keys("q");
    terminal.until("back from it", |text| text.contains("back from the replay of INC-1") && !text.contains("REPLAY"));
    // From the list, and from the incident's page.
    terminal.keys(":go-incidents\r");
    terminal.shows("1 Incidents");
    for place in ["1 Incidents", "Timeline"] {
        terminal.keys("v");
        terminal.shows("REPLAY");
        terminal.keys("\u{3}");
        terminal.until("where it was left", |text| text.contains(place) && !text.contains("REPLAY"));
        if place == "1 Incidents" {
            terminal.keys("\r");
            terminal.shows("Timeline");
        }
    }
    terminal.keys("\u{3}");
    terminal.ended().clean();
}

#[test]
fn an_incident_of_the_demo_is_played_back_from_its_page_and_goes_on_afterwards() {
    let home = tempfile::tempdir().unwrap();
    let mut terminal = crate::incident::opened(home.path());
    terminal.keys("v");
    terminal.until("the replay of what is made up", |text| text.contains("REPLAY") && text.contains("DEMO"));
    // What would change something is refused there, and the time can be stopped.
    terminal.keys(" ");
    terminal.until("it stands", |text| text.contains("REPLAY PAUSED") || text.contains("REPLAY END"));
    // Keys wait for the frame of the new size: crossterm leaves one that comes with the resize itself until the next is pressed.
    terminal.resize(100, 30);
    terminal.until("its frame", |text| text.lines().any(|line| line.chars().count() == 100 && line.ends_with('┓')));
    terminal.keys("c");
    terminal.until("nothing is taken", |text| text.contains("REPLAY") && !text.contains("acknowledge ✓"));
    // By the key that ends it wherever one is: the other closes a view first, and the replay opens the incident's once it is there.
    terminal.keys("\u{3}");
    terminal.until("the incident again", |text| text.contains("3 CLASSIFY") && !text.contains("REPLAY"));
    // The present is there as it was left, and takes what the past refused.
    terminal.keys("c");
    terminal.shows("acknowledge ✓");
    terminal.keys("\u{3}");
    terminal.shows("The demo ends with this");
    terminal.keys("y");
    terminal.ended().clean();
    let left: Vec<_> = fs::read_dir(home.path()).unwrap().flatten().map(|entry| entry.path()).collect();
    assert!(left.is_empty(), "the demo leaves something behind: {left:?}");
}
