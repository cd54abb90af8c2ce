use serde_json::json;

use super::*;
use crate::{
    core::{
        inventory::{Host, Inventory},
        runs::{PlanFacts, Survey},
    },
    recipes::{plan, tests::service},
};

fn said(state: &str, extra: &[(&str, &str)]) -> PlanFacts {
    let arn = |name: &str| format!("arn:aws:ecs:us-west-2:123456789012:task-definition/{name}");
    let deployment = |id: &str, status: &str, definition: &str, state: &str| json!({ "id": id, "status": status, "taskDefinition": arn(definition), "rolloutState": state, "failedTasks": 0 });
    let mut deployments = vec![deployment("ecs-svc/2", "PRIMARY", "api:42", state)];
    if state == "IN_PROGRESS" {
        deployments.push(deployment("ecs-svc/1", "ACTIVE", "api:39", "COMPLETED"));
    }
    let service = json!({ "failures": [], "services": [{
        "status": "ACTIVE", "taskDefinition": arn("api:42"), "desiredCount": 2, "runningCount": 2, "pendingCount": 0,
        "deployments": deployments, "breaker": { "enable": true, "rollback": true }, "controller": null,
    }]});
    let mut survey = Survey::default();
    let definitions = json!([arn("api:43"), arn("api:42"), arn("api:41")]).to_string();
    let usual = [
        ("service", service.to_string()),
        ("definitions", definitions),
        ("images", "[\"reg/api:v2\"]".into()),
        ("scalers", "[]".into()),
    ];
    survey.own.extend(usual.map(|(name, text)| (name.to_owned(), text)));
    survey.own.extend(extra.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())));
    PlanFacts { hosts: [("ops".into(), survey)].into(), ..PlanFacts::default() }
}

fn planned(wanted: &Wanted, facts: &PlanFacts) -> Result<Plan, String> {
    let recipe = [("region", "us-west-2"), ("cluster", "shop"), ("profile", "ops role")];
    let hosts = vec![std::sync::Arc::new(Host::new("ops"))];
    plan(&Inventory { hosts, ..Inventory::default() }, &service("api@prod", "ecs", &["ops"], &recipe), wanted, facts)
}

fn version(version: &str) -> Wanted {
    Wanted::Deploy { what: What::Version { version: version.into() } }
}

#[test]
fn a_deployment_is_begun_once_and_waited_for_by_its_id() {
    let plan = planned(&version("43"), &said("COMPLETED", &[])).unwrap();
    let command = &plan.steps[0].command;
    assert!(command.contains("[ \"$p\" = ecs-svc/2 ]") && command.contains("--profile='ops role' "), "{command}");
    assert!(command.contains("--task-definition api:43") && command.contains("[ \"$i\" != \"$n\" ]"));
    assert!(plan.undo_steps[0].command.contains("--task-definition api:42") && plan.undo_by_itself);
    assert_eq!(plan.from.as_deref(), Some("api:42 (reg/api:v2)"));
    assert_eq!(
        planned(&Wanted::Deploy { what: What::Default }, &said("COMPLETED", &[])).unwrap().title,
        "deploy api api:43"
    );
    assert!(planned(&version("44"), &said("COMPLETED", &[])).unwrap_err().contains("the newest are: api:43, api:42"));
    assert!(planned(&version("api:42"), &said("COMPLETED", &[])).unwrap_err().contains("already"));
}

#[test]
fn going_back_is_to_what_is_still_there_of_before() {
    let back = |facts| planned(&Wanted::Rollback { to: None }, &facts).unwrap().title;
    assert_eq!(back(said("IN_PROGRESS", &[])), "roll api back to api:39");
    assert_eq!(back(said("COMPLETED", &[])), "roll api back to api:41");
}

#[test]
fn what_aws_says_is_the_refusal() {
    let why = |text: &str| planned(&Wanted::Restart, &said("COMPLETED", &[("service", text)])).unwrap_err();
    assert!(why(r#"{"failures":["MISSING"],"services":[]}"#).contains("no such service"));
    assert!(why(" An error occurred (AccessDeniedException) when calling").contains("AccessDenied"));
    let service = said("COMPLETED", &[]).hosts[&HostName::from("ops")].own["service"].clone();
    assert!(
        why(&service
            .replace("\"ACTIVE\",\"taskDefinition\"", "\"DRAINING\",\"taskDefinition\"")
            .replace("\"status\":\"ACTIVE\"", "\"status\":\"DRAINING\""))
        .contains("draining")
    );
    assert!(why(&service.replace("\"controller\":null", "\"controller\":\"CODE_DEPLOY\"")).contains("CODE_DEPLOY"));
}

#[test]
fn scaling_waits_for_so_many_tasks() {
    let scale = |tasks: &str, facts: &PlanFacts| {
        let settings = [("tasks".to_owned(), tasks.to_owned())].into();
        planned(&Wanted::Task(Order { task: "scale".into(), settings, file: None }), facts)
    };
    let facts = said("COMPLETED", &[("scalers", r#"[{"min":2,"max":6}]"#)]);
    let plan = scale("4", &facts).unwrap();
    assert!(plan.steps[0].command.contains("--desired-count 4") && plan.steps[0].command.contains("[ \"$want\" = 4 ]"));
    assert!(plan.prechecks.iter().any(|check| check.text.contains("between 2 and 6")));
    assert!(scale("2", &facts).unwrap_err().contains("already"));
}
