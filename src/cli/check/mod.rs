//! `qd check`: what is wrong with the configuration, and with `--connect` what cannot be reached.
use serde_json::json;

use self::connect::{Tried, connect};
use super::{
    Common, Exit,
    setup::{self, Setup},
};
use crate::config::{self, problem::Severity};

mod connect;

/// What `qd check` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Check {
    /// Also try every host, every check, every tracker and every channel once, without a ticket or a message
    #[arg(long)]
    connect: bool,
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
            "tried": tried.iter().map(Tried::json).collect::<Vec<_>>(),
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
        let rows: Vec<Vec<String>> = tried.iter().map(Tried::row).collect();
        setup::print(&setup::table(&rows))?;
    }
    Ok(if loaded.has_errors() || !loaded.usable {
        Exit::Usage
    } else if tried.iter().any(|tried| tried.ok == Some(false)) {
        Exit::Unreachable
    } else {
        Exit::Ok
    })
}
