//! The one HTTP client: bounded, patient for as long as it is told, and clear about what failed.
//!
//! Every call makes a connection of its own and never takes one from a pool: a server that stopped listening must not
//! look alive through a connection that was made before. What is costly, the trusted certificates, is read once and
//! shared ([`Trust`]); a client on top of it costs microseconds.
//!
//! Proxies are taken from the environment as `curl` does (`HTTPS_PROXY`, `NO_PROXY` …), but never for this machine, and
//! never where a call is pinned to one address. Redirects are followed only as often as the call says; to another
//! origin they carry neither secrets nor a body.
use std::{error::Error, fmt, io, net::SocketAddr, time::Duration};

use reqwest::{
    Method, Url,
    header::{self, HeaderMap, HeaderName, HeaderValue},
};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::io::AsyncWriteExt as _;

pub use super::tls::{Trust, install_crypto};
use super::{
    net::{self, HostPort, NetFault, Progress, Step},
    tls::{Enforce, Shown, TlsFault},
};
use crate::{core::time::Timestamp, parse::sanitise};

/// What this program calls itself.
const USER_AGENT: &str = concat!("quarterdeck/", env!("CARGO_PKG_VERSION"));

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// No connection.
    #[error(transparent)]
    Net(#[from] NetFault),
    /// No trust, or no TLS at all.
    #[error(transparent)]
    Tls(#[from] TlsFault),
    /// A connection, but nothing that is HTTP.
    #[error("no HTTP answer: {0}")]
    Protocol(String),
    /// A status, but the body broke off.
    #[error("{status}, but the body broke off: {what}")]
    Body {
        /// The status that came first.
        status: u16,
        /// What happened, sanitised.
        what: String,
    },
    /// No answer in time.
    #[error("no answer within {}, {}", words_of(*.ms), .step.words())]
    Timeout {
        /// How long it was waited for, in milliseconds.
        ms: u64,
        /// What it was waiting for.
        step: Step,
    },
    /// More redirects than allowed, or one that leads nowhere.
    #[error("redirect: {0}")]
    Redirect(String),
    /// The call makes no sense.
    #[error("{0}")]
    Call(String),
}

impl Fault {
    /// Says whether the failure is on this side, so that it tells nothing about the service.
    pub fn ours(&self) -> bool {
        matches!(self, Self::Net(fault) if fault.ours()) || matches!(self, Self::Tls(TlsFault::NoRoots))
    }

    /// Says it in one line, with ages instead of dates.
    pub fn text(&self, now: Timestamp) -> String {
        if let Self::Tls(fault) = self { fault.text(now) } else { self.to_string() }
    }
}

/// Writes how long something was waited for: `500ms`, `1.5s`, `10s`.
pub fn words_of(ms: u64) -> String {
    match (ms, ms % 1_000) {
        (..1_000, _) => format!("{ms}ms"),
        (_, 0) => format!("{}s", ms / 1_000),
        _ => format!("{}.{}s", ms / 1_000, ms % 1_000 / 100),
    }
}

/// A header's value, a form's field: public, or a secret that no output may show.
#[derive(Clone, Debug)]
pub enum Value {
    /// May be shown.
    Plain(String),
    /// Must not be shown, nor go to another origin.
    Secret(SecretString),
}

/// What to ask.
#[derive(Clone)]
pub struct Call {
    method: Method,
    url: Url,
    headers: HeaderMap,
    body: Option<Vec<u8>>,
    /// Redirects that are followed.
    pub redirects: u8,
    /// Most bytes of the body that are read, after decompression; what is beyond stays unread.
    pub max_body: usize,
    /// Time for all of it.
    pub timeout: Duration,
    pin: Option<SocketAddr>,
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The URL may carry a token in its query, the body may be a form with a key.
        f.debug_struct("Call").field("method", &self.method).field("host", &self.url.host_str()).finish_non_exhaustive()
    }
}

/// Says whether a text can be the name of a header.
pub fn is_header_name(name: &str) -> bool {
    HeaderName::from_bytes(name.as_bytes()).is_ok()
}

