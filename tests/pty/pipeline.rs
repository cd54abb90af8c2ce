//! The pipeline of a service in the console: what waits is approved through the gate, and what is lost is told.
use std::{fs, path::Path};

use crate::{
    hub::{self, Shared},
    pty::{Terminal, command, qd},
};

const F4: &str = "\x1bOS";

fn configured(home: &Path, port: u16) -> String {
    let config = home.join("qd.toml");
    let text = format!(
        "version = 1\nenvironment = [{{ name = \"prod\", kind = \"production\" }}]\nstore = {{ path = {:?} }}\n[[service]]\n\
         name = \"play\"\n[service.in.prod]\npipeline = {{ repo = \"acme/play\", workflow = \"deploy.yml\", environment = \
         \"production\", version_input = \"version\", token = \"env:TOKEN\", api = \"http://127.0.0.1:{port}\" }}\n",
        home.join("qd.db")
    );
    fs::write(&config, text).unwrap();
    config.to_str().unwrap().to_owned()
}

fn acted(fake: &Shared) -> Vec<String> {
    fake.lock().unwrap().acted.iter().map(|(path, _)| path.clone()).collect()
}

#[test]
fn what_waits_is_approved_through_the_gate_and_a_server_that_is_gone_is_said() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (fake, _) = runtime.block_on(hub::server());
    {
        let mut fake = fake.lock().unwrap();
        (fake.may_approve, fake.lives) = (true, true);
        let run = |number, status, conclusion, title: &str| (number, status, conclusion, title.to_owned());
        fake.runs = vec![
            run(814, "waiting", None, "fix: give connections back"),
            run(813, "in_progress", None, "ci: cache the packages"),
            run(812, "completed", Some("failure"), "feat: pool of streams"),
        ];
    }
    let home = tempfile::tempdir().unwrap();
    let config = configured(home.path(), fake.lock().unwrap().port);
    let mut start = command(&qd(), home.path(), &["--config", &config]);
    start.env("TOKEN", "test-token-1234");
    let mut terminal = Terminal::start(start, 80, 24);
    terminal.until("the service", |text| text.contains("▸") && text.contains("play"));
    terminal.keys("C");
    terminal.shows("waiting for approval of pr");
    // What failed is told with the end of its log, wherever the cursor is.
    terminal.shows("##[error]no such table");

    // What makes no sense for a run is said, and asks for nothing.
    terminal.keys("e");
    terminal.shows("has not ended");
    terminal.keys("V");
    terminal.shows("Approve run 814 of main by ann");
    terminal.shows("the token's user is a reviewer");
    terminal.until("the keys typed before are dropped", |text| text.contains("write is not armed"));
    terminal.keys("\r");
    terminal.shows("looking only");
    terminal.keys(F4);
    terminal.until("it is armed", |text| !text.contains("write is not armed for prod: "));
    terminal.keys("pla\r");
    terminal.shows("type the service name to go on");
    terminal.keys("y\r");
    terminal.shows("say why");
    assert_eq!(acted(&fake), [""; 0], "nothing was done yet");
    terminal.keys("\tthe fix is needed\r");
    terminal.shows("Esc");
    terminal.shows("approved for production");
    assert_eq!(acted(&fake), ["/runs/1814/pending_deployments"]);
    assert_eq!(fake.lock().unwrap().acted[0].1["environment_ids"], serde_json::json!([9]), "no other environment");
    terminal.until("it goes on", |text| {
        text.lines().any(|line| line.contains("814") && line.contains("in progress") && line.contains("▸"))
    });

    // A version is asked for before a run begins; one that is none is refused where it is typed.
    terminal.keys("+");
    terminal.shows("the version to bring out");
    terminal.keys("v 4\r");
    terminal.shows("a plain version");
    terminal.keys("\x1b");
    terminal.until("the box is closed", |text| !text.contains("a plain version"));

    // The server is gone: what it said stays, and that it is old is said; nothing is taken for done.
    fake.lock().unwrap().instead = Some((503, vec![], "oops".to_owned()));
    terminal.until("it is said", |text| text.contains("503") && text.contains("what is shown is of before"));
    terminal.keys("S");
    terminal.until("no review without an answer", |text| text.contains("play@prod: GitHub: 503"));
    fake.lock().unwrap().instead = None;
    terminal.until("it is back", |text| !text.contains("what is shown is of before"));
    terminal.keys("q");
    terminal.until("the overview", |text| text.contains("Services"));
    terminal.keys("q");
    terminal.ended().clean();

    let output =
        std::process::Command::new(qd()).args(["audit", "--config", &config]).env("HOME", home.path()).output();
    let text = String::from_utf8(output.unwrap().stdout).unwrap();
    for what in ["write.armed", "pipeline.approve", "the fix is needed", "pipeline.done", "approved for production"] {
        assert!(text.contains(what), "{what}: {text}");
    }
    assert!(!text.contains("test-token-1234"), "{text}");
}
