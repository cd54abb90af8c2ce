//! Slack: messages of an app in a channel, or an incoming webhook.
//!
//! Neither can be searched with what the token may do: what may have been posted is posted again only where it calls somebody.
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
    core::{inventory::Params, outbox::Remote},
    parse::sanitise,
    remote::http::Answer,
    trackers::{
        self, Means, Missed,
        probe::Probed,
        wire::{self, Limit, Vendor},
    },
};

/// Slack.
#[derive(Debug)]
pub(super) struct Slack;

const API: &str = "https://slack.com/api";

const FIELDS: &[Field] = &[
    Field {
        name: "channel",
        shape: Shape::Text,
        required: false,
        doc: "The channel's id, not its name: `C0123456789`. With `token`.",
    },
    Field {
        name: "token",
        shape: Shape::Secret,
        required: false,
        doc: "Reference to an app's token (`xoxb-`) with the scope `chat:write`.",
    },
    Field {
        name: "webhook",
        shape: Shape::Secret,
        required: false,
        doc: "Reference to the address of an incoming webhook, instead of `channel` and `token`.",
    },
    Field {
        name: "api",
        shape: Shape::Url,
        required: false,
        doc: "Where the API is. Default `https://slack.com/api`.",
    },
];

impl Kind for Slack {
    fn name(&self) -> &'static str {
        "slack"
    }

    fn fields(&self) -> &'static [Field] {
        FIELDS
    }

    fn misfits(&self, settings: &Params) -> Vec<Misfit> {
        let has = |key: &str| settings.contains_key(key);
        let mut wrong = trackers::open_token(settings, "api");
        match (has("webhook"), has("token"), has("channel")) {
            (true, false, false) | (false, true, true) => {}
            (true, _, _) => wrong.push(Misfit::new(
                "webhook",
                "`webhook` does not go with `token` or `channel`",
                "the address of a webhook names its channel",
            )),
            (false, true, false) => {
                wrong.push(Misfit::new("token", "a token without a `channel`", "as in channel = \"C0123456789\""));
            }
            (false, false, _) => wrong.push(Misfit::new(
                "channel",
                "neither a `token` nor a `webhook`",
                "refer to one: token = \"env:SLACK_TOKEN\" with a channel, or webhook = \"env:SLACK_WEBHOOK\"",
            )),
        }
        let channel = settings.get("channel").and_then(Json::as_str);
        let is_id = |text: &str| text.len() >= 9 && text.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit());
        if channel.is_some_and(|channel| !is_id(channel)) {
            wrong.push(Misfit::new(
                "channel",
                "`channel` is no channel's id",
                "as in \"C0123456789\": names can change",
            ));
        }
        wrong
    }
}

impl Vendor for Slack {
    fn throttled(&self, answer: &Answer, body: &Json) -> Limit {
        let limited = body.get("error").and_then(Json::as_str) == Some("ratelimited");
        if answer.status == 429 || limited { Limit::of(wire::retry_after(answer)) } else { Limit::No }
    }

    fn said(&self, answer: &Answer, body: &Json) -> String {
        let error = body.get("error").and_then(Json::as_str).map(str::to_owned);
        let needs = body.get("needed").and_then(Json::as_str).map(|needed| format!(" (it needs {needed})"));
        match error {
            Some(error) => error + &needs.unwrap_or_default(),
            // A webhook answers in one word.
            None if post::is_page(answer) => String::new(),
            None => String::from_utf8_lossy(&answer.body).trim().to_owned(),
        }
    }

    fn heard(&self, answer: &Answer, body: &Json) -> bool {
        body.get("ok").is_some_and(Json::is_boolean) || answer.body.trim_ascii() == b"ok"
    }
}

/// Slack reads `<!channel>` and links out of these three.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn message(told: Telling<'_>) -> Json {
    // Cut before it is escaped: half an entity would be shown as it is. Escaped it is longer, and far from the 40,000 that are taken.
    let lines = words::cut(&words::lines(told).join("\n"), 3_500);
    let text = format!("*{}*\n{}", escaped(&words::subject(told)), escaped(&lines));
    let mut message = json!({ "text": text, "unfurl_links": false, "unfurl_media": false });
    if let (Some(channel), Some(fields)) = (told.text("channel"), message.as_object_mut()) {
        fields.insert("channel".to_owned(), channel.into());
    }
    message
}

/// A status of 200 is no success by itself: what it says is.
fn refused(answer: &Answer, body: &Json) -> Result<(), Missed> {
    if body.get("ok").and_then(Json::as_bool) != Some(false) {
        return Ok(());
    }
    let error = sanitise::line_max(body.get("error").and_then(Json::as_str).unwrap_or("no reason"), 120);
    if ["fatal_error", "internal_error", "request_timeout", "service_unavailable"].contains(&error.as_str()) {
        return Err(Missed::ambiguous(format!("it says {error}")).asked(answer));
    }
    let said = sanitise::line_max(Slack.said(answer, body), 120);
    let said = if said.is_empty() { error } else { said };
    Err(Missed::refused(format!("it says {said}: correct the channel or the token, then retry")))
}

impl Notifier for Slack {
    fn tell<'a>(&'a self, told: Telling<'a>, means: &'a Means) -> BoxFuture<'a, Result<Remote, Missed>> {
        Box::pin(async move {
            let body = message(told).to_string();
            if told.text("webhook").is_some() {
                let hook = post::secret(told.params(), "webhook", means).await?;
                let url = hook.expose_secret();
                post::post(Post { url, bearer: None, headers: Vec::new(), body, veil: vec![url] }, self, means).await?;
                return Ok(Remote { id: "posted".to_owned(), url: None });
            }
            let token = post::secret(told.params(), "token", means).await?;
            let url = format!("{}/chat.postMessage", told.text("api").unwrap_or(API).trim_end_matches('/'));
            let veil = vec![token.expose_secret()];
            let post = Post { url: &url, bearer: Some(&token), headers: Vec::new(), body, veil };
            let (answer, body) = post::post(post, self, means).await?;
            refused(&answer, &body)?;
            let id = body.get("ts").and_then(wire::id).unwrap_or_else(|| "posted".to_owned());
            Ok(Remote { id, url: None })
        })
    }

    fn probe<'a>(&'a self, params: &'a Params, means: &'a Means) -> BoxFuture<'a, Result<Probed, Missed>> {
        Box::pin(async move {
            if params.contains_key("webhook") {
                return post::unasked(params, &["webhook"], "webhook", means).await;
            }
            let token = post::secret(params, "token", means).await?;
            let api = params.get("api").and_then(Json::as_str).unwrap_or(API);
            let url = format!("{}/auth.test", api.trim_end_matches('/'));
            let (headers, veil) = (Vec::new(), vec![token.expose_secret()]);
            let post = Post { url: &url, bearer: Some(&token), headers, body: "{}".to_owned(), veil };
            let (answer, body) = post::post(post, self, means).await?;
            refused(&answer, &body)?;
            let scopes: Vec<&str> =
                answer.header("x-oauth-scopes").flat_map(|all| all.split(',')).map(str::trim).collect();
            if !scopes.is_empty() && !scopes.contains(&"chat:write") {
                return Err(Missed::refused("its token may not post: give the app the scope chat:write"));
            }
            let text = |key: &str| body.get(key).and_then(Json::as_str).unwrap_or("?");
            Ok(Probed::well(format!(
                "{} of {}; whether it is in the channel is known by the first message",
                text("user"),
                text("team")
            )))
        })
    }

    fn preview(&self, told: Telling<'_>) -> String {
        serde_json::to_string_pretty(&message(told)).unwrap_or_default()
    }
}
