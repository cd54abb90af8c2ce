//! The overview: what is up and what is not, within a second.
use super::{
    canvas::Canvas,
    page::{self, Band, Focus, LayoutFacts, Pane, Part},
    rows::{self, ServiceLayout},
    show::{AlertRow, HostRow, IncidentRow, ServiceRow, Surround, UpdateRow},
    style::Ink,
    widgets::{bars, frame::Frame, table::Table},
    words::Words,
};
use crate::config::theme::Role;
use crate::ui::glyphs::Glyphs;

/// What the overview shows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Overview {
    /// Services, worst first.
    pub services: Vec<ServiceRow>,
    /// Hosts, hottest first.
    pub hosts: Vec<HostRow>,
    /// Alerts that are not resolved, worst first.
    pub alerts: Vec<AlertRow>,
    /// The worst open incident.
    pub incident: Option<IncidentRow>,
    /// Status updates, newest first.
    pub updates: Vec<UpdateRow>,
    /// Until the next check of any service: `23s`.
    pub next: String,
    /// Whether history of 90 days is still being read.
    pub reading: bool,
    /// What the list of services says when it has none.
    pub no_services: String,
}

/// Says whether a screen is too small for frames; then counts and the P1 line are said in words.
pub fn too_small(width: u16, height: u16) -> bool {
    width < 60 || height < 18
}

/// Draws the overview between line 1 and the last line.
pub fn draw(canvas: &mut Canvas<'_>, of: &Overview, focus: Focus, facts: &mut LayoutFacts) {
    let (wide, high) = (canvas.width(), canvas.height());
    let glyphs = canvas.look.glyphs;
    let services = || services(of, focus, wide, glyphs).focus(focus.pane);
    let hosts = || hosts(of, focus, wide, glyphs).focus(focus.pane);
    let alerts = || alerts(of, focus, wide, glyphs).focus(focus.pane);
    let updates = || updates(of, focus).focus(focus.pane);
    if focus.zoomed || wide < 80 || high < 21 {
        // List only: the focused pane, all of it.
        let pane = match focus.pane {
            2 => hosts(),
            3 => alerts(),
            4 => incident(of, focus, wide).focus(4),
            5 => updates(),
            _ => services(),
        };
        page::draw(canvas, &[Band::new(vec![pane], 0).grow(1)], facts);
        return;
    }
    let strip = of.incident.is_some().then(|| Band::new(vec![incident(of, focus, wide).focus(focus.pane)], 5));
    let mut bands = Vec::new();
    if wide >= 190 {
        bands.push(Band::new(vec![services()], 6));
        bands.extend(strip);
        bands.push(Band::new(vec![hosts(), alerts(), updates()], 7).grow(1));
    } else if wide >= 120 {
        bands.push(Band::new(vec![services()], 6));
        bands.push(Band::new(vec![hosts(), alerts()], 6).grow(1));
        bands.extend(strip);
        bands.push(Band::new(vec![updates()], 4).rank(1));
    } else {
        bands.push(Band::new(vec![services()], 6));
        bands.push(Band::new(vec![alerts()], 5).grow(1));
        bands.extend(strip);
        bands.push(Band::new(vec![hosts()], 6).rank(1).grow(1));
        bands.push(Band::new(vec![updates()], 4).rank(2));
    }
    page::draw(canvas, &bands, facts);
}

