//! What was asked of the store so far: after a reload, only what is new is asked for.
use std::collections::BTreeSet;

use chrono_tz::Tz;

use super::recorder::Wanted;
use crate::core::{
    id::{CheckId, HostName},
    inventory::Inventory,
    services,
    time::{HOUR, Now, Timestamp},
};

/// Says what to read of the store, and when: buckets first, since which results are wanted depends on them.
#[derive(Debug, Default)]
pub(super) struct History {
    zone: Option<Tz>,
    /// From when on hours were asked for, in the zone above.
    hours: Option<Timestamp>,
    /// Checks whose results were asked for. What is taken out and put in again later is asked for again.
    checks: BTreeSet<CheckId>,
    /// Hosts whose minutes were asked for.
    hosts: BTreeSet<HostName>,
}

impl History {
    /// Says what to read after another inventory was adopted; none when all of it is known.
    pub(super) fn adopted(&mut self, inventory: &Inventory, state: &services::State, now: Now) -> Option<Wanted> {
        let zone = Some(inventory.display.timezone);
        let moved = self.zone != zone;
        let present: BTreeSet<&CheckId> = inventory.checks().map(|check| &check.id).collect();
        self.checks.retain(|known| present.contains(known));
        if !moved && present.into_iter().all(|id| self.checks.contains(id)) {
            return None;
        }
        self.zone = zone;
        let (hours, days) = state.buckets_wanted(now);
        self.hours = Some(hours);
        Some(Wanted::Buckets { hours, days })
    }

    /// Says which hosts' last hour to read after another inventory was adopted; none when all of them are known.
    pub(super) fn hosts_adopted(&mut self, inventory: &Inventory, now: Now) -> Option<Wanted> {
        self.hosts.retain(|known| inventory.hosts.iter().any(|host| host.name == *known));
        let hosts = inventory.hosts.iter().map(|host| &host.name);
        let hosts: Vec<_> = hosts.filter(|name| self.hosts.insert((*name).clone())).cloned().collect();
        (!hosts.is_empty()).then(|| Wanted::HostMinutes { hosts, from: now.utc - HOUR })
    }

    /// Says what to read after buckets came: more hours when the days turned out to be another zone's, else results.
    pub(super) fn buckets_came(&mut self, state: &services::State, now: Now) -> Wanted {
        let (hours, days) = state.buckets_wanted(now);
        // The wanted moment goes forward with the clock: only a leap back is more than what was read.
        if self.hours.is_none_or(|asked| hours < asked - HOUR) {
            self.hours = Some(hours);
            return Wanted::Buckets { hours, days };
        }
        let mut wants = state.results_wanted(now);
        wants.retain(|want| self.checks.insert(want.check.clone()));
        Wanted::Results(wants)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::{
        record::Bucket,
        services::{
            Msg, Split, State,
            testing::{check, inventory},
            update,
        },
        time::{DAY, Mono},
    };

    const T0: Timestamp = Timestamp(1_700_006_400_000);

    fn adopt(state: &mut State, history: &mut History, inventory: &Inventory) -> Option<Wanted> {
        let now = Now { utc: T0, mono: Mono(1_000) };
        update(state, Msg::InventoryReplaced, now, inventory);
        history.adopted(inventory, state, now)
    }

    fn checks_of(wanted: &Wanted) -> Vec<String> {
        match wanted {
            Wanted::Results(wants) => wants.iter().map(|want| want.check.to_string()).collect(),
            Wanted::Buckets { .. }
            | Wanted::HostMinutes { .. }
            | Wanted::Patterns { .. }
            | Wanted::Events
            | Wanted::Audit => {
                panic!("not results")
            }
        }
    }

    #[test]
    fn only_what_is_new_is_asked_for_again() {
        let now = Now { utc: T0, mono: Mono(1_000) };
        let (mut state, mut history) = (State::default(), History::default());
        let (a, b) = (check("a@p/x", 30_000, 1_000, 1), check("b@p/x", 30_000, 1_000, 1));
        let one = inventory(std::slice::from_ref(&a));
        assert!(
            matches!(adopt(&mut state, &mut history, &Inventory::default()), Some(Wanted::Buckets { .. })),
            "first"
        );
        assert!(matches!(adopt(&mut state, &mut history, &one), Some(Wanted::Buckets { .. })));
        assert_eq!(checks_of(&history.buckets_came(&state, now)), ["a@p/x"]);
        assert!(adopt(&mut state, &mut history, &one).is_none(), "nothing is new");
        let two = inventory(&[a, b.clone()]);
        assert!(adopt(&mut state, &mut history, &two).is_some(), "a new service");
        assert_eq!(checks_of(&history.buckets_came(&state, now)), ["b@p/x"]);
        assert!(adopt(&mut state, &mut history, &inventory(&[b])).is_none(), "one less");
        assert!(adopt(&mut state, &mut history, &two).is_some(), "it comes back, and has forgotten all");
        assert_eq!(checks_of(&history.buckets_came(&state, now)), ["a@p/x"]);
    }

    #[test]
    fn another_zone_wants_hours_of_all_days() {
        let now = Now { utc: T0, mono: Mono(1_000) };
        let mut utc = inventory(&[check("a@p/x", 30_000, 1_000, 1)]);
        let day = Bucket {
            service: "a@p".parse().unwrap(),
            start: T0 - DAY,
            length_ms: DAY,
            split: Split { up_ms: DAY, ..Split::default() },
            source: Bucket::OWN.to_owned(),
        };
        let hour = Bucket { start: T0 - HOUR, length_ms: HOUR, ..day.clone() };
        let (mut state, mut history) = (State::default(), History::default());
        adopt(&mut state, &mut history, &utc);
        update(&mut state, Msg::BucketsLoaded(vec![day.clone(), hour.clone()]), now, &utc);
        assert_eq!(checks_of(&history.buckets_came(&state, now)), ["a@p/x"]);
        // A reload with another zone.
        utc.display.timezone = chrono_tz::America::Bogota;
        let Some(Wanted::Buckets { hours, days }) = adopt(&mut state, &mut history, &utc) else { panic!("nothing") };
        assert_eq!(hours, days, "hours of all days");

        // The zone changed while nobody looked: the stored days tell.
        let (mut state, mut history) = (State::default(), History::default());
        adopt(&mut state, &mut history, &utc);
        update(&mut state, Msg::BucketsLoaded(vec![day, hour]), now, &utc);
        let Wanted::Buckets { hours, days } = history.buckets_came(&state, now) else { panic!("results") };
        assert_eq!(hours, days);
        assert_eq!(checks_of(&history.buckets_came(&state, now)), ["a@p/x"], "asked once");
    }
}
