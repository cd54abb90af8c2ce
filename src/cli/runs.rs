//! `qd runs` and `qd attach`: what was changed, and following it from anywhere.
use std::sync::Arc;

use serde_json::json;

use super::{
    Common, Exit, change,
    setup::{self, Setup},
    stored,
};
use crate::{
    core::{
        Msg, State,
        id::{RunId, Uid},
        runs::{self, Run, RunOutcome},
        time::{Timestamp, short},
    },
    parse::sanitise,
    runtime::engine::{self, Engine},
    store::IfMissing,
};

/// What `qd runs` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Runs {
    /// Also those that ended more than a week ago
    #[arg(long)]
    all: bool,
}

/// What `qd attach` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Attach {
    /// The run, as RUN-882 or by its id
    run: String,
    /// Go on with its next hosts from here: only where the console that started it is gone
    #[arg(long)]
    go_on: bool,
    /// The service once more, as SERVICE@ENV; needed with --go-on
    #[arg(long, value_name = "SERVICE@ENV")]
    yes_i_mean: Option<String>,
    /// Also wait until the checks say whether it helped
    #[arg(long)]
    wait: bool,
    /// With --go-on, read what sudo asks for from the first line of standard input
    #[arg(long, requires = "go_on")]
    sudo_password_stdin: bool,
}

/// A week.
const RECENT_MS: i64 = 7 * crate::core::time::DAY;

pub(super) fn run(common: &Common, args: &Runs) -> color_eyre::Result<Exit> {
    let setup = Setup::new()?;
    let loaded = setup.config(common)?;
    let mut store = Setup::store(&loaded, IfMissing::Fail).map_err(|error| error.report())?;
    let now = setup.clock.now();
    let from = if args.all { Timestamp(i64::MIN) } else { now.utc - RECENT_MS };
    let state = stored::read(&setup, &loaded, store.as_mut(), from)?;
    let env = common.env.as_deref();
    let wanted = state.runs.newest_first().into_iter();
    let wanted: Vec<&Run> = wanted.filter(|run| env.is_none_or(|env| run.plan.service.env.as_str() == env)).collect();
    if common.json {
        let data = json!(wanted.iter().map(|run| change::to_json(run)).collect::<Vec<_>>());
        setup::print_json("qd.runs/1", setup.clock.as_ref(), data)?;
    } else if wanted.is_empty() {
        let all = if args.all { "" } else { " within a week; --all prints older ones" };
        setup::print(&format!("nothing was changed{all}\n"))?;
    } else {
        let mut rows = vec![["RUN", "AGE", "SERVICE", "WHAT", "BY", "ENDED", "PROOF"].map(str::to_owned).to_vec()];
        for run in wanted {
            let age = u64::try_from(now.utc.since(run.at)).unwrap_or(0);
            rows.push(vec![
                run.name(),
                short(age),
                run.plan.service.to_string(),
                sanitise::line(&run.plan.title),
                run.by.to_string(),
                outcome(run),
                proof(run).to_owned(),
            ]);
        }
        setup::print(&setup::table(&rows))?;
    }
    Ok(Exit::Ok)
}

fn outcome(run: &Run) -> String {
    let partly = |how: &str| {
        let (hosts, done) = (run.plan.hosts().len(), run.reached().done.len());
        if hosts > 1 { format!("{how}, {done} of {hosts}") } else { how.to_owned() }
    };
    match run.outcome.map(|(outcome, _)| outcome) {
        None => "not yet".to_owned(),
        Some(RunOutcome::Succeeded) => "done".to_owned(),
        Some(RunOutcome::Failed) => partly("failed"),
        Some(RunOutcome::Unknown) => "?".to_owned(),
        Some(RunOutcome::Refused) => "refused".to_owned(),
        Some(RunOutcome::Undone) => "taken back".to_owned(),
        Some(RunOutcome::Stopped) => partly("stopped"),
    }
}

fn proof(run: &Run) -> &'static str {
    run.proof.as_ref().map_or("?", |(verdict, _)| verdict.words())
}

pub(super) fn attach(common: &Common, args: &Attach) -> color_eyre::Result<Exit> {
    with_run(common, &args.run, async |setup, engine, run| followed(setup, common, args, engine, run).await)
}

