//! Rows that more than one view has: services, hosts, alerts, incidents, timelines, updates.
use crate::config::theme::Role;
use crate::core::{
    alerts::Severity,
    screen::order::Order,
    services::{Health, days::Cells},
};

use super::{
    glyphs::Glyphs,
    show::{AlertRow, HostRow, IncidentRow, Level, ServiceRow, TimelineRow, Tone, UpdateRow, Value},
    style::{Extra, Ink},
    widgets::{
        bars,
        spark::{self, Limits},
        table::Column,
    },
    words::Words,
};

/// Finds the column that an order sorts by.
pub fn sorted(columns: &[Column], heads: &[(Order, &str)], order: Option<Order>) -> Option<usize> {
    let (_, head) = heads.iter().find(|(by, _)| Some(*by) == order)?;
    columns.iter().position(|column| column.head == *head)
}

/// How many cells a whole history of a host has.
pub const HISTORY: usize = 60;
/// From which percentage of CPU a cell of history is amber and red.
pub const CPU_LIMITS: Limits = Limits { warn: Some(80.0), hard: Some(90.0) };
/// The same for memory.
pub const MEMORY_LIMITS: Limits = Limits { warn: Some(85.0), hard: Some(95.0) };

/// Returns the state's word as it stands in lists.
pub fn health_word(health: Health) -> &'static str {
    match health {
        Health::Up => "UP",
        Health::Degraded => "DEGR",
        Health::Down => "DOWN",
        Health::Maintenance => "MNT",
        Health::Unknown => "STALE",
    }
}

/// Returns the role of a state.
pub fn health_role(health: Health) -> Role {
    match health {
        Health::Up => Role::Ok,
        Health::Degraded => Role::Degraded,
        Health::Down => Role::Down,
        Health::Maintenance => Role::Maint,
        Health::Unknown => Role::Unknown,
    }
}

/// Writes a state's sign.
pub fn health_sign(health: Health, glyphs: Glyphs) -> Words {
    Words::of(glyphs.health(health), health_role(health))
}

/// Writes a state's word; DOWN is a pill.
pub fn health(health: Health) -> Words {
    let word = health_word(health);
    match health {
        Health::Down => Words::new().pill(word, Role::Down),
        Health::Degraded => Words::of(format!(" {word}"), Ink::bold(Role::Degraded)),
        Health::Up | Health::Maintenance | Health::Unknown => Words::of(format!(" {word}"), health_role(health)),
    }
}

/// The word of a service that fails and is not down yet.
pub const FAILING: &str = "FAIL";

/// Writes the sign of a service's state.
pub fn service_sign(row: &ServiceRow, glyphs: Glyphs) -> Words {
    health_sign(if row.failing.is_some() { Health::Degraded } else { row.health }, glyphs)
}

/// Writes the word of a service's state in a list: six columns.
pub fn service_word(row: &ServiceRow) -> Words {
    if row.failing.is_some() { Words::of(format!(" {FAILING}"), Ink::bold(Role::Degraded)) } else { health(row.health) }
}

/// Writes how near a service is to being down: `2 of 3`.
pub fn failing(row: &ServiceRow) -> Option<Words> {
    let (failures, of) = row.failing?;
    Some(Words::of(format!("{failures} of {of}"), Ink::bold(Role::Degraded)))
}

/// Writes a severity: P1 is a pill, P2 bold, P3 plain, P4 dim. Four columns.
pub fn severity(severity: Severity) -> Words {
    match severity {
        Severity::P1 => Words::new().pill("P1", Role::Down),
        Severity::P2 => Words::of(" P2 ", Ink::bold(Role::Degraded)),
        Severity::P3 => Words::of(" P3 ", Role::Text),
        Severity::P4 => Words::of(" P4 ", Role::Dim),
    }
}

/// Writes a number; a missing one is `?`, one over its limit is bold.
pub fn value(value: &Value) -> Words {
    match (&value.text, value.level) {
        (None, _) => Words::of("?", Role::Unknown),
        (Some(text), Level::Quiet | Level::Fine) => Words::of(text.clone(), value.level.role()),
        (Some(text), Level::Warn | Level::Bad) => Words::of(text.clone(), Ink::bold(value.level.role())),
    }
}

/// Writes who owns something; `nobody` is loud.
pub fn owner(owner: Option<&str>) -> Words {
    match owner {
        Some(owner) => Words::of(owner.to_owned(), Role::Dim),
        None => Words::of("nobody", Ink::bold(Role::Degraded)),
    }
}

