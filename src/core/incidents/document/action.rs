//! What a person can do about a document.

/// Something a person can do about the document of an incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DocumentAction {
    /// Goes to it.
    Show,
    /// Writes the section under the cursor here.
    Edit,
    /// Writes it in the person's own editor.
    EditElsewhere,
    /// Puts the document into a file.
    Export,
    /// Sends it to its tickets.
    Send,
}
