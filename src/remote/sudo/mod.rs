//! The password that `sudo` asks for on a host: it goes there by stdin, and is in the memory of one process there while it is needed.
//!
//! Scripts and steps are as they are written: a `sudo` that stands first on their PATH leaves `-n` out and asks by `SUDO_ASKPASS`,
//! which reads a pipe with a name (mode 0600, in a folder of mode 0700). The pipe is fed by a process that got the word by its
//! stdin; arguments, environments and disks never have it. Each `sudo` is given it once: one that was refused is not tried again
//! by anybody, because that is what locks accounts.
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};

use super::{Exit, Lane, Remote, RemoteError, Script};
use crate::{core::id::HostName, parse::sanitise};

/// Shell text that defines `lend FOLDER` and `unlend`.
pub(super) const LEND: &str = include_str!("lend.sh");
const BORROW: &str = include_str!("borrow.sh");
const TRY: &str = include_str!("try.sh");

/// How long a host may take to try a password: who is wrong is made to wait, and some ask a directory of people far away.
const TRIED_WITHIN: Duration = Duration::from_secs(40);
/// Longest password, in bytes.
const LONGEST: usize = 512;

/// What came of trying a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tried {
    /// It is the right one, and steps can be given it there.
    Right,
    /// It is not.
    Wrong,
    /// Nobody can say, or no password would help: what the host says.
    Impossible(String),
}

/// Has every `sudo` of a script get a password.
#[must_use]
pub fn lend(script: Script, password: SecretString) -> Script {
    borrow(script, password, ":")
}

fn borrow(script: Script, password: SecretString, otherwise: &str) -> Script {
    let text = [LEND, &BORROW.replace("@ELSE@", otherwise), &script.text].concat();
    // In a shell of its own, which ends with it.
    Script { text, secret: Some(password), brief: false, ..script }
}

/// Tries a password once, the way in which steps will be given it. Nothing is changed by it.
///
/// # Errors
/// When the host cannot be reached.
pub async fn attempt(remote: &dyn Remote, host: &HostName, password: &SecretString) -> Result<Tried, RemoteError> {
    let word = password.expose_secret();
    if word.is_empty() || word.len() > LONGEST || word.contains(|letter: char| letter.is_control()) {
        return Ok(Tried::Wrong);
    }
    let script = Script { timeout: TRIED_WITHIN, ..Script::new(TRY) };
    let output = remote.run(host, Lane::Control, borrow(script, password.clone(), "exit")).await?;
    if output.exit == Exit::Code(0) {
        return Ok(Tried::Right);
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let refused = output.stdout.starts_with(b"refused") || said.contains("incorrect password");
    if refused {
        return Ok(Tried::Wrong);
    }
    let what = said.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("it says nothing");
    Ok(Tried::Impossible(sanitise::line_max(what.as_bytes(), 200)))
}
