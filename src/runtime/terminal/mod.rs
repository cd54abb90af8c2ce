//! The terminal: entered and left in one place, written to in one piece per frame, counted.
use std::{
    io::{self, Write as _},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use crossterm::{
    ExecutableCommand as _, QueueableCommand as _,
    cursor::{Hide, Show},
    event::{
        DisableBracketedPaste, DisableFocusChange, DisableMouseCapture, EnableBracketedPaste, EnableFocusChange,
        EnableMouseCapture,
    },
    terminal::{
        BeginSynchronizedUpdate, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode,
        enable_raw_mode,
    },
};
pub use ratatui::buffer::Buffer;
use ratatui::{
    backend::{Backend as _, ClearType, CrosstermBackend},
    layout::Rect,
};

use unicode_width::UnicodeWidthStr as _;

use super::wire::{Collector, Wire};
use crate::{
    core::time::{Clock, Mono},
    tasks::Tasks,
};

pub mod hidden;
mod scroll;

/// Whether the terminal is ours right now: the panic hook and `leave` ask.
static ENTERED: AtomicBool = AtomicBool::new(false);
/// What tasks said when they panicked, for the log: never written over the screen.
static PANICS: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// How long a terminal may take for its last bytes when the program ends: a frozen one must not keep it alive.
const LAST_BYTES: Duration = Duration::from_secs(1);
/// Between two frames at least.
const PACE: Duration = Duration::from_millis(100);
/// Between two frames at most, however slow the terminal is.
const SLOWEST: Duration = Duration::from_secs(2);
/// Shares of the time that frames leave to what is typed, for each that they take.
const SHARES: u32 = 3;

/// A terminal in raw mode on its alternate screen. Dropping it restores what was there before.
pub struct Screen {
    backend: CrosstermBackend<Collector>,
    /// What the terminal shows; of no size while that is not known.
    shown: Buffer,
    wire: Wire,
    synchronized: bool,
    /// Whether it can move rows itself.
    moves_rows: bool,
    clock: Arc<dyn Clock>,
    rate: Rate,
}

impl std::fmt::Debug for Screen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Screen").field("wire", &self.wire).finish_non_exhaustive()
    }
}

impl Screen {
    /// Takes the terminal over.
    ///
    /// # Errors
    /// When standard output is not a terminal.
    pub fn enter(clock: Arc<dyn Clock>, tasks: &Tasks, variable: impl Fn(&str) -> Option<String>) -> io::Result<Self> {
        let (wire, work) = Wire::new(Arc::clone(&clock), write_out);
        tasks.thread("terminal", work)?;
        enter()?;
        let backend = CrosstermBackend::new(wire.collector());
        // Terminals that do not know mode 2026 ignore it, but the oldest ones show it: these are left alone.
        let term = variable("TERM").unwrap_or_default();
        let synchronized = !matches!(term.as_str(), "" | "dumb" | "linux" | "vt100" | "vt220");
        let moves_rows = !matches!(term.as_str(), "" | "dumb");
        let shown = Buffer::empty(Rect::ZERO);
        Ok(Self { backend, shown, wire, synchronized, moves_rows, clock, rate: Rate::default() })
    }

