//! Jira: Cloud (API 3) and Data Center (API 2), which differ in how one logs in, searches, and writes text.
//!
//! The token is a label of the issue, and the last line of a comment. A search may lag behind what was written.
use std::sync::Arc;

use serde_json::{Map, Value as Json, json};

use super::{
    Desk, Means, Missed, Tickets, Tracker,
    probe::{self, Probed, some},
    rich,
    wire::{self, Does, Limit, PAGES, Scheme, Vendor, Wire},
    words::{self, KEY, PRIORITY, SEVERITY, STATUS, Said, TITLE},
};
use crate::{
    config::{Field, Kind, Misfit, Shape},
    core::{
        alerts::Severity,
        id::Uid,
        inventory::Params,
        outbox::{Change, End, Fields, Order, Remote, Status, Ticket, TrackerSpec, Write},
    },
    parse::sanitise,
    remote::http::Answer,
};

/// Jira.
#[derive(Debug)]
pub(super) struct Jira;

const FIELDS: &[Field] = &[
    Field {
        name: "url",
        shape: Shape::Url,
        required: true,
        doc: "The site: `https://acme.atlassian.net`, or a server of one's own with its path.",
    },
    Field {
        name: "site",
        shape: Shape::Url,
        required: false,
        doc: "Where people open issues, where that is not `url`: `https://acme.atlassian.net`. Default: `url`, or at `api.atlassian.com` what the server says of itself.",
    },
    Field {
        name: "flavour",
        shape: Shape::Choice(&["cloud", "datacenter"]),
        required: false,
        doc: "What it is. Default: `cloud` at `atlassian.net`, else `datacenter`.",
    },
    Field { name: "project", shape: Shape::Id, required: true, doc: "The project's key: `OPS`." },
    Field { name: "issue_type", shape: Shape::Text, required: false, doc: "The type of issues. Default `Incident`." },
    Field {
        name: "user",
        shape: Shape::Text,
        required: false,
        doc: "Whose token it is: at Cloud the e-mail address. Without one the token is sent by itself.",
    },
    Field {
        name: "token",
        shape: Shape::Secret,
        required: true,
        doc: "Reference to an API token, or an access token.",
    },
    Field {
        name: "labels",
        shape: Shape::List(&Shape::Id),
        required: false,
        doc: "Labels of every issue. Default `quarterdeck`.",
    },
    Field {
        name: "priorities",
        shape: Shape::Map(&Shape::Text),
        required: false,
        doc: "Which priority a severity is: `{ P1 = \"Highest\", P2 = \"High\" }`. Default: none is set.",
    },
    Field {
        name: "done",
        shape: Shape::Text,
        required: false,
        doc: "The transition that ends an issue. Default: one that leads to a status that counts as done.",
    },
    Field {
        name: "reopen",
        shape: Shape::Text,
        required: false,
        doc: "The transition that takes it up again. Default: one that leads to a status that does not.",
    },
    Field {
        name: "internal",
        shape: Shape::Flag,
        required: false,
        doc: "Whether comments are kept from customers, where the project has any. Default `true`.",
    },
];

/// Most characters of a text; it takes 32,767, the token included.
const MOST: usize = 32_000;
/// Most characters of a title; it takes 255.
const TITLED: usize = 250;

impl Kind for Jira {
    fn name(&self) -> &'static str {
        "jira"
    }

    fn fields(&self) -> &'static [Field] {
        FIELDS
    }

    fn misfits(&self, settings: &Params) -> Vec<Misfit> {
        let mut wrong = super::open_token(settings, "url");
        wrong.extend(super::severities(settings, "priorities"));
        wrong
    }
}

fn is_cloud(params: &Params) -> bool {
    let text = |key: &str| params.get(key).and_then(Json::as_str).unwrap_or_default();
    let host = text("url").split('/').nth(2).unwrap_or_default().split(':').next().unwrap_or_default();
    match text("flavour") {
        "cloud" => true,
        "datacenter" => false,
        _ => host.ends_with(".atlassian.net") || is_gate(text("url")),
    }
}

/// Says whether an address is where tokens of limited scope go: people open nothing there.
fn is_gate(url: &str) -> bool {
    url.contains("/ex/jira/")
}

