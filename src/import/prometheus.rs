//! Days from Prometheus, or what speaks its API (Thanos, Mimir, VictoriaMetrics): one range query with a step of a day.
//!
//! The query gives the share of a day that was up, from 0 to 1, evaluated at the day's end: `avg_over_time(x[1d])` at T covers
//! the day before T. Its `[1d]` is replaced by the day's real length where a change of the clock made it 23 or 25 hours, and
//! runs of ordinary days are asked together.
//!
//! A mean says nothing about how much of the day was recorded. For queries of the form `avg_over_time(X[1d])` a second one
//! asks in how many of the day's five-minute steps there was a sample; the rest is unknown. For any other query a day with a
//! value counts as known as a whole, and the report says so.
use std::collections::BTreeMap;

use futures_util::future::BoxFuture;
use serde_json::Value;

use super::{Ask, Gather, ImportReport, Importer, Map, Told, date_of, fetch, moment, number, share, words_of};
use crate::{
    core::{
        services::uptime::Span,
        time::{DAY, MINUTE, Timestamp},
    },
    error::{Kind, Report},
    parse::sanitise,
    remote::http::{Answer, Call, Client, Value as Header},
};

/// The query unless another is given.
pub const DEFAULT_QUERY: &str = "avg_over_time(probe_success[1d])";

/// Most days of one request: cheap in points, but a day's mean reads every sample of the day, and servers bound that.
const MOST_AT_ONCE: usize = 30;
/// Most points that Prometheus gives per series.
const MOST_POINTS: usize = 11_000;
const _: () = assert!(MOST_AT_ONCE <= MOST_POINTS);
/// Most bytes of an answer.
const MAX_BODY: usize = 16 << 20;
/// Longest query that goes into a URL.
const MAX_GET: usize = 1_500;

/// The importer.
pub(super) struct Prometheus;

impl Importer for Prometheus {
    fn name(&self) -> &'static str {
        "prometheus"
    }

    fn import<'a>(&'a self, ask: &'a Ask) -> BoxFuture<'a, Result<ImportReport, Report>> {
        Box::pin(async move {
            let server = Server::new(ask)?;
            let mut gather = Gather::new(ask, self.name());
            let query = ask.query.as_deref().unwrap_or(DEFAULT_QUERY);
            let days = ask.past_days()?;
            if !query.contains("[1d]") && days.iter().any(|day| day.ms() != DAY) {
                gather.warn("the query has no [1d] to fit to the days of 23 or 25 hours: theirs are a little off");
            }
            let shares = server.series(query, &days, &mut gather).await?;
            let coverage = match coverage_of(query) {
                Some(_) if shares.is_empty() => None,
                Some(coverage) => match server.series(&coverage, &days, &mut gather).await {
                    Ok(steps) => Some(steps),
                    Err(report) => {
                        gather.warn(format!("how much of each day was recorded is not known: {report}"));
                        None
                    }
                },
                None => {
                    gather.warn(
                        "how much of each day was recorded is not known for this query: days with a value count whole",
                    );
                    None
                }
            };
            for (labels, values) in &shares {
                let name = match &ask.map {
                    Map::Usual => labels.get("instance"),
                    Map::Label(label) => labels.get(label),
                    Map::To(_) => None,
                };
                let what = text_of(labels);
                let Some(service) = gather.service_of(&what, name.map(String::as_str)) else { continue };
                for (day, up) in values {
                    let day = Span::new(day.0, day.1);
                    if up.is_nan() {
                        continue;
                    }
                    if !(0.0..=1.0).contains(up) {
                        let date = date_of(ask.zone, day);
                        gather.skip(format!("{what} on {date}"), format!("the value is {up}, expected 0 to 1"));
                        continue;
                    }
                    let known = coverage.as_ref().map_or(day.ms(), |steps| {
                        let seen = steps.get(labels).and_then(|days| days.get(&(day.from, day.to)));
                        share(day.ms(), seen.copied().unwrap_or(0.0) / (day.ms() as f64 / (5 * MINUTE) as f64))
                    });
                    if known > 0 {
                        gather.add(&what, &service, day, Told { up: *up, known_ms: known });
                    }
                }
            }
            Ok(gather.finish())
        })
    }
}

type Labels = BTreeMap<String, String>;
type Days = BTreeMap<(Timestamp, Timestamp), f64>;

