//! What a container prints, resumed at the moment of its last line.
use std::sync::Arc;

use futures_util::future::BoxFuture;

use super::{
    Batch, Cursor, HistoryRequest, LogContext, LogSource, Page,
    process::{Command, Line, Mark, Stamped, batch_of, before_of, follow, hash, run},
};
use crate::{
    core::logs::{LogPlace, Nanos},
    remote::script::quote,
    sources::SourceError,
};

/// Follows containers of Docker, or of Podman where that is called `docker`.
#[derive(Debug)]
pub struct Docker;

struct Container(String);

impl Command for Container {
    fn kind(&self) -> &'static str {
        "docker"
    }

    fn path(&self) -> String {
        self.0.clone()
    }

    fn script(&self, mark: Option<&Mark>, first: usize) -> String {
        let from = match mark.and_then(|mark| mark.at) {
            Some(at) => format!("--since {}", Stamped::moment(at)),
            None => format!("--tail {first}"),
        };
        format!("exec docker logs --timestamps --follow {from} -- {} 2>&1", quote(&self.0))
    }

    fn line(&self, raw: &[u8]) -> Option<Line> {
        Stamped::line(raw)
    }
}

fn container(place: &LogPlace) -> Option<Container> {
    if let LogPlace::Docker { container } = place { Some(Container(container.clone())) } else { None }
}

impl LogSource for Docker {
    fn name(&self) -> &'static str {
        "docker"
    }

    fn run(&self, context: LogContext) -> BoxFuture<'static, SourceError> {
        Box::pin(async move {
            let spec = context.wants.borrow().first().cloned();
            match spec.and_then(|spec| Some((container(&spec.place)?, spec))) {
                Some((container, spec)) => follow(context, spec, container).await,
                None => SourceError::Absent("no entry of type docker".into()),
            }
        })
    }

    fn history(&self, context: LogContext, request: HistoryRequest) -> BoxFuture<'static, Result<Page, SourceError>> {
        Box::pin(async move {
            let Some(container) = container(&request.spec.place) else { return Ok(Page::default()) };
            let limit = request.limit.clamp(1, 5_000);
            let known = match &request.before {
                Some(Cursor::Time { at, seen }) => Some((*at, Arc::clone(seen))),
                Some(Cursor::Byte { .. } | Cursor::Journal(_)) | None => None,
            };
            // Up to the end of that nanosecond: others of the same may not be known.
            let limit = limit + known.as_ref().map_or(0, |(_, seen)| seen.len());
            let until = known.as_ref().map(|(at, _)| Stamped::moment(Nanos(at.0 + 1)));
            let range = until.map_or_else(String::new, |until| format!("--until {until} "));
            let text = format!("docker logs --timestamps {range}--tail {limit} -- {} 2>&1", quote(&container.0));
            let output = run(&context, text).await?;
            let mut lines: Vec<Line> =
                output.stdout.split(|byte| *byte == b'\n').filter_map(|raw| container.line(raw)).collect();
            if let Some((at, seen)) = &known {
                lines.retain(|line| line.at < Some(*at) || line.at == Some(*at) && !seen.contains(&hash(&line.text)));
            }
            lines.sort_by_key(|line| line.at);
            if lines.is_empty() {
                return Ok(Page::default());
            }
            let before = before_of(&lines);
            let batch = Batch { history: true, before: before.clone(), ..batch_of(lines) };
            Ok(Page { parts: vec![(request.info, batch)], before, ..Page::default() })
        })
    }
}
