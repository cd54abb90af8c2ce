//! The sources against real parts: this machine, OpenSSH on loopback, a real PM2.
use std::{
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
};

use quarterdeck::{
    core::{
        hosts::{HostSample, Pm2List},
        id::HostName,
        inventory::Host,
    },
    remote::{Remote, ssh::Pool},
    sources::{self, Context, Deliver, Reading, Source as _, SourceError},
};
use tokio::{sync::mpsc, time::timeout};

use crate::{
    ssh::{host, options, pool},
    support::{
        HANG, clock, eventually,
        sshd::{self, Sshd},
        tasks,
    },
};

/// Hands readings to the test.
struct Hand(mpsc::UnboundedSender<Reading>);

impl Deliver for Hand {
    fn reading(&self, _: &HostName, _: &'static str, reading: Reading) {
        self.0.send(reading).ok();
    }
}

/// A host, and the way there.
pub(crate) struct There {
    host: Arc<Host>,
    remote: Arc<Pool>,
}

impl There {
    /// This machine, without SSH.
    fn local(change: impl FnOnce(&mut Host)) -> Self {
        let mut here = host("here", "local", None, None);
        change(&mut here);
        Self { remote: Arc::new(pool(vec![here.clone()], options(Vec::new()))), host: Arc::new(here) }
    }

    /// This machine through a server on loopback.
    pub(crate) fn through(sshd: &Sshd, change: impl FnOnce(&mut Host)) -> Self {
        let mut web = host("web", "127.0.0.1", Some(sshd.port), Some(sshd.identity()));
        web.user = Some(sshd.user.clone());
        change(&mut web);
        let options = options(vec![sshd.known_hosts(sshd.port)]);
        Self { remote: Arc::new(pool(vec![web.clone()], options)), host: Arc::new(web) }
    }

    fn context(&self) -> (Context, mpsc::UnboundedReceiver<Reading>) {
        let (send, readings) = mpsc::unbounded_channel();
        let context = Context {
            host: Arc::clone(&self.host),
            folders: Arc::new([]),
            remote: Arc::clone(&self.remote) as Arc<dyn Remote>,
            deliver: Arc::new(Hand(send)),
            clock: clock(),
            every_ms: 1_000,
        };
        (context, readings)
    }

    /// Samples until one is as wanted.
    async fn sample_with(&self, what: &str, wanted: impl Fn(&HostSample) -> bool) -> HostSample {
        let (context, mut readings) = self.context();
        let tasks = tasks();
        let sampling = tasks.spawn("sampler", sources::ssh_metrics::SshMetrics.run(context));
        let wait = async {
            loop {
                match readings.recv().await {
                    Some(Reading::Sample(sample)) if wanted(&sample) => return *sample,
                    Some(_) => {}
                    None => panic!("the sampler ended: {:?}", sampling.join().await),
                }
            }
        };
        let sample = timeout(HANG, wait).await.unwrap_or_else(|_| panic!("never came: {what}"));
        tasks.cancel();
        sample
    }

    /// Checks that a whole sample is this machine's, and that the home of who logs in has no PM2.
    pub(crate) async fn is_this_machine(&self) {
        assert_is_this_machine(&self.sample_with("a whole sample", is_whole).await);
        let top = self.sample_with("the busiest processes", |sample| !sample.top.is_empty()).await;
        assert!(top.top.iter().all(|process| process.pid > 0), "{:?}", top.top);
        let pm2 = self.pm2().await;
        assert!(matches!(&pm2, Err(SourceError::Absent(_)) | Ok(Pm2List { daemon: false, .. })), "{pm2:?}");
    }

    async fn pm2(&self) -> Result<Pm2List, SourceError> {
        sources::pm2::ask(&self.context().0).await
    }
}

fn proc(file: &str, key: &str) -> u64 {
    let text = std::fs::read_to_string(Path::new("/proc").join(file)).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(key)).unwrap();
    line.split_whitespace().next().unwrap().split('.').next().unwrap().parse().unwrap()
}

