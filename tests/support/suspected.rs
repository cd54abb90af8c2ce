//! A night in which something was changed: what hosts tell of it.
use quarterdeck::core::{
    Msg,
    action::{Action, Motion},
    incidents::suspects::{
        self, Between, Change, HostChanges, Kind, Source, SuspectAction,
        difference::{Commit, Commits, Difference, File, Mark},
    },
    screen::View,
    time::{MINUTE, SECOND, Timestamp},
};

use crate::night::{Night, id};

/// The night's incident with its suspects, as hosts told them.
pub(crate) fn night() -> Night {
    let mut night = asked();
    let View::Suspects(incident) = night.state.screen.view else { unreachable!() };
    let onset = night.state.incidents.incidents[&incident].zero();
    let change = |before: i64, kind, what: &str, source| Change::new(onset - before, kind, what, source);
    let deploy = Change {
        service: Some(id("Play")),
        between: Some(Between::versions(Some("v2.30.4"), Some("v2.31.0"))),
        detail: vec!["v2.31.0 made 2026-11-20T02:46:20.000Z".into(), "v2.30.4 made 2026-11-18T16:02:11.000Z".into()],
        ..change(28 * SECOND, Kind::Deploy, "v2.31.0", Source::Releases)
    };
    let config = Change {
        by: Some("root".into()),
        between: Some(Between::File {
            path: "/etc/nginx/nginx.conf".into(),
            before: None,
            after: Some("2c18e8d099346c24".into()),
        }),
        detail: vec!["SHA-256 now 2c18e8d099346c24".into()],
        ..change(7 * MINUTE, Kind::Config, "/etc/nginx/nginx.conf", Source::Files)
    };
    let job = |times: i64| change(times * 5 * MINUTE, Kind::Cron, "/usr/local/bin/log-shipper", Source::Syslog);
    let login =
        Change { by: Some("leo".into()), ..change(31 * MINUTE, Kind::Login, "leo from 10.0.0.4", Source::Logins) };
    let package = change(3 * 60 * MINUTE, Kind::Package, "tzdata 2026a → 2026b", Source::Packages);
    let later = change(-40 * SECOND, Kind::Restart, "play", Source::Pm2);
    let mut all = vec![deploy, config, job(1), job(2), job(3), login, package, later];
    for change in &mut all {
        change.hosts = vec!["play-01".into()];
    }
    let missing = vec!["package log: not to be read".into()];
    let told = |host: &str, seen| suspects::Msg::Told { incident, host: host.into(), seen: Box::new(seen) };
    let found = HostChanges { changes: all, missing };
    for msg in [told("play-01", Ok(found)), told("play-02", Err("no route to host".into()))] {
        night.tell(Msg::Suspects(msg));
    }
    night.tell(Msg::Ticked);
    night.state.screen.message = None;
    night
}

/// The same with what its first suspect changed, as GitHub told.
pub(crate) fn difference() -> Night {
    let mut night = night();
    night.act(&[Action::Suspect(SuspectAction::Detail)]);
    let commit =
        |short: &str, by: &str, subject: &str| Commit { short: short.into(), by: by.into(), subject: subject.into() };
    let file = |path: &str, come: u64, gone: u64| File { path: path.into(), come: Some(come), gone: Some(gone) };
    let commits = Commits {
        come: 3,
        gone: 0,
        commits: vec![
            commit("9c1e5d2", "Leo Marsh", "Ask the catalogue for each picture (#812)"),
            commit("41da26c", "ana", "player: keep the last segment"),
            commit("0b77f10", "dependabot", "Bump undici from 6.21.0 to 6.21.1"),
        ],
        files: vec![
            file("package-lock.json", 6, 6),
            file("src/catalogue.js", 41, 9),
            file("src/player/segment.js", 4, 1),
        ],
        totals: None,
    };
    let difference = Difference::new("GitHub, acme/play".into(), commits.lines());
    let seen = Box::new(Ok(difference));
    night.tell(Msg::Suspects(suspects::Msg::Differs { key: key(&night, Kind::Deploy), seen }));
    night
}

/// The same with what differs in a file, as an older copy tells.
pub(crate) fn file() -> Night {
    let mut night = night();
    night.act(&[Action::Move(Motion::Down), Action::Suspect(SuspectAction::Detail)]);
    let line = |mark, text: &str| (mark, text.to_owned());
    let lines = vec![
        line(Mark::Doubt, "of 2d before the change, not surely the last one: no SHA-256 from before is known"),
        line(Mark::Head, "@@ -9 +9 @@"),
        line(Mark::Same, "  events {"),
        line(Mark::Gone, "-     worker_connections 4096;"),
        line(Mark::Come, "+     worker_connections 64;"),
        line(Mark::Same, "  }"),
        line(Mark::Gone, "- proxy_set_header X-Token [hidden: the value before]"),
        line(Mark::Come, "+ proxy_set_header X-Token [hidden: another value]"),
    ];
    let seen = Box::new(Ok(Difference::new("/etc/nginx/nginx.conf~ on play-01".into(), lines)));
    night.tell(Msg::Suspects(suspects::Msg::Differs { key: key(&night, Kind::Config), seen }));
    night
}

/// The key of the first suspect of a kind.
fn key(night: &Night, kind: Kind) -> String {
    let View::Suspects(incident) = night.state.screen.view else { unreachable!() };
    let looked = night.state.suspects.of(incident).unwrap();
    looked.ranking.suspects.iter().find(|one| one.change.kind == kind).unwrap().change.key()
}

