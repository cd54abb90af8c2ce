//! Kubernetes: pods that are killed for memory, and too many errors. The real kubectl asks an API server of the tests' own, and the
//! share of errors comes from a real Prometheus.
use std::fmt::Write as _;

use super::{Desk, service};
use crate::{
    kubernetes::{
        cluster::{Pod, Shared},
        led,
    },
    support::servers::prometheus,
};

async fn desk(file: &str, more: &[(&str, String)]) -> Option<(Desk, Shared)> {
    let (ops, cluster) = led(service).await?;
    cluster.lock().unwrap().pods = vec![Pod::well("api-1"), Pod::well("api-2")];
    let mut given = vec![("context", "stage".to_owned()), ("namespace", "shop".to_owned())];
    given.extend_from_slice(more);
    Some((Desk::open(ops, file, &given).await, cluster))
}

/// Has every look tell that nobody knows, or that it is not well, where the cluster does not answer.
fn silent(cluster: &Shared) {
    cluster.lock().unwrap().answer = Some((axum::http::StatusCode::INTERNAL_SERVER_ERROR, "no".into()));
}

#[tokio::test]
async fn pods_that_are_killed_for_memory_are_told_from_health_and_get_more() {
    let Some((mut desk, cluster)) = desk("email-saas/memory-leak.md", &[]).await else { return };
    desk.well(&["killed-for-memory"]).await;
    let leaks = Pod { ended: "OOMKilled", memory: 470, ..Pod::well("api-2") };
    cluster.lock().unwrap().pods = vec![Pod::well("api-1"), leaks];
    let (met, told) = desk.look("killed-for-memory").await;
    assert!(met == Some(false) && told.contains("1 killed: api-2"), "{told}");
    let (_, told) = desk.look("who-has-the-memory").await;
    let lines: Vec<&str> = told.lines().filter(|line| line.contains("Mi")).collect();
    assert!(lines[0].contains("api-2") && lines[0].contains("470Mi"), "the largest first: {told}");
    let (_, told) = desk.look("what-they-may-have").await;
    assert!(told.contains("<none>"), "{told}");

    desk.give("deployment", "api");
    desk.give("limit", "1Gi");
    desk.change("give-it-room-until-it-is-mended").await;
    let (_, told) = desk.look("what-they-may-have").await;
    assert!(told.contains("1Gi"), "{told}");
    cluster.lock().unwrap().pods = vec![Pod::well("api-1"), Pod::well("api-2")];
    desk.well(&["killed-for-memory"]).await;
    silent(&cluster);
    desk.ill(&["killed-for-memory"]).await;
    // It is written by a process within a pod, and there is none here.
    desk.ran_all_but(&["take-a-heap-dump"]);
}

/// Ten minutes of requests, so many of a thousand of them wrong.
fn requests(wrong: i64) -> String {
    let now = i64::try_from(std::time::UNIX_EPOCH.elapsed().unwrap().as_secs()).unwrap();
    let mut text = "# TYPE http_requests counter\n".to_owned();
    for (status, each) in [("200", 1_000 - wrong), ("503", wrong)] {
        for tick in 0..=60 {
            writeln!(text, "http_requests_total{{status=\"{status}\"}} {} {}", tick * each, now - 600 + tick * 10)
                .unwrap();
        }
    }
    text
}

#[tokio::test]
async fn too_many_errors_are_told_from_health_and_pods_that_are_not_ready_too() {
    let (Some(well), Some(bad), Some(knows_nothing)) =
        (prometheus(&requests(4), &[]).await, prometheus(&requests(120), &[]).await, prometheus("", &[]).await)
    else {
        return;
    };
    let at = |port: u16| format!("http://127.0.0.1:{port}");
    let more = [("prometheus", at(well.port)), ("app", "api".to_owned())];
    let Some((mut desk, cluster)) = desk("email-saas/high-error-rate.md", &more).await else { return };
    let looks = ["share-of-errors", "are-all-pods-ready"];
    desk.well(&looks).await;
    let (_, told) = desk.look("what-was-brought-out").await;
    assert!(told.contains("REVISION"), "{told}");

    desk.give("prometheus", at(bad.port));
    let log = "GET /health 200\nTypeError: pool is exhausted\n";
    cluster.lock().unwrap().pods =
        vec![Pod::well("api-1"), Pod { waits: "CrashLoopBackOff", log, ..Pod::well("api-2") }];
    let (met, told) = desk.look("share-of-errors").await;
    assert!(met == Some(false) && told.contains("\n12"), "{told}");
    let (met, told) = desk.look("are-all-pods-ready").await;
    assert!(met == Some(false) && told.contains("1 not ready: api-2 CrashLoopBackOff"), "{told}");
    let (_, told) = desk.look("what-they-say").await;
    assert!(told.contains("api-2/api] TypeError: pool is exhausted") && !told.contains("/health"), "{told}");
    desk.give("replicas", 5);
    desk.change("go-back-or-give-it-more").await;
    assert_eq!(cluster.lock().unwrap().replicas, 5);
    desk.give("prometheus", at(well.port));
    cluster.lock().unwrap().pods = vec![Pod::well("api-1"), Pod::well("api-2")];
    desk.well(&looks).await;

    // What nobody measures is unknown; who does not answer is not well.
    desk.give("prometheus", at(knows_nothing.port));
    let (met, told) = desk.look("share-of-errors").await;
    assert!(met.is_none() && told.contains("nobody knows"), "{told}");
    drop(knows_nothing);
    desk.ill(&["share-of-errors"]).await;
    silent(&cluster);
    desk.ill(&["are-all-pods-ready"]).await;
    desk.ran_all();
}
