use super::*;

/// Role, ground, and contrast in dark, light and cb, as the visual language promises.
const CONTRAST: &[(&str, &str, [f64; 3])] = &[
    ("text", "surface", [11.5, 12.6, 11.5]),
    ("text", "selection", [8.8, 10.6, 8.8]),
    ("text", "raised", [10.2, 13.1, 10.2]),
    ("text", "prod_band", [9.4, 10.7, 9.3]),
    ("text", "travel_band", [8.7, 11.4, 8.7]),
    ("strong", "surface", [16.7, 18.4, 16.7]),
    ("strong", "selection", [12.8, 15.5, 12.8]),
    ("strong", "raised", [14.8, 19.2, 14.8]),
    ("strong", "prod_band", [13.6, 15.7, 13.5]),
    ("strong", "chip_on", [9.7, 14.3, 9.7]),
    ("dim", "surface", [6.6, 5.9, 6.6]),
    ("dim", "selection", [5.0, 5.0, 5.0]),
    ("dim", "raised", [5.8, 6.2, 5.8]),
    ("dim", "prod_band", [5.3, 5.0, 5.3]),
    ("dim", "travel_band", [4.9, 5.4, 4.9]),
    ("faint", "surface", [4.4, 3.7, 4.4]),
    ("faint", "selection", [3.3, 3.1, 3.3]),
    ("faint", "raised", [3.9, 3.9, 3.9]),
    ("faint", "prod_band", [3.6, 3.2, 3.5]),
    ("stale", "surface", [4.4, 3.7, 4.4]),
    ("stale", "selection", [3.3, 3.1, 3.3]),
    ("stale", "raised", [3.9, 3.9, 3.9]),
    ("stale", "prod_band", [3.6, 3.2, 3.5]),
    ("debug", "surface", [4.4, 3.7, 4.4]),
    ("debug", "selection", [3.3, 3.1, 3.3]),
    ("debug", "raised", [3.9, 3.9, 3.9]),
    ("debug", "prod_band", [3.6, 3.2, 3.5]),
    ("title", "surface", [8.8, 7.6, 8.8]),
    ("ok", "surface", [8.1, 5.8, 8.3]),
    ("ok", "selection", [6.2, 4.9, 6.4]),
    ("ok", "raised", [7.2, 6.1, 7.4]),
    ("ok", "prod_band", [6.6, 5.0, 6.7]),
    ("degraded", "surface", [9.7, 5.5, 13.4]),
    ("degraded", "selection", [7.4, 4.7, 10.2]),
    ("degraded", "raised", [8.6, 5.8, 11.9]),
    ("degraded", "prod_band", [7.9, 4.7, 10.8]),
    ("warn", "surface", [9.7, 5.5, 13.4]),
    ("warn", "selection", [7.4, 4.7, 10.2]),
    ("warn", "raised", [8.6, 5.8, 11.9]),
    ("warn", "prod_band", [7.9, 4.7, 10.8]),
    ("down", "surface", [6.6, 5.5, 7.2]),
    ("down", "selection", [5.0, 4.7, 5.5]),
    ("down", "raised", [5.8, 5.8, 6.3]),
    ("error", "surface", [6.6, 5.5, 7.2]),
    ("error", "selection", [5.0, 4.7, 5.5]),
    ("error", "raised", [5.8, 5.8, 6.3]),
    ("maint", "surface", [9.0, 5.4, 12.9]),
    ("maint", "selection", [6.8, 4.5, 9.9]),
    ("accent", "surface", [8.2, 5.8, 12.4]),
    ("accent", "selection", [6.3, 4.9, 9.4]),
    ("accent", "chip_on", [4.7, 4.5, 7.1]),
    ("key", "surface", [8.2, 5.8, 12.4]),
    ("key", "selection", [6.3, 4.9, 9.4]),
    ("key", "chip_on", [4.7, 4.5, 7.1]),
    ("new", "surface", [8.2, 5.8, 18.3]),
    ("new", "selection", [6.3, 4.9, 14.0]),
    ("new", "chip_on", [4.7, 4.5, 10.6]),
    ("prod", "surface", [7.6, 6.5, 7.9]),
    ("prod", "raised", [6.7, 6.8, 7.0]),
    ("prod", "prod_band", [6.2, 5.6, 6.4]),
    ("armed", "surface", [7.6, 6.5, 7.9]),
    ("armed", "raised", [6.7, 6.8, 7.0]),
    ("armed", "prod_band", [6.2, 5.6, 6.4]),
    ("staging", "surface", [7.3, 5.9, 7.3]),
    ("travel", "surface", [10.4, 5.0, 13.4]),
    ("mark", "surface", [12.7, 5.5, 12.7]),
    ("chart_1", "surface", [5.5, 4.5, 6.0]),
    ("chart_1", "selection", [4.2, 3.8, 4.6]),
    ("chart_2", "surface", [6.6, 4.3, 8.6]),
    ("chart_2", "selection", [5.0, 3.6, 6.6]),
    ("chart_3", "surface", [6.2, 4.8, 8.5]),
    ("chart_4", "surface", [7.3, 4.3, 4.5]),
    ("chart_4", "selection", [5.6, 3.6, 3.4]),
];

