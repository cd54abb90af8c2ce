//! What is made of the records that match: `| count by host`, `| top 5 path`, `| p95 dur by service`.
use std::collections::HashMap;

use color_eyre::eyre::eyre;
use serde_json::{Map, Value as Json, json};

use super::{
    desk::Desk,
    input::Stream,
    lines::{self, Read},
};
use crate::{
    cli::setup,
    core::logs::{
        eval::Resolved,
        filter::{Figure, Stage},
        format::Kind,
    },
    parse::sanitise,
};

/// The most groups that are told apart.
const MOST: usize = 1_000_000;

/// The values of the fields that a group is by; none where a record has none.
type Key = Vec<Option<Vec<u8>>>;

/// What is gathered of one group.
#[derive(Default)]
struct Group {
    count: u64,
    values: Vec<f64>,
}

/// Prints the table of a stage.
pub(super) fn print(desk: &Desk, streams: Vec<Stream>, stage: &Stage) -> color_eyre::Result<Read> {
    let (by, measured): (&[String], _) = match stage {
        Stage::Count { by } => (by, None),
        Stage::Top { field, .. } => (std::slice::from_ref(field), None),
        Stage::Measure { figure, field, by } => (by, Some((*figure, field.as_str()))),
    };
    let sources = lines::sources(&streams);
    let mut keys: Vec<Resolved<'_>> = by.iter().map(|name| Resolved::new(name, &sources, &desk.derived)).collect();
    let mut value = measured.map(|(_, name)| Resolved::new(name, &sources, &desk.derived));
    let mut groups: HashMap<Key, Group> = HashMap::new();
    let (mut is_duration, mut too_many) = (false, false);
    let mut key: Key = Vec::new();
    let read = lines::each(desk, streams, |_, run| {
        let text = run.segment.text_once();
        for record in run.matching.iter() {
            let bytes = text.get(run.segment.span(record)).unwrap_or_default();
            key.clear();
            key.extend(keys.iter_mut().map(|field| field.with(&run.segment, record, bytes, |value, _| value.to_vec())));
            if matches!(stage, Stage::Top { .. }) && key.iter().any(Option::is_none) {
                continue;
            }
            let number = match (&mut value, measured) {
                (Some(_), Some((_, "dur"))) => {
                    is_duration = true;
                    Some(run.segment.duration_us(record).map(f64::from))
                }
                (Some(field), _) => Some(
                    field
                        .with(&run.segment, record, bytes, |value, kind| {
                            let number: f64 = std::str::from_utf8(value).ok()?.trim().parse().ok()?;
                            let factor = if let Kind::Duration { micros } = kind {
                                is_duration = true;
                                micros
                            } else {
                                1.0
                            };
                            Some(number * factor).filter(|number| number.is_finite())
                        })
                        .flatten(),
                ),
                (None, _) => None,
            };
            if !groups.contains_key(&key) {
                if groups.len() >= MOST {
                    too_many = true;
                    continue;
                }
                groups.insert(key.clone(), Group::default());
            }
            let Some(group) = groups.get_mut(&key) else { continue };
            match number {
                None => group.count += 1,
                Some(Some(number)) => {
                    group.count += 1;
                    group.values.push(number);
                }
                Some(None) => {}
            }
        }
    });
    if too_many {
        return Err(eyre!("there are more than {MOST} groups\n  group by fewer fields, or filter more"));
    }
    if by.is_empty() {
        groups.entry(Vec::new()).or_default();
    }
    table(desk, stage, by, groups, is_duration)?;
    Ok(read)
}

