//! The busiest processes: processor time that the sampler counted, and who they are as `ps -o pid= -o user= -o args=` says.
use std::collections::BTreeMap;

use super::sanitise;
use crate::core::hosts::Process;

const MAX_PROCESSES: usize = 32;
const MAX_COMMAND: usize = 120;

/// What `ps` says of one process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Who {
    /// Login name, perhaps shortened by `ps`.
    pub user: String,
    /// Command with its harmless arguments.
    pub command: String,
}

/// Reads rows `PID USER ARGS`, at most a few dozen.
pub fn who<'a>(rows: impl IntoIterator<Item = &'a str>) -> BTreeMap<u32, Who> {
    let read = |row: &str| {
        let (pid, rest) = row.trim_start().split_once(char::is_whitespace)?;
        let (user, args) = rest.trim_start().split_once(char::is_whitespace)?;
        Some((pid.parse().ok()?, Who { user: sanitise::name(user), command: command(args) }))
    };
    rows.into_iter().filter_map(read).take(MAX_PROCESSES).collect()
}

/// Shortens a command line to its program and the plain words after it.
///
/// Arguments are where passwords stand on badly kept hosts, so it ends at the first option, assignment, address with a login, or
/// anything else that is no plain word or path; `-jar` and `-m` are let through with the word after them.
pub fn command(args: &str) -> String {
    let mut words = args.split_whitespace();
    let first = words.next().unwrap_or_default();
    let mut out = match first.rsplit_once('/') {
        Some((_, base)) if first.starts_with('/') && !base.is_empty() => base.to_owned(),
        _ => first.to_owned(),
    };
    for word in words {
        let plain = word
            .chars()
            .all(|c| c.is_alphanumeric() || matches!(c, '/' | '.' | '_' | '-' | ':' | '(' | ')' | '[' | ']'));
        let named = matches!(word, "-jar" | "-m");
        if !named && (!plain || word.starts_with('-') || word.contains("://") || word.len() > 64) {
            break;
        }
        out.push(' ');
        out.push_str(word);
    }
    sanitise::line_max(out, MAX_COMMAND)
}

/// Reads the sampler's `top` section: `window SECONDS`, then `PID TICKS RSS_PAGES COMM` with the processor time used within it.
///
/// Busiest first. Empty without a window or without the length of a tick: then nothing is known.
pub fn top<'a>(
    rows: impl IntoIterator<Item = &'a str>,
    names: &BTreeMap<u32, Who>,
    ticks_per_s: Option<u64>,
    page_bytes: Option<u64>,
) -> Vec<Process> {
    let mut rows = rows.into_iter();
    let window: Option<f64> = rows
        .next()
        .and_then(|row| row.strip_prefix("window "))
        .and_then(|seconds| seconds.trim().parse().ok())
        .filter(|seconds: &f64| (0.05..1e6).contains(seconds));
    let (Some(window), Some(hz)) = (window, ticks_per_s.filter(|hz| *hz > 0)) else { return Vec::new() };
    let read = |row: &str| {
        let mut words = row.splitn(4, ' ');
        let pid = words.next()?.parse().ok()?;
        let ticks: u64 = words.next()?.parse().ok()?;
        let pages: i64 = words.next()?.parse().ok()?;
        let comm = words.next().unwrap_or_default();
        let known = names.get(&pid);
        #[expect(clippy::cast_possible_truncation, reason = "a percentage loses nothing that is shown")]
        let cpu_pct = (ticks as f64 / hz as f64 / window * 100.0) as f32;
        Some(Process {
            pid,
            user: known.map(|who| who.user.clone()).unwrap_or_default(),
            cpu_pct,
            rss_bytes: u64::try_from(pages).unwrap_or(0).saturating_mul(page_bytes.unwrap_or(4_096)),
            command: known.map_or_else(|| sanitise::name(comm), |who| who.command.clone()),
        })
    };
    let mut processes: Vec<Process> = rows.filter_map(read).take(MAX_PROCESSES).collect();
    processes.sort_by(|a, b| b.cpu_pct.total_cmp(&a.cpu_pct).then(a.pid.cmp(&b.pid)));
    processes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processes_are_named_and_sorted() {
        let names = who(["  4 deploy   node /srv/api/dist/main.js", " 77 root [kworker/0:0-events]", "x y z"]);
        let processes = top(
            ["window 2.00", "77 2 0 kworker/0:0", "4 176 1000 node /srv", "9 1 10 PM2 v7.0.4: God"],
            &names,
            Some(100),
            Some(4_096),
        );
        let shown: Vec<_> = processes.iter().map(|p| (p.pid, p.cpu_pct, p.user.as_str(), p.command.as_str())).collect();
        assert_eq!(
            shown,
            [
                (4, 88.0, "deploy", "node /srv/api/dist/main.js"),
                (77, 1.0, "root", "[kworker/0:0-events]"),
                (9, 0.5, "", "PM2 v7.0.4: God")
            ]
        );
        assert_eq!(processes[0].rss_bytes, 4_096_000);
    }

    #[test]
    fn arguments_that_may_be_secret_are_not_kept() {
        for (args, want) in [
            ("/usr/bin/redis-cli -a hunter2", "redis-cli"),
            ("mysql --password=hunter2 db", "mysql"),
            ("env DB=hunter2 node x", "env"),
            ("curl https://u:hunter2@host/", "curl"),
            ("worker {\"token\":\"hunter2\"}", "worker"),
            ("java -jar /opt/app.jar --key hunter2", "java -jar /opt/app.jar"),
            ("nginx: worker process", "nginx: worker process"),
            ("", ""),
        ] {
            assert_eq!(command(args), want);
        }
    }

    #[test]
    fn without_a_window_nothing_is_known() {
        assert!(top(["4 10 10 node"], &BTreeMap::new(), Some(100), None).is_empty());
        assert!(top(["window 0", "4 10 10 node"], &BTreeMap::new(), Some(100), None).is_empty());
        assert!(top(["window 2", "4 10 10 node"], &BTreeMap::new(), None, None).is_empty());
    }
}
