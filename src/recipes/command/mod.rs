//! Steps that a team wrote itself: in the configuration, or in a runbook.
use serde_json::{Value, json};

use super::{Context, PATH, Recipe, control, offers, path_misfit};
use crate::{
    config::{self, Field, Kind, Misfit, Shape},
    core::{
        inventory::{Params, Service},
        runbooks::{self, Mode, On, Param, Runbook, assign, variable},
        runs::{Action, Fit, Order, Plan, Precheck, Step, Takes, Task, What, is_version, offer::Brings},
    },
    parse::runbook,
};

/// Runs the steps of a task, each as it is written. Restart, deploy and rollback are the tasks of these names.
#[derive(Debug)]
pub(super) struct Command;

const TEXTS: Shape = Shape::List(&Shape::Text);

/// One task.
const TASK: &[Field] = &[
    Field {
        name: "steps",
        shape: TEXTS,
        required: true,
        doc: "Shell texts, in order; a first line that is a comment names its step.",
    },
    Field { name: "undo", shape: TEXTS, required: false, doc: "Shell texts that take it back. Default: nothing can." },
    Field { name: "doc", shape: Shape::Text, required: false, doc: "What it does, as a sentence." },
    Field { name: "effect", shape: Shape::Text, required: false, doc: "What users notice of it." },
    Field {
        name: "confirm",
        shape: Shape::Text,
        required: false,
        doc: "What must be known before it is confirmed: \"mail is late for minutes\".",
    },
    Field { name: "proof", shape: Shape::Text, required: false, doc: "What shows that it worked." },
    Field {
        name: "takes",
        shape: TEXTS,
        required: false,
        doc: "What must be given to it: `takes = [\"node:host\"]` is $QD_NODE in its steps; types are those of runbooks, and `minutes:int(1..60)=10` has a default.",
    },
    Field {
        name: "on",
        shape: Shape::Choice(&["all", "first"]),
        required: false,
        doc: "Whether it runs on all hosts or on the first that is listed. Default: all.",
    },
    Field { name: "timeout", shape: Shape::Duration, required: false, doc: "How long a step may take. Default: 10m." },
];

const FIELDS: &[Field] = &[
    Field {
        name: "tasks",
        shape: Shape::Map(&Shape::Table(TASK)),
        required: false,
        doc: "Tasks by name; `restart`, `deploy` and `rollback` are what R, D and B do ($QD_VERSION is the version).",
    },
    Field {
        name: "runbook",
        shape: Shape::Path,
        required: false,
        doc: "A Markdown file: the `sh` fences under a heading are the steps of a task, `sh undo` its way back; `$QD_NODE` in one is `node`, which must be given.",
    },
    PATH,
];

impl Kind for Command {
    fn name(&self) -> &'static str {
        "command"
    }

    fn fields(&self) -> &'static [Field] {
        FIELDS
    }

    fn misfits(&self, settings: &Params) -> Vec<Misfit> {
        let mut misfits = Vec::new();
        let own = settings.get("tasks").and_then(Value::as_object);
        misfits.extend(wrong("tasks", own.into_iter().flatten().map(|(name, task)| (name.as_str(), task))));
        if let Some(file) = settings.get("runbook").and_then(Value::as_str) {
            match config::read_bounded(std::path::Path::new(file)) {
                Err(why) => misfits.push(Misfit::new("runbook", format!("the runbook cannot be read: {why}"), file)),
                Ok(text) => misfits.extend(misfits_of(file, &text)),
            }
        }
        if own.is_none() && !settings.contains_key("runbook") {
            let help = "add `tasks = { restart = { steps = [\"…\"] } }`, or a `runbook`";
            misfits.push(Misfit::new("tasks", "there are no tasks", help));
        }
        misfits.into_iter().chain(path_misfit(settings)).collect()
    }

    fn complete(&self, settings: &mut Params) {
        let Some(file) = settings.get("runbook").and_then(Value::as_str) else { return };
        let Ok(text) = config::read_bounded(std::path::Path::new(file)) else { return };
        // What the configuration says itself goes first.
        let mut tasks: Params = tasks_of(&runbook::read(file, &text).0).into_iter().collect();
        if let Some(own) = settings.get("tasks").and_then(Value::as_object) {
            tasks.extend(own.clone());
        }
        settings.insert("tasks".into(), Value::Object(tasks));
    }
}

