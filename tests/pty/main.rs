//! The binary in a pseudo-terminal, as a person has it: first frame, keys, sizes, ends.
#[cfg(test)]
#[path = "../support/engineer.rs"]
mod engineer;
#[cfg(test)]
#[path = "../support/github.rs"]
mod hub;
#[cfg(test)]
#[path = "../support/pty.rs"]
mod pty;
#[cfg(test)]
#[path = "../support/mod.rs"]
mod support;
#[cfg(test)]
#[path = "../support/tickets/mod.rs"]
mod tickets;

#[cfg(test)]
mod alerts;
#[cfg(test)]
mod demo;
#[cfg(test)]
mod documents;
#[cfg(test)]
mod drill;
#[cfg(test)]
mod ends;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod incident;
#[cfg(test)]
mod live;
#[cfg(test)]
mod logs;
#[cfg(test)]
mod pipeline;
#[cfg(test)]
mod reload;
#[cfg(test)]
mod replay;
#[cfg(test)]
mod short;
#[cfg(test)]
mod stores;
