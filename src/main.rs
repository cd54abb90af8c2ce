//! The `qd` binary: parses arguments, calls the library, returns its exit code.
use std::process::ExitCode;

use quarterdeck::cli::{Args, run};

fn main() -> ExitCode {
    let args = Args::of_process();
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
