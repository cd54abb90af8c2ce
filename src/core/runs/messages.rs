//! What runs are told, and what they ask for and tell.
use std::sync::Arc;

use super::{
    Acted, OutputLine, Plan, RunEvent, Wanted, Way,
    gate::Permit,
    offer::{OfferAsk, OfferMsg},
    proof::Measured,
    ready::Seen,
    stick::PipelineHold,
    sudo::SudoMsg,
};
use crate::core::{
    id::{EnvName, HostName, Operator, RunId, ServiceId, Uid},
    record::Row,
    services::Health,
    time::Timestamp,
};

/// What happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Msg {
    /// A person asked for a change.
    Asked {
        /// Of which service.
        service: ServiceId,
        /// What.
        wanted: Wanted,
    },
    /// About the box in which one chooses what is brought out.
    Offer(OfferMsg),
    /// About what `sudo` asks for.
    Sudo(SudoMsg),
    /// The recipe made a plan.
    Planned {
        /// The id that the run would have.
        run: Uid,
        /// The plan.
        plan: Arc<Plan>,
        /// The incident that is open for the service.
        incident: Option<Uid>,
        /// The service's state now.
        before: Health,
        /// Whether that incident is of the highest severity: it waives the second person.
        urgent: bool,
    },
    /// The hosts of a service have said how it would go back; none: nobody goes back there.
    LookedBack {
        /// Which service.
        service: ServiceId,
        /// What they said.
        seen: Option<Box<Seen>>,
    },
    /// The recipe cannot.
    PlanRefused {
        /// For which service.
        service: ServiceId,
        /// Why, and what to do.
        why: String,
    },
    /// What was confirmed was done to a pipeline, or not.
    ActedOutside {
        /// What was confirmed.
        plan: Arc<Plan>,
        /// The incident that was open then.
        incident: Option<Uid>,
        /// What became of each of its deeds.
        acted: Vec<Acted>,
    },
    /// The typed name changed.
    NameTyped(String),
    /// The reason changed.
    ReasonTyped(String),
    /// The commands were asked for, or hidden.
    CommandsToggled,
    /// What is held against the change was set aside, or is not any more.
    OverrideToggled,
    /// A person at this console approves what another one confirmed, having read this plan.
    Approved {
        /// Which run.
        run: Uid,
    },
    /// The person confirmed: Enter in production, `y` elsewhere.
    Confirmed,
    /// The person left the box or stopped the countdown.
    Cancelled,
    /// The configuration was read again; `touched` says whether what the open review is about is not what it was.
    InventoryReplaced {
        /// The service, its environment, or a host on the way to it changed.
        touched: bool,
    },
    /// Write was armed for an environment.
    WriteArmed(EnvName),
    /// Write was disarmed.
    WriteDisarmed,
    /// So many bytes of the plan's build are on a host.
    Uploading {
        /// Of which run.
        run: Uid,
        /// Where.
        host: HostName,
        /// How many.
        bytes: u64,
    },
    /// Output arrived.
    OutputArrived {
        /// Of which run.
        run: Uid,
        /// The line.
        line: OutputLine,
    },
    /// Something happened on the host.
    Happened(RunEvent),
    /// The link to a host was lost: the run may go on there, nobody sees it.
    LinkLost {
        /// Which run.
        run: Uid,
        /// Which host.
        host: HostName,
        /// What is tried, and how to find out by hand.
        how: String,
    },
    /// A host whose link was lost is seen again.
    LinkBack {
        /// Which run.
        run: Uid,
        /// Which host.
        host: HostName,
    },
    /// The store gave an event back, from this or another console.
    Stored {
        /// The run's number.
        number: RunId,
        /// The event.
        event: RunEvent,
    },
    /// The store refused this event: a run that was never saved was never started, and is none.
    NotSaved(RunEvent),
    /// The checks were asked again after a run: the service's state now.
    HealthSeen {
        /// The service.
        service: ServiceId,
        /// What was measured of it, its state by results that began after the run ended.
        measured: Box<Measured>,
        /// When those results began.
        since: Timestamp,
    },
    /// What was measured of the service before a run that was just confirmed.
    Baseline {
        /// Of which run.
        run: Uid,
        /// What.
        measured: Box<Measured>,
    },
    /// A person at this console takes a run on whose coordinator is gone: it goes on from here.
    Adopted {
        /// Which run.
        run: Uid,
    },
    /// A person goes on without the snapshots that are being taken.
    SnapshotSkipped {
        /// In which run.
        run: Uid,
    },
    /// A person has a run end before its next hosts, or take back what it did.
    Stopped {
        /// Which run.
        run: Uid,
        /// Whether what was done is to be taken back.
        undo: bool,
    },
    /// Time went by.
    Ticked,
}