/// How the list of services is laid out in a pane of some width.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServiceLayout {
    /// Cells of a bar.
    pub cells: Cells,
    /// Column of the pane where the bars begin.
    pub bars_at: u16,
    /// Width of the names.
    pub name: u16,
    /// Whether all four percentages, latency and next check fit.
    pub wide: bool,
    /// Whether the time down today fits.
    pub today: bool,
}

/// Lays the list of services out.
pub fn service_layout(rows: &[ServiceRow], inner: u16, glyphs: Glyphs) -> ServiceLayout {
    let longest = rows.iter().map(|row| super::words::width(&row.name)).max().unwrap_or(0);
    let sign = glyphs.health_width();
    // Cursor, blank, sign, blank before the name; the word with its blanks; blank, bars, blank, percentage, blank.
    let around = |cells: Cells| 2 + sign + 1 + 6 + 1 + u16::try_from(cells.count()).unwrap_or(90) + 1 + 6 + 1;
    // A name that cannot be told from another is worth more than a day of its own for each cell.
    let wanted = u16::try_from(longest.clamp(4, 26)).unwrap_or(26);
    let widest = Cells::for_width(inner);
    let fits = |cells: &Cells| around(*cells) + wanted <= inner;
    let folded =
        [Cells::Ninety, Cells::FortyFive, Cells::Thirty].into_iter().filter(|cells| cells.days() >= widest.days());
    let cells = folded.into_iter().find(fits).unwrap_or(Cells::Thirty);
    let fixed = around(cells);
    let name = wanted.min(inner.saturating_sub(fixed).max(4));
    ServiceLayout {
        cells,
        bars_at: 2 + sign + 1 + name + 6 + 1,
        name,
        wide: inner >= fixed + name + 60,
        today: inner >= fixed + name + 6,
    }
}

/// Returns the columns of the list of services.
pub fn service_columns(layout: ServiceLayout, glyphs: Glyphs) -> Vec<Column> {
    let bars = u16::try_from(layout.cells.count()).unwrap_or(90);
    let mut columns = vec![
        Column::text("", glyphs.health_width()).gap(2),
        Column::text("", layout.name),
        Column::text("", 6).gap(0),
        Column::text("", bars),
    ];
    if layout.wide {
        columns.extend([
            Column::number("24h %", 7).gap(2),
            Column::number("7d %", 7),
            Column::number("30d %", 7),
            Column::number("90d %", 7),
            Column::number("today", 6).gap(2),
            Column::text("latency", 20).gap(2),
            Column::number("", 8),
            Column::number("next", 5).rank(1),
        ]);
    } else {
        columns.push(Column::number("90d %", 6));
        if layout.today {
            columns.push(Column::text("down", 5));
        }
    }
    columns
}

/// Cuts a service's name so that the environment can still be told: the service gives first, down to three columns, and
/// whatever was cut ends in `…`: `sat…@staging`, `sat…@st…`.
pub fn fit(name: &str, columns: usize) -> String {
    use super::words::{cut, width};
    let Some((service, env)) = name.split_once('@').filter(|_| width(name) > columns) else {
        return name.to_owned();
    };
    let service = cut(service, columns.saturating_sub(width(env) + 1).max(4));
    let room = columns.saturating_sub(width(&service) + 1);
    format!("{service}@{}", cut(env, room))
}

/// Writes a service.
pub fn service(row: &ServiceRow, layout: ServiceLayout, glyphs: Glyphs) -> Vec<Words> {
    let loud = matches!(row.health, Health::Down | Health::Degraded) || row.failing.is_some();
    let name = if loud { Ink::of(Role::Strong) } else { Ink::of(Role::Text) };
    let name = if row.health == Health::Down { name.extra(Extra::Bold) } else { name };
    let mut cells = vec![
        service_sign(row, glyphs),
        Words::of(fit(&row.name, usize::from(layout.name)), name),
        service_word(row),
        bars::words(&row.days, layout.cells, glyphs),
    ];
    let [day, week, month, quarter] = &row.percentages;
    if layout.wide {
        let top = row.latency.iter().flatten().copied().fold(1.0_f32, f32::max);
        cells.extend([value(day), value(week), value(month), value(quarter), value(&row.today)]);
        cells.push(spark::words(&row.latency, 20, top, Limits::default(), glyphs));
        // An answer that was none took no time: there is room for how many there were.
        cells.push(failing(row).unwrap_or_else(|| value(&row.took)));
        cells.push(Words::of(row.next.clone(), Role::Faint));
    } else {
        cells.push(value(quarter));
        if layout.today {
            let failing = row.failing.map(|(failures, of)| format!("{failures}/{of}"));
            let failing = failing.map(|text| Words::of(text, Ink::bold(Role::Degraded)));
            cells.push(failing.unwrap_or_else(|| value(&row.today)));
        }
    }
    cells
}

