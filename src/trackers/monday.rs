//! monday.com: items of a board, by GraphQL.
//!
//! The board's columns are asked for before anything is written: what each is decides how its value is written, and a label that is
//! not there is said with those that are. The token stands in a column of its own, else at the end of the item's name.
use std::{collections::BTreeMap, sync::Arc};

use serde_json::{Map, Value as Json, json};

use super::{
    Desk, Means, Missed, Tickets, Tracker,
    probe::{Probed, some},
    rich,
    wire::{self, Does, Limit, PAGES, Scheme, Vendor, Wire},
    words::{self, SEVERITY, STATUS, Said, TITLE},
};
use crate::{
    config::{Field, Kind, Misfit, Shape},
    core::{
        alerts::Severity,
        id::Uid,
        inventory::Params,
        outbox::{Change, End, Fields, Order, Remote, Ticket, TrackerSpec, Write},
    },
    parse::sanitise,
    remote::http::Answer,
};

/// monday.com.
#[derive(Debug)]
pub(super) struct Monday;

const fn column(name: &'static str, doc: &'static str) -> Field {
    Field { name, shape: Shape::Id, required: false, doc }
}

const COLUMNS: &[Field] = &[
    column(
        "token",
        "The text column of the token by which an item is found again. Default: the end of the item's name.",
    ),
    column("severity", "The column of how bad it is: status, dropdown or text."),
    column("status", "The column of whether it is over: status, dropdown or text."),
    column("service", "The column of the service."),
    column("opened", "The column of when it was opened: date or text."),
    column("link", "The column of where it leads back to: link or text."),
];

const FIELDS: &[Field] = &[
    Field { name: "board", shape: Shape::Id, required: true, doc: "The board's number." },
    Field {
        name: "token",
        shape: Shape::Secret,
        required: true,
        doc: "Reference to a token that may read and write the board.",
    },
    Field {
        name: "columns",
        shape: Shape::Table(COLUMNS),
        required: false,
        doc: "Ids of the board's columns. Default: nothing but name and updates is written.",
    },
    Field { name: "group", shape: Shape::Id, required: false, doc: "The group of new items. Default: the top one." },
    Field {
        name: "severity_labels",
        shape: Shape::Map(&Shape::Text),
        required: false,
        doc: "Which label a severity is: `{ P1 = \"Critical\" }`. Default: `P1` to `P4`.",
    },
    Field {
        name: "status_labels",
        shape: Shape::Map(&Shape::Text),
        required: false,
        doc: "Which label `open` and `resolved` are. Default: `Working on it` and `Done`.",
    },
    Field {
        name: "api_version",
        shape: Shape::Text,
        required: false,
        doc: "The version of the API, a month of a quarter: `2026-07`, which is the default.",
    },
    Field {
        name: "url",
        shape: Shape::Url,
        required: false,
        doc: "Where the API is. Default `https://api.monday.com/v2`.",
    },
];

const URL: &str = "https://api.monday.com/v2";
const VERSION: &str = "2026-07";
/// Most characters of an update.
const MOST: usize = 30_000;
/// Most characters of an item's name.
const NAME: usize = 255;

impl Kind for Monday {
    fn name(&self) -> &'static str {
        "monday"
    }

    fn fields(&self) -> &'static [Field] {
        FIELDS
    }

    fn misfits(&self, settings: &Params) -> Vec<Misfit> {
        let mut wrong = super::open_token(settings, "url");
        wrong.extend(super::severities(settings, "severity_labels"));
        let known = |key: &String| ["open", "resolved"].contains(&key.as_str());
        let labels = settings.get("status_labels").and_then(Json::as_object);
        if labels.is_some_and(|labels| !labels.keys().all(known)) {
            wrong.push(Misfit::new(
                "status_labels",
                "`status_labels` knows `open` and `resolved`",
                "as in { resolved = \"Done\" }",
            ));
        }
        let version = settings.get("api_version").and_then(Json::as_str).unwrap_or(VERSION);
        let is_quarter = |month: &str| ["01", "04", "07", "10"].contains(&month);
        let fits = version.split_once('-').is_some_and(|(year, month)| {
            year.len() == 4 && year.bytes().all(|byte| byte.is_ascii_digit()) && is_quarter(month)
        });
        if !fits {
            wrong.push(Misfit::new(
                "api_version",
                "`api_version` is none",
                "a year and the first month of a quarter, as in \"2026-07\"",
            ));
        }
        wrong
    }
}

