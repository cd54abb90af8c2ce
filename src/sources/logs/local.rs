//! Files of the machine that the console runs on.
use futures_util::future::BoxFuture;

use super::{
    HistoryRequest, LogContext, LogSource, Page,
    follow::{Connect as _, Native, follow, history},
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

    fn history(&self, context: LogContext, request: HistoryRequest) -> BoxFuture<'static, Result<Page, SourceError>> {
        Box::pin(async move {
            let home = context.env.home().display().to_string();
            let native = Native { tasks: context.tasks.clone(), home };
            let mut place =
                native.connect(std::sync::Arc::new(|| {})).await.map_err(|lost| SourceError::Malformed(lost.why))?;
            history(place.as_mut(), request).await
        })
    }
}
