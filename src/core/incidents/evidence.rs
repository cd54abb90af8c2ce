//! Evidence: hashed as it is kept, so that it can be shown later that nobody changed it.
use sha2::{Digest as _, Sha256};

/// Returns the SHA-256 of a text or of bytes, in hex as `sha256sum` writes it.
pub fn sha256(bytes: impl AsRef<[u8]>) -> String {
    Sha256::digest(bytes).iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
}
