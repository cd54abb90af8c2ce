//! A believable night, lived through real messages: services that answer or not, hosts that are sampled, a store that gives back what
//! was committed. Every alert, incident and run in it comes from the program's own rules. The same every time.
use std::{
    collections::BTreeMap,
    sync::{Arc, OnceLock},
};

use quarterdeck::{
    config::{
        keymap::Keymap,
        theme::{ColourDepth, Theme},
    },
    core::{
        Effect, Msg, State,
        action::{Action, Motion},
        alerts::builtin_rules,
        hosts::{self, Link, LinkFault, Question, UnitState},
        id::{EnvName, HostName, IncidentId, RunId, ServiceId, Uid},
        incidents::{IncidentAction, StoredIncidentEvent},
        inventory::{CheckSpec, EnvKind, Environment, Host, Inventory, Params, Service, Slo},
        msg::Loaded,
        record::{Changes, DeclaredState, Recorder, Row, StatusUpdate},
        runs::{self, Actor, OutputLine, Plan, RunEvent, RunEventKind, RunOutcome, Step, StepEnd},
        screen::{Draft, LayoutFacts},
        services::{self, CheckResult, Maintenance, Origin, uptime::Span},
        time::{DAY, MINUTE, Mono, Now, SECOND, Timestamp},
        update,
    },
    ui::{self, Look, glyphs::Glyphs},
};
use ratatui::{Terminal, backend::TestBackend, buffer::Buffer};

use crate::{
    papers,
    readings::{buckets, pm2, result, sample},
};

/// 2026-11-20 03:12:41 UTC.
pub(crate) const AT: Timestamp = Timestamp(1_795_144_361_000);
pub(crate) const BEGIN: Timestamp = Timestamp(AT.0 - 16 * MINUTE);
/// When Play broke.
pub(crate) const BROKE: Timestamp = Timestamp(AT.0 - 12 * MINUTE - 31 * SECOND);

pub(crate) const SERVICES: [&str; 8] = ["Admin", "API", "Satellite", "Billing", "Cloud", "Play", "Conecta", "Connect"];
const HOSTS: [(&str, &str); 8] = [
    ("admin-01", "admin"),
    ("api-01", "api"),
    ("cloud-01", "cloud"),
    ("connect-01", "connect"),
    ("db-01", "database"),
    ("jump", "jump"),
    ("play-01", "play"),
    ("play-02", "play"),
];

/// A console in that night.
#[derive(Clone)]
pub(crate) struct Night {
    /// What it knows.
    // Many of them stand in one table: on the stack there is no room for that.
    pub(crate) state: Box<State>,
    /// What time it is.
    pub(crate) now: Now,
    /// What the recipe would plan; none: a restart.
    pub(crate) plan: Option<Plan>,
    incidents: BTreeMap<Uid, (IncidentId, u64)>,
    runs: BTreeMap<Uid, RunId>,
}

pub(crate) fn id(name: &str) -> ServiceId {
    ServiceId { service: name.into(), env: "prod".into() }
}

fn check(service: &str, name: &str, kind: &str) -> Arc<CheckSpec> {
    Arc::new(CheckSpec {
        id: quarterdeck::core::id::CheckId { service: id(service), check: name.into() },
        kind: kind.into(),
        every_ms: 30_000,
        timeout_ms: 5_000,
        fail_after: 2,
        slow_ms: Some(500),
        on: None,
        params: Params::new(),
    })
}

