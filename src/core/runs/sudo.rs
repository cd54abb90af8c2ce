//! What `sudo` asks for: on which hosts a change needs it, when a person is asked, and how long it is kept. The password itself
//! never gets here.
use std::collections::BTreeSet;

use super::{
    Ask, Fact, Fit, Out, Plan, Precheck, Run, State, TYPE_AHEAD_MS,
    conduct::{Scene, adopt},
};
use crate::core::{
    id::{HostName, ServiceId, Uid},
    inventory::{Inventory, Sudo},
    time::{Mono, Now},
};

/// Wrong answers after which nobody is asked any more: accounts are locked after as many.
const TRIES: u8 = 3;

/// What is known of passwords for `sudo`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Passwords {
    /// Hosts on which one was tried and is right.
    pub known: BTreeSet<HostName>,
    /// What is asked, or tried, now.
    pub asking: Option<Asking>,
    /// Until when they are kept while nothing needs them.
    until: Mono,
}

/// A question for a password.
#[derive(Clone, Debug, PartialEq)]
pub struct Asking {
    /// Hosts that lack one: the question is about the first.
    pub hosts: Vec<HostName>,
    /// Whether the answer is meant for all hosts with the login of the first.
    pub for_all: bool,
    /// What was wrong with the last answer.
    pub wrong: Option<String>,
    /// Whether an answer is being tried.
    pub trying: bool,
    /// What it is for.
    pub then: Then,
    /// Answers that may still be wrong.
    left: u8,
    opened: Mono,
}

/// What a password is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// To plan what was asked for.
    Plan,
    /// To go on with a run.
    GoOn(Uid),
}

/// What happened about passwords.
#[derive(Clone, Debug, PartialEq)]
pub enum SudoMsg {
    /// What was asked for cannot be planned without those of these hosts.
    Needed {
        /// Of which service.
        service: ServiceId,
        /// The hosts.
        hosts: Vec<HostName>,
    },
    /// The person turned between this host and all with its login.
    Turned,
    /// The person answered.
    Given,
    /// The person goes on without.
    Declined,
    /// Answers were tried.
    Tried {
        /// Where it is right.
        right: Vec<HostName>,
        /// Where it is not, or cannot be told.
        failed: Option<(HostName, Failed)>,
    },
}

/// Why a password does not help.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failed {
    /// It is the wrong one.
    Wrong,
    /// Something else is wrong.
    Other(String),
}

impl Asking {
    /// Returns the hosts that the answer is meant for.
    pub fn meant(&self, inventory: &Inventory) -> Vec<HostName> {
        let alike = self.alike(inventory);
        let count = if self.for_all { alike.len() } else { 1 };
        alike.into_iter().take(count).collect()
    }

    /// Returns the hosts that have the login of the first, that one first.
    pub fn alike(&self, inventory: &Inventory) -> Vec<HostName> {
        let login = |name: &HostName| inventory.host(name).and_then(|host| host.user.clone());
        let first = self.hosts.first().map(login);
        self.hosts.iter().filter(|host| Some(login(host)) == first).cloned().collect()
    }
}

/// Says whether a shell text names `sudo`.
pub fn names(text: &str) -> bool {
    let part = |letter: char| letter.is_alphanumeric() || letter == '_' || letter == '-';
    text.match_indices("sudo").any(|(at, word)| {
        let before = text.get(..at).and_then(|before| before.chars().next_back());
        let after = text.get(at + word.len()..).and_then(|after| after.chars().next());
        !before.is_some_and(part) && !after.is_some_and(|letter| part(letter) || letter == '=')
    })
}

/// Says whether `sudo` asks for a password on a host.
pub fn asks(inventory: &Inventory, host: &HostName) -> bool {
    inventory.host(host).is_some_and(|host| host.sudo.asks())
}