/// Starts an engine on the store and does something about a run of it.
fn with_run(
    common: &Common,
    name: &str,
    done: impl AsyncFnOnce(&Setup, &mut Engine, Uid) -> color_eyre::Result<Exit>,
) -> color_eyre::Result<Exit> {
    let setup = Setup::new()?;
    let loaded = setup.config(common)?;
    let store = Setup::store(&loaded, IfMissing::Fail).map_err(|error| error.report())?;
    let remote: setup::SharedRemote = setup.remote(&loaded, false);
    let redact = Some(setup::log_rules(&loaded).redact);
    let options = engine::Options { redact, ..setup.options(&loaded, true, false) };
    let clock = Arc::clone(&setup.clock);
    setup.runtime.block_on(async {
        let mut engine = Engine::new(options, Ok(store), remote, clock, &setup.tasks);
        engine.adopt(Arc::new(loaded.inventory.clone()), Vec::new());
        while !engine.state.is_loaded() {
            drop(engine.turn().await);
        }
        let done = match meant(&engine.state, name) {
            Some(run) => done(&setup, &mut engine, run).await,
            None => {
                Err(color_eyre::eyre::eyre!("no run `{}`\n  `qd runs` prints them", sanitise::line(name.as_bytes())))
            }
        };
        engine.stop();
        done
    })
}

/// What `qd approve` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Approve {
    /// The run, as RUN-882 or by its id
    run: String,
    /// The service once more, as SERVICE@ENV
    #[arg(long, value_name = "SERVICE@ENV")]
    yes_i_mean: Option<String>,
    /// The hash of the plan that was read: it is printed without this
    #[arg(long, value_name = "HASH")]
    plan: Option<String>,
}

pub(super) fn approve(common: &Common, args: &Approve) -> color_eyre::Result<Exit> {
    with_run(common, &args.run, async |setup, engine, run| {
        let Some(found) = engine.state.runs.runs.get(&run).cloned() else { return Ok(Exit::Unknown) };
        if !found.awaits_approval() || found.outcome.is_some() {
            setup::warn(&format!("{} waits for nobody's approval", engine.state.run_name(run)));
            return Ok(Exit::Refused);
        }
        let (service, hash) = (found.plan.service.to_string(), runs::hash(&found.plan));
        let wanted = args.yes_i_mean.as_deref() == Some(service.as_str()) && args.plan.as_deref() == Some(&hash);
        if !wanted {
            change::print_plan(setup, common, &found.plan, &hash)?;
            let (by, reason) = (&found.by, sanitise::line(found.reason.as_bytes()));
            setup::warn(&format!("{by} asks for it: {reason}\n  approve it with --yes-i-mean {service} --plan {hash}"));
            return Ok(Exit::Refused);
        }
        engine.handle(Msg::Runs(runs::Msg::WriteArmed(found.plan.service.env.clone())));
        engine.state.screen.message = None;
        engine.handle(Msg::Runs(runs::Msg::Approved { run }));
        let approved = |state: &State| state.runs.runs.get(&run).is_some_and(|run| !run.awaits_approval());
        if !approved(&engine.state) {
            let said = engine.state.screen.message.take().map(|message| message.text).unwrap_or_default();
            setup::warn(&said);
            return Ok(Exit::Refused);
        }
        // What is said here is on disk: the other console reads it from there.
        change::pause(engine, 300).await;
        let refused = engine.state.screen.message.take().filter(|_| !approved(&engine.state));
        if let Some(message) = refused {
            setup::warn(&message.text);
            return Ok(Exit::Refused);
        }
        setup::print(&format!("{} is approved; it goes on where it was asked for\n", engine.state.run_name(run)))?;
        Ok(Exit::Ok)
    })
}

async fn followed(
    setup: &Setup,
    common: &Common,
    args: &Attach,
    engine: &mut Engine,
    run: Uid,
) -> color_eyre::Result<Exit> {
    if args.go_on {
        let Some(found) = engine.state.runs.runs.get(&run) else { return Ok(Exit::Unknown) };
        let service = found.plan.service.clone();
        if args.yes_i_mean.as_deref() != Some(service.to_string().as_str()) {
            setup::warn(&format!("nothing was changed; to go on it needs --yes-i-mean {service}"));
            return Ok(Exit::Refused);
        }
        engine.handle(Msg::Runs(runs::Msg::WriteArmed(service.env.clone())));
        engine.state.screen.message = None;
        engine.handle(Msg::Runs(runs::Msg::Adopted { run }));
        let mut passwords = change::Passwords::new(args.sudo_password_stdin, false);
        while engine.state.runs.sudo.asking.is_some() {
            if let Err(why) = passwords.answer(setup, engine).await {
                setup::warn(&why);
                return Ok(Exit::Refused);
            }
            drop(engine.turn().await);
        }
        let ours = engine.state.runs.runs.get(&run).is_some_and(|run| run.permit.is_some() || run.is_over());
        if !ours {
            let said = engine.state.screen.message.take().map(|message| message.text).unwrap_or_default();
            setup::warn(&said);
            return Ok(Exit::Refused);
        }
    }
    change::to_its_end(setup, common, engine, run, args.wait).await
}

fn meant(state: &State, name: &str) -> Option<Uid> {
    let number = name.parse::<RunId>().ok();
    let uid = name.parse::<Uid>().ok();
    let found =
        state.runs.runs.values().find(|run| Some(run.run) == uid || run.number.is_some() && run.number == number);
    found.map(|run| run.run)
}
