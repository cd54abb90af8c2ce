//! How other machines are reached: SSH by lane, jump hosts, host keys, detached runs; and the one HTTP client.
pub mod detached;
pub mod dns;
pub mod github;
pub mod http;
pub mod known_hosts;
mod local;
pub mod net;
mod pump;
pub mod script;
pub mod ssh;
pub mod sudo;
pub mod tls;
pub mod upload;
pub mod websocket;

use std::time::Duration;

use futures_util::future::BoxFuture;
use secrecy::SecretString;
use tokio::sync::mpsc;

pub use crate::core::hosts::Question;
use crate::core::{hosts::LinkFault, id::HostName, time::Timestamp};

/// What a connection is for. Each host has at most one connection per lane, so that a flood of logs never delays a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Lane {
    /// Samples, commands, runs.
    Control,
    /// Log streams.
    Logs,
    /// Uploads.
    Bulk,
}

/// A command for a host's POSIX shell.
#[derive(Clone, Debug)]
pub struct Script {
    /// Shell text, run by `sh`; sent by stdin when long.
    pub text: String,
    /// Directories put before PATH.
    pub path_prefix: Vec<String>,
    /// Total time allowed once the host is reached; reaching it has its own limit. Of a stream, nothing.
    pub timeout: Duration,
    /// Most bytes kept of stdout and of stderr; the rest is counted and dropped.
    pub max_output: usize,
    /// Whether it is one of our own that soon ends and leaves nothing behind that writes to its stdout or stderr: such scripts may share
    /// a shell that is kept open on the connection, which spares the host a login for each.
    pub brief: bool,
    /// What its text finds in the shell variable `qd_secret`: it goes by stdin, and into nobody's environment or arguments.
    pub secret: Option<SecretString>,
}

impl Script {
    /// A command with ten seconds and 256 KiB, which fits most questions.
    pub fn new(text: impl Into<String>) -> Self {
        let (timeout, max_output) = (Duration::from_secs(10), 256 * 1024);
        Self { text: text.into(), path_prefix: Vec::new(), timeout, max_output, brief: false, secret: None }
    }

    /// The same for a script that is brief: see [`Script::brief`].
    pub fn brief(text: impl Into<String>) -> Self {
        Self { brief: true, ..Self::new(text) }
    }
}

/// How a remote command ended. There is no variant for a lost link: that is an error, and its outcome is unknown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Exit {
    /// With this code.
    Code(i32),
    /// By this signal, without SIG.
    Signal(String),
}

/// What a command left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// How it ended.
    pub exit: Exit,
    /// Raw bytes; bytes from outside are hostile until sanitised.
    pub stdout: Vec<u8>,
    /// Raw bytes.
    pub stderr: Vec<u8>,
    /// Bytes beyond the limit that were dropped.
    pub dropped_bytes: u64,
}

/// A piece of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Chunk {
    /// Bytes of stdout.
    Stdout(Vec<u8>),
    /// Bytes of stderr.
    Stderr(Vec<u8>),
    /// This many bytes were dropped because the reader was too slow.
    Dropped(u64),
    /// It ended by itself.
    Ended(Exit),
    /// The link was lost: how it ended is unknown.
    Lost(RemoteError),
}

/// A command that goes on. Dropping it ends the remote process, also on a dead link.
#[derive(Debug)]
pub struct Stream {
    /// Its output, in order; bounded.
    pub chunks: mpsc::Receiver<Chunk>,
    /// Dropped to end the remote process: its stdin is closed, which the stdin-watcher around the command waits for.
    pub alive: tokio_util::sync::DropGuard,
}

/// A command that is talked to: it answers what is put into `input`. Dropping the stream ends the remote process.
///
/// Nothing of its output is ever dropped: whoever does not read makes the command wait, and with it whatever else shares the
/// connection, so ask for no more than you read at once. Say nothing before the command has said something: until then its shell
/// may still be reading the script.
#[derive(Debug)]
pub struct Dialog {
    /// What goes to its stdin, which ends when this is dropped.
    pub input: mpsc::Sender<Vec<u8>>,
    /// Its output.
    pub stream: Stream,
}

/// Why a host could not be reached, or was lost.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{host}: {what}")]
pub struct RemoteError {
    /// The host that failed: for `LinkFault::Jump`, the jump host.
    pub host: HostName,
    /// The step that failed.
    pub fault: LinkFault,
    /// What exactly, sanitised, in one line.
    pub what: String,
    /// What a person can do about it.
    pub hint: Option<String>,
    /// Set when a person's answer would help. `watch` and the command line never ask: there it is an error.
    pub question: Option<Question>,
}

