use super::*;

#[test]
fn ids_are_unique_and_verb_noun() {
    let mut ids: Vec<_> = ACTIONS.iter().map(|entry| entry.id).collect();
    ids.sort_unstable();
    let all = ids.len();
    ids.dedup();
    assert_eq!(ids.len(), all);
    assert!(ids.iter().all(|id| id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')));
    for entry in ACTIONS {
        assert_eq!(Action::by_id(entry.id), Some(entry.action));
    }
}
