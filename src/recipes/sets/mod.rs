//! Two sets of hosts, of which users are served by one: what is brought out goes onto the other, and then each balancer is led there.
//!
//! Which set serves is read from every balancer, and never assumed: it is what a symbolic link there leads to, which is replaced by a
//! rename, tested and then taken. The set that served stays as it was, which is the way back: it takes as long as a reload.
use super::{Context, Recipe, at_home, fill, quote};
use crate::core::{
    id::HostName,
    inventory::{Inventory, Service},
    runs::{
        Action, Fit, HostSet, Order, Plan, Precheck, Sides, Step, Strategy, Switch, Takes, Task, TwoSets, Wanted,
        offer::{Known, Offer},
    },
    time::Timestamp,
};

/// The task that has users served by a set that is named.
pub(super) const SWITCH: &str = "switch";

/// A balancer's own test and its reload, of a unit that is slow to answer.
const TIMEOUT_MS: u64 = 180_000;

/// What a host runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Runs {
    /// By which name: that of a release, a commit, a tag.
    pub name: String,
    /// What a person calls it.
    pub version: String,
    /// What else it may be called.
    pub also: Vec<String>,
    /// Since when it is there, where that is known.
    pub since: Option<Timestamp>,
}

impl Runs {
    fn is(&self, name: &str) -> bool {
        self.name == name || self.version == name || self.also.iter().any(|known| known == name)
    }
}

/// Plans a change of a service of two sets.
///
/// # Errors
/// Why it cannot be planned, and what to do: that it is not known which set serves is one.
pub(super) fn plan(of: Context<'_>, recipe: &dyn Recipe, sets: &TwoSets, wanted: &Wanted) -> Result<Plan, String> {
    let on = Two { of, recipe, sets };
    match wanted {
        Wanted::Restart => on.restart(),
        Wanted::Deploy { what } => {
            let [live, idle] = on.live()?;
            let plan = recipe.deploy(on.within(&idle.hosts).of(of), what)?;
            on.then_switch(plan, [live, idle])
        }
        Wanted::Rollback { to } => on.rollback(to.as_deref()),
        Wanted::Task(order) => on.switch_to(order),
        Wanted::Pipeline(_) => Err(super::NO_RECIPE.to_owned()),
    }
}

/// Describes [`SWITCH`].
pub(super) fn task(sets: &TwoSets) -> Task {
    let [one, other] = &sets.sets;
    Task {
        name: SWITCH.to_owned(),
        doc: "Has users served by a set as it stands, once it is seen to be well; balancers that disagree agree then."
            .into(),
        takes: vec![Takes {
            name: "set".into(),
            required: true,
            doc: format!("Which: {} or {}.", one.name, other.name),
        }],
        file: false,
    }
}

/// Returns what a balancer is asked.
pub(super) fn survey(switch: &Switch) -> String {
    let [first, second] = switch.files.each_ref().map(|file| at_home(file));
    let values = [
        ("LINK", at_home(&switch.link)),
        ("FIRST", first),
        ("SECOND", second),
        ("SUDO", sudo(switch).to_owned()),
        ("TEST", command(&switch.test)),
    ];
    fill(include_str!("survey.sh"), &values.each_ref().map(|(name, value)| (*name, value.as_str())))
}

/// Returns where the lock of a service stands on its balancers: its folder is not there.
pub(super) fn lock(service: &Service) -> String {
    format!("/run/lock/qd-{}", service.id)
}

/// Lists the versions that hosts know: now is what the set runs that serves, and what is offered is on the other one.
pub(super) fn known(of: Context<'_>, recipe: &dyn Recipe, sets: &TwoSets) -> Result<Known, String> {
    let on = Two { of, recipe, sets };
    let Ok([live, idle]) = on.live() else { return recipe.known(of) };
    let mut known = recipe.known(on.within(&idle.hosts).of(of))?;
    let serves = on.runs(live);
    known.now = on.shown(live);
    for offer in &mut known.offers {
        let Offer { name, more, runs, .. } = offer;
        if std::mem::take(runs) {
            more.push_str("; ");
            more.push_str(&idle.name);
            more.push_str(" runs it, and serves nobody");
        }
        *runs = serves.as_ref().is_some_and(|serves| serves.is(name));
    }
    Ok(known)
}

