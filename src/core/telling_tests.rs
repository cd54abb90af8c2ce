use std::{collections::BTreeSet, sync::Arc};

use super::*;
use crate::core::{
    Msg,
    action::Action,
    alerts::Severity,
    id::IncidentId,
    incidents::{Guard, IncidentEvent, StoredIncidentEvent},
    inventory::{Host, Inventory, Params, Service},
    outbox::{NotifierSpec, TrackerSpec},
    record::{Changes, Recorder},
    runs::Actor,
    screen::{Draft, Overlay},
    time::{MINUTE, Mono},
    update,
};

const INCIDENT: Uid = Uid([7; 6]);

fn place(name: &str, send: &[Send]) -> Arc<TrackerSpec> {
    Arc::new(TrackerSpec {
        name: name.into(),
        kind: "fake".into(),
        send: send.iter().copied().collect(),
        severities: BTreeSet::new(),
        link: None,
        window_ms: 0,
        params: Params::new(),
    })
}

fn notifier(name: &str, audience: Audience) -> Arc<NotifierSpec> {
    let hears = Hears::ALL.into_iter().map(|(_, hears)| hears).collect();
    Arc::new(NotifierSpec {
        place: place(name, &[]),
        hears,
        audience,
        repeats: crate::core::outbox::Repeats::Once,
        local: false,
    })
}

struct Console {
    state: State,
    now: Now,
    seq: u64,
}

impl Console {
    fn new() -> Self {
        let service = Service { hosts: vec!["web-01".into()], ..Service::new("play@prod".parse().unwrap()) };
        let mut inventory = Inventory {
            trackers: vec![place("jira", &[Send::Update])],
            notifiers: vec![notifier("chat", Audience::Internal), notifier("page", Audience::Public)],
            services: vec![Arc::new(service)],
            hosts: vec![Arc::new(Host { address: "10.0.1.11".into(), ..Host::new("web-01") })],
            ..Inventory::default()
        };
        inventory.policy.severities[0].notify = vec!["chat".into(), "page".into()];
        let state = State::new(Arc::new(inventory), Actor { by: "ana".into(), from: "test".into() });
        let now = Now { utc: Timestamp(1_795_230_000_000), mono: Mono(0) };
        let mut console = Self { state, now, seq: 0 };
        _ = update(&mut console.state, Msg::Loaded(Box::default()), now);
        _ = update(&mut console.state, Msg::RecorderChanged(Recorder::Me { epoch: 1 }), now);
        let title = "orders fail".to_owned();
        let service = Some("play@prod".parse().unwrap());
        let kind = IncidentEventKind::Opened { title, severity: Severity::P1, service };
        let event = IncidentEvent { incident: INCIDENT, at: now.utc, by: "ana".into(), kind };
        let mut effects = vec![Effect::Commit { rows: vec![Row::Incident(event)], then: Vec::new(), what: None }];
        crate::core::tickets::register(&console.state, &mut effects);
        console.keep(effects);
        console
    }

    fn keep(&mut self, effects: Vec<Effect>) -> Vec<Row> {
        let mut all = Vec::new();
        for effect in effects {
            let Effect::Commit { rows, .. } = effect else { continue };
            all.extend(rows.clone());
            let mut changes = Changes::default();
            for row in rows {
                match row {
                    Row::Incident(event) => {
                        self.seq += 1;
                        changes.incidents.push(StoredIncidentEvent { number: IncidentId(7), seq: self.seq, event });
                    }
                    Row::Outbox(event) => changes.outbox.push(event),
                    Row::StatusUpdate(update) => changes.updates.push(update),
                    Row::Result(_)
                    | Row::Bucket(_)
                    | Row::HostMinute(_)
                    | Row::Alert(_)
                    | Row::Run(_)
                    | Row::Audit(_)
                    | Row::Window(_)
                    | Row::Pattern(_)
                    | Row::ConfigFile(_)
                    | Row::Finding(_) => panic!("{row:?}"),
                }
            }
            _ = update(&mut self.state, Msg::Changed(Box::new(changes)), self.now);
        }
        all
    }