impl Tracker for Jira {
    fn open(&self, spec: &Arc<TrackerSpec>, means: &Means) -> Result<Box<dyn Desk>, String> {
        let text = |key: &str| spec.params.get(key).and_then(Json::as_str).map(str::to_owned);
        let cloud = is_cloud(&spec.params);
        let url = text("url").ok_or("it has no `url`")?.trim_end_matches('/').to_owned();
        let base = format!("{url}/rest/api/{}", if cloud { 3 } else { 2 });
        let scheme = text("user").map_or(Scheme::Bearer, Scheme::Basic);
        let wire =
            Wire::new(spec, means, &base, scheme).header("accept", "application/json").header("accept-language", "en");
        let project = text("project").ok_or("it has no `project`")?;
        let internal = spec.params.get("internal").and_then(Json::as_bool).unwrap_or(true);
        let site = text("site").map(|site| site.trim_end_matches('/').to_owned());
        let address = site.or_else(|| (!is_gate(&url)).then_some(url));
        Ok(Box::new(Site { wire, cloud, address, project, internal }))
    }
}

impl Vendor for Jira {
    fn throttled(&self, answer: &Answer, _body: &Json) -> Limit {
        // Data Center says `retry-after: 0` on every answer; only 429 means it.
        if answer.status == 429 { Limit::of(wire::retry_after(answer).filter(|ms| *ms > 0)) } else { Limit::No }
    }

    fn is_busy(&self, status: u16) -> bool {
        // Another transition of the issue.
        status == 409
    }

    fn said(&self, answer: &Answer, body: &Json) -> String {
        if answer.header("x-authentication-denied-reason").next().is_some_and(|why| why.contains("CAPTCHA")) {
            return "log in with a browser first: it asks for a CAPTCHA".to_owned();
        }
        let list = body.get("errorMessages").and_then(Json::as_array).map(Vec::as_slice).unwrap_or_default();
        let fields = body.get("errors").and_then(Json::as_object);
        let fields =
            fields.into_iter().flatten().map(|(field, why)| format!("{field}: {}", why.as_str().unwrap_or("?")));
        list.iter().filter_map(Json::as_str).map(str::to_owned).chain(fields).collect::<Vec<_>>().join("; ")
    }
}

struct Site {
    wire: Wire,
    cloud: bool,
    /// Where people open issues; none: the server is asked.
    address: Option<String>,
    project: String,
    internal: bool,
}

fn severity_label(severity: Severity) -> String {
    format!("severity-{severity:?}")
}

impl Site {
    async fn ask(&self, method: &str, path: &str, body: Option<&Json>, does: Does) -> Result<Json, Missed> {
        Ok(self.wire.ask(&Jira, (method, path), body, does).await?.1)
    }

    /// Writes text as it is written there, with what stands at its end however long it is.
    fn rich(&self, said: Said<'_>, end: Option<Uid>) -> Json {
        let end = end.map(|token| token.to_string());
        if !self.cloud {
            // What would be markup is shown as it is, which makes it longer: it is cut as it is sent.
            let plain = |line: &str| line.replace('{', "\\{").replace('[', "\\[");
            let text = if said.markdown {
                rich::markup(said.text)
            } else {
                said.text.lines().map(plain).collect::<Vec<_>>().join("\n")
            };
            let text = words::fit(&text, MOST);
            return [text].into_iter().chain(end).collect::<Vec<_>>().join("\n").into();
        }
        let paragraph = |line: &str| {
            // An empty text is refused; an empty paragraph is none.
            let content = if line.is_empty() { json!([]) } else { json!([{ "type": "text", "text": line }]) };
            json!({ "type": "paragraph", "content": content })
        };
        let text = words::fit(said.text, MOST);
        let mut content = if said.markdown { rich::tree(&text) } else { text.lines().map(paragraph).collect() };
        content.extend(end.as_deref().map(paragraph));
        json!({ "type": "doc", "version": 1, "content": content })
    }

    fn issue(&self, order: &Order, ticket: &Ticket) -> Json {
        let mut labels = self.wire.texts("labels").unwrap_or_else(|| vec!["quarterdeck".to_owned()]);
        labels.extend([severity_label(ticket.severity), order.token.to_string()]);
        let mut fields = json!({
            "project": { "key": self.project },
            "issuetype": { "name": self.wire.text("issue_type").unwrap_or("Incident") },
            "summary": words::cut(&ticket.title, TITLED),
            "labels": labels,
            "description": self.rich(Said::plain(&words::body(order, ticket).join("\n")), None),
        });
        if let (Some(name), Some(fields)) = (self.priority(ticket.severity), fields.as_object_mut()) {
            fields.insert("priority".to_owned(), json!({ "name": name }));
        }
        json!({ "fields": fields })
    }

    fn priority(&self, severity: Severity) -> Option<&str> {
        self.wire.mapped("priorities", &format!("{severity:?}"))
    }

