//! Evidence: hashed as it is kept, so that it can be shown later that nobody changed it.
use sha2::{Digest as _, Sha256};

/// Returns the SHA-256 of a text, in hex.
pub fn sha256(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
}