    /// Draws a frame and sends what is new in it in one piece. Does not wait for the terminal.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub fn draw(&mut self, view: impl FnOnce(&mut Buffer)) -> io::Result<()> {
        let size = self.backend.size()?;
        let mut next = Buffer::empty(Rect::new(0, 0, size.width, size.height));
        view(&mut next);
        if self.synchronized {
            self.backend.queue(BeginSynchronizedUpdate)?;
        }
        if self.shown.area != next.area {
            // The old frame stays until the new one is here: both leave in the same write.
            self.backend.clear_region(ClearType::All)?;
            self.shown = Buffer::empty(next.area);
        } else if self.moves_rows
            && let Some(moved) = scroll::moved(&self.shown, &next)
        {
            scroll::write(&mut self.backend, moved)?;
            scroll::apply(&mut self.shown, moved);
        }
        self.backend.draw(self.shown.diff(&next).into_iter())?;
        if self.synchronized {
            self.backend.queue(EndSynchronizedUpdate)?;
        }
        self.shown = next;
        self.wire.send()
    }

    /// Returns the text of the last frame, row by row.
    pub fn text(&self) -> String {
        let row = |y| {
            // The second cell of a wide character is blank in the buffer and no blank in the text.
            let mut wide = 0;
            let cells = (0..self.shown.area.width).filter_map(|x| {
                if wide > 0 {
                    wide -= 1;
                    return None;
                }
                let symbol = self.shown.cell((x, y))?.symbol();
                wide = symbol.width().saturating_sub(1);
                Some(symbol)
            });
            let row: String = cells.collect();
            row.trim_end().to_owned() + "\n"
        };
        (0..self.shown.area.height).map(row).collect()
    }

    /// Says whether the terminal has taken the last frame: a slow one gets the next when it has.
    pub fn ready(&self) -> bool {
        self.wire.idle()
    }

    /// Waits until the terminal has taken what was sent.
    pub async fn taken(&self) {
        self.wire.taken().await;
    }

    /// Returns how long the next frame should wait: a link that takes long to take a frame gets fewer.
    pub fn pace(&self) -> Duration {
        pace(self.wire.took())
    }

    /// Forgets what is on the terminal, so that the next frame is drawn whole.
    pub fn forget(&mut self) {
        self.shown = Buffer::empty(Rect::ZERO);
    }

    /// Returns bytes a second over the last seconds, when a new figure is due.
    pub fn rate(&mut self) -> Option<f64> {
        self.rate.look(self.clock.now().mono, self.wire.written())
    }

    /// Turns mouse reporting on or off.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub fn mouse(&mut self, on: bool) -> io::Result<()> {
        let backend = &mut self.backend;
        if on { backend.queue(EnableMouseCapture).map(drop) } else { backend.queue(DisableMouseCapture).map(drop) }?;
        self.wire.send()
    }

    /// Rings the bell.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub fn bell(&mut self) -> io::Result<()> {
        self.send(b"\x07")
    }

    /// Sends an escape sequence that we made, past the frame.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.backend.write_all(bytes)?;
        self.wire.send()
    }

    /// Gives the terminal back while the program is suspended, and takes it again.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub fn suspended(&mut self, while_away: impl FnOnce()) -> io::Result<()> {
        self.give_back();
        while_away();
        self.take_again()
    }

    /// Gives the terminal back to another program; what is drawn meanwhile goes nowhere.
    pub fn give_back(&mut self) {
        self.wire.drained(LAST_BYTES);
        leave();
    }

    /// Takes the terminal again.
    ///
    /// # Errors
    /// When it is gone.
    pub fn take_again(&mut self) -> io::Result<()> {
        enter()?;
        self.forget();
        Ok(())
    }
}

/// Returns how long to wait between two frames, where the last one took so long: what takes its time gets fewer.
fn pace(took: Duration) -> Duration {
    (took * (1 + SHARES)).clamp(PACE, SLOWEST)
}

impl Drop for Screen {
    fn drop(&mut self) {
        if self.wire.drained(LAST_BYTES) {
            leave();
        } else if ENTERED.swap(false, Ordering::SeqCst) {
            // Nothing can be said to a terminal that takes nothing; the line's modes need no bytes.
            drop(disable_raw_mode());
        }
    }
}

/// Writes bytes to the terminal while it is ours.
fn write_out(bytes: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    // Under the lock: a frame must not follow what a panic has restored.
    if !ENTERED.load(Ordering::SeqCst) {
        return Ok(());
    }
    out.write_all(bytes)?;
    out.flush()
}

fn enter() -> io::Result<()> {
    enable_raw_mode()?;
    ENTERED.store(true, Ordering::SeqCst);
    let mut out = io::stdout();
    out.execute(EnterAlternateScreen)?.execute(EnableBracketedPaste)?.execute(EnableFocusChange)?.execute(Hide)?;
    Ok(())
}

