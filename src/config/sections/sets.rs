//! The two sets of a service's hosts, and how its balancers lead to one of them.
use super::services::belongs;
use crate::{
    config::{
        fields,
        raw::{Place, Raw},
        walk::{Entries, Keys, Walk},
        words::shown,
    },
    core::{
        id::{EnvName, HostName},
        inventory::Host,
        runs::{HostSet, Strategy, Switch, TwoSets},
    },
};

/// What sets are held against.
pub(super) struct Around<'a> {
    /// The service's hosts, in their order.
    pub(super) on: &'a [HostName],
    /// Its environment.
    pub(super) env: &'a EnvName,
    /// All hosts.
    pub(super) hosts: &'a [std::sync::Arc<Host>],
    /// The service's kind, where no service of it has sets, and those that may have.
    pub(super) refused: Option<(&'a str, &'a [&'static str])>,
}

/// What the strategy is called.
pub(super) const NAME: &str = "blue-green";

/// Reads them; none where something is wrong.
pub(super) fn build(walk: &mut Walk<'_>, raw: &Raw, entries: &Entries, around: &Around<'_>) -> Option<TwoSets> {
    let place = entries.place_of("strategy").clone();
    if let Some((kind, known)) = around.refused {
        let what = format!("a service of kind \"{}\" has no two sets of hosts to go between", shown(kind));
        let help = format!("\"{NAME}\" is for {}; leave `strategy` out", known.join(", "));
        walk.book.error(&place, what, help);
        return None;
    }
    for (key, why) in [
        ("max_failures", "a set gets users only as a whole"),
        ("migrate_on", "the first host of the set that is changed migrates"),
        ("canary", "all users go from one set to the other"),
    ] {
        let set = entries.node(key).filter(|node| node.value != 0);
        if let Some(place) = set.map(|node| node.place.clone()) {
            walk.book.error(&place, format!("`{key}` does not go with \"{NAME}\": {why}"), "leave it out");
        }
    }
    let lacking = [
        ("sets", "sets = { blue = [\"web-01\"], green = [\"web-02\"] }"),
        (
            "switch",
            "switch = { on = [\"lb-01\"], link = \"/etc/nginx/play-live.conf\", to = { blue = \"…\", green = \"…\" } }",
        ),
    ];
    for (key, help) in lacking.into_iter().filter(|(key, _)| raw.get(key).is_none()) {
        walk.book.error(&place, format!("\"{NAME}\" needs `{key}`"), help);
    }
    let sets = raw.get("sets").and_then(|raw| both(walk, raw, around.on));
    // What does not fit its shape was said already.
    let switch = raw.get("switch").filter(|_| entries.node("switch").is_some());
    let switch = switch.and_then(|raw| self::switch(walk, raw, sets.as_ref(), around));
    let number = entries.count("parallel").and_then(|count| u32::try_from(count).ok());
    let within = number.map_or(Strategy::All, |size| Strategy::Batches { size });
    Some(TwoSets { sets: sets?, within, switch: switch? })
}

/// Reads both sets: every host of the service is in one of them.
fn both(walk: &mut Walk<'_>, raw: &Raw, on: &[HostName]) -> Option<[HostSet; 2]> {
    let mark = walk.book.drafts.len();
    let mut seen: Vec<HostName> = Vec::new();
    let mut sets = Vec::new();
    for (key, listed) in raw.table().unwrap_or_default() {
        let fits = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_');
        if !(1..=20).contains(&key.name.len()) || !key.name.chars().all(fits) || key.name.starts_with('-') {
            let what = format!("\"{}\" cannot be the name of a set", shown(&key.name));
            walk.book.error(&key.place, what, "letters, digits, `-` and `_`, at most 20, as in blue and green");
        }
        let mut set = HostSet { name: key.name.clone(), hosts: Vec::new() };
        for part in listed.list().unwrap_or_default() {
            let Some(name) = part.text() else { continue };
            let host = HostName::from(name);
            if !walk.hosts.iter().any(|(known, _)| known == name) {
                // That there is no such host was said already.
            } else if !on.contains(&host) {
                let what = format!("`{}` is no host of this service", shown(name));
                walk.book.error(&part.place, what, "name one of its `hosts`");
            } else if seen.contains(&host) {
                walk.book.error(&part.place, format!("`{host}` is in a set already"), "each host is in one of the two");
            } else {
                seen.push(host.clone());
                set.hosts.push(host);
            }
        }
        if listed.list().is_some_and(<[Raw]>::is_empty) {
            let what = format!("the set `{}` has no hosts", shown(&key.name));
            walk.book.error(&listed.place, what, "users must be served by somebody");
        }
        sets.push(set);
    }
    if sets.len() != 2 {
        let what = format!("there must be two sets, not {}", sets.len());
        walk.book.error(&raw.place, what, "sets = { blue = [\"web-01\"], green = [\"web-02\"] }");
    }
    let left: Vec<&str> = on.iter().filter(|host| !seen.contains(host)).map(HostName::as_str).collect();
    // Where a set is wrong, a host may be missing because of that.
    if !left.is_empty() && walk.book.drafts.len() == mark {
        let what = format!("in neither set: {}", left.join(", "));
        walk.book.error(&raw.place, what, "each host of the service is in one of the two");
    }
    let whole = walk.book.drafts.len() == mark;
    sets.try_into().ok().filter(|_| whole)
}

/// Reads how the balancers lead to a set.
fn switch(walk: &mut Walk<'_>, raw: &Raw, sets: Option<&[HostSet; 2]>, around: &Around<'_>) -> Option<Switch> {
    // Whether it fits its shape was asked before.
    let entries = walk.table(raw, Keys { fields: &[fields::SWITCH], ..Keys::default() }, "`switch`");
    let mark = walk.book.drafts.len();
    let mut on: Vec<HostName> = Vec::new();
    for part in raw.get("on").and_then(Raw::list).unwrap_or_default() {
        let Some(host) = part.text().map(HostName::from) else { continue };
        if around.on.contains(&host) {
            let what =
                format!("`{host}` is a host of the service: it cannot be changed and lead to the change as well");
            walk.book.error(&part.place, what, "name the host before them, that users come to");
        } else if on.contains(&host) {
            walk.book.error(&part.place, format!("balancer `{host}` is listed twice"), "");
        } else if belongs(walk, &host, part, around.env, around.hosts) {
            on.push(host);
        }
    }
    if on.is_empty() && walk.book.drafts.len() == mark {
        walk.book.error(entries.place_of("on"), "`on` names no balancer", "the hosts that users come to");
    }
    let link = path(walk, entries.text("link").unwrap_or_default(), entries.place_of("link"), "link");
    let files = sets.and_then(|sets| targets(walk, raw.get("to")?, sets, &link));
    let test = words(walk, &entries, "test", "nginx -t");
    let reload = words(walk, &entries, "reload", "systemctl reload nginx");
    let whole = walk.book.drafts.len() == mark && !entries.broken;
    let sudo = entries.flag("sudo").unwrap_or(true);
    files.filter(|_| whole).map(|files| Switch { on, link, files, test, reload, sudo })
}

/// Reads the file of each set.
fn targets(walk: &mut Walk<'_>, raw: &Raw, sets: &[HostSet; 2], link: &str) -> Option<[String; 2]> {
    for (key, value) in raw.table().unwrap_or_default() {
        if !sets.iter().any(|set| set.name == key.name) {
            let [one, other] = sets;
            let help = format!("the sets are `{}` and `{}`", one.name, other.name);
            walk.book.error(&key.place, format!("`to`: there is no set `{}`", shown(&key.name)), help);
            walk.book.hide(value);
        }
    }
    let mut files: Vec<String> = Vec::new();
    for set in sets {
        let Some(file) = raw.get(&set.name) else {
            let help = format!("to = {{ {} = \"/etc/nginx/play-{0}.conf\", … }}", set.name);
            walk.book.error(&raw.place, format!("`to` says no file for `{}`", set.name), help);
            continue;
        };
        let to = path(walk, file.text().unwrap_or_default(), &file.place, "to");
        if files.contains(&to) || to == link {
            let what = if to == link { "is the link itself" } else { "is the other set's, too" };
            walk.book.error(&file.place, format!("the file of `{}` {what}", set.name), "one file for each set");
        }
        files.push(to);
    }
    files.try_into().ok()
}

/// Holds a path on a balancer against what may be one.
fn path(walk: &mut Walk<'_>, text: &str, place: &Place, key: &str) -> String {
    if text.contains(char::is_control) {
        walk.book.error(place, format!("`{key}` must be one line, without tabs"), "");
    } else if !(text.starts_with('/') || text.starts_with("~/")) || text.ends_with('/') {
        let what = format!("`{key}` is no whole path of a file on a host: \"{}\"", shown(text));
        walk.book.error(place, what, "from the root, as in \"/etc/nginx/play-live.conf\"");
    }
    text.to_owned()
}

/// Parts a command into its words. It is run as they stand: nothing of it is for a shell.
fn words(walk: &mut Walk<'_>, entries: &Entries, key: &str, default: &str) -> Vec<String> {
    let text = entries.text(key).unwrap_or(default);
    let words = shlex::split(text).unwrap_or_default();
    let place = entries.place_of(key).clone();
    let operator = |word: &&String| word.ends_with(';') || word.contains(['|', '&', '<', '>']);
    if text.contains(char::is_control) {
        walk.book.error(&place, format!("`{key}` must be one line, without tabs"), "");
    } else if words.first().is_none_or(|word| word.is_empty() || word.starts_with('-')) {
        walk.book.error(&place, format!("`{key}` is no command: \"{}\"", shown(text)), format!("as in \"{default}\""));
    } else if let Some(word) = words.iter().find(operator) {
        let what = format!("`{key}` is one command, not a line for a shell: \"{}\"", shown(word));
        walk.book.error(&place, what, "put more into a script, and name that");
    }
    words
}
