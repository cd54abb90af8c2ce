//! The formats of log lines: those that come with the console, and files of one's own.
use std::path::{Path, PathBuf};

/// The formats that come with the console: name and text.
pub const BUILT_IN: &[(&str, &str)] = &[
    ("json", include_str!("formats/json.toml")),
    ("laravel", include_str!("formats/laravel.toml")),
    ("nginx-combined", include_str!("formats/nginx-combined.toml")),
    ("plain", ""),
];

/// Where formats of one's own are, beside the main file of the configuration: `formats/NAME.toml`.
pub fn dir_beside(main: &Path) -> Option<PathBuf> {
    main.parent().map(|dir| dir.join("formats"))
}

/// Names the formats of a directory.
pub fn names_in(dir: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    let toml = entries.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|is| is == "toml"));
    let mut names: Vec<_> = toml.filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned())).collect();
    names.sort();
    names
}
