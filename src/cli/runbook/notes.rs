//! Where is written down what hosts answered: the audit log, and the timeline of the incident that is named.
use color_eyre::eyre::eyre;

use crate::{
    cli::{
        incidents,
        setup::{self, Setup},
        stored,
    },
    config::Loaded,
    core::{
        id::{EnvName, IncidentId, Uid},
        runbooks::{Asked, Runbook, Seen, Step},
        time::Timestamp,
    },
    store::{IfMissing, Store},
};

/// Where.
pub(super) struct Notes {
    /// None where it cannot be written: whoever looks at a host at night is told, and goes on.
    store: Option<Box<dyn Store>>,
    incident: Option<(Uid, IncidentId)>,
    /// Whether something that was to stand in a timeline does not.
    pub(super) lost: bool,
}

impl Notes {
    /// Opens the store, and finds the incident.
    pub(super) fn open(setup: &Setup, loaded: &Loaded, named: Option<&str>, env: &EnvName) -> color_eyre::Result<Self> {
        let Some(name) = named else {
            let store = Setup::store(loaded, IfMissing::Create);
            let store = store.map_err(|error| setup::warn(&format!("this is not on the audit: {error}"))).ok();
            return Ok(Self { store, incident: None, lost: false });
        };
        let mut store = Setup::store(loaded, IfMissing::Fail).map_err(|error| error.report())?;
        let state = stored::read(setup, loaded, store.as_mut(), Timestamp(i64::MIN))?;
        let of = incidents::meant(&state, name)?;
        if let Some(service) = of.service.as_ref().filter(|service| service.env != *env) {
            return Err(eyre!("{} is about {service}: what is seen in {env} does not belong there", of.number));
        }
        Ok(Self { store: Some(store), incident: Some((of.uid, of.number)), lost: false })
    }

    /// Returns the number of the incident that it is written into.
    pub(super) fn incident(&self) -> Option<String> {
        self.incident.map(|(_, number)| number.to_string())
    }

    /// Writes down what the hosts answered to a step; says so where that fails.
    pub(super) fn write(&mut self, setup: &Setup, (book, step): (&Runbook, &Step), seen: &[Seen]) {
        let Some(store) = self.store.as_mut() else { return };
        let asked = || Asked { book: book.name.clone(), step: step.id.clone(), command: step.command.clone() };
        let (incident, now) = (self.incident.map(|(uid, _)| uid), setup.clock.now().utc);
        let rows: Vec<_> =
            seen.iter().flat_map(|seen| seen.clone().rows(asked(), incident, &setup.actor, now)).collect();
        if let Err(error) = store.commit(&rows, None) {
            setup::warn(&format!("{}: what was answered is not written down: {error}", step.name));
            self.lost |= incident.is_some();
        }
    }
}