/// Says what is wrong with a runbook whose headings are to be tasks.
fn misfits_of(file: &str, text: &str) -> Vec<Misfit> {
    let (book, faults) = runbook::read(file, text);
    let mut misfits: Vec<Misfit> = faults
        .into_iter()
        .map(|fault| {
            Misfit::new("runbook", format!("{file}:{}:{}: {}", fault.line, fault.column, fault.what), fault.help)
        })
        .collect();
    let unused = book.steps.iter().filter(|step| step.on != On::Each || !step.expect.is_empty());
    misfits.extend(unused.map(|step| {
        let what =
            format!("{file}:{}: a task's steps run on all its hosts, and what they answer is not read", step.line);
        Misfit::new("runbook", what, "leave `on` and `expect` out, or name the file under `runbooks` instead")
    }));
    let tasks = tasks_of(&book);
    if tasks.is_empty() && misfits.is_empty() {
        let help = "a heading, and under it the steps between ```sh and ```";
        misfits.push(Misfit::new("runbook", "no heading of the runbook has steps", help));
    }
    misfits.extend(wrong("runbook", tasks.iter().map(|(name, task)| (name.as_str(), task))));
    misfits
}

/// Returns the tasks of a runbook, shaped as the configuration would have them.
fn tasks_of(book: &Runbook) -> Vec<(String, Value)> {
    let task = |(at, section): (usize, &runbooks::Section)| {
        let own = |undo: bool| -> Vec<&runbooks::Step> {
            book.steps.iter().filter(|step| step.section == at && (step.mode == Mode::Undo) == undo).collect()
        };
        let texts = |steps: &[&runbooks::Step]| steps.iter().map(|step| step.command.clone()).collect::<Vec<_>>();
        let (steps, undo) = (own(false), own(true));
        let uses = |param: &&Param| steps.iter().chain(&undo).any(|step| step.takes.contains(&param.name));
        let taken: Vec<String> = book.params.iter().filter(uses).map(Param::written).collect();
        let told = json!({ "steps": texts(&steps), "undo": texts(&undo), "doc": section.doc, "takes": taken });
        (!steps.is_empty()).then(|| (section.name.clone(), told))
    };
    book.sections.iter().enumerate().filter_map(task).collect()
}

/// Says what is wrong with tasks.
fn wrong<'a>(key: &'static str, tasks: impl Iterator<Item = (&'a str, &'a Value)>) -> Vec<Misfit> {
    let mut misfits = Vec::new();
    for (name, task) in tasks {
        if name.is_empty() || runbook::slug(name) != name {
            let help = "lower-case letters and digits, joined by dashes";
            misfits.push(Misfit::new(key, format!("{name:?} cannot be the name of a task"), help));
        }
        if texts(task, "steps").next().is_none() {
            misfits.push(Misfit::new(key, format!("task `{name}` has no steps"), "steps = [\"…\"]"));
        }
        if let Some((taken, why)) = texts(task, "takes").find_map(|taken| Some((taken, runbook::param(taken).err()?))) {
            misfits.push(Misfit::new(key, format!("task `{name}` cannot take {taken:?}"), why));
        }
        if let Some(found) = texts(task, "steps").chain(texts(task, "undo")).find_map(runbook::never) {
            let help = "name the one that is meant";
            misfits.push(Misfit::new(
                key,
                format!("task `{name}` would run {found:?}: that is never done from here"),
                help,
            ));
        }
    }
    misfits
}

fn texts<'a>(task: &'a Value, key: &str) -> impl Iterator<Item = &'a str> {
    task.get(key).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

/// Names that have verbs of their own.
const VERBS: [&str; 3] = ["restart", "deploy", "rollback"];

fn tasks(service: &Service) -> impl Iterator<Item = (&str, &Value)> {
    let tasks = service.recipe.get("tasks").and_then(Value::as_object);
    tasks.into_iter().flatten().map(|(name, task)| (name.as_str(), task))
}

/// Plans a task; `given` are variables for its steps.
fn planned(of: Context<'_>, name: &str, given: &[(String, String)]) -> Result<Plan, String> {
    let Some((_, task)) = tasks(of.service).find(|(known, _)| *known == name) else {
        let known: Vec<&str> = tasks(of.service).map(|(name, _)| name).collect();
        return Err(format!("{} has no task `{name}`; its tasks: {}", of.service.id, known.join(", ")));
    };
    let text = |key: &str| task.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
    let before: String = given.iter().map(|(name, value)| assign(name, value)).collect();
    let on = if text("on") == Some("first") { control(of.service) } else { &of.service.hosts };
    let timeout = task.get("timeout").and_then(Value::as_u64).unwrap_or(600_000);
    let steps = |key: &str, name: &str| -> Vec<Step> {
        let all = on.iter().flat_map(|host| texts(task, key).enumerate().map(move |step| (host, step)));
        all.map(|(host, (number, text))| {
            of.step(
                host,
                named(text).unwrap_or_else(|| format!("{name} {}", number + 1)),
                format!("{before}{text}"),
                timeout,
            )
        })
        .collect()
    };
    let undo_steps = steps("undo", "undo");
    let confirm = text("confirm").map(|text| Precheck { verdict: Fit::Doubtful, text: text.to_owned() });
    let says = text("effect").or(text("doc")).unwrap_or("what its steps do; nobody wrote down what users notice");
    Ok(Plan {
        steps: steps("steps", name),
        undo: if undo_steps.is_empty() {
            "nobody wrote down how".into()
        } else {
            "by the steps that are written for it".into()
        },
        undo_steps,
        effect: says.to_owned(),
        proof: text("proof").map_or_else(|| "each step exits with 0; then the checks".into(), str::to_owned),
        prechecks: confirm.into_iter().collect(),
        ..of.plan(format!("{name} {}", of.service.id.service))
    })
}

