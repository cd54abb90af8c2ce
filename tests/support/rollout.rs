//! Changes of several hosts in that night: planned, under way, baking, lost, taken back, proved. By the program's own rules.
use std::sync::Arc;

use quarterdeck::core::{
    Msg,
    action::Action,
    id::{HostName, Uid},
    inventory::{Host, Service},
    runs::{
        self, Action as Change, Build, Fit, HostSet, OutputLine, Plan, Precheck, RunEvent, RunEventKind, RunOutcome,
        Sides, Step, StepEnd, Strategy, Verdict, Way,
        policy::{Grave, Role, Roles},
        proof::{Measured, When},
        stick::{Held, PipelineHold},
    },
    screen::Draft,
    services::Health,
    time::SECOND,
};

use crate::night::{AT, Night};

const STEPS: [&str; 5] = ["drain", "switch", "reload", "verify", "traffic"];
const BACK: [&str; 2] = ["switch", "reload"];

fn host(nth: usize) -> HostName {
    HostName::from(format!("play-{nth:02}").as_str())
}

fn command(name: &str, to: &str) -> String {
    match name {
        "drain" => "touch /srv/play/drain && sleep 3".to_owned(),
        "switch" => {
            format!("ln -sfn releases/{to} /srv/play/current.new && mv -T /srv/play/current.new /srv/play/current")
        }
        "reload" => "pm2 reload play --update-env".to_owned(),
        "verify" => format!("curl -fsS -m2 localhost:3004/health | grep -qF '\"version\":\"{to}\"'"),
        _ => "rm -f /srv/play/drain".to_owned(),
    }
}

/// A rollback of Play on so many hosts.
fn plan(night: &Night, hosts: usize) -> Plan {
    let service = night.state.inventory.services.iter().find(|of| of.id.service.as_str() == "Play").unwrap();
    let step = |nth: usize, name: &str, to: &str| Step {
        host: host(nth),
        name: name.into(),
        command: command(name, to),
        path_prefix: Vec::new(),
        timeout_ms: 60_000,
    };
    let of = |names: &[&str], to: &str| -> Vec<Step> {
        (1..=hosts).flat_map(|nth| names.iter().map(move |name| step(nth, name, to))).collect()
    };
    let mut plan = Plan {
        action: Change::Rollback { version: "v2.30.4".into() },
        from: Some("v2.31.0".into()),
        steps: of(&STEPS, "20261118091122-v2.30.4"),
        undo_steps: of(&BACK, "20261120025801-v2.31.0"),
        undo_by_itself: true,
        strategy: Strategy::Canary { hosts: vec![host(1)], then: 2 },
        max_failures: 1,
        effect: "no open request is cut: each host is drained for 3 s first".into(),
        undo: "the release before it comes back: v2.31.0, on each host that was changed".into(),
        proof: "its checks, the version it reports, and its errors".into(),
        ..Plan::new(service.id.clone(), "roll back Play", "/srv/play/.qd.lock")
    };
    plan.between.healthy = 3;
    plan
}

/// Gives Play so many hosts.
fn grown(mut night: Night, hosts: usize) -> Night {
    let mut inventory = (*night.state.inventory).clone();
    let model = Arc::clone(inventory.hosts.iter().find(|of| of.name.as_str() == "play-01").unwrap());
    for nth in 3..=hosts {
        let made = Host { name: host(nth), address: format!("{}.acme.example", host(nth)), ..(*model).clone() };
        inventory.hosts.push(Arc::new(made));
    }
    for service in &mut inventory.services {
        if service.id.service.as_str() == "Play" {
            *service = Arc::new(Service { hosts: (1..=hosts).map(host).collect(), ..(**service).clone() });
        }
    }
    night.state.inventory = Arc::new(inventory);
    night
}

/// A run under way on so many hosts.
pub(crate) struct Rollout {
    night: Night,
    run: Uid,
    hosts: usize,
}

impl Rollout {
    pub(crate) fn new(hosts: usize, change: impl FnOnce(&mut Plan)) -> Self {
        let mut night = grown(Night::new(), hosts);
        let mut plan = plan(&night, hosts);
        change(&mut plan);
        night.plan = Some(plan);
        let mut night = night.review();
        night.types(Draft::Name, "Play");
        night.act(&[Action::Confirm]);
        night.pass(3);
        let run = *night.state.runs.runs.keys().next().expect("it was confirmed");
        Self { night, run, hosts }
    }

