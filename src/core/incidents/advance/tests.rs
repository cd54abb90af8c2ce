use super::*;
use crate::core::{
    id::{IncidentId, Uid},
    incidents::{
        Duty, Impact, IncidentEvent, Section, State, StoredIncidentEvent, Urgency,
        clocks::ClockKind,
        policy::{Member, Team},
        update,
    },
    record::DeclaredState,
    runs::Verdict,
    time::{DAY, HOUR, MINUTE},
};

const UID: Uid = Uid([7; 6]);

/// An incident that is told what happens, and when.
struct Story {
    state: State,
    seq: u64,
    now: Timestamp,
}

impl Story {
    fn of(severity: Severity) -> Self {
        let mut story = Self { state: State::default(), seq: 0, now: Timestamp(0) };
        let service = Some("play@prod".parse().unwrap());
        story.say(IncidentEventKind::Opened { title: "play is down".into(), severity, service });
        story
    }

    fn say(&mut self, kind: IncidentEventKind) -> &mut Self {
        self.seq += 1;
        let event = IncidentEvent { incident: UID, at: self.now, by: "ana".into(), kind };
        let stored = StoredIncidentEvent { number: IncidentId(7), seq: self.seq, event };
        _ = update(&mut self.state, crate::core::incidents::Msg::Stored(vec![stored]), self.now, &"ana".into());
        self
    }

    fn after(&mut self, ms: i64) -> &mut Self {
        self.now = Timestamp(self.now.0 + ms);
        self
    }

    fn incident(&self) -> &Incident {
        &self.state.incidents[&UID]
    }

    fn goes(&self, around: Around, note: &str) -> Result<IncidentEventKind, Stays> {
        go_on(self.incident(), around, &Policy::default(), note, self.now)
    }

    fn missing(&self, around: Around) -> Vec<Guard> {
        self.goes(around, "").err().map_or_else(Vec::new, |stays| stays.missing)
    }
}

fn begins(phase: Phase) -> IncidentEventKind {
    IncidentEventKind::PhaseBegan { phase, note: String::new(), owed: Vec::new() }
}

fn classified() -> IncidentEventKind {
    let (impact, urgency) = (Impact::All, Urgency::Now);
    IncidentEventKind::Classified { class: "failure".into(), impact, urgency, words: "nobody can play".into() }
}

fn section(section: Section, text: &str) -> IncidentEventKind {
    IncidentEventKind::Section { section, text: text.into() }
}

fn onset(at: i64, estimated: bool) -> IncidentEventKind {
    IncidentEventKind::Onset { at: Timestamp(at), how: "p95".into(), estimated }
}

fn well() -> IncidentEventKind {
    IncidentEventKind::Resolved { summary: "all checks are up".into() }
}