pub(crate) fn inventory() -> Inventory {
    let services = SERVICES.map(|name| {
        let mut recipe = Params::new();
        recipe.insert("app".into(), name.to_lowercase().into());
        let mut checks = vec![check(name, "page", "http")];
        if name == "Play" {
            checks.push(check(name, "port", "tcp"));
        }
        let hosts: Vec<HostName> = HOSTS
            .iter()
            .filter(|(host, _)| host.starts_with(&name.to_lowercase()))
            .map(|(host, _)| HostName::from(*host))
            .collect();
        Arc::new(Service {
            kind: if hosts.is_empty() { "external".into() } else { "node-pm2".into() },
            owner: Some("team 1".into()),
            slo: Some(Slo { objective: 99.9, window_ms: 30 * DAY.unsigned_abs() }),
            recipe,
            hosts,
            checks,
            ..Service::new(id(name))
        })
    });
    let hosts = HOSTS.map(|(name, role)| {
        Arc::new(Host {
            env: (name != "jump").then(|| EnvName::from("prod")),
            address: format!("{name}.acme.example"),
            user: Some("app".into()),
            jump: if name == "jump" { Vec::new() } else { vec!["jump".into()] },
            labels: [("role".to_owned(), role.to_owned())].into(),
            units: vec!["nginx.service".into()],
            ..Host::new(name)
        })
    });
    let mut inventory = Inventory {
        client: "acme".into(),
        environments: vec![Environment::new("prod", EnvKind::Production)],
        hosts: hosts.to_vec(),
        services: services.to_vec(),
        rules: builtin_rules().into_iter().map(Arc::new).collect(),
        ..Inventory::default()
    };
    inventory.display.timezone = chrono_tz::America::Bogota;
    inventory
}

impl Night {
    /// Lives until 03:12:41.
    pub(crate) fn new() -> Self {
        static NIGHT: OnceLock<Night> = OnceLock::new();
        NIGHT.get_or_init(Self::lived).clone()
    }

    /// A console with nothing to watch.
    pub(crate) fn empty() -> Self {
        let actor = Actor { by: "op1".into(), from: "pts/1".into() };
        let now = Now { utc: BEGIN, mono: Mono(1_000_000) };
        let mut night = Self {
            state: Box::new(State::new(Arc::new(Inventory::default()), actor)),
            now,
            plan: None,
            incidents: BTreeMap::new(),
            runs: BTreeMap::new(),
        };
        night.tell(Msg::Loaded(Box::default()));
        night.tell(Msg::RecorderChanged(Recorder::Me { epoch: 1 }));
        night.tell(Msg::Ticked);
        night
    }

    /// The evening before, while nothing is wrong.
    pub(crate) fn calm() -> Self {
        let mut night = Self::begun();
        night.until(BEGIN + 2 * MINUTE);
        night
    }

    fn begun() -> Self {
        let mut night = Self::empty();
        night.state = Box::new(State::new(Arc::new(inventory()), night.state.actor.clone()));
        night.state.logs.redact = Arc::new(quarterdeck::config::redact::load(None).0);
        night.state.screen.bytes_s = 1_200.0;
        let inventory = Arc::clone(&night.state.inventory);
        night.tell(Msg::InventoryReplaced { inventory: Arc::clone(&inventory), problems: Vec::new() });
        let results: Vec<Vec<CheckResult>> = inventory
            .checks()
            .map(|spec| {
                (0..60).map(|back| result(spec, Timestamp(BEGIN.0 / 30_000 * 30_000) - (59 - back) * 30_000)).collect()
            })
            .collect();
        let updates = vec![StatusUpdate {
            at: AT - 4 * DAY,
            by: "op2".into(),
            service: Some(id("API")),
            state: DeclaredState::Resolved,
            text: "Slow answers after the database fail-over, 4m12 in all.".into(),
        }];
        night.tell(Msg::Loaded(Box::new(Loaded { updates, ..Loaded::default() })));
        night.tell(Msg::Services(services::Msg::BucketsLoaded(buckets())));
        for results in results {
            night.tell(Msg::Services(services::Msg::ResultsLoaded(results)));
        }
        night.tell(Msg::RecorderChanged(Recorder::Me { epoch: 7 }));
        night
    }