fn built_in(name: &str) -> Theme {
    let (_, text) = BUILT_IN.iter().find(|(known, _)| *known == name).unwrap();
    let (theme, problems) = Theme::parse(name, Path::new(name), text);
    assert_eq!(problems, [], "{name}");
    theme
}

#[test]
fn every_shipped_theme_is_complete_and_without_problems() {
    let files: Vec<_> = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/themes"))
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    assert_eq!(files.len(), BUILT_IN.len());
    for name in files {
        built_in(&name);
    }
    for (_, text) in BUILT_IN.iter().take(2) {
        for role in Role::ALL {
            assert!(text.lines().any(|line| line.starts_with(&format!("{} = ", role.name()))), "{}", role.name());
        }
    }
}

#[test]
fn contrast_is_as_promised() {
    let themes = ["dark", "light", "cb"].map(built_in);
    for (role, ground, promised) in CONTRAST {
        let (role, ground) = (Role::by_name(role).unwrap(), Role::by_name(ground).unwrap());
        for (theme, promised) in themes.iter().zip(promised) {
            let is = colour::contrast(theme.rgb(role), theme.rgb(ground));
            assert!(
                (is - promised).abs() < 0.06,
                "{}: {role:?} on {ground:?}: {is:.2}, promised {promised}",
                theme.name
            );
        }
    }
    for (theme, promised) in themes.iter().zip([7.4, 10.3, 7.4]) {
        let is = colour::contrast(theme.rgb(Role::Match), theme.rgb(Role::MatchBg));
        assert!((is - promised).abs() < 0.06, "{}: match {is:.2}", theme.name);
    }
    let pills = [Role::Down, Role::Accent, Role::New, Role::Gone, Role::Prod, Role::Staging, Role::Travel, Role::Mark];
    for (theme, promised) in themes.iter().zip([6.8, 5.2, 6.8]) {
        let weakest = pills
            .iter()
            .map(|pill| colour::contrast(theme.rgb(Role::OnFill), theme.rgb(*pill)))
            .fold(f64::MAX, f64::min);
        assert!((weakest - promised).abs() < 0.06, "{}: weakest pill {weakest:.2}", theme.name);
    }
    let fills = [Role::OkFill, Role::MinorFill, Role::DayDegraded, Role::DayDown, Role::DegradedFill, Role::DownFill];
    for (theme, promised) in themes.iter().zip([3.0, 3.0, 3.1]) {
        let weakest = fills
            .iter()
            .map(|fill| colour::contrast(theme.rgb(*fill), theme.rgb(Role::Surface)))
            .fold(f64::MAX, f64::min);
        assert!((weakest - promised).abs() < 0.06, "{}: weakest fill {weakest:.2}", theme.name);
    }
}

#[test]
fn text_is_readable_in_256_colours_too() {
    let quiet = [Role::Faint, Role::Stale, Role::Debug, Role::Chart1, Role::Chart2, Role::Chart3, Role::Chart4];
    let least = |role: Role| if quiet.contains(&role) { 3.0 } else { 4.5 };
    let themes = ["dark", "light", "cb"].map(built_in);
    for (role, ground, _) in CONTRAST {
        let (role, ground) = (Role::by_name(role).unwrap(), Role::by_name(ground).unwrap());
        for theme in &themes {
            let is = colour::contrast(theme.rgb256(role), theme.rgb256(ground));
            assert!(is >= least(role), "{}: {role:?} on {ground:?}: {is:.2}", theme.name);
        }
    }
}

#[test]
fn production_is_unlike_down_and_staging() {
    for name in ["dark", "light", "cb"] {
        let theme = built_in(name);
        for other in [Role::Down, Role::Staging] {
            assert!(colour::difference(theme.rgb(Role::Prod), theme.rgb(other)) > LEAST_DIFFERENCE, "{name} {other:?}");
        }
    }
}

