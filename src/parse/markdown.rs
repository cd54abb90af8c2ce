//! Markdown as documents of incidents have it: headings, paragraphs, lists, tables, fences; bold, italics, code and links within.
//!
//! What is none of these stays the text that it is. It is read to be written in the way of a tracker that knows no Markdown.
use crate::core::words;

/// A part of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Block {
    /// A heading, of a level from 1 to 6.
    Heading(u8, Vec<Span>),
    /// Lines that belong together.
    Paragraph(Vec<Vec<Span>>),
    /// A list.
    List(Vec<Item>),
    /// A table: its head, which may be empty, and its rows.
    Table(Vec<Cell>, Vec<Vec<Cell>>),
    /// What is read letter by letter.
    Code(String),
}

/// A cell of a table.
pub type Cell = Vec<Span>;

/// An entry of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// How deep it stands, from 0.
    pub depth: usize,
    /// Whether the list counts.
    pub counted: bool,
    /// What it says.
    pub spans: Vec<Span>,
}

/// Letters of one kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// The letters; never empty.
    pub text: String,
    /// How they look.
    pub style: Style,
    /// Where they lead.
    pub link: Option<String>,
}

/// How letters look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Style {
    /// Strong.
    pub bold: bool,
    /// Emphasised.
    pub italic: bool,
    /// Read letter by letter.
    pub code: bool,
}

/// Reads a document.
pub fn read(text: &str) -> Vec<Block> {
    let mut lines = text.lines().peekable();
    let (mut blocks, mut paragraph) = (Vec::new(), Vec::new());
    let end = |blocks: &mut Vec<Block>, paragraph: &mut Vec<Vec<Span>>| {
        if !paragraph.is_empty() {
            blocks.push(Block::Paragraph(std::mem::take(paragraph)));
        }
    };
    while let Some(line) = lines.next() {
        if let Some(marks) = words::fence(line) {
            end(&mut blocks, &mut paragraph);
            let closes =
                |line: &&str| words::fence(line).is_some_and(|close| close.starts_with(marks) && line.trim() == close);
            let inside: Vec<&str> = lines.by_ref().take_while(|line| !closes(line)).collect();
            blocks.push(Block::Code(inside.join("\n")));
        } else if let Some((level, rest)) = heading(line) {
            end(&mut blocks, &mut paragraph);
            blocks.push(Block::Heading(level, spans(rest)));
        } else if line.starts_with('|') && lines.peek().is_some_and(|next| is_rule(next)) {
            end(&mut blocks, &mut paragraph);
            lines.next();
            let mut rows = Vec::new();
            while let Some(row) = lines.next_if(|line| line.starts_with('|')) {
                rows.push(cells(row));
            }
            let mut head = cells(line);
            if head.iter().all(Vec::is_empty) {
                head.clear();
            }
            blocks.push(Block::Table(head, rows));
        } else if let Some(first) = item(line) {
            end(&mut blocks, &mut paragraph);
            if let Some(Block::List(items)) = blocks.last_mut() {
                items.push(first);
            } else {
                blocks.push(Block::List(vec![first]));
            }
        } else if line.trim().is_empty() {
            end(&mut blocks, &mut paragraph);
        } else {
            paragraph.push(spans(line.trim()));
        }
    }
    end(&mut blocks, &mut paragraph);
    blocks
}

fn heading(line: &str) -> Option<(u8, &str)> {
    let rest = line.trim_start_matches('#');
    let level = u8::try_from(line.len() - rest.len()).ok().filter(|level| (1..=6).contains(level))?;
    Some((level, rest.strip_prefix(' ')?.trim()))
}

/// Says whether a line stands between the head of a table and its rows.
fn is_rule(line: &str) -> bool {
    line.starts_with('|') && line.contains('-') && line.chars().all(|letter| "|-: ".contains(letter))
}

/// Reads a row of a table: a bar behind a backslash is a letter.
fn cells(line: &str) -> Vec<Cell> {
    let (mut all, mut cell, mut escaped) = (Vec::new(), String::new(), false);
    for letter in line.trim().trim_start_matches('|').chars() {
        match letter {
            '|' if !escaped => all.push(spans(std::mem::take(&mut cell).trim())),
            // Within code the backslash before a bar is the table's, elsewhere the letter's: both say a bar.
            '|' => {
                cell.pop();
                cell.push('|');
            }
            letter => cell.push(letter),
        }
        escaped = letter == '\\' && !escaped;
    }
    if !cell.trim().is_empty() {
        all.push(spans(cell.trim()));
    }
    all
}

