//! What everybody may read of the services: a status page's facts, measured and declared side by side.
//!
//! No host, check, person or address is in it, so that no template can let one out.
use serde::Serialize;

use super::{
    State,
    incidents::Incident,
    record::{DeclaredState, StatusUpdate},
    services::{
        Health, Indicator, Maintenance, ServiceState, Split,
        days::{Day, Grade, amount},
        figure::Figure,
        indicator,
    },
    time::{DAY, Timestamp},
};

/// Days of updates that stand on the page as the newest; the rest is its history.
const RECENT_MS: i64 = 7 * DAY;

/// A status page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Published {
    /// Whose systems these are.
    pub client: String,
    /// When this was known.
    pub at: String,
    /// The time zone in which its days begin.
    pub timezone: String,
    /// How it is as a whole: `partial outage`.
    pub state: &'static str,
    /// The same as a class: `down`.
    pub class: &'static str,
    /// Percent of the time that everything was up.
    pub uptime: Uptime,
    /// The services, in the order of the configuration.
    pub services: Vec<Service>,
    /// What people were told within a week, the newest first.
    pub updates: Vec<Update>,
    /// What they were told before, the newest first.
    pub history: Vec<Update>,
    /// Planned work that goes on or is to come.
    pub maintenance: Vec<Work>,
}

/// A percentage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Percentage {
    /// The percentage.
    pub percent: String,
    /// Of how much it is made, where that is little: `of 2h`.
    pub of: Option<String>,
}

/// Percent of four stretches of time; none: too little is known of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Uptime {
    /// The last 24 hours.
    pub h24: Option<Percentage>,
    /// Seven days.
    pub d7: Option<Percentage>,
    /// Thirty days.
    pub d30: Option<Percentage>,
    /// Ninety days.
    pub d90: Option<Percentage>,
}

/// A service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Service {
    /// Its name; with the environment where there are several.
    pub name: String,
    /// What is measured: `up`.
    pub state: &'static str,
    /// The same as a class.
    pub class: &'static str,
    /// What is declared beside it: the newest update that is not over.
    pub declared: Option<Update>,
    /// Its percentages.
    pub uptime: Uptime,
    /// Ninety days, oldest first.
    pub days: Vec<Cell>,
}

/// A day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Cell {
    /// Its class: `perfect`, `minor`, `fair`, `poor`, `bad`, `work`, `none`.
    pub class: &'static str,
    /// What there is to say of it: `2026-11-20 99.930 %, down 1m00`.
    pub words: String,
}

/// An update.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Update {
    /// When.
    pub at: String,
    /// What was declared: `identified`.
    pub state: &'static str,
    /// About which service; none: all.
    pub service: Option<String>,
    /// The text.
    pub text: String,
}

/// Planned work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Work {
    /// On which service; none: all.
    pub service: Option<String>,
    /// From when.
    pub from: String,
    /// To when.
    pub to: String,
    /// Whether it goes on.
    pub now: bool,
}

impl State {
    /// Returns what everybody may read, of one environment or of all; `updates` are all that there ever were, oldest first.
    pub fn published(&self, env: Option<&str>, updates: &[StatusUpdate], now: Timestamp) -> Published {
        let here = |of: &&ServiceState| env.is_none_or(|env| of.id().env.as_str() == env);
        let services: Vec<&ServiceState> = self.services.services().filter(here).collect();
        let several = services.iter().any(|of| Some(&of.id().env) != services.first().map(|first| &first.id().env));
        let name = |id: &super::id::ServiceId| if several { id.to_string() } else { id.service.to_string() };
        let shown = |id: Option<&super::id::ServiceId>| id.is_none_or(|id| services.iter().any(|of| of.id() == id));
        let told = |update: &StatusUpdate| Update {
            at: update.at.rfc3339(),
            state: update.state.word(),
            service: update.service.as_ref().map(&name),
            text: update.text.clone(),
        };
        let mut mine: Vec<&StatusUpdate> = updates.iter().filter(|update| shown(update.service.as_ref())).collect();
        mine.sort_by_key(|update| std::cmp::Reverse(update.at));
        let (recent, older): (Vec<_>, Vec<_>) = mine.iter().partition(|update| now.since(update.at) <= RECENT_MS);
        let whole = indicator(services.iter().map(|of| of.health));
        let total =
            |split: fn(&ServiceState) -> Split| services.iter().map(|of| split(of)).fold(Split::default(), Split::plus);
        let rows = services.iter().map(|of| {
            let newest = mine.iter().find(|update| update.service.as_ref().is_none_or(|id| id == of.id()));
            let declared =
                newest.filter(|update| update.state != DeclaredState::Resolved && !self.is_of_closed(update));
            let declared = declared.map(|update| told(update));
            let (state, class) = measured(of);
            let figures = &of.figures;
            Service {
                name: name(of.id()),
                state,
                class,
                declared,
                uptime: uptime([figures.h24, figures.d7, figures.d30, figures.d90].map(|split| split.figure(1))),
                days: of.days.iter().map(cell).collect(),
            }
        });
        let (state, class) = words_of(whole);
        Published {
            client: self.inventory.client.clone(),
            at: now.rfc3339(),
            timezone: self.inventory.display.timezone.to_string(),
            state,
            class,
            uptime: uptime(
                [
                    total(|of| of.figures.h24),
                    total(|of| of.figures.d7),
                    total(|of| of.figures.d30),
                    total(|of| of.figures.d90),
                ]
                .map(|split| split.figure(services.len())),
            ),
            services: rows.collect(),
            updates: recent.into_iter().map(&told).collect(),
            history: older.into_iter().map(told).collect(),
            maintenance: works(self.services.maintenance(), now, &name, &shown),
        }
    }
}