impl Call {
    /// Makes a call without redirects that reads at most 1 MiB within ten seconds.
    ///
    /// # Errors
    /// When the URL cannot be read or is not HTTP, or the method is none.
    pub fn new(method: &str, url: &str) -> Result<Self, Fault> {
        let method = Method::from_bytes(method.as_bytes()).map_err(|_| Fault::Call("not an HTTP method".into()))?;
        let url = Url::parse(url).map_err(|error| Fault::Call(format!("not a URL: {error}")))?;
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
            return Err(Fault::Call("the URL must begin with http:// or https://".into()));
        }
        Ok(Self {
            method,
            url,
            headers: HeaderMap::new(),
            body: None,
            redirects: 0,
            max_body: 1 << 20,
            timeout: Duration::from_secs(10),
            pin: None,
        })
    }

    /// Adds a header.
    ///
    /// # Errors
    /// When the name or the value cannot stand in a header; the value is not repeated.
    pub fn header(mut self, name: &str, value: &Value) -> Result<Self, Fault> {
        let name = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| Fault::Call(format!("`{}` is not a header's name", sanitise::name(name))))?;
        let bad = |_| Fault::Call(format!("the value of header `{name}` has characters that cannot stand there"));
        let value = match value {
            Value::Plain(text) => HeaderValue::from_str(text).map_err(bad)?,
            Value::Secret(secret) => {
                let mut value = HeaderValue::from_str(secret.expose_secret().trim_end()).map_err(bad)?;
                value.set_sensitive(true);
                value
            }
        };
        self.headers.append(name, value);
        Ok(self)
    }

    /// Returns the answer with every secret of this call's headers replaced by dots: a server may send back what it was
    /// sent. None when the call carries no secret.
    pub fn veiled(&self, answer: &Answer) -> Option<Answer> {
        let mut secrets: Vec<&[u8]> = Vec::new();
        for value in self.headers.values().filter(|value| value.is_sensitive()) {
            // The whole value first, then the token behind a scheme: `Bearer …`.
            secrets.push(value.as_bytes());
            secrets.extend(value.as_bytes().split(|byte| *byte == b' ').skip(1).filter(|word| word.len() >= 4));
        }
        if secrets.is_empty() {
            return None;
        }
        let veil = |bytes: &[u8]| secrets.iter().fold(bytes.to_vec(), |bytes, secret| replace(&bytes, secret));
        let mut veiled = answer.clone();
        veiled.body = veil(&answer.body);
        for (_, value) in &mut veiled.headers {
            *value = String::from_utf8_lossy(&veil(value.as_bytes())).into_owned();
        }
        Some(veiled)
    }

    /// Sets the body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Some(body.into());
        self
    }

    /// Connects to this address, whatever the name says; the name still goes out as Host and SNI.
    #[must_use]
    pub fn pinned(mut self, address: SocketAddr) -> Self {
        self.pin = Some(address);
        self
    }

    /// Adds a parameter to the URL's query.
    #[must_use]
    pub fn query(mut self, name: &str, value: &str) -> Self {
        self.url.query_pairs_mut().append_pair(name, value);
        self
    }

    /// Makes the body a form.
    ///
    /// # Errors
    /// None in practice: the header is known to be good.
    pub fn form(self, fields: &[(&str, Value)]) -> Result<Self, Fault> {
        let mut url = self.url.clone();
        url.set_query(None);
        {
            let mut pairs = url.query_pairs_mut();
            for (name, value) in fields {
                match value {
                    Value::Plain(text) => pairs.append_pair(name, text),
                    Value::Secret(secret) => pairs.append_pair(name, secret.expose_secret().trim_end()),
                };
            }
        }
        let body = url.query().unwrap_or_default().as_bytes().to_vec();
        self.body(body).header("content-type", &Value::Plain("application/x-www-form-urlencoded".into()))
    }

    /// Returns the host and port it goes to.
    pub fn target(&self) -> HostPort {
        target_of(&self.url)
    }

    /// Says whether it goes to the same server as another, by the same way: scheme, name and port; and names nobody there.
    pub fn goes_where(&self, other: &Self) -> bool {
        let names_nobody = self.url.username().is_empty() && self.url.password().is_none();
        self.url.origin() == other.url.origin() && names_nobody
    }

    /// Returns its URL for a WebSocket.
    pub(super) fn websocket_url(&self) -> String {
        let url = self.url.as_str();
        url.strip_prefix("http").map_or_else(|| url.to_owned(), |rest| format!("ws{rest}"))
    }

    /// Returns its headers.
    pub(super) fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// Says whether it is safe to send a secret with it: encrypted, or within this machine.
    pub fn keeps_secrets(&self) -> bool {
        self.url.scheme() == "https" || net::is_loopback(&self.target().host)
    }
}

fn target_of(url: &Url) -> HostPort {
    let host = url.host_str().unwrap_or_default();
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    HostPort { host: host.to_owned(), port: url.port_or_known_default().unwrap_or(80) }
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Status code.
    pub status: u16,
    /// Headers: lower-case name, value with what is no UTF-8 replaced. Not sanitised.
    pub headers: Vec<(String, String)>,
    /// The body, decompressed. Hostile until sanitised.
    pub body: Vec<u8>,
    /// Whether there was more than the limit.
    pub cut: bool,
    /// Who answered; a proxy's address when there is one.
    pub from: Option<SocketAddr>,
    /// The certificates of the last hop.
    pub tls: Shown,
}

