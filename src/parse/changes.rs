//! What a host says changed there: the answer of the script of [`sources::changes`](crate::sources::changes), line by line.
//!
//! Times are the host's; they are moved onto our clock where the two are apart. A line that is not understood is left out: it is one suspect less,
//! and what could not be read at all the host says itself.
use std::collections::BTreeMap;

use chrono::{DateTime, Datelike as _, FixedOffset, NaiveDateTime, TimeZone as _};

use super::sanitise;
use crate::core::{
    id::{HostName, ServiceId},
    incidents::suspects::{self, Between, Change, HostChanges, Kind, Source},
    time::{DAY, Timestamp},
};

/// Clocks that are less apart count as the same: the answer takes its time.
const SKEW_MS: i64 = 5_000;
/// Changes that are kept of one host.
const KEPT: usize = 1_000;
/// Letters that are kept of a line that others wrote.
const LETTERS: usize = 160;

/// Of which host an answer is.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The host.
    pub host: &'a HostName,
    /// Its services and their folders there.
    pub services: &'a [(ServiceId, Option<String>)],
    /// What is older is left out.
    pub since: Timestamp,
    /// When the answer came.
    pub at: Timestamp,
}

/// Reads an answer.
///
/// # Errors
/// When it is not whole: what is missing of it nobody knows.
pub fn read(bytes: &[u8], asked: Asked<'_>) -> Result<HostChanges, String> {
    let text = sanitise_lines(bytes);
    let mut reader = Reader::new(asked);
    let mut whole = false;
    for line in &text {
        let Some((what, rest)) = line.strip_prefix("@@ ").map(|line| line.split_once(' ').unwrap_or((line, ""))) else {
            continue;
        };
        whole |= what == "end";
        reader.line(what, rest);
    }
    if whole { Ok(reader.done()) } else { Err("its answer broke off".to_owned()) }
}

/// Lines with their tabs, which part fields; all else that is not safe goes.
fn sanitise_lines(bytes: &[u8]) -> Vec<String> {
    let parts = |line: &[u8]| {
        let fields = line.split(|byte| *byte == b'\t').map(|field| sanitise::line_max(field, 500));
        fields.collect::<Vec<_>>().join("\t")
    };
    bytes.split(|byte| *byte == b'\n').take(5_000).map(parts).collect()
}

struct Reader<'a> {
    asked: Asked<'a>,
    skew: i64,
    zone: Option<FixedOffset>,
    boot: Option<Timestamp>,
    kernel: String,
    /// Kernels of earlier starts, the newest first.
    kernels: Vec<String>,
    releases: BTreeMap<String, Vec<String>>,
    files: Vec<Change>,
    places: BTreeMap<String, (Timestamp, String)>,
    found: HostChanges,
}

impl<'a> Reader<'a> {
    fn new(asked: Asked<'a>) -> Self {
        Self {
            asked,
            skew: 0,
            zone: None,
            boot: None,
            kernel: String::new(),
            kernels: Vec::new(),
            releases: BTreeMap::new(),
            files: Vec::new(),
            places: BTreeMap::new(),
            found: HostChanges::default(),
        }
    }

    fn line(&mut self, what: &str, rest: &str) {
        let fields: Vec<&str> = rest.split('\t').collect();
        match (what, fields.as_slice()) {
            ("now", [now]) => {
                let skew = self.seconds(now).map_or(0, |now| now.since(self.asked.at));
                self.skew = if skew.abs() > SKEW_MS { skew } else { 0 };
            }
            ("zone", [zone]) => self.zone = zone.parse().ok(),
            ("kernel", [kernel]) => self.kernel = sanitise::name(kernel),
            ("boot", [at]) => self.boot = self.seconds(at),
            ("release", [path, name, at]) => {
                let made = self.seconds(at).map_or_else(|| "?".to_owned(), Timestamp::rfc3339);
                self.releases.entry((*path).to_owned()).or_default().push(format!("{name} made {made}"));
            }
            ("current", [path, name, at]) => {
                let between = Some(Between::versions(None, Some(name)));
                self.push_at(at, (Kind::Deploy, between), name, Source::Releases, path);
            }
            ("git", [path, entry, action]) => self.git(path, entry, action),
            ("place", [path, name, at]) => {
                if let Some(at) = self.seconds(at)
                    && self.places.get(*path).is_none_or(|(known, _)| at > *known)
                {
                    self.places.insert((*path).to_owned(), (at, (*name).to_owned()));
                }
            }
            ("file", [path, written, changed, by, hash]) => self.file(path, (written, changed), by, hash),
            ("cert", [path, at]) => {
                self.push_at(at, (Kind::Certificate, None), &format!("{path} replaced"), Source::Files, path);
            }
            ("crontab", [path, written, changed]) => self.file(path, (written, changed), "", ""),
            ("dpkg", [line]) => self.dpkg(line),
            ("cron", [line]) => self.cron(line),
            ("login", [line]) => self.login(line),
            ("missing", [what, why]) => self.found.missing.push(format!("{what}: {why}")),
            (_, _) => {}
        }
    }

