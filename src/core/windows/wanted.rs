//! What somebody types of a window, and whether it is taken.
use chrono::{NaiveTime, TimeZone as _};
use chrono_tz::Tz;

use super::{Covers, State, Window};
use crate::core::{
    id::ServiceId,
    inventory::Inventory,
    runs::{Actor, policy::Role},
    services::maintenance::{When, utc},
    time::{DAY, HOUR, MINUTE, Timestamp, parse_duration},
};

/// How long a window may last: a slip must not leave anything unwatched for longer.
pub const LONGEST_MS: i64 = 24 * HOUR;
/// A clock that comes later than this after the beginning is rather a slip than the next day.
const HALF_DAY: i64 = 12 * HOUR;
/// How far ahead one may begin.
const AHEAD_MS: i64 = 180 * DAY;
/// Letters of a reason.
const REASON: usize = 200;
/// How many names a message lists.
const LISTED: usize = 12;

/// A window as it is typed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// What it covers: `play@prod host:web-01 env:staging`, or `everything`.
    pub what: String,
    /// From when: `now`, `+30m`, `02:00`, `2026-12-20 02:00`.
    pub from: String,
    /// To when: the same, or how long.
    pub to: String,
    /// The time zone of both; empty: that of the display.
    pub zone: String,
    /// Why.
    pub why: String,
}

impl Wanted {
    /// Reads it.
    ///
    /// # Errors
    /// What is wrong with it, and what would be right.
    pub fn read(&self, inventory: &Inventory, now: Timestamp) -> Result<Window, String> {
        let covers = covers(&self.what, inventory)?;
        let zone: Tz = match self.zone.trim() {
            "" => inventory.display.timezone,
            text => text
                .parse()
                .map_err(|_| format!("there is no time zone `{text}`: as in America/Bogota, Europe/Berlin or UTC"))?,
        };
        // Clocks are typed in minutes: the one that goes on is not over.
        let minute = Timestamp(now.0 - now.0.rem_euclid(MINUTE));
        let from = moment(&self.from, zone, (minute, minute, false)).ok_or_else(|| no_time("from", &self.from))?;
        if from < minute {
            return Err(format!("it begins at {}, which is over: what was measured stays as it was", from.rfc3339()));
        }
        let from = from.max(now);
        let to = moment(&self.to, zone, (from, from + 1, true)).ok_or_else(|| no_time("to", &self.to))?;
        if to <= from {
            return Err(format!("it ends at {}, before it begins at {}", to.rfc3339(), from.rfc3339()));
        }
        let lasts = to.since(from);
        if lasts > LONGEST_MS {
            let hours = lasts.saturating_add(HOUR - 1) / HOUR;
            let most = LONGEST_MS / HOUR;
            return Err(format!("it lasts {hours} h: at most {most} h, so that no slip leaves anything unwatched"));
        }
        let is_clock = NaiveTime::parse_from_str(self.to.trim(), "%H:%M").is_ok();
        if is_clock && lasts > HALF_DAY {
            let (hours, day) = (lasts / HOUR, zoned(zone, to));
            return Err(format!("it would last {hours} h, to {day}: write the day too if that is meant"));
        }
        if from.since(now) > AHEAD_MS {
            return Err(format!("it begins in {} days: at most {} ahead", from.since(now) / DAY, AHEAD_MS / DAY));
        }
        let why: String = self.why.trim().chars().take(REASON).collect();
        if why.is_empty() {
            return Err("say why: it stands with everything that is muted".to_owned());
        }
        Ok(Window { covers, from, to, zone: zone.name().to_owned(), why })
    }

    /// Reads it, and says whether this person may have it.
    ///
    /// # Errors
    /// Why it is not taken.
    pub fn accept(&self, known: (&State, &Inventory), actor: &Actor, now: Timestamp) -> Result<Window, String> {
        let (state, inventory) = known;
        let window = self.read(inventory, now)?;
        may(&window.covers, inventory, actor)?;
        let same = |(_, other): &(_, &super::Known)| {
            other.ended.is_none()
                && (&other.window.covers, other.window.to) == (&window.covers, window.to)
                && (other.window.from == window.from || other.goes_on(window.from))
        };
        match state.all().find(same) {
            Some((uid, other)) => Err(format!("{} planned the same already: {uid}", other.by)),
            None => Ok(window),
        }
    }
}

/// Writes a moment as it is typed: `2026-12-20 02:00`.
fn zoned(zone: Tz, at: Timestamp) -> String {
    chrono::DateTime::from_timestamp_millis(at.0)
        .map_or_else(|| at.rfc3339(), |utc| utc.with_timezone(&zone).format("%Y-%m-%d %H:%M").to_string())
}

fn no_time(field: &str, text: &str) -> String {
    let shown: String = text.trim().chars().take(40).collect();
    match field {
        "from" => format!("from: `{shown}` is no time: now, +30m, 02:00 or 2026-12-20 02:00"),
        _ => format!("to: `{shown}` is no time: 2h, 04:00 or 2026-12-20 04:00"),
    }
}

