//! Tests with real parts on loopback: one module per part.
#[path = "../support/mod.rs"]
mod support;

mod ssh;
