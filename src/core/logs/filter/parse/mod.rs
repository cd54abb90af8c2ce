//! Reads what a person typed. Every mistake is told with its columns, what was expected there and what to write instead.
//!
//! What a word is decides its beginning: `"` and `'` quote, `/` begins a regex, `(` a group, `-`, `!` and `NOT` negate, a
//! name before `:`, `=`, `<` or `~` is a field's; all else is text to find. `a::b` and `a://b` are text. In double quotes
//! `\n`, `\t`, `\r`, `\"`, `\\`, `\xNN` and `\u{…}` are escapes, in single quotes only `\'` and `\\`. A letter after quotes or
//! a regex says more: `i` ignores case, `c` minds it, `g` after a quoted value keeps its `*` and `?` wild.
pub(super) mod field;
pub(super) mod quoted;
pub(super) mod stage;
#[cfg(test)]
mod tests;
pub(super) mod value;

use std::{ops::Range, str::FromStr};

use super::{Expr, Figure, Filter, Moment, Pattern, Stage, Term, Text};

/// The longest filter that is read, in bytes.
pub const LONGEST: usize = 64 * 1024;

/// How deep groups may nest.
const DEEPEST: usize = 60;

/// A filter with the places of its parts in the text.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Parsed {
    /// What it means.
    pub filter: Filter,
    /// Its parts at the top, in the order written. Where `OR` stands at the top, all of that is one.
    pub chips: Vec<Chip>,
}

/// One part at the top of a filter, which can be switched off by leaving its text out.
#[derive(Clone, Debug, PartialEq)]
pub struct Chip {
    /// Where it stands in the text, in bytes.
    pub range: Range<usize>,
    /// What it means.
    pub part: Part,
}

/// What a part at the top of a filter is.
#[derive(Clone, Debug, PartialEq)]
pub enum Part {
    /// A condition.
    Expr(Expr),
    /// `since:`
    Since(Moment),
    /// `until:`
    Until(Moment),
    /// What follows `|`.
    Stage(Stage),
}

/// Why a text is no filter.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}{}", hint.as_deref().map(|hint| format!("; {hint}")).unwrap_or_default())]
pub struct Problem {
    /// Which bytes of the text are wrong. Empty at the end, where something is missing.
    pub range: Range<usize>,
    /// What was expected there.
    pub message: String,
    /// What to write instead, with an example.
    pub hint: Option<String>,
}

impl Problem {
    pub(super) fn new(range: Range<usize>, message: impl Into<String>) -> Self {
        Self { range, message: message.into(), hint: None }
    }

    pub(super) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// The first wrong character's column, counted in characters from 1.
    pub fn column(&self, text: &str) -> usize {
        text.get(..self.range.start).unwrap_or(text).chars().count() + 1
    }

    /// Draws the text with a caret below each wrong character; line breaks and control characters become spaces.
    pub fn drawn(&self, text: &str) -> String {
        let shown =
            |text: &str| text.chars().map(|char| if char.is_control() { ' ' } else { char }).collect::<String>();
        let before = text.get(..self.range.start).unwrap_or(text);
        let wrong = text.get(self.range.clone()).unwrap_or("");
        let pad = " ".repeat(before.chars().count());
        let carets = "^".repeat(wrong.chars().count().max(1));
        format!("{}\n{pad}{carets}", shown(text))
    }
}

/// Reads a filter.
///
/// # Errors
/// The first mistake.
pub fn parse(text: &str) -> Result<Parsed, Problem> {
    if text.len() > LONGEST {
        return Err(Problem::new(0..0, format!("a filter has at most {LONGEST} bytes, this one {}", text.len())));
    }
    Parser { text, at: 0, depth: 0 }.filter()
}

impl FromStr for Filter {
    type Err = Problem;

    fn from_str(text: &str) -> Result<Self, Problem> {
        parse(text).map(|parsed| parsed.filter)
    }
}

/// Where reading is.
struct Parser<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

