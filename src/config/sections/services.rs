//! Services, one for each environment that they run in.
use std::sync::Arc;

use super::{Seen, Surroundings, called, checks, environment, name, pipeline, sets};
use crate::{
    config::{
        Kind, fields,
        problem::{Severity, closest},
        raw::{Key, Place, Raw},
        walk::{Entries, HostState, Keys, Walk},
        words::{refer, shown},
    },
    core::{
        id::{EnvName, HostName, ServiceId, ServiceName},
        inventory::{CheckSpec, Host, Params, Pipeline, Rollout, Service, Slo, UndoPolicy},
        runs::{Strategy, TwoSets},
    },
};

/// The kind of a service that is only watched.
const EXTERNAL: &str = "external";
const MONTH: u64 = 30 * 86_400_000;

/// A service that is still to learn what it needs.
struct Half {
    service: Service,
    needs: Vec<(String, Place)>,
}

/// Builds the services. What is wrong with one leaves out the part it is about: a service is watched even when it cannot be changed.
pub(super) fn build(
    walk: &mut Walk<'_>,
    tables: &[&Raw],
    around: &[Surroundings],
    hosts: &[Arc<Host>],
) -> Vec<Arc<Service>> {
    let mut seen = Seen::default();
    let mut halves: Vec<Half> = Vec::new();
    for raw in tables {
        halves.extend(one(walk, raw, around, hosts, &mut seen));
    }
    let ids: Vec<_> = halves.iter().map(|half| half.service.id.clone()).collect();
    let declared: Vec<_> = seen.0.into_iter().map(|(name, _)| name).collect();
    halves
        .into_iter()
        .map(|Half { mut service, needs }| {
            let needs =
                needs.iter().filter_map(|(text, place)| need(walk, &service.id, text, place, (&ids, &declared)));
            service.needs = needs.collect();
            Arc::new(service)
        })
        .collect()
}

fn one(walk: &mut Walk<'_>, raw: &Raw, around: &[Surroundings], hosts: &[Arc<Host>], seen: &mut Seen) -> Vec<Half> {
    let mark = walk.book.drafts.len();
    let called = called(raw, "service");
    let keys = Keys { fields: &[fields::SERVICE], own: fields::SERVICE_OWN, ..Keys::default() };
    let mut entries = walk.service(raw, keys, &called);
    let name = name(walk, &mut entries, "service");
    let is_new = name.as_ref().is_none_or(|name| seen.is_new(walk, &entries, name, "service"));
    let slo = slo(walk, raw.get("slo").map(|slo| &slo.place), &entries);
    let (kind, recipe) = recipe(walk, raw, &entries);
    let Some(name) = name.filter(|_| is_new) else {
        walk.book.left_out_since(mark, &called);
        return Vec::new();
    };
    // Whoever mistyped a setting of a service did not mean this service to be restarted like that.
    let sound = !has_errors(walk, mark);
    walk.book.left_out_since(mark, &format!("restarts of service `{name}`; it is still watched"));
    let places = raw.get("in").and_then(Raw::table).unwrap_or_default();
    if raw.get("in").is_some() && places.is_empty() {
        let what = format!("service `{name}` runs in no environment");
        walk.book.error(&raw.place, what, "add `[service.in.prod]`");
    }
    let mut halves = Vec::new();
    for (env, place) in places {
        let mark = walk.book.drafts.len();
        let Some(around) = environment(walk, around, &env.name, &env.place, Severity::Error) else {
            walk.book.left_out_since(mark, &format!("{name}@{}", shown(&env.name)));
            walk.book.hide(place);
            continue;
        };
        let id = ServiceId { service: ServiceName::from(name.as_str()), env: around.env.name.clone() };
        let of = Of { id: &id, around, hosts, kind: entries.text("kind").unwrap_or(EXTERNAL) };
        let InPlace { on, checks, rollout, pipeline, whole } = in_place(walk, (env, place), &of);
        let changes = sound && whole;
        halves.push(Half {
            needs: entries.texts("needs").into_iter().map(|(text, place)| (text.to_owned(), place.clone())).collect(),
            service: Service {
                id,
                kind: if changes { kind.clone() } else { EXTERNAL.into() },
                owner: entries.owned("owner"),
                needs: Vec::new(),
                slo,
                recipe: if changes { recipe.clone() } else { Params::new() },
                hosts: on,
                checks,
                rollout,
                pipeline,
            },
        });
    }
    halves
}

