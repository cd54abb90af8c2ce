//! Tells the rules about logs what was measured, and the store which patterns there are.
use std::{collections::BTreeMap, sync::Arc};

use super::{Worker, patterns::scope_of};
use crate::core::{
    Msg,
    alerts::{self, feed},
    logs::{self, Nanos, SourceState, segment::Flags, window::Window},
};

/// Between two looks of the rules.
const MEASURE_MS: u64 = 5_000;
/// The stretch of time that the rules are told about.
const WINDOW_MS: i64 = 60_000;
/// Between two times that patterns are remembered.
const LEARN_MS: u64 = 60_000;
impl Worker {
    /// Feeds the rules about logs, and remembers patterns, every so often.
    pub(super) fn measure(&mut self) {
        let now = self.clock.now();
        if !self.started || now.mono.since(self.measured) < MEASURE_MS {
            return;
        }
        self.measured = now.mono;
        let from = Nanos(Nanos::from(now.utc).0 - WINDOW_MS * Nanos::MILLI);
        let mut windows: BTreeMap<logs::SourceId, Window> = BTreeMap::new();
        for known in self.streams.values() {
            let Some(id) = known.source_id() else { continue };
            let mut window = Window::new(known.info.name.as_str(), WINDOW_MS.unsigned_abs());
            window.service.clone_from(&known.info.service);
            window.host.clone_from(&known.info.host);
            let lived = known.live_since.is_some_and(|since| now.mono.since(since) >= WINDOW_MS.unsigned_abs());
            window.live = lived && matches!(known.state, SourceState::Live);
            window.silent_ms = known.came.map(|at| now.mono.since(at));
            windows.insert(id, window);
        }
        let snapshot = self.buffer.snapshot();
        for segment in snapshot.segments.iter().filter(|segment| segment.last() >= from && !segment.is_partial()) {
            for record in (0..segment.len()).filter(|record| segment.time(*record) >= from) {
                if segment.flags(record).contains(Flags::NOTICE) {
                    continue;
                }
                if let Some(window) = windows.get_mut(&segment.source(record)) {
                    let duration = segment.duration_us(record).unwrap_or(u32::MAX);
                    window.count(segment.status(record).unwrap_or(0), duration);
                }
            }
        }
        let windows: Vec<Window> = windows.into_values().collect();
        let measured = feed::logs(&windows);
        if !measured.is_empty() {
            self.post.try_fact(Msg::Alerts(alerts::Msg::Measured(measured)));
        }
        if now.mono.since(self.learned) >= LEARN_MS {
            self.learned = now.mono;
            let scopes = self.scopes();
            self.memory.learn(&self.templates, |id| scope_of(&scopes, id));
            let redact = Arc::clone(&self.redact);
            let learned = self.memory.changed(|text| redact.text(text).into_owned());
            if !learned.is_empty() {
                self.post.try_fact(Msg::Logs(logs::Msg::Learned(learned)));
            }
        }
    }
}
