//! Detached runs on a real OpenSSH server: they outlive the link, run once, and tell every byte once.
use std::{
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Stdio,
    sync::Arc,
};

use quarterdeck::{
    core::{
        hosts::LinkFault,
        id::{Operator, Uid},
        runs::{RunOutcome, Step, StepEnd},
    },
    remote::{
        LinkState, Remote,
        detached::{self, Attached, Cursor, Event, LockRefused, Started, Status, Terms},
        ssh::Pool,
    },
};
use tokio::time::timeout;

use crate::{
    ssh::{pool_of, pool_through, web},
    support::{
        HANG, clock, eventually,
        relay::Relay,
        sshd::{self, Sshd},
    },
};

pub(crate) const UID: Uid = Uid([0, 0, 0, 0, 0x88, 0x02]);

pub(crate) fn step(name: &str, command: impl Into<String>) -> Step {
    Step { host: web(), name: name.into(), command: command.into(), path_prefix: Vec::new(), timeout_ms: 60_000 }
}

pub(crate) fn lock(sshd: &Sshd) -> String {
    sshd.path("lock").display().to_string()
}

pub(crate) async fn start(pool: &Pool, uid: Uid, steps: &[Step], lock: &str) -> Started {
    detached::start(
        pool,
        &web(),
        uid,
        steps,
        Terms { lock, operator: &Operator::from("ann"), machine_id: None, dead_man: None, now: None, sudo: None },
    )
    .await
    .unwrap()
}

fn watch(pool: &Pool, uid: Uid, from: Cursor) -> Attached {
    detached::attach(Arc::new(pool.clone()), &web(), uid, from)
}

async fn next(attached: &mut Attached) -> Option<Event> {
    timeout(HANG, attached.next()).await.expect("no event came")
}

/// What a run told: the events without output, and the output of each step, which must come without gap or overlap.
#[derive(Debug, Default)]
pub(crate) struct Told {
    pub(crate) events: Vec<String>,
    pub(crate) output: Vec<Vec<u8>>,
    losses: usize,
}

impl Told {
    /// Listens until the run is over, or until `enough`; a lost link is asked again.
    async fn listen(&mut self, pool: &Pool, attached: &mut Attached, enough: impl Fn(&Self) -> bool) {
        while !enough(self) {
            let Some(event) = next(attached).await else { return };
            match event {
                Event::StepStarted { index, .. } => self.events.push(format!("start {index}")),
                Event::StepEnded { index, end, .. } => self.events.push(format!("end {index} {end:?}")),
                Event::Done { outcome, .. } => self.events.push(format!("{outcome:?}")),
                Event::Output { index, offset, bytes } => {
                    self.output.resize(self.output.len().max(index + 1), Vec::new());
                    assert_eq!(self.output[index].len() as u64, offset, "a gap or an overlap");
                    self.output[index].extend(bytes);
                }
                Event::Lost(error) => {
                    println!("lost: {error}");
                    self.losses += 1;
                    eventually("the next attempt is due", async || due(pool)).await;
                }
                Event::Back => assert!(self.losses > 0, "it was never away"),
                other @ (Event::LockRefused(_) | Event::Died | Event::Absent) => self.events.push(format!("{other:?}")),
            }
        }
    }

    /// Listens to a run from its beginning to its end.
    pub(crate) async fn all(pool: &Pool, uid: Uid) -> Self {
        Self::rest(pool, &mut watch(pool, uid, Cursor::default())).await
    }

    async fn rest(pool: &Pool, attached: &mut Attached) -> Self {
        let mut told = Self::default();
        told.listen(pool, attached, |_| false).await;
        told
    }
}

/// Says whether the pool would try to connect: before its pause is over it only repeats the last error.
pub(crate) fn due(pool: &Pool) -> bool {
    match pool.link(&web()) {
        LinkState::Failing { retry_at, .. } => retry_at <= clock().now().utc,
        LinkState::Idle | LinkState::Connecting { .. } | LinkState::Connected { .. } => true,
    }
}

