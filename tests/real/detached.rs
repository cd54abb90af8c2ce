//! Detached runs on a real OpenSSH server: they outlive the link, run once, and tell every byte once.
use std::{os::unix::fs::PermissionsExt as _, path::Path, process::Stdio, sync::Arc, time::Duration};

use quarterdeck::{
    core::{
        hosts::LinkFault,
        id::{Operator, Uid},
        runs::{RunOutcome, Step, StepEnd},
    },
    remote::{
        Remote,
        detached::{self, Attached, Cursor, Event, LockRefused, Started, Status},
        ssh::Pool,
    },
};
use tokio::time::timeout;

use crate::{
    ssh::{pool_of, pool_through, web},
    support::{
        HANG, eventually,
        relay::Relay,
        sshd::{self, Sshd},
    },
};

const UID: Uid = Uid([0, 0, 0, 0, 0x88, 0x02]);

fn step(name: &str, command: impl Into<String>) -> Step {
    Step { host: web(), name: name.into(), command: command.into(), path_prefix: Vec::new(), timeout_ms: 60_000 }
}

fn lock(sshd: &Sshd) -> String {
    sshd.path("lock").display().to_string()
}

async fn start(pool: &Pool, uid: Uid, steps: &[Step], lock: &str) -> Started {
    detached::start(pool, &web(), uid, steps, (lock, &Operator::from("ann"))).await.unwrap()
}

fn watch(pool: &Pool, uid: Uid, from: Cursor) -> Attached {
    detached::attach(Arc::new(pool.clone()), &web(), uid, from)
}

async fn next(attached: &mut Attached) -> Option<Event> {
    timeout(HANG, attached.next()).await.expect("no event came")
}

/// What a run told: the events without output, and the output of each step, which must come without gap or overlap.
#[derive(Debug, Default)]
struct Told {
    events: Vec<String>,
    output: Vec<Vec<u8>>,
    losses: usize,
}

