//! `qd`: the console.
use std::{ffi::OsString, sync::Arc};

use color_eyre::eyre::eyre;

use super::{
    Common, Exit, incidents,
    setup::{self, Setup},
    stored,
};
use crate::{
    config::{Loaded, Problem},
    core::{
        Msg,
        id::{IncidentId, Uid},
        inventory::Inventory,
        screen::{Tone, View},
        time::{Clock, Timestamp},
    },
    remote::ssh::{Pool, PoolOptions},
    runtime::{
        console::{Console, Reloaded},
        engine::{self, Engine},
        replay::{Past, Recording},
    },
    store::{IfMissing, Store},
};

pub(super) fn run(common: &Common, incident: Option<IncidentId>) -> color_eyre::Result<Exit> {
    let setup = Setup::new()?;
    let loaded = setup.config(common)?;
    let at = incident.map(|number| shown(&setup, &loaded, number)).transpose()?;
    let pool = setup.remote(&loaded, true);
    show(&setup, &loaded, (pool, at), false)
}

/// Finds an incident that the console has: those that are open, and what happened lately.
fn shown(setup: &Setup, loaded: &Loaded, number: IncidentId) -> color_eyre::Result<Uid> {
    let mut store = Setup::store(loaded, IfMissing::Fail).map_err(|error| error.report())?;
    let from = setup.clock.now().utc - incidents::RECENT_MS;
    let recent = stored::read(setup, loaded, store.as_mut(), from)?;
    if let Some(found) = recent.incidents.incidents.values().find(|of| of.number == number) {
        return Ok(found.uid);
    }
    let all = stored::read(setup, loaded, store.as_mut(), Timestamp(i64::MIN))?;
    let old = incidents::meant(&all, &number.to_string())?;
    Err(eyre!(
        "{} is over for longer than the console looks back\n  `qd incidents {0}` prints its document, `qd replay {0}` plays it back",
        old.number
    ))
}

/// Shows the console for a configuration.
pub(super) fn show(
    setup: &Setup,
    loaded: &Loaded,
    (pool, at): (Arc<Pool>, Option<Uid>),
    demo: bool,
) -> color_eyre::Result<Exit> {
    if !setup::on_terminal() {
        return Err(eyre!(
            "the console needs a terminal\n  for scripts: qd status --json, qd hosts --json, qd alerts --json"
        ));
    }
    let store = Setup::patient_store(loaded);
    let remote: setup::SharedRemote = Arc::clone(&pool) as setup::SharedRemote;
    // The demo writes nothing outside of its own folder.
    let drafts = Some(crate::config::locate::state_dir(&setup.env).join("drafts")).filter(|_| !demo);
    let drafts = drafts.or_else(|| loaded.files.first().and_then(|main| Some(main.parent()?.join("drafts"))));
    let options = engine::Options {
        logs: Some(setup.logs(loaded, setup::LOG_BYTES)),
        drafts,
        ..setup.options(loaded, true, false)
    };
    let result = setup.runtime.block_on(async {
        let mut engine = Engine::new(options, store, remote, Arc::clone(&setup.clock), &setup.tasks);
        engine.state.screen.demo = demo;
        engine.state.runs.ways_back.kept_ready = true;
        engine.adopt(Arc::new(loaded.inventory.clone()), lines(&loaded.problems));
        if let Some(incident) = at {
            engine.state.screen.go(View::Incident(incident));
        }
        let console = console(setup, loaded, Arc::clone(&setup.clock), (!demo, pool));
        console.run(engine).await
    });
    setup.tasks.cancel();
    result?;
    Ok(Exit::Ok)
}

