//! Incidents that were like this one, and what mended them.
//!
//! The score is a weighted mean of how much two incidents share, each part from 0 to 1: the service (`SERVICE`; the same service in another
//! environment counts half), the kind of alert (`ALERT`), the words of their titles and the patterns of their logs (`WORDS`, `PATTERNS`; as
//! the Jaccard index, the share of those in both among those in either). What neither tells of is left out of the mean, so that an incident
//! without patterns is not unlike all others.
use std::collections::BTreeSet;

use super::{Incident, IncidentEventKind, State, precedent::Precedent};
use crate::core::{
    id::{IncidentId, RuleName, ServiceId, Uid},
    logs::bundle,
    time::Timestamp,
};

/// Weight of the service.
const SERVICE: f64 = 0.35;
/// Weight of the alert's rule.
const ALERT: f64 = 0.2;
/// Weight of the words of the title.
const WORDS: f64 = 0.2;
/// Weight of patterns of log lines.
const PATTERNS: f64 = 0.25;
/// Below this score two incidents are not alike.
pub const ALIKE: f64 = 0.35;
/// Words of fewer letters say little.
const LETTERS: usize = 3;
/// Patterns of log lines of an incident that are held against those of others, at most.
const PATTERNS_OF_ONE: usize = 200;

/// Parts of a time in words, as syslog and web servers write it.
const DAYS: [&str; 19] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec", "Mon", "Tue", "Wed", "Thu",
    "Fri", "Sat", "Sun",
];

/// By what an incident is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Signature {
    /// The service.
    pub service: Option<ServiceId>,
    /// The rule of the alert that it began with.
    pub rule: Option<RuleName>,
    /// Words of its title, without numbers and names of hosts.
    pub words: BTreeSet<String>,
    /// Patterns of log lines that came with it.
    pub patterns: BTreeSet<String>,
}

/// An incident like this one.
#[derive(Clone, Debug, PartialEq)]
pub struct Similar {
    /// Which.
    pub incident: Uid,
    /// Its number.
    pub number: IncidentId,
    /// Its title.
    pub title: String,
    /// When it was opened.
    pub opened: Timestamp,
    /// How much alike, from 0 to 1.
    pub score: f64,
    /// What they share, in words.
    pub shares: Vec<String>,
    /// What mended it; none where nothing was done, or nobody knows whether it helped.
    pub mended: Option<String>,
}

impl Similar {
    fn of(other: &Precedent, score: f64, shares: Vec<String>) -> Self {
        Self {
            incident: other.uid,
            number: other.number,
            title: other.title.clone(),
            opened: other.opened,
            score,
            shares,
            mended: other.mended.clone(),
        }
    }

    /// Says it in a line: `INC-203 Play answers 502, mended by roll play back to v2.30.4`.
    pub fn words(&self) -> String {
        let mended = self.mended.as_ref();
        let mended = mended.map_or_else(|| "what mended it is not known".to_owned(), |by| format!("mended by {by}"));
        format!("{} {}, {mended}", self.number, self.title)
    }
}

impl Signature {
    /// Makes one of a title, and of what is known besides.
    pub fn new(title: &str, service: Option<&ServiceId>, rule: Option<&RuleName>) -> Self {
        Self { service: service.cloned(), rule: rule.cloned(), words: words(title), patterns: BTreeSet::new() }
    }

    /// Makes one of an incident, whose alert's rule only others know.
    pub fn of(incident: &Incident, rule: Option<&RuleName>) -> Self {
        Self { rule: rule.cloned(), ..incident.signature.clone() }
    }

    /// Takes another title.
    pub(super) fn entitle(&mut self, title: &str) {
        self.words = words(title);
    }

    /// Takes what was kept as evidence: log lines say by their patterns what it is.
    pub(super) fn keep(&mut self, what: &str, source: &str, body: &str) {
        if what.contains("log line") || source == "the logs" {
            let room = PATTERNS_OF_ONE.saturating_sub(self.patterns.len());
            self.patterns.extend(bundle::lines(body).take(room).filter_map(pattern));
        }
    }
}

