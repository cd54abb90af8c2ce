//! How a line writes what its columns hold, for whoever searches lines without taking them apart.
use super::{FieldRef, Format, Shape, Slot};

impl Format {
    /// Returns a regex of what stands directly before the digits of a record's status; none where they may stand in several ways.
    pub fn before_status(&self) -> Option<String> {
        // What has no status of its own has that of its message.
        let Shape::Pattern { pattern, .. } = &self.shape else { return None };
        let [Slot::Capture(slot)] = self.slots.get(self.status.filter(|_| self.body.is_none())?)?.as_slice() else {
            return None;
        };
        let literal = std::str::from_utf8(pattern.before_digits(*slot)?).ok()?;
        (!literal.trim().is_empty()).then(|| format!("{} *", regex::escape(literal)))
    }

    /// Says whether a field's text stands in the line as it is, unless there is a backslash in the line.
    pub fn is_verbatim(&self, field: &str) -> bool {
        fn is_cut(slot: &Slot) -> bool {
            match slot {
                Slot::Capture(_) => true,
                Slot::Part(of, _) => is_cut(of),
                Slot::Key(_) | Slot::Tail(_) | Slot::Scaled(..) => false,
            }
        }
        let FieldRef::Named(index) = self.resolve(field) else { return false };
        let is_of_text = matches!(self.shape, Shape::Pattern { .. } | Shape::Regex { .. });
        let slots = self.slots.get(index).filter(|_| is_of_text && self.body != Some(index));
        slots.is_some_and(|slots| !slots.is_empty() && slots.iter().all(is_cut))
    }
}
