//! Runs a step that only looks, over the connection that is open, and holds its answer against what it must be.
use std::{sync::Arc, time::Duration};

use super::output::Lines;
use crate::{
    core::{
        incidents::evidence::sha256,
        inventory::Host,
        logs::redact::Redactor,
        runbooks::{Answer, Judged, Look, Seen, judge},
        runs::sudo,
    },
    remote::{Exit, Lane, Remote, Script, sudo as lent},
};

/// Lines of an answer that are kept, and characters of each.
const LINES: usize = 40;
const CHARS: usize = 300;

/// Asks a host. What was not answered is unknown: a lost link is never good, nor bad.
pub async fn look(remote: &dyn Remote, host: &Host, look: &Look, redact: Arc<Redactor>) -> Seen {
    let timeout = Duration::from_millis(look.timeout_ms);
    let mut script = Script { path_prefix: host.path_prefix.clone(), timeout, ..Script::new(look.script.as_str()) };
    let word = remote.sudo(&host.name).filter(|_| sudo::names(&script.text));
    if let Some(password) = word.clone() {
        script = lent::lend(script, password);
    }
    let output = match remote.run(&host.name, Lane::Control, script).await {
        Ok(output) => output,
        Err(error) => {
            let why = error.to_string();
            return Seen {
                host: host.name.clone(),
                exit: None,
                met: None,
                why,
                sha256: String::new(),
                head: Vec::new(),
            };
        }
    };
    let (exit, signal) = match &output.exit {
        Exit::Code(code) => (Some(*code), None),
        Exit::Signal(name) => (None, Some(format!("it was ended by SIG{name}"))),
    };
    let stdout = String::from_utf8_lossy(&output.stdout);
    let answer = Answer { exit, stdout: &stdout, cut: output.dropped_bytes > 0 };
    let Judged { met, why } = judge((look.exit, &look.expect), answer);
    let mut lines = Lines::new(redact, word);
    let mut head: Vec<String> = Vec::new();
    for (number, bytes) in [&output.stdout, &output.stderr].into_iter().enumerate() {
        head.extend(lines.push(number, bytes));
        head.extend(lines.rest(number));
    }
    let all = head.len();
    head.truncate(LINES);
    for line in &mut head {
        if let Some((end, _)) = line.char_indices().nth(CHARS) {
            line.truncate(end);
            line.push('…');
        }
    }
    match (output.dropped_bytes, all.saturating_sub(LINES)) {
        (0, 0) => {}
        (0, more) => head.push(format!("… {more} more lines")),
        (_, _) => head.push("… more was not kept".to_owned()),
    }
    Seen { host: host.name.clone(), exit, met, why: signal.unwrap_or(why), sha256: sha256(&output.stdout), head }
}
