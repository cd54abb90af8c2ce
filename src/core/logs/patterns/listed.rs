//! Patterns as the console lists them.
use std::{cmp::Reverse, collections::HashSet};

use super::{Novelty, Period, TemplateId, Templates};
use crate::core::logs::{
    Level, Nanos, Source, SourceId,
    filter::{self, Expr, Term},
    shown::{self, Pattern},
};

/// Bars of a pattern's trend.
pub(super) const BARS: usize = 8;
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
        let (service, hue) = services(stats.sources.iter().map(|of| (of.source, of.count)), sources);
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
            service,
            hue,
            new: new.contains(&template.id),
            gone: gone.contains(&template.id),
            known: stats.first.is_none_or(|at| at.0 <= first.0.saturating_add(KNOWN_NS)),
        }
    };
    let mut patterns: Vec<Pattern> = templates.iter().map(pattern).collect();
    sort(&mut patterns);
    patterns
}

/// Puts what is new and grave first, then what stopped, then by count.
pub(super) fn sort(patterns: &mut [Pattern]) {
    patterns.sort_by(|a, b| {
        let grave = |of: &Pattern| (!of.new, !of.gone, Reverse(of.level.max(Level::Info)), Reverse(of.count));
        grave(a).cmp(&grave(b)).then_with(|| a.id.cmp(&b.id))
    });
}

/// Names the service that most lines are of, and how many others there are: `play +2`; with the hue of the one that is named.
pub(super) fn services(counts: impl IntoIterator<Item = (SourceId, u64)>, sources: &[Source]) -> (String, usize) {
    let mut services: Vec<(&str, u64, usize)> = Vec::new();
    for (id, count) in counts {
        let Some(source) = sources.get(usize::from(id.0)) else { continue };
        let name = source.service.as_ref().map_or(&*source.name, |id| id.service.as_str());
        match services.iter_mut().find(|(known, ..)| *known == name) {
            Some((_, known, _)) => *known += count,
            None => services.push((name, count, shown::hue(source))),
        }
    }
    let Some((name, _, hue)) = services.iter().max_by_key(|(name, count, _)| (*count, Reverse(*name))) else {
        return (String::new(), 0);
    };
    let others = services.len() - 1;
    (if others == 0 { (*name).to_owned() } else { format!("{name} +{others}") }, *hue)
}
