//! One connection: name, TCP or jump channel or proxy command, key exchange, host key, login; each failure with its own name.
use std::{
    collections::{HashMap, HashSet},
    net::SocketAddr,
    path::PathBuf,
    process::Stdio,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use russh::{
    ChannelOpenFailure, cipher,
    client::{self, DisconnectReason, Handle},
    keys::{Algorithm, HashAlg, PublicKeyOrCertificate},
};
use tokio::{
    net::{TcpStream, lookup_host},
    process::Command,
    sync::Semaphore,
    time::timeout,
};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{
    auth::{KeyRing, Refused, authenticate},
    channel,
    guard::{Guarded, Wire},
    kept::Kept,
    settings::Hop,
};
use crate::{
    core::{hosts::LinkFault, id::HostName, time::Clock},
    parse::{sanitise, ssh_config::HostKeyPolicy},
    remote::{
        Question, RemoteError, Script,
        known_hosts::{self, KnownHost, Lookup, Trust},
    },
    tasks::Tasks,
};

/// Session channels per connection: OpenSSH allows ten, and frees one only when its process is gone.
pub(super) const SESSIONS: usize = 8;
/// Of these, what streams may take: two are kept for runs.
pub(super) const STREAMS: usize = 6;

/// What a connection is made with.
#[derive(Clone)]
pub(super) struct Maker {
    pub(super) tasks: Tasks,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) keys: Arc<KeyRing>,
    pub(super) prompts: bool,
    pub(super) keepalive: Duration,
    /// What was asked about, by the line that would be written.
    pub(super) offered: Arc<Mutex<HashMap<String, Offer>>>,
    /// Host keys that are trusted until the console ends, as lines with the name in clear.
    pub(super) once: Arc<Mutex<HashSet<String>>>,
}

/// A host key that a person is asked about.
#[derive(Clone, Debug)]
pub(super) struct Offer {
    /// Where its line goes when it is to be remembered; none when no file may take it.
    pub(super) file: Option<PathBuf>,
    /// The line with the name in clear: of a hashed one every attempt makes another.
    pub(super) plain: String,
}

/// A connection that is logged in.
pub(super) struct Link {
    pub(super) handle: Handle<Client>,
    pub(super) sessions: Arc<Semaphore>,
    pub(super) streams: Arc<Semaphore>,
    pub(super) host: HostName,
    /// The shell for brief commands.
    pub(super) kept: Kept,
    status: Arc<Status>,
    /// Cuts the stream when the last user of the connection is gone.
    _cut: DropGuard,
    cut: CancellationToken,
    /// Keeps the connection alive that this one goes through.
    via: Option<Arc<Self>>,
}

/// What the connection's own task has to say.
#[derive(Default)]
pub(super) struct Status {
    gone: AtomicBool,
    why: Mutex<Option<String>>,
    verdict: Mutex<Option<Verdict>>,
    host_key: Mutex<Option<String>>,
}

/// Why a host key was not accepted.
#[derive(Clone)]
struct Verdict {
    trust: Trust,
    algorithm: String,
    fingerprint: String,
    line: String,
    plain: String,
}

impl Link {
    pub(super) fn is_closed(&self) -> bool {
        self.status.gone.load(Ordering::Relaxed)
            || self.cut.is_cancelled()
            || self.handle.is_closed()
            || self.via.as_ref().is_some_and(|via| via.is_closed())
    }

    /// Returns the kind and fingerprint of the key that the host showed.
    pub(super) fn host_key(&self) -> Option<String> {
        self.status.host_key.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn close(&self) {
        self.cut.cancel();
    }

    /// Says why the connection is gone, in words.
    pub(super) fn why(&self) -> String {
        if let Some(via) = self.via.as_ref().filter(|via| via.is_closed()) {
            return format!("jump host {}: {}", via.host, via.why());
        }
        let why = self.status.why.lock().unwrap_or_else(PoisonError::into_inner).clone();
        why.unwrap_or_else(|| "the connection ended".to_owned())
    }

    /// Makes the error for something that was under way when the connection ended.
    pub(super) fn lost(&self) -> RemoteError {
        error(&self.host, LinkFault::Lost, self.why(), None)
    }
}

pub(super) fn error(host: &HostName, fault: LinkFault, what: impl Into<String>, hint: Option<&str>) -> RemoteError {
    RemoteError { host: host.clone(), fault, what: what.into(), hint: hint.map(str::to_owned), question: None }
}

/// The side of russh that is asked about host keys and told about the end.
pub(super) struct Client {
    known: KnownHost,
    policy: HostKeyPolicy,
    hash_names: bool,
    accept_into: Option<PathBuf>,
    clock: Arc<dyn Clock>,
    once: Arc<Mutex<HashSet<String>>>,
    status: Arc<Status>,
}

impl client::Handler for Client {
    type Error = russh::Error;

