//! Fragments of what one process wrote, put together where lines of others stand between them.
//!
//! A process manager writes one line of JSON for each write; a write may be a part of a line, and where several processes share
//! a file, the next part stands behind what others wrote meanwhile.
use std::collections::HashMap;

use memchr::{memchr, memmem};

use super::{Format, json};

/// So many lines after a fragment its end is not waited for any longer: the process writes no line breaks.
const FAR: usize = 512;

/// Lines with the fragments of each record next to each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gathered {
    /// The lines. Those of records that may go on are the last.
    pub bytes: Vec<u8>,
    /// Where records begin that may go on; the length where there are none.
    pub open: usize,
}

/// Lines of one record: where they begin and end, the line break included.
struct Group {
    lines: Vec<(usize, usize)>,
    first: usize,
    open: bool,
}

impl Format {
    /// Says whether what belongs to one record may stand behind lines of others.
    pub fn gathers(&self) -> bool {
        self.whole.is_some()
    }

    /// Puts fragments of records next to each other, in the order of their first ones. None where there is none, which is quickly
    /// found out, and where the format knows no fragments. No byte is lost; a last line without its end stays the last.
    pub fn gather(&self, bytes: &[u8]) -> Option<Gathered> {
        let (whole, same) = self.whole.as_ref()?;
        let ended = memchr::memrchr(b'\n', bytes).map_or(0, |at| at + 1);
        let (lines, rest) = bytes.split_at_checked(ended)?;
        let end = memmem::Finder::new(br#"\n""#);
        if lines.split(|byte| *byte == b'\n').all(|line| line.is_empty() || end.find(line).is_some()) {
            return None;
        }
        let mut groups: Vec<Group> = Vec::new();
        let mut open: HashMap<Vec<&[u8]>, usize> = HashMap::new();
        let mut start = 0;
        for number in 0.. {
            let Some(line) = lines.get(start..).filter(|rest| !rest.is_empty()) else { break };
            let length = memchr(b'\n', line).map_or(line.len(), |at| at + 1);
            let span = (start, start + length);
            let line = line.get(..length.saturating_sub(1)).unwrap_or_default();
            start += length;
            let message = json::is_object(line).then(|| json::get(line, whole.as_bytes())).flatten();
            let Some(message) = message.filter(|value| value.is == json::Is::Text) else {
                groups.push(Group { lines: vec![span], first: number, open: false });
                continue;
            };
            let key: Vec<&[u8]> =
                same.iter().map(|key| json::get(line, key.as_bytes()).map_or(&b""[..], |value| value.text)).collect();
            let is_open = !message.text.ends_with(b"\\n");
            let before =
                open.remove(&key).filter(|at| groups.get(*at).is_some_and(|group| number - group.first <= FAR));
            let at = before.unwrap_or(groups.len());
            match groups.get_mut(at) {
                Some(group) => {
                    group.lines.push(span);
                    group.open = is_open;
                }
                None => groups.push(Group { lines: vec![span], first: number, open: is_open }),
            }
            if is_open {
                open.insert(key, at);
            }
        }
        let last = groups.last().map_or(0, |group| group.first);
        let (going_on, done): (Vec<_>, Vec<_>) =
            groups.into_iter().partition(|group| group.open && last.saturating_sub(group.first) <= FAR);
        let mut gathered = Vec::with_capacity(bytes.len());
        let mut write = |groups: &[Group]| {
            for (from, to) in groups.iter().flat_map(|group| &group.lines) {
                gathered.extend_from_slice(lines.get(*from..*to).unwrap_or_default());
            }
            gathered.len()
        };
        let open = write(&done);
        write(&going_on);
        gathered.extend_from_slice(rest);
        Some(Gathered { bytes: gathered, open })
    }
}
