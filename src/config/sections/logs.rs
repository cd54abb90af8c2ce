//! Where logs are: one entry a place, which may stand for many files or hosts.
use std::sync::Arc;

use super::{Seen, Surroundings, called, environment, name};
use crate::{
    config::{
        fields, formats,
        problem::{Severity, closest},
        raw::{Place, Raw},
        walk::{Entries, Keys, Walk},
        words::{refer, shown},
    },
    core::{
        id::{EnvName, HostName, ServiceId},
        inventory::Inventory,
        logs::spec::{LogAuth, LogPlace, LogSpec, LokiSpec},
    },
};

/// Builds the places that lines come from. What is wrong leaves out that entry alone.
pub(super) fn build(
    walk: &mut Walk<'_>,
    tables: &[&Raw],
    around: &[Surroundings],
    inventory: &Inventory,
) -> Vec<Arc<LogSpec>> {
    let mut seen = Seen::default();
    let mut all = Vec::new();
    for raw in tables {
        let mark = walk.book.drafts.len();
        let called = called(raw, "log");
        match one(walk, raw, around, inventory, &mut seen) {
            Some(log) => all.push(Arc::new(log)),
            None => walk.book.left_out_since(mark, &called),
        }
    }
    all
}

fn one(
    walk: &mut Walk<'_>,
    raw: &Raw,
    around: &[Surroundings],
    inventory: &Inventory,
    seen: &mut Seen,
) -> Option<LogSpec> {
    let mark = walk.book.drafts.len();
    let called = called(raw, "log");
    let own = kind(walk, raw);
    // Without a kind nobody knows which settings are right: only the common ones are looked at.
    let unknown: Vec<&str> = match (own, raw.table()) {
        (None, Some(table)) => table.iter().map(|(key, _)| key.name.as_str()).collect(),
        _ => Vec::new(),
    };
    let keys = Keys { fields: &[own.unwrap_or_default(), fields::LOG], own: &unknown, ..Keys::default() };
    let mut entries = walk.table(raw, keys, &called);
    if own.is_none() {
        let is_common = |key: &str| fields::LOG.iter().any(|field| field.name == key);
        for (_, value) in raw.table().unwrap_or_default().iter().filter(|(key, _)| !is_common(&key.name)) {
            walk.book.hide(value);
        }
    }
    let name = name(walk, &mut entries, "log");
    let is_new = name.as_ref().is_none_or(|name| seen.is_new(walk, &entries, name, "log"));
    let env = entries.text("env").and_then(|env| {
        let place = entries.place_of("env").clone();
        environment(walk, around, env, &place, Severity::Error).map(|around| around.env.name.clone())
    });
    let service = service(walk, &entries, env.as_ref(), inventory);
    let env = env.or_else(|| service.as_ref().map(|service| service.env.clone()));
    let (env, hosts) = hosts(walk, &entries, env, service.as_ref(), inventory);
    let format = format(walk, &entries);
    let timezone = timezone(walk, &entries);
    let place = own.and_then(|_| place(walk, &entries));
    let name = name.filter(|_| is_new && !entries.broken)?;
    let sound = walk.book.drafts.iter().skip(mark).all(|draft| draft.problem.severity == Severity::Warning);
    let place = place.filter(|_| sound)?;
    Some(LogSpec { name: name.into(), env, service, hosts, format, timezone, place })
}

