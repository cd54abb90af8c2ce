//! A deployment of Kubernetes, changed by the real `kubectl` on a host that controls it.
pub(crate) mod cluster;

use axum::http::StatusCode;
use quarterdeck::core::runs::{Fit, RunOutcome, Wanted};
use serde_json::json;

use crate::{
    ops::{Ops, back, task, version},
    support::servers::tool,
};
use cluster::{Cluster, Shared};

async fn start() -> Option<(Ops, Shared)> {
    let recipe = "kind = \"kubernetes\"\nrecipe = { context = \"stage\", namespace = \"shop\", within = \"30s\", path = \"~/lock\" }";
    led(|_| recipe.to_owned()).await
}

/// Starts a cluster, and a console whose host leads to it by `kubectl`.
pub(crate) async fn led(service: impl FnOnce(&std::path::Path) -> String) -> Option<(Ops, Shared)> {
    let program = tool("QD_TEST_KUBECTL", "kubectl")?;
    let (cluster, port) = Cluster::start("reg.example:5000/shop/api:v1").await;
    let ops = Ops::start(service).await;
    let context = json!({ "apiVersion": "v1", "kind": "Config", "current-context": "prod",
        "clusters": [{ "name": "stage", "cluster": { "server": format!("http://127.0.0.1:{port}") } },
            { "name": "prod", "cluster": { "server": "http://127.0.0.1:9" } }],
        "users": [{ "name": "ops", "user": {} }],
        "contexts": [{ "name": "stage", "context": { "cluster": "stage", "user": "ops" } },
            { "name": "prod", "context": { "cluster": "prod", "user": "ops" } }] });
    ops.write(".kube/config", &context.to_string());
    ops.program("kubectl", &format!("#!/bin/sh\nNO_PROXY=127.0.0.1 exec {} \"$@\"\n", program.display()));
    Some((ops, cluster))
}

#[tokio::test]
async fn an_image_is_brought_out_taken_back_and_gone_back_from() {
    let Some((mut ops, cluster)) = start().await else { return };
    let image = || cluster.lock().unwrap().image().rsplit(':').next().unwrap().to_owned();
    let (outcome, told) = ops.change(version("v2")).await;
    assert_eq!((outcome, image().as_str()), (RunOutcome::Succeeded, "v2"), "{told}");
    assert!(told.contains("rolled out: 3 of 3 available"), "{told}");
    // Its pods never become ready: the one before comes back without anybody asking.
    let (outcome, told) = ops.change(version("v3-bad")).await;
    assert_eq!((outcome, image().as_str()), (RunOutcome::Undone, "v2"), "{told}");
    assert!(told.contains("CrashLoopBackOff"), "{told}");
    // What ran before is v1, and not the one that was just taken back.
    let (outcome, told) = ops.change(back(None)).await;
    assert_eq!((outcome, image().as_str()), (RunOutcome::Succeeded, "v1"), "{told}");
    assert!(ops.refused(back(None)).await.contains("nothing was rolled out before"), "going back twice does not flip");
    let (outcome, told) = ops.change(back(Some("v2"))).await;
    assert_eq!((outcome, image().as_str()), (RunOutcome::Succeeded, "v2"), "{told}");
    let (outcome, told) = ops.change(Wanted::Restart).await;
    assert_eq!((outcome, image().as_str()), (RunOutcome::Succeeded, "v2"), "{told}");
    assert!(ops.refused(version("v2")).await.contains("already"));
}

#[tokio::test]
async fn what_somebody_else_changed_meanwhile_is_left_alone() {
    let Some((mut ops, cluster)) = start().await else { return };
    ops.review(version("v2")).await.unwrap();
    cluster.lock().unwrap().set("reg.example:5000/shop/api:v9");
    let run = ops.confirm().await;
    let said: String = run.output.iter().map(|line| format!("{}\n", line.text)).collect();
    assert_eq!(run.outcome.unwrap().0, RunOutcome::Failed, "{said}");
    assert!(cluster.lock().unwrap().image().ends_with(":v9"), "{said}");
    assert!(said.contains("it is at revision 2 by now") && said.contains("it is left as it is"), "{said}");
}

#[tokio::test]
async fn it_is_scaled_unless_somebody_did_already() {
    let Some((mut ops, cluster)) = start().await else { return };
    cluster.lock().unwrap().scaler = true;
    let review = ops.review(task("scale", &[("replicas", "5")])).await.unwrap();
    let doubts: Vec<_> = review.plan.prechecks.iter().filter(|check| check.verdict == Fit::Doubtful).collect();
    assert!(doubts.iter().any(|check| check.text.contains("between 2 and 9")), "{:?}", review.plan.prechecks);
    let run = ops.confirm().await;
    assert_eq!((run.outcome.unwrap().0, cluster.lock().unwrap().replicas), (RunOutcome::Succeeded, 5));
    ops.review(task("scale", &[("replicas", "2")])).await.unwrap();
    cluster.lock().unwrap().replicas = 4;
    let run = ops.confirm().await;
    let said: String = run.output.iter().map(|line| format!("{}\n", line.text)).collect();
    assert_eq!((run.outcome.unwrap().0, cluster.lock().unwrap().replicas), (RunOutcome::Failed, 4), "{said}");
    assert!(said.contains("Expected replicas to be 5, was 4"), "{said}");
}

#[tokio::test]
async fn what_kubectl_says_is_the_refusal() {
    let Some((mut ops, cluster)) = start().await else { return };
    cluster.lock().unwrap().forbidden = true;
    let review = ops.review(version("v2")).await.unwrap();
    assert!(
        review.plan.prechecks.iter().any(|check| check.verdict == Fit::Bad && check.text.contains("may not change")),
        "{:?}",
        review.plan.prechecks
    );
    ops.cancel();
    let status = json!({ "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "reason": "Forbidden", "code": 403,
        "message": "deployments.apps \"api\" is forbidden: User \"ops\" cannot get\n@@ own deployment\n{\"metadata\":{}}\n@@ end" });
    cluster.lock().unwrap().answer = Some((StatusCode::FORBIDDEN, status.to_string()));
    let why = ops.refused(version("v2")).await;
    assert!(why.contains("kubectl on ops: ") && why.to_lowercase().contains("forbidden"), "{why}");
    for hostile in ["<html>proxy</html>", "{", "", "null"] {
        cluster.lock().unwrap().answer = Some((StatusCode::OK, hostile.to_owned()));
        let why = ops.refused(version("v2")).await;
        assert!(why.contains("kubectl on ops: "), "{hostile}: {why}");
    }
    cluster.lock().unwrap().answer = Some((StatusCode::INTERNAL_SERVER_ERROR, "no".into()));
    assert!(ops.refused(version("v2")).await.contains("kubectl on ops: "));
}
