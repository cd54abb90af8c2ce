//! `qd restart`, `deploy`, `rollback`: a change from the shell, through the same gate as the console's.
mod follow;
mod password;
mod plan;

pub(super) use follow::{pause, to_its_end, to_json};
pub(super) use password::Passwords;
pub(super) use plan::print_plan;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use color_eyre::eyre::eyre;
use serde_json::json;

use super::{
    Common, Exit, incidents,
    setup::{self, Setup},
    status,
};
use crate::{
    config::Loaded,
    core::{
        Msg,
        id::ServiceId,
        runs::{self, ArtifactName, Build, CANCEL_MS, Order, Review, TYPE_AHEAD_MS, Wanted, What, gate::Level},
        screen::View,
    },
    recipes,
    runtime::{
        build,
        engine::{self, Engine},
    },
    store::IfMissing,
};

/// By what a person says at the shell what is meant, whatever is done with it.
#[derive(Debug, clap::Args)]
pub(super) struct Meant {
    /// The service, as SERVICE@ENV; SERVICE alone where it is in one environment only
    pub(super) service: String,
    #[command(flatten)]
    pub(super) leave: Leave,
}

/// By what a person says at the shell that it may be done.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Leave {
    /// The service once more, as SERVICE@ENV: what it names is acted on, and nothing else
    #[arg(long, value_name = "SERVICE@ENV")]
    pub(super) yes_i_mean: Option<String>,
    /// Why; needed in production, and kept on the audit
    #[arg(long, value_name = "TEXT")]
    pub(super) reason: Option<String>,
    /// The hash that --dry-run printed; needed in production. What is another by now is refused
    #[arg(long, value_name = "HASH")]
    pub(super) plan: Option<String>,
    /// Ask, print what would be done, and change nothing
    #[arg(long)]
    pub(super) dry_run: bool,
}

/// What every change takes.
#[derive(Debug, clap::Args)]
pub(super) struct Consent {
    #[command(flatten)]
    pub(super) meant: Meant,
    #[command(flatten)]
    pub(super) how: How,
    /// The incident that a step of a runbook is run beside, as it was named
    #[arg(skip)]
    pub(super) beside: Option<String>,
}

/// How a change is carried out.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct How {
    /// Set aside what is held against it (a freeze, staging that was left out); an admin's, and the reason goes to the audit
    #[arg(long = "override")]
    set_aside: bool,
    /// Also wait until the checks say whether it helped
    #[arg(long)]
    wait: bool,
    /// Read what sudo asks for from the first line of standard input; without it, it is asked for at the terminal
    #[arg(long)]
    sudo_password_stdin: bool,
}

impl Consent {
    /// Returns the service that is named first.
    pub(super) fn service(&self) -> &str {
        &self.meant.service
    }
}

/// What `qd restart` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Restart {
    #[command(flatten)]
    consent: Consent,
}

/// What `qd deploy` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Deploy {
    #[command(flatten)]
    consent: Consent,
    /// The build: an archive (.tar.gz, .tgz, .tar), a folder that is packed first, or what a run of its pipeline left
    /// (run:812, run:812/NAME)
    #[arg(long, value_name = "PATH", conflicts_with = "version")]
    build: Option<PathBuf>,
    /// What the build's version is called [default: the build's name without its endings]
    #[arg(long = "as", value_name = "VERSION", requires = "build")]
    name: Option<String>,
    /// What the hosts fetch themselves: a git ref, an image's tag, a revision [default: what the recipe is set to]
    #[arg(long, value_name = "VERSION")]
    version: Option<String>,
}

/// What `qd rollback` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Rollback {
    #[command(flatten)]
    consent: Consent,
    /// The version or release to go back to [default: the newest before the one that runs, complete on every host]
    #[arg(long, value_name = "VERSION")]
    to: Option<String>,
}

/// What `qd run` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Run {
    #[command(flatten)]
    consent: Consent,
    /// The task; without one, those that there are for the service are printed
    task: Option<String>,
    /// What the task is given, as NAME=VALUE
    #[arg(long = "set", value_name = "NAME=VALUE")]
    settings: Vec<String>,
    /// The file that the task is given
    #[arg(long, value_name = "PATH")]
    file: Option<PathBuf>,
}

pub(super) fn task(common: &Common, args: &Run) -> color_eyre::Result<Exit> {
    let Some(task) = args.task.clone() else { return tasks(common, &args.consent.meant.service) };
    let mut settings = BTreeMap::new();
    for pair in &args.settings {
        let (name, value) = pair.split_once('=').ok_or_else(|| eyre!("--set {pair}: it is no NAME=VALUE"))?;
        settings.insert(name.to_owned(), value.to_owned());
    }
    change(common, &args.consent, |setup| {
        let read = |path: &PathBuf| setup.runtime.block_on(reader(setup).file(path));
        let file = args.file.as_ref().map(read).transpose()?;
        Ok(Wanted::Task(Order { task, settings, file }))
    })
}

