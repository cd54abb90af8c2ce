//! A filter as a script for a POSIX shell on a host, so that only lines that may match cross the link.
//!
//! It runs under `LC_ALL=C`, where `grep` compares bytes and no locale of the host counts. Each part that must hold is one
//! `grep` of a pipeline. GNU's `grep` and that of `BusyBox` both do; whether one sees what stands after a NUL byte is tried first,
//! with `-z` and the two bytes swapped as the second way, and where neither works all lines pass. A `grep` that fails,
//! or that is not there, writes [`FAILED`] to standard error: what came then is not complete.
use regex_syntax::hir::{Hir, HirKind, Look, Repetition};

use super::{
    Expr,
    push::{self, Atom, Edge, Lines, Need, Times},
};

/// What the script writes to standard error when a `grep` failed.
pub const FAILED: &str = "qd: a prefilter failed";

/// The longest pattern that is sent, in bytes.
const LONGEST: usize = 4 * 1024;

/// The highest count of a repetition; the C library unrolls them.
const MOST: u32 = 16;

/// The most characters beyond ASCII that a class spells out.
const SPELLED: u32 = 16;

/// A script, and who does what.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Grep {
    /// A script for `sh` that reads lines and prints some of them. Empty where it could leave out nothing.
    pub filter: String,
    /// Terms that run there.
    pub pushed: Vec<String>,
    /// Terms that are decided here. What runs there in a wider form is in both.
    pub local: Vec<String>,
}

impl Grep {
    /// Writes the script that prints the lines of a file that may match; one that ends in `.gz` is unpacked there.
    pub fn of_file(&self, path: &str) -> String {
        let input = quote(path);
        let unpack = if path.rsplit_once('.').is_some_and(|(_, ending)| ending == "gz") { "gzip -dc" } else { "" };
        match (self.filter.is_empty(), unpack) {
            (true, "") => format!("cat < {input}"),
            (true, _) => format!("{unpack} < {input}"),
            (false, "") => format!("{{ {}; }} < {input}", self.filter),
            (false, _) => format!("{unpack} < {input} | {{ {}; }}", self.filter),
        }
    }
}

/// Writes a filter as a script. Times are not in it.
pub fn grep(expr: &Expr, lines: Lines<'_>) -> Grep {
    let (needs, local) = push::needs(expr, lines);
    let mut made = Grep { local, ..Grep::default() };
    let mut stages = Vec::new();
    for need in needs {
        match stage(&need) {
            Some((stage, exact)) => {
                if !exact {
                    made.local.push(need.text.clone());
                }
                made.pushed.push(need.text);
                stages.push(stage);
            }
            None => made.local.push(need.text),
        }
    }
    if !stages.is_empty() {
        let tried = |first: &str, z: &str| {
            format!(
                "printf '{first}' | grep -a {z}-E 'a.b' 2>/dev/null | grep -a {z}-E 'a[^c]b' 2>/dev/null | grep -a {z}-q -F b 2>/dev/null"
            )
        };
        made.filter = format!(
            "export LC_ALL=C; g() {{ grep -a $z \"$@\"; [ $? -lt 2 ] || echo '{FAILED}' >&2; }}; q() {{ {}; }}; z=; \
             if {}; then q; elif {}; then z=-z; tr '\\000\\n' '\\n\\000' | q | tr '\\000\\n' '\\n\\000'; else cat; echo '{FAILED}' >&2; fi",
            stages.join(" | "),
            tried("a\\000b\\n", ""),
            tried("a\\nb\\000", "-z "),
        );
    }
    made
}

/// Puts text in single quotes, where a shell changes nothing.
pub fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// Writes one call of `grep`, and whether it finds exactly what the filter asks.
fn stage(need: &Need) -> Option<(String, bool)> {
    if need.any.is_empty() || need.any.iter().any(Atom::is_everywhere) {
        return None;
    }
    let texts = need.any.iter().map(|atom| match atom {
        // A line break would begin another pattern.
        Atom::Text(text) => Some(text.as_str()).filter(|text| !text.contains(['\n', '\r', '\0'])),
        Atom::Hir(_) => None,
    });
    let texts: Option<Vec<&str>> = texts.collect();
    let mut exact = need.exact;
    let (kind, patterns) = if let Some(texts) = texts {
        ("-F", texts.into_iter().map(str::to_owned).collect::<Vec<_>>())
    } else {
        let mut patterns = Vec::with_capacity(need.any.len());
        for atom in &need.any {
            let mut ere = Ere::default();
            match atom {
                Atom::Text(text) => text.chars().try_for_each(|char| ere.literal(char))?,
                Atom::Hir(hir) => ere.write(hir, false)?,
            }
            if ere.text.is_empty() {
                return None;
            }
            exact &= !ere.wider;
            patterns.push(ere.text);
        }
        ("-E", patterns)
    };
    if (need.negated && !exact) || patterns.iter().map(String::len).sum::<usize>() > LONGEST {
        return None;
    }
    let patterns: Vec<String> = patterns.iter().map(|pattern| format!(" -e {}", quote(pattern))).collect();
    let patterns = patterns.concat();
    Some((format!("g {}{kind}{patterns}", if need.negated { "-v " } else { "" }), exact))
}

