//! The document of an incident: from a night that was lived through, and by `qd incidents` from a store.
use quarterdeck::{
    core::{
        Effect, Msg,
        action::Action,
        alerts::Severity,
        documents::{self, DraftName},
        incidents::{
            Document, Guard, IncidentEvent, IncidentEventKind, Link, Section, document::DocumentAction,
            evidence::sha256, policy::Template,
        },
        outbox::{Item, OutboxEvent, OutboxEventKind, Remote, Write, for_event, token_of},
        record::Row,
        screen::{Draft, View},
        time::{Mono, Now},
        update,
    },
    render,
    store::{Options, Sqlite, Store as _},
};

use crate::{
    json::{Desk, service},
    night::{AT, Night},
    papers,
};

fn shipped(of: &Document) -> String {
    render::incident(of, ("incident.md", render::INCIDENT)).unwrap()
}

fn document(night: &Night) -> Document {
    let of = night.state.incidents.incidents.values().next().unwrap();
    night.state.document(of, night.now.utc)
}

#[test]
fn the_facts_of_a_night_are_written_by_themselves() {
    let night = Night::new().diagnosed().ended();
    insta::assert_snapshot!("document", shipped(&document(&night)));
}

#[test]
fn what_nobody_knows_is_not_known() {
    let night = Night::new();
    let mut of = document(&night);
    (of.lead, of.service, of.class) = (None, None, None);
    let text = shipped(&of);
    for line in ["| Type | not known |", "| Service | not known |", "| Led by | not known |", "- Users: not known"] {
        assert!(text.lines().any(|known| known == line), "{line}\n{text}");
    }
    assert!(text.contains("- Over: not known") && text.contains("*Not written yet.*"), "{text}");
    assert!(!text.contains("None") && !text.contains("undefined"), "{text}");
}

fn told() -> Vec<Row> {
    let hostile = "| x |\n# owned <img src=x> \u{1b}]0;title\u{7}`rm -rf /`";
    let event = |minute: i64, kind| {
        let (incident, at) = (quarterdeck::core::id::Uid([7; 6]), AT + minute * 60_000);
        Row::Incident(IncidentEvent { incident, at, by: "ana".into(), kind })
    };
    let kept = IncidentEventKind::Pinned {
        what: "2 log lines".into(),
        source: "play-01 /var/log/a".into(),
        body: "```\n# not a heading\n".into(),
        sha256: sha256("```\n# not a heading\n"),
    };
    vec![
        event(
            0,
            IncidentEventKind::Opened {
                title: hostile.into(),
                severity: Severity::P1,
                service: Some("play@prod".parse().unwrap()),
            },
        ),
        event(1, IncidentEventKind::Acknowledged),
        event(2, IncidentEventKind::Note { text: hostile.into() }),
        event(3, kept),
        event(
            4,
            IncidentEventKind::Section { section: Section::RootCause, text: "# Ours\nthe *pool*\n```\nopen".into() },
        ),
        event(5, IncidentEventKind::Resolved { summary: "all checks are up".into() }),
    ]
}

fn desk() -> Desk {
    let desk = Desk::new(&service("play", "127.0.0.1:1"));
    let mut store = Sqlite::open(&desk.dir.path().join("qd.db"), &Options::default()).unwrap();
    store.commit(&told(), None).unwrap();
    desk
}

#[tokio::test]
async fn it_is_printed_whatever_was_written_into_the_incident() {
    let desk = desk();
    let output = desk.output(&["incidents", "INC-1"]).await;
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let headings: Vec<&str> = text.lines().filter(|line| line.starts_with("# ") || line.starts_with("## ")).collect();
    // One of the lines is in a fence that is longer than the marks in it.
    assert_eq!(headings.len(), 1 + 10 + 1, "{text}");
    assert!(text.contains("````text\n```\n# not a heading\n````"), "{text}");
    assert!(text.contains("### Ours\nthe *pool*\n```\nopen\n```\n"), "{text}");
    assert!(!text.contains('\u{1b}') && !text.replace("\\<img", "").contains("<img"), "{text}");
    for line in text.lines().filter(|line| line.starts_with("| +")) {
        let bars = line.replace("\\|", "").matches('|').count();
        assert_eq!(bars, 6, "{line}");
    }
}

