//! A real OpenSSH server per test: own port, own host keys, own user key, own home; stopped by its pid.
use std::{
    fmt::Write as _,
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{Arc, Mutex},
};

use sha2::Digest as _;
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::Child,
};

/// How a server is to be.
#[derive(Clone, Debug, Default)]
pub(crate) struct Setup {
    /// Further lines of its configuration.
    pub(crate) lines: Vec<String>,
    /// Types of host keys: `ed25519`, `rsa`, `ecdsa`. One ed25519 key when empty.
    pub(crate) host_keys: Vec<&'static str>,
    /// Host key files to take instead of new ones.
    pub(crate) host_key_files: Vec<PathBuf>,
    /// What is called `sh` for whoever logs in; a busybox brings its own tools, and no others are found.
    pub(crate) sh: Option<PathBuf>,
    /// Login shell, instead of what the machine's own list of users says. Needs root.
    pub(crate) shell: Option<PathBuf>,
    /// A server that is nobody special, for a user without rights who exists only in its sight. Needs root to be set up.
    pub(crate) unprivileged: bool,
    /// Whether it is a machine of its own to whoever logs in, by its `/etc/machine-id`. Needs root, and a machine that has one.
    pub(crate) own_machine: bool,
    /// Whether `sudo` asks the user without rights for a password, [`PASSWORD`]; nobody else's list of passwords is touched. Needs
    /// root, a `sudo` of the machine, and `unprivileged`.
    pub(crate) sudo: Option<Sudo>,
    /// How large the disk is that its HOME is on, as in `4m`. Needs root. Only it sees what is there: [`Sshd::inside`].
    pub(crate) room: Option<&'static str>,
}

/// Name and number of the user without rights; no machine has it.
const NOBODY: (&str, u32) = ("qd-tester", 61_234);

/// What `sudo` is there.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sudo {
    /// More lines of its configuration.
    pub(crate) lines: &'static str,
}

/// What the user without rights has for a password where `sudo` asks: with everything that a shell would take for its own.
pub(crate) const PASSWORD: &str = "it's $HOME; `x` \"&\" 4";
const HASH: &str =
    "$6$quarterdeck$tusreFOiJSqRxzpyO1jVcfmgqPE3ukyNKJ1XlyPH1AJXNM/pk7eLqhg142Bdrf95dPcgENq4gAJcv03jjlGLw.";

/// A running server.
pub(crate) struct Sshd {
    /// Holds everything; its `home` is HOME of whoever logs in.
    pub(crate) dir: TempDir,
    /// Where it listens on 127.0.0.1.
    pub(crate) port: u16,
    /// The login name: who runs the test.
    pub(crate) user: String,
    child: Child,
    log: Arc<Mutex<String>>,
    how: How,
}

