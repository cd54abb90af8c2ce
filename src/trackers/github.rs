//! Issues of GitHub.
//!
//! The token stands in the text of an issue or a comment, where nobody sees it. It is found by the list of issues, which shows at once
//! what was written; the search lags behind. Labels are dropped silently where the token may not set them: nothing is found by them.
use std::sync::Arc;

use serde_json::{Value as Json, json};

use super::{
    Desk, Means, Missed, Tickets, Tracker,
    probe::{self, Probed},
    wire::{self, Does, Limit, PAGES, Scheme, Vendor, Wire},
    words::{self, SEVERITY, STATUS, Said, TITLE},
};
use crate::{
    config::{Field, Kind, Misfit, Shape},
    core::{
        id::Uid,
        inventory::Params,
        outbox::{Change, End, Fields, Order, Remote, Status, Ticket, TrackerSpec, Write},
        time::{HOUR, Timestamp},
    },
    parse::github,
    remote::http::Answer,
};

/// Issues of GitHub.
#[derive(Debug)]
pub(super) struct GitHub;

const FIELDS: &[Field] = &[
    Field { name: "repo", shape: Shape::Text, required: true, doc: "The repository: `acme/incidents`." },
    Field {
        name: "token",
        shape: Shape::Secret,
        required: true,
        doc: "Reference to a token that may read and write Issues.",
    },
    Field {
        name: "labels",
        shape: Shape::List(&Shape::Text),
        required: false,
        doc: "Labels of every issue. Default `incident`.",
    },
    Field {
        name: "severity_label",
        shape: Shape::Text,
        required: false,
        doc: "What the label begins with that says how bad it is. Default `severity:`, as in `severity:P1`.",
    },
    Field {
        name: "api",
        shape: Shape::Url,
        required: false,
        doc: "Where the API is. Default `https://api.github.com`; on a server of one's own `https://HOST/api/v3`.",
    },
];

const API: &str = "https://api.github.com";
const VERSION: &str = "2022-11-28";
/// Most characters of a text; it takes 65,536.
const MOST: usize = 60_000;
/// Most characters of a title; it takes 256.
const TITLED: usize = 250;

impl Kind for GitHub {
    fn name(&self) -> &'static str {
        "github"
    }

    fn fields(&self) -> &'static [Field] {
        FIELDS
    }

    fn misfits(&self, settings: &Params) -> Vec<Misfit> {
        let fits = |letter: char| letter.is_ascii_alphanumeric() || "._-".contains(letter);
        let is_name = |name: &str| !name.is_empty() && name.chars().all(fits) && !name.starts_with('.');
        let repo = settings.get("repo").and_then(Json::as_str).unwrap_or_default();
        let mut wrong = super::open_token(settings, "api");
        if !repo.split_once('/').is_some_and(|(owner, name)| is_name(owner) && is_name(name)) {
            let help = "its owner and its name, as in \"acme/incidents\"";
            wrong.push(Misfit::new("repo", "`repo` is no repository", help));
        }
        wrong
    }
}

impl Tracker for GitHub {
    fn open(&self, spec: &Arc<TrackerSpec>, means: &Means) -> Result<Box<dyn Desk>, String> {
        let text = |key: &str| spec.params.get(key).and_then(Json::as_str);
        let repo = text("repo").ok_or("it has no `repo`")?;
        let api = text("api").unwrap_or(API).trim_end_matches('/').to_owned();
        let base = format!("{api}/repos/{repo}");
        let wire = Wire::new(spec, means, &base, Scheme::Bearer)
            .header("accept", "application/vnd.github+json")
            .header("x-github-api-version", VERSION);
        Ok(Box::new(Issues { wire, api }))
    }
}

impl Vendor for GitHub {
    fn throttled(&self, answer: &Answer, _body: &Json) -> Limit {
        let number = |name: &'static str| answer.header(name).next()?.trim().parse::<i64>().ok();
        let after = wire::retry_after(answer);
        let empty = number("x-ratelimit-remaining") == Some(0);
        let said = github::message(&answer.body).to_lowercase();
        if !matches!(answer.status, 403 | 429)
            || !(answer.status == 429 || after.is_some() || empty || said.contains("rate limit"))
        {
            return Limit::No;
        }
        let reset = || Some((number("x-ratelimit-reset")? - wire::said_at(answer)?).clamp(1, 86_400) * 1_000);
        Limit::of(after.or_else(|| if empty { reset() } else { None }))
    }

