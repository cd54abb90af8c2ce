use std::sync::Arc;

use super::*;
use crate::{
    core::{
        hosts::{Pm2List, Pm2Process},
        inventory::{Host, Inventory},
        runs::{Build, PlanFacts, Release, Survey, What},
    },
    recipes::{self, tests::pm2_process},
};

const V1: &str = "20261118091122-v1";
const V2: &str = "20261120025801-v2";
const V3: &str = "20261121025801-v3";

fn sets() -> TwoSets {
    let set = |name: &str, hosts: &[&str]| HostSet {
        name: name.into(),
        hosts: hosts.iter().map(|host| (*host).into()).collect(),
    };
    let words = |text: &str| text.split(' ').map(str::to_owned).collect();
    TwoSets {
        sets: [set("blue", &["b1", "b2"]), set("green", &["g1", "g2"])],
        within: Strategy::All,
        switch: Switch {
            on: vec!["lb1".into(), "lb2".into()],
            link: "/etc/nginx/play-live.conf".into(),
            files: ["/etc/nginx/play-blue.conf".into(), "/etc/nginx/play-green.conf".into()],
            test: words("nginx -t"),
            reload: words("systemctl reload nginx"),
            sudo: true,
        },
    }
}

fn service(kind: &str, recipe: &[(&str, &str)]) -> Service {
    let mut service = recipes::tests::service("play@prod", kind, &["b1", "b2", "g1", "g2"], recipe);
    service.rollout.sets = Some(Arc::new(sets()));
    service
}

fn play() -> Service {
    service("node-pm2", &[("app", "play"), ("path", "/var/www/play"), ("health", "http://127.0.0.1:1/")])
}

fn inventory(service: &Service) -> Inventory {
    let names = ["b1", "b2", "g1", "g2", "lb1", "lb2"];
    let hosts = names.map(|name| Arc::new(Host { address: name.into(), ..Host::new(name) })).to_vec();
    let mut other = recipes::tests::service("shop@prod", "systemd", &["lb2"], &[("unit", "nginx.service")]);
    other.rollout = crate::core::inventory::Rollout::default();
    Inventory { hosts, services: vec![Arc::new(service.clone()), Arc::new(other)], ..Inventory::default() }
}

fn released(current: &str, all: &[&str]) -> Survey {
    let release = |name: &&str| Release {
        name: (*name).to_owned(),
        version: name.split_once('-').unwrap().1.to_owned(),
        sha256: "0".into(),
        at: Some(Timestamp(1_795_144_361_000)),
        by: "leo".into(),
    };
    Survey {
        current: Some(current.into()),
        releases: all.iter().map(release).collect(),
        free_bytes: Some(1 << 30),
        ..Survey::default()
    }
}

/// What a balancer says that leads to the first set or the second.
fn leads(to: &str) -> Survey {
    let own = [("link", "link"), ("file", to), ("leads", "/etc/nginx/x.conf"), ("server", "good")];
    Survey { own: own.map(|(name, said)| (name.to_owned(), said.to_owned())).into(), ..Survey::default() }
}

fn running(app: &str, status: &str) -> Pm2List {
    let process = Pm2Process { pid: Some(1), ..pm2_process(4, app, status) };
    Pm2List { daemon: true, processes: vec![process], ..Pm2List::default() }
}

/// Blue serves v2, green runs what is given.
fn facts(green: &str) -> PlanFacts {
    let hosts = [
        ("b1", released(V2, &[V1, V2])),
        ("b2", released(V2, &[V1, V2])),
        ("g1", released(green, &[V1, V2, V3])),
        ("g2", released(green, &[V1, V2, V3])),
        ("lb1", leads("1")),
        ("lb2", leads("1")),
    ];
    PlanFacts {
        pm2: ["b1", "b2", "g1", "g2"].map(|host| (host.into(), running("play", "online"))).into(),
        hosts: hosts.map(|(host, survey)| (host.into(), survey)).into(),
        ..PlanFacts::default()
    }
}

fn deploy() -> Wanted {
    Wanted::Deploy {
        what: What::Build(Build {
            path: "/tmp/v3.tar".into(),
            version: "v3".into(),
            sha256: "f".repeat(64),
            bytes: 1,
            made: Timestamp(0),
        }),
    }
}

