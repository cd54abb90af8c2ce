//! A console without a screen and a store in memory, on a clock that is moved by hand: it is killed between any two writes.
use std::{
    sync::{Arc, LazyLock},
    time::Duration,
};

use quarterdeck::{
    config::Env,
    core::{
        Effect, Msg, State,
        alerts::Severity,
        id::IncidentId,
        incidents::{IncidentEvent, IncidentEventKind, StoredIncidentEvent},
        inventory::Inventory,
        logs::redact::Redactor,
        msg::Loaded,
        outbox::{self, OutboxEvent, OutboxEventKind, Sync, TrackerSpec},
        record::{Changes, Recorder, Row},
        runs::Actor,
        time::{Mono, Now, Timestamp},
        update,
    },
    notify,
    remote::http::{Client, Trust},
    tasks::Tasks,
    trackers::{self, Means},
};

use super::INCIDENT;
use crate::tickets::Shared;

/// The rules for secrets: to read them takes longer than a night.
pub(super) static RULES: LazyLock<Arc<Redactor>> =
    LazyLock::new(|| Arc::new(quarterdeck::config::redact::load(None).0));

/// A small generator: the same seed makes the same night.
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % most
    }
}

pub(super) struct Sim {
    pub(super) state: State,
    inventory: Arc<Inventory>,
    pub(super) now: Now,
    pub(super) stored: Vec<OutboxEvent>,
    incidents: Vec<StoredIncidentEvent>,
    means: Means,
    redact: Arc<Redactor>,
    fake: Shared,
    /// Writes and sends until the console is killed.
    pub(super) kill_in: Option<u64>,
    /// Kills it again and again, at one of four places.
    pub(super) killer: Option<Dice>,
    pub(super) kills: usize,
}

/// It was killed.
struct Killed;

pub(super) fn means(patience: Duration) -> Means {
    means_with(patience, &[("T", "test-token-1234")])
}

pub(super) fn means_with(patience: Duration, variables: &[(&str, &str)]) -> Means {
    let tasks = Tasks::new(tokio::runtime::Handle::current(), |panicked| println!("task panicked: {panicked:?}"));
    let env = Env::new("/nonexistent", variables.iter().copied());
    Means { http: Client::new(Trust::system()), env, tasks, patience }
}

impl Sim {
    pub(super) fn new(spec: &Arc<TrackerSpec>, fake: &Shared, means: Means) -> Self {
        Self::with(Inventory { trackers: vec![Arc::clone(spec)], ..Inventory::default() }, fake, means)
    }

    pub(super) fn with(inventory: Inventory, fake: &Shared, means: Means) -> Self {
        let inventory = Arc::new(inventory);
        let at = fake.lock().unwrap().now;
        let actor = Actor { by: "ana".into(), from: "test".into() };
        let mut sim = Self {
            state: State::new(Arc::clone(&inventory), actor),
            inventory,
            now: Now { utc: at, mono: Mono(1_000_000) },
            stored: Vec::new(),
            incidents: Vec::new(),
            means,
            redact: Arc::clone(&RULES),
            fake: Arc::clone(fake),
            kill_in: None,
            killer: None,
            kills: 0,
        };
        sim.start();
        sim
    }

    /// Begins anew with what is on disk.
    fn start(&mut self) {
        let actor = Actor { by: "ana".into(), from: "test".into() };
        self.state = State::new(Arc::clone(&self.inventory), actor);
        let loaded = Loaded { outbox: self.stored.clone(), incidents: self.incidents.clone(), ..Loaded::default() };
        _ = update(&mut self.state, Msg::Loaded(Box::new(loaded)), self.now);
        _ = update(&mut self.state, Msg::RecorderChanged(Recorder::Me { epoch: 1 }), self.now);
    }

    pub(super) fn pass(&mut self, ms: i64) {
        self.now = Now { utc: self.now.utc + ms, mono: self.now.mono + ms.unsigned_abs() };
        self.fake.lock().unwrap().at(self.now.utc);
    }

