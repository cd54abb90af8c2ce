use super::*;
use crate::{
    core::{
        inventory::{Host, Inventory, Rollout},
        runs::{PlanFacts, Survey},
    },
    recipes::{plan, survey, tests::service},
};

const RUNS: &str = r#"{"Name":"shop-api-1","Image":"reg/api:v2","Service":"api","State":"running","Health":"healthy"}"#;

fn says(own: &[(&str, &str)]) -> Survey {
    let mut said = Survey::default();
    let usual =
        [("version", "2.29.1"), ("services", "api\ndb"), ("containers", RUNS), ("tag", "v2"), ("tags", "v0\nv1\nv2")];
    for (name, text) in usual.iter().chain(own) {
        said.own.insert((*name).into(), (*text).into());
    }
    said
}

fn api(hosts: &[&str]) -> Service {
    let recipe = [("path", "/srv/shop it"), ("variable", "API_TAG"), ("project", "shop")];
    // The look at the host before has a test of its own.
    let rollout = Rollout { snapshot: false, ..Rollout::default() };
    Service { rollout, ..service("api@prod", "compose", hosts, &recipe) }
}

fn planned(wanted: &Wanted, said: &[&[(&str, &str)]]) -> Result<Plan, String> {
    let names = ["a", "b"].get(..said.len()).unwrap();
    let facts = PlanFacts {
        hosts: names.iter().zip(said).map(|(name, own)| ((*name).into(), says(own))).collect(),
        ..PlanFacts::default()
    };
    let hosts = names.iter().map(|name| std::sync::Arc::new(Host::new(*name))).collect();
    plan(&Inventory { hosts, ..Inventory::default() }, &api(names), wanted, &facts)
}

fn version(version: &str) -> Wanted {
    Wanted::Deploy { what: What::Version { version: version.into() } }
}

#[test]
fn a_deploy_pulls_before_it_changes_anything() {
    let plan = planned(&version("v3"), &[&[]]).unwrap();
    let names: Vec<&str> = plan.steps.iter().map(|step| step.name.as_str()).collect();
    assert_eq!(names, ["pull", "set tag", "up", "see it run"]);
    assert!(
        plan.steps[0]
            .command
            .contains("env API_TAG=v3 docker compose --ansi=never --project-name=shop pull --quiet api")
    );
    assert!(plan.steps[0].command.contains("image inspect reg/api:v3"));
    assert!(
        plan.steps[2].command.contains("cd '/srv/shop it'")
            && plan.steps[2].command.contains("up --detach --no-deps api")
    );
    assert!(plan.steps[3].command.contains("*:v3)"));
    assert!(plan.undo_by_itself && plan.undo_steps[0].command.contains("[ \"$now\" = v3 ]"));
    assert!(planned(&version("v2"), &[&[]]).unwrap_err().contains("already"));
    assert!(planned(&version("v2"), &[&[], &[("tag", "v1")]]).is_ok(), "one host lacks it");
    assert!(planned(&version("$(reboot)"), &[&[]]).unwrap_err().contains("cannot be the tag"));
}

#[test]
fn going_back_is_to_what_ran_before() {
    let back = |said: &[&[(&str, &str)]]| planned(&Wanted::Rollback { to: None }, said);
    assert_eq!(back(&[&[], &[]]).unwrap().title, "roll api back to v1");
    assert!(back(&[&[("tags", "")]]).unwrap_err().contains("does not know what ran before v2"));
    assert!(back(&[&[], &[("tags", "v0\nv2")]]).unwrap_err().contains("different tags"));
    assert_eq!(planned(&Wanted::Rollback { to: Some("v0".into()) }, &[&[]]).unwrap().title, "roll api back to v0");
}

#[test]
fn what_docker_says_is_the_refusal() {
    let why = |own: &[(&str, &str)]| planned(&Wanted::Restart, &[own]).unwrap_err();
    assert!(why(&[("version", " docker: 'compose' is not a docker command.")]).contains("is not a docker command"));
    assert!(
        why(&[("containers", " Cannot connect to the Docker daemon at unix:///var/run/docker.sock.")])
            .contains("Cannot connect")
    );
    assert!(why(&[("services", "db")]).contains("no service api: db"));
    assert!(why(&[("containers", "")]).contains("nothing to restart"));
    let plan = planned(&Wanted::Restart, &[&[("containers", &RUNS.replace("healthy", "unhealthy"))]]).unwrap();
    assert!(plan.prechecks.iter().any(|check| check.verdict == Fit::Doubtful && check.text.contains("unhealthy")));
}

#[test]
fn no_setting_leaves_its_quotes() {
    let evil = "x'; touch /tmp/pwned #@SERVICE@";
    let mut service = api(&["a"]);
    for key in ["path", "project", "env_file"] {
        service.recipe.insert(key.into(), format!("/{evil}").into());
    }
    let script = survey(&service, &service.hosts[0], &Wanted::Restart);
    let line = script.lines().find(|line| line.starts_with("c()")).unwrap();
    assert!(shlex::split(line).unwrap().contains(&format!("--project-name=/{evil}")), "{line}");
    let settings: Params =
        [("variable".to_owned(), "A B".into()), ("service".to_owned(), "-x".into())].into_iter().collect();
    assert_eq!(Compose.misfits(&settings).len(), 3);
}
