//! Where a change from the shell has its passwords for `sudo` from: standard input where that is asked for, else whoever sits at
//! the terminal. Never an argument or a variable.
use std::io::BufRead as _;

use secrecy::{SecretString, zeroize::Zeroizing};

use crate::{
    cli::setup::{self, Setup},
    core::{
        Msg,
        id::HostName,
        runs::{self, sudo::SudoMsg},
    },
    runtime::{
        engine::Engine,
        terminal::hidden::{ask, can_ask},
    },
};

/// Bytes of the longest password.
const LONGEST: u64 = 512;

/// Answers questions for passwords.
#[derive(Debug)]
pub(in crate::cli) struct Passwords {
    /// The first line of standard input, once it was read.
    line: Option<SecretString>,
    from_stdin: bool,
    /// Whether it can go on without: nothing is changed.
    only_looks: bool,
    tried: Vec<HostName>,
}

impl Passwords {
    pub(in crate::cli) fn new(from_stdin: bool, only_looks: bool) -> Self {
        Self { line: None, from_stdin, only_looks, tried: Vec::new() }
    }

    /// Answers what is asked, if anything is.
    ///
    /// # Errors
    /// Why it cannot: a sentence for the person.
    pub(in crate::cli) async fn answer(&mut self, setup: &Setup, engine: &mut Engine) -> Result<(), String> {
        let inventory = engine.inventory().clone();
        let Some(asking) = engine.state.runs.sudo.asking.clone().filter(|asking| !asking.trying) else { return Ok(()) };
        engine.state.screen.close();
        let hosts = asking.meant(&inventory);
        let Some(first) = hosts.first().cloned() else { return Ok(()) };
        let password = if self.from_stdin {
            if self.tried.contains(&first) {
                return Err(format!(
                    "the password on standard input is wrong for sudo on {first}: nothing was changed"
                ));
            }
            Some(self.line()?)
        } else if can_ask() {
            if let Some(wrong) = &asking.wrong {
                setup::warn(wrong);
            }
            let names: Vec<&str> = hosts.iter().map(HostName::as_str).collect();
            let question = format!("password for sudo on {} (Esc: without): ", names.join(", "));
            let typed = setup.tasks.blocking("password", move || ask(&question)).join().await;
            typed.and_then(Result::ok).flatten()
        } else {
            None
        };
        let Some(password) = password else {
            if self.only_looks {
                engine.handle(Msg::Runs(runs::Msg::Sudo(SudoMsg::Declined)));
                return Ok(());
            }
            let how = "give it with --sudo-password-stdin, or from a terminal";
            return Err(format!("sudo on {first} asks for a password: nothing was changed; {how}"));
        };
        self.tried.extend(hosts.iter().cloned());
        engine.handle(Msg::Runs(runs::Msg::Sudo(SudoMsg::Given)));
        engine.try_sudo(hosts, password);
        Ok(())
    }

    fn line(&mut self) -> Result<SecretString, String> {
        if let Some(line) = &self.line {
            return Ok(line.clone());
        }
        let mut line = Zeroizing::new(String::with_capacity(1 + usize::try_from(LONGEST).unwrap_or(0)));
        let mut stdin = std::io::Read::take(std::io::stdin().lock(), LONGEST);
        stdin.read_line(&mut line).map_err(|error| format!("standard input: {error}"))?;
        let word = line.trim_end_matches(['\n', '\r']);
        if word.is_empty() {
            return Err("no password on standard input: nothing was changed".to_owned());
        }
        Ok(self.line.insert(SecretString::from(word)).clone())
    }
}
