//! What every source promises: it delivers what it reads, tells loss from nonsense, survives hostile answers, and ends with its future.
use std::{
    sync::{Arc, Mutex},
    task::Poll,
};

use futures_util::{
    FutureExt as _,
    future::{BoxFuture, pending, ready},
    poll,
};
use quarterdeck::{
    core::{
        hosts::LinkFault,
        id::HostName,
        inventory::Host,
        time::{Clock, Mono, Now, Timestamp},
    },
    parse::sanitise,
    remote::{Chunk, Exit, Lane, Output, Remote, RemoteError, Script, Stream},
    sources::{self, Context, Deliver, Reading, Source, SourceError},
};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

const SAMPLER: &[u8] = include_bytes!("../fixtures/host/sampler.txt");
const PM2: &str =
    "@@ logs 4\n@@ daemon 7\n@@ binary\n@@ list\n[{\"pm_id\":0,\"name\":\"play\",\"pm2_env\":{\"status\":\"online\"}}]";
const SYSTEMD: &str = "Id=nginx.service\nLoadState=loaded\nActiveState=active\n";
const CONFIG_FILES: &str = "@@ now 1795000000\n@@ under \n@@ root /etc/nginx\n\
    @@ file 1794999000 /etc/nginx/nginx.conf\n@@ hash 0123456789abcdef /etc/nginx/nginx.conf\n@@ end\n";

/// What the far side does.
#[derive(Clone, Debug)]
enum Far {
    /// Prints this; a stream then goes on.
    Says(Vec<u8>),
    /// Prints this and ends.
    Ends(Vec<u8>),
    /// Prints without end.
    Floods,
    /// Never answers.
    Hangs,
    /// Cannot be reached.
    Unreachable,
    /// Prints this and is lost; a command is lost before.
    LostAfter(Vec<u8>),
}

struct FakeRemote {
    far: Far,
    ended: CancellationToken,
    /// Keeps streams open for as long as the test runs.
    open: Mutex<Vec<mpsc::Sender<Chunk>>>,
}

fn lost(host: &HostName) -> RemoteError {
    RemoteError {
        host: host.clone(),
        fault: LinkFault::Lost,
        what: "connection reset".into(),
        hint: None,
        question: None,
    }
}

impl Remote for FakeRemote {
    fn run<'a>(&'a self, host: &'a HostName, _: Lane, script: Script) -> BoxFuture<'a, Result<Output, RemoteError>> {
        let output = |stdout, dropped_bytes| {
            Ok(Output { exit: Exit::Code(0), stdout, stderr: b"\x1b]0;x\x07nothing here".to_vec(), dropped_bytes })
        };
        match &self.far {
            Far::Says(bytes) | Far::Ends(bytes) => ready(output(bytes.clone(), 0)).boxed(),
            Far::Floods => ready(output(vec![b'y'; script.max_output], u64::MAX)).boxed(),
            Far::Hangs => pending().boxed(),
            Far::Unreachable | Far::LostAfter(_) => ready(Err(lost(host))).boxed(),
        }
    }

    fn stream<'a>(&'a self, host: &'a HostName, _: Lane, _: Script) -> BoxFuture<'a, Result<Stream, RemoteError>> {
        let (send, chunks) = mpsc::channel(64);
        let say = |chunk| send.try_send(chunk).unwrap();
        match &self.far {
            Far::Says(bytes) => say(Chunk::Stdout(bytes.clone())),
            Far::Ends(bytes) => {
                say(Chunk::Stdout(bytes.clone()));
                say(Chunk::Ended(Exit::Code(127)));
            }
            Far::Floods => (0..40).for_each(|_| say(Chunk::Stdout(vec![b'y'; 1 << 16]))),
            Far::Hangs => {}
            Far::Unreachable => return ready(Err(lost(host))).boxed(),
            Far::LostAfter(bytes) => {
                say(Chunk::Stdout(bytes.clone()));
                say(Chunk::Lost(lost(host)));
            }
        }
        self.open.lock().unwrap().push(send);
        ready(Ok(Stream { chunks, alive: self.ended.clone().drop_guard() })).boxed()
    }

