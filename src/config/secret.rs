//! Secrets by reference: `env:NAME`, `file:PATH`, `command:…`. A literal is refused, so that no secret is ever in the configuration.
use std::{path::PathBuf, process::Stdio, time::Duration};

use secrecy::SecretString;
use tokio::io::AsyncReadExt as _;

use super::Env;

/// Where a secret is. It holds no secret itself and may be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretRef {
    /// An environment variable.
    Variable(String),
    /// A file that only its owner can read.
    File(String),
    /// What a shell command prints: `pass show quarterdeck/loki`.
    Command(String),
}

/// A text that refers to no secret. It never holds the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadRef {
    /// It may be the secret itself.
    #[error("a literal secret; write env:NAME, file:PATH or command:…")]
    Literal,
    /// `env:` without a name, or with one that no variable can have.
    #[error("after `env:` comes the name of a variable, as in env:LOKI_TOKEN")]
    Variable,
    /// `file:` or `command:` and nothing.
    #[error("nothing after the colon")]
    Empty,
}

/// Why a secret could not be had. It never holds the secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// The text is no reference.
    #[error(transparent)]
    BadRef(#[from] BadRef),
    /// The variable is not there, or empty.
    #[error("the environment has no variable {0}")]
    NoVariable(String),
    /// The file cannot be read.
    #[error("cannot read {path}: {why}")]
    Unreadable {
        /// The file.
        path: String,
        /// Why, in words.
        why: String,
    },
    /// Others can read the file.
    #[error("{path} can be read by others (mode {mode:03o}): run chmod 600 {path}")]
    Open {
        /// The file.
        path: String,
        /// Its permission bits.
        mode: u32,
    },
    /// There is nothing in it.
    #[error("{0} gave an empty secret")]
    Empty(String),
    /// The command failed. What it printed is not shown: it may be the secret.
    #[error("the command for a secret {0}")]
    Command(String),
    /// A command was met where there is no time to run one.
    #[error("a command cannot be run here; use env: or file:")]
    NeedsCommand,
}

/// Largest secret, in bytes.
const MOST: u64 = 64 * 1024;

/// Says whether a text refers to a secret instead of being one.
pub fn is_reference(text: &str) -> bool {
    ["env:", "file:", "command:"].iter().any(|scheme| text.starts_with(scheme))
}

impl SecretRef {
    /// Reads a reference.
    ///
    /// # Errors
    /// When the text is something else, which may be a secret: the error does not hold it.
    pub fn parse(text: &str) -> Result<Self, BadRef> {
        if let Some(name) = text.strip_prefix("env:") {
            let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
            let valid = name.bytes().all(fits) && name.bytes().next().is_some_and(|first| !first.is_ascii_digit());
            return if valid { Ok(Self::Variable(name.to_owned())) } else { Err(BadRef::Variable) };
        }
        let (make, rest): (fn(String) -> Self, _) = if let Some(path) = text.strip_prefix("file:") {
            (Self::File, path)
        } else if let Some(command) = text.strip_prefix("command:") {
            (Self::Command, command)
        } else {
            return Err(BadRef::Literal);
        };
        if rest.trim().is_empty() { Err(BadRef::Empty) } else { Ok(make(rest.trim().to_owned())) }
    }

    /// Gets the secret.
    ///
    /// # Errors
    /// When it is not there, others can read its file, or its command fails or takes longer than `limit`.
    pub async fn resolve(&self, env: &Env, limit: Duration) -> Result<SecretString, SecretError> {
        match self {
            Self::Variable(_) | Self::File(_) => self.resolve_ready(env),
            Self::Command(command) => run(command, limit).await,
        }
    }

    /// Gets a secret that needs no command.
    ///
    /// # Errors
    /// When it is not there, others can read its file, or it is a command.
    pub fn resolve_ready(&self, env: &Env) -> Result<SecretString, SecretError> {
        match self {
            Self::Variable(name) => match env.variable(name) {
                Some(value) if !value.trim().is_empty() => Ok(value.trim_end_matches(['\n', '\r']).into()),
                _ => Err(SecretError::NoVariable(name.clone())),
            },
            Self::File(path) => read(&env.resolve(&PathBuf::from("."), path)),
            Self::Command(_) => Err(SecretError::NeedsCommand),
        }
    }
}

