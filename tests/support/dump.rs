//! A screen as text AND style: the grid, then the same grid with a letter per style, then what the letters mean.
use std::fmt::Write;

use ratatui::{
    buffer::{Buffer, Cell},
    style::{Color, Modifier},
};

/// Returns the text of each row, trailing blanks kept, each row between bars so that its ends can be seen.
pub(crate) fn text(buffer: &Buffer) -> String {
    grid(buffer, |cell| cell.symbol().to_owned())
}

/// Returns text, style letters and legend.
pub(crate) fn full(buffer: &Buffer) -> String {
    let mut styles: Vec<String> = Vec::new();
    let letters = grid(buffer, |cell| {
        let style = style(cell);
        let at = styles.iter().position(|known| *known == style).unwrap_or_else(|| {
            styles.push(style);
            styles.len() - 1
        });
        letter(at).to_string()
    });
    let mut out = format!("{}\n{letters}\n", text(buffer));
    for (at, style) in styles.iter().enumerate() {
        writeln!(out, "{} {style}", letter(at)).unwrap();
    }
    out
}

fn grid(buffer: &Buffer, mut of: impl FnMut(&Cell) -> String) -> String {
    let mut out = String::new();
    for y in 0..buffer.area.height {
        out.push('|');
        for x in 0..buffer.area.width {
            out.push_str(&of(&buffer[(x, y)]));
        }
        out.push_str("|\n");
    }
    out
}

fn letter(at: usize) -> char {
    const LETTERS: &[u8] = b".abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&*+-/:;<=>?@^_~";
    LETTERS.get(at).map_or('\u{fffd}', |byte| char::from(*byte))
}

fn style(cell: &Cell) -> String {
    let mut out = format!("{} on {}", color(cell.fg), color(cell.bg));
    for (modifier, name) in [
        (Modifier::BOLD, "bold"),
        (Modifier::DIM, "faint"),
        (Modifier::UNDERLINED, "underlined"),
        (Modifier::REVERSED, "reversed"),
        (Modifier::CROSSED_OUT, "struck"),
    ] {
        if cell.modifier.contains(modifier) {
            write!(out, " {name}").unwrap();
        }
    }
    out
}

fn color(color: Color) -> String {
    match color {
        Color::Rgb(r, g, b) => format!("#{r:02x}{g:02x}{b:02x}"),
        Color::Indexed(n) => format!("{n}"),
        Color::Reset => "default".into(),
        other => format!("{other:?}").to_lowercase(),
    }
}
