//! How each vendor answers, as far as trackers ask.
use serde_json::{Map, Value, json};

use super::{Fake, Kept, Reply, Request, Vendor, channels, odd, reply};

pub(crate) fn answer(fake: &mut Fake, request: &Request) -> Reply {
    let wants = match fake.vendor {
        Vendor::GitHub | Vendor::JiraDataCenter => "authorization: bearer test-token-1234",
        Vendor::JiraCloud => "authorization: basic ym90qgfjbwuuzxhhbxbsztp0zxn0lxrva2vulteymzq=",
        Vendor::Monday => "authorization: test-token-1234",
        Vendor::Channel(channel) => return channels::answer(fake, channel, request),
    };
    if !request.head.contains(wants) {
        println!("{}", request.head);
        return denied(fake.vendor);
    }
    if let Some(header) = missing_header(fake.vendor, request) {
        return reply(400, json!({ "message": format!("the header {header} is missing"), "errorMessages": [header] }));
    }
    match fake.vendor {
        Vendor::GitHub => github(fake, request),
        Vendor::JiraCloud | Vendor::JiraDataCenter => jira(fake, request),
        Vendor::Monday => monday(fake, request),
        Vendor::Channel(channel) => channels::answer(fake, channel, request),
    }
}

/// Headers without which a vendor does otherwise than is meant: what is asked of which version, and by whom.
fn missing_header(vendor: Vendor, request: &Request) -> Option<&'static str> {
    const AGENT: &str = "user-agent: quarterdeck/";
    let wants: &[&str] = match vendor {
        Vendor::GitHub => &[AGENT, "x-github-api-version: 2022-11-28", "accept: application/vnd.github+json"],
        Vendor::JiraCloud | Vendor::JiraDataCenter => &[AGENT, "accept: application/json", "accept-language: en"],
        Vendor::Monday => &[AGENT, "api-version: 2026-07", "content-type: application/json"],
        Vendor::Channel(_) => &[],
    };
    wants.iter().find(|header| !request.head.contains(**header)).copied()
}

/// One page of a list, from its begin on.
fn page_of<T>(all: &[T], from: usize, size: usize) -> &[T] {
    all.get(from.min(all.len())..all.len().min(from + size)).unwrap_or_default()
}

pub(crate) fn denied(vendor: Vendor) -> Reply {
    match vendor {
        Vendor::GitHub => {
            reply(401, json!({ "message": "Bad credentials", "documentation_url": "x", "status": "401" }))
        }
        Vendor::JiraCloud => (401, Vec::new(), "Client must be authenticated to access this resource.".into()),
        Vendor::JiraDataCenter => (401, Vec::new(), "<html><h1>Unauthorized (401)</h1></html>".into()),
        Vendor::Monday => reply(401, json!({ "errors": ["Not Authenticated"] })),
        Vendor::Channel(channel) => channels::denied(channel),
    }
}

pub(crate) fn ill(vendor: Vendor) -> Reply {
    match vendor {
        Vendor::GitHub => reply(503, json!({ "message": "Service Unavailable" })),
        Vendor::JiraCloud | Vendor::JiraDataCenter => {
            (503, vec![("retry-after", "3".into())], "<html>upgrading</html>".into())
        }
        Vendor::Monday | Vendor::Channel(_) => (503, Vec::new(), "upstream connect error".into()),
    }
}

pub(crate) fn throttled(vendor: Vendor) -> Reply {
    match vendor {
        Vendor::Channel(channel) => channels::throttled(channel),
        Vendor::GitHub => {
            let (_, mut headers, body) = reply(403, json!({ "message": "You have exceeded a secondary rate limit" }));
            headers.push(("retry-after", "40".into()));
            (403, headers, body)
        }
        Vendor::JiraCloud | Vendor::JiraDataCenter => {
            let headers = vec![("retry-after", "40".to_owned()), ("ratelimit-reason", "jira-burst-based".to_owned())];
            (429, headers, String::new())
        }
        Vendor::Monday => reply(
            429,
            json!({ "errors": [{ "message": "Minute rate limit exceeded", "extensions": { "code": "MINUTE_RATE_LIMIT_EXCEEDED", "retry_in_seconds": 40 } }] }),
        ),
    }
}

