//! The full-screen console: keys in, frames out, around the engine's loop.
#![expect(clippy::wildcard_enum_match_arm, reason = "the terminal's keys and mouse events are somebody else's list")]
use std::{
    ffi::OsString,
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use crossterm::event::{Event, EventStream, KeyCode, KeyEvent, KeyEventKind, KeyModifiers, MouseEventKind};
use futures_util::StreamExt as _;
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::mpsc,
};

use super::{
    elsewhere::Away,
    engine::{Engine, Turn},
    front::{Front, Leave},
    logs,
    terminal::{self, Screen},
};
use crate::{
    config::{
        Env,
        keymap::{Code, Key, Keymap},
    },
    core::{
        Msg,
        action::{Action, Motion},
        inventory::Inventory,
        screen::{Draft, Tone},
        time::{Clock, Mono, Now},
    },
    notify,
    parse::sanitise,
    tasks::{Task, Tasks},
    ui::{self, Look, editors::Editors, keys},
};

/// Resize events are gathered for this long: a window that is dragged sends hundreds.
const GATHER: Duration = Duration::from_millis(50);

/// Milliseconds between two frames of a replay.
const REPLAY_BEAT_MS: u64 = 250;

/// What the console is given besides its engine.
pub struct Console {
    /// Themes, colours, signs.
    pub look: Look,
    /// Which key does what.
    pub keymap: Keymap,
    /// The surroundings.
    pub env: Env,
    /// Where the last copied text is kept too, for terminals that drop it; none: nowhere.
    pub clip: Option<PathBuf>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Who spawns.
    pub tasks: Tasks,
    /// Reads the configuration again: says what was wrong, or hands over what to use from now on.
    pub reload: Arc<dyn Fn() -> Result<Reloaded, String> + Send + Sync>,
    /// The command that plays an incident back, without its number; empty where there is none.
    pub replay: Vec<OsString>,
    /// Tells the ways to hosts what hosts there are from now on: in one go with the rest, so that no review stands before
    /// one machine while its name leads to another.
    pub hosts: Box<dyn Fn(&Inventory)>,
}

impl std::fmt::Debug for Console {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Console").finish_non_exhaustive()
    }
}

/// A configuration that was read again.
#[derive(Debug)]
pub struct Reloaded {
    /// What there is to watch.
    pub inventory: Arc<Inventory>,
    /// What was left out.
    pub problems: Vec<String>,
    /// How the console looks.
    pub look: Look,
    /// Which key does what.
    pub keymap: Keymap,
    /// How log lines are read and shown.
    pub logs: logs::Rules,
}

