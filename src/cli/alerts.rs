//! `qd alerts`: the alerts as the recorder knows them.
use serde_json::json;

use super::{
    Common, Exit,
    setup::{self, Setup},
    status,
};
use crate::core::{
    State,
    alerts::{Phase, Summary},
    time::Timestamp,
};
use crate::parse::sanitise::line_max;

/// What `qd alerts` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Alerts {
    /// Also those that are resolved
    #[arg(long)]
    all: bool,
}

pub(super) fn run(common: &Common, args: &Alerts) -> color_eyre::Result<Exit> {
    let setup = Setup::new()?;
    let state = status::observe(&setup, common)?;
    let now = setup.clock.now();
    let alerts: Vec<Summary> = state
        .alerts
        .rows(now)
        .into_iter()
        .filter(|alert| args.all || !matches!(alert.phase, Phase::Resolved { .. }))
        .collect();
    if common.json {
        let data = alerts
            .iter()
            .map(|alert| {
                json!({
                    "alert": alert.uid,
                    "rule": alert.rule,
                    "target": alert.target,
                    "severity": alert.severity,
                    "state": phase(&alert.phase),
                    "muted": state.is_muted(&alert.target, now.utc),
                    "summary": alert.summary,
                    "since": alert.since.rfc3339(),
                    "value": alert.value,
                    "owner": alert.owner.as_ref().map(|owner| owner.by.clone()),
                    "owned_until": alert.owner.as_ref().map(|owner| owner.until.rfc3339()),
                    "reason": alert.owner.as_ref().and_then(|owner| owner.reason.clone()),
                })
            })
            .collect();
        setup::print_json("qd.alerts/1", setup.clock.as_ref(), data)?;
    } else if alerts.is_empty() {
        setup::print("no alerts\n")?;
    } else {
        let mut rows = vec![["SEV", "AGE", "TARGET", "RULE", "STATE", "OWNER", "WHAT"].map(str::to_owned).to_vec()];
        for alert in &alerts {
            let why = alert.owner.as_ref().and_then(|owner| owner.reason.as_ref());
            rows.push(vec![
                format!("{:?}", alert.severity),
                crate::core::time::short(alert.age_ms),
                alert.target.to_string(),
                alert.rule.to_string(),
                shown(&state, alert, now.utc).into(),
                alert.owner.as_ref().map_or_else(|| "nobody".into(), |owner| owner.by.to_string()),
                why.map_or_else(|| alert.summary.clone(), |why| format!("{} ({})", alert.summary, line_max(why, 200))),
            ]);
        }
        setup::print(&setup::table(&rows))?;
    }
    let fires = alerts.iter().any(|alert| matches!(alert.phase, Phase::Firing | Phase::Flapping { .. }));
    Ok(if fires { Exit::Down } else { Exit::Ok })
}

/// Says how an alert stands; what fires while planned work goes on is muted, not gone.
fn shown(state: &State, alert: &Summary, now: Timestamp) -> &'static str {
    let firing = matches!(alert.phase, Phase::Firing | Phase::Flapping { .. });
    if firing && state.is_muted(&alert.target, now) { "muted" } else { phase(&alert.phase) }
}

fn phase(phase: &Phase) -> &'static str {
    match phase {
        Phase::Pending { .. } => "pending",
        Phase::Firing => "firing",
        Phase::Flapping { .. } => "flapping",
        Phase::Resolved { .. } => "resolved",
    }
}
