//! Runs: what a change would do, the gate before it, and what became of it.
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    id::{HostName, Operator, RunId, ServiceId, Uid},
    inventory::Inventory,
    record::{Audit, Row},
    ring::Ring,
    services::Health,
    time::{Mono, Now, Timestamp},
};

pub mod gate;
#[cfg(test)]
mod tests;

use gate::{Armed, Confirmation, Level, Permit, Refusal};

/// What a change would do, as data. Built by a recipe; nothing runs while it is only a plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The service it changes.
    pub service: ServiceId,
    /// Verb and object: `restart play`.
    pub title: String,
    /// The steps per host, in order.
    pub steps: Vec<Step>,
    /// What users will notice: `a restart cuts open requests`.
    pub effect: String,
    /// How to undo it, or why that is not needed.
    pub undo: String,
    /// Where the lock stands that keeps another login out: a directory made by mkdir.
    pub lock: String,
}

/// One command on one host.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// Where.
    pub host: HostName,
    /// What it is called: `restart`.
    pub name: String,
    /// The exact shell text that will run under `sh`, as the review box shows it.
    pub command: String,
    /// Directories put before PATH.
    pub path_prefix: Vec<String>,
    /// Milliseconds after which it is ended.
    pub timeout_ms: u64,
}

/// What happened to a run. A run is the fold of its events.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunEvent {
    /// The run; also the name of its directory on the host.
    pub run: Uid,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub by: Operator,
    /// What.
    pub kind: RunEventKind,
}

/// What happened to a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum RunEventKind {
    /// It was confirmed in the review box.
    Confirmed {
        /// What will run.
        plan: Plan,
        /// Why, as typed.
        reason: String,
        /// The incident it belongs to.
        incident: Option<Uid>,
    },
    /// A step began on its host.
    StepStarted {
        /// Index into the plan's steps.
        step: usize,
    },
    /// A step ended.
    StepEnded {
        /// Index into the plan's steps.
        step: usize,
        /// How.
        end: StepEnd,
    },
    /// The run ended on all hosts.
    Ended {
        /// How.
        outcome: RunOutcome,
    },
    /// The checks decided whether the service recovered.
    Proved {
        /// Whether it did.
        verdict: Verdict,
        /// One line with the state before and after.
        summary: String,
    },
}

/// How a step ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepEnd {
    /// With this exit code.
    Exit(i32),
    /// By this signal, without SIG.
    Signal(String),
    /// It was given up after its time-out.
    TimedOut,
    /// The connection was lost: nobody knows. Says how to find out.
    Unknown(String),
    /// It was never started, and why.
    NotStarted(String),
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunOutcome {
    /// Every step exited with 0.
    Succeeded,
    /// A step failed.
    Failed,
    /// The link was lost: neither success nor failure.
    Unknown,
    /// It was refused before anything ran.
    Refused,
}

/// Whether the service recovered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The checks are up again.
    Recovered,
    /// They are not.
    NotRecovered,
    /// They could not tell.
    Unknown,
}

/// A line of a run's output as it arrives.
#[derive(Clone, Debug, PartialEq)]
pub struct OutputLine {
    /// When it arrived.
    pub at: Timestamp,
    /// From which step.
    pub step: usize,
    /// Sanitised text.
    pub text: String,
}

/// Facts about a service's instances that recipes plan with, taken from the last samples.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct PlanFacts {
    /// PM2 processes by host; only lists that are fresh.
    pub pm2: BTreeMap<HostName, super::hosts::Pm2List>,
}

/// How long keys typed before a review opened may still arrive: they are dropped, in milliseconds.
pub const TYPE_AHEAD_MS: u64 = 500;
/// How long a confirmed change in production can still be cancelled, in milliseconds.
pub const CANCEL_MS: u64 = 2_000;
/// How long the checks have to show that the service recovered, in milliseconds.
pub const PROOF_MS: u64 = 90_000;
/// Lines of output kept per run.
pub const OUTPUT_LINES: usize = 2_000;

/// Runs and the review before them.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct State {
    /// Which environment may be changed.
    pub armed: Armed,
    /// A restart that was asked for and whose plan is being made.
    pub planning: Option<ServiceId>,
    /// The review box, while it is open.
    pub review: Option<Review>,
    /// Every run this console knows of.
    pub runs: BTreeMap<Uid, Run>,
}

