//! PagerDuty, by its events: an incident of ours is one there, raised, taken and over under one key.
//!
//! The key is the incident's id, also that of an alert's incident before it is opened. To send the same twice is to send it once,
//! so whatever may have been heard is sent again.
use futures_util::future::BoxFuture;
use secrecy::ExposeSecret as _;
use serde_json::{Value as Json, json};

use super::{
    Notifier, Telling,
    post::{self, Post},
    words,
};
use crate::{
    config::{Field, Kind, Misfit, Shape},
    core::{
        alerts::Severity,
        inventory::Params,
        outbox::{News, Remote, Repeats},
    },
    remote::http::Answer,
    trackers::{
        self, Means, Missed,
        probe::Probed,
        wire::{self, Limit, Vendor},
    },
};

/// PagerDuty.
#[derive(Debug)]
pub(super) struct PagerDuty;

const URL: &str = "https://events.pagerduty.com/v2/enqueue";

const FIELDS: &[Field] = &[
    Field {
        name: "routing_key",
        shape: Shape::Secret,
        required: true,
        doc: "Reference to the integration key of a service there (Events API v2).",
    },
    Field {
        name: "url",
        shape: Shape::Url,
        required: false,
        doc: "Where events go. Default `https://events.pagerduty.com/v2/enqueue`; in the EU `https://events.eu.pagerduty.com/v2/enqueue`.",
    },
];

impl Kind for PagerDuty {
    fn name(&self) -> &'static str {
        "pagerduty"
    }

    fn fields(&self) -> &'static [Field] {
        FIELDS
    }

    fn misfits(&self, settings: &Params) -> Vec<Misfit> {
        trackers::open_token(settings, "url")
    }

    fn repeats(&self, _settings: &Params) -> Repeats {
        Repeats::Always
    }

    fn deaf_to(&self) -> &'static [&'static str] {
        // An event of it would raise again what is over.
        &["update", "mitigated"]
    }
}

impl Vendor for PagerDuty {
    fn throttled(&self, answer: &Answer, _body: &Json) -> Limit {
        // Its own header counts seconds to wait, not a moment.
        let wait =
            || answer.header("ratelimit-reset").next()?.trim().parse::<i64>().ok().map(|seconds| seconds * 1_000);
        if answer.status == 429 { Limit::of(wire::retry_after(answer).or_else(wait)) } else { Limit::No }
    }

    fn said(&self, _answer: &Answer, body: &Json) -> String {
        let errors = body.get("errors").and_then(Json::as_array).into_iter().flatten().filter_map(Json::as_str);
        let message = body.get("message").and_then(Json::as_str);
        message.into_iter().chain(errors).collect::<Vec<_>>().join("; ")
    }

    fn heard(&self, _answer: &Answer, body: &Json) -> bool {
        body.get("status").and_then(Json::as_str) == Some("success")
    }
}

fn event(told: Telling<'_>, key: &str) -> Json {
    let (notice, order) = (told.notice, told.order);
    let action = match notice.news {
        News::Acknowledged => "acknowledge",
        // What goes on after a merger has a key of its own.
        News::Over | News::Resolved | News::Merged => "resolve",
        News::Fired
        | News::Opened
        | News::Reopened
        | News::Severity
        | News::Escalated
        | News::Update
        | News::Mitigated => "trigger",
    };
    let mut event = json!({
        "routing_key": key, "event_action": action, "dedup_key": order.item.incident.to_string(), "client": "quarterdeck",
    });
    let Some(fields) = event.as_object_mut().filter(|_| action == "trigger") else { return event };
    let severity = match notice.severity {
        Severity::P1 => "critical",
        Severity::P2 => "error",
        Severity::P3 => "warning",
        Severity::P4 => "info",
    };
    let payload = json!({
        "summary": words::cut(&words::subject(told), 1_000),
        "source": notice.service.as_deref().unwrap_or("quarterdeck"),
        "severity": severity,
        "timestamp": notice.at.rfc3339(),
        "class": notice.news.word(),
        "custom_details": { "text": words::cut(&words::lines(told).join("\n"), 8_000) },
    });
    fields.insert("payload".to_owned(), payload);
    if let Some(link) = words::link(told) {
        fields.insert("client_url".to_owned(), link.clone().into());
        fields.insert("links".to_owned(), json!([{ "href": link, "text": "incident" }]));
    }
    event
}

impl Notifier for PagerDuty {
    fn tell<'a>(&'a self, told: Telling<'a>, means: &'a Means) -> BoxFuture<'a, Result<Remote, Missed>> {
        Box::pin(async move {
            let key = post::secret(told.params(), "routing_key", means).await?;
            let body = event(told, key.expose_secret()).to_string();
            let url = told.text("url").unwrap_or(URL);
            let post = Post { url, bearer: None, headers: Vec::new(), body, veil: vec![key.expose_secret()] };
            let (_, answer) = post::post(post, self, means).await?;
            let key = answer.get("dedup_key").and_then(wire::id);
            Ok(Remote { id: key.unwrap_or_else(|| told.order.item.incident.to_string()), url: None })
        })
    }

    fn probe<'a>(&'a self, params: &'a Params, means: &'a Means) -> BoxFuture<'a, Result<Probed, Missed>> {
        Box::pin(post::unasked(params, &["routing_key"], "url", means))
    }

    fn preview(&self, told: Telling<'_>) -> String {
        serde_json::to_string_pretty(&event(told, "•••")).unwrap_or_default()
    }
}
