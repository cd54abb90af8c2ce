//! Sites of Apache.
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

/// Enables, disables and replaces sites of Apache.
#[derive(Debug)]
pub(super) struct ApacheSite;

const SITES: Sites =
    Sites { server: Server::Apache, available: "/etc/apache2/sites-available", enabled: "/etc/apache2/sites-enabled" };

const FIELDS: &[Field] = &[
    site::SITE,
    Field { doc: "The folder of all sites. Default: /etc/apache2/sites-available.", ..site::AVAILABLE },
    Field {
        doc: "The folder of links to those that are served. Default: /etc/apache2/sites-enabled.",
        ..site::ENABLED
    },
    Field {
        name: "restart",
        shape: Shape::Choice(&["graceful", "restart"]),
        required: false,
        doc: "What R does after Apache's own test: `graceful` finishes requests, `restart` cuts them. Default: graceful.",
    },
    web::SUDO,
    web::UNIT,
    release::HEALTH,
    release::HEALTH_WITHIN,
];

impl Kind for ApacheSite {
    fn name(&self) -> &'static str {
        "apache-site"
    }

    fn fields(&self) -> &'static [Field] {
        FIELDS
    }

    fn misfits(&self, settings: &Params) -> Vec<Misfit> {
        SITES.misfits(settings)
    }
}

impl Recipe for ApacheSite {
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
