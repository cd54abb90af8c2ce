//! Boxes with fields about an incident: what each asks for, and what is written down when it is accepted.
mod apart;
mod begin;
mod sheets;
#[cfg(test)]
mod tests;
mod written;

use super::{Draft, Overlay, Tone, runbooks};
use crate::core::{
    Effect, State,
    action::Motion,
    alerts::Severity,
    id::Uid,
    incidents::{self, Duty, Guard, Impact, IncidentEventKind, Section, Urgency},
    time::{DAY, HOUR, Now},
};

pub(super) use self::begin::{begin, why_not};
pub use self::sheets::sheet;
use self::written::kinds;

/// A box with fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Form {
    /// The incident.
    pub incident: Uid,
    /// What it is for.
    pub what: Purpose,
    /// The field that the cursor is on.
    pub at: usize,
    /// What is chosen in each field; texts have a place here too.
    pub chosen: Vec<usize>,
    /// Which field takes text.
    pub text: Option<usize>,
}

/// What a box with fields is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A phase is left although something is missing.
    GoOn,
    /// What it is and whom it hurts.
    Classify,
    /// Who has which duty.
    Duty,
    /// How bad it is.
    Severity,
    /// Why it may be.
    Hypothesis,
    /// What speaks for it or against it.
    Judge,
    /// Who else is called.
    Escalate,
    /// When it began.
    Onset,
    /// When an entry happened.
    Time {
        /// Its position.
        of: u64,
    },
    /// What is to be done.
    Task,
    /// What is done.
    Done,
    /// What it has to do with another.
    Link,
    /// What an incident of its own for an entry is called.
    Split {
        /// The entry's position.
        of: u64,
    },
    /// What it is called.
    Title,
    /// That users are helped.
    Mitigated,
    /// What is to be remembered.
    Section,
    /// What steps of the runbook are given.
    StepValues,
    /// Why the step of the runbook is wrong.
    StepWrong,
}

/// A field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Field {
    /// One of several.
    Choice {
        /// What it is.
        label: &'static str,
        /// What there is to choose.
        options: Vec<String>,
    },
    /// Text.
    Text {
        /// What it is.
        label: &'static str,
        /// What stands there while nothing is typed.
        hint: &'static str,
        /// Whether it may stay empty.
        needed: bool,
    },
}

impl Field {
    fn choice<T: AsRef<str>>(label: &'static str, options: impl IntoIterator<Item = T>) -> Self {
        Self::Choice { label, options: options.into_iter().map(|option| option.as_ref().to_owned()).collect() }
    }

    fn text(label: &'static str, hint: &'static str) -> Self {
        Self::Text { label, hint, needed: true }
    }

    fn maybe(label: &'static str, hint: &'static str) -> Self {
        Self::Text { label, hint, needed: false }
    }

    /// Says how many there are to choose from.
    fn options(&self) -> usize {
        match self {
            Self::Choice { options, .. } => options.len(),
            Self::Text { .. } => 0,
        }
    }
}

/// What a box shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sheet {
    /// What it is about.
    pub title: String,
    /// What there is to know before.
    pub lines: Vec<String>,
    /// Its fields.
    pub fields: Vec<Field>,
    /// What Enter does.
    pub verb: &'static str,
}

/// How long until a task is due, as it is chosen.
const DUE: [(&str, Option<i64>); 5] = [
    ("as it says, else no date", None),
    ("in 4 h", Some(4 * HOUR)),
    ("tomorrow", Some(DAY)),
    ("in 3 days", Some(3 * DAY)),
    ("in a week", Some(7 * DAY)),
];

const SEVERITIES: [Severity; 4] = [Severity::P1, Severity::P2, Severity::P3, Severity::P4];

impl Form {
    fn pick<T: Copy>(&self, field: usize, of: &[T]) -> Option<T> {
        self.chosen.get(field).and_then(|at| of.get(*at)).copied()
    }

    fn at(&self, field: usize) -> usize {
        self.chosen.get(field).copied().unwrap_or(0)
    }
}

