//! What goes wrong with files and disks: said clearly, and nothing is overwritten.
use std::{
    fs::{self, Permissions},
    os::unix::{
        fs::{MetadataExt as _, PermissionsExt as _},
        process::CommandExt as _,
    },
    path::{Path, PathBuf},
    process::Command,
};

use quarterdeck::store::IfMissing;

use super::*;

const PATH: &str = "QD_TEST_STORE_OPEN";
/// The user `nobody`, whom file rights hold back.
const NOBODY: u32 = 65_534;

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_store_is_made_for_its_owner_only_or_for_the_group_that_shares_its_directory() {
    let dir = TempDir::new().unwrap();
    let own = dir.path().join("state/quarterdeck/qd.db");
    let store = Sqlite::open(&own, &Options::default()).unwrap();
    assert_eq!((mode(own.parent().unwrap()), mode(&own)), (0o700, 0o600));
    assert_eq!(mode(&own.with_file_name("qd.db-wal")), 0o600);
    drop(store);
    let shared = dir.path().join("shared");
    fs::create_dir(&shared).unwrap();
    set_mode(&shared, 0o2770);
    let file = shared.join("qd.db");
    let store = Sqlite::open(&file, &Options::default()).unwrap();
    assert_eq!((mode(&file), mode(&shared.join("qd.db-wal"))), (0o660, 0o660));
    drop(store);
}

#[test]
fn what_only_reads_makes_nothing() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("sub/qd.db");
    let options = Options { if_missing: IfMissing::Fail, ..Options::default() };
    assert!(matches!(Sqlite::open(&path, &options), Err(StoreError::Missing { .. })));
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn another_file_is_left_as_it_is() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("qd.db");
    for content in ["x", "SQLite format 2\0 and more", &"a letter to a friend\n".repeat(500)] {
        fs::write(&path, content).unwrap();
        let error = Sqlite::open(&path, &Options::default()).unwrap_err();
        assert!(matches!(error, StoreError::NotOurs { .. }), "{error}");
        assert!(error.report().to_string().contains("left as it is"));
        assert_eq!(fs::read_to_string(&path).unwrap(), content);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "no file beside it");
    }
    let error = Sqlite::open(dir.path(), &Options::default()).unwrap_err();
    assert!(matches!(error, StoreError::CannotOpen { .. }), "{error}");
}

#[test]
fn a_newer_format_is_left_as_it_is() {
    let dir = TempDir::new().unwrap();
    drop(open(&dir));
    let path = dir.path().join("qd.db");
    let mut bytes = fs::read(&path).unwrap();
    // The format stands at offset 60 of the header, big-endian.
    bytes[60..64].copy_from_slice(&7_u32.to_be_bytes());
    fs::write(&path, &bytes).unwrap();
    let error = Sqlite::open(&path, &Options::default()).unwrap_err();
    assert!(matches!(error, StoreError::Newer { found: 7, known: 6, .. }), "{error}");
    assert_eq!(error.to_string(), format!("the store {} has format 7, this version knows up to 6", path.display()));
    assert_eq!(fs::read(&path).unwrap(), bytes);
}

/// Not a test of its own: opens a store as another user and says what came of it.
#[test]
fn open_as_told() {
    let Ok(path) = std::env::var(PATH) else { return };
    let said = match Sqlite::open(Path::new(&path), &Options::default()) {
        Ok(mut store) => match store.commit(&[note(1, "written")], None) {
            Ok(_) => "written".to_owned(),
            Err(error) => format!("not written: {error:?}"),
        },
        Err(error) => format!("not opened: {error:?} / {}", error.report()),
    };
    println!("@{}", said.replace('\n', " "));
}

/// Opens a store as somebody whom rights hold back, which root is not.
struct Somebody {
    dir: TempDir,
    binary: PathBuf,
}

impl Somebody {
    fn new() -> Self {
        let dir = TempDir::new().unwrap();
        set_mode(dir.path(), 0o755);
        // The build directory may be closed to others.
        let binary = dir.path().join("test-binary");
        fs::copy(std::env::current_exe().unwrap(), &binary).unwrap();
        Self { dir, binary }
    }

    fn is_root(&self) -> bool {
        fs::metadata(self.dir.path()).unwrap().uid() == 0
    }

    /// Makes a directory of theirs with a store in it.
    fn store(&self, name: &str) -> PathBuf {
        let path = self.dir.path().join(name).join("qd.db");
        fs::create_dir(path.parent().unwrap()).unwrap();
        drop(Sqlite::open(&path, &Options::default()).unwrap());
        if self.is_root() {
            for path in [&path, path.parent().unwrap()] {
                std::os::unix::fs::chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
            }
        }
        path
    }

    fn open(&self, path: &Path) -> String {
        let mut command = Command::new(&self.binary);
        command.args(["--exact", "store::failures::open_as_told", "--nocapture"]).env(PATH, path).current_dir("/");
        if self.is_root() {
            command.uid(NOBODY).gid(NOBODY);
        }
        let output = String::from_utf8(command.output().unwrap().stdout).unwrap();
        let said = output.lines().find_map(|line| line.split_once('@').map(|(_, said)| said.to_owned()));
        said.unwrap_or_else(|| panic!("{output}"))
    }
}

