//! A clipped piece of the screen, addressed from its own corner. Nothing drawn through it can leave it or panic.
use ratatui::{
    buffer::{Buffer, Cell},
    layout::Rect,
    style::{Color, Modifier, Style},
};

use super::style::{Extra, Ink, Look};
use super::words::{self, Words};
use crate::config::theme::Role;

/// A piece of the screen.
pub struct Canvas<'a> {
    buffer: &'a mut Buffer,
    /// How things look.
    pub look: &'a Look,
    area: Rect,
}

impl<'a> Canvas<'a> {
    /// Makes a canvas over a part of a buffer.
    pub fn new(buffer: &'a mut Buffer, look: &'a Look, area: Rect) -> Self {
        let area = area.intersection(buffer.area);
        Self { buffer, look, area }
    }

    /// Returns where it is on the screen.
    pub fn area(&self) -> Rect {
        self.area
    }

    /// Returns its width in columns.
    pub fn width(&self) -> u16 {
        self.area.width
    }

    /// Returns its height in rows.
    pub fn height(&self) -> u16 {
        self.area.height
    }

    /// Returns a canvas over a part of the screen, as far as it is within this one.
    pub fn part(&mut self, area: Rect) -> Canvas<'_> {
        let area = area.intersection(self.area);
        Canvas { buffer: self.buffer, look: self.look, area }
    }

    /// Returns a canvas over some of its rows.
    pub fn rows(&mut self, from: u16, count: u16) -> Canvas<'_> {
        let area = Rect { y: self.area.y.saturating_add(from), height: count, ..self.area };
        self.part(area)
    }

    /// Returns a canvas over some of its columns.
    pub fn columns(&mut self, from: u16, count: u16) -> Canvas<'_> {
        let area = Rect { x: self.area.x.saturating_add(from), width: count, ..self.area };
        self.part(area)
    }

    /// Writes words from a column on, cut with `…` at the right border. Returns the column after them.
    pub fn put(&mut self, x: u16, y: u16, words: Words) -> u16 {
        let room = self.area.width.saturating_sub(x);
        self.put_within(x, y, room, words)
    }

    /// Writes words within so many columns, cut with `…`. Returns the column after them.
    pub fn put_within(&mut self, x: u16, y: u16, columns: u16, words: Words) -> u16 {
        let columns = columns.min(self.area.width.saturating_sub(x));
        if columns == 0 || y >= self.area.height {
            return x;
        }
        let words = words.cut(usize::from(columns));
        let end = x.saturating_add(columns);
        let mut at = x;
        for (text, wide, ink) in words::cells(&words, self.look) {
            if at.saturating_add(wide) > end {
                break;
            }
            let style = self.look.style(ink);
            for step in 0..wide {
                let symbol = if step == 0 { text.as_ref() } else { " " };
                if let Some(cell) = self.cell(at + step, y) {
                    ink_cell(cell, symbol, style);
                }
            }
            at += wide;
        }
        at
    }

    /// Writes words so that they end at a column (excluded), cut with `…` at the left border of the canvas.
    pub fn put_right(&mut self, end: u16, y: u16, words: Words) -> u16 {
        let words = words.cut(usize::from(end));
        let wide = u16::try_from(words.width()).unwrap_or(u16::MAX);
        let start = end.saturating_sub(wide);
        self.put(start, y, words);
        start
    }

    /// Writes one sign.
    pub fn sign(&mut self, x: u16, y: u16, sign: char, ink: impl Into<Ink>) {
        let mut bytes = [0; 4];
        let text = &*self.look.glyphs.plain(sign).encode_utf8(&mut bytes);
        let style = self.look.style(ink.into());
        if let Some(cell) = self.cell(x, y) {
            ink_cell(cell, text, style);
        }
    }

    /// Blanks it and paints a ground, where grounds are painted.
    pub fn ground(&mut self, role: Role) {
        let style = self.look.style(Ink::of(Role::Text)).patch(if self.look.paints_ground() {
            self.look.ground(role)
        } else {
            Style::new()
        });
        for y in 0..self.area.height {
            for x in 0..self.area.width {
                if let Some(cell) = self.cell(x, y) {
                    cell.reset();
                    cell.set_style(style);
                }
            }
        }
    }

    /// Paints the ground of a row without touching what is written there, where grounds are painted. What has a ground of its own
    /// (a pill, a bad day) keeps it.
    pub fn band(&mut self, y: u16, role: Role) {
        if !self.look.paints_ground() {
            return;
        }
        let style = self.look.ground(role);
        let bare = [Role::Surface, Role::Raised].map(|role| self.look.ground(role).bg.unwrap_or(Color::Reset));
        for x in 0..self.area.width {
            if let Some(cell) = self.cell(x, y).filter(|cell| cell.bg == Color::Reset || bare.contains(&cell.bg)) {
                cell.set_style(style);
            }
        }
    }

    /// Turns everything on it into the scrim under a box: text grey, blocks as borders, nothing bold, no grounds.
    pub fn scrim(&mut self) {
        let text = self.look.style(Ink::of(Role::Scrim));
        let block = self.look.style(Ink::of(Role::Border));
        let ground = if self.look.paints_ground() { self.look.ground(Role::Surface) } else { Style::new() };
        for y in 0..self.area.height {
            for x in 0..self.area.width {
                if let Some(cell) = self.cell(x, y) {
                    let is_block = cell.symbol().chars().all(|c| ('▁'..='█').contains(&c));
                    cell.fg = Color::Reset;
                    cell.bg = Color::Reset;
                    cell.modifier = Modifier::empty();
                    cell.set_style(ground).set_style(if is_block { block } else { text });
                }
            }
        }
    }

    /// Draws the text cursor over what stands there.
    pub fn cursor(&mut self, x: u16, y: u16) {
        let style = self.look.style(Ink::of(Role::Strong).extra(Extra::Reverse));
        if let Some(cell) = self.cell(x, y) {
            cell.modifier = Modifier::empty();
            cell.set_style(style);
        }
    }

    fn cell(&mut self, x: u16, y: u16) -> Option<&mut Cell> {
        if x >= self.area.width || y >= self.area.height {
            return None;
        }
        self.buffer.cell_mut((self.area.x + x, self.area.y + y))
    }
}

fn ink_cell(cell: &mut Cell, symbol: &str, style: Style) {
    cell.set_symbol(symbol);
    cell.fg = Color::Reset;
    // Reverse marks a pill or a name: new text over it starts afresh, but keeps the ground.
    cell.modifier = Modifier::empty();
    cell.set_style(style);
}
