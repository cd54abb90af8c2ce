//! The lines around the cursor: rows of columns, folded and unfolded, wrapped or moved sideways.
use super::{grouped, hue, letter};
use crate::{
    config::theme::Role,
    core::logs::Level,
    ui::{canvas::Canvas, style::Ink, words::Words},
};

/// The lines around the cursor.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Lines {
    /// Rows above the cursor's, the nearest last.
    pub before: Vec<LineRow>,
    /// The cursor's row.
    pub at: Option<LineRow>,
    /// Rows below it.
    pub after: Vec<LineRow>,
    /// The row of the pane that the cursor stands on.
    pub anchor: usize,
    /// Whether the newest line is followed.
    pub follows: bool,
    /// What following means with the sources as they are: `following`, `not live: 2 of 2 sources lost`.
    pub feed: Words,
    /// Lines that came while it was not followed.
    pub fresh: u64,
    /// Long lines are broken.
    pub wrap: bool,
    /// Columns of the text that are left of the pane.
    pub sideways: usize,
    /// What the title says: that lines are merged, or since when they are all here and how many were let go.
    pub title: String,
    /// How times are shown.
    pub clock: String,
    /// What the lower border says: `412 errors/min · kept 412k · dropped 0`.
    pub legend: String,
    /// What is said where no line of a log is, above the console's own.
    pub empty: String,
    /// Whether the filter is set aside around one line.
    pub context: bool,
    /// Columns of fields the person has chosen, by name.
    pub columns: Vec<String>,
}

/// A row of the lines.
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "marks that have nothing to do with each other")]
pub struct LineRow {
    /// Time to the second.
    pub time: String,
    /// Its fraction.
    pub fraction: String,
    /// Level.
    pub level: Level,
    /// Service, or the source where there is none.
    pub service: String,
    /// Its hue, 0 to 3.
    pub hue: usize,
    /// Host.
    pub host: String,
    /// Chosen fields.
    pub columns: Vec<String>,
    /// The text, highlighted, sanitised and redacted.
    pub text: Words,
    /// Lines below the first, while folded.
    pub folded: usize,
    /// The lines below the first, while unfolded.
    pub unfolded: Vec<Words>,
    /// How often it repeats, folded.
    pub times: u64,
    /// A person's mark.
    pub marked: bool,
    /// Its pattern is new.
    pub new: bool,
    /// It came late.
    pub late: bool,
    /// It is a line of ours: a gap, a reconnect.
    pub notice: bool,
    /// It does not fulfil the filter: shown as context.
    pub aside: bool,
    /// It is marked as a range.
    pub ranged: bool,
}

/// What drawn lines say about themselves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Drawn {
    /// Rows that there is room for.
    pub room: usize,
    /// Rows above the first line.
    pub above: u16,
    /// How many columns the longest line that is seen goes beyond the pane.
    pub beyond: usize,
}

/// Columns by which the lines of an unfolded record stand further in.
const INDENT: usize = 2;

/// Where the columns stand.
struct Places {
    time: u16,
    level: u16,
    service: (u16, u16),
    host: (u16, u16),
    columns: Vec<(u16, u16)>,
    text: u16,
}

impl Lines {
    fn all(&self) -> impl Iterator<Item = &LineRow> {
        self.before.iter().chain(&self.at).chain(&self.after)
    }

    fn places(&self, wide: u16) -> Places {
        let widest = |of: fn(&LineRow) -> &String, least: usize, most: usize| {
            let widest =
                self.all().filter(|row| !row.notice).map(|row| crate::ui::words::width(of(row))).max().unwrap_or(0);
            if widest == 0 { 0 } else { u16::try_from(widest.clamp(least, most)).unwrap_or(8) }
        };
        let times = widest(|row| &row.time, 0, 19) + widest(|row| &row.fraction, 0, 10);
        let narrow = wide < 100;
        let service = widest(|row| &row.service, 7, if narrow { 8 } else { 12 });
        let host = if narrow { 0 } else { widest(|row| &row.host, 4, 12) };
        let level = 2 + if times > 0 { times + 1 } else { 0 };
        let mut x = level + 2;
        let service = (x, service);
        x += if service.1 > 0 { service.1 + 1 } else { 0 };
        let host = (x, host);
        x += if host.1 > 0 { host.1 + 1 } else { 0 };
        let mut columns = Vec::new();
        for at in 0..self.columns.len() {
            let width =
                self.all().filter_map(|row| row.columns.get(at)).map(|text| crate::ui::words::width(text)).max();
            let head = self.columns.get(at).map_or(0, |name| crate::ui::words::width(name));
            let width = u16::try_from(width.unwrap_or(0).max(head).clamp(3, 24)).unwrap_or(8);
            columns.push((x, width));
            x += width + 1;
        }
        Places { time: 2, level, service, host, columns, text: x }
    }

