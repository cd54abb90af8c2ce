//! Named sessions of the log view, in a file beside the configuration that a team can read, review and share.
use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::core::logs::{
    Key, Nanos,
    state::{Chip, LogClock, Session},
};

/// Its name in the configuration's folder.
const FILE: &str = "logs.toml";

/// The file as it is written.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Book {
    #[serde(default)]
    session: BTreeMap<String, Entry>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Entry {
    /// Terms that act.
    filter: Vec<String>,
    /// Terms that rest.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    resting: Vec<String>,
    /// What terms are called.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    names: BTreeMap<String, String>,
    /// The last stage.
    #[serde(skip_serializing_if = "String::is_empty")]
    stage: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    columns: Vec<String>,
    /// Sources left out.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    hidden: BTreeSet<String>,
    /// Moments of marked lines, nanoseconds since 1970; the second number tells lines of the same moment apart.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    marks: Vec<(i64, u64)>,
    /// How times are shown.
    #[serde(skip_serializing_if = "is_utc")]
    clock: Clock,
    /// Where it was looked at, nanoseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<i64>,
}

/// How times are shown, as the file says it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Clock {
    #[default]
    Utc,
    Local,
    SincePrevious,
    SinceMark,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_utc(clock: &Clock) -> bool {
    *clock == Clock::Utc
}

impl From<Clock> for LogClock {
    fn from(of: Clock) -> Self {
        match of {
            Clock::Utc => Self::Utc,
            Clock::Local => Self::Local,
            Clock::SincePrevious => Self::SincePrevious,
            Clock::SinceMark => Self::SinceMark,
        }
    }
}

impl From<LogClock> for Clock {
    fn from(of: LogClock) -> Self {
        match of {
            LogClock::Utc => Self::Utc,
            LogClock::Local => Self::Local,
            LogClock::SincePrevious => Self::SincePrevious,
            LogClock::SinceMark => Self::SinceMark,
        }
    }
}

/// Returns where the sessions are kept: beside the configuration.
pub fn beside(config: &Path) -> PathBuf {
    config.with_file_name(FILE)
}

/// Reads the sessions. A file that is not there holds none.
///
/// # Errors
/// When the file cannot be read, or is none: it is said with its line, and never written over.
pub fn load(path: &Path) -> Result<BTreeMap<String, Session>, String> {
    if !path.exists() {
        return Ok(BTreeMap::new());
    }
    let text = super::read_bounded(path).map_err(|what| format!("{}: {what}", path.display()))?;
    let book: Book = toml::from_str(&text).map_err(|error| {
        let line = error.span().map_or(0, |span| text.get(..span.start).unwrap_or_default().matches('\n').count() + 1);
        format!("{}:{line}: {}", path.display(), error.message())
    })?;
    Ok(book.session.into_iter().map(|(name, entry)| (name, entry.into())).collect())
}

/// Writes the sessions, whole or not at all; one that was added to the file meanwhile stays.
///
/// # Errors
/// When the file cannot be written, or holds something that would be lost.
pub fn save(path: &Path, name: &str, session: &Session) -> Result<BTreeMap<String, Session>, String> {
    let mut all = load(path)?;
    all.insert(name.to_owned(), session.clone());
    let book = Book { session: all.iter().map(|(name, session)| (name.clone(), session.into())).collect() };
    let text = toml::to_string(&book).map_err(|error| error.to_string())?;
    let text =
        format!("# Sessions of the log view, written by qd; a team may keep them under version control.\n{text}");
    write(path, &text).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(all)
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    super::write_whole(path, text.as_bytes())
}

impl From<Entry> for Session {
    fn from(of: Entry) -> Self {
        let names = of.names;
        let chip = |text: String, on| {
            let name = names.get(&text).cloned().unwrap_or_default();
            Chip { text, on, name }
        };
        let chips = |texts: Vec<String>, on| texts.into_iter().map(move |text| chip(text, on));
        Self {
            chips: chips(of.filter, true).chain(chips(of.resting, false)).collect(),
            stage: of.stage,
            columns: of.columns,
            hidden: of.hidden.into_iter().map(Into::into).collect(),
            marks: of.marks.into_iter().map(|(time, order)| Key { time: Nanos(time), order }).collect(),
            clock: of.clock.into(),
            at: of.at.map(Nanos),
        }
    }
}

impl From<&Session> for Entry {
    fn from(of: &Session) -> Self {
        let texts = |on| of.chips.iter().filter(move |chip| chip.on == on).map(|chip| chip.text.clone()).collect();
        Self {
            filter: texts(true),
            resting: texts(false),
            names: of
                .chips
                .iter()
                .filter(|chip| !chip.name.is_empty())
                .map(|chip| (chip.text.clone(), chip.name.clone()))
                .collect(),
            stage: of.stage.clone(),
            columns: of.columns.clone(),
            hidden: of.hidden.iter().map(ToString::to_string).collect(),
            marks: of.marks.iter().map(|key| (key.time.0, key.order)).collect(),
            clock: of.clock.into(),
            at: of.at.map(|at| at.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_saved_is_read_again_and_a_broken_file_is_never_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/logs.toml");
        assert!(load(&path).unwrap().is_empty());
        let session = Session {
            chips: vec![
                Chip { name: "what went wrong".into(), ..Chip::new("level>=warn") },
                Chip { on: false, ..Chip::new("-path:\"/health check\"") },
            ],
            stage: "count by host".into(),
            columns: vec!["status".into()],
            hidden: ["play-out".into()].into(),
            marks: vec![Key { time: Nanos(1_795_144_361_000_000_001), order: 7 }],
            clock: LogClock::SinceMark,
            at: Some(Nanos(-1)),
        };
        save(&path, "pay errs", &session).unwrap();
        save(&path, "other", &Session::default()).unwrap();
        let read = load(&path).unwrap();
        assert_eq!(read.keys().collect::<Vec<_>>(), ["other", "pay errs"]);
        assert_eq!(read["pay errs"], session);
        std::fs::write(&path, "[session.x]\nfilter = [\"a\"]\nfliter = 1\n").unwrap();
        let why = save(&path, "more", &Session::default()).unwrap_err();
        assert!(why.contains("logs.toml:") && why.contains("fliter"), "{why}");
        assert!(std::fs::read_to_string(&path).unwrap().contains("fliter"));
    }
}
