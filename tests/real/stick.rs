//! A rollback from the shell holds the pipeline at GitHub, and says that the version may come back until that is seen to.
use std::{
    path::Path,
    process::{Output, Stdio},
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    extract::State,
    http::{Method, StatusCode, Uri},
};
use serde_json::json;

use crate::support::{HANG, sshd::Sshd};

const COMMIT: &str = "9c1e000000000000000000000000000000000000";

/// What acted at GitHub.
type Acted = Arc<Mutex<Vec<String>>>;

async fn answer(State(acted): State<Acted>, method: Method, uri: Uri) -> (StatusCode, String) {
    let path = uri.path().trim_start_matches("/repos/acme/play").to_owned();
    if method != Method::GET {
        acted.lock().unwrap().push(path.clone());
    }
    let run = |number: u64, status: &str, end: Option<&str>| json!({ "id": number, "run_number": number, "head_branch": "main", "head_sha": COMMIT, "status": status, "conclusion": end });
    let body = match path.as_str() {
        "/actions/workflows/deploy.yml/runs" => {
            json!({ "workflow_runs": [run(8, "queued", None), run(7, "completed", Some("success"))] })
        }
        "/commits" => json!([]),
        _ if path.ends_with("/disable") || path.ends_with("/enable") => return (StatusCode::NO_CONTENT, String::new()),
        _ if path.ends_with("/cancel") => return (StatusCode::ACCEPTED, "{}".to_owned()),
        _ => return (StatusCode::NOT_FOUND, "{}".to_owned()),
    };
    (StatusCode::OK, body.to_string())
}

async fn qd(folder: &Path, arguments: &[&str]) -> (i32, String) {
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_qd"));
    command.args(arguments).arg("--config").arg(folder.join("qd.toml")).env_clear();
    command.env("PATH", "/usr/bin:/bin").env("HOME", folder).env("USER", "ana").env("TOKEN", "test-token-1234");
    command.stdin(Stdio::null()).kill_on_drop(true);
    let output = tokio::time::timeout(HANG, command.output()).await.unwrap_or_else(|_| panic!("{arguments:?} hangs"));
    let Output { status, stdout, stderr } = output.unwrap();
    let said = String::from_utf8([stdout, stderr].concat()).unwrap();
    println!("$ qd {arguments:?} -> {status}\n{said}");
    (status.code().unwrap(), said)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_holds_its_pipeline_and_says_so_until_it_is_set_aside() {
    let acted = Acted::default();
    let app = Router::new().fallback(answer).with_state(Arc::clone(&acted));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    #[expect(clippy::disallowed_methods, reason = "the server of a test lives as long as its runtime")]
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    let sshd = Sshd::start().await;
    let folder = tempfile::tempdir().unwrap();
    let path = |path: std::path::PathBuf| format!("{:?}", path.display().to_string());
    let text = format!(
        "version = 1\nenvironment = [{{ name = \"stage\", kind = \"staging\" }}]\n[store]\npath = {}\n[ssh]\nknown_hosts = [{}]\n\
         [[host]]\nname = \"web-01\"\nenv = \"stage\"\naddress = \"127.0.0.1\"\nport = {}\nuser = {:?}\nidentity = {}\n\
         [[service]]\nname = \"play\"\nkind = \"command\"\n[service.recipe]\npath = \"~/app\"\n[service.recipe.tasks.rollback]\n\
         steps = [\"echo $QD_VERSION >~/version\"]\n[service.in.stage]\nhosts = [\"web-01\"]\npipeline = {{ repo = \"acme/play\", \
         workflow = \"deploy.yml\", token = \"env:TOKEN\", api = \"http://127.0.0.1:{port}\" }}\n",
        path(folder.path().join("qd.db")),
        path(sshd.known_hosts(sshd.port)),
        sshd.port,
        sshd.user,
        path(sshd.identity()),
    );
    std::fs::write(folder.path().join("qd.toml"), text).unwrap();
    let qd = async |arguments: &[&str]| qd(folder.path(), arguments).await;

    // What is done to the pipeline is read with the plan, and nothing of it is done by reading.
    let (code, said) = qd(&["rollback", "play", "--to", "v1", "--dry-run"]).await;
    assert!(
        code == 0 && said.contains("deploy.yml of acme/play is disabled") && said.contains("it is stopped with this"),
        "{said}"
    );
    assert_eq!(*acted.lock().unwrap(), [""; 0]);
    let (code, said) =
        qd(&["rollback", "play", "--to", "v1", "--yes-i-mean", "play@stage", "--reason", "v2 is bad"]).await;
    assert!(code == 0 && said.contains("deploy.yml is held; released, the next push to main brings"), "{said}");
    assert!(said.contains(&format!("git revert --no-edit {COMMIT}")), "{said}");
    assert_eq!(*acted.lock().unwrap(), ["/actions/workflows/deploy.yml/disable", "/actions/runs/8/cancel"]);
    // Another process, on the same store, knows of it.
    let (_, said) = qd(&["status"]).await;
    assert!(said.contains("the next push to main brings"), "{said}");
    let (code, said) = qd(&["pipeline", "revert", "play"]).await;
    assert!(code == 0 && said.contains("git switch -c revert-9c1e0000 origin/main"), "{said}");
    let (code, _) = qd(&["pipeline", "release", "play", "--yes-i-mean", "play@stage", "--reason", "mended"]).await;
    assert!(code == 0 && acted.lock().unwrap().last().unwrap().ends_with("/enable"));
    let (_, said) = qd(&["status"]).await;
    assert!(said.contains("the next push to main brings") && !said.contains("is held"), "{said}");
    let (code, said) = qd(&["pipeline", "settle", "play", "--yes-i-mean", "play@stage"]).await;
    assert!(code == 5 && said.contains("--reason"), "{said}");
    let (code, _) =
        qd(&["pipeline", "settle", "play", "--yes-i-mean", "play@stage", "--reason", "main is fixed"]).await;
    assert_eq!(code, 0);
    let (_, said) = qd(&["status"]).await;
    assert!(!said.contains("the next push"), "{said}");
    let (_, said) = qd(&["audit"]).await;
    for what in ["pipeline.hold", "pipeline.enable", "pipeline.settled", "main is fixed"] {
        assert!(said.contains(what), "{what}: {said}");
    }
}
