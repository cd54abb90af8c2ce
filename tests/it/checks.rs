//! Each kind of check against real servers on loopback that behave and misbehave.
use quarterdeck::{
    checks::{self, Seen},
    core::{inventory::CheckSpec, services::Outcome, time::DAY},
    remote::{Exit, Output},
};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::net::{Authority, Hosts, ask, closed_port, greets, http, mute, says, see, spec, web, web_at, web_tls};

fn said(seen: &Seen) -> (Outcome, &str) {
    (seen.outcome, seen.detail.as_str())
}

async fn page(at: std::net::SocketAddr, more: Value) -> Seen {
    let mut params = json!({ "url": format!("http://{at}/health?x=1") });
    params.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    see("http", params).await
}

#[tokio::test]
async fn the_status_decides_and_is_said() {
    for (status, expect, want) in [
        ("200 OK", json!({}), (Outcome::Up, "200")),
        ("204 No Content", json!({ "expect": ["200-299"] }), (Outcome::Up, "204")),
        ("503 Service Unavailable", json!({}), (Outcome::Down, "503, expected 2xx")),
        ("404 Not Found", json!({ "expect": ["2xx", "301"] }), (Outcome::Down, "404, expected 2xx or 301")),
        ("404 Not Found", json!({ "expect": ["404"] }), (Outcome::Up, "404")),
    ] {
        let at = web(move |_| http(status, "", "")).await;
        let seen = page(at, expect).await;
        assert_eq!(said(&seen), want);
        assert!(seen.took_ms.is_some() && seen.cert_not_after.is_none());
    }
    for bad in ["2x", "99", "300-200", "abc", "-"] {
        let report = checks::probe(&spec("http", json!({ "url": "http://x/", "expect": [bad] }))).err().unwrap();
        assert!(report.to_string().contains("`expect`"), "{report}");
    }
}

