//! A server for trackers that fails as servers, networks and proxies do, on a clock that is moved by hand.
#![allow(
    dead_code,
    clippy::too_many_lines,
    clippy::cast_possible_truncation,
    clippy::format_push_string,
    reason = "each test binary uses another part of this, and a fake says things in the shortest way"
)]
use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use quarterdeck::{core::time::Timestamp, tasks::Tasks};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    runtime::Handle,
};

pub(crate) mod channels;
mod vendors;

use channels::Channel;

/// What a fake is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Vendor {
    GitHub,
    JiraCloud,
    JiraDataCenter,
    Monday,
    Channel(Channel),
}

/// What goes wrong with one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The connection breaks, and nothing was heard.
    Unheard,
    /// The connection breaks after it was carried out.
    Lost,
    /// The answer breaks off in the middle.
    Cut,
    /// 503, and nothing was heard.
    Ill,
    /// 502 of a proxy, after it was carried out.
    IllAfter,
    /// In the vendor's own way: no more for so many seconds.
    Throttled,
    /// The token is not known for a moment.
    Denied,
    /// The page of a proxy that wants a login.
    Login,
    /// The connection breaks, and it is carried out so many milliseconds later.
    Late(i64),
    /// It is carried out, and never answered.
    Silent,
    /// Any other answer.
    Says(u16, &'static str),
    /// Nothing goes wrong with this one.
    Well,
    /// A status, headers and a body, and nothing was done.
    Answers(u16, &'static [(&'static str, &'static str)], &'static str),
    /// A status and headers, and nothing was heard.
    Asks(u16, &'static [(&'static str, &'static str)]),
    /// An answer that is well by its status alone, and asks to wait two minutes.
    Unwell(&'static str),
}

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) head: String,
    pub(crate) body: Value,
    /// The body as it came.
    pub(crate) raw: String,
}

/// An answer: status, headers, body.
pub(crate) type Reply = (u16, Vec<(&'static str, String)>, String);

/// A ticket that the server keeps.
#[derive(Clone, Debug, Default)]
pub(crate) struct Kept {
    pub(crate) id: u64,
    pub(crate) made: i64,
    pub(crate) title: String,
    /// All of its text, in which the token stands.
    pub(crate) text: String,
    pub(crate) labels: Vec<String>,
    pub(crate) done: bool,
    pub(crate) comments: Vec<(u64, String)>,
    /// Values of columns.
    pub(crate) columns: serde_json::Map<String, Value>,
}

#[derive(Debug)]
pub(crate) struct Fake {
    pub(crate) vendor: Vendor,
    pub(crate) now: Timestamp,
    /// Milliseconds after which a search finds what was made.
    pub(crate) lag: i64,
    pub(crate) tickets: Vec<Kept>,
    /// What goes wrong with the next requests.
    pub(crate) faults: Vec<Fault>,
    pub(crate) injected: usize,
    pub(crate) requests: Vec<Request>,
    later: Vec<(Timestamp, Request)>,
    pub(crate) port: u16,
    pub(crate) next: u64,
    /// The project that issues were moved to.
    pub(crate) moved: Option<&'static str>,
    /// How many transitions collide with another one.
    pub(crate) busy: usize,
    /// Where the next page of a list is said to be, whatever is true.
    pub(crate) elsewhere: Option<String>,
    /// Whether there is no way to another status.
    pub(crate) stuck: bool,
}

pub(crate) type Shared = Arc<Mutex<Fake>>;

/// Starts a server; faults are taken from the end of its list.
pub(crate) async fn start(vendor: Vendor, lag: i64) -> (Shared, String) {
    start_at("127.0.0.1:0", vendor, lag).await
}

/// Starts a server at an address; faults are taken from the end of its list.
pub(crate) async fn start_at(address: &str, vendor: Vendor, lag: i64) -> (Shared, String) {
    let fake = Arc::new(Mutex::new(Fake {
        vendor,
        now: Timestamp(1_800_000_000_000),
        lag,
        tickets: Vec::new(),
        faults: Vec::new(),
        injected: 0,
        requests: Vec::new(),
        later: Vec::new(),
        port: 0,
        next: 100,
        moved: None,
        busy: 0,
        elsewhere: None,
        stuck: false,
    }));
    let served = Arc::clone(&fake);
    let listener = TcpListener::bind(address).await.unwrap();
    let at: SocketAddr = listener.local_addr().unwrap();
    let tasks = Tasks::new(Handle::current(), |panicked| println!("task panicked: {panicked:?}"));
    let each = tasks.clone();
    let accept = async move {
        while let Ok((stream, _)) = listener.accept().await {
            each.spawn("connection", serve(stream, Arc::clone(&served))).detach();
        }
    };
    tasks.spawn("tickets", accept).detach();
    fake.lock().unwrap().port = at.port();
    (fake, format!("http://{at}"))
}

async fn read(stream: &mut TcpStream) -> Option<Request> {
    let (mut bytes, mut buffer) = (Vec::new(), [0; 8_192]);
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length =
                head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length:")?.trim().parse().ok());
            if body.len() >= length.unwrap_or(0) {
                let mut first = head.split(' ');
                let (method, path) = (first.next()?.to_owned(), first.next()?.to_owned());
                let (raw, body) = (body.to_owned(), serde_json::from_str(body).unwrap_or_default());
                return Some(Request { method, path, head: head.to_lowercase(), body, raw });
            }
        }
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => return None,
            Ok(read) => bytes.extend(&buffer[..read]),
        }
    }
}

