//! Every action in every place: it does something, or says why it does not.
use quarterdeck::{
    config::{
        keymap::Keymap,
        theme::{ColourDepth, Theme},
    },
    core::{
        Effect, Msg, State,
        action::{ACTIONS, Action, Motion},
        runs::{Wanted, offer::OfferAsk},
        screen::{Draft, Pane, order::Order},
        update,
    },
    ui::{self, Look, glyphs::Glyphs},
};
use ratatui::{buffer::Buffer, layout::Rect};

use crate::{deploys, night::Night, places::places};

/// What a person can see of the screen, but for the message.
fn seen(state: &State) -> String {
    let mut screen = state.screen.clone();
    screen.message = None;
    screen.messages = quarterdeck::core::ring::Ring::new(1);
    screen.moved = quarterdeck::core::time::Mono(0);
    screen.layout = quarterdeck::core::screen::LayoutFacts::default();
    format!("{screen:?} {:?} {:?} {:?}", state.runs.review, state.runs.armed, state.runs.sudo.asking)
}

/// At the end of a list, in the view or the pane that one asks for: there is nothing to be said.
fn is_there(action: Action) -> bool {
    matches!(action, Action::Move(_) | Action::FocusPane(_))
        || matches!(
            action,
            Action::GoOverview
                | Action::GoHosts
                | Action::GoAlerts
                | Action::GoIncidents
                | Action::GoRuns
                | Action::GoAudit
                | Action::GoHandover
                | Action::GoOutbox
                | Action::GoMaintenance
                | Action::GoFindings
                | Action::GoMessages
        )
}

/// Presses every action in every pane of a place; returns those that did something, and those that were silent.
fn press(name: &str, night: &Night) -> (Vec<&'static str>, Vec<String>) {
    let (mut acts, mut silent) = (Vec::new(), Vec::new());
    for (index, pane) in night.state.screen.view.panes().iter().enumerate() {
        let mut begin = night.state.clone();
        begin.screen.focus.insert(begin.screen.view.clone(), index);
        begin.screen.message = None;
        let before = seen(&begin);
        for entry in ACTIONS {
            let mut state = begin.clone();
            let effects = update(&mut state, Msg::Acted(entry.action), night.now);
            if !effects.is_empty() || seen(&state) != before {
                acts.push(entry.id);
            } else if state.screen.message.is_none() && !is_there(entry.action) {
                silent.push(format!("{} in {name}, {pane:?}", entry.id));
            }
        }
    }
    (acts, silent)
}

#[test]
fn no_action_is_silent_anywhere() {
    let places = places();
    let next = std::sync::atomic::AtomicUsize::new(0);
    let work = || {
        let (mut acts, mut silent) = (Vec::new(), Vec::new());
        while let Some((name, night)) = places.get(next.fetch_add(1, std::sync::atomic::Ordering::Relaxed)) {
            let (more, none) = press(name, night);
            acts.extend(more);
            silent.extend(none);
        }
        (acts, silent)
    };
    let threads = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    let (acts, silent): (Vec<_>, Vec<_>) = std::thread::scope(|scope| {
        let all: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        all.into_iter().map(|one| one.join().unwrap()).unzip()
    });
    let (acts, silent) = (acts.concat(), silent.concat());
    assert!(silent.is_empty(), "{silent:#?}");
    let never: Vec<_> = ACTIONS.iter().map(|entry| entry.id).filter(|id| !acts.contains(id)).collect();
    assert!(never.is_empty(), "nothing comes of {never:?} anywhere");
}

#[test]
fn every_list_that_has_orders_turns_through_them() {
    for (name, pane, actions) in [
        ("services", Pane::Services, &[Action::GoOverview][..]),
        ("hosts", Pane::Hosts, &[Action::GoHosts]),
        ("alerts", Pane::Alerts, &[Action::GoAlerts]),
        ("checks", Pane::Checks, &[Action::OpenSelected, Action::FocusPane(2)]),
        ("processes", Pane::Processes, &[Action::GoHosts, Action::OpenSelected, Action::FocusPane(2)]),
    ] {
        let mut night = Night::new();
        night.act(actions);
        let first = night.state.screen.rows(pane).to_vec();
        let mut orders = Vec::new();
        for order in pane.orders() {
            assert_eq!(night.state.screen.order_of(pane), Some(*order), "{name}");
            let mut rows = night.state.screen.rows(pane).to_vec();
            orders.push(rows.clone());
            rows.sort();
            let mut same = first.clone();
            same.sort();
            assert_eq!(rows, same, "{name}: no row comes or goes with the order");
            night.act(&[Action::SortRows]);
        }
        assert_eq!(night.state.screen.rows(pane), first, "{name}: after the last order comes the first");
        orders.dedup();
        // The two checks of that night stand the same way in every order.
        assert!(orders.len() > 1 || pane == Pane::Checks, "{name}: {orders:?}");
    }
}

#[test]
fn hosts_stand_by_their_values_and_those_without_come_last() {
    let mut night = Night::new();
    night.act(&[Action::GoHosts]);
    while night.state.screen.order_of(Pane::Hosts) != Some(Order::Memory) {
        night.act(&[Action::SortRows]);
    }
    let rows: Vec<String> = night.state.screen.rows(Pane::Hosts).iter().map(|row| format!("{row:?}")).collect();
    assert!(rows[0].contains("db-01") && rows[1].contains("play-01"), "{rows:?}");
    assert!(rows[7].contains("cloud-01"), "{rows:?}");
}

