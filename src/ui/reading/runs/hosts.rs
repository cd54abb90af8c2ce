//! The hosts of a run, step by step, and what became of each in words.
use super::{Reader, words};
use crate::{
    core::{
        id::HostName,
        runs::{Run, RunOutcome, Share, StepEnd, StepState, Way},
        screen::{Pane, RowKey},
        time,
    },
    ui::runs::{Cell, HostRow, State},
};

/// A column of steps: those of the same name, there or back.
pub(super) struct Column {
    /// What they are called.
    pub(super) name: String,
    way: Way,
    /// Which of those that are called so on one host.
    nth: usize,
}

/// Returns the columns of a run's steps in order, and the first of those that take it back.
pub(super) fn columns(of: &Run) -> (Vec<Column>, Option<usize>) {
    let hosts = of.plan.hosts();
    let mut all: Vec<Column> = Vec::new();
    let mut first_back = None;
    let went_back = hosts.iter().any(|host| of.share(host, Way::Back) != Share::Waiting);
    for way in [Way::There, Way::Back] {
        if way == Way::Back && !went_back {
            continue;
        }
        let begin = all.len();
        if way == Way::Back {
            first_back = Some(begin);
        }
        for host in &hosts {
            // What only some hosts do stands where they do it.
            let mut at = begin;
            for (nth, step) in numbered(of, host, way) {
                let name = &step.name;
                let found = all.iter().skip(begin).position(|known| known.name == *name && known.nth == nth);
                at = if let Some(found) = found {
                    begin + found + 1
                } else {
                    let at = at.min(all.len());
                    all.insert(at, Column { name: name.clone(), way, nth });
                    at + 1
                };
            }
        }
    }
    (all, first_back)
}

/// A host's steps, each with how many of its name came before it.
fn numbered<'a>(of: &'a Run, host: &HostName, way: Way) -> Vec<(usize, &'a crate::core::runs::Step)> {
    let steps: Vec<_> = of.plan.steps_of(host, way).into_iter().filter_map(|number| of.plan.step(number)).collect();
    let nth = |at: usize| {
        let name = steps.get(at).map(|step| &step.name);
        steps.iter().take(at).filter(|step| Some(&step.name) == name).count()
    };
    (0..steps.len()).map(nth).zip(steps.iter().copied()).collect()
}

impl Reader<'_> {
    /// Reads the hosts in the order of the pane.
    pub(super) fn run_hosts(&self, of: &Run, columns: &[Column]) -> Vec<HostRow> {
        let rows = self.state.screen.rows(Pane::Steps).iter();
        let hosts = rows.filter_map(|row| if let RowKey::Host(host) = row { Some(host) } else { None });
        hosts.map(|host| self.run_host(of, host, columns)).collect()
    }

    fn run_host(&self, of: &Run, host: &HostName, columns: &[Column]) -> HostRow {
        let steps = [Way::There, Way::Back].map(|way| (way, numbered(of, host, way), of.plan.steps_of(host, way)));
        let cell = |column: &Column| {
            let of_way = steps.iter().find(|(way, ..)| *way == column.way);
            let number = of_way.and_then(|(_, named, numbers)| {
                let at = named.iter().position(|(nth, step)| *nth == column.nth && step.name == column.name)?;
                numbers.get(at)
            });
            number.map_or_else(Cell::default, |number| self.cell(of.steps.get(*number), of.lost.contains_key(host)))
        };
        let (state, word, more) = self.host_result(of, host);
        HostRow {
            host: match of.plan.sides().and_then(|sides| sides.role(host)) {
                Some(role) => format!("{host} {role}"),
                None => host.to_string(),
            },
            upload: upload(of, host),
            cells: columns.iter().map(cell).collect(),
            state,
            word: word.to_owned(),
            more,
        }
    }

    fn cell(&self, state: Option<&StepState>, lost: bool) -> Cell {
        let Some(state) = state else { return Cell { state: State::Waiting, says: String::new() } };
        let since = |at: time::Timestamp| {
            state.started.map_or_else(String::new, |start| time::precise(words::ms(at.since(start))))
        };
        let (state, says) = match &state.ended {
            None if state.started.is_some() && lost => (State::Unknown, String::new()),
            None if state.started.is_some() => (State::Running, format!("{}…", since(self.now.utc))),
            None => (State::Waiting, String::new()),
            Some((at, StepEnd::Exit(0))) => (State::Done, since(*at)),
            Some((_, StepEnd::Exit(code))) => (State::Failed, format!("exit {code}")),
            Some((_, StepEnd::Signal(signal))) => (State::Failed, signal.clone()),
            Some((_, StepEnd::TimedOut)) => (State::Failed, "timed out".to_owned()),
            Some((_, StepEnd::Unknown(_))) => (State::Unknown, String::new()),
            Some((_, StepEnd::NotStarted(_))) => (State::Left, String::new()),
        };
        Cell { state, says }
    }

    fn host_result(&self, of: &Run, host: &HostName) -> (State, &'static str, String) {
        if let Some(Some(why)) = of.staged.get(host) {
            return (State::Failed, "NOT UPLOADED", why.clone());
        }
        let step = |way| self.step_now(of, host, way);
        match (of.share(host, Way::Back), of.share(host, Way::There)) {
            (Share::Running, _) if of.lost.contains_key(host) => {
                (State::Unknown, "LINK LOST", format!("last seen taking back: {}", step(Way::Back)))
            }
            (Share::Waiting, Share::Running) if of.lost.contains_key(host) => {
                (State::Unknown, "LINK LOST", format!("last seen at {}", step(Way::There)))
            }
            (Share::Running, _) => (State::Running, "TAKING BACK", step(Way::Back)),
            (Share::Well, _) => (State::Back, "TAKEN BACK", step(Way::There)),
            (Share::Failed | Share::Refused, _) => (State::Failed, "NOT TAKEN BACK", step(Way::Back)),
            (Share::Unknown, _) => (State::Unknown, "UNKNOWN", format!("taking it back: {}", step(Way::Back))),
            (Share::Waiting, Share::Failed) => (State::Failed, "FAILED", step(Way::There)),
            (Share::Waiting, Share::Unknown) => (State::Unknown, "UNKNOWN", step(Way::There)),
            (Share::Waiting, Share::Refused) => (State::Left, "NOT STARTED", step(Way::There)),
            (Share::Waiting, Share::Running) => (State::Running, "RUNNING", step(Way::There)),
            (Share::Waiting, Share::Well) => (State::Done, "OK", took_all(of, host)),
            (Share::Waiting, Share::Waiting) => waiting(of, host),
        }
    }

    /// The step that a host's share stands at, and how.
    fn step_now(&self, of: &Run, host: &HostName, way: Way) -> String {
        for number in of.plan.steps_of(host, way) {
            let (Some(state), Some(step)) = (of.steps.get(number), of.plan.step(number)) else { continue };
            let name = &step.name;
            return match &state.ended {
                Some((_, StepEnd::Exit(0))) => continue,
                None => match state.started {
                    Some(start) => format!("{name} {}", time::precise(words::ms(self.now.utc.since(start)))),
                    None => name.clone(),
                },
                Some((_, StepEnd::Exit(code))) => format!("{name}: exit {code}"),
                Some((_, StepEnd::Signal(signal))) => format!("{name}: ended by {signal}"),
                Some((_, StepEnd::TimedOut)) => format!("{name}: timed out"),
                Some((_, StepEnd::Unknown(_))) => format!("{name}: nobody knows how it ended"),
                Some((_, StepEnd::NotStarted(why))) => why.clone(),
            };
        }
        String::new()
    }
}

