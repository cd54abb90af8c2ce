//! What a person is told when something cannot be done: what, why, and the next step.
use std::fmt;

/// Whose turn it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The person asked for something that cannot be: exit code 2.
    User,
    /// The configuration is wrong: exit code 2.
    Config,
    /// Something far away did not work: exit code 4.
    Remote,
    /// The gate refused a change: exit code 5.
    Refused,
    /// Our own mistake, or the machine's: exit code 3.
    Internal,
}

/// A failure at the edge, ready to be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Whose turn it is.
    pub kind: Kind,
    /// What did not work, in one line.
    pub what: String,
    /// Why, outermost first.
    pub causes: Vec<String>,
    /// What to do next.
    pub hint: Option<String>,
}

impl Report {
    /// Makes a report without causes.
    pub fn new(kind: Kind, what: impl Into<String>) -> Self {
        Self { kind, what: what.into(), causes: Vec::new(), hint: None }
    }

    /// Adds an error and everything behind it.
    #[must_use]
    pub fn because(mut self, error: &(dyn std::error::Error + 'static)) -> Self {
        let mut next = Some(error);
        while let Some(error) = next {
            let text = error.to_string();
            if self.causes.last() != Some(&text) {
                self.causes.push(text);
            }
            next = error.source();
        }
        self
    }

    /// Adds the next step.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        for cause in &self.causes {
            write!(f, ": {cause}")?;
        }
        if let Some(hint) = &self.hint {
            write!(f, "\n  {hint}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Report {}
