//! Ninety days of made-up past: outages, slow hours, maintenance and a gap, with what people said about them.
//!
//! The past hangs on the days before now: the same seed and the same hour always give the same rows.
use super::{
    cast::{App, HOSTS, Host, SERVICES, Service},
    random::{Random, whole},
    releases,
    world::Version,
};
use crate::{
    core::{
        alerts::Severity,
        id::{HostName, Operator, ServiceId, Uid},
        incidents::{IncidentEvent, IncidentEventKind},
        record::{Bucket, DeclaredState, HostMinute, Row, StatusUpdate},
        runs::{Action, Build, Plan, RunEvent, RunEventKind, RunOutcome, Step, StepEnd, Verdict},
        services::{Health, Split, days::Calendar},
        time::{DAY, HOUR, MINUTE, Now, Timestamp},
    },
    store::{Lease, Owner, Store, StoreError},
};

/// How many days of past there are.
pub const DAYS: i64 = 90;
/// Where the demo's days begin: its team works in Bogotá.
pub(super) const ZONE: chrono_tz::Tz = chrono_tz::America::Bogota;
/// How many minutes of the hosts' past there are.
const HOST_MINUTES: i64 = 180;
/// How many rows are written at once.
const AT_ONCE: usize = 5_000;

/// What a stretch of a service's past was; of two at the same time the later in this list counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum State {
    Up,
    Degraded,
    Down,
    Maintenance,
    /// Nobody was recording.
    Unknown,
}

/// A stretch that was not simply up.
#[derive(Clone, Copy, Debug)]
struct Episode {
    from: i64,
    to: i64,
    state: State,
}

/// An outage that people remember.
struct Story {
    service: &'static str,
    days_ago: i64,
    /// When on that day, in minutes.
    at_min: i64,
    length_min: i64,
    state: State,
    severity: Severity,
    title: &'static str,
    cause: &'static str,
    mended: &'static str,
}

const STORIES: &[Story] = &[
    Story {
        service: "play",
        days_ago: 23,
        at_min: 9 * 60 + 12,
        length_min: 47,
        state: State::Down,
        severity: Severity::P1,
        title: "Play answers 502: pool timeouts after v2.29.0",
        cause: "The connection pool to MongoDB is exhausted since the deploy of v2.29.0.",
        mended: "Rolled back to v2.28.4; error rate is back to normal.",
    },
    Story {
        service: "api",
        days_ago: 41,
        at_min: 2 * 60 + 40,
        length_min: 12,
        state: State::Down,
        severity: Severity::P1,
        title: "API down: disk full on api-01",
        cause: "Log rotation had stopped; /var/log was full.",
        mended: "Logs rotated, Apache restarted.",
    },
    Story {
        service: "billing",
        days_ago: 9,
        at_min: 14 * 60 + 5,
        length_min: 190,
        state: State::Degraded,
        severity: Severity::P2,
        title: "Billing slow: payment partner answers late",
        cause: "The payment partner's API takes several seconds.",
        mended: "The partner has recovered; queued payments are through.",
    },
    Story {
        service: "cloud",
        days_ago: 2,
        at_min: 19 * 60 + 30,
        length_min: 40,
        state: State::Degraded,
        severity: Severity::P3,
        title: "Cloud slow during the nightly copy",
        cause: "The backup to object storage ran during peak hours.",
        mended: "Backup moved to 04:00 UTC.",
    },
];

/// Returns the made-up past as rows for a store: hours of every service, minutes of the hosts, updates and incidents.
pub fn past(seed: u64, now: Timestamp) -> Vec<Row> {
    let mut rows: Vec<Row> = SERVICES.iter().flat_map(|service| buckets(seed, now, service)).map(Row::Bucket).collect();
    rows.extend(host_minutes(seed, now).into_iter().map(Row::HostMinute));
    for host in HOSTS {
        host.apps.iter().for_each(|app| brought_out(seed, now, host, app, &mut rows));
    }
    for (nth, story) in STORIES.iter().enumerate() {
        tell(story, Random::named(seed, story.title).bits() ^ nth as u64, now, &mut rows);
    }
    rows
}

/// Writes the past into a store that nobody records to yet.
///
/// # Errors
/// When the store cannot be written, or somebody else holds its lease.
pub fn write_past(store: &mut dyn Store, seed: u64, now: Now) -> Result<(), StoreError> {
    let owner = Owner { uid: uid(seed), label: "the demo's past".to_owned() };
    let epoch = match store.lease(&owner, now, 60_000)? {
        Lease::Mine { epoch } => epoch,
        // The store of a demo is its own: whoever records there has brought a past along.
        Lease::Other { .. } => return Ok(()),
    };
    for rows in past(seed, now.utc).chunks(AT_ONCE) {
        store.commit(rows, Some(epoch))?;
    }
    store.release(&owner)
}

