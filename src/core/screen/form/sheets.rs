//! What each box asks for.
use super::{DUE, Draft, Field, Form, Purpose, SEVERITIES, Sheet};
use crate::core::{
    State, handover,
    id::Uid,
    incidents::{Duty, Impact, Incident, Section, Urgency, advance, classify},
    runbooks::Param,
    screen::runbooks,
    time::Timestamp,
};

/// Most characters of a title that is suggested: what a line of the box shows.
const SUGGESTED: usize = 60;

/// Returns what a box shows; none when there is nothing to be asked.
pub fn sheet(state: &State, form: &Form, now: Timestamp) -> Option<Sheet> {
    let of = state.incidents.incidents.get(&form.incident)?;
    let name = &of.number;
    let sheet =
        |title: String, lines: Vec<String>, fields: Vec<Field>, verb| Some(Sheet { title, lines, fields, verb });
    match form.what {
        Purpose::GoOn => {
            let around = state.around(of);
            let policy = &state.inventory.policy;
            let guards = advance::go_on(of, around, policy, "", now).err().map_or_else(Vec::new, |stays| stays.missing);
            // What was missing may have come while the box was open.
            let (lines, field) = if guards.is_empty() {
                (vec!["nothing is missing any more".to_owned()], Field::maybe("why now", "Enter goes on"))
            } else {
                let lines = guards.iter().map(|guard| format!("missing: {}", guard.words())).collect();
                (lines, Field::text("why now", "why it goes on without; what is missing is asked for at the end"))
            };
            sheet(format!("{name}: leave {}", of.phase.word()), lines, vec![field], "go on")
        }
        Purpose::Classify => {
            let impact = form.pick(1, &Impact::ALL).unwrap_or(Impact::All);
            let urgency = form.pick(2, &Urgency::ALL).unwrap_or(Urgency::Now);
            let (proposed, why) = classify::propose(impact, urgency);
            let classes = &state.inventory.policy.classes;
            let mut lines = Vec::new();
            if let Some(class) = classes.get(form.at(0)) {
                lines.push(format!("procedure: {}", class.procedure.join(" → ")));
            }
            let take = [format!("{proposed:?}: {why}"), format!("stays {:?}", of.severity)];
            let fields = vec![
                Field::choice("type", classes.iter().map(|class| &class.title)),
                Field::choice("impact", Impact::ALL.map(Impact::words)),
                Field::choice("urgency", Urgency::ALL.map(Urgency::words)),
                Field::choice("severity", take),
                Field::maybe("who, how", "checkout fails for 71 % of card payments"),
            ];
            sheet(format!("{name}: what it is and whom it hurts"), lines, fields, "classify")
        }
        Purpose::Duty => {
            let held = Duty::ALL.map(|duty| {
                let who = if duty == Duty::Lead { of.owner.as_ref() } else { of.duties.get(&duty) };
                format!("{}: {}", duty.word(), who.map_or("nobody", |who| who.as_str()))
            });
            let fields = vec![Field::choice("duty", held), Field::choice("goes to", people(state, of))];
            sheet(format!("{name}: who does what"), Vec::new(), fields, "give")
        }
        Purpose::Severity => {
            let fields = vec![
                Field::choice("severity", SEVERITIES.map(|s| format!("{s:?}"))),
                Field::text("why", "for the record"),
            ];
            sheet(format!("{name}: how bad it is"), Vec::new(), fields, "change")
        }
        Purpose::Hypothesis
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
        | Purpose::StepWrong
        | Purpose::Section => about(state, form, of, now),
    }
}