#[tokio::test]
async fn a_run_tells_steps_output_and_exit_and_gives_the_lock_back() {
    let sshd = Sshd::start().await;
    let pool = pool_of(&sshd);
    let lock = lock(&sshd);
    let mut second = step("two", "echo \"it's $X\" | tr a-z A-Z; exec 1>&-; echo err >&2; exit 3");
    second.command.insert_str(0, "X=done\n");
    let bin = sshd.path("bin");
    std::fs::create_dir(&bin).unwrap();
    second.path_prefix = vec![bin.display().to_string()];
    let steps = [step("one", format!("cat {lock}; pwd; cat")), second, step("three", "echo never")];
    assert_eq!(detached::status(&pool, &web(), UID).await.unwrap(), Status::Absent);
    assert_eq!(next(&mut watch(&pool, UID, Cursor::default())).await, Some(Event::Absent));
    assert_eq!(start(&pool, UID, &steps, &lock).await, Started::Now);
    let mut attached = watch(&pool, UID, Cursor::default());
    let told = Told::rest(&pool, &mut attached).await;
    assert_eq!(told.events, ["start 0", "end 0 Exit(0)", "start 1", "end 1 Exit(3)", "Failed"]);
    let one = String::from_utf8_lossy(&told.output[0]).into_owned();
    assert!(one.contains(&format!("uid={UID}\n")) && one.contains("by=ann\n"), "{one}");
    assert!(one.ends_with(&format!("{}\n", sshd.home().display())), "{one}");
    assert_eq!(told.output[1], b"IT'S DONE\nerr\n");
    assert!(!Path::new(&lock).exists());
    assert!(matches!(
        detached::status(&pool, &web(), UID).await.unwrap(),
        Status::Done { outcome: RunOutcome::Failed, .. }
    ));
    // A cursor that is at the end tells nothing twice.
    let mut again = watch(&pool, UID, Cursor { lines: attached.cursor().lines - 1, ..attached.cursor() });
    assert_eq!(Told::rest(&pool, &mut again).await.events, ["Failed"]);

    let folder = sshd.home().join(".quarterdeck/runs").join(UID.to_string());
    assert_eq!(std::fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
    eventually("the plan is kept", async || folder.join("plan").exists()).await;
    for name in ["journal", "out.0", "out.1", "pid"] {
        assert!(folder.join(name).exists(), "{name}");
    }
    assert_eq!(std::fs::metadata(folder.join("out.0")).unwrap().permissions().mode() & 0o777, 0o600);
}

#[tokio::test]
async fn starting_twice_runs_once() {
    let sshd = Sshd::start().await;
    let pool = pool_of(&sshd);
    let counter = sshd.path("counter");
    let steps = [step("one", format!("echo x >>{}; sleep 1", counter.display()))];
    let lock = lock(&sshd);
    let both = futures_util::future::join(start(&pool, UID, &steps, &lock), start(&pool, UID, &steps, &lock)).await;
    println!("{both:?}");
    Told::all(&pool, UID).await;
    assert_eq!(start(&pool, UID, &steps, &lock).await, Started::Already);
    let told = Told::all(&pool, UID).await;
    assert_eq!(told.events, ["start 0", "end 0 Exit(0)", "Succeeded"]);
    assert_eq!(std::fs::read_to_string(counter).unwrap(), "x\n");
}

#[tokio::test]
async fn a_held_lock_is_refused_with_who_and_since_and_whether_alive() {
    let sshd = Sshd::start().await;
    let pool = pool_of(&sshd);
    let (first, second) = (Uid([1; 6]), Uid([2; 6]));
    let gate = sshd.path("gate");
    let wait = [step("wait", format!("while [ ! -e {} ]; do sleep 0.1; done", gate.display()))];
    let lock = lock(&sshd);
    start(&pool, first, &wait, &lock).await;
    let mut holder = watch(&pool, first, Cursor::default());
    assert!(matches!(next(&mut holder).await, Some(Event::StepStarted { index: 0, .. })));
    assert_eq!(detached::status(&pool, &web(), first).await.unwrap(), Status::Running { step: Some(0) });

    start(&pool, second, &[step("one", "echo never")], &lock).await;
    let mut refused = watch(&pool, second, Cursor::default());
    let Some(Event::LockRefused(LockRefused { uid, by, since, alive, .. })) = next(&mut refused).await else {
        panic!("not refused")
    };
    assert_eq!((uid, by.as_deref(), since.is_some(), alive), (Some(first), Some("ann"), true, Some(true)));
    assert!(matches!(next(&mut refused).await, Some(Event::Done { outcome: RunOutcome::Refused, .. })));

    // The runner is killed for good: the outcome is unknown, and its lock is stale.
    let folder = sshd.home().join(".quarterdeck/runs").join(first.to_string());
    let pid: u32 = std::fs::read_to_string(folder.join("pid")).unwrap().trim().parse().unwrap();
    sshd::signal(pid, "KILL");
    assert_eq!(next(&mut holder).await, Some(Event::Died));
    assert_eq!(next(&mut holder).await, None);
    assert_eq!(detached::status(&pool, &web(), first).await.unwrap(), Status::Died);
    let third = Uid([3; 6]);
    start(&pool, third, &[step("one", "echo never")], &lock).await;
    let mut refused = watch(&pool, third, Cursor::default());
    let Some(Event::LockRefused(LockRefused { uid, alive, .. })) = next(&mut refused).await else {
        panic!("not refused")
    };
    assert_eq!((uid, alive), (Some(first), Some(false)));
    std::fs::write(gate, "").unwrap();

    let nowhere = Uid([4; 6]);
    start(&pool, nowhere, &[step("one", "echo never")], "/nonexistent/dir/lock").await;
    let mut refused = watch(&pool, nowhere, Cursor::default());
    let Some(Event::LockRefused(LockRefused { error: Some(error), .. })) = next(&mut refused).await else {
        panic!("not refused")
    };
    assert!(error.contains("nonexistent") || error.contains("No such file"), "{error}");
}

#[tokio::test]
async fn a_step_that_takes_too_long_is_ended_with_all_its_processes() {
    let sshd = Sshd::start().await;
    let pool = pool_of(&sshd);
    let mut slow = step("slow", "echo begun; sleep 5432.125 | cat");
    slow.timeout_ms = 900;
    start(&pool, UID, &[slow, step("next", "echo never")], &lock(&sshd)).await;
    let told = Told::all(&pool, UID).await;
    assert_eq!(told.events, ["start 0", &format!("end 0 {:?}", StepEnd::TimedOut), "Failed"]);
    assert_eq!(told.output, [b"begun\n"]);
    eventually("all of it is gone", async || !sshd::runs("sleep 5432.125")).await;
}

/// Numbered lines for a while, and an exit code that is no default.
fn numbered(gate: &Path) -> Step {
    let gate = gate.display();
    let text = format!(
        "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); echo line $i; [ $i = 5000 ] && until [ -e {gate} ]; do sleep 0.05; done; done; exit 7"
    );
    step("numbers", text)
}

fn expected() -> Vec<u8> {
    (1..=20_000).map(|i| format!("line {i}\n")).collect::<String>().into_bytes()
}

/// A run that is being watched through a relay, has told a good deal, and waits at its gate.
struct Underway {
    sshd: Sshd,
    relay: Relay,
    pool: Pool,
    gate: PathBuf,
    attached: Attached,
    told: Told,
}

impl Underway {
    async fn start() -> Self {
        let sshd = Sshd::start().await;
        let relay = Relay::start(sshd.address()).await;
        let pool = pool_through(&sshd, &relay);
        let gate = sshd.path("gate");
        start(&pool, UID, &[numbered(&gate)], &lock(&sshd)).await;
        let attached = watch(&pool, UID, Cursor::default());
        let mut underway = Self { sshd, relay, pool, gate, attached, told: Told::default() };
        underway.listen(|told| told.output.first().is_some_and(|output| output.len() > 10_000)).await;
        underway
    }

    async fn listen(&mut self, enough: impl Fn(&Told) -> bool) {
        self.told.listen(&self.pool, &mut self.attached, enough).await;
    }

    /// Listens to the end, which must be as if nothing had happened to the link.
    async fn finish(mut self) {
        self.listen(|_| false).await;
        assert_eq!(self.told.events, ["start 0", "end 0 Exit(7)", "Failed"]);
        assert!(self.told.output[0] == expected(), "{} bytes", self.told.output[0].len());
    }
}

#[tokio::test]
async fn a_cut_link_neither_stops_the_run_nor_loses_or_doubles_output() {
    let mut underway = Underway::start().await;
    underway.relay.cut();
    underway.listen(|told| told.losses > 0).await;
    // The run goes on while nobody is connected.
    underway.relay.refuse(true);
    underway.relay.cut();
    std::fs::write(&underway.gate, "").unwrap();
    let journal = underway.sshd.home().join(".quarterdeck/runs").join(UID.to_string()).join("journal");
    eventually("the run ends by itself", async || {
        std::fs::read_to_string(&journal).is_ok_and(|text| text.contains("done"))
    })
    .await;
    underway.relay.refuse(false);
    underway.finish().await;
}

#[tokio::test]
async fn a_frozen_link_is_unknown_and_watching_again_learns_the_result() {
    let mut underway = Underway::start().await;
    underway.relay.freeze(true);
    std::fs::write(&underway.gate, "").unwrap();
    underway.listen(|told| told.losses > 0).await;
    assert_eq!(underway.told.events, ["start 0"]);
    underway.relay.cut();
    underway.relay.freeze(false);
    // A new watcher, as after a restart of the console: it has the cursor and what was told.
    underway.attached = watch(&underway.pool, UID, underway.attached.cursor());
    underway.finish().await;
}

/// Nearly all that is kept, and far more than fits between the host and a watcher who does not look.
const MUCH: usize = detached::FIRST - 1_000;

#[tokio::test]
async fn a_slow_watcher_gets_everything_all_the_same() {
    let sshd = Sshd::start().await;
    let pool = pool_of(&sshd);
    start(&pool, UID, &[step("much", format!("head -c {MUCH} /dev/zero; echo end"))], &lock(&sshd)).await;
    let mut attached = watch(&pool, UID, Cursor::default());
    let mut told = Told::default();
    told.listen(&pool, &mut attached, |told| !told.output.is_empty()).await;
    eventually("it is done", async || matches!(detached::status(&pool, &web(), UID).await, Ok(Status::Done { .. })))
        .await;
    told.listen(&pool, &mut attached, |_| false).await;
    assert_eq!(told.output[0].len(), MUCH + 4);
    assert_eq!(told.events, ["start 0", "end 0 Exit(0)", "Succeeded"]);
}

/// What is kept of numbered lines, and what is said about the rest.
fn kept(lines: usize) -> Vec<u8> {
    let all: String = (1..=lines).map(|i| format!("line {i}\n")).collect();
    if all.len() <= detached::FIRST {
        return all.into_bytes();
    }
    let (first, rest) = all.split_at(detached::FIRST);
    let (missing, last) = rest.split_at(rest.len().saturating_sub(detached::LAST));
    let note = match missing.len() {
        0 => String::new(),
        bytes => format!("[quarterdeck: {bytes} bytes were not kept]\n"),
    };
    let more =
        format!("[quarterdeck: more than {} bytes: the end of the rest follows when the step ends]", detached::FIRST);
    format!("{first}\n{more}\n{note}{last}").into_bytes()
}

#[tokio::test]
async fn a_step_that_talks_too_much_keeps_its_beginning_and_end_and_says_what_is_missing() {
    let sshd = Sshd::start().await;
    let pool = pool_of(&sshd);
    // `line 1000000` and its like: the first beyond the limit with nothing missing, the second with much.
    for (uid, lines) in [(Uid([1; 6]), 1_350_000), (Uid([2; 6]), 4_000_000)] {
        let talks = format!("seq 1 {lines} | sed 's/^/line /'; exit 5");
        start(&pool, uid, &[step("talks", talks)], &lock(&sshd)).await;
        let told = Told::all(&pool, uid).await;
        assert_eq!(told.events, ["start 0", "end 0 Exit(5)", "Failed"]);
        assert!(told.output[0] == kept(lines), "{} bytes", told.output[0].len());
        let folder = sshd.home().join(".quarterdeck/runs").join(uid.to_string());
        eventually("nothing of it runs", async || !sshd::runs(&folder.display().to_string())).await;
        let left = || {
            let names = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name());
            // Whether anyone watched for so long that it was written.
            let mut left: Vec<_> = names.filter(|name| name != "seen").collect();
            left.sort();
            left
        };
        // Whoever watched takes its own pipe away a moment after the end.
        let expected = ["claim", "err", "journal", "kept.0", "out.0", "over.0", "pid", "plan"];
        eventually("only what is read later is left", async || left() == expected).await;
    }
}

