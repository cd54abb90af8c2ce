//! Imports from servers on loopback that behave, and misbehave, as Prometheus and UptimeRobot do.
use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use chrono_tz::Tz;
use quarterdeck::{
    core::{
        id::ServiceId,
        services::days::{date_at, day_start},
        time::{DAY, HOUR, Timestamp},
    },
    import::{self, Ask, ImportReport, Importer, Map},
    parse::sanitise,
    remote::http::Trust,
};
use serde_json::{Value, json};

use super::net::{closed_port, http, web};

/// 20 November 2026, 21:00 UTC.
const NOW: Timestamp = Timestamp(1_795_208_400_000);

fn id(text: &str) -> ServiceId {
    text.parse().unwrap()
}

fn ask(at: SocketAddr, days: u32) -> Ask {
    Ask {
        url: Some(format!("http://{at}")),
        days,
        now: NOW,
        zone: Tz::UTC,
        services: vec![id("play@prod"), id("play@staging"), id("billing@prod")],
        env: Some("prod".into()),
        map: Map::Usual,
        names: BTreeMap::from([("https://play.example/".to_owned(), id("play@prod"))]),
        query: None,
        secret: None,
        trust: Trust::system(),
        timeout: Duration::from_secs(10),
    }
}

async fn run(name: &str, ask: &Ask) -> Result<ImportReport, String> {
    let importing = import::importer(name).unwrap().import(ask);
    let done = tokio::time::timeout(super::net::HANG, importing).await.expect("the import hangs");
    done.map_err(|report| report.to_string())
}

fn day(back: i64) -> Timestamp {
    Timestamp(NOW.0 / DAY * DAY - back * DAY)
}

/// Undoes the encoding of a query or form.
fn fields(encoded: &str) -> BTreeMap<String, String> {
    let plain = |text: &str| {
        let mut bytes = text.bytes();
        let mut out = Vec::new();
        while let Some(byte) = bytes.next() {
            out.push(match byte {
                b'+' => b' ',
                b'%' => {
                    let hex = [bytes.next().unwrap(), bytes.next().unwrap()];
                    u8::from_str_radix(std::str::from_utf8(&hex).unwrap(), 16).unwrap()
                }
                other => other,
            });
        }
        String::from_utf8(out).unwrap()
    };
    encoded
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (plain(name), plain(value)))
        .collect()
}

/// The parameters of a request, from its URL or its form.
fn parameters(request: &str) -> BTreeMap<String, String> {
    let path = request.split(' ').nth(1).unwrap();
    let form = request.split("\r\n\r\n").nth(1).unwrap_or_default();
    fields(path.split_once('?').map_or(form, |(_, query)| query))
}

fn matrix(series: &[(Value, Vec<Value>)]) -> String {
    let result: Vec<_> = series.iter().map(|(metric, values)| json!({ "metric": metric, "values": values })).collect();
    let body = json!({ "status": "success", "data": { "resultType": "matrix", "result": result } });
    http("200 OK", "content-type: application/json\r\n", &body.to_string())
}

/// What a fake Prometheus was asked.
type Asked = Arc<Mutex<Vec<BTreeMap<String, String>>>>;

/// A Prometheus that evaluates by a function of query and moment (seconds), on the grid it was asked for.
async fn prometheus(
    metric: Value,
    value: impl Fn(&str, i64) -> Option<String> + Send + Sync + 'static,
) -> (SocketAddr, Asked) {
    let asked = Asked::default();
    let log = Arc::clone(&asked);
    let at = web(move |request| {
        assert!(request.split(' ').nth(1).unwrap().starts_with("/api/v1/query_range"), "{request}");
        let with = parameters(request);
        let number = |name: &str| with[name].parse::<i64>().unwrap();
        let (mut at, end, step) = (number("start"), number("end"), number("step"));
        let mut values = Vec::new();
        while at <= end {
            if let Some(value) = value(&with["query"], at) {
                values.push(json!([at, value]));
            }
            at += step;
        }
        log.lock().unwrap().push(with.clone());
        if values.is_empty() { matrix(&[]) } else { matrix(&[(metric.clone(), values)]) }
    })
    .await;
    (at, asked)
}