/// What is to be done outside.
#[derive(Clone, Debug, PartialEq)]
pub enum Ask {
    /// Have the recipe plan a change; and say which passwords it needs instead, where a person may be asked for them.
    Plan(ServiceId, Wanted, bool),
    /// Try what was typed for `sudo` on these hosts.
    TrySudo(Vec<HostName>),
    /// Look up what the configuration refers to for `sudo` on these hosts, and try it.
    FindSudo(Vec<HostName>),
    /// Forget what `sudo` asks for.
    ForgetSudo,
    /// Find out how a service would go back.
    LookBack(ServiceId, Wanted),
    /// Open the review of a plan that was made before.
    Open(Arc<Plan>),
    /// Something for the box in which one chooses what is brought out.
    Offer(OfferAsk),
    /// Start shares of a run once its rows are on disk.
    Start {
        /// The rows that must be on disk first.
        rows: Vec<Row>,
        /// The run.
        run: Uid,
        /// What to run.
        plan: Arc<Plan>,
        /// Where, there or back.
        shares: Vec<(HostName, Way)>,
        /// The gate's leave.
        permit: Permit,
    },
    /// Bring the plan's build to hosts once its rows are on disk.
    Stage {
        /// The rows that must be on disk first.
        rows: Vec<Row>,
        /// The run.
        run: Uid,
        /// What is to run.
        plan: Arc<Plan>,
        /// Where.
        hosts: Vec<HostName>,
        /// The gate's leave.
        permit: Permit,
    },
    /// Follow a share that another console started, or this one before it ended.
    Follow {
        /// The run.
        run: Uid,
        /// What was started.
        plan: Arc<Plan>,
        /// Where, there or back.
        share: (HostName, Way),
        /// The last sign of whoever starts it.
        since: Timestamp,
    },
    /// Have something done to a pipeline once the rows are on disk.
    Act {
        /// The rows that must be on disk first.
        rows: Vec<Row>,
        /// What was confirmed.
        plan: Arc<Plan>,
        /// The incident that is open for the service.
        incident: Option<Uid>,
        /// Why.
        reason: String,
        /// The gate's leave.
        permit: Permit,
    },
    /// Have a pipeline held once the rows are on disk.
    Hold {
        /// The rows that must be on disk first.
        rows: Vec<Row>,
        /// The run that goes back.
        run: Uid,
        /// The service.
        service: ServiceId,
        /// What was confirmed.
        hold: PipelineHold,
        /// Why.
        reason: String,
        /// The gate's leave.
        permit: Permit,
    },
    /// Look whether the branch takes back a commit that was left.
    LookAtBranch {
        /// The run that left it.
        run: Uid,
        /// The service.
        service: ServiceId,
        /// Which.
        commit: String,
    },
    /// Have the look at a host end that is taken before it is changed.
    SkipSnapshot {
        /// The rows that tell of it.
        rows: Vec<Row>,
        /// In which run.
        run: Uid,
        /// Where.
        hosts: Vec<HostName>,
    },
    /// Ask the service's checks at once: a run ended and they decide whether it helped.
    CheckNow(ServiceId),
}

/// What other slices hear.
#[derive(Clone, Debug, PartialEq)]
pub enum Fact {
    /// A build was read that is to be brought out.
    Chosen {
        /// Of which service.
        service: ServiceId,
        /// What.
        wanted: Wanted,
    },
    /// A run was confirmed.
    Confirmed {
        /// Which.
        run: Uid,
    },
    /// A run ended.
    Ended {
        /// Which.
        run: Uid,
    },
    /// The checks decided.
    Proved {
        /// Which.
        run: Uid,
    },
    /// Something was done to a pipeline, or not.
    ActedOutside {
        /// Of which service.
        service: ServiceId,
        /// The incident that was open when it was confirmed.
        incident: Option<Uid>,
        /// What became of it.
        acted: Vec<Acted>,
    },
    /// A password is asked for.
    SudoAsked,
    /// Something to tell the person.
    Said(String),
}

/// What an update leaves to do.
#[derive(Clone, Debug, PartialEq, Default)]
#[must_use = "what is not carried out never happens"]
pub struct Out {
    /// To be written.
    pub rows: Vec<Row>,
    /// To be told.
    pub facts: Vec<Fact>,
    /// To be done.
    pub asks: Vec<Ask>,
}

/// Who acts, for rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Actor {
    /// The person.
    pub by: Operator,
    /// From where.
    pub from: String,
}
