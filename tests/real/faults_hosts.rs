//! What goes wrong on a host while a change runs, on real OpenSSH: it dies, its disk is full, it is another machine or another key,
//! a build on it is damaged, a command is missing or refused, a step does not end. Nothing is reported as done that was not, and
//! no lock is left that cannot be explained.
use std::{
    os::unix::fs::PermissionsExt as _,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use quarterdeck::{
    core::{
        Msg,
        id::{HostName, Uid},
        runs::{self, Build, Plan, Run, RunOutcome, Share, Step, StepEnd, Wanted, Way, What},
        time::{Clock, Now, Timestamp},
    },
    recipes,
    remote::upload::{File, UploadError, upload},
};
use sha2::Digest as _;

use crate::{
    deploy::{told, until},
    faults::{Bed, confirm, ended, held, of, review},
    ssh::{pool_of, web},
    support::{
        clock, eventually,
        sshd::{self, Setup},
    },
};

const RUN: Uid = Uid([9, 0, 0, 0, 0, 1]);

/// The machine's clock, with time that a test lets go by.
struct Ahead(Arc<dyn Clock>, AtomicU64);

impl Clock for Ahead {
    fn now(&self) -> Now {
        let (now, ahead) = (self.0.now(), self.1.load(Ordering::Relaxed));
        Now { utc: now.utc + i64::try_from(ahead).unwrap(), mono: now.mono + ahead }
    }
}

/// Returns how a step of the only host ended.
fn end(run: &Run, step: usize) -> &StepEnd {
    &run.steps[step].ended.as_ref().unwrap_or_else(|| panic!("step {step} has no end: {}", told(run))).1
}

/// Has a console run these commands on a bed's hosts, and returns how that ended.
async fn run(bed: &Bed, commands: &[String]) -> Run {
    let mut engine = bed.console("ana", "qd.db");
    confirm(&mut engine, &bed.clock, RUN, bed.plan(commands)).await;
    let run = ended(&mut engine, RUN).await;
    engine.stop();
    run
}

/// Lets nothing on a host go on that belongs to a run: as when its power is cut.
fn kill_run(bed: &Bed, host: usize, run: Uid) {
    let name = bed.folder(host, run).display().to_string();
    let home = bed.file(host, "").display().to_string();
    let pid = std::fs::read_to_string(bed.folder(host, run).join("pid")).unwrap().trim().to_owned();
    for process in sshd::processes() {
        let cwd = std::fs::read_link(format!("/proc/{}/cwd", process.pid)).map(|cwd| cwd.display().to_string());
        let of_run = process.command.contains(&name) || process.pid.to_string() == pid;
        if of_run || cwd.is_ok_and(|cwd| format!("{cwd}/") == home) {
            sshd::signal(process.pid, "KILL");
        }
    }
}

#[tokio::test]
async fn a_host_that_dies_is_unknown_with_the_command_that_finds_out_and_never_success() {
    let mut bed = Bed::of(1).await;
    let ahead = Arc::new(Ahead(clock(), AtomicU64::new(0)));
    bed.clock = Arc::clone(&ahead) as Arc<dyn Clock>;
    let mut engine = bed.console("ana", "qd.db");
    confirm(&mut engine, &bed.clock, RUN, bed.plan(&[held(0), held(1)])).await;
    until(&mut engine, "the step", |_| bed.file(0, "at.0").exists()).await;
    // The link first: a console that still hears the host is told that the run was killed.
    bed.hosts[0].0.stop().await;
    bed.hosts[0].1.cut();
    kill_run(&bed, 0, RUN);
    let lost = |engine: &_| of(engine, RUN).and_then(|run| run.lost.values().next().cloned());
    until(&mut engine, "the loss", |engine| lost(engine).is_some()).await;
    let by_hand = format!("cat ~/.quarterdeck/runs/{RUN}/journal on web-0");
    assert!(lost(&engine).unwrap().contains(&by_hand), "{:?}", lost(&engine));
    assert_eq!(of(&engine, RUN).unwrap().outcome, None, "nobody knows yet");
    // Nobody waits for ever.
    ahead.1.store(16 * 60_000, Ordering::Relaxed);
    let run = ended(&mut engine, RUN).await;
    assert_eq!(run.outcome.unwrap().0, RunOutcome::Unknown);
    for step in 0..2 {
        assert!(matches!(end(&run, step), StepEnd::Unknown(how) if how.contains(&by_hand)), "{:?}", end(&run, step));
    }
    engine.stop();

    // It comes back: what its journal says is told, and the rest stays unknown.
    bed.hosts[0].0.restart().await;
    let mut next = bed.console("ben", "qd.db");
    until(&mut next, "the store", |engine| engine.state.is_loaded()).await;
    until(&mut next, "what is known", |engine| of(engine, RUN).is_some_and(|run| run.steps[0].started.is_some())).await;
    assert_eq!(of(&next, RUN).unwrap().outcome.unwrap().0, RunOutcome::Unknown);
    assert_eq!((bed.count(0, 0), bed.count(0, 1)), (1, 0), "nothing ran twice, and nothing that was not begun");
    let owner = std::fs::read_to_string(bed.file(0, ".qd.lock")).unwrap();
    assert!(owner.contains(&format!("uid={RUN}\n")) && owner.contains("by=ana\n"), "{owner}");
    next.stop();
}

#[tokio::test]
async fn a_run_whose_console_died_goes_on_unattended_where_the_configuration_lets_it() {
    let mut bed = Bed::of(2).await;
    let ahead = Arc::new(Ahead(clock(), AtomicU64::new(0)));
    bed.clock = Arc::clone(&ahead) as Arc<dyn Clock>;
    for service in &mut bed.inventory.services {
        Arc::make_mut(service).rollout.unattended = true;
    }
    let mut engine = bed.console("ana", "qd.db");
    confirm(&mut engine, &bed.clock, RUN, bed.plan(&[held(0)])).await;
    until(&mut engine, "the step", |_| bed.file(0, "at.0").exists()).await;
    engine.stop();
    drop(engine);
    bed.go(1, 0);

    let mut watch = bed.console("qd", "qd.db");
    watch.state.runs.unattended = true;
    until(&mut watch, "the store", |engine| of(engine, RUN).is_some()).await;
    bed.go(0, 0);
    until(&mut watch, "the first host's end", |engine| {
        of(engine, RUN).is_some_and(|run| run.share(&"web-0".into(), Way::There) == Share::Well)
    })
    .await;
    assert!(!bed.file(1, "at.0").exists(), "whose console was there a moment ago may come back");
    ahead.1.store(36_000, Ordering::Relaxed);
    let run = ended(&mut watch, RUN).await;
    assert_eq!(run.outcome.unwrap().0, RunOutcome::Succeeded, "{}", told(&run));
    assert_eq!((bed.count(0, 0), bed.count(1, 0)), (1, 1));
    watch.stop();
}

#[tokio::test]
async fn another_host_key_than_when_it_was_planned_gets_nothing() {
    let mut bed = Bed::of(1).await;
    let mut engine = bed.console("ana", "qd.db");
    until(&mut engine, "the store", |engine| engine.state.is_loaded()).await;
    review(&mut engine, RUN, bed.plan(&[held(0)]));
    let (server, relay) = &mut bed.hosts[0];
    server.stop().await;
    relay.cut();
    std::fs::remove_file(server.path("host_ed25519")).unwrap();
    sshd::keygen(&server.path("host_ed25519"), "ed25519", "");
    server.restart().await;
    let opened = bed.clock.now().mono;
    until(&mut engine, "the guard", |_| bed.clock.now().mono.since(opened) > runs::TYPE_AHEAD_MS).await;
    engine.handle(Msg::Runs(runs::Msg::Confirmed));
    let run = ended(&mut engine, RUN).await;
    assert_eq!(run.outcome.unwrap().0, RunOutcome::Refused, "{}", told(&run));
    let StepEnd::NotStarted(why) = end(&run, 0) else { panic!("{}", told(&run)) };
    assert!(why.contains("key") && why.contains("nothing was done"), "{why}");
    assert!(!bed.file(0, ".quarterdeck").exists() && !bed.locked(0));
    engine.stop();
}

#[tokio::test]
async fn another_machine_at_the_same_address_gets_nothing() {
    if !sshd::is_root() || !Path::new("/etc/machine-id").exists() {
        return;
    }
    let bed = Bed::start(vec![Setup { own_machine: true, ..Setup::default() }; 2]).await;
    let plan = bed.plan(&[held(0)]);
    bed.go(0, 0);
    // The first is what it was; behind the second's address stands a clone by the time it is changed.
    std::fs::write(bed.hosts[1].0.path("machine-id"), "0123456789abcdef0123456789abcdef\n").unwrap();
    let mut engine = bed.console("ana", "qd.db");
    confirm(&mut engine, &bed.clock, RUN, plan).await;
    let run = ended(&mut engine, RUN).await;
    assert_eq!(run.outcome.unwrap().0, RunOutcome::Failed, "{}", told(&run));
    assert_eq!(end(&run, 0), &StepEnd::Exit(0));
    let StepEnd::NotStarted(why) = end(&run, 1) else { panic!("{}", told(&run)) };
    assert!(why.contains("another machine") && why.contains("0123456789abcdef0123456789abcdef"), "{why}");
    assert_eq!((bed.count(0, 0), bed.count(1, 0)), (1, 0));
    assert!(!bed.file(1, ".quarterdeck/runs").join(RUN.to_string()).exists() && !bed.locked(0) && !bed.locked(1));
    engine.stop();
}

#[tokio::test]
async fn a_missing_command_a_refusal_of_sudo_and_a_step_that_will_not_end_are_told_as_what_they_are() {
    let bed = Bed::of(1).await;
    let missing = run(&bed, &["qd-no-such-command --now".to_owned(), held(1)]).await;
    assert_eq!((missing.outcome.unwrap().0, end(&missing, 0)), (RunOutcome::Failed, &StepEnd::Exit(127)));
    assert!(missing.output.iter().any(|line| line.text.contains("qd-no-such-command")), "{}", told(&missing));
    assert!(missing.steps[1].started.is_none());

    // Where sudo is not there to refuse, it is one that says and does what it says and does without rights.
    let bed = Bed::of(1).await;
    let sudo = bed.file(0, "sudo");
    std::fs::write(&sudo, "#!/bin/sh\n[ \"$1\" = -n ] && echo 'sudo: a password is required' >&2\nexit 1\n").unwrap();
    std::fs::set_permissions(&sudo, std::fs::Permissions::from_mode(0o755)).unwrap();
    let refused = run(&bed, &["PATH=$HOME:$PATH sudo -n true && echo x >>count.0".to_owned(), held(1)]).await;
    assert_eq!((refused.outcome.unwrap().0, end(&refused, 0)), (RunOutcome::Failed, &StepEnd::Exit(1)));
    assert!(refused.output.iter().any(|line| line.text == "sudo: a password is required"), "{}", told(&refused));
    assert_eq!((bed.count(0, 0), bed.count(0, 1)), (0, 0));
    eventually("the lock is given back", async || !bed.locked(0)).await;

    let bed = Bed::of(1).await;
    let mut plan = bed.plan(&["trap '' TERM; echo x >>count.0; while :; do sleep 0.1; done".to_owned(), held(1)]);
    plan.steps[0].timeout_ms = 1_000;
    let mut engine = bed.console("ana", "qd.db");
    confirm(&mut engine, &bed.clock, RUN, plan).await;
    let endless = ended(&mut engine, RUN).await;
    assert_eq!((endless.outcome.unwrap().0, end(&endless, 0)), (RunOutcome::Failed, &StepEnd::TimedOut));
    assert_eq!((bed.count(0, 0), bed.count(0, 1)), (1, 0));
    eventually("the lock is given back", async || !bed.locked(0)).await;
    let home = bed.file(0, "").display().to_string();
    eventually("nothing of it runs", async || !sshd::runs(&home)).await;
    engine.stop();
}

/// A file of a build, which repeats nowhere.
fn archive(path: &Path, bytes: usize) -> Build {
    let mut state = 1_u32;
    let noise = std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    });
    let content: Vec<u8> = noise.take(bytes).collect();
    std::fs::write(path, &content).unwrap();
    Build {
        path: path.display().to_string(),
        version: "v1".into(),
        sha256: sha2::Sha256::digest(&content).iter().map(|byte| format!("{byte:02x}")).collect(),
        bytes: u64::try_from(bytes).unwrap(),
        made: Timestamp(0),
    }
}

