//! Findings of a vulnerability scanner: what it says of which host, when it was asked last, and when it is asked again.
//!
//! Only the recorder asks, seldom, as a scanner counts calls for everybody who uses it. What is no longer told is not called fixed
//! unless the scanner says so: it may only have looked elsewhere.
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

mod state;
#[cfg(test)]
mod tests;

pub use state::{Found, LISTED, State, host_of, services_on};

use super::time::{HOUR, Timestamp};

/// Findings that are known at most.
pub const MOST: usize = 20_000;
/// How often it is asked again where calls of others have to end before; then it waits for its turn.
const BUSY_TRIES: u32 = 3;

/// How a scanner is asked: `[qualys]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scanner {
    /// Where its API is.
    pub base_url: String,
    /// Who asks.
    pub user: String,
    /// Reference to the password.
    pub password: String,
    /// The version of its list of detections: `5.0`.
    pub version: String,
    /// Milliseconds between two times that it is asked, at least.
    pub every_ms: i64,
    /// Which severities are asked for, 1 to 5.
    pub severities: Vec<u8>,
    /// Only hosts with one of these tags; none: all hosts.
    pub tags: Vec<String>,
}

impl Scanner {
    /// Names who asks whom, so that a login that was refused is not tried again before it is another.
    fn login(&self) -> String {
        fingerprint(&[&self.base_url, &self.user, &self.password])
    }

    /// Names what is asked for: where it is something else, what changed since says too little.
    fn scope(&self) -> String {
        let severities: Vec<String> = self.severities.iter().map(ToString::to_string).collect();
        fingerprint(&[&self.base_url, &self.user, &severities.join(","), &self.tags.join("\n")])
    }
}

fn fingerprint(parts: &[&str]) -> String {
    use sha2::Digest as _;
    let digest = parts.iter().fold(sha2::Sha256::new(), |all, part| all.chain_update(part).chain_update([0]));
    digest.finalize().iter().take(8).fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
}

/// How a scanner says that a finding stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Found for the first time.
    New,
    /// Found again.
    Active,
    /// Found again after it was fixed.
    ReOpened,
    /// Not there any more.
    Fixed,
    /// Something else, in its words.
    Other(String),
}

impl Status {
    /// Says it in its word.
    pub fn word(&self) -> &str {
        match self {
            Self::New => "new",
            Self::Active => "active",
            Self::ReOpened => "re-opened",
            Self::Fixed => "fixed",
            Self::Other(word) => word,
        }
    }
}

/// What a scanner calls a host.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Asset {
    /// Its number there.
    pub id: Option<u64>,
    /// Its address.
    pub ip: Option<String>,
    /// Its name in the DNS, whole.
    pub dns: Option<String>,
    /// Its name without a domain.
    pub name: Option<String>,
}

impl Asset {
    /// Names it as it is known best.
    pub fn label(&self) -> String {
        let number = || self.id.map_or_else(|| "?".to_owned(), |id| format!("host {id}"));
        self.dns.clone().or_else(|| self.name.clone()).or_else(|| self.ip.clone()).unwrap_or_else(number)
    }
}

/// What a scanner's library says of a vulnerability.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Vuln {
    /// What it is.
    pub title: Option<String>,
    /// Whether it fails PCI.
    pub pci: Option<bool>,
    /// The CVEs that it stands for.
    pub cves: Vec<String>,
    /// Whether there is a patch.
    pub patchable: Option<bool>,
    /// When the library was asked.
    pub asked: Timestamp,
}

/// What a scanner found on a host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The same for the same on every pull.
    pub key: String,
    /// Which vulnerability, by the scanner's number.
    pub qid: u64,
    /// Where.
    pub asset: Asset,
    /// How bad, from 1 to 5; none where it is not told.
    #[serde(default)]
    pub severity: Option<u8>,
    /// How sure: `Confirmed`, `Potential`, `Info`.
    #[serde(default)]
    pub sure: Option<String>,
    /// How it stands.
    pub status: Status,
    /// On which port.
    #[serde(default)]
    pub port: Option<u16>,
    /// By which protocol.
    #[serde(default)]
    pub protocol: Option<String>,
    /// When it was found first.
    #[serde(default)]
    pub first: Option<Timestamp>,
    /// When it was found last.
    #[serde(default)]
    pub last: Option<Timestamp>,
    /// The scanner's own score, 1 to 100.
    #[serde(default)]
    pub score: Option<u8>,
    /// What its library says; none where it was not asked, or does not answer.
    #[serde(default)]
    pub vuln: Option<Vuln>,
    /// Since when it is not told any more, without a word that it was fixed.
    #[serde(default)]
    pub gone: Option<Timestamp>,
    /// When it came to be known so.
    pub at: Timestamp,
}

impl Finding {
    /// Says whether it is there, as far as is known.
    pub fn is_open(&self) -> bool {
        self.gone.is_none() && self.status != Status::Fixed
    }

