//! Two consoles on one store, and one step that changes something.
use std::sync::Arc;

use quarterdeck::{
    core::{
        Msg,
        action::Action,
        id::Uid,
        incidents::IncidentEventKind,
        runbooks::RunbookAction,
        runs,
        screen::{Pane, RowKey, View},
    },
    parse::runbook,
    runtime::engine::Engine,
};

use super::service;
use crate::{ops::Ops, two_consoles::both};

const BOOK: &str =
    "---\nservices: api\n---\n# Count\n\n## Count it\n\n```sh change on=first\necho x >>\"$HOME/count\"\n```\n";

/// Presses the key that runs the step, beside the incident.
fn asks(engine: &mut Engine, incident: Uid) {
    let (state, view) = (&mut engine.state, View::Runbook(incident));
    state.runbooks.shown.insert(incident, "count".into());
    state.screen.message = None;
    state.screen.go(view.clone());
    state.screen.focus.insert(view.clone(), 0);
    state.screen.cursors.insert((view, Pane::Book), RowKey::Step("count-it".into()));
    engine.handle(Msg::Acted(Action::Runbook(RunbookAction::Run)));
}

fn says_yes(engine: &mut Engine) {
    engine.handle(Msg::Runs(runs::Msg::Confirmed));
}

fn ended(engine: &Engine) -> usize {
    engine.state.runs.runs.values().filter(|run| run.outcome.is_some()).count()
}

/// Why it was refused: at once, or by the store once it was confirmed.
fn refused(engine: &Engine) -> Option<String> {
    let review = engine.state.runs.review.as_ref().and_then(|review| review.refused.clone());
    review.or_else(|| Some(engine.state.screen.message.as_ref()?.text.clone())).filter(|why| why.contains("came first"))
}

#[tokio::test]
async fn of_two_consoles_that_run_one_changing_step_at_once_exactly_one_does() {
    const ROUNDS: usize = 8;
    let mut ops = Ops::start(service).await;
    let (book, faults) = runbook::read("count", BOOK);
    assert_eq!(faults, []);
    let mut inventory = (*ops.engine.state.inventory).clone();
    inventory.runbooks.push(Arc::new(book));
    ops.engine.adopt(Arc::new(inventory), Vec::new());
    let (mut ben, clock) = (ops.another("ben"), Arc::clone(&ops.clock));
    let ana = &mut ops.engine;
    both(ana, &mut ben, "the store", |ana, ben| ana.state.is_loaded() && ben.state.is_loaded()).await;
    ana.handle(Msg::Acted(Action::GoOverview));
    ana.handle(Msg::Acted(Action::OpenIncident));
    let of = |engine: &Engine| engine.state.incidents.incidents.keys().next().copied();
    both(ana, &mut ben, "the incident", |ana, ben| of(ana).is_some() && of(ben).is_some()).await;
    let incident = of(ana).unwrap();

    for round in 1..=ROUNDS {
        asks(ana, incident);
        asks(&mut ben, incident);
        let open = |engine: &Engine| engine.state.runs.review.is_some();
        both(ana, &mut ben, "both reviews", |ana, ben| open(ana) && open(ben)).await;
        let opened = clock.now().mono;
        both(ana, &mut ben, "the guard", |_, _| clock.now().mono.since(opened) > runs::TYPE_AHEAD_MS).await;
        // Now the one is first, now the other; at once, or when what the first one did is over already.
        let (first, second) = if round % 2 == 0 { (&mut *ana, &mut ben) } else { (&mut ben, &mut *ana) };
        says_yes(first);
        if round % 4 == 2 {
            both(first, second, "the first one's end", |first, _| ended(first) == round).await;
        } else if round % 4 == 3 {
            let over = |first: &_, second: &_| ended(first) == round && ended(second) == round;
            both(first, second, "its end in both", over).await;
        }
        says_yes(second);
        both(ana, &mut ben, "one ran, the other was refused", |ana, ben| {
            ended(ana) == round && ended(ben) == round && (refused(ana).is_some() != refused(ben).is_some())
        })
        .await;
        for engine in [&mut *ana, &mut ben] {
            assert_eq!(engine.state.runs.runs.len(), round, "nothing is left of what was refused");
            engine.handle(Msg::Runs(runs::Msg::Cancelled));
        }
        let count = std::fs::read_to_string(ops.sshd.home().join("count")).unwrap();
        assert_eq!(count.lines().count(), round, "it ran once for each time that somebody decided on it");
    }
    let timeline = |engine: &Engine| {
        let of = &engine.state.incidents.incidents[&incident];
        of.timeline.values().filter(|event| matches!(event.kind, IncidentEventKind::StepRun { .. })).count()
    };
    both(ana, &mut ben, "the timeline", |ana, ben| timeline(ana) == ROUNDS && timeline(ben) == ROUNDS).await;
    ana.stop();
    ben.stop();
}