    fn said(&self, answer: &Answer, body: &Json) -> String {
        if body.is_null() {
            return String::new();
        }
        let of = |name: &'static str| answer.header(name).next();
        let needs = of("x-accepted-github-permissions").map(|needs| format!(" (it needs {needs})"));
        let sso = of("x-github-sso").and_then(|sso| sso.split_once("url=")).map(|(_, url)| {
            let url = url.split(';').next().unwrap_or_default();
            format!(" (the token is to be authorised for single sign-on: {url})")
        });
        let ends = of("github-authentication-token-expiration").filter(|_| matches!(answer.status, 401 | 403));
        let ends = ends.map(|at| format!(" (the token ends at {at})"));
        let more: String = needs.into_iter().chain(sso).chain(ends).collect();
        github::message(&answer.body) + &more
    }
}

struct Issues {
    wire: Wire,
    api: String,
}

fn mark(token: Uid) -> String {
    format!("<!-- {token} -->")
}

/// Writes a text with its token, which stands in it however long that is.
fn marked(token: Uid, text: &str) -> String {
    format!("{}\n\n{}", words::fit(text, MOST), mark(token))
}

impl Issues {
    async fn ask(&self, method: &str, path: &str, body: Option<&Json>, does: Does) -> Result<(Answer, Json), Missed> {
        self.wire.ask(&GitHub, (method, path), body, does).await
    }

    fn label(&self) -> &str {
        self.wire.text("severity_label").unwrap_or("severity:")
    }

    fn issue(&self, order: &Order, ticket: &Ticket) -> Json {
        let mut labels = self.wire.texts("labels").unwrap_or_else(|| vec!["incident".to_owned()]);
        labels.push(format!("{}{:?}", self.label(), ticket.severity));
        let body = marked(order.token, &words::body(order, ticket).join("\n\n"));
        json!({ "title": words::cut(&ticket.title, TITLED), "body": body, "labels": labels })
    }

    fn fields(&self, issue: &Json) -> Fields {
        let mut fields = Fields::new();
        if let Some(title) = issue.get("title").and_then(wire::line) {
            fields.insert(TITLE.to_owned(), title);
        }
        if let Some(severity) = labels(issue).iter().find_map(|label| label.strip_prefix(self.label())) {
            fields.insert(SEVERITY.to_owned(), crate::parse::sanitise::name(severity));
        }
        if let Some(state) = issue.get("state").and_then(Json::as_str) {
            let status = match state {
                "closed" => Status::Resolved.word(),
                "open" => Status::Open.word(),
                other => &crate::parse::sanitise::name(other),
            };
            fields.insert(STATUS.to_owned(), status.to_owned());
        }
        fields
    }

    /// Reads a list page by page and keeps what carries a token.
    async fn listed(&self, first: String, token: Uid, key: &str) -> Result<Vec<Remote>, Missed> {
        let (mut found, mut page) = (Vec::new(), Some(first));
        for _ in 0..PAGES {
            let Some(path) = page.take() else { break };
            let (answer, list) = self.ask("GET", &path, None, Does::Read).await?;
            let list = list.as_array().ok_or_else(|| Missed::unreachable("it answers no list"))?;
            for one in list.iter().filter(|one| one.get("pull_request").is_none()) {
                if one.get("body").and_then(Json::as_str).is_some_and(|body| body.contains(&mark(token))) {
                    found.extend(remote_of(one, key));
                }
            }
            page = self.wire.next_page(&answer)?;
        }
        if page.is_some() {
            return Err(Missed::unreachable("there are more issues than are looked at: it may be among them"));
        }
        Ok(found)
    }
}

fn labels(issue: &Json) -> Vec<String> {
    let list = issue.get("labels").and_then(Json::as_array).map(Vec::as_slice).unwrap_or_default();
    list.iter().filter_map(|label| label.get("name").unwrap_or(label).as_str().map(str::to_owned)).collect()
}

fn remote(issue: &Json) -> Option<Remote> {
    remote_of(issue, "number")
}

fn remote_of(of: &Json, key: &str) -> Option<Remote> {
    Some(Remote { id: wire::id(of.get(key)?)?, url: of.get("html_url").and_then(wire::url) })
}

impl Tickets for Issues {
    async fn create(&self, order: &Order, ticket: &Ticket) -> Result<End, Missed> {
        let (_, issue) = self.ask("POST", "/issues", Some(&self.issue(order, ticket)), Does::Write).await?;
        let remote = remote(&issue).ok_or_else(|| Missed::ambiguous("it says that it is made, but not which it is"))?;
        Ok(End::Accepted { remote, wrote: self.fields(&issue) })
    }