/// A word of the language between terms.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Word {
    And,
    Or,
}

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or("")
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn eat(&mut self, wanted: &str) -> bool {
        let found = self.rest().starts_with(wanted);
        if found {
            self.at += wanted.len();
        }
        found
    }

    /// Takes characters as long as they fit.
    fn take(&mut self, mut fits: impl FnMut(char) -> bool) -> &'a str {
        let rest = self.rest();
        let length = rest.find(|char| !fits(char)).unwrap_or(rest.len());
        self.at += length;
        rest.get(..length).unwrap_or("")
    }

    fn skip_space(&mut self) {
        let _ = self.take(char::is_whitespace);
    }

    /// Says whether a term may end here.
    fn at_boundary(&self) -> bool {
        self.peek().is_none_or(|char| char.is_whitespace() || matches!(char, ')' | '|'))
    }

    fn filter(mut self) -> Result<Parsed, Problem> {
        let mut groups = self.groups(false)?;
        let mut chips = if groups.len() > 1 { vec![Self::either(groups)?] } else { groups.pop().unwrap_or_default() };
        if self.peek() == Some('|') {
            chips.push(self.stage()?);
        }
        let mut filter = Filter::default();
        for chip in &chips {
            let (told, moment, name) = match &chip.part {
                Part::Since(moment) => (&mut filter.since, moment, "since"),
                Part::Until(moment) => (&mut filter.until, moment, "until"),
                Part::Expr(_) => continue,
                Part::Stage(stage) => {
                    filter.stage = Some(stage.clone());
                    continue;
                }
            };
            if told.replace(moment.clone()).is_some() {
                return Err(Problem::new(chip.range.clone(), format!("`{name}:` is given twice")));
            }
        }
        filter.expr = Expr::and(chips.iter().filter_map(|chip| match &chip.part {
            Part::Expr(expr) => Some(expr.clone()),
            Part::Since(_) | Part::Until(_) | Part::Stage(_) => None,
        }));
        Ok(Parsed { filter, chips })
    }

    /// Reads terms up to the end, a `|` or, inside of parentheses, a `)`. What stands between two `OR` is one group.
    fn groups(&mut self, inside: bool) -> Result<Vec<Vec<Chip>>, Problem> {
        let mut groups = vec![Vec::new()];
        let mut pending: Option<(Word, Range<usize>)> = None;
        loop {
            self.skip_space();
            let start = self.at;
            match self.peek() {
                None => break,
                Some(')') if inside => break,
                Some(')') => {
                    return Err(Problem::new(start..start + 1, "there is no `(` for this `)`")
                        .hint("to find it, use quotes: \")\""));
                }
                Some('|') => {
                    if self.rest().starts_with("||") {
                        return Err(
                            Problem::new(start..start + 2, "`||` is written OR").hint("to find it, use quotes: \"||\"")
                        );
                    }
                    if inside {
                        return Err(Problem::new(
                            start..start + 1,
                            "a `|` stage stands after the whole filter, not in ( )",
                        )
                        .hint("to find it, use quotes: \"|\""));
                    }
                    break;
                }
                Some(_) => {}
            }
            let empty = groups.last().is_none_or(Vec::is_empty);
            if let Some(word) = self.word_between() {
                let range = start..self.at;
                if empty || pending.is_some() {
                    let name = if word == Word::Or { "OR" } else { "AND" };
                    return Err(Problem::new(range, format!("a term is expected before {name}"))
                        .hint(format!("to find it, use quotes: \"{name}\"")));
                }
                if word == Word::Or {
                    groups.push(Vec::new());
                }
                pending = Some((word, range));
                continue;
            }
            let chip = self.term()?;
            if inside && !matches!(chip.part, Part::Expr(_)) {
                return Err(Problem::new(chip.range, "a time stands outside of ( ), for the whole filter")
                    .hint("for example: (a OR b) since:-10m"));
            }
            pending = None;
            if let Some(group) = groups.last_mut() {
                group.push(chip);
            }
        }
        match pending {
            Some((word, range)) => {
                let name = if word == Word::Or { "OR" } else { "AND" };
                Err(Problem::new(range, format!("a term is expected after {name}"))
                    .hint(format!("to find it, use quotes: \"{name}\"")))
            }
            None => Ok(groups),
        }
    }

    /// Makes one part of groups with `OR` between them.
    fn either(groups: Vec<Vec<Chip>>) -> Result<Chip, Problem> {
        let range = {
            let mut all = groups.iter().flatten().map(|chip| &chip.range);
            let first = all.next().cloned().unwrap_or_default();
            first.start..all.next_back().map_or(first.end, |last| last.end)
        };
        let mut any = Vec::with_capacity(groups.len());
        for group in groups {
            let mut all = Vec::with_capacity(group.len());
            for chip in group {
                match chip.part {
                    Part::Expr(expr) => all.push(expr),
                    Part::Since(_) | Part::Until(_) | Part::Stage(_) => {
                        return Err(Problem::new(
                            chip.range,
                            "a time holds for the whole filter, not for one side of OR",
                        )
                        .hint("use parentheses: (a OR b) since:-10m"));
                    }
                }
            }
            any.push(Expr::and(all));
        }
        Ok(Chip { range, part: Part::Expr(Expr::or(any)) })
    }

    /// Takes `AND` or `OR`, if that is the next word.
    fn word_between(&mut self) -> Option<Word> {
        let (word, length) = match self.next_word() {
            "OR" => (Word::Or, 2),
            "AND" => (Word::And, 3),
            _ => return None,
        };
        self.at += length;
        Some(word)
    }

    /// Looks at the letters that come next, where they end as a word does.
    fn next_word(&self) -> &'a str {
        let rest = self.rest();
        let length = rest.find(|char: char| !char.is_ascii_alphabetic() && char != '&').unwrap_or(rest.len());
        let ends = rest.get(length..).and_then(|after| after.chars().next());
        let ends = ends.is_none_or(|char| char.is_whitespace() || matches!(char, '(' | ')' | '|'));
        rest.get(..length).filter(|_| ends).unwrap_or("")
    }

    /// Reads one term with what negates it.
    fn term(&mut self) -> Result<Chip, Problem> {
        let start = self.at;
        let negation = match self.peek() {
            Some(sign @ ('-' | '!')) => {
                self.at += 1;
                let next = self.peek();
                let sign_end = self.at;
                match next {
                    Some('-' | '!') => {
                        return Err(Problem::new(start..sign_end + 1, "a term is negated once")
                            .hint("to find text that begins so, use quotes: \"--x\""));
                    }
                    Some(char) if !char.is_whitespace() && char != '|' && char != ')' => Some(sign),
                    None | Some(_) => {
                        return Err(Problem::new(start..sign_end, format!("a term is expected right after `{sign}`"))
                            .hint(format!("for example: {sign}path:/health; to find it, use quotes: \"{sign}\"")));
                    }
                }
            }
            Some('N') if self.next_word() == "NOT" => {
                self.at += 3;
                self.skip_space();
                if self.peek().is_none_or(|char| matches!(char, ')' | '|'))
                    || matches!(self.next_word(), "AND" | "OR" | "NOT")
                {
                    return Err(Problem::new(start..start + 3, "a term is expected after NOT")
                        .hint("for example: NOT path:/health; to find it, use quotes: \"NOT\""));
                }
                if matches!(self.peek(), Some('-' | '!')) {
                    return Err(Problem::new(start..self.at + 1, "a term is negated once"));
                }
                Some('-')
            }
            None | Some(_) => None,
        };
        let part = self.positive()?;
        let range = start..self.at;
        let part = match part {
            part if negation.is_none() => part,
            Part::Expr(expr) => Part::Expr(expr.negated()),
            Part::Since(_) | Part::Until(_) | Part::Stage(_) => {
                return Err(
                    Problem::new(range, "a time cannot be negated").hint("`until:` is the opposite of `since:`")
                );
            }
        };
        Ok(Chip { range, part })
    }

    /// Reads one term without what negates it.
    fn positive(&mut self) -> Result<Part, Problem> {
        let start = self.at;
        match self.peek() {
            Some('(') => self.group(),
            Some('"' | '\'') => {
                let text = self.quoted()?;
                if self.peek().is_some_and(|char| matches!(char, ':' | '=' | '<' | '>' | '~' | '!')) {
                    if text.is_empty() {
                        return Err(Problem::new(start..self.at, "a field has a name"));
                    }
                    return self.after_name(&text, start, true);
                }
                let flags = self.flags("ic")?;
                self.boundary(start, "the quotes")?;
                if text.is_empty() {
                    return Err(Problem::new(start..self.at, "there is nothing between the quotes")
                        .hint("for example: \"exact text\""));
                }
                let text = flags.text(text);
                Ok(Part::Expr(Term::Text(text).into()))
            }
            Some('/') => {
                let pattern = self.regex("to find a path, use quotes or a field: \"/api/v1\", path:/api/*")?;
                self.boundary(start, "the regex")?;
                Ok(Part::Expr(Term::Regex(pattern).into()))
            }
            Some(_) | None => self.word(),
        }
    }

    fn group(&mut self) -> Result<Part, Problem> {
        let start = self.at;
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(Problem::new(start..start + 1, format!("parentheses nest at most {DEEPEST} deep")));
        }
        self.at += 1;
        let groups = self.groups(true)?;
        if !self.eat(")") {
            return Err(Problem::new(start..start + 1, "this `(` is not closed").hint("for example: (a OR b)"));
        }
        self.depth -= 1;
        if groups.iter().all(Vec::is_empty) {
            return Err(Problem::new(start..self.at, "a term is expected between ( and )")
                .hint("for example: (a OR b); to find it, use quotes: \"()\""));
        }
        self.boundary(start, "the `)`")?;
        Self::either(groups).map(|chip| chip.part)
    }

    /// Demands that a term ends here.
    fn boundary(&self, start: usize, after: &str) -> Result<(), Problem> {
        if self.at_boundary() {
            return Ok(());
        }
        let length = self.rest().find(char::is_whitespace).unwrap_or(self.rest().len());
        let problem = Problem::new(self.at..self.at + length, format!("a space is expected after {after}"));
        let whole = self.text.get(start..self.at + length).unwrap_or("");
        Err(if whole.starts_with('/') {
            problem.hint(format!("only i and c may follow; to find a path, use quotes: {}", quoted::double(whole)))
        } else {
            problem
        })
    }

    /// Reads a regex between slashes, with its letters.
    fn regex(&mut self, hint: &str) -> Result<Pattern, Problem> {
        let start = self.at;
        self.at += 1;
        let mut regex = String::new();
        loop {
            let Some(char) = self.peek() else {
                return Err(Problem::new(start..self.at, "this regex is not closed by a `/`").hint(hint));
            };
            self.at += char.len_utf8();
            match char {
                '/' => break,
                '\\' => match self.peek() {
                    Some('/') => {
                        self.at += 1;
                        regex.push('/');
                    }
                    Some(next) if !next.is_control() => {
                        self.at += next.len_utf8();
                        regex.extend(['\\', next]);
                    }
                    Some(_) | None => regex.push('\\'),
                },
                control if control.is_control() => {
                    return Err(Problem::new(self.at - control.len_utf8()..self.at, "a control character in a regex")
                        .hint(r"write \t, \n or \x{1b}"));
                }
                other => regex.push(other),
            }
        }
        if regex.is_empty() {
            return Err(Problem::new(start..self.at, "there is nothing between the slashes")
                .hint("for example: /time(d )?out/"));
        }
        let inner = start + 1..self.at - 1;
        let flags = self.flags("ic")?;
        let mut pattern = Pattern::smart(regex);
        if let Some(fold) = flags.fold {
            pattern.fold = fold;
        }
        match pattern.compile() {
            Ok(_) => Ok(pattern),
            Err(error) => Err(Problem::new(inner, format!("this is no regex: {}", reason(&error))).hint(hint)),
        }
    }

    /// Reads the letters after quotes or a regex.
    fn flags(&mut self, allowed: &str) -> Result<Flags, Problem> {
        let mut flags = Flags::default();
        loop {
            let at = self.at;
            match self.peek().filter(char::is_ascii_alphabetic) {
                None => return Ok(flags),
                Some('i') => flags.fold = Some(true),
                Some('c') => flags.fold = Some(false),
                Some('g') if allowed.contains('g') => flags.glob = true,
                Some(_) => {
                    let length = self.take(|char| !char.is_whitespace() && char != ')' && char != '|').len();
                    let hint = if allowed.contains('g') {
                        "i ignores case, c minds it, g keeps * and ? wild"
                    } else {
                        "i ignores case, c minds it; to find a path, use quotes: \"/api/v1\""
                    };
                    return Err(Problem::new(at..at + length, "no such letter may follow").hint(hint));
                }
            }
            self.at += 1;
        }
    }

    /// Reads a bare word: text to find, or a field's name with what is asked of it.
    fn word(&mut self) -> Result<Part, Problem> {
        let start = self.at;
        if let Some(name) = self.field_name() {
            self.at += name.len();
            return self.after_name(name, start, false);
        }
        let word = self.take(|char| !char.is_whitespace() && !matches!(char, '(' | ')' | '|' | '"'));
        let range = start..self.at;
        if let Some(sign @ ('(' | '"')) = self.peek() {
            let length = self.rest().find(char::is_whitespace).unwrap_or(self.rest().len());
            let whole = self.text.get(start..self.at + length).unwrap_or(word);
            return Err(Problem::new(self.at..self.at + 1, format!("a space is expected before `{sign}`"))
                .hint(format!("to find this text, use quotes: {}", quoted::double(whole))));
        }
        let meant = match word {
            "or" => Some("OR"),
            "and" | "&&" | "&" => Some("AND, or leave it out"),
            "not" => Some("NOT"),
            "NOT" | "" => Some("before a term"),
            _ => None,
        };
        if let Some(meant) = meant {
            return Err(Problem::new(range, format!("`{word}` is written {meant}"))
                .hint(format!("to find it, use quotes: \"{word}\"")));
        }
        if let Some((at, char)) = word.char_indices().find(|(_, char)| char.is_control()) {
            return Err(Problem::new(start + at..start + at + char.len_utf8(), "a control character in a word")
                .hint(r#"write it in quotes: "\x1b""#));
        }
        Ok(Part::Expr(Term::Text(Text::smart(word)).into()))
    }

    /// Looks whether a field's name comes next: letters first, and an operator after it.
    fn field_name(&self) -> Option<&'a str> {
        let rest = self.rest();
        if !rest.starts_with(|char: char| char.is_alphabetic() || matches!(char, '_' | '@')) {
            return None;
        }
        let name = rest.get(..rest.find(|char| !in_name(char)).unwrap_or(rest.len()))?;
        let after = rest.get(name.len()..)?;
        let is_operator = match after.chars().next()? {
            ':' => !after.starts_with("::") && !after.starts_with("://"),
            '=' => !after.starts_with("=>"),
            '!' => after.starts_with("!=") || after.starts_with("!~"),
            '<' | '>' => true,
            '~' => after.starts_with("~/"),
            _ => false,
        };
        (is_operator && !name.ends_with(['-', '.'])).then_some(name)
    }
}

/// Says whether a character may stand in a field's name without quotes.
pub(super) fn in_name(char: char) -> bool {
    char.is_alphanumeric() || matches!(char, '_' | '.' | '-' | '@')
}

/// What the letters after quotes or a regex ask for.
#[derive(Clone, Copy, Default)]
struct Flags {
    fold: Option<bool>,
    glob: bool,
}

impl Flags {
    fn text(self, text: String) -> Text {
        let text = Text::smart(text);
        Text { fold: self.fold.unwrap_or(text.fold), ..text }
    }
}

/// Says in one line what is wrong with a regex; the crate draws it over several.
fn reason(error: &regex::Error) -> String {
    match error {
        regex::Error::CompiledTooBig(_) => "it is too large".into(),
        other @ (regex::Error::Syntax(_) | _) => {
            let text = other.to_string();
            let line = text
                .lines()
                .rev()
                .find_map(|line| line.trim().strip_prefix("error: "))
                .unwrap_or("it does not compile");
            line.to_owned()
        }
    }
}
