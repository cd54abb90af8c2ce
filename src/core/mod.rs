//! The pure heart: state, messages in, effects out. No file, socket, clock or terminal.
pub mod action;
pub mod alerts;
pub mod hosts;
pub mod id;
pub mod incidents;
pub mod inventory;
pub mod record;
pub mod ring;
pub mod runs;
pub mod services;
pub mod time;
