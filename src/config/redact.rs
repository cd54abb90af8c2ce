//! The rules for what is hidden in logs: those that come with the console, changed and added to by a file of one's own.
use std::{
    ops::Range,
    path::{Path, PathBuf},
};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{
    problem::{Problem, Severity, closest},
    source::Source,
};
use crate::core::logs::redact::{RedactCheck, RedactRule, RedactSample, Redactor, compile, is_name};

/// The rules that come with the console.
pub const BUILT_IN: &str = include_str!("redact.toml");

const KEYS: &[&str] = &["near", "regex", "check", "except", "enabled", "samples"];

/// Where rules of one's own are, beside the main file of the configuration: `redact.toml`.
pub fn file_beside(main: &Path) -> Option<PathBuf> {
    main.parent().map(|dir| dir.join("redact.toml"))
}

/// Returns the rules that come with the console.
pub fn built_in() -> Vec<RedactRule> {
    parse(Path::new("redact.toml"), BUILT_IN, Vec::new()).0.rules
}

/// Reads the rules of a file, over those that come with the console. A file that is missing changes nothing.
///
/// A rule that is wrong is left out, or stays as it came: hiding less because of a slip is no choice.
pub fn load(file: Option<&Path>) -> (Redactor, Vec<Problem>) {
    let base = built_in();
    let Some(file) = file.filter(|file| file.exists()) else { return (compiled(&base), Vec::new()) };
    match super::read_bounded(file) {
        Ok(text) => {
            let (Policy { rules, sealed }, mut problems) = parse(file, &text, base.clone());
            match Redactor::new(&rules) {
                Ok(redactor) => {
                    problems.extend(misfits(file, &redactor, &rules));
                    (redactor.sealed(sealed), problems)
                }
                Err(error) => {
                    problems.push(Problem::of_file(file, Severity::Error, error.to_string()));
                    (compiled(&base).sealed(sealed), problems)
                }
            }
        }
        Err(what) => {
            let what = format!("the rules for what is hidden in logs cannot be read: {what}");
            // What it forbids is not known.
            (compiled(&base).sealed(true), vec![Problem::of_file(file, Severity::Error, what)])
        }
    }
}

/// A test holds that the rules that come with the console compile.
fn compiled(rules: &[RedactRule]) -> Redactor {
    Redactor::new(rules).or_else(|_| Redactor::new(&[])).unwrap_or_default()
}

/// Says which samples do not become what they say.
fn misfits(file: &Path, redactor: &Redactor, rules: &[RedactRule]) -> Vec<Problem> {
    let mut problems = Vec::new();
    for rule in rules.iter().filter(|rule| rule.enabled) {
        for sample in &rule.samples {
            let shows = redactor.text(&sample.text);
            if shows != sample.shows {
                let what = format!("a sample of the rule `{}` becomes `{shows}`, not `{}`", rule.name, sample.shows);
                problems.push(Problem::of_file(file, Severity::Warning, what));
            }
        }
    }
    problems
}

/// What a rule file says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// What is hidden.
    pub rules: Vec<RedactRule>,
    /// Whether nobody may be shown it: `reveal = "never"`, or a file of which that cannot be said.
    pub sealed: bool,
}

/// Reads a rule file's text over rules that are there already; says what is wrong with line and column.
pub fn parse(file: &Path, text: &str, base: Vec<RedactRule>) -> (Policy, Vec<Problem>) {
    let mut parser = Parser { source: Source::new(file, text), problems: Vec::new(), rules: base, sealed: false };
    let (root, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        parser.error(&error.span().unwrap_or_default(), error.message().to_owned(), None);
    }
    if errors.is_empty() {
        parser.source.learn(&root);
        parser.root(root.get_ref());
    }
    let Parser { source, mut problems, rules, sealed } = parser;
    problems.sort_by_key(|(_, span)| span.start);
    let excerpt =
        |span: &Range<usize>| if errors.is_empty() { source.excerpt(span) } else { source.broken_excerpt(span) };
    let problems = problems.into_iter().map(|(problem, span)| Problem { excerpt: excerpt(&span), ..problem });
    (Policy { rules, sealed: sealed || !errors.is_empty() }, problems.collect())
}

struct Parser {
    source: Source,
    problems: Vec<(Problem, Range<usize>)>,
    rules: Vec<RedactRule>,
    sealed: bool,
}