fn github(fake: &mut Fake, request: &Request) -> Reply {
    match (request.method.as_str(), request.path.as_str()) {
        ("GET", "/user") => return reply(200, json!({ "login": "ops-bot" })),
        ("GET", "/repos/acme/incidents") => {
            let may = json!({ "admin": false, "push": true, "triage": true, "pull": true });
            let repo =
                json!({ "full_name": "acme/incidents", "archived": false, "has_issues": true, "permissions": may });
            let (status, mut headers, body) = reply(200, repo);
            headers.extend([("x-ratelimit-limit", "5000".to_owned()), ("x-ratelimit-remaining", "4987".to_owned())]);
            return (status, headers, body);
        }
        _ => {}
    }
    let path = request.path.strip_prefix("/repos/acme/incidents/").unwrap_or_default();
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let parts: Vec<&str> = path.split('/').collect();
    let port = fake.port;
    let issue = |ticket: &Kept| {
        json!({ "id": ticket.id + 9_000, "number": ticket.id, "title": ticket.title, "body": ticket.text,
            "html_url": format!("https://github.example/acme/incidents/issues/{}", ticket.id),
            "state": if ticket.done { "closed" } else { "open" },
            "labels": ticket.labels.iter().map(|name| json!({ "name": name })).collect::<Vec<_>>() })
    };
    let number = parts.get(1).and_then(|number| number.parse().ok()).unwrap_or(0);
    let texts =
        |of: &Value| of.as_array().into_iter().flatten().filter_map(|one| one.as_str().map(str::to_owned)).collect();
    let text = |key: &str| request.body[key].as_str().unwrap_or_default().to_owned();
    if text("body").chars().count() > 65_536 {
        return reply(
            422,
            json!({ "message": "Validation Failed", "errors": [{ "resource": "Issue", "code": "custom", "field": "body",
            "message": "body is too long (maximum is 65536 characters)" }] }),
        );
    }
    match (request.method.as_str(), parts.as_slice()) {
        ("POST", ["issues"]) => {
            let ticket = Kept {
                id: fake.id(),
                made: fake.now.0,
                title: text("title"),
                text: text("body"),
                labels: texts(&request.body["labels"]),
                ..Kept::default()
            };
            let answer = issue(&ticket);
            fake.tickets.push(ticket);
            reply(201, answer)
        }
        ("GET", ["issues"]) => {
            // One a page, with a pull request and one that says nothing among them.
            let mut all =
                vec![json!({ "number": 1, "body": null }), json!({ "number": 2, "body": "x", "pull_request": {} })];
            all.extend(fake.visible().map(issue));
            let page: usize = query.split('&').find_map(|pair| pair.strip_prefix("page=")?.parse().ok()).unwrap_or(1);
            let (_, mut headers, body) =
                reply(200, json!(all.get(page * 3 - 3..all.len().min(page * 3)).unwrap_or_default()));
            if page * 3 < all.len() {
                let next =
                    format!("http://127.0.0.1:{port}{}&page={}", request.path.split("&page").next().unwrap(), page + 1);
                headers.push(("link", format!("<{next}>; rel=\"next\", <{next}>; rel=\"last\"")));
            }
            (200, headers, body)
        }
        ("GET", ["issues", _]) => {
            fake.ticket(number).map_or_else(|| reply(404, json!({ "message": "Not Found" })), |t| reply(200, issue(t)))
        }
        ("PATCH", ["issues", _]) => {
            let Some(ticket) = fake.ticket(number) else { return reply(404, json!({ "message": "Not Found" })) };
            if let Some(title) = request.body["title"].as_str() {
                ticket.title = title.to_owned();
            }
            if request.body.get("labels").is_some() {
                ticket.labels = texts(&request.body["labels"]);
            }
            if let Some(state) = request.body["state"].as_str() {
                ticket.done = state == "closed";
            }
            let answer = issue(ticket);
            reply(200, answer)
        }
        ("POST", ["issues", _, "comments"]) => {
            let id = fake.id();
            let Some(ticket) = fake.ticket(number) else { return reply(404, json!({ "message": "Not Found" })) };
            ticket.comments.push((id, text("body")));
            reply(201, json!({ "id": id, "html_url": "javascript:alert(1)" }))
        }
        ("GET", ["issues", _, "comments"]) => {
            let elsewhere = fake.elsewhere.clone();
            let Some(ticket) = fake.ticket(number) else { return reply(404, json!({ "message": "Not Found" })) };
            let page: usize = query.split('&').find_map(|pair| pair.strip_prefix("page=")?.parse().ok()).unwrap_or(1);
            let all: Vec<Value> = ticket.comments.iter().map(|(id, text)| json!({ "id": id, "body": text })).collect();
            let (_, mut headers, body) = reply(200, json!(page_of(&all, page * 100 - 100, 100)));
            let own =
                format!("http://127.0.0.1:{port}{}&page={}", request.path.split("&page").next().unwrap(), page + 1);
            if page * 100 < all.len() {
                headers.push(("link", format!("<{}>; rel=\"next\"", elsewhere.unwrap_or(own))));
            }
            (200, headers, body)
        }
        _ => reply(404, json!({ "message": "Not Found", "what": format!("{} {}", request.method, request.path) })),
    }
}

