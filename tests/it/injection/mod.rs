//! What names, paths, settings and answers hold stays text: every shell text that a recipe makes runs in real shells with values
//! that try to be more than that, beside commands that only note what they are called with. The same is done with plain words, and
//! nothing may differ but the words themselves.
mod bench;
mod cases;
mod sets;

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, LazyLock, Mutex},
};

use proptest::prelude::*;
use quarterdeck::{
    checks,
    config::{self, Catalog, Env, Loaded, Shape, problem::Severity},
    core::{
        inventory::Service,
        runs::{Holder, Order, PlanFacts, Survey, Wanted},
    },
    parse::{self, sanitise},
    recipes,
};

use self::{
    bench::{Bench, Call},
    cases::{CASES, Case},
};

/// What a value is made of. Whatever is run of it leaves a file of this name, or calls a command of it.
const PARTS: [&str; 26] = [
    "'",
    "\"",
    "$(>pwned)",
    "`>pwned`",
    ";>pwned;",
    "&>pwned&",
    "|>pwned|",
    ">pwned",
    "\n",
    "\n>pwned\n",
    "-rf",
    "--",
    "*",
    "~",
    "@PATH@",
    "@APP@",
    "@RELEASE@",
    "@URL@",
    "\\",
    "$HOME",
    "$(pwned)",
    "'$(pwned)'",
    "\u{1b}]0;x\u{7}\u{1b}[2J",
    "é b",
    "\u{202e}",
    "%s%n",
];

/// The words that stand for a setting of the configuration, and for what is asked for or answered.
const SETTING: &str = "zq7wx";
const ASKED: &str = "vb3k";

fn hostile() -> impl Strategy<Value = String> {
    let parts = proptest::collection::vec(proptest::sample::select(PARTS.to_vec()), 1..9);
    parts.prop_map(|parts| parts.concat())
}

fn shells() -> Vec<&'static [&'static str]> {
    let known: [&[&str]; 4] = [&["/bin/sh"], &["/bin/dash"], &["/bin/bash"], &["/bin/busybox", "sh"]];
    // `sh` is one of the others on most machines.
    let same = |path: &str| std::fs::canonicalize(path).ok();
    let mut found: Vec<&[&str]> = Vec::new();
    for shell in known {
        if Path::new(shell[0]).exists() && !found.iter().any(|known| same(known[0]) == same(shell[0])) {
            found.push(shell);
        }
    }
    found
}

fn cases_of(usual: u32) -> ProptestConfig {
    let asked = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok());
    ProptestConfig { cases: asked.unwrap_or(usual), failure_persistence: None, ..ProptestConfig::default() }
}

/// What was called and what was left, with the folder of the bench taken out.
#[derive(Debug, Default)]
struct Trace {
    /// By what ran: which wish, which step of it.
    calls: BTreeMap<String, Vec<Call>>,
    files: BTreeMap<String, String>,
}

/// A text of TOML.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' | '\\' => out.extend(['\\', letter]),
            letter if letter.is_control() => out.push_str(&format!("\\u{:04x}", u32::from(letter))),
            letter => out.push(letter),
        }
    }
    out + "\""
}

/// What a setting is written as, with a value in it; none where it holds no free text.
fn written(case: &Case, key: &str, shape: &Shape, value: &str, bench: &Bench) -> Option<String> {
    if case.fixed.iter().any(|(fixed, _)| *fixed == key) {
        return None;
    }
    let home = bench.home().display().to_string();
    let pattern = case.patterns.iter().find(|(name, _)| *name == key).map(|(_, pattern)| *pattern);
    let filled = |usual: &str| quoted(&pattern.unwrap_or(usual).replace("@HOME@", &home).replace("{}", value));
    match shape {
        Shape::Text => Some(filled("{}")),
        Shape::Url => Some(filled("http://127.0.0.1:9/{}")),
        Shape::List(Shape::Text) => Some(format!("[{}]", filled("{}"))),
        Shape::Map(Shape::Text) => Some(format!("{{ {} = {} }}", quoted(&format!("k{value}")), filled("{}"))),
        _ => None,
    }
}

