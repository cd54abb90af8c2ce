//! `dns`: name servers say what they should, and say the same.
//!
//! Servers that are listed are what is checked: one that is silent is Down. Where none is listed, this machine's own
//! resolvers are asked as a stub resolver does, one after the other; if all are silent nobody knows, which is Unknown.
//! Its time is that of the slowest server.
use std::{collections::BTreeMap, net::IpAddr, net::SocketAddr, time::Duration};

use futures_util::{future::BoxFuture, future::join_all};

use super::{Check, Context, Probe, Seen, params::Settings, patience, took, worse};
use crate::{
    config::{Field, Kind, Misfit, Shape},
    core::{
        inventory::{CheckSpec, Params},
        services::Outcome,
    },
    error::Report,
    parse::sanitise,
    remote::{
        dns::{self, DnsFault, Question, Reply},
        net::{self, HostPort},
    },
};

/// The kind.
pub(super) struct Dns;

impl Kind for Dns {
    fn name(&self) -> &'static str {
        "dns"
    }

    fn fields(&self) -> &'static [Field] {
        const FIELDS: &[Field] = &[
            Field { name: "query", shape: Shape::Text, required: true, doc: "Name to ask for: `www.example.com`." },
            Field {
                name: "record",
                shape: Shape::Choice(dns::RECORDS),
                required: false,
                doc: "Type of record. Default `A`, with `agree = \"soa\"` `SOA`.",
            },
            Field {
                name: "servers",
                shape: Shape::List(&Shape::Text),
                required: false,
                doc: "Name servers to ask, each one: `1.1.1.1`, `ns1.example.com:53`. Default: the resolvers of this machine, one after the other.",
            },
            Field {
                name: "expect",
                shape: Shape::List(&Shape::Text),
                required: false,
                doc: "The records as text (`192.0.2.1`, `10 mail.example.com`) or networks (`192.0.2.0/24`): every answer must be one of them or within one, and every record listed must be answered.",
            },
            Field {
                name: "agree",
                shape: Shape::Choice(&["soa"]),
                required: false,
                doc: "`soa`: the serial of the zone must be the same on all `servers`.",
            },
        ];
        FIELDS
    }

    fn misfits(&self, settings: &Params) -> Vec<Misfit> {
        let settings = Settings(settings);
        let mut wrong = settings.unread("servers", server);
        let record = record(settings);
        wrong.extend(settings.unread("expect", |text| Expected::of(text, record)));
        let query = settings.text("query").ok().flatten().unwrap_or_default();
        wrong.extend(question(query, record).err());
        if agrees(settings) && settings.texts("servers").ok().flatten().is_none_or(|servers| servers.len() < 2) {
            wrong.push(too_few());
        }
        wrong
    }
}

fn agrees(settings: Settings<'_>) -> bool {
    settings.text("agree").is_ok_and(|agree| agree.is_some())
}

fn record(settings: Settings<'_>) -> &str {
    let default = if agrees(settings) { "SOA" } else { "A" };
    settings.text("record").ok().flatten().unwrap_or(default)
}

fn question(query: &str, record: &str) -> Result<Question, Misfit> {
    Question::new(query, record).map_err(|what| Misfit::new("query", what, "as in \"www.example.com\""))
}

fn server(text: &str) -> Result<HostPort, Misfit> {
    HostPort::parse(text, Some(53)).ok_or_else(|| {
        let help = "as in \"1.1.1.1\", \"ns1.example.com\" or \"[::1]:53\"";
        Misfit::new("servers", format!("`servers`: {text:?} is not a name server"), help)
    })
}

fn too_few() -> Misfit {
    Misfit::new("agree", "`agree` compares servers: there is nothing to compare", "list at least two `servers`")
}

