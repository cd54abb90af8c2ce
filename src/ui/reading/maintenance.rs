//! Reads planned work.
use super::Reader;
use crate::{
    core::{
        id::Uid,
        screen::{
            Draft, RowKey,
            windows::{Field, typed, under},
        },
        time::{Timestamp, short},
        windows::{Key, Listed, Standing, Window, clock},
    },
    parse::sanitise,
    ui::{
        boxes::Question,
        form::{Form, FormField},
        maintenance::{Maintenance, Row},
        show::Tone,
    },
};

/// Names that a line lists.
const NAMED: usize = 8;

impl Reader<'_> {
    pub(super) fn maintenance(&self) -> Maintenance {
        let all = self.state.windows.listed(&self.state.inventory, self.now.utc);
        let keys = self.state.screen.rows(crate::core::screen::Pane::Windows).iter();
        let rows = keys.filter_map(|key| {
            let RowKey::Window(key) = key else { return None };
            all.iter().find(|of| of.key == *key).map(|of| self.window_row(of))
        });
        let running = all.iter().filter(|of| of.standing == Standing::Running).count();
        let fact = (running > 0).then(|| (Tone::Warn, format!("{running} running: alerts are muted there")));
        let facts = under(self.state, self.now).map_or_else(Vec::new, |of| self.window_facts(&of));
        Maintenance { rows: rows.collect(), fact, facts }
    }

    fn window_row(&self, of: &Listed) -> Row {
        let now = self.now.utc;
        let (sign, left) = match (of.standing, of.span) {
            (Standing::Running, Some(span)) => (Tone::Warn, lasts(span.to.since(now))),
            (Standing::Coming, Some(span)) => (Tone::Info, format!("in {}", lasts(span.from.since(now)))),
            (Standing::Running | Standing::Coming | Standing::Ended | Standing::Cancelled, _) => {
                (Tone::Info, String::new())
            }
        };
        let called_off = of.standing == Standing::Cancelled;
        let time = |at: Option<Timestamp>| {
            let text = at.map_or_else(|| "?".to_owned(), |at| clock(at, &of.zone));
            text.split_once('-').map_or(text.clone(), |(_, rest)| rest.to_owned())
        };
        Row {
            sign,
            state: of.standing.word().to_owned(),
            left,
            from: time(of.span.map(|span| span.from)),
            to: time(of.ended.as_ref().map(|(_, at)| *at).filter(|_| !called_off).or_else(|| Some(of.span?.to))),
            zone: of.zone.clone(),
            covers: safe(&of.covers),
            by: of.by.as_ref().map_or_else(|| "configuration".to_owned(), |by| safe(by.as_str())),
            why: safe(&of.why),
        }
    }

    fn window_facts(&self, of: &Listed) -> Vec<(String, String)> {
        let mut facts = Vec::new();
        match (&of.key, &of.by) {
            (Key::Declared(uid), Some(by)) => facts.push(("window", format!("{uid}, by {by}"))),
            (Key::Declared(uid), None) => facts.push(("window", uid.to_string())),
            (Key::Configured(name), _) => {
                facts.push(("window", format!("{name}, from the configuration: it is changed there")));
            }
        }
        if let Some(span) = of.span {
            let long = lasts(span.to.since(span.from));
            let by = |zone: &str| format!("{} to {} {zone}", clock(span.from, zone), clock(span.to, zone));
            let local = if of.zone == "UTC" { String::new() } else { format!("{}; ", by(&of.zone)) };
            facts.push(("time", format!("{local}{}; {long}", by("UTC"))));
        }
        if let Some((by, at)) = &of.ended {
            facts.push(("ended", format!("by {by}, {} UTC", clock(*at, "UTC"))));
        }
        facts.push(("why", of.why.clone()));
        if let Key::Declared(uid) = &of.key
            && let Some(known) = self.state.windows.window(*uid)
        {
            facts.push(("covers", self.covered(&known.window)));
        } else {
            facts.push(("covers", of.covers.clone()));
        }
        facts.into_iter().map(|(label, text)| (label.to_owned(), safe(&text))).collect()
    }

    /// Names what a window covers, and what of it fires now.
    fn covered(&self, window: &Window) -> String {
        let (services, hosts) = window.covered(&self.state.inventory);
        let list = |names: Vec<String>, thing: &str| {
            let more = names.len().saturating_sub(NAMED);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            let count = names.len();
            let plural = if count == 1 { "" } else { "s" };
            let listed = names.into_iter().take(NAMED).collect::<Vec<_>>().join(" ");
            if listed.is_empty() { format!("no {thing}") } else { format!("{count} {thing}{plural}: {listed}{more}") }
        };
        let alerts = &self.state.alerts;
        let firing = alerts.firing().filter(|alert| {
            let of_service = alerts.service_of(&alert.target).is_some_and(|service| services.contains(&&service));
            of_service || alert.target.host().is_some_and(|host| hosts.contains(&host))
        });
        let firing = match firing.count() {
            0 => String::new(),
            1 => "; 1 alert fires there now".to_owned(),
            count => format!("; {count} alerts fire there now"),
        };
        let services = list(services.iter().map(ToString::to_string).collect(), "service");
        format!("{services}; {}{firing}", list(hosts.iter().map(ToString::to_string).collect(), "host"))
    }

    /// The box that declares a window: what is typed, and what would come of it.
    pub(super) fn window_form(&self, at: Field) -> Form {
        let draft = |field| self.state.screen.draft(Draft::Window(field)).to_owned();
        let mut lines = match typed(self.state, self.now) {
            Ok(window) => {
                let long = lasts(window.to.since(window.from));
                let (from, to) = (clock(window.from, "UTC"), clock(window.to, "UTC"));
                vec![format!("{from} to {to} UTC, {long}"), self.covered(&window)]
            }
            Err(why) => vec![why],
        };
        lines.push("its alerts are seen and nobody is told; its time is counted apart; it ends by itself".to_owned());
        let field = |field: Field| {
            let (label, hint) = field.words();
            let text = draft(field);
            let end = text.len();
            FormField::Text { label, typed: (text, end), hint }
        };
        Form {
            title: "Plan work".to_owned(),
            lines: lines.iter().map(|line| safe(line)).collect(),
            fields: Field::ALL.into_iter().map(field).collect(),
            at: Field::ALL.iter().position(|known| *known == at).unwrap_or(0),
            verb: "plan it".to_owned(),
        }
    }

    /// Asks whether a window is to end.
    pub(super) fn window_question(&self, window: Uid) -> Option<Question> {
        let known = &self.state.windows.window(window)?.window;
        Some(Question {
            title: "End planned work".into(),
            text: "Alerts of what it covers are told again from now on, those that began while it went on too.".into(),
            facts: vec![
                ("window", window.to_string()),
                ("covers", safe(&self.covered(known))),
                ("why", safe(&known.why)),
            ],
            yes: "end it".into(),
            yes_key: self.yes(),
            once: None,
            alarm: false,
        })
    }
}

fn lasts(ms: i64) -> String {
    short(super::words::ms(ms))
}

fn safe(text: &str) -> String {
    sanitise::line_max(text, 600)
}
