//! `qd runbook` as a person meets it, on this machine as a host: what looks runs at once, what changes only through the gate.
use std::{path::Path, process::Output};

use quarterdeck::{
    core::{
        alerts::Severity,
        id::{IncidentId, Uid},
        incidents::{self, IncidentEvent, IncidentEventKind, StepMark, StoredIncidentEvent},
        record::Row,
        runbooks::{counts, notes, patch},
        time::Timestamp,
    },
    parse::runbook,
    store::{self, Since, Sqlite, Store as _},
};
use serde_json::Value;

const BOOK: &str = "# Queue\n\n## Depth\n\nHow much waits.\n\n```sh read on=first expect=\"number < 5\"\ncat \"$QD_FOLDER/depth\"\n```\n\n## Empty it\n\nWhat waits is lost.\n\n```sh change takes=folder:path\n# empty it\necho 0 >\"$QD_FOLDER/depth\"\n```\n\n```sh undo\necho back >>\"$QD_FOLDER/undone\"\n```\n\n## Nobody knows\n\n```sh read\nno-such-program-of-ours\n```\n";

struct Home {
    folder: tempfile::TempDir,
}

impl Home {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = format!(
            "version = 1\nrunbooks = [\"*.md\"]\nenvironment = [{{ name = \"stage\", kind = \"staging\" }}]\nhost = [{{ name = \"here\", env = \
             \"stage\", address = \"local\" }}]\n[store]\npath = {:?}\n[[service]]\nname = \"queue\"\n[service.in.stage]\nhosts = [\"here\"]\n",
            folder.path().join("qd.db").display().to_string()
        );
        std::fs::write(folder.path().join("qd.toml"), config).unwrap();
        std::fs::write(folder.path().join("queue.md"), BOOK).unwrap();
        Self { folder }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn depth(&self, text: &str) {
        std::fs::write(self.path().join("depth"), text).unwrap();
    }

    fn qd(&self, args: &[&str]) -> (i32, String, String) {
        self.qd_of("runbook", args)
    }

    fn qd_of(&self, verb: &str, args: &[&str]) -> (i32, String, String) {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_qd"));
        command.arg(verb).args(args).arg("--config").arg(self.path().join("qd.toml"));
        let Output { status, stdout, stderr } =
            command.env("HOME", self.path()).env("XDG_STATE_HOME", self.path()).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (status.code().unwrap(), text(stdout), text(stderr))
    }

    /// Opens an incident of a service.
    fn incident(&self, service: &str) {
        let kind = IncidentEventKind::Opened {
            title: "it grows".into(),
            severity: Severity::P2,
            service: Some(service.parse().unwrap()),
        };
        let event = IncidentEvent { incident: Uid([7; 6]), at: Timestamp(1_795_144_361_000), by: "ana".into(), kind };
        self.store().commit(&[Row::Incident(event)], None).unwrap();
    }

    fn store(&self) -> Sqlite {
        Sqlite::open(&self.path().join("qd.db"), &store::Options::default()).unwrap()
    }

    /// What the incident's timeline has.
    fn timeline(&self) -> Vec<IncidentEventKind> {
        let since = Since { events: Timestamp(i64::MIN), results: Timestamp(0) };
        self.store().open_state(since).unwrap().incidents.into_iter().map(|stored| stored.event.kind).collect()
    }

    /// What the audit log has, without what each entry is about in detail.
    fn audit(&self) -> Vec<(String, String, String)> {
        let log = self.store().audit(Timestamp(i64::MIN)).unwrap();
        log.entries.into_iter().map(|(.., entry)| (entry.what, entry.target, entry.detail)).collect()
    }

    fn folder(&self) -> String {
        format!("folder={}", self.path().display())
    }
}

