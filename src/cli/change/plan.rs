//! A plan on paper: what `--dry-run` prints.
use serde_json::json;

use crate::{
    cli::{
        Common,
        setup::{self, Setup},
    },
    core::{
        Msg,
        id::ServiceId,
        runs::{self, Review, Wanted, gate::Level},
    },
    runtime::engine::Engine,
};

/// Has the change planned and returns the review of it; else why it cannot be.
pub(super) async fn review(engine: &mut Engine, service: &ServiceId, wanted: &Wanted) -> Result<Review, String> {
    while !engine.state.is_loaded() {
        drop(engine.turn().await);
    }
    engine.state.screen.message = None;
    engine.handle(Msg::Runs(runs::Msg::Asked { service: service.clone(), wanted: wanted.clone() }));
    loop {
        if let Some(review) = &engine.state.runs.review {
            return Ok(review.clone());
        }
        if engine.state.runs.planning.is_none() {
            let said = engine.state.screen.message.take().map(|message| message.text).unwrap_or_default();
            let prefix = format!("{service}: ");
            return Err(said.strip_prefix(&prefix).unwrap_or(&said).to_owned());
        }
        drop(engine.turn().await);
    }
}

/// Names the hosts of a plan and the order in which they are changed.
pub(super) fn hosts(review: &Review) -> String {
    let names: Vec<String> = review.plan.hosts().iter().map(ToString::to_string).collect();
    let order = if names.len() > 1 { format!(", {}", review.plan.strategy.words()) } else { String::new() };
    format!("{}{order}", names.join(", "))
}

/// Prints the plan with every command, and its hash.
pub(super) fn print(setup: &Setup, common: &Common, review: &Review) -> color_eyre::Result<()> {
    if common.json {
        let production = review.level == Level::Production;
        let data = json!({ "plan": &*review.plan, "hash": review.hash, "production": production });
        return setup::print_json("qd.plan/1", setup.clock.as_ref(), data);
    }
    let plan = &review.plan;
    let mut text = format!("{} on {}\n\n", plan.title, plan.service);
    let mut line = |name: &str, value: &str| {
        text.push_str(&setup::table(&[vec![format!("{name:<8}"), value.to_owned()]]));
    };
    line("hosts", &hosts(review));
    for target in &plan.targets {
        let machine = target.machine_id.as_deref().unwrap_or("no machine-id");
        line("", &format!("{} is {}, {machine}", target.host, target.address));
    }
    if let Some(build) = &plan.upload {
        line("build", &format!("{}, {} bytes, sha256 {}", build.path, build.bytes, build.sha256));
    }
    line("effect", &plan.effect);
    line("undo", &plan.undo);
    line("lock", &plan.lock);
    for step in &plan.steps {
        let head = format!("\n# {} on {}, at most {} s\n", step.name, step.host, step.timeout_ms / 1_000);
        text.push_str(&head);
        text.push_str(&crate::parse::sanitise::text(&step.command));
        text.push('\n');
    }
    text.push_str("\nnothing was changed; plan ");
    text.push_str(&review.hash);
    text.push('\n');
    setup::print(&text)
}