/// Compares a whole sample with what this machine's /proc says.
fn assert_is_this_machine(sample: &HostSample) {
    assert_eq!(sample.mem_total_bytes, Some(proc("meminfo", "MemTotal:") * 1_024));
    let used = (proc("meminfo", "MemTotal:") - proc("meminfo", "MemAvailable:")) * 1_024;
    let apart = sample.mem_used_bytes.unwrap().abs_diff(used);
    assert!(apart < 4 << 30, "used {:?}, /proc says {used}", sample.mem_used_bytes);
    assert_eq!(sample.swap_total_bytes, Some(proc("meminfo", "SwapTotal:") * 1_024));
    let cores =
        std::fs::read_to_string("/proc/stat").unwrap().lines().filter(|line| line.starts_with("cpu")).count() - 1;
    assert_eq!((sample.core_count, sample.cores_pct.len()), (Some(u32::try_from(cores).unwrap()), cores));
    let pct = |pct: Option<f32>| (0.0..=100.0).contains(&pct.unwrap());
    assert!(pct(sample.cpu_pct) && pct(sample.steal_pct), "{:?} {:?}", sample.cpu_pct, sample.steal_pct);
    assert!(sample.uptime_s.unwrap().abs_diff(proc("uptime", "")) <= 60);
    assert!(sample.skew_ms.unwrap().abs() < 5_000, "the same clock: {:?}", sample.skew_ms);
    assert!(sample.load.is_some() && sample.net.is_some());
    let root = sample.disks.iter().find(|disk| disk.mount == "/").expect("a root file system");
    assert!(root.size_bytes > 0 && root.free_pct().is_some());
    assert_eq!(sample.psi.is_some(), Path::new("/proc/pressure/cpu").exists());
}

fn is_whole(sample: &HostSample) -> bool {
    sample.cpu_pct.is_some() && !sample.disks.is_empty()
}

/// Ends a process with the test.
struct Reaped(std::process::Child);

impl Drop for Reaped {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// Writes a program into a folder that goes before PATH.
fn program(folder: &Path, name: &str, text: &str) {
    let file = folder.join(name);
    std::fs::write(&file, format!("#!/bin/sh\n{text}\n")).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
}

#[tokio::test]
async fn this_machine_is_sampled_without_ssh() {
    let here = There::local(|_| {});
    let sample = here.sample_with("a whole sample", is_whole).await;
    assert_is_this_machine(&sample);
    assert_eq!(sample.rtt_ms, None, "there is no way to measure");
}

#[tokio::test]
async fn a_host_is_sampled_through_one_channel_that_leaves_nothing_behind() {
    let sshd = Sshd::start().await;
    let web = There::through(&sshd, |_| {});
    let sample =
        web.sample_with("a whole sample with a round trip", |sample| is_whole(sample) && sample.rtt_ms.is_some()).await;
    assert_is_this_machine(&sample);
    let log = sshd.log();
    assert_eq!(log.matches("Accepted publickey").count(), 1, "one login for all samples: {log}");
    // The source is gone: its loop on the host goes too, although the connection stays.
    eventually("the loop on the host ends", async || {
        sshd.sessions().into_iter().all(|session| !serves_anything(session))
    })
    .await;
    assert_eq!(sshd.sessions().len(), 1);
}

/// Says whether anything but the server itself runs below one of its connections.
fn serves_anything(session: u32) -> bool {
    let below = sshd::processes().into_iter().filter(|process| process.parent == session);
    below.into_iter().any(|process| !process.command.starts_with("sshd") || serves_anything(process.pid))
}

#[tokio::test]
async fn the_busiest_process_is_seen_with_its_user() {
    let spin = Command::new("sh").args(["-c", "while :; do :; done"]).stdin(Stdio::null()).spawn().unwrap();
    let spin = Reaped(spin);
    let here = There::local(|_| {});
    let is_seen = |sample: &HostSample| {
        sample.top.iter().any(|process| process.pid == spin.0.id() && process.cpu_pct > 1.0 && !process.user.is_empty())
    };
    let sample = here.sample_with("the spinning process", is_seen).await;
    let seen = sample.top.iter().find(|process| process.pid == spin.0.id()).unwrap();
    assert_eq!((seen.user.as_str(), seen.command.as_str()), (sshd::login().as_str(), "sh"), "arguments are left out");
}

#[tokio::test]
async fn a_df_that_hangs_holds_up_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let count = folder.path().join("count");
    program(folder.path(), "df", &format!("echo x >>{}; exec sleep 613", count.display()));
    let here = There::local(|host| host.path_prefix = vec![folder.path().display().to_string()]);
    let (context, mut readings) = here.context();
    let sampling = tasks();
    // Once a second, df is due every 15 blocks: past that only a second df could have begun.
    sampling.spawn("sampler", sources::ssh_metrics::SshMetrics.run(context)).detach();
    for _ in 0..18 {
        let Some(Reading::Sample(sample)) = timeout(HANG, readings.recv()).await.unwrap() else {
            panic!("the sampler ended")
        };
        assert!(sample.disks.is_empty() && sample.mem_total_bytes.is_some());
    }
    sampling.cancel();
    assert_eq!(std::fs::read_to_string(count).unwrap(), "x\n", "never a second one beside the first");
    eventually("the one that hangs ends with the sampler", async || !sshd::runs("sleep 613")).await;
}

