//! Sites of Nginx.
use super::{
    Context, Recipe, release,
    web::{
        self, Server,
        site::{self, Sites},
    },
};
use crate::{
    config::{Field, Kind, Misfit, Shape},
    core::{
        inventory::{Params, Service},
        runs::{Order, Plan, Task, Wanted},
    },
};

/// Enables, disables and replaces sites of Nginx.
#[derive(Debug)]
pub(super) struct NginxSite;

const SITES: Sites =
    Sites { server: Server::Nginx, available: "/etc/nginx/sites-available", enabled: "/etc/nginx/sites-enabled" };

const FIELDS: &[Field] = &[
    site::SITE,
    Field { doc: "The folder of all sites. Default: /etc/nginx/sites-available.", ..site::AVAILABLE },
    Field { doc: "The folder of links to those that are served. Default: /etc/nginx/sites-enabled.", ..site::ENABLED },
    Field {
        name: "restart",
        shape: Shape::Choice(&["reload", "restart"]),
        required: false,
        doc: "What R does after Nginx's own test: `reload` keeps connections, `restart` cuts them. Default: reload.",
    },
    web::SUDO,
    web::UNIT,
    release::HEALTH,
    release::HEALTH_WITHIN,
];

impl Kind for NginxSite {
    fn name(&self) -> &'static str {
        "nginx-site"
    }

    fn fields(&self) -> &'static [Field] {
        FIELDS
    }

    fn misfits(&self, settings: &Params) -> Vec<Misfit> {
        SITES.misfits(settings)
    }
}

impl Recipe for NginxSite {
    fn restart(&self, of: Context<'_>) -> Result<Plan, String> {
        SITES.restart(of)
    }

    fn tasks(&self, service: &Service) -> Vec<Task> {
        SITES.tasks(service)
    }

    fn task(&self, of: Context<'_>, order: &Order) -> Result<Plan, String> {
        SITES.task(of, order)
    }

    fn survey(&self, service: &Service, wanted: &Wanted) -> Option<String> {
        SITES.survey(service, wanted)
    }
}
