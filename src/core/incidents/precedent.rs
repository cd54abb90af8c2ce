//! What earlier incidents teach, kept small: by what each is known, what mended it, and what came of its suspects.
//!
//! A console has whole incidents only while they go on and for some days afterwards; these it has of the newest [`REMEMBERED`],
//! however old. One takes some 1 KiB, and at most some 8 KiB where many log lines were kept.
use std::collections::{BTreeMap, BTreeSet};

use super::{
    Incident, StoredIncidentEvent, fold,
    similar::{Signature, mended},
    suspects::{Change, Kind},
};
use crate::core::{
    id::{CheckId, IncidentId, RuleName, Uid},
    time::Timestamp,
};

/// How many incidents are remembered.
pub const REMEMBERED: usize = 1_000;
/// Patterns of log lines that are remembered of each.
const PATTERNS: usize = 32;
/// Characters of what mended it.
const MENDED: usize = 300;

/// What is remembered of an incident.
#[derive(Clone, Debug, PartialEq)]
pub struct Precedent {
    /// Which.
    pub uid: Uid,
    /// Its number.
    pub number: IncidentId,
    /// Its title.
    pub title: String,
    /// When it was opened.
    pub opened: Timestamp,
    /// The incident that it went into.
    pub merged_into: Option<Uid>,
    /// By what it is known.
    pub signature: Signature,
    /// What mended it; none where nothing was done, or nobody knows whether it helped.
    pub mended: Option<String>,
    /// Of which kind the change was that a person chose as what probably broke it.
    pub chosen: Option<Kind>,
    /// Kinds of changes that were ruled out, and of which none was chosen.
    pub ruled_out: BTreeSet<Kind>,
}

/// What the store remembers of incidents and of certificates.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Remembered {
    /// The newest incidents.
    pub incidents: Vec<Precedent>,
    /// Certificates that were replaced of late, oldest first.
    pub certificates: Vec<Replaced>,
}

/// A certificate that a check saw replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replaced {
    /// Which check.
    pub check: CheckId,
    /// When it saw the new one for the first time.
    pub at: Timestamp,
    /// Until when the old one was valid.
    pub before: Timestamp,
    /// Until when the new one is.
    pub after: Timestamp,
}

impl Precedent {
    /// Makes one of an incident, whose alert's rule only others know.
    pub fn of(of: &Incident, rule: Option<&RuleName>) -> Self {
        let mut signature = Signature::of(of, rule);
        signature.patterns = signature.patterns.into_iter().take(PATTERNS).collect();
        let chosen = of.suspect.as_ref().and_then(|(key, _)| key.as_deref()).and_then(Change::kind_of);
        // However many of a kind were ruled out, it is one incident in which this kind was not it.
        let out = of.ruled_out.iter().filter_map(|key| Change::kind_of(key)).filter(|kind| Some(*kind) != chosen);
        Self {
            uid: of.uid,
            number: of.number,
            title: of.title.clone(),
            opened: of.opened,
            merged_into: of.merged_into,
            mended: mended(of).map(|text| text.chars().take(MENDED).collect()),
            signature,
            chosen,
            ruled_out: out.collect(),
        }
    }
}

/// Folds the events of one incident; none where its beginning is not among them.
pub fn folded(events: impl IntoIterator<Item = StoredIncidentEvent>) -> Option<Incident> {
    let mut incidents = BTreeMap::new();
    for event in events {
        fold::fold(&mut incidents, event);
    }
    incidents.into_values().next()
}
