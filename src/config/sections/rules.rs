//! Alert rules: the built-in ones as changed, then the configuration's own.
use super::{Seen, called, name};
use crate::{
    config::{
        fields,
        raw::Raw,
        walk::{Entries, Keys, Walk},
        words::{refer, shown},
    },
    core::{
        alerts::{METRICS, RuleSpec, Severity, Threshold, Unit, builtin_rules},
        id::RuleName,
        inventory::Inventory,
    },
};

/// Builds the rules. A rule that is wrong is left out; a built-in one then stays as it was.
pub(super) fn build(walk: &mut Walk<'_>, tables: &[&Raw], inventory: &Inventory) -> Vec<RuleSpec> {
    let mut rules = builtin_rules();
    let mut seen = Seen::default();
    for raw in tables {
        let mark = walk.book.drafts.len();
        let called = called(raw, "rule");
        let mut entries = walk.table(raw, Keys { fields: &[fields::RULE], ..Keys::default() }, &called);
        let Some(name) = name(walk, &mut entries, "rule") else {
            walk.book.left_out_since(mark, &called);
            continue;
        };
        let is_new = seen.is_new(walk, &entries, &name, "rule");
        let base = rules.iter().position(|rule| rule.name.as_str() == name);
        let rule = over(walk, &entries, &name, base.and_then(|at| rules.get(at)).cloned(), raw);
        let matches = matching(walk, raw, inventory);
        let wrong = walk.book.drafts.len() > mark && !is_only_warned(walk, mark);
        match rule.filter(|_| is_new && matches && !wrong && !entries.broken) {
            Some(rule) => match base.and_then(|at| rules.get_mut(at)) {
                Some(slot) => *slot = rule,
                None => rules.push(rule),
            },
            None if base.is_some() => walk.book.left_out_since(mark, &format!("this change of the built-in {called}")),
            None => walk.book.left_out_since(mark, &called),
        }
    }
    rules.retain(|rule| rule.enabled);
    rules
}

fn is_only_warned(walk: &Walk<'_>, mark: usize) -> bool {
    use crate::config::problem::Severity;
    walk.book.drafts.iter().skip(mark).all(|draft| draft.problem.severity == Severity::Warning)
}

fn over(walk: &mut Walk<'_>, entries: &Entries, name: &str, base: Option<RuleSpec>, raw: &Raw) -> Option<RuleSpec> {
    let metric = metric(walk, entries);
    let threshold = match (entries.number("above"), entries.number("below")) {
        (Some(_), Some(_)) => {
            walk.book.error(entries.place_of("below"), "a rule has `above` or `below`, not both", "make two rules");
            return None;
        }
        (Some(above), None) => Some(Threshold::Above(above)),
        (None, Some(below)) => Some(Threshold::Below(below)),
        (None, None) => None,
    };
    let is_base = base.is_some();
    let dropped = entries.flag("enabled") == Some(false);
    let mut rule = base.unwrap_or_else(|| RuleSpec {
        name: RuleName::from(name),
        metric: String::new(),
        threshold: Threshold::Above(0.0),
        clear: None,
        for_ms: 0,
        severity: Severity::P3,
        matches: std::collections::BTreeMap::new(),
        enabled: true,
    });
    if !is_base && !dropped {
        if raw.get("metric").is_none() {
            let help = "or use the name of a built-in rule to change that one";
            walk.book.error(&raw.place, format!("rule `{}` has no `metric`", shown(name)), help);
        }
        if raw.get("above").is_none() && raw.get("below").is_none() {
            walk.book.error(&raw.place, format!("rule `{}` has no limit", shown(name)), "add `above` or `below`");
        }
    }
    if let Some(metric) = metric.ok()? {
        rule.metric = metric;
    }
    if let Some(threshold) = threshold {
        // A limit that moved past the old clear value takes it along.
        rule.clear = rule.clear.filter(|clear| clears(threshold, *clear));
        rule.threshold = threshold;
    }
    if let Some(clear) = entries.number("clear") {
        if !clears(rule.threshold, clear) {
            let (side, limit) = match rule.threshold {
                Threshold::Above(limit) => ("above", limit),
                Threshold::Below(limit) => ("below", limit),
            };
            let what = format!("`clear = {clear}` is on the wrong side of `{side} = {limit}`");
            walk.book.error(entries.place_of("clear"), what, "a rule resolves where the value is good again");
        }
        rule.clear = Some(clear);
    }
    impossible(walk, entries, &rule);
    rule.for_ms = entries.count("for").unwrap_or(rule.for_ms);
    if rule.for_ms > 86_400_000 {
        walk.book.error(entries.place_of("for"), "`for` must be at most 1d", "");
    }
    rule.severity = match entries.text("severity") {
        Some("P1") => Severity::P1,
        Some("P2") => Severity::P2,
        Some("P3") => Severity::P3,
        Some("P4") => Severity::P4,
        _ => rule.severity,
    };
    if entries.node("match").is_some() {
        rule.matches = entries.pairs("match").into_iter().collect();
    }
    rule.enabled = !dropped;
    Some(rule)
}

