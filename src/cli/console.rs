//! `qd`: the console.
use std::sync::Arc;

use color_eyre::eyre::eyre;

use super::{
    Common, Exit,
    setup::{self, Setup},
};
use crate::{
    config::{Loaded, Problem},
    remote::ssh::Pool,
    runtime::{
        console::{Console, Reloaded},
        engine::{self, Engine},
    },
};

pub(super) fn run(common: &Common) -> color_eyre::Result<Exit> {
    let setup = Setup::new()?;
    let loaded = setup.config(common)?;
    let pool = setup.remote(&loaded, true);
    show(&setup, &loaded, pool, false)
}

/// Shows the console for a configuration.
pub(super) fn show(setup: &Setup, loaded: &Loaded, pool: Arc<Pool>, demo: bool) -> color_eyre::Result<Exit> {
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
        let console = Console {
            look: setup::look(&setup.env, loaded),
            keymap: loaded.settings.keymap.clone(),
            env: setup.env.clone(),
            clip: directories::ProjectDirs::from("", "", "quarterdeck")
                .filter(|_| !demo)
                .map(|dirs| dirs.cache_dir().join("clip")),
            clock: Arc::clone(&setup.clock),
            tasks: setup.tasks.clone(),
            reload: reload(setup, loaded),
            hosts: Box::new(move |inventory| pool.set_hosts(&inventory.hosts)),
        };
        console.run(engine).await
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
