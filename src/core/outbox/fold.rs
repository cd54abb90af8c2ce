//! From events to how an item stands.
use std::collections::BTreeMap;

use super::{
    Fields, Item, Miss, OutboxEvent, OutboxEventKind, Remote, State, Unseen, Verdict, Write,
    policy::{FIRST_SEARCH_MS, UNDER_WAY_MS},
};
use crate::core::{
    id::{Operator, Uid},
    time::Timestamp,
};

/// How an item stands: the fold of its events.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Its token.
    pub token: Uid,
    /// Its place among all items.
    pub position: u64,
    /// What is written where.
    pub item: Item,
    /// When it was queued.
    pub queued: Timestamp,
    /// By whom.
    pub by: Operator,
    /// When something happened to it last.
    pub last: Timestamp,
    /// How it stands.
    pub standing: Standing,
    /// How often it was sent.
    pub tries: u32,
    /// Whether a try of it may have been accepted unseen.
    pub doubt: bool,
    /// How often it was sent again by itself after such a try.
    pub(super) resent: u32,
    /// How often in a row its tracker took no more.
    pub(super) throttled: u32,
    /// How often a search for it failed.
    pub(super) searches: u32,
    /// What the tracker calls it.
    pub remote: Option<Remote>,
    /// Fields of ours as they were written last.
    pub wrote: Fields,
    /// What the tracker has of it beside that.
    pub duplicates: Vec<Remote>,
    /// What others changed of ours, by field.
    pub foreign: BTreeMap<String, Foreign>,
    /// Why its ticket could not be looked at, the last time.
    pub unseen: Option<Unseen>,
    /// Whether a person has said that ours holds.
    pub force: bool,
    /// What was edited while it was being sent.
    late: Vec<(Option<String>, Option<String>)>,
    /// Whether an edit came too late for what was sent.
    pub too_late: bool,
}

/// What another changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Foreign {
    /// What we wrote.
    pub ours: String,
    /// What is there.
    pub theirs: String,
}

/// How an item stands.
#[derive(Clone, Debug, PartialEq)]
pub enum Standing {
    /// It is sent once it is its turn, from then on.
    Waiting {
        /// When.
        next: Timestamp,
        /// What came before; empty before the first try.
        reason: String,
        /// Whether the whole tracker takes no more until then.
        throttled: bool,
    },
    /// It is under way.
    Sending {
        /// Since when.
        since: Timestamp,
    },
    /// Nobody knows whether it was accepted: it is searched for.
    Unclear {
        /// Why.
        reason: String,
        /// From when on an empty search says something.
        counts_from: Timestamp,
        /// When the first search was empty that says something.
        empty: Option<Timestamp>,
        /// When it is searched for next.
        next: Timestamp,
        /// Whether a person has had it tried: it is then sent again where it is not found.
        asked: bool,
    },
    /// A person has to do something.
    Failed {
        /// Why, and what to do.
        reason: String,
    },
    /// The tracker has it.
    Synced,
    /// Nobody knows whether it was heard, and it is not told again.
    Unsure {
        /// Why.
        reason: String,
    },
    /// It is not written.
    Dropped {
        /// Why.
        reason: String,
    },
}

/// How an item stands, in a word; the worst last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sync {
    /// It is not written.
    Dropped,
    /// The tracker has it.
    Synced,
    /// It may have been heard.
    Unsure,
    /// It will be written.
    Waiting,
    /// A person has to do something.
    Failed,
}

impl Sync {
    /// Says it in one word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Dropped => "dropped",
            Self::Synced => "synced",
            Self::Unsure => "unsure",
            Self::Waiting => "waiting",
            Self::Failed => "failed",
        }
    }
}

impl Entry {
    fn new(event: &OutboxEvent, item: Item, position: u64) -> Self {
        Self {
            token: event.token,
            position,
            item,
            queued: event.at,
            by: event.by.clone(),
            last: event.at,
            standing: Standing::Waiting { next: event.at, reason: String::new(), throttled: false },
            tries: 0,
            doubt: false,
            resent: 0,
            throttled: 0,
            searches: 0,
            remote: None,
            wrote: Fields::new(),
            duplicates: Vec::new(),
            foreign: BTreeMap::new(),
            unseen: None,
            force: false,
            late: Vec::new(),
            too_late: false,
        }
    }

    /// Says how it stands in a word.
    pub const fn sync(&self) -> Sync {
        match self.standing {
            Standing::Waiting { .. } | Standing::Sending { .. } | Standing::Unclear { .. } => Sync::Waiting,
            Standing::Failed { .. } => Sync::Failed,
            Standing::Synced => Sync::Synced,
            Standing::Unsure { .. } => Sync::Unsure,
            Standing::Dropped { .. } => Sync::Dropped,
        }
    }

    /// Says whether nothing is left to do.
    pub const fn is_over(&self) -> bool {
        matches!(self.standing, Standing::Synced | Standing::Unsure { .. } | Standing::Dropped { .. })
    }