/// Counts the characters of a text, or of all texts of a tree.
fn texts(of: &Value) -> usize {
    match of {
        Value::String(text) => text.chars().count(),
        Value::Array(all) => all.iter().map(texts).sum(),
        Value::Object(of) => of.get("text").map_or(0, texts) + of.get("content").map_or(0, texts),
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
    }
}

/// Where one can go from where it is.
fn transitions(done: bool) -> Vec<Value> {
    let to = |id: &str, name: &str, key: &str| json!({ "id": id, "name": name, "isAvailable": true, "to": { "statusCategory": { "key": key } } });
    let reopen = to("41", "Reopen", "indeterminate");
    if done { vec![reopen] } else { vec![to("21", "Work", "indeterminate"), to("31", "Done", "done")] }
}

fn priority(fields: &Value) -> Map<String, Value> {
    fields["priority"].get("name").map(|name| ("priority".to_owned(), name.clone())).into_iter().collect()
}

fn jira(fake: &mut Fake, request: &Request) -> Reply {
    let cloud = fake.vendor == Vendor::JiraCloud;
    let path = request.path.strip_prefix("/ex/jira/0c5e").unwrap_or(&request.path);
    let path = path.strip_prefix(if cloud { "/rest/api/3/" } else { "/rest/api/2/" }).unwrap_or_default();
    let path = path.split('?').next().unwrap();
    let parts: Vec<&str> = path.split('/').collect();
    let id = parts.get(1).and_then(|key| key.strip_prefix("OPS-")?.parse().ok()).unwrap_or(0);
    let missing = || {
        reply(
            404,
            json!({ "errorMessages": ["Issue does not exist or you do not have permission to see it."], "errors": {} }),
        )
    };
    let labels = |of: &Value| -> Vec<String> {
        of.as_array().into_iter().flatten().filter_map(|one| one.as_str().map(str::to_owned)).collect()
    };
    // As it counts: the characters of a text, or of all that stands in a tree.
    let long = |of: &Value| texts(of) > 32_767;
    let too_long = || {
        let why = "The entered text is too long. It exceeds the allowed limit of 32,767 characters.";
        reply(400, json!({ "errorMessages": [], "errors": { "comment": why } }))
    };
    match (request.method.as_str(), parts.as_slice()) {
        ("GET", ["serverInfo"]) => reply(
            200,
            json!({ "deploymentType": "Cloud", "version": "1001.0.0", "baseUrl": "https://acme.atlassian.example" }),
        ),
        ("GET", ["myself"]) => reply(200, json!({ "displayName": "Ops Bot", "name": "ops" })),
        ("GET", ["project", "OPS"]) => {
            let types = [json!({ "id": "1", "name": "Task" }), json!({ "id": "2", "name": "Incident" })];
            reply(200, json!({ "key": "OPS", "name": "Operations", "issueTypes": types }))
        }
        ("GET", ["project", _]) => reply(404, json!({ "errorMessages": ["No project could be found with key."] })),
        ("GET", ["priority"]) => reply(200, json!([{ "name": "Highest" }, { "name": "High" }])),
        ("GET", ["mypermissions"]) => {
            let wanted = request.path.split("permissions=").nth(1).unwrap_or_default();
            let all = wanted.split(',').map(|name| (name.to_owned(), json!({ "key": name, "havePermission": true })));
            reply(200, json!({ "permissions": all.collect::<Map<String, Value>>() }))
        }
        ("POST", ["issue"]) if long(&request.body["fields"]["description"]) => too_long(),
        ("POST", ["issue", _, "comment"]) if long(&request.body["body"]) => too_long(),
        ("POST", ["issue"]) => {
            let fields = &request.body["fields"];
            let title = fields["summary"].as_str().unwrap_or_default();
            if title.chars().count() > 255 || title.contains('\n') || title.is_empty() {
                let why = "Summary must be less than 255 characters, on one line.";
                return reply(400, json!({ "errorMessages": [], "errors": { "summary": why } }));
            }
            let doc = &fields["description"];
            if fields["project"]["key"] != "OPS"
                || cloud != doc.is_object()
                || doc.to_string().contains("\"text\":\"\"")
            {
                return reply(
                    400,
                    json!({ "errorMessages": [], "errors": { "description": "Operation value must be a document" } }),
                );
            }
            let ticket = Kept {
                id: fake.id(),
                made: fake.now.0,
                title: fields["summary"].as_str().unwrap().to_owned(),
                text: doc.to_string(),
                labels: labels(&fields["labels"]),
                columns: priority(fields),
                ..Kept::default()
            };
            let key = format!("OPS-{}", ticket.id);
            fake.tickets.push(ticket);
            reply(201, json!({ "id": "10042", "key": key, "self": "x" }))
        }
        ("POST", ["search", ..]) => {
            let jql = request.body["jql"].as_str().unwrap();
            let token = jql.split("labels = \"").nth(1).unwrap().split('"').next().unwrap().to_owned();
            let found: Vec<String> =
                fake.visible().filter(|t| t.labels.contains(&token)).map(|t| format!("OPS-{}", t.id)).collect();
            // One a page.
            let from = if cloud {
                request.body["nextPageToken"].as_str().map_or(0, |from| from.parse().unwrap())
            } else {
                request.body["startAt"].as_u64().unwrap_or(0) as usize
            };
            let page: Vec<Value> =
                found.iter().skip(from).take(1).map(|key| json!({ "id": "1", "key": key, "fields": {} })).collect();
            if cloud {
                let last = from + 1 >= found.len();
                let mut body = json!({ "issues": page, "isLast": last });
                if !last {
                    body["nextPageToken"] = json!((from + 1).to_string());
                }
                return reply(200, body);
            }
            let (_, mut headers, body) =
                reply(200, json!({ "startAt": from, "maxResults": 50, "total": found.len(), "issues": page }));
            headers.push(("retry-after", "0".into()));
            (200, headers, body)
        }
        ("GET", ["issue", _]) => {
            let project = fake.moved.unwrap_or("OPS");
            let Some(ticket) = fake.ticket(id) else { return missing() };
            let category = if ticket.done { "done" } else { "indeterminate" };
            let priority = json!({ "name": ticket.columns.get("priority").cloned().unwrap_or(json!("Medium")) });
            reply(
                200,
                json!({ "key": format!("{project}-{id}"), "fields": { "summary": ticket.title, "labels": ticket.labels,
                "priority": priority, "status": { "name": "?", "statusCategory": { "key": category } } } }),
            )
        }
        ("PUT", ["issue", _]) => {
            let Some(ticket) = fake.ticket(id) else { return missing() };
            ticket.columns.extend(priority(&request.body["fields"]));
            if let Some(title) = request.body["fields"].get("summary") {
                ticket.title = title.as_str().unwrap().to_owned();
            }
            for one in request.body["update"]["labels"].as_array().into_iter().flatten() {
                if let Some(label) = one["remove"].as_str() {
                    ticket.labels.retain(|known| known != label);
                }
                if let Some(label) = one["add"].as_str() {
                    ticket.labels.push(label.to_owned());
                }
            }
            reply(204, Value::Null)
        }
        ("GET", ["issue", _, "transitions"]) => {
            let stuck = fake.stuck;
            let Some(ticket) = fake.ticket(id) else { return missing() };
            let all = if stuck { Vec::new() } else { transitions(ticket.done) };
            reply(200, json!({ "expand": "transitions", "transitions": all }))
        }
        ("POST", ["issue", _, "transitions"]) => {
            if fake.busy > 0 {
                fake.busy -= 1;
                return reply(409, json!({ "errorMessages": ["Another transition is in progress."] }));
            }
            let Some(ticket) = fake.ticket(id) else { return missing() };
            let wanted = &request.body["transition"]["id"];
            if !transitions(ticket.done).iter().any(|one| one["id"] == *wanted) {
                let why = format!(
                    "It seems that you have tried to perform a workflow operation ({wanted}) that is not valid."
                );
                return reply(400, json!({ "errorMessages": [why], "errors": {} }));
            }
            ticket.done = wanted == "31";
            reply(204, Value::Null)
        }
        ("POST", ["issue", _, "comment"]) => {
            let (number, text) = (fake.id(), request.body["body"].to_string());
            let Some(ticket) = fake.ticket(id) else { return missing() };
            ticket.comments.push((number, text));
            reply(201, json!({ "id": number.to_string() }))
        }
        ("GET", ["issue", _, "comment"]) => {
            let Some(ticket) = fake.ticket(id) else { return missing() };
            let number =
                |key: &str| request.path.split(['?', '&']).find_map(|pair| pair.strip_prefix(key)?.parse().ok());
            let (from, size) = (number("startAt=").unwrap_or(0), number("maxResults=").unwrap_or(50));
            let all: Vec<Value> =
                ticket.comments.iter().map(|(id, text)| json!({ "id": id.to_string(), "body": text })).collect();
            reply(200, json!({ "startAt": from, "total": all.len(), "comments": page_of(&all, from, size) }))
        }
        _ => reply(404, odd()),
    }
}

