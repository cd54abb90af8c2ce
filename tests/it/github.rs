//! The pipeline of a service, at a server that behaves as the API of GitHub is described to; hostile answers included.
use std::{path::Path, process::Output};

use quarterdeck::{
    config::Env,
    core::{
        inventory::Pipeline,
        pipelines::Look,
        runs::{Acted, ArtifactName, Deed, PipelineVerb, stick::PipelineHold},
        time::Timestamp,
    },
    remote::{
        github::{Dispatch, GitHub},
        http::{Client, Trust},
    },
    runtime::{
        build,
        pipeline::{self as runtime, Means},
    },
};
use serde_json::json;
use tokio::process::Command;

use crate::hub::{COMMIT, Shared, server, zipped};

fn dispatch<'a>(mark: Option<&'a str>, inputs: &[(&str, &str)]) -> Dispatch<'a> {
    let inputs = inputs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Dispatch { workflow: "deploy.yml", branch: "main", inputs, mark, now: Timestamp(0) }
}

#[tokio::test]
async fn a_run_is_begun_once_and_found_again() {
    let (fake, github) = server().await;
    let begun = |fake: &Shared| fake.lock().unwrap().runs.len();
    let run = github.dispatch(&dispatch(None, &[("version", "v2")])).await.unwrap().unwrap();
    assert_eq!((run.number, begun(&fake)), (1, 1));
    // A server that does not know the flag began nothing: it is sent again without, and the run is found by its mark.
    fake.lock().unwrap().old = true;
    let run = github.dispatch(&dispatch(Some("mark-7"), &[("qd_id", "mark-7")])).await.unwrap().unwrap();
    assert_eq!((run.number, begun(&fake)), (2, 2));
    // The answer is lost: it is never sent again, and what began is found.
    fake.lock().unwrap().old = false;
    fake.lock().unwrap().ill = Some(503);
    let run = github.dispatch(&dispatch(Some("mark-8"), &[("qd_id", "mark-8")])).await.unwrap().unwrap();
    assert_eq!((run.number, begun(&fake)), (3, 3));
    // Without a mark there are several that it could be.
    fake.lock().unwrap().ill = Some(500);
    let error = github.dispatch(&dispatch(None, &[])).await.unwrap_err();
    assert!(error.to_string().contains("not known") && begun(&fake) == 4, "{error}");
    let error = github.dispatch(&dispatch(None, &[("typo", "x")])).await.unwrap_err();
    assert!(error.to_string().contains("Unexpected inputs provided: [\"typo\"]") && begun(&fake) == 4, "{error}");
}

