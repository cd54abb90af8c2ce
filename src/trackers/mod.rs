//! Trackers: where tickets are kept. One file per system; `ALL` lists them.
//!
//! What every tracker promises, and one test holds for all of them: what it makes carries the order's token, and is found by it; what
//! it cannot say for sure it calls ambiguous, never accepted and never refused; it sends a write once. When to try again is not its
//! business: [`crate::core::outbox`] decides.
use std::{sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use serde_json::Value as Json;

use crate::{
    config::{Env, Kind, Misfit},
    core::{
        id::Uid,
        logs::redact::Redactor,
        outbox::{Change, Deed, End, Fields, Miss, Order, Remote, Ticket, TrackerSpec, Write},
    },
    parse::sanitise,
    remote::http::Client,
    tasks::Tasks,
};

mod github;
mod jira;
mod markdown;
mod monday;
pub mod probe;
mod rich;
pub(crate) mod wire;
mod words;

use probe::Probed;

/// Every kind of tracker.
pub const ALL: &[&dyn Tracker] = &[&github::GitHub, &jira::Jira, &markdown::Markdown, &monday::Monday];

/// Most characters of what a person is told of a tracker's answer.
pub const MAX_REASON: usize = 240;

/// Every kind, as the configuration wants them.
pub fn kinds() -> Vec<&'static dyn Kind> {
    ALL.iter().map(|tracker| *tracker as &dyn Kind).collect()
}

/// A kind of tracker.
pub trait Tracker: Kind {
    /// Makes the way to a tracker of a valid specification. Secrets are looked up later.
    ///
    /// # Errors
    /// When a setting that it cannot do without is missing.
    fn open(&self, spec: &Arc<TrackerSpec>, means: &Means) -> Result<Box<dyn Desk>, String>;
}

/// What a tracker is given to work with.
#[derive(Clone, Debug)]
pub struct Means {
    /// Sends.
    pub http: Client,
    /// Where secrets are looked up.
    pub env: Env,
    /// Who spawns.
    pub tasks: Tasks,
    /// How long an answer to a write is waited for; to a question, a third of it.
    pub patience: Duration,
}

/// How long an answer to a write is waited for.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// The way to one tracker. What did not succeed says how, and why.
pub trait Desk: Send + Sync {
    /// Writes an order's item.
    fn write<'a>(&'a self, order: &'a Order) -> BoxFuture<'a, Result<End, Missed>>;

    /// Finds what carries the token of an order, the oldest first.
    fn find<'a>(&'a self, order: &'a Order) -> BoxFuture<'a, Result<Vec<Remote>, Missed>>;

    /// Reads fields of ours of an order's ticket; none where it does not say.
    fn look<'a>(&'a self, order: &'a Order) -> BoxFuture<'a, Result<Fields, Missed>>;

    /// Says what would be sent.
    fn preview(&self, order: &Order) -> String;

    /// Asks whether tickets could be kept there, and writes nothing.
    fn probe(&self) -> BoxFuture<'_, Result<Probed, Missed>>;
}

/// What trackers that are asked by HTTP do each in its own words; how an order comes to it is the same for all.
trait Tickets: Send + Sync {
    /// Makes a ticket.
    fn create(&self, order: &Order, ticket: &Ticket) -> impl Future<Output = Result<End, Missed>> + Send;

    /// Changes fields of ours, where nobody else did.
    fn update(&self, order: &Order, change: &Change) -> impl Future<Output = Result<End, Missed>> + Send;

