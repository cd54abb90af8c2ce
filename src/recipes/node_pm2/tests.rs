//! Plans for Node.js under PM2, without a host.
use std::sync::Arc;

use super::*;
use crate::{
    core::{
        hosts::Pm2List,
        inventory::{Host, Inventory},
        runs::{Build, Survey},
    },
    recipes::tests::{pm2_process, service},
};

fn play() -> Service {
    service("play@prod", "node-pm2", &["web-01"], &[("app", "play"), ("path", "/var/www/play/")])
}

fn inventory() -> Inventory {
    Inventory {
        hosts: vec![Arc::new(Host {
            env: Some("prod".into()),
            address: "10.0.1.11".into(),
            path_prefix: vec!["/opt/node/bin".into()],
            ..Host::new("web-01")
        })],
        ..Inventory::default()
    }
}

fn process(pm_id: u32, name: &str) -> Pm2Process {
    Pm2Process { restarts: 3, ..pm2_process(pm_id, name, "errored") }
}

fn facts(daemon: bool, processes: Vec<Pm2Process>) -> PlanFacts {
    let list = Pm2List { daemon, processes, ..Pm2List::default() };
    PlanFacts { pm2: [("web-01".into(), list)].into(), ..PlanFacts::default() }
}

fn restart(facts: &PlanFacts) -> Result<Plan, String> {
    NodePm2.restart(Context { inventory: &inventory(), service: &play(), facts })
}

#[test]
fn a_restart_goes_by_id_and_only_to_the_app() {
    let facts = facts(true, vec![process(0, "cloud"), process(4, "play"), process(5, "play")]);
    let plan = restart(&facts).unwrap();
    let names: Vec<_> = plan.steps.iter().map(|step| step.name.as_str()).collect();
    assert_eq!(names, [LOOK, "restart 4", "restart 5"]);
    assert_eq!(plan.steps[1].command, "pm2 restart 4 --no-color");
    assert_eq!(
        (plan.lock.as_str(), plan.steps[0].path_prefix.as_slice()),
        ("/var/www/play/.qd.lock", &["/opt/node/bin".to_owned()][..])
    );
    assert!(plan.effect.contains("cut"));
}

#[test]
fn what_cannot_be_known_is_not_planned() {
    let why = |facts| restart(&facts).unwrap_err();
    assert!(why(PlanFacts::default()).contains("missing"));
    assert!(why(facts(false, Vec::new())).contains("no PM2 daemon"));
    assert!(why(facts(true, vec![process(0, "cloud")])).contains("no process named play"));
}

#[test]
fn a_release_is_called_by_its_version_unless_that_says_too_little() {
    let called = |name, other| release::version_in(name, other);
    assert_eq!(called("20261121181146-2.31.1", "2.31.0"), "2.31.1");
    assert_eq!(called("20261121181146-2.31.1", "2.31.1"), "20261121181146-2.31.1");
    assert_eq!(called("before", ""), "before");
    assert_eq!(called("web-0: 20261121181146-v1, web-1: none", "v2"), "web-0: 20261121181146-v1, web-1: none");
}

#[test]
fn the_file_of_a_process_counts_only_for_a_child_of_the_daemon() {
    let home = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(home.path().join(name), text).unwrap();
    std::fs::create_dir(home.path().join("pids")).unwrap();
    // The shell that runs the line is a child of this program, as an app is one of PM2.
    let run = |daemon: u32| {
        write("pm2.pid", &daemon.to_string());
        let line = format!(
            "echo $$ >\"$PM2_HOME/pids/play-1.pid\"; pm2() {{ echo \"$1\" >>\"$PM2_HOME/asked\"; echo '[ 7 ]'; }}; {}",
            ids_are(&["1".to_owned()], "play").unwrap()
        );
        write("asked", "");
        let ended = std::process::Command::new("sh").args(["-c", &line]).env("PM2_HOME", home.path()).output().unwrap();
        (ended.status.code(), std::fs::read_to_string(home.path().join("asked")).unwrap())
    };
    assert_eq!(run(std::process::id()), (Some(0), String::new()));
    assert_eq!(run(1), (Some(65), "id\n".to_owned()), "a file that was left behind is not believed");
}

#[test]
fn where_nothing_ran_the_way_back_starts_nothing() {
    let mut service = play();
    service.recipe.insert("start".into(), "server.js".into());
    service.recipe.insert("health".into(), "http://127.0.0.1:1/".into());
    let build = Build {
        path: "/b".into(),
        version: "v1".into(),
        sha256: "a".repeat(64),
        bytes: 1,
        made: crate::core::time::Timestamp(0),
    };
    let undo = |current: Option<&str>, processes: Vec<Pm2Process>| -> (Vec<String>, String) {
        let survey = Survey { current: current.map(str::to_owned), ..Survey::default() };
        let facts = PlanFacts { hosts: [("web-01".into(), survey)].into(), ..facts(true, processes) };
        let of = Context { inventory: &inventory(), service: &service, facts: &facts };
        let plan = NodePm2.deploy(of, &What::Build(build.clone())).unwrap();
        (plan.undo_steps.into_iter().map(|step| step.name).collect(), plan.undo)
    };
    let with = |status: &str| vec![Pm2Process { status: status.into(), ..process(4, "play") }];
    // Nothing at all, or a folder that somebody prepared.
    for current in [None, Some("before")] {
        let (steps, told) = undo(current, Vec::new());
        assert_eq!(steps, ["stop", "switch back"]);
        assert!(told.contains("nothing runs again"), "{told}");
    }
    // No process, and a release that it is to run again.
    let (steps, told) = undo(Some("20260101000000-v0"), Vec::new());
    assert_eq!(steps, ["stop", "switch back", LOOK, "start", "healthy", "save"]);
    assert!(told.contains("PM2 starts that"), "{told}");
    // A process that somebody started by hand, before there was any release.
    let (steps, told) = undo(None, with("online"));
    assert_eq!(steps, ["switch back", LOOK, "reload 4", "healthy", "save"]);
    assert!(told.contains("PM2 starts that"), "{told}");
    assert_eq!(undo(None, with("stopped")).0, [LOOK, "stop 4", "switch back", "save"]);
    assert_eq!(
        undo(Some("20260101000000-v0"), with("stopped")).0,
        ["switch back", LOOK, "reload 4", "healthy", "save"]
    );
}