/// How much of the build is on a host, until the first host is changed; what could not be brought there stays told.
fn upload(of: &Run, host: &HostName) -> Option<Cell> {
    let build = of.plan.upload.as_ref().filter(|_| of.plan.takes_build().contains(host))?;
    let began = of.plan.hosts().iter().any(|host| of.share(host, Way::There) != Share::Waiting);
    let failed = of.staged.values().any(Option::is_some);
    if began && !failed {
        return None;
    }
    let percent = || {
        let bytes = of.uploaded.get(host).copied().unwrap_or(0).min(build.bytes);
        format!("{}%", bytes.saturating_mul(100) / build.bytes.max(1))
    };
    Some(match of.staged.get(host) {
        Some(None) => Cell { state: State::Done, says: String::new() },
        Some(Some(_)) => Cell { state: State::Failed, says: String::new() },
        None if of.staging.contains(host) => Cell { state: State::Running, says: percent() },
        None => Cell { state: State::Waiting, says: String::new() },
    })
}

/// From the start of a host's first step to the end of its last.
fn took_all(of: &Run, host: &HostName) -> String {
    let states: Vec<_> =
        of.plan.steps_of(host, Way::There).into_iter().filter_map(|number| of.steps.get(number)).collect();
    let begin = states.iter().filter_map(|state| state.started).min();
    let end = states.iter().filter_map(|state| state.ended.as_ref().map(|(at, _)| *at)).max();
    begin.zip(end).map_or_else(String::new, |(begin, end)| time::precise(words::ms(end.since(begin))))
}

/// What a host waits for whose share was not started.
fn waiting(of: &Run, host: &HostName) -> (State, &'static str, String) {
    let left = |why: &str| (State::Left, "NOT STARTED", why.to_owned());
    match of.outcome {
        Some((RunOutcome::Unknown, _)) => return left("until it is known how the others ended"),
        Some(_) => return left(""),
        None => {}
    }
    let wait = |why: String| (State::Waiting, "WAITING", why);
    if of.awaits_approval() {
        return wait("for a second person".to_owned());
    }
    if of.stopped.is_some() {
        return left("a person stopped it");
    }
    if of.staging.contains(host) {
        return (State::Running, "UPLOADING", String::new());
    }
    if of.plan.takes_build().iter().any(|host| !of.staged.contains_key(host)) {
        return wait("until all hosts have the build".to_owned());
    }
    let waves = of.plan.waves();
    let own = waves.iter().position(|wave| wave.contains(host)).unwrap_or(0);
    let is_open = |host: &&HostName| matches!(of.share(host, Way::There), Share::Waiting | Share::Running);
    let before: Vec<&HostName> = waves.iter().take(own).flatten().filter(is_open).collect();
    match before.as_slice() {
        [] if of.gate.failed.is_some() => wait("the gate before it did not open".to_owned()),
        [] if own > of.gate.passed => {
            let wanted = of.plan.between.healthy;
            wait(format!("gate: {} of {wanted} good answers in a row", of.gate.healthy.min(wanted)))
        }
        [] => wait("starts now".to_owned()),
        [one] => wait(format!("for {one}, then its gate")),
        [_, ..] => wait(format!("wave {} of {}", own + 1, waves.len())),
    }
}