    /// Says something under the ticket of an id.
    fn comment(&self, token: Uid, on: &str, said: words::Said<'_>) -> impl Future<Output = Result<End, Missed>> + Send;

    /// Finds the tickets that carry a token.
    fn tickets(&self, token: Uid, ticket: &Ticket) -> impl Future<Output = Result<Vec<Remote>, Missed>> + Send;

    /// Finds what carries a token under the ticket of an id.
    fn comments(&self, token: Uid, on: &str) -> impl Future<Output = Result<Vec<Remote>, Missed>> + Send;

    /// Reads fields of ours.
    fn read(&self, id: &str) -> impl Future<Output = Result<Fields, Missed>> + Send;

    /// Says what would be sent.
    fn shown(&self, order: &Order) -> Json;

    /// Asks whether tickets could be kept there, and writes nothing.
    fn tried(&self) -> impl Future<Output = Result<Probed, Missed>> + Send;
}

impl<T: Tickets> Desk for T {
    fn write<'a>(&'a self, order: &'a Order) -> BoxFuture<'a, Result<End, Missed>> {
        Box::pin(async move {
            match &order.item.write {
                Write::Create(ticket) => self.create(order, ticket).await,
                Write::Update(change) => self.update(order, change).await,
                Write::Comment { text, markdown } => {
                    let said = words::Said { text, markdown: *markdown };
                    self.comment(order.token, &ticket(order)?.id, said).await
                }
                Write::Link { duplicate } => {
                    let text = words::duplicate(order);
                    self.comment(order.token, &duplicate.id, words::Said::plain(&text)).await
                }
                Write::Notice(_) => Err(no_ticket()),
            }
        })
    }

    fn find<'a>(&'a self, order: &'a Order) -> BoxFuture<'a, Result<Vec<Remote>, Missed>> {
        Box::pin(async move {
            let mut found = match &order.item.write {
                Write::Create(ticket) => self.tickets(order.token, ticket).await?,
                Write::Link { duplicate } => self.comments(order.token, &duplicate.id).await?,
                Write::Update(_) | Write::Comment { .. } | Write::Notice(_) => {
                    self.comments(order.token, &ticket(order)?.id).await?
                }
            };
            found.sort_by_key(|remote| numbered(&remote.id));
            found.dedup();
            Ok(found)
        })
    }

    fn look<'a>(&'a self, order: &'a Order) -> BoxFuture<'a, Result<Fields, Missed>> {
        Box::pin(async move { self.read(&ticket(order)?.id).await })
    }

    fn preview(&self, order: &Order) -> String {
        serde_json::to_string_pretty(&self.shown(order)).unwrap_or_default()
    }

    fn probe(&self) -> BoxFuture<'_, Result<Probed, Missed>> {
        Box::pin(self.tried())
    }
}

/// Something that did not succeed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missed {
    /// How.
    pub how: Miss,
    /// Why, and what to do. One sanitised line.
    pub reason: String,
    /// Milliseconds that the tracker asked to wait.
    pub wait_ms: Option<i64>,
}

impl Missed {
    pub(crate) fn new(how: Miss, reason: impl AsRef<str>) -> Self {
        Self { how, reason: sanitise::line_max(reason.as_ref(), MAX_REASON), wait_ms: None }
    }

    /// It was surely not written.
    pub(crate) fn unreachable(reason: impl AsRef<str>) -> Self {
        Self::new(Miss::Unreachable, reason)
    }

    /// Nobody knows whether it was written.
    pub(crate) fn ambiguous(reason: impl AsRef<str>) -> Self {
        Self::new(Miss::Ambiguous, reason)
    }

    /// It is not written as it is.
    pub(crate) fn refused(reason: impl AsRef<str>) -> Self {
        Self::new(Miss::Refused, reason)
    }
}

impl From<Missed> for End {
    fn from(missed: Missed) -> Self {
        let Missed { how, reason, wait_ms } = missed;
        Self::Missed { how, reason, wait_ms }
    }
}

/// Carries out an order, once. Nothing leaves that the redactor would mask.
pub async fn deliver(order: &Order, means: &Means, redact: &Redactor) -> End {
    let order = redacted(order, redact);
    let desk = match desk(&order.tracker, means) {
        Ok(desk) => desk,
        Err(why) => return Missed::refused(why).into(),
    };
    let ended = match order.deed {
        Deed::Write => desk.write(&order).await,
        Deed::Search => desk.find(&order).await.map(End::Found),
        Deed::Look => looked(desk.as_ref(), &order).await,
    };
    ended.unwrap_or_else(End::from)
}