#[tokio::test]
async fn a_daemon_that_a_step_leaves_behind_is_neither_waited_for_nor_ended() {
    let sshd = Sshd::start().await;
    let pool = pool_of(&sshd);
    let (gate, beat) = (sshd.path("gate"), sshd.path("beat"));
    // It keeps the step's output as its own, and goes on talking.
    let daemon = format!(
        "(while [ ! -e {} ]; do echo talk || exit; echo x >>{}; sleep 0.05; done) & echo left",
        gate.display(),
        beat.display()
    );
    start(&pool, UID, &[step("leaves", daemon), step("next", "echo next")], &lock(&sshd)).await;
    let told = Told::all(&pool, UID).await;
    assert_eq!(told.events, ["start 0", "end 0 Exit(0)", "start 1", "end 1 Exit(0)", "Succeeded"]);
    assert!(String::from_utf8_lossy(&told.output[0]).contains("left\n"));
    let beats = || std::fs::metadata(&beat).map_or(0, |file| file.len());
    let before = beats();
    eventually("it lives and writes", async || beats() > before + 10).await;
    std::fs::write(gate, "").unwrap();
    // Who read its words goes with it.
    let home = sshd.home().display().to_string();
    eventually("nothing of the run is left", async || !sshd::runs(&home)).await;
}

