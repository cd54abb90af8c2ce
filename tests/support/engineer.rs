//! Somebody on call at a terminal behind a bad link: what is typed is counted, and a night goes in the order in which it goes.
#![allow(dead_code, reason = "the night of the demo and that of real servers are not cut at the same place")]
use std::time::Duration;

use portable_pty::CommandBuilder;
use tokio::time::Instant;

use crate::{
    pty::{Link, Terminal},
    tickets::Kept,
};

/// 64 kbit a second, and 150 ms in each direction.
const LINK: Link = Link { delay: Duration::from_millis(150), bytes_a_second: 8_000 };

/// What the drill promises: keys, and seconds from a cold start, until the incident is somebody's.
const TAKEN: (usize, f64) = (10, 20.0);

const ESC: &str = "\x1b";
const F4: &str = "\x1bOS";
const PAGE_DOWN: &str = "\x1b[6~";
const BACK_TAB: &str = "\x1b[Z";

/// What the document asks a person for.
pub(crate) const WRITTEN: [&str; 3] = ["it leaks connections", "watch the pool", "alert on its size"];

/// What everybody is told meanwhile, and what the team reads besides.
const TOLD: [&str; 2] = ["streams fail to start", "its pool leaks"];

/// Holds that the update is in a ticket once, in the words for the team.
pub(crate) fn is_told_once(ticket: &Kept) {
    let told = ticket.comments.iter().filter(|(_, text)| text.contains(TOLD[0]));
    let texts: Vec<&String> = told.map(|(_, text)| text).collect();
    assert!(matches!(texts[..], [text] if text.contains(TOLD[1])), "once: {ticket:#?}");
}

/// Holds that the seven sections that are made of what happened are filled: each says what it has, and none that it has nothing.
pub(crate) fn is_filled(document: &str) {
    let section = |name: &str| -> Vec<&str> {
        let mut lines = document.lines().skip_while(|line| !(line.starts_with("## ") && line.contains(name)));
        assert!(lines.next().is_some(), "{name}: {document}");
        lines.take_while(|line| !line.starts_with("## ")).filter(|line| !line.trim().is_empty()).collect()
    };
    for (name, says) in [
        ("Summary", "What was done: "),
        ("Impact", "nobody can start a stream"),
        ("Timeline", "| action | "),
        ("Detection", "from when it was seen"),
        ("Actions", ": exit 0"),
        ("Proof", "recovered"),
        ("Evidence", "SHA-256"),
    ] {
        let lines = section(name);
        assert!(lines.iter().any(|line| line.contains(says)), "{name} says {says:?}: {lines:#?}");
    }
    for nothing in ["Nothing was kept", "No run was to prove", "Nothing was run", "nothing from the console"] {
        assert!(!document.contains(nothing), "{nothing}: {document}");
    }
    // What was kept is a line that the service wrote.
    let kept = section("Evidence").join("\n");
    assert!(kept.contains("a log line") && kept.contains("lines: 1"), "{kept}");
}

/// What is wrong that night: a version of a service.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bad {
    pub(crate) service: &'static str,
    pub(crate) env: &'static str,
    pub(crate) version: &'static str,
    pub(crate) before: &'static str,
}

/// Somebody at a terminal: counts what is typed.
pub(crate) struct Engineer {
    pub(crate) terminal: Terminal,
    pub(crate) keys: usize,
    /// Of terminals that were cut off.
    bytes: usize,
    pub(crate) began: Instant,
    bad: Bad,
}

impl Engineer {
    /// Comes to a console in a small terminal.
    pub(crate) fn comes(console: CommandBuilder, bad: Bad) -> Self {
        let terminal = Terminal::over(console, (80, 24), Some(LINK));
        Self { terminal, keys: 0, bytes: 0, began: Instant::now(), bad }
    }

    /// Types keys, each a piece: what a person presses once is one key.
    pub(crate) fn press(&mut self, keys: &[&str]) {
        for key in keys {
            self.terminal.keys(key);
            self.keys += 1;
        }
    }

    pub(crate) fn types(&mut self, text: &str) {
        self.terminal.keys(text);
        self.keys += text.chars().count();
    }

    /// Leaves, and says how many bytes came over the link.
    pub(crate) fn leaves(self) -> usize {
        let ended = self.terminal.ended();
        ended.clean();
        self.bytes + ended.bytes.len()
    }

    /// The link is lost: the terminal is gone, and the console with it. She comes to another one.
    pub(crate) fn is_cut_off(&mut self, console: CommandBuilder) {
        self.bytes += self.terminal.bytes();
        self.terminal = Terminal::over(console, (80, 24), Some(LINK));
    }
}

/// The night, in the order in which it goes.
impl Engineer {
    /// A cold start, and it is hers.
    pub(crate) fn takes_it(&mut self) {
        self.terminal.shows("INC-1");
        self.press(&["i"]);
        self.terminal.shows("3 CLASSIFY");
        self.press(&["c"]);
        self.terminal.until("it is hers", |text| text.contains("acknowledge ✓"));
        let seconds = self.began.elapsed().as_secs_f64();
        println!("acknowledged: {} keys, {seconds:.1} s after a cold start", self.keys);
        assert!(self.keys <= TAKEN.0 && seconds <= TAKEN.1, "{} keys, {seconds:.1} s", self.keys);
    }

