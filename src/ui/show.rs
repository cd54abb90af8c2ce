//! What is to be shown, as plain data: already sorted, already judged, not yet drawn.
//!
//! The views draw these; what makes them from the state decides which object is worst and what is too old to be believed.
use std::collections::BTreeMap;

use crate::config::{keymap::Keymap, theme::Role};
use crate::core::{
    action::{ACTIONS, Action},
    alerts::Severity,
    inventory::EnvKind,
    services::{Health, days::Grade},
};

/// The first key of each action as the person has bound it, for the places of a view that name one.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Keys(BTreeMap<&'static str, String>);

impl Keys {
    /// Reads them from a keymap.
    pub fn new(keymap: &Keymap) -> Self {
        let first = |id: &'static str| Some((id, keymap.keys_of(id).first()?.to_string()));
        Self(ACTIONS.iter().filter_map(|entry| first(entry.id)).collect())
    }

    /// Returns the key of an action; one without a key is named as the palette knows it.
    pub fn of(&self, action: Action) -> String {
        let Some(entry) = action.entry() else { return String::new() };
        self.0.get(entry.id).cloned().unwrap_or_else(|| format!(":{}", entry.id))
    }
}

/// How a number is to be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Level {
    /// Beside the point.
    Quiet,
    /// As it should be.
    #[default]
    Fine,
    /// Over its limit: attend.
    Warn,
    /// Far over its limit.
    Bad,
}

impl Level {
    /// Returns the role that writes such a number.
    pub fn role(self) -> Role {
        match self {
            Self::Quiet => Role::Dim,
            Self::Fine => Role::Text,
            Self::Warn => Role::Degraded,
            Self::Bad => Role::Down,
        }
    }
}

/// A number on screen; without text it is missing and shown as `?`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Value {
    /// Its text with the unit.
    pub text: Option<String>,
    /// How it is to be read.
    pub level: Level,
}

impl Value {
    /// Makes a number that is as it should be.
    pub fn fine(text: impl Into<String>) -> Self {
        Self { text: Some(text.into()), level: Level::Fine }
    }

    /// Makes a number.
    pub fn at(text: impl Into<String>, level: Level) -> Self {
        Self { text: Some(text.into()), level }
    }
}

/// A line that is typed, with what is wrong with it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Input {
    /// What it is.
    pub prompt: String,
    /// What is typed.
    pub text: String,
    /// The byte that the text cursor is before.
    pub cursor: usize,
    /// The bytes that are wrong.
    pub wrong: Option<(usize, usize)>,
    /// What is wrong, or what can be written.
    pub says: String,
}

/// A source of lines and how it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourceMark {
    /// Its name.
    pub name: String,
    /// Which kind of place.
    pub kind: String,
    /// It is live, or was read to its end.
    pub good: bool,
    /// It is lost or refused.
    pub lost: bool,
    /// Why.
    pub says: String,
}

/// How the P1 stands that is open, or the oldest of several.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Worst {
    /// For how long, hours and all.
    pub long: String,
    /// The same, without hours where there are none.
    pub short: String,
    /// What was promised next, in full and in short, and how that stands.
    pub promise: Option<(String, String, Tone)>,
}

/// Everything around the view: lines 0 and 1, the last line, the message.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Surround {
    /// The environment in view and its kind.
    pub env: Option<(String, EnvKind)>,
    /// Whether this is the demo, which the frame says on every screen.
    pub demo: bool,
    /// How an incident stands that is played back.
    pub replay: Option<String>,
    /// The client's name.
    pub client: String,
    /// Who sits here.
    pub operator: String,
    /// What the console hangs on: recorder, store, hosts.
    pub links: Vec<Link>,
    /// `03:12:41Z`.
    pub utc: String,
    /// `22:12 BOG`; empty when the second clock is UTC.
    pub local: String,
    /// Line 1.
    pub second: Second,
    /// The open P1.
    pub p1: Option<Worst>,
    /// Keys that act here and what they do, the most useful first.
    pub hints: Vec<(String, String)>,
    /// Bytes a second to the terminal: `1.2 KB/s`.
    pub rate: String,
    /// Whether changes are possible.
    pub mode: Mode,
    /// The line above the last one.
    pub message: Option<Message>,
    /// A line of the log view that is typed: in place of the message.
    pub input: Option<Input>,
    /// The filter of the focused pane, and where its text cursor is, in bytes, while it is typed: in place of the message.
    pub filter: Option<(String, Option<usize>)>,
    /// The state of everything, for a screen on which nothing else has room.
    pub global: Global,
    /// Services that are down, by name, for such a screen.
    pub down: Vec<String>,
    /// Whether the mouse is on.
    pub mouse: bool,
}

