//! E-mail at a real server: Exim, with TLS and a login, on ports and in a folder of its own.
use std::{
    collections::{BTreeMap, BTreeSet},
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Command, Stdio},
    sync::Arc,
    time::Duration,
};

use quarterdeck::{
    config::Env,
    core::{
        alerts::Severity,
        id::{IncidentId, Uid},
        outbox::{Audience, Deed, End, Item, Miss, News, Notice, NotifierSpec, Order, Repeats, TrackerSpec, Write},
        time::Timestamp,
    },
    notify,
    remote::http::{Client, Trust},
    tasks::Tasks,
    trackers::{Means, Missed, probe::Probed},
};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{
    eventually,
    servers::{free_port, tool},
};

/// A mail server that keeps what it takes for acme.example, and nothing else.
struct Exim {
    dir: TempDir,
    starttls: u16,
    implicit: u16,
    child: tokio::process::Child,
}

/// Exim's settings; `DIR`, `PLAIN` and `TLS` are filled in.
const CONFIG: &str = "
primary_hostname = mail.acme.example
spool_directory = DIR/spool
log_file_path = DIR/log_%s
pid_file_path = DIR/pid
keep_environment =
local_interfaces = 127.0.0.1
daemon_smtp_ports = PLAIN : TLS
tls_on_connect_ports = TLS
tls_advertise_hosts = *
tls_certificate = DIR/cert.pem
tls_privatekey = DIR/key.pem
auth_advertise_hosts = ${if eq{$tls_in_cipher}{}{}{*}}
host_lookup =
rfc1413_query_timeout = 0s
deliver_drop_privilege = true
acl_smtp_rcpt = acl_rcpt
begin acl
acl_rcpt:
  deny !domains = acme.example
       message = no relaying
  deny local_parts = gone
       message = no such user
  accept authenticated = *
  deny message = log in first
begin routers
all:
  driver = accept
  transport = inbox
begin transports
inbox:
  driver = appendfile
  file = DIR/inbox
  user = Debian-exim
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = ${if and{{eq{$auth2}{qd}}{eq{$auth3}{mail-secret-99}}}}
  server_set_id = $auth2
";

/// Exim wants its settings to be root's and its folder to be its own.
fn prepare(dir: &Path, (starttls, implicit): (u16, u16)) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    std::fs::write(dir.join("cert.pem"), made.cert.pem()).unwrap();
    std::fs::write(dir.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
    std::fs::set_permissions(dir, std::fs::Permissions::from_mode(0o755)).unwrap();
    let own = Command::new("chown").args(["-R", "Debian-exim"]).arg(dir).status().unwrap();
    assert!(own.success());
    let config = CONFIG
        .replace("public_name = PLAIN", "public_name = \u{0}")
        .replace("DIR", &dir.display().to_string())
        .replace("PLAIN", &starttls.to_string())
        .replace("= TLS", &format!("= {implicit}"))
        .replace(": TLS", &format!(": {implicit}"))
        .replace('\u{0}', "PLAIN");
    std::fs::write(dir.join("conf"), config).unwrap();
}

impl Exim {
    async fn start() -> Option<Self> {
        let exim = tool("QD_EXIM", "exim4")?;
        if !Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n") {
            println!("!! NOT SHOWN HERE: Exim is started by root alone");
            return None;
        }
        let dir = tempfile::tempdir().unwrap();
        let ports = (free_port(), free_port());
        prepare(dir.path(), ports);
        let child = tokio::process::Command::new(exim)
            .args(["-C", &dir.path().join("conf").display().to_string(), "-bdf"])
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let exim = Self { dir, starttls: ports.0, implicit: ports.1, child };
        for port in [exim.starttls, exim.implicit] {
            eventually("Exim listens", async || tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_ok())
                .await;
        }
        Some(exim)
    }

    fn inbox(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("inbox")).unwrap_or_default()
    }

    /// Returns the usual settings with these over them.
    fn settings(&self, over: Value) -> serde_json::Map<String, Value> {
        let ca = self.dir.path().join("cert.pem");
        let settings = json!({ "host": "localhost", "port": self.starttls, "tls": "starttls", "ca": ca, "user": "qd",
            "password": "env:MAIL", "from": "Console <qd@acme.example>", "to": ["team@acme.example"] });
        let (Value::Object(mut settings), Value::Object(over)) = (settings, over) else { panic!() };
        settings.extend(over);
        settings
    }

    /// Tries the server with these settings over the usual ones.
    async fn tried(&self, over: Value) -> Result<Probed, Missed> {
        let spec = NotifierSpec {
            place: place(self.settings(over)),
            hears: BTreeSet::new(),
            audience: Audience::Internal,
            repeats: Repeats::Once,
            local: false,
        };
        notify::probe(&spec, &means()).await
    }

    /// Sends a notice with these settings over the usual ones.
    async fn sent(&self, over: Value, token: u8) -> End {
        let redact = quarterdeck::config::redact::load(None).0;
        notify::deliver(&order(self.settings(over), token), &means(), &redact).await
    }
}

fn means() -> Means {
    let tasks = Tasks::new(tokio::runtime::Handle::current(), |panicked| println!("task panicked: {panicked:?}"));
    let env = Env::new("/nonexistent", [("MAIL", "mail-secret-99"), ("WRONG", "mail-secret-00")]);
    Means { http: Client::new(Trust::system()), env, tasks, patience: Duration::from_secs(20) }
}

fn place(params: serde_json::Map<String, Value>) -> Arc<TrackerSpec> {
    Arc::new(TrackerSpec {
        name: "mail".into(),
        kind: "smtp".into(),
        send: BTreeSet::new(),
        severities: BTreeSet::new(),
        link: Some("https://wiki.acme.example/{incident}".into()),
        window_ms: 0,
        params,
    })
}

