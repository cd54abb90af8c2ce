//! `[severity]`, `[[incident_type]]`, `[[team]]` and `[[contact]]`: what was agreed on for incidents. What is silent is as shipped.
use std::{path::Path, sync::Arc};

use serde_json::Value;

use super::{Seen, called, main, name, tables};
use crate::{
    config::{
        fields,
        problem::Severity,
        raw::Raw,
        walk::{Entries, Keys, Walk},
        words::{refer, shown},
    },
    core::{
        incidents::policy::{Business, Class, Contact, Member, Policy, SeverityPolicy, Team, Template},
        inventory::Inventory,
        runs::policy::Window,
        telling::{self, INTERNAL_PLACES, PLACES, Templates},
    },
};

/// Reads the policy.
pub(super) fn build(walk: &mut Walk<'_>, roots: &[Raw], inventory: &mut Inventory) {
    let mut policy = Policy::default();
    let said = tables(walk, roots, "team");
    policy.teams = list(walk, &said, "team", fields::TEAM, |_, name, entries| {
        let parts = entries.node("members").map_or(&[][..], |node| &node.parts);
        Team { name, members: parts.iter().map(|part| member(&part.value)).collect() }
    });
    let said = tables(walk, roots, "contact");
    let names: Vec<&str> = inventory.services.iter().map(|service| service.id.service.as_str()).collect();
    policy.contacts = list(walk, &said, "contact", fields::CONTACT, |walk, name, entries| {
        let services = entries.texts("services");
        for (service, place) in services.iter().filter(|(service, _)| !names.contains(service)) {
            let help = refer(service, names.iter().copied(), "services");
            walk.book.error(place, format!("there is no service `{}`", shown(service)), help);
        }
        Contact {
            name,
            role: entries.owned("role").unwrap_or_default(),
            reach: entries.owned("reach").unwrap_or_default(),
            responds_ms: entries.count("responds"),
            services: services.into_iter().map(|(service, _)| service.to_owned()).collect(),
        }
    });
    let said = tables(walk, roots, "incident_type");
    let books: Vec<String> = inventory.runbooks.iter().map(|book| book.name.clone()).collect();
    for class in list(walk, &said, "incident_type", fields::INCIDENT_TYPE, |walk, name, entries| {
        for (book, place) in
            entries.texts("runbooks").iter().filter(|(book, _)| !books.iter().any(|known| known == book))
        {
            let help = refer(book, books.iter().map(String::as_str), "runbooks");
            walk.book.error(place, format!("there is no runbook `{}`", shown(book)), help);
        }
        let texts = |key| entries.texts(key).into_iter().map(|(text, _)| text.to_owned()).collect::<Vec<_>>();
        let title = entries.owned("title").unwrap_or_else(|| name.clone());
        let template = template(walk, entries);
        Class { name, title, procedure: texts("procedure"), runbooks: texts("runbooks"), template }
    }) {
        match policy.classes.iter_mut().find(|known| known.name == class.name) {
            Some(known) => {
                if class.title != class.name {
                    known.title = class.title;
                }
                if !class.procedure.is_empty() {
                    known.procedure = class.procedure;
                }
                known.runbooks = class.runbooks;
                known.template = class.template;
            }
            None => policy.classes.push(class),
        }
    }
    if let Some(raw) = main(roots, "document") {
        let entries = walk.table(raw, Keys { fields: &[fields::DOCUMENT], ..Keys::default() }, "`document`");
        policy.template = template(walk, &entries);
    }
    if let Some(raw) = main(roots, "severity") {
        severities(walk, raw, &mut policy);
    }
    notified(walk, roots, &policy, inventory);
    inventory.policy = policy;
    if let Some(raw) = main(roots, "update") {
        inventory.updates = updates(walk, raw);
    }
}

/// Reads a template of documents; one that cannot be read leaves the built-in one.
fn template(walk: &mut Walk<'_>, entries: &Entries) -> Option<Arc<Template>> {
    let (said, place) = (entries.text("template")?, entries.place_of("template"));
    let dir = walk.book.source(place).and_then(|source| source.path().parent()).map(Path::to_owned);
    let path = walk.env.resolve(&dir.unwrap_or_default(), said);
    let shown_path = shown(&path.display().to_string());
    match crate::config::read_bounded(&path) {
        Ok(text) => Some(Arc::new(Template { path: shown_path, text })),
        Err(why) => {
            let what = format!("the template `{shown_path}` cannot be read: {why}");
            walk.book.error(place, what, "relative to this file; until then the built-in one is used");
            None
        }
    }
}

/// Reads how updates are worded. What everybody reads names no host.
fn updates(walk: &mut Walk<'_>, raw: &Raw) -> Templates {
    let entries = walk.table(raw, Keys { fields: &[fields::UPDATE], ..Keys::default() }, "`update`");
    let mut templates = Templates::default();
    for (key, is_public, of) in [("public", true, &mut templates.public), ("internal", false, &mut templates.internal)]
    {
        let Some(text) = entries.owned(key) else { continue };
        let fits = |name: &str| PLACES.contains(&name) && !(is_public && INTERNAL_PLACES.contains(&name));
        let wrong = telling::places(&text).find(|name| !fits(name)).map(str::to_owned);
        let known = PLACES.into_iter().filter(|name| fits(name)).map(|name| format!("{{{name}}}"));
        let known = known.collect::<Vec<_>>().join(", ");
        if let Some(name) = wrong {
            let what = format!("`{key}` cannot name {{{}}}", shown(&name));
            walk.book.error(entries.place_of(key), what, format!("it may name {known}"));
        } else if !telling::places(&text).any(|name| name == "text") {
            walk.book.error(entries.place_of(key), format!("`{key}` leaves out what is written"), "name {text} in it");
        } else {
            *of = text;
        }
    }
    templates
}

