//! The columns of a record: the hottest path there is.
use std::sync::LazyLock;

use super::{
    Assume, Format, Head, Kind, Shape, Slot, Taken, UTC,
    escape::Escape,
    infer,
    json::{self, Wants},
    pattern::{self, cut},
    time::{self, Style},
    units,
};
use crate::core::logs::Level;

/// What is looked for in JSON about which nothing is known: the time, the level, the status, the duration in milliseconds.
static COMMON: LazyLock<[Vec<String>; 5]> = LazyLock::new(|| {
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect();
    [
        words("time timestamp @timestamp ts datetime t.$date t"),
        words("level severity lvl log.level loglevel level_name levelname s"),
        words("status status_code statusCode res.statusCode http.status_code http.response.status_code"),
        words("duration_ms ms latency_ms responseTime response_time_ms elapsed_ms took_ms"),
        words("msg message"),
    ]
});

static COMMON_WANTS: LazyLock<Wants> = LazyLock::new(|| {
    let [time, level, status, duration, body] = &*COMMON;
    Wants::new([time, level, status, duration, body])
});

impl Format {
    /// Reads the columns of a record. Hot: runs once for each record that arrives.
    pub fn head(&self, record: &[u8], assume: Assume) -> Head {
        let line = self.line_of(record);
        match &self.shape {
            Shape::Json { wants, units } => self.head_of_json(wants, units, line, assume),
            Shape::Plain => self.head_of_text(line, assume),
            Shape::Pattern { pattern, head, .. } => {
                let mut spans = pattern::NONE;
                pattern.run(line, *head, &mut spans);
                self.head_of_taken(&Taken::Spans(line, spans), line, assume)
            }
            Shape::Regex { regex, .. } => match regex.captures(line) {
                Some(groups) => self.head_of_taken(&Taken::Groups(groups), line, assume),
                None => Head { level: self.inferred(line), ..Head::default() },
            },
            Shape::Logfmt => self.head_of_taken(&Taken::Text(line), line, assume),
        }
    }

    pub(super) fn inferred(&self, text: &[u8]) -> Level {
        if self.level.infer { infer::level(text) } else { Level::Unknown }
    }

    fn head_of_json(&self, wants: &Wants, units: &[f64], line: &[u8], assume: Assume) -> Head {
        let [time, level, status, duration, body] = wants.find(line);
        let status = status.and_then(|(_, value)| number(value.text));
        let level = level.and_then(|(_, value)| self.read_level(value.text));
        let duration = duration.map(|(rank, value)| units::column(value.text, units.get(rank).copied().unwrap_or(1.0)));
        let mut head = Head {
            time: time.and_then(|(_, value)| time::read(value.text, self.style, assume)).map(|(time, _)| time),
            level: level.unwrap_or_default(),
            status: status.unwrap_or(0),
            duration_us: duration.unwrap_or(Head::NO_DURATION),
        };
        if level.is_some() {
            return head;
        }
        if let (true, Some(status)) = (self.level.of_status, status) {
            head.level = of_status(status);
        } else if let (true, Some((_, body))) = (self.level.infer, body) {
            self.infer_in_json(body, &mut head);
        }
        head
    }

    /// Infers what is missing from a JSON record's message, which may be JSON within JSON.
    fn infer_in_json(&self, body: json::Value<'_>, head: &mut Head) {
        if body.text.starts_with(b"{") && body.is == json::Is::Text {
            let inner = self.head_of_text(&Escape::Json.undo(body.text), UTC);
            head.level = inner.level;
            if head.status == 0 {
                head.status = inner.status;
            }
            if head.duration_us == Head::NO_DURATION {
                head.duration_us = inner.duration_us;
            }
        } else if body.is == json::Is::Array {
            head.level = body.bytes().map_or(Level::Unknown, |bytes| infer::level(&bytes));
        } else {
            head.level = infer::level(body.text);
        }
    }

    /// Reads a duration in microseconds from the first place that has one.
    pub(super) fn column_of(&self, taken: &Taken<'_>, index: usize) -> Option<u32> {
        let Kind::Duration { micros } = self.fields.get(index)?.kind else { return None };
        self.slots.get(index)?.iter().find_map(|slot| {
            let (slot, unit) = match slot {
                Slot::Scaled(of, factor) => (&**of, micros * factor),
                Slot::Capture(_) | Slot::Key(_) | Slot::Tail(_) | Slot::Part(..) => (slot, micros),
            };
            Some(units::column(self.raw_of(taken, slot)?, unit))
        })
    }