/// A host with a disk of so much room; none without the rights to mount one.
async fn small(room: &'static str) -> Option<Bed> {
    if !sshd::is_root() {
        return None;
    }
    Some(Bed::start(vec![Setup { room: Some(room), ..Setup::default() }]).await)
}

#[tokio::test]
async fn a_build_that_does_not_fit_is_refused_before_anything_is_changed() {
    let Some(bed) = small("4m").await else { return };
    let build = archive(&bed.dir.path().join("build"), 6_000_000);
    let plan = Plan { upload: Some(build), ..bed.plan(&[held(0)]) };
    let mut engine = bed.console("ana", "qd.db");
    confirm(&mut engine, &bed.clock, RUN, plan).await;
    let run = ended(&mut engine, RUN).await;
    assert_eq!(run.outcome.unwrap().0, RunOutcome::Refused, "{}", told(&run));
    let why = run.staged[&HostName::from("web-0")].clone().unwrap();
    assert!(why.contains("MiB free") && why.contains("make room there"), "{why}");
    let inside = bed.hosts[0].0.inside();
    assert!(inside.join(".quarterdeck/uploads").exists() && !inside.join(".quarterdeck/runs").exists());
    assert!(!inside.join("count.0").exists() && !inside.join(".qd.lock").exists());
    engine.stop();
}

