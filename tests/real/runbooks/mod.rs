//! Runbooks that are shipped, on real servers over real OpenSSH: what looks must tell the fault from health, and what changes must
//! mend it. Each goes through the console: the runbook beside an incident, the review, the gate.
mod cdn;
mod dns;
mod mail;
mod nginx;
mod pm2;
mod pods;
mod postgres;
mod redis;
mod twice;
mod video;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use quarterdeck::{
    core::{
        Msg,
        action::Action,
        id::Uid,
        incidents::IncidentEventKind,
        runbooks::{self, Runbook, RunbookAction},
        runs::{RunOutcome, Wanted},
        screen::{Pane, RowKey, View},
    },
    parse::runbook,
};

use crate::{
    ops::{Ops, task, until},
    support::{eventually, open_to_all},
};

/// A service whose lock stands in its own folder: those of other tests are on this machine, too.
fn service(home: &std::path::Path) -> String {
    std::fs::create_dir(home.join("lock")).unwrap();
    open_to_all(&home.join("lock"));
    "kind = \"command\"\n[service.recipe]\npath = \"~/lock\"\n[service.recipe.tasks.nothing]\nsteps = [\"true\"]"
        .to_owned()
}

/// A console with a runbook beside an incident.
struct Desk {
    ops: Ops,
    book: Arc<Runbook>,
    incident: Uid,
    given: BTreeMap<String, String>,
    /// The steps that were run.
    ran: BTreeSet<String>,
}

impl Desk {
    /// Opens an incident for the service, and the runbook of a file in `examples/runbooks` beside it.
    async fn open(mut ops: Ops, file: &str, given: &[(&str, String)]) -> Self {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/runbooks").join(file);
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let (book, faults) = runbook::read(&name, &std::fs::read_to_string(&path).unwrap());
        assert_eq!(faults, []);
        let mut inventory = (*ops.engine.state.inventory).clone();
        inventory.runbooks.push(Arc::new(book));
        ops.engine.adopt(Arc::new(inventory), Vec::new());
        until(&mut ops.engine, "the store", |engine| engine.state.is_loaded()).await;
        if ops.engine.state.incidents.incidents.is_empty() {
            ops.engine.handle(Msg::Acted(Action::GoOverview));
            ops.engine.handle(Msg::Acted(Action::OpenIncident));
            until(&mut ops.engine, "the incident", |engine| !engine.state.incidents.incidents.is_empty()).await;
        }
        let incident = *ops.engine.state.incidents.incidents.keys().next().unwrap();
        let book = Arc::clone(ops.engine.state.inventory.runbook(&name).unwrap());
        let given = given.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        Self { ops, book, incident, given, ran: BTreeSet::new() }
    }

    fn give(&mut self, name: &str, value: impl ToString) {
        self.given.insert(name.to_owned(), value.to_string());
    }

    /// Runs a step that only looks, as a person does; returns whether its answer is as it must be, and what the timeline says.
    async fn look(&mut self, step: &str) -> (Option<bool>, String) {
        assert!(
            self.book.step(step).is_some(),
            "{step}: {:?}",
            self.book.steps.iter().map(|step| &step.id).collect::<Vec<_>>()
        );
        self.ran.insert(step.to_owned());
        let (incident, name) = (self.incident, self.book.name.clone());
        let state = &mut self.ops.engine.state;
        state.runbooks.given.insert(incident, self.given.clone());
        state.runbooks.shown.insert(incident, name.clone());
        state.screen.go(View::Incident(incident));
        self.ops.engine.handle(Msg::Acted(Action::Runbook(RunbookAction::Show)));
        let view = View::Runbook(incident);
        let state = &mut self.ops.engine.state;
        assert_eq!(state.screen.view, view);
        state.screen.focus.insert(view.clone(), 0);
        state.screen.cursors.insert((view, Pane::Book), RowKey::Step(step.to_owned()));
        let last = |engine: &quarterdeck::runtime::engine::Engine| {
            let known = engine.state.incidents.incidents[&incident].books.get(&(name.clone(), step.to_owned()))?;
            known.seen.values().next().cloned()
        };
        let before = last(&self.ops.engine).map(|(.., seq)| seq);
        self.ops.engine.handle(Msg::Acted(Action::Runbook(RunbookAction::Run)));
        let waits = self.ops.engine.state.runbooks.waiting(incident, &name, step);
        assert_eq!(waits, 1, "{step}: {:?}", self.ops.engine.state.screen.message);
        until(&mut self.ops.engine, step, |engine| last(engine).is_some_and(|(.., seq)| Some(seq) != before)).await;
        let (_, met, why, seq) = last(&self.ops.engine).unwrap();
        let told = &self.ops.engine.state.incidents.incidents[&incident].timeline[&seq].kind;
        let IncidentEventKind::Command { exit, output, sha256, .. } = told else { panic!("{told:?}") };
        assert!(exit.is_none() || sha256.len() == 64);
        (met, format!("{step}: {why}; exit {exit:?}\n{output}"))
    }

