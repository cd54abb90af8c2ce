//! One path that is followed: the file there now, and those that were there before and are not read to their end.
use std::collections::VecDeque;
use std::sync::Arc;

use super::{
    Found, Got, SHARE, WINDOW, Want,
    lines::last,
    tail::{Phase, Tail, Taken},
};
use crate::{
    core::{
        logs::SourceState,
        time::{Mono, Now, Timestamp},
    },
    sources::logs::{Batch, Cursor, FIRST_LINES, Notice, StreamId},
};

/// A renamed file is read for so long after its last line: some writers take their time to open the new one.
const LINGER_MS: u64 = 60_000;
/// A new file waits at most so long for the old one to be read.
const WAIT_MS: u64 = 10_000;

/// Something to hand over, in this order.
#[derive(Debug)]
pub(super) enum Item {
    Batch(Batch),
    Notice(Notice, Timestamp),
    State(SourceState),
}

/// Whether the file at the path may be read yet, after another one was there.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Turn {
    Reads,
    /// It has to wait until the one before it is read: what was written first comes first.
    Waits {
        /// The round in which it was seen to have something; what was written to the old one before that is read by the next.
        since: Option<u64>,
        began: Mono,
        notice: Notice,
    },
}

/// A piece to be read, and of which file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Plan {
    pub(super) want: Want,
    pub(super) packed: bool,
    inode: Option<u64>,
    /// Position among the old ones; none is the current one.
    old: Option<usize>,
}

/// A path that is followed.
#[derive(Debug)]
pub(super) struct File {
    /// Its number, for whoever tells that a hand-over is done.
    pub(super) key: u64,
    /// The entry's name.
    pub(super) entry: Arc<str>,
    pub(super) path: String,
    pub(super) stream: StreamId,
    pub(super) tail: Option<Tail>,
    pub(super) old: VecDeque<Tail>,
    /// Whether it was looked at before: a file that appears later is read from its start.
    pub(super) opened: bool,
    /// Whether somebody is taking what it handed over: until then nothing more is read.
    pub(super) busy: bool,
    pub(super) out: Vec<Item>,
    pub(super) told: Option<SourceState>,
    opening: bool,
    turn: Turn,
}

impl File {
    pub(super) fn new(key: u64, entry: Arc<str>, path: String, stream: StreamId) -> Self {
        Self {
            key,
            entry,
            path,
            stream,
            tail: None,
            old: VecDeque::new(),
            opened: false,
            busy: false,
            out: Vec::new(),
            told: None,
            opening: false,
            turn: Turn::Reads,
        }
    }

    /// Says how it is doing, once.
    pub(super) fn tell(&mut self, state: SourceState) {
        if self.told.as_ref() != Some(&state) {
            self.told = Some(state.clone());
            self.out.push(Item::State(state));
        }
    }

    pub(super) fn say(&mut self, notice: Notice, now: Now) {
        self.out.push(Item::Notice(notice, now.utc));
    }

    fn lines(&mut self, bytes: Vec<u8>) {
        if !bytes.is_empty() {
            self.out.push(Item::Batch(Batch { bytes, ..Batch::default() }));
        }
    }

    /// Takes what was found at its path.
    pub(super) fn seen(&mut self, found: &Found, now: Now) {
        if !found.regular {
            return self.tell(SourceState::Denied { why: "no file with lines but a folder or a device".into() });
        }
        let first = !std::mem::replace(&mut self.opened, true);
        match &mut self.tail {
            None => {
                let from = if first { found.size.saturating_sub(WINDOW) } else { 0 };
                let mut tail = Tail::new(found, from, Phase::Current, now.mono);
                if from > 0 {
                    tail.lines = super::lines::Lines::skipping();
                }
                // While nothing was at the path, others may have come and gone: they stand beside the one before.
                if let Some(before) = self.old.back_mut() {
                    before.located = false;
                }
                self.opening = first && found.size > 0;
                self.tail = Some(tail);
                if found.size == 0 || !first {
                    self.tell(SourceState::Live);
                }
            }
            Some(tail) if tail.is(found) && found.size >= tail.offset => tail.size = found.size,
            Some(tail) if tail.is(found) => self.truncated(found.size, now),
            Some(_) => {
                self.retire(now);
                self.tail = Some(Tail::new(found, 0, Phase::Current, now.mono));
            }
        }
    }

    /// Begins at a byte, with a file of which the rest is known already.
    pub(super) fn begin_at(&mut self, found: &Found, offset: u64, now: Now) {
        self.opened = true;
        self.tail = Some(Tail::new(found, offset, Phase::Current, now.mono));
    }