/// Makes the query that counts the five-minute steps of a day with a sample.
fn coverage_of(query: &str) -> Option<String> {
    let selector = query.trim().strip_prefix("avg_over_time(")?.strip_suffix("[1d])")?;
    // An expression with brackets of its own is no plain selector; label values may hold anything but are in quotes.
    let plain = !selector.contains(['(', ')', '[', ']']);
    plain.then(|| format!("count_over_time((present_over_time({selector}[5m]))[1d:5m])"))
}

fn text_of(labels: &Labels) -> String {
    let pairs: Vec<_> = labels.iter().take(8).map(|(name, value)| format!("{name}={value:?}")).collect();
    format!("{{{}}}", pairs.join(", "))
}

struct Server<'a> {
    client: Client,
    base: String,
    place: String,
    ask: &'a Ask,
}

impl<'a> Server<'a> {
    fn new(ask: &'a Ask) -> Result<Self, Report> {
        let url = ask.url.as_deref().ok_or_else(|| {
            Report::new(Kind::User, "no Prometheus is named").hint("give its URL, as in http://127.0.0.1:9090")
        })?;
        let base = format!("{}/api/v1/query_range", url.trim_end_matches('/'));
        let call = Call::new("GET", &base).map_err(|fault| Report::new(Kind::User, fault.to_string()))?;
        if ask.secret.is_some() && !call.keeps_secrets() {
            let what = "the token would go over an unencrypted connection";
            return Err(Report::new(Kind::User, what).hint("use https://"));
        }
        let target = call.target();
        let place = format!("Prometheus at {}:{}", sanitise::name(&target.host), target.port);
        Ok(Self { client: Client::new(ask.trust.clone()), base, place, ask })
    }

    /// Asks for the value of a query at the end of each day.
    async fn series(
        &self,
        query: &str,
        days: &[Span],
        gather: &mut Gather<'_>,
    ) -> Result<BTreeMap<Labels, Days>, Report> {
        let mut found: BTreeMap<Labels, Days> = BTreeMap::new();
        let mut left: Vec<Vec<Span>> = runs(days);
        left.reverse();
        while let Some(run) = left.pop() {
            let answer = self.range(query, &run).await?;
            let smaller = answer.status == 503 || (answer.status == 422 && says_too_many(&answer));
            if smaller && run.len() > 1 {
                let (first, second) = run.split_at(run.len() / 2);
                left.extend([second.to_vec(), first.to_vec()]);
                continue;
            }
            self.read(&answer, &run, gather, &mut found)?;
        }
        Ok(found)
    }

    async fn range(&self, query: &str, run: &[Span]) -> Result<Answer, Report> {
        let own = |fault: crate::remote::http::Fault| Report::new(Kind::User, fault.to_string());
        let (Some(first), Some(last)) = (run.first(), run.last()) else {
            return Err(Report::new(Kind::Internal, "an empty run of days"));
        };
        let seconds = first.ms() / 1_000;
        let query = if first.ms() == DAY { query.to_owned() } else { fit(query, seconds) };
        let (start, end) = (first.to.0 / 1_000, last.to.0 / 1_000);
        let (start, end, step) = (start.to_string(), end.to_string(), (DAY / 1_000).to_string());
        let pairs = [("query", query.as_str()), ("start", &start), ("end", &end), ("step", &step)];
        let mut call = if query.len() > MAX_GET {
            let fields = pairs.map(|(name, value)| (name, Header::Plain(value.to_owned())));
            Call::new("POST", &self.base).and_then(|call| call.form(&fields)).map_err(own)?
        } else {
            let call = Call::new("GET", &self.base).map_err(own)?;
            pairs.iter().fold(call, |call, (name, value)| call.query(name, value))
        };
        if let Some(secret) = &self.ask.secret {
            use secrecy::ExposeSecret as _;
            let bearer = format!("Bearer {}", secret.expose_secret().trim());
            call = call.header("authorization", &Header::Secret(bearer.into())).map_err(own)?;
        }
        (call.timeout, call.max_body) = (self.ask.timeout, MAX_BODY);
        fetch(&self.client, &call, &self.place).await
    }

