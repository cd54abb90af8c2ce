//! The simulated world: what its hosts and services do while time passes. Pure: time comes in, numbers go out.
use std::collections::BTreeMap;

use super::{
    cast::{App, Fate, HOSTS, Host, Release, SERVICES, Service, Unit, fate},
    random::{Random, whole},
    scribe::{self, Mood},
};
use crate::core::time::{MINUTE, Now, Timestamp};

/// Clock ticks a second, as `getconf CLK_TCK` says on every Linux.
pub(super) const HZ: f64 = 100.0;
/// How long an application takes from its start to its first answer, in milliseconds.
const BOOT_MS: u64 = 1_500;
/// How long a release that fades lives after a restart, in milliseconds.
const FADES_MS: u64 = 4 * 60_000;
/// The first process id that a restart hands out.
const FIRST_PID: u32 = 21_000;

/// Everything that goes on.
#[derive(Debug)]
pub(super) struct World {
    /// When it was last moved on.
    pub now: Now,
    /// Its hosts, in the order of the cast.
    pub hosts: Vec<Live>,
    random: Random,
    born: Now,
    next_pid: u32,
    breaks_after_ms: Option<u64>,
}

/// A host as it is now.
#[derive(Debug)]
pub(super) struct Live {
    /// Who it is.
    pub cast: &'static Host,
    /// CPU in use, percent.
    pub cpu_pct: f64,
    /// Memory in use, percent.
    pub mem_pct: f64,
    /// Load averages over 1, 5 and 15 minutes.
    pub load: [f64; 3],
    /// Ticks per core since boot: user, system, idle, iowait, steal.
    pub cores: Vec<[f64; 5]>,
    /// Ticks per process since its start, in the order of the cast.
    pub ticks: Vec<f64>,
    /// Bytes received and sent since boot.
    pub net: [f64; 2],
    /// Sectors read and written since boot.
    pub sectors: [f64; 2],
    /// Its PM2 applications, by id.
    pub apps: Vec<LiveApp>,
    /// Its units.
    pub units: Vec<LiveUnit>,
    /// Milliseconds since it booted.
    pub uptime_ms: u64,
    phase: f64,
    drift: f64,
}

/// What PM2 says of an application.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    /// It runs.
    Online,
    /// PM2 gave it up after too many crashes.
    Errored,
    /// Somebody stopped it.
    Stopped,
}

impl Status {
    /// PM2's word for it.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Online => "online",
            Self::Errored => "errored",
            Self::Stopped => "stopped",
        }
    }
}

/// An application as it is now.
#[derive(Debug)]
pub(super) struct LiveApp {
    /// Who it is.
    pub cast: &'static App,
    /// What PM2 says of it.
    pub status: Status,
    /// Its process; none unless it runs.
    pub pid: Option<u32>,
    /// Ticks since its start.
    pub ticks: f64,
    /// Restarts so far.
    pub restarts: u32,
    /// When it started.
    pub started: Now,
    /// What it runs.
    pub runs: Version,
    /// What it will run once it starts anew: what its folder leads to.
    pub next: Version,
}

/// A release on a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Version {
    /// What it calls itself.
    pub version: String,
    /// The name of its folder.
    pub release: String,
}

/// A unit as it is now.
#[derive(Debug)]
pub(super) struct LiveUnit {
    /// Who it is.
    pub cast: &'static Unit,
    /// Whether it runs.
    pub active: bool,
    /// Its main process.
    pub pid: u32,
    /// When it became what it is.
    pub since: Now,
    /// Whether it is older than the world, and so has been up since its host booted.
    pub from_boot: bool,
}

/// What a service answers.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Answer {
    /// HTTP status.
    pub status: u16,
    /// After how many milliseconds.
    pub after_ms: u64,
    /// Content type.
    pub kind: &'static str,
    /// Body.
    pub body: String,
}

/// What a command on a host says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reply {
    /// Exit code.
    pub code: u8,
    /// What it prints.
    pub text: String,
}

