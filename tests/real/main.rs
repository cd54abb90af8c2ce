//! Tests with real parts on loopback: one module per part.
#![expect(clippy::format_collect, reason = "tests say things in the shortest way")]
#[cfg(test)]
#[path = "../support/mod.rs"]
mod support;

#[cfg(test)]
#[path = "../support/github.rs"]
mod hub;

#[cfg(test)]
mod artifact;
#[cfg(test)]
mod changes;
#[cfg(test)]
mod differences;
#[cfg(test)]
mod hosts;
#[cfg(test)]
mod import;
#[cfg(test)]
mod kept;
#[cfg(test)]
mod log_commands;
#[cfg(test)]
mod log_files;
#[cfg(test)]
mod log_journal;
#[cfg(test)]
mod log_pm2;
#[cfg(test)]
mod mail;
#[cfg(test)]
mod services;
#[cfg(test)]
mod shells;
#[cfg(test)]
mod ssh;
#[cfg(test)]
mod ways_in;

#[cfg(test)]
mod host_keys;

#[cfg(test)]
mod detached;

#[cfg(test)]
mod runner;

#[cfg(test)]
mod restart;

#[cfg(test)]
mod two_consoles;

#[cfg(test)]
mod packages;
#[cfg(test)]
mod reattach;

#[cfg(test)]
mod upload;

#[cfg(test)]
mod dead_man;

#[cfg(test)]
mod blue_green;

#[cfg(test)]
mod deploy;

#[cfg(test)]
mod faults;

#[cfg(test)]
mod faults_hosts;

#[cfg(test)]
mod faults_consoles;

#[cfg(test)]
mod laravel;

#[cfg(test)]
mod ops;

#[cfg(test)]
mod ansible;

#[cfg(test)]
mod command;

#[cfg(test)]
mod compose;

#[cfg(test)]
mod ecs;

#[cfg(test)]
mod kubernetes;

#[cfg(test)]
mod runbooks;

#[cfg(test)]
mod sites;

#[cfg(test)]
mod stick;

#[cfg(test)]
mod sudo;

#[cfg(test)]
mod drill;

#[cfg(test)]
#[path = "../support/engineer.rs"]
mod engineer;

#[cfg(test)]
#[path = "../support/tickets/mod.rs"]
mod tickets;

#[cfg(test)]
#[path = "../support/pty.rs"]
mod pty;

#[cfg(test)]
mod typed;
