//! Runbooks in Markdown: headings, what is written under them, and fences whose commands are steps.
//!
//! A fence is opened by three or more backticks or tildes and the word `sh`, `bash` or `shell`; behind it stands what
//! `info` reads: `read` or `change`, where it runs, what it is given, what its answer must be. `undo` makes it a step of
//! the way back. Its first line names the step where it is a comment. Fences of other languages are for readers only. Before the first
//! heading may stand lines between two `---` that say for which incidents it is offered.
mod guard;
mod info;
#[cfg(test)]
mod tests;

use crate::core::runbooks::{Mode, Param, Runbook, Section, Step};

pub use guard::never;
pub use info::param;

/// Something wrong with a runbook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The line, from 1.
    pub line: usize,
    /// The character within it, from 1.
    pub column: usize,
    /// What is wrong.
    pub what: String,
    /// What to do.
    pub help: String,
}

impl Fault {
    fn new(line: usize, column: usize, what: impl Into<String>, help: impl Into<String>) -> Self {
        Self { line, column, what: what.into(), help: help.into() }
    }

    /// Says it in one line: `12:7: what; help`.
    pub fn one_line(&self) -> String {
        format!("{}:{}: {}; {}", self.line, self.column, self.what, self.help)
    }
}

/// Most headings, and most steps under one.
const MOST: usize = 100;
/// Characters of a step's name.
const NAME: usize = 60;

/// Reads a runbook. With faults it is not to be run: what it means is not what is written.
pub fn read(name: &str, text: &str) -> (Runbook, Vec<Fault>) {
    let mut reader = Reader::new(name);
    let mut lines = text.lines().enumerate().map(|(at, line)| (at + 1, line)).peekable();
    if lines.peek().is_some_and(|(_, line)| line.trim_end() == "---") {
        lines.next();
        reader.front(&mut lines);
    }
    for (number, line) in lines {
        reader.line(number, line);
    }
    reader.finish()
}

/// A heading while it is read.
#[derive(Default)]
struct Heading {
    section: Section,
    /// How many steps stand under it.
    steps: usize,
}

/// An open fence.
struct Fence {
    sign: char,
    length: usize,
    indent: usize,
    line: usize,
    /// What stands behind the language, and the column it begins at; none: it is for readers only.
    info: Option<(String, usize)>,
    lines: Vec<String>,
}

impl Fence {
    fn open(number: usize, line: &str) -> Option<Self> {
        let bare = line.trim_start();
        let sign = bare.chars().next().filter(|sign| matches!(sign, '`' | '~'))?;
        let length = bare.chars().take_while(|letter| *letter == sign).count();
        if length < 3 {
            return None;
        }
        let behind = bare.trim_start_matches(sign);
        let language = behind.trim_start();
        // Text in backticks that goes on in its line is no fence.
        if sign == '`' && language.contains('`') {
            return None;
        }
        let word = language.split_whitespace().next().unwrap_or_default();
        let rest = language.strip_prefix(word).unwrap_or_default();
        let column = line.chars().count() - rest.chars().count() + 1;
        let info = matches!(word, "sh" | "bash" | "shell").then(|| (rest.to_owned(), column));
        Some(Self { sign, length, indent: line.len() - bare.len(), line: number, info, lines: Vec::new() })
    }

    fn is_closed_by(&self, line: &str) -> bool {
        let bare = line.trim();
        bare.len() >= self.length && bare.chars().all(|letter| letter == self.sign)
    }
}

#[derive(Default)]
struct Reader {
    book: Runbook,
    faults: Vec<Fault>,
    headings: Vec<Heading>,
    /// What is written since the last step or heading.
    prose: Vec<String>,
    /// Whether the first paragraph under the heading is still read.
    in_doc: bool,
    fence: Option<Fence>,
    /// Where a parameter was declared.
    declared: Vec<(String, usize)>,
}

impl Reader {
    fn new(name: &str) -> Self {
        Self { book: Runbook { name: name.to_owned(), ..Runbook::default() }, ..Self::default() }
    }

    fn fault(&mut self, line: usize, column: usize, what: impl Into<String>, help: impl Into<String>) {
        self.faults.push(Fault::new(line, column, what, help));
    }

