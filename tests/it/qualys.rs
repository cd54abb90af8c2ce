//! Qualys, at a server that answers as its API is described to; hostile answers included.
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, StatusCode, Uri},
};
use quarterdeck::{
    config::Env,
    core::{
        findings::{End, Order, Scanner, Status, Told},
        time::Timestamp,
    },
    remote::http::{Client, Trust},
    sources::qualys::{self, Means},
};

const FIRST: &str = include_str!("../fixtures/qualys/detections_1.xml");
const SECOND: &str = include_str!("../fixtures/qualys/detections_2.xml");
const KNOWLEDGE: &str = include_str!("../fixtures/qualys/knowledge.xml");
const RATE: &str = include_str!("../fixtures/qualys/rate_limit.xml");
const BUSY: &str = include_str!("../fixtures/qualys/concurrency.xml");
const LOGIN: &str = include_str!("../fixtures/qualys/bad_login.xml");

/// Of `ana:hunter2-long`.
const BASIC: &str = "Basic YW5hOmh1bnRlcjItbG9uZw==";

/// An answer: status, headers, body. Without a status it never comes.
#[derive(Clone, Debug)]
struct Says(u16, Vec<(&'static str, String)>, String);

fn says(status: u16, body: &str) -> Says {
    Says(status, Vec::new(), body.to_owned())
}

fn refusal(code: u32, text: &str) -> String {
    format!("<SIMPLE_RETURN><RESPONSE><CODE>{code}</CODE><TEXT>{text}</TEXT></RESPONSE></SIMPLE_RETURN>")
}

#[derive(Debug, Default)]
pub(crate) struct Fake {
    pub(crate) base: String,
    /// What the list answers, one after the other; then its two pages.
    list: VecDeque<Says>,
    /// What the library answers, instead of its page.
    library: Option<Says>,
    /// Whether it only knows version 2.0.
    old: bool,
    /// What it was asked: path and query.
    pub(crate) asked: Vec<String>,
    /// Calls without the login, or without the header that it wants.
    bare: u32,
}

pub(crate) type Shared = Arc<Mutex<Fake>>;

async fn answer(State(fake): State<Shared>, uri: Uri, headers: HeaderMap) -> (StatusCode, HeaderMap, String) {
    let said = {
        let mut fake = fake.lock().unwrap();
        fake.asked.push(uri.to_string());
        let has = |name: &str, value: &str| headers.get(name).is_some_and(|said| said.as_bytes() == value.as_bytes());
        if !has("authorization", BASIC) || !has("x-requested-with", "quarterdeck") {
            fake.bare += 1;
        }
        let query = uri.query().unwrap_or_default();
        if uri.path() == "/api/2.0/fo/knowledge_base/vuln/" {
            fake.library.clone().unwrap_or_else(|| says(200, KNOWLEDGE))
        } else if fake.old && uri.path().starts_with("/api/5.0") {
            says(404, "<html>")
        } else if let Some(said) = fake.list.pop_front() {
            said
        } else if query.contains("id_min=") {
            says(200, SECOND)
        } else {
            let headers = vec![("x-ratelimit-remaining", "297".to_owned())];
            let page = FIRST.replace("@BASE@", &fake.base);
            Says(200, headers, if fake.old { page.replace("/api/5.0", "/api/2.0") } else { page })
        }
    };
    let Says(status, pairs, body) = said;
    if status == 0 {
        std::future::pending::<()>().await;
    }
    let headers = pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
    (StatusCode::from_u16(status).unwrap(), headers, body)
}

#[expect(clippy::disallowed_methods, reason = "the server of a test lives as long as its runtime")]
pub(crate) async fn server() -> Shared {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let fake: Shared = Arc::new(Mutex::new(Fake { base, ..Fake::default() }));
    let app = Router::new().fallback(answer).with_state(Arc::clone(&fake));
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    fake
}

fn means() -> Means {
    Means {
        http: Client::new(Trust::system()),
        env: Env::new("/nowhere", [("QUALYS", "hunter2-long")]),
        patience: Duration::from_secs(30),
        pause: Duration::from_millis(1),
    }
}

fn order(base: &str) -> Order {
    let scanner = Scanner {
        base_url: base.to_owned(),
        user: "ana".into(),
        password: "env:QUALYS".into(),
        version: "5.0".into(),
        every_ms: 21_600_000,
        severities: vec![3, 4, 5],
        tags: Vec::new(),
    };
    Order { scanner: Arc::new(scanner), since: None, known: std::collections::BTreeSet::new(), at: Timestamp(7) }
}

/// Pulls once with the list answering so, and returns what was told and how often the list was asked.
async fn pull(list: impl IntoIterator<Item = Says>) -> (Told, usize) {
    let fake = server().await;
    let base = fake.lock().unwrap().base.clone();
    fake.lock().unwrap().list = list.into_iter().collect();
    let told = qualys::pull(&order(&base), &means()).await;
    let fake = fake.lock().unwrap();
    assert_eq!(fake.bare, 0, "{:?}", fake.asked);
    (told, fake.asked.iter().filter(|path| path.contains("/detection/")).count())
}

fn why(end: &End) -> &str {
    match end {
        End::Whole => "",
        End::Later { why, .. } | End::Denied { why } | End::Failed { why } => why,
    }
}

#[tokio::test]
async fn all_pages_are_read_and_the_library_is_asked_once() {
    let fake = server().await;
    let base = fake.lock().unwrap().base.clone();
    let told = qualys::pull(&order(&base), &means()).await;
    let keys: Vec<&str> = told.findings.iter().map(|of| of.key.as_str()).collect();
    assert_eq!(keys, ["5555555555", "12048633/11830/-/-", "12048634/90044/-/-"]);
    assert_eq!(told.findings[2].status, Status::Other("Paused".into()));
    assert_eq!((&told.end, told.remaining, &told.notes), (&End::Whole, Some(297), &Vec::new()));
    assert_eq!(told.server.unwrap().rfc3339(), "2026-11-20T19:30:00.000Z", "of the first page");
    assert_eq!(told.vulns.keys().copied().collect::<Vec<_>>(), [11_830, 197_595], "it knows two of three");
    let asked = std::mem::take(&mut fake.lock().unwrap().asked);
    assert_eq!(
        asked[0],
        "/api/5.0/fo/asset/host/vm/detection/?action=list&output_format=XML&show_results=0&show_qds=1\
         &truncation_limit=200&severities=3%2C4%2C5&status=New%2CActive%2CRe-Opened"
    );
    assert_eq!(asked[1], "/api/5.0/fo/asset/host/vm/detection/?action=list&truncation_limit=1&id_min=12048634");
    assert_eq!(asked[2], "/api/2.0/fo/knowledge_base/vuln/?action=list&ids=11830%2C90044%2C197595&details=All");
    assert_eq!((asked.len(), fake.lock().unwrap().bare), (3, 0));
    // What changed since, of some hosts; what is known already is not asked again.
    let mut later = order(&base);
    later.since = told.server;
    later.known = [11_830, 90_044, 197_595].into();
    let scanner = Arc::make_mut(&mut later.scanner);
    (scanner.tags, scanner.severities) = (vec!["prod".into(), "a&b".into()], vec![5]);
    assert_eq!(qualys::pull(&later, &means()).await.end, End::Whole);
    let asked = std::mem::take(&mut fake.lock().unwrap().asked);
    assert!(
        asked[0].ends_with(
            "&severities=5&status=New%2CActive%2CRe-Opened%2CFixed&detection_updated_since=2026-11-20T19%3A30%3A00Z\
             &use_tags=1&tag_set_by=name&tag_set_include=prod%2Ca%26b"
        ),
        "{asked:?}"
    );
    assert_eq!(asked.len(), 2);
    assert_eq!(qualys::probe(&later.scanner, &means()).await, Ok("it answers, 297 calls left in its window".into()));
}

#[tokio::test]
async fn an_old_server_is_asked_by_the_version_that_it_has() {
    let fake = server().await;
    fake.lock().unwrap().old = true;
    let base = fake.lock().unwrap().base.clone();
    let told = qualys::pull(&order(&base), &means()).await;
    assert_eq!((told.end, told.findings.len()), (End::Whole, 3));
    assert!(told.notes[0].contains("version 5.0"), "{:?}", told.notes);
    let none = order(&format!("{base}/elsewhere"));
    fake.lock().unwrap().list = [says(404, ""), says(404, "")].into();
    let told = qualys::pull(&none, &means()).await;
    assert!(why(&told.end).starts_with("404"), "{told:?}");
}

#[tokio::test]
async fn a_login_that_is_refused_is_never_tried_again() {
    let echo = refusal(2_000, "Bad Login/Password for hunter2-long, by YW5hOmh1bnRlcjItbG9uZw==");
    for said in
        [says(401, LOGIN), says(401, ""), says(200, LOGIN), says(409, LOGIN), says(401, &echo), says(200, &echo)]
    {
        let (told, asked) = pull([said.clone()]).await;
        assert!(matches!(told.end, End::Denied { .. }), "{said:?}: {told:?}");
        assert_eq!((asked, told.findings.len()), (1, 0), "{said:?}");
        let text = format!("{told:?}");
        assert!(!text.contains("hunter2") && !text.contains("YW5hO"), "{text}");
    }
}

#[tokio::test]
async fn how_long_it_wants_to_be_left_alone_is_told_and_nobody_waits() {
    let with = |mut said: Says, name, value: &str| {
        said.1.push((name, value.to_owned()));
        said
    };
    let hour = 3_600_000;
    for (said, waits) in [
        (says(409, RATE), Some(68_928_000)),
        (says(200, RATE), Some(68_928_000)),
        (with(says(409, &refusal(1_965, "no")), "x-ratelimit-towait-sec", "181"), Some(181_000)),
        (with(says(409, RATE), "x-ratelimit-towait-sec", "0"), Some(68_928_000)),
        (says(409, BUSY), Some(45_000)),
        (says(409, &refusal(1_965, "too many concurrent calls")), Some(hour)),
        (with(says(429, ""), "retry-after", "12"), Some(12_000)),
        (says(429, "<html>"), Some(hour)),
        (with(says(409, ""), "x-ratelimit-towait-sec", "999999999999"), Some(168 * hour)),
        // A conflict of another kind is none of that.
        (says(409, &refusal(1_981, "the list is being edited")), None),
    ] {
        let (told, asked) = pull([said.clone()]).await;
        let wait = if let End::Later { wait_ms, .. } = told.end { Some(wait_ms) } else { None };
        assert_eq!((wait, asked), (waits, 1), "{said:?}: {told:?}");
    }
}

#[tokio::test]
async fn what_is_ill_for_a_moment_is_tried_again_and_nothing_else_is() {
    let bad = || says(502, "<html>bad gateway");
    let (told, asked) = pull([bad(), says(503, "")]).await;
    assert_eq!((told.end, asked, told.findings.len()), (End::Whole, 4, 3));
    for (list, times, words) in [
        (vec![bad(), bad(), bad()], 3, "502"),
        (vec![says(503, &refusal(1_999, "down until 4"))], 1, "being maintained: down until 4"),
        (vec![says(403, &refusal(2_012, "no VM module"))], 1, "may not read that"),
        (
            vec![says(400, &refusal(1_905, "severities has invalid value: 9\u{1b}[2J"))],
            1,
            "400: severities has invalid",
        ),
        (
            vec![Says(302, vec![("location", "https://elsewhere.example/".to_owned())], String::new())],
            1,
            "302: it sends",
        ),
        (vec![says(200, "<!DOCTYPE html><html><body>Sign in</body></html>")], 1, "begins with <html>"),
        (vec![says(200, "")], 1, "it breaks off"),
        (vec![says(200, FIRST.split("</HOST_LIST>").next().unwrap())], 1, "it breaks off"),
        (vec![says(200, FIRST)], 1, "cannot be asked"),
        (vec![says(200, &FIRST.replace("@BASE@", "https://elsewhere.example"))], 1, "lies at another server"),
        (vec![says(200, &FIRST.replace("@BASE@", "http://127.0.0.1:1"))], 1, "lies at another server"),
    ] {
        let (told, asked) = pull(list.clone()).await;
        assert!(why(&told.end).contains(words), "{list:?}: {told:?}");
        assert_eq!(asked, times, "{list:?}");
        assert!(why(&told.end).chars().all(quarterdeck::parse::sanitise::is_safe), "{told:?}");
    }
}

#[tokio::test]
async fn pages_that_lead_in_a_circle_end_and_one_that_fails_keeps_what_was_read() {
    let fake = server().await;
    let base = fake.lock().unwrap().base.clone();
    let first = FIRST.replace("@BASE@", &base);
    fake.lock().unwrap().list = [says(200, &first), says(200, &first), says(200, &first)].into();
    let told = qualys::pull(&order(&base), &means()).await;
    assert!(why(&told.end).contains("in a circle"), "{told:?}");
    fake.lock().unwrap().list = [says(200, &first), says(409, RATE)].into();
    let told = qualys::pull(&order(&base), &means()).await;
    assert!(matches!(told.end, End::Later { wait_ms: 68_928_000, .. }) && told.findings.len() == 2, "{told:?}");
    // Who is in the address would be told the password in the place of ours.
    let named = FIRST.replace("@BASE@", &base.replace("http://", "http://eve:x@"));
    fake.lock().unwrap().list = [says(200, &named)].into();
    assert!(why(&qualys::pull(&order(&base), &means()).await.end).contains("another server"));
}

#[tokio::test]
async fn without_the_library_findings_have_their_numbers() {
    for (said, words) in [
        (says(403, &refusal(2_010, "KB access is not enabled")), "titles are missing: 403"),
        (says(409, RATE), "titles are missing: it takes no more"),
        (says(200, "<html/>"), "titles are missing: it is no answer"),
    ] {
        let fake = server().await;
        let base = fake.lock().unwrap().base.clone();
        fake.lock().unwrap().library = Some(said.clone());
        let told = qualys::pull(&order(&base), &means()).await;
        assert_eq!((&told.end, told.findings.len(), told.vulns.len()), (&End::Whole, 3, 0), "{said:?}");
        assert!(told.notes[0].starts_with(words), "{:?}", told.notes);
        assert_eq!(told.findings[0].title(), "QID 197595");
    }
    // A login that is refused there counts for all: it would be locked.
    let fake = server().await;
    let base = fake.lock().unwrap().base.clone();
    fake.lock().unwrap().library = Some(says(401, LOGIN));
    let told = qualys::pull(&order(&base), &means()).await;
    assert!(matches!(told.end, End::Denied { .. }) && told.findings.len() == 3, "{told:?}");
}

#[tokio::test]
async fn what_never_answers_or_would_be_overheard_is_given_up() {
    let fake = server().await;
    let base = fake.lock().unwrap().base.clone();
    fake.lock().unwrap().list = [says(0, "")].into();
    let impatient = Means { patience: Duration::from_millis(50), ..means() };
    let told = qualys::pull(&order(&base), &impatient).await;
    assert!(why(&told.end).contains("no answer within 50ms"), "{told:?}");
    for (base, words) in [
        ("http://qualys.example", "over the network in the open"),
        ("ftp://127.0.0.1", "cannot be asked"),
        ("http://127.0.0.1:1", "no answer"),
    ] {
        let told = qualys::pull(&order(base), &means()).await;
        assert!(why(&told.end).contains(words), "{base}: {told:?}");
    }
    let none = Means { env: Env::new("/nowhere", [("X", "y")]), ..means() };
    let told = qualys::pull(&order(&base), &none).await;
    assert_eq!(why(&told.end), "its password: the environment has no variable QUALYS");
}
