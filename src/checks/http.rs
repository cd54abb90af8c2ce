//! `http`: a URL answers as it should.
//!
//! A run makes a fresh connection (never one from a pool), so that a listener that is gone is seen. Its time runs from
//! the look-up of the name to the last byte of the body, of which at most 1 MiB is read, decompressed; a body that
//! breaks off is Down even where nothing is expected of it. With `resolve = "all"` every address behind the name is
//! asked at once, each with the name as SNI and Host; the worst one decides, and its address is said. An address of a
//! family that this machine has no route for is passed over as long as another one could be asked.
use std::net::{IpAddr, SocketAddr};

use futures_util::{future::BoxFuture, future::join_all};
use regex::Regex;
use serde_json::Value;

use super::{
    Check, Context, Probe, Seen,
    params::{Settings, Source},
    patience,
    tls::{CA, CERT_WARN, Warn},
    took, worse,
};
use crate::{
    config::{Field, Kind, Misfit, Shape, secret},
    core::{
        inventory::{CheckSpec, Params},
        services::Outcome,
        time::Timestamp,
    },
    error::{self, Report},
    parse::sanitise,
    remote::{
        http::{Answer, Call, Client, Fault},
        net::{self, NetFault},
    },
};

/// The kind.
pub(super) struct Http;

impl Kind for Http {
    fn name(&self) -> &'static str {
        "http"
    }

    #[expect(clippy::too_many_lines, reason = "a list of settings is long and flat")]
    fn fields(&self) -> &'static [Field] {
        const JSON: &[Field] = &[
            Field {
                name: "pointer",
                shape: Shape::Text,
                required: true,
                doc: "Where to look, as a JSON pointer (RFC 6901): `/status` or `/items/0/name`.",
            },
            Field {
                name: "equals",
                shape: Shape::Either(&[Shape::Text, Shape::Number, Shape::Flag]),
                required: false,
                doc: "The value that must stand there; without it, any will do.",
            },
        ];
        const FIELDS: &[Field] = &[
            Field { name: "url", shape: Shape::Url, required: true, doc: "What to ask." },
            Field {
                name: "method",
                shape: Shape::Choice(&["GET", "HEAD", "POST", "PUT", "OPTIONS"]),
                required: false,
                doc: "Default `GET`. The check is run again and again: it must not change anything.",
            },
            Field {
                name: "headers",
                shape: Shape::Map(&Shape::Either(&[Shape::Secret, Shape::Text])),
                required: false,
                doc: "Headers to send; a value may be a reference to a secret. Secrets never follow a redirect to another origin.",
            },
            Field { name: "body", shape: Shape::Text, required: false, doc: "Body to send." },
            Field {
                name: "expect",
                shape: Shape::List(&Shape::Text),
                required: false,
                doc: "Status codes that are good: `\"2xx\"`, `\"200-299\"`, `\"204\"`. Default `[\"2xx\"]`.",
            },
            Field {
                name: "contains",
                shape: Shape::Text,
                required: false,
                doc: "Text that the first 1 MiB of the body must contain.",
            },
            Field {
                name: "regex",
                shape: Shape::Regex,
                required: false,
                doc: "Regular expression that must match in the first 1 MiB of the body.",
            },
            Field {
                name: "json",
                shape: Shape::Table(JSON),
                required: false,
                doc: "What the body must say as JSON; it must fit in 1 MiB.",
            },
            Field {
                name: "require_headers",
                shape: Shape::Map(&Shape::Text),
                required: false,
                doc: "Headers that the answer must have, with a text that the value must contain in any case; an empty text takes any value.",
            },
            Field {
                name: "forbid_headers",
                shape: Shape::List(&Shape::Text),
                required: false,
                doc: "Headers that the answer must not have, as `server` or `x-powered-by`.",
            },
            Field {
                name: "redirects",
                shape: Shape::Integer { min: 0, max: 10 },
                required: false,
                doc: "How many redirects are followed. Default `0`: a redirect is an answer like any other.",
            },
            Field {
                name: "resolve",
                shape: Shape::Either(&[Shape::Choice(&["first", "all"]), Shape::List(&Shape::Text)]),
                required: false,
                doc: "`all` asks each address behind the name (at most 16), a list each of its addresses, without a proxy and with the name as SNI and Host; the worst decides. Default `first`.",
            },
            CA,
            CERT_WARN,
        ];
        FIELDS
    }

    fn misfits(&self, settings: &Params) -> Vec<Misfit> {
        let settings = Settings(settings);
        let mut wrong = settings.unread("expect", range_of);
        wrong.extend(settings.unread("resolve", address_of));
        if settings.texts("resolve").is_ok_and(|list| list.is_some_and(|list| list.is_empty())) {
            wrong.push(Misfit::new("resolve", "`resolve` names no address", ADDRESSES));
        }
        wrong.extend(settings.unread("forbid_headers", |name| header_name("forbid_headers", name)));
        for (key, of) in [("headers", settings.map("headers")), ("require_headers", settings.map("require_headers"))] {
            wrong.extend(of.unwrap_or_default().iter().filter_map(|(name, _)| header_name(key, name).err()));
        }
        wrong.extend(settings.table("json").ok().flatten().and_then(|json| pointer(json).err()));
        match (settings.text("url"), Call::new("GET", settings.text("url").ok().flatten().unwrap_or_default())) {
            (Ok(Some(_)), Err(fault)) => {
                let what = format!("`url` cannot be asked: {fault}");
                wrong.push(Misfit::new("url", what, "as in \"https://example.com/health\""));
            }
            (_, Ok(call)) if !call.keeps_secrets() => wrong.extend(exposed(settings)),
            (..) => {}
        }
        wrong
    }
}

