//! What the store tells: what was there at the start, what others wrote since, what it refused, and who records.
use super::{
    Effect, State, after_result, alerts, incidents, msg, outbox,
    record::{self, Changes, Recorder, Row},
    runs,
    screen::{self, Tone, rows},
    services,
    time::Now,
};

pub(super) fn load(state: &mut State, loaded: msg::Loaded, now: Now) -> Vec<Effect> {
    let mut effects = state.alerts_update(alerts::Msg::EventsLoaded(loaded.alerts), now);
    effects.extend(state.incidents_update(incidents::Msg::Stored(loaded.incidents), now, None));
    // What was there before is not news.
    state.screen.message = None;
    for (number, event) in loaded.runs {
        effects.extend(state.runs_update(runs::Msg::Stored { number, event }, now));
    }
    effects.extend(state.services_update(services::Msg::StatusUpdatesArrived(loaded.updates), now));
    effects.extend(state.outbox_update(outbox::Msg::Stored(loaded.outbox), now));
    effects.extend(state.windows_arrived(&loaded.windows, now));
    state.files_stored(loaded.files);
    state.findings.stored(loaded.findings);
    state.screen.message = None;
    state.loaded = true;
    // Shares of runs whose console may have died: their journal on the host says how they went on. Looking changes nothing.
    let asks = state.runs.unfinished().flat_map(runs::Run::shares_to_follow).collect();
    effects.extend(state.carry_run_asks(asks, now));
    rows::refresh(state, now, true);
    effects
}

pub(super) fn changed(state: &mut State, changes: Changes, now: Now) -> Vec<Effect> {
    let Changes { results, alerts, incidents, runs, updates, outbox, windows, files, findings, buckets, unreadable } =
        changes;
    let mut effects = Vec::new();
    if unreadable > 0 {
        let text = format!(
            "{unreadable} rows of the store cannot be read here and are not shown: damaged, or of a newer quarterdeck"
        );
        state.screen.say(now, Tone::Info, text);
    }
    for result in results {
        let (check, slot) = (result.check.clone(), result.slot);
        let known = state.services.check(&check).and_then(|check| check.last.as_ref()).is_some_and(|l| l.slot == slot);
        let msg = services::Msg::ResultArrived { result, origin: services::Origin::Stored };
        effects.extend(state.services_update(msg, now));
        if !known {
            effects.extend(after_result(state, &check, slot, now));
        }
    }
    if !alerts.is_empty() {
        effects.extend(state.alerts_update(alerts::Msg::EventsArrived(alerts), now));
    }
    if !incidents.is_empty() {
        effects.extend(state.incidents_update(incidents::Msg::Stored(incidents), now, None));
    }
    for (number, event) in runs {
        effects.extend(state.runs_update(runs::Msg::Stored { number, event }, now));
    }
    if !updates.is_empty() {
        effects.extend(state.services_update(services::Msg::StatusUpdatesArrived(updates), now));
    }
    if !outbox.is_empty() {
        effects.extend(state.outbox_update(outbox::Msg::Stored(outbox), now));
    }
    if !windows.is_empty() {
        effects.extend(state.windows_arrived(&windows, now));
    }
    state.files_stored(files);
    if !findings.is_empty() {
        state.findings_arrived(findings, now);
    }
    // Own buckets come from the results that arrive here too; imported ones only come this way.
    let imported: Vec<_> = buckets.into_iter().filter(|bucket| bucket.source != record::Bucket::OWN).collect();
    if !imported.is_empty() {
        effects.extend(state.services_update(services::Msg::BucketsLoaded(imported), now));
    }
    effects
}

pub(super) fn not_saved(state: &mut State, rows: Vec<Row>, text: String, now: Now) -> Vec<Effect> {
    let mut effects = Vec::new();
    // What of a document was not written is asked for again.
    state.screen.sections.clear();
    for row in rows {
        match row {
            Row::Alert(event) => effects.extend(state.alerts_update(alerts::Msg::NotSaved(event), now)),
            Row::Run(event) => {
                let run = event.run;
                effects.extend(state.runs_update(runs::Msg::NotSaved(event), now));
                if state.screen.view == screen::View::Run(run) && !state.runs.runs.contains_key(&run) {
                    state.screen.go_back();
                }
            }
            Row::Audit(audit) if audit.what == runs::ARMED => {
                effects.extend(state.runs_update(runs::Msg::WriteDisarmed, now));
            }
            Row::Incident(event) => {
                let msg = incidents::Msg::NotSaved { incident: event.incident };
                effects.extend(state.incidents_update(msg, now, None));
            }
            Row::Audit(_)
            | Row::Result(_)
            | Row::Bucket(_)
            | Row::HostMinute(_)
            | Row::StatusUpdate(_)
            | Row::Outbox(_)
            | Row::Window(_)
            | Row::Pattern(_)
            | Row::ConfigFile(_)
            | Row::Finding(_) => {}
        }
    }
    state.screen.say(now, Tone::Error, text);
    rows::refresh(state, now, true);
    effects
}

pub(super) fn recorder_changed(state: &mut State, recorder: Recorder, now: Now) -> Vec<Effect> {
    let before = state.records();
    match &recorder {
        Recorder::Nobody { why } => state.screen.say(now, Tone::Error, format!("nothing is recorded: {why}")),
        Recorder::Opening | Recorder::Me { .. } | Recorder::Other { .. } => {}
    }
    state.recorder = recorder;
    let after = state.records();
    let msg = if after { services::Msg::RecordingStarted } else { services::Msg::RecordingStopped };
    // Sent also when it stays: the first time nobody has told the slice yet.
    let mut effects = state.services_update(msg, now);
    if before != after {
        rows::refresh(state, now, true);
    }
    let msg = if after { alerts::Msg::RecordingStarted } else { alerts::Msg::RecordingStopped };
    effects.extend(state.alerts_update(msg, now));
    effects
}
