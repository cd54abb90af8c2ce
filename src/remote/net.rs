//! Names, sockets and what can go wrong before a single byte of a protocol is spoken.
//!
//! The point of [`NetFault::ours`]: a check must not blame a service for what fails on this side. A name that its
//! name servers deny does not exist, which is the service's fault. A resolver that does not answer, or a machine
//! without a route, says nothing about the service. glibc says "temporary failure" both for a resolver that is
//! silent and for one that answers SERVFAIL; the two cannot be told apart here, so both count as ours. A `dns` check
//! asks name servers itself and tells them apart.
use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
};

use tokio::net::TcpStream;

use crate::parse::sanitise;

/// Most addresses that are looked at behind one name.
pub const MAX_ADDRESSES: usize = 16;

/// Why no connection came about.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NetFault {
    /// The name servers say that there is no such name, or no address for it.
    #[error("dns: {0} does not resolve")]
    NoSuchName(String),
    /// The resolver gave no answer, so that nobody knows.
    #[error("dns: the resolver gives no answer for {0}")]
    NoResolver(String),
    /// Nothing listens there.
    #[error("connect: refused")]
    Refused,
    /// This machine has no way there.
    #[error("connect: {0}")]
    NoRoute(String),
    /// The way was tried and failed.
    #[error("connect: {0}")]
    Connect(String),
}

impl NetFault {
    /// Says whether the failure is on this side, so that it tells nothing about the service.
    pub fn ours(&self) -> bool {
        matches!(self, Self::NoResolver(_) | Self::NoRoute(_))
    }

    /// Reads what the system said about a connection.
    pub fn of_connect(error: &io::Error) -> Self {
        let kind = error.kind();
        if kind == io::ErrorKind::ConnectionRefused {
            Self::Refused
        } else if matches!(
            kind,
            io::ErrorKind::NetworkUnreachable
                | io::ErrorKind::NetworkDown
                | io::ErrorKind::AddrNotAvailable
                | io::ErrorKind::PermissionDenied
        ) || matches!(error.raw_os_error(), Some(23 | 24))
        {
            // 23 and 24 are ENFILE and EMFILE on every Unix: too many open files, here.
            Self::NoRoute(plain(error))
        } else {
            Self::Connect(plain(error))
        }
    }

    /// Reads what the system's resolver said about a name.
    pub fn of_lookup(host: &str, error: &io::Error) -> Self {
        Self::of_lookup_text(host, &error.to_string())
    }

    /// Reads the text of a failed look-up: there is no code, only the words of glibc, musl or macOS.
    pub(crate) fn of_lookup_text(host: &str, text: &str) -> Self {
        const DENIED: [&str; 5] = [
            "Name or service not known",
            "No address associated",
            "Name does not resolve",
            "Name has no usable address",
            "nodename nor servname",
        ];
        let host = sanitise::name(host);
        if DENIED.iter().any(|denied| text.contains(denied)) { Self::NoSuchName(host) } else { Self::NoResolver(host) }
    }
}

/// Returns an I/O error's words without Rust's `(os error 101)`.
pub(crate) fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or(&text);
    sanitise::line_max(text.to_lowercase(), 120)
}

/// How far an attempt has come, so that a time-out can say what it waited for.
#[derive(Clone, Debug, Default)]
pub struct Progress(Arc<AtomicU8>);

/// A step of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Waits for the resolver.
    Resolve,
    /// Waits for the connection.
    Connect,
    /// Waits for the TLS handshake.
    Handshake,
    /// Waits for an answer.
    Answer,
    /// Waits for the rest of the answer.
    Body,
}

impl Progress {
    /// Notes a step.
    pub fn at(&self, step: Step) {
        self.0.store(step as u8, Ordering::Relaxed);
    }

    /// Returns the last step noted.
    pub fn step(&self) -> Step {
        match self.0.load(Ordering::Relaxed) {
            0 => Step::Resolve,
            1 => Step::Connect,
            2 => Step::Handshake,
            3 => Step::Answer,
            _ => Step::Body,
        }
    }
}

impl Step {
    /// Says what was waited for.
    pub fn words(self) -> &'static str {
        match self {
            Self::Resolve => "resolving the name",
            Self::Connect => "connecting",
            Self::Handshake => "in the TLS handshake",
            Self::Answer => "waiting for the answer",
            Self::Body => "reading the answer",
        }
    }
}

/// A host and a port as a person writes them: `db.example:5432`, `[::1]:853`, `::1`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPort {
    /// Name or address, without brackets.
    pub host: String,
    /// Port.
    pub port: u16,
}

