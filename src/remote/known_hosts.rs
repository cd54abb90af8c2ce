//! Host keys, decided as OpenSSH decides them: hashed names, `[host]:port`, wildcards, negation, several keys per host,
//! `@revoked`, `@cert-authority`, several files.
//!
//! The rules were read off OpenSSH 9.2's behaviour and are compared with the real `ssh` in `tests/real/host_keys.rs`:
//! a key that any matching line has is trusted; a `@revoked` line wins over all; a matching line with another key, of whatever
//! type, makes the host *changed*; a name that is not found under `[host]:port` is looked up without the port, which can
//! only help. A certificate is good when a matching `@cert-authority` line has its signer and it is a host certificate,
//! in time, without critical options, for this name (one without any name is for all); else its plain key is looked up.
//!
//! Two things are stricter than OpenSSH: a file that is there but cannot be read is an error and not an unknown host, and a
//! setting that would let unknown keys pass is not obeyed.
use std::{
    fmt,
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
};

use russh::keys::{
    Algorithm, Certificate, HashAlg, PublicKeyOrCertificate,
    ssh_key::{PublicKey, known_hosts::HostPatterns, public::KeyData},
};

/// Most bytes that are read of one known_hosts file.
const MAX_FILE: u64 = 16 * 1024 * 1024;

/// What a line is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Marker {
    None,
    Authority,
    Revoked,
}

/// Where a line stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub file: PathBuf,
    /// The line, from 1.
    pub line: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file.display(), self.line)
    }
}

/// What the files say about a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trust {
    /// The host is known by this key, or by a certificate that a known authority signed.
    Trusted,
    /// No line is about this host.
    Unknown,
    /// The host is known, by other keys than this one.
    Changed(Place),
    /// The key, or the key that signed it, is marked as revoked.
    Revoked(Place),
}

/// A known_hosts file that is there and cannot be read, or a revocation list in a form that is not understood.
#[derive(Debug, thiserror::Error)]
#[error("cannot read {}: {error}", file.display())]
pub struct Unreadable {
    /// The file.
    pub file: PathBuf,
    /// Why.
    pub error: io::Error,
}

#[derive(Clone, Debug)]
struct Line {
    marker: Marker,
    key: KeyData,
    place: Place,
}

/// The lines of all files that are about one host.
#[derive(Clone, Debug, Default)]
pub struct KnownHost {
    name: String,
    lines: Vec<Line>,
    /// Lines for the name without its port; empty where port or alias leave nothing to look up.
    portless: Vec<Line>,
    revoked: Vec<Line>,
    /// The name a certificate must be for.
    principal: String,
}

/// How a host is named in the files.
#[derive(Clone, Copy, Debug)]
pub struct Lookup<'a> {
    /// Name or address connected to.
    pub host: &'a str,
    /// Port connected to.
    pub port: u16,
    /// `HostKeyAlias`.
    pub alias: Option<&'a str>,
}

impl Lookup<'_> {
    /// Returns the name as it stands in known_hosts: `host`, `[host]:port`, or the alias.
    pub fn name(&self) -> String {
        match self.alias {
            Some(alias) => alias.to_owned(),
            None if self.port == 22 => self.host.to_ascii_lowercase(),
            None => format!("[{}]:{}", self.host.to_ascii_lowercase(), self.port),
        }
    }
}

impl KnownHost {
    /// Reads what the files say about a host. A file that does not exist says nothing.
    ///
    /// # Errors
    /// When a file is there and cannot be read: nobody can say then that the host is unknown.
    pub fn read(lookup: Lookup<'_>, files: &[PathBuf], revoked: Option<&Path>) -> Result<Self, Unreadable> {
        let mut known = Self {
            name: lookup.name(),
            principal: lookup.alias.map_or_else(|| lookup.host.to_ascii_lowercase(), str::to_owned),
            ..Self::default()
        };
        let portless = (lookup.alias.is_none() && lookup.port != 22).then(|| lookup.host.to_ascii_lowercase());
        for file in files {
            let Some(text) = read_file(file)? else { continue };
            known.lines.extend(lines_about(&text, file, &known.name));
            if let Some(name) = &portless {
                known.portless.extend(lines_about(&text, file, name));
            }
        }
        if let Some(file) = revoked {
            known.revoked = read_revoked(file)?;
        }
        Ok(known)
    }

