//! Hosts: samples, their history, how they are reached.
//!
//! A host keeps ten minutes of samples two seconds apart and one hour of means over twenty seconds: 480 points of 32 bytes, 15 KiB,
//! beside its latest sample and lists, some KiB each, so 200 hosts take some 5 MiB. Every value is asked for with the present time and is none
//! once it is older than its limit: [`LIMIT_MS`] for samples, [`LIST_LIMIT_MS`] for lists.
mod charted;
mod host;
mod message;
mod state;

pub use self::{
    charted::charted,
    host::{Chart, Freshness, HostState, Hot, Link, Point, Trouble},
    message::{Fact, Msg, Out},
    state::{Fleet, State, update},
};

use serde::{Deserialize, Serialize};

use super::time::Timestamp;

/// Milliseconds after which a sample says nothing about the present.
pub const LIMIT_MS: u64 = 30_000;
/// Milliseconds after which a list of PM2 or systemd says nothing about the present: it is asked for every ten seconds, and may take long.
pub const LIST_LIMIT_MS: u64 = 45_000;

/// One reading of a host. Everything a host may not tell is an `Option`: missing is not zero.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HostSample {
    /// When it arrived here.
    pub at: Timestamp,
    /// CPU in percent of all cores; none in the first sample, which has nothing to compare with.
    pub cpu_pct: Option<f32>,
    /// Percent stolen by the hypervisor.
    pub steal_pct: Option<f32>,
    /// Percent per core.
    pub cores_pct: Vec<f32>,
    /// Total memory in bytes.
    pub mem_total_bytes: Option<u64>,
    /// Used memory in bytes: total minus available.
    pub mem_used_bytes: Option<u64>,
    /// Total swap in bytes.
    pub swap_total_bytes: Option<u64>,
    /// Used swap in bytes.
    pub swap_used_bytes: Option<u64>,
    /// Load averages over 1, 5 and 15 minutes.
    pub load: Option<[f32; 3]>,
    /// Number of cores.
    pub core_count: Option<u32>,
    /// Local file systems.
    pub disks: Vec<Disk>,
    /// Disk I/O of whole devices: bytes read and written a second.
    pub disk_io: Option<Rates>,
    /// Percent of time that the busiest device was busy.
    pub disk_busy_pct: Option<f32>,
    /// Network, loopback excluded: bytes received and sent a second.
    pub net: Option<Rates>,
    /// Pressure stall, `some avg10` in percent: CPU, memory, I/O.
    pub psi: Option<Psi>,
    /// Seconds since boot.
    pub uptime_s: Option<u64>,
    /// The host's clock minus ours, in milliseconds; the reading error is about half a round trip.
    pub skew_ms: Option<i64>,
    /// Round trip to the host in milliseconds, when it was measured.
    pub rtt_ms: Option<u32>,
    /// The busiest processes.
    pub top: Vec<Process>,
}

impl HostSample {
    /// Returns memory in use, in percent.
    pub fn mem_pct(&self) -> Option<f32> {
        share(self.mem_used_bytes?, self.mem_total_bytes?)
    }

    /// Returns swap in use, in percent; none where there is no swap.
    pub fn swap_pct(&self) -> Option<f32> {
        share(self.swap_used_bytes?, self.swap_total_bytes?)
    }

    /// Returns the one-minute load for each core.
    pub fn load_per_core(&self) -> Option<f32> {
        let [one, ..] = self.load?;
        self.core_count.filter(|cores| *cores > 0).map(|cores| one / cores as f32)
    }

    /// Returns the fullest disk: the one with the least percentage free.
    pub fn fullest_disk(&self) -> Option<&Disk> {
        self.disks.iter().filter(|disk| disk.free_pct().is_some()).min_by(|a, b| {
            let free = |disk: &Disk| disk.free_pct().unwrap_or(100.0);
            free(a).total_cmp(&free(b))
        })
    }
}

/// A part of a whole in percent; none of nothing.
pub(in crate::core) fn percent(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64 * 100.0)
}

#[expect(clippy::cast_possible_truncation, reason = "a percentage loses nothing that is shown")]
fn share(part: u64, whole: u64) -> Option<f32> {
    percent(part, whole).map(|percent| percent as f32)
}

impl Disk {
    /// Returns what users can have, in bytes: a part of the size is kept for root, and neither used nor available.
    pub fn usable_bytes(&self) -> u64 {
        self.used_bytes.saturating_add(self.avail_bytes)
    }

    /// Returns the space in use in percent of what users can have, as `df` does: reserved blocks do not count.
    pub fn used_pct(&self) -> Option<f32> {
        share(self.used_bytes, self.usable_bytes())
    }

    /// Returns the space that is left in percent of what users can have.
    pub fn free_pct(&self) -> Option<f32> {
        share(self.avail_bytes, self.usable_bytes())
    }
}