fn uid(bits: u64) -> Uid {
    let mut uid = [0; 6];
    uid.iter_mut().zip(bits.to_be_bytes()).for_each(|(to, from)| *to = from);
    Uid(uid)
}

fn service_id(service: &str, env: &str) -> ServiceId {
    ServiceId { service: service.into(), env: env.into() }
}

/// Returns the start of the day that lies this many days before the present one, in UTC.
fn day(now: Timestamp, days_ago: i64) -> i64 {
    now.0.div_euclid(DAY) * DAY - days_ago * DAY
}

fn buckets(seed: u64, now: Timestamp, service: &Service) -> Vec<Bucket> {
    let episodes = episodes(seed, now, service);
    let this_hour = now.0.div_euclid(HOUR) * HOUR;
    let mut buckets = Vec::new();
    let mut add = |start: i64, length_ms: i64, to: i64| {
        let split = split(start, to, &episodes);
        // A stretch of which nothing is known has no row.
        if split.up_ms + split.degraded_ms + split.down_ms + split.maintenance_ms > 0 {
            let service = service_id(service.name, service.env);
            buckets.push(Bucket { service, start: Timestamp(start), length_ms, split, source: Bucket::OWN.to_owned() });
        }
    };
    // As a recorder leaves them: hours of UTC and days of the display zone, cut from the same past; today as far as it is.
    let calendar = Calendar::new(ZONE, now);
    for (day, _) in calendar.shown() {
        add(day.from.0, day.ms(), day.to.0.min(this_hour));
    }
    let first = calendar.shown().next().map_or(this_hour, |(day, _)| day.from.0);
    let mut start = first.div_euclid(HOUR) * HOUR;
    while start < this_hour {
        add(start, HOUR, start + HOUR);
        start += HOUR;
    }
    buckets
}

/// Divides a stretch: at every moment the worst of what was going on counts.
fn split(start: i64, end: i64, episodes: &[Episode]) -> Split {
    let near: Vec<_> = episodes.iter().filter(|episode| episode.from < end && episode.to > start).collect();
    let mut borders: Vec<i64> = near.iter().flat_map(|episode| [episode.from, episode.to]).collect();
    borders.extend([start, end]);
    borders.retain(|border| (start..=end).contains(border));
    borders.sort_unstable();
    let mut split = Split::default();
    for (from, to) in borders.iter().zip(borders.iter().skip(1)) {
        let state =
            near.iter().filter(|episode| episode.from <= *from && episode.to >= *to).map(|episode| episode.state).max();
        let part = match state.unwrap_or(State::Up) {
            State::Up => &mut split.up_ms,
            State::Degraded => &mut split.degraded_ms,
            State::Down => &mut split.down_ms,
            State::Maintenance => &mut split.maintenance_ms,
            State::Unknown => &mut split.unknown_ms,
        };
        *part += to - from;
    }
    split
}

fn episodes(seed: u64, now: Timestamp, service: &Service) -> Vec<Episode> {
    let mut random = Random::named(seed, &format!("{}@{}", service.name, service.env));
    let mut episodes = Vec::new();
    let mut add = |from: i64, length: i64, state: State| episodes.push(Episode { from, to: from + length, state });
    // Staging is rougher.
    let rough = if service.env == "prod" { 1.0 } else { 4.0 };
    for days_ago in 1..=DAYS {
        let midnight = day(now, days_ago);
        let mut some = |chance: f64, low: f64, high: f64, state: State| {
            // Always drawn, so that one more episode leaves the days before it as they were.
            let (dice, at, minutes) = (random.unit(), random.unit(), random.between(low, high));
            if dice < chance * rough {
                add(midnight + length(at * 1_380.0), length(minutes), state);
            }
        };
        some(0.04, 0.4, 4.0, State::Down);
        some(0.11, 4.0, 35.0, State::Degraded);
        some(0.012, 8.0, 26.0, State::Down);
    }
    if service.env == "prod" {
        for story in STORIES.iter().filter(|story| story.service == service.name) {
            add(day(now, story.days_ago) + story.at_min * MINUTE, story.length_min * MINUTE, story.state);
        }
        // One evening nobody was recording: neither up nor down.
        add(day(now, 52) + 17 * HOUR, 5 * HOUR + 20 * MINUTE, State::Unknown);
    }
    match service.name {
        // A window every week.
        "conecta" => (0..12).for_each(|week| add(day(now, 3 + 7 * week) + 2 * HOUR, 2 * HOUR, State::Maintenance)),
        // Watched for a short time only.
        "satellite" => add(day(now, DAYS), 12 * DAY, State::Unknown),
        _ => {}
    }
    episodes
}

