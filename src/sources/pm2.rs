//! PM2's processes on a host, every ten seconds: asking costs the host about 170 ms of a core each time.
//!
//! `pm2` starts a daemon when none runs, so it is called only once a live one was seen: its socket is there, and the process in its pid
//! file says that it is PM2. (One that dies in the moment between would be started again, empty; pm2 offers no way to ask without.)
//! What it prints holds every application's environment: it goes to the parser, which keeps none of it, and nowhere else.
use std::time::Duration;

use futures_util::future::BoxFuture;

use super::{Context, Reading, Source, SourceError, first_line};
use crate::{
    core::{
        hosts::Pm2List,
        inventory::{Host, Inventory},
        time::Clock,
    },
    parse::pm2,
    remote::{Lane, Output, Remote, Script},
};

/// Asks PM2.
#[derive(Debug)]
pub struct Pm2;

/// The question, which ends by itself.
pub const SCRIPT: &str = include_str!("pm2.sh");
/// The first line of the script, by which a simulated host knows it.
pub const MARK: &str = "# qd-pm2 1";
const EVERY: Duration = Duration::from_secs(10);
/// A list of the most processes that are read, with environments of ten kilobytes twice, has not more.
const MAX_OUTPUT: usize = 16 << 20;

impl Source for Pm2 {
    fn name(&self) -> &'static str {
        "pm2"
    }

    /// Every host with an environment; one without is only passed on the way to others.
    fn applies(&self, _inventory: &Inventory, host: &Host) -> bool {
        host.env.is_some()
    }

    fn run(&self, context: Context) -> BoxFuture<'static, SourceError> {
        Box::pin(async move {
            loop {
                match ask(&context).await {
                    Ok(list) => context.deliver.reading(&context.host.name, "pm2", Reading::Pm2(list)),
                    Err(error) => return error,
                }
                tokio::time::sleep(EVERY.max(Duration::from_millis(context.every_ms))).await;
            }
        })
    }
}

/// Asks once.
///
/// # Errors
/// As the source's.
pub async fn ask(context: &Context) -> Result<Pm2List, SourceError> {
    list(context.remote.as_ref(), &context.host, context.clock.as_ref()).await
}

/// Asks a host once, for who has no [`Context`].
///
/// # Errors
/// As the source's.
pub async fn list(remote: &dyn Remote, host: &Host, clock: &dyn Clock) -> Result<Pm2List, SourceError> {
    let script = Script {
        path_prefix: host.path_prefix.clone(),
        timeout: Duration::from_secs(20),
        max_output: MAX_OUTPUT,
        ..Script::brief(SCRIPT)
    };
    let output = remote.run(&host.name, Lane::Control, script).await?;
    read(&output, clock.now().utc)
}

/// Reads the script's answer.
fn read(output: &Output, at: crate::core::time::Timestamp) -> Result<Pm2List, SourceError> {
    let (mut logs_bytes, mut daemon, mut binary, mut list) = (None, false, false, None);
    let mut offset = 0;
    for line in output.stdout.split_inclusive(|byte| *byte == b'\n') {
        offset += line.len();
        let line = line.trim_ascii_end();
        if let Some(kib) = line.strip_prefix(b"@@ logs ") {
            let kib: Option<u64> = std::str::from_utf8(kib).ok().and_then(|kib| kib.parse().ok());
            logs_bytes = kib.and_then(|kib| kib.checked_mul(1_024));
        } else if line.starts_with(b"@@ daemon ") {
            daemon = true;
        } else if line == b"@@ binary" {
            binary = true;
        } else if line == b"@@ list" {
            list = output.stdout.get(offset..);
            break;
        }
    }
    match list {
        Some(_) if output.dropped_bytes > 0 => Err(SourceError::Malformed("pm2's process list is too long".to_owned())),
        Some(list) => {
            let processes = pm2::jlist(list).map_err(|error| {
                let why = first_line(&output.stderr).map(|why| format!(": {why}")).unwrap_or_default();
                SourceError::Malformed(format!("{error}{why}"))
            })?;
            Ok(Pm2List { at, daemon: true, processes, logs_bytes })
        }
        None if daemon => Err(SourceError::Absent(
            "a PM2 daemon runs, but no pm2 command was found: name its directory in path_prefix".to_owned(),
        )),
        None if binary => Ok(Pm2List { at, daemon: false, processes: Vec::new(), logs_bytes }),
        None => Err(SourceError::Absent("no pm2 on this host".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{core::time::Timestamp, remote::Exit};

    fn answer(stdout: &str, stderr: &str) -> Result<Pm2List, SourceError> {
        let (stdout, stderr) = (stdout.as_bytes().to_vec(), stderr.as_bytes().to_vec());
        read(&Output { exit: Exit::Code(0), stdout, stderr, dropped_bytes: 0 }, Timestamp(7))
    }

    #[test]
    fn answers_are_told_apart() {
        let list =
            answer("motd\n@@ logs 12\n@@ daemon 7\n@@ binary\n@@ list\n>>>> noise\n[{\"pm_id\":3}]", "").unwrap();
        assert_eq!((list.daemon, list.logs_bytes, list.processes[0].pm_id), (true, Some(12_288), 3));
        let idle = answer("@@ binary\n", "").unwrap();
        assert_eq!((idle.daemon, idle.processes.len(), idle.logs_bytes), (false, 0, None));
        assert!(matches!(answer("", ""), Err(SourceError::Absent(what)) if what.contains("no pm2")));
        assert!(matches!(answer("@@ daemon 7\n", ""), Err(SourceError::Absent(what)) if what.contains("path_prefix")));
        let refused = answer("@@ daemon 7\n@@ binary\n@@ list\n", "\n\x1b[31m[PM2][ERROR] Permission denied\n");
        assert_eq!(
            refused,
            Err(SourceError::Malformed("pm2 printed no process list: [PM2][ERROR] Permission denied".to_owned()))
        );
    }
}