#[tokio::test]
async fn a_host_that_floods_is_cut_off_and_slows_no_other() {
    let sshd = Sshd::start().await;
    let folder = tempfile::tempdir().unwrap();
    program(folder.path(), "grep", "exec yes");
    let flooding = There::through(&sshd, |host| host.path_prefix = vec![folder.path().display().to_string()]);
    let good = There::through(&sshd, |_| {});
    let (context, mut readings) = flooding.context();
    let flood = sources::ssh_metrics::SshMetrics.run(context);
    let (end, sample) = tokio::join!(timeout(HANG, flood), good.sample_with("a whole sample", is_whole));
    assert_is_this_machine(&sample);
    assert!(matches!(end.unwrap(), SourceError::Malformed(_)));
    assert!(readings.recv().await.is_none(), "nothing was believed");
}

#[tokio::test]
async fn a_machine_without_proc_says_so() {
    let sshd = Sshd::start().await;
    let folder = tempfile::tempdir().unwrap();
    program(folder.path(), "grep", "exit 1");
    let bare = There::through(&sshd, |host| host.path_prefix = vec![folder.path().display().to_string()]);
    let (context, _readings) = bare.context();
    let end = timeout(HANG, sources::ssh_metrics::SshMetrics.run(context)).await.unwrap();
    assert_eq!(end, SourceError::Malformed("the host printed nothing that looks like /proc: is it Linux?".into()));
}

#[tokio::test]
async fn units_are_asked_for_in_the_form_that_systemctl_knows() {
    let folder = tempfile::tempdir().unwrap();
    let old = "case \"$*\" in *--timestamp*) echo 'unrecognized option' >&2; exit 1;; esac\n\
               printf 'Id=mariadb.service\\nLoadState=loaded\\nActiveState=failed\\nNRestarts=3\\nActiveEnterTimestamp=Fri 2026-11-20 19:40:04 UTC\\n'";
    program(folder.path(), "systemctl", old);
    let here = There::local(|host| {
        host.path_prefix = vec![folder.path().display().to_string()];
        host.units = vec!["mysql.service".into()];
    });
    let units = sources::systemd::ask(&here.context().0).await.unwrap();
    assert_eq!(
        (units[0].unit.as_str(), units[0].active.as_str(), units[0].restarts),
        ("mysql.service", "failed", Some(3))
    );
    assert!(units[0].active_since.is_some());
    program(
        folder.path(),
        "systemctl",
        "echo 'System has not been booted with systemd as init system (PID 1).' >&2; exit 1",
    );
    let end = sources::systemd::ask(&here.context().0).await;
    assert!(matches!(&end, Err(SourceError::Absent(why)) if why.contains("not been booted")), "{end:?}");
}

/// A PM2 of its own, below the server's HOME.
struct Pm2 {
    command: PathBuf,
    home: PathBuf,
    path: String,
}

impl Pm2 {
    /// None where PM2 cannot be had, which is said aloud, and is a failure under CI.
    fn find(home: &Path) -> Option<Self> {
        let named = std::env::var_os("QD_TEST_PM2").map(PathBuf::from);
        let on_path = || {
            let path = std::env::var_os("PATH")?;
            std::env::split_paths(&path).map(|folder| folder.join("pm2")).find(|file| file.exists())
        };
        let Some(command) = named.or_else(on_path) else {
            assert!(std::env::var_os("CI").is_none(), "pm2 is missing: run tests/run, which installs it");
            println!("NOT SHOWN: pm2 is missing; tests/run installs it");
            return None;
        };
        let folder = command.parent().unwrap().display().to_string();
        let path = format!("{folder}:{}", std::env::var("PATH").unwrap());
        Some(Self { command, home: home.to_owned(), path })
    }

