//! What is made of the records that match: `| count by host`, `| top 5 path`, `| p95 dur by service`.
use rayon::prelude::*;
use serde_json::{Map, Value as Json, json};

use super::{
    desk::Desk,
    lines::{Feed, Read},
};
use crate::{
    cli::setup,
    core::logs::{
        aggregate::{Row, Table, Tally, Unit},
        eval::Fields,
        figures::written,
        filter::Stage,
    },
    parse::sanitise,
};

/// Prints the table of a stage.
pub(super) fn print(desk: &Desk, feed: Feed, stage: &Stage) -> color_eyre::Result<Read> {
    let sources = feed.sources();
    // What is read once is not worth a column.
    let read = Fields { sources: &sources, derived: &desk.derived, cache: None };
    let mut all = Tally::default();
    let read = feed.each(desk, |runs| {
        let counted = runs.par_iter().with_max_len(1).map(|run| {
            let mut tally = Tally::default();
            tally.add(stage, (&run.segment, &run.matching), read);
            tally
        });
        all = std::mem::take(&mut all).merge(counted.reduce(Tally::default, Tally::merge));
    });
    let table = all.table(stage);
    if table.beyond > 0 {
        let beyond = table.beyond;
        setup::warn(&format!("qd: {beyond} records are in further groups, which are too many to tell apart"));
    }
    // A table of nothing says nothing of why.
    let field = match stage {
        Stage::Top { field, .. } | Stage::Measure { field, .. } => Some(field),
        Stage::Count { .. } => None,
    };
    if let Some(field) = field.filter(|_| table.records > 0 && table.without == table.records) {
        let records = setup::many(usize::try_from(table.records).unwrap_or(usize::MAX), "record");
        setup::warn(&format!(
            "qd: none of {records} has a `{field}`; `qd formats test FILE` shows which fields there are"
        ));
    }
    if desk.json { as_json(desk, stage, &table) } else { as_text(desk, stage, &table) }?;
    Ok(read)
}

/// A group's value as it may be shown.
fn shown(desk: &Desk, value: &[u8]) -> String {
    let value = desk.redactor().map_or(value.into(), |redactor| redactor.redact(value));
    String::from_utf8_lossy(&value).into_owned()
}

fn as_json(desk: &Desk, stage: &Stage, table: &Table) -> color_eyre::Result<()> {
    let one = |row: &Row| {
        let by: Map<String, Json> = table
            .by
            .iter()
            .zip(&row.keys)
            .map(|(name, value)| (name.clone(), value.as_deref().map(|value| shown(desk, value)).into()))
            .collect();
        let mut object = json!({ "by": by, "count": row.count });
        if let (Some(object), Stage::Measure { figure, field, .. }) = (object.as_object_mut(), stage) {
            let unit = match table.unit {
                Unit::Plain => "value",
                Unit::Micros => "value_us",
                Unit::Bytes => "value_bytes",
            };
            object.insert("figure".into(), figure.to_string().into());
            object.insert("field".into(), field.clone().into());
            object.insert(unit.into(), row.figure.map_or(Json::Null, Json::from));
            object.insert("estimated".into(), row.estimated.into());
        }
        object
    };
    let data: Vec<Json> = table.rows.iter().map(one).collect();
    let all = json!({
        "schema": "qd.logs.stage/1",
        "at": desk.at,
        "data": data,
        "groups": table.groups,
        "records": table.records,
        "without": table.without,
    });
    setup::print(&format!("{all}\n"))
}

fn as_text(desk: &Desk, stage: &Stage, table: &Table) -> color_eyre::Result<()> {
    let measured =
        if let Stage::Measure { figure, field, .. } = stage { Some(format!("{figure} {field}")) } else { None };
    let is_top = matches!(stage, Stage::Top { .. });
    let mut head: Vec<String> = measured.iter().map(|name| name.to_uppercase()).collect();
    head.push("COUNT".into());
    if is_top {
        head.push("SHARE".into());
    }
    head.extend(table.by.iter().map(|name| name.to_uppercase()));
    let mut rows = Vec::with_capacity(table.rows.len() + 1);
    if head.len() > 1 {
        rows.push(head);
    }
    for row in &table.rows {
        let mut cells = Vec::new();
        if measured.is_some() {
            let about = if row.estimated { "≈" } else { "" };
            cells.push(
                row.figure.map_or_else(|| "?".to_owned(), |value| format!("{about}{}", written(value, table.unit))),
            );
        }
        cells.push(row.count.to_string());
        if is_top {
            cells.push(format!("{:.1}%", table.share(row) * 100.0));
        }
        let text = |value: &Option<Vec<u8>>| {
            value.as_deref().map_or_else(|| "?".to_owned(), |value| sanitise::line(shown(desk, value)))
        };
        cells.extend(row.keys.iter().map(text));
        rows.push(cells);
    }
    if rows.is_empty() {
        rows.push(vec!["0".to_owned()]);
    }
    setup::print(&setup::table(&rows))
}