    /// Says what it is: its title, else its number.
    pub fn title(&self) -> String {
        let title = self.vuln.as_ref().and_then(|vuln| vuln.title.clone());
        title.unwrap_or_else(|| format!("QID {}", self.qid))
    }

    /// Says whether it fails PCI; none where nobody knows.
    pub fn pci(&self) -> Option<bool> {
        self.vuln.as_ref().and_then(|vuln| vuln.pci)
    }
}

/// What is asked of a scanner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// Which, and how.
    pub scanner: std::sync::Arc<Scanner>,
    /// Only what changed since, by its own clock; none: all there is.
    pub since: Option<Timestamp>,
    /// What its library said already, and is not asked again.
    pub known: std::collections::BTreeSet<u64>,
    /// When, by our clock.
    pub at: Timestamp,
}

/// How a pull ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "end", rename_all = "snake_case")]
pub enum End {
    /// All that was asked for was told.
    Whole,
    /// It takes no more for a while.
    Later {
        /// Milliseconds that it asks to wait.
        wait_ms: i64,
        /// In its words.
        why: String,
    },
    /// The login was refused: asked again it would be locked.
    Denied {
        /// In its words.
        why: String,
    },
    /// It did not work.
    Failed {
        /// Why, and what to do.
        why: String,
    },
}

/// What a scanner told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// What it found.
    pub findings: Vec<Finding>,
    /// What its library says, by number.
    pub vulns: BTreeMap<u64, Vuln>,
    /// When it was, by its own clock, as the first page was written.
    pub server: Option<Timestamp>,
    /// Calls that it allows until its window ends.
    pub remaining: Option<u64>,
    /// What is missing, and why: a line each.
    pub notes: Vec<String>,
    /// How it ended. Unless whole, what is not among the findings is not gone.
    pub end: End,
}

/// A pull as it is kept: how the last one ended says when the next is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pull {
    /// When, by our clock.
    pub at: Timestamp,
    /// Who asked whom.
    pub login: String,
    /// What was asked for.
    pub scope: String,
    /// When all there is was told last.
    #[serde(default)]
    pub all: Option<Timestamp>,
    /// When all that was asked for was told last.
    #[serde(default)]
    pub whole: Option<Timestamp>,
    /// From when on changes are asked for, by its own clock.
    #[serde(default)]
    pub cursor: Option<Timestamp>,
    /// How many findings it told.
    pub told: usize,
    /// Calls that it allows until its window ends.
    #[serde(default)]
    pub remaining: Option<u64>,
    /// What is missing, and why.
    #[serde(default)]
    pub notes: Vec<String>,
    /// How it ended.
    #[serde(flatten)]
    pub end: End,
    /// Pulls one after the other that did not tell all.
    #[serde(default)]
    pub tries: u32,
}

impl Pull {
    /// Returns when the next is due; none: not by itself, as the login was refused.
    pub fn next(&self, scanner: &Scanner) -> Option<Timestamp> {
        // What was refused to one login is not refused to another.
        if self.login != scanner.login() {
            return Some(self.at);
        }
        match &self.end {
            End::Whole => Some(self.at + scanner.every_ms),
            End::Later { wait_ms, .. } if *wait_ms < HOUR && self.tries > BUSY_TRIES => {
                Some(self.at + scanner.every_ms)
            }
            End::Later { wait_ms, .. } => Some(self.at + *wait_ms),
            End::Denied { .. } => None,
            End::Failed { .. } => Some(self.at + HOUR.min(scanner.every_ms)),
        }
    }

    /// Returns how old what is known is; none where nothing was ever told whole.
    pub fn age(&self, now: Timestamp) -> Option<i64> {
        self.whole.map(|whole| now.since(whole))
    }

    /// Says why it did not tell all; none where it did.
    pub fn wrong(&self) -> Option<&str> {
        match &self.end {
            End::Whole => None,
            End::Later { why, .. } | End::Denied { why } | End::Failed { why } => Some(why),
        }
    }
}

/// What is kept of a scanner, in the order in which it came to be known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Event {
    /// A finding is, or stands, otherwise than was known.
    Found(Box<Finding>),
    /// It was asked.
    Pulled(Pull),
}

impl Event {
    /// Returns when it came to be known.
    pub fn at(&self) -> Timestamp {
        match self {
            Self::Found(finding) => finding.at,
            Self::Pulled(pull) => pull.at,
        }
    }

    /// Returns what it is about: the key of a finding; nothing for a pull.
    pub fn key(&self) -> &str {
        match self {
            Self::Found(finding) => &finding.key,
            Self::Pulled(_) => "",
        }
    }
}

/// What happens around findings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Msg {
    /// A pull ended.
    Pulled {
        /// What was asked.
        order: Box<Order>,
        /// What was told.
        told: Box<Told>,
    },
}
