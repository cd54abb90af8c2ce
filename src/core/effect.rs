//! What is to be done outside of core, as data.
use std::sync::Arc;

use super::{
    hosts::Question,
    id::{HostName, ServiceId, Uid},
    inventory::CheckSpec,
    logs,
    record::Row,
    runs::{Plan, PlanFacts, gate::Permit},
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
    /// Have the service's recipe plan a restart and send the plan.
    PlanRestart {
        /// The service.
        service: ServiceId,
        /// What recipes plan with.
        facts: PlanFacts,
    },
    /// Run a confirmed plan on its hosts, detached, and follow it.
    StartRun {
        /// The run.
        run: Uid,
        /// What to run.
        plan: Plan,
        /// The gate's leave.
        permit: Permit,
    },
    /// Follow a run that was started earlier, from what its journal says. Changes nothing on the host.
    FollowRun {
        /// The run.
        run: Uid,
        /// What was started.
        plan: Plan,
        /// When it was confirmed: its console may be about to start it, and a host that does not know it is asked again.
        confirmed: Timestamp,
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
    /// Ask something of the log engine.
    Logs(logs::Ask),
    /// Copy text to the terminal's clipboard.
    Copy {
        /// Sanitised text.
        text: String,
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
    /// Ring the terminal's bell.
    Bell,
    /// Suspend to the shell.
    Suspend,
    /// End the program.
    Quit,
}
