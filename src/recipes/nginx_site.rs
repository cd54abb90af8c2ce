//! Sites of Nginx.
use super::{
    release,
    web::{
        self, Server,
        site::{self, Sites},
    },
};
use crate::config::{Field, Shape};

/// Enables, disables and replaces sites of Nginx.
pub(super) const NGINX_SITE: Sites = Sites {
    name: "nginx-site",
    fields: FIELDS,
    server: Server::Nginx,
    available: "/etc/nginx/sites-available",
    enabled: "/etc/nginx/sites-enabled",
};

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
