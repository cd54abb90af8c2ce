//! A storm of lines over a socket, while somebody reads: the log engine's own thread, the console's state and its view.
//!
//! A thread writes the corpus to a TCP connection on loopback, at the rate; another reads it as a source does, whole lines at a
//! time, and waits where the engine has no room. The engine parses, mines patterns, filters and packs as in the console. The
//! interface thread takes messages from the same inbox, updates the same state, and draws 200×50 cells to `/dev/null`; a third thread
//! when a key every 25 ms. *Key to paint* is from that press to the end of the frame that follows: the terminal and the
//! way to it are not in it.
use std::{
    fs::File,
    io::{BufRead as _, BufReader, BufWriter, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    time::{Duration, Instant},
};

use quarterdeck::{
    config::{
        Env, formats,
        keymap::Keymap,
        theme::{ColourDepth, Theme},
    },
    core::{
        Effect, Msg, State,
        action::{Action, Motion},
        logs::{LogAction, SourceState, derive::Derived, shown::Shown},
        runs::Actor,
        screen::Draft,
        time::Clock,
        update,
    },
    remote::{
        http,
        ssh::{Pool, PoolOptions},
        tls,
    },
    runtime::{
        clock::SystemClock,
        inbox::{Inbox, Post, lanes},
        logs::{Desk, Means, Order, Parts, Worker, desk},
    },
    sources::logs::{Batch, Sink as _, StreamInfo},
    tasks::Tasks,
    ui::{self, Look, glyphs::Glyphs},
};
use ratatui::{Terminal, TerminalOptions, Viewport, backend::CrosstermBackend, layout::Rect};

use crate::{LIMIT, RATE, SECONDS, ms};

/// Between two writes.
const TICK: Duration = Duration::from_millis(10);
/// Between two keys.
const KEYS: Duration = Duration::from_millis(25);
/// Between two frames without a key, as the console has it.
const PACE: Duration = Duration::from_millis(100);
/// The figure that is promised.
const PAINT: Duration = Duration::from_millis(16);
const FILTER: &str = "mozilla status>=400";

/// What a reader does: up, down, off and on the end, to errors.
const PRESSED: [Action; 8] = [
    Action::Move(Motion::Up),
    Action::Move(Motion::Up),
    Action::Move(Motion::PageUp),
    Action::Move(Motion::Down),
    Action::Log(LogAction::PreviousError),
    Action::Move(Motion::Down),
    Action::Move(Motion::HalfUp),
    Action::Log(LogAction::Follow),
];

pub(crate) fn storm(file: &Path, home: &Path) {
    println!(
        "{RATE} lines a second for {SECONDS} s over a socket, `{FILTER}` active, {} MB at most, keys",
        LIMIT >> 20
    );
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let tasks = Tasks::new(runtime.handle().clone(), |panicked| panic!("{panicked:?}"));
    let (post, inbox) = lanes();
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let (engine, orders) = desk();
    let options = PoolOptions { home: home.to_owned(), ..PoolOptions::from_env(false) };
    let means = Means {
        remote: Arc::new(Pool::new(&[], tasks.child(), Arc::clone(&clock), options)),
        http: http::Client::new(tls::Trust::system()),
        env: Env::new(home, []),
        clock: Arc::clone(&clock),
        tasks: tasks.child(),
        desk: engine.clone(),
    };
    let worker = Worker::new(Parts {
        orders,
        means,
        post: post.clone(),
        formats: formats::built_in().clone(),
        derived: Arc::<Derived>::default(),
        redact: Arc::new(quarterdeck::config::redact::load(None).0),
        limit: LIMIT,
        sessions: None,
    });
    tasks.thread("logs", move || worker.work()).unwrap();
    let mut console = Console::new(inbox, engine.clone(), clock);
    console.open();

    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let file = file.to_owned();
    let done = Arc::new(AtomicBool::new(false));
    let stop = Arc::clone(&done);
    let writer = std::thread::spawn(move || write(TcpStream::connect(address).unwrap(), &file, &stop));
    let from = listener.accept().unwrap().0;
    let handle = runtime.handle().clone();
    let reader = std::thread::spawn(move || read(from, &engine, &handle));
    let (pressed, when) = mpsc::channel();
    let fingers = {
        let done = Arc::clone(&done);
        std::thread::spawn(move || press(&post, &pressed, &done))
    };
    let began = Instant::now();
    let result = runtime.block_on(console.watch(&when, (SECONDS * RATE) as u64, began));
    done.store(true, Ordering::Relaxed);
    let (sent, latest) = writer.join().unwrap();
    assert_eq!(reader.join().unwrap(), sent, "every line is read");
    fingers.join().unwrap();
    tasks.cancel();
    result.print(sent, latest);
}

/// Writes lines as they come in a storm. Returns how many, and by how much it was late at most.
fn write(mut to: TcpStream, file: &Path, done: &AtomicBool) -> (u64, Duration) {
    let open = || BufReader::with_capacity(4 << 20, File::open(file).unwrap());
    let (mut from, mut piece) = (open(), Vec::new());
    let (mut sent, mut late) = (0, Duration::ZERO);
    let began = Instant::now();
    for number in 1..=SECONDS * 100 {
        if done.load(Ordering::Relaxed) {
            break;
        }
        piece.clear();
        for _ in 0..RATE / 100 {
            if from.read_until(b'\n', &mut piece).unwrap() == 0 {
                from = open();
                from.read_until(b'\n', &mut piece).unwrap();
            }
            sent += 1;
        }
        to.write_all(&piece).unwrap();
        let due = TICK * u32::try_from(number).unwrap();
        match due.checked_sub(began.elapsed()) {
            Some(rest) => std::thread::sleep(rest),
            None => late = late.max(began.elapsed().saturating_sub(due)),
        }
    }
    (sent, late)
}

/// Hands whole lines to the engine, and waits for room as sources do.
fn read(mut from: TcpStream, engine: &Desk, handle: &tokio::runtime::Handle) -> u64 {
    let stream = engine.open(StreamInfo {
        name: "access".into(),
        kind: "command",
        path: "socket".into(),
        service: None,
        host: None,
        labels: Vec::new(),
        format: Some("nginx-combined".into()),
        timezone: None,
    });
    engine.state(stream, SourceState::Live);
    let (mut room, mut rest, mut lines) = (vec![0; 512 << 10], Vec::new(), 0);
    loop {
        let read = from.read(&mut room).unwrap();
        if read == 0 {
            return lines;
        }
        rest.extend_from_slice(&room[..read]);
        let end = memchr::memrchr(b'\n', &rest).map_or(0, |at| at + 1);
        let tail = rest.split_off(end);
        let batch = Batch { bytes: std::mem::replace(&mut rest, tail), ..Batch::default() };
        lines += batch.lines() as u64;
        if !batch.bytes.is_empty() {
            handle.block_on(engine.batch(stream, batch));
        }
    }
}

fn press(post: &Post, pressed: &mpsc::Sender<Instant>, done: &AtomicBool) {
    for action in PRESSED.iter().cycle() {
        std::thread::sleep(KEYS);
        if done.load(Ordering::Relaxed) {
            return;
        }
        pressed.send(Instant::now()).unwrap();
        post.input(Msg::Acted(*action));
    }
}

/// The interface thread: what the console's loop does between inbox and terminal.
struct Console {
    inbox: Inbox,
    engine: Desk,
    clock: Arc<dyn Clock>,
    state: State,
    keymap: Keymap,
    look: Look,
    terminal: Terminal<CrosstermBackend<BufWriter<File>>>,
    painted: Vec<Duration>,
    held: usize,
}

struct Result {
    painted: Vec<Duration>,
    counted: u64,
    held: usize,
    rss_mb: u64,
    cpu: f64,
    whole: Duration,
    shown: Arc<Shown>,
}

impl Console {
    fn new(inbox: Inbox, engine: Desk, clock: Arc<dyn Clock>) -> Self {
        let out = BufWriter::new(File::options().write(true).open("/dev/null").unwrap());
        let viewport = Viewport::Fixed(Rect::new(0, 0, 200, 50));
        Self {
            inbox,
            engine,
            clock,
            state: State::new(Arc::default(), Actor { by: "ana".into(), from: "bench".into() }),
            keymap: Keymap::default(),
            look: Look::new(Theme::default(), ColourDepth::True, Glyphs::Unicode),
            terminal: Terminal::with_options(CrosstermBackend::new(out), TerminalOptions { viewport }).unwrap(),
            painted: Vec::new(),
            held: 0,
        }
    }

    /// Opens the log view and types the filter.
    fn open(&mut self) {
        self.draw();
        for msg in [
            Msg::Acted(Action::GoLogs),
            Msg::Acted(Action::Log(LogAction::EditFilter)),
            Msg::Drafted { draft: Draft::LogFilter, text: FILTER.into() },
            Msg::Acted(Action::Confirm),
        ] {
            self.tell(msg);
            self.draw();
        }
        assert!(self.state.logs.query.text == FILTER, "the filter is active");
    }

    fn tell(&mut self, msg: Msg) {
        for effect in update(&mut self.state, msg, self.clock.now()) {
            if let Effect::Logs(ask) = effect {
                self.engine.send(Order::Ask(ask));
            }
        }
    }

    fn draw(&mut self) {
        let (state, keymap, look, now) = (&self.state, &self.keymap, &self.look, self.clock.now());
        let mut facts = None;
        let frame = |frame: &mut ratatui::Frame<'_>| {
            facts = Some(ui::draw(state, keymap, look, now, None, frame.buffer_mut()));
        };
        self.terminal.draw(frame).unwrap();
        self.tell(Msg::LaidOut(facts.unwrap()));
    }

    async fn watch(mut self, when: &mpsc::Receiver<Instant>, lines: u64, began: Instant) -> Result {
        let mut messages = Vec::new();
        let before = processor_seconds();
        let (mut drawn, mut dirty, mut rss_mb, mut counted) = (Instant::now(), false, 0, 0);
        let guard = Duration::from_secs(2 * SECONDS as u64 + 30);
        while counted < lines && began.elapsed() < guard {
            self.inbox.wait(PACE.saturating_sub(drawn.elapsed()), &mut messages).await;
            self.inbox.drain(&mut messages);
            let mut keys = 0;
            for msg in messages.drain(..) {
                keys += usize::from(matches!(msg, Msg::Acted(_)));
                dirty = true;
                self.tell(msg);
            }
            if keys > 0 || dirty && drawn.elapsed() >= PACE {
                self.draw();
                (drawn, dirty) = (Instant::now(), false);
                self.painted.extend(when.try_iter().take(keys).map(|press| press.elapsed()));
                rss_mb = rss_mb.max(resident_mb());
            }
            if let Some(shown) = &self.state.logs.shown {
                counted = shown.sources.iter().map(|source| source.records).sum();
                self.held = self.held.max(shown.snapshot.bytes);
            }
        }
        let shown = self.state.logs.shown.clone().unwrap();
        let cpu = processor_seconds() - before;
        Result { painted: self.painted, counted, held: self.held, rss_mb, cpu, whole: began.elapsed(), shown }
    }
}

