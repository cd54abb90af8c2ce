//! The outbox: what is to be written to trackers, kept until it is, whatever happens to the console in between.
//!
//! An item is one write to one tracker. Like incidents and runs it is the fold of its events, so that two consoles see the same.
//! Its token follows from what it is about: whoever queues the same write queues the same item, and the tracker can be searched for
//! it. Only the holder of the lease delivers, and says so on disk before it does: what it never told the end of may have been
//! accepted, and is searched for before it is sent again.
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde::{Deserialize, Serialize};

use super::{
    alerts::Severity,
    id::{Operator, Uid},
    inventory::Params,
    time::Timestamp,
};

mod deliver;
mod fold;
mod notice;
mod parts;
mod policy;
mod register;
mod tell;
#[cfg(test)]
pub(super) mod tests;

pub(super) use deliver::tick;
pub use deliver::{Around, Msg, Out, update};
pub use fold::{Entry, Foreign, Standing, Sync};
pub use notice::{Audience, Hears, News, Notice, NotifierSpec, Repeats};
pub use policy::{Step, backoff_ms};
pub use register::{for_event, for_rows, token_of};
pub use tell::{Known, is_told, listens, notices, outlived, unmuted};

/// Where tickets are kept.
#[derive(Clone, Debug, PartialEq)]
pub struct TrackerSpec {
    /// Its name in the configuration.
    pub name: Arc<str>,
    /// The kind's name: `markdown`, `github`, `jira`, `monday`.
    pub kind: Arc<str>,
    /// Which later events of an incident are written there.
    pub send: BTreeSet<Send>,
    /// Incidents of which severities get a ticket; empty: all.
    pub severities: BTreeSet<Severity>,
    /// Where a ticket leads back to, `{incident}` being its number.
    pub link: Option<String>,
    /// Milliseconds after which a search there finds what was written.
    pub window_ms: i64,
    /// The kind's own settings.
    pub params: Params,
}

/// A kind of event that is written to a ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Send {
    /// It is called something else.
    Title,
    /// How bad it is changes.
    Severity,
    /// Users are helped, it is over, or it is back.
    Resolved,
    /// People were told.
    Update,
    /// A note.
    Note,
    /// A run began.
    Action,
    /// A run ended.
    Result,
    /// Somebody took it.
    Acknowledged,
    /// Its document was sent.
    Document,
}

impl Send {
    /// All of them, by their words in the configuration.
    pub const ALL: [(&'static str, Self); 9] = [
        ("title", Self::Title),
        ("severity", Self::Severity),
        ("resolved", Self::Resolved),
        ("update", Self::Update),
        ("note", Self::Note),
        ("action", Self::Action),
        ("result", Self::Result),
        ("acknowledged", Self::Acknowledged),
        ("document", Self::Document),
    ];

    /// What is written where the configuration says nothing.
    pub const DEFAULT: [Self; 7] =
        [Self::Title, Self::Severity, Self::Resolved, Self::Update, Self::Note, Self::Result, Self::Document];
}

/// One write to one tracker.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Item {
    /// The incident that it is about.
    pub incident: Uid,
    /// The tracker's name.
    pub tracker: Arc<str>,
    /// What is written.
    pub write: Write,
}

/// What is written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "write", rename_all = "snake_case")]
pub enum Write {
    /// A ticket is made.
    Create(Ticket),
    /// Fields of the ticket are set.
    Update(Change),
    /// Something is said on the ticket.
    Comment {
        /// The text.
        text: String,
        /// Whether it is Markdown, as documents are; else it is text.
        #[serde(default)]
        markdown: bool,
    },
    /// Another ticket of the same incident is told that it is one too many.
    Link {
        /// Which.
        duplicate: Remote,
    },
    /// People are told.
    Notice(Box<Notice>),
}

