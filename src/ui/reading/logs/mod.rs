//! The log view from the state: the lines around the person's place, put into words, redacted, highlighted.
#![expect(clippy::wildcard_enum_match_arm, reason = "what is typed elsewhere is not for it")]
use chrono::TimeZone as _;

mod around;

use super::Reader;
use crate::{
    config::theme::Role,
    core::{
        logs::{
            Level, Nanos, SourceState,
            shown::{Back, Record, Shown, row_of},
            state::LogClock,
        },
        screen::{Draft, Overlay, Pane, RowKey, logs as acts},
    },
    parse::sanitise,
    ui::{
        logs::{Chip, FieldRow, LineRow, Lines, Logs, PatternRow, Stage, Web, WebTable, grouped},
        show::{Input, SourceMark},
        style::Ink,
        words::Words,
    },
};

/// Rows that are read around the cursor where the pane's height is not known yet.
const ROWS: usize = 60;
/// Characters of a service's or host's name that are shown at most.
const NAME: usize = 64;
/// Characters of a record that are shown at most: more is for unfolding and exports.
const TEXT: usize = 8_192;
/// Lines of an unfolded record that are shown at most.
const UNFOLDED: usize = 200;

impl Reader<'_> {
    /// Reads the log view, or the web-server view of the same lines.
    pub(super) fn logs(&self, web: bool) -> Logs {
        let state = &self.state.logs;
        // A secret that was typed is masked like one that was read: others see this screen, too.
        let safe = |text: &str| match &state.shown {
            Some(shown) => safe(shown, text),
            None => sanitise::line(text),
        };
        let chip = |chip: &crate::core::logs::state::Chip| Chip { text: safe(chip.words()), on: chip.on };
        let mut logs =
            Logs { chips: state.chips.iter().map(chip).collect(), search: safe(&state.search), ..Logs::default() };
        if !state.stage.is_empty() {
            logs.chips.push(Chip { text: format!("| {}", safe(&state.stage)), on: true });
        }
        let Some(shown) = &state.shown else {
            logs.lines.empty = self.nothing(None);
            return logs;
        };
        logs.counted = format!("{} of {}", grouped(shown.matched()), grouped(shown.total()));
        if shown.found() > 0 {
            logs.counted = format!("{} + {} older", logs.counted, grouped(shown.found()));
        }
        logs.took = if shown.version < state.query.version { "…".into() } else { took(shown.took_us) };
        logs.ran.clone_from(&shown.ran);
        logs.hits = match shown.hit(acts::cursor(self.state)) {
            None => String::new(),
            Some((_, 0)) => "no hit".into(),
            Some((0, all)) => format!("{} hits", grouped(all)),
            Some((nth, all)) => format!("{} of {}", grouped(nth), grouped(all)),
        };
        self.histogram(shown, &mut logs);
        if web {
            logs.web = shown.web.as_ref().map(|_| Box::new(Self::web(shown)));
            if logs.web.is_none() {
                logs.web = Some(Box::default());
            }
            return logs;
        }
        logs.lines = self.lines(shown);
        self.patterns(shown, &mut logs);
        self.fields(shown, &mut logs);
        logs
    }

    fn lines(&self, shown: &Shown) -> Lines {
        let state = &self.state.logs;
        let mut lines = Lines {
            anchor: state.anchor,
            follows: state.follows,
            feed: around::feed(&shown.sources),
            fresh: if state.follows { 0 } else { shown.matches.came_since(state.left_at) },
            wrap: state.wrap,
            sideways: state.sideways,
            clock: match state.clock {
                LogClock::Utc => "UTC".into(),
                LogClock::Local => self.state.inventory.display.timezone.to_string(),
                LogClock::SincePrevious => "since the line before".into(),
                LogClock::SinceMark => "since the mark".into(),
            },
            legend: self.legend(shown),
            title: match shown.snapshot.dropped.records {
                0 => "merged by time".to_owned(),
                gone => match shown.searched.back {
                    Back::Time(at) => format!("since {}, {} older let go", self.clock(at, false).0, grouped(gone)),
                    Back::Begin | Back::Unknown => format!("{} older let go", grouped(gone)),
                },
            },
            context: state.context.is_some(),
            columns: state.columns.clone(),
            ..Lines::default()
        };
        let Some(key) = acts::cursor(self.state) else {
            lines.empty = self.nothing(Some(shown));
            return lines;
        };
        let page = self.state.screen.layout.panes.iter().find(|facts| facts.pane == Pane::Lines);
        // More than fit do no harm; fewer would leave the first frame bare.
        let rows = page.map_or(ROWS, |facts| usize::from(facts.rows).max(ROWS));
        let view = shown.lines(state.context.is_some());
        let records = view.around(key, rows, rows, state.fold);
        let at = row_of(&records, key).unwrap_or(0);
        let mut previous: Option<Nanos> = None;
        let mut out: Vec<LineRow> = Vec::with_capacity(records.len());
        for (record, times) in &records {
            out.push(self.line(shown, record, *times, previous));
            previous = Some(record.key.time);
        }
        lines.after = out.split_off((at + 1).min(out.len()));
        lines.at = out.pop();
        lines.before = out;
        if lines.at.is_none() || state.context.is_none() && shown.matched() == 0 {
            lines.empty = self.nothing(Some(shown));
        }
        lines
    }

    fn line(&self, shown: &Shown, record: &Record<'_>, times: u64, previous: Option<Nanos>) -> LineRow {
        let state = &self.state.logs;
        let revealed = state.revealed == Some(record.key);
        let (time, fraction) = self.time(record, previous);
        let mut row = LineRow {
            time,
            fraction,
            level: record.level,
            service: sanitise::line_max(shown.redacted(record.service().as_bytes()), NAME),
            hue: record.hue,
            host: sanitise::line_max(shown.redacted(record.host().as_bytes()), NAME),
            times,
            marked: state.marks.contains(&record.key),
            new: shown.is_new(record),
            late: record.late,
            notice: record.notice,
            aside: state.context.is_some() && !record.matches,
            ranged: state.range.is_some_and(|begin| {
                let at = acts::cursor(self.state).unwrap_or(begin);
                (begin.min(at)..=begin.max(at)).contains(&record.key)
            }),
            ..LineRow::default()
        };
        let message = record.message();
        if record.notice {
            row.text = Words::of(sanitise::line(&message), Role::Dim);
            return row;
        }
        let text = if revealed { message.clone() } else { shown.redacted(&message) };
        let mut lines = text.split(|byte| *byte == b'\n');
        let first = lines.next().unwrap_or_default();
        row.text = self.highlight(&sanitise::line_max(first, TEXT), record);
        let rest: Vec<&[u8]> = lines.collect();
        if state.unfolded.contains(&record.key) {
            row.unfolded = match record.pretty() {
                Some(pretty) => {
                    let pretty = if revealed { pretty } else { shown.redacted(&pretty) };
                    pretty.split(|byte| *byte == b'\n').take(UNFOLDED).map(|line| self.rest(line)).collect()
                }
                None => rest.iter().take(UNFOLDED).map(|line| self.rest(line)).collect(),
            };
        } else {
            row.folded = rest.len();
        }
        row.columns = state
            .columns
            .iter()
            .map(|name| {
                let value = record.field(name).unwrap_or_default();
                sanitise::line_max(if revealed { value } else { shown.redacted(&value) }, 64)
            })
            .collect();
        row
    }

    fn rest(&self, line: &[u8]) -> Words {
        self.marked(&sanitise::line_max(line, TEXT), Role::Dim)
    }

    /// Writes a line's text: hits of the search marked, `key=value` and what follows a number's unit dim.
    fn highlight(&self, text: &str, record: &Record<'_>) -> Words {
        let base = match record.level {
            Level::Trace | Level::Debug => Role::Dim,
            Level::Unknown | Level::Info | Level::Notice | Level::Warn | Level::Error | Level::Fatal => Role::Text,
        };
        if let Some(status) = record.status.filter(|status| *status >= 400) {
            // The status of a failed request is what one looks for in its line.
            let word = status.to_string();
            let found = text.match_indices(&word).find(|(at, _)| {
                let before = text.get(..*at).and_then(|before| before.chars().next_back());
                let after = text.get(at + word.len()..).and_then(|after| after.chars().next());
                !before.is_some_and(char::is_alphanumeric) && !after.is_some_and(char::is_alphanumeric)
            });
            if let Some((at, word)) = found {
                let role = if status >= 500 { Role::Error } else { Role::Warn };
                return self
                    .marked(text.get(..at).unwrap_or_default(), base)
                    .add(word.to_owned(), Ink::bold(role))
                    .join(self.marked(text.get(at + word.len()..).unwrap_or_default(), base));
            }
        }
        self.marked(text, base)
    }

    /// Marks what is searched for.
    fn marked(&self, text: &str, base: Role) -> Words {
        let mut words = Words::new();
        let mut from = 0;
        for (begin, end) in self.state.logs.shown.iter().flat_map(|shown| shown.hits_in(text)) {
            if begin < from {
                continue;
            }
            words.push(text.get(from..begin).unwrap_or_default().to_owned(), base);
            words.push(text.get(begin..end).unwrap_or_default().to_owned(), Ink::bold(Role::Match).on(Role::MatchBg));
            from = end;
        }
        words.push(text.get(from..).unwrap_or_default().to_owned(), base);
        words
    }

    fn time(&self, record: &Record<'_>, previous: Option<Nanos>) -> (String, String) {
        if record.untimed {
            return ("?".into(), String::new());
        }
        let at = record.key.time;
        let since = |other: Option<Nanos>| match other {
            Some(other) => delta(at.0.saturating_sub(other.0)),
            None => (String::new(), String::new()),
        };
        match self.state.logs.clock {
            LogClock::Utc | LogClock::Local => {
                let far = at.timestamp().since(self.now.utc).abs() >= 20 * crate::core::time::HOUR;
                self.clock(at, far)
            }
            LogClock::SincePrevious => since(previous),
            LogClock::SinceMark => {
                let marks = &self.state.logs.marks;
                let before = marks.range(..=record.key).next_back().or_else(|| marks.iter().next());
                since(before.map(|key| key.time))
            }
        }
    }

    /// Writes a moment to the second, and its fraction.
    fn clock(&self, at: Nanos, with_date: bool) -> (String, String) {
        let zone = match self.state.logs.clock {
            LogClock::Local => self.state.inventory.display.timezone,
            LogClock::Utc | LogClock::SincePrevious | LogClock::SinceMark => chrono_tz::UTC,
        };
        let at = zone.from_utc_datetime(&chrono::DateTime::from_timestamp_nanos(at.0).naive_utc());
        let form = if with_date { "%d %b %H:%M:%S" } else { "%H:%M:%S" };
        (at.format(form).to_string(), at.format(".%3f").to_string())
    }

    fn patterns(&self, shown: &Shown, logs: &mut Logs) {
        let state = &self.state.logs;
        if let Some(stage) = &shown.stage {
            logs.stage = Some(Stage {
                words: safe(shown, &state.stage),
                rows: stage.iter().map(|row| (safe(shown, &row.label), row.number.clone(), row.share)).collect(),
            });
            return;
        }
        let of = match (state.query.text.is_empty(), shown.patterns_pass) {
            (_, false) => "of all lines, not of the filter",
            (true, true) => "of all lines",
            (false, true) => "of the filter",
        };
        logs.patterns_since = match state.query.baseline {
            Some(at) => format!("{of}, new since {}", self.clock(at, false).0),
            None => format!("{of}, new since it was opened"),
        };
        let (new, gone) = (
            shown.patterns.iter().filter(|pattern| pattern.new).count(),
            shown.patterns.iter().filter(|pattern| pattern.gone).count(),
        );
        logs.patterns_fact = match (new, gone) {
            (0, 0) => String::new(),
            (new, 0) => format!("{new} new"),
            (new, gone) => format!("{new} new · {gone} gone"),
        };
        let rows = self.state.screen.rows(Pane::Patterns).iter().filter_map(|row| {
            let RowKey::Group(id) = row else { return None };
            shown.patterns.iter().find(|pattern| pattern.id == *id)
        });
        logs.patterns = rows
            .map(|pattern| PatternRow {
                new: pattern.new,
                gone: pattern.gone,
                count: pattern.count,
                trend: pattern.trend.clone(),
                first: if pattern.known { "steady".into() } else { self.clock(pattern.first, false).0 },
                level: pattern.level,
                service: pattern.service.clone(),
                hue: pattern.hue,
                template: safe(shown, &pattern.template),
            })
            .collect();
    }

    fn fields(&self, shown: &Shown, logs: &mut Logs) {
        // What is of another record is worse than nothing.
        let Some(key) =
            shown.record_of.filter(|key| state_follows(self.state) || acts::cursor(self.state) == Some(*key))
        else {
            return;
        };
        let revealed = self.state.logs.revealed == Some(key);
        logs.fields_of = self.clock(key.time, false).0;
        if shown.shares_of > 0 && shown.shares_of < shown.matches.lines() {
            logs.fields_fact = format!("shares of the newest {}", crate::ui::logs::grouped(shown.shares_of));
        }
        if shown.record_redacted > 0 {
            logs.fields_fact =
                if revealed { "revealed, on record".into() } else { format!("{} redacted", shown.record_redacted) };
        }
        logs.fields = shown
            .record
            .iter()
            .map(|field| FieldRow {
                name: sanitise::name(&field.name),
                value: if revealed { sanitise::line(&field.value) } else { safe(shown, &field.value) },
                share: field.share,
                missed: field.missed.filter(|missed| *missed > 0.0).map_or_else(String::new, share_unknown),
            })
            .collect();
    }

    fn web(shown: &Shown) -> Web {
        let Some(web) = &shown.web else { return Web::default() };
        Web {
            numbers: web
                .numbers
                .iter()
                .map(|number| {
                    let role = if number.bad { Role::Error } else { Role::Strong };
                    (number.label.to_owned(), number.value.clone(), role)
                })
                .collect(),
            caution: web.caution.clone(),
            tables: web
                .tables
                .iter()
                .map(|table| WebTable {
                    title: table.title.to_owned(),
                    head: table.head,
                    rows: table
                        .rows
                        .iter()
                        .map(|row| (safe(shown, &row.label), row.number.clone(), row.share))
                        .collect(),
                })
                .collect(),
        }
    }

    /// The sources and how they are, for line 1.
    pub(super) fn source_marks(&self) -> (Vec<SourceMark>, String) {
        let Some(shown) = &self.state.logs.shown else { return (Vec::new(), String::new()) };
        let marks = shown
            .sources
            .iter()
            .map(|source| SourceMark {
                name: sanitise::name(source.name.as_bytes()),
                kind: source.kind.to_owned(),
                good: matches!(source.state, SourceState::Live | SourceState::Ended),
                lost: matches!(source.state, SourceState::Reconnecting { .. } | SourceState::Denied { .. }),
                says: match &source.state {
                    SourceState::Reconnecting { attempt, why, .. } => format!("{why}, try {attempt}"),
                    SourceState::Denied { why } => why.clone(),
                    SourceState::Opening
                    | SourceState::Live
                    | SourceState::CatchingUp { .. }
                    | SourceState::Stale { .. }
                    | SourceState::Ended => String::new(),
                },
            })
            .collect();
        let lag = shown.lag_ms.map_or_else(String::new, |ms| format!("lag {}.{} s", ms / 1_000, ms % 1_000 / 100));
        (marks, lag)
    }

    /// The line of the log view that is typed.
    pub(super) fn log_input(&self) -> Option<Input> {
        let Some(Overlay::Log(draft)) = &self.state.screen.overlay else { return None };
        let text = self.state.screen.draft(*draft).to_owned();
        let wrong = self.state.logs.wrong.as_ref();
        let (prompt, hint) = match draft {
            Draft::LogFilter => ("filter ", "level>=warn service:play path:/api/* dur>1s -health | top 5 path"),
            Draft::LogSearch => ("search ", "text, \"exact text\" or /regex/"),
            Draft::LogTime => ("go to ", "02:58  -10m  @onset  @deploy  @mark  2026-11-20 03:12"),
            Draft::LogName => ("name of the term ", "what it is shown as; empty: as it is written"),
            _ => ("save as ", "a name for filters, columns, marks and time"),
        };
        Some(Input {
            prompt: prompt.into(),
            cursor: text.len(),
            text,
            wrong: wrong.map(|wrong| (wrong.from, wrong.to)),
            says: wrong.map_or_else(|| hint.to_owned(), |wrong| wrong.words(self.state.screen.draft(*draft))),
        })
    }
}

