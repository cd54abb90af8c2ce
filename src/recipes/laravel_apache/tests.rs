//! Plans for Laravel, without a host.
use super::*;
use crate::{
    core::{
        inventory::Inventory,
        runs::{PlanFacts, Survey},
    },
    recipes::tests::service,
};

const OLD: &str = "1111111111111111111111111111111111111111";
const NEW: &str = "2222222222222222222222222222222222222222";

fn billing() -> Service {
    let mut service = service(
        "billing@prod",
        "laravel-apache",
        &["app-01", "app-02"],
        &[("path", "/var/www/billing"), ("ref", "main")],
    );
    service.rollout.migrate_on = Some("app-02".into());
    service
}

fn facts(answers: &[(&str, &str)]) -> PlanFacts {
    let own = [("head", OLD), ("server", "good")].iter().chain(answers);
    let own = own.map(|(name, said)| ((*name).to_owned(), (*said).to_owned())).collect();
    let survey = Survey { current: Some("11111111".into()), own, ..Survey::default() };
    PlanFacts { hosts: [("app-01".into(), survey.clone()), ("app-02".into(), survey)].into(), ..PlanFacts::default() }
}

fn of<T>(facts: &PlanFacts, plan: impl Fn(Context<'_>) -> T) -> T {
    plan(Context { inventory: &Inventory::default(), service: &billing(), facts })
}

fn named<'a>(steps: &'a [Step], name: &str) -> Vec<&'a Step> {
    steps.iter().filter(|step| step.name == name).collect()
}

#[test]
fn migrations_run_on_one_host_first_and_never_on_the_way_back() {
    let facts = facts(&[("target", &format!("branch {NEW}")), ("migrations", "known\ndatabase/migrations/a.php")]);
    let plan = of(&facts, |of| LaravelApache.deploy(of, &What::Default)).unwrap();
    assert_eq!(plan.hosts(), ["app-02".into(), "app-01".into()], "the host that migrates goes first");
    let migrate = named(&plan.steps, "migrate");
    assert_eq!((migrate.len(), migrate[0].host.as_str()), (1, "app-02"));
    assert!(named(&plan.undo_steps, "migrate").is_empty());
    assert_eq!(plan.action, Action::Deploy { version: "main (22222222)".into() });
    assert!(plan.prechecks.iter().any(|check| check.text == "1 migrations come with it: a.php"));

    let facts = self::facts(&[("target", &format!("commit {NEW}")), ("migrations", "known")]);
    let plan = of(&facts, |of| LaravelApache.rollback(of, None)).unwrap();
    assert!(named(&plan.steps, "migrate").is_empty() && named(&plan.undo_steps, "migrate").is_empty());
    assert!(plan.effect.contains("migrations are not undone") && !plan.undo_by_itself);
}

#[test]
fn what_is_not_plain_is_not_planned() {
    let why = |answers: &[(&str, &str)], name: &str| {
        let what = What::Version { version: name.to_owned() };
        of(&facts(answers), |of| LaravelApache.deploy(of, &what)).unwrap_err()
    };
    assert!(why(&[("target", "none ")], "v9").contains("no branch or tag v9"));
    assert!(why(&[("target", "both ")], "v9").contains("a branch and a tag"));
    assert!(why(&[("target", "error could not connect")], "v9").contains("could not connect"));
    assert!(why(&[("target", &format!("tag {NEW};id"))], "v9").contains("no branch or tag"));
    for name in ["-f", "a b", "a..b", "a\nb", "HEAD~1", "", "a*"] {
        assert!(why(&[("target", &format!("tag {NEW}"))], name).contains(""), "{name}");
        assert!(!is_ref(name), "{name}");
    }
    assert!(of(&facts(&[]), |of| LaravelApache.rollback(of, None)).unwrap_err().contains("no note"));
    let dirty = facts(&[("target", &format!("tag {NEW}")), ("dirty", " M .env\n M x.php")]);
    let plan = of(&dirty, |of| LaravelApache.deploy(of, &What::Default)).unwrap();
    assert!(plan.prechecks.iter().any(|check| check.verdict == Fit::Bad && check.text.contains("M .env and 1 more")));
}

#[test]
fn a_ref_cannot_leave_its_quotes() {
    let name = "$(touch${IFS}x)'@PATH@;id";
    let wanted = Wanted::Deploy { what: What::Version { version: name.to_owned() } };
    let script = LaravelApache.survey(&billing(), &wanted).unwrap();
    let line = script.lines().find(|line| line.trim_start().starts_with("r=")).unwrap();
    assert_eq!(shlex::split(line).unwrap(), [format!("r={name}")]);
}

#[test]
fn what_keeps_old_code_is_reloaded_there_and_back_and_by_a_restart() {
    let mut service = billing();
    service.recipe.insert("php_fpm".into(), "php8.2-fpm".into());
    let facts = facts(&[("target", &format!("branch {NEW}")), ("fpm", "active\n")]);
    let inventory = Inventory::default();
    let of = Context { inventory: &inventory, service: &service, facts: &facts };
    let names = |steps: &[Step], host: &str| -> Vec<String> {
        steps.iter().filter(|step| step.host.as_str() == host).map(|step| step.name.clone()).collect()
    };
    let tail = ["caches", "reload php8.2-fpm", "graceful"];
    let plan = LaravelApache.deploy(of, &What::Default).unwrap();
    assert!(plan.effect.contains("php8.2-fpm reloads"), "{}", plan.effect);
    let back = LaravelApache.rollback(of, Some("main")).unwrap();
    for (steps, host) in [&plan.steps, &plan.undo_steps, &back.steps, &back.undo_steps]
        .into_iter()
        .flat_map(|steps| ["app-01", "app-02"].map(|host| (steps, host)))
    {
        assert!(names(steps, host).ends_with(&tail.map(str::to_owned)), "{:?}", names(steps, host));
    }
    let restart = LaravelApache.restart(of).unwrap();
    assert_eq!(names(&restart.steps, "app-02"), ["reload php8.2-fpm", "graceful"]);
    assert_eq!(restart.steps[0].command, "sudo -n systemctl reload php8.2-fpm");
    assert!(restart.effect.contains("php8.2-fpm reloads"));
    assert!(!restart.prechecks.iter().any(|check| check.text.contains("php8.2-fpm")));

    // Before it is asked for: what does not run there, and what can be no unit.
    for (said, how) in [("inactive", "is inactive"), ("", "is not known")] {
        let facts = self::facts(&[("fpm", said)]);
        let plan = LaravelApache.restart(Context { facts: &facts, ..of }).unwrap();
        let text = format!("php8.2-fpm on app-01 {how}");
        assert!(plan.prechecks.iter().any(|check| check.verdict == Fit::Bad && check.text.contains(&text)));
    }
    let mut other = service.clone();
    for (unit, fits) in [("php-fpm", true), ("php8.2-fpm.service", true), ("-H", false), ("", false), ("a b", false)] {
        other.recipe.insert("php_fpm".into(), unit.into());
        assert_eq!(LaravelApache.misfits(&other.recipe).is_empty(), fits, "{unit:?}");
    }
    other.recipe.insert("php_fpm".into(), "php-fpm".into());
    other.recipe.insert("sudo".into(), false.into());
    let restart = LaravelApache.restart(Context { service: &other, ..of }).unwrap();
    assert_eq!(restart.steps[0].command, "systemctl reload php-fpm");
}
