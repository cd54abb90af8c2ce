//! `command`: a command on a host, for what only its own host can reach: databases, caches, queues behind the firewall.
//!
//! A host out of reach makes it Unknown, with the step that failed; only a command that ran can say Down. So that one
//! that hangs is told from a link that is dead, the host itself ends it (by `timeout`, where it has that) a second before
//! we give up.
use std::time::Duration;

use futures_util::future::BoxFuture;

use super::{Check, Context, Probe, Seen, params::Settings, took};
use crate::{
    config::{Field, Kind, Shape},
    core::{id::HostName, inventory::CheckSpec, services::Outcome},
    error::{self, Report},
    parse::sanitise,
    remote::{Exit, Lane, Output, RemoteError, Script},
};

/// Most bytes of each output that are kept.
const MAX_OUTPUT: usize = 64 * 1024;
/// What `timeout` exits with when the time is up.
const TIMED_OUT: i32 = 124;

/// The kind.
pub(super) struct Command;

impl Kind for Command {
    fn name(&self) -> &'static str {
        "command"
    }

    fn fields(&self) -> &'static [Field] {
        const FIELDS: &[Field] = &[
            Field {
                name: "run",
                shape: Shape::Text,
                required: true,
                doc: "Command for the shell of the host that `on` names. It must only look: it is run again and again.",
            },
            Field {
                name: "exit",
                shape: Shape::Integer { min: 0, max: 255 },
                required: false,
                doc: "Exit code that means up. Default `0`.",
            },
            Field {
                name: "match",
                shape: Shape::Regex,
                required: false,
                doc: "Regular expression that must match in the first 64 KiB of standard output; `(?m)` lets ^ and $ match at lines.",
            },
        ];
        FIELDS
    }
}

impl Check for Command {
    fn probe(&self, spec: &CheckSpec) -> Result<Box<dyn Probe>, Report> {
        let settings = Settings(&spec.params);
        let host = spec.on.clone().ok_or_else(|| {
            Report::new(error::Kind::Config, "`on` is missing").hint("name the host that the command runs on")
        })?;
        let run = settings.need_text("run")?;
        if run.contains('\0') {
            return Err(Report::new(error::Kind::Config, "`run` has a NUL character"));
        }
        Ok(Box::new(CommandProbe {
            host,
            script: Script {
                timeout: Duration::from_millis(spec.timeout_ms),
                max_output: MAX_OUTPUT,
                ..Script::new(bounded(run, spec.timeout_ms))
            },
            exit: settings.integer("exit")?.and_then(|exit| i32::try_from(exit).ok()).unwrap_or(0),
            matches: settings.regex("match")?,
        }))
    }

    fn silence(&self) -> Outcome {
        Outcome::Unknown
    }
}

/// Lets the host end the command before our own time is up.
fn bounded(run: &str, timeout_ms: u64) -> String {
    let seconds = (timeout_ms / 1_000).saturating_sub(1).max(1);
    let quoted = run.replace('\'', r"'\''");
    format!(
        "if command -v timeout >/dev/null 2>&1; then timeout {seconds} sh -c '{quoted}'; else sh -c '{quoted}'; fi </dev/null"
    )
}

struct CommandProbe {
    host: HostName,
    script: Script,
    exit: i32,
    matches: Option<regex::Regex>,
}

impl Probe for CommandProbe {
    fn ask<'a>(&'a self, context: &'a Context) -> BoxFuture<'a, Seen> {
        Box::pin(async move {
            let began = context.clock.now().mono;
            match context.remote.run(&self.host, Lane::Control, self.script.clone()).await {
                Ok(output) => {
                    let (outcome, detail) = self.judge(&output);
                    Seen { took_ms: took(context, began), ..Seen::new(outcome, detail) }
                }
                Err(RemoteError { host, what, .. }) => {
                    Seen::new(Outcome::Unknown, format!("cannot reach {host}: {what}"))
                }
            }
        })
    }
}

impl CommandProbe {
    fn judge(&self, output: &Output) -> (Outcome, String) {
        let said = || {
            let said = if output.stderr.trim_ascii().is_empty() { &output.stdout } else { &output.stderr };
            let said = sanitise::line_max(said.trim_ascii(), 120);
            if said.is_empty() { said } else { format!(": {said}") }
        };
        let code = match &output.exit {
            Exit::Code(code) => *code,
            Exit::Signal(signal) => {
                return (Outcome::Down, format!("ended by signal {}{}", sanitise::name(signal), said()));
            }
        };
        if code == TIMED_OUT && self.exit != TIMED_OUT {
            return (Outcome::Down, format!("the command did not end in time{}", said()));
        }
        if code != self.exit {
            return (Outcome::Down, format!("exit {code}, expected {}{}", self.exit, said()));
        }
        let Some(pattern) = &self.matches else { return (Outcome::Up, format!("exit {code}")) };
        let stdout = String::from_utf8_lossy(&output.stdout);
        if let Some(found) = pattern.find(&stdout) {
            return (Outcome::Up, format!("exit {code}, {:?}", sanitise::line_max(found.as_str(), 60)));
        }
        let said = sanitise::line_max(output.stdout.trim_ascii(), 120);
        (Outcome::Down, format!("output {said:?} does not match /{pattern}/"))
    }
}