/// A plan in front of a person.
#[derive(Clone, Debug, PartialEq)]
pub struct Review {
    /// The id the run will have.
    pub run: Uid,
    /// What would run.
    pub plan: Plan,
    /// Digest of the plan: what is confirmed is what was shown.
    pub hash: String,
    /// How hard it is guarded.
    pub level: Level,
    /// The incident it would belong to.
    pub incident: Option<Uid>,
    /// When the box opened.
    pub opened: Mono,
    /// The service name as typed.
    pub typed: String,
    /// Why.
    pub reason: String,
    /// Whether the commands are shown.
    pub commands: bool,
    /// While it counts down: the moment it starts.
    pub starts: Option<Mono>,
    /// Why the last try to confirm did not pass.
    pub refused: Option<String>,
    /// The service's state when the box opened.
    pub before: Health,
}

impl Review {
    /// Says what is still missing.
    ///
    /// # Errors
    /// The first thing that is missing.
    pub fn ready(&self, inventory: &Inventory, armed: &Armed, now: Now) -> Result<Permit, Refusal> {
        let given = Confirmation { typed: &self.typed, reason: &self.reason, yes: true };
        gate::pass(inventory, armed, &self.plan, given, now)
    }
}

/// A run: the fold of its events, and what arrived of its output.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// Its id.
    pub run: Uid,
    /// Its number, once the store has given one.
    pub number: Option<RunId>,
    /// What was confirmed.
    pub plan: Plan,
    /// Why.
    pub reason: String,
    /// By whom.
    pub by: Operator,
    /// When.
    pub at: Timestamp,
    /// The incident it belongs to.
    pub incident: Option<Uid>,
    /// Per step: when it started and how it ended.
    pub steps: Vec<StepState>,
    /// How it ended.
    pub outcome: Option<(RunOutcome, Timestamp)>,
    /// What the checks say.
    pub proof: Option<(Verdict, String)>,
    /// Its output, as far as this console followed it.
    pub output: Ring<OutputLine>,
    /// When it ended, on the clock that proof is measured with.
    pub ended: Option<Mono>,
    /// The service's state before.
    pub before: Health,
    /// The service's state by the last result from after the run.
    pub after: Health,
    /// Whether the link is lost and how to find out what became of it.
    pub lost: Option<String>,
}

/// What became of a step.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct StepState {
    /// When it started.
    pub started: Option<Timestamp>,
    /// When and how it ended.
    pub ended: Option<(Timestamp, StepEnd)>,
}

/// What happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Msg {
    /// A person asked for a restart.
    RestartAsked {
        /// Of which service.
        service: ServiceId,
    },
    /// The recipe made a plan.
    Planned {
        /// The id that the run would have.
        run: Uid,
        /// The plan.
        plan: Plan,
        /// The incident that is open for the service.
        incident: Option<Uid>,
        /// The service's state now.
        before: Health,
    },
    /// The recipe cannot.
    PlanRefused {
        /// For which service.
        service: ServiceId,
        /// Why, and what to do.
        why: String,
    },
    /// The typed name changed.
    NameTyped(String),
    /// The reason changed.
    ReasonTyped(String),
    /// The commands were asked for, or hidden.
    CommandsToggled,
    /// The person confirmed: Enter in production, `y` elsewhere.
    Confirmed,
    /// The person left the box or stopped the countdown.
    Cancelled,
    /// Write was armed for an environment.
    WriteArmed(super::id::EnvName),
    /// Write was disarmed.
    WriteDisarmed,
    /// Output arrived.
    OutputArrived {
        /// Of which run.
        run: Uid,
        /// The line.
        line: OutputLine,
    },
    /// Something happened on the host.
    Happened(RunEvent),
    /// The link to the host was lost: the run goes on there, nobody sees it.
    LinkLost {
        /// Which run.
        run: Uid,
        /// What is tried, and how to find out by hand.
        how: String,
    },
    /// The store gave an event back, from this or another console.
    Stored {
        /// The run's number.
        number: RunId,
        /// The event.
        event: RunEvent,
    },
    /// The checks were asked again after a run: the service's state now.
    HealthSeen {
        /// The service.
        service: ServiceId,
        /// Its state by results that began after the run ended.
        health: Health,
        /// When those results began.
        since: Timestamp,
    },
    /// Time went by.
    Ticked,
}

/// What is to be done outside.
#[derive(Clone, Debug, PartialEq)]
pub enum Ask {
    /// Have the recipe plan a restart.
    Plan(ServiceId),
    /// Start the run once its rows are on disk.
    Start {
        /// The rows that must be on disk first.
        rows: Vec<Row>,
        /// The run.
        run: Uid,
        /// What to run.
        plan: Plan,
        /// The gate's leave.
        permit: Permit,
    },
    /// Ask the service's checks at once: a run ended and they decide whether it helped.
    CheckNow(ServiceId),
}

