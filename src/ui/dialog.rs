//! Boxes over the screen: what is below becomes a scrim, and the safe button comes first.
use crate::{config::theme::Role, core::words::many};
use ratatui::layout::Rect;

use super::{
    canvas::Canvas,
    page::{LayoutFacts, PaneFact},
    style::{Extra, Ink},
    widgets::{field::Field, frame::Frame, table::Table},
    words::Words,
};

/// A box.
#[derive(Clone, Debug, Default)]
pub struct Dialog {
    /// Its title.
    pub title: Words,
    /// What the title says on the right.
    pub fact: Words,
    /// Whether it changes production: double frame.
    pub changes: bool,
    /// Columns it would like, borders included.
    pub width: u16,
    /// What it holds, from top to bottom.
    pub items: Vec<Item>,
    /// How it is scrolled where it does not fit; none: what has no room is cut.
    pub scroll: Option<Scroll>,
}

/// How a box is scrolled that does not fit.
#[derive(Clone, Debug)]
pub struct Scroll {
    /// So many items are scrolled; those after them always stand below.
    pub items: usize,
    /// The line that is shown first.
    pub at: usize,
    /// The key that goes on.
    pub key: String,
}

/// What stands in a box.
#[derive(Clone, Debug)]
pub enum Item {
    /// Nothing.
    Blank,
    /// A line, its left and its right.
    Line(Words, Words),
    /// Text broken into lines.
    Text(String, Role),
    /// A sign and text broken into lines beside it: nothing of it is cut.
    Signed(Words, String, Role),
    /// A label and text broken into lines beside it: nothing of it is cut.
    Labelled(&'static str, String, Role),
    /// A line, the shorter one for where the first has no room, and its right.
    Choice(Words, Words, Words),
    /// A faint line that leaves first where there is no room.
    Note(String),
    /// A label and a field of so many rows.
    Field(&'static str, Field, u16),
    /// Objects in so many rows at most.
    Table(Table, u16),
    /// Buttons, the safe one first.
    Buttons(Vec<Button>, Words),
}

/// A button.
#[derive(Clone, Debug)]
pub struct Button {
    /// The key.
    pub key: String,
    /// What it does.
    pub does: String,
    /// How it stands.
    pub state: ButtonState,
}

/// Columns of a label.
const LABEL: usize = 10;

/// How a button stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ButtonState {
    /// The default: nothing is changed.
    Safe,
    /// It can be pressed.
    Ready,
    /// It cannot yet.
    Off,
}

impl Dialog {
    /// Draws it over the screen; lines 0, 1 and the last one stay as they are.
    pub fn draw(&self, screen: &mut Canvas<'_>, facts: &mut LayoutFacts) {
        let (wide, high) = (screen.width(), screen.height());
        let small = wide < 70 || high < 20;
        let body = Rect { y: screen.area().y + 2, height: high.saturating_sub(3), ..screen.area() };
        screen.part(body).scrim();
        let width = if small { wide } else { self.width.clamp(30, wide.saturating_sub(4).max(30)) };
        let inner = usize::from(width.saturating_sub(6));
        let need: u16 = self.items.iter().map(|item| item.rows(inner)).sum::<u16>() + 4;
        let height = if small { body.height } else { need.min(body.height) };
        let area = Rect {
            x: body.x + wide.saturating_sub(width) / 2,
            y: body.y + body.height.saturating_sub(height) / 2,
            width: width.min(wide),
            height,
        };
        // A blank column on each side sets it off from what is below.
        let halo = Rect { x: area.x.saturating_sub(1), width: area.width + 2, ..area };
        screen.part(halo).ground(Role::Surface);
        let mut canvas = screen.part(area);
        canvas.ground(Role::Raised);
        let mut frame = Frame::new(None, "");
        frame.count = self.title.clone();
        frame.fact = self.fact.clone();
        frame.focused = true;
        frame.changes = self.changes;
        let inside = frame.draw(&mut canvas);
        let pad = u16::from(inside.height > need.saturating_sub(3));
        let mut inside = canvas.part(Rect {
            x: inside.x + 2,
            y: inside.y + pad,
            width: inside.width.saturating_sub(4),
            height: inside.height.saturating_sub(pad),
        });
        let mut fact = PaneFact {
            digit: 0,
            x: area.x,
            y: area.y,
            width: area.width,
            height: area.height,
            rows_at: area.y + 1,
            first: 0,
            room: 0,
            beyond: 0,
        };
        let mut y = 0;
        let room = inside.height();
        let all: u16 = self.items.iter().map(|item| item.rows(inner)).sum();
        // Where it does not all fit, blanks go first: every word of a review must be seen.
        let mut over = all.saturating_sub(room);
        let air = self.items.iter().filter(|item| item.is_air()).count();
        if let (Some(scroll), true) = (&self.scroll, usize::from(over) > air) {
            facts.panes.push(fact);
            (facts.cut, facts.scroll, facts.lines) = self.draw_scrolled(scroll, &mut inside, inner);
            return;
        }
        for item in &self.items {
            if item.is_air() && over > 0 {
                over -= 1;
                continue;
            }
            let mut rows = item.rows(inner);
            if let Item::Table(..) = item {
                let less = over.min(rows.saturating_sub(2));
                rows -= less;
                over -= less;
                fact.rows_at = inside.area().y + y;
                fact.room = usize::from(rows);
            }
            item.draw(&mut inside.rows(y, rows), &mut fact);
            y += rows;
        }
        facts.cut = over > 0;
        facts.panes.push(fact);
    }

