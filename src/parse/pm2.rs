//! `pm2 jlist`: one JSON array after any amount of noise, with every process's whole environment in it, twice.
//!
//! Only the fields of [`Pm2Process`] are decoded; everything else is passed over as it is read and nothing of it is kept, because it holds
//! passwords. Fields may be missing, null or of another type, which makes them unknown.
use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, SeqAccess, Visitor},
};

use super::sanitise;
use crate::core::{hosts::Pm2Process, time::Timestamp};

/// Most processes that are read of one host.
pub const MAX_PROCESSES: usize = 1_000;

/// An answer that is not understood. It never quotes what was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// No line begins with a list.
    #[error("pm2 printed no process list")]
    NoList,
    /// The list breaks off or is no JSON.
    #[error("pm2's process list is broken at byte {0}")]
    Broken(usize),
}

/// Reads the process list out of what `pm2 jlist` printed.
///
/// The list begins at the last line that starts with `[{` or is `[]`: banners, notes about an old daemon and anything a start-up file
/// prints stand before it.
///
/// # Errors
/// When there is no such line, or it is not a list of objects.
pub fn jlist(bytes: &[u8]) -> Result<Vec<Pm2Process>, Malformed> {
    let list = last_list(bytes).ok_or(Malformed::NoList)?;
    let mut json = serde_json::Deserializer::from_slice(list);
    match Vec::<Raw>::deserialize(&mut json) {
        Ok(processes) => Ok(processes.into_iter().take(MAX_PROCESSES).filter_map(Raw::finish).collect()),
        Err(error) => Err(Malformed::Broken(error.column())),
    }
}

fn last_list(bytes: &[u8]) -> Option<&[u8]> {
    let starts = memchr::memrchr_iter(b'\n', bytes).map(|newline| newline + 1).chain([0]);
    let mut lists = starts.filter_map(|start| bytes.get(start..));
    lists.find(|rest| {
        let line = rest.split(|byte| *byte == b'\n').next().unwrap_or_default();
        line.starts_with(b"[{") || line.trim_ascii_end() == b"[]"
    })
}

#[derive(Deserialize)]
struct Raw {
    #[serde(default)]
    pm_id: Scalar,
    #[serde(default)]
    name: Scalar,
    #[serde(default)]
    pid: Scalar,
    #[serde(default, deserialize_with = "object")]
    monit: Monit,
    #[serde(default, deserialize_with = "object")]
    pm2_env: Env,
}

#[derive(Default, Deserialize)]
struct Monit {
    #[serde(default)]
    memory: Scalar,
    #[serde(default)]
    cpu: Scalar,
}

#[derive(Default, Deserialize)]
struct Env {
    #[serde(default)]
    status: Scalar,
    #[serde(default)]
    pm_uptime: Scalar,
    #[serde(default)]
    autorestart: Scalar,
    #[serde(default)]
    restart_time: Scalar,
    #[serde(default)]
    unstable_restarts: Scalar,
    #[serde(default)]
    exec_mode: Scalar,
    #[serde(default)]
    version: Scalar,
    #[serde(default)]
    node_version: Scalar,
    #[serde(default)]
    pm_out_log_path: Scalar,
    #[serde(default)]
    pm_err_log_path: Scalar,
    #[serde(default)]
    pm_log_path: Scalar,
}

impl Raw {
    /// None for an entry without an id, which could not be told from others.
    fn finish(self) -> Option<Pm2Process> {
        let env = self.pm2_env;
        let status = env.status.text().unwrap_or_else(|| "unknown".to_owned());
        // Processes that do not run keep a stale pid and report zeros.
        let online = status == "online";
        let known = |text: Option<String>| text.filter(|text| !matches!(text.as_str(), "" | "N/A"));
        let mut log_paths: Vec<String> = Vec::new();
        for path in [env.pm_out_log_path, env.pm_err_log_path, env.pm_log_path]
            .into_iter()
            .filter_map(|path| known(path.text()))
        {
            if path != "/dev/null" && !log_paths.contains(&path) {
                log_paths.push(path);
            }
        }
        Some(Pm2Process {
            pm_id: self.pm_id.count()?,
            name: self.name.text().unwrap_or_default(),
            pid: self.pid.count().filter(|pid| online && *pid > 0),
            autorestart: !matches!(env.autorestart, Scalar::Flag(false)),
            restarts: env.restart_time.count().unwrap_or(0),
            unstable_restarts: env.unstable_restarts.count().unwrap_or(0),
            memory_bytes: self.monit.memory.whole().filter(|_| online),
            cpu_pct: self.monit.cpu.pct().filter(|_| online),
            started_at: env.pm_uptime.whole().filter(|_| online).and_then(|ms| i64::try_from(ms).ok()).map(Timestamp),
            exec_mode: env.exec_mode.text().unwrap_or_default(),
            version: known(env.version.text()),
            node_version: known(env.node_version.text()),
            log_paths,
            status,
        })
    }
}

