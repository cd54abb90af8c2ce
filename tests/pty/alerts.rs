//! Two people at one store, and a third by the command line, take the same alert: each sees whose it is, and why.
use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::pty::{Terminal, command, eventually, qd};

/// A configuration with a service that is down.
fn desk(home: &Path) -> PathBuf {
    let config = home.join("qd.toml");
    let text = format!(
        "version = 1\nenvironment = [{{ name = \"prod\", kind = \"production\" }}]\n[store]\npath = {:?}\n[[service]]\nname = \"shop\"\n\
         [service.in.prod]\nchecks = [{{ name = \"port\", type = \"tcp\", address = \"127.0.0.1:1\", every = \"1s\", timeout = \"1s\", \
         fail_after = 1 }}]\n",
        home.join("qd.db")
    );
    std::fs::write(&config, text).unwrap();
    config
}

fn console(home: &Path, config: &Path, who: &str) -> Terminal {
    let mut command = command(&qd(), home, &["--config", config.to_str().unwrap()]);
    command.env("USER", who);
    let mut terminal = Terminal::start(command, 120, 36);
    terminal.shows("DOWN");
    terminal.keys(":go-alerts\r");
    terminal.until("the alert", |text| text.contains("1 Alerts") && text.contains("firing"));
    terminal
}

/// Runs a command as somebody; returns its exit code and what it says.
fn says(home: &Path, config: &Path, who: &str, args: &[&str]) -> (i32, String) {
    let mut run = Command::new(qd());
    run.args(args).arg("--config").arg(config).env_clear().env("HOME", home).env("USER", who).stdin(Stdio::null());
    let output = run.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output.status.code().unwrap(), text)
}

#[test]
fn whoever_takes_an_alert_is_seen_by_all_with_the_reason_and_on_the_audit() {
    let home = tempfile::tempdir().unwrap();
    let config = desk(home.path());
    let mut ana = console(home.path(), &config, "ana");
    let mut ben = console(home.path(), &config, "ben");
    ana.keys("a");
    ben.until("it is ana's", |text| text.contains("ana until"));
    // One press takes nothing from anybody.
    ben.keys("a");
    ben.shows("ana has shop until");
    ben.keys("\x1b");
    ben.until("the box is closed", |text| !text.contains("Taken over"));
    let (code, text) = says(home.path(), &config, "ana", &["ack", "shop@prod", "--reason", "the bank is on it"]);
    assert_eq!(code, 0, "{text}");
    for terminal in [&ana, &ben] {
        terminal.until("why", |text| text.contains("ana until") && text.contains(": the bank is on it"));
    }
    ben.keys("a");
    ben.shows("so far   ");
    ben.keys("ana is asleep\r");
    ana.until("it is ben's", |text| {
        text.contains("shop@prod is ben's until") && text.contains("not yours") && text.contains(": ana is asleep")
    });
    let (code, text) = says(home.path(), &config, "cleo", &["ack", "shop@prod"]);
    assert!(code == 0 && text.contains("shop@prod is cleo's until ") && text.contains("(it was ben's)"), "{text}");
    ben.shows("shop@prod is cleo's until");
    let (code, text) = says(home.path(), &config, "cleo", &["ack", "shop@staging"]);
    assert!(code == 2 && text.contains("those that do: shop@prod"), "{code} {text}");
    eventually("all four are on the audit", || {
        says(home.path(), &config, "ana", &["audit"]).1.matches("alert.acknowledged").count() == 4
    });
    assert_eq!(says(home.path(), &config, "ana", &["audit", "--verify"]).0, 0);
    for mut terminal in [ana, ben] {
        terminal.keys("\x03");
        terminal.ended().clean();
    }
}

#[test]
fn an_alert_that_fires_is_told_to_the_terminal_once() {
    let home = tempfile::tempdir().unwrap();
    let config = desk(home.path());
    let text = std::fs::read_to_string(&config).unwrap();
    let told = "[[notifier]]\nname = \"here\"\ntype = \"terminal\"\nbell = false\nosc = [\"9\", \"777\"]\n";
    let severities: String = ["P1", "P2"].map(|of| format!("[severity.{of}]\nnotify = [\"here\"]\n")).concat();
    std::fs::write(&config, format!("{text}{told}{severities}")).unwrap();
    let mut ana = console(home.path(), &config, "ana");
    let count = |bytes: &[u8], what: &str| bytes.windows(what.len()).filter(|part| *part == what.as_bytes()).count();
    eventually("the terminal is told", || count(&ana.written(), "\x1b]777;notify;") > 0);
    // What goes on to fire, is drawn anew and is looked at again is told no second time.
    ana.keys("\x0c");
    ana.keys(":go-overview\r");
    ana.until("it still is down", |text| text.contains("DOWN") && !text.contains("1 Alerts"));
    ana.keys("\x03");
    let ended = ana.ended();
    ended.clean();
    for way in ["\x1b]9;", "\x1b]777;notify;"] {
        assert_eq!(count(&ended.bytes, way), 1, "{way:?}");
    }
    let bytes = String::from_utf8_lossy(&ended.bytes);
    let body = bytes.split_once("\x1b]777;notify;").and_then(|(_, rest)| rest.split_once("\x1b\\")).unwrap().0;
    assert!(body.contains("shop@prod;"), "{body}");
}
