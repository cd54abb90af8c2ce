//! The person's own editor: it has the terminal while it runs, and the console goes on without one.
use std::{io, path::Path};

use tokio::process::{Child, Command};

use super::drafts;
use crate::{
    config::Env,
    core::{
        Msg,
        documents::{self, DraftName},
    },
};

/// An editor that has the terminal.
#[derive(Debug)]
pub(super) struct Away {
    of: DraftName,
    path: std::path::PathBuf,
    editor: String,
    child: Child,
}

impl Away {
    /// Starts `$VISUAL`, else `$EDITOR`, else `vi`.
    ///
    /// # Errors
    /// When no shell can be started.
    pub(super) fn start(env: &Env, of: DraftName, path: &Path) -> io::Result<Self> {
        let named = ["VISUAL", "EDITOR"].iter().find_map(|name| env.variable(name).filter(|of| !of.trim().is_empty()));
        let editor = named.unwrap_or("vi").to_owned();
        // It may have arguments, as in `code --wait`: a shell reads it as it does everywhere else.
        let child = Command::new("sh").arg("-c").arg(format!("{editor} \"$1\"")).arg("sh").arg(path).spawn()?;
        Ok(Self { of, path: path.to_owned(), editor, child })
    }

    /// Waits for its end; what it made of the file is for core.
    pub(super) async fn ended(&mut self) -> Msg {
        let status = self.child.wait().await;
        let text = match status {
            Ok(status) if status.success() => drafts::read(&self.path).map_err(|error| error.to_string()),
            Ok(status) => Err(format!("`{}` ended with {status}", self.editor)),
            Err(error) => Err(format!("`{}`: {error}", self.editor)),
        };
        let text = text.map_err(|why| format!("nothing is saved: {why}; the draft is in {}", self.path.display()));
        Msg::Documents(documents::Msg::Edited { of: self.of, text })
    }
}