/// Something the console hangs on.
#[derive(Clone, Debug, PartialEq)]
pub struct Link {
    /// Its name.
    pub name: String,
    /// Its state.
    pub health: Health,
    /// A number, if it says something.
    pub number: String,
}

/// Line 1.
#[derive(Clone, Debug, PartialEq)]
pub enum Second {
    /// On the overview: the state of everything.
    Global(Global),
    /// Elsewhere: where one is, outermost first.
    Trail(Vec<String>),
    /// In the logs: where lines come from.
    Logs {
        /// The sources.
        sources: Vec<SourceMark>,
        /// `lag 0.8 s`.
        lag: String,
    },
    /// The way to the world is broken: what, since when, what happens next.
    Lost {
        /// `jump lost 00:42`.
        what: String,
        /// `retry in 5s, try 3   data is 44s old   changers off`.
        more: String,
    },
}

impl Default for Second {
    fn default() -> Self {
        Self::Trail(Vec::new())
    }
}

/// The state of everything.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Global {
    /// How many services are up.
    pub up: usize,
    /// How many are degraded.
    pub degraded: usize,
    /// How many fail and are not down yet; they are in none of the others.
    pub failing: usize,
    /// How many are down.
    pub down: usize,
    /// How many are under planned work.
    pub maintenance: usize,
    /// How many nobody knows about.
    pub unknown: usize,
    /// Window, percentage and whether it misses the objective: `24h`, `99.86`.
    pub percentages: Vec<(String, Value)>,
}

impl Global {
    /// Returns the words for it and how loud they are; none of them is a pill when nothing is broken.
    pub fn verdict(&self) -> (&'static str, Health) {
        let all = self.up + self.degraded + self.failing + self.down + self.maintenance + self.unknown;
        match self {
            _ if all == 0 => ("NO SERVICES", Health::Unknown),
            Self { down, .. } if *down == all => ("MAJOR OUTAGE", Health::Down),
            Self { down, .. } if *down > 0 => ("PARTIAL OUTAGE", Health::Down),
            Self { failing, .. } if *failing > 0 => ("FAILING", Health::Degraded),
            Self { degraded, .. } if *degraded > 0 => ("DEGRADED", Health::Degraded),
            Self { unknown, .. } if *unknown == all => ("UNKNOWN", Health::Unknown),
            Self { unknown, .. } if *unknown > 0 => ("PARTLY UNKNOWN", Health::Unknown),
            Self { maintenance, .. } if *maintenance > 0 => ("MAINTENANCE", Health::Maintenance),
            _ => ("ALL UP", Health::Up),
        }
    }
}

/// Whether changes are possible.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Mode {
    /// Looking only.
    #[default]
    ReadOnly,
    /// Write is armed: for how long still, `04:41`, and where.
    Armed {
        /// Time left.
        left: String,
        /// The environment's kind, which gives the pill its colour.
        kind: EnvKind,
    },
}

/// What is said on the message line.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// Whether it went well.
    pub tone: Tone,
    /// What happened.
    pub text: String,
    /// More, less loud: what to do.
    pub more: String,
}

/// How a message is meant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tone {
    /// Done.
    Good,
    /// To know.
    #[default]
    Info,
    /// To attend.
    Warn,
    /// Did not work.
    Error,
}

