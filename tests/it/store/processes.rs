//! Real processes that are really killed.
use std::{
    fs::{self, File},
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Child, Command, Stdio},
    sync::mpsc,
    time::{Instant, SystemTime, UNIX_EPOCH},
};

use quarterdeck::core::{incidents::StoredIncidentEvent, record::Changes};

use super::*;

const ROLE: &str = "QD_TEST_STORE_ROLE";
const STORE: &str = "QD_TEST_STORE_PATH";
const NUMBER: &str = "QD_TEST_STORE_NUMBER";

/// A lease short enough to see many changes of hands; its proportions are those of the real one.
const SHORT_TTL: u64 = 900;

/// Reads the time: these processes share a real clock.
#[expect(clippy::disallowed_methods, reason = "several processes share only the real clock")]
fn real_now() -> Now {
    let utc = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
    Now { utc: Timestamp(i64::try_from(utc).unwrap()), mono: Mono(monotonic_ms()) }
}

#[expect(clippy::disallowed_methods, reason = "several processes share only the real clock")]
fn monotonic_ms() -> u64 {
    use std::sync::OnceLock;
    static START: OnceLock<Instant> = OnceLock::new();
    u64::try_from(START.get_or_init(Instant::now).elapsed().as_millis()).unwrap() + 1
}

/// Lets other processes work for a moment, between two looks at what they did.
fn a_moment(ms: u64) {
    let (_keep, never) = mpsc::channel::<()>();
    never.recv_timeout(Duration::from_millis(ms)).unwrap_err();
}

/// Not a test of its own: what this binary does when it is started as one of the processes.
#[test]
fn role() {
    let Ok(role) = std::env::var(ROLE) else { return };
    let path = std::env::var(STORE).unwrap();
    let number = std::env::var(NUMBER).unwrap().parse().unwrap();
    match role.as_str() {
        "recorder" => record(Path::new(&path), number),
        "console" => answer(Path::new(&path)),
        other => panic!("no role {other}"),
    }
}

fn start(role: &str, path: &Path, number: u64, out: Stdio) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "store::processes::role", "--nocapture"])
        .env(ROLE, role)
        .env(STORE, path)
        .env(NUMBER, number.to_string())
        .stdin(Stdio::piped())
        .stdout(out)
        .spawn()
        .unwrap()
}

/// Records as fast as it can while it has the lease, and says what was acknowledged only after the commit returned.
/// Ends with its parent: its standard input is closed then.
fn record(path: &Path, number: u64) {
    let mut store = Sqlite::open(path, &Options::default()).unwrap();
    let out = File::options().append(true).open(path.with_file_name(format!("acks.{number}"))).unwrap();
    let parent = std::os::unix::process::parent_id();
    let mut count = 0;
    while std::os::unix::process::parent_id() == parent {
        let now = real_now();
        let Lease::Mine { epoch } = store.lease(&owner(number), now, SHORT_TTL).unwrap() else {
            a_moment(SHORT_TTL / 6);
            continue;
        };
        // Slots as every recorder plans them: two of them meet at the same.
        let slot = Timestamp(now.utc.0 / 5 * 5);
        let mark = format!("{epoch}/{number}/{count}");
        let mut rows: Vec<_> = (0..20).map(|check| result(&format!("svc-{check}@prod/page"), slot, &mark)).collect();
        rows.push(note(number % 3, &mark));
        rows.push(acknowledged(number, count));
        rows.push(audit(&mark));
        match store.commit(&rows, Some(epoch)) {
            Ok(committed) => {
                let [event] = &*committed.incidents else { panic!("one event") };
                // In one write: the kill may come between two.
                let line = format!("{mark} {} {}\n", event.number, event.seq);
                (&out).write_all(line.as_bytes()).unwrap();
                count += 1;
            }
            Err(StoreError::LostLease { .. }) => {}
            Err(error) => panic!("{}", error.report()),
        }
    }
}

/// What a console that watches has seen, in the order in which it came.
#[derive(Default)]
struct Seen {
    results: Vec<CheckResult>,
    notes: Vec<StoredIncidentEvent>,
    acks: Vec<AlertEvent>,
}

impl Seen {
    fn take(&mut self, changes: Changes) {
        self.results.extend(changes.results);
        self.notes.extend(changes.incidents);
        self.acks.extend(changes.alerts);
    }

    fn epochs(&self) -> impl Iterator<Item = u64> {
        self.results.iter().map(|result| epoch_of(&result.detail))
    }

    /// Watches until a recorder of a later epoch has written a good deal; says which, and after how many milliseconds
    /// its first results were there.
    fn watch_for_successor(&mut self, store: &mut Sqlite, of: u64) -> (u64, u64) {
        let (begun, mut first) = (monotonic_ms(), None);
        loop {
            assert!(monotonic_ms() - begun < 30_000, "nobody took over");
            self.take(store.changes().unwrap().unwrap_or_default());
            let written = self.epochs().filter(|epoch| *epoch > of).count();
            if written > 0 {
                first.get_or_insert(monotonic_ms() - begun);
            }
            if written >= 600 {
                return (self.epochs().last().unwrap(), first.unwrap());
            }
            a_moment(20);
        }
    }
}

