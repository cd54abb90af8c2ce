//! What the runner on a host leaves, and when: its lock is free before its end is told, and nothing watches a step that is over.
use std::sync::Arc;

use quarterdeck::{
    core::{
        id::Uid,
        runs::{Step, StepEnd},
    },
    remote::detached::{self, Attached, Cursor, Event},
};
use tokio::time::timeout;

use crate::{
    detached::{UID, lock, start, step},
    ssh::{pool_of, web},
    support::{
        HANG, eventually,
        sshd::{self, Sshd},
    },
};

fn limited(text: &str, seconds: u64) -> Step {
    Step { timeout_ms: seconds * 1_000, ..step("limited", text) }
}

async fn until(attached: &mut Attached, what: &str, is: impl Fn(&Event) -> bool) -> Event {
    loop {
        let event = timeout(HANG, attached.next()).await.expect("no event came").unwrap_or_else(|| panic!("no {what}"));
        if is(&event) {
            return event;
        }
    }
}

#[tokio::test]
async fn whoever_hears_of_the_end_finds_the_lock_free() {
    let sshd = Sshd::start().await;
    let pool = pool_of(&sshd);
    let lock = lock(&sshd);
    // It stands while there is more to do.
    let held = format!("test -s {lock}");
    let ends = [
        (vec![step("one", "true"), step("last", held.clone())], 1, StepEnd::Exit(0)),
        (vec![step("one", held.clone()), step("fails", "exit 3"), step("never", "true")], 1, StepEnd::Exit(3)),
        (vec![step("one", held), limited("sleep 600", 1), step("never", "true")], 1, StepEnd::TimedOut),
    ];
    for (number, (steps, last, how)) in ends.into_iter().enumerate() {
        let uid = Uid([0, 0, 0, 0, 7, u8::try_from(number).unwrap()]);
        start(&pool, uid, &steps, &lock).await;
        let mut attached = detached::attach(Arc::new(pool.clone()), &web(), uid, Cursor::default());
        let ended = |event: &Event| matches!(event, Event::StepEnded { index, .. } if *index == last);
        let event = until(&mut attached, "end", ended).await;
        assert!(!std::path::Path::new(&lock).exists(), "{event:?}");
        assert!(matches!(event, Event::StepEnded { end, .. } if end == how), "{steps:?}");
    }
}

#[tokio::test]
async fn a_step_whose_runner_was_killed_keeps_its_time_and_is_watched_no_longer_than_it_lasts() {
    let sshd = Sshd::start().await;
    let pool = pool_of(&sshd);
    let (gate, folder) = (sshd.path("gate"), sshd.home().join(".quarterdeck/runs").join(UID.to_string()));
    let waits = format!("until [ -e {} ]; do sleep 0.1; done", gate.display());
    let nap = format!("sleep 8{}", sshd.port);
    for (number, work) in [limited(&waits, 900), limited(&format!("{nap} | cat"), 3)].into_iter().enumerate() {
        let uid = Uid([0, 0, 0, 0, 0x88, 2 + u8::try_from(number).unwrap()]);
        let (folder, lock) = (folder.with_file_name(uid.to_string()), sshd.path(&format!("lock{number}")));
        start(&pool, uid, &[work], &lock.display().to_string()).await;
        let mut attached = detached::attach(Arc::new(pool.clone()), &web(), uid, Cursor::default());
        until(&mut attached, "start", |event| matches!(event, Event::StepStarted { .. })).await;
        let runner: u32 = std::fs::read_to_string(folder.join("pid")).unwrap().trim().parse().unwrap();
        sshd::signal(runner, "KILL");
        until(&mut attached, "death", |event| *event == Event::Died).await;
        std::fs::write(&gate, "").unwrap();
        eventually("nothing of it is left", async || !sshd::runs(&folder.display().to_string())).await;
        assert!(!sshd::runs(&nap), "its time was over");
        // Whether it did its work nobody knows: that its lock stands says so.
        assert!(lock.exists());
    }
}
