//! The log view in that night, without the runtime: what the engine would answer is worked out here from lines of real formats, with
//! the same buffer, filter, miner and redaction. The same every time.
use std::sync::Arc;

use quarterdeck::{
    config,
    core::{
        Effect, Msg, State,
        action::Action,
        logs::{
            self, Ask, Key, Level, Nanos, Source, SourceId, SourceState,
            buffer::Buffer,
            derive::Derived,
            eval::{Cache, Matcher},
            filter::{self, Filter, Term, moment},
            format::Assume,
            patterns::{Memory, Miner, Novelty, Period, Seen, listed},
            read::Matches,
            redact::Redactor,
            segment::{Batch, Flags, Segment},
            shown::{self, Counted, FieldValue, Number, Shown, SourceStatus, Table, Web},
            state::Query,
        },
        record::Row,
        screen::{Draft, Tone},
        time::{MINUTE, SECOND, Timestamp},
        update,
    },
    ui::{self, Look},
};
use ratatui::{buffer::Buffer as Cells, layout::Rect};

use crate::night::{AT, Night};

/// A token that no screen may show.
pub(crate) const TOKEN: &str = "eyJhbGciOiJIUzI1NiJ9.c3VwZXJzZWNyZXQ.Zm9yZ2VkLXNpZ25hdHVyZQ";
/// An address that no screen may show.
pub(crate) const MAIL: &str = "ana.perez@acme.example";
/// When what is new began.
pub(crate) const DEPLOY: Timestamp = Timestamp(AT.0 - 13 * MINUTE);

/// A console that looks at logs, and the engine's part of it.
pub(crate) struct Desk {
    pub(crate) night: Night,
    /// What the console wanted done since it was last asked.
    pub(crate) effects: Vec<Effect>,
    /// The states of the sources.
    pub(crate) states: Vec<SourceState>,
    /// A table that the last stage of the filter makes.
    pub(crate) stage: Option<Vec<Counted>>,
    buffer: Buffer,
    cache: Cache,
    miner: Miner,
    redact: Arc<Redactor>,
    records: Vec<u64>,
}

impl Desk {
    /// Opens the view on sources that have nothing yet.
    pub(crate) fn bare() -> Self {
        Self {
            night: Night::new(),
            effects: Vec::new(),
            states: Vec::new(),
            stage: None,
            buffer: Buffer::new(64 << 20),
            cache: Cache::new(8 << 20),
            miner: Miner::default(),
            redact: Arc::new(config::redact::load(None).0),
            records: Vec::new(),
        }
    }

    /// Opens the view on forty minutes of that night.
    pub(crate) fn new() -> Self {
        let mut desk = Self::bare();
        let play = desk.source(
            "play-access",
            "file",
            "/var/log/nginx/access.log",
            (Some("Play"), Some("play-01")),
            "nginx-combined",
        );
        let errors = desk.source(
            "play-error",
            "file",
            "/var/log/nginx/error.log",
            (Some("Play"), Some("play-01")),
            "nginx-error",
        );
        let api = desk.source("api-out", "loki", "{app=\"api\"}", (Some("API"), Some("api-01")), "pino");
        let billing = desk.source(
            "billing",
            "file",
            "/srv/billing/storage/logs/laravel.log",
            (Some("Billing"), Some("admin-01")),
            "laravel",
        );
        let cloud = desk.source("cloud-out", "command", "cloudctl logs", (Some("Cloud"), Some("cloud-01")), "plain");
        desk.source("db-log", "file", "/var/log/postgresql/main.log", (None, Some("db-01")), "postgres");
        desk.states[3] = SourceState::CatchingUp { behind_bytes: Some(18_200) };
        desk.states[4] =
            SourceState::Reconnecting { since: AT - 4 * MINUTE, attempt: 3, why: "no answer behind jump".into() };
        desk.states[5] = SourceState::Denied { why: "permission denied: /var/log/postgresql/main.log".into() };
        desk.reads(play, access(), None);
        desk.reads(errors, nginx_errors(), None);
        desk.reads(api, pino(), None);
        desk.reads(billing, laravel(), None);
        desk.raw(cloud, &hostile(), AT - 5 * MINUTE);
        desk.notice(cloud, "cloud-out on cloud-01: not read since 03:08:41, lines may be missing", AT - 4 * MINUTE);
        desk.reads(
            api,
            json_line(AT - 61 * SECOND, 40, "upstream answered after its time", "1f0a", 504).into_bytes(),
            Some(AT - 30 * SECOND),
        );
        desk.open();
        desk
    }