#[tokio::test]
async fn lists_and_documents_have_their_json() {
    let desk = desk();
    // Whether the document's clock is over depends on the day on which this runs.
    let json = desk.json(&["incidents", "--all"]).await.replace("\"late\": true", "\"late\": false");
    insta::assert_snapshot!("json-incidents", json);
    let json = desk.json(&["incidents", "1"]).await;
    assert!(json.contains("qd.document/1") && json.contains("\"root_cause\": \"# Ours"), "{json}");
    let output = desk.output(&["incidents", "INC-9"]).await;
    let err = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{err}");
    assert!(err.contains("no incident `INC-9`") && err.contains("there are: INC-1"), "{err}");
}

#[tokio::test]
async fn the_document_has_what_was_done_and_kept_in_what_went_into_it() {
    let desk = desk();
    let event = |incident: u8, minute: i64, kind| {
        let incident = quarterdeck::core::id::Uid([incident; 6]);
        Row::Incident(IncidentEvent { incident, at: AT + minute * 60_000, by: "ben".into(), kind })
    };
    let kept = IncidentEventKind::Pinned {
        what: "1 log line".into(),
        source: "api-01 /var/log/b".into(),
        body: "pool timeout".into(),
        sha256: sha256("pool timeout"),
    };
    let command = IncidentEventKind::Command {
        host: "api-01".into(),
        command: "lsof | wc -l".into(),
        exit: Some(0),
        sha256: sha256("1024"),
        output: "1024".into(),
        of: None,
    };
    let into = quarterdeck::core::id::Uid([7; 6]);
    let opened = IncidentEventKind::Opened {
        title: "api is slow".into(),
        severity: Severity::P2,
        service: Some("play@prod".parse().unwrap()),
    };
    let rows = [opened, command, kept, IncidentEventKind::Linked { other: into, how: Link::MergedInto }];
    let rows: Vec<Row> = rows.into_iter().zip(1..).map(|(kind, minute)| event(8, minute, kind)).collect();
    let mut store = Sqlite::open(&desk.dir.path().join("qd.db"), &Options::default()).unwrap();
    store.commit(&rows, None).unwrap();
    let output = desk.output(&["incidents", "INC-1"]).await;
    let text = String::from_utf8(output.stdout).unwrap();
    let part = |from: &str, to: &str| text.split(from).nth(1).unwrap().split(to).next().unwrap().trim().to_owned();
    insta::assert_snapshot!(
        "document-merged",
        part("## 5. Actions", "## 6.") + "\n\n" + &part("## 7. Evidence", "## 8.")
    );
    let json = desk.json(&["incidents", "INC-1"]).await;
    assert_eq!(json.matches("\"from\": \"INC-2\"").count(), 2, "{json}");
}

#[tokio::test]
async fn an_incident_is_opened_in_ones_own_words() {
    let desk = desk();
    let run = async |args: &[&str]| {
        let output = desk.output(&[&["incidents"], args].concat()).await;
        let text = String::from_utf8(output.stdout).unwrap() + &String::from_utf8_lossy(&output.stderr);
        (output.status.code(), text)
    };
    let said = ["--open", "P1 nobody \u{1b}[2Jcan pay", "--service", "play"];
    let (code, text) = run(&said).await;
    assert_eq!((code, text.as_str()), (Some(0), "INC-2 opened: nobody can pay, P1, play@prod\n"));
    let (code, text) = run(&said).await;
    assert_eq!((code, text.as_str()), (Some(0), "INC-2 is open already: nobody can pay, P1, play@prod\n"));
    for (wrong, says) in [
        (["--open", "P2", "--service", "play"], "say what is wrong, in one line"),
        (["--open", "x", "--service", "plya"], "no service `plya`"),
    ] {
        let (code, text) = run(&wrong).await;
        assert!(code == Some(2) && text.contains(says), "{text}");
    }
    let json = desk.json(&["incidents", "--open", "the backup is late"]).await;
    assert!(json.contains("qd.incidents/1") && json.contains("\"incident\": \"INC-3\""), "{json}");
    let output = desk.output(&["audit"]).await;
    let audit = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(audit.contains("incident.opened") && audit.contains("the backup is late"), "{audit}");
}

