//! Planned work that people declare: windows, kept as events, so that every console mutes the same and says by whom.
//!
//! What stands in the configuration is agreed on beforehand ([`Plan`](super::services::maintenance::Plan)); a window is what
//! somebody needs tonight. It is bounded: it cannot begin in what was measured already, and it ends by itself.
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

mod list;
mod wanted;

pub use list::{Key, Listed, Standing};
pub use wanted::{LONGEST_MS, Wanted, names};

use super::{
    alerts::Target,
    id::{EnvName, HostName, Operator, ServiceId, Uid},
    inventory::{Host, Inventory, Service},
    record::{Audit, Row},
    runs::Actor,
    services::{Maintenance, uptime::Span},
    time::Timestamp,
};

/// What an audit entry calls a window that was added.
pub const ADDED: &str = "maintenance.added";
/// What an audit entry calls a window that was ended before its time.
pub const ENDED: &str = "maintenance.ended";

/// What a window covers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Covers {
    /// Everything there is.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub all: bool,
    /// All services and hosts of these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub environments: Vec<EnvName>,
    /// These services.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub services: Vec<ServiceId>,
    /// These hosts, and services that run nowhere else.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<HostName>,
}

impl Covers {
    /// Says whether a host is covered.
    pub fn host(&self, host: &Host) -> bool {
        let of_env = host.env.as_ref().is_some_and(|env| self.environments.contains(env));
        self.all || of_env || self.hosts.contains(&host.name)
    }

    /// Says whether a service is covered: one whose other hosts still serve is not covered by its hosts.
    pub fn service(&self, service: &Service) -> bool {
        let named = self.all || self.environments.contains(&service.id.env) || self.services.contains(&service.id);
        named || !service.hosts.is_empty() && service.hosts.iter().all(|host| self.hosts.contains(host))
    }

    /// Names what is covered, as it is typed: `play@prod host:web-01 env:staging`.
    pub fn words(&self) -> String {
        let services = self.services.iter().map(ToString::to_string);
        let all = self.all.then(|| "everything".to_owned());
        let envs = self.environments.iter().map(|env| format!("env:{env}"));
        let hosts = self.hosts.iter().map(|host| format!("host:{host}"));
        let named: Vec<String> = all.into_iter().chain(envs).chain(services).chain(hosts).collect();
        named.join(" ")
    }
}

/// A window as it was declared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// What it covers.
    pub covers: Covers,
    /// From when.
    pub from: Timestamp,
    /// To when.
    pub to: Timestamp,
    /// The time zone that it was meant in.
    pub zone: String,
    /// Why.
    pub why: String,
}

/// What happened to a window.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WindowEvent {
    /// Which.
    pub window: Uid,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub by: Operator,
    /// What.
    pub kind: WindowEventKind,
}

/// What may happen to a window.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum WindowEventKind {
    /// It was declared.
    Declared {
        /// As this.
        declared: Window,
    },
    /// It was ended before its time, or before it began.
    Ended,
}

impl WindowEvent {
    /// Returns until when it is of interest, at least.
    pub fn until(&self) -> Timestamp {
        match &self.kind {
            WindowEventKind::Declared { declared } => declared.to,
            WindowEventKind::Ended => self.at,
        }
    }

    /// Returns what is committed with it: the event, and who did it.
    pub fn rows(self, actor: &Actor, said: &str) -> Vec<Row> {
        let what = match self.kind {
            WindowEventKind::Declared { .. } => ADDED,
            WindowEventKind::Ended => ENDED,
        };
        let (target, detail) = (self.window.to_string(), said.to_owned());
        let (at, by, from) = (self.at, self.by.clone(), actor.from.clone());
        let audit = Audit { at, by, from, what: what.to_owned(), target, detail };
        vec![Row::Window(self), Row::Audit(audit)]
    }
}

/// Writes a moment by the clock of a zone: `2026-11-22 02:00`.
pub fn clock(at: Timestamp, zone: &str) -> String {
    let zone: chrono_tz::Tz = zone.parse().unwrap_or(chrono_tz::UTC);
    at.to_utc().map_or_else(|| "?".to_owned(), |at| at.with_timezone(&zone).format("%Y-%m-%d %H:%M").to_string())
}

/// A window as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// As it was declared.
    pub window: Window,
    /// Who declared it.
    pub by: Operator,
    /// Who ended it before its time, and when.
    pub ended: Option<(Operator, Timestamp)>,
}

impl Known {
    /// Returns its time; none where it was ended before it began.
    pub fn span(&self) -> Option<Span> {
        let to = self.ended.as_ref().map_or(self.window.to, |(_, at)| self.window.to.min(*at));
        (self.window.from < to).then(|| Span::new(self.window.from, to))
    }

    fn goes_on(&self, at: Timestamp) -> bool {
        self.span().is_some_and(|span| span.from <= at && at < span.to)
    }
}