    async fn check_server_key(&mut self, shown: &PublicKeyOrCertificate) -> Result<bool, russh::Error> {
        let key = match shown {
            PublicKeyOrCertificate::PublicKey { key, .. } => key.clone(),
            PublicKeyOrCertificate::Certificate(certificate) => certificate.public_key().clone().into(),
        };
        let (algorithm, fingerprint) = (key.algorithm().to_string(), key.fingerprint(HashAlg::Sha256).to_string());
        *self.status.host_key.lock().unwrap_or_else(PoisonError::into_inner) =
            Some(format!("{algorithm} {fingerprint}"));
        let now = u64::try_from(self.clock.now().utc.0 / 1_000).unwrap_or(0);
        let trust = self.known.judge(shown, now);
        if trust == Trust::Trusted {
            return Ok(true);
        }
        let plain = known_hosts::line_for(self.known.name(), &key, false);
        if trust == Trust::Unknown && self.once.lock().unwrap_or_else(PoisonError::into_inner).contains(&plain) {
            return Ok(true);
        }
        let line = known_hosts::line_for(self.known.name(), &key, self.hash_names);
        let may_append = trust == Trust::Unknown && self.policy == HostKeyPolicy::AcceptNew;
        if let Some(file) = self.accept_into.as_ref().filter(|_| may_append)
            && known_hosts::append(file, &line).is_ok()
        {
            return Ok(true);
        }
        let verdict = Verdict { trust, algorithm, fingerprint, line, plain };
        *self.status.verdict.lock().unwrap_or_else(PoisonError::into_inner) = Some(verdict);
        Ok(false)
    }

    async fn disconnected(&mut self, reason: DisconnectReason<Self::Error>) -> Result<(), Self::Error> {
        let why = match &reason {
            DisconnectReason::ReceivedDisconnect(info) => {
                format!("the server hung up: {}", sanitise::name(&info.message))
            }
            DisconnectReason::Error(russh::Error::KeepaliveTimeout) => "no answer to keep-alive".to_owned(),
            DisconnectReason::Error(error) => format!("the connection ended: {}", sanitise::name(error.to_string())),
        };
        self.status.why.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(why);
        self.status.gone.store(true, Ordering::Relaxed);
        match reason {
            DisconnectReason::ReceivedDisconnect(_) => Ok(()),
            DisconnectReason::Error(error) => Err(error),
        }
    }
}

/// The parts of an attempt that a time-out can tell apart.
#[derive(Clone, Copy)]
enum Stage {
    Name,
    Tcp,
    KeyExchange,
    Login,
}

struct Attempt<'a> {
    hop: &'a Hop,
    stage: Mutex<Stage>,
    heard: Arc<AtomicBool>,
}

/// Connects to a hop, directly or through the connection to the hop before it, and logs in.
pub(super) async fn connect(
    maker: &Maker,
    hop: &Hop,
    via: Option<Arc<Link>>,
    limit: Duration,
) -> Result<Arc<Link>, RemoteError> {
    let heard = Arc::new(AtomicBool::new(false));
    let attempt = Attempt { hop, stage: Mutex::new(Stage::Name), heard };
    match timeout(limit, attempt.run(maker, via)).await {
        Ok(result) => result.map(Arc::new),
        Err(_) => Err(attempt.timed_out(limit)),
    }
}

