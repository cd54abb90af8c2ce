//! Derived fields.

/// Rules that make fields of other fields.
#[derive(Debug, Default)]
pub struct Derived;

impl Derived {
    /// Says whether there is a rule for a field.
    pub fn has(&self, _name: &str) -> bool {
        false
    }

    /// Makes a field's value from a record.
    pub fn value(&self, _name: &str, _record: &[u8], _format: &super::format::Format) -> Option<Vec<u8>> {
        None
    }
}