fn length(minutes: f64) -> i64 {
    i64::try_from(whole(minutes * 60.0)).unwrap_or_default() * 1_000
}

fn host_minutes(seed: u64, now: Timestamp) -> Vec<HostMinute> {
    let minute = now.0.div_euclid(MINUTE);
    let mut minutes = Vec::new();
    for host in HOSTS {
        let mut random = Random::named(seed, host.name);
        let phase = random.between(0.0, std::f64::consts::TAU);
        for ago in (1..=HOST_MINUTES).rev() {
            let wave = (ago as f64 / 4.0 * std::f64::consts::TAU + phase).sin() * 0.4
                + (ago as f64 / 47.0 * std::f64::consts::TAU).sin() * 0.5
                + random.between(-0.2, 0.2);
            let cpu = (host.cpu_pct + host.cpu_wave * wave).clamp(0.5, 99.0);
            minutes.push(HostMinute {
                host: HostName::from(host.name),
                at: Timestamp((minute - ago) * MINUTE),
                cpu_pct: Some(narrow(cpu)),
                mem_pct: Some(narrow(host.mem_pct + wave)),
                load: Some(narrow(cpu / 100.0 * f64::from(host.cores) * 1.05)),
            });
        }
    }
    minutes
}

#[expect(clippy::cast_possible_truncation, reason = "a percentage needs no more than seven digits")]
fn narrow(number: f64) -> f32 {
    number as f32
}

/// Adds what people wrote while it lasted: status updates and an incident.
fn tell(story: &Story, bits: u64, now: Timestamp, rows: &mut Vec<Row>) {
    let service = service_id(story.service, "prod");
    let from = Timestamp(day(now, story.days_ago) + story.at_min * MINUTE);
    let to = from + story.length_min * MINUTE;
    let part = |percent: i64| from + story.length_min * MINUTE * percent / 100;
    let (engineer, console) = (Operator::from("ana"), Operator::from("qd"));
    let said = [
        (from + 4 * MINUTE, DeclaredState::Investigating, story.title),
        (part(55), DeclaredState::Identified, story.cause),
        (part(90), DeclaredState::Monitoring, story.mended),
        (to + 20 * MINUTE, DeclaredState::Resolved, "Nothing further seen."),
    ];
    rows.extend(said.map(|(at, state, text)| {
        Row::StatusUpdate(StatusUpdate {
            at,
            by: engineer.clone(),
            service: Some(service.clone()),
            state,
            text: text.to_owned(),
        })
    }));
    let incident = uid(bits);
    let happened = [
        (
            from + 2 * MINUTE,
            &engineer,
            IncidentEventKind::Opened {
                title: story.title.to_owned(),
                severity: story.severity,
                service: Some(service.clone()),
            },
        ),
        (
            from,
            &console,
            IncidentEventKind::Detected { alert: uid(bits.rotate_left(7)), summary: story.title.to_owned() },
        ),
        (from + 3 * MINUTE, &engineer, IncidentEventKind::Acknowledged),
        (part(55), &engineer, IncidentEventKind::Note { text: story.cause.to_owned() }),
        (part(90), &engineer, IncidentEventKind::Note { text: story.mended.to_owned() }),
        (to, &console, IncidentEventKind::Resolved { summary: "all checks are up again".to_owned() }),
    ];
    rows.extend(happened.map(|(at, by, kind)| Row::Incident(IncidentEvent { incident, at, by: by.clone(), kind })));
}

/// The steps of a deploy in the past, and how many seconds each took.
const DEPLOY: [(&str, i64); 6] =
    [("unpack", 2), ("switch", 0), ("reload 0", 3), ("see it run", 1), ("healthy", 5), ("save", 1)];

