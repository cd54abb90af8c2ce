//! Which notices follow from what happens to alerts and incidents.
use std::sync::Arc;

use super::{
    Audience, Item, News, Notice, NotifierSpec, OutboxEvent, OutboxEventKind, State, Write, fold::Entry,
    register::token_of,
};
use crate::core::{
    alerts::{self, AlertEvent, AlertEventKind, Severity, Target},
    id::Uid,
    incidents::{self, Incident, IncidentEvent, IncidentEventKind, Link},
    inventory::Inventory,
    record::Row,
    services,
    time::Timestamp,
    windows,
};

/// What is known around a notice.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// The notifiers, and who is called for which severity.
    pub inventory: &'a Inventory,
    /// Alerts.
    pub alerts: &'a alerts::State,
    /// Incidents.
    pub incidents: &'a incidents::State,
    /// Where planned work goes on: alerts of those services are not told.
    pub services: &'a services::State,
    /// What people declared of it: alerts of those hosts are not told either.
    pub windows: &'a windows::State,
    /// What was told.
    pub outbox: &'a State,
}

impl Known<'_> {
    /// Says whether planned work goes on where an alert is about: it is seen, and nobody is told.
    pub fn is_muted(&self, target: &Target, at: Timestamp) -> bool {
        self.muted_until(target, at).is_some()
    }

    /// Returns until when planned work goes on where an alert is about.
    pub fn muted_until(&self, target: &Target, at: Timestamp) -> Option<Timestamp> {
        let service = self.alerts.service_of(target);
        let service = service.and_then(|service| self.services.maintenance_until(&service, at));
        service.max(self.windows.covers_host(target, self.inventory, at))
    }
}

/// Something to be told of, before it is known to whom.
struct Event {
    incident: Uid,
    notice: Notice,
    /// What everybody may read, where that is another text.
    public: Option<String>,
    /// Whether it goes on with what nobody was told: only who was, hears of it.
    unheard: bool,
}

/// Returns the notices that belong into the same commit as these rows.
pub fn notices(rows: &[Row], known: Known<'_>) -> Vec<Row> {
    let mut made: Vec<OutboxEvent> = Vec::new();
    for row in rows {
        let event = match row {
            Row::Alert(event) => of_alert(event, known),
            Row::Incident(event) => of_incident(event, known),
            Row::Result(_)
            | Row::Bucket(_)
            | Row::HostMinute(_)
            | Row::Run(_)
            | Row::Audit(_)
            | Row::StatusUpdate(_)
            | Row::Pattern(_)
            | Row::Window(_)
            | Row::ConfigFile(_)
            | Row::Finding(_)
            | Row::Outbox(_) => None,
        };
        let Some(event) = event else { continue };
        let heard = known.inventory.notifiers.iter().filter(|notifier| !notifier.local);
        let more: Vec<_> = heard.filter_map(|notifier| queue(notifier, &event, known, &made)).collect();
        made.extend(more);
    }
    made.into_iter().map(Row::Outbox).collect()
}

/// Says whether the policy of a severity names a notifier.
pub fn is_told(inventory: &Inventory, notifier: &NotifierSpec, severity: Severity) -> bool {
    inventory.policy.of(severity).notify.iter().any(|name| **name == *notifier.place.name)
}

/// Says whether a notifier hears how an incident goes on: the policy names it, or it heard of it before.
pub fn listens(
    inventory: &Inventory,
    notifier: &NotifierSpec,
    severity: Severity,
    (of, incidents, outbox): (Uid, &incidents::State, &State),
) -> bool {
    is_told(inventory, notifier, severity) || heard_of(of, &notifier.place.name, incidents, (outbox, &[]))
}

/// Says whether a notifier heard of an incident, or of one that went into it.
fn heard_of(of: Uid, name: &str, incidents: &incidents::State, (outbox, made): (&State, &[OutboxEvent])) -> bool {
    incidents.family(of).into_iter().any(|of| told(of, name, outbox, made).next().is_some())
}

/// Iterates over alerts that began while planned work went on, still fire after it, and are held back by nobody.
///
/// The alert itself says so, since the window may be gone with its configuration; one that another console declared just before
/// is asked for as well.
pub fn outlived(known: Known<'_>, now: Timestamp) -> impl Iterator<Item = &alerts::Alert> {
    known.alerts.firing().filter(move |alert| {
        (alert.muted || known.is_muted(&alert.target, alert.fired_at))
            && !known.is_muted(&alert.target, now)
            && alert.owner(now).is_none()
    })
}

