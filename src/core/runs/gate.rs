//! The one gate: decides whether anything may change a system. No view, command or source goes around it,
//! because only the gate can make a [`Permit`] and nothing runs without one.
use serde::{Deserialize, Serialize};

use super::{
    APPROVAL_MS, Plan, Run,
    policy::{Grave, Role},
};
use crate::core::{
    id::{EnvName, Operator, ServiceId},
    inventory::{EnvKind, Inventory},
    time::{Mono, Now},
};

/// How hard a change is guarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Level {
    /// Outside of production: a review box and `y`.
    Review,
    /// In production: armed write, a review box, the typed name, a reason, two seconds to cancel.
    Production,
}

/// Which environment may be changed, and until when. Nothing at start, one at a time, for minutes.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Armed {
    current: Option<(EnvName, Mono)>,
}

impl Armed {
    /// Arms write for one environment; any other is disarmed.
    pub fn arm(&mut self, env: EnvName, until: Mono) {
        self.current = Some((env, until));
    }

    /// Goes back to looking only.
    pub fn disarm(&mut self) {
        self.current = None;
    }

    /// Returns the armed environment and the milliseconds left.
    pub fn left(&self, now: Now) -> Option<(&EnvName, u64)> {
        self.current.as_ref().filter(|(_, until)| *until > now.mono).map(|(env, until)| (env, until.since(now.mono)))
    }

    /// Says whether this environment may be changed now.
    pub fn covers(&self, env: &EnvName, now: Now) -> bool {
        self.left(now).is_some_and(|(armed, _)| armed == env)
    }
}

/// What the person has given so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Confirmation<'a> {
    /// The service name as typed.
    pub typed: &'a str,
    /// Why.
    pub reason: &'a str,
    /// Whether `y` was said.
    pub yes: bool,
    /// Who says it.
    pub by: &'a Operator,
}

/// Leave to run exactly one plan. Cannot be made outside of the gate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permit {
    level: Level,
}

impl Permit {
    /// The level that was passed.
    pub fn level(&self) -> Level {
        self.level
    }
}

/// Why a change is refused, as the review box shows it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Production, and write is not armed for it.
    #[error("looking only: write is not armed for {0} (arm-write does it)")]
    NotArmed(EnvName),
    /// A host of the plan belongs to another environment, or to none.
    #[error("{host} is not in {env}: it is never changed from here")]
    WrongHost {
        /// The host.
        host: String,
        /// The plan's environment.
        env: EnvName,
    },
    /// The plan has no steps.
    #[error("nothing to do")]
    Empty,
    /// The name does not match.
    #[error("type the service name to go on: {0}")]
    Name(String),
    /// The reason is missing.
    #[error("say why: a reason is needed in production")]
    Reason,
    /// Since the box opened, the configuration came to ask for another level.
    #[error("the configuration changed: close this and ask again")]
    Changed,
    /// Its hosts do not stand as they must.
    #[error("{0}")]
    Precheck(String),
    /// It is not the time for it; one who may set that aside can.
    #[error("{0}: an admin can set that aside, with a reason")]
    Held(String),
    /// The person has no leave for it.
    #[error("{who} is {has} in {env}: this asks for {needs}")]
    Role {
        /// Who.
        who: Operator,
        /// Their role.
        has: &'static str,
        /// Where.
        env: EnvName,
        /// The role it takes.
        needs: &'static str,
    },
    /// The one who asked for it cannot approve it too.
    #[error("{0} asked for it: another person must approve it")]
    Same(Operator),
    /// Nobody approved it in time.
    #[error("the time to approve it is over: it is to be asked for anew")]
    TooLate,
    /// It needs no approval, or has it.
    #[error("it waits for nobody's approval")]
    NoApproval,
    /// `y` was not said.
    #[error("press y to go on")]
    Yes,
}

/// Returns the level that a change in an environment needs.
pub fn level(inventory: &Inventory, env: &EnvName) -> Level {
    match inventory.env_kind(env) {
        EnvKind::Production => Level::Production,
        EnvKind::Staging | EnvKind::Other => Level::Review,
    }
}

/// Decides whether a plan may run.
///
/// # Errors
/// The first thing that is missing, in the order in which a person can mend it.
pub fn pass(
    inventory: &Inventory,
    armed: &Armed,
    plan: &Plan,
    given: Confirmation<'_>,
    now: Now,
) -> Result<Permit, Refusal> {
    check_hosts(inventory, plan)?;
    outside(inventory, armed, &plan.service, (given, Role::for_plan(plan)), now)
}

