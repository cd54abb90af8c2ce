//! Texts from templates: pure, and safe whatever is in the facts.
//!
//! A template says where a fact stands; it cannot make of it more than text. What is written out goes through [`markdown`]
//! by itself, and what nobody knows is written as `not known`: no template can forget either.
use minijinja::{
    AutoEscape, Environment, Error, Output, State, UndefinedBehavior, Value, syntax::SyntaxConfig, value::Serde,
};
use serde::Serialize;

use crate::{
    core::{
        handover::Handover,
        incidents::{Document, policy::Template},
        published::Published,
        time,
    },
    parse::sanitise,
};

pub mod markdown;

/// The template of an incident's document, as shipped.
pub const INCIDENT: &str = include_str!("incident.md");

/// The template of a hand-over.
const HANDOVER: &str = include_str!("handover.md");

/// The template of the status page.
const STATUS: &str = include_str!("status.html");

/// What is written for a fact that nobody knows.
const UNKNOWN: &str = "not known";
/// Steps that a template may take: enough for a thousand events, and an end for one that goes round in a circle.
const FUEL: u64 = 2_000_000;
/// Characters of a text at most.
const MAX: usize = 4 << 20;

/// A template that cannot be used, or not with these facts.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("template {name}{}: {why}", place(*line, *column))]
pub struct Unusable {
    /// Its name.
    pub name: String,
    /// Where.
    pub line: Option<usize>,
    /// At which character of that line, from 1.
    pub column: Option<usize>,
    /// What is wrong.
    pub why: String,
    /// The name that nothing has.
    pub unknown: Option<String>,
}

fn place(line: Option<usize>, column: Option<usize>) -> String {
    let line = line.map(|line| format!(", line {line}")).unwrap_or_default();
    line + &column.map(|column| format!(", column {column}")).unwrap_or_default()
}

/// What a template of documents may name.
pub const NAMES: &[&str] = &[
    "id",
    "title",
    "severity",
    "service",
    "class",
    "phase",
    "state",
    "lead",
    "opened",
    "as_of",
    "impact",
    "timeline",
    "times",
    "promises",
    "actions",
    "proof",
    "over_by",
    "evidence",
    "hypotheses",
    "suspect",
    "root_cause",
    "lessons",
    "follow_ups",
    "tasks",
    "tickets",
    "owed",
];

/// What every template knows beside them.
const GLOBALS: [&str; 3] = ["range", "dict", "namespace"];

/// Writes the document of an incident by a team's own template, where there is one that can be used, else by the built-in one; why it
/// could not be used is told beside.
pub fn document(of: &Document, template: Option<&Template>) -> (Result<String, Unusable>, Option<Unusable>) {
    match template.map(|own| incident(of, (&own.path, &own.text))) {
        Some(Ok(text)) => (Ok(text), None),
        Some(Err(why)) => (incident(of, ("incident.md", INCIDENT)), Some(why)),
        None => (incident(of, ("incident.md", INCIDENT)), None),
    }
}

/// Says what is wrong with a template of documents, as far as that shows before there is one: how it is written, and what it names.
///
/// # Errors
/// The first mistake.
pub fn check(of: &Template) -> Result<(), Unusable> {
    let mut env = environment();
    env.add_template(&of.path, &of.text).map_err(|error| unusable((&of.path, &of.text), &error))?;
    let named = env.get_template(&of.path).map_err(|error| unusable((&of.path, &of.text), &error))?;
    let mut named: Vec<String> = named.undeclared_variables(false).into_iter().collect();
    named.retain(|name| !NAMES.contains(&name.as_str()) && !GLOBALS.contains(&name.as_str()));
    // The first in the text goes first.
    let first = named.into_iter().map(|name| (word_at(&of.text, &name).unwrap_or(usize::MAX), name)).min();
    let Some((at, name)) = first else { return Ok(()) };
    let (line, column) = (at < of.text.len()).then(|| line_of(&of.text, at)).unzip();
    let why = format!("nothing is called `{}`", sanitise::name(&name));
    Err(Unusable { name: sanitise::name(&of.path), line, column, why, unknown: Some(name) })
}