/// A secret that would go over the network in the open.
fn exposed(settings: Settings<'_>) -> Option<Misfit> {
    let headers = settings.map("headers").unwrap_or_default();
    let (name, _) = headers.iter().find(|(_, value)| secret::is_reference(value))?;
    Some(Misfit::new("url", format!("header `{name}` is a secret, and the URL is not encrypted"), "use https://"))
}

fn header_name(key: &'static str, name: &str) -> Result<(), Misfit> {
    let fits = crate::remote::http::is_header_name(name);
    let wrong = || {
        Misfit::new(key, format!("`{key}`: {name:?} is not a header's name"), "the name alone, as in \"x-powered-by\"")
    };
    if fits { Ok(()) } else { Err(wrong()) }
}

fn pointer(json: &Params) -> Result<&str, Misfit> {
    let pointer = json.get("pointer").and_then(Value::as_str).unwrap_or_default();
    if pointer.is_empty() || pointer.starts_with('/') {
        return Ok(pointer);
    }
    let help = format!("it begins with a slash: did you mean \"/{}\"?", pointer.replace('.', "/"));
    Err(Misfit::new("json", format!("`pointer` is not a JSON pointer: {pointer:?}"), help))
}

/// What `resolve` takes.
const ADDRESSES: &str = "\"first\", \"all\" or addresses: [\"192.0.2.10\", \"2001:db8::10\"]";

/// Reads one address of a `resolve` that is a list.
fn address_of(text: &str) -> Result<IpAddr, Misfit> {
    text.parse().map_err(|_| Misfit::new("resolve", format!("`resolve`: {text:?} is not an IP address"), ADDRESSES))
}

impl Check for Http {
    fn probe(&self, spec: &CheckSpec) -> Result<Box<dyn Probe>, Report> {
        let settings = Settings(&spec.params);
        let bad = |fault: Fault| Report::new(error::Kind::Config, fault.to_string());
        let method = settings.text("method")?.unwrap_or("GET");
        let mut call = Call::new(method, settings.need_text("url")?).map_err(bad)?;
        let mut late = Vec::new();
        for (name, text) in settings.map("headers")? {
            let source = Source::read(text)?;
            if source.is_secret() && !call.keeps_secrets() {
                let what = format!("header `{name}` is a secret, and the URL is not encrypted");
                return Err(Report::new(error::Kind::Config, what).hint("use https://"));
            }
            match source {
                Source::Ready(value) => call = call.header(name, &value).map_err(bad)?,
                Source::Command(..) => late.push((name.to_owned(), source)),
            }
        }
        if let Some(body) = settings.text("body")? {
            call = call.body(body);
        }
        call.redirects = settings.integer("redirects")?.and_then(|n| u8::try_from(n).ok()).unwrap_or(0);
        call.timeout = patience(spec);
        Ok(Box::new(HttpProbe {
            call,
            late,
            client: Client::new(settings.trust()?),
            want: Want::read(settings)?,
            warn: Warn::read(settings)?,
            addresses: Addresses::read(settings)?,
        }))
    }
}