fn switch(set: &str) -> Wanted {
    let settings = [("set".to_owned(), set.to_owned())].into();
    Wanted::Task(Order { task: SWITCH.into(), settings, file: None })
}

fn planned(wanted: &Wanted, facts: &PlanFacts) -> Result<Plan, String> {
    let service = play();
    recipes::plan(&inventory(&service), &service, wanted, facts)
}

fn waves(plan: &Plan) -> Vec<String> {
    let names = |wave: &Vec<HostName>| wave.iter().map(HostName::as_str).collect::<Vec<_>>().join(" ");
    plan.waves().iter().map(names).collect()
}

fn steps<'a>(plan: &'a Plan, host: &str) -> Vec<&'a str> {
    plan.steps.iter().filter(|step| step.host.as_str() == host).map(|step| step.name.as_str()).collect()
}

#[test]
fn a_deploy_changes_the_set_that_serves_nobody_and_then_leads_each_balancer_to_it() {
    let plan = planned(&deploy(), &facts(V1)).unwrap();
    assert_eq!(waves(&plan), ["g1 g2", "lb1", "lb2"], "what serves is not touched");
    assert_eq!(steps(&plan, "lb1"), ["lead to green"]);
    assert!(steps(&plan, "g1").starts_with(&["snapshot", "unpack"]), "{:?}", steps(&plan, "g1"));
    assert_eq!(plan.from.as_deref(), Some("v2"), "now is what the set runs that serves");
    assert_eq!(plan.takes_build(), [HostName::from("g1"), "g2".into()]);
    assert_eq!(
        (plan.lock_on(&"g1".into()), plan.lock_on(&"lb1".into())),
        ("/var/www/play/.qd.lock", "/run/lock/qd-play@prod")
    );
    assert!(
        plan.undo_by_itself && plan.undo.contains("the balancers lead to blue again, which stays on v2"),
        "{}",
        plan.undo
    );
    let back = plan.undo_steps.iter().filter(|step| step.name == "lead back to blue");
    assert_eq!(back.count(), 2);
    assert!(plan.notes.iter().any(|note| note.contains("shop@prod")), "{:?}", plan.notes);
    let told: Vec<&str> = plan.prechecks.iter().map(|check| check.text.as_str()).collect();
    assert!(told.contains(&"blue serves and runs v2; green runs v1"), "{told:?}");
    assert!(
        plan.prechecks.iter().all(|check| check.verdict == Fit::Good),
        "that the sets differ is no warning: {told:?}"
    );
    assert_eq!(plan.strategy.words(), "green while blue serves, then lb1, lb2 one by one");
    let machines: Vec<&str> = plan.targets.iter().map(|target| target.host.as_str()).collect();
    assert_eq!(machines, ["g1", "g2", "lb1", "lb2"]);
}

#[test]
fn a_rollback_is_only_the_switch_where_the_other_set_has_it() {
    let plan = planned(&Wanted::Rollback { to: None }, &facts(V1)).unwrap();
    assert_eq!(
        (waves(&plan), steps(&plan, "g1")),
        (vec!["g1 g2".into(), "lb1".into(), "lb2".into()], vec!["see it run", "healthy"])
    );
    assert_eq!(plan.title, "roll play back to v1");
    assert!(plan.effect.contains("users go to green, which has had v1 since 2026-11-20 03:12"), "{}", plan.effect);
    assert!(!plan.undo_by_itself && plan.upload.is_none());
    // What stands still there is started before anybody is led to it.
    let mut asleep = facts(V1);
    asleep.pm2.insert("g2".into(), running("play", "stopped"));
    let plan = planned(&Wanted::Rollback { to: Some("v1".into()) }, &asleep).unwrap();
    assert_eq!(steps(&plan, "g2"), ["look", "reload 4", "see it run", "healthy", "save"]);
}