/// Reads a list of tables with names; what is wrong leaves out that one alone.
fn list<T>(
    walk: &mut Walk<'_>,
    said: &[&Raw],
    noun: &str,
    fields: &'static [crate::config::Field],
    mut make: impl FnMut(&mut Walk<'_>, String, &Entries) -> T,
) -> Vec<T> {
    let mut seen = Seen::default();
    let mut all = Vec::new();
    for raw in said {
        let (mark, called) = (walk.book.drafts.len(), called(raw, noun));
        let mut entries = walk.table(raw, Keys { fields: &[fields], ..Keys::default() }, &called);
        // A vendor's name is a name of people's: it may have blanks.
        let name = if noun == "contact" { entries.owned("name") } else { name(walk, &mut entries, noun) };
        let is_new = name.as_ref().is_none_or(|name| seen.is_new(walk, &entries, name, noun));
        match name.filter(|_| is_new && !entries.broken) {
            Some(name) => all.push(make(walk, name, &entries)),
            None => walk.book.left_out_since(mark, &called),
        }
    }
    all
}

fn member(of: &Value) -> Member {
    let text = |key: &str| of.get(key).and_then(Value::as_str).map(str::to_owned);
    Member { name: text("name").unwrap_or_default(), mail: text("mail"), phone: text("phone") }
}

fn severities(walk: &mut Walk<'_>, raw: &Raw, policy: &mut Policy) {
    let entries = walk.table(raw, Keys { fields: &[fields::SEVERITIES], ..Keys::default() }, "`severity`");
    if let Some(ms) = entries.count("bake") {
        if ms <= 86_400_000 {
            policy.bake_ms = ms;
        } else {
            walk.book.error(entries.place_of("bake"), "`bake` must be at most 1d", "");
        }
    }
    if let Some(text) = entries.text("business") {
        if let Some(business) = Window::parse(text).and_then(|window| business(&window)) {
            policy.business = business;
        } else {
            let what = format!("`business`: {:?} is no time of the week", shown(text));
            walk.book.error(entries.place_of("business"), what, "as in \"Mon-Fri 09:00-18:00\"; not over midnight");
        }
    }
    for (key, of) in ["P1", "P2", "P3", "P4"].into_iter().zip(&mut policy.severities) {
        if let Some(node) = entries.node(key) {
            one(&node.value, of);
        }
        let known = policy.teams.iter().any(|team| team.name == of.team);
        if !known && entries.node(key).is_some_and(|node| node.value.get("team").is_some()) {
            let help = refer(&of.team, policy.teams.iter().map(|team| team.name.as_str()), "teams");
            walk.book.error(entries.place_of(key), format!("there is no team `{}`", shown(&of.team)), help);
        }
    }
}

/// Says which names of notifiers are none, and which notifiers nobody names: those would tell nobody.
fn notified(walk: &mut Walk<'_>, roots: &[Raw], policy: &Policy, inventory: &Inventory) {
    let names = || inventory.notifiers.iter().map(|notifier| &*notifier.place.name);
    let said = main(roots, "severity");
    for (key, of) in ["P1", "P2", "P3", "P4"].into_iter().zip(&policy.severities) {
        let list = said.and_then(|said| said.get(key)?.get("notify")?.list()).unwrap_or_default();
        for (name, part) in of.notify.iter().zip(list) {
            if !names().any(|known| known == name) {
                let help = refer(name, names(), "notifiers");
                walk.book.error(&part.place, format!("there is no notifier `{}`", shown(name)), help);
            }
        }
    }
    let told = |name: &str| policy.severities.iter().any(|of| of.notify.iter().any(|known| known == name));
    let tables = roots.iter().filter_map(|root| root.get("notifier")?.list()).flatten();
    for name in tables.filter_map(|table| table.get("name")) {
        let text = name.text().unwrap_or_default();
        if names().any(|known| known == text) && !told(text) {
            let what = format!("no severity names the notifier `{}`: it tells nobody", shown(text));
            let help = format!("as in P1 = {{ notify = [\"{}\"] }} under [severity]", shown(text));
            walk.book.add(&name.place, Severity::Warning, what, |problem| problem.help = Some(help));
        }
    }
}

fn business(window: &Window) -> Option<Business> {
    let (days, (from, to)) = window.parts();
    let time = |minutes: u32| chrono::NaiveTime::from_hms_opt(minutes / 60, minutes % 60, 0);
    Some(Business { days, from: time(from)?, to: time(to).filter(|_| from < to)?, ..Business::default() })
}

fn one(said: &Value, of: &mut SeverityPolicy) {
    let text = |key: &str| said.get(key).and_then(Value::as_str).map(str::to_owned);
    let texts = |key: &str| -> Option<Vec<String>> {
        let list = said.get(key)?.as_array()?;
        Some(list.iter().filter_map(|text| text.as_str().map(str::to_owned)).collect())
    };
    for (key, clock) in [
        ("ack", &mut of.ack_ms),
        ("first_update", &mut of.first_update_ms),
        ("update_every", &mut of.update_every_ms),
        ("mitigate", &mut of.mitigate_ms),
        ("document", &mut of.document_ms),
        ("escalate", &mut of.escalate_ms),
    ] {
        if let Some(value) = said.get(key) {
            *clock = value.as_u64();
        }
    }
    of.business = said.get("business_hours").and_then(Value::as_bool).unwrap_or(of.business);
    of.team = text("team").unwrap_or_else(|| of.team.clone());
    of.notify = texts("notify").unwrap_or_default();
    of.alias = texts("alias").unwrap_or_else(|| of.alias.clone());
}