    fn lived() -> Self {
        let mut night = Self::begun();
        let span = Span::new(AT - 12 * MINUTE, AT + 48 * MINUTE);
        let work = Maintenance { service: Some(id("Conecta")), span };
        night.tell(Msg::Services(services::Msg::MaintenanceReplaced(vec![work])));
        night.until(AT - 11 * MINUTE);
        night.act(&[Action::FocusPane(3), Action::Move(Motion::Top), Action::AcknowledgeAlert, Action::OpenIncident]);
        night.note("PM2 says errored after 16 restarts, port 3004 refuses");
        night.until(AT - 6 * MINUTE);
        night.said(DeclaredState::Maintenance, Some("Conecta"), "Planned work until 04:00.");
        night.said(
            DeclaredState::Investigating,
            Some("Play"),
            "Streams do not start. We are looking into it; next update 03:20.",
        );
        night.until(AT);
        night.act(&[Action::GoOverview, Action::FocusPane(1), Action::Move(Motion::Top)]);
        night.state.screen.message = None;
        night
    }

    /// Lets time pass in steps of ten seconds, with samples and results as they would come.
    pub(crate) fn until(&mut self, end: Timestamp) {
        while self.now.utc < end {
            let step = (end.0 - self.now.utc.0).min(10_000);
            self.now = Now { utc: self.now.utc + step, mono: self.now.mono + step.unsigned_abs() };
            let at = self.now.utc;
            for (name, _) in HOSTS {
                if name == "cloud-01" && at > AT - 4 * MINUTE {
                    if at.since(AT - 4 * MINUTE) <= 10_000 {
                        self.lose(name);
                    }
                    continue;
                }
                let sample = Box::new(sample(name, at));
                self.tell(Msg::Hosts(hosts::Msg::SampleArrived { host: name.into(), sample }));
                self.tell(Msg::Hosts(hosts::Msg::Pm2Arrived { host: name.into(), list: pm2(name, at) }));
                let nginx = UnitState {
                    unit: "nginx.service".into(),
                    load: "loaded".into(),
                    active: "active".into(),
                    sub: "running".into(),
                    result: "success".into(),
                    restarts: Some(0),
                    memory_bytes: Some(61 << 20),
                    main_pid: Some(889),
                    active_since: Some(AT - 41 * DAY),
                };
                self.tell(Msg::Hosts(hosts::Msg::UnitsArrived { host: name.into(), units: vec![nginx] }));
            }
            let slot = Timestamp(at.0 / 30_000 * 30_000);
            if at.since(slot) < 10_000 {
                let inventory = Arc::clone(&self.state.inventory);
                for spec in inventory.checks() {
                    let result = result(spec, slot);
                    self.tell(Msg::Services(services::Msg::ResultArrived { result, origin: Origin::Measured }));
                }
            }
            self.tell(Msg::Ticked);
        }
    }

    /// Every host but the lost one answers now.
    pub(crate) fn sampled(&mut self) {
        let hosts: Vec<HostName> = self.state.inventory.hosts.iter().map(|host| host.name.clone()).collect();
        for host in hosts.into_iter().filter(|host| host.as_str() != "cloud-01") {
            let sample = Box::new(sample(host.as_str(), self.now.utc));
            self.tell(Msg::Hosts(hosts::Msg::SampleArrived { host, sample }));
        }
    }

    pub(crate) fn lose(&mut self, host: &str) {
        self.stale(host, LinkFault::Timeout, "no answer behind jump within 10 s", None);
    }

    pub(crate) fn stale(&mut self, host: &str, fault: LinkFault, reason: &str, question: Option<Question>) {
        let link = Link::Stale {
            since: self.now.utc,
            fault,
            reason: reason.into(),
            retry_at: Some(AT + 12 * SECOND),
            question,
        };
        self.tell(Msg::Hosts(hosts::Msg::LinkChanged { host: host.into(), link }));
    }

    fn said(&mut self, state: DeclaredState, service: Option<&str>, text: &str) {
        let by = self.state.actor.by.clone();
        let update = StatusUpdate { at: self.now.utc, by, service: service.map(id), state, text: text.into() };
        self.commit(vec![Row::StatusUpdate(update)]);
    }

