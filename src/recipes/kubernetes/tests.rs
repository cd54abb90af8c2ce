use serde_json::json;

use super::*;
use crate::{
    core::{
        inventory::Inventory,
        runs::{PlanFacts, Survey},
    },
    recipes::{plan, tests::service},
};

fn answers(image: &str, own: &[(&str, &str)]) -> PlanFacts {
    let deployment = json!({
        "metadata": { "uid": "u-1", "generation": 7, "annotations": { "deployment.kubernetes.io/revision": "12" } },
        "spec": { "replicas": 3, "strategy": { "type": "RollingUpdate" }, "progressDeadlineSeconds": 300,
            "template": { "spec": { "containers": [{ "name": "api", "image": image }] } } },
        "status": { "observedGeneration": 7, "replicas": 3, "updatedReplicas": 3, "availableReplicas": 3 },
    });
    let kept = |number: u64, created: &str, image: &str| json!({ "revision": number.to_string(), "owners": ["u-1", ""], "created": created, "images": { "api": image, "": "" } });
    let revisions =
        [kept(9, "2026-01-01", "reg/api:v1"), kept(11, "2026-01-03", "reg/api:v3"), kept(12, "2026-01-02", image)];
    let mut said = Survey::default();
    let revisions = revisions.map(|kept| kept.to_string()).join("\n");
    for (name, text) in [("deployment", deployment.to_string().as_str()), ("revisions", &revisions), ("rights", "yes")]
    {
        said.own.insert(name.into(), text.into());
    }
    for (name, text) in own {
        said.own.insert((*name).into(), (*text).into());
    }
    PlanFacts { hosts: [("ops".into(), said)].into(), ..PlanFacts::default() }
}

fn api() -> Service {
    let recipe = [("context", "prod@eks"), ("namespace", "shop"), ("path", "~/locks")];
    service("api@prod", "kubernetes", &["ops", "ops-2"], &recipe)
}

fn inventory() -> Inventory {
    let host = |name: &str| std::sync::Arc::new(crate::core::inventory::Host::new(name));
    Inventory { hosts: vec![host("ops"), host("ops-2")], ..Inventory::default() }
}

fn planned(wanted: &Wanted, facts: &PlanFacts) -> Result<Plan, String> {
    plan(&inventory(), &api(), wanted, facts)
}

fn version(version: &str) -> Wanted {
    Wanted::Deploy { what: What::Version { version: version.into() } }
}

fn scale(replicas: &str) -> Wanted {
    let settings = [("replicas".to_owned(), replicas.to_owned())].into();
    Wanted::Task(Order { task: "scale".into(), settings, file: None })
}

#[test]
fn a_deploy_sets_the_image_and_goes_back_by_number() {
    let plan = planned(&version("v2.1"), &answers("reg:5000/api:v2", &[])).unwrap();
    let names: Vec<&str> = plan.steps.iter().map(|step| step.name.as_str()).collect();
    assert_eq!((names, plan.hosts()), (vec!["set image", "roll out"], vec!["ops".into()]));
    assert!(
        plan.steps[0].command.ends_with("k set image deployment/api api=reg:5000/api:v2.1"),
        "{}",
        plan.steps[0].command
    );
    assert!(plan.steps[0].command.contains("--context=prod@eks --namespace=shop "), "{}", plan.steps[0].command);
    assert!(plan.undo_steps[0].command.ends_with("rollout undo deployment/api --to-revision=12"));
    assert!(plan.undo_by_itself && plan.from.as_deref() == Some("v2 (revision 12)"));
    assert_eq!(plan.prechecks.iter().map(|check| check.verdict).max(), Some(Fit::Good), "{:?}", plan.prechecks);
    // The same once more, by digest.
    let digest = format!("sha256:{}", "a".repeat(64));
    let plan = planned(&version(&digest), &answers("reg:5000/api:v2@sha256:00", &[])).unwrap();
    assert!(plan.steps[0].command.ends_with(&format!("api=reg:5000/api@{digest}")));
}

