//! Everything that is configured is tried once, so that nothing is tried first when it is needed.
use std::sync::Arc;

use serde_json::{Value as Json, json};

use super::super::setup::{self, Setup};
use crate::{
    checks, config,
    core::{services::Outcome, time::Clock},
    notify,
    remote::{Exit as RemoteExit, Lane, Remote as _, Script},
    runtime,
    sources::qualys,
    tasks::{Task, Tasks},
    trackers::{self, Missed, probe::Probed},
};

/// What came of trying one thing.
#[derive(Clone, Debug)]
pub(super) struct Tried {
    what: String,
    kind: Option<String>,
    /// None: nothing can be asked of it.
    pub(super) ok: Option<bool>,
    said: String,
    /// Milliseconds until it was known; none where nothing was asked.
    latency_ms: Option<u64>,
    /// How much may still be asked of it, where it says so.
    quota: Option<String>,
}

impl Tried {
    fn new(what: String, ok: bool, said: String) -> Self {
        Self { what, kind: None, ok: Some(ok), said, latency_ms: None, quota: None }
    }

    fn probed(what: String, kind: &str, probed: Result<Probed, Missed>) -> Self {
        let kind = Some(kind.to_owned());
        match probed {
            Ok(Probed { asked, said, quota }) => {
                Self { what, kind, ok: asked.then_some(true), said, latency_ms: None, quota }
            }
            Err(missed) => Self { what, kind, ok: Some(false), said: missed.reason, latency_ms: None, quota: None },
        }
    }

    pub(super) fn json(&self) -> Json {
        json!({
            "what": self.what,
            "kind": self.kind,
            "ok": self.ok,
            "said": self.said,
            "latency_ms": self.latency_ms,
            "quota": self.quota,
        })
    }

    pub(super) fn row(&self) -> Vec<String> {
        let verdict = match self.ok {
            Some(true) => "ok",
            Some(false) => "FAIL",
            None => "?",
        };
        let kind = self.kind.as_ref().map(|kind| format!(" ({kind})")).unwrap_or_default();
        let latency = self.latency_ms.map(|ms| format!("{ms}ms")).unwrap_or_default();
        let quota = self.quota.as_ref().map(|quota| format!("; {quota}")).unwrap_or_default();
        vec![verdict.to_owned(), format!("{}{kind}", self.what), latency, format!("{}{quota}", self.said)]
    }
}

/// Who tries, and by whose clock.
struct Trial {
    tasks: Tasks,
    clock: Arc<dyn Clock>,
}

impl Trial {
    fn spawn(&self, name: &'static str, trying: impl Future<Output = Tried> + Send + 'static) -> Task<Tried> {
        let clock = Arc::clone(&self.clock);
        self.tasks.spawn(name, async move {
            let began = clock.now().mono;
            let tried = trying.await;
            let latency_ms = tried.ok.map(|_| clock.now().mono.0.saturating_sub(began.0));
            Tried { latency_ms, ..tried }
        })
    }
}

/// Tries hosts, checks, the scanner, trackers and channels, all at the same time.
pub(super) fn connect(setup: &Setup, loaded: &config::Loaded) -> Vec<Tried> {
    let trial = Trial { tasks: setup.tasks.clone(), clock: Arc::clone(&setup.clock) };
    setup.runtime.block_on(async {
        let mut all = machines(setup, loaded, &trial);
        all.extend(places(loaded, &trial));
        let mut tried = Vec::new();
        for task in all {
            tried.extend(task.join().await);
        }
        tried
    })
}

fn machines(setup: &Setup, loaded: &config::Loaded, trial: &Trial) -> Vec<Task<Tried>> {
    let pool = setup.remote(loaded, false);
    let context = checks::Context { remote: Arc::clone(&pool) as setup::SharedRemote, clock: Arc::clone(&setup.clock) };
    let hosts = loaded.inventory.hosts.iter().map(|host| {
        let (pool, name) = (Arc::clone(&pool), host.name.clone());
        trial.spawn("connect", async move {
            let what = format!("host {name}");
            match pool.run(&name, Lane::Control, Script::brief("uname -sr")).await {
                Ok(output) => {
                    let ok = output.exit == RemoteExit::Code(0);
                    Tried::new(what, ok, crate::parse::sanitise::line(&output.stdout))
                }
                Err(error) => {
                    let hint = error.hint.map(|hint| format!(" ({hint})")).unwrap_or_default();
                    Tried::new(what, false, format!("{}{hint}", error.what))
                }
            }
        })
    });
    let asked = loaded.inventory.checks().map(|spec| {
        let (spec, context) = (Arc::clone(spec), context.clone());
        trial.spawn("ask", async move {
            let what = format!("check {}", spec.id);
            match checks::probe(&spec) {
                Ok(probe) => {
                    let seen = probe.ask(&context).await;
                    let ok = matches!(seen.outcome, Outcome::Up | Outcome::Degraded);
                    Tried::new(what, ok, seen.detail)
                }
                Err(report) => Tried::new(what, false, report.to_string()),
            }
        })
    });
    let scanner = loaded.inventory.scanner.clone().map(|scanner| {
        trial.spawn("scanner", async move {
            let what = "scanner Qualys".to_owned();
            match qualys::probe(&scanner, &runtime::findings::means()).await {
                Ok(said) => Tried::new(what, true, said),
                Err(why) => Tried::new(what, false, why),
            }
        })
    });
    hosts.chain(asked).chain(scanner).collect()
}

/// Tries where tickets are kept, and by what people are told. Nothing is written there, and nobody is told.
fn places(loaded: &config::Loaded, trial: &Trial) -> Vec<Task<Tried>> {
    let means = runtime::outbox::means(&trial.tasks);
    let trackers = loaded.inventory.trackers.iter().map(|spec| {
        let (spec, means) = (Arc::clone(spec), means.clone());
        trial.spawn("tracker", async move {
            let probed = trackers::probe::probe(&spec, &means).await;
            Tried::probed(format!("tracker {}", spec.name), &spec.kind, probed)
        })
    });
    let notifiers = loaded.inventory.notifiers.iter().map(|spec| {
        let (spec, means) = (Arc::clone(spec), means.clone());
        trial.spawn("notifier", async move {
            let probed = notify::probe(&spec, &means).await;
            Tried::probed(format!("notifier {}", spec.place.name), &spec.place.kind, probed)
        })
    });
    trackers.chain(notifiers).collect()
}
