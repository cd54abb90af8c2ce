//! Follows a run on standard output until it ended.
use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};

use crate::{
    cli::{
        Common, Exit,
        setup::{self, Setup},
    },
    core::{
        Msg,
        id::Uid,
        runs::{self, Run, RunOutcome, Step, StepEnd, Verdict},
    },
    runtime::engine::Engine,
};

/// Lets the engine work for some milliseconds.
pub(in crate::cli) async fn pause(engine: &mut Engine, milliseconds: u64) {
    let over = tokio::time::sleep(std::time::Duration::from_millis(milliseconds));
    tokio::pin!(over);
    loop {
        tokio::select! {
            () = &mut over => return,
            turn = engine.turn() => drop(turn),
        }
    }
}

/// Follows a run until it ended, or with `wait` until the checks said whether it helped.
pub(in crate::cli) async fn to_its_end(
    setup: &Setup,
    common: &Common,
    engine: &mut Engine,
    run: Uid,
    wait: bool,
) -> color_eyre::Result<Exit> {
    let (mut int, mut term) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let mut teller = Teller { quiet: common.json, ..Teller::default() };
    loop {
        let stop = tokio::select! {
            turn = engine.turn() => { drop(turn); false }
            _ = int.recv() => true,
            _ = term.recv() => true,
        };
        if stop && engine.state.runs.review.is_some() {
            engine.handle(Msg::Runs(runs::Msg::Cancelled));
            setup::warn("cancelled: nothing was changed");
            return Ok(Exit::Refused);
        }
        let Some(found) = engine.state.runs.runs.get(&run) else {
            if engine.state.runs.review.is_none() {
                let said = engine.state.screen.message.as_ref().map(|message| message.text.clone());
                setup::warn(&said.unwrap_or_else(|| "it was not started".to_owned()));
                return Ok(Exit::Refused);
            }
            if let Some(refused) = engine.state.runs.review.as_ref().and_then(|review| review.refused.clone()) {
                setup::warn(&refused);
                return Ok(Exit::Refused);
            }
            continue;
        };
        let name = engine.state.run_name(run);
        teller.tell(&name, found)?;
        if stop {
            setup::warn(&format!("{name} goes on where it was started: qd attach {run} follows it again"));
            return Ok(Exit::Unknown);
        }
        let over = found.is_over() || found.outcome.is_some_and(|(outcome, _)| outcome == RunOutcome::Unknown);
        // That it stays so is part of it.
        // Whose end nobody knows, nobody proves.
        let proved = !wait || found.proof.is_some() || !found.is_over();
        if over && !found.awaits_hold() && proved {
            // What was told last is on disk before this process says so.
            pause(engine, 300).await;
            let Some(found) = engine.state.runs.runs.get(&run) else { return Ok(Exit::Unknown) };
            tell_of_pipeline(&engine.state, found);
            if common.json {
                setup::print_json("qd.run/1", setup.clock.as_ref(), to_json(found))?;
            }
            return Ok(exit(found, wait));
        }
    }
}

/// Says what became of the pipeline of a service that went back, and how the bad version is taken back.
fn tell_of_pipeline(state: &crate::core::State, run: &Run) {
    let held = run.hold.iter().flat_map(|held| held.did.iter().chain(&held.error));
    held.for_each(|line| setup::warn(&format!("pipeline: {line}")));
    let Some(notice) = state.runs.notice(&run.plan.service).filter(|notice| notice.run.run == run.run) else { return };
    setup::warn(&notice.words());
    match notice.revert() {
        Some(lines) => lines.iter().for_each(|line| setup::warn(&format!("  {line}"))),
        None => setup::warn(&notice.help()),
    }
}

/// Says how a run ended, as an exit code.
fn exit(run: &Run, wait: bool) -> Exit {
    match run.outcome.map(|(outcome, _)| outcome) {
        Some(RunOutcome::Refused) => Exit::Refused,
        Some(RunOutcome::Failed | RunOutcome::Undone | RunOutcome::Stopped) => Exit::Down,
        Some(RunOutcome::Unknown) | None => Exit::Unknown,
        Some(RunOutcome::Succeeded) => match run.proof.as_ref().map(|(verdict, _)| *verdict).filter(|_| wait) {
            Some(Verdict::NotRecovered) => Exit::Down,
            Some(Verdict::Unknown) => Exit::Unknown,
            Some(Verdict::Recovered) | None => Exit::Ok,
        },
    }
}

