//! The pure heart: state, messages in, effects out. No file, socket, clock or terminal.
//!
//! [`update`] routes a message to its slice, then applies the rules that cross slices: a result feeds alerts, an alert
//! an incident, a run its incident's timeline. What people do to incidents changes the state only once the store gives
//! it back; what they do to alerts and runs is there at once, and taken back with a word when the store refuses it
//! ([`Msg::NotSaved`]): nothing stays on screen that was said to be saved and was not.
use std::{collections::BTreeSet, sync::Arc};

pub mod action;
pub mod alerts;
pub mod audit;
mod changes;
pub mod config_files;
pub mod documents;
pub mod effect;
pub mod findings;
pub mod handover;
pub mod hosts;
pub mod id;
pub mod incidents;
pub mod inventory;
mod leading;
pub mod logs;
mod measure;
pub mod msg;
pub mod opening;
pub mod outbox;
pub mod pipelines;
pub mod published;
pub mod record;
pub mod replay;
pub mod reports;
mod response;
pub mod ring;
mod runbooking;
pub mod runbooks;
pub mod runs;
mod scanning;
pub mod screen;
pub mod services;
mod stored;
mod suspecting;
pub mod telling;
pub(crate) mod tickets;
pub mod time;
pub mod windows;
pub mod words;

pub use effect::Effect;
pub use msg::Msg;

use inventory::Inventory;
use record::{Recorder, Row};
use runs::Actor;
use screen::{Overlay, Tone, act, rows};
use time::{Now, Timestamp};

/// Everything the program knows.
#[derive(Clone, Debug)]
pub struct State {
    /// What there is to watch.
    pub inventory: Arc<Inventory>,
    /// Services.
    pub services: services::State,
    /// Hosts.
    pub hosts: hosts::State,
    /// Alerts.
    pub alerts: alerts::State,
    /// Incidents.
    pub incidents: incidents::State,
    /// What changed around them.
    pub suspects: incidents::suspects::State,
    /// Configuration files of hosts.
    pub config_files: config_files::State,
    /// What the scanner found.
    pub findings: findings::State,
    /// Pipelines that are looked at.
    pub pipelines: pipelines::State,
    /// Runs and the review before them.
    pub runs: runs::State,
    /// Runbooks beside incidents.
    pub runbooks: runbooks::State,
    /// The audit log, as far as it was looked at.
    pub audit: audit::State,
    /// What is to be written to trackers.
    pub outbox: outbox::State,
    /// Planned work that people declared.
    pub windows: windows::State,
    /// Documents that are looked at and written.
    pub documents: documents::State,
    /// Logs.
    pub logs: logs::State,
    /// The screen.
    pub screen: screen::State,
    /// Who records.
    pub recorder: Recorder,
    /// Who acts here.
    pub actor: Actor,
    /// Whether an incident opens by itself for a P1: while nobody looks.
    pub unattended: bool,
    /// Hosts whose question was put away: they are not asked about again until they are used anew.
    asked: BTreeSet<id::HostName>,
    /// When all services were last put to the rules.
    measured: time::Mono,
    /// The windows of planned work as they were last computed.
    planned: Vec<services::Maintenance>,
    /// Whether what was stored has been read.
    loaded: bool,
    history: bool,
}

/// Milliseconds between two looks of the rules at all services.
const MEASURE_MS: u64 = 5_000;

impl State {
    /// Makes the state of a console that knows nothing yet.
    pub fn new(inventory: Arc<Inventory>, actor: Actor) -> Self {
        Self {
            inventory,
            services: services::State::default(),
            hosts: hosts::State::default(),
            alerts: alerts::State::default(),
            incidents: incidents::State::default(),
            suspects: incidents::suspects::State::default(),
            config_files: config_files::State::default(),
            findings: findings::State::default(),
            pipelines: pipelines::State::default(),
            runs: runs::State::default(),
            runbooks: runbooks::State::default(),
            audit: audit::State::default(),
            outbox: outbox::State::default(),
            windows: windows::State::default(),
            documents: documents::State::default(),
            logs: logs::State::default(),
            screen: screen::State::default(),
            recorder: Recorder::Opening,
            actor,
            unattended: false,
            asked: BTreeSet::new(),
            measured: time::Mono(0),
            planned: Vec::new(),
            loaded: false,
            history: false,
        }
    }