#[test]
fn a_rollback_from_what_is_newer_on_the_other_set_brings_the_older_there_first() {
    // Users were led back from v3: it is not what one goes back to from v2.
    let plan = planned(&Wanted::Rollback { to: None }, &facts(V3)).unwrap();
    assert_eq!(plan.action, Action::Rollback { version: "v1".into() });
    assert_eq!(waves(&plan), ["g1 g2", "lb1", "lb2"]);
    assert!(
        steps(&plan, "g1").contains(&"switch") && steps(&plan, "lb1") == ["lead to green"],
        "{:?}",
        steps(&plan, "g1")
    );
    let plan = planned(&Wanted::Rollback { to: Some("v3".into()) }, &facts(V3)).unwrap();
    assert_eq!(steps(&plan, "g1"), ["see it run", "healthy"], "by its name it is");
    let why = planned(&Wanted::Rollback { to: Some("v2".into()) }, &facts(V3)).unwrap_err();
    assert_eq!(why, "blue, which serves, runs v2 already");
}

#[test]
fn a_host_that_is_left_may_be_silent_and_one_that_users_go_to_may_not() {
    let mut silent = facts(V1);
    silent.hosts.remove(&HostName::from("b1"));
    silent.pm2.remove(&HostName::from("b1"));
    silent.silent.insert("b1".into(), "b1: no route to host".into());
    let plan = planned(&Wanted::Rollback { to: None }, &silent).unwrap();
    assert!(plan.prechecks.iter().any(|check| check.verdict == Fit::Doubtful && check.text.contains("no route")));
    let mut silent = facts(V1);
    silent.hosts.remove(&HostName::from("g2"));
    silent.silent.insert("g2".into(), "no route to host".into());
    let why = planned(&Wanted::Rollback { to: Some("v1".into()) }, &silent).unwrap_err();
    assert!(why.contains("g2") && why.contains("did not say"), "{why}");
}

#[test]
fn balancers_that_disagree_or_do_not_say_stop_a_change_of_version_and_hold_a_restart() {
    let of = |host: &str, said: Option<Survey>| {
        let mut facts = facts(V1);
        facts.hosts.remove(&HostName::from(host));
        match said {
            Some(said) => _ = facts.hosts.insert(host.into(), said),
            None => _ = facts.silent.insert(host.into(), "it refuses the key".into()),
        }
        facts
    };
    let own = |pairs: &[(&str, &str)]| Survey {
        own: pairs.iter().map(|(name, said)| ((*name).to_owned(), (*said).to_owned())).collect(),
        ..Survey::default()
    };
    let cases = [
        (of("lb2", Some(leads("2"))), "lead to different sets (lb1 to blue, lb2 to green)"),
        (of("lb2", None), "it refuses the key"),
        (of("lb2", Some(own(&[("link", "link"), ("file", ""), ("leads", "old.conf")]))), "of neither set"),
        (of("lb1", Some(own(&[("link", "none")]))), "lb1 has no /etc/nginx/play-live.conf"),
        (of("lb1", Some(own(&[("link", "folder")]))), "no symbolic link to a file"),
        (
            of("lb1", Some(own(&[("link", "link"), ("file", "1"), ("begun", "/etc/nginx/play-green.conf")]))),
            "was begun and not finished",
        ),
        (of("lb1", Some(own(&[("link", "link"), ("file", "1\n2")]))), "are one"),
    ];
    for (facts, expected) in cases {
        for wanted in [deploy(), Wanted::Rollback { to: None }] {
            let why = planned(&wanted, &facts).unwrap_err();
            assert!(why.contains(expected), "{why} is not {expected}");
        }
        let plan = planned(&Wanted::Restart, &facts).unwrap();
        let held: Vec<_> = plan.prechecks.iter().filter(|check| check.verdict == Fit::Held).collect();
        assert!(matches!(held.as_slice(), [one] if one.text.contains(expected)), "{held:?}");
        assert_eq!(waves(&plan), ["b1", "b2", "g1", "g2"]);
    }
}

#[test]
fn a_restart_begins_with_the_set_that_serves_nobody() {
    let plan = planned(&Wanted::Restart, &facts(V1)).unwrap();
    assert_eq!(waves(&plan), ["g1 g2", "b1", "b2"]);
    assert!(plan.hosts().iter().all(|host| !host.as_str().starts_with("lb")), "nothing else is changed");
    assert_eq!(plan.strategy.words(), "green while blue serves, then blue");
}

