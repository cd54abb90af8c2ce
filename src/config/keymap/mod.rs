//! Keymaps: which key does what, by where one is. The ids of actions are those of [`ACTIONS`].
use std::path::Path;

use super::{
    problem::{Problem, Severity, closest},
    raw::{Book, Key as Name, Place, Raw},
    words::shown,
};
use crate::core::action::{ACTIONS, Scope};

mod key;

pub use key::{BadKey, Code, Key};

/// The keymaps that come with the console: name and text.
pub const BUILT_IN: &[(&str, &str)] = &[
    ("default", include_str!("../../../keymaps/default.toml")),
    ("arrows", include_str!("../../../keymaps/arrows.toml")),
    ("emacs", include_str!("../../../keymaps/emacs.toml")),
];

/// A key bound to an action in one context.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Binding {
    scope: Scope,
    key: Key,
    action: &'static str,
}

/// Which key does what. Never empty: a wrong entry is left out, the rest holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keymap {
    /// Its name, or its file's.
    pub name: String,
    bindings: Vec<Binding>,
    /// Whether `^a` and `^b` may be bound: in `emacs` and what is made from it.
    prefixes: bool,
}

impl Default for Keymap {
    fn default() -> Self {
        Self::built_in("default").unwrap_or(Self { name: "default".into(), bindings: Vec::new(), prefixes: false })
    }
}

impl Keymap {
    /// Finds a keymap that comes with the console.
    pub fn built_in(name: &str) -> Option<Self> {
        let (name, text) = BUILT_IN.iter().find(|(known, _)| *known == name)?;
        Some(Self::parse(name, Path::new(name), text).0)
    }

    /// Loads a keymap by name, or from a file. On an error the part that is right is used.
    pub fn load(name: &str, file: &Path) -> (Self, Vec<Problem>) {
        if let Some(keymap) = Self::built_in(name) {
            return (keymap, Vec::new());
        }
        match super::read_bounded(file) {
            Ok(text) => Self::parse(name, file, &text),
            Err(what) => {
                let what = format!("keymap `{}` cannot be read: {what}", shown(name));
                let help = "use default, arrows, emacs or the path of a file";
                (Self::default(), vec![Problem::of_file(file, Severity::Error, what).help(help)])
            }
        }
    }

    /// Reads a keymap file's text. `name` is what it is called on screen.
    pub fn parse(name: &str, file: &Path, text: &str) -> (Self, Vec<Problem>) {
        let mut book = Book::default();
        let keymap = match book.read(file, text) {
            Some(root) => Self::of(name, &root, &mut book),
            None => Self::default(),
        };
        (keymap, book.finish())
    }

    fn of(name: &str, root: &Raw, book: &mut Book) -> Self {
        let parents: Vec<&str> = BUILT_IN.iter().map(|(name, _)| *name).collect();
        let parent = root.get("parent").and_then(|raw| match raw.text() {
            Some(parent) if parents.contains(&parent) && parent != name => Self::built_in(parent),
            _ => {
                book.error(&raw.place, format!("`parent` must be one of {}", parents.join(", ")), "");
                None
            }
        });
        let parent = parent.or_else(|| if parents.contains(&name) { None } else { Self::built_in("default") });
        let mut keymap = Self {
            name: name.to_owned(),
            prefixes: name == "emacs" || parent.as_ref().is_some_and(|parent| parent.prefixes),
            bindings: parent.map(|parent| parent.bindings).unwrap_or_default(),
        };
        for (key, table) in root.table().unwrap_or_default().iter().filter(|(key, _)| key.name != "parent") {
            let Some(scope) = Scope::ALL.iter().copied().find(|scope| scope.name() == key.name) else {
                let known: Vec<_> = Scope::ALL.iter().map(|scope| scope.name()).collect();
                let help = closest(&key.name, known.iter().copied())
                    .map_or_else(|| known.join(", "), |word| format!("did you mean `{word}`?"));
                book.error(&key.place, format!("there is no context `{}`", shown(&key.name)), help);
                continue;
            };
            let Some(actions) = table.table() else {
                book.error(&table.place, format!("`{}` must be a table of actions", key.name), "");
                continue;
            };
            keymap.bind_all(scope, actions, book);
        }
        keymap
    }

