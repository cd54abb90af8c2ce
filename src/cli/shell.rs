//! `qd completions` and `qd man`: made from the same definitions as `--help`.
use clap::CommandFactory as _;

use super::{Args, Exit, setup};

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
    setup::print(&String::from_utf8_lossy(&page))?;
    Ok(Exit::Ok)
}
