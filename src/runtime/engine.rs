//! The loop: messages in, effects out, with or without a terminal.
use std::{sync::Arc, time::Duration};

use tokio::sync::mpsc;

use super::{
    executor::{self, Executor, random_uid},
    front::Front,
    history::History,
    inbox::{Inbox, Post, lanes},
    logs,
    recorder::{self, Desk},
    replay::Past,
};
use crate::{
    config,
    core::{
        Effect, Msg, State,
        inventory::Inventory,
        logs::redact::Redactor,
        record::Recorder,
        runs::Actor,
        screen::Tone,
        services,
        time::{Clock, DAY, HOUR, MINUTE, Now},
        update,
    },
    remote::{Remote, http, tls},
    store::{Keep, Owner, Store, StoreError},
    tasks::Tasks,
};

/// At least this often time is told, drawn or not.
pub const TICK: Duration = Duration::from_millis(100);

/// How an engine works.
#[derive(Clone, Debug)]
pub struct Options {
    /// Who acts here.
    pub actor: Actor,
    /// How this process names itself as the recorder: `ana@jump pid 8812`.
    pub label: String,
    /// How long history is kept.
    pub keep: Keep,
    /// Whether it may take the lease.
    pub may_record: bool,
    /// Whether incidents open by themselves for a P1.
    pub unattended: bool,
    /// Milliseconds between two samples of a host.
    pub sample_every_ms: u64,
    /// How logs are read; none: not at all.
    pub logs: Option<LogOptions>,
    /// Where what is typed and not saved is kept; none: nowhere.
    pub drafts: Option<std::path::PathBuf>,
    /// The clock of a replay; none: this is the present.
    pub replay: Option<Arc<Past>>,
    /// Masks secrets in the output of runs; none: as logs are read, else by the rules that come with the console.
    pub redact: Option<Arc<Redactor>>,
}

/// How an engine reads logs.
#[derive(Clone)]
pub struct LogOptions {
    /// How lines are read and shown.
    pub rules: logs::Rules,
    /// Bytes of lines and columns at most.
    pub limit: usize,
    /// Where sessions are kept; none: nowhere.
    pub sessions: Option<std::path::PathBuf>,
    /// Where secrets are looked up.
    pub env: crate::config::Env,
}

impl std::fmt::Debug for LogOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LogOptions").field("limit", &self.limit).finish_non_exhaustive()
    }
}

/// State and everything it needs to act.
pub struct Engine {
    /// What is known.
    pub state: State,
    executor: Executor,
    inbox: Inbox,
    post: Post,
    clock: Arc<dyn Clock>,
    delayed: mpsc::Receiver<Effect>,
    front: mpsc::UnboundedReceiver<Front>,
    ticked: Option<Now>,
    messages: Vec<Msg>,
    history: History,
    replay: Option<Replay>,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").finish_non_exhaustive()
    }
}

/// What one turn of the loop brought.
#[derive(Debug, Default)]
pub struct Turn {
    /// Messages other than the tick were handled: something visible may have changed.
    pub changed: bool,
    /// What the front end is to do.
    pub front: Vec<Front>,
}

/// An incident that is played back.
#[derive(Debug)]
struct Replay {
    past: Arc<Past>,
    /// How often the time went back without all that happened having been told anew since.
    rewinds: usize,
    /// The minute of its time for which charts were last read.
    minute: i64,
}

/// What a console knows before it was told anything.
fn begin(options: &Options) -> State {
    let mut state = State::new(Arc::default(), options.actor.clone());
    state.unattended = options.unattended;
    state.runs.unattended = options.unattended;
    state.runs.console = random_uid();
    state.screen.replay = options.replay.as_ref().map(|past| past.standing());
    if state.screen.replay.is_some() {
        state.recorder = Recorder::Other { owner: "the past".into() };
    }
    state
}