#[tokio::test]
async fn the_console_may_be_killed_and_the_run_goes_on() {
    let sshd = Sshd::start().await;
    let gate = sshd.path("gate");
    // Another process starts the run and watches it, as a console does.
    let mut console = tokio::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "detached::a_console_to_be_killed", "--nocapture"])
        .env("QD_TEST_CONSOLE", format!("{}\n{}", sshd.port, sshd.dir.path().display()))
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let out = sshd.home().join(".quarterdeck/runs").join(UID.to_string()).join("out.0");
    eventually("the run writes", async || std::fs::metadata(&out).is_ok_and(|meta| meta.len() > 10_000)).await;
    sshd::signal(console.id().unwrap(), "KILL");
    console.wait().await.unwrap();
    std::fs::write(&gate, "").unwrap();
    let told = Told::all(&pool_of(&sshd), UID).await;
    assert_eq!(told.events, ["start 0", "end 0 Exit(7)", "Failed"]);
    assert!(told.output[0] == expected());
}

/// What `the_console_may_be_killed_and_the_run_goes_on` kills; by itself it does nothing.
#[tokio::test]
async fn a_console_to_be_killed() {
    let Ok(text) = std::env::var("QD_TEST_CONSOLE") else { return };
    let (port, folder) = text.split_once('\n').unwrap();
    let folder = Path::new(folder);
    let machine = crate::ssh::host("web", "127.0.0.1", Some(port.parse().unwrap()), Some(folder.join("id")));
    let known = folder.join("known_by_console");
    let key = sshd::public_key(&folder.join("host_ed25519.pub"));
    std::fs::write(&known, format!("[127.0.0.1]:{port} {key}\n")).unwrap();
    let pool = crate::ssh::pool(vec![machine], crate::ssh::options(vec![known]));
    start(&pool, UID, &[numbered(&folder.join("gate"))], &folder.join("lock").display().to_string()).await;
    Told::all(&pool, UID).await;
}

