//! What sources send is taken in: lines, what happened to their streams, how they are doing.
use super::{CACHE, Worker};
use crate::{
    core::{
        hosts::Pm2List,
        logs::{Ask, Nanos, eval::Cache, format::Assume, segment::Segment},
    },
    runtime::logs::{Order, Rules, Stream, older::Whose},
    sources::logs::{Batch, Notice, StreamId, StreamInfo},
};

impl Worker {
    pub(super) fn take(&mut self, order: Order) {
        match order {
            Order::Ask(ask) => self.answer(ask),
            Order::Adopt(inventory) => {
                self.inventory = inventory;
                self.reconcile();
            }
            Order::Rules(rules) => self.renew(rules),
            Order::Pm2(host, list) => {
                let paths = |list: &Pm2List| -> Vec<Vec<String>> {
                    list.processes.iter().map(|process| process.log_paths.clone()).collect()
                };
                let changed = self.pm2.get(&host).is_none_or(|known| paths(known) != paths(&list));
                self.pm2.insert(host, list);
                if changed {
                    self.reconcile();
                }
            }
            Order::Opened(stream, info) => self.opened(stream, info),
            Order::Came(stream, batch, room) => {
                self.came(stream, batch);
                drop(room);
            }
            Order::Happened(stream, notice, at) => self.happened(stream, &notice, at.into()),
            Order::Stands(stream, state) => {
                let now = self.clock.now().mono;
                if let Some(known) = self.streams.get_mut(&stream) {
                    known.stands(state, now);
                    self.dirty = true;
                }
            }
            Order::Skew(host, ms) => {
                self.skew.insert(host, ms);
                self.dirty = true;
            }
            Order::Paged(paged, room) => {
                self.paged(paged);
                drop(room);
            }
        }
    }

    /// A stream begins. One of a Loki server may go on with what a page had begun, or what ran before.
    pub(super) fn opened(&mut self, stream: StreamId, info: StreamInfo) {
        if self.streams.contains_key(&stream) {
            return;
        }
        let same = |(_, known): &(&StreamId, &Stream)| known.info.kind == "loki" && known.info == info;
        let before = self.streams.iter().find(same).map(|(id, _)| *id);
        let known = before.and_then(|before| self.streams.remove(&before));
        match before {
            Some(before) => self.older.moved(before, stream),
            None => self.older.opened(stream, &info, self.clock.now().utc),
        }
        self.streams.insert(stream, known.unwrap_or_else(|| Stream::new(info)));
        self.dirty = true;
    }

    /// Reads and shows lines by other rules from now on; what is here keeps the times and levels that it was taken in with.
    fn renew(&mut self, rules: Rules) {
        let Rules { formats, derived, redact } = rules;
        for stream in self.streams.values_mut() {
            stream.renew(&formats, &mut self.buffer);
        }
        (self.formats, self.derived, self.redact) = (formats, derived, redact);
        // What was worked out by the old ones is no answer.
        self.cache = Cache::new(CACHE);
        self.ahead.renew();
        self.shares = None;
        self.answer(Ask::Query(Box::new(self.query.clone())));
        self.dirty = true;
    }

    pub(super) fn reconcile(&mut self) {
        if self.started {
            self.supervisor.reconcile(&self.inventory, &self.pm2);
        }
    }

    /// Takes lines of a stream.
    fn came(&mut self, stream: StreamId, batch: Batch) {
        let now = self.clock.now();
        let assume = Assume { zone: self.zone(stream), now: now.utc.into() };
        let skew = self.skew_of(stream);
        let Some(known) = self.streams.get_mut(&stream) else { return };
        known.recognise(&self.formats, &batch, &mut self.buffer);
        let (history, before, whose) = (batch.history, batch.before.clone(), Whose::of(stream, &known.info));
        let segment = known.read(batch, assume, skew, now.mono);
        let first = segment.as_ref().filter(|_| history || self.older.is_bare(&whose)).and_then(Segment::first_timed);
        self.older.came(&whose, history, before.as_ref(), first);
        if let Some(segment) = segment {
            self.keep(stream, segment, history);
        }
    }

    pub(super) fn skew_of(&self, stream: StreamId) -> i64 {
        let host = self.streams.get(&stream).and_then(|known| known.info.host.as_ref());
        host.and_then(|host| self.skew.get(host)).copied().unwrap_or(0)
    }

    pub(super) fn keep(&mut self, stream: StreamId, segment: Segment, history: bool) {
        let now = self.clock.now();
        let older = history && self.streams.get(&stream).is_some_and(|known| known.records > 0);
        let segment = if older { self.buffer.push_older(segment) } else { self.buffer.push(segment) };
        self.fresh += segment.bytes();
        if let Some(known) = self.streams.get_mut(&stream) {
            known.took(&segment, history, now);
        }
        self.count(&segment);
        self.dirty = true;
    }

    pub(super) fn zone(&self, stream: StreamId) -> chrono_tz::Tz {
        self.streams.get(&stream).and_then(|known| known.info.timezone).unwrap_or(chrono_tz::UTC)
    }

    /// Something happened to a stream: it becomes a line of its own.
    pub(super) fn happened(&mut self, stream: StreamId, notice: &Notice, at: Nanos) {
        let now = self.clock.now();
        let assume = Assume { zone: chrono_tz::UTC, now: at };
        let flushed = self.streams.get_mut(&stream).and_then(|known| known.flush(assume, now.mono, true));
        if let Some(segment) = flushed {
            self.keep(stream, segment, false);
        }
        let Some(known) = self.streams.get_mut(&stream) else { return };
        let segment = known.notice(&notice.to_string(), at, &mut self.buffer);
        if let Some(segment) = segment {
            self.buffer.push(segment);
        }
        self.dirty = true;
    }

    /// Lets records go that were held back for more of their lines, once none has come for a while.
    pub(super) fn flush(&mut self) {
        let now = self.clock.now();
        let ready: Vec<StreamId> =
            self.streams.iter().filter(|(_, known)| known.is_held()).map(|(stream, _)| *stream).collect();
        for stream in ready {
            let assume = Assume { zone: self.zone(stream), now: now.utc.into() };
            let segment = self.streams.get_mut(&stream).and_then(|known| known.flush(assume, now.mono, false));
            if let Some(segment) = segment {
                self.keep(stream, segment, false);
            }
        }
    }
}