#[tokio::test]
async fn a_disk_that_fills_up_during_an_upload_leaves_no_build() {
    let Some(bed) = small("12m").await else { return };
    let server = &bed.hosts[0].0;
    let build = archive(&bed.dir.path().join("build"), 9_000_000);
    let file = File { path: Path::new(&build.path), sha256: &build.sha256, bytes: build.bytes };
    let filler = server.inside().join("filler");
    let error = upload(&pool_of(server), &web(), &file, |_| {
        if !filler.exists() {
            std::fs::write(&filler, vec![1; 8_000_000]).unwrap();
        }
    })
    .await
    .unwrap_err();
    assert!(matches!(&error, UploadError::Host(why) if why.contains("no room")), "{error}");
    assert!(!server.inside().join(".quarterdeck/uploads").join(&build.sha256).exists());
    // With room again it goes on.
    std::fs::remove_file(filler).unwrap();
    upload(&pool_of(server), &web(), &file, |_| {}).await.unwrap();
    let there = std::fs::read(server.inside().join(".quarterdeck/uploads").join(&build.sha256)).unwrap();
    assert_eq!(there.len(), 9_000_000);
}

#[tokio::test]
async fn a_full_disk_is_refused_at_the_start_and_a_failure_in_the_middle() {
    let Some(bed) = small("1m").await else { return };
    let inside = bed.hosts[0].0.inside();
    let fill = || _ = std::fs::write(inside.join("filler"), vec![1; 2_000_000]);
    fill();
    let refused = run(&bed, &[held(0)]).await;
    assert_eq!(refused.outcome.unwrap().0, RunOutcome::Refused, "{}", told(&refused));
    assert!(
        matches!(end(&refused, 0), StepEnd::NotStarted(why) if why.contains("No space left")),
        "{:?}",
        end(&refused, 0)
    );
    assert!(!inside.join("count.0").exists() && !inside.join(".qd.lock").exists());

    // A step that fills it fails with what the system says, and what comes after it does not run.
    std::fs::remove_file(inside.join("filler")).unwrap();
    let run_again = Uid([9, 0, 0, 0, 0, 2]);
    let mut engine = bed.console("ana", "other.db");
    let fills = "head -c 2000000 /dev/zero >filler".to_owned();
    confirm(&mut engine, &bed.clock, run_again, bed.plan(&[fills, held(1)])).await;
    let failed = ended(&mut engine, run_again).await;
    assert_eq!((failed.outcome.unwrap().0, end(&failed, 0)), (RunOutcome::Failed, &StepEnd::Exit(1)));
    assert!(failed.steps[1].started.is_none() && !inside.join("count.1").exists());
    eventually("the lock is given back", async || !inside.join(".qd.lock").exists()).await;
    engine.stop();
}

