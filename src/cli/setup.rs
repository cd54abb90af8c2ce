//! What every command starts with: the configuration, the store, the way to hosts, the log.
use std::{io::IsTerminal as _, path::Path, sync::Arc};

use color_eyre::eyre::{Report, eyre};

use super::Common;
pub(super) use crate::core::words::many;
use crate::{
    checks, config,
    config::{
        Catalog, Env, Loaded, Problem,
        problem::{Severity, closest},
        theme::ColourDepth,
    },
    core::{alerts::METRICS, id::Operator, inventory::Inventory, logs::derive::Derived, runs::Actor, time::Clock},
    notify, recipes,
    remote::{
        Remote,
        ssh::{Pool, PoolOptions},
    },
    render,
    runtime::{clock::SystemClock, engine, logs::Rules},
    store::{IfMissing, Keep, Options, Patient, Sqlite, Store, StoreError},
    tasks::Tasks,
    trackers,
    ui::{Look, glyphs::Glyphs},
};

/// The surroundings of a command.
pub(super) struct Setup {
    pub(super) env: Env,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) runtime: tokio::runtime::Runtime,
    pub(super) tasks: Tasks,
    pub(super) actor: Actor,
    /// Ends with the program; what is logged is written out then.
    _log: Option<tracing_appender::non_blocking::WorkerGuard>,
}

/// Bytes of log lines and their columns that the console holds at most; its title says so.
pub(super) const LOG_BYTES: usize = 512 << 20;

impl Setup {
    /// Prepares the runtime and the log.
    pub(super) fn new() -> color_eyre::Result<Self> {
        let env = Env::of_process();
        let log = start_log(&env);
        Self::made(env, log)
    }

    /// Prepares the runtime without a log: the demo writes nothing outside of its own folder.
    pub(super) fn unlogged() -> color_eyre::Result<Self> {
        Self::made(Env::of_process(), None)
    }

    fn made(env: Env, log: Option<tracing_appender::non_blocking::WorkerGuard>) -> color_eyre::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let tasks = Tasks::new(runtime.handle().clone(), |panicked| {
            tracing::error!(task = panicked.task, message = panicked.message, "a task panicked");
        });
        let actor = actor(&env);
        Ok(Self { env, clock: Arc::new(SystemClock::new()), runtime, tasks, actor, _log: log })
    }

    /// Reads the configuration, or says what to do without one.
    pub(super) fn config(&self, common: &Common) -> color_eyre::Result<Loaded> {
        let located = config::locate(common.config.clone(), &self.env);
        if !located.path.exists() {
            return Err(eyre!(config::starter(&located)));
        }
        let loaded = load(&located.path, &self.env);
        if !loaded.usable {
            return Err(eyre!(config::check_text(&loaded.problems)));
        }
        for problem in &loaded.problems {
            tracing::warn!(problem = problem.one_line(), "configuration");
        }
        Ok(loaded)
    }

    /// Makes the way to hosts. Only the console may ask a person.
    pub(super) fn remote(&self, loaded: &Loaded, prompts: bool) -> Arc<Pool> {
        let known_hosts = loaded.settings.known_hosts.clone();
        self.remote_with(&loaded.inventory, PoolOptions { known_hosts, ..PoolOptions::from_env(prompts) })
    }

    /// Makes the way to hosts with options of one's own.
    pub(super) fn remote_with(&self, inventory: &Inventory, options: PoolOptions) -> Arc<Pool> {
        Arc::new(Pool::new(&inventory.hosts, self.tasks.clone(), Arc::clone(&self.clock), options))
    }

    /// Opens the store.
    pub(super) fn store(loaded: &Loaded, missing: IfMissing) -> Result<Box<dyn Store>, StoreError> {
        let store = Sqlite::open(&loaded.settings.store, &Options { if_missing: missing, ..Options::default() })?;
        Ok(Box::new(store))
    }

    /// Opens the store for a console: where it may work later, it is tried again while live data are shown.
    pub(super) fn patient_store(loaded: &Loaded) -> Result<Box<dyn Store>, StoreError> {
        match Self::store(loaded, IfMissing::Create) {
            Err(error) if error.is_passing() => {
                let options = Options { if_missing: IfMissing::Create, ..Options::default() };
                Ok(Box::new(Patient::new(loaded.settings.store.clone(), options)))
            }
            other => other,
        }
    }

    /// How the console reads logs: as much of them as a share of the machine's memory allows.
    pub(super) fn logs(&self, loaded: &Loaded, limit: usize) -> engine::LogOptions {
        engine::LogOptions {
            rules: log_rules(loaded),
            limit,
            sessions: loaded.files.first().map(|main| config::sessions::beside(main)),
            env: self.env.clone(),
        }
    }

    /// How the engine works here.
    pub(super) fn options(&self, loaded: &Loaded, may_record: bool, unattended: bool) -> engine::Options {
        let keep =
            Keep { host_minutes_ms: i64::try_from(loaded.settings.samples_ms).unwrap_or(i64::MAX), ..Keep::default() };
        engine::Options {
            actor: self.actor.clone(),
            label: format!("{} pid {}", self.actor.from, std::process::id()),
            keep,
            may_record,
            unattended,
            sample_every_ms: 2_000,
            logs: None,
            drafts: None,
            replay: None,
            redact: None,
        }
    }
}

