//! Reads what changed around an incident.
use super::{Reader, words};
use crate::{
    core::{
        id::{HostName, Uid},
        incidents::{
            Incident,
            suspects::{CONVINCING, Looked, Suspect},
        },
        screen::{
            Pane, RowKey,
            suspects::{self, suspect},
        },
        time,
    },
    parse::sanitise,
    ui::{
        show::Tone,
        suspects::{Row, Suspects},
    },
};

/// Incidents like this one that are named.
const LIKE: usize = 2;

impl Reader<'_> {
    pub(super) fn suspects(&self, of: &Incident) -> Suspects {
        let rows = self.state.screen.rows(Pane::Suspects).iter();
        let listed: Vec<&Suspect> = rows.filter_map(|row| self.suspect_of(of.uid, row)).collect();
        let looked = self.state.suspects.of(of.uid);
        let cursor = self.state.screen.cursor(Pane::Suspects).and_then(|row| self.suspect_of(of.uid, row));
        let convincing = listed.iter().filter(|suspect| stands(of, suspect)).count();
        let waits = looked.map_or(0, Looked::waiting);
        let found = match (&of.suspect, convincing) {
            (Some((None, _)), _) => (Some(Tone::Info), "none convinces, it was said".to_owned()),
            (Some((Some(_), _)), _) => (Some(Tone::Good), "one is chosen".to_owned()),
            (None, 0) if waits > 0 => (None, format!("{waits} of those asked have not answered yet")),
            (None, 0) => (Some(Tone::Warn), "none convincing".to_owned()),
            (None, 1) => (None, "1 convinces; near in time is not yet the cause".to_owned()),
            (None, count) => (None, format!("{count} convince; near in time is not yet the cause")),
        };
        Suspects {
            rows: listed.iter().map(|suspect| row(of, suspect)).collect(),
            found,
            facts: cursor.map_or_else(Vec::new, |suspect| self.change_facts(suspect)),
            difference: suspects::lines(self.state, of.uid),
            looked: self.looked(of, looked),
            empty: if waits > 0 { "hosts are being asked" } else { "none convincing: nothing changed that is known" }
                .into(),
        }
    }

    fn suspect_of(&self, incident: Uid, row: &RowKey) -> Option<&Suspect> {
        let RowKey::Change(key) = row else { return None };
        suspect(self.state, incident, key)
    }

    fn change_facts(&self, suspect: &Suspect) -> Vec<(String, String)> {
        let change = &suspect.change;
        let mut facts = vec![
            ("what", change.line()),
            ("when", format!("{}, {}", self.moment(change.at), suspect.why.first().map_or("", String::as_str))),
            ("who", change.by.clone().unwrap_or_default()),
            ("why", suspect.why.get(1..).unwrap_or_default().join(", ")),
            ("known by", change.source.words().to_owned()),
        ];
        let label = |at: usize| if at == 0 { "detail" } else { "" };
        facts.extend(change.detail.iter().enumerate().map(|(at, line)| (label(at), line.clone())));
        facts.retain(|(_, text)| !text.is_empty());
        facts.into_iter().map(|(label, text)| (label.to_owned(), sanitise::line_max(text, 600))).collect()
    }

    /// What was looked at, what waits, and what could not be read: without it "none" would say more than is known.
    fn looked(&self, of: &Incident, looked: Option<&Looked>) -> Vec<(Tone, String)> {
        let mut lines = Vec::new();
        let onset = match &of.onset {
            Some(onset) => format!("onset {}: {}", self.moment(onset.at), onset.how),
            None => format!("the onset is not known: {} counts for it", self.moment(of.zero())),
        };
        lines.push((Tone::Info, onset));
        for like in self.state.similar(of.uid, LIKE) {
            let text = format!("like {:.2}: {}", like.score, like.words());
            lines.push((Tone::Info, sanitise::line_max(text, 300)));
        }
        let Some(looked) = looked else { return lines };
        let names =
            |hosts: &mut dyn Iterator<Item = &HostName>| hosts.map(HostName::as_str).collect::<Vec<_>>().join(", ");
        let ranking = &looked.ranking;
        let counted = format!(
            "runs, starts, certificates, silences and what hosts told since {}: {} listed, {} far away, {} after the onset",
            self.moment(looked.since),
            ranking.suspects.len(),
            ranking.far,
            ranking.later
        );
        lines.push((Tone::Info, counted));
        if !looked.told.is_empty() {
            lines.push((Tone::Good, format!("told what changed there: {}", names(&mut looked.told.iter()))));
        }
        if !looked.waits.is_empty() {
            lines.push((Tone::Warn, format!("not answered yet: {}", names(&mut looked.waits.iter()))));
        }
        for (host, missing) in looked.missing.iter().filter(|(_, missing)| !missing.is_empty()) {
            lines.push((Tone::Warn, format!("not read on {host}: {}", sanitise::line_max(missing.join("; "), 600))));
        }
        for (service, told) in &looked.pipelines {
            lines.push(match told {
                None => (Tone::Warn, format!("GitHub has not answered yet: the pipeline of {service}")),
                Some(Ok(runs)) => (Tone::Good, format!("GitHub told {} runs of the pipeline of {service}", runs.len())),
                Some(Err(why)) => {
                    (Tone::Warn, format!("not read at GitHub, of {service}: {}", sanitise::line_max(why, 300)))
                }
            });
        }
        lines
    }
}

/// Says whether a suspect convinces, and nobody has ruled it out.
pub(super) fn stands(of: &Incident, suspect: &Suspect) -> bool {
    suspect.score >= CONVINCING && !of.rules_out(&suspect.change)
}

fn row(of: &Incident, suspect: &Suspect) -> Row {
    let change = &suspect.change;
    let hosts: Vec<&str> = change.hosts.iter().map(HostName::as_str).collect();
    let place = match (&change.service, hosts.as_slice()) {
        (Some(service), []) => service.service.to_string(),
        (_, hosts) => hosts.join(" "),
    };
    let seconds = suspect.before_ms / 1_000;
    Row {
        verdict: if of.suspects(change) { Some(true) } else { of.rules_out(change).then_some(false) },
        convincing: stands(of, suspect),
        before: if seconds < 60 {
            format!("-{seconds} s")
        } else {
            format!("-{}", time::precise(words::ms(suspect.before_ms)))
        },
        kind: change.kind.word().to_owned(),
        what: sanitise::line_max(&change.what, 200),
        place,
        // It puts them in order and is no probability: nothing is certain.
        score: format!("{:.2}", suspect.score.min(0.99)),
        why: suspect.why.get(1..).unwrap_or_default().join(", "),
    }
}
