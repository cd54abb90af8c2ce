//! E-mail by SMTP, over TLS.
//!
//! Each command's answer is read by itself, so that it is known whether a server can have the mail: before its text is sent it
//! surely has not, afterwards only its answer says so. The same notice has the same Message-ID, and those of one incident refer to
//! the first, so that a reader shows them as one conversation.
use std::time::Duration;

use futures_util::future::BoxFuture;
use lettre::{
    Address, Message,
    message::{Mailbox, header},
    transport::smtp::{
        authentication::{Credentials, DEFAULT_MECHANISMS},
        client::{AsyncSmtpConnection, AsyncTokioStream, Certificate, TlsParameters},
        commands::{Data, Mail, Rcpt},
        extension::ClientId,
        response::Response,
    },
};
use secrecy::ExposeSecret as _;
use serde_json::Value as Json;

use super::{Notifier, Telling, bounded::Bounded, post, words};
use crate::{
    config::{Field, Kind, Misfit, Shape},
    core::{inventory::Params, outbox::Remote},
    parse::sanitise,
    remote::{
        http::{install_crypto, words_of},
        net::{self, is_loopback},
        tls::{self, Trust},
    },
    trackers::{Means, Missed, probe::Probed},
};

/// E-mail.
#[derive(Debug)]
pub(super) struct Smtp;

/// Most bytes that a server says in one conversation.
const MOST: usize = 64 << 10;

impl AsyncTokioStream for Bounded {
    fn peer_addr(&self) -> std::io::Result<std::net::SocketAddr> {
        Ok(self.peer())
    }
}

const FIELDS: &[Field] = &[
    Field { name: "host", shape: Shape::Text, required: true, doc: "The mail server: `smtp.example.com`." },
    Field {
        name: "port",
        shape: Shape::Integer { min: 1, max: 65_535 },
        required: false,
        doc: "Its port. Default `465`, with `starttls` `587`, with `none` `25`.",
    },
    Field {
        name: "tls",
        shape: Shape::Choice(&["implicit", "starttls", "none"]),
        required: false,
        doc: "How it is encrypted; `none` only within this machine. Default `implicit`.",
    },
    Field { name: "ca", shape: Shape::Path, required: false, doc: "PEM file of authorities that are trusted too." },
    Field { name: "user", shape: Shape::Text, required: false, doc: "Login name, with `password`." },
    Field { name: "password", shape: Shape::Secret, required: false, doc: "Reference to the password." },
    Field { name: "from", shape: Shape::Text, required: true, doc: "The sender: `qd@example.com`." },
    Field {
        name: "to",
        shape: Shape::List(&Shape::Text),
        required: false,
        doc: "Who gets it. Default: the `mail` of the team that is called for the severity.",
    },
];

impl Kind for Smtp {
    fn name(&self) -> &'static str {
        "smtp"
    }

    fn fields(&self) -> &'static [Field] {
        FIELDS
    }

    fn misfits(&self, settings: &Params) -> Vec<Misfit> {
        let text = |key: &str| settings.get(key).and_then(Json::as_str);
        let mut wrong = Vec::new();
        if text("from").is_some_and(|from| from.parse::<Mailbox>().is_err()) {
            wrong.push(Misfit::new("from", "`from` is no address", "as in \"qd@example.com\""));
        }
        for (at, to) in settings.get("to").and_then(Json::as_array).into_iter().flatten().enumerate() {
            if to.as_str().is_some_and(|to| to.parse::<Mailbox>().is_err()) {
                wrong.push(Misfit::new("to", "this is no address", "as in \"team@example.com\"").part(at));
            }
        }
        if text("tls") == Some("none") && !text("host").is_some_and(is_loopback) {
            wrong.push(Misfit::new("tls", "it would go over the network in the open", "\"implicit\" or \"starttls\""));
        }
        if settings.contains_key("user") != settings.contains_key("password") {
            let key = if settings.contains_key("user") { "user" } else { "password" };
            wrong.push(Misfit::new(key, "`user` and `password` go together", "give both, or neither"));
        }
        wrong
    }
}

