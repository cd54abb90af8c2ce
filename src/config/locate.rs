//! Where files are, and what a person is told who has none yet.
use std::path::PathBuf;

use super::Env;

/// Where the configuration is, and who said so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located {
    /// The file; it need not exist.
    pub path: PathBuf,
    /// Who said so.
    pub by: Source,
}

/// Who said where the configuration is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// `--config`.
    Argument,
    /// `QD_CONFIG`.
    Variable,
    /// The usual place.
    Usual,
}

/// Finds the configuration: `--config`, then `QD_CONFIG`, then `$XDG_CONFIG_HOME/quarterdeck/qd.toml`.
pub fn locate(argument: Option<PathBuf>, env: &Env) -> Located {
    if let Some(path) = argument {
        return Located { path, by: Source::Argument };
    }
    if let Some(path) = env.variable("QD_CONFIG").filter(|path| !path.is_empty()) {
        return Located { path: path.into(), by: Source::Variable };
    }
    Located { path: config_dir(env).join("qd.toml"), by: Source::Usual }
}

/// Where configuration is kept: `~/.config/quarterdeck`.
pub fn config_dir(env: &Env) -> PathBuf {
    xdg(env, "XDG_CONFIG_HOME", ".config")
}

/// Where the database, the log and crash reports are kept: `~/.local/state/quarterdeck`.
pub fn state_dir(env: &Env) -> PathBuf {
    xdg(env, "XDG_STATE_HOME", ".local/state")
}

/// Where what may be lost is kept: `~/.cache/quarterdeck`.
pub fn cache_dir(env: &Env) -> PathBuf {
    xdg(env, "XDG_CACHE_HOME", ".cache")
}

fn xdg(env: &Env, variable: &str, usual: &str) -> PathBuf {
    // The specification: a relative path is invalid and is ignored.
    let named = env.variable(variable).map(PathBuf::from).filter(|path| path.is_absolute());
    named.unwrap_or_else(|| env.home().join(usual)).join("quarterdeck")
}

/// The smallest configuration that watches something: one site, one host.
pub const STARTER: &str = include_str!("../../examples/starter.toml");

/// What a person is told who has no configuration: what to write, where, and that there is a demo.
pub fn starter(located: &Located) -> String {
    let path = located.path.display();
    let by = match located.by {
        Source::Argument => " (given by --config)",
        Source::Variable => " (named by QD_CONFIG)",
        Source::Usual => "",
    };
    let example = STARTER.lines().map(|line| ["    ", line].concat()).collect::<Vec<_>>().join("\n");
    format!(
        "There is no configuration at {path}{by}.\n\n\
         To look around first, without configuration, network or root:\n\n    qd demo\n\n\
         To watch your own site and host, write {path}:\n\n{example}\n\n\
         Then `qd check --connect` says what is wrong, and `qd` starts the console.\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_argument_goes_before_the_variable_and_that_before_the_usual_place() {
        let env = Env::new("/home/op", [("QD_CONFIG", "/etc/qd.toml")]);
        let at = |argument: Option<&str>, env: &Env| locate(argument.map(PathBuf::from), env).path;
        assert_eq!(at(Some("a.toml"), &env), PathBuf::from("a.toml"));
        assert_eq!(at(None, &env), PathBuf::from("/etc/qd.toml"));
        let env = Env::new("/home/op", [("QD_CONFIG", "")]);
        assert_eq!(at(None, &env), PathBuf::from("/home/op/.config/quarterdeck/qd.toml"));
        let env = Env::new("/home/op", [("XDG_CONFIG_HOME", "/x"), ("XDG_STATE_HOME", "relative")]);
        assert_eq!(at(None, &env), PathBuf::from("/x/quarterdeck/qd.toml"));
        assert_eq!(state_dir(&env), PathBuf::from("/home/op/.local/state/quarterdeck"));
    }

    #[test]
    fn who_has_no_file_is_told_what_to_do() {
        let text = starter(&locate(None, &Env::new("/home/op", [])));
        assert!(text.contains("qd demo"));
        assert!(text.contains("/home/op/.config/quarterdeck/qd.toml"));
        assert!(STARTER.lines().filter(|line| !line.trim().is_empty()).count() <= 10, "ten lines");
    }
}