impl Write {
    /// Says what it is in one word.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Create(_) => "create",
            Self::Update(_) => "update",
            Self::Comment { .. } => "comment",
            Self::Link { .. } => "link",
            Self::Notice(_) => "notice",
        }
    }

    /// Returns the notice that it is, if it is one.
    pub fn notice(&self) -> Option<&Notice> {
        match self {
            Self::Notice(notice) => Some(notice),
            Self::Create(_) | Self::Update(_) | Self::Comment { .. } | Self::Link { .. } => None,
        }
    }

    /// Says whether doing it twice is the same as doing it once.
    pub const fn may_repeat(&self) -> bool {
        matches!(self, Self::Update(_))
    }

    /// Says it in one line.
    pub fn summary(&self) -> String {
        match self {
            Self::Create(ticket) => format!("{:?} {}", ticket.severity, ticket.title),
            Self::Update(change) => change.summary(),
            Self::Comment { text, .. } => text.lines().next().unwrap_or_default().to_owned(),
            Self::Link { duplicate } => format!("{} is a duplicate", duplicate.id),
            Self::Notice(notice) => notice.summary(),
        }
    }
}

/// A ticket that is to be made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ticket {
    /// One line.
    pub title: String,
    /// How bad.
    pub severity: Severity,
    /// The service: `play@prod`.
    pub service: Option<String>,
    /// When the incident was opened.
    pub opened: Timestamp,
    /// Who opened it.
    pub by: Operator,
    /// More.
    pub text: String,
}

/// Fields of ours that are set; none: as they are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// What it is called.
    #[serde(default)]
    pub title: Option<String>,
    /// How bad.
    pub severity: Option<Severity>,
    /// Whether it is over.
    pub status: Option<Status>,
}

impl Change {
    /// Leaves out what a later change sets too: it must not come after that.
    pub fn without(&mut self, later: &Self) {
        if later.title.is_some() {
            self.title = None;
        }
        if later.severity.is_some() {
            self.severity = None;
        }
        if later.status.is_some() {
            self.status = None;
        }
    }

    fn summary(&self) -> String {
        let severity = self.severity.map(|severity| format!("severity {severity:?}"));
        let status = self.status.map(|status| format!("status {}", status.word()));
        let title = self.title.as_ref().map(|title| format!("title {title}"));
        severity.into_iter().chain(status).chain(title).collect::<Vec<_>>().join(", ")
    }
}

/// Whether an incident is over, as a ticket says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It goes on.
    Open,
    /// It is over.
    Resolved,
}

impl Status {
    /// Says it in one word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Resolved => "resolved",
        }
    }
}

/// Something that a tracker keeps: a ticket, a comment.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Remote {
    /// What the tracker calls it: `OPS-123`, `17`.
    pub id: String,
    /// Where a person finds it.
    pub url: Option<String>,
}

/// Fields of ours, as the tracker says them.
pub type Fields = BTreeMap<String, String>;

/// One event of an item.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OutboxEvent {
    /// The item.
    pub token: Uid,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub by: Operator,
    /// What.
    pub kind: OutboxEventKind,
}

/// What happened to an item.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum OutboxEventKind {
    /// It is to be written.
    Queued {
        /// What.
        item: Item,
    },
    /// It is being sent: on disk before it is.
    Began {
        /// Which try, from 1.
        attempt: u32,
    },
    /// A try did not succeed.
    Tried {
        /// How it ended.
        how: Miss,
        /// Why, and what to do.
        reason: String,
        /// When it goes on by itself.
        next: Option<Timestamp>,
    },
    /// It was searched for, and not found.
    Searched {
        /// What follows.
        verdict: Verdict,
        /// Whether the search would have found it.
        counted: bool,
        /// Why it would not.
        reason: String,
        /// When it goes on.
        next: Option<Timestamp>,
    },
    /// The tracker has it.
    Accepted {
        /// What the tracker calls it.
        remote: Remote,
        /// Fields of ours as they were written.
        wrote: Fields,
        /// Whether it was found by its token, a try that nobody knew the end of.
        found: bool,
    },
    /// A person changed what is written, which is tried again.
    Edited {
        /// The title of a ticket.
        title: Option<String>,
        /// The text of a ticket or of a comment.
        text: Option<String>,
    },
    /// A person has it tried again.
    RetryAsked,
    /// It is not written any more.
    Dropped {
        /// Why.
        reason: String,
    },
    /// Nobody knows whether it was heard, and it is not told again.
    LeftUnsure {
        /// Why.
        reason: String,
    },
    /// The tracker has it once more.
    Duplicate {
        /// What the tracker calls it.
        remote: Remote,
    },
    /// Its ticket was looked at.
    Looked {
        /// Why it could not be; none: it can be again.
        missed: Option<Unseen>,
    },
    /// Another has changed a field of ours.
    ForeignChange {
        /// Which.
        field: String,
        /// What we wrote.
        ours: String,
        /// What is there.
        theirs: String,
    },
}

