use super::*;
use crate::{
    core::{
        inventory::{Host, Inventory},
        runs::{PlanFacts, Wanted},
    },
    recipes::{plan, tests::service},
};

fn planned(tasks: Value, wanted: &Wanted) -> Result<Plan, String> {
    let mut service = service("edge@prod", "command", &["a", "b"], &[]);
    service.recipe.insert("tasks".into(), tasks);
    let hosts = ["a", "b"].map(|name| std::sync::Arc::new(Host::new(name))).to_vec();
    plan(&Inventory { hosts, ..Inventory::default() }, &service, wanted, &PlanFacts::default())
}

fn order(task: &str, settings: &[(&str, &str)]) -> Wanted {
    let settings = settings.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    Wanted::Task(Order { task: task.into(), settings, file: None })
}

#[test]
fn a_task_runs_its_steps_on_every_host_with_what_it_is_given() {
    let tasks = json!({ "drain": { "steps": ["# take it out\nctl drain $QD_NODE", "sleep 1"], "undo": ["ctl undrain $QD_NODE"],
        "takes": ["node"], "effect": "one node less", "confirm": "not in the evening" } });
    let plan = planned(tasks.clone(), &order("drain", &[("node", "x'; reboot #")])).unwrap();
    let names: Vec<&str> = plan.steps.iter().map(|step| step.name.as_str()).collect();
    assert_eq!(names, ["take it out", "drain 2", "take it out", "drain 2"]);
    assert_eq!(plan.steps[0].command, "QD_NODE='x'\\''; reboot #'; export QD_NODE\n# take it out\nctl drain $QD_NODE");
    assert_eq!((plan.undo_steps.len(), plan.effect.as_str(), plan.undo_by_itself), (2, "one node less", false));
    assert!(plan.prechecks.iter().any(|check| check.text == "not in the evening" && check.verdict == Fit::Doubtful));
    assert!(planned(tasks.clone(), &order("drain", &[])).unwrap_err().contains("needs `node`"));
    assert!(planned(tasks.clone(), &order("drain", &[("node", "a\nb")])).unwrap_err().contains("no single line"));
    assert!(planned(tasks, &Wanted::Restart).unwrap_err().contains("no task `restart`; its tasks: drain"));
}

#[test]
fn verbs_are_the_tasks_of_their_names() {
    let tasks = json!({ "deploy": { "steps": ["ctl get $QD_VERSION"], "undo": ["ctl back"], "on": "first" }, "rollback": { "steps": ["ctl back"] } });
    let what = What::Version { version: "v2".into() };
    let plan = planned(tasks.clone(), &Wanted::Deploy { what }).unwrap();
    assert_eq!((plan.steps.len(), plan.title.as_str(), plan.undo_by_itself), (1, "deploy edge v2", true));
    assert!(plan.steps[0].command.starts_with("QD_VERSION='v2'; export QD_VERSION\n"));
    let back = planned(tasks.clone(), &Wanted::Rollback { to: Some("v1".into()) }).unwrap();
    assert_eq!((back.action, back.steps.len()), (Action::Rollback { version: "v1".into() }, 2));
    assert!(planned(tasks, &Wanted::Deploy { what: What::Version { version: "$(x)".into() } }).is_err());
}

#[test]
fn a_runbook_is_read_with_the_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("book.md");
    let settings = |tasks: Option<Value>| -> Params {
        let book = [("runbook".to_owned(), Value::from(file.display().to_string()))];
        book.into_iter().chain(tasks.map(|tasks| ("tasks".to_owned(), tasks))).collect()
    };
    assert!(Command.misfits(&settings(None))[0].what.contains("no such file"));
    std::fs::write(&file, "## Drain\n\nTakes it out.\n\n```sh\nctl drain ${QD_NODE} $QD_VERSION\n```\n## Restart\n```sh\nctl restart\n```\n")
        .unwrap();
    let mut whole = settings(Some(json!({ "restart": { "steps": ["mine"] } })));
    assert_eq!(Command.misfits(&whole), []);
    Command.complete(&mut whole);
    assert_eq!(whole["tasks"]["drain"]["steps"], json!(["ctl drain ${QD_NODE} $QD_VERSION"]));
    assert_eq!(whole["tasks"]["drain"]["takes"], json!(["node:text"]), "what its steps name is asked for");
    assert_eq!(whole["tasks"]["restart"]["steps"], json!(["mine"]), "the configuration goes first");
    std::fs::write(&file, "## Clean\n```sh\npm2 delete all\n```\n").unwrap();
    assert!(Command.misfits(&settings(None))[0].what.contains("never done from here"));
}

#[test]
fn what_nobody_means_is_refused() {
    for never in ["pm2 delete all", "true; pm2 del --silent all", "rm -rf /", "rm -rf / tmp", "pm2 kill"] {
        assert!(!wrong("tasks", [("x", &json!({ "steps": [never] }))].into_iter()).is_empty(), "{never}");
    }
    for fine in ["pm2 delete 4", "rm -rf /srv/old", "rm -f /tmp/x", "pm2 restart all-in"] {
        assert!(wrong("tasks", [("x", &json!({ "steps": [fine] }))].into_iter()).is_empty(), "{fine}");
    }
    for name in ["", "A b", "-x"] {
        assert!(!wrong("tasks", [(name, &json!({ "steps": ["true"] }))].into_iter()).is_empty(), "{name}");
    }
    assert!(Command.misfits(&Params::new())[0].what.contains("no tasks"));
}
