//! Logs: chips of the filter, the histogram, the lines, patterns beside the fields of a record, the web-server view.
mod lines;

pub use lines::{LineRow, Lines};

use super::{
    canvas::Canvas,
    page::{Band, Focus, Pane, Part, Room, table, zoom},
    style::{Extra, Ink},
    widgets::{
        frame::Frame,
        histogram::{Histogram, trend},
        meter,
        table::{Column, Table},
    },
    words::Words,
};
use crate::{config::theme::Role, core::logs::Level};

/// The log view.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Logs {
    /// Terms of the filter.
    pub chips: Vec<Chip>,
    /// The search that is set.
    pub search: String,
    /// `3 of 17 hits`.
    pub hits: String,
    /// `1,204 of 412,331`.
    pub counted: String,
    /// `31 ms`, or `…` while it is evaluated.
    pub took: String,
    /// Where the filter ran, when not all of it ran here.
    pub ran: String,
    /// Lines over time.
    pub histogram: Histogram,
    /// What a bar is: `30 s a bar`.
    pub bar: String,
    /// What the histogram spans: `40m`.
    pub span: String,
    /// The lines around the cursor.
    pub lines: Lines,
    /// Patterns.
    pub patterns: Vec<PatternRow>,
    /// What the patterns' title says: `15m`, `since deploy 02:58`.
    pub patterns_since: String,
    /// `3 new · 1 gone`.
    pub patterns_fact: String,
    /// The record under the cursor.
    pub fields: Vec<FieldRow>,
    /// Its time.
    pub fields_of: String,
    /// `2 redacted`.
    pub fields_fact: String,
    /// What the filter makes of the lines, in place of patterns.
    pub stage: Option<Stage>,
    /// The web-server view, in place of all but the chips.
    pub web: Option<Box<Web>>,
}

/// A term of the filter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chip {
    /// Its text.
    pub text: String,
    /// Whether it acts.
    pub on: bool,
}

/// A pattern.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PatternRow {
    /// First seen since.
    pub new: bool,
    /// No longer seen.
    pub gone: bool,
    /// How many.
    pub count: u64,
    /// Over time.
    pub trend: Vec<u64>,
    /// First seen.
    pub first: String,
    /// Level.
    pub level: Level,
    /// Service.
    pub service: String,
    /// Its hue.
    pub hue: usize,
    /// The template.
    pub template: String,
}

/// A field of a record.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FieldRow {
    /// Name.
    pub name: String,
    /// Value, sanitised and redacted.
    pub value: String,
    /// The share of the filtered lines with the same value.
    pub share: Option<f64>,
    /// The share of lines for which the rules that make it find nothing: `12% unknown`.
    pub missed: String,
}

/// A table that the filter's last stage makes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stage {
    /// Its words: `count by host`.
    pub words: String,
    /// Rows: key, number.
    pub rows: Vec<(String, String, f64)>,
}

/// The web-server view.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Web {
    /// Label and number: requests, per second, error rate, quantiles, bytes.
    pub numbers: Vec<(String, String, Role)>,
    /// What is to be known about the clients: that only proxies are logged.
    pub caution: String,
    /// Tables: title, rows of label, number, share.
    pub tables: Vec<WebTable>,
}

/// A table of the web-server view.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WebTable {
    /// Its title.
    pub title: String,
    /// What its number is.
    pub head: &'static str,
    /// Rows: label, number, share of the largest.
    pub rows: Vec<(String, String, f64)>,
}

/// Returns the hue of a service.
fn hue(index: usize) -> Role {
    const HUES: [Role; 4] = [Role::Chart1, Role::Chart2, Role::Chart3, Role::Chart4];
    HUES.get(index % HUES.len()).copied().unwrap_or(Role::Chart1)
}

/// Returns the letter of a level and how it is written.
fn letter(level: Level) -> (&'static str, Ink) {
    match level {
        Level::Unknown => (" ", Ink::of(Role::Faint)),
        Level::Trace => ("T", Ink::of(Role::Debug)),
        Level::Debug => ("D", Ink::of(Role::Debug)),
        Level::Info => ("I", Ink::of(Role::Info)),
        Level::Notice => ("N", Ink::of(Role::Info)),
        Level::Warn => ("W", Ink::bold(Role::Warn)),
        Level::Error => ("E", Ink::bold(Role::Error)),
        Level::Fatal => ("F", Ink::pill(Role::Down)),
    }
}