fn instance() -> Value {
    json!({ "__name__": "probe_success", "instance": "https://play.example/", "job": "blackbox" })
}

#[test]
fn every_file_is_an_importer_and_every_importer_has_its_file() {
    let names: BTreeSet<_> = import::ALL.iter().map(|one: &&dyn Importer| one.name().to_owned()).collect();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/import");
    let files: BTreeSet<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
        .filter(|name| name != "mod")
        .collect();
    assert_eq!(files, names);
    assert!(import::importer("pingdom").err().unwrap().to_string().contains("places: prometheus, uptimerobot"));
}

#[tokio::test]
async fn a_day_has_the_share_at_its_end_and_what_was_not_recorded_is_unknown() {
    let (at, asked) = prometheus(instance(), |query, at| {
        let back = (day(0).0 / 1_000 - at) / 86_400 + 1;
        match (back, query.starts_with("count_over_time")) {
            (1, false) => Some("1".into()),
            (1, true) => Some("288".into()),
            (2, false) => Some("9.5e-01".into()),
            (2, true) => Some("144".into()),
            (3, false) => Some("NaN".into()),
            (3, true) => Some("1".into()),
            (4, false) => Some("0".into()),
            (4, true) => Some("289".into()),
            _ => None,
        }
    })
    .await;
    let report = run("prometheus", &ask(at, 7)).await.unwrap();
    assert_eq!((report.days, report.services.clone()), (3, vec![id("play@prod")]));
    assert!(report.skipped.is_empty() && report.warnings.is_empty(), "{report:?}");
    let seen: Vec<_> =
        report.buckets.iter().map(|b| (b.start, b.split.up_ms, b.split.down_ms, b.split.unknown_ms)).collect();
    let half = DAY / 2;
    assert_eq!(
        seen,
        [(day(4), 0, DAY, 0), (day(2), half * 95 / 100, half * 5 / 100, half), (day(1), DAY, 0, 0)],
        "oldest first; the day of NaN and those without a value are not there"
    );
    assert!(report.buckets.iter().all(|bucket| bucket.length_ms == DAY && bucket.source == "prometheus"));
    let asked = asked.lock().unwrap();
    assert_eq!(asked[0]["query"], "avg_over_time(probe_success[1d])");
    assert_eq!(asked[1]["query"], "count_over_time((present_over_time(probe_success[5m]))[1d:5m])");
    assert_eq!(asked[0]["start"], (day(6).0 / 1_000).to_string(), "the first day's end");
    assert_eq!(asked[0]["end"], (day(0).0 / 1_000).to_string(), "the last day's end: today's is not asked for");
}

#[tokio::test]
async fn days_follow_the_zone_and_its_changes_of_the_clock() {
    let (at, asked) = prometheus(instance(), |query, _| {
        Some(if query.starts_with("count") { "1000".into() } else { "1".to_owned() })
    })
    .await;
    let zone = Tz::Europe__Berlin;
    let report = run("prometheus", &Ask { zone, days: 40, ..ask(at, 40) }).await.unwrap();
    assert_eq!(report.days, 40);
    for bucket in &report.buckets {
        let date = date_at(zone, bucket.start).unwrap();
        assert_eq!(day_start(zone, date), Some(bucket.start));
        assert_eq!(day_start(zone, date.succ_opt().unwrap()), Some(bucket.start + bucket.length_ms));
        assert_eq!(bucket.split.up_ms, bucket.length_ms);
    }
    let long: Vec<_> = report.buckets.iter().filter(|bucket| bucket.length_ms == 25 * HOUR).collect();
    assert_eq!(long.len(), 1, "25 October 2026");
    let asked = asked.lock().unwrap();
    let fitted: Vec<_> = asked.iter().filter(|with| with["query"] == "avg_over_time(probe_success[90000s])").collect();
    assert_eq!(fitted.len(), 1, "the long day is asked for by its length");
    assert_eq!(fitted[0]["start"], fitted[0]["end"]);
}

