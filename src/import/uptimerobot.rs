//! Days from UptimeRobot, by its API v2: `getMonitors` with one uptime range per day.
//!
//! The key goes in the body, as the API wants it, and nowhere else; a read-only key is enough. Failures come with status 200
//! and `stat: fail`, and repeat the key in `passed_value`, which is never shown. Before a monitor was created the ranges say 0
//! or 100, and while it was paused they say nothing: both are unknown here. Of pauses it tells the latest entries of its log.
use futures_util::future::BoxFuture;
use serde_json::Value;

use super::{Ask, Gather, ImportReport, Importer, Map, Told, date_of, fetch, moment, number, words_of};
use crate::{
    core::{services::uptime::Span, time::Timestamp},
    error::{Kind, Report},
    parse::sanitise,
    remote::http::{Call, Client, Value as Field},
};

/// Where the API is.
const HOME: &str = "https://api.uptimerobot.com";
/// Most ranges of one request.
const MOST_RANGES: usize = 30;
/// Monitors of one page: the most it gives.
const PAGE: u64 = 50;
/// Most pages that are read.
const MAX_PAGES: u64 = 200;
/// Most bytes of an answer.
const MAX_BODY: usize = 16 << 20;
/// The log's type for a pause.
const PAUSED: i64 = 99;

/// The importer.
pub(super) struct UptimeRobot;

impl Importer for UptimeRobot {
    fn name(&self) -> &'static str {
        "uptimerobot"
    }

    fn import<'a>(&'a self, ask: &'a Ask) -> BoxFuture<'a, Result<ImportReport, Report>> {
        Box::pin(async move {
            let mut gather = Gather::new(ask, self.name());
            let label = match &ask.map {
                Map::Usual | Map::To(_) => "friendly_name",
                Map::Label(label) if ["friendly_name", "id", "url"].contains(&label.as_str()) => label,
                Map::Label(label) => {
                    let what = format!("monitors have no `{}`", sanitise::name(label));
                    return Err(Report::new(Kind::User, what).hint("map by friendly_name, id or url"));
                }
            };
            for days in ask.past_days()?.chunks(MOST_RANGES) {
                chunk(ask, days, label, &mut gather).await?;
            }
            Ok(gather.finish())
        })
    }
}

/// Reads all monitors' shares of some days.
async fn chunk(ask: &Ask, days: &[Span], label: &str, gather: &mut Gather<'_>) -> Result<(), Report> {
    let mut offset = 0;
    for _ in 0..MAX_PAGES {
        let page = page(ask, days, offset).await?;
        let monitors = page.get("monitors").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        for monitor in monitors {
            read(ask, days, monitor, label, gather);
        }
        let total = page.pointer("/pagination/total").and_then(whole).unwrap_or(0);
        offset += PAGE;
        if monitors.is_empty() || offset >= total {
            return Ok(());
        }
    }
    gather.warn(format!("there are more than {} monitors: the rest was not read", PAGE * MAX_PAGES));
    Ok(())
}

