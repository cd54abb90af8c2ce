//! Configuration: raw shape, validation with file, line, column and a suggestion, themes, keymaps, secrets by reference.
mod fields;
mod file;
pub mod formats;
pub mod keymap;
mod like;
mod load;
pub mod locate;
pub mod problem;
mod raw;
pub mod redact;
mod schema;
pub mod secret;
mod sections;
pub mod sessions;
mod source;
pub mod theme;
mod walk;
mod words;

pub use file::{open_regular, write_whole};
pub use like::files_like;
pub use load::{Catalog, Loaded, Settings, load, load_text};
pub use locate::{locate, starter};
pub use problem::{Problem, check_text};
pub use schema::schema;

/// What the surroundings say: home directory and variables. Handed in, so that every test sets it.
#[derive(Clone, Default)]
pub struct Env {
    home: std::path::PathBuf,
    variables: std::collections::BTreeMap<String, String>,
}

impl std::fmt::Debug for Env {
    /// Shows no variable's value: one may be a secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Env").field("home", &self.home).finish_non_exhaustive()
    }
}

impl Env {
    /// Makes surroundings of a home directory and variables.
    pub fn new<'a>(
        home: impl Into<std::path::PathBuf>,
        variables: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Self {
        let variables = variables.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        Self { home: home.into(), variables }
    }

    /// Takes this process's surroundings. Variables that are not UTF-8 count as unset.
    pub fn of_process() -> Self {
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        let home = directories::BaseDirs::new().map_or_else(|| "/".into(), |dirs| dirs.home_dir().to_owned());
        Self { home, variables: std::env::vars_os().filter_map(text).collect() }
    }

    /// The home directory.
    pub fn home(&self) -> &std::path::Path {
        &self.home
    }

    /// A variable's value.
    pub fn variable(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str)
    }

    /// Resolves a path as configured: `~` is the home directory, what is relative is relative to `dir`.
    pub fn resolve(&self, dir: &std::path::Path, path: &str) -> std::path::PathBuf {
        match path.strip_prefix('~') {
            Some("") => self.home.clone(),
            Some(rest) if rest.starts_with('/') => self.home.join(rest.trim_start_matches('/')),
            _ => dir.join(path),
        }
    }
}

/// A kind of check, recipe or source that has settings of its own in the configuration.
///
/// Its one list of [`Field`]s serves validation, suggestions, the JSON Schema and the documentation, so that they cannot disagree.
pub trait Kind: Sync {
    /// The `type` or `kind` in the configuration, also its file's name.
    fn name(&self) -> &'static str;

    /// Its own settings, beside those that all of its folder have.
    fn fields(&self) -> &'static [Field];

    /// Names the settings that are shell text, which may go over several lines. What else is text becomes one word of a command.
    fn scripts(&self) -> &'static [&'static str] {
        &[]
    }

    /// Says what is wrong with settings that each fit their shapes, all of it: whatever would be refused later is said here, at
    /// its place in the file.
    fn misfits(&self, settings: &crate::core::inventory::Params) -> Vec<Misfit> {
        let _ = settings;
        Vec::new()
    }

    /// Says whether a service of it can stand on two sets of hosts, of which one serves: its recipe changes some hosts and leaves
    /// the others as they are.
    fn has_sets(&self) -> bool {
        false
    }

    /// Says, of a notifier, how often the same may be told to it.
    fn repeats(&self, settings: &crate::core::inventory::Params) -> crate::core::outbox::Repeats {
        let _ = settings;
        crate::core::outbox::Repeats::Once
    }

    /// Says, of a notifier, whether it is told within the console.
    fn is_local(&self) -> bool {
        false
    }

    /// Names what a notifier cannot tell, by the words of `on`.
    fn deaf_to(&self) -> &'static [&'static str] {
        &[]
    }

    /// Adds what stands in files that the settings name. Whatever would be wrong with them, [`Kind::misfits`] has said.
    fn complete(&self, settings: &mut crate::core::inventory::Params) {
        let _ = settings;
    }
}

/// Something wrong with a setting that fits its shape, or with how it goes together with another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misfit {
    /// The setting.
    pub key: &'static str,
    /// Which part of it, where it is a list; counted from nought.
    pub part: Option<usize>,
    /// What is wrong, in lower case.
    pub what: String,
    /// What to write instead.
    pub help: String,
}

impl Misfit {
    /// Says that a setting cannot be what it is.
    pub fn new(key: &'static str, what: impl Into<String>, help: impl Into<String>) -> Self {
        Self { key, part: None, what: what.into(), help: help.into() }
    }

    /// Points at one part of a list.
    #[must_use]
    pub fn part(mut self, part: usize) -> Self {
        self.part = Some(part);
        self
    }
}

impl From<Misfit> for crate::error::Report {
    fn from(misfit: Misfit) -> Self {
        Self::new(crate::error::Kind::Config, misfit.what).hint(misfit.help)
    }
}

/// One setting.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// The key.
    pub name: &'static str,
    /// What may stand there.
    pub shape: Shape,
    /// Whether it must be there.
    pub required: bool,
    /// One line that says what it does, with the default.
    pub doc: &'static str,
}

/// What may stand as a value.
#[derive(Clone, Copy, Debug)]
pub enum Shape {
    /// Any text.
    Text,
    /// A file's path; `~` and paths relative to the file are resolved.
    Path,
    /// `http://…` or `https://…`.
    Url,
    /// `30s`: resolved to milliseconds.
    Duration,
    /// A whole number within these bounds.
    Integer {
        /// Least.
        min: i64,
        /// Most.
        max: i64,
    },
    /// A number.
    Number,
    /// `true` or `false`.
    Flag,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A regular expression.
    Regex,
    /// What something far away is called by a program: letters, digits, `_` and `-`.
    Id,
    /// `env:NAME`, `file:PATH` or `command:…`: resolved only where it is used, never stored.
    Secret,
    /// The name of a host in the configuration.
    Host,
    /// A list of one of these.
    List(&'static Self),
    /// A table with these settings.
    Table(&'static [Field]),
    /// A table from any key to one of these.
    Map(&'static Self),
    /// Any one of these, tried in order.
    Either(&'static [Self]),
}

/// Says whether a text can be the name of a systemd unit, suffix included.
pub fn is_unit(text: &str) -> bool {
    let fits = |letter: char| letter.is_ascii_alphanumeric() || "@._:\\-".contains(letter);
    !text.starts_with('-') && text.chars().all(fits) && text.contains('.')
}

/// Reads a text file of at most 4 MiB, with words instead of an error.
pub(crate) fn read_bounded(path: &std::path::Path) -> Result<String, String> {
    use std::io::Read as _;
    const MOST: u64 = 4 << 20;
    let file = open_regular(path).map_err(|error| io_words(&error))?;
    let mut text = String::new();
    match file.take(MOST + 1).read_to_string(&mut text) {
        Ok(read) if u64::try_from(read).is_ok_and(|read| read > MOST) => Err("it is larger than 4 MiB".to_owned()),
        Ok(_) => Ok(text),
        Err(error) if error.kind() == std::io::ErrorKind::InvalidData => Err("it is not UTF-8 text".to_owned()),
        Err(error) => Err(io_words(&error)),
    }
}

fn io_words(error: &std::io::Error) -> String {
    let kind = error.kind();
    if kind == std::io::ErrorKind::NotFound {
        "there is no such file".to_owned()
    } else if kind == std::io::ErrorKind::PermissionDenied {
        "permission denied".to_owned()
    } else {
        error.to_string()
    }
}
