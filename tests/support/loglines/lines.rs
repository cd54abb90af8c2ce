//! Lines of real formats as they were written that night.
use quarterdeck::core::time::{MINUTE, SECOND, Timestamp};

use super::{DEPLOY, MAIL, TOKEN};
use crate::night::AT;

fn stamp(at: Timestamp, form: &str) -> String {
    at.to_utc().unwrap().format(form).to_string()
}

pub(super) fn access() -> Vec<u8> {
    const PATHS: [&str; 5] =
        ["/play/manifest.m3u8?u=81", "/play/segment/1042.ts", "/api/session", "/health", "/api/catalogue?page=2"];
    let mut out = String::new();
    for n in 0..343_u32 {
        let at = AT - 40 * MINUTE + i64::from(n) * 7 * SECOND;
        let path = PATHS[(n * 7 % 5) as usize];
        let broken = at >= DEPLOY && path.starts_with("/play");
        let status = if broken && n % 3 != 0 {
            504
        } else if n % 41 == 0 {
            404
        } else {
            200
        };
        let client = format!("203.0.113.{}", n * 13 % 60);
        out.push_str(&format!(
            "{client} - - [{}] \"GET {path} HTTP/1.1\" {status} {} \"-\" \"ExoPlayer/2.19\"\n",
            stamp(at, "%d/%b/%Y:%H:%M:%S +0000"),
            n * 997 % 41_000
        ));
    }
    out.push_str(&format!(
        "203.0.113.9 - - [{}] \"GET /play/start?token={TOKEN}&mail={MAIL} HTTP/1.1\" 200 512 \"-\" \"curl/8.1\"\n",
        stamp(AT - 9 * SECOND, "%d/%b/%Y:%H:%M:%S +0000")
    ));
    out.into_bytes()
}

pub(super) fn nginx_errors() -> Vec<u8> {
    let mut out = String::new();
    for n in 0..2_i64 {
        let at = AT - 39 * MINUTE + n * 8 * MINUTE;
        out.push_str(&format!(
            "{} [notice] 889#889: signal 1 (SIGHUP) received from {}, reconfiguring\n",
            stamp(at, "%Y/%m/%d %H:%M:%S"),
            700 + n
        ));
    }
    for n in 0..60_i64 {
        let at = DEPLOY + n * 12 * SECOND + 4 * SECOND;
        out.push_str(&format!(
            "{} [error] 889#889: *{} upstream timed out (110: Connection timed out) while reading response header from upstream, client: 203.0.113.{}, server: play.acme.example, request: \"GET /play/manifest.m3u8 HTTP/1.1\", upstream: \"http://127.0.0.1:3004/manifest\", host: \"play.acme.example\"\n",
            stamp(at, "%Y/%m/%d %H:%M:%S"),
            1_700 + n,
            n * 13 % 60
        ));
    }
    out.into_bytes()
}

pub(super) fn json_line(at: Timestamp, level: u8, msg: &str, request: &str, status: u16) -> String {
    format!(
        "{{\"level\":{level},\"time\":{},\"pid\":17,\"hostname\":\"api-01\",\"request_id\":\"{request}\",\"res\":{{\"statusCode\":{status}}},\"responseTime\":{},\"msg\":\"{msg}\"}}\n",
        at.0,
        20 + at.0 / 1_000 % 700
    )
}

pub(super) fn pino() -> Vec<u8> {
    let mut out = String::new();
    for n in 0..150_i64 {
        let at = AT - 39 * MINUTE + n * 15_400;
        let request = format!("{:04x}", 7_900 + n / 3 * 17);
        let (level, msg, status) = match n % 11 {
            4 => (40, "cache miss for the catalogue, asked the database".to_owned(), 200),
            2 | 7 if at < DEPLOY => (30, format!("segment store answered in {} ms", n % 17 + 3), 200),
            9 if at >= DEPLOY => (50, format!("segment store refused: ECONNREFUSED 127.0.0.1:{}", 3_004), 503),
            _ => (30, "request completed".to_owned(), 200),
        };
        out.push_str(&json_line(at, level, &msg, &request, status));
    }
    out.push_str(&format!(
        "{{\"level\":40,\"time\":{},\"pid\":17,\"hostname\":\"api-01\",\"msg\":\"login refused for {MAIL}\",\"headers\":{{\"authorization\":\"Bearer {TOKEN}\"}}}}\n",
        (AT - 2 * MINUTE).0
    ));
    out.into_bytes()
}

pub(super) fn laravel() -> Vec<u8> {
    let mut out = String::new();
    for n in 0..9_i64 {
        let at = AT - 30 * MINUTE + n * 200 * SECOND;
        out.push_str(&format!(
            "[{}] production.INFO: invoice {} sent {{\"partner\":\"claro\"}} \n",
            stamp(at, "%Y-%m-%d %H:%M:%S"),
            88_100 + n
        ));
    }
    out.push_str(&format!(
        "[{}] production.ERROR: SQLSTATE[HY000] [2002] Connection refused {{\"exception\":\"[object] (PDOException(code: 2002)\n[stacktrace]\n#0 /srv/billing/app/Invoices.php(128): PDO->__construct()\n#1 /srv/billing/app/Job.php(41): Invoices->next()\n#2 {{main}}\n\"}} \n",
        stamp(AT - 70 * SECOND, "%Y-%m-%d %H:%M:%S")
    ));
    out.into_bytes()
}

/// Lines that a terminal must never be told.
pub(crate) fn hostile() -> Vec<Vec<u8>> {
    vec![
        b"\x1b[2J\x1b[31mred\x1b[0m and \x1b]0;title\x07 a title".to_vec(),
        "a name turned \u{202e}gpj.exe\u{202c} around\u{200b}\u{feff}".as_bytes().to_vec(),
        b"zero \0 and \x9b31m and \xff\xfe, \ttabbed\r back".to_vec(),
        [b"long ".as_slice(), &b"0123456789abcdef".repeat(1_280), b" end"].concat(),
        format!("Authorization: Bearer {TOKEN} for {MAIL}").into_bytes(),
        "wide 日本語 and e\u{301}\u{301}\u{301} and 👩‍👩‍👧".as_bytes().to_vec(),
    ]
}
