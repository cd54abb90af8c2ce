//! `qd logs`: files, standard input and the configured sources, filtered by the same language as on screen.
mod desk;
mod folder;
mod input;
mod lines;
mod live;
mod merge;
mod patterns;
mod pm2;
mod printer;
mod record;
mod stage;

use std::path::PathBuf;

use color_eyre::eyre::eyre;

pub(super) use self::{desk::named, printer::rfc3339};
use self::{
    desk::{Desk, Forbidden},
    lines::{Feed, Read},
    live::Live,
    printer::Printer,
};
use super::{
    Common, Exit,
    setup::{self, Setup},
};
use crate::core::logs::filter::Problem;

/// Examples below the help.
const EXAMPLES: &str = "\
Filters:
  level>=warn service:play status>=500 path:/api/* -path:/health dur>1s
  \"exact text\" /regex/i (a OR b) since:02:55 until:@now
  and at the end: | count by host, | top 5 path, | p95 dur by service
  All terms must hold. Lower case finds any case; quotes make any text exact.

Examples:
  qd logs /var/log/nginx/access.log -q 'status>=500 -path:/health'
  qd logs access.log.2.gz access.log -q 'status:5xx | top 5 path'
  qd logs /var/log -q 'level>=error' --since -1h
  qd logs app.log --since -30m --patterns
  tail -f app.log | qd logs - -q 'level>=error' --json
  qd logs -q 'service:play level>=error' --follow     the configured sources

Exit codes: 0 read · 2 usage or filter · 4 something could not be read, the rest was · 5 --raw is forbidden";

/// What `qd logs` takes.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
pub(super) struct Logs {
    /// Files, also packed by gzip; a directory: the log files in it; `-` is standard input; none: the configured sources, of each the last 1000 lines or
    /// as far back as --since says
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Only records that match
    #[arg(short = 'q', long = "filter", value_name = "FILTER", allow_hyphen_values = true)]
    filter: Option<String>,
    /// Only records from then on: 02:55, -10m, 2026-11-21T02:55Z
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    since: Option<String>,
    /// Only records before
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    until: Option<String>,
    /// Go on with what is written, after the last 1000 lines of each source
    #[arg(short, long)]
    follow: bool,
    /// Print how many records match
    #[arg(short, long, conflicts_with_all = ["follow", "patterns"])]
    count: bool,
    /// Print what the records say again and again, most frequent first
    #[arg(long, conflicts_with = "follow")]
    patterns: bool,
    /// With --patterns: the numbers of each pattern's lines
    #[arg(long, requires = "patterns")]
    lines: bool,
    /// Read lines by this format instead of finding it out
    #[arg(long, value_name = "NAME")]
    format: Option<String>,
    /// No colours
    #[arg(long)]
    plain: bool,
    /// Do not hide secrets and personal data: on the audit, and refused where `redact.toml` says so
    #[arg(long)]
    raw: bool,
}

pub(super) fn run(common: &Common, args: &Logs) -> color_eyre::Result<Exit> {
    let setup = Setup::unlogged()?;
    let desk = match Desk::new(&setup, common, args) {
        Err(error) if error.is::<Forbidden>() => {
            setup::warn(&format!("qd: {error}"));
            return Ok(Exit::Refused);
        }
        desk => desk?,
    };
    if args.raw {
        record::audit(&setup, &desk, args)?;
    }
    let mut named = folder::opened(&args.files, args.follow);
    if named.files.is_empty() && !args.files.is_empty() {
        return Ok(Exit::Unreachable);
    }
    if args.follow || args.files.is_empty() {
        let mut live = Live::start(&setup, common, &desk, &named.files)?;
        let read = if args.follow {
            live::follow(&desk, &mut live)?
        } else {
            let snapshot = live.gather();
            let named = snapshot.sources.len() > 1;
            let read = show(&desk, args, Feed::Gathered(snapshot), named)?;
            Read { failed: read.failed || live.read.failed }
        };
        setup.tasks.cancel();
        return Ok(if read.failed || named.failed { Exit::Unreachable } else { Exit::Ok });
    }
    let opened = input::open(&setup, &desk, &named.files);
    named.failed |= opened.failed;
    let many = opened.open.len() > 1;
    let read = show(&desk, args, Feed::Streams(opened.open), many)?;
    Ok(if named.failed || read.failed { Exit::Unreachable } else { Exit::Ok })
}

/// Prints what is asked of records that are all there.
fn show(desk: &Desk, args: &Logs, feed: Feed, named: bool) -> color_eyre::Result<Read> {
    if let Some(stage) = &desk.filter.stage {
        return stage::print(desk, feed, stage);
    }
    if args.patterns {
        return patterns::print(desk, feed, args.lines);
    }
    if args.count {
        return lines::count(desk, feed);
    }
    merge::print(desk, feed, &mut Printer::new(desk, named))
}

/// Says where a filter is wrong.
fn wrong(name: &str, text: &str, problem: &Problem) -> color_eyre::Report {
    let drawn = problem.drawn(text).replace('\n', "\n  ");
    let hint = problem.hint.as_deref().map_or_else(String::new, |hint| format!("\n  {hint}"));
    eyre!("{name}, column {}: {}\n  {drawn}{hint}", problem.column(text), problem.message)
}
