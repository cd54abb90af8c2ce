//! From tables to an inventory, section by section. Each says what is wrong with it and what is left out for it.
use std::sync::Arc;

use super::{
    fields,
    load::{Settings, main_only},
    problem::{Severity, closest},
    raw::{Key, Place, Raw},
    walk::{Entries, Keys, Walk},
    words::shown,
};
use crate::core::{
    id::{EnvName, Operator},
    inventory::{EnvKind, Environment, Inventory},
    runs::policy::{Calendar, Freeze, Role, Roles, Window},
};

mod checks;
mod derive;
mod display;
mod hosts;
mod logs;
mod maintenance;
mod pipeline;
mod response;
mod rules;
mod runbooks;
mod scanner;
mod services;
mod sets;
mod trackers;

/// An environment and what its checks inherit.
pub(super) struct Surroundings {
    pub(super) env: Environment,
    pub(super) every_ms: u64,
    /// None is ten seconds, or less where the interval is shorter.
    pub(super) timeout_ms: Option<u64>,
    pub(super) fail_after: u32,
}

/// Builds the inventory of the valid part.
pub(super) fn build(walk: &mut Walk<'_>, roots: &[Raw], settings: &mut Settings) -> Inventory {
    top(walk, roots);
    let mut inventory = Inventory::default();
    if let Some(client) = main(roots, "client").and_then(|raw| walk.value(raw, &super::Shape::Text, "client")) {
        client.value.as_str().unwrap_or_default().clone_into(&mut inventory.client);
    }
    let environments_said = tables(walk, roots, "environment");
    let surroundings = environments(walk, &environments_said);
    inventory.environments = surroundings.iter().map(|around| around.env.clone()).collect();
    let hosts = tables(walk, roots, "host");
    inventory.hosts = hosts::build(walk, &hosts, &surroundings).into_iter().map(Arc::new).collect();
    let services = tables(walk, roots, "service");
    inventory.services = services::build(walk, &services, &surroundings, &inventory.hosts);
    let said = tables(walk, roots, "maintenance");
    inventory.maintenance = maintenance::build(walk, &said, &inventory);
    let said = tables(walk, roots, "log");
    inventory.logs = logs::build(walk, &said, &surroundings, &inventory);
    let said = tables(walk, roots, "derive");
    inventory.derives = derive::build(walk, &said);
    let said = tables(walk, roots, "tracker");
    inventory.trackers = trackers::build(walk, &said);
    inventory.runbooks = runbooks::build(walk, roots);
    let said = tables(walk, roots, "notifier");
    inventory.notifiers = trackers::notifiers(walk, &said, &inventory.trackers);
    response::build(walk, roots, &mut inventory);
    inventory.scanner = scanner::build(walk, roots);
    let rules = tables(walk, roots, "rule");
    inventory.rules = rules::build(walk, &rules, &inventory).into_iter().map(Arc::new).collect();
    display::build(walk, roots, &mut inventory, settings);
    inventory.policy.business.timezone = inventory.display.timezone;
    inventory
}

/// Holds the keys of every file against those that it may have.
fn top(walk: &mut Walk<'_>, roots: &[Raw]) {
    for root in roots {
        let is_main = root.place.file == 0;
        for (key, value) in root.table().unwrap_or_default() {
            let known = fields::FILE.iter().find(|field| field.name == key.name);
            match known {
                Some(_) if !is_main && main_only(&key.name) => {
                    let main = walk.book.sources.first().map(|source| source.path().display().to_string());
                    let what = format!("`{}` belongs in the main file", key.name);
                    walk.book.error(&key.place, what, format!("move it to {}", main.unwrap_or_default()));
                }
                // Lists and tables are read by their sections.
                Some(field) if matches!(key.name.as_str(), "version" | "include") => {
                    let _read = walk.value(value, &field.shape, &key.name);
                }
                Some(_) => {}
                None if fields::LATER.contains(&key.name.as_str()) => walk.not_yet(key, value),
                None => unknown_top(walk, key, value),
            }
        }
        if is_main && root.get("version").is_none() {
            let start = Place { file: 0, span: 0..0 };
            walk.book.error(&start, "the file has no `version`", "begin it with `version = 1`");
        }
    }
}

