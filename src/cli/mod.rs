//! The command line: one file per subcommand. Everything on screen is also a command with `--json`.
use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};

use crate::core::id::IncidentId;

mod ack;
mod alerts;
mod audit;
mod change;
mod check;
mod console;
mod demo;
mod findings;
mod formats;
mod handover;
mod hosts;
mod import;
mod incidents;
mod keys;
mod lock;
mod logs;
mod maintenance;
mod outbox;
mod pipeline;
mod replay;
mod report;
mod runbook;
mod runs;
mod setup;
mod shell;
mod short;
mod status;
mod stored;
mod update;
mod watch;

/// How a command ended, as its exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// All is well.
    Ok,
    /// Something is down, or the run failed.
    Down,
    /// The command or the configuration is wrong.
    Usage,
    /// Nobody knows.
    Unknown,
    /// Something far away cannot be reached.
    Unreachable,
    /// The gate refused.
    Refused,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Ok => 0,
            Exit::Down => 1,
            Exit::Usage => 2,
            Exit::Unknown => 3,
            Exit::Unreachable => 4,
            Exit::Refused => 5,
        })
    }
}

/// The console for the engineer on call.
#[derive(Debug, Parser)]
#[command(name = "qd", version, about, propagate_version = true, max_term_width = 100)]
#[command(
    after_help = "Exit codes: 0 ok · 1 something is down, or the run failed · 2 usage or configuration · 3 unknown · 4 cannot reach · \
                        5 refused by the gate"
)]
pub struct Args {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Option<Command>,
    /// The incident that the console opens at.
    #[arg(skip)]
    incident: Option<IncidentId>,
}

impl Args {
    /// Reads the command line of this process; ends it where that asks for help or is wrong.
    pub fn of_process() -> Self {
        let (words, incident) = short::taken(std::env::args_os(), &<Self as clap::CommandFactory>::command());
        Self { incident, ..Self::parse_from(words) }
    }
}

/// What all subcommands take.
#[derive(Clone, Debug, clap::Args)]
pub struct Common {
    /// The configuration file [default: ~/.config/quarterdeck/qd.toml]
    #[arg(long, global = true, env = "QD_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Write JSON to standard output
    #[arg(long, global = true)]
    pub json: bool,
    /// Only this environment
    #[arg(long, global = true, value_name = "ENV")]
    pub env: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start the console on an embedded fleet: no configuration, no network, no root; what you write there ends with it
    Demo(demo::Demo),
    /// Record without a screen: run checks and rules, open incidents
    Watch(watch::Watch),
    /// Print each service's state and uptime; exit 1 when something is down
    ///
    /// A check is down once `fail_after` of its answers in a row were failures (3 unless configured). Until then its
    /// service is FAIL, with how many were: its uptime counts as before, and the exit code is still 0.
    Status(status::Status),
    /// Print each host's load, memory and disks
    Hosts(hosts::Hosts),
    /// Print the alerts
    Alerts(alerts::Alerts),
    /// Own an alert for a while, and say why it is held back
    Ack(ack::Ack),
    /// Print the incidents; with one of them, its document
    Incidents(incidents::Incidents),
    /// Print what whoever comes next has to know; exit 1 until they have signed it
    Handover(handover::Args),
    /// Play a recorded incident back through the same screens; nothing is changed or sent
    Replay(replay::Args),
    /// Print a week or a month: incidents, how soon they were seen, taken and mended, budgets spent
    Report(report::Args),
    /// Tell everybody how an incident goes: status page, ticket, chat and mail, from one text
    Update(update::Update),
    /// Print planned work; add a window, end one: its alerts are muted, its time is counted apart
    Maintenance(maintenance::Args),
    /// Print what the vulnerability scanner found, the worst first
    Findings(findings::Args),
    /// Restart a service on its hosts, through the same gate as the console's
    Restart(change::Restart),
    /// Bring a build out: to every host first, then host by host, taken back by itself where it fails
    #[command(disable_version_flag = true)]
    Deploy(change::Deploy),
    /// Bring an earlier release back
    Rollback(change::Rollback),
    /// Run another task of a service's recipe; without a name, print those that there are
    Run(change::Run),
    /// Approve a run that waits for a second person
    Approve(runs::Approve),
    /// Print who holds the lock of a service on its hosts; --recover takes it from a run that died
    Lock(lock::Lock),
    /// Look at the pipeline that brings a service out; begin, approve, hold, cancel a run of it
    #[command(disable_version_flag = true)]
    Pipeline(pipeline::Args),
    /// Print the runs: what was changed, by whom, and how it ended
    Runs(runs::Runs),
    /// Follow a run that goes on, from any console
    Attach(runs::Attach),
    /// Print who did what; --verify follows the chain of hashes
    Audit(audit::Audit),
    /// Print what is to be written to trackers and told to people; retry, drop or edit what is not
    Outbox(outbox::Args),
    /// Print runbooks and run their steps: what looks at once, what changes through the same gate as any change
    Runbook(runbook::Args),
    /// Check the configuration; with --connect also every host, URL, tracker and channel
    Check(check::Check),
    /// Bring in past days from another tool
    Import(import::Import),
    /// Print logs: files, standard input or the configured sources, filtered, counted, as patterns
    Logs(logs::Logs),
    /// Print how log lines are read, and try it on a sample
    Formats(formats::Args),
    /// Print the keys
    Keys,
    /// Print completions for a shell
    Completions(shell::Completions),
    /// Print the manual page
    Man,
}