#[tokio::test]
async fn old_runs_are_removed_and_a_hostile_operator_or_command_stays_text() {
    let sshd = Sshd::start().await;
    let pool = pool_of(&sshd);
    let runs = sshd.home().join(".quarterdeck/runs");
    for name in ["qd-0000000000aa", "qd-0000000000bb", "other"] {
        std::fs::create_dir_all(runs.join(name).join("claim")).unwrap();
    }
    for name in ["qd-0000000000aa", "other"] {
        let old = std::process::Command::new("touch").args(["-d", "40 days ago"]).arg(runs.join(name)).status();
        assert!(old.unwrap().success());
    }
    let evil = Operator::from("x'; touch /tmp/qd-evil; '\n$(touch /tmp/qd-evil)@STEPS@");
    let command = format!("echo 'a@UID@'\nEND-{UID}-0\necho \"@LOCK@ $((1+1))\"");
    let steps = [step("one", command)];
    let lock = lock(&sshd);
    detached::start(
        &pool,
        &web(),
        UID,
        &steps,
        Terms { lock: &lock, operator: &evil, machine_id: None, dead_man: None, now: None, sudo: None },
    )
    .await
    .unwrap();
    let told = Told::all(&pool, UID).await;
    assert_eq!(told.events.last().map(String::as_str), Some("Succeeded"), "{told:?}");
    let output = String::from_utf8_lossy(&told.output[0]).into_owned();
    assert!(output.contains("a@UID@") && output.contains("@LOCK@ 2"), "{output}");
    assert!(!Path::new("/tmp/qd-evil").exists());
    eventually("what is old is removed", async || !runs.join("qd-0000000000aa").exists()).await;
    assert!(runs.join("qd-0000000000bb").exists() && runs.join("other").exists());
    let long = [step("long", "x".repeat(100_000))];
    let remote: &dyn Remote = &pool;
    let terms = Terms { lock: &lock, operator: &evil, machine_id: None, dead_man: None, now: None, sudo: None };
    let error = detached::start(remote, &web(), Uid([9; 6]), &long, terms).await.unwrap_err();
    assert_eq!(error.fault, LinkFault::Protocol);
}
