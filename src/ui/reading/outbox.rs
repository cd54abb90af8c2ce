//! Reads the outbox.
use super::Reader;
use crate::{
    core::{
        action::Action,
        id::Uid,
        outbox::{Entry, Standing, Sync, Write},
        screen::{Draft, Pane, RowKey, items},
    },
    parse::sanitise,
    ui::{
        boxes::Ask,
        keys,
        outbox::{Outbox, Row},
        show::Tone,
    },
};

impl Reader<'_> {
    pub(super) fn outbox(&self) -> Outbox {
        let outbox = &self.state.outbox;
        let item = |row: &RowKey| if let RowKey::Item(token) = row { outbox.items.get(token) } else { None };
        let rows = self.state.screen.rows(Pane::Outbox).iter().filter_map(item).map(|entry| self.outbox_row(entry));
        let (waiting, failed) = outbox.waiting();
        let fact = match (waiting, failed) {
            _ if outbox.items.is_empty() => None,
            (0, _) => Some((Tone::Good, "all is written".to_owned())),
            (_, 0) => Some((Tone::Warn, format!("{waiting} not written yet"))),
            (_, _) => Some((Tone::Error, format!("{waiting} not written yet, {failed} wait for a person"))),
        };
        let inventory = &self.state.inventory;
        let empty = if inventory.trackers.is_empty() && inventory.notifiers.is_empty() {
            "no tracker and no notifier is configured: incidents stay here alone"
        } else {
            "nothing is in the outbox: no incident was opened"
        };
        let under = self.state.screen.cursor(Pane::Outbox).and_then(item);
        Outbox {
            rows: rows.collect(),
            fact,
            facts: under.map_or_else(Vec::new, |entry| self.item_facts(entry)),
            empty: empty.to_owned(),
        }
    }

    fn incident_name(&self, entry: &Entry) -> String {
        let incident = self.state.incidents.incidents.get(&entry.item.incident);
        incident.map_or_else(|| entry.item.incident.to_string(), |incident| incident.number.to_string())
    }

    fn outbox_row(&self, entry: &Entry) -> Row {
        let tone = match entry.sync() {
            Sync::Failed => Tone::Error,
            Sync::Waiting | Sync::Unsure => Tone::Warn,
            Sync::Synced if entry.unseen.is_some() => Tone::Warn,
            Sync::Synced if !entry.duplicates.is_empty() || !entry.foreign.is_empty() => Tone::Warn,
            Sync::Synced => Tone::Good,
            Sync::Dropped => Tone::Info,
        };
        let ticket = entry.remote.as_ref().map(|remote| remote.id.clone());
        let foreign = entry.foreign.iter().map(|(field, of)| format!("{field} is {}, ours {}", of.theirs, of.ours));
        let twice = entry.duplicates.iter().map(|remote| format!("{} is a duplicate", remote.id));
        let reason = Some(entry.reason().to_owned()).filter(|reason| !reason.is_empty());
        let detail: Vec<String> = ticket.into_iter().chain(twice).chain(foreign).chain(reason).collect();
        Row {
            state: (tone, entry.sync().word().to_owned()),
            tracker: safe(&entry.item.tracker),
            incident: self.incident_name(entry),
            what: safe(&format!("{} {}", entry.item.write.word(), entry.item.write.summary())),
            tries: if entry.tries == 0 { String::new() } else { entry.tries.to_string() },
            next: if self.state.outbox.waits_for_ticket(entry) {
                "ticket".to_owned()
            } else {
                entry.next().map(|at| super::words::until(at, self.now.utc)).unwrap_or_default()
            },
            detail: safe(&detail.join("; ")),
        }
    }

    /// The box that asks why an item is not written.
    pub(super) fn drop_box(&self, token: Uid) -> Ask {
        let item = self.state.outbox.items.get(&token).map_or_else(String::new, |of| of.item.write.summary());
        let typed = self.state.screen.draft(Draft::Drop).to_owned();
        Ask {
            title: format!("Drop {}", sanitise::line_max(item, 60)),
            typed: (typed.clone(), typed.len()),
            rows: 2,
            verb: "drop".into(),
            hint: "why it is not written: it is kept with the item".into(),
            ..Ask::default()
        }
    }

    /// The box in which an item's text is edited, with what the place has beside it.
    pub(super) fn item_box(&self, token: Uid, was: &str) -> Option<Ask> {
        let entry = self.state.outbox.items.get(&token)?;
        let typed = self.state.screen.draft(Draft::Item).to_owned();
        let changed = typed.trim_end() != was;
        let wrong = items::refused(self.state, token, was).filter(|_| changed || !self.may_change(token));
        let mut after = vec![("there", self.there(entry))];
        let reason = safe(entry.reason());
        after.extend((!reason.is_empty()).then_some(("not taken", reason)));
        if matches!(entry.standing, Standing::Unclear { .. }) {
            let text = "it may have been written as it was: it is searched for first, and not written twice";
            after.push(("careful", text.to_owned()));
        }
        let (what, place) = (entry.item.write.word(), safe(&entry.item.tracker));
        let first = if matches!(entry.item.write, Write::Create(_)) { "the first line is its title; " } else { "" };
        Some(Ask {
            title: format!("Edit the {what} for {place}, {}", self.incident_name(entry)),
            text: format!("{first}it is written down, and tried again with this"),
            typed: (typed.clone(), typed.len()),
            rows: 8,
            verb: "save and try again".into(),
            key: keys::in_box(self.keymap, Action::SaveText, false),
            hint: "what is to be written".into(),
            wrong: wrong.unwrap_or_default(),
            after,
            ..Ask::default()
        })
    }

    fn may_change(&self, token: Uid) -> bool {
        self.state.outbox.may_change(token).is_ok()
    }

    /// Says what the place has of the incident, as far as it was told.
    fn there(&self, entry: &Entry) -> String {
        let ticket = self.state.outbox.ticket(entry.item.incident, &entry.item.tracker);
        let remote = entry.remote.as_ref().or_else(|| ticket?.remote.as_ref());
        let Some(remote) = remote else { return "nothing that is known of".to_owned() };
        let of = ticket.unwrap_or(entry);
        let wrote = of.wrote.iter().map(|(field, value)| format!("{field} is {value}"));
        let foreign = of.foreign.iter().map(|(field, of)| format!("{field} is {}, ours {}", of.theirs, of.ours));
        let url = remote.url.clone().unwrap_or_default();
        let fields: Vec<String> = foreign.chain(wrote).collect();
        safe(&format!("{} {url} {}", remote.id, fields.join("; ")))
    }

    fn item_facts(&self, entry: &Entry) -> Vec<(String, String)> {
        let by = format!("{} at {}", entry.by, self.moment(entry.queued));
        let mut facts = vec![
            (
                "item",
                format!("{}, {} for {}, by {by}", entry.token, entry.item.write.word(), self.incident_name(entry)),
            ),
            ("why", entry.reason().to_owned()),
        ];
        if let Some(remote) = &entry.remote {
            facts.push(("ticket", format!("{} {}", remote.id, remote.url.as_deref().unwrap_or_default())));
        }
        let mut facts: Vec<(String, String)> =
            facts.into_iter().map(|(label, text)| (label.to_owned(), safe(&text))).collect();
        let shown = self.state.outbox.preview.as_ref().filter(|(token, _)| *token == entry.token);
        let request = shown.map_or_else(|| "Enter shows what is sent".to_owned(), |(_, text)| text.clone());
        facts.push(("request".to_owned(), sanitise::lines(request, 60, 400).join("\n")));
        facts.retain(|(_, text)| !text.trim().is_empty());
        facts
    }
}

fn safe(text: &str) -> String {
    sanitise::line_max(text, 600)
}
