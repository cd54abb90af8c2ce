//! Runs: their rows, and one of them in detail.
mod hosts;

use super::{Reader, words};
use crate::{
    core::{
        action::Action as Act,
        id::Uid,
        inventory::EnvKind,
        runs::{Action, Run, RunOutcome, SNAPSHOT, Share, StepEnd, Verdict, Way, proof},
        screen::{Draft, Overlay, Pane, RowKey, found},
        time,
    },
    ui::{
        rows::health_word,
        runs::{Bake, Head, OutputRow, ProofRow, RunDetail, RunRow},
        show::{Input, Tone},
    },
};

impl Reader<'_> {
    /// Returns a run's number, or its id while it has none.
    pub(super) fn run_number(&self, run: Uid) -> String {
        let number = self.state.runs.runs.get(&run).and_then(|run| run.number);
        number.map_or_else(|| run.to_string(), |number| number.to_string())
    }

    pub(super) fn run_rows(&self, rows: &[RowKey]) -> Vec<RunRow> {
        let runs = rows.iter().filter_map(|row| {
            let RowKey::Run(uid) = row else { return None };
            self.state.runs.runs.get(uid)
        });
        runs.map(|run| RunRow {
            id: self.run_number(run.run),
            title: run.plan.title.clone(),
            hosts: names(run).join(" "),
            by: run.by.to_string(),
            result: self.result(run),
            proof: run.proof.as_ref().map_or_else(String::new, |(_, summary)| summary.clone()),
            age: time::short(words::ms(self.now.utc.since(run.at))),
        })
        .collect()
    }

    pub(super) fn run_detail(&self, of: &Run) -> RunDetail {
        let (output, output_of) = self.output(of);
        let (steps, back) = hosts::columns(of);
        RunDetail {
            production: self.state.inventory.env_kind(&of.plan.service.env) == EnvKind::Production,
            head: self.head(of),
            hosts: self.run_hosts(of, &steps),
            steps: steps.into_iter().map(|column| column.name).collect(),
            back,
            facts: self.run_facts(of),
            output,
            output_of,
            output_all: of.output.len(),
            found: self.found(),
            live: of.outcome.is_none(),
            proof: proof_rows(of),
            checks: self.proof_checks(of),
            bake: self.bake(of),
            verdict: verdict(of, self.now.utc),
            lost: lost(of),
            unled: of.unled(self.now.utc).map_or_else(String::new, |heard| self.unled(heard)),
        }
    }

    /// How a run stands, in words.
    pub(super) fn result(&self, of: &Run) -> (Tone, String) {
        match of.unled(self.now.utc) {
            Some(_) => (Tone::Warn, "no lead".to_owned()),
            None => result(of),
        }
    }

    /// What to do about a run whose console is gone.
    fn unled(&self, heard: time::Timestamp) -> String {
        let key = self.key(Act::TakeRunOver).unwrap_or_else(|| ":take-run-over".to_owned());
        format!(
            "nobody leads it, its console was last heard at {}: {key} goes on with it from here",
            self.moment(heard)
        )
    }

    fn head(&self, of: &Run) -> Head {
        let plan = &of.plan;
        let change = match super::boxes::change(plan) {
            Some(change) if plan.changes_version() => change,
            Some(version) => format!("{}, {version}", plan.title),
            None => plan.title.clone(),
        };
        let count = plan.hosts().len();
        let hosts = match count {
            1 => "1 host".to_owned(),
            _ => format!("{count} hosts, {}", plan.strategy.words()),
        };
        let until = of.outcome.map_or(self.now.utc, |(_, at)| at);
        let well = |state: &&crate::core::runs::StepState| matches!(state.ended, Some((_, StepEnd::Exit(0))));
        Head {
            change,
            hosts,
            elapsed: time::precise(words::ms(until.since(of.at))),
            left: match self.state.runs.time_left(of, self.now.utc) {
                None => String::new(),
                Some(0) => "longer than usual".to_owned(),
                Some(ms) => format!("about {} left", time::precise(ms.max(1_000) / 1_000 * 1_000)),
            },
            done: of.steps.iter().take(plan.steps.len()).filter(well).count(),
            all: plan.steps.len(),
            live: of.outcome.is_none(),
        }
    }

    /// What is said about a run, what one has to know first.
    fn run_facts(&self, of: &Run) -> Vec<(String, String)> {
        let plan = &of.plan;
        let second = match &of.approved {
            Some(by) => format!("approved by {by}"),
            None if of.awaits_approval() => {
                format!(
                    "waits for {}: {} in their console, or `qd approve {}`; {}",
                    self.approvers(plan, &of.by),
                    self.key(Act::ApproveRun).unwrap_or_else(|| ":approve-run".to_owned()),
                    self.run_number(of.run),
                    self.approval_left(of)
                )
            }
            None => String::new(),
        };
        let mut facts = Vec::new();
        let mut add = |label: &str, text: String| facts.push((label.to_owned(), text));
        if of.awaits_approval() {
            add("second", second.clone());
        }
        add("gate", self.gate(of));
        add("sets", of.serves());
        add("snapshot", self.snapshot(of));
        add("command", self.command(of));
        add("policy", policy(of));
        add("undo", plan.undo.clone());
        let elsewhere = plan.locks.iter().map(|(host, lock)| format!(", {lock} on {host}"));
        add("lock", [plan.lock.clone()].into_iter().chain(elsewhere).collect());
        if !of.awaits_approval() {
            add("second", second);
        }
        add("reason", format!("{}, {} at {}", of.reason, of.by, self.moment(of.at)));
        let incident = of.incident.and_then(|uid| self.state.incidents.incidents.get(&uid));
        add("incident", incident.map_or_else(String::new, |of| format!("{} {}", of.number, of.title)));
        add("proof", plan.proof.clone());
        facts.retain(|(_, text)| !text.is_empty());
        facts
    }

    /// Where what was seen of the hosts before they were changed is kept; while it is taken, how long that may last.
    fn snapshot(&self, of: &Run) -> String {
        if !of.plan.steps.iter().any(|step| step.name == SNAPSHOT) {
            return String::new();
        }
        let kept = format!("kept in ~/.quarterdeck/runs/{}/before on each host", of.run);
        let taken: Vec<String> = of.snapshots().iter().map(ToString::to_string).collect();
        if taken.is_empty() {
            return kept;
        }
        let key = self.key(Act::SkipSnapshot).unwrap_or_else(|| ":skip-snapshot".to_owned());
        format!("of {}, 2 s at most; {key} goes on without it; {kept}", taken.join(" "))
    }

    /// What the gate between two waves waits for, or why it does not open.
    fn gate(&self, of: &Run) -> String {
        match (&of.gate.failed, of.gate.since) {
            (Some(why), _) => why.clone(),
            (None, Some(since)) if of.outcome.is_none() => {
                let (waited, between) = (time::precise(self.now.mono.since(since)), of.plan.between);
                let good =
                    format!("{} of {} good answers in a row", of.gate.healthy.min(between.healthy), between.healthy);
                let within =
                    time::precise(between.within_ms.saturating_add(if bakes(of) { between.bake_ms } else { 0 }));
                format!("{good}, after {waited} of {within}")
            }
            (None, _) => String::new(),
        }
    }

    /// The command of the host under the cursor that matters now: what failed, what runs, what is next.
    fn command(&self, of: &Run) -> String {
        let Some(RowKey::Host(host)) = self.state.screen.cursor(Pane::Steps) else { return String::new() };
        let mut numbers = of.plan.steps_of(host, Way::There);
        if of.share(host, Way::Back) != Share::Waiting {
            numbers.extend(of.plan.steps_of(host, Way::Back));
        }
        let state = |number: &usize| of.steps.get(*number);
        let runs =
            |number: &&usize| state(number).is_some_and(|state| state.started.is_some() && state.ended.is_none());
        let bad = |number: &&usize| {
            let end = state(number).and_then(|state| state.ended.as_ref());
            end.is_some_and(|(_, end)| !matches!(end, StepEnd::Exit(0) | StepEnd::NotStarted(_)))
        };
        let open = |number: &&usize| state(number).is_none_or(|state| state.ended.is_none());
        let found = numbers.iter().find(runs).or_else(|| numbers.iter().find(bad));
        let found = found.or_else(|| numbers.iter().find(open)).or(numbers.last());
        let step = found.and_then(|number| of.plan.step(*number));
        step.map_or_else(String::new, |step| format!("{host} $ {}", super::boxes::one_line(&step.command)))
    }

    /// The lines that are shown, and the one host that they are of.
    fn output(&self, of: &Run) -> (Vec<OutputRow>, Option<String>) {
        let lines: Vec<_> = of.output.iter().collect();
        let one = self.state.screen.output_of.as_ref();
        let named = one.is_none() && of.plan.hosts().len() > 1;
        // The output can be walked: it ends at the cursor, which follows the newest line until it is moved.
        let until = self.state.screen.cursor(Pane::Output);
        let until = if let Some(RowKey::Index(until)) = until { *until } else { usize::MAX };
        let (wanted, at) = (found::wanted(self.state), Some(until));
        let shown = self.indices(Pane::Output).take_while(|index| *index <= until);
        let rows = shown.filter_map(|index| Some((index, lines.get(index)?))).map(|(index, line)| OutputRow {
            at: self.moment(line.at),
            host: of.plan.step(line.step).filter(|_| named).map_or_else(String::new, |step| step.host.to_string()),
            hits: found::places(&line.text, wanted),
            current: !wanted.is_empty() && at == Some(index),
            text: line.text.clone(),
        });
        (rows.collect(), one.map(ToString::to_string))
    }

    /// Which of the lines that hold what is searched the cursor is on.
    fn found(&self) -> String {
        if found::wanted(self.state).is_empty() {
            return String::new();
        }
        let (hits, at) = (found::hits(self.state), found::at(self.state));
        match hits.iter().position(|hit| *hit == at) {
            Some(nth) => format!("hit {} of {}", nth + 1, hits.len()),
            None => format!("{} hits", hits.len()),
        }
    }

    /// The search that is typed.
    pub(super) fn search_input(&self) -> Option<Input> {
        if self.state.screen.overlay != Some(Overlay::Search) {
            return None;
        }
        let text = self.state.screen.draft(Draft::Search).to_owned();
        let says =
            if text.is_empty() { "a text; capitals count where some are typed".to_owned() } else { self.found() };
        Some(Input { prompt: "search ".into(), cursor: text.len(), text, wrong: None, says })
    }

    fn bake(&self, of: &Run) -> Option<Bake> {
        let all_ms = of.plan.between.bake_ms;
        if all_ms == 0 || of.outcome.is_some() || of.plan.action == Action::Restart || of.gate.failed.is_some() {
            return None;
        }
        let done_ms = of.gate.since.filter(|_| bakes(of)).map(|since| self.now.mono.since(since).min(all_ms));
        Some(Bake { done_ms, all_ms })
    }

    /// What each check says, as long as they were not held together: only a result from after the run proves anything.
    fn proof_checks(&self, of: &Run) -> Vec<(String, String)> {
        let ended = of.outcome.map(|(_, at)| at);
        let service = self.state.services.service(&of.plan.service).filter(|_| of.proof.is_none());
        let checks = service.map_or(&[][..], |service| service.checks.as_slice());
        let says = checks.iter().map(|check| {
            let after = check.last.as_ref().filter(|last| ended.is_some_and(|ended| last.slot >= ended));
            let says = match after {
                Some(last) => {
                    let took = last.took_ms.map_or_else(String::new, |ms| format!(", {ms} ms"));
                    format!("{}{took}", last.detail)
                }
                None if ended.is_none() => "asked after the run".to_owned(),
                None => "not asked since".to_owned(),
            };
            (check.spec.id.check.to_string(), says)
        });
        says.collect()
    }
}