fn replace(bytes: &[u8], secret: &[u8]) -> Vec<u8> {
    if secret.is_empty() {
        return bytes.to_vec();
    }
    let mut veiled = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((before, after)) =
        memchr::memmem::find(rest, secret).and_then(|at| Some((rest.get(..at)?, rest.get(at + secret.len()..)?)))
    {
        veiled.extend_from_slice(before);
        veiled.extend_from_slice("•••".as_bytes());
        rest = after;
    }
    veiled.extend_from_slice(rest);
    veiled
}

impl Answer {
    /// Returns a header's values; `name` is lower-case.
    pub fn header<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.headers.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// Sends calls.
#[derive(Clone, Debug)]
pub struct Client {
    trust: Trust,
}

impl Client {
    /// Makes a client that trusts these authorities.
    pub fn new(trust: Trust) -> Self {
        install_crypto();
        Self { trust }
    }

    /// Returns who vouches for servers.
    pub(super) fn trust(&self) -> &Trust {
        &self.trust
    }

    /// Sends a call and reads the answer.
    ///
    /// # Errors
    /// When no answer came, or not all of it. Any status is an answer.
    pub async fn send(&self, call: &Call) -> Result<Answer, Fault> {
        let progress = Progress::default();
        tokio::time::timeout(call.timeout, self.follow(call, &progress)).await.unwrap_or_else(|_| {
            let ms = u64::try_from(call.timeout.as_millis()).unwrap_or(u64::MAX);
            Err(Fault::Timeout { ms, step: progress.step() })
        })
    }

    async fn follow(&self, call: &Call, progress: &Progress) -> Result<Answer, Fault> {
        let mut hop = call.clone();
        let mut left = call.redirects;
        loop {
            let answer = self.hop(&hop, progress).await?;
            let Some(to) = redirect_of(&hop, &answer).filter(|_| call.redirects > 0) else { return Ok(answer) };
            left = left.checked_sub(1).ok_or_else(|| {
                Fault::Redirect(format!(
                    "more than {}, the last one to {}",
                    call.redirects,
                    sanitise::name(to.as_str())
                ))
            })?;
            if !matches!(to.scheme(), "http" | "https") || to.host_str().is_none() {
                return Err(Fault::Redirect(format!("leads to {}", sanitise::name(to.as_str()))));
            }
            if to.origin() != hop.url.origin() {
                leave_origin(&mut hop);
            }
            let asks_anew = matches!(answer.status, 301..=303) && !matches!(hop.method, Method::GET | Method::HEAD);
            if asks_anew {
                hop.method = Method::GET;
                hop.body = None;
                hop.headers.remove(header::CONTENT_TYPE);
            }
            hop.url = to;
        }
    }

    /// Writes the body of an answer with status 200 into a file, up to as much as the call allows, and says how far that is. The
    /// answer has no body then; of any other status it has. No redirect is followed.
    ///
    /// # Errors
    /// When no answer came, or not all of it, or the file cannot be written.
    pub async fn download(
        &self,
        call: &Call,
        to: &mut tokio::fs::File,
        tell: &(dyn Fn(u64) + Send + Sync),
    ) -> Result<Answer, Fault> {
        let progress = Progress::default();
        let work = async {
            let (mut response, shown) = self.ask(call, &progress).await?;
            if response.status().as_u16() != 200 {
                return read(response, shown, call.max_body.min(1 << 20)).await;
            }
            let (mut bytes, mut cut) = (0_usize, false);
            while let Some(chunk) = chunk(&mut response).await? {
                bytes = bytes.saturating_add(chunk.len());
                if bytes > call.max_body {
                    cut = true;
                    break;
                }
                to.write_all(&chunk).await.map_err(|error| Fault::Call(format!("it cannot be written: {error}")))?;
                tell(u64::try_from(bytes).unwrap_or(u64::MAX));
            }
            to.flush().await.map_err(|error| Fault::Call(format!("it cannot be written: {error}")))?;
            Ok(answer(&response, shown, (Vec::new(), cut)))
        };
        tokio::time::timeout(call.timeout, work).await.unwrap_or_else(|_| {
            let ms = u64::try_from(call.timeout.as_millis()).unwrap_or(u64::MAX);
            Err(Fault::Timeout { ms, step: progress.step() })
        })
    }

    async fn hop(&self, call: &Call, progress: &Progress) -> Result<Answer, Fault> {
        let (response, shown) = self.ask(call, progress).await?;
        read(response, shown, call.max_body).await
    }