    /// Whether it is killed here.
    fn dies(&mut self) -> Result<(), Killed> {
        if self.killer.as_mut().is_some_and(|killer| killer.below(4) == 0) {
            return Err(Killed);
        }
        match &mut self.kill_in {
            Some(0) => {
                self.kill_in = None;
                Err(Killed)
            }
            Some(left) => {
                *left -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn commit(&mut self, rows: Vec<Row>) -> Changes {
        let mut changes = Changes::default();
        for row in rows {
            match row {
                Row::Outbox(event) => {
                    let queued = matches!(event.kind, OutboxEventKind::Queued { .. });
                    if !(queued && self.stored.iter().any(|known| known.token == event.token)) {
                        changes.outbox.push(event);
                    }
                }
                Row::Incident(event) => {
                    let seq = u64::try_from(self.incidents.len()).unwrap() + 1;
                    changes.incidents.push(StoredIncidentEvent { number: IncidentId(7), seq, event });
                    self.incidents.extend(changes.incidents.last().cloned());
                }
                _ => {}
            }
        }
        self.stored.extend(changes.outbox.clone());
        changes
    }

    async fn tell(&mut self, msg: Msg) -> Result<(), Killed> {
        let mut waiting = vec![msg];
        while let Some(msg) = waiting.pop() {
            let mut effects = update(&mut self.state, msg, self.now);
            effects.reverse();
            while let Some(effect) = effects.pop() {
                match effect {
                    Effect::Commit { rows, then, .. } => {
                        self.dies()?;
                        let changes = self.commit(rows);
                        self.dies()?;
                        effects.extend(then.into_iter().rev());
                        waiting.insert(0, Msg::Changed(Box::new(changes)));
                    }
                    Effect::Deliver(order) => {
                        let end = if order.item.write.notice().is_some() {
                            notify::deliver(&order, &self.means, &self.redact).await
                        } else {
                            trackers::deliver(&order, &self.means, &self.redact).await
                        };
                        self.dies()?;
                        let (token, deed, attempt) = (order.token, order.deed, order.attempt);
                        waiting.insert(0, Msg::Outbox(outbox::Msg::Ended { token, deed, attempt, end }));
                    }
                    _ => {}
                }
            }
        }
        Ok(())
    }

    /// Tells it something; where it is killed over it, another console begins.
    pub(super) async fn does(&mut self, msg: Msg) {
        if self.tell(msg).await.is_err() {
            self.kills += 1;
            self.start();
        }
    }

    /// Writes an event of the incident, with what follows from it.
    pub(super) async fn happens(&mut self, kind: IncidentEventKind) {
        let mut rows =
            vec![Row::Incident(IncidentEvent { incident: INCIDENT, at: self.now.utc, by: "ana".into(), kind })];
        let State { incidents, outbox, alerts, services, windows, .. } = &self.state;
        let known = outbox::Known { inventory: &self.inventory, alerts, incidents, services, windows, outbox };
        let notices = outbox::notices(&rows, known);
        rows.extend(outbox::for_rows(&rows, &self.inventory.trackers, incidents, outbox));
        rows.extend(notices);
        let changes = self.commit(rows);
        self.does(Msg::Changed(Box::new(changes))).await;
    }

    pub(super) async fn opened(&mut self) {
        let title = "play@prod is down\u{1b}[31m\r\npassword=hunter2 ".to_owned() + &"long ".repeat(200);
        self.happens(IncidentEventKind::Opened {
            title,
            severity: Severity::P2,
            service: Some("play@prod".parse().unwrap()),
        })
        .await;
    }

    pub(super) fn sync(&self) -> Option<Sync> {
        self.state.outbox.items.values().map(outbox::Entry::sync).max()
    }

    /// Lets time pass to the next moment at which something is to be done.
    pub(super) async fn step(&mut self) {
        let next =
            self.state.outbox.items.values().filter_map(outbox::Entry::next).filter(|at| *at > self.now.utc).min();
        let far = next.map_or(1_000, |at: Timestamp| at.since(self.now.utc)).clamp(1_000, 24 * 3_600_000);
        self.pass(far);
        self.does(Msg::Ticked).await;
    }

    /// Goes on until all is written; a person has tried again what failed.
    pub(super) async fn settle(&mut self, most: usize) {
        for _ in 0..most {
            match self.sync() {
                Some(Sync::Synced | Sync::Unsure | Sync::Dropped) => return,
                Some(Sync::Failed) => {
                    let failed: Vec<_> = self
                        .state
                        .outbox
                        .items
                        .values()
                        .filter(|item| item.sync() == Sync::Failed)
                        .map(|item| item.token)
                        .collect();
                    for token in failed {
                        self.does(Msg::Outbox(outbox::Msg::RetryAsked { token })).await;
                    }
                    self.step().await;
                }
                Some(Sync::Waiting) | None => self.step().await,
            }
        }
        panic!("never settles: {:#?}", self.state.outbox.items);
    }
}
