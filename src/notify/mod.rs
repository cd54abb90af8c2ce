//! Notifiers: how people are told. One file per channel; `ALL` lists them.
//!
//! What every notifier promises, and one test holds for all of them: it tells once per call; what it cannot say for sure it calls
//! ambiguous, never heard and never refused; no secret is in what it says of it. Whether it is told again is not its business:
//! [`crate::core::outbox`] decides.
use futures_util::future::BoxFuture;

use crate::{
    config::Kind,
    core::{
        inventory::Params,
        logs::redact::Redactor,
        outbox::{End, Fields, Notice, NotifierSpec, Order, Remote, Write},
    },
    parse::sanitise,
    trackers::{Means, Missed, probe::Probed},
};

mod bounded;
mod pagerduty;
mod post;
mod slack;
mod smtp;
mod teams;
pub mod terminal;
mod webhook;
mod words;

/// Every kind of notifier.
pub const ALL: &[&dyn Notifier] =
    &[&pagerduty::PagerDuty, &slack::Slack, &smtp::Smtp, &teams::Teams, &terminal::Terminal, &webhook::Webhook];

/// Every kind, as the configuration wants them.
pub fn kinds() -> Vec<&'static dyn Kind> {
    ALL.iter().map(|notifier| *notifier as &dyn Kind).collect()
}

/// A kind of notifier.
pub trait Notifier: Kind {
    /// Tells people, once. What comes back is what the channel calls it.
    fn tell<'a>(&'a self, told: Telling<'a>, means: &'a Means) -> BoxFuture<'a, Result<Remote, Missed>>;

    /// Asks whether people could be told, and tells nobody.
    fn probe<'a>(&'a self, params: &'a Params, means: &'a Means) -> BoxFuture<'a, Result<Probed, Missed>>;

    /// Says what would be sent, without secrets.
    fn preview(&self, told: Telling<'_>) -> String;
}

/// What is told, and how it is to be done.
#[derive(Clone, Copy, Debug)]
pub struct Telling<'a> {
    /// The order that it came with.
    pub order: &'a Order,
    /// What is told.
    pub notice: &'a Notice,
}

impl Telling<'_> {
    fn params(&self) -> &Params {
        &self.order.tracker.params
    }

    fn text(&self, key: &str) -> Option<&str> {
        self.params().get(key)?.as_str()
    }
}

/// Carries out an order, once. Nothing leaves that the redactor would mask.
pub async fn deliver(order: &Order, means: &Means, redact: &Redactor) -> End {
    let told = match (kind_of(&order.tracker.kind), redacted(order, redact)) {
        (Err(why), _) => Err(Missed::refused(why)),
        (Ok(_), None) => Err(Missed::refused("a notifier keeps no tickets")),
        (Ok(kind), Some(notice)) => kind.tell(Telling { order, notice: &notice }, means).await,
    };
    match told {
        Ok(remote) => End::Accepted { remote, wrote: Fields::new() },
        Err(missed) => missed.into(),
    }
}

/// Tries a notifier, and tells nobody.
///
/// # Errors
/// What is wrong, and what to do.
pub async fn probe(spec: &NotifierSpec, means: &Means) -> Result<Probed, Missed> {
    kind_of(&spec.place.kind).map_err(Missed::refused)?.probe(&spec.place.params, means).await
}

/// Says what would be sent, or why nothing would be.
pub fn preview(order: &Order, redact: &Redactor) -> String {
    let text = match (kind_of(&order.tracker.kind), redacted(order, redact)) {
        (Ok(kind), Some(notice)) => kind.preview(Telling { order, notice: &notice }),
        (Ok(_), None) => String::new(),
        (Err(why), _) => why,
    };
    sanitise::lines(text, 400, 2_000).join("\n")
}

fn kind_of(name: &str) -> Result<&'static dyn Notifier, String> {
    let kind = ALL.iter().find(|kind| kind.name() == name).copied();
    kind.ok_or_else(|| format!("there is no notifier of type `{name}`"))
}

/// Masks secrets in what is told, and takes out what no text may have.
fn redacted(order: &Order, redact: &Redactor) -> Option<Notice> {
    let Write::Notice(notice) = &order.item.write else { return None };
    let mut notice = (**notice).clone();
    notice.title = sanitise::line_max(redact.text(&notice.title).as_bytes(), 1_000);
    notice.text = sanitise::lines(redact.text(&notice.text).as_bytes(), 100, 2_000).join("\n");
    Some(notice)
}
