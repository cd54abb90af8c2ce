//! A section of an incident's document: in the person's own editor, and typed here by a console that is killed in the middle.
use std::{fs, net::TcpListener, os::unix::fs::PermissionsExt as _, path::PathBuf};

use portable_pty::CommandBuilder;
use quarterdeck::{
    core::{
        alerts::Severity,
        id::Uid,
        incidents::{IncidentEvent, IncidentEventKind},
        record::Row,
        time::Timestamp,
    },
    store::{Options, Sqlite, Store as _},
};
use tempfile::TempDir;

use crate::pty::{Terminal, command, eventually, qd};

/// A store with an incident whose document nobody wrote.
pub(super) struct Desk {
    home: TempDir,
    config: PathBuf,
    _listener: TcpListener,
}

impl Desk {
    pub(super) fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let (store, config) = (home.path().join("qd.db"), home.path().join("qd.toml"));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let text = format!(
            "version = 1\nenvironment = [{{ name = \"prod\", kind = \"production\" }}]\n[store]\npath = {store:?}\n[[service]]\n\
             name = \"shop\"\n[service.in.prod]\nchecks = [{{ name = \"port\", type = \"tcp\", address = \"{}\" }}]\n",
            listener.local_addr().unwrap()
        );
        fs::write(&config, text).unwrap();
        let opened = IncidentEventKind::Opened {
            title: "shop@prod down".into(),
            severity: Severity::P1,
            service: Some("shop@prod".parse().unwrap()),
        };
        let at = Timestamp(1_795_000_000_000);
        let event = IncidentEvent { incident: Uid([7; 6]), at, by: "ana".into(), kind: opened };
        Sqlite::open(&store, &Options::default()).unwrap().commit(&[Row::Incident(event)], None).unwrap();
        Self { home, config, _listener: listener }
    }

    fn console(&self) -> CommandBuilder {
        self.command(&[])
    }

    pub(super) fn command(&self, words: &[&str]) -> CommandBuilder {
        command(&qd(), self.home.path(), &[&["--config", self.config.to_str().unwrap()], words].concat())
    }

    /// Says whether a file of the state's folder holds a text.
    fn holds_a_draft(&self, text: &str) -> bool {
        let drafts = self.home.path().join(".local/state/quarterdeck/drafts");
        let files = fs::read_dir(drafts).into_iter().flatten().flatten();
        files.into_iter().any(|file| fs::read_to_string(file.path()).is_ok_and(|of| of.contains(text)))
    }
}

/// Goes to the section on the root cause.
fn at_the_root_cause(console: CommandBuilder) -> Terminal {
    let mut terminal = Terminal::start(console, 100, 30);
    terminal.shows("INC-1");
    terminal.keys("i");
    terminal.shows("3 CLASSIFY");
    terminal.keys("P");
    terminal.shows("root cause");
    // Seconds go on by themselves: only the marked row says that a key has arrived.
    let marked = |text: &str| text.lines().find(|line| line.contains('▸')).unwrap_or_default().to_owned();
    terminal.keys("gg");
    terminal.until("the first section", |text| marked(text).contains("1 summary"));
    for section in ["2 impact", "3 timeline", "4 times", "5 actions", "6 proof", "7 evidence", "8 root cause"] {
        terminal.keys("j");
        terminal.until(section, |text| marked(text).contains(section));
    }
    terminal
}

#[test]
fn a_section_is_written_in_the_persons_own_editor_and_the_console_comes_back() {
    let desk = Desk::new();
    let editor = desk.home.path().join("editor");
    // It has the terminal: it prints there, and reads a line as it is typed.
    fs::write(&editor, "#!/bin/sh\necho 'THE EDITOR HAS IT'\nread -r line\nprintf '%s\\n' \"$line\" > \"$1\"\n")
        .unwrap();
    fs::set_permissions(&editor, fs::Permissions::from_mode(0o700)).unwrap();
    let mut console = desk.console();
    console.env("EDITOR", &editor);
    let mut terminal = at_the_root_cause(console);
    terminal.keys("e");
    terminal.shows("THE EDITOR HAS IT");
    // What are keys of the console are letters here.
    terminal.keys("q: the pool leaks\r");
    terminal.until("the console is back, and it is written", |text| text.contains("✓  8 root cause 4 words"));
    terminal.keys("\x03");
    terminal.ended().clean();

    // One that fails saves nothing, and says so.
    let mut console = desk.console();
    console.env("EDITOR", "false");
    let mut terminal = at_the_root_cause(console);
    terminal.keys("e");
    terminal.until("why", |text| text.contains("nothing is saved") && text.contains("✓  8 root cause 4 words"));
    terminal.keys("\x03");
    terminal.ended().clean();
}

#[test]
fn what_was_typed_is_there_after_the_console_was_killed() {
    let desk = Desk::new();
    let mut terminal = at_the_root_cause(desk.console());
    terminal.keys("\r");
    terminal.shows("INC-1: root cause");
    terminal.keys("the pool leaks when\rthe bank is slow");
    eventually("the draft is on disk", || desk.holds_a_draft("the bank is slow"));
    terminal.signal("KILL");
    drop(terminal);

    let mut terminal = at_the_root_cause(desk.console());
    terminal.keys("\r");
    terminal.until("what was typed", |text| {
        text.contains("the pool leaks when") && text.contains("the bank is slow") && text.contains("not saved")
    });
    terminal.keys("\x0f");
    terminal.until("it is written", |text| text.contains("✓  8 root cause 8 words"));
    eventually("the draft is let go of", || !desk.holds_a_draft("the bank is slow"));
    terminal.keys("\x03");
    terminal.ended().clean();
}