/// What a log line says, without what differs from one to the next: numbers, times, its host, names with digits. None where that is too little.
fn pattern(line: bundle::Line<'_>) -> Option<String> {
    let text = if line.host.is_empty() { line.text.into() } else { line.text.replace(line.host, " ") };
    let parts = text.split(|c: char| !c.is_alphanumeric()).filter(|part| part.chars().count() >= LETTERS);
    let words = parts.filter(|part| part.chars().all(char::is_alphabetic)).filter(|part| !DAYS.contains(part));
    let said: Vec<String> = words.map(str::to_lowercase).take(12).collect();
    (said.len() >= 2).then(|| said.join(" "))
}

/// The words of a text that say what it is about, in lower case. What has digits is a number, a host or a time, and says which; of an HTTP
/// status the first digit says what: `503` is `5xx`.
fn words(text: &str) -> BTreeSet<String> {
    let parts = text.split(|c: char| !c.is_alphanumeric()).map(str::to_lowercase);
    let word = |part: String| {
        if part.len() == 3 && part.bytes().all(|byte| byte.is_ascii_digit()) && part.starts_with(['4', '5']) {
            return part.chars().next().map(|first| format!("{first}xx"));
        }
        let is_word = part == "5xx" || part == "4xx" || !part.contains(|c: char| c.is_ascii_digit());
        (is_word && part.chars().count() >= LETTERS).then_some(part)
    };
    parts.filter_map(word).collect()
}

/// By what an incident is known, and the rule of its alert.
#[derive(Clone, Copy)]
struct Known<'a>(&'a Signature, Option<&'a RuleName>);

/// Scores how much two incidents are alike.
fn score(Known(a, rule_a): Known<'_>, Known(b, rule_b): Known<'_>) -> f64 {
    let (mut sum, mut of) = (0.0, 0.0);
    let mut add = |weight: f64, alike: f64| {
        sum += weight * alike;
        of += weight;
    };
    if let (Some(one), Some(other)) = (&a.service, &b.service) {
        let alike = match (one == other, one.service == other.service) {
            (true, _) => 1.0,
            (false, true) => 0.5,
            (false, false) => 0.0,
        };
        add(SERVICE, alike);
    }
    if let (Some(one), Some(other)) = (rule_a, rule_b) {
        add(ALERT, if one == other { 1.0 } else { 0.0 });
    }
    for (weight, one, other) in [(WORDS, &a.words, &b.words), (PATTERNS, &a.patterns, &b.patterns)] {
        if !one.is_empty() && !other.is_empty() {
            let both = one.intersection(other).count();
            add(weight, both as f64 / (one.len() + other.len() - both) as f64);
        }
    }
    if of > 0.0 { sum / of } else { 0.0 }
}

/// Says what two incidents share.
fn shares(Known(a, rule_a): Known<'_>, Known(b, rule_b): Known<'_>) -> Vec<String> {
    let service = a.service.as_ref().zip(b.service.as_ref()).filter(|(one, other)| one.service == other.service);
    let rule = rule_a.filter(|rule| rule_b == Some(*rule));
    let mut shares: Vec<String> = service.map(|(_, other)| other.to_string()).into_iter().collect();
    shares.extend(rule.map(ToString::to_string));
    shares.extend(a.words.intersection(&b.words).chain(a.patterns.intersection(&b.patterns)).cloned());
    shares
}

