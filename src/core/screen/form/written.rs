//! What a box writes into the timeline once it is accepted.
use super::{
    Form, Purpose, SEVERITIES,
    sheets::{everybody, others, people, task, to_call},
    words_of,
};
use crate::core::{
    State,
    incidents::{Duty, Impact, Incident, IncidentEventKind, Link, Section, StepMark, Urgency, advance, classify},
    logs::filter::moment,
    opening::TITLE,
    screen::{logs, runbooks},
    time::{Now, Timestamp},
};

pub(super) fn kinds(state: &State, form: &Form, text: String, now: Now) -> Result<Vec<IncidentEventKind>, String> {
    let of = state.incidents.incidents.get(&form.incident).ok_or_else(gone)?;
    let policy = &state.inventory.policy;
    Ok(match form.what {
        Purpose::GoOn => {
            let kind = advance::go_on(of, state.around(of), policy, &text, now.utc);
            vec![kind.map_err(|stays| format!("first: {}", words_of(&stays.missing)))?]
        }
        Purpose::Classify => {
            let (impact, urgency) = (form.pick(1, &Impact::ALL), form.pick(2, &Urgency::ALL));
            let (impact, urgency) = (impact.unwrap_or(Impact::All), urgency.unwrap_or(Urgency::Now));
            let class = policy.classes.get(form.at(0)).map(|class| class.name.clone()).ok_or_else(gone)?;
            let known = of.classified.as_ref().map(|known| known.words.clone()).filter(|_| text.is_empty());
            let words = known.unwrap_or(text);
            let mut kinds = vec![IncidentEventKind::Classified { class, impact, urgency, words }];
            let (to, reason) = classify::propose(impact, urgency);
            if form.at(3) == 0 && to != of.severity {
                kinds.push(IncidentEventKind::SeverityChanged { to, reason });
            }
            kinds
        }
        Purpose::Duty => {
            let duty = form.pick(0, &Duty::ALL).ok_or_else(gone)?;
            let people = people(state, of);
            let last = people.len().saturating_sub(1);
            let who = people.get(form.at(1)).filter(|_| form.at(1) < last).map(|name| name.as_str().into());
            vec![IncidentEventKind::DutyTaken { duty, who }]
        }
        Purpose::Severity => {
            let to = form.pick(0, &SEVERITIES).ok_or_else(gone)?;
            if to == of.severity {
                return Err(format!("it is {to:?} already"));
            }
            vec![IncidentEventKind::SeverityChanged { to, reason: text }]
        }
        Purpose::Hypothesis => {
            let (guess, way) = text.split_once("; test:").unwrap_or((&text, ""));
            vec![IncidentEventKind::Hypothesis { text: guess.trim().to_owned(), test: way.trim().to_owned() }]
        }
        Purpose::Judge => judge(of, form, text)?,
        Purpose::Escalate => {
            let (to, _) = to_call(state, of).into_iter().nth(form.at(0)).ok_or_else(gone)?;
            vec![IncidentEventKind::Escalated { to, reason: text }]
        }
        Purpose::Onset => {
            let at = moment_of(state, &text, now)?;
            let how = format!("{} says so", state.actor.by);
            vec![IncidentEventKind::Onset { at, how, estimated: false }]
        }
        Purpose::Time { of: seq } => {
            vec![IncidentEventKind::TimeCorrected { of: seq, to: moment_of(state, &text, now)? }]
        }
        Purpose::Task => {
            let people = everybody(state, of);
            let last = people.len().saturating_sub(1);
            let owner = people.get(form.at(0)).filter(|_| form.at(0) < last).map(|name| name.as_str().into());
            let (due, text) = task(form, &text, now.utc)?;
            vec![IncidentEventKind::TaskAdded { text, owner, due }]
        }
        Purpose::Done => {
            let mut open = of.tasks.iter().filter(|(_, task)| task.done.is_none());
            let (of, _) = open.nth(form.at(0)).ok_or_else(gone)?;
            vec![IncidentEventKind::TaskDone { of: *of }]
        }
        Purpose::Link => vec![link(state, of, form)?],
        Purpose::Title => vec![title(of, &text)?],
        Purpose::StepValues | Purpose::Split { .. } => Vec::new(),
        Purpose::StepWrong => {
            let (_, book, step) = runbooks::under(state).ok_or_else(gone)?;
            vec![IncidentEventKind::StepMarked { book: book.name.clone(), step, mark: StepMark::Wrong, note: text }]
        }
        Purpose::Mitigated => vec![IncidentEventKind::Mitigated { summary: text }],
        Purpose::Section => {
            let section = form.pick(0, &Section::ALL).ok_or_else(gone)?;
            vec![IncidentEventKind::Section { section, text }]
        }
    })
}

fn gone() -> String {
    "it is not there any more".to_owned()
}

/// That it has to do with another.
fn link(state: &State, of: &Incident, form: &Form) -> Result<IncidentEventKind, String> {
    let how = form.pick(0, &[Link::Related, Link::MergedInto]).ok_or_else(gone)?;
    let (other, _) = others(state, of).into_iter().nth(form.at(1)).ok_or_else(gone)?;
    if how == Link::MergedInto {
        state.incidents.may_go_into(of.uid, other)?;
    }
    Ok(IncidentEventKind::Linked { other, how })
}

/// That it is called something else.
fn title(of: &Incident, text: &str) -> Result<IncidentEventKind, String> {
    let title: String = text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(TITLE).collect();
    if title == of.title {
        return Err("it is called that already".to_owned());
    }
    Ok(IncidentEventKind::Renamed { title })
}

fn judge(of: &Incident, form: &Form, text: String) -> Result<Vec<IncidentEventKind>, String> {
    let (at, _) = of.hypotheses.iter().nth(form.at(0)).ok_or_else(|| "there is no hypothesis yet".to_owned())?;
    let of = *at;
    let says = form.at(1);
    let mut kinds = Vec::new();
    if !text.is_empty() {
        kinds.push(IncidentEventKind::Argument { of, supports: says.is_multiple_of(2), text });
    }
    if says >= 2 {
        kinds.push(IncidentEventKind::Verdict { of, holds: says == 2 });
    }
    if kinds.is_empty() { Err("say what was seen".to_owned()) } else { Ok(kinds) }
}

/// Reads a time of day, a date, or how long ago.
fn moment_of(state: &State, text: &str, now: Now) -> Result<Timestamp, String> {
    let read =
        moment::read(text).ok_or_else(|| format!("`{text}` is no time: 02:58, 02:58:40, -10m, 2026-11-20 02:58"))?;
    let named = |name: &str| logs::named_moment(state, name);
    let at = moment::resolve(&read, now.utc.into(), chrono_tz::UTC, &named).map_err(|error| error.to_string())?;
    let at = at.timestamp();
    if at > now.utc { Err("that is yet to come".to_owned()) } else { Ok(at) }
}