fn kind(walk: &mut Walk<'_>, raw: &Raw) -> Option<&'static [crate::config::Field]> {
    let value = raw.get("type")?;
    let name = value.text()?;
    let found = fields::LOG_KINDS.iter().find(|(kind, _)| *kind == name).map(|(_, fields)| *fields);
    if found.is_none() {
        let known = || fields::LOG_KINDS.iter().map(|(kind, _)| *kind);
        let help = match closest(name, known()) {
            Some(word) => format!("did you mean \"{word}\"?"),
            None => format!("types: {}", known().collect::<Vec<_>>().join(", ")),
        };
        walk.book.error(&value.place, format!("there is no log of type \"{}\"", shown(name)), help);
    }
    found
}

/// Finds the service that an entry names: `play@prod`, or `play` where the environment is clear.
fn service(walk: &mut Walk<'_>, entries: &Entries, env: Option<&EnvName>, inventory: &Inventory) -> Option<ServiceId> {
    let text = entries.text("service")?;
    let place = entries.place_of("service");
    let ids = || inventory.services.iter().map(|service| &service.id);
    let fits: Vec<&ServiceId> = match text.split_once('@') {
        Some(_) => ids().filter(|id| id.to_string() == text).collect(),
        None => ids().filter(|id| id.service.as_str() == text && env.is_none_or(|env| *env == id.env)).collect(),
    };
    match (&fits[..], env) {
        ([id], Some(env)) if id.env != *env => {
            let what = format!("`service` is of `{}`, `env` is `{env}`", id.env);
            walk.book.error(place, what, "leave `env` out");
            None
        }
        ([id], _) => Some((*id).clone()),
        ([], _) => {
            let names: Vec<String> = ids().map(ToString::to_string).collect();
            let help = refer(text, names.iter().map(String::as_str), "services");
            walk.book.error(place, format!("there is no service `{}`", shown(text)), help);
            None
        }
        (several, _) => {
            let names: Vec<String> = several.iter().map(ToString::to_string).collect();
            let what = format!("service `{}` runs in several environments", shown(text));
            walk.book.error(place, what, format!("one of: {}", names.join(", ")));
            None
        }
    }
}

/// Reads the hosts: those that the entry names, else its service's. They tell the environment where nothing else does.
fn hosts(
    walk: &mut Walk<'_>,
    entries: &Entries,
    env: Option<EnvName>,
    service: Option<&ServiceId>,
    inventory: &Inventory,
) -> (Option<EnvName>, Vec<HostName>) {
    let said = entries.texts("hosts");
    if said.is_empty() {
        let of_service = service.and_then(|id| inventory.service(id)).map(|service| service.hosts.clone());
        return (env, of_service.unwrap_or_default());
    }
    let mut env = env;
    let mut hosts: Vec<HostName> = Vec::new();
    for (name, place) in said {
        let name = HostName::from(name);
        let own = inventory.host(&name).and_then(|host| host.env.clone());
        if let (Some(own), Some(env)) = (&own, &env)
            && own != env
        {
            let what = format!("host `{name}` is in `{own}`, not in `{env}`");
            walk.book.error(place, what, "make an entry for each environment");
        }
        env = env.or(own);
        if !hosts.contains(&name) {
            hosts.push(name);
        }
    }
    (env, hosts)
}

fn format(walk: &mut Walk<'_>, entries: &Entries) -> Option<String> {
    let name = entries.text("format")?;
    known_format(walk, name, entries.place_of("format")).then(|| name.to_owned())
}

/// Says when there is no format of this name, among those that come with the console and those beside the main file.
pub(super) fn known_format(walk: &mut Walk<'_>, name: &str, place: &Place) -> bool {
    let main = walk.book.sources.first().map(|source| source.path().to_owned());
    let dir = main.as_deref().and_then(formats::dir_beside);
    let own = dir.as_deref().map(formats::names_in).unwrap_or_default();
    let known = || formats::BUILT_IN.iter().map(|(name, _)| *name).chain(own.iter().map(String::as_str));
    if known().any(|known| known == name) {
        return true;
    }
    let help = match closest(name, known()) {
        Some(word) => format!("did you mean \"{word}\"? `qd formats` lists them"),
        None => "`qd formats` lists them; one of your own is a file in `formats/` beside this one".to_owned(),
    };
    walk.book.error(place, format!("there is no log format \"{}\"", shown(name)), help);
    false
}

fn timezone(walk: &mut Walk<'_>, entries: &Entries) -> Option<chrono_tz::Tz> {
    let text = entries.text("timezone")?;
    let zone = text.parse().ok();
    if zone.is_none() {
        let what = format!("there is no time zone \"{}\"", shown(text));
        walk.book.error(entries.place_of("timezone"), what, "as in \"America/Bogota\" or \"UTC\"");
    }
    zone
}

/// Reads which place it is. What cannot be is said.
fn place(walk: &mut Walk<'_>, entries: &Entries) -> Option<LogPlace> {
    for key in ["container", "namespace", "context", "target", "tenant"] {
        if entries.text(key).is_some_and(|text| text.is_empty() || text.starts_with('-') || text.contains('\n')) {
            let what = format!("`{key}` must not be empty or begin with `-`");
            walk.book.error(entries.place_of(key), what, "");
        }
    }
    Some(match entries.text("type")? {
        "file" => {
            for key in ["path", "rotated"] {
                let Some(text) = entries.text(key) else { continue };
                if !(text.starts_with('/') || text.starts_with("~/")) || text.contains('\n') {
                    let what = format!("`{key}` must be a whole path");
                    walk.book.error(
                        entries.place_of(key),
                        what,
                        "as in /var/log/nginx/access.log or ~/.pm2/logs/*.log",
                    );
                }
            }
            LogPlace::File { path: entries.owned("path")?, rotated: entries.owned("rotated") }
        }
        "loki" => LogPlace::Loki(loki(walk, entries)?),
        "journald" => {
            for (unit, place) in entries.texts("units") {
                if !crate::config::is_unit(unit) {
                    let what = format!("\"{}\" is not the name of a unit", shown(unit));
                    walk.book.error(place, what, "with its suffix, as in nginx.service");
                }
            }
            LogPlace::Journald { units: entries.texts("units").into_iter().map(|(unit, _)| unit.to_owned()).collect() }
        }
        "docker" => LogPlace::Docker { container: entries.owned("container")? },
        "kubernetes" => LogPlace::Kubernetes {
            context: entries.owned("context"),
            namespace: entries.owned("namespace"),
            target: entries.owned("target")?,
            container: entries.owned("container"),
        },
        "command" => {
            let command = entries.owned("command")?;
            if command.trim().is_empty() {
                walk.book.error(entries.place_of("command"), "`command` is empty", "");
            }
            LogPlace::Command { command }
        }
        _ => return None,
    })
}

fn loki(walk: &mut Walk<'_>, entries: &Entries) -> Option<LokiSpec> {
    let select = entries.pairs("select");
    if select.is_empty() && entries.node("select").is_some() {
        walk.book.error(entries.place_of("select"), "`select` names no label", "as in { app = \"play\" }");
    }
    for label in select.iter().map(|(label, _)| label.as_str()).chain(entries.text("service_label")) {
        let begins = label.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
        if !begins || !label.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_') {
            let key = if entries.text("service_label") == Some(label) { "service_label" } else { "select" };
            let what = format!("\"{}\" cannot be a label", shown(label));
            walk.book.error(entries.place_of(key), what, "letters, digits and `_`");
        }
    }
    let auth = match entries.node("auth").and_then(|node| node.value.as_object()) {
        None => None,
        Some(auth) => {
            let text = |key: &str| auth.get(key).and_then(serde_json::Value::as_str).map(str::to_owned);
            match (text("user"), text("password"), text("token")) {
                (Some(user), Some(password), None) => Some(LogAuth::Basic { user, password }),
                (None, None, Some(token)) => Some(LogAuth::Bearer { token }),
                _ => {
                    let help = "either { user, password } or { token }";
                    walk.book.error(entries.place_of("auth"), "`auth` needs one way to log in", help);
                    None
                }
            }
        }
    };
    Some(LokiSpec {
        url: entries.owned("url")?,
        tenant: entries.owned("tenant"),
        auth,
        select: select.into_iter().collect(),
        service_label: entries.owned("service_label"),
    })
}
