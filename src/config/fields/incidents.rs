//! Fields of what is done about incidents: how bad they are, planned work, documents and updates, teams and whom they call.
use super::{Field, Shape, field, required};

const PERIOD: Shape = Shape::Either(&[Shape::Duration, Shape::Choice(&["none"])]);

/// What was agreed on for incidents.
pub(crate) const SEVERITIES: &[Field] = &[
    field("P1", Shape::Table(SEVERITY), "Critical: users are hurt."),
    field("P2", Shape::Table(SEVERITY), "High."),
    field("P3", Shape::Table(SEVERITY), "Medium."),
    field("P4", Shape::Table(SEVERITY), "Low."),
    field(
        "bake",
        Shape::Duration,
        "How long a service has to be well before its incident counts as mended. Default `10m`.",
    ),
    field("business", Shape::Text, "Business hours, in the time zone of `display`. Default `Mon-Fri 09:00-18:00`."),
];

/// The clocks of one severity, and who is called.
const SEVERITY: &[Field] = &[
    field("alias", Shape::List(&Shape::Text), "Other names of it, as trackers and people have them."),
    field("ack", PERIOD, "Until somebody takes it; `none` for no clock."),
    field("first_update", PERIOD, "Until people are told for the first time."),
    field("update_every", PERIOD, "From one word to the next."),
    field("mitigate", PERIOD, "Until users are helped."),
    field("document", PERIOD, "From its end until its document is whole."),
    field("escalate", PERIOD, "A phase before `act` that lasts longer calls the next of the team by itself."),
    field("business_hours", Shape::Flag, "Whether its clocks run in business hours only. Default: for P4."),
    field("team", Shape::Text, "The team that is called. Default `response` for P1 and P2, else `support`."),
    field("notify", Shape::List(&Shape::Text), "The notifiers that tell people of it, by their names."),
];

/// Planned work.
pub(crate) const MAINTENANCE: &[Field] = &[
    required("name", Shape::Text, "Its name: `weekly`."),
    required("timezone", Shape::Text, "Where its clock hangs, as in `America/Bogota`."),
    field("at", Shape::Text, "When, again and again: `Sun 02:00-04:00`, `first Sun 02:00-06:00`, `daily 22:00-23:00`."),
    field("from", Shape::Text, "From when, once: `2026-12-20 02:00`. With `to`, instead of `at`."),
    field("to", Shape::Text, "To when."),
    field("services", Shape::List(&Shape::Text), "The services, as `play@prod`. Default: all."),
    field("why", Shape::Text, "What is done."),
];

/// How documents are written.
pub(crate) const DOCUMENT: &[Field] = &[field(
    "template",
    Shape::Text,
    "A file with a minijinja template, relative to this one. Default: the built-in one, which is used too where this one cannot be.",
)];

/// How updates are worded.
pub(crate) const UPDATE: &[Field] = &[
    field(
        "public",
        Shape::Text,
        "What everybody reads: `{text}`, `{next}`, `{state}`, `{number}`, `{severity}`, `{service}`; a part in brackets goes where what it names is not known. Default `{text}[ Next update by {next}.]`.",
    ),
    field("internal", Shape::Text, "What the team reads: also `{hosts}` and `{lead}`."),
];

/// A type of incident.
pub(crate) const INCIDENT_TYPE: &[Field] = &[
    required("name", Shape::Text, "Its name: `failure`."),
    field("title", Shape::Text, "In words: `server or service failure`."),
    field("procedure", Shape::List(&Shape::Text), "What is done, step by step."),
    field(
        "runbooks",
        Shape::List(&Shape::Text),
        "The runbooks that are offered, by name, beside those that name the type themselves.",
    ),
    field("template", Shape::Text, "How documents of this type are written: a file as in `[document]`."),
];

/// People who are called together.
pub(crate) const TEAM: &[Field] = &[
    required("name", Shape::Text, "Its name: `response`."),
    required("members", Shape::List(&Shape::Table(MEMBER)), "Who is in it, in the order in which they are called."),
];

const MEMBER: &[Field] = &[
    required("name", Shape::Text, "The login name."),
    field("mail", Shape::Text, "The address."),
    field("phone", Shape::Text, "The number."),
];

/// Somebody outside who helps.
pub(crate) const CONTACT: &[Field] = &[
    required("name", Shape::Text, "Who."),
    required("role", Shape::Text, "For what: `payments`."),
    required("reach", Shape::Text, "How they are reached."),
    field("responds", Shape::Duration, "Within what time they promise to answer."),
    field("services", Shape::List(&Shape::Text), "The services that need them. Default: all."),
];
