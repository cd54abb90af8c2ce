//! Follows one host's share of a run through lost links, and tells core what happened.
use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use super::{inbox::Post, output::Lines};
use crate::{
    core::{
        Msg,
        hosts::LinkFault,
        id::{HostName, Operator, Uid},
        logs::redact::Redactor,
        runs::{self, OutputLine, Plan, RunEvent, RunEventKind, RunOutcome, Step, StepEnd, Way, sudo},
        time::{Clock, Mono, Timestamp},
    },
    remote::{
        Remote, RemoteError,
        detached::{self, Attached, Cursor, DeadMan, Event, LockRefused, Started, Terms},
    },
};

/// How long a lost link is tried again before the run's end is called unknown.
const PATIENCE_MS: u64 = 15 * 60_000;
/// First pause before a lost link is tried again; it doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// Longest pause between two tries.
const MAX_PAUSE: Duration = Duration::from_secs(10);

/// How to begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begin {
    /// Start it.
    Start,
    /// Another console started it, or is about to: only look, start nothing.
    Attach {
        /// The last sign of whoever starts it.
        since: Timestamp,
    },
}

/// Shares that are followed in this process.
pub type Followed = Arc<Mutex<HashSet<(Uid, HostName, Way)>>>;

/// Keeps a share from being followed twice at a time; dropped when that ends.
#[derive(Debug)]
pub struct Held {
    followed: Followed,
    share: (Uid, HostName, Way),
}

impl Held {
    /// Takes a share; none when somebody has it.
    pub fn take(followed: &Followed, share: (Uid, HostName, Way)) -> Option<Self> {
        let fresh = followed.lock().unwrap_or_else(PoisonError::into_inner).insert(share.clone());
        fresh.then(|| Self { followed: Arc::clone(followed), share })
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.followed.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.share);
    }
}

/// Follows one host's share of a run.
pub struct Follower {
    /// How to reach hosts.
    pub remote: Arc<dyn Remote>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Where news go.
    pub post: Post,
    /// Who runs it.
    pub operator: Operator,
    /// Which run.
    pub run: Uid,
    /// What runs.
    pub plan: Arc<Plan>,
    /// Where.
    pub host: HostName,
    /// Whether the change is made there, or taken back.
    pub way: Way,
    /// Masks secrets in its output.
    pub redact: Arc<Redactor>,
    /// Whether `sudo` asks for a password there.
    pub asks_sudo: bool,
}

impl std::fmt::Debug for Follower {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Follower").field("run", &self.run).finish_non_exhaustive()
    }
}

/// How the share ended.
enum Ended {
    /// Every step has its end.
    Known,
    /// Nobody knows, and how to find out.
    Unknown(String),
}

type Steps<'a> = [(usize, &'a Step)];

impl Follower {
    /// Follows until the end of the share, or until nobody can know it.
    pub async fn follow(self, begin: Begin) {
        let numbers = self.plan.steps_of(&self.host, self.way);
        let steps: Vec<(usize, &Step)> =
            numbers.into_iter().filter_map(|number| Some((number, self.plan.step(number)?))).collect();
        if let Ended::Unknown(how) = self.to_its_end(&steps, begin).await {
            for (index, _) in &steps {
                let kind = RunEventKind::StepEnded { step: *index, end: StepEnd::Unknown(how.clone()) };
                self.happened(kind, None).await;
            }
        }
    }

    async fn skip(&self, steps: &Steps<'_>, why: &str) {
        for (index, _) in steps {
            let end = StepEnd::NotStarted(why.to_owned());
            self.happened(RunEventKind::StepEnded { step: *index, end }, None).await;
        }
    }

    async fn to_its_end(&self, steps: &Steps<'_>, begin: Begin) -> Ended {
        let (host, uid) = (&self.host, self.way.uid(self.run));
        let mut lost: Option<Mono> = None;
        let mut pause = FIRST_PAUSE;
        let mut alive = match begin {
            Begin::Start => self.clock.now().utc,
            Begin::Attach { since } => since,
        };
        let mut attached = match begin {
            Begin::Start => match self.start(steps, uid, (&mut lost, &mut pause)).await {
                Ok(attached) => attached,
                Err(ended) => return ended,
            },
            Begin::Attach { .. } => detached::attach(Arc::clone(&self.remote), host, uid, Cursor::default()),
        };
        let mut lines = Lines::new(Arc::clone(&self.redact), self.remote.sudo(host));
        // Whether the screen says that the link is lost.
        let mut unseen = lost.is_some();
        while let Some(event) = attached.next().await {
            if let Some(at) = at_of(&event) {
                alive = at.min(self.clock.now().utc).max(alive);
            }
            if event == Event::Absent && self.not_yet(begin, alive, &mut pause).await {
                attached = detached::attach(Arc::clone(&self.remote), host, uid, Cursor::default());
                unseen = true;
                continue;
            }
            if let Event::Lost(error) = &event {
                unseen = true;
                if let Some(ended) = self.wait(error, &mut lost, &mut pause, false).await {
                    return ended;
                }
                continue;
            }
            if std::mem::take(&mut unseen) {
                self.post.fact(Msg::Runs(runs::Msg::LinkBack { run: self.run, host: host.clone() })).await;
            }
            if event == Event::Back {
                // Only what it says shows that it is more than a connection.
                continue;
            }
            (lost, pause) = (None, FIRST_PAUSE);
            if let Some(ended) = self.tell(steps, event, &mut lines).await {
                return ended;
            }
        }
        Ended::Unknown(self.by_hand())
    }

