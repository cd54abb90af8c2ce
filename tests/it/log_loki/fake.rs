//! A Loki server in process, with the endings and refusals that the real one has.
use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    extract::{
        RawQuery, State,
        ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade},
    },
    http::{HeaderMap, StatusCode},
    response::{IntoResponse as _, Response},
    routing::get,
};
use serde_json::json;
use tokio::sync::watch;

/// How a tail goes.
#[derive(Clone, Debug)]
pub(super) enum Tail {
    /// On and on.
    Goes,
    /// After so many lines it closes with this reason.
    Closes(usize, &'static str),
    /// After so many lines the connection ends without a close frame.
    Breaks(usize),
    /// After so many lines neither a line nor a ping comes.
    Freezes(usize),
    /// After so many lines this many are dropped; the next frame names some of them.
    Drops(usize, usize),
    /// A proxy that lets no upgrade through.
    NoUpgrade,
    /// What a real server sent, frame by frame as it was recorded; then pings alone.
    Replays(&'static str),
}

#[derive(Default)]
pub(super) struct Inner {
    /// Moment, app, line; sorted by moment.
    pub(super) lines: Vec<(i64, String, String)>,
    pub(super) tails: VecDeque<Tail>,
    /// Asked for more lines than this, it answers nothing at all.
    pub(super) hangs_over: Option<usize>,
    pub(super) refuses_over: Option<usize>,
    pub(super) asked: Vec<BTreeMap<String, String>>,
    pub(super) down: bool,
    pub(super) tenant: Option<&'static str>,
    /// The authorisation that a tenant's requests must carry; without it, by name and password.
    pub(super) login: Option<&'static str>,
    /// It knows nobody.
    pub(super) refuses: bool,
}

pub(super) struct Fake {
    pub(super) inner: Mutex<Inner>,
    changed: watch::Sender<usize>,
    tailing: watch::Sender<Tailing>,
}

/// How far the tails are.
#[derive(Clone, Copy, Debug, Default)]
struct Tailing {
    /// So many began, the present one included.
    began: usize,
    /// Lines that the present one has looked at; none while no tail is read.
    at: Option<usize>,
}

/// Says, when dropped, that no tail is read any more.
struct Ends<'a>(&'a watch::Sender<Tailing>);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|tailing| tailing.at = None);
    }
}

impl Fake {
    pub(super) fn new(inner: Inner) -> Arc<Self> {
        Arc::new(Self {
            inner: Mutex::new(inner),
            changed: watch::channel(0).0,
            tailing: watch::channel(Tailing::default()).0,
        })
    }

    pub(super) fn router(self: &Arc<Self>) -> Router {
        Router::new()
            .route("/prefix/loki/api/v1/query_range", get(range).post(range))
            .route("/prefix/loki/api/v1/tail", get(tail))
            .with_state(Arc::clone(self))
    }

    /// Waits until so many tails began.
    pub(super) async fn tails(&self, count: usize) {
        self.until("no further tail", |tailing| tailing.began >= count).await;
    }

    /// Waits until a tail is read.
    pub(super) async fn reads(&self) {
        self.until("no tail is read", |tailing| tailing.at.is_some()).await;
    }

    /// Waits until the present tail, if one is read, has looked at all that was pushed.
    pub(super) async fn taken(&self) {
        let pushed = self.inner.lock().unwrap().lines.len();
        self.until("the tail stands still", |tailing| tailing.at.is_none_or(|at| at >= pushed)).await;
    }

    async fn until(&self, what: &str, holds: impl Fn(&Tailing) -> bool) {
        let mut tailing = self.tailing.subscribe();
        let wait = tailing.wait_for(holds);
        tokio::time::timeout(Duration::from_secs(30), wait).await.expect(what).unwrap();
    }

    pub(super) fn push(&self, at: i64, app: &str, line: &str) {
        let mut inner = self.inner.lock().unwrap();
        inner.lines.push((at, app.into(), line.into()));
        let count = inner.lines.len();
        drop(inner);
        self.changed.send_replace(count);
    }

