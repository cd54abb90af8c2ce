//! Lines 0 and 1, the last line and the message: what every screen has.
use crate::config::theme::Role;
use crate::core::{inventory::EnvKind, services::Health};

use super::{
    canvas::Canvas,
    rows,
    show::{Global, Input, Message, Mode, Second, SourceMark, Surround, Tone},
    style::Ink,
    words::Words,
};

/// Draws lines 0 and 1, the last line, and the message above it, on the whole screen.
pub fn draw(canvas: &mut Canvas<'_>, of: &Surround) {
    let high = canvas.height();
    if high == 0 {
        return;
    }
    line0(&mut canvas.rows(0, 1), of);
    if high > 1 {
        line1(&mut canvas.rows(1, 1), of);
    }
    if high > 2 {
        last(&mut canvas.rows(high - 1, 1), of);
    }
    if let (Some(of), true) = (&of.input, high > 4) {
        // What is wrong is never beyond the edge: it takes the row of the keys, of which Enter does nothing now.
        if !input(&mut canvas.rows(high - 2, 1), of) {
            let mut canvas = canvas.rows(high - 1, 1);
            canvas.ground(Role::SurfaceAlt);
            canvas.put_within(1, 0, canvas.width().saturating_sub(2), Words::of(of.says.clone(), Role::Error));
        }
    } else if let (Some((text, typing)), true) = (&of.filter, high > 4) {
        filter(&mut canvas.rows(high - 2, 1), text, *typing);
    } else if let (Some(message), true) = (&of.message, high > 4) {
        say(&mut canvas.rows(high - 2, 1), message);
    }
}

/// Returns the role of an environment's badge.
pub fn env_role(kind: EnvKind) -> Option<Role> {
    match kind {
        EnvKind::Production => Some(Role::Prod),
        EnvKind::Staging => Some(Role::Staging),
        EnvKind::Other => None,
    }
}

/// Writes an environment's badge.
pub fn badge(name: &str, kind: EnvKind) -> Words {
    let name = name.to_uppercase();
    match env_role(kind) {
        Some(role) => Words::new().pill(&name, role),
        None => Words::of(format!(" {name} "), Role::Text),
    }
}

fn line0(canvas: &mut Canvas<'_>, of: &Surround) {
    let wide = canvas.width();
    let mut left = Words::new();
    if let Some((name, kind)) = &of.env {
        left = left.join(badge(name, *kind)).gap(1);
    }
    if of.demo {
        left = left.pill("DEMO", Role::Travel).gap(1);
    }
    if let Some(replay) = &of.replay {
        left = left.pill(replay, Role::Travel).gap(1);
    }
    left = left.gap(1).strong("quarterdeck");
    if !of.client.is_empty() {
        left = left.gap(1).dim(of.client.clone());
    }
    if wide >= 100 && !of.operator.is_empty() {
        left = left.gap(3).dim("you are ").text(of.operator.clone());
    }
    let mut right = Words::of(of.utc.clone(), Ink::bold(Role::Strong));
    if wide >= 100 && !of.local.is_empty() {
        right = right.gap(1).dim(of.local.clone());
    }
    let start = canvas.put_right(wide.saturating_sub(1), 0, right);
    let end = canvas.put_within(1, 0, start.saturating_sub(2), left);
    // Links that do not fit are dropped from the right end of the list, never cut.
    let mut room = usize::from(start.saturating_sub(end + 3));
    let mut links = Words::new();
    for link in &of.links {
        let mut words = rows::health_sign(link.health, canvas.look.glyphs).dim(format!(" {}", link.name));
        if !link.number.is_empty() {
            let ink = match link.health {
                Health::Up | Health::Unknown | Health::Maintenance => Ink::of(Role::Text),
                Health::Degraded | Health::Down => Ink::bold(rows::health_role(link.health)),
            };
            words = words.gap(1).add(link.number.clone(), ink);
        }
        let need = words.width() + 2;
        if need > room {
            break;
        }
        room -= need;
        links = links.gap(2).join(words);
    }
    canvas.put_right(start.saturating_sub(2), 0, links);
}