#[test]
fn what_looks_runs_at_once_and_is_held_against_what_it_must_be() {
    let home = Home::new();
    let (code, said, _) = home.qd(&["list"]);
    assert!(code == 0 && said.contains("queue") && said.contains("Queue"), "{said}");
    let run =
        |more: &[&str]| home.qd(&[&["run", "queue", "--on", "queue@stage", "--param", &home.folder()], more].concat());

    home.depth("3\n");
    let (code, said, _) = run(&["--step", "1"]);
    assert_eq!((code, said.contains("here: as it must be")), (0, true), "{said}");
    home.depth("7\n");
    let (code, said, _) = run(&[]);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("here: NOT as it must be: 7 is not < 5"), "{said}");
    assert!(said.contains("not run: it changes something: --step 2"), "{said}");
    assert!(said.contains("here: unknown: exit 127"), "{said}");
    assert_eq!(std::fs::read_to_string(home.path().join("depth")).unwrap(), "7\n", "nothing was changed");
    home.depth("nobody knows");
    let (code, said, _) = run(&["--step", "depth", "--json"]);
    let json: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(
        (code, json["schema"].as_str(), &json["data"][0]["hosts"][0]["met"]),
        (3, Some("qd.runbook.run/1"), &Value::Null)
    );

    // On a host by its name, and on one that it does not run on.
    let on = |place: &str| home.qd(&["run", "queue", "--on", place, "--step", "1", "--param", &home.folder()]);
    home.depth("1");
    assert_eq!((on("here").0, on("here/queue").0), (0, 0));
    assert!(on("nowhere").2.contains("no service"), "{:?}", on("nowhere"));
}

#[test]
fn what_changes_goes_through_the_gate_and_takes_only_what_fits() {
    let home = Home::new();
    home.depth("7\n");
    let run = |param: &str, more: &[&str]| {
        home.qd(&[&["run", "queue", "--on", "queue@stage", "--step", "empty-it", "--param", param], more].concat())
    };
    let (code, said, told) = run(&home.folder(), &["--dry-run"]);
    assert!(code == 0 && said.contains("nothing was changed; plan "), "{said}{told}");
    assert!(said.contains("empty it (queue/empty-it)"), "{said}");
    let (code, _, told) = run(&home.folder(), &[]);
    assert!(code == 5 && told.contains("--yes-i-mean queue@stage"), "{told}");
    let (code, _, told) = run("folder=../etc", &["--yes-i-mean", "queue@stage"]);
    assert!(code == 5 && told.contains("must be a path from the root"), "{told}");
    let (code, _, told) = run("fodler=/x", &["--yes-i-mean", "queue@stage"]);
    assert!(code == 5 && told.contains("is given `fodler`, and it takes folder"), "{told}");
    assert_eq!(std::fs::read_to_string(home.path().join("depth")).unwrap(), "7\n", "nothing was changed");
    let (code, said, told) = run(&home.folder(), &["--yes-i-mean", "queue@stage"]);
    assert_eq!((code, std::fs::read_to_string(home.path().join("depth")).unwrap().trim()), (0, "0"), "{said}{told}");
    assert!(!home.path().join("undone").exists());
    let (code, said, told) = home.qd(&["diff", "queue"]);
    assert!(code == 0 && said.is_empty() && told.contains("LEFT OUT"), "nobody said anything of it: {said}{told}");
    let (code, _, told) = home.qd(&["run", "queue", "--on", "here", "--step", "2"]);
    assert!(code != 0 && told.contains("name the service"), "{told}");
}

