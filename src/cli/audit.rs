//! `qd audit`: who did what, from where, as it was chained.
use serde_json::json;

use super::{
    Common, Exit,
    setup::{self, Setup},
};
use crate::{
    core::time::{Timestamp, parse_duration},
    parse::sanitise,
    store::IfMissing,
};

/// What `qd audit` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Audit {
    /// Follow the chain of hashes: exit 1 where an entry was changed, moved or is missing
    #[arg(long)]
    verify: bool,
    /// Only entries of so long ago until now, as in 24h or 7d
    #[arg(long, value_name = "DURATION")]
    since: Option<String>,
}

pub(super) fn run(common: &Common, args: &Audit) -> color_eyre::Result<Exit> {
    let setup = Setup::new()?;
    let loaded = setup.config(common)?;
    let from = match args.since.as_deref().map(parse_duration) {
        None => Timestamp(i64::MIN),
        Some(Ok(ms)) => setup.clock.now().utc - i64::try_from(ms).unwrap_or(i64::MAX),
        Some(Err(error)) => return Err(color_eyre::eyre::eyre!("--since: {error}")),
    };
    let mut store = Setup::store(&loaded, IfMissing::Fail).map_err(|error| error.report())?;
    if args.verify {
        let state = store.audit_verify().map_err(|error| error.report())?;
        let broken = state.broken.as_ref().map(|broken| json!({ "entry": broken.seq, "why": broken.why }));
        if common.json {
            let data = json!({ "entries": state.entries, "head": state.head, "broken": broken });
            setup::print_json("qd.audit-verify/1", setup.clock.as_ref(), data)?;
        } else if let Some(broken) = &state.broken {
            let text =
                format!("entry {} {}; before it {} hold, up to {}", broken.seq, broken.why, state.entries, state.head);
            setup::print(&format!("{text}\n"))?;
        } else {
            let help = "write that hash down elsewhere: a chain alone cannot show that its end was cut off";
            setup::print(&format!(
                "whole: {} of {}, the last {}\n  {help}\n",
                state.entries, state.entries, state.head
            ))?;
        }
        return Ok(if state.broken.is_some() { Exit::Down } else { Exit::Ok });
    }
    let log = store.audit(from).map_err(|error| error.report())?;
    if common.json {
        let entries = log.entries.iter().map(|(seq, hash, entry)| {
            json!({
                "entry": seq, "hash": hash, "at": entry.at.rfc3339(), "by": entry.by, "from": entry.from,
                "what": entry.what, "target": entry.target, "detail": entry.detail,
            })
        });
        setup::print_json("qd.audit/1", setup.clock.as_ref(), entries.collect())?;
    } else if log.entries.is_empty() {
        setup::print("nothing is on the audit\n")?;
    } else {
        let mut rows = vec![["", "AT", "BY", "FROM", "WHAT", "TARGET", "DETAIL"].map(str::to_owned).to_vec()];
        for (seq, _, entry) in &log.entries {
            let texts = [entry.by.as_str(), &entry.from, &entry.what, &entry.target, &entry.detail];
            let cells = [seq.to_string(), entry.at.rfc3339()].into_iter();
            rows.push(cells.chain(texts.map(sanitise::line)).collect());
        }
        setup::print(&setup::table(&rows))?;
    }
    if log.unreadable > 0 {
        setup::warn(&format!("{} more cannot be read here: damaged, or of a newer quarterdeck", log.unreadable));
    }
    Ok(Exit::Ok)
}
