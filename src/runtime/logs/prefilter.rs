//! What of a filter a source can be asked to leave out itself, and what is decided here.
use crate::{
    core::logs::{
        LogPlace, LogSpec, LokiSpec,
        derive::Derived,
        filter::{
            Expr,
            grep::grep,
            logql::{Loki, is_label, logql},
            push::{Lines, terms},
        },
        format::Format,
    },
    sources::logs::{Prefilter, StreamInfo},
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

/// Divides a filter for history of a stream whose lines are read by these formats. `derived` says which fields are made by rules.
///
/// What is not asked elsewhere, since it cannot be proved there to lose no line: text and fields of records that span lines, of
/// which a search sees one at a time; a level, which every format writes in its own way and Loki finds out by its own; a field
/// of a line of Loki's, which may stand beside the line there.
///
/// All of the filter is evaluated here afterwards. Lines that name no time have the one of the line before them, so that a
/// time in the filter may tell such lines differently where those before them were left out.
pub fn divide<'a>(
    expr: &Expr,
    spec: &LogSpec,
    info: &StreamInfo,
    derived: &Derived,
    formats: impl IntoIterator<Item = &'a Format>,
) -> Asked {
    let mut formats = formats.into_iter().peekable();
    let only = formats.peek().copied();
    // Of lines of which nothing is known, nobody can say what a record is.
    let whole = only.is_some() && formats.all(|format| !format.is_multi_line());
    match &spec.place {
        LogPlace::File { .. } if info.kind == "file" => {
            let status = only.and_then(Format::before_status);
            let of_line = |field: &str| !OF_SOURCES.contains(&field) && !derived.has(field);
            let verbatim = |field: &str| of_line(field) && only.is_some_and(|format| format.is_verbatim(field));
            let lines = Lines {
                whole,
                status: status.as_deref(),
                escape: only.map(Format::written_otherwise),
                verbatim: &verbatim,
            };
            let made = grep(expr, lines);
            let prefilter = (!made.filter.is_empty()).then_some(Prefilter::Shell(made.filter));
            Asked { prefilter, pushed: made.pushed, local: made.local }
        }
        LogPlace::Loki(loki) => {
            let select: Vec<(&str, &str)> =
                loki.select.iter().map(|(label, value)| (label.as_str(), value.as_str())).collect();
            let labels = labels(spec, loki, info);
            let labels: Vec<(&str, &str)> =
                labels.iter().map(|(field, label)| (field.as_str(), label.as_str())).collect();
            let lines = Lines { whole, status: None, escape: None, verbatim: &|_| false };
            let made = logql(expr, Loki { select: &select, labels: &labels, lines, split: true }).unwrap_or_default();
            let prefilter = (!made.pushed.is_empty()).then_some(Prefilter::LogQl(made.query));
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

/// Which fields are labels of an entry's streams, as far as one of them tells: what a source says of itself comes first.
fn labels(spec: &LogSpec, loki: &LokiSpec, info: &StreamInfo) -> Vec<(String, String)> {
    let of_stream = info.labels.iter().map(|(label, _)| label).filter(|label| is_label(label));
    // A service has a name and an environment, or it is none.
    let env = spec.env.as_ref().filter(|env| !env.as_str().is_empty() && !env.as_str().contains(['@', '/']));
    let by_label = loki.service_label.as_ref().filter(|label| is_label(label) && env.is_some());
    let is_own = |field: &str| match field {
        "service" | "env" => spec.service.is_some() || by_label.is_some(),
        _ => matches!(field, "source" | "file" | "format" | "kind"),
    };
    let named = of_stream.filter(|label| !is_own(label)).map(|label| (label.clone(), label.clone()));
    let service = by_label.filter(|_| spec.service.is_none()).map(|label| ("service".to_owned(), label.clone()));
    named.chain(service).collect()
}

#[cfg(test)]
#[path = "prefilter_tests.rs"]
mod tests;
