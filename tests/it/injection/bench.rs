//! A home directory, and what was called in it.
use std::{
    collections::BTreeMap,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use quarterdeck::core::{runs::Build, time::Timestamp};
use sha2::Digest as _;

/// The words of one call.
pub(super) type Call = Vec<String>;

/// Commands that are noted, and only answer what the case has them say.
const NOTED: [&str; 22] = [
    "ansible-playbook",
    "apache2ctl",
    "apachectl",
    "apt-get",
    "aws",
    "composer",
    "curl",
    "dmesg",
    "docker",
    "dpkg",
    "git",
    "kubectl",
    "nginx",
    "node",
    "php",
    "pm2",
    "ps",
    "pwned",
    "ss",
    "systemctl",
    "tool",
    "wget",
];

/// A home directory, and commands beside it.
pub(super) struct Bench {
    dir: tempfile::TempDir,
    asked: String,
}

impl Bench {
    /// Makes one. `answers` are the arms of a `case` over a command and its words.
    pub(super) fn new(answers: &str, asked: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("bin")).unwrap();
        std::fs::create_dir(dir.path().join("home")).unwrap();
        let write = |name: &str, text: &str| {
            let file = dir.path().join("bin").join(name);
            std::fs::write(&file, text).unwrap();
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
        };
        let note = r#"printf '%s\000' "${0##*/}" "$@" >>"$NOTES"; printf '\036\000' >>"$NOTES""#;
        let noted = format!("#!/bin/sh\n{note}\ncase \"${{0##*/}} $*\" in\n{answers}\n*) ;;\nesac\n");
        write(".noted", &noted);
        for name in NOTED {
            std::os::unix::fs::symlink(".noted", dir.path().join("bin").join(name)).unwrap();
        }
        write("sudo", &format!("#!/bin/sh\n{note}\nshift\nexec \"$@\"\n"));
        Self { dir, asked: asked.to_owned() }
    }

    /// The home directory.
    pub(super) fn home(&self) -> PathBuf {
        self.dir.path().join("home")
    }

    /// Writes a file there.
    pub(super) fn write(&self, name: &str, text: &str) {
        let file = self.home().join(name);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
    }

    /// Leaves a lock whose run is dead.
    pub(super) fn lock(&self, path: &str) {
        let Some(path) = path.strip_prefix("~/") else { return };
        self.write(path, "uid=qd-000000000000\npid=999999999\nby=ana\n");
        self.write(".quarterdeck/runs/qd-000000000000/journal", "1 start 0\n");
    }

    /// An archive that is on the host already.
    pub(super) fn build(&self) -> Build {
        let (folder, file) = (self.dir.path().join("build"), self.dir.path().join("build.tar"));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("server.js"), "").unwrap();
        let mut tar = Command::new("tar");
        tar.args(["--sort=name", "--mtime=@0", "-C"]).arg(&folder).arg("-cf").arg(&file).arg(".");
        assert!(tar.status().unwrap().success());
        let bytes = std::fs::read(&file).unwrap();
        let sha256: String = sha2::Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        let uploads = self.home().join(".quarterdeck/uploads");
        std::fs::create_dir_all(&uploads).unwrap();
        std::fs::write(uploads.join(&sha256), &bytes).unwrap();
        let bytes = u64::try_from(bytes.len()).unwrap();
        Build { path: file.display().to_string(), version: "v1".into(), sha256, bytes, made: Timestamp(0) }
    }

    /// Runs a text in a shell, as a step of a run does. Nothing waits, and each look at the clock is minutes after the last.
    pub(super) fn run(&self, shell: &[&str], text: &str) {
        let clock = self.dir.path().join("clock");
        if !clock.exists() {
            std::fs::write(&clock, "1700000000\n").unwrap();
        }
        let before = "sleep() { :; }\n\
                      date() { read -r qd_now <\"$CLOCK\"; qd_now=$((qd_now + 400)); echo $qd_now >\"$CLOCK\"; echo $qd_now; }\n";
        _ = Command::new(shell[0])
            .args(&shell[1..])
            .args(["-c", &format!("{before}{text}")])
            .current_dir(self.home())
            .env_clear()
            .env("HOME", self.home())
            .env("PATH", format!("{}:/usr/bin:/bin", self.dir.path().join("bin").display()))
            .env("NOTES", self.dir.path().join("notes"))
            .env("CLOCK", clock)
            .env("ASKED", &self.asked)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .unwrap();
    }

    /// Returns what was called since the last time.
    pub(super) fn calls(&self) -> Vec<Call> {
        let notes = self.dir.path().join("notes");
        let text = std::fs::read(&notes).unwrap_or_default();
        _ = std::fs::remove_file(notes);
        let here = self.dir.path().display().to_string();
        let text = String::from_utf8(text).unwrap();
        let calls = text.split_terminator("\u{1e}\0");
        calls.map(|call| call.split_terminator('\0').map(|word| word.replace(&here, "BENCH")).collect()).collect()
    }

    /// Returns all that stands in the home directory, with what it holds.
    pub(super) fn files(&self) -> BTreeMap<String, String> {
        let mut found = BTreeMap::new();
        self.add(&self.home(), &mut found);
        found
    }

    fn add(&self, folder: &Path, found: &mut BTreeMap<String, String>) {
        let process = regex::Regex::new(r"lock\.\d+").unwrap();
        for entry in std::fs::read_dir(folder).unwrap() {
            let (path, kind) = entry.map(|entry| (entry.path(), entry.file_type().unwrap())).unwrap();
            let here = self.dir.path().display().to_string();
            let name = path.strip_prefix(self.home()).unwrap().to_str().unwrap().to_owned();
            // A folder that a process made for itself is called after it.
            let name = process.replace(&name, "lock.PID").into_owned();
            let holds = if kind.is_symlink() {
                format!("-> {}", std::fs::read_link(&path).unwrap().to_str().unwrap())
            } else if kind.is_dir() {
                self.add(&path, found);
                "a folder".to_owned()
            } else {
                String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned()
            };
            if !path.starts_with(self.home().join(".quarterdeck/uploads")) {
                found.insert(name, holds.replace(&here, "BENCH"));
            }
        }
    }
}
