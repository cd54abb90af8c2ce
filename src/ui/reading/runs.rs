//! Runs: their rows, and one of them in detail.
use super::{Reader, words};
use crate::{
    core::{
        id::Uid,
        inventory::EnvKind,
        runs::{Run, RunOutcome, StepEnd, StepState, Verdict, proof},
        screen::{Pane, RowKey},
        time,
    },
    ui::{
        rows::health_word,
        runs::{OutputRow, ProofRow, RunDetail, RunRow, StepRow},
        show::Tone,
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
            hosts: hosts(run).join(" "),
            by: run.by.to_string(),
            result: result(run),
            proof: run.proof.as_ref().map_or_else(String::new, |(_, summary)| summary.clone()),
            age: time::short(words::ms(self.now.utc.since(run.at))),
        })
        .collect()
    }

    pub(super) fn run_detail(&self, of: &Run) -> RunDetail {
        let at = |at| self.moment(at);
        let incident = of.incident.and_then(|uid| self.state.incidents.incidents.get(&uid));
        let mut facts = vec![
            ("by".to_owned(), format!("{} at {}", of.by, at(of.at))),
            ("reason".to_owned(), of.reason.clone()),
            ("undo".to_owned(), of.plan.undo.clone()),
            ("proof".to_owned(), of.plan.proof.clone()),
            ("lock".to_owned(), of.plan.lock.clone()),
        ];
        if let Some(incident) = incident {
            facts.push(("incident".to_owned(), format!("{} {}", incident.number, incident.title)));
        }
        let approval = match &of.approved {
            Some(by) => format!("approved by {by}"),
            None if of.awaits_approval() => {
                "waits for a second person: V approves it, at another login's console".to_owned()
            }
            None => String::new(),
        };
        facts.push(("second".to_owned(), approval));
        let gate = match (&of.gate.failed, of.gate.since) {
            (Some(why), _) => why.clone(),
            (None, Some(since)) if of.outcome.is_none() => {
                let (waited, bake) = (self.now.mono.since(since), of.plan.between.bake_ms);
                let bakes = of.gate.passed + 1 >= of.plan.waves().len() && bake > 0;
                let left = if bakes { format!(" of {}", time::short(bake)) } else { String::new() };
                let word = if bakes { "bakes" } else { "waits for good answers" };
                format!("{word} for {}{left}, {} good in a row", time::short(waited), of.gate.healthy)
            }
            (None, _) => String::new(),
        };
        facts.push(("gate".to_owned(), gate));
        facts.retain(|(_, text)| !text.is_empty());
        // Steps back are shown once it is taken back.
        let began =
            |index: usize| of.steps.get(index).is_some_and(|state| state.started.is_some() || state.ended.is_some());
        let all = of.plan.steps.iter().chain(&of.plan.undo_steps).enumerate();
        let steps = all.filter(|(index, _)| *index < of.plan.steps.len() || began(*index)).map(|(index, step)| {
            let state = of.steps.get(index).cloned().unwrap_or_default();
            let (tone, says) = self.step_words(&state);
            StepRow {
                host: step.host.to_string(),
                name: step.name.clone(),
                tone,
                running: state.started.is_some() && state.ended.is_none(),
                says,
                command: step.command.lines().collect::<Vec<_>>().join(" ⏎ "),
            }
        });
        let lines: Vec<_> = of.output.iter().collect();
        // The output can be walked: it ends at the cursor, which follows the newest line until it is moved.
        let until = self.state.screen.cursor(Pane::Output);
        let until = if let Some(RowKey::Index(until)) = until { *until } else { usize::MAX };
        let output = self.indices(Pane::Output).take_while(|index| *index <= until);
        let output = output.filter_map(|index| lines.get(index)).map(|line| OutputRow {
            at: at(line.at),
            text: line.text.clone(),
            command: false,
        });
        RunDetail {
            title: self.state.run_name(of.run),
            production: self.state.inventory.env_kind(&of.plan.service.env) == EnvKind::Production,
            steps: steps.collect(),
            facts,
            output: output.collect(),
            live: of.outcome.is_none(),
            proof: self.proof(of),
            verdict: verdict(of),
            lost: of.lost.clone().unwrap_or_default(),
        }
    }

    fn step_words(&self, of: &StepState) -> (Option<Tone>, String) {
        let took = |end: time::Timestamp| {
            of.started
                .map_or_else(String::new, |start| format!(", {:.1} s", words::ms(end.since(start)) as f64 / 1_000.0))
        };
        match &of.ended {
            None => match of.started {
                Some(start) => (None, format!("runs for {}", time::precise(words::ms(self.now.utc.since(start))))),
                None => (None, "waiting".to_owned()),
            },
            Some((at, StepEnd::Exit(0))) => (Some(Tone::Good), format!("exit 0{}", took(*at))),
            Some((at, StepEnd::Exit(code))) => (Some(Tone::Error), format!("exit {code}{}", took(*at))),
            Some((at, StepEnd::Signal(signal))) => (Some(Tone::Error), format!("ended by {signal}{}", took(*at))),
            Some((at, StepEnd::TimedOut)) => (Some(Tone::Error), format!("timed out{}", took(*at))),
            Some((_, StepEnd::Unknown(how))) => (Some(Tone::Warn), format!("unknown: {how}")),
            Some((_, StepEnd::NotStarted(why))) => (Some(Tone::Warn), format!("not started: {why}")),
        }
    }

    fn proof(&self, of: &Run) -> Vec<ProofRow> {
        let mut goals = of.goals();
        if goals.is_empty() {
            goals = proof::goals(of.baseline.as_ref(), None, &proof::Measured::default());
        }
        let mut rows: Vec<ProofRow> = Vec::new();
        let service = self.state.services.service(&of.plan.service);
        let ended = of.outcome.map(|(_, at)| at);
        for goal in goals {
            let (name, is_first) = (goal.name.to_owned(), rows.is_empty());
            let before = goal.before.or_else(|| is_first.then(|| health_word(of.before).to_owned()));
            rows.push(ProofRow { name, before, now: goal.now, goal: goal.goal, met: goal.met });
            // Which check says what stands below all of them; only a result from after the run proves anything.
            let checks = service.filter(|_| is_first && of.proof.is_none()).map(|service| service.checks.as_slice());
            rows.extend(checks.unwrap_or_default().iter().map(|check| {
                let after = check.last.as_ref().filter(|last| ended.is_some_and(|ended| last.slot >= ended));
                let now = match after {
                    Some(last) => {
                        let took = last.took_ms.map_or_else(String::new, |ms| format!(", {ms} ms"));
                        format!("{}{took}", last.detail)
                    }
                    None if ended.is_none() => "asked after the run".to_owned(),
                    None => "not asked since".to_owned(),
                };
                let name = format!("  {}", check.spec.id.check);
                ProofRow { name, before: Some(String::new()), now: Some(now), goal: String::new(), met: None }
            }));
        }
        rows
    }
}