    fn happened(&mut self, kind: RunEventKind) {
        let event = RunEvent { run: self.run, at: self.night.now.utc, by: "op1".into(), kind };
        self.night.tell(Msg::Runs(runs::Msg::Happened(event)));
    }

    fn says(&mut self, step: usize, text: &str) {
        let line = OutputLine { at: self.night.now.utc, step, text: text.into() };
        self.night.tell(Msg::Runs(runs::Msg::OutputArrived { run: self.run, line }));
    }

    fn begin(&mut self, nth: usize, way: Way) {
        self.happened(RunEventKind::HostStarted { host: host(nth), way });
    }

    /// A host's step, so many seconds of it, and how it ended; none: it still runs.
    fn step(&mut self, number: usize, seconds: i64, end: Option<StepEnd>) {
        self.happened(RunEventKind::StepStarted { step: number });
        let step = self.night.state.runs.runs[&self.run].plan.step(number).unwrap().clone();
        self.says(number, &format!("{}: {}", step.name, step.command));
        self.night.now.utc = self.night.now.utc + seconds * SECOND;
        self.night.now.mono.0 += (seconds * SECOND).unsigned_abs();
        if let Some(end) = end {
            self.happened(RunEventKind::StepEnded { step: number, end });
        }
    }

    /// All steps of a host, well.
    fn whole(&mut self, nth: usize) {
        self.begin(nth, Way::There);
        for (at, seconds) in [3, 1, 6, 4, 1].into_iter().enumerate() {
            self.step((nth - 1) * STEPS.len() + at, seconds, Some(StepEnd::Exit(0)));
        }
    }

    fn gate(&mut self, wave: usize) {
        let summary = "3 answers in a row no worse than before".to_owned();
        self.happened(RunEventKind::GatePassed { wave, summary });
    }

    fn measured(&mut self, when: When, health: Health, (error_pct, p95_ms, new): (f64, f64, Option<u32>)) {
        let of = Measured {
            health: Some(health),
            latency_ms: Some(if health == Health::Up { 38 } else { 91 }),
            error_pct: Some(error_pct),
            p95_ms: Some(p95_ms),
            new_errors: new,
            ..Measured::default()
        };
        self.happened(RunEventKind::Measured { when, of: Box::new(of) });
    }

    pub(crate) fn night(mut self) -> Night {
        self.night.sampled();
        self.night.pass(0);
        self.night.state.screen.message = None;
        self.night
    }

    /// The canary is done, one host of the second wave failed and one is slow; the others wait.
    pub(crate) fn live(hosts: usize) -> Self {
        let mut run = Self::new(hosts, |_| ());
        run.whole(1);
        run.gate(0);
        run.begin(2, Way::There);
        run.begin(3, Way::There);
        for (step, seconds) in [(5, 3), (6, 1), (10, 3), (11, 1)] {
            run.step(step, seconds, Some(StepEnd::Exit(0)));
        }
        run.step(7, 2, None);
        run.says(7, "[PM2] Applying action reloadProcessId on app [play](ids: [ 4 ])");
        run.step(12, 4, Some(StepEnd::Exit(1)));
        run.says(12, "[PM2][ERROR] Process or Namespace play not found");
        run
    }

    /// What is seen of the first host is being kept.
    pub(crate) fn snapshot() -> Self {
        let mut run = Self::new(2, |plan| {
            let look = plan.steps.first().cloned().map(|step| Step { name: runs::SNAPSHOT.into(), ..step });
            plan.steps.splice(0..0, look);
        });
        run.begin(1, Way::There);
        run.step(0, 1, None);
        run
    }

    /// Of two sets: green is changed and well, the first of two balancers leads there, and the checks stand before the second.
    pub(crate) fn led() -> Self {
        let mut run = Self::new(4, two_sets);
        for (at, seconds) in [3, 1, 6, 4, 1].into_iter().enumerate() {
            if at == 0 {
                run.begin(2, Way::There);
            }
            run.step(at, seconds, Some(StepEnd::Exit(0)));
        }
        run.gate(0);
        run.begin(3, Way::There);
        run.step(STEPS.len(), 1, Some(StepEnd::Exit(0)));
        run
    }