impl Console {
    /// Shows the engine's state until the person ends it.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub async fn run(mut self, mut engine: Engine) -> io::Result<()> {
        terminal::guard_panics();
        let variables = self.env.clone();
        let variable = move |name: &str| variables.variable(name).map(str::to_owned);
        let mut screen = Screen::enter(Arc::clone(&self.clock), &self.tasks, variable)?;
        let (mut typed, mut events) = Typed::new(&self);
        let mut editors = Editors::default();
        let mut drawn = Drawn::default();
        let (done, mut finished) = mpsc::unbounded_channel();
        let end = loop {
            tokio::select! {
                biased;
                event = events.recv() => match event {
                    Some(Happened::Terminal(event)) => {
                        drawn.urgent |= self.on_event(&event, &mut engine, &mut editors, &mut drawn);
                    }
                    // What is typed in an editor is told to all who share the terminal.
                    Some(Happened::Interrupted) if typed.away.is_some() => {}
                    Some(Happened::Ended | Happened::Interrupted) | None => break Ok(()),
                },
                // Only to look again whether a frame is due, now that it can be sent.
                () = screen.taken(), if !screen.ready() && typed.away.is_none() => {}
                msg = ended(&mut typed.away) => {
                    typed.back(&self, &mut screen)?;
                    engine.handle(msg);
                    drawn.urgent = true;
                }
                Some(done) = finished.recv() => {
                    self.finish(done, &mut engine);
                    drawn.urgent = true;
                }
                turn = engine.turn() => {
                    let Turn { changed, front } = turn;
                    drawn.dirty |= changed;
                    let mut quit = false;
                    for front in front {
                        drawn.urgent = true;
                        if let Front::Leave(to) = front {
                            typed.leave(&self, &mut screen, &mut engine, to).await?;
                            continue;
                        }
                        quit |= self.front(front, &mut engine, &mut editors, &mut screen, &done)?;
                    }
                    if quit {
                        break Ok(());
                    }
                }
            }
            for panic in terminal::panics() {
                tracing::error!(panic, "a task panicked");
            }
            if let Some(rate) = screen.rate() {
                engine.handle(Msg::BytesCounted(rate));
            }
            let now = self.clock.now();
            let beat = beat(&engine, now);
            if typed.away.is_none()
                && screen.ready()
                && drawn.due(now.mono, beat, screen.pace(), engine.state.screen.focused)
            {
                editors.follow(&engine.state);
                let mut facts = None;
                let (state, look, keymap) = (&engine.state, &self.look, &self.keymap);
                let typed_at = state.editing().and_then(|draft| editors.cursor(draft));
                let view =
                    |buffer: &mut terminal::Buffer| facts = Some(ui::draw(state, keymap, look, now, typed_at, buffer));
                if drawn.resized.is_some() {
                    // It may be as large as before by now, and yet have lost what did not fit in between.
                    screen.forget();
                }
                if let Err(error) = screen.draw(view) {
                    break Err(error);
                }
                if let Some(facts) = facts.filter(|facts| *facts != engine.state.screen.layout) {
                    engine.handle(Msg::LaidOut(facts));
                }
                drawn.done(now.mono, beat);
            }
        };
        engine.stop();
        drop(screen);
        end
    }

    /// Reads keys in a task of its own, until it is stopped.
    fn keys(&self, send: &mpsc::Sender<Happened>) -> Task<()> {
        let send = send.clone();
        self.tasks.spawn("keys", async move {
            let mut stream = EventStream::new();
            while let Some(event) = stream.next().await {
                let Ok(event) = event else { break };
                if send.send(Happened::Terminal(event)).await.is_err() {
                    return;
                }
            }
            // The terminal is gone: nobody looks any more.
            drop(send.send(Happened::Ended).await);
        })
    }

    /// Listens to signals.
    fn signals(&self, send: &mpsc::Sender<Happened>) {
        let signals = send.clone();
        // From here on, not from when the task first runs: one that came in between would leave the terminal as it is.
        let listen = |kind| signal(kind).ok();
        let (mut term, mut hup, mut int) =
            (listen(SignalKind::terminate()), listen(SignalKind::hangup()), listen(SignalKind::interrupt()));
        self.tasks
            .spawn("signals", async move {
                let of = async |signal: &mut Option<tokio::signal::unix::Signal>| match signal {
                    Some(signal) => drop(signal.recv().await),
                    None => std::future::pending().await,
                };
                loop {
                    let happened = tokio::select! {
                        () = of(&mut term) => Happened::Ended,
                        () = of(&mut hup) => Happened::Ended,
                        () = of(&mut int) => Happened::Interrupted,
                    };
                    if signals.send(happened).await.is_err() {
                        return;
                    }
                }
            })
            .detach();
    }

    /// Handles what the terminal sent. True when a frame should follow at once: typing echo goes first.
    fn on_event(&self, event: &Event, engine: &mut Engine, editors: &mut Editors, drawn: &mut Drawn) -> bool {
        match event {
            Event::Key(key) if key.kind != KeyEventKind::Release => {
                self.on_key(*key, engine, editors);
                true
            }
            Event::Paste(text) => {
                if engine.state.awaits_text() {
                    engine.handle(Msg::TextBegun);
                    editors.follow(&engine.state);
                }
                match engine.state.editing() {
                    Some(Draft::Name) => {
                        let text = "paste is refused here: type the name".to_owned();
                        engine.handle(Msg::Said { tone: Tone::Error, text });
                    }
                    Some(draft) => {
                        let text = editors.paste(draft, text);
                        engine.handle(Msg::Drafted { draft, text });
                    }
                    None => {}
                }
                true
            }
            Event::Resize(..) => {
                drawn.resized = Some(self.clock.now().mono);
                false
            }
            Event::FocusGained => {
                engine.handle(Msg::FocusChanged(true));
                true
            }
            Event::FocusLost => {
                engine.handle(Msg::FocusChanged(false));
                false
            }
            Event::Mouse(mouse) => {
                match mouse.kind {
                    MouseEventKind::ScrollDown => engine.handle(Msg::Acted(Action::Move(Motion::Down))),
                    MouseEventKind::ScrollUp => engine.handle(Msg::Acted(Action::Move(Motion::Up))),
                    MouseEventKind::Down(_) => click(engine, mouse.column, mouse.row),
                    _ => return false,
                }
                true
            }
            // A release, which only some terminals send.
            Event::Key(_) => false,
        }
    }

    fn on_key(&self, event: KeyEvent, engine: &mut Engine, editors: &mut Editors) {
        let key = key_of(event);
        let alone = !event.modifiers.contains(KeyModifiers::ALT);
        if alone && key.is_some_and(|key| keys::begins_text(&engine.state, &self.keymap, key)) {
            engine.handle(Msg::TextBegun);
        }
        if let Some(draft) = engine.state.editing() {
            if let Some(action) = key.and_then(|key| keys::typing(&engine.state, &self.keymap, draft, key)) {
                if (draft, action) == (Draft::Passphrase, Action::GoBack) {
                    editors.forget_secret();
                }
                engine.handle(Msg::Acted(action));
                return;
            }
            editors.follow(&engine.state);
            if let Some(text) = editors.key(draft, event) {
                engine.handle(Msg::Drafted { draft, text });
            }
            return;
        }
        // No key is bound with Alt. Over a slow link Esc and the key after it arrive as one, which looks the same.
        if event.modifiers.contains(KeyModifiers::ALT) {
            engine.handle(Msg::Acted(Action::GoBack));
            let plain = KeyEvent { modifiers: event.modifiers.difference(KeyModifiers::ALT), ..event };
            self.on_key(plain, engine, editors);
            return;
        }
        match key.map(|key| keys::action(&engine.state, &self.keymap, key)) {
            Some(Ok(action)) => engine.handle(Msg::Acted(action)),
            Some(Err(text)) => engine.handle(Msg::Said { tone: Tone::Info, text }),
            None => {}
        }
    }

    /// Does what only the front end can. True when the program is to end.
    fn front(
        &mut self,
        front: Front,
        engine: &mut Engine,
        editors: &mut Editors,
        screen: &mut Screen,
        done: &mpsc::UnboundedSender<Done>,
    ) -> io::Result<bool> {
        match front {
            Front::Quit => return Ok(true),
            Front::Bell => screen.bell()?,
            Front::Ring { terminal, title, text } => {
                let variable = |name: &str| self.env.variable(name).map(str::to_owned);
                screen.send(&notify::terminal::bytes(&terminal.params, &title, &text, variable))?;
            }
            Front::Redraw => screen.forget(),
            Front::KeepScreen(incident) => engine.handle(Msg::ScreenDrawn { incident, text: screen.text() }),
            Front::SetMouse(on) => screen.mouse(on)?,
            Front::Copy(text) => self.copy(&text, screen, done)?,
            Front::Unlock { host, identity } => {
                let passphrase = editors.take_secret();
                engine.unlock(&host, &identity, passphrase);
            }
            Front::Sudo { hosts } => engine.try_sudo(hosts, editors.take_secret()),
            // It needs the keys too: the loop does it.
            Front::Leave(_) => {}
            Front::ReloadConfig => {
                let (reload, done) = (Arc::clone(&self.reload), done.clone());
                self.tasks.blocking("reload", move || drop(done.send(Done::Reload(reload())))).detach();
            }
            Front::Suspend => screen.suspended(|| {
                // The shell continues us with SIGCONT; the command returns only then, as it is stopped with us. All of the group are
                // meant, as by the terminal's own key: a replay alone that is stopped would leave its console waiting, and no shell.
                drop(std::process::Command::new("kill").args(["-TSTP", "0"]).status());
            })?,
        }
        Ok(false)
    }

    /// Takes over what a thread has done.
    fn finish(&mut self, done: Done, engine: &mut Engine) {
        let (tone, text) = match done {
            Done::Copied(text) => (Tone::Done, text),
            Done::Reload(Err(why)) => (Tone::Error, format!("the configuration in use stays: {why}")),
            Done::Reload(Ok(reloaded)) => {
                self.look = reloaded.look;
                self.keymap = reloaded.keymap;
                let left_out = reloaded.problems.len();
                (self.hosts)(&reloaded.inventory);
                engine.log_rules(reloaded.logs);
                engine.adopt(reloaded.inventory, reloaded.problems);
                let text = match left_out {
                    0 => "configuration read again".to_owned(),
                    1 => "configuration read again; 1 problem, see `qd check`".to_owned(),
                    n => format!("configuration read again; {n} problems, see `qd check`"),
                };
                (Tone::Done, text)
            }
        };
        engine.handle(Msg::Said { tone, text });
    }

    /// Copies text, keeps it in a file too, and says honestly what was done.
    fn copy(&self, text: &str, screen: &mut Screen, done: &mpsc::UnboundedSender<Done>) -> io::Result<()> {
        let text = pastable(text);
        let variable = |name: &str| self.env.variable(name).map(str::to_owned);
        let through =
            if self.env.variable("TMUX").is_some() { " (tmux: set-clipboard or allow-passthrough on)" } else { "" };
        let (sent, else_lost) = match terminal::clipboard(&text, variable) {
            Ok(sequence) => {
                screen.send(&sequence)?;
                (format!("sent {} bytes by OSC 52{through}", text.len()), "")
            }
            Err(size) => {
                (format!("{size} bytes are too many for the terminal's clipboard"), "; no file could be written")
            }
        };
        let (done, clip) = (done.clone(), self.clip.clone());
        let keep = move || {
            let said = match clip.and_then(|path| keep_clip(&path, &text)) {
                Some(path) => format!("{sent}; also in {path}"),
                None => sent + else_lost,
            };
            drop(done.send(Done::Copied(said)));
        };
        self.tasks.blocking("clip", keep).detach();
        Ok(())
    }
}