/// Says no within an answer that is well by its status.
fn errors(code: &str, message: &str) -> Reply {
    let error = json!({ "message": message, "extensions": { "code": code, "error_data": {}, "status_code": 200 } });
    reply(200, json!({ "data": null, "errors": [error], "extensions": { "request_id": "r-2" } }))
}

/// Refuses columns that the board has not, and labels that its columns have not.
fn refused_columns(columns: &Map<String, Value>) -> Option<Reply> {
    columns.iter().find_map(|(id, value)| {
        let labels: &[&str] = match id.as_str() {
            "name" => {
                let fits = value.as_str().is_some_and(|name| (1..=255).contains(&name.chars().count()));
                let why = "Item name should be between 1 and 255 characters";
                return (!fits).then(|| errors("ItemNameTooLongException", why));
            }
            "text_dedup" => return (!value.is_string()).then(|| errors("ColumnValueException", "invalid value")),
            "sev" => &["P1", "P2"],
            "status" => &["Working on it", "Done"],
            _ => return Some(errors("InvalidColumnIdException", "This column ID doesn't exist for the board")),
        };
        let known = value["label"].as_str().or(value.as_str()).is_some_and(|label| labels.contains(&label));
        (!known).then(|| errors("ColumnValueException", "This status label doesn't exist"))
    })
}

