//! What a run of a pipeline left is brought out on a real host, as any build of this machine.
use std::sync::Arc;

use quarterdeck::{
    config::Env,
    core::{
        inventory::Pipeline,
        runs::{ArtifactName, RunOutcome, Wanted, What},
    },
    runtime::build::Reader,
};

use crate::{
    deploy::{Fleet, SERVER, told},
    hub,
    support::tasks,
};

#[tokio::test]
async fn what_a_run_left_is_fetched_checked_and_brought_out() {
    let Some(fleet) = Fleet::laid_out(1, "keep = 2").await else { return };
    let (fake, _) = hub::server().await;
    let (body, digest) = hub::zipped(&[("server.js", SERVER), ("VERSION", "v5")]);
    let port = {
        let mut fake = fake.lock().unwrap();
        fake.runs = vec![(812, "completed", Some("success"), "feat: pool".to_owned())];
        fake.left = vec![(1_812, "play", body, Some(digest))];
        fake.port
    };
    let of =
        Pipeline { api: format!("http://127.0.0.1:{port}"), ..Pipeline::new("acme/play", "deploy.yml", "env:TOKEN") };
    let here = tempfile::tempdir().unwrap();
    let reader =
        Reader { tasks: tasks(), builds: here.path().join("builds"), tell: Arc::new(|_| {}), stop: Arc::default() };
    let env = Env::new("/nonexistent", [("TOKEN", "test-token-1234")]);
    let wanted = ArtifactName::parse("run:812").unwrap();
    let build = reader.artifact(&of, &env, &wanted, Some("v5")).await.unwrap();
    let mut engine = fleet.console();
    let run = fleet.change(&mut engine, Wanted::Deploy { what: What::Build(build) }).await;
    assert_eq!(run.outcome.unwrap().0, RunOutcome::Succeeded, "{}", told(&run));
    assert_eq!(fleet.version(0).await.as_deref(), Some("v5"), "{}", told(&run));
    engine.stop();
}