/// Draws counts and the P1 line in words, for a screen on which nothing else has room.
pub fn draw_small(canvas: &mut Canvas<'_>, of: &Overview, around: &Surround) {
    let count = |health| of.services.iter().filter(|row| row.health == health).count();
    let mut lines = Vec::new();
    if let Some((_, short)) = &around.p1 {
        lines.push(Words::new().pill(&format!("P1 {short}"), Role::Down));
    }
    if let super::show::Second::Global(global) = &around.second {
        let (word, health) = global.verdict();
        lines.push(Words::of(word, Ink::bold(rows::health_role(health))));
    }
    for health in [
        crate::core::services::Health::Down,
        crate::core::services::Health::Degraded,
        crate::core::services::Health::Unknown,
        crate::core::services::Health::Maintenance,
        crate::core::services::Health::Up,
    ] {
        let number = count(health);
        if number > 0 {
            lines.push(
                rows::health_sign(health, canvas.look.glyphs)
                    .text(format!(" {number} "))
                    .add(rows::health_word(health), rows::health_role(health)),
            );
        }
    }
    for row in of.services.iter().filter(|row| row.health == crate::core::services::Health::Down) {
        lines.push(Words::of(format!("{} is down", row.name), Ink::bold(Role::Down)));
    }
    lines.push(Words::of(around.utc.clone(), Role::Dim));
    lines.push(Words::of("60×18 or larger shows more", Role::Faint));
    for (y, line) in (0..).zip(lines) {
        canvas.put(0, y, line);
    }
}

fn services(of: &Overview, focus: Focus, wide: u16, glyphs: Glyphs) -> Pane {
    let inner = wide.saturating_sub(2);
    let layout = rows::service_layout(&of.services, inner, glyphs);
    let frame = Frame::new(1, "Services").legend(bars::legend(glyphs)).fact(services_fact(of, layout));
    if of.services.is_empty() {
        let says = if of.no_services.is_empty() {
            "no services configured: add [[service]] to qd.toml, then ^r".to_owned()
        } else {
            of.no_services.clone()
        };
        let mut pane = Pane::new(frame, vec![Part::Text(says, Role::Dim)]);
        pane.want = Some(6);
        return pane;
    }
    let table = Table {
        columns: rows::service_columns(layout, glyphs),
        rows: of.services.iter().map(|row| rows::service(row, layout, glyphs)).collect(),
        heads: false,
        name: 1,
        cursor: Some(focus.cursor),
        first: focus.first,
    };
    Pane::table(frame, table, Words::new()).with(Part::Lines(vec![(axis(layout), Words::new())]))
}

fn services_fact(of: &Overview, layout: ServiceLayout) -> Words {
    let mut fact = Words::new();
    if let Some(says) = bars::cell_says(layout.cells) {
        fact = fact.dim(says);
    } else {
        fact = fact.dim("worst first");
    }
    if of.reading {
        fact = fact.gap(3).add("reading 90 days…", Role::Accent);
    }
    if !of.next.is_empty() {
        fact = fact.gap(3).dim(if of.next == "now" { "next check " } else { "next check in " }).text(of.next.clone());
    }
    fact
}

/// Writes the axis under the bars: where the days begin, marks within, today, and the heads of the columns after.
fn axis(layout: ServiceLayout) -> Words {
    let cells = layout.cells.count();
    let mut line = " ".repeat(usize::from(layout.bars_at)) + "−90d";
    let bars_at = usize::from(layout.bars_at);
    let marks: &[(usize, &str)] = if cells == 90 { &[(60, "−60d"), (30, "−30d")] } else { &[(45, "−45d")] };
    for (back, mark) in marks {
        let at = bars_at + (90 - back) * cells / 90;
        line.push_str(&" ".repeat(at.saturating_sub(super::words::width(&line))));
        line.push_str(mark);
    }
    let end = bars_at + cells;
    let mut words = Words::new();
    line.push_str(&" ".repeat((end - 5).saturating_sub(super::words::width(&line))));
    words = words.dim(line).dim("today");
    if layout.wide {
        words = words.faint("    24h %    7d %   30d %   90d %   today  latency").gap(19).faint("last  next");
    } else {
        words = words.faint("  90d %");
        if layout.today {
            words = words.faint(" down");
        }
    }
    words
}