fn table(
    desk: &Desk,
    stage: &Stage,
    by: &[String],
    groups: HashMap<Key, Group>,
    is_duration: bool,
) -> color_eyre::Result<()> {
    let total: u64 = groups.values().map(|group| group.count).sum();
    let mut rows: Vec<(Key, u64, Option<f64>)> = groups
        .into_iter()
        .filter(|(_, group)| group.count > 0 || by.is_empty())
        .map(|(key, mut group)| {
            let figure =
                if let Stage::Measure { figure, .. } = stage { figure_of(*figure, &mut group.values) } else { None };
            (key, group.count, figure)
        })
        .collect();
    rows.sort_by(|one, other| {
        let figures = other.2.partial_cmp(&one.2).unwrap_or(std::cmp::Ordering::Equal);
        figures.then(other.1.cmp(&one.1)).then_with(|| one.0.cmp(&other.0))
    });
    if let Stage::Top { limit, .. } = stage {
        rows.truncate(*limit);
    }
    let shown = |value: &[u8]| {
        let value = desk.redactor().map_or(value.into(), |redactor| redactor.redact(value));
        String::from_utf8_lossy(&value).into_owned()
    };
    let name = if let Stage::Measure { figure, field, .. } = stage { Some(format!("{figure} {field}")) } else { None };
    if desk.json {
        let data: Vec<Json> = rows
            .iter()
            .map(|(key, count, figure)| {
                let by: Map<String, Json> = by
                    .iter()
                    .zip(key)
                    .map(|(name, value)| (name.clone(), value.as_deref().map(shown).into()))
                    .collect();
                let mut row = json!({ "by": by, "count": count });
                if let (Some(row), Stage::Measure { figure: of, field, .. }) = (row.as_object_mut(), stage) {
                    let unit = if is_duration { "_us" } else { "" };
                    row.insert("figure".into(), of.to_string().into());
                    row.insert("field".into(), field.clone().into());
                    row.insert(format!("value{unit}"), figure.map_or(Json::Null, Json::from));
                }
                row
            })
            .collect();
        let all = json!({ "schema": "qd.logs.stage/1", "at": desk.at, "data": data });
        return setup::print(&format!("{all}\n"));
    }
    let mut lines = Vec::with_capacity(rows.len() + 1);
    let mut head: Vec<String> = name.iter().map(|name| name.to_uppercase()).collect();
    head.push("COUNT".into());
    if matches!(stage, Stage::Top { .. }) {
        head.push("SHARE".into());
    }
    head.extend(by.iter().map(|name| name.to_uppercase()));
    if head.len() > 1 {
        lines.push(head);
    }
    for (key, count, figure) in rows {
        let mut line = Vec::new();
        if name.is_some() {
            line.push(figure.map_or_else(|| "?".to_owned(), |value| written(value, is_duration)));
        }
        line.push(count.to_string());
        if matches!(stage, Stage::Top { .. }) {
            line.push(format!("{:.1}%", count as f64 * 100.0 / total.max(1) as f64));
        }
        line.extend(
            key.iter()
                .map(|value| value.as_deref().map_or_else(|| "?".to_owned(), |value| sanitise::line(shown(value)))),
        );
        lines.push(line);
    }
    setup::print(&setup::table(&lines))
}

/// Works out a figure; none of no values.
fn figure_of(figure: Figure, values: &mut [f64]) -> Option<f64> {
    if values.is_empty() {
        return None;
    }
    let sum = values.iter().sum::<f64>();
    Some(match figure {
        Figure::Quantile(tenths) => {
            // The smallest value that at least so many are not above.
            let rank = (values.len() * usize::from(tenths)).div_ceil(1_000).max(1) - 1;
            *values.select_nth_unstable_by(rank, f64::total_cmp).1
        }
        Figure::Average => sum / values.len() as f64,
        Figure::Least => values.iter().copied().fold(f64::INFINITY, f64::min),
        Figure::Most => values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        Figure::Sum => sum,
    })
}

/// Writes a figure with its unit.
fn written(value: f64, is_duration: bool) -> String {
    if !is_duration {
        return format!("{value:.3}").trim_end_matches('0').trim_end_matches('.').to_owned();
    }
    match value {
        micros if micros < 1_000.0 => format!("{micros:.0}us"),
        micros if micros < 1_000_000.0 => format!("{:.1}ms", micros / 1_000.0),
        micros => format!("{:.2}s", micros / 1_000_000.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_a_value_that_was_there() {
        let of = |tenths, values: &[f64]| figure_of(Figure::Quantile(tenths), &mut values.to_vec()).unwrap_or(f64::NAN);
        let close = |left: f64, right: f64| (left - right).abs() < 1e-9;
        assert!(close(of(950, &[1.0, 2.0, 3.0, 4.0]), 4.0));
        assert!(close(of(500, &[4.0, 3.0, 2.0, 1.0]), 2.0));
        assert!(close(of(1, &[4.0, 3.0]), 3.0));
        assert!(figure_of(Figure::Average, &mut []).is_none());
    }
}
