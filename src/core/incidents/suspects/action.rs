//! What a person can do about suspects.

/// Something a person can do about suspects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SuspectAction {
    /// Shows what changed around an incident.
    Show,
    /// Reads all that is known of a change.
    Detail,
    /// Says that a change is probably what broke it.
    Choose,
    /// Rules a change out.
    RuleOut,
    /// Says that none of them convinces.
    Nobody,
    /// Asks the hosts anew.
    Again,
}