type Value<'a> = Spanned<DeValue<'a>>;

impl Parser {
    fn error(&mut self, span: &Range<usize>, what: impl Into<String>, help: Option<String>) {
        let problem = Problem { help, ..self.source.problem(span, Severity::Error, what) };
        self.problems.push((problem, span.clone()));
    }

    fn unknown(&mut self, span: &Range<usize>, what: &str, name: &str, known: &[&str]) {
        let help = closest(name, known.iter().copied())
            .map_or_else(|| format!("known: {}", known.join(", ")), |word| format!("did you mean `{word}`?"));
        self.error(span, format!("unknown {what} `{name}`"), Some(help));
    }

    fn root(&mut self, root: &DeTable<'_>) {
        for (key, value) in in_order(root) {
            match (key.get_ref().as_ref(), value.get_ref().as_table()) {
                ("rules", Some(rules)) => {
                    for (name, rule) in in_order(rules) {
                        self.named(name.get_ref(), &name.span(), rule);
                    }
                }
                ("reveal", _) => {
                    let word = value.get_ref().as_str();
                    self.sealed = word != Some("audited");
                    if !matches!(word, Some("audited" | "never")) {
                        self.error(&value.span(), "expected \"audited\" or \"never\"", None);
                    }
                }
                ("rules", None) => self.error(&value.span(), "expected tables: [rules.NAME]", None),
                (other, _) => self.unknown(&key.span(), "key", other, &["reveal", "rules"]),
            }
        }
    }

    fn named(&mut self, name: &str, span: &Range<usize>, value: &Value<'_>) {
        if !is_name(name) {
            self.error(span, format!("`{name}` is no name of a rule"), Some("use a-z, 0-9 and -".into()));
            return;
        }
        let Some(table) = value.get_ref().as_table() else {
            self.error(&value.span(), "expected a table", None);
            return;
        };
        let at = self.rules.iter().position(|rule| rule.name == name);
        let base = at.and_then(|at| self.rules.get(at)).cloned();
        let mut rule =
            base.unwrap_or_else(|| RedactRule { name: name.to_owned(), enabled: true, ..RedactRule::default() });
        let before = self.problems.len();
        for (key, value) in in_order(table) {
            self.key(&mut rule, (key.get_ref(), &key.span()), value);
        }
        if rule.regex.is_empty() && self.problems.len() == before {
            self.error(span, format!("the rule `{name}` has no regex"), None);
        }
        if self.problems.len() > before {
            return;
        }
        match at.and_then(|at| self.rules.get_mut(at)) {
            Some(slot) => *slot = rule,
            None => self.rules.push(rule),
        }
    }

    fn key(&mut self, rule: &mut RedactRule, (key, key_span): (&str, &Range<usize>), value: &Value<'_>) {
        let span = value.span();
        match key {
            "near" => match texts(value) {
                Some(near) if near.iter().all(|text| text.len() > 1 || text == "@" || text == "?") => rule.near = near,
                Some(_) => self.error(&span, "a literal of one letter is near everything", None),
                None => self.error(&span, "expected a list of strings", None),
            },
            "regex" => match value.get_ref().as_str() {
                Some(regex) => match compile(regex) {
                    Ok(compiled) if compiled.is_match(b"") => {
                        self.error(&span, "it matches nothing at all, and so everywhere", None);
                    }
                    Ok(_) => regex.clone_into(&mut rule.regex),
                    Err(why) => self.error(&span, why, None),
                },
                None => self.error(&span, "expected a string", None),
            },
            "check" => {
                let name = value.get_ref().as_str().unwrap_or_default();
                match RedactCheck::ALL.iter().find(|(known, _)| *known == name) {
                    Some((_, check)) => rule.check = *check,
                    None => self.unknown(&span, "check", name, &RedactCheck::ALL.map(|(known, _)| known)),
                }
            }
            "except" => match texts(value) {
                Some(except) => rule.except = except,
                None => self.error(&span, "expected a list of strings", None),
            },
            "enabled" => match value.get_ref().as_bool() {
                Some(enabled) => rule.enabled = enabled,
                None => self.error(&span, "expected true or false", None),
            },
            "samples" => match value.get_ref().as_array().map(|list| list.iter().map(sample).collect()) {
                Some(Some(samples)) => rule.samples = samples,
                Some(None) | None => {
                    self.error(&span, "expected a list of samples", Some("{ text = \"…\", shows = \"…\" }".into()));
                }
            },
            other => self.unknown(key_span, "key", other, KEYS),
        }
    }
}

