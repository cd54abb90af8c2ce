//! `key=value` pairs: logfmt, and the tail that the error log of Nginx puts after its message.
use std::borrow::Cow;

use super::escape::Escape;

/// One pair as written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pair<'a> {
    pub(super) key: &'a [u8],
    /// What stands between the quotes where there are some.
    pub(super) value: &'a [u8],
    quoted: bool,
}

impl<'a> Pair<'a> {
    /// The value, unescaped.
    pub(super) fn bytes(self) -> Cow<'a, [u8]> {
        if self.quoted { Escape::Json.undo(self.value) } else { Cow::Borrowed(self.value) }
    }
}

/// Goes through the pairs of a text until `visit` says that it has enough. Words without `=` are passed over.
#[inline]
pub(super) fn each<'a>(text: &'a [u8], mut visit: impl FnMut(Pair<'a>) -> bool) {
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let Some(stop) = rest.iter().position(|byte| matches!(byte, b'=' | b' ' | b'"' | b'\t')) else { return };
        if rest.get(stop) != Some(&b'=') || stop == 0 {
            at += stop + 1;
            continue;
        }
        let begin = at + stop + 1;
        let (value, end, quoted) = if text.get(begin) == Some(&b'"') {
            let end = super::json::string_end(text, begin + 1).unwrap_or(text.len());
            (text.get(begin + 1..end), end + 1, true)
        } else {
            let value = text.get(begin..).unwrap_or_default();
            let end = begin + value.iter().position(|byte| matches!(byte, b' ' | b'\t')).unwrap_or(value.len());
            (text.get(begin..end), end, false)
        };
        let Some((key, value)) = rest.get(..stop).zip(value) else { return };
        if visit(Pair { key, value, quoted }) {
            return;
        }
        at = end.max(begin);
    }
}

/// Finds the value of a key.
pub(super) fn get<'a>(text: &'a [u8], key: &[u8]) -> Option<Pair<'a>> {
    let mut found = None;
    each(text, |pair| {
        if pair.key == key {
            found = Some(pair);
        }
        found.is_some()
    });
    found
}

/// Says how many pairs a text begins with, counted up to `most`, and that no more than a few words are none.
pub(super) fn looks_like(text: &[u8]) -> bool {
    let mut pairs = 0_u32;
    each(text, |pair| {
        pairs += u32::from(pair.key.iter().all(|byte| byte.is_ascii_alphanumeric() || b"_.-@/".contains(byte)));
        pairs >= 64
    });
    let words = memchr::memchr_iter(b' ', text).count();
    pairs >= 2 && usize::try_from(pairs).is_ok_and(|pairs| pairs * 6 >= words)
}

/// Where the tail of known keys begins: `message, client: 1.2.3.4, server: x, request: "GET / HTTP/1.1"`.
///
/// Values hold commas, quotes and raw bytes, and a client writes some of them. So the last place counts where the first key is
/// followed by what can be its value.
pub(super) fn tail(text: &[u8], keys: &[String]) -> Option<usize> {
    let first = keys.first()?;
    let needle = format!(", {first}: ");
    let mut found = None;
    for at in memchr::memmem::find_iter(text, needle.as_bytes()) {
        let value = text.get(at + needle.len()..).unwrap_or_default();
        let end = value.iter().position(|byte| !(byte.is_ascii_alphanumeric() || b".:-_%".contains(byte)));
        let follows = end.is_none_or(|end| end > 0 && value.get(end..).is_some_and(|rest| rest.starts_with(b", ")));
        if follows {
            found = Some(at);
        }
    }
    found
}

/// Goes through the tail's keys, which stand in their order.
pub(super) fn each_of_tail<'a>(text: &'a [u8], keys: &[String], mut visit: impl FnMut(usize, &'a [u8]) -> bool) {
    let mut rest = text;
    let mut index = 0;
    while let Some(after) = rest.strip_prefix(b", ") {
        let Some((number, value)) = keys.iter().enumerate().skip(index).find_map(|(number, key)| {
            let value = after.strip_prefix(key.as_bytes())?.strip_prefix(b": ")?;
            Some((number, value))
        }) else {
            return;
        };
        index = number + 1;
        let ends = keys.iter().skip(index).filter_map(|key| {
            let stop = if value.first() == Some(&b'"') { format!("\", {key}: ") } else { format!(", {key}: ") };
            memchr::memmem::find(value, stop.as_bytes()).map(|at| at + usize::from(value.first() == Some(&b'"')))
        });
        let end = ends.min().unwrap_or(value.len());
        let Some((value, next)) = value.split_at_checked(end) else { return };
        let value = value.strip_prefix(b"\"").map_or(value, |value| value.strip_suffix(b"\"").unwrap_or(value));
        if visit(number, value) {
            return;
        }
        rest = next;
    }
}
