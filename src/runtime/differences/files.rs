//! What differs in a configuration file: what stands in it, held against the older copy that its host has. Recorders keep hashes only, since
//! such files hold secrets; the hash that was kept proves which copy it was.
use super::HOSTS;
use crate::{
    core::{
        incidents::{
            evidence::sha256,
            suspects::difference::{Ask, Difference, Line, Mark},
        },
        inventory::{Host, Inventory},
        time::{Timestamp, short},
        words::many,
    },
    parse::{
        copies::{BYTES, Copies, Copy, State},
        diff, settings,
    },
    remote::Remote,
    sources::changes,
};

/// Letters of a hash that are shown.
const SHORT: usize = 16;

/// A file: its path, and what is known of its hashes, before and since.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked<'a> {
    pub path: &'a str,
    pub before: Option<&'a str>,
    pub after: Option<&'a str>,
}

/// Looks up what differs in a file.
///
/// # Errors
/// Why it is not known, and what is, in lines.
pub(super) async fn look(
    remote: &dyn Remote,
    inventory: &Inventory,
    ask: &Ask,
    file: Asked<'_>,
) -> Result<Difference, String> {
    let mut why = Vec::new();
    for host in ask.hosts.iter().filter_map(|name| inventory.host(name)).take(HOSTS) {
        match on(remote, host, ask.at, file).await {
            Ok(found) => return Ok(found),
            Err(error) => why.push(format!("{}: {error}", host.name)),
        }
    }
    if why.is_empty() {
        why.push("the host that it was changed on is not configured any more".to_owned());
    }
    why.push(hashes(file));
    Err(why.join("\n"))
}

/// Says what is known of a file whose older copy nobody has.
fn hashes(file: Asked<'_>) -> String {
    let of = |hash: Option<&str>| hash.map_or("?".to_owned(), |hash| hash.chars().take(SHORT).collect());
    format!(
        "only its hashes are kept, since such files hold secrets: SHA-256 {} -> {}",
        of(file.before),
        of(file.after)
    )
}

async fn on(remote: &dyn Remote, host: &Host, at: Timestamp, file: Asked<'_>) -> Result<Difference, String> {
    let copies = changes::copies(remote, host, file.path).await?;
    let Some((copy, proved)) = copies.before(file.before, at) else { return Err(none(file, &copies)) };
    let from = format!("{} on {}", copy.place.words(), host.name);
    if copies.now.is_none() && !copies.gone {
        return Err(format!(
            "{from} is there, but not what stands in {} now: {}",
            file.path,
            copies.missing.join("; ")
        ));
    }
    if copy.state.bytes > BYTES as u64 || copies.now.as_ref().is_some_and(|now| now.bytes > BYTES as u64) {
        return Err(format!("{from} is there, and longer than the {} KiB that are compared", BYTES >> 10));
    }
    let mut lines = sure(file, &copies, (copy, proved), at);
    let (now, old) = changes::texts(remote, host, file.path, &copy.place).await?;
    // What was listed is what is compared, or nothing is said of it.
    let same = |text: &[u8], state: &State| sha256(text) == state.sha256;
    let is_now = match (&now, &copies.now) {
        (Some(now), Some(listed)) => same(now, listed),
        (None, None) => true,
        (Some(_), None) | (None, Some(_)) => false,
    };
    if !is_now || !same(&old, &copy.state) {
        return Err(format!("{} was written while it was read: ask again", file.path));
    }
    lines.extend(compared(file.path, &old, now.as_deref().unwrap_or_default()));
    Ok(Difference::new(from, lines))
}

fn none(file: Asked<'_>, copies: &Copies) -> String {
    let mut why = format!(
        "no older copy of {} is there: neither beside it (~, .bak, .orig, .old, .dpkg-old, .rpmsave), nor in /var/backups, nor in another release, nor in git (etckeeper)",
        file.path
    );
    if !copies.missing.is_empty() {
        why = format!("{why}; {}", copies.missing.join("; "));
    }
    why
}

/// Says how sure it is that this is what stood there, and that nobody wrote there since.
fn sure(file: Asked<'_>, copies: &Copies, (copy, proved): (&Copy, bool), at: Timestamp) -> Vec<Line> {
    let apart = at.since(copy.state.at);
    let age = if apart >= 0 {
        format!("of {} before the change", short(apart.unsigned_abs()))
    } else {
        format!("kept {} after the change", short(apart.unsigned_abs()))
    };
    let mut lines = vec![match (proved, file.before) {
        (true, _) => (Mark::Same, format!("it is what stood there: its SHA-256 is the one that was kept ({age})")),
        (false, Some(_)) => {
            (Mark::Doubt, format!("{age}, and not the last one: no copy has the SHA-256 that was kept"))
        }
        (false, None) => (Mark::Doubt, format!("{age}, not surely the last one: no SHA-256 from before is known")),
    }];
    let since = copies.now.as_ref().zip(file.after).is_some_and(|(now, after)| !now.sha256.starts_with(after));
    if since {
        lines.push((Mark::Doubt, "the file was written once more since: it is compared as it is now".to_owned()));
    }
    if copies.gone {
        lines.push((Mark::Doubt, "the file is not there any more".to_owned()));
    }
    lines
}

/// Compares two texts, without what may be secrets.
fn compared(path: &str, old: &[u8], new: &[u8]) -> Vec<Line> {
    if old == new {
        return vec![(Mark::Head, "it stands there again, word for word".to_owned())];
    }
    if old.contains(&0) || new.contains(&0) {
        let bytes = format!("it is no text: {} before, {} now", many(old.len(), "byte"), many(new.len(), "byte"));
        return vec![(Mark::Head, bytes)];
    }
    let Some((old_lines, new_lines)) = settings::shown(path, (old, new)) else {
        let lines = |text: &[u8]| many(text.split(|byte| *byte == b'\n').count(), "line");
        let kept = format!(
            "it differs, and holds keys or passwords: of its {} (before: {}) none is shown",
            lines(new),
            lines(old)
        );
        return vec![(Mark::Head, kept)];
    };
    let found = diff::unified(&old_lines.join("\n"), &new_lines.join("\n"));
    if found.is_empty() {
        return vec![(
            Mark::Head,
            "no line that can be shown differs: blanks, or what is behind 4,000 letters".to_owned(),
        )];
    }
    let mark = |line: String| {
        let mark = match line.get(..2) {
            Some("@@") => Mark::Head,
            Some("- ") => Mark::Gone,
            Some("+ ") => Mark::Come,
            Some(_) | None => Mark::Same,
        };
        (mark, line)
    };
    found.into_iter().map(mark).collect()
}
