//! What the configured sources have, and what is written from now on, also to files.
use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, mpsc::RecvTimeoutError},
    time::Duration,
};

use color_eyre::eyre::eyre;

use super::{desk::Desk, lines::Read, merge, pm2::Pm2, printer::Printer};
use crate::{
    cli::{
        Common,
        setup::{self, Setup},
    },
    config::problem::Severity,
    core::{
        id::HostName,
        inventory::Inventory,
        logs::{
            LogPlace, LogSpec, SourceState,
            buffer::{Buffer, Snapshot},
            format::Assume,
            segment::Segment,
        },
        time::Clock,
    },
    parse::sanitise,
    remote::{Remote, http, tls::Trust},
    runtime::logs::{
        Means, Order, Paged, Received, Stream, Supervisor, desk,
        older::{Arrived, Older, Whose},
        prefilter::divide,
    },
    sources::logs::{Batch, LeftOut, StreamId},
};

/// Between two looks at what is held back.
const LOOK: Duration = Duration::from_millis(100);
/// Time that sources have to open.
const PATIENCE_MS: u64 = 20_000;
/// Once nothing has come for so long, those that are open are all there are.
const QUIET_MS: u64 = 300;
/// Bytes of lines and columns that are gathered at most; what is older goes.
const LIMIT: usize = 256 << 20;

/// Sources at work, and what they had so far.
pub(super) struct Live<'a> {
    desk: &'a Desk,
    clock: Arc<dyn Clock>,
    received: Received,
    supervisor: Supervisor,
    inventory: Inventory,
    pm2: Pm2,
    streams: BTreeMap<StreamId, Stream>,
    older: Older,
    skew: BTreeMap<HostName, i64>,
    buffer: Buffer,
    /// What was gathered goes to the buffer; later it is printed as it comes.
    gathering: bool,
    here: chrono_tz::Tz,
    pub(super) read: Read,
}

impl<'a> Live<'a> {
    /// Starts the configured sources, or followers of files where some are named.
    pub(super) fn start(
        setup: &Setup,
        common: &Common,
        desk_of: &'a Desk,
        files: &[PathBuf],
    ) -> color_eyre::Result<Self> {
        let (inventory, remote): (Inventory, Arc<dyn Remote>) = if files.is_empty() {
            let mut loaded = setup.config(common)?;
            let is_of = |spec: &Arc<LogSpec>| {
                common.env.as_deref().is_none_or(|env| spec.env.as_ref().is_some_and(|of| of.as_str() == env))
            };
            loaded.inventory.logs.retain(is_of);
            // An entry that is left out would look like one that says nothing.
            for problem in loaded.problems.iter().filter(|problem| problem.severity == Severity::Error) {
                setup::warn(&problem.one_line());
            }
            let is_of = |service: &Arc<crate::core::inventory::Service>| {
                common.env.as_deref().is_none_or(|env| service.id.env.as_str() == env)
            };
            loaded.inventory.services.retain(is_of);
            let has_pm2 = loaded.inventory.services.iter().any(|service| &*service.kind == "node-pm2");
            if loaded.inventory.logs.is_empty() && !has_pm2 {
                let what = "no logs are configured here\n  add `log = [{ name = …, type = \"file\", service = …, path = … }]`, or name a file";
                return Err(eyre!(what));
            }
            let remote: setup::SharedRemote = setup.remote(&loaded, false);
            (loaded.inventory, remote)
        } else {
            let inventory = Inventory { logs: specs(desk_of, files)?, ..Inventory::default() };
            let remote = setup.remote_with(&inventory, crate::remote::ssh::PoolOptions::from_env(false));
            (inventory, remote)
        };
        let (sink, received) = desk();
        let means = Means {
            remote,
            http: http::Client::new(Trust::system()),
            env: setup.env.clone(),
            clock: Arc::clone(&setup.clock),
            tasks: setup.tasks.clone(),
            desk: sink,
        };
        let pm2 = Pm2::ask(setup, &inventory, &means.remote);
        let mut supervisor = Supervisor::new(means);
        supervisor.reconcile(&inventory, &pm2.lists);
        Ok(Self {
            desk: desk_of,
            clock: Arc::clone(&setup.clock),
            received,
            supervisor,
            inventory,
            pm2,
            streams: BTreeMap::new(),
            older: Older::default(),
            skew: BTreeMap::new(),
            buffer: Buffer::new(LIMIT),
            gathering: true,
            here: desk_of.assume.zone,
            read: Read::default(),
        })
    }

