//! Puts the simulated world onto the disk, where the shells of its hosts read it, and takes their requests.
use std::{
    fs, io,
    io::Write as _,
    os::unix::net::UnixListener,
    path::{Path, PathBuf},
    process::Stdio,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::process::{Child, Command};

use super::{
    cast::{HOSTS, Host, SERVICES, Service},
    changes, folder, paper, releases, repository, scribe, shims,
    world::World,
};
use crate::core::time::{Clock, MINUTE, Timestamp};

/// The world as all parts of the demo share it. It is never locked across an await.
pub(super) type Shared = Arc<Mutex<World>>;

/// Looks at the world; a panic elsewhere leaves it usable.
pub(super) fn look<T>(world: &Shared, with: impl FnOnce(&mut World) -> T) -> T {
    with(&mut world.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Where one host lives on the disk.
#[derive(Clone, Debug)]
pub(super) struct Rooms {
    /// The host's own folder.
    pub root: PathBuf,
    /// The folder of the shims, shared by all.
    pub bin: PathBuf,
}

impl Rooms {
    /// Says where a host lives.
    pub(super) fn of(folder: &Path, host: &Host) -> Self {
        Self { root: folder.join("hosts").join(host.name), bin: folder.join("bin") }
    }

    /// Returns the home of the user that logs in.
    pub(super) fn home(&self) -> PathBuf {
        self.root.join("home")
    }

    /// Returns where a service is deployed on it.
    pub(super) fn deployed(&self, path: &str) -> PathBuf {
        match path.strip_prefix("~/") {
            Some(path) => self.home().join(path),
            None => self.root.join(path.trim_start_matches('/')),
        }
    }
}

/// Makes every folder and file that the hosts need before their first login.
///
/// # Errors
/// When the folder cannot be written.
pub(super) fn build(folder: &Path, world: &Shared) -> io::Result<()> {
    let (bin, born) = (folder.join("bin"), look(world, |world| world.now.utc));
    fs::create_dir(&bin)?;
    releases::lay_builds(&folder.join(super::BUILDS), born)?;
    for (name, text) in shims::ALL {
        folder::write_with_mode(&bin.join(name), text.as_bytes(), 0o700)?;
    }
    for host in HOSTS {
        let rooms = Rooms::of(folder, host);
        let home = rooms.home();
        for part in ["proc/net", "proc/pressure", "sim/req", "sim/rep", "sim/units", "home/tmp", "etc"] {
            fs::create_dir_all(rooms.root.join(part))?;
        }
        fs::write(rooms.root.join("etc/machine-id"), format!("{}\n", host.machine_id()))?;
        for service in SERVICES.iter().filter(|service| service.host == host.name) {
            fs::create_dir_all(rooms.deployed(service.path))?;
            if service.unit.is_some() {
                fs::create_dir_all(rooms.deployed(service.path).join("storage/logs"))?;
            }
        }
        for part in ["log/nginx", "log/apache2"] {
            fs::create_dir_all(rooms.root.join(part))?;
        }
        if !host.apps.is_empty() {
            fs::create_dir_all(home.join(".pm2/logs"))?;
            // What tells a live daemon beside its process: a socket.
            drop(UnixListener::bind(home.join(".pm2/rpc.sock"))?);
            for app in host.apps {
                releases::lay(&releases::folder(&rooms, app), app, born)?;
                repository::lay(&releases::folder(&rooms, app), app)?;
                for kind in ["out", "error"] {
                    fs::write(home.join(format!(".pm2/logs/{}-{kind}.log", app.name)), "")?;
                }
            }
        }
    }
    HOSTS.iter().try_for_each(|host| changes::lay(&Rooms::of(folder, host).root, host.name, born))?;
    write_past_logs(folder, world)?;
    write_moment(folder, world)?;
    write_lists(folder, world)
}

/// Starts what looks like a PM2 daemon on every host that has one: a process of that name whose id is where PM2 keeps it.
///
/// # Errors
/// When a process cannot be started or the folder not be written.
pub(super) fn start_daemons(folder: &Path) -> io::Result<Vec<Child>> {
    let mut daemons = Vec::new();
    for host in HOSTS.iter().filter(|host| !host.apps.is_empty()) {
        let daemon = Command::new("/bin/sh")
            // It waits for the end of its stdin, which comes even when the demo is killed.
            .args(["-c", "read -r _; :", "PM2 v7.0.4: God Daemon (/home/deploy/.pm2)"])
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()?;
        let pid = daemon.id().unwrap_or_default();
        fs::write(Rooms::of(folder, host).home().join(".pm2/pm2.pid"), pid.to_string())?;
        daemons.push(daemon);
    }
    Ok(daemons)
}

/// Moves the world on and writes what changed; takes the requests that lie there. Blocking: a few milliseconds.
///
/// # Errors
/// When the folder cannot be written, or is gone.
pub(super) fn turn(folder: &Path, world: &Shared, clock: &dyn Clock, full: Full) -> io::Result<()> {
    let now = clock.now();
    let before = look(world, |world| world.now.utc);
    let broke = look(world, |world| world.tick(now));
    for (name, app) in &broke {
        let (path, text) = scribe::crash(app, now.utc);
        let host = HOSTS.iter().find(|host| host.name == *name);
        host.map_or(Ok(()), |host| append(&Rooms::of(folder, host).root.join(path), &text))?;
    }
    write_logs(folder, world, before, now.utc)?;
    let changed = answer_requests(folder, world)?;
    if full == Full::Yes {
        write_moment(folder, world)?;
    }
    if changed || !broke.is_empty() || full == Full::Yes {
        write_lists(folder, world)?;
    }
    Ok(())
}

/// Whether a turn also writes the numbers that move all the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Full {
    /// It does.
    Yes,
    /// It only looks for requests.
    No,
}

fn write_moment(folder: &Path, world: &Shared) -> io::Result<()> {
    let sheets: Vec<_> =
        look(world, |world| world.hosts.iter().map(|host| (host.cast, paper::moment(host, world.now))).collect());
    for (host, sheets) in sheets {
        write_sheets(&Rooms::of(folder, host).root, &sheets)?;
    }
    Ok(())
}

fn write_lists(folder: &Path, world: &Shared) -> io::Result<()> {
    let sheets: Vec<_> = look(world, |world| {
        let list = |host: &super::world::Live| {
            let rooms = Rooms::of(folder, host.cast);
            let pids: Vec<u32> = host
                .cast
                .processes
                .iter()
                .map(|process| process.pid)
                .chain(host.apps.iter().filter_map(|app| app.pid))
                .collect();
            let mut sheets = paper::lists(host, world.now, &rooms.home().to_string_lossy());
            sheets.extend(host.apps.iter().filter_map(|app| {
                // As the kernel has it, whose links are never followed half-way.
                let runs = releases::folder(&rooms, app.cast).join("releases").join(&app.runs.release);
                let runs = fs::canonicalize(&runs).unwrap_or(runs);
                Some((format!("proc/{}/cwd", app.pid?), format!("{}\n", runs.display())))
            }));
            (rooms, sheets, pids)
        };
        world.hosts.iter().map(list).collect()
    });
    for (rooms, sheets, pids) in sheets {
        write_sheets(&rooms.root, &sheets)?;
        bury(&rooms.root.join("proc"), &pids)?;
    }
    Ok(())
}

fn write_sheets(root: &Path, sheets: &[paper::Sheet]) -> io::Result<()> {
    for (path, text) in sheets {
        let path = root.join(path);
        match folder::write(&path, text.as_bytes()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                // A process that was just born; its folder's folder is there as long as the demo is.
                path.parent().map_or(Ok(()), fs::create_dir)?;
                folder::write(&path, text.as_bytes())?;
            }
            written => written?,
        }
    }
    Ok(())
}

/// Removes the folders of processes that ended.
fn bury(proc: &Path, alive: &[u32]) -> io::Result<()> {
    for entry in fs::read_dir(proc)?.flatten() {
        let pid = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok());
        if pid.is_some_and(|pid| !alive.contains(&pid)) {
            fs::remove_dir_all(entry.path())?;
        }
    }
    Ok(())
}

