//! The configuration as a person meets it: each file in `tests/config/valid` loads, each in `tests/config/invalid` says exactly what stands
//! beside it, and the shipped examples, schema and starter are what the program itself makes of its fields.
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use quarterdeck::{
    checks,
    config::{self, Catalog, Env, Loaded, problem::Severity},
    core::{
        alerts::{Severity as How, Threshold},
        id::ServiceId,
        incidents::policy::Policy,
        inventory::EnvKind,
    },
    notify, recipes, trackers,
};

/// Set to anything, what the tests compare with is written anew. Read the difference before you commit it.
const UPDATE: &str = "QD_UPDATE";

fn env() -> Env {
    Env::new("/home/op", [])
}

fn with_catalog<T>(f: impl FnOnce(&Catalog<'_>) -> T) -> T {
    f(&Catalog {
        checks: &checks::kinds(),
        recipes: &recipes::kinds(),
        trackers: &trackers::kinds(),
        notifiers: &notify::kinds(),
        metrics: &[],
    })
}

pub(crate) fn load(path: &Path) -> Loaded {
    with_catalog(|catalog| config::load(path, catalog, &env()))
}

fn load_text(text: &str) -> Loaded {
    with_catalog(|catalog| config::load_text(Path::new("qd.toml"), text, catalog, &env()))
}

fn dir(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn files(name: &str) -> Vec<PathBuf> {
    let mut files: Vec<_> = std::fs::read_dir(dir(name))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "{name} has no files");
    files
}

/// Compares with a file, or writes it where [`UPDATE`] is set.
fn same_as(path: &Path, text: &str) -> bool {
    if std::env::var_os(UPDATE).is_some() {
        std::fs::write(path, text).unwrap();
    }
    let expected = std::fs::read_to_string(path).unwrap_or_default();
    if expected != text {
        println!("{} is\n{expected}\nbut should be\n{text}\nrun again with {UPDATE}=1 to write it", path.display());
    }
    expected == text
}

/// What `qd check` would print, with the directory of the tests cut off.
fn said(loaded: &Loaded, within: &str) -> String {
    config::check_text(&loaded.problems).replace(&format!("{}/", dir(within).display()), "")
}

#[test]
fn every_invalid_file_says_exactly_what_stands_beside_it() {
    let files = files("tests/config/invalid");
    assert!(files.len() >= 25);
    let mut wrong = Vec::new();
    for path in files {
        let loaded = load(&path);
        let said = said(&loaded, "tests/config/invalid");
        assert!(loaded.has_errors(), "{} loads", path.display());
        assert!(!said.contains("hunter2"), "{} shows a secret:\n{said}", path.display());
        assert!(said.chars().all(|letter| letter == '\n' || !letter.is_control()), "{}", path.display());
        if !same_as(&path.with_extension("err"), &said) {
            wrong.push(path);
        }
    }
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[test]
fn every_valid_file_and_every_example_loads_without_a_word() {
    for path in files("tests/config/valid").into_iter().chain(files("examples")) {
        let loaded = load(&path);
        assert_eq!(loaded.problems, [], "{}", config::check_text(&loaded.problems));
        assert!(loaded.usable);
    }
}

#[test]
fn a_file_of_later_versions_starts_with_warnings_only() {
    let loaded = load(&dir("tests/config/later.toml"));
    assert!(!loaded.has_errors(), "{}", config::check_text(&loaded.problems));
    assert!(same_as(&dir("tests/config/later.err"), &said(&loaded, "tests/config")));
    let names: Vec<_> = loaded.inventory.services.iter().map(|service| service.id.to_string()).collect();
    assert_eq!(names, ["play@prod", "play@staging", "billing@prod", "pagoralia@prod"]);
}

#[test]
fn the_shipped_schema_is_made_from_the_same_fields() {
    let schema = with_catalog(config::schema);
    let text = serde_json::to_string_pretty(&schema).unwrap() + "\n";
    assert!(same_as(&dir("examples/qd.schema.json"), &text));
}

#[test]
fn what_is_written_is_what_is_watched() {
    let loaded = load(&dir("tests/config/valid/full.toml"));
    let inventory = &loaded.inventory;
    assert_eq!(inventory.client, "acme");
    assert_eq!(inventory.environments[0].kind, EnvKind::Production);
    let web = &inventory.hosts[1];
    assert_eq!((web.name.as_str(), web.port, web.user.as_deref()), ("web-01", Some(2222), Some("deploy")));
    assert_eq!(web.identity.as_deref(), Some("/home/op/.ssh/id_ed25519"));
    assert_eq!(web.jump[0].as_str(), "jump");
    assert_eq!(inventory.hosts[0].address, "jump", "an address that is silent is the name, for ~/.ssh/config");

    let play: ServiceId = "play@prod".parse().unwrap();
    let play = inventory.service(&play).unwrap();
    assert_eq!(&*play.kind, "node-pm2");
    assert_eq!(play.recipe["app"], "play");
    assert_eq!(play.slo.unwrap().window_ms, 30 * 86_400_000);
    assert_eq!(play.needs.iter().map(ToString::to_string).collect::<Vec<_>>(), ["pagoralia@prod"]);
    let page = &play.checks[0];
    assert_eq!((page.every_ms, page.timeout_ms, page.fail_after, page.slow_ms), (30_000, 10_000, 3, Some(500)));
    assert_eq!(page.params["url"], "https://play.acme.example/health");
    assert_eq!(page.params["cert_warn"], serde_json::json!([1_209_600_000, 259_200_000]), "durations are milliseconds");
    assert_eq!(page.params["json"]["equals"], serde_json::json!(200), "whole numbers stay whole");
    assert!(!page.params.contains_key("every"), "what all checks have is no setting of the kind");
    assert_eq!(play.checks[1].on.as_ref().unwrap().as_str(), "web-01");

    let staging: ServiceId = "play@staging".parse().unwrap();
    let page = &inventory.service(&staging).unwrap().checks[0];
    assert_eq!((page.every_ms, page.timeout_ms, page.fail_after), (120_000, 5_000, 1), "the environment's pace");
    assert!(
        inventory.service(&staging).unwrap().needs.is_empty(),
        "a bare name asks for nothing where that does not run"
    );

    let rule = |name: &str| inventory.rules.iter().find(|rule| rule.name.as_str() == name);
    let cpu = rule("cpu").unwrap();
    assert_eq!((cpu.threshold, cpu.for_ms, cpu.metric.as_str()), (Threshold::Above(90.0), 300_000, "host.cpu"));
    assert!(rule("clock-skew").is_none(), "enabled = false drops a built-in");
    assert_eq!(rule("slow-web").unwrap().matches["role"], "web");

    let log = |name: &str| inventory.logs.iter().find(|log| &*log.name == name).unwrap();
    let access = log("play-access");
    assert_eq!(access.service.as_ref(), Some(&play.id));
    assert_eq!((access.env.as_ref(), &access.hosts), (Some(&play.id.env), &play.hosts), "from its service");
    assert_eq!(access.timezone, Some(chrono_tz::America::Bogota));
    assert_eq!(log("nginx-unit").env.as_ref(), Some(&play.id.env), "from its hosts");
    assert_eq!(log("worker").service.as_ref().map(ToString::to_string).as_deref(), Some("play@staging"));
    assert_eq!(
        inventory.logs.iter().map(|log| log.place.kind()).collect::<Vec<_>>(),
        ["loki", "file", "journald", "docker", "kubernetes", "command"]
    );

    let names: Vec<_> = inventory.derives.iter().map(|rule| (rule.name.as_str(), rule.from.as_str())).collect();
    assert_eq!(names, [("partner", "path"), ("country", "partner")]);

    assert_eq!(loaded.settings.store, Path::new("/var/lib/quarterdeck/qd.db"));
    assert_eq!(inventory.write.arm_ms, 600_000);
    assert_eq!(inventory.display.timezone, chrono_tz::America::Bogota);
    let known: Vec<_> = loaded.settings.known_hosts.iter().flatten().map(|file| file.display().to_string()).collect();
    assert_eq!(known, ["/home/op/.ssh/known_hosts", "/etc/ssh/ssh_known_hosts"]);
    assert_eq!(loaded.settings.theme.name, "light");
    assert_eq!(loaded.settings.keymap.lookup("services", "z".parse().unwrap()), Some("zoom-pane"));
    assert_eq!(loaded.files.len(), 3, "{:?}", loaded.files);
}

#[test]
fn what_was_agreed_on_for_incidents_is_read_and_what_is_silent_is_as_shipped() {
    let loaded = load_text(
        "version = 1\n[display]\ntimezone = \"America/Bogota\"\n[severity]\nbusiness = \"Mon-Sat 08:00-17:30\"\n\
         P1 = { ack = \"2m\", escalate = \"none\", team = \"response\" }\n\
         [[team]]\nname = \"response\"\nmembers = [{ name = \"ana\", phone = \"1\" }, { name = \"ben\" }]\n\
         [[incident_type]]\nname = \"failure\"\nprocedure = []\n[[incident_type]]\nname = \"fraud\"\n",
    );
    assert!(loaded.problems.is_empty(), "{}", said(&loaded, ""));
    let (policy, shipped) = (&loaded.inventory.policy, Policy::default());
    let p1 = policy.of(How::P1);
    assert_eq!((p1.ack_ms, p1.escalate_ms, p1.mitigate_ms), (Some(120_000), None, shipped.of(How::P1).mitigate_ms));
    assert_eq!(policy.of(How::P2), shipped.of(How::P2));
    assert_eq!(policy.next_to_call(How::P1, ["ana"].into_iter(), None).unwrap().name, "ben");
    assert_eq!((policy.business.days.len(), policy.business.timezone.name()), (6, "America/Bogota"));
    assert_eq!(policy.business.to.to_string(), "17:30:00");
    assert_eq!(policy.class("failure").unwrap().procedure, shipped.class("failure").unwrap().procedure);
    assert_eq!(policy.classes.len(), shipped.classes.len() + 1);
}

#[test]
fn what_is_wrong_leaves_out_only_itself() {
    let loaded = load(&dir("tests/config/invalid/dangling_host.toml"));
    let play = &loaded.inventory.services[0];
    assert_eq!(play.checks.len(), 1, "the other check holds");
    assert_eq!(play.hosts.len(), 1);
    assert_eq!(&*play.kind, "external", "a service with a missing host is watched, not restarted by half");

    let loaded = load(&dir("tests/config/invalid/runbooks.toml"));
    let books: Vec<_> = loaded.inventory.runbooks.iter().map(|book| book.name.as_str()).collect();
    assert_eq!(books, ["good"], "what cannot be read for sure is never run");

    let loaded = load(&dir("tests/config/invalid/dangling_jump.toml"));
    let hosts: Vec<_> = loaded.inventory.hosts.iter().map(|host| host.name.as_str()).collect();
    assert_eq!(hosts, ["web-03"]);

    let loaded = load(&dir("tests/config/invalid/syntax.toml"));
    assert!(!loaded.usable);
    assert!(loaded.inventory.hosts.is_empty());

    let loaded = load(&dir("tests/config/invalid/rules.toml"));
    let disk = loaded.inventory.rules.iter().find(|rule| rule.name.as_str() == "disk").unwrap();
    assert_eq!(disk.clear, Some(12.0), "a change that cannot be leaves the built-in rule");
}

#[test]
fn a_missing_file_says_so_and_is_not_usable() {
    let loaded = load(Path::new("/nowhere/qd.toml"));
    assert!(!loaded.usable && loaded.has_errors());
    assert_eq!(
        loaded.problems[0].one_line(),
        "/nowhere/qd.toml: the configuration cannot be read: there is no such file"
    );
}

#[test]
fn includes_are_read_once_even_in_a_circle() {
    let dir = tempfile::tempdir().unwrap();
    let main = dir.path().join("qd.toml");
    std::fs::write(&main, "version = 1\ninclude = ['b.toml', '*.toml']\n").unwrap();
    std::fs::write(dir.path().join("b.toml"), "include = ['qd.toml', 'c.toml']\n").unwrap();
    std::fs::write(dir.path().join("c.toml"), "host = [{ name = 'web-01' }]\n").unwrap();
    let loaded = load(&main);
    assert_eq!(loaded.problems, []);
    assert_eq!(loaded.files.len(), 3);
    assert_eq!(loaded.inventory.hosts.len(), 1);
}

/// Texts that were seen to break loaders, put into the middle of a good file.
fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        "[ -~]{0,12}",
        "\\PC{0,6}",
        Just("\"\"\"".to_owned()),
        Just("[[service]]".to_owned()),
        Just("= 99999999999999999999".to_owned()),
        Just("\n".to_owned()),
        Just("nan".to_owned()),
        Just("1979-05-27".to_owned()),
        Just("{".repeat(200)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_mutation_breaks_the_loader(
        cuts in prop::collection::vec((any::<prop::sample::Index>(), 0_usize..40, piece()), 1..6),
    ) {
        let mut text: Vec<char> = std::fs::read_to_string(dir("tests/config/later.toml")).unwrap().chars().collect();
        for (at, len, piece) in cuts {
            let at = at.index(text.len());
            let end = (at + len).min(text.len());
            text.splice(at..end, piece.chars());
        }
        let loaded = load_text(&text.into_iter().collect::<String>());
        let said = config::check_text(&loaded.problems);
        prop_assert!(said.chars().all(|letter| letter == '\n' || !letter.is_control()));
        prop_assert!(loaded.problems.iter().all(|problem| problem.line > 0 || problem.severity == Severity::Error));
    }

    #[test]
    fn no_secret_is_ever_shown(
        key in prop_oneof![Just("token"), Just("password"), Just("Authorization"), Just("pasword"), Just("api_key")],
        form in prop_oneof![
            Just("KEY = 'hunter2'"), Just("KEY = hunter2"), Just("KEY = 'hunter2"), Just("KEY = \"\"\"\nhunter2"),
            Just("KEY = ['hunter2', 5]"), Just("KEY = { a = 'hunter2' }"), Just("x = 1 # hunter2"), Just("KEY = 'hunter2' x"),
        ],
        place in 0_usize..6,
    ) {
        let line = form.replace("KEY", key);
        let text = match place {
            0 => format!("version = 1\n{line}\n"),
            1 => format!("version = 1\n[display]\n{line}\n"),
            2 => format!("version = 1\nhost = [{{ name = 'a', {line} }}]\n"),
            3 => format!("version = 1\n[[service]]\nname = 'a'\n{line}\n[service.in.prod]\n"),
            4 => format!("version = 1\n[keys]\n{line}\n[store]\n{line}\n"),
            _ => format!(
                "version = 1\nenvironment = [{{ name = 'p', kind = 'other' }}]\n[[service]]\nname = 'a'\n[service.in.p]\nchecks = [{{ name = 'c', type = 'http', url = 'https://x.example/', headers = {{ {line} }} }}]\n"
            ),
        };
        let loaded = load_text(&text);
        let said = config::check_text(&loaded.problems);
        prop_assert!(!said.contains("hunter2"), "{}\n{}", text, said);
    }
}
