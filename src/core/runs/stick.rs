//! What makes a rollback stick: the pipeline that brought the bad version is held, and until that version cannot come back by
//! itself any more, the console says that it can.
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    Action, Actor, Ask, Out, Run, RunEventKind, RunOutcome, State, Verdict, Way,
    conduct::{Scene, happen},
    reducer::audit,
};
use crate::core::{
    id::{Operator, ServiceId, Uid},
    record::Row,
    time::{Now, Timestamp},
};

/// Milliseconds between two looks at a branch for a commit that takes back another.
const BRANCH_MS: u64 = 60_000;

/// What a plan does to the pipeline where the service goes back. Part of what is confirmed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PipelineHold {
    /// The repository: `acme/play`.
    pub repo: String,
    /// The workflow's file: `deploy.yml`.
    pub workflow: String,
    /// The branch that it brings out.
    pub branch: String,
    /// Whether the workflow is disabled, so that nothing begins a run of it.
    pub disables: bool,
}

impl PipelineHold {
    /// Says what is done, as a sentence for whoever confirms it.
    pub fn words(&self) -> String {
        let Self { repo, workflow, .. } = self;
        let disables = if self.disables { format!("{workflow} of {repo} is disabled, ") } else { String::new() };
        format!(
            "its pipeline is held: {disables}runs of {workflow} that wait are rejected, those that are queued cancelled"
        )
    }
}

/// How the pipeline of a service stands since it went back.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// What was done there, line by line.
    pub did: Vec<String>,
    /// The commit that the pipeline brought out last: what was left.
    pub commit: Option<String>,
    /// Whether the workflow is disabled.
    pub disabled: bool,
    /// What could not be done, and why.
    pub error: Option<String>,
}

/// Why nothing needs to be said of it any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "how", rename_all = "snake_case")]
pub enum Settled {
    /// The branch takes the commit back.
    Reverted {
        /// By this commit.
        by: String,
    },
    /// Another version is there since, or was left since.
    Replaced {
        /// By this run.
        by: Uid,
    },
    /// A person said that it may be left so.
    SetAside {
        /// Why.
        reason: String,
    },
}

/// That a version which was left would be brought back by the pipeline.
#[derive(Clone, Debug, PartialEq)]
pub struct Notice<'a> {
    /// The run that left it.
    pub run: &'a Run,
    /// The pipeline.
    pub hold: &'a PipelineHold,
    /// The version that was left.
    pub version: &'a str,
}

impl Notice<'_> {
    /// Says it: `the next push to main brings v2 back`.
    pub fn words(&self) -> String {
        let (Notice { version, hold, .. }, held) = (self, self.run.hold.as_ref());
        let back = format!("the next push to {} brings {version} back", hold.branch);
        match held {
            None if hold.disables => format!("{back}: the pipeline is being held"),
            Some(Held { error: Some(why), disabled: true, .. }) => {
                format!("{} is held, but not all of it ({why}); released, {back}", hold.workflow)
            }
            Some(Held { error: Some(_), .. }) => format!("{back}: its pipeline is NOT held"),
            Some(Held { disabled: true, .. }) => format!("{} is held; released, {back}", hold.workflow),
            None | Some(_) => back,
        }
    }

    /// Returns what is to be done about it, as commands.
    pub fn help(&self) -> String {
        let service = &self.run.plan.service;
        format!("qd pipeline revert {service} prints how to take it back; qd pipeline settle {service} sets this aside")
    }

    /// Returns the commands that take the commit back on its branch; none where it is not known.
    pub fn revert(&self) -> Option<Vec<String>> {
        let PipelineHold { repo, branch, .. } = self.hold;
        let commit = self.run.hold.as_ref()?.commit.as_deref().filter(|commit| is_commit(commit))?;
        let own = format!("revert-{}", commit.get(..8)?);
        let quoted = quote(branch);
        let from = quote(&format!("origin/{branch}"));
        Some(vec![
            format!("git fetch origin {quoted}"),
            format!("git switch -c {own} {from}"),
            // A merge says with `-m 1` which side stays.
            format!("git revert --no-edit {commit}"),
            format!("git push -u origin {own}"),
            format!("gh pr create --repo {repo} --base {quoted} --head {own} --fill"),
        ])
    }
}

