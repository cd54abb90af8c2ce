//! However it ends, the terminal is as it was: keys, signals, a shell's `fg`, panics, a link that takes nothing.
use ratatui::style::Style;
use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
};

use quarterdeck::{
    core::{id::CheckId, time::Timestamp},
    runtime::{
        clock::SystemClock,
        terminal::{self, Screen},
    },
    store::{Options, Sqlite, Store as _},
    tasks::Tasks,
};

use crate::pty::{Terminal, command, eventually, qd};

/// A configuration that watches one port where nobody listens: enough for a console, and nothing to wait for.
fn config(home: &Path) -> PathBuf {
    let port = crate::support::servers::free_port();
    let path = home.join("qd.toml");
    let text = format!(
        "version = 1\nenvironment = [{{ name = \"prod\", kind = \"production\" }}]\n[store]\npath = {:?}\n[[service]]\nname = \
         \"shop\"\n[service.in.prod]\nchecks = [{{ name = \"port\", type = \"tcp\", address = \"127.0.0.1:{port}\", every = \
         \"1s\" }}]\n",
        home.join("qd.db")
    );
    std::fs::write(&path, text).unwrap();
    path
}

fn console(columns: u16, rows: u16) -> (Terminal, tempfile::TempDir) {
    let home = tempfile::tempdir().unwrap();
    let config = config(home.path());
    let args = ["--config", config.to_str().unwrap()];
    (Terminal::start(command(&qd(), home.path(), &args), columns, rows), home)
}

#[test]
fn the_key_that_quits_and_each_signal_end_it_cleanly() {
    for end in ["q", "\x03", "TERM", "HUP", "INT"] {
        let (mut terminal, _home) = console(80, 24);
        terminal.shows("shop");
        if end.len() == 1 {
            terminal.keys(end);
        } else {
            terminal.signal(end);
        }
        let ended = terminal.ended();
        println!("{end:?}: {ended:?}");
        ended.clean();
    }
}

#[test]
fn a_storm_of_sizes_leaves_a_whole_frame_and_too_small_says_so() {
    let (mut terminal, _home) = console(80, 24);
    terminal.shows("shop");
    for step in 0..200_u16 {
        terminal.resize(1 + step * 7 % 230, 1 + step * 5 % 70);
    }
    for (columns, rows) in [(60, 18), (200, 50), (40, 10), (120, 36), (1, 1), (80, 24)] {
        terminal.resize(columns, rows);
        if (columns, rows) == (1, 1) {
            // Nothing fits; that it lives, the next size shows.
            continue;
        }
        let text = terminal.until("a frame of this size", |text| {
            let lines: Vec<_> = text.lines().collect();
            // The last line is the status line in every size; the first says where one is.
            lines.len() == usize::from(rows) && text.contains("DOWN")
        });
        assert!(text.lines().all(|line| line.chars().count() <= usize::from(columns)), "{text}");
    }
    terminal.keys("q");
    terminal.ended().clean();
}

#[test]
fn the_shell_gets_its_terminal_back_and_fg_returns() {
    let home = tempfile::tempdir().unwrap();
    let config = config(home.path());
    let mut shell = command(Path::new("bash"), home.path(), &["--norc", "--noprofile", "-i"]);
    shell.env("PS1", "shell> ");
    let mut terminal = Terminal::start(shell, 80, 24);
    terminal.shows("shell>");
    terminal.keys(&format!("{} --config {}\n", qd().display(), config.display()));
    terminal.shows("shop");
    terminal.keys("\x1a");
    terminal.until_screen("the shell's own screen", |screen| {
        !screen.alternate_screen() && !screen.hide_cursor() && screen.contents().contains("Stopped")
    });
    terminal.keys("echo $((6 * 7))\n");
    terminal.shows("42");
    terminal.keys("fg\n");
    terminal.until_screen("the console again, whole", |screen| {
        screen.alternate_screen() && screen.contents().contains("shop") && !screen.contents().contains("shell>")
    });
    terminal.keys("q");
    terminal.until_screen("the shell again", |screen| {
        !screen.alternate_screen() && screen.contents().trim_end().ends_with("shell>")
    });
    terminal.keys("exit\n");
    terminal.ended().clean();
}

