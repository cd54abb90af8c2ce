//! What is on screen: views and their history, focus, cursors, boxes, drafts, messages. No styles, no terminal.
use std::collections::{BTreeMap, BTreeSet};

use super::{
    action::Motion,
    hosts::Question,
    id::{HostName, ServiceId, Uid},
    record::DeclaredState,
    ring::Ring,
    time::{Mono, Now},
};

pub mod act;
mod boxes;
pub mod documents;
pub mod findings;
pub mod form;
pub mod found;
pub mod handover;
pub mod items;
pub mod logs;
pub(super) mod offers;
pub mod order;
pub mod palette;
pub(super) mod pin;
pub mod pipeline;
mod place;
pub mod refusal;
pub mod replay;
mod respond;
pub mod rows;
pub mod runbooks;
mod said;
pub mod suspects;
mod whole;
pub mod windows;

pub use boxes::asks;
pub use place::{Pane, RowKey, View};
pub use said::{Message, Tone};

/// Which draft a text belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Draft {
    /// The filter of the focused pane.
    Filter(Pane),
    /// The palette's search.
    Palette,
    /// The search in help.
    Help,
    /// The service name typed to confirm.
    Name,
    /// Why.
    Reason,
    /// What is to be brought out: a version, a name, a path.
    Deploy,
    /// What is searched in a run's output.
    Search,
    /// A note for an incident.
    Note,
    /// A status update.
    Update,
    /// What is written in a box with fields.
    Form,
    /// A section of a document.
    Section,
    /// Why an item of the outbox is not written.
    Drop,
    /// The text of an item of the outbox.
    Item,
    /// A field of a window of planned work.
    Window(windows::Field),
    /// The filter of the logs.
    LogFilter,
    /// What is searched in the logs.
    LogSearch,
    /// A time to go to in the logs.
    LogTime,
    /// The name of a session of the log view.
    LogSession,
    /// The name of a term of the filter.
    LogName,
    /// A passphrase: the text never gets here, only as many dots.
    Passphrase,
}

/// A box over the view. At most one is open; the review box is apart, in [`super::runs`].
#[derive(Clone, Debug, PartialEq)]
pub enum Overlay {
    /// Help, searchable.
    Help,
    /// The command palette.
    Palette,
    /// Choosing what is brought out; what of is in [`super::runs::offer`].
    Deploy,
    /// What can be done to the object under the cursor.
    Menu {
        /// The actions, in order.
        actions: Vec<super::action::Action>,
    },
    /// The filter line of a pane.
    Filter(Pane),
    /// Searching in a run's output.
    Search,
    /// Fields about an incident.
    Form(form::Form),
    /// Writing a note.
    Note {
        /// For which incident.
        incident: Uid,
    },
    /// Opening an incident in one's own words.
    InWords {
        /// About which service.
        service: Option<ServiceId>,
    },
    /// Asks whether the hand-over is taken over.
    Sign {
        /// What was shown.
        digest: String,
    },
    /// Saying why an alert is held back that one owns.
    Own {
        /// Which.
        alert: Uid,
    },
    /// Promising something.
    Promise,
    /// A moment of the replay.
    Seek,
    /// Saying which version a run of a pipeline is to bring out.
    Version {
        /// Of which service.
        service: ServiceId,
    },
    /// Writing a section of a document.
    Section(super::documents::DraftName),
    /// Saying why an item of the outbox is not written.
    Drop {
        /// Which.
        token: Uid,
    },
    /// Editing the text of an item of the outbox.
    Edit {
        /// Which.
        token: Uid,
        /// What it was when the box was opened.
        was: String,
    },
    /// Declaring a window of planned work.
    Window {
        /// The field that the cursor is on.
        at: windows::Field,
    },
    /// Asks whether a window of planned work is to end.
    EndWindow {
        /// Which.
        window: Uid,
    },
    /// Writing a status update.
    Update {
        /// About which service.
        service: Option<ServiceId>,
        /// About which incident; none: the open one of the service.
        incident: Option<Uid>,
        /// The declared state.
        state: DeclaredState,
        /// Whether the text is whole, and a yes sends it.
        whole: bool,
    },
    /// A host asks something.
    Host {
        /// Which host.
        host: HostName,
        /// What.
        question: Question,
    },
    /// Asks for what `sudo` asks for; of whom is in [`super::runs::sudo`].
    Sudo,
    /// A line typed in the log view: its filter, its search, a time, a name.
    Log(Draft),
    /// A list of the log view.
    LogList(LogList),
    /// Asks before the program ends while a run is going on.
    Quit,
    /// Asks whether what a run did is to be taken back.
    Approve {
        /// Which run.
        run: super::id::Uid,
    },
    /// Whether what a run did is to be taken back.
    TakeBack {
        /// Which.
        run: Uid,
    },
    /// Asks whether to arm write for an environment.
    Arm {
        /// The environment.
        env: super::id::EnvName,
    },
}

