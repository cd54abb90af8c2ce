//! Every tracker is a file of the folder, listed once, and says what each of its settings is for.
use std::{collections::BTreeSet, path::Path};

use quarterdeck::trackers;

/// Files of the folder that are no trackers.
const SHARED: [&str; 3] = ["mod", "wire", "words"];

#[test]
fn every_file_is_a_tracker_and_every_tracker_has_its_file() {
    let names: Vec<_> = trackers::ALL.iter().map(|tracker| tracker.name()).collect();
    let unique: BTreeSet<_> = names.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(unique.len(), names.len(), "names are unique");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/trackers");
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let stems = entries.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned());
    let files: BTreeSet<_> = stems.filter(|name| !SHARED.contains(&name.as_str())).collect();
    assert_eq!(files, unique, "an unregistered file, or a name that is not its file's");
    for tracker in trackers::ALL {
        let mut seen = BTreeSet::new();
        for field in tracker.fields() {
            assert!(seen.insert(field.name), "{}: {} twice", tracker.name(), field.name);
            assert!(field.doc.ends_with('.') && !field.doc.contains('\n'), "{}: {}", tracker.name(), field.name);
        }
    }
}
