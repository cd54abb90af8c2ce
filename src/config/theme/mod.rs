//! Themes: what each [`Role`] looks like in true colour, 256 colours, 16 colours and none.
//!
//! A theme is data (`themes/*.toml`, or a file of one's own that changes some roles of a parent). The rules of the console, such as the
//! double frame around a change in production, are not themeable; the colour of production must be readable and unlike those of down and
//! staging, which is checked here.
use std::{ops::Range, path::Path};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{
    problem::{Problem, Severity, closest},
    source::Source,
};

pub mod colour;
mod role;

pub use colour::{Colour, Rgb};
pub use role::Role;

/// The themes that come with the console: name and text.
pub const BUILT_IN: &[(&str, &str)] = &[
    ("dark", include_str!("../../../themes/dark.toml")),
    ("light", include_str!("../../../themes/light.toml")),
    ("cb", include_str!("../../../themes/cb.toml")),
    ("mono", include_str!("../../../themes/mono.toml")),
];

/// How many colours the terminal has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ColourDepth {
    /// None: weight, glyphs and words carry everything.
    Mono,
    /// The terminal's own palette.
    Ansi16,
    /// The xterm palette.
    Ansi256,
    /// 24 bits.
    True,
}

impl ColourDepth {
    /// Guesses from the environment: `NO_COLOR`, `TERM`, `COLORTERM`.
    pub fn detect(variable: impl Fn(&str) -> Option<String>) -> Self {
        let is = |name: &str| variable(name).unwrap_or_default().to_lowercase();
        let (term, colorterm) = (is("TERM"), is("COLORTERM"));
        if !is("NO_COLOR").is_empty() || matches!(term.as_str(), "" | "dumb" | "vt100" | "vt102" | "vt220") {
            Self::Mono
        } else if matches!(colorterm.as_str(), "truecolor" | "24bit") || term.ends_with("-direct") {
            Self::True
        } else if term.contains("256color") || ["alacritty", "kitty", "foot"].iter().any(|name| term.contains(name)) {
            Self::Ansi256
        } else {
            Self::Ansi16
        }
    }
}

#[expect(clippy::struct_excessive_bools, reason = "each is one attribute of a terminal, on or off")]
/// What a role looks like on one terminal. Plain data: the interface turns it into its own style.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RoleStyle {
    /// Colour of the text; none is the terminal's own.
    pub fg: Option<Colour>,
    /// Colour of the ground; none leaves what is there.
    pub bg: Option<Colour>,
    /// Heavier.
    pub bold: bool,
    /// Lighter (SGR 2).
    pub faint: bool,
    /// Underlined.
    pub underline: bool,
    /// Text and ground exchanged.
    pub reverse: bool,
}

/// One role in a theme.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Paint {
    rgb: Rgb,
    ansi256: u8,
    ansi16: RoleStyle,
    mono: RoleStyle,
    bold: bool,
}

/// A theme: every role has a look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Theme {
    /// Its name, or its file's.
    pub name: String,
    /// Whether it is for light terminals.
    pub light: bool,
    /// Whether the terminal's own ground stays.
    pub terminal_ground: bool,
    /// Whether SGR 2 stands for bright black in 16 colours.
    pub dim16_faint: bool,
    /// Most colours it uses.
    pub depth: ColourDepth,
    paints: Vec<Paint>,
}

impl Default for Theme {
    fn default() -> Self {
        Self::built_in("dark").unwrap_or_else(|| Self::blank("dark"))
    }
}

impl Theme {
    /// Finds a theme that comes with the console.
    pub fn built_in(name: &str) -> Option<Self> {
        let (name, text) = BUILT_IN.iter().find(|(known, _)| *known == name)?;
        Some(Self::parse(name, Path::new(name), text).0)
    }

    /// Loads a theme by name, or from a file.
    ///
    /// On an error the part that is right is used, or else `dark`.
    pub fn load(name: &str, file: &Path) -> (Self, Vec<Problem>) {
        if let Some(theme) = Self::built_in(name) {
            return (theme, Vec::new());
        }
        match super::read_bounded(file) {
            Ok(text) => Self::parse(name, file, &text),
            Err(what) => {
                let what = format!("theme `{name}` cannot be read: {what}");
                let names: Vec<_> = BUILT_IN.iter().map(|(name, _)| *name).collect();
                let help = format!("use {} or the path of a file", names.join(", "));
                (Self::default(), vec![Problem::of_file(file, Severity::Error, what).help(help)])
            }
        }
    }

