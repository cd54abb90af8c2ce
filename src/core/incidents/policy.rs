//! What the team agreed on: clocks of each severity, who is called, the types of incidents and their procedures.
use std::sync::Arc;

use chrono::{Datelike as _, Duration, NaiveTime, TimeZone as _, Weekday};
use chrono_tz::Tz;

use super::Incident;
use crate::core::{
    alerts::Severity,
    id::Operator,
    time::{HOUR, MINUTE, Timestamp, short},
};

/// What the team agreed on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// By severity, P1 first.
    pub severities: [SeverityPolicy; 4],
    /// The types of incidents.
    pub classes: Vec<Class>,
    /// Who may be called.
    pub teams: Vec<Team>,
    /// Vendors and partners, with their response times.
    pub contacts: Vec<Contact>,
    /// How long a service has to be well, in milliseconds, before it is taken for mended.
    pub bake_ms: u64,
    /// When a clock of business hours runs.
    pub business: Business,
    /// How documents are written; none: by the built-in template.
    pub template: Option<Arc<Template>>,
}

/// A team's own template of documents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    /// Its file, as a person is told.
    pub path: String,
    /// What stands in it.
    pub text: String,
}

/// The clocks of one severity, in milliseconds; none: no such clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeverityPolicy {
    /// Until somebody takes it.
    pub ack_ms: Option<u64>,
    /// Until people are told for the first time.
    pub first_update_ms: Option<u64>,
    /// From one word to the next.
    pub update_every_ms: Option<u64>,
    /// Until users are helped.
    pub mitigate_ms: Option<u64>,
    /// From its end until its document is whole.
    pub document_ms: Option<u64>,
    /// A phase before `act` that lasts longer calls the next person by itself.
    pub escalate_ms: Option<u64>,
    /// Whether the clocks run in business hours only.
    pub business: bool,
    /// The team that is called.
    pub team: String,
    /// The notifiers that are used.
    pub notify: Vec<String>,
    /// Other names of it, as trackers and people have them.
    pub alias: Vec<String>,
}

/// A type of incident, and what is done about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Class {
    /// Its name: `failure`.
    pub name: String,
    /// In words: `server or service failure`.
    pub title: String,
    /// What is done, step by step.
    pub procedure: Vec<String>,
    /// The runbooks that are offered.
    pub runbooks: Vec<String>,
    /// How documents of this type are written; none: as all are.
    pub template: Option<Arc<Template>>,
}

/// People who are called together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Team {
    /// Its name.
    pub name: String,
    /// In the order in which they are called.
    pub members: Vec<Member>,
}

/// One of a team.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The login name.
    pub name: String,
    /// Their address.
    pub mail: Option<String>,
    /// Their number.
    pub phone: Option<String>,
}

/// Somebody outside who helps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contact {
    /// Who.
    pub name: String,
    /// For what: `payments`, `DNS`.
    pub role: String,
    /// How they are reached.
    pub reach: String,
    /// Within how many milliseconds they promise to answer.
    pub responds_ms: Option<u64>,
    /// The services that need them; empty: all.
    pub services: Vec<String>,
}

impl Contact {
    /// Returns who it is, for what, and within what time they promised to answer: as an escalation names them for good.
    pub fn called(&self) -> String {
        let answers = self.responds_ms.map(|within| format!("answers within {}", short(within)));
        let about: Vec<String> =
            [self.role.clone()].into_iter().filter(|role| !role.is_empty()).chain(answers).collect();
        if about.is_empty() { self.name.clone() } else { format!("{} ({})", self.name, about.join(", ")) }
    }
}

/// Hours in which people work: `from` to `to` on some days, in a time zone of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Business {
    /// Days.
    pub days: Vec<Weekday>,
    /// When a day begins.
    pub from: NaiveTime,
    /// When it ends.
    pub to: NaiveTime,
    /// Where.
    pub timezone: Tz,
}

impl Default for Business {
    fn default() -> Self {
        let hour = |hour| NaiveTime::from_hms_opt(hour, 0, 0).unwrap_or_default();
        Self {
            days: vec![Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu, Weekday::Fri],
            from: hour(9),
            to: hour(18),
            timezone: Tz::UTC,
        }
    }
}

impl Business {
    /// Returns when so many milliseconds of business hours have passed. What falls into a gap of the clock is not counted, what comes
    /// twice counts twice. None where there are no such hours within a year.
    pub fn after(&self, from: Timestamp, ms: u64) -> Option<Timestamp> {
        let mut left = i64::try_from(ms).ok()?;
        let mut day = from.to_utc()?.with_timezone(&self.timezone).date_naive();
        for _ in 0..370 {
            if self.days.contains(&day.weekday())
                && let (Some(opens), Some(closes)) = (self.moment(day, self.from), self.moment(day, self.to))
            {
                let begin = opens.max(from.0);
                let length = closes - begin;
                if length > 0 {
                    if left <= length {
                        return Some(Timestamp(begin + left));
                    }
                    left -= length;
                }
            }
            day = day.succ_opt()?;
        }
        None
    }