impl Check for Dns {
    fn probe(&self, spec: &CheckSpec) -> Result<Box<dyn Probe>, Report> {
        let settings = Settings(&spec.params);
        let (agree, record, query) = (agrees(settings), record(settings), settings.need_text("query")?);
        let serial = (agree && record != "SOA").then(|| question(query, "SOA")).transpose()?;
        let servers = settings.texts("servers")?.unwrap_or_default();
        let servers = servers.iter().map(|text| server(text)).collect::<Result<Vec<_>, _>>()?;
        if agree && servers.len() < 2 {
            return Err(too_few().into());
        }
        let expect = settings.texts("expect")?.unwrap_or_default();
        Ok(Box::new(DnsProbe {
            question: question(query, record)?,
            serial,
            agree,
            servers,
            expect: expect.iter().map(|text| Expected::of(text, record)).collect::<Result<_, _>>()?,
            patience: patience(spec),
        }))
    }
}

struct DnsProbe {
    question: Question,
    /// Asked beside the question, where that is not for the SOA itself.
    serial: Option<Question>,
    agree: bool,
    servers: Vec<HostPort>,
    expect: Vec<Expected>,
    patience: Duration,
}

/// What one server made of it.
struct Judged {
    server: String,
    outcome: Outcome,
    detail: String,
    serial: Option<u32>,
    took_ms: Option<u32>,
}

impl Probe for DnsProbe {
    fn ask<'a>(&'a self, context: &'a Context) -> BoxFuture<'a, Seen> {
        Box::pin(async move {
            if self.servers.is_empty() {
                self.ask_own(context).await
            } else {
                let all = join_all(self.servers.iter().map(|server| self.ask_server(server, context))).await;
                self.sum_up(&all)
            }
        })
    }
}

impl DnsProbe {
    /// Asks this machine's resolvers in turn; the first that answers decides, whatever it answers.
    async fn ask_own(&self, context: &Context) -> Seen {
        let servers = match dns::own_resolvers() {
            Ok(servers) => servers,
            Err(why) => return Seen::new(Outcome::Unknown, why),
        };
        let share = self.patience / u32::try_from(servers.len()).unwrap_or(1).max(1);
        let mut why = String::new();
        for server in servers {
            let began = context.clock.now().mono;
            match dns::ask(server, &self.question, share).await {
                Ok(reply) => {
                    let (outcome, detail) = self.judge(&reply);
                    return Seen { took_ms: took(context, began), ..Seen::new(outcome, detail) };
                }
                Err(fault) => why = format!("{}: {fault}", server.ip()),
            }
        }
        Seen::new(Outcome::Unknown, format!("no resolver of this machine answers: {why}"))
    }

    async fn ask_server(&self, server: &HostPort, context: &Context) -> Judged {
        let label = label_of(server);
        let began = context.clock.now().mono;
        let found = tokio::time::timeout(self.patience, net::resolve(&server.host, server.port)).await;
        let address: SocketAddr = match found.map(|found| found.map(|all| all.first().copied())) {
            Ok(Ok(Some(address))) => address,
            Ok(Ok(None)) => return failed(label, Outcome::Down, "the server's name does not resolve"),
            Ok(Err(fault)) => {
                return failed(label, if fault.ours() { Outcome::Unknown } else { Outcome::Down }, &fault.to_string());
            }
            Err(_) => return failed(label, Outcome::Unknown, "the server's name was not resolved in time"),
        };
        let ask = async |question| dns::ask(address, question, self.patience).await;
        let (reply, serial) = match &self.serial {
            None => (ask(&self.question).await, None),
            Some(serial) => {
                let (reply, serial) = futures_util::future::join(ask(&self.question), ask(serial)).await;
                (reply, Some(serial))
            }
        };
        match (reply, serial.transpose()) {
            (Ok(reply), Ok(serial)) => {
                let (outcome, detail) = self.judge(&reply);
                let serial = serial.as_ref().unwrap_or(&reply).serial;
                Judged { server: label, outcome, detail, serial, took_ms: took(context, began) }
            }
            (Err(fault), _) | (_, Err(fault)) => {
                let outcome = if matches!(&fault, DnsFault::Net(fault) if fault.ours()) {
                    Outcome::Unknown
                } else {
                    Outcome::Down
                };
                failed(label, outcome, &fault.to_string())
            }
        }
    }

