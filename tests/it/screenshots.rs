//! Pictures of the console, written by this test and never by hand. `QD_UPDATE_SCREENSHOTS=1` writes them anew;
//! `QD_ALL_SCREENSHOTS=FOLDER` writes every view and box at every size there, to be looked at.
use std::{fs, path::Path};

use quarterdeck::{
    config::theme::{ColourDepth, Theme},
    core::{action::Action, incidents::IncidentAction, screen::Draft},
    ui::{Look, glyphs::Glyphs},
};

use ratatui::buffer::Buffer;

use crate::{
    audits, deploys, log_view,
    night::Night,
    outboxes,
    places::places,
    rollout::{self, Rollout},
    svg,
    views::draw,
};

fn look(theme: &str) -> Look {
    Look::new(Theme::built_in(theme).unwrap(), ColourDepth::True, Glyphs::Unicode)
}

fn shot(name: &str, night: &Night, look: &Look, size: (u16, u16)) -> Option<String> {
    kept(name, &draw(night, look, size))
}

fn kept(name: &str, drawn: &Buffer) -> Option<String> {
    let picture = svg::write(drawn, &format!("quarterdeck: {name}"), svg::DARK);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("screenshots").join(format!("{name}.svg"));
    if std::env::var_os("QD_UPDATE_SCREENSHOTS").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, picture).unwrap();
        return None;
    }
    (fs::read_to_string(&path).ok().as_deref() != Some(picture.as_str())).then(|| name.to_owned())
}

fn every_place(folder: &Path) {
    fs::create_dir_all(folder).unwrap();
    for (name, night) in places() {
        for (wide, high) in [(60, 18), (80, 24), (120, 36), (200, 50)] {
            let picture = svg::write(&draw(&night, &look("dark"), (wide, high)), name, svg::DARK);
            fs::write(folder.join(format!("{name}-{wide}x{high}.svg")), picture).unwrap();
        }
    }
}

#[test]
fn pictures_show_what_the_program_draws() {
    use Action::{FocusPane, GoAlerts, GoHosts, GoIncidents, OpenHelp, OpenPalette, OpenSelected};
    let at = |actions: &[Action]| {
        let mut night = Night::new();
        night.act(actions);
        night
    };
    let mut stale = Vec::new();
    let night = Night::new();
    for (name, theme, size) in [
        ("overview-120x36", "dark", (120, 36)),
        ("overview-80x24", "dark", (80, 24)),
        ("overview-200x50", "dark", (200, 50)),
        ("overview-light", "light", (120, 36)),
        ("overview-cb", "cb", (120, 36)),
        ("overview-mono", "mono", (120, 36)),
    ] {
        stale.extend(shot(name, &night, &look(theme), size));
    }
    for (name, night) in [
        ("service", at(&[OpenSelected])),
        ("hosts", at(&[GoHosts])),
        ("host", at(&[GoHosts, OpenSelected])),
        ("alerts", at(&[GoAlerts])),
        ("incident", Night::new().diagnosed()),
        ("update", {
            let mut night = Night::new().diagnosed();
            night.act(&[Action::WriteUpdate]);
            night.types(Draft::Update, "players see errors -- going back to 2.30.9");
            night.act(&[Action::Confirm]);
            night
        }),
        ("incidents", {
            let mut night = Night::new().diagnosed();
            night.act(&[GoIncidents]);
            night
        }),
        ("incident-classify", {
            let mut night = Night::new().diagnosed();
            night.act(&[Action::Incident(IncidentAction::Classify)]);
            night
        }),
        ("open-in-words", crate::places::in_words()),
        ("document", crate::papers::night()),
        ("document-section", crate::papers::writing()),
        ("handover", crate::papers::handover()),
        ("handover-sign", crate::papers::signing()),
        ("replay", crate::papers::replay()),
        ("suspects", crate::suspected::night()),
        ("suspects-difference", crate::suspected::difference()),
        ("suspects-file", crate::suspected::file()),
        ("runbook", crate::booked::night()),
        ("audit", audits::log(None)),
        ("findings", crate::scans::found()),
        ("alert-taken", crate::places::taken()),
        ("pipeline", crate::pipes::waits()),
        ("pipeline-failed", crate::pipes::failed()),
        ("pipeline-review", crate::pipes::review()),
        ("maintenance", crate::works::planned()),
        ("maintenance-add", crate::works::adding("01:00")),
        ("outbox", outboxes::waiting()),
        ("outbox-edit", outboxes::editing()),
        ("deploy", deploys::chosen()),
        ("review", rollout::review()),
        ("run", Rollout::live(6).night()),
        ("run-blue-green", Rollout::led().night()),
        ("run-unknown", Rollout::unknown().night()),
        ("proof", Rollout::proved(true).night()),
        ("proof-not-recovered", Rollout::proved(false).night()),
        ("runs", {
            let mut night = Rollout::proved(false).night();
            night.act(&[Action::GoRuns]);
            night
        }),
        ("palette", at(&[OpenPalette])),
        ("help", at(&[FocusPane(3), OpenHelp])),
    ] {
        stale.extend(shot(name, &night, &look("dark"), (120, 36)));
    }
    for (name, mut desk) in log_view::places() {
        if ["logs", "logs-web", "logs-patterns-new", "logs-histogram"].contains(&name) {
            let size = (120, 36);
            stale.extend(kept(name, &desk.draw(&look("dark"), size)));
        }
    }
    if let Some(folder) = std::env::var_os("QD_ALL_SCREENSHOTS") {
        every_place(Path::new(&folder));
    }
    assert!(stale.is_empty(), "run with QD_UPDATE_SCREENSHOTS=1 and look at {stale:?}");
}
