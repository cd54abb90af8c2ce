//! Carries out effects. Nothing here decides: what is to be done, and in which order, core has said.
use std::{collections::HashMap, sync::Arc};

use tokio::sync::{Semaphore, mpsc};

use super::{
    changes, differences, drafts, findings,
    front::{Front, Leave},
    inbox::Post,
    logs, offers, outbox, pipeline, planning,
    recorder::{Desk, Job, Wanted},
    runs, staging, sudo,
    supervisor::Supervisor,
};
use crate::{
    checks::{self, Probe},
    config::Env,
    core::{
        Effect, Msg,
        documents::{self, DraftName},
        hosts::Question,
        id::{CheckId, HostName, ServiceId, Uid},
        incidents::suspects::{self, difference},
        inventory::{CheckSpec, Inventory},
        logs::{Ask, redact::Redactor},
        runbooks::{self, Look},
        runs::{
            self as core_runs, Way,
            sudo::{SudoMsg, asks},
        },
        screen::Tone,
        services::{self, CheckResult, Health, Outcome},
        time::{Clock, DAY, Timestamp},
    },
    remote::{Lane, Remote, Script},
    tasks::Tasks,
};

/// Checks that run at once, at most: more wait, and start late rather than all together.
const AT_ONCE: usize = 256;
/// How long a host may take to hear that its snapshot is not waited for.
const SKIP: std::time::Duration = std::time::Duration::from_secs(5);
/// How far back patterns of log lines are remembered.
const REMEMBER_MS: i64 = 7 * DAY;

type Cached = (Arc<CheckSpec>, Result<Arc<dyn Probe>, String>);

/// Carries out effects.
pub struct Executor {
    inventory: Arc<Inventory>,
    context: checks::Context,
    post: Post,
    tasks: Tasks,
    /// None while the store does not work: rows go nowhere, and what waits for them does not happen.
    desk: Option<Desk>,
    /// Why there is no desk.
    no_store: String,
    supervisor: Supervisor,
    /// None where nobody looks at logs.
    logs: Option<logs::Desk>,
    probes: HashMap<CheckId, Cached>,
    slots: Arc<Semaphore>,
    front: mpsc::UnboundedSender<Front>,
    operator: crate::core::id::Operator,
    /// Shares of runs that are followed.
    followed: runs::Followed,
    /// What is asked for the box in which one chooses what is brought out.
    offers: offers::Desk,
    redact: Arc<Redactor>,
    drafts: drafts::Drafts,
}

impl std::fmt::Debug for Executor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Executor").field("probes", &self.probes.len()).finish_non_exhaustive()
    }
}

/// Everything an executor is made of.
pub struct Parts {
    /// How to reach hosts.
    pub remote: Arc<dyn Remote>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Where news go.
    pub post: Post,
    /// Who spawns.
    pub tasks: Tasks,
    /// Where rows go, or why nowhere.
    pub desk: Result<Desk, String>,
    /// Where front-end effects go.
    pub front: mpsc::UnboundedSender<Front>,
    /// Who acts.
    pub operator: crate::core::id::Operator,
    /// Milliseconds between two samples of a host.
    pub sample_every_ms: u64,
    /// The log engine, where there is one.
    pub logs: Option<logs::Desk>,
    /// Masks secrets in the output of runs.
    pub redact: Arc<Redactor>,
    /// Where what is typed and not saved is kept.
    pub drafts: Option<std::path::PathBuf>,
}

impl std::fmt::Debug for Parts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Parts").finish_non_exhaustive()
    }
}

impl Executor {
    /// Makes an executor that watches nothing yet.
    pub fn new(parts: Parts) -> Self {
        let Parts { remote, clock, post, tasks, desk, front, operator, sample_every_ms, logs, redact, drafts } = parts;
        let supervisor =
            Supervisor::new(Arc::clone(&remote), Arc::clone(&clock), post.clone(), tasks.child(), sample_every_ms);
        let (desk, no_store) = match desk {
            Ok(desk) => (Some(desk), String::new()),
            Err(why) => (None, why),
        };
        Self {
            inventory: Arc::default(),
            context: checks::Context { remote, clock },
            post,
            tasks,
            desk,
            no_store,
            supervisor,
            logs,
            probes: HashMap::new(),
            slots: Arc::new(Semaphore::new(AT_ONCE)),
            front,
            operator,
            followed: runs::Followed::default(),
            offers: offers::Desk::default(),
            redact,
            drafts: drafts::Drafts::new(drafts),
        }
    }