    /// The build is brought to its hosts.
    pub(crate) fn staging() -> Self {
        let mut run = Self::new(4, |plan| {
            plan.action = Change::Deploy { version: "v2.31.1".into() };
            plan.title = "deploy v2.31.1 of Play".into();
            plan.upload = Some(Build {
                path: "build/play-v2.31.1.tar.gz".into(),
                version: "v2.31.1".into(),
                sha256: "1b90aa2f".repeat(8),
                bytes: 52_428_800,
                made: AT,
            });
        });
        run.night.pass(1);
        for (nth, bytes) in [(1, 52_428_800), (2, 33_030_144), (3, 4_718_592), (4, 26_214_400)] {
            run.night.tell(Msg::Runs(runs::Msg::Uploading { run: run.run, host: host(nth), bytes }));
        }
        run.happened(RunEventKind::Staged { host: host(1), error: None });
        run
    }

    /// All hosts are done, and what was brought back must stay good for a while.
    pub(crate) fn baking() -> Self {
        let mut run = Self::new(3, |plan| plan.between.bake_ms = 600_000);
        run.measured(When::Before, Health::Down, (8.4, 9_800.0, None));
        for nth in 1..=3 {
            run.whole(nth);
        }
        run.gate(0);
        run.night.pass(0);
        run.night.pass(130);
        run
    }

    /// The link to a host was lost in the middle of a step.
    pub(crate) fn unknown() -> Self {
        let mut run = Self::live(6);
        let how = "nobody knows how reload ended on play-02: when the host answers again, qd attach RUN-882 reads its journal; by hand: \
            ssh play-02 cat .quarterdeck/runs/8f21c0aa9d31/journal";
        run.happened(RunEventKind::StepEnded { step: 7, end: StepEnd::Unknown(how.into()) });
        run.happened(RunEventKind::Ended { outcome: RunOutcome::Unknown });
        run
    }

    /// It went back, and the next push would bring back what it left.
    pub(crate) fn left() -> Self {
        let hold = PipelineHold {
            repo: "acme/play".into(),
            workflow: "deploy.yml".into(),
            branch: "main".into(),
            disables: false,
        };
        let mut run = Self::new(3, |plan| plan.pipeline = Some(hold));
        for nth in 1..=3 {
            run.whole(nth);
        }
        run.happened(RunEventKind::Ended { outcome: RunOutcome::Succeeded });
        let did = vec!["run 812 of main by ann is rejected".to_owned()];
        let commit = Some("9c1e".repeat(10));
        run.happened(RunEventKind::PipelineHeld(Held { did, commit, ..Held::default() }));
        run
    }

    /// It is over, and the service recovered or did not; then it was taken back.
    pub(crate) fn proved(recovered: bool) -> Self {
        let mut run = Self::new(3, |_| ());
        run.measured(When::Before, Health::Down, (8.4, 9_800.0, None));
        for nth in 1..=3 {
            run.whole(nth);
        }
        if recovered {
            run.happened(RunEventKind::Ended { outcome: RunOutcome::Succeeded });
            run.measured(When::After, Health::Up, (0.1, 201.0, Some(0)));
            let summary = "recovered: down before, up now; errors 8.4 % → 0.1 %".to_owned();
            run.happened(RunEventKind::Proved { verdict: Verdict::Recovered, summary });
        } else {
            let summary = "1 of 3 good answers in a row within 60 s".to_owned();
            run.happened(RunEventKind::GateFailed { wave: 2, summary });
            for nth in (1..=run.hosts).rev() {
                run.begin(nth, Way::Back);
                for at in 0..BACK.len() {
                    let first = run.hosts * STEPS.len() + (nth - 1) * BACK.len();
                    run.step(first + at, 2, Some(StepEnd::Exit(0)));
                }
            }
            run.happened(RunEventKind::Ended { outcome: RunOutcome::Undone });
            run.measured(When::After, Health::Down, (7.9, 9_100.0, Some(3)));
            let summary =
                "not recovered: down before, down now; errors 8.4 % → 7.9 % (≤ 2.0 %); 3 new patterns of errors"
                    .to_owned();
            run.happened(RunEventKind::Proved { verdict: Verdict::NotRecovered, summary });
        }
        run
    }
}