#[test]
fn what_is_run_from_the_shell_is_on_the_audit_and_in_the_timeline_of_the_incident_that_is_named() {
    let home = Home::new();
    home.depth("7\n");
    let run =
        |more: &[&str]| home.qd(&[&["run", "queue", "--on", "queue@stage", "--param", &home.folder()], more].concat());
    let (code, _, told) = run(&["--step", "1", "--incident", "INC-1"]);
    assert!(code != 0 && told.contains("there is no store"), "no incident without a store: {told}");
    // Without an incident a look is on the audit, and what changes is planned only.
    assert_eq!(run(&["--step", "1"]).0, 1);
    assert_eq!(run(&["--step", "2", "--dry-run"]).0, 0);
    let seen =
        ("runbook.looked".to_owned(), "here".to_owned(), "queue/depth NOT as it must be: 7 is not < 5".to_owned());
    assert_eq!(home.audit(), std::slice::from_ref(&seen));

    home.incident("queue@stage");
    let (code, _, told) = run(&["--incident", "INC-9"]);
    assert!(code != 0 && told.contains("no incident `INC-9`") && told.contains("INC-1 it grows"), "{told}");
    let (code, said, told) = run(&["--incident", "1", "--json"]);
    let json: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(
        (code, &json["data"][0]["incident"], &json["data"][1]["incident"]),
        (1, &"INC-1".into(), &Value::Null),
        "{told}"
    );
    let timeline = home.timeline();
    let [
        _,
        IncidentEventKind::Command { host, exit, output, sha256, of, .. },
        IncidentEventKind::Command { of: unknown, .. },
    ] = &timeline[..]
    else {
        panic!("{timeline:?}")
    };
    let of = of.as_ref().unwrap();
    assert_eq!((host.as_str(), *exit, output.as_str(), sha256.len()), ("here", Some(0), "7", 64));
    assert_eq!((of.book.as_str(), of.step.as_str(), of.met), ("queue", "depth", Some(false)));
    assert_eq!(unknown.as_ref().unwrap().met, None);
    assert_eq!((home.audit().len(), home.audit()[1].clone()), (3, seen));

    // A change goes through the gate, and its run belongs to the incident; nothing of a refused one does.
    let change = |incident: &str, yes: &str| run(&["--step", "2", "--incident", incident, "--yes-i-mean", yes]);
    assert_eq!((change("INC-1", "other@stage").0, change("INC-9", "queue@stage").0), (5, 5));
    assert_eq!((home.timeline().len(), home.audit().len()), (3, 3));
    let (code, said, told) = change("INC-1", "queue@stage");
    assert_eq!(code, 0, "{said}{told}");
    let timeline = home.timeline();
    let words: Vec<&str> = timeline.iter().skip(3).map(IncidentEventKind::word).collect();
    assert_eq!(words, ["action", "runbook", "result"]);
    assert_eq!(home.audit()[3].0, "run.confirmed");
    let (code, said, _) = home.qd_of("incidents", &["INC-1"]);
    assert!(code == 0 && said.contains("queue/depth"), "it is in the document: {said}");
}

#[test]
fn what_is_wrong_with_a_file_is_told_with_its_place() {
    let home = Home::new();
    let file = home.path().join("odd.md");
    std::fs::write(&file, "# Odd\n\n## Look\n\n```sh read expcet=empty\nx\n```\n").unwrap();
    let name = file.display().to_string();
    let (code, said, _) = home.qd(&["check", &name]);
    assert!(code == 2 && said.contains("odd.md:5:12: \"expcet=empty\" cannot be read\n  help: known:"), "{said}");
    let (code, _, told) = home.qd(&["run", &name, "--on", "here"]);
    assert!(code != 0 && told.contains("odd.md:5:12"), "what has a fault is not run: {told}");
    std::fs::write(&file, "# Fine\n\n## Look\n\n```sh read\ntrue\n```\n").unwrap();
    assert_eq!(
        (home.qd(&["check", &name]).0, home.qd(&["run", &name, "--on", "here"]).0),
        (0, 0),
        "the configuration need not name a file"
    );
    let (code, said, _) = home.qd(&["show", "queue"]);
    assert!(code == 0 && said.contains("must: number < 5") && said.contains("way back:"), "{said}");
}

