//! Hosts: samples, their history, how they are reached.
use serde::{Deserialize, Serialize};

use super::time::Timestamp;

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