struct HttpProbe {
    call: Call,
    /// Headers whose values a command prints.
    late: Vec<(String, Source)>,
    client: Client,
    want: Want,
    warn: Warn,
    addresses: Addresses,
}

/// Which addresses behind the name are asked.
enum Addresses {
    /// The first that connects.
    First,
    /// Each that the name resolves to.
    All,
    /// Each of these.
    These(Vec<IpAddr>),
}

impl Addresses {
    fn read(settings: Settings<'_>) -> Result<Self, Report> {
        let Some(list) = settings.text_or_texts("resolve")? else { return Ok(Self::First) };
        match list.as_slice() {
            [] | ["first"] => Ok(Self::First),
            ["all"] => Ok(Self::All),
            list => Ok(Self::These(list.iter().map(|text| address_of(text)).collect::<Result<_, _>>()?)),
        }
    }
}

impl Probe for HttpProbe {
    fn ask<'a>(&'a self, context: &'a Context) -> BoxFuture<'a, Seen> {
        Box::pin(async move {
            let mut call = self.call.clone();
            for (name, source) in &self.late {
                let header = match source.get(call.timeout).await {
                    Ok(value) => call.header(name, value),
                    Err(why) => return Seen::new(Outcome::Unknown, format!("a secret is missing: {why}")),
                };
                call = match header {
                    Ok(call) => call,
                    Err(fault) => return Seen::new(Outcome::Unknown, fault.to_string()),
                };
            }
            match &self.addresses {
                Addresses::First => self.ask_one(&call, context).await,
                Addresses::All => self.ask_all(&call, context).await,
                Addresses::These(list) => {
                    let port = call.target().port;
                    let list: Vec<_> = list.iter().map(|ip| SocketAddr::new(*ip, port)).collect();
                    self.ask_each(&call, &list, context).await
                }
            }
        })
    }
}

impl HttpProbe {
    async fn ask_one(&self, call: &Call, context: &Context) -> Seen {
        let began = context.clock.now().mono;
        let answer = self.client.send(call).await;
        let now = context.clock.now().utc;
        let answer = match answer {
            Ok(answer) => answer,
            Err(fault) => return failed(&fault, now),
        };
        let cert_not_after = answer.tls.first_to_expire(now).map(|one| one.not_after);
        let (outcome, detail) = match self.want.unmet(&answer) {
            Some(unmet) => {
                // Judged by what came, told without what was sent along in confidence.
                let told = call.veiled(&answer).map_or(Some(unmet), |veiled| self.want.unmet(&veiled));
                (Outcome::Down, told.unwrap_or_else(|| "an expectation is not met".into()))
            }
            None => match self.warn.of(&answer.tls, now) {
                Some(warning) => (Outcome::Degraded, warning),
                None => (Outcome::Up, answer.status.to_string()),
            },
        };
        Seen { outcome, took_ms: took(context, began), detail, cert_not_after }
    }

    async fn ask_all(&self, call: &Call, context: &Context) -> Seen {
        let target = call.target();
        let now = context.clock.now().utc;
        match tokio::time::timeout(call.timeout, net::resolve(&target.host, target.port)).await {
            Ok(Ok(addresses)) => self.ask_each(call, &addresses, context).await,
            Ok(Err(fault)) => failed(&fault.into(), now),
            Err(_) => failed(&NetFault::NoResolver(sanitise::name(&target.host)).into(), now),
        }
    }

