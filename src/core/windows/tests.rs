use std::sync::Arc;

use super::*;
use crate::core::{
    self, Msg,
    inventory::{Display, EnvKind, Environment},
    msg::Loaded,
    record::Changes,
    runs::policy::{Role, Roles},
    time::{DAY, HOUR, MINUTE, Mono, Now},
};

/// 2026-11-22 03:12:40 UTC, a Sunday.
const NOW: Timestamp = Timestamp(1_795_317_160_000);

fn service(id: &str, hosts: &[&str]) -> Arc<Service> {
    let mut service = Service::new(id.parse().unwrap());
    service.hosts = hosts.iter().map(|host| HostName::from(*host)).collect();
    Arc::new(service)
}

fn host(name: &str, env: &str) -> Arc<Host> {
    Arc::new(Host { env: Some(env.into()), ..Host::new(name) })
}

fn inventory() -> Inventory {
    Inventory {
        environments: vec![
            Environment::new("prod", EnvKind::Production),
            Environment::new("staging", EnvKind::Staging),
        ],
        hosts: vec![host("web-01", "prod"), host("web-02", "prod"), host("stage-01", "staging"), host("play", "prod")],
        services: vec![
            service("play@prod", &["web-01", "web-02"]),
            service("api@prod", &["web-02"]),
            service("api@staging", &["stage-01"]),
        ],
        display: Display { timezone: chrono_tz::America::Bogota, ..Display::default() },
        ..Inventory::default()
    }
}

fn actor(name: &str) -> Actor {
    Actor { by: name.into(), from: format!("{name}@jump") }
}

fn wanted(what: &str, from: &str, to: &str) -> Wanted {
    Wanted { what: what.into(), from: from.into(), to: to.into(), zone: String::new(), why: "new disk".into() }
}

fn read(what: &str, from: &str, to: &str) -> Result<Window, String> {
    wanted(what, from, to).read(&inventory(), NOW)
}

fn declared(state: &mut State, what: &str, from: &str, to: &str) -> Uid {
    let event = read(what, from, to).unwrap().declared(&actor("ana"), NOW);
    assert!(state.apply(&event));
    event.window
}

#[test]
fn times_are_read_by_the_clock_of_their_zone() {
    for (zone, from, to, expected) in [
        // It is 22:12 in Bogota: its 23:00 is today there, its 02:00 tomorrow.
        ("", "23:00", "02:00", "2026-11-22T04:00 2026-11-22T07:00"),
        ("UTC", "04:00", "2h", "2026-11-22T04:00 2026-11-22T06:00"),
        ("UTC", "now", "90m", "2026-11-22T03:12:40 2026-11-22T04:42:40"),
        ("UTC", "+30m", "+1h", "2026-11-22T03:42 2026-11-22T04:42"),
        // The minute that goes on is not over, and begins now.
        ("UTC", "03:12", "03:30", "2026-11-22T03:12:40 2026-11-22T03:30"),
        ("UTC", "03:11", "04:00", "2026-11-23T03:11 2026-11-23T04:00"),
        ("Europe/Berlin", "2026-12-20 02:00", "2026-12-20 04:00", "2026-12-20T01:00 2026-12-20T03:00"),
        ("UTC", "2026-12-20T02:00:00Z", "2h", "2026-12-20T02:00 2026-12-20T04:00"),
        // The clock leaps from 02:00 to 03:00 there: it begins after the leap.
        ("Europe/Berlin", "2027-03-28 02:30", "04:00", "2027-03-28T01:00 2027-03-28T02:00"),
    ] {
        let window = Wanted { zone: zone.into(), ..wanted("play@prod", from, to) }.read(&inventory(), NOW);
        let window = window.unwrap_or_else(|why| panic!("{from} {to}: {why}"));
        let text = format!("{} {}", window.from.rfc3339(), window.to.rfc3339());
        let text = text.replace(".000Z", "").replace(":00 ", " ");
        assert_eq!(text.strip_suffix(":00").unwrap_or(&text), expected, "{zone} {from} {to}");
    }
}

