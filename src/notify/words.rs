//! What notices say, whichever channel they go by.
use super::Telling;
use crate::core::outbox::News;

/// Returns what stands at the top: `[P1] INC-214 opened: play@prod is down`.
pub(super) fn subject(told: Telling<'_>) -> String {
    let notice = told.notice;
    let number = told.order.number.map(|number| format!("{number} ")).unwrap_or_default();
    let title = if notice.title.is_empty() { String::new() } else { format!(": {}", notice.title) };
    cut(&format!("[{:?}] {number}{}{title}", notice.severity, notice.news.word()), 250)
}

/// Returns the lines under it.
pub(super) fn lines(told: Telling<'_>) -> Vec<String> {
    let notice = told.notice;
    let mut lines: Vec<String> = notice.text.lines().map(str::to_owned).collect();
    let about = notice.service.as_ref().map(|service| format!("{service}, ")).unwrap_or_default();
    lines.push(format!("{about}{} by {}", notice.at.rfc3339(), notice.by));
    lines.extend(short(told).map(|short| format!("In the console: {short}")));
    lines.extend(link(told));
    lines
}

/// Returns what opens the console there, for what somebody is to look at now.
pub(super) fn short(told: Telling<'_>) -> Option<String> {
    let is_now = told.notice.calls || told.notice.news.begins();
    told.order.number.filter(|_| is_now).map(|number| format!("qd {number}"))
}

/// Returns where it leads back to.
pub(super) fn link(told: Telling<'_>) -> Option<String> {
    let order = told.order;
    let number = order.number.map_or_else(|| order.item.incident.to_string(), |number| number.to_string());
    Some(order.tracker.link.as_ref()?.replace("{incident}", &number))
}

/// Says whether it is good news, bad news, or neither.
pub(super) fn good(news: News) -> Option<bool> {
    match news {
        News::Fired | News::Opened | News::Reopened | News::Escalated => Some(false),
        News::Over | News::Mitigated | News::Resolved => Some(true),
        News::Acknowledged | News::Severity | News::Update | News::Merged => None,
    }
}

/// Cuts a text to so many characters.
pub(super) fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most { text.to_owned() } else { text.chars().take(most - 1).chain(['…']).collect() }
}
