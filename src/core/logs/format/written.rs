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

    /// Says whether a field's text stands in the line as it is, unless [`Format::written_otherwise`] finds something there.
    pub fn is_verbatim(&self, field: &str) -> bool {
        fn is_cut(slot: &Slot) -> bool {
            match slot {
                Slot::Capture(_) => true,
                Slot::Part(of, _) => is_cut(of),
                Slot::Key(_) | Slot::Tail(_) | Slot::Scaled(..) => false,
            }
        }
        let slots = |index: usize| self.slots.get(index).map_or(&[][..], Vec::as_slice);
        match (&self.shape, self.resolve(field)) {
            (Shape::Pattern { .. } | Shape::Regex { .. }, FieldRef::Named(index)) => {
                self.body != Some(index) && !slots(index).is_empty() && slots(index).iter().all(is_cut)
            }
            (Shape::Json { .. }, FieldRef::Named(index)) => {
                self.body != Some(index) && !slots(index).is_empty() && slots(index).iter().all(is_of_key)
            }
            // Also what stands in a message that is an object itself: its quotes are escaped.
            (Shape::Json { .. }, FieldRef::Dynamic(_)) => true,
            _ => false,
        }
    }

    /// Returns a regex that finds something in every line in which a field's text may be written otherwise: in an escape, and in
    /// JSON as a list of the numbers of its bytes too.
    pub fn written_otherwise(&self) -> &'static str {
        if let Shape::Json { .. } = self.shape { r"\\|\[[\t\r ]*[0-9]" } else { r"\\" }
    }
}

fn is_of_key(slot: &Slot) -> bool {
    match slot {
        Slot::Key(_) => true,
        Slot::Part(of, _) => is_of_key(of),
        Slot::Capture(_) | Slot::Tail(_) | Slot::Scaled(..) => false,
    }
}
