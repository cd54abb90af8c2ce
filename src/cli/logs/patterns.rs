//! What records say again and again.
use std::collections::HashMap;

use serde_json::json;

use super::{
    desk::Desk,
    lines::{Feed, Read},
    printer::rfc3339,
};
use crate::{
    cli::setup,
    core::logs::{
        Source,
        patterns::{Miner, Seen, ShapeId, TemplateId, Templates},
        segment::Flags,
    },
    parse::sanitise,
};

/// Where a record was: its source's number and its first line's.
type Place = (u16, u64);

/// Prints the templates of what matches, most frequent first.
pub(super) fn print(desk: &Desk, feed: Feed, with_lines: bool) -> color_eyre::Result<Read> {
    let sources = feed.sources();
    let (templates, mut of, read) = mine(desk, feed, &sources, with_lines);
    let hidden = |text: &str| match desk.redactor() {
        Some(redactor) => redactor.text(text).into_owned(),
        None => text.to_owned(),
    };
    let mut out = String::new();
    let mut rows = vec![["COUNT", "LEVEL", "FIRST", "LAST", "PATTERN"].map(str::to_owned).to_vec()];
    for template in templates.iter().as_slice() {
        let stats = &template.stats;
        let (first, last) = (stats.first.map(rfc3339), stats.last.map(rfc3339));
        let places = of.remove(&template.id).unwrap_or_default();
        if desk.json {
            let mut one = json!({
                "id": format!("{:016x}", template.id.0),
                "template": hidden(&template.text),
                "count": stats.count,
                "first": first,
                "last": last,
                "level": stats.level.word(),
            });
            if let Some(object) = one.as_object_mut().filter(|_| with_lines) {
                let place = |(source, line): &Place| match sources.get(usize::from(*source)) {
                    Some(source) if sources.len() > 1 => json!({ "path": &*source.path, "line": line }),
                    Some(_) | None => json!(line),
                };
                object.insert("lines".into(), places.iter().map(place).collect());
            }
            out.push_str(&sanitise::json(&one.to_string()));
            out.push('\n');
            continue;
        }
        let short = |at: Option<String>| at.map_or_else(|| "?".to_owned(), |at| at.chars().take(19).collect());
        let text = sanitise::line(hidden(&template.text));
        rows.push(vec![stats.count.to_string(), stats.level.word().to_owned(), short(first), short(last), text]);
        if with_lines {
            let place = |(source, line): &Place| match sources.get(usize::from(*source)) {
                Some(source) if sources.len() > 1 => format!("{}:{line}", source.name),
                Some(_) | None => line.to_string(),
            };
            let all: Vec<String> = places.iter().map(place).collect();
            let mut row = vec![String::new(); 4];
            row.push(format!("lines {}", all.join(", ")));
            rows.push(row);
        }
    }
    if !desk.json && rows.len() > 1 {
        out = setup::table(&rows);
    }
    setup::print(&out)?;
    Ok(read)
}

/// Finds the templates, and where asked for the places of their records.
fn mine(
    desk: &Desk,
    feed: Feed,
    sources: &[Source],
    with_lines: bool,
) -> (Templates, HashMap<TemplateId, Vec<Place>>, Read) {
    let mut miner = Miner::default();
    let mut places: Vec<(ShapeId, Place)> = Vec::new();
    let read = feed.each(desk, |runs| {
        for run in runs {
            let text = run.segment.text_once();
            let (mut line, mut counted) = (run.lines, 0);
            for record in run.matching.iter() {
                let span = run.segment.span(record);
                let bytes = text.get(span.clone()).unwrap_or_default();
                let Some(source) = sources.get(usize::from(run.segment.source(record).0)) else { continue };
                let at = (!run.segment.flags(record).contains(Flags::UNTIMED)).then(|| run.segment.time(record));
                let seen = Seen { at, level: run.segment.level(record), source: source.id, record: miner.records() };
                let shape = miner.add(&source.format.message(bytes), seen);
                if with_lines {
                    let between = text.get(counted..span.start).unwrap_or_default();
                    line += u64::try_from(memchr::memchr_iter(b'\n', between).count()).unwrap_or(0);
                    counted = span.start;
                    places.push((shape, (source.id.0, line + 1)));
                }
            }
        }
    });
    let templates = miner.templates();
    let mut of: HashMap<TemplateId, Vec<Place>> = HashMap::new();
    for (shape, place) in places {
        if let Some(template) = templates.of(shape) {
            of.entry(template.id).or_default().push(place);
        }
    }
    (templates, of, read)
}