    /// Reads `key: value` lines up to the closing `---`.
    fn front<'t>(&mut self, lines: &mut impl Iterator<Item = (usize, &'t str)>) {
        for (number, line) in lines {
            if line.trim_end() == "---" {
                return;
            }
            let bare = line.trim();
            if bare.is_empty() || bare.starts_with('#') {
                continue;
            }
            let Some((key, value)) = bare.split_once(':') else {
                self.fault(number, 1, "this is no `key: value`", "types, services, kinds or takes, then a colon");
                continue;
            };
            let column = line.chars().count() - value.chars().count() + 1;
            let list = || value.split(',').map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect();
            match key.trim() {
                "types" => self.book.types = list(),
                "services" => self.book.services = list(),
                "kinds" => self.book.kinds = list(),
                "takes" => {
                    for (at, word) in info::divided(value).unwrap_or_default() {
                        self.declare(number, column + at, &word);
                    }
                }
                other => {
                    let what = format!("there is no `{other}` here");
                    self.fault(number, 1, what, "known: types, services, kinds, takes");
                }
            }
        }
        self.fault(1, 1, "the lines before the text are not closed", "a line `---` ends them");
    }

    fn line(&mut self, number: usize, line: &str) {
        if let Some(fence) = &mut self.fence {
            if fence.is_closed_by(line) {
                if let Some(fence) = self.fence.take() {
                    self.close(fence);
                }
            } else {
                // As deep as its fence stands in a list.
                let bare =
                    line.get(..fence.indent).filter(|begin| begin.trim().is_empty()).and(line.get(fence.indent..));
                fence.lines.push(bare.unwrap_or(line).to_owned());
            }
            return;
        }
        if line.starts_with('#') {
            let title = line.trim_start_matches('#');
            if title.starts_with(' ') {
                return self.heading(number, title.trim());
            }
        }
        if let Some(fence) = Fence::open(number, line) {
            self.in_doc = false;
            self.fence = Some(fence);
            return;
        }
        self.text(line.trim());
    }

    fn heading(&mut self, number: usize, title: &str) {
        self.prose.clear();
        if self.headings.len() >= MOST {
            return self.fault(number, 1, format!("more than {MOST} headings"), "make two runbooks of it");
        }
        if self.headings.is_empty() {
            title.clone_into(&mut self.book.title);
        }
        let section = Section { name: slug(title), title: title.to_owned(), doc: String::new() };
        self.headings.push(Heading { section, steps: 0 });
        self.in_doc = true;
    }

    fn text(&mut self, text: &str) {
        let Some(heading) = self.headings.last_mut() else { return };
        let doc = &mut heading.section.doc;
        if self.in_doc {
            self.in_doc = !text.is_empty() || doc.is_empty();
            if self.in_doc && !text.is_empty() {
                join(doc, text);
            }
        }
        if !text.is_empty() || self.prose.last().is_some_and(|last| !last.is_empty()) {
            self.prose.push(text.to_owned());
        }
    }

    /// Makes a step of a fence that was closed.
    fn close(&mut self, fence: Fence) {
        let prose = std::mem::take(&mut self.prose);
        let Some((said, column)) = fence.info else {
            // What it shows belongs to what is written.
            self.prose = prose;
            return;
        };
        let command = fence.lines.join("\n").trim().to_owned();
        if command.is_empty() {
            return self.fault(
                fence.line,
                1,
                "there is no command between the fences",
                "write one, or take the fence away",
            );
        }
        let info = match info::read(&said) {
            Ok(info) => info,
            Err(wrong) => {
                for (at, what, help) in wrong {
                    self.fault(fence.line, column + at, what, help);
                }
                return;
            }
        };
        for (at, declared) in &info.takes {
            self.declare(fence.line, column + at, declared);
        }
        self.hold(fence.line, info.mode, &command);
        let Some(at) = self.headings.len().checked_sub(1) else {
            return self.fault(
                fence.line,
                1,
                "this step stands under no heading",
                "write one above it: `## Count connections`",
            );
        };
        let Some(heading) = self.headings.get_mut(at).filter(|heading| heading.steps < MOST) else {
            return self.fault(
                fence.line,
                1,
                format!("more than {MOST} steps under one heading"),
                "give some a heading of their own",
            );
        };
        heading.steps += 1;
        let (count, section) = (heading.steps, heading.section.clone());
        if section.name.is_empty() {
            return self.fault(fence.line, 1, "the heading above has no letters", "a step is called after its heading");
        }
        let numbered = if count == 1 { section.name.clone() } else { format!("{}-{count}", section.name) };
        let id = info.id.unwrap_or(numbered);
        if self.book.steps.iter().any(|step| step.id == id) {
            return self.fault(fence.line, 1, format!("there are two steps `{id}`"), "name one of them: `id=…`");
        }
        let name = called(&command)
            .unwrap_or_else(|| if count == 1 { section.title.clone() } else { format!("{} {count}", section.title) });
        let takes = used(&command);
        let step = Step {
            id,
            name: name.chars().take(NAME).collect(),
            section: at,
            prose: prose.join("\n").trim().to_owned(),
            command,
            mode: info.mode,
            on: info.on,
            expect: info.expect,
            exit: info.exit,
            timeout_ms: info.timeout_ms,
            grave: info.grave,
            takes,
            line: fence.line,
        };
        self.book.steps.push(step);
    }

    /// Refuses what is never meant, and what changes something where the step says that it only looks.
    fn hold(&mut self, line: usize, mode: Mode, command: &str) {
        for (at, text) in command.lines().enumerate() {
            let line = line + at + 1;
            if let Some(found) = never(text) {
                let what = format!("{found:?} is never done from here");
                self.fault(line, column_of(text, found), what, "name the one that is meant");
            } else if mode == Mode::Read
                && let Some(found) = guard::changes(text)
            {
                let what = format!("{found:?} changes something, and the step says `read`");
                self.fault(
                    line,
                    column_of(text, found),
                    what,
                    "write `change` behind `sh`: it then goes through a review",
                );
            }
        }
    }

    fn declare(&mut self, line: usize, column: usize, text: &str) {
        let param = match param(text) {
            Ok(param) => param,
            Err(why) => return self.fault(line, column, why, "as in `minutes:int(1..60)=10` or `domain:host`"),
        };
        match self.book.params.iter().find(|known| known.name == param.name) {
            None => {
                self.declared.push((param.name.clone(), line));
                self.book.params.push(param);
            }
            Some(known) if *known == param => {}
            Some(_) => {
                let before = self.declared.iter().find(|(name, _)| *name == param.name).map_or(0, |(_, line)| *line);
                let what = format!("`{}` is something else in line {before}", param.name);
                self.fault(line, column, what, "say it once, or the same twice");
            }
        }
    }

    fn finish(mut self) -> (Runbook, Vec<Fault>) {
        if let Some(fence) = self.fence.take().filter(|fence| fence.info.is_some()) {
            let help = "a line of as many backticks ends it; until then nothing of it is run";
            self.fault(fence.line, 1, "this fence is never closed", help);
        }
        // What a step uses and nobody declared is a line of text that must be given.
        let used: Vec<String> = self.book.steps.iter().flat_map(|step| step.takes.clone()).collect();
        for name in used {
            if !self.book.params.iter().any(|known| known.name == name) {
                self.book.params.push(Param { name, takes: crate::core::runbooks::Takes::Text, default: None });
            }
        }
        let unused =
            self.declared.iter().filter(|(name, _)| !self.book.steps.iter().any(|step| step.takes.contains(name)));
        let unused: Vec<Fault> = unused
            .map(|(name, line)| {
                Fault::new(
                    *line,
                    1,
                    format!("no step uses `{name}`"),
                    format!("it is `$QD_{}` there", name.to_ascii_uppercase()),
                )
            })
            .collect();
        // Where a step was refused its parameters are unused for that reason alone.
        if self.faults.is_empty() {
            self.faults = unused;
        }
        self.book.sections = self.headings.iter().map(|heading| heading.section.clone()).collect();
        self.book.about = self.headings.first().map(|first| first.section.doc.clone()).unwrap_or_default();
        self.faults.sort_by_key(|fault| (fault.line, fault.column));
        (self.book, self.faults)
    }
}