#[test]
fn going_back_is_to_what_was_rolled_out_before_and_not_to_the_number_before() {
    let facts = answers("reg/api:v2", &[]);
    let plan = planned(&Wanted::Rollback { to: None }, &facts).unwrap();
    // Revision 11 is younger than what runs: that is what somebody went back from.
    assert_eq!(plan.title, "roll api back to v1 (revision 9)");
    assert!(plan.steps[0].command.ends_with("--to-revision=9") && !plan.undo_by_itself);
    let to = |to: &str| planned(&Wanted::Rollback { to: Some(to.into()) }, &facts);
    assert_eq!(to("v3").unwrap().title, "roll api back to v3 (revision 11)");
    assert_eq!(to("11").unwrap().title, "roll api back to v3 (revision 11)");
    assert!(to("v9").unwrap_err().contains("there are: 9 (v1), 11 (v3), 12 (v2)"));
    assert!(to("v2").unwrap_err().contains("already"));
}

#[test]
fn scaling_says_what_scales_it_besides() {
    let hpa = "{\"kind\":\"Deployment\",\"name\":\"api\",\"min\":2,\"max\":10}\n{\"kind\":\"Deployment\",\"name\":\"web\",\"min\":1,\"max\":2}";
    let plan = planned(&scale("5"), &answers("reg/api:v2", &[("scalers", hpa)])).unwrap();
    assert!(plan.steps[0].command.ends_with("scale deployment/api --replicas=5 --current-replicas=3"));
    assert!(plan.undo_steps[0].command.ends_with("--replicas=3 --current-replicas=5"));
    let doubts: Vec<_> = plan.prechecks.iter().filter(|check| check.verdict == Fit::Doubtful).collect();
    assert!(doubts.len() == 1 && doubts[0].text.contains("between 2 and 10"), "{doubts:?}");
    let why = |replicas| planned(&scale(replicas), &answers("reg/api:v2", &[])).unwrap_err();
    assert!(why("3").contains("already") && why("-1").contains("a number") && why("5; reboot").contains("a number"));
}

#[test]
fn what_kubectl_says_is_the_refusal() {
    let down = " Unable to connect to the server: dial tcp 10.0.0.1:6443: i/o timeout";
    let why = planned(&Wanted::Restart, &answers("reg/api:v2", &[("deployment", down)])).unwrap_err();
    assert_eq!(why, "kubectl on ops: Unable to connect to the server: dial tcp 10.0.0.1:6443: i/o timeout");
    let bad = planned(&Wanted::Restart, &answers("reg/api:v2", &[("rights", " no - RBAC")])).unwrap();
    assert!(bad.prechecks.iter().any(|check| check.verdict == Fit::Bad && check.text.contains("may not")));
    let paused = answers("reg/api:v2", &[]);
    let mut paused = paused.hosts[&HostName::from("ops")].own["deployment"].clone();
    paused = paused.replace("\"replicas\":3,\"strategy\"", "\"paused\":true,\"strategy\"");
    let why = planned(&Wanted::Restart, &answers("reg/api:v2", &[("deployment", &paused)])).unwrap_err();
    assert!(why.contains("is paused"), "{why}");
}

#[test]
fn no_name_leaves_its_quotes() {
    let evil = "x'; touch /tmp/pwned #";
    assert!(planned(&version(evil), &answers("reg/api:v2", &[])).unwrap_err().contains("cannot be the tag"));
    let plan = planned(&version("v3"), &answers(evil, &[])).unwrap();
    let last = plan.steps[0].command.lines().last().unwrap();
    assert_eq!(shlex::split(last).unwrap().last().unwrap(), &format!("api={evil}:v3"));
    let settings: Params =
        [("namespace".to_owned(), json!("Prod ns")), ("deployment".to_owned(), json!("-x"))].into_iter().collect();
    assert_eq!(Kubernetes.misfits(&settings).len(), 2);
}
