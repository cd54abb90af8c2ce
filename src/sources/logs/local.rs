//! Files of the machine that the console runs on.
use futures_util::future::BoxFuture;

use super::{
    LogContext, LogSource,
    follow::{Native, follow},
};
use crate::sources::SourceError;

/// Follows files of this machine.
#[derive(Debug)]
pub struct Local;

impl LogSource for Local {
    fn name(&self) -> &'static str {
        "local"
    }

    fn run(&self, context: LogContext) -> BoxFuture<'static, SourceError> {
        let home = context.env.home().display().to_string();
        let native = Native { tasks: context.tasks.clone(), home };
        Box::pin(follow(context, "local", native))
    }
}