/// Opens a box.
pub(in crate::core::screen) fn open(state: &mut State, incident: Uid, what: Purpose, now: Now) {
    let mut form = Form { incident, what, at: 0, chosen: Vec::new(), text: None };
    let Some(sheet) = sheet(state, &form, now.utc) else { return };
    form.text = sheet.fields.iter().position(|field| matches!(field, Field::Text { .. }));
    form.chosen = vec![0; sheet.fields.len()];
    preset(state, &mut form);
    state.screen.open(Overlay::Form(form.clone()));
    // A box opens with nothing typed, wherever in it one begins; what is known comes only now.
    state.screen.drafts.remove(&Draft::Form);
    if what == Purpose::Section {
        recall(state, &form);
    }
    let known = if what == Purpose::StepValues {
        Some(runbooks::values(state, incident))
    } else {
        sheets::called(state, &form)
    };
    if let Some(known) = known {
        state.screen.drafts.insert(Draft::Form, known);
    }
}

/// Puts what is known already where it would be chosen.
fn preset(state: &State, form: &mut Form) {
    let Some(of) = state.incidents.incidents.get(&form.incident) else { return };
    let severity = SEVERITIES.iter().position(|known| *known == of.severity).unwrap_or(0);
    match form.what {
        Purpose::Classify => {
            if let Some(known) = &of.classified {
                let class = state.inventory.policy.classes.iter().position(|class| class.name == known.class);
                let impact = Impact::ALL.iter().position(|impact| *impact == known.impact);
                let urgency = Urgency::ALL.iter().position(|urgency| *urgency == known.urgency);
                form.chosen = vec![class.unwrap_or(0), impact.unwrap_or(0), urgency.unwrap_or(0), 0, 0];
            } else if of.severity > Severity::P1 {
                form.chosen = vec![0, severity.min(2), 0, 0, 0];
            }
        }
        Purpose::Severity => form.chosen = vec![severity, 0],
        Purpose::Section => {
            let is_there = |section: &Section| {
                of.sections.contains_key(section) || state.screen.sections.contains(&(form.incident, *section))
            };
            let next = Section::ALL.iter().position(|section| !is_there(section));
            form.chosen = vec![next.unwrap_or(0), 0];
            form.at = 1;
        }
        Purpose::GoOn
        | Purpose::Duty
        | Purpose::Hypothesis
        | Purpose::Judge
        | Purpose::Escalate
        | Purpose::Onset
        | Purpose::Time { .. }
        | Purpose::Task
        | Purpose::Done
        | Purpose::Link
        | Purpose::Split { .. }
        | Purpose::Title
        | Purpose::Mitigated
        | Purpose::StepValues
        | Purpose::StepWrong => {}
    }
}

/// Brings what a section holds already into the field.
fn recall(state: &mut State, form: &Form) {
    let section = form.pick(0, &Section::ALL);
    let known = state.incidents.incidents.get(&form.incident).zip(section);
    let text = known.and_then(|(of, section)| of.sections.get(&section)).cloned().unwrap_or_default();
    state.screen.drafts.insert(Draft::Form, text);
}

/// Moves in a box: up and down between fields, left and right among what there is to choose.
pub(super) fn moved(state: &mut State, motion: Motion, now: Now) {
    let Some(Overlay::Form(mut form)) = state.screen.overlay.clone() else { return };
    let Some(fields) = sheet(state, &form, now.utc).map(|sheet| sheet.fields) else { return };
    if fields.len() < 2 && matches!(motion, Motion::Down | Motion::Up) {
        return state.screen.say(now, Tone::Info, "this box has one field");
    }
    let (all, step) = match motion {
        Motion::Down | Motion::Up => (fields.len(), motion == Motion::Down),
        Motion::Right | Motion::Left => (fields.get(form.at).map_or(0, Field::options), motion == Motion::Right),
        Motion::Top | Motion::Bottom | Motion::HalfDown | Motion::HalfUp | Motion::PageDown | Motion::PageUp => return,
    };
    let place =
        if matches!(motion, Motion::Down | Motion::Up) { Some(&mut form.at) } else { form.chosen.get_mut(form.at) };
    if let Some(place) = place.filter(|_| all > 0) {
        *place = (*place + if step { 1 } else { all - 1 }) % all;
    }
    if matches!(motion, Motion::Left | Motion::Right) {
        turned(state, form);
    } else {
        state.screen.overlay = Some(Overlay::Form(form));
    }
}