    /// Watches what the inventory says from now on.
    pub fn adopt(&mut self, inventory: Arc<Inventory>) {
        self.supervisor.reconcile(&inventory);
        self.logs(logs::Order::Adopt(Arc::clone(&inventory)));
        self.probes.retain(|id, (spec, _)| inventory.check(id) == Some(spec));
        self.inventory = inventory;
    }

    fn trust_once(&mut self, host: &HostName, question: &Question) {
        if let Question::UnknownHostKey { line, .. } = question {
            self.context.remote.trust_host_key_once(line);
            self.trusted(host, line, ("host_key.trusted_once", "its key is trusted until qd ends"));
        }
    }

    /// The desk that rows go to.
    pub fn desk(&self) -> Option<&Desk> {
        self.desk.as_ref()
    }

    /// Carries out one effect.
    pub fn carry_out(&mut self, effect: Effect) {
        match effect {
            Effect::RunCheck { check, slot } => self.run_check(check, slot),
            Effect::Commit { rows, then, what } => self.commit(Job { rows, then, what }),
            Effect::Say { tone, text } => self.post.try_fact(Msg::Said { tone, text }),
            Effect::Plan { service, wanted, may_ask } => self.plan(service, wanted, may_ask),
            Effect::TrySudo { hosts } => self.front(Front::Sudo { hosts }),
            Effect::FindSudo { hosts } => self.find_sudo(hosts),
            Effect::ForgetSudo => self.context.remote.forget_sudo(),
            Effect::LookForChanges { incident, hosts, pipelines, since } => {
                self.look_for_changes(incident, (hosts, pipelines), since);
            }
            Effect::LookForDifference(ask) => self.look_for_difference(*ask),
            Effect::LookByRunbook { incident, step, command, host, look } => {
                self.look_by_runbook(&host, (incident, step, command), *look);
            }
            Effect::LookBack { service, wanted } => self.look_back(service, wanted),
            Effect::Open { plan } => self.open(plan),
            Effect::Offer(ask) => self.offer(ask),
            Effect::Stage { run, plan, host, permit } => {
                tracing::info!(%run, level = ?permit.level(), %host, "a build is brought to a host");
                self.stage(run, &plan, host);
            }
            Effect::StartShare { run, plan, share, permit } => {
                tracing::info!(%run, level = ?permit.level(), title = plan.title, host = %share.0, "a run starts");
                self.follow(run, plan, share, runs::Begin::Start);
            }
            Effect::FollowShare { run, plan, share, since } => {
                self.follow(run, plan, share, runs::Begin::Attach { since });
            }
            Effect::HoldPipeline { run, service, hold, reason, permit } => {
                self.hold(run, &service, (hold, &reason), &permit);
            }
            Effect::ActOnPipeline { plan, incident, reason, permit } => {
                self.act_on_pipeline(pipeline::Confirmed { plan, incident, reason }, &permit);
            }
            Effect::LookAtPipeline(look) => self.look_at_pipeline(look),
            Effect::LookAtBranch { run, service, commit } => self.look_at_branch(run, &service, commit),
            Effect::SkipSnapshot { run, host } => self.skip_snapshot(run, host),
            Effect::AcceptHostKey { host, question } => self.accept(&host, &question),
            Effect::TrustHostKeyOnce { host, question } => self.trust_once(&host, &question),
            Effect::Reconnect { host } => {
                self.context.remote.forget(&host);
                let inventory = Arc::clone(&self.inventory);
                self.supervisor.restart(&host, &inventory);
            }
            Effect::UnlockIdentity { host, identity } => self.front(Front::Unlock { host, identity }),
            Effect::Logs(ask) => {
                if let (Ask::Start, Some(desk)) = (&ask, &self.desk) {
                    desk.load(Wanted::Patterns { from: self.context.clock.now().utc - REMEMBER_MS });
                }
                self.logs(logs::Order::Ask(ask));
            }
            Effect::PullFindings(order) => self.pull_findings(order),
            Effect::Deliver(order) => self.deliver(*order),
            Effect::Preview(order) => {
                outbox::preview(&order, &outbox::means(&self.tasks), &self.redact, &self.post);
            }
            // The engine does it itself, where there is one.
            Effect::Replay(_) => {}
            Effect::ReadAudit => match &self.desk {
                Some(desk) => desk.load(Wanted::Audit),
                None => self.post.try_fact(Msg::AuditRead(Box::new(Err(self.no_store.clone())))),
            },
            Effect::WritePaper(paper) => drafts::paper(*paper, &self.redact, &self.tasks, &self.post),
            Effect::KeepDraft { of, text } => self.drafts.keep(of, text, &self.tasks),
            Effect::RecallDraft { of } => self.drafts.recall(of, &self.tasks, &self.post),
            Effect::EditElsewhere { of, text } => self.edit(of, &text),
            Effect::PlayBack { incident } => self.front(Front::Leave(Leave::PlayBack { incident })),
            Effect::Copy { text } => self.front(Front::Copy(text)),
            Effect::ReloadConfig => self.front(Front::ReloadConfig),
            Effect::KeepScreen { incident } => self.front(Front::KeepScreen(incident)),
            Effect::SetMouse { on } => self.front(Front::SetMouse(on)),
            Effect::Redraw => self.front(Front::Redraw),
            Effect::Bell => self.front(Front::Bell),
            Effect::Ring { terminal, title, text } => self.front(Front::Ring { terminal, title, text }),
            Effect::Suspend => self.front(Front::Suspend),
            Effect::Quit => self.front(Front::Quit),
        }
    }

