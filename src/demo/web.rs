//! The services: HTTP/1.1 servers on loopback that answer as the simulated world says.
use std::{sync::Arc, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};
use tokio_rustls::TlsAcceptor;

use super::{
    cast::Service,
    scanner,
    stage::{Shared, look},
    world::Answer,
};
use crate::tasks::Tasks;

/// The longest request head that is read.
const HEAD: usize = 16 * 1024;
/// How long a connection may stay silent.
const IDLE: Duration = Duration::from_secs(30);
/// How many connections a service serves at once.
const CONNECTIONS: usize = 256;

/// Serves until its tasks are cancelled.
pub(super) async fn serve(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    service: &'static Service,
    world: Shared,
    tasks: Tasks,
) {
    let slots = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(slot) = Arc::clone(&slots).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => {
                let (world, tls) = (Arc::clone(&world), tls.clone());
                tasks
                    .spawn("demo-http", async move {
                        // A client that leaves early is no event.
                        let _left = welcome(stream, tls, service, &world).await;
                        drop(slot);
                    })
                    .detach();
            }
            // Out of file descriptors, mostly: they come back.
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

async fn welcome(
    stream: TcpStream,
    tls: Option<TlsAcceptor>,
    service: &'static Service,
    world: &Shared,
) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let Some(tls) = tls else { return converse(stream, service, world).await };
    match tokio::time::timeout(IDLE, tls.accept(stream)).await {
        Ok(stream) => converse(stream?, service, world).await,
        Err(_) => Ok(()),
    }
}

async fn converse(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    service: &'static Service,
    world: &Shared,
) -> std::io::Result<()> {
    let mut bytes = Vec::new();
    while let Some(head) = read_head(&mut stream, &mut bytes).await? {
        let Some(request) = Request::parse(&head) else {
            let answer = Answer { status: 400, after_ms: 0, kind: "text/plain", body: "bad request\n".to_owned() };
            return stream.write_all(&write_answer(&answer, Body::Sent, Close::Yes)).await;
        };
        let answer = match request.method {
            // The scanner is no service of the team's: it answers whatever breaks.
            "GET" | "HEAD" => look(world, |world| {
                scanner::answer(request.path, world.now.utc).unwrap_or_else(|| world.answer(service, request.path))
            }),
            _ => Answer { status: 405, after_ms: 1, kind: "text/plain", body: "method not allowed\n".to_owned() },
        };
        tokio::time::sleep(Duration::from_millis(answer.after_ms)).await;
        let body = if request.method == "HEAD" { Body::Left } else { Body::Sent };
        stream.write_all(&write_answer(&answer, body, request.close)).await?;
        if request.close == Close::Yes {
            break;
        }
    }
    stream.shutdown().await
}

/// Reads up to the empty line; none at the end of the connection.
async fn read_head(stream: &mut (impl AsyncRead + Unpin), bytes: &mut Vec<u8>) -> std::io::Result<Option<String>> {
    loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            let head: Vec<u8> = bytes.drain(..end + 4).collect();
            return Ok(Some(String::from_utf8_lossy(&head).into_owned()));
        }
        if bytes.len() > HEAD {
            return Ok(Some(String::new()));
        }
        let Ok(read) = tokio::time::timeout(IDLE, stream.read_buf(bytes)).await else { return Ok(None) };
        if read? == 0 {
            return Ok(None);
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Close {
    Yes,
    No,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Body {
    Sent,
    Left,
}

#[derive(Debug, PartialEq, Eq)]
struct Request<'a> {
    method: &'a str,
    path: &'a str,
    close: Close,
}

impl<'a> Request<'a> {
    /// Reads a head. A request with a body is answered and the connection closed: nothing here takes one.
    fn parse(head: &'a str) -> Option<Self> {
        let mut lines = head.split("\r\n");
        let mut words = lines.next()?.split(' ');
        let (method, path, version) = (words.next()?, words.next()?, words.next()?);
        if words.next().is_some() || !path.starts_with('/') || !version.starts_with("HTTP/1.") {
            return None;
        }
        let has = |name: &str, value: &str| {
            head.split("\r\n").filter_map(|line| line.split_once(':')).any(|(key, text)| {
                key.eq_ignore_ascii_case(name) && (value.is_empty() || text.trim().eq_ignore_ascii_case(value))
            })
        };
        let close = version == "HTTP/1.0"
            || has("connection", "close")
            || has("transfer-encoding", "")
            || (has("content-length", "") && !has("content-length", "0"));
        Some(Self { method, path, close: if close { Close::Yes } else { Close::No } })
    }
}

fn write_answer(answer: &Answer, body: Body, close: Close) -> Vec<u8> {
    let reason = match answer.status {
        200 => "OK",
        400 => "Bad Request",
        404 => "Not Found",
        405 => "Method Not Allowed",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        _ => "Answer",
    };
    let mut text = format!(
        "HTTP/1.1 {} {reason}\r\nContent-Type: {}\r\nContent-Length: {}\r\nCache-Control: no-store\r\n\
         Strict-Transport-Security: max-age=31536000\r\nX-Content-Type-Options: nosniff\r\nConnection: {}\r\n\r\n",
        answer.status,
        answer.kind,
        answer.body.len(),
        if close == Close::Yes { "close" } else { "keep-alive" },
    );
    if body == Body::Sent {
        text.push_str(&answer.body);
    }
    text.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_read_and_nonsense_is_refused() {
        let request = Request::parse("GET /health HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        assert_eq!(request, Request { method: "GET", path: "/health", close: Close::No });
        let closing = [
            "GET / HTTP/1.0\r\n\r\n",
            "GET / HTTP/1.1\r\nConnection: Close\r\n\r\n",
            "POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\n",
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
        ];
        for head in closing {
            assert_eq!(Request::parse(head).unwrap().close, Close::Yes, "{head}");
        }
        for head in
            ["", "GARBAGE", "GET /", "GET  / HTTP/1.1", "GET / HTTP/2", "GET http://x/ HTTP/1.1", "\u{16}\u{3}\u{1}"]
        {
            assert_eq!(Request::parse(head), None, "{head}");
        }
    }
}
