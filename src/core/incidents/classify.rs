//! How bad it is: whom it hurts, times how soon it gets worse.
use serde::{Deserialize, Serialize};

use crate::core::alerts::Severity;

/// Whom it hurts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Impact {
    /// All users, or data, or money.
    All,
    /// A part of them, or one of several functions.
    Part,
    /// Few of them.
    Few,
    /// None of them.
    Nobody,
}

impl Impact {
    /// All of them, the worst first.
    pub const ALL: [Self; 4] = [Self::All, Self::Part, Self::Few, Self::Nobody];

    /// Returns it in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::All => "all users, data or money",
            Self::Part => "a part of the users",
            Self::Few => "few users",
            Self::Nobody => "no user",
        }
    }
}

/// How soon it gets worse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Urgency {
    /// It hurts at this moment.
    Now,
    /// Within hours.
    Soon,
    /// It can wait for the day.
    Later,
}

impl Urgency {
    /// All of them, the worst first.
    pub const ALL: [Self; 3] = [Self::Now, Self::Soon, Self::Later];

    /// Returns it in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Now => "hurts now",
            Self::Soon => "within hours",
            Self::Later => "can wait for the day",
        }
    }
}

/// Proposes a severity, with the reason. A person decides.
pub fn propose(impact: Impact, urgency: Urgency) -> (Severity, String) {
    let severity = match (impact, urgency) {
        (Impact::All, Urgency::Now) => Severity::P1,
        (Impact::All, Urgency::Soon) | (Impact::Part, Urgency::Now) => Severity::P2,
        (Impact::All, Urgency::Later)
        | (Impact::Part, Urgency::Soon | Urgency::Later)
        | (Impact::Few, Urgency::Now) => Severity::P3,
        (Impact::Few, Urgency::Soon | Urgency::Later) | (Impact::Nobody, _) => Severity::P4,
    };
    (severity, format!("{} × {}", impact.words(), urgency.words()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn less_impact_or_urgency_is_never_worse() {
        for (at, impact) in Impact::ALL.into_iter().enumerate() {
            for (then, urgency) in Urgency::ALL.into_iter().enumerate() {
                let of = |impact, urgency| propose(impact, urgency).0;
                for milder in Impact::ALL.into_iter().skip(at) {
                    assert!(of(milder, urgency) >= of(impact, urgency), "{milder:?} {urgency:?}");
                }
                for later in Urgency::ALL.into_iter().skip(then) {
                    assert!(of(impact, later) >= of(impact, urgency), "{impact:?} {later:?}");
                }
            }
        }
        assert_eq!(propose(Impact::All, Urgency::Now).0, Severity::P1);
        assert_eq!(propose(Impact::Nobody, Urgency::Now).0, Severity::P4);
    }
}
