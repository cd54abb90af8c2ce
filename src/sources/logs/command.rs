//! Whatever a shell command prints, on a host or here. Nobody knows where to resume it: what is lost is said.
use futures_util::future::BoxFuture;

use super::{
    LogContext, LogSource,
    process::{self, Line, Mark, follow},
};
use crate::{core::logs::LogPlace, sources::SourceError};

/// Follows a command.
#[derive(Debug)]
pub struct Commands;

struct Shell(String);

impl process::Command for Shell {
    fn kind(&self) -> &'static str {
        "command"
    }

    fn path(&self) -> String {
        self.0.clone()
    }

    fn script(&self, _: Option<&Mark>, _: usize) -> String {
        self.0.clone()
    }

    fn line(&self, raw: &[u8]) -> Option<Line> {
        Some(Line { text: raw.to_vec(), ..Line::default() })
    }

    fn resumes(&self) -> bool {
        false
    }
}

impl LogSource for Commands {
    fn name(&self) -> &'static str {
        "command"
    }

    fn run(&self, context: LogContext) -> BoxFuture<'static, SourceError> {
        Box::pin(async move {
            let spec = context.wants.borrow().first().cloned();
            let Some(spec) = spec else { return SourceError::Absent("no entry of type command".into()) };
            let LogPlace::Command { command } = spec.place.clone() else {
                return SourceError::Absent("no entry of type command".into());
            };
            follow(context, spec, Shell(command)).await
        })
    }
}
