//! Web sockets: opened like any call, with the same trust, secrets and limits, and read until they end.
use std::{io, time::Duration};

use futures_util::StreamExt as _;
use tokio::net::TcpStream;
use tokio_tungstenite::{
    Connector, MaybeTlsStream, WebSocketStream, client_async_tls_with_config,
    tungstenite::{Error, Message, client::IntoClientRequest as _, protocol::WebSocketConfig},
};

use super::{
    http::{Call, Client, Fault},
    net,
    tls::{Enforce, TlsFault},
};
use crate::parse::sanitise;

/// Largest message that is taken.
const MAX_MESSAGE: usize = 16 * 1024 * 1024;

/// Why no socket came about.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// No connection, no trust, no answer.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// An answer, but no upgrade.
    #[error("HTTP {status} instead of a WebSocket")]
    Status {
        /// The status.
        status: u16,
        /// The body, as far as it came along.
        body: Vec<u8>,
    },
}

/// What came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// A message.
    Text(Vec<u8>),
    /// A ping: the other side lives. It is answered by itself.
    Ping,
    /// The other side said that it ends.
    Closed {
        /// The code.
        code: u16,
        /// Why, as it says. Hostile until sanitised.
        reason: String,
    },
    /// It ended without a word, or broke.
    Lost(String),
}

/// An open socket. Dropping it ends the connection.
#[derive(Debug)]
pub struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Client {
    /// Opens a WebSocket at the call's URL, whose scheme is that of HTTP. Proxies of the environment are not used.
    ///
    /// # Errors
    /// When the connection, the handshake or the upgrade fails, or all of it takes longer than the call allows.
    pub async fn websocket(&self, call: &Call) -> Result<Socket, Refused> {
        let ms = u64::try_from(call.timeout.as_millis()).unwrap_or(u64::MAX);
        let opened = tokio::time::timeout(call.timeout, self.upgrade(call)).await;
        opened.unwrap_or(Err(Refused::Fault(Fault::Timeout { ms, step: net::Step::Answer })))
    }

    async fn upgrade(&self, call: &Call) -> Result<Socket, Refused> {
        let target = call.target();
        let addresses = net::resolve(&target.host, target.port).await.map_err(Fault::from)?;
        let stream = net::connect(&addresses).await.map_err(Fault::from)?;
        let url = call.websocket_url();
        let mut request = url.into_client_request().map_err(|_| Fault::Call("not a URL for a WebSocket".into()))?;
        for (name, value) in call.headers() {
            request.headers_mut().append(name, value.clone());
        }
        let (config, recorder) = self.trust().client(Enforce::Yes, &[b"http/1.1"]).map_err(Fault::from)?;
        let connector = Connector::Rustls(std::sync::Arc::new(config));
        let limits = WebSocketConfig::default().max_message_size(Some(MAX_MESSAGE)).max_frame_size(Some(MAX_MESSAGE));
        match client_async_tls_with_config(request, stream, Some(limits), Some(connector)).await {
            Ok((socket, _)) => Ok(Socket(socket)),
            Err(Error::Http(answer)) => {
                let status = answer.status().as_u16();
                let mut body = answer.into_body().unwrap_or_default();
                body.truncate(64 * 1024);
                Err(Refused::Status { status, body })
            }
            Err(error) => Err(recorder.shown().fault.map_or_else(|| fault_of(&error), Fault::from).into()),
        }
    }
}

fn fault_of(error: &Error) -> Fault {
    if let Error::Io(io) = error {
        if let Some(tls) = super::tls::tls_in(io) {
            return TlsFault::of(tls).into();
        }
        return Fault::Protocol(net::plain(io));
    }
    Fault::Protocol(sanitise::line_max(error.to_string(), 160))
}

impl Socket {
    /// Waits for the next thing. Nothing is lost when it is dropped meanwhile.
    pub async fn next(&mut self) -> Heard {
        loop {
            return match self.0.next().await {
                Some(Ok(Message::Text(text))) => Heard::Text(text.as_bytes().to_vec()),
                Some(Ok(Message::Binary(bytes))) => Heard::Text(bytes.to_vec()),
                Some(Ok(Message::Ping(_))) => Heard::Ping,
                Some(Ok(Message::Close(Some(close)))) => {
                    Heard::Closed { code: close.code.into(), reason: close.reason.as_str().to_owned() }
                }
                Some(Ok(Message::Close(None))) => Heard::Closed { code: 1005, reason: String::new() },
                Some(Ok(Message::Pong(_) | Message::Frame(_))) => continue,
                Some(Err(Error::Io(error))) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    Heard::Lost("the connection ended without a word".into())
                }
                Some(Err(Error::ConnectionClosed | Error::AlreadyClosed)) | None => {
                    Heard::Lost("the connection ended without a word".into())
                }
                Some(Err(error)) => Heard::Lost(sanitise::line_max(error.to_string(), 160)),
            };
        }
    }

    /// Says goodbye, so that the server frees what it holds; waits a moment at most.
    pub async fn close(mut self) {
        tokio::time::timeout(Duration::from_millis(500), self.0.close(None)).await.ok();
    }
}
