//! A hash for texts that are counted: several times as fast as the standard one on short keys.
//!
//! Its seeds differ from process to process, so that who writes logs cannot choose texts that collide.
use std::hash::{BuildHasher, Hasher, RandomState};

/// A map from texts.
pub(super) type TextMap<V> = std::collections::HashMap<Vec<u8>, V, Seeded>;

/// Makes hashers of one process.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seeded(u64);

impl Default for Seeded {
    fn default() -> Self {
        Self(RandomState::new().hash_one(0_u64))
    }
}

impl BuildHasher for Seeded {
    type Hasher = Folded;

    fn build_hasher(&self) -> Folded {
        Folded(self.0)
    }
}

/// Multiplies words to twice their width and folds the halves together.
#[derive(Clone, Copy, Debug)]
pub(super) struct Folded(u64);

/// Digits of the golden ratio and of the root of two: bits without a pattern.
const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
const OTHER: u64 = 0x6a09_e667_f3bc_c909;

impl Folded {
    #[inline]
    fn word(&mut self, word: u64) {
        let wide = u128::from(self.0 ^ word) * u128::from(ODD);
        let [low, high] = [wide, wide >> 64].map(|half| u64::try_from(half & u128::from(u64::MAX)).unwrap_or(0));
        self.0 = (low ^ high).wrapping_add(OTHER);
    }
}

impl Hasher for Folded {
    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.word(u64::from_le_bytes(*word));
        }
        if !rest.is_empty() {
            let mut last = [0; 8];
            last.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
            self.word(u64::from_le_bytes(last));
        }
        self.word(bytes.len() as u64);
    }

    #[inline]
    fn write_usize(&mut self, _: usize) {
        // The length of a slice, which `write` has in it.
    }

    fn finish(&self) -> u64 {
        self.0 ^ self.0.rotate_right(29)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_spread_over_high_and_low_bits() {
        let seeded = Seeded::default();
        let hashes: Vec<u64> = (0..10_000_u32).map(|n| seeded.hash_one(format!("/x/{n}").as_bytes())).collect();
        for shift in [0, 48] {
            let mut buckets = vec![0_u32; 1 << 10];
            for hash in &hashes {
                buckets[usize::try_from(hash >> shift & 0x3ff).unwrap()] += 1;
            }
            // Ten are in a bucket on average; of random ones, hardly ever more than thirty.
            assert!(buckets.iter().all(|count| *count < 40), "{buckets:?}");
        }
        assert_ne!(seeded.hash_one(&b"a\0"[..]), seeded.hash_one(&b"a"[..]));
        assert_ne!(seeded.hash_one(&b""[..]), seeded.hash_one(&b"\0"[..]));
    }
}