    /// Starts the share, and watches it.
    ///
    /// # Errors
    /// Its end, where it is over before it began.
    async fn start(
        &self,
        steps: &Steps<'_>,
        uid: Uid,
        (lost, pause): (&mut Option<Mono>, &mut Duration),
    ) -> Result<Attached, Ended> {
        let host = &self.host;
        let own: Vec<Step> = steps.iter().map(|(_, step)| (*step).clone()).collect();
        let target = self.plan.targets.iter().find(|target| target.host == *host);
        let machine_id = target.and_then(|target| target.machine_id.as_deref());
        let back: Vec<Step> = match (self.way, self.plan.dead_man_ms) {
            (Way::There, Some(_)) => {
                let numbers = self.plan.steps_of(host, Way::Back);
                numbers.into_iter().filter_map(|number| self.plan.step(number).cloned()).collect()
            }
            (Way::There | Way::Back, _) => Vec::new(),
        };
        let dead_man = self.plan.dead_man_ms.filter(|_| !back.is_empty()).map(|after_ms| DeadMan {
            uid: Way::Back.uid(self.run),
            steps: &back,
            after_ms,
        });
        let calls = own.iter().chain(&back).any(|step| sudo::names(&step.command));
        let password = self.remote.sudo(host).filter(|_| calls && self.asks_sudo);
        if calls && self.asks_sudo && password.is_none() {
            let why = format!("what sudo asks for on {host} is not known here by now: nothing was done there");
            self.skip(steps, &why).await;
            return Err(Ended::Known);
        }
        let (operator, sudo) = (&self.operator, password.as_ref());
        let now = Some(self.clock.now().utc);
        let terms = Terms { lock: self.plan.lock_on(host), operator, machine_id, dead_man, now, sudo };
        // Whether a try may have come through though its answer did not.
        let mut sent = false;
        let why = loop {
            // Starting under the same id again runs it once at the most.
            match detached::begin(&self.remote, host, uid, &own, terms).await {
                Ok((Started::Now | Started::Already, attached)) => return Ok(attached),
                Ok((Started::Elsewhere { machine_id }, _)) => {
                    let what = format!("another machine answers as {host} than when this was planned");
                    let what = format!("{what} (its machine-id is {machine_id}): nothing was done there");
                    if sent {
                        return Err(Ended::Unknown(format!("{what}; where it was planned, {}", self.by_hand())));
                    }
                    break what;
                }
                Ok((Started::Refused { why }, _)) => {
                    break format!("{host} cannot take it, nothing was done there: {why}");
                }
                // Whoever answers with another key gets nothing, and a person looks first.
                Err(error) if error.fault == LinkFault::HostKey && !sent => {
                    break format!("{host}: {}: nothing was done there", error.what);
                }
                Err(error) => {
                    sent |= matches!(error.fault, LinkFault::Lost | LinkFault::Timeout);
                    if let Some(ended) = self.wait(&error, lost, pause, true).await {
                        return Err(ended);
                    }
                }
            }
        };
        self.skip(steps, &why).await;
        Err(Ended::Known)
    }

