//! Pictures of the console, written by this test and never by hand. `QD_UPDATE_SCREENSHOTS=1` writes them anew.
use std::{fs, path::Path};

use quarterdeck::{
    config::theme::{ColourDepth, Theme},
    ui::{Look, Screen, glyphs::Glyphs},
};

use crate::{scene, svg, views::draw};

fn look(theme: &str) -> Look {
    Look::new(Theme::built_in(theme).unwrap(), ColourDepth::True, Glyphs::Unicode)
}

fn shot(name: &str, screen: &Screen, look: &Look, size: (u16, u16)) -> Option<String> {
    let picture = svg::write(&draw(screen, look, size), &format!("quarterdeck: {name}"), svg::DARK);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("screenshots").join(format!("{name}.svg"));
    if std::env::var_os("QD_UPDATE_SCREENSHOTS").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, picture).unwrap();
        return None;
    }
    (fs::read_to_string(&path).ok().as_deref() != Some(picture.as_str())).then(|| name.to_owned())
}

#[test]
fn pictures_show_what_the_program_draws() {
    let mut stale = Vec::new();
    for (name, screen, theme, size) in [
        ("overview-120x36", scene::overview(), "dark", (120, 36)),
        ("overview-80x24", scene::overview(), "dark", (80, 24)),
        ("overview-200x50", scene::overview(), "dark", (200, 50)),
        ("overview-light", scene::overview(), "light", (120, 36)),
        ("overview-cb", scene::overview(), "cb", (120, 36)),
        ("overview-mono", scene::overview(), "mono", (120, 36)),
        ("service", scene::service_detail(), "dark", (120, 36)),
        ("hosts", scene::hosts_table(), "dark", (120, 36)),
        ("host", scene::host_detail(), "dark", (120, 36)),
        ("alerts", scene::alerts_view(), "dark", (120, 36)),
        ("incident", scene::incident_view(), "dark", (120, 36)),
        ("review", scene::review("pla"), "dark", (120, 36)),
        ("run", scene::run_view(), "dark", (120, 36)),
        ("palette", scene::palette(), "dark", (120, 36)),
        ("help", scene::help_view(), "dark", (120, 36)),
    ] {
        stale.extend(shot(name, &screen, &look(theme), size));
    }
    assert!(stale.is_empty(), "run with QD_UPDATE_SCREENSHOTS=1 and look at {stale:?}");
}