/// A regex as POSIX has them, over bytes.
#[derive(Default)]
struct Ere {
    text: String,
    wider: bool,
}

impl Ere {
    fn literal(&mut self, char: char) -> Option<()> {
        match char {
            '\n' | '\r' | '\0' => return None,
            '\\' | '.' | '[' | '(' | ')' | '*' | '+' | '?' | '{' | '|' | '^' | '$' => self.text.extend(['\\', char]),
            other => self.text.push(other),
        }
        Some(())
    }

    /// Writes what matches all that this does. None where nothing of it can be said.
    fn write(&mut self, hir: &Hir, counted: bool) -> Option<()> {
        match hir.kind() {
            HirKind::Empty => {}
            HirKind::Literal(literal) => {
                std::str::from_utf8(&literal.0).ok()?.chars().try_for_each(|char| self.literal(char))?;
            }
            HirKind::Class(class) => {
                let (ranges, exact) = push::ranges(class);
                self.wider |= !exact;
                let set = Set::of(&ranges)?;
                self.wider |= !set.exact();
                self.text.push_str(&set.one());
            }
            HirKind::Look(look) => self.look(*look),
            HirKind::Repetition(repetition) => self.repeat(repetition, counted)?,
            HirKind::Capture(capture) => self.group(&capture.sub, counted)?,
            HirKind::Concat(parts) => parts.iter().try_for_each(|part| {
                let is_list = matches!(part.kind(), HirKind::Alternation(_));
                if is_list { self.group(part, counted) } else { self.write(part, counted) }
            })?,
            HirKind::Alternation(parts) => {
                // What may be empty has no certain meaning in a list of alternatives.
                let mut written = Vec::with_capacity(parts.len());
                for part in parts {
                    let mut one = Self::default();
                    one.write(part, counted)?;
                    self.wider |= one.wider;
                    written.push(one.text);
                }
                let may_be_empty = written.iter().any(String::is_empty);
                written.retain(|text| !text.is_empty());
                let all = written.join("|");
                if may_be_empty && !all.is_empty() {
                    self.text.extend(["(", &all, ")?"]);
                } else {
                    self.text.push_str(&all);
                }
            }
        }
        (self.text.len() <= LONGEST).then_some(())
    }

    /// Writes what binds as one; of nothing it is nothing.
    fn group(&mut self, hir: &Hir, counted: bool) -> Option<()> {
        let mut inner = Self::default();
        inner.write(hir, counted)?;
        self.wider |= inner.wider;
        if !inner.text.is_empty() {
            self.text.extend(["(", &inner.text, ")"]);
        }
        Some(())
    }

    fn look(&mut self, look: Look) {
        match push::edge(look) {
            Edge::Start | Edge::LineStart => self.text.push('^'),
            // A record may have lost a `\r` that the line still has.
            Edge::End | Edge::LineEnd => {
                self.text.push_str("\r?$");
                self.wider = true;
            }
            // Words are other words in bytes.
            Edge::Other => self.wider = true,
        }
    }

    fn repeat(&mut self, repetition: &Repetition, counted: bool) -> Option<()> {
        if repetition.max == Some(0) {
            return Some(());
        }
        let (times, is_wider) = Times::of(repetition, counted, MOST);
        self.wider |= is_wider;
        if !repetition.sub.properties().look_set().is_empty() {
            // An anchor repeated has no certain meaning; what need not be there is left out, and all after it is free.
            self.wider = true;
            if times.min == 0 {
                self.text.push_str(".*");
                return Some(());
            }
            self.group(&repetition.sub, true)?;
            self.text.push_str(".*");
            return Some(());
        }
        if let HirKind::Class(class) = repetition.sub.kind()
            && times.max.is_none()
        {
            // Of many, each byte may be one: shorter, and wider only where bytes are no text.
            let (ranges, exact) = push::ranges(class);
            let set = Set::of(&ranges)?;
            self.wider |= !exact || !set.exact();
            self.text.push_str(&set.byte());
        } else {
            let mut inner = Self::default();
            inner.write(&repetition.sub, counted || times.is_count())?;
            self.wider |= inner.wider;
            if inner.text.is_empty() {
                return Some(());
            }
            self.text.extend(["(", &inner.text, ")"]);
        }
        times.write(&mut self.text);
        Some(())
    }
}