#[tokio::test]
async fn many_days_are_asked_in_parts() {
    let (at, asked) = prometheus(instance(), |_, _| Some("1".into())).await;
    let report = run("prometheus", &Ask { query: Some("up_ratio".into()), ..ask(at, 400) }).await.unwrap();
    assert_eq!(report.days, 400);
    assert_eq!(asked.lock().unwrap().len(), 14, "thirty days at a time, far below 11,000 points");
    assert!(report.warnings.iter().any(|warning| warning.contains("how much of each day was recorded")), "{report:?}");
    for days in [0, 401] {
        assert!(run("prometheus", &ask(at, days)).await.unwrap_err().contains("ask for 1 to 400"));
    }
}

#[tokio::test]
async fn a_part_that_is_too_heavy_is_halved() {
    let at = web(|request| {
        let with = parameters(request);
        let days = (with["end"].parse::<i64>().unwrap() - with["start"].parse::<i64>().unwrap()) / 86_400 + 1;
        if days > 4 {
            let error = "query processing would load too many samples into memory in query execution";
            let body = json!({ "status": "error", "errorType": "execution", "error": error }).to_string();
            return http("422 Unprocessable Entity", "content-type: application/json\r\n", &body);
        }
        matrix(&[(
            instance(),
            (0..days).map(|n| json!([with["start"].parse::<i64>().unwrap() + n * 86_400, "1"])).collect(),
        )])
    })
    .await;
    let report = run("prometheus", &Ask { query: Some("x".into()), ..ask(at, 20) }).await.unwrap();
    assert_eq!(report.days, 20);
}

#[tokio::test]
async fn series_find_their_service_and_the_rest_is_told() {
    let yesterday = day(0).0 / 1_000;
    let at = web(move |request| {
        if parameters(request)["query"].starts_with("count") {
            return http(
                "400 Bad Request",
                "",
                r#"{"status":"error","errorType":"bad_data","error":"unknown function"}"#,
            );
        }
        let one = |service: &str, value: &str| (json!({ "service": service }), vec![json!([yesterday, value])]);
        matrix(&[
            one("play", "1"),
            one("play@prod", "0.5"),
            one("billing@prod", "1.5"),
            one("ghost\u{1b}[2J", "1"),
            (json!({ "other": "x" }), vec![json!([yesterday, "1"])]),
            (
                json!({ "service": "billing" }),
                vec![json!([yesterday + 60, "1"]), json!(["x"]), json!([yesterday, "+Inf"])],
            ),
        ])
    })
    .await;
    let by_label = Ask { map: Map::Label("service".into()), ..ask(at, 3) };
    let report = run("prometheus", &by_label).await.unwrap();
    assert_eq!(report.services, [id("play@prod")]);
    assert_eq!(report.buckets.len(), 1);
    assert_eq!(report.buckets[0].split.up_ms, DAY / 2, "two series: the worse one counts");
    let skipped: Vec<_> = report.skipped.iter().map(|one| format!("{}: {}", one.what, one.why)).collect();
    for part in [
        "{service=\"billing@prod\"} on 2026-11-19: the value is 1.5, expected 0 to 1",
        "{service=\"billing\"} on 2026-11-19: the value is inf, expected 0 to 1",
        "{service=\"billing\"}: a point that cannot be read",
        "which was not asked for",
        "{other=\"x\"}: it has no such label",
        "no service has this name: map it to one, as in NAME=SERVICE@ENV",
    ] {
        assert!(skipped.iter().any(|one| one.contains(part)), "{part} in {skipped:#?}");
    }
    let said: Vec<_> = report.warnings.iter().chain(&skipped).collect();
    assert!(said.iter().all(|text| text.chars().all(sanitise::is_safe)), "{said:?}");
    assert!(report.warnings.iter().any(|text| text.contains("unknown function")), "{:?}", report.warnings);
    assert!(report.warnings.iter().any(|text| text == "play@prod has 2 series: the worst of each day counts"));

    let ambiguous = Ask { env: None, ..by_label };
    let report = run("prometheus", &ambiguous).await.unwrap();
    assert!(report.skipped.iter().any(|one| one.why == "may be play@prod or play@staging: say the environment"));
    let report = run("prometheus", &Ask { map: Map::To(id("billing@prod")), ..ambiguous }).await.unwrap();
    assert_eq!(report.services, [id("billing@prod")], "all belong to the one that was named");
}