    fn seconds(&self, text: &str) -> Option<Timestamp> {
        let (whole, part) = text.split_once('.').unwrap_or((text, ""));
        let seconds: i64 = whole.parse().ok().filter(|seconds| *seconds > 0)?;
        let millis: i64 = format!("{part:0<3}").get(..3)?.parse().ok()?;
        Some(Timestamp(seconds.checked_mul(1_000)?.checked_add(millis)? - self.skew))
    }

    fn local(&self, moment: NaiveDateTime) -> Option<Timestamp> {
        let at = self.zone?.from_local_datetime(&moment).single()?;
        Some(Timestamp(at.timestamp_millis() - self.skew))
    }

    fn rfc3339(&self, text: &str) -> Option<Timestamp> {
        let at = DateTime::parse_from_rfc3339(text).or_else(|_| DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%z"));
        Some(Timestamp(at.ok()?.timestamp_millis() - self.skew))
    }

    /// The service whose folder a path lies in, or that gave its file the name.
    fn service_of(&self, path: &str) -> Option<ServiceId> {
        suspects::service_of(self.asked.services, path)
    }

    fn change(&self, at: Timestamp, kind: Kind, what: &str, source: Source) -> Change {
        let what = sanitise::line_max(what, LETTERS);
        Change { hosts: vec![self.asked.host.clone()], ..Change::new(at, kind, what, source) }
    }

    fn push(&mut self, change: Change) {
        if change.at >= self.asked.since && self.found.changes.len() < KEPT {
            self.found.changes.push(change);
        }
    }

    fn push_at(&mut self, at: &str, (kind, between): (Kind, Option<Between>), what: &str, source: Source, path: &str) {
        if let Some(at) = self.seconds(at) {
            let service = self.service_of(path);
            self.push(Change { service, between, ..self.change(at, kind, what, source) });
        }
    }

    /// `OLD NEW NAME <MAIL> SECONDS ZONE`, and what was done: `pull: Fast-forward`.
    fn git(&mut self, path: &str, entry: &str, action: &str) {
        let Some((who, when)) = entry.rsplit_once("> ") else { return };
        let who = who.split(" <").next().unwrap_or_default();
        let [old, new, name] = who.splitn(3, ' ').collect::<Vec<_>>()[..] else { return };
        let Some(at) = when.split(' ').next().and_then(|at| self.seconds(at)) else { return };
        let short = |hash: &str| hash.chars().take(7).collect::<String>();
        let before = Some(old).filter(|old| !old.chars().all(|c| c == '0'));
        let between = Some(Between::versions(before, Some(new)));
        let (old, new) = (short(old), short(new));
        let what = if old.chars().all(|c| c == '0') { new } else { format!("{new}, from {old}") };
        let change = self.change(at, Kind::Deploy, &what, Source::Releases);
        let (service, by) = (self.service_of(path), Some(sanitise::name(name)));
        let detail = vec![format!("git in {path}: {}", sanitise::line_max(action, LETTERS))];
        self.push(Change { service, by, detail, between, ..change });
    }

    fn file(&mut self, path: &str, (written, changed): (&str, &str), by: &str, hash: &str) {
        let (Some(written), Some(changed)) = (self.seconds(written), self.seconds(changed)) else { return };
        // A time that was set, or brought along, is older than all that is looked at.
        let set = written < self.asked.since || written > changed + DAY;
        let mut detail = Vec::new();
        if set {
            detail.push(format!("its own time is {}: it was copied, moved or set", written.rfc3339()));
        }
        if !hash.is_empty() {
            detail.push(format!("SHA-256 now {}", hash.chars().take(16).collect::<String>()));
        }
        let change = self.change(if set { changed } else { written }, Kind::Config, path, Source::Files);
        let by = (!by.is_empty()).then(|| sanitise::name(by));
        let after = (!hash.is_empty()).then(|| hash.chars().take(16).collect());
        let between = Some(Between::File { path: path.to_owned(), before: None, after });
        self.files.push(Change { service: self.service_of(path), by, detail, between, ..change });
    }

    /// `2026-11-21 02:58:12 upgrade libssl3:amd64 3.0.13-1 3.0.14-1`.
    fn dpkg(&mut self, line: &str) {
        let words: Vec<&str> = line.split(' ').collect();
        let [day, time, action, name, old, new, ..] = words.as_slice() else { return };
        let moment = NaiveDateTime::parse_from_str(&format!("{day} {time}"), "%Y-%m-%d %H:%M:%S").ok();
        let Some(at) = moment.and_then(|moment| self.local(moment)) else { return };
        let name = name.split(':').next().unwrap_or(name);
        let what = match *action {
            "upgrade" => format!("{name} {old} → {new}"),
            "install" => format!("{name} {new} installed"),
            "remove" | "purge" => format!("{name} {old} removed"),
            _ => return,
        };
        let change = self.change(at, Kind::Package, &what, Source::Packages);
        self.push(change);
    }

    /// `1763690281.12 web-01 CRON[12]: (root) CMD (command)`, with the time as the journal or a system log writes it.
    fn cron(&mut self, line: &str) {
        let Some((head, job)) = line.split_once(" CMD (") else { return };
        let job = job.trim().trim_end_matches(')').trim();
        let by = head.rsplit_once('(').map(|(_, user)| sanitise::name(user.trim_end_matches(')')));
        let first = head.split(' ').next().unwrap_or_default();
        let at = self.seconds(first).or_else(|| self.rfc3339(first)).or_else(|| self.syslog(head));
        if let Some(at) = at {
            let change = self.change(at, Kind::Cron, job, Source::Syslog);
            let service = self
                .asked
                .services
                .iter()
                .find(|(_, folder)| folder.as_deref().is_some_and(|folder| job.contains(&format!("{folder}/"))));
            self.push(Change { service: service.map(|(id, _)| id.clone()), by, ..change });
        }
    }

    /// `Nov 21 02:58:01`, which leaves the year to whoever reads it: the one in which it is not ahead of the answer.
    fn syslog(&self, head: &str) -> Option<Timestamp> {
        let words: Vec<&str> = head.split_whitespace().take(3).collect();
        let year = self.asked.at.to_utc()?.year();
        let of = |year: i32| {
            let text = format!("{year} {}", words.join(" "));
            NaiveDateTime::parse_from_str(&text, "%Y %b %d %H:%M:%S").ok().and_then(|moment| self.local(moment))
        };
        of(year).filter(|at| at.since(self.asked.at) < DAY).or_else(|| of(year - 1))
    }

    /// `ana pts/0 10.0.0.9 2026-11-21T02:58:12+00:00 …`, or with `Sat Nov 21 02:58:12 2026`.
    fn login(&mut self, line: &str) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [user, tty, rest @ ..] = words.as_slice() else { return };
        if *user == "reboot" {
            self.kernels.extend(rest.get(1).map(sanitise::name));
        }
        if matches!(*user, "reboot" | "shutdown" | "runlevel" | "wtmp" | "btmp") {
            return;
        }
        let at = rest.iter().find_map(|word| self.rfc3339(word)).or_else(|| {
            let full = |of: &[&str]| NaiveDateTime::parse_from_str(&of.join(" "), "%a %b %d %H:%M:%S %Y").ok();
            rest.windows(5).find_map(full).and_then(|moment| self.local(moment))
        });
        let Some(at) = at else { return };
        let from = rest.first().filter(|word| word.contains(['.', ':']) && self.rfc3339(word).is_none());
        let what = match from {
            Some(from) => format!("{user} from {from}"),
            None => format!("{user} on {tty}"),
        };
        let change = self.change(at, Kind::Login, &what, Source::Logins);
        self.push(Change { by: Some(sanitise::name(user)), ..change });
    }

