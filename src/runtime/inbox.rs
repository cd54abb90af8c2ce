//! Where messages meet the loop: three bounded lanes.
//!
//! *Input* goes first. *Facts* are never lost: a sender waits while the lane is full. Of *telemetry* only the latest
//! reading per host and source is kept, and what was replaced unseen is counted.
use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::sync::{Notify, mpsc};

use crate::{
    core::{
        Msg, hosts,
        id::HostName,
        logs::{self, shown::Shown},
    },
    sources::{Deliver, Reading},
};

/// Keys and signals waiting at most.
const INPUT: usize = 256;
/// Facts waiting at most, before their senders wait.
const FACTS: usize = 4_096;
/// Facts handled between two looks at the input.
const FACTS_AT_ONCE: usize = 512;

#[derive(Debug, Default)]
struct Telemetry {
    latest: Mutex<HashMap<(HostName, &'static str), Msg>>,
    logs: Mutex<Option<Arc<Shown>>>,
    replaced: AtomicU64,
    arrived: Notify,
}

/// The sending end. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Post {
    input: mpsc::Sender<Msg>,
    facts: mpsc::Sender<Msg>,
    telemetry: Arc<Telemetry>,
}

/// The receiving end, for the loop alone.
#[derive(Debug)]
pub struct Inbox {
    input: mpsc::Receiver<Msg>,
    facts: mpsc::Receiver<Msg>,
    telemetry: Arc<Telemetry>,
}

/// Makes both ends.
pub fn lanes() -> (Post, Inbox) {
    let (input, input_end) = mpsc::channel(INPUT);
    let (facts, facts_end) = mpsc::channel(FACTS);
    let telemetry = Arc::new(Telemetry::default());
    let inbox = Inbox { input: input_end, facts: facts_end, telemetry: Arc::clone(&telemetry) };
    (Post { input, facts, telemetry }, inbox)
}

impl Post {
    /// Sends what a person did. A lane that is full of keys drops further ones: the program is stuck, not the person.
    pub fn input(&self, msg: Msg) {
        if self.input.try_send(msg).is_err() {
            tracing::warn!("the input lane is full: a key was dropped");
        }
    }

    /// Sends a fact; waits while the lane is full. False when the loop has ended.
    pub async fn fact(&self, msg: Msg) -> bool {
        self.facts.send(msg).await.is_ok()
    }

    /// Sends a fact from a thread; blocks while the lane is full. False when the loop has ended.
    pub fn fact_blocking(&self, msg: Msg) -> bool {
        self.facts.blocking_send(msg).is_ok()
    }

    /// Sends a fact if the lane has room, for places that cannot wait.
    pub fn try_fact(&self, msg: Msg) {
        if self.facts.try_send(msg).is_err() {
            tracing::warn!("the fact lane is full or closed: a message was dropped");
        }
    }

    /// Publishes what the log engine worked out, in place of what nobody has seen yet.
    pub fn logs(&self, shown: Arc<Shown>) {
        *self.telemetry.logs.lock().unwrap_or_else(PoisonError::into_inner) = Some(shown);
        self.telemetry.arrived.notify_one();
    }

    /// Tells how far something on a host is, in place of what was told before and nobody has seen yet.
    pub fn progress(&self, host: &HostName, what: &'static str, msg: Msg) {
        self.telemetry.latest.lock().unwrap_or_else(PoisonError::into_inner).insert((host.clone(), what), msg);
        self.telemetry.arrived.notify_one();
    }

    /// Readings that were replaced before anybody saw them.
    pub fn replaced(&self) -> u64 {
        self.telemetry.replaced.load(Ordering::Relaxed)
    }
}

impl Deliver for Post {
    fn reading(&self, host: &HostName, source: &'static str, reading: Reading) {
        let msg = Msg::Hosts(match reading {
            Reading::Sample(sample) => hosts::Msg::SampleArrived { host: host.clone(), sample },
            Reading::Pm2(list) => hosts::Msg::Pm2Arrived { host: host.clone(), list },
            Reading::Files(files) => hosts::Msg::FilesRead { host: host.clone(), files: Arc::new(files) },
            Reading::Units(units) => hosts::Msg::UnitsArrived { host: host.clone(), units },
        });
        let mut latest = self.telemetry.latest.lock().unwrap_or_else(PoisonError::into_inner);
        if latest.insert((host.clone(), source), msg).is_some() {
            self.telemetry.replaced.fetch_add(1, Ordering::Relaxed);
        }
        drop(latest);
        self.telemetry.arrived.notify_one();
    }
}

impl Inbox {
    /// Waits for a message of any lane, or until `timeout` is over.
    pub async fn wait(&mut self, timeout: std::time::Duration, into: &mut Vec<Msg>) {
        tokio::select! {
            biased;
            Some(msg) = self.input.recv() => into.push(msg),
            Some(msg) = self.facts.recv() => into.push(msg),
            () = self.telemetry.arrived.notified() => {}
            () = tokio::time::sleep(timeout) => {}
        }
    }

    /// Takes what waits: all input, then some facts, then the latest telemetry.
    pub fn drain(&mut self, into: &mut Vec<Msg>) {
        while let Ok(msg) = self.input.try_recv() {
            into.push(msg);
        }
        for _ in 0..FACTS_AT_ONCE {
            match self.facts.try_recv() {
                Ok(msg) => into.push(msg),
                Err(_) => break,
            }
        }
        let mut latest = self.telemetry.latest.lock().unwrap_or_else(PoisonError::into_inner);
        into.extend(latest.drain().map(|(_, msg)| msg));
        drop(latest);
        let shown = self.telemetry.logs.lock().unwrap_or_else(PoisonError::into_inner).take();
        into.extend(shown.map(|shown| Msg::Logs(logs::Msg::Shown(shown))));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::core::{action::Action, hosts::HostSample, screen::Tone};

    fn said(text: &str) -> Msg {
        Msg::Said { tone: Tone::Info, text: text.into() }
    }

    #[tokio::test]
    async fn input_goes_before_a_flood_of_facts() {
        let (post, mut inbox) = lanes();
        for n in 0..2_000 {
            assert!(post.fact(said(&n.to_string())).await);
        }
        post.input(Msg::Acted(Action::OpenHelp));
        let mut got = Vec::new();
        inbox.drain(&mut got);
        assert_eq!(got.first(), Some(&Msg::Acted(Action::OpenHelp)));
        assert_eq!(got.len(), 1 + FACTS_AT_ONCE, "the rest waits, none is lost");
        while got.len() < 2_001 {
            inbox.drain(&mut got);
        }
        assert_eq!(got.last(), Some(&said("1999")));
    }

    #[tokio::test]
    async fn of_telemetry_the_latest_wins_and_the_rest_is_counted() {
        let (post, mut inbox) = lanes();
        for n in 0..100u8 {
            let sample = HostSample { cpu_pct: Some(f32::from(n)), ..HostSample::default() };
            post.reading(&"web-01".into(), "ssh_metrics", Reading::Sample(Box::new(sample)));
        }
        let mut got = Vec::new();
        inbox.wait(Duration::from_secs(30), &mut got).await;
        inbox.drain(&mut got);
        match got.as_slice() {
            [Msg::Hosts(hosts::Msg::SampleArrived { sample, .. })] => assert_eq!(sample.cpu_pct, Some(99.0)),
            other => panic!("{other:?}"),
        }
        assert_eq!(post.replaced(), 99);
    }
}