/// The windows that people declared.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct State {
    windows: BTreeMap<Uid, Known>,
}

impl State {
    /// Applies an event as the store has it; says whether it changed anything.
    pub fn apply(&mut self, event: &WindowEvent) -> bool {
        match &event.kind {
            WindowEventKind::Declared { declared } => {
                let known = Known { window: declared.clone(), by: event.by.clone(), ended: None };
                let is_new = !self.windows.contains_key(&event.window);
                self.windows.entry(event.window).or_insert(known);
                is_new
            }
            WindowEventKind::Ended => {
                let known = self.windows.get_mut(&event.window).filter(|known| known.ended.is_none());
                known.map(|known| known.ended = Some((event.by.clone(), event.at))).is_some()
            }
        }
    }

    /// Says what somebody did, as everybody is told.
    pub fn words_of(&self, event: &WindowEvent, now: Timestamp) -> Option<String> {
        let Known { window, .. } = self.window(event.window)?;
        let (by, covers) = (&event.by, window.covers.words());
        Some(match &event.kind {
            WindowEventKind::Ended => format!("{by} ended planned work on {covers}: its alerts are told again"),
            WindowEventKind::Declared { .. } => {
                let (from, to) = (clock(window.from, "UTC"), clock(window.to, "UTC"));
                let when = if window.from <= now { "now".to_owned() } else { format!("from {from}") };
                format!("{by} plans work on {covers}, {when} to {to} UTC: its alerts are muted")
            }
        })
    }

    /// Returns a window.
    pub fn window(&self, uid: Uid) -> Option<&Known> {
        self.windows.get(&uid)
    }

    /// Iterates over all windows.
    pub fn all(&self) -> impl Iterator<Item = (Uid, &Known)> {
        self.windows.iter().map(|(uid, known)| (*uid, known))
    }

    /// Returns the windows by service, as uptime counts them.
    pub fn planned(&self, inventory: &Inventory) -> Vec<Maintenance> {
        let mut all = Vec::new();
        for known in self.windows.values() {
            let Some(span) = known.span() else { continue };
            let covered = inventory.services.iter().filter(|service| known.window.covers.service(service));
            all.extend(covered.map(|service| Maintenance { service: Some(service.id.clone()), span }));
        }
        all
    }

    /// Returns until when a declared window covers the host that an alert is about; none: no window does.
    pub fn covers_host(&self, target: &Target, inventory: &Inventory, at: Timestamp) -> Option<Timestamp> {
        let host = inventory.host(target.host()?)?;
        let covering = self.windows.values().filter(|known| known.goes_on(at) && known.window.covers.host(host));
        covering.filter_map(|known| Some(known.span()?.to)).max()
    }

    /// Returns the event that ends a window now.
    ///
    /// # Errors
    /// Why it cannot be ended.
    pub fn end(
        &self,
        uid: Uid,
        inventory: &Inventory,
        actor: &Actor,
        now: Timestamp,
    ) -> Result<(WindowEvent, String), String> {
        let Some(known) = self.windows.get(&uid) else { return Err(format!("there is no window {uid}")) };
        if let Some((by, at)) = &known.ended {
            return Err(format!("{by} ended it already, at {}", at.rfc3339()));
        }
        if known.window.to <= now {
            return Err(format!("it ended by itself at {}", known.window.to.rfc3339()));
        }
        wanted::may(&known.window.covers, inventory, actor)?;
        let how = if known.window.from > now { "before it began" } else { "before its time" };
        let event = WindowEvent { window: uid, at: now, by: actor.by.clone(), kind: WindowEventKind::Ended };
        Ok((event, format!("{}, {how}: {}", known.window.covers.words(), known.window.why)))
    }
}

impl Window {
    /// Says it in one line, as on the audit.
    pub fn words(&self) -> String {
        format!("{} from {} to {}: {}", self.covers.words(), self.from.rfc3339(), self.to.rfc3339(), self.why)
    }

    /// Returns the event that declares it. The same declared by the same person at the same moment is one.
    pub fn declared(self, actor: &Actor, now: Timestamp) -> WindowEvent {
        let window = Uid::of(&format!("window {} {} {}", now.0, actor.by, self.words()));
        WindowEvent { window, at: now, by: actor.by.clone(), kind: WindowEventKind::Declared { declared: self } }
    }

    /// Returns the services and hosts that it covers.
    pub fn covered<'a>(&self, inventory: &'a Inventory) -> (Vec<&'a ServiceId>, Vec<&'a HostName>) {
        let services = inventory.services.iter().filter(|service| self.covers.service(service));
        let hosts = inventory.hosts.iter().filter(|host| self.covers.host(host));
        (services.map(|service| &service.id).collect(), hosts.map(|host| &host.name).collect())
    }
}

#[cfg(test)]
mod tests;
