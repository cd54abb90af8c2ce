//! What a host tells of changes, asked by the real script through OpenSSH: releases, files, packages, jobs, logins, and what it cannot read.
use std::{
    path::Path,
    process::Command,
    sync::Arc,
    time::{Duration, SystemTime},
};

use quarterdeck::{
    core::{
        config_files,
        id::HostName,
        incidents::suspects::{Change, HostChanges, Kind},
        inventory::{Host, Inventory, Service},
        logs::redact::Redactor,
        time::{DAY, HOUR, Timestamp},
    },
    remote::ssh::Pool,
    sources::{self, Context, Deliver, Reading, changes::look},
};

use crate::{
    ssh::{host, options, pool},
    support::{
        clock,
        sshd::{Setup, Sshd},
    },
};

pub(crate) fn write(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

pub(crate) fn set_age(path: &Path, age: Duration) {
    let at = SystemTime::UNIX_EPOCH + Duration::from_millis(clock().now().utc.0.unsigned_abs()) - age;
    std::fs::File::open(path).unwrap().set_modified(at).unwrap();
}

/// A moment so many seconds ago as the host's own logs write it.
fn stamp(ago: i64, format: &str) -> String {
    let seconds = clock().now().utc.0 / 1_000 - ago;
    let output = Command::new("date").args(["-d", &format!("@{seconds}"), format]).env("LC_ALL", "C").output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// A server whose `/etc` and `/var` for the script are a folder of the test.
pub(crate) async fn server() -> Sshd {
    let lines = vec!["PermitUserEnvironment yes".to_owned()];
    let sshd = Sshd::with(Setup { lines, ..Setup::default() }).await;
    let keys = std::fs::read_to_string(sshd.path("authorized_keys")).unwrap();
    let root = sshd.path("root");
    std::fs::write(sshd.path("authorized_keys"), format!("environment=\"QD_ROOT={}\" {keys}", root.display())).unwrap();
    sshd
}

/// The way to the server, and what is said to run there.
pub(crate) fn way(sshd: &Sshd) -> (Arc<Pool>, Inventory, Host) {
    let mut web = host("web", "127.0.0.1", Some(sshd.port), Some(sshd.identity()));
    web.user = Some(sshd.user.clone());
    let remote = pool(vec![web.clone()], options(vec![sshd.known_hosts(sshd.port)]));
    let service = |name: &str, path: String| {
        let mut service = Service::new(format!("{name}@prod").parse().unwrap());
        service.hosts = vec!["web".into()];
        service.recipe.insert("path".into(), path.into());
        Arc::new(service)
    };
    let play = service("play", sshd.path("srv/it's play").display().to_string());
    let gone = service("gone", sshd.path("srv/gone").display().to_string());
    (Arc::new(remote), Inventory { services: vec![play, gone], ..Inventory::default() }, web)
}

async fn ask(sshd: &Sshd, since: Timestamp) -> Result<HostChanges, String> {
    let (remote, inventory, web) = way(sshd);
    let redact = Redactor::new(&quarterdeck::config::redact::built_in()).unwrap();
    look(remote.as_ref(), (&inventory, &web), since, clock().as_ref(), &redact).await
}

fn only(found: &HostChanges, kind: Kind) -> Vec<&Change> {
    found.changes.iter().filter(|change| change.kind == kind).collect()
}

#[tokio::test]
async fn a_host_tells_what_changed_on_it() {
    let sshd = server().await;
    let play = sshd.path("srv/it's play");
    for release in ["v1", "v2"] {
        write(&play.join("releases").join(release).join("server.js"), "");
    }
    std::os::unix::fs::symlink("releases/v2", play.join("current")).unwrap();
    write(&play.join("shared/.env"), "PASSWORD=hunter2hunter2\n");
    let root = sshd.path("root");
    write(&root.join("etc/nginx/sites-available/play.conf"), "server {}\n");
    // Its own time lies: it says a year ago.
    set_age(&root.join("etc/nginx/sites-available/play.conf"), Duration::from_hours(365 * 24));
    write(&root.join("etc/nginx/.play.conf.swp"), "");
    write(&root.join("etc/cron.d/sync"), "");
    let dpkg = format!(
        "{} upgrade libssl3:amd64 3.0.15 3.0.16\n{} status installed libssl3:amd64 3.0.16\n{} upgrade old:all 1 2\n",
        stamp(600, "+%Y-%m-%d %H:%M:%S"),
        stamp(599, "+%Y-%m-%d %H:%M:%S"),
        stamp(3 * 86_400, "+%Y-%m-%d %H:%M:%S"),
    );
    write(&root.join("var/log/dpkg.log"), &dpkg);
    let day = stamp(120, "+%b %e %H:%M:%S");
    write(
        &root.join("var/log/syslog"),
        &format!("{day} web CRON[7]: (root) CMD (sync --password=hunter2hunter2 \x1b[31m)\n{day} web sshd[9]: hello\n"),
    );
    let now = clock().now().utc;
    let found = ask(&sshd, now - HOUR).await.unwrap();
    let deploys = only(&found, Kind::Deploy);
    assert_eq!(deploys.len(), 1, "{found:#?}");
    assert_eq!((deploys[0].line().as_str(), deploys[0].detail.len()), ("deploy v2 of play@prod on web", 2));
    assert!(now.since(deploys[0].at).abs() < HOUR);
    let configs = only(&found, Kind::Config);
    let site = configs.iter().find(|change| change.what == "/etc/nginx/sites-available/play.conf").unwrap();
    assert!(now.since(site.at).abs() < HOUR && site.detail[0].contains("copied, moved or set"), "{site:?}");
    assert_eq!(site.service.as_ref().unwrap().to_string(), "play@prod");
    assert!(configs.iter().any(|change| change.what.ends_with("shared/.env")), "{configs:?}");
    assert!(configs.iter().any(|change| change.what == "/etc/cron.d/sync"), "{configs:?}");
    assert!(!configs.iter().any(|change| change.what.contains(".swp")), "{configs:?}");
    let packages = only(&found, Kind::Package);
    assert_eq!(packages.iter().map(|change| &*change.what).collect::<Vec<_>>(), ["libssl3 3.0.15 → 3.0.16"]);
    assert!(now.since(packages[0].at).abs_diff(600_000) < 300_000, "{packages:?}");
    let jobs = only(&found, Kind::Cron);
    assert_eq!(jobs.len(), 1, "{jobs:?}");
    let told = format!("{found:?}");
    assert!(!told.contains("hunter2") && !told.contains('\u{1b}'), "{told}");
    assert!(found.missing.iter().any(|why| why.starts_with(&sshd.path("srv/gone").display().to_string())), "{found:?}");
    // The same again is the same, so that nothing is there twice.
    assert_eq!(ask(&sshd, now - HOUR).await.unwrap().changes.len(), found.changes.len());
}

/// An entry of the record of logins, as Linux writes it: kind, who, where, from where, when.
fn entry(kind: i16, (user, line, host): (&str, &str, &str), at: i64) -> Vec<u8> {
    let text = |text: &str, room: usize| {
        let mut bytes = text.as_bytes().to_vec();
        bytes.resize(room, 0);
        bytes
    };
    let mut bytes = [kind.to_le_bytes().to_vec(), vec![0; 2], 4_242_i32.to_le_bytes().to_vec()].concat();
    bytes.extend([text(line, 32), text("s/0", 4), text(user, 32), text(host, 256), vec![0; 8]].concat());
    bytes.extend(i32::try_from(at).unwrap().to_le_bytes());
    bytes.resize(384, 0);
    bytes
}

#[tokio::test]
async fn logins_kernels_and_certificates_are_told_from_the_hosts_own_records() {
    let sshd = server().await;
    let root = sshd.path("root");
    let now = clock().now().utc;
    let seconds = now.0 / 1_000;
    // Two starts, the last with the kernel that runs; and somebody who logged in between then and now.
    let kernel = Command::new("uname").arg("-r").output().unwrap();
    let kernel = String::from_utf8(kernel.stdout).unwrap().trim().to_owned();
    let record = [
        entry(2, ("reboot", "~", "6.1.0-0-older"), seconds - 9 * 86_400),
        entry(2, ("reboot", "~", &kernel), seconds - 1_200),
        entry(7, ("ana", "pts/0", "10.0.0.9"), seconds - 600),
    ];
    std::fs::create_dir_all(root.join("var/log")).unwrap();
    std::fs::write(root.join("var/log/wtmp"), record.concat()).unwrap();
    write(&root.join("proc/stat"), &format!("cpu 1 2 3\nbtime {}\n", seconds - 1_200));
    let live = root.join("etc/letsencrypt/live/play");
    write(&root.join("etc/letsencrypt/archive/play/fullchain2.pem"), "-----BEGIN CERTIFICATE-----\n");
    write(&live.join("README"), "");
    std::os::unix::fs::symlink("../../archive/play/fullchain2.pem", live.join("fullchain.pem")).unwrap();

    let found = ask(&sshd, now - HOUR).await.unwrap();
    let lines = |kind| only(&found, kind).into_iter().map(Change::line).collect::<Vec<_>>();
    assert_eq!(lines(Kind::Login), ["login ana from 10.0.0.9 on web"], "{found:#?}");
    assert_eq!(lines(Kind::Reboot), [format!("reboot 6.1.0-0-older → {kernel} on web")]);
    assert_eq!(lines(Kind::Certificate), ["cert /etc/letsencrypt/live/play/fullchain.pem replaced on web"]);
    for (kind, ago) in [(Kind::Login, 600), (Kind::Reboot, 1_200), (Kind::Certificate, 0)] {
        let at = only(&found, kind)[0].at;
        assert!((now.since(at) - ago * 1_000).abs() < 300_000, "{kind:?}: {at:?}");
    }
    assert_eq!(only(&found, Kind::Login)[0].by.as_deref(), Some("ana"));
}

#[tokio::test]
async fn a_host_without_any_of_it_says_what_it_lacks() {
    let sshd = server().await;
    let found = ask(&sshd, clock().now().utc - DAY).await.unwrap();
    let about: Vec<&str> = found.missing.iter().map(|why| why.rsplit_once(": ").unwrap().0).collect();
    assert!(about.contains(&"cron starts"), "{about:?}");
    assert!(about.contains(&"logins"), "{about:?}");
    assert!(found.changes.iter().all(|change| change.kind == Kind::Reboot), "{found:?}");
}

struct Nobody;

impl Deliver for Nobody {
    fn reading(&self, _: &HostName, _: &'static str, _: Reading) {}
}

#[tokio::test]
async fn what_no_time_tells_of_is_known_by_hashes() {
    let sshd = server().await;
    let (root, play) = (sshd.path("root"), sshd.path("srv/it's play"));
    let site = root.join("etc/nginx/sites-available/a b.conf");
    write(&site, "server {}\n");
    write(&root.join("etc/nginx/nginx.conf"), "http {}\n");
    write(&play.join("shared/.env"), "PASSWORD=hunter2hunter2\n");
    let (remote, inventory, web) = way(&sshd);
    let context = Context {
        folders: inventory.folders_on(&web.name).into(),
        host: Arc::new(web.clone()),
        remote,
        deliver: Arc::new(Nobody),
        clock: clock(),
        every_ms: 1_000,
    };
    let mut known = config_files::State::default();
    let first = sources::config_files::ask(&context).await.unwrap();
    assert!(first.whole && first.files.len() == 3, "{first:#?}");
    assert!(!format!("{first:?}").contains("hunter2"));
    let new = known.compare(&web.name, &first);
    assert_eq!(known.stored(new, &inventory), [], "what is seen for the first time was not changed");
    // Of a file that is gone nothing on the host tells; one is written with what stood in it, and one with something else.
    std::fs::remove_file(&site).unwrap();
    write(&root.join("etc/nginx/nginx.conf"), "http {}\n");
    write(&play.join("shared/.env"), "PASSWORD=other2other2\n");
    set_age(&play.join("shared/.env"), Duration::from_hours(365 * 24));
    let second = sources::config_files::ask(&context).await.unwrap();
    let new = known.compare(&web.name, &second);
    let changes = known.stored(new, &inventory);
    let env = play.join("shared/.env").display().to_string();
    let told: Vec<(&str, bool)> = changes.iter().map(|change| (&*change.what, change.service.is_some())).collect();
    assert!(told.contains(&(&*env, true)), "{told:?}");
    assert!(told.contains(&("/etc/nginx/sites-available/a b.conf removed", false)), "{told:?}");
    assert_eq!(told.len(), 2, "{told:?}");
    let now = clock().now().utc;
    assert!(
        changes.iter().all(|change| change.kind == Kind::Config && now.since(change.at).abs() < HOUR),
        "{changes:?}"
    );
    assert!(changes.iter().all(|change| change.detail[0].starts_with("SHA-256 before")), "{changes:?}");
}