    /// An engineer has classified the incident, and thinks about why.
    pub(crate) fn diagnosed(mut self) -> Self {
        use IncidentAction::{AddHypothesis, AddTask, Classify, GiveDuty, Judge, NextPhase, Pin, SetOnset};

        self.act(&[Action::GoIncidents, Action::OpenSelected]);
        self.fills(Classify, "nobody can start a stream");
        self.act(&[Action::Incident(GiveDuty), Action::Move(Motion::Right), Action::Confirm]);
        self.act(&[Action::Incident(NextPhase)]);
        self.fills(SetOnset, "-14m");
        self.fills(AddHypothesis, "2.31.0 leaks file handles; test: look at lsof on play-01");
        self.fills(AddHypothesis, "the disk of play-01 is full");
        self.fills(Judge, "PM2 restarts it each time it has 1,024 files open");
        self.fills(AddTask, "alert on open files");
        self.act(&[Action::FocusPane(1), Action::Move(Motion::Top), Action::Incident(Pin)]);
        self.state.screen.message = None;
        self
    }

    /// Opens a box about the incident, writes into it and accepts it.
    fn fills(&mut self, action: IncidentAction, text: &str) {
        self.act(&[Action::Incident(action)]);
        self.types(Draft::Form, text);
        self.act(&[Action::Confirm]);
    }

    /// Opens an incident in one's own words.
    pub(crate) fn words(&mut self, text: &str) {
        self.act(&[Action::GoOverview, Action::OpenInWords]);
        self.types(Draft::Note, text);
        self.act(&[Action::Confirm]);
    }

    fn note(&mut self, text: &str) {
        self.act(&[Action::GoIncidents, Action::AddNote]);
        self.tell(Msg::Drafted { draft: Draft::Note, text: text.into() });
        self.act(&[Action::Confirm]);
    }

    /// Does what a person would do.
    pub(crate) fn act(&mut self, actions: &[Action]) {
        for action in actions {
            self.tell(Msg::LaidOut(self.draw().1));
            self.tell(Msg::Acted(*action));
        }
    }

    /// Draws what the terminal would show at 120×36.
    pub(crate) fn draw(&self) -> (Buffer, LayoutFacts) {
        let look = Look::new(Theme::default(), ColourDepth::True, Glyphs::Unicode);
        let mut terminal = Terminal::new(TestBackend::new(120, 36)).unwrap();
        let mut facts = LayoutFacts::default();
        terminal
            .draw(|frame| facts = ui::draw(&self.state, &Keymap::default(), &look, self.now, None, frame.buffer_mut()))
            .unwrap();
        (terminal.backend().buffer().clone(), facts)
    }

    /// Types a draft.
    pub(crate) fn types(&mut self, draft: Draft, text: &str) {
        self.tell(Msg::Drafted { draft, text: text.into() });
    }

    /// Hands a message in and carries out what the store and the recipe would.
    pub(crate) fn tell(&mut self, msg: Msg) {
        let effects = update(&mut self.state, msg, self.now);
        self.carry_out(effects);
    }