    fn judge(&self, reply: &Reply) -> (Outcome, String) {
        let unmet = match reply.denial() {
            // A zone's SOA may be asked by a name within it: then it comes with the denial.
            Some(_) if self.agree && self.serial.is_none() && reply.serial.is_some() => None,
            Some(denial) => Some(denial),
            None => unmet(&self.expect, &reply.values),
        };
        unmet.map_or_else(|| (Outcome::Up, list(&reply.values)), |unmet| (Outcome::Down, unmet))
    }

    fn sum_up(&self, all: &[Judged]) -> Seen {
        let worst = all.iter().fold(Outcome::Up, |worst, one| worse(worst, one.outcome));
        let took_ms = all.iter().filter_map(|one| one.took_ms).max();
        if worst != Outcome::Up {
            let bad: Vec<_> = all
                .iter()
                .filter(|one| one.outcome == worst)
                .map(|one| format!("{}: {}", one.server, one.detail))
                .collect();
            return Seen { took_ms, ..Seen::new(worst, bad.join("; ")) };
        }
        let mut serials: BTreeMap<Option<u32>, Vec<&str>> = BTreeMap::new();
        for one in all.iter().filter(|_| self.agree) {
            serials.entry(one.serial).or_default().push(&one.server);
        }
        if let (true, Some((Some(serial), _))) = (serials.len() == 1, serials.first_key_value()) {
            return Seen { took_ms, ..Seen::new(Outcome::Up, format!("serial {serial} on {} servers", all.len())) };
        }
        if !serials.is_empty() {
            let who: Vec<_> = serials
                .iter()
                .rev()
                .map(|(serial, servers)| {
                    let serial = serial.map_or_else(|| "none".to_owned(), |serial| serial.to_string());
                    format!("{serial} on {}", servers.join(", "))
                })
                .collect();
            return Seen { took_ms, ..Seen::new(Outcome::Down, format!("SOA serials differ: {}", who.join("; "))) };
        }
        let detail = all.first().map(|one| one.detail.clone()).unwrap_or_default();
        let detail = if all.len() > 1 { format!("{detail} on {} servers", all.len()) } else { detail };
        Seen { took_ms, ..Seen::new(Outcome::Up, detail) }
    }
}

fn failed(server: String, outcome: Outcome, detail: &str) -> Judged {
    Judged { server, outcome, detail: detail.to_owned(), serial: None, took_ms: None }
}

fn label_of(server: &HostPort) -> String {
    let host = if server.host.contains(':') { format!("[{}]", server.host) } else { server.host.clone() };
    if server.port == 53 { host } else { format!("{host}:{}", server.port) }
}

fn list(values: &[String]) -> String {
    let shown: Vec<_> = values.iter().take(4).map(|value| sanitise::line_max(value, 60)).collect();
    let more = values.len().saturating_sub(shown.len());
    if more > 0 { format!("{} and {more} more", shown.join(", ")) } else { shown.join(", ") }
}

/// One entry of `expect`.
#[derive(Debug, PartialEq, Eq)]
enum Expected {
    Exact(String),
    Network(IpAddr, u8),
}

impl Expected {
    fn read(text: &str) -> Self {
        let network = text.split_once('/').and_then(|(ip, bits)| {
            let ip: IpAddr = ip.parse().ok()?;
            let bits: u8 = bits.parse().ok()?;
            (bits <= if ip.is_ipv4() { 32 } else { 128 }).then_some(Self::Network(ip, bits))
        });
        network.unwrap_or_else(|| Self::Exact(normal(text)))
    }

