use super::*;
use crate::{
    core::{
        inventory::{Host, Inventory},
        runs::{PlanFacts, Survey},
    },
    recipes::{plan, tests::service},
};

fn planned(wanted: &Wanted, settings: &[(&str, &str)], versions: &str) -> Result<Plan, String> {
    let mut said = Survey::default();
    let hosts = "exit 0\n \n playbook: edge.yml\n   play #1\n     hosts (2):\n       edge-fra\n       edge-nyc";
    for (name, text) in [("ansible", " ansible-playbook [core 2.14.18]"), ("hosts", hosts), ("versions", versions)] {
        said.own.insert(name.into(), text.into());
    }
    let facts = PlanFacts { hosts: [("control".into(), said)].into(), ..PlanFacts::default() };
    let recipe = [
        &[("playbook", "edge.yml"), ("path", "/srv/ansible"), ("inventory", "hosts/prod"), ("limit", "edge:!lab")],
        settings,
    ]
    .concat();
    let hosts = vec![std::sync::Arc::new(Host::new("control"))];
    plan(
        &Inventory { hosts, ..Inventory::default() },
        &service("edge@prod", "ansible", &["control"], &recipe),
        wanted,
        &facts,
    )
}

fn version(version: &str) -> Wanted {
    Wanted::Deploy { what: What::Version { version: version.into() } }
}

const VAR: &[(&str, &str)] = &[("version_var", "edge_version")];

#[test]
fn a_deploy_plays_with_the_version_and_back_with_the_one_before() {
    let plan = planned(&version("v3"), VAR, "v1\nv2").unwrap();
    let words = shlex::split(plan.steps[0].command.lines().find(|line| line.contains("--inventory")).unwrap()).unwrap();
    assert!(
        words.ends_with(&[
            "--inventory=hosts/prod".into(),
            "--limit=edge:!lab".into(),
            r#"--extra-vars={"edge_version":"v3"}"#.into(),
            "edge.yml".into()
        ]),
        "{words:?}"
    );
    assert!(plan.effect.contains("changes edge-fra, edge-nyc;"), "{}", plan.effect);
    assert!(plan.undo_by_itself && plan.undo_steps[0].command.contains(r#"{"edge_version":"v2"}"#));
    assert!(!planned(&version("v1"), VAR, "").unwrap().undo_by_itself, "nobody knows what was there");
    assert!(planned(&version("v3"), &[], "").unwrap_err().contains("version_var"));
    assert!(planned(&version("{{ lookup('pipe', 'reboot') }}"), VAR, "").unwrap_err().contains("cannot be a version"));
    assert!(planned(&Wanted::Deploy { what: What::Default }, &[], "").is_ok());
}

#[test]
fn going_back_is_to_the_version_before() {
    let back = |to: Option<&str>, versions| planned(&Wanted::Rollback { to: to.map(str::to_owned) }, VAR, versions);
    assert_eq!(back(None, "v1\nv2\nv2").unwrap().title, "roll edge back to v1");
    assert_eq!(back(Some("v0"), "v1\nv2").unwrap().title, "roll edge back to v0");
    assert!(back(None, "v2").unwrap_err().contains("nobody knows what ran before v2"));
}

#[test]
fn a_check_changes_nothing() {
    let order = Order { task: "check".into(), settings: [("version".to_owned(), "v9".to_owned())].into(), file: None };
    let plan = planned(&Wanted::Task(order), VAR, "").unwrap();
    assert!(plan.steps[0].command.contains("--check --diff edge.yml") && plan.effect.starts_with("nothing is changed"));
    assert!(planned(&Wanted::Restart, &[], "").unwrap_err().contains("restart_playbook"));
    assert!(planned(&Wanted::Restart, &[("restart_playbook", "restart.yml")], "").is_ok());
}