    /// Says why it stands as it does, and when it goes on.
    pub fn reason(&self) -> &str {
        match &self.standing {
            Standing::Waiting { reason, .. }
            | Standing::Unclear { reason, .. }
            | Standing::Failed { reason }
            | Standing::Unsure { reason }
            | Standing::Dropped { reason } => reason,
            Standing::Synced if self.too_late => {
                "it was being sent when it was edited: what is there is as it was before"
            }
            Standing::Sending { .. } if !self.late.is_empty() => "it is being sent as it was before the edit",
            Standing::Synced => self.unseen.as_ref().map_or("", |unseen| &unseen.reason),
            Standing::Sending { .. } => "",
        }
    }

    /// Returns when it goes on by itself.
    pub const fn next(&self) -> Option<Timestamp> {
        match self.standing {
            Standing::Waiting { next, .. } | Standing::Unclear { next, .. } => Some(next),
            Standing::Sending { .. }
            | Standing::Failed { .. }
            | Standing::Synced
            | Standing::Unsure { .. }
            | Standing::Dropped { .. } => None,
        }
    }

    /// Returns until when its tracker takes nothing at all.
    pub(super) fn full_until(&self) -> Option<Timestamp> {
        let looked = || self.unseen.as_ref()?.until;
        if let Standing::Waiting { next, throttled: true, .. } = self.standing { Some(next) } else { looked() }
    }

    /// Says it in words: what a filter searches and what a copy takes.
    pub fn words(&self) -> String {
        let Item { tracker, write, .. } = &self.item;
        let remote = self.remote.as_ref().map_or("", |remote| remote.id.as_str());
        let (token, sync) = (self.token, self.sync().word());
        format!("{token} {sync} {tracker} {} {} {remote} {}", write.word(), write.summary(), self.reason())
    }

    fn apply(&mut self, at: Timestamp, kind: OutboxEventKind) {
        self.last = self.last.max(at);
        match kind {
            // Whoever queued it first did; it says the same.
            OutboxEventKind::Queued { .. } => {}
            OutboxEventKind::Began { attempt } => {
                self.tries = self.tries.max(attempt);
                if !self.is_over() {
                    self.standing = Standing::Sending { since: at };
                }
            }
            OutboxEventKind::Tried { how, reason, next } => self.tried(at, how, reason, next),
            OutboxEventKind::Searched { verdict, counted, reason, next } => {
                self.searched(at, verdict, (counted, reason), next);
            }
            OutboxEventKind::Accepted { remote, wrote, .. } => self.accepted(remote, wrote),
            // What is just being sent is sent as it was: the edit counts for the next try, if there is one.
            OutboxEventKind::Edited { title, text } if self.is_sent_as_it_is() => self.late.push((title, text)),
            OutboxEventKind::Edited { title, text } => {
                self.edited(title, text);
                self.asked_again(at);
            }
            OutboxEventKind::RetryAsked => self.asked_again(at),
            OutboxEventKind::Dropped { reason } => {
                if self.standing != Standing::Synced {
                    self.standing = Standing::Dropped { reason };
                }
            }
            OutboxEventKind::LeftUnsure { reason } => {
                self.doubt = true;
                if self.standing != Standing::Synced {
                    self.standing = Standing::Unsure { reason };
                }
            }
            OutboxEventKind::Duplicate { remote } => {
                if self.remote.as_ref() != Some(&remote) && !self.duplicates.contains(&remote) {
                    self.duplicates.push(remote);
                }
            }
            OutboxEventKind::Looked { missed } => self.unseen = missed,
            OutboxEventKind::ForeignChange { field, ours, theirs } => {
                if ours == theirs {
                    self.foreign.remove(&field);
                } else {
                    self.foreign.insert(field, Foreign { ours, theirs });
                }
            }
        }
    }

    fn tried(&mut self, at: Timestamp, how: Miss, reason: String, next: Option<Timestamp>) {
        // What people are told cannot be searched for: it is told again, or left as it is.
        let told = self.item.write.notice().is_some();
        let unclear = how == Miss::Ambiguous && !self.item.write.may_repeat();
        self.doubt |= unclear;
        for (title, text) in std::mem::take(&mut self.late) {
            self.edited(title, text);
        }
        self.resent += u32::from(unclear && told);
        self.throttled = if how == Miss::Throttled { self.throttled + 1 } else { 0 };
        if self.is_over() {
            return;
        }
        self.standing = match (how, next) {
            (Miss::Ambiguous, _) if unclear && !told => {
                // One that was under way when its console went may be so still.
                let counts_from = if let (Standing::Sending { since }, None) = (&self.standing, next) {
                    *since + UNDER_WAY_MS
                } else {
                    at
                };
                let next = next.unwrap_or(at);
                Standing::Unclear { reason, counts_from, empty: None, next, asked: false }
            }
            (Miss::Refused | Miss::Foreign, _) => Standing::Failed { reason },
            (Miss::Ambiguous | Miss::Unreachable | Miss::Throttled, next) => {
                Standing::Waiting { next: next.unwrap_or(at), reason, throttled: how == Miss::Throttled }
            }
        };
    }

