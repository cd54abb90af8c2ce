//! What the store tells a command that looks and changes nothing: the same state that a console starts from.
use std::sync::Arc;

use super::setup::Setup;
use crate::{
    config::Loaded,
    core::{
        Effect, Msg, State, audit,
        incidents::{precedent, suspects},
        record::Recorder,
        services, tickets,
        time::{DAY, Now, Timestamp},
        update,
    },
    store::{BucketKind, Since, Store},
};

/// Reads what happened from a moment on, and all that has not ended. What would follow from it is left to consoles.
pub(super) fn read(
    setup: &Setup,
    loaded: &Loaded,
    store: &mut dyn Store,
    from: Timestamp,
) -> color_eyre::Result<State> {
    let now = setup.clock.now();
    let open = store.open_state(Since { events: from, results: now.utc }).map_err(|error| error.report())?;
    let remembered = store.remembered(precedent::REMEMBERED, now.utc - DAY).map_err(|error| error.report())?;
    let inventory = Arc::new(loaded.inventory.clone());
    let mut state = State::new(Arc::clone(&inventory), setup.actor.clone());
    let of_another = Recorder::Other { owner: String::new() };
    let (told, problems) = (Box::new(open.told()), Vec::new());
    let remembered = Msg::Suspects(suspects::Msg::Remembered(remembered));
    let replaced = Msg::InventoryReplaced { inventory, problems };
    for msg in [Msg::RecorderChanged(of_another), replaced, Msg::Loaded(told), remembered] {
        drop(update(&mut state, msg, now));
    }
    Ok(state)
}

/// Writes what a deed leads to, with its tickets, its notices and who did it: all of it is on disk, or nothing.
pub(super) fn commit(state: &State, mut effects: Vec<Effect>, store: &mut dyn Store) -> color_eyre::Result<()> {
    tickets::register(state, &mut effects);
    audit::written(state, &mut effects);
    let rows = effects
        .into_iter()
        .filter_map(|effect| if let Effect::Commit { rows, .. } = effect { Some(rows) } else { None });
    store.commit(&rows.flatten().collect::<Vec<_>>(), None).map_err(|error| error.report())?;
    Ok(())
}

/// Adds what was measured of the services: buckets, and the results that are not in them yet.
pub(super) fn measured(state: &mut State, store: &mut dyn Store, now: Now) -> color_eyre::Result<()> {
    let (hours, days) = state.services.buckets_wanted(now);
    let mut buckets = store.buckets(BucketKind::Hours, hours, now.utc).map_err(|error| error.report())?;
    buckets.extend(store.buckets(BucketKind::Days, days, now.utc).map_err(|error| error.report())?);
    drop(update(state, Msg::Services(services::Msg::BucketsLoaded(buckets)), now));
    for want in state.services.results_wanted(now) {
        let results = store.results(&want.check, want.from).map_err(|error| error.report())?;
        drop(update(state, Msg::Services(services::Msg::ResultsLoaded(results)), now));
    }
    drop(update(state, Msg::Ticked, now));
    Ok(())
}