    /// Returns where people open issues. Where nobody says, there is no link, and an issue all the same.
    async fn address(&self) -> Option<String> {
        if self.address.is_some() {
            return self.address.clone();
        }
        let about = self.ask("GET", "/serverInfo", None, Does::Read).await.ok()?;
        let url = about.get("baseUrl").and_then(wire::url)?;
        Some(url.trim_end_matches('/').to_owned())
    }

    /// Returns what a priority is called in the configuration: upper and lower case are one there.
    fn named(&self, priority: &str) -> Option<String> {
        let severities = [Severity::P1, Severity::P2, Severity::P3, Severity::P4];
        let mut known = severities.iter().filter_map(|severity| self.priority(*severity)).peekable();
        known.peek()?;
        let same = known.find(|known| known.eq_ignore_ascii_case(priority));
        Some(same.map_or_else(|| sanitise::line_max(priority, 100), str::to_owned))
    }

    /// Returns the fields that a change sets.
    fn wanted(&self, change: &Change) -> Fields {
        let mut wanted = words::changed(change);
        wanted.entry(TITLE.to_owned()).and_modify(|title| *title = words::cut(title, TITLED));
        let name = change.severity.and_then(|severity| self.priority(severity));
        wanted.extend(name.map(|name| (PRIORITY.to_owned(), name.to_owned())));
        wanted
    }

    /// Transitions have other ids in every workflow: they are listed first.
    async fn transition(&self, key: &str, status: Status) -> Result<(), Missed> {
        let path = format!("/issue/{key}/transitions");
        let list = self.ask("GET", &path, None, Does::Read).await?;
        let all = list.get("transitions").and_then(Json::as_array).map(Vec::as_slice).unwrap_or_default();
        let setting = if status == Status::Resolved { "done" } else { "reopen" };
        let fits = |one: &&Json| {
            let name = one.get("name").and_then(Json::as_str).unwrap_or_default();
            let category = one.pointer("/to/statusCategory/key").and_then(Json::as_str).unwrap_or_default();
            match self.wire.text(setting) {
                Some(wanted) => name.eq_ignore_ascii_case(wanted),
                None => !category.is_empty() && (category == "done") == (status == Status::Resolved),
            }
        };
        let Some(id) = all.iter().find(fits).and_then(|one| wire::id(one.get("id")?)) else {
            let names: Vec<String> = all.iter().filter_map(|one| wire::line(one.get("name")?)).collect();
            let there = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
            return Err(Missed::refused(format!(
                "no transition leads to {}: set `{setting}`, or move it by hand and drop this; there are: {there}",
                status.word()
            )));
        };
        let body = json!({ "transition": { "id": id } });
        self.ask("POST", &path, Some(&body), Does::Write).await.map(drop)
    }

    fn said(&self, token: Uid, said: Said<'_>) -> Json {
        let mut body = json!({ "body": self.rich(said, Some(token)) });
        if let (true, Some(body)) = (self.internal, body.as_object_mut()) {
            let property = json!([{ "key": "sd.public.comment", "value": { "internal": true } }]);
            body.insert("properties".to_owned(), property);
        }
        body
    }
}

fn remote(issue: &Json, address: Option<&str>) -> Option<Remote> {
    let id = wire::id(issue.get("key")?)?;
    Some(Remote { url: address.map(|address| format!("{address}/browse/{id}")), id })
}

impl Tickets for Site {
    async fn create(&self, order: &Order, ticket: &Ticket) -> Result<End, Missed> {
        // Before it: nothing may go wrong between the answer and its end.
        let address = self.address().await;
        let made = self.ask("POST", "/issue", Some(&self.issue(order, ticket)), Does::Write).await?;
        let remote = remote(&made, address.as_deref());
        let remote = remote.ok_or_else(|| Missed::ambiguous("it says that it is made, but not which it is"))?;
        let mut wrote = words::fields_of(ticket, words::cut(&ticket.title, TITLED));
        wrote.insert(KEY.to_owned(), remote.id.clone());
        wrote.extend(self.priority(ticket.severity).map(|name| (PRIORITY.to_owned(), name.to_owned())));
        Ok(End::Accepted { remote, wrote })
    }