/// Says how much rules miss; never that it is nothing when it is little.
fn share_unknown(missed: f64) -> String {
    if missed < 0.01 { "<1% unknown".to_owned() } else { format!("{:.0}% unknown", missed * 100.0) }
}

/// Makes text of a record fit to be shown.
fn safe(shown: &Shown, text: &str) -> String {
    sanitise::line(shown.redacted(text.as_bytes()))
}

fn state_follows(state: &crate::core::State) -> bool {
    state.logs.follows
}

/// Writes a difference: `+0.123`, `-1:02.500`.
fn delta(nanos: i64) -> (String, String) {
    let sign = if nanos < 0 { '-' } else { '+' };
    let ms = nanos.unsigned_abs() / 1_000_000;
    let (seconds, rest) = (ms / 1_000, ms % 1_000);
    let whole = match seconds {
        0..60 => format!("{sign}{seconds}"),
        60..3_600 => format!("{sign}{}:{:02}", seconds / 60, seconds % 60),
        _ => format!("{sign}{}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60),
    };
    (format!("{whole:>8}"), format!(".{rest:03}"))
}

fn took(us: u64) -> String {
    if us < 1_000 { "<1 ms".into() } else { format!("{} ms", us / 1_000) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deltas_have_one_unit() {
        assert_eq!(delta(-62_500_000_000), ("   -1:02".into(), ".500".into()));
    }
}