#[test]
fn each_guard_holds_by_what_it_asks_for() {
    let around = Around { tracked: true, ticket: true, healthy: Some(true), running: false };
    let mut story = Story::of(Severity::P3);
    assert_eq!(story.incident().phase, Phase::Classify, "it is registered by being there");
    assert_eq!(story.missing(around), [Guard::Lead, Guard::Class, Guard::Impact]);
    story.say(IncidentEventKind::Acknowledged);
    assert_eq!(story.missing(around), [Guard::Class, Guard::Impact]);
    story.say(classified());
    assert_eq!(story.goes(around, ""), Ok(begins(Phase::Diagnose)));
    story.say(begins(Phase::Diagnose));
    assert_eq!(story.missing(around), [Guard::Onset, Guard::Suspect, Guard::Hypothesis]);
    story.say(onset(-5, true)).say(IncidentEventKind::SuspectChosen { key: None, summary: String::new() });
    assert_eq!(story.missing(around), [Guard::Hypothesis]);
    story.say(IncidentEventKind::Hypothesis { text: "the pool leaks".into(), test: String::new() });
    assert_eq!(story.goes(around, ""), Ok(begins(Phase::Act)));
    story.say(begins(Phase::Act));
    assert_eq!(story.missing(Around { running: true, ..around }), [Guard::Acted, Guard::RunsEnded]);
    story.say(IncidentEventKind::Action { run: Uid([1; 6]), summary: "restart".into() });
    assert_eq!(story.missing(Around { running: true, ..around }), [Guard::RunsEnded]);
    assert_eq!(story.goes(around, ""), Ok(begins(Phase::Validate)));
    story.say(begins(Phase::Validate));
    assert_eq!(story.missing(Around { healthy: Some(false), ..around }), [Guard::Healthy, Guard::Baked]);
    story.say(well());
    assert_eq!(story.missing(around), [Guard::Baked]);
    story.after(10 * MINUTE);
    assert_eq!(story.goes(around, ""), Ok(begins(Phase::Document)));
    story.say(begins(Phase::Document));
    assert_eq!(story.missing(around), [Guard::RootCause, Guard::Lessons, Guard::FollowUps]);
    story.say(section(Section::RootCause, "a leak")).say(section(Section::Lessons, "watch the pool"));
    story.say(section(Section::FollowUps, "alert on it")).say(section(Section::Lessons, " "));
    assert_eq!(story.missing(around), [Guard::Lessons], "an empty text takes a section back");
    story.say(section(Section::Lessons, "watch the pool"));
    assert_eq!(story.missing(Around { ticket: false, ..around }), [Guard::Ticket], "what was left owed is asked for");
    assert_eq!(story.goes(around, ""), Ok(IncidentEventKind::Closed));
    assert!(story.incident().is_owed());
    story.say(IncidentEventKind::Closed);
    assert!(!story.incident().is_owed() && !story.incident().is_open());
}

#[test]
fn the_worst_go_on_with_a_note_and_pay_later() {
    let around = Around { healthy: Some(true), ..Around::default() };
    let mut story = Story::of(Severity::P3);
    let stays = Stays { missing: vec![Guard::Lead, Guard::Class, Guard::Impact], may_be_owed: false };
    assert_eq!(story.goes(around, "users first"), Err(stays));
    story.say(IncidentEventKind::SeverityChanged { to: Severity::P1, reason: "all users".into() });
    assert!(story.goes(around, "  ").is_err());
    let gone = story.goes(around, "users first").unwrap();
    let owed = vec![Guard::Lead, Guard::Class, Guard::Impact];
    assert_eq!(gone, IncidentEventKind::PhaseBegan { phase: Phase::Diagnose, note: "users first".into(), owed });
    story.say(gone).say(begins(Phase::Act)).say(begins(Phase::Validate));
    let stays = story.goes(Around { healthy: Some(false), ..around }, "it looks better").unwrap_err();
    assert!(!stays.may_be_owed, "that a service is well is not owed: {stays:?}");
    story.say(well());
    for part in Section::ALL {
        story.say(section(part, "text"));
    }
    story.say(begins(Phase::Document));
    assert_eq!(story.missing(around), [Guard::Impact, Guard::Lead, Guard::Class]);
    story.say(classified()).say(IncidentEventKind::DutyTaken { duty: Duty::Lead, who: Some("ben".into()) });
    assert_eq!(story.goes(around, ""), Ok(IncidentEventKind::Closed));
}

