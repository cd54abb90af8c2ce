//! Who plays: the hosts and services of a video-streaming team, as made-up as their numbers.

/// A simulated host.
#[derive(Debug)]
pub(super) struct Host {
    /// Its name.
    pub name: &'static str,
    /// Its environment.
    pub env: &'static str,
    /// What it is for, as a label.
    pub role: &'static str,
    /// The host one must pass to reach it.
    pub jump: Option<&'static str>,
    /// CPU cores.
    pub cores: u32,
    /// Memory in GiB.
    pub mem_gib: u32,
    /// Memory in use, percent.
    pub mem_pct: f64,
    /// CPU in use, percent: the middle of its waves.
    pub cpu_pct: f64,
    /// How far its waves go, percent.
    pub cpu_wave: f64,
    /// Percent of CPU that the hypervisor takes.
    pub steal_pct: f64,
    /// Network traffic in bytes a second: the middle of its waves.
    pub net_bytes_s: f64,
    /// How far its clock is ahead, in seconds.
    pub skew_s: i64,
    /// File systems: mount, size in GiB, used percent.
    pub disks: &'static [(&'static str, u32, f64)],
    /// Processes: pid, user, name, command line, share of the CPU in use, resident MiB.
    pub processes: &'static [Process],
    /// PM2's applications, by id.
    pub apps: &'static [App],
    /// systemd units.
    pub units: &'static [Unit],
}

impl Host {
    /// Returns what its `/etc/machine-id` says: 32 hex digits of its own.
    pub(super) fn machine_id(&self) -> String {
        use sha2::Digest as _;
        let digest = sha2::Sha256::digest(self.name.as_bytes());
        let half = digest.iter().take(16).fold(0_u128, |number, byte| number << 8 | u128::from(*byte));
        format!("{half:032x}")
    }
}

/// A simulated process.
#[derive(Clone, Copy, Debug)]
pub(super) struct Process {
    /// Process id.
    pub pid: u32,
    /// Who runs it.
    pub user: &'static str,
    /// Its name.
    pub comm: &'static str,
    /// Its command line.
    pub args: &'static str,
    /// Its share of the CPU in use, 0 to 1.
    pub share: f64,
    /// Resident memory in MiB.
    pub rss_mib: u32,
}

/// An application that PM2 keeps.
#[derive(Debug)]
pub(super) struct App {
    /// Its name.
    pub name: &'static str,
    /// The service that it carries.
    pub service: &'static str,
    /// Its releases, the oldest first. It runs the last one.
    pub releases: &'static [Release],
    /// Node's version.
    pub node: &'static str,
    /// Its share of the CPU in use, 0 to 1.
    pub share: f64,
    /// Resident memory in MiB.
    pub rss_mib: u32,
    /// Restarts so far.
    pub restarts: u32,
}

/// A release of an application.
#[derive(Clone, Copy, Debug)]
pub(super) struct Release {
    /// Its version.
    pub version: &'static str,
    /// How many minutes before the demo's start it was brought out.
    pub minutes_ago: i64,
    /// How it does.
    pub fate: Fate,
}

/// How a release does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// All is well.
    Well,
    /// It runs for some minutes, then its process is gone.
    Fades,
    /// It runs, and answers every request with an error.
    Fails,
}

const fn release(version: &'static str, minutes_ago: i64, fate: Fate) -> Release {
    Release { version, minutes_ago, fate }
}

const DAY_MIN: i64 = 24 * 60;

/// Builds that lie ready, and that nobody has brought out yet: one of them had better stay there.
pub(super) const BUILDS: [Release; 2] = [release("2.31.2", 5, Fate::Well), release("2.32.0", 3, Fate::Fails)];

/// Says how a version does. What nobody here knows does well.
pub(super) fn fate(version: &str) -> Fate {
    let apps = HOSTS.iter().flat_map(|host| host.apps);
    let mut known = apps.flat_map(|app| app.releases).chain(&BUILDS);
    known.find(|release| release.version == version).map_or(Fate::Well, |release| release.fate)
}

