//! What the simulated hosts write into their logs: Nginx before the Node applications, the applications themselves as
//! PM2 keeps it, Apache and Laravel. Pure: a stretch of time comes in, lines go out; the same seed, the same lines.
use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::{
    cast::Service,
    random::{Random, whole},
};
use crate::core::time::Timestamp;

/// How a service does while it writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mood {
    /// All is well.
    Well,
    /// It answers every request with an error.
    Ill,
    /// Its process is gone: the proxy before it says so.
    Gone,
}

/// A log file of a host: relative to its root, and whose it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct File {
    /// Its path in the host's root.
    pub path: String,
    /// The format's name, where the configuration is to say it.
    pub format: Option<&'static str>,
}

const CLIENTS: [&str; 9] = [
    "203.0.113.9",
    "203.0.113.44",
    "198.51.100.7",
    "198.51.100.120",
    "192.0.2.15",
    "192.0.2.201",
    "2001:db8:4:12::7",
    "203.0.113.180",
    "198.51.100.61",
];
const AGENTS: [&str; 5] = [
    "Mozilla/5.0 (SMART-TV; Linux; Tizen 6.5) AppleWebKit/537.36 (KHTML, like Gecko) Version/6.5 TV Safari/537.36",
    "okhttp/4.12.0",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)",
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36",
    "Roku/DVP-14.0 (14.0.0.2811-C2)",
];
/// Method, path with `#` for a number, how often it is asked for.
const ROUTES: [(&str, &str, u64); 8] = [
    ("GET", "/v1/manifest/#.m3u8", 40),
    ("GET", "/v1/segment/#.ts", 30),
    ("POST", "/v1/session", 8),
    ("GET", "/v1/catalog?country=co", 8),
    ("GET", "/v1/entitlement/#?partner=claro", 6),
    ("GET", "/health", 4),
    ("GET", "/v1/entitlement/#?partner=tigo", 3),
    ("POST", "/v1/charge", 1),
];

/// Returns the files that a service writes.
pub(super) fn files(service: &Service) -> Vec<File> {
    let file = |path: String, format| File { path, format };
    if service.unit.is_some() {
        return vec![
            file(format!("log/apache2/{}.access.log", service.name), Some("apache-combined")),
            file(format!("{}/storage/logs/laravel.log", service.path.trim_start_matches('/')), Some("laravel")),
        ];
    }
    vec![
        file(format!("log/nginx/{}.access.log", service.name), Some("nginx-timed")),
        file(format!("log/nginx/{}.error.log", service.name), Some("nginx-error")),
        // PM2 tells where these are.
        file(format!("home/.pm2/logs/{}-out.log", service.name), None),
        file(format!("home/.pm2/logs/{}-error.log", service.name), None),
    ]
}

/// Returns what a service writes from one moment on and before another, by path.
pub(super) fn lines(
    service: &Service,
    mood: Mood,
    from: Timestamp,
    to: Timestamp,
    random: &mut Random,
) -> BTreeMap<String, String> {
    let mut out = BTreeMap::new();
    let span = u64::try_from(to.since(from)).unwrap_or(0);
    let busy = if (service.name, service.env) == ("play", "prod") { 6.0 } else { 0.8 };
    let wanted = span as f64 / 1_000.0 * busy;
    let count = whole(wanted) + u64::from(random.unit() < wanted.fract());
    let mut moments: Vec<i64> = (0..count).map(|_| from.0 + random.below(span.max(1)).cast_signed()).collect();
    moments.sort_unstable();
    for moment in moments {
        let Some(at) = Timestamp(moment).to_utc() else { continue };
        if service.unit.is_some() {
            laravel(service, mood, at, random, &mut out);
        } else {
            node(service, mood, at, random, &mut out);
        }
    }
    out
}

struct Request {
    client: &'static str,
    method: &'static str,
    path: String,
    agent: &'static str,
    id: String,
    ms: u64,
}

fn request(service: &Service, random: &mut Random) -> Request {
    let pick = |of: u64, random: &mut Random| usize::try_from(random.below(of)).unwrap_or(0);
    let mut left = random.below(ROUTES.iter().map(|(.., often)| often).sum());
    let route = ROUTES.iter().find(|(.., often)| {
        let found = left < *often;
        left = left.saturating_sub(*often);
        found
    });
    let (method, path, _) = route.copied().unwrap_or(("GET", "/health", 1));
    let content = 4_000 + random.below(900);
    let slow = if random.unit() < 0.02 { 8.0 } else { 1.0 };
    Request {
        client: CLIENTS.get(pick(9, random)).copied().unwrap_or("192.0.2.1"),
        method,
        path: path.replace('#', &content.to_string()),
        agent: AGENTS.get(pick(5, random)).copied().unwrap_or("-"),
        id: format!("{:08x}", random.bits() & 0xffff_ffff),
        ms: whole(service.latency_ms * slow * random.between(0.5, 1.6)).max(1),
    }
}