/// Gets the secret that a text refers to.
///
/// # Errors
/// As [`SecretRef::parse`] and [`SecretRef::resolve`].
pub async fn resolve(text: &str, env: &Env, limit: Duration) -> Result<SecretString, SecretError> {
    SecretRef::parse(text)?.resolve(env, limit).await
}

fn read(path: &std::path::Path) -> Result<SecretString, SecretError> {
    use std::{io::Read as _, os::unix::fs::PermissionsExt as _};
    let name = path.display().to_string();
    let unreadable =
        |error: std::io::Error| SecretError::Unreadable { path: name.clone(), why: super::io_words(&error) };
    let file = super::open_regular(path).map_err(unreadable)?;
    // The open file is asked, not its name, so that nobody can exchange it in between.
    let meta = file.metadata().map_err(unreadable)?;
    let mode = meta.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(SecretError::Open { path: name, mode });
    }
    let mut text = String::new();
    file.take(MOST).read_to_string(&mut text).map_err(unreadable)?;
    secret(&text).ok_or(SecretError::Empty(name))
}

fn secret(text: &str) -> Option<SecretString> {
    let text = text.trim();
    (!text.is_empty()).then(|| text.into())
}

/// The processes that a command started: killing its shell alone would leave them behind.
struct Group(Option<u32>);