fn line1(canvas: &mut Canvas<'_>, of: &Surround) {
    let wide = canvas.width();
    let mut end = wide.saturating_sub(1);
    if let Some(p1) = &of.p1 {
        let roomy = wide >= 100;
        let text = if roomy { &p1.long } else { &p1.short };
        let mut words = Words::new();
        // On a narrow terminal what is late is said all the same, what is not only where there is room.
        if let Some((long, short, tone)) = p1.promise.as_ref().filter(|(.., tone)| wide >= 72 || *tone == Tone::Error) {
            words = words.add(if roomy { long } else { short }.clone(), rows::tone_ink(*tone)).gap(1);
        }
        end = canvas.put_right(end, 0, words.pill(&format!("P1 {text}"), Role::Down)).saturating_sub(2);
    }
    match &of.second {
        Second::Global(global) => line1_global(canvas, global, end),
        Second::Trail(trail) => {
            let mut words = Words::new();
            let last = trail.len().saturating_sub(1);
            for (at, step) in trail.iter().enumerate() {
                if at > 0 {
                    words = words.faint(" › ");
                }
                words = if at == last { words.strong(step.clone()) } else { words.dim(step.clone()) };
            }
            canvas.put_within(1, 0, end.saturating_sub(2), words);
        }
        Second::Logs { sources, lag } => line1_sources(canvas, sources, lag, end),
        Second::Lost { what, more } => {
            canvas.band(0, Role::SurfaceAlt);
            let words = Words::of(format!("✗ {what}"), Ink::bold(Role::Down)).gap(2).text(more.clone());
            canvas.put_within(1, 0, end.saturating_sub(2), words);
        }
    }
}

/// Sources by kind, a sign each; those that are lost say why, as far as there is room.
fn line1_sources(canvas: &mut Canvas<'_>, sources: &[SourceMark], lag: &str, end: u16) {
    let end = if lag.is_empty() { end } else { canvas.put_right(end, 0, Words::of(lag.to_owned(), Role::Dim)) };
    let mut words = Words::new().strong("Logs").gap(2);
    words = match sources.len() {
        0 => words.dim("no source yet"),
        1 => words.dim("1 source"),
        n => words.dim(format!("{n} sources")),
    };
    let mut kinds: Vec<&str> = sources.iter().map(|source| source.kind.as_str()).collect();
    kinds.sort_unstable();
    kinds.dedup();
    for kind in kinds {
        let of: Vec<&SourceMark> = sources.iter().filter(|source| source.kind == kind).collect();
        let health = |source: &SourceMark| match (source.good, source.lost) {
            (true, _) => Health::Up,
            (false, true) => Health::Down,
            (false, false) => Health::Unknown,
        };
        words = words.gap(2);
        if of.len() <= 6 {
            for source in &of {
                words = words.join(rows::health_sign(health(source), canvas.look.glyphs));
            }
        } else {
            let good = of.iter().filter(|source| source.good).count();
            let all = if good == of.len() { Health::Up } else { Health::Degraded };
            words = words.join(rows::health_sign(all, canvas.look.glyphs)).text(format!(" {good}/{}", of.len()));
        }
        words = words.dim(format!(" {kind}"));
        for source in of.iter().filter(|source| source.lost).take(2) {
            words = words.add(format!(" {} {}", source.name, source.says), Role::Degraded);
        }
    }
    canvas.put_within(1, 0, end.saturating_sub(2), words);
}

fn line1_global(canvas: &mut Canvas<'_>, of: &Global, end: u16) {
    let roomy = canvas.width() >= 100;
    let (word, health) = of.verdict();
    let verdict = match health {
        Health::Down => Words::new().pill(word, Role::Down),
        Health::Degraded | Health::Up | Health::Maintenance | Health::Unknown => {
            rows::health_sign(health, canvas.look.glyphs).gap(1).add(word, Ink::bold(rows::health_role(health)))
        }
    };
    let mut left = verdict.gap(1);
    for (count, health, says) in [
        (of.down, Health::Down, "down"),
        (of.failing, Health::Degraded, "failing"),
        (of.degraded, Health::Degraded, "degraded"),
        (of.unknown, Health::Unknown, "unknown"),
        (of.maintenance, Health::Maintenance, "maint"),
        (of.up, Health::Up, "up"),
    ] {
        if count == 0 {
            continue;
        }
        left = left.gap(2).join(rows::health_sign(health, canvas.look.glyphs)).text(format!(" {count}"));
        if roomy {
            left = left.text(format!(" {says}"));
        }
    }
    let after = canvas.put_within(1, 0, end.saturating_sub(1), left);
    let mut room = usize::from(end.saturating_sub(after + 2));
    let mut right = Words::new();
    // The longest window says most about a service, the shortest most about tonight: those two stay longest.
    let mut order: Vec<usize> = (0..of.percentages.len()).collect();
    order.sort_by_key(|at| (*at != 0, std::cmp::Reverse(*at)));
    let mut kept: Vec<usize> = Vec::new();
    for at in order {
        let Some((window, value)) = of.percentages.get(at) else { continue };
        let need = window.len() + 1 + value.text.as_deref().map_or(1, str::len) + 2;
        if need <= room {
            room -= need;
            kept.push(at);
        }
    }
    kept.sort_unstable();
    for (window, value) in kept.into_iter().filter_map(|at| of.percentages.get(at)) {
        right = right.gap(2).dim(format!("{window} ")).join(rows::value(value));
    }
    canvas.put_right(end, 0, right);
}