impl World {
    /// Makes a world in which all is well; `breaks_after_ms` later the release that fades breaks, or none ever does.
    pub(super) fn new(seed: u64, now: Now, breaks_after_ms: Option<u64>) -> Self {
        let mut random = Random::new(seed);
        let mut next_pid = FIRST_PID;
        let hosts = HOSTS.iter().map(|cast| Live::new(cast, now, &mut random, &mut next_pid)).collect();
        Self { now, hosts, random, born: now, next_pid, breaks_after_ms }
    }

    /// Moves on to `now`. Returns the host and the name of each application that broke.
    pub(super) fn tick(&mut self, now: Now) -> Vec<(&'static str, &'static str)> {
        let dt_ms = now.mono.since(self.now.mono);
        self.now = now;
        let mut broke = Vec::new();
        for host in &mut self.hosts {
            for app in &mut host.apps {
                let (since, lives_ms) = if app.started == Now::default() {
                    (self.born, self.breaks_after_ms)
                } else {
                    (app.started, self.breaks_after_ms.map(|_| FADES_MS))
                };
                let fades = app.status == Status::Online && fate(&app.runs.version) == Fate::Fades;
                if fades && lives_ms.is_some_and(|lives| now.mono.since(since.mono) >= lives) {
                    app.status = Status::Errored;
                    app.pid = None;
                    // What PM2 tries before it gives up.
                    app.restarts += 15;
                    broke.push((host.cast.name, app.cast.name));
                }
            }
        }
        let t = now.mono.since(self.born.mono) as f64 / 1_000.0;
        for host in &mut self.hosts {
            host.tick(t, dt_ms as f64 / 1_000.0, &mut self.random);
            host.uptime_ms += dt_ms;
        }
        broke
    }

    /// Finds a host.
    pub(super) fn host(&self, name: &str) -> Option<&Live> {
        self.hosts.iter().find(|host| host.cast.name == name)
    }

    /// Notes what an application's folder leads to: it runs that once it starts anew.
    pub(super) fn lies_there(&mut self, host: &str, name: &str, next: Version) {
        let host = self.hosts.iter_mut().find(|live| live.cast.name == host);
        if let Some(app) = host.and_then(|host| host.apps.iter_mut().find(|app| app.cast.name == name)) {
            app.next = next;
        }
    }

    /// Returns what a service writes into its logs about a stretch of time.
    pub(super) fn lines(&mut self, service: &Service, from: Timestamp, to: Timestamp) -> BTreeMap<String, String> {
        let now = self.now;
        let mood = self.host(service.host).map_or(Mood::Gone, |host| match service.unit {
            Some(unit) if host.units.iter().any(|live| live.cast.name == unit && live.active) => Mood::Well,
            Some(_) => Mood::Gone,
            None => match host.apps.iter().find(|app| app.cast.service == service.name && app.serves(now)) {
                Some(app) if fate(&app.runs.version) == Fate::Fails => Mood::Ill,
                Some(_) => Mood::Well,
                None => Mood::Gone,
            },
        });
        // A host writes by its own clock.
        let skew = self.host(service.host).map_or(0, |host| host.cast.skew_s) * 1_000;
        scribe::lines(service, mood, from + skew, to + skew, &mut self.random)
    }

