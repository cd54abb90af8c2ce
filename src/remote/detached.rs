//! Runs on a host that outlive the link and the console.
//!
//! A run is a directory on its host, `~/.quarterdeck/runs/UID`, mode 0700: `plan` is the script that runs, `journal` what
//! it did with the times of the host's clock, `out.N` what step N printed, `pid` who runs it. The directory is made by
//! mkdir, so that starting twice under one id runs once. A lock, made by mkdir too, keeps other logins out; the script
//! takes it first and gives it back last.
use std::time::Duration;

use super::{Chunk, Lane, Remote, RemoteError, Script};
use crate::core::{
    hosts::LinkFault,
    id::{HostName, Uid},
    runs::{Step, StepEnd},
    time::Timestamp,
};

/// Days after which a run's directory is removed, at the next start of another.
const KEEP_DAYS: u32 = 30;
/// Bytes of one piece at most.
const PIECE: u64 = 65_536;

/// What was found when a run was to be started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Started {
    /// It runs now.
    Now,
    /// It had been started before, and was not started again.
    Before,
}

/// What happened on the host, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Somebody else holds the lock: nothing was run.
    Locked {
        /// What the lock says of its owner, raw.
        owner: Vec<u8>,
    },
    /// The lock cannot be made: nothing was run.
    NoLock,
    /// A step began.
    StepStarted {
        /// Index into the plan's steps.
        step: usize,
        /// When, by the host's clock, to the second.
        at: Timestamp,
    },
    /// A step printed something.
    Output {
        /// Index into the plan's steps.
        step: usize,
        /// Raw bytes.
        bytes: Vec<u8>,
    },
    /// A step ended.
    StepEnded {
        /// Index into the plan's steps.
        step: usize,
        /// When, by the host's clock, to the second.
        at: Timestamp,
        /// How.
        end: StepEnd,
    },
    /// All is done on this host.
    Done {
        /// Whether every step exited with 0.
        succeeded: bool,
    },
    /// The script is gone and did not finish: it was killed, or the host restarted.
    Died,
    /// The host knows no such run.
    Gone,
}

/// How far a run was followed, so that following again repeats nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    journal: u64,
    outputs: Vec<(usize, u64)>,
    line: Vec<u8>,
}

/// Steps of one host with their indexes in the plan.
pub type Share<'a> = [(usize, &'a Step)];

/// Starts a run's steps on a host, unless they were started under this id before.
///
/// # Errors
/// When the host cannot be reached, or was lost meanwhile: then nobody knows, and starting again is safe.
pub async fn start(
    remote: &dyn Remote,
    host: &HostName,
    uid: Uid,
    steps: &Share<'_>,
    lock: &str,
    owner: &str,
) -> Result<Started, RemoteError> {
    let refuse =
        |what: String| RemoteError { host: host.clone(), fault: LinkFault::Protocol, what, hint: None, question: None };
    let plan = runner(uid, steps, lock, owner).map_err(|what| refuse(what.to_owned()))?;
    let text = format!(
        "umask 077\n\
         runs=\"$HOME/.quarterdeck/runs\"\n\
         mkdir -p \"$runs\" || exit 70\n\
         find \"$runs\" -mindepth 1 -maxdepth 1 -type d -mtime +{KEEP_DAYS} -exec rm -rf {{}} + 2>/dev/null\n\
         if ! mkdir \"$runs/{uid}\" 2>/dev/null; then\n\
         [ -d \"$runs/{uid}\" ] && {{ echo before; exit 0; }}\n\
         exit 71\n\
         fi\n\
         cd \"$runs/{uid}\" || exit 72\n\
         : > journal\n\
         printf '%s' {plan} > plan || exit 73\n\
         if command -v setsid >/dev/null 2>&1; then\n\
         setsid sh plan </dev/null >/dev/null 2>&1 &\n\
         else\n\
         nohup sh plan </dev/null >/dev/null 2>&1 &\n\
         fi\n\
         echo $! > pid\n\
         echo now\n",
        plan = shlex::try_quote(&plan).map_err(|_| refuse("a command contains a NUL byte".to_owned()))?,
    );
    let output = remote.run(host, Lane::Control, Script::new(text)).await?;
    match output.stdout.trim_ascii() {
        b"now" => Ok(Started::Now),
        b"before" => Ok(Started::Before),
        _ => {
            let said = crate::parse::sanitise::line(&output.stderr);
            Err(refuse(format!("the run could not be set up in ~/.quarterdeck/runs ({:?}): {said}", output.exit)))
        }
    }
}

