//! `qd runbook`: what a team wrote down, looked at, checked, and run step by step through the same gate as any change.
mod diff;
mod notes;
mod place;
mod run;

use std::path::{Path, PathBuf};

use clap::Subcommand;
use color_eyre::eyre::eyre;
use serde_json::{Value, json};

use super::{
    Common, Exit,
    change::{How, Leave},
    setup::{self, Setup},
};
use crate::{
    config::Loaded,
    core::runbooks::{Expect, Mode, Param, Runbook, Step},
    parse::runbook::{self, Fault},
};

/// Examples below the help.
const EXAMPLES: &str = "\
NAME is a runbook of the configuration (`runbooks = [\"runbooks/*.md\"]`), or the path of a Markdown file.

Examples:
  qd runbook list                                         which there are
  qd runbook check runbooks/*.md                          what is wrong with them, with line and column
  qd runbook run postgres-connections --on db@prod        all steps that only look, and whether each answer is as it must be
  qd runbook run postgres-connections --on db@prod --incident INC-214
                                                          and into the timeline of that incident, as the console does
  qd runbook diff postgres-connections | git apply        what incidents taught, as a change of the file
  qd runbook run postgres-connections --on db@prod --step 5 --param minutes=10 --dry-run
                                                          what a step that changes would run; then with --yes-i-mean";

/// What `qd runbook` takes.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    #[command(subcommand)]
    deed: Deed,
}

#[derive(Debug, Subcommand)]
enum Deed {
    /// List the runbooks of the configuration
    List,
    /// Print a runbook's steps: where each runs, what it is given, what its answer must be
    Show {
        /// The runbook, or a Markdown file
        name: String,
    },
    /// Say what is wrong with runbooks, with line, column and what to do
    Check {
        /// Markdown files
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// Print how often each step was used and left out in incidents; what was said to be wrong as a patch to review
    Diff {
        /// The runbook
        name: String,
    },
    /// Run the steps that only look; or one step, which may change something once it was reviewed
    Run(Run),
}

/// What `qd runbook run` takes.
#[derive(Debug, clap::Args)]
struct Run {
    /// The runbook, or a Markdown file
    name: String,
    /// Where: a service as SERVICE@ENV, a host, or HOST/SERVICE@ENV
    #[arg(long, value_name = "PLACE")]
    on: String,
    /// What its steps are given, as NAME=VALUE
    #[arg(long = "param", value_name = "NAME=VALUE")]
    params: Vec<String>,
    /// Only this step, by number or id
    #[arg(long, value_name = "STEP")]
    step: Option<String>,
    /// Write what hosts answer, or the run, into the timeline of this incident: INC-214
    #[arg(long, value_name = "INCIDENT")]
    incident: Option<String>,
    #[command(flatten)]
    leave: Leave,
    #[command(flatten)]
    how: How,
}

pub(super) fn run(common: &Common, args: &Args) -> color_eyre::Result<Exit> {
    let setup = Setup::unlogged()?;
    match &args.deed {
        Deed::List => list(&setup, common),
        Deed::Show { name } => show(&setup, common, name),
        Deed::Check { files } => check(&setup, common, files),
        Deed::Diff { name } => diff::run(&setup, common, name),
        Deed::Run(args) => run::run(common, args),
    }
}

/// Finds a runbook: of the configuration by its name, else a file.
fn find(loaded: Option<&Loaded>, name: &str) -> color_eyre::Result<Runbook> {
    if let Some(book) = loaded.and_then(|loaded| loaded.inventory.runbook(name)) {
        return Ok((**book).clone());
    }
    let path = Path::new(name);
    if !path.is_file() {
        let known: Vec<&str> =
            loaded.iter().flat_map(|loaded| &loaded.inventory.runbooks).map(|book| book.name.as_str()).collect();
        let known = if known.is_empty() {
            "the configuration names none: `runbooks = [\"runbooks/*.md\"]`".to_owned()
        } else {
            format!("there are: {}", known.join(", "))
        };
        return Err(eyre!("there is no runbook `{name}`, and no such file\n  {known}"));
    }
    let (book, faults) = read(path)?;
    if faults.is_empty() {
        return Ok(book);
    }
    Err(eyre!("{}", told(path, &faults).trim_end()))
}

fn read(path: &Path) -> color_eyre::Result<(Runbook, Vec<Fault>)> {
    let text = std::fs::read_to_string(path).map_err(|error| eyre!("{}: {error}", path.display()))?;
    let name = path.file_stem().map(|stem| runbook::slug(&stem.to_string_lossy())).unwrap_or_default();
    let (mut book, mut faults) = runbook::read(&name, &text);
    book.path = path.display().to_string();
    if faults.is_empty() && book.steps.is_empty() {
        let help = "a heading, and under it a command between ```sh read and ```";
        faults.push(Fault { line: 1, column: 1, what: "it has no steps".to_owned(), help: help.to_owned() });
    }
    Ok((book, faults))
}

fn told(path: &Path, faults: &[Fault]) -> String {
    let line = |fault: &Fault| {
        format!("{}:{}:{}: {}\n  help: {}\n", path.display(), fault.line, fault.column, fault.what, fault.help)
    };
    faults.iter().map(line).collect()
}

fn list(setup: &Setup, common: &Common) -> color_eyre::Result<Exit> {
    let loaded = setup.config(common)?;
    let books = &loaded.inventory.runbooks;
    if common.json {
        let data = books.iter().map(|book| to_json(book)).collect();
        setup::print_json("qd.runbooks/1", setup.clock.as_ref(), data)?;
        return Ok(Exit::Ok);
    }
    if books.is_empty() {
        setup::print("the configuration names no runbooks: `runbooks = [\"runbooks/*.md\"]`\n")?;
        return Ok(Exit::Ok);
    }
    let mut rows = vec![["NAME", "LOOKS", "CHANGES", "FOR", "TITLE"].map(str::to_owned).to_vec()];
    for book in books {
        let count = |mode: Mode| book.steps.iter().filter(|step| step.mode == mode).count().to_string();
        let of: Vec<&str> = book.services.iter().chain(&book.kinds).chain(&book.types).map(String::as_str).collect();
        rows.push(vec![book.name.clone(), count(Mode::Read), count(Mode::Change), of.join(" "), book.title.clone()]);
    }
    setup::print(&setup::table(&rows))?;
    Ok(Exit::Ok)
}

fn show(setup: &Setup, common: &Common, name: &str) -> color_eyre::Result<Exit> {
    // A file is shown without a configuration.
    let loaded = setup.config(common);
    let book = find(loaded.as_ref().ok(), name)?;
    if common.json {
        setup::print_json("qd.runbook/1", setup.clock.as_ref(), to_json(&book))?;
        return Ok(Exit::Ok);
    }
    let mut text = format!("{}\n{}\n", book.title, book.about);
    for param in &book.params {
        text.extend(["takes ", &param.written(), ": ", &param.takes.words(), "\n"]);
    }
    for (number, step) in book.numbered().enumerate() {
        text.extend(["\n", &format!("{} {} ({})", number + 1, step.name, step.id), "\n"]);
        text.extend(["  ", step.mode.word(), " on ", &step.on.words(), "\n"]);
        for wanted in wants(step) {
            text.extend(["  must: ", &wanted, "\n"]);
        }
        text.extend(step.command.lines().map(|line| format!("    {line}\n")));
        for back in book.undo_of(step).filter(|_| step.mode == Mode::Change) {
            text.push_str("  way back:\n");
            text.extend(back.command.lines().map(|line| format!("    {line}\n")));
        }
    }
    setup::print(&text)?;
    Ok(Exit::Ok)
}

/// Says what the answer of a step must be.
fn wants(step: &Step) -> Vec<String> {
    let exit = step.exit.map(|code| format!("exit {code}"));
    exit.into_iter().chain(step.expect.iter().map(Expect::words)).collect()
}

fn check(setup: &Setup, common: &Common, files: &[PathBuf]) -> color_eyre::Result<Exit> {
    let (mut all, mut text, mut wrong) = (Vec::new(), String::new(), false);
    for path in files {
        let (book, faults) = read(path)?;
        wrong |= !faults.is_empty();
        if faults.is_empty() {
            let changes = book.steps.iter().filter(|step| step.mode == Mode::Change).count();
            let steps = setup::many(book.numbered().count(), "step");
            text.extend([
                &path.display().to_string(),
                ": ",
                &steps,
                ", ",
                &changes.to_string(),
                " of them change something\n",
            ]);
        }
        text.push_str(&told(path, &faults));
        let faults: Vec<Value> = faults
            .iter()
            .map(|fault| json!({ "line": fault.line, "column": fault.column, "what": fault.what, "help": fault.help }))
            .collect();
        all.push(json!({ "path": path, "faults": faults }));
    }
    if common.json {
        setup::print_json("qd.runbook.check/1", setup.clock.as_ref(), json!(all))?;
    } else {
        setup::print(&text)?;
    }
    Ok(if wrong { Exit::Usage } else { Exit::Ok })
}

fn to_json(book: &Runbook) -> Value {
    let param = |param: &Param| json!({ "name": param.name, "takes": param.takes.words(), "default": param.default });
    let step = |step: &Step| {
        json!({
            "number": book.number(&step.id), "id": step.id, "name": step.name, "mode": step.mode.word(),
            "on": step.on.words(), "takes": step.takes, "must": wants(step), "prose": step.prose, "command": step.command,
            "timeout_ms": step.timeout_ms, "line": step.line,
        })
    };
    json!({
        "name": book.name, "path": book.path, "title": book.title, "about": book.about, "types": book.types,
        "services": book.services, "kinds": book.kinds, "params": book.params.iter().map(param).collect::<Vec<_>>(),
        "steps": book.steps.iter().map(step).collect::<Vec<_>>(),
    })
}