#[tokio::test]
async fn two_commits_are_compared_whatever_their_words_are() {
    let (fake, github) = server().await;
    let hostile = json!({ "status": "ahead", "ahead_by": 1, "behind_by": 0, "html_url": null,
        "commits": [{ "sha": COMMIT, "commit": { "message": "fix: \u{1b}]0;pwned\u{7}\u{202e}\r\n\nbody", "author": null }, "author": null }],
        "files": [{ "filename": "a\u{1b}[2J.js", "additions": 1, "deletions": 2, "changes": 3, "patch": "x".repeat(2 << 20) }] });
    fake.lock().unwrap().compared = vec![("feature%2Fx...v2", hostile)];
    fake.lock().unwrap().bad_gateway = 1;
    let read = github.compare("feature/x", "v2").await.unwrap();
    let lines = read.lines();
    assert_eq!((read.come, read.commits.len()), (1, 1));
    assert!(
        lines[1].1.starts_with("+ 9c1e000")
            && lines.iter().all(|(_, line)| !line.contains(['\u{1b}', '\u{202e}', '\r'])),
        "{lines:?}"
    );
    let why = async |status, headers, body: &str| {
        fake.lock().unwrap().instead = Some((status, headers, body.to_owned()));
        github.compare("v1", "v2").await.unwrap_err().to_string()
    };
    fake.lock().unwrap().instead = None;
    let unknown = github.compare("v1", "v9").await.unwrap_err().to_string();
    assert!(unknown.contains("no such thing, or the token has no permission"), "{unknown}");
    assert!(why(200, vec![], "<html>login</html>").await.contains("cannot be read"));
    assert!(why(200, vec![], r#"{"ahead_by":1,"behind_by":0,"commits":[{"#).await.contains("cannot be read"));
    assert!(why(200, vec![], &" ".repeat(9 << 20)).await.contains("longer than is read"));
    assert!(why(403, vec![("retry-after", "30".into())], "{}").await.contains("again in 30 s"));
    assert!(why(401, vec![], r#"{"message":"Bad test-token-1234"}"#).await.contains("token is not valid"));
    assert!(!why(422, vec![], r#"{"message":"test-token-1234"}"#).await.contains("test-token"));
}

#[tokio::test]
async fn a_log_is_read_where_it_lies_and_the_token_stays() {
    let (fake, github) = server().await;
    assert_eq!(github.log(5).await.unwrap(), ["##[error]no such table"]);
    assert!(!fake.lock().unwrap().leaked, "the token went along");
    fake.lock().unwrap().instead = Some((302, vec![("location", "http://198.51.100.1/x".into())], String::new()));
    assert!(github.log(5).await.unwrap_err().to_string().contains("not encrypted"));
    fake.lock().unwrap().instead = Some((302, vec![("location", "file:///etc/passwd".into())], String::new()));
    assert!(github.log(5).await.is_err());
    fake.lock().unwrap().instead = Some((410, vec![], String::new()));
    assert!(github.log(5).await.unwrap_err().to_string().contains("kept no more"));
}

#[tokio::test]
async fn what_it_refuses_is_said_so_that_it_can_be_mended() {
    let (fake, github) = server().await;
    let why = async |status, headers: &[(&'static str, &str)], body: &str| {
        let headers = headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        fake.lock().unwrap().instead = Some((status, headers, body.to_owned()));
        github.runs("deploy.yml", 10).await.unwrap_err().to_string()
    };
    assert!(why(403, &[("retry-after", "30")], "{}").await.contains("again in 30 s"));
    let reset = why(403, &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1770000000")], "{}").await;
    assert!(reset.contains("again at 2026-02-02T"), "{reset}");
    assert!(why(429, &[], r#"{"message":"You have exceeded a secondary rate limit"}"#).await.contains("in a minute"));
    assert!(why(404, &[], "{}").await.contains("no permission"));
    let needs =
        why(403, &[("x-accepted-github-permissions", "actions=write")], r#"{"message":"Resource not accessible"}"#)
            .await;
    assert!(needs.contains("Resource not accessible (it needs actions=write)"), "{needs}");
    assert!(
        why(403, &[("x-github-sso", "required; url=https://x")], "{}")
            .await
            .contains("authorised for the organisation")
    );
    let echo = why(400, &[], r#"{"message":"you sent Bearer test-token-1234\u001b]0;x"}"#).await;
    assert!(!echo.contains("test-token-1234") && !echo.contains('\u{1b}'), "{echo}");
    for hostile in ["", "[]", "{\"workflow_runs\":[{\"id\":\"x\"}]}", "<html>"] {
        assert!(why(200, &[], hostile).await.contains("cannot be read"), "{hostile}");
    }
    // A server that is ill for a moment is asked again.
    fake.lock().unwrap().instead = None;
    fake.lock().unwrap().bad_gateway = 2;
    assert!(github.runs("deploy.yml", 10).await.is_ok());
    fake.lock().unwrap().bad_gateway = 9;
    assert!(github.runs("deploy.yml", 10).await.unwrap_err().to_string().contains("502"));
}

/// Runs `qd` with a configuration of its own.
async fn qd(folder: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_qd"))
        .args(args)
        .arg("--config")
        .arg(folder.join("qd.toml"))
        .env_clear()
        .envs([
            ("HOME", folder.display().to_string()),
            ("PATH", std::env::var("PATH").unwrap()),
            ("TOKEN", "test-token-1234".into()),
            ("USER", "ana".into()),
        ])
        .output()
        .await
        .unwrap()
}

#[tokio::test]
async fn a_pipeline_is_held_approved_and_looked_at_from_the_shell() {
    let (fake, _) = server().await;
    let folder = tempfile::tempdir().unwrap();
    let port = fake.lock().unwrap().port;
    let text = format!(
        "version = 1\nenvironment = [{{ name = \"prod\", kind = \"production\" }}]\n[store]\npath = {:?}\n[[service]]\nname = \
         \"play\"\n[service.in.prod]\npipeline = {{ repo = \"acme/play\", workflow = \"deploy.yml\", environment = \"production\", \
         version_input = \"version\", token = \"env:TOKEN\", api = \"http://127.0.0.1:{port}\" }}\n",
        folder.path().join("qd.db").display().to_string()
    );
    std::fs::write(folder.path().join("qd.toml"), text).unwrap();
    {
        let mut fake = fake.lock().unwrap();
        let run = |number, status, conclusion, title: &str| (number, status, conclusion, title.to_owned());
        fake.runs = vec![
            run(812, "waiting", None, "v3"),
            run(811, "in_progress", None, "v2"),
            run(810, "completed", Some("failure"), "v1"),
        ];
    }
    let said = |output: &Output| {
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
    };
    let run = async |args: &[&str]| {
        let output = qd(folder.path(), args).await;
        (output.status.code(), said(&output))
    };
    let (code, text) = run(&["pipeline", "status", "play"]).await;
    assert!(code == Some(0) && text.contains("waiting for approval of production"), "{text}");
    // Nothing is done that nobody meant.
    let (code, text) = run(&["pipeline", "hold", "play"]).await;
    assert!(code == Some(5) && text.contains("--yes-i-mean play@prod"), "{text}");
    let (code, text) = run(&["pipeline", "hold", "play", "--yes-i-mean", "play@prod"]).await;
    assert!(code == Some(5) && text.contains("a reason is needed"), "{text}");
    assert_eq!(fake.lock().unwrap().acted, []);
    let consent = ["--yes-i-mean", "play@prod", "--reason", "v2 is bad"];
    // In production what would be done is read first, and its hash named.
    let (code, text) = run(&[&["pipeline", "hold", "play"][..], &consent].concat()).await;
    assert!(code == Some(5) && text.contains("--plan HASH"), "{text}");
    let sure = async |arguments: &[&str]| {
        let (code, text) = run(&[arguments, &["--dry-run"]].concat()).await;
        assert_eq!(code, Some(0), "{text}");
        let plan = text.trim_end().rsplit(' ').next().unwrap().to_owned();
        let acted = fake.lock().unwrap().acted.len();
        let (code, text) = run(&[arguments, &consent, &["--plan", &plan]].concat()).await;
        (code, text, plan, acted)
    };
    let (code, text) = run(&[&["pipeline", "hold", "play", "--plan", "00000000"][..], &consent].concat()).await;
    assert!(code == Some(5) && text.contains("something else by now"), "{text}");
    assert!(fake.lock().unwrap().acted.is_empty() && !fake.lock().unwrap().disabled);
    // Who may not approve is told so, and what runs is cancelled all the same.
    let (code, text, _, acted) = sure(&["pipeline", "hold", "play"]).await;
    assert!(acted == 0 && fake.lock().unwrap().disabled, "{text}");
    let (code_back, back, ..) = sure(&["pipeline", "release", "play"]).await;
    assert!(code_back == Some(0) && !fake.lock().unwrap().disabled, "{back}");
    assert!(
        code == Some(1) && text.contains("no reviewer of production") && text.contains("being cancelled"),
        "{text}"
    );
    fake.lock().unwrap().may_approve = true;
    let (code, text, plan, _) = sure(&["pipeline", "reject", "play", "--run", "812"]).await;
    assert!(code == Some(0) && text.contains("rejected for production"), "{text}");
    let acted = fake.lock().unwrap().acted.clone();
    assert_eq!(
        acted.iter().map(|(path, _)| path.as_str()).collect::<Vec<_>>(),
        ["/runs/1811/cancel", "/runs/1812/pending_deployments"]
    );
    assert_eq!(acted[1].1["environment_ids"], json!([9]), "the other environment is left alone");
    assert_eq!(acted[1].1["state"], "rejected");
    // What was read for one is no leave for another.
    let (code, text) =
        run(&[&["pipeline", "cancel", "play", "--run", "811", "--plan", &plan][..], &consent].concat()).await;
    assert!(code == Some(5) && text.contains("something else by now"), "{text}");
    let (code, text, ..) = sure(&["pipeline", "cancel", "play", "--run", "810"]).await;
    assert!(code == Some(5) && text.contains("run 810 of main by ann has ended: failure"), "{text}");
    let (code, text) = run(&["pipeline", "follow", "play", "--run", "810"]).await;
    assert!(code == Some(1) && text.contains("no such table") && text.contains("failure"), "{text}");
    let (code, text, ..) = sure(&["pipeline", "dispatch", "play", "--version", "v4"]).await;
    assert!(code == Some(0) && text.contains("run 813 of main by ann began"), "{text}");
    let (_, text) = run(&["audit"]).await;
    for what in ["pipeline.reject", "pipeline.cancel", "pipeline.dispatch", "pipeline.failed", "v2 is bad"] {
        assert!(text.contains(what), "{what}: {text}");
    }
    assert!(!text.contains("test-token-1234"));
}

fn pipeline(port: u16) -> Pipeline {
    Pipeline {
        environment: Some("production".into()),
        api: format!("http://127.0.0.1:{port}"),
        ..Pipeline::new("acme/play", "deploy.yml", "env:TOKEN")
    }
}

fn surroundings() -> Env {
    Env::new("/nonexistent", [("TOKEN", "test-token-1234")])
}

#[tokio::test]
async fn a_pipeline_is_held_as_it_was_confirmed_and_what_cannot_be_is_said() {
    let (fake, _) = server().await;
    let port = fake.lock().unwrap().port;
    let (of, env) = (pipeline(port), surroundings());
    let run = |number, status, conclusion| (number, status, conclusion, String::new());
    {
        let mut fake = fake.lock().unwrap();
        fake.may_approve = true;
        fake.runs = vec![
            run(814, "waiting", None),
            run(813, "queued", None),
            run(812, "in_progress", None),
            run(811, "completed", Some("success")),
        ];
    }
    let hold = |disables| PipelineHold {
        repo: of.repo.clone(),
        workflow: of.workflow.clone(),
        branch: of.branch.clone(),
        disables,
    };
    let held = runtime::hold(&of, &env, &hold(true), "ana went back").await;
    assert_eq!((held.disabled, held.commit.as_deref()), (true, Some(COMMIT)));
    let acted = fake.lock().unwrap().acted.clone();
    let paths: Vec<&str> = acted.iter().map(|(path, _)| path.as_str()).collect();
    assert_eq!(paths, ["/runs/1814/pending_deployments", "/runs/1813/cancel"], "what runs is left to end");
    assert_eq!((&acted[0].1["state"], &acted[0].1["environment_ids"]), (&json!("rejected"), &json!([9])));
    assert!(held.error.as_ref().unwrap().contains("run 812 of main by ann: it runs already"), "{held:?}");
    // The token's user is no reviewer: what waits is cancelled.
    fake.lock().unwrap().may_approve = false;
    fake.lock().unwrap().acted.clear();
    fake.lock().unwrap().disabled = false;
    let held = runtime::hold(&of, &env, &hold(false), "").await;
    assert!(!held.disabled && !fake.lock().unwrap().disabled);
    assert_eq!(fake.lock().unwrap().acted[0].0, "/runs/1814/cancel");
    // Hostile, ill and silent servers hold nothing, and it is said.
    for (status, body) in [(200, "[]"), (200, "\u{1b}]0;x\u{7}"), (403, "{}"), (500, ""), (204, ""), (304, "")] {
        fake.lock().unwrap().instead = Some((status, vec![("etag", "x".into())], body.to_owned()));
        let held = runtime::hold(&of, &env, &hold(true), "").await;
        let why = held.error.unwrap();
        assert!(held.commit.is_none() && !why.contains('\u{1b}') && !why.contains("test-token"), "{status}: {why}");
    }
    let gone = Pipeline { api: "http://127.0.0.1:1".into(), ..of.clone() };
    let held = runtime::hold(&gone, &env, &hold(true), "").await;
    assert!(held.error.unwrap().contains("does not answer") && !held.disabled);
    let held = runtime::hold(&of, &Env::new("/nonexistent", []), &hold(true), "").await;
    assert!(held.error.unwrap().contains("its token"));
}

#[tokio::test]
async fn what_is_not_answered_is_neither_done_nor_refused() {
    let (fake, github) = server().await;
    let of = pipeline(fake.lock().unwrap().port);
    fake.lock().unwrap().runs = vec![(812, "in_progress", None, "v3".into()), (811, "completed", None, "v2".into())];
    let deed = async |number: u64, verb| {
        let run = github.run(number + 1_000).await.unwrap();
        Deed::of_run(&run, verb)
    };
    let (cancel, late) = (deed(812, PipelineVerb::Cancel).await, deed(811, PipelineVerb::Cancel).await);
    let by = "ana".into();
    let means = Means { by: &by, reason: "v3 is bad", now: Timestamp(0) };
    let act = async |deed: &Deed| runtime::carry_out(&github, &of, deed, means).await;
    assert!(matches!(act(&cancel).await, (Acted::Done(_), Some(1_812))));
    let (refused, _) = act(&late).await;
    assert!(matches!(&refused, Acted::Refused(why) if why.contains("too late")), "{refused:?}");
    for status in [500, 502, 504] {
        fake.lock().unwrap().instead = Some((status, vec![], "\u{1b}[2Joops".into()));
        for one in [&cancel, &Deed::Enable { workflow: "deploy.yml".into(), on: false }] {
            let (acted, _) = act(one).await;
            assert!(
                matches!(&acted, Acted::Unknown(why) if why.contains("not known") && !why.contains('\u{1b}')),
                "{acted:?}"
            );
        }
    }
    // What was not even reached did nothing.
    let gone = GitHub::new(Client::new(Trust::system()), "http://127.0.0.1:1", "acme/play", "x".to_owned().into());
    let (acted, _) = runtime::carry_out(&gone, &of, &cancel, means).await;
    assert!(matches!(&acted, Acted::Refused(why) if why.contains("not done")), "{acted:?}");
}

#[tokio::test]
async fn a_pipeline_is_looked_at_as_a_person_watches_it() {
    let (fake, _) = server().await;
    let (of, env) = (pipeline(fake.lock().unwrap().port), surroundings());
    fake.lock().unwrap().runs =
        vec![(813, "waiting", None, "v3".into()), (812, "completed", Some("failure"), "v2".into())];
    let clock = quarterdeck::runtime::clock::SystemClock::new();
    let look = async |run, log| {
        let look = Look { service: "play@prod".parse().unwrap(), run, log };
        runtime::look(&of, &env, &look, &clock).await
    };
    let told = look(None, None).await.unwrap();
    assert_eq!((told.workflow.as_deref(), told.runs.len()), (Ok("active"), 2));
    assert_eq!(told.runs[0].waits_for, ["production", "lab"]);
    let (run, jobs) = told.jobs.unwrap();
    let jobs = jobs.unwrap();
    assert_eq!((run, jobs[0].is_bad(), jobs[0].name.contains('\u{1b}')), (1_813, true, false));
    let told = look(Some(1_812), Some(5)).await.unwrap();
    assert_eq!(told.log.unwrap().1.unwrap().lines, ["##[error]no such table"]);
    fake.lock().unwrap().disabled = true;
    assert_eq!(look(None, None).await.unwrap().workflow.as_deref(), Ok("disabled_manually"));
    for hostile in ["", "[]", "{\"workflow_runs\":[{\"id\":\"x\"}]}", "\u{1b}[2J"] {
        fake.lock().unwrap().instead = Some((200, vec![], hostile.into()));
        assert!(!look(None, None).await.unwrap_err().contains('\u{1b}'), "{hostile:?}");
    }
}

#[tokio::test]
async fn what_a_run_left_is_a_build_like_any_other() {
    let (fake, _) = server().await;
    let (of, env) = (pipeline(fake.lock().unwrap().port), surroundings());
    let home = tempfile::tempdir().unwrap();
    let tasks = quarterdeck::tasks::Tasks::new(tokio::runtime::Handle::current(), |_| {});
    let reader = build::Reader {
        tasks,
        builds: home.path().join("builds"),
        tell: std::sync::Arc::new(|_| {}),
        stop: std::sync::Arc::default(),
    };
    let read = async |named: &str, version| {
        let wanted = ArtifactName::parse(named).unwrap();
        reader.artifact(&of, &env, &wanted, version).await.map_err(|error| error.to_string())
    };
    let (folder, said) = zipped(&[("server.js", "one"), ("bin/start", "x")]);
    let (packed, packed_said) = zipped(&[("v4.tar.gz", "an archive")]);
    {
        let mut fake = fake.lock().unwrap();
        fake.runs = [812, 811, 810, 809].map(|number| (number, "completed", Some("success"), String::new())).into();
        fake.left = vec![
            (1_812, "play", folder.clone(), Some(said.clone())),
            (1_811, "play", packed, Some(packed_said)),
            (1_811, "notes", folder.clone(), None),
            (1_810, "play", folder.clone(), Some(format!("sha256:{}", "0".repeat(64)))),
            (1_810, "old", Vec::new(), None),
            (1_810, "none", b"<html>".to_vec(), None),
        ];
    }
    let build = read("run:812", None).await.unwrap();
    assert_eq!((build.version.as_str(), build.made), ("9c1e00000", Timestamp(1_893_456_600_000)));
    assert!(std::path::Path::new(&build.path).exists(), "{}", build.path);
    assert_eq!(read("run:1812/play", Some("v9")).await.unwrap().sha256, build.sha256, "what is alike hashes alike");
    let build = read("run:811/play", None).await.unwrap();
    assert_eq!((build.version.as_str(), build.bytes), ("v4", 10));
    assert!(build.path.ends_with("builds/run-811-v4.tar.gz"), "{}", build.path);
    for (named, why) in [
        ("run:811", "it left several: name one of play, notes"),
        ("run:811/web", "it left no \"web\", but play, notes"),
        ("run:810/play", "is not what GitHub says it is"),
        ("run:810/old", "old is kept no more"),
        ("run:810/none", "it is no zip"),
        ("run:809", "it left nothing to be brought out (success)"),
        ("run:7", "no run 7 among its newest"),
    ] {
        let said = read(named, None).await.unwrap_err();
        assert!(said.contains(why), "{named}: {said}");
    }
    assert!(!fake.lock().unwrap().leaked, "the token went along");
    // Nothing is left of what was read on the way.
    let left: Vec<_> = std::fs::read_dir(home.path().join("builds")).unwrap().flatten().collect();
    assert!(left.iter().all(|entry| entry.path().is_file()), "{left:?}");
}

#[tokio::test]
async fn a_branch_that_takes_it_back_is_seen_and_asked_about_cheaply() {
    let (fake, _) = server().await;
    let port = fake.lock().unwrap().port;
    let (of, env) = (pipeline(port), surroundings());
    let reverted = async || runtime::reverted(&of, &env, COMMIT).await;
    let (back, again) = ("bbbb000000000000000000000000000000000000", "cccc000000000000000000000000000000000000");
    fake.lock().unwrap().commits = vec![(COMMIT, "feat: v2".into())];
    assert_eq!(reverted().await, Ok(None));
    assert_eq!(reverted().await, Ok(None));
    assert_eq!(fake.lock().unwrap().unchanged, 1, "what did not change is not sent again");
    let message = format!("Revert \"feat: v2\"\n\nThis reverts commit {COMMIT}.");
    fake.lock().unwrap().commits.insert(0, (back, message));
    assert_eq!(reverted().await, Ok(Some(back.to_owned())));
    // The revert is taken back too: the version comes with the next push again.
    fake.lock().unwrap().commits.insert(0, (again, format!("Reapply\n\nThis reverts commit {back}.")));
    assert_eq!(reverted().await, Ok(None));
    // Who only talks of it takes nothing back.
    let talk =
        vec![(back, format!("docs: This reverts commit {COMMIT} maybe\nThis reverts commit 9c.\nThis reverts commit"))];
    fake.lock().unwrap().commits = talk;
    fake.lock().unwrap().commits.extend([(COMMIT, String::new()), (COMMIT, String::new()), (COMMIT, String::new())]);
    assert_eq!(reverted().await, Ok(None));
    for body in ["", "{}", "[{}]", "[{\"sha\":7}]", "[1]", "\u{1b}[2J"] {
        fake.lock().unwrap().instead = Some((200, vec![], body.to_owned()));
        assert!(reverted().await.unwrap_err().contains("cannot be read"), "{body:?}");
    }
    fake.lock().unwrap().instead = Some((304, vec![], String::new()));
    assert!(runtime::reverted(&Pipeline { branch: "other".into(), ..of.clone() }, &env, COMMIT).await.is_err());
}
