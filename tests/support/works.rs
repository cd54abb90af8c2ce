//! Planned work of that night: running, coming, over, of the configuration; being planned and being ended.
use std::sync::Arc;

use quarterdeck::core::{
    Msg,
    action::{Action, Motion},
    record::Changes,
    runs::Actor,
    screen::{Draft, windows::Field},
    services::maintenance::{Plan, When},
    time::{HOUR, MINUTE},
    windows::{Wanted, WindowEvent, WindowEventKind},
};

use crate::night::{AT, Night};

/// What goes on, what comes, what was.
pub(crate) fn planned() -> Night {
    let mut night = Night::new();
    let plan = |name: &str, when: &str, why: &str| Plan {
        name: name.into(),
        services: Vec::new(),
        zone: chrono_tz::America::Bogota,
        when: When::parse(when).unwrap(),
        why: why.into(),
    };
    Arc::make_mut(&mut night.state.inventory).maintenance =
        vec![plan("weekly", "Sun 02:00-04:00", "database upgrades"), plan("monthly", "first Sun 02:00-06:00", "")];
    let mut events = Vec::new();
    for (by, at, [what, from, to, why], ended) in [
        ("leo", -2 * HOUR, ["Billing@prod", "now", "1h", "schema of invoices"], None),
        ("ben", -3 * HOUR, ["host:db-01", "+4h", "2h", "new disk, changed plan"], Some(-HOUR)),
        ("op1", -8 * MINUTE, ["Conecta@prod host:cloud-01", "now", "2h", "partner moves to TLS 1.3"], None),
        ("ana", -MINUTE, ["everything", "2026-12-20 02:00", "4h", "fail-over exercise"], None),
    ] {
        let wanted = Wanted {
            what: what.into(),
            from: from.into(),
            to: to.into(),
            zone: "America/Bogota".into(),
            why: why.into(),
        };
        let actor = Actor { by: by.into(), from: format!("{by}@jump") };
        let window = wanted.read(&night.state.inventory, AT + at).unwrap();
        let event = window.declared(&actor, AT + at);
        let kind = WindowEventKind::Ended;
        let end = ended.map(|ms| WindowEvent { at: AT + ms, kind, ..event.clone() });
        events.push(event);
        events.extend(end);
    }
    night.tell(Msg::Changed(Box::new(Changes { windows: events, ..Changes::default() })));
    night.act(&[Action::GoMaintenance]);
    night.pass(0);
    night
}

/// A window is being planned: with what is typed in its fields.
pub(crate) fn adding(to: &str) -> Night {
    let mut night = planned();
    night.act(&[Action::AddWindow]);
    for (field, text) in
        [(Field::What, "Play@prod host:play-01"), (Field::From, "23:00"), (Field::To, to), (Field::Why, "new disk")]
    {
        night.types(Draft::Window(field), text);
    }
    night
}

/// Somebody is asked whether the window under the cursor is to end.
pub(crate) fn ending() -> Night {
    let mut night = planned();
    night.act(&[Action::Move(Motion::Top), Action::EndWindow]);
    night
}

/// Nothing is planned.
pub(crate) fn none() -> Night {
    let mut night = Night::calm();
    night.act(&[Action::GoMaintenance]);
    night
}
