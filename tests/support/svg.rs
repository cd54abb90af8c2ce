//! A screen as a picture: one rectangle per run of ground, blocks and frames as shapes, one text per run of ink.
use std::fmt::Write;

use ratatui::{
    buffer::{Buffer, Cell},
    style::{Color, Modifier},
};

const WIDE: f32 = 8.4;
const HIGH: f32 = 17.0;
const PAD: f32 = 10.0;

/// Colours of what the theme leaves to the terminal.
#[derive(Clone, Copy)]
pub(crate) struct Terminal {
    pub(crate) text: &'static str,
    pub(crate) ground: &'static str,
}

pub(crate) const DARK: Terminal = Terminal { text: "#d4d4d4", ground: "#101010" };

/// Writes a buffer as SVG, the same for the same buffer.
pub(crate) fn write(buffer: &Buffer, title: &str, terminal: Terminal) -> String {
    let (wide, high) = (buffer.area.width, buffer.area.height);
    let width = f32::from(wide) * WIDE + 2.0 * PAD;
    let height = f32::from(high) * HIGH + 2.0 * PAD;
    let corner = paints(&buffer[(0, 0)], terminal).1;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" viewBox=\"0 0 {width:.1} {height:.1}\" \
         font-family=\"DejaVu Sans Mono, Menlo, Consolas, monospace\" font-size=\"14\">\n<title>{}</title>\n\
         <rect width=\"100%\" height=\"100%\" rx=\"6\" fill=\"{corner}\"/>\n",
        escape(title)
    );
    for y in 0..high {
        let mut x = 0;
        while x < wide {
            let ground = paints(&buffer[(x, y)], terminal).1;
            let run = (x..wide).take_while(|at| paints(&buffer[(*at, y)], terminal).1 == ground).count() as u16;
            if ground != corner {
                rect(&mut out, (f32::from(x), f32::from(y)), (f32::from(run), 1.0), &ground);
            }
            x += run;
        }
    }
    for y in 0..high {
        let mut x = 0;
        while x < wide {
            let cell = &buffer[(x, y)];
            let ink = ink(cell, terminal);
            let same = |at: &u16| self::ink(&buffer[(*at, y)], terminal) == ink;
            if let Some(eighths) = block(cell.symbol()) {
                let run =
                    (x..wide).take_while(|at| same(at) && buffer[(*at, y)].symbol() == cell.symbol()).count() as u16;
                let tall = f32::from(eighths) / 8.0;
                rect(&mut out, (f32::from(x), f32::from(y) + 1.0 - tall), (f32::from(run), tall), &ink.0);
                x += run;
            } else if let Some(lines) = lines(cell.symbol()) {
                let run = if cell.symbol() == "─" || cell.symbol() == "━" || cell.symbol() == "═" {
                    (x..wide).take_while(|at| same(at) && buffer[(*at, y)].symbol() == cell.symbol()).count() as u16
                } else {
                    1
                };
                for [x1, y1, x2, y2, weight] in lines {
                    let stretch = if run > 1 { f32::from(run) - 1.0 } else { 0.0 };
                    line(&mut out, (x, y), [*x1, *y1, *x2 + stretch, *y2], *weight, &ink.0);
                }
                x += run;
            } else {
                let mut text = String::new();
                let mut run = 0;
                for at in x..wide {
                    let cell = &buffer[(at, y)];
                    if !same(&at) || block(cell.symbol()).is_some() || lines_of(cell.symbol()) {
                        break;
                    }
                    text.push_str(cell.symbol());
                    run += 1;
                }
                word(&mut out, (x, y), &text, &ink);
                x += run.max(1);
            }
        }
    }
    out.push_str("</svg>\n");
    out
}

