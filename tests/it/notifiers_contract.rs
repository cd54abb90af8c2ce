//! Every notifier is a file of the folder, listed once, and says what each of its settings is for.
use quarterdeck::{core::outbox::Hears, notify};

use crate::trackers_contract::hold;

/// Files of the folder that are no notifiers.
const SHARED: [&str; 4] = ["mod", "bounded", "post", "words"];

#[test]
fn every_file_is_a_notifier_and_every_notifier_has_its_file() {
    hold("src/notify", &SHARED, &notify::kinds());
    for kind in notify::kinds() {
        let known = |word: &&str| Hears::ALL.iter().any(|(known, _)| known == word);
        assert!(kind.deaf_to().iter().all(known), "{}: {:?}", kind.name(), kind.deaf_to());
        assert!(kind.fields().iter().all(|field| !["name", "type", "on", "audience", "link"].contains(&field.name)));
    }
}