#[test]
fn every_runbook_that_is_shipped_is_read_without_a_fault() {
    let mut found = 0;
    for folder in ["", "cdn", "email-saas", "video-streaming"] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/runbooks").join(folder);
        for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.extension().is_none_or(|ending| ending != "md") {
                continue;
            }
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            let (book, faults) = runbook::read(&name, &std::fs::read_to_string(&path).unwrap());
            assert_eq!(faults, [], "{}", path.display());
            assert!(!book.title.is_empty() && !book.steps.is_empty(), "{}", path.display());
            // A look that nobody holds against anything is there to be read; a book of nothing else would never tell a fault.
            assert!(name == "edge" || book.steps.iter().any(|step| !step.expect.is_empty()), "{}", path.display());
            found += 1;
        }
    }
    assert!(found >= 20, "{found}");
}

/// Incidents, each with what was said of the steps of `queue`.
fn said(all: &[&[(&str, StepMark, &str)]]) -> incidents::State {
    let mut known = incidents::State::default();
    for (number, marks) in (1_u8..).zip(all) {
        let (incident, by) = (Uid([number; 6]), "ana");
        let opened = IncidentEventKind::Opened { title: "slow".into(), severity: Severity::P3, service: None };
        let marked = marks.iter().map(|(step, mark, note)| IncidentEventKind::StepMarked {
            book: "queue".into(),
            step: (*step).into(),
            mark: *mark,
            note: (*note).into(),
        });
        let stored = std::iter::once(opened).chain(marked).zip(1..).map(|(kind, seq)| StoredIncidentEvent {
            number: IncidentId(u64::from(number)),
            seq,
            event: IncidentEvent { incident, at: Timestamp(1_795_144_361_000), by: by.into(), kind },
        });
        let out = incidents::update(&mut known, incidents::Msg::Stored(stored.collect()), Timestamp(0), &by.into());
        assert_eq!(out.rows, []);
    }
    known
}

#[test]
fn what_incidents_taught_is_a_patch_that_git_takes_once() {
    let wrong = "it is `llen jobs` by now\n```sh\nrm -rf /\n```";
    let used = ("depth", StepMark::Done, "");
    let known = said(&[
        &[used, ("depth", StepMark::Wrong, wrong)],
        &[used, ("empty-it", StepMark::Skipped, "")],
        &[used, ("empty-it", StepMark::Done, ""), ("empty-it", StepMark::Open, "")],
        &[],
    ]);
    let all: Vec<_> = known.incidents.values().collect();
    for end in ["", "last line without a break"] {
        let folder = tempfile::tempdir().unwrap();
        let (file, text) = (folder.path().join("queue.md"), format!("{BOOK}{end}"));
        std::fs::write(&file, &text).unwrap();
        let (book, _) = runbook::read("queue", &text);
        let of = |step: &str| counts(&book, book.step(step).unwrap(), all.iter().copied());
        assert_eq!(
            (of("depth").used, of("depth").wrong, of("empty-it").skipped),
            (3, 1, 3),
            "the fourth used nothing of it"
        );
        let diff = patch("queue.md", &text, &notes(&book, &text, &all));
        std::fs::write(folder.path().join("diff"), &diff).unwrap();
        let git =
            std::process::Command::new("git").args(["apply", "diff"]).current_dir(folder.path()).output().unwrap();
        assert!(git.status.success(), "{}{diff}", String::from_utf8_lossy(&git.stderr));
        let text = std::fs::read_to_string(&file).unwrap();
        let (after, faults) = runbook::read("queue", &text);
        assert_eq!((faults, after.steps.len()), (Vec::new(), book.steps.len()), "a note begins no step: {text}");
        assert!(
            after
                .step("depth")
                .unwrap()
                .prose
                .contains("> Wrong, says ana in INC-1 on 2026-11-20: it is 'llen jobs' by now"),
            "{text}"
        );
        assert!(after.step("empty-it").unwrap().prose.contains("> Left out in all of 3 incidents."), "{text}");
        assert!(notes(&after, &text, &all).is_empty(), "it is said once");
    }
}
