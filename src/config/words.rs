//! The words in which shapes, names and values are spoken of in what is wrong with a configuration.
use super::{
    Shape,
    problem::closest,
    raw::{Raw, Value},
};
use crate::parse::sanitise;

/// Tells whether a value is of the type that a shape is of.
pub(super) fn fits(raw: &Raw, shape: &Shape) -> bool {
    match shape {
        Shape::Text
        | Shape::Path
        | Shape::Url
        | Shape::Duration
        | Shape::Choice(_)
        | Shape::Regex
        | Shape::Id
        | Shape::Secret
        | Shape::Host => raw.text().is_some(),
        Shape::Integer { .. } => matches!(raw.value, Value::Integer(_)),
        Shape::Number => matches!(raw.value, Value::Integer(_) | Value::Number(_)),
        Shape::Flag => matches!(raw.value, Value::Flag(_)),
        Shape::List(_) => raw.list().is_some(),
        Shape::Table(_) | Shape::Map(_) => raw.table().is_some(),
        Shape::Either(shapes) => shapes.iter().any(|shape| fits(raw, shape)),
    }
}

/// Says what a shape is, with an article.
pub(crate) fn words(shape: &Shape) -> String {
    match shape {
        Shape::Text => "a text".into(),
        Shape::Path => "the path of a file".into(),
        Shape::Url => "a URL".into(),
        Shape::Duration => "a duration, as in \"30s\"".into(),
        Shape::Integer { .. } => "a whole number".into(),
        Shape::Number => "a number".into(),
        Shape::Flag => "true or false".into(),
        Shape::Choice([]) => "a word".into(),
        Shape::Choice(words) => format!("one of {}", words.join(", ")),
        Shape::Regex => "a regular expression".into(),
        Shape::Id => "an id".into(),
        Shape::Secret => "a reference to a secret".into(),
        Shape::Host => "the name of a host".into(),
        Shape::List(of) => format!("a list of {}", plural(of)),
        Shape::Table(_) | Shape::Map(_) => "a table".into(),
        Shape::Either(shapes) => shapes.iter().map(words).collect::<Vec<_>>().join(" or "),
    }
}

/// Says what many of a shape are.
pub(super) fn plural(shape: &Shape) -> &'static str {
    match shape {
        Shape::Text | Shape::Choice(_) => "texts",
        Shape::Path => "paths",
        Shape::Url => "URLs",
        Shape::Duration => "durations",
        Shape::Integer { .. } | Shape::Number => "numbers",
        Shape::Flag => "flags",
        Shape::Regex => "regular expressions",
        Shape::Id => "ids",
        Shape::Secret => "references to secrets",
        Shape::Host => "hosts",
        Shape::List(_) => "lists",
        Shape::Table(_) | Shape::Map(_) => "tables",
        Shape::Either(_) => "values",
    }
}

/// Suggests a name that exists.
pub(crate) fn refer<'n>(name: &str, known: impl Iterator<Item = &'n str>, what: &str) -> String {
    let known: Vec<_> = known.collect();
    match closest(name, known.iter().copied()) {
        Some(word) => format!("did you mean `{word}`?"),
        None if known.is_empty() => format!("the configuration has no {what}"),
        None => {
            let more = if known.len() > 8 { ", …" } else { "" };
            format!("{what}: {}{more}", known.iter().take(8).copied().collect::<Vec<_>>().join(", "))
        }
    }
}

/// Cuts a text to what fits in a message and cannot harm a terminal.
pub(crate) fn shown(text: &str) -> String {
    let clean: String = text.chars().filter(|letter| !letter.is_control()).collect();
    let clean = sanitise::line(clean.as_bytes());
    if clean.chars().count() <= 60 { clean } else { clean.chars().take(59).chain(['…']).collect() }
}

/// The first sentence of a field's documentation, as part of another one.
pub(super) fn first_words(doc: &str) -> String {
    let first = doc.split_once(". ").map_or(doc, |(first, _)| first).trim_end_matches('.');
    let mut letters = first.chars();
    match (letters.next(), letters.clone().next()) {
        (Some(begin), Some(next)) if !next.is_uppercase() => begin.to_lowercase().chain(letters).collect(),
        _ => first.to_owned(),
    }
}

/// Says why a text is no URL of http or https.
pub(super) fn bad_url(text: &str) -> Option<&'static str> {
    let Some((scheme, rest)) = text.split_once("://") else { return Some("it must begin with http:// or https://") };
    if !matches!(scheme, "http" | "https") {
        return Some("it must begin with http:// or https://");
    }
    if text.chars().any(|letter| letter.is_whitespace() || letter.is_control()) {
        return Some("it has a space in it");
    }
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host_port = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let (host, port) = match host_port.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, port)) => (host, port.strip_prefix(':')),
        None => host_port.split_once(':').map_or((host_port, None), |(host, port)| (host, Some(port))),
    };
    if host.is_empty() {
        return Some("it has no host");
    }
    if port.is_some_and(|port| port.parse::<u16>().is_err()) {
        return Some("its port is not a number up to 65535");
    }
    None
}
