//! A document in the ways of trackers that know no Markdown: as HTML, as Atlassian's tree, as the markup of Jira's own servers.
//!
//! What somebody wrote stays text in each of them: it opens no tag, no macro and no link of its own.
use std::fmt::Write as _;

use serde_json::{Value as Json, json};

use crate::parse::markdown::{Block, Cell, Item, Span, read};

/// Writes text so that it is no HTML.
pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// Writes a document as HTML.
pub(super) fn html(document: &str) -> String {
    let mut out = String::new();
    for block in read(document) {
        match block {
            Block::Heading(level, spans) => {
                let level = level.min(4);
                _ = write!(out, "<h{level}>{}</h{level}>", letters(&spans));
            }
            Block::Paragraph(lines) => {
                let lines: Vec<String> = lines.iter().map(|line| letters(line)).collect();
                _ = write!(out, "<p>{}</p>", lines.join("<br>"));
            }
            Block::List(items) => out.push_str(&html_list(&items)),
            Block::Table(head, rows) => {
                let cell = |tag: &str, cell: &Cell| format!("<{tag}>{}</{tag}>", letters(cell));
                let row = |tag: &str, cells: &[Cell]| {
                    format!("<tr>{}</tr>", cells.iter().map(|of| cell(tag, of)).collect::<Vec<_>>().concat())
                };
                let head = if head.is_empty() { String::new() } else { row("th", &head) };
                let rows: Vec<String> = rows.iter().map(|cells| row("td", cells)).collect();
                _ = write!(out, "<table><tbody>{head}{}</tbody></table>", rows.concat());
            }
            Block::Code(text) => _ = write!(out, "<pre>{}</pre>", escaped(&text).replace('\n', "<br>")),
        }
    }
    out
}

fn letters(spans: &[Span]) -> String {
    let one = |span: &Span| {
        let mut text = escaped(&span.text);
        let style = span.style;
        for (is, tag) in [(style.code, "code"), (style.italic, "i"), (style.bold, "b")] {
            if is {
                text = format!("<{tag}>{text}</{tag}>");
            }
        }
        match &span.link {
            Some(link) => format!("<a href=\"{}\">{text}</a>", escaped(link)),
            None => text,
        }
    };
    spans.iter().map(one).collect::<Vec<_>>().concat()
}

/// Lists within lists are opened and closed as deep as they stand.
fn html_list(items: &[Item]) -> String {
    let (mut out, mut open) = (String::new(), Vec::<&str>::new());
    for item in items {
        let depth = item.depth.min(open.len()) + 1;
        while open.len() > depth {
            out.extend(open.pop().map(|tag| format!("</li></{tag}>")));
        }
        if open.len() == depth {
            out.push_str("</li>");
        } else {
            let tag = if item.counted { "ol" } else { "ul" };
            _ = write!(out, "<{tag}>");
            open.push(tag);
        }
        _ = write!(out, "<li>{}", letters(&item.spans));
    }
    while let Some(tag) = open.pop() {
        _ = write!(out, "</li></{tag}>");
    }
    out
}

/// Writes a document as the nodes of Atlassian's tree.
pub(super) fn tree(document: &str) -> Vec<Json> {
    let paragraph = |spans: &[Span]| json!({ "type": "paragraph", "content": leaves(spans) });
    let one = |block: Block| match block {
        Block::Heading(level, spans) => {
            json!({ "type": "heading", "attrs": { "level": level }, "content": leaves(&spans) })
        }
        Block::Paragraph(lines) => {
            let mut content = Vec::new();
            for line in &lines {
                if !content.is_empty() {
                    content.push(json!({ "type": "hardBreak" }));
                }
                content.extend(leaves(line));
            }
            json!({ "type": "paragraph", "content": content })
        }
        Block::List(items) => branch(&items),
        Block::Table(head, rows) => {
            let width = rows.iter().map(Vec::len).chain([head.len()]).max().unwrap_or(0);
            let row = |kind: &str, cells: &[Cell]| {
                // Every row has as many cells as the longest.
                let cell = |at: usize| {
                    let spans = cells.get(at).map(Vec::as_slice).unwrap_or_default();
                    json!({ "type": kind, "attrs": {}, "content": [paragraph(spans)] })
                };
                json!({ "type": "tableRow", "content": (0..width).map(cell).collect::<Vec<_>>() })
            };
            let head = (!head.is_empty()).then(|| row("tableHeader", &head));
            let rows = rows.iter().map(|cells| row("tableCell", cells));
            json!({ "type": "table", "content": head.into_iter().chain(rows).collect::<Vec<_>>() })
        }
        Block::Code(text) => {
            // An empty text is refused.
            let content = if text.is_empty() { json!([]) } else { json!([{ "type": "text", "text": text }]) };
            json!({ "type": "codeBlock", "attrs": { "language": "text" }, "content": content })
        }
    };
    read(document).into_iter().map(one).collect()
}