#[test]
fn it_goes_on_by_itself_once_it_was_well_for_long_enough_and_comes_back() {
    let around = Around { healthy: Some(true), ..Around::default() };
    let next = |story: &Story, around| by_itself(story.incident(), around, (&Policy::default(), None), story.now);
    let mut story = Story::of(Severity::P3);
    story.say(well());
    assert_eq!(story.incident().phase, Phase::Validate, "what is over is validated");
    assert!(story.incident().owed.contains(&Guard::Suspect));
    story.after(10 * MINUTE - 1);
    assert_eq!(next(&story, around), None);
    // Clock set back: it has to be well for no longer than the whole.
    story.after(-DAY);
    assert_eq!(story.incident().bake_left(&Policy::default(), story.now), Some(600_000));
    story.after(DAY + 1);
    assert_eq!(next(&story, Around { healthy: Some(false), ..around }), None);
    assert_eq!(next(&story, Around { running: true, ..around }), None);
    let note = "well for 10m".to_owned();
    let document = IncidentEventKind::PhaseBegan { phase: Phase::Document, note, owed: Vec::new() };
    assert_eq!(next(&story, around), Some(document.clone()));
    story.say(document).say(IncidentEventKind::Reopened { summary: "down again".into() });
    assert_eq!((story.incident().phase, story.incident().resolved), (Phase::Diagnose, None));
    assert!(story.incident().is_open());
}

#[test]
fn nobody_is_called_twice_and_the_next_only_when_nothing_gets_on() {
    let member = |name: &str| Member { name: name.into(), mail: None, phone: None };
    let members = ["ana", "ben", "leo"].map(member).into();
    let policy = Policy { teams: vec![Team { name: "response".into(), members }], ..Policy::default() };
    let leo = "leo".into();
    let of = |story: &Story, signed| by_itself(story.incident(), Around::default(), (&policy, signed), story.now);
    let next = |story: &Story| of(story, None);
    let mut story = Story::of(Severity::P1);
    story.say(IncidentEventKind::Acknowledged).after(30 * MINUTE - 1);
    assert_eq!(next(&story), None);
    story.after(1);
    let call = next(&story).unwrap();
    assert_eq!(call, IncidentEventKind::Escalated { to: "ben".into(), reason: "in classify for 30m".into() });
    let shift = of(&story, Some((&leo, Timestamp(10 * MINUTE)))).unwrap();
    let reason = "in classify for 30m; signed the hand-over last, 20m ago".to_owned();
    assert_eq!(shift, IncidentEventKind::Escalated { to: "leo".into(), reason });
    story.say(call).after(29 * MINUTE);
    assert_eq!(next(&story), None, "the clock begins anew with whoever was called");
    story.after(MINUTE);
    assert!(matches!(next(&story), Some(IncidentEventKind::Escalated { to, .. }) if to == "leo"));
    story.say(begins(Phase::Act));
    assert_eq!(next(&story), None, "somebody acts");
    let mut helped = Story::of(Severity::P1);
    helped.say(IncidentEventKind::Mitigated { summary: "rerouted".into() }).after(HOUR);
    assert_eq!(next(&helped), None);
}

#[test]
fn clocks_run_until_they_are_met() {
    let policy = Policy::default();
    let clocks = |story: &Story| -> Vec<(ClockKind, i64, Option<i64>)> {
        let clocks = story.incident().clocks(&policy);
        clocks
            .iter()
            .map(|clock| (clock.kind, clock.due.0 / MINUTE, clock.left(story.now).map(|ms| ms / MINUTE)))
            .collect()
    };
    let mut story = Story::of(Severity::P1);
    story.after(2 * MINUTE);
    assert_eq!(
        clocks(&story),
        [
            (ClockKind::Acknowledge, 5, Some(3)),
            (ClockKind::FirstUpdate, 15, Some(13)),
            (ClockKind::Mitigate, 60, Some(58))
        ]
    );
    story.say(IncidentEventKind::Acknowledged).after(4 * MINUTE);
    let told = |text: &str| IncidentEventKind::Told {
        state: DeclaredState::Investigating,
        internal: String::new(),
        text: text.into(),
        to: vec!["status page".into()],
    };
    story.say(told("we look")).after(20 * MINUTE);
    assert_eq!(
        clocks(&story),
        [
            (ClockKind::Acknowledge, 5, None),
            (ClockKind::FirstUpdate, 15, None),
            (ClockKind::Update, 21, Some(-5)),
            (ClockKind::Mitigate, 60, Some(34))
        ]
    );
    assert_eq!(story.incident().next_clock(&policy).map(|clock| clock.kind), Some(ClockKind::Update));
    // The wall clock was set back by an hour: no clock shows more than was promised.
    story.after(-HOUR);
    assert_eq!(story.incident().next_clock(&policy).unwrap().left(story.now), Some(15 * MINUTE));
    story.after(HOUR).say(well());
    assert_eq!(
        clocks(&story),
        [
            (ClockKind::Acknowledge, 5, None),
            (ClockKind::FirstUpdate, 15, None),
            (ClockKind::Mitigate, 60, None),
            (ClockKind::Document, 26 + 2 * 24 * 60, Some(2 * 24 * 60))
        ]
    );
    let mut silent = Story::of(Severity::P1);
    silent.after(2 * MINUTE).say(well());
    let kinds: Vec<ClockKind> = clocks(&silent).into_iter().map(|(kind, ..)| kind).collect();
    assert_eq!(kinds, [ClockKind::Mitigate, ClockKind::Document], "nobody took it, and nobody was told");
}