#[test]
fn what_is_past_overlong_or_unclear_is_refused_with_what_would_be_right() {
    for (what, from, to, expected) in [
        ("", "now", "1h", "name what it covers: play@prod, host:web-01, env:staging, or everything"),
        ("plya@prod", "now", "1h", "there is no service, host or environment `plya@prod`; there are: play@prod,"),
        ("host:web-9", "now", "1h", "there is no host `web-9`"),
        ("env:prdo", "now", "1h", "there is no environment `prdo`"),
        ("api", "now", "1h", "`api` may be several: name one of api@prod, api@staging"),
        ("play", "now", "1h", "`play` may be several: name one of play@prod, host:play"),
        ("play@prod", "soon", "1h", "from: `soon` is no time: now, +30m, 02:00 or 2026-12-20 02:00"),
        ("play@prod", "", "1h", "from: `` is no time"),
        ("play@prod", "now", "25:00", "to: `25:00` is no time: 2h, 04:00 or 2026-12-20 04:00"),
        (
            "play@prod",
            "2026-11-20 02:00",
            "5d",
            "it begins at 2026-11-20T07:00:00.000Z, which is over: what was measured",
        ),
        ("play@prod", "2026-11-23 04:00", "2026-11-23 02:00", "before it begins at 2026-11-23T09:00:00.000Z"),
        ("play@prod", "now", "0m", "before it begins"),
        ("play@prod", "now", "24h1m", "it lasts 25 h: at most 24 h, so that no slip leaves anything unwatched"),
        ("play@prod", "now", "2027-11-23 02:00", "at most 24 h"),
        ("play@prod", "2027-11-23 02:00", "1h", "days: at most 180 ahead"),
        ("play@prod", "now", "99999999999999999999h", "is no time"),
        ("play@prod", "now", "9999999999w", "at most 24 h"),
        ("play@prod", "09:00", "08:00", "it would last 23 h, to 2026-11-2"),
    ] {
        let why = read(what, from, to).unwrap_err();
        assert!(why.contains(expected), "{what} {from} {to}: {why}");
    }
    let no_zone = Wanted { zone: "Bogota".into(), ..wanted("play@prod", "now", "1h") };
    assert!(no_zone.read(&inventory(), NOW).unwrap_err().contains("there is no time zone `Bogota`"));
    let no_why = Wanted { why: " ".into(), ..wanted("play@prod", "now", "1h") };
    assert!(no_why.read(&inventory(), NOW).unwrap_err().contains("say why"));
    assert!(read("play@prod", "now", "24h").is_ok(), "the longest there may be");
}

#[test]
fn a_window_covers_what_it_names_and_services_that_run_nowhere_else() {
    let inventory = inventory();
    for (what, services, hosts) in [
        ("play@prod", "play@prod", ""),
        ("env:staging", "api@staging", "stage-01"),
        ("host:web-01", "", "web-01"),
        ("web-02", "api@prod", "web-02"),
        ("web-01, host:web-02", "play@prod api@prod", "web-01 web-02"),
        ("everything", "play@prod api@prod api@staging", "web-01 web-02 stage-01 play"),
    ] {
        let window = read(what, "now", "1h").unwrap();
        let (of, on) = window.covered(&inventory);
        let text = |all: Vec<String>| all.join(" ");
        assert_eq!(text(of.iter().map(ToString::to_string).collect()), services, "{what}");
        assert_eq!(text(on.iter().map(ToString::to_string).collect()), hosts, "{what}");
        let again = read(&window.covers.words(), "now", "1h").unwrap();
        assert_eq!(again.covers, window.covers, "{what}: what is said of it can be typed");
    }
}

#[test]
fn a_window_ends_by_itself_or_once_by_a_person() {
    let inventory = inventory();
    let mut state = State::default();
    let uid = declared(&mut state, "host:web-01", "now", "1h");
    let target = Target::Host("web-01".into());
    let covers = |state: &State, ms: i64| state.covers_host(&target, &inventory, NOW + ms).is_some();
    assert_eq!([-1, 0, HOUR - 1, HOUR].map(|ms| covers(&state, ms)), [false, true, true, false]);
    assert_eq!(state.covers_host(&Target::Host("web-02".into()), &inventory, NOW), None);
    let late = state.end(uid, &inventory, &actor("ben"), NOW + HOUR).unwrap_err();
    assert_eq!(late, "it ended by itself at 2026-11-22T04:12:40.000Z");
    let (event, said) = state.end(uid, &inventory, &actor("ben"), NOW + MINUTE).unwrap();
    assert_eq!(said, "host:web-01, before its time: new disk");
    let other = WindowEvent { by: "eve".into(), at: NOW + 2 * MINUTE, ..event.clone() };
    assert!(state.apply(&event));
    assert!(!state.apply(&other), "the first end counts");
    assert_eq!([0, MINUTE - 1, MINUTE].map(|ms| covers(&state, ms)), [true, true, false]);
    let again = state.end(uid, &inventory, &actor("ana"), NOW + MINUTE).unwrap_err();
    assert_eq!(again, "ben ended it already, at 2026-11-22T03:13:40.000Z");
    assert!(state.end(Uid([9; 6]), &inventory, &actor("ana"), NOW).is_err());
}

