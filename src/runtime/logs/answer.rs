//! What was counted, in the words of the console: labels, figures with units, and the terms that step into the filter.
use crate::core::logs::{
    Source, aggregate,
    buffer::Snapshot,
    eval::Fields,
    figures::{bytes, duration, written},
    filter::Stage,
    read::Matches,
    shown::{Counted, Number, Table, Web},
    web,
};

/// Rows of a result, and of each table of the web-server view.
const ROWS: usize = 100;
/// Tables of the web-server view show this many.
const TOP: usize = 20;

/// Works out the filter's last stage.
pub(super) fn stage(stage: &Stage, matches: &Matches, read: Fields<'_>) -> Vec<Counted> {
    let table = aggregate::run(stage, matches, read);
    let size = |row: &aggregate::Row| row.figure.unwrap_or(row.count as f64);
    let most = table.rows.iter().map(size).fold(0.0_f64, f64::max);
    let rows = table.rows.iter().take(ROWS).map(|row| {
        let labels: Vec<String> = row
            .keys
            .iter()
            .map(|key| key.as_ref().map_or_else(|| "?".to_owned(), |key| String::from_utf8_lossy(key).into_owned()))
            .collect();
        let about = if row.estimated { "≈" } else { "" };
        let number = match row.figure {
            None => crate::ui::logs::grouped(row.count),
            Some(figure) => format!("{about}{}", written(figure, table.unit)),
        };
        Counted {
            label: if labels.is_empty() { "all".into() } else { labels.join("  ") },
            number,
            share: if most > 0.0 { (size(row) / most).clamp(0.0, 1.0) } else { 0.0 },
            term: if table.by.is_empty() { String::new() } else { table.term(row).unwrap_or_default() },
        }
    });
    rows.collect()
}

/// Works out what web servers did.
pub(super) fn web(matches: &Matches, snapshot: &Snapshot, read: Fields<'_>, bars: usize) -> Option<Web> {
    let (from, to) = snapshot.extent()?;
    let ask = web::Ask { from, to, bars, limit: TOP, proxies: &[] };
    let view = web::view(&ask, matches, read);
    if view.requests == 0 {
        return Some(Web { caution: "no line here is of a web server's access log".into(), ..Web::default() });
    }
    let failed = view.classes.get(5).copied().unwrap_or(0);
    let share = failed as f64 * 100.0 / view.requests as f64;
    let covered = view.series.iter().filter(|bar| bar.requests > 0).count() as f64 * view.bar_ns as f64 / 1e9;
    let number = |label, value: String, bad| Number { label, value, bad };
    let mut numbers = vec![
        number("requests", crate::ui::logs::grouped(view.requests), false),
        number(
            "per second",
            if covered > 0.0 { format!("{:.1}", view.requests as f64 / covered) } else { "?".into() },
            false,
        ),
        number("5xx", format!("{share:.1}%"), share > 2.0),
    ];
    let classes = [(2, "2xx"), (3, "3xx"), (4, "4xx")];
    numbers.extend(classes.into_iter().map(|(class, label)| {
        number(label, crate::ui::logs::grouped(view.classes.get(class).copied().unwrap_or(0)), false)
    }));
    match view.durations {
        Some(of) => numbers.extend([
            number("p50", duration(of.p50), false),
            number("p95", duration(of.p95), of.p95 > 500_000.0),
            number("p99", duration(of.p99), false),
        ]),
        None => numbers.push(number("latency", "not logged".into(), false)),
    }
    numbers.push(number("sent", view.bytes.map_or_else(|| "?".into(), |sent| bytes(sent as f64)), false));
    let caution = if view.only_proxies {
        "every client is a private address or a proxy: the real clients are not logged".to_owned()
    } else {
        String::new()
    };
    Some(Web { numbers, caution, tables: tables(&view, &snapshot.sources) })
}

fn tables(view: &web::Web, sources: &[Source]) -> Vec<Table> {
    let top = |title, top: &web::Top| {
        items(
            (title, "COUNT"),
            &top.items,
            |item| web::term(top.field, item, false, view, sources),
            |item| (crate::ui::logs::grouped(item.count), item.count as f64),
        )
    };
    let slow = |item: &web::Item| {
        let p95 = item.p95_us.unwrap_or(0.0);
        (duration(p95), p95)
    };
    let failing = |item: &web::Item| (crate::ui::logs::grouped(item.errors), item.errors as f64);
    vec![
        top("Paths", &view.paths),
        items(("Failing most", "5XX"), &view.failing, |item| web::term("path", item, true, view, sources), failing),
        items(("Slowest", "P95"), &view.slowest, |item| web::term("path", item, false, view, sources), slow),
        top("Clients", &view.clients),
        top("Agents", &view.agents),
        top("Referrers", &view.referers),
        top("Hosts", &view.hosts),
    ]
}

fn items(
    (title, head): (&'static str, &'static str),
    items: &[web::Item],
    term: impl Fn(&web::Item) -> Option<String>,
    size: impl Fn(&web::Item) -> (String, f64),
) -> Table {
    let most = items.iter().map(|item| size(item).1).fold(0.0_f64, f64::max);
    let rows = items.iter().map(|item| {
        let (number, value) = size(item);
        let text = String::from_utf8_lossy(&item.value).into_owned();
        let share = if most > 0.0 { value / most } else { 0.0 };
        Counted { label: text, number, share, term: term(item).unwrap_or_default() }
    });
    Table { title, head, rows: rows.collect() }
}

/// How often the values of a field come.
pub(super) fn shares(name: &str, matches: &Matches, read: Fields<'_>) -> aggregate::Table {
    aggregate::run(&Stage::Top { limit: SHARED, field: name.to_owned() }, matches, read)
}

/// Values of a field that are told apart for shares.
const SHARED: usize = 1_000;
