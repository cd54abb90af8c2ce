//! Import: days that somebody else recorded, as buckets marked with where they come from. One file per place; `ALL` lists
//! them.
//!
//! A day is a day of the display time zone, of 23 to 25 hours, and only days that are over are imported. A day of which the
//! other side knows nothing gives no bucket: missing is not down, and not up either. Where it knows a part of a day, the
//! rest is unknown. Several series or monitors of one service: the worst of each day counts, as a service is as bad as its
//! worst check. An import is whole or fails: nothing of a failed one is returned.
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use chrono::Days;
use chrono_tz::Tz;
use futures_util::future::BoxFuture;
use secrecy::SecretString;

use crate::{
    core::{
        id::{EnvName, ServiceId},
        record::Bucket,
        services::{
            Split,
            days::{date_at, day_start},
            uptime::Span,
        },
        time::Timestamp,
    },
    error::{Kind, Report},
    parse::sanitise,
    remote::http::{Answer, Call, Client, Fault, Trust},
};

mod prometheus;
mod uptimerobot;

pub use prometheus::DEFAULT_QUERY;

/// Every place that days can be imported from.
pub const ALL: &[&dyn Importer] = &[&prometheus::Prometheus, &uptimerobot::UptimeRobot];

/// Most days that can be asked for: as long as buckets are kept.
pub const MAX_DAYS: u32 = 400;
/// Most reasons and warnings that are kept; what is beyond is counted.
const MAX_NOTES: usize = 100;

/// What to import, and how to know what it belongs to.
#[derive(Clone, Debug)]
pub struct Ask {
    /// Where: `http://prometheus:9090`, with the path it is served under. None takes the importer's own place, if it has one.
    pub url: Option<String>,
    /// How many days before today.
    pub days: u32,
    /// Now, which decides what today is.
    pub now: Timestamp,
    /// The zone that days are of.
    pub zone: Tz,
    /// The services that the configuration knows.
    pub services: Vec<ServiceId>,
    /// Which environment a name without one is in, where several have it.
    pub env: Option<EnvName>,
    /// How a series or monitor finds its service.
    pub map: Map,
    /// Names that differ from the services': `https://api.example/` is `play@prod`.
    pub names: BTreeMap<String, ServiceId>,
    /// The query, for those that have one.
    pub query: Option<String>,
    /// Bearer token or API key. It is sent only encrypted, or within this machine.
    pub secret: Option<SecretString>,
    /// Whom to trust.
    pub trust: Trust,
    /// Time for one answer.
    pub timeout: Duration,
}

/// How a series or monitor finds its service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Map {
    /// By the importer's usual label.
    Usual,
    /// By this label's value (Prometheus), or by `friendly_name`, `id` or `url` (UptimeRobot).
    Label(String),
    /// All belong to this one.
    To(ServiceId),
}

/// What an import brought.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ImportReport {
    /// One bucket per service and day, oldest first.
    pub buckets: Vec<Bucket>,
    /// How many days have data of any service.
    pub days: usize,
    /// The services that have data.
    pub services: Vec<ServiceId>,
    /// What was left out.
    pub skipped: Vec<Skipped>,
    /// What the other side, or we, want a person to know. Sanitised.
    pub warnings: Vec<String>,
}

/// Something that was left out. Sanitised.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Skipped {
    /// What: a series, a monitor, a day.
    pub what: String,
    /// Why, and what can be done.
    pub why: String,
}

/// A place that past days come from.
pub trait Importer: Sync {
    /// Its name on the command line, also its file's name and the buckets' source.
    fn name(&self) -> &'static str;

    /// Asks for the days. It only reads.
    fn import<'a>(&'a self, ask: &'a Ask) -> BoxFuture<'a, Result<ImportReport, Report>>;
}

/// Finds an importer.
///
/// # Errors
/// When there is none of this name; says which there are.
pub fn importer(name: &str) -> Result<&'static dyn Importer, Report> {
    ALL.iter().find(|one| one.name() == name).copied().ok_or_else(|| {
        let known: Vec<_> = ALL.iter().map(|one| one.name()).collect();
        Report::new(Kind::User, format!("nothing can be imported from `{}`", sanitise::name(name)))
            .hint(format!("places: {}", known.join(", ")))
    })
}