/// Adds the runs that brought out what runs on a host, and what ran there before.
fn brought_out(seed: u64, now: Timestamp, host: &Host, app: &App, rows: &mut Vec<Row>) {
    let mut from = None;
    for release in app.releases {
        let Version { version, release: name } = Version::of(release, now);
        let at = now - release.minutes_ago * MINUTE;
        let service = service_id(app.service, host.env);
        let run = uid(Random::named(seed, &format!("{service} {version}")).bits());
        let step = |(name, _): (&str, i64)| Step {
            host: host.name.into(),
            name: name.to_owned(),
            command: format!("# {name}: the demo's past has no commands"),
            path_prefix: Vec::new(),
            timeout_ms: 60_000,
        };
        let plan = Plan {
            action: Action::Deploy { version: version.clone() },
            from: from.replace(name),
            upload: Some(Build {
                path: format!("builds/{version}.tar"),
                sha256: releases::sum(app, &version),
                version: version.clone(),
                bytes: 41_230_336,
                made: at - 5 * MINUTE,
            }),
            steps: DEPLOY.map(step).to_vec(),
            effect: "on each host open requests are cut while its process starts anew".into(),
            undo: "by itself, once".into(),
            ..Plan::new(
                service.clone(),
                format!("deploy {} {version}", app.service),
                format!("~/www/{}/.qd.lock", app.name),
            )
        };
        let confirmed = RunEventKind::Confirmed {
            plan: plan.into(),
            reason: format!("release {version}"),
            incident: None,
            before: Health::Up,
            second_person: false,
            known: None,
        };
        let mut add = |at, kind| rows.push(Row::Run(RunEvent { run, at, by: "ana".into(), kind }));
        add(at, confirmed);
        let mut moment = at + 2_000;
        for (step, (_, seconds)) in DEPLOY.iter().enumerate() {
            add(moment, RunEventKind::StepStarted { step });
            moment = moment + seconds * 1_000 + 400;
            add(moment, RunEventKind::StepEnded { step, end: StepEnd::Exit(0) });
        }
        add(moment, RunEventKind::Ended { outcome: RunOutcome::Succeeded });
        let summary = format!("{service} is well: up before, up now");
        add(moment + 10_000, RunEventKind::Proved { verdict: Verdict::Recovered, summary });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_795_204_865_304);

    #[test]
    fn the_same_seed_tells_the_same_past() {
        assert_eq!(past(7, NOW), past(7, NOW));
        assert_ne!(past(7, NOW), past(8, NOW));
    }

    #[test]
    fn hours_and_days_tell_the_same_past() {
        let all =
            |split: Split| split.up_ms + split.degraded_ms + split.down_ms + split.maintenance_ms + split.unknown_ms;
        let calendar = Calendar::new(ZONE, NOW);
        for service in SERVICES {
            let (hours, days): (Vec<_>, Vec<_>) =
                buckets(7, NOW, service).into_iter().partition(|bucket| bucket.length_ms == HOUR);
            assert!(days.len() > 70 && hours.len() > 70 * 24, "{} {}", days.len(), hours.len());
            for hour in &hours {
                assert_eq!(all(hour.split), HOUR, "{hour:?}");
                assert!(hour.start.0 % HOUR == 0 && hour.start.0 + HOUR <= NOW.0);
            }
            for day in &days {
                assert!(calendar.is_day(day.start, day.length_ms), "{day:?}");
                let within = |hour: &&Bucket| (day.start..day.start + day.length_ms).contains(&hour.start);
                let down: i64 = hours.iter().filter(within).map(|hour| hour.split.down_ms).sum();
                assert_eq!(down, day.split.down_ms, "{day:?}");
            }
        }
    }

    #[test]
    fn percentages_are_those_of_a_team_that_tries() {
        for service in SERVICES.iter().filter(|service| service.env == "prod") {
            let (mut up, mut down) = (0, 0);
            let seed = crate::demo::Options::default().seed;
            for bucket in buckets(seed, NOW, service).iter().filter(|bucket| bucket.length_ms > HOUR) {
                up += bucket.split.up_ms + bucket.split.degraded_ms;
                down += bucket.split.down_ms;
            }
            let percent = up as f64 / (up + down) as f64 * 100.0;
            assert!((99.5..=100.0).contains(&percent), "{}: {percent}", service.name);
        }
    }

    #[test]
    fn of_two_at_once_the_worse_counts() {
        let episodes = [
            Episode { from: HOUR + 10 * MINUTE, to: HOUR + 40 * MINUTE, state: State::Degraded },
            Episode { from: HOUR + 30 * MINUTE, to: 3 * HOUR, state: State::Down },
        ];
        let parts = split(HOUR, 2 * HOUR, &episodes);
        assert_eq!((parts.up_ms, parts.degraded_ms, parts.down_ms), (10 * MINUTE, 20 * MINUTE, 30 * MINUTE));
        assert_eq!(split(0, HOUR, &episodes).up_ms, HOUR);
    }
}