/// A systemd unit.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unit {
    /// Its name.
    pub name: &'static str,
    /// What it is.
    pub description: &'static str,
    /// Its main process.
    pub pid: u32,
    /// Memory in MiB.
    pub mem_mib: u32,
}

/// A simulated service.
#[derive(Debug)]
pub(super) struct Service {
    /// Its name.
    pub name: &'static str,
    /// Its environment.
    pub env: &'static str,
    /// The host it runs on.
    pub host: &'static str,
    /// The unit that carries it; none: PM2 does.
    pub unit: Option<&'static str>,
    /// What it needs.
    pub needs: &'static [&'static str],
    /// The folder it is deployed to; below the home of the one who logs in where it begins with a tilde.
    pub path: &'static str,
    /// How fast it usually answers, in milliseconds.
    pub latency_ms: f64,
    /// The health page's path.
    pub page: &'static str,
    /// Its objective in percent.
    pub objective: f64,
    /// For how many days its certificate is still good; none: it answers without TLS.
    pub certificate_days: Option<u32>,
}

const fn process(pid: u32, user: &'static str, comm: &'static str, args: &'static str, share: f64) -> Process {
    Process { pid, user, comm, args, share, rss_mib: 24 }
}

const NGINX: [Process; 2] = [
    process(612, "root", "nginx", "nginx: master process /usr/sbin/nginx -g daemon on; master_process on;", 0.01),
    Process { rss_mib: 38, ..process(615, "www-data", "nginx", "nginx: worker process", 0.25) },
];
const NGINX_UNIT: Unit =
    Unit { name: "nginx.service", description: "A high performance web server", pid: 612, mem_mib: 62 };
const APACHE_UNIT: Unit =
    Unit { name: "apache2.service", description: "The Apache HTTP Server", pid: 702, mem_mib: 1_240 };