    /// Reads a theme file's text. `name` is what it is called on screen.
    pub fn parse(name: &str, file: &Path, text: &str) -> (Self, Vec<Problem>) {
        let mut parser = Parser { source: Source::new(file, text), problems: Vec::new() };
        let (root, errors) = DeTable::parse_recoverable(text);
        for error in &errors {
            let span = error.span().unwrap_or_default();
            parser.error(&span, error.message().to_owned(), None);
        }
        if !errors.is_empty() {
            return (Self::default(), parser.finish());
        }
        parser.source.learn(&root);
        let theme = parser.theme(name, root.get_ref());
        (theme, parser.finish())
    }

    fn blank(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            light: false,
            terminal_ground: false,
            dim16_faint: false,
            depth: ColourDepth::True,
            paints: vec![Paint::default(); Role::ALL.len()],
        }
    }

    fn paint(&self, role: Role) -> Paint {
        self.paints.get(role as usize).copied().unwrap_or_default()
    }

    /// Returns a role's colour in true colour, which contrast is measured with.
    pub fn rgb(&self, role: Role) -> Rgb {
        self.paint(role).rgb
    }

    /// Returns a role's colour in 256 colours, as what xterm shows for it.
    pub fn rgb256(&self, role: Role) -> Rgb {
        colour::xterm(self.paint(role).ansi256)
    }

    /// Returns a role's look. Grounds set `bg`, all others `fg`; below 256 colours grounds are not painted.
    pub fn style(&self, role: Role, depth: ColourDepth) -> RoleStyle {
        let paint = self.paint(role);
        let colour = match depth.min(self.depth) {
            ColourDepth::True => Colour::Rgb(paint.rgb),
            ColourDepth::Ansi256 => Colour::Indexed(paint.ansi256),
            ColourDepth::Ansi16 if self.dim16_faint && paint.ansi16.fg == Some(Colour::Ansi(8)) => {
                return RoleStyle { fg: None, faint: true, ..paint.ansi16 };
            }
            ColourDepth::Ansi16 => return paint.ansi16,
            ColourDepth::Mono => return paint.mono,
        };
        if role == Role::Surface && self.terminal_ground {
            return RoleStyle::default();
        }
        let (fg, bg) = if role.is_ground() { (None, Some(colour)) } else { (Some(colour), None) };
        RoleStyle { fg, bg, bold: paint.bold, ..RoleStyle::default() }
    }

    /// Returns a role's look on a ground: text on a band, a selected row.
    ///
    /// In 16 colours and none a ground that is shown by `reverse` is left to the widget, so that bars and pills stay readable.
    pub fn on(&self, role: Role, ground: Role, depth: ColourDepth) -> RoleStyle {
        let text = self.style(role, depth);
        RoleStyle { bg: self.style(ground, depth).bg.or(text.bg), ..text }
    }

    /// Returns a solid pill in a role's colour: badge, mode, DOWN, the current phase.
    pub fn pill(&self, role: Role, depth: ColourDepth) -> RoleStyle {
        let style = self.style(role, depth);
        match style.fg {
            Some(fill) => {
                RoleStyle { fg: self.style(Role::OnFill, depth).fg, bg: Some(fill), bold: true, ..RoleStyle::default() }
            }
            None => RoleStyle { bold: true, reverse: true, faint: false, ..style },
        }
    }
}

/// Reads one theme file and gathers what is wrong with it.
struct Parser {
    source: Source,
    problems: Vec<(Problem, Range<usize>)>,
}

const KEYS: &[&str] = &["parent", "ground", "background", "dim16", "depth", "roles"];
const LOOKS: &[&str] = &["rgb", "ansi256", "ansi16", "mono", "bold"];
const WORDS: &[&str] = &["default", "none", "plain", "bold", "faint", "underline", "reverse", "on"];

impl Parser {
    fn error(&mut self, span: &Range<usize>, what: impl Into<String>, help: Option<String>) {
        let mut problem = self.source.problem(span, Severity::Error, what);
        problem.help = help;
        self.problems.push((problem, span.clone()));
    }