fn has_errors(walk: &Walk<'_>, mark: usize) -> bool {
    walk.book.drafts.iter().skip(mark).any(|draft| draft.problem.severity == Severity::Error)
}

fn slo(walk: &mut Walk<'_>, place: Option<&Place>, entries: &Entries) -> Option<Slo> {
    let slo = entries.node("slo")?.value.as_object()?.clone();
    let place = place?;
    let objective = slo.get("objective")?.as_f64()?;
    let window_ms = slo.get("window").and_then(serde_json::Value::as_u64).unwrap_or(MONTH);
    if !(objective > 0.0 && objective < 100.0) {
        let what = format!("`objective` must be above 0 and below 100 percent, got {objective}");
        walk.book.error(place, what, "100 leaves no budget at all");
        return None;
    }
    if !(3_600_000..=400 * 86_400_000).contains(&window_ms) {
        walk.book.error(place, "`window` must be from 1h to 400d", "history is kept for 400 days");
        return None;
    }
    Some(Slo { objective, window_ms })
}

/// Reads the kind and its settings.
fn recipe(walk: &mut Walk<'_>, raw: &Raw, entries: &Entries) -> (Arc<str>, Params) {
    let external = (Arc::from(EXTERNAL), Params::new());
    let kind = entries.text("kind").unwrap_or(EXTERNAL);
    let settings = raw.get("recipe");
    let found = walk.catalog.recipes.iter().find(|recipe| recipe.name() == kind).copied();
    let Some(found) = found else {
        if kind != EXTERNAL {
            unknown_kind(walk, kind, entries.place_of("kind"));
        } else if let Some(settings) = settings {
            walk.book.warn(&settings.place, "`recipe` means nothing to a service of kind external", "");
        }
        if let Some(settings) = settings {
            walk.book.hide(settings);
        }
        return external;
    };
    let none = Raw { place: raw.place.clone(), value: crate::config::raw::Value::Table(Vec::new()) };
    let what = format!("the recipe of {}", called(raw, "service"));
    // What a recipe does not know yet may stand there for a later version; what it knows is always its own.
    let keys = Keys { fields: &[found.fields()], later: fields::LATER_RECIPE, ..Keys::default() };
    let mut recipe = walk.table(settings.unwrap_or(&none), keys, &what);
    broken_lines(walk, &mut recipe, found);
    walk.misfits(&mut recipe, found, &[]);
    let mut settings = recipe.params(&[]);
    found.complete(&mut settings);
    (found.name().into(), settings)
}

/// Refuses texts of more than one line where they are no scripts: shells cut a line break off the end of what a command says.
fn broken_lines(walk: &mut Walk<'_>, recipe: &mut Entries, kind: &dyn Kind) {
    let is_broken = |value: &serde_json::Value| value.as_str().is_some_and(|text| text.contains(char::is_control));
    for field in kind.fields().iter().filter(|field| !kind.scripts().contains(&field.name)) {
        let Some(node) = recipe.node(field.name) else { continue };
        let broken = is_broken(&node.value)
            || node.value.as_array().is_some_and(|list| list.iter().any(is_broken))
            || node
                .value
                .as_object()
                .is_some_and(|map| map.iter().any(|(key, value)| key.contains(char::is_control) || is_broken(value)));
        if broken {
            let (key, place) = (field.name, node.place.clone());
            walk.book.error(&place, format!("`{key}` must be one line, without tabs"), "");
            recipe.broken = true;
        }
    }
}

fn unknown_kind(walk: &mut Walk<'_>, kind: &str, place: &Place) {
    let known: Vec<_> = walk.catalog.recipes.iter().map(|recipe| recipe.name()).chain([EXTERNAL]).collect();
    if fields::LATER_KINDS.contains(&kind) {
        let what = format!("services of kind \"{kind}\" are only watched by this version");
        walk.book.warn(place, what, "");
        return;
    }
    let help = match closest(kind, known.iter().copied()) {
        Some(word) => format!("did you mean \"{word}\"?"),
        None => format!("kinds: {}", known.join(", ")),
    };
    walk.book.error(place, format!("there is no kind \"{}\"", shown(kind)), help);
}