    /// Says whether this process runs checks and rules: it holds the lease, or nobody can.
    pub fn records(&self) -> bool {
        match self.recorder {
            Recorder::Opening | Recorder::Me { .. } | Recorder::Nobody { .. } => true,
            Recorder::Other { .. } => false,
        }
    }

    /// Says whether stored buckets and results have been read too, so that percentages rest on all there is.
    pub fn has_history(&self) -> bool {
        self.history
    }

    /// Says whether what was stored has been read; where there is no store that works, nothing is waited for.
    pub fn is_loaded(&self) -> bool {
        self.loaded || matches!(self.recorder, Recorder::Nobody { .. })
    }

    /// Returns the draft that keys go to, if a text is being written.
    pub fn editing(&self) -> Option<screen::Draft> {
        match &self.runs.review {
            // While its commands are read nothing is typed.
            Some(review) if review.commands => None,
            Some(review) if review.level == runs::gate::Level::Production && review.starts.is_none() => {
                Some(if self.screen.review_reason { screen::Draft::Reason } else { screen::Draft::Name })
            }
            Some(_) => None,
            None => self.screen.editing(),
        }
    }

    /// Says whether what is typed now would be for the text field of a box whose cursor is on a choice.
    pub fn awaits_text(&self) -> bool {
        let form = matches!(&self.screen.overlay, Some(screen::Overlay::Form(form)) if form.text.is_some());
        form && self.runs.review.is_none() && self.editing().is_none()
    }

    /// Returns where keys are looked up first.
    pub fn scope(&self) -> action::Scope {
        if self.runs.review.is_some() || self.screen.overlay.is_some() {
            action::Scope::Box
        } else {
            self.screen.pane().scope()
        }
    }

    /// Returns whose keys act as well, after those of the pane: what a view is about stays at hand in each of its panes.
    pub fn scope_beneath(&self) -> Option<action::Scope> {
        self.screen.view.scope().filter(|scope| self.scope() != action::Scope::Box && self.scope() != *scope)
    }

    fn services_update(&mut self, msg: services::Msg, now: Now) -> Vec<Effect> {
        let inventory = Arc::clone(&self.inventory);
        if let services::Msg::ResultArrived { result, .. } = &msg {
            suspecting::certificate(self, result);
        }
        let out = services::update(&mut self.services, msg, now, &inventory);
        let mut effects = Vec::new();
        push_commit(&mut effects, out.rows, None);
        effects.extend(out.asks.into_iter().map(|ask| match ask {
            services::Ask::RunCheck { check, slot, .. } => Effect::RunCheck { check, slot },
        }));
        for fact in out.facts {
            if let (services::Fact::WentDown { .. }, false) = (fact, self.has_terminal()) {
                effects.push(Effect::Bell);
            }
        }
        effects
    }

    fn hosts_update(&mut self, msg: hosts::Msg, now: Now) -> Vec<Effect> {
        let inventory = Arc::clone(&self.inventory);
        let measured = measure::of_host(&msg);
        // Before the store has told what is known, everything would be new.
        let files = if let hosts::Msg::FilesRead { host, files } = &msg
            && self.loaded
        {
            self.config_files.compare(host, files)
        } else {
            Vec::new()
        };
        let out = hosts::update(&mut self.hosts, msg, now, &inventory);
        let mut effects = Vec::new();
        if self.records() {
            push_commit(&mut effects, out.rows, None);
            push_commit(&mut effects, files.into_iter().map(Row::ConfigFile).collect(), None);
        }
        if let Some(measured) = measured {
            effects.extend(self.alerts_update(measured, now));
        }
        for fact in out.facts {
            match fact {
                hosts::Fact::LinkLost { host, fault, reason } => {
                    let words = format!("{host} cannot be reached: {}: {reason}", fault.words());
                    self.screen.say(now, Tone::Info, words);
                }
                hosts::Fact::LinkRestored { host, .. } => {
                    self.screen.say(now, Tone::Info, format!("{host} is reached again"));
                }
                hosts::Fact::Rebooted { host, at } => {
                    self.suspects.saw(suspecting::rebooted(&host, at));
                    self.screen.say(now, Tone::Info, format!("{host} has started anew"));
                }
            }
        }
        effects
    }