fn monday(fake: &mut Fake, request: &Request) -> Reply {
    let (query, with) = (request.body["query"].as_str().unwrap_or_default(), &request.body["variables"]);
    let item = |ticket: &Kept| {
        json!({ "id": ticket.id.to_string(), "name": ticket.title, "url": format!("https://acme.monday.example/{}", ticket.id),
            "column_values": ticket.columns.iter().map(|(id, value)| json!({ "id": id, "text": value["label"].as_str().or(value.as_str()) })).collect::<Vec<_>>() })
    };
    let data = |data: Value| reply(200, json!({ "data": data, "extensions": { "request_id": "r-1" } }));
    let columns = |text: &Value| -> Map<String, Value> { serde_json::from_str(text.as_str().unwrap()).unwrap() };
    let of = |key: &str| with[key].as_str().and_then(|id| id.parse().ok()).unwrap_or(0);
    let first = || with["ids"][0].as_str().and_then(|id| id.parse().ok()).unwrap_or(0);
    if let Some(wrong) = with["cv"].as_str().and_then(|_| refused_columns(&columns(&with["cv"]))) {
        return wrong;
    }
    if query.contains("create_item(") {
        let name = with["n"].as_str().unwrap_or_default().chars().count();
        if !(1..=255).contains(&name) {
            return errors("ItemNameTooLongException", "Item name should be between 1 and 255 characters");
        }
        let ticket = Kept {
            id: fake.id(),
            made: fake.now.0,
            title: with["n"].as_str().unwrap().to_owned(),
            columns: columns(&with["cv"]),
            ..Kept::default()
        };
        let answer = item(&ticket);
        fake.tickets.push(ticket);
        data(json!({ "create_item": answer }))
    } else if query.contains("change_multiple") {
        let mut changed = columns(&with["cv"]);
        let Some(ticket) = fake.ticket(of("i")) else { return data(json!({ "change_multiple_column_values": null })) };
        if let Some(Value::String(name)) = changed.remove("name") {
            ticket.title = name;
        }
        ticket.columns.extend(changed);
        ticket.done = ticket.columns["status"]["label"] == "Done";
        data(json!({ "change_multiple_column_values": { "id": with["i"] } }))
    } else if query.contains("create_update(") {
        let (id, text) = (fake.id(), with["body"].as_str().unwrap().to_owned());
        let Some(ticket) = fake.ticket(of("i")) else { return data(json!({ "create_update": null })) };
        ticket.comments.push((id, text));
        data(json!({ "create_update": { "id": id.to_string(), "item_id": with["i"] } }))
    } else if query.contains("next_items_page") || query.contains("items_page(") {
        let from: usize = with["c"].as_str().map_or(0, |cursor| cursor.parse().unwrap());
        let token = with["q"]["rules"][0]["compare_value"][0].as_str().map(str::to_owned);
        // The cursor stands for the question too.
        let token = token.unwrap_or_else(|| {
            fake.requests
                .iter()
                .rev()
                .find_map(|r| r.body["variables"]["q"]["rules"][0]["compare_value"][0].as_str().map(str::to_owned))
                .unwrap()
        });
        let all: Vec<Value> = fake.visible().filter(|t| t.columns["text_dedup"] == json!(token)).map(item).collect();
        let cursor = if from + 1 < all.len() { json!((from + 1).to_string()) } else { Value::Null };
        let page = json!({ "cursor": cursor, "items": all.get(from..all.len().min(from + 1)).unwrap_or_default() });
        data(if query.contains("next_items_page") {
            json!({ "next_items_page": page })
        } else {
            json!({ "boards": [{ "items_page": page }] })
        })
    } else if query.contains("me{") {
        let version = |kind: &str, value: &str| json!({ "kind": kind, "value": value });
        let versions = [version("maintenance", "2026-04"), version("current", "2026-07")];
        data(json!({ "me": { "id": "4012689", "name": "Ops Bot" }, "versions": versions }))
    } else if query.contains("complexity{") {
        let board = json!({ "id": "77", "name": "Incidents", "state": "active", "groups": [{ "id": "topics", "title": "Open" }] });
        let complexity = json!({ "after": 9_997_988, "reset_in_x_seconds": 41 });
        data(json!({ "boards": [board], "complexity": complexity }))
    } else if query.contains("columns{") {
        let label = |name: &str| json!({ "id": 1, "label": name, "is_deactivated": false });
        data(json!({ "boards": [{ "id": "77", "state": "active", "groups": [], "columns": [
            { "id": "name", "title": "Name", "type": "name", "settings": {}, "archived": false },
            { "id": "text_dedup", "title": "Token", "type": "text", "settings": "{}", "archived": false },
            { "id": "sev", "title": "Severity", "type": "status", "settings": "{\"labels\":{\"0\":\"P1\",\"1\":\"P2\",\"5\":\"\"}}" },
            { "id": "status", "title": "Status", "type": "status", "settings": { "labels": [label("Working on it"), label("Done")] } } ] }] }))
    } else if query.contains("updates(") {
        let Some(ticket) = fake.ticket(first()) else { return data(json!({ "items": [] })) };
        let page = with["p"].as_u64().unwrap_or(1) as usize;
        let all: Vec<Value> =
            ticket.comments.iter().map(|(id, text)| json!({ "id": id.to_string(), "body": text })).collect();
        data(json!({ "items": [{ "updates": page_of(&all, page * 100 - 100, 100) }] }))
    } else {
        let found = fake.ticket(first()).map(|ticket| item(ticket));
        data(json!({ "items": found.into_iter().collect::<Vec<_>>() }))
    }
}
