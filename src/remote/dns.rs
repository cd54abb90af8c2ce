//! Questions to one name server at a time, over UDP and, where an answer does not fit, TCP (RFC 1035, 7766, 9715).
//!
//! The system's resolver hides which server said what, and caches; a check wants to know. An answer counts only when it
//! comes from the server's address (the socket is connected), has our random id and repeats our question; anything else
//! is passed over and counted, because anybody may send it.
use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::Path,
    str::FromStr as _,
    time::Duration,
};

use hickory_proto::{
    op::{Edns, Message, MessageType, OpCode, Query, ResponseCode},
    rr::{DNSClass, Name, RData, Record, RecordType},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpStream, UdpSocket},
};

use super::net::{self, HostPort, NetFault};
use crate::parse::sanitise;

/// Types of record that can be asked for.
pub const RECORDS: &[&str] = &["A", "AAAA", "CNAME", "MX", "NS", "TXT", "SOA", "CAA"];

/// Largest answer over UDP: what passes every network in one piece.
const UDP_SIZE: u16 = 1_232;
/// How often a question is sent over UDP, which may lose it.
const TRIES: u32 = 3;
/// Most values of an answer that are kept.
const MAX_VALUES: usize = 256;
/// Longest chain of aliases that is followed within an answer.
const MAX_ALIASES: usize = 16;

/// Why a server gave no answer that can be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DnsFault {
    /// It could not be asked.
    #[error("{}", .0.to_string().trim_start_matches("connect: "))]
    Net(#[from] NetFault),
    /// It did not answer in time.
    #[error("no answer within {}{}", super::http::words_of(*.ms), passed_over(*.strange))]
    Timeout {
        /// How long it was waited for, in milliseconds.
        ms: u64,
        /// Datagrams that came but were no answer to the question.
        strange: u32,
    },
    /// It answered over TCP with what is no answer.
    #[error("answers nonsense: {0}")]
    Nonsense(String),
}

fn passed_over(strange: u32) -> String {
    match strange {
        0 => String::new(),
        1 => ", one datagram that was no answer".into(),
        more => format!(", {more} datagrams that were no answer"),
    }
}

/// What is asked.
#[derive(Clone, Debug)]
pub struct Question {
    name: Name,
    record: RecordType,
}

impl Question {
    /// Makes a question of a name and one of [`RECORDS`].
    ///
    /// # Errors
    /// When the name cannot be one, or the type is not known; says which.
    pub fn new(name: &str, record: &str) -> Result<Self, String> {
        let mut read = Name::from_utf8(name).map_err(|_| format!("{name:?} is not a name"))?;
        read.set_fqdn(true);
        let record = RECORDS
            .contains(&record)
            .then(|| RecordType::from_str(record).ok())
            .flatten()
            .ok_or_else(|| format!("{record:?} is not a type of record: {}", RECORDS.join(", ")))?;
        Ok(Self { name: read, record })
    }
}

/// What a server answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The records of the type asked for, as text, sorted: aliases followed, names without their last dot, the parts of a TXT
    /// joined. Not sanitised. At most 256.
    pub values: Vec<String>,
    /// The serial of the zone, where the answer has its SOA: asked for, or sent with a denial.
    pub serial: Option<u32>,
    /// Whether the server speaks for the zone.
    pub authoritative: bool,
    code: ResponseCode,
    record: RecordType,
}

impl Reply {
    /// Says why there are no records, in the words of RFC 1035; none when there are.
    pub fn denial(&self) -> Option<String> {
        let code = self.code;
        if code == ResponseCode::NoError {
            return self.values.is_empty().then(|| format!("NODATA: the name has no {} record", self.record));
        }
        Some(if code == ResponseCode::NXDomain {
            "NXDOMAIN: there is no such name".into()
        } else if code == ResponseCode::ServFail {
            "SERVFAIL: the server could not find out".into()
        } else if code == ResponseCode::Refused {
            "REFUSED: the server does not answer this".into()
        } else {
            format!("error {}: {}", u16::from(code), sanitise::name(code.to_string()))
        })
    }
}

/// Asks a server, over UDP and then TCP when the answer was cut, within `patience`.
///
/// # Errors
/// When it cannot be asked, does not answer, or answers nonsense. A denial is an answer.
pub async fn ask(server: SocketAddr, question: &Question, patience: Duration) -> Result<Reply, DnsFault> {
    let mut strange = 0;
    let asked = tokio::time::timeout(patience, exchange(server, question, patience, &mut strange)).await;
    asked.unwrap_or_else(|_| {
        Err(DnsFault::Timeout { ms: u64::try_from(patience.as_millis()).unwrap_or(u64::MAX), strange })
    })
}