/// Reads a configuration file with everything this version knows.
pub(super) fn load(path: &Path, env: &Env) -> Loaded {
    let (checks, recipes) = (checks::kinds(), recipes::kinds());
    let (trackers, notifiers) = (trackers::kinds(), notify::kinds());
    let metrics: Vec<&str> = METRICS.iter().map(|metric| metric.name).collect();
    let mut loaded = config::load(
        path,
        &Catalog { checks: &checks, recipes: &recipes, trackers: &trackers, notifiers: &notifiers, metrics: &metrics },
        env,
    );
    // Log formats and redaction rules of one's own stand in files beside it.
    loaded.problems.extend(config::formats::load(config::formats::dir_beside(path).as_deref()).1);
    loaded.problems.extend(config::redact::load(config::redact::file_beside(path).as_deref()).1);
    templates(&mut loaded);
    loaded
}

/// Holds the teams' own templates against what a document has; one that cannot be used leaves the built-in one.
fn templates(loaded: &mut Loaded) {
    for of in loaded.inventory.policy.templates() {
        let Err(wrong) = render::check(&of) else { continue };
        loaded.inventory.policy.drop_template(&of.path);
        let meant = wrong.unknown.as_deref().and_then(|name| closest(name, render::NAMES.iter().copied()));
        let help = meant.map_or_else(String::new, |meant| format!("did you mean `{meant}`? "));
        let mut problem = Problem::of_file(&of.path, Severity::Error, wrong.why);
        (problem.line, problem.column) = (wrong.line.unwrap_or(0), wrong.column.unwrap_or(0));
        loaded.problems.push(problem.help(format!("{help}the built-in template is used")));
    }
}

/// How lines are read and shown by this configuration and the files beside it.
pub(super) fn log_rules(loaded: &Loaded) -> Rules {
    let main = loaded.files.first();
    let (formats, problems) = config::formats::load(main.and_then(|main| config::formats::dir_beside(main)).as_deref());
    let (redactor, wrong) = config::redact::load(main.and_then(|main| config::redact::file_beside(main)).as_deref());
    for problem in problems.iter().chain(&wrong) {
        tracing::warn!(problem = problem.one_line(), "logs");
    }
    let specs = loaded.inventory.derives.iter().map(|spec| (**spec).clone());
    let derived = Derived::new(specs).unwrap_or_else(|(number, why)| {
        tracing::warn!(number, why, "derived fields");
        Derived::default()
    });
    Rules { formats, derived: Arc::new(derived), redact: Arc::new(redactor) }
}

fn actor(env: &Env) -> Actor {
    let named = ["SUDO_USER", "USER", "LOGNAME"].iter().find_map(|name| env.variable(name).filter(|of| !of.is_empty()));
    let name = crate::parse::sanitise::name(named.map_or_else(login, str::to_owned));
    let machine = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let machine = machine.trim();
    let through =
        env.variable("SSH_CONNECTION").and_then(|text| text.split(' ').next()).map(|from| format!(" from {from}"));
    Actor { by: Operator::from(name.as_str()), from: format!("{name}@{machine}{}", through.unwrap_or_default()) }
}

/// Asks the system who runs this, where the environment does not say: under systemd, cron and `env -i`.
fn login() -> String {
    use std::os::unix::fs::MetadataExt as _;

    // `id` knows every directory of people that this machine has, not only /etc/passwd.
    let asked = std::process::Command::new("id").arg("-un").stdin(std::process::Stdio::null()).output();
    let name =
        asked.ok().filter(|output| output.status.success()).and_then(|output| String::from_utf8(output.stdout).ok());
    let name = name.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty());
    let number = || std::fs::metadata("/proc/self").map(|own| format!("uid {}", own.uid())).ok();
    name.or_else(number).unwrap_or_else(|| "unknown".to_owned())
}

