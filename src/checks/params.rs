//! Reads a kind's settings. The configuration has been validated: what does not fit here is a mistake of ours, and is
//! said as one instead of being passed over.
use std::{path::Path, time::Duration};

use serde_json::Value;
use tokio::sync::OnceCell;

use crate::{
    config::{
        Env, Field, Misfit, Shape,
        secret::{self, SecretError, SecretRef},
    },
    core::inventory::Params,
    error::{Kind, Report},
    remote::{http, net::HostPort},
};

/// Settings with readers for the shapes in use.
#[derive(Clone, Copy)]
pub(super) struct Settings<'a>(pub(super) &'a Params);

impl<'a> Settings<'a> {
    pub(super) fn text(self, key: &str) -> Result<Option<&'a str>, Report> {
        self.0.get(key).map(|value| value.as_str().ok_or_else(|| bad(key, "a text"))).transpose()
    }

    pub(super) fn need_text(self, key: &str) -> Result<&'a str, Report> {
        self.text(key)?.ok_or_else(|| Report::new(Kind::Config, format!("`{key}` is missing")))
    }

    pub(super) fn flag(self, key: &str, default: Flag) -> Result<Flag, Report> {
        match self.0.get(key) {
            None => Ok(default),
            Some(value) => {
                value.as_bool().map(|on| if on { Flag::On } else { Flag::Off }).ok_or_else(|| bad(key, "true or false"))
            }
        }
    }

    pub(super) fn integer(self, key: &str) -> Result<Option<i64>, Report> {
        self.0.get(key).map(|value| value.as_i64().ok_or_else(|| bad(key, "a whole number"))).transpose()
    }

    pub(super) fn texts(self, key: &str) -> Result<Option<Vec<&'a str>>, Report> {
        let list = |value: &'a Value| -> Option<Vec<&'a str>> { value.as_array()?.iter().map(Value::as_str).collect() };
        self.0.get(key).map(|value| list(value).ok_or_else(|| bad(key, "a list of texts"))).transpose()
    }

    /// One text, or a list of them.
    pub(super) fn text_or_texts(self, key: &str) -> Result<Option<Vec<&'a str>>, Report> {
        match self.0.get(key).and_then(Value::as_str) {
            Some(text) => Ok(Some(vec![text])),
            None => self.texts(key),
        }
    }

    /// Durations, in milliseconds.
    pub(super) fn durations(self, key: &str) -> Result<Option<Vec<i64>>, Report> {
        let list = |value: &Value| -> Option<Vec<i64>> { value.as_array()?.iter().map(Value::as_i64).collect() };
        self.0.get(key).map(|value| list(value).ok_or_else(|| bad(key, "a list of durations"))).transpose()
    }

    pub(super) fn regex(self, key: &str) -> Result<Option<regex::Regex>, Report> {
        let Some(text) = self.text(key)? else { return Ok(None) };
        regex::Regex::new(text)
            .map(Some)
            .map_err(|error| Report::new(Kind::Config, format!("`{key}` is not a regular expression")).because(&error))
    }

    /// A map from a name to a text.
    pub(super) fn map(self, key: &str) -> Result<Vec<(&'a str, &'a str)>, Report> {
        let pairs = |value: &'a Value| -> Option<Vec<(&'a str, &'a str)>> {
            value.as_object()?.iter().map(|(name, value)| Some((name.as_str(), value.as_str()?))).collect()
        };
        self.0.get(key).map_or(Ok(Vec::new()), |value| pairs(value).ok_or_else(|| bad(key, "a table of texts")))
    }

    pub(super) fn table(self, key: &str) -> Result<Option<&'a Params>, Report> {
        self.0.get(key).map(|value| value.as_object().ok_or_else(|| bad(key, "a table"))).transpose()
    }

    /// Where a check of a port goes: its `address`.
    pub(super) fn address(self, default: Option<u16>) -> Result<HostPort, Report> {
        Ok(address(self.need_text("address")?, default)?)
    }

    /// What is wrong with `address`.
    pub(super) fn address_misfits(self, default: Option<u16>) -> Vec<Misfit> {
        let text = self.text("address").ok().flatten();
        text.and_then(|text| address(text, default).err()).into_iter().collect()
    }

    /// The parts of a list that cannot be read, each with why.
    pub(super) fn unread<T>(self, key: &str, read: impl Fn(&str) -> Result<T, Misfit>) -> Vec<Misfit> {
        let parts = self.texts(key).ok().flatten().unwrap_or_default();
        let wrong = |(at, text): (usize, &&str)| Some(read(text).err()?.part(at));
        parts.iter().enumerate().filter_map(wrong).collect()
    }

    /// Whom to trust: the system, and the file that `ca` names.
    pub(super) fn trust(self) -> Result<http::Trust, Report> {
        Ok(match self.text("ca")? {
            Some(path) => http::Trust::with_file(&Env::of_process().resolve(Path::new("."), path))?,
            None => http::Trust::system(),
        })
    }
}