fn texts(value: &Value<'_>) -> Option<Vec<String>> {
    value.get_ref().as_array()?.iter().map(|item| item.get_ref().as_str().map(str::to_owned)).collect()
}

fn sample(value: &Value<'_>) -> Option<RedactSample> {
    let table = value.get_ref().as_table()?;
    let text = |key: &str| table.get(key)?.get_ref().as_str().map(str::to_owned);
    (table.len() == 2).then_some(RedactSample { text: text("text")?, shows: text("shows")? })
}

fn in_order<'t, 'a>(table: &'t DeTable<'a>) -> Vec<(&'t Spanned<std::borrow::Cow<'a, str>>, &'t Value<'a>)> {
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    entries
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_may_forbid_that_anybody_is_shown_what_is_hidden() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("redact.toml");
        assert!(load(Some(&file)).0.may_reveal());
        for (text, may, problems) in [
            ("reveal = \"never\"", false, 0),
            ("reveal = \"audited\"", true, 0),
            ("reveal = true", false, 1),
            ("reveal = ", false, 1),
        ] {
            std::fs::write(&file, text).unwrap();
            let (redactor, found) = load(Some(&file));
            assert_eq!((redactor.may_reveal(), found.len()), (may, problems), "{text}");
            assert_eq!(
                redactor.text("authorization: Bearer abcdefgh"),
                "authorization: Bearer [redacted:authorization]"
            );
        }
    }

    #[test]
    fn every_sample_of_the_built_in_rules_becomes_what_it_says() {
        let rules = built_in();
        let (_, problems) = parse(Path::new("redact.toml"), BUILT_IN, Vec::new());
        assert_eq!(problems, []);
        let redactor = Redactor::new(&rules).unwrap();
        let misfits: Vec<_> = misfits(Path::new("x"), &redactor, &rules).iter().map(Problem::one_line).collect();
        assert_eq!(misfits, Vec::<String>::new());
        for rule in rules.iter().filter(|rule| rule.enabled) {
            assert!(!rule.samples.is_empty(), "{}", rule.name);
            for sample in &rule.samples {
                assert_eq!(redactor.text(&sample.shows), sample.shows, "again, by {}", rule.name);
            }
        }
    }

    fn shared() -> &'static Redactor {
        static SHARED: std::sync::OnceLock<Redactor> = std::sync::OnceLock::new();
        SHARED.get_or_init(|| load(None).0)
    }

    /// Where secrets are met; `%` stands for one.
    const PLACES: &[&str] = &[
        "Authorization: Bearer %",
        "authorization=%",
        "{\"authorization\":\"Token %\"}",
        "{\"headers\":{\"cookie\":\"sid=%; a=b\"}}",
        "Set-Cookie: SESSION=%; Path=/; HttpOnly",
        "password=%",
        "\"password\" : \"%\"",
        "'db_password' => '%'",
        "{\\\"passwd\\\":\\\"%\\\"}",
        "/login?user=ana&pwd=%&x=1",
        "client_secret=%",
        "x-api-key: %",
        "/cb?access_token=%&state=1",
        "csrf=%",
        "redis://:%@cache:6379/0",
        "https://ana:%@example.com/x",
        "ghp_%%",
        "xoxb-%",
        "sk_live_%",
        "-----BEGIN PRIVATE KEY-----\n%\n-----END PRIVATE KEY-----",
    ];

    /// Fields that are named for what they hold; `%` stands for it.
    const NAMED: &[&str] = &[
        "{\"token\":\"%\"}",
        "{\"user\":1,\"api_key\": \"%\"}",
        "api_key=% ",
        "access_token=%&a=1",
        "{ token: '%' }",
        "secret=%",
        "\"password\":\"%\"",
        "authorization: %",
        "Authorization: Bearer %",
        "x-csrf-token: %",
    ];

    proptest::proptest! {
        #[test]
        fn a_named_secret_is_hidden_however_short(secret in "[B-DF-HJ-MP-SV-Z]{1,13}", place in 0..NAMED.len()) {
            let text = NAMED[place].replace('%', &secret);
            let shown = shared().text(&text).into_owned();
            proptest::prop_assert_eq!(shown.matches("[redacted:").count(), 1, "{}", shown);
            let (before, rest) = shown.split_once("[redacted:").unwrap();
            let (_, after) = rest.split_once(']').unwrap();
            proptest::prop_assert_eq!([before, &secret, after].concat(), text);
            proptest::prop_assert_eq!(shared().text(&shown), shown.as_str());
        }

        #[test]
        fn a_planted_secret_never_survives(
            secret in "[A-Za-z0-9]{11}[0-9][A-Za-z0-9]{4,30}",
            place in 0..PLACES.len(),
            before in "[a-z ,.]{0,20} ",
            after in " [a-z ,.]{0,20}",
        ) {
            let planted = PLACES[place].replace('%', &secret);
            let text = format!("{before}{planted}{after}");
            let shown = shared().text(&text).into_owned();
            proptest::prop_assert!(!shown.contains(&secret), "{}", shown);
            proptest::prop_assert!(shown.starts_with(&before), "{}", shown);
            proptest::prop_assert!(shown.ends_with(&after) || planted.contains("Bearer") || planted.contains("authorization"), "{}", shown);
            proptest::prop_assert_eq!(shared().text(&shown), shown.as_str());
        }

        #[test]
        fn redacting_twice_is_redacting_once(parts in proptest::collection::vec((0..PLACES.len(), "[ -~]{0,16}"), 1..4)) {
            let text: String = parts.iter().map(|(place, noise)| PLACES[*place].replace('%', "Ab1Ab1Ab1Ab1Ab1Ab1Ab1") + noise).collect();
            let once = shared().text(&text).into_owned();
            proptest::prop_assert_eq!(shared().text(&once), once.as_str());
        }

        #[test]
        fn plain_words_are_left_as_they_are(text in "[a-z]{1,9}( [a-z]{1,9}| [0-9]{1,8}){0,12}") {
            proptest::prop_assert_eq!(shared().text(&text), text.as_str());
        }
    }

    #[test]
    fn a_file_of_ones_own_changes_and_adds() {
        let text = "[rules.query-string]\nenabled = true\n[rules.email]\nenabled = false\n[rules.partner]\nnear = ['XT-']\nregex = 'XT-[0-9]+'\n";
        let (Policy { rules, .. }, problems) = parse(Path::new("redact.toml"), text, built_in());
        assert_eq!(problems, []);
        let redactor = Redactor::new(&rules).unwrap();
        let shown = redactor.text("GET /a?x=1 by XT-77 for ana@example.com").into_owned();
        assert_eq!(shown, "GET /a?[redacted:query-string] by [redacted:partner] for ana@example.com");
    }

    #[test]
    fn what_is_wrong_is_said_where_it_stands_and_the_rule_stays_as_it_came() {
        let text = "[rules.email]\nregex = '('\n[rules.card]\ncheck = \"crad\"\n[rules.own]\nnear = []\n[rule.x]\n[rules.'A b']\n[rules.all]\nregex = 'a*'\n";
        let (Policy { rules, .. }, problems) = parse(Path::new("redact.toml"), text, built_in());
        let said: Vec<_> = problems.iter().map(Problem::one_line).collect();
        assert_eq!(
            said,
            [
                "redact.toml:2:9: unclosed group",
                "redact.toml:4:9: unknown check `crad`",
                "redact.toml:5:8: the rule `own` has no regex",
                "redact.toml:7:2: unknown key `rule`",
                "redact.toml:8:8: `A b` is no name of a rule",
                "redact.toml:10:9: it matches nothing at all, and so everywhere",
            ]
        );
        assert_eq!(rules, built_in());
    }

    #[test]
    fn a_file_that_is_missing_or_broken_hides_no_less() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("redact.toml");
        let hides = |(redactor, problems): (Redactor, Vec<Problem>)| {
            assert_eq!(redactor.text("password=x"), "password=[redacted:password]");
            problems.len()
        };
        assert_eq!(hides(load(None)), 0);
        assert_eq!(hides(load(Some(&file))), 0);
        std::fs::write(&file, "[rules").unwrap();
        assert_eq!(hides(load(Some(&file))), 1);
        std::fs::write(&file, "[rules.x]\nregex = 'zz(1)'\nsamples = [{ text = 'zz1', shows = 'zz1' }]").unwrap();
        assert_eq!(hides(load(Some(&file))), 1);
    }
}