/// Draws the row of chips, on the first row of the view.
pub fn chips(canvas: &mut Canvas<'_>, of: &Logs) {
    let wide = canvas.width();
    let mut right = Words::of(of.counted.clone(), Ink::bold(Role::Strong));
    if !of.took.is_empty() {
        right = right.gap(2).dim(of.took.clone());
    }
    if !of.ran.is_empty() && wide >= 100 {
        right = right.gap(2).add(of.ran.clone(), Role::Accent);
    }
    let end = canvas.put_right(wide.saturating_sub(1), 0, right).saturating_sub(2);
    let mut x = canvas.put(1, 0, Words::of("filter ", Role::Dim));
    if of.chips.is_empty() && of.search.is_empty() {
        canvas.put_within(x, 0, end.saturating_sub(x), Words::of("none: all lines", Role::Faint));
    }
    for (at, chip) in of.chips.iter().enumerate() {
        let words = chip_words(chip);
        let need = u16::try_from(words.width()).unwrap_or(u16::MAX);
        let rest = of.chips.len() - at;
        if x.saturating_add(need) > end.saturating_sub(4) && at > 0 {
            x = canvas.put_within(x, 0, end.saturating_sub(x), Words::of(format!("+{rest} "), Role::Dim));
            break;
        }
        x = canvas.put_within(x, 0, end.saturating_sub(x), words) + 1;
    }
    if !of.search.is_empty() {
        let search =
            Words::of("/", Ink::bold(Role::Key)).add(of.search.clone(), Ink::of(Role::Match).on(Role::MatchBg));
        // How many there are is worth more than all of the words, which one has just typed.
        let hits = Words::of(of.hits.clone(), Role::Dim);
        let room = end.saturating_sub(x);
        let need = u16::try_from(hits.width() + 2).unwrap_or(u16::MAX);
        let x = canvas.put_within(x, 0, room.saturating_sub(need).max(12), search) + 1;
        canvas.put_within(x, 0, end.saturating_sub(x), hits);
    }
}

fn chip_words(chip: &Chip) -> Words {
    let (sign, ground, text) = if chip.on {
        (Ink::of(Role::Accent), Role::ChipOn, Ink::of(Role::Text))
    } else {
        (Ink::of(Role::Faint), Role::ChipOff, Ink::of(Role::Faint).extra(Extra::Struck))
    };
    let blank = Ink::of(Role::Text).on(ground);
    Words::of(" ", blank)
        .add(if chip.on { "●" } else { "○" }, sign.on(ground))
        .add(" ", blank)
        .add(chip.text.clone(), text.on(ground))
        .add(" ", blank)
}

/// Lays the view out, below its chips.
pub fn logs(of: &Logs, room: Room<'_>) -> Vec<Band> {
    let Room { focus, high, wide, .. } = room;
    if let Some(web) = &of.web {
        return web_bands(web, of, room);
    }
    let histogram = Pane::new(
        Frame::new(1, "Histogram").count(of.span.clone()).fact(Words::of(of.bar.clone(), Role::Dim)),
        vec![Part::Histogram(of.histogram.clone())],
    )
    .focus(focus.pane);
    let below = if high >= 44 { 13 } else { 8 };
    let lines = lines_pane(of, room).focus(focus.pane);
    let left = match &of.stage {
        Some(stage) => stage_pane(stage, focus),
        None => patterns_pane(of, room),
    };
    let fields = fields_pane(of, focus);
    let mut bands = vec![
        Band::new(vec![Pane { want: Some(if high >= 44 { 8 } else { 6 }), ..histogram }], 5).rank(1),
        Band::new(vec![lines], 8).grow(1),
    ];
    let tall = |pane: Pane| Pane { want: Some(below), ..pane };
    if wide >= 100 {
        let beside = vec![tall(left).share(5), tall(fields).share(3)];
        bands.push(Band::new(beside, 6).rank(2));
    } else {
        bands.push(Band::new(vec![tall(left)], 12).rank(2));
        bands.push(Band::new(vec![tall(fields)], 13).rank(3));
    }
    zoom(bands, focus)
}