    fn carry_out(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            if let Effect::Commit { rows, then, .. } = effect {
                self.commit(rows);
                self.carry_out(then);
            } else if let Effect::Say { tone, text } = effect {
                self.tell(Msg::Said { tone, text });
            } else if let Effect::WritePaper(paper) = effect {
                self.tell(papers::written(*paper));
            } else if let Effect::Plan { service, .. } = effect {
                let plan = self.plan.clone().unwrap_or_else(|| plan(&service));
                let run = Uid([0x8f, 0x21, 0xc0, 0xaa, 0x9d, 0x31]);
                let before = services::Health::Unknown;
                self.tell(Msg::Runs(runs::Msg::Planned {
                    run,
                    plan: plan.into(),
                    incident: None,
                    before,
                    urgent: false,
                }));
            }
        }
    }

    pub(crate) fn commit(&mut self, rows: Vec<Row>) {
        let mut changes = Changes::default();
        for row in rows {
            match row {
                Row::Alert(event) => changes.alerts.push(event),
                Row::Incident(event) => {
                    let next = IncidentId(214 + u64::try_from(self.incidents.len()).unwrap());
                    let (number, seq) = self.incidents.entry(event.incident).or_insert((next, 0));
                    *seq += 1;
                    changes.incidents.push(StoredIncidentEvent { number: *number, seq: *seq, event });
                }
                Row::Run(event) => {
                    let next = RunId(882 + u64::try_from(self.runs.len()).unwrap());
                    changes.runs.push((*self.runs.entry(event.run).or_insert(next), event));
                }
                Row::StatusUpdate(update) => changes.updates.push(update),
                Row::Outbox(event) => changes.outbox.push(event),
                Row::Window(event) => changes.windows.push(event),
                Row::ConfigFile(file) => changes.files.push(file),
                Row::Finding(event) => changes.findings.push(event),
                Row::Result(_) | Row::Bucket(_) | Row::HostMinute(_) | Row::Audit(_) | Row::Pattern(_) => {}
            }
        }
        self.tell(Msg::Changed(Box::new(changes)));
    }

    /// Goes on: arms write and opens the review of a restart of Play.
    pub(crate) fn review(mut self) -> Self {
        self.tell(Msg::Runs(runs::Msg::WriteArmed("prod".into())));
        self.act(&[Action::RestartService]);
        self.now = Now { utc: self.now.utc + SECOND, mono: self.now.mono + 1_000 };
        self.types(Draft::Reason, "errored after 16 restarts");
        self.types(Draft::Name, "Pla");
        self
    }

    /// Goes on: the run of that restart, its first host done.
    pub(crate) fn run(self) -> Self {
        let mut night = self.review();
        night.types(Draft::Name, "Play");
        night.act(&[Action::Confirm]);
        night.pass(3);
        let run = night.only_run();
        let happened = |night: &mut Self, kind| {
            let event = RunEvent { run, at: night.now.utc, by: "op1".into(), kind };
            night.tell(Msg::Runs(runs::Msg::Happened(event)));
        };
        let says = |night: &mut Self, step, text: &str| {
            let line = OutputLine { at: night.now.utc, step, text: text.into() };
            night.tell(Msg::Runs(runs::Msg::OutputArrived { run, line }));
        };
        happened(&mut night, RunEventKind::StepStarted { step: 0 });
        says(&mut night, 0, "[PM2] Applying action restartProcessId on app [4](ids: [ '4' ])");
        night.pass(3);
        says(&mut night, 0, "[PM2] [play](4) ✓");
        happened(&mut night, RunEventKind::StepEnded { step: 0, end: StepEnd::Exit(0) });
        happened(&mut night, RunEventKind::StepStarted { step: 1 });
        says(&mut night, 1, "[PM2] Applying action restartProcessId on app [4](ids: [ '4' ])");
        night.pass(2);
        night
    }

    /// Goes on: the run ended, and the checks have not decided.
    pub(crate) fn ended(self) -> Self {
        let mut night = self.run();
        let run = night.only_run();
        for kind in [
            RunEventKind::StepEnded { step: 1, end: StepEnd::Exit(0) },
            RunEventKind::Ended { outcome: RunOutcome::Succeeded },
        ] {
            let event = RunEvent { run, at: night.now.utc, by: "op1".into(), kind };
            night.tell(Msg::Runs(runs::Msg::Happened(event)));
        }
        night
    }

    fn only_run(&self) -> Uid {
        let review = self.state.runs.review.as_ref();
        *self.state.runs.runs.keys().next().unwrap_or_else(|| panic!("no run was confirmed: {review:?}"))
    }

    pub(crate) fn pass(&mut self, seconds: i64) {
        let ms = seconds * SECOND;
        self.now = Now { utc: self.now.utc + ms, mono: self.now.mono + ms.unsigned_abs() };
        self.tell(Msg::Ticked);
    }
}

fn plan(service: &ServiceId) -> Plan {
    let step = |host: &str| Step {
        host: host.into(),
        name: "restart".into(),
        command: "pm2 restart 4".into(),
        path_prefix: Vec::new(),
        timeout_ms: 60_000,
    };
    Plan {
        steps: vec![step("play-01"), step("play-02")],
        effect: "open requests of each process are cut for about 3 s".into(),
        undo: "not needed: the same version starts again".into(),
        ..Plan::new(service.clone(), format!("restart {}", service.service), "/srv/play/.qd.lock")
    }
}
