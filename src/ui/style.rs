//! From roles to the terminal: the only place that knows colours.
//!
//! Views say what a piece of text *is* ([`Ink`]: a role, perhaps a pill); a [`Look`] turns that into what this terminal can show.
use ratatui::style::{Color, Modifier, Style};

use super::glyphs::Glyphs;
use crate::config::theme::{Colour, ColourDepth, Rgb, Role, RoleStyle, Theme};

/// How a piece of text is drawn, in words that every theme has an answer to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ink {
    /// What it is.
    pub role: Role,
    /// What it stands on, where that is not the ground of its surroundings.
    pub on: Option<Role>,
    /// Extra weight.
    pub extra: Extra,
}

/// Weight beyond what the role brings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Extra {
    /// As the role says.
    #[default]
    None,
    /// Bold.
    Bold,
    /// Solid, reversed: for the few things that must be seen first.
    Pill,
    /// Struck through: cannot be used now.
    Struck,
    /// Reversed: the text cursor, and the name of a selected row where no ground can be painted.
    Reverse,
}

impl Ink {
    /// Makes the ink of a role.
    pub fn of(role: Role) -> Self {
        Self { role, on: None, extra: Extra::None }
    }

    /// Makes a bold ink.
    pub fn bold(role: Role) -> Self {
        Self { role, on: None, extra: Extra::Bold }
    }

    /// Makes a pill: the role's colour behind the text.
    pub fn pill(role: Role) -> Self {
        Self { role, on: None, extra: Extra::Pill }
    }

    /// Says what it stands on.
    #[must_use]
    pub fn on(self, ground: Role) -> Self {
        Self { on: Some(ground), ..self }
    }

    /// Gives it extra weight.
    #[must_use]
    pub fn extra(self, extra: Extra) -> Self {
        Self { extra, ..self }
    }
}

impl From<Role> for Ink {
    fn from(role: Role) -> Self {
        Self::of(role)
    }
}

/// What the terminal shows and how: a theme at a colour depth, with a set of signs.
#[derive(Clone, Debug)]
pub struct Look {
    /// Which signs.
    pub glyphs: Glyphs,
    /// Which colours.
    pub theme: Theme,
    /// How many of them.
    pub depth: ColourDepth,
}

impl Look {
    /// Makes a look; a theme without colours stays so whatever the terminal can do.
    pub fn new(theme: Theme, depth: ColourDepth, glyphs: Glyphs) -> Self {
        Self { glyphs, depth: depth.min(theme.depth), theme }
    }

    /// Says whether grounds can be painted: not with 16 colours, where nobody knows what they look like, and not without any.
    pub fn paints_ground(&self) -> bool {
        self.depth >= ColourDepth::Ansi256
    }

    /// Returns the style of an ink. What it does not say is left as the cell has it.
    pub fn style(&self, ink: Ink) -> Style {
        if ink.extra == Extra::Pill {
            return to_style(self.theme.pill(ink.role, self.depth));
        }
        let mut style = to_style(self.theme.style(ink.role, self.depth));
        if let Some(ground) = ink.on {
            style = style.patch(self.ground(ground));
        }
        match ink.extra {
            Extra::None | Extra::Pill => style,
            Extra::Bold => style.remove_modifier(Modifier::DIM).add_modifier(Modifier::BOLD),
            Extra::Struck => style.add_modifier(Modifier::CROSSED_OUT),
            Extra::Reverse => style.remove_modifier(Modifier::DIM).add_modifier(Modifier::REVERSED),
        }
    }

    /// Returns the style that paints a role as ground; empty where this look has none for it.
    pub fn ground(&self, role: Role) -> Style {
        let style = self.theme.style(role, self.depth);
        let style = RoleStyle { fg: None, bold: false, faint: false, underline: false, ..style };
        // A row that is selected by reverse is left to the table: its bars and pills stay readable.
        to_style(if role == Role::Selection { RoleStyle { reverse: false, ..style } } else { style })
    }
}

fn to_style(of: RoleStyle) -> Style {
    let mut style = Style::new();
    if let Some(fg) = of.fg {
        style = style.fg(color(fg));
    }
    if let Some(bg) = of.bg {
        style = style.bg(color(bg));
    }
    for (on, modifier) in [
        (of.bold, Modifier::BOLD),
        (of.faint, Modifier::DIM),
        (of.underline, Modifier::UNDERLINED),
        (of.reverse, Modifier::REVERSED),
    ] {
        if on {
            style = style.add_modifier(modifier);
        }
    }
    style
}

fn color(colour: Colour) -> Color {
    match colour {
        Colour::Rgb(Rgb { r, g, b }) => Color::Rgb(r, g, b),
        Colour::Indexed(n) => Color::Indexed(n),
        Colour::Ansi(n) => match n {
            0 => Color::Black,
            1 => Color::Red,
            2 => Color::Green,
            3 => Color::Yellow,
            4 => Color::Blue,
            5 => Color::Magenta,
            6 => Color::Cyan,
            7 => Color::Gray,
            8 => Color::DarkGray,
            9 => Color::LightRed,
            10 => Color::LightGreen,
            11 => Color::LightYellow,
            12 => Color::LightBlue,
            13 => Color::LightMagenta,
            14 => Color::LightCyan,
            _ => Color::White,
        },
    }
}
