//! Which older copies of a file a host has, and what stands in one: the answers of the scripts of [`sources::changes`](crate::sources::changes).
use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::sanitise;
use crate::core::time::Timestamp;

/// Lines of an answer that are read.
const LINES: usize = 500;
/// Bytes of a file whose lines are compared.
pub const BYTES: usize = 256 << 10;

/// A state of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// When it was written.
    pub at: Timestamp,
    /// How long it is.
    pub bytes: u64,
    /// Its SHA-256.
    pub sha256: String,
}

/// Where an older copy lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In a file.
    File(String),
    /// In a commit of a repository, by somebody.
    Commit {
        /// The repository's folder.
        repo: String,
        /// Which commit.
        commit: String,
        /// Who wrote it.
        by: String,
    },
}

/// An older copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copy {
    /// Where it lies.
    pub place: Place,
    /// What it is.
    pub state: State,
    /// Whether it came with a package: then it may never have stood there.
    pub packaged: bool,
}

/// What a host has of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Copies {
    /// What is there now; none where it is not there, or cannot be read.
    pub now: Option<State>,
    /// Whether it is surely not there.
    pub gone: bool,
    /// Its older copies.
    pub copies: Vec<Copy>,
    /// What could not be looked at, and why.
    pub missing: Vec<String>,
}

impl Copies {
    /// Returns the copy that stood there before a change, and whether its hash proves it. Without a proof it is the newest that is
    /// older than the change and differs from what is there.
    pub fn before(&self, hash: Option<&str>, at: Timestamp) -> Option<(&Copy, bool)> {
        let is = |copy: &&Copy| hash.is_some_and(|hash| hash.len() >= 16 && copy.state.sha256.starts_with(hash));
        if let Some(proved) = self.copies.iter().filter(is).max_by_key(|copy| copy.state.at) {
            return Some((proved, true));
        }
        let other =
            |copy: &&Copy| copy.state.at <= at && self.now.as_ref().is_none_or(|now| now.sha256 != copy.state.sha256);
        let newest = self.copies.iter().filter(other).max_by_key(|copy| (!copy.packaged, copy.state.at))?;
        Some((newest, false))
    }
}

impl Place {
    /// Says it in words.
    pub fn words(&self) -> String {
        match self {
            Self::File(path) => path.clone(),
            Self::Commit { repo, commit, by } => {
                let short: String = commit.chars().take(7).collect();
                format!("git in {repo}, {short} by {by}")
            }
        }
    }
}

/// Reads which copies there are.
///
/// # Errors
/// When the answer is not whole.
pub fn read(bytes: &[u8]) -> Result<Copies, String> {
    let (mut read, mut whole) = (Copies::default(), false);
    for line in bytes.split(|byte| *byte == b'\n').take(LINES) {
        let Some(line) = line.strip_prefix(b"@@ ") else { continue };
        let fields: Vec<String> =
            line.split(|byte| *byte == b'\t').map(|field| sanitise::line_max(field, 500)).collect();
        let Some((first, rest)) = fields.split_first() else { continue };
        let (what, value) = first.split_once(' ').unwrap_or((first, ""));
        match (what, rest) {
            ("now", [bytes, sha]) => read.now = state(value, bytes, sha),
            ("gone", []) => read.gone = true,
            ("copy", [path, at, bytes, sha]) => read.copies.extend(state(at, bytes, sha).map(|state| Copy {
                place: Place::File(path.clone()),
                state,
                packaged: value == "package",
            })),
            ("commit", [repo, at, bytes, sha, by]) if is_hash(value) => {
                let place = Place::Commit { repo: repo.clone(), commit: value.to_owned(), by: by.trim().to_owned() };
                read.copies.extend(state(at, bytes, sha).map(|state| Copy { place, state, packaged: false }));
            }
            ("missing", [why]) => read.missing.push(format!("{value}: {why}")),
            ("end", []) => whole = true,
            (_, _) => {}
        }
    }
    if whole { Ok(read) } else { Err("its answer broke off".to_owned()) }
}

