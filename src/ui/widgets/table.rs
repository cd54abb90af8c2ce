//! Tables: worst first by the caller, columns that leave when there is no room, and a cursor over the whole row.
use std::borrow::Cow;

use crate::config::theme::Role;
use crate::ui::{
    canvas::Canvas,
    style::{Extra, Ink},
    words::{self, Words},
};

/// On which side a column's text stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Text.
    Left,
    /// Numbers.
    Right,
}

/// A column.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// Its head; upper case.
    pub head: &'static str,
    /// Its least width.
    pub width: u16,
    /// How many columns more it may take.
    pub grow: u16,
    /// Where its text stands.
    pub side: Side,
    /// Blank columns before it.
    pub gap: u16,
    /// Whether it takes all the room that nothing else needs.
    pub fill: bool,
    /// The highest leaves first when there is no room; 0 never leaves.
    pub rank: u8,
}

impl Column {
    /// Makes a column of text.
    pub const fn text(head: &'static str, width: u16) -> Self {
        Self { head, width, grow: 0, side: Side::Left, gap: 1, fill: false, rank: 0 }
    }

    /// Makes a column of numbers.
    pub const fn number(head: &'static str, width: u16) -> Self {
        Self { head, width, grow: 0, side: Side::Right, gap: 1, fill: false, rank: 0 }
    }

    /// Lets it leave.
    #[must_use]
    pub const fn rank(mut self, rank: u8) -> Self {
        self.rank = rank;
        self
    }

    /// Lets it take all the room that nothing else needs.
    #[must_use]
    pub const fn fill(mut self) -> Self {
        self.fill = true;
        self
    }

    /// Lets it take more room.
    #[must_use]
    pub const fn grow(mut self, grow: u16) -> Self {
        self.grow = grow;
        self
    }

    /// Sets the blank columns before it.
    #[must_use]
    pub const fn gap(mut self, gap: u16) -> Self {
        self.gap = gap;
        self
    }
}

/// A table, to be drawn.
#[derive(Clone, Debug, Default)]
pub struct Table {
    /// Its columns.
    pub columns: Vec<Column>,
    /// Heads that only the data know, by column; none where the columns' own are drawn.
    pub named: Vec<String>,
    /// Its rows, each with one cell per column.
    pub rows: Vec<Vec<Words>>,
    /// Whether heads are drawn.
    pub heads: bool,
    /// The column that names the object.
    pub name: usize,
    /// The row with the cursor, if the pane is focused.
    pub cursor: Option<usize>,
    /// The first row to show, as far as the cursor stays visible.
    pub first: usize,
    /// The column that the rows are sorted by, if its head is to say so.
    pub sorted: Option<usize>,
}

/// What a drawn table says about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Shown {
    /// The first row shown.
    pub first: usize,
    /// How many rows are shown.
    pub rows: usize,
    /// How many rows would fit.
    pub room: usize,
    /// Rows of the canvas above the first row of the table.
    pub above: u16,
}

impl Table {
    /// Draws it on the canvas, which it may overflow in no direction.
    pub fn draw(&self, canvas: &mut Canvas<'_>) -> Shown {
        let above = u16::from(self.heads);
        let room = usize::from(canvas.height().saturating_sub(above));
        let needs = self.needs();
        // One blank column stays at the right border.
        let places = places(&self.columns, &needs, canvas.width().saturating_sub(1));
        if self.heads {
            for (at, (column, place)) in self.columns.iter().zip(&places).enumerate() {
                let Some((x, wide)) = *place else { continue };
                let sorted = self.sorted == Some(at);
                let ink = if sorted { Ink::bold(Role::Accent) } else { Ink::of(Role::Faint) };
                let head = Words::of(self.head(at, column), ink);
                let columns = u16::try_from(head.width()).unwrap_or(wide).min(wide);
                put(&mut canvas.rows(0, 1), x, wide, column.side, head);
                if sorted {
                    let sign = match column.side {
                        Side::Left => x + columns,
                        Side::Right => (x + wide).saturating_sub(columns + 1),
                    };
                    canvas.sign(sign, 0, '▾', Role::Accent);
                }
            }
        }
        let first = self.window(room);
        for (y, (index, row)) in (above..).zip(self.rows.iter().enumerate().skip(first).take(room)) {
            let selected = self.cursor == Some(index);
            if selected {
                canvas.band(y, Role::Selection);
                canvas.sign(0, y, '▸', Role::Accent);
            }
            let paints = canvas.look.paints_ground();
            for (at, ((column, place), cell)) in self.columns.iter().zip(&places).zip(row).enumerate() {
                let Some((x, wide)) = *place else { continue };
                let mut cell = cell.clone();
                if selected {
                    cell = cell.recast(Role::Text, Role::Strong);
                    if at == self.name && !paints {
                        cell = cell.weigh(Extra::Reverse);
                    }
                }
                put(&mut canvas.rows(y, 1), x, wide, column.side, cell);
            }
        }
        Shown { first, rows: self.rows.len().saturating_sub(first).min(room), room, above }
    }

    /// Returns the widest text of each column.
    fn needs(&self) -> Vec<u16> {
        let head = |(at, column): (usize, &Column)| if self.heads { words::width(&self.head(at, column)) } else { 0 };
        let mut needs: Vec<usize> = self.columns.iter().enumerate().map(head).collect();
        for row in &self.rows {
            for (need, cell) in needs.iter_mut().zip(row) {
                *need = (*need).max(cell.width());
            }
        }
        needs.into_iter().map(|need| u16::try_from(need).unwrap_or(u16::MAX)).collect()
    }

