//! What of a filter a source can be asked to leave out itself, and what is decided here.
use crate::{
    core::logs::{
        LogPlace, LogSpec,
        derive::Derived,
        filter::{
            Expr,
            grep::grep,
            logql::{Loki, logql},
            push::{Lines, terms},
        },
        format::Format,
    },
    sources::logs::Prefilter,
};

/// A filter divided between a source and here.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Asked {
    /// What the source leaves out, if anything.
    pub prefilter: Option<Prefilter>,
    /// Terms that run there.
    pub pushed: Vec<String>,
    /// Terms that are decided here. What runs there in a wider form is in both.
    pub local: Vec<String>,
}

impl Asked {
    /// Says what runs at the source: `status>=500 on the host (grep)`.
    pub fn there(&self) -> String {
        let place = match self.prefilter {
            Some(Prefilter::Shell(_)) => "on the host (grep)",
            Some(Prefilter::LogQl(_)) => "by Loki",
            None => "nowhere but here",
        };
        format!("{} {place}", self.pushed.join(" "))
    }

    /// Says which part runs where: `status>=500 on the host (grep), dur>1s here`.
    pub fn words(&self) -> String {
        if self.local.is_empty() {
            return self.there();
        }
        format!("{}, {} here", self.there(), self.local.join(" "))
    }
}

/// Names that are a source's, whatever its lines say.
const OF_SOURCES: [&str; 9] = ["service", "env", "host", "source", "file", "format", "kind", "level", "status"];

/// Divides a filter for history of a place whose lines are read by these formats. `host` says whether a shell there reads it,
/// `derived` which fields are made by rules.
///
/// All of the filter is evaluated here afterwards. Lines that name no time have the one of the line before them, so that a
/// time in the filter may tell such lines differently where those before them were left out.
pub fn divide<'a>(
    expr: &Expr,
    spec: &LogSpec,
    host: bool,
    derived: &Derived,
    formats: impl IntoIterator<Item = &'a Format>,
) -> Asked {
    let mut formats = formats.into_iter().peekable();
    let only = formats.peek().copied();
    // Of lines of which nothing is known, nobody can say what a record is.
    let whole = only.is_some() && formats.all(|format| !format.is_multi_line());
    match &spec.place {
        LogPlace::File { .. } if host => {
            let status = only.and_then(Format::before_status);
            let of_line = |field: &str| !OF_SOURCES.contains(&field) && !derived.has(field);
            let verbatim = |field: &str| of_line(field) && only.is_some_and(|format| format.is_verbatim(field));
            let lines = Lines { whole, status: status.as_deref(), escape: Some("\\"), verbatim: &verbatim };
            let made = grep(expr, lines);
            let prefilter = (!made.filter.is_empty()).then_some(Prefilter::Shell(made.filter));
            Asked { prefilter, pushed: made.pushed, local: made.local }
        }
        LogPlace::Loki(loki) => {
            let select: Vec<(&str, &str)> =
                loki.select.iter().map(|(label, value)| (label.as_str(), value.as_str())).collect();
            // A field that a line does not have may stand beside it there.
            let lines = Lines { whole, status: None, escape: None, verbatim: &|_| false };
            let made = logql(expr, Loki { select: &select, labels: &[], lines, split: true }).unwrap_or_default();
            let prefilter = (!made.stages.is_empty()).then_some(Prefilter::LogQl(made.stages));
            Asked { prefilter, pushed: made.pushed, local: made.local }
        }
        LogPlace::File { .. }
        | LogPlace::Journald { .. }
        | LogPlace::Docker { .. }
        | LogPlace::Kubernetes { .. }
        | LogPlace::Command { .. }
        | LogPlace::Stdin => Asked { local: terms(expr), ..Asked::default() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{config::formats::built_in, core::logs::LokiSpec};

    fn asked(place: LogPlace, format: &str, filter: &str) -> Asked {
        let spec = LogSpec {
            name: "x".into(),
            env: None,
            service: None,
            hosts: Vec::new(),
            format: None,
            timezone: None,
            place,
        };
        let filter: crate::core::logs::filter::Filter = filter.parse().unwrap();
        divide(&filter.expr, &spec, true, &Derived::default(), [&**built_in().get(format).unwrap()])
    }

    fn file() -> LogPlace {
        LogPlace::File { path: "/x".into(), rotated: None }
    }

    #[test]
    fn each_place_is_asked_in_its_own_words() {
        let filter = "\"PoolX\" -Health level:error";
        let there = asked(file(), "nginx-combined", filter);
        let Some(Prefilter::Shell(script)) = &there.prefilter else { panic!("{there:?}") };
        assert!(script.contains("g -F -e 'PoolX' | g -v -F -e 'Health'"), "{script}");
        assert_eq!(there.local, ["level:error"]);
        assert_eq!(there.words(), "PoolX -Health on the host (grep), level:error here");
        let select = [("env".to_owned(), "prod".to_owned())].into();
        let loki = asked(LogPlace::Loki(LokiSpec { select, ..LokiSpec::default() }), "nginx-combined", filter);
        assert_eq!(loki.prefilter, Some(Prefilter::LogQl("|= \"PoolX\"".into())));
        assert_eq!(loki.local, ["level:error", "PoolX", "-Health"]);
        let spans = asked(file(), "java", filter);
        assert_eq!((spans.prefilter, spans.pushed.len(), spans.local.len()), (None, 0, 3));
        assert_eq!(asked(LogPlace::Stdin, "nginx-combined", filter).local, ["PoolX", "-Health", "level:error"]);
    }

    #[test]
    fn a_status_is_searched_where_it_stands() {
        let there = asked(file(), "nginx-combined", "status>=500 dur>1s");
        let Some(Prefilter::Shell(script)) = &there.prefilter else { panic!("{there:?}") };
        assert!(script.contains("g -E -e '\" ( )*(0)*([5-9][0-9][0-9]|"), "{script}");
        assert_eq!(there.words(), "status>=500 on the host (grep), dur>1s status>=500 here");
    }

    #[test]
    fn a_fields_text_is_searched_where_it_stands_as_it_is() {
        let there = asked(file(), "nginx-combined", "path:/api/* -path:/health client:10.0.0.1 service:play");
        let Some(Prefilter::Shell(script)) = &there.prefilter else { panic!("{there:?}") };
        // A line with a backslash may write it otherwise.
        assert!(script.contains(r" -e '\\' | g -F -e '10.0.0.1' -e '\'"), "{script}");
        assert_eq!(there.pushed, ["path:/api/*", "client:10.0.0.1"]);
        assert_eq!(there.local, ["-path:/health", "service:play", "path:/api/*", "client:10.0.0.1"]);
        assert_eq!(asked(file(), "nginx-json", "path:/api/*").prefilter, None, "JSON writes it in many ways");
    }
}