async fn exchange(
    server: SocketAddr,
    question: &Question,
    patience: Duration,
    strange: &mut u32,
) -> Result<Reply, DnsFault> {
    let mut message = by_udp(server, &request(question, Plain::No), patience, strange).await?;
    if message.metadata.response_code == ResponseCode::FormErr {
        // A server from before EDNS (RFC 6891 §7): asked again as in 1987.
        message = by_udp(server, &request(question, Plain::Yes), patience, strange).await?;
    }
    if message.metadata.truncation {
        message = by_tcp(server, &request(question, Plain::No)).await?;
    }
    Ok(read(question, &message))
}

/// Whether a request does without EDNS.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Plain {
    Yes,
    No,
}

fn request(question: &Question, plain: Plain) -> Message {
    // The id is random: `Message::query` draws it.
    let mut message = Message::query();
    message.metadata.recursion_desired = true;
    message.add_query(Query::query(question.name.clone(), question.record));
    if plain == Plain::No {
        let mut edns = Edns::new();
        edns.set_max_payload(UDP_SIZE);
        message.set_edns(edns);
    }
    message
}

async fn by_udp(
    server: SocketAddr,
    request: &Message,
    patience: Duration,
    strange: &mut u32,
) -> Result<Message, DnsFault> {
    let local: IpAddr = if server.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let net = |error: std::io::Error| DnsFault::Net(NetFault::of_connect(&error));
    let socket = UdpSocket::bind((local, 0)).await.map_err(net)?;
    socket.connect(server).await.map_err(net)?;
    let bytes = request.to_vec().map_err(|error| DnsFault::Nonsense(sanitise::name(error.to_string())))?;
    // A first try has most chances; a server that needs long still has until the end to answer any of them.
    let pause = patience / (TRIES + 1);
    let mut tries = 0;
    let mut buffer = vec![0; 65_535];
    loop {
        if tries < TRIES {
            tries += 1;
            socket.send(&bytes).await.map_err(net)?;
        }
        let listen = async {
            loop {
                let length = socket.recv(&mut buffer).await.map_err(net)?;
                let datagram = buffer.get(..length).unwrap_or_default();
                match Message::from_vec(datagram) {
                    Ok(message) if answers(request, &message) => return Ok(message),
                    // What is cut in the middle of a record is still ours to ask again for.
                    Err(_) if cut_answer(request, datagram) => return Ok(cut(request)),
                    Ok(_) | Err(_) => {}
                }
                *strange = strange.saturating_add(1);
            }
        };
        if tries < TRIES {
            if let Ok(done) = tokio::time::timeout(pause, listen).await {
                return done;
            }
        } else {
            return listen.await;
        }
    }
}

/// Says whether bytes that cannot be read begin as an answer to this request that says it was cut.
fn cut_answer(request: &Message, bytes: &[u8]) -> bool {
    let [high, low, flags, ..] = bytes else { return false };
    u16::from_be_bytes([*high, *low]) == request.metadata.id && flags & 0b1000_0010 == 0b1000_0010
}

fn cut(request: &Message) -> Message {
    let mut message = Message::new(request.metadata.id, MessageType::Response, OpCode::Query);
    message.metadata.truncation = true;
    message
}

async fn by_tcp(server: SocketAddr, request: &Message) -> Result<Message, DnsFault> {
    let net = |error: std::io::Error| DnsFault::Net(NetFault::of_connect(&error));
    let nonsense = |what: &str| DnsFault::Nonsense(format!("over TCP: {what}"));
    let mut stream = net::connect(&[server]).await?;
    let bytes = request.to_vec().map_err(|error| nonsense(&sanitise::name(error.to_string())))?;
    let length = u16::try_from(bytes.len()).map_err(|_| nonsense("the question is too long"))?;
    stream.write_all(&[&length.to_be_bytes()[..], &bytes].concat()).await.map_err(net)?;
    let answer = framed(&mut stream).await.map_err(|_| nonsense("the connection broke off"))?;
    let message = Message::from_vec(&answer).map_err(|_| nonsense("the answer cannot be read"))?;
    if answers(request, &message) { Ok(message) } else { Err(nonsense("the answer is to another question")) }
}

async fn framed(stream: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    let length = stream.read_u16().await?;
    let mut answer = vec![0; usize::from(length)];
    stream.read_exact(&mut answer).await?;
    Ok(answer)
}