    async fn update(&self, order: &Order, change: &Change) -> Result<End, Missed> {
        let remote = super::ticket(order)?.clone();
        let wanted = self.wanted(change);
        let there = self.read(&remote.id).await?;
        let quarrels = words::quarrels(order, &wanted, &there);
        if !quarrels.is_empty() {
            return Ok(End::Foreign(quarrels));
        }
        let mut set = Map::new();
        set.extend(wanted.get(TITLE).map(|title| ("summary".to_owned(), json!(title))));
        set.extend(wanted.get(PRIORITY).map(|name| ("priority".to_owned(), json!({ "name": name }))));
        let mut body = Map::new();
        if !set.is_empty() {
            body.insert("fields".to_owned(), Json::Object(set));
        }
        if let Some(severity) = change.severity {
            let others = [Severity::P1, Severity::P2, Severity::P3, Severity::P4].into_iter();
            let others =
                others.filter(|other| *other != severity).map(|other| json!({ "remove": severity_label(other) }));
            let labels: Vec<Json> = others.chain([json!({ "add": severity_label(severity) })]).collect();
            body.insert("update".to_owned(), json!({ "labels": labels }));
        }
        if !body.is_empty() {
            let body = Json::Object(body);
            self.ask("PUT", &format!("/issue/{}", remote.id), Some(&body), Does::Write).await?;
        }
        if let Some(status) = change.status.filter(|status| there.get(STATUS).is_none_or(|is| is != status.word())) {
            self.transition(&remote.id, status).await?;
        }
        Ok(End::Accepted { remote, wrote: wanted })
    }

    async fn comment(&self, token: Uid, on: &str, said: Said<'_>) -> Result<End, Missed> {
        let path = format!("/issue/{on}/comment");
        let made = self.ask("POST", &path, Some(&self.said(token, said)), Does::Write).await?;
        let id = made.get("id").and_then(wire::id);
        let id = id.ok_or_else(|| Missed::ambiguous("it says that it is said, but not where"))?;
        Ok(End::Accepted { remote: Remote { id, url: None }, wrote: Fields::new() })
    }

    async fn tickets(&self, token: Uid, _ticket: &Ticket) -> Result<Vec<Remote>, Missed> {
        let jql = format!("project = \"{}\" AND labels = \"{token}\" ORDER BY created ASC", self.project);
        let mut body = json!({ "jql": jql, "maxResults": 50, "fields": ["summary"] });
        let path = if self.cloud { "/search/jql" } else { "/search" };
        let (mut found, address) = (Vec::new(), self.address().await);
        for _ in 0..PAGES {
            let page = self.ask("POST", path, Some(&body), Does::Read).await?;
            let list = page.get("issues").and_then(Json::as_array);
            let list = list.ok_or_else(|| Missed::unreachable("it answers no list"))?;
            found.extend(list.iter().filter_map(|issue| remote(issue, address.as_deref())));
            let next = if self.cloud {
                let ends = page.get("isLast").and_then(Json::as_bool).unwrap_or(true);
                page.get("nextPageToken")
                    .filter(|next| next.is_string() && !ends)
                    .map(|next| ("nextPageToken", next.clone()))
            } else {
                let number = |key: &str| page.get(key).and_then(Json::as_u64).unwrap_or(0);
                let upto = number("startAt") + u64::try_from(list.len()).unwrap_or(0);
                (!list.is_empty() && upto < number("total")).then(|| ("startAt", json!(upto)))
            };
            let (Some((key, value)), Some(body)) = (next, body.as_object_mut()) else { return Ok(found) };
            body.insert(key.to_owned(), value);
        }
        Err(Missed::unreachable("its list does not end"))
    }

    async fn comments(&self, token: Uid, on: &str) -> Result<Vec<Remote>, Missed> {
        let (mut found, mut from) = (Vec::new(), 0);
        for _ in 0..PAGES {
            let path = format!("/issue/{on}/comment?startAt={from}&maxResults=100");
            let page = self.ask("GET", &path, None, Does::Read).await?;
            let list = page.get("comments").and_then(Json::as_array);
            let list = list.ok_or_else(|| Missed::unreachable("it answers no list"))?;
            for one in list {
                // In Cloud the text is a tree: the token stands in one of its leaves.
                let has = one.get("body").is_some_and(|body| body.to_string().contains(&token.to_string()));
                if let (true, Some(id)) = (has, one.get("id").and_then(wire::id)) {
                    found.push(Remote { id, url: None });
                }
            }
            from += u64::try_from(list.len()).unwrap_or(0);
            if list.is_empty() || from >= page.get("total").and_then(Json::as_u64).unwrap_or(0) {
                return Ok(found);
            }
        }
        Err(Missed::unreachable("there are more comments than are looked at: it may be among them"))
    }

