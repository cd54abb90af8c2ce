//! The dead-man rule: what failed while nobody watches is taken back by its host, once.
use quarterdeck::{
    core::{
        id::{Operator, Uid},
        runs::{Step, Way},
    },
    remote::detached::{self, DeadMan, Started, Terms},
};

use crate::{
    detached::{Told, UID, lock, step},
    ssh::{pool_of, web},
    support::{eventually, sshd::Sshd},
};

struct Night {
    sshd: Sshd,
    back: [Step; 1],
    uid: Uid,
}

impl Night {
    async fn begin() -> Self {
        let sshd = Sshd::start().await;
        let count = sshd.path("count").display().to_string();
        let uid = Way::Back.uid(UID);
        Self { back: [step("back", format!("echo back >>{count}"))], uid, sshd }
    }

    fn terms<'a>(&'a self, lock: &'a str, by: &'a Operator, after_ms: u64) -> Terms<'a> {
        let dead_man = Some(DeadMan { uid: self.uid, steps: &self.back, after_ms });
        Terms { lock, operator: by, machine_id: None, dead_man, now: None, sudo: None }
    }

    fn count(&self) -> String {
        std::fs::read_to_string(self.sshd.path("count")).unwrap_or_default()
    }
}

#[tokio::test]
async fn what_failed_while_nobody_watches_is_taken_back_once_and_whoever_comes_later_reads_of_it() {
    let night = Night::begin().await;
    let pool = pool_of(&night.sshd);
    let (lock, by) = (lock(&night.sshd), Operator::from("ann"));
    let steps = [step("there", "echo there; exit 3")];
    detached::start(&pool, &web(), UID, &steps, night.terms(&lock, &by, 1_000)).await.unwrap();
    eventually("the way back", async || night.count() == "back\n").await;
    // The console that comes back starts the way back too: it is the same run.
    let terms = Terms { lock: &lock, operator: &by, machine_id: None, dead_man: None, now: None, sudo: None };
    let again = detached::start(&pool, &web(), night.uid, &night.back, terms).await.unwrap();
    assert_eq!(again, Started::Already);
    let told = Told::all(&pool, night.uid).await;
    assert_eq!(told.events.last().map(String::as_str), Some("Succeeded"), "{told:?}");
    let told = Told::all(&pool, UID).await;
    assert_eq!(told.events.last().map(String::as_str), Some("Failed"), "{told:?}");
    assert_eq!(night.count(), "back\n");
    assert!(!std::path::Path::new(&lock).exists(), "no lock is left");
}

#[tokio::test]
async fn what_a_console_takes_back_is_not_taken_back_again() {
    let night = Night::begin().await;
    let pool = pool_of(&night.sshd);
    let (lock, by) = (lock(&night.sshd), Operator::from("ann"));
    let steps = [step("there", "exit 3")];
    detached::start(&pool, &web(), UID, &steps, night.terms(&lock, &by, 600_000)).await.unwrap();
    let told = Told::all(&pool, UID).await;
    assert_eq!(told.events.last().map(String::as_str), Some("Failed"), "{told:?}");
    let terms = Terms { lock: &lock, operator: &by, machine_id: None, dead_man: None, now: None, sudo: None };
    assert_eq!(detached::start(&pool, &web(), night.uid, &night.back, terms).await.unwrap(), Started::Now);
    _ = Told::all(&pool, night.uid).await;
    // The runner that waited sees that somebody took it back, and goes.
    let pid = night.sshd.home().join(format!(".quarterdeck/runs/{UID}/pid"));
    let pid = std::fs::read_to_string(pid).unwrap();
    let gone = format!("/proc/{}", pid.trim());
    eventually("the runner's end", async || !std::path::Path::new(&gone).exists()).await;
    assert_eq!(night.count(), "back\n");
}

#[tokio::test]
async fn what_went_well_is_left_as_it_is() {
    let night = Night::begin().await;
    let pool = pool_of(&night.sshd);
    let (lock, by) = (lock(&night.sshd), Operator::from("ann"));
    let steps = [step("there", "[ -d \"$QD_RUN\" ] && echo $QD_RUN")];
    detached::start(&pool, &web(), UID, &steps, night.terms(&lock, &by, 1)).await.unwrap();
    let told = Told::all(&pool, UID).await;
    assert_eq!(told.events.last().map(String::as_str), Some("Succeeded"), "{told:?}");
    assert!(String::from_utf8_lossy(&told.output[0]).contains(&UID.to_string()), "{told:?}");
    let back = night.sshd.home().join(format!(".quarterdeck/runs/{}", night.uid));
    assert!(!back.exists() && night.count().is_empty());
}