/// Brings the cursor to the field that takes text.
pub(in crate::core) fn to_text(state: &mut State) {
    if let Some(Overlay::Form(form)) = &mut state.screen.overlay {
        form.at = form.text.unwrap_or(form.at);
    }
}

/// Chooses by number in the field that the cursor is on.
pub(super) fn choose(state: &mut State, number: u8, now: Now) {
    let Some(Overlay::Form(mut form)) = state.screen.overlay.clone() else { return };
    let Some(fields) = sheet(state, &form, now.utc).map(|sheet| sheet.fields) else { return };
    let all = fields.get(form.at).map_or(0, Field::options);
    let wanted = usize::from(number).checked_sub(1).filter(|wanted| *wanted < all);
    let Some((place, wanted)) = form.chosen.get_mut(form.at).zip(wanted) else {
        return state.screen.say(now, Tone::Info, format!("there is no {number}: {all} to choose from"));
    };
    *place = wanted;
    turned(state, form);
}

/// Takes over what was chosen.
fn turned(state: &mut State, form: Form) {
    if form.what == Purpose::Section {
        recall(state, &form);
    }
    state.screen.overlay = Some(Overlay::Form(form));
}

/// Writes down what a box was filled with.
pub(super) fn accept(state: &mut State, form: &Form, now: Now) -> Vec<Effect> {
    let Some(sheet) = sheet(state, form, now.utc) else { return Vec::new() };
    let text = state.screen.draft(Draft::Form).trim().to_owned();
    let needed = sheet.fields.iter().position(|field| matches!(field, Field::Text { needed: true, .. }));
    if let Some(at) = needed.filter(|_| text.is_empty() && form.what != Purpose::Section) {
        state.screen.say(now, Tone::Info, "it needs a word or two; Esc leaves it");
        state.screen.overlay = Some(Overlay::Form(Form { at, ..form.clone() }));
        return Vec::new();
    }
    if form.what == Purpose::StepValues {
        return runbooks::given(state, form.incident, &text, now);
    }
    if let Purpose::Split { of } = form.what {
        state.screen.close();
        return apart::split(state, form, (of, &text), now);
    }
    match kinds(state, form, text, now) {
        Ok(kinds) => {
            state.screen.close();
            if let [IncidentEventKind::Linked { other, how }] = kinds.as_slice() {
                return apart::linked(state, (form.incident, *other), *how, now);
            }
            let section = |kind: &IncidentEventKind| {
                let IncidentEventKind::Section { section, .. } = kind else { return None };
                Some((form.incident, *section))
            };
            state.screen.sections.extend(kinds.iter().filter_map(section));
            if let [IncidentEventKind::DutyTaken { duty: Duty::Lead, who: Some(who) }] = kinds.as_slice() {
                return state.lead(form.incident, who, now);
            }
            write(state, form.incident, kinds, now)
        }
        Err(why) => {
            state.screen.say(now, Tone::Error, why);
            Vec::new()
        }
    }
}

/// Writes into an incident's timeline.
pub(in crate::core) fn write(state: &mut State, incident: Uid, kinds: Vec<IncidentEventKind>, now: Now) -> Vec<Effect> {
    let by = state.actor.by.clone();
    let mut effects = Vec::new();
    for kind in kinds {
        let msg = incidents::Msg::Added { incident, at: now.utc, by: by.clone(), kind };
        effects.extend(state.incidents_update(msg, now, Some("writing it into the timeline")));
    }
    crate::core::together(effects)
}

/// Says what guards ask for, in one line.
pub(super) fn words_of(guards: &[Guard]) -> String {
    guards.iter().map(|guard| guard.words()).collect::<Vec<_>>().join(", ")
}
