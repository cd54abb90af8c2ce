//! Documents as Qualys writes them, and what else may come in their place.
use proptest::prelude::*;

use super::*;

const FIRST: &str = include_str!("../../tests/fixtures/qualys/detections_1.xml");
const SECOND: &str = include_str!("../../tests/fixtures/qualys/detections_2.xml");
const KNOWLEDGE: &str = include_str!("../../tests/fixtures/qualys/knowledge.xml");
const RATE: &str = include_str!("../../tests/fixtures/qualys/rate_limit.xml");
const CONCURRENCY: &str = include_str!("../../tests/fixtures/qualys/concurrency.xml");
const LOGIN: &str = include_str!("../../tests/fixtures/qualys/bad_login.xml");

fn page(body: &str) -> Page {
    match detections(body.as_bytes()).unwrap() {
        Said::Answer(page) => page,
        Said::Refused(refusal) => panic!("{refusal:?}"),
    }
}

fn at(text: &str) -> Option<Timestamp> {
    moment(text)
}

/// A list with one host of this in it.
fn list(host: &str) -> String {
    format!(
        "<HOST_LIST_VM_DETECTION_OUTPUT><RESPONSE><HOST_LIST><HOST>{host}</HOST></HOST_LIST></RESPONSE></HOST_LIST_VM_DETECTION_OUTPUT>"
    )
}

#[test]
fn a_page_is_read_with_what_it_leaves_out() {
    let first = page(FIRST);
    assert_eq!(first.at, at("2026-11-20T19:30:00Z"));
    let next = "@BASE@/api/5.0/fo/asset/host/vm/detection/?action=list&truncation_limit=1&id_min=12048634";
    assert_eq!(first.next.as_deref(), Some(next));
    let asset = Asset {
        id: Some(12_048_633),
        ip: Some("10.50.2.111".into()),
        dns: Some("api-01.acme.test".into()),
        name: Some("api-01".into()),
    };
    let known = Finding {
        key: "5555555555".into(),
        qid: 197_595,
        asset: asset.clone(),
        severity: Some(5),
        sure: Some("Confirmed".into()),
        status: Status::Active,
        port: Some(443),
        protocol: Some("tcp".into()),
        first: at("2026-10-01T04:50:45Z"),
        last: at("2026-11-19T20:15:41Z"),
        score: Some(95),
        vuln: None,
        gone: None,
        at: Timestamp(0),
    };
    let bare = Finding {
        key: "12048633/11830/-/-".into(),
        qid: 11_830,
        asset,
        severity: Some(3),
        sure: Some("Potential".into()),
        status: Status::ReOpened,
        port: None,
        protocol: None,
        first: None,
        last: None,
        score: None,
        ..known.clone()
    };
    assert_eq!((first.findings, first.unread), (vec![known, bare], 0));
    // Another order of elements, a word that nobody knows, a date that is none.
    let second = page(SECOND);
    let [finding] = second.findings.as_slice() else { panic!("{second:?}") };
    assert_eq!((finding.key.as_str(), finding.asset.ip.as_deref()), ("12048634/90044/-/-", Some("10.50.2.112")));
    assert_eq!((&finding.status, finding.first, second.next), (&Status::Other("Paused".into()), None, None));
}

#[test]
fn what_is_missing_is_missing() {
    let none =
        "<HOST_LIST_VM_DETECTION_OUTPUT><RESPONSE><DATETIME>x</DATETIME></RESPONSE></HOST_LIST_VM_DETECTION_OUTPUT>";
    assert_eq!(page(none), Page::default());
    assert_eq!(page("<HOST_LIST_VM_DETECTION_OUTPUT/>"), Page::default());
    // Without a vulnerability or a host nothing was found, and that is counted.
    let detection =
        "<DETECTION_LIST><DETECTION><QID>1</QID></DETECTION><DETECTION><PORT>1</PORT></DETECTION></DETECTION_LIST>";
    assert_eq!((page(&list(detection)).findings.len(), page(&list(detection)).unread), (0, 2));
    let read = page(&list(&format!("<IP>10.0.0.1</IP>{detection}")));
    assert_eq!((read.findings.len(), read.unread), (1, 1));
    let finding = &read.findings[0];
    assert_eq!((finding.severity, &finding.status), (None, &Status::Other("?".into())));
    for (severity, is) in [("0", None), ("6", None), ("x", None), ("-1", None), (" 4 ", Some(4))] {
        let text = format!(
            "<ID>1</ID><DETECTION_LIST><DETECTION><QID>1</QID><SEVERITY>{severity}</SEVERITY></DETECTION></DETECTION_LIST>"
        );
        assert_eq!(page(&list(&text)).findings[0].severity, is, "{severity}");
    }
}

