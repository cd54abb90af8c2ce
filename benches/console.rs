//! What the console costs: a frame of the largest size, and two seconds of a large fleet.
//!
//! `paragraph_200x50` is the limit for a frame in the same run: ratatui fills every cell with ready text and encodes it.
#![expect(clippy::unwrap_used, reason = "a bench that cannot go on ends")]
#[path = "../tests/support/fleet.rs"]
mod fleet;

use quarterdeck::{
    config::{
        keymap::Keymap,
        theme::{ColourDepth, Theme},
    },
    core::{action::Action, time::Now},
    ui::{self, Look, glyphs::Glyphs},
};
use ratatui::{
    Terminal, TerminalOptions, Viewport, backend::CrosstermBackend, layout::Rect, text::Text, widgets::Paragraph,
};

use self::fleet::Fleet;

fn main() {
    divan::main();
}

fn terminal() -> Terminal<CrosstermBackend<Vec<u8>>> {
    let viewport = Viewport::Fixed(Rect::new(0, 0, 200, 50));
    Terminal::with_options(CrosstermBackend::new(Vec::new()), TerminalOptions { viewport }).unwrap()
}

fn look() -> Look {
    Look::new(Theme::default(), ColourDepth::True, Glyphs::Unicode)
}

/// Every cell is new, as after a resize. Budget: a tenth of the 100 ms between two frames.
#[divan::bench]
fn whole_frame_200x50(bencher: divan::Bencher<'_, '_>) {
    let (fleet, look, keymap) = (Fleet::live(200, 10), look(), Keymap::default());
    bencher.with_inputs(terminal).bench_local_values(|mut terminal| {
        terminal
            .draw(|frame| drop(ui::draw(&fleet.state, &keymap, &look, fleet.now, None, frame.buffer_mut())))
            .unwrap();
        terminal
    });
}

/// The frame a second later: what a console at rest draws all night.
#[divan::bench]
fn next_frame_200x50(bencher: divan::Bencher<'_, '_>) {
    let (fleet, look, keymap) = (Fleet::live(200, 10), look(), Keymap::default());
    let mut terminal = terminal();
    let mut seconds = 0;
    bencher.bench_local(|| {
        seconds += 1;
        let now = Now { utc: fleet.now.utc + seconds * 1_000, mono: fleet.now.mono + seconds.unsigned_abs() * 1_000 };
        terminal.draw(|frame| drop(ui::draw(&fleet.state, &keymap, &look, now, None, frame.buffer_mut()))).unwrap();
    });
}

/// The limit: as many cells, no thinking.
#[divan::bench]
fn paragraph_200x50(bencher: divan::Bencher<'_, '_>) {
    let text: String = vec!["x".repeat(200); 50].join("\n");
    bencher.with_inputs(terminal).bench_local_values(|mut terminal| {
        terminal.draw(|frame| frame.render_widget(Paragraph::new(Text::raw(&text)), frame.area())).unwrap();
        terminal
    });
}

/// Two seconds of 200 hosts sampled every 2 s, 2,000 checks every 30 s, and the ticks between. Budget: a hundredth of them.
#[divan::bench]
fn two_seconds_of_200_hosts_and_2000_checks(bencher: divan::Bencher<'_, '_>) {
    let mut fleet = Fleet::live(200, 10);
    bencher.bench_local(|| fleet.two_seconds());
}

/// What a key costs before its frame.
#[divan::bench]
fn a_key_with_200_hosts_and_2000_checks(bencher: divan::Bencher<'_, '_>) {
    let mut fleet = Fleet::live(200, 10);
    let mut down = false;
    bencher.bench_local(|| {
        down = !down;
        let motion = if down { quarterdeck::core::action::Motion::Down } else { quarterdeck::core::action::Motion::Up };
        fleet.tell(quarterdeck::core::Msg::Acted(Action::Move(motion)));
    });
}