/// Who sends to whom.
struct Letter {
    from: Mailbox,
    to: Vec<Mailbox>,
}

fn letter(told: Telling<'_>) -> Result<Letter, Missed> {
    let from = told.text("from").unwrap_or_default();
    let from = from.parse().map_err(|_| Missed::refused("`from` is no address: correct it, then retry"))?;
    let own = told.params().get("to").and_then(Json::as_array).map(Vec::as_slice).unwrap_or_default();
    let own: Vec<&str> = own.iter().filter_map(Json::as_str).collect();
    let all = if own.is_empty() { told.notice.mails.iter().map(String::as_str).collect() } else { own };
    let to: Vec<Mailbox> = all.into_iter().filter_map(|to| to.parse().ok()).collect();
    if to.is_empty() {
        return Err(Missed::refused("nobody has an address: give it `to`, or the team's members a `mail`, then retry"));
    }
    Ok(Letter { from, to })
}

fn message(told: Telling<'_>, letter: &Letter) -> Result<Message, Missed> {
    let domain = letter.from.email.domain();
    let order = told.order;
    let thread = format!("<{}@{domain}>", order.item.incident);
    let at = u64::try_from(told.notice.at.0).unwrap_or(0);
    let mut mail = Message::builder()
        .from(letter.from.clone())
        .subject(words::subject(told))
        .date(std::time::SystemTime::UNIX_EPOCH + Duration::from_millis(at))
        .message_id(Some(format!("<{}@{domain}>", order.token)))
        .in_reply_to(thread.clone())
        .references(thread)
        .header(header::ContentType::TEXT_PLAIN)
        .raw_header(header::HeaderValue::new(
            header::HeaderName::new_from_ascii_str("Auto-Submitted"),
            "auto-generated".to_owned(),
        ));
    for to in &letter.to {
        mail = mail.to(to.clone());
    }
    let text = words::lines(told).join("\r\n") + "\r\n";
    mail.body(text).map_err(|error| Missed::refused(format!("the mail cannot be made: {error}")))
}

/// Says what a server's answer, or its silence, means before it can have the mail.
fn before(what: &str, error: &lettre::transport::smtp::Error) -> Missed {
    let text = sanitise::line_max(said(error), 160);
    if error.is_permanent() {
        return Missed::refused(format!("{what}: {text}: correct it, then retry"));
    }
    Missed::unreachable(format!("{what}: {text}"))
}

/// Says what it means once the whole mail was sent.
fn after(error: &lettre::transport::smtp::Error) -> Missed {
    let text = sanitise::line_max(said(error), 160);
    if error.is_permanent() {
        Missed::refused(format!("the mail was not taken: {text}"))
    } else if error.is_transient() {
        Missed::unreachable(format!("the mail was not taken now: {text}"))
    } else {
        Missed::ambiguous(format!("no answer to the mail: {text}"))
    }
}

/// Returns the innermost words of an error, with the code of an answer.
fn said(error: &lettre::transport::smtp::Error) -> String {
    let code = error.status().map(|code| format!("{code} ")).unwrap_or_default();
    let mut words = error.to_string();
    let mut next = std::error::Error::source(error);
    while let Some(inner) = next {
        words = inner.to_string();
        next = inner.source();
    }
    code + &words
}