    /// Waits until every source has said what it has, and reads upwards as far as the filter asks.
    pub(super) fn gather(&mut self) -> Snapshot {
        let began = self.clock.now().mono;
        let mut last = began;
        loop {
            match self.received.recv_timeout(LOOK) {
                Ok(order) => {
                    last = self.clock.now().mono;
                    self.take(order, None);
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if self.ask_pm2() {
                last = self.clock.now().mono;
            }
            self.flush(None, false);
            let now = self.clock.now().mono;
            let opening = self.streams.values().filter(|stream| matches!(stream.state, SourceState::Opening)).count();
            let paging = self.page();
            let is_quiet = now.since(last) >= QUIET_MS;
            let has_all = !self.streams.is_empty() || self.inventory.logs.is_empty();
            if !paging && opening == 0 && has_all && !self.pm2.is_waiting() && is_quiet {
                break;
            }
            if !paging && now.since(began) >= PATIENCE_MS && is_quiet {
                for stream in self.streams.values().filter(|stream| matches!(stream.state, SourceState::Opening)) {
                    setup::warn(&format!("qd: {}: has not answered yet", stream.info.name));
                    self.read.failed = true;
                }
                break;
            }
        }
        self.flush(None, true);
        let snapshot = self.buffer.snapshot();
        if snapshot.dropped.records > 0 {
            setup::warn(&format!(
                "qd: {} older records did not fit into {} MiB",
                snapshot.dropped.records,
                LIMIT >> 20
            ));
        }
        snapshot
    }

    /// Has the files read that PM2 names. Says whether there are others than before.
    fn ask_pm2(&mut self) -> bool {
        let changed = self.pm2.take(&mut self.read.failed);
        if changed {
            self.supervisor.reconcile(&self.inventory, &self.pm2.lists);
        }
        changed
    }

    /// Has older lines read where the filter's window begins before what is here. Says whether any are on their way.
    fn page(&mut self) -> bool {
        let Some(since) = self.desk.since.filter(|_| self.gathering) else { return false };
        for page in self.supervisor.lost() {
            self.older.arrived(page);
        }
        for (whose, _) in self.older.all() {
            let streams = || self.streams.iter().filter(|(id, stream)| Whose::of(**id, &stream.info) == whose);
            let Some((_, stream)) = streams().next() else { continue };
            if self.buffer.bytes() >= LIMIT || matches!(stream.state, SourceState::Denied { .. }) {
                continue;
            }
            let Some(spec) = self.supervisor.spec(&stream.info) else { continue };
            let formats = streams().filter_map(|(_, stream)| stream.format.as_deref());
            let asked = divide(&self.desk.filter.expr, &spec, &stream.info, &self.desk.derived, formats);
            let Some(turn) = self.older.next(&whose, &asked, Some(since)) else { continue };
            let page = turn.page;
            if !self.supervisor.page(turn, &stream.info) {
                self.older.arrived(page);
            }
        }
        self.older.is_reading()
    }

    /// Goes on with what is written until nobody reads or nothing more can come.
    pub(super) fn follow(&mut self, printer: &mut Printer<'_>) -> color_eyre::Result<()> {
        self.gathering = false;
        loop {
            match self.received.recv_timeout(LOOK) {
                Ok(order) => self.take(order, Some(printer)),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
            }
            self.ask_pm2();
            self.flush(Some(printer), false);
            if !printer.flush()? {
                return Ok(());
            }
            let over = |stream: &Stream| matches!(stream.state, SourceState::Denied { .. } | SourceState::Ended);
            if !self.streams.is_empty() && self.streams.values().all(over) {
                self.flush(Some(printer), true);
                printer.flush()?;
                return Ok(());
            }
        }
    }

    fn take(&mut self, order: Order, printer: Option<&mut Printer<'_>>) {
        match order {
            Order::Opened(id, info) => {
                self.older.opened(id, &info, self.clock.now().utc);
                self.streams.entry(id).or_insert_with(|| Stream::new(info));
            }
            Order::Came(id, batch, room) => {
                self.came(id, batch, printer);
                drop(room);
            }
            Order::Happened(id, notice, _) => {
                if let Some(stream) = self.streams.get(&id) {
                    setup::warn(&format!("qd: {}: {notice}", stream.info.name));
                }
            }
            Order::Stands(id, state) => {
                let now = self.clock.now().mono;
                let Some(stream) = self.streams.get_mut(&id) else { return };
                if let SourceState::Denied { why } = &state
                    && !matches!(stream.state, SourceState::Denied { .. })
                {
                    let host = stream.info.host.as_ref().map_or_else(String::new, |host| format!(" on {host}"));
                    setup::warn(&format!("qd: {}{host}: {}", stream.info.name, sanitise::line(why)));
                    self.read.failed = true;
                }
                stream.stands(state, now);
            }
            Order::Skew(host, ms) => {
                self.skew.insert(host, ms);
            }
            Order::Paged(paged, room) => {
                self.paged(paged);
                drop(room);
            }
            Order::Ask(_) | Order::Adopt(_) | Order::Rules(_) | Order::Pm2(..) => {}
        }
    }

    fn came(&mut self, id: StreamId, batch: Batch, printer: Option<&mut Printer<'_>>) {
        let now = self.clock.now();
        let (assume, skew) = (self.assume(id), self.skew_of(id));
        let Some(stream) = self.streams.get_mut(&id) else { return };
        stream.recognise(&self.desk.formats, &batch, &mut self.buffer);
        let (history, before, whose) = (batch.history, batch.before.clone(), Whose::of(id, &stream.info));
        let segment = stream.read(batch, assume, skew, now.mono);
        let first = segment.as_ref().filter(|_| history || self.older.is_bare(&whose)).and_then(Segment::first_timed);
        self.older.came(&whose, history, before.as_ref(), first);
        if let Some(segment) = segment {
            self.keep(id, segment, history, printer);
        }
    }

    /// Takes a page of what is older.
    fn paged(&mut self, paged: Paged) {
        self.supervisor.paged(paged.page);
        let Some(Arrived { whose, search }) = self.older.arrived(paged.page) else { return };
        let name = self.streams.get(&paged.stream).map_or_else(String::new, |stream| stream.info.name.clone());
        let page = match paged.read {
            Ok(page) => page,
            Err(why) => {
                setup::warn(&format!("qd: {name}: what is older cannot be read: {why}"));
                self.read.failed = true;
                // Trying again would fail again while everybody waits.
                return self.older.read(&whose, None, None);
            }
        };
        for notice in &page.notices {
            setup::warn(&format!("qd: {name}: {notice}"));
        }
        let oldest = match page.left_out {
            LeftOut::Some { oldest } => oldest,
            LeftOut::Nothing | LeftOut::Failed => {
                _ = search.is_some() && self.older.cannot(&whose);
                None
            }
        };
        let now = self.clock.now();
        let assume = self.assume(paged.stream);
        let format = self.streams.get(&paged.stream).and_then(|stream| stream.format.clone());
        let mut first = oldest.zip(format).and_then(|(line, format)| format.head(&line, assume).time);
        for (info, mut batch) in page.parts {
            batch.history = true;
            let same = |(_, known): &(&StreamId, &Stream)| known.info == info;
            let known = self.streams.iter().find(same).map(|(id, _)| *id);
            let id = known.unwrap_or_else(|| {
                let id = self.supervisor.open(info.clone());
                let mut stream = Stream::new(info);
                stream.stands(SourceState::Ended, now.mono);
                self.streams.insert(id, stream);
                id
            });
            let (assume, skew) = (self.assume(id), self.skew_of(id));
            let Some(stream) = self.streams.get_mut(&id) else { continue };
            stream.recognise(&self.desk.formats, &batch, &mut self.buffer);
            if search.is_some() && stream.format.as_ref().is_some_and(|format| format.is_multi_line()) {
                // Records of several lines may have lost some of them.
                let found = self.older.read_whole(&whose);
                self.buffer.forget(&found);
                return;
            }
            let Some(segment) = stream.read(batch, assume, skew, now.mono) else { continue };
            first = segment.first_timed().into_iter().chain(first).min();
            stream.took(&segment, true, now);
            self.buffer.push_found(segment, search.unwrap_or(0));
            self.buffer.fit(0, |_| {});
        }
        self.older.read(&whose, page.before, first);
    }

    fn skew_of(&self, id: StreamId) -> i64 {
        let host = self.streams.get(&id).and_then(|stream| stream.info.host.as_ref());
        host.and_then(|host| self.skew.get(host)).copied().unwrap_or(0)
    }

    fn keep(&mut self, id: StreamId, segment: Segment, history: bool, printer: Option<&mut Printer<'_>>) {
        let now = self.clock.now();
        let Some(stream) = self.streams.get_mut(&id) else { return };
        let older = history && stream.records > 0;
        stream.took(&segment, history, now);
        if let Some(printer) = printer {
            let sources = self.buffer.sources();
            let matching = self.desk.matcher.set(&segment, sources, None);
            let text = segment.text_once();
            for record in matching.iter() {
                let Some(source) = sources.get(usize::from(segment.source(record).0)) else { continue };
                let bytes = text.get(segment.span(record)).unwrap_or_default();
                // Whether anybody reads is asked after all of it.
                _ = printer.record(source, &segment, record, bytes);
            }
            return;
        }
        if older {
            self.buffer.push_older(segment)
        } else {
            self.buffer.push(segment)
        };
        self.buffer.fit(0, |_| {});
    }

    fn flush(&mut self, mut printer: Option<&mut Printer<'_>>, must: bool) {
        let now = self.clock.now().mono;
        let held: Vec<StreamId> =
            self.streams.iter().filter(|(_, stream)| stream.is_held()).map(|(id, _)| *id).collect();
        for id in held {
            let assume = self.assume(id);
            let segment = self.streams.get_mut(&id).and_then(|stream| stream.flush(assume, now, must));
            if let Some(segment) = segment {
                self.keep(id, segment, false, printer.as_deref_mut());
            }
        }
    }

    fn assume(&self, id: StreamId) -> Assume {
        let zone = self.streams.get(&id).and_then(|stream| stream.info.timezone);
        let is_here = self.streams.get(&id).is_some_and(|stream| stream.info.host.is_none());
        let zone = zone.unwrap_or(if is_here { self.here } else { chrono_tz::UTC });
        Assume { zone, now: self.clock.now().utc.into() }
    }
}

/// Makes entries for files that are named on the command line.
fn specs(desk: &Desk, files: &[PathBuf]) -> color_eyre::Result<Vec<Arc<LogSpec>>> {
    let mut all: Vec<Arc<LogSpec>> = Vec::with_capacity(files.len());
    for path in files {
        if path.as_os_str() == "-" {
            return Err(eyre!(
                "standard input ends when it ends\n  leave out --follow for `-`: its lines are shown as they come"
            ));
        }
        let path = std::path::absolute(path)?;
        let text =
            path.to_str().ok_or_else(|| eyre!("{}: a name that is no UTF-8 cannot be followed", path.display()))?;
        let mut glob = String::with_capacity(text.len());
        for char in text.chars() {
            if matches!(char, '*' | '?' | '[' | '\\') {
                glob.push('\\');
            }
            glob.push(char);
        }
        let name = path.file_name().map(|name| sanitise::name(name.as_encoded_bytes())).unwrap_or_default();
        let same = all.iter().filter(|other| other.name.starts_with(&name)).count();
        let name = if same == 0 { name } else { format!("{name}:{}", same + 1) };
        all.push(Arc::new(LogSpec {
            name: name.into(),
            env: None,
            service: None,
            hosts: Vec::new(),
            format: desk.format.as_ref().map(|format| format.name().to_owned()),
            timezone: Some(desk.assume.zone),
            place: LogPlace::File { path: glob, rotated: None },
        }));
    }
    Ok(all)
}

/// Prints what is here and goes on with what comes.
pub(super) fn follow(desk: &Desk, live: &mut Live<'_>) -> color_eyre::Result<Read> {
    let snapshot = live.gather();
    let mut printer = Printer::new(desk, live.streams.len() > 1);
    merge::of_snapshot(desk, &snapshot, &mut printer)?;
    drop(snapshot);
    live.follow(&mut printer)?;
    Ok(live.read)
}
