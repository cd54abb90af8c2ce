//! A webhook of one's own: JSON, with a key that is the same for the same notice, signed where there is a secret.
use std::fmt::Write as _;

use futures_util::future::BoxFuture;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value as Json, json};

use super::{
    Notifier, Telling,
    post::{self, Post},
    words,
};
use crate::{
    config::{Field, Kind, Misfit, Shape},
    core::{
        inventory::Params,
        outbox::{Remote, Repeats},
    },
    remote::http::Answer,
    trackers::{
        self, Means, Missed,
        probe::Probed,
        wire::{self, Limit, Vendor},
    },
};

/// A webhook.
#[derive(Debug)]
pub(super) struct Webhook;

const FIELDS: &[Field] = &[
    Field { name: "url", shape: Shape::Url, required: false, doc: "Where it is sent to." },
    Field {
        name: "webhook",
        shape: Shape::Secret,
        required: false,
        doc: "Reference to where it is sent to, instead of `url`, where the address itself is a secret.",
    },
    Field {
        name: "secret",
        shape: Shape::Secret,
        required: false,
        doc: "Reference to what signs it: `X-Quarterdeck-Signature` is `sha256=` and the HMAC of `X-Quarterdeck-Timestamp`, a dot and the body. Default: unsigned.",
    },
    Field {
        name: "token",
        shape: Shape::Secret,
        required: false,
        doc: "Reference to a token that goes along as `Authorization: Bearer`.",
    },
    Field {
        name: "idempotent",
        shape: Shape::Flag,
        required: false,
        doc: "Whether it takes what has the same `Idempotency-Key` once: `true` sends until it is heard, `false` once, and what calls somebody twice. Default: five times at most, with the same key.",
    },
];

impl Kind for Webhook {
    fn name(&self) -> &'static str {
        "webhook"
    }

    fn fields(&self) -> &'static [Field] {
        FIELDS
    }

    fn misfits(&self, settings: &Params) -> Vec<Misfit> {
        let mut wrong = trackers::open_token(settings, "url");
        match (settings.contains_key("url"), settings.contains_key("webhook")) {
            (true, false) | (false, true) => {}
            (true, true) => {
                wrong.push(Misfit::new(
                    "webhook",
                    "`webhook` does not go with `url`",
                    "both are the address: leave one out",
                ));
            }
            (false, false) => wrong.push(Misfit::new(
                "url",
                "neither a `url` nor a `webhook`",
                "as in url = \"https://hooks.acme.example/x\", or where that is a secret webhook = \"env:HOOK\"",
            )),
        }
        wrong
    }

    fn repeats(&self, settings: &Params) -> Repeats {
        match settings.get("idempotent").and_then(Json::as_bool) {
            Some(true) => Repeats::Always,
            Some(false) => Repeats::Once,
            None => Repeats::Few,
        }
    }
}

impl Vendor for Webhook {
    fn throttled(&self, answer: &Answer, _body: &Json) -> Limit {
        if answer.status == 429 { Limit::of(wire::retry_after(answer)) } else { Limit::No }
    }

    fn said(&self, _answer: &Answer, body: &Json) -> String {
        let text = |key: &str| body.get(key).and_then(Json::as_str).map(str::to_owned);
        text("message").or_else(|| text("error")).unwrap_or_default()
    }

    fn heard(&self, answer: &Answer, _body: &Json) -> bool {
        !post::is_page(answer)
    }
}

fn body(told: Telling<'_>) -> Json {
    let (notice, order) = (told.notice, told.order);
    json!({
        "version": "1",
        "id": order.token.to_string(),
        "event": format!("notice.{}", notice.news.word().replace(' ', "_")),
        "time": notice.at.rfc3339(),
        "source": "quarterdeck",
        "data": {
            "incident": order.number.map(|number| number.to_string()),
            "incident_uid": order.item.incident.to_string(),
            "severity": format!("{:?}", notice.severity),
            "service": notice.service,
            "title": notice.title,
            "text": notice.text,
            "by": notice.by,
            "link": words::link(told),
        },
    })
}

impl Notifier for Webhook {
    fn tell<'a>(&'a self, told: Telling<'a>, means: &'a Means) -> BoxFuture<'a, Result<Remote, Missed>> {
        Box::pin(async move {
            let address = match told.text("webhook") {
                Some(_) => post::secret(told.params(), "webhook", means).await?,
                None => SecretString::from(told.text("url").unwrap_or_default()),
            };
            let url = address.expose_secret();
            let body = body(told).to_string();
            // The moment of what it tells, which stays the same however often it is sent.
            let stamp = (told.notice.at.0 / 1_000).to_string();
            let id = told.order.token.to_string();
            let mut headers = vec![("idempotency-key", id.clone()), ("x-quarterdeck-timestamp", stamp.clone())];
            let secret = match told.text("secret") {
                Some(_) => Some(post::secret(told.params(), "secret", means).await?),
                None => None,
            };
            if let Some(secret) = &secret {
                let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret.expose_secret().as_bytes());
                let tag = ring::hmac::sign(&key, format!("{stamp}.{body}").as_bytes());
                let mut signature = String::from("sha256=");
                for byte in tag.as_ref() {
                    _ = write!(signature, "{byte:02x}");
                }
                headers.push(("x-quarterdeck-signature", signature));
            }
            let token = match told.text("token") {
                Some(_) => Some(post::secret(told.params(), "token", means).await?),
                None => None,
            };
            let veil = secret.iter().chain(&token).chain([&address]).map(SecretString::expose_secret).collect();
            post::post(Post { url, bearer: token.as_ref(), headers, body, veil }, self, means).await?;
            Ok(Remote { id, url: None })
        })
    }

    fn probe<'a>(&'a self, params: &'a Params, means: &'a Means) -> BoxFuture<'a, Result<Probed, Missed>> {
        let url = if params.contains_key("webhook") { "webhook" } else { "url" };
        Box::pin(post::unasked(params, &["webhook", "secret", "token"], url, means))
    }

    fn preview(&self, told: Telling<'_>) -> String {
        serde_json::to_string_pretty(&body(told)).unwrap_or_default()
    }
}
