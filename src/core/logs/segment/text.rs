//! The text of segments, as it came or packed.
use std::{
    ops::Deref,
    sync::{Arc, Mutex, PoisonError, Weak},
};

/// Text as it came, or packed.
pub(super) enum Text {
    Plain(Vec<u8>),
    Packed(Packed),
}

pub(super) struct Packed {
    pub(super) bytes: Vec<u8>,
    pub(super) len: usize,
    /// Unpacked text that somebody still holds.
    pub(super) held: Mutex<Weak<Vec<u8>>>,
    pub(super) recent: Arc<Recent>,
}

/// The texts that were unpacked last, so that paging through old records does not unpack each time.
#[derive(Debug, Default)]
pub(in super::super) struct Recent(Mutex<Vec<Arc<Vec<u8>>>>);

/// How many unpacked texts are kept.
const RECENT: usize = 4;

impl Recent {
    fn keep(&self, text: Arc<Vec<u8>>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.insert(0, text);
        kept.truncate(RECENT);
    }

    /// Bytes that it holds.
    pub(in super::super) fn bytes(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().map(|text| text.capacity()).sum()
    }
}

/// A segment's text, to be read.
pub enum TextRef<'a> {
    /// It stands in the segment.
    Plain(&'a [u8]),
    /// It was unpacked.
    Unpacked(Arc<Vec<u8>>),
}

impl Deref for TextRef<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Plain(text) => text,
            Self::Unpacked(text) => text,
        }
    }
}

impl Packed {
    pub(super) fn unpack(&self, keep: bool) -> Arc<Vec<u8>> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(text) = held.upgrade() {
            return text;
        }
        // What was packed here always unpacks; should it not, the records would read empty rather than end the console.
        let text = Arc::new(lz4_flex::block::decompress(&self.bytes, self.len).unwrap_or_default());
        *held = Arc::downgrade(&text);
        if keep {
            self.recent.keep(Arc::clone(&text));
        }
        text
    }
}