/// Finds incidents like one that were opened before it, the most alike first. `rule` returns the rule of the alert that one began with,
/// which only others know.
///
/// Each screen that shows one asks for this: what is not among the first is only scored.
pub fn find(state: &State, of: Uid, limit: usize, rule: impl Fn(&Incident) -> Option<RuleName>) -> Vec<Similar> {
    let Some(this) = state.incidents.get(&of) else { return Vec::new() };
    let own_rule = rule(this);
    let own = Known(&this.signature, own_rule.as_ref());
    // What went into it is not another one; what came later mended nothing that this could learn from.
    let family = state.family(of);
    let before = |uid, opened, number| (opened, number) < (this.opened, this.number) && !family.contains(&uid);
    let whole = state.incidents.values().filter(|other| before(other.uid, other.opened, other.number));
    let whole = whole.map(|other| {
        let rule = rule(other);
        (score(own, Known(&other.signature, rule.as_ref())), other.opened, Like::Whole(other, rule))
    });
    let old = state.remembered.values().filter(|other| !state.incidents.contains_key(&other.uid));
    // Of what is only remembered all went into what it says itself.
    let old = old.filter(|other| other.merged_into.is_none_or(|into| !family.contains(&into)));
    let old = old.filter(|other| before(other.uid, other.opened, other.number));
    let old = old.map(|other| {
        let known = Known(&other.signature, other.signature.rule.as_ref());
        (score(own, known), other.opened, Like::Old(other))
    });
    let mut found: Vec<_> = whole.chain(old).filter(|(score, ..)| *score >= ALIKE).collect();
    found.sort_by(|(a, opened_a, _), (b, opened_b, _)| b.total_cmp(a).then(opened_b.cmp(opened_a)));
    found.truncate(limit);
    let told = found.into_iter().map(|(score, _, like)| match like {
        Like::Whole(other, rule) => {
            let shares = shares(own, Known(&other.signature, rule.as_ref()));
            Similar::of(&Precedent::of(other, None), score, shares)
        }
        Like::Old(other) => {
            let known = Known(&other.signature, other.signature.rule.as_ref());
            Similar::of(other, score, shares(own, known))
        }
    });
    told.collect()
}

