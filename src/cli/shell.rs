//! `qd completions` and `qd man`: made from the same definitions as `--help`.
use clap::CommandFactory as _;

use super::{Args, Exit, setup};

/// What the manual says beyond the help.
const MORE: &str = r#".SH FILES
.TP
.I ~/.config/quarterdeck/qd.toml
The configuration. \fBXDG_CONFIG_HOME\fR moves it; \fB\-\-config\fR and \fBQD_CONFIG\fR name another file.
.TP
.I ~/.local/state/quarterdeck/qd.db
What is recorded: results, alerts, incidents, runs. \fBXDG_STATE_HOME\fR moves it, \fIpath\fR in \fB[store]\fR names another file.
.TP
.I ~/.local/state/quarterdeck/qd.log
The log.
.TP
.I ~/.ssh/config, ~/.ssh/known_hosts
Are read as OpenSSH reads them; keys of hosts that you accept are added to the latter.
.SH ENVIRONMENT
.TP
.B QD_CONFIG
The configuration file.
.TP
.B QD_LOG
What goes into the log, as in \fIquarterdeck=debug\fR. The default is \fIquarterdeck=info\fR.
.TP
.B XDG_CONFIG_HOME, XDG_STATE_HOME
Where the files above are.
.TP
.B SSH_AUTH_SOCK
The agent that holds keys.
.TP
.B NO_COLOR, COLORTERM, TERM, LANG, LC_ALL, LC_CTYPE
What the terminal can show.
.TP
.B SUDO_USER, USER, LOGNAME
Who acts, as it is recorded.
.SH "EXIT STATUS"
.TP
.B 0
All is well. A service that fails and is not down yet is no failure of \fBqd status\fR.
.TP
.B 1
Something is down, an alert fires, or the run failed.
.TP
.B 2
The command or the configuration is wrong.
.TP
.B 3
Nobody knows.
.TP
.B 4
Something far away cannot be reached.
.TP
.B 5
The gate refused.
"#;

/// What `qd completions` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Completions {
    /// The shell
    #[arg(value_enum)]
    shell: clap_complete::Shell,
}

pub(super) fn completions(args: &Completions) -> Exit {
    clap_complete::generate(args.shell, &mut Args::command(), "qd", &mut std::io::stdout());
    Exit::Ok
}

pub(super) fn manual() -> color_eyre::Result<Exit> {
    let mut page = Vec::new();
    clap_mangen::Man::new(Args::command()).render(&mut page)?;
    page.extend_from_slice(MORE.as_bytes());
    setup::print(&String::from_utf8_lossy(&page))?;
    Ok(Exit::Ok)
}
