//! The box in which one chooses what is brought out, in that night: what the hosts know, and a path that is typed.
use quarterdeck::core::{
    Msg,
    action::{Action, Motion},
    runs::{
        self, Wanted,
        offer::{Brings, Known, Offer, OfferMsg, Reading},
    },
    screen::Draft,
};

use crate::night::{Night, id};

fn told(night: &mut Night, msg: OfferMsg) {
    night.tell(Msg::Runs(runs::Msg::Offer(msg)));
}

/// Play's releases: one of them runs, one is not everywhere.
pub(crate) fn chosen() -> Night {
    let mut night = Night::new();
    night.act(&[Action::DeployService]);
    let offer = |version: &str, stamp: &str, more: &str| Offer {
        name: version.into(),
        more: more.into(),
        wanted: Wanted::Rollback { to: Some(format!("{stamp}-{version}")) },
        runs: version == "v2.31.0",
    };
    told(&mut night, OfferMsg::Brings(id("Play"), Ok(Brings { builds: true, ..Brings::default() })));
    let offers = vec![
        offer("v2.31.1", "20261120031000", "on 1 of 2 hosts, since 2026-11-20 03:10 by leo"),
        offer("v2.31.0", "20261120025801", "on all hosts, since 2026-11-20 02:58 by leo"),
        offer("v2.30.4", "20261118091122", "on all hosts, since 2026-11-18 09:11 by ana"),
        offer("v2.30.3", "20261111150210", "on all hosts, since 2026-11-11 15:02 by ana"),
    ];
    told(&mut night, OfferMsg::Known(id("Play"), Ok(Known { now: Some("20261120025801-v2.31.0".into()), offers })));
    night.act(&[Action::Move(Motion::Down), Action::Move(Motion::Down)]);
    night
}

/// A path is typed, and what begins so is listed.
pub(crate) fn path() -> Night {
    let mut night = chosen();
    night.types(Draft::Deploy, "~/build/play-v2");
    let paths = ["~/build/play-v2.31.1.tar.gz", "~/build/play-v2.31.2/", "~/build/play-v2.31.2.tar.gz"];
    told(&mut night, OfferMsg::Paths("~/build/play-v2".into(), paths.map(str::to_owned).to_vec()));
    night
}

/// The build is read.
pub(crate) fn reading() -> Night {
    let mut night = path();
    night.types(Draft::Deploy, "~/build/play-v2.31.2/ as v2.31.2");
    night.act(&[Action::Confirm]);
    let reading = Reading { path: "~/build/play-v2.31.2/".into(), packs: true, bytes: 21 << 20, of: Some(48 << 20) };
    told(&mut night, OfferMsg::Reading(reading));
    night
}
