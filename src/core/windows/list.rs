//! All planned work in one list: what people declared, and what the configuration says.
use super::{State, Window};
use crate::core::{
    id::{EnvName, Operator, Uid},
    inventory::Inventory,
    services::{maintenance::Plan, uptime::Span},
    time::Timestamp,
};

/// Which window a row is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// One that somebody declared.
    Declared(Uid),
    /// One of the configuration, by name.
    Configured(String),
}

/// How a window stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// It goes on: alerts are muted.
    Running,
    /// It is yet to come.
    Coming,
    /// It is over.
    Ended,
    /// It was ended before it began.
    Cancelled,
}

impl Standing {
    /// Says it in one word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Coming => "coming",
            Self::Ended => "ended",
            Self::Cancelled => "cancelled",
        }
    }
}

/// A window in the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Which.
    pub key: Key,
    /// How it stands.
    pub standing: Standing,
    /// What it covers.
    pub covers: String,
    /// Its time, as it was declared; none where the configuration's next one is too far away to be looked at.
    pub span: Option<Span>,
    /// The time zone that it was meant in.
    pub zone: String,
    /// Why.
    pub why: String,
    /// Who declared it; none: it stands in the configuration.
    pub by: Option<Operator>,
    /// Who ended it before its time, and when.
    pub ended: Option<(Operator, Timestamp)>,
    /// The environments that it is about.
    pub environments: Vec<EnvName>,
    /// Whether it comes again and again.
    pub recurs: bool,
}

impl State {
    /// Lists all windows: what goes on, what comes, the next first, and what is over, the last first.
    pub fn listed(&self, inventory: &Inventory, now: Timestamp) -> Vec<Listed> {
        let declared = self.all().map(|(uid, known)| {
            let window = &known.window;
            let over = known.ended.as_ref().map_or(window.to, |(_, at)| window.to.min(*at));
            let standing = match known.span() {
                None => Standing::Cancelled,
                Some(_) if over <= now => Standing::Ended,
                Some(span) if span.from > now => Standing::Coming,
                Some(_) => Standing::Running,
            };
            Listed {
                key: Key::Declared(uid),
                standing,
                covers: window.covers.words(),
                span: Some(Span::new(window.from, window.to)),
                zone: window.zone.clone(),
                why: window.why.clone(),
                by: Some(known.by.clone()),
                ended: known.ended.clone(),
                environments: environments(window, inventory),
                recurs: false,
            }
        });
        let mut all: Vec<Listed> =
            declared.chain(inventory.maintenance.iter().map(|plan| configured(plan, inventory, now))).collect();
        all.sort_by_key(|of| {
            let (from, to) = of.span.map_or((i64::MAX, 0), |span| (span.from.0, span.to.0));
            let group = of.standing.min(Standing::Ended);
            (group, if group == Standing::Ended { -to } else { from }, of.key.clone())
        });
        all
    }
}

fn environments(window: &Window, inventory: &Inventory) -> Vec<EnvName> {
    let services = inventory.services.iter().filter(|of| window.covers.service(of)).map(|of| &of.id.env);
    let hosts = inventory.hosts.iter().filter(|of| window.covers.host(of)).filter_map(|of| of.env.as_ref());
    once_each(services.chain(hosts))
}

fn once_each<'a>(all: impl Iterator<Item = &'a EnvName>) -> Vec<EnvName> {
    let once: std::collections::BTreeSet<&EnvName> = all.collect();
    once.into_iter().cloned().collect()
}

/// A plan by the window of it that goes on, else by the next, else by the last.
fn configured(plan: &Plan, inventory: &Inventory, now: Timestamp) -> Listed {
    let spans = plan.spans(now);
    let span = spans.iter().find(|span| span.to > now).or(spans.last()).copied();
    let recurs = plan.recurs();
    let standing = match span {
        Some(span) if span.to <= now && !recurs => Standing::Ended,
        Some(span) if span.from <= now && now < span.to => Standing::Running,
        Some(_) | None => Standing::Coming,
    };
    let envs = inventory.services.iter().map(|service| &service.id);
    let services: Vec<String> = plan.services.iter().map(ToString::to_string).collect();
    Listed {
        key: Key::Configured(plan.name.clone()),
        standing,
        covers: if services.is_empty() { "all services".to_owned() } else { services.join(" ") },
        span: span.filter(|span| span.to > now || !recurs),
        zone: plan.zone.name().to_owned(),
        why: if plan.why.is_empty() { plan.name.clone() } else { plan.why.clone() },
        by: None,
        ended: None,
        environments: once_each(
            envs.filter(|id| plan.services.is_empty() || plan.services.contains(id)).map(|id| &id.env),
        ),
        recurs,
    }
}