    /// Tells core what happened on the host; the end of the host's share, if this is it.
    async fn tell(&self, steps: &Steps<'_>, event: Event, lines: &mut Lines) -> Option<Ended> {
        let host = &self.host;
        // The host counts its own steps; the plan counts those of all hosts.
        let of_plan = |index: usize| steps.get(index).map(|(step, _)| *step);
        match event {
            Event::StepStarted { index, at } => {
                self.happened(RunEventKind::StepStarted { step: of_plan(index)? }, Some(at)).await;
            }
            Event::Output { index, bytes, .. } => {
                let step = of_plan(index)?;
                for text in lines.push(step, &bytes) {
                    self.output(step, text).await;
                }
            }
            Event::StepEnded { index, at, end } => {
                let step = of_plan(index)?;
                if let Some(text) = lines.rest(step) {
                    self.output(step, text).await;
                }
                self.happened(RunEventKind::StepEnded { step, end }, Some(at)).await;
            }
            Event::LockRefused(refused) => {
                self.skip(steps, &locked(host, self.plan.lock_on(host), &refused)).await;
                return Some(Ended::Known);
            }
            Event::Done { outcome: RunOutcome::Unknown, .. } => return Some(Ended::Unknown(self.by_hand())),
            Event::Done { .. } => {
                // A step that failed was the last: those behind it never began.
                self.skip(steps, "a step before it did not succeed").await;
                return Some(Ended::Known);
            }
            Event::Died => {
                return Some(Ended::Unknown(format!("the run was killed on {host}; {}", self.by_hand())));
            }
            Event::Absent => {
                self.skip(steps, &format!("{host} knows no such run: it was never started there")).await;
                return Some(Ended::Known);
            }
            // Waiting is the caller's.
            Event::Lost(_) | Event::Back => {}
        }
        None
    }

    /// Waits before the next try; the end, once it is given up.
    async fn wait(
        &self,
        error: &RemoteError,
        lost: &mut Option<Mono>,
        pause: &mut Duration,
        starting: bool,
    ) -> Option<Ended> {
        let host = &self.host;
        let now = self.clock.now().mono;
        let since = *lost.get_or_insert(now);
        if now.since(since) >= PATIENCE_MS {
            return Some(Ended::Unknown(self.by_hand()));
        }
        let what = if starting { "starting" } else { "the run may go on there" };
        let how = format!("{host}: {}; {what}, trying again. {}", error.what, self.by_hand());
        self.post.fact(Msg::Runs(runs::Msg::LinkLost { run: self.run, host: self.host.clone(), how })).await;
        tokio::time::sleep(*pause).await;
        *pause = (*pause * 2).min(MAX_PAUSE);
        None
    }

    /// Waits before a host that knows nothing of the run is asked again: the console that confirmed it may be on its way
    /// there. False once that console would have given up.
    async fn not_yet(&self, begin: Begin, alive: Timestamp, pause: &mut Duration) -> bool {
        let patience = i64::try_from(PATIENCE_MS).unwrap_or(i64::MAX);
        if begin == Begin::Start || self.clock.now().utc.since(alive) >= patience {
            return false;
        }
        let how = format!("it has not begun on {}; looking again. {}", self.host, self.by_hand());
        self.post.fact(Msg::Runs(runs::Msg::LinkLost { run: self.run, host: self.host.clone(), how })).await;
        tokio::time::sleep(*pause).await;
        *pause = (*pause * 2).min(MAX_PAUSE);
        true
    }

    fn by_hand(&self) -> String {
        let uid = self.way.uid(self.run);
        format!("to see for yourself: cat ~/.quarterdeck/runs/{uid}/journal on {}", self.host)
    }

    async fn happened(&self, kind: RunEventKind, at: Option<Timestamp>) {
        let now = self.clock.now().utc;
        // The host's clock has whole seconds and may be off: a step cannot begin after it was heard of.
        let at = at.map_or(now, |at| if (now.0 - 5_000..now.0).contains(&at.0) { now } else { at.min(now) });
        let event = RunEvent { run: self.run, at, by: self.operator.clone(), kind };
        self.post.fact(Msg::Runs(runs::Msg::Happened(event))).await;
    }

    async fn output(&self, step: usize, text: String) {
        let line = OutputLine { at: self.clock.now().utc, step, text };
        self.post.fact(Msg::Runs(runs::Msg::OutputArrived { run: self.run, line })).await;
    }
}

/// Returns when the host says that something happened.
fn at_of(event: &Event) -> Option<Timestamp> {
    match event {
        Event::StepStarted { at, .. } | Event::StepEnded { at, .. } | Event::Done { at, .. } => Some(*at),
        Event::Output { .. } | Event::LockRefused(_) | Event::Died | Event::Absent | Event::Lost(_) | Event::Back => {
            None
        }
    }
}

/// Says who holds a lock, and what can be done.
fn locked(host: &HostName, lock: &str, refused: &LockRefused) -> String {
    if let Some(error) = &refused.error {
        return format!("the lock {lock} cannot be made on {host}: {error}");
    }
    let by = refused.by.as_deref().unwrap_or("somebody");
    let since = refused.since.map(|at| format!(" since {}", at.rfc3339())).unwrap_or_default();
    let stale =
        if refused.alive == Some(false) { "; its run is dead: `qd lock` shows it and can recover it" } else { "" };
    format!("{host} is locked by {by}{since} ({lock}){stale}")
}
