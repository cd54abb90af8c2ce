//! Puts a document together from an incident, its runs and what was measured.
use super::{
    Action, Budget, Command, Document, Entry, Goal, Impact, Kept, Moment, Promise, Proof, Thought, TicketAt, Times,
    Todo,
};
use crate::core::{
    id::Uid,
    incidents::{self, Guard, Incident, IncidentEvent, IncidentEventKind, Section, policy::Policy},
    inventory::Slo,
    runs::{self, Run, StepState},
    services::Split,
    time::{DAY, Timestamp},
};

/// What is known beside the incident itself.
#[derive(Clone, Copy, Debug)]
pub struct Surroundings<'a> {
    /// All incidents, for those that have to do with it.
    pub incidents: &'a incidents::State,
    /// All runs that are known here.
    pub runs: &'a runs::State,
    /// What the team agreed on.
    pub policy: &'a Policy,
    /// The objective of its service.
    pub objective: Option<Slo>,
    /// How the time of that objective divides up to now, as far as it was measured.
    pub measured: Option<Split>,
    /// What is missing before it can be closed.
    pub owed: &'a [Guard],
    /// What time it is.
    pub now: Timestamp,
}

/// Returns the milliseconds between two moments; none where the clock went back in between.
fn between(from: Option<Timestamp>, to: Option<Timestamp>) -> Option<i64> {
    Some(to?.since(from?)).filter(|ms| *ms >= 0)
}

/// Returns a share in percent, to a tenth.
pub fn share(part: i64, whole: i64) -> Option<f64> {
    (whole > 0).then(|| (part as f64 * 1_000.0 / whole as f64).round() / 10.0)
}

impl Slo {
    /// Returns for how long it allows to be down within its window, in milliseconds.
    pub fn allowed_ms(&self) -> i64 {
        let window = i64::try_from(self.window_ms).unwrap_or(i64::MAX) as f64;
        #[expect(clippy::cast_possible_truncation, reason = "a share of what was an i64 before")]
        let allowed = (window * (100.0 - self.objective) / 100.0).round() as i64;
        allowed
    }

    /// Returns its window in whole days.
    pub fn days(&self) -> usize {
        usize::try_from(self.window_ms / DAY.unsigned_abs()).unwrap_or(usize::MAX).max(1)
    }
}

impl Document {
    /// Puts the document of an incident together.
    pub fn of(of: &Incident, with: Surroundings<'_>) -> Self {
        let text = |section| of.sections.get(&section).cloned();
        let class = of.classified.as_ref().map(|classified| {
            with.policy.class(&classified.class).map_or_else(|| classified.class.clone(), |class| class.title.clone())
        });
        Self {
            id: of.number.to_string(),
            title: of.title.clone(),
            severity: format!("{:?}", of.severity),
            service: of.service.as_ref().map(ToString::to_string),
            class,
            phase: of.phase.word(),
            state: state(of, with.incidents),
            lead: of.owner.as_ref().map(ToString::to_string),
            opened: Moment(of.opened),
            as_of: Moment(with.now),
            impact: impact(of, with),
            timeline: timeline(of, with),
            times: times(of),
            promises: promises(of, with),
            actions: actions(of, with),
            proof: proofs(of, with),
            over_by: over_by(of),
            evidence: evidence(of, with),
            hypotheses: thoughts(of),
            suspect: of.suspect.as_ref().map(|(key, summary)| {
                key.as_ref().map_or_else(|| "none of the changes convinces".to_owned(), |_| summary.clone())
            }),
            root_cause: text(Section::RootCause),
            lessons: text(Section::Lessons),
            follow_ups: text(Section::FollowUps),
            tasks: of.tasks.values().map(todo).collect(),
            tickets: of.tickets.iter().map(ticket).collect(),
            owed: with.owed.iter().map(|guard| guard.words()).collect(),
        }
    }
}

fn state(of: &Incident, all: &incidents::State) -> String {
    if let Some(other) = of.merged_into {
        let name = all.incidents.get(&other).map_or_else(|| other.to_string(), |other| other.number.to_string());
        return format!("merged into {name}");
    }
    of.standing().to_owned()
}