    /// Does something at a tracker, or tells somebody.
    fn deliver(&self, order: crate::core::outbox::Order) {
        let (means, redact) = (outbox::means(&self.tasks), Arc::clone(&self.redact));
        self.tasks.spawn("outbox", outbox::deliver(order, means, redact, self.post.clone())).detach();
    }

    /// Uses a passphrase, then tries the host again.
    pub fn unlock(&mut self, host: &HostName, identity: &str, passphrase: secrecy::SecretString) {
        self.context.remote.unlock(identity, passphrase);
        let inventory = Arc::clone(&self.inventory);
        self.supervisor.restart(host, &inventory);
    }

    /// Tries a password for `sudo`.
    pub fn try_sudo(&self, hosts: Vec<HostName>, password: secrecy::SecretString) {
        let remote = Arc::clone(&self.context.remote);
        self.tasks.spawn("sudo", sudo::given(remote, hosts, password, self.post.clone())).detach();
    }

    fn find_sudo(&self, hosts: Vec<HostName>) {
        let (remote, inventory) = (Arc::clone(&self.context.remote), Arc::clone(&self.inventory));
        self.tasks.spawn("sudo", sudo::found(remote, inventory, hosts, self.post.clone())).detach();
    }

    /// Puts a section into a file, which the terminal hands to the person's editor. What was typed there before goes first.
    fn edit(&self, of: DraftName, text: &str) {
        let refused = |why: String| {
            let msg = documents::Msg::Edited { of, text: Err(why) };
            self.post.try_fact(Msg::Documents(msg));
        };
        let Some(path) = self.drafts.path(of) else { return refused("there is no place to keep a draft".to_owned()) };
        let made = if path.exists() { Ok(()) } else { drafts::write(&path, text) };
        match made {
            Ok(()) => self.front(Front::Leave(Leave::Edit { of, path })),
            Err(error) => refused(format!("{}: {error}", path.display())),
        }
    }

    fn logs(&self, order: logs::Order) {
        if let Some(desk) = &self.logs {
            desk.send(order);
        }
    }

    /// Tells the log engine where PM2 keeps its logs.
    pub fn pm2(&self, host: &HostName, list: &crate::core::hosts::Pm2List) {
        self.logs(logs::Order::Pm2(host.clone(), list.clone()));
    }

    /// Has logs read and shown by other rules.
    pub fn log_rules(&mut self, rules: logs::Rules) {
        self.redact = Arc::clone(&rules.redact);
        self.logs(logs::Order::Rules(rules));
    }

    fn front(&self, front: Front) {
        // The receiver lives as long as the loop: after it nobody is left to be told.
        drop(self.front.send(front));
    }

    fn commit(&self, job: Job) {
        let (job, why) = match &self.desk {
            Some(desk) => match desk.write(job) {
                Ok(()) => return,
                Err(job) => (job, "the disk is too slow"),
            },
            None => (job, self.no_store.as_str()),
        };
        if let Some(msg) = job.refused(why.to_owned()) {
            self.post.try_fact(msg);
        }
    }

