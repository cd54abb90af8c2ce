//! `qd check`: what is wrong with the configuration, and with `--connect` what cannot be reached.
use std::sync::Arc;

use serde_json::json;

use super::{
    Common, Exit,
    setup::{self, Setup},
};
use crate::{
    checks,
    config::{self, problem::Severity},
    core::services::Outcome,
    remote::{Exit as RemoteExit, Lane, Remote as _, Script},
    runtime,
    sources::qualys,
};

/// What `qd check` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Check {
    /// Also try every host and every check once
    #[arg(long)]
    connect: bool,
}

struct Tried {
    what: String,
    ok: bool,
    said: String,
}

pub(super) fn run(common: &Common, args: &Check) -> color_eyre::Result<Exit> {
    let setup = Setup::new()?;
    let located = config::locate(common.config.clone(), &setup.env);
    if !located.path.exists() {
        setup::print(&config::starter(&located))?;
        return Ok(Exit::Usage);
    }
    let loaded = setup::load(&located.path, &setup.env);
    let tried = if args.connect && loaded.usable { connect(&setup, &loaded) } else { Vec::new() };
    if common.json {
        let data = json!({
            "problems": loaded.problems.iter().map(|problem| json!({
                "file": problem.file,
                "line": problem.line,
                "column": problem.column,
                "severity": if problem.severity == Severity::Error { "error" } else { "warning" },
                "what": problem.what,
                "help": problem.help,
                "left_out": problem.left_out,
            })).collect::<Vec<_>>(),
            "tried": tried.iter().map(|tried| json!({ "what": tried.what, "ok": tried.ok, "said": tried.said })).collect::<Vec<_>>(),
        });
        setup::print_json("qd.check/1", setup.clock.as_ref(), data)?;
    } else {
        setup::print(&config::check_text(&loaded.problems))?;
        let inventory = &loaded.inventory;
        let checks = inventory.checks().count();
        setup::print(&format!(
            "{}: {}, {}, {}, {}\n",
            located.path.display(),
            setup::many(inventory.services.len(), "service"),
            setup::many(checks, "check"),
            setup::many(inventory.hosts.len(), "host"),
            setup::many(inventory.rules.len(), "rule"),
        ))?;
        let rows: Vec<Vec<String>> = tried
            .iter()
            .map(|tried| vec![if tried.ok { "ok" } else { "FAIL" }.to_owned(), tried.what.clone(), tried.said.clone()])
            .collect();
        setup::print(&setup::table(&rows))?;
    }
    Ok(if loaded.has_errors() || !loaded.usable {
        Exit::Usage
    } else if tried.iter().any(|tried| !tried.ok) {
        Exit::Unreachable
    } else {
        Exit::Ok
    })
}

fn connect(setup: &Setup, loaded: &config::Loaded) -> Vec<Tried> {
    let pool = setup.remote(loaded, false);
    let context = checks::Context { remote: Arc::clone(&pool) as setup::SharedRemote, clock: Arc::clone(&setup.clock) };
    setup.runtime.block_on(async {
        let hosts: Vec<_> = loaded
            .inventory
            .hosts
            .iter()
            .map(|host| {
                let (pool, name) = (Arc::clone(&pool), host.name.clone());
                setup.tasks.spawn("connect", async move {
                    let what = format!("host {name}");
                    match pool.run(&name, Lane::Control, Script::brief("uname -sr")).await {
                        Ok(output) => Tried {
                            what,
                            ok: output.exit == RemoteExit::Code(0),
                            said: crate::parse::sanitise::line(&output.stdout),
                        },
                        Err(error) => {
                            let hint = error.hint.map(|hint| format!(" ({hint})")).unwrap_or_default();
                            Tried { what, ok: false, said: format!("{}{hint}", error.what) }
                        }
                    }
                })
            })
            .collect();
        let asked: Vec<_> = loaded
            .inventory
            .checks()
            .map(|spec| {
                let (spec, context) = (Arc::clone(spec), context.clone());
                setup.tasks.spawn("ask", async move {
                    let what = format!("check {}", spec.id);
                    match checks::probe(&spec) {
                        Ok(probe) => {
                            let seen = probe.ask(&context).await;
                            let ok = matches!(seen.outcome, Outcome::Up | Outcome::Degraded);
                            Tried { what, ok, said: seen.detail }
                        }
                        Err(report) => Tried { what, ok: false, said: report.to_string() },
                    }
                })
            })
            .collect();
        let scanner = loaded.inventory.scanner.clone().map(|scanner| {
            setup.tasks.spawn("scanner", async move {
                let what = "scanner Qualys".to_owned();
                match qualys::probe(&scanner, &runtime::findings::means()).await {
                    Ok(said) => Tried { what, ok: true, said },
                    Err(why) => Tried { what, ok: false, said: why },
                }
            })
        });
        let mut tried = Vec::new();
        for task in hosts.into_iter().chain(asked).chain(scanner) {
            tried.extend(task.join().await);
        }
        tried
    })
}