    async fn ask_each(&self, call: &Call, addresses: &[SocketAddr], context: &Context) -> Seen {
        let calls: Vec<Call> = addresses.iter().map(|address| call.clone().pinned(*address)).collect();
        let mut all: Vec<_> =
            addresses.iter().zip(join_all(calls.iter().map(|call| self.ask_one(call, context))).await).collect();
        if all.iter().any(|(_, seen)| seen.outcome != Outcome::Unknown) {
            all.retain(|(_, seen)| seen.outcome != Outcome::Unknown);
        }
        let count = all.len();
        let worst = all.iter().fold(Outcome::Up, |worst, (_, seen)| worse(worst, seen.outcome));
        let bad: Vec<_> = all.iter().filter(|(_, seen)| seen.outcome == worst && worst != Outcome::Up).collect();
        let detail = match (bad.first(), all.first()) {
            (Some((address, seen)), _) => {
                let more = if count > 1 { format!(" ({} of {count} addresses)", bad.len()) } else { String::new() };
                format!("{}: {}{more}", address.ip(), seen.detail)
            }
            (None, Some((_, seen))) if count == 1 => format!("{}, 1 address", seen.detail),
            (None, Some((_, seen))) => format!("{}, {count} addresses", seen.detail),
            (None, None) => "no address".into(),
        };
        Seen {
            outcome: worst,
            took_ms: all.iter().filter_map(|(_, seen)| seen.took_ms).max(),
            detail,
            cert_not_after: all.iter().filter_map(|(_, seen)| seen.cert_not_after).min(),
        }
    }
}

/// Makes a result of a call that got no answer.
fn failed(fault: &Fault, now: Timestamp) -> Seen {
    use crate::remote::tls::TlsFault;
    let cert_not_after = match fault {
        Fault::Tls(TlsFault::Expired(at)) => Some(*at),
        Fault::Tls(
            TlsFault::NotYetValid(_)
            | TlsFault::WrongName { .. }
            | TlsFault::Untrusted(_)
            | TlsFault::NoRoots
            | TlsFault::NotTls
            | TlsFault::Other(_),
        )
        | Fault::Net(_)
        | Fault::Protocol(_)
        | Fault::Body { .. }
        | Fault::Timeout { .. }
        | Fault::Redirect(_)
        | Fault::Call(_) => None,
    };
    let outcome = if fault.ours() { Outcome::Unknown } else { Outcome::Down };
    Seen { cert_not_after, ..Seen::new(outcome, fault.text(now)) }
}

/// What an answer must be.
struct Want {
    status: Vec<(u16, u16)>,
    status_text: String,
    contains: Option<String>,
    regex: Option<Regex>,
    json: Option<(String, Option<Value>)>,
    require: Vec<(String, String)>,
    forbid: Vec<String>,
}

impl Want {
    fn read(settings: Settings<'_>) -> Result<Self, Report> {
        let status = settings.texts("expect")?.filter(|list| !list.is_empty()).unwrap_or_else(|| vec!["2xx"]);
        let json = settings.table("json")?;
        let json = json.map(|json| Ok::<_, Misfit>((pointer(json)?.to_owned(), json.get("equals").cloned())));
        Ok(Self {
            status: status.iter().map(|range| range_of(range)).collect::<Result<_, _>>()?,
            status_text: status.join(" or "),
            contains: settings.text("contains")?.map(str::to_owned),
            regex: settings.regex("regex")?,
            json: json.transpose()?,
            require: settings
                .map("require_headers")?
                .into_iter()
                .map(|(name, part)| (name.to_lowercase(), part.to_lowercase()))
                .collect(),
            forbid: settings
                .texts("forbid_headers")?
                .unwrap_or_default()
                .iter()
                .map(|name| name.to_lowercase())
                .collect(),
        })
    }

    /// Says the first expectation that an answer does not meet.
    fn unmet(&self, answer: &Answer) -> Option<String> {
        self.unmet_status(answer).or_else(|| self.unmet_headers(answer)).or_else(|| self.unmet_body(answer))
    }