/// What a thread of its own has done: files are neither read nor written by the loop.
enum Done {
    Reload(Result<Reloaded, String>),
    Copied(String),
}

enum Happened {
    Terminal(Event),
    Interrupted,
    Ended,
}

/// Who reads what is typed: the console, or the person's own editor.
struct Typed {
    send: mpsc::Sender<Happened>,
    keys: Option<Task<()>>,
    away: Option<Away>,
}

impl Typed {
    fn new(console: &Console) -> (Self, mpsc::Receiver<Happened>) {
        let (send, events) = mpsc::channel(256);
        console.signals(&send);
        let keys = Some(console.keys(&send));
        (Self { send, keys, away: None }, events)
    }

    /// Hands the terminal to what wants it, an editor or a replay: nobody else may read what is typed there.
    async fn leave(
        &mut self,
        console: &Console,
        screen: &mut Screen,
        engine: &mut Engine,
        to: Leave,
    ) -> io::Result<()> {
        if let Some(mut keys) = self.keys.take() {
            keys.stop();
            keys.wait().await;
        }
        screen.give_back();
        let started = match &to {
            Leave::Edit { of, path } => {
                Away::edit(&console.env, *of, path).map_err(|error| format!("no editor: {error}"))
            }
            Leave::PlayBack { incident } => Away::replay(&console.replay, *incident)
                .map_err(|error| format!("no replay: {error}; try qd replay {incident}")),
        };
        match started {
            Ok(started) => self.away = Some(started),
            Err(text) => {
                self.back(console, screen)?;
                engine.handle(Msg::Said { tone: Tone::Error, text });
            }
        }
        Ok(())
    }