    /// Reads an entry for a type of record, or says that no answer of that type can be it.
    fn of(text: &str, record: &str) -> Result<Self, Misfit> {
        let read = Self::read(text);
        let family = |ip: IpAddr| if ip.is_ipv4() { "A" } else { "AAAA" };
        let fits = match (&read, record) {
            (Self::Network(ip, _), "A" | "AAAA") => family(*ip) == record,
            (Self::Exact(text), "A" | "AAAA") => text.parse().is_ok_and(|ip| family(ip) == record),
            _ => true,
        };
        if fits {
            return Ok(read);
        }
        let help = if record == "A" {
            "as in \"192.0.2.1\" or \"192.0.2.0/24\""
        } else {
            "as in \"2001:db8::1\" or \"2001:db8::/32\""
        };
        Err(Misfit::new("expect", format!("`expect`: no {record} record can be {text:?}"), help))
    }

    fn fits(&self, value: &str) -> bool {
        match self {
            Self::Exact(wanted) => normal(value) == *wanted,
            Self::Network(network, bits) => value.parse().is_ok_and(|ip| within(ip, *network, *bits)),
        }
    }
}

/// Makes texts comparable: addresses by value, names without case and last dot.
fn normal(text: &str) -> String {
    text.trim().parse::<IpAddr>().map_or_else(
        |_| text.split_whitespace().map(|word| word.trim_end_matches('.').to_lowercase()).collect::<Vec<_>>().join(" "),
        |ip| ip.to_string(),
    )
}

fn within(ip: IpAddr, network: IpAddr, bits: u8) -> bool {
    let (ip, network, width) = match (ip, network) {
        (IpAddr::V4(ip), IpAddr::V4(network)) => (u128::from(ip.to_bits()), u128::from(network.to_bits()), 32),
        (IpAddr::V6(ip), IpAddr::V6(network)) => (ip.to_bits(), network.to_bits(), 128),
        (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => return false,
    };
    // A network of zero bits holds all; shifting by the full width is not defined.
    let shift = width - u32::from(bits).min(width);
    ip.checked_shr(shift).unwrap_or(0) == network.checked_shr(shift).unwrap_or(0)
}

fn unmet(expect: &[Expected], values: &[String]) -> Option<String> {
    if expect.is_empty() {
        return None;
    }
    if let Some(alien) = values.iter().find(|value| !expect.iter().any(|one| one.fits(value))) {
        return Some(format!("{} is not expected", sanitise::line_max(alien, 80)));
    }
    expect.iter().find_map(|one| match one {
        Expected::Exact(wanted) if !values.iter().any(|value| one.fits(value)) => {
            Some(format!("{wanted} is missing, got {}", list(values)))
        }
        Expected::Exact(_) | Expected::Network(..) => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_answer_must_be_expected_and_every_exact_one_be_there() {
        let expect = |list: &[&str]| list.iter().map(|text| Expected::read(text)).collect::<Vec<_>>();
        let values = |list: &[&str]| list.iter().map(|&text| text.to_owned()).collect::<Vec<_>>();
        for (wanted, got, good) in [
            (&["192.0.2.1"][..], &["192.0.2.1"][..], true),
            (&["192.0.2.1", "192.0.2.2"], &["192.0.2.2"], false),
            (&["192.0.2.1"], &["192.0.2.1", "192.0.2.9"], false),
            (&["192.0.2.0/24"], &["192.0.2.1", "192.0.2.9"], true),
            (&["192.0.2.0/24"], &["192.0.3.1"], false),
            (&["192.0.2.0/24", "192.0.2.1"], &["192.0.2.9"], false),
            (&["0.0.0.0/0"], &["8.8.8.8"], true),
            (&["::/0"], &["8.8.8.8"], false),
            (&["2001:DB8::/32"], &["2001:db8::1"], true),
            (&["2001:db8:0::1"], &["2001:db8::1"], true),
            (&["10 Mail.Example.COM"], &["10 mail.example.com."], true),
            (&[], &["anything"], true),
        ] {
            assert_eq!(unmet(&expect(wanted), &values(got)).is_none(), good, "{wanted:?} {got:?}");
        }
    }
}