    async fn read(&self, key: &str) -> Result<Fields, Missed> {
        let issue =
            self.ask("GET", &format!("/issue/{key}?fields=summary,status,labels,priority"), None, Does::Read).await?;
        let of = issue.get("fields").ok_or_else(|| Missed::unreachable("it answers no issue"))?;
        let mut fields = Fields::new();
        if let Some(title) = of.get("summary").and_then(wire::line) {
            fields.insert(TITLE.to_owned(), title);
        }
        // One that was moved to another project answers by its old key too.
        fields.extend(issue.get("key").and_then(wire::id).map(|key| (KEY.to_owned(), key)));
        let priority = of.pointer("/priority/name").and_then(Json::as_str).and_then(|name| self.named(name));
        fields.extend(priority.map(|name| (PRIORITY.to_owned(), name)));
        let labels = of.get("labels").and_then(Json::as_array).map(Vec::as_slice).unwrap_or_default();
        let severity = labels.iter().filter_map(Json::as_str).find_map(|label| label.strip_prefix("severity-"));
        if let Some(severity) = severity {
            fields.insert(SEVERITY.to_owned(), sanitise::name(severity));
        }
        if let Some(category) = of.pointer("/status/statusCategory/key").and_then(Json::as_str) {
            let status = if category == "done" { Status::Resolved } else { Status::Open };
            fields.insert(STATUS.to_owned(), status.word().to_owned());
        }
        Ok(fields)
    }

    fn shown(&self, order: &Order) -> Json {
        match &order.item.write {
            Write::Create(ticket) => self.issue(order, ticket),
            Write::Update(change) => json!(self.wanted(change)),
            Write::Comment { text, markdown } => self.said(order.token, Said { text, markdown: *markdown }),
            Write::Link { .. } => self.said(order.token, Said::plain(&words::duplicate(order))),
            Write::Notice(notice) => notice.summary().into(),
        }
    }

    async fn tried(&self) -> Result<Probed, Missed> {
        const NEEDS: [&str; 4] = ["CREATE_ISSUES", "EDIT_ISSUES", "ADD_COMMENTS", "TRANSITION_ISSUES"];
        let (answer, me) = self.wire.ask(&Jira, ("GET", "/myself"), None, Does::Read).await?;
        let name = |of: &Json| of.get("displayName").or_else(|| of.get("name")).and_then(wire::line);
        let who = name(&me).unwrap_or_else(|| "?".to_owned());
        let project = self.ask("GET", &format!("/project/{}", self.project), None, Does::Read).await?;
        let listed = |of: &Json| -> Vec<String> {
            of.as_array().into_iter().flatten().filter_map(|one| one.get("name").and_then(wire::line)).collect()
        };
        let types = listed(project.get("issueTypes").unwrap_or(&Json::Null));
        let wanted = self.wire.text("issue_type").unwrap_or("Incident");
        if !types.is_empty() && !types.iter().any(|known| known.eq_ignore_ascii_case(wanted)) {
            return Err(Missed::refused(format!(
                "project {} has no issues of type {wanted}: correct `issue_type`; it has {}",
                self.project,
                some(types)
            )));
        }
        if let Some(map) = self.wire.map("priorities") {
            let known = listed(&self.ask("GET", "/priority", None, Does::Read).await?);
            let mut wanted = map.values().filter_map(Json::as_str);
            if let Some(odd) = wanted.find(|name| !known.iter().any(|known| known.eq_ignore_ascii_case(name))) {
                let there = some(known);
                return Err(Missed::refused(format!(
                    "there is no priority {odd}: correct `priorities`; there are {there}"
                )));
            }
        }
        let path = format!("/mypermissions?projectKey={}&permissions={}", self.project, NEEDS.join(","));
        let may = self.ask("GET", &path, None, Does::Read).await?;
        let has = |need: &&str| may.pointer(&format!("/permissions/{need}/havePermission")).and_then(Json::as_bool);
        let lacks: Vec<String> = NEEDS
            .iter()
            .filter(|need| has(need) == Some(false))
            .map(|need| need.replace('_', " ").to_lowercase())
            .collect();
        if !lacks.is_empty() {
            return Err(Missed::refused(format!(
                "{who} may not {} in project {}: give leave for it",
                lacks.join(", "),
                self.project
            )));
        }
        let title = project.get("name").and_then(wire::line).unwrap_or_else(|| self.project.clone());
        let unsaid = if NEEDS.iter().all(|need| has(need).is_none()) { "sees" } else { "may write to" };
        Ok(Probed::well(format!("{who} {unsaid} project {title}")).left(probe::quota(&answer)))
    }
}
