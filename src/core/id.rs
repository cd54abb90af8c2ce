//! Names and numbers that identify things, as newtypes, so that a host is never passed where a service is meant.
use std::{fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Serialize};

macro_rules! name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Returns the name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.into())
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text.into())
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&*self.0, f)
            }
        }
    };
}

name! {
    /// A service's name without its environment, as typed to confirm a change: `play`.
    ServiceName
}
name! {
    /// An environment's name: `prod`.
    EnvName
}
name! {
    /// A host's name in the configuration: `web-01`.
    HostName
}
name! {
    /// A check's name within its service: `page`.
    CheckName
}
name! {
    /// An alert rule's name: `cpu`.
    RuleName
}
name! {
    /// The person (or program) that did something: a login name, or `qd` for the console itself.
    Operator
}

/// A text that is not a valid id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected}, got `{got}`")]
pub struct BadId {
    /// The form that was expected, with an example.
    pub expected: &'static str,
    /// The text as given.
    pub got: String,
}

/// A service in one environment, written `play@prod`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ServiceId {
    /// The service.
    pub service: ServiceName,
    /// Its environment.
    pub env: EnvName,
}

impl fmt::Display for ServiceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}@{}", self.service.as_str(), self.env.as_str()))
    }
}

impl FromStr for ServiceId {
    type Err = BadId;

    fn from_str(text: &str) -> Result<Self, BadId> {
        match text.split_once('@') {
            Some((service, env)) if !service.is_empty() && !env.is_empty() && !env.contains(['@', '/']) => {
                Ok(Self { service: service.into(), env: env.into() })
            }
            _ => Err(BadId { expected: "SERVICE@ENV, as in play@prod", got: text.to_owned() }),
        }
    }
}

/// A check of a service in one environment, written `play@prod/page`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct CheckId {
    /// The service that the check speaks for.
    pub service: ServiceId,
    /// The check's name.
    pub check: CheckName,
}

impl fmt::Display for CheckId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}/{}", self.service, self.check.as_str()))
    }
}

impl FromStr for CheckId {
    type Err = BadId;

    fn from_str(text: &str) -> Result<Self, BadId> {
        let bad = || BadId { expected: "SERVICE@ENV/CHECK, as in play@prod/page", got: text.to_owned() };
        let (service, check) = text.split_once('/').ok_or_else(bad)?;
        if check.is_empty() {
            return Err(bad());
        }
        Ok(Self { service: service.parse().map_err(|_| bad())?, check: check.into() })
    }
}

macro_rules! as_text {
    ($name:ident) => {
        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}
as_text!(ServiceId);
as_text!(CheckId);
as_text!(IncidentId);
as_text!(RunId);
as_text!(Uid);

macro_rules! number {
    ($(#[$doc:meta])* $name:ident, $prefix:literal, $expected:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub struct $name(pub u64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&format!(concat!($prefix, "{}"), self.0))
            }
        }

        impl FromStr for $name {
            type Err = BadId;

            fn from_str(text: &str) -> Result<Self, BadId> {
                let digits = text.strip_prefix($prefix).unwrap_or(text);
                digits.parse().map(Self).map_err(|_| BadId { expected: $expected, got: text.to_owned() })
            }
        }
    };
}
number! {
    /// An incident's number in its store, written `INC-214`.
    IncidentId, "INC-", "INC-NUMBER, as in INC-214"
}
number! {
    /// A run's number in its store, written `RUN-882`.
    RunId, "RUN-", "RUN-NUMBER, as in RUN-882"
}

/// A globally unique id, `qd-` and 12 hex digits: ticket token, remote directory and lock owner.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uid(pub [u8; 6]);

impl Uid {
    /// Returns the id that follows from a text: the same for whoever makes it of the same.
    pub fn of(text: &str) -> Self {
        use sha2::Digest as _;

        let mut uid = [0; 6];
        uid.iter_mut().zip(sha2::Sha256::digest(text.as_bytes())).for_each(|(byte, of)| *byte = of);
        Self(uid)
    }
}

impl fmt::Display for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = [0; 8];
        bytes.iter_mut().skip(2).zip(self.0).for_each(|(byte, of)| *byte = of);
        f.pad(&format!("qd-{:012x}", u64::from_be_bytes(bytes)))
    }
}

impl fmt::Debug for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Uid {
    type Err = BadId;

    fn from_str(text: &str) -> Result<Self, BadId> {
        let bad = || BadId { expected: "qd- and 12 hex digits", got: text.to_owned() };
        let hex = text.strip_prefix("qd-").filter(|hex| hex.len() == 12 && hex.is_ascii()).ok_or_else(bad)?;
        let number = u64::from_str_radix(hex, 16).map_err(|_| bad())?;
        let mut uid = [0; 6];
        uid.iter_mut().zip(number.to_be_bytes().into_iter().skip(2)).for_each(|(byte, of)| *byte = of);
        Ok(Self(uid))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_read_back_what_they_write() {
        assert_eq!("play@prod".parse::<ServiceId>().unwrap().to_string(), "play@prod");
        assert_eq!("play@prod/page".parse::<CheckId>().unwrap().to_string(), "play@prod/page");
        assert_eq!("INC-214".parse::<IncidentId>().unwrap(), IncidentId(214));
        assert_eq!("214".parse::<IncidentId>().unwrap().to_string(), "INC-214");
        let uid = Uid([0, 1, 0xfe, 3, 4, 5]);
        assert_eq!(uid.to_string(), "qd-0001fe030405");
        assert_eq!(uid.to_string().parse::<Uid>().unwrap(), uid);
    }

    #[test]
    fn what_is_no_id_says_what_was_expected() {
        for text in ["play", "@prod", "play@", "play@a@b", "play@prod/page"] {
            assert!(text.parse::<ServiceId>().is_err(), "{text}");
        }
        assert_eq!(
            "play".parse::<ServiceId>().unwrap_err().to_string(),
            "expected SERVICE@ENV, as in play@prod, got `play`"
        );
        assert!("qd-00".parse::<Uid>().is_err());
    }
}