async fn page(ask: &Ask, days: &[Span], offset: u64) -> Result<Value, Report> {
    let url = format!("{}/v2/getMonitors", ask.url.as_deref().unwrap_or(HOME).trim_end_matches('/'));
    let own = |fault: crate::remote::http::Fault| Report::new(Kind::User, fault.to_string());
    let key = ask.secret.clone().ok_or_else(|| {
        Report::new(Kind::User, "UptimeRobot wants an API key")
            .hint("a read-only one is enough: My Settings, API Settings")
    })?;
    let ranges: Vec<_> = days.iter().map(|day| format!("{}_{}", day.from.0 / 1_000, day.to.0 / 1_000)).collect();
    let moment = |day: Option<&Span>, end: fn(&Span) -> Timestamp| day.map_or(0, |day| end(day).0 / 1_000).to_string();
    let plain = |text: &str| Field::Plain(text.to_owned());
    let call = Call::new("POST", &url).map_err(own)?;
    if !call.keeps_secrets() {
        return Err(Report::new(Kind::User, "the key would go over an unencrypted connection").hint("use https://"));
    }
    let target = call.target();
    let place = format!("UptimeRobot at {}:{}", sanitise::name(&target.host), target.port);
    let mut call = call
        .form(&[
            ("api_key", Field::Secret(key)),
            ("format", plain("json")),
            ("limit", plain(&PAGE.to_string())),
            ("offset", plain(&offset.to_string())),
            ("custom_uptime_ranges", plain(&ranges.join("-"))),
            ("logs", plain("1")),
            ("logs_start_date", plain(&moment(days.first(), |day| day.from))),
            ("logs_end_date", plain(&moment(days.last(), |day| day.to))),
        ])
        .map_err(own)?;
    (call.timeout, call.max_body) = (ask.timeout, MAX_BODY);
    let answer = fetch(&Client::new(ask.trust.clone()), &call, &place).await?;
    let fail = |why: String| Report::new(Kind::Remote, format!("{place}: {why}"));
    if answer.status == 429 {
        return Err(fail("too many requests".into()).hint("the free plan allows ten a minute: try again in a minute"));
    }
    let Ok(json) = serde_json::from_slice::<Value>(&answer.body) else { return Err(fail(words_of(&answer))) };
    match json.get("stat").and_then(Value::as_str) {
        Some("ok") => Ok(json),
        Some(_) => {
            // The error repeats the key beside its message: only the message is read.
            let said = json.pointer("/error/message").or_else(|| json.pointer("/error/type")).and_then(Value::as_str);
            Err(fail(sanitise::line_max(said.unwrap_or("it failed and does not say why"), 200)))
        }
        None => Err(fail("what answers is not its API v2".into())),
    }
}

fn read(ask: &Ask, days: &[Span], monitor: &Value, label: &str, gather: &mut Gather<'_>) {
    let text = |key: &str| {
        let value = monitor.get(key)?;
        value.as_str().map(str::to_owned).or_else(|| value.as_i64().map(|number| number.to_string()))
    };
    let id = text("id").unwrap_or_else(|| "?".into());
    let what = format!("monitor {id} {:?}", text("friendly_name").unwrap_or_default());
    let Some(service) = gather.service_of(&what, text(label).as_deref()) else { return };
    let ranges = text("custom_uptime_ranges").unwrap_or_default();
    let ranges: Vec<Option<f64>> = ranges.split('-').map(|share| share.trim().parse().ok()).collect();
    if ranges.len() != days.len() {
        gather.skip(&what, format!("{} days were asked for, {} came", days.len(), ranges.len()));
        return;
    }
    let created = monitor.get("create_datetime").and_then(number).and_then(moment);
    if created.is_none() {
        gather.warn(format!("{what} does not say when it was created: its first days may be before that"));
    }
    let paused = paused(monitor);
    for (day, percent) in days.iter().zip(ranges) {
        let Some(percent) = percent.filter(|percent| (0.0..=100.0).contains(percent)) else {
            gather.skip(format!("{what} on {}", date_of(ask.zone, *day)), "the share is not a percentage");
            continue;
        };
        let watched = day.overlap(Span::new(created.unwrap_or(day.from), day.to));
        // Sorted by start: what a pause shares with one before it is counted once.
        let (off, _) = paused.iter().fold((0, watched.from), |(off, seen), pause| {
            let part = pause.overlap(Span::new(seen, watched.to));
            (off + part.ms(), seen.max(part.to))
        });
        let known = watched.ms() - off;
        if known > 0 {
            gather.add(&what, &service, *day, Told { up: percent / 100.0, known_ms: known });
        }
    }
}

/// Returns the stretches in which a monitor was paused, by their start.
fn paused(monitor: &Value) -> Vec<Span> {
    let logs = monitor.get("logs").and_then(Value::as_array).into_iter().flatten();
    let mut spans: Vec<_> = logs
        .filter(|log| log.get("type").and_then(whole_signed) == Some(PAUSED))
        .filter_map(|log| {
            let from = log.get("datetime").and_then(number).and_then(moment)?;
            // Without a duration it goes on.
            let length = log.get("duration").and_then(number).and_then(moment);
            Some(Span::new(from, length.map_or(Timestamp(i64::MAX), |length| from + length.0)))
        })
        .collect();
    spans.sort_unstable_by_key(|span| span.from);
    spans
}

fn whole(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.trim().parse().ok())
}

fn whole_signed(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.trim().parse().ok())
}
