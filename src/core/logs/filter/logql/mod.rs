//! A filter as `LogQL`, so that a Loki server leaves out what cannot match.
//!
//! Nothing is pasted: label names are checked, text is a string literal with escapes, regexes are written anew from
//! their parts in the dialect of RE2 with classes spelled out, so that neither side's idea of `\w` or of case counts.
//! Loki searches simple regexes by a faster way of its own, which in many versions overlooks folded text after a false
//! start and characters whose cases differ in length; each regex therefore begins with ` *`, which is none of the simple
//! ones and changes nothing.
use regex_syntax::hir::{Hir, HirKind, Look, Repetition};

use super::{
    Expr, Term, Text,
    parse::quoted::quoted,
    push::{self, Atom, Edge, Lines, Need, Times},
};

/// The longest regex that is sent, in bytes.
const LONGEST: usize = 8 * 1024;

/// The highest count of a repetition that is sent; RE2 refuses more than 1000 in all.
const MOST: u32 = 100;

/// What is known about a Loki source.
#[derive(Clone, Copy, Debug)]
pub struct Loki<'a> {
    /// Labels that are equal to a value.
    pub select: &'a [(&'a str, &'a str)],
    /// Fields that are labels: the field's name and the label's. Where a stream has the label, and it is of safe characters (as
    /// `parse::sanitise` has them) and no `@`, it is the field's value; where not, nobody knows the field's value.
    pub labels: &'a [(&'a str, &'a str)],
    /// What is known about its lines.
    pub lines: Lines<'a>,
    /// An entry of several lines is a record for each of them here. What one of its lines must not contain another may, so
    /// that nothing negated can be asked of the entry.
    pub split: bool,
}

/// A query, and who does what.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct LogQl {
    /// The whole query: selector and stages.
    pub query: String,
    /// Terms that run there.
    pub pushed: Vec<String>,
    /// Terms that are decided here. What runs there in a wider form is in both.
    pub local: Vec<String>,
}

/// Why no query can be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LogQlError {
    /// A label cannot have this name.
    #[error("`{0}` is no label's name: letters, digits and `_` are allowed, a digit not first")]
    Label(String),
    /// Loki demands at least one label with a value.
    #[error("a Loki source needs a label to select by, for example select = {{ env = \"prod\" }}")]
    NoSelector,
}

/// Writes a filter as `LogQL`. Times are not in it: they are parameters of the request.
///
/// # Errors
/// When the source's labels make no selector.
pub fn logql(expr: &Expr, loki: Loki<'_>) -> Result<LogQl, LogQlError> {
    let names = loki.select.iter().map(|(label, _)| label).chain(loki.labels.iter().map(|(_, label)| label));
    if let Some(wrong) = names.into_iter().find(|label| !is_label(label)) {
        return Err(LogQlError::Label((**wrong).to_owned()));
    }
    let mut matchers: Vec<String> =
        loki.select.iter().map(|(label, value)| format!("{label}={}", string(value))).collect();
    if loki.select.iter().all(|(_, value)| value.is_empty()) {
        return Err(LogQlError::NoSelector);
    }
    let mut made = LogQl::default();
    let mut rest = Vec::new();
    for part in push::conjuncts(expr) {
        match of_label(&part, &loki) {
            Some(matcher) => {
                matchers.push(matcher);
                made.pushed.push(part.to_string());
                // A stream without the label passes.
                made.local.push(part.to_string());
            }
            None => rest.push(part),
        }
    }
    let (needs, local) = push::needs(&Expr::and(rest), loki.lines);
    made.local.extend(local);
    let mut stages = Vec::new();
    for need in needs {
        match stage(&need, loki.split) {
            Some((stage, exact)) => {
                // Fixed text is cheaper than a regex and stands first.
                let cheap = stage.starts_with("|= ") || stage.starts_with("!= ");
                stages.push((!cheap, stage));
                if !exact {
                    made.local.push(need.text.clone());
                }
                made.pushed.push(need.text);
            }
            None => made.local.push(need.text),
        }
    }
    stages.sort_by_key(|(late, _)| *late);
    made.query = format!("{{{}}}", matchers.join(", "));
    for (_, stage) in stages {
        made.query.push(' ');
        made.query.push_str(&stage);
    }
    Ok(made)
}

/// Says whether a label may have this name.
pub fn is_label(name: &str) -> bool {
    name.starts_with(|char: char| char.is_ascii_alphabetic() || char == '_')
        && name.chars().all(|char| char.is_ascii_alphanumeric() || char == '_')
}

/// Writes a string literal.
pub fn string(text: &str) -> String {
    quoted(text, |char, quoted| {
        let is_control = char.is_ascii_control();
        if is_control {
            quoted.push_str("\\x");
            hex(quoted, u32::from(char));
        }
        is_control
    })
}