#[test]
fn the_task_has_balancers_agree_and_refuses_what_is_so_already() {
    let why = planned(&switch("blue"), &facts(V1)).unwrap_err();
    assert!(why.contains("blue serves already"), "{why}");
    assert!(planned(&switch("red"), &facts(V1)).unwrap_err().contains("blue or green"));
    let plan = planned(&switch("green"), &facts(V1)).unwrap();
    assert_eq!((waves(&plan).len(), plan.undo_by_itself), (3, true));

    let mut torn = facts(V1);
    torn.hosts.insert("lb2".into(), leads("2"));
    let plan = planned(&switch("blue"), &torn).unwrap();
    assert_eq!(waves(&plan), ["b1 b2", "lb1", "lb2"]);
    assert!(plan.undo_steps.is_empty() && !plan.undo_by_itself);
    let led = plan.sides().unwrap().led.clone().unwrap();
    assert_eq!(led, [("lb1".into(), "blue".to_owned()), ("lb2".into(), "green".to_owned())].into());
}

#[test]
fn a_balancer_that_would_take_nothing_stops_it_before_anything_is_changed() {
    let mut broken = facts(V1);
    let lb = broken.hosts.get_mut(&HostName::from("lb2")).unwrap();
    lb.own.insert("server".into(), "said nginx: [emerg] unexpected }".into());
    lb.own.insert("lacks".into(), "2".into());
    let plan = planned(&deploy(), &broken).unwrap();
    let bad: Vec<&str> =
        plan.prechecks.iter().filter(|check| check.verdict == Fit::Bad).map(|check| check.text.as_str()).collect();
    assert_eq!(
        bad,
        ["`nginx -t` fails on lb2 as it is: nginx: [emerg] unexpected }", "lb2 has no /etc/nginx/play-green.conf"]
    );
}

#[test]
fn what_is_offered_lies_on_the_set_that_is_changed_and_now_is_what_serves() {
    let service = play();
    let known = recipes::known(&inventory(&service), &service, &facts(V1)).unwrap();
    assert_eq!(known.now.as_deref(), Some("v2"));
    let seen: Vec<_> = known.offers.iter().map(|of| (of.name.as_str(), of.runs)).collect();
    assert_eq!(seen, [("v3", false), ("v2", true), ("v1", false)]);
    assert!(known.offers[2].more.ends_with("; green runs it, and serves nobody"), "{:?}", known.offers[2]);
}

#[test]
fn of_a_set_the_host_that_migrates_is_first() {
    let service = service("laravel-apache", &[("path", "/var/www/billing")]);
    let (one, other) = ("a".repeat(40), "b".repeat(40));
    let site = |head: &str| {
        let own = [("head", head), ("target", &format!("commit {}", "c".repeat(40))), ("server", "good")];
        let own = own.map(|(name, said)| (name.to_owned(), said.to_owned())).into();
        Survey { current: Some(head.chars().take(8).collect()), own, ..Survey::default() }
    };
    let mut facts = facts(V1);
    for (host, head) in [("b1", &one), ("b2", &one), ("g1", &other), ("g2", &other)] {
        facts.hosts.insert(host.into(), site(head));
    }
    let plan = |wanted: &Wanted| recipes::plan(&inventory(&service), &service, wanted, &facts).unwrap();
    let wanted = Wanted::Deploy { what: What::Version { version: "c".repeat(40) } };
    let deploy = plan(&wanted);
    assert_eq!(waves(&deploy), ["g1", "g2", "lb1", "lb2"]);
    assert!(steps(&deploy, "g1").contains(&"migrate") && !steps(&deploy, "g2").contains(&"migrate"));
    assert_eq!(deploy.from.as_deref(), Some("aaaaaaaa"));
    // Commits have no order: a person reads which is older.
    let back = plan(&Wanted::Rollback { to: None });
    assert_eq!((waves(&back).first().unwrap().as_str(), steps(&back, "g1")), ("g1", vec!["test"]));
    assert!(
        back.prechecks.iter().any(|check| check.verdict == Fit::Doubtful && check.text.contains("bbbbbbbb is older"))
    );
}