    fn says(&mut self, state: DeclaredState, text: &str) -> Result<Vec<Row>, String> {
        let word = word(state, text);
        let mut effects = self.state.announce(&word, self.now)?;
        crate::core::tickets::register(&self.state, &mut effects);
        assert_eq!(effects.len(), 1, "one commit: {effects:?}");
        Ok(self.keep(effects))
    }
}

fn word(state: DeclaredState, text: &str) -> Word {
    Word { incident: Some(INCIDENT), service: None, state, text: text.to_owned() }
}

#[test]
fn one_text_goes_to_every_audience_in_one_commit_and_sets_the_clock() {
    let mut console = Console::new();
    let versions =
        console.state.versions(&word(DeclaredState::Identified, "Orders fail -- pool is full"), console.now.utc);
    assert_eq!(versions.public, "Orders fail. Next update by 03:15 UTC.");
    let internal = "Orders fail. pool is full. Next update by 03:15 UTC. INC-7 P1 play@prod on web-01";
    assert_eq!(versions.internal, internal);
    assert_eq!(versions.to, ["status page", "jira", "chat", "page (everybody)"]);
    assert_eq!(versions.next, Some(console.now.utc + 15 * MINUTE));

    let rows = console.says(DeclaredState::Identified, "Orders fail -- pool is full").unwrap();
    let told: Vec<String> = rows
        .iter()
        .map(|row| {
            if let Row::StatusUpdate(update) = row {
                format!("page {:?} {}", update.state, update.text)
            } else if let Row::Incident(event) = row {
                event.kind.says()
            } else if let Row::Outbox(outbox::OutboxEvent { kind: outbox::OutboxEventKind::Queued { item }, .. }) = row
            {
                format!("{} {}", item.tracker, item.write.summary())
            } else {
                panic!("{row:?}")
            }
        })
        .collect();
    let public = "Orders fail. Next update by 03:15 UTC.";
    assert_eq!(
        told,
        [
            format!("page Identified {public}"),
            format!("identified to status page, jira, chat, page (everybody): {public}"),
            format!("jira identified: {internal} (ana, 2026-11-21T03:00:00.000Z)"),
            format!("chat P1 update orders fail: identified: {internal}"),
            format!("page P1 update play@prod: identified: {public}"),
        ]
    );
    let of = &console.state.incidents.incidents[&INCIDENT];
    let due = of.next_clock(&console.state.inventory.policy);
    assert!(of.told.len() == 1 && due.is_some(), "{due:?}");
}

#[test]
fn what_was_said_is_not_said_again_and_everybody_reads_of_no_host() {
    let mut console = Console::new();
    drop(console.says(DeclaredState::Investigating, "We look into it").unwrap());
    console.now.utc = console.now.utc + MINUTE;
    let again = console.says(DeclaredState::Investigating, "We look into it.").unwrap_err();
    assert_eq!(again, "this says again what the newest update says, by ana at 03:00 UTC: not written");
    drop(console.says(DeclaredState::Identified, "We look into it").unwrap());
    for text in ["Web-01 is broken", "see 10.0.1.11.", "(web-01)"] {
        let why = console.says(DeclaredState::Monitoring, text).unwrap_err();
        assert!(why.contains("for the team alone"), "{text}: {why}");
    }
    drop(console.says(DeclaredState::Monitoring, "web-010 is another word -- web-01 was restarted").unwrap());
    assert!(console.says(DeclaredState::Monitoring, "  -- only for us").is_err());
    let versions = console.state.versions(&word(DeclaredState::Resolved, "All is well"), console.now.utc);
    assert_eq!((versions.public.as_str(), versions.next), ("All is well.", None), "the end promises nothing");
}

