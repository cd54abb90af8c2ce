//! Fields that are made of other fields by rules of the configuration: the partner in a path, the tag of a content.
use std::{
    borrow::Cow,
    collections::BTreeMap,
    hash::{DefaultHasher, Hash, Hasher},
};

use super::format::Format;

/// One rule as the configuration says it, checked. Several of one name are alternatives: the first that gives a value counts.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct DeriveSpec {
    /// The field that it makes.
    pub name: String,
    /// The field that it is made of: one of the record's own, or of an earlier rule; `line` is the whole record.
    pub from: String,
    /// What is taken of it: the group `v`, or the first group, or all that matches. Without it, all.
    pub regex: Option<String>,
    /// What that stands for. Not empty: what is not in it has no value, or `other`.
    pub lookup: BTreeMap<String, String>,
    /// The value of what is not in `lookup`.
    pub other: Option<String>,
    /// Only records of these formats; empty is all.
    pub formats: Vec<String>,
}

/// What a rule makes of one record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome<'a> {
    /// This value.
    Value(Cow<'a, [u8]>),
    /// The record has the field, but no rule matches it.
    Unmatched,
    /// The record has nothing that a rule is about.
    Apart,
}

/// Rules that make fields of other fields.
#[derive(Debug, Default)]
pub struct Derived {
    rules: Vec<Rule>,
    version: u64,
}

#[derive(Debug)]
struct Rule {
    spec: DeriveSpec,
    regex: Option<Take>,
}

#[derive(Debug)]
struct Take {
    regex: regex::bytes::Regex,
    group: usize,
}

impl Take {
    fn of<'a>(&self, text: &'a [u8]) -> Option<&'a [u8]> {
        if self.group == 0 {
            return self.regex.find(text).map(|found| found.as_bytes());
        }
        self.regex.captures(text)?.get(self.group).map(|found| found.as_bytes())
    }
}

impl Derived {
    /// Compiles rules.
    ///
    /// # Errors
    /// The number of the first rule whose regex is none, and why.
    pub fn new(specs: impl IntoIterator<Item = DeriveSpec>) -> Result<Self, (usize, String)> {
        let mut rules = Vec::new();
        let mut version = DefaultHasher::new();
        for (number, spec) in specs.into_iter().enumerate() {
            let regex = match &spec.regex {
                None => None,
                Some(text) => {
                    let built = regex::bytes::RegexBuilder::new(text).size_limit(1 << 20).build();
                    let regex = built.map_err(|error| (number, error.to_string()))?;
                    let named = regex.capture_names().position(|name| name == Some("v"));
                    let group = named.unwrap_or_else(|| usize::from(regex.captures_len() > 1));
                    Some(Take { regex, group })
                }
            };
            spec.hash(&mut version);
            rules.push(Rule { spec, regex });
        }
        let version = if rules.is_empty() { 0 } else { version.finish() };
        Ok(Self { rules, version })
    }

    /// A number that is the same for the same rules only: what was worked out under others does not hold. Zero without any.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Names the fields that there are rules for, each once, in the order of the rules.
    pub fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for rule in &self.rules {
            if !names.contains(&rule.spec.name.as_str()) {
                names.push(&rule.spec.name);
            }
        }
        names
    }

    /// Says whether there is a rule for a field.
    pub fn has(&self, name: &str) -> bool {
        self.rules.iter().any(|rule| rule.spec.name == name)
    }

    /// Makes a field's value from a record.
    pub fn value(&self, name: &str, record: &[u8], format: &Format) -> Option<Vec<u8>> {
        match self.outcome(name, record, format) {
            Outcome::Value(value) => Some(value.into_owned()),
            Outcome::Unmatched | Outcome::Apart => None,
        }
    }

    /// Makes a field's value from a record, and tells records that no rule matches from those that it is not about: the share of the
    /// former is what the rules miss.
    pub fn outcome<'a>(&'a self, name: &str, record: &'a [u8], format: &Format) -> Outcome<'a> {
        self.before(self.rules.len(), name, record, format)
    }

    /// Only rules before this number are asked, so that no rule leads back to itself.
    fn before<'a>(&'a self, end: usize, name: &str, record: &'a [u8], format: &Format) -> Outcome<'a> {
        let mut outcome = Outcome::Apart;
        let rules = self.rules.iter().enumerate().take(end).filter(|(_, rule)| rule.spec.name == name);
        for (number, rule) in rules {
            let spec = &rule.spec;
            if !spec.formats.is_empty() && !spec.formats.iter().any(|name| name == format.name()) {
                continue;
            }
            let is_derived = self.rules.iter().take(number).any(|earlier| earlier.spec.name == spec.from);
            let text = if is_derived {
                match self.before(number, &spec.from, record, format) {
                    Outcome::Value(text) => Some(text),
                    Outcome::Unmatched | Outcome::Apart => None,
                }
            } else if spec.from == "line" {
                Some(Cow::Borrowed(record))
            } else {
                format.field(record, &format.resolve(&spec.from))
            };
            let Some(text) = text else { continue };
            match rule.apply(text) {
                Some(value) => return Outcome::Value(value),
                None => outcome = Outcome::Unmatched,
            }
        }
        outcome
    }
}