#[tokio::test]
async fn the_body_must_say_what_is_expected() {
    let at = web(|_| http("200 OK", "", r#"{"status":"ok","n":1.0,"items":[{"up":true}]}"#)).await;
    for (want, good) in [
        (json!({ "contains": "\"ok\"" }), None),
        (json!({ "contains": "fine" }), Some("body does not contain \"fine\"")),
        (json!({ "regex": r#""n":\d"# }), None),
        (json!({ "regex": "^n" }), Some("body does not match /^n/")),
        (json!({ "json": { "pointer": "/status", "equals": "ok" } }), None),
        (json!({ "json": { "pointer": "/n", "equals": 1 } }), None),
        (json!({ "json": { "pointer": "/items/0/up", "equals": true } }), None),
        (json!({ "json": { "pointer": "/items" } }), None),
        (json!({ "json": { "pointer": "/status", "equals": "up" } }), Some("/status is \"ok\", expected \"up\"")),
        (json!({ "json": { "pointer": "/items/1" } }), Some("/items/1 is missing in the body")),
    ] {
        let seen = page(at, want.clone()).await;
        let expected = good.map_or((Outcome::Up, "200"), |detail| (Outcome::Down, detail));
        assert_eq!(said(&seen), expected, "{want}");
    }
    let html = web(|_| http("200 OK", "content-type: text/html\r\n", "<html>sign in</html>")).await;
    let seen = page(html, json!({ "json": { "pointer": "/status" } })).await;
    assert_eq!(said(&seen), (Outcome::Down, "body is not JSON: \"<html>sign in</html>\""));
}

#[tokio::test]
async fn a_body_is_read_to_its_first_mebibyte_and_no_further() {
    let (told, mut heard) = mpsc::unbounded_channel();
    let at = super::net::listen(move |mut stream| {
        let told = told.clone();
        async move {
            use tokio::io::AsyncWriteExt as _;
            super::net::read_request(&mut stream).await;
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\nbegin").await.unwrap();
            let mut sent = 0_usize;
            // Endless: it ends only because the reader goes away.
            while let Ok(()) = stream.write_all(&[b'x'; 8_192]).await {
                sent += 65_536;
            }
            told.send(sent).unwrap();
        }
    })
    .await;
    assert_eq!(said(&page(at, json!({ "contains": "begin" })).await), (Outcome::Up, "200"));
    let sent = heard.recv().await.unwrap();
    println!("an endless body was cut off after {sent} bytes were sent");
    let seen = page(at, json!({ "contains": "end" })).await;
    assert_eq!(said(&seen), (Outcome::Down, "body does not contain \"end\" in its first 1 MiB"));
    let seen = page(at, json!({ "json": { "pointer": "" } })).await;
    assert_eq!(said(&seen), (Outcome::Down, "body is longer than 1 MiB, too long to read as JSON"));
}

#[tokio::test]
async fn headers_are_required_and_forbidden() {
    let at = web(|_| http("200 OK", "Strict-Transport-Security: Max-Age=63072000\r\nServer: nginx/1.22\r\n", "")).await;
    for (want, good) in [
        (json!({ "require_headers": { "strict-transport-security": "max-age" } }), None),
        (json!({ "require_headers": { "Strict-Transport-Security": "" } }), None),
        (
            json!({ "require_headers": { "strict-transport-security": "preload" } }),
            Some("header strict-transport-security is \"Max-Age=63072000\", expected \"preload\""),
        ),
        (json!({ "require_headers": { "x-frame-options": "" } }), Some("header x-frame-options is missing")),
        (json!({ "forbid_headers": ["x-powered-by"] }), None),
        (json!({ "forbid_headers": ["Server"] }), Some("header server must not be sent, is \"nginx/1.22\"")),
    ] {
        let expected = good.map_or((Outcome::Up, "200"), |detail| (Outcome::Down, detail));
        assert_eq!(said(&page(at, want.clone()).await), expected, "{want}");
    }
}

#[tokio::test]
async fn method_headers_and_body_are_sent_and_secrets_come_by_reference() {
    let (told, mut heard) = mpsc::unbounded_channel();
    let at = web(move |request| {
        told.send(request.to_owned()).unwrap();
        http("200 OK", "", "")
    })
    .await;
    let token = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(token.path(), "s3cret\n").unwrap();
    let reference = format!("file:{}", token.path().display());
    let more = json!({ "method": "POST", "headers": { "x-token": reference, "accept": "text/plain" }, "body": "ping" });
    assert_eq!(page(at, more.clone()).await.outcome, Outcome::Up);
    let request = heard.recv().await.unwrap();
    assert!(request.starts_with("POST /health?x=1 HTTP/1.1\r\n"), "{request}");
    for line in ["x-token: s3cret\r\n", "accept: text/plain\r\n", "content-length: 4\r\n", "user-agent: quarterdeck/"] {
        assert!(request.contains(line), "{line} in {request}");
    }
    let far = json!({ "url": "http://far.example/", "headers": { "x-token": reference } });
    let report = checks::probe(&spec("http", far)).err().unwrap().to_string();
    assert!(report.contains("header `x-token` is a secret, and the URL is not encrypted"), "{report}");
    let missing = json!({ "url": "https://x/", "headers": { "x-token": "env:QD_TEST_NO_SUCH_VARIABLE" } });
    let report = checks::probe(&spec("http", missing)).err().unwrap().to_string();
    assert!(report.contains("QD_TEST_NO_SUCH_VARIABLE"), "{report}");
}

#[tokio::test]
async fn a_redirect_is_an_answer_unless_it_is_to_be_followed() {
    let (told, mut heard) = mpsc::unbounded_channel();
    let end = web(move |request| {
        told.send(request.to_owned()).unwrap();
        http("200 OK", "", "arrived")
    })
    .await;
    let at = web(move |request| {
        if request.starts_with("GET /loop") {
            return http("302 Found", "location: /loop\r\n", "");
        }
        http("302 Found", &format!("location: http://{end}/home\r\n"), "")
    })
    .await;
    let seen = page(at, json!({})).await;
    assert_eq!(said(&seen), (Outcome::Down, format!("302 to http://{end}/home, expected 2xx").as_str()));
    assert_eq!(page(at, json!({ "expect": ["302"] })).await.outcome, Outcome::Up);

    let token = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(token.path(), "s3cret").unwrap();
    let headers = json!({ "x-token": format!("file:{}", token.path().display()), "accept": "text/plain", "authorization": "Basic eDp5" });
    let seen = page(at, json!({ "redirects": 1, "contains": "arrived", "headers": headers })).await;
    assert_eq!(said(&seen), (Outcome::Up, "200"));
    let request = heard.recv().await.unwrap();
    assert!(request.contains("accept: text/plain"), "{request}");
    assert!(!request.contains("s3cret") && !request.contains("eDp5"), "secrets must not leave the origin: {request}");

    let seen = see("http", json!({ "url": format!("http://{at}/loop"), "redirects": 3 })).await;
    assert_eq!(seen.outcome, Outcome::Down);
    assert!(seen.detail.starts_with("redirect: more than 3, the last one to http://"), "{}", seen.detail);
    let odd = web(|_| http("302 Found", "location: file:///etc/passwd\r\n", "")).await;
    let seen = page(odd, json!({ "redirects": 3 })).await;
    assert_eq!(said(&seen), (Outcome::Down, "redirect: leads to file:///etc/passwd"));
}

#[tokio::test]
async fn a_listener_that_is_gone_is_seen_at_once() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    let probe = checks::probe(&spec("http", json!({ "url": format!("http://{at}/") }))).unwrap();
    let context = super::net::context(Hosts::Nowhere);
    let (open, closed) = tokio::sync::oneshot::channel::<()>();
    let serving = super::net::tasks().spawn("keep-alive", async move {
        use tokio::io::AsyncWriteExt as _;
        let (mut stream, _) = listener.accept().await.unwrap();
        drop(listener);
        super::net::read_request(&mut stream).await;
        // Kept open: a client with a pool would find this connection alive.
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await.unwrap();
        closed.await.ok();
    });
    assert_eq!(said(&probe.ask(&context).await), (Outcome::Up, "200"));
    assert_eq!(said(&probe.ask(&context).await), (Outcome::Down, "connect: refused"));
    drop(open);
    serving.join().await;
}

#[tokio::test]
async fn a_name_that_does_not_exist_is_down_or_unknown_by_who_says_so() {
    // Without a resolver, as on a build machine, nobody can deny the name: both answers are honest.
    let seen = see("http", json!({ "url": "http://no-such-name.invalid/" })).await;
    match seen.outcome {
        Outcome::Down => assert_eq!(seen.detail, "dns: no-such-name.invalid does not resolve"),
        other => {
            assert_eq!(other, Outcome::Unknown);
            assert_eq!(seen.detail, "dns: the resolver gives no answer for no-such-name.invalid");
        }
    }
}

#[tokio::test]
async fn a_time_out_says_what_it_waited_for() {
    let at = mute().await;
    let quick = |params| CheckSpec { timeout_ms: 200, ..spec("http", params) };
    let seen = ask(&quick(json!({ "url": format!("http://{at}/") })), Hosts::Nowhere).await;
    assert_eq!(said(&seen), (Outcome::Down, "no answer within 200ms, waiting for the answer"));
    let half = super::net::listen(|mut stream| async move {
        use tokio::io::AsyncWriteExt as _;
        super::net::read_request(&mut stream).await;
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf").await.unwrap();
        std::future::pending::<()>().await;
    })
    .await;
    let seen = ask(&quick(json!({ "url": format!("http://{half}/") })), Hosts::Nowhere).await;
    assert_eq!(said(&seen), (Outcome::Down, "no answer within 200ms, reading the answer"));
    let seen =
        ask(&CheckSpec { timeout_ms: 200, ..spec("tls", json!({ "address": at.to_string() })) }, Hosts::Nowhere).await;
    assert_eq!(said(&seen), (Outcome::Down, "no answer within 200ms, in the TLS handshake"));
}

const HOUR: i64 = 3_600;
const DAY_S: i64 = 24 * HOUR;

/// What `http` and `tls` say of a server whose certificate is for `localhost` from and to these seconds from now.
async fn certificate(from_s: i64, to_s: i64, more: Value) -> [Seen; 2] {
    let authority = Authority::new("CA");
    let (told, _heard) = mpsc::unbounded_channel();
    let at = web_tls("127.0.0.1:0", authority.server("localhost", from_s, to_s), told).await;
    let with = |mut params: Value| {
        params.as_object_mut().unwrap().insert("ca".into(), authority.path().into());
        params.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        params
    };
    let http = see("http", with(json!({ "url": format!("https://localhost:{}/", at.port()) }))).await;
    let tls = see("tls", with(json!({ "address": format!("localhost:{}", at.port()) }))).await;
    [http, tls]
}

#[tokio::test]
async fn a_good_certificate_is_up_and_its_end_is_recorded() {
    let [http, tls] = certificate(-HOUR, 90 * DAY_S + HOUR, json!({})).await;
    assert_eq!(said(&http), (Outcome::Up, "200"));
    assert_eq!(said(&tls), (Outcome::Up, "certificate valid for 90d"));
    for seen in [http, tls] {
        let now = chrono::DateTime::from_timestamp_millis(seen.cert_not_after.unwrap().0).unwrap();
        assert!(now.timestamp() > 0 && seen.took_ms.is_some());
    }
}

#[tokio::test]
async fn a_certificate_about_to_expire_degrades_by_steps() {
    for (days, step) in [(13, "14d"), (6, "7d"), (2, "3d")] {
        let want = format!("certificate expires in {days}d, warned from {step}");
        for seen in certificate(-HOUR, days * DAY_S + HOUR, json!({})).await {
            assert_eq!(said(&seen), (Outcome::Degraded, want.as_str()));
        }
    }
    for seen in certificate(-HOUR, 6 * DAY_S, json!({ "cert_warn": [] })).await {
        assert_eq!(seen.outcome, Outcome::Up, "{}", seen.detail);
    }
    for seen in certificate(-HOUR, 20 * DAY_S, json!({ "cert_warn": [30 * DAY] })).await {
        assert_eq!(seen.outcome, Outcome::Degraded, "{}", seen.detail);
    }
}

#[tokio::test]
async fn certificates_that_nobody_should_trust_are_down_with_their_reason() {
    for seen in certificate(-90 * DAY_S, -3 * DAY_S - HOUR, json!({})).await {
        assert_eq!(said(&seen), (Outcome::Down, "tls: certificate expired 3d ago"));
        assert!(seen.cert_not_after.is_some(), "the date is what one wants to know");
    }
    for seen in certificate(2 * DAY_S + HOUR, 90 * DAY_S, json!({})).await {
        assert_eq!(said(&seen), (Outcome::Down, "tls: certificate becomes valid in 2d"));
    }
    let (authority, stranger) = (Authority::new("Our \u{1b}[31mown CA"), Authority::new("Stranger"));
    let (told, _heard) = mpsc::unbounded_channel();
    let at = web_tls("127.0.0.1:0", authority.server("other.example", -HOUR, 90 * DAY_S + HOUR), told).await;
    let url = format!("https://localhost:{}/", at.port());
    let address = format!("localhost:{}", at.port());
    let name = (Outcome::Down, "tls: certificate is for other.example, not for localhost");
    assert_eq!(said(&see("http", json!({ "url": url, "ca": authority.path() })).await), name);
    assert_eq!(said(&see("tls", json!({ "address": address, "ca": authority.path() })).await), name);
    let other = json!({ "address": address, "ca": authority.path(), "server_name": "other.example" });
    assert_eq!(see("tls", other).await.outcome, Outcome::Up, "asked by the name it is for");
    let issuer = (Outcome::Down, "tls: certificate is not trusted: issued by \"Our own CA\", which is not known here");
    let other = json!({ "address": address, "ca": stranger.path(), "server_name": "other.example" });
    assert_eq!(said(&see("tls", other).await), issuer);
    let unverified = json!({ "address": address, "ca": stranger.path(), "verify": false });
    assert_eq!(said(&see("tls", unverified).await), (Outcome::Up, "certificate valid for 90d"));
    for seen in certificate(-90 * DAY_S, -3 * DAY_S - HOUR, json!({ "verify": false })).await.into_iter().skip(1) {
        assert_eq!(seen.outcome, Outcome::Down, "dates count also where trust does not");
    }
}

#[tokio::test]
async fn a_port_that_does_not_speak_tls_is_told_as_such() {
    let at = says("HTTP/1.1 400 Bad Request\r\n\r\n").await;
    let want = (Outcome::Down, "tls: what answers does not speak TLS");
    assert_eq!(said(&see("tls", json!({ "address": at.to_string() })).await), want);
    assert_eq!(said(&see("http", json!({ "url": format!("https://{at}/") })).await), want);
}

#[test]
fn a_ca_file_that_is_none_is_refused_when_the_check_is_made() {
    let file = tempfile::NamedTempFile::new().unwrap();
    for path in [file.path().to_str().unwrap(), "/nowhere/ca.pem"] {
        let report = checks::probe(&spec("tls", json!({ "address": "x:1", "ca": path }))).err().unwrap().to_string();
        assert!(report.contains("cannot use the CA file"), "{report}");
    }
}

/// Two servers on the same port of two addresses: two balancers behind one name.
async fn balancers(one: &'static str, two: &'static str) -> u16 {
    let at = web(move |_| http(one, "", "it works")).await;
    web_at(&format!("127.0.0.2:{}", at.port()), move |request| {
        assert!(request.to_lowercase().contains("host: balanced.example:"), "{request}");
        http(two, "", "it works")
    })
    .await;
    at.port()
}

#[tokio::test]
async fn each_balancer_behind_a_name_is_asked_and_the_worst_decides() {
    for (one, two, want) in [
        ("200 OK", "200 OK", (Outcome::Up, "200, 2 addresses")),
        ("200 OK", "502 Bad Gateway", (Outcome::Down, "127.0.0.2: 502, expected 2xx (1 of 2 addresses)")),
        ("500 Oh", "502 Bad Gateway", (Outcome::Down, "127.0.0.1: 500, expected 2xx (2 of 2 addresses)")),
    ] {
        let url = format!("http://balanced.example:{}/", balancers(one, two).await);
        let seen = see("http", json!({ "url": url, "resolve": ["127.0.0.1", "127.0.0.2"] })).await;
        assert_eq!(said(&seen), want);
    }
    let port = balancers("200 OK", "200 OK").await;
    let three = json!(["127.0.0.1", "127.0.0.2", "127.0.0.3"]);
    let url = format!("http://balanced.example:{port}/");
    let seen = see("http", json!({ "url": url, "resolve": three })).await;
    assert_eq!(said(&seen), (Outcome::Down, "127.0.0.3: connect: refused (1 of 3 addresses)"));
    assert!(checks::probe(&spec("http", json!({ "url": url, "resolve": ["nobody"] }))).is_err());
    let here = web(|_| http("200 OK", "", "")).await;
    let seen = see("http", json!({ "url": format!("http://localhost:{}/", here.port()), "resolve": "all" })).await;
    println!("all of localhost: {}", seen.detail);
    assert!(seen.detail == "200, 1 address" || seen.detail == "::1: connect: refused (1 of 2 addresses)");
}

#[tokio::test]
async fn each_address_is_asked_with_the_name_in_its_handshake() {
    let authority = Authority::new("CA");
    let (told, mut heard) = mpsc::unbounded_channel();
    let good = authority.server("balanced.example", -HOUR, 90 * DAY_S + HOUR);
    let at = web_tls("127.0.0.1:0", good, told.clone()).await;
    let old = authority.server("balanced.example", -9 * DAY_S, -2 * DAY_S - HOUR);
    web_tls(&format!("127.0.0.2:{}", at.port()), old, told).await;
    let url = format!("https://balanced.example:{}/", at.port());
    let both = json!({ "url": url, "resolve": ["127.0.0.1", "127.0.0.2"], "ca": authority.path() });
    let seen = see("http", both).await;
    let want = (Outcome::Down, "127.0.0.2: tls: certificate expired 2d ago (1 of 2 addresses)");
    assert_eq!(said(&seen), want, "one balancer kept its old certificate");
    assert_eq!(heard.recv().await.unwrap(), "balanced.example");
}

#[tokio::test]
async fn a_secret_may_be_printed_by_a_command() {
    let (told, mut heard) = mpsc::unbounded_channel();
    let at = web(move |request| {
        told.send(request.to_owned()).unwrap();
        http("200 OK", "", "")
    })
    .await;
    let seen = page(at, json!({ "headers": { "x-token": "command:echo s3cret" } })).await;
    assert_eq!(said(&seen), (Outcome::Up, "200"));
    assert!(heard.recv().await.unwrap().contains("x-token: s3cret\r\n"));
    let seen = page(at, json!({ "headers": { "x-token": "command:exit 3" } })).await;
    assert_eq!(seen.outcome, Outcome::Unknown, "{}", seen.detail);
    assert!(seen.detail.starts_with("a secret is missing: "), "{}", seen.detail);
}

#[tokio::test]
async fn tcp_connects_and_reads_a_banner() {
    let at = greets("220 mail.example ESMTP\r\n").await;
    let address = at.to_string();
    assert_eq!(said(&see("tcp", json!({ "address": address })).await), (Outcome::Up, "connected"));
    let seen = see("tcp", json!({ "address": address, "banner": "220" })).await;
    assert_eq!(said(&seen), (Outcome::Up, "said \"220 mail.example ESMTP\""));
    let seen = see("tcp", json!({ "address": address, "banner": "SSH-2.0" })).await;
    assert_eq!(said(&seen), (Outcome::Down, "said \"220 mail.example ESMTP\", expected \"SSH-2.0\""));
    assert_eq!(see("tcp", json!({ "address": closed_port().to_string() })).await.outcome, Outcome::Down);
    assert!(checks::probe(&spec("tcp", json!({ "address": "db" }))).is_err(), "a port is needed");
}

#[tokio::test]
async fn a_command_decides_by_its_exit_and_its_output() {
    for (params, want) in [
        (json!({ "run": "echo 1" }), (Outcome::Up, "exit 0")),
        (json!({ "run": "echo it\\'s 1; exit 3", "exit": 3 }), (Outcome::Up, "exit 3")),
        (json!({ "run": "printf 'role:master'", "match": "^role:" }), (Outcome::Up, "exit 0, \"role:\"")),
        (json!({ "run": "echo pong", "match": "^PONG" }), (Outcome::Down, "output \"pong\" does not match /^PONG/")),
        (json!({ "run": "echo no such db >&2; exit 2" }), (Outcome::Down, "exit 2, expected 0: no such db")),
        (json!({ "run": "printf '\\033[31mred\\033[0m'; exit 1" }), (Outcome::Down, "exit 1, expected 0: red")),
        (json!({ "run": "cat" }), (Outcome::Up, "exit 0")),
        (json!({ "run": "echo $PATH", "match": "^/opt/qd-test/bin:" }), (Outcome::Up, "exit 0, \"/opt/qd-test/bin:\"")),
        (json!({ "run": "yes | head -c 1000000", "match": "^y" }), (Outcome::Up, "exit 0, \"y\"")),
    ] {
        let seen = ask(&spec("command", params.clone()), Hosts::Here).await;
        assert_eq!(said(&seen), want, "{params}");
        assert!(seen.took_ms.is_some());
    }
}

#[tokio::test]
async fn a_command_that_hangs_is_down_and_a_host_out_of_reach_is_unknown() {
    let hangs = CheckSpec { timeout_ms: 2_000, ..spec("command", json!({ "run": "sleep 60" })) };
    let seen = ask(&hangs, Hosts::Here).await;
    assert_eq!(said(&seen), (Outcome::Down, "the command did not end in time"));
    let seen = ask(&spec("command", json!({ "run": "true" })), Hosts::Nowhere).await;
    assert_eq!(said(&seen), (Outcome::Unknown, "cannot reach web-01: no key was accepted"));
    let killed = Output { exit: Exit::Signal("KILL".into()), stdout: vec![], stderr: vec![], dropped_bytes: 0 };
    let seen = ask(&spec("command", json!({ "run": "true" })), Hosts::Says(killed)).await;
    assert_eq!(said(&seen), (Outcome::Down, "ended by signal KILL"));
    let lost = CheckSpec { on: None, ..spec("command", json!({ "run": "true" })) };
    assert!(checks::probe(&lost).err().unwrap().to_string().contains("`on` is missing"));
}

/// Set for the copy of this program that runs behind a proxy: variables are of a whole process.
const BEHIND: &str = "QD_TEST_BEHIND_PROXY";

#[tokio::test]
async fn a_proxy_of_the_environment_is_used_but_never_for_this_machine() {
    if let Ok(here) = std::env::var(BEHIND) {
        let seen = see("http", json!({ "url": "http://far.example/health" })).await;
        assert_eq!(said(&seen), (Outcome::Down, "418, expected 2xx"), "the proxy answers");
        let seen = see("http", json!({ "url": format!("http://{here}/") })).await;
        assert_eq!(said(&seen), (Outcome::Up, "200"), "loopback is asked directly");
        let pinned = json!({ "url": format!("http://far.example:{}/", here.split(':').nth(1).unwrap()), "resolve": ["127.0.0.1"] });
        assert_eq!(said(&see("http", pinned).await), (Outcome::Up, "200, 1 address"), "so is what is pinned");
        return;
    }
    let here = web(|_| http("200 OK", "", "")).await;
    let proxy = web(|request| {
        let far = request.starts_with("GET http://far.example/health HTTP/1.1\r\n");
        http(if far { "418 A proxy" } else { "500 Not meant for a proxy" }, "", "")
    })
    .await;
    let child = tokio::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "checks::a_proxy_of_the_environment_is_used_but_never_for_this_machine", "--nocapture"])
        .env(BEHIND, here.to_string())
        .env("HTTP_PROXY", format!("http://{proxy}"))
        .env("http_proxy", format!("http://{proxy}"))
        .env_remove("NO_PROXY")
        .env_remove("no_proxy")
        .env_remove("REQUEST_METHOD")
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(super::net::HANG, child).await.expect("the copy hangs").unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[tokio::test]
async fn a_check_costs_little_beside_its_connection() {
    let at = web(|_| http("200 OK", "", "")).await;
    let probe = checks::probe(&spec("http", json!({ "url": format!("http://{at}/") }))).unwrap();
    let context = super::net::context(Hosts::Nowhere);
    let began = tokio::time::Instant::now();
    for _ in 0..100 {
        assert_eq!(probe.ask(&context).await.outcome, Outcome::Up);
    }
    println!("an HTTP check on loopback, a connection and a client each: {:?}", began.elapsed() / 100);
}

#[tokio::test]
async fn a_server_that_sends_back_what_it_was_sent_tells_nobody_the_secret() {
    let secret = json!({ "authorization": "command:echo Bearer s3cret-token", "x-plain": "shown" });
    let with = |more: Value| {
        let mut params = json!({ "headers": secret.clone() });
        params.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        params
    };
    let at = web(|request| http("200 OK", "", request)).await;
    let seen = page(at, with(json!({ "json": { "pointer": "/status" } }))).await;
    assert_eq!(seen.outcome, Outcome::Down);
    let at = web(|_| http("302 Found", "Location: /x?Bearer_s3cret-token\r\n", "")).await;
    let moved = page(at, with(json!({}))).await;
    assert_eq!(said(&moved), (Outcome::Down, "302 to /x?Bearer_•••, expected 2xx"));
    let at = web(|_| http("200 OK", "X-Echo: s3cret-token\r\n", "")).await;
    let header = page(at, with(json!({ "forbid_headers": ["x-echo"] }))).await;
    for seen in [seen, moved, header] {
        assert!(!seen.detail.contains("s3cret"), "{}", seen.detail);
    }
}