#[test]
fn a_recorder_killed_under_load_is_replaced_and_nothing_acknowledged_is_lost() {
    const KILLS: usize = 8;
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("qd.db");
    let mut watcher = open(&dir);
    let mut started = 0;
    let mut next = || {
        started += 1;
        File::create(dir.path().join(format!("acks.{started}"))).unwrap();
        (started, start("recorder", &path, started, Stdio::null()))
    };
    let mut recorders: Vec<_> = (0..3).map(|_| next()).collect();
    let (mut seen, mut takeovers, mut epoch) = (Seen::default(), Vec::new(), 0);
    for _ in 0..KILLS {
        let (newest, after) = seen.watch_for_successor(&mut watcher, epoch);
        epoch = newest;
        takeovers.push(after);
        let holder = watcher.holder().unwrap().unwrap();
        let at = recorders.iter().position(|(number, _)| holder.label == owner(*number).label).unwrap();
        let (_, mut dead) = recorders.remove(at);
        dead.kill().unwrap();
        dead.wait().unwrap();
        recorders.push(next());
    }
    for (_, recorder) in &mut recorders {
        recorder.kill().unwrap();
        recorder.wait().unwrap();
    }
    while let Some(changes) = watcher.changes().unwrap() {
        seen.take(changes);
    }

    assert_one_recorder_at_a_time(&seen, KILLS);
    assert_stored_once(&seen, &mut open(&dir));
    let files = (1..=started).map(|number| fs::read_to_string(dir.path().join(format!("acks.{number}"))).unwrap());
    let acknowledged: Vec<_> = files.flat_map(|file| file.lines().map(str::to_owned).collect::<Vec<_>>()).collect();
    assert_nothing_lost(&seen, &acknowledged);
    println!(
        "{KILLS} kills: {} commits acknowledged, {} stored, {} results, takeover after {takeovers:?} ms (lease {SHORT_TTL} ms)",
        acknowledged.len(),
        seen.notes.len(),
        seen.results.len()
    );
}

/// In the order of commit, epochs only rise, and each belongs to one process.
fn assert_one_recorder_at_a_time(seen: &Seen, kills: usize) {
    assert!(seen.epochs().is_sorted(), "two recorders wrote at the same time");
    let owners: HashSet<_> = seen.results.iter().map(|r| r.detail.rsplit_once('/').unwrap().0.to_owned()).collect();
    let distinct: HashSet<_> = seen.epochs().collect();
    assert_eq!(owners.len(), distinct.len(), "one epoch, one owner");
    assert!(distinct.len() >= kills);
}

/// No duplicates, in the stream and in the store, which agree.
fn assert_stored_once(seen: &Seen, store: &mut Sqlite) {
    let keys: HashSet<_> = seen.results.iter().map(|result| (result.check.clone(), result.slot)).collect();
    assert_eq!(keys.len(), seen.results.len());
    let state = store.open_state(everything()).unwrap();
    let mut sorted = seen.results.clone();
    sorted.sort_by(|a, b| (&a.check, a.slot).cmp(&(&b.check, b.slot)));
    assert_eq!(state.results, sorted);
    assert_eq!(state.incidents, seen.notes);
    assert_eq!(state.alerts, seen.acks);
    let audit = store.audit_verify().unwrap();
    assert_eq!((audit.broken, audit.entries), (None, u64::try_from(seen.notes.len()).unwrap()));
}

/// Everything acknowledged is there, with the number and position that were given out.
fn assert_nothing_lost(seen: &Seen, acknowledged: &[String]) {
    let text = |stored: &StoredIncidentEvent| {
        let IncidentEventKind::Note { text } = &stored.event.kind else { panic!("only notes were written") };
        format!("{text} {} {}", stored.number, stored.seq)
    };
    let stored: HashSet<_> = seen.notes.iter().map(text).collect();
    assert_eq!(stored.len(), seen.notes.len());
    for line in acknowledged {
        assert!(stored.contains(line), "{line} was acknowledged and is lost");
    }
    assert!(acknowledged.len() > 100);
}

fn epoch_of(mark: &str) -> u64 {
    mark.split('/').next().unwrap().parse().unwrap()
}

/// A console that answers every note it sees with an acknowledgement, polling as consoles do.
fn answer(path: &Path) {
    let mut store = Sqlite::open(path, &Options::default()).unwrap();
    println!("@ready");
    let parent = std::os::unix::process::parent_id();
    while std::os::unix::process::parent_id() == parent {
        for stored in store.changes().unwrap().unwrap_or_default().incidents {
            store.commit(&[acknowledged(stored.seq, 1)], None).unwrap();
        }
        a_moment(250);
    }
}

#[test]
fn two_consoles_see_what_the_other_did() {
    let dir = TempDir::new().unwrap();
    let mut store = open(&dir);
    let mut other = start("console", &dir.path().join("qd.db"), 1, Stdio::piped());
    let mut lines = BufReader::new(other.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().ends_with("@ready")), "the other console did not start");
    let mut both_ways = Vec::new();
    for round in 1..=5_u64 {
        let begun = monotonic_ms();
        let committed = store.commit(&[note(1, "look")], None).unwrap();
        assert_eq!(committed.incidents[0].seq, round);
        let answered = loop {
            assert!(monotonic_ms() - begun < u64::try_from(HANGS.as_millis()).unwrap(), "no answer");
            let changes = store.changes().unwrap().unwrap_or_default();
            if let Some(event) = changes.alerts.first() {
                break event.alert;
            }
            a_moment(250);
        };
        assert_eq!(answered, uid(round));
        both_ways.push(monotonic_ms() - begun);
    }
    other.kill().unwrap();
    other.wait().unwrap();
    println!("there and back, each side polling every 250 ms: {both_ways:?} ms");
}