    /// Draws them on all of a canvas, the cursor's row on its anchor.
    pub fn draw(&self, canvas: &mut Canvas<'_>, focused: bool) -> Drawn {
        let (wide, high) = (canvas.width(), canvas.height());
        let places = self.places(wide);
        let above = u16::from(high > 6);
        if above > 0 {
            self.heads(canvas, &places);
        }
        let room = usize::from(high.saturating_sub(above));
        let text_room = usize::from(wide.saturating_sub(places.text + 1)).max(1);
        let height = |row: &LineRow| self.broken(row, text_room).len();
        let mut beyond = 0;
        let own = self.at.as_ref().map_or(0, height);
        // Where the rows around it do not fill the pane, the cursor gives way rather than leaving it blank.
        let below: usize = self.after.iter().map(height).sum();
        let over: usize = self.before.iter().map(height).sum();
        let mut anchor = self.anchor.min(room.saturating_sub(own.min(room)));
        if self.follows {
            anchor = room.saturating_sub(own);
        }
        if anchor + own + below < room {
            anchor = room.saturating_sub(own + below);
        }
        anchor = anchor.min(over);
        let mut y = anchor;
        for row in self.before.iter().rev() {
            let rows = height(row);
            if y == 0 {
                break;
            }
            let skip = rows.saturating_sub(y);
            y -= rows - skip;
            beyond = beyond.max(self.beyond(row, text_room));
            self.row(canvas, row, (above, y, skip), &places, false);
        }
        let mut y = anchor;
        for (row, selected) in self.at.iter().map(|row| (row, true)).chain(self.after.iter().map(|row| (row, false))) {
            if y >= room {
                break;
            }
            beyond = beyond.max(self.beyond(row, text_room));
            self.row(canvas, row, (above, y, 0), &places, selected && focused);
            y += height(row);
        }
        Drawn { room, above, beyond }
    }

    fn heads(&self, canvas: &mut Canvas<'_>, places: &Places) {
        let head = |text: &str| Words::of(text.to_owned(), Role::Faint);
        if places.level > 2 {
            canvas.put_within(places.time, 0, places.level - places.time, head("TIME"));
        }
        canvas.put(places.level, 0, head("L"));
        for ((x, width), text) in [(places.service, "SERVICE"), (places.host, "HOST")] {
            canvas.put_within(x, 0, width, head(text));
        }
        for ((x, width), name) in places.columns.iter().zip(&self.columns) {
            canvas.put_within(*x, 0, *width, head(&name.to_uppercase()));
        }
        let more = if self.sideways > 0 { format!("MESSAGE ‹{}", self.sideways) } else { "MESSAGE".to_owned() };
        canvas.put(places.text, 0, head(&more));
    }

    /// Breaks a row's lines, or moves them sideways; says which are of its first one.
    fn broken(&self, row: &LineRow, room: usize) -> Vec<(bool, Words)> {
        if row.notice {
            return vec![(true, row.text.clone())];
        }
        let mut all = Vec::with_capacity(1 + row.unfolded.len());
        for (own, line) in std::iter::once((true, &row.text)).chain(row.unfolded.iter().map(|line| (false, line))) {
            if self.wrap {
                let room = if own { room } else { room.saturating_sub(INDENT).max(1) };
                all.extend(line.clone().broken(room).into_iter().map(|line| (own, line)));
            } else {
                all.push((own, line.clone().skip(self.sideways)));
            }
        }
        all
    }

    /// Counts the columns by which a row's longest line goes beyond the pane.
    fn beyond(&self, row: &LineRow, room: usize) -> usize {
        if self.wrap || row.notice {
            return 0;
        }
        let tail = tail(row).width();
        let own = row.text.width() + if tail > 0 { tail + 1 } else { 0 };
        let rest = row.unfolded.iter().map(|line| line.width() + INDENT).max().unwrap_or(0);
        own.max(rest).saturating_sub(room)
    }

    /// Draws a row from a line of the pane on, without its first lines where those are above it.
    fn row(&self, canvas: &mut Canvas<'_>, row: &LineRow, at: (u16, usize, usize), places: &Places, selected: bool) {
        let (above, y, skip) = at;
        let wide = canvas.width();
        let text_room = usize::from(wide.saturating_sub(places.text + 1)).max(1);
        for (index, (own, line)) in self.broken(row, text_room).into_iter().enumerate().skip(skip) {
            let Ok(line_y) = u16::try_from(y + index - skip) else { return };
            let y = above + line_y;
            if y >= canvas.height() {
                return;
            }
            let mut strip = canvas.rows(y, 1);
            if selected {
                strip.band(0, Role::Selection);
            } else if row.ranged {
                strip.band(0, Role::ChipOff);
            }
            if row.notice {
                notice(&mut strip, &line, selected);
                continue;
            }
            if index == 0 {
                Self::head(&mut strip, row, places, selected);
            } else if !own {
                strip.sign(places.text, 0, '│', Role::Border);
            }
            let indent = if own { 0 } else { u16::try_from(INDENT).unwrap_or(0) };
            let tail = if index == 0 { tail(row) } else { Words::new() };
            let need = u16::try_from(tail.width()).unwrap_or(0);
            let mut line = if row.aside { line.recast(Role::Text, Role::Faint) } else { line };
            if selected {
                line = line.recast(Role::Text, Role::Strong);
            }
            let room = wide.saturating_sub(places.text + indent + 1 + if need > 0 { need + 1 } else { 0 });
            strip.put_within(places.text + indent, 0, room, line);
            if need > 0 {
                strip.put_right(wide.saturating_sub(1), 0, tail);
            }
        }
    }