/// Characters of a class, as bytes can say them.
struct Set {
    /// Which of ASCII.
    ascii: [bool; 128],
    /// Few characters beyond it.
    spelled: Vec<char>,
    /// Any beyond it.
    beyond: bool,
}

impl Set {
    fn of(ranges: &[(char, char)]) -> Option<Self> {
        let mut set = Self { ascii: [false; 128], spelled: Vec::new(), beyond: false };
        let mut count = 0_u32;
        for &(start, end) in ranges {
            for code in u32::from(start)..=u32::from(end).min(127) {
                *set.ascii.get_mut(usize::try_from(code).ok()?)? = true;
            }
            if !end.is_ascii() {
                let start = u32::from(start).max(128);
                count = count.saturating_add(u32::from(end) - start + 1);
                if count <= SPELLED {
                    set.spelled.extend((start..=u32::from(end)).filter_map(char::from_u32));
                }
            }
        }
        set.beyond = count > SPELLED;
        // Line breaks end lines, and a NUL is one in the second way.
        let is_nothing =
            !set.beyond && set.spelled.is_empty() && !set.ascii.iter().enumerate().any(|(code, is)| *is && code != 10);
        (!is_nothing).then_some(set)
    }

    /// Says whether one character is said exactly.
    fn exact(&self) -> bool {
        !self.beyond && !self.has(0) && !self.has(10) && !self.has(13)
    }

    fn has(&self, code: usize) -> bool {
        self.ascii.get(code).copied().unwrap_or(false)
    }

    /// Writes one character.
    fn one(&self) -> String {
        if self.beyond {
            // Up to four bytes are one character.
            return format!("{}{{1,4}}", self.bytes());
        }
        let bracket = self.bracket();
        if self.spelled.is_empty() {
            return bracket;
        }
        let spelled: Vec<String> = self.spelled.iter().map(ToString::to_string).collect();
        let ascii = if self.ascii.iter().any(|is| *is) { format!("{bracket}|") } else { String::new() };
        format!("({ascii}{})", spelled.join("|"))
    }

    /// Writes what can be repeated for many characters.
    fn byte(&self) -> String {
        if self.beyond { self.bytes() } else { self.one() }
    }

    /// Writes one byte: of ASCII those that are in, and all beyond.
    fn bytes(&self) -> String {
        let mut without = Self { ascii: self.ascii.map(|is| !is), spelled: Vec::new(), beyond: false };
        // What cannot be written in a bracket stays in.
        for code in [0, 10, 13] {
            if let Some(is) = without.ascii.get_mut(code) {
                *is = false;
            }
        }
        if without.ascii.iter().any(|is| *is) { without.between("[^") } else { ".".to_owned() }
    }

    /// Writes one of ASCII.
    fn bracket(&self) -> String {
        let mut all = (0..128_u8).filter(|code| self.has(usize::from(*code)));
        if let (Some(one), None) = (all.next(), all.next()) {
            let mut ere = Ere::default();
            if ere.literal(char::from(one)).is_some() {
                return ere.text;
            }
        }
        if self.has(0) {
            // NUL cannot be written: one more byte is let in, whatever it is.
            return ".".to_owned();
        }
        self.between("[")
    }

    /// Writes a bracket expression: `]` first, `-` last, `^` not first, `[` where no letter follows it.
    fn between(&self, open: &str) -> String {
        let mut text = String::from(open);
        let has = |char: char| self.has(char as usize);
        if has(']') {
            text.push(']');
        }
        let mut code = 1_u8;
        while code < 128 {
            let char = char::from(code);
            if !self.has(usize::from(code)) || matches!(char, '\n' | ']' | '^' | '[' | '-') {
                code += 1;
                continue;
            }
            // Ranges are of one kind, so that their ends are plain.
            let kind =
                |code: u8| (code.is_ascii_digit(), code.is_ascii_uppercase(), code.is_ascii_lowercase(), code < 32);
            let mut end = code;
            while end < 127
                && self.has(usize::from(end) + 1)
                && kind(end + 1) == kind(code)
                && code.is_ascii_alphanumeric()
            {
                end += 1;
            }
            if end > code + 2 {
                text.extend([char, '-', char::from(end)]);
                code = end + 1;
            } else {
                text.push(char);
                code += 1;
            }
        }
        let is_first = text.len() == 1 && open == "[";
        match (has('^'), has('['), has('-')) {
            (true, false, true) if is_first => text.push_str("-^"),
            (true, true, dash) if is_first => text.push_str(if dash { "[^-" } else { "[^" }),
            (true, false, false) if is_first => return "\\^".to_owned(),
            (hat, open, dash) => {
                text.push_str(if hat { "^" } else { "" });
                text.push_str(if open { "[" } else { "" });
                text.push_str(if dash { "-" } else { "" });
            }
        }
        text.push(']');
        text
    }
}

#[cfg(test)]
pub(super) mod tests;
