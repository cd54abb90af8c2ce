//! Notices: what people are told of an alert or an incident, by channels that cannot be searched.
//!
//! A notice is an item of the outbox like a ticket's. Its token follows from its text, so that two consoles queue one, and a
//! restart none. What may have been heard is told again only where that is the same as once, or where it calls somebody: for a
//! page rather twice than never, for anything else once.
use std::{collections::BTreeSet, sync::Arc};

use serde::{Deserialize, Serialize};

use super::TrackerSpec;
use crate::core::{alerts::Severity, id::Operator, time::Timestamp};

/// A way to tell people. Which incidents it hears of, the policy of their severity says.
#[derive(Clone, Debug, PartialEq)]
pub struct NotifierSpec {
    /// Its name, kind and settings, as every place has them that the outbox writes to.
    pub place: Arc<TrackerSpec>,
    /// What it hears of.
    pub hears: BTreeSet<Hears>,
    /// Who hears it.
    pub audience: Audience,
    /// How often the same may be told to it.
    pub repeats: Repeats,
    /// Whether it is told within the console, and not by the outbox.
    pub local: bool,
}

/// How often the same is told where nobody knows whether it was heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeats {
    /// Once; what calls somebody, twice.
    Once,
    /// Five times at most: each says by a key that it is the same.
    Few,
    /// Until somebody says that it was heard: twice is the same as once.
    Always,
}

/// Who hears a notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// The team: names of hosts may be in it.
    Internal,
    /// Everybody: only updates that people wrote for everybody.
    Public,
}

/// What of an alert or an incident is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Hears {
    /// An alert fires, or is over, that no open incident is about.
    Alert,
    /// An incident is opened, or opened again.
    Opened,
    /// Somebody takes it.
    Acknowledged,
    /// How bad it is changes.
    Severity,
    /// The next person is called.
    Escalated,
    /// People are told how it goes.
    Update,
    /// Users are helped.
    Mitigated,
    /// It is over, or went into another.
    Resolved,
}

impl Hears {
    /// All of them, by their words in the configuration.
    pub const ALL: [(&'static str, Self); 8] = [
        ("alert", Self::Alert),
        ("opened", Self::Opened),
        ("acknowledged", Self::Acknowledged),
        ("severity", Self::Severity),
        ("escalated", Self::Escalated),
        ("update", Self::Update),
        ("mitigated", Self::Mitigated),
        ("resolved", Self::Resolved),
    ];
}

/// What happened, as a notice says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum News {
    /// An alert fires.
    Fired,
    /// An alert is over.
    Over,
    /// An incident was opened.
    Opened,
    /// It was opened again.
    Reopened,
    /// Somebody took it.
    Acknowledged,
    /// How bad it is changed.
    Severity,
    /// The next person is called.
    Escalated,
    /// How it goes.
    Update,
    /// Users are helped.
    Mitigated,
    /// It is over.
    Resolved,
    /// It went into another, which goes on.
    Merged,
}

impl News {
    /// Says it in one word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Fired => "firing",
            Self::Over => "over",
            Self::Opened => "opened",
            Self::Reopened => "opened again",
            Self::Acknowledged => "acknowledged",
            Self::Severity => "severity",
            Self::Escalated => "escalated",
            Self::Update => "update",
            Self::Mitigated => "mitigated",
            Self::Resolved => "resolved",
            Self::Merged => "merged",
        }
    }

    /// Says which notifiers hear of it.
    pub const fn heard_as(self) -> Hears {
        match self {
            Self::Fired | Self::Over => Hears::Alert,
            Self::Opened | Self::Reopened => Hears::Opened,
            Self::Acknowledged => Hears::Acknowledged,
            Self::Severity => Hears::Severity,
            Self::Escalated => Hears::Escalated,
            Self::Update => Hears::Update,
            Self::Mitigated => Hears::Mitigated,
            Self::Resolved | Self::Merged => Hears::Resolved,
        }
    }

    /// Says whether it begins something: what follows is told only to who heard of that, or would have.
    pub const fn begins(self) -> bool {
        matches!(self, Self::Fired | Self::Opened | Self::Reopened | Self::Escalated)
    }
}

/// What people are told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Notice {
    /// What happened.
    pub news: News,
    /// How bad it is.
    pub severity: Severity,
    /// The service: `play@prod`.
    pub service: Option<String>,
    /// What it is about, in one line.
    pub title: String,
    /// What there is to say of it; may be empty.
    pub text: String,
    /// When it happened.
    pub at: Timestamp,
    /// Who did it.
    pub by: Operator,
    /// Whether it calls somebody: rather told twice than never.
    pub calls: bool,
    /// Addresses of the people who are called for this severity.
    pub mails: Vec<String>,
}

impl Notice {
    /// Says it in one line.
    pub fn summary(&self) -> String {
        let more = self.text.lines().next().filter(|line| !line.is_empty());
        let more = more.map(|line| format!(": {line}")).unwrap_or_default();
        format!("{:?} {} {}{more}", self.severity, self.news.word(), self.title)
    }
}
