//! What tests with real parts share. Include it with `#[cfg(test)] #[path = "../support/mod.rs"] mod support;`.
#![allow(dead_code, reason = "each test binary uses another part of this")]

pub(crate) mod logs;
pub(crate) mod relay;
pub(crate) mod servers;
pub(crate) mod sshd;

use std::{sync::Arc, time::Duration};

use quarterdeck::{
    core::time::{Clock, Mono, Now, Timestamp},
    tasks::Tasks,
};
use tokio::runtime::Handle;

/// Longest wait for an event that must come: it only ends a test that hangs.
pub(crate) const HANG: Duration = Duration::from_secs(30);

/// Makes tasks whose panics are printed.
pub(crate) fn tasks() -> Tasks {
    Tasks::new(Handle::current(), |panicked| println!("task panicked: {panicked:?}"))
}

/// The machine's clock.
pub(crate) struct RealClock(tokio::time::Instant);

impl Clock for RealClock {
    fn now(&self) -> Now {
        let utc = std::time::UNIX_EPOCH.elapsed().unwrap();
        let mono = self.0.elapsed();
        Now {
            utc: Timestamp(i64::try_from(utc.as_millis()).unwrap()),
            mono: Mono(u64::try_from(mono.as_millis()).unwrap()),
        }
    }
}

/// Makes the machine's clock.
pub(crate) fn clock() -> Arc<dyn Clock> {
    Arc::new(RealClock(tokio::time::Instant::now()))
}

/// Waits until something holds; asks every few milliseconds, and fails when it never does.
pub(crate) async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let mut look = tokio::time::interval(Duration::from_millis(20));
    let wait = async {
        while !holds().await {
            look.tick().await;
        }
    };
    assert!(tokio::time::timeout(HANG, wait).await.is_ok(), "never came: {what}");
}

/// Lets anybody read a folder and write into it: who logs in at a test's host may be another than who runs the test.
pub(crate) fn open_to_all(folder: &std::path::Path) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o777)).unwrap();
}
