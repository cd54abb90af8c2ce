//! `qd outbox`: what is to be written to trackers and told to people, and what a person does about what is not.
use clap::Subcommand;
use serde_json::json;

use super::{
    Common, Exit,
    setup::{self, Setup},
    stored,
};
use crate::{
    core::{
        State,
        id::Uid,
        outbox::{Entry, OutboxEvent, OutboxEventKind, Write},
        record::Row,
        time::{Timestamp, short},
    },
    parse::sanitise,
    store::{IfMissing, Store},
};

/// What `qd outbox` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    deed: Option<Deed>,
    /// Also what was written more than a week ago
    #[arg(long)]
    all: bool,
}

#[derive(Debug, Subcommand)]
enum Deed {
    /// Have an item tried again now: whoever records sends it
    Retry {
        /// The item, as qd-8f21c0aa9d31
        token: String,
    },
    /// Have an item not written, with all that waits for it
    Drop {
        /// The item, as qd-8f21c0aa9d31
        token: String,
        /// Why
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// Change what is written, and have it tried again
    Edit {
        /// The item, as qd-8f21c0aa9d31
        token: String,
        /// The title of a ticket
        #[arg(long, value_name = "TEXT", required_unless_present = "text")]
        title: Option<String>,
        /// The text of a ticket or of a comment
        #[arg(long, value_name = "TEXT")]
        text: Option<String>,
    },
}

/// A week.
const RECENT_MS: i64 = 7 * crate::core::time::DAY;

pub(super) fn run(common: &Common, args: &Args) -> color_eyre::Result<Exit> {
    let setup = Setup::new()?;
    let loaded = setup.config(common)?;
    let mut store = Setup::store(&loaded, IfMissing::Fail).map_err(|error| error.report())?;
    let now = setup.clock.now();
    let from = if args.all || args.deed.is_some() { Timestamp(i64::MIN) } else { now.utc - RECENT_MS };
    let state = stored::read(&setup, &loaded, store.as_mut(), from)?;
    match &args.deed {
        None => list(&setup, common, &state),
        Some(Deed::Retry { token }) => {
            change(&setup, common, (&state, store.as_mut()), token, |_| Ok(OutboxEventKind::RetryAsked))
        }
        Some(Deed::Drop { token, reason }) => {
            if reason.trim().is_empty() {
                return Err(color_eyre::eyre::eyre!("--reason says nothing: it is kept with the item"));
            }
            change(&setup, common, (&state, store.as_mut()), token, |_| {
                Ok(OutboxEventKind::Dropped { reason: sanitise::line(reason) })
            })
        }
        Some(Deed::Edit { token, title, text }) => change(&setup, common, (&state, store.as_mut()), token, |entry| {
            edited(entry, title.as_deref(), text.as_deref())
        }),
    }
}

fn list(setup: &Setup, common: &Common, state: &State) -> color_eyre::Result<Exit> {
    let (waiting, failed) = state.outbox.waiting();
    let number = |entry: &Entry| {
        let incident = state.incidents.incidents.get(&entry.item.incident);
        incident.map_or_else(|| entry.item.incident.to_string(), |incident| incident.number.to_string())
    };
    if common.json {
        let data = state.outbox.in_order().map(|entry| {
            json!({
                "token": entry.token, "incident": number(entry), "tracker": entry.item.tracker,
                "write": entry.item.write.word(), "summary": entry.item.write.summary(),
                "state": entry.sync().word(), "try": entry.tries, "reason": entry.reason(),
                "next": entry.next().map(Timestamp::rfc3339), "queued": entry.queued.rfc3339(),
                "remote": entry.remote.as_ref().map(|remote| json!({ "id": remote.id, "url": remote.url })),
                "duplicates": entry.duplicates.iter().map(|remote| &remote.id).collect::<Vec<_>>(),
                "foreign": entry.foreign.iter().map(|(field, foreign)| {
                    json!({ "field": field, "ours": foreign.ours, "theirs": foreign.theirs })
                }).collect::<Vec<_>>(),
            })
        });
        setup::print_json("qd.outbox/1", setup.clock.as_ref(), data.collect())?;
    } else if state.outbox.items.is_empty() {
        let none = match (state.inventory.trackers.is_empty(), state.inventory.notifiers.is_empty()) {
            (true, true) => ": no `tracker` and no `notifier` is configured",
            (true, false) | (false, true | false) => "",
        };
        setup::print(&format!("nothing is in the outbox{none}\n"))?;
    } else {
        let head = ["TOKEN", "STATE", "WHERE", "INCIDENT", "WHAT", "TRY", "NEXT", "AS", "REASON"];
        let mut rows = vec![head.map(str::to_owned).to_vec()];
        let now = setup.clock.now().utc;
        for entry in state.outbox.in_order() {
            let next = if state.outbox.waits_for_ticket(entry) {
                Some("ticket".to_owned())
            } else {
                entry.next().map(|at| u64::try_from(at.since(now)).map_or_else(|_| "now".to_owned(), short))
            };
            rows.push(vec![
                entry.token.to_string(),
                entry.sync().word().to_owned(),
                entry.item.tracker.to_string(),
                number(entry),
                sanitise::line_max(format!("{} {}", entry.item.write.word(), entry.item.write.summary()), 60),
                entry.tries.to_string(),
                next.unwrap_or_default(),
                entry.remote.as_ref().map(|remote| sanitise::name(&remote.id)).unwrap_or_default(),
                sanitise::line(entry.reason()),
            ]);
        }
        setup::print(&setup::table(&rows))?;
        if waiting > 0 {
            setup::print(&format!("{waiting} not written yet, {failed} of them wait for a person\n"))?;
        }
    }
    Ok(if failed > 0 { Exit::Down } else { Exit::Ok })
}

/// Changes an item, by an event that whoever records acts on.
fn change(
    setup: &Setup,
    common: &Common,
    (state, store): (&State, &mut dyn Store),
    token: &str,
    kind: impl FnOnce(&Entry) -> Result<OutboxEventKind, String>,
) -> color_eyre::Result<Exit> {
    let token: Uid = token.parse().map_err(|error| color_eyre::eyre::eyre!("{error}"))?;
    let entry = state.outbox.may_change(token).map_err(|why| color_eyre::eyre::eyre!(why))?;
    let kind = kind(entry).map_err(|why| color_eyre::eyre::eyre!(why))?;
    let said = match &kind {
        OutboxEventKind::Dropped { .. } => "is not written",
        OutboxEventKind::Queued { .. }
        | OutboxEventKind::Began { .. }
        | OutboxEventKind::Tried { .. }
        | OutboxEventKind::Searched { .. }
        | OutboxEventKind::Accepted { .. }
        | OutboxEventKind::Edited { .. }
        | OutboxEventKind::RetryAsked
        | OutboxEventKind::LeftUnsure { .. }
        | OutboxEventKind::Duplicate { .. }
        | OutboxEventKind::Looked { .. }
        | OutboxEventKind::ForeignChange { .. } => "is tried again by whoever records",
    };
    let event = OutboxEvent { token, at: setup.clock.now().utc, by: setup.actor.by.clone(), kind };
    store.commit(&[Row::Outbox(event)], None).map_err(|error| error.report())?;
    if common.json {
        setup::print_json("qd.outbox-change/1", setup.clock.as_ref(), json!({ "token": token, "done": said }))?;
    } else {
        setup::print(&format!("{token} {said}\n"))?;
    }
    Ok(Exit::Ok)
}

fn edited(entry: &Entry, title: Option<&str>, text: Option<&str>) -> Result<OutboxEventKind, String> {
    let (has_title, has_text) = match entry.item.write {
        Write::Create(_) => (true, true),
        Write::Comment { .. } | Write::Notice(_) => (false, true),
        Write::Update(_) | Write::Link { .. } => (false, false),
    };
    if title.is_some() && !has_title || text.is_some() && !has_text {
        return Err(format!("{} is a {}: that is no part of it", entry.token, entry.item.write.word()));
    }
    Ok(OutboxEventKind::Edited {
        title: title.map(sanitise::line),
        text: text.map(|text| sanitise::lines(text, 2_000, 4_000).join("\n")),
    })
}
