//! The log view in that night, without the runtime: what the engine would answer is worked out here from lines of real formats, with
//! the same buffer, filter, miner and redaction. The same every time.
mod answer;
mod lines;

use std::sync::Arc;

use quarterdeck::{
    config,
    core::{
        Effect, Msg, State,
        action::Action,
        logs::{
            self, Ask, Key, Level, Source, SourceId, SourceState,
            buffer::Buffer,
            eval::Cache,
            format::Assume,
            patterns::{Miner, Seen},
            redact::Redactor,
            segment::{Batch, Flags, Segment},
            shown::{Back, Counted, FieldValue, Searched, Shown},
        },
        record::Row,
        screen::{Draft, Tone},
        time::{MINUTE, SECOND, Timestamp},
        update,
    },
    ui::{self, Look},
};
use ratatui::{buffer::Buffer as Cells, layout::Rect};

use self::lines::{access, json_line, laravel, nginx_errors, pino};
pub(crate) use self::{answer::by_host, lines::hostile};
use crate::night::{AT, Night};

/// A token that no screen may show.
pub(crate) const TOKEN: &str = "eyJhbGciOiJIUzI1NiJ9.c3VwZXJzZWNyZXQ.Zm9yZ2VkLXNpZ25hdHVyZQ";
/// An address that no screen may show.
pub(crate) const MAIL: &str = "ana.perez@acme.example";
/// When what is new began.
pub(crate) const DEPLOY: Timestamp = Timestamp(AT.0 - 13 * MINUTE);

/// A console that looks at logs, and the engine's part of it.
pub(crate) struct Desk {
    pub(crate) night: Night,
    /// What the console wanted done since it was last asked.
    pub(crate) effects: Vec<Effect>,
    /// The states of the sources.
    pub(crate) states: Vec<SourceState>,
    /// A table that the last stage of the filter makes.
    pub(crate) stage: Option<Vec<Counted>>,
    /// How far back the sources were read.
    pub(crate) searched: Searched,
    /// What rules derive of the record under the cursor, and how often they find nothing.
    pub(crate) derived: Vec<FieldValue>,
    buffer: Buffer,
    cache: Cache,
    miner: Miner,
    redact: Arc<Redactor>,
    records: Vec<u64>,
}

impl Desk {
    /// Opens the view on sources that have nothing yet.
    pub(crate) fn bare() -> Self {
        Self::limited(64 << 20)
    }

    /// The same, with room for so many bytes of lines.
    pub(crate) fn limited(bytes: usize) -> Self {
        Self {
            night: Night::new(),
            effects: Vec::new(),
            states: Vec::new(),
            stage: None,
            searched: Searched { back: Back::Begin, ..Searched::default() },
            derived: Vec::new(),
            buffer: Buffer::new(bytes),
            cache: Cache::new(8 << 20),
            miner: Miner::default(),
            redact: Arc::new(config::redact::load(None).0),
            records: Vec::new(),
        }
    }

    /// Opens the view on forty minutes of that night.
    pub(crate) fn new() -> Self {
        let mut desk = Self::bare();
        let play = desk.source(
            "play-access",
            "file",
            "/var/log/nginx/access.log",
            (Some("Play"), Some("play-01")),
            "nginx-combined",
        );
        let errors = desk.source(
            "play-error",
            "file",
            "/var/log/nginx/error.log",
            (Some("Play"), Some("play-01")),
            "nginx-error",
        );
        let api = desk.source("api-out", "loki", "{app=\"api\"}", (Some("API"), Some("api-01")), "pino");
        let billing = desk.source(
            "billing",
            "file",
            "/srv/billing/storage/logs/laravel.log",
            (Some("Billing"), Some("admin-01")),
            "laravel",
        );
        let cloud = desk.source("cloud-out", "command", "cloudctl logs", (Some("Cloud"), Some("cloud-01")), "plain");
        desk.source("db-log", "file", "/var/log/postgresql/main.log", (None, Some("db-01")), "postgres");
        desk.states[3] = SourceState::CatchingUp { behind_bytes: Some(18_200) };
        desk.states[4] =
            SourceState::Reconnecting { since: AT - 4 * MINUTE, attempt: 3, why: "no answer behind jump".into() };
        desk.states[5] = SourceState::Denied { why: "permission denied: /var/log/postgresql/main.log".into() };
        desk.reads(play, access(), None);
        desk.reads(errors, nginx_errors(), None);
        desk.reads(api, pino(), None);
        desk.reads(billing, laravel(), None);
        desk.raw(cloud, &hostile(), AT - 5 * MINUTE);
        desk.notice(cloud, "cloud-out on cloud-01: not read since 03:08:41, lines may be missing", AT - 4 * MINUTE);
        desk.reads(
            api,
            json_line(AT - 61 * SECOND, 40, "upstream answered after its time", "1f0a", 504).into_bytes(),
            Some(AT - 30 * SECOND),
        );
        desk.open();
        desk
    }