/// The same where a host tells of nothing, and the other of itself nothing.
pub(crate) fn nothing() -> Night {
    let mut night = asked();
    let View::Suspects(incident) = night.state.screen.view else { unreachable!() };
    let told = |host: &str, seen| suspects::Msg::Told { incident, host: host.into(), seen: Box::new(seen) };
    for msg in [told("play-01", Ok(HostChanges::default())), told("play-02", Err("no route to host".into()))] {
        night.tell(Msg::Suspects(msg));
    }
    night.state.screen.message = None;
    night
}

/// The same before anybody told anything.
fn asked() -> Night {
    let mut night = Night::new();
    night.act(&[Action::GoIncidents, Action::Suspect(SuspectAction::Show)]);
    night.state.screen.message = None;
    night
}

#[test]
fn a_suspect_is_chosen_and_ruled_out_and_stays_so() {
    let mut night = night();
    let View::Suspects(uid) = night.state.screen.view else { unreachable!() };
    let line = |night: &Night| {
        let pane = quarterdeck::core::screen::Pane::Suspects;
        let row = night.state.screen.cursor(pane).unwrap();
        quarterdeck::core::screen::rows::text(&night.state, pane, row)
    };
    assert!(
        line(&night).starts_with("deploy v2.31.0 of Play@prod on play-01, 28 s before the onset"),
        "{}",
        line(&night)
    );
    night.act(&[Action::Suspect(SuspectAction::Choose)]);
    let of = &night.state.incidents.incidents[&uid];
    assert!(of.suspect.as_ref().unwrap().0.as_ref().unwrap().starts_with("deploy "), "{:?}", of.suspect);
    night.act(&[Action::Suspect(SuspectAction::Choose)]);
    assert_eq!(night.state.screen.message.as_ref().unwrap().text, "it is chosen already");
    night.act(&[Action::Move(Motion::Down)]);
    let second = line(&night);
    night.act(&[Action::Suspect(SuspectAction::RuleOut)]);
    let of = &night.state.incidents.incidents[&uid];
    assert_eq!(of.ruled_out.len(), 1);
    // It goes to the end of the list, under the same cursor.
    night.pass(3);
    let last = night.state.screen.rows(quarterdeck::core::screen::Pane::Suspects).last().cloned();
    assert_eq!(night.state.screen.cursor(quarterdeck::core::screen::Pane::Suspects), last.as_ref());
    assert_eq!(line(&night), second);
    night.act(&[Action::Suspect(SuspectAction::Nobody)]);
    assert_eq!(night.state.incidents.incidents[&uid].suspect.as_ref().unwrap().0, None);
    assert!(Timestamp(0) < night.now.utc);
}

#[test]
fn what_a_change_changed_is_asked_when_it_is_looked_at_and_kept() {
    use quarterdeck::core::{Effect, screen::Pane, update};

    let mut night = night();
    let act = |night: &mut Night, action| update(&mut night.state, Msg::Acted(action), night.now);
    let asks =
        |effects: &[Effect]| effects.iter().filter(|effect| matches!(effect, Effect::LookForDifference(_))).count();
    let detail = Action::Suspect(SuspectAction::Detail);
    let texts = |night: &Night| {
        let lines = night.state.screen.rows(Pane::Difference).iter();
        let text = |row| quarterdeck::core::screen::rows::text(&night.state, Pane::Difference, row);
        lines.map(text).collect::<Vec<_>>().join("\n")
    };
    let effects = act(&mut night, detail);
    let Some(Effect::LookForDifference(ask)) = effects.first() else { panic!("{effects:?}") };
    assert_eq!((ask.key.clone(), ask.hosts.len(), asks(&effects)), (key(&night, Kind::Deploy), 1, 1));
    assert!(!effects[0].stays_here(), "in a replay nobody is asked");
    assert!(night.state.screen.zoomed && texts(&night).contains("asking…"), "{}", texts(&night));
    // It is on its way: nobody is asked twice.
    assert_eq!((asks(&act(&mut night, detail)), asks(&act(&mut night, Action::Suspect(SuspectAction::Again)))), (0, 0));
    let of = key(&night, Kind::Deploy);
    let tell = |night: &mut Night, seen: Result<Difference, String>| {
        let seen = Box::new(seen);
        night.tell(Msg::Suspects(suspects::Msg::Differs { key: of.clone(), seen }));
    };
    tell(&mut night, Err("play-01: no route to host\nno repository is configured".into()));
    assert!(texts(&night).contains("not known:\nplay-01: no route"), "{}", texts(&night));
    // What failed is asked again when it is looked at again, what came only when somebody wants it anew.
    assert_eq!(asks(&act(&mut night, detail)), 1);
    tell(&mut night, Ok(Difference::new("git".into(), Vec::new())));
    assert!(texts(&night).ends_with("told by git"), "{}", texts(&night));
    assert_eq!((asks(&act(&mut night, detail)), asks(&act(&mut night, Action::Suspect(SuspectAction::Again)))), (0, 1));
    // With the list under the keys all hosts are asked instead.
    _ = act(&mut night, Action::FocusPane(1));
    let effects = act(&mut night, Action::Suspect(SuspectAction::Again));
    assert!(matches!(effects.first(), Some(Effect::LookForChanges { .. })), "{effects:?}");
}
