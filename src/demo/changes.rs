//! What changed on the fleet's hosts before the demo began, and broke nothing: jobs, a package.
use std::{fs, io, path::Path};

use crate::core::time::{HOUR, MINUTE, Timestamp};

/// How far back jobs are on record.
const JOBS_MS: i64 = 3 * HOUR;
/// How often they begin.
const EVERY_MS: i64 = 5 * MINUTE;

/// Lays the logs that tell of it.
///
/// # Errors
/// When they cannot be written.
pub(super) fn lay(root: &Path, host: &str, born: Timestamp) -> io::Result<()> {
    let logs = root.join("var/log");
    fs::create_dir_all(&logs)?;
    let mut jobs = String::new();
    let mut at = born - JOBS_MS;
    while at < born {
        line!(&mut jobs, "{} {host} CRON[811]: (root) CMD (/usr/local/bin/ship-logs)", at.rfc3339());
        at = at + EVERY_MS;
    }
    fs::write(logs.join("syslog"), jobs)?;
    let upgraded = (born - 2 * HOUR).to_utc().unwrap_or_default().with_timezone(&chrono::Local);
    let line = format!("{} upgrade tzdata:all 2026a-0 2026b-0\n", upgraded.format("%Y-%m-%d %H:%M:%S"));
    fs::write(logs.join("dpkg.log"), line)
}