    /// Hands the windows of planned work on where they are others than before.
    fn plan_work(&mut self, now: Now) -> Vec<Effect> {
        let mut planned = services::maintenance::planned(&self.inventory.maintenance, now.utc);
        planned.extend(self.windows.planned(&self.inventory));
        planned.sort_by_key(|of| (of.span.from, of.span.to));
        if planned == self.planned {
            return Vec::new();
        }
        self.planned.clone_from(&planned);
        self.services_update(services::Msg::MaintenanceReplaced(planned), now)
    }

    /// Takes in what the store has of declared windows, and says what people did.
    fn windows_arrived(&mut self, events: &[windows::WindowEvent], now: Now) -> Vec<Effect> {
        for event in events {
            if self.windows.apply(event)
                && let Some(words) = self.windows.words_of(event, now.utc)
            {
                let tone = if event.by == self.actor.by { Tone::Done } else { Tone::Info };
                self.screen.say(now, tone, words);
            }
        }
        let effects = self.plan_work(now);
        rows::refresh(self, now, true);
        effects
    }

    fn alerts_update(&mut self, msg: alerts::Msg, now: Now) -> Vec<Effect> {
        let inventory = Arc::clone(&self.inventory);
        let what = matches!(msg, alerts::Msg::AcknowledgeRequested { .. }).then_some("owning the alert");
        let mut out = alerts::update(&mut self.alerts, msg, now, &inventory);
        self.mute(&mut out.rows);
        let mut effects = Vec::new();
        push_commit(&mut effects, out.rows, what);
        for fact in out.facts {
            effects.extend(self.after_alert(fact, now));
        }
        if what.is_some() { together(effects) } else { effects }
    }
}

fn push_commit(effects: &mut Vec<Effect>, rows: Vec<Row>, what: Option<&'static str>) {
    if !rows.is_empty() {
        effects.push(Effect::Commit { rows, then: Vec::new(), what });
    }
}

/// Has something said once what a person did is on disk, and not before.
fn said(mut effects: Vec<Effect>, text: impl Into<String>) -> Vec<Effect> {
    let commit = effects.iter_mut().find_map(|effect| {
        let Effect::Commit { then, .. } = effect else { return None };
        Some(then)
    });
    if let Some(then) = commit {
        then.push(Effect::Say { tone: Tone::Done, text: text.into() });
    }
    effects
}

/// Makes one commit of what belongs to one deed, so that a timeline never tells of what was not saved.
fn together(effects: Vec<Effect>) -> Vec<Effect> {
    let (mut all, mut first): (Vec<Effect>, Option<usize>) = (Vec::new(), None);
    for effect in effects {
        let Effect::Commit { rows: more, then: after, what: said } = effect else {
            all.push(effect);
            continue;
        };
        if let Some(Effect::Commit { rows, then, what }) = first.and_then(|first| all.get_mut(first)) {
            rows.extend(more);
            then.extend(after);
            *what = what.or(said);
        } else {
            first = Some(all.len());
            all.push(Effect::Commit { rows: more, then: after, what: said });
        }
    }
    all
}

/// Applies one message and returns what is to be done outside.
pub fn update(state: &mut State, msg: Msg, now: Now) -> Vec<Effect> {
    let mut effects = handle(state, msg, now);
    tickets::register(state, &mut effects);
    audit::written(state, &mut effects);
    effects
}