/// Quotes a word for a shell.
fn quote(word: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "._/-".contains(letter);
    if word.chars().all(plain) && !word.starts_with('-') {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// Says whether a text is a whole commit.
pub fn is_commit(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Returns the version that a run left, where it left one.
fn left(run: &Run) -> Option<&str> {
    match (&run.plan.action, run.outcome) {
        (Action::Rollback { .. }, Some((RunOutcome::Succeeded, _))) => {
            Some(run.plan.from.as_deref().unwrap_or("what was left"))
        }
        (Action::Deploy { version }, Some((RunOutcome::Undone, _))) => Some(version),
        (Action::Rollback { .. } | Action::Deploy { .. } | Action::Restart | Action::Other { .. }, _) => None,
    }
}

/// Says whether another version is there for good since.
fn replaced(run: &Run) -> bool {
    let deployed = matches!(run.plan.action, Action::Deploy { .. });
    let well = matches!(run.outcome, Some((RunOutcome::Succeeded, _)));
    deployed && well && matches!(run.proof, Some((Verdict::Recovered, _)))
}

impl State {
    /// Returns the versions that could come back by themselves, the newest of each service.
    pub fn notices(&self) -> Vec<Notice<'_>> {
        let mut newest: BTreeMap<&ServiceId, Option<Notice<'_>>> = BTreeMap::new();
        for run in self.newest_first() {
            let service = &run.plan.service;
            if newest.contains_key(service) {
                continue;
            }
            if replaced(run) {
                newest.insert(service, None);
            } else if let (Some(version), Some(hold)) = (left(run), &run.plan.pipeline) {
                let open = run.settled.is_none();
                newest.insert(service, open.then_some(Notice { run, hold, version }));
            }
        }
        newest.into_values().flatten().collect()
    }

    /// Returns the notice of a service.
    pub fn notice(&self, service: &ServiceId) -> Option<Notice<'_>> {
        self.notices().into_iter().find(|notice| notice.run.plan.service == *service)
    }
}

/// Says whether a run that goes back, or is taken back, has begun to.
fn goes_back(run: &Run) -> bool {
    let way = match run.plan.action {
        Action::Rollback { .. } => Way::There,
        Action::Deploy { .. } => Way::Back,
        Action::Restart | Action::Other { .. } => return false,
    };
    run.shares.iter().any(|(_, of)| *of == way)
}

/// Has pipelines held whose services go back from here, and looks at branches.
pub(super) fn tick(state: &mut State, (now, _, actor): Scene<'_>, out: &mut Out) {
    let console = state.console;
    for run in state.runs.values_mut() {
        let ours = run.coordinator == Some(console) && !run.hold_asked && run.hold.is_none();
        let (true, Some(hold), Some(permit)) = (ours && goes_back(run), &run.plan.pipeline, &run.permit) else {
            continue;
        };
        run.hold_asked = true;
        let (service, detail) = (run.plan.service.clone(), format!("{}: {}", run.run, hold.words()));
        // On the audit before it is done.
        let rows = vec![Row::Audit(audit(actor, now, "pipeline.hold", &service.to_string(), &detail))];
        let (hold, permit, reason) = (hold.clone(), permit.clone(), run.reason.clone());
        out.asks.push(Ask::Hold { rows, run: run.run, service, hold, reason, permit });
    }
    settle_replaced(state, (now, actor), out);
    let due: Vec<Uid> = state
        .notices()
        .into_iter()
        .filter(|notice| notice.run.branch_asked.is_none_or(|asked| now.mono.since(asked) >= BRANCH_MS))
        .filter(|notice| notice.run.hold.as_ref().is_some_and(|held| held.commit.is_some()))
        .map(|notice| notice.run.run)
        .collect();
    for uid in due {
        let Some(run) = state.runs.get_mut(&uid) else { continue };
        run.branch_asked = Some(now.mono);
        let Some(commit) = run.hold.as_ref().and_then(|held| held.commit.clone()) else { continue };
        out.asks.push(Ask::LookAtBranch { run: uid, service: run.plan.service.clone(), commit });
    }
}

/// Writes down that a later run settled what an earlier one left: who reads only the earlier one must see it.
fn settle_replaced(state: &mut State, (now, actor): (Now, &Actor), out: &mut Out) {
    let mut newest: BTreeMap<ServiceId, Uid> = BTreeMap::new();
    let mut settled: Vec<(Uid, Uid)> = Vec::new();
    for run in state.newest_first() {
        let leaves = left(run).is_some() && run.plan.pipeline.is_some();
        match newest.get(&run.plan.service) {
            Some(by) if leaves && run.settled.is_none() => settled.push((run.run, *by)),
            None if leaves || replaced(run) => drop(newest.insert(run.plan.service.clone(), run.run)),
            Some(_) | None => {}
        }
    }
    for (run, by) in settled {
        happen(state, run, RunEventKind::Settled(Settled::Replaced { by }), (now, actor), out);
    }
}

impl Run {
    /// Says whether its pipeline is to be held from here, and nobody knows yet what became of that.
    pub fn awaits_hold(&self) -> bool {
        self.plan.pipeline.is_some() && self.permit.is_some() && self.hold.is_none() && goes_back(self)
    }
}

/// Adds how the pipeline stands.
pub(super) fn held(run: &mut Run, held: &Held) -> bool {
    let news = run.hold.as_ref() != Some(held);
    if news {
        run.hold = Some(held.clone());
    }
    news
}

/// Adds that it is settled.
pub(super) fn settle(run: &mut Run, how: &Settled, by: &Operator, at: Timestamp) -> bool {
    let news = run.settled.is_none();
    if news {
        run.settled = Some((how.clone(), by.clone(), at));
    }
    news
}