/// Returns the notices of alerts that outlived planned work, each once.
pub fn unmuted(known: Known<'_>, now: Timestamp) -> Vec<Row> {
    let mut late: Vec<Row> = Vec::new();
    for alert in outlived(known, now) {
        let of = incidents::uid_for_alert(alert.uid);
        let is_notice = |entry: &Entry| matches!(entry.item.write, Write::Notice(_));
        if known.outbox.items.values().any(|entry| entry.item.incident == of && is_notice(entry)) {
            continue;
        }
        let Some(first) = alert.events.first() else { continue };
        let event = AlertEvent { at: now, ..first.clone() };
        late.extend(notices(&[Row::Alert(event)], known));
    }
    late
}

fn queue(notifier: &NotifierSpec, event: &Event, known: Known<'_>, made: &[OutboxEvent]) -> Option<OutboxEvent> {
    let mut notice = event.notice.clone();
    if !notifier.hears.contains(&notice.news.heard_as()) {
        return None;
    }
    if notifier.audience == Audience::Public {
        // What machines say may name hosts; only what a person wrote for everybody goes to everybody.
        if notice.news != News::Update {
            return None;
        }
        notice.text.clone_from(event.public.as_ref()?);
        notice.title = notice.service.clone().unwrap_or_default();
    }
    let name = &notifier.place.name;
    let told = || told(event.incident, name, known.outbox, made);
    let heard = || heard_of(event.incident, name, known.incidents, (known.outbox, made));
    let goes_on = !notice.news.begins() && heard();
    if event.unheard && !goes_on {
        return None;
    }
    if !is_told(known.inventory, notifier, notice.severity) && !goes_on {
        return None;
    }
    let same = |other: &Notice| {
        (other.news, other.severity, &other.title, &other.text)
            == (notice.news, notice.severity, &notice.title, &notice.text)
    };
    // What it was told last is not told again. What was told before that, and came back, is told anew, under a number of its own.
    if told().last().is_some_and(same) {
        return None;
    }
    let again = told().filter(|other| same(other)).count();
    let Notice { news, severity, title, text, .. } = &notice;
    let print = format!("notice {again} {} {severity:?} {title}\n{text}", news.word());
    let token = token_of(event.incident, name, Some(&print));
    let item = Item { incident: event.incident, tracker: Arc::clone(name), write: Write::Notice(Box::new(notice)) };
    let (at, by) = (event.notice.at, event.notice.by.clone());
    Some(OutboxEvent { token, at, by, kind: OutboxEventKind::Queued { item } })
}

/// Iterates over what a notifier was told of an incident, or is to be, in that order.
fn told<'a>(
    incident: Uid,
    name: &'a str,
    outbox: &'a State,
    made: &'a [OutboxEvent],
) -> impl Iterator<Item = &'a Notice> {
    let mut before: Vec<&Entry> = outbox.items.values().filter(|entry| entry.item.incident == incident).collect();
    before.sort_by_key(|entry| entry.position);
    let queued = made
        .iter()
        .filter_map(|event| if let OutboxEventKind::Queued { item } = &event.kind { Some(item) } else { None });
    let items = before.into_iter().map(|entry| &entry.item).chain(queued.filter(move |item| item.incident == incident));
    items.filter(move |item| &*item.tracker == name).filter_map(|item| match &item.write {
        Write::Notice(notice) => Some(&**notice),
        Write::Create(_) | Write::Update(_) | Write::Comment { .. } | Write::Link { .. } => None,
    })
}

fn calls(news: News, severity: Severity) -> bool {
    news.begins() && severity <= Severity::P2
}

fn mails(inventory: &Inventory, severity: Severity, only: Option<&str>) -> Vec<String> {
    let members = inventory.policy.team(severity).map(|team| team.members.as_slice()).unwrap_or_default();
    let mut of: Vec<_> = members.iter().filter(|member| only.is_none_or(|only| member.name == only)).collect();
    if of.is_empty() {
        of = members.iter().collect();
    }
    of.into_iter().filter_map(|member| member.mail.clone()).collect()
}

