//! The shell text around every script: what keeps its stdin to itself, and leaves nothing running when the reader goes away.
//!
//! Without a terminal a closed channel ends no remote process, so the channel's stdin stays open and a watcher waits for its end:
//! then it ends the whole process group, gently and three seconds later for good. A shell that does not lead its own group (some
//! servers do not give it one) ends only the script. The script itself reads nothing: its stdin is empty.
//!
//! Three forms go over the wire, each a single word list that any login shell splits alike (no quote, backslash or line
//! break within the quotes, no `!` but before a blank): `exec sh -c 'INLINE' qd 'PREFIX' 'SCRIPT'` while the script is short and plain, else
//! `exec sh -c 'PIPED' qd LENGTH` with the script as the first LENGTH bytes of stdin, because a command line is limited;
//! and the same without a watcher for a script that reads the rest of its stdin itself.
//!
//! A shell that is kept for brief commands reads them from its stdin, through a process that sees the end of it as the watcher does.
use ring::rand::{SecureRandom as _, SystemRandom};
use secrecy::{ExposeSecret as _, zeroize::Zeroizing};

use super::Script;

/// What both forms do once the script is in `$s`. `$g` is what is ended: the group, or only the script.
macro_rules! watched {
    ($body:literal) => {
        concat!(
            "exec 3<&0; g=; kill -0 -$$ 2>/dev/null && g=-$$; ",
            $body,
            " </dev/null 3<&- & p=$! ; q=; [ -n \"$g\" ] || g=$p; ",
            "(while read x; do :; done <&3; trap \"\" TERM; ",
            "kill -TERM $g; sleep 3; kill -KILL $g) >/dev/null 2>&1 & w=$! ; ",
            "exec 3<&-; wait $p; s=$?; kill $w 2>/dev/null; exit $s"
        )
    };
}

const INLINE: &str =
    concat!("LC_ALL=C; [ -z \"$1\" ] || PATH=$1:$PATH; export LC_ALL PATH; ", watched!("sh -c \"$2\""));
/// A command that is talked to keeps its stdin, whose end it sees itself: no watcher.
const TALKED: &str = "q=$(head -c $1); LC_ALL=C; export LC_ALL; eval \"$q\"";
/// A variable that came with the environment would go on with it to every program.
const PIPED: &str = concat!("unset q; q=$(head -c $1); LC_ALL=C; export LC_ALL; ", watched!("(eval \"$q\")"));

/// A shell that is kept. What is ended is its group, so it must lead one; and what is started to outlive a command must be able to
/// leave it. When the shell ends by itself, all of it ends at once.
const KEPT: &str = concat!(
    "kill -0 -$$ 2>/dev/null && command -v setsid >/dev/null || exit 91; LC_ALL=C; export LC_ALL; ",
    "{ cat; trap \"\" TERM; kill -TERM -$$; sleep 3; kill -KILL -$$; } 2>/dev/null | { sh; kill -KILL -$$; }"
);

/// Longest script that goes on the command line.
const MAX_INLINE: usize = 8 * 1024;

/// A script, ready to be sent.
#[derive(Clone, PartialEq, Eq)]
pub struct Wire {
    /// The command for the login shell.
    pub command: String,
    /// What is to be written to its stdin, which then stays open.
    pub stdin: Vec<u8>,
}

impl std::fmt::Debug for Wire {
    // There may be a secret in what is written.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Wire").field("command", &self.command).field("stdin", &self.stdin.len()).finish()
    }
}

/// Wraps a script.
pub fn wrap(script: &Script) -> Wire {
    let prefix = script.path_prefix.join(":");
    if script.secret.is_none() && script.text.len() <= MAX_INLINE && is_plain(&script.text) && is_plain(&prefix) {
        return Wire { command: format!("exec sh -c '{INLINE}' qd '{prefix}' '{}'", script.text), stdin: Vec::new() };
    }
    let stdin = piped(script, &prefix).into_bytes();
    Wire { command: format!("exec sh -c '{PIPED}' qd {}", stdin.len()), stdin }
}

/// Returns the command for the login shell that keeps a shell open.
pub(super) fn kept() -> Wire {
    Wire { command: format!("exec sh -c '{KEPT}' qd"), stdin: Vec::new() }
}

/// What stands before and after the output of a command in a kept shell: a number that nobody can know before.
pub(super) struct Marks(String);

impl Marks {
    /// Draws a number; none when the system has none to give.
    pub(super) fn draw() -> Option<Self> {
        let mut bytes = [0; 16];
        SystemRandom::new().fill(&mut bytes).ok()?;
        Some(Self(bytes.iter().fold(String::with_capacity(32), |hex, byte| hex + &format!("{byte:02x}"))))
    }

    /// What stands before the output.
    pub(super) fn begin(&self) -> Vec<u8> {
        format!("<{}\n", self.0).into_bytes()
    }

    /// What stands after it, before the exit code and a line break.
    pub(super) fn end(&self) -> Vec<u8> {
        format!("{}>", self.0).into_bytes()
    }
}

/// Wraps a script for a kept shell.
pub(super) fn wrap_kept(script: &Script, marks: &Marks) -> Vec<u8> {
    let (text, of) = (quote(&piped(script, &script.path_prefix.join(":"))), &marks.0);
    format!("echo '<{of}'; echo '<{of}' >&2; (eval {text}) </dev/null\necho \"{of}>$?\"; echo '{of}>0' >&2\n")
        .into_bytes()
}

/// Wraps a script that reads its stdin.
pub fn wrap_talked(script: &Script) -> Wire {
    let stdin = piped(script, &script.path_prefix.join(":")).into_bytes();
    Wire { command: format!("exec sh -c '{TALKED}' qd {}", stdin.len()), stdin }
}