    /// Adds a source, live.
    pub(crate) fn source(
        &mut self,
        name: &str,
        kind: &'static str,
        path: &str,
        (service, host): (Option<&str>, Option<&str>),
        format: &str,
    ) -> SourceId {
        let format = config::formats::built_in().get(format).unwrap().clone();
        let make = |id| Source {
            id,
            name: name.into(),
            kind,
            path: path.into(),
            service: service.map(|name| quarterdeck::core::id::ServiceId { service: name.into(), env: "prod".into() }),
            host: host.map(Into::into),
            labels: Vec::new(),
            format,
        };
        self.states.push(SourceState::Live);
        self.records.push(0);
        self.buffer.add_source(make).unwrap()
    }

    fn assume(&self) -> Assume {
        Assume { zone: chrono_tz::UTC, now: self.night.now.utc.into() }
    }

    /// Takes lines in, as their format reads them.
    pub(crate) fn reads(&mut self, id: SourceId, bytes: Vec<u8>, late_before: Option<Timestamp>) {
        let format = Arc::clone(&self.buffer.sources()[usize::from(id.0)].format);
        let batch = Batch { late_before: late_before.map(Into::into), ..Batch::new(id, &format, self.assume(), bytes) };
        self.keep(id, Segment::parse(batch));
    }

    /// Takes records in as they are, a second apart.
    pub(crate) fn raw(&mut self, id: SourceId, records: &[Vec<u8>], from: Timestamp) {
        let format = Arc::clone(&self.buffer.sources()[usize::from(id.0)].format);
        let (mut bytes, mut ends, mut times) = (Vec::new(), Vec::new(), Vec::new());
        for (second, record) in (0..).zip(records) {
            bytes.extend_from_slice(record);
            bytes.push(b'\n');
            ends.push(u32::try_from(bytes.len()).unwrap());
            times.push((from + second * SECOND).into());
        }
        let batch = Batch { ends, times, ..Batch::new(id, &format, self.assume(), bytes) };
        self.keep(id, Segment::parse(batch));
    }

    fn notice(&mut self, id: SourceId, says: &str, at: Timestamp) {
        let text = format!("{says}\n").into_bytes();
        let plain = config::formats::built_in().get("plain").unwrap();
        let ends = vec![u32::try_from(text.len()).unwrap()];
        let batch =
            Batch { ends, times: vec![at.into()], flags: Flags::NOTICE, ..Batch::new(id, plain, self.assume(), text) };
        self.buffer.push(Segment::parse(batch));
    }

    fn keep(&mut self, id: SourceId, segment: Segment) {
        let segment = self.buffer.push(segment);
        self.records[usize::from(id.0)] += segment.len() as u64;
        let (text, sources) = (segment.text(), self.buffer.sources());
        for record in 0..segment.len() {
            let message = sources[usize::from(id.0)].format.message(&text[segment.span(record)]);
            let seen = Seen {
                at: Some(segment.time(record)),
                level: segment.level(record),
                source: id,
                record: segment.base() + record as u64,
            };
            self.miner.add(&message, seen);
        }
    }

    /// Goes to the logs.
    pub(crate) fn open(&mut self) {
        self.act(&[Action::GoLogs]);
        self.publish();
    }

    /// Does what a person would do.
    pub(crate) fn act(&mut self, actions: &[Action]) {
        for action in actions {
            let facts = self.night.draw().1;
            self.tell(Msg::LaidOut(facts));
            self.tell(Msg::Acted(*action));
        }
    }

