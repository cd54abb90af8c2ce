//! The audit log's chain: every entry carries the hash of the one before it, so that a changed, moved or missing entry
//! shows. `hash = SHA-256(prev || body)`, both as text, where `prev` is the 64 hex digits of the entry before (zeros for
//! the first) and `body` the entry as JSON without spaces, its keys sorted. The body is stored as it was hashed:
//! verifying never depends on writing it the same way twice.
use sha2::{Digest as _, Sha256};

use super::{AuditState, BrokenLink};
use crate::core::record::Audit;

/// What the first entry follows.
pub(super) const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// One entry as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Link {
    /// Position in the log, from 1, without gaps.
    pub(super) seq: u64,
    /// Canonical JSON.
    pub(super) body: String,
    /// Hash of the entry before.
    pub(super) prev: String,
    /// Hash of this entry.
    pub(super) hash: String,
}

/// Chains an entry to the one before it.
pub(super) fn link(seq: u64, prev: &str, audit: &Audit) -> Result<Link, serde_json::Error> {
    let body = canonical(&serde_json::to_value(audit)?);
    Ok(Link { seq, hash: hash(prev, &body), prev: prev.to_owned(), body })
}

/// Follows the chain as far as it holds.
#[derive(Debug)]
pub(super) struct Verifier {
    state: AuditState,
}

impl Verifier {
    pub(super) fn new() -> Self {
        Self::from(AuditState { entries: 0, head: GENESIS.to_owned(), broken: None })
    }

    /// Goes on from what holds.
    pub(super) fn from(state: AuditState) -> Self {
        Self { state }
    }

    /// Takes the next entry; false once the chain is broken.
    pub(super) fn take(&mut self, link: &Link) -> bool {
        let why = if link.prev != self.state.head || link.seq != self.state.entries + 1 {
            "does not follow the entry before it"
        } else if hash(&link.prev, &link.body) != link.hash {
            "was changed"
        } else {
            self.state.entries += 1;
            self.state.head.clone_from(&link.hash);
            return true;
        };
        self.state.broken = Some(BrokenLink { seq: link.seq, why });
        false
    }

    pub(super) fn finish(self) -> AuditState {
        self.state
    }
}

/// Writes JSON without spaces and with sorted keys, whatever order the map keeps.
fn canonical(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::Object(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_by_key(|(key, _)| *key);
            let entries: Vec<String> = entries
                .into_iter()
                .map(|(key, value)| format!("{}:{}", serde_json::Value::from(key.as_str()), canonical(value)))
                .collect();
            format!("{{{}}}", entries.join(","))
        }
        serde_json::Value::Array(items) => {
            format!("[{}]", items.iter().map(canonical).collect::<Vec<_>>().join(","))
        }
        serde_json::Value::Null
        | serde_json::Value::Bool(_)
        | serde_json::Value::Number(_)
        | serde_json::Value::String(_) => value.to_string(),
    }
}

fn hash(prev: &str, body: &str) -> String {
    use std::fmt::Write as _;
    let digest = Sha256::new().chain_update(prev).chain_update(body).finalize();
    digest.iter().fold(String::with_capacity(64), |mut text, byte| {
        // Writing to a String cannot fail.
        write!(text, "{byte:02x}").ok();
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::time::Timestamp;

    fn chain(length: u64) -> Vec<Link> {
        let mut links: Vec<Link> = Vec::new();
        for seq in 1..=length {
            let prev = links.last().map_or(GENESIS, |link| &link.hash).to_owned();
            let audit = Audit {
                at: Timestamp(i64::try_from(seq).unwrap()),
                by: "ana".into(),
                from: "10.0.0.7".into(),
                what: "write.armed".into(),
                target: "play@prod".into(),
                detail: format!("entry {seq}"),
            };
            links.push(link(seq, &prev, &audit).unwrap());
        }
        links
    }

    fn verify(links: &[Link]) -> AuditState {
        let mut verifier = Verifier::new();
        for link in links {
            if !verifier.take(link) {
                break;
            }
        }
        verifier.finish()
    }

    #[test]
    fn the_hash_is_of_the_text_before_and_the_canonical_body() {
        let first = &chain(1)[0];
        assert_eq!(
            first.body,
            r#"{"at":1,"by":"ana","detail":"entry 1","from":"10.0.0.7","target":"play@prod","what":"write.armed"}"#
        );
        // printf '%s' "$(printf 0%.0s $(seq 64))$BODY" | sha256sum
        assert_eq!(first.hash, "2e7b73fbfb1bf8ce9c894c820cc0190c37077ef747bc45efa0963d5fecdd590a");
        assert_eq!(verify(&chain(5)).entries, 5);
    }

    #[test]
    fn whatever_is_done_to_an_entry_shows_at_that_entry() {
        let whole = chain(5);
        let broken = |links: &[Link]| verify(links).broken.map(|b| (b.seq, b.why));
        assert_eq!(broken(&whole), None);

        let mut changed = whole.clone();
        changed[2].body = changed[2].body.replace("ana", "bob");
        assert_eq!(broken(&changed), Some((3, "was changed")));

        let mut rehashed = changed.clone();
        rehashed[2].hash = hash(&rehashed[2].prev, &rehashed[2].body);
        assert_eq!(broken(&rehashed), Some((4, "does not follow the entry before it")));

        let mut missing = whole.clone();
        missing.remove(1);
        assert_eq!(broken(&missing), Some((3, "does not follow the entry before it")));

        let mut headless = whole.clone();
        headless.remove(0);
        assert_eq!(broken(&headless), Some((2, "does not follow the entry before it")));

        let mut swapped = whole.clone();
        swapped.swap(1, 2);
        assert_eq!(broken(&swapped), Some((3, "does not follow the entry before it")));

        let cut = verify(&whole[..3]);
        assert_eq!((cut.broken, cut.entries), (None, 3), "a chain cannot show that its end is missing; the head can");
        assert_ne!(cut.head, verify(&whole).head);
    }
}