    /// Adds a source, live.
    pub(crate) fn source(
        &mut self,
        name: &str,
        kind: &'static str,
        path: &str,
        (service, host): (Option<&str>, Option<&str>),
        format: &str,
    ) -> SourceId {
        let format = config::formats::built_in().get(format).unwrap().clone();
        let make = |id| Source {
            service: service.map(|name| quarterdeck::core::id::ServiceId { service: name.into(), env: "prod".into() }),
            host: host.map(Into::into),
            ..Source::new(id, (name, kind, path), &format)
        };
        self.states.push(SourceState::Live);
        self.records.push(0);
        self.buffer.add_source(make).unwrap()
    }

    fn assume(&self) -> Assume {
        Assume { zone: chrono_tz::UTC, now: self.night.now.utc.into() }
    }

    /// Takes lines in, as their format reads them.
    pub(crate) fn reads(&mut self, id: SourceId, bytes: Vec<u8>, late_before: Option<Timestamp>) {
        let format = Arc::clone(&self.buffer.sources()[usize::from(id.0)].format);
        let batch = Batch { late_before: late_before.map(Into::into), ..Batch::new(id, &format, self.assume(), bytes) };
        self.keep(id, Segment::parse(batch));
    }

    /// Takes records in as they are, a second apart.
    pub(crate) fn raw(&mut self, id: SourceId, records: &[Vec<u8>], from: Timestamp) {
        let format = Arc::clone(&self.buffer.sources()[usize::from(id.0)].format);
        let (mut bytes, mut ends, mut times) = (Vec::new(), Vec::new(), Vec::new());
        for (second, record) in (0..).zip(records) {
            bytes.extend_from_slice(record);
            bytes.push(b'\n');
            ends.push(u32::try_from(bytes.len()).unwrap());
            times.push((from + second * SECOND).into());
        }
        let batch = Batch { ends, times, ..Batch::new(id, &format, self.assume(), bytes) };
        self.keep(id, Segment::parse(batch));
    }

    pub(crate) fn notice(&mut self, id: SourceId, says: &str, at: Timestamp) {
        let text = format!("{says}\n").into_bytes();
        let plain = config::formats::built_in().get("plain").unwrap();
        let ends = vec![u32::try_from(text.len()).unwrap()];
        let batch =
            Batch { ends, times: vec![at.into()], flags: Flags::NOTICE, ..Batch::new(id, plain, self.assume(), text) };
        self.buffer.push(Segment::parse(batch));
    }

    fn keep(&mut self, id: SourceId, segment: Segment) {
        let segment = self.buffer.push(segment);
        self.buffer.fit(0, |_| ());
        self.records[usize::from(id.0)] += segment.len() as u64;
        let (text, sources) = (segment.text(), self.buffer.sources());
        for record in 0..segment.len() {
            let message = sources[usize::from(id.0)].format.message(&text[segment.span(record)]);
            let seen = Seen {
                at: Some(segment.time(record)),
                level: segment.level(record),
                source: id,
                record: segment.base() + record as u64,
            };
            self.miner.add(&message, seen);
        }
    }

