//! Configuration: raw shape, validation with file, line, column and a suggestion, themes, keymaps, secrets by reference.

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