async fn serve(mut stream: TcpStream, fake: Shared) {
    let Some(request) = read(&mut stream).await else { return };
    let (reply, fault) = fake.lock().unwrap().handle(request);
    let Some((status, headers, body)) = reply else {
        if fault == Some(Fault::Silent) {
            // Until who asked gives up.
            _ = stream.read(&mut [0; 1]).await;
        }
        return;
    };
    let mut answer = format!("HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: {}\r\n", body.len());
    for (name, value) in headers {
        answer += &format!("{name}: {value}\r\n");
    }
    let body = if fault == Some(Fault::Cut) { body.get(..body.len() / 2).unwrap_or_default() } else { &body };
    _ = stream.write_all((answer + "\r\n" + body).as_bytes()).await;
    _ = stream.shutdown().await;
}

impl Fake {
    /// Moves the clock, and carries out what came late.
    pub(crate) fn at(&mut self, now: Timestamp) {
        self.now = now;
        let (due, later) = std::mem::take(&mut self.later).into_iter().partition(|(at, _)| *at <= now);
        self.later = later;
        let due: Vec<(Timestamp, Request)> = due;
        for (_, request) in due {
            _ = vendors::answer(self, &request);
        }
    }

    fn handle(&mut self, request: Request) -> (Option<Reply>, Option<Fault>) {
        self.requests.push(request.clone());
        let fault = self.faults.pop();
        self.injected += usize::from(fault.is_some());
        let reply = match fault {
            None | Some(Fault::Cut | Fault::Well) => Some(vendors::answer(self, &request)),
            Some(Fault::Unheard) => None,
            Some(Fault::Lost | Fault::Silent) => {
                _ = vendors::answer(self, &request);
                None
            }
            Some(Fault::Ill) => Some(vendors::ill(self.vendor)),
            Some(Fault::IllAfter) => {
                _ = vendors::answer(self, &request);
                Some((502, vec![("content-type", "text/html".into())], "<html><h1>Bad Gateway</h1></html>".into()))
            }
            Some(Fault::Throttled) => Some(vendors::throttled(self.vendor)),
            Some(Fault::Denied) => Some(vendors::denied(self.vendor)),
            Some(Fault::Login) => Some((
                200,
                vec![("content-type", "text/html".into())],
                "<html><title>Log in</title>\u{1b}[2J</html>".into(),
            )),
            Some(Fault::Late(ms)) => {
                self.later.push((Timestamp(self.now.0 + ms), request));
                None
            }
            Some(Fault::Answers(status, headers, body)) => {
                let headers = headers.iter().map(|(name, value)| (*name, (*value).to_owned()));
                Some((status, headers.collect(), body.to_owned()))
            }
            Some(Fault::Asks(status, headers)) => {
                let headers = headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
                Some((status, headers, "upstream connect error".to_owned()))
            }
            Some(Fault::Unwell(body)) => {
                let headers = vec![("content-type", "application/json".into()), ("retry-after", "120".into())];
                Some((200, headers, body.to_owned()))
            }
            Some(Fault::Says(status, body)) => Some((status, Vec::new(), body.to_owned())),
        };
        (reply, fault)
    }

    pub(crate) fn id(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// Tickets that a search finds by now.
    pub(crate) fn visible(&self) -> impl Iterator<Item = &Kept> {
        self.tickets.iter().filter(|ticket| ticket.made + self.lag <= self.now.0)
    }

    pub(crate) fn ticket(&mut self, id: u64) -> Option<&mut Kept> {
        self.tickets.iter_mut().find(|ticket| ticket.id == id)
    }
}

/// Makes an answer of JSON.
pub(crate) fn reply(status: u16, body: Value) -> Reply {
    (
        status,
        vec![("content-type", "application/json".into())],
        if status == 204 { String::new() } else { body.to_string() },
    )
}

/// What nobody understands.
pub(crate) fn odd() -> Value {
    json!({ "odd": true })
}