/// All hosts.
pub(super) const HOSTS: &[Host] = &[
    Host {
        name: "lb-01",
        env: "prod",
        role: "balancer",
        jump: None,
        cores: 2,
        mem_gib: 4,
        mem_pct: 31.0,
        cpu_pct: 14.0,
        cpu_wave: 7.0,
        steal_pct: 0.4,
        net_bytes_s: 9_400_000.0,
        skew_s: 0,
        disks: &[("/", 80, 34.0)],
        processes: &NGINX,
        apps: &[],
        units: &[NGINX_UNIT],
    },
    Host {
        name: "play-01",
        env: "prod",
        role: "web",
        jump: None,
        cores: 4,
        mem_gib: 8,
        mem_pct: 64.0,
        cpu_pct: 52.0,
        cpu_wave: 14.0,
        steal_pct: 1.2,
        net_bytes_s: 6_100_000.0,
        skew_s: 0,
        disks: &[("/", 160, 61.0), ("/var/log", 40, 72.0)],
        processes: &[
            NGINX[0],
            NGINX[1],
            process(820, "deploy", "PM2 v7.0.4: God", "PM2 v7.0.4: God Daemon (/home/deploy/.pm2)", 0.02),
        ],
        apps: &[App {
            name: "play",
            service: "play",
            // The last one leaks: a restart helps for some minutes, the release before it for good.
            releases: &[
                release("2.30.4", 9 * DAY_MIN, Fate::Well),
                release("2.31.0", 3 * DAY_MIN, Fate::Well),
                release("2.31.1", 14, Fate::Fades),
            ],
            node: "18.20.4",
            share: 0.68,
            rss_mib: 412,
            restarts: 3,
        }],
        units: &[NGINX_UNIT],
    },
    Host {
        name: "cloud-01",
        env: "prod",
        role: "web",
        jump: None,
        cores: 4,
        mem_gib: 8,
        mem_pct: 58.0,
        cpu_pct: 37.0,
        cpu_wave: 11.0,
        steal_pct: 0.8,
        net_bytes_s: 4_700_000.0,
        skew_s: 0,
        disks: &[("/", 160, 57.0)],
        processes: &[
            NGINX[0],
            NGINX[1],
            process(818, "deploy", "PM2 v7.0.4: God", "PM2 v7.0.4: God Daemon (/home/deploy/.pm2)", 0.02),
        ],
        apps: &[App {
            name: "cloud",
            service: "cloud",
            releases: &[release("5.4.1", 30 * DAY_MIN, Fate::Well), release("5.4.2", 11 * DAY_MIN, Fate::Well)],
            node: "22.19.0",
            share: 0.62,
            rss_mib: 355,
            restarts: 1,
        }],
        units: &[NGINX_UNIT],
    },
    Host {
        name: "api-01",
        env: "prod",
        role: "web",
        jump: None,
        cores: 4,
        mem_gib: 8,
        mem_pct: 52.0,
        cpu_pct: 33.0,
        cpu_wave: 10.0,
        steal_pct: 0.6,
        net_bytes_s: 2_900_000.0,
        skew_s: 0,
        disks: &[("/", 160, 58.0)],
        processes: &APACHE,
        apps: &[],
        units: &[APACHE_UNIT],
    },
    Host {
        name: "pay-01",
        env: "prod",
        role: "web",
        jump: None,
        cores: 4,
        mem_gib: 8,
        mem_pct: 47.0,
        cpu_pct: 24.0,
        cpu_wave: 8.0,
        steal_pct: 0.5,
        net_bytes_s: 1_300_000.0,
        skew_s: 0,
        disks: &[("/", 160, 49.0)],
        processes: &APACHE,
        apps: &[],
        units: &[APACHE_UNIT],
    },
    Host {
        name: "db-01",
        env: "prod",
        role: "database",
        // The databases are reached from inside the private network only.
        jump: Some("lb-01"),
        cores: 8,
        mem_gib: 32,
        mem_pct: 88.0,
        cpu_pct: 87.0,
        cpu_wave: 5.0,
        steal_pct: 2.1,
        net_bytes_s: 7_800_000.0,
        skew_s: 0,
        disks: &[("/", 80, 41.0), ("/var/lib/mysql", 640, 74.0)],
        processes: &[
            Process { rss_mib: 17_900, ..process(931, "mysql", "mysqld", "/usr/sbin/mysqld", 0.58) },
            Process {
                rss_mib: 6_200,
                ..process(944, "mongodb", "mongod", "/usr/bin/mongod --config /etc/mongod.conf", 0.29)
            },
            Process {
                rss_mib: 840,
                ..process(958, "redis", "redis-server", "/usr/bin/redis-server 10.0.1.31:6379", 0.05)
            },
            process(2_077, "root", "mysqldump", "mysqldump --single-transaction --all-databases", 0.06),
        ],
        apps: &[],
        units: &[
            Unit { name: "mysql.service", description: "MySQL Community Server", pid: 931, mem_mib: 18_400 },
            Unit { name: "mongod.service", description: "MongoDB Database Server", pid: 944, mem_mib: 6_400 },
        ],
    },
    Host {
        name: "work-01",
        env: "prod",
        role: "worker",
        jump: None,
        cores: 2,
        mem_gib: 4,
        mem_pct: 69.0,
        cpu_pct: 41.0,
        cpu_wave: 22.0,
        steal_pct: 0.9,
        net_bytes_s: 700_000.0,
        skew_s: 0,
        // Somebody should look at this one.
        disks: &[("/", 40, 55.0), ("/var/spool", 80, 93.4)],
        processes: &[
            Process {
                rss_mib: 140,
                ..process(1_102, "www-data", "php8.2", "php artisan queue:work --queue=default --tries=3", 0.45)
            },
            Process {
                rss_mib: 133,
                ..process(1_103, "www-data", "php8.2", "php artisan queue:work --queue=mail --tries=3", 0.3)
            },
            process(640, "root", "cron", "/usr/sbin/cron -f", 0.01),
        ],
        apps: &[],
        units: &[
            Unit { name: "queue-worker.service", description: "Laravel queue worker", pid: 1_102, mem_mib: 280 },
            Unit {
                name: "cron.service",
                description: "Regular background program processing daemon",
                pid: 640,
                mem_mib: 6,
            },
        ],
    },
    Host {
        name: "stage-01",
        env: "staging",
        role: "web",
        jump: None,
        cores: 2,
        mem_gib: 4,
        mem_pct: 44.0,
        cpu_pct: 9.0,
        cpu_wave: 5.0,
        steal_pct: 0.2,
        net_bytes_s: 90_000.0,
        // Its time daemon died last week.
        skew_s: 41,
        disks: &[("/", 80, 66.0)],
        processes: &[
            APACHE[0],
            APACHE[1],
            process(811, "deploy", "PM2 v7.0.4: God", "PM2 v7.0.4: God Daemon (/home/deploy/.pm2)", 0.02),
        ],
        apps: &[App {
            name: "play",
            service: "play",
            releases: &[release("2.31.0", 4 * DAY_MIN, Fate::Well), release("2.32.0-rc.1", DAY_MIN, Fate::Well)],
            node: "18.20.4",
            share: 0.4,
            rss_mib: 260,
            restarts: 11,
        }],
        units: &[APACHE_UNIT],
    },
];

