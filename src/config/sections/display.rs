//! `[display]`, `[keys]`, `[ssh]`, `[store]` and `[write]`: what is wrong falls back to the default.
use std::path::{Path, PathBuf};

use super::main;
use crate::{
    config::{
        fields,
        keymap::{self, Keymap},
        load::Settings,
        problem::closest,
        raw::Raw,
        theme::{self, Theme},
        walk::{Entries, Keys, Walk},
        words::shown,
    },
    core::{inventory::Inventory, runs::policy::Grave},
};

/// Reads the sections that only the main file has.
pub(super) fn build(walk: &mut Walk<'_>, roots: &[Raw], inventory: &mut Inventory, settings: &mut Settings) {
    if let Some(raw) = main(roots, "display") {
        let keys = Keys { fields: &[fields::DISPLAY], ..Keys::default() };
        let entries = walk.table(raw, keys, "`display`");
        display(walk, &entries, inventory, settings);
    }
    if let Some(raw) = main(roots, "keys") {
        settings.keymap.override_with(raw, &mut walk.book);
        for (action, keys) in raw.table().unwrap_or_default() {
            let keys: Vec<_> = keys.list().unwrap_or(std::slice::from_ref(keys)).iter().filter_map(Raw::text).collect();
            inventory.display.keys.insert(action.name.clone(), keys.join(" "));
        }
    }
    if let Some(raw) = main(roots, "ssh") {
        let entries = walk.table(raw, Keys { fields: &[fields::SSH], ..Keys::default() }, "`ssh`");
        let files: Vec<PathBuf> =
            entries.texts("known_hosts").into_iter().map(|(file, _)| PathBuf::from(file)).collect();
        if entries.node("known_hosts").is_some() && files.is_empty() {
            let help = "name a file, or leave it out to read those that OpenSSH reads";
            walk.book.error(entries.place_of("known_hosts"), "`known_hosts` names no file", help);
        } else if !files.is_empty() {
            settings.known_hosts = Some(files);
        }
    }
    if let Some(raw) = main(roots, "store") {
        let entries = walk.table(raw, Keys { fields: &[fields::STORE], ..Keys::default() }, "`store`");
        if let Some(path) = entries.text("path") {
            settings.store = PathBuf::from(path);
        }
        let day = 86_400_000;
        if let Some(ms) = within(walk, &entries, "samples", (day, 400 * day), "from 1d to 400d") {
            settings.samples_ms = ms;
        }
    }
    if let Some(raw) = main(roots, "write") {
        let entries = walk.table(raw, Keys { fields: &[fields::WRITE], ..Keys::default() }, "`write`");
        let grave = |word: &str| Grave::ALL.into_iter().find(|grave| grave.word() == word);
        inventory.write.second_person =
            entries.texts("second_person").into_iter().filter_map(|(word, _)| grave(word)).collect();
        if let Some(ms) = within(walk, &entries, "arm", (30_000, 3_600_000), "from 30s to 1h") {
            inventory.write.arm_ms = ms;
        }
    }
}

/// Reads a duration within bounds.
pub(super) fn within(
    walk: &mut Walk<'_>,
    entries: &Entries,
    key: &str,
    (least, most): (u64, u64),
    words: &str,
) -> Option<u64> {
    let ms = entries.count(key)?;
    if (least..=most).contains(&ms) {
        return Some(ms);
    }
    walk.book.error(entries.place_of(key), format!("`{key}` must be {words}"), "");
    None
}

fn display(walk: &mut Walk<'_>, entries: &Entries, inventory: &mut Inventory, settings: &mut Settings) {
    if let Some(name) = entries.text("theme") {
        let names: Vec<_> = theme::BUILT_IN.iter().map(|(name, _)| *name).collect();
        if let Some(file) = file_of(walk, entries, "theme", &names) {
            let (theme, problems) = Theme::load(name, &file);
            settings.theme = theme;
            walk.book.loose.extend(problems);
            inventory.display.theme = chosen(name, &names, &file);
        }
    }
    if let Some(name) = entries.text("keymap") {
        let names: Vec<_> = keymap::BUILT_IN.iter().map(|(name, _)| *name).collect();
        if let Some(file) = file_of(walk, entries, "keymap", &names) {
            let (keymap, problems) = Keymap::load(name, &file);
            settings.keymap = keymap;
            walk.book.loose.extend(problems);
            inventory.display.keymap = chosen(name, &names, &file);
        }
    }
    if let Some(glyphs) = entries.owned("glyphs") {
        inventory.display.glyphs = glyphs;
    }
    if let Some(name) = entries.text("timezone") {
        if let Ok(timezone) = name.parse() {
            inventory.display.timezone = timezone;
        } else {
            let what = format!("there is no time zone \"{}\"", shown(name));
            walk.book.error(entries.place_of("timezone"), what, zone_help(name));
        }
    }
}

/// Suggests a time zone: the one of the same city, or one written alike.
fn zone_help(name: &str) -> String {
    let names = || chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name());
    let city = |zone: &str| zone.rsplit('/').next().unwrap_or_default().to_lowercase().replace('_', " ");
    let same_city = names().find(|zone| city(zone) == city(name));
    match same_city.or_else(|| closest(name, names())) {
        Some(zone) => format!("did you mean \"{zone}\"?"),
        None => "a name of the IANA list, as in America/Bogota".to_owned(),
    }
}

fn chosen(name: &str, names: &[&str], file: &Path) -> String {
    if names.contains(&name) { name.to_owned() } else { file.display().to_string() }
}

/// Finds the file of a theme or keymap; a word that is neither a name nor a path is an error.
fn file_of(walk: &mut Walk<'_>, entries: &Entries, key: &str, names: &[&str]) -> Option<PathBuf> {
    let name = entries.text(key)?;
    if names.contains(&name) {
        return Some(PathBuf::from(name));
    }
    let place = entries.place_of(key);
    let is_path = name.contains('/') || Path::new(name).extension().is_some_and(|extension| extension == "toml");
    if is_path {
        let dir = walk.book.source(place)?.path().parent().map(Path::to_owned).unwrap_or_default();
        return Some(walk.env.resolve(&dir, name));
    }
    let help = match closest(name, names.iter().copied()) {
        Some(word) => format!("did you mean \"{word}\"?"),
        None => format!("{}, or the path of a file", names.join(", ")),
    };
    walk.book.error(place, format!("there is no {key} \"{}\"", shown(name)), help);
    None
}
