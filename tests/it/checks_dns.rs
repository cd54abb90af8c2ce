//! `dns` against name servers on loopback that speak the real wire format, over UDP and TCP.
use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use hickory_proto::{
    op::{Message, MessageType, ResponseCode},
    rr::{Name, RData, Record, rdata},
};
use quarterdeck::{
    checks::{self, Seen},
    core::{inventory::CheckSpec, services::Outcome},
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, UdpSocket},
};

use super::net::{Hosts, ask, closed_port, see, spec, tasks};

/// Which way a question came.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Udp,
    Tcp,
}

/// Starts a name server on one port of UDP and TCP; `answer` makes the bytes, several datagrams if need be.
async fn server(answer: impl Fn(Message, Way) -> Vec<Vec<u8>> + Send + Sync + 'static) -> SocketAddr {
    // A free port for both: what TCP gets by chance, UDP may have taken.
    let (udp, tcp) = loop {
        let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
        if let Ok(udp) = UdpSocket::bind(tcp.local_addr().unwrap()).await {
            break (udp, tcp);
        }
    };
    let at = udp.local_addr().unwrap();
    let answer = Arc::new(answer);
    let by_tcp = Arc::clone(&answer);
    let tasks = tasks();
    tasks
        .spawn("udp", async move {
            let mut buffer = [0; 4_096];
            while let Ok((length, from)) = udp.recv_from(&mut buffer).await {
                for bytes in answer(Message::from_vec(&buffer[..length]).unwrap(), Way::Udp) {
                    udp.send_to(&bytes, from).await.unwrap();
                }
            }
        })
        .detach();
    tasks
        .spawn("tcp", async move {
            while let Ok((mut stream, _)) = tcp.accept().await {
                let length = stream.read_u16().await.unwrap();
                let mut question = vec![0; length.into()];
                stream.read_exact(&mut question).await.unwrap();
                for bytes in by_tcp(Message::from_vec(&question).unwrap(), Way::Tcp) {
                    stream.write_all(&bytes).await.ok();
                }
            }
        })
        .detach();
    at
}

fn reply(question: &Message, code: ResponseCode, answers: &[(&str, RData)]) -> Message {
    let mut message = Message::new(question.metadata.id, MessageType::Response, question.metadata.op_code);
    message.metadata.response_code = code;
    message.metadata.authoritative = true;
    message.add_queries(question.queries.clone());
    for (name, data) in answers {
        message.add_answer(Record::from_rdata(name_of(name), 60, data.clone()));
    }
    message
}

fn bytes(message: &Message, way: Way) -> Vec<Vec<u8>> {
    let bytes = message.to_vec().unwrap();
    match way {
        Way::Udp => vec![bytes],
        Way::Tcp => vec![[&u16::try_from(bytes.len()).unwrap().to_be_bytes()[..], &bytes].concat()],
    }
}

fn name_of(name: &str) -> Name {
    Name::from_ascii(format!("{name}.")).unwrap()
}

fn a(address: &str) -> RData {
    RData::A(rdata::A(address.parse().unwrap()))
}

fn soa(serial: u32) -> RData {
    RData::SOA(rdata::SOA::new(name_of("ns1.example.com"), name_of("ops.example.com"), serial, 1, 1, 1, 1))
}