#[test]
fn rights_that_are_missing_are_named() {
    let somebody = Somebody::new();
    assert_eq!(somebody.open(&somebody.store("fine")), "written");

    let read_only_file = somebody.store("read-only-file");
    set_mode(&read_only_file, 0o444);
    let before = fs::read(&read_only_file).unwrap();
    let said = somebody.open(&read_only_file);
    assert!(said.starts_with("not opened: ReadOnly"), "{said}");
    assert!(said.contains("is read-only"), "{said}");
    assert_eq!(fs::read(&read_only_file).unwrap(), before);

    let read_only_directory = somebody.store("read-only-directory");
    set_mode(read_only_directory.parent().unwrap(), 0o555);
    let said = somebody.open(&read_only_directory);
    assert!(said.starts_with("not opened: CannotOpen") || said.starts_with("not opened: ReadOnly"), "{said}");
    assert!(said.contains("directory"), "{said}");

    let closed_file = somebody.store("closed-file");
    set_mode(&closed_file, 0o000);
    let said = somebody.open(&closed_file);
    assert!(said.starts_with("not opened: CannotOpen") && said.contains("ermission denied"), "{said}");

    let closed_directory = somebody.store("closed-directory");
    set_mode(closed_directory.parent().unwrap(), 0o000);
    let said = somebody.open(&closed_directory);
    assert!(said.starts_with("not opened: CannotOpen") && said.contains("ermission denied"), "{said}");
    set_mode(closed_directory.parent().unwrap(), 0o700);

    let nowhere = somebody.store("parent").parent().unwrap().join("sub/qd.db");
    set_mode(nowhere.parent().unwrap().parent().unwrap(), 0o555);
    let said = somebody.open(&nowhere);
    assert!(said.starts_with("not opened: NoDirectory") && said.contains("XDG_STATE_HOME"), "{said}");
}

/// A small file system of its own; none where this login may not mount one.
struct SmallDisk {
    dir: TempDir,
}

impl SmallDisk {
    fn mount() -> Option<Self> {
        let dir = TempDir::new().unwrap();
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=1m", "tmpfs"]).arg(dir.path()).output();
        if mounted.is_ok_and(|output| output.status.success()) {
            return Some(Self { dir });
        }
        eprintln!("SKIPPED: no tmpfs can be mounted here; the limit of pages in the unit tests stands in for it");
        None
    }

    fn remount(&self, how: &str) {
        let options = format!("remount,{how}");
        assert!(Command::new("mount").args(["-o", &options]).arg(self.dir.path()).status().unwrap().success());
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily, so that a failed test leaves nothing mounted either.
        Command::new("umount").arg("-l").arg(self.dir.path()).status().ok();
    }
}

#[test]
fn a_full_disk_costs_nothing_that_was_there_and_recording_goes_on_after_it() {
    let Some(disk) = SmallDisk::mount() else { return };
    let ballast = disk.dir.path().join("ballast");
    fs::write(&ballast, vec![1; 300 * 1024]).unwrap();
    let path = disk.dir.path().join("qd.db");
    let mut store = Sqlite::open(&path, &Options::default()).unwrap();
    let mut written = 0;
    let error = loop {
        match store.commit(&[note(1, &"x".repeat(2_000)), audit(&"y".repeat(2_000))], None) {
            Ok(_) => written += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(error, StoreError::Full { .. }), "{error:?}");
    assert!(error.is_passing() && written > 0);
    assert_eq!(store.open_state(everything()).unwrap().incidents.len(), written, "what was there can be read");
    let late = Sqlite::open(&path, &Options::default());
    assert!(late.is_ok_and(|mut late| late.audit_verify().unwrap().broken.is_none()), "another console starts");
    fs::remove_file(&ballast).unwrap();
    store.commit(&[note(1, "after"), audit("after")], None).unwrap();
    let audit = store.audit_verify().unwrap();
    assert_eq!((audit.broken, audit.entries), (None, u64::try_from(written).unwrap() + 1));

    // No room for even an empty store.
    drop(store);
    fs::remove_file(&path).unwrap();
    fs::write(&ballast, vec![1; 4 * 1024 * 1024]).unwrap_err();
    let error = Sqlite::open(&path, &Options::default()).unwrap_err();
    assert!(matches!(error, StoreError::Full { .. }), "{error:?}");
}

#[test]
fn a_read_only_file_system_is_named_and_taken_up_again_when_it_is_writable() {
    let Some(disk) = SmallDisk::mount() else { return };
    let path = disk.dir.path().join("qd.db");
    let mut store = Sqlite::open(&path, &Options::default()).unwrap();
    store.commit(&[note(1, "before")], None).unwrap();
    drop(store);
    let before = fs::read(&path).unwrap();
    disk.remount("ro");
    let error = Sqlite::open(&path, &Options::default()).unwrap_err();
    assert!(matches!(error, StoreError::ReadOnly { .. }), "{error:?}");
    let error = Sqlite::open(&path.with_file_name("new.db"), &Options::default()).unwrap_err();
    assert!(matches!(error, StoreError::ReadOnly { .. }), "{error:?}");
    disk.remount("rw");
    assert_eq!(fs::read(&path).unwrap(), before);
    let mut store = Sqlite::open(&path, &Options::default()).unwrap();
    store.commit(&[note(1, "after")], None).unwrap();
    assert_eq!(store.open_state(everything()).unwrap().incidents.len(), 2);
}
