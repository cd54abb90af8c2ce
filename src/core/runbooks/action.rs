//! What a person can do with a runbook beside an incident.

/// Something a person can do with a runbook.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RunbookAction {
    /// Shows the runbooks that fit an incident.
    Show,
    /// Runs the step under the cursor, or takes the runbook under it.
    Run,
    /// Says what steps are given.
    Values,
    /// Says that a step was done, or takes that back.
    Tick,
    /// Says that a step was left out.
    Skip,
    /// Says that a step is wrong, and why.
    Wrong,
}