/// Says when a rule could never fire, or never stop.
fn impossible(walk: &mut Walk<'_>, entries: &Entries, rule: &RuleSpec) {
    let is_percent = METRICS.iter().any(|known| known.name == rule.metric && known.unit == Unit::Percent);
    let (key, limit) = match rule.threshold {
        Threshold::Above(limit) => ("above", limit),
        Threshold::Below(limit) => ("below", limit),
    };
    if is_percent && entries.node(key).is_some() && !(0.0..=100.0).contains(&limit) {
        let what = format!("`{key} = {limit}` cannot be: `{}` is a percentage", rule.metric);
        walk.book.error(entries.place_of(key), what, "from 0 to 100");
    }
}

fn clears(threshold: Threshold, clear: f64) -> bool {
    match threshold {
        Threshold::Above(limit) => clear <= limit,
        Threshold::Below(limit) => clear >= limit,
    }
}

/// A rule measures what this version cannot; it was said.
struct Unmeasured;

/// Reads the metric, if the rule names one.
fn metric(walk: &mut Walk<'_>, entries: &Entries) -> Result<Option<String>, Unmeasured> {
    let Some(metric) = entries.text("metric") else { return Ok(None) };
    let offered = walk.catalog.metrics;
    let known: Vec<&str> = METRICS.iter().map(|known| known.name).collect();
    let known = if offered.is_empty() { &known[..] } else { offered };
    if known.contains(&metric) {
        return Ok(Some(metric.to_owned()));
    }
    let place = entries.place_of("metric");
    if fields::LATER_METRICS.iter().any(|begin| metric.starts_with(begin)) {
        let what = format!("`{}` is not measured by this version: the rule is left out", shown(metric));
        walk.book.warn(place, what, "");
    } else {
        let help = refer(metric, known.iter().copied(), "metrics");
        walk.book.error(place, format!("nothing is measured as `{}`", shown(metric)), help);
    }
    Err(Unmeasured)
}

/// Holds what a rule matches against what there is.
fn matching(walk: &mut Walk<'_>, raw: &Raw, inventory: &Inventory) -> bool {
    let mark = walk.book.drafts.len();
    for (key, value) in raw.get("match").and_then(Raw::table).unwrap_or_default() {
        let Some(text) = value.text() else { continue };
        let names: Vec<String> = match key.name.as_str() {
            "env" => inventory.environments.iter().map(|env| env.name.to_string()).collect(),
            "host" => walk.hosts.iter().map(|(name, _)| name.clone()).collect(),
            "service" => {
                let ids = inventory.services.iter().flat_map(|s| [s.id.service.to_string(), s.id.to_string()]);
                ids.collect()
            }
            label => {
                let labels = || inventory.hosts.iter().flat_map(|host| &host.labels);
                if !labels().any(|(name, value)| name == label && value == text) {
                    let what = format!("no host has the label `{} = \"{}\"`", shown(label), shown(text));
                    let names: Vec<_> =
                        labels().map(|(name, _)| name.as_str()).chain(["env", "host", "service"]).collect();
                    let known = names.contains(&label);
                    let help = if known { String::new() } else { refer(label, names.into_iter(), "labels") };
                    walk.book.warn(&value.place, what, help);
                }
                continue;
            }
        };
        if !names.iter().any(|name| name == text) {
            let help = refer(text, names.iter().map(String::as_str), &format!("{}s", key.name));
            walk.book.error(&value.place, format!("there is no {} `{}`", key.name, shown(text)), help);
        }
    }
    walk.book.drafts.len() == mark || is_only_warned(walk, mark)
}
