//! What a step is given: each has a type, so that what is typed in a hurry is held against it before a host sees it.

/// Most bytes of a value.
pub const MOST_BYTES: usize = 400;

/// What a step is given.
#[derive(Clone, Debug, PartialEq)]
pub struct Param {
    /// Its name: `minutes` is `$QD_MINUTES`.
    pub name: String,
    /// What it may be.
    pub takes: Takes,
    /// What it is where nothing is given.
    pub default: Option<String>,
}

/// What a value may be.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Takes {
    /// One line.
    #[default]
    Text,
    /// Letters, digits and `_ . : @ + / -`; no dash first.
    Word,
    /// A whole number.
    Int {
        /// Least.
        min: i64,
        /// Most.
        max: i64,
    },
    /// A number.
    Number,
    /// A host's or domain's name, or an address.
    Host,
    /// A path from the root, without `..`.
    Path,
    /// One of these.
    OneOf(Vec<String>),
}

impl Takes {
    /// Says what it may be.
    pub fn words(&self) -> String {
        match self {
            Self::Text => "one line of text".to_owned(),
            Self::Word => "one word".to_owned(),
            Self::Int { min: i64::MIN, max: i64::MAX } => "a whole number".to_owned(),
            Self::Int { min, max } => format!("a whole number from {min} to {max}"),
            Self::Number => "a number".to_owned(),
            Self::Host => "a host's or domain's name".to_owned(),
            Self::Path => "a path from the root".to_owned(),
            Self::OneOf(words) => format!("one of {}", words.join(", ")),
        }
    }

    fn takes(&self, value: &str) -> bool {
        let made_of = |more: &str| {
            !value.is_empty()
                && !value.starts_with('-')
                && value.chars().all(|letter| letter.is_ascii_alphanumeric() || more.contains(letter))
        };
        match self {
            Self::Text => true,
            Self::Word => made_of("_.:@+/-"),
            Self::Int { min, max } => value.parse::<i64>().is_ok_and(|number| (*min..=*max).contains(&number)),
            Self::Number => value.parse::<f64>().is_ok_and(f64::is_finite),
            Self::Host => made_of(".:-_") && value.len() <= 253,
            Self::Path => value.starts_with('/') && value.split('/').all(|part| part != ".."),
            Self::OneOf(words) => words.iter().any(|word| word == value),
        }
    }
}

impl Param {
    /// Writes it as a runbook does: `minutes:int(1..60)=10`.
    pub fn written(&self) -> String {
        let takes = match &self.takes {
            Takes::Text => "text".to_owned(),
            Takes::Word => "word".to_owned(),
            Takes::Int { min: i64::MIN, max: i64::MAX } => "int".to_owned(),
            Takes::Int { min, max } => format!("int({min}..{max})"),
            Takes::Number => "number".to_owned(),
            Takes::Host => "host".to_owned(),
            Takes::Path => "path".to_owned(),
            Takes::OneOf(words) => format!("one-of({})", words.join("|")),
        };
        let default = self.default.as_ref().map(|default| format!("={default}")).unwrap_or_default();
        format!("{}:{takes}{default}", self.name)
    }

    /// Holds a value against it.
    ///
    /// # Errors
    /// What is wrong, without the value: it may be a secret that was typed into the wrong place.
    pub fn check(&self, value: &str) -> Result<(), String> {
        if value.len() > MOST_BYTES || value.contains(char::is_control) {
            return Err(format!("what is given as {} is too long, or no single line", self.name));
        }
        if self.takes.takes(value) {
            return Ok(());
        }
        Err(format!("what is given as {} must be {}", self.name, self.takes.words()))
    }
}