/// How the connection to a host stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum LinkState {
    /// Nobody has wanted anything from it yet.
    #[default]
    Idle,
    /// It is being connected to for the first time, or after a loss.
    Connecting {
        /// Since when.
        since: Timestamp,
    },
    /// It is there.
    Connected {
        /// Since when.
        since: Timestamp,
    },
    /// It cannot be reached.
    Failing {
        /// Why, as of the last attempt.
        error: RemoteError,
        /// Attempts in a row that failed.
        attempts: u32,
        /// The first of them.
        since: Timestamp,
        /// Before this moment nothing is tried: what is asked fails at once with the last error.
        retry_at: Timestamp,
    },
}

/// Reaches hosts. The real one is the SSH pool; tests hand in others.
pub trait Remote: Send + Sync {
    /// Runs a command and waits for its end.
    ///
    /// # Errors
    /// When the host cannot be reached or is lost meanwhile: then nobody knows whether it ran.
    fn run<'a>(&'a self, host: &'a HostName, lane: Lane, script: Script) -> BoxFuture<'a, Result<Output, RemoteError>>;

    /// Starts a command that goes on until the stream is dropped.
    ///
    /// # Errors
    /// When the host cannot be reached.
    fn stream<'a>(
        &'a self,
        host: &'a HostName,
        lane: Lane,
        script: Script,
    ) -> BoxFuture<'a, Result<Stream, RemoteError>>;

    /// Starts a command that reads its stdin until that ends; the script must end then, too.
    ///
    /// # Errors
    /// When the host cannot be reached.
    fn dialog<'a>(
        &'a self,
        host: &'a HostName,
        lane: Lane,
        script: Script,
    ) -> BoxFuture<'a, Result<Dialog, RemoteError>> {
        let _ = (lane, script);
        Box::pin(std::future::ready(Err(RemoteError {
            host: host.clone(),
            fault: LinkFault::Protocol,
            what: "commands cannot be talked to here".to_owned(),
            hint: None,
            question: None,
        })))
    }

    /// Returns the kind and fingerprint of the key by which a host is known on the connection that changes it; none without one.
    fn host_key(&self, host: &HostName) -> Option<String> {
        let _ = host;
        None
    }

    /// Drops every connection to a host, so that the next use connects anew.
    fn forget(&self, host: &HostName);

    /// Appends an accepted key's line to `~/.ssh/known_hosts`.
    ///
    /// # Errors
    /// When the file cannot be written.
    fn accept_host_key(&self, line: &str) -> Result<(), RemoteError>;

    /// Trusts the key that a question showed until the console ends; `line` is the question's. Nothing is written.
    fn trust_host_key_once(&self, line: &str) {
        let _ = line;
    }

    /// Keeps a passphrase in memory for an identity.
    fn unlock(&self, identity: &str, passphrase: SecretString);

    /// Keeps in memory what `sudo` asks for on a host.
    fn keep_sudo(&self, host: &HostName, password: SecretString) {
        let _ = (host, password);
    }

    /// Returns what `sudo` asks for on a host, while it is kept.
    fn sudo(&self, host: &HostName) -> Option<SecretString> {
        let _ = host;
        None
    }

    /// Forgets what `sudo` asks for, on every host.
    fn forget_sudo(&self) {}

    /// Says how the connection to a host stands.
    fn link(&self, host: &HostName) -> LinkState {
        let _ = host;
        LinkState::Idle
    }
}

/// The name under which this machine speaks where no host is configured.
fn here() -> HostName {
    HostName::from("localhost")
}

/// Runs a command on this machine, with the semantics of [`Remote::run`].
///
/// # Errors
/// When no shell can be started, or the command had its time.
pub async fn run_here(script: &Script) -> Result<Output, RemoteError> {
    local::run(&here(), script).await
}

/// Starts a command on this machine, with the semantics of [`Remote::stream`].
///
/// # Errors
/// When no shell can be started.
pub async fn stream_here(script: &Script, tasks: &crate::tasks::Tasks) -> Result<Stream, RemoteError> {
    local::stream(&here(), script, tasks).await
}

/// The command had its time: it was told to end, and nobody knows how far it came.
fn timed_out(host: &HostName, after: Duration) -> RemoteError {
    RemoteError {
        host: host.clone(),
        fault: LinkFault::Timeout,
        what: format!("the command was ended after {} s", after.as_secs_f32()),
        hint: None,
        question: None,
    }
}