/// What other slices hear.
#[derive(Clone, Debug, PartialEq)]
pub enum Fact {
    /// A run was confirmed.
    Confirmed {
        /// Which.
        run: Uid,
    },
    /// A run ended.
    Ended {
        /// Which.
        run: Uid,
    },
    /// The checks decided.
    Proved {
        /// Which.
        run: Uid,
    },
    /// Something to tell the person.
    Said(String),
}

/// What an update leaves to do.
#[derive(Clone, Debug, PartialEq, Default)]
#[must_use = "what is not carried out never happens"]
pub struct Out {
    /// To be written.
    pub rows: Vec<Row>,
    /// To be told.
    pub facts: Vec<Fact>,
    /// To be done.
    pub asks: Vec<Ask>,
}

/// Who acts, for rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Actor {
    /// The person.
    pub by: Operator,
    /// From where.
    pub from: String,
}

/// Applies one message.
pub fn update(state: &mut State, msg: Msg, now: Now, inventory: &Inventory, actor: &Actor) -> Out {
    let mut out = Out::default();
    match msg {
        Msg::RestartAsked { service } => {
            state.planning = Some(service.clone());
            out.asks.push(Ask::Plan(service));
        }
        Msg::Planned { run, plan, incident, before } => {
            open_review(state, (run, plan, incident, before), now, inventory, &mut out);
        }
        Msg::PlanRefused { service, why } => {
            if state.planning.as_ref() == Some(&service) {
                state.planning = None;
            }
            out.facts.push(Fact::Said(format!("{service}: {why}")));
        }
        Msg::NameTyped(text) => edit(state, now, |review| review.typed = text),
        Msg::ReasonTyped(text) => edit(state, now, |review| review.reason = text),
        Msg::CommandsToggled => edit(state, now, |review| review.commands = !review.commands),
        Msg::Confirmed => confirm(state, now, inventory, actor, &mut out),
        Msg::Cancelled => {
            if let Some(review) = state.review.take() {
                out.facts.push(Fact::Said(format!("{}: cancelled, nothing was changed", review.plan.title)));
            }
        }
        Msg::WriteArmed(env) => {
            out.rows.push(Row::Audit(audit(actor, now, "write.armed", env.as_str(), "")));
            state.armed.arm(env, now.mono + inventory.write.arm_ms);
        }
        Msg::WriteDisarmed => state.armed.disarm(),
        Msg::OutputArrived { run, line } => {
            if let Some(run) = state.runs.get_mut(&run) {
                run.lost = None;
                run.output.push(line);
            }
        }
        Msg::Happened(event) => {
            fold(state, None, &event, now, &mut out.facts);
            if let (RunEventKind::Ended { .. }, Some(run)) = (&event.kind, state.runs.get(&event.run)) {
                out.asks.push(Ask::CheckNow(run.plan.service.clone()));
            }
            out.rows.push(Row::Run(event));
        }
        Msg::LinkLost { run, how } => {
            if let Some(run) = state.runs.get_mut(&run).filter(|run| run.outcome.is_none()) {
                run.lost = Some(how);
            }
        }
        Msg::Stored { number, event } => fold(state, Some(number), &event, now, &mut Vec::new()),
        Msg::HealthSeen { service, health, since } => prove(state, &service, (health, since), now, actor, &mut out),
        Msg::Ticked => tick(state, now, inventory, actor, &mut out),
    }
    out
}

fn audit(actor: &Actor, now: Now, what: &str, target: &str, detail: &str) -> Audit {
    Audit {
        at: now.utc,
        by: actor.by.clone(),
        from: actor.from.clone(),
        what: what.into(),
        target: target.into(),
        detail: detail.into(),
    }
}

fn open_review(
    state: &mut State,
    (run, plan, incident, before): (Uid, Plan, Option<Uid>, Health),
    now: Now,
    inventory: &Inventory,
    out: &mut Out,
) {
    // A plan that nobody waits for any more (the person asked for another, or left) opens no box.
    if state.planning.as_ref() != Some(&plan.service) {
        return;
    }
    state.planning = None;
    if let Err(refusal) = gate::check_hosts(inventory, &plan) {
        out.facts.push(Fact::Said(format!("{}: {refusal}", plan.title)));
        return;
    }
    state.review = Some(Review {
        run,
        hash: hash(&plan),
        level: gate::level(inventory, &plan.service.env),
        plan,
        incident,
        opened: now.mono,
        typed: String::new(),
        reason: String::new(),
        commands: false,
        starts: None,
        refused: None,
        before,
    });
}