fn lines_pane(of: &Logs, room: Room<'_>) -> Pane {
    let lines = &of.lines;
    let fact = if lines.context {
        Words::of("context, filter kept", Ink::bold(Role::Accent))
    } else if lines.follows {
        lines.feed.clone()
    } else if lines.fresh > 0 {
        Words::of("paused ", Role::Dim).add(format!("+{} new", grouped(lines.fresh)), Ink::bold(Role::Accent))
    } else {
        Words::of("paused", Role::Dim)
    };
    let fact = fact.gap(2).dim(lines.clock.clone());
    let mut frame = Frame::new(2, "Lines").count(lines.title.clone()).fact(fact);
    frame.legend = Words::of(lines.legend.clone(), Role::Dim);
    let mut parts = Vec::new();
    if !lines.empty.is_empty() {
        parts.push(Part::Text(lines.empty.clone(), Role::Dim));
    }
    if lines.at.is_some() {
        parts.push(Part::Log(Box::new(lines.clone())));
    }
    let mut pane = Pane::new(frame, parts);
    pane.frame.focused = room.focus.pane == 2;
    pane
}

fn patterns_pane(of: &Logs, room: Room<'_>) -> Pane {
    let frame = Frame::new(3, "Patterns")
        .count(of.patterns_since.clone())
        .fact(Words::of(of.patterns_fact.clone(), Ink::bold(Role::New)));
    let columns = vec![
        Column::text("", 6),
        Column::number("COUNT", 6),
        Column::text("TREND", 8).gap(2).rank(2),
        Column::text("FIRST", 8).gap(2).rank(1),
        Column::text("L", 1),
        Column::text("SERVICE", 6).grow(6).rank(3),
        Column::text("PATTERN", 16).fill(),
    ];
    let rows = of.patterns.iter().map(|row| pattern(row, room)).collect();
    let mut pane = Pane::table(
        frame,
        table(columns, rows, 6, room.focus),
        Words::of(
            if of.histogram.nothing.is_empty() {
                "no pattern yet: lines are grouped by what they have in common as they come"
            } else {
                of.histogram.nothing.as_str()
            }
            .to_owned(),
            Role::Dim,
        ),
    )
    .focus(room.focus.pane);
    pane.counted = false;
    pane
}

fn pattern(row: &PatternRow, room: Room<'_>) -> Vec<Words> {
    let (sign, ink) = letter(row.level);
    let state = if row.new {
        Words::new().pill("NEW", Role::New)
    } else if row.gone {
        Words::new().pill("GONE", Role::Gone)
    } else {
        Words::new()
    };
    let trend_role = match row.level {
        Level::Error | Level::Fatal => Role::DownFill,
        Level::Warn => Role::DegradedFill,
        Level::Unknown | Level::Trace | Level::Debug | Level::Info | Level::Notice => Role::Chart1,
    };
    let role = if row.gone { Role::Gone } else { Role::Text };
    vec![
        state,
        Words::of(grouped(row.count), if row.new { Ink::bold(Role::Strong) } else { Ink::of(role) }),
        trend(&row.trend, trend_role, room.glyphs),
        Words::of(row.first.clone(), Role::Dim),
        Words::of(sign, ink),
        Words::of(row.service.clone(), hue(row.hue)),
        Words::of(row.template.clone(), role),
    ]
}