/// A configuration in which the settings of `hostile` hold a value, and all others a plain word.
fn configuration(case: &Case, bench: &Bench, value: &str, is_hostile: impl Fn(&str) -> bool) -> Loaded {
    let recipe = recipes::ALL.iter().find(|recipe| recipe.name() == case.kind).unwrap();
    let of = |key: &str| if is_hostile(key) { value } else { SETTING };
    let mut settings: Vec<String> = case.fixed.iter().map(|(key, value)| format!("{key} = {value}")).collect();
    for field in recipe.fields() {
        let text = written(case, field.name, &field.shape, of(field.name), bench);
        settings.extend(text.map(|text| format!("{} = {text}", field.name)));
    }
    let log = format!("/var/log/{}.log", of("@log"));
    let text = format!(
        "version = 1\nenvironment = [{{ name = \"stage\", kind = \"staging\" }}]\n\
         host = [{{ name = \"web-01\", env = \"stage\", address = \"127.0.0.1\", path_prefix = [{}] }}]\n\
         log = [{{ name = \"own\", type = \"file\", service = {}, path = {} }}]\n\
         [[service]]\nname = {}\nkind = {}\nrecipe = {{ {} }}\n[service.in.stage]\nhosts = [\"web-01\"]\n",
        quoted(&format!("/opt/{}", of("@prefix"))),
        quoted(&format!("{}@stage", of("@name"))),
        quoted(&log),
        quoted(of("@name")),
        quoted(case.kind),
        settings.join(", "),
    );
    let catalog =
        Catalog { checks: &checks::kinds(), recipes: &recipes::kinds(), trackers: &[], notifiers: &[], metrics: &[] };
    config::load_text(Path::new("qd.toml"), &text, &catalog, &Env::new("/home/op", []))
}

fn refused(loaded: &Loaded) -> bool {
    for problem in &loaded.problems {
        let told = problem.to_string();
        assert!(told.chars().all(|letter| letter == '\n' || sanitise::is_safe(letter)), "{told:?}");
    }
    loaded.problems.iter().any(|problem| problem.severity == Severity::Error)
}

/// Sets all settings to a value that the configuration takes, and says which it takes: to refuse one is the right answer too.
fn set(case: &Case, bench: &Bench, value: &str) -> (Loaded, Vec<String>) {
    let recipe = recipes::ALL.iter().find(|recipe| recipe.name() == case.kind).unwrap();
    let own = recipe.fields().iter().map(|field| field.name);
    let all: Vec<String> = own.chain(["@log", "@name", "@prefix"]).map(str::to_owned).collect();
    let taken: Vec<String> =
        all.into_iter().filter(|key| !refused(&configuration(case, bench, value, |name| name == key))).collect();
    let loaded = configuration(case, bench, value, |name| taken.iter().any(|key| key == name));
    assert!(!refused(&loaded), "{}: {:?}", case.kind, loaded.problems);
    (loaded, taken)
}