/// A service in the list.
#[derive(Clone, Debug, PartialEq)]
pub struct ServiceRow {
    /// Its name, with the environment where more than one is shown.
    pub name: String,
    /// Its state.
    pub health: Health,
    /// Failures in a row that do not make it down yet, and how many would.
    pub failing: Option<(u32, u32)>,
    /// Ninety days, oldest first, the last one today.
    pub days: Vec<Grade>,
    /// Percentages over 24 h, 7 d, 30 d and 90 d.
    pub percentages: [Value; 4],
    /// Down for so long today, or the end of planned work: `12m41`, `04:00`.
    pub today: Value,
    /// When the next check starts: `23s`.
    pub next: String,
    /// Latency of the last answers in milliseconds.
    pub latency: Vec<Option<f32>>,
    /// The last latency: `48 ms`.
    pub took: Value,
}

/// A host in the list.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HostRow {
    /// Its name.
    pub name: String,
    /// A label that says what it is for.
    pub role: String,
    /// Whether something is over its limit.
    pub hot: bool,
    /// Whether its numbers are too old to be believed.
    pub stale: bool,
    /// CPU history in percent.
    pub cpu_history: Vec<Option<f32>>,
    /// CPU.
    pub cpu: Value,
    /// Memory history in percent.
    pub memory_history: Vec<Option<f32>>,
    /// Memory.
    pub memory: Value,
    /// Swap.
    pub swap: Value,
    /// Fullest file system.
    pub disk: Value,
    /// Busiest device.
    pub io: Value,
    /// Received and sent a second: `41M/88M`.
    pub net: Value,
    /// One-minute load, with the cores in the wide table: `7.9/4`.
    pub load: Value,
    /// Since boot.
    pub uptime: Value,
    /// Age of the last sample: `2s`; `4m` when stale.
    pub age: String,
    /// Why there is no data, if there is none: `ssh timeout at jump`.
    pub reason: String,
}

/// An alert in the list.
#[derive(Clone, Debug, PartialEq)]
pub struct AlertRow {
    /// How bad.
    pub severity: Severity,
    /// Since when: `12m`.
    pub age: String,
    /// What it is about.
    pub target: String,
    /// The rule in words: `CPU > 80%`.
    pub rule: String,
    /// How long that must last: ` for 5m`.
    pub lasting: String,
    /// The value: `91%`.
    pub value: Value,
    /// `firing`, `pending`, `resolved`, `flapping`.
    pub state: String,
    /// Who owns it.
    pub owner: Option<String>,
    /// Whether it fires and nobody owns it, which is loud.
    pub unowned: bool,
    /// Values of the last half hour.
    pub trend: Vec<Option<f32>>,
    /// The incident it belongs to.
    pub incident: String,
    /// More: `in 1m12`, `unowned`.
    pub note: String,
}

/// An incident in the list.
#[derive(Clone, Debug, PartialEq)]
pub struct IncidentRow {
    /// `INC-214`.
    pub id: String,
    /// How bad.
    pub severity: Severity,
    /// One line.
    pub title: String,
    /// About which service.
    pub service: String,
    /// Who took it.
    pub owner: Option<String>,
    /// Since it was opened: `12m41`.
    pub age: String,
    /// Whether it is over.
    pub resolved: bool,
    /// Whether its document is whole, or it went into another.
    pub closed: bool,
    /// Its phase: `4 diagnose`.
    pub phase: String,
    /// How its tickets stand, and how that is meant; none: nothing is to be written.
    pub sync: Option<(&'static str, Tone)>,
    /// The clock that runs out next: what, how it stands, and whether it is late.
    pub clock: Option<(&'static str, String, bool)>,
    /// The newest entries of its timeline, oldest first.
    pub last: Vec<TimelineRow>,
}

/// An entry of a timeline.
#[derive(Clone, Debug, PartialEq)]
pub struct TimelineRow {
    /// When: `03:10:12`.
    pub at: String,
    /// Who.
    pub by: String,
    /// What kind: `opened`, `action`, `result`.
    pub kind: String,
    /// How it is meant.
    pub tone: Tone,
    /// What.
    pub text: String,
}

/// A status update in the list.
#[derive(Clone, Debug, PartialEq)]
pub struct UpdateRow {
    /// When.
    pub at: String,
    /// Who.
    pub by: String,
    /// `investigating`, `resolved`.
    pub state: String,
    /// Whether it says that all is over.
    pub over: bool,
    /// About which service; empty: about all.
    pub service: String,
    /// The text.
    pub text: String,
}
