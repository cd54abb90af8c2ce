//! What channels that are spoken to by HTTP share: one request whose address or body may be the secret.
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value as Json;

use crate::{
    config::secret,
    core::inventory::Params,
    remote::http::{Answer, Call, Fault, Value},
    trackers::{
        Means, Missed,
        probe::Probed,
        wire::{self, Does, Vendor},
    },
};

/// Most bytes of an answer.
const MOST: usize = 64 << 10;
/// How long a command for a secret may take.
const SECRET: Duration = Duration::from_secs(10);
/// A part of an address that is shorter is no secret.
const SHORT: usize = 6;

/// A request.
pub(super) struct Post<'a> {
    pub(super) url: &'a str,
    /// Goes into `Authorization`.
    pub(super) bearer: Option<&'a SecretString>,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: String,
    /// What no answer may show.
    pub(super) veil: Vec<&'a str>,
}

/// Looks up a setting that refers to a secret.
pub(super) async fn secret(params: &Params, key: &str, means: &Means) -> Result<SecretString, Missed> {
    let reference =
        params.get(key).and_then(Json::as_str).ok_or_else(|| Missed::refused(format!("it has no `{key}`")))?;
    let found = secret::resolve(reference, &means.env, SECRET).await;
    found
        .map(|found| SecretString::from(found.expose_secret().trim()))
        .map_err(|error| Missed::refused(format!("its {key}: {error}; then retry")))
}

/// Tries what can be tried of a channel of which nothing can be asked: whether its secrets are found, and its address is one.
pub(super) async fn unasked(params: &Params, keys: &[&str], url: &str, means: &Means) -> Result<Probed, Missed> {
    let mut found = 0;
    for key in keys.iter().filter(|key| params.contains_key(**key)) {
        let value = secret(params, key, means).await?;
        found += 1;
        if *key == url {
            call(value.expose_secret())?;
        }
    }
    if let (false, Some(address)) = (keys.contains(&url), params.get(url).and_then(Json::as_str)) {
        call(address)?;
    }
    Ok(Probed::silent(match found {
        0 => "",
        1 => "its secret is found",
        _ => "its secrets are found",
    }))
}

fn call(url: &str) -> Result<Call, Missed> {
    // What is wrong with an address that is secret must not repeat it.
    let call = Call::new("POST", url).map_err(no_request)?;
    if call.keeps_secrets() {
        return Ok(call);
    }
    Err(Missed::refused("it would go over the network in the open: use https://"))
}

fn no_request(_fault: Fault) -> Missed {
    Missed::refused("the request cannot be made: its address or a header is none")
}

/// Sends a request once and judges its answer.
pub(super) async fn post(of: Post<'_>, vendor: &dyn Vendor, means: &Means) -> Result<(Answer, Json), Missed> {
    let mut call = call(of.url)?;
    if let Some(token) = of.bearer {
        let bearer = SecretString::from(format!("Bearer {}", token.expose_secret()));
        call = call.header("authorization", &Value::Secret(bearer)).map_err(no_request)?;
    }
    for (name, value) in &of.headers {
        call = call.header(name, &Value::Plain(value.clone())).map_err(no_request)?;
    }
    let json = Value::Plain("application/json; charset=utf-8".to_owned());
    call = call.header("content-type", &json).map_err(no_request)?.body(of.body);
    call.max_body = MOST;
    call.timeout = means.patience;
    let answer = means.http.send(&call).await.map_err(|fault| wire::missed(&fault, Does::Write))?;
    let mut answer = call.veiled(&answer).unwrap_or(answer);
    veil(&mut answer, &of.veil);
    let json: Json = serde_json::from_slice(&answer.body).unwrap_or_default();
    wire::judge(vendor, &answer, &json, Does::Write)?;
    Ok((answer, json))
}

/// Takes secrets out of an answer: the whole of each, and the parts of those that are addresses.
fn veil(answer: &mut Answer, secrets: &[&str]) {
    let mut all: Vec<&str> = secrets.to_vec();
    for url in secrets.iter().filter(|secret| secret.contains("://")) {
        all.extend(url.splitn(4, '/').nth(3));
        all.extend(url.split(['/', '?', '&', '=']).skip(3));
    }
    all.retain(|part| part.len() >= SHORT);
    all.sort_by_key(|part| std::cmp::Reverse(part.len()));
    if all.is_empty() {
        return;
    }
    let hide = |text: &str| all.iter().fold(text.to_owned(), |text, part| text.replace(part, "•••"));
    answer.body = hide(&String::from_utf8_lossy(&answer.body)).into_bytes();
    for (_, value) in &mut answer.headers {
        *value = hide(value);
    }
}

/// Says whether an answer is a page for people: a proxy's, or one to log in.
pub(super) fn is_page(answer: &Answer) -> bool {
    answer.header("content-type").any(|kind| kind.contains("html"))
        || String::from_utf8_lossy(&answer.body).trim_start().starts_with('<')
}
