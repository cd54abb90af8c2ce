//! `qd hosts`: each host's load, memory and disks, read now.
use std::{sync::Arc, time::Duration};

use serde_json::json;

use super::{
    Common, Exit,
    setup::{self, Setup},
};
use crate::{
    core::{
        State,
        hosts::{HostSample, Link},
        id::HostName,
        time::Timestamp,
    },
    runtime::engine::Engine,
    store::StoreError,
};

/// What `qd hosts` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Hosts {
    /// Only this host
    host: Option<String>,
}

/// Time that all hosts have to send the two samples that a CPU figure needs.
const PATIENCE: Duration = Duration::from_secs(15);

pub(super) fn run(common: &Common, args: &Hosts) -> color_eyre::Result<Exit> {
    let setup = Setup::new()?;
    let mut loaded = setup.config(common)?;
    loaded.inventory.services.clear();
    loaded
        .inventory
        .hosts
        .retain(|host| common.env.as_deref().is_none_or(|env| host.env.as_ref().is_some_and(|of| of.as_str() == env)));
    let wanted: Vec<HostName> = loaded
        .inventory
        .hosts
        .iter()
        .map(|host| host.name.clone())
        .filter(|name| args.host.as_deref().is_none_or(|host| name.as_str() == host))
        .collect();
    if wanted.is_empty() {
        let what = args.host.as_deref().unwrap_or("any host");
        return Err(color_eyre::eyre::eyre!(
            "the configuration has no {what}\n  add `host = [{{ name = …, address = … }}]`"
        ));
    }
    let remote: setup::SharedRemote = setup.remote(&loaded, false);
    let options = setup.options(&loaded, false, false);
    let path = loaded.settings.store.clone();
    let inventory = Arc::new(loaded.inventory);
    let state = setup::block_on(&setup, async {
        let store = Err(StoreError::Missing { path: path.clone() });
        let mut engine = Engine::new(options, store, remote, Arc::clone(&setup.clock), &setup.tasks);
        engine.adopt(inventory, Vec::new());
        let deadline = setup.clock.now().mono + u64::try_from(PATIENCE.as_millis()).unwrap_or(15_000);
        while setup.clock.now().mono < deadline && !wanted.iter().all(|name| settled(&engine.state, name)) {
            drop(engine.turn().await);
        }
        engine.state
    });
    if common.json {
        let data = wanted.iter().map(|name| to_json(&state, name)).collect();
        setup::print_json("qd.hosts/1", setup.clock.as_ref(), data)?;
    } else {
        setup::print(&to_text(&state, &wanted, setup.clock.now().utc))?;
    }
    let reached = wanted.iter().all(|name| sample(&state, name).is_some());
    Ok(if reached { Exit::Ok } else { Exit::Unreachable })
}

fn sample<'a>(state: &'a State, name: &HostName) -> Option<&'a HostSample> {
    state.hosts.host(name)?.last_sample()
}

fn fault(state: &State, name: &HostName) -> Option<String> {
    match &state.hosts.host(name)?.link {
        Link::Stale { fault, reason, .. } => Some(format!("{fault:?}: {reason}")),
        Link::Connecting { .. } | Link::Up { .. } => None,
    }
}

fn settled(state: &State, name: &HostName) -> bool {
    sample(state, name).is_some_and(|sample| sample.cpu_pct.is_some()) || fault(state, name).is_some()
}

fn to_json(state: &State, name: &HostName) -> serde_json::Value {
    let sample = sample(state, name);
    json!({
        "host": name,
        "at": sample.map(|sample| sample.at.rfc3339()),
        "fault": fault(state, name),
        "cpu_pct": sample.and_then(|sample| sample.cpu_pct),
        "steal_pct": sample.and_then(|sample| sample.steal_pct),
        "mem_used_bytes": sample.and_then(|sample| sample.mem_used_bytes),
        "mem_total_bytes": sample.and_then(|sample| sample.mem_total_bytes),
        "swap_used_bytes": sample.and_then(|sample| sample.swap_used_bytes),
        "load": sample.and_then(|sample| sample.load),
        "cores": sample.and_then(|sample| sample.core_count),
        "uptime_s": sample.and_then(|sample| sample.uptime_s),
        "skew_ms": sample.and_then(|sample| sample.skew_ms),
        "disks": sample.map(|sample| sample.disks.iter().map(|disk| json!({
            "mount": disk.mount,
            "size_bytes": disk.size_bytes,
            "used_bytes": disk.used_bytes,
            "avail_bytes": disk.avail_bytes,
            "inodes_pct": disk.inodes_pct,
        })).collect::<Vec<_>>()),
    })
}

fn to_text(state: &State, names: &[HostName], now: Timestamp) -> String {
    let mut rows = vec![["HOST", "CPU", "RAM", "LOAD", "DISK", "UP", "AGE", "NOTE"].map(str::to_owned).to_vec()];
    for name in names {
        let sample = sample(state, name);
        let missing = || "?".to_owned();
        #[expect(clippy::cast_precision_loss, reason = "percentages for people")]
        let share = |used: u64, of: u64| format!("{:.0}%", used as f64 * 100.0 / of.max(1) as f64);
        let ram = sample.and_then(|s| Some(share(s.mem_used_bytes?, s.mem_total_bytes?)));
        let disk = sample.and_then(|s| {
            let fullest = s
                .disks
                .iter()
                .max_by_key(|disk| disk.used_bytes * 1_000 / (disk.used_bytes + disk.avail_bytes).max(1))?;
            Some(format!("{} {}", fullest.mount, share(fullest.used_bytes, fullest.used_bytes + fullest.avail_bytes)))
        });
        rows.push(vec![
            name.to_string(),
            sample.and_then(|s| s.cpu_pct).map_or_else(missing, |cpu| format!("{cpu:.0}%")),
            ram.unwrap_or_else(missing),
            sample.and_then(|s| s.load).map_or_else(missing, |[one, ..]| format!("{one:.2}")),
            disk.unwrap_or_else(missing),
            sample.and_then(|s| s.uptime_s).map_or_else(missing, |up| crate::core::time::short(up * 1_000)),
            sample.map_or_else(missing, |s| crate::core::time::short(u64::try_from(now.since(s.at)).unwrap_or(0))),
            fault(state, name).unwrap_or_default(),
        ]);
    }
    setup::table(&rows)
}
