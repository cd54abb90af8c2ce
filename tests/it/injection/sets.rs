//! What a service of two sets says of its balancers stays text there too: the link, the files it leads to, the test and the reload.
use std::path::Path;

use proptest::prelude::*;
use quarterdeck::{
    checks,
    config::{self, Catalog, Env},
    core::{
        id::HostName,
        inventory::Inventory,
        runs::{PlanFacts, Survey, Wanted},
    },
    recipes,
};

use super::{SETTING, bench::Bench, bench::Call, cases, cases_of, hostile, quoted, refused, shells};

/// The configuration with a value in what is said of the balancer; none where it is refused.
fn inventory(bench: &Bench, value: &str) -> Option<Inventory> {
    let home = bench.home().display().to_string();
    let path = |name: &str| quoted(&format!("{home}/{name}{value}"));
    // As a person writes it who quotes it right.
    let words = |verb: &str| quoted(&format!("tool {verb} {}", shlex::try_quote(value).unwrap()));
    let text = format!(
        "version = 1\nenvironment = [{{ name = \"stage\", kind = \"staging\" }}]\n\
         host = [{{ name = \"b\", env = \"stage\" }}, {{ name = \"g\", env = \"stage\" }}, {{ name = \"lb\", env = \"stage\" }}]\n\
         [[service]]\nname = \"play\"\nkind = \"node-pm2\"\nrecipe = {{ app = \"play\", path = \"~/play\" }}\n\
         [service.in.stage]\nhosts = [\"b\", \"g\"]\n[service.in.stage.rollout]\nstrategy = \"blue-green\"\n\
         sets = {{ blue = [\"b\"], green = [\"g\"] }}\n[service.in.stage.rollout.switch]\non = [\"lb\"]\nlink = {}\n\
         to = {{ blue = {}, green = {} }}\ntest = {}\nreload = {}\n",
        path("live"),
        path("blue"),
        path("green"),
        words("-t"),
        words("reload"),
    );
    let catalog =
        Catalog { checks: &checks::kinds(), recipes: &recipes::kinds(), trackers: &[], notifiers: &[], metrics: &[] };
    let loaded = config::load_text(Path::new("qd.toml"), &text, &catalog, &Env::new("/home/op", []));
    (!refused(&loaded)).then_some(loaded.inventory)
}

/// The calls of a text, and the files there after it.
type After = (Vec<Call>, Vec<(String, String)>);

/// What is called on the balancer, and what stands there after each step.
fn trace(shell: &[&str], value: &str) -> Option<Vec<After>> {
    let bench = Bench::new("", "");
    let inventory = inventory(&bench, value)?;
    let service = &inventory.services[0];
    let lb = HostName::from("lb");
    for name in ["blue", "green"] {
        bench.write(&format!("{name}{value}"), "upstream {}\n");
    }
    std::os::unix::fs::symlink(format!("blue{value}"), bench.home().join(format!("live{value}"))).unwrap();
    let leads = |to: &str| Survey {
        own: [("link", "link"), ("file", to), ("server", "good")].map(|(k, v)| (k.to_owned(), v.to_owned())).into(),
        ..Survey::default()
    };
    let release = |name: &str| cases::release_of(name);
    let set = |name: &str| Survey {
        current: Some(name.to_owned()),
        releases: vec![release("20260101000000-v1"), release("20260102000000-v2")],
        ..Survey::default()
    };
    let facts = PlanFacts {
        pm2: ["b", "g"].map(|host| (host.into(), cases::pm2(service))).into(),
        hosts: [("b", set("20260102000000-v2")), ("g", set("20260101000000-v1")), ("lb", leads("1"))]
            .map(|(host, survey)| (host.into(), survey))
            .into(),
        ..PlanFacts::default()
    };
    let wanted = Wanted::Rollback { to: None };
    let plan = recipes::plan(&inventory, service, &wanted, &facts).unwrap();
    let survey = recipes::survey(service, &lb, &wanted);
    let own = plan.steps.iter().chain(&plan.undo_steps).filter(|step| step.host == lb).map(|step| &step.command);
    let texts: Vec<&String> = [&survey].into_iter().chain(own).collect();
    assert_eq!(texts.len(), 3);
    let run = |text: &&String| {
        bench.run(shell, text);
        (bench.calls(), bench.files().into_iter().collect())
    };
    Some(texts.iter().map(run).collect())
}

#[test]
fn the_link_leads_there_and_back_and_nothing_else_is_left() {
    for shell in shells() {
        let steps = trace(shell, SETTING).unwrap();
        let link = |at: usize| {
            let named: Vec<_> = steps[at].1.iter().filter(|(name, _)| name.contains("live")).collect();
            assert_eq!(named.len(), 1, "{named:?}");
            named[0].1.clone()
        };
        assert_eq!(link(0), format!("-> blue{SETTING}"), "what asks changes nothing");
        assert_eq!(
            (link(1), link(2)),
            (format!("-> BENCH/home/green{SETTING}"), format!("-> BENCH/home/blue{SETTING}"))
        );
        for calls in steps.iter().skip(1).map(|(calls, _)| calls) {
            let tools: Vec<&[String]> = calls.iter().filter(|call| call[0] == "tool").map(Vec::as_slice).collect();
            assert_eq!(tools, [["tool", "-t", SETTING], ["tool", "reload", SETTING]], "{shell:?}: tested, then taken");
        }
    }
}

proptest! {
    #![proptest_config(cases_of(12))]

    #[test]
    fn what_is_said_of_balancers_changes_nothing_but_its_own_text(
        value in hostile(), shell in proptest::sample::select(shells())
    ) {
        let plain = trace(shell, SETTING).unwrap();
        // To refuse it is the right answer too.
        let Some(found) = trace(shell, &value) else { return Ok(()) };
        let put = |text: &str| text.replace(SETTING, &value);
        for ((calls, files), (plain_calls, plain_files)) in found.iter().zip(&plain) {
            let expected: Vec<Call> = plain_calls.iter().map(|call| call.iter().map(|word| put(word)).collect()).collect();
            prop_assert_eq!(calls, &expected, "{:?}", shell);
            let mut expected: Vec<(String, String)> = plain_files.iter().map(|(name, text)| (put(name), put(text))).collect();
            expected.sort();
            prop_assert_eq!(files, &expected, "{:?}", shell);
        }
    }
}