/// Names services that have something to do with the balancers too: they are there, or are led to by them.
fn beside(inventory: &Inventory, service: &Service, switch: &Switch) -> Vec<String> {
    let there = |of: &Service| {
        let led = of.rollout.sets.as_ref().map(|sets| sets.switch.on.as_slice()).unwrap_or_default();
        switch.on.iter().any(|host| of.hosts.contains(host) || led.contains(host))
    };
    let others = inventory.services.iter().filter(|of| of.id != service.id && there(of));
    others.map(|of| of.id.to_string()).collect()
}

fn sudo(switch: &Switch) -> &'static str {
    if switch.sudo { "sudo -n" } else { "" }
}

fn command(words: &[String]) -> String {
    words.iter().map(|word| quote(word).unwrap_or_default()).collect::<Vec<_>>().join(" ")
}

fn names(hosts: &[HostName]) -> String {
    hosts.iter().map(HostName::as_str).collect::<Vec<_>>().join(", ")
}

/// A service with some of its hosts only.
struct Part(Service);

impl Part {
    fn of<'a>(&'a self, whole: Context<'a>) -> Context<'a> {
        Context { service: &self.0, ..whole }
    }
}

/// A service of two sets, while a change of it is planned.
#[derive(Clone, Copy)]
struct Two<'a> {
    of: Context<'a>,
    recipe: &'a dyn Recipe,
    sets: &'a TwoSets,
}

impl<'a> Two<'a> {
    fn within(&self, hosts: &[HostName]) -> Part {
        let mut service = self.of.service.clone();
        service.hosts = hosts.to_vec();
        service.rollout.strategy = self.sets.within.clone();
        Part(service)
    }

