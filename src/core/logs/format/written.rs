//! How a line writes what its columns hold, for whoever searches lines without taking them apart.
use super::{Format, Shape, Slot};

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
}