    /// Returns a time of a day in UTC: the first of two, and where the clock leaps over it the moment after the leap.
    fn moment(&self, day: chrono::NaiveDate, time: NaiveTime) -> Option<i64> {
        let naive = day.and_time(time);
        let found =
            (0..4).find_map(|hours| self.timezone.from_local_datetime(&(naive + Duration::hours(hours))).earliest());
        found.map(|moment| moment.timestamp_millis())
    }
}

impl Default for Policy {
    fn default() -> Self {
        let clocks =
            |ack: u64, first: Option<u64>, every: Option<u64>, mitigate: Option<u64>, team: &str| SeverityPolicy {
                ack_ms: Some(ack * minute()),
                first_update_ms: first.map(|minutes| minutes * minute()),
                update_every_ms: every.map(|minutes| minutes * minute()),
                mitigate_ms: mitigate.map(|minutes| minutes * minute()),
                document_ms: None,
                escalate_ms: None,
                business: false,
                team: team.to_owned(),
                notify: Vec::new(),
                alias: Vec::new(),
            };
        let days = |days: u64| Some(days * 24 * hour());
        let named = |policy: SeverityPolicy, alias: &[&str], document_ms, escalate: Option<u64>| SeverityPolicy {
            alias: alias.iter().map(|name| (*name).to_owned()).collect(),
            document_ms,
            escalate_ms: escalate.map(|minutes| minutes * minute()),
            ..policy
        };
        Self {
            severities: [
                named(clocks(5, Some(15), Some(15), Some(60), "response"), &["critical"], days(2), Some(30)),
                named(clocks(15, Some(30), Some(30), Some(240), "response"), &["high", "error"], days(5), Some(120)),
                named(clocks(60, Some(120), None, None, "support"), &["medium", "warning"], days(10), None),
                SeverityPolicy {
                    business: true,
                    ..named(clocks(9 * 60, None, None, None, "support"), &["low", "info"], None, None)
                },
            ],
            classes: Class::built_in(),
            template: None,
            teams: Vec::new(),
            contacts: Vec::new(),
            bake_ms: 10 * minute(),
            business: Business::default(),
        }
    }
}

fn minute() -> u64 {
    MINUTE.unsigned_abs()
}

fn hour() -> u64 {
    HOUR.unsigned_abs()
}

impl Policy {
    /// Returns the policy of a severity.
    pub fn of(&self, severity: Severity) -> &SeverityPolicy {
        let [p1, p2, p3, p4] = &self.severities;
        match severity {
            Severity::P1 => p1,
            Severity::P2 => p2,
            Severity::P3 => p3,
            Severity::P4 => p4,
        }
    }

    /// Returns a type by its name.
    pub fn class(&self, name: &str) -> Option<&Class> {
        self.classes.iter().find(|class| class.name == name)
    }

    /// Returns the team that is called for a severity.
    pub fn team(&self, severity: Severity) -> Option<&Team> {
        self.teams.iter().find(|team| team.name == self.of(severity).team)
    }

    /// Returns the template of the documents of a type; none: the built-in one.
    pub fn template(&self, class: Option<&str>) -> Option<&Arc<Template>> {
        let own = class.and_then(|name| self.class(name)?.template.as_ref());
        own.or(self.template.as_ref())
    }

    /// Has no document written by a template any more that cannot be used.
    pub fn drop_template(&mut self, path: &str) {
        let all = self.classes.iter_mut().map(|class| &mut class.template).chain([&mut self.template]);
        for template in all {
            if template.as_ref().is_some_and(|of| of.path == path) {
                *template = None;
            }
        }
    }

    /// Returns every template once.
    pub fn templates(&self) -> Vec<Arc<Template>> {
        let mut all: Vec<Arc<Template>> = Vec::new();
        for of in self.classes.iter().filter_map(|class| class.template.as_ref()).chain(&self.template) {
            if !all.contains(of) {
                all.push(Arc::clone(of));
            }
        }
        all
    }

    /// Returns who is called after those who were called already: who is first, where they are of the team, then the next of it.
    pub fn next_to_call<'a>(
        &self,
        severity: Severity,
        called: impl Iterator<Item = &'a str>,
        first: Option<&str>,
    ) -> Option<&Member> {
        let (called, members) = (called.collect::<Vec<_>>(), &self.team(severity)?.members);
        let is_first = |member: &&Member| first == Some(&member.name);
        let fresh = members.iter().find(is_first).filter(|member| !called.contains(&member.name.as_str()));
        if fresh.is_some() {
            return fresh;
        }
        // Whoever was called out of turn ends nobody else's turn.
        let chain: Vec<&Member> = members.iter().filter(|member| !is_first(member)).collect();
        let last = called.iter().filter_map(|name| chain.iter().position(|member| member.name == *name)).max();
        chain.get(last.map_or(0, |at| at + 1)).copied()
    }
}