#[test]
fn an_incident_is_opened_for_a_host_with_what_was_seen_of_it() {
    let mut night = Night::calm();
    let before: Vec<_> = night.state.incidents.incidents.keys().copied().collect();
    night.act(&[Action::GoHosts, Action::OpenIncident]);
    let new: Vec<_> = night.state.incidents.incidents.values().filter(|of| !before.contains(&of.uid)).collect();
    let [of] = &*new else { panic!("{new:#?}") };
    let on = format!("{:?}", night.state.screen.cursor(Pane::Hosts).unwrap());
    let host = of.title.split(':').next().filter(|host| on.contains(*host)).unwrap_or_default();
    assert!(!host.is_empty(), "{} {on}", of.title);
    assert_eq!((of.evidence.len(), of.changed.len()), (1, 0), "{of:#?}");
    assert!(of.title.ends_with(": opened by hand"), "{}", of.title);
    // The same key once more shows it, and opens no second one.
    let (uid, count) = (of.uid, night.state.incidents.incidents.len());
    night.act(&[Action::GoHosts, Action::OpenIncident]);
    assert_eq!(night.state.screen.view, quarterdeck::core::screen::View::Incident(uid));
    assert_eq!(night.state.incidents.incidents.len(), count);
}

#[test]
fn a_digit_before_the_first_drawing_only_moves_the_focus() {
    let mut night = Night::new();
    night.tell(Msg::Acted(Action::OpenSelected));
    night.tell(Msg::Acted(Action::FocusPane(3)));
    assert!(!night.state.screen.zoomed);
    assert_eq!(night.state.screen.pane(), Pane::Instances);
}

#[test]
fn what_does_not_fit_on_the_screen_is_not_confirmed() {
    let mut night = Night::new().review();
    night.types(Draft::Name, "Play");
    night.types(Draft::Reason, "errored");
    let look = Look::new(Theme::default(), ColourDepth::True, Glyphs::Unicode);
    let fits = |night: &Night, wide, high| {
        let mut buffer = Buffer::empty(Rect::new(0, 0, wide, high));
        ui::draw(&night.state, &Keymap::default(), &look, night.now, None, &mut buffer)
    };
    for (wide, high, whole) in [(120, 36, true), (80, 24, true), (20, 5, false), (80, 10, false)] {
        let mut night = night.clone();
        let facts = fits(&night, wide, high);
        assert_eq!(facts.cut, !whole, "{wide}×{high}");
        night.tell(Msg::LaidOut(facts));
        night.tell(Msg::Acted(Action::Confirm));
        let review = night.state.runs.review.as_ref().unwrap();
        assert_eq!(review.starts.is_some(), whole, "{wide}×{high}: {:?}", review.refused);
        assert_eq!(review.refused.as_ref().is_some_and(|why| why.contains("larger")), !whole);
    }
}

#[test]
fn a_snapshot_that_is_being_taken_is_left_out_and_that_is_on_the_audit() {
    use quarterdeck::core::record::Row;
    let mut night = crate::rollout::Rollout::snapshot().night();
    let effects = update(&mut night.state, Msg::Acted(Action::SkipSnapshot), night.now);
    let [Effect::Commit { rows, then, .. }] = effects.as_slice() else { panic!("{effects:?}") };
    assert!(
        matches!(rows.as_slice(), [Row::Audit(of)] if of.what == "snapshot.skipped" && of.detail.ends_with("on play-01"))
    );
    assert!(matches!(then.as_slice(), [Effect::SkipSnapshot { host, .. }] if host.as_str() == "play-01"), "{then:?}");
    let mut over = crate::rollout::Rollout::live(6).night();
    assert!(update(&mut over.state, Msg::Acted(Action::SkipSnapshot), over.now).is_empty());
    assert!(over.state.screen.message.is_some_and(|said| said.text.contains("no snapshot is being taken")));
}

#[test]
fn what_is_chosen_to_be_brought_out_is_planned_and_nothing_else() {
    let press = |mut night: Night, action| {
        let effects = update(&mut night.state, Msg::Acted(action), night.now);
        (effects, night)
    };
    let (effects, night) = press(deploys::chosen(), Action::Confirm);
    let back = Wanted::Rollback { to: Some("20261118091122-v2.30.4".into()) };
    let plans = |wanted: &Wanted| {
        effects.iter().any(|effect| matches!(effect, Effect::Plan { wanted: of, .. } if of == wanted))
    };
    assert!(plans(&back), "{effects:?}");
    assert!(night.state.screen.overlay.is_none() && night.state.runs.review.is_none());

    // What runs already is not brought out again, and a folder is gone on with.
    let mut runs = deploys::chosen();
    runs.types(Draft::Deploy, "v2.31.0");
    let (effects, night) = press(runs, Action::Confirm);
    assert!(effects.is_empty(), "{effects:?}");
    assert!(night.state.screen.message.is_some_and(|said| said.text.contains("runs on every host already")));
    let mut path = deploys::path();
    path.act(&[Action::Move(Motion::Down), Action::Move(Motion::Down), Action::Confirm]);
    assert_eq!(path.state.screen.draft(Draft::Deploy), "~/build/play-v2.31.2/");
    let mut path = deploys::path();
    path.act(&[Action::FocusNextPane]);
    assert_eq!(path.state.screen.draft(Draft::Deploy), "~/build/play-v2.31.", "as far as all agree");

    // A build is read first; what was typed stays as it was, and Esc ends the reading.
    let mut reading = deploys::reading();
    reading.types(Draft::Deploy, "x");
    assert_eq!(reading.state.screen.draft(Draft::Deploy), "~/build/play-v2.31.2/ as v2.31.2");
    let (effects, night) = press(reading, Action::GoBack);
    assert_eq!(effects, [Effect::Offer(OfferAsk::Stop)]);
    assert!(night.state.runs.offering.is_none() && night.state.screen.overlay.is_none());
}