    fn bind_all(&mut self, scope: Scope, actions: &[(Name, Raw)], book: &mut Book) {
        let known: Vec<_> = actions.iter().map(|(name, keys)| (find(name, Severity::Error, book), keys)).collect();
        // All that the table names lose the parent's keys first, so that two actions can exchange theirs.
        self.bindings.retain(|binding| {
            binding.scope != scope || !known.iter().any(|(action, _)| *action == Some(binding.action))
        });
        let mut seen: Vec<(Key, &'static str, Place)> = Vec::new();
        for (action, keys) in known {
            let Some(action) = action else { continue };
            for (key, place) in self.keys(keys, book) {
                if let Some((_, other, at)) = seen.iter().find(|(bound, ..)| *bound == key) {
                    let line = book.pointer(&place, at);
                    let what =
                        format!("`{key}` is bound twice in `{}`: to `{other}` ({line}) and `{action}`", scope.name());
                    book.error(&place, what, "the first one holds");
                    continue;
                }
                if let Some(lost) = self.bindings.iter().find(|bound| bound.scope == scope && bound.key == key) {
                    let what = format!("`{key}` is bound to `{}` by the parent in `{}`", lost.action, scope.name());
                    let help = format!("give `{}` another key here, or [] for none", lost.action);
                    book.error(&place, what, help);
                    continue;
                }
                seen.push((key, action, place));
                self.bindings.push(Binding { scope, key, action });
            }
        }
    }

    /// Reads one key or a list of them.
    fn keys(&self, raw: &Raw, book: &mut Book) -> Vec<(Key, Place)> {
        let parts = raw.list().unwrap_or(std::slice::from_ref(raw));
        let mut keys = Vec::new();
        for part in parts {
            let Some(text) = part.text() else {
                book.error(&part.place, format!("expected a key, as in \"^p\", not {}", part.is_a()), "");
                continue;
            };
            match text.parse::<Key>() {
                Ok(key) => match self.forbidden(key) {
                    None => keys.push((key, part.place.clone())),
                    Some(why) => {
                        book.error(&part.place, format!("`{key}` cannot be bound: {why}"), "choose another key");
                    }
                },
                Err(bad) => {
                    let help = "a sign, ^p, S-Tab, Enter, Esc, Space, PgDn, F1 …";
                    book.error(&part.place, crate::parse::sanitise::line_max(bad.to_string(), 160), help);
                }
            }
        }
        keys
    }

    fn forbidden(&self, key: Key) -> Option<&'static str> {
        let Code::Char(letter) = key.code else { return None };
        match letter {
            's' | 'q' if key.ctrl => Some("terminals use it for flow control"),
            'h' if key.ctrl => Some("some terminals send it for Backspace"),
            'a' | 'b' if key.ctrl && !self.prefixes => Some("screen and tmux use it as prefix"),
            _ => None,
        }
    }

