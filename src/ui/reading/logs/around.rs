//! What stands around the lines: the histogram above them, how their sources are, how far back they go.
use crate::{
    config::theme::Role,
    core::{
        logs::{
            Level, Nanos, SourceState,
            shown::{Back, Shown, SourceStatus},
        },
        screen::logs as acts,
    },
    ui::{
        logs::{Logs, grouped},
        reading::{Reader, words},
        style::Ink,
        widgets::histogram::{Bar, Histogram},
        words::Words,
    },
};

/// A day in nanoseconds.
const DAY: i64 = 86_400 * Nanos::SECOND;

impl Reader<'_> {
    /// What is said where no line is shown, and what to do about it.
    pub(super) fn nothing(&self, shown: Option<&Shown>) -> String {
        let key = |action| self.key(action).unwrap_or_default();
        let Some(shown) = shown.filter(|shown| !shown.sources.is_empty()) else {
            return if self.state.inventory.logs.is_empty() && self.state.inventory.services.is_empty() {
                "No log source is configured. Add [[log]] entries to qd.toml (type = \"file\", \"loki\", \"journald\" …), then reload; or read files with: qd logs FILE…".into()
            } else {
                "The sources are being opened.".into()
            };
        };
        if shown.total() == 0 {
            return format!(
                "No line yet. {} of {} sources are live; {} lists them and what is wrong.",
                shown.live(),
                shown.sources.len(),
                key(crate::core::action::Action::Log(crate::core::logs::LogAction::ListSources))
            );
        }
        format!(
            "None of the {} lines here passes the filter. {} takes its last change back, {} turns terms off, Home reads what is older.",
            grouped(shown.total()),
            key(crate::core::action::Action::Log(crate::core::logs::LogAction::Undo)),
            key(crate::core::action::Action::Log(crate::core::logs::LogAction::ListFilters)),
        )
    }

    pub(super) fn histogram(&self, shown: &Shown, logs: &mut Logs) {
        let (from, to) = shown.span();
        let bars = shown.histogram.len();
        let wide = to.0.saturating_sub(from.0);
        let zoomed = self.state.logs.query.span.is_some();
        if bars == 0 || shown.histogram.iter().flatten().all(|count| *count == 0) {
            logs.span = if zoomed { span_words(wide) } else { String::new() };
            logs.histogram.nothing = match (shown.total(), zoomed) {
                (0, _) => "no line yet".into(),
                (_, true) => "in this time no line passes".into(),
                (_, false) => "no line passes the filter".into(),
            };
            return;
        }
        logs.span = if wide == 0 { "one moment".into() } else { span_words(wide) };
        let each = wide / i64::try_from(bars).unwrap_or(1).max(1);
        let unread = shown.unread_bars();
        logs.bar = if wide == 0 { String::new() } else { format!("{} a bar", span_words(each)) };
        if let (Back::Time(at), Some(1..)) = (shown.searched.back, unread) {
            logs.bar = format!("all read since {} · {}", self.clock(at, false).0, logs.bar);
        }
        let sum = |counts: &[u64; 8], levels: &[Level]| -> u64 {
            levels.iter().filter_map(|level| counts.get(*level as usize)).sum()
        };
        let bar = |counts: &[u64; 8]| Bar {
            errors: sum(counts, &[Level::Error, Level::Fatal]),
            warnings: sum(counts, &[Level::Warn]),
            others: sum(counts, &[Level::Unknown, Level::Trace, Level::Debug, Level::Info, Level::Notice]),
        };
        let drawn: Vec<Bar> = shown.histogram.iter().map(bar).collect();
        let total = |of: fn(&Bar) -> u64| grouped(drawn.iter().map(of).sum());
        let legend = vec![
            (Some(Role::DownFill), "error".to_owned(), total(|bar| bar.errors)),
            (Some(Role::DegradedFill), "warn".to_owned(), total(|bar| bar.warnings)),
            (Some(Role::Chart1), "other".to_owned(), total(|bar| bar.others)),
        ];
        let place = |at: Nanos| {
            let within = at.0 >= from.0 && at.0 <= to.0 && each > 0;
            within.then(|| usize::try_from((at.0 - from.0) / each).unwrap_or(0).min(bars.saturating_sub(1)))
        };
        let runs = self.state.runs.newest_first();
        let mut marks: Vec<(usize, String)> = runs
            .iter()
            .filter_map(|run| {
                Some((place(run.at.into())?, format!("{} {}", self.clock(run.at.into(), false).0, run.plan.title)))
            })
            .collect();
        marks.sort();
        let cursor = self.state.logs.bar.or_else(|| shown.bar_of(acts::cursor(self.state)?));
        let cursor = cursor.filter(|_| !self.state.logs.follows);
        let begins = |bar: usize| Nanos(from.0.saturating_add(each.saturating_mul(i64::try_from(bar).unwrap_or(0))));
        logs.histogram = Histogram {
            bars: drawn,
            // Where nobody can say, a time without lines is none of which something is known either.
            unread: unread.unwrap_or(bars),
            cursor,
            cursor_at: cursor.map_or_else(String::new, |bar| self.clock(begins(bar), false).0),
            nothing: String::new(),
            from: self.clock(from, wide >= DAY).0,
            to: self.clock(to, wide >= DAY).0,
            marks,
            legend,
        };
    }

    /// What the lower border of the lines says: how far back they go comes first while that is in question.
    pub(super) fn legend(&self, shown: &Shown) -> String {
        let legend = shown.legend();
        let searched = &shown.searched;
        let back = match searched.back {
            Back::Time(at) => format!(" back to {}", self.clock(at, false).0),
            Back::Begin | Back::Unknown => String::new(),
        };
        match (searched.reading, searched.sources) {
            (true, _) => format!("reading what is older{back} … · {legend}"),
            (false, 0) => legend,
            (false, _) if searched.back == Back::Begin => format!("searched to its beginning · {legend}"),
            (false, _) => format!("searched{back} · {legend}"),
        }
    }
}

