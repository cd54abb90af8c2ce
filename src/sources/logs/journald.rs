//! The systemd journal, resumed at its cursor.
use futures_util::future::BoxFuture;

use super::{
    Batch, Cursor, HistoryRequest, LogContext, LogSource, Page,
    process::{Command, Line, Mark, batch_of, follow, run},
};
use crate::{
    core::logs::LogPlace,
    parse::journal,
    remote::script::quote,
    sources::{SourceError, first_line},
};

/// Follows the journal.
#[derive(Debug)]
pub struct Journald;

struct Journal {
    units: Vec<String>,
}

/// What is read of an entry; its moment and cursor come by themselves.
const FIELDS: &str = "MESSAGE,PRIORITY,SYSLOG_IDENTIFIER,_COMM,_PID,_SYSTEMD_UNIT,UNIT,_HOSTNAME";

impl Journal {
    fn command(&self) -> String {
        let units = self.units.iter().fold(String::new(), |text, unit| text + " -u " + &quote(unit));
        // Old ones do not know how to leave fields out.
        format!(
            "f=--output-fields={FIELDS}; journalctl --no-pager -n 0 $f >/dev/null 2>&1 || f=; \
             exec journalctl -o json -a --no-pager $f{units}"
        )
    }
}

impl Command for Journal {
    fn kind(&self) -> &'static str {
        "journald"
    }

    fn path(&self) -> String {
        if self.units.is_empty() { "journal".into() } else { self.units.join(", ") }
    }

    fn format(&self) -> Option<&'static str> {
        Some("journald")
    }

    fn script(&self, mark: Option<&Mark>, first: usize) -> String {
        let from = match mark.and_then(|mark| mark.cursor.as_deref()) {
            Some(cursor) => format!("--after-cursor={}", quote(cursor)),
            None => format!("-n {first}"),
        };
        format!("{} -f {from}", self.command())
    }

    fn line(&self, raw: &[u8]) -> Option<Line> {
        let entry = journal::entry(raw)?;
        Some(Line { text: entry.line, at: entry.at, cursor: Some(entry.cursor), extra: None })
    }
}

fn journal(place: &LogPlace) -> Option<Journal> {
    if let LogPlace::Journald { units } = place { Some(Journal { units: units.clone() }) } else { None }
}

impl LogSource for Journald {
    fn name(&self) -> &'static str {
        "journald"
    }

    fn run(&self, context: LogContext) -> BoxFuture<'static, SourceError> {
        Box::pin(async move {
            let spec = context.wants.borrow().first().cloned();
            match spec.and_then(|spec| Some((journal(&spec.place)?, spec))) {
                Some((journal, spec)) => follow(context, spec, journal).await,
                None => SourceError::Absent("no entry of type journald".into()),
            }
        })
    }

    fn history(&self, context: LogContext, request: HistoryRequest) -> BoxFuture<'static, Result<Page, SourceError>> {
        Box::pin(async move {
            let Some(journal) = journal(&request.spec.place) else { return Ok(Page::default()) };
            let limit = request.limit.clamp(1, 5_000);
            let from = match &request.before {
                // That very entry comes once more, first.
                Some(Cursor::Journal(cursor)) => format!("--cursor={} -n {}", quote(cursor), limit + 1),
                Some(Cursor::Byte { .. } | Cursor::Time { .. }) | None => format!("-n {limit}"),
            };
            let output = run(&context, format!("{} --reverse {from}", journal.command())).await?;
            let mut lines: Vec<Line> =
                output.stdout.split(|byte| *byte == b'\n').filter_map(|raw| journal.line(raw)).collect();
            if lines.is_empty() && output.exit != crate::remote::Exit::Code(0) {
                let why = first_line(&output.stderr).unwrap_or_else(|| "the journal cannot be read".into());
                return Err(SourceError::Absent(why));
            }
            if let Some(Cursor::Journal(cursor)) = &request.before {
                lines.retain(|line| line.cursor.as_ref() != Some(cursor));
            }
            lines.reverse();
            let before = lines.first().and_then(|line| line.cursor.clone()).map(Cursor::Journal);
            if lines.is_empty() {
                return Ok(Page::default());
            }
            let batch = Batch { history: true, before: before.clone(), ..batch_of(lines) };
            Ok(Page { parts: vec![(request.info, batch)], before, ..Page::default() })
        })
    }
}