impl Attempt<'_> {
    fn enter(&self, stage: Stage) {
        *self.stage.lock().unwrap_or_else(PoisonError::into_inner) = stage;
    }

    fn error(&self, fault: LinkFault, what: impl Into<String>, hint: Option<&str>) -> RemoteError {
        error(&self.hop.name, fault, what, hint)
    }

    fn timed_out(&self, limit: Duration) -> RemoteError {
        let Hop { host, port, .. } = self.hop;
        let seconds = limit.as_secs_f32().round();
        let stage = *self.stage.lock().unwrap_or_else(PoisonError::into_inner);
        let what = match stage {
            Stage::Name => format!("the name {host} does not resolve within {seconds} s"),
            Stage::Tcp => format!("{host}:{port} does not answer within {seconds} s"),
            Stage::KeyExchange if !self.heard.load(Ordering::Relaxed) => {
                format!("{host}:{port} takes connections but says nothing (no SSH banner within {seconds} s)")
            }
            Stage::KeyExchange => format!("{host}:{port} stopped answering during key exchange"),
            Stage::Login => format!("{host}:{port} stopped answering during login"),
        };
        let fault = if matches!(stage, Stage::Name) { LinkFault::Dns } else { LinkFault::Timeout };
        self.error(fault, what, Some("is the host up, and the way to it open?"))
    }

    async fn run(&self, maker: &Maker, via: Option<Arc<Link>>) -> Result<Link, RemoteError> {
        let hop = self.hop;
        let known = self.known_host()?;
        let wire = self.wire(via.as_deref()).await?;
        self.enter(Stage::KeyExchange);
        let (cut, status) = (CancellationToken::new(), Arc::new(Status::default()));
        let on_drop = cut.clone().drop_guard();
        let config = Arc::new(configure(&known, maker.keepalive));
        let client = Client {
            policy: hop.policy,
            hash_names: hop.hash_names,
            accept_into: hop.known_hosts.first().cloned(),
            clock: Arc::clone(&maker.clock),
            once: Arc::clone(&maker.once),
            status: Arc::clone(&status),
            known,
        };
        let stream = Guarded::new(wire, cut.clone(), Arc::clone(&self.heard));
        let mut handle = client::connect_stream(config, stream, client)
            .await
            .map_err(|error| self.no_key_exchange(&error, &status, maker))?;
        self.enter(Stage::Login);
        if let Err(refused) = authenticate(&mut handle, hop, &maker.keys, &maker.tasks).await {
            return Err(self.not_let_in(refused, &status, maker.prompts));
        }
        Ok(Link {
            handle,
            sessions: Arc::new(Semaphore::new(SESSIONS)),
            streams: Arc::new(Semaphore::new(STREAMS)),
            host: hop.name.clone(),
            kept: Kept::default(),
            status,
            _cut: on_drop,
            cut,
            via,
        })
    }

    fn known_host(&self) -> Result<KnownHost, RemoteError> {
        let hop = self.hop;
        let lookup = Lookup { host: &hop.host, port: hop.port, alias: hop.alias.as_deref() };
        KnownHost::read(lookup, &hop.known_hosts, hop.revoked_keys.as_deref()).map_err(|unreadable| {
            self.error(LinkFault::HostKey, unreadable.to_string(), Some("without it nobody knows which host this is"))
        })
    }

    async fn wire(&self, via: Option<&Link>) -> Result<Box<dyn Wire>, RemoteError> {
        match (via, &self.hop.proxy_command) {
            (Some(via), _) => self.through(via).await,
            (None, Some(command)) => self.by_command(command),
            (None, None) => self.direct().await,
        }
    }

    async fn direct(&self) -> Result<Box<dyn Wire>, RemoteError> {
        let Hop { host, port, family, .. } = self.hop;
        let wanted = |address: &SocketAddr| match family.as_deref() {
            Some("inet") => address.is_ipv4(),
            Some("inet6") => address.is_ipv6(),
            _ => true,
        };
        let addresses: Vec<SocketAddr> = match lookup_host((host.as_str(), *port)).await {
            Ok(addresses) => addresses.filter(wanted).collect(),
            Err(error) => {
                let what = format!("the name {host} does not resolve: {}", sanitise::name(error.to_string()));
                return Err(self.error(LinkFault::Dns, what, Some("check the name, or this machine's DNS")));
            }
        };
        self.enter(Stage::Tcp);
        let mut last = None;
        let count = u32::try_from(addresses.len()).unwrap_or(u32::MAX).max(1);
        for address in addresses {
            // A dead first address must leave time for the others.
            match timeout(Duration::from_secs(9) / count, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => {
                    // Without it every command waits for the peer's delayed acknowledgement: 44 ms instead of 2.
                    stream.set_nodelay(true).ok();
                    return Ok(Box::new(stream));
                }
                Ok(Err(error)) => last = Some((address, error)),
                Err(_) => last = Some((address, std::io::ErrorKind::TimedOut.into())),
            }
        }
        let Some((address, reason)) = last else {
            return Err(self.error(LinkFault::Dns, format!("the name {host} has no address"), None));
        };
        let (fault, hint) = if reason.kind() == std::io::ErrorKind::ConnectionRefused {
            (LinkFault::Refused, "is sshd running there, on this port?")
        } else {
            (LinkFault::Timeout, "is the host up, and the way to it open?")
        };
        let what = format!("{address}: {}", sanitise::name(reason.to_string()).to_lowercase());
        Err(self.error(fault, what, Some(hint)))
    }

    /// Opens a channel through a jump host. Such channels do not count as sessions there.
    async fn through(&self, via: &Link) -> Result<Box<dyn Wire>, RemoteError> {
        self.enter(Stage::Tcp);
        let Hop { host, port, .. } = self.hop;
        match via.handle.channel_open_direct_tcpip(host.as_str(), u32::from(*port), "127.0.0.1", 0).await {
            Ok(channel) => Ok(Box::new(channel.into_stream())),
            Err(russh::Error::ChannelOpenFailure(ChannelOpenFailure::AdministrativelyProhibited)) => Err(error(
                &via.host,
                LinkFault::Jump,
                format!("the jump host does not forward to {host}:{port}"),
                Some("AllowTcpForwarding and PermitOpen on the jump host decide"),
            )),
            Err(russh::Error::ChannelOpenFailure(_)) => Err(error(
                &via.host,
                LinkFault::Jump,
                format!("the jump host cannot reach {host}:{port}"),
                Some("is the host up, and does its name resolve on the jump host?"),
            )),
            Err(_) => Err(error(&via.host, LinkFault::Jump, via.why(), None)),
        }
    }

    fn by_command(&self, command: &str) -> Result<Box<dyn Wire>, RemoteError> {
        self.enter(Stage::Tcp);
        let child = Command::new("/bin/sh")
            .arg("-c")
            .arg(format!("exec {command}"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0)
            .kill_on_drop(true)
            .spawn();
        let failed = |why: String| self.error(LinkFault::Jump, format!("ProxyCommand: {why}"), None);
        let mut child = child.map_err(|error| failed(error.to_string()))?;
        match (child.stdout.take(), child.stdin.take()) {
            (Some(stdout), Some(stdin)) => Ok(Box::new(Proxied { pipe: tokio::io::join(stdout, stdin), child })),
            _ => Err(failed("it has no pipes".into())),
        }
    }

    fn no_key_exchange(&self, reason: &russh::Error, status: &Status, maker: &Maker) -> RemoteError {
        let verdict = status.verdict.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(verdict) = verdict {
            return self.bad_key(verdict, maker);
        }
        let Hop { host, port, .. } = self.hop;
        let heard = self.heard.load(Ordering::Relaxed);
        let what = if let russh::Error::NoCommonAlgo { kind, theirs, .. } = reason {
            format!("no common {kind:?} algorithm; the server has {}", sanitise::name(theirs.join(",")))
        } else if heard {
            format!("{host}:{port}: {}", sanitise::name(reason.to_string()))
        } else {
            format!("{host}:{port} hung up without an SSH banner")
        };
        self.error(
            LinkFault::Protocol,
            what,
            Some("is this port an SSH server, and does it have room for one more login?"),
        )
    }

    fn bad_key(&self, verdict: Verdict, maker: &Maker) -> RemoteError {
        let Verdict { trust, algorithm, fingerprint, line, plain } = verdict;
        let file = self.hop.known_hosts.first().map_or_else(String::new, |file| file.display().to_string());
        let pattern = Lookup { host: &self.hop.host, port: self.hop.port, alias: self.hop.alias.as_deref() }.name();
        let (what, hint) = match &trust {
            Trust::Changed(place) => (
                format!("the host key has changed: it shows {algorithm} {fingerprint}, {place} has another"),
                format!("if the change was meant, remove the line: ssh-keygen -f {file} -R '{pattern}'"),
            ),
            Trust::Revoked(place) => (
                format!("the host key {algorithm} {fingerprint} is revoked by {place}"),
                "do not connect; find out who has this key".to_owned(),
            ),
            Trust::Unknown | Trust::Trusted => (
                format!("the host key is unknown: {algorithm} {fingerprint}"),
                format!("compare the fingerprint, then add the key to {file}"),
            ),
        };
        let mut error = self.error(LinkFault::HostKey, what, Some(&hint));
        if trust == Trust::Unknown && maker.prompts && self.hop.policy != HostKeyPolicy::Strict {
            let mut offered = maker.offered.lock().unwrap_or_else(PoisonError::into_inner);
            offered.retain(|_, offer| offer.plain != plain);
            offered.insert(line.clone(), Offer { file: self.hop.known_hosts.first().cloned(), plain });
            error.question = Some(Question::UnknownHostKey { pattern, algorithm, fingerprint, line });
        }
        error
    }

    fn not_let_in(&self, refused: Refused, status: &Status, prompts: bool) -> RemoteError {
        let Hop { user, host, .. } = self.hop;
        let tried = if refused.tried.is_empty() {
            "there was no key to try".to_owned()
        } else {
            format!("tried {}", refused.tried.join(", "))
        };
        let mut what = format!("{user}@{host} is not let in: {tried}");
        if refused.partial {
            what.push_str("; a key was good but the server wants more");
        }
        let why = status.why.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if refused.closed {
            what.push_str("; ");
            what.push_str(why.as_deref().unwrap_or("the server hung up"));
        }
        let many = why.is_some_and(|why| why.contains("oo many authentication failures"));
        let needs_key = !refused.methods.is_empty() && !refused.methods.iter().any(|method| method == "publickey");
        let hint = if many {
            "too many keys were offered: set `identity` for the host, or IdentitiesOnly".to_owned()
        } else if let Some(locked) = &refused.locked {
            format!("{} is encrypted: unlock it, or add it to an agent", locked.display())
        } else if needs_key {
            format!("the server takes only: {}", refused.methods.join(", "))
        } else {
            format!("is one of these keys in ~{user}/.ssh/authorized_keys there?")
        };
        let mut error = self.error(LinkFault::Auth, what, Some(&hint));
        if let Some(locked) = refused.locked.filter(|_| prompts) {
            error.question = Some(Question::Passphrase { identity: locked.display().to_string() });
        }
        error
    }
}