fn put(out: &mut BTreeMap<String, String>, path: String) -> &mut String {
    out.entry(path).or_default()
}

/// What the proxy says of a request while nothing is behind it.
fn gone(of: &Request, name: &str, at: DateTime<Utc>, random: &mut Random, out: &mut BTreeMap<String, String>) {
    let access = format!("log/nginx/{name}.access.log");
    let clock = at.format("%d/%b/%Y:%H:%M:%S +0000");
    line!(
        put(out, access),
        "{} - - [{clock}] \"{} {} HTTP/1.1\" 502 157 \"-\" \"{}\" rt=0.001 uct=\"-\" urt=\"0.000\" ua=\"127.0.0.1:3004\" us=\"502\" host=\"{name}.example\"",
        of.client,
        of.method,
        of.path,
        of.agent
    );
    line!(
        put(out, format!("log/nginx/{name}.error.log")),
        "{} [error] 812#812: *{} connect() failed (111: Connection refused) while connecting to upstream, client: {}, server: {name}.example, \
         request: \"{} {} HTTP/1.1\", upstream: \"http://127.0.0.1:3004{}\", host: \"{name}.example\"",
        at.format("%Y/%m/%d %H:%M:%S"),
        40_000 + random.below(9_000),
        of.client,
        of.method,
        of.path,
        of.path
    );
}

fn node(service: &Service, mood: Mood, at: DateTime<Utc>, random: &mut Random, out: &mut BTreeMap<String, String>) {
    let of = request(service, random);
    let name = service.name;
    if mood == Mood::Gone {
        return gone(&of, name, at, random, out);
    }
    let access = format!("log/nginx/{name}.access.log");
    let clock = at.format("%d/%b/%Y:%H:%M:%S +0000");
    let seconds = |ms: u64| format!("{}.{:03}", ms / 1_000, ms % 1_000);
    let status = match random.below(400) {
        _ if mood == Mood::Ill => 500,
        0 => 500,
        1..=4 => 404,
        5..=9 => 304,
        _ => 200,
    };
    line!(
        put(out, access),
        "{} - - [{clock}] \"{} {} HTTP/1.1\" {status} {} \"-\" \"{}\" rt={rt} uct=\"0.000\" urt=\"{rt}\" ua=\"127.0.0.1:3004\" us=\"{status}\" host=\"{name}.example\"",
        of.client,
        of.method,
        of.path,
        300 + random.below(90_000),
        of.agent,
        rt = seconds(of.ms)
    );
    let stamp = at.timestamp_millis();
    let bare = of.path.split('?').next().unwrap_or_default();
    let (level, word) = if status == 500 { (50, "request failed") } else { (30, "request completed") };
    line!(
        put(out, format!("home/.pm2/logs/{name}-out.log")),
        "{{\"level\":{level},\"time\":{stamp},\"pid\":{},\"hostname\":\"{name}\",\"req_id\":\"{}\",\"method\":\"{}\",\"path\":\"{bare}\",\"status\":{status},\"dur_ms\":{},\"msg\":\"{word}\"}}",
        1_200 + random.below(3),
        of.id,
        of.method,
        of.ms
    );
    if mood == Mood::Ill {
        line!(
            put(out, format!("home/.pm2/logs/{name}-error.log")),
            "{} Error: Cannot find module './entitlement/v3'\n    at Module._resolveFilename \
             (node:internal/modules/cjs/loader:1225:15)\n    at Router.load (/home/deploy/www/{name}/current/lib/router.js:41:17)",
            at.format("%Y-%m-%dT%H:%M:%S%.3fZ")
        );
    }
    match random.below(900) {
        0..=3 => line!(
            put(out, format!("home/.pm2/logs/{name}-out.log")),
            "{{\"level\":40,\"time\":{stamp},\"pid\":1201,\"hostname\":\"{name}\",\"req_id\":\"{}\",\"partner\":\"claro\",\"msg\":\"partner answered slowly after {} ms, retry 1\"}}",
            of.id,
            900 + random.below(700)
        ),
        4..=9 => line!(
            put(out, format!("home/.pm2/logs/{name}-out.log")),
            "{{\"level\":30,\"time\":{stamp},\"pid\":1202,\"hostname\":\"{name}\",\"msg\":\"cache warm ok, {} entries in {} ms\"}}",
            400 + random.below(90),
            12 + random.below(30)
        ),
        10 => line!(
            put(out, format!("home/.pm2/logs/{name}-error.log")),
            "{} TypeError: Cannot read properties of undefined (reading 'profile')\n    at Session.load (/home/deploy/www/{name}/current/lib/session.js:88:31)\n    \
             at process.processTicksAndRejections (node:internal/process/task_queues:95:5)",
            at.format("%Y-%m-%dT%H:%M:%S%.3fZ")
        ),
        _ => {}
    }
}

