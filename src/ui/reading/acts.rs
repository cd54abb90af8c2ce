//! Reads what can be done about an incident from where it is shown, each with what is known of it.
use super::{Reader, suspects::stands};
use crate::{
    core::{
        action::Action,
        incidents::{
            BookStep, ClockKind, Guard, Incident, IncidentAction, Stand, document::DocumentAction,
            suspects::SuspectAction,
        },
        runbooks::RunbookAction,
        runs,
        screen::refusal,
    },
    parse::sanitise,
    ui::{incidents::Act, show::Tone},
};

/// What is known of something that can be done, and how that is meant.
type Known = fn(&Reader<'_>, &Incident) -> (Tone, String);

/// What is offered, in the order in which it is mostly wanted.
const ACTS: [(Action, Known); 11] = [
    (Action::Suspect(SuspectAction::Show), |of, incident| of.who_is_suspected(incident)),
    (Action::RollBackService, |of, incident| of.tried(incident, |done| matches!(done, runs::Action::Rollback { .. }))),
    (Action::RestartService, |of, incident| of.tried(incident, |done| matches!(done, runs::Action::Restart))),
    (Action::DeployService, |of, incident| of.tried(incident, |done| matches!(done, runs::Action::Deploy { .. }))),
    (Action::Runbook(RunbookAction::Show), |of, incident| of.where_in_the_book(incident)),
    (Action::OpenLogs, |of, incident| (Tone::Info, format!("from {}", of.moment(incident.zero())))),
    (Action::Incident(IncidentAction::Charts), |of, incident| of.whose_charts(incident)),
    (Action::WriteUpdate, |of, incident| of.what_was_told(incident)),
    (Action::Incident(IncidentAction::Escalate), |of, incident| of.who_is_next(incident)),
    (Action::Document(DocumentAction::Show), |of, incident| of.what_is_owed(incident)),
    (Action::ResolveIncident, |_, _| (Tone::Info, String::new())),
];

impl Reader<'_> {
    /// What can be done now; what would do nothing is left out.
    pub(super) fn incident_acts(&self, of: &Incident) -> Vec<Act> {
        let now = ACTS.iter().filter(|(action, _)| refusal::why_not(self.state, *action, self.now).is_none());
        let act = |(action, known): &(Action, Known)| {
            let (tone, text) = known(self, of);
            Act { action: *action, tone, text: sanitise::line_max(text, 200) }
        };
        now.map(act).collect()
    }

    fn whose_charts(&self, of: &Incident) -> (Tone, String) {
        let host = self.state.host_to_chart(of).map_or_else(String::new, |host| format!("{host} "));
        (Tone::Info, format!("{host}from {}", self.moment(of.zero())))
    }

    fn who_is_suspected(&self, of: &Incident) -> (Tone, String) {
        if let Some((key, words)) = &of.suspect {
            return match key {
                Some(_) => (Tone::Good, words.clone()),
                None => (Tone::Info, "none convinces, it was said".to_owned()),
            };
        }
        let Some(looked) = self.state.suspects.of(of.uid) else {
            return (Tone::Info, "nobody was asked yet".to_owned());
        };
        let mut convincing = looked.ranking.suspects.iter().filter(|suspect| stands(of, suspect));
        let waits = looked.waiting();
        match (convincing.next(), convincing.count()) {
            (Some(first), 0) => (Tone::Warn, first.change.line()),
            (Some(first), more) => (Tone::Warn, format!("{}, and {more} more", first.change.line())),
            (None, _) if waits > 0 => (Tone::Info, format!("{waits} of those asked have not answered yet")),
            (None, _) => (Tone::Info, "none convincing".to_owned()),
        }
    }

    /// How the last run of a kind ended that belongs to it: what did not help is not done again without a thought.
    fn tried(&self, of: &Incident, is: impl Fn(&runs::Action) -> bool) -> (Tone, String) {
        let all = self.state.runs.runs.values().filter(|run| run.incident == Some(of.uid) && is(&run.plan.action));
        let Some(last) = all.max_by_key(|run| (run.at, run.number)) else {
            return (Tone::Info, "not done yet".to_owned());
        };
        let (tone, result) = self.result(last);
        let proof = last.proof.as_ref().map_or(result, |(_, proof)| proof.clone());
        (tone, format!("{} at {}: {proof}", self.run_number(last.run), self.moment(last.at)))
    }

    fn where_in_the_book(&self, of: &Incident) -> (Tone, String) {
        let Some(book) = self.state.runbook_beside(of.uid) else {
            return (Tone::Info, "none is configured".to_owned());
        };
        let stand = |id: &str| of.books.get(&(book.name.clone(), id.to_owned())).map_or(Stand::Open, BookStep::stand);
        let all = book.numbered().count();
        let behind = |stand| matches!(stand, Stand::Done | Stand::Met | Stand::Skipped);
        let next = book.numbered().enumerate().find(|(_, step)| !behind(stand(&step.id)));
        match next {
            Some((at, step)) => (Tone::Info, format!("{} {} of {all}: {}", book.name, at + 1, step.name)),
            None => (Tone::Good, format!("{}: all {all} steps", book.name)),
        }
    }

    fn what_was_told(&self, of: &Incident) -> (Tone, String) {
        let said = of.told.last().map(|told| format!("{} at {}", told.state.word(), self.moment(told.at)));
        let kinds = [ClockKind::FirstUpdate, ClockKind::Update];
        let clocks = of.clocks(&self.state.inventory.policy).into_iter().filter(|_| of.closed.is_none());
        let due =
            clocks.filter(|clock| kinds.contains(&clock.kind) && clock.met.is_none()).min_by_key(|clock| clock.due);
        let (how, tone) = due.map(|clock| self.promise(clock)).unwrap_or_default();
        let text = match (said, how.is_empty()) {
            (Some(said), true) => said,
            (Some(said), false) => format!("{said}, the next: {how}"),
            (None, true) => "nobody was told yet".to_owned(),
            (None, false) => format!("nobody was told yet, {how}"),
        };
        (tone, text)
    }

    fn who_is_next(&self, of: &Incident) -> (Tone, String) {
        let policy = &self.state.inventory.policy;
        let shift = self.state.shift().map(|(by, _)| by);
        let Some(next) = of.next_to_call(policy, shift) else {
            return (Tone::Info, "nobody else is in the policy".to_owned());
        };
        let has_shift = shift.is_some_and(|by| by.as_str() == next.name);
        let why = if has_shift { " (signed the hand-over last)" } else { "" };
        match of.calls_at(policy) {
            Some(at) => (Tone::Warn, format!("{}{why}, by itself at {}", next.name, self.moment(at))),
            None => (Tone::Info, format!("{}{why}", next.name)),
        }
    }

    fn what_is_owed(&self, of: &Incident) -> (Tone, String) {
        let owed = self.state.missing_to_close(of, self.now.utc);
        if owed.is_empty() {
            return (Tone::Good, "nothing is owed".to_owned());
        }
        (Tone::Info, format!("owed: {}", owed.into_iter().map(Guard::words).collect::<Vec<_>>().join(", ")))
    }
}
