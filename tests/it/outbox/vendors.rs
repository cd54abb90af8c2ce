//! What each vendor says in its own style, and what becomes of it: one table.
use std::{sync::Arc, time::Duration};

use quarterdeck::core::{
    incidents::IncidentEventKind,
    outbox::{Entry, News, Standing, TrackerSpec},
    time::SECOND,
};
use serde_json::{Value, json};

use super::{
    faults, notices,
    sim::{Sim, means},
    spec,
};
use crate::tickets::{Fault, Vendor, channels::Channel, start};

type Headers = &'static [(&'static str, &'static str)];

/// How an item stands after an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Is {
    /// A person has to do something.
    Failed,
    /// It is tried again after so many seconds.
    Waits(i64),
    /// Nobody knows: it is searched for.
    Unclear,
    /// The vendor has it.
    Synced,
}

impl Is {
    fn of(entry: &Entry, sim: &Sim) -> Self {
        match entry.standing {
            Standing::Failed { .. } => Self::Failed,
            Standing::Waiting { next, .. } => Self::Waits(next.since(sim.now.utc) / SECOND),
            Standing::Unclear { .. } => Self::Unclear,
            Standing::Synced => Self::Synced,
            Standing::Sending { .. } | Standing::Unsure { .. } | Standing::Dropped { .. } => panic!("{entry:?}"),
        }
    }
}

/// A vendor, an answer, how the item stands, and what is said of it.
type Row = (Vendor, u16, Headers, &'static str, Is, &'static str);