/// A server that answers every question alike.
async fn always(code: ResponseCode, answers: Vec<(&'static str, RData)>) -> SocketAddr {
    server(move |question, way| bytes(&reply(&question, code, &answers), way)).await
}

async fn lookup(servers: &[SocketAddr], more: Value) -> Seen {
    let servers: Vec<_> = servers.iter().map(ToString::to_string).collect();
    let mut params = json!({ "query": "www.example.com", "servers": servers });
    params.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    see("dns", params).await
}

#[tokio::test]
async fn every_type_of_record_is_read_and_compared() {
    let www = "www.example.com";
    for (record, data, expect, detail) in [
        ("A", vec![a("192.0.2.2"), a("192.0.2.1")], "192.0.2.0/24", "192.0.2.1, 192.0.2.2"),
        ("AAAA", vec![RData::AAAA(rdata::AAAA("2001:db8::1".parse().unwrap()))], "2001:db8::/32", "2001:db8::1"),
        ("CNAME", vec![RData::CNAME(rdata::CNAME(name_of("lb.example.net")))], "LB.example.net.", "lb.example.net"),
        (
            "MX",
            vec![RData::MX(rdata::MX::new(10, name_of("mx.example.com")))],
            "10 mx.example.com",
            "10 mx.example.com",
        ),
        ("NS", vec![RData::NS(rdata::NS(name_of("ns1.example.com")))], "ns1.example.com", "ns1.example.com"),
        ("TXT", vec![RData::TXT(rdata::TXT::new(vec!["v=spf1 ".into(), "-all".into()]))], "v=spf1 -all", "v=spf1 -all"),
        ("SOA", vec![soa(7)], "ns1.example.com ops.example.com 7", "ns1.example.com ops.example.com 7"),
        (
            "CAA",
            vec![RData::CAA(rdata::CAA::new_issue(false, Some(name_of("ca.example")), vec![]))],
            "0 issue \"ca.example.\"",
            "0 issue \"ca.example.\"",
        ),
    ] {
        let at = always(ResponseCode::NoError, data.into_iter().map(|data| (www, data)).collect()).await;
        let seen = lookup(&[at], json!({ "record": record, "expect": [expect] })).await;
        assert_eq!((seen.outcome, seen.detail.as_str()), (Outcome::Up, detail), "{record}");
        assert!(seen.took_ms.is_some());
    }
}

#[tokio::test]
async fn denials_silence_and_wrong_answers_differ() {
    for (code, detail) in [
        (ResponseCode::NXDomain, "NXDOMAIN: there is no such name"),
        (ResponseCode::ServFail, "SERVFAIL: the server could not find out"),
        (ResponseCode::Refused, "REFUSED: the server does not answer this"),
        (ResponseCode::NoError, "NODATA: the name has no A record"),
    ] {
        let at = always(code, vec![]).await;
        let seen = lookup(&[at], json!({})).await;
        assert_eq!((seen.outcome, seen.detail), (Outcome::Down, format!("{at}: {detail}")));
    }
    let at = always(ResponseCode::NoError, vec![("www.example.com", a("203.0.113.9"))]).await;
    let seen = lookup(&[at], json!({ "expect": ["192.0.2.0/24"] })).await;
    assert_eq!((seen.outcome, seen.detail), (Outcome::Down, format!("{at}: 203.0.113.9 is not expected")));
    let seen = lookup(&[at], json!({ "expect": ["203.0.113.9", "203.0.113.10"] })).await;
    assert_eq!(seen.detail, format!("{at}: 203.0.113.10 is missing, got 203.0.113.9"));
    let closed = closed_port();
    let seen = lookup(&[at, closed], json!({})).await;
    assert_eq!((seen.outcome, seen.detail), (Outcome::Down, format!("{closed}: refused")), "the one at fault is named");
}

#[tokio::test]
async fn aliases_are_followed_within_the_answer_and_other_names_are_passed_over() {
    let alias = |to| RData::CNAME(rdata::CNAME(name_of(to)));
    let at = always(
        ResponseCode::NoError,
        vec![
            ("evil.example.com", a("203.0.113.66")),
            ("lb.example.net", a("192.0.2.7")),
            ("WWW.example.com", alias("lb.example.net")),
        ],
    )
    .await;
    let seen = lookup(&[at], json!({ "expect": ["192.0.2.7"] })).await;
    assert_eq!((seen.outcome, seen.detail.as_str()), (Outcome::Up, "192.0.2.7"));
    let circle = always(
        ResponseCode::NoError,
        vec![("www.example.com", alias("b.example.com")), ("b.example.com", alias("www.example.com"))],
    )
    .await;
    assert_eq!(lookup(&[circle], json!({})).await.detail, format!("{circle}: NODATA: the name has no A record"));
}

#[tokio::test]
async fn the_serials_of_all_servers_must_agree() {
    let serial = |n| always(ResponseCode::NoError, vec![("example.com", soa(n))]);
    let (one, two, old) = (serial(2_026_112_002).await, serial(2_026_112_002).await, serial(2_026_112_001).await);
    let zone = |servers: &[SocketAddr], more: Value| {
        let mut params = json!({
            "query": "example.com", "agree": "soa", "servers": servers.iter().map(ToString::to_string).collect::<Vec<_>>(),
        });
        params.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        spec("dns", params)
    };
    let seen = ask(&zone(&[one, two], json!({})), Hosts::Nowhere).await;
    assert_eq!((seen.outcome, seen.detail.as_str()), (Outcome::Up, "serial 2026112002 on 2 servers"));
    let seen = ask(&zone(&[one, old, two], json!({})), Hosts::Nowhere).await;
    let want = format!("SOA serials differ: 2026112002 on {one}, {two}; 2026112001 on {old}");
    assert_eq!((seen.outcome, seen.detail), (Outcome::Down, want));
    let lame = always(ResponseCode::Refused, vec![]).await;
    let seen = ask(&zone(&[one, lame], json!({})), Hosts::Nowhere).await;
    assert_eq!(seen.detail, format!("{lame}: REFUSED: the server does not answer this"));
    let both = server(|question, way| {
        let name =
            if question.queries[0].query_type() == hickory_proto::rr::RecordType::A { a("192.0.2.1") } else { soa(5) };
        bytes(&reply(&question, ResponseCode::NoError, &[("example.com", name)]), way)
    })
    .await;
    let seen = ask(&zone(&[both, both], json!({ "record": "A", "expect": ["192.0.2.1"] })), Hosts::Nowhere).await;
    assert_eq!((seen.outcome, seen.detail.as_str()), (Outcome::Up, "serial 5 on 2 servers"));
    assert!(checks::probe(&zone(&[one], json!({}))).is_err(), "one server always agrees with itself");
}

#[tokio::test]
async fn an_answer_that_was_cut_is_asked_for_again_over_tcp() {
    let many: Vec<_> = (0..200).map(|n| ("www.example.com", a(&format!("192.0.2.{n}")))).collect();
    let full = many.clone();
    let polite = server(move |question, way| {
        let mut message = reply(&question, ResponseCode::NoError, if way == Way::Tcp { &full } else { &[] });
        message.metadata.truncation = way == Way::Udp;
        bytes(&message, way)
    })
    .await;
    let rude = server(move |question, way| {
        let mut message = reply(&question, ResponseCode::NoError, &many);
        message.metadata.truncation = way == Way::Udp;
        let mut all = bytes(&message, way);
        if way == Way::Udp {
            all[0].truncate(300);
        }
        all
    })
    .await;
    for at in [polite, rude] {
        let seen = lookup(&[at], json!({ "expect": ["192.0.2.0/24", "192.0.2.199"] })).await;
        assert_eq!(seen.outcome, Outcome::Up, "{}", seen.detail);
        assert!(seen.detail.ends_with(" and 196 more"), "{}", seen.detail);
    }
}

#[tokio::test]
async fn a_lost_datagram_is_sent_again() {
    let heard = AtomicUsize::new(0);
    let at = server(move |question, way| {
        if heard.fetch_add(1, Ordering::SeqCst) == 0 {
            return vec![];
        }
        bytes(&reply(&question, ResponseCode::NoError, &[("www.example.com", a("192.0.2.1"))]), way)
    })
    .await;
    let spec = CheckSpec {
        timeout_ms: 4_000,
        ..spec("dns", json!({ "query": "www.example.com", "servers": [at.to_string()] }))
    };
    let seen = ask(&spec, Hosts::Nowhere).await;
    assert_eq!((seen.outcome, seen.detail.as_str()), (Outcome::Up, "192.0.2.1"));
}

#[tokio::test]
async fn a_server_from_before_edns_is_asked_again_without_it() {
    let at = server(|question, way| {
        let code = if question.edns.is_some() { ResponseCode::FormErr } else { ResponseCode::NoError };
        let mut message = reply(&question, code, &[("www.example.com", a("192.0.2.1"))]);
        if code == ResponseCode::FormErr {
            (message.queries, message.answers) = (vec![], vec![]);
        }
        bytes(&message, way)
    })
    .await;
    assert_eq!(lookup(&[at], json!({})).await.outcome, Outcome::Up);
}

#[tokio::test]
async fn answers_that_anybody_could_have_sent_are_passed_over() {
    let good = [("www.example.com", a("192.0.2.1"))];
    let forged = [("www.example.com", a("203.0.113.66"))];
    let at = server(move |question, way| {
        let mut wrong_id = reply(&question, ResponseCode::NoError, &forged);
        wrong_id.metadata.id = question.metadata.id.wrapping_add(1);
        let mut other_question = reply(&question, ResponseCode::NoError, &forged);
        other_question.queries[0].name = name_of("other.example.com");
        let mut a_question = reply(&question, ResponseCode::NoError, &forged);
        a_question.metadata.message_type = MessageType::Query;
        let mut all = vec![b"garbage".to_vec(), vec![0xff; 60_000], vec![]];
        for message in [wrong_id, other_question, a_question, reply(&question, ResponseCode::NoError, &good)] {
            all.extend(bytes(&message, way));
        }
        all
    })
    .await;
    let seen = lookup(&[at], json!({})).await;
    assert_eq!((seen.outcome, seen.detail.as_str()), (Outcome::Up, "192.0.2.1"));

    let only_garbage = server(|_, _| vec![b"garbage".to_vec()]).await;
    let params = json!({ "query": "www.example.com", "servers": [only_garbage.to_string()] });
    let seen = ask(&CheckSpec { timeout_ms: 400, ..spec("dns", params) }, Hosts::Nowhere).await;
    assert_eq!(seen.outcome, Outcome::Down);
    assert!(seen.detail.contains("no answer within 400ms, "), "{}", seen.detail);
}

#[tokio::test]
async fn nonsense_over_tcp_is_told() {
    for (said, want) in
        [(vec![0_u8, 9, 1], "the connection broke off"), (b"\x00\x07garbage".to_vec(), "the answer cannot be read")]
    {
        let at = server(move |question, way| {
            if way == Way::Tcp {
                return vec![said.clone()];
            }
            let mut message = reply(&question, ResponseCode::NoError, &[]);
            message.metadata.truncation = true;
            bytes(&message, way)
        })
        .await;
        let seen = lookup(&[at], json!({})).await;
        assert_eq!((seen.outcome, seen.detail), (Outcome::Down, format!("{at}: answers nonsense: over TCP: {want}")));
    }
}

#[tokio::test]
async fn hostile_text_in_a_record_reaches_nobody() {
    let txt = RData::TXT(rdata::TXT::new(vec!["\x1b]0;owned\x07\r\n\u{202e}red".into()]));
    let at = always(ResponseCode::NoError, vec![("www.example.com", txt)]).await;
    let seen = lookup(&[at], json!({ "record": "TXT" })).await;
    assert!(seen.detail.chars().all(quarterdeck::parse::sanitise::is_safe), "{:?}", seen.detail);
    assert_eq!(seen.outcome, Outcome::Up);
}

#[test]
fn servers_and_names_that_make_no_sense_are_refused() {
    for params in [
        json!({ "query": "a..b" }),
        json!({ "query": "x", "servers": ["not a server"] }),
        json!({ "query": "x", "record": "ANY" }),
    ] {
        assert!(checks::probe(&spec("dns", params.clone())).is_err(), "{params}");
    }
}
