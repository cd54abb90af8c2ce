//! `qd demo`: the console on an embedded fleet.
use std::sync::Arc;

use color_eyre::eyre::eyre;

use super::{
    Common, Exit, console,
    setup::{self, Setup},
};
use crate::{demo, remote::ssh::PoolOptions, store::IfMissing};

/// What `qd demo` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Demo {
    /// Only run the fleet, and print a configuration for it
    #[arg(long)]
    fleet_only: bool,
    /// What the made-up past and numbers come from
    #[arg(long, value_name = "N", default_value_t = demo::Options::default().seed)]
    seed: u64,
}

pub(super) fn run(_common: &Common, args: &Demo) -> color_eyre::Result<Exit> {
    if !args.fleet_only && !setup::on_terminal() {
        return Err(eyre!("the demo needs a terminal\n  without one: qd demo --fleet-only"));
    }
    let setup = Setup::unlogged()?;
    let options = demo::Options { seed: args.seed, ..demo::Options::default() };
    let fleet = setup.runtime.block_on(demo::start(&setup.tasks, Arc::clone(&setup.clock), options))?;
    if args.fleet_only {
        setup::print(&fleet.config_toml)?;
        setup.runtime.block_on(async {
            // Until a signal: the handler that would end us at once would leave the folder behind.
            let signal = |kind| tokio::signal::unix::signal(kind);
            let (mut term, mut int, mut hang_up) = (
                signal(tokio::signal::unix::SignalKind::terminate())?,
                signal(tokio::signal::unix::SignalKind::interrupt())?,
                signal(tokio::signal::unix::SignalKind::hangup())?,
            );
            tokio::select! { _ = term.recv() => {}, _ = int.recv() => {}, _ = hang_up.recv() => {} }
            color_eyre::Result::<()>::Ok(())
        })?;
        return Ok(Exit::Ok);
    }
    let loaded = setup::load(&fleet.config_path, &setup.env);
    if !loaded.usable {
        return Err(eyre!(crate::config::check_text(&loaded.problems)));
    }
    {
        let mut store = Setup::store(&loaded, IfMissing::Create)?;
        demo::write_past(store.as_mut(), args.seed, setup.clock.now())?;
    }
    // The fleet's own keys alone: nothing of the person's is read or written.
    let options = PoolOptions {
        known_hosts: Some(vec![fleet.known_hosts.clone()]),
        agent: None,
        ssh: None,
        ssh_config: Some(fleet.folder().join("ssh_config")),
        ..PoolOptions::from_env(true)
    };
    let pool = setup.remote_with(&loaded.inventory, options);
    let exit = console::show(&setup, &loaded, (pool, None), true);
    drop(fleet);
    exit
}