impl OutboxEventKind {
    /// Says whether only who delivers may say so: the holder of the lease.
    pub const fn is_delivery(&self) -> bool {
        match self {
            Self::Began { .. }
            | Self::Tried { .. }
            | Self::Searched { .. }
            | Self::Accepted { .. }
            | Self::LeftUnsure { .. }
            | Self::Duplicate { .. }
            | Self::Looked { .. }
            | Self::ForeignChange { .. } => true,
            Self::Queued { .. } | Self::Edited { .. } | Self::RetryAsked | Self::Dropped { .. } => false,
        }
    }

    /// Says whether nothing is left to do after it, or something is again; none where it changes neither.
    pub const fn is_done(&self) -> Option<bool> {
        match self {
            Self::Accepted { .. } | Self::Dropped { .. } | Self::LeftUnsure { .. } => Some(true),
            Self::Queued { .. } | Self::Edited { .. } | Self::RetryAsked => Some(false),
            Self::Began { .. }
            | Self::Tried { .. }
            | Self::Searched { .. }
            | Self::Duplicate { .. }
            | Self::Looked { .. }
            | Self::ForeignChange { .. } => None,
        }
    }
}

/// Why a ticket could not be looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unseen {
    /// How.
    pub how: Miss,
    /// Why, and what to do.
    pub reason: String,
    /// Until when the tracker takes nothing at all.
    pub until: Option<Timestamp>,
}

/// How a try ended that did not succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Miss {
    /// Nobody knows: it was sent, and no answer says whether it was accepted.
    Ambiguous,
    /// The tracker says no.
    Refused,
    /// It was surely not sent.
    Unreachable,
    /// The tracker takes no more for a while.
    Throttled,
    /// Another has changed what was to be written: a person says which holds.
    Foreign,
}

/// What follows of a search that found nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It is searched for again.
    Again,
    /// It is sent again.
    Retry,
    /// A person is asked.
    Ask,
}

/// What is to be done at a tracker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// Write it.
    Write,
    /// Search for it by its token.
    Search,
    /// Look how its ticket stands, and whether there is another.
    Look,
}

/// Something to be done at a tracker, with all that it takes.
#[derive(Clone, Debug, PartialEq)]
pub struct Order {
    /// The item.
    pub token: Uid,
    /// What to do.
    pub deed: Deed,
    /// Which try it is, from 1.
    pub attempt: u32,
    /// The tracker.
    pub tracker: Arc<TrackerSpec>,
    /// The item.
    pub item: Item,
    /// The incident's number.
    pub number: Option<super::id::IncidentId>,
    /// The token of the incident's ticket, which stands in it.
    pub ticket_token: Uid,
    /// The ticket, where there is one.
    pub ticket: Option<Remote>,
    /// Fields of ours as they were written last.
    pub wrote: Fields,
    /// Whether a person has said that ours holds over what another changed.
    pub force: bool,
}