/// Largest percentage of CPU that is believed.
const MOST_PCT: f64 = 1e6;

/// A text, a number or a flag; anything else is none.
#[derive(Default)]
enum Scalar {
    #[default]
    None,
    Text(String),
    Number(f64),
    Flag(bool),
}

impl Scalar {
    fn text(self) -> Option<String> {
        match self {
            Self::Text(text) => Some(text),
            Self::Number(number) => Some(number.to_string()),
            Self::Flag(_) | Self::None => None,
        }
    }

    fn number(&self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Text(text) => text.parse().ok(),
            Self::Flag(_) | Self::None => None,
        }
        .filter(|number| number.is_finite() && *number >= 0.0)
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "checked to be finite and positive; saturates"
    )]
    fn whole(&self) -> Option<u64> {
        self.number().map(|number| number as u64)
    }

    fn count(&self) -> Option<u32> {
        self.whole().and_then(|number| u32::try_from(number).ok())
    }

    #[expect(clippy::cast_possible_truncation, reason = "a percentage loses nothing that is shown")]
    fn pct(&self) -> Option<f32> {
        // 100 for each core: nobody has ten thousand, and what is beyond is no measurement.
        self.number().filter(|number| *number <= MOST_PCT).map(|number| number as f32)
    }
}

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ScalarVisitor)
    }
}

struct ScalarVisitor;