impl Engine {
    /// Starts the store's thread and makes an engine that watches nothing until it is given an inventory.
    pub fn new(
        options: Options,
        store: Result<Box<dyn Store>, StoreError>,
        remote: Arc<dyn Remote>,
        clock: Arc<dyn Clock>,
        tasks: &Tasks,
    ) -> Self {
        let (post, inbox) = lanes();
        let (effects, delayed) = mpsc::channel(256);
        let (front_end, front) = mpsc::unbounded_channel();
        let mut state = begin(&options);
        let desk: Result<Desk, String> = match store {
            Ok(store) => {
                let (desk, worker) = recorder::worker(recorder::Parts {
                    store,
                    post: post.clone(),
                    effects,
                    clock: Arc::clone(&clock),
                    owner: Owner { uid: state.runs.console, label: options.label },
                    keep: options.keep,
                    may_record: options.may_record,
                });
                tasks.blocking("store", move || worker.work()).detach();
                Ok(desk)
            }
            Err(error) => {
                post.try_fact(Msg::RecorderChanged(Recorder::Nobody { why: error.to_string() }));
                Err(error.to_string())
            }
        };
        let redact = options.redact.or_else(|| options.logs.as_ref().map(|logs| Arc::clone(&logs.rules.redact)));
        let redact = redact.unwrap_or_else(|| Arc::new(config::redact::load(None).0));
        state.logs.redact = Arc::clone(&redact);
        let logs = options.logs.map(|of| {
            let (desk, orders) = logs::desk();
            let means = logs::Means {
                remote: Arc::clone(&remote),
                http: http::Client::new(tls::Trust::system()),
                env: of.env,
                clock: Arc::clone(&clock),
                tasks: tasks.child(),
                desk: desk.clone(),
            };
            let worker = logs::Worker::new(logs::Parts {
                orders,
                means,
                post: post.clone(),
                formats: of.rules.formats,
                derived: of.rules.derived,
                redact: of.rules.redact,
                limit: of.limit,
                sessions: of.sessions,
            });
            // Nobody waits for it at the end: what it has is in memory alone.
            if let Err(error) = tasks.thread("logs", move || worker.work()) {
                tracing::error!(%error, "no thread for the log engine");
            }
            desk
        });
        let executor = Executor::new(executor::Parts {
            remote,
            clock: Arc::clone(&clock),
            post: post.clone(),
            tasks: tasks.clone(),
            desk,
            front: front_end,
            operator: options.actor.by,
            sample_every_ms: options.sample_every_ms,
            logs,
            redact,
            drafts: options.drafts,
        });
        Self {
            state,
            executor,
            inbox,
            post,
            clock,
            delayed,
            front,
            ticked: None,
            messages: Vec::new(),
            history: History::default(),
            replay: options.replay.map(|past| Replay { past, rewinds: 0, minute: 0 }),
        }
    }

    /// Returns where messages go.
    pub fn post(&self) -> Post {
        self.post.clone()
    }

    /// Watches what the inventory says from now on.
    pub fn adopt(&mut self, inventory: Arc<Inventory>, problems: Vec<String>) {
        // Nothing of a replay is watched: no host is reached and no log read.
        if self.replay.is_none() {
            self.executor.adopt(Arc::clone(&inventory));
        }
        self.handle(Msg::InventoryReplaced { inventory, problems });
        self.ask_history();
    }

    fn ask_history(&mut self) {
        let now = self.clock.now();
        let services = self.history.adopted(&self.state.inventory, &self.state.services, now);
        let hosts = self.history.hosts_adopted(&self.state.inventory, now);
        if let Some(desk) = self.executor.desk() {
            services.into_iter().chain(hosts).for_each(|wanted| desk.load(wanted));
        }
    }

    /// Reads logs from now on, for the rules about them; a console does so when its logs are opened.
    pub fn read_logs(&mut self) {
        self.executor.carry_out(Effect::Logs(crate::core::logs::Ask::Start));
    }

    /// Reads and shows logs by other rules from now on.
    pub fn log_rules(&mut self, rules: logs::Rules) {
        self.state.logs.redact = Arc::clone(&rules.redact);
        self.executor.log_rules(rules);
    }

    /// Uses a passphrase that the terminal holds.
    pub fn unlock(&mut self, host: &crate::core::id::HostName, identity: &str, passphrase: secrecy::SecretString) {
        self.executor.unlock(host, identity, passphrase);
    }

    /// Tries a password for `sudo` on these hosts; core is told where it is right.
    pub fn try_sudo(&self, hosts: Vec<crate::core::id::HostName>, password: secrecy::SecretString) {
        self.executor.try_sudo(hosts, password);
    }

    /// Handles one message at once.
    pub fn handle(&mut self, msg: Msg) {
        let now = self.clock.now();
        if let Msg::Hosts(crate::core::hosts::Msg::Pm2Arrived { host, list }) = &msg {
            self.executor.pm2(host, list);
        }
        let buckets = matches!(msg, Msg::Services(services::Msg::BucketsLoaded(_)));
        let told_anew = matches!(msg, Msg::Loaded(_)) && self.begin_again(now);
        for effect in update(&mut self.state, msg, now) {
            self.carry_out(effect);
        }
        if told_anew {
            self.ask_history();
        }
        if let (true, Some(desk)) = (buckets, self.executor.desk()) {
            desk.load(self.history.buckets_came(&self.state.services, now));
        }
    }