const APACHE: [Process; 3] = [
    process(702, "root", "apache2", "/usr/sbin/apache2 -k start", 0.02),
    Process { rss_mib: 96, ..process(741, "www-data", "apache2", "/usr/sbin/apache2 -k start", 0.35) },
    Process { rss_mib: 91, ..process(742, "www-data", "apache2", "/usr/sbin/apache2 -k start", 0.3) },
];

const fn laravel(name: &'static str, host: &'static str, path: &'static str, latency_ms: f64) -> Service {
    Service {
        name,
        env: "prod",
        host,
        unit: Some("apache2.service"),
        needs: &[],
        path,
        latency_ms,
        page: "/up",
        objective: 99.9,
        certificate_days: None,
    }
}

const fn node(name: &'static str, env: &'static str, host: &'static str, path: &'static str) -> Service {
    Service {
        name,
        env,
        host,
        unit: None,
        needs: &[],
        path,
        latency_ms: 38.0,
        page: "/health",
        objective: 99.9,
        certificate_days: None,
    }
}

/// All services.
pub(super) const SERVICES: &[Service] = &[
    Service { needs: &["api", "billing"], ..node("play", "prod", "play-01", "~/www/play") },
    Service { objective: 99.95, ..laravel("api", "api-01", "/var/www/api", 64.0) },
    Service { objective: 99.95, certificate_days: Some(41), ..laravel("billing", "pay-01", "/var/www/billing", 81.0) },
    Service { latency_ms: 52.0, needs: &["api"], ..node("cloud", "prod", "cloud-01", "~/www/cloud") },
    Service { needs: &["api"], ..laravel("admin", "api-01", "/var/www/admin", 95.0) },
    laravel("satellite", "api-01", "/var/www/satellite", 210.0),
    Service { needs: &["billing"], ..laravel("conecta", "pay-01", "/var/www/conecta", 120.0) },
    Service { needs: &["billing"], ..laravel("connect", "pay-01", "/var/www/connect", 74.0) },
    Service { latency_ms: 45.0, objective: 99.0, ..node("play", "staging", "stage-01", "~/www/play") },
    Service { env: "staging", objective: 99.0, ..laravel("api", "stage-01", "/var/www/api", 70.0) },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cast_fits_together() {
        assert_eq!(HOSTS.len(), 8);
        for service in SERVICES {
            let host = HOSTS.iter().find(|host| host.name == service.host).unwrap();
            assert_eq!(host.env, service.env, "{}", service.name);
            match service.unit {
                Some(unit) => assert!(host.units.iter().any(|has| has.name == unit), "{}", service.name),
                None => assert!(host.apps.iter().any(|app| app.service == service.name), "{}", service.name),
            }
            for need in service.needs {
                assert!(SERVICES.iter().any(|other| other.name == *need && other.env == service.env));
            }
        }
        for host in HOSTS {
            let pids: std::collections::BTreeSet<_> = host.processes.iter().map(|process| process.pid).collect();
            assert_eq!(pids.len(), host.processes.len(), "{}: a pid twice", host.name);
            assert!(host.jump.is_none_or(|jump| HOSTS.iter().any(|other| other.name == jump)));
        }
    }
}
