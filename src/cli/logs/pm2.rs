//! PM2 says itself where its logs are: its hosts are asked, as the console does.
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, mpsc},
    time::Duration,
};

use crate::{
    cli::setup::{self, Setup},
    core::{hosts::Pm2List, id::HostName, inventory::Inventory},
    remote::Remote,
    sources::{Context, Deliver, Reading, SourceError, pm2},
};

/// Between two questions: what was started meanwhile is followed, too.
const AGAIN: Duration = Duration::from_secs(30);

/// What hosts say about PM2.
pub(super) struct Pm2 {
    answers: mpsc::Receiver<(HostName, Result<Pm2List, SourceError>)>,
    waiting: BTreeSet<HostName>,
    /// The latest of each host.
    pub(super) lists: BTreeMap<HostName, Pm2List>,
}

/// Readings come by the answer alone.
struct Nobody;

impl Deliver for Nobody {
    fn reading(&self, _: &HostName, _: &'static str, _: Reading) {}
}

impl Pm2 {
    /// Asks every host that a service runs on under PM2, again and again.
    pub(super) fn ask(setup: &Setup, inventory: &Inventory, remote: &Arc<dyn Remote>) -> Self {
        let (send, answers) = mpsc::channel();
        let services = inventory.services.iter().filter(|service| &*service.kind == "node-pm2");
        let waiting: BTreeSet<HostName> = services.flat_map(|service| &service.hosts).cloned().collect();
        for host in waiting.iter().filter_map(|name| inventory.host(name)) {
            let context = Context {
                host: Arc::clone(host),
                folders: Arc::new([]),
                remote: Arc::clone(remote),
                deliver: Arc::new(Nobody),
                clock: Arc::clone(&setup.clock),
                every_ms: 0,
            };
            let send = send.clone();
            let asking = async move {
                while send.send((context.host.name.clone(), pm2::ask(&context).await)).is_ok() {
                    tokio::time::sleep(AGAIN).await;
                }
            };
            setup.tasks.spawn("pm2 logs", asking).detach();
        }
        Self { answers, waiting, lists: BTreeMap::new() }
    }

    /// Says whether a host has not answered yet.
    pub(super) fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Takes what was answered; says what failed. True: there are other files now.
    pub(super) fn take(&mut self, failed: &mut bool) -> bool {
        let mut changed = false;
        while let Ok((host, answer)) = self.answers.try_recv() {
            let first = self.waiting.remove(&host);
            match answer {
                Ok(list) => {
                    changed |= self.lists.get(&host).is_none_or(|known| known.processes != list.processes);
                    self.lists.insert(host, list);
                }
                Err(why) if first => {
                    setup::warn(&format!("qd: where PM2 on {host} has its logs is not known: {why}"));
                    *failed = true;
                }
                Err(_) => {}
            }
        }
        changed
    }
}