    /// Answers an HTTP request to a service.
    pub(super) fn answer(&mut self, service: &'static Service, path: &str) -> Answer {
        let now = self.now;
        let wait = {
            let t = now.mono.since(self.born.mono) as f64 / 1_000.0;
            // A slow wave of three minutes, so that latency has a shape, and noise with a long tail.
            let wave = 1.0 + 0.25 * (t * std::f64::consts::TAU / 180.0 + service.latency_ms).sin();
            let tail = self.random.unit().powi(6) * 2.0;
            whole(service.latency_ms * wave * (0.85 + 0.3 * self.random.unit() + tail)).max(1)
        };
        let Some(host) = self.host(service.host) else { return gateway(wait) };
        let mut version = "1.0.0";
        if let Some(unit) = service.unit {
            if !host.units.iter().any(|live| live.cast.name == unit && live.active) {
                return Answer { status: 503, after_ms: 2, kind: "text/html", body: page("503 Service Unavailable") };
            }
        } else {
            let serving = host.apps.iter().find(|app| app.cast.service == service.name && app.serves(now));
            let Some(app) = serving else { return gateway(2) };
            version = &app.runs.version;
            if fate(version) == Fate::Fails {
                let body = format!(r#"{{"status":"error","service":"{}","version":"{version}"}}"#, service.name);
                return Answer { status: 500, after_ms: wait, kind: "application/json", body };
            }
        }
        match path.split('?').next().unwrap_or(path) {
            "/health" | "/up" => Answer {
                status: 200,
                after_ms: wait,
                kind: "application/json",
                body: format!(r#"{{"status":"ok","service":"{}","version":"{version}"}}"#, service.name),
            },
            "/version" => Answer { status: 200, after_ms: 3, kind: "text/plain", body: format!("{version}\n") },
            "/" => Answer { status: 200, after_ms: wait, kind: "text/html", body: page(service.name) },
            _ => Answer { status: 404, after_ms: 2, kind: "text/html", body: page("404 Not Found") },
        }
    }

    /// Does what a command on a host asks for: `pm2 restart 0`, `systemctl restart apache2.service`.
    pub(super) fn command(&mut self, host: &str, words: &[&str]) -> Reply {
        match words {
            ["pm2", verb, target] => self.pm2(host, verb, target),
            ["systemctl", verb, unit] => self.systemctl(host, verb, unit),
            ["curl", url] => self.curl(host, url),
            _ => Reply { code: 1, text: "not understood\n".to_owned() },
        }
    }

    fn pm2(&mut self, host: &str, verb: &str, target: &str) -> Reply {
        let (now, pid) = (self.now, self.next_pid);
        self.next_pid += 1;
        let Some(live) = self.hosts.iter_mut().find(|live| live.cast.name == host) else {
            return Reply::unknown(target);
        };
        let by_id = target.parse::<usize>().ok();
        let found = live
            .apps
            .iter_mut()
            .enumerate()
            .find(|(id, app)| by_id.map_or_else(|| app.cast.name == target, |wanted| wanted == *id));
        let Some((id, app)) = found else {
            let what = if by_id.is_some() { "God db process id unknown" } else { "Process or Namespace not found" };
            return Reply { code: 1, text: format!("[PM2][ERROR] {what}: {target}\n") };
        };
        match verb {
            "restart" | "reload" | "start" => {
                app.restarts += u32::from(verb != "start");
                app.status = Status::Online;
                app.pid = Some(pid);
                app.ticks = 0.0;
                app.started = now;
                app.runs = app.next.clone();
            }
            "stop" => {
                app.status = Status::Stopped;
                app.pid = None;
            }
            _ => return Reply { code: 1, text: format!("[PM2][ERROR] Command not found: {verb}\n") },
        }
        let name = app.cast.name;
        Reply {
            code: 0,
            text: format!(
                "[PM2] Applying action {verb}ProcessId on app [{target}](ids: [ '{id}' ])\n[PM2] [{name}]({id}) \u{2713}\n"
            ),
        }
    }

    /// Asks the application of a host, as one who is logged in there does.
    fn curl(&mut self, host: &str, url: &str) -> Reply {
        let service = SERVICES.iter().find(|service| service.host == host && service.unit.is_none());
        let Some(service) = service else {
            return Reply { code: 7, text: "curl: (7) Failed to connect: Connection refused\n".to_owned() };
        };
        let path = url.split_once("://").and_then(|(_, rest)| rest.find('/').and_then(|at| rest.get(at..)));
        let answer = self.answer(service, path.unwrap_or("/"));
        match answer.status {
            502 => Reply { code: 7, text: "curl: (7) Failed to connect: Connection refused\n".to_owned() },
            status @ 400.. => {
                let text = format!("curl: (22) The requested URL returned error: {status}\n");
                Reply { code: 22, text }
            }
            _ => Reply { code: 0, text: answer.body },
        }
    }

    fn systemctl(&mut self, host: &str, verb: &str, unit: &str) -> Reply {
        let (now, pid) = (self.now, self.next_pid);
        self.next_pid += 1;
        let name = if unit.contains('.') { unit.to_owned() } else { format!("{unit}.service") };
        let found = self
            .hosts
            .iter_mut()
            .find(|live| live.cast.name == host)
            .and_then(|live| live.units.iter_mut().find(|live| live.cast.name == name));
        let Some(live) = found else {
            return Reply { code: 5, text: format!("Failed to {verb} {name}: Unit {name} not found.\n") };
        };
        match verb {
            "restart" | "start" | "reload-or-restart" => (live.active, live.pid) = (true, pid),
            "stop" => live.active = false,
            "reload" => return Reply { code: 0, text: String::new() },
            _ => return Reply { code: 1, text: format!("Unknown command verb {verb}.\n") },
        }
        (live.since, live.from_boot) = (now, false);
        Reply { code: 0, text: String::new() }
    }
}

impl Version {
    /// Names a release of the cast as it lies on its host.
    pub(super) fn of(release: &Release, born: Timestamp) -> Self {
        let made = (born - release.minutes_ago * MINUTE).to_utc().unwrap_or_default();
        Self {
            version: release.version.to_owned(),
            release: format!("{}-{}", made.format("%Y%m%d%H%M%S"), release.version),
        }
    }

    fn none() -> Self {
        Self { version: "0.0.0".to_owned(), release: String::new() }
    }
}

impl Reply {
    fn unknown(target: &str) -> Self {
        Self { code: 1, text: format!("[PM2][ERROR] Process or Namespace {target} not found\n") }
    }
}

impl LiveApp {
    /// Says whether it answers requests.
    fn serves(&self, now: Now) -> bool {
        self.status == Status::Online
            && (self.started == Now::default() || now.mono.since(self.started.mono) >= BOOT_MS)
    }
}

impl Live {
    fn new(cast: &'static Host, now: Now, random: &mut Random, next_pid: &mut u32) -> Self {
        let days = random.between(9.0, 120.0);
        let uptime_s = days * 86_400.0;
        let busy = cast.cpu_pct / 100.0;
        let cores = (0..cast.cores)
            .map(|_| {
                let all = uptime_s * HZ;
                let steal = all * cast.steal_pct / 100.0;
                [all * busy * 0.75, all * busy * 0.25, all * (1.0 - busy) - steal, all * 0.004, steal]
            })
            .collect();
        let apps = cast
            .apps
            .iter()
            .map(|cast| {
                *next_pid += 1;
                let runs = cast.releases.last().map_or_else(Version::none, |release| Version::of(release, now.utc));
                // Started with the host: `Now::default` marks what is older than this world.
                LiveApp {
                    cast,
                    status: Status::Online,
                    pid: Some(*next_pid),
                    ticks: uptime_s * 4.0,
                    restarts: cast.restarts,
                    started: Now::default(),
                    next: runs.clone(),
                    runs,
                }
            })
            .collect();
        let units = cast
            .units
            .iter()
            .map(|cast| LiveUnit { cast, active: true, pid: cast.pid, since: now, from_boot: true })
            .collect();
        Self {
            cast,
            cpu_pct: cast.cpu_pct,
            mem_pct: cast.mem_pct,
            load: [f64::from(cast.cores) * busy * 1.05; 3],
            cores,
            ticks: cast.processes.iter().map(|process| uptime_s * process.share * 30.0).collect(),
            net: [uptime_s * cast.net_bytes_s * 0.4, uptime_s * cast.net_bytes_s * 0.6],
            sectors: [uptime_s * 900.0, uptime_s * 2_100.0],
            apps,
            units,
            uptime_ms: whole(uptime_s * 1_000.0),
            phase: random.between(0.0, std::f64::consts::TAU),
            drift: 0.0,
        }
    }

    fn tick(&mut self, t: f64, dt: f64, random: &mut Random) {
        let cast = self.cast;
        let gone: f64 = self.apps.iter().filter(|app| app.status != Status::Online).map(|app| app.cast.share).sum();
        let wave = 0.7 * (t * std::f64::consts::TAU / 240.0 + self.phase).sin()
            + 0.3 * (t * std::f64::consts::TAU / 37.0 + self.phase * 3.0).sin();
        self.drift = self.drift * 0.9 + random.between(-1.0, 1.0) * 0.35;
        let wanted = (cast.cpu_pct + cast.cpu_wave * wave + self.drift * cast.cpu_wave * 0.4) * (1.0 - gone);
        self.cpu_pct = wanted.clamp(0.5, 98.5);
        let freed: f64 = self
            .apps
            .iter()
            .filter(|app| app.status != Status::Online)
            .map(|app| f64::from(app.cast.rss_mib) / (f64::from(cast.mem_gib) * 10.24))
            .sum();
        self.mem_pct = (cast.mem_pct + 1.2 * wave - freed).clamp(1.0, 99.0);
        let busy = self.cpu_pct / 100.0;
        let runnable = f64::from(cast.cores) * busy * 1.08 + self.drift.abs() * 0.2;
        for (load, seconds) in self.load.iter_mut().zip([60.0, 300.0, 900.0]) {
            let keep = (-dt / seconds).exp();
            *load = *load * keep + runnable * (1.0 - keep);
        }
        let ticks = dt * HZ;
        let steal = cast.steal_pct / 100.0;
        for (nth, core) in self.cores.iter_mut().enumerate() {
            // Cores differ a little and differently at every moment; their mean is the host's.
            let lean = 1.0 + 0.12 * (t / 9.0 + nth as f64 * std::f64::consts::TAU / f64::from(cast.cores)).sin();
            let busy = (busy * lean).clamp(0.0, 0.99 - steal);
            let [user, system, idle, iowait, stolen] = core;
            *user += ticks * busy * 0.76;
            *system += ticks * busy * 0.24;
            *idle += ticks * (1.0 - busy - steal) * 0.97;
            *iowait += ticks * (1.0 - busy - steal) * 0.03;
            *stolen += ticks * steal;
        }
        let spent = ticks * busy * f64::from(cast.cores);
        for (process, ticks) in cast.processes.iter().zip(&mut self.ticks) {
            *ticks += spent * process.share * random.between(0.9, 1.1);
        }
        for app in self.apps.iter_mut().filter(|app| app.status == Status::Online) {
            app.ticks += spent * app.cast.share * random.between(0.9, 1.1);
        }
        let traffic = cast.net_bytes_s * dt * (1.0 + 0.4 * wave) * (1.0 - 0.9 * gone) * random.between(0.9, 1.1);
        let [inward, outward] = &mut self.net;
        *inward += traffic * 0.4;
        *outward += traffic * 0.6;
        let [fetched, written] = &mut self.sectors;
        *fetched += dt * 900.0 * busy * random.between(0.5, 1.5);
        *written += dt * 2_100.0 * (0.3 + busy) * random.between(0.5, 1.5);
    }
}

fn gateway(after_ms: u64) -> Answer {
    Answer { status: 502, after_ms, kind: "text/html", body: page("502 Bad Gateway") }
}

fn page(title: &str) -> String {
    format!(
        "<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n</body>\r\n</html>\r\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::time::{Mono, Timestamp};
    use crate::demo::cast::{BUILDS, SERVICES};

    fn service(name: &str, env: &str) -> Option<&'static Service> {
        SERVICES.iter().find(|service| service.name == name && service.env == env)
    }

    fn at(ms: u64) -> Now {
        Now { utc: Timestamp(1_795_000_000_000 + i64::try_from(ms).unwrap()), mono: Mono(5_000 + ms) }
    }

    #[test]
    fn a_service_breaks_once_and_a_restart_mends_it() {
        let mut world = World::new(1, at(0), Some(8_000));
        let play = service("play", "prod").unwrap();
        assert_eq!(world.answer(play, "/health").status, 200);
        assert!(world.tick(at(7_999)).is_empty());
        assert_eq!(world.tick(at(8_000)), [("play-01", "play")]);
        assert!(world.tick(at(8_200)).is_empty());
        assert_eq!(world.answer(play, "/health").status, 502);
        assert_eq!(world.host("play-01").unwrap().apps[0].status, Status::Errored);
        assert_eq!(world.answer(service("cloud", "prod").unwrap(), "/health").status, 200, "others go on");

        let reply = world.command("play-01", &["pm2", "restart", "0"]);
        assert_eq!(reply.code, 0, "{}", reply.text);
        assert_eq!(world.answer(play, "/health").status, 502, "it has to boot first");
        world.tick(at(8_200 + BOOT_MS));
        assert_eq!(world.answer(play, "/health").status, 200);
        let app = &world.host("play-01").unwrap().apps[0];
        assert_eq!((app.restarts, app.status), (3 + 15 + 1, Status::Online));
        assert_eq!(world.tick(at(1_000_000)), [("play-01", "play")], "a restart is no cure");
    }

    #[test]
    fn what_is_started_is_what_lies_there() {
        let mut world = World::new(1, at(0), Some(8_000));
        let (play, there) = (service("play", "prod").unwrap(), HOSTS[1].apps[0].releases);
        world.tick(at(8_000));
        world.lies_there("play-01", "play", Version::of(&there[1], at(0).utc));
        world.tick(at(9_000));
        assert_eq!(world.answer(play, "/health").status, 502, "nothing was started yet");
        world.command("play-01", &["pm2", "restart", "0"]);
        world.tick(at(20_000));
        assert!(world.answer(play, "/health").body.contains("2.31.0"));
        assert_eq!(world.command("play-01", &["curl", "http://127.0.0.1:3004/version"]).text, "2.31.0\n");
        assert!(world.tick(at(3_600_000)).is_empty(), "it does not fade");

        world.lies_there("play-01", "play", Version::of(&BUILDS[1], at(0).utc));
        world.command("play-01", &["pm2", "reload", "0"]);
        world.tick(at(3_700_000));
        assert_eq!(world.answer(play, "/health").status, 500);
        assert_eq!(world.command("play-01", &["curl", "http://127.0.0.1:3004/health"]).code, 22);
        assert_eq!(world.command("api-01", &["curl", "http://127.0.0.1:3004/health"]).code, 7);
    }

    #[test]
    fn what_is_not_there_is_refused_with_the_real_exit_codes() {
        let mut world = World::new(1, at(0), None);
        assert_eq!(world.command("play-01", &["pm2", "restart", "7"]).code, 1);
        assert_eq!(world.command("play-01", &["pm2", "dance", "0"]).code, 1);
        assert_eq!(world.command("api-01", &["systemctl", "restart", "nope"]).code, 5);
        assert_eq!(world.command("nowhere", &["pm2", "restart", "0"]).code, 1);
        assert_eq!(world.command("api-01", &["systemctl", "stop", "apache2"]).code, 0);
        assert_eq!(world.answer(service("api", "prod").unwrap(), "/up").status, 503);
        assert_eq!(world.command("api-01", &["systemctl", "restart", "apache2.service"]).code, 0);
        assert_eq!(world.answer(service("api", "prod").unwrap(), "/up").status, 200);
    }

    #[test]
    fn numbers_stay_believable_for_a_day() {
        let mut world = World::new(42, at(0), None);
        for second in 1..=86_400 {
            world.tick(at(second * 1_000));
            for host in &world.hosts {
                let cast = host.cast;
                assert!((host.cpu_pct - cast.cpu_pct).abs() < cast.cpu_wave * 1.0 + cast.cpu_wave * 2.0, "{host:?}");
                assert!((0.0..=100.0).contains(&host.mem_pct));
            }
        }
        let db = world.host("db-01").unwrap();
        assert!(db.load[2] > 5.0 && db.load[2] < 9.5, "{:?}", db.load);
    }
}