fn impact(of: &Incident, with: Surroundings<'_>) -> Impact {
    let began = of.onset.as_ref().map(|onset| onset.at);
    let ongoing = of.mitigated.is_none() && of.is_open();
    let until = of.mitigated.or(of.resolved).or(ongoing.then_some(with.now));
    let lasted_ms = between(Some(began.unwrap_or(of.detected.unwrap_or(of.opened))), until);
    let merged = merged(of, with);
    let mut services: Vec<String> = Vec::new();
    for service in std::iter::once(of).chain(merged).filter_map(|incident| incident.service.as_ref()) {
        let name = service.to_string();
        if !services.contains(&name) {
            services.push(name);
        }
    }
    let classified = of.classified.as_ref();
    Impact {
        users: classified.map(|classified| classified.impact.words()),
        words: classified.map(|classified| classified.words.clone()).filter(|words| !words.is_empty()),
        services,
        lasted_ms,
        at_least: began.is_none(),
        ongoing,
        budget: with.objective.map(|objective| budget(objective, with.measured, lasted_ms)),
    }
}

fn budget(of: Slo, measured: Option<Split>, lasted_ms: Option<i64>) -> Budget {
    let allowed_ms = of.allowed_ms();
    let window_ms = i64::try_from(of.window_ms).unwrap_or(i64::MAX);
    let incident_pct = lasted_ms.and_then(|ms| share(ms, allowed_ms));
    Budget { incident_pct, ..Budget::of(of.objective, (window_ms, allowed_ms), measured) }
}

fn run_name(run: Uid, runs: &runs::State) -> String {
    let number = runs.runs.get(&run).and_then(|run| run.number);
    number.map_or_else(|| run.to_string(), |number| number.to_string())
}

fn entry(of: &Incident, seq: u64, event: &IncidentEvent, with: Surroundings<'_>) -> Entry {
    let at = of.happened(seq).unwrap_or(event.at);
    let mut text = of.tells(&event.kind);
    if let IncidentEventKind::Action { run, .. } | IncidentEventKind::Result { run, .. } = &event.kind {
        text = format!("{} {text}", run_name(*run, with.runs));
    } else if let IncidentEventKind::Linked { other, how } = &event.kind {
        text = with.incidents.linked_words(*other, *how);
    }
    Entry {
        at: Moment(at),
        offset: of.offset(at),
        by: event.by.to_string(),
        kind: event.kind.word(),
        text,
        corrected: of.corrected.contains_key(&seq),
    }
}

/// Iterates over what went into an incident.
fn merged<'a>(of: &'a Incident, with: Surroundings<'a>) -> impl Iterator<Item = &'a Incident> {
    let family = with.incidents.family(of.uid).into_iter().filter(|other| *other != of.uid);
    family.filter_map(move |other| with.incidents.incidents.get(&other))
}

/// The timeline, and that of what went into it: each entry of another says of which.
fn timeline(of: &Incident, with: Surroundings<'_>) -> Vec<Entry> {
    let own = of.by_time().into_iter().map(|(seq, event)| entry(of, seq, event, with));
    let others = merged(of, with).flat_map(|other| {
        other.by_time().into_iter().map(move |(seq, event)| {
            let it = entry(other, seq, event, with);
            Entry { offset: of.offset(it.at.0), text: format!("{}: {}", other.number, it.text), ..it }
        })
    });
    let mut all: Vec<Entry> = own.chain(others).collect();
    all.sort_by_key(|entry| entry.at.0);
    all
}

/// Returns when an incident began, was seen, taken and mended, and what lies between.
pub fn times(of: &Incident) -> Times {
    let seen = of.detected.unwrap_or(of.opened);
    let onset = of.onset.as_ref();
    Times {
        onset: onset.map(|onset| Moment(onset.at)),
        onset_by: onset.map(|onset| onset.how.clone()),
        seen: Moment(seen),
        acknowledged: of.acknowledged.map(Moment),
        mitigated: of.mitigated.map(Moment),
        resolved: of.resolved.map(Moment),
        detect_ms: between(onset.map(|onset| onset.at), Some(seen)),
        acknowledge_ms: between(Some(seen), of.acknowledged),
        repair_ms: between(Some(seen), of.resolved),
    }
}