/// What a list of the log view holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogList {
    /// The filter's terms, and saved filters.
    Filters,
    /// Sources.
    Sources,
    /// Columns.
    Columns,
}

/// How times are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum TimeDisplay {
    /// UTC.
    #[default]
    Utc,
    /// The configured time zone.
    Local,
    /// How long ago.
    Age,
}

/// What the last drawing found out, which paging and the mouse need.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct LayoutFacts {
    /// Size of the terminal: columns, rows.
    pub size: (u16, u16),
    /// Panes that were drawn.
    pub panes: Vec<PaneFacts>,
    /// A box is open that did not fit: part of it was not to be seen.
    pub cut: bool,
    /// Lines that the open box can be scrolled.
    pub scroll: usize,
    /// Of how many lines that is.
    pub lines: usize,
}

/// Where a pane was drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PaneFacts {
    /// Which.
    pub pane: Pane,
    /// Left, top, width, height.
    pub area: (u16, u16, u16, u16),
    /// The line of its first object.
    pub first_row: u16,
    /// Objects visible.
    pub rows: u16,
    /// Index of the first visible object.
    pub offset: usize,
    /// How many columns its longest line goes beyond it.
    pub beyond: usize,
}

/// State of the screen.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "switches that have nothing to do with each other")]
pub struct State {
    /// The view.
    pub view: View,
    /// Views before it, oldest first.
    pub back: Vec<View>,
    /// Views after it, while going back.
    pub forward: Vec<View>,
    /// Focused pane per view: an index into its panes.
    pub focus: BTreeMap<View, usize>,
    /// The focused pane has the whole screen.
    pub zoomed: bool,
    /// The one host of the run that is shown whose output is wanted; none: that of all.
    pub output_of: Option<HostName>,
    /// Cursor per view and pane.
    pub cursors: BTreeMap<(View, Pane), RowKey>,
    /// Panes in which a person has been: their cursor stays on its object. In the others it stays on the first row.
    pub held: BTreeSet<(View, Pane)>,
    /// Rows per pane in the order they are shown, kept while the cursor moves.
    pub order: BTreeMap<(View, Pane), Vec<RowKey>>,
    /// How often a pane was sorted anew: which of its orders its rows stand in.
    pub sort: BTreeMap<Pane, usize>,
    /// The open box.
    pub overlay: Option<Overlay>,
    /// Cursor in the open box.
    pub overlay_cursor: usize,
    /// Texts being written.
    pub drafts: BTreeMap<Draft, String>,
    /// Which field of the review box is edited: the name, or the reason.
    pub review_reason: bool,
    /// Past messages.
    pub messages: Ring<Message>,
    /// The message on the message line.
    pub message: Option<Message>,
    /// How times are shown.
    pub time: TimeDisplay,
    /// The mouse is on.
    pub mouse: bool,
    /// Planned work is marked in bars.
    pub maintenance: bool,
    /// The terminal has the focus.
    pub focused: bool,
    /// Last time the cursor moved: rows are not sorted anew right after.
    pub moved: Mono,
    /// What the last drawing found out.
    pub layout: LayoutFacts,
    /// Bytes a second to the terminal, lately.
    pub bytes_s: f64,
    /// Data are made up.
    pub demo: bool,
    /// Something was written here into an incident.
    pub wrote: bool,
    /// Sections that were written here: until the store gives them back, none of them is offered as the next that is empty.
    pub sections: BTreeSet<(Uid, super::incidents::Section)>,
    /// How the incident stands that is played back, if one is.
    pub replay: Option<super::replay::Standing>,
    /// What the configuration left out, a line each.
    pub problems: Vec<String>,
}