/// Names the hosts whose `sudo` asks for a password, and on which steps of a plan call it, there or back.
pub fn needed(inventory: &Inventory, plan: &Plan) -> Vec<HostName> {
    let mut hosts: Vec<HostName> = Vec::new();
    for step in plan.steps.iter().chain(&plan.undo_steps) {
        if !hosts.contains(&step.host) && names(&step.command) && asks(inventory, &step.host) {
            hosts.push(step.host.clone());
        }
    }
    hosts
}

/// Says how a plan stands with its passwords: what is not known is never good.
pub fn prechecks(needed: &[HostName], known: impl Fn(&HostName) -> bool) -> Vec<Precheck> {
    let (have, lack): (Vec<&HostName>, Vec<&HostName>) = needed.iter().partition(|host| known(host));
    let names = |hosts: &[&HostName]| hosts.iter().map(|host| host.as_str()).collect::<Vec<_>>().join(", ");
    let mut checks = Vec::new();
    if !lack.is_empty() {
        let what = "not known until the sudo password is given: ask again, and give it";
        checks.push(Precheck { verdict: Fit::Bad, text: format!("sudo on {}: {what}", names(&lack)) });
    }
    if !have.is_empty() {
        let text = format!("sudo on {}: its password was tried and is right", names(&have));
        checks.push(Precheck { verdict: Fit::Good, text });
    }
    checks
}

/// Names the hosts of a run for which a password is needed and not known here.
pub(super) fn missing(state: &State, inventory: &Inventory, run: &Run) -> Vec<HostName> {
    let mut hosts = needed(inventory, &run.plan);
    hosts.retain(|host| !state.sudo.known.contains(host));
    hosts
}

/// Applies a message about passwords.
pub(super) fn update(state: &mut State, msg: SudoMsg, scene: Scene<'_>, out: &mut Out) {
    let (now, inventory, _) = scene;
    match msg {
        SudoMsg::Needed { service, hosts } => {
            if state.planning.as_ref().is_some_and(|(asked, _)| *asked == service) {
                ask(state, hosts, Then::Plan, (now, inventory), out);
            }
        }
        SudoMsg::Turned => {
            if let Some(asking) = &mut state.sudo.asking {
                asking.for_all = !asking.for_all;
            }
        }
        SudoMsg::Given => {
            let Some(asking) = state.sudo.asking.as_mut().filter(|asking| !asking.trying) else { return };
            asking.trying = true;
            out.asks.push(Ask::TrySudo(asking.meant(inventory)));
        }
        SudoMsg::Declined => match state.sudo.asking.take().map(|asking| asking.then) {
            Some(Then::Plan) => {
                out.asks.extend(state.planning.clone().map(|(service, wanted)| Ask::Plan(service, wanted, false)));
            }
            Some(Then::GoOn(_)) => {
                out.facts.push(Fact::Said("it does not go on from here: sudo needs the password".to_owned()));
            }
            None => {}
        },
        SudoMsg::Tried { right, failed } => tried(state, right, failed, scene, out),
    }
}

/// Asks for the passwords of hosts, or has those looked up that the configuration refers to.
pub(super) fn ask(
    state: &mut State,
    hosts: Vec<HostName>,
    then: Then,
    (now, inventory): (Now, &Inventory),
    out: &mut Out,
) {
    let referred = |host: &&HostName| {
        inventory.host(host).is_some_and(|host| matches!(host.sudo, Sudo::Password { from: Some(_) }))
    };
    let look_up: Vec<HostName> = hosts.iter().filter(referred).cloned().collect();
    let trying = !look_up.is_empty();
    let asking = Asking { hosts, for_all: true, wrong: None, trying, then, left: TRIES, opened: now.mono };
    state.sudo.asking = Some(asking);
    if trying {
        out.asks.push(Ask::FindSudo(look_up));
    } else {
        out.facts.push(Fact::SudoAsked);
    }
}