/// Bytes of this process in memory.
fn resident_mb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().split(' ').next()?.parse::<u64>().ok()).unwrap_or(0) / 1_024
}

/// Seconds of all cores that this process has had.
fn processor_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace().skip(11).take(2);
    // Linux counts in hundredths, whatever it does inside.
    fields.filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / 100.0
}

impl Result {
    fn print(mut self, sent: u64, late: Duration) {
        let snapshot = &self.shown.snapshot;
        if self.counted < (SECONDS * RATE) as u64 {
            println!("  MISSED: {sent} lines were sent and {} counted before nobody waited any more", self.counted);
        }
        // The line that says what went is nobody's.
        let of_logs = self.shown.all.of_logs().total;
        let kept = of_logs + snapshot.dropped.records;
        assert_eq!(kept, self.counted, "what is not here went after it was matched");
        println!(
            "  {} lines sent and counted in {:.1} s, {:.1} s of all cores (the sender was {:.0} ms late at most), {} dropped and counted",
            self.counted,
            self.whole.as_secs_f64(),
            self.cpu,
            ms(late),
            snapshot.dropped.records
        );
        let kept = if self.held <= LIMIT { "kept" } else { "MISSED" };
        println!("  most held {} MB of {} MB ({kept}), process {} MB", self.held >> 20, LIMIT >> 20, self.rss_mb);
        self.painted.sort_unstable();
        let at = |share: usize| self.painted[(self.painted.len() * share / 1_000).min(self.painted.len() - 1)];
        let kept = if at(990) <= PAINT { "kept" } else { "MISSED" };
        println!(
            "  {} keys to paint: p50 {:.1} ms, p99 {:.1} ms (limit {:.0} ms: {kept}), slowest {:.1} ms",
            self.painted.len(),
            ms(at(500)),
            ms(at(990)),
            ms(PAINT),
            ms(at(1_000))
        );
    }
}