    /// Takes that nothing is at its path any more.
    pub(super) fn missing(&mut self, now: Now) {
        if self.tail.is_some() {
            self.retire(now);
        } else if !self.opened {
            self.tell(SourceState::Denied { why: "there is no such file yet".into() });
        } else if self.old.is_empty() {
            self.tell(SourceState::Denied { why: "the file is gone; a new one will be read from its start".into() });
        }
        self.opened = true;
    }

    /// The file was renamed or removed: where it went is found out later.
    fn retire(&mut self, now: Now) {
        let Some(mut tail) = self.tail.take() else { return };
        tail.phase = Phase::Renamed;
        tail.path = None;
        tail.active = now.mono;
        self.old.push_back(tail);
        self.waits(Notice::Rotated { drained: 0 }, now);
    }

    /// The file was emptied: a copy of it may hold what was not read.
    fn truncated(&mut self, size: u64, now: Now) {
        let Some(tail) = &mut self.tail else { return };
        let at = tail.offset;
        let found =
            Found { path: self.path.clone(), inode: tail.inode, device: tail.device, size, modified: 0, regular: true };
        let mut before = std::mem::replace(tail, Tail::new(&found, 0, Phase::Current, now.mono));
        before.phase = Phase::Finished;
        before.path = None;
        self.old.push_back(before);
        self.opening = false;
        self.waits(Notice::Truncated { at }, now);
    }

    /// Puts files that came and went unseen behind the old one at `at`. The present one waits for them too.
    pub(super) fn came_between(&mut self, at: usize, between: Vec<Tail>, now: Now) {
        if between.is_empty() {
            return;
        }
        for (step, tail) in between.into_iter().enumerate() {
            self.old.insert(at + 1 + step, tail);
        }
        if self.turn == Turn::Reads {
            self.waits(Notice::Rotated { drained: 0 }, now);
        }
    }

    fn waits(&mut self, notice: Notice, now: Now) {
        if let Turn::Waits { notice: before, .. } =
            std::mem::replace(&mut self.turn, Turn::Waits { since: None, began: now.mono, notice })
        {
            // It happened again before the first could be told.
            self.out.push(Item::Notice(before, now.utc));
        }
    }

    /// Takes where its old files are now.
    pub(super) fn look_at_old(&mut self, find: impl Fn(&str) -> Option<Found>, now: Now) {
        let mut done = Vec::new();
        for tail in &mut self.old {
            let Some(path) = &tail.path else { continue };
            match find(path) {
                Some(found) if tail.is(&found) => {
                    if tail.phase == Phase::Renamed {
                        tail.size = found.size;
                    }
                }
                // Renamed once more, or packed: the content tells.
                _ => tail.path = None,
            }
        }
        self.old.retain_mut(|tail| {
            let idle = now.mono.since(tail.active);
            let finished = match tail.phase {
                Phase::Renamed if tail.path.is_some() => tail.behind() == 0 && idle >= LINGER_MS,
                // It was read to its end a while ago, and is packed or removed now.
                Phase::Renamed => tail.behind() == 0 && idle >= 5_000,
                Phase::Finished => tail.behind() == 0 && tail.path.is_some(),
                Phase::Packed | Phase::Current => false,
            };
            if finished {
                done.push(tail.lines.finish());
            }
            !finished
        });
        for lines in done {
            self.lines(lines);
        }
    }

    /// Gives up an old file that was not found.
    pub(super) fn give_up(&mut self, at: usize, now: Now) {
        let Some(mut tail) = self.old.remove(at) else { return };
        if tail.phase != Phase::Renamed {
            // A truncated file without a copy: what it held back may go on at its new start.
            if let Some(current) = self.tail.as_mut().filter(|current| current.offset == 0) {
                current.lines = std::mem::take(&mut tail.lines);
            }
            return;
        }
        let held = tail.lines.finish();
        self.lines(held);
        let bytes = (tail.behind() > 0).then(|| tail.behind());
        let why =
            format!("the file that had been read to byte {} was removed before it was read to its end", tail.offset);
        self.say(Notice::Gap { bytes, lines: None, why }, now);
    }

