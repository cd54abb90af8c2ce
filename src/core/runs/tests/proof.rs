//! What the checks prove of a run, by what became of it on all of its hosts.
use super::{
    order::{Console, three},
    *,
};

/// A run of three hosts until it ended, or was left.
type Night = fn() -> Console;

/// Begins a run that is taken back by itself or not, that bears so many failures, and whose service has so many checks.
fn begun(by_itself: bool, max_failures: u32, checks: usize) -> Console {
    let plan = Plan { undo_by_itself: by_itself, max_failures, action: Action::Restart, ..three() };
    Console::with(plan, checks).0
}

/// Carries hosts there, each with the code of its first step, and then back.
fn carried(mut console: Console, there: &[(&str, i32)], back: &[(&str, i32)]) -> Console {
    let ways = there.iter().map(|host| (host, Way::There)).chain(back.iter().map(|host| (host, Way::Back)));
    for ((host, code), way) in ways {
        _ = console.host_ends(host, way, *code);
    }
    console
}

fn all_hosts() -> Console {
    carried(begun(false, 0, 0), &[("a", 0), ("b", 0), ("c", 0)], &[])
}

fn first_fails() -> Console {
    carried(begun(false, 0, 0), &[("a", 1)], &[])
}

fn second_fails() -> Console {
    carried(begun(false, 0, 0), &[("a", 0), ("b", 1)], &[])
}

fn second_fails_and_is_taken_back() -> Console {
    carried(begun(true, 0, 0), &[("a", 0), ("b", 1)], &[("b", 0), ("a", 0)])
}

fn second_fails_and_so_does_the_way_back() -> Console {
    carried(begun(true, 0, 0), &[("a", 0), ("b", 1)], &[("b", 1), ("a", 0)])
}

fn one_may_fail() -> Console {
    carried(begun(false, 1, 0), &[("a", 0), ("b", 1), ("c", 0)], &[])
}

fn stopped() -> Console {
    let mut console = begun(false, 0, 0);
    _ = console.send(Msg::Stopped { run: RUN, undo: false });
    carried(console, &[("a", 0)], &[])
}

fn stopped_and_taken_back() -> Console {
    let mut console = begun(false, 0, 0);
    _ = console.send(Msg::Stopped { run: RUN, undo: true });
    carried(console, &[("a", 0)], &[("a", 0)])
}

fn refused() -> Console {
    let mut console = begun(false, 0, 0);
    for step in 0..2 {
        let end = StepEnd::NotStarted("locked by ben".into());
        _ = console.happens(RunEventKind::StepEnded { step, end });
    }
    console
}

fn checks_stop_it() -> Console {
    let mut console = carried(begun(false, 0, 1), &[("a", 0)], &[]);
    console.begins_when(Health::Up);
    while console.run().gate.failed.is_none() {
        _ = console.answers(Health::Down);
    }
    console
}

fn lost() -> Console {
    let mut console = begun(true, 0, 0);
    _ = console.happens(RunEventKind::StepEnded { step: 0, end: StepEnd::Unknown("look".into()) });
    console
}

fn lost_later() -> Console {
    let mut console = goes_on();
    _ = console.happens(RunEventKind::StepEnded { step: 2, end: StepEnd::Unknown("look".into()) });
    console
}

fn goes_on() -> Console {
    carried(begun(false, 0, 0), &[("a", 0)], &[])
}

fn left_alone() -> Console {
    let mut console = goes_on();
    let left = RunEventKind::Left { console: Uid([7; 6]) };
    _ = console.send(Msg::Stored { number: RunId(1), event: event(700, left) });
    console
}

/// Has the checks say something until the time for a proof is over.
fn say(console: &mut Console, health: Health) {
    for _ in 0..=PROOF_MS / 1_000 {
        _ = console.answers(health);
    }
}

/// What is proved of a night that began and ended so: the verdict, how its line begins, and what else is in it. None: nothing yet.
type Proved = Option<(Verdict, &'static str, &'static str)>;

const NOTHING: &str = "play@staging its checks prove nothing of this run: ";
const NOT: &str = "play@staging did not recover: ";
const WELL: &str = "play@staging is well: ";
const FIRST: &str = "it failed, done on none of 3 hosts, failed on a, not changed on b and c; ";
const BACK: &str = "it was taken back, done on none of 3 hosts, taken back on a";

