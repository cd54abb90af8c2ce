//! A service of Amazon ECS, by the real `aws` command line against a server that behaves as ECS does: each update begins a
//! deployment, which gets on with each look; a definition whose number ends in 4 never starts, and the circuit breaker takes it back.
use std::sync::{Arc, Mutex};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
};
use quarterdeck::core::runs::{RunOutcome, Wanted};
use serde_json::{Value, json};

use crate::{
    ops::{Ops, back, task, version},
    support::{servers::tool, tasks},
};

/// The service.
#[derive(Debug)]
struct Fake {
    definition: u64,
    before: u64,
    deployment: u64,
    desired: u64,
    /// Looks since the last update.
    age: u64,
    breaker: bool,
    /// Whether the next update is carried out, and its answer lost.
    deaf: bool,
    updates: Vec<Value>,
    denied: bool,
}

type Shared = Arc<Mutex<Fake>>;

impl Fake {
    fn arn(number: u64) -> String {
        format!("arn:aws:ecs:us-west-2:123456789012:task-definition/api:{number}")
    }

    fn service(&mut self) -> Value {
        self.age += 1;
        let bad = self.definition % 10 == 4;
        if bad && self.breaker && self.age > 3 {
            // The circuit breaker: another deployment, of what was there before.
            (self.definition, self.deployment, self.age) = (self.before, self.deployment + 1, 0);
        }
        let bad = self.definition % 10 == 4;
        let (state, running) = match self.age {
            _ if bad => ("IN_PROGRESS", 0),
            0 | 1 => ("IN_PROGRESS", 0),
            2 => ("IN_PROGRESS", self.desired),
            _ => ("COMPLETED", self.desired),
        };
        let primary = json!({ "id": format!("ecs-svc/{}", self.deployment), "status": "PRIMARY", "taskDefinition": Self::arn(self.definition),
            "desiredCount": self.desired, "pendingCount": self.desired - running, "runningCount": running, "failedTasks": if bad { 3 } else { 0 },
            "rolloutState": state, "createdAt": 1_770_000_000.5 });
        json!({ "serviceName": "api", "status": "ACTIVE", "desiredCount": self.desired, "runningCount": running, "pendingCount": 0,
            "taskDefinition": Self::arn(self.definition), "deployments": [primary],
            "deploymentConfiguration": { "deploymentCircuitBreaker": { "enable": self.breaker, "rollback": self.breaker } },
            "events": [{ "id": "e", "createdAt": 1_770_000_000.5, "message": "(service api) was unable to place a task" }] })
    }

    fn answer(&mut self, what: &str, body: &Value) -> (StatusCode, Value) {
        let ok = |value| (StatusCode::OK, value);
        if self.denied {
            let why = json!({ "__type": "AccessDeniedException", "message": "User is not authorized to perform this" });
            return (StatusCode::BAD_REQUEST, why);
        }
        match what {
            "DescribeServices" if body["services"][0] != "api" => {
                ok(json!({ "services": [], "failures": [{ "arn": "arn:x", "reason": "MISSING" }] }))
            }
            "DescribeServices" => ok(json!({ "services": [self.service()], "failures": [] })),
            "DescribeTaskDefinition" => {
                ok(json!({ "taskDefinition": { "containerDefinitions": [{ "image": "reg/api:x" }] } }))
            }
            "ListTaskDefinitions" => {
                let arns = [44, 43, 42, 41].map(Self::arn);
                ok(json!({ "taskDefinitionArns": arns }))
            }
            "ListTasks" => ok(json!({ "taskArns": [] })),
            "DescribeScalableTargets" => ok(json!({ "ScalableTargets": [{ "MinCapacity": 2, "MaxCapacity": 6,
                "ServiceNamespace": "ecs", "ResourceId": "service/shop/api", "ScalableDimension": "ecs:service:DesiredCount", "RoleARN": "r", "CreationTime": 1.0 }] })),
            "UpdateService" => {
                self.updates.push(body.clone());
                if let Some(count) = body["desiredCount"].as_u64() {
                    self.desired = count;
                } else {
                    let named = body["taskDefinition"].as_str().and_then(|name| name.rsplit(':').next()?.parse().ok());
                    (self.before, self.definition) = (self.definition, named.unwrap_or(self.definition));
                    self.deployment += 1;
                }
                self.age = 0;
                if std::mem::take(&mut self.deaf) {
                    return (StatusCode::BAD_REQUEST, json!({ "__type": "ServerException", "message": "try later" }));
                }
                ok(json!({ "service": self.service() }))
            }
            other => panic!("nobody told the server of {other}"),
        }
    }
}