impl<'de> Visitor<'de> for ScalarVisitor {
    type Value = Scalar;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_str<E>(self, text: &str) -> Result<Scalar, E> {
        Ok(Scalar::Text(sanitise::line_max(text, 1_024)))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Scalar, E> {
        Ok(Scalar::Number(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Scalar, E> {
        Ok(Scalar::Number(number as f64))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Scalar, E> {
        Ok(Scalar::Number(number as f64))
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Scalar, E> {
        Ok(Scalar::Flag(flag))
    }

    fn visit_unit<E>(self) -> Result<Scalar, E> {
        Ok(Scalar::None)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Scalar, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Scalar::None)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Scalar, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Scalar::None)
    }
}

/// Reads an object, or makes its default of anything else.
fn object<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(deserializer: D) -> Result<T, D::Error> {
    struct ObjectVisitor<T>(std::marker::PhantomData<T>);

    impl<'de, T: Default + Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("any JSON value")
        }

        fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
            T::deserialize(serde::de::value::MapAccessDeserializer::new(map))
        }

        fn visit_str<E>(self, _: &str) -> Result<T, E> {
            Ok(T::default())
        }

        fn visit_f64<E>(self, _: f64) -> Result<T, E> {
            Ok(T::default())
        }

        fn visit_u64<E>(self, _: u64) -> Result<T, E> {
            Ok(T::default())
        }

        fn visit_i64<E>(self, _: i64) -> Result<T, E> {
            Ok(T::default())
        }

        fn visit_bool<E>(self, _: bool) -> Result<T, E> {
            Ok(T::default())
        }

        fn visit_unit<E>(self) -> Result<T, E> {
            Ok(T::default())
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<T, A::Error> {
            while seq.next_element::<IgnoredAny>()?.is_some() {}
            Ok(T::default())
        }
    }

    deserializer.deserialize_any(ObjectVisitor(std::marker::PhantomData))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FULL: &str = include_str!("../../tests/fixtures/pm2/jlist.full.json");
    const ERRORED: &str = include_str!("../../tests/fixtures/pm2/jlist.errored.full.json");
    const MANY: &str = include_str!("../../tests/fixtures/pm2/jlist.many.trim.json");

    /// The recorded lists are indented for people; pm2 prints one line.
    fn as_printed(pretty: &str) -> String {
        serde_json::from_str::<serde_json::Value>(pretty).unwrap().to_string()
    }

    /// What stood between `--- stdout` and `--- stderr`.
    fn stdout(recorded: &str) -> &str {
        let (_, rest) = recorded.split_once("--- stdout\n").unwrap();
        rest.split_once("--- stderr").unwrap().0
    }

    #[test]
    fn a_list_is_read() {
        let processes = jlist(as_printed(FULL).as_bytes()).unwrap();
        let play = &processes[0];
        assert_eq!((play.pm_id, play.name.as_str(), play.status.as_str()), (0, "play", "online"));
        assert_eq!((play.pid, play.memory_bytes, play.cpu_pct), (Some(25_154), Some(51_695_616), Some(0.5)));
        assert_eq!(play.started_at, Some(Timestamp(1_795_203_604_413)));
        assert_eq!((play.version.as_deref(), play.node_version.as_deref()), (None, Some("20.20.2")));
        assert_eq!(play.exec_mode, "fork_mode");
        assert_eq!(play.log_paths.len(), 2);
    }

    #[test]
    fn nothing_of_the_environment_is_kept() {
        let list = as_printed(FULL);
        assert!(list.contains("PM2_USAGE") && list.contains("PATH"), "the recording holds an environment");
        let list = list.replace("\"PM2_USAGE\":\"CLI\"", "\"PM2_USAGE\":\"hunter2-secret\"");
        assert!(list.contains("hunter2-secret"));
        assert!(!format!("{:?}", jlist(list.as_bytes())).contains("hunter2"));
        let broken = list.replace("\"pm2_env\"", "\"hunter2\" \"pm2_env\"");
        assert!(!format!("{:?}", jlist(broken.as_bytes())).contains("hunter2"));
    }

    #[test]
    fn a_percentage_that_nobody_can_have_is_none() {
        for (printed, read) in
            [("800.5", Some(800.5)), ("1e300", None), ("1e7", None), ("\"NaN\"", None), ("\"inf\"", None), ("-1", None)]
        {
            let list = format!(r#"[{{"pm_id":1,"monit":{{"cpu":{printed}}},"pm2_env":{{"status":"online"}}}}]"#);
            assert_eq!(jlist(list.as_bytes()).unwrap()[0].cpu_pct, read, "{printed}");
        }
    }

    #[test]
    fn what_does_not_run_has_no_figures() {
        let processes = jlist(as_printed(MANY).as_bytes()).unwrap();
        assert_eq!(processes.len(), 17);
        for name in ["crasher", "backoff", "oneshot"] {
            let process = processes.iter().find(|process| process.name == name).unwrap();
            assert_eq!(
                (process.pid, process.memory_bytes, process.cpu_pct, process.started_at),
                (None, None, None, None),
                "{name}"
            );
        }
        assert_eq!(processes.iter().filter(|process| process.name == "l-clu").count(), 2, "names are not unique");
        assert_eq!(jlist(as_printed(ERRORED).as_bytes()).unwrap()[0].status, "errored");
        let ended = br#"[{"pm_id":1,"pm2_env":{"status":"stopped","autorestart":false}},{"pm_id":2,"pm2_env":{"status":"stopped"}}]"#;
        assert_eq!(jlist(ended).unwrap().iter().map(|process| process.autorestart).collect::<Vec<_>>(), [false, true]);
    }

    #[test]
    fn noise_before_the_list_is_passed_over() {
        assert_eq!(
            jlist(stdout(include_str!("../../tests/fixtures/pm2/jlist-first-no-daemon.txt")).as_bytes()),
            Ok(vec![])
        );
        assert_eq!(
            jlist(stdout(include_str!("../../tests/fixtures/pm2/jlist-no-daemon-discrete.txt")).as_bytes()),
            Ok(vec![])
        );
        let old = include_str!("../../tests/fixtures/pm2/old-client-jlist.txt");
        let noise = stdout(old).split_once("[{").unwrap().0;
        assert!(noise.contains("out-of-date"));
        assert_eq!(jlist(format!("{noise}{}", as_printed(FULL)).as_bytes()).unwrap().len(), 2);
        assert!(matches!(jlist(stdout(old).as_bytes()), Err(Malformed::Broken(_))), "the recording was cut");
        assert_eq!(jlist(b"[]\nEarlier\n[{\"pm_id\":1}]\nbye").unwrap()[0].pm_id, 1);
    }

    #[test]
    fn missing_and_wrong_fields_are_unknown() {
        let list = br#"[{"pm_id":"7","name":null,"monit":[],"pm2_env":{"status":{"a":[1]},"restart_time":-3,"version":1.5,"pm_uptime":true}},
            {"pm_id":8,"pm2_env":"x","monit":null},{"name":"no id"}]"#;
        let processes = jlist(list).unwrap();
        assert_eq!(processes.len(), 2);
        assert_eq!((processes[0].pm_id, processes[0].restarts, processes[0].status.as_str()), (7, 0, "unknown"));
        assert_eq!(processes[0].version.as_deref(), Some("1.5"));
    }

    #[test]
    fn hostile_names_are_made_harmless() {
        let list = "[{\"pm_id\":1,\"name\":\"a\\u001b]0;owned\\u0007\\u202eb\",\"pm2_env\":{\"status\":\"online\"}}]";
        assert_eq!(jlist(list.as_bytes()).unwrap()[0].name, "ab");
    }

    #[test]
    fn what_is_no_list_says_so() {
        for text in ["", "[PM2] Spawning", "\u{1b}[32m[PM2] x", " []x", "{}"] {
            assert_eq!(jlist(text.as_bytes()), Err(Malformed::NoList), "{text}");
        }
        assert!(matches!(jlist(b"[{\"pm_id\":"), Err(Malformed::Broken(_))));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(noise in any::<Vec<u8>>(), tail in "[\\[\\]{}\":,a-z0-9\n]{0,60}") {
            let _ignored = jlist(&[noise.as_slice(), b"\n[{", tail.as_bytes()].concat()).is_ok();
        }
    }
}