/// How a server is started.
#[derive(Clone, Debug)]
struct How {
    config: PathBuf,
    /// The list of users it sees.
    sight: Option<PathBuf>,
    /// What stands in its `/etc/machine-id`.
    machine_id: Option<PathBuf>,
    /// Files that stand in the place of the machine's own.
    instead: Vec<(PathBuf, &'static str)>,
    /// HOME, and how large it is.
    room: Option<(PathBuf, &'static str)>,
    unprivileged: bool,
}

/// Returns the machine's list of users with one of them as wanted.
fn passwd(user: &str, home: &Path, shell: &Path) -> String {
    let known = std::fs::read_to_string("/etc/passwd").unwrap();
    let (prefix, shell) = (format!("{user}:"), shell.display());
    let mut text = String::new();
    for line in known.lines() {
        match line.rsplit_once(':').filter(|_| line.starts_with(&prefix)) {
            Some((before, _)) => writeln!(text, "{before}:{shell}").unwrap(),
            None => writeln!(text, "{line}").unwrap(),
        }
    }
    if user == NOBODY.0 {
        writeln!(text, "{user}:*:{0}:{0}::{1}:{shell}", NOBODY.1, home.display()).unwrap();
    }
    text
}

/// Fills a folder with the tools of whoever logs in, and returns the setting of PATH for it.
fn tools(sh: &Path, folder: &Path) -> String {
    std::fs::create_dir(folder).unwrap();
    if sh.ends_with("busybox") {
        assert!(Command::new(sh).args(["--install", "-s"]).arg(folder).status().unwrap().success());
        return format!("PATH={}", folder.display());
    }
    std::os::unix::fs::symlink(sh, folder.join("sh")).unwrap();
    format!("PATH={}:/usr/bin:/bin", folder.display())
}

/// Makes a key pair at `file`.
pub(crate) fn keygen(file: &Path, kind: &str, passphrase: &str) {
    let mut command = Command::new("ssh-keygen");
    command.args(["-q", "-t", kind, "-N", passphrase, "-C", "test", "-f"]).arg(file);
    if kind == "rsa" {
        command.args(["-b", "2048"]);
    }
    assert!(command.stdin(Stdio::null()).status().unwrap().success(), "ssh-keygen -t {kind}");
}

/// Says who runs the test.
pub(crate) fn login() -> String {
    let output = Command::new("id").arg("-un").output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

pub(crate) fn is_root() -> bool {
    let output = Command::new("id").arg("-u").output().unwrap();
    output.stdout.trim_ascii() == b"0"
}

fn sshd_binary() -> PathBuf {
    let places = ["/usr/sbin/sshd", "/usr/local/sbin/sshd", "/usr/bin/sshd", "/sbin/sshd"];
    places.iter().map(PathBuf::from).find(|path| path.exists()).expect("openssh-server is not installed")
}

impl Sshd {
    /// Starts a server with one ed25519 host key.
    pub(crate) async fn start() -> Self {
        Self::with(Setup::default()).await
    }

    /// Starts a server; returns once it listens.
    pub(crate) async fn with(setup: Setup) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        std::fs::create_dir(at("home")).unwrap();
        keygen(&at("id"), "ed25519", "");
        std::fs::copy(at("id.pub"), at("authorized_keys")).unwrap();
        let mut host_keys = setup.host_key_files.clone();
        let kinds = if setup.host_keys.is_empty() && host_keys.is_empty() { vec!["ed25519"] } else { setup.host_keys };
        for kind in kinds {
            let file = at(&format!("host_{kind}"));
            keygen(&file, kind, "");
            host_keys.push(file);
        }
        if is_root() {
            // The privilege separation directory, which the distribution's start script would make.
            std::fs::create_dir_all("/run/sshd").unwrap();
        }
        let user = if setup.unprivileged { NOBODY.0.to_owned() } else { login() };
        let sight = (setup.shell.is_some() || setup.unprivileged).then(|| {
            let shell = setup.shell.clone().unwrap_or_else(|| "/bin/sh".into());
            let mut text = passwd(&user, &at("home"), &shell);
            if setup.sudo.is_some() {
                // What it is stands in the list of passwords.
                text = text.replace(&format!("{}:*:", NOBODY.0), &format!("{}:x:", NOBODY.0));
            }
            std::fs::write(at("passwd"), text).unwrap();
            at("passwd")
        });
        let machine_id = (setup.own_machine && is_root() && Path::new("/etc/machine-id").exists()).then(|| {
            let id = sha2::Sha256::digest(dir.path().as_os_str().as_encoded_bytes());
            let id = id.iter().take(16).fold(0_u128, |number, byte| number << 8 | u128::from(*byte));
            std::fs::write(at("machine-id"), format!("{id:032x}\n")).unwrap();
            at("machine-id")
        });
        let path = setup.sh.as_ref().map(|sh| tools(sh, &at("tools")));
        let log = Arc::new(Mutex::new(String::new()));
        for _ in 0..20 {
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            let mut text = format!(
                "ListenAddress 127.0.0.1\nPort {port}\nPidFile none\nAuthorizedKeysFile {}\nStrictModes no\nUsePAM {}\n\
                 PermitRootLogin yes\nPasswordAuthentication no\nKbdInteractiveAuthentication no\nPrintMotd no\n\
                 SetEnv HOME={} {}\n",
                at("authorized_keys").display(),
                if is_root() && !setup.unprivileged { "yes" } else { "no" },
                at("home").display(),
                path.as_deref().unwrap_or_default(),
            );
            for key in &host_keys {
                writeln!(text, "HostKey {}", key.display()).unwrap();
            }
            for line in &setup.lines {
                writeln!(text, "{line}").unwrap();
            }
            std::fs::write(at("sshd_config"), text).unwrap();
            if setup.unprivileged {
                let mut own = Command::new("chown");
                own.args(["-R", &format!("{0}:{0}", NOBODY.1)]).arg(dir.path());
                assert!(own.status().unwrap().success(), "chown needs root");
            }
            let instead = setup.sudo.map_or_else(Vec::new, |sudo| asking(dir.path(), &user, sudo));
            let (sight, machine_id) = (sight.clone(), machine_id.clone());
            let room = setup.room.map(|size| (at("home"), size));
            let how =
                How { config: at("sshd_config"), sight, machine_id, instead, room, unprivileged: setup.unprivileged };
            if let Some(child) = serve(&how, &log).await {
                return Self { dir, port, user, child, log, how };
            }
        }
        panic!("sshd does not start: {}", log.lock().unwrap());
    }

    /// Returns the address.
    pub(crate) fn address(&self) -> SocketAddr {
        ([127, 0, 0, 1], self.port).into()
    }

    /// Returns a file's path in the server's directory.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Returns the private key that may log in.
    pub(crate) fn identity(&self) -> PathBuf {
        self.path("id")
    }

    /// Returns HOME of whoever logs in.
    pub(crate) fn home(&self) -> PathBuf {
        self.path("home")
    }

    /// Returns a host key's algorithm and base64, as in known_hosts.
    pub(crate) fn host_key(&self, kind: &str) -> String {
        public_key(&self.path(&format!("host_{kind}.pub")))
    }

    /// Returns HOME as only this server and its sessions see it. Needs root.
    pub(crate) fn inside(&self) -> PathBuf {
        let home = self.home();
        Path::new(&format!("/proc/{}/root", self.child.id().unwrap())).join(home.strip_prefix("/").unwrap())
    }

    /// Makes a file or folder one of whoever logs in.
    pub(crate) fn give(&self, path: &Path) {
        if self.how.unprivileged {
            let owner = format!("{0}:{0}", NOBODY.1);
            assert!(Command::new("chown").args(["-R", &owner]).arg(path).status().unwrap().success());
        }
    }

    /// Writes a known_hosts file that knows this server's keys under a port, and returns its path.
    pub(crate) fn known_hosts(&self, port: u16) -> PathBuf {
        let file = self.path(&format!("known_hosts_{port}"));
        let mut text = String::new();
        for kind in ["ed25519", "ecdsa", "rsa"] {
            if self.path(&format!("host_{kind}.pub")).exists() {
                writeln!(text, "[127.0.0.1]:{port} {}", self.host_key(kind)).unwrap();
            }
        }
        std::fs::write(&file, text).unwrap();
        file
    }

    /// Lets another key log in.
    pub(crate) fn authorize(&self, public: &Path) {
        let mut text = std::fs::read_to_string(self.path("authorized_keys")).unwrap();
        text.push_str(&std::fs::read_to_string(public).unwrap());
        std::fs::write(self.path("authorized_keys"), text).unwrap();
    }

    /// Returns what it has logged so far.
    pub(crate) fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// Returns the pid of the server itself.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id().expect("the server ended")
    }

    /// Sends a signal to the listening process, by name without SIG.
    pub(crate) fn signal(&self, name: &str) {
        if let Some(pid) = self.child.id() {
            signal(pid, name);
        }
    }

    /// Returns the processes that serve this server's connections.
    pub(crate) fn sessions(&self) -> Vec<u32> {
        self.child.id().map(children).unwrap_or_default()
    }

    /// Ends the server and every connection it serves, as a host that goes down.
    pub(crate) async fn stop(&mut self) {
        for pid in self.sessions() {
            for inner in children(pid) {
                signal(inner, "KILL");
            }
            signal(pid, "KILL");
        }
        self.child.kill().await.unwrap();
    }

    /// Starts it again on the same port.
    pub(crate) async fn restart(&mut self) {
        self.child = serve(&self.how, &self.log).await.expect("sshd does not start again");
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        for pid in self.sessions() {
            for inner in children(pid) {
                signal(inner, "KILL");
            }
            signal(pid, "KILL");
        }
    }
}

/// Returns a public key's algorithm and base64.
pub(crate) fn public_key(file: &Path) -> String {
    let text = std::fs::read_to_string(file).unwrap();
    text.split_whitespace().take(2).collect::<Vec<_>>().join(" ")
}

/// Sends a signal to one process.
pub(crate) fn signal(pid: u32, name: &str) {
    Command::new("kill").args(["-s", name, "--", &pid.to_string()]).stderr(Stdio::null()).status().unwrap();
}

/// Returns a process's children.
pub(crate) fn children(of: u32) -> Vec<u32> {
    processes().into_iter().filter(|process| process.parent == of).map(|process| process.pid).collect()
}

/// A process of this machine.
#[derive(Clone, Debug)]
pub(crate) struct Process {
    /// Its id.
    pub(crate) pid: u32,
    /// Its parent's id.
    pub(crate) parent: u32,
    /// Its arguments, joined by blanks.
    pub(crate) command: String,
}

/// Lists this machine's processes that are not zombies.
pub(crate) fn processes() -> Vec<Process> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        let (Ok(stat), Ok(command)) =
            (std::fs::read_to_string(entry.path().join("stat")), std::fs::read(entry.path().join("cmdline")))
        else {
            continue;
        };
        let Some((_, rest)) = stat.rsplit_once(')') else { continue };
        let mut words = rest.split_whitespace();
        let (state, parent) = (words.next().unwrap_or("Z"), words.next().and_then(|word| word.parse().ok()));
        if let Some(parent) = parent.filter(|_| state != "Z") {
            let command = String::from_utf8_lossy(&command).replace('\0', " ");
            found.push(Process { pid, parent, command });
        }
    }
    found
}

