//! The overview: what is up and what is not, within a second.
use super::{
    canvas::Canvas,
    page::{self, Band, LayoutFacts, Pane, Part, Room},
    rows::{self, ServiceLayout},
    show::{AlertRow, HostRow, IncidentRow, ServiceRow, Surround, UpdateRow},
    style::Ink,
    widgets::{bars, frame::Frame, table::Table},
    words::Words,
};
use crate::config::theme::Role;
use crate::core::{action::Action, screen::order::Order, services::Health};

/// What the overview shows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Overview {
    /// Services, worst first.
    pub services: Vec<ServiceRow>,
    /// Hosts, hottest first.
    pub hosts: Vec<HostRow>,
    /// Alerts that are not resolved, worst first.
    pub alerts: Vec<AlertRow>,
    /// How many incidents are over whose document is not whole.
    pub owed: usize,
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
pub fn draw(canvas: &mut Canvas<'_>, of: &Overview, room: Room<'_>, facts: &mut LayoutFacts) {
    let (wide, high) = (canvas.width(), canvas.height());
    let focus = room.focus;
    let services = || services(of, room).focus(focus.pane);
    let hosts = |width| hosts(of, room, width).focus(focus.pane);
    let alerts = |width| alerts(of, room, width).focus(focus.pane);
    let incident = || incident(of, room).focus(focus.pane);
    let updates = || updates(of, room).focus(focus.pane);
    if focus.zoomed || wide < 80 || high < 21 {
        // List only: the focused pane, all of it.
        let pane = match focus.pane {
            2 => hosts(wide),
            3 => alerts(wide),
            4 => incident(),
            5 => updates(),
            _ => services(),
        };
        page::draw(canvas, &[Band::new(vec![pane], 0).grow(1)], facts);
        return;
    }
    // Whoever stands in it when its incident is over is not left without a pane.
    let strip = (of.incident.is_some() || focus.pane == 4).then(|| Band::new(vec![incident()], 5));
    // Services go first: what is beside the point leaves before one of them does, up to half of the screen.
    let first = services();
    let least = first.wants().min(if wide >= 120 { high / 2 } else { high.saturating_sub(5 + 5) }).max(6);
    let mut bands = vec![Band::new(vec![first], least)];
    if wide >= 190 {
        bands.push(Band::new(vec![incident(), updates()], 6));
        bands.push(Band::new(vec![hosts(wide / 2), alerts(wide / 2)], 7).grow(1));
    } else if wide >= 120 {
        bands.push(Band::new(vec![hosts(wide * 9 / 20).share(9), alerts(wide * 11 / 20).share(11)], 6).grow(1));
        bands.extend(strip);
        bands.push(Band::new(vec![updates()], 4).rank(1));
    } else {
        bands.push(Band::new(vec![alerts(wide)], 5).grow(1));
        bands.extend(strip);
        bands.push(Band::new(vec![hosts(wide)], 6).rank(1).grow(1));
        bands.push(Band::new(vec![updates()], 4).rank(2));
    }
    page::draw(canvas, &bands, facts);
}

/// Draws counts and the P1 line in words, for a screen on which nothing else has room.
pub fn draw_small(canvas: &mut Canvas<'_>, around: &Surround) {
    let global = &around.global;
    let mut lines = Vec::new();
    if let Some(p1) = &around.p1 {
        lines.push(Words::new().pill(&format!("P1 {}", p1.short), Role::Down));
        if let Some((_, short, tone)) = &p1.promise {
            lines.push(Words::of(short.clone(), rows::tone_ink(*tone)));
        }
    }
    let (word, health) = global.verdict();
    lines.push(Words::of(word, Ink::bold(rows::health_role(health))));
    let word = rows::health_word;
    for (number, health, word) in [
        (global.down, Health::Down, word(Health::Down)),
        (global.failing, Health::Degraded, rows::FAILING),
        (global.degraded, Health::Degraded, word(Health::Degraded)),
        (global.unknown, Health::Unknown, word(Health::Unknown)),
        (global.maintenance, Health::Maintenance, word(Health::Maintenance)),
        (global.up, Health::Up, word(Health::Up)),
    ] {
        if number > 0 {
            lines.push(
                rows::health_sign(health, canvas.look.glyphs)
                    .text(format!(" {number} "))
                    .add(word, rows::health_role(health)),
            );
        }
    }
    for name in &around.down {
        lines.push(Words::of(format!("{name} is down"), Ink::bold(Role::Down)));
    }
    lines.push(Words::of(around.utc.clone(), Role::Dim));
    lines.push(Words::of("60×18 or larger shows more", Role::Faint));
    for (y, line) in (0..).zip(lines) {
        canvas.put(0, y, line);
    }
}

fn services(of: &Overview, room: Room<'_>) -> Pane {
    let Room { wide, focus, glyphs, .. } = room;
    let inner = wide.saturating_sub(2);
    let layout = rows::service_layout(&of.services, inner, glyphs);
    let frame = Frame::new(1, "Services").legend(bars::legend(glyphs)).fact(services_fact(of, room, layout));
    if of.services.is_empty() {
        let says = if of.no_services.is_empty() {
            format!("no services configured: add [[service]] to qd.toml, then {}", room.keys.of(Action::ReloadConfig))
        } else {
            of.no_services.clone()
        };
        let mut pane = Pane::new(frame, vec![Part::Text(says, Role::Dim)]);
        pane.want = Some(6);
        return pane;
    }
    let rows = of.services.iter().map(|row| rows::service(row, layout, glyphs)).collect();
    let table = Table { heads: false, ..page::table(rows::service_columns(layout, glyphs), rows, 1, focus) };
    Pane::table(frame, table, Words::new()).with(Part::Lines(vec![(axis(layout), Words::new())]))
}

