//! Files on a host, over SSH: one channel on a connection of their own for all that are followed there.
use futures_util::future::BoxFuture;

use super::{
    HistoryRequest, LogContext, LogSource, Page,
    follow::{Connect as _, Shell, follow, history},
};
use crate::sources::SourceError;

/// Follows files of a host.
#[derive(Debug)]
pub struct Files;

impl LogSource for Files {
    fn name(&self) -> &'static str {
        "file"
    }

    fn run(&self, context: LogContext) -> BoxFuture<'static, SourceError> {
        Box::pin(async move {
            let Some(host) = context.host.clone() else {
                return SourceError::Absent("files on no host".into());
            };
            let shell = Shell { host, remote: std::sync::Arc::clone(&context.remote) };
            follow(context, "file", shell).await
        })
    }

    fn history(&self, context: LogContext, request: HistoryRequest) -> BoxFuture<'static, Result<Page, SourceError>> {
        Box::pin(async move {
            let Some(host) = context.host.clone() else {
                return Err(SourceError::Absent("files on no host".into()));
            };
            let shell = Shell { host, remote: std::sync::Arc::clone(&context.remote) };
            let mut place =
                shell.connect(std::sync::Arc::new(|| {})).await.map_err(|lost| SourceError::Malformed(lost.why))?;
            history(place.as_mut(), request).await
        })
    }
}