    /// Reads to which set a balancer leads.
    fn leads(&self, host: &HostName) -> Result<&'a HostSet, String> {
        let Self { of, sets, .. } = *self;
        let switch = &sets.switch;
        of.survey(host).map_err(|why| format!("which set {host} leads to cannot be read: {why}"))?;
        let says = |name: &str| of.said(host, name).map(str::trim).filter(|said| !said.is_empty());
        if let Some(to) = says("begun") {
            let what = format!("a switch of {host} to {to} was begun and not finished: what it serves is not known");
            return Err(format!("{what}; {}", self.by_hand()));
        }
        let (one, other) = (&sets.sets[0], &sets.sets[1]);
        match (says("link"), says("file")) {
            (Some("link"), Some("1")) => Ok(one),
            (Some("link"), Some("2")) => Ok(other),
            (Some("link"), Some(_)) => Err(format!("on {host} the files of {} and {} are one", one.name, other.name)),
            (Some("link"), None) => {
                let to = says("leads").unwrap_or("nothing");
                let help = format!("lead it to the file of {} or {} once", one.name, other.name);
                Err(format!("{} on {host} leads to {to}, which is of neither set: {help}", switch.link))
            }
            (Some("none"), _) => {
                let [first, second] = &switch.files;
                let help = format!("make it once, to {first} or {second}, and include it where the upstream stood");
                Err(format!("{host} has no {}: {help}", switch.link))
            }
            _ => Err(format!("{} on {host} is no symbolic link to a file", switch.link)),
        }
    }

    fn by_hand(&self) -> String {
        format!("`qd run {} {SWITCH} --set set=NAME` has all lead to one", self.of.service.id)
    }

    /// Returns the set that serves and the other one: every balancer must say the same.
    fn live(&self) -> Result<[&'a HostSet; 2], String> {
        let sets = self.sets;
        let mut found: Vec<(&HostName, &HostSet)> = Vec::new();
        for host in &sets.switch.on {
            found.push((host, self.leads(host)?));
        }
        let Some((_, live)) = found.first() else { return Err("there are no balancers".to_owned()) };
        if found.iter().any(|(_, set)| set != live) {
            let each: Vec<String> = found.iter().map(|(host, set)| format!("{host} to {}", set.name)).collect();
            return Err(format!("the balancers lead to different sets ({}): {}", each.join(", "), self.by_hand()));
        }
        let (live, _, idle) = sets.named(&live.name).ok_or("there are no sets")?;
        Ok([live, idle])
    }

    /// Says what all hosts of a set run; none where they differ or do not say.
    fn runs(&self, set: &HostSet) -> Option<Runs> {
        let mut all = set.hosts.iter().map(|host| self.recipe.runs(self.of, host));
        let first = all.next()??;
        all.all(|other| other.as_ref().is_some_and(|other| other.name == first.name)).then_some(first)
    }

    /// Says in words what a set runs.
    fn shown(&self, set: &HostSet) -> Option<String> {
        if let Some(runs) = self.runs(set) {
            return Some(runs.version);
        }
        let of = |host: &HostName| self.recipe.runs(self.of, host).map_or_else(|| "?".to_owned(), |runs| runs.version);
        let each: Vec<String> = set.hosts.iter().map(|host| format!("{host}: {}", of(host))).collect();
        set.hosts.iter().any(|host| self.recipe.runs(self.of, host).is_some()).then(|| each.join(", "))
    }

    /// Plans a restart of both sets, that first which serves nobody.
    fn restart(&self) -> Result<Plan, String> {
        let whole = |hosts: &[HostName]| self.recipe.restart(self.within(hosts).of(self.of));
        let sets = match self.live() {
            Ok(sets) => sets,
            // What serves is mended all the same; that its order is not known, a person says.
            Err(why) => {
                let mut plan = whole(&self.of.service.hosts)?;
                plan.strategy = self.of.service.rollout.strategy.clone();
                let text = format!("which set serves is not known, so not which is to be first: {why}");
                plan.prechecks.push(Precheck { verdict: Fit::Held, text });
                return Ok(plan);
            }
        };
        let [live, idle] = sets;
        let hosts: Vec<HostName> = idle.hosts.iter().chain(&live.hosts).cloned().collect();
        let mut plan = whole(&hosts)?;
        plan.strategy = Strategy::BlueGreen(self.sides(sets, Vec::new()));
        plan.from = self.shown(live);
        plan.effect = format!("{} is first, which serves nobody; on {}: {}", idle.name, live.name, plan.effect);
        plan.prechecks.extend(self.stands(sets));
        Ok(plan)
    }

    fn sides(&self, [live, idle]: [&HostSet; 2], balancers: Vec<HostName>) -> Sides {
        let mut waves = self.sets.within.waves(&idle.hosts);
        if self.sets.within == Strategy::All {
            let within = self.within(&idle.hosts);
            waves = self.recipe.strategy(&within.0).waves(&idle.hosts);
        }
        waves.extend(self.of.service.rollout.strategy.waves(&live.hosts));
        Sides { live: live.clone(), idle: idle.clone(), balancers, waves, ..Sides::default() }
    }

    /// Plans to go back: where the other set runs what is wanted, it is only the switch.
    fn rollback(&self, to: Option<&str>) -> Result<Plan, String> {
        let sets = self.live()?;
        let [live, idle] = sets;
        let (now, there) = (self.runs(live), self.runs(idle));
        let part = self.within(&idle.hosts);
        let of = part.of(self.of);
        if let (Some(now), Some(to)) = (&now, to)
            && now.is(to)
        {
            return Err(format!("{}, which serves, runs {} already", live.name, now.version));
        }
        let target = match (to, &now) {
            (Some(to), _) => Some(to.to_owned()),
            (None, Some(now)) => self.recipe.before(of, now)?,
            (None, None) => None,
        };
        let is_there = there.filter(|there| match (&target, &now) {
            (Some(target), _) => there.is(target),
            (None, Some(now)) => there.name != now.name,
            (None, None) => true,
        });
        let Some(there) = is_there else {
            let plan = self.recipe.rollback(of, target.as_deref())?;
            return self.then_switch(plan, sets);
        };
        let mut plan = self.only_switch(idle, sets, &there)?;
        let left = self.shown(live).unwrap_or_else(|| "what it runs".to_owned());
        plan.title = format!("roll {} back to {}", self.of.service.id.service, there.version);
        plan.action = Action::Rollback { version: there.version.clone() };
        plan.undo = format!(
            "never by itself: it would bring {left} back, which is what you leave; {} stays on it: {SWITCH} leads there again",
            live.name
        );
        if target.is_none() {
            let text = format!("whether {} is older than {left} nobody can tell from here: read both", there.version);
            plan.prechecks.push(Precheck { verdict: Fit::Doubtful, text });
        }
        Ok(plan)
    }

    /// Plans the task that has users served by a set, wherever each balancer leads now.
    fn switch_to(&self, order: &Order) -> Result<Plan, String> {
        let Self { of, sets, .. } = *self;
        let name = order.settings.get("set").map_or("", String::as_str);
        let Some((to, _, other)) = sets.named(name) else {
            let [one, two] = &sets.sets;
            return Err(format!("there is no set {name:?}: {} or {}", one.name, two.name));
        };
        let known = self.live();
        if known.as_ref().is_ok_and(|[live, _]| *live == to) {
            return Err(format!("{} serves already: {} lead there", to.name, names(&sets.switch.on)));
        }
        for host in &sets.switch.on {
            of.survey(host).map_err(|why| format!("{host} cannot be switched: {why}"))?;
        }
        let there = self.runs(to).ok_or_else(|| {
            let each = self.shown(to).unwrap_or_else(|| "its hosts do not say".to_owned());
            format!("{} does not run one version ({each}): bring one out", to.name)
        })?;
        let mut plan = self.only_switch(to, [other, to], &there)?;
        plan.title = format!("switch {} to {}", of.service.id.service, to.name);
        plan.action = Action::Other { name: SWITCH.to_owned() };
        plan.undo = match &known {
            Ok([live, _]) => format!("by itself, once: the balancers lead to {} again", live.name),
            Err(_) => format!("not by itself: they did not agree before; the same with set={} leads there", other.name),
        };
        plan.undo_by_itself = known.is_ok();
        if known.is_err() {
            let led =
                sets.switch.on.iter().filter_map(|host| Some((host.clone(), self.leads(host).ok()?.name.clone())));
            if let Strategy::BlueGreen(sides) = &mut plan.strategy {
                sides.led = Some(led.collect());
            }
            // Where they led before is nothing that one wants back.
            plan.undo_steps.clear();
        }
        plan.prechecks.extend(known.err().map(|text| Precheck { verdict: Fit::Doubtful, text }));
        Ok(plan)
    }

    /// Sees that a set is well as it stands, and leads all balancers to it.
    fn only_switch(&self, to: &HostSet, sets: [&HostSet; 2], there: &Runs) -> Result<Plan, String> {
        let part = self.within(&to.hosts);
        let mut steps = Vec::new();
        for host in &to.hosts {
            steps.extend(self.recipe.stands(part.of(self.of), host)?);
        }
        let plan = Plan { steps, undo_by_itself: false, ..self.of.plan(String::new()) };
        let mut plan = self.then_switch(plan, sets)?;
        let at = there.since.and_then(Timestamp::to_utc);
        let since = at.map(|at| at.format(" since %Y-%m-%d %H:%M").to_string()).unwrap_or_default();
        let [served, _] = sets;
        plan.effect = format!(
            "users go to {}, which has had {}{since}, once it is seen to be well there; {} stays as it is. {}",
            to.name,
            there.version,
            served.name,
            self.how()
        );
        // There is nothing of a recipe's own in it.
        plan.notes.remove(0);
        plan.proof =
            format!("each host of {} answers well before, each balancer passes its own test; then the checks", to.name);
        Ok(plan)
    }

    fn how(&self) -> String {
        let Switch { on, test, reload, .. } = &self.sets.switch;
        format!("{}: `{}`, then `{}`", names(on), test.join(" "), reload.join(" "))
    }

    /// Adds the switch to a plan that has changed the set that serves nobody.
    fn then_switch(&self, mut plan: Plan, sets: [&HostSet; 2]) -> Result<Plan, String> {
        let ([live, idle], switch) = (sets, &self.sets.switch);
        plan.from = self.shown(live);
        plan.notes.insert(0, format!("on {}: {}", idle.name, plan.effect));
        plan.effect = format!(
            "{} is changed, which serves nobody; then users go there, and {} stays as it is. {}",
            idle.name,
            live.name,
            self.how()
        );
        if plan.undo_by_itself {
            let runs = plan.from.as_ref().map(|from| format!(", which stays on {from}")).unwrap_or_default();
            let led = format!("by itself, once: the balancers lead to {} again{runs}", live.name);
            plan.undo = format!("{led}; what was on {} comes back there after them", idle.name);
        }
        plan.strategy = Strategy::BlueGreen(self.sides(sets, switch.on.clone()));
        for host in &switch.on {
            plan.steps.push(self.step(host, (format!("lead to {}", idle.name), ""), [live, idle])?);
            plan.undo_steps.push(self.step(host, (format!("lead back to {}", live.name), "yes"), [idle, live])?);
            plan.locks.insert(host.clone(), lock(self.of.service));
        }
        let others = beside(self.of.inventory, self.of.service, switch);
        if !others.is_empty() {
            plan.notes.push(format!(
                "{} serve others too, which notice a reload: {}",
                names(&switch.on),
                others.join(", ")
            ));
        }
        plan.prechecks.extend(self.stands(sets));
        plan.prechecks.extend(self.balancers());
        Ok(plan)
    }

    fn step(&self, host: &HostName, (name, back): (String, &str), [was, to]: [&HostSet; 2]) -> Result<Step, String> {
        let switch = &self.sets.switch;
        let file = |set: &HostSet| self.sets.named(&set.name).map(|(_, file, _)| at_home(file));
        let (was, to) = file(was).zip(file(to)).ok_or("there are no sets")?;
        let values = [
            ("LINK", at_home(&switch.link)),
            ("TO", to),
            ("WAS", was),
            ("BACK", back.to_owned()),
            ("SUDO", sudo(switch).to_owned()),
            ("TEST", command(&switch.test)),
            ("RELOAD", command(&switch.reload)),
        ];
        let values = values.each_ref().map(|(name, value)| (*name, value.as_str()));
        let text = fill(include_str!("switch.sh"), &values);
        Ok(self.of.step(host, name, text.trim_end(), TIMEOUT_MS))
    }

    /// Says which set serves and what each runs.
    fn stands(&self, sets: [&HostSet; 2]) -> Vec<Precheck> {
        let [live, idle] = sets;
        let runs = |set: &HostSet| self.shown(set).unwrap_or_else(|| "nothing that is known".to_owned());
        let told = self.live().is_ok().then(|| Precheck {
            verdict: Fit::Good,
            text: format!("{} serves and runs {}; {} runs {}", live.name, runs(live), idle.name, runs(idle)),
        });
        let silent = self.of.facts.silent.iter().map(|(host, why)| Precheck {
            verdict: Fit::Doubtful,
            text: if why.contains(host.as_str()) { why.clone() } else { format!("{host}: {why}") },
        });
        told.into_iter().chain(silent).collect()
    }

    /// Says how the balancers stand: one whose configuration does not pass its own test as it is takes nothing.
    fn balancers(&self) -> Vec<Precheck> {
        let switch = &self.sets.switch;
        let mut checks = Vec::new();
        for host in &switch.on {
            let said = self.of.said(host, "server").unwrap_or_default();
            if !said.lines().any(|line| line == "good") {
                let last = said.lines().filter_map(|line| line.strip_prefix("said ")).next_back();
                let last = last.unwrap_or("it did not answer");
                checks.push(super::web::bad(format!("`{}` fails on {host} as it is: {last}", switch.test.join(" "))));
            }
            for lacks in self.of.said(host, "lacks").unwrap_or_default().lines() {
                let file = match lacks {
                    "1" => &switch.files[0],
                    _ => &switch.files[1],
                };
                checks.push(super::web::bad(format!("{host} has no {file}")));
            }
        }
        if checks.is_empty() {
            let text = format!("`{}` passes on {}", switch.test.join(" "), names(&switch.on));
            checks.push(Precheck { verdict: Fit::Good, text });
        }
        checks
    }
}

#[cfg(test)]
mod tests;
