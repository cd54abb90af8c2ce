//! Night after night of one incident, at a server that fails and with consoles that are killed, until enough went wrong.
use quarterdeck::core::incidents::IncidentEventKind;

use super::{
    faults::random,
    sim::{Dice, Sim},
};
use crate::tickets::Shared;

/// What each night is made of.
pub(super) struct Nights<'a> {
    pub(super) fake: &'a Shared,
    /// Faults that the server must have had in all of them.
    pub(super) injections: usize,
    /// Faults of a night: at least so many, and fewer than so many more.
    pub(super) faults: (u64, u64),
    /// Seconds after which at most a search finds what was made.
    pub(super) lag: u64,
    /// What happens to the incident once it is open.
    pub(super) happens: &'a [IncidentEventKind],
}

impl Nights<'_> {
    /// Goes through them; what must hold after each is asked with its seed. Returns how many there were, and how many kills.
    pub(super) async fn pass(&self, begin: impl Fn() -> Sim, holds: impl Fn(u64, &Sim)) -> (u64, usize) {
        let (mut seed, mut kills) = (0, 0);
        while self.fake.lock().unwrap().injected < self.injections {
            seed += 1;
            let mut dice = Dice(seed);
            {
                let mut fake = self.fake.lock().unwrap();
                fake.tickets.clear();
                fake.requests.clear();
                fake.lag = i64::try_from(dice.below(self.lag + 1)).unwrap() * 1_000;
                fake.faults = (0..self.faults.0 + dice.below(self.faults.1)).map(|_| random(&mut dice)).collect();
            }
            let mut sim = begin();
            sim.kill_in = (dice.below(2) == 0).then(|| dice.below(12));
            sim.opened().await;
            for kind in self.happens {
                sim.happens(kind.clone()).await;
            }
            sim.settle(300).await;
            kills += sim.kills;
            holds(seed, &sim);
        }
        println!("{} faults and {kills} kills in {seed} nights", self.fake.lock().unwrap().injected);
        (seed, kills)
    }
}