fn services_fact(of: &Overview, room: Room<'_>, layout: ServiceLayout) -> Words {
    let mut fact = match (room.order(1), bars::cell_says(layout.cells)) {
        (Some(order), _) if order != Order::Worst => Words::of(order.words(), Role::Accent),
        (_, Some(says)) => Words::of(says, Role::Dim),
        (_, None) => Words::of(Order::Worst.words(), Role::Dim),
    };
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

fn hosts(of: &Overview, room: Room<'_>, width: u16) -> Pane {
    let Room { focus, glyphs, .. } = room;
    let frame = Frame::new(2, "Hosts").fact(room.sorted(2, Order::Worst, host_fact(&of.hosts)));
    let (columns, rows) = if width >= 96 {
        (rows::host_columns_wide(), of.hosts.iter().map(|row| rows::host_wide(row, glyphs)).collect())
    } else {
        (rows::host_columns(), of.hosts.iter().map(|row| rows::host(row, glyphs)).collect())
    };
    let sorted = rows::host_sorted(&columns, room.order(2));
    let none = Words::of("no hosts configured: add [[host]] to qd.toml, then ", Role::Dim)
        .key(room.keys.of(Action::ReloadConfig), "reads it again");
    Pane::table(frame, Table { sorted, ..page::table(columns, rows, 1, focus) }, none)
}

/// Says how many hosts are over a limit, and of how many nothing is known.
pub fn host_fact(hosts: &[HostRow]) -> Words {
    let hot = hosts.iter().filter(|row| row.hot && !row.stale).count();
    let stale = hosts.iter().filter(|row| row.stale).count();
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
    fact
}

fn alerts(of: &Overview, room: Room<'_>, width: u16) -> Pane {
    let Room { focus, glyphs, .. } = room;
    let unowned = of.alerts.iter().filter(|row| row.unowned).count();
    // Where no incident is shown, what is owed of those that are over stands here.
    let due = if of.incident.is_none() { owed(of.owed) } else { Words::new() };
    let fact = if unowned > 0 {
        let gap = usize::from(due.width() > 0) * 3;
        due.gap(gap).add(format!("{unowned} unacked"), Ink::bold(Role::Degraded))
    } else {
        due
    };
    let frame = Frame::new(3, "Alerts").fact(room.sorted(3, Order::Worst, fact));
    let roomy = width >= 96;
    let (columns, rows) = if roomy {
        (rows::alert_columns_wide(), of.alerts.iter().map(|row| rows::alert_wide(row, width, glyphs)).collect())
    } else {
        (rows::alert_columns(), of.alerts.iter().map(rows::alert).collect())
    };
    let table = Table { heads: roomy, ..page::table(columns, rows, 2, focus) };
    Pane::table(frame, table, Words::of("nothing fires", Role::Dim))
}

/// Says how many documents are due.
fn owed(count: usize) -> Words {
    match count {
        0 => Words::new(),
        1 => Words::of("1 document due", Role::Degraded),
        _ => Words::of(format!("{count} documents due"), Role::Degraded),
    }
}

fn incident(of: &Overview, room: Room<'_>) -> Pane {
    let mut frame = Frame::new(4, "Incident");
    let Some(row) = &of.incident else {
        let (open, words) = (room.keys.of(Action::OpenIncident), room.keys.of(Action::OpenInWords));
        let says = format!("no incident is open; {open} on an alert opens one, {words} in words of your own");
        frame.fact = owed(of.owed);
        return Pane::new(frame, vec![Part::Text(says, Role::Dim)]);
    };
    frame.count = rows::severity(row.severity).gap(1).strong(row.id.clone()).gap(2).text(row.title.clone());
    frame.fact = owed(of.owed).gap(usize::from(of.owed > 0) * 3).dim(row.age.clone());
    let mut head =
        Words::of(" taken by ", Role::Dim).join(rows::owner(row.owner.as_deref()).recast(Role::Dim, Role::Text));
    if !row.service.is_empty() {
        head = head.gap(3).dim("service ").text(row.service.clone());
    }
    // The newest entries: what came first can be read in the incident's own view.
    let most = if room.focus.zoomed || room.wide >= 190 { 40 } else { 3 };
    let by = row.last.iter().map(|entry| super::words::width(&entry.by)).max().unwrap_or(0).min(10);
    let last = row.last.iter().skip(row.last.len().saturating_sub(most)).map(|entry| {
        Words::of(entry.at.clone(), Role::Faint)
            .gap(2)
            .dim(super::words::pad(&entry.by, by))
            .gap(1)
            .join(rows::tone_sign(entry.tone))
            .gap(1)
            .text(entry.text.clone())
    });
    Pane::new(frame, vec![Part::Lines(vec![(head, Words::new())]), Part::Tail(last.collect())])
}

fn updates(of: &Overview, room: Room<'_>) -> Pane {
    let rows = of.updates.iter().map(rows::update).collect();
    let table = Table { heads: false, ..page::table(rows::update_columns(), rows, 2, room.focus) };
    let none = Words::of("none yet: ", Role::Dim).key(room.keys.of(Action::WriteUpdate), "writes one");
    let mut pane = Pane::table(Frame::new(5, "Status updates"), table, none);
    pane.want = Some(pane.wants().min(7));
    pane
}
