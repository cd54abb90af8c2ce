use super::*;
use crate::{
    core::{
        inventory::{Host, Inventory},
        runs::{PlanFacts, Survey},
    },
    recipes::{plan, survey, tests::service},
};

fn vtr() -> Service {
    let recipe =
        [("file", "/srv/out/$QD_PACKAGE.zip"), ("verify", "unzip -tq \"$QD_FILE\""), ("send", "put \"$QD_FILE\"")];
    service("vtr@prod", "resend", &["mover"], &recipe)
}

fn order(package: &str, again: Option<&str>) -> Wanted {
    let mut settings: std::collections::BTreeMap<String, String> = [("package".to_owned(), package.to_owned())].into();
    settings.extend(again.map(|again| ("again".to_owned(), again.to_owned())));
    Wanted::Task(Order { task: "resend".into(), settings, file: None })
}

fn planned(wanted: &Wanted, own: &[(&str, &str)]) -> Result<Plan, String> {
    let mut said = Survey::default();
    let there = format!("ok\nfile=/srv/out/P-1.zip\nsha256={}\nbytes=12", "a".repeat(64));
    for (name, text) in [("package", there.as_str())].iter().chain(own) {
        said.own.insert((*name).into(), (*text).into());
    }
    let facts = PlanFacts { hosts: [("mover".into(), said)].into(), ..PlanFacts::default() };
    let hosts = vec![std::sync::Arc::new(Host::new("mover"))];
    plan(&Inventory { hosts, ..Inventory::default() }, &vtr(), wanted, &facts)
}

#[test]
fn what_is_sent_is_what_was_verified_and_only_once() {
    let plan = planned(&order("P-1", None), &[]).unwrap();
    assert_eq!(plan.steps.iter().map(|step| step.name.as_str()).collect::<Vec<_>>(), ["verify", "send"]);
    assert!(plan.steps[0].command.ends_with("unzip -tq \"$QD_FILE\"") && plan.steps[1].command.contains("set -C"));
    assert!(plan.prechecks[0].text.contains(&"a".repeat(64)));
    let mark = [("mark", "state=sent\nat=1760000000\nsha256=ff")];
    let checks = |again| planned(&order("P-1", again), &mark).unwrap().prechecks;
    assert!(
        checks(None)
            .iter()
            .any(|check| check.verdict == Fit::Bad && check.text.contains("was sent from here at 2025-10-09"))
    );
    assert!(checks(Some("yes")).iter().all(|check| check.verdict != Fit::Bad));
    assert!(planned(&order("P-1", Some("maybe")), &[]).unwrap_err().contains("yes or no"));
    assert!(
        planned(&order("P-1", None), &[("package", " /srv/out/P-1.zip is no file")])
            .unwrap_err()
            .contains("is no file")
    );
}

#[test]
fn no_package_leaves_its_folder() {
    for evil in ["../../etc/passwd", "$(reboot)", "a b", "-x", ""] {
        assert!(planned(&order(evil, None), &[]).unwrap_err().contains("cannot be a package"), "{evil}");
        assert!(!survey(&vtr(), &vtr().hosts[0], &order(evil, None)).contains("@@ own package"), "{evil}");
    }
    let settings = |file: &str| -> Params { [("file".to_owned(), file.into())].into_iter().collect() };
    for bad in ["/srv/out/all.zip", "$QD_PACKAGE", "/srv/$HOME/$QD_PACKAGE"] {
        assert_eq!(Resend.misfits(&settings(bad)).len(), 1, "{bad}");
    }
}
