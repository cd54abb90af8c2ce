//! What pods write, by `kubectl logs`, resumed at the moment of the last line.
use std::fmt::Write as _;

use futures_util::future::BoxFuture;

use super::{
    LogContext, LogSource,
    process::{Command, Line, Mark, Stamped, follow},
};
use crate::{core::logs::LogPlace, parse::loki::logfmt, remote::script::quote, sources::SourceError};

/// Follows pods.
#[derive(Debug)]
pub struct Kubernetes;

struct Pods {
    context: Option<String>,
    namespace: Option<String>,
    target: String,
    container: Option<String>,
}

impl Command for Pods {
    fn kind(&self) -> &'static str {
        "kubernetes"
    }

    fn path(&self) -> String {
        self.namespace.as_ref().map_or_else(|| self.target.clone(), |namespace| format!("{namespace}/{}", self.target))
    }

    fn script(&self, mark: Option<&Mark>, first: usize) -> String {
        let mut text = "exec kubectl".to_owned();
        let mut option = |name: &str, value: &Option<String>| {
            if let Some(value) = value {
                // A string takes everything.
                write!(text, " {name}={}", quote(value)).ok();
            }
        };
        option("--context", &self.context);
        option("--namespace", &self.namespace);
        text.push_str(" logs --follow --timestamps --prefix --ignore-errors --max-log-requests=50");
        let selects = self.target.contains('=') && !self.target.contains('/');
        match &self.container {
            Some(container) => write!(text, " --container={}", quote(container)).ok(),
            None => write!(text, " --all-containers").ok(),
        };
        match mark.and_then(|mark| mark.at) {
            Some(at) => write!(text, " --since-time={}", Stamped::moment(at)).ok(),
            None => write!(text, " --tail={first}").ok(),
        };
        let target = quote(&self.target);
        write!(text, "{}", if selects { format!(" -l {target}") } else { format!(" -- {target}") }).ok();
        text
    }

    fn line(&self, raw: &[u8]) -> Option<Line> {
        let Some(inner) = raw.strip_prefix(b"[pod/") else { return Stamped::line(raw) };
        let end = memchr::memchr(b']', inner)?;
        let (place, rest) = inner.split_at_checked(end)?;
        let line = Stamped::line(rest.strip_prefix(b"] ")?)?;
        let place = String::from_utf8_lossy(place);
        let (pod, container) = place.split_once('/').unwrap_or((&place, ""));
        let extra = [("pod", pod), ("container", container)].map(|(name, value)| (name.to_owned(), value.to_owned()));
        Some(Line { extra: Some(logfmt(&extra.into())), ..line })
    }
}

impl LogSource for Kubernetes {
    fn name(&self) -> &'static str {
        "kubernetes"
    }

    fn run(&self, context: LogContext) -> BoxFuture<'static, SourceError> {
        Box::pin(async move {
            let spec = context.wants.borrow().first().cloned();
            let Some(spec) = spec else { return SourceError::Absent("no entry of type kubernetes".into()) };
            let LogPlace::Kubernetes { context: of, namespace, target, container } = spec.place.clone() else {
                return SourceError::Absent("no entry of type kubernetes".into());
            };
            follow(context, spec, Pods { context: of, namespace, target, container }).await
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::logs::Nanos;

    #[test]
    fn what_kubectl_is_told_and_prints() {
        let pods = Pods {
            context: Some("a b".into()),
            namespace: None,
            target: "app=api".into(),
            container: Some("main".into()),
        };
        assert_eq!(
            pods.script(None, 9),
            "exec kubectl --context='a b' logs --follow --timestamps --prefix --ignore-errors --max-log-requests=50 \
             --container=main --tail=9 -l app=api"
        );
        let mark = Mark { cursor: None, at: Some(Nanos(1)) };
        assert!(pods.script(Some(&mark), 9).contains("--since-time=1970-01-01T00:00:00.000000001Z"));
        let line = pods.line(b"[pod/api-1/main] 2026-11-20T19:41:09.5Z [x] y").unwrap();
        assert_eq!((line.text.as_slice(), line.extra.as_deref()), (&b"[x] y"[..], Some("container=main pod=api-1")));
        assert_eq!(pods.line(b"error: no such pod"), None);
    }
}