#[test]
fn a_terminal_that_takes_nothing_keeps_it_neither_from_working_nor_from_ending() {
    let (mut terminal, home) = console(120, 36);
    terminal.shows("shop");
    terminal.freeze(true);
    // More frames than the line holds.
    for step in 0..40_u16 {
        terminal.resize(100 + step, 30 + step / 4);
        terminal.keys("?\x1b");
    }
    // Its checks go on: another process sees new results in the store.
    let mut store = Sqlite::open(&home.path().join("qd.db"), &Options::default()).unwrap();
    let check: CheckId = "shop@prod/port".parse().unwrap();
    let mut results = || store.results(&check, Timestamp(0)).unwrap().len();
    let before = results();
    eventually("new results", || results() > before + 1);
    terminal.signal("TERM");
    // It ends although nobody reads: asked of the system, as its last bytes are stuck.
    let pid = terminal.pid();
    let gone = || std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| stat.contains(") Z "));
    eventually("its end", gone);
}

#[test]
fn what_is_no_terminal_gets_an_error_with_the_way_on() {
    let home = tempfile::tempdir().unwrap();
    let config = config(home.path());
    let run = |args: &[&str]| {
        let output = Command::new(qd()).args(args).env_clear().env("HOME", home.path()).output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, said) = run(&["--config", config.to_str().unwrap()]);
    assert_eq!(code, Some(2));
    assert!(said.contains("needs a terminal") && said.contains("qd status --json"), "{said}");
    let (code, said) = run(&[]);
    assert_eq!(code, Some(2));
    assert!(said.contains("qd demo"), "{said}");
}

/// What runs in the pseudo-terminal instead of the console: it takes the terminal over and panics.
fn panics(whose: &str) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let tasks = Tasks::new(runtime.handle().clone(), |_| {});
    terminal::guard_panics();
    let mut screen = Screen::enter(Arc::new(SystemClock::new()), &tasks, |name| std::env::var(name).ok()).unwrap();
    screen.draw(|buffer| buffer.set_string(0, 0, "a frame", Style::new())).unwrap();
    runtime.block_on(screen.taken());
    assert!(whose != "interface", "the interface panicked");
    runtime.block_on(tasks.spawn("broken", async { panic!("a task panicked") }).join());
    let said = terminal::panics();
    assert!(said.iter().any(|panic| panic.contains("a task panicked")), "{said:?}");
    screen.draw(|buffer| buffer.set_string(0, 0, "still a frame", Style::new())).unwrap();
    runtime.block_on(screen.taken());
    std::io::stdin().read_line(&mut String::new()).unwrap();
}

#[test]
fn a_panic_of_the_interface_restores_the_terminal_and_one_of_a_task_never_touches_it() {
    if let Ok(whose) = std::env::var("QD_TEST_PANIC") {
        return panics(&whose);
    }
    let home = tempfile::tempdir().unwrap();
    let own = std::env::current_exe().unwrap();
    let start = |whose: &str| {
        let name = "ends::a_panic_of_the_interface_restores_the_terminal_and_one_of_a_task_never_touches_it";
        let mut command = command(&own, home.path(), &["--exact", name, "--nocapture", "--test-threads=1"]);
        command.env("QD_TEST_PANIC", whose);
        Terminal::start(command, 80, 24)
    };
    let ended = start("interface").ended();
    assert_eq!(ended.left, [] as [&str; 0]);
    assert!(ended.text.contains("the interface panicked"), "it is reported where it can be read: {}", ended.text);

    let mut terminal = start("task");
    terminal.until_screen("the frame after a task's panic", |screen| {
        screen.alternate_screen() && screen.contents().contains("still a frame")
    });
    assert!(!terminal.text().contains("panicked"));
    terminal.keys("\r\n");
    terminal.ended().clean();
}
