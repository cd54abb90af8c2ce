//! What is asked of a field: values, comparisons, levels, times.
use super::{Expr, Parser, Part, Problem, Term, Text, quoted, value};
use crate::core::logs::{
    Level,
    filter::{Op, Value, moment, near::nearest},
};

/// Numbers that are columns: `:` compares them.
pub(in super::super) const COLUMNS: [&str; 2] = ["status", "dur"];

/// Names that mean something of their own unless they are quoted.
pub(in super::super) const SPECIAL: [&str; 5] = ["since", "until", "level", "status", "dur"];

/// What stands between a field's name and its value.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sign {
    /// `:`
    Is,
    /// `~/` or `!~/`
    Regex { negated: bool },
    /// `=`, `!=`, `<`, …
    Compare(Op),
}

/// A value as it was written.
struct Written {
    text: Text,
    quoted: bool,
    range: std::ops::Range<usize>,
}

impl Parser<'_> {
    /// Reads what follows a field's name.
    pub(super) fn after_name(&mut self, name: &str, start: usize, quoted: bool) -> Result<Part, Problem> {
        let sign = self.sign(start)?;
        let special = if quoted { "" } else { name };
        match (special, sign) {
            ("since" | "until", Sign::Is | Sign::Compare(Op::Equal)) => self.moment(name),
            ("since" | "until", _) => Err(Problem::new(start..self.at, format!("a time is given by `{name}:`"))
                .hint(format!("for example: {name}:02:55, {name}:-10m; a field of that name is quoted: \"{name}\"<5"))),
            ("level", Sign::Is) => self.levels(Op::Equal).map(Part::Expr),
            ("level", Sign::Compare(op)) => self.levels(op).map(Part::Expr),
            ("level", Sign::Regex { .. }) => Err(Problem::new(start..self.at, "a level is compared, not searched")
                .hint("for example: level>=warn, level:error,warn")),
            (_, Sign::Regex { negated }) => {
                let begin = self.at;
                let pattern = self.regex(&format!("for example: {name}~/re/"))?;
                self.boundary(begin, "the regex")?;
                let term = Expr::Term(Term::FieldRegex { field: name.to_owned(), pattern });
                Ok(Part::Expr(if negated { term.negated() } else { term }))
            }
            (_, Sign::Is) => self.values(name, special, false).map(Part::Expr),
            (_, Sign::Compare(Op::Equal)) => self.values(name, special, true).map(Part::Expr),
            (_, Sign::Compare(op)) => self.compared(name, special, op).map(Part::Expr),
        }
    }

    fn sign(&mut self, start: usize) -> Result<Sign, Problem> {
        let signs = [
            ("!~", Sign::Regex { negated: true }),
            ("!=", Sign::Compare(Op::NotEqual)),
            ("<=", Sign::Compare(Op::AtMost)),
            (">=", Sign::Compare(Op::AtLeast)),
            ("==", Sign::Compare(Op::Equal)),
            ("=", Sign::Compare(Op::Equal)),
            ("<", Sign::Compare(Op::Less)),
            (">", Sign::Compare(Op::More)),
            (":", Sign::Is),
            ("~", Sign::Regex { negated: false }),
        ];
        let at = self.at;
        let found = signs.into_iter().find(|(text, _)| self.eat(text)).map(|(_, sign)| sign);
        match found {
            Some(sign @ Sign::Regex { .. }) if self.peek() != Some('/') => {
                _ = sign;
                Err(Problem::new(at..self.at, "a regex between slashes is expected here")
                    .hint("for example: path~/^\\/api/"))
            }
            Some(sign) => Ok(sign),
            None => Err(Problem::new(
                start..self.at + self.peek().map_or(0, char::len_utf8),
                "a space is expected after the quotes",
            )),
        }
    }

    fn moment(&mut self, name: &str) -> Result<Part, Problem> {
        let start = self.at;
        let text = if matches!(self.peek(), Some('"' | '\'')) {
            self.quoted()?
        } else {
            self.take(|char| !char.is_whitespace() && !matches!(char, ')' | '|')).to_owned()
        };
        let Some(moment) = moment::read(&text) else {
            let expected = if text.is_empty() { "a time is expected here" } else { "this is no time" };
            return Err(Problem::new(start..self.at, expected).hint(format!(
                "for example: {name}:02:55, {name}:-10m, {name}:@now, {name}:2026-11-21T02:55Z, {name}:\"2026-11-21 02:55\""
            )));
        };
        self.boundary(start, "the time")?;
        Ok(if name == "since" { Part::Since(moment) } else { Part::Until(moment) })
    }

    fn levels(&mut self, op: Op) -> Result<Expr, Problem> {
        let written = self.list("level")?;
        if written.len() > 1 && !matches!(op, Op::Equal | Op::NotEqual) {
            let range = written.last().map_or(self.at..self.at, |last| last.range.clone());
            return Err(Problem::new(range, "one level is compared").hint("for example: level>=warn"));
        }
        let mut terms = Vec::with_capacity(written.len());
        for one in &written {
            if one.text.text == "*" && op == Op::Equal {
                terms.push(Expr::Term(Term::Level { op: Op::NotEqual, level: Level::Unknown }));
                continue;
            }
            let level = Level::parse(one.text.text.as_bytes()).ok_or_else(|| {
                let known = Level::ALL.map(Level::word);
                let meant = nearest(&one.text.text, known).map(|meant| format!("did you mean {meant}? "));
                Problem::new(one.range.clone(), "this is no level").hint(format!(
                    "{}there are: {}",
                    meant.unwrap_or_default(),
                    known.join(", ")
                ))
            })?;
            if level == Level::Unknown && !matches!(op, Op::Equal | Op::NotEqual) {
                return Err(Problem::new(one.range.clone(), "`unknown` is neither more nor less than a level")
                    .hint("use level:unknown"));
            }
            terms.push(Expr::Term(Term::Level { op, level }));
        }
        Ok(if op == Op::NotEqual { Expr::and(terms) } else { Expr::or(terms) })
    }

    /// Reads a list of values: each is text with wildcards, or a number where the field or the sign says so.
    fn values(&mut self, name: &str, special: &str, numbers: bool) -> Result<Expr, Problem> {
        let written = self.list(name)?;
        let is_column = COLUMNS.contains(&special);
        let mut globs = Vec::new();
        let mut compared = Vec::new();
        for one in written {
            let number = if one.quoted { None } else { exact(&one.text.text) };
            let class = (special == "status").then(|| class(&one.text.text)).flatten();
            match (number, class) {
                (_, Some(class)) => compared.push(class),
                (Some(value), None) if numbers || is_column => {
                    compared.push(Expr::Term(Term::Compare { field: name.to_owned(), op: Op::Equal, value }));
                }
                _ if is_column && !one.quoted && is_nearly_a_number(&one.text.text) => {
                    return Err(not_a_number(special, &one));
                }
                _ => globs.push(one.text),
            }
        }
        let globs = (!globs.is_empty()).then(|| of_globs(name.to_owned(), globs));
        Ok(Expr::or(compared.into_iter().chain(globs.map(Expr::Term))))
    }

    /// Reads what `<`, `!=` and their like compare with.
    fn compared(&mut self, name: &str, special: &str, op: Op) -> Result<Expr, Problem> {
        if op == Op::NotEqual {
            let written = self.list(name)?;
            return written
                .into_iter()
                .map(|one| {
                    let value = if one.quoted { None } else { exact(&one.text.text) };
                    let field = name.to_owned();
                    if let Some(class) = (special == "status").then(|| class(&one.text.text)).flatten() {
                        return Ok(class.negated());
                    }
                    match value {
                        Some(value) => Ok(Expr::Term(Term::Compare { field, op, value })),
                        None if COLUMNS.contains(&special) && !one.quoted && is_nearly_a_number(&one.text.text) => {
                            Err(not_a_number(special, &one))
                        }
                        None => Ok(Expr::Term(of_globs(field, vec![one.text])).negated()),
                    }
                })
                .collect::<Result<Vec<_>, _>>()
                .map(Expr::and);
        }
        let start = self.at;
        let text = self.take(|char| !char.is_whitespace() && !matches!(char, ')' | '|' | '('));
        let Some(value) = value::read(text) else {
            let whole = format!("{name}{}{text}", op.symbol());
            let quoted = format!("to find this text, use quotes: {}", quoted::double(&whole));
            let problem = Problem::new(start..self.at, "a number, a duration or a size is expected here");
            return Err(match value::split(text).map(|(_, unit)| unit) {
                Some(unit) => Problem::new(start..self.at, format!("`{unit}` is no unit"))
                    .hint("there are: ns us ms s m h, B KB MB GB TB KiB MiB GiB TiB"),
                None => problem.hint(format!("for example: status>=500, dur>250ms, bytes>20KB; {quoted}")),
            });
        };
        self.boundary(start, "the number")?;
        Ok(Expr::Term(Term::Compare { field: name.to_owned(), op, value }))
    }

    /// Reads values with commas between them.
    fn list(&mut self, name: &str) -> Result<Vec<Written>, Problem> {
        let mut all = Vec::new();
        loop {
            let start = self.at;
            let written = match self.peek() {
                Some('"' | '\'') => {
                    let text = self.quoted()?;
                    let flags = self.flags("icg")?;
                    let text = if flags.glob {
                        flags.text(text).normal()
                    } else {
                        let fold = flags.text(text.clone()).fold;
                        Text { fold, ..Text::exactly(&text) }
                    };
                    Written { text, quoted: true, range: start..self.at }
                }
                Some('<' | '>' | '=') => {
                    return Err(Problem::new(start..start + 1, "a value is expected here")
                        .hint(format!("a comparison has no colon: {name}>=5")));
                }
                Some(_) | None => {
                    let text = self.take(|char| !char.is_whitespace() && !matches!(char, ',' | '(' | ')' | '|' | '"'));
                    if let Some((at, char)) = text.char_indices().find(|(_, char)| char.is_control()) {
                        let at = start + at;
                        return Err(Problem::new(at..at + char.len_utf8(), "a control character in a value")
                            .hint(r#"write it in quotes: "\x1b""#));
                    }
                    Written { text: Text::smart(text).normal(), quoted: false, range: start..self.at }
                }
            };
            if written.range.is_empty() {
                let end = start + self.peek().filter(|char| !char.is_whitespace()).map_or(0, char::len_utf8);
                return Err(Problem::new(start..end, format!("a value is expected after `{name}`"))
                    .hint(format!("for example: {name}:x, {name}:* where it is there at all; to find this text, use quotes: \"{name}:\"")));
            }
            all.push(written);
            if !self.eat(",") {
                break;
            }
            if all.len() >= 1_000 {
                return Err(Problem::new(start..self.at, "a list has at most 1000 values"));
            }
        }
        let start = all.first().map_or(self.at, |first| first.range.start);
        if matches!(self.peek(), Some('(' | '"')) {
            return Err(Problem::new(self.at..self.at + 1, "a space is expected before this")
                .hint(format!("a value with such a character is quoted: {name}:\"a (b)\"")));
        }
        self.boundary(start, "the value")?;
        Ok(all)
    }
}

/// Returns the term for a field's values: a star alone asks whether the field is there at all.
fn of_globs(field: String, any: Vec<Text>) -> Term {
    match any.as_slice() {
        [all] if all.text == "*" => Term::Has(field),
        _ => Term::Glob { field, any },
    }
}

impl Text {
    /// Writes each backslash of a glob that means itself twice, so that the same glob has one form.
    fn normal(self) -> Self {
        let mut text = String::with_capacity(self.text.len());
        let mut rest = self.text.chars().peekable();
        while let Some(char) = rest.next() {
            text.push(char);
            if char == '\\' {
                text.push(rest.next_if(|next| matches!(next, '*' | '?' | '\\')).unwrap_or('\\'));
            }
        }
        Self { text, ..self }
    }
}

/// Reads a number that `=` compares without losing a digit.
fn exact(text: &str) -> Option<Value> {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    value::read(text).filter(|_| digits <= 15)
}

/// Reads a class of statuses: `5xx`.
fn class(text: &str) -> Option<Expr> {
    let digit = text.strip_suffix("xx").or_else(|| text.strip_suffix("XX"))?;
    let hundreds: u32 = digit.parse().ok().filter(|hundreds| (1..=9).contains(hundreds) && digit.len() == 1)?;
    let compare = |op, hundreds: u32| {
        Expr::Term(Term::Compare { field: "status".into(), op, value: Value::Number(f64::from(hundreds * 100)) })
    };
    Some(Expr::And(vec![compare(Op::AtLeast, hundreds), compare(Op::Less, hundreds + 1)]))
}

/// Says whether what begins as a number does not end as one. Words are words: a status may be `installed`.
fn is_nearly_a_number(text: &str) -> bool {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'*' | b'?'));
    text.starts_with(|char: char| char.is_ascii_digit()) && !plain
}

fn not_a_number(field: &str, one: &Written) -> Problem {
    let problem = Problem::new(one.range.clone(), format!("`{field}` is a number"));
    match field {
        "dur" => problem.hint("for example: dur>250ms, dur:1s"),
        _ => problem.hint("for example: status:500, status:5xx, status>=400"),
    }
}
