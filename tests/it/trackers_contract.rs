//! Every tracker is a file of the folder, listed once, and says what each of its settings is for.
use std::{collections::BTreeSet, path::Path};

use quarterdeck::{config::Kind, trackers};

/// Files of the folder that are no trackers.
const SHARED: [&str; 5] = ["mod", "probe", "rich", "wire", "words"];

/// Holds a folder of kinds against the table that lists them.
pub(crate) fn hold(folder: &str, shared: &[&str], kinds: &[&dyn Kind]) {
    let names: Vec<_> = kinds.iter().map(|kind| kind.name()).collect();
    let unique: BTreeSet<_> = names.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(unique.len(), names.len(), "names are unique");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let stems = entries.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned());
    let files: BTreeSet<_> = stems.filter(|name| !shared.contains(&name.as_str())).collect();
    assert_eq!(files, unique, "an unregistered file, or a name that is not its file's");
    for kind in kinds {
        let mut seen = BTreeSet::new();
        for field in kind.fields() {
            assert!(seen.insert(field.name), "{}: {} twice", kind.name(), field.name);
            assert!(field.doc.ends_with('.') && !field.doc.contains('\n'), "{}: {}", kind.name(), field.name);
        }
    }
}

#[test]
fn every_file_is_a_tracker_and_every_tracker_has_its_file() {
    hold("src/trackers", &SHARED, &trackers::kinds());
}