/// What happens, how the service was before and is afterwards, and what that proves.
const NIGHTS: [(Night, Health, Health, Proved); 23] = {
    use Health::{Down, Up};
    use Verdict::{NotRecovered, Recovered, Unknown};
    [
        (all_hosts, Down, Up, Some((Recovered, "play@staging recovered: ", "down before, up now"))),
        (all_hosts, Up, Up, Some((Recovered, WELL, "up before, up now"))),
        (all_hosts, Down, Down, Some((NotRecovered, NOT, "down before, down now"))),
        (all_hosts, Down, Health::Unknown, Some((Unknown, "play@staging nobody can tell whether it recovered: ", ""))),
        // The service answers through what stands before its hosts, whatever became of one of them.
        (first_fails, Down, Up, Some((Unknown, NOTHING, FIRST))),
        (first_fails, Down, Down, Some((NotRecovered, NOT, FIRST))),
        (first_fails, Up, Up, Some((Unknown, NOTHING, FIRST))),
        (second_fails, Down, Up, {
            Some((
                Unknown,
                NOTHING,
                "it failed, done on 1 of 3 hosts, failed on b, not changed on c; down before, up now",
            ))
        }),
        (second_fails_and_is_taken_back, Up, Up, Some((Recovered, WELL, BACK))),
        (second_fails_and_is_taken_back, Down, Up, Some((Unknown, NOTHING, BACK))),
        (second_fails_and_is_taken_back, Up, Down, Some((NotRecovered, "play@staging is not well: ", BACK))),
        (second_fails_and_so_does_the_way_back, Up, Up, {
            Some((
                Unknown,
                NOTHING,
                "it failed, done on none of 3 hosts, failed on b, taken back on a, not changed on c",
            ))
        }),
        (stopped, Down, Up, Some((Unknown, NOTHING, "it was stopped, done on 1 of 3 hosts, not changed on b and c; "))),
        (stopped, Up, Up, Some((Unknown, NOTHING, "it was stopped, done on 1 of 3 hosts, not changed on b and c; "))),
        (stopped_and_taken_back, Up, Up, Some((Recovered, WELL, BACK))),
        (refused, Down, Up, Some((Unknown, NOTHING, "nothing ran; down before, up now"))),
        (refused, Down, Down, Some((NotRecovered, NOT, "nothing ran; down before, down now"))),
        (checks_stop_it, Up, Up, {
            Some((Unknown, NOTHING, "it failed, done on 1 of 3 hosts, not changed on b and c; up before, up now"))
        }),
        (one_may_fail, Up, Up, Some((Unknown, NOTHING, "it failed, done on 2 of 3 hosts, failed on b; up before"))),
        // Nobody knows how it ended, or it has not: there is nothing to prove yet.
        (lost, Down, Up, None),
        (lost_later, Down, Up, None),
        (goes_on, Down, Up, None),
        (left_alone, Down, Up, None),
    ]
};

#[test]
fn checks_prove_only_what_was_done_on_all_hosts() {
    for (number, (night, before, now, expected)) in NIGHTS.into_iter().enumerate() {
        let mut console = night();
        console.begins_when(before);
        say(&mut console, now);
        let run = console.run();
        let label = format!("{number}, {before:?} then {now:?}: {:?} {:?}", run.outcome, run.proof);
        match (expected, &run.proof) {
            (None, None) => {}
            (Some((verdict, begin, more)), Some((proved, summary))) => {
                assert_eq!(*proved, verdict, "{label}");
                assert!(summary.starts_with(begin) && summary.contains(more), "{label}: {begin}{more}");
            }
            (_, _) => panic!("{label}"),
        }
        let reached = run.reached();
        let lists = [&reached.done, &reached.failed, &reached.taken_back, &reached.unknown, &reached.not_changed];
        assert_eq!(lists.iter().map(|list| list.len()).sum::<usize>(), 3, "{label}: each host is somewhere once");
    }
}

#[test]
fn a_run_is_proved_once_its_end_is_known_after_all() {
    let mut console = lost();
    console.begins_when(Health::Down);
    say(&mut console, Health::Up);
    assert_eq!((console.outcome(), console.run().proof.as_ref()), (Some(RunOutcome::Unknown), None));
    let words = console.run().ended_words().unwrap();
    assert!(words.ends_with("done on none of 3 hosts, unknown on a, not changed on b and c"), "{words}");
    // Its journal says that it went well, and a person has it go on.
    console = carried(console, &[("a", 0)], &[]);
    _ = console.send(Msg::Adopted { run: RUN });
    console = carried(console, &[("b", 0), ("c", 0)], &[]);
    say(&mut console, Health::Up);
    assert_eq!(console.outcome(), Some(RunOutcome::Succeeded));
    assert_eq!(console.run().proof.as_ref().map(|(verdict, _)| *verdict), Some(Verdict::Recovered));
}

#[test]
fn an_end_says_on_which_hosts() {
    let cases: [(Night, &str); 5] = [
        (all_hosts, "every step exited with 0"),
        (first_fails, "a step failed: done on none of 3 hosts, failed on a, not changed on b and c"),
        (stopped, "stopped before all hosts were changed: done on 1 of 3 hosts, not changed on b and c"),
        (second_fails_and_is_taken_back, "it failed, and what it did was taken back"),
        (stopped_and_taken_back, "it was stopped, and what it did was taken back"),
    ];
    for (night, says) in cases {
        assert_eq!(night().run().ended_words().as_deref(), Some(says));
    }
    let one = Plan { steps: vec![step("a", "restart")], undo_steps: Vec::new(), action: Action::Restart, ..three() };
    let console = carried(Console::with(one, 0).0, &[("a", 1)], &[]);
    assert_eq!(console.run().reached().words(), "failed on a");
    assert_eq!(console.run().ended_words().as_deref(), Some("a step failed"));
}