impl Incident {
    /// Returns who of the team is called next, after whoever leads and those who were called; first whoever signed the hand-over last.
    pub fn next_to_call<'a>(&self, policy: &'a Policy, signed: Option<&Operator>) -> Option<&'a Member> {
        let called = self.owner.iter().map(Operator::as_str).chain(self.escalated.iter().map(|(_, to)| to.as_str()));
        policy.next_to_call(self.severity, called, signed.map(Operator::as_str))
    }
}

impl Class {
    /// Returns the five that are there without configuration.
    pub fn built_in() -> Vec<Self> {
        let class = |name: &str, title: &str, procedure: &[&str]| Self {
            name: name.to_owned(),
            title: title.to_owned(),
            procedure: procedure.iter().map(|step| (*step).to_owned()).collect(),
            runbooks: Vec::new(),
            template: None,
        };
        vec![
            class(
                "failure",
                "server or service failure",
                &[
                    "tell the team that is called for its severity",
                    "look: logs, metrics, what changed",
                    "restart, or go back to the version before",
                ],
            ),
            class(
                "api-errors",
                "API or endpoint errors",
                &[
                    "hold the answers against the API's description",
                    "read the logs of the endpoint",
                    "bring a hotfix out",
                ],
            ),
            class(
                "vulnerability",
                "critical vulnerability",
                &[
                    "tell the CISO",
                    "close it at once: patch, block or switch off",
                    "look for signs that somebody used it",
                ],
            ),
            class(
                "performance",
                "performance degradation",
                &["hold the metrics against those before", "give it more, or ask less of it"],
            ),
            class(
                "partner",
                "partner or integration issue",
                &[
                    "verify the package",
                    "send it again in a controlled way, or take a part of it back",
                    "tell the partner",
                ],
            ),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp(chrono::DateTime::parse_from_rfc3339(text).unwrap().timestamp_millis())
    }

    #[test]
    fn business_hours_skip_nights_and_weekends() {
        let business = Business::default();
        for (from, hours, expected) in [
            ("2026-11-20T08:00:00Z", 1, "2026-11-20T10:00:00Z"),
            ("2026-11-20T17:00:00Z", 1, "2026-11-20T18:00:00Z"),
            ("2026-11-20T17:00:00Z", 2, "2026-11-23T10:00:00Z"),
            ("2026-11-21T12:00:00Z", 9, "2026-11-23T18:00:00Z"),
            ("2026-11-20T19:00:00Z", 45, "2026-11-27T18:00:00Z"),
        ] {
            assert_eq!(business.after(at(from), hours * hour()), Some(at(expected)), "{from} + {hours} h");
        }
        let never = Business { days: Vec::new(), ..business };
        assert_eq!(never.after(at("2026-11-20T08:00:00Z"), 1), None);
    }

    #[test]
    fn business_hours_know_when_the_clock_is_changed() {
        // In Berlin the clock leaps from 02:00 to 03:00 on 2026-03-29 and goes back from 03:00 to 02:00 on 2026-10-25.
        let night = Business {
            days: vec![Weekday::Sun],
            from: NaiveTime::from_hms_opt(1, 0, 0).unwrap(),
            to: NaiveTime::from_hms_opt(4, 0, 0).unwrap(),
            timezone: Tz::Europe__Berlin,
        };
        assert_eq!(night.after(at("2026-03-29T00:00:00Z"), 2 * hour()), Some(at("2026-03-29T02:00:00Z")));
        assert_eq!(night.after(at("2026-10-24T23:00:00Z"), 4 * hour()), Some(at("2026-10-25T03:00:00Z")));
        let within = Business { from: NaiveTime::from_hms_opt(2, 30, 0).unwrap(), ..night };
        assert_eq!(within.after(at("2026-03-29T00:00:00Z"), hour() / 2), Some(at("2026-03-29T02:00:00Z")));
    }

    #[test]
    fn the_next_of_a_team_is_called_once_each() {
        let member = |name: &str| Member { name: name.into(), mail: None, phone: None };
        let team = Team { name: "response".into(), members: vec![member("ana"), member("ben")] };
        let policy = Policy { teams: vec![team], ..Policy::default() };
        let after = |called: &[&str], first: Option<&str>| {
            policy.next_to_call(Severity::P1, called.iter().copied(), first).map(|member| member.name.as_str())
        };
        let next = |called: &[&str]| after(called, None);
        assert_eq!(
            (next(&[]), next(&["ana"]), next(&["leo", "ana"]), next(&["ana", "ben"])),
            (Some("ana"), Some("ben"), Some("ben"), None)
        );
        assert_eq!(policy.next_to_call(Severity::P4, [].into_iter(), None), None, "support is nobody yet");
        // Who signed last is first, and the others come in their turn.
        let shift = |called: &[&str]| after(called, Some("ben"));
        assert_eq!((shift(&[]), shift(&["ana"]), shift(&["ben"])), (Some("ben"), Some("ben"), Some("ana")));
        assert_eq!((shift(&["ana", "ben"]), after(&[], Some("leo"))), (None, Some("ana")), "leo is of another team");
    }
}
