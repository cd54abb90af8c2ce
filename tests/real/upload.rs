//! Files that are brought to hosts, over real OpenSSH: whole or not at all, and what was cut off goes on.
use quarterdeck::remote::upload::{File, Stored, UploadError, upload};
use sha2::Digest as _;

use crate::{
    detached::due,
    ssh::{pool_of, pool_through, web},
    support::{eventually, relay::Relay, sshd::Sshd},
};

fn sum(bytes: &[u8]) -> String {
    sha2::Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Bytes that do not repeat and look like nothing a shell or a terminal would leave alone.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state.to_be_bytes()[0]
    })
    .take(length)
    .collect()
}

#[tokio::test]
async fn a_file_arrives_whole_and_is_not_sent_twice() {
    let sshd = Sshd::start().await;
    let (remote, host) = (pool_of(&sshd), web());
    for length in [0, 1, 5_000_000] {
        let bytes = noise(length);
        let path = sshd.path("build");
        std::fs::write(&path, &bytes).unwrap();
        let sha256 = sum(&bytes);
        let file = File { path: &path, sha256: &sha256, bytes: u64::try_from(length).unwrap() };
        let mut seen = 0;
        let sent = upload(&remote, &host, &file, |bytes| seen = bytes).await.unwrap();
        assert_eq!((sent, seen), (Stored::Sent(file.bytes), file.bytes));
        let there = sshd.home().join(".quarterdeck/uploads").join(&sha256);
        assert_eq!(std::fs::read(&there).unwrap(), bytes);
        assert_eq!(upload(&remote, &host, &file, |_| {}).await.unwrap(), Stored::Already);
        // What is there under its name and is something else, is replaced.
        std::fs::write(&there, "something else").unwrap();
        _ = upload(&remote, &host, &file, |_| {}).await.unwrap();
        assert_eq!(std::fs::read(&there).unwrap(), bytes);
    }
}

#[tokio::test]
async fn what_was_cut_off_goes_on_and_what_is_damaged_is_thrown_away() {
    let sshd = Sshd::start().await;
    let relay = Relay::start(sshd.address()).await;
    let (remote, host) = (pool_through(&sshd, &relay), web());
    let bytes = noise(20_000_000);
    let path = sshd.path("build");
    std::fs::write(&path, &bytes).unwrap();
    let sha256 = sum(&bytes);
    let file = File { path: &path, sha256: &sha256, bytes: 20_000_000 };
    let cut = upload(&remote, &host, &file, |at| {
        if at > 4_000_000 {
            relay.cut();
        }
    })
    .await;
    assert!(matches!(cut, Err(UploadError::Remote(_))), "{cut:?}");
    let part = sshd.home().join(".quarterdeck/uploads").join(format!("{sha256}.part"));
    let came = std::fs::metadata(&part).unwrap().len();
    assert!(came > 0 && came < 20_000_000, "{came}");
    eventually("the next attempt is due", async || due(&remote)).await;
    let mut first = None;
    let sent = upload(&remote, &host, &file, |at| _ = first.get_or_insert(at)).await.unwrap();
    assert_eq!(sent, Stored::Sent(20_000_000 - first.unwrap()));
    assert!(first.unwrap() > 0, "it goes on where it stopped");

    // A beginning that is of another file.
    let other = noise(3_000_000).into_iter().rev().collect::<Vec<u8>>();
    std::fs::write(&path, &other).unwrap();
    let sha256 = sum(&other);
    let part = sshd.home().join(".quarterdeck/uploads").join(format!("{sha256}.part"));
    std::fs::write(&part, "not its beginning").unwrap();
    let file = File { path: &path, sha256: &sha256, bytes: 3_000_000 };
    let error = upload(&remote, &host, &file, |_| {}).await.unwrap_err();
    assert!(error.to_string().contains("another SHA-256"), "{error}");
    assert!(!part.exists());
    assert_eq!(upload(&remote, &host, &file, |_| {}).await.unwrap(), Stored::Sent(3_000_000));
}

#[tokio::test]
async fn a_file_that_became_shorter_here_is_an_error_and_nothing_is_stored() {
    let sshd = Sshd::start().await;
    let remote = pool_of(&sshd);
    let path = sshd.path("build");
    std::fs::write(&path, "short").unwrap();
    let sha256 = sum(b"it was longer");
    let file = File { path: &path, sha256: &sha256, bytes: 13 };
    let error = upload(&remote, &web(), &file, |_| {}).await.unwrap_err();
    assert!(error.to_string().contains("has become shorter"), "{error}");
    assert!(!sshd.home().join(".quarterdeck/uploads").join(&sha256).exists());
}