/// Follows a run from where `progress` stands until it is done, and hands over what happens.
///
/// # Errors
/// When the link is lost: the run goes on; following again with the same progress loses nothing.
pub async fn follow(
    remote: &dyn Remote,
    host: &HostName,
    uid: Uid,
    steps: &[usize],
    progress: &mut Progress,
    mut tell: impl FnMut(Event) + Send,
) -> Result<(), RemoteError> {
    for step in steps {
        if !progress.outputs.iter().any(|(known, _)| known == step) {
            progress.outputs.push((*step, 0));
        }
    }
    let mut script = Script::new(watcher(uid, progress));
    script.timeout = Duration::from_secs(30);
    let mut stream = remote.stream(host, Lane::Control, script).await?;
    let mut pieces = Pieces::default();
    while let Some(chunk) = stream.chunks.recv().await {
        match chunk {
            Chunk::Stdout(bytes) => {
                for piece in pieces.push(&bytes) {
                    if take(piece, progress, &mut tell) {
                        return Ok(());
                    }
                }
            }
            Chunk::Stderr(bytes) => {
                tracing::debug!(%host, said = crate::parse::sanitise::line(&bytes), "following a run");
            }
            Chunk::Lost(error) => return Err(error),
            // The stream is framed: with a hole in it nothing after can be read. The next try asks for it again.
            Chunk::Dropped(_) | Chunk::Ended(_) => break,
        }
    }
    Err(RemoteError {
        host: host.clone(),
        fault: LinkFault::Lost,
        what: "following the run ended early".into(),
        hint: None,
        question: None,
    })
}

/// Takes one piece; true when nothing more comes.
fn take(piece: Piece, progress: &mut Progress, tell: &mut impl FnMut(Event)) -> bool {
    match piece.name.as_str() {
        "gone" => {
            tell(Event::Gone);
            true
        }
        "dead" => {
            tell(Event::Died);
            true
        }
        "journal" => {
            progress.journal += piece.bytes.len() as u64;
            progress.line.extend(piece.bytes);
            let mut over = false;
            while let Some(end) = progress.line.iter().position(|byte| *byte == b'\n') {
                let rest = progress.line.split_off(end + 1);
                let line = std::mem::replace(&mut progress.line, rest);
                if let Some(event) = entry(&line) {
                    over |= matches!(event, Event::Done { .. });
                    tell(event);
                }
            }
            over
        }
        name => {
            let step = name.strip_prefix("out.").and_then(|number| number.parse::<usize>().ok());
            if let Some((step, offset)) = step.and_then(|step| progress.outputs.iter_mut().find(|(of, _)| *of == step))
            {
                *offset += piece.bytes.len() as u64;
                tell(Event::Output { step: *step, bytes: piece.bytes });
            }
            false
        }
    }
}

/// Reads a line of the journal: `SECONDS WORD ARGUMENTS`.
fn entry(line: &[u8]) -> Option<Event> {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let mut words = line.splitn(3, |byte| *byte == b' ');
    let number = |word: Option<&[u8]>| std::str::from_utf8(word?).ok()?.trim().parse::<i64>().ok();
    let at = Timestamp(number(words.next())?.saturating_mul(1_000));
    let word = words.next()?;
    let rest = words.next().unwrap_or_default();
    let mut arguments = rest.split(|byte| *byte == b' ');
    match word {
        b"locked" => Some(Event::Locked { owner: rest.to_owned() }),
        b"nolock" => Some(Event::NoLock),
        b"start" => Some(Event::StepStarted { step: usize::try_from(number(arguments.next())?).ok()?, at }),
        b"exit" => {
            let step = usize::try_from(number(arguments.next())?).ok()?;
            let code = i32::try_from(number(arguments.next())?).ok()?;
            // `timeout` says 124 when it had to end the command, 137 when it had to kill it.
            let end = match (code, arguments.next()) {
                (124 | 137, Some(b"timeout")) => StepEnd::TimedOut,
                _ => StepEnd::Exit(code),
            };
            Some(Event::StepEnded { step, at, end })
        }
        b"done" => Some(Event::Done { succeeded: number(arguments.next())? == 0 }),
        _ => None,
    }
}