#[test]
fn a_role_looks_right_at_every_depth() {
    let dark = built_in("dark");
    let strong = |depth| dark.style(Role::Strong, depth);
    assert_eq!(strong(ColourDepth::True).fg, Some(Colour::Rgb(Rgb { r: 0xf1, g: 0xf5, b: 0xf9 })));
    assert_eq!(strong(ColourDepth::Ansi256).fg, Some(Colour::Indexed(255)));
    assert_eq!(strong(ColourDepth::Ansi16), RoleStyle { bold: true, ..RoleStyle::default() });
    assert_eq!(strong(ColourDepth::Mono), RoleStyle { bold: true, ..RoleStyle::default() });
    let ground = |role, depth| dark.style(role, depth).bg;
    assert_eq!(ground(Role::Surface, ColourDepth::Ansi256), Some(Colour::Indexed(233)));
    for role in Role::ALL.iter().copied().filter(|role| role.is_ground() && *role != Role::MatchBg) {
        assert_eq!(ground(role, ColourDepth::Ansi16), None, "{role:?}");
        assert_eq!(ground(role, ColourDepth::Mono), None, "{role:?}");
    }
    assert!(dark.style(Role::Selection, ColourDepth::Ansi16).reverse);
    assert_eq!(dark.style(Role::Dim, ColourDepth::Ansi16).fg, Some(Colour::Ansi(8)));
    let mono = built_in("mono");
    assert_eq!(mono.style(Role::Down, ColourDepth::True), RoleStyle { bold: true, ..RoleStyle::default() });
    let light = built_in("light");
    assert_eq!(light.style(Role::Down, ColourDepth::Ansi16).fg, Some(Colour::Ansi(1)));
    assert_eq!(light.style(Role::OnFill, ColourDepth::Ansi16).fg, Some(Colour::Ansi(15)));
}

#[test]
fn a_pill_is_solid_at_every_depth() {
    let dark = built_in("dark");
    let pill = dark.pill(Role::Prod, ColourDepth::Ansi16);
    assert_eq!((pill.fg, pill.bg, pill.bold), (Some(Colour::Ansi(0)), Some(Colour::Ansi(13)), true));
    let pill = dark.pill(Role::Prod, ColourDepth::Mono);
    assert!(pill.reverse && pill.bold && pill.bg.is_none());
}

#[test]
fn a_theme_of_ones_own_changes_what_it_names() {
    let text = "parent = 'light'\nbackground = 'terminal'\ndim16 = 'faint'\n[roles]\nok = '#005f00'\n";
    let (theme, problems) = Theme::parse("mine", Path::new("mine.toml"), text);
    assert_eq!(problems, []);
    assert_eq!(theme.style(Role::Ok, ColourDepth::Ansi256).fg, Some(Colour::Indexed(22)));
    assert_eq!(theme.rgb(Role::Down), built_in("light").rgb(Role::Down));
    assert_eq!(theme.style(Role::Surface, ColourDepth::True), RoleStyle::default());
    assert!(theme.style(Role::Raised, ColourDepth::True).bg.is_some());
    let dim = theme.style(Role::Dim, ColourDepth::Ansi16);
    assert!(dim.faint && dim.fg.is_none());
    assert!(theme.light);
}

#[test]
fn everything_wrong_with_a_theme_is_said_at_once() {
    let text = "parnt = 'light'\nbackground = 'blue'\n[roles]\nokk = '#ffffff'\nok = 'green'\ndim = { ansi256 = 256, ansi16 = '16', mono = '3', rbg = '#ffffff' }\nprod = '#ff6b6b'\n";
    let (theme, problems) = Theme::parse("mine", Path::new("mine.toml"), text);
    let lines: Vec<_> = problems.iter().map(Problem::one_line).collect();
    assert_eq!(
        lines,
        [
            "mine.toml:1:1: unknown key `parnt`",
            "mine.toml:2:14: expected one of `paint`, `terminal`",
            "mine.toml:4:1: unknown role `okk`",
            "mine.toml:5:6: expected a colour, as in \"#7fb0f2\"",
            "mine.toml:6:19: expected a number from 0 to 255",
            "mine.toml:6:33: `16` is no look; expected `default`, `none`, `plain`, `bold`, `faint`, `underline`, `reverse`, `on` or a number from 0 to 15",
            "mine.toml:6:46: mono has no colours",
            "mine.toml:6:51: unknown look of `dim` `rbg`",
            "mine.toml:7:8: `prod` looks like `down`",
        ]
    );
    assert_eq!(theme.rgb(Role::Prod), built_in("dark").rgb(Role::Prod));
    let (theme, problems) = Theme::parse("mine", Path::new("mine.toml"), "[roles]\nprod = '#33203b'\n");
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert_eq!(theme.rgb(Role::Prod), built_in("dark").rgb(Role::Prod));
}

#[test]
fn depth_is_read_from_the_environment() {
    let depth = |pairs: &[(&str, &str)]| {
        ColourDepth::detect(|name| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()))
    };
    assert_eq!(depth(&[]), ColourDepth::Mono);
    assert_eq!(depth(&[("TERM", "dumb"), ("COLORTERM", "truecolor")]), ColourDepth::Mono);
    assert_eq!(depth(&[("TERM", "xterm-256color"), ("NO_COLOR", "1")]), ColourDepth::Mono);
    assert_eq!(depth(&[("TERM", "xterm-256color"), ("NO_COLOR", "")]), ColourDepth::Ansi256);
    assert_eq!(depth(&[("TERM", "xterm-256color"), ("COLORTERM", "truecolor")]), ColourDepth::True);
    assert_eq!(depth(&[("TERM", "linux")]), ColourDepth::Ansi16);
    assert_eq!(depth(&[("TERM", "xterm-direct")]), ColourDepth::True);
}