fn word(out: &mut String, at: (u16, u16), text: &str, ink: &(String, Modifier)) {
    let lead = text.chars().take_while(|c| *c == ' ').count();
    let body = text.trim();
    if body.is_empty() {
        return;
    }
    let x = PAD + (f32::from(at.0) + lead as f32) * WIDE;
    let y = PAD + f32::from(at.1) * HIGH + 13.0;
    let length = body.chars().count() as f32 * WIDE;
    let mut more = String::new();
    if ink.1.contains(Modifier::BOLD) {
        more.push_str(" font-weight=\"bold\"");
    }
    let decoration: Vec<&str> = [(Modifier::UNDERLINED, "underline"), (Modifier::CROSSED_OUT, "line-through")]
        .into_iter()
        .filter_map(|(modifier, name)| ink.1.contains(modifier).then_some(name))
        .collect();
    if !decoration.is_empty() {
        write!(more, " text-decoration=\"{}\"", decoration.join(" ")).unwrap();
    }
    writeln!(
        out,
        "<text x=\"{x:.1}\" y=\"{y:.1}\" fill=\"{}\" textLength=\"{length:.1}\" xml:space=\"preserve\"{more}>{}</text>",
        ink.0,
        escape(body)
    )
    .unwrap();
}

fn rect(out: &mut String, (x, y): (f32, f32), (wide, high): (f32, f32), fill: &str) {
    writeln!(
        out,
        "<rect x=\"{:.2}\" y=\"{:.2}\" width=\"{:.2}\" height=\"{:.2}\" fill=\"{fill}\"/>",
        PAD + x * WIDE,
        PAD + y * HIGH,
        wide * WIDE,
        high * HIGH
    )
    .unwrap();
}

fn line(out: &mut String, at: (u16, u16), [x1, y1, x2, y2]: [f32; 4], weight: f32, stroke: &str) {
    let (x, y) = (f32::from(at.0), f32::from(at.1));
    writeln!(
        out,
        "<path d=\"M{:.2} {:.2}L{:.2} {:.2}\" stroke=\"{stroke}\" stroke-width=\"{weight}\"/>",
        PAD + (x + x1) * WIDE,
        PAD + (y + y1) * HIGH,
        PAD + (x + x2) * WIDE,
        PAD + (y + y2) * HIGH
    )
    .unwrap();
}

fn block(symbol: &str) -> Option<u8> {
    let at = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"].iter().position(|block| *block == symbol)?;
    u8::try_from(at + 1).ok()
}

fn lines_of(symbol: &str) -> bool {
    lines(symbol).is_some()
}

/// Frames as strokes in cells: from, to, weight. Text would leave gaps between rows.
fn lines(symbol: &str) -> Option<&'static [[f32; 5]]> {
    const L: f32 = 1.0;
    const H: f32 = 2.6;
    const A: f32 = 0.38;
    const B: f32 = 0.62;
    const C: f32 = 0.44;
    const D: f32 = 0.56;
    Some(match symbol {
        "─" => &[[0.0, 0.5, 1.0, 0.5, L]],
        "━" => &[[0.0, 0.5, 1.0, 0.5, H]],
        "═" => &[[0.0, C, 1.0, C, L], [0.0, D, 1.0, D, L]],
        "│" => &[[0.5, 0.0, 0.5, 1.0, L]],
        "┃" => &[[0.5, 0.0, 0.5, 1.0, H]],
        "║" => &[[A, 0.0, A, 1.0, L], [B, 0.0, B, 1.0, L]],
        "┌" => &[[0.5, 0.5, 1.0, 0.5, L], [0.5, 0.5, 0.5, 1.0, L]],
        "┐" => &[[0.0, 0.5, 0.5, 0.5, L], [0.5, 0.5, 0.5, 1.0, L]],
        "└" => &[[0.5, 0.5, 1.0, 0.5, L], [0.5, 0.0, 0.5, 0.5, L]],
        "┘" => &[[0.0, 0.5, 0.5, 0.5, L], [0.5, 0.0, 0.5, 0.5, L]],
        "┏" => &[[0.34, 0.5, 1.0, 0.5, H], [0.5, 0.5, 0.5, 1.0, H]],
        "┓" => &[[0.0, 0.5, 0.66, 0.5, H], [0.5, 0.5, 0.5, 1.0, H]],
        "┗" => &[[0.34, 0.5, 1.0, 0.5, H], [0.5, 0.0, 0.5, 0.5, H]],
        "┛" => &[[0.0, 0.5, 0.66, 0.5, H], [0.5, 0.0, 0.5, 0.5, H]],
        "╔" => &[[A, C, 1.0, C, L], [B, D, 1.0, D, L], [A, C, A, 1.0, L], [B, D, B, 1.0, L]],
        "╗" => &[[0.0, C, B, C, L], [0.0, D, A, D, L], [B, C, B, 1.0, L], [A, D, A, 1.0, L]],
        "╚" => &[[B, C, 1.0, C, L], [A, D, 1.0, D, L], [A, 0.0, A, D, L], [B, 0.0, B, C, L]],
        "╝" => &[[0.0, C, A, C, L], [0.0, D, B, D, L], [B, 0.0, B, D, L], [A, 0.0, A, C, L]],
        "┤" => &[[0.0, 0.5, 0.5, 0.5, L], [0.5, 0.0, 0.5, 1.0, L]],
        _ => return None,
    })
}