#[test]
fn the_same_is_not_planned_twice_and_who_only_looks_mutes_nothing() {
    let mut inventory = inventory();
    let mut state = State::default();
    declared(&mut state, "play@prod", "04:00", "2h");
    let ask = |state: &State, inventory: &Inventory, what: &str, who: &str| {
        wanted(what, "04:00", "2h").accept((state, inventory), &actor(who), NOW)
    };
    assert!(ask(&state, &inventory, "play@prod", "ben").unwrap_err().starts_with("ana planned the same already: qd-"));
    assert!(ask(&state, &inventory, "api@prod", "ben").is_ok());
    inventory.environments[0].roles = Roles(vec![("ana".into(), Role::Responder)]);
    let refused = ask(&state, &inventory, "everything", "eve").unwrap_err();
    assert_eq!(refused, "eve is a viewer in prod: it takes a responder to mute anything there");
    assert!(ask(&state, &inventory, "everything", "ana").is_ok());
    assert!(ask(&state, &inventory, "env:staging", "eve").is_ok());
    assert!(ask(&state, &inventory, "host:web-01", "eve").is_err(), "a host alone is of prod too");
}

#[test]
fn the_list_has_what_goes_on_first_then_what_comes_then_what_was() {
    use crate::core::services::maintenance::{Plan, When};

    let mut inventory = inventory();
    let plan = |name: &str, when: &str| Plan {
        name: name.into(),
        services: Vec::new(),
        zone: chrono_tz::UTC,
        when: When::parse(when).unwrap(),
        why: String::new(),
    };
    inventory.maintenance = vec![plan("weekly", "Sun 02:00-04:00"), plan("monthly", "first Sun 02:00-06:00")];
    let mut state = State::default();
    let soon = declared(&mut state, "play@prod", "+1h", "2h");
    let off = declared(&mut state, "api@prod", "+2h", "2h");
    let now = declared(&mut state, "env:staging", "now", "10m");
    let (event, _) = state.end(off, &inventory, &actor("ben"), NOW).unwrap();
    state.apply(&event);
    let list = |at: Timestamp| -> Vec<String> {
        let row = |of: Listed| {
            let name = match of.key {
                Key::Declared(uid) if uid == soon => "soon".to_owned(),
                Key::Declared(uid) if uid == off => "off".to_owned(),
                Key::Declared(uid) if uid == now => "now".to_owned(),
                Key::Declared(uid) => uid.to_string(),
                Key::Configured(name) => name,
            };
            format!("{name} {}", of.standing.word())
        };
        state.listed(&inventory, at).into_iter().map(row).collect()
    };
    assert_eq!(list(NOW), ["weekly running", "now running", "soon coming", "monthly coming", "off cancelled"]);
    let later = ["soon running", "weekly coming", "monthly coming", "off cancelled", "now ended"];
    assert_eq!(list(NOW + 90 * MINUTE), later);
    assert!(list(NOW + 9 * DAY).contains(&"soon ended".to_owned()));
    let planned = state.planned(&inventory);
    let of: Vec<String> = planned.iter().filter_map(|of| Some(of.service.as_ref()?.to_string())).collect();
    assert_eq!(of.len(), 2, "what was called off is none: {of:?}");
}