    fn done(mut self) -> HostChanges {
        if let Some(at) = self.boot {
            let before = self.kernels.iter().find(|kernel| **kernel != self.kernel);
            let what = match before {
                Some(before) => format!("{before} → {}", self.kernel),
                None => self.kernel.clone(),
            };
            let change = self.change(at, Kind::Reboot, &what, Source::Boot);
            self.push(change);
        }
        for (path, (at, name)) in std::mem::take(&mut self.places) {
            let change = self.change(at, Kind::Deploy, &format!("{path}/{name}"), Source::Files);
            let service = self.service_of(&path);
            self.push(Change { service, between: Some(Between::versions(None, None)), ..change });
        }
        for change in suspects::fold_files(std::mem::take(&mut self.files)) {
            self.push(change);
        }
        for change in &mut self.found.changes {
            let path = self.asked.services.iter().find(|(id, _)| Some(id) == change.service.as_ref());
            let releases = path.and_then(|(_, path)| self.releases.get(path.as_deref()?));
            if let Some(releases) =
                releases.filter(|_| change.kind == Kind::Deploy && change.source == Source::Releases)
            {
                change.detail.extend(releases.iter().cloned());
            }
        }
        self.found.changes.sort_by_key(|change| change.at);
        self.found
    }
}

#[cfg(test)]
#[path = "changes_tests.rs"]
mod tests;
