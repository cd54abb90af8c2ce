//! The foot of the incidents' list: the earlier one that is most like the one under the cursor, and what mended it.
use quarterdeck::core::{
    action::{Action, Motion},
    alerts::Severity,
    id::Uid,
    incidents::{IncidentEvent, IncidentEventKind},
    record::Row,
    screen::{Pane, RowKey},
    time::{DAY, MINUTE},
};

use super::night::{Night, id};

const EARLIER: Uid = Uid([9; 6]);
const RUN: Uid = Uid([8; 6]);

fn foot(night: &Night) -> String {
    let (buffer, _) = night.draw();
    let area = *buffer.area();
    let line = |y| (0..area.width).map(|x| buffer[(x, y)].symbol()).collect::<String>();
    let found = (0..area.height).map(line).find(|line| line.contains(" like INC-"));
    found.map(|line| line.trim_matches(['┃', '│', ' ']).to_owned()).unwrap_or_default()
}

/// Puts the cursor on an incident of the list.
fn on(night: &mut Night, uid: Uid) {
    night.act(&[Action::GoIncidents, Action::Move(Motion::Top)]);
    for _ in 0..night.state.incidents.incidents.len() {
        if night.state.screen.cursor(Pane::Incidents) == Some(&RowKey::Incident(uid)) {
            return;
        }
        night.act(&[Action::Move(Motion::Down)]);
    }
    panic!("not in the list");
}

#[test]
fn the_earlier_one_is_named_with_what_mended_it_and_a_later_one_is_not_earlier() {
    let mut night = Night::new().diagnosed();
    let now = night.state.incidents.open().find(|of| of.service == Some(id("Play"))).unwrap();
    let (uid, number, title) = (now.uid, now.number, now.title.clone());
    on(&mut night, uid);
    assert_eq!(foot(&night), format!("like {number}: no earlier one"));
    let began = night.now.utc - 7 * DAY;
    let mut happens = |minute: i64, kind| {
        let at = began + minute * MINUTE;
        night.commit(vec![Row::Incident(IncidentEvent { incident: EARLIER, at, by: "ana".into(), kind })]);
    };
    happens(0, IncidentEventKind::Opened { title, severity: Severity::P1, service: Some(id("Play")) });
    happens(1, IncidentEventKind::Action { run: RUN, summary: "roll Play back to v2.30.1".into() });
    on(&mut night, uid);
    let earlier = night.state.incidents.incidents[&EARLIER].number;
    // Until a run has helped, nobody knows what mended it.
    assert!(foot(&night).contains(&format!("like {number}: {earlier} ")), "{}", foot(&night));
    assert!(foot(&night).contains("what mended it is not known"), "{}", foot(&night));
    let summary = "exit 0 on both hosts".into();
    let kind = IncidentEventKind::Result { run: RUN, outcome: "Recovered".into(), summary };
    let at = began + 3 * MINUTE;
    night.commit(vec![Row::Incident(IncidentEvent { incident: EARLIER, at, by: "ana".into(), kind })]);
    on(&mut night, uid);
    let text = foot(&night);
    assert!(text.starts_with(&format!("like {number}: {earlier} ")), "{text}");
    assert!(text.contains("mended by roll Play back to v2.30.1"), "{text}");
    // Of the earlier one, the later is none that came before.
    on(&mut night, EARLIER);
    assert_eq!(foot(&night), format!("like {earlier}: no earlier one"));
}
