//! Two sets of hosts: `a` is the set that serves nobody, `b` and `c` are the balancers.
use super::{
    order::{Console, three},
    *,
};

/// Green is deployed while blue serves; what fails is taken back.
fn green() -> Plan {
    let set = |name: &str, hosts: &[&str]| HostSet {
        name: name.into(),
        hosts: hosts.iter().map(|host| (*host).into()).collect(),
    };
    let sides = Sides {
        live: set("blue", &["z"]),
        idle: set("green", &["a"]),
        balancers: vec!["b".into(), "c".into()],
        waves: vec![vec!["a".into()], vec!["z".into()]],
        led: None,
    };
    Plan { strategy: Strategy::BlueGreen(sides), undo_by_itself: true, ..three() }
}

#[test]
fn each_balancer_is_a_wave_of_its_own_behind_the_set() {
    let (mut console, first) = Console::with(green(), 0);
    assert_eq!((first, console.run().serves().as_str()), (vec!["a There".to_owned()], "blue serves (b, c)"));
    assert_eq!(console.host_ends("a", Way::There, 0), ["b There"]);
    assert_eq!(console.run().serves(), "where b leads is not known; c leads to blue");
    assert_eq!(console.host_ends("b", Way::There, 0), ["c There"]);
    _ = console.host_ends("c", Way::There, 0);
    assert_eq!(
        (console.outcome(), console.run().serves().as_str()),
        (Some(RunOutcome::Succeeded), "green serves (b, c)")
    );
}

#[test]
fn a_set_that_is_not_well_gets_nobody() {
    let (mut console, _) = Console::with(green(), 0);
    assert_eq!(console.host_ends("a", Way::There, 1), ["a Back"], "and no balancer");
    _ = console.host_ends("a", Way::Back, 0);
    assert_eq!((console.outcome(), console.run().serves().as_str()), (Some(RunOutcome::Undone), "blue serves (b, c)"));
}

#[test]
fn the_checks_stand_before_the_switch_and_behind_it() {
    let (mut console, _) = Console::with(green(), 1);
    _ = console.host_ends("a", Way::There, 0);
    assert_eq!(console.answers(Health::Up), [""; 0]);
    assert_eq!(console.answers(Health::Up), ["b There"]);
    _ = console.host_ends("b", Way::There, 0);
    let mut back = Vec::new();
    for _ in 0..70 {
        back.extend(console.answers(Health::Down));
    }
    assert_eq!(back, ["b Back"], "users first, and the set after them");
    assert_eq!(console.host_ends("b", Way::Back, 0), ["a Back"]);
    _ = console.host_ends("a", Way::Back, 0);
    assert_eq!((console.outcome(), console.run().serves().as_str()), (Some(RunOutcome::Undone), "blue serves (b, c)"));
}

#[test]
fn a_balancer_that_refuses_has_the_others_led_back() {
    let (mut console, _) = Console::with(green(), 0);
    _ = console.host_ends("a", Way::There, 0);
    _ = console.host_ends("b", Way::There, 0);
    assert_eq!(console.host_ends("c", Way::There, 1), ["c Back"]);
    assert_eq!(console.run().leads()[0], (&"b".into(), Some("green")));
    assert_eq!(console.host_ends("c", Way::Back, 0), ["b Back"]);
    assert_eq!(console.host_ends("b", Way::Back, 0), ["a Back"]);
    _ = console.host_ends("a", Way::Back, 0);
    assert_eq!(console.outcome(), Some(RunOutcome::Undone));
}

#[test]
fn what_users_may_still_be_served_by_is_not_started_anew() {
    for (code, leads) in [(1, Some("green")), (ASTRAY, None)] {
        let (mut console, _) = Console::with(green(), 0);
        _ = console.host_ends("a", Way::There, 0);
        _ = console.host_ends("b", Way::There, 0);
        _ = console.host_ends("c", Way::There, 1);
        _ = console.host_ends("c", Way::Back, 0);
        assert_eq!(console.host_ends("b", Way::Back, code), [""; 0], "b still leads to a, or may");
        assert_eq!((console.outcome(), console.run().leads()[0].1), (Some(RunOutcome::Failed), leads));
    }
}

#[test]
fn between_two_balancers_it_is_told_as_it_is() {
    let (mut console, _) = Console::with(green(), 1);
    _ = console.host_ends("a", Way::There, 0);
    for _ in 0..2 {
        _ = console.answers(Health::Up);
    }
    _ = console.host_ends("b", Way::There, 0);
    assert_eq!(console.run().serves(), "b leads to green; c leads to blue");
    _ = console.send(Msg::Stopped { run: RUN, undo: false });
    assert_eq!(
        (console.outcome(), console.run().serves().as_str()),
        (Some(RunOutcome::Stopped), "b leads to green; c leads to blue")
    );
    // A link that is lost for good: nobody is led anywhere blindly.
    let (mut console, _) = Console::with(green(), 0);
    _ = console.host_ends("a", Way::There, 0);
    for step in console.run().plan.steps_of(&"b".into(), Way::There) {
        _ = console.happens(RunEventKind::StepEnded { step, end: StepEnd::Unknown("lost".into()) });
    }
    assert_eq!(console.outcome(), Some(RunOutcome::Unknown));
    assert_eq!(console.run().serves(), "where b leads is not known; c leads to blue");
}

#[test]
fn a_balancer_takes_no_build_and_has_its_own_lock() {
    let build = Build { path: "x".into(), version: "v".into(), sha256: "0".into(), bytes: 1, made: Timestamp(0) };
    let locks = [("b".into(), "/run/lock/own".to_owned())].into();
    let plan = Plan { upload: Some(build), locks, ..green() };
    assert_eq!(plan.takes_build(), ["a".into()]);
    assert_eq!((plan.lock_on(&"a".into()), plan.lock_on(&"b".into())), ("/run/lock/qd-play", "/run/lock/own"));
    let sides = plan.sides().unwrap();
    let roles = ["a", "b", "z", "y"].map(|host| sides.role(&host.into()));
    assert_eq!(roles, [Some("green".into()), Some("balancer".into()), Some("blue, live".into()), None]);
    // Whatever is in no set has its own wave, so that no host is left out.
    assert_eq!(plan.strategy.waves(&["y".into(), "a".into()]), [vec!["a".into()], vec![HostName::from("y")]]);
}
