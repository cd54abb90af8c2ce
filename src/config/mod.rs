//! Configuration: raw shape, validation with file, line, column and a suggestion, themes, keymaps, secrets by reference.
pub mod problem;
pub mod secret;
mod source;
pub mod theme;

pub use problem::{Problem, check_text};

/// A kind of check, recipe or source that has settings of its own in the configuration.
///
/// Its one list of [`Field`]s serves validation, suggestions, the JSON Schema and the documentation, so that they cannot disagree.
pub trait Kind: Sync {
    /// The `type` or `kind` in the configuration, also its file's name.
    fn name(&self) -> &'static str;

    /// Its own settings, beside those that all of its folder have.
    fn fields(&self) -> &'static [Field];
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

/// Reads a text file of at most 4 MiB, with words instead of an error.
pub(crate) fn read_bounded(path: &std::path::Path) -> Result<String, String> {
    use std::io::Read as _;
    const MOST: u64 = 4 << 20;
    let file = std::fs::File::open(path).map_err(|error| io_words(&error))?;
    if file.metadata().is_ok_and(|meta| meta.is_dir()) {
        return Err("it is a directory".to_owned());
    }
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