/// Decides whether something that acts on a service may be done elsewhere than on its hosts: to its pipeline. `needs` is the role
/// that it takes.
///
/// # Errors
/// The first thing that is missing, in the order in which a person can mend it.
pub fn outside(
    inventory: &Inventory,
    armed: &Armed,
    service: &ServiceId,
    (given, needs): (Confirmation<'_>, Role),
    now: Now,
) -> Result<Permit, Refusal> {
    let env = &service.env;
    may(inventory, env, given.by, needs)?;
    let level = level(inventory, env);
    match level {
        Level::Production => {
            if !armed.covers(env, now) {
                return Err(Refusal::NotArmed(env.clone()));
            }
            let name = service.service.as_str();
            if given.typed.trim() != name {
                return Err(Refusal::Name(name.to_owned()));
            }
            if given.reason.trim().is_empty() {
                return Err(Refusal::Reason);
            }
        }
        Level::Review => {
            if !given.yes {
                return Err(Refusal::Yes);
            }
        }
    }
    Ok(Permit { level })
}

/// Decides whether a run that was confirmed may go on from another console: the plan was read and its name typed then.
///
/// # Errors
/// What is missing.
pub fn go_on(inventory: &Inventory, armed: &Armed, plan: &Plan, by: &Operator, now: Now) -> Result<Permit, Refusal> {
    check_hosts(inventory, plan)?;
    let env = &plan.service.env;
    may(inventory, env, by, Role::for_plan(plan))?;
    let level = level(inventory, env);
    if level == Level::Production && !armed.covers(env, now) {
        return Err(Refusal::NotArmed(env.clone()));
    }
    Ok(Permit { level })
}

/// Decides whether a run that was confirmed may go on where nobody sits, once its console is gone: the configuration lets it, and
/// its hosts are still those of its environment.
///
/// # Errors
/// What is missing.
pub fn unattended(inventory: &Inventory, plan: &Plan) -> Result<Permit, Refusal> {
    check_hosts(inventory, plan)?;
    let env = &plan.service.env;
    if !inventory.service(&plan.service).is_some_and(|service| service.rollout.unattended) {
        return Err(Refusal::NotArmed(env.clone()));
    }
    Ok(Permit { level: level(inventory, env) })
}

/// Refuses who has not the role for it.
///
/// # Errors
/// Which role they have, and which it takes.
pub fn may(inventory: &Inventory, env: &EnvName, who: &Operator, needs: Role) -> Result<(), Refusal> {
    let has = inventory.environment(env).map_or(Role::Admin, |env| env.roles.of(who));
    if has >= needs {
        return Ok(());
    }
    Err(Refusal::Role { who: who.clone(), has: has.word(), env: env.clone(), needs: needs.word() })
}

/// Decides whether a person may approve what another one confirmed.
///
/// # Errors
/// What is missing.
pub fn approve(inventory: &Inventory, armed: &Armed, run: &Run, by: &Operator, now: Now) -> Result<(), Refusal> {
    if !run.awaits_approval() || run.outcome.is_some() {
        return Err(Refusal::NoApproval);
    }
    if now.utc.since(run.at) >= APPROVAL_MS {
        return Err(Refusal::TooLate);
    }
    if run.by == *by {
        return Err(Refusal::Same(by.clone()));
    }
    go_on(inventory, armed, &run.plan, by, now).map(drop)
}

/// Returns what of a plan needs a second person.
pub fn second_person(inventory: &Inventory, plan: &Plan) -> Vec<Grave> {
    let mut grave: Vec<Grave> =
        plan.grave.iter().filter(|grave| inventory.write.second_person.contains(grave)).copied().collect();
    grave.dedup();
    grave
}

/// Refuses plans that touch a host outside of the service's environment, whatever a recipe made of it.
///
/// # Errors
/// The first host at fault, or that there is nothing to do.
pub fn check_hosts(inventory: &Inventory, plan: &Plan) -> Result<(), Refusal> {
    if plan.steps.is_empty() && plan.deeds.is_empty() {
        return Err(Refusal::Empty);
    }
    let stray = plan
        .steps
        .iter()
        .chain(&plan.undo_steps)
        .find(|step| inventory.host(&step.host).and_then(|host| host.env.as_ref()) != Some(&plan.service.env));
    match stray {
        Some(step) => Err(Refusal::WrongHost { host: step.host.to_string(), env: plan.service.env.clone() }),
        None => Ok(()),
    }
}