fn item(line: &str) -> Option<Item> {
    let bare = line.trim_start();
    let depth = (line.len() - bare.len()) / 2;
    let mark = ["- ", "* ", "+ "].iter().find_map(|mark| bare.strip_prefix(mark));
    let number = || {
        let rest = bare.trim_start_matches(|letter: char| letter.is_ascii_digit());
        rest.strip_prefix(". ").filter(|_| rest.len() < bare.len())
    };
    let (counted, rest) = mark.map(|rest| (false, rest)).or_else(|| Some((true, number()?)))?;
    let task = [("[ ] ", "☐ "), ("[x] ", "☑ "), ("[X] ", "☑ ")];
    let task = task.iter().find_map(|(mark, shown)| Some([shown, rest.strip_prefix(mark)?].concat()));
    Some(Item { depth, counted, spans: spans(task.as_deref().unwrap_or(rest).trim()) })
}

/// Reads letters of a line.
struct Line {
    done: Vec<Span>,
    text: String,
    style: Style,
}

impl Line {
    /// Ends the letters of one kind.
    fn end(&mut self) {
        if !self.text.is_empty() {
            self.done.push(Span { text: std::mem::take(&mut self.text), style: self.style, link: None });
        }
    }

    fn push(&mut self, text: &str, style: Style, link: Option<String>) {
        self.end();
        if !text.is_empty() {
            self.done.push(Span { text: text.to_owned(), style, link });
        }
    }
}

/// Reads a line.
pub fn spans(text: &str) -> Vec<Span> {
    let mut line = Line { done: Vec::new(), text: String::new(), style: Style::default() };
    let mut rest = text;
    while let Some(letter) = rest.chars().next() {
        let mut after = rest.chars();
        after.next();
        let after = after.as_str();
        rest = match letter {
            '\\' if after.starts_with(|next: char| next.is_ascii_punctuation()) => {
                let mut letters = after.chars();
                line.text.extend(letters.next());
                letters.as_str()
            }
            '`' => code(rest, &mut line),
            '*' => emphasis(after, &mut line),
            '[' => link(after, &mut line).unwrap_or_else(|| {
                line.text.push('[');
                after
            }),
            'h' if is_address(rest) && !line.text.ends_with(char::is_alphanumeric) => {
                let length = rest.find(|letter: char| letter.is_whitespace() || "<>|)\"`".contains(letter));
                let (whole, _) = rest.split_at_checked(length.unwrap_or(rest.len())).unwrap_or((rest, ""));
                // What ends a sentence is no part of it.
                let address = whole.trim_end_matches([',', '.', ';', ':']);
                let style = line.style;
                line.push(address, style, Some(address.to_owned()));
                rest.strip_prefix(address).unwrap_or_default()
            }
            letter => {
                line.text.push(letter);
                after
            }
        };
    }
    line.end();
    line.done
}

fn is_address(text: &str) -> bool {
    ["https://", "http://"].iter().any(|begin| text.strip_prefix(begin).is_some_and(|rest| !rest.is_empty()))
}

/// Takes code, with as many marks before it as after it.
fn code<'a>(text: &'a str, line: &mut Line) -> &'a str {
    let inside = text.trim_start_matches('`');
    let (marks, _) = text.split_at_checked(text.len() - inside.len()).unwrap_or((text, ""));
    let mut at = 0;
    while let Some(found) = inside.get(at..).and_then(|rest| rest.find('`')) {
        let (before, from) = inside.split_at_checked(at + found).unwrap_or((inside, ""));
        let after = from.trim_start_matches('`');
        if from.len() - after.len() == marks.len() {
            let bare =
                before.strip_prefix(' ').and_then(|bare| bare.strip_suffix(' ')).filter(|bare| !bare.trim().is_empty());
            line.push(bare.unwrap_or(before), Style { code: true, ..Style::default() }, None);
            return after;
        }
        at = inside.len() - after.len();
    }
    line.text.push_str(marks);
    inside
}

