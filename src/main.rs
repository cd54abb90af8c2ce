//! The `qd` binary: parses arguments, calls the library, returns its exit code.
use std::process::ExitCode;

use clap::Parser as _;
use quarterdeck::cli::{Args, run};

fn main() -> ExitCode {
    let args = Args::parse();
    match run(args) {
        Ok(exit) => exit.into(),
        Err(error) => {
            use std::io::Write as _;
            // Standard error that is closed has nobody to tell.
            drop(writeln!(std::io::stderr(), "{error:#}"));
            ExitCode::from(2)
        }
    }
}
