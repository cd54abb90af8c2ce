//! Reads the audit log.
use super::Reader;
use crate::{
    core::{
        audit::{Chain, Entry},
        screen::{Pane, RowKey},
    },
    parse::sanitise,
    ui::{
        audit::{Audit, Row},
        show::Tone,
    },
};

/// Letters of a hash that are enough to compare it with one that was written down.
const HEAD: usize = 16;

impl Reader<'_> {
    pub(super) fn audit(&self) -> Audit {
        let state = &self.state.audit;
        let rows = self.state.screen.rows(Pane::Audit).iter();
        let entries = rows.filter_map(|row| if let RowKey::Entry(seq) = row { state.entry(*seq) } else { None });
        let (chain, empty) = match &state.read {
            None => (None, "it is being read".to_owned()),
            Some(Err(why)) => (Some((Tone::Error, "not read".to_owned())), format!("it cannot be read: {why}")),
            Some(Ok(read)) => {
                let empty = "nothing is on the audit yet: nobody confirmed, armed or trusted anything";
                (Some(chain(&read.chain, read.unreadable)), empty.to_owned())
            }
        };
        let cursor = self.state.screen.cursor(Pane::Audit);
        let under = cursor.and_then(|row| if let RowKey::Entry(seq) = row { state.entry(*seq) } else { None });
        Audit {
            rows: entries.map(|entry| self.audit_row(entry)).collect(),
            chain,
            facts: under.map_or_else(Vec::new, |entry| self.entry_facts(entry)),
            empty,
        }
    }

    fn audit_row(&self, entry: &Entry) -> Row {
        let run = entry.run().and_then(|uid| self.state.runs.runs.get(&uid));
        let detail = run.map_or_else(|| entry.of.detail.clone(), |run| self.state.run_name(run.run));
        Row {
            seq: entry.seq.to_string(),
            at: self.moment(entry.of.at),
            by: safe(entry.of.by.as_str()),
            what: safe(&entry.of.what),
            target: safe(&entry.of.target),
            outcome: run.map(|run| self.result(run)),
            detail: safe(&detail),
        }
    }

    /// All that there is to say about an entry; of a run it tells what was confirmed, by whom, and what came of it.
    fn entry_facts(&self, entry: &Entry) -> Vec<(String, String)> {
        let of = &entry.of;
        let mut facts = vec![
            ("who", format!("{}, {}", of.by, of.from)),
            ("what", format!("{} {}, {}", of.what, of.target, of.at.rfc3339())),
            ("detail", of.detail.clone()),
        ];
        if let Some(run) = entry.run().and_then(|uid| self.state.runs.runs.get(&uid)) {
            let hosts: Vec<String> = run.plan.hosts().iter().map(ToString::to_string).collect();
            facts.push(("run", format!("{} on {}: {}", self.state.run_name(run.run), hosts.join(" "), run.reason)));
            let proof = run.proof.as_ref().map_or_else(String::new, |(_, summary)| format!("; {summary}"));
            facts.push(("outcome", format!("{}{proof}", self.result(run).1)));
            let approved = run.approved.as_ref().map(|by| format!("by {by}"));
            let needed = if run.awaits_approval() { "waited for" } else { "" };
            facts.push(("approved", approved.unwrap_or_else(|| needed.to_owned())));
        }
        facts.push(("plan", entry.plan().unwrap_or_default().to_owned()));
        facts.push(("hash", entry.hash.clone()));
        facts.retain(|(_, text)| !text.is_empty());
        facts.into_iter().map(|(label, text)| (label.to_owned(), safe(&text))).collect()
    }
}

/// Says whether the chain holds.
fn chain(of: &Chain, unreadable: usize) -> (Tone, String) {
    let head = of.head.get(..HEAD).unwrap_or(&of.head);
    match &of.broken {
        Some((seq, why)) => (Tone::Error, format!("entry {seq} {why}; before it {} hold", of.entries)),
        None if unreadable > 0 => (Tone::Warn, format!("{unreadable} cannot be read here; chain whole, {head}…")),
        None if of.entries == 0 => (Tone::Good, "empty".to_owned()),
        None => (Tone::Good, format!("chain whole, {} entries, {head}…", of.entries)),
    }
}

fn safe(text: &str) -> String {
    sanitise::line_max(text, 600)
}