impl Told {
    /// Listens until the run is over, or until `enough`; a lost link is asked again.
    async fn listen(&mut self, attached: &mut Attached, enough: impl Fn(&Self) -> bool) {
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
                    tokio::time::sleep(Duration::from_millis(300)).await;
                }
                other @ (Event::LockRefused(_) | Event::Died | Event::Absent) => self.events.push(format!("{other:?}")),
            }
        }
    }

    async fn all(attached: &mut Attached) -> Self {
        let mut told = Self::default();
        told.listen(attached, |_| false).await;
        told
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
    let steps =
        [step("one", format!("test -d {lock} && cat {lock}/owner; pwd; cat")), second, step("three", "echo never")];
    assert_eq!(detached::status(&pool, &web(), UID).await.unwrap(), Status::Absent);
    assert_eq!(next(&mut watch(&pool, UID, Cursor::default())).await, Some(Event::Absent));
    assert_eq!(start(&pool, UID, &steps, &lock).await, Started::Now);
    let mut attached = watch(&pool, UID, Cursor::default());
    let told = Told::all(&mut attached).await;
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
    assert_eq!(Told::all(&mut again).await.events, ["Failed"]);

    let folder = sshd.home().join(".quarterdeck/runs").join(UID.to_string());
    assert_eq!(std::fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
    for name in ["plan", "journal", "out.0", "out.1", "pid"] {
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
    Told::all(&mut watch(&pool, UID, Cursor::default())).await;
    assert_eq!(start(&pool, UID, &steps, &lock).await, Started::Already);
    let told = Told::all(&mut watch(&pool, UID, Cursor::default())).await;
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
    assert!(error.contains("No such file"), "{error}");
}

#[tokio::test]
async fn a_step_that_takes_too_long_is_ended_with_all_its_processes() {
    let sshd = Sshd::start().await;
    let pool = pool_of(&sshd);
    let mut slow = step("slow", "echo begun; sleep 5432.125 | cat");
    slow.timeout_ms = 900;
    start(&pool, UID, &[slow, step("next", "echo never")], &lock(&sshd)).await;
    let told = Told::all(&mut watch(&pool, UID, Cursor::default())).await;
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

#[tokio::test]
async fn a_cut_link_neither_stops_the_run_nor_loses_or_doubles_output() {
    let sshd = Sshd::start().await;
    let relay = Relay::start(sshd.address()).await;
    let pool = pool_through(&sshd, &relay);
    let gate = sshd.path("gate");
    start(&pool, UID, &[numbered(&gate)], &lock(&sshd)).await;
    let mut attached = watch(&pool, UID, Cursor::default());
    let mut told = Told::default();
    told.listen(&mut attached, |told| told.output.first().is_some_and(|output| output.len() > 10_000)).await;
    relay.cut();
    told.listen(&mut attached, |told| told.losses > 0).await;
    // The run goes on while nobody is connected.
    relay.refuse(true);
    relay.cut();
    std::fs::write(&gate, "").unwrap();
    let journal = sshd.home().join(".quarterdeck/runs").join(UID.to_string()).join("journal");
    eventually("the run ends by itself", async || {
        std::fs::read_to_string(&journal).is_ok_and(|text| text.contains("done"))
    })
    .await;
    relay.refuse(false);
    told.listen(&mut attached, |_| false).await;
    assert_eq!(told.events, ["start 0", "end 0 Exit(7)", "Failed"]);
    assert!(told.output[0] == expected(), "{} bytes", told.output[0].len());
}

#[tokio::test]
async fn a_frozen_link_is_unknown_and_watching_again_learns_the_result() {
    let sshd = Sshd::start().await;
    let relay = Relay::start(sshd.address()).await;
    let pool = pool_through(&sshd, &relay);
    let gate = sshd.path("gate");
    start(&pool, UID, &[numbered(&gate)], &lock(&sshd)).await;
    let mut attached = watch(&pool, UID, Cursor::default());
    let mut told = Told::default();
    told.listen(&mut attached, |told| told.output.first().is_some_and(|output| output.len() > 10_000)).await;
    relay.freeze(true);
    std::fs::write(&gate, "").unwrap();
    told.listen(&mut attached, |told| told.losses > 0).await;
    assert_eq!(told.events, ["start 0"]);
    relay.cut();
    relay.freeze(false);
    // A new watcher, as after a restart of the console: it has the cursor and what was told.
    let mut other = watch(&pool, UID, attached.cursor());
    drop(attached);
    told.listen(&mut other, |_| false).await;
    assert_eq!(told.events, ["start 0", "end 0 Exit(7)", "Failed"]);
    assert!(told.output[0] == expected(), "{} bytes", told.output[0].len());
}

#[tokio::test]
async fn a_slow_watcher_gets_everything_all_the_same() {
    let sshd = Sshd::start().await;
    let pool = pool_of(&sshd);
    start(&pool, UID, &[step("much", "head -c 30000000 /dev/zero; echo end")], &lock(&sshd)).await;
    let mut attached = watch(&pool, UID, Cursor::default());
    let mut told = Told::default();
    told.listen(&mut attached, |told| !told.output.is_empty()).await;
    eventually("it is done", async || matches!(detached::status(&pool, &web(), UID).await, Ok(Status::Done { .. })))
        .await;
    told.listen(&mut attached, |_| false).await;
    assert_eq!(told.output[0].len(), 30_000_004);
    assert_eq!(told.events, ["start 0", "end 0 Exit(0)", "Succeeded"]);
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
    let told = Told::all(&mut watch(&pool_of(&sshd), UID, Cursor::default())).await;
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
    Told::all(&mut watch(&pool, UID, Cursor::default())).await;
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
    detached::start(&pool, &web(), UID, &steps, (&lock, &evil)).await.unwrap();
    let told = Told::all(&mut watch(&pool, UID, Cursor::default())).await;
    assert_eq!(told.events.last().map(String::as_str), Some("Succeeded"), "{told:?}");
    let output = String::from_utf8_lossy(&told.output[0]).into_owned();
    assert!(output.contains("a@UID@") && output.contains("@LOCK@ 2"), "{output}");
    assert!(!Path::new("/tmp/qd-evil").exists());
    assert!(!runs.join("qd-0000000000aa").exists());
    assert!(runs.join("qd-0000000000bb").exists() && runs.join("other").exists());
    let long = [step("long", "x".repeat(100_000))];
    let remote: &dyn Remote = &pool;
    let error = detached::start(remote, &web(), Uid([9; 6]), &long, (&lock, &evil)).await.unwrap_err();
    assert_eq!(error.fault, LinkFault::Protocol);
}