/// Makes sshd set `TCP_NODELAY`, which it does only once a session has run: else all that goes through waits 44 ms a turn.
pub(super) async fn prepare_jump(link: &Arc<Link>, tasks: &Tasks) -> Result<(), RemoteError> {
    // A jump host may forbid commands: then it is only slower.
    channel::run(link, &Script::new("true"), tasks).await.map(drop).or_else(|error| match error.fault {
        LinkFault::Lost => Err(error),
        LinkFault::Dns
        | LinkFault::Refused
        | LinkFault::Jump
        | LinkFault::Auth
        | LinkFault::HostKey
        | LinkFault::Timeout
        | LinkFault::Protocol => Ok(()),
    })
}

struct Proxied {
    pipe: tokio::io::Join<tokio::process::ChildStdout, tokio::process::ChildStdin>,
    child: tokio::process::Child,
}

impl Drop for Proxied {
    /// Ends the whole group: what the command started would hold the connection open. The shell itself is killed when `child` is dropped.
    fn drop(&mut self) {
        let Some(pid) = self.child.id() else { return };
        let mut kill = Command::new("kill");
        kill.args(["-HUP", "--", &format!("-{pid}")]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        // Without `kill` the command ends by the end of its stdin, as well-behaved ones do.
        kill.spawn().ok();
    }
}

impl tokio::io::AsyncRead for Proxied {
    fn poll_read(
        self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
        buffer: &mut tokio::io::ReadBuf<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        std::pin::Pin::new(&mut self.get_mut().pipe).poll_read(context, buffer)
    }
}

impl tokio::io::AsyncWrite for Proxied {
    fn poll_write(
        self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
        bytes: &[u8],
    ) -> std::task::Poll<std::io::Result<usize>> {
        std::pin::Pin::new(&mut self.get_mut().pipe).poll_write(context, bytes)
    }