    /// Does something of the log view.
    pub(crate) fn log(&mut self, action: logs::LogAction) {
        self.act(&[Action::Log(action)]);
    }

    /// Types all of a line.
    pub(crate) fn types(&mut self, draft: Draft, text: &str) {
        self.tell(Msg::Drafted { draft, text: text.into() });
    }

    /// Hands a message in; what is asked of the engine is answered at once.
    pub(crate) fn tell(&mut self, msg: Msg) {
        let effects = update(&mut self.night.state, msg, self.night.now);
        for effect in effects {
            let asked = matches!(effect, Effect::Logs(Ask::Query(_)));
            self.effects.push(effect);
            if asked {
                self.publish();
            }
        }
    }

    /// Publishes what the newest question makes of what is here.
    pub(crate) fn publish(&mut self) {
        let query = self.effects.iter().rev().find_map(|effect| match effect {
            Effect::Logs(Ask::Query(query)) => Some((**query).clone()),
            _ => None,
        });
        let shown = self.answer(query.unwrap_or_else(|| self.state().logs.query.clone()));
        let more = update(&mut self.night.state, Msg::Logs(logs::Msg::Shown(Arc::new(shown))), self.night.now);
        self.effects.extend(more);
    }

    pub(crate) fn state(&self) -> &State {
        &self.night.state
    }

    /// Returns what the engine last answered.
    pub(crate) fn shown(&self) -> Arc<Shown> {
        self.state().logs.shown.clone().unwrap()
    }

    /// Returns where the person is.
    pub(crate) fn cursor(&self) -> Key {
        quarterdeck::core::screen::logs::cursor(self.state()).unwrap()
    }

    /// Returns the text of the record under the cursor.
    pub(crate) fn line(&self) -> String {
        String::from_utf8_lossy(&self.shown().record_at(self.cursor()).unwrap().raw()).into_owned()
    }

    /// Returns the level of the record under the cursor.
    pub(crate) fn level(&self) -> Level {
        self.shown().record_at(self.cursor()).unwrap().level
    }

    /// Returns what was said last.
    pub(crate) fn said(&self) -> (Tone, String) {
        self.state()
            .screen
            .message
            .as_ref()
            .map(|said| (said.tone, said.text.clone()))
            .unwrap_or((Tone::Done, String::new()))
    }

    /// Returns what was copied last.
    pub(crate) fn copied(&self) -> String {
        let copied = self.effects.iter().rev().find_map(|effect| match effect {
            Effect::Copy { text } => Some(text.clone()),
            _ => None,
        });
        copied.unwrap()
    }

    /// Returns what was put on the audit.
    pub(crate) fn audits(&self) -> Vec<String> {
        let rows = self.effects.iter().flat_map(|effect| match effect {
            Effect::Commit { rows, .. } => rows.clone(),
            _ => Vec::new(),
        });
        rows.filter_map(|row| match row {
            Row::Audit(audit) => Some(format!("{} {}", audit.what, audit.target)),
            _ => None,
        })
        .collect()
    }

    /// Draws at a size, laid out for it as the program does after a resize.
    pub(crate) fn draw(&mut self, look: &Look, (wide, high): (u16, u16)) -> Cells {
        let mut cells = Cells::empty(Rect::new(0, 0, wide, high));
        for _ in 0..3 {
            cells.reset();
            let facts =
                ui::draw(&self.night.state, &config::keymap::Keymap::default(), look, self.night.now, None, &mut cells);
            self.tell(Msg::LaidOut(facts));
        }
        cells
    }