    fn accept(&mut self, host: &HostName, question: &Question) {
        let Question::UnknownHostKey { line, .. } = question else { return };
        match self.context.remote.accept_host_key(line) {
            Ok(()) => self.trusted(host, line, ("host_key.accepted", "its key was added to known_hosts")),
            Err(error) => {
                let text = format!("the key was not saved: {error}");
                self.post.try_fact(Msg::Said { tone: Tone::Error, text });
            }
        }
    }

    /// Tries a host again whose key is trusted now, and keeps on record that somebody said so.
    fn trusted(&mut self, host: &HostName, line: &str, (what, said): (&str, &str)) {
        let inventory = Arc::clone(&self.inventory);
        self.supervisor.restart(host, &inventory);
        let audit = crate::core::record::Audit {
            at: self.context.clock.now().utc,
            by: self.operator.clone(),
            from: String::new(),
            what: what.into(),
            target: host.to_string(),
            detail: line.to_owned(),
        };
        self.commit(Job { rows: vec![crate::core::record::Row::Audit(audit)], then: Vec::new(), what: None });
        self.post.try_fact(Msg::Said { tone: Tone::Done, text: format!("{host}: {said}") });
    }

    fn run_check(&mut self, check: Arc<CheckSpec>, slot: Timestamp) {
        let stale = self.probes.get(&check.id).is_none_or(|(spec, _)| *spec != check);
        if stale {
            let probe = checks::probe(&check).map(Arc::from).map_err(|report| report.to_string());
            self.probes.insert(check.id.clone(), (Arc::clone(&check), probe));
        }
        let Some((_, probe)) = self.probes.get(&check.id) else { return };
        let probe = probe.clone();
        let (context, post, slots) = (self.context.clone(), self.post.clone(), Arc::clone(&self.slots));
        self.tasks
            .spawn("check", async move {
                let permit = slots.acquire_owned().await;
                let seen = match probe {
                    Ok(probe) => probe.ask(&context).await,
                    // The check cannot be made as it is configured: that says nothing about the service.
                    Err(why) => {
                        checks::Seen { outcome: Outcome::Unknown, took_ms: None, detail: why, cert_not_after: None }
                    }
                };
                drop(permit);
                let result = CheckResult {
                    check: check.id.clone(),
                    slot,
                    at: context.clock.now().utc,
                    outcome: seen.outcome,
                    took_ms: seen.took_ms,
                    detail: seen.detail,
                    cert_not_after: seen.cert_not_after,
                };
                let origin = services::Origin::Measured;
                post.fact(Msg::Services(services::Msg::ResultArrived { result, origin })).await;
            })
            .detach();
    }

    /// Holds the pipeline of a service that goes back.
    fn hold(
        &self,
        run: Uid,
        service: &ServiceId,
        (hold, reason): (core_runs::stick::PipelineHold, &str),
        permit: &core_runs::gate::Permit,
    ) {
        tracing::info!(%run, level = ?permit.level(), %service, "its pipeline is held");
        let Some(of) = self.pipeline(service) else { return };
        let (clock, post, by) = (Arc::clone(&self.context.clock), self.post.clone(), self.operator.clone());
        let comment = format!("{by} went back by quarterdeck: {reason}");
        let work = async move {
            let stands = pipeline::hold(&of, &Env::of_process(), &hold, &comment).await;
            let kind = core_runs::RunEventKind::PipelineHeld(stands);
            let event = core_runs::RunEvent { run, at: clock.now().utc, by, kind };
            post.fact(Msg::Runs(core_runs::Msg::Happened(event))).await;
        };
        self.tasks.spawn("hold the pipeline", work).detach();
    }

    fn pull_findings(&self, order: Box<crate::core::findings::Order>) {
        self.tasks.spawn("findings", findings::pull(order, self.post.clone())).detach();
    }

    fn act_on_pipeline(&self, confirmed: pipeline::Confirmed, permit: &core_runs::gate::Permit) {
        tracing::info!(level = ?permit.level(), title = confirmed.plan.title, "something is done to a pipeline");
        let (of, clock) = (self.pipeline(&confirmed.plan.service), Arc::clone(&self.context.clock));
        let work = pipeline::act(of, confirmed, (self.operator.clone(), clock), self.post.clone());
        self.tasks.spawn("act on the pipeline", work).detach();
    }

