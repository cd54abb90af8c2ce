//! Which templates a service logged in the last days, so that "new" does not mean new on this screen.
use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use super::{Stats, Template, TemplateId, Templates};
use crate::core::{
    logs::{Level, Nanos, SourceId},
    time::Timestamp,
};

/// The most templates of one scope that are remembered; beyond, those that were not seen for longest go.
const PER_SCOPE: usize = 5_000;
const HOUR: f64 = 3_600_000.0;

/// A template that was seen in some scope.
#[derive(Clone, Debug, PartialEq)]
pub struct KnownPattern {
    /// Whose it is: a service (`play@prod`), or the name of a source without one.
    pub scope: Arc<str>,
    /// Its number.
    pub template: TemplateId,
    /// Its words and marks, as [`Template::outline`]; redacted before it is stored.
    pub outline: String,
    /// Its gravest level.
    pub level: Level,
    /// When it was seen first.
    pub first_seen: Timestamp,
    /// When it was seen last.
    pub last_seen: Timestamp,
    /// How many records, of what one console had in memory at once at most.
    pub count: u64,
    /// Records an hour while it was seen; zero when it was seen once.
    pub rate: f64,
}

/// What is remembered of every scope.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    scopes: HashMap<Arc<str>, HashMap<TemplateId, KnownPattern>>,
    changed: BTreeSet<(Arc<str>, TemplateId)>,
}

impl Memory {
    /// Makes a memory of what the store has. What it says of the same template twice is put together.
    pub fn load(rows: impl IntoIterator<Item = KnownPattern>) -> Self {
        let mut memory = Self::default();
        for row in rows {
            memory.merge(row);
        }
        memory.changed.clear();
        memory
    }

    /// Adds what another console or an earlier day knew.
    pub fn merge(&mut self, row: KnownPattern) {
        let key = (row.scope.clone(), row.template);
        let scope = self.scopes.entry(row.scope.clone()).or_default();
        match scope.get_mut(&row.template) {
            None => {
                scope.insert(row.template, row);
                self.changed.insert(key);
            }
            Some(known) => {
                let before = known.clone();
                known.level = known.level.max(row.level);
                known.first_seen = known.first_seen.min(row.first_seen);
                if row.last_seen >= known.last_seen {
                    known.last_seen = row.last_seen;
                    known.rate = row.rate;
                }
                known.count = known.count.max(row.count);
                if *known != before {
                    self.changed.insert(key);
                }
            }
        }
    }

    /// Learns what a miner found. Templates without a time are not learnt.
    pub fn learn(&mut self, templates: &Templates, scope_of: impl Fn(SourceId) -> Arc<str>) {
        for template in templates {
            for (scope, stats) in by_scope(&template.stats, &scope_of) {
                let (Some(first), Some(last)) = (stats.first, stats.last) else { continue };
                let (first_seen, last_seen) = (first.timestamp(), last.timestamp());
                let hours = (last_seen.0 - first_seen.0) as f64 / HOUR;
                self.merge(KnownPattern {
                    scope,
                    template: template.id,
                    outline: template.outline.clone(),
                    level: template.stats.level,
                    first_seen,
                    last_seen,
                    count: stats.count,
                    rate: if hours > 0.0 { stats.count.saturating_sub(1) as f64 / hours } else { 0.0 },
                });
            }
        }
        for (scope, known) in &mut self.scopes {
            if known.len() > PER_SCOPE {
                let mut ages: Vec<(Timestamp, TemplateId)> =
                    known.values().map(|k| (k.last_seen, k.template)).collect();
                ages.sort_unstable();
                for (_, template) in ages.into_iter().take(known.len() - PER_SCOPE) {
                    known.remove(&template);
                    self.changed.remove(&(scope.clone(), template));
                }
            }
        }
    }

    /// Returns what is to be stored since the last call, with the outlines redacted.
    pub fn changed(&mut self, redact: impl Fn(&str) -> String) -> Vec<KnownPattern> {
        let changed = std::mem::take(&mut self.changed);
        let known = changed.iter().filter_map(|(scope, id)| self.scopes.get(scope)?.get(id));
        known.map(|known| KnownPattern { outline: redact(&known.outline), ..known.clone() }).collect()
    }

    /// Finds a template, or one that covers it or that it covers, that a scope logged before a moment.
    ///
    /// A template that became wider or narrower since, because more or fewer of its words were seen, is still known.
    pub fn knew(&self, scope: &str, template: &Template, from: Nanos, before: Nanos) -> Option<&KnownPattern> {
        let known = self.scopes.get(scope)?;
        let (from, before) = (from.timestamp(), before.timestamp());
        let then = |known: &&KnownPattern| known.first_seen < before && known.last_seen >= from;
        let exact = known.get(&template.id);
        exact.filter(then).or_else(|| {
            let mut alike: Vec<&KnownPattern> =
                known.values().filter(then).filter(|known| template.is_akin(&known.outline)).collect();
            alike.sort_unstable_by_key(|known| known.template);
            alike.first().copied()
        })
    }

    /// Returns when a scope was first watched, as far as is remembered.
    pub fn begins(&self, scope: &str) -> Option<Timestamp> {
        self.scopes.get(scope)?.values().map(|known| known.first_seen).min()
    }

    /// Returns what is known of a scope.
    pub fn of(&self, scope: &str) -> impl Iterator<Item = &KnownPattern> {
        self.scopes.get(scope).into_iter().flat_map(HashMap::values)
    }
}

/// Adds up a template's counts by scope, in the order of the scopes' names.
pub(super) fn by_scope(
    stats: &Stats,
    scope_of: &impl Fn(SourceId) -> Arc<str>,
) -> std::collections::BTreeMap<Arc<str>, super::BySource> {
    let mut scopes: std::collections::BTreeMap<Arc<str>, super::BySource> = std::collections::BTreeMap::new();
    for source in &stats.sources {
        scopes.entry(scope_of(source.source)).and_modify(|sum| sum.merge(source)).or_insert(*source);
    }
    scopes
}