fn handle(state: &mut State, msg: Msg, now: Now) -> Vec<Effect> {
    match msg {
        Msg::Acted(action) => acted(state, action, now),
        Msg::Drafted { draft, text } => drafted(state, draft, text, now),
        Msg::TextBegun => {
            screen::form::to_text(state);
            Vec::new()
        }
        Msg::Clicked { pane, row } => clicked(state, pane, row, now),
        Msg::LaidOut(layout) => {
            state.screen.laid_out(layout);
            screen::logs::laid_out(state)
        }
        Msg::FocusChanged(focused) => {
            state.screen.focused = focused;
            Vec::new()
        }
        Msg::BytesCounted(bytes_s) => {
            state.screen.bytes_s = bytes_s;
            Vec::new()
        }
        Msg::Ticked => tick(state, now),
        Msg::Services(msg) => service_message(state, msg, now),
        Msg::Hosts(msg) => state.hosts_update(msg, now),
        Msg::Alerts(msg) => state.alerts_update(msg, now),
        Msg::Logs(msg) => logs_update(state, msg, now),
        Msg::Runs(msg) => changes::message(state, msg, now),
        Msg::Pipelines(msg) => {
            state.pipelines_update(msg, now);
            Vec::new()
        }
        Msg::Outbox(msg) => state.outbox_update(msg, now),
        Msg::Suspects(msg) => suspecting::update(state, msg, now),
        Msg::Runbooks(msg) => runbooking::update(state, msg, now),
        Msg::Documents(msg) => state.documents_update(msg, now),
        Msg::Findings(msg) => state.findings_update(msg, now),
        Msg::Loaded(loaded) => stored::load(state, *loaded, now),
        Msg::Changed(changes) => stored::changed(state, *changes, now),
        Msg::NotSaved { rows, what, why } => {
            stored::not_saved(state, rows, format!("{what}: not saved, and so not done: {why}"), now)
        }
        Msg::RecorderChanged(recorder) => stored::recorder_changed(state, recorder, now),
        Msg::InventoryReplaced { inventory, problems } => {
            let review = state.runs.review.as_ref();
            let touched = review.is_some_and(|review| review.plan.touched(&state.inventory, &inventory));
            state.inventory = inventory;
            state.screen.problems = problems;
            let mut effects = state.runs_update(runs::Msg::InventoryReplaced { touched }, now);
            effects.extend(state.services_update(services::Msg::InventoryReplaced, now));
            effects.extend(state.hosts_update(hosts::Msg::InventoryReplaced, now));
            effects.extend(state.alerts_update(alerts::Msg::InventoryReplaced, now));
            effects.extend(state.plan_work(now));
            rows::refresh(state, now, true);
            effects
        }
        Msg::HostAsked { host, question } => {
            // A box never opens over another one: the question waits on the host's pane.
            if state.screen.overlay.is_none() && state.runs.review.is_none() && state.asked.insert(host.clone()) {
                state.screen.open(Overlay::Host { host, question });
            }
            Vec::new()
        }
        Msg::AuditRead(read) => {
            state.audit.arrived(*read, now);
            rows::refresh(state, now, false);
            Vec::new()
        }
        Msg::HistoryRead => {
            state.history = true;
            Vec::new()
        }
        Msg::ScreenDrawn { incident, text } => screen::pin::drawn(state, incident, &text, now),
        Msg::Said { tone, text } => {
            state.screen.say(now, tone, text);
            Vec::new()
        }
    }
}

fn acted(state: &mut State, action: action::Action, now: Now) -> Vec<Effect> {
    // Before anything moves: the first key in a pane moves its cursor like any other.
    state.screen.hold();
    let effects = act::act(state, action, now);
    rows::refresh(state, now, false);
    state.screen.hold();
    effects
}

fn clicked(state: &mut State, pane: screen::Pane, row: usize, now: Now) -> Vec<Effect> {
    if let Some(index) = state.screen.view.panes().iter().position(|known| *known == pane) {
        state.screen.focus.insert(state.screen.view.clone(), index);
        state.screen.hold();
        if let Some(key) = state.screen.rows(pane).get(row).cloned() {
            state.screen.cursors.insert((state.screen.view.clone(), pane), key);
            state.screen.moved = now.mono;
        }
    }
    Vec::new()
}

fn logs_update(state: &mut State, msg: logs::Msg, now: Now) -> Vec<Effect> {
    match msg {
        logs::Msg::Shown(shown) => {
            let effects = screen::logs::came(state, shown, now);
            rows::refresh(state, now, false);
            return effects;
        }
        logs::Msg::Saved(sessions) => state.logs.saved = sessions,
        logs::Msg::Remembered(known) => return vec![Effect::Logs(logs::Ask::Remember(known))],
        // Only who records: the others would write the same.
        logs::Msg::Learned(learned) => {
            state.logs.learn(&learned);
            let rows = if state.records() { learned.into_iter().map(Row::Pattern).collect() } else { Vec::new() };
            let mut effects = Vec::new();
            push_commit(&mut effects, rows, None);
            return effects;
        }
    }
    rows::refresh(state, now, false);
    Vec::new()
}