impl State {
    /// Says whether an update was the last word on an incident that is closed: what it declared is over with it.
    fn is_of_closed(&self, update: &StatusUpdate) -> bool {
        let last =
            |of: &Incident| of.told.last().is_some_and(|told| told.at == update.at && told.state == update.state);
        self.incidents.incidents.values().any(|of| of.closed.is_some() && last(of))
    }
}

fn works(
    all: &[Maintenance],
    now: Timestamp,
    name: &dyn Fn(&super::id::ServiceId) -> String,
    shown: &dyn Fn(Option<&super::id::ServiceId>) -> bool,
) -> Vec<Work> {
    let mut coming: Vec<&Maintenance> =
        all.iter().filter(|work| work.span.to > now && shown(work.service.as_ref())).collect();
    coming.sort_by_key(|work| work.span.from);
    let work = |work: &&Maintenance| Work {
        service: work.service.as_ref().map(name),
        from: work.span.from.rfc3339(),
        to: work.span.to.rfc3339(),
        now: work.span.from <= now,
    };
    coming.iter().map(work).collect()
}

fn uptime(figures: [Figure; 4]) -> Uptime {
    let told = |figure: Figure| Some(Percentage { percent: figure.percent?.to_string(), of: figure.of() });
    let [h24, d7, d30, d90] = figures.map(told);
    Uptime { h24, d7, d30, d90 }
}

/// What fails and is not confirmed is not called up.
fn measured(of: &ServiceState) -> (&'static str, &'static str) {
    match of.health {
        Health::Down => ("down", "down"),
        _ if of.failing.is_some() => ("failing", "degraded"),
        Health::Degraded => ("degraded", "degraded"),
        Health::Unknown => ("not known", "unknown"),
        Health::Maintenance => ("maintenance", "work"),
        Health::Up => ("up", "up"),
    }
}

fn words_of(indicator: Indicator) -> (&'static str, &'static str) {
    match indicator {
        Indicator::Operational => ("all systems are up", "up"),
        Indicator::Degraded => ("degraded", "degraded"),
        Indicator::PartialOutage => ("partial outage", "down"),
        Indicator::MajorOutage => ("major outage", "down"),
        Indicator::Maintenance => ("maintenance", "work"),
        Indicator::Unknown => ("not known", "unknown"),
    }
}

fn cell(day: &Day) -> Cell {
    let class = match Grade::of(&day.split) {
        Grade::NoData => "none",
        Grade::Perfect => "perfect",
        Grade::Maintenance => "work",
        Grade::Minor => "minor",
        Grade::Fair => "fair",
        Grade::Poor => "poor",
        Grade::Bad => "bad",
    };
    let mut words = match day.split.uptime() {
        Some(uptime) => format!("{} {uptime} %", day.date),
        None => format!("{} nothing is known", day.date),
    };
    if let Some(of) = day.split.figure(1).of_ms.filter(|of| *of > 0) {
        words.extend([" of ", &amount(of)]);
    }
    if day.split.down_ms > 0 {
        words.extend([", down ", &amount(day.split.down_ms)]);
    }
    if day.split.maintenance_ms > 0 {
        words.extend([", planned work ", &amount(day.split.maintenance_ms)]);
    }
    Cell { class, words }
}