    fn poll_flush(
        self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        std::pin::Pin::new(&mut self.get_mut().pipe).poll_flush(context)
    }

    fn poll_shutdown(
        self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        std::pin::Pin::new(&mut self.get_mut().pipe).poll_shutdown(context)
    }
}

fn configure(known: &KnownHost, keepalive: Duration) -> client::Config {
    let mut config = client::Config {
        nodelay: true,
        keepalive_interval: Some(keepalive),
        keepalive_max: 2,
        ..client::Config::default()
    };
    if has_aes() {
        // Several times as fast as the one that is first by default.
        let rest = config.preferred.cipher.iter().filter(|cipher| **cipher != cipher::AES_256_GCM).copied();
        config.preferred.cipher = std::iter::once(cipher::AES_256_GCM).chain(rest).collect();
    }
    let is_sha1 = |algorithm: &Algorithm| matches!(algorithm, Algorithm::Rsa { hash: None });
    let algorithms = config.preferred.key.iter().filter(|algorithm| !is_sha1(algorithm)).cloned();
    let preferred = known.prefer(algorithms);
    if known.has_authority() {
        config.preferred.host_key_certificates = preferred.clone().into();
    }
    config.preferred.key = preferred.into();
    config
}

/// Says whether this processor has instructions for AES; then the hosts have them, too, as a rule.
fn has_aes() -> bool {
    #[cfg(target_arch = "x86_64")]
    return std::arch::is_x86_feature_detected!("aes");
    #[cfg(target_arch = "aarch64")]
    return std::arch::is_aarch64_feature_detected!("aes");
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    return false;
}
