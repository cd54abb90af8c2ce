//! Runs and what lies around them: the incident they belong to, the service they prove, what the screen says of them.
use std::sync::Arc;

use super::{
    Effect, State,
    alerts::Severity,
    id::{HostName, Uid},
    incidents::{self, IncidentEventKind},
    measure, push_commit,
    record::Row,
    runbooks,
    runs::{self, RunEvent, RunEventKind, RunOutcome},
    screen::{self, Tone, act, rows},
    services::{self, Health},
    time::Now,
    together,
};

impl State {
    pub(super) fn runs_update(&mut self, msg: runs::Msg, now: Now) -> Vec<Effect> {
        let inventory = Arc::clone(&self.inventory);
        let actor = self.actor.clone();
        let what = matches!(msg, runs::Msg::WriteArmed(_)).then_some("arming write");
        let out = runs::update(&mut self.runs, msg, now, &inventory, &actor);
        let mut effects = Vec::new();
        // What is confirmed may be refused on disk: another run came first. It is told also where it waits for a second person.
        let confirms = |row: &Row| matches!(row, Row::Run(RunEvent { kind: RunEventKind::Confirmed { .. }, .. }));
        let begins = out.rows.iter().any(confirms);
        push_commit(&mut effects, out.rows, what.or(begins.then_some("starting the run")));
        effects.extend(self.carry_run_asks(out.asks, now));
        for fact in out.facts {
            effects.extend(self.after_run(fact, now));
        }
        let starts = |effect: &Effect| matches!(effect, Effect::Commit { then, .. } if !then.is_empty());
        if begins || effects.iter().any(starts) { together(effects) } else { effects }
    }

    pub(super) fn carry_run_asks(&mut self, asks: Vec<runs::Ask>, now: Now) -> Vec<Effect> {
        let mut effects = Vec::new();
        for ask in asks {
            match ask {
                runs::Ask::LookBack(service, wanted) => effects.push(Effect::LookBack { service, wanted }),
                runs::Ask::Open(plan) => effects.push(Effect::Open { plan }),
                runs::Ask::Plan(service, wanted, may_ask) => effects.push(Effect::Plan { service, wanted, may_ask }),
                runs::Ask::TrySudo(hosts) => effects.push(Effect::TrySudo { hosts }),
                runs::Ask::FindSudo(hosts) => effects.push(Effect::FindSudo { hosts }),
                runs::Ask::ForgetSudo => effects.push(Effect::ForgetSudo),
                runs::Ask::Offer(ask) => effects.push(Effect::Offer(ask)),
                runs::Ask::Start { rows, run, plan, shares, permit } => {
                    let start =
                        |share| Effect::StartShare { run, plan: Arc::clone(&plan), share, permit: permit.clone() };
                    let then = shares.into_iter().map(start).collect();
                    effects.push(Effect::Commit { rows, then, what: Some("starting the run") });
                }
                runs::Ask::Stage { rows, run, plan, hosts, permit } => {
                    let stage = |host| Effect::Stage { run, plan: Arc::clone(&plan), host, permit: permit.clone() };
                    let then = hosts.into_iter().map(stage).collect();
                    effects.push(Effect::Commit { rows, then, what: Some("starting the run") });
                }
                runs::Ask::Follow { run, plan, share, since } => {
                    effects.push(Effect::FollowShare { run, plan, share, since });
                }
                runs::Ask::Act { rows, plan, incident, reason, permit } => {
                    let then = vec![Effect::ActOnPipeline { plan, incident, reason, permit }];
                    effects.push(Effect::Commit { rows, then, what: Some("acting on the pipeline") });
                }
                runs::Ask::Hold { rows, run, service, hold, reason, permit } => {
                    let then = vec![Effect::HoldPipeline { run, service, hold, reason, permit }];
                    effects.push(Effect::Commit { rows, then, what: Some("holding the pipeline") });
                }
                runs::Ask::LookAtBranch { run, service, commit } => {
                    effects.push(Effect::LookAtBranch { run, service, commit });
                }
                runs::Ask::SkipSnapshot { rows, run, hosts } => {
                    let then = hosts.into_iter().map(|host| Effect::SkipSnapshot { run, host }).collect();
                    effects.push(Effect::Commit { rows, then, what: Some("leaving the snapshot out") });
                }
                runs::Ask::CheckNow(service) => {
                    effects.extend(self.services_update(services::Msg::CheckRequested(service), now));
                }
            }
        }
        effects
    }