fn unknown_top(walk: &mut Walk<'_>, key: &Key, value: &Raw) {
    let known = || fields::FILE.iter().map(|field| field.name);
    let plural = key.name.strip_suffix('s').filter(|name| known().any(|known| known == *name));
    let help = match plural.or_else(|| closest(&key.name, known())) {
        Some(word) => format!("did you mean `{word}`?"),
        None => format!("keys here: {}", known().collect::<Vec<_>>().join(", ")),
    };
    walk.book.error(&key.place, format!("unknown key `{}` in the file", shown(&key.name)), help);
    walk.book.hide(value);
}

/// Finds a setting that only the main file has.
fn main<'r>(roots: &'r [Raw], key: &str) -> Option<&'r Raw> {
    roots.iter().find(|root| root.place.file == 0)?.get(key)
}

/// Gathers a list of tables from all files.
fn tables<'r>(walk: &mut Walk<'_>, roots: &'r [Raw], key: &str) -> Vec<&'r Raw> {
    let mut all = Vec::new();
    for list in roots.iter().filter_map(|root| root.get(key)) {
        all.extend(walk.tables(list, key));
    }
    all
}

/// How a table is called in messages: `host web-01`, or `a host` while it has no name.
fn called(raw: &Raw, noun: &str) -> String {
    match raw.get("name").and_then(Raw::text) {
        Some(name) => format!("{noun} `{}`", shown(name)),
        None => a(noun),
    }
}

/// Puts the article before a noun.
fn a(noun: &str) -> String {
    let article = if noun.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
    format!("{article} {noun}")
}

/// Reads a table's name and says what is wrong with it.
fn name(walk: &mut Walk<'_>, entries: &mut Entries, noun: &str) -> Option<String> {
    let name = entries.owned("name")?;
    let fits = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.');
    let begins = name.chars().next().is_some_and(|first| first.is_ascii_alphanumeric());
    if begins && name.len() <= 63 && name.chars().all(fits) {
        return Some(name);
    }
    let place = entries.place_of("name").clone();
    let help = "letters, digits, `-`, `_` and `.`, at most 63, beginning with a letter or digit";
    walk.book.error(&place, format!("\"{}\" cannot be the name of {}", shown(&name), a(noun)), help);
    entries.broken = true;
    None
}

/// Finds the kind that a table's `type` names, or says what is wrong with it.
fn kind<'c>(
    walk: &mut Walk<'c>,
    raw: &Raw,
    kinds: &'c [&'c dyn super::Kind],
    noun: &str,
) -> Option<&'c dyn super::Kind> {
    let value = raw.get("type")?;
    let name = value.text()?;
    let found = kinds.iter().find(|kind| kind.name() == name).copied();
    if found.is_none() {
        let known: Vec<_> = kinds.iter().map(|kind| kind.name()).collect();
        let help = match closest(name, known.iter().copied()) {
            Some(word) => format!("did you mean \"{word}\"?"),
            None => format!("types: {}", known.join(", ")),
        };
        walk.book.error(&value.place, format!("there is no {noun} of type \"{}\"", shown(name)), help);
    }
    found
}

/// Names that were seen, with their places.
#[derive(Default)]
struct Seen(Vec<(String, Place)>);

impl Seen {
    /// Notes a name; a second one of the same is an error, and the first one holds.
    fn is_new(&mut self, walk: &mut Walk<'_>, entries: &Entries, name: &str, noun: &str) -> bool {
        let place = entries.place_of("name");
        if let Some((_, first)) = self.0.iter().find(|(seen, _)| seen == name) {
            let line = walk.book.pointer(place, first);
            walk.book.error(place, format!("there is already {} `{name}` ({line})", a(noun)), "the first one holds");
            return false;
        }
        self.0.push((name.to_owned(), place.clone()));
        true
    }
}

