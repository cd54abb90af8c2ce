//! Sites of Apache.
use super::{
    release,
    web::{
        self, Server,
        site::{self, Sites},
    },
};
use crate::config::{Field, Shape};

/// Enables, disables and replaces sites of Apache.
pub(super) const APACHE_SITE: Sites = Sites {
    name: "apache-site",
    fields: FIELDS,
    server: Server::Apache,
    available: "/etc/apache2/sites-available",
    enabled: "/etc/apache2/sites-enabled",
};

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
