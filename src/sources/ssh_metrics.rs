//! /proc, df and the busiest processes of a host, from one shell loop that is kept running there.
//!
//! One channel per host, no login and no question per sample. The loop (`ssh_metrics.sh`) needs a POSIX shell, grep, awk and, for what they
//! bring, df, ps and date; it costs the host about half a percent of one core at two seconds. `df` and `ps` run beside the loop: a
//! dead mount holds up nothing, and there is never a second one. The loop ends with its channel.
use std::{future::pending, time::Duration};

use futures_util::future::BoxFuture;

use super::{Context, Reading, Source, SourceError, first_line};
use crate::{
    core::{
        hosts::LinkFault,
        inventory::{Host, Inventory},
    },
    parse::proc::{Blocks, Sampler},
    remote::{Chunk, Exit, Lane, RemoteError, Script, Stream},
};

/// Samples a host through its shell.
#[derive(Debug)]
pub struct SshMetrics;

const LOOP: &str = include_str!("ssh_metrics.sh");
/// The first line of the script, by which a simulated host knows it.
pub const MARK: &str = "# qd-sampler 1";
/// A loop that says nothing for so long is given up, although its link is alive.
const QUIET: Duration = Duration::from_secs(30);
const TOP_MS: u64 = 6_000;
const DF_MS: u64 = 15_000;
/// Blocks between two measurements of the round trip.
const RTT_EVERY: u32 = 30;

impl Source for SshMetrics {
    fn name(&self) -> &'static str {
        "ssh_metrics"
    }

    fn applies(&self, _inventory: &Inventory, _host: &Host) -> bool {
        true
    }

    fn run(&self, context: Context) -> BoxFuture<'static, SourceError> {
        Box::pin(sample(context))
    }
}

/// Returns the loop's text for samples every `every_ms`, rounded up to whole seconds because POSIX `sleep` knows no others.
pub fn script(every_ms: u64) -> String {
    let seconds = every_ms.div_ceil(1_000).clamp(1, 3_600);
    let every = |ms: u64| ms.div_ceil(seconds * 1_000).max(1).to_string();
    LOOP.replace("@EVERY@", &seconds.to_string()).replace("@TOP@", &every(TOP_MS)).replace("@DF@", &every(DF_MS))
}

async fn sample(context: Context) -> SourceError {
    let script = Script { path_prefix: context.host.path_prefix.clone(), ..Script::new(script(context.every_ms)) };
    let mut reader = match context.remote.stream(&context.host.name, Lane::Control, script).await {
        Ok(stream) => Reader::new(stream),
        Err(error) => return error.into(),
    };
    let quiet = QUIET.max(Duration::from_millis(context.every_ms.saturating_mul(3)));
    let mut sampler = Sampler::default();
    let mut rtt_ms = None;
    let mut measuring: Option<BoxFuture<'_, Option<u32>>> = None;
    let mut count = 0_u32;
    loop {
        let measured = async {
            match &mut measuring {
                Some(measuring) => measuring.await,
                None => pending().await,
            }
        };
        let blocks = tokio::select! {
            blocks = tokio::time::timeout(quiet, reader.blocks()) => blocks,
            measured = measured => {
                rtt_ms = measured.or(rtt_ms);
                measuring = None;
                continue;
            }
        };
        let blocks = match blocks {
            Ok(Ok(blocks)) => blocks,
            Ok(Err(End::Remote(error))) => return error.into(),
            Ok(Err(End::Exit(what))) if count == 0 => return SourceError::Absent(what),
            Ok(Err(End::Malformed(what) | End::Exit(what))) => return SourceError::Malformed(what),
            Err(_) => return too_quiet(&context, quiet).into(),
        };
        let now = context.clock.now();
        // Of several that came at once only the last is news, but each is the next one's past.
        let mut newest = None;
        for block in blocks {
            match sampler.push(&block, now, rtt_ms) {
                Ok(sample) => newest = Some(sample),
                Err(error) => return SourceError::Malformed(error.to_string()),
            }
        }
        if let Some(sample) = newest {
            context.deliver.reading(&context.host.name, "ssh_metrics", Reading::Sample(Box::new(sample)));
        }
        if count.is_multiple_of(RTT_EVERY) && measuring.is_none() && context.host.address != "local" {
            measuring = Some(Box::pin(round_trip(&context)));
        }
        count = count.wrapping_add(1).max(1);
    }
}

/// Times an empty command: opening a channel and running something in it is two round trips, and a little of the host's own time.
async fn round_trip(context: &Context) -> Option<u32> {
    let script = Script { timeout: Duration::from_secs(5), ..Script::new(":") };
    let begin = context.clock.now().mono;
    context.remote.run(&context.host.name, Lane::Control, script).await.ok()?;
    u32::try_from(context.clock.now().mono.since(begin) / 2).ok()
}

fn too_quiet(context: &Context, quiet: Duration) -> RemoteError {
    RemoteError {
        host: context.host.name.clone(),
        fault: LinkFault::Timeout,
        what: format!("the sampler said nothing for {} s", quiet.as_secs()),
        hint: Some("the host may be overloaded or out of processes".to_owned()),
        question: None,
    }
}

enum End {
    Remote(RemoteError),
    Malformed(String),
    Exit(String),
}

/// Cuts the stream into blocks.
struct Reader {
    stream: Stream,
    blocks: Blocks,
    stderr: Vec<u8>,
    /// Set after a gap: the next block is not whole.
    torn: bool,
}

impl Reader {
    fn new(stream: Stream) -> Self {
        Self { stream, blocks: Blocks::default(), stderr: Vec::new(), torn: false }
    }

    /// Waits for at least one whole block. Nothing is lost when it is dropped meanwhile.
    async fn blocks(&mut self) -> Result<Vec<Vec<u8>>, End> {
        loop {
            match self.stream.chunks.recv().await {
                Some(Chunk::Stdout(bytes)) => {
                    let mut blocks = self.blocks.push(&bytes).map_err(|error| End::Malformed(error.to_string()))?;
                    if self.torn && !blocks.is_empty() {
                        blocks.remove(0);
                        self.torn = false;
                    }
                    if !blocks.is_empty() {
                        return Ok(blocks);
                    }
                }
                Some(Chunk::Stderr(bytes)) => {
                    let room = 4_096_usize.saturating_sub(self.stderr.len());
                    self.stderr.extend(bytes.into_iter().take(room));
                }
                Some(Chunk::Dropped(_)) => {
                    self.blocks = Blocks::default();
                    self.torn = true;
                }
                Some(Chunk::Ended(exit)) => return Err(End::Exit(self.ended(&exit))),
                Some(Chunk::Lost(error)) => return Err(End::Remote(error)),
                None => return Err(End::Malformed("the sampler's stream broke off".to_owned())),
            }
        }
    }

    fn ended(&self, exit: &Exit) -> String {
        let how = match exit {
            Exit::Code(code) => format!("exit {code}"),
            Exit::Signal(signal) => format!("signal {}", crate::parse::sanitise::name(signal)),
        };
        match first_line(&self.stderr) {
            Some(why) => format!("the sampler ended ({how}): {why}"),
            None => format!("the sampler ended ({how}): it needs a POSIX shell and /proc"),
        }
    }
}