fn state(at: &str, bytes: &str, sha: &str) -> Option<State> {
    let seconds: i64 = at.parse().ok().filter(|seconds| (0..1 << 40).contains(seconds))?;
    let known = sha.len() == 64 && is_hash(sha);
    Some(State { at: Timestamp(seconds * 1_000), bytes: bytes.parse().ok()?, sha256: sha.to_owned() }).filter(|_| known)
}

fn is_hash(text: &str) -> bool {
    (40..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Two texts: what stands in a file, none where it is gone, and what stood in it before.
pub type Texts = (Option<Vec<u8>>, Vec<u8>);

/// Reads what stands in a file, and in its copy.
///
/// # Errors
/// When the answer is not whole, or no copy is in it.
pub fn texts(bytes: &[u8]) -> Result<Texts, String> {
    let (mut now, mut old, mut whole) = (None, None, false);
    for line in bytes.split(|byte| *byte == b'\n').take(LINES) {
        let decode = |text: &[u8]| STANDARD.decode(text.trim_ascii()).ok();
        match line.strip_prefix(b"@@ ").unwrap_or_default() {
            b"end" => whole = true,
            line => {
                now = line.strip_prefix(b"now").and_then(decode).or(now);
                old = line.strip_prefix(b"old").and_then(decode).or(old);
            }
        }
    }
    match old {
        Some(old) if whole => Ok((now, old)),
        Some(_) => Err("its answer broke off".to_owned()),
        None => Err("the copy cannot be read any more".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told() -> String {
        let sha = |digit: &str| digit.repeat(64);
        format!(
            "noise\n@@ now 5000\t12\t{a}\n@@ copy beside\t/etc/x~\t4000\t11\t{b}\n@@ copy package\t/etc/x.dpkg-dist\t4500\t9\t{c}\n\
             @@ commit {d}\t/etc\t3000\t10\t{d2}\tana \x1b[31m\n@@ copy beside\t/etc/x.bak\t9000\t1\t{e}\n\
             @@ copy beside\t/etc/y\tsoon\t1\t{e}\n@@ copy beside\t/etc/z\t1\t1\tabc\n@@ missing /etc/.git\tnot to be read\n@@ end\n",
            a = sha("a"),
            b = sha("b"),
            c = sha("c"),
            d = "d".repeat(40),
            d2 = sha("d"),
            e = sha("e"),
        )
    }

    #[test]
    fn the_copy_from_before_is_proved_by_its_hash_or_only_taken_for_it() {
        let read = read(told().as_bytes()).unwrap();
        assert_eq!((read.copies.len(), read.gone, read.missing.len()), (4, false, 1));
        let at = Timestamp(5_000_000);
        let of = |hash: Option<&str>| {
            let (copy, proved) = read.before(hash, at).unwrap();
            (copy.place.words(), proved)
        };
        assert_eq!(of(Some(&"d".repeat(16))), ("git in /etc, ddddddd by ana".into(), true));
        // One that was written since is none; one that came with a package only where there is no other.
        assert_eq!(of(Some(&"f".repeat(16))), ("/etc/x~".into(), false));
        assert_eq!(of(None), ("/etc/x~".into(), false));
        // The beginning of a hash must be long enough to prove anything.
        assert_eq!(of(Some("e")), ("/etc/x~".into(), false));
        assert_eq!(read.before(None, Timestamp(1)), None);
        assert!(super::read(told().replace("@@ end", "").as_bytes()).is_err());
    }

    #[test]
    fn what_stands_in_them_is_read() {
        assert_eq!(texts(b"@@ now YQo=\n@@ old Yg==\n@@ end\n"), Ok((Some(b"a\n".to_vec()), b"b".to_vec())));
        assert_eq!(texts(b"@@ old \n@@ end\n"), Ok((None, Vec::new())));
        for hostile in [&b"@@ now YQo=\n@@ end"[..], b"@@ old Yg==", b"@@ old !!!!\n@@ end", b""] {
            assert!(texts(hostile).is_err(), "{}", String::from_utf8_lossy(hostile));
        }
    }
}
