//! A plan on paper: what `--dry-run` prints.
use serde_json::json;

use super::Passwords;
use crate::{
    cli::{
        Common,
        setup::{self, Setup},
    },
    core::{
        Msg,
        id::ServiceId,
        runs::{self, Fit, Plan, Review, Wanted, gate::Level},
    },
    runtime::engine::Engine,
};

/// Waits until it is known what the store has.
pub(super) async fn loaded(engine: &mut Engine) {
    while !engine.state.is_loaded() {
        drop(engine.turn().await);
    }
}

/// Has the change planned and returns the review of it; else why it cannot be.
pub(super) async fn review(
    (setup, engine): (&Setup, &mut Engine),
    passwords: &mut Passwords,
    service: &ServiceId,
    wanted: &Wanted,
) -> Result<Review, String> {
    loaded(engine).await;
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
        passwords.answer(setup, engine).await?;
        drop(engine.turn().await);
    }
}

/// Names the hosts of a plan and the order in which they are changed.
pub(super) fn hosts(plan: &Plan) -> String {
    let names: Vec<String> = plan.hosts().iter().map(ToString::to_string).collect();
    let order = if names.len() > 1 { format!(", {}", plan.strategy.words()) } else { String::new() };
    format!("{}{order}", names.join(", "))
}

/// Prints the review with every command, and the hash of its plan.
pub(super) fn print(setup: &Setup, common: &Common, review: &Review) -> color_eyre::Result<()> {
    if common.json {
        let production = review.level == Level::Production;
        let checks: Vec<_> =
            review.prechecks().map(|check| json!({ "verdict": verdict(check.verdict), "text": check.text })).collect();
        let second: Vec<_> = review.second.iter().map(|grave| grave.word()).collect();
        let data = json!({
            "plan": &*review.plan, "hash": review.hash, "production": production, "prechecks": checks,
            "second_person": second, "estimate_ms": review.estimate_ms,
        });
        return setup::print_json("qd.plan/1", setup.clock.as_ref(), data);
    }
    print_plan(setup, common, &review.plan, &review.hash)?;
    let mut text = String::new();
    for check in review.prechecks() {
        text.push_str(&setup::table(&[vec![format!("{:<8}", verdict(check.verdict)), check.text.clone()]]));
    }
    if !review.second.is_empty() {
        let what: Vec<&str> = review.second.iter().map(|grave| grave.word()).collect();
        text.push_str(&setup::table(&[vec![
            "second".to_owned(),
            format!("another person must approve it ({})", what.join(", ")),
        ]]));
    }
    text.push_str("nothing was changed; plan ");
    text.push_str(&review.hash);
    text.push('\n');
    setup::print(&text)
}

fn verdict(fit: Fit) -> &'static str {
    match fit {
        Fit::Good => "good",
        Fit::Doubtful => "doubtful",
        Fit::Held => "held",
        Fit::Bad => "bad",
    }
}

/// Prints a plan with every command.
pub(in crate::cli) fn print_plan(setup: &Setup, common: &Common, plan: &Plan, hash: &str) -> color_eyre::Result<()> {
    if common.json {
        return setup::print_json("qd.plan/1", setup.clock.as_ref(), json!({ "plan": plan, "hash": hash }));
    }
    let mut text = format!("{} on {}\n\n", plan.title, plan.service);
    let mut line = |name: &str, value: &str| {
        if !value.is_empty() {
            text.push_str(&setup::table(&[vec![format!("{name:<8}"), value.to_owned()]]));
        }
    };
    line("hosts", &hosts(plan));
    for target in &plan.targets {
        let role = plan.sides().and_then(|sides| sides.role(&target.host));
        let role = role.map(|role| format!(" ({role})")).unwrap_or_default();
        line("", &format!("{}{role} is {}", target.host, target.words()));
    }
    if let Some(sides) = plan.sides() {
        let names = |set: &runs::HostSet| set.hosts.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let (now, then) = (&sides.live, &sides.idle);
        line("sets", &format!("{} ({}), live; {} ({})", now.name, names(now), then.name, names(then)));
    }
    line("now", plan.from.as_deref().unwrap_or_default());
    if let Some(build) = &plan.upload {
        line("build", &format!("{}, {} bytes, sha256 {}", build.path, build.bytes, build.sha256));
    }
    line("effect", &plan.effect);
    let reach: Vec<String> = plan.reach.iter().map(ToString::to_string).collect();
    line("reach", &reach.join(", "));
    line("undo", &plan.undo);
    line("proof", &plan.proof);
    line("lock", &plan.lock);
    for (host, lock) in &plan.locks {
        line("", &format!("{lock} on {host}"));
    }
    for note in &plan.notes {
        text.push_str("\n| ");
        text.push_str(note);
    }
    if !plan.notes.is_empty() {
        text.push('\n');
    }
    for step in &plan.steps {
        let head = format!("\n# {} on {}, at most {} s\n", step.name, step.host, step.timeout_ms / 1_000);
        text.push_str(&head);
        text.push_str(&crate::parse::sanitise::text(step.command.as_bytes()));
        text.push('\n');
    }
    text.push('\n');
    setup::print(&text)
}