    fn forget(&self, _: &HostName) {}

    fn accept_host_key(&self, _: &str) -> Result<(), RemoteError> {
        Ok(())
    }

    fn unlock(&self, _: &str, _: secrecy::SecretString) {}
}

/// A clock that stands still.
pub(crate) struct Still;

impl Clock for Still {
    fn now(&self) -> Now {
        Now { utc: Timestamp(1_795_000_000_000), mono: Mono(1_000) }
    }
}

#[derive(Default)]
struct Kept(Mutex<Vec<(&'static str, Reading)>>);

impl Deliver for Kept {
    fn reading(&self, host: &HostName, source: &'static str, reading: Reading) {
        assert_eq!(host.as_str(), "web-01");
        self.0.lock().unwrap().push((source, reading));
    }
}

struct Ran {
    end: Option<SourceError>,
    readings: Vec<(&'static str, Reading)>,
    /// Whether the stream was told to end, once the source was dropped.
    stopped: bool,
}

fn host() -> Host {
    Host { env: Some("prod".into()), units: vec!["nginx".into()], ..Host::new("web-01") }
}

/// Runs a source for as long as it has something to do at once, then drops it.
fn run(source: &dyn Source, far: Far) -> Ran {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        let (kept, ended) = (Arc::new(Kept::default()), CancellationToken::new());
        let remote = FakeRemote { far, ended: ended.clone(), open: Mutex::default() };
        let context = Context {
            host: Arc::new(host()),
            folders: Arc::new([]),
            remote: Arc::new(remote),
            deliver: Arc::clone(&kept) as Arc<dyn Deliver>,
            clock: Arc::new(Still),
            every_ms: 2_000,
        };
        let mut running = source.run(context);
        let mut end = None;
        // Everything it waits for is there from the start, so that polling brings it to where it would wait for time.
        for _ in 0..200 {
            if let Poll::Ready(error) = poll!(&mut running) {
                end = Some(error);
                break;
            }
            tokio::task::yield_now().await;
        }
        drop(running);
        let readings = std::mem::take(&mut *kept.0.lock().unwrap());
        Ran { end, readings, stopped: ended.is_cancelled() }
    })
}

fn answer(source: &dyn Source) -> Vec<u8> {
    match source.name() {
        "ssh_metrics" => SAMPLER.to_vec(),
        "pm2" => PM2.into(),
        "systemd" => SYSTEMD.into(),
        "config_files" => CONFIG_FILES.into(),
        other => panic!("give the contract a good answer for {other}"),
    }
}

#[test]
fn a_good_answer_is_delivered_under_the_sources_name() {
    for source in sources::ALL {
        let ran = run(*source, Far::Says(answer(*source)));
        assert_eq!(ran.end, None, "{}", source.name());
        assert!(
            !ran.readings.is_empty() && ran.readings.iter().all(|(name, _)| *name == source.name()),
            "{}",
            source.name()
        );
    }
}

#[test]
fn a_host_that_never_answers_delivers_nothing_and_holds_nothing() {
    for source in sources::ALL {
        let ran = run(*source, Far::Hangs);
        assert_eq!((ran.end, ran.readings), (None, vec![]), "{}", source.name());
    }
}

#[test]
fn a_dropped_source_ends_its_remote_process() {
    let ran = run(&sources::ssh_metrics::SshMetrics, Far::Says(SAMPLER.to_vec()));
    assert!(ran.stopped);
}

#[test]
fn loss_is_told_from_nonsense() {
    for source in sources::ALL {
        for far in [Far::Unreachable, Far::LostAfter(answer(*source))] {
            let ran = run(*source, far);
            assert!(matches!(ran.end, Some(SourceError::Remote(_))), "{} {:?}", source.name(), ran.end);
        }
        for nonsense in [&b"\0\xff\x1b[2J"[..], b"@@ end\n@@ list\n{}\n@@ end\n", b"<html>Log in</html>\n"] {
            let ran = run(*source, Far::Ends(nonsense.to_vec()));
            let known = matches!(ran.end, Some(SourceError::Malformed(_) | SourceError::Absent(_)));
            assert!(known && ran.readings.is_empty(), "{} {:?}", source.name(), ran.end);
        }
    }
}

#[test]
fn a_flood_is_cut_off() {
    for source in sources::ALL {
        let ran = run(*source, Far::Floods);
        assert!(
            matches!(ran.end, Some(SourceError::Malformed(_) | SourceError::Absent(_))),
            "{} {:?}",
            source.name(),
            ran.end
        );
        assert_eq!(ran.readings, [], "{}", source.name());
    }
}

#[test]
fn a_truncated_answer_is_never_half_believed() {
    for source in
        [&sources::pm2::Pm2 as &dyn Source, &sources::ssh_metrics::SshMetrics, &sources::config_files::ConfigFiles]
    {
        let mut bytes = answer(source);
        bytes.truncate(if source.name() == "ssh_metrics" { 700 } else { bytes.len() - 9 });
        let ran = run(source, Far::Ends(bytes));
        assert!(ran.end.is_some() && ran.readings.is_empty(), "{}", source.name());
    }
}

#[test]
fn no_answer_brings_an_unsafe_character_to_the_screen() {
    let hostile = "\x1b]0;owned\x07\u{202e}\u{200b}\u{9b}2J";
    let answers = [
        PM2.replace(
            "play",
            &format!("pl{}ay", hostile.escape_unicode().to_string().replace("\\u{", "\\u00").replace('}', "")),
        ),
        PM2.replace("@@ list\n", &format!("@@ list\n{hostile}\n")),
        SYSTEMD.replace("active", &format!("act{hostile}ive")),
        String::from_utf8(SAMPLER.to_vec())
            .unwrap()
            .replace("/dev/vda", &format!("/dev/v{hostile}"))
            .replace(" /\n", &format!(" /x{hostile}\n")),
        CONFIG_FILES.replace("nginx.conf", &format!("n{hostile}x.conf")).replace("abcdef", hostile),
        hostile.repeat(50),
    ];
    for source in sources::ALL {
        for answer in &answers {
            let ran = run(*source, Far::Ends(answer.clone().into_bytes()));
            let mut texts: Vec<String> = Vec::new();
            for (_, reading) in ran.readings {
                match reading {
                    Reading::Sample(sample) => {
                        texts.extend(sample.disks.into_iter().map(|disk| disk.mount));
                        texts.extend(sample.top.into_iter().flat_map(|process| [process.user, process.command]));
                    }
                    Reading::Pm2(list) => {
                        texts.extend(list.processes.into_iter().flat_map(|p| [p.name, p.status, p.exec_mode]))
                    }
                    Reading::Units(units) => {
                        texts.extend(units.into_iter().flat_map(|u| [u.unit, u.load, u.active, u.sub, u.result]))
                    }
                    Reading::Files(told) => {
                        texts.extend(told.roots);
                        texts.extend(
                            told.files.into_iter().flat_map(|(path, found)| [Some(path), found.hash]).flatten(),
                        );
                    }
                }
            }
            texts.extend(ran.end.map(|end| end.to_string()));
            for text in texts {
                assert!(text.chars().all(sanitise::is_safe), "{} {text:?}", source.name());
            }
        }
    }
}

#[test]
fn every_file_of_the_folder_is_registered() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/sources");
    let mut files: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .filter_map(|entry| entry.unwrap().file_name().to_str()?.strip_suffix(".rs").map(str::to_owned))
        .filter(|name| name != "mod")
        .collect();
    let mut names: Vec<String> = sources::ALL.iter().map(|source| source.name().to_owned()).collect();
    files.sort();
    names.sort();
    assert_eq!(names, files, "a source is a file and its entry in ALL");
}