    /// All of these are as they must be.
    async fn well(&mut self, steps: &[&str]) {
        for step in steps {
            let (met, told) = self.look(step).await;
            assert_eq!(met, Some(true), "{told}");
        }
    }

    /// None of these is.
    async fn ill(&mut self, steps: &[&str]) {
        for step in steps {
            let (met, told) = self.look(step).await;
            assert_eq!(met, Some(false), "{told}");
        }
    }

    /// It comes to say so: what is done takes a moment to be seen.
    async fn gets(&mut self, step: &str, is: impl Fn(Option<bool>, &str) -> bool) {
        let mut told = String::new();
        let done = tokio::time::timeout(crate::support::HANG, async {
            loop {
                let (met, said) = self.look(step).await;
                told = said;
                if is(met, &told) {
                    return;
                }
            }
        });
        let done = done.await.is_ok();
        assert!(done, "{told}");
    }

    /// It comes to be as it must be.
    async fn gets_well(&mut self, step: &str) {
        self.gets(step, |met, _| met == Some(true)).await;
    }

    /// It comes to be not as it must be.
    async fn gets_ill(&mut self, step: &str) {
        self.gets(step, |met, _| met == Some(false)).await;
    }

    /// It comes to say this, and is not as it must be.
    async fn gets_to_say(&mut self, step: &str, what: &str) {
        self.gets(step, |met, told| met == Some(false) && told.contains(what)).await;
    }

    /// Carries a step out that may fail; returns how it ended, and what it printed.
    async fn try_change(&mut self, step: &str) -> (RunOutcome, String) {
        self.ran.insert(step.to_owned());
        let known = |(name, _): &(&String, &String)| self.book.params.iter().any(|param| param.name == **name);
        let settings: Vec<(&str, &str)> =
            self.given.iter().filter(known).map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let wanted: Wanted = task(&runbooks::task(&self.book.name, step), &settings);
        self.ops.change(wanted).await
    }

    /// Carries a step out that changes something, through review and gate.
    async fn change(&mut self, step: &str) {
        let (outcome, told) = self.try_change(step).await;
        assert_eq!(outcome, RunOutcome::Succeeded, "{step}: {told}");
        let known = &self.ops.engine.state.incidents.incidents[&self.incident];
        let ran = known.books.get(&(self.book.name.clone(), step.to_owned())).and_then(|step| step.run.clone());
        assert!(ran.is_some(), "{step} is in the timeline: {:?}", known.timeline.values().last());
    }

    /// Every step of the book was run here; none of those that it has by now was forgotten.
    fn ran_all(&self) {
        self.ran_all_but(&[]);
    }

    /// Every step was, but these.
    fn ran_all_but(&self, but: &[&str]) {
        let all = self.book.numbered().map(|step| step.id.as_str());
        let left: Vec<&str> = all.filter(|id| !self.ran.contains(*id)).collect();
        assert_eq!(left, but, "of {}", self.book.name);
    }
}