    fn searched(&mut self, at: Timestamp, verdict: Verdict, said: (bool, String), then: Option<Timestamp>) {
        let (counted, why) = said;
        let Standing::Unclear { reason, empty, next, .. } = &mut self.standing else { return };
        if counted {
            *empty = empty.or(Some(at));
        }
        self.searches += u32::from(!counted);
        *next = then.unwrap_or(at);
        if !why.is_empty() {
            *reason = why;
        }
        let (reason, next) = (reason.clone(), *next);
        match verdict {
            Verdict::Again => {}
            Verdict::Retry => {
                self.resent += 1;
                self.standing = Standing::Waiting { next, reason, throttled: false };
            }
            Verdict::Ask => self.standing = Standing::Failed { reason },
        }
    }

    fn accepted(&mut self, remote: Remote, wrote: Fields) {
        match &self.remote {
            Some(known) if *known != remote => {
                if !self.duplicates.contains(&remote) {
                    self.duplicates.push(remote);
                }
            }
            Some(_) | None => self.remote = Some(remote),
        }
        self.wrote.extend(wrote);
        self.too_late |= !std::mem::take(&mut self.late).is_empty();
        self.foreign.clear();
        self.force = false;
        self.standing = Standing::Synced;
    }

    fn is_sent_as_it_is(&self) -> bool {
        matches!(self.standing, Standing::Sending { .. } | Standing::Synced)
    }

    /// Returns the text that a person may edit: the first line of a ticket's is its title.
    ///
    /// # Errors
    /// Why there is none.
    pub fn text(&self) -> Result<String, String> {
        match &self.item.write {
            Write::Create(ticket) => Ok(format!("{}\n{}", ticket.title, ticket.text).trim_end().to_owned()),
            Write::Comment { text, .. } => Ok(text.clone()),
            Write::Notice(notice) => Ok(notice.text.clone()),
            Write::Update(_) | Write::Link { .. } => {
                Err(format!("{} is a {}: it has no text of its own", self.token, self.item.write.word()))
            }
        }
    }

    /// Returns the event that makes its text another one.
    ///
    /// # Errors
    /// Why it is not taken.
    pub fn edit(&self, typed: &str) -> Result<OutboxEventKind, String> {
        let typed = typed.trim_end();
        if self.text()? == typed {
            return Err("nothing is changed yet".to_owned());
        }
        let (first, rest) = typed.split_once('\n').unwrap_or((typed, ""));
        let titled = matches!(self.item.write, Write::Create(_));
        if typed.trim().is_empty() || titled && first.trim().is_empty() {
            return Err("it needs words: drop it where nothing is to be written".to_owned());
        }
        let (title, text) = if titled { (Some(first.trim().to_owned()), rest) } else { (None, typed) };
        Ok(OutboxEventKind::Edited { title, text: Some(text.to_owned()) })
    }

    fn edited(&mut self, new_title: Option<String>, new_text: Option<String>) {
        match &mut self.item.write {
            Write::Create(ticket) => {
                ticket.title = new_title.unwrap_or_else(|| std::mem::take(&mut ticket.title));
                ticket.text = new_text.unwrap_or_else(|| std::mem::take(&mut ticket.text));
            }
            Write::Comment { text, .. } => *text = new_text.unwrap_or_else(|| std::mem::take(text)),
            Write::Notice(notice) => notice.text = new_text.unwrap_or_else(|| std::mem::take(&mut notice.text)),
            Write::Update(_) | Write::Link { .. } => {}
        }
    }

    /// A person wants it now: where it may have been accepted, it is searched for once more before it is sent.
    fn asked_again(&mut self, at: Timestamp) {
        match &mut self.standing {
            // What the tracker said of when holds.
            Standing::Sending { .. } | Standing::Synced | Standing::Waiting { throttled: true, .. } => {}
            Standing::Unclear { next, asked, .. } => {
                *next = at;
                *asked = true;
            }
            Standing::Waiting { next, throttled: false, .. } => *next = at,
            Standing::Failed { .. } | Standing::Unsure { .. } | Standing::Dropped { .. } => {
                self.force = !self.foreign.is_empty();
                let reason = String::new();
                self.standing = if self.doubt && self.item.write.notice().is_none() {
                    let next = at + FIRST_SEARCH_MS;
                    Standing::Unclear { reason, counts_from: at, empty: None, next, asked: true }
                } else {
                    Standing::Waiting { next: at, reason, throttled: false }
                };
            }
        }
    }
}

/// Adds one stored event. What is about an item that is not known changes nothing: its queuing was let go of, or cannot be read.
pub(super) fn fold(state: &mut State, event: OutboxEvent) {
    if let OutboxEventKind::Queued { item } = &event.kind
        && !state.items.contains_key(&event.token)
    {
        let position = state.next;
        state.next += 1;
        state.items.insert(event.token, Entry::new(&event, item.clone(), position));
        return;
    }
    if let Some(entry) = state.items.get_mut(&event.token) {
        entry.apply(event.at, event.kind);
    }
}
