//! Evidence: hashed as it is kept, so that it can be shown later that nobody changed it.
use sha2::{Digest as _, Sha256};

use super::{Incident, IncidentEventKind};

/// Returns the SHA-256 of a text, in hex.
pub fn sha256(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
}

impl Incident {
    /// Returns the positions of evidence that is not what it was when it was kept.
    pub fn changed_evidence(&self) -> Vec<u64> {
        let changed = |seq: &&u64| {
            self.timeline.get(*seq).is_some_and(|event| {
                matches!(&event.kind, IncidentEventKind::Pinned { body, sha256: kept, .. } if sha256(body) != *kept)
            })
        };
        self.evidence.iter().filter(changed).copied().collect()
    }
}