/// Runs a command line.
///
/// # Errors
/// What could not be done, why, and what to do next.
pub fn run(args: Args) -> color_eyre::Result<Exit> {
    crate::remote::http::install_crypto();
    let Args { common, command, incident } = args;
    if let (Some(number), Some(_)) = (incident, &command) {
        return Err(color_eyre::eyre::eyre!(
            "`qd {number}` opens the console at it, and takes no command\n  `qd incidents {number}` prints its document"
        ));
    }
    // What is accepted and then ignored would break a script much later.
    let verb = match &command {
        Some(Command::Demo(_)) => Some("demo"),
        Some(Command::Watch(_)) => Some("watch"),
        Some(Command::Replay(_)) => Some("replay"),
        Some(Command::Completions(_)) => Some("completions"),
        Some(Command::Man) => Some("man"),
        None => Some(""),
        Some(_) => None,
    };
    if let Some(verb) = verb.filter(|_| common.json) {
        let qd = if verb.is_empty() { "qd".to_owned() } else { format!("qd {verb}") };
        return Err(color_eyre::eyre::eyre!(
            "`{qd}` has no --json\n  status, hosts, alerts, ack, incidents, update, maintenance, findings, handover, report, restart, deploy, rollback, run, approve, lock, pipeline, runs, attach, audit, outbox, runbook, check, import, logs, formats and keys have"
        ));
    }
    match command {
        None => console::run(&common, incident),
        Some(Command::Demo(args)) => demo::run(&common, &args),
        Some(Command::Watch(args)) => watch::run(&common, &args),
        Some(Command::Status(args)) => status::run(&common, &args),
        Some(Command::Hosts(args)) => hosts::run(&common, &args),
        Some(Command::Alerts(args)) => alerts::run(&common, &args),
        Some(Command::Ack(args)) => ack::run(&common, &args),
        Some(Command::Incidents(args)) => incidents::run(&common, &args),
        Some(Command::Handover(args)) => handover::run(&common, &args),
        Some(Command::Replay(args)) => replay::run(&common, &args),
        Some(Command::Report(args)) => report::run(&common, &args),
        Some(Command::Update(args)) => update::run(&common, &args),
        Some(Command::Maintenance(args)) => maintenance::run(&common, &args),
        Some(Command::Findings(args)) => findings::run(&common, &args),
        Some(Command::Restart(args)) => change::restart(&common, &args),
        Some(Command::Deploy(args)) => change::deploy(&common, &args),
        Some(Command::Rollback(args)) => change::rollback(&common, &args),
        Some(Command::Run(args)) => change::task(&common, &args),
        Some(Command::Approve(args)) => runs::approve(&common, &args),
        Some(Command::Lock(args)) => lock::run(&common, &args),
        Some(Command::Pipeline(args)) => pipeline::run(&common, &args),
        Some(Command::Runs(args)) => runs::run(&common, &args),
        Some(Command::Attach(args)) => runs::attach(&common, &args),
        Some(Command::Audit(args)) => audit::run(&common, &args),
        Some(Command::Outbox(args)) => outbox::run(&common, &args),
        Some(Command::Runbook(args)) => runbook::run(&common, &args),
        Some(Command::Check(args)) => check::run(&common, &args),
        Some(Command::Import(args)) => import::run(&common, &args),
        Some(Command::Logs(args)) => logs::run(&common, &args),
        Some(Command::Formats(args)) => formats::run(&common, &args),
        Some(Command::Keys) => keys::run(&common),
        Some(Command::Completions(args)) => Ok(shell::completions(&args)),
        Some(Command::Man) => shell::manual(),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn no_flag_of_a_command_is_taken_by_another() {
        super::Args::command().debug_assert();
    }
}