    fn head(strip: &mut Canvas<'_>, row: &LineRow, places: &Places, selected: bool) {
        if selected {
            strip.sign(0, 0, '▸', Role::Accent);
        }
        if row.marked {
            strip.sign(1, 0, '★', Role::Mark);
        } else if row.late {
            strip.sign(1, 0, '↑', Role::Accent);
        }
        let ink =
            if selected { Ink::of(Role::Strong) } else { Ink::of(if row.aside { Role::Faint } else { Role::Dim }) };
        let time = Words::of(row.time.clone(), ink).add(row.fraction.clone(), Role::Faint);
        strip.put_within(places.time, 0, places.level.saturating_sub(places.time), time);
        let (sign, ink) = letter(row.level);
        strip.put(places.level, 0, Words::of(sign, ink));
        let hue = if row.aside { Role::Faint } else { hue(row.hue) };
        strip.put_within(places.service.0, 0, places.service.1, Words::of(row.service.clone(), hue));
        strip.put_within(places.host.0, 0, places.host.1, Words::of(row.host.clone(), hue));
        for ((x, width), text) in places.columns.iter().zip(&row.columns) {
            strip.put_within(*x, 0, *width, Words::of(text.clone(), Role::Text));
        }
    }
}

fn tail(row: &LineRow) -> Words {
    let mut tail = Words::new();
    if row.new {
        tail = tail.pill("NEW", Role::New);
    }
    if row.times > 1 {
        let space = usize::from(!tail.is_empty());
        tail = tail.gap(space).dim(format!("×{} ▸", grouped(row.times)));
    }
    if row.folded > 0 {
        let lines = if row.folded == 1 { "1 line ▸".to_owned() } else { format!("{} lines ▸", row.folded) };
        let space = usize::from(!tail.is_empty());
        tail = tail.gap(space).dim(lines);
    }
    tail
}

fn notice(strip: &mut Canvas<'_>, text: &Words, selected: bool) {
    let role = if selected { Role::Strong } else { Role::Dim };
    let wide = strip.width();
    for x in 0..wide {
        strip.sign(x, 0, '─', Role::Border);
    }
    let words = Words::of(" ", Role::Text).join(text.clone().faded(role)).gap(1);
    strip.put_within(2, 0, wide.saturating_sub(4), words);
    if selected {
        strip.sign(0, 0, '▸', Role::Accent);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::testing;

    fn row(n: usize) -> LineRow {
        LineRow {
            time: format!("03:12:{n:02}"),
            fraction: ".123".into(),
            level: if n.is_multiple_of(2) { Level::Error } else { Level::Info },
            service: "play".into(),
            host: "web-01".into(),
            text: Words::of(format!("line {n} of many"), Role::Text),
            ..LineRow::default()
        }
    }

    fn lines(anchor: usize) -> Lines {
        Lines {
            before: (0..5).map(row).collect(),
            at: Some(row(5)),
            after: (6..9).map(row).collect(),
            anchor,
            ..Lines::default()
        }
    }

    #[test]
    fn the_cursor_stands_on_its_anchor_and_the_rows_around_it() {
        let text = testing::text(60, 5, |canvas| {
            lines(2).draw(canvas, true);
        });
        let seconds: Vec<&str> = text.iter().map(|line| line.get(3..).unwrap_or("").trim_start()).collect();
        assert_eq!(seconds[0].get(..11), Some("3:12:03.123"), "{text:#?}");
        assert!(text[2].starts_with("▸ 03:12:05.123 I play"), "{text:#?}");
        assert!(text[4].contains("line 7"), "{text:#?}");
    }

    #[test]
    fn no_size_panics_and_nothing_is_blank_while_there_are_rows() {
        for wide in 0..110 {
            for high in 0..14 {
                for anchor in [0, 3, 30] {
                    let text = testing::text(wide, high, |canvas| {
                        lines(anchor).draw(canvas, true);
                    });
                    if wide > 30 && (1..=6).contains(&high) {
                        assert!(text.iter().all(|line| !line.is_empty()), "{wide}×{high} {anchor} {text:#?}");
                    }
                }
            }
        }
    }
}