/// Asks the host, plans everything that the case wants, and runs each step there and back.
fn trace(case: &Case, shell: &[&str], setting: &str, asked: &str) -> Trace {
    let bench = Bench::new(case.answers, asked);
    let (loaded, taken) = set(case, &bench, setting);
    let service: &Service = &loaded.inventory.services[0];
    let value = |key: &str| if taken.iter().any(|taken| taken == key) { setting } else { SETTING };
    (case.prepare)(&bench, &|key| value(key).to_owned());
    let build = bench.build();
    let mut wishes = (case.wanted)(asked, &build);
    wishes.push(Wanted::Task(Order { task: recipes::RECOVER_LOCK.to_owned(), ..Order::default() }));
    let survey = Survey { lock: Some(Holder::default()), ..heard(&(case.says)(asked, service.id.service.as_str())) };
    let facts = PlanFacts {
        pm2: [("web-01".into(), cases::pm2(service))].into(),
        hosts: [("web-01".into(), survey)].into(),
        file: Some(std::fs::read(&build.path).unwrap()),
        ..PlanFacts::default()
    };
    let mut trace = Trace::default();
    for (number, wanted) in wishes.iter().enumerate() {
        bench.run(shell, &recipes::survey(service, &service.hosts[0], wanted));
        trace.calls.insert(format!("{number} survey"), bench.calls());
        // What cannot be planned with it is refused: that is an answer.
        let plan = match recipes::plan(&loaded.inventory, service, wanted, &facts) {
            Ok(plan) => plan,
            Err(why) => {
                assert!(asked != ASKED || !case.plans.contains(&number), "{} {number}: {why}", case.kind);
                continue;
            }
        };
        if let Wanted::Task(order) = wanted
            && order.task == recipes::RECOVER_LOCK
        {
            let lock = plan.lock.trim_end_matches(".recover");
            bench.lock(lock);
        }
        for (at, step) in plan.steps.iter().chain(&plan.undo_steps).enumerate() {
            bench.run(shell, &step.command);
            trace.calls.insert(format!("{number} step {at:02} {}", case.kind), bench.calls());
        }
    }
    trace.files = bench.files();
    trace
}

/// Has answers come the way that they come from hosts.
fn heard(said: &Survey) -> Survey {
    let mut text: String = said.own.iter().map(|(name, answer)| format!("@@ own {name}\n{answer}\n")).collect();
    text += &format!("@@ current\n{}\n@@ releases\n", said.current.as_deref().unwrap_or_default());
    for release in &said.releases {
        text += &format!(
            "release {}\nversion={}\nsha256={}\nby={}\n",
            release.name, release.version, release.sha256, release.by
        );
    }
    parse::survey::survey(format!("{text}@@ end\n").as_bytes()).unwrap()
}