/// A run as JSON.
pub(in crate::cli) fn to_json(run: &Run) -> serde_json::Value {
    let step = |(number, state): (usize, &runs::StepState)| {
        let step = run.plan.step(number);
        json!({
            "host": step.map(|step| step.host.clone()),
            "step": step.map(|step| step.name.clone()),
            "started": state.started.map(crate::core::time::Timestamp::rfc3339),
            "ended": state.ended.as_ref().map(|(at, _)| at.rfc3339()),
            "end": state.ended.as_ref().map(|(_, end)| end.clone()),
        })
    };
    json!({
        "run": run.number.map(|number| number.to_string()),
        "uid": run.run,
        "service": run.plan.service,
        "title": run.plan.title,
        "by": run.by,
        "at": run.at.rfc3339(),
        "reason": run.reason,
        "plan": runs::hash(&run.plan),
        "outcome": run.outcome.map(|(outcome, _)| outcome),
        "ended": run.outcome.map(|(_, at)| at.rfc3339()),
        "pipeline": run.hold.as_ref(),
        "settled": run.settled.as_ref().map(|(how, _, _)| how),
        "balancers": run.plan.sides().map(|_| run.leads().into_iter().collect::<BTreeMap<_, _>>()),
        "hosts": run.reached(),
        "verdict": run.proof.as_ref().map(|(verdict, _)| *verdict),
        "proof": run.proof.as_ref().map(|(_, summary)| summary.clone()),
        "steps": run.steps.iter().enumerate().map(step).collect::<Vec<_>>(),
    })
}

/// Tells what is new, line by line.
#[derive(Debug, Default)]
struct Teller {
    quiet: bool,
    lines: u64,
    said: BTreeSet<String>,
    begun: BTreeSet<usize>,
    ended: BTreeMap<usize, StepEnd>,
}

impl Teller {
    fn tell(&mut self, name: &str, run: &Run) -> color_eyre::Result<()> {
        if self.quiet {
            return Ok(());
        }
        let mut news = Vec::new();
        if run.awaits_approval() && run.outcome.is_none() {
            let short = name.split(' ').next().unwrap_or(name);
            news.push(format!("waits for a second person: qd approve {short}"));
        }
        news.extend(run.approved.as_ref().map(|by| format!("approved by {by}")));
        for (host, error) in &run.staged {
            match error {
                None => news.push(format!("{host}: the build is there")),
                Some(error) => news.push(format!("{host}: the build is not there: {error}")),
            }
        }
        self.say(news)?;
        self.steps(run)?;
        let mut news = Vec::new();
        news.extend(run.lost.values().map(|how| format!("link lost: {how}")));
        if run.gate.passed > 0 {
            news.push(format!("the checks let it go on after wave {}", run.gate.passed));
        }
        news.extend(run.gate.failed.iter().map(|why| format!("the checks stop it: {why}")));
        if let Some((outcome, _)) = run.outcome {
            news.push(format!("{name}: {}", words(run, outcome)));
            news.extend(Some(run.serves()).filter(|serves| !serves.is_empty()));
        }
        news.extend(run.proof.iter().map(|(_, summary)| summary.clone()));
        self.say(news)
    }

    fn say(&mut self, news: Vec<String>) -> color_eyre::Result<()> {
        for line in news.into_iter().filter(|line| self.said.insert(line.clone())) {
            setup::print(&format!("{line}\n"))?;
        }
        Ok(())
    }

    /// Tells of each step that it began, what it printed, and how it ended: in this order, however the news came in.
    fn steps(&mut self, run: &Run) -> color_eyre::Result<()> {
        let known = usize::try_from(self.lines.saturating_sub(run.output.dropped())).unwrap_or(usize::MAX);
        self.lines = run.output.dropped() + run.output.len() as u64;
        let mut printed: BTreeMap<usize, Vec<&str>> = BTreeMap::new();
        for line in run.output.iter().skip(known) {
            printed.entry(line.step).or_default().push(&line.text);
        }
        for (number, state) in run.steps.iter().enumerate() {
            let Some(Step { host, name, .. }) = run.plan.step(number) else { continue };
            let lines = printed.remove(&number).unwrap_or_default();
            if (state.started.is_some() || !lines.is_empty()) && self.begun.insert(number) {
                setup::print(&format!("{host}: {name} …\n"))?;
            }
            for line in lines {
                setup::print(&format!("{host} | {line}\n"))?;
            }
            let Some((_, end)) = state.ended.as_ref() else { continue };
            let how = end.words();
            // What was unknown may be known later.
            if self.ended.insert(number, end.clone()).as_ref() != Some(end) {
                setup::print(&format!("{host}: {name}: {how}\n"))?;
            }
        }
        Ok(())
    }
}

fn words(run: &Run, outcome: RunOutcome) -> String {
    let reached = || run.reached().words();
    match outcome {
        RunOutcome::Succeeded => reached(),
        RunOutcome::Failed => format!("failed: {}", reached()),
        RunOutcome::Unknown => "nobody knows how it ended: the link was lost".to_owned(),
        RunOutcome::Refused => "refused: nothing ran".to_owned(),
        RunOutcome::Undone => run.ended_words().unwrap_or_default(),
        RunOutcome::Stopped => format!("stopped: {}", reached()),
    }
}