/// Returns the columns of the short list of hosts.
pub fn host_columns() -> Vec<Column> {
    vec![
        Column::text("", 1),
        Column::text("HOST", 8).grow(8),
        Column::text("CPU 10m", 8),
        Column::number("now", 5),
        Column::number("RAM", 4),
        Column::number("DISK", 5).rank(1),
        Column::number("LOAD", 5).grow(2).rank(2),
        Column::number("AGE", 4),
    ]
}

/// Writes a host for the short list.
pub fn host(row: &HostRow, glyphs: Glyphs) -> Vec<Words> {
    let cells = vec![
        host_mark(row),
        Words::of(row.name.clone(), if row.hot { Role::Strong } else { Role::Text }),
        spark::words(&spark::fold(&row.cpu_history, HISTORY, 8), 8, 100.0, CPU_LIMITS, glyphs),
        value(&row.cpu),
        value(&row.memory),
        quiet(&row.disk),
        value(&row.load),
        age(row),
    ];
    if row.stale { stale(cells) } else { cells }
}

/// Returns the columns of the long list of hosts.
pub fn host_columns_wide() -> Vec<Column> {
    vec![
        Column::text("", 1),
        Column::text("HOST", 10).grow(6),
        Column::text("ROLE", 8).rank(4),
        Column::text("CPU", 10).gap(2),
        Column::number("now", 5),
        Column::text("RAM", 10).gap(2).rank(3),
        Column::number("now", 4),
        Column::number("SWAP", 5).rank(5),
        Column::number("DISK", 5),
        Column::number("IO", 5).rank(6),
        Column::number("NET in/out", 12).rank(8),
        Column::number("LOAD/c", 8).gap(2),
        Column::number("UP", 5).rank(7),
        Column::number("AGE", 5),
    ]
}

/// Finds the column that hosts are sorted by.
pub fn host_sorted(columns: &[Column], order: Option<Order>) -> Option<usize> {
    let heads = [
        (Order::Name, "HOST"),
        (Order::Cpu, "CPU"),
        (Order::Cpu, "CPU 10m"),
        (Order::Memory, "RAM"),
        (Order::Disk, "DISK"),
        (Order::Load, "LOAD"),
        (Order::Load, "LOAD/c"),
    ];
    heads.iter().find_map(|head| sorted(columns, &[*head], order))
}

/// Writes a host for the long list.
pub fn host_wide(row: &HostRow, glyphs: Glyphs) -> Vec<Words> {
    let cells = vec![
        host_mark(row),
        Words::of(row.name.clone(), if row.hot { Role::Strong } else { Role::Text }),
        Words::of(row.role.clone(), Role::Dim),
        spark::words(&spark::fold(&row.cpu_history, HISTORY, 10), 10, 100.0, CPU_LIMITS, glyphs),
        value(&row.cpu),
        spark::words(&spark::fold(&row.memory_history, HISTORY, 10), 10, 100.0, MEMORY_LIMITS, glyphs),
        value(&row.memory),
        quiet(&row.swap),
        quiet(&row.disk),
        quiet(&row.io),
        quiet(&row.net),
        value(&row.load),
        quiet(&row.uptime),
        age(row),
    ];
    if row.stale { stale(cells) } else { cells }
}

fn host_mark(row: &HostRow) -> Words {
    match (row.stale, row.hot) {
        (true, _) => Words::of("?", Role::Stale),
        (false, true) => Words::of("!", Ink::bold(Role::Degraded)),
        (false, false) => Words::new(),
    }
}

/// Old numbers are all as quiet as each other, but for the age, which says why.
fn stale(cells: Vec<Words>) -> Vec<Words> {
    let last = cells.len().saturating_sub(1);
    cells.into_iter().enumerate().map(|(at, cell)| if at == last { cell } else { cell.faded(Role::Stale) }).collect()
}

fn quiet(of: &Value) -> Words {
    let level = if of.level == Level::Fine { Level::Quiet } else { of.level };
    value(&Value { text: of.text.clone(), level })
}

