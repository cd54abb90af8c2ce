//! A program in a pseudo-terminal: what it writes becomes a screen, keys go in, and waits are for what is seen.
#![allow(dead_code, reason = "tests and benches use another part of this each")]
use std::{
    io::{Read as _, Write},
    num::NonZeroU16,
    path::{Path, PathBuf},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

#[path = "link.rs"]
mod link;

pub(crate) use link::Link;

/// Longest wait for something that must come: it only ends a test that hangs.
pub(crate) const HANG: Duration = Duration::from_secs(60);

struct Seen {
    parser: vt100::Parser,
    bytes: Vec<u8>,
    ended: bool,
    frozen: bool,
}

fn locked(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A program that runs in a terminal of its own.
pub(crate) struct Terminal {
    seen: Arc<(Mutex<Seen>, Condvar)>,
    master: Box<dyn MasterPty + Send>,
    writer: Box<dyn Write + Send>,
    child: Box<dyn Child + Send + Sync>,
    reader: Option<std::thread::JoinHandle<()>>,
    /// The terminal's modes before the program started, as text.
    before: String,
}

/// Returns the program under test: the release binary where `tests/run` built one.
pub(crate) fn qd() -> PathBuf {
    std::env::var_os("QD_RELEASE_BIN").map_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_qd")), PathBuf::from)
}

/// Makes a command with an environment of its own: nothing of the person who runs the tests.
pub(crate) fn command(program: &Path, home: &Path, args: &[&str]) -> CommandBuilder {
    let mut command = CommandBuilder::new(program);
    command.args(args);
    command.env_clear();
    command.cwd(home);
    for (name, value) in [("TERM", "xterm-256color"), ("LANG", "C.UTF-8"), ("USER", "ana"), ("TZ", "UTC")] {
        command.env(name, value);
    }
    command.env("HOME", home);
    command.env("TMPDIR", home);
    command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command
}

fn size(columns: u16, rows: u16) -> PtySize {
    PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 }
}

fn nonzero(n: u16) -> NonZeroU16 {
    NonZeroU16::new(n).unwrap()
}

impl Terminal {
    /// Starts a command in a terminal of this size.
    pub(crate) fn start(command: CommandBuilder, columns: u16, rows: u16) -> Self {
        Self::over(command, (columns, rows), None)
    }

    /// Starts a command in a terminal that is looked at through a link.
    pub(crate) fn over(command: CommandBuilder, (columns, rows): (u16, u16), link: Option<Link>) -> Self {
        let pty = native_pty_system().openpty(size(columns, rows)).unwrap();
        let before = format!("{:?}", pty.master.get_termios());
        let seen = Seen {
            parser: vt100::Parser::new(nonzero(rows), nonzero(columns), 0),
            bytes: Vec::new(),
            ended: false,
            frozen: false,
        };
        let seen = Arc::new((Mutex::new(seen), Condvar::new()));
        let child = pty.slave.spawn_command(command).unwrap();
        // Kept open, the reader would never see the end.
        drop(pty.slave);
        let (from, to) = (pty.master.try_clone_reader().unwrap(), pty.master.take_writer().unwrap());
        let (mut from, writer) = match link {
            Some(link) => (link::reader(from, link), link::writer(to, link)),
            None => (from, to),
        };
        let shared = Arc::clone(&seen);
        #[expect(clippy::disallowed_methods, reason = "a test's own reader; it ends with the program")]
        let reader = std::thread::spawn(move || {
            let mut buffer = [0; 16 * 1_024];
            loop {
                let got = from.read(&mut buffer);
                let mut seen = locked(&shared.0);
                while seen.frozen {
                    seen = shared.1.wait(seen).unwrap_or_else(PoisonError::into_inner);
                }
                match got {
                    Ok(n) if n > 0 => {
                        let (new, _) = buffer.split_at(n);
                        seen.parser.process(new);
                        seen.bytes.extend_from_slice(new);
                    }
                    Ok(_) | Err(_) => seen.ended = true,
                }
                shared.1.notify_all();
                if seen.ended {
                    return;
                }
            }
        });
        Self { seen, master: pty.master, writer, child, reader: Some(reader), before }
    }

    /// Types.
    pub(crate) fn keys(&mut self, keys: &str) {
        self.writer.write_all(keys.as_bytes()).unwrap();
        self.writer.flush().unwrap();
    }

    /// Changes the terminal's size, as a window that is dragged.
    pub(crate) fn resize(&mut self, columns: u16, rows: u16) {
        // The parser first: what is drawn for the new size must find it.
        locked(&self.seen.0).parser.screen_mut().set_size(nonzero(rows), nonzero(columns));
        self.master.resize(size(columns, rows)).unwrap();
    }

    /// Takes nothing any more, or takes again: a link that hangs.
    pub(crate) fn freeze(&self, frozen: bool) {
        locked(&self.seen.0).frozen = frozen;
        self.seen.1.notify_all();
    }

    /// Waits until the screen's text is as asked, and returns it.
    pub(crate) fn until(&self, what: &str, holds: impl Fn(&str) -> bool) -> String {
        self.until_screen(what, |screen| holds(&screen.contents()))
    }

    /// Waits until the screen shows a text, and returns all of it.
    pub(crate) fn shows(&self, text: &str) -> String {
        self.until(text, |screen| screen.contains(text))
    }

    /// Waits until the screen is as asked, and returns its text.
    pub(crate) fn until_screen(&self, what: &str, holds: impl Fn(&vt100::Screen) -> bool) -> String {
        let (lock, changed) = &*self.seen;
        let mut seen = locked(lock);
        // A clock that ticks on the screen is no sign of what is waited for.
        let (mut waited, began) = (Duration::ZERO, tokio::time::Instant::now());
        loop {
            if holds(seen.parser.screen()) {
                return seen.parser.screen().contents();
            }
            assert!(!seen.ended, "the program ended before: {what}\n{}", seen.parser.screen().contents());
            let step = Duration::from_secs(1);
            let (guard, timeout) = changed.wait_timeout(seen, step).unwrap();
            seen = guard;
            waited += if timeout.timed_out() { step } else { Duration::ZERO };
            let hangs = waited >= HANG || began.elapsed() >= HANG * 4;
            assert!(!hangs, "never came: {what}\n{}", seen.parser.screen().contents());
        }
    }

    /// Returns what is on the screen now.
    pub(crate) fn text(&self) -> String {
        locked(&self.seen.0).parser.screen().contents()
    }

    /// Returns how many bytes the program has written.
    pub(crate) fn bytes(&self) -> usize {
        locked(&self.seen.0).bytes.len()
    }

    /// Returns what the program has written.
    pub(crate) fn written(&self) -> Vec<u8> {
        locked(&self.seen.0).bytes.clone()
    }

    /// Returns the program's process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.process_id().unwrap()
    }

    /// Sends the program a signal, by name without SIG.
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.pid().to_string();
        assert!(std::process::Command::new("kill").args(["-s", name, &pid]).status().unwrap().success());
    }

    /// Waits until the program has ended, and says how, and whether the terminal is as it was.
    pub(crate) fn ended(mut self) -> Ended {
        let (lock, changed) = &*self.seen;
        let mut seen = locked(lock);
        let mut waited = Duration::ZERO;
        while !seen.ended {
            let step = Duration::from_secs(1);
            let (guard, timeout) = changed.wait_timeout(seen, step).unwrap();
            seen = guard;
            if timeout.timed_out() {
                waited += step;
                assert!(waited < HANG, "it does not end:\n{}", seen.parser.screen().contents());
            }
        }
        drop(seen);
        let status = self.child.wait().unwrap();
        self.reader.take().unwrap().join().unwrap();
        let seen = locked(&self.seen.0);
        let screen = seen.parser.screen();
        let mut left = Vec::new();
        for (wrong, what) in [
            (screen.alternate_screen(), "the alternate screen"),
            (screen.hide_cursor(), "a hidden cursor"),
            (screen.bracketed_paste(), "bracketed paste"),
            (screen.mouse_protocol_mode() != vt100::MouseProtocolMode::None, "mouse reports"),
            (format!("{:?}", self.master.get_termios()) != self.before, "the line's modes"),
        ] {
            if wrong {
                left.push(what);
            }
        }
        Ended {
            code: status.exit_code(),
            signal: status.signal().map(str::to_owned),
            left,
            text: screen.contents(),
            bytes: seen.bytes.clone(),
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.freeze(false);
        // Only what this test started, and only while it still runs.
        if matches!(self.child.try_wait(), Ok(None)) {
            _ = self.child.kill();
            _ = self.child.wait();
        }
    }
}

