//! Trackers and channels are tried before they are needed: by questions that change nothing and tell nobody.
use std::sync::Arc;

use super::{MAX_REASON, Means, Missed};
use crate::{core::outbox::TrackerSpec, parse::sanitise, remote::http::Answer};

/// What is said of whatever has no question that is harmless.
pub const SILENT: &str = "not tried: there is no question that sends nothing";

/// What came of trying.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probed {
    /// Whether it was asked. Of what was not, nobody knows whether it works.
    pub asked: bool,
    /// What it said. One sanitised line.
    pub said: String,
    /// How much may still be asked of it, where it says so.
    pub quota: Option<String>,
}

impl Probed {
    /// It was asked, and is as it must be.
    pub(crate) fn well(said: impl AsRef<str>) -> Self {
        Self { asked: true, said: sanitise::line_max(said.as_ref(), MAX_REASON), quota: None }
    }

    /// Nothing can be asked of it.
    pub(crate) fn silent(but: &str) -> Self {
        let said = if but.is_empty() { SILENT.to_owned() } else { format!("{SILENT}; {but}") };
        Self { asked: false, said, quota: None }
    }

    pub(crate) fn left(self, quota: Option<String>) -> Self {
        Self { quota: quota.map(|quota| sanitise::line_max(quota, 80)), ..self }
    }
}

/// Tries a tracker: who asks, whether the place of tickets is there, and what is mapped in it. Nothing is written.
///
/// # Errors
/// What is wrong, and what to do.
pub async fn probe(spec: &Arc<TrackerSpec>, means: &Means) -> Result<Probed, Missed> {
    super::desk(spec, means).map_err(Missed::refused)?.probe().await
}

/// Reads how much may still be asked, as GitHub, Jira and others say it with each answer.
pub(super) fn quota(answer: &Answer) -> Option<String> {
    let number = |name: &'static str| answer.header(name).next()?.trim().parse::<u64>().ok();
    let left = number("x-ratelimit-remaining")?;
    Some(match number("x-ratelimit-limit") {
        Some(all) => format!("{left} of {all} calls left"),
        None => format!("{left} calls left"),
    })
}

/// Names a list for a person: the first few, and how many more there are.
pub(super) fn some(names: impl IntoIterator<Item = String>) -> String {
    const FEW: usize = 12;
    let all: Vec<String> = names.into_iter().collect();
    let more = all.len().saturating_sub(FEW);
    let text = all.iter().take(FEW).map(sanitise::name).collect::<Vec<_>>().join(", ");
    match more {
        0 if text.is_empty() => "none".to_owned(),
        0 => text,
        _ => format!("{text} and {more} more"),
    }
}