/// Says whether all hosts are done and what was brought out must stay good for a while.
fn bakes(of: &Run) -> bool {
    let done =
        |host: &crate::core::id::HostName| !matches!(of.share(host, Way::There), Share::Waiting | Share::Running);
    of.gate.passed + 1 >= of.plan.waves().len() && of.plan.hosts().iter().all(done)
}

/// When it stops, and what must be seen before it goes on.
fn policy(of: &Run) -> String {
    let plan = &of.plan;
    let mut text = match plan.max_failures {
        0 => "any failure stops it".to_owned(),
        1 => "more than 1 failure stops it".to_owned(),
        most => format!("more than {most} failures stop it"),
    };
    if plan.undo_by_itself && !plan.undo_steps.is_empty() {
        text.push_str(", and it is taken back by itself");
    }
    let Some(between) = Some(plan.between).filter(|_| plan.waves().len() > 1 || plan.action != Action::Restart) else {
        return text;
    };
    text.push_str("; gate: ");
    text.push_str(&between.healthy.to_string());
    text.push_str(" good answers in a row within ");
    text.push_str(&time::precise(between.within_ms));
    if between.bake_ms > 0 && plan.action != Action::Restart {
        text.push_str("; bakes for ");
        text.push_str(&time::precise(between.bake_ms));
    }
    text
}