    /// Says what to read next of it, if anything; whether something waits that may not be read yet goes into `again`.
    pub(super) fn plan(&mut self, round: u64, now: Now, again: &mut bool) -> Option<Plan> {
        let old = self.old.iter().enumerate().find_map(|(at, tail)| {
            let path = tail.path.as_ref()?;
            let packed = tail.phase == Phase::Packed;
            let want =
                (packed || tail.behind() > 0).then(|| tail.want(path, if packed { 8 * SHARE } else { SHARE }))?;
            Some(Plan { want, packed, inode: (!packed).then_some(tail.inode), old: Some(at) })
        });
        let waiting = self.tail.as_ref().is_some_and(|tail| tail.behind() > 0);
        let lost = self.old.iter().any(|tail| tail.path.is_none());
        if let Turn::Waits { since, began, notice } = &mut self.turn {
            let over = now.mono.since(*began) >= WAIT_MS;
            if (old.is_some() || lost) && !over {
                return old;
            }
            let seen = if waiting { *since.get_or_insert(round) } else { round };
            if seen >= round && !over {
                *again |= waiting;
                return old;
            }
            let notice = notice.clone();
            self.turn = Turn::Reads;
            self.say(notice, now);
            if self.tail.as_ref().is_some_and(|tail| tail.lines.held() == 0) {
                self.carry_over();
            }
        }
        // Once it is the new one's turn, late lines of the old one come in between.
        old.filter(|_| !waiting || round.is_multiple_of(2)).or_else(|| {
            let tail = self.tail.as_ref().filter(|tail| tail.behind() > 0)?;
            Some(Plan { want: tail.want(&self.path, SHARE), packed: false, inode: Some(tail.inode), old: None })
        })
    }

    /// A line that a copy ends with goes on where the emptied file begins.
    fn carry_over(&mut self) {
        let copy = self.old.iter().position(|tail| tail.phase == Phase::Finished && tail.behind() == 0);
        if let (Some(tail), Some(copy)) = (&mut self.tail, copy.and_then(|at| self.old.remove(at))) {
            tail.lines = copy.lines;
        }
    }

    /// Takes what was read.
    pub(super) fn got(&mut self, plan: &Plan, got: Got, now: Now) {
        let bytes = match got {
            Got::Bytes { bytes, inode, .. } if plan.inode.is_none_or(|wanted| wanted == inode) => bytes,
            // Another file is there by now; the next look sorts that out.
            Got::Bytes { .. } | Got::Gone => {
                if let Some(tail) = plan.old.and_then(|at| self.old.get_mut(at)) {
                    tail.path = None;
                }
                return;
            }
            Got::Denied => {
                let why = "permission denied: the login may not read it; membership in the group `adm` usually helps";
                return self.tell(SourceState::Denied { why: why.into() });
            }
        };
        let ended = plan.packed && u64::try_from(bytes.len()).unwrap_or(u64::MAX) < plan.want.length;
        let tail = match plan.old {
            Some(at) => self.old.get_mut(at),
            None => self.tail.as_mut(),
        };
        let Some(tail) = tail else { return };
        let size = tail.size;
        match tail.take(bytes) {
            Taken::New(bytes) => {
                if !bytes.is_empty() {
                    tail.active = now.mono;
                } else if !plan.packed {
                    // Shorter than it looked: the next look says why.
                    tail.size = tail.offset;
                }
                let lines = tail.lines.push(&bytes, now.mono);
                let behind = tail.behind();
                if let Turn::Waits { notice: Notice::Rotated { drained }, .. } = &mut self.turn {
                    *drained += u64::try_from(bytes.len()).unwrap_or(0);
                }
                if std::mem::take(&mut self.opening) {
                    self.open_with(&lines);
                } else {
                    self.lines(lines);
                }
                self.tell(if behind > SHARE {
                    SourceState::CatchingUp { behind_bytes: Some(behind) }
                } else {
                    SourceState::Live
                });
            }
            Taken::Other => match plan.old {
                Some(at) => {
                    if let Some(tail) = self.old.get_mut(at) {
                        tail.path = None;
                        tail.phase = Phase::Finished;
                    }
                    return;
                }
                None => return self.truncated(size, now),
            },
        }
        if ended && let Some(mut tail) = plan.old.and_then(|at| self.old.remove(at)) {
            let held = tail.lines.finish();
            self.lines(held);
        }
    }

    /// Hands over the end of what was there before it was followed.
    fn open_with(&mut self, lines: &[u8]) {
        let kept = lines.get(last(lines, FIRST_LINES)..).unwrap_or_default().to_vec();
        let Some(tail) = &self.tail else { return };
        let offset = tail.handed_over().saturating_sub(u64::try_from(kept.len()).unwrap_or(0));
        let before = Cursor::Byte { path: self.path.clone(), inode: tail.inode, offset: Some(offset) };
        self.out.push(Item::Batch(Batch { bytes: kept, history: true, before: Some(before), ..Batch::default() }));
    }

    /// Hands over lines that wait for their end for too long.
    pub(super) fn age(&mut self, now: Now) {
        let tails = self.old.iter_mut().chain(&mut self.tail);
        let aged: Vec<Vec<u8>> =
            tails.filter(|tail| tail.behind() == 0).filter_map(|tail| tail.lines.aged(now.mono)).collect();
        for lines in aged {
            self.lines(lines);
        }
    }

    /// Says where reading goes on.
    pub(super) fn place(&self) -> String {
        let tail = self.old.front().or(self.tail.as_ref());
        tail.map_or_else(|| "at its start".to_owned(), |tail| format!("at byte {}", tail.offset))
    }
}
