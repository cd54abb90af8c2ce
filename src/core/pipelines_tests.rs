//! When a pipeline is asked, and what of it stays.
use std::sync::Arc;

use super::*;
use crate::core::{
    Msg as CoreMsg,
    action::{Action, Motion},
    inventory::{Inventory, Pipeline, Service},
    runs::Actor,
    screen::{Pane, RowKey},
    update,
};

fn service() -> ServiceId {
    "play@prod".parse().unwrap()
}

fn state() -> Core {
    let pipeline = Pipeline::new("acme/play", "deploy.yml", "env:TOKEN");
    let inventory = Inventory {
        services: vec![Arc::new(Service { pipeline: Some(Arc::new(pipeline)), ..Service::new(service()) })],
        ..Inventory::default()
    };
    let mut state = Core::new(Arc::new(inventory), Actor { by: "ana".into(), from: "tty1".into() });
    state.screen.go(View::Pipeline(service()));
    state
}

fn at(ms: u64) -> Now {
    Now { utc: Timestamp(i64::try_from(ms).unwrap()), mono: Mono(ms) }
}

/// Lets time go by, and returns what the pipeline is asked.
fn tick(state: &mut Core, ms: u64) -> Option<Look> {
    let effects = update(state, CoreMsg::Ticked, at(ms));
    let looks = effects
        .into_iter()
        .filter_map(|effect| if let Effect::LookAtPipeline(look) = effect { Some(look) } else { None });
    let looks: Vec<Look> = looks.collect();
    assert!(looks.len() < 2, "{looks:?}");
    looks.into_iter().next()
}

fn run(id: u64, status: &str) -> PipelineRun {
    PipelineRun { id, number: id - 1_000, status: status.into(), ..PipelineRun::default() }
}

fn job(id: u64, status: &str, conclusion: Option<&str>) -> PipelineJob {
    PipelineJob { id, status: status.into(), conclusion: conclusion.map(str::to_owned), ..PipelineJob::default() }
}

fn answer(state: &mut Core, ms: u64, look: &Look, told: Result<Told, String>) {
    _ = update(state, CoreMsg::Pipelines(Msg::Looked { look: look.clone(), told: Box::new(told) }), at(ms));
}

fn told(ms: u64, runs: Vec<PipelineRun>, jobs: Option<(u64, Vec<PipelineJob>)>) -> Told {
    let (at, workflow) = (at(ms).utc, Ok("active".to_owned()));
    Told { at, workflow, runs, jobs: jobs.map(|(run, jobs)| (run, Ok(jobs))), log: None }
}

#[test]
fn it_is_asked_at_once_then_at_a_pace_and_never_while_nobody_looks() {
    let mut state = state();
    let look = tick(&mut state, 1_000).unwrap();
    assert_eq!((look.run, look.log), (None, None));
    assert_eq!(tick(&mut state, 2_000), None, "one question at a time");
    let runs = vec![run(1_812, "in_progress"), run(1_811, "completed")];
    answer(&mut state, 2_000, &look, Ok(told(2_000, runs.clone(), Some((1_812, vec![job(5, "in_progress", None)])))));
    assert_eq!(tick(&mut state, 3_000), None);
    assert_eq!(tick(&mut state, 9_900), None);
    let look = tick(&mut state, 11_100).unwrap();
    assert_eq!(look.run, Some(1_812), "the one under the cursor");
    let over = vec![run(1_812, "completed"), run(1_811, "completed")];
    answer(&mut state, 11_200, &look, Ok(told(11_200, over, Some((1_812, Vec::new())))));
    assert_eq!(tick(&mut state, 30_000), None, "nothing goes on: it is asked less");
    state.screen.go(View::Overview);
    assert_eq!(tick(&mut state, 90_000), None);
    state.screen.go(View::Pipeline(service()));
    assert!(tick(&mut state, 90_100).is_some());
}

#[test]
fn another_run_and_the_log_of_what_failed_are_asked_for_once_the_cursor_rests() {
    let mut state = state();
    let look = tick(&mut state, 1_000).unwrap();
    let runs = vec![run(1_812, "completed"), run(1_811, "completed")];
    let jobs = vec![job(5, "completed", Some("success")), job(6, "completed", Some("failure"))];
    answer(&mut state, 1_100, &look, Ok(told(1_100, runs.clone(), Some((1_812, jobs.clone())))));
    assert_eq!(
        state.screen.rows(Pane::PipelineJobs),
        [RowKey::PipelineJob(6), RowKey::PipelineJob(5)],
        "what failed first"
    );
    let look = tick(&mut state, 1_200).unwrap();
    assert_eq!((look.run, look.log), (Some(1_812), Some(6)));
    let log = Log { before: 0, lines: vec!["no such table".into()] };
    let mut with_log = told(1_300, runs.clone(), Some((1_812, jobs)));
    with_log.log = Some((6, Ok(log.clone())));
    answer(&mut state, 1_300, &look, Ok(with_log));
    assert_eq!(state.pipelines.of(&service()).unwrap().log(6), Some(&Ok(log)));
    assert_eq!(state.screen.rows(Pane::JobLog), [RowKey::Index(0)]);
    assert_eq!(tick(&mut state, 1_400), None, "it is known");
    _ = update(&mut state, CoreMsg::Acted(Action::Move(Motion::Down)), at(1_500));
    assert_eq!(tick(&mut state, 1_600), None, "the cursor moves");
    let look = tick(&mut state, 1_800).unwrap();
    assert_eq!(look.run, Some(1_811));
    answer(&mut state, 1_900, &look, Ok(told(1_900, runs, Some((1_811, vec![job(8, "completed", Some("success"))])))));
    assert_eq!(state.screen.rows(Pane::PipelineJobs), [RowKey::PipelineJob(8)]);
}

#[test]
fn what_fails_is_asked_less_and_less_and_what_was_told_stays() {
    let mut state = state();
    let look = tick(&mut state, 1_000).unwrap();
    answer(&mut state, 1_000, &look, Ok(told(1_000, vec![run(1_812, "in_progress")], None)));
    let (mut now, mut pauses) = (1_000, Vec::new());
    for _ in 0..6 {
        let from = now;
        let look = loop {
            now += 500;
            if let Some(look) = tick(&mut state, now) {
                break look;
            }
        };
        pauses.push(now - from);
        answer(&mut state, now, &look, Err("GitHub: too much was asked".into()));
    }
    assert_eq!(pauses, [500, 10_000, 20_000, 40_000, 80_000, 120_000], "first its jobs are wanted");
    let watched = state.pipelines.of(&service()).unwrap();
    assert_eq!((watched.told().unwrap().runs.len(), watched.wrong()), (1, Some("GitHub: too much was asked")));
    // What somebody did is looked at without a pause, whatever failed before.
    state.pipelines.changed(&service());
    assert!(tick(&mut state, now + 100).is_some());
}