fn start_log(env: &Env) -> Option<tracing_appender::non_blocking::WorkerGuard> {
    use tracing_subscriber::EnvFilter;

    let dir = config::locate::state_dir(env);
    std::fs::create_dir_all(&dir).ok()?;
    let file = {
        use std::os::unix::fs::OpenOptionsExt as _;
        std::fs::OpenOptions::new().append(true).create(true).mode(0o600).open(dir.join("qd.log")).ok()?
    };
    let (writer, guard) = tracing_appender::non_blocking(file);
    let filter = EnvFilter::try_from_env("QD_LOG").unwrap_or_else(|_| EnvFilter::new("quarterdeck=info"));
    let done = tracing_subscriber::fmt().with_ansi(false).with_env_filter(filter).with_writer(writer).try_init();
    done.is_ok().then_some(guard)
}

/// Says whether standard output is a terminal.
pub(super) fn on_terminal() -> bool {
    std::io::stdout().is_terminal() && std::io::stdin().is_terminal()
}

/// Writes to standard output; a reader that has gone away ends the program quietly.
pub(super) fn print(text: &str) -> color_eyre::Result<()> {
    use std::io::Write as _;

    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        other => other.map_err(Report::from),
    }
}

/// Writes to standard error, where it is in nobody's way; without one nobody is told.
pub(super) fn warn(text: &str) {
    use std::io::Write as _;
    drop(writeln!(std::io::stderr(), "{text}"));
}

/// Writes data in the envelope that every `--json` has.
pub(super) fn print_json(schema: &str, clock: &dyn Clock, data: serde_json::Value) -> color_eyre::Result<()> {
    let all = serde_json::json!({ "schema": schema, "at": clock.now().utc.rfc3339(), "data": data });
    print(&format!("{}\n", crate::parse::sanitise::json(&serde_json::to_string_pretty(&all)?)))
}

/// Pads columns to the widest cell of each; the last is left as it is.
pub(super) fn table(rows: &[Vec<String>]) -> String {
    use unicode_width::UnicodeWidthStr as _;

    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns)
        .map(|column| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.width()).max().unwrap_or(0))
        .collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            line.push_str(cell);
            line.extend(std::iter::repeat_n(' ', width.saturating_sub(cell.width()) + 2));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// Runs a future on the command's runtime.
pub(super) fn block_on<F: Future>(setup: &Setup, future: F) -> F::Output {
    setup.runtime.block_on(future)
}

/// A shared way to hosts.
pub(super) type SharedRemote = Arc<dyn Remote>;

/// How the console looks here: the configured theme, as far as this terminal can show it.
pub(super) fn look(env: &Env, loaded: &Loaded) -> Look {
    let variable = |name: &str| env.variable(name).map(str::to_owned);
    let utf8 = ["LC_ALL", "LC_CTYPE", "LANG"]
        .iter()
        .find_map(|name| env.variable(name).filter(|value| !value.is_empty()))
        .is_none_or(|value| value.to_ascii_lowercase().replace('-', "").contains("utf8"));
    let glyphs = match loaded.inventory.display.glyphs.as_str() {
        "ascii" => Glyphs::Ascii,
        "unicode" => Glyphs::Unicode,
        _ if utf8 && env.variable("TERM") != Some("linux") => Glyphs::Unicode,
        _ => Glyphs::Ascii,
    };
    Look::new(loaded.settings.theme.clone(), ColourDepth::detect(variable), glyphs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_acts_is_named_by_the_environment_or_else_by_the_system() {
        let of = |pairs: &[(&str, &str)]| actor(&Env::new("/nonexistent", pairs.iter().copied())).by.to_string();
        assert_eq!(of(&[("SUDO_USER", "ana"), ("USER", "root")]), "ana");
        assert_eq!(of(&[("LOGNAME", "ben")]), "ben");
        assert_eq!(of(&[("USER", "a\u{1b}[31mna")]), "ana", "it is shown to others");
        let asked = std::process::Command::new("id").arg("-un").output().unwrap();
        let me = String::from_utf8(asked.stdout).unwrap();
        assert_eq!(of(&[("USER", "")]), me.trim());
        assert_eq!(of(&[]), me.trim());
    }
}