fn tried(
    state: &mut State,
    right: Vec<HostName>,
    failed: Option<(HostName, Failed)>,
    (now, inventory, actor): Scene<'_>,
    out: &mut Out,
) {
    state.sudo.known.extend(right);
    state.sudo.until = now.mono + inventory.write.arm_ms;
    let Some(asking) = &mut state.sudo.asking else { return };
    asking.trying = false;
    asking.hosts.retain(|host| !state.sudo.known.contains(host));
    match failed {
        Some((host, Failed::Wrong)) => {
            asking.left = asking.left.saturating_sub(1);
            if asking.left == 0 {
                let what = format!("{TRIES} wrong passwords for sudo on {host}: it is not tried any more");
                return give_up(state, &what, out);
            }
            let tries = if asking.left == 1 { "1 more try".to_owned() } else { format!("{} more tries", asking.left) };
            asking.wrong = Some(format!("wrong on {host}, nothing was changed; {tries}"));
            asking.opened = now.mono;
            out.facts.push(Fact::SudoAsked);
        }
        Some((host, Failed::Other(why))) => give_up(state, &format!("sudo on {host}: {why}"), out),
        None if !asking.hosts.is_empty() => {
            asking.wrong = None;
            asking.opened = now.mono;
            out.facts.push(Fact::SudoAsked);
        }
        None => match state.sudo.asking.take().map(|asking| asking.then) {
            Some(Then::Plan) => {
                out.asks.extend(state.planning.clone().map(|(service, wanted)| Ask::Plan(service, wanted, true)));
            }
            Some(Then::GoOn(run)) => adopt(state, run, (now, inventory, actor), out),
            None => {}
        },
    }
}

fn give_up(state: &mut State, what: &str, out: &mut Out) {
    let then = state.sudo.asking.take().map(|asking| asking.then);
    let service = state.planning.take_if(|_| then == Some(Then::Plan)).map(|(service, _)| service);
    let service = service.map(|service| format!("{service}: ")).unwrap_or_default();
    out.facts.push(Fact::Said(format!("{service}{what}; nothing was changed")));
}

/// Write is disarmed: passwords go once nothing needs them.
pub(super) fn disarmed(state: &mut State, now: Now) {
    state.sudo.until = now.mono;
}

/// Has passwords forgotten whose time is over.
pub(super) fn tick(state: &mut State, now: Now, out: &mut Out) {
    if state.sudo.known.is_empty() || now.mono < state.sudo.until {
        return;
    }
    let ours = |run: &Run| run.outcome.is_none() && run.permit.is_some() && run.coordinator == Some(state.console);
    let busy = state.planning.is_some() || state.review.is_some() || state.sudo.asking.is_some();
    if !busy && !state.runs.values().any(ours) {
        state.sudo.known.clear();
        out.asks.push(Ask::ForgetSudo);
    }
}

impl State {
    /// Says whether keys may have been meant for what was on screen before a password was asked for.
    pub fn sudo_settled(&self, now: Now) -> bool {
        self.sudo.asking.as_ref().is_none_or(|asking| now.mono.since(asking.opened) >= TYPE_AHEAD_MS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_calls_sudo_where_it_is_a_word() {
        for text in ["sudo -n true", "x && /usr/bin/sudo id", "run() { sudo \"$@\"; }", "a\nsudo"] {
            assert!(names(text), "{text}");
        }
        for text in ["pseudo x", "sudoers", "sudo_x", "x-sudo", "sudo=yes", ""] {
            assert!(!names(text), "{text}");
        }
    }

    #[test]
    fn what_is_not_known_is_never_good() {
        let hosts = ["a", "b"].map(HostName::from);
        let checks = prechecks(&hosts, |host| host.as_str() == "a");
        let verdicts: Vec<Fit> = checks.iter().map(|check| check.verdict).collect();
        assert_eq!(verdicts, [Fit::Bad, Fit::Good]);
        assert!(checks[0].text.starts_with("sudo on b: not known"), "{checks:?}");
        assert_eq!(prechecks(&[], |_| false), []);
    }
}