    /// Carries out one effect; what would reach the present is not carried out in a replay, whatever asked for it.
    fn carry_out(&mut self, effect: Effect) {
        match (&mut self.replay, effect) {
            (Some(replay), Effect::Replay(turn)) => {
                let rewound = replay.past.turn(turn);
                replay.rewinds += usize::from(rewound);
                if let (true, Some(desk)) = (rewound, self.executor.desk()) {
                    desk.load(recorder::Wanted::Events);
                }
            }
            (Some(_), effect) if !effect.stays_here() => {}
            (Some(_) | None, effect) => self.executor.carry_out(effect),
        }
    }

    /// Forgets what is known, where the time of a replay went back: what happened until then is told anew. What the person looks at
    /// stays. True when it was forgotten.
    fn begin_again(&mut self, now: Now) -> bool {
        let Some(replay) = self.replay.as_mut().filter(|replay| replay.rewinds > 0) else { return false };
        replay.rewinds -= 1;
        let inventory = Arc::clone(&self.state.inventory);
        let mut state = State::new(Arc::clone(&inventory), self.state.actor.clone());
        state.runs.console = self.state.runs.console;
        state.logs.redact = Arc::clone(&self.state.logs.redact);
        state.screen = std::mem::take(&mut self.state.screen);
        let problems = std::mem::take(&mut state.screen.problems);
        let recorder = self.state.recorder.clone();
        self.state = state;
        self.history = History::default();
        self.state.screen.problems.clone_from(&problems);
        for msg in [Msg::RecorderChanged(recorder), Msg::InventoryReplaced { inventory, problems }] {
            drop(update(&mut self.state, msg, now));
        }
        true
    }

    /// Follows the time of a replay: how it stands, its end, and the charts of hosts. True when something visible changed.
    fn follow_replay(&mut self, now: Now) -> bool {
        let Some(replay) = &mut self.replay else { return false };
        let standing = replay.past.standing();
        let minute = now.utc.0.div_euclid(MINUTE);
        let hosts = (std::mem::replace(&mut replay.minute, minute) != minute)
            .then(|| self.state.inventory.hosts.iter().map(|host| host.name.clone()).collect());
        if let (Some(hosts), Some(desk)) = (hosts, self.executor.desk()) {
            desk.load(recorder::Wanted::HostMinutes { hosts, from: now.utc - HOUR });
        }
        let before = self.state.screen.replay.replace(standing);
        if standing.ended && before.is_some_and(|before| !before.ended) {
            self.handle(Msg::Said { tone: Tone::Done, text: standing.at_its_end() });
        }
        before != Some(standing)
    }

    /// Waits for something to happen, at most one tick, and handles all that waits.
    pub async fn turn(&mut self) -> Turn {
        let left = self.ticked.map_or(Duration::ZERO, |at| {
            TICK.saturating_sub(Duration::from_millis(self.clock.now().mono.since(at.mono)))
        });
        let mut messages = std::mem::take(&mut self.messages);
        let mut turn = Turn::default();
        tokio::select! {
            biased;
            Some(effect) = self.delayed.recv() => self.carry_out(effect),
            Some(front) = self.front.recv() => turn.front.push(front),
            () = self.inbox.wait(left, &mut messages) => {}
        }
        while let Ok(effect) = self.delayed.try_recv() {
            self.carry_out(effect);
        }
        self.inbox.drain(&mut messages);
        turn.changed = !messages.is_empty();
        for msg in messages.drain(..) {
            self.handle(msg);
        }
        self.messages = messages;
        let now = self.clock.now();
        turn.changed |= self.follow_replay(now);
        if self.ticked.is_none_or(|at| now.mono.since(at.mono) >= 100) {
            let before = self.ticked.replace(now);
            self.handle(Msg::Ticked);
            if before.is_some_and(|at| at.utc.since(now.utc) > DAY) {
                // The clock had been far ahead, where there is no history: what was let go of there is read again.
                self.history = History::default();
                self.ask_history();
            }
        }
        while let Ok(front) = self.front.try_recv() {
            turn.front.push(front);
        }
        turn
    }

    /// Says what nobody leads any more, and gives the lease back.
    pub fn stop(&mut self) {
        let rows = self.state.runs.leave(self.clock.now().utc, &self.state.actor);
        if !rows.is_empty() {
            self.carry_out(Effect::Commit { rows, then: Vec::new(), what: None });
        }
        if let Some(desk) = self.executor.desk() {
            desk.stop();
        }
    }

    /// Returns the inventory in use.
    pub fn inventory(&self) -> &Arc<Inventory> {
        &self.state.inventory
    }
}