#[test]
fn a_template_leaves_out_what_is_not_known_and_hostile_text_stays_text() {
    let find = |name: &str| if name == "text" { "a {hosts} [b]".to_owned() } else { String::new() };
    assert_eq!(fill("{text}[ by {next}.][ {number}", find), "a {hosts} [b]");
    assert_eq!(fill("{unknown}x{", find), "x");
    assert_eq!(places("{text} [{next}] {").collect::<Vec<_>>(), ["text", "next"]);
}

fn happens(console: &mut Console, kind: IncidentEventKind) -> &Incident {
    console.now.utc = console.now.utc + MINUTE;
    let event = IncidentEvent { incident: INCIDENT, at: console.now.utc, by: "ana".into(), kind };
    drop(console.keep(vec![Effect::Commit { rows: vec![Row::Incident(event)], then: Vec::new(), what: None }]));
    &console.state.incidents.incidents[&INCIDENT]
}

fn began(phase: Phase) -> IncidentEventKind {
    IncidentEventKind::PhaseBegan { phase, note: String::new(), owed: Vec::new() }
}

fn well() -> IncidentEventKind {
    IncidentEventKind::Resolved { summary: "the alert is over".into() }
}

#[test]
fn what_is_declared_next_follows_the_incident() {
    use DeclaredState::{Identified, Investigating, Monitoring, Resolved};
    let mut console = Console::new();
    let declares = |of: &Incident| (of.to_declare(), of.is_last_word_said());
    assert_eq!(declares(&console.state.incidents.incidents[&INCIDENT]), (Investigating, true), "nobody was told");
    assert_eq!(declares(happens(&mut console, began(Phase::Diagnose))), (Investigating, true));
    drop(console.says(Investigating, "Orders fail").unwrap());
    let guess = IncidentEventKind::Hypothesis { text: "the pool is full".into(), test: String::new() };
    assert_eq!(declares(happens(&mut console, guess)), (Investigating, false), "a guess is no cause");
    assert_eq!(declares(happens(&mut console, began(Phase::Act))), (Identified, false));
    // Who said more than the phase does is not taken back.
    drop(console.says(Monitoring, "A larger pool is in place").unwrap());
    assert_eq!(declares(happens(&mut console, began(Phase::Diagnose))), (Monitoring, false));
    assert_eq!(declares(happens(&mut console, well())), (Resolved, false));
    drop(console.says(Resolved, "Orders work").unwrap());
    let closing = console.state.missing_to_close(&console.state.incidents.incidents[&INCIDENT], console.now.utc);
    assert!(!closing.contains(&Guard::LastWord), "{closing:?}");
    // It is back: what was over is not.
    let back = IncidentEventKind::Reopened { summary: "page fails".into() };
    assert_eq!(declares(happens(&mut console, back)), (Investigating, true));
    drop(console.says(Investigating, "Orders fail again").unwrap());
    assert_eq!(declares(happens(&mut console, well())), (Monitoring, false), "well, and not for long yet");
    let closing = console.state.missing_to_close(&console.state.incidents.incidents[&INCIDENT], console.now.utc);
    assert!(closing.contains(&Guard::LastWord), "{closing:?}");
}

