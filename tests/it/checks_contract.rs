//! What every kind of check promises. A new kind adds one line to [`towards`].
use std::{collections::BTreeSet, net::SocketAddr, path::Path};

use quarterdeck::{
    checks::{self, MAX_DETAIL},
    config::{Field, Shape},
    core::{inventory::CheckSpec, services::Outcome},
    parse::sanitise,
    remote::{Exit, Output},
};
use serde_json::json;
use tokio::net::UdpSocket;

use super::net::{Hosts, ask, closed_port, context, greets, listen, mute, says, spec};

/// Settings that lead a kind to an address.
fn towards(kind: &str, at: SocketAddr) -> CheckSpec {
    let params = match kind {
        "command" => json!({ "run": "true", "match": "works" }),
        "dns" => json!({ "query": "example.com", "servers": [at.to_string()] }),
        "http" => json!({ "url": format!("http://{at}/"), "contains": "works" }),
        "tcp" => json!({ "address": at.to_string(), "banner": "works" }),
        "tls" => json!({ "address": at.to_string() }),
        other => panic!("tell this test how a check of type {other} finds its server"),
    };
    spec(kind, params)
}

#[test]
fn every_file_is_a_kind_and_every_kind_has_its_file() {
    let names: Vec<_> = checks::ALL.iter().map(|check| check.name()).collect();
    let unique: BTreeSet<_> = names.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(unique.len(), names.len(), "names are unique");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/checks");
    let files: BTreeSet<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
        .filter(|name| !["mod", "params"].contains(&name.as_str()))
        .collect();
    assert_eq!(files, unique, "an unregistered file, or a name that is not its file's");
    assert_eq!(checks::kinds().len(), names.len());
}

#[test]
fn every_setting_is_documented() {
    fn look(kind: &str, fields: &[Field]) {
        let mut seen = BTreeSet::new();
        for field in fields {
            assert!(seen.insert(field.name), "{kind}: {} twice", field.name);
            assert!(field.doc.ends_with('.') && !field.doc.contains('\n'), "{kind}: {}", field.name);
            if let Shape::Table(inner) = field.shape {
                look(kind, inner);
            }
        }
    }
    for check in checks::ALL {
        look(check.name(), check.fields());
    }
}

#[test]
fn an_unknown_kind_is_told_with_those_that_exist() {
    let report = checks::probe(&spec("ping", json!({}))).err().unwrap();
    assert_eq!(
        report.to_string(),
        "play@prod/page: there is no check of type `ping`\n  types: command, dns, http, tcp, tls"
    );
}

#[tokio::test]
async fn a_server_that_never_answers_costs_no_more_than_the_time_out() {
    let tcp = mute().await;
    let udp = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    for check in checks::ALL {
        let at = if check.name() == "dns" { udp.local_addr().unwrap() } else { tcp };
        let spec = CheckSpec { timeout_ms: 300, ..towards(check.name(), at) };
        let seen = ask(&spec, Hosts::Silent).await;
        assert_eq!(seen.outcome, check.silence(), "{}: {}", check.name(), seen.detail);
        assert!(seen.detail.contains("no answer within 300ms"), "{}: {}", check.name(), seen.detail);
        assert_eq!(seen.took_ms, None, "{}: what never came took no time", check.name());
    }
}

#[tokio::test]
async fn a_dropped_check_lets_go_of_its_connection() {
    let (told, mut heard) = tokio::sync::mpsc::channel(8);
    let at = listen(move |mut stream| {
        let told = told.clone();
        async move {
            told.send("open").await.unwrap();
            let mut rest = Vec::new();
            tokio::io::AsyncReadExt::read_to_end(&mut stream, &mut rest).await.ok();
            told.send("closed").await.unwrap();
        }
    })
    .await;
    for kind in ["http", "tcp", "tls"] {
        let probe = checks::probe(&towards(kind, at)).unwrap();
        let context = context(Hosts::Silent);
        let mut asking = Box::pin(probe.ask(&context));
        tokio::select! {
            seen = &mut asking => panic!("{kind} ended: {seen:?}"),
            word = heard.recv() => assert_eq!(word, Some("open"), "{kind}"),
        }
        drop(asking);
        let word = tokio::time::timeout(super::net::HANG, heard.recv()).await.expect("the connection stays open");
        assert_eq!(word, Some("closed"), "{kind}");
    }
}

