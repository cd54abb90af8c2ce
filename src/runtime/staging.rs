//! Brings a run's build to a host before anything is changed, through lost links.
use std::{path::Path, time::Duration};

use super::inbox::Post;
use crate::{
    core::{
        Msg,
        id::{HostName, Uid},
        runs::{self, Build, RunEventKind},
    },
    remote::{
        Remote,
        upload::{self, File, UploadError},
    },
};

/// Tries through a bad link; each goes on where the last one stopped.
const TRIES: u32 = 8;
/// First pause between two tries; it doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// Bytes between two words of how far it is.
const STEP: u64 = 256 * 1024;

/// Brings a build to a host and says what came of it.
pub(super) async fn stage(remote: &dyn Remote, post: &Post, run: Uid, host: &HostName, build: &Build) -> RunEventKind {
    let file = File { path: Path::new(&build.path), sha256: &build.sha256, bytes: build.bytes };
    let mut pause = FIRST_PAUSE;
    let mut last = None;
    for _ in 0..TRIES {
        let mut told = 0;
        let progress = |bytes: u64| {
            if bytes >= told + STEP || bytes == build.bytes {
                told = bytes;
                let msg = runs::Msg::Uploading { run, host: host.clone(), bytes };
                post.progress(host, "upload", Msg::Runs(msg));
            }
        };
        match upload::upload(remote, host, &file, progress).await {
            Ok(_) => return RunEventKind::Staged { host: host.clone(), error: None },
            Err(UploadError::Remote(error)) => last = Some(error.to_string()),
            Err(error @ (UploadError::Local(_) | UploadError::Host(_))) => {
                return RunEventKind::Staged { host: host.clone(), error: Some(error.to_string()) };
            }
        }
        tokio::time::sleep(pause).await;
        pause *= 2;
    }
    RunEventKind::Staged { host: host.clone(), error: last }
}
