//! Text of others in Markdown: it stays text. It opens no heading, table cell, link, image, HTML or fence, and ends none.
use crate::parse::sanitise;

/// Makes text that stands in a line, a table's cell included.
pub fn inline(text: &str) -> String {
    let text = sanitise::line(text);
    let mut out = String::with_capacity(text.len() + 8);
    let mut before: Option<char> = None;
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        let after = rest.peek().copied();
        let inside = |of: Option<char>| of.is_some_and(char::is_alphanumeric);
        let special = match c {
            '\\' | '`' | '*' | '[' | ']' | '<' | '|' | '~' => true,
            // Within a word it is a letter.
            '_' => !(inside(before) && inside(after)),
            '&' => after.is_some_and(|after| after.is_alphanumeric() || after == '#'),
            // What begins a heading, a list, a quote or a line of a table, where the text itself begins a line.
            '>' => before.is_none(),
            '#' | '=' | '-' | '+' => before.is_none() && after.is_none_or(|after| after == ' ' || after == c),
            '.' | ')' => {
                let number = !out.is_empty() && out.chars().all(|c| c.is_ascii_digit());
                number && after.is_none_or(|after| after == ' ')
            }
            _ => false,
        };
        if special {
            out.push('\\');
        }
        out.push(c);
        before = Some(c);
    }
    out
}

/// Makes a word that is read letter by letter: `code`, with as many marks as its own ask for.
pub fn code(text: &str) -> String {
    let text = sanitise::line(text).replace('|', "\\|");
    let marks = "`".repeat(longest(&text, '`') + 1);
    let edge = text.starts_with('`') || text.ends_with('`') || text.trim().is_empty();
    let gap = if edge { " " } else { "" };
    format!("{marks}{gap}{text}{gap}{marks}")
}

/// Makes a block that is read letter by letter, on lines of its own.
pub fn block(text: &str) -> String {
    let text = sanitise::text(text);
    let fence = "`".repeat(longest(&text, '`').max(2) + 1);
    format!("{fence}text\n{}\n{fence}", text.trim_end_matches('\n'))
}

/// Takes Markdown that a person wrote for a section: it stays Markdown, and stays within its section.
///
/// Its headings go below those of the document, HTML is shown instead of read, and a fence that was left open is closed.
pub fn prose(text: &str) -> String {
    let text = sanitise::text(text);
    let mut out: Vec<String> = Vec::new();
    let mut fence: Option<(char, usize)> = None;
    for line in text.trim().lines() {
        let bare = line.trim_start();
        let mark = bare.chars().next().filter(|c| matches!(c, '`' | '~')).filter(|_| line.len() - bare.len() < 4);
        let run = mark.map_or(0, |mark| bare.chars().take_while(|c| *c == mark).count());
        match (fence, mark) {
            (Some((open, length)), Some(mark))
                if open == mark && run >= length && bare.chars().all(|c| c == mark || c == ' ') =>
            {
                fence = None;
                out.push(line.to_owned());
            }
            (Some(_), _) => out.push(line.to_owned()),
            (None, Some(mark)) if run >= 3 => {
                fence = Some((mark, run));
                out.push(line.to_owned());
            }
            (None, _) => out.push(written(line)),
        }
    }
    if let Some((mark, length)) = fence {
        out.push(std::iter::repeat_n(mark, length).collect());
    }
    out.join("\n")
}

/// A line of prose outside of a fence.
fn written(line: &str) -> String {
    let bare = line.trim_start();
    let hashes = bare.chars().take_while(|c| *c == '#').count();
    let rest = bare.trim_start_matches('#');
    if (1..=6).contains(&hashes) && (rest.is_empty() || rest.starts_with(' ')) {
        return format!("{}{}", "#".repeat((hashes + 2).min(6)), shown(rest));
    }
    // A line of these makes a heading of the one before it.
    let underline =
        !bare.is_empty() && (bare.trim_end().chars().all(|c| c == '=') || bare.trim_end().chars().all(|c| c == '-'));
    if underline {
        return format!("\\{bare}");
    }
    shown(line)
}

/// Shows what would be HTML.
fn shown(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut rest = line.chars().peekable();
    while let Some(c) = rest.next() {
        if c == '<' && rest.peek().is_some_and(|after| after.is_alphabetic() || matches!(after, '/' | '!' | '?')) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

fn longest(text: &str, mark: char) -> usize {
    let mut run = 0;
    text.chars().fold(0, |most, c| {
        run = if c == mark { run + 1 } else { 0 };
        most.max(run)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn text_of_others_stays_text() {
        for (text, want) in [
            ("play is down", "play is down"),
            ("# not a heading", "\\# not a heading"),
            ("a | b", "a \\| b"),
            ("[x](http://evil) ![y](z)", "\\[x\\](http://evil) !\\[y\\](z)"),
            ("<script>alert(1)</script>", "\\<script>alert(1)\\</script>"),
            ("snake_case and _em_", "snake_case and \\_em\\_"),
            ("one\ntwo", "one⏎two"),
            ("\x1b[2J`rm`", "\\`rm\\`"),
            ("1. first", "1\\. first"),
            ("a &lt; b & c", "a \\&lt; b & c"),
            ("v1.2", "v1.2"),
            ("2.31.0 leaks", "2.31.0 leaks"),
            ("+02:20", "+02:20"),
            ("- a", "\\- a"),
            ("---", "\\---"),
        ] {
            assert_eq!(inline(text), want, "{text:?}");
        }
        assert_eq!(code("a `b` | c"), "``a `b` \\| c``");
        assert_eq!(code("`"), "`` ` ``");
        assert_eq!(block("x\n```\ny\n"), "````text\nx\n```\ny\n````");
    }

    #[test]
    fn what_a_person_writes_stays_in_its_section() {
        assert_eq!(prose("# Top\n\n## Two\ntext"), "### Top\n\n#### Two\ntext");
        assert_eq!(prose("Title\n===\n\nx\n---"), "Title\n\\===\n\nx\n\\---");
        assert_eq!(prose("```sh\n# a comment\nls"), "```sh\n# a comment\nls\n```");
        assert_eq!(prose("a <!-- b\n<details>"), "a \\<!-- b\n\\<details>");
        assert_eq!(prose("- *one*\n- `two`"), "- *one*\n- `two`");
        assert_eq!(prose("~~~\n```\n# x\n~~~\n# y"), "~~~\n```\n# x\n~~~\n### y");
    }

    proptest! {
        #[test]
        fn no_line_of_others_breaks_a_table(text in any::<String>()) {
            let cell = inline(&text);
            prop_assert!(!cell.contains('\n'));
            let mut escaped = false;
            for c in cell.chars() {
                prop_assert!(escaped || c != '|', "{cell}");
                escaped = c == '\\' && !escaped;
            }
        }

        #[test]
        fn no_section_opens_another(text in "[#=`~\n a-z<-]{0,60}") {
            let out = prose(&text);
            let mut fence: Option<String> = None;
            for line in out.lines() {
                let bare = line.trim_start();
                let run: String = bare.chars().take_while(|c| matches!(c, '`' | '~') && bare.starts_with(*c)).collect();
                match &fence {
                    Some(open) if run.starts_with(open.as_str()) && bare.trim_end() == run => fence = None,
                    Some(_) => {}
                    None if run.len() >= 3 && line.len() - bare.len() < 4 => fence = Some(run),
                    None => prop_assert!(!bare.starts_with("# ") && !bare.starts_with("## "), "{out}"),
                }
            }
            prop_assert!(fence.is_none(), "{out}");
        }
    }
}
