//! Reads the runbook beside an incident.
use super::Reader;
use crate::{
    core::{
        id::HostName,
        incidents::{BookStep, Incident, IncidentEventKind, Stand},
        runbooks::{Expect, Mode, Param, Runbook as Book, Step as BookOf, met_word},
        screen::{Pane, RowKey, runbooks::under},
    },
    parse::sanitise,
    ui::{
        runbook::{Runbook, Step},
        show::Tone,
    },
};

/// Lines of an answer that are shown.
const LINES: usize = 12;

impl Reader<'_> {
    pub(super) fn runbook(&self, of: &Incident) -> Runbook {
        let beside = self.state.runbook_beside(of.uid);
        let books = self.state.runbooks_for(of);
        let name = beside.as_ref().map_or("", |book| book.name.as_str());
        let rows = self.state.screen.rows(Pane::Books);
        let listed = books
            .iter()
            .filter(|(book, _)| rows.contains(&RowKey::Book(book.name.clone())))
            .map(|(book, fits)| (book.name == name, *fits, book.name.clone(), sanitise::line_max(&book.title, 120)));
        let mut view = Runbook {
            books: listed.collect(),
            empty: "the configuration names no runbooks".to_owned(),
            ..Runbook::default()
        };
        let Some(book) = beside else { return view };
        view.title = sanitise::line_max(&book.title, 120);
        let shown = self.state.screen.rows(Pane::Book);
        let rows = book.numbered().filter(|step| shown.contains(&RowKey::Step(step.id.clone())));
        view.steps = rows.map(|step| self.book_row(of, &book, step)).collect();
        let used = |step: &&BookOf| known(of, &book, step).is_some_and(BookStep::used);
        view.done =
            format!("{}: {} of {} used", book.name, book.numbered().filter(used).count(), book.numbered().count());
        if let Some((_, book, id)) = under(self.state)
            && let Some(step) = book.step(&id)
        {
            view.facts = self.book_facts(of, &book, step);
            view.command = step.command.lines().map(|line| sanitise::line_max(line, 300)).collect();
            view.answers = self.answers(of, &book, step);
        }
        view
    }

    fn book_row(&self, of: &Incident, book: &Book, step: &BookOf) -> Step {
        let known = known(of, book, step);
        let waits = self.state.runbooks.waiting(of.uid, &book.name, &step.id);
        let stand = known.map_or(Stand::Open, BookStep::stand);
        let said = if waits > 0 { format!("asked, {waits} not answered yet") } else { came(known, stand) };
        Step {
            stand: if waits > 0 { Some(Tone::Info) } else { tone(stand) },
            number: book.number(&step.id).map_or_else(String::new, |number| number.to_string()),
            name: sanitise::line_max(&step.name, 60),
            changes: step.mode != Mode::Read,
            said,
        }
    }

    fn book_facts(&self, of: &Incident, book: &Book, step: &BookOf) -> Vec<(String, String)> {
        let given = self.state.runbooks.given.get(&of.uid);
        let value = |param: &Param| {
            let value = given.and_then(|given| given.get(&param.name)).or(param.default.as_ref());
            format!("{}={}", param.name, value.map_or("?", String::as_str))
        };
        let mut must: Vec<String> = step.exit.map(|code| format!("exit {code}")).into_iter().collect();
        must.extend(step.expect.iter().map(Expect::words));
        let mut facts = vec![
            ("", step.prose.split('\n').filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")),
            ("where", step.on.words()),
            ("must", if step.mode == Mode::Read { must.join(", ") } else { String::new() }),
            ("values", book.takes(step).map(value).collect::<Vec<_>>().join(" ")),
        ];
        if let Some(known) = known(of, book, step) {
            facts.extend(known.wrong.iter().map(|(by, _, note)| ("wrong", format!("{note} ({by})"))));
        }
        facts.retain(|(_, text)| !text.is_empty());
        facts.into_iter().map(|(label, text)| (label.to_owned(), sanitise::line_max(text, 600))).collect()
    }

    /// Returns what hosts answered last.
    fn answers(&self, of: &Incident, book: &Book, step: &BookOf) -> Vec<(Tone, String, Vec<String>)> {
        let Some(known) = known(of, book, step) else { return Vec::new() };
        let answer = |(host, (at, met, why, seq)): (&HostName, &(_, Option<bool>, String, u64))| {
            let tone = match met {
                Some(true) => Tone::Good,
                Some(false) => Tone::Error,
                None => Tone::Warn,
            };
            let why = if why.is_empty() { String::new() } else { format!(": {why}") };
            let head = sanitise::line_max(format!("{host} {}, {}{why}", self.moment(*at), met_word(*met)), 300);
            let said = match of.timeline.get(seq).map(|event| &event.kind) {
                Some(IncidentEventKind::Command { output, .. }) => sanitise::lines(output, LINES, 300),
                _ => Vec::new(),
            };
            (tone, head, said)
        };
        known.seen.iter().map(answer).collect()
    }
}

fn known<'a>(of: &'a Incident, book: &Book, step: &BookOf) -> Option<&'a BookStep> {
    of.books.get(&(book.name.clone(), step.id.clone()))
}

/// Says what came of a step.
fn came(known: Option<&BookStep>, stand: Stand) -> String {
    let Some(known) = known else { return String::new() };
    let wrong = if known.wrong.is_empty() { "" } else { "; said to be wrong" };
    let by = known.mark.as_ref().map(|(_, by, _)| by.to_string()).unwrap_or_default();
    let text = match stand {
        Stand::Open => String::new(),
        Stand::Skipped => format!("left out by {by}"),
        Stand::Done if known.run.is_some() && known.mark.is_none() => "its run ended well".to_owned(),
        Stand::Done => format!("done, says {by}"),
        Stand::Met => "as it must be".to_owned(),
        Stand::Running => "its run goes on".to_owned(),
        Stand::Failed => "its run did not end well".to_owned(),
        Stand::NotMet | Stand::Unknown => {
            let wanted = if stand == Stand::NotMet { Some(false) } else { None };
            let worst = known.seen.iter().find(|(_, (_, met, ..))| *met == wanted);
            // What the link says begins with its host.
            let why = |(host, (_, _, why, _)): (&HostName, &(_, _, String, _))| {
                format!("{host}: {}", why.strip_prefix(&format!("{host}: ")).unwrap_or(why))
            };
            worst.map_or_else(|| "nobody knows how it ended".to_owned(), why)
        }
    };
    sanitise::line_max(text + wrong, 200).trim_start_matches("; ").to_owned()
}

fn tone(stand: Stand) -> Option<Tone> {
    match stand {
        Stand::Open => None,
        Stand::Skipped | Stand::Running => Some(Tone::Info),
        Stand::Done | Stand::Met => Some(Tone::Good),
        Stand::NotMet | Stand::Failed => Some(Tone::Error),
        Stand::Unknown => Some(Tone::Warn),
    }
}