impl Ask {
    /// Returns the days asked for, oldest first: those before today.
    fn past_days(&self) -> Result<Vec<Span>, Report> {
        if self.days == 0 || self.days > MAX_DAYS {
            let what = format!("{} days cannot be imported", self.days);
            return Err(Report::new(Kind::User, what).hint(format!("ask for 1 to {MAX_DAYS}")));
        }
        let today = date_at(self.zone, self.now);
        let start = |back: u32| day_start(self.zone, today?.checked_sub_days(Days::new(back.into()))?);
        let days = (1..=self.days).rev().map(|back| Some(Span::new(start(back)?, start(back - 1)?)));
        // A day that the zone skipped has no length.
        let days = days.collect::<Option<Vec<_>>>().map(|days| days.into_iter().filter(|day| day.ms() > 0).collect());
        days.ok_or_else(|| Report::new(Kind::Internal, "this machine's clock is out of all calendars"))
    }

    /// Finds the service that a name belongs to.
    fn service(&self, name: &str) -> Result<ServiceId, String> {
        if let Some(service) = self.names.get(name) {
            return Ok(service.clone());
        }
        let fits = |service: &&ServiceId| {
            service.to_string() == name
                || service.service.as_str() == name && self.env.as_ref().is_none_or(|env| *env == service.env)
        };
        let found: Vec<_> = self.services.iter().filter(fits).collect();
        match found.as_slice() {
            [one] => Ok((*one).clone()),
            [] => Err("no service has this name: map it to one, as in NAME=SERVICE@ENV".into()),
            more => {
                let more: Vec<_> = more.iter().map(ToString::to_string).collect();
                Err(format!("may be {}: say the environment", more.join(" or ")))
            }
        }
    }
}

/// What was told of a day.
#[derive(Clone, Copy)]
struct Told {
    /// The share of the known time that it was up, from 0 to 1.
    up: f64,
    /// How much of the day is known, in milliseconds.
    known_ms: i64,
}

/// Gathers days of services, the worst of each.
struct Gather<'a> {
    ask: &'a Ask,
    source: &'static str,
    days: BTreeMap<(Timestamp, ServiceId), (i64, Split)>,
    series: BTreeMap<ServiceId, BTreeSet<String>>,
    skipped: BTreeSet<Skipped>,
    warnings: Vec<String>,
    unnoted: usize,
}

impl<'a> Gather<'a> {
    fn new(ask: &'a Ask, source: &'static str) -> Self {
        let (days, series, skipped, warnings) = Default::default();
        Self { ask, source, days, series, skipped, warnings, unnoted: 0 }
    }

    fn skip(&mut self, what: impl AsRef<str>, why: impl AsRef<str>) {
        if self.skipped.len() < MAX_NOTES {
            let (what, why) = (sanitise::line_max(what.as_ref(), 200), sanitise::line_max(why.as_ref(), 200));
            self.skipped.insert(Skipped { what, why });
        } else {
            self.unnoted += 1;
        }
    }

    fn warn(&mut self, text: impl AsRef<str>) {
        let text = sanitise::line_max(text.as_ref(), 300);
        if self.warnings.len() < MAX_NOTES && !self.warnings.contains(&text) {
            self.warnings.push(text);
        }
    }

    /// Adds what was told of a day of a series.
    fn add(&mut self, series: &str, service: &ServiceId, day: Span, told: Told) {
        let known_ms = told.known_ms.clamp(0, day.ms());
        let up_ms = share(known_ms, told.up);
        let split = Split { up_ms, down_ms: known_ms - up_ms, unknown_ms: day.ms() - known_ms, ..Split::default() };
        self.series.entry(service.clone()).or_default().insert(series.to_owned());
        let worse = |old: &Split| {
            // Compared as fractions: the lower share of known time up is worse; of equals the one that knows more stays.
            let (new, old_all) = (i128::from(split.up_ms) * i128::from(old.up_ms + old.down_ms), i128::from(known_ms));
            let old_part = i128::from(old.up_ms) * old_all;
            new < old_part || new == old_part && split.unknown_ms < old.unknown_ms
        };
        let slot = self.days.entry((day.from, service.clone())).or_insert((day.ms(), split));
        if worse(&slot.1) {
            slot.1 = split;
        }
    }