#[tokio::test]
async fn an_update_says_what_everybody_reads_and_where_it_goes() {
    let desk = desk();
    let said = ["update", "1", "Streams fail for some \u{1b}[2Jpeople -- the pool on play-01", "--state", "identified"];
    let times = regex::Regex::new(r"\d{2}:\d{2} UTC|\d{4}-\d\d-\d\dT[\d:.]+Z").unwrap();
    let output = desk.output(&[&said[..], &["--dry-run"]].concat()).await;
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    insta::assert_snapshot!("update-text", times.replace_all(&text, "TIME"));
    // What was only tried is not there: it is sent now, and once.
    let json = desk.json(&said).await;
    insta::assert_snapshot!("json-update", times.replace_all(&json, "TIME"));
    let again = desk.output(&said).await;
    assert_eq!(again.status.code(), Some(2), "{}", String::from_utf8_lossy(&again.stdout));
    insta::assert_snapshot!("update-again", times.replace_all(&String::from_utf8_lossy(&again.stderr), "TIME"));
    let missing = desk.output(&["update", "INC-9", "x", "--state", "resolved"]).await;
    assert!(String::from_utf8_lossy(&missing.stderr).contains("there are: INC-1"));
}

#[tokio::test]
async fn a_template_of_ones_own_is_used_and_its_mistakes_are_named() {
    let desk = desk();
    let path = desk.dir.path().join("mine.md");
    let print = async |text: &str| {
        std::fs::write(&path, text).unwrap();
        let output = desk.output(&["incidents", "INC-1", "--template", path.to_str().unwrap()]).await;
        (output.status.code(), String::from_utf8(output.stdout).unwrap() + &String::from_utf8_lossy(&output.stderr))
    };
    let (code, text) = print("{{ id }} {{ times.acknowledge_ms | long }} {{ service }} \u{1b}[2J{{ class }}\n").await;
    assert_eq!((code, text.as_str()), (Some(0), "INC-1 1 min play@prod not known\n"));
    let (code, text) = print("{{ id }}\n{{ srevice }}").await;
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("mine.md, line 2") && text.contains("undefined"), "{text}");
}

/// The document of a night that has all there is.
fn facts() -> Document {
    document(&papers::night())
}

fn template(text: &str) -> Template {
    Template { path: "mine.md".into(), text: text.into() }
}

#[test]
fn the_shipped_template_of_a_team_writes_its_document() {
    let text = include_str!("../../examples/templates/short.md");
    assert_eq!(render::check(&template(text)), Ok(()));
    let (text, fell_back) = render::document(&facts(), Some(&template(text)));
    assert_eq!(fell_back, None);
    insta::assert_snapshot!("document-short", text.unwrap());
}

#[test]
fn a_template_may_name_what_a_document_has() {
    let json = serde_json::to_value(facts()).unwrap();
    let mut names: Vec<&str> = json.as_object().unwrap().keys().map(String::as_str).collect();
    let mut known = render::NAMES.to_vec();
    names.sort_unstable();
    known.sort_unstable();
    assert_eq!(names, known);
    assert_eq!(render::check(&template(render::INCIDENT)), Ok(()));
}

