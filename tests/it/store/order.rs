//! Changes come once, in order, to every reader, whoever writes.
use proptest::prelude::*;
use quarterdeck::core::record::Changes;

use super::*;

#[derive(Clone, Debug)]
enum Step {
    /// A writer commits so many rows of each of two kinds.
    Commit { writer: usize, incidents: usize, results: usize },
    /// A reader polls.
    Poll { reader: usize },
    /// A reader starts anew: what is in the state does not come again.
    Reload { reader: usize },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => (0..2_usize, 0..3_usize, 0..4_usize)
            .prop_map(|(writer, incidents, results)| Step::Commit { writer, incidents, results }),
        3 => (0..4_usize).prop_map(|reader| Step::Poll { reader }),
        1 => (0..4_usize).prop_map(|reader| Step::Reload { reader }),
    ];
    prop::collection::vec(step, 1..24)
}

/// What a reader knows: notes and results, as texts in the order in which they came.
#[derive(Clone, Debug, Default, PartialEq)]
struct Known {
    notes: Vec<String>,
    results: Vec<String>,
}

impl Known {
    fn take(&mut self, changes: Changes) {
        for stored in changes.incidents {
            let IncidentEventKind::Note { text } = stored.event.kind else { panic!("only notes were written") };
            self.notes.push(text);
        }
        self.results.extend(changes.results.into_iter().map(|result| result.detail));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_reader_gets_everything_once_and_in_the_order_of_commit(steps in steps()) {
        let dir = TempDir::new().unwrap();
        // Stores 0 and 1 write and read, 2 and 3 only read.
        let mut stores: Vec<_> = (0..4).map(|_| open(&dir)).collect();
        let epoch = mine(stores[0].lease(&owner(1), now(0), TTL));
        let mut written = Known::default();
        let mut known = vec![Known::default(); 4];
        let polls = (0..4).map(|reader| Step::Poll { reader });
        for step in steps.into_iter().chain(polls) {
            match step {
                Step::Commit { writer, incidents, results } => {
                    let (n, r) = (written.notes.len(), written.results.len());
                    let notes: Vec<_> = (n..n + incidents).map(|number| format!("note {number}")).collect();
                    let details: Vec<_> = (r..r + results).map(|number| format!("result {number}")).collect();
                    let mut rows: Vec<_> = notes.iter().map(|text| note(1, text)).collect();
                    rows.extend((r..).zip(&details).map(|(slot, detail)| {
                        result("play@prod/page", at(i64::try_from(slot).unwrap()), detail)
                    }));
                    stores[writer].commit(&rows, Some(epoch)).unwrap();
                    written.notes.extend(notes);
                    written.results.extend(details);
                }
                Step::Poll { reader } => {
                    if let Some(changes) = stores[reader].changes().unwrap() {
                        known[reader].take(changes);
                    }
                    prop_assert_eq!(&known[reader], &written);
                }
                Step::Reload { reader } => {
                    let state = stores[reader].open_state(everything()).unwrap();
                    known[reader] = Known::default();
                    known[reader].take(Changes {
                        incidents: state.incidents,
                        results: state.results,
                        ..Changes::default()
                    });
                    prop_assert_eq!(&known[reader], &written);
                }
            }
        }
    }
}

#[test]
fn all_kinds_of_rows_come_as_they_were_written() {
    let dir = TempDir::new().unwrap();
    let (mut writer, mut reader) = (open(&dir), open(&dir));
    let epoch = mine(writer.lease(&owner(1), now(0), TTL));
    assert_eq!(reader.changes().unwrap(), None);
    let bucket = history::day(3, at(0));
    let rows = [
        result("play@prod/page", at(0), "503, expected 2xx"),
        acknowledged(1, 5),
        note(1, "with \"quotes\", ünïcode and\nlines"),
        run(1, RunEventKind::StepStarted { step: 0 }),
        update("we look into it"),
        Row::Bucket(bucket.clone()),
        window(),
        audit("not in changes"),
    ];
    writer.commit(&rows, Some(epoch)).unwrap();
    let changes = reader.changes().unwrap().unwrap();
    let mut back = vec![Row::Result(changes.results[0].clone()), Row::Alert(changes.alerts[0].clone())];
    back.push(Row::Incident(changes.incidents[0].event.clone()));
    back.push(Row::Run(changes.runs[0].1.clone()));
    back.push(Row::StatusUpdate(changes.updates[0].clone()));
    back.push(Row::Bucket(changes.buckets[0].clone()));
    back.push(Row::Window(changes.windows[0].clone()));
    assert_eq!(back, rows[..7]);
    assert_eq!(writer.changes().unwrap().unwrap(), changes, "the writer reads its own");

    // Replaced twice: comes once, as it is now.
    let mut newer = bucket.clone();
    for down_ms in [1, 2] {
        newer.split.down_ms = down_ms;
        writer.commit(&[Row::Bucket(newer.clone())], Some(epoch)).unwrap();
    }
    assert_eq!(reader.changes().unwrap().unwrap().buckets, [newer]);
    assert_eq!(reader.changes().unwrap(), None);
}

#[test]
fn what_is_too_much_for_one_call_comes_in_the_next() {
    let dir = TempDir::new().unwrap();
    let (mut writer, mut reader) = (open(&dir), open(&dir));
    let epoch = mine(writer.lease(&owner(1), now(0), TTL));
    let rows: Vec<_> = (0..25_000).map(|slot| result("play@prod/page", at(slot), "")).collect();
    writer.commit(&rows, Some(epoch)).unwrap();
    let mut sizes = Vec::new();
    let mut slots = Vec::new();
    while let Some(changes) = reader.changes().unwrap() {
        sizes.push(changes.results.len());
        slots.extend(changes.results.into_iter().map(|result| result.slot));
    }
    assert_eq!(sizes, [10_000, 10_000, 5_000]);
    assert!(slots.iter().copied().eq((0..25_000).map(at)));
}

#[test]
fn a_window_is_there_at_the_start_until_it_is_long_over() {
    let dir = TempDir::new().unwrap();
    let mut writer = open(&dir);
    let Row::Window(declared) = window() else { panic!() };
    let ended = WindowEvent { at: at(3), kind: WindowEventKind::Ended, ..declared.clone() };
    writer.commit(&[window(), Row::Window(ended.clone())], None).unwrap();
    let since = |ms| Since { events: at(ms), results: at(ms) };
    let mut reader = open(&dir);
    assert_eq!(reader.open_state(since(5)).unwrap().windows, [declared, ended], "what was ended is known as such");
    assert_eq!(reader.open_state(since(6)).unwrap().windows, [], "and needs no place once it is long over");
}