    /// The environment is empty but for what is needed, or the daemon would keep the test's own.
    fn run(&self, arguments: &[&str], secret: &str) {
        let mut command = Command::new(&self.command);
        command.env_clear().env("HOME", &self.home).env("PATH", &self.path).env("DB_PASSWORD", secret);
        let output = command.args(arguments).current_dir(&self.home).stdin(Stdio::null()).output().unwrap();
        assert!(output.status.success(), "pm2 {arguments:?}: {output:?}");
    }

    fn folder(&self) -> String {
        self.command.parent().unwrap().display().to_string()
    }

    fn daemon(&self) -> Option<u32> {
        std::fs::read_to_string(self.home.join(".pm2/pm2.pid")).ok()?.trim().parse().ok()
    }
}

impl Drop for Pm2 {
    fn drop(&mut self) {
        let mut command = Command::new(&self.command);
        command.env_clear().env("HOME", &self.home).env("PATH", &self.path).arg("kill");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().ok();
    }
}

#[tokio::test]
async fn pm2_is_read_without_its_environment_and_never_started() {
    const SECRET: &str = "hunter2-never-shown";
    let sshd = Sshd::start().await;
    let Some(pm2) = Pm2::find(&sshd.home()) else { return };
    let web = There::through(&sshd, |host| host.path_prefix = vec![pm2.folder()]);

    let idle = web.pm2().await.unwrap();
    assert_eq!((idle.daemon, idle.processes.len()), (false, 0));
    assert_eq!(pm2.daemon(), None, "looking starts no daemon");

    std::fs::write(sshd.home().join("app.js"), "setInterval(() => {}, 1000); console.log('hello');").unwrap();
    std::fs::write(sshd.home().join("crash.js"), "process.exit(1);").unwrap();
    pm2.run(&["start", "app.js", "--name", "play"], SECRET);
    pm2.run(&["start", "crash.js", "--name", "we ird/crash", "--max-restarts", "2"], SECRET);
    let by_name = |list: &Pm2List, name: &str| list.processes.iter().find(|process| process.name == name).cloned();
    eventually("the crashing process gives up", async || {
        by_name(&web.pm2().await.unwrap(), "we ird/crash").is_some_and(|process| process.status == "errored")
    })
    .await;
    let list = web.pm2().await.unwrap();
    assert!(list.daemon && list.logs_bytes.is_some());
    assert!(!format!("{list:?}").contains(SECRET), "no part of the environment is kept");
    let (play, crash) = (by_name(&list, "play").unwrap(), by_name(&list, "we ird/crash").unwrap());
    assert_eq!((play.status.as_str(), play.is_down()), ("online", false));
    assert!(play.pid.is_some() && play.memory_bytes.unwrap() > 1 << 20 && play.started_at.is_some());
    assert!(play.log_paths.iter().all(|path| Path::new(path).starts_with(sshd.home())), "{:?}", play.log_paths);
    assert!(crash.is_down() && crash.pid.is_none() && crash.memory_bytes.is_none());

    // Without the folder on PATH, the daemon's own node has no pm2 beside it: that is said, with the mend.
    let elsewhere = There::through(&sshd, |_| {});
    let end = elsewhere.pm2().await;
    let found = end.as_ref().is_ok_and(|list| list.daemon);
    assert!(found || matches!(&end, Err(SourceError::Absent(why)) if why.contains("path_prefix")), "{end:?}");

    let daemon = pm2.daemon().unwrap();
    sshd::signal(daemon, "KILL");
    eventually("the daemon is gone", async || !Path::new(&format!("/proc/{daemon}/exe")).exists()).await;
    let after = web.pm2().await.unwrap();
    assert_eq!((after.daemon, after.processes.len()), (false, 0), "a dead daemon says nothing");
    assert_eq!(pm2.daemon(), Some(daemon), "and none was started in its place");
    sshd::signal(play.pid.unwrap(), "KILL");
}