    fn after_run(&mut self, fact: runs::Fact, now: Now) -> Vec<Effect> {
        match fact {
            runs::Fact::Said(text) => {
                self.screen.say(now, Tone::Error, text);
                Vec::new()
            }
            runs::Fact::ActedOutside { service, incident, acted } => {
                let text = acted.iter().map(runs::Acted::words).collect::<Vec<_>>().join("; ");
                let well = acted.iter().all(|one| matches!(one, runs::Acted::Done(_)));
                let tone = if well { Tone::Done } else { Tone::Error };
                self.screen.say(now, tone, format!("{service}: {text}"));
                self.pipelines.changed(&service);
                let Some(incident) = incident else { return Vec::new() };
                let kind = IncidentEventKind::Note { text: format!("pipeline of {service}: {text}") };
                let msg = incidents::Msg::Added { incident, at: now.utc, by: self.actor.by.clone(), kind };
                self.incidents_update(msg, now, None)
            }
            runs::Fact::SudoAsked => {
                // What is typed elsewhere must not become part of a password.
                if self.screen.overlay.is_some() || self.runs.review.is_some() {
                    self.screen.say(now, Tone::Error, "a password for sudo is needed: ask for the change again");
                    (self.runs.sudo.asking, self.runs.planning) = (None, None);
                } else {
                    self.screen.message = None;
                    self.screen.open(screen::Overlay::Sudo);
                }
                Vec::new()
            }
            runs::Fact::Chosen { service, wanted } => {
                // A build that was read for a box which another one closed is asked for by nobody.
                if self.screen.overlay != Some(screen::Overlay::Deploy) {
                    return Vec::new();
                }
                self.screen.close();
                act::change(self, service, wanted, now)
            }
            runs::Fact::Confirmed { run } => {
                let mut effects = self.baseline(run, now);
                self.screen.go(screen::View::Run(run));
                rows::refresh(self, now, true);
                let Some(found) = self.runs.runs.get(&run) else { return effects };
                let hosts = found.plan.hosts();
                let hosts: Vec<&str> = hosts.iter().map(HostName::as_str).collect();
                let kind = IncidentEventKind::Action {
                    run,
                    summary: format!("{} on {}: {}", found.plan.title, hosts.join(", "), found.reason),
                };
                let step = found.step_of_runbook();
                effects.extend(self.note_run(run, kind, now));
                if let Some((book, step)) = step {
                    effects.extend(self.note_run(run, IncidentEventKind::StepRun { book, step, run }, now));
                }
                effects
            }
            runs::Fact::Ended { run } => {
                let found = self.runs.runs.get(&run);
                let ended = found.and_then(|run| Some((run.outcome?.0, run.ended_words()?)));
                let Some((outcome, word)) = ended else { return Vec::new() };
                let tone = match outcome {
                    RunOutcome::Succeeded => Tone::Done,
                    RunOutcome::Stopped => Tone::Info,
                    RunOutcome::Failed | RunOutcome::Unknown | RunOutcome::Refused | RunOutcome::Undone => Tone::Error,
                };
                self.screen.say(now, tone, format!("{}: {word}", self.run_name(run)));
                let kind = IncidentEventKind::Result { run, outcome: format!("{outcome:?}"), summary: word };
                self.note_run(run, kind, now)
            }
            runs::Fact::Proved { run } => {
                let Some((verdict, summary)) = self.runs.runs.get(&run).and_then(|run| run.proof.clone()) else {
                    return Vec::new();
                };
                let tone = match verdict {
                    runs::Verdict::Recovered => Tone::Done,
                    runs::Verdict::NotRecovered | runs::Verdict::Unknown => Tone::Error,
                };
                self.screen.say(now, tone, summary.clone());
                let kind = IncidentEventKind::Result { run, outcome: verdict.noted().into(), summary };
                self.note_run(run, kind, now)
            }
        }
    }

    /// Notes what is measured of a run's service before anything of it began.
    fn baseline(&mut self, run: Uid, now: Now) -> Vec<Effect> {
        let Some(service) = self.runs.runs.get(&run).map(|run| run.plan.service.clone()) else { return Vec::new() };
        let measured = Box::new(measure::of_service(self, &service, now.utc, now));
        self.runs_update(runs::Msg::Baseline { run, measured }, now)
    }

    /// Returns what a run is called: its number once it has one.
    pub fn run_name(&self, run: Uid) -> String {
        match self.runs.runs.get(&run) {
            Some(found) => {
                let number = found.name();
                format!("{number} {}", found.plan.title)
            }
            None => run.to_string(),
        }
    }

    /// Writes into the timeline of the run's incident, if it has one.
    fn note_run(&mut self, run: Uid, kind: IncidentEventKind, now: Now) -> Vec<Effect> {
        let Some((incident, by)) = self.runs.runs.get(&run).and_then(|run| Some((run.incident?, run.by.clone())))
        else {
            return Vec::new();
        };
        let msg = incidents::Msg::Added { incident, at: now.utc, by, kind };
        self.incidents_update(msg, now, None)
    }
}

/// The incident that a step of a runbook is run beside: it belongs there, open or not.
fn beside<'a>(state: &'a State, plan: &runs::Plan) -> Option<&'a incidents::Incident> {
    let (screen::View::Runbook(uid), runs::Action::Other { name }) = (&state.screen.view, &plan.action) else {
        return None;
    };
    let of = state.incidents.incidents.get(uid)?;
    (runbooks::of_task(name).is_some() && of.service.as_ref() == Some(&plan.service)).then_some(of)
}

/// Applies a message about runs; what only this knows is added to it.
pub(super) fn message(state: &mut State, msg: runs::Msg, now: Now) -> Vec<Effect> {
    // Only this knows which incident is open and how the service stands.
    let msg = if let runs::Msg::Planned { run, plan, .. } = msg {
        // What is done while it is watched whether it stays well belongs to it too.
        let watched = || state.incidents.watched_for(&plan.service, &state.inventory.policy, now.utc);
        let of = beside(state, &plan).or_else(|| state.incidents.open_for(&plan.service)).or_else(watched);
        let urgent = of.is_some_and(|of| of.is_open() && of.severity == Severity::P1);
        let incident = of.map(|incident| incident.uid);
        let before = state.services.service(&plan.service).map_or(Health::Unknown, |service| service.health);
        // The box says it now.
        state.screen.message = state.screen.message.take().filter(|message| message.tone != Tone::Info);
        if state.runs.review.is_none() {
            state.screen.overlay_cursor = 0;
        }
        runs::Msg::Planned { run, plan, incident, before, urgent }
    } else {
        msg
    };
    state.runs_update(msg, now)
}
