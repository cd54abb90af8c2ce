//! A runbook in Markdown: under each heading that has `sh` fences is a task, whose steps they are.
//!
//! A fence is opened by three or more backticks or tildes and the word `sh`, `bash` or `shell`; with `undo` behind it is a step of
//! the way back. Its first line names the step where it is a comment. The first paragraph under the heading says what the task
//! does. Fences of other languages are for readers only.

/// A task of a runbook.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Section {
    /// The heading as a name: `drain-a-node`.
    pub name: String,
    /// The first paragraph under it.
    pub doc: String,
    /// Shell texts, in order.
    pub steps: Vec<String>,
    /// Shell texts that take it back, in order.
    pub undo: Vec<String>,
}

/// Most tasks that are read, and most steps of one.
const MOST: usize = 100;

/// Reads a runbook's tasks.
pub fn sections(text: &str) -> Vec<Section> {
    let (mut sections, mut fence) = (Vec::<Section>::new(), None::<Fence>);
    let mut in_doc = false;
    for line in text.lines() {
        if let Some(open) = &mut fence {
            if line.trim().chars().all(|letter| letter == open.sign) && line.trim().len() >= open.length {
                if let (Some(section), Some(open)) = (sections.last_mut(), fence.take()) {
                    open.close(section);
                }
                fence = None;
            } else {
                // As deep as its fence stands in a list.
                let bare = line.get(..open.indent).filter(|begin| begin.trim().is_empty()).and(line.get(open.indent..));
                open.lines.push(bare.unwrap_or(line).to_owned());
            }
            continue;
        }
        if let Some(heading) = line.strip_prefix('#') {
            let heading = heading.trim_start_matches('#');
            if heading.starts_with(' ') && sections.len() < MOST {
                sections.push(Section { name: slug(heading), ..Section::default() });
                in_doc = true;
            }
            continue;
        }
        fence = Fence::open(line);
        let Some(section) = sections.last_mut().filter(|_| in_doc) else { continue };
        if fence.is_some() || line.trim().is_empty() && !section.doc.is_empty() {
            in_doc = false;
        } else if !line.trim().is_empty() {
            if !section.doc.is_empty() {
                section.doc.push(' ');
            }
            section.doc.push_str(line.trim());
        }
    }
    sections.retain(|section| !section.steps.is_empty() && !section.name.is_empty());
    sections
}

/// An open fence.
struct Fence {
    sign: char,
    length: usize,
    indent: usize,
    language: String,
    lines: Vec<String>,
}

impl Fence {
    fn open(line: &str) -> Option<Self> {
        let bare = line.trim_start();
        let sign = bare.chars().next().filter(|sign| matches!(sign, '`' | '~'))?;
        let length = bare.chars().take_while(|letter| *letter == sign).count();
        let language = bare.trim_start_matches(sign).trim().to_owned();
        (length >= 3).then(|| Self { sign, length, indent: line.len() - bare.len(), language, lines: Vec::new() })
    }

    fn close(self, section: &mut Section) {
        let mut words = self.language.split_whitespace();
        if !matches!(words.next(), Some("sh" | "bash" | "shell")) {
            return;
        }
        let text = self.lines.join("\n").trim().to_owned();
        let steps = if words.any(|word| word == "undo") { &mut section.undo } else { &mut section.steps };
        if !text.is_empty() && steps.len() < MOST {
            steps.push(text);
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    const BOOK: &str = "# Edge nodes\n\nFor whoever is on call.\n\n## Drain a node!\n\nTakes a node\nout of DNS.\n\nMore.\n\n```sh\n# take it out\nctl drain\n```\n\n1. then\n   ```bash\n   if true; then\n     ctl wait\n   fi\n   ```\n\n```sh undo\nctl undrain\n```\n\n```text\nnot run\n```\n\n## Look only\nNothing here.\n\n~~~\n## no heading\n~~~\n";

    #[test]
    fn fences_under_a_heading_are_its_steps() {
        let read = sections(BOOK);
        assert_eq!(read.len(), 1, "{read:?}");
        assert_eq!((read[0].name.as_str(), read[0].doc.as_str()), ("drain-a-node", "Takes a node out of DNS."));
        assert_eq!(read[0].steps, ["# take it out\nctl drain", "if true; then\n  ctl wait\nfi"]);
        assert_eq!(read[0].undo, ["ctl undrain"]);
    }

    #[test]
    fn a_fence_that_nobody_closed_runs_nothing() {
        assert_eq!(sections("## a\n```sh\nrm x\n"), []);
        assert_eq!(sections("```sh\nunder no heading\n```\n"), []);
        assert_eq!(sections("####no heading\n```sh\nx\n```"), []);
    }
}
