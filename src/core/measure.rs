//! What readings mean for alert rules.
use super::{Effect, State, alerts, alerts::feed, hosts, id::CheckId, time::Now};
use std::sync::Arc;

/// Returns what a reading of a host is to the rules, if it is anything to them.
pub(super) fn of_host(msg: &hosts::Msg) -> Option<alerts::Msg> {
    match msg {
        hosts::Msg::SampleArrived { host, sample } => {
            Some(alerts::Msg::HostSampled { host: host.clone(), sample: Arc::new((**sample).clone()) })
        }
        hosts::Msg::Pm2Arrived { host, list } => {
            Some(alerts::Msg::Pm2Listed { host: host.clone(), list: Arc::new(list.clone()) })
        }
        hosts::Msg::UnitsArrived { host, units } => {
            Some(alerts::Msg::UnitsRead { host: host.clone(), units: units.clone() })
        }
        // The past alarms nobody.
        hosts::Msg::InventoryReplaced
        | hosts::Msg::MinutesLoaded { .. }
        | hosts::Msg::LinkChanged { .. }
        | hosts::Msg::SourceEnded { .. }
        | hosts::Msg::Ticked => None,
    }
}

/// Feeds the rules with what a result says of its service.
pub(super) fn result(state: &mut State, check: &CheckId, now: Now) -> Vec<Effect> {
    let measured = feed::result(&state.services, check, now.utc);
    state.alerts_update(alerts::Msg::Measured(measured), now)
}

/// Feeds the rules with all services as they stand: what time alone changes (silence, expiry) shows only here.
pub(super) fn services(state: &mut State, now: Now) -> Vec<Effect> {
    let measured = feed::services(&state.services, now.utc);
    state.alerts_update(alerts::Msg::Measured(measured), now)
}