/// An incident that was compared: all of it, or what is remembered.
enum Like<'a> {
    Whole(&'a Incident, Option<RuleName>),
    Old(&'a Precedent),
}

/// What mended an incident: the last run before it was over that did not fail, in the words of its confirmation and its result.
pub fn mended(of: &Incident) -> Option<String> {
    let over = of.resolved.or(of.mitigated)?;
    let events: Vec<_> = of.timeline.values().filter(|event| event.at <= over).collect();
    let (run, summary) = events.iter().rev().find_map(|event| {
        let IncidentEventKind::Result { run, outcome, summary } = &event.kind else { return None };
        matches!(&**outcome, "Recovered" | "Succeeded").then(|| (*run, summary.clone()))
    })?;
    let action = events.iter().find_map(|event| {
        let IncidentEventKind::Action { run: known, summary } = &event.kind else { return None };
        (*known == run).then(|| summary.clone())
    });
    Some(action.map_or(summary.clone(), |action| format!("{action} → {summary}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::{
        alerts::Severity,
        incidents::{IncidentEvent, Msg, StoredIncidentEvent, update},
    };

    fn signature(title: &str, service: &str, rule: &str, patterns: &[&str]) -> Signature {
        let patterns = patterns.iter().map(|pattern| (*pattern).to_owned()).collect();
        let rule = RuleName::from(rule);
        Signature { patterns, ..Signature::new(title, Some(&service.parse().unwrap()), Some(&rule)) }
    }

    fn both(a: &Signature, b: &Signature) -> (f64, Vec<String>) {
        let (a, b) = (Known(a, a.rule.as_ref()), Known(b, b.rule.as_ref()));
        (score(a, b), shares(a, b))
    }

    #[test]
    fn words_say_what_and_numbers_do_not() {
        let shown = |text| words(text).into_iter().collect::<Vec<_>>().join(" ");
        assert_eq!(shown("play@prod down: page: 503, expected 200-299"), "5xx down expected page play prod");
        assert_eq!(shown("lin-api-02 5xx: PG pool timeouts since 02:58"), "5xx api lin pool since timeouts");
        assert_eq!(shown(""), "");
    }

    #[test]
    fn the_more_they_share_the_more_alike() {
        let this = signature("play@prod down: page: 503", "play@prod", "service-down", &["pool timeout <*>"]);
        let table = [
            (signature("play@prod down: page: 502", "play@prod", "service-down", &["pool timeout <*>"]), 1.0),
            (signature("play@prod down: page: 502", "play@prod", "service-down", &["disk full"]), 0.75),
            (signature("play@prod slow: 900 ms", "play@prod", "latency", &[]), 0.55),
            (signature("play@staging down: page: 503", "play@staging", "service-down", &[]), 0.68),
            (signature("api@prod down: health: 500", "api@prod", "service-down", &[]), 0.4),
            (signature("disk of db-01", "db@prod", "disk", &["disk full"]), 0.0),
        ];
        for (other, want) in table {
            let (got, shares) = both(&this, &other);
            assert!((got - want).abs() < 0.03, "{other:?}: {got}, not {want}");
            assert!((both(&other, &this).0 - got).abs() < 1e-9, "either way round");
            assert_eq!(got > 0.0, !shares.is_empty(), "{shares:?}");
        }
        assert_eq!(both(&Signature::default(), &this).0.to_bits(), 0.0_f64.to_bits());
    }

    #[test]
    fn log_lines_that_were_kept_make_two_incidents_alike() {
        let mut state = State::default();
        let kept = |body: &str| IncidentEventKind::Pinned {
            what: "2 log lines".into(),
            source: "the logs".into(),
            body: body.into(),
            sha256: String::new(),
        };
        let line = "2026-11-20T03:00:30Z api-1 ERROR pool timeout after 3012 ms";
        tell(&mut state, 1, vec![opened("checkout slow", "pay@prod"), kept(line)]);
        tell(&mut state, 2, vec![opened("uploads fail", "media@prod"), kept("disk full on /srv/media")]);
        let again = "2026-11-21T09:12:01Z api-2 ERROR pool timeout after 88 ms\n42";
        tell(&mut state, 3, vec![opened("search answers late", "search@prod"), kept(again)]);
        let of = |incident: &Incident| Signature::of(incident, None);
        let own = of(&state.incidents[&Uid([3; 6])]);
        assert_eq!(own.patterns.iter().collect::<Vec<_>>(), ["api error pool timeout after"]);
        let (alike, shares) = both(&own, &of(&state.incidents[&Uid([1; 6])]));
        assert_eq!((alike > 0.3, shares), (true, vec!["api error pool timeout after".to_owned()]));
        assert_eq!(both(&own, &of(&state.incidents[&Uid([2; 6])])).1, Vec::<String>::new());
    }

    fn tell(state: &mut State, number: u8, events: Vec<IncidentEventKind>) {
        let stored = events.into_iter().zip(1_i64..).map(|(kind, seq)| StoredIncidentEvent {
            number: IncidentId(number.into()),
            seq: seq.unsigned_abs(),
            event: IncidentEvent {
                incident: Uid([number; 6]),
                at: Timestamp(i64::from(number) * 1_000 + seq),
                by: "ana".into(),
                kind,
            },
        });
        _ = update(state, Msg::Stored(stored.collect()), Timestamp(0), &"ana".into());
    }

    fn opened(title: &str, service: &str) -> IncidentEventKind {
        let service = Some(service.parse().unwrap());
        IncidentEventKind::Opened { title: title.into(), severity: Severity::P1, service }
    }

    #[test]
    fn what_mended_the_like_of_it_is_told() {
        let mut state = State::default();
        let run = |number: u8| Uid([100 + number; 6]);
        let action = |number, text: &str| IncidentEventKind::Action { run: run(number), summary: text.into() };
        let result = |number, outcome: &str, text: &str| IncidentEventKind::Result {
            run: run(number),
            outcome: outcome.into(),
            summary: text.into(),
        };
        tell(
            &mut state,
            1,
            vec![
                opened("play@prod down: page: 503", "play@prod"),
                action(1, "restart play"),
                result(1, "NotRecovered", "down before, down now"),
                action(2, "roll play back to v2.30.4"),
                result(2, "Recovered", "down before, up now"),
                IncidentEventKind::Resolved { summary: "no longer".into() },
                action(3, "restart play, to be sure"),
                result(3, "Succeeded", "up before, up now"),
            ],
        );
        tell(&mut state, 2, vec![opened("billing@prod slow", "billing@prod")]);
        tell(&mut state, 3, vec![opened("play@prod slow: page", "play@prod")]);
        tell(&mut state, 4, vec![opened("play@prod down: page: 502", "play@prod")]);
        let of = |_: &Incident| None;
        let found = find(&state, Uid([4; 6]), 5, of);
        let numbers: Vec<u64> = found.iter().map(|similar| similar.number.0).collect();
        assert_eq!(numbers, [1, 3]);
        assert_eq!(found[0].mended.as_deref(), Some("roll play back to v2.30.4 → down before, up now"));
        assert!(found[0].score > 0.99 && found[1].mended.is_none());
        assert_eq!(find(&state, Uid([4; 6]), 1, of).len(), 1);
        assert_eq!(find(&state, Uid([9; 6]), 5, of), []);
    }
}
