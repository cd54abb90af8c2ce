//! The parts of a request line and of a URL.
use serde::Deserialize;

/// A part of another field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// The first word of a request line, where it can be one.
    Method,
    /// What a request line asks for, query included.
    Url,
    /// That without its query, and without scheme and host where it names them.
    Path,
    /// What follows `?`, if there is one.
    Query,
    /// `HTTP/1.1`.
    Protocol,
    /// The path of a field that is a URL, not a request line.
    UrlPath,
    /// The query of a field that is a URL.
    UrlQuery,
    /// The first letter: klog's level.
    Letter,
}

impl Part {
    /// Takes the part. A request line that is garbage has no parts but is its own URL and path.
    pub fn of(self, text: &[u8]) -> Option<&[u8]> {
        let some = |text: &'_ [u8]| (!text.is_empty() && text != b"-").then_some(()).is_some();
        let part = match self {
            Self::UrlPath => return some(text).then(|| path(text)),
            Self::UrlQuery => return query(text),
            Self::Letter => return text.get(..1),
            Self::Method | Self::Url | Self::Path | Self::Query | Self::Protocol => split(text),
        };
        match self {
            Self::Method => part.method,
            Self::Url => some(part.url).then_some(part.url),
            Self::Path => some(part.url).then(|| path(part.url)),
            Self::Query => query(part.url),
            Self::Protocol => part.protocol,
            Self::UrlPath | Self::UrlQuery | Self::Letter => None,
        }
    }
}

struct Line<'a> {
    method: Option<&'a [u8]>,
    url: &'a [u8],
    protocol: Option<&'a [u8]>,
}

fn split(text: &[u8]) -> Line<'_> {
    let garbage = Line { method: None, url: text, protocol: None };
    let Some(first) = text.iter().take(24).position(|byte| *byte == b' ') else { return garbage };
    let Some((method, rest)) = text.split_at_checked(first) else { return garbage };
    let is_word = |word: &[u8]| !word.is_empty() && word.iter().all(|byte| byte.is_ascii_alphabetic() || *byte == b'-');
    if !is_word(method) {
        return garbage;
    }
    let rest = rest.get(1..).unwrap_or_default();
    // The protocol is the last word; a URL may hold spaces.
    match memchr::memrchr(b' ', rest).and_then(|last| rest.split_at_checked(last)) {
        Some((url, protocol)) if protocol.starts_with(b" HTTP/") => {
            Line { method: Some(method), url, protocol: protocol.get(1..) }
        }
        _ => Line { method: Some(method), url: rest, protocol: None },
    }
}

fn path(url: &[u8]) -> &[u8] {
    let end = memchr::memchr2(b'?', b'#', url).unwrap_or(url.len());
    let whole = url.get(..end).unwrap_or(url);
    if whole.first() == Some(&b'/') {
        return whole;
    }
    let Some(at) = whole.iter().take(12).position(|byte| *byte == b':') else { return whole };
    let Some(after) = whole.get(at..).and_then(|rest| rest.strip_prefix(b"://")) else { return whole };
    memchr::memchr(b'/', after).and_then(|slash| after.get(slash..)).unwrap_or(b"/")
}

fn query(url: &[u8]) -> Option<&[u8]> {
    let query = url.get(memchr::memchr(b'?', url)? + 1..)?;
    (!query.is_empty()).then_some(query)
}
