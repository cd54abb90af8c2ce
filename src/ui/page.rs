//! Panes on the screen: bands from top to bottom, panes side by side in a band, parts from top to bottom in a pane.
use crate::config::theme::Role;
use crate::core::screen::order::Order;
use ratatui::layout::Rect;

use super::{
    canvas::Canvas,
    glyphs::Glyphs,
    logs::Lines,
    show::Keys,
    widgets::{
        chart::Chart,
        frame::Frame,
        histogram::Histogram,
        table::{Column, Shown, Table},
    },
    words::Words,
};

/// Puts a label beside text that is broken into lines: nothing of it is cut.
pub fn labelled(facts: &[(String, String)], wide: u16) -> Vec<(Words, Words)> {
    let inner = usize::from(wide).saturating_sub(14).max(12);
    let mut lines = Vec::new();
    for (label, text) in facts {
        let mut label = Some(label);
        for line in text.lines().flat_map(|line| super::words::wrap(line, inner)) {
            let begin = super::words::pad(label.take().map_or("", String::as_str), 9);
            lines.push((Words::of(format!(" {begin}"), Role::Dim).text(line), Words::new()));
        }
    }
    lines
}

/// Where things came to stand, for the part that turns keys and clicks into movement.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LayoutFacts {
    /// Columns and rows of the screen.
    pub size: (u16, u16),
    /// The panes, in the order of their digits.
    pub panes: Vec<PaneFact>,
    /// A box is open that the screen has no room for, so that part of it is not to be seen.
    pub cut: bool,
    /// Lines that the open box can be scrolled.
    pub scroll: usize,
    /// Of how many lines that is.
    pub lines: usize,
}

/// Where a pane came to stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PaneFact {
    /// Its digit; 0 for a box.
    pub digit: u8,
    /// Column of its left border.
    pub x: u16,
    /// Row of its upper border.
    pub y: u16,
    /// Its width.
    pub width: u16,
    /// Its height.
    pub height: u16,
    /// The row of the screen on which its first object stands.
    pub rows_at: u16,
    /// Index of the first object shown.
    pub first: usize,
    /// How many objects fit: a page.
    pub room: usize,
    /// How many columns its longest line goes beyond it.
    pub beyond: usize,
}

/// Where the keys go in a view.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Focus {
    /// The focused pane.
    pub pane: u8,
    /// The row the cursor is on.
    pub cursor: usize,
    /// The first row shown.
    pub first: usize,
    /// Whether the focused pane has the whole screen.
    pub zoomed: bool,
}

/// What a view is laid out for.
#[derive(Clone, Copy, Debug)]
pub struct Room<'a> {
    /// Columns.
    pub wide: u16,
    /// Rows of the whole screen.
    pub high: u16,
    /// Where the keys go.
    pub focus: Focus,
    /// Which signs the terminal has.
    pub glyphs: Glyphs,
    /// The person's keys.
    pub keys: &'a Keys,
    /// The order that each pane's rows stand in, by its digit from 1; none where they have only one.
    pub orders: &'a [Option<Order>],
}

impl Room<'_> {
    /// Returns the order of a pane's rows.
    pub fn order(&self, digit: u8) -> Option<Order> {
        self.orders.get(usize::from(digit).checked_sub(1)?).copied().flatten()
    }

    /// Puts the order of a pane's rows before what its title says, unless it is the one they begin with.
    pub fn sorted(&self, digit: u8, begin: Order, fact: Words) -> Words {
        match self.order(digit) {
            Some(order) if order != begin => {
                let space = usize::from(!fact.is_empty()) * 3;
                Words::of(order.words(), Role::Accent).gap(space).join(fact)
            }
            _ => fact,
        }
    }
}

/// What stands in a pane.
#[derive(Clone, Debug)]
pub enum Part {
    /// Objects in rows; takes what the other parts leave.
    Table(Table),
    /// Lines, the left and the right of each.
    Lines(Vec<(Words, Words)>),
    /// A chart with this many rows, the legend included.
    Chart(Chart, u16),
    /// Text that is broken into lines; takes what it needs.
    Text(String, Role),
    /// The newest lines of something that grows; takes what the other parts leave.
    Tail(Vec<Words>),
    /// Lines over time; takes what the other parts leave.
    Histogram(Histogram),
    /// Log lines around a cursor; takes what the other parts leave.
    Log(Box<Lines>),
}