/// Returns what a step is called, short enough for a row.
fn named(text: &str) -> Option<String> {
    runbook::called(text).map(|name| name.chars().take(40).collect())
}

fn version(version: Option<&str>) -> Result<Vec<(String, String)>, String> {
    match version {
        Some(version) if !is_version(version) => Err(format!("{version:?} cannot be a version")),
        version => Ok(vec![("QD_VERSION".to_owned(), version.unwrap_or_default().to_owned())]),
    }
}

/// Returns what a task takes; what cannot be read, the configuration has refused.
fn takes(task: &Value) -> Vec<Param> {
    texts(task, "takes").filter_map(|text| runbook::param(text).ok()).collect()
}

impl Recipe for Command {
    /// A team's own steps run as they are written, and nothing beside them.
    fn looks_first(&self) -> bool {
        false
    }

    fn restart(&self, of: Context<'_>) -> Result<Plan, String> {
        planned(of, "restart", &[])
    }

    fn deploy(&self, of: Context<'_>, what: &What) -> Result<Plan, String> {
        let named = match what {
            What::Version { version } => Some(version.as_str()),
            What::Default => None,
            What::Build(_) => return Err("its steps take no build: --version names what they are to bring out".into()),
        };
        let plan = planned(of, "deploy", &version(named)?)?;
        let shown = named.unwrap_or("what its steps bring out").to_owned();
        let title = format!("deploy {} {}", of.service.id.service, named.unwrap_or_default()).trim_end().to_owned();
        let undo_by_itself = !plan.undo_steps.is_empty();
        Ok(Plan { title, action: Action::Deploy { version: shown }, undo_by_itself, ..plan })
    }

    fn brings(&self, service: &Service) -> Option<Brings> {
        let (_, task) = tasks(service).find(|(name, _)| *name == "deploy")?;
        let default = Some("what its steps bring out".to_owned());
        let takes = texts(task, "steps").any(|text| text.contains("QD_VERSION"));
        Some(if takes { offers::named("the version, as $QD_VERSION") } else { Brings { default, ..Brings::default() } })
    }

    fn rollback(&self, of: Context<'_>, to: Option<&str>) -> Result<Plan, String> {
        let plan = planned(of, "rollback", &version(to)?)?;
        let shown = to.unwrap_or("what its steps bring back").to_owned();
        Ok(Plan { action: Action::Rollback { version: shown }, ..plan })
    }

    fn tasks(&self, service: &Service) -> Vec<Task> {
        let others = tasks(service).filter(|(name, _)| !VERBS.contains(name));
        let task = |(name, task): (&str, &Value)| Task {
            name: name.to_owned(),
            doc: task.get("doc").and_then(Value::as_str).unwrap_or_default().to_owned(),
            takes: takes(task).into_iter().map(taken).collect(),
            file: false,
        };
        others.map(task).collect()
    }

    fn task(&self, of: Context<'_>, order: &Order) -> Result<Plan, String> {
        let params = tasks(of.service).find(|(name, _)| *name == order.task).map(|(_, task)| takes(task));
        let mut given: Vec<(String, String)> = Vec::new();
        for param in params.unwrap_or_default() {
            let Some(value) = order.settings.get(&param.name).or(param.default.as_ref()) else { continue };
            param.check(value)?;
            given.push((variable(&param.name), value.clone()));
        }
        let mut plan = planned(of, &order.task, &given)?;
        plan.action = Action::Other { name: order.task.clone() };
        Ok(plan)
    }
}

/// Says what is taken as every task says it.
fn taken(param: Param) -> Takes {
    let doc = match &param.default {
        Some(default) => format!("${}: {}; else {default:?}.", variable(&param.name), param.takes.words()),
        None => format!("${}: {}.", variable(&param.name), param.takes.words()),
    };
    Takes { required: param.default.is_none(), name: param.name, doc }
}

#[cfg(test)]
mod tests;
