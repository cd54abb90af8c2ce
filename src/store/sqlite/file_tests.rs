//! Configuration files, as the store keeps them.
use tempfile::TempDir;

use super::{
    tests::{epoch, open},
    *,
};
use crate::core::config_files::ConfigFile;

#[test]
fn what_became_of_a_file_is_kept_and_told_once() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("qd.db");
    let (mut one, mut two) = (open(&path).unwrap(), open(&path).unwrap());
    let file = |number: i64, news: bool| ConfigFile {
        host: "web-01".into(),
        path: "/etc/nginx/nginx.conf".into(),
        at: Timestamp(number),
        seen: Timestamp(number + 5),
        hash: Some(format!("{number:016x}")),
        before: news.then(|| format!("{:016x}", number - 1)),
        news,
    };
    let rows = |files: &[ConfigFile]| files.iter().cloned().map(Row::ConfigFile).collect::<Vec<_>>();
    let refused = two.commit(&rows(&[file(1, false)]), None).unwrap_err();
    assert!(matches!(refused, StoreError::LostLease { .. }), "only who records compares: {refused:?}");
    let epoch = epoch(&mut one);
    one.commit(&rows(&[file(1, false)]), Some(epoch)).unwrap();
    assert_eq!(two.changes().unwrap().unwrap().files, [file(1, false)]);
    // What was found already is not written again; of a file that changes all the time the last changes are kept.
    one.commit(&rows(&[file(1, true)]), Some(epoch)).unwrap();
    assert_eq!(two.changes().unwrap(), None);
    for number in 2..50 {
        one.commit(&rows(&[file(number, true)]), Some(epoch)).unwrap();
    }
    assert_eq!(two.changes().unwrap().unwrap().files.last(), Some(&file(49, true)));
    let since = |events: i64| Since { events: Timestamp(events), results: Timestamp(0) };
    assert_eq!(open(&path).unwrap().open_state(since(0)).unwrap().files.len(), 20);
    assert_eq!(open(&path).unwrap().open_state(since(1_000)).unwrap().files, [file(49, true)], "as it is known");
}
