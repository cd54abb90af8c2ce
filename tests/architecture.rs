#![cfg(test)]
//! Holds the first invariants of ARCHITECTURE.md: who may import whom, who may name which crate, who spawns, who
//! reads the clock. The rules are data; a planted violation shows that each can go red.
use std::{fs, path::Path};

/// A layer, and the layers of ours that it may name.
const MAY_USE: &[(&str, &[&str])] = &[
    ("core", &["core"]),
    ("parse", &["core", "parse"]),
    ("error.rs", &["error"]),
    ("tasks.rs", &["tasks"]),
    ("config", &["core", "parse", "config", "error", "tasks"]),
    ("remote", &["core", "parse", "config", "remote", "error", "tasks"]),
    ("store", &["core", "store", "error", "tasks"]),
    ("checks", &["core", "parse", "config", "remote", "checks", "error", "tasks"]),
    ("sources", &["core", "parse", "config", "remote", "sources", "error", "tasks"]),
    ("import", &["core", "parse", "config", "remote", "import", "error", "tasks"]),
    ("recipes", &["core", "parse", "config", "remote", "recipes", "error", "tasks"]),
    ("trackers", &["core", "parse", "config", "remote", "trackers", "error", "tasks"]),
    ("render", &["core", "parse", "render"]),
    // What is said of a request, and whether it was heard, both take from one place.
    ("notify", &["core", "parse", "config", "remote", "trackers", "notify", "error", "tasks"]),
    // Of parse only the sanitiser: log lines stay raw in memory, and are made safe where they are drawn.
    ("ui", &["core", "parse", "config", "ui"]),
    ("demo", &["core", "parse", "config", "remote", "store", "demo", "error", "tasks"]),
    (
        "runtime",
        &[
            "core", "parse", "config", "remote", "store", "checks", "sources", "import", "recipes", "trackers",
            "notify", "render", "ui", "runtime", "error", "tasks",
        ],
    ),
];

/// A crate, and the places that alone may name it.
const ONLY: &[(&str, &[&str])] = &[
    ("russh", &["remote", "demo"]),
    ("reqwest", &["remote/http"]),
    ("quick_xml", &["parse/qualys"]),
    ("tokio_tungstenite", &["remote/websocket"]),
    ("rusqlite", &["store"]),
    ("lettre", &["notify/smtp"]),
    ("ratatui", &["ui", "runtime/terminal"]),
    ("crossterm", &["ui", "runtime/terminal", "runtime/console"]),
    ("tui_textarea", &["ui"]),
    ("minijinja", &["render"]),
    ("clap", &["cli", "main"]),
    ("color_eyre", &["cli", "main"]),
];

/// What core may not name at all, as it is pure.
const NOT_IN_CORE: &[&str] = &[
    "tokio",
    "futures_util",
    "tracing",
    "std::fs",
    "net::Tcp",
    "net::Udp",
    "ToSocketAddrs",
    "std::process",
    "std::env",
    "SystemTime",
    "Instant::",
];

/// What only one place may call.
const CALLS: &[(&str, &[&str])] = &[
    ("tokio::spawn", &["tasks.rs"]),
    ("thread::spawn", &["tasks.rs"]),
    ("spawn_blocking(", &["tasks.rs"]),
    // Deadlines of I/O are on tokio's clock, which tests can pause; clippy bans the standard library's there too.
    ("Instant::now", &["runtime/clock", "remote"]),
    ("SystemTime::now", &["runtime/clock"]),
    ("Utc::now", &["runtime/clock"]),
    ("process::exit", &[]),
];