fn age(row: &HostRow) -> Words {
    if row.stale {
        Words::of(format!("{}!", row.age), Ink::bold(Role::Degraded))
    } else {
        Words::of(row.age.clone(), Role::Faint)
    }
}

/// Returns the columns of the short list of alerts. Where it is so narrow, who owns an alert says that it fires.
pub fn alert_columns() -> Vec<Column> {
    vec![
        Column::text("SEV", 4),
        Column::number("AGE", 3).grow(2),
        Column::text("TARGET", 4).gap(2).grow(14),
        Column::text("RULE", 10).grow(30),
        Column::number("VALUE", 6),
        Column::text("OWNER", 8).grow(6),
    ]
}

/// Writes an alert for the short list.
pub fn alert(row: &AlertRow) -> Vec<Words> {
    let owner = match row.state.as_str() {
        "resolved" => Words::of("resolved", Role::Dim),
        state if state != "firing" && row.owner.is_none() => Words::of(row.state.clone(), Role::Dim),
        _ => alert_owner(row),
    };
    let cells = vec![
        severity(row.severity),
        Words::of(row.age.clone(), Role::Faint),
        Words::of(row.target.clone(), if row.severity <= Severity::P2 { Role::Strong } else { Role::Text }),
        Words::of(row.rule.clone(), Role::Text),
        value(&row.value),
        owner,
    ];
    if row.state == "resolved" { cells.into_iter().map(|cell| cell.faded(Role::Dim)).collect() } else { cells }
}

fn alert_owner(row: &AlertRow) -> Words {
    match &row.owner {
        None if !row.unowned => Words::new(),
        owned => owner(owned.as_deref()),
    }
}

/// Returns the columns of the long list of alerts.
pub fn alert_columns_wide() -> Vec<Column> {
    vec![
        Column::text("SEV", 4),
        Column::number("AGE", 3).grow(3),
        Column::text("TARGET", 8).gap(2).grow(24),
        Column::text("RULE", 20).grow(30),
        Column::number("VALUE", 6).grow(3),
        Column::text("TREND 10m", 10).gap(2).rank(5),
        Column::text("STATE", 8).gap(2),
        Column::text("INCIDENT", 8).rank(2),
        Column::text("OWNER", 6).grow(10),
        Column::text("NOTE", 11).grow(20).rank(6),
    ]
}

/// Writes an alert for the long list in a pane of this width.
pub fn alert_wide(row: &AlertRow, width: u16, glyphs: Glyphs) -> Vec<Words> {
    let cells = alert_wide_cells(row, width, glyphs);
    if row.state == "resolved" { cells.into_iter().map(|cell| cell.faded(Role::Dim)).collect() } else { cells }
}

fn alert_wide_cells(row: &AlertRow, width: u16, glyphs: Glyphs) -> Vec<Words> {
    let rule = if width >= 100 { format!("{}{}", row.rule, row.lasting) } else { row.rule.clone() };
    vec![
        severity(row.severity),
        Words::of(row.age.clone(), Role::Faint),
        Words::of(row.target.clone(), if row.severity <= Severity::P2 { Role::Strong } else { Role::Text }),
        Words::of(rule, Role::Text),
        value(&row.value),
        spark::words(
            &row.trend,
            10,
            row.trend.iter().flatten().copied().fold(1.0_f32, f32::max),
            Limits::default(),
            glyphs,
        ),
        Words::of(row.state.clone(), Role::Dim),
        Words::of(row.incident.clone(), Role::Dim),
        alert_owner(row),
        Words::of(row.note.clone(), Role::Faint),
    ]
}

/// Returns the columns of the list of incidents.
pub fn incident_columns() -> Vec<Column> {
    vec![
        Column::text("ID", 8),
        Column::text("SEV", 4),
        Column::text("PHASE", 10),
        Column::text("TITLE", 12).grow(48),
        Column::text("SERVICE", 10).rank(3),
        Column::text("OWNER", 8).rank(1),
        Column::number("AGE", 6),
        Column::text("NEXT CLOCK", 21).rank(2),
        Column::text("TICKET", 8).rank(4),
    ]
}

/// Says where an incident is.
pub fn incident_state(row: &IncidentRow) -> (String, Ink) {
    if row.closed {
        ("closed".to_owned(), Ink::of(Role::Dim))
    } else if row.resolved {
        (row.phase.clone(), Ink::of(Role::Ok))
    } else {
        (row.phase.clone(), Ink::bold(Role::Degraded))
    }
}

