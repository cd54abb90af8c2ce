//! What the store knows: moments by name, and that somebody looked at what is hidden.
use std::path::Path;

use color_eyre::eyre::{WrapErr as _, eyre};

use super::{Logs, desk::Desk};
use crate::{
    cli::setup::Setup,
    core::{
        Msg, State,
        record::{Audit, Row},
        time::DAY,
        update,
    },
    store::{IfMissing, Options, Since, Sqlite, Store as _, StoreError},
};

/// Opens the store, if there is one.
fn open(path: &Path) -> Result<Option<Sqlite>, StoreError> {
    match Sqlite::open(path, &Options { if_missing: IfMissing::Fail, ..Options::default() }) {
        Ok(store) => Ok(Some(store)),
        Err(StoreError::Missing { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Reads what a console would know of incidents and runs.
pub(super) fn state(setup: &Setup, path: Option<&Path>, name: &str) -> color_eyre::Result<State> {
    let nobody = || {
        eyre!(
            "there is no @{name} here: no console has recorded anything\n  give the time itself: --since 02:55, --since -30m"
        )
    };
    let path = path.ok_or_else(nobody)?;
    let mut store = open(path).wrap_err("the store cannot be read")?.ok_or_else(nobody)?;
    let now = setup.clock.now();
    let open = store.open_state(Since { events: now.utc - 7 * DAY, results: now.utc })?;
    let mut state = State::new(std::sync::Arc::default(), setup.actor.clone());
    _ = update(&mut state, Msg::Loaded(Box::new(open.told())), now);
    Ok(state)
}

/// Says why a moment has no time.
pub(super) fn missing(name: &str) -> &'static str {
    match name {
        "deploy" => "\n  no run of the last seven days is on record; give the time itself: --since 02:55",
        "onset" => "\n  no incident is open; give the time itself: --since 02:55",
        "mark" => "\n  marks are the console's; give the time itself: --since 02:55",
        _ => "\n  there are @onset, @deploy and @now; or a time: 02:55, -10m, 2026-11-21T02:55Z",
    }
}

/// Puts on the audit that what is hidden was shown, before it is. Where nothing is recorded, nobody else's audit is passed over.
pub(super) fn audit(setup: &Setup, desk: &Desk, args: &Logs) -> color_eyre::Result<()> {
    let Some(path) = &desk.store else { return Ok(()) };
    let what = "--raw goes on the audit, and the store does not take it";
    let Some(mut store) = open(path).wrap_err(what)? else { return Ok(()) };
    let files: Vec<_> =
        args.files.iter().map(|file| crate::parse::sanitise::line(file.display().to_string())).collect();
    let row = Row::Audit(Audit {
        at: setup.clock.now().utc,
        by: setup.actor.by.clone(),
        from: setup.actor.from.clone(),
        what: "log.revealed".into(),
        target: if files.is_empty() { "the configured sources".into() } else { files.join(", ") },
        detail: "qd logs --raw".into(),
    });
    store.commit(&[row], None).wrap_err(what)?;
    Ok(())
}
