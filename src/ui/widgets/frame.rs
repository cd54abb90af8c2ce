//! Frames: `─ digit name count ─── fact ─`, in three weights that each mean something.
use crate::config::theme::Role;
use ratatui::layout::Rect;

use crate::ui::{canvas::Canvas, glyphs::Weight, style::Ink, words::Words};

/// A pane's frame.
#[derive(Clone, Debug)]
pub struct Frame {
    /// The key that jumps here.
    pub digit: Option<u8>,
    /// Its name.
    pub name: String,
    /// Count or window, and what else belongs to the title.
    pub count: Words,
    /// One fact about the pane, on the right.
    pub fact: Words,
    /// Bottom border on the right, drawn only where focused.
    pub legend: Words,
    /// Whether the keys go here.
    pub focused: bool,
    /// Whether what it shows changes production.
    pub changes: bool,
}

impl Frame {
    /// Makes a quiet frame.
    pub fn new(digit: impl Into<Option<u8>>, name: impl Into<String>) -> Self {
        Self {
            digit: digit.into(),
            name: name.into(),
            count: Words::new(),
            fact: Words::new(),
            legend: Words::new(),
            focused: false,
            changes: false,
        }
    }

    /// Sets the count.
    #[must_use]
    pub fn count(self, count: impl Into<String>) -> Self {
        Self { count: Words::of(count.into(), Role::Dim), ..self }
    }

    /// Sets the fact.
    #[must_use]
    pub fn fact(self, fact: Words) -> Self {
        Self { fact, ..self }
    }

    /// Sets the legend.
    #[must_use]
    pub fn legend(self, legend: Words) -> Self {
        Self { legend, ..self }
    }

    /// Draws it and returns what is inside.
    pub fn draw(&self, canvas: &mut Canvas<'_>) -> Rect {
        let area = canvas.area();
        let (wide, high) = (area.width, area.height);
        if wide < 2 || high < 2 {
            return Rect { width: 0, height: 0, ..area };
        }
        let (weight, role) = match (self.changes, self.focused) {
            (true, _) => (Weight::Changes, Role::Prod),
            (false, true) => (Weight::Focused, Role::Focus),
            (false, false) => (Weight::Quiet, Role::Border),
        };
        let border = canvas.look.glyphs.border(weight);
        for x in 1..wide - 1 {
            canvas.sign(x, 0, border.across, role);
            canvas.sign(x, high - 1, border.across, role);
        }
        for y in 1..high - 1 {
            canvas.sign(0, y, border.down, role);
            canvas.sign(wide - 1, y, border.down, role);
        }
        canvas.sign(0, 0, border.top_left, role);
        canvas.sign(wide - 1, 0, border.top_right, role);
        canvas.sign(0, high - 1, border.bottom_left, role);
        canvas.sign(wide - 1, high - 1, border.bottom_right, role);

        let title = self.title();
        let mut after = 2;
        if wide >= 6 && !title.is_empty() {
            after = canvas.put_within(2, 0, wide - 4, Words::of(" ", Role::Text).join(title).gap(1));
        }
        let room = usize::from(wide.saturating_sub(after + 3));
        if !self.fact.is_empty() && self.fact.width() + 2 <= room {
            canvas.put_right(wide - 2, 0, Words::of(" ", Role::Text).join(self.fact.clone()).gap(1));
        }
        if self.focused && !self.legend.is_empty() && self.legend.width() + 6 <= usize::from(wide) {
            canvas.put_right(wide - 2, high - 1, Words::of(" ", Role::Text).join(self.legend.clone()).gap(1));
        }
        Rect { x: area.x + 1, y: area.y + 1, width: wide - 2, height: high - 2 }
    }

    fn title(&self) -> Words {
        let mut title = Words::new();
        if let Some(digit) = self.digit {
            let ink = if self.focused { Ink::bold(Role::Key) } else { Ink::of(Role::Dim) };
            title = title.add(digit.to_string(), ink).gap(1);
        }
        let ink = if self.focused { Ink::bold(Role::Strong) } else { Ink::of(Role::Title) };
        title = title.add(self.name.clone(), ink);
        if !self.count.is_empty() {
            title = title.gap(1).join(self.count.clone());
        }
        title
    }
}