/// Says what would be sent, or why nothing would be.
pub fn preview(order: &Order, means: &Means, redact: &Redactor) -> String {
    let order = redacted(order, redact);
    let text = desk(&order.tracker, means).map_or_else(|why| why, |desk| desk.preview(&order));
    sanitise::lines(text, 400, 2_000).join("\n")
}

async fn looked(desk: &dyn Desk, order: &Order) -> Result<End, Missed> {
    let fields = desk.look(order).await?;
    Ok(End::Looked { fields, found: desk.find(order).await? })
}

fn desk(spec: &Arc<TrackerSpec>, means: &Means) -> Result<Box<dyn Desk>, String> {
    let kind = ALL.iter().find(|kind| kind.name() == &*spec.kind);
    kind.ok_or_else(|| format!("there is no tracker of type `{}`", spec.kind))?.open(spec, means)
}

/// Most lines of a text, and most characters of one.
const LINES: (usize, usize) = (4_000, 200_000);

/// Masks secrets in what people wrote, and takes out what no text may have.
fn redacted(order: &Order, redact: &Redactor) -> Order {
    let line = |text: &mut String| *text = sanitise::line_max(redact.text(text).as_bytes(), 2_000);
    let lines = |text: &mut String| {
        let safe = redact.text(text);
        let all = safe.lines().count();
        let mut kept = sanitise::lines(safe.as_bytes(), LINES.0, LINES.1);
        if all > LINES.0 {
            kept.push(format!("(It is longer than fits here: {} more lines are in quarterdeck.)", all - LINES.0));
        }
        *text = kept.join("\n");
    };
    let mut order = order.clone();
    match &mut order.item.write {
        Write::Create(ticket) => {
            line(&mut ticket.title);
            lines(&mut ticket.text);
        }
        Write::Comment { text, .. } => lines(text),
        Write::Update(change) => change.title.iter_mut().for_each(line),
        Write::Link { .. } | Write::Notice(_) => {}
    }
    order
}

/// Returns the ticket that an order is about.
fn ticket(order: &Order) -> Result<&Remote, Missed> {
    order.ticket.as_ref().ok_or_else(|| Missed::refused("its ticket is not known"))
}

/// A tracker keeps tickets: people are told by notifiers.
fn no_ticket() -> Missed {
    Missed::refused("a tracker tells nobody")
}

/// Returns what ids are ordered by, the oldest first: numbers by their value.
fn numbered(id: &str) -> (u64, String) {
    let digits: String = id.chars().filter(char::is_ascii_digit).collect();
    (digits.parse().unwrap_or(u64::MAX), id.to_owned())
}

/// Says when a token would go over the network in the open.
pub(crate) fn open_token(settings: &crate::core::inventory::Params, key: &'static str) -> Vec<Misfit> {
    const SAFE: [&str; 4] = ["https://", "http://127.0.0.1", "http://localhost", "http://[::1]"];
    let url = settings.get(key).and_then(serde_json::Value::as_str);
    let open = url.is_some_and(|url| !SAFE.iter().any(|begin| url.starts_with(begin)));
    open.then(|| Misfit::new(key, format!("the token would go to `{key}` in the open"), "use https://"))
        .into_iter()
        .collect()
}

/// Says when a map from severities names something else.
fn severities(settings: &crate::core::inventory::Params, key: &'static str) -> Option<Misfit> {
    let map = settings.get(key).and_then(serde_json::Value::as_object)?;
    let known = |name: &String| ["P1", "P2", "P3", "P4"].contains(&name.as_str());
    let other = map.keys().find(|name| !known(name))?;
    let what = format!("`{key}` has no severity {}", sanitise::name(other));
    Some(Misfit::new(key, what, "P1, P2, P3, P4"))
}