    /// Puts `[keys]` of the configuration over the keymap: action id to key or keys, which replace the ones it had.
    pub(crate) fn override_with(&mut self, raw: &Raw, book: &mut Book) {
        let Some(entries) = raw.table() else {
            book.error(&raw.place, format!("`keys` must be a table, not {}", raw.is_a()), "");
            return;
        };
        let mut seen: Vec<(Scope, Key, &'static str, Place)> = Vec::new();
        let mut lost: Vec<(&'static str, Key, Place)> = Vec::new();
        for (name, value) in entries {
            let Some(action) = find(name, Severity::Warning, book) else {
                book.hide(value);
                continue;
            };
            let mut scopes: Vec<_> = self.scopes_of(action);
            if scopes.is_empty() {
                scopes.extend(ACTIONS.iter().find(|entry| entry.id == action).map(|entry| entry.scope));
            }
            let keys = self.keys(value, book);
            self.bindings.retain(|binding| {
                binding.action != action || seen.iter().any(|(_, key, of, _)| *of == action && *key == binding.key)
            });
            for (key, place) in keys {
                let taken = seen.iter().find(|(scope, bound, ..)| scopes.contains(scope) && *bound == key);
                if let Some((_, _, other, at)) = taken {
                    let line = book.pointer(&place, at);
                    book.error(
                        &place,
                        format!("`{key}` is bound twice: to `{other}` ({line}) and `{action}`"),
                        "the first one holds",
                    );
                    continue;
                }
                for scope in &scopes {
                    if let Some(at) = self.bindings.iter().position(|bound| bound.scope == *scope && bound.key == key) {
                        lost.push((self.bindings.remove(at).action, key, place.clone()));
                    }
                    self.bindings.push(Binding { scope: *scope, key, action });
                    seen.push((*scope, key, action, place.clone()));
                }
            }
        }
        for (action, key, place) in lost {
            if self.keys_of(action).is_empty() && !entries.iter().any(|(name, _)| name.name == action) {
                let help = format!("give `{action}` another key, or reach it by the palette");
                book.warn(&place, format!("`{key}` was the only key of `{action}`"), help);
            }
        }
    }

    fn scopes_of(&self, action: &str) -> Vec<Scope> {
        let mut scopes: Vec<_> =
            self.bindings.iter().filter(|bound| bound.action == action).map(|bound| bound.scope).collect();
        scopes.sort_unstable();
        scopes.dedup();
        scopes
    }

    /// Finds what a key does in a context: in its own table first, then everywhere. A box has only its own keys.
    pub fn lookup(&self, context: &str, key: Key) -> Option<&'static str> {
        match self.own(context, key) {
            None if context != Scope::Box.name() => self.own(Scope::Everywhere.name(), key),
            found => found,
        }
    }

    /// Finds what a key does by a context's own table.
    pub fn own(&self, context: &str, key: Key) -> Option<&'static str> {
        self.bindings.iter().find(|bound| bound.key == key && bound.scope.name() == context).map(|bound| bound.action)
    }

    /// Lists the keys of an action, the one to show first, for help and hints.
    pub fn keys_of(&self, action: &str) -> Vec<Key> {
        let mut keys: Vec<Key> = Vec::new();
        for bound in self.bindings.iter().filter(|bound| bound.action == action) {
            if !keys.contains(&bound.key) {
                keys.push(bound.key);
            }
        }
        keys
    }

    /// Lists every binding: context, key and action id, in the order of the contexts.
    pub fn bindings(&self) -> Vec<(&'static str, Key, &'static str)> {
        let mut all: Vec<_> = self.bindings.iter().collect();
        all.sort_by_key(|bound| bound.scope);
        all.into_iter().map(|bound| (bound.scope.name(), bound.key, bound.action)).collect()
    }
}