    /// Takes the terminal again.
    fn back(&mut self, console: &Console, screen: &mut Screen) -> io::Result<()> {
        self.away = None;
        screen.take_again()?;
        self.keys = Some(console.keys(&self.send));
        Ok(())
    }
}

/// Waits for the end of an editor that has the terminal; for ever where there is none.
async fn ended(away: &mut Option<Away>) -> Msg {
    match away {
        Some(away) => away.ended().await,
        None => std::future::pending().await,
    }
}

/// Counts what numbers and clocks on screen change with: the seconds, but in a replay, whose time stands, jumps and runs.
fn beat(engine: &Engine, now: Now) -> i64 {
    match engine.state.screen.replay {
        None => now.utc.0 / 1_000,
        Some(_) => i64::try_from(now.mono.0 / REPLAY_BEAT_MS).unwrap_or(i64::MAX),
    }
}

/// When the next frame is due.
#[derive(Debug, Default)]
struct Drawn {
    dirty: bool,
    urgent: bool,
    resized: Option<Mono>,
    at: Option<Mono>,
    second: i64,
}

impl Drawn {
    fn due(&self, now: Mono, second: i64, pace: Duration, focused: bool) -> bool {
        if let Some(resized) = self.resized {
            return now.since(resized) >= u64::try_from(GATHER.as_millis()).unwrap_or(50);
        }
        let Some(at) = self.at else { return true };
        if self.urgent {
            return true;
        }
        // An unfocused terminal is looked at from afar: five seconds are as good as one.
        let pace = if focused { pace } else { Duration::from_secs(5) };
        let rested = now.since(at) >= u64::try_from(pace.as_millis()).unwrap_or(100);
        // Numbers and clocks on screen change by the second: more frames would show nothing new.
        rested && self.second != second
    }