/// Says whether a message answers a request. An error may come without the question.
fn answers(request: &Message, message: &Message) -> bool {
    let head = &message.metadata;
    let ours = head.id == request.metadata.id && head.message_type == MessageType::Response;
    let repeats = match (request.queries.first(), message.queries.as_slice()) {
        (Some(asked), [one]) => {
            one.query_type == asked.query_type && one.query_class == DNSClass::IN && one.name == asked.name
        }
        (Some(_), []) => head.response_code != ResponseCode::NoError || head.truncation,
        _ => false,
    };
    ours && repeats
}

fn read(question: &Question, message: &Message) -> Reply {
    let mut owner = &question.name;
    if question.record != RecordType::CNAME {
        for _ in 0..MAX_ALIASES {
            let alias = message.answers.iter().find_map(|record| {
                let RData::CNAME(to) = &record.data else { return None };
                (record.name == *owner).then_some(&to.0)
            });
            let Some(to) = alias else { break };
            owner = to;
        }
    }
    let fits = |record: &&Record| record.name == *owner && record.record_type() == question.record;
    let mut values: Vec<String> =
        message.answers.iter().filter(fits).take(MAX_VALUES).map(|record| text_of(&record.data)).collect();
    values.sort_unstable();
    values.dedup();
    let serial = message.answers.iter().chain(&message.authorities).find_map(|record| {
        let RData::SOA(soa) = &record.data else { return None };
        Some(soa.serial)
    });
    Reply {
        values,
        serial,
        authoritative: message.metadata.authoritative,
        code: message.metadata.response_code,
        record: question.record,
    }
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "hickory adds types of record; what is not asked for is written its way"
)]
/// Writes a record's data as zone files do, without last dots.
fn text_of(data: &RData) -> String {
    let name = |name: &Name| name.to_ascii().trim_end_matches('.').to_owned();
    match data {
        RData::CNAME(to) => name(&to.0),
        RData::NS(to) => name(&to.0),
        RData::MX(mx) => format!("{} {}", mx.preference, name(&mx.exchange)),
        RData::SOA(soa) => format!("{} {} {}", name(&soa.mname), name(&soa.rname), soa.serial),
        RData::TXT(txt) => String::from_utf8_lossy(&txt.txt_data.concat()).into_owned(),
        RData::CAA(caa) => format!("{} {} {:?}", caa.flags(), caa.tag, String::from_utf8_lossy(&caa.value)),
        other => other.to_string(),
    }
}

/// Reads the resolvers of this machine from `/etc/resolv.conf`, at most three, as the system does.
///
/// # Errors
/// When the file cannot be read; says so.
pub fn own_resolvers() -> Result<Vec<SocketAddr>, String> {
    resolvers_of(Path::new("/etc/resolv.conf"))
}

fn resolvers_of(path: &Path) -> Result<Vec<SocketAddr>, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    let mut servers: Vec<SocketAddr> = text
        .lines()
        .filter_map(|line| line.trim().strip_prefix("nameserver")?.split_whitespace().next())
        .filter_map(|server| {
            // A link-local address carries its interface after a percent sign, which only the system can use.
            let at = HostPort::parse(server.split('%').next()?, Some(53))?;
            Some(SocketAddr::new(at.host.parse().ok()?, at.port))
        })
        .take(3)
        .collect();
    if servers.is_empty() {
        servers.push(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 53));
    }
    Ok(servers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_resolvers_are_read_as_the_system_reads_them() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let text = "# nameserver 9.9.9.9\nsearch x\nnameserver 192.0.2.1\n nameserver\t2001:db8::1 # x\nnameserver fe80::1%eth0\nnameserver 1.2.3.4\nnameserver nonsense\n";
        std::fs::write(file.path(), text).unwrap();
        let read = resolvers_of(file.path()).unwrap();
        assert_eq!(
            read.iter().map(|at| at.ip().to_string()).collect::<Vec<_>>(),
            ["192.0.2.1", "2001:db8::1", "fe80::1"]
        );
        assert!(resolvers_of(Path::new("/nowhere/resolv.conf")).is_err());
    }

    #[test]
    fn questions_that_make_no_sense_are_refused() {
        assert!(Question::new("www.example.com", "A").is_ok());
        assert!(Question::new("www..example.com", "A").is_err());
        assert!(Question::new("www.example.com", "ANY").is_err());
        assert!(Question::new(&"x".repeat(300), "A").is_err());
    }
}