    fn answer(&self, query: Query) -> Shown {
        let snapshot = self.buffer.snapshot();
        let derived = Arc::new(Derived::default());
        let ready = |filter: &Filter| {
            let at = |of: &Option<filter::Moment>| {
                let named = |name: &str| query.named.get(name).copied();
                of.as_ref().and_then(|of| moment::resolve(of, self.night.now.utc.into(), chrono_tz::UTC, &named).ok())
            };
            Matcher::new(filter, (at(&filter.since), at(&filter.until)), Arc::clone(&derived)).unwrap()
        };
        let all = Arc::new(Matches::all(&snapshot));
        let matcher = ready(&query.filter).without(query.hidden.iter().cloned());
        let matches = Arc::new(matcher.matches(&snapshot, &self.cache));
        let hits = query.search.as_ref().map(|search| Arc::new(ready(search).matches(&snapshot, &self.cache)));
        let mut needles = Vec::new();
        if let Some(search) = &query.search {
            search.expr.each_term(&mut |term| match term {
                Term::Text(text) => needles.extend(text.regex().ok()),
                Term::Regex(pattern) => needles.extend(pattern.compile().ok()),
                _ => {}
            });
        }
        let whole = || Some((matches.first()?.key().time, matches.last()?.key().time));
        let span = query.span.or_else(whole).unwrap_or_default();
        let templates = Arc::new(self.miner.templates());
        let until = Nanos::from(self.night.now.utc);
        let since = query.baseline.unwrap_or(DEPLOY.into());
        let period = Period { since, until, remember_from: Nanos(since.0 - 3_600 * Nanos::SECOND) };
        let sources = self.buffer.sources();
        let novelty =
            Novelty::of(&templates, period, &Memory::default(), |id| Arc::clone(&sources[usize::from(id.0)].name));
        let patterns = listed(&templates, sources, &novelty, period);
        let new = novelty.new.iter().map(|new| new.template).collect();
        let (record, record_redacted) = self.record(&query, &all);
        Shown {
            version: query.version,
            took_us: 3_100,
            ran: String::new(),
            histogram: matches.histogram(span.0, span.1, usize::from(query.bars)),
            histogram_span: span,
            matches,
            all,
            hits,
            needles,
            sources: self.statuses(),
            templates,
            patterns,
            new: Arc::new(new),
            record_of: query.record,
            record,
            record_redacted,
            stage: self.stage.clone(),
            web: query.web.then(web),
            lag_ms: Some(840),
            errors_a_minute: 31,
            derived,
            redact: Arc::clone(&self.redact),
            snapshot,
        }
    }

    fn statuses(&self) -> Vec<SourceStatus> {
        let status = |source: &Source| SourceStatus {
            name: Arc::clone(&source.name),
            kind: source.kind,
            path: Arc::clone(&source.path),
            format: source.format.name().to_owned(),
            state: self.states[usize::from(source.id.0)].clone(),
            records: self.records[usize::from(source.id.0)],
            lag_ms: (source.id.0 == 2).then_some(840),
            skew_ms: if source.id.0 == 3 { 1_210 } else { 4 },
        };
        self.buffer.sources().iter().map(status).collect()
    }

    fn record(&self, query: &Query, all: &Matches) -> (Vec<FieldValue>, usize) {
        let Some(at) = query.record.and_then(|key| all.at(key)) else { return (Vec::new(), 0) };
        let source = &self.buffer.sources()[usize::from(at.segment.source(at.index).0)];
        let mut fields = Vec::new();
        for name in ["service", "env", "host", "source"] {
            let value = logs::read::source_value(source, name).unwrap_or_default().to_owned();
            fields.push(FieldValue { name: name.into(), value, share: Some(0.42) });
        }
        let masked = at.with_bytes(|bytes| {
            for (name, value) in source.format.all(bytes) {
                let value = String::from_utf8_lossy(&value).into_owned();
                fields.push(FieldValue { name: name.into_owned(), value, share: None });
            }
            shown::masked(&self.redact, bytes).1
        });
        fields.retain(|field| !field.value.is_empty());
        (fields, masked)
    }
}

fn stamp(at: Timestamp, form: &str) -> String {
    at.to_utc().unwrap().format(form).to_string()
}