#[tokio::test]
async fn whatever_comes_back_the_result_is_one_clean_line() {
    let mut hostile: Vec<Vec<u8>> = vec![
        b"".to_vec(),
        b"\0".to_vec(),
        b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nbroken off".to_vec(),
        b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 4\r\n\r\nnope".to_vec(),
        b"HTTP/1.1 999999 \x1b[2J\r\n\r\n".to_vec(),
        b"HTTP/1.1 302 Found\r\nlocation: \x1b]0;owned\x07http://x/\r\ncontent-length: 0\r\n\r\n".to_vec(),
        b"ICY 200 OK\r\n\r\n".to_vec(),
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nffffffffffffffffff\r\n".to_vec(),
        b"HTTP/1.1 503 \x1b[31mred\x1b[0m\r\ncontent-length: 0\r\n\r\n".to_vec(),
        "HTTP/1.1 200 OK\r\ncontent-length: 12\r\n\r\n\u{202e}\x1b[2J\r\nxyz".as_bytes().to_vec(),
        b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 13\r\n\r\n<html></html>".to_vec(),
        vec![0xff; 100_000],
        b"\x15\x03\x01\x00\x02\x02\x46".to_vec(),
        b"\x16\x03\x03\xff\xff".to_vec(),
    ];
    hostile.push([b"HTTP/1.1 200 OK\r\nx: ".as_slice(), &vec![b'a'; 2 << 20]].concat());
    hostile.push([b"HTTP/1.1 200 OK\r\ncontent-length: 9000000\r\n\r\n".as_slice(), &vec![b'\x1b'; 3 << 20]].concat());
    for bytes in hostile {
        let (asked, greeting) = (says(bytes.clone()).await, greets(bytes.clone()).await);
        let output =
            Output { exit: Exit::Code(0), stdout: bytes.clone(), stderr: b"\x1b[2J\r\nx".to_vec(), dropped_bytes: 0 };
        for kind in ["http", "tcp", "tls", "command"] {
            let at = if kind == "tcp" { greeting } else { asked };
            let seen = ask(&towards(kind, at), Hosts::Says(output.clone())).await;
            let start = String::from_utf8_lossy(&bytes[..bytes.len().min(40)]).into_owned();
            assert_eq!(seen.outcome, Outcome::Down, "{kind} {start:?}: {}", seen.detail);
            assert!(!seen.detail.is_empty() && seen.detail.chars().count() <= MAX_DETAIL, "{kind} {start:?}");
            assert!(seen.detail.chars().all(sanitise::is_safe), "{kind} {start:?}: {:?}", seen.detail);
        }
    }
}

#[tokio::test]
async fn a_port_where_nothing_listens_is_down() {
    for kind in ["http", "tcp", "tls"] {
        let seen = ask(&towards(kind, closed_port()), Hosts::Nowhere).await;
        assert_eq!((seen.outcome, seen.detail.as_str()), (Outcome::Down, "connect: refused"), "{kind}");
    }
    let seen = ask(&towards("dns", closed_port()), Hosts::Nowhere).await;
    assert_eq!(seen.outcome, Outcome::Down);
    assert!(seen.detail.ends_with(": refused"), "{}", seen.detail);
}

#[tokio::test]
async fn an_answer_above_the_slow_threshold_is_degraded() {
    let at = greets("it works\n").await;
    let spec = CheckSpec { slow_ms: Some(0), ..towards("tcp", at) };
    let seen = ask(&spec, Hosts::Nowhere).await;
    assert_eq!(seen.outcome, Outcome::Degraded, "{}", seen.detail);
    assert!(seen.detail.contains("slow from 0ms"), "{}", seen.detail);
}
