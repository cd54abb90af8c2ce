//! What a colour means. Widgets name roles, never colours.

macro_rules! roles {
    ($($(#[$doc:meta])* $role:ident = $name:literal,)*) => {
        /// What a colour means, the same in every theme.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Role {
            $($(#[$doc])* $role,)*
        }

        impl Role {
            /// Every role, in the order of theme files.
            pub const ALL: &'static [Self] = &[$(Self::$role,)*];

            /// Its name in theme files.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$role => $name,)*
                }
            }
        }
    };
}

roles! {
    /// Ground of the screen.
    Surface = "surface",
    /// Banner, disabled button.
    SurfaceAlt = "surface_alt",
    /// Ground of a box.
    Raised = "raised",
    /// Ground of the selected row.
    Selection = "selection",
    /// Text under a box.
    Scrim = "scrim",
    /// Values, messages.
    Text = "text",
    /// What to read first.
    Strong = "strong",
    /// Labels, units, keys' words.
    Dim = "dim",
    /// Column heads, milliseconds, legends.
    Faint = "faint",
    /// Unfocused frame, rules.
    Border = "border",
    /// Focused frame.
    Focus = "focus",
    /// Unfocused title.
    Title = "title",
    /// Cursor, current phase, first suspect.
    Accent = "accent",
    /// A key you can press.
    Key = "key",
    /// Text on any pill.
    OnFill = "on_fill",
    /// Up, met, passed (text).
    Ok = "ok",
    /// Day 100 %, done segment.
    OkFill = "ok_fill",
    /// Day ≥ 99.9.
    MinorFill = "minor_fill",
    /// Degraded, due, nobody, late soon (text).
    Degraded = "degraded",
    /// Chart over warn limit.
    DegradedFill = "degraded_fill",
    /// Day ≥ 95.
    DayDegraded = "day_degraded",
    /// Ground of that day.
    DegradedTint = "degraded_tint",
    /// Down, P1, over hard limit (text, pill).
    Down = "down",
    /// Chart over hard limit.
    DownFill = "down_fill",
    /// Day < 95.
    DayDown = "day_down",
    /// Ground of that day.
    DownTint = "down_tint",
    /// Planned work.
    Maint = "maint",
    /// No data.
    Unknown = "unknown",
    /// Older than its limit.
    Stale = "stale",
    /// Level E.
    Error = "error",
    /// Level W.
    Warn = "warn",
    /// Level I.
    Info = "info",
    /// Level D.
    Debug = "debug",
    /// Search hit.
    Match = "match",
    /// Its ground.
    MatchBg = "match_bg",
    /// ★, current hit (pill).
    Mark = "mark",
    /// Ground of a filter that acts.
    ChipOn = "chip_on",
    /// Ground of a filter that rests.
    ChipOff = "chip_off",
    /// PROD badge, change frame.
    Prod = "prod",
    /// Ground of lines 0, 1, last in a change.
    ProdBand = "prod_band",
    /// STAGE badge.
    Staging = "staging",
    /// AT pill.
    Travel = "travel",
    /// Ground of lines 0, 1 at a past time.
    TravelBand = "travel_band",
    /// RW pill, = the env's colour.
    Armed = "armed",
    /// First seen (pill).
    New = "new",
    /// No longer seen.
    Gone = "gone",
    /// Lines, meters, service hue 1.
    Chart1 = "chart_1",
    /// Service hue 2.
    Chart2 = "chart_2",
    /// Service hue 3.
    Chart3 = "chart_3",
    /// Service hue 4.
    Chart4 = "chart_4",
    /// Zero line, rest of a meter.
    ChartFloor = "chart_floor",
}

impl Role {
    /// Finds a role by its name.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|role| role.name() == name)
    }

    /// Says whether it is a ground: its colour goes behind text.
    pub const fn is_ground(self) -> bool {
        matches!(
            self,
            Self::Surface
                | Self::SurfaceAlt
                | Self::Raised
                | Self::Selection
                | Self::DegradedTint
                | Self::DownTint
                | Self::MatchBg
                | Self::ChipOn
                | Self::ChipOff
                | Self::ProdBand
                | Self::TravelBand
        )
    }
}
