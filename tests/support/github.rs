//! A server that behaves as the API of GitHub is described to; hostile answers included.
#![allow(dead_code, reason = "not every kind of test asks all of it")]
use std::sync::{Arc, Mutex};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, Method, StatusCode, Uri},
};
use quarterdeck::remote::{
    github::GitHub,
    http::{Client, Trust},
};
use serde_json::{Value, json};

/// An answer: status, headers, body.
pub(crate) type Instead = (u16, Vec<(&'static str, String)>, String);

/// What the server is asked, and how it answers.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "switches of a test")]
pub(crate) struct Fake {
    pub(crate) port: u16,
    /// Runs, the newest first: number, status, conclusion, title.
    pub(crate) runs: Vec<(u64, &'static str, Option<&'static str>, String)>,
    /// Method, path, body of what acted.
    pub(crate) acted: Vec<(String, Value)>,
    /// Whether it knows that runs can be returned by a dispatch.
    pub(crate) old: bool,
    /// What the next dispatch is answered after it was carried out.
    pub(crate) ill: Option<u16>,
    /// What every question is answered, instead: status, headers, body.
    pub(crate) instead: Option<Instead>,
    /// How often a question is first answered with 502.
    pub(crate) bad_gateway: u32,
    pub(crate) may_approve: bool,
    /// Whether a run stands otherwise once something was done to it.
    pub(crate) lives: bool,
    /// Whether the workflow was disabled.
    pub(crate) disabled: bool,
    /// Commits of the branch, the newest first: which, and its message.
    pub(crate) commits: Vec<(&'static str, String)>,
    /// Comparisons that it knows: `v1...v2`, and the answer.
    pub(crate) compared: Vec<(&'static str, Value)>,
    /// How often it said that nothing changed.
    pub(crate) unchanged: u32,
    /// What runs left.
    pub(crate) left: Vec<Left>,
    /// Whether the token came along to where logs lie.
    pub(crate) leaked: bool,
}

/// What every run is of.
pub(crate) const COMMIT: &str = "9c1e000000000000000000000000000000000000";

/// What a run left: the run's id, its name, the archive, and the digest that is said of it.
pub(crate) type Left = (u64, &'static str, Vec<u8>, Option<String>);
pub(crate) type Shared = Arc<Mutex<Fake>>;
pub(crate) type Reply = (StatusCode, HeaderMap, Vec<u8>);

fn reply(status: u16, headers: &[(&'static str, String)], body: impl ToString) -> Reply {
    let headers = headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
    (StatusCode::from_u16(status).unwrap(), headers, body.to_string().into_bytes())
}

impl Fake {
    fn run(&self, number: u64) -> Value {
        let (number, status, conclusion, title) = self.runs.iter().find(|run| run.0 == number).unwrap();
        json!({ "id": number + 1_000, "run_number": number, "name": "Deploy", "display_title": title, "head_branch": "main",
            "head_sha": COMMIT, "event": "workflow_dispatch", "status": status, "conclusion": conclusion,
            "actor": { "login": "ann" }, "created_at": "2030-01-01T00:00:00Z", "html_url": "https://github.example/acme/play/actions" })
    }

    fn answer(&mut self, method: &Method, uri: &Uri, headers: &HeaderMap, body: &Value) -> Reply {
        let path = uri.path();
        if path.starts_with("/storage") {
            self.leaked |= headers.contains_key("authorization");
            if let Some(at) = path.strip_prefix("/storage/left/").and_then(|at| at.parse::<usize>().ok()) {
                return (StatusCode::OK, HeaderMap::new(), self.left[at].2.clone());
            }
            return reply(200, &[], "\u{feff}2026-11-20T19:31:05.1234567Z ##[error]no such \u{1b}[31mtable\n");
        }
        if headers.get("authorization").is_none_or(|token| token != "Bearer test-token-1234") {
            return reply(401, &[], json!({ "message": "Bad credentials" }));
        }
        if let Some((status, headers, body)) = &self.instead {
            return reply(*status, headers, body);
        }
        if self.bad_gateway > 0 {
            self.bad_gateway -= 1;
            return reply(502, &[], "<html>");
        }
        if path == "/repos/acme/play/commits" {
            return self.commits(headers);
        }
        if let Some(pair) = path.strip_prefix("/repos/acme/play/compare/") {
            let known = self.compared.iter().find(|(known, _)| *known == pair);
            return known.map_or_else(|| reply(404, &[], "{}"), |(_, body)| reply(200, &[], body));
        }
        let Some(path) = path.strip_prefix("/repos/acme/play/actions") else {
            return reply(404, &[], json!({ "message": "Not Found" }));
        };
        if method == Method::POST {
            self.acted.push((path.to_owned(), body.clone()));
            self.live(path, body);
        }
        let id: u64 = path.split('/').nth(2).and_then(|id| id.parse().ok()).unwrap_or(0);
        let number = id.saturating_sub(1_000);
        match (method.as_str(), path.rsplit('/').next().unwrap()) {
            ("POST", "dispatches") => self.dispatch(body),
            ("PUT", verb @ ("enable" | "disable")) => {
                self.disabled = verb == "disable";
                reply(204, &[], "")
            }
            ("GET", "runs") => {
                let runs: Vec<Value> = self.runs.iter().map(|run| self.run(run.0)).collect();
                reply(200, &[], json!({ "total_count": runs.len(), "workflow_runs": runs }))
            }
            ("GET", "deploy.yml") => {
                let state = if self.disabled { "disabled_manually" } else { "active" };
                reply(
                    200,
                    &[],
                    json!({ "id": 7, "name": "Deploy", "path": ".github/workflows/deploy.yml", "state": state }),
                )
            }
            ("GET", "jobs") => reply(
                200,
                &[],
                json!({ "total_count": 1, "jobs": [{ "id": 5, "name": "build\u{1b}[2J", "status": "completed", "conclusion": "failure", "steps": [] }] }),
            ),
            ("GET", "artifacts") => self.artifacts(id),
            ("GET", "zip") => {
                reply(302, &[("location", format!("http://localhost:{}/storage/left/{id}", self.port))], "")
            }
            ("GET", "logs") => reply(302, &[("location", format!("http://localhost:{}/storage?sig=x", self.port))], ""),
            ("GET", "pending_deployments") => reply(
                200,
                &[],
                json!([
                    { "environment": { "id": 9, "name": "production" }, "current_user_can_approve": self.may_approve },
                    { "environment": { "id": 10, "name": "lab" }, "current_user_can_approve": false },
                ]),
            ),
            ("POST", "pending_deployments") => reply(200, &[], json!([])),
            ("POST", "cancel") if self.runs.iter().any(|run| run.0 == number && run.1 == "completed") => {
                reply(409, &[], json!({ "message": "Cannot cancel a workflow run that is completed." }))
            }
            ("POST", "cancel") => reply(202, &[], json!({})),
            ("POST", "rerun" | "rerun-failed-jobs") => reply(201, &[], json!({})),
            ("GET", _) if id > 1_000 => reply(200, &[], self.run(number)),
            _ => reply(404, &[], json!({ "message": "Not Found" })),
        }
    }

    fn artifacts(&self, run: u64) -> Reply {
        let one = |(at, left): (usize, &Left)| {
            json!({ "id": at, "name": left.1, "size_in_bytes": left.2.len(), "expired": left.2.is_empty(), "digest": left.3,
                "created_at": "2030-01-01T00:10:00Z" })
        };
        let all: Vec<Value> = self.left.iter().enumerate().filter(|(_, left)| left.0 == run).map(one).collect();
        reply(200, &[], json!({ "total_count": all.len(), "artifacts": all }))
    }

    fn commits(&mut self, headers: &HeaderMap) -> Reply {
        let one = |(sha, message): &(&str, String)| json!({ "sha": sha, "commit": { "message": message } });
        let body = json!(self.commits.iter().map(one).collect::<Vec<_>>());
        let tag = format!("W/\"{}\"", self.commits.len());
        if headers.get("if-none-match").is_some_and(|known| known.as_bytes() == tag.as_bytes()) {
            self.unchanged += 1;
            return reply(304, &[], "");
        }
        reply(200, &[("etag", tag)], body)
    }

    /// Has a run go on by what is done to it.
    fn live(&mut self, path: &str, body: &Value) {
        let id: u64 = path.split('/').nth(2).and_then(|id| id.parse().ok()).unwrap_or(0);
        let Some(run) = self.runs.iter_mut().find(|run| self.lives && run.0 + 1_000 == id && run.1 != "completed")
        else {
            return;
        };
        (run.1, run.2) = match path.rsplit('/').next() {
            Some("cancel") => ("completed", Some("cancelled")),
            Some("pending_deployments") if body["state"] == "approved" => ("in_progress", None),
            Some("pending_deployments") => ("completed", Some("failure")),
            _ => return,
        };
    }

    fn dispatch(&mut self, body: &Value) -> Reply {
        let wants = body.get("return_run_details").is_some();
        if self.old && wants {
            return reply(
                422,
                &[],
                json!({ "message": "Invalid request. \"return_run_details\" is not a permitted key." }),
            );
        }
        if let Some(stray) = body["inputs"]
            .as_object()
            .and_then(|inputs| inputs.keys().find(|key| !["version", "qd_id"].contains(&key.as_str())))
        {
            return reply(422, &[], json!({ "message": format!("Unexpected inputs provided: [\"{stray}\"]") }));
        }
        let number = self.runs.first().map_or(1, |run| run.0 + 1);
        let title = format!("Deploy {}", body["inputs"]["qd_id"].as_str().unwrap_or_default());
        self.runs.insert(0, (number, "queued", None, title));
        match (self.ill.take(), self.old) {
            (Some(status), _) => reply(status, &[], "oops"),
            (None, true) => reply(204, &[], ""),
            (None, false) => reply(200, &[], json!({ "workflow_run_id": number + 1_000 })),
        }
    }
}

async fn handle(State(fake): State<Shared>, method: Method, uri: Uri, headers: HeaderMap, body: Bytes) -> Reply {
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    fake.lock().unwrap().answer(&method, &uri, &headers, &body)
}

#[expect(clippy::disallowed_methods, reason = "the server of a test lives as long as its runtime")]
pub(crate) async fn server() -> (Shared, GitHub) {
    let fake = Shared::default();
    let app = Router::new().fallback(handle).with_state(Arc::clone(&fake));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    fake.lock().unwrap().port = port;
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    let client = Client::new(Trust::system());
    (fake, GitHub::new(client, &format!("http://127.0.0.1:{port}"), "acme/play", "test-token-1234".to_owned().into()))
}

/// An archive as the server hands it out, and what it says of it.
pub(crate) fn zipped(files: &[(&str, &str)]) -> (Vec<u8>, String) {
    use std::io::Write as _;

    use sha2::Digest as _;
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, text) in files {
        zip.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(text.as_bytes()).unwrap();
    }
    let body = zip.finish().unwrap().into_inner();
    let hex = sha2::Sha256::digest(&body).iter().fold("sha256:".to_owned(), |hex, byte| hex + &format!("{byte:02x}"));
    (body, hex)
}