/// A service in one environment.
struct InPlace {
    on: Vec<HostName>,
    checks: Vec<Arc<CheckSpec>>,
    rollout: Rollout,
    pipeline: Option<Arc<Pipeline>>,
    /// Whether nothing was wrong but checks: then it may be changed.
    whole: bool,
}

/// Which service it is about, and what is around it.
struct Of<'a> {
    id: &'a ServiceId,
    around: &'a Surroundings,
    hosts: &'a [Arc<Host>],
    /// Its kind as it is written.
    kind: &'a str,
}

/// Reads a service in one environment.
fn in_place(walk: &mut Walk<'_>, (env, raw): (&Key, &Raw), of: &Of<'_>) -> InPlace {
    let Of { id, around, hosts, .. } = of;
    let mark = walk.book.drafts.len();
    let keys = Keys { own: &["hosts", "checks", "rollout", "pipeline"], ..Keys::default() };
    let _only_keys = walk.table(raw, keys, &format!("`in.{}`", shown(&env.name)));
    let listed = raw.get("hosts");
    let parts = match listed {
        None => &[][..],
        Some(listed) => listed.list().unwrap_or_else(|| {
            walk.book.error(&listed.place, format!("`hosts` must be a list of hosts, not {}", listed.is_a()), "");
            &[]
        }),
    };
    let mut on: Vec<HostName> = Vec::new();
    let mut missing = false;
    for part in parts {
        let name = walk.value(part, &crate::config::Shape::Host, "hosts");
        let name = name.and_then(|node| node.value.as_str().map(HostName::from));
        let fits = name.as_ref().is_some_and(|name| belongs(walk, name, part, &around.env.name, hosts));
        match name.filter(|_| fits) {
            Some(name) if on.contains(&name) => {
                walk.book.warn(&part.place, format!("host `{name}` is listed twice"), "");
            }
            Some(name) => on.push(name),
            None => missing = true,
        }
    }
    let rollout = raw.get("rollout").map(|raw| rollout(walk, raw, &on, of)).unwrap_or_default();
    let pipeline = raw.get("pipeline").and_then(|raw| pipeline::build(walk, raw));
    let sound = !has_errors(walk, mark) && !missing;
    walk.book.left_out_since(mark, &format!("restarts of {id}; it is still watched"));
    let checks = raw.get("checks").map(|checks| checks::build(walk, checks, id, around)).unwrap_or_default();
    InPlace { on, checks, rollout, pipeline, whole: sound }
}

/// Reads how a change goes over the hosts.
fn rollout(walk: &mut Walk<'_>, raw: &Raw, on: &[HostName], of: &Of<'_>) -> Rollout {
    let entries = walk.table(raw, Keys { fields: &[fields::ROLLOUT], ..Keys::default() }, "`rollout`");
    let number = |key: &str| entries.node(key).and_then(|node| node.value.as_u64()).and_then(|n| u32::try_from(n).ok());
    let (parallel, mut canary) = (number("parallel").unwrap_or(1), Vec::new());
    let named = entries
        .texts("canary")
        .into_iter()
        .chain(entries.text("migrate_on").map(|on| (on, entries.place_of("migrate_on"))));
    for (name, place) in named {
        if !on.iter().any(|host| host.as_str() == name) {
            walk.book.error(place, format!("`{}` is no host of this service", shown(name)), "name one of its `hosts`");
        }
    }
    let sets = two_sets(walk, raw, &entries, on, of);
    if entries.text("strategy") != Some(sets::NAME) {
        canary.extend(entries.texts("canary").into_iter().map(|(name, _)| HostName::from(name)));
    }
    let strategy = match entries.text("strategy") {
        Some("all") => Strategy::All,
        Some("canary") => {
            let first = || on.first().cloned().into_iter().collect();
            Strategy::Canary { hosts: if canary.is_empty() { first() } else { canary }, then: parallel }
        }
        _ if !canary.is_empty() => {
            let help = "add `strategy = \"canary\"`, or leave `canary` out";
            walk.book.error(entries.place_of("canary"), "`canary` names hosts, and the strategy is another", help);
            Strategy::default()
        }
        _ if parallel == 1 => Strategy::OneByOne,
        _ => Strategy::Batches { size: parallel },
    };
    Rollout {
        strategy,
        sets: sets.map(Arc::new),
        max_failures: number("max_failures").unwrap_or(0),
        bake_ms: entries.count("bake").unwrap_or(0),
        undo: if entries.text("undo") == Some("ask") { UndoPolicy::Ask } else { UndoPolicy::Auto },
        staging_first_ms: entries.count("staging_first"),
        snapshot: entries.node("snapshot").and_then(|node| node.value.as_bool()).unwrap_or(true),
        dead_man_ms: entries.count("dead_man"),
        unattended: entries.node("unattended").and_then(|node| node.value.as_bool()).unwrap_or(false),
        migrate_on: entries.text("migrate_on").map(HostName::from),
    }
}