    fn look_at_pipeline(&self, look: crate::core::pipelines::Look) {
        let (of, clock) = (self.pipeline(&look.service), Arc::clone(&self.context.clock));
        self.tasks.spawn("look at the pipeline", pipeline::tell(of, look, clock, self.post.clone())).detach();
    }

    fn pipeline(&self, service: &ServiceId) -> Option<Arc<crate::core::inventory::Pipeline>> {
        self.inventory.service(service).and_then(|service| service.pipeline.clone())
    }

    /// Looks whether a branch takes back what was left.
    fn look_at_branch(&self, run: Uid, service: &ServiceId, commit: String) {
        let Some(of) = self.pipeline(service) else { return };
        let (clock, post, by) = (Arc::clone(&self.context.clock), self.post.clone(), self.operator.clone());
        let work = async move {
            match pipeline::reverted(&of, &Env::of_process(), &commit).await {
                Ok(Some(sha)) => {
                    let kind = core_runs::RunEventKind::Settled(core_runs::stick::Settled::Reverted { by: sha });
                    let event = core_runs::RunEvent { run, at: clock.now().utc, by, kind };
                    post.fact(Msg::Runs(core_runs::Msg::Happened(event))).await;
                }
                Ok(None) => {}
                // It is asked again: until then the notice stays.
                Err(why) => tracing::warn!(%run, why, "the branch was not looked at"),
            }
        };
        self.tasks.spawn("look at the branch", work).detach();
    }

    fn offer(&mut self, ask: core_runs::offer::OfferAsk) {
        let around = offers::Around {
            remote: &self.context.remote,
            clock: &self.context.clock,
            inventory: &self.inventory,
            post: &self.post,
            tasks: &self.tasks,
        };
        self.offers.answer(ask, &around);
    }

    /// Asks the hosts how they stand and has the recipe plan.
    fn plan(&self, service: ServiceId, wanted: core_runs::Wanted, may_ask: bool) {
        let (remote, inventory) = (Arc::clone(&self.context.remote), Arc::clone(&self.inventory));
        let (post, clock) = (self.post.clone(), Arc::clone(&self.context.clock));
        let plan = async move {
            let ask = async |hosts| {
                let msg = SudoMsg::Needed { service: service.clone(), hosts };
                post.fact(Msg::Runs(core_runs::Msg::Sudo(msg))).await;
            };
            let lacking = planning::lacking(remote.as_ref(), &inventory, &service, &wanted);
            if may_ask && !lacking.is_empty() {
                return ask(lacking).await;
            }
            let made = planning::plan(remote.as_ref(), &inventory, &service, &wanted, clock.as_ref()).await;
            let lacking = made.as_ref().map(|plan| planning::lacked_by(remote.as_ref(), &inventory, plan));
            if let Some(hosts) = lacking.ok().filter(|hosts| may_ask && !hosts.is_empty()) {
                return ask(hosts).await;
            }
            let msg = match made {
                Ok(plan) => planned(Arc::new(plan)),
                Err(why) => Msg::Runs(core_runs::Msg::PlanRefused { service, why }),
            };
            post.fact(msg).await;
        };
        self.tasks.spawn("plan", plan).detach();
    }

    /// Opens the review of a plan that was made before, unless it needs a password first.
    fn open(&self, plan: Arc<core_runs::Plan>) {
        let hosts = planning::lacked_by(self.context.remote.as_ref(), &self.inventory, &plan);
        self.post.try_fact(if hosts.is_empty() {
            planned(plan)
        } else {
            Msg::Runs(core_runs::Msg::Sudo(SudoMsg::Needed { service: plan.service.clone(), hosts }))
        });
    }

    /// Asks the hosts how a service would go back.
    fn look_back(&self, service: ServiceId, wanted: core_runs::Wanted) {
        let (remote, inventory) = (Arc::clone(&self.context.remote), Arc::clone(&self.inventory));
        let (post, clock) = (self.post.clone(), Arc::clone(&self.context.clock));
        let look = async move {
            let seen = planning::way_back(remote.as_ref(), &inventory, &service, wanted, clock.as_ref()).await;
            let seen = seen.map(Box::new);
            post.fact(Msg::Runs(core_runs::Msg::LookedBack { service, seen })).await;
        };
        self.tasks.spawn("way back", look).detach();
    }

