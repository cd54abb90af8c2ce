//! `systemctl show`: blocks of `Key=value`, one block a unit, an empty line in between.
use std::collections::BTreeMap;

use super::sanitise;
use crate::core::{hosts::UnitState, time::Timestamp};

/// The properties to ask for, as `--property` takes them.
pub const PROPERTIES: &str =
    "Id,LoadState,ActiveState,SubState,Result,NRestarts,MemoryCurrent,MainPID,ActiveEnterTimestamp";

/// Reads the units' states, named as they were asked for: an alias answers with another `Id`.
///
/// Empty when nothing looks like a unit. An unknown unit is there, with `load` being `not-found`.
pub fn show(bytes: &[u8], asked: &[String]) -> Vec<UnitState> {
    let mut blocks: Vec<BTreeMap<String, String>> = vec![BTreeMap::new()];
    for line in sanitise::text(bytes).lines() {
        if line.trim().is_empty() {
            if blocks.last().is_some_and(|block| !block.is_empty()) {
                blocks.push(BTreeMap::new());
            }
        } else if let (Some(block), Some((key, value))) = (blocks.last_mut(), line.split_once('=')) {
            block.insert(key.to_owned(), value.to_owned());
        }
    }
    blocks.retain(|block| block.contains_key("ActiveState"));
    // One block for each name, in their order; a pattern or an old version that leaves some out goes by Id.
    let in_order = blocks.len() == asked.len();
    let names = asked.iter().map(Some).chain(std::iter::repeat(None));
    blocks.into_iter().zip(names).map(|(block, name)| unit(&block, name.filter(|_| in_order))).collect()
}

fn unit(block: &BTreeMap<String, String>, name: Option<&String>) -> UnitState {
    let text = |key: &str| block.get(key).map(sanitise::name).unwrap_or_default();
    let number = |key: &str| block.get(key).and_then(|value| value.parse::<u64>().ok());
    UnitState {
        unit: name.map_or_else(|| text("Id"), sanitise::name),
        load: text("LoadState"),
        active: text("ActiveState"),
        sub: text("SubState"),
        result: text("Result"),
        restarts: number("NRestarts").and_then(|restarts| restarts.try_into().ok()),
        // `[not set]`, or all bits set, is how it says that it does not know.
        memory_bytes: number("MemoryCurrent").filter(|bytes| *bytes != u64::MAX),
        main_pid: number("MainPID").and_then(|pid| pid.try_into().ok()).filter(|pid| *pid > 0),
        active_since: block.get("ActiveEnterTimestamp").and_then(|text| moment(text)),
    }
}

/// `@1763667060` since version 251; before, `Thu 2026-11-20 19:31:00 UTC`, which is read in UTC only.
fn moment(text: &str) -> Option<Timestamp> {
    if let Some(seconds) = text.strip_prefix('@') {
        let seconds: i64 = seconds.parse().ok().filter(|seconds| *seconds > 0)?;
        return seconds.checked_mul(1_000).map(Timestamp);
    }
    let (_weekday, rest) = text.strip_suffix(" UTC")?.split_once(' ')?;
    let moment = chrono::NaiveDateTime::parse_from_str(rest, "%Y-%m-%d %H:%M:%S").ok()?;
    Some(Timestamp(moment.and_utc().timestamp_millis()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SHOWN: &str = "Id=nginx.service\nLoadState=loaded\nActiveState=active\nSubState=running\nResult=success\nNRestarts=2\n\
        MemoryCurrent=5242880\nMainPID=711\nActiveEnterTimestamp=@1795203604\n\nId=mariadb.service\nLoadState=loaded\n\
        ActiveState=failed\nSubState=failed\nResult=oom-kill\nNRestarts=0\nMemoryCurrent=[not set]\nMainPID=0\nActiveEnterTimestamp=\n\n\
        Id=ghost.service\nLoadState=not-found\nActiveState=inactive\nSubState=dead\nMemoryCurrent=18446744073709551615\n";

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn units_are_read_and_named_as_asked() {
        let units = show(SHOWN.as_bytes(), &names(&["nginx", "mysql", "ghost"]));
        assert_eq!(units.iter().map(|unit| unit.unit.as_str()).collect::<Vec<_>>(), ["nginx", "mysql", "ghost"]);
        assert_eq!((units[0].active.as_str(), units[0].main_pid, units[0].restarts), ("active", Some(711), Some(2)));
        assert_eq!(
            (units[0].memory_bytes, units[0].active_since),
            (Some(5_242_880), Some(Timestamp(1_795_203_604_000)))
        );
        assert_eq!((units[1].result.as_str(), units[1].memory_bytes, units[1].main_pid), ("oom-kill", None, None));
        assert_eq!((units[2].load.as_str(), units[2].memory_bytes, units[2].restarts), ("not-found", None, None));
    }

    #[test]
    fn another_number_of_answers_goes_by_id() {
        let units = show(SHOWN.as_bytes(), &names(&["n*"]));
        assert_eq!(units[1].unit, "mariadb.service");
    }

    #[test]
    fn old_times_are_read_in_utc_only() {
        assert_eq!(moment("Fri 2026-11-20 19:40:04 UTC"), Some(Timestamp(1_795_203_604_000)));
        for text in ["", "n/a", "Fri 2026-11-20 19:40:04 CET", "@x", "@0"] {
            assert_eq!(moment(text), None, "{text}");
        }
    }

    #[test]
    fn without_systemd_there_is_no_unit() {
        assert!(
            show(
                b"System has not been booted with systemd as init system (PID 1). Can't operate.\n",
                &names(&["nginx"])
            )
            .is_empty()
        );
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in any::<Vec<u8>>(), lines in "((Id|ActiveState|MainPID)=[@0-9a-z\\x1b]{0,30}\n|\n){0,9}") {
            let _ignored = show(&[bytes.as_slice(), lines.as_bytes()].concat(), &[]);
        }
    }
}
