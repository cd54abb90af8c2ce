//! `qd ack`: takes alerts for a while, and says why they are held back.
use std::collections::BTreeMap;

use color_eyre::eyre::eyre;
use serde_json::json;

use super::{
    Common, Exit,
    setup::{self, Setup},
    stored,
};
use crate::{
    core::{
        Effect, Msg, State,
        alerts::{self, Alert, OWNED_MS},
        id::{Operator, Uid},
        time::{DAY, Timestamp, parse_duration, short},
        update,
    },
    parse::sanitise,
    store::IfMissing,
};

/// What `qd ack` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Ack {
    /// Which: what it is about, as `qd alerts` prints it (play@prod, web-01), or its id
    #[arg(required = true, value_name = "ALERT")]
    alerts: Vec<String>,
    /// Why it is held back, in one line: it stands in the hand-over
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// For how long
    #[arg(long = "for", value_name = "TIME", default_value_t = short(OWNED_MS))]
    long: String,
}

pub(super) fn run(common: &Common, args: &Ack) -> color_eyre::Result<Exit> {
    let setup = Setup::new()?;
    let loaded = setup.config(common)?;
    let mut store = Setup::store(&loaded, IfMissing::Fail).map_err(|error| error.report())?;
    let now = setup.clock.now();
    let mut state = stored::read(&setup, &loaded, store.as_mut(), Timestamp(i64::MIN))?;
    let for_ms = parse_duration(&args.long).map_err(|error| eyre!("--for: {error}"))?;
    if for_ms == 0 || for_ms > DAY.unsigned_abs() {
        return Err(eyre!("--for: an alert is owned for a day at most: {} is not taken", sanitise::line(&args.long)));
    }
    let reason = args.reason.as_ref().map(|why| sanitise::line_max(why, 300).trim().to_owned());
    let meant = meant(&state, &args.alerts)?;
    let held = |alert: &Uid| Some(state.alerts.alert(*alert)?.owner(now.utc)?.by.clone());
    let was: BTreeMap<Uid, Operator> = meant.iter().filter_map(|alert| Some((*alert, held(alert)?))).collect();
    let mut effects = Vec::new();
    for alert in &meant {
        let (by, reason) = (setup.actor.by.clone(), reason.clone());
        let msg = alerts::Msg::AcknowledgeRequested { alert: *alert, by, for_ms, reason };
        effects.extend(update(&mut state, Msg::Alerts(msg), now));
    }
    let rows = effects
        .into_iter()
        .filter_map(|effect| if let Effect::Commit { rows, .. } = effect { Some(rows) } else { None });
    store.commit(&rows.flatten().collect::<Vec<_>>(), None).map_err(|error| error.report())?;
    // As the store has it: somebody else may have been first.
    let state = stored::read(&setup, &loaded, store.as_mut(), Timestamp(i64::MIN))?;
    let taken: Vec<&Alert> = meant.iter().filter_map(|alert| state.alerts.alert(*alert)).collect();
    let is_mine = |alert: &&Alert| alert.owner(now.utc).is_none_or(|owner| owner.by == setup.actor.by);
    let all = taken.iter().all(is_mine);
    if common.json {
        let data = taken.iter().map(|alert| to_json(alert, was.get(&alert.uid), now.utc)).collect();
        setup::print_json("qd.ack/1", setup.clock.as_ref(), data)?;
    } else {
        for alert in taken {
            let Some(owner) = alert.owner(now.utc) else { continue };
            let (what, why) = (sanitise::line(alert.target.to_string()), sanitise::line(owner.why()));
            let was = was.get(&alert.uid).filter(|was| **was != owner.by);
            let was = was.map(|was| format!(" (it was {was}'s)")).unwrap_or_default();
            setup::print(&format!("{what} is {}'s until {}: {why}{was}\n", owner.by, owner.until.rfc3339()))?;
        }
    }
    Ok(if all { Exit::Ok } else { Exit::Refused })
}

fn to_json(alert: &Alert, was: Option<&Operator>, now: Timestamp) -> serde_json::Value {
    let owner = alert.owner(now);
    json!({
        "alert": alert.uid, "rule": alert.rule, "target": alert.target, "severity": alert.severity,
        "owner": owner.map(|owner| owner.by.clone()), "owned_until": owner.map(|owner| owner.until.rfc3339()),
        "was": was, "reason": owner.and_then(|owner| owner.reason.clone()),
    })
}

/// Finds the alerts that fire and are named.
fn meant(state: &State, names: &[String]) -> color_eyre::Result<Vec<Uid>> {
    let mut found = Vec::new();
    for name in names {
        let is = |alert: &&Alert| {
            alert.uid.to_string() == *name
                || alert.target.to_string() == *name
                || state.alerts.service_of(&alert.target).is_some_and(|service| service.to_string() == *name)
        };
        let before = found.len();
        found.extend(state.alerts.firing().filter(is).map(|alert| alert.uid));
        if found.len() == before {
            let mut all: Vec<String> = state.alerts.firing().map(|alert| alert.target.to_string()).collect();
            all.sort_unstable();
            all.dedup();
            let those =
                if all.is_empty() { "none fires".to_owned() } else { format!("those that do: {}", all.join(", ")) };
            return Err(eyre!("no alert fires about {}\n  {}", sanitise::line(name), sanitise::line(those)));
        }
    }
    found.sort_unstable();
    found.dedup();
    Ok(found)
}