fn join(text: &mut String, more: &str) {
    if !text.is_empty() {
        text.push(' ');
    }
    text.push_str(more);
}

/// Returns the column of a part of a line, from 1.
fn column_of(line: &str, part: &str) -> usize {
    line.find(part).and_then(|at| line.get(..at)).map_or(1, |before| before.chars().count() + 1)
}

/// Returns what a step is called: its first line, where that is a comment.
pub fn called(text: &str) -> Option<String> {
    let line = text.lines().next()?.strip_prefix('#')?.trim_start_matches(['#', '!']).trim();
    Some(line.to_owned()).filter(|name| !name.is_empty())
}

/// Returns the names of what a text is given: `node` for `$QD_NODE`; what says which version is brought out is none.
pub fn used(text: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut parts = text.split('$');
    parts.next();
    for part in parts {
        let Some(rest) = part.strip_prefix("QD_").or_else(|| part.strip_prefix("{QD_")) else { continue };
        let fits = |letter: &char| letter.is_ascii_uppercase() || letter.is_ascii_digit() || *letter == '_';
        let name = rest.chars().take_while(fits).collect::<String>().to_ascii_lowercase();
        if !name.is_empty() && name != "version" && !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// Makes a name of a heading: its letters and digits, in lower case, joined by dashes.
pub fn slug(heading: &str) -> String {
    let mut name = String::new();
    for letter in heading.trim().chars() {
        if letter.is_ascii_alphanumeric() {
            name.push(letter.to_ascii_lowercase());
        } else if !name.is_empty() && !name.ends_with('-') {
            name.push('-');
        }
    }
    name.truncate(60);
    name.trim_end_matches('-').to_owned()
}