fn promises(of: &Incident, with: Surroundings<'_>) -> Vec<Promise> {
    let clocks = of.clocks(with.policy).into_iter();
    clocks
        .map(|clock| Promise {
            what: clock.kind.word(),
            due: Moment(clock.due),
            met: clock.met.map(Moment),
            late: clock.is_late(with.now),
        })
        .collect()
}

/// What an incident and those that went into it each have of something, its own first: what stands in several stands there once.
/// What is of another says of which.
fn gathered<T>(
    of: &Incident,
    with: Surroundings<'_>,
    each: impl Fn(&Incident) -> Vec<T>,
    (same, from): (impl Fn(&T, &T) -> bool, impl Fn(&mut T) -> &mut Option<String>),
) -> Vec<T> {
    let mut all = each(of);
    for other in merged(of, with) {
        for mut one in each(other) {
            if !all.iter().any(|known| same(known, &one)) {
                *from(&mut one) = Some(other.number.to_string());
                all.push(one);
            }
        }
    }
    all
}

fn actions(of: &Incident, with: Surroundings<'_>) -> Vec<Action> {
    let same = |one: &Action, other: &Action| match (&one.run, &other.run) {
        (Some(one), Some(other)) => one == other,
        (None, None) => (&one.at, &one.by, &one.steps) == (&other.at, &other.by, &other.steps),
        (Some(_), None) | (None, Some(_)) => false,
    };
    let mut all = gathered(of, with, |each| own_actions(each, with.runs), (same, |one: &mut Action| &mut one.from));
    for action in &mut all {
        // Of all of them the onset is that of the incident which the document is about.
        action.offset = of.offset(action.at.0);
    }
    all.sort_by_key(|action| action.at.0);
    all
}

fn own_actions(of: &Incident, runs: &runs::State) -> Vec<Action> {
    let mut all = Vec::new();
    for (seq, event) in of.by_time() {
        let at = of.happened(seq).unwrap_or(event.at);
        let (at, offset, by) = (Moment(at), of.offset(at), event.by.to_string());
        let from = None;
        if let IncidentEventKind::Action { run, summary } = &event.kind {
            let known = runs.runs.get(run);
            all.push(Action {
                at,
                offset,
                run: Some(run_name(*run, runs)),
                title: known.map_or_else(|| summary.clone(), |run| run.plan.title.clone()),
                by,
                reason: known.map(|run| run.reason.clone()).filter(|reason| !reason.is_empty()),
                outcome: known.and_then(Run::ended_words).or_else(|| last_result(of, *run)),
                took_ms: known.and_then(|run| between(Some(run.at), run.outcome.map(|(_, at)| at))),
                steps: known.map(commands),
                from,
            });
        } else if let IncidentEventKind::Command { host, command, exit, sha256, .. } = &event.kind {
            let end = exit.map(|code| format!("exit {code}"));
            let step = Command {
                host: host.to_string(),
                name: None,
                command: command.clone(),
                end: end.clone(),
                sha256: Some(sha256.clone()),
            };
            let title = format!("command on {host}");
            let (run, reason, took_ms) = (None, None, None);
            all.push(Action {
                at,
                offset,
                run,
                title,
                by,
                reason,
                outcome: end,
                took_ms,
                steps: Some(vec![step]),
                from,
            });
        }
    }
    all
}

/// How a run ended by what the timeline tells of it, where the run itself is not known here.
fn last_result(of: &Incident, run: Uid) -> Option<String> {
    let mut told = of.by_time().into_iter().rev();
    told.find_map(|(_, event)| {
        let IncidentEventKind::Result { run: known, summary, .. } = &event.kind else { return None };
        (*known == run).then(|| summary.clone())
    })
}

/// The commands of a run, those that take it back only where they began.
fn commands(of: &Run) -> Vec<Command> {
    let known = StepState::default();
    let there = of.plan.steps.len();
    let mut all = Vec::new();
    for number in 0..there + of.plan.undo_steps.len() {
        let (Some(step), state) = (of.plan.step(number), of.steps.get(number).unwrap_or(&known)) else { continue };
        if number < there || state.started.is_some() {
            all.push(Command {
                host: step.host.to_string(),
                name: Some(step.name.clone()),
                command: step.command.clone(),
                end: state.ended.as_ref().map(|(_, end)| end.words()),
                sha256: None,
            });
        }
    }
    all
}