/// A pane.
#[derive(Clone, Debug)]
pub struct Pane {
    /// Its frame.
    pub frame: Frame,
    /// What it holds.
    pub parts: Vec<Part>,
    /// How many shares of the band's width it has.
    pub share: u16,
    /// Whether the title counts the objects: `8`, or `5 of 8` when some do not fit.
    pub counted: bool,
    /// Rows it would like; none: what its parts have.
    pub want: Option<u16>,
}

impl Pane {
    /// Makes a pane.
    pub fn new(frame: Frame, parts: Vec<Part>) -> Self {
        Self { frame, parts, share: 1, counted: false, want: None }
    }

    /// Makes a pane of a table, with what it says while it has no rows.
    pub fn table(frame: Frame, table: Table, empty: Words) -> Self {
        let parts = if table.rows.is_empty() {
            vec![Part::Lines(vec![(Words::of(" ", Role::Text).join(empty), Words::new())])]
        } else {
            vec![Part::Table(table)]
        };
        Self { counted: true, ..Self::new(frame, parts) }
    }

    /// Sets its share of the width.
    #[must_use]
    pub fn share(self, share: u16) -> Self {
        Self { share, ..self }
    }

    /// Adds a part.
    #[must_use]
    pub fn with(mut self, part: Part) -> Self {
        self.parts.push(part);
        self
    }

    /// Focuses it if its digit is this one.
    #[must_use]
    pub fn focus(mut self, digit: u8) -> Self {
        self.frame.focused = self.frame.digit == Some(digit);
        if !self.frame.focused {
            for part in &mut self.parts {
                if let Part::Table(table) = part {
                    table.cursor = None;
                }
            }
        }
        self
    }

    /// Returns the rows it would like to have, borders included.
    pub fn wants(&self) -> u16 {
        self.want.unwrap_or_else(|| {
            let parts: usize = self
                .parts
                .iter()
                .map(|part| match part {
                    Part::Table(table) => table.rows.len() + usize::from(table.heads),
                    Part::Lines(lines) => lines.len(),
                    Part::Chart(_, rows) => usize::from(*rows),
                    Part::Text(text, _) => text.len() / 40 + 1,
                    Part::Tail(lines) => lines.len(),
                    Part::Histogram(_) => 4,
                    Part::Log(lines) => lines.before.len() + lines.after.len() + 2,
                })
                .sum();
            u16::try_from(parts + 2).unwrap_or(u16::MAX)
        })
    }

