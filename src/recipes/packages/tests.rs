use super::*;
use crate::{
    core::{
        inventory::{Host, Inventory, Rollout},
        runs::{PlanFacts, Survey},
    },
    recipes::{plan, tests::service},
};

const UPGRADES: &str = "ok\nInst libssl3 [3.0.11] (3.0.15 Debian-Security:12/oldstable-security [amd64])\nInst nginx [1.22] (1.23 Debian:12 [amd64])";

fn planned(task: &str, only: Option<&str>, own: &[(&str, &str)]) -> Result<Plan, String> {
    let names = ["a", "b"];
    let mut said = Survey::default();
    for (name, text) in [("upgrades", UPGRADES), ("age", "7200"), ("broken", ""), ("reboot", "")].iter().chain(own) {
        said.own.insert((*name).into(), (*text).into());
    }
    let up_to_date = Survey { own: [("upgrades".to_owned(), "ok".to_owned())].into(), ..Survey::default() };
    let facts = PlanFacts { hosts: [("a".into(), said), ("b".into(), up_to_date)].into(), ..PlanFacts::default() };
    let mut service = service("packages@prod", "packages", &names, &[]);
    service.rollout = Rollout { strategy: Strategy::All, ..Rollout::default() };
    let settings = only.map(|only| ("only".to_owned(), only.to_owned())).into_iter().collect();
    let hosts = names.map(|name| std::sync::Arc::new(Host::new(name))).to_vec();
    let wanted = Wanted::Task(Order { task: task.into(), settings, file: None });
    plan(&Inventory { hosts, ..Inventory::default() }, &service, &wanted, &facts)
}

#[test]
fn what_was_read_is_what_is_upgraded_one_host_at_a_time() {
    let plan = planned("upgrade", None, &[]).unwrap();
    assert_eq!(
        (plan.hosts(), plan.strategy.clone()),
        (vec!["a".into()], Strategy::OneByOne),
        "the other has nothing to do"
    );
    assert!(
        plan.steps[0].command.ends_with("install --only-upgrade --no-remove libssl3 nginx"),
        "{}",
        plan.steps[0].command
    );
    assert!(
        plan.steps[0].command.contains("sudo -n env DEBIAN_FRONTEND=noninteractive")
            && plan.steps[0].command.contains("--force-confold")
    );
    assert!(plan.effect.contains("a: 2 packages, 1 of them security: libssl3 3.0.15, nginx 1.23"), "{}", plan.effect);
    assert!(planned("upgrade", Some("nginx"), &[]).unwrap().steps[0].command.ends_with("--no-remove nginx"));
    assert!(planned("upgrade", Some("nginx;reboot"), &[]).unwrap_err().contains("no name of a package"));
    assert!(planned("upgrade", Some("vim"), &[]).unwrap_err().contains("nothing is to be upgraded"));
    assert_eq!(planned("check", None, &[]).unwrap().hosts().len(), 2);
}

#[test]
fn what_is_not_whole_is_not_upgraded() {
    let checks = |own: &[(&str, &str)]| planned("upgrade", None, own).unwrap().prechecks;
    assert!(
        checks(&[("broken", " The following packages are only half configured")])
            .iter()
            .any(|check| check.verdict == Fit::Bad)
    );
    assert!(
        checks(&[("age", "200000")])
            .iter()
            .any(|check| check.verdict == Fit::Doubtful && check.text.contains("2 days old"))
    );
    assert!(checks(&[("reboot", "needed\n linux-image")]).iter().any(|check| check.text.contains("needs a reboot")));
    assert!(planned("upgrade", None, &[("upgrades", " sh: apt-get: not found")]).unwrap_err().contains("not found"));
}