/// Takes a path within `src` and its text; returns what breaks the rules.
fn wrong(path: &str, text: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    let code = text.split("#[cfg(test)]\nmod ").next().unwrap_or(text);
    for (number, line) in code.lines().enumerate() {
        let line = line.split("//").next().unwrap_or(line);
        let mut say = |what: String| wrong.push(format!("src/{path}:{}: {what}", number + 1));
        if let Some((layer, allowed)) = MAY_USE.iter().find(|(layer, _)| path.starts_with(layer)) {
            for named in line.split("crate::").skip(1) {
                let name: String = named.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                let known = MAY_USE.iter().any(|(known, _)| known.trim_end_matches(".rs") == name) || name == "cli";
                if known && !allowed.contains(&name.as_str()) {
                    say(format!("{layer} may not use {name}"));
                }
            }
        }
        for (name, homes) in ONLY {
            let names = line.contains(&format!("{name}::")) || line.contains(&format!("use {name}"));
            if names && !homes.iter().any(|home| path.starts_with(home)) {
                say(format!("only {} may name {name}", homes.join(" and ")));
            }
        }
        if path.starts_with("core") {
            for name in NOT_IN_CORE.iter().filter(|name| line.contains(*name)) {
                say(format!("core may not name {name}"));
            }
        }
        for (call, homes) in CALLS {
            if line.contains(call) && !homes.iter().any(|home| path.starts_with(home)) {
                say(format!("{call} belongs in {}", homes.join(", ")));
            }
        }
    }
    // `use crate::{a, b::c}` names several layers behind one `crate::`.
    if let Some((layer, allowed)) = MAY_USE.iter().find(|(layer, _)| path.starts_with(layer)) {
        for group in code.split("use crate::{").skip(1) {
            let mut depth = 0usize;
            let mut name = String::new();
            for c in group.chars() {
                match c {
                    '{' => depth += 1,
                    '}' if depth == 0 => break,
                    '}' => depth -= 1,
                    _ if depth > 0 => {}
                    ',' => name.clear(),
                    _ if c.is_alphanumeric() || c == '_' => name.push(c),
                    ':' | ' ' | '\n' => {
                        let known = MAY_USE.iter().any(|(known, _)| known.trim_end_matches(".rs") == name);
                        if known && !allowed.contains(&name.as_str()) {
                            wrong.push(format!("src/{path}: {layer} may not use {name}"));
                        }
                        if c == ':' {
                            name.push('.');
                        }
                    }
                    _ => {}
                }
            }
        }
    }
    wrong
}

fn visit(dir: &Path, found: &mut dyn FnMut(&str, &str)) {
    let mut entries: Vec<_> = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            visit(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let of_tests = path.file_stem().is_some_and(|stem| stem.to_string_lossy().ends_with("tests"));
            if !of_tests {
                let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
                let name = path.strip_prefix(src).unwrap().to_string_lossy().into_owned();
                found(&name, &fs::read_to_string(&path).unwrap());
            }
        }
    }
}

#[test]
fn the_house_keeps_its_rules() {
    let mut all = Vec::new();
    visit(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut |path, text| all.extend(wrong(path, text)));
    assert!(all.is_empty(), "\n{}", all.join("\n"));
}

#[test]
fn every_rule_can_go_red() {
    for (path, planted) in [
        ("core/hosts/mod.rs", "use crate::runtime::clock;"),
        ("core/hosts/mod.rs", "use crate::{core::id, store::Store};"),
        ("core/mod.rs", "use tokio::sync::mpsc;"),
        ("parse/df.rs", "use crate::config::Env;"),
        ("store/mod.rs", "use crate::{\n    remote::Remote,\n};"),
        ("ui/overview.rs", "use crate::store::Sqlite;"),
        ("checks/http.rs", "use reqwest::Client;"),
        ("render/mod.rs", "use crate::store::Store;"),
        ("cli/incidents.rs", "use minijinja::Value;"),
        ("sources/pm2.rs", "let x = russh::client::connect();"),
        ("runtime/engine.rs", "use crate::cli::Args;"),
        ("runtime/engine.rs", "use ratatui::Frame;"),
        ("remote/mod.rs", "tokio::spawn(async {});"),
        ("checks/mod.rs", "let now = std::time::Instant::now();"),
        ("cli/mod.rs", "std::process::exit(1);"),
    ] {
        assert!(!wrong(path, planted).is_empty(), "{path} may not say: {planted}");
    }
    assert_eq!(wrong("runtime/engine.rs", "use crate::{core::State, store::Store};"), Vec::<String>::new());
    assert_eq!(wrong("core/mod.rs", "// tokio::spawn is banned here"), Vec::<String>::new());
}
