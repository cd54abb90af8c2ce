//! Findings and what lies around them: only who records has the scanner asked, and what it tells is known once it is on disk.
use super::{
    Effect, State,
    findings::{End, Event, Msg},
    record::{Recorder, Row},
    screen::{Tone, rows},
    time::Now,
};

impl State {
    /// Has the scanner asked, where that is due; a person may want it before.
    pub(super) fn pull_findings(&mut self, now: Now, wanted: bool) -> Vec<Effect> {
        // Without a lease nobody knows who else asks, and when it was asked last.
        if !matches!(self.recorder, Recorder::Me { .. }) || !self.loaded {
            return Vec::new();
        }
        let Some(scanner) = self.inventory.scanner.clone() else { return Vec::new() };
        let order = self.findings.ask(&scanner, now, wanted);
        order.map(|order| Effect::PullFindings(Box::new(order))).into_iter().collect()
    }

    /// Returns why a person cannot have the scanner asked here and now.
    pub fn no_pull(&self, now: Now) -> Option<String> {
        if self.inventory.scanner.is_none() {
            return Some("no scanner is configured: `[qualys]` in the configuration".to_owned());
        }
        match &self.recorder {
            Recorder::Me { .. } => self.findings.why_not(now.utc),
            Recorder::Other { owner } => Some(format!("only who records asks it: {owner}")),
            Recorder::Opening | Recorder::Nobody { .. } => {
                Some("nobody records: it is not known when it was asked last".to_owned())
            }
        }
    }

    /// Takes what the scanner told: it is known once it is committed.
    pub(super) fn findings_update(&mut self, msg: Msg, now: Now) -> Vec<Effect> {
        let Msg::Pulled { order, told } = msg;
        let events = self.findings.pulled(&order, *told, now.utc);
        vec![Effect::Commit { rows: events.into_iter().map(Row::Finding).collect(), then: Vec::new(), what: None }]
    }

    /// Takes what was committed while this console looks on, and says where a person is needed.
    pub(super) fn findings_arrived(&mut self, events: Vec<Event>, now: Now) {
        let refused = events.iter().find_map(|event| match event {
            Event::Pulled(pull) if matches!(pull.end, End::Denied { .. }) => pull.wrong().map(str::to_owned),
            Event::Pulled(_) | Event::Found(_) => None,
        });
        if let Some(why) = refused {
            let text = format!("Qualys: {why}; it is not tried again by itself; see :findings");
            self.screen.say(now, Tone::Error, text);
        }
        self.findings.stored(events);
        rows::refresh(self, now, false);
    }
}
