//! Tests with real parts on loopback: one module per part.
#[cfg(test)]
#[path = "../support/mod.rs"]
mod support;

#[cfg(test)]
mod hosts;
#[cfg(test)]
mod services;
#[cfg(test)]
mod ssh;

#[cfg(test)]
mod host_keys;