impl Default for State {
    fn default() -> Self {
        Self {
            view: View::default(),
            back: Vec::new(),
            forward: Vec::new(),
            focus: BTreeMap::new(),
            zoomed: false,
            output_of: None,
            cursors: BTreeMap::new(),
            held: BTreeSet::new(),
            order: BTreeMap::new(),
            sort: BTreeMap::new(),
            overlay: None,
            overlay_cursor: 0,
            drafts: BTreeMap::new(),
            review_reason: false,
            messages: Ring::new(500),
            message: None,
            time: TimeDisplay::default(),
            mouse: false,
            maintenance: true,
            focused: true,
            moved: Mono(0),
            layout: LayoutFacts::default(),
            bytes_s: 0.0,
            demo: false,
            wrote: false,
            sections: BTreeSet::new(),
            replay: None,
            problems: Vec::new(),
        }
    }
}

/// Milliseconds that the cursor must rest before rows are sorted anew.
pub const REST_MS: u64 = 2_000;
/// Views kept in the history.
const HISTORY: usize = 50;

impl State {
    /// Returns the focused pane of the view.
    pub fn pane(&self) -> Pane {
        let panes = self.view.panes();
        let index = self.focus.get(&self.view).copied().unwrap_or(0);
        panes.get(index).or(panes.first()).copied().unwrap_or(Pane::Services)
    }

    /// Returns the object under the cursor of a pane of the view.
    pub fn cursor(&self, pane: Pane) -> Option<&RowKey> {
        self.cursors.get(&(self.view.clone(), pane))
    }

    /// Notes that a person is in the focused pane: from now on its cursor stays on its object.
    pub(crate) fn hold(&mut self) {
        self.held.insert((self.view.clone(), self.pane()));
    }

    /// Returns the rows of a pane of the view, in the order they are shown.
    pub fn rows(&self, pane: Pane) -> &[RowKey] {
        self.order.get(&(self.view.clone(), pane)).map_or(&[], Vec::as_slice)
    }

    /// Returns the text of a draft.
    pub fn draft(&self, draft: Draft) -> &str {
        self.drafts.get(&draft).map_or("", String::as_str)
    }

    /// Returns the draft that the open box writes, if any. The review box has its own: see `core::State::editing`.
    pub fn editing(&self) -> Option<Draft> {
        match self.overlay.as_ref()? {
            Overlay::Help => Some(Draft::Help),
            Overlay::Palette => Some(Draft::Palette),
            Overlay::Deploy => Some(Draft::Deploy),
            Overlay::Search => Some(Draft::Search),
            Overlay::Filter(pane) => Some(Draft::Filter(*pane)),
            Overlay::Note { .. }
            | Overlay::InWords { .. }
            | Overlay::Own { .. }
            | Overlay::Promise
            | Overlay::Seek
            | Overlay::Version { .. } => Some(Draft::Note),
            Overlay::Section(_) => Some(Draft::Section),
            Overlay::Drop { .. } => Some(Draft::Drop),
            Overlay::Edit { .. } => Some(Draft::Item),
            Overlay::Window { at } => Some(Draft::Window(*at)),
            Overlay::Update { whole, .. } => (!whole).then_some(Draft::Update),
            Overlay::Form(form) => (form.text == Some(form.at)).then_some(Draft::Form),
            Overlay::Log(draft) => Some(*draft),
            Overlay::Sudo | Overlay::Host { question: Question::Passphrase { .. }, .. } => Some(Draft::Passphrase),
            Overlay::Host { .. }
            | Overlay::Menu { .. }
            | Overlay::LogList(_)
            | Overlay::Quit
            | Overlay::Sign { .. }
            | Overlay::EndWindow { .. }
            | Overlay::Arm { .. }
            | Overlay::TakeBack { .. }
            | Overlay::Approve { .. } => None,
        }
    }

    /// Takes over what the last drawing found out.
    ///
    /// A box that was read to its end stays there where less room is left for the same lines: a word on what is missing takes a row,
    /// and what was seen need not be read again for that.
    pub(super) fn laid_out(&mut self, mut layout: LayoutFacts) {
        let before = &self.layout;
        let was_read = before.scroll > 0 && !before.cut && self.overlay_cursor >= before.scroll;
        if was_read && layout.cut && layout.lines == before.lines && layout.scroll > before.scroll {
            self.overlay_cursor = layout.scroll;
            layout.cut = false;
        }
        self.layout = layout;
    }

    /// Goes to a view and remembers where it came from.
    pub fn go(&mut self, view: View) {
        self.close();
        if self.view == view {
            return;
        }
        let from = std::mem::replace(&mut self.view, view);
        self.back.push(from);
        if self.back.len() > HISTORY {
            self.back.remove(0);
        }
        self.forward.clear();
        self.arrived();
    }