async fn handle(State(fake): State<Shared>, headers: HeaderMap, body: Bytes) -> (StatusCode, String) {
    let target = headers["x-amz-target"].to_str().unwrap().rsplit('.').next().unwrap().to_owned();
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let (status, answer) = fake.lock().unwrap().answer(&target, &body);
    (status, answer.to_string())
}

async fn start(recipe: &str) -> Option<(Ops, Shared)> {
    let program = tool("QD_TEST_AWS", "aws")?;
    let fake = Fake {
        definition: 42,
        before: 41,
        deployment: 1,
        desired: 2,
        age: 9,
        breaker: true,
        deaf: false,
        updates: Vec::new(),
        denied: false,
    };
    let fake = Arc::new(Mutex::new(fake));
    let app = Router::new().fallback(handle).with_state(Arc::clone(&fake));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tasks().spawn("ecs", async move { axum::serve(listener, app).await.unwrap() }).detach();
    let recipe =
        format!("kind = \"ecs\"\nrecipe = {{ region = \"us-west-2\", cluster = \"shop\", path = \"~/lock\"{recipe} }}");
    let ops = Ops::start(|_| recipe).await;
    let script = format!(
        "#!/bin/sh\nexport AWS_ENDPOINT_URL=http://127.0.0.1:{port} AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test AWS_MAX_ATTEMPTS=1 \
         AWS_EC2_METADATA_DISABLED=true NO_PROXY=127.0.0.1\nexec {} \"$@\"\n",
        program.display()
    );
    ops.program("aws", &script);
    Some((ops, fake))
}

#[tokio::test]
async fn a_definition_is_brought_out_and_gone_back_from() {
    let Some((mut ops, fake)) = start("").await else { return };
    let now = || fake.lock().unwrap().definition;
    let (outcome, told) = ops.change(version("43")).await;
    assert_eq!((outcome, now()), (RunOutcome::Succeeded, 43), "{told}");
    let (outcome, told) = ops.change(back(None)).await;
    assert_eq!((outcome, now()), (RunOutcome::Succeeded, 42), "{told}");
    // The answer to the update is lost: it is not made again.
    fake.lock().unwrap().deaf = true;
    let updates = fake.lock().unwrap().updates.len();
    let (outcome, told) = ops.change(Wanted::Restart).await;
    assert_eq!(outcome, RunOutcome::Succeeded, "{told}");
    assert_eq!(fake.lock().unwrap().updates.len(), updates + 1, "{told}");
    let review = ops.review(task("scale", &[("tasks", "4")])).await.unwrap();
    assert!(
        review.plan.prechecks.iter().any(|check| check.text.contains("between 2 and 6")),
        "{:?}",
        review.plan.prechecks
    );
    let run = ops.confirm().await;
    assert_eq!((run.outcome.unwrap().0, fake.lock().unwrap().desired), (RunOutcome::Succeeded, 4));
    fake.lock().unwrap().denied = true;
    let why = ops.refused(Wanted::Restart).await;
    assert!(why.contains("AccessDenied"), "{why}");
}

#[tokio::test]
async fn a_bad_definition_is_taken_back_by_aws_or_by_us() {
    let Some((mut ops, fake)) = start(", within = \"8s\"").await else { return };
    // The circuit breaker brings the one before back: that deployment is completed, and is not the one that was begun.
    let (outcome, told) = ops.change(version("44")).await;
    assert_eq!(outcome, RunOutcome::Undone, "{told}");
    assert!(told.contains("another deployment is there by now") && told.contains("AWS took it back already"), "{told}");
    {
        let mut fake = fake.lock().unwrap();
        assert_eq!((fake.definition, fake.updates.len()), (42, 1), "one update, and no second one");
        fake.breaker = false;
    }
    // Without it, it would be tried for ever.
    let (outcome, told) = ops.change(version("44")).await;
    let fake = fake.lock().unwrap();
    assert_eq!((outcome, fake.definition), (RunOutcome::Undone, 42), "{told}");
    assert!(told.contains("not through within 8 s") && told.contains("unable to place a task"), "{told}");
    assert_eq!(fake.updates.len(), 3);
}

#[tokio::test]
async fn a_service_that_is_not_there_is_said_to_be() {
    let Some((mut ops, _)) = start(", service = \"nope\"").await else { return };
    let why = ops.refused(Wanted::Restart).await;
    assert!(why.contains("there is no such service in the cluster (MISSING)"), "{why}");
}