/// Alerts are told by themselves only while no incident is about them: its own events tell the rest.
fn of_alert(event: &AlertEvent, known: Known<'_>) -> Option<Event> {
    // A second alert about the same trouble does not stand by itself.
    let alert = known.alerts.alert(event.alert)?;
    let incident = incidents::uid_for_alert(event.alert);
    let service = known.alerts.service_of(&alert.target);
    let covered = known.incidents.incidents.contains_key(&incident)
        || service.as_ref().is_some_and(|service| known.incidents.open_for(service).is_some());
    let muted = matches!(event.kind, AlertEventKind::Fired { .. }) && known.is_muted(&alert.target, event.at);
    if covered || muted {
        return None;
    }
    let (news, text) = match &event.kind {
        AlertEventKind::Fired { .. } => (News::Fired, String::new()),
        AlertEventKind::Resolved { .. } => (News::Over, String::new()),
        AlertEventKind::Acknowledged { .. } => (News::Acknowledged, format!("{} has it", event.by)),
        AlertEventKind::Flapping { .. } => return None,
    };
    let severity = alert.severity;
    let notice = Notice {
        news,
        severity,
        service: service.map(|service| service.to_string()),
        title: format!("{} {}", alert.target, alert.summary),
        text,
        at: event.at,
        by: event.by.clone(),
        calls: calls(news, severity),
        mails: mails(known.inventory, severity, None),
    };
    Some(Event { incident, notice, public: None, unheard: alert.muted && !news.begins() })
}

fn of_incident(event: &IncidentEvent, known: Known<'_>) -> Option<Event> {
    let incident = known.incidents.incidents.get(&event.incident);
    // What fires while planned work goes on is written down, and told to nobody.
    if let IncidentEventKind::Alert { alert, firing: true, .. } = &event.kind
        && known.alerts.alert(*alert).is_some_and(|alert| known.is_muted(&alert.target, event.at))
    {
        return None;
    }
    let was = incident.map_or(Severity::P4, |incident| incident.severity);
    let merged = if let IncidentEventKind::Linked { other, how: Link::MergedInto } = &event.kind {
        Some((News::Merged, known.incidents.merged_words(*other)))
    } else {
        None
    };
    let (news, text) = merged.or_else(|| news_of(event, was))?;
    let severity = if let IncidentEventKind::Opened { severity, .. }
    | IncidentEventKind::SeverityChanged { to: severity, .. } = &event.kind
    {
        *severity
    } else {
        was
    };
    let (title, service) = named(event, incident)?;
    // Another alert of what is known calls nobody anew; what gets worse does.
    let worse = news == News::Severity && severity < was && severity <= Severity::P2;
    let calls = worse || (news != News::Fired && calls(news, severity));
    let only = if let IncidentEventKind::Escalated { to, .. } = &event.kind { Some(to.as_str()) } else { None };
    let public = if let IncidentEventKind::Told { state, text, .. } = &event.kind {
        Some(format!("{}: {text}", state.word()))
    } else {
        None
    };
    let notice = Notice {
        news,
        severity,
        service,
        title,
        text,
        at: event.at,
        by: event.by.clone(),
        calls,
        mails: mails(known.inventory, severity, only),
    };
    // That it went into another is news only to who knows of it.
    Some(Event { incident: event.incident, notice, public, unheard: news == News::Merged })
}

/// Says what of an incident is told, and in which words.
fn news_of(event: &IncidentEvent, was: Severity) -> Option<(News, String)> {
    use IncidentEventKind::{
        Acknowledged, Alert, Escalated, Mitigated, Opened, Reopened, Resolved, SeverityChanged, Told,
    };
    let kind = &event.kind;
    if let Opened { .. } = kind {
        Some((News::Opened, format!("opened by {}", event.by)))
    } else if let Acknowledged = kind {
        Some((News::Acknowledged, format!("{} has it", event.by)))
    } else if let SeverityChanged { to, reason } = kind {
        if *to == was {
            return None;
        }
        let why = if reason.is_empty() { String::new() } else { format!(": {reason}") };
        Some((News::Severity, format!("was {was:?}{why}")))
    } else if let Escalated { to, reason } = kind {
        Some((News::Escalated, format!("{to} is called: {reason}")))
    } else if let Told { state, text, internal, .. } = kind {
        let internal = if internal.is_empty() { text } else { internal };
        Some((News::Update, format!("{}: {internal}", state.word())))
    } else if let Alert { summary, firing: true, .. } = kind {
        Some((News::Fired, summary.clone()))
    } else if let Mitigated { summary } = kind {
        Some((News::Mitigated, summary.clone()))
    } else if let Resolved { summary } = kind {
        Some((News::Resolved, summary.clone()))
    } else if let Reopened { summary } = kind {
        Some((News::Reopened, summary.clone()))
    } else {
        None
    }
}

/// Returns what an incident is called, and its service.
fn named(event: &IncidentEvent, incident: Option<&Incident>) -> Option<(String, Option<String>)> {
    if let IncidentEventKind::Opened { title, service, .. } = &event.kind {
        return Some((title.clone(), service.as_ref().map(ToString::to_string)));
    }
    let incident = incident?;
    Some((incident.title.clone(), incident.service.as_ref().map(ToString::to_string)))
}

#[cfg(test)]
#[path = "tell_tests.rs"]
mod tests;
