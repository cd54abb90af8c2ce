//! What a person does in the log view.

/// Something a person does in the log view, by key, palette or menu.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LogAction {
    /// Writes the text to search for.
    Search,
    /// Writes the filter.
    EditFilter,
    /// Lists the filter's terms and the saved filters.
    ListFilters,
    /// Follows the newest line, or stops.
    Follow,
    /// Goes to the next error.
    NextError,
    /// Goes to the previous error.
    PreviousError,
    /// Goes to the next warning.
    NextWarning,
    /// Goes to the previous warning.
    PreviousWarning,
    /// Goes to the next hit of the search.
    NextHit,
    /// Goes to the previous hit of the search.
    PreviousHit,
    /// Marks the line, or takes the mark away.
    Mark,
    /// Goes to the next mark.
    NextMark,
    /// Goes to the previous mark.
    PreviousMark,
    /// Breaks long lines, or cuts them.
    Wrap,
    /// Goes to the bar before.
    EarlierBar,
    /// Goes to the bar after.
    LaterBar,
    /// Halves the time that the histogram spans.
    ZoomIn,
    /// Doubles it.
    ZoomOut,
    /// Goes to a time.
    GoToTime,
    /// Shows times as UTC, local, since the line before, since the mark.
    TurnClock,
    /// Shows all lines around this one, and back.
    Context,
    /// Keeps lines with the value, or the pattern, under the cursor.
    Keep,
    /// Leaves out lines with the value, or the pattern, under the cursor.
    Exclude,
    /// Follows the request or trace of the line, forward.
    NextOfRequest,
    /// Follows it backward.
    PreviousOfRequest,
    /// Unfolds the record, JSON pretty.
    Unfold,
    /// Folds lines that repeat, or not.
    FoldRepeats,
    /// Lists the sources and how they are.
    ListSources,
    /// Copies marked lines with filter and sources, redacted.
    CopyBundle,
    /// Writes the filtered lines to a file.
    Export,
    /// Begins a range at this line, or ends it.
    Range,
    /// Takes back the last change of the filter.
    Undo,
    /// Chooses columns.
    ListColumns,
    /// Counts patterns as new when first seen after this line.
    NewSinceHere,
    /// Shows what is redacted in this record, on record.
    Reveal,
    /// The web-server view of the same lines, and back.
    Web,
    /// Keeps filters, columns, marks and time under a name.
    SaveSession,
}