    fn read(
        &self,
        answer: &Answer,
        run: &[Span],
        gather: &mut Gather<'_>,
        found: &mut BTreeMap<Labels, Days>,
    ) -> Result<(), Report> {
        let fail = |why: String| Report::new(Kind::Remote, format!("{}: {why}", self.place));
        let hint = "check the URL: it is the one that /api/v1/query_range is appended to";
        let Ok(json) = serde_json::from_slice::<Value>(&answer.body) else {
            return Err(fail(words_of(answer)).hint(hint));
        };
        let text = |key: &str| json.get(key).and_then(Value::as_str).map(|text| sanitise::line_max(text, 200));
        if text("status").as_deref() != Some("success") {
            return Err(match text("error") {
                Some(error) => fail(error),
                None => fail(words_of(answer)).hint(hint),
            });
        }
        for note in ["warnings", "infos"].iter().filter_map(|key| json.get(key)?.as_array()).flatten() {
            gather.warn(format!("Prometheus says: {}", note.as_str().unwrap_or("something that is no text")));
        }
        let data = json.get("data").ok_or_else(|| fail("the answer has no data".into()))?;
        let kind = data.get("resultType").and_then(Value::as_str).unwrap_or("nothing");
        if kind != "matrix" {
            return Err(fail(format!("the query gives a {}, expected series", sanitise::name(kind))));
        }
        for series in data.get("result").and_then(Value::as_array).into_iter().flatten() {
            let labels: Labels = series
                .get("metric")
                .and_then(Value::as_object)
                .into_iter()
                .flatten()
                .filter(|(name, _)| *name != "__name__")
                .filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())))
                .collect();
            let what = text_of(&labels);
            for point in series.get("values").and_then(Value::as_array).into_iter().flatten() {
                let pair = point.as_array().map(Vec::as_slice);
                let read =
                    if let Some([at, value]) = pair { at.as_f64().and_then(moment).zip(number(value)) } else { None };
                let Some((at, value)) = read else {
                    gather.skip(&what, "a point that cannot be read");
                    continue;
                };
                // A day is found by its end, which is where the query was evaluated.
                match run.iter().find(|day| day.to == at) {
                    Some(day) => {
                        found.entry(labels.clone()).or_default().insert((day.from, day.to), value);
                    }
                    None => gather.skip(&what, format!("a point at {}, which was not asked for", at.rfc3339())),
                }
            }
        }
        Ok(())
    }
}

fn says_too_many(answer: &Answer) -> bool {
    memchr::memmem::find(&answer.body, b"too many samples").is_some()
}

/// Fits a query to a day of another length.
fn fit(query: &str, seconds: i64) -> String {
    query.replace("[1d]", &format!("[{seconds}s]")).replace("[1d:", &format!("[{seconds}s:"))
}

/// Cuts days into runs that one range query can ask: each a day after the one before, all of 24 hours, not too many.
fn runs(days: &[Span]) -> Vec<Vec<Span>> {
    let mut runs: Vec<Vec<Span>> = Vec::new();
    for day in days {
        match runs.last_mut() {
            Some(run)
                if run.len() < MOST_AT_ONCE
                    && day.ms() == DAY
                    && run.last().is_some_and(|last| last.ms() == DAY && last.to == day.from) =>
            {
                run.push(*day);
            }
            _ => runs.push(vec![*day]),
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coverage_is_asked_for_plain_selectors_only() {
        assert_eq!(
            coverage_of("avg_over_time(probe_success{job=\"x\"}[1d])").unwrap(),
            "count_over_time((present_over_time(probe_success{job=\"x\"}[5m]))[1d:5m])"
        );
        for query in [
            "avg_over_time(up[1h])",
            "avg_over_time((max by (i) (up))[1d:1m])",
            "1 - x",
            "avg_over_time(a[1d]) * avg_over_time(b[1d])",
        ] {
            assert_eq!(coverage_of(query), None, "{query}");
        }
    }

    #[test]
    fn days_of_another_length_are_asked_alone() {
        let mut at = Timestamp(0);
        let mut day = |hours: i64| {
            let span = Span::new(at, at + hours * 3_600_000);
            at = span.to;
            span
        };
        let days: Vec<_> = [24, 24, 23, 24, 25, 24].map(&mut day).into();
        assert_eq!(runs(&days).iter().map(Vec::len).collect::<Vec<_>>(), [2, 1, 1, 1, 1]);
        let many: Vec<_> = std::iter::repeat_with(|| day(24)).take(65).collect();
        assert_eq!(runs(&many).iter().map(Vec::len).collect::<Vec<_>>(), [30, 30, 5]);
        assert_eq!(
            fit("count_over_time((present_over_time(x[5m]))[1d:5m])", 82_800),
            "count_over_time((present_over_time(x[5m]))[82800s:5m])"
        );
    }
}
