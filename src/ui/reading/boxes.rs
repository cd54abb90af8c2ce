//! The box that is open, if one is.
use super::Reader;
use crate::{
    core::{
        action::{Action, Motion},
        alerts::Severity,
        hosts::Question as Asked,
        id::ServiceId,
        opening::worded,
        runs::{self, Action as Change, Fit, LOOK, Plan, SNAPSHOT, gate::Level, policy::Role},
        screen::{Draft, LogList, Overlay, form, logs, palette},
        time,
    },
    ui::{
        Over,
        boxes::{Ask, Menu, Palette, PaletteRow, Question, Review},
        form::{Form, FormField},
        keys,
        show::Tone,
    },
};

/// A command of several lines in one, as the box has room for.
pub(super) fn one_line(command: &str) -> String {
    command.lines().collect::<Vec<_>>().join(" ⏎ ")
}

/// The moment of a replay that is typed.
fn seek(typed: (String, usize)) -> Ask {
    Ask {
        title: "Go to a moment of the replay".into(),
        typed,
        rows: 1,
        verb: "go".into(),
        hint: "+10m  -10m  03:12  @start  @onset  @end".into(),
        ..Ask::default()
    }
}

impl Reader<'_> {
    pub(super) fn over(&self) -> Option<Over> {
        let state = self.state;
        if state.runs.review.is_some() {
            return self.review().map(|review| Over::Review(Box::new(review)));
        }
        let typed = |draft| {
            let text = state.screen.draft(draft).to_owned();
            let end = text.len();
            (text, end)
        };
        Some(match state.screen.overlay.as_ref()? {
            Overlay::Help | Overlay::Filter(_) | Overlay::Search | Overlay::Log(_) => return None,
            Overlay::LogList(list) => Over::Menu(Box::new(self.log_list(*list))),
            Overlay::Palette => Over::Palette(Box::new(self.palette())),
            Overlay::Deploy => Over::Deploy(Box::new(self.deploy()?)),
            Overlay::Menu { actions } => Over::Menu(Box::new(Menu {
                title: "What can be done".into(),
                rows: actions
                    .iter()
                    .filter_map(|action| action.entry())
                    .map(|entry| (self.key(entry.action).unwrap_or_default(), entry.words.to_owned(), entry.danger))
                    .collect(),
                cursor: state.screen.overlay_cursor,
                whole: None,
            })),
            Overlay::Form(form) => Over::Form(Box::new(self.form(form)?)),
            Overlay::Note { incident } => {
                let of = state.incidents.incidents.get(incident);
                let name = of.map(|of| format!("{} {}", of.number, of.title)).unwrap_or_default();
                Over::Ask(Box::new(Ask {
                    title: format!("Note for {}", crate::parse::sanitise::line_max(name, 60)),
                    typed: typed(Draft::Note),
                    rows: 3,
                    verb: "save".into(),
                    hint: "what you saw, did, or think".into(),
                    ..Ask::default()
                }))
            }
            Overlay::InWords { service } => Over::Ask(Box::new(self.words_box(service.as_ref(), typed(Draft::Note)))),
            Overlay::Section(of) => {
                let number =
                    state.incidents.incidents.get(&of.incident).map_or_else(String::new, |of| of.number.to_string());
                Over::Ask(Box::new(Ask {
                    title: format!("{number}: {}", of.section.title()),
                    typed: typed(Draft::Section),
                    rows: 12,
                    verb: "save".into(),
                    key: keys::in_box(self.keymap, Action::SaveText, false),
                    safe: "keep as a draft",
                    hint: "Markdown, in your words; Enter is a new line; what you type survives a crash".into(),
                    ..Ask::default()
                }))
            }
            Overlay::Own { alert } => Over::Ask(Box::new(self.own_box(*alert, typed(Draft::Note))?)),
            Overlay::Promise | Overlay::Sign { .. } => {
                self.about_handover(state.screen.overlay.as_ref()?, typed(Draft::Note))
            }
            Overlay::Version { service } => Over::Ask(Box::new(self.version_box(service, typed(Draft::Note)))),
            Overlay::Seek => Over::Ask(Box::new(seek(typed(Draft::Note)))),
            Overlay::Drop { token } => Over::Ask(Box::new(self.drop_box(*token))),
            Overlay::Edit { token, was } => Over::Ask(Box::new(self.item_box(*token, was)?)),
            Overlay::Window { at } => Over::Form(Box::new(self.window_form(*at))),
            Overlay::EndWindow { window } => Over::Question(Box::new(self.window_question(*window)?)),
            Overlay::Update { service, incident, state: declared, whole: true } => {
                Over::Question(Box::new(self.update_question(service.as_ref(), *incident, *declared)))
            }
            Overlay::Update { service, incident, state: declared, whole: false } => {
                Over::Ask(Box::new(self.update_box(service.as_ref(), *incident, *declared)))
            }
            overlay @ (Overlay::Host { .. }
            | Overlay::Sudo
            | Overlay::Quit
            | Overlay::Arm { .. }
            | Overlay::TakeBack { .. }
            | Overlay::Approve { .. }) => {
                return self.question(overlay);
            }
        })
    }

    /// One line that opens an incident, with how bad it is taken to be.
    fn words_box(&self, service: Option<&ServiceId>, typed: (String, usize)) -> Ask {
        let about = service.map_or_else(|| "no service".to_owned(), |id| self.service_name(id));
        let severity = worded(&typed.0).map_or(Severity::P3, |(severity, _)| severity);
        Ask {
            title: format!("Open an incident about {about}"),
            typed,
            rows: 2,
            verb: format!("open a {severity:?}"),
            hint: "what is wrong, in one line; P1 first where it is one".into(),
            ..Ask::default()
        }
    }

    /// A list of the log view: what acts has a full sign, what rests an empty one.
    fn log_list(&self, list: LogList) -> Menu {
        let lines = logs::list(self.state, list);
        let title = match list {
            LogList::Filters => "Filter terms and saved filters",
            LogList::Sources => "Sources",
            LogList::Columns => "Columns",
        };
        let cursor = self.state.screen.overlay_cursor;
        // What a source tells is more than a row holds, and what is wrong with it must not be cut.
        let whole = lines.get(cursor).filter(|line| list == LogList::Sources && !line.more.is_empty());
        let whole = whole.map(|line| crate::parse::sanitise::line_max(format!("{}: {}", line.what, line.more), 600));
        let widest = lines.iter().map(|line| line.what.chars().count()).max().unwrap_or(0).min(28);
        let rows = lines.into_iter().map(|line| {
            let sign = match line.on {
                Some(true) => "●",
                Some(false) => "○",
                None => "▸",
            };
            let words = if line.more.is_empty() { line.what } else { format!("{:<widest$}  {}", line.what, line.more) };
            (sign.to_owned(), crate::parse::sanitise::line_max(words, 200), crate::core::action::Danger::None)
        });
        Menu { title: title.into(), rows: rows.collect(), cursor, whole }
    }

    fn form(&self, of: &form::Form) -> Option<Form> {
        let sheet = form::sheet(self.state, of, self.now.utc)?;
        let text = self.state.screen.draft(Draft::Form).to_owned();
        let field = |(field, chosen): (form::Field, &usize)| match field {
            form::Field::Choice { label, options } => FormField::Choice { label, options, chosen: *chosen },
            form::Field::Text { label, hint, .. } => FormField::Text { label, typed: (text.clone(), text.len()), hint },
        };
        let fields = sheet.fields.into_iter().zip(&of.chosen).map(field).collect();
        Some(Form { title: sheet.title, lines: sheet.lines, fields, at: of.at, verb: sheet.verb.to_owned() })
    }

    /// The key that says yes.
    pub(super) fn yes(&self) -> String {
        keys::in_box(self.keymap, Action::SayYes, false).unwrap_or_default()
    }

    /// What is asked before the program ends.
    fn quit(&self) -> Question {
        let (title, text) = if self.state.screen.demo {
            let gone = "Its hosts, its store and all that you wrote into its incidents are deleted, for good. Quit?";
            ("The demo ends with this", gone)
        } else {
            let goes_on = "It goes on on its hosts without this console, and another console shows its end. Quit?";
            ("A run is going on", goes_on)
        };
        Question {
            title: title.into(),
            text: text.into(),
            facts: Vec::new(),
            yes: "quit".into(),
            yes_key: self.yes(),
            once: None,
            alarm: false,
        }
    }

    fn question(&self, overlay: &Overlay) -> Option<Over> {
        let state = self.state;
        let dots = state.screen.draft(Draft::Passphrase).to_owned();
        Some(match overlay {
            Overlay::Host { host, question: Asked::UnknownHostKey { pattern, algorithm, fingerprint, .. } } => {
                Over::Question(Box::new(Question {
                    title: "Unknown host key".into(),
                    text: format!(
                        "{host} is not in known_hosts. Compare the fingerprint with one you got another way; {} writes it down.",
                        self.yes()
                    ),
                    facts: vec![("host", pattern.clone()), ("key", format!("{algorithm} {fingerprint}"))],
                    yes: "trust it".into(),
                    yes_key: self.yes(),
                    once: keys::in_box(self.keymap, Action::SayOnce, false)
                        .map(|key| (key, "until qd ends".to_owned())),
                    alarm: false,
                }))
            }
            Overlay::Host { host, question: Asked::Passphrase { identity } } => Over::Ask(Box::new(Ask {
                title: format!("Passphrase for {host}"),
                text: format!(
                    "{identity} is encrypted. The passphrase is kept in memory until qd ends, and nowhere else."
                ),
                typed: (dots.clone(), dots.len()),
                masked: true,
                rows: 1,
                verb: "unlock".into(),
                ..Ask::default()
            })),
            Overlay::Sudo => return self.sudo(dots),
            Overlay::Quit => Over::Question(Box::new(self.quit())),
            Overlay::Arm { env } => Over::Question(Box::new(Question {
                title: format!("Arm write for {env}"),
                text: self.arming(env),
                facts: vec![("env", env.to_string())],
                yes: "arm".into(),
                yes_key: self.yes(),
                once: None,
                alarm: false,
            })),
            Overlay::Approve { run } | Overlay::TakeBack { run } => return self.about_run(overlay, *run),
            Overlay::Help
            | Overlay::Palette
            | Overlay::Deploy
            | Overlay::Search
            | Overlay::Menu { .. }
            | Overlay::Filter(_)
            | Overlay::Log(_)
            | Overlay::LogList(_)
            | Overlay::Form(_)
            | Overlay::Note { .. }
            | Overlay::InWords { .. }
            | Overlay::Section(_)
            | Overlay::Sign { .. }
            | Overlay::Own { .. }
            | Overlay::Promise
            | Overlay::Seek
            | Overlay::Version { .. }
            | Overlay::Drop { .. }
            | Overlay::Window { .. }
            | Overlay::Edit { .. }
            | Overlay::EndWindow { .. }
            | Overlay::Update { .. } => return None,
        })
    }

    /// Asks for what `sudo` asks for.
    fn sudo(&self, dots: String) -> Option<Over> {
        let inventory = &self.state.inventory;
        let asking = self.state.runs.sudo.asking.as_ref()?;
        let (first, alike) = (asking.hosts.first()?, asking.alike(inventory));
        let others = alike.len().saturating_sub(1);
        let user = inventory.host(first).and_then(|host| host.user.clone());
        let of = user.map_or_else(|| first.to_string(), |user| format!("{user} on {first}"));
        let choices = match others {
            0 => Vec::new(),
            others => vec![format!("{first} and {others} more with this login"), format!("{first} alone")],
        };
        let kept = time::short(inventory.write.arm_ms);
        Some(Over::Ask(Box::new(Ask {
            title: format!("Password for sudo of {of}"),
            text: format!(
                "Steps there call sudo, which asks for it. It is tried before anything is changed, goes there by stdin alone, and is kept in memory: for {kept} after its last use, or until write is disarmed. Esc looks without it."
            ),
            choices,
            chosen: usize::from(!asking.for_all),
            typed: (dots.clone(), dots.len()),
            masked: true,
            rows: 1,
            verb: "try it".into(),
            wrong: asking.wrong.clone().unwrap_or_default(),
            ..Ask::default()
        })))
    }

    /// Asks about a run before it is approved, or taken back.
    fn about_run(&self, overlay: &Overlay, run: crate::core::id::Uid) -> Option<Over> {
        let state = self.state;
        let found = state.runs.runs.get(&run)?;
        Some(if matches!(overlay, Overlay::Approve { .. }) {
            let hosts: Vec<String> = found.plan.hosts().iter().map(ToString::to_string).collect();
            let names = steps(&found.plan).into_iter().map(|(hosts, names)| format!("{hosts}: {names}"));
            Over::Question(Box::new(Question {
                title: format!("Approve {}", state.run_name(run)),
                text: format!(
                    "{} asks for it: {}. It starts as soon as you say so, at their console. What runs: {}. `qd approve` prints every command.",
                    found.by,
                    found.reason,
                    names.collect::<Vec<_>>().join("; ")
                ),
                facts: vec![
                    ("service", found.plan.service.to_string()),
                    ("hosts", hosts.join(" ")),
                    ("plan", runs::hash(&found.plan)),
                    ("valid", self.approval_left(found)),
                ],
                yes: "approve it".into(),
                yes_key: self.yes(),
                once: None,
                alarm: true,
            }))
        } else {
            Over::Question(Box::new(Question {
                title: format!("Take back {}", state.run_name(run)),
                text: format!(
                    "What runs now ends first. Then each host that was changed is taken back, the last one first: {}.",
                    found.plan.undo
                ),
                facts: vec![("service", found.plan.service.to_string())],
                yes: "take it back".into(),
                yes_key: self.yes(),
                once: None,
                alarm: true,
            }))
        })
    }

    /// Names who may approve a change that a person asks for, and the way to do it.
    pub(super) fn approvers(&self, plan: &Plan, by: &crate::core::id::Operator) -> String {
        let needs = Role::for_plan(plan);
        let roles =
            self.state.inventory.environment(&plan.service.env).map(|env| env.roles.clone()).unwrap_or_default();
        let mut names: Vec<String> = Vec::new();
        for (who, role) in &roles.0 {
            if *role >= needs && who != by && !names.contains(&who.to_string()) {
                names.push(who.to_string());
            }
        }
        match names.as_slice() {
            [] if roles.0.is_empty() => "anybody under another login".to_owned(),
            [] => format!("a {} other than {by}, and the configuration names none", needs.word()),
            names => format!("{} ({} or more)", names.join(" or "), needs.word()),
        }
    }

    /// Until when an approval counts.
    pub(super) fn approval_left(&self, of: &runs::Run) -> String {
        let until = of.at + runs::APPROVAL_MS;
        let left = super::words::ms(until.since(self.now.utc));
        format!("until {}, {} left; then it ends and nothing was changed", self.moment(until), time::precise(left))
    }

    /// Says which other person must approve a change, or why nobody must.
    fn second(&self, of: &runs::Review) -> String {
        let grave = runs::gate::second_person(&self.state.inventory, &of.plan);
        let what = grave.iter().map(|grave| grave.says()).collect::<Vec<_>>().join(", ");
        if of.second.is_empty() {
            let number = of.incident.and_then(|uid| self.state.incidents.incidents.get(&uid));
            let number = number.map_or_else(|| "the incident".to_owned(), |of| of.number.to_string());
            return if what.is_empty() {
                what
            } else {
                format!("waived ({what}): {number} is a P1; kept on the audit")
            };
        }
        let valid = time::short(super::words::ms(runs::APPROVAL_MS));
        format!(
            "{what}: after you, {} must approve it within {valid}: {} on the run in their console, or `qd approve`",
            self.approvers(&of.plan, &of.by),
            self.key(Action::ApproveRun).unwrap_or_else(|| ":approve-run".to_owned()),
        )
    }

    /// Says what was seen before a change, and what a person must know of it.
    fn prechecks(&self, of: &runs::Review, types: bool) -> Vec<(Tone, String)> {
        let (state, id) = (self.state, &of.plan.service);
        let production = of.level == Level::Production;
        let incident = of.incident.and_then(|uid| state.incidents.incidents.get(&uid));
        let mut prechecks = vec![(
            if of.before == crate::core::services::Health::Up { Tone::Warn } else { Tone::Info },
            format!("{} is {} now", self.service_name(id), crate::ui::rows::health_word(of.before)),
        )];
        if let Some(incident) = incident {
            prechecks.push((Tone::Info, format!("goes into the timeline of {}", incident.number)));
        }
        prechecks.extend(of.prechecks().map(|check| match check.verdict {
            Fit::Good => (Tone::Good, check.text.clone()),
            Fit::Doubtful => (Tone::Warn, check.text.clone()),
            Fit::Held if of.overridden => (Tone::Warn, format!("set aside: {}", check.text)),
            Fit::Held | Fit::Bad => (Tone::Error, check.text.clone()),
        }));
        if of.held().next().is_some() && !of.overridden {
            let key = keys::in_box(self.keymap, Action::SetAside, types).unwrap_or_else(|| ":set-aside".into());
            prechecks.push((Tone::Info, format!("{key} sets aside what is held, with a reason; an admin's")));
        }
        prechecks.extend(of.stale.iter().map(|why| (Tone::Error, why.clone())));
        if production && !state.runs.armed.covers(&id.env, self.now) {
            let key = keys::in_box(self.keymap, Action::ArmWrite, types).unwrap_or_else(|| ":arm-write".into());
            prechecks.push((Tone::Warn, format!("write is not armed for {}: {key} arms it", id.env)));
        }
        // What keeps it from being confirmed must not stand on a second page.
        prechecks.sort_by_key(|(tone, _)| *tone != Tone::Error);
        prechecks
    }

    fn review(&self) -> Option<Review> {
        let state = self.state;
        let of = state.runs.review.as_ref()?;
        let id = &of.plan.service;
        let production = of.level == Level::Production;
        let editing = state.editing();
        let ready = of.ready(&state.inventory, &state.runs.armed, self.now);
        let blocked = match (&of.refused, &ready) {
            (Some(why), _) => why.clone(),
            (None, Err(why)) if production && !state.runs.armed.covers(&id.env, self.now) => why.to_string(),
            (None, _) => String::new(),
        };
        let mut hosts: Vec<String> = of.plan.hosts().iter().map(ToString::to_string).collect();
        if hosts.len() > 1 {
            hosts.push(format!("({})", of.plan.strategy.words()));
        }
        let mut title = of.plan.title.clone();
        if let Some(first) = title.get(..1).map(str::to_uppercase) {
            title.replace_range(..1, &first);
        }
        let verb = match &of.plan.action {
            Change::Rollback { .. } => "roll back".to_owned(),
            Change::Restart | Change::Deploy { .. } | Change::Other { .. } => {
                of.plan.title.split_whitespace().next().unwrap_or("run").to_owned()
            }
        };
        let prechecks = self.prechecks(of, editing.is_some());
        let counting = of.starts.map(|starts| {
            let left = starts.since(self.now.mono).div_ceil(1_000);
            u8::try_from(left).unwrap_or(u8::MAX)
        });
        let field = |text: &str, draft| {
            let cursor = (editing == Some(draft)).then_some(text.len());
            (text.to_owned(), cursor)
        };
        Some(Review {
            env: (id.env.to_string(), state.inventory.env_kind(&id.env)),
            title,
            verb,
            service: id.service.to_string(),
            hosts,
            elsewhere: self.elsewhere(&of.plan),
            deeds: of.plan.deeds.iter().map(|deed| crate::parse::sanitise::line_max(deed.words(), 300)).collect(),
            steps: steps(&of.plan),
            commands: short(&of.plan),
            now: change(&of.plan),
            hash: of.hash.clone(),
            script: of.commands.then(|| {
                let lines = of.script();
                let at = state.screen.overlay_cursor.min(lines.len().saturating_sub(1));
                (lines, at)
            }),
            effect: effect(of),
            undo: of.plan.undo.clone(),
            pipeline: pipeline(&of.plan),
            second: self.second(of),
            prechecks,
            instead: of.instead.clone(),
            notes: of.plan.notes.clone(),
            level: level(of),
            yes: self.yes(),
            read: keys::in_box(self.keymap, Action::ShowCommands, editing.is_some()).unwrap_or_default(),
            reason: field(&of.reason, Draft::Reason),
            typed: field(&of.typed, Draft::Name),
            ready: ready.is_ok(),
            blocked,
            counting,
            at: if of.commands { 0 } else { state.screen.overlay_cursor },
            page: keys::in_box(self.keymap, Action::Move(Motion::PageDown), editing.is_some()).unwrap_or_default(),
        })
    }

    /// Where what is done to a pipeline is done; empty where nothing is.
    fn elsewhere(&self, plan: &Plan) -> String {
        let of = self.state.inventory.service(&plan.service).and_then(|service| service.pipeline.as_ref());
        of.filter(|_| !plan.deeds.is_empty()).map_or_else(String::new, |of| format!("{} at {}", of.repo, of.api))
    }

    fn palette(&self) -> Palette {
        let state = self.state;
        let lines = palette::lines(state);
        let at = state.screen.overlay_cursor.min(lines.len().saturating_sub(1));
        let (preview, equals) =
            lines.get(at).map_or_else(Default::default, |line| (line.detail.clone(), line.equals.clone()));
        let rows = lines.into_iter().map(|line| {
            let key = match &line.target {
                palette::Target::Act(action) => self.key(*action).unwrap_or_default(),
                palette::Target::Go(_) | palette::Target::PlayBack(_) | palette::Target::Open(_) => String::new(),
            };
            PaletteRow { words: line.label, more: line.detail, danger: line.danger, key }
        });
        let text = state.screen.draft(Draft::Palette).to_owned();
        let end = text.len();
        Palette { typed: (text, end), rows: rows.collect(), cursor: at, preview, equals }
    }
}