/// How an order ended.
#[derive(Clone, Debug, PartialEq)]
pub enum End {
    /// The tracker has it.
    Accepted {
        /// What it calls it.
        remote: Remote,
        /// Fields of ours as they were written.
        wrote: Fields,
    },
    /// What a search found, the oldest first.
    Found(Vec<Remote>),
    /// How the ticket stands, and every ticket with its token, the oldest first.
    Looked {
        /// Fields of ours as they are there.
        fields: Fields,
        /// All that has the token.
        found: Vec<Remote>,
    },
    /// Another has changed what was to be written: field, ours, theirs.
    Foreign(Vec<(String, String, String)>),
    /// It did not succeed.
    Missed {
        /// How.
        how: Miss,
        /// Why, and what to do.
        reason: String,
        /// Milliseconds that the tracker asked to wait.
        wait_ms: Option<i64>,
    },
}

/// Every item this console knows of.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct State {
    /// By token.
    pub items: BTreeMap<Uid, Entry>,
    /// What this console has under way, until when it waits for its end.
    flying: BTreeMap<Uid, Timestamp>,
    /// When tickets are looked at next, and how often they were.
    looks: BTreeMap<Uid, (u32, Timestamp)>,
    /// When a tracker was last asked for something.
    paced: BTreeMap<Arc<str>, Timestamp>,
    /// Position of the next item.
    next: u64,
    /// The request of an item as it would be sent.
    pub preview: Option<(Uid, String)>,
}

impl State {
    /// Iterates over the items in the order in which they were queued.
    pub fn in_order(&self) -> impl Iterator<Item = &Entry> {
        let mut all: Vec<&Entry> = self.items.values().collect();
        all.sort_by_key(|entry| entry.position);
        all.into_iter()
    }

    /// Returns the items, those that need a person first, then those that wait, then the newest that are done.
    pub fn by_need(&self) -> Vec<&Entry> {
        let mut all: Vec<&Entry> = self.items.values().collect();
        all.sort_by_key(|entry| match entry.sync() {
            Sync::Failed => (0, entry.position),
            Sync::Waiting => (1, entry.position),
            Sync::Synced | Sync::Unsure | Sync::Dropped => (2, u64::MAX - entry.position),
        });
        all
    }

    /// Says whether an item waits for its ticket, whatever its own time is.
    pub fn waits_for_ticket(&self, entry: &Entry) -> bool {
        !matches!(entry.item.write, Write::Create(_) | Write::Notice(_))
            && matches!(entry.standing, Standing::Waiting { .. })
            && self.ticket(entry.item.incident, &entry.item.tracker).is_none_or(|ticket| ticket.sync() != Sync::Synced)
    }

    /// Returns how an incident's tickets stand: the worst of its items; none where it has none.
    pub fn of_incident(&self, incident: Uid) -> Option<Sync> {
        let of = |entry: &&Entry| entry.item.incident == incident && entry.item.write.notice().is_none();
        self.items.values().filter(of).map(Entry::sync).max()
    }

    /// Iterates over the tickets of an incident that trackers have: tracker and ticket.
    pub fn tickets(&self, incident: Uid) -> impl Iterator<Item = (&Arc<str>, &Remote)> {
        let of = self.items.values().filter(move |entry| entry.item.incident == incident);
        of.filter(|entry| matches!(entry.item.write, Write::Create(_)))
            .filter_map(|entry| Some((&entry.item.tracker, entry.remote.as_ref()?)))
    }

    /// Counts items that are not written yet, and those among them that need a person.
    pub fn waiting(&self) -> (usize, usize) {
        let count = |sync: Sync| self.items.values().filter(|entry| entry.sync() == sync).count();
        let failed = count(Sync::Failed);
        (count(Sync::Waiting) + failed, failed)
    }

    /// Returns the ticket that an incident has in a tracker, or is to have.
    pub fn ticket(&self, incident: Uid, tracker: &str) -> Option<&Entry> {
        self.items.get(&token_of(incident, tracker, None))
    }
}
