//! A night in which something was changed: what hosts tell of it.
use quarterdeck::core::{
    Msg,
    action::Action,
    incidents::suspects::{self, Change, HostChanges, Kind, Source, SuspectAction},
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
        detail: vec!["v2.31.0 made 2026-11-20T02:46:20.000Z".into(), "v2.30.4 made 2026-11-18T16:02:11.000Z".into()],
        ..change(28 * SECOND, Kind::Deploy, "v2.31.0", Source::Releases)
    };
    let config = Change {
        by: Some("root".into()),
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
    night.act(&[Action::Move(quarterdeck::core::action::Motion::Down)]);
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
