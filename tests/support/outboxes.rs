//! The outbox of that night: written, waiting, refused, and nothing.
use std::sync::Arc;

use quarterdeck::core::{
    Msg,
    action::{Action, Motion},
    alerts::Severity,
    id::Uid,
    outbox::{
        self, Change, Fields, Item, Miss, News, Notice, OutboxEvent, OutboxEventKind, Remote, Ticket, TrackerSpec,
        Write, token_of,
    },
    record::Changes,
    screen::Draft,
    time::{MINUTE, SECOND, Timestamp},
};

use crate::night::{AT, Night};

/// The outbox while a tracker takes no more and another one refuses.
pub(crate) fn waiting() -> Night {
    let mut night = Night::new();
    let tracker = |name: &str, kind: &str| {
        Arc::new(TrackerSpec {
            name: name.into(),
            kind: kind.into(),
            send: outbox::Send::DEFAULT.into(),
            severities: std::collections::BTreeSet::new(),
            link: None,
            window_ms: 15_000,
            params: serde_json::Map::new(),
        })
    };
    Arc::make_mut(&mut night.state.inventory).trackers =
        vec![tracker("ops-jira", "jira"), tracker("monday", "monday"), tracker("notes", "markdown")];
    let incident = night.state.incidents.worst_first().first().map(|incident| (incident.uid, incident.title.clone()));
    let (incident, title) = incident.unwrap_or_default();
    let mut events = Vec::new();
    let mut say = |token, at: i64, kind| {
        events.push(OutboxEvent { token, at: AT + at, by: "op1".into(), kind });
    };
    let ticket = |title: &str| {
        Write::Create(Ticket {
            title: title.to_owned(),
            severity: Severity::P1,
            service: Some("Play@prod".into()),
            opened: AT - 3 * MINUTE,
            by: "op1".into(),
            text: String::new(),
        })
    };
    let queued = |tracker: &str, write: Write| OutboxEventKind::Queued {
        item: Item { incident, tracker: tracker.into(), write },
    };
    let accepted = |id: &str, url: &str| OutboxEventKind::Accepted {
        remote: Remote { id: id.into(), url: Some(url.into()) },
        wrote: Fields::new(),
        found: false,
    };
    let of = |tracker: &str, part: Option<&str>| token_of(incident, tracker, part);
    let (jira, monday, notes) = (of("ops-jira", None), of("monday", None), of("notes", None));
    for (token, name) in [(jira, "ops-jira"), (monday, "monday"), (notes, "notes")] {
        say(token, -3 * MINUTE, queued(name, ticket(&title)));
        say(token, -3 * MINUTE + SECOND, OutboxEventKind::Began { attempt: 1 });
    }
    say(jira, -3 * MINUTE + 2 * SECOND, accepted("OPS-123", "https://acme.atlassian.net/browse/OPS-123"));
    say(notes, -3 * MINUTE + 2 * SECOND, accepted("2030-01-01-qd-1.md", "/srv/incidents/2030-01-01-qd-1.md"));
    let reason = "column sev has no label P1: map it, then retry; it has Critical, High".to_owned();
    say(monday, -3 * MINUTE + 2 * SECOND, OutboxEventKind::Tried { how: Miss::Refused, reason, next: None });
    for name in ["ops-jira", "monday", "notes"] {
        let token = of(name, Some("severity"));
        say(
            token,
            -2 * MINUTE,
            queued(name, Write::Update(Change { severity: Some(Severity::P2), ..Change::default() })),
        );
        let token = of(name, Some("note"));
        say(
            token,
            -MINUTE,
            queued(
                name,
                Write::Comment { text: "note the queue of card payments grows (op1)".into(), markdown: false },
            ),
        );
    }
    let told = of("ops-jira", Some("severity"));
    say(told, -2 * MINUTE, OutboxEventKind::Began { attempt: 1 });
    let reason = "it takes no more for a while".to_owned();
    let next = Some(Timestamp(night.now.utc.0 + 38 * SECOND));
    say(told, -2 * MINUTE, OutboxEventKind::Tried { how: Miss::Throttled, reason, next });
    let foreign =
        OutboxEventKind::ForeignChange { field: "status".into(), ours: "open".into(), theirs: "resolved".into() };
    say(notes, -SECOND, foreign);
    for part in ["severity", "note"] {
        say(of("notes", Some(part)), -SECOND, accepted("2030-01-01-qd-1.md", "/srv/incidents/2030-01-01-qd-1.md"));
    }
    told_people(&mut say, incident, &title);
    night.tell(Msg::Changed(Box::new(Changes { outbox: events, ..Changes::default() })));
    night.act(&[Action::GoOutbox]);
    let text =
        "{\n  \"board\": \"5000606717\",\n  \"name\": \"Play@prod is down\",\n  \"columns\": { \"sev\": \"P1\" }\n}"
            .to_owned();
    night.act(&[Action::Move(Motion::Top), Action::OpenSelected]);
    night.tell(Msg::Outbox(outbox::Msg::Previewed { token: monday, text }));
    night.pass(0);
    night
}

/// A page that was taken, and a word in a channel whose answer was lost.
fn told_people(say: &mut impl FnMut(Uid, i64, OutboxEventKind), incident: Uid, title: &str) {
    for (name, news, text) in
        [("pager", News::Opened, "opened by op1"), ("ops-slack", News::Acknowledged, "op1 has it")]
    {
        let notice = Notice {
            news,
            severity: Severity::P1,
            service: Some("Play@prod".into()),
            title: title.to_owned(),
            text: text.into(),
            at: AT - 3 * MINUTE,
            by: "op1".into(),
            calls: news == News::Opened,
            mails: Vec::new(),
        };
        let token = token_of(incident, name, Some("notice"));
        let item = Item { incident, tracker: name.into(), write: Write::Notice(Box::new(notice)) };
        say(token, -3 * MINUTE, OutboxEventKind::Queued { item });
        say(token, -3 * MINUTE + SECOND, OutboxEventKind::Began { attempt: 1 });
        let ended = if news == News::Opened {
            let remote = Remote { id: incident.to_string(), url: None };
            OutboxEventKind::Accepted { remote, wrote: Fields::new(), found: false }
        } else {
            OutboxEventKind::LeftUnsure {
                reason: "it may have been sent: no answer within 30s, waiting for the answer".into(),
            }
        };
        say(token, -3 * MINUTE + 2 * SECOND, ended);
    }
}

/// Why an item is not written.
pub(crate) fn dropping() -> Night {
    let mut night = waiting();
    night.act(&[Action::DropItem]);
    night
}

/// The text of a ticket that was refused is edited.
pub(crate) fn editing() -> Night {
    let mut night = waiting();
    night.act(&[Action::EditItem]);
    let text = night.state.screen.draft(Draft::Item).to_owned();
    night.types(Draft::Item, &format!("{text}\nshorter, without the table"));
    night
}

/// Nothing is to be written.
pub(crate) fn empty() -> Night {
    let mut night = Night::calm();
    night.act(&[Action::GoOutbox]);
    night
}
