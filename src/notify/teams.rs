//! Microsoft Teams, by a flow "When a Teams webhook request is received".
//!
//! Its answer says that the flow has the card, not that anybody sees it. A flow belongs to a person: it stops when they leave.
use futures_util::future::BoxFuture;
use secrecy::ExposeSecret as _;
use serde_json::{Value as Json, json};

use super::{
    Notifier, Telling,
    post::{self, Post},
    words,
};
use crate::{
    config::{Field, Kind, Shape},
    core::{inventory::Params, outbox::Remote, words::many},
    remote::http::Answer,
    trackers::{
        Means, Missed,
        probe::Probed,
        wire::{self, Limit, Vendor},
    },
};

/// Microsoft Teams.
#[derive(Debug)]
pub(super) struct Teams;

/// Bytes of the lines of a card, which may have 28 KB in all.
const MOST: usize = 20_000;
/// Most characters of a line.
const LINE: usize = 1_500;

const FIELDS: &[Field] = &[Field {
    name: "webhook",
    shape: Shape::Secret,
    required: true,
    doc: "Reference to the address of a flow (Workflows: \"When a Teams webhook request is received\"). The flow stops when the person leaves who owns it.",
}];

impl Kind for Teams {
    fn name(&self) -> &'static str {
        "teams"
    }

    fn fields(&self) -> &'static [Field] {
        FIELDS
    }
}

impl Vendor for Teams {
    fn throttled(&self, answer: &Answer, _body: &Json) -> Limit {
        if answer.status == 429 { Limit::of(wire::retry_after(answer)) } else { Limit::No }
    }

    fn said(&self, _answer: &Answer, body: &Json) -> String {
        let error = body.get("error").unwrap_or(body);
        let text = |key: &str| error.get(key).and_then(Json::as_str);
        text("code").into_iter().chain(text("message")).collect::<Vec<_>>().join(": ")
    }

    fn heard(&self, answer: &Answer, _body: &Json) -> bool {
        // It mostly says nothing; what a proxy says is a page.
        !post::is_page(answer)
    }
}

fn card(told: Telling<'_>) -> Json {
    let color = match words::good(told.notice.news) {
        Some(true) => "good",
        Some(false) => "attention",
        None => "default",
    };
    // Cut before it is escaped: half an escape would take the next letter along.
    let line = |text: &str| json!({ "type": "TextBlock", "text": plain(&words::cut(text, LINE)), "wrap": true });
    let lines = words::lines(told);
    // Who said it when, and where it leads, stand at its end: they are always there.
    let end = lines.len().saturating_sub(1 + usize::from(words::link(told).is_some()));
    let (text, tail) = lines.split_at_checked(end).unwrap_or((&lines, &[]));
    let mut left = MOST;
    let fits = |block: &Json| {
        left = left.saturating_sub(block.to_string().len());
        left > 0
    };
    let mut blocks: Vec<Json> = text.iter().map(|text| line(text)).take_while(fits).collect();
    let more = text.len() - blocks.len();
    blocks.extend((more > 0).then(|| line(&format!("({} more: see the incident)", many(more, "line")))));
    blocks.extend(tail.iter().map(|text| line(text)));
    let head = json!({
        "type": "TextBlock", "text": plain(&words::subject(told)), "wrap": true, "weight": "Bolder", "size": "Medium", "color": color,
    });
    let body: Vec<Json> = [head].into_iter().chain(blocks).collect();
    let mut content = json!({
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json", "type": "AdaptiveCard", "version": "1.2",
        "body": body, "msteams": { "width": "full" },
    });
    if let (Some(link), Some(content)) = (words::link(told), content.as_object_mut()) {
        content.insert("actions".to_owned(), json!([{ "type": "Action.OpenUrl", "title": "Open", "url": link }]));
    }
    json!({ "type": "message", "attachments": [{
        "contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": null, "content": content,
    }] })
}

/// A card reads some Markdown: what makes a link or stands for emphasis is taken as it is written.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for letter in text.chars() {
        if "\\[]()*_`#~".contains(letter) {
            plain.push('\\');
        }
        plain.push(letter);
    }
    plain
}

impl Notifier for Teams {
    fn tell<'a>(&'a self, told: Telling<'a>, means: &'a Means) -> BoxFuture<'a, Result<Remote, Missed>> {
        Box::pin(async move {
            let hook = post::secret(told.params(), "webhook", means).await?;
            let (url, body) = (hook.expose_secret(), card(told).to_string());
            post::post(Post { url, bearer: None, headers: Vec::new(), body, veil: vec![url] }, self, means).await?;
            Ok(Remote { id: "taken by the flow".to_owned(), url: None })
        })
    }

    fn probe<'a>(&'a self, params: &'a Params, means: &'a Means) -> BoxFuture<'a, Result<Probed, Missed>> {
        Box::pin(post::unasked(params, &["webhook"], "webhook", means))
    }

    fn preview(&self, told: Telling<'_>) -> String {
        serde_json::to_string_pretty(&card(told)).unwrap_or_default()
    }
}