    fn unmet_status(&self, answer: &Answer) -> Option<String> {
        if self.status.iter().any(|(from, to)| (*from..=*to).contains(&answer.status)) {
            return None;
        }
        let to = answer.header("location").next().map(|to| format!(" to {}", sanitise::line_max(to, 80)));
        let to = to.filter(|_| (300..400).contains(&answer.status)).unwrap_or_default();
        Some(format!("{}{to}, expected {}", answer.status, self.status_text))
    }

    fn unmet_headers(&self, answer: &Answer) -> Option<String> {
        for (name, part) in &self.require {
            let mut values = answer.header(name).peekable();
            let Some(first) = values.peek().copied() else { return Some(format!("header {name} is missing")) };
            if !values.any(|value| value.to_lowercase().contains(part)) {
                return Some(format!("header {name} is {:?}, expected {part:?}", sanitise::line_max(first, 60)));
            }
        }
        let found = self.forbid.iter().find_map(|name| Some((name, answer.header(name).next()?)));
        found.map(|(name, value)| format!("header {name} must not be sent, is {:?}", sanitise::line_max(value, 60)))
    }

    fn unmet_body(&self, answer: &Answer) -> Option<String> {
        let within = if answer.cut { " in its first 1 MiB" } else { "" };
        if let Some(part) = &self.contains
            && memchr::memmem::find(&answer.body, part.as_bytes()).is_none()
        {
            return Some(format!("body does not contain {part:?}{within}"));
        }
        if let Some(pattern) = &self.regex
            && !pattern.is_match(&String::from_utf8_lossy(&answer.body))
        {
            return Some(format!("body does not match /{pattern}/{within}"));
        }
        let (pointer, equals) = self.json.as_ref()?;
        if answer.cut {
            return Some("body is longer than 1 MiB, too long to read as JSON".into());
        }
        let Ok(json) = serde_json::from_slice::<Value>(&answer.body) else {
            return Some(format!("body is not JSON: {:?}", sanitise::line_max(answer.body.trim_ascii(), 60)));
        };
        let Some(found) = json.pointer(pointer) else { return Some(format!("{pointer} is missing in the body")) };
        let equals = equals.as_ref().filter(|wanted| !same(found, wanted))?;
        Some(format!("{pointer} is {}, expected {equals}", sanitise::line_max(found.to_string(), 80)))
    }
}

/// Compares as a person does: `1` and `1.0` are the same number.
fn same(found: &Value, wanted: &Value) -> bool {
    match (found.as_f64(), wanted.as_f64()) {
        (Some(found), Some(wanted)) => (found - wanted).abs() < f64::EPSILON * wanted.abs().max(1.0),
        _ => found == wanted,
    }
}

/// Reads `2xx`, `200-299` or `204`.
fn range_of(text: &str) -> Result<(u16, u16), Misfit> {
    read_range(text).ok_or_else(|| {
        let meant = text.to_lowercase().replace([' ', '*'], "").replace("..", "-");
        let meant = [meant.clone(), format!("{}xx", meant.get(..1).unwrap_or_default())];
        let help = match meant.iter().find(|meant| read_range(meant).is_some()) {
            Some(meant) => format!("did you mean \"{meant}\"?"),
            None => "status codes as \"2xx\", \"200-299\" or \"204\"".to_owned(),
        };
        Misfit::new("expect", format!("`expect`: {text:?} is no status code"), help)
    })
}

fn read_range(text: &str) -> Option<(u16, u16)> {
    let code = |text: &str| text.trim().parse::<u16>().ok().filter(|code| (100..600).contains(code));
    match (text.trim().strip_suffix("xx"), text.split_once('-')) {
        (Some(class), _) => class.parse::<u16>().ok().filter(|c| (1..6).contains(c)).map(|c| (c * 100, c * 100 + 99)),
        (None, Some((from, to))) => code(from).zip(code(to)).filter(|(from, to)| from <= to),
        (None, None) => code(text).map(|code| (code, code)),
    }
}