fn find(name: &Name, severity: Severity, book: &mut Book) -> Option<&'static str> {
    let ids = || ACTIONS.iter().map(|entry| entry.id);
    if let Some(id) = ids().find(|id| *id == name.name) {
        return Some(id);
    }
    let suggestion = closest(&name.name, ids());
    // An action of a later version may stand in a shared configuration.
    let severity = if suggestion.is_some() { Severity::Error } else { severity };
    let help = suggestion.map_or_else(|| "`qd keys` lists them".to_owned(), |id| format!("did you mean `{id}`?"));
    book.add(&name.place, severity, format!("there is no action `{}`", shown(&name.name)), |problem| {
        problem.help = Some(help);
    });
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn built_in(name: &str) -> Keymap {
        let (_, text) = BUILT_IN.iter().find(|(known, _)| *known == name).unwrap();
        let (keymap, problems) = Keymap::parse(name, Path::new(name), text);
        assert_eq!(problems, [], "{name}");
        keymap
    }

    fn key(text: &str) -> Key {
        text.parse().unwrap()
    }

    #[test]
    fn every_shipped_keymap_is_without_problems_and_reaches_every_action() {
        let files = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/keymaps")).unwrap().count();
        assert_eq!(files, BUILT_IN.len());
        for (name, _) in BUILT_IN {
            let keymap = built_in(name);
            let without: Vec<_> =
                ACTIONS.iter().map(|entry| entry.id).filter(|id| keymap.keys_of(id).is_empty()).collect();
            let expected: &[&str] = if *name == "emacs" { &["half-page-down", "half-page-up"] } else { &[] };
            assert_eq!(without, expected, "{name}");
        }
    }

    #[test]
    fn keys_that_terminals_need_are_never_bound() {
        for (name, _) in BUILT_IN {
            let keymap = built_in(name);
            let never = if *name == "emacs" { &["^s", "^q", "^h"][..] } else { &["^s", "^q", "^h", "^a", "^b"] };
            for (context, bound, action) in keymap.bindings() {
                assert!(!never.contains(&bound.to_string().as_str()), "{name} {context} {action}");
            }
        }
    }

    #[test]
    fn arrows_need_no_letters_to_move() {
        let arrows = built_in("arrows");
        for entry in ACTIONS.iter().filter(|entry| entry.id.starts_with("move-") || entry.id.contains("page-")) {
            for key in arrows.keys_of(entry.id) {
                assert!(!matches!(key.code, Code::Char(_)), "{} {key}", entry.id);
            }
        }
    }

    #[test]
    fn a_pane_goes_before_everywhere_and_a_box_stands_alone() {
        let keymap = built_in("default");
        assert_eq!(keymap.lookup("hosts", key("r")), Some("reconnect-host"));
        assert_eq!(keymap.lookup("alerts", key("r")), None);
        assert_eq!(keymap.lookup("hosts", key("j")), Some("move-down"));
        assert_eq!(keymap.lookup("nowhere", key("?")), Some("open-help"));
        assert_eq!(keymap.lookup("box", key("y")), Some("say-yes"));
        assert_eq!(keymap.lookup("services", key("y")), Some("copy-line"));
        assert_eq!(keymap.lookup("box", key("q")), None);
        assert_eq!(keymap.keys_of("open-help"), [key("?"), key("F1")]);
    }

    #[test]
    fn everything_wrong_with_a_keymap_is_said_at_once() {
        let text = "parent = 'default'\n[everywhere]\nopen-help = ['^s', 'M-x']\nsort-row = 's'\ntoggle-time = ['t', 't']\ncopy-line = 'w'\nzoom-pane = 5\n[alrts]\na = 'b'\n";
        let (keymap, problems) = Keymap::parse("mine", Path::new("mine.toml"), text);
        let lines: Vec<_> = problems.iter().map(Problem::one_line).collect();
        assert_eq!(
            lines,
            [
                "mine.toml:3:14: `^s` cannot be bound: terminals use it for flow control",
                "mine.toml:3:20: `M-x` needs Alt, which begins with Esc: Esc would have to wait for it",
                "mine.toml:4:1: there is no action `sort-row`",
                "mine.toml:5:21: `t` is bound twice in `everywhere`: to `toggle-time` (line 5) and `toggle-time`",
                "mine.toml:7:13: expected a key, as in \"^p\", not a whole number",
                "mine.toml:8:2: there is no context `alrts`",
            ]
        );
        assert_eq!(keymap.lookup("services", key("w")), Some("copy-line"));
        let (_, problems) = Keymap::parse("mine", Path::new("mine.toml"), "[everywhere]\ncopy-line = 'w'\n");
        assert_eq!(problems[0].what, "`w` is bound to `zoom-pane` by the parent in `everywhere`");
    }

    fn overridden(text: &str) -> (Keymap, Vec<String>) {
        let mut book = Book::default();
        let root = book.read(Path::new("qd.toml"), text).unwrap();
        let mut keymap = built_in("default");
        keymap.override_with(root.get("keys").unwrap(), &mut book);
        (keymap, book.finish().iter().map(Problem::one_line).collect())
    }

    #[test]
    fn the_configuration_overrides_keys() {
        let (keymap, problems) = overridden("[keys]\nzoom-pane = 'z'\ncopy-line = ['w', 'Y']\n");
        assert_eq!(problems, Vec::<String>::new());
        assert_eq!(keymap.lookup("services", key("w")), Some("copy-line"));
        assert_eq!(keymap.lookup("services", key("z")), Some("zoom-pane"));
        assert_eq!(keymap.lookup("services", key("y")), None);

        let (keymap, problems) =
            overridden("[keys]\ncopy-line = 'w'\ntoggle-golden-signals = 'v'\ntoggle-time = 'w'\n");
        assert_eq!(
            problems,
            [
                "qd.toml:3:1: there is no action `toggle-golden-signals`",
                "qd.toml:4:15: `w` is bound twice: to `copy-line` (line 2) and `toggle-time`",
            ]
        );
        assert_eq!(keymap.lookup("hosts", key("w")), Some("copy-line"));
    }
}