impl Tracker for Monday {
    fn open(&self, spec: &Arc<TrackerSpec>, means: &Means) -> Result<Box<dyn Desk>, String> {
        let text = |key: &str| spec.params.get(key).and_then(Json::as_str);
        let board = text("board").ok_or("it has no `board`")?.to_owned();
        let version = text("api_version").unwrap_or(VERSION);
        let wire = Wire::new(spec, means, text("url").unwrap_or(URL), Scheme::Raw).header("api-version", version);
        Ok(Box::new(Board { wire, board }))
    }
}

/// Returns what went wrong: an object each, or only a text.
fn errors(body: &Json) -> &[Json] {
    body.get("errors").and_then(Json::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn codes(body: &Json) -> Vec<&str> {
    let old = body.get("error_code").and_then(Json::as_str);
    errors(body).iter().filter_map(|error| error.pointer("/extensions/code")?.as_str()).chain(old).collect()
}

/// Says whether something was made, whatever else went wrong.
fn made(body: &Json) -> bool {
    ["/data/create_item/id", "/data/create_update/id"].iter().any(|path| body.pointer(path).is_some())
}

const LIMITS: [&str; 8] = [
    "COMPLEXITY_BUDGET_EXHAUSTED",
    "MINUTE_RATE_LIMIT_EXCEEDED",
    "MAX_CONCURRENCY_EXCEEDED",
    "DAILY_LIMIT_EXCEEDED",
    "IP_RATE_LIMIT_EXCEEDED",
    "FIELD_LIMIT_EXCEEDED",
    "tooManyRequests",
    "ComplexityException",
];

impl Vendor for Monday {
    fn throttled(&self, answer: &Answer, body: &Json) -> Limit {
        let codes = codes(body);
        // It may say so of a part, and have made what was asked for all the same.
        if made(body) {
            return Limit::No;
        }
        if answer.status != 429 && !codes.iter().any(|code| LIMITS.contains(code)) {
            return Limit::No;
        }
        if codes.contains(&"DAILY_LIMIT_EXCEEDED") {
            // Until midnight, by its own clock.
            let day = 86_400;
            return Limit::Ms(wire::said_at(answer).map_or(3_600, |at| day - at.rem_euclid(day)) * 1_000);
        }
        let number = |error: &Json, path: &str| error.pointer(path).and_then(Json::as_i64);
        let said = errors(body).iter().find_map(|error| {
            number(error, "/extensions/retry_in_seconds")
                .or_else(|| number(error, "/extensions/error_data/retry_in_seconds"))
        });
        // An older way: `Complexity budget exhausted, … reset in 3 seconds`.
        let old = || {
            let text = body.get("error_message")?.as_str()?;
            let (_, rest) = text.split_once("reset in ")?;
            rest.split(|letter: char| !letter.is_ascii_digit()).next()?.parse().ok()
        };
        let said = said.or_else(old);
        Limit::of(said.map(|seconds| seconds.clamp(1, 86_400) * 1_000).or_else(|| wire::retry_after(answer)))
    }

    fn said(&self, _answer: &Answer, body: &Json) -> String {
        let text = |error: &Json| error.as_str().or_else(|| error.get("message")?.as_str()).map(str::to_owned);
        let old = body.get("error_message").and_then(Json::as_str).map(str::to_owned);
        let said = errors(body).iter().filter_map(text).chain(old).collect::<Vec<_>>().join("; ");
        let request = body.pointer("/extensions/request_id").and_then(Json::as_str);
        match request.filter(|_| !said.is_empty()) {
            Some(request) => format!("{said} (request {})", sanitise::line_max(request, 40)),
            None => said,
        }
    }
}

struct Board {
    wire: Wire,
    board: String,
}

/// A column of the board.
struct Column {
    kind: String,
    labels: Vec<String>,
}

impl Board {
    /// Asks, and says no where it says no within an answer that is well by its status.
    async fn ask(&self, query: &str, variables: Json, does: Does) -> Result<Json, Missed> {
        let body = json!({ "query": query, "variables": variables });
        let (answer, json) = self.wire.ask(&Monday, ("POST", ""), Some(&body), does).await?;
        if made(&json) || errors(&json).is_empty() && json.get("error_code").is_none() {
            return json.get("data").cloned().ok_or_else(|| does.unclear("it answers without data"));
        }
        let said = sanitise::line_max(Monday.said(&answer, &json), 160);
        let status = errors(&json).iter().find_map(|error| error.pointer("/extensions/status_code")?.as_u64());
        Err(match status {
            Some(500..) => does.unclear(said).asked(&answer),
            None if codes(&json).iter().any(|code| code.to_lowercase().contains("internal")) => {
                does.unclear(said).asked(&answer)
            }
            Some(403) => Missed::refused(format!("the token may not: give it leave, then retry: {said}")),
            Some(404) => Missed::refused(format!("there is no such thing: correct the settings, then retry: {said}")),
            Some(_) | None => Missed::refused(format!("{said}: correct the settings or edit it, then retry")),
        })
    }

    fn column(&self, of: &str) -> Option<&str> {
        self.wire.mapped("columns", of)
    }

    async fn columns(&self) -> Result<BTreeMap<String, Column>, Missed> {
        const QUERY: &str = "query($b:ID!){boards(ids:[$b]){id state columns{id title type settings archived} groups{id title archived}}}";
        let data = self.ask(QUERY, json!({ "b": self.board }), Does::Read).await?;
        let board = data.pointer("/boards/0").filter(|board| board.is_object());
        let board = board.ok_or_else(|| {
            Missed::refused(format!(
                "there is no board {}, or the token may not see it: correct `board`, then retry",
                self.board
            ))
        })?;
        let list = board.get("columns").and_then(Json::as_array).map(Vec::as_slice).unwrap_or_default();
        let mut columns = BTreeMap::new();
        for one in list.iter().filter(|one| one.get("archived").and_then(Json::as_bool) != Some(true)) {
            let Some(id) = one.get("id").and_then(Json::as_str) else { continue };
            let kind = one.get("type").and_then(Json::as_str).unwrap_or_default().to_owned();
            columns.insert(id.to_owned(), Column { kind, labels: labels(one.get("settings")) });
        }
        for (of, id) in COLUMNS.iter().filter_map(|field| Some((field.name, self.column(field.name)?))) {
            if !columns.contains_key(id) {
                let known: Vec<String> = columns.keys().take(20).map(sanitise::name).collect();
                let known = known.join(", ");
                return Err(Missed::refused(format!(
                    "the board has no column {id}: correct columns.{of}; it has {known}"
                )));
            }
        }
        Ok(columns)
    }

    /// Returns the label that a field's value is called by there.
    fn label(&self, field: &str, value: &str) -> String {
        let (map, default) = match (field, value) {
            (SEVERITY, _) => ("severity_labels", value),
            (_, "resolved") => ("status_labels", "Done"),
            (_, _) => ("status_labels", "Working on it"),
        };
        self.wire.mapped(map, value).unwrap_or(default).to_owned()
    }

    /// Holds that the labels are there which will be written.
    fn labelled(&self, columns: &BTreeMap<String, Column>) -> Result<(), Missed> {
        let severities = [Severity::P1, Severity::P2, Severity::P3, Severity::P4];
        let severities = severities.into_iter().filter(|of| self.wire.keeps(*of)).map(|of| format!("{of:?}"));
        let states = ["open", "resolved"].map(str::to_owned).into_iter();
        let all = severities.map(|value| (SEVERITY, value)).chain(states.map(|value| (STATUS, value)));
        for (field, value) in all {
            if let Some(id) = self.column(field) {
                value_of(columns, id, &self.label(field, &value))?;
            }
        }
        Ok(())
    }

    /// Returns what an item is called: the token of its ticket stands at the end where the board has no column for it.
    fn name(&self, order: &Order, title: &str) -> String {
        if self.column("token").is_some() {
            return words::cut(title, NAME);
        }
        let end = format!(" #{}", order.ticket_token);
        words::cut(title, NAME - end.chars().count()) + &end
    }

    fn values(
        &self,
        order: &Order,
        ticket: &Ticket,
        columns: &BTreeMap<String, Column>,
    ) -> Result<Map<String, Json>, Missed> {
        let fields = words::fields_of(ticket, String::new());
        let of = |field: &str| fields.get(field).map(|value| self.label(field, value));
        let all = [
            ("token", Some(order.token.to_string())),
            (SEVERITY, of(SEVERITY)),
            (STATUS, of(STATUS)),
            ("service", ticket.service.clone()),
            ("opened", Some(ticket.opened.rfc3339())),
            ("link", words::link(order)),
        ];
        let mut values = Map::new();
        for (field, value) in all {
            if let (Some(id), Some(value)) = (self.column(field), value) {
                values.insert(id.to_owned(), value_of(columns, id, &value)?);
            }
        }
        Ok(values)
    }
}

/// Writes a value as its column takes it.
fn value_of(columns: &BTreeMap<String, Column>, id: &str, value: &str) -> Result<Json, Missed> {
    let Some(column) = columns.get(id) else { return Ok(value.into()) };
    Ok(match column.kind.as_str() {
        "status" | "color" => {
            if !column.labels.iter().any(|label| label == value) {
                let there = column.labels.join(", ");
                return Err(Missed::refused(format!(
                    "column {id} has no label {value}: map it, then retry; it has {there}"
                )));
            }
            json!({ "label": value })
        }
        "dropdown" => json!({ "labels": [value] }),
        "long_text" | "long-text" => json!({ "text": value }),
        "link" => json!({ "url": value, "text": value }),
        "date" => {
            let (day, time) = value.split_once('T').unwrap_or((value, "00:00:00"));
            let time: String = time.chars().take(8).collect();
            json!({ "date": day, "time": time })
        }
        _ => value.into(),
    })
}

/// Reads the labels of a column: a list, a map by number, or either as a text.
fn labels(settings: Option<&Json>) -> Vec<String> {
    let Some(settings) = settings else { return Vec::new() };
    if let Some(read) = settings.as_str().and_then(|text| serde_json::from_str::<Json>(text).ok()) {
        return if read.is_string() { Vec::new() } else { labels(Some(&read)) };
    }
    let mut all: Vec<String> = match settings.get("labels") {
        Some(Json::Array(list)) => {
            let alive = list.iter().filter(|label| label.get("is_deactivated").and_then(Json::as_bool) != Some(true));
            alive.filter_map(|label| Some(label.get("label").unwrap_or(label).as_str()?.to_owned())).collect()
        }
        Some(Json::Object(map)) => map.values().filter_map(|label| label.as_str().map(str::to_owned)).collect(),
        Some(_) | None => Vec::new(),
    };
    all.retain(|label| !label.is_empty());
    all
}

fn remote(item: &Json) -> Option<Remote> {
    Some(Remote { id: wire::id(item.get("id")?)?, url: item.get("url").and_then(wire::url) })
}

/// Writes an update as the HTML that it is.
fn html(token: Uid, said: Said<'_>) -> String {
    let text = words::fit(said.text, MOST);
    if said.markdown {
        return format!("{}<p>{token}</p>", rich::html(&text));
    }
    format!("{}<br>{token}", rich::escaped(&text).lines().collect::<Vec<_>>().join("<br>"))
}

impl Tickets for Board {
    async fn create(&self, order: &Order, ticket: &Ticket) -> Result<End, Missed> {
        const QUERY: &str = "mutation($b:ID!,$n:String!,$g:String,$cv:JSON){create_item(board_id:$b,item_name:$n,group_id:$g,column_values:$cv,create_labels_if_missing:false){id name url}}";
        let columns = self.columns().await?;
        let values = Json::Object(self.values(order, ticket, &columns)?).to_string();
        let name = self.name(order, &ticket.title);
        let variables = json!({ "b": self.board, "n": name, "g": self.wire.text("group"), "cv": values });
        let data = self.ask(QUERY, variables, Does::Write).await?;
        let remote = data.get("create_item").and_then(remote);
        let remote = remote.ok_or_else(|| Missed::ambiguous("it says that it is made, but not which it is"))?;
        let mut wrote = Fields::from([(TITLE.to_owned(), name)]);
        for (field, value) in words::fields_of(ticket, String::new()) {
            if self.column(&field).is_some() {
                wrote.insert(field.clone(), self.label(&field, &value));
            }
        }
        Ok(End::Accepted { remote, wrote })
    }

    async fn update(&self, order: &Order, change: &Change) -> Result<End, Missed> {
        const QUERY: &str = "mutation($b:ID!,$i:ID!,$cv:JSON!){change_multiple_column_values(board_id:$b,item_id:$i,column_values:$cv,create_labels_if_missing:false){id}}";
        let remote = super::ticket(order)?.clone();
        let mut wanted = words::changed(change);
        wanted.retain(|field, _| field == TITLE || self.column(field).is_some());
        for (field, value) in &mut wanted {
            *value = if field == TITLE { self.name(order, value) } else { self.label(field, value) };
        }
        if wanted.is_empty() {
            // The board has no column for it.
            return Ok(End::Accepted { remote, wrote: wanted });
        }
        let quarrels = words::quarrels(order, &wanted, &self.read(&remote.id).await?);
        if !quarrels.is_empty() {
            return Ok(End::Foreign(quarrels));
        }
        let columns = self.columns().await?;
        let mut values = Map::new();
        for (field, value) in &wanted {
            if field == TITLE {
                values.insert("name".to_owned(), json!(value));
            } else if let Some(id) = self.column(field) {
                values.insert(id.to_owned(), value_of(&columns, id, value)?);
            }
        }
        let variables = json!({ "b": self.board, "i": remote.id, "cv": Json::Object(values).to_string() });
        let data = self.ask(QUERY, variables, Does::Write).await?;
        // To write it twice is to write it once.
        let done = data.pointer("/change_multiple_column_values/id").and_then(wire::id);
        done.ok_or_else(|| Missed::ambiguous("it does not say that it is written"))?;
        Ok(End::Accepted { remote, wrote: wanted })
    }

    async fn comment(&self, token: Uid, on: &str, said: Said<'_>) -> Result<End, Missed> {
        const QUERY: &str = "mutation($i:ID!,$body:String!){create_update(item_id:$i,body:$body){id item_id}}";
        let data = self.ask(QUERY, json!({ "i": on, "body": html(token, said) }), Does::Write).await?;
        let id = data.pointer("/create_update/id").and_then(wire::id);
        let id = id.ok_or_else(|| Missed::ambiguous("it says that it is said, but not where"))?;
        Ok(End::Accepted { remote: Remote { id, url: None }, wrote: Fields::new() })
    }

    async fn tickets(&self, token: Uid, _ticket: &Ticket) -> Result<Vec<Remote>, Missed> {
        const FIRST: &str = "query($b:ID!,$q:ItemsQuery){boards(ids:[$b]){items_page(limit:100,query_params:$q){cursor items{id name url}}}}";
        const NEXT: &str = "query($c:String!){next_items_page(limit:100,cursor:$c){cursor items{id name url}}}";
        let column = self.column("token").unwrap_or("name");
        let rule = json!({ "column_id": column, "compare_value": [token.to_string()], "operator": "contains_text" });
        let query = json!({ "rules": [rule], "operator": "and" });
        let data = self.ask(FIRST, json!({ "b": self.board, "q": query }), Does::Read).await?;
        let mut page = data.pointer("/boards/0/items_page").cloned();
        let mut found = Vec::new();
        for _ in 0..PAGES {
            let items = page.as_ref().and_then(|page| page.get("items")).and_then(Json::as_array);
            let items = items.ok_or_else(|| Missed::unreachable("it answers no list"))?;
            found.extend(items.iter().filter_map(remote));
            let cursor = page.as_ref().and_then(|page| page.get("cursor")).and_then(Json::as_str);
            let Some(cursor) = cursor else { return Ok(found) };
            let data = self.ask(NEXT, json!({ "c": cursor }), Does::Read).await?;
            page = data.get("next_items_page").cloned();
        }
        Err(Missed::unreachable("its list does not end"))
    }

    async fn comments(&self, token: Uid, on: &str) -> Result<Vec<Remote>, Missed> {
        const QUERY: &str = "query($ids:[ID!],$p:Int){items(ids:$ids){id updates(limit:100,page:$p){id body}}}";
        let mut found = Vec::new();
        for page in 1..=PAGES {
            let data = self.ask(QUERY, json!({ "ids": [on], "p": page }), Does::Read).await?;
            let list = data.pointer("/items/0/updates").and_then(Json::as_array);
            let list = list.ok_or_else(|| Missed::unreachable("it answers no list"))?;
            for one in list {
                let has = one.get("body").and_then(Json::as_str).is_some_and(|body| body.contains(&token.to_string()));
                if let (true, Some(id)) = (has, one.get("id").and_then(wire::id)) {
                    found.push(Remote { id, url: None });
                }
            }
            if list.len() < 100 {
                return Ok(found);
            }
        }
        Err(Missed::unreachable("there are more updates than are looked at: it may be among them"))
    }

    async fn read(&self, item: &str) -> Result<Fields, Missed> {
        const QUERY: &str = "query($ids:[ID!]){items(ids:$ids){id name state url column_values{id type text}}}";
        let data = self.ask(QUERY, json!({ "ids": [item] }), Does::Read).await?;
        let item = data.pointer("/items/0").filter(|item| item.is_object());
        let item = item.ok_or_else(|| Missed::refused("the item is gone, or the token may not see it: drop this"))?;
        let state = item.get("state").and_then(Json::as_str).filter(|state| *state != "active");
        if let Some(state) = state {
            let state = sanitise::name(state);
            return Err(Missed::refused(format!("the item is {state}: restore it there, then retry, or drop this")));
        }
        let mut fields = Fields::new();
        if let Some(name) = item.get("name").and_then(wire::line) {
            fields.insert(TITLE.to_owned(), name);
        }
        let values = item.get("column_values").and_then(Json::as_array).map(Vec::as_slice).unwrap_or_default();
        for field in [SEVERITY, STATUS] {
            let is = |value: &&Json| value.get("id").and_then(Json::as_str) == self.column(field);
            if let (Some(_), Some(text)) =
                (self.column(field), values.iter().find(is).and_then(|value| wire::line(value.get("text")?)))
            {
                fields.insert(field.to_owned(), text);
            }
        }
        Ok(fields)
    }

    fn shown(&self, order: &Order) -> Json {
        match &order.item.write {
            Write::Create(ticket) => {
                let values = self.values(order, ticket, &BTreeMap::new()).unwrap_or_default();
                json!({ "board": self.board, "name": self.name(order, &ticket.title), "columns": values })
            }
            Write::Update(change) => json!(words::changed(change)),
            Write::Comment { text, markdown } => html(order.token, Said { text, markdown: *markdown }).into(),
            Write::Link { .. } => html(order.token, Said::plain(&words::duplicate(order))).into(),
            Write::Notice(notice) => notice.summary().into(),
        }
    }

    async fn tried(&self) -> Result<Probed, Missed> {
        const BOARD: &str = "query($b:ID!){boards(ids:[$b]){id name state groups{id title archived}} complexity{after reset_in_x_seconds}}";
        const WHO: &str = "query{me{id name} versions{kind value}}";
        let columns = self.columns().await?;
        let data = self.ask(BOARD, json!({ "b": self.board }), Does::Read).await?;
        // A token of limited scope may write, and may not ask whose it is.
        let about = self.ask(WHO, json!({}), Does::Read).await.unwrap_or_default();
        let board = data.pointer("/boards/0").unwrap_or(&Json::Null);
        let text = |of: &Json, key: &str| of.get(key).and_then(wire::line);
        if let Some(state) = text(board, "state").filter(|state| state != "active") {
            return Err(Missed::refused(format!("the board is {state}: restore it there, or correct `board`")));
        }
        let list = |of: &Json, key: &str| of.get(key).and_then(Json::as_array).cloned().unwrap_or_default();
        let groups: Vec<Json> = list(board, "groups");
        let groups: Vec<String> = groups
            .iter()
            .filter(|group| group.get("archived").and_then(Json::as_bool) != Some(true))
            .filter_map(|group| text(group, "id"))
            .collect();
        if let Some(group) = self.wire.text("group").filter(|group| !groups.iter().any(|known| known == group)) {
            return Err(Missed::refused(format!(
                "the board has no group {group}: correct `group`; it has {}",
                some(groups)
            )));
        }
        self.labelled(&columns)?;
        let version = self.wire.text("api_version").unwrap_or(VERSION);
        let versions = list(&about, "versions");
        let is_ours = |one: &&Json| one.get("value").and_then(Json::as_str) == Some(version);
        let known = versions.iter().find(is_ours).and_then(|one| text(one, "kind"));
        let old = match known.as_deref() {
            _ if versions.is_empty() => String::new(),
            None => format!(", but version {version} is not served any more: set `api_version`"),
            Some("deprecated" | "maintenance") => format!(", version {version} ends soon: set `api_version`"),
            Some(_) => String::new(),
        };
        let who = about.get("me").and_then(|me| text(me, "name")).unwrap_or_else(|| "the token".to_owned());
        let name = text(board, "name").unwrap_or_else(|| self.board.clone());
        let number = |key: &str| data.pointer(&format!("/complexity/{key}")).and_then(Json::as_u64);
        let quota = number("after").map(|left| {
            let resets = number("reset_in_x_seconds").map(|seconds| format!(", anew in {seconds}s"));
            format!("{left} points of complexity left{}", resets.unwrap_or_default())
        });
        Ok(Probed::well(format!("{who} sees board {name} and its columns{old}")).left(quota))
    }
}