fn hosts(run: &Run) -> Vec<String> {
    let mut hosts: Vec<String> = run.plan.steps.iter().map(|step| step.host.to_string()).collect();
    hosts.dedup();
    hosts
}

/// Says how a run ended, or that it has not.
pub(super) fn result(run: &Run) -> (Tone, String) {
    match run.outcome {
        None if run.lost.is_some() => (Tone::Warn, "link lost: unknown".to_owned()),
        None => (Tone::Info, "runs".to_owned()),
        Some((RunOutcome::Succeeded, _)) => (Tone::Good, "every step exited with 0".to_owned()),
        Some((RunOutcome::Failed, _)) => (Tone::Error, "a step failed".to_owned()),
        Some((RunOutcome::Unknown, _)) => (Tone::Warn, "nobody knows: link lost".to_owned()),
        Some((RunOutcome::Refused, _)) => (Tone::Warn, "refused".to_owned()),
        Some((RunOutcome::Undone, _)) => (Tone::Warn, "failed, and taken back".to_owned()),
        Some((RunOutcome::Stopped, _)) => (Tone::Warn, "stopped before all hosts were changed".to_owned()),
    }
}

fn verdict(run: &Run) -> (Tone, String) {
    match &run.proof {
        Some((Verdict::Recovered, summary)) => (Tone::Good, summary.clone()),
        Some((Verdict::NotRecovered, summary)) => (Tone::Error, summary.clone()),
        Some((Verdict::Unknown, summary)) => (Tone::Warn, summary.clone()),
        None if run.outcome.is_some() => (Tone::Info, "not yet: the checks decide".to_owned()),
        None => (Tone::Info, "after the run".to_owned()),
    }
}