fn access() -> Vec<u8> {
    const PATHS: [&str; 5] =
        ["/play/manifest.m3u8?u=81", "/play/segment/1042.ts", "/api/session", "/health", "/api/catalogue?page=2"];
    let mut out = String::new();
    for n in 0..343_u32 {
        let at = AT - 40 * MINUTE + i64::from(n) * 7 * SECOND;
        let path = PATHS[(n * 7 % 5) as usize];
        let broken = at >= DEPLOY && path.starts_with("/play");
        let status = if broken && n % 3 != 0 {
            504
        } else if n % 41 == 0 {
            404
        } else {
            200
        };
        let client = format!("203.0.113.{}", n * 13 % 60);
        out.push_str(&format!(
            "{client} - - [{}] \"GET {path} HTTP/1.1\" {status} {} \"-\" \"ExoPlayer/2.19\"\n",
            stamp(at, "%d/%b/%Y:%H:%M:%S +0000"),
            n * 997 % 41_000
        ));
    }
    out.push_str(&format!(
        "203.0.113.9 - - [{}] \"GET /play/start?token={TOKEN}&mail={MAIL} HTTP/1.1\" 200 512 \"-\" \"curl/8.1\"\n",
        stamp(AT - 9 * SECOND, "%d/%b/%Y:%H:%M:%S +0000")
    ));
    out.into_bytes()
}

fn nginx_errors() -> Vec<u8> {
    let mut out = String::new();
    for n in 0..2_i64 {
        let at = AT - 39 * MINUTE + n * 8 * MINUTE;
        out.push_str(&format!(
            "{} [notice] 889#889: signal 1 (SIGHUP) received from {}, reconfiguring\n",
            stamp(at, "%Y/%m/%d %H:%M:%S"),
            700 + n
        ));
    }
    for n in 0..60_i64 {
        let at = DEPLOY + n * 12 * SECOND + 4 * SECOND;
        out.push_str(&format!(
            "{} [error] 889#889: *{} upstream timed out (110: Connection timed out) while reading response header from upstream, client: 203.0.113.{}, server: play.acme.example, request: \"GET /play/manifest.m3u8 HTTP/1.1\", upstream: \"http://127.0.0.1:3004/manifest\", host: \"play.acme.example\"\n",
            stamp(at, "%Y/%m/%d %H:%M:%S"),
            1_700 + n,
            n * 13 % 60
        ));
    }
    out.into_bytes()
}

fn json_line(at: Timestamp, level: u8, msg: &str, request: &str, status: u16) -> String {
    format!(
        "{{\"level\":{level},\"time\":{},\"pid\":17,\"hostname\":\"api-01\",\"request_id\":\"{request}\",\"res\":{{\"statusCode\":{status}}},\"responseTime\":{},\"msg\":\"{msg}\"}}\n",
        at.0,
        20 + at.0 / 1_000 % 700
    )
}

fn pino() -> Vec<u8> {
    let mut out = String::new();
    for n in 0..150_i64 {
        let at = AT - 39 * MINUTE + n * 15_400;
        let request = format!("{:04x}", 7_900 + n / 3 * 17);
        let (level, msg, status) = match n % 11 {
            4 => (40, "cache miss for the catalogue, asked the database".to_owned(), 200),
            2 | 7 if at < DEPLOY => (30, format!("segment store answered in {} ms", n % 17 + 3), 200),
            9 if at >= DEPLOY => (50, format!("segment store refused: ECONNREFUSED 127.0.0.1:{}", 3_004), 503),
            _ => (30, "request completed".to_owned(), 200),
        };
        out.push_str(&json_line(at, level, &msg, &request, status));
    }
    out.push_str(&format!(
        "{{\"level\":40,\"time\":{},\"pid\":17,\"hostname\":\"api-01\",\"msg\":\"login refused for {MAIL}\",\"headers\":{{\"authorization\":\"Bearer {TOKEN}\"}}}}\n",
        (AT - 2 * MINUTE).0
    ));
    out.into_bytes()
}