/// Prints what can be run for a service.
fn tasks(common: &Common, name: &str) -> color_eyre::Result<Exit> {
    let setup = Setup::new()?;
    let loaded = setup.config(common)?;
    let id = status::service_id(common, &loaded.inventory, name)?;
    let service = loaded.inventory.service(&id);
    let tasks = service.map(|service| recipes::tasks(service)).unwrap_or_default();
    if common.json {
        let takes = |takes: &runs::Takes| json!({ "name": takes.name, "required": takes.required, "doc": takes.doc });
        let task = |task: &runs::Task| {
            let takes: Vec<_> = task.takes.iter().map(takes).collect();
            json!({ "task": task.name, "doc": task.doc, "takes": takes, "file": task.file })
        };
        let data: Vec<_> = tasks.iter().map(task).collect();
        setup::print_json("qd.tasks/1", setup.clock.as_ref(), json!(data))?;
        return Ok(Exit::Ok);
    }
    let mut rows = vec![["TASK", "TAKES", "WHAT IT DOES"].map(str::to_owned).to_vec()];
    for task in tasks {
        let takes = task.takes.iter().map(|of| if of.required { of.name.clone() } else { format!("[{}]", of.name) });
        let takes: Vec<String> = takes.chain(task.file.then(|| "a file".to_owned())).collect();
        rows.push(vec![task.name, takes.join(" "), task.doc]);
    }
    setup::print(&setup::table(&rows))?;
    Ok(Exit::Ok)
}

pub(super) fn restart(common: &Common, args: &Restart) -> color_eyre::Result<Exit> {
    change(common, &args.consent, |_| Ok(Wanted::Restart))
}

pub(super) fn deploy(common: &Common, args: &Deploy) -> color_eyre::Result<Exit> {
    let setup = Setup::new()?;
    let loaded = setup.config(common)?;
    let name = args.name.as_deref();
    let what = match &args.build {
        Some(path) => match path.to_str().and_then(ArtifactName::parse) {
            Some(wanted) => What::Build(artifact((&setup, &loaded), common, (args, &wanted))?),
            None => What::Build(read(&setup, path, name)?),
        },
        None => args.version.clone().map_or(What::Default, |version| What::Version { version }),
    };
    change_with(common, &args.consent, (setup, loaded), |_| Ok(Wanted::Deploy { what }))
}

/// Reads what a run of the service's pipeline left.
fn artifact(
    (setup, loaded): (&Setup, &Loaded),
    common: &Common,
    (args, wanted): (&Deploy, &ArtifactName),
) -> color_eyre::Result<Build> {
    let id = status::service_id(common, &loaded.inventory, &args.consent.meant.service)?;
    let of = loaded.inventory.service(&id).and_then(|service| service.pipeline.clone());
    let of = of.ok_or_else(|| eyre!("{id} has no pipeline whose runs could have left something"))?;
    let reader = reader(setup);
    let read = reader.artifact(&of, &setup.env, wanted, args.name.as_deref());
    setup.runtime.block_on(read).map_err(Into::into)
}

/// Reads builds without a word.
fn reader(setup: &Setup) -> build::Reader {
    build::Reader::new(setup.tasks.clone(), &setup.env, Arc::new(|_| {}))
}

fn read(setup: &Setup, path: &Path, version: Option<&str>) -> color_eyre::Result<Build> {
    let read = setup.runtime.block_on(reader(setup).read(path, version));
    read.map_err(|error| if error.is_the_name() { eyre!("{error}\n  name it: --as VERSION") } else { error.into() })
}

pub(super) fn rollback(common: &Common, args: &Rollback) -> color_eyre::Result<Exit> {
    change(common, &args.consent, |_| Ok(Wanted::Rollback { to: args.to.clone() }))
}

pub(super) fn change(
    common: &Common,
    consent: &Consent,
    wanted: impl FnOnce(&Setup) -> color_eyre::Result<Wanted>,
) -> color_eyre::Result<Exit> {
    let setup = Setup::new()?;
    let loaded = setup.config(common)?;
    change_with(common, consent, (setup, loaded), wanted)
}

/// Makes a change with what was loaded already.
pub(super) fn change_with(
    common: &Common,
    consent: &Consent,
    (setup, loaded): (Setup, Loaded),
    wanted: impl FnOnce(&Setup) -> color_eyre::Result<Wanted>,
) -> color_eyre::Result<Exit> {
    let service = status::service_id(common, &loaded.inventory, &consent.meant.service)?;
    let wanted = wanted(&setup)?;
    let store = Setup::store(&loaded, IfMissing::Create).map_err(|error| error.report())?;
    let remote: setup::SharedRemote = setup.remote(&loaded, false);
    // A change is proved by checks: where nobody else runs them, this process does while it lasts.
    let redact = Some(setup::log_rules(&loaded).redact);
    let options = engine::Options { redact, ..setup.options(&loaded, !consent.meant.leave.dry_run, false) };
    let clock = std::sync::Arc::clone(&setup.clock);
    let problems = loaded.problems.iter().map(crate::config::Problem::one_line).collect();
    setup.runtime.block_on(async {
        let mut engine = Engine::new(options, Ok(store), remote, clock, &setup.tasks);
        engine.adopt(std::sync::Arc::new(loaded.inventory.clone()), problems);
        let done = carry_out(&setup, common, consent, &mut engine, (service, wanted)).await;
        engine.stop();
        done
    })
}