    /// Draws what does not fit: a window on its upper part, and all of its lower one. Returns whether there is more below the window,
    /// how far it can be scrolled, and how many lines that is of.
    fn draw_scrolled(&self, scroll: &Scroll, canvas: &mut Canvas<'_>, inner: usize) -> (bool, usize, usize) {
        let (above, below) = self.items.split_at_checked(scroll.items).unwrap_or((&self.items, &[]));
        let below: Vec<&Item> = below.iter().filter(|item| !item.is_air()).collect();
        let fixed: u16 = below.iter().map(|item| item.rows(inner)).sum();
        let lines: Vec<Item> = above.iter().filter(|item| !item.is_air()).flat_map(|item| item.lines(inner)).collect();
        // One row says how much there is.
        let window = usize::from(canvas.height().saturating_sub(fixed + 1));
        let last = lines.len().saturating_sub(window);
        let at = scroll.at.min(last);
        let mut fact = PaneFact::default();
        let mut y = 0;
        for line in lines.iter().skip(at).take(window) {
            line.draw(&mut canvas.rows(y, 1), &mut fact);
            y += 1;
        }
        let below_window = lines.len().saturating_sub(at + window);
        let says = match below_window {
            0 => Words::of(format!("all {} lines were there to be read", lines.len()), Role::Faint),
            _ => Words::of(format!("↓ {}: ", many(below_window, "more line")), Ink::bold(Role::Degraded))
                .key(scroll.key.clone(), "· to be read before it is confirmed"),
        };
        canvas.put(0, y, says);
        y += 1;
        for item in below {
            let rows = item.rows(inner);
            item.draw(&mut canvas.rows(y, rows), &mut fact);
            y += rows;
        }
        // Without a window no key helps.
        (below_window > 0 || window == 0, if window == 0 { 0 } else { last }, lines.len())
    }
}

impl Item {
    /// Says whether it may go where there is no room.
    const fn is_air(&self) -> bool {
        matches!(self, Self::Blank | Self::Note(_))
    }

    /// Parts it into items of one row.
    fn lines(&self, width: usize) -> Vec<Self> {
        let wrap = |text: &str, taken: usize| super::words::wrap(text, width.saturating_sub(taken).max(8)).into_iter();
        match self {
            Self::Labelled(label, text, role) => {
                let label = |at| if at == 0 { *label } else { "" };
                let lines = wrap(text, LABEL).enumerate();
                lines.map(|(at, line)| Self::Labelled(label(at), line, *role)).collect()
            }
            Self::Signed(sign, text, role) => {
                let sign = |at| if at == 0 { sign.clone() } else { Words::new() };
                wrap(text, 2).enumerate().map(|(at, line)| Self::Signed(sign(at), line, *role)).collect()
            }
            Self::Text(text, role) => wrap(text, 0).map(|line| Self::Text(line, *role)).collect(),
            Self::Blank
            | Self::Line(..)
            | Self::Choice(..)
            | Self::Note(_)
            | Self::Field(..)
            | Self::Table(..)
            | Self::Buttons(..) => vec![self.clone()],
        }
    }

