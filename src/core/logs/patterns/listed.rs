//! Patterns as the console lists them.
use std::{cmp::Reverse, collections::HashSet};

use super::{Novelty, Period, TemplateId, Templates};
use crate::core::logs::{
    Level, Nanos, Source,
    filter::{self, Expr, Term},
    shown::{self, Pattern},
};

/// Bars of a pattern's trend.
const BARS: usize = 8;
/// What is seen this soon after the first line of all was there before: nobody knows since when.
const KNOWN_NS: i64 = 60 * Nanos::SECOND;

/// Lists the patterns of what is here: what is new and grave first, then what stopped, then by count. `sources` are those that
/// the templates were counted for, by their numbers.
pub fn listed(templates: &Templates, sources: &[Source], novelty: &Novelty, period: Period) -> Vec<Pattern> {
    let new: HashSet<TemplateId> = novelty.new.iter().map(|new| new.template).collect();
    let gone: HashSet<TemplateId> = novelty.gone.iter().map(|gone| gone.template).collect();
    let first = templates.first().unwrap_or(period.since);
    let pattern = |template: &super::Template| {
        let stats = &template.stats;
        let most = stats.sources.iter().max_by_key(|of| of.count).map(|of| of.source);
        let source = most.and_then(|id| sources.get(usize::from(id.0)));
        let regex = Term::Regex(filter::Pattern { regex: template.regex(), fold: false });
        Pattern {
            id: template.id.to_string(),
            template: template.text.clone(),
            term: Expr::Term(regex).to_string(),
            count: stats.count,
            trend: stats.trend.spread(first, period.until, BARS).into_iter().map(u64::from).collect(),
            first: stats.first.unwrap_or_default(),
            last: stats.last.unwrap_or_default(),
            level: stats.level,
            service: source.map_or_else(String::new, |source| {
                source.service.as_ref().map_or_else(|| source.name.to_string(), |id| id.service.to_string())
            }),
            hue: source.map_or(0, shown::hue),
            new: new.contains(&template.id),
            gone: gone.contains(&template.id),
            known: stats.first.is_none_or(|at| at.0 <= first.0.saturating_add(KNOWN_NS)),
        }
    };
    let mut patterns: Vec<Pattern> = templates.iter().map(pattern).collect();
    patterns.sort_by(|a, b| {
        let grave = |of: &Pattern| (!of.new, !of.gone, Reverse(of.level.max(Level::Info)), Reverse(of.count));
        grave(a).cmp(&grave(b)).then_with(|| a.id.cmp(&b.id))
    });
    patterns
}