    /// Asks hosts what changed there.
    fn look_for_changes(&self, incident: Uid, whom: (Vec<HostName>, Vec<ServiceId>), since: Timestamp) {
        let around = changes::Around { tasks: &self.tasks, post: &self.post, inventory: &self.inventory };
        around.ask(incident, whom, since, (&self.context, &self.redact));
    }

    /// Asks GitHub or a host what a change changed.
    fn look_for_difference(&self, ask: difference::Ask) {
        let (inventory, redact, post) = (Arc::clone(&self.inventory), Arc::clone(&self.redact), self.post.clone());
        let remote = Arc::clone(&self.context.remote);
        let look = async move {
            let seen = Box::new(differences::look(remote.as_ref(), &inventory, &ask, &redact).await);
            post.fact(Msg::Suspects(suspects::Msg::Differs { key: ask.key, seen })).await;
        };
        self.tasks.spawn("difference", look).detach();
    }

    /// Asks a host what a step of a runbook asks.
    fn look_by_runbook(&self, host: &HostName, (incident, step, command): (Uid, (String, String), String), look: Look) {
        let Some(host) = self.inventory.host(host).map(Arc::clone) else { return };
        let (remote, redact, post) = (Arc::clone(&self.context.remote), Arc::clone(&self.redact), self.post.clone());
        let ask = async move {
            let seen = Box::new(super::runbooks::look(remote.as_ref(), &host, &look, redact).await);
            post.fact(Msg::Runbooks(runbooks::Msg::Seen { incident, step, command, seen })).await;
        };
        self.tasks.spawn("runbook", ask).detach();
    }

    /// Brings a plan's build to a host.
    fn stage(&self, run: Uid, plan: &core_runs::Plan, host: HostName) {
        let Some(build) = plan.upload.clone() else { return };
        let (remote, clock) = (Arc::clone(&self.context.remote), Arc::clone(&self.context.clock));
        let (post, by) = (self.post.clone(), self.operator.clone());
        let stage = async move {
            let kind = staging::stage(remote.as_ref(), &post, run, &host, &build).await;
            let event = core_runs::RunEvent { run, at: clock.now().utc, by, kind };
            post.fact(Msg::Runs(core_runs::Msg::Happened(event))).await;
        };
        self.tasks.spawn("upload", stage).detach();
    }

    /// Tells the look at a host to end; it would by itself within two seconds.
    fn skip_snapshot(&self, run: Uid, host: HostName) {
        let (remote, post) = (Arc::clone(&self.context.remote), self.post.clone());
        let skip = async move {
            let script =
                Script { timeout: SKIP, ..Script::brief(format!("touch \"$HOME/.quarterdeck/runs/{run}/skip\"")) };
            if let Err(error) = remote.run(&host, Lane::Control, script).await {
                let text = format!("{host}: the snapshot goes on, 2 s at most: {error}");
                post.fact(Msg::Said { tone: Tone::Info, text }).await;
            }
        };
        self.tasks.spawn("skip", skip).detach();
    }

    fn follow(&self, run: Uid, plan: Arc<core_runs::Plan>, (host, way): (HostName, Way), begin: runs::Begin) {
        let share = (run, host.clone(), way);
        // Once at a time: what is started here is not looked at a second time because the store tells of it too.
        let Some(held) = runs::Held::take(&self.followed, share) else { return };
        let asks_sudo = asks(&self.inventory, &host);
        let follower = runs::Follower {
            remote: Arc::clone(&self.context.remote),
            clock: Arc::clone(&self.context.clock),
            post: self.post.clone(),
            operator: self.operator.clone(),
            run,
            plan,
            host,
            way,
            redact: Arc::clone(&self.redact),
            asks_sudo,
        };
        let follow = async move {
            follower.follow(begin).await;
            drop(held);
        };
        self.tasks.spawn("run", follow).detach();
    }
}

/// Says that a plan was made; what only core knows of its service it adds.
fn planned(plan: Arc<core_runs::Plan>) -> Msg {
    let (run, before) = (random_uid(), Health::Unknown);
    Msg::Runs(core_runs::Msg::Planned { run, plan, incident: None, before, urgent: false })
}

/// Makes an id that no other process makes.
pub fn random_uid() -> Uid {
    use ring::rand::SecureRandom as _;

    let mut uid = [0; 6];
    if ring::rand::SystemRandom::new().fill(&mut uid).is_err() {
        tracing::error!("the system gives no random numbers: ids may clash");
    }
    Uid(uid)
}