async fn carry_out(
    setup: &Setup,
    common: &Common,
    consent: &Consent,
    engine: &mut Engine,
    (service, wanted): (ServiceId, Wanted),
) -> color_eyre::Result<Exit> {
    if let Some(name) = &consent.beside
        && let Err(why) = beside(engine, &service, name).await
    {
        setup::warn(&why);
        return Ok(Exit::Refused);
    }
    let mut passwords = Passwords::new(consent.how.sudo_password_stdin, consent.meant.leave.dry_run);
    let review = match plan::review((setup, engine), &mut passwords, &service, &wanted).await {
        Ok(review) => review,
        Err(why) => {
            setup::warn(&format!("{service}: {why}"));
            return Ok(Exit::Refused);
        }
    };
    if consent.meant.leave.dry_run {
        plan::print(setup, common, &review)?;
        return Ok(Exit::Ok);
    }
    if let Err(missing) = consents(consent, &review) {
        setup::warn(&missing);
        return Ok(Exit::Refused);
    }
    let run = review.run;
    setup::warn(&format!("{} on {}", review.plan.title, plan::hosts(&review.plan)));
    if review.level == Level::Production {
        say(engine, runs::Msg::WriteArmed(service.env.clone()));
    }
    pause(engine, TYPE_AHEAD_MS + 100).await;
    say(engine, runs::Msg::NameTyped(service.service.to_string()));
    say(engine, runs::Msg::ReasonTyped(consent.meant.leave.reason.clone().unwrap_or_default()));
    if consent.how.set_aside {
        say(engine, runs::Msg::OverrideToggled);
    }
    say(engine, runs::Msg::Confirmed);
    if let Some(refused) = engine.state.runs.review.as_ref().and_then(|review| review.refused.clone()) {
        setup::warn(&format!("{service}: {refused}"));
        return Ok(Exit::Refused);
    }
    if review.level == Level::Production {
        setup::warn(&format!("starts in {} s; Ctrl-C cancels", CANCEL_MS / 1_000));
    }
    follow::to_its_end(setup, common, engine, run, consent.how.wait).await
}

/// Stands where a person stands who has a runbook beside an incident: what is run from there belongs to it.
async fn beside(engine: &mut Engine, service: &ServiceId, name: &str) -> Result<(), String> {
    plan::loaded(engine).await;
    let of = incidents::meant(&engine.state, name).map_err(|error| error.to_string())?;
    if of.service.as_ref() != Some(service) {
        let what =
            of.service.as_ref().map_or_else(|| "names no service".to_owned(), |about| format!("is about {about}"));
        return Err(format!(
            "{} {what}: a change of {service} does not belong there, and nothing was changed",
            of.number
        ));
    }
    let uid = of.uid;
    engine.state.screen.go(View::Runbook(uid));
    Ok(())
}

fn say(engine: &mut Engine, msg: runs::Msg) {
    engine.handle(Msg::Runs(msg));
}

/// Says what is missing of what a person must have typed.
fn consents(consent: &Consent, review: &Review) -> Result<(), String> {
    let id = review.plan.service.to_string();
    let production = review.level == Level::Production;
    let wrong = |given: &str| format!("--yes-i-mean names {given}, and not {id}: nothing was changed");
    let mut missing = Vec::new();
    match consent.meant.leave.yes_i_mean.as_deref() {
        Some(given) if given == id => {}
        Some(given) => return Err(wrong(given)),
        None => missing.push(format!("--yes-i-mean {id}")),
    }
    if production && consent.meant.leave.reason.as_deref().is_none_or(|reason| reason.trim().is_empty()) {
        missing.push("--reason \"why\"".to_owned());
    }
    match consent.meant.leave.plan.as_deref() {
        Some(given) if given == review.hash => {}
        Some(given) => {
            let what = format!("the plan is another by now ({}, and not {given}): nothing was changed", review.hash);
            return Err(format!("{what}\n  look at it with --dry-run, and name its hash"));
        }
        None if production => missing.push("--plan HASH, from --dry-run".to_owned()),
        None => {}
    }
    if missing.is_empty() {
        return Ok(());
    }
    Err(format!("{id}: nothing was changed; it also needs {}", missing.join(", ")))
}