fn answer_requests(folder: &Path, world: &Shared) -> io::Result<bool> {
    let mut any = false;
    for host in HOSTS {
        let sim = Rooms::of(folder, host).root.join("sim");
        for entry in fs::read_dir(sim.join("req"))?.flatten() {
            let name = entry.file_name();
            if name.to_string_lossy().starts_with('.') {
                continue;
            }
            let request = fs::read_to_string(entry.path())?;
            fs::remove_file(entry.path())?;
            let words: Vec<&str> = request.split_whitespace().collect();
            for app in host.apps {
                if let Some(next) = releases::current(&releases::folder(&Rooms::of(folder, host), app)) {
                    look(world, |world| world.lies_there(host.name, app.name, next));
                }
            }
            let reply = look(world, |world| world.command(host.name, &words));
            // First what the command changed, then its end: who reads the list afterwards sees the change.
            write_lists(folder, world)?;
            folder::write(&sim.join("rep").join(name), format!("{}\n{}", reply.code, reply.text).as_bytes())?;
            any = true;
        }
    }
    Ok(any)
}

/// Minutes of log lines that are there when the demo starts.
const PAST_MINUTES: i64 = 40;

fn write_past_logs(folder: &Path, world: &Shared) -> io::Result<()> {
    let now = look(world, |world| world.now.utc);
    for service in SERVICES {
        for file in scribe::files(service) {
            append(&root_of(folder, service).join(file.path), "")?;
        }
    }
    write_logs(folder, world, now - PAST_MINUTES * MINUTE, now)
}

/// Writes what all services say about a stretch of time.
fn write_logs(folder: &Path, world: &Shared, from: Timestamp, to: Timestamp) -> io::Result<()> {
    for service in SERVICES {
        let lines = look(world, |world| world.lines(service, from, to));
        for (path, text) in lines {
            append(&root_of(folder, service).join(path), &text)?;
        }
    }
    Ok(())
}

fn root_of(folder: &Path, service: &Service) -> PathBuf {
    let host = HOSTS.iter().find(|host| host.name == service.host);
    host.map_or_else(|| folder.to_owned(), |host| Rooms::of(folder, host).root)
}

fn append(path: &Path, text: &str) -> io::Result<()> {
    fs::OpenOptions::new().append(true).create(true).open(path)?.write_all(text.as_bytes())
}