    fn done(&mut self, now: Mono, second: i64) {
        *self = Self { dirty: false, urgent: false, resized: None, at: Some(now), second };
    }
}

/// Makes text that does no harm where it is pasted: a shell, a chat, another terminal. Its bytes as they were go into exports.
fn pastable(text: &str) -> String {
    sanitise::text_max(text, text.len().saturating_mul(8))
}

fn click(engine: &mut Engine, column: u16, row: u16) {
    let hit = engine.state.screen.layout.panes.iter().find(|facts| {
        let (x, y, width, height) = facts.area;
        (x..x + width).contains(&column) && (y..y + height).contains(&row)
    });
    if let Some(facts) = hit {
        let visible = row.saturating_sub(facts.first_row);
        let msg = Msg::Clicked { pane: facts.pane, row: facts.offset + usize::from(visible.min(facts.rows)) };
        engine.handle(msg);
    }
}

fn key_of(event: KeyEvent) -> Option<Key> {
    let ctrl = event.modifiers.contains(KeyModifiers::CONTROL);
    let shift = event.modifiers.contains(KeyModifiers::SHIFT);
    let code = match event.code {
        KeyCode::Char(letter) => Code::Char(if ctrl { letter.to_ascii_lowercase() } else { letter }),
        KeyCode::F(n) => Code::F(n),
        KeyCode::Enter => Code::Enter,
        KeyCode::Esc => Code::Esc,
        KeyCode::Tab => Code::Tab,
        KeyCode::BackTab => return Some(Key { code: Code::Tab, ctrl, shift: true }),
        KeyCode::Backspace => Code::Backspace,
        KeyCode::Delete => Code::Delete,
        KeyCode::Insert => Code::Insert,
        KeyCode::Home => Code::Home,
        KeyCode::End => Code::End,
        KeyCode::PageUp => Code::PageUp,
        KeyCode::PageDown => Code::PageDown,
        KeyCode::Up => Code::Up,
        KeyCode::Down => Code::Down,
        KeyCode::Left => Code::Left,
        KeyCode::Right => Code::Right,
        _ => return None,
    };
    Some(Key { code, ctrl, shift: shift && !matches!(code, Code::Char(_)) })
}

fn keep_clip(path: &Path, text: &str) -> Option<String> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;

    std::fs::create_dir_all(path.parent()?).ok()?;
    let mut file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path).ok()?;
    file.write_all(text.as_bytes()).ok()?;
    let home = directories::BaseDirs::new().map(|dirs| dirs.home_dir().to_owned());
    Some(match home.as_deref().and_then(|home| path.strip_prefix(home).ok()) {
        Some(below) => format!("~/{}", below.display()),
        None => path.display().to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_copied_does_nothing_where_it_is_pasted() {
        let line = "one\ttwo \u{1b}[31mred\u{1b}[0m\rback \u{202e}gpj.exe\nnext\n";
        let clean = pastable(line);
        assert!(clean.chars().all(|c| c == '\n' || sanitise::is_safe(c)), "{clean:?}");
        // A carriage return would write over what stands before it: it begins a line instead.
        assert_eq!(clean.lines().count(), 3, "{clean:?}");
        assert!(clean.ends_with("next\n") && clean.starts_with("one     two red"), "{clean:?}");
        assert_eq!(pastable(""), "");
    }
}