/// Restores the terminal, once, whatever happened before. Errors have nobody to go to.
pub fn leave() {
    if !ENTERED.swap(false, Ordering::SeqCst) {
        return;
    }
    let mut out = io::stdout();
    for undo in [
        out.execute(DisableMouseCapture).map(drop),
        io::stdout().execute(DisableFocusChange).map(drop),
        io::stdout().execute(DisableBracketedPaste).map(drop),
        io::stdout().execute(LeaveAlternateScreen).map(drop),
        io::stdout().execute(Show).map(drop),
        disable_raw_mode(),
    ] {
        drop(undo);
    }
}

/// Makes panics harmless to the terminal: one on the interface thread restores it before it is reported; one of a task
/// never touches it, and waits for [`panics`].
pub fn guard_panics() {
    let interface = std::thread::current().id();
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if std::thread::current().id() == interface {
            leave();
            report(info);
        } else if ENTERED.load(Ordering::SeqCst) {
            PANICS.lock().unwrap_or_else(PoisonError::into_inner).push(info.to_string());
        } else {
            report(info);
        }
    }));
}

/// Takes what tasks said when they panicked.
pub fn panics() -> Vec<String> {
    std::mem::take(&mut *PANICS.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Bytes a second over about five seconds.
#[derive(Debug, Default)]
struct Rate {
    since: Option<(Mono, u64)>,
}

impl Rate {
    fn look(&mut self, now: Mono, written: u64) -> Option<f64> {
        let Some((since, before)) = self.since else {
            self.since = Some((now, written));
            return None;
        };
        let passed = now.since(since);
        if passed < 5_000 {
            return None;
        }
        self.since = Some((now, written));
        #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
        Some(written.saturating_sub(before) as f64 * 1_000.0 / passed as f64)
    }
}

/// Wraps text for the terminal's clipboard (OSC 52), through tmux or screen where the program runs in one.
///
/// # Errors
/// When the text is longer than terminals take: returns its size.
pub fn clipboard(text: &str, variable: impl Fn(&str) -> Option<String>) -> Result<Vec<u8>, usize> {
    /// xterm and tmux take no more.
    const MOST: usize = 74_994;
    let encoded = STANDARD.encode(text);
    if encoded.len() > MOST {
        return Err(encoded.len());
    }
    let plain = format!("\x1b]52;c;{encoded}\x07");
    Ok(if variable("TMUX").is_some() {
        // tmux takes the first itself where set-clipboard is on, and hands the second on where allow-passthrough is.
        format!("{plain}\x1bPtmux;{}\x1b\\", plain.replace('\x1b', "\x1b\x1b")).into_bytes()
    } else if variable("TERM").is_some_and(|term| term.starts_with("screen")) {
        format!("\x1bP{plain}\x1b\\").into_bytes()
    } else {
        plain.into_bytes()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clipboard_is_wrapped_for_what_the_terminal_runs_in() {
        let none = |_: &str| None;
        assert_eq!(clipboard("foo", none).unwrap(), b"\x1b]52;c;Zm9v\x07");
        let tmux = |name: &str| (name == "TMUX").then(|| "/tmp/tmux-0/default,1,0".to_owned());
        assert_eq!(clipboard("foo", tmux).unwrap(), b"\x1b]52;c;Zm9v\x07\x1bPtmux;\x1b\x1b]52;c;Zm9v\x07\x1b\\");
        assert!(clipboard(&"x".repeat(60_000), none).is_err());
    }

    #[test]
    fn a_terminal_that_takes_its_time_gets_fewer_frames() {
        for (took, wait) in [(0, 100), (10, 100), (25, 100), (40, 160), (250, 1_000), (900, 2_000), (60_000, 2_000)] {
            assert_eq!(pace(Duration::from_millis(took)), Duration::from_millis(wait), "{took} ms");
        }
    }

    #[test]
    fn a_rate_is_told_every_five_seconds() {
        let mut rate = Rate::default();
        assert_eq!(rate.look(Mono(0), 100), None);
        assert_eq!(rate.look(Mono(4_999), 5_000), None);
        assert_eq!(rate.look(Mono(5_000), 5_100), Some(1_000.0));
    }
}
