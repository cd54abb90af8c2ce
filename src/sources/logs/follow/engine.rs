//! Follows all files of one place: looks, reads what is new, hands it over, and again.
use std::{
    collections::{BTreeSet, HashMap},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::sync::mpsc;

use super::{
    Connect, Found, Got, Lost, Place,
    entries::Entry,
    file::{File, Item, Plan},
    glob::Glob,
    tail::Phase,
};
use crate::{
    core::{
        logs::{LogSpec, Nanos, SourceState},
        time::{Mono, Now, Timestamp},
    },
    parse::sanitise,
    sources::{
        SourceError,
        logs::{LogContext, Notice, StreamId, StreamInfo},
    },
    tasks::Tasks,
};

/// Pause between two looks when nothing waits.
const POLL: Duration = Duration::from_millis(300);
/// Pause before a lost place is tried again; reaching hosts has a back-off of its own.
const RETRY: Duration = Duration::from_secs(1);
/// Most bytes that are asked for in one round over all files.
const ROUND: u64 = 4 * 1024 * 1024;
/// Between two readings of the place's clock.
const SKEW_EVERY_MS: u64 = 60_000;

/// What a silent place is told to, from within its waiting.
pub(super) struct Silence {
    pub(super) streams: Mutex<BTreeSet<StreamId>>,
    silent: AtomicBool,
}

pub(super) struct Follower {
    pub(super) context: LogContext,
    kind: &'static str,
    tasks: Tasks,
    pub(super) entries: Vec<Entry>,
    pub(super) files: Vec<File>,
    next_key: u64,
    round: u64,
    done: (mpsc::UnboundedSender<u64>, mpsc::UnboundedReceiver<u64>),
    pub(super) silence: Arc<Silence>,
    /// Since when the place is lost, and how often it was tried.
    lost: Option<(Now, u32)>,
    /// How long it had been lost, until that is told.
    returned: Option<u64>,
    skew_at: Option<Mono>,
}

/// Stops what was spawned when the source is dropped.
struct Ends(Tasks);

impl Drop for Ends {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

/// Follows the context's files until dropped.
pub(in crate::sources::logs) async fn follow(
    context: LogContext,
    kind: &'static str,
    connect: impl Connect,
) -> SourceError {
    let tasks = context.tasks.child();
    let _ends = Ends(tasks.clone());
    let silence = Arc::new(Silence { streams: Mutex::default(), silent: AtomicBool::new(false) });
    let mut follower = Follower {
        context,
        kind,
        tasks,
        entries: Vec::new(),
        files: Vec::new(),
        next_key: 0,
        round: 0,
        done: mpsc::unbounded_channel(),
        silence,
        lost: None,
        returned: None,
        skew_at: None,
    };
    follower.reconcile();
    loop {
        let lost = match connect.connect(follower.quiet()).await {
            Ok(place) => follower.serve(place).await,
            Err(lost) => lost,
        };
        let wait = if lost.denied { RETRY * 5 } else { RETRY };
        follower.is_lost(lost);
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            true = changed(&mut follower.context.wants) => follower.reconcile(),
        }
    }
}

/// Waits for other entries; for ever when there will be none.
async fn changed(wants: &mut tokio::sync::watch::Receiver<super::super::Wants>) -> bool {
    if wants.changed().await.is_err() {
        std::future::pending::<()>().await;
    }
    true
}

impl Follower {
    pub(super) fn now(&self) -> Now {
        self.context.clock.now()
    }

    fn quiet(&self) -> super::Quiet {
        let (silence, sink, clock) =
            (Arc::clone(&self.silence), Arc::clone(&self.context.sink), Arc::clone(&self.context.clock));
        Arc::new(move || {
            if !silence.silent.swap(true, Ordering::Relaxed) {
                let since = clock.now().utc;
                for stream in silence.streams.lock().unwrap_or_else(PoisonError::into_inner).iter() {
                    sink.state(*stream, SourceState::Stale { since });
                }
            }
        })
    }

    pub(super) fn open(&self, spec: &LogSpec, name: String, path: &str) -> StreamId {
        let stream = self.context.sink.open(StreamInfo {
            name,
            kind: self.kind,
            path: sanitise::line(path),
            service: spec.service.clone(),
            host: self.context.host.as_ref().map(|host| host.name.clone()),
            labels: Vec::new(),
            format: spec.format.clone(),
            timezone: spec.timezone,
        });
        self.silence.streams.lock().unwrap_or_else(PoisonError::into_inner).insert(stream);
        stream
    }

    pub(super) fn follow_path(&mut self, spec: &Arc<LogSpec>, path: &str, of_glob: bool) {
        let file = path.rsplit('/').next().unwrap_or(path);
        let name = if of_glob { sanitise::name(file) } else { spec.name.to_string() };
        let stream = self.open(spec, name, path);
        self.files.push(File::new(self.next_key, Arc::clone(&spec.name), path.to_owned(), stream));
        self.next_key += 1;
    }

    /// Serves until the place is lost.
    async fn serve(&mut self, mut place: Box<dyn Place>) -> Lost {
        let home = place.home().to_owned();
        for entry in &mut self.entries {
            entry.glob = entry.raw.at_home(&home);
        }
        if let Some((since, _)) = self.lost.take() {
            self.returned = Some(self.now().mono.since(since.mono));
        }
        self.skew_at = None;
        loop {
            let again = match self.round(place.as_mut(), &home).await {
                Ok(again) => again,
                Err(lost) => return lost,
            };
            if self.silence.silent.swap(false, Ordering::Relaxed) {
                for file in &mut self.files {
                    if let Some(told) = file.told.take() {
                        self.context.sink.state(file.stream, told.clone());
                        file.told = Some(told);
                    }
                }
            }
            if !again {
                tokio::select! {
                    () = tokio::time::sleep(POLL) => {}
                    key = self.done.1.recv() => self.is_done(key),
                    true = changed(&mut self.context.wants) => {
                        self.reconcile();
                        for entry in &mut self.entries {
                            entry.glob = entry.raw.at_home(&home);
                        }
                    }
                }
            }
            while let Ok(key) = self.done.1.try_recv() {
                self.is_done(Some(key));
            }
        }
    }

    fn is_done(&mut self, key: Option<u64>) {
        if let Some(file) = self.files.iter_mut().find(|file| Some(file.key) == key) {
            file.busy = false;
        }
    }

    fn is_lost(&mut self, lost: Lost) {
        let now = self.now();
        let first = self.lost.is_none();
        let (since, tries) = *self.lost.get_or_insert((now, 0));
        self.lost = Some((since, tries.saturating_add(1)));
        let state = if lost.denied {
            SourceState::Denied { why: lost.why.clone() }
        } else {
            SourceState::Reconnecting { since: since.utc, attempt: tries.saturating_add(1), why: lost.why.clone() }
        };
        for file in &mut self.files {
            if first && file.opened {
                file.say(Notice::Lost { why: lost.why.clone() }, now);
            }
            file.told = Some(state.clone());
            self.context.sink.state(file.stream, state.clone());
        }
        for stream in self.entries.iter().filter_map(|entry| entry.stand_in) {
            self.context.sink.state(stream, state.clone());
        }
        let silent: Vec<usize> = (0..self.entries.len()).collect();
        for at in silent {
            self.stand_in(at, &state);
        }
        self.hand_over();
    }

    /// Looks once at everything and reads what is new; says whether to look again at once.
    async fn round(&mut self, place: &mut dyn Place, home: &str) -> Result<bool, Lost> {
        self.round += 1;
        if self.context.host.is_some() && self.skew_at.is_none_or(|at| self.now().mono.since(at) >= SKEW_EVERY_MS) {
            self.measure_skew(place).await?;
        }
        let mut globs: Vec<Glob> =
            self.entries.iter().filter(|entry| entry.glob.is_absolute()).map(|entry| entry.glob.clone()).collect();
        for file in &self.files {
            globs.extend(file.old.iter().filter_map(|tail| tail.path.as_deref()).map(Glob::literal));
        }
        let look = place.look(&globs).await?;
        let now = self.now();
        let by_path: HashMap<&str, &Found> = look.files.iter().map(|found| (found.path.as_str(), found)).collect();
        for at in 0..self.entries.len() {
            self.take_entry(at, &look, &by_path, home, now);
        }
        for file in &mut self.files {
            file.look_at_old(|path| by_path.get(path).map(|found| (*found).clone()), now);
        }
        if let Some(after_ms) = self.returned.take() {
            for file in self.files.iter_mut().filter(|file| file.opened) {
                let resumed = file.place();
                file.say(Notice::Reconnected { after_ms, resumed }, now);
                if file.tail.is_some() {
                    file.tell(SourceState::Live);
                }
            }
        }
        for at in 0..self.files.len() {
            self.locate(place, at).await?;
        }
        let again = self.read(place).await;
        self.hand_over();
        again
    }

    /// Reads what is new, no file more than its share.
    async fn read(&mut self, place: &mut dyn Place) -> Result<bool, Lost> {
        let now = self.now();
        let round = self.round;
        let mut again = false;
        let mut plans: Vec<(u64, Plan)> = Vec::new();
        let mut bytes = 0;
        let count = self.files.len().max(1);
        let from = usize::try_from(round % u64::try_from(count).unwrap_or(1)).unwrap_or(0);
        for step in 0..count {
            let Some(file) = self.files.get_mut((from + step) % count).filter(|file| !file.busy) else { continue };
            if bytes >= ROUND {
                again = true;
                break;
            }
            if let Some(plan) = file.plan(round, now, &mut again) {
                bytes += plan.want.length;
                plans.push((file.key, plan));
            } else {
                file.age(now);
            }
        }
        let (packed, plain): (Vec<_>, Vec<_>) = plans.into_iter().partition(|(_, plan)| plan.packed);
        if !plain.is_empty() {
            let wants: Vec<_> = plain.iter().map(|(_, plan)| plan.want.clone()).collect();
            let answers = place.read(&wants).await?;
            let now = self.now();
            for ((key, plan), got) in plain.iter().zip(answers) {
                again |= self.take(*key, plan, got, now);
            }
        }
        for (key, plan) in &packed {
            let bytes = place.unpack(&plan.want).await?;
            let now = self.now();
            again |= self.take(*key, plan, Got::Bytes { bytes, inode: 0, device: 0 }, now);
        }
        Ok(again)
    }

    /// Takes what was read of a file; says whether there is more.
    fn take(&mut self, key: u64, plan: &Plan, got: Got, now: Now) -> bool {
        let Some(file) = self.files.iter_mut().find(|file| file.key == key) else { return false };
        file.got(plan, got, now);
        // Whoever is being handed something is asked again when that is done.
        file.out.is_empty()
            && file.old.iter().chain(&file.tail).any(|tail| tail.behind() > 0 || tail.phase == Phase::Packed)
    }

    /// Hands over what waits, in a task per file: one that is slow holds up no other.
    fn hand_over(&mut self) {
        for file in self.files.iter_mut().filter(|file| !file.busy && !file.out.is_empty()) {
            file.busy = true;
            let items = std::mem::take(&mut file.out);
            let (sink, stream, key) = (Arc::clone(&self.context.sink), file.stream, file.key);
            let done = self.done.0.clone();
            let deliver = async move {
                for item in items {
                    match item {
                        Item::Batch(batch) => sink.batch(stream, batch).await,
                        Item::Notice(notice, at) => sink.notice(stream, notice, at),
                        Item::State(state) => sink.state(stream, state),
                    }
                }
                // The follower may be gone; then nobody waits.
                done.send(key).ok();
            };
            self.tasks.spawn("log lines", deliver).detach();
        }
    }

    /// Measures how far the place's clock is ahead, from the quickest of some answers.
    async fn measure_skew(&mut self, place: &mut dyn Place) -> Result<(), Lost> {
        self.skew_at = Some(self.now().mono);
        let mut best: Option<(u64, i64)> = None;
        for _ in 0..4 {
            let before = self.now();
            let Some((theirs, exact)) = place.clock().await? else { return Ok(()) };
            let after = self.now();
            let took = after.mono.since(before.mono);
            // Whole seconds are on average half a second old.
            let half = if exact { 0 } else { Nanos::SECOND / 2 };
            let middle = Timestamp(before.utc.0 + i64::try_from(took / 2).unwrap_or(0));
            let ms = (theirs.0 + half - Nanos::from(middle).0) / Nanos::MILLI;
            let sure = i64::try_from(took / 2).unwrap_or(i64::MAX) + if exact { 1 } else { 500 };
            let ms = if ms.abs() <= sure { 0 } else { ms };
            if best.is_none_or(|(quickest, _)| took < quickest) {
                best = Some((took, ms));
            }
        }
        if let (Some((_, ms)), Some(host)) = (best, &self.context.host) {
            self.context.sink.skew(&host.name, ms);
        }
        Ok(())
    }
}