#[test]
fn a_broken_template_is_told_by_its_place_and_loses_no_document() {
    for (text, line, column, says) in [
        ("{{ id }}\n é {{ srevice }}", 2, 7, "nothing is called `srevice`"),
        ("# {{ id }}\n{% for a in timeline %}", 2, 21, "unexpected end of input"),
        ("{{ id | louder }}", 1, 9, "unknown filter"),
    ] {
        // What a filter is called shows when it is used.
        let used = || render::document(&facts(), Some(&template(text))).1;
        let wrong = render::check(&template(text)).err().or_else(used).unwrap();
        assert_eq!(wrong.line, Some(line), "{wrong}");
        assert!(wrong.why.contains(says) && wrong.to_string().contains("mine.md, line"), "{wrong}");
        assert!(wrong.column.is_some_and(|found| found.abs_diff(column) < 6), "{wrong}: {column}");
        let (text, fell_back) = render::document(&facts(), Some(&template(text)));
        assert!(fell_back.is_some() && text.unwrap().contains("## 10. Follow-ups"));
    }
}

#[tokio::test]
async fn a_template_is_configured_for_all_and_for_a_type() {
    let desk = desk();
    let config = desk.dir.path().join("qd.toml");
    let begin = std::fs::read_to_string(&config).unwrap();
    let set = |own: &str| {
        std::fs::write(desk.dir.path().join("mine.md"), own).unwrap();
        std::fs::write(&config, format!("{begin}[document]\ntemplate = \"mine.md\"\n")).unwrap();
    };
    let print = async || {
        let output = desk.output(&["incidents", "INC-1"]).await;
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    set("ours: {{ id }}\n");
    assert_eq!(print().await, ("ours: INC-1\n".to_owned(), String::new()));
    set("ours: {{ id }}\n{{ severty }}\n");
    let checked = desk.output(&["check"]).await;
    let said = String::from_utf8_lossy(&checked.stdout).into_owned() + &String::from_utf8_lossy(&checked.stderr);
    for part in ["mine.md", ":2:4", "nothing is called `severty`", "did you mean `severity`?", "built-in"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(print().await.0.contains("## 10. Follow-ups"), "the document is there all the same");
    // What only shows with this incident's facts is told beside the document.
    set("{{ id }} {{ times.nothing }}\n");
    let (text, said) = print().await;
    assert!(
        text.contains("## 10. Follow-ups") && said.contains("mine.md, line 1") && said.contains("built-in"),
        "{said}"
    );
    std::fs::remove_file(desk.dir.path().join("mine.md")).unwrap();
    assert!(print().await.0.contains("## 10. Follow-ups"));
}

#[test]
fn what_is_typed_into_a_section_is_kept_until_it_is_saved() {
    let mut night = papers::writing();
    let View::Document(incident) = night.state.screen.view else { panic!("{:?}", night.state.screen.view) };
    let of = DraftName { incident, section: Section::Lessons };
    let typed = night.state.screen.draft(Draft::Section).to_owned();
    let kept = |night: &mut Night, ms: u64| {
        let now = Now { mono: Mono(night.now.mono.0 + ms), ..night.now };
        let effects = update(&mut night.state, Msg::Ticked, now);
        effects.into_iter().find(|effect| matches!(effect, Effect::KeepDraft { .. }))
    };
    assert_eq!(kept(&mut night, 100), None);
    assert_eq!(kept(&mut night, 600), Some(Effect::KeepDraft { of, text: Some(typed.clone()) }));
    assert_eq!(kept(&mut night, 1_200), None, "once is enough");
    // Another console, after a crash: what is on disk comes back, but never over what is being typed.
    let recalled = |text: &str| Msg::Documents(documents::Msg::Recalled { of, text: text.into() });
    night.tell(recalled("from before the crash"));
    assert_eq!(night.state.screen.draft(Draft::Section), "from before the crash");
    night.types(Draft::Section, "newer");
    night.tell(recalled("older"));
    assert_eq!(night.state.screen.draft(Draft::Section), "newer");
    let effects = update(&mut night.state, Msg::Acted(Action::SaveText), night.now);
    let [Effect::Commit { rows, then, .. }] = effects.as_slice() else { panic!("{effects:?}") };
    let saved = |row: &Row| matches!(row, Row::Incident(event) if event.kind == (IncidentEventKind::Section { section: Section::Lessons, text: "newer".into() }));
    assert!(rows.iter().any(saved), "{rows:?}");
    let [forgets, Effect::Say { text, .. }] = then.as_slice() else { panic!("{then:?}") };
    assert_eq!((forgets, &**text), (&Effect::KeepDraft { of, text: None }, "lessons is saved"), "once it is on disk");
}

#[test]
fn the_document_goes_to_every_ticket_in_the_commit_that_says_so() {
    let mut night = papers::night();
    night.act(&[Action::Document(DocumentAction::Send)]);
    let of = night.state.incidents.incidents.values().next().unwrap();
    assert!(of.published.is_some(), "{:?}", of.timeline.values().next_back());
    let sent = |entry: &&quarterdeck::core::outbox::Entry| matches!(&entry.item.write, Write::Comment { text, .. } if text.starts_with("# INC-214") && text.contains("closes none"));
    let count = night.state.outbox.items.values().filter(sent).count();
    // Tickets were not made for that night: nothing is commented that is not there.
    assert_eq!(count, 0);
    let trackers = night.state.inventory.trackers.clone();
    let event = of.timeline.values().next_back().unwrap().clone();
    let made: Vec<OutboxEvent> = trackers
        .iter()
        .map(|tracker| {
            let item = Item {
                incident: of.uid,
                tracker: tracker.name.clone(),
                write: Write::Link { duplicate: Remote { id: "1".into(), url: None } },
            };
            let token = token_of(of.uid, &tracker.name, None);
            OutboxEvent { token, at: night.now.utc, by: "op1".into(), kind: OutboxEventKind::Queued { item } }
        })
        .collect();
    for tracker in &trackers {
        let writes = for_event(tracker, &event, &night.state.incidents, (&night.state.outbox, &made));
        let [OutboxEvent { kind: OutboxEventKind::Queued { item }, token, .. }] = writes.as_slice() else {
            panic!("{writes:?}")
        };
        assert!(matches!(&item.write, Write::Comment { text, .. } if text.starts_with("# INC-214")), "{item:?}");
        let again = for_event(tracker, &event, &night.state.incidents, (&night.state.outbox, &made));
        assert_eq!(again[0].token, *token, "the same document is one comment");
    }
    night.state.screen.message = None;
    let before = night.state.incidents.clone();
    let msg = papers::written(documents::Paper {
        template: None,
        incident: before.incidents.values().next().unwrap().uid,
        document: document(&night),
        wanted: documents::Wanted::Send,
    });
    let Msg::Documents(documents::Msg::Written { incident, wanted, .. }) = msg else { panic!() };
    let IncidentEventKind::Published { text, .. } = event.kind else { panic!("{event:?}") };
    night.tell(Msg::Documents(documents::Msg::Written { incident, wanted, text: Ok(text) }));
    assert_eq!(night.state.incidents, before, "what was sent as it is is not sent again");
}

#[test]
fn an_incident_is_not_closed_while_its_document_is_not_whole() {
    let mut night = papers::night();
    let uid = night.state.incidents.incidents.values().next().unwrap().uid;
    let missing = |night: &Night| night.state.missing_to_close(&night.state.incidents.incidents[&uid], night.now.utc);
    assert!(missing(&night).iter().any(|guard| guard.words() == "lessons written"));
    for section in [Section::Lessons, Section::FollowUps] {
        let of = DraftName { incident: uid, section };
        night.tell(Msg::Documents(documents::Msg::Edited { of, text: Ok("words".into()) }));
    }
    // What is left has nothing to do with the document: that night no ticket was made.
    assert_eq!(missing(&night), [Guard::Ticket]);
    let of = DraftName { incident: uid, section: Section::Lessons };
    night.tell(Msg::Documents(documents::Msg::Edited { of, text: Err("the editor ended with 1".into()) }));
    assert!(night.state.screen.message.as_ref().is_some_and(|said| said.text.contains("ended with 1")));
    assert_eq!(missing(&night), [Guard::Ticket], "what an editor did not finish changes nothing");
}