    /// Another view is in place: what the last drawing found out is not about it.
    pub(crate) fn arrived(&mut self) {
        self.zoomed = false;
        self.output_of = None;
        self.drafts.remove(&Draft::Search);
        self.layout.panes.clear();
    }

    /// Goes back in the history; false at its beginning.
    pub fn go_back(&mut self) -> bool {
        let Some(view) = self.back.pop() else { return false };
        let from = std::mem::replace(&mut self.view, view);
        self.forward.push(from);
        self.arrived();
        true
    }

    /// Goes to the view before this one, and from there back to this one, like `cd -`.
    pub fn go_last(&mut self) {
        if let Some(view) = self.back.pop() {
            let from = std::mem::replace(&mut self.view, view);
            self.back.push(from);
            self.forward.clear();
            self.arrived();
        }
    }

    /// Goes forward in the history.
    pub fn go_forward(&mut self) {
        if let Some(view) = self.forward.pop() {
            let from = std::mem::replace(&mut self.view, view);
            self.back.push(from);
            self.arrived();
        }
    }

    /// Opens a box with an empty draft; a filter goes on from its last text.
    pub fn open(&mut self, overlay: Overlay) {
        self.overlay = Some(overlay);
        self.overlay_cursor = 0;
        if let Some(draft) =
            self.editing().filter(|draft| !matches!(draft, Draft::Filter(_) | Draft::LogFilter | Draft::LogSearch))
        {
            self.drafts.remove(&draft);
        }
    }

    /// Closes the box.
    pub fn close(&mut self) {
        self.overlay = None;
        self.overlay_cursor = 0;
    }

    /// Objects that a pane shows at once, as last drawn.
    pub fn page(&self, pane: Pane) -> usize {
        self.layout.panes.iter().find(|facts| facts.pane == pane).map_or(10, |facts| usize::from(facts.rows)).max(1)
    }

    /// Moves the cursor of the focused pane.
    pub fn move_cursor(&mut self, motion: Motion, now: Now) {
        let pane = self.pane();
        let rows = self.rows(pane);
        let at = self.cursor(pane).and_then(|key| rows.iter().position(|row| row == key)).unwrap_or(0);
        let to = moved(at, rows.len(), self.page(pane), motion);
        if let Some(key) = rows.get(to).cloned() {
            self.cursors.insert((self.view.clone(), pane), key);
            self.moved = now.mono;
        }
    }
}

/// Where a cursor lands, in a list of `len` rows of which `page` are visible.
pub fn moved(at: usize, len: usize, page: usize, motion: Motion) -> usize {
    let last = len.saturating_sub(1);
    let to = match motion {
        Motion::Down | Motion::Right => at.saturating_add(1),
        Motion::Up | Motion::Left => at.saturating_sub(1),
        Motion::Top => 0,
        Motion::Bottom => last,
        Motion::HalfDown => at.saturating_add((page / 2).max(1)),
        Motion::HalfUp => at.saturating_sub((page / 2).max(1)),
        Motion::PageDown => at.saturating_add(page),
        Motion::PageUp => at.saturating_sub(page),
    };
    to.min(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cursor_stays_within_its_rows() {
        for (at, len, motion, want) in [
            (0, 3, Motion::Down, 1),
            (2, 3, Motion::Down, 2),
            (0, 3, Motion::Up, 0),
            (0, 100, Motion::PageDown, 10),
            (95, 100, Motion::PageDown, 99),
            (50, 100, Motion::HalfUp, 45),
            (1, 100, Motion::Bottom, 99),
            (0, 0, Motion::Down, 0),
        ] {
            assert_eq!(moved(at, len, 10, motion), want, "{at} {motion:?}");
        }
    }

    #[test]
    fn history_goes_back_and_forward_like_a_browser() {
        let mut screen = State::default();
        screen.go(View::Hosts);
        screen.go(View::Host("web-01".into()));
        assert!(screen.go_back());
        assert_eq!(screen.view, View::Hosts);
        screen.go_forward();
        assert_eq!(screen.view, View::Host("web-01".into()));
        assert!(screen.go_back() && screen.go_back() && !screen.go_back());
        screen.go(View::Hosts);
        screen.go_last();
        assert_eq!(screen.view, View::Overview);
        screen.go_last();
        assert_eq!(screen.view, View::Hosts, "twice is where one was");
        assert!(screen.go_back());
        screen.go(View::Alerts);
        screen.go_forward();
        assert_eq!(screen.view, View::Alerts, "a new way forgets the old one");
    }
}