/// Finds a whole word of a text.
fn word_at(text: &str, word: &str) -> Option<usize> {
    let part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.');
    text.match_indices(word).map(|(at, _)| at).find(|at| {
        let before = text.get(..*at).and_then(|before| before.chars().next_back());
        let after = text.get(at + word.len()..).and_then(|after| after.chars().next());
        !before.is_some_and(part) && !after.is_some_and(|c| c.is_alphanumeric() || c == '_')
    })
}

/// Returns line and column of a place in a text, both from 1.
fn line_of(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    (line, before.rsplit('\n').next().unwrap_or_default().chars().count() + 1)
}

fn unusable((name, template): (&str, &str), error: &Error) -> Unusable {
    let why = error.detail().map_or_else(|| error.kind().to_string(), |detail| format!("{}: {detail}", error.kind()));
    let found = error.range().map(|range| line_of(template, range.start));
    let (line, column) = (error.line().or(found.map(|(line, _)| line)), found.map(|(_, column)| column));
    Unusable { name: sanitise::name(name), line, column, why: sanitise::line(why), unknown: None }
}

/// Writes the document of an incident, by a template.
///
/// # Errors
/// What is wrong with the template.
pub fn incident(of: &Document, (name, template): (&str, &str)) -> Result<String, Unusable> {
    render(name, template, of)
}

/// Writes a hand-over.
///
/// # Errors
/// What is wrong with the template.
pub fn handover(of: &Handover) -> Result<String, Unusable> {
    #[derive(Serialize)]
    struct Facts<'a> {
        standing: String,
        #[serde(flatten)]
        of: &'a Handover,
    }
    render("handover.md", HANDOVER, &Facts { standing: of.standing(), of })
}

/// Writes a status page: whatever stands in its facts is text there, and nothing is loaded from anywhere.
///
/// # Errors
/// What is wrong with the template, which is none that anybody else wrote.
pub fn status_page(of: &Published) -> Result<String, Unusable> {
    let mut env = Environment::new();
    env.set_undefined_behavior(UndefinedBehavior::Strict);
    env.set_auto_escape_callback(|_| AutoEscape::Html);
    env.set_formatter(|out, state, value| match value.as_str().filter(|_| !value.is_safe()) {
        Some(text) => minijinja::escape_formatter(out, state, &Value::from(sanitise::text(text))),
        None => minijinja::escape_formatter(out, state, value),
    });
    env.set_fuel(Some(FUEL));
    env.add_filter("at", |of: &str| minute(of));
    write_out(env, ("status.html", STATUS), of)
}

/// A moment to the minute: `2026-11-20 02:58 UTC`.
fn minute(rfc3339: &str) -> String {
    let text = rfc3339.replacen('T', " ", 1);
    let cut = text.rsplit_once(':').map_or(text.as_str(), |(minute, _)| minute);
    format!("{cut} UTC")
}

/// Writes facts out by a template.
fn render<T: Serialize>(name: &str, template: &str, facts: &T) -> Result<String, Unusable> {
    write_out(environment(), (name, template), facts).map(|text| sanitise::text_max(text, MAX))
}

fn write_out<'a, T: Serialize>(
    mut env: Environment<'a>,
    (name, template): (&'a str, &'a str),
    facts: &T,
) -> Result<String, Unusable> {
    let unusable = |error: Error| unusable((name, template), &error);
    env.add_template(name, template).map_err(unusable)?;
    // A structure has to be handed over as such: a plain value of it would be a text.
    env.get_template(name).and_then(|of| of.render(Value::from(Serde(facts)))).map_err(unusable)
}

fn environment<'a>() -> Environment<'a> {
    let mut env = Environment::new();
    env.set_undefined_behavior(UndefinedBehavior::Strict);
    env.set_auto_escape_callback(|_| AutoEscape::None);
    env.set_formatter(write);
    env.set_fuel(Some(FUEL));
    if let Ok(syntax) = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build() {
        env.set_syntax(syntax);
    }
    env.add_filter("code", |of: Value| of_text(of, markdown::code));
    env.add_filter("block", |of: Value| of_text(of, markdown::block));
    env.add_filter("prose", |of: Value| of_text(of, markdown::prose));
    env.add_filter("at", |of: Value| of_text(of, moment));
    env.add_filter("long", |of: Value| of.as_i64().map_or(of, |ms| Value::from(long(ms))));
    env
}

