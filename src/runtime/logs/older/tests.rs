use super::*;

fn info(kind: &'static str) -> StreamInfo {
    StreamInfo {
        name: "access".into(),
        kind,
        path: "/x".into(),
        service: None,
        host: None,
        labels: Vec::new(),
        format: None,
        timezone: None,
    }
}

#[expect(clippy::unnecessary_wraps, reason = "where one goes on may be nowhere")]
fn at(byte: u64) -> Option<Cursor> {
    Some(Cursor::Byte { path: "/x".into(), inode: 1, offset: Some(byte) })
}

fn asked(terms: &[&str]) -> Asked {
    let pushed: Vec<String> = terms.iter().map(|term| (*term).to_owned()).collect();
    let prefilter = (!terms.is_empty()).then(|| Prefilter::Shell(terms.join(" ")));
    Asked { prefilter, pushed, local: Vec::new() }
}

fn terms(terms: &[&str]) -> Vec<String> {
    terms.iter().map(|term| (*term).to_owned()).collect()
}

/// A file of which the end is here, from byte 100 on, written at second 50.
fn file() -> (Older, Whose) {
    let mut older = Older::default();
    let whose = Whose::of(StreamId(0), &info("file"));
    older.opened(StreamId(0), &info("file"), Timestamp(0));
    older.came(&whose, true, at(100).as_ref(), Some(Nanos(50)));
    (older, whose)
}

/// Asks for a page and has it answered; returns from where it was asked, and with what.
fn page(older: &mut Older, whose: &Whose, with: &[&str], to: u64) -> (Option<Cursor>, Option<Prefilter>) {
    let turn = older.next(whose, &asked(with), None).unwrap();
    assert!(older.arrived(turn.page).is_some());
    older.read(whose, at(to), Some(Nanos(i64::try_from(to).unwrap() / 2)));
    (turn.before, turn.prefilter)
}

#[test]
fn a_narrower_filter_goes_on_and_another_begins_anew_where_all_is_whole() {
    let (mut older, whose) = file();
    assert_eq!(page(&mut older, &whose, &["a"], 80), (at(100), Some(Prefilter::Shell("a".into()))));
    assert_eq!(older.settle(&terms(&["a", "b"])), Settled::default());
    assert_eq!(page(&mut older, &whose, &["a", "b"], 60), (at(80), Some(Prefilter::Shell("a b".into()))));
    assert_eq!(older.back_to(), Back::Time(Nanos(30)));
    // Wider by one term: what that one found stays, from there it goes on.
    assert_eq!(older.settle(&terms(&["a"])).forget, [2]);
    assert_eq!(older.back_to(), Back::Time(Nanos(40)));
    assert_eq!(page(&mut older, &whose, &["a"], 70).0, at(80));
    assert_eq!(older.settle(&[]).forget, [1]);
    assert_eq!(page(&mut older, &whose, &[], 90), (at(100), None));
    assert_eq!(page(&mut older, &whose, &["c"], 50).0, at(90));
}

#[test]
fn a_page_of_another_filter_is_nobodys() {
    let (mut older, whose) = file();
    let turn = older.next(&whose, &asked(&["a"]), None).unwrap();
    assert_eq!(older.next(&whose, &asked(&["a"]), None), None, "one is on its way");
    let settled = older.settle(&terms(&["b"]));
    assert_eq!(settled, Settled { forget: vec![1], stop: vec![turn.page] });
    assert_eq!(older.arrived(turn.page), None);
    // A page that leaves nothing out is of use for every filter.
    let turn = older.next(&whose, &asked(&[]), None).unwrap();
    assert_eq!(older.settle(&terms(&["a"])), Settled::default());
    assert_eq!(older.arrived(turn.page), Some(Arrived { whose, search: None }));
}

#[test]
fn what_could_not_leave_lines_out_read_them_whole() {
    let (mut older, whose) = file();
    let turn = older.next(&whose, &asked(&["a"]), None).unwrap();
    _ = older.arrived(turn.page);
    assert!(older.cannot(&whose), "the search had just begun");
    older.read(&whose, at(90), None);
    let turn = older.next(&whose, &asked(&["a"]), None).unwrap();
    assert_eq!((turn.before, turn.prefilter), (at(90), None));
    let (mut older, whose) = file();
    page(&mut older, &whose, &["a"], 80);
    let turn = older.next(&whose, &asked(&["a"]), None).unwrap();
    _ = older.arrived(turn.page);
    assert!(!older.cannot(&whose), "before that, lines were left out");
    older.read(&whose, at(70), None);
    let turn = older.next(&whose, &asked(&["a"]), None).unwrap();
    assert_eq!((turn.before, turn.prefilter), (at(70), None));
    _ = older.arrived(turn.page);
    assert_eq!(older.settle(&[]).forget.len(), 1);
}

#[test]
fn nothing_is_asked_for_that_is_here_already_or_beyond_the_filters_begin() {
    let (mut older, whose) = file();
    assert_eq!(older.next(&whose, &asked(&[]), Some(Nanos(51))), None);
    assert!(older.next(&whose, &asked(&[]), Some(Nanos(50))).is_some());
    // What was empty when it began has nothing before what came by itself.
    let mut fresh = Older::default();
    fresh.opened(StreamId(0), &info("file"), Timestamp(0));
    assert_eq!(fresh.next(&whose, &asked(&[]), None), None, "its end is still being read");
    fresh.came(&whose, false, None, Some(Nanos(1)));
    assert_eq!((fresh.next(&whose, &asked(&[]), None), fresh.back_to()), (None, Back::Begin));
}

#[test]
fn the_streams_of_a_loki_entry_have_one_past() {
    let mut older = Older::default();
    let whose = Whose::of(StreamId(1), &info("loki"));
    for stream in [0, 1, 2] {
        older.opened(StreamId(stream), &info("loki"), Timestamp(7_200_000));
    }
    assert_eq!(older.all(), [(whose.clone(), StreamId(0))]);
    // Nothing was there for an hour at least, when it began.
    assert_eq!(older.back_to(), Back::Time(Timestamp(3_600_000).into()));
    let seen = std::sync::Arc::default();
    let before = Cursor::Time { at: Nanos(77), seen };
    older.came(&whose, true, Some(&before), Some(Nanos(77)));
    older.came(&whose, false, None, Some(Nanos(99)));
    assert_eq!(older.next(&whose, &asked(&[]), None).unwrap().before, Some(before));
    assert_eq!(older.next(&whose, &asked(&[]), None), None, "not once for each stream");
}
