//! The document of that night's incident: to be read, and a section being written.
use std::sync::Arc;

use quarterdeck::{
    core::{
        Msg,
        action::{Action, Motion},
        audit::Entry,
        documents::{self, DraftName, Paper},
        handover::Promise,
        incidents::{Section, document::DocumentAction},
        record::Recorder,
        replay::{ReplayAction, Standing},
        screen::{
            Draft, Pane, View,
            handover::{Entry as Row, entries},
        },
        time::{HOUR, MINUTE},
    },
    render,
};

use crate::{audits, night::Night, outboxes};

/// Writes a document out as the program would.
pub(crate) fn written(of: Paper) -> Msg {
    let text = render::incident(&of.document, ("incident.md", render::INCIDENT)).map_err(|error| error.to_string());
    Msg::Documents(documents::Msg::Written { incident: of.incident, wanted: of.wanted, text })
}

/// The document after a restart that helped nobody yet; its root cause is written.
pub(crate) fn night() -> Night {
    let mut night = Night::new().diagnosed().ended();
    Arc::make_mut(&mut night.state.inventory).trackers = outboxes::waiting().state.inventory.trackers.clone();
    night.act(&[Action::GoIncidents, Action::OpenSelected, Action::Document(DocumentAction::Show)]);
    let View::Document(incident) = night.state.screen.view else { panic!("{:?}", night.state.screen.view) };
    let of = DraftName { incident, section: Section::RootCause };
    let text =
        "2.31.0 opens a file for each stream and closes none.\n\nThe limit of 1,024 is reached after 40 minutes.";
    night.tell(Msg::Documents(documents::Msg::Edited { of, text: Ok(text.to_owned()) }));
    night.pass(1);
    night.act(&[Action::FocusPane(1), Action::Move(Motion::Bottom), Action::Move(Motion::Up)]);
    assert!(night.state.screen.rows(Pane::Paper).len() > 100, "the whole is there to be read");
    night.state.screen.message = None;
    night
}

/// The hand-over of that night: a promise, and nobody has signed.
pub(crate) fn handover() -> Night {
    let mut night = audits::log(None);
    night.act(&[Action::GoHandover]);
    let promise = |who: &str, due, what: &str| Promise::entry(&night.state.actor, night.now, (who, due, what));
    let made = [
        promise("ben", night.now.utc + 6 * HOUR, "call the bank back"),
        promise("op1", night.now.utc + 10 * MINUTE, "next word to support"),
    ];
    let mut read = night.state.audit.read.clone().and_then(Result::ok).unwrap_or_default();
    let last = read.entries.first().map_or(0, |entry| entry.seq);
    for (of, seq) in made.into_iter().zip(last + 1..) {
        read.entries.insert(0, Entry { seq, hash: "0".repeat(64), of });
    }
    night.tell(Msg::AuditRead(Box::new(Ok(read))));
    let at = entries(&night.state.handover(night.now.utc))
        .iter()
        .position(|entry| matches!(entry, Row::Line(line) if line.promise.is_some()));
    for _ in 0..at.unwrap() {
        night.act(&[Action::Move(Motion::Down)]);
    }
    night.state.screen.message = None;
    night
}

/// How a replay of that night's incident stands.
pub(crate) fn standing(night: &Night) -> Standing {
    let of = night.state.incidents.incidents.values().next().unwrap();
    let (from, until) = (of.zero() - 2 * MINUTE, night.now.utc + HOUR);
    Standing { incident: of.number, from, until, entry: 12, entries: 41, speed: 10, paused: false, ended: false }
}

/// That night's incident as it is played back.
pub(crate) fn replay() -> Night {
    let mut night = Night::new().diagnosed();
    night.state.screen.replay = Some(standing(&night));
    night.state.recorder = Recorder::Other { owner: "the past".into() };
    night
}

/// The same, while a moment is typed.
pub(crate) fn seeking() -> Night {
    let mut night = replay();
    night.act(&[Action::Replay(ReplayAction::Seek)]);
    night.types(Draft::Note, "+10m");
    night
}

/// The question whether it is taken over.
pub(crate) fn signing() -> Night {
    let mut night = handover();
    night.act(&[Action::SignHandover]);
    night
}

/// Its lessons, while they are written.
pub(crate) fn writing() -> Night {
    let mut night = night();
    night.act(&[Action::Document(DocumentAction::Edit)]);
    let text = "- The alert on restarts came 12 minutes after the first one.\n- Nobody looked at open files:\n  `lsof | wc -l` said it at once.";
    night.types(Draft::Section, text);
    night
}