fn last(canvas: &mut Canvas<'_>, of: &Surround) {
    let wide = canvas.width();
    let mode = match &of.mode {
        Mode::ReadOnly => Words::of("RO", Role::Dim),
        Mode::Armed { left, kind } => Words::new().pill(&format!("RW {left}"), env_role(*kind).unwrap_or(Role::Armed)),
    };
    let mut end = canvas.put_right(wide.saturating_sub(1), 0, mode).saturating_sub(2);
    if of.mouse {
        end = canvas.put_right(end, 0, Words::of("MOUSE", Role::Accent)).saturating_sub(2);
    }
    if wide >= 72 && !of.rate.is_empty() {
        end = canvas.put_right(end, 0, Words::of(of.rate.clone(), Role::Faint)).saturating_sub(2);
    }
    let mut x: u16 = 1;
    for (key, does) in &of.hints {
        let words = Words::new().key(key.clone(), does);
        let need = u16::try_from(words.width()).unwrap_or(u16::MAX);
        if x.saturating_add(need) > end {
            break;
        }
        x = canvas.put(x, 0, words) + 2;
    }
}

fn filter(canvas: &mut Canvas<'_>, text: &str, typing: Option<usize>) {
    canvas.ground(Role::SurfaceAlt);
    let words = Words::of("/ ", Ink::bold(Role::Key)).strong(text.to_owned());
    let end = canvas.put_within(1, 0, canvas.width().saturating_sub(2), words);
    if let Some(cursor) = typing {
        let before = super::words::width(text.get(..cursor).unwrap_or(text));
        canvas.cursor(3 + u16::try_from(before).unwrap_or(u16::MAX).min(end.saturating_sub(3)), 0);
        canvas.put(end + 3, 0, Words::of("!x leaves out what has x", Role::Dim));
    } else {
        canvas.put(end + 3, 0, Words::of("filtered", Role::Dim));
    }
}

/// A line that is typed: what is wrong in it is marked where it stands. False where what is wrong had no room beside it.
fn input(canvas: &mut Canvas<'_>, of: &Input) -> bool {
    canvas.ground(Role::SurfaceAlt);
    let (from, to) = of.wrong.unwrap_or((of.text.len(), of.text.len()));
    let piece = |from: usize, to: usize| of.text.get(from..to).unwrap_or_default().to_owned();
    let from = from.min(of.text.len());
    let to = to.clamp(from, of.text.len());
    let prompt = Words::of(of.prompt.clone(), Ink::bold(Role::Key));
    let start = u16::try_from(prompt.width()).unwrap_or(0) + 1;
    let before = super::words::width(of.text.get(..of.cursor).unwrap_or(&of.text));
    // A long line moves left, so that what is typed is always seen.
    let room = usize::from(canvas.width().saturating_sub(start + 3)).max(1);
    let skip = before.saturating_sub(room);
    let text = Words::of(piece(0, from), Role::Strong)
        .add(piece(from, to), Ink::bold(Role::Error).extra(super::style::Extra::Reverse))
        .add(piece(to, of.text.len()), Role::Strong)
        .skip(skip);
    canvas.put(1, 0, prompt);
    let end = canvas.put_within(start, 0, canvas.width().saturating_sub(start + 1), text);
    canvas.cursor(start + u16::try_from(before - skip).unwrap_or(0), 0);
    let ink = if of.wrong.is_some() { Role::Error } else { Role::Dim };
    let says = Words::of(of.says.clone(), ink);
    let x = end.max(start + u16::try_from(before - skip).unwrap_or(0)) + 3;
    let room = canvas.width().saturating_sub(x + 1);
    if of.wrong.is_some() && says.width() > usize::from(room) {
        return false;
    }
    canvas.put_within(x, 0, room, says);
    true
}

fn say(canvas: &mut Canvas<'_>, message: &Message) {
    canvas.ground(Role::SurfaceAlt);
    let words = rows::tone_sign(message.tone).gap(1).text(message.text.clone()).gap(3).dim(message.more.clone());
    canvas.put_within(1, 0, canvas.width().saturating_sub(2), words);
}
