//! What is asked of the log engine, and what it answers.
use std::{collections::BTreeMap, sync::Arc};

use super::{
    patterns::KnownPattern,
    shown::Shown,
    state::{Query, Session},
};

/// What is asked of the log engine.
#[derive(Clone, Debug, PartialEq)]
pub enum Ask {
    /// Run the sources, as somebody looks.
    Start,
    /// Which patterns were known before.
    Remember(Vec<KnownPattern>),
    /// Work this out from now on.
    Query(Box<Query>),
    /// Read what is older than all that is here.
    Earlier,
    /// Write the filtered lines to a file, redacted.
    Export {
        /// The file, in the directory that the console was started in.
        path: String,
    },
    /// Keep a session in the file of sessions.
    Save {
        /// Its name.
        name: String,
        /// What it holds.
        session: Box<Session>,
    },
}

/// What the log engine answers.
#[derive(Clone, Debug, PartialEq)]
pub enum Msg {
    /// What it worked out.
    Shown(Arc<Shown>),
    /// The sessions that are kept.
    Saved(BTreeMap<String, Session>),
    /// What the store knows of patterns.
    Remembered(Vec<KnownPattern>),
    /// Patterns to be remembered.
    Learned(Vec<KnownPattern>),
}