fn fields_pane(of: &Logs, focus: Focus) -> Pane {
    let frame = Frame::new(4, "Fields").count(of.fields_of.clone()).fact(Words::of(of.fields_fact.clone(), Role::Dim));
    let columns = vec![
        Column::text("FIELD", 8).grow(8),
        Column::text("VALUE", 10).fill(),
        Column::text("", 8).rank(2),
        Column::number("SHARE", 5).rank(1),
    ];
    let rows = of
        .fields
        .iter()
        .map(|row| {
            let (bar, share) = match row.share {
                Some(share) => (meter::words(share, 8, Role::Chart1), format!("{:.0}%", share * 100.0)),
                None => (Words::new(), String::new()),
            };
            vec![
                Words::of(row.name.clone(), Role::Dim),
                if row.missed.is_empty() {
                    Words::of(row.value.clone(), Role::Text)
                } else {
                    Words::of(row.value.clone(), Role::Text).gap(2).add(row.missed.clone(), Role::Degraded)
                },
                bar,
                Words::of(share, Role::Dim),
            ]
        })
        .collect();
    let mut table = table(columns, rows, 1, focus);
    table.heads = false;
    let mut pane = Pane::table(frame, table, Words::of("the record under the cursor, field by field", Role::Dim))
        .focus(focus.pane);
    pane.counted = false;
    pane
}

fn stage_pane(stage: &Stage, focus: Focus) -> Pane {
    let frame = Frame::new(3, "Result").count(stage.words.clone());
    let rows = counted_rows(&stage.rows);
    Pane::table(frame, counted_table(rows, "", focus), Words::of("no line matches", Role::Dim)).focus(focus.pane)
}

fn counted_rows(rows: &[(String, String, f64)]) -> Vec<Vec<Words>> {
    rows.iter()
        .map(|(label, number, share)| {
            vec![
                Words::of(number.clone(), Role::Text),
                meter::words(*share, 8, Role::Chart1),
                Words::of(label.clone(), Role::Text),
            ]
        })
        .collect()
}

fn counted_table(rows: Vec<Vec<Words>>, head: &'static str, focus: Focus) -> Table {
    let columns = vec![Column::number(head, 8), Column::text("", 8).rank(1), Column::text("", 12).fill()];
    table(columns, rows, 2, focus)
}

fn web_bands(web: &Web, of: &Logs, room: Room<'_>) -> Vec<Band> {
    let focus = room.focus;
    let mut numbers = Words::new();
    for (label, number, role) in &web.numbers {
        numbers = numbers.dim(format!("{label} ")).add(number.clone(), Ink::bold(*role)).gap(3);
    }
    let mut parts = vec![Part::Histogram(of.histogram.clone())];
    let lines = if numbers.width() + 4 > usize::from(room.wide) {
        let mut first = Words::new();
        let mut second = Words::new();
        for (at, (label, number, role)) in web.numbers.iter().enumerate() {
            let to = if at * 2 < web.numbers.len() { &mut first } else { &mut second };
            *to = std::mem::take(to).dim(format!("{label} ")).add(number.clone(), Ink::bold(*role)).gap(3);
        }
        vec![first, second]
    } else {
        vec![numbers]
    };
    let mut lines: Vec<(Words, Words)> =
        lines.into_iter().map(|line| (Words::new().gap(1).join(line), Words::new())).collect();
    if !web.caution.is_empty() {
        lines.push((Words::of(format!(" ! {}", web.caution), Role::Degraded), Words::new()));
    }
    parts.insert(0, Part::Lines(lines));
    let top =
        Pane::new(Frame::new(1, "Requests").count(of.span.clone()).fact(Words::of(of.bar.clone(), Role::Dim)), parts)
            .focus(focus.pane);
    let top = Pane { want: Some(8), ..top };
    let tables: Vec<Pane> = (2..)
        .zip(&web.tables)
        .map(|(digit, table): (u8, &WebTable)| {
            let frame = Frame::new(digit, table.title.clone());
            let rows = counted_rows(&table.rows);
            Pane::table(frame, counted_table(rows, table.head, focus), Words::of("not in these lines", Role::Dim))
                .focus(focus.pane)
        })
        .collect();
    let across = if room.wide >= 160 {
        3
    } else if room.wide >= 100 {
        2
    } else {
        1
    };
    let mut bands = vec![Band::new(vec![top], 6)];
    for (rank, row) in (1..).zip(tables.chunks(across)) {
        bands.push(Band::new(row.to_vec(), 5).rank(rank).grow(1));
    }
    zoom(bands, focus)
}

/// Writes a count with commas.
pub fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_grouped() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
    }
}
