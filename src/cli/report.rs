//! `qd report`: incidents of a week or a month, by severity, service or phase.
use clap::ValueEnum;
use color_eyre::eyre::eyre;

use super::{
    Common, Exit,
    setup::{self, Setup},
    stored,
};
use crate::{
    core::{
        State,
        id::ServiceId,
        incidents::document::Budget,
        record::Bucket,
        reports::{self, By, Mean, Period, Report, Spent},
        services::Split,
        time::{Timestamp, precise},
    },
    render::markdown,
    store::{BucketKind, IfMissing, Store},
};

/// What `qd report` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Over a month, as 2026-10 [default: this one]
    #[arg(long, value_name = "MONTH", conflicts_with = "week")]
    month: Option<String>,
    /// Over a week, as 2026-W44
    #[arg(long, value_name = "WEEK")]
    week: Option<String>,
    /// Put together by this
    #[arg(long, value_enum, default_value_t = Kind::Severity)]
    by: Kind,
    /// Write Markdown tables
    #[arg(long, conflicts_with = "json")]
    markdown: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// How bad they were
    Severity,
    /// What they were about
    Service,
    /// Where their time went
    Phase,
}

pub(super) fn run(common: &Common, args: &Args) -> color_eyre::Result<Exit> {
    let setup = Setup::new()?;
    let loaded = setup.config(common)?;
    let zone = loaded.inventory.display.timezone;
    let now = setup.clock.now().utc;
    let period = match (&args.month, &args.week) {
        (Some(month), _) => Period::month(month, zone).ok_or_else(|| eyre!("--month: write it as 2026-10"))?,
        (None, Some(week)) => Period::week(week, zone).ok_or_else(|| eyre!("--week: write it as 2026-W44"))?,
        (None, None) => Period::this_month(now, zone).ok_or_else(|| eyre!("the clock is beyond the calendar"))?,
    };
    let mut store = Setup::store(&loaded, IfMissing::Fail).map_err(|error| error.report())?;
    let state = stored::read(&setup, &loaded, store.as_mut(), Timestamp(i64::MIN))?;
    let here = |service: Option<&ServiceId>| {
        common.env.as_deref().is_none_or(|env| service.is_none_or(|service| service.env.as_str() == env))
    };
    let spent = spent(&state, store.as_mut(), &period, now, |service| here(Some(service)))?;
    let by = match args.by {
        Kind::Severity => By::Severity,
        Kind::Service => By::Service,
        Kind::Phase => By::Phase,
    };
    let incidents = state.incidents.incidents.values().filter(|of| here(of.service.as_ref()));
    let report = reports::report(incidents, &period, by, spent);
    if common.json {
        setup::print_json("qd.report/1", setup.clock.as_ref(), serde_json::to_value(&report)?)?;
        return Ok(Exit::Ok);
    }
    let write = if args.markdown { in_markdown } else { plain };
    let title = format!("{} of {}", setup::many(report.all.incidents, "incident"), report.period);
    let open = if period.covers(now) { ", which goes on" } else { "" };
    let mut text = if args.markdown { format!("# {title}{open}\n\n") } else { format!("{title}{open}\n\n") };
    text.push_str(&write(&lines(&report, by)));
    if !report.budgets.is_empty() {
        text.push('\n');
        text.push_str(&write(&budgets(&report)));
    }
    setup::print(&text)?;
    Ok(Exit::Ok)
}

/// Sums what was measured of each service with an objective.
fn spent(
    state: &State,
    store: &mut dyn Store,
    period: &Period,
    now: Timestamp,
    here: impl Fn(&ServiceId) -> bool,
) -> color_eyre::Result<Vec<Spent>> {
    let hours = store.buckets(BucketKind::Hours, period.from, period.to).map_err(|error| error.report())?;
    let services = state.inventory.services.iter().filter(|service| here(&service.id));
    let with = services.filter_map(|service| Some((&service.id, service.slo?)));
    let measured = |id: &ServiceId| {
        let own = hours.iter().filter(|bucket| bucket.service == *id && bucket.source == Bucket::OWN);
        own.fold(Split::default(), |sum, bucket| sum.plus(bucket.split))
    };
    Ok(with.map(|(id, slo)| reports::spent(id.to_string(), slo, period, measured(id), now)).collect())
}

fn mean(of: Mean) -> String {
    let Some(ms) = of.ms else { return "?".to_owned() };
    let text = precise(ms.unsigned_abs());
    if of.unknown > 0 { format!("{text} ({} of {})", of.known, of.known + of.unknown) } else { text }
}

fn lines(report: &Report, by: By) -> Vec<Vec<String>> {
    let name = match by {
        By::Severity => "SEVERITY",
        By::Service => "SERVICE",
        By::Phase => "PHASE",
    };
    let mut head = vec![name, "INCIDENTS", "OPEN", "DOCS DUE", "MTTD", "MTTA", "MTTR"];
    if by == By::Phase {
        head.push("IN PHASE");
    }
    let mut rows = vec![head.into_iter().map(str::to_owned).collect::<Vec<_>>()];
    for (line, last) in report.lines.iter().map(|line| (line, false)).chain([(&report.all, true)]) {
        let counts = [line.incidents, line.open, line.documents_due].map(|count| count.to_string());
        let mut row = vec![line.name.clone()];
        row.extend(counts);
        row.extend([line.mttd, line.mtta, line.mttr].map(mean));
        if by == By::Phase {
            row.push(if last { String::new() } else { mean(line.in_phase) });
        }
        rows.push(row);
    }
    rows
}

fn budgets(report: &Report) -> Vec<Vec<String>> {
    let mut rows = vec![["SERVICE", "OBJECTIVE", "MAY BE DOWN", "WAS DOWN", "SPENT"].map(str::to_owned).to_vec()];
    let long = |ms: i64| precise(ms.unsigned_abs());
    for Spent { service, budget } in &report.budgets {
        rows.push(vec![
            service.clone(),
            format!("{} %", budget.objective_pct),
            long(budget.allowed_ms),
            budget.down_ms.map_or_else(|| "?".to_owned(), long),
            spent_of(budget),
        ]);
    }
    rows
}

/// What was spent, and of how much of the time that is known where it is little.
fn spent_of(budget: &Budget) -> String {
    let pct = budget.spent_pct.map_or_else(|| "?".to_owned(), |pct| format!("{pct} %"));
    budget.known_ms.map_or_else(|| pct.clone(), |ms| format!("{pct} of {} known", precise(ms.unsigned_abs())))
}

fn plain(rows: &[Vec<String>]) -> String {
    setup::table(rows)
}

fn in_markdown(rows: &[Vec<String>]) -> String {
    let mut text = String::new();
    for (at, row) in rows.iter().enumerate() {
        let cells: Vec<String> = row.iter().map(|cell| markdown::inline(cell)).collect();
        text.extend(["| ", &cells.join(" | "), " |\n"]);
        if at == 0 {
            text.extend(["|", &"---|".repeat(row.len()), "\n"]);
        }
    }
    text
}
