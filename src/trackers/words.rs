//! What tickets say, whichever tracker keeps them.
use crate::core::outbox::{Change, Fields, Order, Ticket};

/// What is said on a ticket.
#[derive(Clone, Copy, Debug)]
pub(super) struct Said<'a> {
    /// The text.
    pub(super) text: &'a str,
    /// Whether it is Markdown: a document.
    pub(super) markdown: bool,
}

impl<'a> Said<'a> {
    /// Words that are no document.
    pub(super) fn plain(text: &'a str) -> Self {
        Self { text, markdown: false }
    }
}

/// Names of fields of ours.
pub(super) const TITLE: &str = "title";
pub(super) const SEVERITY: &str = "severity";
pub(super) const STATUS: &str = "status";
pub(super) const PRIORITY: &str = "priority";
pub(super) const KEY: &str = "key";

/// Returns the lines of a ticket's text, without its token.
pub(super) fn body(order: &Order, ticket: &Ticket) -> Vec<String> {
    let number = order.number.map_or_else(|| "Incident".to_owned(), |number| number.to_string());
    let about = ticket.service.as_ref().map(|service| format!(" for {service}")).unwrap_or_default();
    let mut lines = vec![format!(
        "{number}{about}, {:?}, opened by {} at {}.",
        ticket.severity,
        ticket.by,
        ticket.opened.rfc3339()
    )];
    lines.extend(ticket.text.lines().map(str::to_owned));
    lines.extend(link(order));
    lines
}

/// Returns where a ticket leads back to.
pub(super) fn link(order: &Order) -> Option<String> {
    let number = order.number.map_or_else(|| order.item.incident.to_string(), |number| number.to_string());
    Some(order.tracker.link.as_ref()?.replace("{incident}", &number))
}

/// Returns what is said on a ticket that is one too many.
pub(super) fn duplicate(order: &Order) -> String {
    let first = order.ticket.as_ref().map_or("another ticket", |ticket| ticket.id.as_str());
    let at = order.ticket.as_ref().and_then(|ticket| ticket.url.as_ref()).map(|url| format!(" {url}"));
    format!("Duplicate of {first}{}: the answer to the first try was lost.", at.unwrap_or_default())
}

/// Returns the fields of ours that a new ticket has.
pub(super) fn fields_of(ticket: &Ticket, title: String) -> Fields {
    let severity = format!("{:?}", ticket.severity);
    [(TITLE, title), (SEVERITY, severity), (STATUS, "open".to_owned())]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
}

/// Returns the fields that a change sets, the title as long as it was given.
pub(super) fn changed(change: &Change) -> Fields {
    let severity = change.severity.map(|severity| (SEVERITY.to_owned(), format!("{severity:?}")));
    let status = change.status.map(|status| (STATUS.to_owned(), status.word().to_owned()));
    let title = change.title.as_ref().map(|title| (TITLE.to_owned(), title.clone()));
    severity.into_iter().chain(status).chain(title).collect()
}

/// Returns what another changed of the fields that are about to be written: field, ours, theirs. What is already as it shall be is
/// no quarrel.
pub(super) fn quarrels(order: &Order, wanted: &Fields, there: &Fields) -> Vec<(String, String, String)> {
    if order.force {
        return Vec::new();
    }
    let quarrel = |(field, wanted): (&String, &String)| {
        let (ours, theirs) = (order.wrote.get(field)?, there.get(field)?);
        (ours != theirs && wanted != theirs).then(|| (field.clone(), ours.clone(), theirs.clone()))
    };
    wanted.iter().filter_map(quarrel).collect()
}

/// Cuts a text to so many characters, and says so at its end: what is left out is never silently.
pub(super) fn fit(text: &str, most: usize) -> String {
    let all = text.chars().count();
    if all <= most {
        return text.to_owned();
    }
    let kept = most.saturating_sub(100);
    let begin: String = text.chars().take(kept).collect();
    // An escape that is cut in two would take the next letter along.
    let begin = begin.trim_end_matches('\\');
    format!("{begin}…\n\n(It is longer than fits here: {} more characters are in quarterdeck.)", all - kept)
}

/// Cuts a title to so many characters.
pub(super) fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most { text.to_owned() } else { text.chars().take(most - 1).chain(['…']).collect() }
}
