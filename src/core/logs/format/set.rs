//! The formats that there are.
use std::sync::Arc;

use super::Format;

/// All formats: those that come with the console, and those of the user over them.
#[derive(Clone, Debug, Default)]
pub struct Formats {
    all: Vec<Arc<Format>>,
}

impl Formats {
    /// Gathers formats; a later one of the same name takes the place of an earlier one.
    pub fn new(formats: impl IntoIterator<Item = Format>) -> Self {
        let mut all = Self::default();
        for format in formats {
            all.add(format);
        }
        all
    }

    /// Adds a format, or puts it in the place of the one of its name.
    pub fn add(&mut self, format: Format) {
        let format = Arc::new(format);
        match self.all.iter_mut().find(|known| known.name() == format.name()) {
            Some(known) => *known = format,
            None => self.all.push(format),
        }
    }

    /// Finds a format by name.
    pub fn get(&self, name: &str) -> Option<&Arc<Format>> {
        self.all.iter().find(|format| format.name() == name)
    }

    /// Returns what reads lines about which nothing is known.
    pub fn plain(&self) -> Arc<Format> {
        self.get("plain").map_or_else(Format::plain_shared, Arc::clone)
    }

    /// Goes through all of them.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Format>> {
        self.all.iter()
    }
}
