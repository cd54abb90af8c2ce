//! `qd replay`: plays a recorded incident back through the same screens. Nothing is changed, asked or sent.
use std::sync::Arc;

use color_eyre::eyre::eyre;

use super::{
    Common, Exit, console, incidents,
    setup::{self, Setup},
    stored,
};
use crate::{
    core::{
        replay::Turn,
        screen,
        time::{Clock as _, Timestamp},
    },
    runtime::replay::{Past, Recording},
    store::{IfMissing, Options, Since, Sqlite, Store as _},
};

/// What `qd replay` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The incident, as INC-214
    incident: String,
    /// How many times as fast as it was
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=3600))]
    speed: u32,
    /// Begin at a moment: +10m, 03:12, @onset, 2026-11-20T03:12Z [default: two minutes before the first sign]
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    at: Option<String>,
    /// The store is that of a demo: said on every screen
    #[arg(long, hide = true)]
    demo: bool,
}

pub(super) fn run(common: &Common, args: &Args) -> color_eyre::Result<Exit> {
    // What is logged would be written beside the store.
    let setup = Setup::unlogged()?;
    let loaded = setup.config(common)?;
    let options = Options { if_missing: IfMissing::Fail, only_read: true, ..Options::default() };
    let mut store = Sqlite::open(&loaded.settings.store, &options).map_err(|error| error.report())?;
    let mut state = stored::read(&setup, &loaded, &mut store, Timestamp(i64::MIN))?;
    let number = incidents::meant(&state, &args.incident)?.number;
    let everything = Since { events: Timestamp(i64::MIN), results: setup.clock.now().utc };
    let open = store.open_state(everything).map_err(|error| error.report())?;
    let past = Arc::new(Past::new(Arc::clone(&setup.clock), number, &open.incidents, args.speed));
    if let Some(text) = &args.at {
        state.screen.replay = Some(past.standing());
        let moment = screen::replay::read(&state, text, past.now()).map_err(|why| eyre!("--at: {why}"))?;
        past.turn(Turn::To(moment));
    }
    if !setup::on_terminal() {
        return Err(eyre!("a replay needs a terminal\n  without one: qd incidents {number} prints its document"));
    }
    let checks: Vec<_> = loaded.inventory.checks().map(|check| check.id.clone()).collect();
    let recording = Recording::new(store, Arc::clone(&past), open, &checks).map_err(|error| error.report())?;
    console::replay(&setup, &loaded, (recording, past), args.demo)
}
