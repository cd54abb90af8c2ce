//! What stands on the screen: pure views. Same screen, same look, same size: same cells.
//!
//! [`reading`] makes of the state what [`show`] and its like hold as plain data; [`paint`] puts it on a buffer and says where it came to stand. No view reads a clock, keeps
//! something, or names a colour: it names roles, and [`style::Look`] knows what the terminal can make of them.
use ratatui::{buffer::Buffer, layout::Rect};

pub mod alerts;
pub mod audit;
pub mod boxes;
pub mod canvas;
pub mod dialog;
pub mod documents;
pub mod editors;
pub mod findings;
pub mod form;
pub mod glyphs;
pub mod handover;
pub mod help;
pub mod hosts;
pub mod incidents;
pub mod keys;
pub mod logs;
pub mod maintenance;
pub mod messages;
pub mod offers;
pub mod outbox;
pub mod overview;
pub mod page;
pub mod pipeline;
pub mod reading;
pub mod rows;
pub mod runbook;
pub mod runs;
pub mod service;
pub mod show;
pub mod style;
pub mod surround;
pub mod suspects;
pub mod widgets;
pub mod words;

use canvas::Canvas;
use page::{Focus, Room};
pub use page::{LayoutFacts, PaneFact};
pub use style::Look;

use crate::{
    config::{keymap::Keymap, theme::Role},
    core::{
        State,
        screen::{self, order::Order},
        time::Now,
    },
};

/// All that is on the screen.
#[derive(Clone, Debug, PartialEq)]
pub struct Screen {
    /// Lines 0 and 1, the last line, the message.
    pub surround: show::Surround,
    /// What stands between them.
    pub view: View,
    /// Where the keys go.
    pub focus: Focus,
    /// The order that each pane's rows stand in.
    pub orders: Vec<Option<Order>>,
    /// The person's keys.
    pub keys: show::Keys,
    /// The box over it.
    pub over: Option<Over>,
}

impl Screen {
    /// Puts the text cursor of the field that is typed in before its character of this number, from 0.
    ///
    /// Reading puts it at the end, as the state knows the text alone: the editor knows where one is in it.
    pub fn type_at(&mut self, character: usize) {
        let place = |text: &str| text.char_indices().nth(character).map_or(text.len(), |(at, _)| at);
        if let (Some(input), None) = (&mut self.surround.input, &self.over) {
            input.cursor = place(&input.text);
        }
        if let (Some((text, Some(cursor))), None) = (&mut self.surround.filter, &self.over) {
            *cursor = place(text);
        }
        if let (View::Help(help), None) = (&mut self.view, &self.over) {
            help.search.1 = place(&help.search.0);
        }
        match &mut self.over {
            Some(Over::Review(review)) => {
                for (text, cursor) in [&mut review.typed, &mut review.reason] {
                    *cursor = cursor.map(|_| place(text));
                }
            }
            Some(Over::Ask(ask)) => ask.typed.1 = place(&ask.typed.0),
            Some(Over::Form(form)) => {
                for field in &mut form.fields {
                    if let form::FormField::Text { typed, .. } = field {
                        typed.1 = place(&typed.0);
                    }
                }
            }
            Some(Over::Deploy(deploy)) => deploy.typed.1 = place(&deploy.typed.0),
            Some(Over::Palette(palette)) => palette.typed.1 = place(&palette.typed.0),
            Some(Over::Question(_) | Over::Menu(_)) | None => {}
        }
    }
}

/// What stands between line 1 and the last line.
#[derive(Clone, Debug, PartialEq)]
pub enum View {
    /// The overview.
    Overview(Box<overview::Overview>),
    /// One service.
    Service(Box<service::ServiceDetail>),
    /// All hosts.
    Hosts(Vec<show::HostRow>),
    /// One host.
    Host(Box<hosts::HostDetail>),
    /// Alerts.
    Alerts(Box<alerts::Alerts>),
    /// Incidents.
    Incidents(incidents::Incidents),
    /// One incident.
    Incident(Box<incidents::IncidentDetail>),
    /// Runs.
    Runs(Vec<runs::RunRow>),
    /// One run.
    Run(Box<runs::RunDetail>),
    /// Help.
    Help(Box<help::Help>),
    /// Logs, or what web servers did.
    Logs(Box<logs::Logs>),
    /// The audit log.
    Audit(Box<audit::Audit>),
    /// What changed around an incident.
    Suspects(Box<suspects::Suspects>),
    /// The runbook beside an incident.
    Runbook(Box<runbook::Runbook>),
    /// The document of an incident.
    Document(Box<documents::Paper>),
    /// The hand-over.
    Handover(Box<handover::Handover>),
    /// What the scanner found.
    Findings(Box<findings::Findings>),
    /// The pipeline of a service.
    Pipeline(Box<pipeline::Pipeline>),
    /// Planned work.
    Maintenance(Box<maintenance::Maintenance>),
    /// The outbox.
    Outbox(Box<outbox::Outbox>),
    /// Past messages and when they were said, newest first.
    Messages(Vec<(String, show::Message)>),
}

/// A box over the view.
#[derive(Clone, Debug, PartialEq)]
pub enum Over {
    /// The review of a change.
    Review(Box<boxes::Review>),
    /// A question that takes `y`.
    Question(Box<boxes::Question>),
    /// A question that takes text.
    Ask(Box<boxes::Ask>),
    /// A box with fields.
    Form(Box<form::Form>),
    /// A list to choose from.
    Menu(Box<boxes::Menu>),
    /// Choosing what is brought out.
    Deploy(Box<offers::Deploy>),
    /// The command palette.
    Palette(Box<boxes::Palette>),
}