#[test]
fn the_library_is_read() {
    let Said::Answer(all) = knowledge(KNOWLEDGE.as_bytes(), Timestamp(7)).unwrap() else { panic!() };
    let header = Vuln {
        title: Some("HTTP Security Header Not Detected".into()),
        pci: Some(true),
        cves: Vec::new(),
        patchable: Some(false),
        asked: Timestamp(7),
    };
    let openssl = Vuln {
        title: Some("OpenSSL < 3.0.7 & friends".into()),
        pci: None,
        cves: vec!["CVE-2022-3602".into(), "CVE-2022-3786".into()],
        patchable: Some(true),
        asked: Timestamp(7),
    };
    assert_eq!(all, [(11_830, header), (197_595, openssl)]);
    let none = "<KNOWLEDGE_BASE_VULN_LIST_OUTPUT><RESPONSE><ID_SET><ID>1</ID></ID_SET></RESPONSE></KNOWLEDGE_BASE_VULN_LIST_OUTPUT>";
    assert_eq!(knowledge(none.as_bytes(), Timestamp(7)), Ok(Said::Answer(Vec::new())));
}

#[test]
fn a_refusal_is_one_under_any_question() {
    let rate = refusal(RATE.as_bytes()).unwrap();
    assert_eq!((rate.code, rate.wait_s, rate.calls), (Some(1_965), Some(68_928), None));
    assert!(rate.text.starts_with("This API cannot be run again"), "{rate:?}");
    let calls = refusal(CONCURRENCY.as_bytes()).unwrap();
    assert_eq!((calls.code, calls.wait_s, calls.calls), (Some(1_960), None, Some(2)));
    assert_eq!(refusal(LOGIN.as_bytes()).unwrap().text, "Bad Login/Password");
    assert_eq!(detections(RATE.as_bytes()), Ok(Said::Refused(rate.clone())));
    assert_eq!(knowledge(RATE.as_bytes(), Timestamp(0)), Ok(Said::Refused(rate)));
    assert_eq!((refusal(FIRST.as_bytes()), refusal(b"")), (None, None));
}

#[test]
fn what_is_hostile_is_refused_or_harmless() {
    for (body, says) in [
        ("", "breaks off"),
        ("<!DOCTYPE html><html><body>Login</body></html>", "begins with <html>"),
        ("<html", "cannot be read"),
        ("{\"a\":1}", "breaks off"),
        ("<KNOWLEDGE_BASE_VULN_LIST_OUTPUT/>", "begins with <KNOWLEDGE_BASE"),
        ("<HOST_LIST_VM_DETECTION_OUTPUT><RESPONSE></HOST_LIST_VM_DETECTION_OUTPUT>", "cannot be read"),
        ("<HOST_LIST_VM_DETECTION_OUTPUT/><HOST_LIST_VM_DETECTION_OUTPUT/>", "after its end"),
        (&"<HOST_LIST_VM_DETECTION_OUTPUT>".repeat(40), "too deep"),
    ] {
        let error = detections(body.as_bytes()).unwrap_err();
        assert!(error.contains(says), "{body}: {error}");
    }
    // An entity of the document's own means nothing here, and grows to nothing.
    let bomb = format!(
        "<!DOCTYPE x [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b SYSTEM \"file:///etc/passwd\">]>{}",
        list("<ID>1</ID><DNS>&a;&b;</DNS><DETECTION_LIST><DETECTION><QID>1</QID></DETECTION></DETECTION_LIST>")
    );
    assert_eq!(page(&bomb).findings[0].asset.dns.as_deref(), Some("??"));
    let long = format!(
        "<ID>1</ID><DNS>\u{1b}]0;x\u{7}a\r\nb{}</DNS><DETECTION_LIST><DETECTION><QID>1</QID></DETECTION></DETECTION_LIST>",
        "c".repeat(100_000)
    );
    let dns = page(&list(&long)).findings[0].asset.dns.clone().unwrap();
    assert!(dns.chars().count() <= sanitise::MAX_NAME && dns.chars().all(sanitise::is_safe), "{dns}");
}

proptest! {
    #[test]
    fn a_document_that_breaks_off_is_never_whole(cut in 0..FIRST.trim_end().len()) {
        prop_assert!(detections(&FIRST.as_bytes()[..cut]).is_err());
    }

    #[test]
    fn the_library_that_breaks_off_is_never_whole(cut in 0..KNOWLEDGE.trim_end().len()) {
        prop_assert!(knowledge(&KNOWLEDGE.as_bytes()[..cut], Timestamp(0)).is_err());
    }

    #[test]
    fn a_changed_byte_breaks_nothing(place in 0..FIRST.len(), byte: u8) {
        let mut body = FIRST.as_bytes().to_vec();
        body[place] = byte;
        if let Ok(Said::Answer(page)) = detections(&body) {
            for finding in page.findings {
                prop_assert!(finding.asset.label().chars().all(sanitise::is_safe));
            }
        }
    }
}