    fn finish(self) -> Vec<Problem> {
        let Self { source, mut problems } = self;
        problems.sort_by_key(|(_, span)| span.start);
        problems.into_iter().map(|(problem, span)| Problem { excerpt: source.excerpt(&span), ..problem }).collect()
    }

    fn unknown(&mut self, what: &str, key: &Spanned<impl AsRef<str>>, known: &[&str]) {
        let name = key.get_ref().as_ref();
        let help = closest(name, known.iter().copied())
            .map_or_else(|| format!("known: {}", known.join(", ")), |word| format!("did you mean `{word}`?"));
        self.error(&key.span(), format!("unknown {what} `{name}`"), Some(help));
    }

    fn choice(&mut self, value: &Spanned<DeValue<'_>>, words: &[&str]) -> Option<String> {
        if let Some(word) = value.get_ref().as_str().filter(|word| words.contains(word)) {
            return Some(word.to_owned());
        }
        self.error(&value.span(), format!("expected one of {}", quoted(words)), None);
        None
    }

    fn theme(&mut self, name: &str, root: &DeTable<'_>) -> Theme {
        let parents: Vec<&str> = BUILT_IN.iter().map(|(name, _)| *name).collect();
        let base = if BUILT_IN.first().is_some_and(|(first, _)| *first == name) { None } else { Some("dark") };
        let parent = match root.get("parent") {
            Some(value) => self.choice(value, &parents).filter(|parent| parent != name),
            None => base.map(str::to_owned),
        };
        let mut theme = parent.and_then(|parent| Theme::built_in(&parent)).unwrap_or_else(|| Theme::blank(name));
        name.clone_into(&mut theme.name);
        for (key, value) in in_order(root) {
            match key.get_ref().as_ref() {
                "parent" => {}
                "ground" => {
                    if let Some(word) = self.choice(value, &["dark", "light"]) {
                        theme.light = word == "light";
                    }
                }
                "background" => {
                    if let Some(word) = self.choice(value, &["paint", "terminal"]) {
                        theme.terminal_ground = word == "terminal";
                    }
                }
                "dim16" => {
                    if let Some(word) = self.choice(value, &["bright-black", "faint"]) {
                        theme.dim16_faint = word == "faint";
                    }
                }
                "depth" => match self.choice(value, &["mono", "16", "256", "true"]).as_deref() {
                    Some("mono") => theme.depth = ColourDepth::Mono,
                    Some("16") => theme.depth = ColourDepth::Ansi16,
                    Some("256") => theme.depth = ColourDepth::Ansi256,
                    _ => theme.depth = ColourDepth::True,
                },
                "roles" => match value.get_ref().as_table() {
                    Some(roles) => self.roles(&mut theme, roles),
                    None => self.error(&value.span(), "expected a table of roles", None),
                },
                _ => self.unknown("key", key, KEYS),
            }
        }
        self.production(&mut theme, root);
        theme
    }

    fn roles(&mut self, theme: &mut Theme, roles: &DeTable<'_>) {
        for (key, value) in in_order(roles) {
            let Some(role) = Role::by_name(key.get_ref()) else {
                let names: Vec<_> = Role::ALL.iter().map(|role| role.name()).collect();
                self.unknown("role", key, &names);
                continue;
            };
            let mut paint = theme.paint(role);
            if let Some(text) = value.get_ref().as_str() {
                // A bare colour: the nearest of the 256 goes with it.
                match Rgb::parse(text) {
                    Some(rgb) => (paint.rgb, paint.ansi256) = (rgb, colour::nearest256(rgb)),
                    None => self.error(&value.span(), "expected a colour, as in \"#7fb0f2\"", None),
                }
            } else if let Some(looks) = value.get_ref().as_table() {
                self.looks(&mut paint, looks, role);
            } else {
                self.error(&value.span(), "expected a colour or a table of rgb, ansi256, ansi16, mono", None);
            }
            if let Some(slot) = theme.paints.get_mut(role as usize) {
                *slot = paint;
            }
        }
    }

