//! What has the terminal while it runs, and the console goes on without one: the person's own editor, or a replay.
use std::{
    ffi::OsString,
    io,
    path::{Path, PathBuf},
};

use tokio::process::{Child, Command};

use super::drafts;
use crate::{
    config::Env,
    core::{
        Msg,
        documents::{self, DraftName},
        id::IncidentId,
        screen::Tone,
    },
};

/// A program that has the terminal.
#[derive(Debug)]
pub(super) struct Away {
    child: Child,
    of: Of,
}

/// What it does there.
#[derive(Debug)]
enum Of {
    /// A section is written.
    Draft { of: DraftName, path: PathBuf, editor: String },
    /// An incident is played back.
    Replay(IncidentId),
}

impl Away {
    /// Starts `$VISUAL`, else `$EDITOR`, else `vi`.
    ///
    /// # Errors
    /// When no shell can be started.
    pub(super) fn edit(env: &Env, of: DraftName, path: &Path) -> io::Result<Self> {
        let named = ["VISUAL", "EDITOR"].iter().find_map(|name| env.variable(name).filter(|of| !of.trim().is_empty()));
        let editor = named.unwrap_or("vi").to_owned();
        // It may have arguments, as in `code --wait`: a shell reads it as it does everywhere else.
        let child = Command::new("sh").arg("-c").arg(format!("{editor} \"$1\"")).arg("sh").arg(path).spawn()?;
        Ok(Self { child, of: Of::Draft { of, path: path.to_owned(), editor } })
    }

    /// Starts a replay by the command that makes one: a process of its own, so that nothing of it can reach the present.
    ///
    /// # Errors
    /// When there is no such command here, or it cannot be started.
    pub(super) fn replay(command: &[OsString], incident: IncidentId) -> io::Result<Self> {
        let (program, given) =
            command.split_first().ok_or_else(|| io::Error::other("this console does not know how"))?;
        let child = Command::new(program).args(given).arg(incident.to_string()).spawn()?;
        Ok(Self { child, of: Of::Replay(incident) })
    }

    /// Waits for its end; what came of it is for core.
    pub(super) async fn ended(&mut self) -> Msg {
        let status = self.child.wait().await;
        match &self.of {
            Of::Draft { of, path, editor } => {
                let text = match status {
                    Ok(status) if status.success() => drafts::read(path).map_err(|error| error.to_string()),
                    Ok(status) => Err(format!("`{editor}` ended with {status}")),
                    Err(error) => Err(format!("`{editor}`: {error}")),
                };
                let text = text.map_err(|why| format!("nothing is saved: {why}; the draft is in {}", path.display()));
                Msg::Documents(documents::Msg::Edited { of: *of, text })
            }
            Of::Replay(incident) => {
                let why = match status {
                    Ok(status) if status.success() => None,
                    Ok(status) => Some(status.to_string()),
                    Err(error) => Some(error.to_string()),
                };
                let (tone, text) = match why {
                    None => (Tone::Info, format!("back from the replay of {incident}: this is now")),
                    Some(why) => (Tone::Error, format!("the replay ended with {why}: try qd replay {incident}")),
                };
                Msg::Said { tone, text }
            }
        }
    }
}
