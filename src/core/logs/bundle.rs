//! A bundle: log lines as text, with where they are from and what they were filtered by. It is copied, and kept as evidence.
use super::Nanos;

/// What begins a bundle.
const FILTER: &str = "filter: ";
/// What tells how many lines of logs are in it.
const LINES: &str = "lines: ";

/// A line of a log within a bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// The host that it was read on; empty where that is not said.
    pub host: &'a str,
    /// What it says, as it was written.
    pub text: &'a str,
}

/// Returns what stands above the lines of a bundle.
pub(super) fn head(filter: &str, lines: usize, masked: usize) -> String {
    format!("{FILTER}{filter}\n{LINES}{lines}\nmasked: {masked}\n\n")
}

/// Returns a line of a log as it stands in a bundle.
pub(super) fn line(at: Nanos, (host, source): (&str, &str), text: &str) -> String {
    format!("{at:?} {host} {source}: {text}\n")
}

/// Returns what the console says of a source as it stands in a bundle.
pub(super) fn notice(at: Nanos, text: &str) -> String {
    format!("# {at:?} {text}\n")
}

/// Returns how many lines of logs a text says to have; none where it is no bundle.
pub fn count(text: &str) -> Option<usize> {
    let (head, _) = split(text)?;
    head.lines().find_map(|line| line.strip_prefix(LINES))?.parse().ok()
}

/// Returns the lines of logs in a text. What the console itself wrote there is none of them; a text that is no bundle is lines as they are.
pub fn lines(text: &str) -> impl Iterator<Item = Line<'_>> {
    let body = split(text).map(|(_, body)| body);
    let is_bundle = body.is_some();
    let all = body.unwrap_or(text).lines();
    all.filter(move |line| !(is_bundle && line.starts_with("# ")))
        .map(move |line| is_bundle.then(|| placed(line)).flatten().unwrap_or(Line { host: "", text: line }))
}

fn split(text: &str) -> Option<(&str, &str)> {
    text.starts_with(FILTER).then(|| text.split_once("\n\n")).flatten()
}

/// Reads a line with its place; none for the further lines of an entry, which have none.
fn placed(line: &str) -> Option<Line<'_>> {
    let (at, rest) = line.split_once(' ')?;
    chrono::DateTime::parse_from_rfc3339(at).ok()?;
    let (place, text) = rest.split_once(": ")?;
    Some(Line { host: place.split(' ').next().unwrap_or_default(), text })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again_without_what_the_console_added() {
        let at = Nanos(1_000_000_000);
        let body = [
            head("level:error", 2, 1),
            line(at, ("web-01", "play"), "ERROR pool: timeout\n  at pool.rs: 7"),
            notice(at, "play has nothing older"),
            line(at, ("", "play"), "again"),
        ];
        let text = body.concat();
        let read: Vec<(&str, &str)> = lines(&text).map(|line| (line.host, line.text)).collect();
        assert_eq!(read, [("web-01", "ERROR pool: timeout"), ("", "  at pool.rs: 7"), ("", "again")]);
        assert_eq!(count(&text), Some(2));
        let plain = "# a comment\nfilter: none";
        assert_eq!(lines(plain).map(|line| line.text).collect::<Vec<_>>(), ["# a comment", "filter: none"]);
        assert_eq!(count(plain), None);
    }
}