/// Draws the state on a buffer and says where the panes came to stand. `typed_at` is where the editor has its text cursor.
pub fn draw(
    state: &State,
    keymap: &Keymap,
    look: &Look,
    now: Now,
    typed_at: Option<usize>,
    buffer: &mut Buffer,
) -> screen::LayoutFacts {
    let area = buffer.area;
    let mut shown = reading::screen(state, keymap, now);
    if let Some(character) = typed_at {
        shown.type_at(character);
    }
    let facts = paint(&shown, look, buffer, area);
    // Help lies over the view with panes of its own.
    let panes = if matches!(shown.view, View::Help(_)) { &[] } else { state.screen.view.panes() };
    let panes = facts.panes.iter().filter_map(|fact| {
        let pane = panes.get(usize::from(fact.digit).checked_sub(1)?)?;
        Some(screen::PaneFacts {
            pane: *pane,
            area: (fact.x, fact.y, fact.width, fact.height),
            first_row: fact.rows_at,
            rows: u16::try_from(fact.room).unwrap_or(u16::MAX),
            offset: fact.first,
            beyond: fact.beyond,
        })
    });
    let (cut, scroll, lines) = (facts.cut, facts.scroll, facts.lines);
    screen::LayoutFacts { size: facts.size, panes: panes.collect(), cut, scroll, lines }
}

/// Draws the screen on a buffer.
pub fn paint(screen: &Screen, look: &Look, buffer: &mut Buffer, area: Rect) -> LayoutFacts {
    let mut canvas = Canvas::new(buffer, look, area);
    canvas.ground(Role::Surface);
    let (wide, high) = (canvas.width(), canvas.height());
    let mut facts = LayoutFacts { size: (wide, high), ..LayoutFacts::default() };
    if overview::too_small(wide, high) {
        overview::draw_small(&mut canvas, &screen.surround);
    } else {
        draw_view(&mut canvas, screen, &mut facts);
    }
    let dialog = screen.over.as_ref().map(|over| match over {
        Over::Review(review) => review.dialog(),
        Over::Question(question) => question.dialog(),
        Over::Ask(ask) => ask.dialog(),
        Over::Form(form) => form.dialog(),
        Over::Menu(menu) => menu.dialog(),
        Over::Deploy(deploy) => deploy.dialog(),
        Over::Palette(palette) => palette.dialog(high.saturating_sub(if high < 20 { 10 } else { 16 })),
    });
    if let Some(dialog) = dialog {
        dialog.draw(&mut canvas, &mut facts);
    }
    facts
}

fn draw_view(canvas: &mut Canvas<'_>, screen: &Screen, facts: &mut LayoutFacts) {
    let (wide, high) = (canvas.width(), canvas.height());
    let room = Room {
        wide,
        high,
        focus: screen.focus,
        glyphs: canvas.look.glyphs,
        keys: &screen.keys,
        orders: &screen.orders,
    };
    let mut body = canvas.rows(2, high.saturating_sub(3));
    let bands = match &screen.view {
        View::Overview(of) => {
            overview::draw(&mut body, of, room, facts);
            Vec::new()
        }
        View::Service(of) => service::service(of, room),
        View::Hosts(of) => hosts::hosts(of, room),
        View::Host(of) => hosts::host(of, room),
        View::Alerts(of) => alerts::alerts(of, room),
        View::Incidents(of) => incidents::incidents(of, room),
        View::Incident(of) => incidents::incident(of, room),
        View::Suspects(of) => suspects::suspects(of, room),
        View::Runbook(of) => runbook::runbook(of, room),
        View::Runs(of) => runs::runs(of, room),
        View::Run(of) => runs::run(of, room),
        View::Help(of) => help::help(of, room),
        View::Logs(of) => {
            logs::chips(&mut body.rows(0, 1), of);
            let bands = logs::logs(of, room);
            page::draw(&mut body.rows(1, high.saturating_sub(4)), &bands, facts);
            Vec::new()
        }
        View::Audit(of) => audit::audit(of, room),
        View::Document(of) => documents::document(of, room),
        View::Handover(of) => handover::handover(of, room),
        View::Findings(of) => findings::findings(of, room),
        View::Pipeline(of) => pipeline::pipeline(of, room),
        View::Maintenance(of) => maintenance::maintenance(of, room),
        View::Outbox(of) => outbox::outbox(of, room),
        View::Messages(of) => messages::messages(of, room),
    };
    page::draw(&mut body, &bands, facts);
    // After the panes: the message line lies over the lowest border.
    surround::draw(canvas, &screen.surround);
    if let View::Run(run) = &screen.view
        && run.production
        && run.live
    {
        for y in [0, 1, high.saturating_sub(1)] {
            canvas.band(y, Role::ProdBand);
        }
    }
}

#[cfg(test)]
pub(crate) mod testing {
    //! Draws on a canvas of any size and reads back the text.
    use ratatui::{buffer::Buffer, layout::Rect};

    use super::{canvas::Canvas, glyphs::Glyphs, style::Look};
    use crate::config::theme::{ColourDepth, Theme};

    pub(crate) fn look() -> Look {
        Look::new(Theme::default(), ColourDepth::True, Glyphs::Unicode)
    }

    /// Returns the rows with trailing blanks removed.
    pub(crate) fn text(width: u16, height: u16, draw: impl FnOnce(&mut Canvas<'_>)) -> Vec<String> {
        let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
        let look = look();
        draw(&mut Canvas::new(&mut buffer, &look, buffer_area(width, height)));
        (0..height)
            .map(|y| (0..width).map(|x| buffer[(x, y)].symbol()).collect::<String>().trim_end().to_owned())
            .collect()
    }

    fn buffer_area(width: u16, height: u16) -> Rect {
        Rect::new(0, 0, width, height)
    }
}