fn proofs(of: &Incident, with: Surroundings<'_>) -> Vec<Proof> {
    let same = |one: &Proof, other: &Proof| one.run == other.run;
    gathered(of, with, |each| own_proofs(each, with.runs), (same, |one: &mut Proof| &mut one.from))
}

fn own_proofs(of: &Incident, runs: &runs::State) -> Vec<Proof> {
    let mut all: Vec<Proof> = Vec::new();
    for (_, event) in of.by_time() {
        let IncidentEventKind::Action { run, .. } = &event.kind else { continue };
        let known = runs.runs.get(run);
        let proof = known.and_then(|run| run.proof.as_ref());
        all.push(Proof {
            run: run_name(*run, runs),
            verdict: proof.map(|(verdict, _)| verdict.words()),
            summary: proof.map_or_else(|| last_result(of, *run), |(_, summary)| Some(summary.clone())),
            goals: known.map(Run::goals).unwrap_or_default().into_iter().map(goal).collect(),
            from: None,
        });
    }
    all
}

fn goal(of: runs::proof::Goal) -> Goal {
    Goal { name: of.name, before: of.before, after: of.now, goal: of.goal, met: of.met }
}

/// How it is known that it is over, or that users are helped.
fn over_by(of: &Incident) -> Option<String> {
    of.resolved.or(of.mitigated)?;
    let mut told = of.by_time().into_iter().rev();
    told.find_map(|(_, event)| {
        let (IncidentEventKind::Resolved { summary } | IncidentEventKind::Mitigated { summary }) = &event.kind else {
            return None;
        };
        Some(summary.clone())
    })
}

fn evidence(of: &Incident, with: Surroundings<'_>) -> Vec<Kept> {
    let key = |kept: &Kept| (kept.sha256.clone(), kept.what.clone(), kept.source.clone(), kept.holds);
    let same = |one: &Kept, other: &Kept| key(one) == key(other) && one.body == other.body;
    let mut all = gathered(of, with, own_evidence, (same, |one: &mut Kept| &mut one.from));
    for kept in &mut all {
        // Each incident counts its own from one: what speaks for a hypothesis there is called by that.
        kept.name = kept.from.iter().map(|from| format!("{from} ")).chain([kept.name.clone()]).collect();
    }
    all
}

fn own_evidence(of: &Incident) -> Vec<Kept> {
    let mut all = Vec::new();
    for (seq, name) in of.evidence.iter().zip(1..) {
        let Some(event) = of.timeline.get(seq) else { continue };
        if let IncidentEventKind::Pinned { what, source, body, sha256 } = &event.kind {
            all.push(Kept {
                name: format!("E{name}"),
                at: Moment(of.happened(*seq).unwrap_or(event.at)),
                by: event.by.to_string(),
                what: what.clone(),
                source: source.clone(),
                sha256: sha256.clone(),
                holds: !of.changed.contains(seq),
                body: body.clone(),
                from: None,
            });
        }
    }
    all
}

fn thoughts(of: &Incident) -> Vec<Thought> {
    let all = of.hypotheses.values().zip(1..);
    all.map(|(thought, name)| Thought {
        name: format!("H{name}"),
        text: thought.text.clone(),
        test: Some(thought.test.clone()).filter(|test| !test.is_empty()),
        supports: thought.supports.clone(),
        opposes: thought.opposes.clone(),
        holds: thought.verdict,
    })
    .collect()
}

fn todo(of: &incidents::Task) -> Todo {
    let owner = of.owner.as_ref().map(ToString::to_string);
    Todo { text: of.text.clone(), owner, due: of.due.map(Moment), done: of.done.map(Moment) }
}

fn ticket((tracker, id, url): &(String, String, Option<String>)) -> TicketAt {
    TicketAt { tracker: tracker.clone(), id: id.clone(), url: url.clone() }
}