/// A program without a terminal, which is ended by its own signal.
pub(crate) struct Process(pub(crate) std::process::Child);

impl Drop for Process {
    fn drop(&mut self) {
        _ = std::process::Command::new("kill").args(["-s", "TERM", "--", &self.0.id().to_string()]).status();
        _ = self.0.wait();
    }
}

/// Asks ten times a second: what is waited for happens in another process and tells nobody.
pub(crate) fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..600 {
        if holds() {
            return;
        }
        std::process::Command::new("sleep").arg("0.1").stdin(std::process::Stdio::null()).status().unwrap();
    }
    panic!("never came: {what}");
}

/// How a program ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Ended {
    /// Its exit code.
    pub(crate) code: u32,
    /// The signal that ended it.
    pub(crate) signal: Option<String>,
    /// What it left changed in the terminal: nothing when it is polite.
    pub(crate) left: Vec<&'static str>,
    /// What is on the screen afterwards.
    pub(crate) text: String,
    /// All that was written to the terminal.
    pub(crate) bytes: Vec<u8>,
}

impl Ended {
    /// Asserts a clean end.
    pub(crate) fn clean(&self) {
        assert_eq!(
            (self.code, self.signal.as_deref(), self.left.as_slice()),
            (0, None, [].as_slice()),
            "{}",
            self.text
        );
    }
}