impl Pm2Process {
    /// Says whether it should run and does not. `stopped` is not down where PM2 is not to start it again.
    pub fn is_down(&self) -> bool {
        match self.status.as_str() {
            "online" | "launching" | "stopping" | "one-launch-status" => false,
            "stopped" => self.autorestart,
            _ => true,
        }
    }
}

/// Bytes a second, in and out.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rates {
    /// Read or received.
    pub in_bytes_s: f64,
    /// Written or sent.
    pub out_bytes_s: f64,
}

/// Pressure stall information, percent of the last ten seconds in which some task waited.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Psi {
    /// For a CPU.
    pub cpu: Option<f32>,
    /// For memory.
    pub memory: Option<f32>,
    /// For I/O.
    pub io: Option<f32>,
}

/// A mounted local file system.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Disk {
    /// Where it is mounted.
    pub mount: String,
    /// Size in bytes.
    pub size_bytes: u64,
    /// Used in bytes.
    pub used_bytes: u64,
    /// Free for users in bytes.
    pub avail_bytes: u64,
    /// Percent of inodes used, where the file system counts them.
    pub inodes_pct: Option<f32>,
}

/// A process.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Process {
    /// Process id.
    pub pid: u32,
    /// Who runs it.
    pub user: String,
    /// Percent of one core.
    pub cpu_pct: f32,
    /// Resident memory in bytes.
    pub rss_bytes: u64,
    /// Command, sanitised.
    pub command: String,
}

/// A process that PM2 keeps, without its environment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pm2Process {
    /// PM2's id.
    pub pm_id: u32,
    /// Name, not unique.
    pub name: String,
    /// `online`, `stopped`, `errored`, `waiting restart` …
    pub status: String,
    /// Process id while online.
    pub pid: Option<u32>,
    /// Whether PM2 starts it again when it ends; one that does not may rightly be `stopped`, as a job that is done.
    pub autorestart: bool,
    /// Restarts since it was added, manual ones included.
    pub restarts: u32,
    /// Restarts within a short life.
    pub unstable_restarts: u32,
    /// Resident memory in bytes while online.
    pub memory_bytes: Option<u64>,
    /// Percent of one core while online.
    pub cpu_pct: Option<f32>,
    /// Start of the present life, host's clock.
    pub started_at: Option<Timestamp>,
    /// `fork_mode` or `cluster_mode`.
    pub exec_mode: String,
    /// Version from package.json.
    pub version: Option<String>,
    /// Node's version.
    pub node_version: Option<String>,
    /// Paths of its log files.
    pub log_paths: Vec<String>,
}

/// What PM2 on a host says.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Pm2List {
    /// When it arrived.
    pub at: Timestamp,
    /// Whether a PM2 daemon runs; without one, `processes` being empty says nothing.
    pub daemon: bool,
    /// Its processes.
    pub processes: Vec<Pm2Process>,
    /// Size of the log folder in bytes.
    pub logs_bytes: Option<u64>,
}

/// A systemd unit's state.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct UnitState {
    /// Unit name: `nginx.service`.
    pub unit: String,
    /// `loaded`, `not-found` …
    pub load: String,
    /// `active`, `failed` …
    pub active: String,
    /// `running`, `dead` …
    pub sub: String,
    /// `success`, `exit-code`, `oom-kill` …
    pub result: String,
    /// Automatic restarts.
    pub restarts: Option<u32>,
    /// Memory in bytes.
    pub memory_bytes: Option<u64>,
    /// Main process.
    pub main_pid: Option<u32>,
    /// When it became active.
    pub active_since: Option<Timestamp>,
}

/// The step of reaching a host that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkFault {
    /// The name does not resolve.
    Dns,
    /// Nothing listens there.
    Refused,
    /// A jump host on the way could not be passed.
    Jump,
    /// The server did not accept any key.
    Auth,
    /// The server's key is unknown, changed or revoked.
    HostKey,
    /// No answer in time, or keep-alive lost.
    Timeout,
    /// The connection ended.
    Lost,
    /// The server spoke nonsense or refused a channel.
    Protocol,
}

impl LinkFault {
    /// Names it as people do.
    pub fn words(self) -> &'static str {
        match self {
            Self::Dns => "DNS",
            Self::Refused => "refused",
            Self::Jump => "jump",
            Self::Auth => "auth",
            Self::HostKey => "host key",
            Self::Timeout => "timeout",
            Self::Lost => "lost",
            Self::Protocol => "protocol",
        }
    }
}

/// Something about a host that only a person can answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    /// The server showed a key that no known_hosts file has.
    UnknownHostKey {
        /// `[host]:port` or host, as it would stand in known_hosts.
        pattern: String,
        /// Key type: `ssh-ed25519`.
        algorithm: String,
        /// `SHA256:…`.
        fingerprint: String,
        /// The line that would be appended.
        line: String,
    },
    /// The private key is encrypted.
    Passphrase {
        /// Its file.
        identity: String,
    },
}

#[cfg(test)]
mod tests;