    fn head_of_taken(&self, taken: &Taken<'_>, line: &[u8], assume: Assume) -> Head {
        let first = |slots: &[Slot]| slots.iter().find_map(|slot| self.raw_of(taken, slot));
        let of_field = |index: Option<usize>| self.slots.get(index?).and_then(|slots| first(slots));
        let time = first(&self.time).and_then(|text| time::read(text, self.style, assume)).map(|(time, _)| time);
        let status = of_field(self.status).and_then(number);
        let duration = self.duration.and_then(|index| self.column_of(taken, index));
        let mut head = Head {
            time,
            level: Level::Unknown,
            status: status.unwrap_or(0),
            duration_us: duration.unwrap_or(Head::NO_DURATION),
        };
        let level = self.level.from.iter().find_map(|slot| self.raw_of(taken, slot).or_else(|| dash_of(taken, slot)));
        if let Some(level) = level.and_then(|text| self.read_level(text)) {
            head.level = level;
        } else if let (true, Some(status)) = (self.level.of_status, status) {
            head.level = of_status(status);
        } else if self.level.infer {
            // The message of a process is often a record of its own.
            let body = of_field(self.body).unwrap_or(line);
            let inner = self.head_of_text(body, assume);
            head.level = inner.level;
            if status.is_none() {
                head.status = inner.status;
            }
            if duration.is_none() {
                head.duration_us = inner.duration_us;
            }
            head.time = head.time.or(inner.time);
        }
        head
    }

    /// Reads a text about which nothing is known: JSON, or words after a time.
    fn head_of_text(&self, text: &[u8], assume: Assume) -> Head {
        if json::is_object(text) {
            let [time, level, status, duration, body] = COMMON_WANTS.find(text);
            let status = status.and_then(|(_, value)| number(value.text)).unwrap_or(0);
            let level = level.and_then(|(_, value)| self.read_level(value.text).or_else(|| pino(value.text)));
            return Head {
                time: time.and_then(|(_, value)| time::read(value.text, Style::Auto, assume)).map(|(time, _)| time),
                level: level.or(body.map(|(_, value)| self.inferred(value.text))).unwrap_or_default(),
                status,
                duration_us: duration.map_or(Head::NO_DURATION, |(_, value)| units::column(value.text, 1000.0)),
            };
        }
        let skip = text.iter().take(8).take_while(|byte| matches!(byte, b'[' | b' ')).count();
        let time = text.get(skip..).and_then(|text| time::read(text, Style::Auto, assume));
        let rest = time.and_then(|(_, taken)| text.get(skip + taken..)).unwrap_or(text);
        Head { time: time.map(|(time, _)| time), level: self.inferred(rest), ..Head::default() }
    }

    fn read_level(&self, text: &[u8]) -> Option<Level> {
        if self.level.is_priority {
            return number(text).and_then(|priority| SYSLOG.get(usize::from(priority % 8)).copied());
        }
        if let Some((_, level)) = self.level.map.iter().find(|(word, _)| word == text) {
            return Some(*level);
        }
        Level::parse(text)
    }
}

/// A dash that is a level: Redis writes one.
fn dash_of<'a>(taken: &Taken<'a>, slot: &Slot) -> Option<&'a [u8]> {
    let (Slot::Capture(index), Taken::Spans(line, spans)) = (slot, taken) else { return None };
    cut(line, *spans.get(*index)?)
}

/// Severities of syslog, by number.
const SYSLOG: [Level; 8] =
    [Level::Fatal, Level::Fatal, Level::Fatal, Level::Error, Level::Warn, Level::Notice, Level::Info, Level::Debug];

/// Reads up to four digits; Nginx writes `009` where an upstream spoke HTTP/0.9.
fn number(text: &[u8]) -> Option<u16> {
    if text.is_empty() || text.len() > 4 {
        return None;
    }
    text.iter().try_fold(0_u16, |value, byte| byte.is_ascii_digit().then(|| value * 10 + u16::from(byte - b'0')))
}

/// The level of an access log's record: 4xx, and what is no status at all, is a warning.
fn of_status(status: u16) -> Level {
    match status {
        100..=399 => Level::Info,
        500..=599 => Level::Error,
        _ => Level::Warn,
    }
}

/// Levels as numbers, as pino and bunyan write them.
fn pino(text: &[u8]) -> Option<Level> {
    Some(match number(text)? {
        10 => Level::Trace,
        20 => Level::Debug,
        30 => Level::Info,
        40 => Level::Warn,
        50 => Level::Error,
        60 => Level::Fatal,
        _ => return None,
    })
}