    fn finish(mut self) -> ImportReport {
        for (service, series) in std::mem::take(&mut self.series) {
            if series.len() > 1 {
                self.warn(format!("{service} has {} series: the worst of each day counts", series.len()));
            }
        }
        if self.unnoted > 0 {
            self.warnings.push(format!("{} more were left out", self.unnoted));
        }
        let services: BTreeSet<_> = self.days.keys().map(|(_, service)| service.clone()).collect();
        let days: BTreeSet<_> = self.days.keys().map(|(start, _)| *start).collect();
        let source = self.source;
        ImportReport {
            buckets: self
                .days
                .into_iter()
                .map(|((start, service), (length_ms, split))| Bucket {
                    service,
                    start,
                    length_ms,
                    split,
                    source: source.to_owned(),
                })
                .collect(),
            days: days.len(),
            services: services.into_iter().collect(),
            skipped: self.skipped.into_iter().collect(),
            warnings: self.warnings,
        }
    }

    /// Finds the service of a series, or notes why there is none.
    fn service_of(&mut self, what: &str, name: Option<&str>) -> Option<ServiceId> {
        let found = match (&self.ask.map, name) {
            (Map::To(service), _) => return Some(service.clone()),
            (Map::Usual | Map::Label(_), Some(name)) => self.ask.service(name),
            (Map::Usual | Map::Label(_), None) => Err("it has no such label".to_owned()),
        };
        found.map_err(|why| self.skip(what, why)).ok()
    }
}

/// Returns a share of some time, rounded down, so that what was down for a moment is never made whole.
#[expect(clippy::cast_possible_truncation, reason = "a share of a day is far within the range")]
fn share(ms: i64, share: f64) -> i64 {
    ((ms as f64 * share.clamp(0.0, 1.0)).floor() as i64).clamp(0, ms)
}

/// Sends a call that only reads; what a person can mend is an error at once, what may pass is tried again, twice.
async fn fetch(client: &Client, call: &Call, place: &str) -> Result<Answer, Report> {
    let mut tries = 0_u32;
    loop {
        tries += 1;
        let last = tries > 2;
        let pause = match client.send(call).await {
            Ok(answer) if answer.status == 429 && !last => pause_of(&answer),
            Ok(answer) if matches!(answer.status, 500 | 502 | 504) && !last => Duration::from_millis(500),
            Ok(answer) if answer.cut => {
                return Err(Report::new(Kind::Remote, format!("{place}: the answer is longer than we read")));
            }
            Ok(answer) => return Ok(answer),
            Err(Fault::Protocol(_) | Fault::Body { .. }) if !last => Duration::from_millis(500),
            Err(fault) => return Err(Report::new(Kind::Remote, format!("{place}: {fault}"))),
        };
        tokio::time::sleep(pause).await;
    }
}

/// Reads how long a server wants us to wait: seconds, at most a minute; without a word, ten.
fn pause_of(answer: &Answer) -> Duration {
    let seconds = answer.header("retry-after").next().and_then(|text| text.trim().parse::<u64>().ok());
    Duration::from_secs(seconds.unwrap_or(10).min(60))
}

/// Says what an answer that is no success says, in one line.
fn words_of(answer: &Answer) -> String {
    let said = sanitise::line_max(answer.body.trim_ascii().get(..400).unwrap_or(answer.body.trim_ascii()), 160);
    if said.is_empty() { format!("answers {}", answer.status) } else { format!("answers {}: {said}", answer.status) }
}

/// A number that may be written as a text.
fn number(value: &serde_json::Value) -> Option<f64> {
    value.as_f64().or_else(|| value.as_str()?.trim().parse().ok())
}

/// Milliseconds of a whole number of seconds, or none where that is not a moment of this era.
fn moment(seconds: f64) -> Option<Timestamp> {
    let fits = (0.0..1e11).contains(&seconds);
    #[expect(clippy::cast_possible_truncation, reason = "checked on the line above")]
    fits.then(|| Timestamp((seconds * 1_000.0).round() as i64))
}

/// Says a day as its date.
fn date_of(zone: Tz, day: Span) -> String {
    date_at(zone, day.from).map_or_else(|| day.from.rfc3339(), |date| date.to_string())
}
