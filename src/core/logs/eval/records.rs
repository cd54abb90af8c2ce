//! Records by the bytes that they hold.

/// Finds the record that holds a byte, for bytes that only ever rise.
pub(super) struct Records<'a> {
    pub(super) bounds: &'a [u32],
    pub(super) at: usize,
}

impl Records<'_> {
    /// Returns the record and where it ends, its last `\n` included.
    pub(super) fn holding(&mut self, byte: usize) -> Option<(usize, usize)> {
        let rest = self.bounds.get(self.at..)?;
        let near = rest.iter().take(9).position(|bound| *bound as usize > byte);
        let ahead = near.unwrap_or_else(|| rest.partition_point(|bound| *bound as usize <= byte));
        let record = (self.at + ahead).checked_sub(1)?;
        self.at = record;
        let end = *self.bounds.get(record + 1)? as usize;
        Some((record, end))
    }
}