    async fn update(&self, order: &Order, change: &Change) -> Result<End, Missed> {
        let remote = super::ticket(order)?.clone();
        let path = format!("/issues/{}", remote.id);
        let (_, issue) = self.ask("GET", &path, None, Does::Read).await?;
        let mut wanted = words::changed(change);
        wanted.entry(TITLE.to_owned()).and_modify(|title| *title = words::cut(title, TITLED));
        let quarrels = words::quarrels(order, &wanted, &self.fields(&issue));
        if !quarrels.is_empty() {
            return Ok(End::Foreign(quarrels));
        }
        let mut body = json!({});
        if let (Some(severity), Some(body)) = (change.severity, body.as_object_mut()) {
            let mut all = labels(&issue);
            all.retain(|label| !label.starts_with(self.label()));
            all.push(format!("{}{severity:?}", self.label()));
            body.insert("labels".to_owned(), json!(all));
        }
        if let (Some(title), Some(body)) = (wanted.get(TITLE), body.as_object_mut()) {
            body.insert("title".to_owned(), json!(title));
        }
        if let (Some(status), Some(body)) = (change.status, body.as_object_mut()) {
            let (state, reason) = match status {
                Status::Open => ("open", "reopened"),
                Status::Resolved => ("closed", "completed"),
            };
            body.insert("state".to_owned(), state.into());
            body.insert("state_reason".to_owned(), reason.into());
        }
        let (_, issue) = self.ask("PATCH", &path, Some(&body), Does::Write).await?;
        let mut wrote = self.fields(&issue);
        wrote.retain(|field, _| wanted.contains_key(field));
        Ok(End::Accepted { remote, wrote })
    }

    async fn comment(&self, token: Uid, on: &str, said: Said<'_>) -> Result<End, Missed> {
        let body = json!({ "body": marked(token, said.text) });
        let (_, comment) = self.ask("POST", &format!("/issues/{on}/comments"), Some(&body), Does::Write).await?;
        let remote = remote_of(&comment, "id");
        let remote = remote.ok_or_else(|| Missed::ambiguous("it says that it is said, but not where"))?;
        Ok(End::Accepted { remote, wrote: Fields::new() })
    }

    async fn tickets(&self, token: Uid, ticket: &Ticket) -> Result<Vec<Remote>, Missed> {
        // A little earlier: the clocks of two machines differ.
        let since = Timestamp(ticket.opened.0 - HOUR).rfc3339();
        let since = since.split('.').next().unwrap_or(&since).trim_end_matches('Z');
        let path = format!("/issues?state=all&sort=created&direction=asc&per_page=100&since={since}Z");
        self.listed(path, token, "number").await
    }

    async fn comments(&self, token: Uid, on: &str) -> Result<Vec<Remote>, Missed> {
        self.listed(format!("/issues/{on}/comments?per_page=100"), token, "id").await
    }

    async fn read(&self, id: &str) -> Result<Fields, Missed> {
        Ok(self.fields(&self.ask("GET", &format!("/issues/{id}"), None, Does::Read).await?.1))
    }

    fn shown(&self, order: &Order) -> Json {
        match &order.item.write {
            Write::Create(ticket) => self.issue(order, ticket),
            Write::Update(change) => json!(words::changed(change)),
            Write::Comment { text, .. } => json!({ "body": marked(order.token, text) }),
            Write::Link { .. } => json!({ "body": marked(order.token, &words::duplicate(order)) }),
            Write::Notice(notice) => notice.summary().into(),
        }
    }

    async fn tried(&self) -> Result<Probed, Missed> {
        let (answer, repo) = self.ask("GET", "", None, Does::Read).await?;
        let flag = |path: &str| repo.pointer(path).and_then(Json::as_bool);
        let name = repo.get("full_name").and_then(wire::line).unwrap_or_else(|| "the repository".to_owned());
        if flag("/archived") == Some(true) {
            return Err(Missed::refused(format!("{name} is archived: nothing can be written there; correct `repo`")));
        }
        if flag("/has_issues") == Some(false) {
            return Err(Missed::refused(format!("{name} has no issues: switch them on there, or correct `repo`")));
        }
        // An app's token is nobody's, and may not ask who it is.
        let me = self.ask("GET", &format!("{}/user", self.api), None, Does::Read).await;
        let who = me.ok().and_then(|(_, me)| me.get("login").and_then(wire::line));
        let who = who.unwrap_or_else(|| "the token".to_owned());
        let (triage, push) = (flag("/permissions/triage"), flag("/permissions/push"));
        let labels = match (triage, push) {
            (None, None) | (Some(true), _) | (_, Some(true)) => "",
            (Some(false) | None, Some(false) | None) => {
                "; without triage or write it sets no labels and closes nothing: give it leave"
            }
        };
        let said = format!("{who} sees {name} and its issues{labels}");
        if !labels.is_empty() {
            return Err(Missed::refused(said));
        }
        Ok(Probed::well(said).left(probe::quota(&answer)))
    }
}
