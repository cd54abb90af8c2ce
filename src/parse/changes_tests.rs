use proptest::prelude::*;

use super::*;

const ANSWER: &[u8] = include_bytes!("../../tests/fixtures/host/changes.txt");
const NOW: Timestamp = Timestamp(1_795_229_893_000);

fn asked(since: Timestamp, at: Timestamp, bytes: &[u8]) -> Result<HostChanges, String> {
    let services = [
        ("play@prod".parse().unwrap(), Some("/var/www/play".to_owned())),
        ("api@prod".parse().unwrap(), Some("/var/www/api".to_owned())),
        ("site@prod".parse().unwrap(), Some("/var/www/site".to_owned())),
    ];
    read(bytes, Asked { host: &"web-01".into(), services: &services, since, at })
}

#[test]
fn a_recorded_answer_is_read() {
    let found = asked(NOW - DAY, NOW, ANSWER).unwrap();
    let line = |change: &Change| {
        let before = NOW.since(change.at) / 1_000;
        let by = change.by.as_ref().map(|by| format!(" by {by}")).unwrap_or_default();
        format!("-{before} {}{by} [{}]", change.line(), change.detail.join("; "))
    };
    let lines: Vec<String> = found.changes.iter().map(line).collect();
    assert_eq!(lines.join("\n"), include_str!("../../tests/fixtures/host/changes.read.txt").trim_end());
    assert_eq!(found.missing, ["/srv/gone: not there, or not to be read", "logins: no record of them is to be read"]);
    let young = asked(NOW - 60_000, NOW, ANSWER).unwrap();
    assert_eq!(young.changes.len(), 2, "{:?}", young.changes);
}

#[test]
fn times_of_a_host_whose_clock_is_wrong_are_moved() {
    // Its clock is ten minutes ahead of ours.
    let found = asked(NOW - DAY, NOW - 600_000, ANSWER).unwrap();
    let deploy = found.changes.iter().find(|change| change.kind == Kind::Deploy && change.what == "v2.31.0").unwrap();
    assert_eq!(deploy.at, Timestamp(1_795_229_865_000 - 600_000));
}

#[test]
fn an_answer_that_broke_off_is_none() {
    let half = &ANSWER[..ANSWER.len() - 7];
    assert_eq!(asked(NOW - DAY, NOW, half), Err("its answer broke off".to_owned()));
    assert!(asked(NOW - DAY, NOW, b"").is_err());
}

proptest! {
    #[test]
    fn no_bytes_break_it_and_nothing_unsafe_comes_of_them(bytes in proptest::collection::vec(any::<u8>(), 0..400), cut in 0_usize..4_000) {
        let mut mixed = ANSWER[..cut.min(ANSWER.len())].to_vec();
        mixed.extend(bytes);
        mixed.extend_from_slice(b"\n@@ end\n");
        let found = asked(Timestamp(0), NOW, &mixed).unwrap();
        for change in found.changes {
            prop_assert!(change.line().chars().all(sanitise::is_safe));
            prop_assert!(change.detail.iter().chain(&change.by).all(|text| text.chars().all(sanitise::is_safe)));
        }
        prop_assert!(found.missing.iter().all(|text| text.chars().all(sanitise::is_safe)));
    }
}