    /// Judges what the server showed. `now` is in seconds since 1970, for certificates.
    pub fn judge(&self, shown: &PublicKeyOrCertificate, now: u64) -> Trust {
        let (key, signer) = match shown {
            PublicKeyOrCertificate::PublicKey { key, .. } => (key.key_data(), None),
            PublicKeyOrCertificate::Certificate(cert) => (cert.public_key(), Some(cert.signature_key())),
        };
        let is_shown = |line: &&Line| line.key == *key || signer.is_some_and(|signer| line.key == *signer);
        let revoking = self.lines.iter().chain(&self.portless).filter(|line| line.marker == Marker::Revoked);
        if let Some(line) = self.revoked.iter().chain(revoking).find(is_shown) {
            return Trust::Revoked(line.place.clone());
        }
        if let PublicKeyOrCertificate::Certificate(cert) = shown
            && [&self.lines, &self.portless].into_iter().any(|lines| self.vouched_for(cert, lines, now))
        {
            return Trust::Trusted;
        }
        let trust = judge_key(&self.lines, key);
        if trust == Trust::Unknown && judge_key(&self.portless, key) == Trust::Trusted {
            return Trust::Trusted;
        }
        trust
    }

    fn vouched_for(&self, cert: &Certificate, lines: &[Line], now: u64) -> bool {
        let signed = lines.iter().any(|line| line.marker == Marker::Authority && line.key == *cert.signature_key());
        let names = cert.valid_principals();
        signed
            && cert.cert_type().is_host()
            && cert.critical_options().is_empty()
            && (names.is_empty() || names.contains(&self.principal))
            && cert.validate_at(now, [&cert.signature_key().fingerprint(HashAlg::Sha256)]).is_ok()
    }

    /// Says whether certificates are worth asking for: some authority speaks for this host.
    pub fn has_authority(&self) -> bool {
        self.lines.iter().chain(&self.portless).any(|line| line.marker == Marker::Authority)
    }

    /// Puts the algorithms by which the host is known first, so that the server shows a key that can be compared.
    pub fn prefer(&self, algorithms: impl IntoIterator<Item = Algorithm>) -> Vec<Algorithm> {
        let lines = if self.lines.is_empty() { &self.portless } else { &self.lines };
        let known: Vec<Algorithm> =
            lines.iter().filter(|line| line.marker == Marker::None).map(|line| line.key.algorithm()).collect();
        let is_known = |algorithm: &Algorithm| known.iter().any(|k| k == algorithm || (is_rsa(k) && is_rsa(algorithm)));
        let (mut first, rest): (Vec<_>, Vec<_>) = algorithms.into_iter().partition(is_known);
        first.extend(rest);
        first
    }

    /// Returns the name under which the host is looked up.
    pub fn name(&self) -> &str {
        &self.name
    }
}

fn is_rsa(algorithm: &Algorithm) -> bool {
    matches!(algorithm, Algorithm::Rsa { .. })
}

fn judge_key(lines: &[Line], key: &KeyData) -> Trust {
    let plain = || lines.iter().filter(|line| line.marker == Marker::None);
    if plain().any(|line| line.key == *key) {
        return Trust::Trusted;
    }
    plain().next_back().map_or(Trust::Unknown, |line| Trust::Changed(line.place.clone()))
}