fn laravel() -> Vec<u8> {
    let mut out = String::new();
    for n in 0..9_i64 {
        let at = AT - 30 * MINUTE + n * 200 * SECOND;
        out.push_str(&format!(
            "[{}] production.INFO: invoice {} sent {{\"partner\":\"claro\"}} \n",
            stamp(at, "%Y-%m-%d %H:%M:%S"),
            88_100 + n
        ));
    }
    out.push_str(&format!(
        "[{}] production.ERROR: SQLSTATE[HY000] [2002] Connection refused {{\"exception\":\"[object] (PDOException(code: 2002)\n[stacktrace]\n#0 /srv/billing/app/Invoices.php(128): PDO->__construct()\n#1 /srv/billing/app/Job.php(41): Invoices->next()\n#2 {{main}}\n\"}} \n",
        stamp(AT - 70 * SECOND, "%Y-%m-%d %H:%M:%S")
    ));
    out.into_bytes()
}

/// Lines that a terminal must never be told.
pub(crate) fn hostile() -> Vec<Vec<u8>> {
    vec![
        b"\x1b[2J\x1b[31mred\x1b[0m and \x1b]0;title\x07 a title".to_vec(),
        "a name turned \u{202e}gpj.exe\u{202c} around\u{200b}\u{feff}".as_bytes().to_vec(),
        b"zero \0 and \x9b31m and \xff\xfe, \ttabbed\r back".to_vec(),
        [b"long ".as_slice(), &b"0123456789abcdef".repeat(1_280), b" end"].concat(),
        format!("Authorization: Bearer {TOKEN} for {MAIL}").into_bytes(),
        "wide 日本語 and e\u{301}\u{301}\u{301} and 👩‍👩‍👧".as_bytes().to_vec(),
    ]
}

fn counted(rows: &[(&str, &str, f64, &str)]) -> Vec<Counted> {
    let row = |(label, number, share, term): &(&str, &str, f64, &str)| Counted {
        label: (*label).into(),
        number: (*number).into(),
        share: *share,
        term: (*term).into(),
    };
    rows.iter().map(row).collect()
}

/// A table of `count by host`.
pub(crate) fn by_host() -> Vec<Counted> {
    counted(&[
        ("play-01", "404", 1.0, "host:play-01"),
        ("api-01", "152", 0.38, "host:api-01"),
        ("admin-01", "10", 0.02, "host:admin-01"),
    ])
}

fn web() -> Web {
    let number = |label, value: &str, bad| Number { label, value: value.into(), bad };
    let table = |title, head, rows: &[(&str, &str, f64, &str)]| Table { title, head, rows: counted(rows) };
    Web {
        numbers: vec![
            number("requests", "344", false),
            number("a second", "0.14", false),
            number("5xx", "9.6 %", true),
            number("4xx", "2.3 %", false),
            number("p50", "41 ms", false),
            number("p95", "6.1 s", true),
            number("p99", "8.0 s", true),
            number("sent", "7.0 MB", false),
        ],
        caution: "all 3 clients are proxies: the real client is not logged".into(),
        tables: vec![
            table(
                "Paths",
                "COUNT",
                &[
                    ("/play/manifest.m3u8", "69", 1.0, "path:/play/manifest.m3u8"),
                    ("/play/segment/1042.ts", "69", 1.0, "path:/play/segment/1042.ts"),
                    ("/api/session", "68", 0.98, "path:/api/session"),
                ],
            ),
            table(
                "Status",
                "COUNT",
                &[
                    ("200", "304", 1.0, "status:200"),
                    ("504", "32", 0.1, "status:504"),
                    ("404", "8", 0.03, "status:404"),
                ],
            ),
            table("Clients", "COUNT", &[("203.0.113.9", "7", 1.0, "client:203.0.113.9"), (MAIL, "2", 0.3, "")]),
            table("Agents", "COUNT", &[("ExoPlayer/2.19", "343", 1.0, "agent:\"ExoPlayer/2.19\"")]),
            table("Referrers", "COUNT", &[]),
            table("Slowest", "P95", &[("/play/manifest.m3u8", "6.1 s", 1.0, "path:/play/manifest.m3u8")]),
            table("Failing", "5XX", &[("/play/segment/1042.ts", "17", 1.0, "path:/play/segment/1042.ts status>=500")]),
        ],
    }
}