/// Says whether a process whose arguments hold this text is alive.
pub(crate) fn runs(text: &str) -> bool {
    processes().iter().any(|process| process.command.contains(text))
}

/// What goes before a command that sees one file in the place of another.
fn mounted(instead: &Path, file: &str) -> Vec<String> {
    // A mount of its own: nobody else sees another list of users, and nothing is to be undone.
    let script = r#"mount --bind "$1" "$2" && shift 2 && exec "$@""#;
    let mut words = ["unshare", "-m", "sh", "-c", script, "sh"].map(str::to_owned).to_vec();
    words.extend([instead.display().to_string(), file.to_owned()]);
    words
}

/// Writes what makes `sudo` ask a user for [`PASSWORD`]: files that only their server sees.
fn asking(dir: &Path, user: &str, sudo: Sudo) -> Vec<(PathBuf, &'static str)> {
    use std::os::unix::fs::PermissionsExt as _;

    let own = dir.join("sudo");
    std::fs::create_dir(&own).or_else(|error| if own.exists() { Ok(()) } else { Err(error) }).unwrap();
    let shadow = std::fs::read_to_string("/etc/shadow").unwrap() + &format!("{user}:{HASH}:19000::::::\n");
    // Each time anew, without words of the machine's own; what it says of itself goes to a file here.
    let rules = format!(
        "Defaults !syslog,!fqdn,timestamp_timeout=0,logfile={0}/log,timestampdir={0}/ts\n{1}\nroot ALL=(ALL) ALL\n",
        own.display(),
        sudo.lines.replace("USER", user)
    );
    let pam = "auth required pam_unix.so nodelay\naccount required pam_unix.so\nsession required pam_permit.so\n";
    let files =
        [("shadow", shadow, "/etc/shadow"), ("rules", rules, "/etc/sudoers"), ("pam", pam.into(), "/etc/pam.d/sudo")];
    files
        .map(|(name, text, file)| {
            let path = own.join(name);
            _ = std::fs::remove_file(&path);
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o440)).unwrap();
            (path, file)
        })
        .to_vec()
}

