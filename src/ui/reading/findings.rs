//! Reads what the scanner found.
use super::Reader;
use crate::{
    core::{
        findings::{End, Finding, Found, LISTED, Pull, Scanner, host_of},
        record::Recorder,
        screen::{
            Pane, RowKey,
            findings::{facts, place, standing, under},
        },
        time::{Timestamp, short},
    },
    parse::sanitise,
    ui::{
        findings::{Findings, Row},
        show::Tone,
    },
};

impl Reader<'_> {
    pub(super) fn findings(&self) -> Findings {
        let state = self.state;
        let keys = state.screen.rows(Pane::Findings).iter();
        let one = |row: &RowKey| {
            let RowKey::Finding(key) = row else { return None };
            state.findings.finding(key).map(|of| self.finding_row(of))
        };
        let mut about: Vec<(String, String)> = Vec::new();
        if let Some(finding) = under(state) {
            about.extend(facts(state, &finding).into_iter().map(|(label, text)| (label.to_owned(), safe(&text))));
        }
        let scanner = self.scanner_words();
        about.extend(scanner.iter().map(|text| ("scanner".to_owned(), safe(text))));
        Findings {
            rows: keys.filter_map(one).collect(),
            fact: self.findings_fact(),
            facts: about,
            empty: safe(&self.no_findings()),
        }
    }

    fn finding_row(&self, of: &Finding) -> Row {
        let (host, services) = place(self.state, of);
        let known = matches!(host_of(of, &self.state.inventory), Found::Host(_));
        let ago = |at: Option<Timestamp>| at.map_or_else(|| "?".to_owned(), |at| self.ago(at));
        Row {
            severity: of.severity,
            pci: of.pci(),
            open: of.is_open(),
            host: (safe(&host), known),
            services: safe(&services.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")),
            title: safe(&of.title()),
            first: ago(of.first),
            last: ago(of.last),
            standing: safe(&standing(of)),
        }
    }

    fn ago(&self, at: Timestamp) -> String {
        short(super::words::ms(self.now.utc.since(at)))
    }

    /// Says how old what is shown is, and when the scanner is asked again.
    fn findings_fact(&self) -> Option<(Tone, String)> {
        let (state, scanner) = (self.state, self.state.inventory.scanner.as_ref()?);
        let all = state.findings.listed().count();
        let open = state.findings.listed().filter(|(_, of)| of.is_open()).count();
        let few = if all > LISTED {
            format!("; {LISTED} of {all} are listed, a filter finds the others")
        } else {
            String::new()
        };
        let Some(pull) = state.findings.pull() else {
            return state.findings.is_asking().then(|| (Tone::Info, "it is asked now".to_owned()));
        };
        // On eighty columns no more than this fits beside the title: what is to be done stands below.
        let next =
            pull.next(scanner).map_or_else(|| "not tried again".to_owned(), |_| next(pull, scanner, self.now.utc));
        let asked = format!("asked {} ago", self.ago(pull.at));
        let late = pull.age(self.now.utc).is_none_or(|age| age > 2 * scanner.every_ms);
        let tone = match &pull.end {
            End::Denied { .. } => Tone::Error,
            End::Failed { .. } | End::Later { .. } => Tone::Warn,
            End::Whole if late => Tone::Warn,
            End::Whole => Tone::Good,
        };
        let went = match &pull.end {
            End::Whole => "",
            End::Later { .. } => ", it takes no more",
            End::Denied { .. } => ", login refused",
            End::Failed { .. } => ", failed",
        };
        // Where all was never told, nobody knows how many there are.
        let open = pull.whole.map_or_else(|| "?".to_owned(), |_| open.to_string());
        Some((tone, format!("{open} open; {asked}{went}; {next}{few}")))
    }

    /// Says how the last pull went.
    fn scanner_words(&self) -> Vec<String> {
        let (Some(pull), Some(scanner)) = (self.state.findings.pull(), &self.state.inventory.scanner) else {
            return Vec::new();
        };
        let left = pull.remaining.map(|left| format!("; {left} calls left in its window"));
        let went = pull.wrong().map_or_else(|| format!("told {}", pull.told), str::to_owned);
        let next = next(pull, scanner, self.now.utc);
        let first = format!("asked {}: {went}; {next}{}", pull.at.rfc3339(), left.unwrap_or_default());
        [first].into_iter().chain(pull.notes.iter().take(4).cloned()).collect()
    }

    fn no_findings(&self) -> String {
        let state = self.state;
        let Some(scanner) = &state.inventory.scanner else {
            return "no scanner is configured: add `[qualys]`, then qd check --connect".to_owned();
        };
        let severities = scanner.severities.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        match (state.findings.pull(), &state.recorder) {
            (Some(pull), _) => match pull.wrong() {
                Some(why) => format!("nothing is known: {why}"),
                None => format!("nothing was found of severity {severities}"),
            },
            (None, Recorder::Other { owner }) => format!("it was not asked yet: {owner} records, and asks it"),
            (None, Recorder::Nobody { .. }) => "nobody records, and so nobody asks it: start `qd watch`".to_owned(),
            (None, Recorder::Me { .. } | Recorder::Opening) => "it is asked for the first time".to_owned(),
        }
    }
}

fn next(pull: &Pull, scanner: &Scanner, now: Timestamp) -> String {
    match pull.next(scanner) {
        None => "not tried again by itself: mend the login, then pull".to_owned(),
        Some(at) if at <= now => "next pull is due".to_owned(),
        Some(at) => {
            let far = at.since(now) > crate::core::time::DAY;
            let day = at.to_utc().filter(|_| far).map(|at| at.format("%m-%d ").to_string());
            format!("next pull at {}{}", day.unwrap_or_default(), super::words::minute(at))
        }
    }
}

fn safe(text: &str) -> String {
    sanitise::line_max(text, 600)
}
