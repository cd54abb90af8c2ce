//! The demo: an embedded fleet on loopback. Its SSH and HTTP servers are real; the machines behind them are simulated.
//!
//! One logs in to a real shell whose home, `/proc`, `df`, `ps`, `pm2` and `systemctl` are the simulation's: everything
//! the console runs on a host runs here too, detached runs included, and nothing of the machine it runs on is read or
//! changed. Services answer as the simulated processes behind them do, so that a restart by `pm2` mends what is broken.
//!
//! | file | holds |
//! |---|---|
//! | `cast` | who there is: hosts, processes, services |
//! | `world` | what they do while time passes; pure |
//! | `paper` | what a host's files say then; pure |
//! | `scribe` | what they write into their logs; pure |
//! | `shims` | the commands that stand before the real ones |
//! | `repository` | the commits between their releases |
//! | `changes` | what changed on them before, and broke nothing |
//! | `releases` | what of them lies on the hosts, and what waits to be brought out |
//! | `stage` | the temporary folder kept up to date, requests taken |
//! | `ssh`, `web` | the servers |
//! | `certificate` | what the one service that answers by TLS shows |
//! | `settings` | the configuration for all this |
//! | `history` | ninety days of made-up past |
/// Appends a line to a text, which cannot fail.
macro_rules! line {
    ($text:expr, $($arg:tt)*) => {{
        let _never = std::fmt::Write::write_fmt(&mut *$text, format_args!("{}\n", format_args!($($arg)*)));
    }};
}

mod cast;
mod certificate;
mod changes;
mod folder;
mod history;
mod paper;
mod random;
mod releases;
mod repository;
mod scanner;
mod scribe;
mod settings;
mod shims;
mod ssh;
mod stage;
mod web;
mod world;

use std::{
    io,
    net::Ipv4Addr,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};

use russh::keys::{Algorithm, PrivateKey, key::safe_rng, ssh_key::LineEnding};
use tokio::net::TcpListener;

use self::{
    cast::{HOSTS, SERVICES},
    folder::Folder,
    stage::{Full, Shared},
    world::World,
};
use crate::{
    core::time::{Clock, Timestamp},
    error::{Kind, Report},
    tasks::Tasks,
};

pub use self::history::{DAYS, past, write_past};

/// The folder of builds that nobody has brought out yet, in the fleet's folder.
const BUILDS: &str = "builds";
/// The application that they are of.
const BUILDS_OF: &str = "play";
/// How often requests of the simulated hosts are looked for.
const TURN: Duration = Duration::from_millis(200);
/// Every how many turns the hosts' numbers move.
const FULL_EVERY: u32 = 5;

/// How a demo goes.
#[derive(Clone, Debug)]
pub struct Options {
    /// What the made-up numbers and the past come from: the same seed, the same past.
    pub seed: u64,
    /// After how long a service breaks; none: never.
    pub breaks_after: Option<Duration>,
    /// Where the temporary folder is made; none: where the system keeps such.
    pub parent: Option<PathBuf>,
}

impl Default for Options {
    fn default() -> Self {
        Self { seed: 20_261_120, breaks_after: Some(Duration::from_secs(8)), parent: None }
    }
}

/// A running fleet. Dropping it ends its servers and removes its folder.
#[derive(Debug)]
pub struct Fleet {
    /// A complete configuration for it, with comments.
    pub config_toml: String,
    /// The same as a file, in the fleet's folder.
    pub config_path: PathBuf,
    /// Where the demo's own state belongs (store, log), in the fleet's folder. The configuration names its store.
    pub state_dir: PathBuf,
    /// The fleet's host keys, as OpenSSH's known_hosts has them.
    pub known_hosts: PathBuf,
    /// The private key that lets in.
    pub identity: PathBuf,
    tasks: Tasks,
    daemons: Vec<tokio::process::Child>,
    // Last: removed when nothing uses it any more.
    folder: Folder,
}

impl Fleet {
    /// Returns the temporary folder that holds everything the fleet writes.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        self.tasks.cancel();
        for daemon in &mut self.daemons {
            // One that has ended already is as good.
            let _ended = daemon.start_kill();
        }
    }
}

