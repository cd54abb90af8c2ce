//! NEW and GONE: which templates began after a moment, and which stopped.
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{BySource, Memory, Template, TemplateId, Templates, memory::by_scope};
use crate::core::logs::{Nanos, SourceId};

/// A silence counts when it would come by chance once in a thousand times: e^-7.
const UNLIKELY: f64 = 7.0;
/// How many stretches of time a template was seen in at least before it can be missed.
const STEADY: usize = 5;
/// How many records of it at least.
const ENOUGH: u64 = 8;

/// Which time is compared with which.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    /// What began or stopped after it: a deploy, a mark.
    pub since: Nanos,
    /// Now, or the moment that is looked at.
    pub until: Nanos,
    /// What was not seen from here to `since` is new again; some days before `since`.
    pub remember_from: Nanos,
}

/// A template that began.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct New {
    /// Which.
    pub template: TemplateId,
    /// In which scopes it is new, by name.
    pub scopes: Vec<Arc<str>>,
    /// When it was first seen there.
    pub first: Nanos,
}

/// A template that stopped.
#[derive(Clone, Debug, PartialEq)]
pub struct Gone {
    /// Which; of those known from memory alone [`Templates::get`] knows nothing.
    pub template: TemplateId,
    /// Its words and marks.
    pub outline: String,
    /// The scope; none when it was told by the buffer over all scopes.
    pub scope: Option<Arc<str>>,
    /// When it was seen last.
    pub last: Nanos,
    /// Records an hour that it had.
    pub rate: f64,
}

/// What changed.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Novelty {
    /// What began, the earliest first.
    pub new: Vec<New>,
    /// What stopped, what was most frequent first.
    pub gone: Vec<Gone>,
    /// Scopes of which nothing is known from before: nothing can be said to be new there.
    pub unproven: Vec<Arc<str>>,
}

impl Novelty {
    /// Compares what was logged after a moment with what was before.
    pub fn of(templates: &Templates, period: Period, memory: &Memory, scope_of: impl Fn(SourceId) -> Arc<str>) -> Self {
        let found: Vec<(&Template, BTreeMap<Arc<str>, BySource>)> =
            templates.iter().map(|template| (template, by_scope(&template.stats, &scope_of))).collect();
        let mut spans: BTreeMap<Arc<str>, BySource> = BTreeMap::new();
        for (scope, stats) in found.iter().flat_map(|(_, scopes)| scopes) {
            spans.entry(scope.clone()).and_modify(|sum| sum.merge(stats)).or_insert(*stats);
        }
        let proven: BTreeSet<&Arc<str>> = spans
            .iter()
            .filter(|(scope, span)| {
                span.first.is_some_and(|first| first < period.since)
                    || memory.begins(scope).is_some_and(|at| at < period.since.timestamp())
            })
            .map(|(scope, _)| scope)
            .collect();
        let mut novelty = Self {
            unproven: spans.keys().filter(|scope| !proven.contains(scope)).cloned().collect(),
            ..Self::default()
        };
        for (template, scopes) in &found {
            let is_new = |(scope, stats): &(&Arc<str>, &BySource)| {
                proven.contains(scope)
                    && stats.first.is_some_and(|first| first >= period.since && first <= period.until)
                    && memory.knew(scope, template, period.remember_from, period.since).is_none()
            };
            let new: Vec<_> = scopes.iter().filter(is_new).collect();
            if let Some(first) = new.iter().filter_map(|(_, stats)| stats.first).min() {
                let scopes = new.into_iter().map(|(scope, _)| scope.clone()).collect();
                novelty.new.push(New { template: template.id, scopes, first });
            }
            // A source that fell silent, or that cannot be reached, stops all its templates; that is not told here.
            let heard = scopes.keys().filter_map(|scope| spans.get(scope)?.last).min();
            if let Some(heard) = heard
                && let Some(gone) = gone(template, period, heard)
            {
                novelty.gone.push(gone);
            }
        }
        novelty.remembered(&found, &spans, period, memory);
        novelty.new.sort_by(|a, b| a.first.cmp(&b.first).then(a.template.cmp(&b.template)));
        novelty.gone.sort_by(|a, b| b.rate.total_cmp(&a.rate).then(a.template.cmp(&b.template)));
        novelty
    }

    /// Adds what stopped and is no longer in the buffer at all.
    fn remembered(
        &mut self,
        found: &[(&Template, BTreeMap<Arc<str>, BySource>)],
        spans: &BTreeMap<Arc<str>, BySource>,
        period: Period,
        memory: &Memory,
    ) {
        for (scope, span) in spans {
            let (Some(first), Some(last)) = (span.first, span.last) else { continue };
            let (from, until) = (first.max(period.since), last.min(period.until));
            let here: Vec<&Template> =
                found.iter().filter(|(_, scopes)| scopes.contains_key(scope)).map(|(template, _)| *template).collect();
            for known in memory.of(scope) {
                let seen = Nanos::from(known.last_seen);
                let missed = hours(from, until) * known.rate;
                // Gone before the moment already: not news.
                let was_there = hours(seen, period.since) * known.rate < UNLIKELY;
                if known.count >= ENOUGH
                    && missed >= UNLIKELY
                    && was_there
                    && seen < from
                    && !here.iter().any(|template| template.id == known.template || template.is_akin(&known.outline))
                {
                    self.gone.push(Gone {
                        template: known.template,
                        outline: known.outline.clone(),
                        scope: Some(scope.clone()),
                        last: seen,
                        rate: known.rate,
                    });
                }
            }
        }
    }
}

/// Whether a template was steady before the moment, was still there at it, and is silent for too long by now.
fn gone(template: &Template, period: Period, heard: Nanos) -> Option<Gone> {
    let last = template.stats.last?;
    let until = period.until.min(heard);
    let width = template.stats.trend.width().0;
    let before: Vec<(Nanos, u32)> =
        template.stats.trend.series().filter(|(at, count)| *count > 0 && *at < period.since).collect();
    let (first, latest) = (before.first()?.0, before.last()?.0);
    let count: u64 = before.iter().map(|(_, count)| u64::from(*count)).sum();
    if before.len() < STEADY || count < ENOUGH {
        return None;
    }
    let gaps = before.iter().zip(before.iter().skip(1)).map(|((a, _), (b, _))| b.0 - a.0);
    let longest = gaps.max().unwrap_or(width);
    // Stretches of time with any record of it come more evenly than records: one failure logs ten at once.
    let mean = (latest.0 - first.0) as f64 / (before.len() - 1) as f64;
    let silence = (mean * UNLIKELY).max(longest as f64 * 2.0);
    let was_there = ((period.since.0 - last.0) as f64) < silence;
    let is_silent = (until.0.saturating_sub(last.0.max(period.since.0.min(last.0 + width)))) as f64 >= silence;
    let length = hours(first, Nanos(latest.0.saturating_add(width)));
    (was_there && is_silent).then(|| Gone {
        template: template.id,
        outline: template.outline.clone(),
        scope: None,
        last,
        rate: if length > 0.0 { count as f64 / length } else { 0.0 },
    })
}

fn hours(from: Nanos, until: Nanos) -> f64 {
    until.0.saturating_sub(from.0).max(0) as f64 / (3600.0 * Nanos::SECOND as f64)
}
