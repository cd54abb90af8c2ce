//! quarterdeck: a full-screen terminal console for the engineer on call.
pub mod checks;
pub mod cli;
pub mod config;
pub mod core;
pub mod demo;
pub mod error;
pub mod import;
pub mod parse;
pub mod recipes;
pub mod remote;
pub mod render;
pub mod runtime;
pub mod sources;
pub mod store;
pub mod tasks;
pub mod trackers;
pub mod ui;