    pub(super) fn set(&self, change: impl FnOnce(&mut Inner)) {
        change(&mut self.inner.lock().unwrap());
    }
}

pub(super) const T0: i64 = 1_795_000_000_000_000_000;

fn params(query: Option<String>) -> BTreeMap<String, String> {
    let url = reqwest_url(&query.unwrap_or_default());
    url.into_iter().collect()
}

fn reqwest_url(query: &str) -> Vec<(String, String)> {
    let decode = |text: &str| {
        let mut bytes = Vec::new();
        let mut rest = text.bytes();
        while let Some(byte) = rest.next() {
            bytes.push(match byte {
                b'+' => b' ',
                b'%' => {
                    let hex = [rest.next().unwrap(), rest.next().unwrap()];
                    u8::from_str_radix(std::str::from_utf8(&hex).unwrap(), 16).unwrap()
                }
                other => other,
            });
        }
        String::from_utf8(bytes).unwrap()
    };
    query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (decode(name), decode(value)))
        .collect()
}

fn refuse(headers: &HeaderMap, inner: &Inner) -> Option<Response> {
    if inner.down {
        return Some((StatusCode::SERVICE_UNAVAILABLE, "Some services are not Running").into_response());
    }
    if inner.refuses {
        return Some((StatusCode::UNAUTHORIZED, "unknown token\n").into_response());
    }
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    assert_eq!(header("x-loki-response-encoding-flags"), Some("categorize-labels"));
    if let Some(tenant) = inner.tenant {
        if header("x-scope-orgid") != Some(tenant) {
            return Some((StatusCode::UNAUTHORIZED, "no org id\n").into_response());
        }
        assert_eq!(header("authorization"), Some(inner.login.unwrap_or("Basic cWQ6czNjcmV0")));
    }
    None
}

fn object(line: &(i64, String, String)) -> serde_json::Value {
    json!({ "stream": { "app": line.1 }, "values": [[line.0.to_string(), line.2, { "structuredMetadata": { "trace_id": "t 1" } }]] })
}

async fn range(State(fake): State<Arc<Fake>>, headers: HeaderMap, RawQuery(query): RawQuery, body: String) -> Response {
    let asked = params(Some(query.unwrap_or(body)));
    let number = |name: &str| asked[name].parse::<i64>().unwrap();
    let (start, end, limit) = (number("start"), number("end"), asked["limit"].parse::<usize>().unwrap());
    let found: Vec<_> = {
        let mut inner = fake.inner.lock().unwrap();
        if let Some(refusal) = refuse(&headers, &inner) {
            return refusal;
        }
        inner.asked.push(asked.clone());
        if let Some(most) = inner.refuses_over.filter(|most| limit > *most) {
            let what =
                format!("max entries limit per query exceeded, limit > max_entries_limit_per_query ({limit} > {most})");
            return (StatusCode::BAD_REQUEST, what).into_response();
        }
        let (selects, stages) = crate::logql::Selector::read(&asked["query"]);
        let filter = crate::logql::line_filter(stages);
        let passes = |line: &&(i64, String, String)| {
            let label = |name: &str| match name {
                "app" => line.1.clone(),
                "env" => "prod".to_owned(),
                _ => String::new(),
            };
            selects.selects(label) && filter(&line.2)
        };
        let within = inner.lines.iter().filter(|line| line.0 >= start && line.0 < end).filter(passes).cloned();
        let mut lines: Vec<_> = within.collect();
        lines.sort_by_key(|line| line.0);
        if asked["direction"] == "backward" {
            lines.reverse();
        }
        lines.truncate(limit);
        lines
    };
    let over = fake.inner.lock().unwrap().hangs_over;
    if over.is_some_and(|over| found.len() > over) {
        std::future::pending::<()>().await;
    }
    let mut streams: BTreeMap<&str, Vec<serde_json::Value>> = BTreeMap::new();
    for line in &found {
        streams.entry(&line.1).or_default().push(object(line)["values"][0].clone());
    }
    let result: Vec<_> =
        streams.into_iter().map(|(app, values)| json!({ "stream": { "app": app }, "values": values })).collect();
    let body = json!({ "status": "success", "data": { "resultType": "streams", "encodingFlags": ["categorize-labels"], "result": result } });
    body.to_string().into_response()
}

