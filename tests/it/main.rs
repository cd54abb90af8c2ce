//! Each capability as a person or a script meets it. One file each.
#![expect(clippy::pedantic, clippy::wildcard_enum_match_arm, reason = "tests say things in the shortest way")]
#[cfg(test)]
mod actions;
#[cfg(test)]
#[path = "../support/audits.rs"]
mod audits;
#[cfg(test)]
#[path = "../support/booked.rs"]
mod booked;
#[cfg(test)]
mod checks;
#[cfg(test)]
mod checks_contract;
#[cfg(test)]
mod checks_dns;
#[cfg(test)]
mod config;
#[cfg(test)]
mod demo;
#[cfg(test)]
mod demo_changes;
#[cfg(test)]
#[path = "../support/deploys.rs"]
mod deploys;
#[cfg(test)]
mod documents;
#[cfg(test)]
#[path = "../support/dump.rs"]
mod dump;
#[cfg(test)]
mod evidence;
#[cfg(test)]
mod findings;
#[cfg(test)]
mod github;
#[cfg(test)]
mod handover;
#[cfg(test)]
#[path = "../support/github.rs"]
mod hub;
#[cfg(test)]
mod import;
#[cfg(test)]
mod injection;
#[cfg(test)]
mod json;
#[cfg(test)]
mod log_desk;
#[cfg(test)]
mod log_examples;
#[cfg(test)]
mod log_loki;
#[cfg(test)]
mod log_sources_contract;
#[cfg(test)]
#[path = "../support/logs.rs"]
mod log_support;
#[cfg(test)]
mod log_view;
#[cfg(test)]
mod log_view_filtering;
#[cfg(test)]
mod log_view_hostile;
#[cfg(test)]
mod log_view_reading;
#[cfg(test)]
#[path = "../support/loglines/mod.rs"]
mod loglines;
#[cfg(test)]
#[path = "../support/logql.rs"]
mod logql;
#[cfg(test)]
mod logs;
#[cfg(test)]
mod logs_record;
#[cfg(test)]
mod maintenance;
#[cfg(test)]
mod net;
#[cfg(test)]
#[path = "../support/night.rs"]
mod night;
#[cfg(test)]
mod notifiers_contract;
#[cfg(test)]
mod outbox;
#[cfg(test)]
#[path = "../support/outboxes.rs"]
mod outboxes;
#[cfg(test)]
#[path = "../support/papers.rs"]
mod papers;
#[cfg(test)]
mod patterns;
#[cfg(test)]
#[path = "../support/pipes.rs"]
mod pipes;
#[cfg(test)]
#[path = "../support/places.rs"]
mod places;
#[cfg(test)]
mod precedents;
#[cfg(test)]
mod qualys;
#[cfg(test)]
#[path = "../support/readings.rs"]
mod readings;
#[cfg(test)]
mod reload;
#[cfg(test)]
mod replay;
#[cfg(test)]
#[path = "../support/rollout.rs"]
mod rollout;
#[cfg(test)]
mod runbooks;
#[cfg(test)]
#[path = "../support/scans.rs"]
mod scans;
#[cfg(test)]
mod screenshots;
#[cfg(test)]
#[path = "../support/shell.rs"]
mod shell;
#[cfg(test)]
mod similar;
#[cfg(test)]
mod sources_contract;
#[cfg(test)]
mod status_page;
#[cfg(test)]
mod store;
#[cfg(test)]
#[path = "../support/suspected.rs"]
mod suspected;
#[cfg(test)]
mod suspects;
#[cfg(test)]
#[path = "../support/svg.rs"]
mod svg;
#[cfg(test)]
#[path = "../support/tickets/mod.rs"]
mod tickets;
#[cfg(test)]
mod trackers_contract;
#[cfg(test)]
mod unsaved;
#[cfg(test)]
mod views;
#[cfg(test)]
mod watch;
#[cfg(test)]
#[path = "../support/works.rs"]
mod works;