async fn serve(how: &How, log: &Arc<Mutex<String>>) -> Option<Child> {
    let mut words: Vec<String> = Vec::new();
    for (file, instead) in [("/etc/passwd", &how.sight), ("/etc/machine-id", &how.machine_id)] {
        let Some(instead) = instead else { continue };
        words.extend(mounted(instead, file));
    }
    for (instead, file) in &how.instead {
        words.extend(mounted(instead, file));
    }
    if let Some((home, size)) = &how.room {
        let script = r#"mount -t tmpfs -o size="$2" qd "$1" && shift 2 && exec "$@""#;
        words.extend(["unshare", "-m", "sh", "-c", script, "sh"].map(str::to_owned));
        words.extend([home.display().to_string(), (*size).to_owned()]);
    }
    if how.unprivileged {
        let id = NOBODY.1;
        let ids = [format!("--reuid={id}"), format!("--regid={id}")];
        words.extend(["setpriv".to_owned()].into_iter().chain(ids).chain(["--clear-groups".to_owned()]));
    }
    words.push(sshd_binary().display().to_string());
    let mut child = tokio::process::Command::new(&words[0])
        .args(&words[1..])
        .args(["-D", "-e", "-f"])
        .arg(&how.config)
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let keep = |line: &str, log: &Mutex<String>| {
        let mut log = log.lock().unwrap();
        log.push_str(line);
        log.push('\n');
    };
    loop {
        let line = tokio::time::timeout(super::HANG, lines.next_line()).await.ok()?.ok()??;
        keep(&line, log);
        if line.contains("Server listening on") {
            break;
        }
    }
    let log = Arc::clone(log);
    let drain = async move {
        while let Ok(Some(line)) = lines.next_line().await {
            keep(&line, &log);
        }
    };
    super::tasks().spawn("sshd log", drain).detach();
    Some(child)
}