/// Wraps a script that reads its stdin as arguments of `sh`, for this machine.
pub(super) fn wrap_talked_local(script: &Script) -> (Vec<String>, Vec<u8>) {
    let stdin = piped(script, &script.path_prefix.join(":")).into_bytes();
    (vec!["-c".into(), TALKED.into(), "qd".into(), stdin.len().to_string()], stdin)
}

/// Wraps a script as arguments of `sh`, for this machine.
pub(super) fn wrap_local(script: &Script) -> (Vec<String>, Vec<u8>) {
    let prefix = script.path_prefix.join(":");
    if script.secret.is_none() && script.text.len() <= MAX_INLINE && !script.text.contains('\0') {
        return (vec!["-c".into(), INLINE.into(), "qd".into(), prefix, script.text.clone()], Vec::new());
    }
    let stdin = piped(script, &prefix).into_bytes();
    (vec!["-c".into(), PIPED.into(), "qd".into(), stdin.len().to_string()], stdin)
}

/// Makes what goes by stdin, in one piece of memory: a secret must not lie about where it was moved from.
fn piped(script: &Script, prefix: &str) -> String {
    let word = script.secret.as_ref().map(|secret| Zeroizing::new(quote(secret.expose_secret())));
    let word = word.as_ref().map_or("", |word| word.as_str());
    let mut text = String::with_capacity(script.text.len() + prefix.len() * 4 + word.len() + 64);
    if !word.is_empty() {
        for part in ["unset qd_secret; qd_secret=", word, "\n"] {
            text.push_str(part);
        }
    }
    if !prefix.is_empty() {
        for part in ["PATH=", &quote(prefix), ":$PATH; export PATH\n"] {
            text.push_str(part);
        }
    }
    text.extend(script.text.chars().filter(|letter| *letter != '\0'));
    text
}

fn is_plain(text: &str) -> bool {
    !text.contains(['\'', '\\', '!', '\n', '\r', '\0'])
}

/// Quotes a word for a POSIX shell.
pub fn quote(word: &str) -> String {
    let safe = |c: char| c.is_ascii_alphanumeric() || "_-./:=@%+,".contains(c);
    if !word.is_empty() && word.chars().all(safe) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\0', "").replace('\'', "'\\''"))
}

/// What a server reads out of a command that [`wrap`] made: for servers that play hosts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Received {
    /// The whole script.
    Inline {
        /// Directories before PATH, joined by colons.
        prefix: String,
        /// The script.
        text: String,
    },
    /// The script is the first bytes of stdin.
    Piped {
        /// How many.
        length: usize,
    },
    /// The script is the first bytes of stdin, and reads the rest.
    Talked {
        /// How many.
        length: usize,
    },
}

/// Reads a command that [`wrap`] made; none when it is something else.
pub fn unwrap(command: &str) -> Option<Received> {
    let rest = command.strip_prefix("exec sh -c '")?;
    if let Some(length) = rest.strip_prefix(PIPED).and_then(|rest| rest.strip_prefix("' qd ")) {
        return Some(Received::Piped { length: length.parse().ok()? });
    }
    if let Some(length) = rest.strip_prefix(TALKED).and_then(|rest| rest.strip_prefix("' qd ")) {
        return Some(Received::Talked { length: length.parse().ok()? });
    }
    let rest = rest.strip_prefix(INLINE)?.strip_prefix("' qd '")?.strip_suffix('\'')?;
    let (prefix, text) = rest.split_once("' '")?;
    Some(Received::Inline { prefix: prefix.to_owned(), text: text.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrapped_is_read_back() {
        let mut script = Script::new("uptime | head -n 1");
        script.path_prefix = vec!["/opt/a/bin".into(), "/opt/b/bin".into()];
        let wire = wrap(&script);
        assert_eq!(wire.stdin, b"");
        let inline = Received::Inline { prefix: "/opt/a/bin:/opt/b/bin".into(), text: "uptime | head -n 1".into() };
        assert_eq!(unwrap(&wire.command), Some(inline));

        for text in ["echo 'a'\necho b", "echo \\", &"x".repeat(9_000)] {
            let wire = wrap(&Script::new(text));
            assert_eq!(wire.stdin, text.as_bytes());
            assert_eq!(unwrap(&wire.command), Some(Received::Piped { length: text.len() }));
        }
        let wire = wrap_talked(&Script::new("read -r x"));
        assert_eq!(unwrap(&wire.command), Some(Received::Talked { length: 9 }));
        assert_eq!(unwrap("uptime"), None);
    }

    #[test]
    fn the_command_line_means_the_same_to_every_login_shell() {
        for form in [INLINE, PIPED, TALKED, KEPT] {
            // csh takes `!` for its history, except before a blank.
            assert!(is_plain(&form.replace("! ", "")), "{form}");
        }
    }

    #[test]
    fn a_secret_goes_by_stdin_alone() {
        let script = Script { secret: Some("it's me".into()), ..Script::new("id") };
        let says = "unset qd_secret; qd_secret='it'\\''s me'\nid";
        for (command, stdin) in
            [(wrap(&script).command, wrap(&script).stdin), (wrap_local(&script).0.join(" "), wrap_local(&script).1)]
        {
            assert!(!command.contains("me") && command.ends_with(&format!(" qd {}", stdin.len())), "{command}");
            assert_eq!(String::from_utf8(stdin).unwrap(), says);
        }
        assert!(!format!("{script:?} {:?}", wrap(&script)).contains("s me"));
    }

    #[test]
    fn words_are_quoted_for_the_shell() {
        assert_eq!(quote("/a/b-c_1.d"), "/a/b-c_1.d");
        assert_eq!(quote(""), "''");
        assert_eq!(quote("it's $HOME"), "'it'\\''s $HOME'");
    }
}