/// Writes an incident.
pub fn incident(row: &IncidentRow) -> Vec<Words> {
    let (state, ink) = incident_state(row);
    let title = if row.resolved { Role::Dim } else { Role::Text };
    let clock = match &row.clock {
        Some((what, how, late)) => {
            let ink = if *late { Ink::bold(Role::Down) } else { Ink::of(Role::Text) };
            Words::of(format!("{what} "), Role::Dim).add(how.clone(), ink)
        }
        None => Words::of("--", Role::Faint),
    };
    let mut cells = vec![
        Words::of(row.id.clone(), if row.resolved { Ink::of(Role::Dim) } else { Ink::bold(Role::Strong) }),
        severity(row.severity),
        Words::of(state, ink),
        Words::of(row.title.clone(), title),
        Words::of(row.service.clone(), Role::Dim),
        if row.resolved {
            Words::of(row.owner.clone().unwrap_or_default(), Role::Dim)
        } else {
            owner(row.owner.as_deref())
        },
        Words::of(row.age.clone(), Role::Faint),
        clock,
        match row.sync {
            Some((word, Tone::Error)) => Words::of(word, Ink::bold(Role::Down)),
            Some((word, Tone::Warn)) => Words::of(word, Role::Degraded),
            Some((word, Tone::Good)) => Words::of(word, Role::Ok),
            Some((word, Tone::Info)) => Words::of(word, Role::Dim),
            None => Words::of("--", Role::Faint),
        },
    ];
    if row.resolved
        && let Some(cell) = cells.get_mut(1)
    {
        *cell = severity(row.severity).faded(Role::Dim);
    }
    cells
}

/// Returns the columns of a timeline.
pub fn timeline_columns() -> Vec<Column> {
    vec![
        Column::text("AT", 8),
        Column::text("BY", 3).gap(2).grow(7),
        Column::text("", 1),
        Column::text("WHAT", 6).grow(6),
        Column::text("", 10).grow(400),
    ]
}

/// Writes an entry of a timeline.
pub fn timeline(row: &TimelineRow) -> Vec<Words> {
    vec![
        Words::of(row.at.clone(), Role::Faint),
        Words::of(row.by.clone(), Role::Dim),
        tone_sign(row.tone),
        Words::of(row.kind.clone(), Role::Dim),
        Words::of(row.text.clone(), Role::Text),
    ]
}

/// Writes the sign of how something is meant.
pub fn tone_sign(tone: Tone) -> Words {
    match tone {
        Tone::Good => Words::of("✓", Role::Ok),
        Tone::Info => Words::of("·", Role::Dim),
        Tone::Warn => Words::of("!", Ink::bold(Role::Degraded)),
        Tone::Error => Words::of("✗", Ink::bold(Role::Down)),
    }
}

/// Returns the ink of a text that is meant so.
pub fn tone_ink(tone: Tone) -> Ink {
    match tone {
        Tone::Good => Ink::of(Role::Ok),
        Tone::Info => Ink::of(Role::Text),
        Tone::Warn => Ink::bold(Role::Degraded),
        Tone::Error => Ink::bold(Role::Down),
    }
}

/// Returns the columns of the list of status updates.
pub fn update_columns() -> Vec<Column> {
    vec![
        Column::text("AT", 5).grow(7),
        Column::text("BY", 3).grow(7),
        Column::text("STATE", 13).gap(2),
        Column::text("SERVICE", 3).grow(9).rank(1),
        Column::text("TEXT", 10).grow(400),
    ]
}

/// Writes a status update.
pub fn update(row: &UpdateRow) -> Vec<Words> {
    let state = if row.over { Ink::of(Role::Ok) } else { Ink::bold(Role::Degraded) };
    vec![
        Words::of(row.at.clone(), Role::Faint),
        Words::of(row.by.clone(), Role::Dim),
        Words::of(row.state.clone(), state),
        Words::of(if row.service.is_empty() { "all".into() } else { row.service.clone() }, Role::Dim),
        Words::of(row.text.clone(), Role::Text),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_cut_still_says_its_environment() {
        for (name, columns, want) in [
            ("play", 8, "play"),
            ("play@prod", 9, "play@prod"),
            ("play@staging", 9, "play@sta…"),
            ("satellite@staging", 13, "sate…@staging"),
            ("satellite@staging", 9, "sat…@sta…"),
            ("satellite@prod", 9, "sat…@prod"),
        ] {
            assert_eq!(fit(name, columns), want);
        }
    }
}