/// Reads the two sets of hosts, where the strategy is about them.
fn two_sets(walk: &mut Walk<'_>, raw: &Raw, entries: &Entries, on: &[HostName], of: &Of<'_>) -> Option<TwoSets> {
    if entries.text("strategy") != Some(sets::NAME) {
        for key in ["sets", "switch"] {
            if let Some(stray) = raw.get(key) {
                let what = format!("`{key}` is about two sets of hosts, and the strategy is another");
                walk.book.error(&stray.place, what, format!("add `strategy = \"{}\"`", sets::NAME));
            }
        }
        return None;
    }
    let recipes = walk.catalog.recipes;
    let known: Vec<&str> = recipes.iter().filter(|recipe| recipe.has_sets()).map(|recipe| recipe.name()).collect();
    let is_known = recipes.iter().any(|recipe| recipe.name() == of.kind) || of.kind == EXTERNAL;
    let refused = (is_known && !known.contains(&of.kind)).then_some((of.kind, known.as_slice()));
    let around = sets::Around { on, env: &of.around.env.name, hosts: of.hosts, refused };
    sets::build(walk, raw, entries, &around)
}

/// Holds a host to the environment of the service: whoever restarts in staging must not touch production.
pub(super) fn belongs(walk: &mut Walk<'_>, name: &HostName, part: &Raw, env: &EnvName, hosts: &[Arc<Host>]) -> bool {
    let Some(host) = hosts.iter().find(|host| host.name == *name) else {
        return walk.hosts.iter().any(|(known, state)| known == name.as_str() && *state == HostState::Valid);
    };
    match &host.env {
        Some(own) if own == env => true,
        Some(own) => {
            let what = format!("host `{name}` is in `{own}`, not in `{env}`");
            walk.book.error(&part.place, what, "a service runs on hosts of its own environment");
            false
        }
        None => {
            let what = format!("host `{name}` has no environment: it is a jump host only");
            walk.book.error(&part.place, what, format!("add `env = \"{env}\"` to the host"));
            false
        }
    }
}

/// Resolves what a service needs.
fn need(
    walk: &mut Walk<'_>,
    of: &ServiceId,
    text: &str,
    place: &Place,
    (ids, declared): (&[ServiceId], &[String]),
) -> Option<ServiceId> {
    let (service, env) = text.split_once('@').map_or((text, None), |(service, env)| (service, Some(env)));
    let id = ServiceId { service: service.into(), env: env.map_or_else(|| of.env.clone(), EnvName::from) };
    if id == *of {
        walk.book.warn(place, format!("{of} needs itself"), "");
        return None;
    }
    if ids.contains(&id) {
        return Some(id);
    }
    // A name alone asks for nothing where the needed service does not run.
    if env.is_none() && declared.iter().any(|known| known == service) {
        return None;
    }
    let names: Vec<String> = match env {
        Some(_) => ids.iter().map(ToString::to_string).collect(),
        None => declared.to_vec(),
    };
    let help = refer(text, names.iter().map(String::as_str), "services");
    let what = format!("`needs`: there is no service `{}`", shown(text));
    walk.book.add(place, Severity::Error, what, |problem| {
        problem.help = Some(help);
        problem.left_out = Some(format!("this need of {}", of.service));
    });
    None
}
