//! A store that does not work: every command says so and what to do, live data are shown, and the file stays as it is.
use std::{
    collections::BTreeMap,
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use quarterdeck::{
    core::time::Timestamp,
    store::{Options, Sqlite, Store as _},
};
use tempfile::TempDir;

use crate::pty::{Terminal, command, eventually, qd};

/// A folder whose store is in a state that nobody wants.
struct Broken {
    home: TempDir,
    store: PathBuf,
    config: PathBuf,
    _listener: TcpListener,
    /// Mounted here, if it is a disk of its own.
    disk: Option<PathBuf>,
}

impl Broken {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("store");
        fs::create_dir(&folder).unwrap();
        let (store, config) = (folder.join("qd.db"), home.path().join("qd.toml"));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let text = format!(
            "version = 1\nenvironment = [{{ name = \"prod\", kind = \"production\" }}]\n[store]\npath = {:?}\n[[service]]\nname \
             = \"shop\"\n[service.in.prod]\nchecks = [{{ name = \"port\", type = \"tcp\", address = \"{}\", every = \"1s\" \
             }}]\n",
            store,
            listener.local_addr().unwrap()
        );
        fs::write(&config, text).unwrap();
        Self { home, store, config, _listener: listener, disk: None }
    }

    /// Puts a small disk under the store; none where this login may not mount one.
    fn with_disk(mut self) -> Option<Self> {
        let folder = self.store.parent().unwrap().to_owned();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=1m", "tmpfs"]).arg(&folder).stderr(Stdio::null());
        if mount.status().is_ok_and(|status| status.success()) {
            self.disk = Some(folder);
            return Some(self);
        }
        println!("!! NOT SHOWN HERE: this login may not mount a small disk");
        None
    }

    /// Makes the store that a qd of this version makes.
    fn good(self) -> Self {
        drop(Sqlite::open(&self.store, &Options::default()).unwrap());
        self
    }

    fn run(&self, args: &[&str]) -> Output {
        let mut run = Command::new(qd());
        run.args(args).arg("--config").arg(&self.config).env_clear().env("HOME", self.home.path()).env("USER", "ana");
        run.stdin(Stdio::null()).output().unwrap()
    }

    /// What is in the folder of the store.
    fn content(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let folder = fs::read_dir(self.store.parent().unwrap()).unwrap();
        folder.map(|entry| entry.unwrap().path()).map(|path| (path.clone(), fs::read(path).unwrap())).collect()
    }
}

impl Drop for Broken {
    fn drop(&mut self) {
        if let Some(folder) = &self.disk {
            // Lazily, so that a failed test leaves nothing mounted either.
            _ = Command::new("umount").arg("-l").arg(folder).status();
        }
    }
}

fn remount(folder: &Path, how: &str) {
    let status = Command::new("mount").args(["-o", &format!("remount,{how}")]).arg(folder).status().unwrap();
    assert!(status.success());
}

/// Every way in which a store may not work, with the words that name it and those that say what to do.
fn all() -> Vec<(Broken, &'static str, &'static str)> {
    let mut all = Vec::new();
    let broken = Broken::new();
    fs::write(&broken.store, "a letter to a friend\n".repeat(400)).unwrap();
    all.push((broken, "is not a store of quarterdeck", "move it away"));

    let broken = Broken::new().good();
    let mut bytes = fs::read(&broken.store).unwrap();
    let noise = (0..bytes.len()).map(|n| u8::try_from(n * 31 % 251).unwrap());
    bytes.iter_mut().zip(noise).skip(100).for_each(|(byte, noise)| *byte = noise);
    fs::write(&broken.store, bytes).unwrap();
    all.push((broken, "is damaged", "sqlite3 FILE .recover"));

    let broken = Broken::new().good();
    let mut bytes = fs::read(&broken.store).unwrap();
    // The format stands at offset 60 of the header, big-endian.
    bytes[60..64].copy_from_slice(&7_u32.to_be_bytes());
    fs::write(&broken.store, bytes).unwrap();
    all.push((broken, "has format 7", "run the newer qd"));

    if let Some(broken) = Broken::new().with_disk() {
        let broken = broken.good();
        remount(broken.disk.as_ref().unwrap(), "ro");
        all.push((broken, "is read-only", "writable"));
    }
    if let Some(broken) = Broken::new().with_disk() {
        fs::write(broken.store.with_file_name("ballast"), vec![1; 4 << 20]).unwrap_err();
        all.push((broken, "no space is left", "free space"));
    }
    all
}

#[test]
fn a_store_that_does_not_work_is_named_live_data_are_shown_and_it_stays_as_it_is() {
    for (broken, what, next) in all() {
        let before = broken.content();
        let status = broken.run(&["status"]);
        let (out, err) = (String::from_utf8_lossy(&status.stdout), String::from_utf8_lossy(&status.stderr));
        println!("{what}\n{out}{err}");
        assert!(out.contains("shop@prod  UP"), "live: {out}");
        assert!(status.status.success());
        // Reading makes no store: where there is none, there is none to name.
        if broken.store.exists() && fs::metadata(&broken.store).unwrap().len() > 0 {
            assert!(err.contains(what) && err.contains(next), "{err}");
        }

        let watch = broken.run(&["watch"]);
        let err = String::from_utf8_lossy(&watch.stderr);
        assert!(err.contains(what) && err.contains(next), "{err}");
        assert!(!watch.status.success(), "nobody would be told later that it does not record");

        let args = ["--config", broken.config.to_str().unwrap()];
        let mut terminal = Terminal::start(command(&qd(), broken.home.path(), &args), 120, 30);
        terminal.until("live data", |text| text.contains("shop UP"));
        let text = terminal.until("what is wrong", |text| text.contains(what) && text.contains("not recorded"));
        assert!(!text.contains("reading 90 days"), "nothing is waited for: {text}");
        terminal.keys("q");
        terminal.ended().clean();

        let after = broken.content();
        for (path, bytes) in &before {
            assert!(after.get(path) == Some(bytes), "{} is as it was", path.display());
        }
        // Beside it there may be an empty file, and the index that SQLite makes to look into a store of its own kind.
        let shm = broken.store.with_extension("db-shm");
        let made: Vec<_> =
            after.iter().filter(|(path, bytes)| !before.contains_key(*path) && !bytes.is_empty()).collect();
        assert!(made.iter().all(|(path, _)| **path == shm), "{made:?}");
    }
}

#[test]
fn recording_begins_once_there_is_room() {
    let Some(broken) = Broken::new().with_disk() else { return };
    let ballast = broken.store.with_file_name("ballast");
    fs::write(&ballast, vec![1; 4 << 20]).unwrap_err();
    let args = ["--config", broken.config.to_str().unwrap()];
    let mut terminal = Terminal::start(command(&qd(), broken.home.path(), &args), 120, 30);
    terminal.until("no room", |text| text.contains("shop UP") && text.contains("not recorded"));
    fs::remove_file(&ballast).unwrap();
    terminal.until("recording", |text| text.contains("shop UP") && !text.contains("not recorded"));
    // The lease comes first, and the next result after it.
    let mut store = Sqlite::open(&broken.store, &Options::default()).unwrap();
    let check = "shop@prod/port".parse().unwrap();
    eventually("a result in the store", || !store.results(&check, Timestamp(0)).unwrap().is_empty());
    terminal.keys("q");
    terminal.ended().clean();
}
