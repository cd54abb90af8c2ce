//! `[[maintenance]]`: planned work. What cannot be read is an error: a window that is silently none would page at night.
use super::{Seen, called, name};
use crate::{
    config::{
        fields,
        raw::Raw,
        walk::{Entries, Keys, Walk},
        words::{refer, shown},
    },
    core::{
        id::ServiceId,
        inventory::Inventory,
        services::maintenance::{Plan, When},
    },
};

/// Builds the plans. What is wrong leaves out that plan alone.
pub(super) fn build(walk: &mut Walk<'_>, tables: &[&Raw], inventory: &Inventory) -> Vec<Plan> {
    let mut seen = Seen::default();
    let mut all = Vec::new();
    for raw in tables {
        let mark = walk.book.drafts.len();
        let called = called(raw, "maintenance");
        let keys = Keys { fields: &[fields::MAINTENANCE], ..Keys::default() };
        let mut entries = walk.table(raw, keys, &called);
        let name = name(walk, &mut entries, "maintenance");
        let is_new = name.as_ref().is_none_or(|name| seen.is_new(walk, &entries, name, "maintenance"));
        let when = when(walk, &entries);
        let zone = zone(walk, &entries);
        let services = services(walk, &entries, inventory);
        let parts = (name, when, zone, services);
        if let ((Some(name), Some(when), Some(zone), Some(services)), true) = (parts, is_new && !entries.broken) {
            all.push(Plan { name, services, zone, when, why: entries.owned("why").unwrap_or_default() });
        } else {
            walk.book.left_out_since(mark, &called);
        }
    }
    all
}

fn when(walk: &mut Walk<'_>, entries: &Entries) -> Option<When> {
    match (entries.text("at"), entries.text("from"), entries.text("to")) {
        (Some(at), None, None) => {
            let when = When::parse(at);
            if when.is_none() {
                let what = format!("`at`: {:?} is no time of the week", shown(at));
                let help = "as in \"Sun 02:00-04:00\", \"first Sun 02:00-06:00\", \"daily 22:00-23:00\"";
                walk.book.error(entries.place_of("at"), what, help);
            }
            when
        }
        (None, Some(from), Some(to)) => once(walk, entries, (from, to)),
        (_, _, _) => {
            let help = "either at = \"Sun 02:00-04:00\", or from and to";
            walk.book.error(&entries.place, "it is not said when", help);
            None
        }
    }
}

fn once(walk: &mut Walk<'_>, entries: &Entries, (from, to): (&str, &str)) -> Option<When> {
    match (When::moment(from), When::moment(to)) {
        (Some(from), Some(to)) if from < to => return Some(When::Once { from, to }),
        (Some(_), Some(_)) => walk.book.error(entries.place_of("to"), "it ends before it begins", "set a later `to`"),
        (read, _) => {
            let key = if read.is_none() { "from" } else { "to" };
            let what = format!("`{key}` is no day and time");
            walk.book.error(entries.place_of(key), what, "as in \"2026-12-20 02:00\"");
        }
    }
    None
}

fn zone(walk: &mut Walk<'_>, entries: &Entries) -> Option<chrono_tz::Tz> {
    let text = entries.text("timezone")?;
    let zone = text.parse().ok();
    if zone.is_none() {
        let what = format!("there is no time zone \"{}\"", shown(text));
        walk.book.error(entries.place_of("timezone"), what, "as in \"America/Bogota\", \"Europe/Berlin\" or \"UTC\"");
    }
    zone
}

/// Returns the services; none where one is named that is not there: nothing else is muted for it.
fn services(walk: &mut Walk<'_>, entries: &Entries, inventory: &Inventory) -> Option<Vec<ServiceId>> {
    let known: Vec<String> = inventory.services.iter().map(|service| service.id.to_string()).collect();
    let mut all = Some(Vec::new());
    for (text, place) in entries.texts("services") {
        if let Some(id) = text.parse::<ServiceId>().ok().filter(|id| inventory.service(id).is_some()) {
            if let Some(all) = &mut all {
                all.push(id);
            }
        } else {
            let help = refer(text, known.iter().map(String::as_str), "services");
            walk.book.error(place, format!("there is no service `{}`", shown(text)), help);
            all = None;
        }
    }
    all
}