/// How to find out what nobody knows.
fn lost(of: &Run) -> String {
    let unknown = || {
        of.steps.iter().find_map(|state| match &state.ended {
            Some((_, StepEnd::Unknown(how))) => Some(how.clone()),
            _ => None,
        })
    };
    let Some(first) = of.lost.values().next() else { return unknown().unwrap_or_default() };
    match of.lost.len() - 1 {
        0 => first.clone(),
        more => format!("{first}; and {more} more"),
    }
}

fn proof_rows(of: &Run) -> Vec<ProofRow> {
    let mut goals = of.goals();
    if goals.is_empty() {
        goals = proof::goals(of.baseline.as_ref(), None, &proof::Measured::default());
    }
    let rows = goals.into_iter().enumerate().map(|(at, goal)| {
        let before = goal.before.or_else(|| (at == 0).then(|| health_word(of.before).to_owned()));
        ProofRow { name: goal.name.to_owned(), before, now: goal.now, goal: goal.goal, met: goal.met }
    });
    rows.collect()
}

fn names(run: &Run) -> Vec<String> {
    run.plan.hosts().iter().map(ToString::to_string).collect()
}

/// Says how a run ended, or that it has not.
fn result(run: &Run) -> (Tone, String) {
    match run.outcome {
        None if !run.lost.is_empty() => (Tone::Warn, "link lost: unknown".to_owned()),
        None => (Tone::Info, "runs".to_owned()),
        Some((RunOutcome::Succeeded, _)) => (Tone::Good, "every step exited with 0".to_owned()),
        Some((RunOutcome::Failed, _)) => (Tone::Error, partly("failed", run)),
        Some((RunOutcome::Unknown, _)) => (Tone::Warn, "nobody knows: link lost".to_owned()),
        Some((RunOutcome::Refused, _)) => (Tone::Warn, "refused".to_owned()),
        Some((RunOutcome::Undone, _)) if run.stopped == Some(true) => {
            (Tone::Warn, "stopped, and taken back".to_owned())
        }
        Some((RunOutcome::Undone, _)) => (Tone::Warn, "failed, and taken back".to_owned()),
        Some((RunOutcome::Stopped, _)) => (Tone::Warn, partly("stopped", run)),
    }
}

/// Says on how many of its hosts it was done that did not get to its end.
fn partly(how: &str, run: &Run) -> String {
    format!("{how}, {}", run.reached().words())
}

fn verdict(run: &Run, now: time::Timestamp) -> (Tone, String) {
    match &run.proof {
        Some((Verdict::Recovered, summary)) => (Tone::Good, summary.clone()),
        Some((Verdict::NotRecovered, summary)) => (Tone::Error, summary.clone()),
        Some((Verdict::Unknown, summary)) => (Tone::Warn, summary.clone()),
        None if run.is_over() => (Tone::Info, "not yet: the checks decide".to_owned()),
        None if run.outcome.is_some() => (Tone::Warn, "none: nobody knows how the run ended".to_owned()),
        None if run.awaits_approval() => (Tone::Info, "not yet: nothing is done before it is approved".to_owned()),
        None if run.unled(now).is_some() => (Tone::Warn, "not yet: nobody leads the run".to_owned()),
        None if !run.lost.is_empty() => (Tone::Warn, "not yet: a host's link is lost".to_owned()),
        None => (Tone::Info, "not yet: the run goes on".to_owned()),
    }
}