fn ink(cell: &Cell, terminal: Terminal) -> (String, Modifier) {
    let keep = Modifier::BOLD | Modifier::UNDERLINED | Modifier::CROSSED_OUT;
    (paints(cell, terminal).0, cell.modifier & keep)
}

fn paints(cell: &Cell, terminal: Terminal) -> (String, String) {
    let text = hex(cell.fg).unwrap_or_else(|| terminal.text.to_owned());
    let ground = hex(cell.bg).unwrap_or_else(|| terminal.ground.to_owned());
    let text = if cell.modifier.contains(Modifier::DIM) { "#787878".to_owned() } else { text };
    let text =
        if cell.modifier.contains(Modifier::BOLD) && cell.fg == Color::Reset { "#ffffff".to_owned() } else { text };
    if cell.modifier.contains(Modifier::REVERSED) { (ground, text) } else { (text, ground) }
}

fn hex(color: Color) -> Option<String> {
    const ANSI: [&str; 16] = [
        "#000000", "#cd3131", "#0dbc79", "#e5e510", "#2472c8", "#bc3fbc", "#11a8cd", "#e5e5e5", "#666666", "#f14c4c",
        "#23d18b", "#f5f543", "#3b8eea", "#d670d6", "#29b8db", "#ffffff",
    ];
    let at = match color {
        Color::Reset => return None,
        Color::Rgb(r, g, b) => return Some(format!("#{r:02x}{g:02x}{b:02x}")),
        Color::Indexed(n @ 0..16) => usize::from(n),
        Color::Indexed(n @ 16..232) => {
            let level = |of: u8| if of == 0 { 0 } else { 55 + 40 * u16::from(of) };
            let n = n - 16;
            return Some(format!("#{:02x}{:02x}{:02x}", level(n / 36), level(n / 6 % 6), level(n % 6)));
        }
        Color::Indexed(n) => {
            let grey = 8 + 10 * u16::from(n - 232);
            return Some(format!("#{grey:02x}{grey:02x}{grey:02x}"));
        }
        Color::Black => 0,
        Color::Red => 1,
        Color::Green => 2,
        Color::Yellow => 3,
        Color::Blue => 4,
        Color::Magenta => 5,
        Color::Cyan => 6,
        Color::Gray => 7,
        Color::DarkGray => 8,
        Color::LightRed => 9,
        Color::LightGreen => 10,
        Color::LightYellow => 11,
        Color::LightBlue => 12,
        Color::LightMagenta => 13,
        Color::LightCyan => 14,
        Color::White => 15,
    };
    Some(ANSI[at].to_owned())
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