    /// Sends a call, and returns what answers, before its body.
    async fn ask(&self, call: &Call, progress: &Progress) -> Result<(reqwest::Response, Shown), Fault> {
        let target = call.target();
        let direct = call.pin.is_some() || net::is_loopback(&target.host) || !has_proxy();
        let addresses = match call.pin {
            Some(address) => vec![address],
            None if direct => {
                progress.at(Step::Resolve);
                net::resolve(&target.host, target.port).await?
            }
            None => Vec::new(),
        };
        let secure = call.url.scheme() == "https";
        progress.at(Step::Connect);
        let (config, recorder) = self.trust.client(Enforce::Yes, &[b"h2", b"http/1.1"])?;
        let mut builder = reqwest::Client::builder()
            .tls_backend_preconfigured(config)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .pool_max_idle_per_host(0)
            .connect_timeout(call.timeout)
            .user_agent(USER_AGENT);
        if direct {
            builder = builder.no_proxy().resolve_to_addrs(&target.host, &addresses);
        }
        let client = builder.build().map_err(|error| Fault::Call(innermost(&error)))?;
        let mut request = client.request(call.method.clone(), call.url.clone()).headers(call.headers.clone());
        if let Some(body) = &call.body {
            request = request.body(body.clone());
        }
        if !secure {
            progress.at(Step::Answer);
        }
        let answer = request.send().await;
        let shown = recorder.shown();
        let response = answer.map_err(|error| fault_of(&error, &target.host, &shown))?;
        progress.at(Step::Body);
        Ok((response, shown))
    }
}

async fn chunk(response: &mut reqwest::Response) -> Result<Option<bytes::Bytes>, Fault> {
    let status = response.status().as_u16();
    response.chunk().await.map_err(|error| Fault::Body { status, what: innermost(&error) })
}

/// Reads the body of an answer, up to so many bytes.
async fn read(mut response: reqwest::Response, shown: Shown, most: usize) -> Result<Answer, Fault> {
    let (mut body, mut cut) = (Vec::new(), false);
    while let Some(chunk) = chunk(&mut response).await? {
        let room = most.saturating_sub(body.len());
        body.extend(chunk.iter().take(room));
        if chunk.len() > room {
            cut = true;
            break;
        }
    }
    Ok(answer(&response, shown, (body, cut)))
}

fn answer(response: &reqwest::Response, shown: Shown, (body, cut): (Vec<u8>, bool)) -> Answer {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers = response.headers().iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect();
    Answer { status: response.status().as_u16(), headers, body, cut, from: response.remote_addr(), tls: shown }
}

/// Says where an answer sends the caller, if it does.
fn redirect_of(call: &Call, answer: &Answer) -> Option<Url> {
    if !matches!(answer.status, 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    answer.header("location").next().and_then(|to| call.url.join(to).ok())
}

/// Takes out what must not reach another origin.
fn leave_origin(call: &mut Call) {
    let kept: HeaderMap = call
        .headers
        .iter()
        .filter(|(name, value)| {
            let known = [header::AUTHORIZATION, header::COOKIE, header::PROXY_AUTHORIZATION];
            !value.is_sensitive() && !known.contains(name)
        })
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    call.headers = kept;
    call.body = None;
    call.pin = None;
}

fn has_proxy() -> bool {
    ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"]
        .iter()
        .any(|name| std::env::var_os(name).or_else(|| std::env::var_os(name.to_lowercase())).is_some())
}

/// Reads reqwest's error, whose own words say little: what matters is at the end of its chain.
fn fault_of(error: &reqwest::Error, host: &str, shown: &Shown) -> Fault {
    if let Some(fault) = &shown.fault {
        return fault.clone().into();
    }
    let mut next: Option<&(dyn Error + 'static)> = Some(error);
    let mut system: Option<&io::Error> = None;
    while let Some(one) = next {
        if let Some(tls) = one.downcast_ref::<rustls::Error>() {
            return TlsFault::of(tls).into();
        }
        if let Some(io) = one.downcast_ref::<io::Error>() {
            if let Some(tls) = super::tls::tls_in(io) {
                return TlsFault::of(tls).into();
            }
            system = Some(io);
        }
        next = one.source();
    }
    let words = innermost(error);
    match system {
        Some(io) if words.contains("failed to lookup address") => NetFault::of_lookup(host, io).into(),
        Some(io) if error.is_connect() && io.kind() == io::ErrorKind::UnexpectedEof => {
            TlsFault::Other("the connection was closed during the handshake".into()).into()
        }
        Some(io) if error.is_connect() => NetFault::of_connect(io).into(),
        Some(io) => Fault::Protocol(net::plain(io)),
        None if error.is_connect() => NetFault::Connect(words).into(),
        None => Fault::Protocol(words),
    }
}

/// Returns the last words of an error's chain, sanitised.
fn innermost(error: &dyn Error) -> String {
    let mut last = error.to_string();
    let mut next = error.source();
    while let Some(one) = next {
        last = one.to_string();
        next = one.source();
    }
    sanitise::line_max(last, 160)
}
