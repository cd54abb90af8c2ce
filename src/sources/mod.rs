//! Sources: where samples come from. One file per place; `ALL` lists them.
pub mod changes;
pub mod config_files;
pub mod logs;
pub mod pm2;
pub mod qualys;
pub mod ssh_metrics;
pub mod systemd;

use std::{sync::Arc, time::Duration};

use futures_util::future::BoxFuture;

use crate::{
    core::{
        config_files::HostFiles,
        hosts::{HostSample, Pm2List, UnitState},
        id::{HostName, ServiceId},
        inventory::{Host, Inventory},
        time::Clock,
    },
    remote::{Remote, RemoteError},
};

/// All sources.
pub const ALL: &[&dyn Source] = &[&config_files::ConfigFiles, &pm2::Pm2, &ssh_metrics::SshMetrics, &systemd::Systemd];

/// Something a source read.
#[derive(Clone, Debug, PartialEq)]
pub enum Reading {
    /// /proc and df.
    Sample(Box<HostSample>),
    /// PM2's list.
    Pm2(Pm2List),
    /// systemd units.
    Units(Vec<UnitState>),
    /// Hashes of configuration files.
    Files(HostFiles),
}

/// Takes what a source reads. Never blocks: of readings with the same host and source the latest wins.
pub trait Deliver: Send + Sync {
    /// Hands over a reading.
    fn reading(&self, host: &HostName, source: &'static str, reading: Reading);
}

/// What a source is given to work with.
#[derive(Clone)]
pub struct Context {
    /// The host to read.
    pub host: Arc<Host>,
    /// Its services, with their folders there.
    pub folders: Arc<[(ServiceId, Option<String>)]>,
    /// How to reach it.
    pub remote: Arc<dyn Remote>,
    /// Where readings go.
    pub deliver: Arc<dyn Deliver>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Milliseconds between two readings that the person wants to see; sources with a cost of their own take longer.
    pub every_ms: u64,
}

/// Why a source ended. The supervisor shows it and starts the source again with back-off.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// The host could not be reached or was lost.
    #[error(transparent)]
    Remote(#[from] RemoteError),
    /// The host was reached but does not have what the source reads: not tried again for a while.
    #[error("{0}")]
    Absent(String),
    /// What came back could not be understood.
    #[error("{0}")]
    Malformed(String),
}

/// A place that samples come from.
pub trait Source: Sync {
    /// Its name, unique, also its file's name.
    fn name(&self) -> &'static str;

    /// Says whether this host is to be read by it.
    fn applies(&self, inventory: &Inventory, host: &Host) -> bool;

    /// How long after the others it begins: what a person sees comes first.
    fn after(&self) -> Duration {
        Duration::ZERO
    }

    /// Reads until it fails or is dropped. It returns only on failure.
    fn run(&self, context: Context) -> BoxFuture<'static, SourceError>;
}

/// Returns the first line that says something, sanitised and short enough for a status line.
fn first_line(bytes: &[u8]) -> Option<String> {
    let mut lines =
        bytes.split(|byte| *byte == b'\n').map(|line| crate::parse::sanitise::line_max(line.trim_ascii(), 200));
    lines.find(|line| !line.trim().is_empty())
}