impl Rule {
    fn apply<'a>(&'a self, text: Cow<'a, [u8]>) -> Option<Cow<'a, [u8]>> {
        let taken = match (&self.regex, text) {
            (None, text) => text,
            (Some(take), Cow::Borrowed(text)) => Cow::Borrowed(take.of(text)?),
            (Some(take), Cow::Owned(text)) => Cow::Owned(take.of(&text)?.to_vec()),
        };
        if self.spec.lookup.is_empty() {
            return (!taken.is_empty()).then_some(taken);
        }
        let known = std::str::from_utf8(&taken).ok().and_then(|key| self.spec.lookup.get(key));
        known.or(self.spec.other.as_ref()).map(|value| Cow::Borrowed(value.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::logs::format::Spec;

    fn rule(name: &str, from: &str, regex: &str, lookup: &[(&str, &str)]) -> DeriveSpec {
        DeriveSpec {
            name: name.into(),
            from: from.into(),
            regex: (!regex.is_empty()).then(|| regex.into()),
            lookup: lookup.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
            ..DeriveSpec::default()
        }
    }

    #[test]
    fn values_are_taken_looked_up_and_counted() {
        let spec: Spec = toml::from_str(include_str!("../../config/formats/nginx-combined.toml")).unwrap();
        let format = Format::compile("nginx-combined", &spec).unwrap();
        let line =
            |path: &str| format!("::1 - - [20/Nov/2026:19:42:12 +0000] \"GET {path} HTTP/1.1\" 200 5 \"-\" \"x\"");
        let derived = Derived::new([
            rule("partner", "path", "^/partner/(?<v>[a-z]+)", &[]),
            rule("partner", "query", "(?:^|&)p=([a-z]+)", &[]),
            rule("country", "partner", "", &[("claro", "CO"), ("vivo", "BR")]),
        ])
        .unwrap();
        let make = |name: &str, path: &str| {
            let line = line(path);
            derived.value(name, line.as_bytes(), &format).map(|value| String::from_utf8(value).unwrap())
        };
        assert_eq!(make("partner", "/partner/claro/x"), Some("claro".into()));
        assert_eq!(make("partner", "/x?a=1&p=vivo"), Some("vivo".into()), "the second rule");
        assert_eq!(make("country", "/partner/claro/x"), Some("CO".into()), "a rule over a rule");
        assert_eq!(make("country", "/partner/nobody/x"), None);
        assert!(derived.has("country") && !derived.has("path"));
        assert_eq!(derived.names(), ["partner", "country"]);
        let outcome = |name: &str, path: &str| match derived.outcome(name, line(path).as_bytes(), &format) {
            Outcome::Value(_) => 'v',
            Outcome::Unmatched => 'u',
            Outcome::Apart => 'a',
        };
        assert_eq!(outcome("partner", "/y"), 'u');
        assert_eq!(outcome("country", "/y"), 'a', "without a partner there is nothing to look up");
        assert_eq!(outcome("country", "/partner/nobody/x"), 'u');
        assert_eq!(outcome("nothing", "/y"), 'a');
        assert!(Derived::new([rule("a", "path", "(", &[])]).is_err());
    }
}
