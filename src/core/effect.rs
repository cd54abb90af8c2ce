//! What is to be done outside of core, as data.
use std::sync::Arc;

use super::{
    documents::{DraftName, Paper, Wanted as PaperFor},
    findings,
    hosts::Question,
    id::{HostName, IncidentId, ServiceId, Uid},
    incidents::suspects::difference,
    inventory::CheckSpec,
    logs,
    outbox::{Order, TrackerSpec},
    pipelines::Look,
    record::Row,
    replay,
    runbooks::Look as BookLook,
    runs::{Plan, Wanted, Way, gate::Permit, offer::OfferAsk, stick::PipelineHold},
    screen::Tone,
    time::Timestamp,
};

/// Something the program does to the outside. Carried out by the runtime, in order.
#[derive(Clone, Debug, PartialEq)]
#[must_use = "an effect that is dropped never happens"]
pub enum Effect {
    /// Run a check and send its result with this slot.
    RunCheck {
        /// The check.
        check: Arc<CheckSpec>,
        /// The result's slot.
        slot: Timestamp,
    },
    /// Write rows; what follows starts after they are on disk, or not at all.
    Commit {
        /// The rows.
        rows: Vec<Row>,
        /// What follows.
        then: Vec<Self>,
        /// What the person did, when a failure to write must be told: `opening the incident`.
        what: Option<&'static str>,
    },
    /// Say something in the message line: what follows a commit says so that it is on disk.
    Say {
        /// How it is meant.
        tone: Tone,
        /// What.
        text: String,
    },
    /// Ask the service's hosts how they stand, have its recipe plan a change, and send the plan. Changes nothing.
    Plan {
        /// The service.
        service: ServiceId,
        /// What is wanted.
        wanted: Wanted,
        /// Whether a person may be asked for passwords first.
        may_ask: bool,
    },
    /// Ask the service's hosts how it would go back, and send what they say. Changes nothing.
    LookBack {
        /// The service.
        service: ServiceId,
        /// To what.
        wanted: Wanted,
    },
    /// Open the review of a plan that was made before.
    Open {
        /// The plan.
        plan: Arc<Plan>,
    },
    /// Try what the terminal holds for `sudo` on these hosts; core never sees it.
    TrySudo {
        /// Where.
        hosts: Vec<HostName>,
    },
    /// Look up what the configuration refers to for `sudo` on these hosts, and try it.
    FindSudo {
        /// Where.
        hosts: Vec<HostName>,
    },
    /// Forget what `sudo` asks for.
    ForgetSudo,
    /// Find out what can be brought out of a service, or read a build of this machine. Changes nothing.
    Offer(OfferAsk),
    /// Bring a confirmed plan's build to a host: nothing there is changed by it.
    Stage {
        /// The run.
        run: Uid,
        /// What is to run.
        plan: Arc<Plan>,
        /// Where.
        host: HostName,
        /// The gate's leave.
        permit: Permit,
    },
    /// Run one host's share of a confirmed plan, detached, and follow it.
    StartShare {
        /// The run.
        run: Uid,
        /// What to run.
        plan: Arc<Plan>,
        /// Where, there or back.
        share: (HostName, Way),
        /// The gate's leave.
        permit: Permit,
    },
    /// Follow a share that was started earlier, from what its journal says. Changes nothing on the host.
    FollowShare {
        /// The run.
        run: Uid,
        /// What was started.
        plan: Arc<Plan>,
        /// Where, there or back.
        share: (HostName, Way),
        /// The last sign of whoever starts it: it may be about to, and a host that does not know of it is asked again.
        since: Timestamp,
    },
    /// Do to the pipeline of a service what was confirmed, and tell what became of each deed.
    ActOnPipeline {
        /// What was confirmed.
        plan: Arc<Plan>,
        /// The incident that is open for the service.
        incident: Option<Uid>,
        /// Why.
        reason: String,
        /// The gate's leave.
        permit: Permit,
    },
    /// Look how a pipeline stands, and tell it. Changes nothing.
    LookAtPipeline(Look),
    /// Hold the pipeline of a service that goes back, so that it stays so.
    HoldPipeline {
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
    /// Look whether a pipeline's branch takes back a commit. Changes nothing.
    LookAtBranch {
        /// The run that left it.
        run: Uid,
        /// The service.
        service: ServiceId,
        /// Which.
        commit: String,
    },
    /// Have the look at a host end that a run takes before it changes it. The change goes on.
    SkipSnapshot {
        /// Which run.
        run: Uid,
        /// Where.
        host: HostName,
    },
    /// Answer what a host asked: keep its key.
    AcceptHostKey {
        /// The host.
        host: HostName,
        /// The question, with the line to append.
        question: Question,
    },
    /// Answer what a host asked: trust its key until the program ends, and write nothing down.
    TrustHostKeyOnce {
        /// The host.
        host: HostName,
        /// The question, with the line that is not appended.
        question: Question,
    },
    /// Unlock a key file with the passphrase that the terminal holds; core never sees it.
    UnlockIdentity {
        /// The host.
        host: HostName,
        /// The key file.
        identity: String,
    },
    /// Connect to a host again at once.
    Reconnect {
        /// The host.
        host: HostName,
    },
    /// Do something at a tracker, and tell how it ended.
    Deliver(Box<Order>),
    /// Say what would be sent to a tracker. Sends nothing.
    Preview(Box<Order>),
    /// Ask the scanner what it found, and send what it tells. Changes nothing.
    PullFindings(Box<findings::Order>),
    /// Ask hosts, and GitHub where services come from there, what changed, and send what they tell. Changes nothing.
    LookForChanges {
        /// For which incident.
        incident: Uid,
        /// Where.
        hosts: Vec<HostName>,
        /// Services whose pipelines are asked.
        pipelines: Vec<ServiceId>,
        /// What is older does not matter.
        since: Timestamp,
    },
    /// Ask GitHub or a host what a change changed, and send it. Changes nothing.
    LookForDifference(Box<difference::Ask>),
    /// Ask a host what a step of a runbook asks, and send its answer. Changes nothing.
    LookByRunbook {
        /// For which incident.
        incident: Uid,
        /// Which runbook and step.
        step: (String, String),
        /// The command, as the runbook has it.
        command: String,
        /// Where.
        host: HostName,
        /// What is asked.
        look: Box<BookLook>,
    },
    /// Read the audit log and follow its chain.
    ReadAudit,
    /// Ask something of the log engine.
    Logs(logs::Ask),
    /// Copy text to the terminal's clipboard.
    Copy {
        /// Sanitised text.
        text: String,
    },
    /// Send the text of the screen as it is drawn: it is kept with an incident.
    KeepScreen {
        /// Which.
        incident: Uid,
    },
    /// Read the configuration again.
    ReloadConfig,
    /// Mouse reporting on or off.
    SetMouse {
        /// On.
        on: bool,
    },
    /// Draw everything anew.
    Redraw,
    /// Write a document out by its template: send the text back, or put it into a file.
    WritePaper(Box<Paper>),
    /// Keep what is typed into a section, so that it outlives the program; without a text it is not wanted any more.
    KeepDraft {
        /// Of which section.
        of: DraftName,
        /// The text.
        text: Option<String>,
    },
    /// Look whether something was kept of a section, and send it.
    RecallDraft {
        /// Of which section.
        of: DraftName,
    },
    /// Hand the terminal to the person's own editor with a section, and send what they make of it.
    EditElsewhere {
        /// Which section.
        of: DraftName,
        /// What it holds.
        text: String,
    },
    /// Hand the terminal to a replay of an incident: another process, which only reads the store.
    PlayBack {
        /// Which.
        incident: IncidentId,
    },
    /// Have the time of a replay go on, stop, go faster, or be another.
    Replay(replay::Turn),
    /// Ring the terminal's bell.
    Bell,
    /// Tell the terminal, as it is configured.
    Ring {
        /// How.
        terminal: Arc<TrackerSpec>,
        /// What it is about.
        title: String,
        /// What happened.
        text: String,
    },
    /// Suspend to the shell.
    Suspend,
    /// End the program.
    Quit,
}

impl Effect {
    /// Says whether it is about this terminal alone, and so is carried out in a replay too: all else would reach the present.
    pub const fn stays_here(&self) -> bool {
        match self {
            Self::WritePaper(paper) => matches!(paper.wanted, PaperFor::Show),
            Self::ReadAudit
            | Self::Copy { .. }
            | Self::SetMouse { .. }
            | Self::Redraw
            | Self::Say { .. }
            | Self::Suspend
            | Self::Replay(_)
            | Self::Bell
            | Self::Quit => true,
            Self::RunCheck { .. }
            | Self::KeepScreen { .. }
            | Self::Commit { .. }
            | Self::Plan { .. }
            | Self::LookBack { .. }
            | Self::Open { .. }
            | Self::TrySudo { .. }
            | Self::FindSudo { .. }
            | Self::ForgetSudo
            | Self::Offer(_)
            | Self::Stage { .. }
            | Self::StartShare { .. }
            | Self::FollowShare { .. }
            | Self::HoldPipeline { .. }
            | Self::ActOnPipeline { .. }
            | Self::LookAtPipeline(_)
            | Self::LookAtBranch { .. }
            | Self::SkipSnapshot { .. }
            | Self::AcceptHostKey { .. }
            | Self::TrustHostKeyOnce { .. }
            | Self::Reconnect { .. }
            | Self::UnlockIdentity { .. }
            | Self::PullFindings(_)
            | Self::LookForChanges { .. }
            | Self::LookForDifference(_)
            | Self::LookByRunbook { .. }
            | Self::Logs(_)
            | Self::Deliver(_)
            | Self::Preview(_)
            | Self::KeepDraft { .. }
            | Self::RecallDraft { .. }
            | Self::EditElsewhere { .. }
            | Self::PlayBack { .. }
            | Self::Ring { .. }
            | Self::ReloadConfig => false,
        }
    }
}
