//! What `apt-get --simulate upgrade` would do.

/// A package that would be brought to another version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upgrade {
    /// Its name.
    pub name: String,
    /// What is there.
    pub from: String,
    /// What would be.
    pub to: String,
    /// Whether that comes from where security fixes come from.
    pub security: bool,
}

/// Reads `Inst NAME [FROM] (TO WHERE [ARCH])`, behind a first line `ok`.
///
/// # Errors
/// What was said instead.
pub fn upgrades(answer: &str) -> Result<Vec<Upgrade>, String> {
    let mut lines = answer.lines();
    if lines.next() != Some("ok") {
        return Err(super::kubernetes::words(answer));
    }
    Ok(lines.filter_map(upgrade).collect())
}

fn upgrade(line: &str) -> Option<Upgrade> {
    let (name, rest) = line.strip_prefix("Inst ")?.split_once(' ')?;
    let (from, rest) = rest.strip_prefix('[')?.split_once(']')?;
    let (to, place) = rest.trim_start().strip_prefix('(')?.split_once(' ')?;
    let security = place.contains("-Security:") || place.contains("-security");
    Some(Upgrade { name: name.into(), from: from.into(), to: to.into(), security }).filter(|_| is_package(name))
}

/// Says whether a text can be the name of a package.
pub fn is_package(text: &str) -> bool {
    let fits = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || "+.-:".contains(letter);
    text.len() >= 2 && text.chars().all(fits) && text.starts_with(|first: char| first.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_be_upgraded_is_read() {
        let text = "ok\nInst libssl3 [3.0.11-1] (3.0.15-1 Debian-Security:12/oldstable-security [amd64])\n\
            Inst nginx [1.22.1-9] (1.22.1-9+deb12u3 Debian:12.9/stable [amd64]) []\nInst new (1.0 Debian:12 [amd64])\nInst $(x) [1] (2 a [b])";
        let read = upgrades(text).unwrap();
        let shown: Vec<_> = read.iter().map(|one| (one.name.as_str(), one.to.as_str(), one.security)).collect();
        assert_eq!(shown, [("libssl3", "3.0.15-1", true), ("nginx", "1.22.1-9+deb12u3", false)]);
        assert_eq!(upgrades("ok").unwrap(), []);
        assert_eq!(upgrades(" sh: 1: apt-get: not found").unwrap_err(), "sh: 1: apt-get: not found");
        assert!(upgrades("").is_err());
    }
}