/// Says what following means with the sources as they are: nothing new can come of lost ones.
pub(super) fn feed(sources: &[SourceStatus]) -> Words {
    let all = sources.len();
    let count = |of: fn(&SourceState) -> bool| sources.iter().filter(|source| of(&source.state)).count();
    let lost = count(|state| matches!(state, SourceState::Reconnecting { .. } | SourceState::Denied { .. }));
    let ended = count(|state| matches!(state, SourceState::Ended));
    let opening = count(|state| matches!(state, SourceState::Opening));
    let (sign, says, role) = match lost {
        _ if ended == all && all > 0 => ("", "read to the end".to_owned(), Role::Dim),
        1 if all == 1 => ("✗ ", "not live: the source is lost".into(), Role::Down),
        1.. if lost + ended == all => ("✗ ", format!("not live: {lost} of {all} sources lost"), Role::Down),
        0 if opening == all => ("", "sources are being opened".into(), Role::Dim),
        0 => ("● ", "following".into(), Role::Ok),
        _ => ("◐ ", format!("following, {lost} of {all} lost"), Role::Degraded),
    };
    Words::of(sign, role).add(says, Ink::bold(role))
}

/// Writes how long a span is, in one unit.
fn span_words(nanos: i64) -> String {
    let ms = words::ms(nanos / Nanos::MILLI);
    match ms {
        0 if nanos > 0 => "<1 ms".into(),
        0..1_000 => format!("{ms} ms"),
        1_000..120_000 => format!("{} s", ms / 1_000),
        120_000..7_200_000 => format!("{} min", ms / 60_000),
        7_200_000..172_800_000 => format!("{} h", ms / 3_600_000),
        _ => format!("{} d", ms / 86_400_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::time::Timestamp;

    #[test]
    fn what_is_lost_is_not_followed() {
        let lost = || SourceState::Reconnecting { since: Timestamp(0), attempt: 1, why: "no answer".into() };
        let denied = || SourceState::Denied { why: "no".into() };
        let of = |states: Vec<SourceState>| {
            let status = |state| SourceStatus {
                name: "play".into(),
                kind: "file",
                path: "".into(),
                format: String::new(),
                state,
                records: 0,
                lag_ms: None,
                ran: String::new(),
                skew_ms: 0,
            };
            feed(&states.into_iter().map(status).collect::<Vec<_>>()).plain()
        };
        assert_eq!(of(vec![]), "sources are being opened");
        assert_eq!(of(vec![SourceState::Live, SourceState::Opening]), "● following");
        assert_eq!(of(vec![SourceState::Live, lost()]), "◐ following, 1 of 2 lost");
        assert_eq!(of(vec![denied(), lost()]), "✗ not live: 2 of 2 sources lost");
        assert_eq!(of(vec![lost()]), "✗ not live: the source is lost");
        assert_eq!(of(vec![lost(), SourceState::Ended]), "✗ not live: 1 of 2 sources lost");
        assert_eq!(of(vec![SourceState::Ended]), "read to the end");
    }

    #[test]
    fn spans_have_one_unit() {
        let spans = [0, 5, 1_500_000, 30_000_000_000, 2_400_000_000_000, 90_000_000_000_000, DAY * 3];
        assert_eq!(spans.map(span_words), ["0 ms", "<1 ms", "1 ms", "30 s", "40 min", "25 h", "3 d"]);
    }
}