#[tokio::test]
async fn the_errors_of_prometheus_and_of_what_stands_before_it_are_told() {
    for (file, want) in [
        ("query_bad_promql.txt", "1:4: parse error: unexpected end of input inside braces"),
        ("query_timeout.txt", "query timed out in expression evaluation"),
        ("range_string.txt", "invalid expression type"),
        ("notfound.txt", "answers 404: 404 page not found"),
    ] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/prometheus").join(file);
        let text = std::fs::read_to_string(path).unwrap().replace("\r\n", "\n");
        let (head, body) = text.split_once("\n\n").unwrap();
        let (status, headers) = head.split_once('\n').unwrap();
        let answer = http(
            status.strip_prefix("HTTP/1.1 ").unwrap(),
            &headers.lines().map(|line| format!("{line}\r\n")).collect::<String>(),
            body,
        );
        let at = web(move |_| answer.clone()).await;
        let error = run("prometheus", &ask(at, 3)).await.unwrap_err();
        assert!(error.contains(want) && error.starts_with(&format!("Prometheus at {at}: ")), "{file}: {error}");
    }
    for (answer, want) in [
        (
            http("401 Unauthorized", "content-type: text/html\r\n", "<html>\x1b[2Jsign in</html>"),
            "answers 401: <html>sign in</html>",
        ),
        (http("200 OK", "content-type: text/html\r\n", "<html>welcome</html>"), "answers 200: <html>welcome</html>"),
        (http("200 OK", "", r#"{"status":"success"}"#), "the answer has no data"),
        (
            http("200 OK", "", r#"{"status":"success","data":{"resultType":"scalar","result":[1,"1"]}}"#),
            "the query gives a scalar",
        ),
        (http("200 OK", "", r#"{"status":"success","data":{"resultType":"matrix","res"#), "answers 200"),
        (http("302 Found", "location: http://127.0.0.1:1/\r\n", ""), "answers 302"),
    ] {
        let at = web(move |_| answer.clone()).await;
        let error = run("prometheus", &ask(at, 3)).await.unwrap_err();
        assert!(error.contains(want), "{want}: {error}");
        assert!(error.chars().all(|c| c == '\n' || sanitise::is_safe(c)), "{error:?}");
    }
    let closed = closed_port();
    assert_eq!(
        run("prometheus", &ask(closed, 3)).await.unwrap_err(),
        format!("Prometheus at {closed}: connect: refused")
    );
    let none = run("prometheus", &Ask { url: None, ..ask(closed, 3) }).await.unwrap_err();
    assert!(none.contains("no Prometheus is named"), "{none}");
}

#[tokio::test]
async fn warnings_are_passed_on_and_nothing_found_is_no_error() {
    let at = web(|_| {
        let body = json!({
            "status": "success", "warnings": ["one store is away\u{1b}[0m"], "infos": ["metric might not be a counter"],
            "data": { "resultType": "matrix", "result": [] },
        });
        http("200 OK", "", &body.to_string())
    })
    .await;
    let report = run("prometheus", &ask(at, 3)).await.unwrap();
    assert_eq!((report.days, report.buckets.len()), (0, 0));
    assert_eq!(
        report.warnings,
        ["Prometheus says: one store is away", "Prometheus says: metric might not be a counter"]
    );
}

#[tokio::test]
async fn a_failure_that_passes_is_tried_again_and_a_token_goes_only_where_it_is_safe() {
    let count = AtomicUsize::new(0);
    let at = web(move |request| {
        assert!(request.contains("authorization: Bearer s3cret\r\n"), "{request}");
        match count.fetch_add(1, Ordering::SeqCst) {
            0 => http("500 Internal Server Error", "", ""),
            1 => http("429 Too Many Requests", "retry-after: 0\r\n", ""),
            _ => matrix(&[(instance(), vec![json!([day(0).0 / 1_000, "1"])])]),
        }
    })
    .await;
    let with_token = Ask { secret: Some("s3cret\n".into()), query: Some("x".into()), ..ask(at, 1) };
    assert_eq!(run("prometheus", &with_token).await.unwrap().days, 1);
    let far = Ask { url: Some("http://prometheus.example".into()), ..with_token };
    let error = run("prometheus", &far).await.unwrap_err();
    assert!(error.contains("unencrypted"), "{error}");
}

#[tokio::test]
async fn a_long_query_goes_as_a_form() {
    let (at, asked) = prometheus(instance(), |_, _| Some("1".into())).await;
    let query = format!("x{{a=~\"{}\"}}", "b|".repeat(1_000));
    assert_eq!(run("prometheus", &Ask { query: Some(query.clone()), ..ask(at, 2) }).await.unwrap().days, 2);
    assert_eq!(asked.lock().unwrap()[0]["query"], query);
}

/// A monitor as the API tells it; the ranges are filled in by the server.
fn monitor(number: u64, name: &str) -> Value {
    json!({
        "id": number, "friendly_name": name, "url": format!("https://{name}.example/"), "status": 2,
        "create_datetime": day(500).0 / 1_000, "logs": [],
    })
}

/// An UptimeRobot with these monitors, and one function that says a range's share.
async fn robot(
    monitors: Vec<Value>,
    share: impl Fn(u64, i64) -> String + Send + Sync + 'static,
) -> (SocketAddr, Asked) {
    let asked = Asked::default();
    let log = Arc::clone(&asked);
    let at = web(move |request| {
        assert!(request.starts_with("POST /v2/getMonitors HTTP/1.1\r\n"), "{request}");
        let with = parameters(request);
        log.lock().unwrap().push(with.clone());
        if with["api_key"] != "ur-key" {
            let error = json!({ "type": "invalid_parameter", "parameter_name": "api_key", "passed_value": with["api_key"], "message": "api_key is invalid." });
            return http("200 OK", "", &json!({ "stat": "fail", "error": error }).to_string());
        }
        let (offset, limit) = (with["offset"].parse::<usize>().unwrap(), with["limit"].parse::<usize>().unwrap());
        let page: Vec<_> = monitors
            .iter()
            .skip(offset)
            .take(limit)
            .map(|monitor| {
                let number = monitor["id"].as_u64().unwrap();
                let mut monitor = monitor.clone();
                let ranges = with["custom_uptime_ranges"].split('-');
                let shares: Vec<_> = ranges.map(|range| share(number, range.split('_').next().unwrap().parse().unwrap())).collect();
                monitor["custom_uptime_ranges"] = shares.join("-").into();
                monitor
            })
            .collect();
        let pagination = json!({ "offset": offset, "limit": limit, "total": monitors.len() });
        http("200 OK", "", &json!({ "stat": "ok", "pagination": pagination, "monitors": page }).to_string())
    })
    .await;
    (at, asked)
}

fn robot_ask(at: SocketAddr, days: u32) -> Ask {
    Ask { secret: Some("ur-key".into()), ..ask(at, days) }
}

#[tokio::test]
async fn monitors_become_days_without_the_time_before_they_were_or_while_they_were_paused() {
    let mut young = monitor(2, "billing");
    young["create_datetime"] = (day(2).0 / 1_000 + 6 * 3_600).to_string().into();
    let mut paused = monitor(1, "play");
    // Newest first, and one pause told twice, as it may be across pages of the log.
    paused["logs"] = json!([
        { "type": 2, "datetime": day(1).0 / 1_000, "duration": 100 },
        { "type": 99, "datetime": day(2).0 / 1_000 - 3_600, "duration": 7_200 },
        { "type": "99", "datetime": (day(2).0 / 1_000 - 1_800).to_string(), "duration": 1_800 },
        { "type": 98, "datetime": day(4).0 / 1_000, "duration": 1 },
    ]);
    let (at, asked) = robot(vec![paused, young], |number, at| {
        if number == 1 && at == day(1).0 / 1_000 { "99.306".into() } else { "100.000".into() }
    })
    .await;
    let report = run("uptimerobot", &robot_ask(at, 3)).await.unwrap();
    let seen: Vec<_> = report
        .buckets
        .iter()
        .map(|b| (b.start, b.service.to_string(), b.split.up_ms, b.split.down_ms, b.split.unknown_ms))
        .collect();
    let up = DAY / 100_000 * 99_306;
    assert_eq!(
        seen,
        [
            (day(3), "play@prod".into(), DAY - HOUR, 0, HOUR),
            (day(2), "billing@prod".into(), DAY - 6 * HOUR, 0, 6 * HOUR),
            (day(2), "play@prod".into(), DAY - HOUR, 0, HOUR),
            (day(1), "billing@prod".into(), DAY, 0, 0),
            (day(1), "play@prod".into(), up, DAY - up, 0),
        ]
    );
    assert!(report.buckets.iter().all(|bucket| bucket.source == "uptimerobot"));
    assert!(report.skipped.is_empty() && report.warnings.is_empty(), "{report:?}");
    let asked = asked.lock().unwrap();
    let ranges: Vec<_> =
        (0..3).rev().map(|back| format!("{}_{}", day(back + 1).0 / 1_000, day(back).0 / 1_000)).collect();
    assert_eq!(asked[0]["custom_uptime_ranges"], ranges.join("-"));
}

#[tokio::test]
async fn all_pages_and_all_parts_are_read() {
    let monitors: Vec<_> =
        (0..120).map(|n| monitor(n, &if n == 119 { "play".into() } else { format!("m{n}") })).collect();
    let (at, asked) = robot(monitors, |_, _| "100.000".into()).await;
    let report = run("uptimerobot", &robot_ask(at, 45)).await.unwrap();
    assert_eq!((report.days, report.services.clone()), (45, vec![id("play@prod")]));
    assert_eq!(asked.lock().unwrap().len(), 6, "two parts of three pages");
    assert_eq!(report.skipped.len(), 100, "those that belong to nothing, bounded");
    assert!(report.warnings.iter().any(|text| text.ends_with("more were left out")), "{:?}", report.warnings);
}

#[tokio::test]
async fn what_uptimerobot_refuses_is_told_without_the_key() {
    let (at, _) = robot(vec![], |_, _| String::new()).await;
    let error = run("uptimerobot", &Ask { secret: Some("s3cret-key".into()), ..ask(at, 2) }).await.unwrap_err();
    assert_eq!(error, format!("UptimeRobot at {at}: api_key is invalid."));
    let error = run("uptimerobot", &ask(at, 2)).await.unwrap_err();
    assert!(error.contains("wants an API key"), "{error}");
    let error =
        run("uptimerobot", &Ask { url: Some("http://api.example".into()), ..robot_ask(at, 2) }).await.unwrap_err();
    assert!(error.contains("unencrypted"), "{error}");
    let error = run("uptimerobot", &Ask { map: Map::Label("tag".into()), ..robot_ask(at, 2) }).await.unwrap_err();
    assert!(error.contains("map by friendly_name, id or url"), "{error}");
    for (answer, want) in [
        (http("429 Too Many Requests", "retry-after: 0\r\n", "{}"), "too many requests"),
        (http("403 Forbidden", "content-type: text/html\r\n", "<html>no</html>"), "answers 403: <html>no</html>"),
        (http("200 OK", "", "<html>sign in</html>"), "answers 200: <html>sign in</html>"),
        (http("200 OK", "", "{\"monitors\":[]}"), "what answers is not its API v2"),
        (http("200 OK", "", "{\"stat\":\"fail\",\"error\":{\"passed_value\":\"ur-key\"}}"), "does not say why"),
    ] {
        let at = web(move |_| answer.clone()).await;
        let error = run("uptimerobot", &robot_ask(at, 2)).await.unwrap_err();
        assert!(error.contains(want) && !error.contains("ur-key"), "{want}: {error}");
    }
    assert!(!format!("{:?}", robot_ask(at, 2)).contains("ur-key"));
}

#[tokio::test]
async fn shares_that_make_no_sense_are_left_out() {
    let (at, _) = robot(vec![monitor(1, "play"), monitor(2, "billing")], |number, at| match (number, at) {
        (1, at) if at == day(1).0 / 1_000 => "101.5".into(),
        (2, _) => "1-2".into(),
        _ => "100.000".into(),
    })
    .await;
    let report = run("uptimerobot", &robot_ask(at, 2)).await.unwrap();
    assert_eq!(report.buckets.len(), 1);
    let skipped: Vec<_> = report.skipped.iter().map(|one| format!("{}: {}", one.what, one.why)).collect();
    assert_eq!(
        skipped,
        [
            "monitor 1 \"play\" on 2026-11-19: the share is not a percentage",
            "monitor 2 \"billing\": 2 days were asked for, 4 came",
        ]
    );
}
