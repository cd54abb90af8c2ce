//! Files on a host, over SSH: one channel on a connection of their own for all that are followed there.
use futures_util::future::BoxFuture;

use super::{
    LogContext, LogSource,
    follow::{Shell, follow},
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
}