/// Writes a value: none as what nobody knows, text as no more than text.
fn write(out: &mut Output<'_>, state: &mut State<'_, '_>, value: &Value) -> Result<(), Error> {
    if value.is_none() {
        return minijinja::escape_formatter(out, state, &Value::from(UNKNOWN));
    }
    match value.as_str().filter(|_| !value.is_safe()) {
        Some(text) => minijinja::escape_formatter(out, state, &Value::from_safe_string(markdown::inline(text))),
        None => minijinja::escape_formatter(out, state, value),
    }
}

/// Applies a filter to a text; what nobody knows stays so.
fn of_text(of: Value, filter: fn(&str) -> String) -> Value {
    of.as_str().map_or_else(|| of.clone(), |text| Value::from_safe_string(filter(text)))
}

/// A moment as people read it: `2026-11-20 02:58:40Z`.
fn moment(rfc3339: &str) -> String {
    let text = rfc3339.replacen('T', " ", 1);
    match text.split_once('.') {
        Some((seconds, _)) => format!("{seconds}Z"),
        None => text,
    }
}

/// A duration as people read it: `12 min 41 s`.
pub fn long(ms: i64) -> String {
    let seconds = ms.unsigned_abs() / 1_000;
    let (day, hour, minute) = (time::DAY / 1_000, time::HOUR / 1_000, time::MINUTE / 1_000);
    let (day, hour, minute) = (day.unsigned_abs(), hour.unsigned_abs(), minute.unsigned_abs());
    let two = |many: u64, unit: &str, rest: u64, smaller: &str| match rest {
        0 => format!("{many} {unit}"),
        _ => format!("{many} {unit} {rest} {smaller}"),
    };
    match seconds {
        _ if seconds >= day => two(seconds / day, "d", seconds % day / hour, "h"),
        _ if seconds >= hour => two(seconds / hour, "h", seconds % hour / minute, "min"),
        _ if seconds >= minute => two(seconds / minute, "min", seconds % minute, "s"),
        _ => format!("{seconds} s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_says_what_is_wrong_and_where() {
        let facts = serde_json::json!({ "title": "play", "gone": null });
        let wrong = render("mine.md", "# {{ title }}\n\n{{ titel }}", &facts).unwrap_err();
        assert_eq!((wrong.line, wrong.name.as_str()), (Some(3), "mine.md"), "{wrong}");
        assert!(render("mine.md", "{% if %}", &facts).is_err());
        let circle = "{% macro a() %}{{ a() }}{% endmacro %}{% for i in range(9999) %}{% for j in range(9999) %}.{% endfor %}{% endfor %}";
        assert!(render("mine.md", circle, &facts).is_err(), "it ends");
        assert_eq!(
            render("mine.md", "{{ gone }} {{ gone | long }} {{ gone | code }}", &facts).unwrap(),
            "not known not known not known"
        );
    }

    #[test]
    fn no_fact_is_more_than_text() {
        let facts =
            serde_json::json!({ "title": "<b>|\n# x\u{1b}[2J", "ms": 761_000, "at": "2026-11-20T02:58:40.000Z" });
        let text =
            render("t", "| {{ title }} | {{ title | code }} | {{ ms | long }} | {{ at | at }} |", &facts).unwrap();
        assert_eq!(text, "| \\<b>\\|⏎# x | `<b>\\|⏎# x` | 12 min 41 s | 2026-11-20 02:58:40Z |");
    }

    #[test]
    fn durations_read_as_people_say_them() {
        let all = [(0, "0 s"), (41_000, "41 s"), (3_600_000, "1 h"), (183_600_000, "2 d 3 h")];
        for (ms, want) in all {
            assert_eq!(long(ms), want);
        }
    }
}