/// The script that runs on the host.
fn runner(uid: Uid, steps: &Share<'_>, lock: &str, owner: &str) -> Result<String, &'static str> {
    use std::fmt::Write as _;

    let quote = |text: &str| shlex::try_quote(text).map(std::borrow::Cow::into_owned).map_err(|_| "a NUL byte");
    let (lock, owner) = (quote(lock)?, quote(owner)?);
    let mut text = format!(
        "# A run of quarterdeck. What it does stands in journal, what it prints in out.N.\n\
         umask 077\n\
         cd \"$HOME/.quarterdeck/runs/{uid}\" || exit 72\n\
         run=$PWD\n\
         lock={lock}\n\
         note() {{ printf '%s %s\\n' \"$(date +%s)\" \"$*\" >> \"$run/journal\"; }}\n\
         trap '' HUP\n\
         if ! mkdir \"$lock\" 2>/dev/null; then\n\
         if [ -d \"$lock\" ]; then note locked \"$(head -c 200 \"$lock/owner\" 2>/dev/null | tr '\\n' ' ')\"; else note nolock; fi\n\
         note done 75\n\
         exit 75\n\
         fi\n\
         unlock() {{ rm -f \"$lock/owner\"; rmdir \"$lock\"; }}\n\
         trap 'unlock' EXIT\n\
         trap 'note done 143; exit 143' TERM INT\n\
         printf '%s run {uid} since %s\\n' {owner} \"$(date -u +%Y-%m-%dT%H:%M:%SZ)\" > \"$lock/owner\"\n\
         LC_ALL=C\n\
         export LC_ALL\n\
         base=$PATH\n\
         limit() {{ s=$1; shift; if command -v timeout >/dev/null 2>&1; then timeout -k 5 \"$s\" \"$@\"; else \"$@\"; fi; }}\n"
    );
    for (index, step) in steps {
        let command = quote(&step.command)?;
        let seconds = step.timeout_ms.div_ceil(1_000).max(1);
        let mut path = String::new();
        for dir in &step.path_prefix {
            path.push_str(&quote(dir)?);
            path.push(':');
        }
        let added = write!(
            text,
            "note start {index}\n\
             PATH={path}$base\n\
             export PATH\n\
             began=$(date +%s)\n\
             (cd \"$HOME\" && limit {seconds} sh -c {command}) > \"$run/out.{index}\" 2>&1 </dev/null\n\
             code=$?\n\
             if [ $(( $(date +%s) - began )) -ge {seconds} ]; then note exit {index} $code timeout; else note exit {index} $code; fi\n\
             if [ $code -ne 0 ]; then note done 1; exit 1; fi\n",
        );
        if added.is_err() {
            return Err("no memory");
        }
    }
    text.push_str("note done 0\n");
    Ok(text)
}

/// The loop that tells of a run: pieces of its files behind `@@qd NAME OFFSET LENGTH` lines. The journal's size is read
/// before the outputs and told after them, so that a step's end never overtakes what it printed.
fn watcher(uid: Uid, progress: &Progress) -> String {
    use std::fmt::Write as _;

    let mut offsets = format!("oj={}\n", progress.journal);
    let mut outputs = String::new();
    for (step, offset) in &progress.outputs {
        let written = writeln!(offsets, "o{step}={offset}").and_then(|()| {
            writeln!(
                outputs,
                "  s=$(size out.{step}); while [ \"$s\" -gt \"$o{step}\" ]; do n=$((s-o{step})); [ $n -gt {PIECE} ] && n={PIECE}; \
                 piece out.{step} $o{step} $n; o{step}=$((o{step}+n)); done"
            )
        });
        if written.is_err() {
            return String::new();
        }
    }
    format!(
        "d=\"$HOME/.quarterdeck/runs/{uid}\"\n\
         cd \"$d\" 2>/dev/null || {{ echo '@@qd gone 0 0'; exit 0; }}\n\
         size() {{ if [ -f \"$1\" ]; then wc -c < \"$1\" | tr -d ' '; else echo 0; fi; }}\n\
         piece() {{ printf '@@qd %s %s %s\\n' \"$1\" \"$2\" \"$3\"; tail -c +$(($2+1)) \"$1\" | head -c \"$3\"; }}\n\
         {offsets}\
         quiet=0\n\
         while :; do\n\
         alive=1; p=$(cat pid 2>/dev/null); [ -n \"$p\" ] && {{ kill -0 \"$p\" 2>/dev/null || alive=0; }}\n\
         js=$(size journal)\n\
         {outputs}\
         if [ \"$js\" -gt \"$oj\" ]; then piece journal $oj $((js-oj)); oj=$js; quiet=0; fi\n\
         if tail -n 1 journal 2>/dev/null | grep -q '^[0-9]* done '; then [ \"$(size journal)\" = \"$oj\" ] && exit 0; \
         elif [ $alive = 0 ] && [ \"$(size journal)\" = \"$oj\" ]; then quiet=$((quiet+1)); [ $quiet -gt 3 ] && {{ echo '@@qd dead 0 0'; exit 0; }}; fi\n\
         sleep 0.3 2>/dev/null || sleep 1\n\
         done\n"
    )
}

#[derive(Debug, PartialEq, Eq)]
struct Piece {
    name: String,
    bytes: Vec<u8>,
}

/// Cuts the watcher's stream into pieces.
#[derive(Debug, Default)]
struct Pieces {
    held: Vec<u8>,
}

impl Pieces {
    fn push(&mut self, bytes: &[u8]) -> Vec<Piece> {
        self.held.extend_from_slice(bytes);
        let mut pieces = Vec::new();
        while let Some((piece, used)) = self.first() {
            self.held.drain(..used);
            pieces.push(piece);
        }
        pieces
    }

    fn first(&self) -> Option<(Piece, usize)> {
        let end = self.held.iter().position(|byte| *byte == b'\n')?;
        let head = String::from_utf8_lossy(self.held.get(..end)?).into_owned();
        let mut words = head.split(' ');
        let framed = words.next() == Some("@@qd");
        let name = words.next().unwrap_or_default().to_owned();
        let length = words.nth(1).and_then(|word| word.parse::<usize>().ok()).filter(|_| framed);
        // A line that is no head (a banner of the login shell) is passed over.
        let Some(length) = length else { return Some((Piece { name: String::new(), bytes: Vec::new() }, end + 1)) };
        let bytes = self.held.get(end + 1..end + 1 + length)?.to_owned();
        Some((Piece { name, bytes }, end + 1 + length))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_come_whole_however_they_are_cut() {
        let stream = b"hello\n@@qd out.0 0 5\na\nb\nc@@qd journal 0 12\n1700 start 0@@qd gone 0 0\n";
        for cut in 1..stream.len() {
            let mut pieces = Pieces::default();
            let mut all: Vec<Piece> = stream.chunks(cut).flat_map(|chunk| pieces.push(chunk)).collect();
            all.retain(|piece| !piece.name.is_empty());
            let names: Vec<_> = all.iter().map(|piece| (piece.name.as_str(), piece.bytes.len())).collect();
            assert_eq!(names, [("out.0", 5), ("journal", 12), ("gone", 0)], "cut at {cut}");
        }
    }

    #[test]
    fn journal_entries_are_read_and_nonsense_is_passed_over() {
        let at = Timestamp(1_700_000);
        assert_eq!(entry(b"1700 start 3\n"), Some(Event::StepStarted { step: 3, at }));
        assert_eq!(entry(b"1700 exit 3 1\n"), Some(Event::StepEnded { step: 3, at, end: StepEnd::Exit(1) }));
        assert_eq!(entry(b"1700 exit 3 124 timeout\n"), Some(Event::StepEnded { step: 3, at, end: StepEnd::TimedOut }));
        assert_eq!(entry(b"1700 done 0\n"), Some(Event::Done { succeeded: true }));
        assert_eq!(entry(b"1700 locked ana run qd-1 \n"), Some(Event::Locked { owner: b"ana run qd-1 ".to_vec() }));
        for nonsense in [&b""[..], b"x", b"1700", b"1700 start", b"1700 start -1", b"1700 exit 0", b"\xff\xff done"] {
            assert_eq!(entry(nonsense), None);
        }
    }
}