fn hosts(of: &Overview, focus: Focus, wide: u16, glyphs: Glyphs) -> Pane {
    let hot = of.hosts.iter().filter(|row| row.hot && !row.stale).count();
    let stale = of.hosts.iter().filter(|row| row.stale).count();
    let mut fact = Words::new();
    if hot > 0 {
        fact = fact.add(format!("{hot} hot"), Ink::bold(Role::Degraded));
    }
    if stale > 0 {
        if hot > 0 {
            fact = fact.dim(" · ");
        }
        fact = fact.dim(format!("{stale} stale"));
    }
    let frame = Frame::new(2, "Hosts").fact(fact);
    let roomy = wide >= 100 && (wide < 120 || focus.zoomed);
    let (columns, rows) = if roomy {
        (rows::host_columns_wide(), of.hosts.iter().map(|row| rows::host_wide(row, glyphs)).collect())
    } else {
        (rows::host_columns(), of.hosts.iter().map(|row| rows::host(row, glyphs)).collect())
    };
    let table = Table { columns, rows, heads: true, name: 1, cursor: Some(focus.cursor), first: focus.first };
    Pane::table(frame, table, Words::of("no hosts configured: add [[host]] to qd.toml, then ^r", Role::Dim))
}

fn alerts(of: &Overview, focus: Focus, wide: u16, glyphs: Glyphs) -> Pane {
    let unowned = of.alerts.iter().filter(|row| row.unowned).count();
    let fact =
        if unowned > 0 { Words::of(format!("{unowned} unacked"), Ink::bold(Role::Degraded)) } else { Words::new() };
    let frame = Frame::new(3, "Alerts").fact(fact);
    let roomy = focus.zoomed && wide >= 100;
    let (columns, rows) = if roomy {
        (rows::alert_columns_wide(), of.alerts.iter().map(|row| rows::alert_wide(row, glyphs)).collect())
    } else {
        (rows::alert_columns(), of.alerts.iter().map(rows::alert).collect())
    };
    let table = Table { columns, rows, heads: false, name: 2, cursor: Some(focus.cursor), first: focus.first };
    Pane::table(frame, table, Words::of("nothing fires", Role::Dim))
}

fn incident(of: &Overview, focus: Focus, wide: u16) -> Pane {
    let Some(row) = &of.incident else {
        return Pane::new(
            Frame::new(4, "Incident"),
            vec![Part::Text("no incident is open; i on an alert opens one".into(), Role::Dim)],
        );
    };
    let mut frame = Frame::new(4, "Incident");
    frame.count = rows::severity(row.severity).gap(1).strong(row.id.clone()).gap(2).text(row.title.clone());
    frame.fact = Words::of(row.age.clone(), Role::Dim);
    let mut head =
        Words::of(" taken by ", Role::Dim).join(rows::owner(row.owner.as_deref()).recast(Role::Dim, Role::Text));
    if !row.service.is_empty() {
        head = head.gap(3).dim("service ").text(row.service.clone());
    }
    let next = Words::new().key("Enter", "open").gap(2).key("n", "note").gap(2).key("R", "restart");
    let most = if wide >= 190 { 6 } else { 3 };
    let mut lines = vec![(head, if focus.pane == 4 || wide >= 100 { next } else { Words::new() })];
    for entry in row.last.iter().skip(row.last.len().saturating_sub(most)) {
        let line = Words::of(" ", Role::Text)
            .faint(entry.at.clone())
            .gap(2)
            .dim(super::words::pad(&entry.by, 5))
            .gap(1)
            .join(rows::tone_sign(entry.tone))
            .gap(1)
            .text(entry.text.clone());
        lines.push((line, Words::new()));
    }
    Pane::new(frame, vec![Part::Lines(lines)])
}

fn updates(of: &Overview, focus: Focus) -> Pane {
    let table = Table {
        columns: rows::update_columns(),
        rows: of.updates.iter().map(rows::update).collect(),
        heads: false,
        name: 2,
        cursor: Some(focus.cursor),
        first: focus.first,
    };
    let mut pane =
        Pane::table(Frame::new(5, "Status updates"), table, Words::of("none yet: ", Role::Dim).key("u", "writes one"));
    pane.want = Some(pane.wants().min(7));
    pane
}
