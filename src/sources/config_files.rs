//! The configuration files of a host: their hashes every ten minutes, so that what was changed is known also where nothing else tells of it.
use std::time::Duration;

use futures_util::future::BoxFuture;

use super::{Context, Reading, Source, SourceError, changes};
use crate::{
    core::{
        config_files::HostFiles,
        hosts::LinkFault,
        inventory::{Host, Inventory},
    },
    parse::config_files,
    remote::{Lane, Script},
};

/// Asks for hashes.
#[derive(Debug)]
pub struct ConfigFiles;

/// The question.
const SCRIPT: &str = include_str!("config_files.sh");
/// A console that starts has it asked once the screen stands.
const AFTER: Duration = Duration::from_secs(15);
const EVERY: Duration = Duration::from_secs(600);
/// It looks through folders of configuration; on a slow disk that takes a while.
const PATIENCE: Duration = Duration::from_secs(60);

impl Source for ConfigFiles {
    fn name(&self) -> &'static str {
        "config_files"
    }

    fn applies(&self, _inventory: &Inventory, _host: &Host) -> bool {
        true
    }

    fn after(&self) -> Duration {
        AFTER
    }

    fn run(&self, context: Context) -> BoxFuture<'static, SourceError> {
        Box::pin(async move {
            loop {
                match ask(&context).await {
                    Ok(files) => context.deliver.reading(&context.host.name, "config_files", Reading::Files(files)),
                    Err(error) => return error,
                }
                tokio::time::sleep(EVERY).await;
            }
        })
    }
}

/// Asks once.
///
/// # Errors
/// As the source's.
pub async fn ask(context: &Context) -> Result<HostFiles, SourceError> {
    let paths: Vec<&str> = context.folders.iter().filter_map(|(_, path)| path.as_deref()).collect();
    let host = &context.host;
    let text = changes::with_folders(SCRIPT, &paths);
    let script = Script { path_prefix: host.path_prefix.clone(), timeout: PATIENCE, ..Script::new(text) };
    let unknown = |why: String| SourceError::Absent(format!("its configuration files are not known: {why}"));
    let output = match context.remote.run(&host.name, Lane::Control, script).await {
        Ok(output) => output,
        // Its disk is slow: that is no reason to call the host lost.
        Err(error) if error.fault == LinkFault::Timeout => return Err(unknown(error.what)),
        Err(error) => return Err(SourceError::Remote(error)),
    };
    if output.dropped_bytes > 0 {
        return Err(unknown("it said too much".to_owned()));
    }
    config_files::read(&output.stdout, context.clock.now().utc).map_err(unknown)
}