/// Makes the line that makes a key known, its name hashed or not.
pub fn line_for(name: &str, key: &PublicKey, hashed: bool) -> String {
    let mut key = PublicKey::new(key.key_data().clone(), "");
    key.set_comment("");
    let text = key.to_openssh().unwrap_or_default();
    let name = hashed.then(|| hash_name(name)).flatten().unwrap_or_else(|| name.to_owned());
    format!("{name} {}", text.trim_end())
}

fn hash_name(name: &str) -> Option<String> {
    let salt: [u8; 20] = ring::rand::generate(&ring::rand::SystemRandom::new()).ok()?.expose();
    let hash: [u8; 20] = ring::hmac::sign(&hmac(&salt), name.as_bytes()).as_ref().try_into().ok()?;
    Some(HostPatterns::HashedName { salt: salt.to_vec(), hash }.to_string())
}

fn hmac(salt: &[u8]) -> ring::hmac::Key {
    ring::hmac::Key::new(ring::hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, salt)
}

/// Appends a line, in one write, after a line break when the last line has none. Makes file and folder when they are missing.
///
/// # Errors
/// When the line is no single line, or folder or file cannot be written.
pub fn append(file: &Path, line: &str) -> io::Result<()> {
    use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
    if line.trim().is_empty() || line.chars().any(char::is_control) {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not one line"));
    }
    if let Some(folder) = file.parent().filter(|folder| !folder.exists()) {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    let mut open = std::fs::OpenOptions::new();
    let mut file = open.append(true).read(true).create(true).mode(0o600).open(file)?;
    let text = if ends_open(&mut file)? { format!("\n{line}\n") } else { format!("{line}\n") };
    file.write_all(text.as_bytes())?;
    file.sync_data()
}

fn ends_open(file: &mut std::fs::File) -> io::Result<bool> {
    use std::io::{Seek as _, SeekFrom};
    if file.metadata()?.len() == 0 {
        return Ok(false);
    }
    file.seek(SeekFrom::End(-1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    Ok(last != *b"\n")
}

fn read_file(file: &Path) -> Result<Option<String>, Unreadable> {
    let unreadable = |error| Unreadable { file: file.to_owned(), error };
    let open = match crate::config::open_regular(file) {
        Ok(open) => open,
        // `UserKnownHostsFile /dev/null` is a way to know nobody.
        Err(_) if file == Path::new("/dev/null") => return Ok(None),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(error)),
    };
    let mut bytes = Vec::new();
    open.take(MAX_FILE + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length > MAX_FILE) {
        return Err(unreadable(io::Error::new(io::ErrorKind::FileTooLarge, "over 16 MiB")));
    }
    Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
}

fn read_revoked(file: &Path) -> Result<Vec<Line>, Unreadable> {
    let unreadable = |error| Unreadable { file: file.to_owned(), error };
    let text = read_file(file)?.ok_or_else(|| unreadable(io::ErrorKind::NotFound.into()))?;
    if text.starts_with("SSHKRL") {
        let error = io::Error::new(io::ErrorKind::Unsupported, "binary key revocation lists are not understood");
        return Err(unreadable(error));
    }
    Ok(text
        .lines()
        .enumerate()
        .filter_map(|(at, text)| {
            let key = read_key(text.trim())?;
            Some(Line { marker: Marker::Revoked, key, place: Place { file: file.to_owned(), line: at + 1 } })
        })
        .collect())
}

fn lines_about<'a>(text: &'a str, file: &'a Path, name: &'a str) -> impl Iterator<Item = Line> + 'a {
    text.lines().enumerate().filter_map(move |(at, line)| {
        let (marker, key) = read_line(line, name)?;
        Some(Line { marker, key, place: Place { file: file.to_owned(), line: at + 1 } })
    })
}