impl HostPort {
    /// Reads it; without a port it takes `default`, if there is one.
    pub fn parse(text: &str, default: Option<u16>) -> Option<Self> {
        let text = text.trim();
        let (host, port) = if let Ok(ip) = text.parse::<IpAddr>() {
            (ip.to_string(), None)
        } else if let Some(rest) = text.strip_prefix('[') {
            let (host, rest) = rest.split_once(']')?;
            host.parse::<std::net::Ipv6Addr>().ok()?;
            (host.to_owned(), if rest.is_empty() { None } else { Some(rest.strip_prefix(':')?) })
        } else {
            match text.split_once(':') {
                Some((host, port)) => (host.to_owned(), Some(port)),
                None => (text.to_owned(), None),
            }
        };
        let port = match port {
            Some(port) => port.parse().ok().filter(|port| *port != 0)?,
            None => default?,
        };
        let fits = !host.is_empty() && !host.contains(|c: char| c.is_whitespace() || c.is_control() || c == '/');
        fits.then_some(Self { host, port })
    }
}

/// Says whether a host is this machine by its name or address, which no proxy may stand before.
pub fn is_loopback(host: &str) -> bool {
    host.parse::<IpAddr>().map_or_else(
        |_| host.eq_ignore_ascii_case("localhost") || host.to_ascii_lowercase().ends_with(".localhost"),
        |ip| ip.is_loopback(),
    )
}

/// Finds the addresses behind a name, by the system's resolver, at most [`MAX_ADDRESSES`], each once.
///
/// # Errors
/// When there is none, or nobody knows.
pub async fn resolve(host: &str, port: u16) -> Result<Vec<SocketAddr>, NetFault> {
    if let Ok(ip) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(ip, port)]);
    }
    let found = tokio::net::lookup_host((host, port)).await.map_err(|error| NetFault::of_lookup(host, &error))?;
    let mut addresses: Vec<SocketAddr> = Vec::new();
    for address in found {
        if !addresses.contains(&address) && addresses.len() < MAX_ADDRESSES {
            addresses.push(address);
        }
    }
    if addresses.is_empty() { Err(NetFault::NoSuchName(sanitise::name(host))) } else { Ok(addresses) }
}

/// Connects to the first address that lets it.
///
/// # Errors
/// The last failure that is not this machine's own, else the last one.
pub async fn connect(addresses: &[SocketAddr]) -> Result<TcpStream, NetFault> {
    let mut why: Option<NetFault> = None;
    for address in addresses {
        match TcpStream::connect(address).await {
            Ok(stream) => {
                stream.set_nodelay(true).ok();
                return Ok(stream);
            }
            Err(error) => {
                let fault = NetFault::of_connect(&error);
                if why.as_ref().is_none_or(|old| old.ours() || !fault.ours()) {
                    why = Some(fault);
                }
            }
        }
    }
    Err(why.unwrap_or_else(|| NetFault::Connect("no address".into())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_and_ports_are_read_as_people_write_them() {
        let read = |text| HostPort::parse(text, Some(53)).map(|at| (at.host, at.port));
        for (text, host, port) in [
            ("db:5432", "db", 5432),
            ("db", "db", 53),
            ("127.0.0.1", "127.0.0.1", 53),
            ("127.0.0.1:54", "127.0.0.1", 54),
            ("::1", "::1", 53),
            ("[::1]", "::1", 53),
            ("[::1]:54", "::1", 54),
        ] {
            assert_eq!(read(text), Some((host.to_owned(), port)), "{text}");
        }
        for text in ["", ":5432", "db:", "db:0", "db:70000", "[::1", "[x]:1", "[::1]1", "a b:1", "http://x:1", "a:1:2"]
        {
            assert_eq!(read(text), None, "{text}");
        }
        assert_eq!(HostPort::parse("db", None), None);
    }

    #[test]
    fn a_denied_name_is_the_services_fault_and_a_silent_resolver_is_ours() {
        let denied = io::Error::other("failed to lookup address information: Name or service not known");
        assert!(!NetFault::of_lookup("x", &denied).ours());
        let silent = io::Error::other("failed to lookup address information: Temporary failure in name resolution");
        assert!(NetFault::of_lookup("x", &silent).ours());
        assert!(NetFault::of_connect(&io::Error::from_raw_os_error(101)).ours(), "no route from here");
        assert!(!NetFault::of_connect(&io::Error::from_raw_os_error(111)).ours(), "refused");
        assert!(!NetFault::of_connect(&io::Error::from_raw_os_error(113)).ours(), "no route to host: somebody said so");
    }

    #[tokio::test]
    async fn the_first_address_that_listens_is_taken() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let alive = listener.local_addr().unwrap();
        let dead = {
            let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            closed.local_addr().unwrap()
        };
        assert_eq!(connect(&[dead, alive]).await.unwrap().peer_addr().unwrap(), alive);
        assert_eq!(connect(&[dead]).await.unwrap_err(), NetFault::Refused);
    }
}
