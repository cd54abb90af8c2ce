//! What the scanner found in that night: with what is known of it, with its login refused, without one, and before it was asked.
use std::{collections::BTreeMap, sync::Arc};

use quarterdeck::core::{
    Msg,
    action::Action,
    findings::{self, Asset, End, Event, Finding, Order, Scanner, Status, Told, Vuln},
    time::{DAY, HOUR, MINUTE, Timestamp},
};

use crate::night::{AT, Night};

/// How it is asked.
pub(crate) fn scanner() -> Scanner {
    Scanner {
        base_url: "https://qualysapi.example".into(),
        user: "acme_ro".into(),
        password: "env:QUALYS_PASSWORD".into(),
        version: "5.0".into(),
        every_ms: 6 * HOUR,
        severities: vec![3, 4, 5],
        tags: Vec::new(),
    }
}

/// A finding on a host.
pub(crate) fn finding(qid: u64, host: &str, severity: Option<u8>, last: i64) -> Finding {
    Finding {
        key: format!("{host}/{qid}"),
        qid,
        asset: Asset {
            id: Some(qid),
            ip: Some("10.50.2.111".into()),
            dns: Some(format!("{host}.acme.example")),
            name: Some(host.into()),
        },
        severity,
        sure: Some("Confirmed".into()),
        status: Status::Active,
        port: Some(443),
        protocol: Some("tcp".into()),
        first: Some(AT - 51 * DAY),
        last: Some(AT - last),
        score: Some(95),
        vuln: None,
        gone: None,
        at: Timestamp(0),
    }
}

fn vuln(title: &str, pci: bool, cves: &[&str]) -> Vuln {
    Vuln {
        title: Some(title.into()),
        pci: Some(pci),
        cves: cves.iter().map(|cve| (*cve).to_owned()).collect(),
        patchable: Some(true),
        asked: AT,
    }
}

/// What is told of all that.
pub(crate) fn told(findings: Vec<Finding>, end: End) -> Told {
    let vulns: BTreeMap<u64, Vuln> = [
        (38_904, vuln("OpenSSH Remote Code Execution (regreSSHion)", true, &["CVE-2024-6387"])),
        (38_794, vuln("TLS 1.0 is accepted", true, &[])),
        (197_595, vuln("Ubuntu security notice for OpenSSL", false, &["CVE-2022-3602", "CVE-2022-3786"])),
    ]
    .into();
    Told { findings, vulns, server: Some(AT), remaining: Some(297), notes: Vec::new(), end }
}

/// A night in which the scanner tells this, so long ago.
pub(crate) fn scanned(mut night: Night, ago: i64, told: Told) -> Night {
    let scanner = Arc::new(scanner());
    Arc::make_mut(&mut night.state.inventory).scanner = Some(Arc::clone(&scanner));
    let known = std::collections::BTreeSet::new();
    let order = Order { scanner, since: None, known, at: night.now.utc - ago };
    // As whoever records wrote it.
    let events = findings::State::default().pulled(&order, told, night.now.utc - ago);
    night.commit(events.into_iter().map(quarterdeck::core::record::Row::Finding).collect());
    night.act(&[Action::GoFindings]);
    night.pass(0);
    night
}

/// What was found.
pub(crate) fn found() -> Night {
    let gone = Finding { gone: Some(AT - DAY), ..finding(38_794, "db-01", Some(4), 9 * DAY) };
    let findings = vec![
        finding(38_904, "play-01", Some(5), 7 * HOUR),
        finding(197_595, "cloud-01", Some(4), 7 * HOUR),
        finding(38_794, "api-01", Some(3), 31 * HOUR),
        finding(11_830, "print-07", Some(3), 7 * HOUR),
        Finding { port: None, protocol: None, first: None, last: None, ..finding(90_044, "connect-01", None, 0) },
    ];
    let mut told = told(findings, End::Whole);
    told.notes.push("titles are missing: 403: the user may not read that".to_owned());
    let mut night = scanned(Night::new(), 2 * HOUR, told);
    night.commit(vec![quarterdeck::core::record::Row::Finding(Event::Found(Box::new(gone)))]);
    night.pass(0);
    night
}

/// The login was refused.
pub(crate) fn refused() -> Night {
    let why = "the login is refused: Bad Login/Password".to_owned();
    scanned(Night::calm(), 40 * MINUTE, told(Vec::new(), End::Denied { why }))
}

/// No scanner is configured.
pub(crate) fn none() -> Night {
    let mut night = Night::calm();
    night.act(&[Action::GoFindings]);
    night
}

/// An incident was opened for what the cursor is on.
pub(crate) fn opened() -> Night {
    let mut night = found();
    night.tell(Msg::Acted(Action::OpenIncident));
    night
}