/// Has a version come out onto green, and two balancers lead there.
fn two_sets(plan: &mut Plan) {
    let set = |name: &str, nth: usize| HostSet { name: name.into(), hosts: vec![host(nth)] };
    plan.action = Change::Deploy { version: "v2.31.1".into() };
    plan.title = "deploy v2.31.1 of Play".into();
    plan.effect = "green is changed, which serves nobody; then users go there, and blue stays as it is".into();
    plan.undo = "by itself, once: the balancers lead to blue again, which stays on v2.31.0".into();
    plan.strategy = Strategy::BlueGreen(Sides {
        live: set("blue", 1),
        idle: set("green", 2),
        balancers: vec![host(3), host(4)],
        waves: vec![vec![host(2)]],
        led: None,
    });
    for (steps, name) in [(&mut plan.steps, "lead to green"), (&mut plan.undo_steps, "lead back to blue")] {
        let leads = |nth: usize| Step { host: host(nth), name: name.into(), ..steps[0].clone() };
        let balancers = [leads(3), leads(4)];
        steps.retain(|step| step.host == host(2));
        steps.extend(balancers);
    }
    plan.locks = [3, 4].map(|nth| (host(nth), "/run/lock/qd-Play@prod".to_owned())).into();
    plan.prechecks =
        vec![Precheck { verdict: Fit::Good, text: "blue serves and runs v2.31.0; green runs v2.30.4".into() }];
}

/// The review of that.
pub(crate) fn sets_review() -> Night {
    let mut night = grown(Night::new(), 4);
    let mut plan = plan(&night, 4);
    two_sets(&mut plan);
    night.plan = Some(plan);
    night.review()
}

/// What stands against that rollback, and that it changes data.
fn guarded(night: &mut Night) {
    let mut plan = plan(night, 6);
    let check = |verdict, text: &str| Precheck { verdict, text: text.into() };
    plan.grave = vec![Grave::Data];
    plan.reach = night.state.inventory.services.iter().take(2).map(|of| of.id.clone()).collect();
    plan.prechecks = vec![
        check(Fit::Good, "v2.30.4 is complete on 6 of 6 hosts"),
        check(Fit::Good, "the lock is free on 6 of 6 hosts"),
        check(Fit::Doubtful, "play-03 has 1.2 GiB free on /srv"),
        check(Fit::Held, "frozen until 2026-11-23 06:00 (America/Bogota): payday weekend"),
    ];
    let mut inventory = (*night.state.inventory).clone();
    inventory.write.second_person = vec![Grave::Data, Grave::ManyHosts];
    for env in &mut inventory.environments {
        env.roles =
            Roles(vec![("op1".into(), Role::Admin), ("ana".into(), Role::Responder), ("leo".into(), Role::Admin)]);
    }
    night.state.inventory = Arc::new(inventory);
    night.plan = Some(plan);
}

/// The review of that rollback: one thing doubtful, one held; the incident is a P1, so that nobody waits for a second person.
pub(crate) fn review() -> Night {
    let mut night = grown(Night::new(), 6);
    guarded(&mut night);
    night.review()
}

/// The same without such an incident: another person must approve it.
pub(crate) fn second() -> Night {
    let mut night = grown(Night::new(), 6);
    night.act(&[Action::GoIncidents, Action::ResolveIncident, Action::GoOverview]);
    guarded(&mut night);
    night.review()
}

/// It was confirmed, and that other person's console asks whether they approve it.
pub(crate) fn approval() -> Night {
    let mut night = second();
    night.types(Draft::Name, "Play");
    night.act(&[Action::SetAside, Action::Confirm]);
    night.pass(3);
    assert!(night.state.runs.review.is_none(), "{:?}", night.state.runs.review);
    night.pass(94);
    night.sampled();
    night.state.actor.by = "leo".into();
    night.act(&[Action::ApproveRun]);
    night
}
