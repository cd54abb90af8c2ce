//! The audit log of that night: what it holds, nothing, and a hand in it.
use quarterdeck::core::{
    Msg,
    action::{Action, Motion},
    audit::{Chain, Entry, Read},
    record::Audit,
    runs,
    time::{MINUTE, SECOND},
};

use crate::{
    night::{AT, Night},
    rollout::Rollout,
};

fn read(night: &mut Night, read: Read) {
    night.act(&[Action::GoAudit]);
    night.tell(Msg::AuditRead(Box::new(Ok(read))));
    night.pass(0);
}

/// A rollback that was taken back by itself, and what went before it. `broken` says which entry was changed.
pub(crate) fn log(broken: Option<u64>) -> Night {
    let mut night = Rollout::proved(false).night();
    let run = night.state.runs.runs.values().next().map(|run| (run.run, runs::hash(&run.plan)));
    let (uid, hash) = run.map(|(uid, hash)| (uid.to_string(), hash)).unwrap_or_default();
    let confirmed = format!("{uid} plan {hash}");
    let entries = [
        (
            -95 * MINUTE,
            "leo",
            "leo@jump from 10.0.4.7",
            "host_key.accepted",
            "api-02",
            "api-02.acme.example ssh-ed25519 AAAA",
        ),
        (-61 * MINUTE, "leo", "leo@jump from 10.0.4.7", "log.revealed", "play@prod", "1 record, rule bearer"),
        (-9 * MINUTE, "op1", "op1@jump from 10.0.4.12", "write.armed", "prod", ""),
        (4 * SECOND, "op1", "op1@jump from 10.0.4.12", "run.confirmed", "Play@prod", confirmed.as_str()),
        (4 * SECOND, "op1", "op1@jump from 10.0.4.12", "second-person.waived", "Play@prod", confirmed.as_str()),
    ];
    let entry = |(number, (at, by, from, what, target, detail)): (u64, (i64, &str, &str, &str, &str, &str))| {
        let of = Audit {
            at: AT + at,
            by: by.into(),
            from: from.into(),
            what: what.into(),
            target: target.into(),
            detail: detail.into(),
        };
        Entry { seq: 340 + number, hash: format!("{:016x}", 0x9f2c_a1d0_77c1_0e00_u64 + number * 0x1b90).repeat(4), of }
    };
    let mut entries: Vec<Entry> = (1..).zip(entries).map(entry).collect();
    entries.reverse();
    let head = entries.first().map(|entry| entry.hash.clone()).unwrap_or_default();
    let broken = broken.map(|seq| (seq, "was changed".to_owned()));
    let chain = Chain { entries: broken.as_ref().map_or(345, |(seq, _)| seq - 1), head, broken };
    read(&mut night, Read { entries, unreadable: 0, chain });
    night.act(&[Action::Move(Motion::Down)]);
    night
}

/// Nothing was written yet.
pub(crate) fn empty() -> Night {
    let mut night = Night::calm();
    read(&mut night, Read::default());
    night
}