async fn tail(
    State(fake): State<Arc<Fake>>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
    upgrade: WebSocketUpgrade,
) -> Response {
    let asked = params(query);
    let how = {
        let mut inner = fake.inner.lock().unwrap();
        if let Some(refusal) = refuse(&headers, &inner) {
            return refusal;
        }
        fake.tailing.send_modify(|tailing| tailing.began += 1);
        inner.tails.pop_front().unwrap_or(Tail::Goes)
    };
    if matches!(how, Tail::NoUpgrade) {
        return (StatusCode::BAD_REQUEST, "Bad Request\n").into_response();
    }
    let start = asked.get("start").and_then(|start| start.parse().ok()).unwrap_or(i64::MAX);
    let limit = asked["limit"].parse().unwrap();
    upgrade.on_upgrade(move |socket| serve(socket, fake, how, start, limit))
}

async fn serve(mut socket: WebSocket, fake: Arc<Fake>, how: Tail, start: i64, limit: usize) {
    let mut changes = fake.changed.subscribe();
    let mut ping = tokio::time::interval(Duration::from_secs(1));
    let (mut at, mut sent, mut dropped) = (0, 0, Vec::new());
    let mut first = true;
    let ends = Ends(&fake.tailing);
    if let Tail::Replays(recorded) = how {
        for frame in recorded.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()) {
            let text = frame["text"].as_str().unwrap_or_default().to_owned();
            let message = match frame["op"].as_str() {
                Some("text") => Message::Text(text.into()),
                Some("ping") => Message::Ping(Vec::new().into()),
                Some("close") => {
                    let code = u16::try_from(frame["code"].as_u64().unwrap_or(1006)).unwrap();
                    Message::Close(Some(CloseFrame { code, reason: frame["reason"].as_str().unwrap_or("").into() }))
                }
                other => panic!("{other:?}"),
            };
            if socket.send(message).await.is_err() {
                return;
            }
        }
    }
    loop {
        let mut news: Vec<_> = {
            let inner = fake.inner.lock().unwrap();
            let news = inner.lines[at..].to_vec();
            at = inner.lines.len();
            news
        };
        if std::mem::take(&mut first) {
            // Only the newest of what was there before.
            news.retain(|line| line.0 >= start);
            news.drain(..news.len().saturating_sub(limit));
        }
        for line in news {
            match how {
                Tail::Closes(after, reason) if sent >= after => {
                    let close = CloseFrame { code: 1011, reason: reason.into() };
                    _ = socket.send(Message::Close(Some(close))).await;
                    _ = socket.recv().await;
                    return;
                }
                Tail::Breaks(after) if sent >= after => return,
                Tail::Freezes(after) if sent >= after => {
                    drop(ends);
                    return std::future::pending().await;
                }
                Tail::Drops(after, many) if sent >= after && dropped.len() < many => {
                    dropped.push(line);
                    continue;
                }
                _ => {}
            }
            let mut frame = json!({ "streams": [object(&line)], "encodingFlags": ["categorize-labels"] });
            if matches!(how, Tail::Drops(_, many) if dropped.len() == many && sent > 0) {
                let named = dropped
                    .iter()
                    .take(3)
                    .map(|line| json!({ "timestamp": line.0.to_string(), "labels": { "app": line.1 } }));
                frame["dropped_entries"] = named.collect();
            }
            if socket.send(Message::Text(frame.to_string().into())).await.is_err() {
                return;
            }
            sent += 1;
        }
        fake.tailing.send_modify(|tailing| tailing.at = Some(at));
        if let Tail::Closes(0, reason) = how {
            _ = socket.send(Message::Close(Some(CloseFrame { code: 1011, reason: reason.into() }))).await;
            return;
        }
        tokio::select! {
            changed = changes.changed() => if changed.is_err() { return },
            _ = ping.tick() => if socket.send(Message::Ping(Vec::new().into())).await.is_err() { return },
        }
    }
}