/// Two consoles on one store, which gives each what either commits.
#[test]
fn what_one_console_declares_mutes_in_the_other_once_it_is_on_disk() {
    let now = Now { utc: NOW, mono: Mono(0) };
    let console = |name: &str| core::State::new(Arc::new(inventory()), actor(name));
    let (mut ana, mut ben) = (console("ana"), console("ben"));
    for state in [&mut ana, &mut ben] {
        let inventory = Arc::new(inventory());
        _ = core::update(state, Msg::InventoryReplaced { inventory, problems: Vec::new() }, now);
    }
    let event = read("play@prod host:web-01", "now", "1h").unwrap().declared(&actor("ana"), NOW);
    let end = WindowEvent { by: "ben".into(), at: NOW + MINUTE, kind: WindowEventKind::Ended, ..event.clone() };
    let (service, host) = ("play@prod".parse().unwrap(), Target::Host("web-01".into()));
    let disk = Target::Part { host: "web-01".into(), part: "/var".into() };
    for state in [&mut ana, &mut ben] {
        assert!(!state.is_muted(&host, NOW));
        let changes = Changes { windows: vec![event.clone()], ..Changes::default() };
        _ = core::update(state, Msg::Changed(Box::new(changes)), now);
        let said = state.screen.message.as_ref().unwrap().text.clone();
        assert_eq!(said, "ana plans work on play@prod host:web-01, now to 2026-11-22 04:12 UTC: its alerts are muted");
        let target = Target::Service("play@prod".parse().unwrap());
        for target in [&host, &disk, &target] {
            assert!(state.is_muted(target, NOW + MINUTE), "{target}");
            assert!(!state.is_muted(target, NOW + HOUR), "{target}: it ends by itself");
        }
        assert!(state.services.in_maintenance(&service, NOW));
        assert!(!state.is_muted(&Target::Host("web-02".into()), NOW));
        let work = state.published(None, &[], NOW).maintenance;
        assert_eq!(work.len(), 1, "the status page has the service, and no host");
        let changes = Changes { windows: vec![end.clone()], ..Changes::default() };
        _ = core::update(state, Msg::Changed(Box::new(changes)), now);
        assert!(!state.is_muted(&target, NOW + MINUTE), "what was ended mutes no more");
        let said = state.screen.message.as_ref().unwrap().text.clone();
        assert_eq!(said, "ben ended planned work on play@prod host:web-01: its alerts are told again");
    }
    // A console that starts later knows the same.
    let mut eve = console("eve");
    let loaded = Loaded { windows: vec![event], ..Loaded::default() };
    _ = core::update(&mut eve, Msg::Loaded(Box::new(loaded)), now);
    assert!(eve.is_muted(&host, NOW));
    assert!(eve.screen.message.is_none(), "what was there before is not news");
}

#[test]
fn the_box_plans_what_was_typed_once_and_the_question_ends_it() {
    use crate::core::{
        action::{Action, Motion},
        screen::{Draft, Overlay, View, windows::Field},
    };

    let now = Now { utc: NOW, mono: Mono(0) };
    let mut state = core::State::new(Arc::new(inventory()), actor("ana"));
    let inventory = Arc::clone(&state.inventory);
    _ = core::update(&mut state, Msg::InventoryReplaced { inventory, problems: Vec::new() }, now);
    let act = |state: &mut core::State, action| core::update(state, Msg::Acted(action), now);
    _ = act(&mut state, Action::GoMaintenance);
    assert_eq!(state.screen.view, View::Maintenance);
    assert_eq!(act(&mut state, Action::EndWindow), []);
    assert!(state.screen.message.as_ref().unwrap().text.contains("put the cursor on a window"));
    _ = act(&mut state, Action::AddWindow);
    assert_eq!(state.editing(), Some(Draft::Window(Field::What)));
    for (field, text) in [(Field::What, "web-01"), (Field::To, "30h"), (Field::Why, "new disk")] {
        _ = core::update(&mut state, Msg::Drafted { draft: Draft::Window(field), text: text.into() }, now);
    }
    _ = act(&mut state, Action::Move(Motion::Up));
    assert_eq!(state.editing(), Some(Draft::Window(Field::Why)));
    assert_eq!(act(&mut state, Action::Confirm), [], "an overlong one is refused");
    assert!(state.screen.message.as_ref().unwrap().text.contains("at most 24 h"), "and the box stays");
    let draft = Draft::Window(Field::To);
    _ = core::update(&mut state, Msg::Drafted { draft, text: "2h".into() }, now);
    let effects = act(&mut state, Action::Confirm);
    let [core::Effect::Commit { rows, .. }] = effects.as_slice() else { panic!("{effects:?}") };
    let [Row::Window(event), Row::Audit(audit)] = rows.as_slice() else { panic!("{rows:?}") };
    assert_eq!((audit.what.as_str(), audit.by.as_str()), (ADDED, "ana"));
    assert_eq!(state.windows.all().count(), 0, "it is there once it is on disk");
    let changes = Changes { windows: vec![event.clone()], ..Changes::default() };
    _ = core::update(&mut state, Msg::Changed(Box::new(changes)), now);
    let effects = act(&mut state, Action::EndWindow);
    assert_eq!((effects, &state.screen.overlay), (Vec::new(), &Some(Overlay::EndWindow { window: event.window })));
    assert_eq!(act(&mut state, Action::Confirm), [], "Enter is no yes");
    let effects = act(&mut state, Action::SayYes);
    let [core::Effect::Commit { rows, .. }] = effects.as_slice() else { panic!("{effects:?}") };
    assert!(
        matches!(rows.as_slice(), [Row::Window(end), Row::Audit(of)] if end.kind == WindowEventKind::Ended && of.what == ENDED)
    );
}
