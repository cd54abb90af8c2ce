//! Small real servers on loopback, and what a check is given to work with.
use std::{future::Future, net::SocketAddr, sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use quarterdeck::{
    checks::{self, Context, Seen},
    core::{
        hosts::LinkFault,
        id::{CheckId, HostName},
        inventory::{CheckSpec, Host},
        time::{Clock, Mono, Now, Timestamp},
    },
    remote::{
        Lane, Output, Remote, RemoteError, Script, Stream,
        ssh::{Pool, PoolOptions},
    },
    tasks::Tasks,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    runtime::Handle,
};

/// Longest that anything may hang before a test fails.
pub(crate) const HANG: Duration = Duration::from_secs(30);

/// A clock that ticks.
pub(crate) struct Ticking {
    start: tokio::time::Instant,
}

impl Clock for Ticking {
    fn now(&self) -> Now {
        let mono = u64::try_from(self.start.elapsed().as_millis()).unwrap();
        #[expect(clippy::disallowed_methods, reason = "certificates are judged by the real time, so the test needs it")]
        let utc = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        Now { utc: Timestamp(i64::try_from(utc.as_millis()).unwrap()), mono: Mono(mono) }
    }
}

/// Reaches hosts in a way that a test chooses.
pub(crate) enum Hosts {
    /// `web-01` is this machine, reached by the real pool.
    Here,
    /// None can be reached.
    Nowhere,
    /// None ever answers.
    Silent,
    /// Every command leaves this.
    Says(Output),
}

fn refused(host: HostName, what: &str) -> RemoteError {
    RemoteError { host, fault: LinkFault::Auth, what: what.into(), hint: None, question: None }
}

impl Remote for Hosts {
    fn run<'a>(&'a self, host: &'a HostName, _: Lane, _: Script) -> BoxFuture<'a, Result<Output, RemoteError>> {
        Box::pin(async move {
            match self {
                Self::Here => unreachable!("the pool reaches this machine"),
                Self::Nowhere => Err(refused(host.clone(), "no key was accepted")),
                Self::Silent => std::future::pending().await,
                Self::Says(output) => Ok(output.clone()),
            }
        })
    }

    fn stream<'a>(&'a self, host: &'a HostName, _: Lane, _: Script) -> BoxFuture<'a, Result<Stream, RemoteError>> {
        Box::pin(async { Err(refused(host.clone(), "no check follows a stream")) })
    }

    fn forget(&self, _: &HostName) {}

    fn accept_host_key(&self, _: &str) -> Result<(), RemoteError> {
        Err(refused("any".into(), "no check accepts keys"))
    }

    fn unlock(&self, _: &str, _: secrecy::SecretString) {}
}

pub(crate) fn context(hosts: Hosts) -> Context {
    let clock = Arc::new(Ticking { start: tokio::time::Instant::now() });
    let remote: Arc<dyn Remote> = match hosts {
        Hosts::Here => {
            let host =
                Host { address: "local".into(), path_prefix: vec!["/opt/qd-test/bin".into()], ..Host::new("web-01") };
            let clock = Arc::clone(&clock) as Arc<dyn Clock>;
            Arc::new(Pool::new(&[Arc::new(host)], tasks(), clock, PoolOptions::from_env(false)))
        }
        other => Arc::new(other),
    };
    Context { remote, clock }
}

/// Makes a check's specification of its kind and settings, with a time-out of ten seconds.
pub(crate) fn spec(kind: &str, params: serde_json::Value) -> CheckSpec {
    CheckSpec {
        id: "play@prod/page".parse::<CheckId>().unwrap(),
        kind: kind.into(),
        every_ms: 30_000,
        timeout_ms: 10_000,
        fail_after: 3,
        slow_ms: None,
        on: Some("web-01".into()),
        params: params.as_object().unwrap().clone(),
    }
}

/// Asks once, under the hang guard.
pub(crate) async fn ask(spec: &CheckSpec, hosts: Hosts) -> Seen {
    let probe = checks::probe(spec).unwrap();
    let context = context(hosts);
    tokio::time::timeout(HANG, probe.ask(&context)).await.expect("the check hangs")
}

/// Asks once with these settings.
pub(crate) async fn see(kind: &str, params: serde_json::Value) -> Seen {
    ask(&spec(kind, params), Hosts::Nowhere).await
}

pub(crate) fn tasks() -> Tasks {
    Tasks::new(Handle::current(), |_| {})
}

/// Listens on a free port of loopback and hands every connection to `serve`.
pub(crate) async fn listen<F>(serve: impl Fn(TcpStream) -> F + Send + Sync + 'static) -> SocketAddr
where
    F: Future<Output = ()> + Send + 'static,
{
    listen_at("127.0.0.1:0", serve).await
}

/// Listens at an address and hands every connection to `serve`.
pub(crate) async fn listen_at<F>(address: &str, serve: impl Fn(TcpStream) -> F + Send + Sync + 'static) -> SocketAddr
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind(address).await.unwrap();
    let at = listener.local_addr().unwrap();
    let tasks = tasks();
    let each = tasks.clone();
    tasks
        .spawn("listener", async move {
            while let Ok((stream, _)) = listener.accept().await {
                each.spawn("connection", serve(stream)).detach();
            }
        })
        .detach();
    at
}

/// Answers the first bytes of every connection with these, then closes it.
pub(crate) async fn says(bytes: impl Into<Vec<u8>>) -> SocketAddr {
    let bytes: Arc<[u8]> = bytes.into().into();
    listen(move |mut stream| {
        let bytes = Arc::clone(&bytes);
        async move {
            let _read = stream.read(&mut [0; 8_192]).await;
            stream.write_all(&bytes).await.ok();
            stream.shutdown().await.ok();
            // Closing with bytes unread would reset the connection, and take what was said with it.
            stream.read_to_end(&mut Vec::new()).await.ok();
        }
    })
    .await
}

/// Says these bytes to every connection without being asked, then closes it.
pub(crate) async fn greets(bytes: impl Into<Vec<u8>>) -> SocketAddr {
    let bytes: Arc<[u8]> = bytes.into().into();
    listen(move |mut stream| {
        let bytes = Arc::clone(&bytes);
        async move {
            stream.write_all(&bytes).await.ok();
            stream.shutdown().await.ok();
            stream.read_to_end(&mut Vec::new()).await.ok();
        }
    })
    .await
}

/// Reads a request, head and body.
pub(crate) async fn read_request(stream: &mut (impl tokio::io::AsyncRead + Unpin)) -> String {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && head.len() < 65_536 {
        match stream.read(&mut byte).await {
            Ok(1) => head.push(byte[0]),
            _ => break,
        }
    }
    let mut request = String::from_utf8_lossy(&head).into_owned();
    let length = request.to_lowercase().lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut body).await.ok();
    request.push_str(&String::from_utf8_lossy(&body));
    request
}

/// Makes an answer of a status line, header lines and a body.
pub(crate) fn http(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n{headers}\r\n{body}", body.len())
}

/// A port on which nothing listens.
pub(crate) fn closed_port() -> SocketAddr {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// Accepts connections and never says a word.
pub(crate) async fn mute() -> SocketAddr {
    listen(|stream| async move {
        std::future::pending::<()>().await;
        drop(stream);
    })
    .await
}

/// Answers HTTP requests by what a function makes of their head.
pub(crate) async fn web(answer: impl Fn(&str) -> String + Send + Sync + 'static) -> SocketAddr {
    web_at("127.0.0.1:0", answer).await
}

/// Answers HTTP requests at an address by what a function makes of their head.
pub(crate) async fn web_at(address: &str, answer: impl Fn(&str) -> String + Send + Sync + 'static) -> SocketAddr {
    let answer = Arc::new(answer);
    listen_at(address, move |mut stream| {
        let answer = Arc::clone(&answer);
        async move {
            let request = read_request(&mut stream).await;
            stream.write_all(answer(&request).as_bytes()).await.ok();
            stream.shutdown().await.ok();
            stream.read_to_end(&mut Vec::new()).await.ok();
        }
    })
    .await
}

/// A certificate authority of our own.
pub(crate) struct Authority {
    certificate: rcgen::Certificate,
    issuer: rcgen::Issuer<'static, rcgen::KeyPair>,
    /// Its certificate as a file.
    pub(crate) file: tempfile::NamedTempFile,
}

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut params = rcgen::CertificateParams::new(vec![]).unwrap();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        let certificate = params.self_signed(&key).unwrap();
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), certificate.pem()).unwrap();
        Self { certificate, issuer: rcgen::Issuer::new(params, key), file }
    }

    /// Makes a server's settings with a certificate for this name, valid between two moments in seconds from now.
    pub(crate) fn server(&self, name: &str, from_s: i64, to_s: i64) -> tokio_rustls::TlsAcceptor {
        quarterdeck::remote::http::install_crypto();
        #[expect(clippy::disallowed_methods, reason = "a certificate is valid in real time")]
        let now = chrono::Utc::now().timestamp();
        let at =
            |shift: i64| rcgen::date_time_ymd(1970, 1, 1) + Duration::from_secs(u64::try_from(now + shift).unwrap());
        let key = rcgen::KeyPair::generate().unwrap();
        let mut params = rcgen::CertificateParams::new(vec![name.to_owned()]).unwrap();
        (params.not_before, params.not_after) = (at(from_s), at(to_s));
        let own = params.signed_by(&key, &self.issuer).unwrap();
        let config = rustls::ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(
                vec![own.der().clone(), self.certificate.der().clone()],
                rustls::pki_types::PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
            )
            .unwrap();
        tokio_rustls::TlsAcceptor::from(Arc::new(config))
    }

    pub(crate) fn path(&self) -> &str {
        self.file.path().to_str().unwrap()
    }
}

/// Answers HTTPS requests with `200` and `it works`; `told` hears the name that each client asked for.
pub(crate) async fn web_tls(
    address: &str,
    acceptor: tokio_rustls::TlsAcceptor,
    told: tokio::sync::mpsc::UnboundedSender<String>,
) -> SocketAddr {
    listen_at(address, move |stream| {
        let (acceptor, told) = (acceptor.clone(), told.clone());
        async move {
            let Ok(mut stream) = acceptor.accept(stream).await else { return };
            told.send(stream.get_ref().1.server_name().unwrap_or("no name").to_owned()).ok();
            read_request(&mut stream).await;
            stream.write_all(http("200 OK", "", "it works").as_bytes()).await.ok();
            stream.shutdown().await.ok();
        }
    })
    .await
}
