//! What a person can do to an incident beyond noting something.

/// Something a person can do to an incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum IncidentAction {
    /// Goes on to the next phase, or says what is missing.
    NextPhase,
    /// Goes back a phase.
    PreviousPhase,
    /// Says what it is and whom it hurts.
    Classify,
    /// Takes the lead.
    Claim,
    /// Gives somebody a duty.
    GiveDuty,
    /// Says how bad it is.
    ChangeSeverity,
    /// Says why it may be.
    AddHypothesis,
    /// Says what speaks for a hypothesis or against it, or decides it.
    Judge,
    /// Calls somebody else.
    Escalate,
    /// Says when it began.
    SetOnset,
    /// Says when an entry of the timeline happened.
    CorrectTime,
    /// Gives somebody something to do.
    AddTask,
    /// Says that something is done.
    FinishTask,
    /// Says what it has to do with another incident.
    Link,
    /// Makes an incident of its own of an entry of the timeline.
    Split,
    /// Calls it something else.
    Rename,
    /// Says that users are helped, whatever the cause.
    Mitigated,
    /// Writes a section of its document.
    WriteSection,
    /// Shows the charts of its host around the moment when it began.
    Charts,
    /// Keeps what the cursor is on as evidence.
    Pin,
    /// Keeps the whole screen as evidence.
    PinScreen,
}