/// Returns the first 8 hex digits of the plan's SHA-256: enough for a person to compare two boxes.
pub fn hash(plan: &Plan) -> String {
    use sha2::Digest as _;
    use std::fmt::Write as _;

    let bytes = serde_json::to_vec(plan).unwrap_or_default();
    sha2::Sha256::digest(&bytes).iter().take(4).fold(String::new(), |mut hex, byte| {
        // Writing to a String cannot fail.
        if write!(hex, "{byte:02x}").is_err() {
            hex.clear();
        }
        hex
    })
}

/// Changes the review unless the keys may have been meant for what was on screen before the box.
fn edit(state: &mut State, now: Now, change: impl FnOnce(&mut Review)) {
    if let Some(review) = state.review.as_mut().filter(|review| settled(review, now) && review.starts.is_none()) {
        review.refused = None;
        change(review);
    }
}

fn settled(review: &Review, now: Now) -> bool {
    now.mono.since(review.opened) >= TYPE_AHEAD_MS
}

fn confirm(state: &mut State, now: Now, inventory: &Inventory, actor: &Actor, out: &mut Out) {
    let Some(review) = state.review.as_mut().filter(|review| settled(review, now) && review.starts.is_none()) else {
        return;
    };
    match review.ready(inventory, &state.armed, now) {
        Err(refusal) => review.refused = Some(refusal.to_string()),
        Ok(permit) => match permit.level() {
            Level::Production => review.starts = Some(now.mono + CANCEL_MS),
            Level::Review => start(state, permit, now, actor, out),
        },
    }
}

fn start(state: &mut State, permit: Permit, now: Now, actor: &Actor, out: &mut Out) {
    let Some(review) = state.review.take() else { return };
    let event = RunEvent {
        run: review.run,
        at: now.utc,
        by: actor.by.clone(),
        kind: RunEventKind::Confirmed {
            plan: review.plan.clone(),
            reason: review.reason.trim().to_owned(),
            incident: review.incident,
        },
    };
    fold(state, None, &event, now, &mut out.facts);
    if let Some(run) = state.runs.get_mut(&review.run) {
        run.before = review.before;
    }
    let service = review.plan.service.to_string();
    let rows = vec![
        Row::Audit(audit(actor, now, "run.confirmed", &service, &format!("{} plan {}", review.run, review.hash))),
        Row::Run(event),
    ];
    out.asks.push(Ask::Start { rows, run: review.run, plan: review.plan, permit });
}

fn fold(state: &mut State, number: Option<RunId>, event: &RunEvent, now: Now, facts: &mut Vec<Fact>) {
    if let RunEventKind::Confirmed { plan, reason, incident } = &event.kind {
        let fresh = !state.runs.contains_key(&event.run);
        let run = state.runs.entry(event.run).or_insert_with(|| Run {
            run: event.run,
            number: None,
            steps: vec![StepState::default(); plan.steps.len()],
            plan: plan.clone(),
            reason: reason.clone(),
            by: event.by.clone(),
            at: event.at,
            incident: *incident,
            outcome: None,
            proof: None,
            output: Ring::new(OUTPUT_LINES),
            ended: None,
            before: Health::Unknown,
            after: Health::Unknown,
            lost: None,
        });
        run.number = run.number.or(number);
        if fresh {
            facts.push(Fact::Confirmed { run: event.run });
        }
        return;
    }
    let Some(run) = state.runs.get_mut(&event.run) else { return };
    run.number = run.number.or(number);
    match &event.kind {
        RunEventKind::Confirmed { .. } => {}
        RunEventKind::StepStarted { step } => {
            if let Some(step) = run.steps.get_mut(*step) {
                step.started.get_or_insert(event.at);
            }
        }
        RunEventKind::StepEnded { step, end } => {
            if let Some(step) = run.steps.get_mut(*step) {
                // What the host's journal says later is worth more than that the link was lost.
                let unknown = matches!(step.ended, None | Some((_, StepEnd::Unknown(_))));
                if unknown {
                    step.ended = Some((event.at, end.clone()));
                }
            }
        }
        RunEventKind::Ended { outcome } => {
            let unknown = matches!(run.outcome, None | Some((RunOutcome::Unknown, _)));
            if unknown {
                run.outcome = Some((*outcome, event.at));
                run.ended = Some(now.mono);
                run.lost = None;
                facts.push(Fact::Ended { run: event.run });
            }
        }
        RunEventKind::Proved { verdict, summary } => {
            if run.proof.is_none() {
                run.proof = Some((*verdict, summary.clone()));
                facts.push(Fact::Proved { run: event.run });
            }
        }
    }
}