    fn head(&self, at: usize, column: &Column) -> Cow<'static, str> {
        self.named.get(at).map_or(Cow::Borrowed(column.head), |name| Cow::Owned(name.clone()))
    }

    fn window(&self, room: usize) -> usize {
        let last = self.rows.len().saturating_sub(room);
        let first = self.first.min(last);
        match self.cursor {
            Some(cursor) if cursor < first => cursor,
            Some(cursor) if room > 0 && cursor >= first + room => cursor + 1 - room,
            _ => first,
        }
    }
}

fn put(canvas: &mut Canvas<'_>, x: u16, wide: u16, side: Side, words: Words) {
    let words = words.cut(usize::from(wide));
    let slack = match side {
        Side::Left => 0,
        Side::Right => usize::from(wide).saturating_sub(words.width()),
    };
    let slack = u16::try_from(slack).unwrap_or(0);
    canvas.put_within(x + slack, 0, wide - slack, words);
}

/// Finds each column's place: start and width, none where it had to leave. Column 0 of the canvas belongs to the cursor.
///
/// A column takes more than its least width only where its text needs that, so that nothing is cut beside a blank.
fn places(columns: &[Column], needs: &[u16], room: u16) -> Vec<Option<(u16, u16)>> {
    let mut kept: Vec<bool> = columns.iter().map(|_| true).collect();
    let need = |kept: &[bool]| -> u16 {
        columns.iter().zip(kept).filter(|(_, kept)| **kept).map(|(column, _)| column.gap + column.width).sum()
    };
    while need(&kept) > room {
        let leaves = columns
            .iter()
            .enumerate()
            .zip(&kept)
            .filter(|((_, column), kept)| **kept && column.rank > 0)
            .max_by_key(|((at, column), _)| (column.rank, *at))
            .map(|((at, _), _)| at);
        match leaves.and_then(|at| kept.get_mut(at)) {
            Some(flag) => *flag = false,
            None => break,
        }
    }
    let mut spare = room.saturating_sub(need(&kept));
    let wishes = |column: &Column, need: u16| column.grow.min(need.saturating_sub(column.width));
    let asked: u16 = columns
        .iter()
        .zip(&kept)
        .zip(needs)
        .filter(|((_, kept), _)| **kept)
        .map(|((column, _), need)| wishes(column, *need))
        .fold(0, u16::saturating_add);
    let mut rest = spare.saturating_sub(asked);
    let mut x: u16 = 0;
    let mut places = Vec::with_capacity(columns.len());
    for ((column, kept), need) in columns.iter().zip(kept).zip(needs) {
        if !kept {
            places.push(None);
            continue;
        }
        let mut more = wishes(column, *need).min(spare);
        spare -= more;
        if column.fill {
            more += std::mem::take(&mut rest);
        }
        let start = x.saturating_add(column.gap);
        let wide = (column.width + more).min(room.saturating_sub(start));
        places.push((wide > 0).then_some((start, wide)));
        x = start.saturating_add(column.width + more);
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::testing;

    fn table(cursor: Option<usize>) -> Table {
        Table {
            columns: vec![
                Column::text("NAME", 6).grow(4),
                Column::number("CPU", 4).rank(1),
                Column::text("NOTE", 8).rank(2).gap(2),
            ],
            rows: (0..5)
                .map(|n| {
                    vec![
                        Words::of(format!("host-{n}"), Role::Text),
                        Words::of(format!("{n}%"), Role::Text),
                        Words::of("a long note", Role::Dim),
                    ]
                })
                .collect(),
            named: Vec::new(),
            heads: true,
            name: 0,
            cursor,
            first: 0,
            sorted: None,
        }
    }

    #[test]
    fn columns_leave_by_rank_and_text_is_cut() {
        let text = testing::text(30, 3, |canvas| {
            table(Some(0)).draw(canvas);
        });
        assert_eq!(text, [" NAME    CPU  NOTE", "▸host-0   0%  a long …", " host-1   1%  a long …"]);
        let narrow = testing::text(13, 2, |canvas| {
            table(None).draw(canvas);
        });
        assert_eq!(narrow, [" NAME    CPU", " host-0   0%"]);
    }

    #[test]
    fn the_head_of_the_sorted_column_says_so() {
        let text = |sorted| {
            let table = Table { sorted: Some(sorted), ..table(None) };
            testing::text(30, 1, |canvas| {
                table.draw(canvas);
            })
            .remove(0)
        };
        assert_eq!([text(0), text(1)], [" NAME▾   CPU  NOTE", " NAME   ▾CPU  NOTE"]);
    }

    #[test]
    fn the_cursor_is_always_in_the_window() {
        for cursor in 0..5 {
            for height in 0..7 {
                let mut shown = Shown::default();
                testing::text(20, height, |canvas| shown = table(Some(cursor)).draw(canvas));
                assert!(shown.room == 0 || (shown.first..shown.first + shown.rows).contains(&cursor));
            }
        }
    }

    #[test]
    fn no_width_is_too_small() {
        for width in 0..40 {
            for height in 0..4 {
                testing::text(width, height, |canvas| {
                    table(Some(3)).draw(canvas);
                });
            }
        }
    }
}