async fn connected(params: &Params, means: &Means) -> Result<AsyncSmtpConnection, Missed> {
    let text = |key: &str| params.get(key).and_then(Json::as_str);
    let host = text("host").unwrap_or_default();
    let way = text("tls").unwrap_or("implicit");
    if way == "none" && !is_loopback(host) {
        return Err(Missed::refused("it would go over the network in the open: set `tls`, then retry"));
    }
    let usual = match way {
        "starttls" => 587,
        "none" => 25,
        _ => 465,
    };
    let port = params.get("port").and_then(Json::as_u64).and_then(|port| u16::try_from(port).ok());
    let hello = ClientId::default();
    let none = |why: String| Missed::unreachable(format!("no connection: {why}"));
    let addresses = net::resolve(host, port.unwrap_or(usual)).await.map_err(|fault| none(fault.to_string()))?;
    let stream = net::connect(&addresses).await.map_err(|fault| none(fault.to_string()))?;
    let peer = stream.peer_addr().map_err(|error| none(error.to_string()))?;
    let stream = if way == "implicit" {
        let trust = match text("ca") {
            Some(path) => Trust::with_file(path.as_ref()).map_err(|error| Missed::refused(error.to_string()))?,
            None => Trust::system(),
        };
        Bounded::new(tls::connect(stream, host, &trust).await.map_err(|fault| none(fault.to_string()))?, peer, MOST)
    } else {
        Bounded::new(stream, peer, MOST)
    };
    let connected = AsyncSmtpConnection::connect_with_transport(Box::new(stream), &hello).await;
    let mut connection = connected.map_err(|error| before("no connection", &error))?;
    if way == "starttls" {
        let tls = parameters(host, text("ca"))?;
        connection.starttls(tls, &hello).await.map_err(|error| before("no encryption", &error))?;
    }
    if let Some(user) = text("user") {
        let password = post::secret(params, "password", means).await?;
        let credentials = Credentials::new(user.to_owned(), password.expose_secret().to_owned());
        let answer = connection.auth(DEFAULT_MECHANISMS, &credentials).await;
        // What is said of a login may repeat it.
        answer.map_err(|error| {
            let code = error.status().map(|code| format!(" ({code})")).unwrap_or_default();
            let text = format!("the login is not taken{code}: correct `user` and `password`, then retry");
            if error.is_permanent() { Missed::refused(text) } else { Missed::unreachable(text) }
        })?;
    }
    Ok(connection)
}

fn parameters(host: &str, ca: Option<&str>) -> Result<TlsParameters, Missed> {
    install_crypto();
    let wrong = |what: String| Missed::refused(format!("its encryption cannot be set up: {what}"));
    let mut tls = TlsParameters::builder(host.to_owned());
    if let Some(path) = ca {
        let pem = crate::config::read_bounded(path.as_ref()).map_err(|why| wrong(format!("{path}: {why}")))?;
        tls = tls.add_root_certificate(Certificate::from_pem(pem.as_bytes()).map_err(|error| wrong(said(&error)))?);
    }
    tls.build().map_err(|error| wrong(said(&error)))
}

/// Holds that an answer is what is due now. One that is well, and of another step, tells that what is heard belongs to something else:
/// the answer to the mail would be another's too.
fn due(answer: &Response, codes: &[u16]) -> Result<(), Missed> {
    if codes.iter().any(|code| answer.has_code(*code)) {
        return Ok(());
    }
    Err(Missed::unreachable(format!(
        "it says {} where {} is due",
        answer.code(),
        codes.first().copied().unwrap_or(250)
    )))
}

/// Goes as far as the mail's text is asked for; returns whom the server would not have.
async fn begun(connection: &mut AsyncSmtpConnection, letter: &Letter) -> Result<Vec<Address>, Missed> {
    let mail = Mail::new(Some(letter.from.email.clone()), Vec::new());
    let answer = connection.command(mail).await.map_err(|error| before("the sender is not taken", &error))?;
    due(&answer, &[250])?;
    let (mut refused, mut last) = (Vec::new(), None);
    for to in &letter.to {
        match connection.command(Rcpt::new(to.email.clone(), Vec::new())).await {
            Ok(answer) => due(&answer, &[250, 251, 252])?,
            Err(error) if error.is_permanent() => {
                refused.push(to.email.clone());
                last = Some(error);
            }
            Err(error) => return Err(before(&format!("{} is not taken now", to.email), &error)),
        }
    }
    if let (Some(error), true) = (&last, refused.len() == letter.to.len()) {
        return Err(before("no recipient is taken", error));
    }
    let answer = connection.command(Data).await.map_err(|error| before("the mail is not taken", &error))?;
    due(&answer, &[354])?;
    Ok(refused)
}