    /// Draws it on all of the canvas.
    #[expect(clippy::too_many_lines, reason = "one arm for each kind of part")]
    pub fn draw(&self, canvas: &mut Canvas<'_>, facts: &mut LayoutFacts) {
        let area = canvas.area();
        let inner = Rect {
            x: area.x + 1,
            y: area.y + 1,
            width: area.width.saturating_sub(2),
            height: area.height.saturating_sub(2),
        };
        let mut shown = Shown::default();
        let mut rows_at = inner.y;
        let mut beyond = 0;
        let mut y = 0;
        for (at, part) in self.parts.iter().enumerate() {
            let after: u16 = self.parts.iter().skip(at + 1).map(|part| fixed(part, inner.width)).sum();
            let left = inner.height.saturating_sub(y);
            let mut place = canvas.part(Rect { y: inner.y + y, height: left, ..inner });
            match part {
                Part::Table(table) => {
                    let wants =
                        u16::try_from(table.rows.len()).unwrap_or(u16::MAX).saturating_add(u16::from(table.heads));
                    // Objects go before what is said about them: a few rows of them are always there.
                    let few = wants.min(u16::from(table.heads) + 2);
                    let high = wants.min(left.saturating_sub(after).max(few)).min(left);
                    let drawn = table.draw(&mut place.rows(0, high));
                    if shown == Shown::default() {
                        shown = Shown { room: usize::from(left.saturating_sub(after + drawn.above)), ..drawn };
                        rows_at = inner.y + y + drawn.above;
                    }
                    y += high;
                }
                Part::Lines(lines) => {
                    for (line, (left, right)) in (0..).zip(lines) {
                        // What stands on the right is dropped whole where it would cut what stands on the left.
                        let wide = place.width();
                        place.put_within(0, line, wide, left.clone());
                        if left.width() + right.width() + 3 <= usize::from(wide) {
                            place.put_right(wide.saturating_sub(1), line, right.clone());
                        }
                    }
                    y += u16::try_from(lines.len()).unwrap_or(u16::MAX).min(left);
                }
                Part::Chart(chart, rows) => {
                    let high = (*rows).min(left.saturating_sub(after));
                    chart.draw(&mut place.rows(0, high));
                    y += high;
                }
                Part::Text(text, role) => {
                    for (line, text) in (0..).zip(super::words::wrap(text, usize::from(inner.width.saturating_sub(2))))
                    {
                        place.put(1, line, Words::of(text, *role));
                        y += 1;
                    }
                }
                Part::Tail(lines) => {
                    let room = usize::from(left.saturating_sub(after).max(left.min(1)));
                    for (line, words) in (0..).zip(lines.iter().skip(lines.len().saturating_sub(room))) {
                        place.put(1, line, words.clone());
                    }
                    y += u16::try_from(room.min(lines.len())).unwrap_or(0);
                }
                Part::Histogram(histogram) => {
                    let high = left.saturating_sub(after);
                    histogram.draw(&mut place.rows(0, high));
                    y += high;
                }
                Part::Log(lines) => {
                    let high = left.saturating_sub(after);
                    let drawn = lines.draw(&mut place.rows(0, high), self.frame.focused);
                    shown = Shown { room: drawn.room, above: drawn.above, ..Shown::default() };
                    rows_at = inner.y + y + drawn.above;
                    beyond = drawn.beyond;
                    y += high;
                }
            }
        }
        let mut frame = self.frame.clone();
        if self.counted {
            let all = self.parts.iter().find_map(|part| match part {
                Part::Table(table) => Some(table.rows.len()),
                Part::Lines(_)
                | Part::Chart(..)
                | Part::Text(..)
                | Part::Tail(_)
                | Part::Histogram(_)
                | Part::Log(_) => None,
            });
            let all = all.unwrap_or(0);
            let count = if shown.rows < all { format!("{} of {all}", shown.rows) } else { all.to_string() };
            frame.count = Words::of(count, Role::Dim);
        }
        frame.draw(canvas);
        facts.panes.push(PaneFact {
            digit: self.frame.digit.unwrap_or(0),
            x: area.x,
            y: area.y,
            width: area.width,
            height: area.height,
            rows_at,
            first: shown.first,
            room: shown.room,
            beyond,
        });
    }
}

fn fixed(part: &Part, width: u16) -> u16 {
    match part {
        Part::Table(_) | Part::Tail(_) | Part::Histogram(_) | Part::Log(_) => 0,
        Part::Lines(lines) => u16::try_from(lines.len()).unwrap_or(u16::MAX),
        Part::Chart(_, rows) => *rows,
        Part::Text(text, _) => {
            u16::try_from(super::words::wrap(text, usize::from(width.saturating_sub(2))).len()).unwrap_or(u16::MAX)
        }
    }
}

/// A band of panes across the screen.
#[derive(Clone, Debug)]
pub struct Band {
    /// Its panes, from left to right.
    pub panes: Vec<Pane>,
    /// Rows below which it is not worth drawing.
    pub least: u16,
    /// The highest leaves first when there is no room; 0 never leaves.
    pub rank: u8,
    /// Shares of the rows that are left when all bands have what they want.
    pub grow: u16,
}

impl Band {
    /// Makes a band.
    pub fn new(panes: Vec<Pane>, least: u16) -> Self {
        Self { panes, least, rank: 0, grow: 0 }
    }

    /// Lets it leave.
    #[must_use]
    pub fn rank(self, rank: u8) -> Self {
        Self { rank, ..self }
    }

    /// Lets it grow beyond what it wants.
    #[must_use]
    pub fn grow(self, grow: u16) -> Self {
        Self { grow, ..self }
    }

    fn wants(&self) -> u16 {
        self.panes.iter().map(Pane::wants).max().unwrap_or(0).max(self.least)
    }
}

