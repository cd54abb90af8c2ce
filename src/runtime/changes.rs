//! Asks what changed around an incident: hosts by a script that reads, GitHub for the runs of a pipeline.
use std::sync::Arc;

use super::{inbox::Post, pipeline};
use crate::{
    checks::Context,
    config::Env,
    core::{
        Msg,
        id::{HostName, ServiceId, Uid},
        incidents::suspects,
        inventory::Inventory,
        logs::redact::Redactor,
        time::Timestamp,
    },
    sources::changes,
    tasks::Tasks,
};

/// What asking needs.
#[derive(Clone, Copy)]
pub(super) struct Around<'a> {
    pub(super) tasks: &'a Tasks,
    pub(super) post: &'a Post,
    pub(super) inventory: &'a Arc<Inventory>,
}

impl Around<'_> {
    /// Asks hosts and pipelines what changed there since a moment, all at once.
    pub(super) fn ask(
        self,
        incident: Uid,
        (hosts, pipelines): (Vec<HostName>, Vec<ServiceId>),
        since: Timestamp,
        with: (&Context, &Arc<Redactor>),
    ) {
        for host in hosts {
            self.ask_host(incident, host, since, with);
        }
        for service in pipelines {
            self.ask_pipeline(incident, service);
        }
    }

    fn ask_host(self, incident: Uid, host: HostName, since: Timestamp, (context, redact): (&Context, &Arc<Redactor>)) {
        let Some(known) = self.inventory.host(&host).map(Arc::clone) else { return };
        let (remote, clock) = (Arc::clone(&context.remote), Arc::clone(&context.clock));
        let (inventory, redact, post) = (Arc::clone(self.inventory), Arc::clone(redact), self.post.clone());
        let ask = async move {
            let of = (&*inventory, &*known);
            let seen = changes::look(remote.as_ref(), of, since, clock.as_ref(), &redact).await;
            post.fact(Msg::Suspects(suspects::Msg::Told { incident, host, seen: Box::new(seen) })).await;
        };
        self.tasks.spawn("changes", ask).detach();
    }

    /// Asks GitHub for the newest runs of a service's pipeline.
    fn ask_pipeline(self, incident: Uid, service: ServiceId) {
        let Some(of) = self.inventory.service(&service).and_then(|service| service.pipeline.clone()) else { return };
        let post = self.post.clone();
        let ask = async move {
            let runs = pipeline::newest(&of, &Env::of_process()).await;
            post.fact(Msg::Suspects(suspects::Msg::PipelineTold { incident, service, runs })).await;
        };
        self.tasks.spawn("deliveries", ask).detach();
    }
}