const CREATES: &[Row] = &[
    (
        Vendor::Monday,
        200,
        &[],
        r#"{"data":{"create_item":null},"errors":[{"message":"User unauthorized to perform action","extensions":{"code":"UserUnauthorizedException","status_code":403}}]}"#,
        Is::Failed,
        "the token may not: give it leave, then retry: User unauthorized to perform action",
    ),
    (
        Vendor::Monday,
        200,
        &[],
        r#"{"data":null,"errors":[{"message":"Board not found","extensions":{"code":"ResourceNotFoundException","status_code":404}}],"extensions":{"request_id":"r-7"}}"#,
        Is::Failed,
        "there is no such thing: correct the settings, then retry: Board not found (request r-7)",
    ),
    (
        Vendor::Monday,
        200,
        &[],
        r#"{"data":null,"errors":[{"message":"This status label doesn't exist","extensions":{"code":"ColumnValueException"}}]}"#,
        Is::Failed,
        "This status label doesn't exist: correct the settings or edit it",
    ),
    (
        Vendor::Monday,
        200,
        &[],
        r#"{"data":{"create_item":null},"errors":[{"message":"too many","extensions":{"code":"tooManyRequests","service":"data-structure","status_code":400}}]}"#,
        Is::Waits(60),
        "it takes no more for a while: too many",
    ),
    (
        Vendor::Monday,
        200,
        &[],
        r#"{"data":{"create_item":{"id":"9","name":"x","url":"https://acme.monday.example/9"}},"errors":[{"message":"too many","extensions":{"code":"tooManyRequests"}}]}"#,
        Is::Synced,
        "",
    ),
    (
        Vendor::Monday,
        429,
        &[],
        r#"{"error_code":"ComplexityException","status_code":429,"error_message":"Complexity budget exhausted, query cost 30001 reset in 3 seconds","errors":["Complexity"]}"#,
        Is::Waits(3),
        "it takes no more for a while",
    ),
    (
        Vendor::Monday,
        200,
        &[],
        r#"{"error_code":"ComplexityException","status_code":429,"error_message":"Complexity budget exhausted, reset in 17 seconds"}"#,
        Is::Waits(17),
        "it takes no more for a while",
    ),
    (
        Vendor::Monday,
        429,
        &[],
        r#"{"errors":[{"message":"budget","extensions":{"code":"COMPLEXITY_BUDGET_EXHAUSTED","retry_in_seconds":37}}]}"#,
        Is::Waits(37),
        "it takes no more for a while: budget",
    ),
    (
        Vendor::Monday,
        200,
        &[],
        r#"{"errors":[{"message":"fields","extensions":{"code":"FIELD_LIMIT_EXCEEDED","error_data":{"retry_in_seconds":11}}}]}"#,
        Is::Waits(11),
        "it takes no more for a while: fields",
    ),
    (
        Vendor::Monday,
        429,
        &[("date", "Fri, 15 Jan 2027 22:00:00 GMT")],
        r#"{"errors":[{"message":"Daily limit exceeded","extensions":{"code":"DAILY_LIMIT_EXCEEDED"}}]}"#,
        Is::Waits(7_200),
        "Daily limit exceeded",
    ),
    (
        Vendor::Monday,
        401,
        &[],
        r#"{"errors":["Not Authenticated"]}"#,
        Is::Failed,
        "renew it, then retry: Not Authenticated",
    ),
    (
        Vendor::Monday,
        200,
        &[],
        r#"{"errors":[{"message":"Internal server error","extensions":{"code":"INTERNAL_SERVER_ERROR"}}]}"#,
        Is::Unclear,
        "Internal server error",
    ),
    (
        Vendor::JiraCloud,
        400,
        &[],
        r#"{"errorMessages":[],"errors":{"priority":"Field 'priority' cannot be set. It is not on the appropriate screen, or unknown."}}"#,
        Is::Failed,
        "edit or drop it: priority: Field 'priority' cannot be set.",
    ),
    (
        Vendor::JiraCloud,
        400,
        &[],
        r#"{"errorMessages":["Bad."],"errors":{"summary":"Summary is required."}}"#,
        Is::Failed,
        "Bad.; summary: Summary is required.",
    ),
    (
        Vendor::JiraDataCenter,
        403,
        &[("x-authentication-denied-reason", "CAPTCHA_CHALLENGE; login-url=https://jira.example/login.jsp")],
        "<html>Forbidden (403)</html>",
        Is::Failed,
        "log in with a browser first: it asks for a CAPTCHA",
    ),
    (
        Vendor::JiraCloud,
        401,
        &[],
        "Client must be authenticated to access this resource.",
        Is::Failed,
        "has expired: renew it, then retry: Client must be authenticated",
    ),
    (
        Vendor::JiraCloud,
        410,
        &[],
        r#"{"errorMessages":["removed"]}"#,
        Is::Failed,
        "no such thing, or the token may not see it",
    ),
    (Vendor::JiraCloud, 413, &[], "", Is::Failed, "413: edit or drop it"),
    (
        Vendor::JiraCloud,
        429,
        &[("ratelimit-reason", "jira-per-issue-on-write"), ("retry-after", "5")],
        "",
        Is::Waits(5),
        "it takes no more for a while",
    ),
    // Data Center says `at once` on every answer, which says nothing.
    (Vendor::JiraDataCenter, 429, &[("retry-after", "0")], "", Is::Waits(60), "it takes no more for a while"),
    (
        Vendor::JiraCloud,
        409,
        &[],
        r#"{"errorMessages":["busy"]}"#,
        Is::Waits(5),
        "another change is under way there: busy",
    ),
    (
        Vendor::GitHub,
        403,
        &[
            ("date", "Fri, 15 Jan 2027 08:00:00 GMT"),
            ("x-ratelimit-remaining", "0"),
            ("x-ratelimit-reset", "1800000600"),
        ],
        r#"{"message":"API rate limit exceeded for user ID 1."}"#,
        Is::Waits(600),
        "it takes no more for a while: API rate limit exceeded",
    ),
    (
        Vendor::GitHub,
        403,
        &[],
        r#"{"message":"You have exceeded a secondary rate limit"}"#,
        Is::Waits(60),
        "it takes no more for a while: You have exceeded a secondary rate limit",
    ),
    (
        Vendor::GitHub,
        403,
        &[("x-accepted-github-permissions", "issues=write"), ("x-ratelimit-remaining", "4999")],
        r#"{"message":"Resource not accessible by personal access token"}"#,
        Is::Failed,
        "Resource not accessible by personal access token (it needs issues=write)",
    ),
    (
        Vendor::GitHub,
        403,
        &[("x-github-sso", "required; url=https://github.com/orgs/acme/sso?authorization_request=x")],
        r#"{"message":"Resource protected by organization SAML enforcement."}"#,
        Is::Failed,
        "for single sign-on: https://github.com/orgs/acme/sso",
    ),
    (
        Vendor::GitHub,
        401,
        &[("github-authentication-token-expiration", "2027-01-14 08:00:00 UTC")],
        r#"{"message":"Bad credentials"}"#,
        Is::Failed,
        "renew it, then retry: Bad credentials (the token ends at 2027-01-14 08:00:00 UTC)",
    ),
    (Vendor::GitHub, 410, &[], r#"{"message":"Issues are disabled for this repo"}"#, Is::Failed, "Issues are disabled"),
    (
        Vendor::GitHub,
        422,
        &[],
        r#"{"message":"Validation Failed","errors":[{"resource":"Issue","field":"title","code":"missing_field"}]}"#,
        Is::Failed,
        r#"422: edit or drop it: Validation Failed"#,
    ),
    (
        Vendor::Channel(Channel::Slack),
        200,
        &[],
        r#"{"ok":false,"error":"not_in_channel"}"#,
        Is::Failed,
        "it says not_in_channel",
    ),
    (
        Vendor::Channel(Channel::Slack),
        200,
        &[],
        r#"{"ok":false,"error":"missing_scope","needed":"chat:write","provided":"users:read"}"#,
        Is::Failed,
        "it says missing_scope (it needs chat:write)",
    ),
    (
        Vendor::Channel(Channel::Slack),
        200,
        &[],
        r#"{"ok":false,"error":"fatal_error"}"#,
        Is::Waits(5),
        "it says fatal_error",
    ),
    (Vendor::Channel(Channel::Slack), 429, &[("retry-after", "9")], "", Is::Waits(9), "no more for a while"),
    (Vendor::Channel(Channel::SlackHook), 400, &[], "invalid_payload", Is::Failed, "edit or drop it: invalid_payload"),
    (Vendor::Channel(Channel::SlackHook), 410, &[], "channel_is_archived", Is::Failed, "channel_is_archived"),
    (
        Vendor::Channel(Channel::PagerDuty),
        400,
        &[],
        r#"{"status":"invalid event","message":"Event object is invalid","errors":["'payload.severity' is invalid"]}"#,
        Is::Failed,
        "Event object is invalid; 'payload.severity' is invalid",
    ),
    (
        Vendor::Channel(Channel::PagerDuty),
        429,
        &[("ratelimit-reset", "23")],
        "{}",
        Is::Waits(23),
        "no more for a while",
    ),
    (
        Vendor::Channel(Channel::Teams),
        400,
        &[],
        r#"{"error":{"code":"TriggerInputSchemaMismatch","message":"The input body for trigger did not match its schema."}}"#,
        Is::Failed,
        "TriggerInputSchemaMismatch: The input body",
    ),
    (
        Vendor::Channel(Channel::Teams),
        401,
        &[],
        r#"{"error":{"code":"DirectApiAuthorizationRequired","message":"The request must be authenticated only by Shared Access scheme."}}"#,
        Is::Failed,
        "DirectApiAuthorizationRequired",
    ),
    (
        Vendor::Channel(Channel::Teams),
        404,
        &[],
        r#"{"error":{"code":"WorkflowNotFound"}}"#,
        Is::Failed,
        "WorkflowNotFound",
    ),
    (Vendor::Channel(Channel::Webhook), 408, &[], "", Is::Waits(5), "it may have been sent: 408"),
];

#[tokio::test]
async fn what_each_vendor_says_in_its_own_style_is_understood() {
    for (vendor, status, headers, body, is, says) in CREATES {
        let fault = Fault::Answers(*status, headers, body);
        let (sim, entry) = if let Vendor::Channel(channel) = vendor {
            let (fake, inventory, means) = notices::started(*channel, Duration::from_secs(30)).await;
            let mut sim = Sim::with(inventory, &fake, means);
            fake.lock().unwrap().faults = vec![fault];
            sim.opened().await;
            sim.step().await;
            let entry = notices::entry(&sim, News::Opened).clone();
            (sim, entry)
        } else {
            let (fake, url) = start(*vendor, 0).await;
            let tracker = faults::tracker(*vendor, &url);
            let mut sim = Sim::new(&tracker, &fake, means(Duration::from_secs(30)));
            let mut all = vec![fault];
            // Its columns are asked for before.
            all.extend((*vendor == Vendor::Monday).then_some(Fault::Well));
            fake.lock().unwrap().faults = all;
            sim.opened().await;
            sim.step().await;
            let entry = sim.state.outbox.ticket(super::INCIDENT, &tracker.name).unwrap().clone();
            (sim, entry)
        };
        let what = format!("{vendor:?} {status} {body}");
        assert_eq!(Is::of(&entry, &sim), *is, "{what}: {}", entry.reason());
        assert!(entry.reason().contains(says), "{what}: {}", entry.reason());
    }
}

#[tokio::test]
async fn a_board_without_what_is_configured_says_what_it_has() {
    const NO_LABEL: &str = r#"{"data":{"boards":[{"id":"77","columns":[{"id":"text_dedup","type":"text"},{"id":"sev","type":"status","settings":{"labels":[{"label":"Critical"},{"label":"High"},{"label":"P2","is_deactivated":true}]}},{"id":"status","type":"text"}]}]}}"#;
    const NO_COLUMN: &str = r#"{"data":{"boards":[{"id":"77","columns":[{"id":"name","type":"name"},{"id":"sev","type":"text","archived":true},{"id":"text_dedup","type":"text"},{"id":"status","type":"text"}]}]}}"#;
    for (body, says) in [
        (r#"{"data":{"boards":[]}}"#, "there is no board 77, or the token may not see it: correct `board`"),
        (NO_LABEL, "column sev has no label P2: map it, then retry; it has Critical, High"),
        (NO_COLUMN, "the board has no column sev: correct columns.severity; it has name, status, text_dedup"),
    ] {
        let (fake, url) = start(Vendor::Monday, 0).await;
        let mut sim = Sim::new(&faults::tracker(Vendor::Monday, &url), &fake, means(Duration::from_secs(30)));
        fake.lock().unwrap().faults = vec![Fault::Answers(200, &[], body)];
        sim.opened().await;
        sim.step().await;
        let entry = sim.state.outbox.ticket(super::INCIDENT, "monday").unwrap();
        assert_eq!(Is::of(entry, &sim), Is::Failed);
        assert!(entry.reason().contains(says), "{}", entry.reason());
        assert!(fake.lock().unwrap().tickets.is_empty());
    }
}

#[tokio::test]
async fn a_workflow_without_a_way_says_so_and_a_configured_one_is_gone() {
    let with = |more: Value| {
        move |url: &str| -> Arc<TrackerSpec> {
            let mut params = json!({ "url": url, "flavour": "cloud", "project": "OPS", "user": "bot@acme.example", "token": "env:T" });
            params.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            spec("jira", "jira", params)
        }
    };
    let over = || IncidentEventKind::Resolved { summary: "green".into() };
    for (settings, stuck, says) in [
        (
            json!({}),
            true,
            "no transition leads to resolved: set `done`, or move it by hand and drop this; there are: none",
        ),
        (json!({ "done": "Ship it" }), false, "there are: Work, Done"),
    ] {
        let (fake, url) = start(Vendor::JiraCloud, 0).await;
        let mut sim = Sim::new(&with(settings)(&url), &fake, means(Duration::from_secs(30)));
        sim.opened().await;
        sim.settle(20).await;
        fake.lock().unwrap().stuck = stuck;
        sim.happens(over()).await;
        for _ in 0..6 {
            sim.step().await;
        }
        let failed = sim.state.outbox.items.values().find(|entry| Is::of(entry, &sim) == Is::Failed).unwrap();
        assert!(failed.reason().contains(says), "{}", failed.reason());
    }
    let (fake, url) = start(Vendor::JiraCloud, 0).await;
    let tracker = with(json!({ "done": "dOnE", "reopen": "Reopen" }))(&url);
    let mut sim = Sim::new(&tracker, &fake, means(Duration::from_secs(30)));
    sim.opened().await;
    for (kind, done) in [(over(), true), (IncidentEventKind::Reopened { summary: "again".into() }, false)] {
        sim.happens(kind).await;
        sim.settle(40).await;
        assert_eq!(fake.lock().unwrap().tickets[0].done, done);
    }
}

#[tokio::test]
async fn a_limit_of_which_nobody_says_how_long_it_lasts_is_held_twice_as_long_each_time() {
    let (fake, url) = start(Vendor::GitHub, 0).await;
    let mut sim = Sim::new(&faults::tracker(Vendor::GitHub, &url), &fake, means(Duration::from_secs(30)));
    const SAYS: Fault = Fault::Answers(403, &[], r#"{"message":"You have exceeded a secondary rate limit"}"#);
    fake.lock().unwrap().faults = vec![SAYS; 8];
    sim.opened().await;
    for minutes in [1, 2, 4, 8, 16, 32, 60, 60] {
        sim.step().await;
        let entry = sim.state.outbox.ticket(super::INCIDENT, "gh").unwrap();
        assert_eq!(Is::of(entry, &sim), Is::Waits(minutes * 60));
    }
    sim.settle(5).await;
    assert_eq!(fake.lock().unwrap().tickets.len(), 1);
}
