//! What the demo shows of changes: a release that fades is left by hand, and one that fails is taken back by itself.
use crate::demo::Apart;

/// Carries a change of `play@prod` out as a script does: planned first, then confirmed by the plan's hash.
fn change(apart: &Apart, words: &[&str]) -> (Option<i32>, String) {
    let dry = apart.qd(&[words, &["play@prod", "--dry-run"]].concat());
    let plan = String::from_utf8(dry.stdout).unwrap();
    let hash = plan.rsplit("plan ").next().unwrap().trim().to_owned();
    assert_eq!(dry.status.code(), Some(0), "{plan}{}", String::from_utf8_lossy(&dry.stderr));
    let consent = ["--plan", &hash, "--yes-i-mean", "play@prod", "--reason", "it leaks"];
    let done = apart.qd(&[words, &["play@prod"], &consent].concat());
    let told = String::from_utf8(done.stdout).unwrap() + &String::from_utf8_lossy(&done.stderr);
    (done.status.code(), told)
}

/// Returns where each text stands in what was told, one after the other.
fn in_order(told: &str, texts: &[&str]) {
    let mut rest = told;
    for text in texts {
        rest = rest.split_once(text).unwrap_or_else(|| panic!("no {text:?} in {rest}")).1;
    }
}

#[test]
fn the_demos_bad_releases_are_left_by_hand_and_by_themselves() {
    let apart = Apart::start();
    let home = apart.folder.join("hosts/play-01/home");
    let current = || std::fs::read_link(home.join("www/play/current")).unwrap().display().to_string();
    assert!(current().ends_with("-2.31.1"), "{}", current());

    let (code, told) = change(&apart, &["rollback"]);
    assert_eq!(code, Some(0), "{told}");
    assert!(current().ends_with("-2.31.0"), "{}", current());
    // What a step prints comes after its beginning and before its end.
    in_order(
        &told,
        &["switch …", "| current: ", "switch: exit 0", "version …", "| good answer 3 of 3", "version: exit 0"],
    );

    let build = apart.folder.join("builds/2.32.0");
    let (code, told) = change(&apart, &["deploy", "--build", build.to_str().unwrap()]);
    assert_eq!(code, Some(1), "{told}");
    let back = ["healthy: exit 1", "switch back …", "reload 0 …", "reload 0: exit 0", "was taken back"];
    in_order(&told, &["healthy …", "error: 500"]);
    in_order(&told, &back);
    assert!(current().ends_with("-2.31.0"), "{}", current());

    let good = apart.folder.join("builds/2.31.2");
    let (code, told) = change(&apart, &["deploy", "--build", good.to_str().unwrap()]);
    assert_eq!(code, Some(0), "{told}");
    assert!(current().ends_with("-2.31.2"), "{}", current());
}
