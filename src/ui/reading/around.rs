//! Lines 0 and 1, the last line, messages, help: what every screen has.
use super::{Reader, words};
use crate::{
    core::{
        action::{ACTIONS, Action, Danger, Motion, Scope},
        alerts::Severity,
        hosts::{Freshness, HostState, Link as HostLink, Question},
        id::EnvName,
        incidents::{IncidentAction, document::DocumentAction, suspects::SuspectAction},
        inventory::EnvKind,
        logs::LogAction,
        record::Recorder,
        replay::{self, ReplayAction, Standing},
        runbooks::RunbookAction,
        runs::{PipelineVerb, gate::Level},
        screen::{
            Draft, Overlay, Pane, Tone as Said, View as Place, act, asks, found, pipeline::PipelineAction, refusal,
        },
        services::{Health, Split, figure::Figure},
        time,
        words::many,
    },
    ui::{
        help::{Help, HelpRow},
        keys,
        show::{Global, Level as Loud, Link, Message, Mode, Second, Surround, Tone, Value, Worst},
    },
};

impl Reader<'_> {
    pub(super) fn around(&self, second: Second) -> Surround {
        let state = self.state;
        let zone = state.inventory.display.timezone;
        Surround {
            env: self.env(),
            demo: state.screen.demo,
            replay: state.screen.replay.map(Standing::words),
            client: state.inventory.client.clone(),
            operator: state.actor.by.to_string(),
            links: self.links(),
            utc: match state.screen.replay {
                // The day belongs to it: the clock of a replay is not today's.
                Some(_) => replay::second(self.now.utc),
                None => words::utc_clock(self.now.utc),
            },
            local: words::local_clock(self.now.utc, zone),
            second: self.lost().unwrap_or(second),
            p1: self.p1(),
            hints: self.hints(),
            rate: format!("{:.1} KB/s", state.screen.bytes_s / 1_000.0),
            mode: self.mode(),
            message: self.message(),
            filter: self.filter(),
            input: self.log_input().or_else(|| self.search_input()),
            global: self.global(),
            down: self.down(),
            mouse: state.screen.mouse,
        }
    }

    /// The environment in view: of the object, else the one that is armed, else the one that hurts most.
    fn env(&self) -> Option<(String, EnvKind)> {
        let inventory = &self.state.inventory;
        let of_view = match &self.state.screen.view {
            Place::Service(id) | Place::Pipeline(id) => Some(id.env.clone()),
            Place::Host(name) => inventory.host(name).and_then(|host| host.env.clone()),
            Place::Run(uid) => self.state.runs.runs.get(uid).map(|run| run.plan.service.env.clone()),
            Place::Overview
            | Place::Hosts
            | Place::Alerts
            | Place::Incidents
            | Place::Incident(_)
            | Place::Suspects(_)
            | Place::Runbook(_)
            | Place::Document(_)
            | Place::Handover
            | Place::Runs
            | Place::Logs
            | Place::Web
            | Place::Audit
            | Place::Maintenance
            | Place::Findings
            | Place::Outbox
            | Place::Messages => None,
        };
        let armed = || self.state.runs.armed.left(self.now).map(|(env, _)| env.clone());
        let worst = || {
            let rank = |kind| match kind {
                EnvKind::Production => 0,
                EnvKind::Staging => 1,
                EnvKind::Other => 2,
            };
            inventory.environments.iter().min_by_key(|env| rank(env.kind)).map(|env| env.name.clone())
        };
        let env = of_view.or_else(armed).or_else(worst)?;
        let kind = inventory.env_kind(&env);
        Some((env.to_string(), kind))
    }

    fn links(&self) -> Vec<Link> {
        let state = self.state;
        let link = |name: &str, health, number: String| Link { name: name.into(), health, number };
        // Nobody records a replay, and no host is reached.
        if state.screen.replay.is_some() {
            return Vec::new();
        }
        let mut links = vec![match &state.recorder {
            Recorder::Opening => link("opening the store", Health::Unknown, String::new()),
            Recorder::Me { .. } => link("recording", Health::Up, String::new()),
            Recorder::Other { owner } => {
                let who = owner.split_whitespace().next().unwrap_or_default();
                link("recorded by", Health::Up, who.to_owned())
            }
            Recorder::Nobody { .. } => link("not recorded", Health::Down, String::new()),
        }];
        let (waiting, failed) = state.outbox.waiting();
        if waiting > 0 {
            let health = if failed > 0 { Health::Down } else { Health::Degraded };
            links.push(link("outbox", health, waiting.to_string()));
        }
        let hosts = state.hosts.hosts().len();
        if hosts > 0 {
            // Numbers of a host that was lost a moment ago are still shown, dimmed; that it is lost is said at once.
            let up = |host: &&HostState| {
                let fresh = matches!(host.freshness(self.now.mono), Freshness::Live { .. } | Freshness::Dimmed { .. });
                fresh && matches!(host.link, HostLink::Up { .. })
            };
            let up = state.hosts.hosts().filter(up).count();
            let health = match up {
                up if up == hosts => Health::Up,
                0 => Health::Down,
                _ => Health::Degraded,
            };
            links.push(link("hosts", health, format!("{up}/{hosts}")));
        }
        links
    }

    /// A jump host that is lost takes everything behind it along: that is said in place of line 1.
    fn lost(&self) -> Option<Second> {
        let inventory = &self.state.inventory;
        let is_jump = |name| inventory.hosts.iter().any(|host| host.jump.contains(name));
        let host =
            self.state.hosts.hosts().find(|host| is_jump(&host.name) && matches!(host.link, HostLink::Stale { .. }))?;
        let HostLink::Stale { since, reason, retry_at, .. } = &host.link else { return None };
        let behind = inventory.hosts.iter().filter(|other| other.jump.contains(&host.name)).count();
        let clock = time::clock(words::ms(self.now.utc.since(*since)));
        let retry = retry_at.map_or_else(String::new, |at| match words::until(at, self.now.utc).as_str() {
            "now" => "trying again   ".to_owned(),
            left => format!("retry in {left}   "),
        });
        let clock = clock.strip_prefix("00:").unwrap_or(&clock);
        let more = format!("{retry}{} behind it   {reason}", many(behind, "host"));
        Some(Second::Lost { what: format!("{} lost {clock}", host.name), more })
    }

    /// How long the oldest open P1 lasts since it was detected, and what is due next to any of them.
    fn p1(&self) -> Option<Worst> {
        let open: Vec<_> = self.state.incidents.open().filter(|of| of.severity == Severity::P1).collect();
        let begin = open.iter().map(|of| of.detected.unwrap_or(of.opened)).min()?;
        let long = time::clock(words::ms(self.now.utc.since(begin)));
        let short = long.strip_prefix("00:").unwrap_or(&long).to_owned();
        let policy = &self.state.inventory.policy;
        let next = open.iter().filter_map(|of| Some((of.next_clock(policy)?, of))).min_by_key(|(clock, _)| clock.due);
        let promise = next.map(|(clock, of)| {
            let (how, tone) = self.promise(clock);
            // Of several it says whose it is.
            let whose = if open.len() > 1 { format!("{} ", of.number) } else { String::new() };
            let long = format!("{whose}{} {how}", clock.kind.word());
            let short = how.strip_suffix(" left").map_or_else(|| how.clone(), |left| format!("in {left}"));
            (long, format!("{} {short}", clock.kind.short()), tone)
        });
        Some(Worst { long, short, promise })
    }

    fn mode(&self) -> Mode {
        match self.state.runs.armed.left(self.now) {
            Some((env, left)) => {
                let seconds = left.div_ceil(1_000);
                let left = format!("{:02}:{:02}", seconds / 60, seconds % 60);
                Mode::Armed { left, kind: self.state.inventory.env_kind(env) }
            }
            None => Mode::ReadOnly,
        }
    }

    /// What arming does, beside how it stands now.
    pub(super) fn arming(&self, env: &EnvName) -> String {
        let armed = self.state.runs.armed.left(self.now);
        let now = match armed {
            None => "Now everything only looks.".to_owned(),
            Some((of, left)) if of == env => format!("It is armed for {} more.", time::short(left)),
            Some((of, _)) => format!("Now {of} is armed, and will not be any more."),
        };
        let during = time::short(self.state.inventory.write.arm_ms);
        format!(
            "{now} Armed, changes can be asked for during {during}, each with its own review; then write drops by itself."
        )
    }

    fn message(&self) -> Option<Message> {
        let screen = &self.state.screen;
        if let Some(message) = &screen.message {
            return Some(Message { tone: tone(message.tone), text: message.text.clone(), more: String::new() });
        }
        if let Recorder::Nobody { why } = &self.state.recorder {
            return Some(Message { tone: Tone::Warn, text: "nothing is recorded".into(), more: why.clone() });
        }
        let notices = self.state.runs.notices();
        if let Some(notice) = notices.first() {
            let others = notices.len() - 1;
            let more = if others > 0 { format!("and {others} more: qd status") } else { notice.help() };
            let text = format!("{}: {}", self.service_name(&notice.run.plan.service), notice.words());
            return Some(Message { tone: Tone::Warn, text, more });
        }
        let first = screen.problems.first()?;
        let text = match screen.problems.len() {
            1 => "the configuration has a problem".to_owned(),
            number => format!("the configuration has {number} problems"),
        };
        Some(Message { tone: Tone::Warn, text, more: format!("{first}   qd check says all") })
    }

    fn filter(&self) -> Option<(String, Option<usize>)> {
        let screen = &self.state.screen;
        if let Some(Overlay::Filter(pane)) = &screen.overlay {
            let text = screen.draft(Draft::Filter(*pane)).to_owned();
            let end = text.len();
            return Some((text, Some(end)));
        }
        let text = screen.draft(Draft::Filter(screen.pane())).trim();
        (!text.is_empty()).then(|| (text.to_owned(), None))
    }

    fn down(&self) -> Vec<String> {
        let services = self.state.services.services().filter(|service| service.health == Health::Down);
        services.map(|service| self.service_name(service.id())).collect()
    }

    /// Returns the first key of an action, for hints.
    pub(super) fn key(&self, action: Action) -> Option<String> {
        let entry = action.entry()?;
        self.keymap.keys_of(entry.id).first().map(ToString::to_string)
    }

    /// The keys that do something here, the most useful first.
    #[expect(clippy::too_many_lines, reason = "one arm for each scope")]
    fn hints(&self) -> Vec<(String, String)> {
        use Action::{
            AcknowledgeAlert, AddNote, ApproveRun, DeployService, FilterRows, FocusNextPane, GoBack, NextFound,
            OpenHelp, OpenIncident, OpenPalette, OpenSelected, ReconnectHost, ResolveIncident, RestartService,
            RollBackService, SearchOutput, SkipSnapshot, SortRows, StopRun, TakeRunBack, TakeRunOver,
            ToggleMaintenance, WriteUpdate, ZoomPane,
        };
        let screen = &self.state.screen;
        let own: &[Action] = match self.state.scope() {
            Scope::Replay => &[],
            Scope::Box => return self.box_hints(),
            Scope::Days => &[RestartService, OpenIncident, WriteUpdate, ToggleMaintenance],
            Scope::Services => {
                &[RestartService, AcknowledgeAlert, OpenIncident, DeployService, RollBackService, WriteUpdate]
            }
            Scope::Hosts => &[ReconnectHost],
            Scope::Alerts => &[AcknowledgeAlert, OpenIncident, RestartService],
            Scope::Suspects => {
                use SuspectAction::{Again, Choose, Detail, Nobody, RuleOut};
                &[
                    Action::Suspect(Choose),
                    Action::Suspect(RuleOut),
                    Action::Suspect(Detail),
                    Action::Suspect(Nobody),
                    Action::Suspect(Again),
                    RollBackService,
                ]
            }
            Scope::Runbook => {
                use RunbookAction::{Run, Skip, Tick, Values, Wrong};
                &[
                    Action::Runbook(Run),
                    Action::Runbook(Values),
                    Action::Runbook(Tick),
                    Action::Runbook(Skip),
                    Action::Runbook(Wrong),
                    RestartService,
                    RollBackService,
                ]
            }
            Scope::Incidents => &[
                Action::Incident(IncidentAction::NextPhase),
                Action::Incident(IncidentAction::Classify),
                Action::Suspect(SuspectAction::Show),
                Action::Runbook(RunbookAction::Show),
                AddNote,
                RollBackService,
                WriteUpdate,
                Action::Incident(IncidentAction::AddHypothesis),
                RestartService,
                Action::Incident(IncidentAction::Escalate),
                Action::Document(DocumentAction::Show),
                ResolveIncident,
            ],
            Scope::Handover => &[Action::SignHandover, Action::MakePromise, Action::KeepPromise],
            Scope::Document => {
                use DocumentAction::{Edit, EditElsewhere, Export, Send};
                &[
                    Action::Document(Edit),
                    Action::Document(EditElsewhere),
                    Action::Document(Send),
                    Action::Document(Export),
                    Action::Incident(IncidentAction::NextPhase),
                ]
            }
            Scope::Runs => {
                let selected = act::selected_run(self.state).and_then(|run| self.state.runs.runs.get(&run));
                if selected.is_some_and(|run| run.unled(self.now.utc).is_some()) {
                    &[TakeRunOver, StopRun, TakeRunBack, SearchOutput, NextFound]
                } else {
                    &[
                        SkipSnapshot,
                        StopRun,
                        TakeRunBack,
                        TakeRunOver,
                        ApproveRun,
                        SearchOutput,
                        NextFound,
                        RestartService,
                    ]
                }
            }
            Scope::Logs => {
                use LogAction::{
                    Context, EditFilter, Follow, Keep, ListFilters, Mark, NextError, NextHit, NextOfRequest, Search,
                    TurnClock, Web,
                };
                return self.hints_of(
                    &[
                        EditFilter,
                        Search,
                        Follow,
                        NextError,
                        NextHit,
                        Mark,
                        Context,
                        Keep,
                        NextOfRequest,
                        ListFilters,
                        Web,
                        TurnClock,
                    ]
                    .map(Action::Log),
                );
            }
            Scope::Findings => &[OpenIncident, Action::PullFindings, Action::AddWindow],
            Scope::Pipeline => {
                use PipelineVerb::{Approve, Cancel, Dispatch, Hold, Reject, Release, Rerun, RerunFailed};
                // What waits for somebody comes first; then what failed.
                &[Approve, Reject, Cancel, RerunFailed, Rerun, Dispatch, Hold, Release]
                    .map(|verb| Action::Pipeline(PipelineAction::Act(verb)))
            }
            Scope::Maintenance => &[Action::AddWindow, Action::EndWindow],
            Scope::Outbox => &[OpenSelected, Action::RetryItem, Action::EditItem, Action::DropItem],
            Scope::Everywhere => &[WriteUpdate],
        };
        let mut actions = vec![OpenHelp, OpenPalette, FocusNextPane];
        if screen.view != Place::Overview || screen.zoomed {
            actions.insert(0, GoBack);
        }
        if act::opens(self.state).is_some() {
            actions.push(OpenSelected);
        }
        actions.extend(own);
        actions.extend([FilterRows, SortRows, ZoomPane]);
        // In a run the same key searches; without a search there is no next hit.
        let (run, searched) = (matches!(screen.view, Place::Run(_)), !found::wanted(self.state).is_empty());
        let there = [(FilterRows, !run), (SearchOutput, run), (NextFound, searched)];
        actions.retain(|action| there.iter().all(|(of, holds)| of != action || *holds));
        if screen.replay.is_some() {
            use ReplayAction::{Faster, Next, Pause, Previous, Seek, Slower};
            actions.splice(1..1, [Pause, Next, Previous, Faster, Slower, Seek].map(Action::Replay));
        }
        self.hints_of(&actions)
    }

    fn hints_of(&self, actions: &[Action]) -> Vec<(String, String)> {
        let acts = actions.iter().filter(|action| refusal::why_not(self.state, **action, self.now).is_none());
        acts.filter_map(|action| Some((self.key(*action)?, action.entry()?.hint.to_owned()))).collect()
    }

    /// What acts in the box that is open, in the words of that box.
    fn box_hints(&self) -> Vec<(String, String)> {
        let (types, back) = (self.state.editing().is_some(), Action::GoBack);
        let cancel = (back, "cancel");
        let words: Vec<(Action, &str)> = match (&self.state.runs.review, &self.state.screen.overlay) {
            (Some(review), _) if review.commands => {
                vec![(Action::GoBack, "back to the review"), (Action::Move(Motion::Down), "on")]
            }
            (Some(review), _) => {
                let mut words = vec![cancel];
                if review.level == Level::Production {
                    words.extend([(Action::FocusNextPane, "next field"), (Action::Confirm, "go on")]);
                } else {
                    words.push((Action::SayYes, "yes"));
                }
                words.push((Action::ShowCommands, "commands"));
                if !self.state.runs.armed.covers(&review.plan.service.env, self.now) {
                    words.push((Action::ArmWrite, "arm write"));
                }
                words
            }
            (None, Some(Overlay::Host { question: Question::Passphrase { .. }, .. })) => {
                vec![cancel, (Action::Confirm, "unlock")]
            }
            (None, Some(Overlay::Sudo)) => {
                vec![
                    (Action::GoBack, "look without it"),
                    (Action::FocusNextPane, "for which hosts"),
                    (Action::Confirm, "try it"),
                ]
            }
            (None, Some(Overlay::Host { .. })) => {
                vec![(Action::GoBack, "no"), (Action::SayYes, "yes"), (Action::SayOnce, "once")]
            }
            (None, Some(overlay)) if asks(overlay) => {
                vec![(Action::GoBack, "no"), (Action::SayYes, "yes")]
            }
            (None, Some(Overlay::Deploy)) => {
                vec![
                    cancel,
                    (Action::Confirm, "go on"),
                    (Action::FocusNextPane, "complete"),
                    (Action::Move(Motion::Down), "next"),
                ]
            }
            (None, Some(Overlay::Palette | Overlay::Menu { .. })) => {
                vec![(Action::GoBack, "close"), (Action::Confirm, "go"), (Action::Move(Motion::Down), "next")]
            }
            (None, Some(Overlay::Help)) => {
                vec![(Action::GoBack, "close"), (Action::Move(Motion::PageDown), "page")]
            }
            (None, Some(Overlay::LogList(list))) => {
                let mut words = vec![
                    (Action::GoBack, "close"),
                    (Action::Confirm, "on or off"),
                    (Action::Move(Motion::Down), "next"),
                ];
                words.extend((*list == crate::core::screen::LogList::Filters).then_some((Action::RenameTerm, "name")));
                words
            }
            (None, Some(Overlay::Log(_))) => vec![(Action::GoBack, "as before"), (Action::Confirm, "keep")],
            (None, Some(Overlay::Filter(_) | Overlay::Search)) => vec![(back, "clear"), (Action::Confirm, "keep")],
            (None, Some(Overlay::InWords { .. })) => vec![cancel, (Action::Confirm, "open it")],
            (None, Some(Overlay::Own { .. })) => vec![cancel, (Action::Confirm, "take it")],
            (None, Some(Overlay::Seek | Overlay::Version { .. })) => vec![cancel, (Action::Confirm, "go")],
            (None, Some(Overlay::Section(_))) => vec![(Action::GoBack, "keep as a draft"), (Action::SaveText, "save")],
            (None, Some(Overlay::Edit { .. })) => vec![cancel, (Action::SaveText, "save")],
            (None, Some(Overlay::Window { .. })) => {
                vec![cancel, (Action::FocusNextPane, "next field"), (Action::Confirm, "plan it")]
            }
            (None, Some(Overlay::Update { .. })) => {
                vec![cancel, (Action::FocusNextPane, "next state"), (Action::Confirm, "go on")]
            }
            (None, _) => vec![cancel, (Action::Confirm, "save")],
        };
        // While a text is typed, the keys of a form are what they are everywhere.
        let fixed = [(Action::GoBack, "Esc"), (Action::Confirm, "Enter"), (Action::FocusNextPane, "Tab")];
        let key = |action: Action| match fixed.iter().find(|(of, _)| types && *of == action) {
            Some((_, key)) => Some((*key).to_owned()),
            None => keys::in_box(self.keymap, action, types),
        };
        words.into_iter().filter_map(|(action, does)| Some((key(action)?, does.to_owned()))).collect()
    }

    pub(super) fn global(&self) -> Global {
        let services = &self.state.services;
        let overall = services.overall();
        let all = services.services().count();
        let window = |name: &str, split: Split| {
            let figure = split.figure(all);
            let of = figure.of().map_or_else(String::new, |of| format!(" {of}"));
            (name.to_owned(), Value { text: figure.percent.map(|is| format!("{is}{of}")), ..percent(figure, 99.9) })
        };
        // What fails is not called up for as long as it is not confirmed: it is counted by itself.
        let count = |health| services.services().filter(|of| of.failing.is_none() && of.health == health).count();
        Global {
            up: count(Health::Up),
            degraded: count(Health::Degraded),
            failing: services.services().filter(|of| of.failing.is_some()).count(),
            down: count(Health::Down),
            maintenance: count(Health::Maintenance),
            unknown: count(Health::Unknown),
            percentages: vec![
                window("24h", overall.h24),
                window("7d", overall.d7),
                window("30d", overall.d30),
                window("90d", overall.d90),
            ],
        }
    }

    pub(super) fn messages(&self) -> Vec<(String, Message)> {
        let at = |at| self.moment(at);
        let messages: Vec<_> = self.state.screen.messages.iter().collect();
        self.indices(Pane::Messages)
            .filter_map(|index| messages.get(index))
            .map(|message| {
                let shown = Message { tone: tone(message.tone), text: message.text.clone(), more: String::new() };
                (at(message.at.utc), shown)
            })
            .collect()
    }

    pub(super) fn help(&self) -> Help {
        let screen = &self.state.screen;
        let here = screen.pane().scope();
        let mut scopes: Vec<Scope> = Scope::ALL.to_vec();
        scopes.sort_by_key(|scope| *scope != here);
        let groups = scopes
            .into_iter()
            .map(|scope| {
                let rows = ACTIONS.iter().filter(|entry| entry.scope == scope && !is_one_of_many(entry.action));
                let rows = rows.map(|entry| {
                    let keys: Vec<String> = self.keymap.keys_of(entry.id).iter().map(ToString::to_string).collect();
                    let keys = if entry.action == Action::FocusPane(1) { "1 … 9".to_owned() } else { keys.join(" ") };
                    let words =
                        if entry.action == Action::FocusPane(1) { "pane with this number" } else { entry.words };
                    let keys = if keys.is_empty() { format!(":{}", entry.id) } else { keys };
                    HelpRow { keys, words: words.into(), changes: entry.danger == Danger::Changes }
                });
                (scope.name().to_owned(), rows.collect())
            })
            .collect();
        let search = screen.draft(Draft::Help).to_owned();
        let end = search.len();
        Help { search: (search, end), groups }
    }
}

fn is_one_of_many(action: Action) -> bool {
    matches!(action, Action::FocusPane(number) if number > 1)
}

fn tone(of: Said) -> Tone {
    match of {
        Said::Done => Tone::Good,
        Said::Info => Tone::Info,
        Said::Error => Tone::Error,
    }
}

/// Writes a percentage; loud below the objective, missing where too little was recorded.
pub(super) fn percent(figure: Figure, objective: f64) -> Value {
    let is_low = figure.percent.is_some_and(|percent| percent.pct() < objective);
    let level = if is_low { Loud::Warn } else { Loud::Fine };
    figure.brief().map_or_else(Value::default, |text| Value::at(text, level))
}