fn drafted(state: &mut State, draft: screen::Draft, text: String, now: Now) -> Vec<Effect> {
    state.screen.went_on();
    let effects = match draft {
        screen::Draft::Name => state.runs_update(runs::Msg::NameTyped(text), now),
        screen::Draft::Reason => state.runs_update(runs::Msg::ReasonTyped(text), now),
        screen::Draft::Search => {
            screen::found::typed(state, text, now);
            Vec::new()
        }
        screen::Draft::Deploy => screen::offers::typed(state, text, now),
        screen::Draft::LogFilter
        | screen::Draft::LogSearch
        | screen::Draft::LogTime
        | screen::Draft::LogSession
        | screen::Draft::LogName => {
            let effects = screen::logs::drafted(state, draft, &text);
            state.screen.drafts.insert(draft, text);
            effects
        }
        screen::Draft::Filter(_)
        | screen::Draft::Palette
        | screen::Draft::Help
        | screen::Draft::Note
        | screen::Draft::Form
        | screen::Draft::Drop
        | screen::Draft::Window(_)
        | screen::Draft::Item
        | screen::Draft::Section
        | screen::Draft::Update
        | screen::Draft::Passphrase => {
            state.screen.drafts.insert(draft, text);
            Vec::new()
        }
    };
    if draft == screen::Draft::Section {
        state.documents.typed(now);
    } else if matches!(draft, screen::Draft::Filter(_)) {
        rows::refresh(state, now, true);
    } else if matches!(draft, screen::Draft::Palette | screen::Draft::Help) {
        state.screen.overlay_cursor = 0;
    }
    effects
}

fn service_message(state: &mut State, msg: services::Msg, now: Now) -> Vec<Effect> {
    let arrived = if let services::Msg::ResultArrived { result, .. } = &msg {
        Some((result.check.clone(), result.slot))
    } else {
        None
    };
    let mut effects = state.services_update(msg, now);
    if let Some((check, slot)) = arrived {
        effects.extend(after_result(state, &check, slot, now));
    }
    effects
}

/// A result feeds the rules, and the proof of runs that wait for it.
fn after_result(state: &mut State, check: &id::CheckId, slot: Timestamp, now: Now) -> Vec<Effect> {
    let mut effects = Vec::new();
    effects.extend(measure::result(state, check, now));
    let waiting = state.runs.awaiting_checks();
    for (service, ended) in waiting {
        if service != check.service {
            continue;
        }
        // The service counts as seen once every check of it has answered from after the run.
        let all_since = state.services.service(&service).is_some_and(|found| {
            found.checks.iter().all(|check| check.last.as_ref().is_some_and(|last| last.slot >= ended))
        });
        if all_since {
            let measured = Box::new(measure::of_service(state, &service, ended, now));
            effects.extend(state.runs_update(runs::Msg::HealthSeen { service, measured, since: slot }, now));
        }
    }
    effects
}

fn tick(state: &mut State, now: Now) -> Vec<Effect> {
    let mut effects = state.services_update(services::Msg::Ticked, now);
    effects.extend(state.hosts_update(hosts::Msg::Ticked, now));
    if now.mono.since(state.measured) >= MEASURE_MS {
        state.measured = now.mono;
        effects.extend(state.plan_work(now));
        effects.extend(measure::services(state, now));
        effects.extend(state.incidents_by_themselves(now));
        effects.extend(state.unmuted(now));
        effects.extend(state.pull_findings(now, false));
    }
    effects.extend(state.alerts_update(alerts::Msg::Ticked, now));
    effects.extend(state.runs_update(runs::Msg::Ticked, now));
    effects.extend(state.outbox_ticked(now));
    effects.extend(state.documents_ticked(now));
    effects.extend(state.look_at_pipeline(now));
    suspecting::tick(state, now);
    // An incident names who is called next, which is by who signed last.
    let names = matches!(state.screen.view, screen::View::Incident(_)) && state.audit.is_old(now);
    if (names || matches!(state.screen.view, screen::View::Audit | screen::View::Handover)) && state.audit.due(now) {
        effects.push(Effect::ReadAudit);
    }
    state.screen.fade(now);
    rows::refresh(state, now, false);
    effects
}