#[tokio::test]
async fn a_build_that_is_cut_short_on_the_host_is_never_switched_to() {
    let bed = Bed::of(1).await;
    let folder = bed.dir.path().join("build");
    std::fs::create_dir(&folder).unwrap();
    for name in ["server.js", "VERSION"] {
        std::fs::write(folder.join(name), name).unwrap();
    }
    let file = bed.dir.path().join("build.tar");
    let mut tar = std::process::Command::new("tar");
    tar.args(["--sort=name", "-C"]).arg(&folder).arg("-cf").arg(&file).arg(".");
    assert!(tar.status().unwrap().success());
    let bytes = std::fs::read(&file).unwrap();
    let build = Build {
        path: file.display().to_string(),
        version: "v1".into(),
        sha256: sha2::Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect(),
        bytes: u64::try_from(bytes.len()).unwrap(),
        made: Timestamp(0),
    };
    let pool = pool_of(&bed.hosts[0].0);
    let sent = File { path: &file, sha256: &build.sha256, bytes: build.bytes };
    upload(&pool, &web(), &sent, |_| {}).await.unwrap();
    // Between two members: tar itself takes that for a whole archive.
    let there = bed.file(0, ".quarterdeck/uploads").join(&build.sha256);
    std::fs::OpenOptions::new().write(true).open(&there).unwrap().set_len(1_536).unwrap();

    let text = "version = 1\nenvironment = [{ name = \"stage\", kind = \"staging\" }]\n[[host]]\nname = \"web-0\"\nenv = \
                \"stage\"\n[[service]]\nname = \"play\"\nkind = \"node-pm2\"\nrecipe = { app = \"play\", path = \"~/app\", start = \
                \"server.js\" }\n[service.in.stage]\nhosts = [\"web-0\"]\n";
    let of_recipe = crate::two_consoles::inventory(text);
    let service = of_recipe.service(&"play@stage".parse().unwrap()).unwrap();
    let mut facts = runs::PlanFacts::default();
    facts.hosts.insert("web-0".into(), runs::Survey::default());
    facts.pm2.insert("web-0".into(), quarterdeck::core::hosts::Pm2List::default());
    let wanted = Wanted::Deploy { what: What::Build(build.clone()) };
    let planned = recipes::plan(&of_recipe, service, &wanted, &facts).unwrap();
    let from_the_build = planned.steps.iter().skip_while(|step| step.name != "unpack").take(2);
    let (names, steps): (Vec<&str>, Vec<String>) =
        from_the_build.map(|step: &Step| (step.name.as_str(), step.command.clone())).unzip();
    assert_eq!(names, ["unpack", "switch"]);
    let run = run(&bed, &steps).await;
    assert_eq!((run.outcome.unwrap().0, end(&run, 0)), (RunOutcome::Failed, &StepEnd::Exit(65)), "{}", told(&run));
    assert!(run.output.iter().any(|line| line.text.contains("damaged")), "{}", told(&run));
    let app = bed.file(0, "app");
    assert!(!app.join("current").exists() && !app.join("releases").join(build.release()).exists());
    assert!(!there.exists(), "it is sent again next time");
    eventually("the lock is given back", async || !bed.locked(0)).await;
}