/// Takes the mark of what is strong or emphasised, where it has another end; `after` follows the first star.
fn emphasis<'a>(after: &'a str, line: &mut Line) -> &'a str {
    let strong = after.strip_prefix('*');
    let (rest, mark, is) = match strong {
        Some(rest) => (rest, "**", line.style.bold),
        None => (after, "*", line.style.italic),
    };
    let opens = !is && !rest.starts_with(char::is_whitespace) && rest.contains(mark);
    if !is && !opens {
        line.text.push_str(mark);
        return rest;
    }
    line.end();
    match strong {
        Some(_) => line.style.bold = !is,
        None => line.style.italic = !is,
    }
    rest
}

/// Takes a link whose label has no brackets; `after` follows the first one.
fn link<'a>(after: &'a str, line: &mut Line) -> Option<&'a str> {
    let (label, rest) = after.split_once("](")?;
    let (address, rest) = rest.split_once(')')?;
    let fits = !label.is_empty() && !label.contains(['[', ']']) && is_address(address) && !address.contains(' ');
    let style = line.style;
    fits.then(|| line.push(label, style, Some(address.to_owned())))?;
    Some(rest)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Says a line in short: `b` bold, `i` italic, `c` code, `>` a link.
    fn short(text: &str) -> String {
        let one = |span: Span| {
            let Style { bold, italic, code } = span.style;
            let marks: String =
                [(bold, 'b'), (italic, 'i'), (code, 'c')].iter().filter(|(is, _)| *is).map(|(_, mark)| *mark).collect();
            let link = span.link.map(|link| format!(">{link}")).unwrap_or_default();
            format!("{marks}({}{link})", span.text)
        };
        spans(text).into_iter().map(one).collect()
    }

    #[test]
    fn a_line_is_read_as_it_is_meant() {
        for (text, want) in [
            ("plain", "(plain)"),
            ("a **b** c", "(a )b(b)( c)"),
            ("*Not written yet.*", "i(Not written yet.)"),
            ("2 * 3 * 4", "(2 * 3 * 4)"),
            ("a ** b", "(a ** b)"),
            ("\\*x\\* \\<b> \\\\", "(*x* <b> \\)"),
            ("`` a `b` | c `` x", "c(a `b` | c)( x)"),
            ("`open", "(`open)"),
            ("see [the wiki](https://w.example/x) now", "(see )(the wiki>https://w.example/x)( now)"),
            ("[x](javascript:alert)", "([x](javascript:alert))"),
            ("at https://a.example/b?c=1, so", "(at )(https://a.example/b?c=1>https://a.example/b?c=1)(, so)"),
            ("\\[x\\](http://evil)", "([x]()(http://evil>http://evil)())"),
        ] {
            assert_eq!(short(text), want, "{text}");
        }
    }

    #[test]
    fn a_document_is_read_block_by_block() {
        let text = "# A\n\none\ntwo\n\n| | |\n|---|---|\n| k | a \\| b |\n\n- x\n\n  - [x] y\n1. z\n\n````text\n```\n# no\n````\n## B";
        let blocks = read(text);
        let [
            Block::Heading(1, _),
            Block::Paragraph(lines),
            Block::Table(head, rows),
            Block::List(items),
            Block::Code(code),
            Block::Heading(2, _),
        ] = blocks.as_slice()
        else {
            panic!("{blocks:#?}")
        };
        assert_eq!((lines.len(), head.len(), rows.len()), (2, 0, 1));
        assert_eq!(rows[0][1], spans("a | b"));
        let shape: Vec<_> = items.iter().map(|item| (item.depth, item.counted, item.spans[0].text.as_str())).collect();
        assert_eq!(shape, [(0, false, "x"), (1, false, "☑ y"), (0, true, "z")]);
        assert_eq!(code, "```\n# no");
    }

    proptest! {
        #[test]
        fn any_text_is_read_and_no_span_is_empty(text in "[-#`*|\\\\\\[\\]() \na-z0-9.:/~h]{0,80}") {
            for block in read(&text) {
                let spans: Vec<Span> = match block {
                    Block::Heading(level, spans) => {
                        prop_assert!((1..=6).contains(&level));
                        spans
                    }
                    Block::Paragraph(lines) => lines.into_iter().flatten().collect(),
                    Block::List(items) => items.into_iter().flat_map(|item| item.spans).collect(),
                    Block::Table(head, rows) => rows.into_iter().flatten().chain(head).flatten().collect(),
                    Block::Code(_) => Vec::new(),
                };
                prop_assert!(spans.iter().all(|span| !span.text.is_empty()));
            }
        }
    }
}