fn order(params: serde_json::Map<String, Value>, token: u8) -> Order {
    let notice = Notice {
        news: News::Opened,
        severity: Severity::P1,
        service: Some("play@prod".into()),
        title: "play@prod ist gestört".into(),
        text: "opened by ana\n.\n..dots\nFrom here on".into(),
        at: Timestamp(1_800_000_000_000),
        by: "ana".into(),
        calls: true,
        mails: Vec::new(),
    };
    Order {
        token: Uid([token; 6]),
        deed: Deed::Write,
        attempt: 1,
        tracker: place(params),
        item: Item { incident: Uid([7; 6]), tracker: "mail".into(), write: Write::Notice(Box::new(notice)) },
        number: Some(IncidentId(7)),
        ticket_token: Uid([7; 6]),
        ticket: None,
        wrote: BTreeMap::new(),
        force: false,
    }
}

fn missed(end: End) -> (Miss, String) {
    match end {
        End::Missed { how, reason, .. } => (how, reason),
        End::Accepted { .. } | End::Found(_) | End::Looked { .. } | End::Foreign(_) => panic!("{end:?}"),
    }
}

#[tokio::test]
async fn a_real_server_has_the_mail_and_its_refusals_are_understood() {
    let Some(mut exim) = Exim::start().await else { return };
    let end = exim.sent(json!({}), 1).await;
    assert!(matches!(&end, End::Accepted { remote, .. } if remote.id == "qd-010101010101"), "{end:?}");
    eventually("the mail is there", async || exim.inbox().contains("https://wiki.acme.example/INC-7")).await;
    let mail = exim.inbox();
    for line in [
        "Message-ID: <qd-010101010101@acme.example>",
        "References: <qd-070707070707@acme.example>",
        "To: team@acme.example",
        "with esmtpsa",
    ] {
        assert!(mail.contains(line), "{line}: {mail}");
    }
    let two = json!({ "port": exim.implicit, "tls": "implicit", "to": ["gone@acme.example", "team@acme.example"] });
    let end = exim.sent(two, 2).await;
    let id = "qd-020202020202, but not to gone@acme.example";
    assert!(matches!(&end, End::Accepted { remote, .. } if remote.id == id), "{end:?}");
    eventually("the mail is there", async || exim.inbox().contains("qd-020202020202")).await;

    let (how, reason) = missed(exim.sent(json!({ "password": "env:WRONG" }), 3).await);
    assert!(how == Miss::Refused && reason.contains("login") && !reason.contains("secret"), "{how:?} {reason}");
    let (how, reason) = missed(exim.sent(json!({ "to": ["gone@acme.example"] }), 3).await);
    assert!(how == Miss::Refused && reason.contains("550 no such user"), "{how:?} {reason}");
    let (how, reason) = missed(exim.sent(json!({ "to": ["x@elsewhere.example"] }), 3).await);
    assert!(how == Miss::Refused && reason.contains("no relaying"), "{how:?} {reason}");
    // Nobody vouches for it: it is told nothing.
    let (how, reason) = missed(exim.sent(json!({ "ca": null }), 3).await);
    assert!(how == Miss::Unreachable && reason.contains("no encryption"), "{how:?} {reason}");
    let (how, reason) = missed(exim.sent(json!({ "tls": "implicit" }), 3).await);
    assert!(how == Miss::Unreachable, "plain where TLS is meant: {how:?} {reason}");
    assert!(!exim.inbox().contains("qd-030303030303"));

    exim.child.kill().await.unwrap();
    let (how, reason) = missed(exim.sent(json!({}), 4).await);
    assert!(how == Miss::Unreachable && reason.contains("refused"), "{how:?} {reason}");
}

#[tokio::test]
async fn a_real_server_is_tried_as_far_as_its_login_and_has_no_mail() {
    let Some(mut exim) = Exim::start().await else { return };
    let log = |exim: &Exim| std::fs::read_to_string(exim.dir.path().join("log_main")).unwrap_or_default();
    let said = exim.tried(json!({})).await.unwrap().said;
    assert_eq!(said, "localhost answers, encrypted by STARTTLS, the login is taken; no mail was sent");
    let said = exim.tried(json!({ "port": exim.implicit, "tls": "implicit" })).await.unwrap().said;
    assert_eq!(said, "localhost answers, encrypted, the login is taken; no mail was sent");
    for (over, how, wanted) in [
        (json!({ "password": "env:WRONG" }), Miss::Refused, "the login is not taken (535)"),
        (json!({ "password": "env:GONE" }), Miss::Refused, "its password: "),
        (json!({ "ca": null }), Miss::Unreachable, "no encryption"),
        (json!({ "ca": "/nonexistent" }), Miss::Refused, "its encryption cannot be set up"),
        (json!({ "tls": "implicit" }), Miss::Unreachable, "no connection"),
        (json!({ "host": "nowhere.invalid" }), Miss::Unreachable, "no connection"),
    ] {
        let missed = exim.tried(over.clone()).await.unwrap_err();
        assert!(missed.how == how && missed.reason.contains(wanted), "{over}: {missed:?}");
        assert!(!missed.reason.contains("mail-secret"), "{missed:?}");
    }
    exim.child.kill().await.unwrap();
    assert!(exim.tried(json!({})).await.unwrap_err().reason.contains("refused"));
    assert!(exim.inbox().is_empty() && !log(&exim).contains("<="), "{}", log(&exim));
    // It hears a goodbye: who leaves without one is written down.
    assert!(!log(&exim).contains("lost"), "{}", log(&exim));
}