#[test]
fn a_restart_before_anything_is_classified_is_what_helped() {
    let policy = Policy::default();
    let mut story = Story::of(Severity::P1);
    let run = Uid([3; 6]);
    story.after(4 * MINUTE).say(IncidentEventKind::Action { run, summary: "restart play on web-01".into() });
    assert_eq!(story.incident().mitigated, None, "it is not known yet to have helped");
    let ended = |outcome: &str| IncidentEventKind::Result { run, outcome: outcome.into(), summary: "exit 0".into() };
    story.after(MINUTE).say(ended("Succeeded"));
    assert_eq!(story.incident().mitigated, None, "that it ran proves nothing");
    story.after(3 * MINUTE).say(ended(Verdict::Recovered.noted()));
    let of = story.incident();
    assert_eq!((of.phase, of.mitigated), (Phase::Classify, Some(Timestamp(8 * MINUTE))));
    let clock = of.clocks(&policy).into_iter().find(|clock| clock.kind == ClockKind::Mitigate).unwrap();
    assert_eq!((clock.met, clock.is_late(story.now)), (Some(Timestamp(8 * MINUTE)), false));
    // Nobody is called any more for a phase that lasts, and what was left out is asked for at the end.
    assert!(!of.stalls(&policy, story.now + DAY));
    story.after(MINUTE).say(well());
    let of = story.incident();
    assert_eq!((of.phase, of.mitigated), (Phase::Validate, Some(Timestamp(8 * MINUTE))));
    for owed in [Guard::Lead, Guard::Class, Guard::Impact, Guard::Onset, Guard::Hypothesis] {
        assert!(of.owed.contains(&owed), "{owed:?}");
    }
    assert!(!missing(of, Around::default(), &policy, story.now).contains(&Guard::Acted));
}

#[test]
fn a_corrected_time_moves_an_entry_and_keeps_what_was_written() {
    let mut story = Story::of(Severity::P2);
    story.after(HOUR).say(IncidentEventKind::Note { text: "the pool was full".into() });
    story.say(IncidentEventKind::TimeCorrected { of: 2, to: Timestamp(-5) });
    let order: Vec<u64> = story.incident().by_time().iter().map(|(seq, _)| *seq).collect();
    assert_eq!(order, [2, 1, 3]);
    assert_eq!(
        (story.incident().happened(2), story.incident().timeline[&2].at),
        (Some(Timestamp(-5)), Timestamp(HOUR))
    );
}

#[test]
fn what_a_person_says_of_the_onset_goes_before_what_is_computed() {
    let mut story = Story::of(Severity::P2);
    assert_eq!(story.incident().zero(), Timestamp(0));
    for (said, expected) in
        [(onset(-5, true), -5), (onset(-4, true), -4), (onset(-9, false), -9), (onset(-3, true), -9)]
    {
        story.say(said);
        assert_eq!(story.incident().zero(), Timestamp(expected));
    }
}