/// What is asked of what people think, do and remember.
fn about(state: &State, form: &Form, of: &Incident, now: Timestamp) -> Option<Sheet> {
    let name = &of.number;
    let sheet =
        |title: String, lines: Vec<String>, fields: Vec<Field>, verb| Some(Sheet { title, lines, fields, verb });
    match form.what {
        Purpose::GoOn | Purpose::Classify | Purpose::Duty | Purpose::Severity => None,
        Purpose::Hypothesis => {
            let fields = vec![Field::text("it may be", "the pool leaks; test: roll one host back and watch it")];
            sheet(format!("{name}: why it may be"), Vec::new(), fields, "write")
        }
        Purpose::Judge => {
            let known = of.hypotheses.values().zip(1..).map(|(hypothesis, n)| format!("H{n} {}", hypothesis.text));
            let fields = vec![
                Field::choice("hypothesis", known),
                Field::choice(
                    "that",
                    ["speaks for it", "speaks against it", "decides: it holds", "decides: ruled out"],
                ),
                Field::maybe("what", "what was seen"),
            ];
            sheet(format!("{name}: for and against"), Vec::new(), fields, "write")
        }
        Purpose::Escalate => {
            let people = to_call(state, of);
            let reach = people.get(form.at(0)).map(|(_, reach)| reach.clone()).filter(|reach| !reach.is_empty());
            let lines = reach.map(|reach| format!("reached by {reach}")).into_iter().collect();
            let fields = vec![
                Field::choice("to", people.iter().map(|(name, _)| name)),
                Field::text("why", "what you need from them"),
            ];
            sheet(format!("{name}: call somebody"), lines, fields, "escalate")
        }
        Purpose::Onset => {
            let known =
                of.onset.as_ref().map(|onset| format!("so far: {}, {}", state.moment(onset.at, now), onset.how));
            let fields = vec![Field::text("began", "02:58, 02:58:40, -10m, or a date and time; UTC")];
            sheet(format!("{name}: when it began"), known.into_iter().collect(), fields, "set")
        }
        Purpose::Time { of: seq } => {
            let event = of.timeline.get(&seq)?;
            let lines = vec![format!("{} {}", state.moment(of.happened(seq)?, now), event.kind.text())];
            let fields = vec![Field::text("happened", "02:58, 02:58:40, -10m, or a date and time; UTC")];
            sheet(format!("{name}: when this happened"), lines, fields, "correct")
        }
        Purpose::Task => Some(to_do(state, form, of, now)),
        Purpose::Done => {
            let open = of.tasks.values().filter(|task| task.done.is_none()).map(|task| &task.text);
            sheet(format!("{name}: what is done"), Vec::new(), vec![Field::choice("task", open)], "done")
        }
        Purpose::Link => {
            let others = others(state, of);
            let fields = vec![
                Field::choice("it", ["is related to", "is the same as, and goes into"]),
                Field::choice("incident", others.iter().map(|(_, words)| words)),
            ];
            sheet(format!("{name}: what it has to do with"), Vec::new(), fields, "link")
        }
        Purpose::Split { .. } | Purpose::Title => titled(state, form, of, now),
        Purpose::Mitigated => {
            let fields = vec![Field::text("how", "traffic goes to the other region")];
            sheet(format!("{name}: users are helped"), Vec::new(), fields, "write")
        }
        Purpose::StepValues | Purpose::StepWrong => of_step(state, form.what),
        Purpose::Section => {
            let titles = Section::ALL.map(|section| {
                format!("{}{}", section.title(), if of.sections.contains_key(&section) { " ✓" } else { "" })
            });
            let fields = vec![
                Field::choice("section", titles),
                Field::text("text", "in your words; what happened is written already"),
            ];
            sheet(format!("{name}: what only you know"), Vec::new(), fields, "save")
        }
    }
}

/// What is asked of what it is called, or of what an incident of its own for an entry is.
fn titled(state: &State, form: &Form, of: &Incident, now: Timestamp) -> Option<Sheet> {
    let name = &of.number;
    let fields = vec![Field::text("title", "what is wrong, in one line")];
    let Purpose::Split { of: seq } = form.what else {
        return Some(Sheet { title: format!("{name}: what it is called"), lines: Vec::new(), fields, verb: "rename" });
    };
    let event = of.timeline.get(&seq)?;
    let lines = vec![
        format!("{} {}", state.moment(of.happened(seq)?, now), event.kind.text()),
        "it goes with the new one, as bad and of the same service; each leads to the other".to_owned(),
    ];
    Some(Sheet { title: format!("{name}: this is another incident"), lines, fields, verb: "split" })
}

/// What is asked of what is to be done; until when it is then taken to be due is shown while it is typed.
fn to_do(state: &State, form: &Form, of: &Incident, now: Timestamp) -> Sheet {
    let fields = vec![
        Field::choice("who", everybody(state, of)),
        Field::choice("until", DUE.map(|(words, _)| words)),
        Field::text("what", "alert on the pool's size; with a date: 2026-12-01 alert on it"),
    ];
    let lines = match task(form, state.screen.draft(Draft::Form).trim(), now) {
        Ok((Some(due), _)) => vec![format!("due {}", state.moment(due, now))],
        Ok((None, _)) => Vec::new(),
        Err(why) => vec![why],
    };
    Sheet { title: format!("{}: something to do", of.number), lines, fields, verb: "add" }
}

