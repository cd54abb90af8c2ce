//! The output of steps as lines that may be shown: whole, harmless to a terminal, and without secrets.
use std::{collections::BTreeMap, sync::Arc};

use secrecy::{ExposeSecret, SecretString};

use crate::{core::logs::redact::Redactor, parse::sanitise};

/// Most bytes of a line: what is longer is shown in parts.
const LINE: usize = 4_096;
/// Bytes of a word below which it is not looked for: it would mask what has nothing to do with it, and so tell of itself.
const SHORTEST: usize = 4;
/// What begins a private key: all up to its end is one secret, though it comes line by line.
const BEGIN: &str = "-----BEGIN ";
const KEY: &str = "PRIVATE KEY-----";
const END: &str = "-----END ";

/// Cuts outputs into lines, step by step.
#[derive(Debug)]
pub(super) struct Lines {
    redact: Arc<Redactor>,
    /// A word that is never shown, as it is and as it would be shown.
    word: Option<SecretString>,
    steps: BTreeMap<usize, Held>,
}

/// What is held of a step's output until its line is whole.
#[derive(Debug, Default)]
struct Held {
    bytes: Vec<u8>,
    /// The line that began a private key which has not ended.
    key: Option<String>,
}

impl Lines {
    pub(super) fn new(redact: Arc<Redactor>, word: Option<SecretString>) -> Self {
        let word = word.filter(|word| word.expose_secret().len() >= SHORTEST);
        Self { redact, word, steps: BTreeMap::new() }
    }

    pub(super) fn push(&mut self, step: usize, bytes: &[u8]) -> Vec<String> {
        let held = self.steps.entry(step).or_default();
        held.bytes.extend_from_slice(bytes);
        let mut lines = Vec::new();
        loop {
            let end = held.bytes.iter().take(LINE + 1).position(|byte| *byte == b'\n').map(|end| end + 1);
            let word = self.word.as_ref().map_or("", ExposeSecret::expose_secret);
            // What is cut must not be cut in the middle of the word.
            let cut = || LINE - begun(held.bytes.get(..LINE).unwrap_or_default(), word.as_bytes());
            let Some(end) = end.or_else(|| (held.bytes.len() > LINE).then(cut)) else { return lines };
            let rest = held.bytes.split_off(end);
            let line = std::mem::replace(&mut held.bytes, rest);
            lines.push(held.shown(&self.redact, word, line.strip_suffix(b"\n").unwrap_or(&line)));
        }
    }

    pub(super) fn rest(&mut self, step: usize) -> Option<String> {
        let mut held = self.steps.remove(&step).filter(|held| !held.bytes.is_empty())?;
        let bytes = std::mem::take(&mut held.bytes);
        let word = self.word.as_ref().map_or("", ExposeSecret::expose_secret);
        Some(held.shown(&self.redact, word, &bytes))
    }
}

impl Held {
    /// Colours go before secrets are looked for: they might stand in the middle of one.
    fn shown(&mut self, redact: &Redactor, word: &str, line: &[u8]) -> String {
        let mut text = sanitise::line(line);
        if !word.is_empty() && text.contains(word) {
            text = text.replace(word, "***");
        }
        let begins = text.find(BEGIN).and_then(|at| text.get(at..)).filter(|rest| rest.contains(KEY));
        if let Some(begin) = &self.key {
            if text.contains(END) {
                self.key = None;
                return text;
            }
            let whole = redact.text(&format!("{begin}{text}")).into_owned();
            return whole.strip_prefix(begin.as_str()).map_or(whole.clone(), str::to_owned);
        }
        if let Some(begin) = begins.filter(|rest| !rest.contains(END)) {
            self.key = begin.split_inclusive(KEY).next().map(str::to_owned);
        }
        redact.text(&text).into_owned()
    }
}

/// Says how many of the last bytes may be the beginning of a word.
fn begun(bytes: &[u8], word: &[u8]) -> usize {
    let most = word.len().saturating_sub(1).min(bytes.len());
    (1..=most).rev().find(|count| word.get(..*count).is_some_and(|start| bytes.ends_with(start))).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines() -> Lines {
        Lines::new(Arc::new(crate::config::redact::load(None).0), Some("Tr0ub4dor &3".into()))
    }

    #[test]
    fn secrets_in_output_are_masked_however_they_arrive() {
        let mut lines = lines();
        assert!(lines.push(0, b"curl -H 'Authorization: Bea").is_empty(), "the line is not whole yet");
        let shown = lines.push(0, b"rer s3cr3t-t0k3n-of-ana' /health\nok\n");
        assert!(shown[0].contains("Authorization") && !shown[0].contains("s3cr3t"), "{shown:?}");
        assert_eq!(shown[1], "ok");
        let coloured = lines.push(1, b"authorization: \x1b[31mBearer \x1b[0ms3cr3t-t0k3n-of-ana\n");
        assert!(!coloured[0].contains("s3cr3t"), "{coloured:?}");
        _ = lines.push(2, b"Authorization: Bearer s3cr3t-t0k3n-of-ana");
        let rest = lines.rest(2).unwrap();
        assert!(!rest.contains("s3cr3t"), "{rest}");
    }

    #[test]
    fn the_password_of_sudo_is_masked_wherever_a_line_is_cut() {
        let mut lines = lines();
        for before in [0, LINE - 20, LINE - 12, LINE - 6, LINE - 1, LINE] {
            let text = format!("{}Tr0ub4dor &3 and on\n", "x".repeat(before));
            let shown = lines.push(0, text.as_bytes()).concat();
            assert_eq!(shown, format!("{}*** and on", "x".repeat(before)), "{before}");
        }
    }

    #[test]
    fn no_line_of_a_private_key_is_shown() {
        let mut lines = lines();
        let key = b"cat key\n-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAA\nBG5vbmUAAAAEbm9uZQ\n-----END OPENSSH PRIVATE KEY-----\ndone\n";
        let shown = lines.push(0, key);
        assert_eq!(shown.len(), 6);
        assert!(!shown.concat().contains("b3Blbn") && !shown.concat().contains("BG5v"), "{shown:?}");
        assert_eq!((shown[0].as_str(), shown[5].as_str()), ("cat key", "done"));
    }
}