#[test]
fn words_are_proposed_of_what_is_known_and_sent_on_a_yes_alone() {
    let mut console = Console::new();
    let proposed = |console: &Console, state| console.state.proposed(&word(state, ""));
    assert_eq!(
        proposed(&console, DeclaredState::Investigating),
        "There is a problem with play. We are looking into it."
    );
    _ = happens(
        &mut console,
        IncidentEventKind::Classified {
            class: "service".into(),
            impact: incidents::Impact::All,
            urgency: incidents::Urgency::Now,
            words: "nobody can order".into(),
        },
    );
    let said = "Nobody can order. We know what it is and are mending it.";
    assert_eq!(proposed(&console, DeclaredState::Identified), said);
    _ = happens(&mut console, well());
    let over = proposed(&console, DeclaredState::Resolved);
    assert_eq!(over, "This is over: play is well again, since 03:02 UTC.");

    // The box: nothing is written, Enter takes what is proposed, and only a yes sends it.
    let open =
        |whole| Overlay::Update { service: None, incident: Some(INCIDENT), state: DeclaredState::Resolved, whole };
    console.state.screen.open(open(false));
    let now = console.now;
    let press = |console: &mut Console, action| update(&mut console.state, Msg::Acted(action), now);
    assert_eq!(press(&mut console, Action::SayYes), [], "no yes where a text is typed");
    assert_eq!(press(&mut console, Action::Confirm), []);
    assert_eq!(
        (console.state.screen.overlay.clone(), console.state.screen.draft(Draft::Update)),
        (Some(open(true)), &*over)
    );
    assert_eq!(press(&mut console, Action::Confirm), [], "Enter is not yes");
    assert_eq!(press(&mut console, Action::GoBack), [], "back to the text, which stays");
    assert_eq!(
        (console.state.screen.overlay.clone(), console.state.screen.draft(Draft::Update)),
        (Some(open(false)), &*over)
    );
    assert_eq!(press(&mut console, Action::Confirm), []);
    let effects = press(&mut console, Action::SayYes);
    assert!(console.state.screen.overlay.is_none());
    let sent = |row: &Row| matches!(row, Row::StatusUpdate(update) if update.text == over);
    let saved = |effect: &Effect| matches!(effect, Effect::Commit { rows, .. } if rows.iter().any(sent));
    assert!(effects.iter().any(saved), "{effects:?}");
    // That it is told is said when it is on disk, and not before.
    let shown = console.state.screen.message.as_ref().map(|message| message.text.clone()).unwrap_or_default();
    assert!(!shown.starts_with("told"), "{shown}");
    let says = |effect: &Effect| matches!(effect, Effect::Say { text, .. } if text.starts_with("told as resolved: "));
    let then = |effect: &Effect| matches!(effect, Effect::Commit { then, .. } if then.iter().any(says));
    assert!(effects.iter().any(then) && !effects.iter().any(says), "{effects:?}");
}

#[test]
fn a_word_on_a_service_is_about_its_incident_until_people_know_that_it_is_over() {
    let mut console = Console::new();
    let of_service = |state| Word { incident: None, service: Some("play@prod".parse().unwrap()), ..word(state, "") };
    let about = |console: &Console, state| console.state.incident_of(&of_service(state)).map(|of| of.uid);
    drop(console.says(DeclaredState::Investigating, "Orders fail").unwrap());
    assert_eq!(about(&console, DeclaredState::Identified), Some(INCIDENT), "open");
    _ = happens(&mut console, began(Phase::Validate));
    _ = happens(&mut console, well());
    assert_eq!(about(&console, DeclaredState::Monitoring), Some(INCIDENT), "being proved");
    _ = happens(&mut console, began(Phase::Document));
    assert_eq!(about(&console, DeclaredState::Resolved), Some(INCIDENT), "people still wait for the end");
    // From the services: what is proposed is what the incident asks for.
    console.state.screen.go(crate::core::screen::View::Service("play@prod".parse().unwrap()));
    _ = update(&mut console.state, Msg::Acted(Action::WriteUpdate), console.now);
    let Some(Overlay::Update { state, .. }) = console.state.screen.overlay else { panic!("no box") };
    assert_eq!(state, DeclaredState::Resolved);
    drop(console.says(DeclaredState::Resolved, "Orders work").unwrap());
    assert_eq!(
        about(&console, DeclaredState::Investigating),
        None,
        "all was said: the next word is about something else"
    );
    // And where nothing is known to be wrong, nothing wrong is proposed.
    assert_eq!(console.state.proposed(&of_service(DeclaredState::Investigating)), "");
    let word = Word { text: "Pages are slow".into(), ..of_service(DeclaredState::Investigating) };
    let effects = console.state.announce(&word, console.now).unwrap();
    drop(console.keep(effects));
    let well = console.state.proposed(&of_service(DeclaredState::Resolved));
    assert_eq!(well, "This is over: play is well again.", "people were told");
}