fn leaves(spans: &[Span]) -> Vec<Json> {
    let one = |span: &Span| {
        let style = span.style;
        let mut marks = Vec::new();
        if style.code {
            marks.push(json!({ "type": "code" }));
        }
        // Code goes with a link alone.
        for (is, mark) in [(style.bold, "strong"), (style.italic, "em")] {
            if is && !style.code {
                marks.push(json!({ "type": mark }));
            }
        }
        if let Some(link) = &span.link {
            marks.push(json!({ "type": "link", "attrs": { "href": link } }));
        }
        if marks.is_empty() {
            json!({ "type": "text", "text": span.text })
        } else {
            json!({ "type": "text", "text": span.text, "marks": marks })
        }
    };
    spans.iter().map(one).collect()
}

/// A list: what stands deeper is a list within the entry before it.
fn branch(items: &[Item]) -> Json {
    let counted = items.first().is_some_and(|item| item.counted);
    let own = items.iter().map(|item| item.depth).min().unwrap_or(0);
    let (mut entries, mut rest) = (Vec::new(), items);
    while let Some((first, after)) = rest.split_first() {
        let deeper = after.iter().take_while(|item| item.depth > own).count();
        let (within, next) = after.split_at_checked(deeper).unwrap_or((after, &[]));
        let mut content = vec![json!({ "type": "paragraph", "content": leaves(&first.spans) })];
        content.extend((!within.is_empty()).then(|| branch(within)));
        entries.push(json!({ "type": "listItem", "content": content }));
        rest = next;
    }
    json!({ "type": if counted { "orderedList" } else { "bulletList" }, "content": entries })
}

/// Writes a document as the markup of Jira's own servers.
pub(super) fn markup(document: &str) -> String {
    let mut out = Vec::new();
    for block in read(document) {
        out.push(match block {
            Block::Heading(level, spans) => format!("h{level}. {}", marked(&spans)),
            Block::Paragraph(lines) => lines.iter().map(|line| marked(line)).collect::<Vec<_>>().join("\n"),
            Block::List(items) => {
                let item = |item: &Item| {
                    let mark = if item.counted { "#" } else { "*" };
                    format!("{} {}", mark.repeat(item.depth.min(5) + 1), marked(&item.spans))
                };
                items.iter().map(item).collect::<Vec<_>>().join("\n")
            }
            Block::Table(head, rows) => {
                let row = |bar: &str, cells: &[Cell]| {
                    // A cell without anything in it would be none.
                    let cell = |cell: &Cell| if cell.is_empty() { " ".to_owned() } else { marked(cell) };
                    format!("{bar}{}{bar}", cells.iter().map(cell).collect::<Vec<_>>().join(bar))
                };
                let head = (!head.is_empty()).then(|| row("||", &head));
                let rows = rows.iter().map(|cells| row("|", cells));
                head.into_iter().chain(rows).collect::<Vec<_>>().join("\n")
            }
            Block::Code(text) => format!("{{noformat}}\n{}\n{{noformat}}", text.replace("{noformat}", "{ noformat }")),
        });
    }
    out.join("\n\n")
}

fn marked(spans: &[Span]) -> String {
    let one = |span: &Span| {
        if let Some(link) = &span.link {
            let safe = link.replace(['|', ']', '{', '}'], "");
            let shown = plain(&span.text);
            return if span.text == *link { format!("[{safe}]") } else { format!("[{shown}|{safe}]") };
        }
        let text = plain(&span.text);
        let style = span.style;
        // A mark stands beside a letter, or is none.
        let bare = text.trim();
        let (Some(at), false) = (text.find(bare), bare.is_empty()) else { return text };
        let (before, rest) = text.split_at_checked(at).unwrap_or(("", &text));
        let after = rest.strip_prefix(bare).unwrap_or_default();
        let (open, close) = match (style.code, style.bold, style.italic) {
            (true, _, _) => ("{{", "}}"),
            (false, true, true) => ("*_", "_*"),
            (false, true, false) => ("*", "*"),
            (false, false, true) => ("_", "_"),
            (false, false, false) => ("", ""),
        };
        format!("{before}{open}{bare}{close}{after}")
    };
    spans.iter().map(one).collect::<Vec<_>>().concat()
}

/// Shows what would be markup.
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        if "\\{}[]|*_^~!+".contains(letter) {
            out.push('\\');
        }
        out.push(letter);
    }
    out
}