/// The setting that [`Settings::address`] reads.
pub(super) const fn address_field(doc: &'static str) -> Field {
    Field { name: "address", shape: Shape::Text, required: true, doc }
}

fn address(text: &str, default: Option<u16>) -> Result<HostPort, Misfit> {
    HostPort::parse(text, default).ok_or_else(|| {
        let bare = text.split_once("://").map_or(text, |(_, rest)| rest);
        let bare = bare.split('/').next().unwrap_or_default();
        let (what, help) = if HostPort::parse(bare, default).is_some() {
            ("is no URL", format!("did you mean \"{bare}\"?"))
        } else if HostPort::parse(bare, Some(1)).is_some() {
            ("has no port", "as in \"db.example:5432\" or \"[::1]:5432\"".to_owned())
        } else {
            ("is not a host and port", "as in \"db.example:5432\" or \"[::1]:5432\"".to_owned())
        };
        Misfit::new("address", format!("`address` {what}: {text:?}"), help)
    })
}

/// A setting that is on or off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flag {
    On,
    Off,
}

fn bad(key: &str, want: &str) -> Report {
    Report::new(Kind::Config, format!("`{key}` must be {want}"))
}

/// A value that may be a reference to a secret.
pub(super) enum Source {
    /// At hand since the check was made.
    Ready(http::Value),
    /// Printed by a command, which is run at the first use; a failure is tried again at the next.
    Command(SecretRef, OnceCell<http::Value>),
}

impl Source {
    /// Reads a text, and at once what needs no command: a secret that is missing should be told at the start.
    pub(super) fn read(text: &str) -> Result<Self, Report> {
        if !secret::is_reference(text) {
            return Ok(Self::Ready(http::Value::Plain(text.to_owned())));
        }
        let bad = |error: &dyn std::error::Error| Report::new(Kind::Config, format!("a secret is missing: {error}"));
        match SecretRef::parse(text).map_err(|error| bad(&error))? {
            command @ SecretRef::Command(_) => Ok(Self::Command(command, OnceCell::new())),
            other @ (SecretRef::Variable(_) | SecretRef::File(_)) => {
                let secret = other.resolve_ready(&Env::of_process()).map_err(|error| bad(&error))?;
                Ok(Self::Ready(http::Value::Secret(secret)))
            }
        }
    }

    pub(super) fn is_secret(&self) -> bool {
        matches!(self, Self::Ready(http::Value::Secret(_)) | Self::Command(..))
    }

    /// Returns the value, running its command if need be.
    pub(super) async fn get(&self, limit: Duration) -> Result<&http::Value, SecretError> {
        match self {
            Self::Ready(value) => Ok(value),
            Self::Command(command, cell) => {
                let run = async || command.resolve(&Env::of_process(), limit).await.map(http::Value::Secret);
                cell.get_or_try_init(run).await
            }
        }
    }
}