/// Draws bands from top to bottom on all of the canvas.
///
/// Where they do not all fit, the one with the highest rank leaves; where they do, each gets what it wants in their order, and
/// what is then left goes to those that may grow.
pub fn draw(canvas: &mut Canvas<'_>, bands: &[Band], facts: &mut LayoutFacts) {
    let heights = heights(bands, canvas.height());
    let mut y = 0;
    for (band, high) in bands.iter().zip(heights) {
        if high == 0 {
            continue;
        }
        let shares: u16 = band.panes.iter().map(|pane| pane.share).sum::<u16>().max(1);
        let wide = canvas.width();
        let (mut x, mut used) = (0, 0);
        for pane in &band.panes {
            used += pane.share;
            let end = u16::try_from(u32::from(wide) * u32::from(used) / u32::from(shares)).unwrap_or(wide);
            let mut row = canvas.rows(y, high);
            pane.draw(&mut row.columns(x, end - x), facts);
            x = end;
        }
        y += high;
    }
    facts.panes.sort_by_key(|pane| pane.digit);
}

fn heights(bands: &[Band], room: u16) -> Vec<u16> {
    let mut kept: Vec<bool> = vec![true; bands.len()];
    let least =
        |kept: &[bool]| -> u16 { bands.iter().zip(kept).filter(|(_, kept)| **kept).map(|(band, _)| band.least).sum() };
    while least(&kept) > room {
        let leaves = bands
            .iter()
            .enumerate()
            .zip(&kept)
            .filter(|((_, band), kept)| **kept && band.rank > 0)
            .max_by_key(|((_, band), _)| band.rank)
            .map(|((at, _), _)| at);
        match leaves.and_then(|at| kept.get_mut(at)) {
            Some(flag) => *flag = false,
            None => break,
        }
    }
    let mut left = room.saturating_sub(least(&kept));
    let mut heights: Vec<u16> =
        bands.iter().zip(&kept).map(|(band, kept)| if *kept { band.least.min(room) } else { 0 }).collect();
    for ((band, height), kept) in bands.iter().zip(&mut heights).zip(&kept) {
        if *kept {
            let more = band.wants().saturating_sub(*height).min(left);
            *height += more;
            left -= more;
        }
    }
    let mut shares: u16 = bands.iter().zip(&kept).filter(|(_, kept)| **kept).map(|(band, _)| band.grow).sum();
    for ((band, height), kept) in bands.iter().zip(&mut heights).zip(&kept) {
        if *kept && band.grow > 0 {
            let more = left * band.grow / shares.max(1);
            *height += more;
            left -= more;
            shares -= band.grow;
        }
    }
    heights
}

/// Makes the table of a pane; its cursor shows only while the pane is focused.
pub(super) fn table(columns: Vec<Column>, rows: Vec<Vec<Words>>, name: usize, focus: Focus) -> Table {
    Table {
        columns,
        named: Vec::new(),
        rows,
        heads: true,
        name,
        cursor: Some(focus.cursor),
        first: focus.first,
        sorted: None,
    }
}

/// Keeps only the focused pane where it has the whole screen.
pub(super) fn zoom(bands: Vec<Band>, focus: Focus) -> Vec<Band> {
    if !focus.zoomed {
        return bands;
    }
    let pane = bands.iter().flat_map(|band| &band.panes).find(|pane| pane.frame.digit == Some(focus.pane)).cloned();
    match pane {
        Some(pane) => vec![Band::new(vec![pane], 0).grow(1)],
        None => bands,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn band(least: u16, want: u16, rank: u8, grow: u16) -> Band {
        let pane = Pane { want: Some(want), ..Pane::new(Frame::new(1, "x"), Vec::new()) };
        Band { panes: vec![pane], least, rank, grow }
    }

    #[test]
    fn rows_go_to_wishes_in_order_then_to_growth() {
        let bands = [band(4, 10, 0, 0), band(4, 8, 0, 1), band(3, 5, 2, 0)];
        assert_eq!(heights(&bands, 30), [10, 15, 5]);
        assert_eq!(heights(&bands, 15), [8, 4, 3]);
        assert_eq!(heights(&bands, 9), [5, 4, 0]);
        assert_eq!(heights(&bands, 3), [3, 3, 0]);
        assert_eq!(heights(&[], 3), [0_u16; 0]);
    }
}