/// Starts the fleet: eight SSH servers, ten HTTP servers, one simulation. Takes some tens of milliseconds.
///
/// # Errors
/// When the temporary folder cannot be written or no port can be had.
pub async fn start(tasks: &Tasks, clock: Arc<dyn Clock>, options: Options) -> Result<Fleet, Report> {
    let failed = |what: &str, error: &dyn std::error::Error| {
        Report::new(Kind::Internal, format!("the demo's fleet could not start: {what}: {error}"))
    };
    let now = clock.now();
    let parent = options.parent.clone().unwrap_or_else(std::env::temp_dir);
    let folder = Folder::new(&parent, options.seed ^ now.utc.0.unsigned_abs()).map_err(|error| {
        failed(&format!("no folder in {}", parent.display()), &error).hint("set TMPDIR to a folder that can be written")
    })?;
    let breaks_after_ms = options.breaks_after.map(|after| u64::try_from(after.as_millis()).unwrap_or(u64::MAX));
    let world: Shared = Arc::new(Mutex::new(World::new(options.seed, now, breaks_after_ms)));
    let tasks = tasks.child();
    // From here on a failure drops the fleet, and with it whatever was started.
    let mut fleet = Fleet {
        config_toml: String::new(),
        config_path: folder.path().join("qd.toml"),
        state_dir: folder.path().join("state"),
        known_hosts: folder.path().join("known_hosts"),
        identity: folder.path().join("id_ed25519"),
        tasks,
        daemons: Vec::new(),
        folder,
    };
    let root = fleet.folder.path().to_owned();
    std::fs::create_dir(&fleet.state_dir)
        .and_then(|()| stage::build(&root, &world))
        .and_then(|()| settings::write_runbooks(&root))
        .map_err(|error| failed("its folder", &error))?;
    fleet.daemons = stage::start_daemons(&root).map_err(|error| failed("its processes", &error))?;
    fleet.config_toml = open_doors(&fleet, &world, now.utc).await.map_err(|error| failed("its servers", &error))?;
    std::fs::write(&fleet.config_path, &fleet.config_toml).map_err(|error| failed("its configuration", &error))?;
    let turning = turn(root, world, clock, fleet.tasks.clone());
    fleet.tasks.spawn("demo-world", turning).detach();
    Ok(fleet)
}

/// Starts all servers, writes the keys, and returns the configuration.
async fn open_doors(fleet: &Fleet, world: &Shared, now: Timestamp) -> io::Result<String> {
    let root = fleet.folder.path();
    let mut ports = settings::Ports::new();
    let mut hosts = Vec::new();
    for host in HOSTS {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        ports.insert(host.name.to_owned(), listener.local_addr()?.port());
        hosts.push((host, listener));
    }
    for service in SERVICES {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        ports.insert(format!("{}@{}", service.name, service.env), listener.local_addr()?.port());
        let tls = match service.certificate_days {
            Some(days) => Some(certificate::issue(now, days, &root.join(settings::AUTHORITY))?),
            None => None,
        };
        let serving = web::serve(listener, tls, service, Arc::clone(world), fleet.tasks.clone());
        fleet.tasks.spawn("demo-web", serving).detach();
    }
    let client = new_key()?;
    let pem = client.to_openssh(LineEnding::LF).map_err(io::Error::other)?;
    folder::write_with_mode(&fleet.identity, pem.as_bytes(), 0o600)?;
    let every_port: Arc<[u16]> = ports.values().copied().collect();
    let mut known = String::new();
    for (host, listener) in hosts {
        let key = new_key()?;
        let public = key.public_key().to_openssh().map_err(io::Error::other)?;
        line!(&mut known, "[127.0.0.1]:{} {public}", listener.local_addr()?.port());
        let door = ssh::Door {
            host,
            rooms: stage::Rooms::of(root, host),
            key: client.public_key().clone(),
            ports: Arc::clone(&every_port),
            tasks: fleet.tasks.clone(),
        };
        fleet.tasks.spawn("demo-sshd", ssh::serve(listener, ssh::settings(key), Arc::new(door))).detach();
    }
    folder::write_with_mode(&fleet.known_hosts, known.as_bytes(), 0o600)?;
    Ok(settings::write(root, &ports))
}

fn new_key() -> io::Result<PrivateKey> {
    PrivateKey::random(&mut safe_rng(), Algorithm::Ed25519).map_err(io::Error::other)
}

/// Keeps the simulation going until its folder is gone.
async fn turn(root: PathBuf, world: Shared, clock: Arc<dyn Clock>, tasks: Tasks) {
    for nth in 1_u32.. {
        tokio::time::sleep(TURN).await;
        let full = if nth.is_multiple_of(FULL_EVERY) { Full::Yes } else { Full::No };
        let (root, world, clock) = (root.clone(), Arc::clone(&world), Arc::clone(&clock));
        let turned = tasks.blocking("demo-turn", move || stage::turn(&root, &world, clock.as_ref(), full)).join().await;
        match turned {
            Some(Ok(())) => {}
            // A disk that is full for a moment; the next turn tries again.
            Some(Err(error)) if error.kind() != io::ErrorKind::NotFound => {}
            Some(Err(_)) | None => return,
        }
    }
}
