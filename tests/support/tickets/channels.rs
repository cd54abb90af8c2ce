//! How the channels by which people are told answer, each in its own way. What was heard is kept as a ticket.
use serde_json::{Value, json};

use super::{Fake, Kept, Reply, Request, reply};

/// A channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Channel {
    PagerDuty,
    Slack,
    SlackHook,
    Teams,
    Webhook,
}

impl Channel {
    pub(crate) const ALL: [Self; 5] = [Self::PagerDuty, Self::Slack, Self::SlackHook, Self::Teams, Self::Webhook];
}

/// The path of an incoming webhook, which is its secret.
pub(crate) const HOOK: &str = "/services/T000/B000/hook-secret-7777?sig=sig-secret-8888";

pub(crate) fn answer(fake: &mut Fake, channel: Channel, request: &Request) -> Reply {
    let known = match channel {
        Channel::PagerDuty => request.body["routing_key"] == "test-token-1234",
        Channel::Slack | Channel::Webhook => request.head.contains("authorization: bearer test-token-1234"),
        Channel::SlackHook | Channel::Teams => request.path == HOOK,
    };
    if !known {
        return denied(channel);
    }
    if channel == Channel::Slack && request.path == "/auth.test" {
        let (status, mut headers, body) =
            reply(200, json!({ "ok": true, "user": "qd", "team": "Acme", "bot_id": "B1" }));
        headers.push(("x-oauth-scopes", "chat:write,chat:write.public".to_owned()));
        return (status, headers, body);
    }
    if let Some(wrong) = refused(channel, request) {
        return wrong;
    }
    let heard = Kept {
        id: fake.id(),
        made: fake.now.0,
        title: request.body["dedup_key"].as_str().unwrap_or_default().to_owned(),
        text: request.body.to_string(),
        labels: vec![request.body["event_action"].as_str().unwrap_or_default().to_owned()],
        ..Kept::default()
    };
    let (id, key) = (heard.id, heard.title.clone());
    fake.tickets.push(heard);
    match channel {
        Channel::PagerDuty => {
            reply(202, json!({ "status": "success", "message": "Event processed", "dedup_key": key }))
        }
        Channel::Slack => {
            let ts = format!("1763667061.{id:06}");
            reply(200, json!({ "ok": true, "channel": request.body["channel"], "ts": ts, "message": { "text": "x" } }))
        }
        Channel::SlackHook => (200, vec![("content-type", "text/html".into())], "ok".into()),
        Channel::Teams => (202, Vec::new(), String::new()),
        Channel::Webhook => (204, Vec::new(), String::new()),
    }
}

/// What a channel does not take as it is.
fn refused(channel: Channel, request: &Request) -> Option<Reply> {
    let body = &request.body;
    let count = |of: &Value| of.as_str().unwrap_or_default().chars().count();
    match channel {
        Channel::PagerDuty => {
            let triggers = body["event_action"] == "trigger";
            let payload = &body["payload"];
            let whole = ["summary", "source", "severity"].iter().all(|key| count(&payload[*key]) > 0);
            let fits = count(&payload["summary"]) <= 1_024 && request.raw.len() <= 512 * 1_024;
            let known = count(&body["dedup_key"]) > 0 && count(&body["dedup_key"]) <= 255;
            (!known || (triggers && !(whole && fits))).then(|| {
                reply(400, json!({ "status": "invalid event", "message": "Event object is invalid", "errors": ["'payload' is invalid"] }))
            })
        }
        Channel::Slack | Channel::SlackHook => {
            let text = body["text"].as_str().unwrap_or_default();
            // What is left of an entity that was cut.
            let cut = text.split('&').skip(1).any(|rest| !["amp;", "lt;", "gt;"].iter().any(|of| rest.starts_with(of)));
            let why = if text.is_empty() { "no_text" } else { "msg_too_long" };
            (text.is_empty() || text.chars().count() > 40_000 || cut).then(|| match channel {
                Channel::Slack => reply(200, json!({ "ok": false, "error": why })),
                Channel::SlackHook | Channel::PagerDuty | Channel::Teams | Channel::Webhook => {
                    (400, Vec::new(), why.to_owned())
                }
            })
        }
        Channel::Teams => {
            let card = &body["attachments"][0]["content"];
            let whole = body["type"] == "message" && card["type"] == "AdaptiveCard" && card["body"].is_array();
            (!whole || request.raw.len() > 28 * 1_024).then(|| {
                let why = "The request body is too large, or does not match the schema of the trigger.";
                reply(400, json!({ "error": { "code": "TriggerInputSchemaMismatch", "message": why } }))
            })
        }
        Channel::Webhook => None,
    }
}

pub(crate) fn denied(channel: Channel) -> Reply {
    let echo = match channel {
        Channel::SlackHook | Channel::Teams => "you sent it to hook-secret-7777?sig=sig-secret-8888",
        Channel::PagerDuty | Channel::Slack | Channel::Webhook => "you sent test-token-1234",
    };
    match channel {
        Channel::PagerDuty => reply(
            400,
            json!({ "status": "invalid event", "message": "Event object is invalid", "errors": [format!("'routing_key' {echo}")] }),
        ),
        Channel::Slack => reply(200, json!({ "ok": false, "error": format!("invalid_auth {echo}") })),
        Channel::SlackHook => (403, Vec::new(), format!("invalid_token {echo}")),
        Channel::Teams => reply(401, json!({ "error": { "code": "DirectApiAuthorizationRequired", "message": echo } })),
        Channel::Webhook => reply(401, json!({ "message": echo })),
    }
}

pub(crate) fn throttled(channel: Channel) -> Reply {
    let wait = |body: Value, header: &'static str| {
        let (_, mut headers, body) = reply(429, body);
        headers.push((header, "40".to_owned()));
        (429, headers, body)
    };
    match channel {
        Channel::PagerDuty => wait(json!({ "status": "throttle exceeded", "message": "slow down" }), "ratelimit-reset"),
        Channel::Slack => {
            let (_, mut headers, body) = reply(200, json!({ "ok": false, "error": "ratelimited" }));
            headers.push(("retry-after", "40".to_owned()));
            (200, headers, body)
        }
        Channel::SlackHook => (429, vec![("retry-after", "40".to_owned())], "rate_limited".into()),
        Channel::Teams | Channel::Webhook => wait(json!({ "error": { "code": "TooManyRequests" } }), "retry-after"),
    }
}