    fn rows(&self, width: usize) -> u16 {
        match self {
            Self::Blank | Self::Line(..) | Self::Choice(..) | Self::Note(_) => 1,
            Self::Buttons(buttons, says) => 1 + u16::from(beside(buttons) + says.width() > width),
            Self::Labelled(_, text, _) => {
                let lines = super::words::wrap(text, width.saturating_sub(LABEL).max(8)).len();
                u16::try_from(lines.max(1)).unwrap_or(u16::MAX)
            }
            Self::Text(text, _) => u16::try_from(super::words::wrap(text, width).len()).unwrap_or(u16::MAX),
            Self::Signed(_, text, _) => {
                let lines = super::words::wrap(text, width.saturating_sub(2).max(8)).len();
                u16::try_from(lines.max(1)).unwrap_or(u16::MAX)
            }
            Self::Field(_, _, rows) => *rows,
            Self::Table(table, most) => {
                u16::try_from(table.rows.len() + usize::from(table.heads)).unwrap_or(u16::MAX).min(*most)
            }
        }
    }

    fn draw(&self, canvas: &mut Canvas<'_>, fact: &mut PaneFact) {
        match self {
            Self::Blank => {}
            Self::Line(left, right) => {
                let wide = canvas.width();
                let start = canvas.put_right(wide, 0, right.clone());
                canvas.put_within(0, 0, start.saturating_sub(u16::from(!right.is_empty())), left.clone());
            }
            Self::Choice(line, short, right) => {
                let wide = usize::from(canvas.width());
                let fits = line.width() + right.width() + 2 <= wide;
                let line = if fits { line } else { short };
                Self::Line(line.clone(), right.clone()).draw(canvas, fact);
            }
            Self::Note(text) => {
                canvas.put(0, 0, Words::of(text.clone(), Role::Faint));
            }
            Self::Labelled(label, text, role) => {
                canvas.put(0, 0, Words::of(*label, Role::Dim));
                let width = usize::from(canvas.width()).saturating_sub(LABEL).max(8);
                for (y, line) in (0..).zip(super::words::wrap(text, width)) {
                    canvas.put(10, y, Words::of(line, *role));
                }
            }
            Self::Signed(sign, text, role) => {
                canvas.put(0, 0, sign.clone());
                let width = usize::from(canvas.width()).saturating_sub(2).max(8);
                for (y, line) in (0..).zip(super::words::wrap(text, width)) {
                    canvas.put(2, y, Words::of(line, *role));
                }
            }
            Self::Text(text, role) => {
                let width = usize::from(canvas.width());
                for (y, line) in (0..).zip(super::words::wrap(text, width)) {
                    canvas.put(0, y, Words::of(line, *role));
                }
            }
            Self::Field(label, field, _) => {
                let mut x = 0;
                if !label.is_empty() {
                    canvas.put(0, 0, Words::of(*label, Role::Dim));
                    x = 10;
                }
                let wide = canvas.width().saturating_sub(x);
                field.draw(&mut canvas.columns(x, wide));
            }
            Self::Table(table, _) => {
                let shown = table.draw(canvas);
                fact.first = shown.first;
                fact.rows_at += shown.above;
            }
            Self::Buttons(buttons, says) => {
                let mut x = 0;
                for button in buttons {
                    let words = match button.state {
                        ButtonState::Safe => {
                            Words::of(format!("  {} {}  ", button.key, button.does), Ink::pill(Role::Accent))
                        }
                        ButtonState::Ready => Words::of(" ", Role::Text)
                            .add(format!(" {} ", button.key), Ink::bold(Role::Key))
                            .strong(format!("{} ", button.does)),
                        ButtonState::Off => {
                            Words::of(format!(" {} ", button.key), Ink::of(Role::Faint).on(Role::SurfaceAlt)).add(
                                format!("{} ", button.does),
                                Ink::of(Role::Faint).on(Role::SurfaceAlt).extra(Extra::Struck),
                            )
                        }
                    };
                    x = canvas.put(x, 0, words) + 3;
                }
                // What is said about them is not cut: without room beside them it stands below.
                let below = usize::from(x) + says.width() > usize::from(canvas.width()) && canvas.height() > 1;
                if below {
                    canvas.put(0, 1, says.clone());
                } else {
                    canvas.put(x, 0, says.clone());
                }
            }
        }
    }
}

/// Returns the columns that buttons take, the gap after the last included.
fn beside(buttons: &[Button]) -> usize {
    let text = |button: &Button| super::words::width(&button.key) + super::words::width(&button.does);
    let around = |button: &Button| if button.state == ButtonState::Off { 3 } else { 4 };
    // The safe one has a blank more on either side, and the others stand apart by three.
    buttons.iter().map(|button| text(button) + around(button) + 4).sum()
}

/// Writes a labelled line of a box.
pub fn labelled(label: &'static str, words: Words) -> Item {
    Item::Line(Words::of(super::words::pad(label, 10), Role::Dim).join(words), Words::new())
}