/// Makes the console; the demo writes nothing outside of its own folder, and a replay keeps nothing.
fn console(setup: &Setup, loaded: &Loaded, clock: Arc<dyn Clock>, (keeps, pool): (bool, Arc<Pool>)) -> Console {
    Console {
        look: setup::look(&setup.env, loaded),
        keymap: loaded.settings.keymap.clone(),
        env: setup.env.clone(),
        clip: directories::ProjectDirs::from("", "", "quarterdeck")
            .filter(|_| keeps)
            .map(|dirs| dirs.cache_dir().join("clip")),
        clock,
        tasks: setup.tasks.clone(),
        reload: reload(setup, loaded),
        replay: replay_command(loaded, !keeps),
        hosts: Box::new(move |inventory| pool.set_hosts(&inventory.hosts)),
    }
}

/// Returns what plays an incident of this configuration back, without its number; nothing where this program is not found.
fn replay_command(loaded: &Loaded, demo: bool) -> Vec<OsString> {
    let (Ok(program), Some(config)) = (std::env::current_exe(), loaded.files.first()) else { return Vec::new() };
    let mut command = vec![program.into(), "--config".into(), config.into(), "replay".into()];
    command.extend(demo.then(|| "--demo".into()));
    command
}

/// Shows the console on what was recorded, by a clock of the past.
pub(super) fn replay<S: Store + 'static>(
    setup: &Setup,
    loaded: &Loaded,
    (recording, past): (Recording<S>, Arc<Past>),
    demo: bool,
) -> color_eyre::Result<Exit> {
    // There is no host that it could reach.
    let pool = setup.remote_with(&Inventory::default(), PoolOptions::from_env(false));
    let remote: setup::SharedRemote = Arc::clone(&pool) as setup::SharedRemote;
    let options = engine::Options { replay: Some(Arc::clone(&past)), ..setup.options(loaded, false, false) };
    let clock: Arc<dyn Clock> = past;
    let result = setup.runtime.block_on(async {
        let mut engine = Engine::new(options, Ok(Box::new(recording)), remote, Arc::clone(&clock), &setup.tasks);
        engine.state.screen.demo = demo;
        engine.adopt(Arc::new(loaded.inventory.clone()), lines(&loaded.problems));
        let text = format!(
            "{} is played back; nothing is changed or sent",
            engine.state.screen.replay.map_or_else(String::new, |of| of.incident.to_string())
        );
        engine.handle(Msg::Said { tone: Tone::Info, text });
        console(setup, loaded, clock, (false, pool)).run(engine).await
    });
    setup.tasks.cancel();
    result?;
    Ok(Exit::Ok)
}

type Reload = Arc<dyn Fn() -> Result<Reloaded, String> + Send + Sync>;

fn lines(problems: &[Problem]) -> Vec<String> {
    problems.iter().map(Problem::one_line).collect()
}

fn reload(setup: &Setup, loaded: &Loaded) -> Reload {
    let (env, path, store) = (setup.env.clone(), loaded.files.first().cloned(), loaded.settings.store.clone());
    Arc::new(move || {
        let path = path.as_ref().ok_or("there is no file to read")?;
        let fresh = setup::load(path, &env);
        if !fresh.usable || fresh.has_errors() {
            let first = fresh.problems.first().map_or_else(String::new, Problem::one_line);
            return Err(format!("{first}; `qd check` lists all"));
        }
        if fresh.settings.store != store {
            return Err("[store] path changed: end quarterdeck and start it again".into());
        }
        Ok(Reloaded {
            problems: lines(&fresh.problems),
            look: setup::look(&env, &fresh),
            keymap: fresh.settings.keymap.clone(),
            logs: setup::log_rules(&fresh),
            inventory: Arc::new(fresh.inventory),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_console_of_a_demo_plays_back_as_a_demo() {
        let env = crate::config::Env::default();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("qd.toml");
        std::fs::write(&path, "version = 1\n").unwrap();
        let loaded = setup::load(&path, &env);
        for (demo, last) in [(true, "--demo"), (false, "replay")] {
            let command = replay_command(&loaded, demo);
            assert_eq!(command.last().and_then(|word| word.to_str()), Some(last));
        }
    }
}