/// Reads a line if it is about the name. A line that is malformed says nothing, and hides no other.
fn read_line(line: &str, name: &str) -> Option<(Marker, KeyData)> {
    let line = line.trim_matches([' ', '\t', '\r']);
    if line.is_empty() || line.starts_with('#') {
        return None;
    }
    let (marker, line) = match line.strip_prefix('@') {
        None => (Marker::None, line),
        Some(rest) => {
            let (word, rest) = rest.split_once([' ', '\t'])?;
            let marker = match word {
                "cert-authority" => Marker::Authority,
                "revoked" => Marker::Revoked,
                _ => return None,
            };
            (marker, rest.trim_start_matches([' ', '\t']))
        }
    };
    let (names, key) = line.split_once([' ', '\t'])?;
    if !names_match(names, name) {
        return None;
    }
    Some((marker, read_key(key.trim_start_matches([' ', '\t']))?))
}

fn read_key(text: &str) -> Option<KeyData> {
    let mut words = text.split([' ', '\t']).filter(|word| !word.is_empty());
    let (algorithm, blob) = (words.next()?, words.next()?);
    let key = PublicKey::from_openssh(&format!("{algorithm} {blob}")).ok()?;
    let known = !matches!(key.algorithm(), Algorithm::Other(_));
    known.then(|| key.key_data().clone())
}

fn names_match(names: &str, name: &str) -> bool {
    if names.starts_with('|') {
        let Ok(HostPatterns::HashedName { salt, hash }) = names.parse() else { return false };
        return ring::hmac::verify(&hmac(&salt), name.as_bytes(), &hash).is_ok();
    }
    let mut hit = false;
    for pattern in names.split(',') {
        match pattern.strip_prefix('!') {
            Some(not) if glob(not.as_bytes(), name.as_bytes()) => return false,
            Some(_) => {}
            None => hit |= glob(pattern.as_bytes(), name.as_bytes()),
        }
    }
    hit
}

/// Matches `*` and `?`, in time proportional to the product of both lengths whatever the pattern.
fn glob(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while let Some(&byte) = text.get(t) {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(&want) if want == b'?' || want.eq_ignore_ascii_case(&byte) => {
                p += 1;
                t += 1;
            }
            _ => {
                let Some((at, from)) = star else { return false };
                star = Some((at, from + 1));
                p = at + 1;
                t = from + 1;
            }
        }
    }
    pattern.get(p..).is_some_and(|rest| rest.iter().all(|byte| *byte == b'*'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_match_as_in_known_hosts() {
        for (pattern, text, want) in [
            ("*", "", true),
            ("*.example", "a.example", true),
            ("*.EXAMPLE", "a.example", true),
            ("*.example", "example", false),
            ("h?st", "host", true),
            ("h?st", "hst", false),
            ("*a*b*c", "xxaxxbxxc", true),
            ("*a*b*c", "xxaxxbxx", false),
            ("[h]:2*", "[h]:2222", true),
        ] {
            assert_eq!(glob(pattern.as_bytes(), text.as_bytes()), want, "{pattern} {text}");
        }
        assert!(!glob("a*".repeat(200).as_bytes(), "a".repeat(100).as_bytes()));
    }

    #[test]
    fn a_line_is_appended_after_an_open_one_and_into_a_new_folder() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(".ssh/known_hosts");
        append(&file, "a ssh-ed25519 AAAA").unwrap();
        std::fs::write(&file, "open").unwrap();
        append(&file, "b ssh-ed25519 BBBB").unwrap();
        append(&file, "c ssh-ed25519 CCCC").unwrap();
        let text = std::fs::read_to_string(&file).unwrap();
        assert_eq!(text, "open\nb ssh-ed25519 BBBB\nc ssh-ed25519 CCCC\n");
        for bad in ["", "a\nb", "a\u{1b}[2J"] {
            assert!(append(&file, bad).is_err());
        }
        let new = folder.path().join("new/known_hosts");
        append(&new, "a").unwrap();
        let mode = |path: &Path| {
            use std::os::unix::fs::PermissionsExt as _;
            std::fs::metadata(path).unwrap().permissions().mode() & 0o777
        };
        assert_eq!((mode(&new), mode(new.parent().unwrap())), (0o600, 0o700));
    }
}