/// Writes two or more hexadecimal digits.
fn hex(text: &mut String, code: u32) {
    use std::fmt::Write as _;

    _ = write!(text, "{code:02x}");
}

/// What a label may be that is not the field's value as it stands, or that is not there.
const OTHERWISE: &str = "(?:)|(?s:.*)[^ -?A-~](?s:.*)|(?s:.{512,})";

/// Writes a condition on a label as a matcher that no stream fails which may have a record that fulfils it.
///
/// Matchers know the labels of streams alone. What stands beside a line there, or what the server found of its level, is known
/// to stages only, where it hides labels of the same name.
fn of_label(part: &Expr, loki: &Loki<'_>) -> Option<String> {
    let (term, negated) = match part {
        Expr::Term(term) => (term, false),
        Expr::Not(inner) => match &**inner {
            Expr::Term(term) => (term, true),
            Expr::All | Expr::And(_) | Expr::Or(_) | Expr::Not(_) => return None,
        },
        Expr::All | Expr::And(_) | Expr::Or(_) => return None,
    };
    let label = |field: &str| loki.labels.iter().find(|(name, _)| *name == field).map(|(_, label)| *label);
    match term {
        Term::Has(field) if negated => Some(format!("{}=\"\"", label(field)?)),
        Term::Glob { field, any } if negated => but(label(field)?, any),
        Term::Glob { field, any } => {
            let whole = |text: &Text| {
                let source = text.glob_source();
                let inner = source.strip_prefix("\\A").and_then(|source| source.strip_suffix("\\z"))?;
                Some((push::hir(inner, text.fold)?, false))
            };
            matcher(label(field)?, &any.iter().map(whole).collect::<Option<Vec<_>>>()?)
        }
        Term::FieldRegex { field, pattern } if !negated => {
            matcher(label(field)?, &[(push::hir_of_pattern(pattern)?, true)])
        }
        Term::Has(_)
        | Term::FieldRegex { .. }
        | Term::Text(_)
        | Term::Regex(_)
        | Term::Level { .. }
        | Term::Compare { .. } => None,
    }
}

/// Writes that a label is none of some texts. Of what a glob matches some would be other text here.
fn but(label: &str, any: &[Text]) -> Option<String> {
    let is_safe = |text: &&String| {
        (1..512).contains(&text.len()) && text.bytes().all(|byte| matches!(byte, b' '..=b'?' | b'A'..=b'~'))
    };
    let plain = any.iter().map(|text| text.plain().filter(|plain| is_safe(&plain)));
    let plain = plain.collect::<Option<Vec<_>>>()?;
    if let ([one], [plain]) = (any, plain.as_slice())
        && !one.fold
    {
        return Some(format!("{label}!={}", string(plain)));
    }
    let written = any.iter().zip(&plain).map(|(text, plain)| {
        let mut re2 = Re2 { label: true, ..Re2::default() };
        re2.write(&push::hir(&regex::escape(plain), text.fold)?, false)?;
        re2.exact().then_some(re2.text)
    });
    let regex = format!("\\A(?:{})", written.collect::<Option<Vec<_>>>()?.join("|"));
    (regex.len() <= LONGEST).then(|| format!("{label}!~{}", string(&regex)))
}

/// Writes alternatives as one matcher, which is anchored at both ends unless they may stand anywhere.
fn matcher(label: &str, hirs: &[(Hir, bool)]) -> Option<String> {
    let mut regexes = Vec::with_capacity(hirs.len() + 1);
    for (hir, anywhere) in hirs {
        let mut re2 = Re2 { label: true, ..Re2::default() };
        re2.write(hir, false)?;
        let regex = re2.text;
        regexes.push(if *anywhere { format!("(?s:.*)(?:{regex})(?s:.*)") } else { format!("(?:{regex})") });
    }
    regexes.push(OTHERWISE.to_owned());
    // A begin that is there anyway keeps Loki from searching folded text its own way.
    let regex = format!("\\A(?:{})", regexes.join("|"));
    (regex.len() <= LONGEST).then(|| format!("{label}=~{}", string(&regex)))
}

/// Writes what a line must contain as a stage, and whether that is exactly what the filter asks.
fn stage(need: &Need, split: bool) -> Option<(String, bool)> {
    if need.any.is_empty() || need.any.iter().any(Atom::is_everywhere) || (split && need.negated) {
        return None;
    }
    if let [Atom::Text(text)] = need.any.as_slice() {
        let stage = format!("{} {}", if need.negated { "!=" } else { "|=" }, string(text));
        return Some((stage, need.exact && !split));
    }
    let mut exact = need.exact && !split;
    let mut regexes = Vec::with_capacity(need.any.len());
    for atom in &need.any {
        let mut re2 = Re2 { split, ..Re2::default() };
        match atom {
            Atom::Text(text) => text.chars().for_each(|char| re2.literal(char)),
            Atom::Hir(hir) => re2.write(hir, false)?,
        }
        exact &= re2.exact();
        regexes.push(re2.text);
    }
    if need.negated && !exact {
        return None;
    }
    let all = match regexes.as_slice() {
        [one] => format!(" *(?:{one})"),
        several => format!(" *(?:{})", several.join("|")),
    };
    let sign = if need.negated { "!~" } else { "|~" };
    (all.len() <= LONGEST).then(|| (format!("{sign} {}", string(&all)), exact))
}