fn laravel(service: &Service, mood: Mood, at: DateTime<Utc>, random: &mut Random, out: &mut BTreeMap<String, String>) {
    let of = request(service, random);
    let name = service.name;
    let status = match (mood, random.below(300)) {
        (Mood::Gone, _) => 503,
        (Mood::Ill, _) | (Mood::Well, 0) => 500,
        (Mood::Well, 1..=4) => 404,
        (Mood::Well, _) => 200,
    };
    line!(
        put(out, format!("log/apache2/{name}.access.log")),
        "{} - - [{}] \"{} {} HTTP/1.1\" {status} {} \"-\" \"{}\"",
        of.client,
        at.format("%d/%b/%Y:%H:%M:%S +0000"),
        of.method,
        of.path,
        200 + random.below(9_000),
        of.agent
    );
    let log = format!("{}/storage/logs/laravel.log", service.path.trim_start_matches('/'));
    let clock = at.format("%Y-%m-%d %H:%M:%S");
    if status == 500 {
        line!(
            put(out, log),
            "[{clock}] production.ERROR: SQLSTATE[HY000] [2002] Connection timed out {{\"userId\":{},\"exception\":\"[object] \
             (Illuminate\\\\Database\\\\QueryException(code: 2002): SQLSTATE[HY000] [2002] Connection timed out at \
             /var/www/{name}/vendor/laravel/framework/src/Illuminate/Database/Connection.php:829)\n[stacktrace]\n#0 \
             /var/www/{name}/vendor/laravel/framework/src/Illuminate/Database/Connection.php(783): runQueryCallback()\n#1 \
             /var/www/{name}/app/Http/Controllers/SubscriptionController.php(41): find()\n#2 {{main}}\n\"}} ",
            3_000 + random.below(800)
        );
    } else if random.below(40) == 0 {
        line!(
            put(out, log),
            "[{clock}] production.INFO: subscription renewed {{\"userId\":{},\"plan\":\"m{}\"}} ",
            3_000 + random.below(800),
            random.below(4)
        );
    } else if random.below(200) == 0 {
        line!(
            put(out, log),
            "[{clock}] production.WARNING: slow query on table subscriptions took {} ms {{\"user\":\"op{}@acme.example\"}} ",
            800 + random.below(2_000),
            random.below(40)
        );
    }
}

/// What an application says before PM2 gives it up.
pub(super) fn crash(app: &str, at: Timestamp) -> (String, String) {
    let mut text = String::new();
    for attempt in 0..15 {
        let at = (at - (15 - attempt) * 180).rfc3339();
        line!(
            &mut text,
            "{at} MongoServerSelectionError: connection pool for 10.0.1.31:27017 was cleared\n    at Timeout._onTimeout \
             (/home/deploy/www/{app}/current/node_modules/mongodb/lib/sdam/topology.js:278:38)\n    at listOnTimeout (node:internal/timers:569:17)"
        );
    }
    (format!("home/.pm2/logs/{app}-error.log"), text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::cast::SERVICES;

    #[test]
    fn a_stretch_of_time_has_its_lines_and_only_those() {
        for service in SERVICES {
            let (from, to) = (Timestamp(1_795_144_361_000), Timestamp(1_795_144_961_000));
            let written = lines(service, Mood::Well, from, to, &mut Random::new(7));
            let known: Vec<String> = files(service).into_iter().map(|file| file.path).collect();
            assert!(written.keys().all(|path| known.contains(path)), "{}", service.name);
            let total: usize = written.values().map(|text| text.lines().count()).sum();
            assert!(total > 300, "{} {total}", service.name);
            assert_eq!(written, lines(service, Mood::Well, from, to, &mut Random::new(7)));
            assert!(lines(service, Mood::Well, from, from, &mut Random::new(7)).is_empty());
        }
        let gone = lines(&SERVICES[0], Mood::Gone, Timestamp(0), Timestamp(10_000), &mut Random::new(7));
        assert!(gone.iter().all(|(path, text)| path.contains("nginx") && !text.contains("\" 200 ")), "{gone:?}");
    }
}