    pub(crate) fn finds_the_suspect(&mut self) {
        self.press(&["C", BACK_TAB]);
        self.types("nobody can start a stream");
        self.press(&["\r"]);
        self.terminal.shows("✓ impact said");
        self.press(&[">"]);
        self.terminal.shows("4 DIAGNOSE");
        self.press(&["d"]);
        let version = self.bad.version;
        self.terminal.until("the bad release first", |text| {
            text.lines().any(|line| line.contains("▸1") && line.contains("deploy") && line.contains(version))
        });
        self.press(&["\r", ESC]);
        self.terminal.until("the suspect is chosen", |text| text.contains("4 DIAGNOSE") && text.contains("✓ suspect"));
    }

    /// A line of its logs, and back again.
    pub(crate) fn keeps_evidence(&mut self) {
        self.press(&["l"]);
        // The view is there before its lines are.
        self.terminal.until("a line is under the cursor", |text| {
            text.contains("2 Lines") && text.lines().any(|line| line.contains("▸ ") && line.contains(" play "))
        });
        self.press(&["p"]);
        self.terminal.shows("kept as evidence");
        self.press(&[ESC]);
        self.terminal.until("it is on the timeline", |text| {
            text.lines().any(|line| line.contains(" pinned ") && line.contains("a log line"))
        });
    }

    pub(crate) fn tells_everybody(&mut self) {
        self.press(&["u"]);
        self.terminal.shows("Status update about INC-1");
        self.types(&TOLD.join(" -- "));
        self.terminal.shows("everybody");
        self.press(&["\r"]);
        self.terminal.shows("What is sent cannot be taken back");
        self.press(&["y"]);
        self.terminal.shows("· update");
    }

    /// Until it is in the middle.
    pub(crate) fn rolls_back(&mut self) {
        self.press(&["B"]);
        let Bad { service, before, .. } = self.bad;
        self.terminal.shows(&format!("Roll {service} back to {before}"));
        self.press(&[F4]);
        self.types(&format!("{service}\tbad release"));
        // What does not fit has to be read before it is confirmed.
        self.press(&[PAGE_DOWN, PAGE_DOWN]);
        self.terminal.shows("2 s to cancel with Esc");
        self.press(&["\r"]);
        self.terminal.until("it is in the middle", |text| {
            let done = |all: usize| (2..all).any(|done| text.contains(&format!(" {done} of {all} steps")));
            (3..40).any(done)
        });
    }

    /// The run is found again where it goes on by itself, and taken on to its proof.
    pub(crate) fn takes_the_run_over(&mut self) {
        self.terminal.shows("INC-1");
        self.press(&["i"]);
        self.terminal.shows("no lead");
        self.press(&["3", "\r"]);
        self.terminal.shows("nobody leads it, its console");
        self.press(&["T"]);
        self.terminal.shows(&format!("write is not armed for {}", self.bad.env));
        self.press(&["W"]);
        self.terminal.shows("Now everything only looks");
        self.press(&["y"]);
        self.terminal.shows("RW 0");
        self.press(&["T"]);
        self.sees_the_proof();
    }

    /// And goes back to the incident, which knows of it.
    pub(crate) fn sees_the_proof(&mut self) {
        self.terminal.shows(&format!("✓ {}@{} recovered", self.bad.service, self.bad.env));
        self.press(&[ESC]);
        self.terminal.shows("6 VALIDATE");
    }

    pub(crate) fn writes_what_only_she_knows(&mut self) {
        self.press(&["1", "@"]);
        self.terminal.shows("when it began");
        self.types("-5m");
        self.press(&["\r"]);
        self.terminal.until("the onset is known", |text| text.contains("to leave") && !text.contains("onset known"));
        self.press(&["h"]);
        self.terminal.shows("why it may be");
        self.types("2.31.1 exhausts the pool");
        self.press(&["\r"]);
        self.terminal.until("nothing is owed", |text| text.contains("to leave") && !text.contains("owed"));
        self.press(&[">"]);
        self.terminal.shows("leave validate");
        self.types("users are well");
        self.press(&["\r"]);
        self.terminal.shows("7 DOCUMENT");
        for text in WRITTEN {
            self.press(&["E"]);
            self.terminal.shows("what only you know");
            self.types(text);
            self.press(&["\r"]);
            self.terminal.until("the box is closed", |text| !text.contains("what only you know"));
        }
        self.terminal.shows("document without");
    }

    pub(crate) fn sees_the_ticket(&mut self) {
        self.press(&["O"]);
        self.terminal.shows("1 Outbox");
        self.press(&["r"]);
        self.terminal.until("all is written", |text| {
            text.contains("1 Outbox") && text.contains("synced") && !text.contains("not written yet")
        });
    }
}