fn prove(
    state: &mut State,
    service: &ServiceId,
    (health, since): (Health, Timestamp),
    now: Now,
    actor: &Actor,
    out: &mut Out,
) {
    let waiting: Vec<Uid> = waiting_for_proof(state, actor)
        .filter(|run| run.plan.service == *service && run.outcome.is_some_and(|(_, ended)| since >= ended))
        .map(|run| run.run)
        .collect();
    for run in waiting {
        if let Some(run) = state.runs.get_mut(&run) {
            run.after = health;
        }
        // While it is not up the verdict waits: the time for it is not over.
        if matches!(health, Health::Up | Health::Degraded) {
            conclude(state, run, Verdict::Recovered, (now, actor), out);
        }
    }
}

/// Runs of this operator that ended and whose service has not been proved yet.
fn waiting_for_proof<'a>(state: &'a State, actor: &'a Actor) -> impl Iterator<Item = &'a Run> {
    state.runs.values().filter(|run| run.proof.is_none() && run.ended.is_some() && run.by == actor.by)
}

fn conclude(state: &mut State, uid: Uid, verdict: Verdict, (now, actor): (Now, &Actor), out: &mut Out) {
    let Some(run) = state.runs.get(&uid) else { return };
    let word = |health: Health| match health {
        Health::Up => "up",
        Health::Degraded => "degraded",
        Health::Down => "down",
        Health::Maintenance => "in maintenance",
        Health::Unknown => "unknown",
    };
    let verdict_words = match verdict {
        Verdict::Recovered => "recovered",
        Verdict::NotRecovered => "did not recover",
        Verdict::Unknown => "nobody can tell whether it recovered",
    };
    let summary = format!("{} {verdict_words}: {} before, {} now", run.plan.service, word(run.before), word(run.after));
    let event =
        RunEvent { run: uid, at: now.utc, by: actor.by.clone(), kind: RunEventKind::Proved { verdict, summary } };
    fold(state, None, &event, now, &mut out.facts);
    out.rows.push(Row::Run(event));
}

fn tick(state: &mut State, now: Now, inventory: &Inventory, actor: &Actor, out: &mut Out) {
    if state.armed.left(now).is_none() {
        state.armed.disarm();
    }
    if let Some(review) = state.review.as_mut().filter(|review| review.starts.is_some_and(|at| at <= now.mono)) {
        // The gate is asked again: write may have been disarmed during the two seconds.
        match review.ready(inventory, &state.armed, now) {
            Ok(permit) => start(state, permit, now, actor, out),
            Err(refusal) => {
                review.starts = None;
                review.refused = Some(refusal.to_string());
            }
        }
    }
    let late: Vec<Uid> = waiting_for_proof(state, actor)
        .filter(|run| run.ended.is_some_and(|ended| now.mono.since(ended) >= PROOF_MS))
        .map(|run| run.run)
        .collect();
    for run in late {
        let after = state.runs.get(&run).map_or(Health::Unknown, |run| run.after);
        let verdict = if after == Health::Down { Verdict::NotRecovered } else { Verdict::Unknown };
        conclude(state, run, verdict, (now, actor), out);
    }
}

impl State {
    /// Returns runs, newest first.
    pub fn newest_first(&self) -> Vec<&Run> {
        let mut runs: Vec<&Run> = self.runs.values().collect();
        runs.sort_by(|a, b| b.at.cmp(&a.at).then(b.run.cmp(&a.run)));
        runs
    }

    /// Returns runs that were confirmed and have not ended, as far as anybody knows.
    pub fn unfinished(&self) -> impl Iterator<Item = &Run> {
        self.runs.values().filter(|run| run.outcome.is_none())
    }

    /// Returns the services whose runs wait for their checks, with the moment from which results count.
    pub fn awaiting_proof(&self) -> Vec<(ServiceId, Timestamp)> {
        self.runs
            .values()
            .filter(|run| run.proof.is_none())
            .filter_map(|run| run.outcome.map(|(_, at)| (run.plan.service.clone(), at)))
            .collect()
    }
}