type Known = BTreeMap<(usize, &'static str), Arc<Trace>>;

/// What happens with plain words.
fn plain(number: usize, shell: &[&'static str]) -> Arc<Trace> {
    static KNOWN: LazyLock<Mutex<Known>> = LazyLock::new(Mutex::default);
    let mut known = KNOWN.lock().unwrap();
    let make = || {
        let trace = trace(&CASES[number], shell, SETTING, ASKED);
        assert!(!trace.files.keys().any(|name| name.contains("pwned")), "{:?}", trace.files);
        Arc::new(trace)
    };
    Arc::clone(known.entry((number, shell[0])).or_insert_with(make))
}

/// Puts a value into the words of a call. What is given to Ansible as JSON is compared as what it means.
fn put(word: &str, plain: &str, value: &str) -> String {
    match word.strip_prefix("--extra-vars=") {
        Some(json) => {
            format!("{:?}", serde_json::from_str::<serde_json::Value>(json).map(|json| within(json, plain, value)))
        }
        None => word.replace(plain, value),
    }
}

fn within(json: serde_json::Value, plain: &str, value: &str) -> Vec<(String, String)> {
    let all = json.as_object().unwrap().iter();
    let put = |text: &str| text.replace(plain, value);
    let mut all: Vec<_> = all.map(|(name, one)| (put(name), put(one.as_str().unwrap()))).collect();
    all.sort();
    all
}

fn put_all(call: &Call, plain: &str, value: &str) -> Call {
    call.iter().map(|word| put(word, plain, value)).collect()
}

/// Calls in which a command would take a value for an option: it begins a word, and what stands before it does not take one.
fn dashed(calls: &[Call], plain: &[Call]) -> Vec<Call> {
    let takes = |word: &str| matches!(word, "-e" | "-c" | "--") || (word.starts_with("--") && !word.contains('='));
    let loose = |call: &Call, plain: &Call| {
        let begins = |at: usize| plain[at].starts_with(SETTING) && call[at].starts_with('-');
        (1..call.len().min(plain.len())).any(|at| begins(at) && !takes(&call[at - 1]))
            && !call.iter().any(|word| word == "--")
    };
    calls.iter().zip(plain).filter(|(call, plain)| loose(call, plain)).map(|(call, _)| call.clone()).collect()
}

#[test]
fn every_recipe_is_held_to_it() {
    for recipe in recipes::ALL {
        assert!(CASES.iter().any(|case| case.kind == recipe.name()), "add a case for {} to cases.rs", recipe.name());
    }
    // A case that calls nothing would show nothing.
    for (number, case) in CASES.iter().enumerate() {
        let trace = plain(number, shells()[0]);
        let called: Vec<&str> = trace.calls.values().flatten().map(|call| call[0].as_str()).collect();
        for tool in case.calls {
            assert!(called.contains(tool), "{} never calls {tool}: {called:?}", case.kind);
        }
    }
}

/// GNU tar takes backslashes for escapes where it is told a folder.
#[test]
fn backslashes_in_settings_stay_what_they_are() {
    let shell = shells()[0];
    for (number, case) in CASES.iter().enumerate() {
        let (plain, trace) = (plain(number, shell), trace(case, shell, r"\\", ASKED));
        let counts = |trace: &Trace| trace.calls.values().map(Vec::len).collect::<Vec<_>>();
        assert_eq!(counts(&trace), counts(&plain), "{}", case.kind);
        assert_eq!(trace.files.len(), plain.files.len(), "{}", case.kind);
    }
}

proptest! {
    #![proptest_config(cases_of(2))]

    #[test]
    fn settings_change_nothing_but_their_own_text(value in hostile(), shell in proptest::sample::select(shells())) {
        for (number, case) in CASES.iter().enumerate() {
            let plain = plain(number, shell);
            // What the configuration refuses stays the plain word.
            let trace = trace(case, shell, &value, ASKED);
            for (what, calls) in &trace.calls {
                let expected: Vec<Call> = plain.calls[what].iter().map(|call| put_all(call, SETTING, &value)).collect();
                let found: Vec<Call> = calls.iter().map(|call| put_all(call, SETTING, &value)).collect();
                prop_assert_eq!(found, expected, "{:?} {} {}", shell, case.kind, what);
                let loose = dashed(calls, &plain.calls[what]);
                prop_assert!(loose.is_empty(), "{:?}", loose);
            }
            let expected: BTreeMap<_, _> = plain.files.iter().map(|(name, text)| (name.replace(SETTING, &value), text.replace(SETTING, &value))).collect();
            let found: BTreeMap<_, _> = trace.files.iter().map(|(name, text)| (name.replace(SETTING, &value), text.replace(SETTING, &value))).collect();
            prop_assert_eq!(found, expected, "{:?} {}", shell, case.kind);
        }
    }

    #[test]
    fn what_is_asked_for_and_what_hosts_answer_changes_nothing_but_its_own_text(value in hostile()) {
        let shell = shells()[0];
        for (number, case) in CASES.iter().enumerate() {
            let plain = plain(number, shell);
            let trace = trace(case, shell, SETTING, &value);
            for (what, calls) in &trace.calls {
                // What hosts say loses its escapes on the way; in the name of an image `@` stands before a digest.
                let clean = |call: Call| -> Call { call.iter().map(|word| sanitise::text(word).replace('@', "")).collect() };
                let expected: Vec<Call> = plain.calls[what].iter().map(|call| clean(put_all(call, ASKED, &value))).collect();
                // A script may stop early at what it does not know; it may not do anything else.
                let found: Vec<Call> = calls.iter().map(|call| clean(put_all(call, "\0", &value))).collect();
                prop_assert_eq!(&found[..], &expected[..found.len().min(expected.len())], "{:?} {} {}", shell, case.kind, what);
            }
            for name in trace.files.keys() {
                prop_assert!(plain.files.keys().any(|known| known == name || known.replace(ASKED, &value) == *name), "{:?} {} {}", shell, case.kind, name);
            }
        }
    }
}
