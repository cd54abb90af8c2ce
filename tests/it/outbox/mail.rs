//! E-mail at a server that fails at every step of the conversation: whether it can have the mail is known, or said to be not.
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use quarterdeck::{
    core::{
        alerts::Severity,
        id::IncidentId,
        logs::redact::Redactor,
        outbox::{Deed, End, Item, Miss, News, Notice, Order, Write},
        time::Timestamp,
    },
    notify,
};
use serde_json::json;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpStream,
};

use super::{INCIDENT, sim::means_with, spec};
use crate::net::listen;

/// At which step the server does something else, and what it says then; empty: it closes. `hang`: it says nothing.
type Script = (&'static str, &'static str);

async fn serve(stream: TcpStream, (step, instead): Script, mails: Arc<Mutex<Vec<String>>>) {
    let mut stream = BufReader::new(stream);
    let mut mail = String::new();
    let mut in_mail = false;
    let mut line = String::from("GREETING");
    loop {
        let asked = !in_mail;
        let word = line.split([' ', ':', '\r']).next().unwrap_or_default().to_uppercase();
        let ended = in_mail && line == ".\r\n";
        let usual = if ended {
            in_mail = false;
            mails.lock().unwrap().push(std::mem::take(&mut mail));
            "250 2.0.0 queued\r\n"
        } else if in_mail {
            mail += &line;
            ""
        } else {
            match word.as_str() {
                "GREETING" => "220 mail.example.com ESMTP\r\n",
                "EHLO" => "250-mail.example.com\r\n250 PIPELINING\r\n",
                "DATA" => {
                    in_mail = step != "DATA";
                    "354 go on\r\n"
                }
                "QUIT" => "221 bye\r\n",
                _ => "250 ok\r\n",
            }
        };
        let hit = (ended && step == "END")
            || (asked && step == word)
            || (asked && step == "RCPT 2" && line.starts_with("RCPT TO:<two@"));
        let say = if hit { instead } else { usual };
        if say == "hang" {
            _ = stream.read_line(&mut line).await;
            return;
        }
        if hit && say.is_empty() {
            return;
        }
        if stream.write_all(say.as_bytes()).await.is_err() {
            return;
        }
        line.clear();
        match stream.read_line(&mut line).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
    }
}

fn order(port: u16, title: &str) -> Order {
    let settings = json!({ "host": "127.0.0.1", "port": port, "tls": "none", "from": "qd@example.com",
        "to": ["one@example.com", "Team Two <two@example.com>"] });
    let notice = Notice {
        news: News::Opened,
        severity: Severity::P1,
        service: Some("play@prod".into()),
        title: title.into(),
        text: "opened by ana\n.\npassword=hunter2 \u{1b}[31mred".into(),
        at: Timestamp(1_800_000_000_000),
        by: "ana".into(),
        calls: true,
        mails: Vec::new(),
    };
    Order {
        token: quarterdeck::core::id::Uid([9; 6]),
        deed: Deed::Write,
        attempt: 1,
        tracker: spec("mail", "smtp", settings),
        item: Item { incident: INCIDENT, tracker: "mail".into(), write: Write::Notice(Box::new(notice)) },
        number: Some(IncidentId(7)),
        ticket_token: INCIDENT,
        ticket: None,
        wrote: std::collections::BTreeMap::new(),
        force: false,
    }
}

async fn sent(script: Script, title: &str) -> (End, Vec<String>) {
    let mails = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&mails);
    let at = listen(move |stream| serve(stream, script, Arc::clone(&kept))).await;
    let patience = if script.1 == "hang" { Duration::from_millis(300) } else { Duration::from_secs(30) };
    let redact: Redactor = quarterdeck::config::redact::load(None).0;
    let end = notify::deliver(&order(at.port(), title), &means_with(patience, &[]), &redact).await;
    let mails = mails.lock().unwrap().clone();
    (end, mails)
}

#[tokio::test]
async fn a_mail_is_one_conversation_and_hostile_text_makes_no_header() {
    let title = "play@prod is down\r\nBcc: all@example.com\r\n\r\nké \u{202e}";
    let (end, mails) = sent(("", ""), title).await;
    assert!(matches!(&end, End::Accepted { remote, .. } if remote.id == "qd-090909090909"), "{end:?}");
    let [mail] = mails.as_slice() else { panic!("{mails:?}") };
    let (head, body) = mail.split_once("\r\n\r\n").unwrap();
    for line in [
        "From: qd@example.com",
        "To: one@example.com, \"Team Two\" <two@example.com>",
        "Message-ID: <qd-090909090909@example.com>",
        "References: <qd-070707070707@example.com>",
        "Auto-Submitted: auto-generated",
        "Date: Fri, 15 Jan 2027 08:00:00 +0000",
    ] {
        assert!(head.contains(line), "{line}: {head}");
    }
    assert!(!head.lines().any(|line| line.starts_with("Bcc")), "{head}");
    assert!(head.contains("Subject: [P1] INC-7 opened:") || head.contains("Subject: =?utf-8?b?"), "{head}");
    assert!(!body.contains("hunter2") && !body.contains('\u{1b}'), "{body}");
    assert!(body.contains("opened by ana"), "{body}");
}

#[tokio::test]
async fn it_is_known_whether_a_server_can_have_the_mail() {
    for (script, how, says) in [
        (("GREETING", "<html>log in</html>\r\n"), Miss::Unreachable, "no connection"),
        (("GREETING", "554 no service\r\n"), Miss::Refused, "no connection"),
        (("GREETING", "hang"), Miss::Unreachable, "within 300ms"),
        (("EHLO", "421 too busy\r\n"), Miss::Unreachable, "no connection"),
        (("MAIL", "550 5.7.1 \u{1b}[2J sender\r\n"), Miss::Refused, "the sender is not taken"),
        (("MAIL", ""), Miss::Unreachable, "the sender is not taken"),
        (("RCPT", "550 no such user\r\n"), Miss::Refused, "no recipient is taken"),
        (("RCPT", "451 greylisted\r\n"), Miss::Unreachable, "one@example.com is not taken now"),
        (("DATA", "452 disk full\r\n"), Miss::Unreachable, "the mail is not taken"),
        (("DATA", "hang"), Miss::Unreachable, "did not ask for the mail"),
        (("END", "451 try later\r\n"), Miss::Unreachable, "not taken now"),
        (("END", "554 spam\r\n"), Miss::Refused, "the mail was not taken"),
        (("END", ""), Miss::Ambiguous, "no answer to the mail"),
        (("END", "hang"), Miss::Ambiguous, "did not say that it has the mail"),
        (("END", "junk\u{1b}]0;x\u{7}\r\n"), Miss::Ambiguous, "no answer to the mail"),
    ] {
        let (end, mails) = sent(script, "play@prod is down").await;
        println!("{script:?}: {end:?}");
        let End::Missed { how: was, reason, .. } = end else { panic!("{script:?}: {end:?}") };
        assert_eq!(was, how, "{script:?}: {reason}");
        assert!(reason.contains(says), "{script:?}: {reason}");
        assert!(!reason.contains(['\u{1b}', '\u{7}', '\n']), "{reason:?}");
        assert_eq!(mails.len(), usize::from(script.0 == "END"), "{script:?}");
    }
    let (end, mails) = sent(("RCPT 2", "550 no such user\r\n"), "play@prod is down").await;
    let End::Accepted { remote, .. } = end else { panic!("{end:?}") };
    assert_eq!((remote.id.as_str(), mails.len()), ("qd-090909090909, but not to two@example.com", 1));
}