impl Group {
    /// Lets live what is left of it: the command ended by itself, and an agent that it started is meant to stay.
    fn leave(mut self) {
        self.0 = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let Some(leader) = self.0 else { return };
        // The shell's own kill: not every machine has the program. What cannot be killed has gone already.
        _ = std::process::Command::new("sh")
            .args(["-c", "kill -s KILL -- \"-$0\"", &leader.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
    }
}

async fn run(command: &str, limit: Duration) -> Result<SecretString, SecretError> {
    let failed = |what: String| SecretError::Command(what);
    let mut child = tokio::process::Command::new("sh")
        .args(["-c", command])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| failed(format!("cannot be started: {}", super::io_words(&error))))?;
    // Dropped before the child, while its id is still its own: also when nobody waits for the secret any more.
    let group = Group(child.id());
    let mut stdout = child.stdout.take().ok_or_else(|| failed("has no output".to_owned()))?.take(MOST);
    let mut text = String::new();
    let ended = tokio::time::timeout(limit, async {
        stdout.read_to_string(&mut text).await?;
        child.wait().await
    })
    .await;
    if ended.is_ok() {
        group.leave();
    }
    match ended {
        Err(_) => Err(failed(format!("did not end within {} s", limit.as_secs()))),
        Ok(Err(error)) => Err(failed(format!("failed: {}", super::io_words(&error)))),
        Ok(Ok(status)) if !status.success() => Err(failed(match status.code() {
            Some(code) => format!("failed with exit code {code}"),
            None => "was ended by a signal".to_owned(),
        })),
        Ok(Ok(_)) => secret(&text).ok_or_else(|| SecretError::Empty("the command".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use secrecy::ExposeSecret as _;

    use super::*;

    const LIMIT: Duration = Duration::from_secs(30);

    fn env() -> Env {
        Env::new("/nowhere", [("LOKI_TOKEN", "hunter2\n"), ("BLANK", " ")])
    }

    #[test]
    fn references_are_read_and_literals_refused_without_repeating_them() {
        assert_eq!(SecretRef::parse("env:LOKI_TOKEN"), Ok(SecretRef::Variable("LOKI_TOKEN".into())));
        assert_eq!(SecretRef::parse("file:~/t"), Ok(SecretRef::File("~/t".into())));
        assert_eq!(SecretRef::parse("command: pass show x"), Ok(SecretRef::Command("pass show x".into())));
        for (text, is) in [
            ("hunter2", BadRef::Literal),
            ("", BadRef::Literal),
            ("env:", BadRef::Variable),
            ("env:A B", BadRef::Variable),
            ("env:1A", BadRef::Variable),
            ("file: ", BadRef::Empty),
        ] {
            let error = SecretRef::parse(text).unwrap_err();
            assert_eq!(error, is, "{text}");
            assert!(!format!("{error} {error:?}").contains("hunter2"));
        }
    }

    #[tokio::test]
    async fn a_variable_gives_its_secret() {
        let secret = resolve("env:LOKI_TOKEN", &env(), LIMIT).await.unwrap();
        assert_eq!(secret.expose_secret(), "hunter2");
        assert!(!format!("{secret:?}").contains("hunter2"));
        for name in ["NOBODY", "BLANK"] {
            let error = resolve(&format!("env:{name}"), &env(), LIMIT).await.unwrap_err();
            assert_eq!(error.to_string(), format!("the environment has no variable {name}"));
        }
    }

    #[tokio::test]
    async fn a_file_that_others_can_read_is_refused_with_the_mend() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("token");
        std::fs::write(&path, "hunter2\n").unwrap();
        let reference = format!("file:{}", path.display());
        for mode in [0o644, 0o640, 0o604] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            let error = resolve(&reference, &env(), LIMIT).await.unwrap_err();
            let path = path.display();
            let says = format!("{path} can be read by others (mode {mode:03o}): run chmod 600 {path}");
            assert_eq!(error.to_string(), says);
        }
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(resolve(&reference, &env(), LIMIT).await.unwrap().expose_secret(), "hunter2");
        std::fs::write(&path, "\n").unwrap();
        assert!(matches!(resolve(&reference, &env(), LIMIT).await, Err(SecretError::Empty(_))));
        let none = resolve("file:~/none", &env(), LIMIT).await.unwrap_err();
        assert_eq!(none.to_string(), "cannot read /nowhere/none: there is no such file");
    }

    #[tokio::test]
    async fn a_command_gives_what_it_prints_or_says_why_not() {
        let secret = resolve("command:printf ' hunter2\\n'", &env(), LIMIT).await.unwrap();
        assert_eq!(secret.expose_secret(), "hunter2");
        let error = resolve("command:echo hunter2; exit 3", &env(), LIMIT).await.unwrap_err();
        assert_eq!(error.to_string(), "the command for a secret failed with exit code 3");
        let error = resolve("command:sleep 600", &env(), Duration::from_millis(50)).await.unwrap_err();
        assert_eq!(error.to_string(), "the command for a secret did not end within 0 s");
        assert!(matches!(resolve("command:true", &env(), LIMIT).await, Err(SecretError::Empty(_))));
        assert_eq!(
            SecretRef::Command("true".into()).resolve_ready(&env()).unwrap_err().to_string(),
            "a command cannot be run here; use env: or file:"
        );
    }

    #[tokio::test]
    async fn a_command_that_takes_too_long_leaves_no_process_behind() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("pid");
        // The second sleep keeps the shell from becoming the first one.
        let command =
            format!("command:sh -c 'echo $$ > {0}.new; mv {0}.new {0}; exec sleep 771'; echo x", file.display());
        let (reference, env) = (SecretRef::parse(&command).unwrap(), env());
        let resolved = reference.resolve(&env, Duration::from_secs(2)).await.unwrap_err();
        assert_eq!(resolved.to_string(), "the command for a secret did not end within 2 s");
        let pid = std::fs::read_to_string(&file).unwrap();
        let stat = std::path::PathBuf::from(format!("/proc/{}/stat", pid.trim()));
        tokio::time::timeout(LIMIT, async {
            // It may be a zombie for as long as nobody asked for its end.
            while std::fs::read_to_string(&stat).is_ok_and(|stat| !stat.contains(") Z ")) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
        .await
        .expect("the child of the command lives on");
    }
}