fn environments(walk: &mut Walk<'_>, tables: &[&Raw]) -> Vec<Surroundings> {
    let mut seen = Seen::default();
    let mut all = Vec::new();
    for raw in tables {
        let mark = walk.book.drafts.len();
        let called = called(raw, "environment");
        let keys = Keys { fields: &[fields::ENVIRONMENT], ..Keys::default() };
        let mut entries = walk.table(raw, keys, &called);
        let name = name(walk, &mut entries, "environment");
        let pace = checks::pace(walk, &entries, None);
        let is_new = name.as_ref().is_none_or(|name| seen.is_new(walk, &entries, name, "environment"));
        let kind = entries.text("kind").map(|kind| match kind {
            "staging" => EnvKind::Staging,
            "other" => EnvKind::Other,
            _ => EnvKind::Production,
        });
        let whole = name.zip(kind).zip(pace).filter(|_| is_new && !entries.broken);
        match whole {
            Some(((name, kind), pace)) => all.push(Surroundings {
                env: Environment {
                    roles: roles(&entries),
                    calendar: calendar(walk, &entries),
                    ..Environment::new(EnvName::from(name), kind)
                },
                every_ms: pace.every_ms,
                timeout_ms: entries.count("timeout"),
                fail_after: pace.fail_after,
            }),
            None => walk.book.left_out_since(mark, &called),
        }
    }
    all
}

/// Reads who may do what in an environment.
fn roles(entries: &Entries) -> Roles {
    let Some(said) = entries.node("roles").and_then(|node| node.value.as_object()) else { return Roles::default() };
    let all = [Role::Viewer, Role::Responder, Role::Deployer, Role::Admin];
    let named = all.into_iter().flat_map(|role| {
        let names = said.get(role.word()).and_then(serde_json::Value::as_array).into_iter().flatten();
        names.filter_map(move |name| Some((Operator::from(name.as_str()?), role)))
    });
    Roles(named.collect())
}

/// Reads when versions may be brought out. What cannot be read is an error: a freeze that is silently none would be a lie.
fn calendar(walk: &mut Walk<'_>, entries: &Entries) -> Calendar {
    let mut calendar = Calendar::default();
    for (text, place) in entries.texts("windows") {
        let Some(window) = Window::parse(text) else {
            let what = format!("`windows`: {:?} is no time of the week", shown(text));
            let help = "as in \"Sun 02:00-04:00\", \"Mon-Fri 09:00-17:00\", \"daily 22:00-02:00\"";
            walk.book.error(place, what, help);
            continue;
        };
        calendar.windows.push(window);
    }
    for part in entries.node("freeze").map_or(&[][..], |node| &node.parts) {
        let text = |key: &str| part.value.get(key).and_then(serde_json::Value::as_str).unwrap_or_default();
        match (Freeze::end(text("from"), false), Freeze::end(text("to"), true)) {
            (Some(from), Some(to)) if from < to => {
                let why = if text("why").is_empty() { "no reason is given" } else { text("why") };
                calendar.freezes.push(Freeze { from, to, why: why.to_owned() });
            }
            (from, to) => {
                let what = if from.is_some() && to.is_some() {
                    "`freeze` ends before it begins"
                } else {
                    "`freeze` is from no day to another"
                };
                walk.book.error(
                    &part.place,
                    what,
                    "as in { from = \"2026-12-20\", to = \"2027-01-02\", why = \"holidays\" }",
                );
            }
        }
    }
    calendar
}

/// Finds the environment that a setting names, or says what is wrong.
fn environment<'s>(
    walk: &mut Walk<'_>,
    around: &'s [Surroundings],
    name: &str,
    place: &Place,
    severity: Severity,
) -> Option<&'s Surroundings> {
    let found = around.iter().find(|around| around.env.name.as_str() == name);
    if found.is_none() {
        let help = super::words::refer(name, around.iter().map(|around| around.env.name.as_str()), "environments");
        let what = format!("there is no environment `{}`", shown(name));
        walk.book.add(place, severity, what, |problem| problem.help = Some(help));
    }
    found
}