    /// Goes to the logs.
    pub(crate) fn open(&mut self) {
        self.act(&[Action::GoLogs]);
        self.publish();
    }

    /// Does what a person would do.
    pub(crate) fn act(&mut self, actions: &[Action]) {
        for action in actions {
            let facts = self.night.draw().1;
            self.tell(Msg::LaidOut(facts));
            self.tell(Msg::Acted(*action));
        }
    }

    /// Does something of the log view.
    pub(crate) fn log(&mut self, action: logs::LogAction) {
        self.act(&[Action::Log(action)]);
    }

    /// Types all of a line.
    pub(crate) fn types(&mut self, draft: Draft, text: &str) {
        self.tell(Msg::Drafted { draft, text: text.into() });
    }

    /// Hands a message in; what is asked of the engine is answered at once.
    pub(crate) fn tell(&mut self, msg: Msg) {
        let effects = update(&mut self.night.state, msg, self.night.now);
        for effect in effects {
            let asked = matches!(effect, Effect::Logs(Ask::Query(_)));
            self.effects.push(effect);
            if asked {
                self.publish();
            }
        }
    }

    /// Publishes what the newest question makes of what is here.
    pub(crate) fn publish(&mut self) {
        let query = self.effects.iter().rev().find_map(|effect| match effect {
            Effect::Logs(Ask::Query(query)) => Some((**query).clone()),
            _ => None,
        });
        let shown = self.answer(query.unwrap_or_else(|| self.state().logs.query.clone()));
        let more = update(&mut self.night.state, Msg::Logs(logs::Msg::Shown(Arc::new(shown))), self.night.now);
        self.effects.extend(more);
    }

    pub(crate) fn state(&self) -> &State {
        &self.night.state
    }

    /// Returns what the engine last answered.
    pub(crate) fn shown(&self) -> Arc<Shown> {
        self.state().logs.shown.clone().unwrap()
    }

    /// Returns where the person is.
    pub(crate) fn cursor(&self) -> Key {
        quarterdeck::core::screen::logs::cursor(self.state()).unwrap()
    }

    /// Returns the text of the record under the cursor.
    pub(crate) fn line(&self) -> String {
        String::from_utf8_lossy(&self.shown().record_at(self.cursor()).unwrap().raw()).into_owned()
    }

    /// Returns the level of the record under the cursor.
    pub(crate) fn level(&self) -> Level {
        self.shown().record_at(self.cursor()).unwrap().level
    }

    /// Returns what was said last.
    pub(crate) fn said(&self) -> (Tone, String) {
        self.state()
            .screen
            .message
            .as_ref()
            .map(|said| (said.tone, said.text.clone()))
            .unwrap_or((Tone::Done, String::new()))
    }

    /// Returns what was copied last.
    pub(crate) fn copied(&self) -> String {
        let copied = self.effects.iter().rev().find_map(|effect| match effect {
            Effect::Copy { text } => Some(text.clone()),
            _ => None,
        });
        copied.unwrap()
    }

    /// Returns what was put on the audit.
    pub(crate) fn audits(&self) -> Vec<String> {
        let rows = self.effects.iter().flat_map(|effect| match effect {
            Effect::Commit { rows, .. } => rows.clone(),
            _ => Vec::new(),
        });
        rows.filter_map(|row| match row {
            Row::Audit(audit) => Some(format!("{} {}", audit.what, audit.target)),
            _ => None,
        })
        .collect()
    }

    /// Draws at a size, laid out for it as the program does after a resize.
    pub(crate) fn draw(&mut self, look: &Look, (wide, high): (u16, u16)) -> Cells {
        let mut cells = Cells::empty(Rect::new(0, 0, wide, high));
        for _ in 0..3 {
            cells.reset();
            let facts =
                ui::draw(&self.night.state, &config::keymap::Keymap::default(), look, self.night.now, None, &mut cells);
            self.tell(Msg::LaidOut(facts));
        }
        cells
    }
}