/// A regex in the dialect of RE2.
#[derive(Default)]
struct Re2 {
    text: String,
    wider: bool,
    /// It is for a label's value, which is text and has one line.
    label: bool,
    /// A record is one line of the text.
    split: bool,
}

impl Re2 {
    fn exact(&self) -> bool {
        !self.wider
    }

    fn literal(&mut self, char: char) {
        match char {
            '\\' | '.' | '+' | '*' | '?' | '(' | ')' | '|' | '[' | ']' | '{' | '}' | '^' | '$' => {
                self.text.extend(['\\', char]);
            }
            control if control.is_control() => self.code(control),
            other => self.text.push(other),
        }
    }

    fn code(&mut self, char: char) {
        self.text.push_str("\\x{");
        hex(&mut self.text, u32::from(char));
        self.text.push('}');
    }

    /// Writes what matches all that this does. None where nothing of it can be said.
    fn write(&mut self, hir: &Hir, counted: bool) -> Option<()> {
        match hir.kind() {
            HirKind::Empty => self.text.push_str("(?:)"),
            HirKind::Literal(literal) => {
                std::str::from_utf8(&literal.0).ok()?.chars().for_each(|char| self.literal(char));
            }
            HirKind::Class(class) => {
                let (mut ranges, exact) = push::ranges(class);
                self.wider |= !exact;
                if ranges.iter().filter(|(_, end)| !end.is_ascii()).count() > 40 {
                    ranges.retain(|(start, _)| start.is_ascii());
                    ranges.push(('\u{80}', char::MAX));
                    self.wider = true;
                }
                if ranges.is_empty() {
                    return None;
                }
                self.text.push('[');
                for (start, end) in ranges {
                    self.in_class(start);
                    if start != end {
                        self.text.push('-');
                        self.in_class(end);
                    }
                }
                self.text.push(']');
            }
            HirKind::Look(look) => self.look(*look),
            HirKind::Repetition(repetition) => self.repeat(repetition, counted)?,
            HirKind::Capture(capture) => {
                self.text.push_str("(?:");
                self.write(&capture.sub, counted)?;
                self.text.push(')');
            }
            HirKind::Concat(parts) => parts.iter().try_for_each(|part| {
                let grouped = matches!(part.kind(), HirKind::Alternation(_));
                self.text.push_str(if grouped { "(?:" } else { "" });
                self.write(part, counted)?;
                self.text.push_str(if grouped { ")" } else { "" });
                Some(())
            })?,
            HirKind::Alternation(parts) => {
                for (index, part) in parts.iter().enumerate() {
                    self.text.push_str(if index > 0 { "|" } else { "" });
                    self.write(part, counted)?;
                }
            }
        }
        (self.text.len() <= LONGEST).then_some(())
    }

    fn in_class(&mut self, char: char) {
        if char.is_ascii_alphanumeric() { self.text.push(char) } else { self.code(char) }
    }

    fn look(&mut self, look: Look) {
        match push::edge(look) {
            Edge::Start if self.split => self.text.push_str("(?m:^)"),
            Edge::Start => self.text.push_str("\\A"),
            Edge::End if self.label => self.text.push_str("\\z"),
            Edge::LineEnd if self.label => self.text.push_str("(?m:$)"),
            Edge::LineStart => self.text.push_str("(?m:^)"),
            // A line that ended in `\r\n` may have kept its `\r` there.
            Edge::End if !self.split => {
                self.text.push_str("\\r?\\z");
                self.wider = true;
            }
            Edge::End | Edge::LineEnd => {
                self.text.push_str("\\r?(?m:$)");
                self.wider = true;
            }
            // What is a word differs beyond ASCII.
            Edge::Other => self.wider = true,
        }
    }

    fn repeat(&mut self, repetition: &Repetition, counted: bool) -> Option<()> {
        if (repetition.min, repetition.max) == (0, None) && push::is_any_byte(&repetition.sub) {
            // All bytes of text are all of its characters.
            self.text.push_str("(?s:.)*");
            return Some(());
        }
        let (times, is_wider) = Times::of(repetition, counted, MOST);
        self.wider |= is_wider;
        self.text.push_str("(?:");
        self.write(&repetition.sub, counted || times.is_count())?;
        self.text.push(')');
        times.write(&mut self.text);
        Some(())
    }
}

#[cfg(test)]
pub(crate) mod tests;