    fn looks(&mut self, paint: &mut Paint, looks: &DeTable<'_>, role: Role) {
        for (key, value) in in_order(looks) {
            let text = value.get_ref().as_str();
            match key.get_ref().as_ref() {
                "rgb" => match text.and_then(Rgb::parse) {
                    Some(rgb) => {
                        paint.rgb = rgb;
                        if !looks.contains_key("ansi256") {
                            paint.ansi256 = colour::nearest256(rgb);
                        }
                    }
                    None => self.error(&value.span(), "expected a colour, as in \"#7fb0f2\"", None),
                },
                "ansi256" => match value.get_ref().as_integer().and_then(|n| n.as_str().parse().ok()) {
                    Some(index) => paint.ansi256 = index,
                    None => self.error(&value.span(), "expected a number from 0 to 255", None),
                },
                "ansi16" => match text.map(look) {
                    Some(Ok(style)) => paint.ansi16 = style,
                    Some(Err(word)) => self.error(&value.span(), unclear(&word), None),
                    None => self.error(&value.span(), "expected words, as in \"12 bold\"", None),
                },
                "mono" => match text.map(look) {
                    Some(Ok(style)) if style.fg.is_none() && style.bg.is_none() => paint.mono = style,
                    Some(Ok(_)) => self.error(&value.span(), "mono has no colours", None),
                    Some(Err(word)) => self.error(&value.span(), unclear(&word), None),
                    None => self.error(&value.span(), "expected words, as in \"bold\"", None),
                },
                "bold" => match value.get_ref().as_bool() {
                    Some(bold) => paint.bold = bold,
                    None => self.error(&value.span(), "expected true or false", None),
                },
                _ => self.unknown(&format!("look of `{}`", role.name()), key, LOOKS),
            }
        }
    }

    /// Holds what no theme may give up: production is readable, and is not taken for broken or for a rehearsal.
    fn production(&mut self, theme: &mut Theme, root: &DeTable<'_>) {
        let span =
            root.get("roles").and_then(|roles| roles.get_ref().get("prod")).map_or_else(Range::default, Spanned::span);
        let surface = theme.rgb(Role::Surface);
        let mut wrong = Vec::new();
        for role in [Role::Prod, Role::Armed] {
            let contrast = colour::contrast(theme.rgb(role), surface);
            if contrast < 4.5 {
                wrong.push(format!("`{}` has contrast {contrast:.1} on surface; at least 4.5 is needed", role.name()));
            }
        }
        for other in [Role::Down, Role::Staging] {
            let apart = colour::difference(theme.rgb(Role::Prod), theme.rgb(other));
            let same16 = theme.paint(Role::Prod).ansi16.fg == theme.paint(other).ansi16.fg;
            if apart < LEAST_DIFFERENCE || same16 {
                wrong.push(format!("`prod` looks like `{}`", other.name()));
            }
        }
        if wrong.is_empty() {
            return;
        }
        for what in wrong {
            let help = "production keeps the parent's colours until this is mended";
            self.error(&span, what, Some(help.to_owned()));
        }
        let safe = Theme::built_in(if theme.light { "light" } else { "dark" }).unwrap_or_else(|| Theme::blank("dark"));
        for role in [Role::Prod, Role::Armed, Role::Down, Role::Staging, Role::Surface] {
            if let Some(slot) = theme.paints.get_mut(role as usize) {
                *slot = safe.paint(role);
            }
        }
    }
}

/// CIE76 distance at which two badges are told apart at a glance; the shipped themes keep more than this.
const LEAST_DIFFERENCE: f64 = 20.0;

fn unclear(word: &str) -> String {
    format!("`{word}` is no look; expected {} or a number from 0 to 15", quoted(WORDS))
}

fn quoted(words: &[&str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

fn in_order<'t, 'a>(table: &'t DeTable<'a>) -> Vec<(&'t Spanned<std::borrow::Cow<'a, str>>, &'t Spanned<DeValue<'a>>)> {
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    entries
}

/// Reads `12 bold`, `on 3`, `default`, `none`.
fn look(text: &str) -> Result<RoleStyle, String> {
    let mut style = RoleStyle::default();
    let mut ground = false;
    for word in text.split_whitespace() {
        match word {
            "default" | "none" | "plain" => {}
            "bold" => style.bold = true,
            "faint" => style.faint = true,
            "underline" => style.underline = true,
            "reverse" => style.reverse = true,
            "on" => ground = true,
            number => {
                let number: u8 = number.parse().ok().filter(|n| *n < 16).ok_or_else(|| number.to_owned())?;
                *(if ground { &mut style.bg } else { &mut style.fg }) = Some(Colour::Ansi(number));
            }
        }
    }
    Ok(style)
}

#[cfg(test)]
mod tests;