/// What is asked of a step of the runbook.
fn of_step(state: &State, what: Purpose) -> Option<Sheet> {
    let (_, book, id) = runbooks::under(state)?;
    let step = book.step(&id)?;
    if what == Purpose::StepWrong {
        let fields = vec![Field::text("why", "the table is called orders now")];
        let (title, lines) = (format!("{}/{id}: what is wrong with it", book.name), vec![step.name.clone()]);
        return Some(Sheet { title, lines, fields, verb: "write" });
    }
    let takes = |param: &Param| {
        let default = param.default.as_ref().map(|default| format!("; else {default}")).unwrap_or_default();
        format!("{}: {}{default}", param.name, param.takes.words())
    };
    let fields = vec![Field::maybe("values", "minutes=10 domain=shop.example key=\"two words\"")];
    let (title, lines) = (format!("{}: what its steps are given", book.name), book.takes(step).map(takes).collect());
    Some(Sheet { title, lines, fields, verb: "take" })
}

/// Returns what stands in the field of a title before anything is typed; none where a box asks for another thing.
pub(super) fn called(state: &State, form: &Form) -> Option<String> {
    let of = state.incidents.incidents.get(&form.incident)?;
    let Purpose::Split { of: seq } = form.what else {
        return (form.what == Purpose::Title).then(|| of.title.clone());
    };
    let said = of.timeline.get(&seq)?.kind.says();
    Some(said.lines().next().unwrap_or_default().chars().take(SUGGESTED).collect())
}

/// Returns who may be given something: who asks, the team that is called, and nobody.
pub(super) fn people(state: &State, of: &Incident) -> Vec<String> {
    let mut people = vec![state.actor.by.to_string()];
    let team = state.inventory.policy.team(of.severity);
    for member in team.iter().flat_map(|team| &team.members) {
        if !people.contains(&member.name) {
            people.push(member.name.clone());
        }
    }
    people.push("nobody".to_owned());
    people
}

/// Returns who may be given a task: who asks, the team that is called, everybody else of any team, and nobody.
pub(super) fn everybody(state: &State, of: &Incident) -> Vec<String> {
    let mut all = people(state, of);
    let nobody = all.pop();
    for member in state.inventory.policy.teams.iter().flat_map(|team| &team.members) {
        if !all.contains(&member.name) {
            all.push(member.name.clone());
        }
    }
    all.extend(nobody);
    all
}

/// Reads until when a task is due and what it is: where no time is chosen, the text may begin with one.
pub(super) fn task(form: &Form, text: &str, now: Timestamp) -> Result<(Option<Timestamp>, String), String> {
    if let Some(ms) = form.pick(1, &DUE).and_then(|(_, ms)| ms) {
        return Ok((Some(Timestamp(now.0.saturating_add(ms))), text.to_owned()));
    }
    let Some((first, rest)) = text.split_once(char::is_whitespace) else { return Ok((None, text.to_owned())) };
    match handover::due(first, now) {
        Some(due) if due > now => Ok((Some(due), rest.trim().to_owned())),
        Some(_) => Err(format!("{first} is over")),
        None => Ok((None, text.to_owned())),
    }
}

/// Returns who may be called: the rest of the team, then whoever is outside.
pub(super) fn to_call(state: &State, of: &Incident) -> Vec<(String, String)> {
    let policy = &state.inventory.policy;
    let members = policy.team(of.severity).into_iter().flat_map(|team| &team.members);
    let reach =
        |mail: &Option<String>, phone: &Option<String>| phone.clone().or_else(|| mail.clone()).unwrap_or_default();
    let mut people: Vec<_> = members.map(|member| (member.name.clone(), reach(&member.mail, &member.phone))).collect();
    let service = of.service.as_ref().map(|id| id.service.as_str().to_owned());
    let concerned = policy.contacts.iter().filter(|contact| {
        contact.services.is_empty() || service.as_ref().is_some_and(|name| contact.services.contains(name))
    });
    people.extend(concerned.map(|contact| (contact.called(), contact.reach.clone())));
    if people.is_empty() {
        people.push(("somebody".to_owned(), String::new()));
    }
    people
}

/// Returns the other incidents that this one may have to do with, the newest first.
pub(super) fn others(state: &State, of: &Incident) -> Vec<(Uid, String)> {
    let mut others: Vec<&Incident> = state.incidents.incidents.values().filter(|other| other.uid != of.uid).collect();
    others.sort_by_key(|other| std::cmp::Reverse((other.is_open(), other.opened)));
    others.iter().take(9).map(|other| (other.uid, format!("{} {}", other.number, other.title))).collect()
}
