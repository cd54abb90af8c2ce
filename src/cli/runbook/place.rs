//! Where a runbook is run: a service, a host, or a host of a service.
use color_eyre::eyre::eyre;

use crate::{
    cli::{Common, status},
    core::{
        id::{EnvName, HostName, ServiceId},
        inventory::Inventory,
        runbooks::{self, Step},
    },
};

/// Where.
pub(super) struct Place {
    pub(super) service: Option<ServiceId>,
    host: Option<HostName>,
    pub(super) env: Option<EnvName>,
}

impl Place {
    /// Reads `SERVICE[@ENV]`, `HOST` or `HOST/SERVICE[@ENV]`.
    pub(super) fn read(common: &Common, inventory: &Inventory, text: &str) -> color_eyre::Result<Self> {
        let (host, service) = match text.split_once('/') {
            Some((host, service)) => (Some(host), Some(service)),
            None if inventory.host(&text.into()).is_some() => (Some(text), None),
            None => (None, Some(text)),
        };
        let service = service.map(|name| status::service_id(common, inventory, name)).transpose()?;
        let host = host.map(HostName::from);
        let known = host.as_ref().map(|name| inventory.host(name).ok_or_else(|| eyre!("there is no host `{name}`")));
        let known = known.transpose()?;
        let env = service.as_ref().map(|id| id.env.clone()).or_else(|| known.and_then(|host| host.env.clone()));
        Ok(Self { service, host, env })
    }

    /// Returns the hosts that a step runs on here.
    ///
    /// # Errors
    /// Why there are none.
    pub(super) fn hosts(&self, inventory: &Inventory, step: &Step) -> Result<Vec<HostName>, String> {
        let Some(service) = &self.service else {
            let host = self.host.clone().ok_or("nobody said where")?;
            inventory.host(&host).ok_or("it is not in the configuration")?;
            return runbooks::among(inventory, &[host], &step.on);
        };
        let mut hosts = runbooks::hosts(inventory, service, &step.on)?;
        if let Some(only) = &self.host {
            hosts.retain(|host| host == only);
            if hosts.is_empty() {
                return Err(format!("it runs on {}, which {only} is not", step.on.words()));
            }
        }
        Ok(hosts)
    }
}