async fn sent(told: Telling<'_>, means: &Means) -> Result<Vec<Address>, Missed> {
    let letter = letter(told)?;
    let message = message(told, &letter)?.formatted();
    let before_it = async {
        let mut connection = connected(told.params(), means).await?;
        let refused = begun(&mut connection, &letter).await?;
        Ok((connection, refused))
    };
    let limit = means.patience;
    let late = |what: &str| format!("{what} within {}", words_of(u64::try_from(limit.as_millis()).unwrap_or(u64::MAX)));
    let (mut connection, refused) = tokio::time::timeout(limit, before_it)
        .await
        .unwrap_or_else(|_| Err(Missed::unreachable(late("the server did not ask for the mail"))))?;
    let answer = tokio::time::timeout(limit, connection.message(&message)).await;
    let answer = answer.map_err(|_| Missed::ambiguous(late("the server did not say that it has the mail")))?;
    let answer = answer.map_err(|error| after(&error))?;
    due(&answer, &[250]).map_err(|missed| Missed::ambiguous(format!("no answer to the mail: {}", missed.reason)))?;
    // What matters was answered: that it ends politely is not waited for long.
    drop(tokio::time::timeout(Duration::from_secs(2), connection.abort()).await);
    Ok(refused)
}

/// Goes as far as a server lets in who sends, and leaves again.
async fn tried(params: &Params, means: &Means) -> Result<Probed, Missed> {
    let mut connection = connected(params, means).await?;
    let left = tokio::time::timeout(Duration::from_secs(2), connection.quit()).await;
    let text = |key: &str| params.get(key).and_then(Json::as_str);
    let way = match text("tls") {
        Some("none") => "in the open within this machine",
        Some("starttls") => "encrypted by STARTTLS",
        Some(_) | None => "encrypted",
    };
    let login = if text("user").is_some() { "the login is taken" } else { "no login is set" };
    let unkind = if matches!(left, Ok(Ok(_))) { "" } else { ", but does not say goodbye" };
    let host = text("host").unwrap_or_default();
    Ok(Probed::well(format!("{host} answers, {way}, {login}{unkind}; no mail was sent")))
}

impl Notifier for Smtp {
    fn tell<'a>(&'a self, told: Telling<'a>, means: &'a Means) -> BoxFuture<'a, Result<Remote, Missed>> {
        Box::pin(async move {
            let refused: Vec<String> = sent(told, means).await?.iter().map(ToString::to_string).collect();
            let id = if refused.is_empty() {
                told.order.token.to_string()
            } else {
                sanitise::line_max(format!("{}, but not to {}", told.order.token, refused.join(", ")), 200)
            };
            Ok(Remote { id, url: None })
        })
    }

    fn probe<'a>(&'a self, params: &'a Params, means: &'a Means) -> BoxFuture<'a, Result<Probed, Missed>> {
        Box::pin(async move {
            let limit = means.patience;
            let late = || words_of(u64::try_from(limit.as_millis()).unwrap_or(u64::MAX));
            let tried = tokio::time::timeout(limit, tried(params, means)).await;
            tried.unwrap_or_else(|_| Err(Missed::unreachable(format!("the server lets nobody in within {}", late()))))
        })
    }

    fn preview(&self, told: Telling<'_>) -> String {
        let made = letter(told).and_then(|letter| message(told, &letter));
        made.map_or_else(|missed| missed.reason, |message| String::from_utf8_lossy(&message.formatted()).into_owned())
    }
}