/// How hard a change is guarded, for a person: 4 where another one must approve it.
fn level(of: &crate::core::runs::Review) -> u8 {
    match of.level {
        _ if !of.second.is_empty() => 4,
        Level::Production => 3,
        Level::Review => 2,
    }
}

/// What runs there now and what will, as far as either is known.
pub(super) fn change(plan: &Plan) -> Option<String> {
    let to = match &plan.action {
        Change::Deploy { version } | Change::Rollback { version } => Some(version),
        Change::Restart | Change::Other { .. } => None,
    };
    match (&plan.from, to) {
        (Some(from), Some(to)) => Some(format!("{from} → {to}")),
        (None, Some(to)) => Some(format!("? → {to}")),
        (from, None) => from.clone(),
    }
}

/// What is done to its pipeline where it goes back.
fn pipeline(plan: &runs::Plan) -> String {
    let when = match plan.action {
        runs::Action::Rollback { .. } => "",
        runs::Action::Deploy { .. } | runs::Action::Restart | runs::Action::Other { .. } => "where it is taken back, ",
    };
    plan.pipeline.as_ref().map_or_else(String::new, |hold| format!("{when}{}", hold.words()))
}

/// What users will notice, who else may, and how long it takes.
fn effect(of: &runs::Review) -> String {
    let mut text = of.plan.effect.clone();
    if !of.plan.reach.is_empty() {
        let reach: Vec<String> = of.plan.reach.iter().map(ToString::to_string).collect();
        text.push_str("; it is needed by ");
        text.push_str(&reach.join(", "));
    }
    if let Some(ms) = of.estimate_ms {
        text.push_str("; about ");
        text.push_str(&crate::core::time::precise(ms));
    }
    text
}

/// Names the steps of each host in their order; hosts with the same ones stand together.
fn steps(plan: &Plan) -> Vec<(String, String)> {
    let mut all: Vec<(String, String)> = Vec::new();
    for host in plan.hosts() {
        let own = plan.steps.iter().filter(|step| step.host == host);
        let names = own.map(|step| step.name.as_str()).collect::<Vec<_>>().join(" → ");
        match all.iter_mut().find(|(_, known)| *known == names) {
            Some((hosts, _)) => {
                hosts.push(' ');
                hosts.push_str(host.as_str());
            }
            None => all.push((host.to_string(), names)),
        }
    }
    all
}

/// Commands that are read at once: at most two, of a line each.
const SHORT: usize = 2;

/// Returns the commands where they are few and short; what only looks is none of them.
fn short(plan: &Plan) -> Vec<(String, String)> {
    let own: Vec<_> = plan.steps.iter().filter(|step| step.name != SNAPSHOT && step.name != LOOK).collect();
    if own.len() > SHORT || own.iter().any(|step| step.command.lines().count() > 1) {
        return Vec::new();
    }
    own.into_iter().map(|step| (step.host.to_string(), step.command.clone())).collect()
}