/// Reads a moment: how long after a base, a clock's next time from a moment on, a day and a time, or RFC 3339.
fn moment(text: &str, zone: Tz, (base, next, last): (Timestamp, Timestamp, bool)) -> Option<Timestamp> {
    let text = text.trim();
    if text.eq_ignore_ascii_case("now") {
        return Some(base);
    }
    if let Ok(ms) = parse_duration(text.strip_prefix('+').unwrap_or(text)) {
        return Some(Timestamp(base.0.checked_add(i64::try_from(ms).ok()?)?));
    }
    if let Ok(at) = chrono::DateTime::parse_from_rfc3339(text) {
        return Some(Timestamp(at.timestamp_millis()));
    }
    if let Some(local) = When::moment(text) {
        return utc(zone, local, last);
    }
    let time = NaiveTime::parse_from_str(text, "%H:%M").ok()?;
    let mut day = zone.from_utc_datetime(&next.to_utc()?.naive_utc()).date_naive();
    for _ in 0..2 {
        let at = utc(zone, day.and_time(time), last)?;
        if at >= next {
            return Some(at);
        }
        day = day.succ_opt()?;
    }
    None
}

/// Reads what is covered. A name that is not there is an error: nothing else is muted for it.
fn covers(text: &str, inventory: &Inventory) -> Result<Covers, String> {
    let mut covers = Covers::default();
    for word in text.split([' ', ',']).filter(|word| !word.is_empty()) {
        let host = |name: &str| inventory.hosts.iter().find(|host| host.name.as_str() == name);
        let env = |name: &str| inventory.environments.iter().find(|env| env.name.as_str() == name);
        if matches!(word, "all" | "everything") {
            covers.all = true;
        } else if let Some(name) = word.strip_prefix("host:") {
            let known = host(name).ok_or_else(|| unknown("host", name, inventory))?;
            add(&mut covers.hosts, known.name.clone());
        } else if let Some(name) = word.strip_prefix("env:") {
            let known = env(name).ok_or_else(|| unknown("environment", name, inventory))?;
            add(&mut covers.environments, known.name.clone());
        } else {
            let is = |id: &ServiceId| id.to_string() == word || id.service.as_str() == word;
            let meant: Vec<&ServiceId> = inventory.services.iter().map(|of| &of.id).filter(|id| is(id)).collect();
            match (meant.as_slice(), host(word), env(word)) {
                ([id], None, None) => add(&mut covers.services, (*id).clone()),
                ([], Some(known), None) => add(&mut covers.hosts, known.name.clone()),
                ([], None, Some(known)) => add(&mut covers.environments, known.name.clone()),
                ([], None, None) => return Err(unknown("service, host or environment", word, inventory)),
                (several, _, _) => {
                    let services = several.iter().map(ToString::to_string);
                    let hosts = host(word).map(|host| format!("host:{}", host.name));
                    let envs = env(word).map(|env| format!("env:{}", env.name));
                    let names: Vec<String> = services.chain(hosts).chain(envs).collect();
                    return Err(format!("`{word}` may be several: name one of {}", names.join(", ")));
                }
            }
        }
    }
    if covers == Covers::default() {
        return Err("name what it covers: play@prod, host:web-01, env:staging, or everything".to_owned());
    }
    Ok(covers)
}

fn add<T: PartialEq>(all: &mut Vec<T>, one: T) {
    if !all.contains(&one) {
        all.push(one);
    }
}

/// Returns everything that may be named, as it is typed.
pub fn names(inventory: &Inventory) -> Vec<String> {
    let services = inventory.services.iter().map(|service| service.id.to_string());
    let hosts = inventory.hosts.iter().map(|host| format!("host:{}", host.name));
    let envs = inventory.environments.iter().map(|env| format!("env:{}", env.name));
    services.chain(envs).chain(hosts).collect()
}

fn unknown(thing: &str, name: &str, inventory: &Inventory) -> String {
    let shown: String = name.chars().take(40).collect();
    let all = names(inventory);
    let more = all.len().saturating_sub(LISTED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let listed: Vec<&str> = all.iter().take(LISTED).map(String::as_str).collect();
    format!("there is no {thing} `{shown}`; there are: {}{more}", listed.join(", "))
}

/// Says why a person may not mute this: who only looks in an environment mutes nothing there.
pub(super) fn may(covers: &Covers, inventory: &Inventory, actor: &Actor) -> Result<(), String> {
    let services = inventory.services.iter().filter(|service| covers.service(service)).map(|service| &service.id.env);
    let hosts = inventory.hosts.iter().filter(|host| covers.host(host)).filter_map(|host| host.env.as_ref());
    for env in services.chain(hosts) {
        let role = inventory.environment(env).map_or(Role::Admin, |env| env.roles.of(&actor.by));
        if role < Role::Responder {
            let (who, role) = (&actor.by, role.word());
            return Err(format!("{who} is a {role} in {env}: it takes a responder to mute anything there"));
        }
    }
    Ok(())
}
