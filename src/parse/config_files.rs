//! What a host says of its configuration files: the answer of the script of [`sources::config_files`](crate::sources::config_files).
use std::collections::BTreeMap;

use super::sanitise;
use crate::core::{
    config_files::{FILES, Found, HostFiles},
    time::Timestamp,
};

/// Lines that are read at most: two a file, and the folders.
const LINES: usize = 2 * FILES + 200;
/// Letters of a path.
const PATH: usize = 500;

/// Reads an answer that came at a moment of our clock.
///
/// # Errors
/// When it is not whole: what is missing of it nobody knows.
pub fn read(bytes: &[u8], at: Timestamp) -> Result<HostFiles, String> {
    let mut read = HostFiles { at, whole: true, ..HostFiles::default() };
    let (mut now, mut under, mut ended) = (None, String::new(), false);
    let mut hashes: BTreeMap<String, String> = BTreeMap::new();
    let mut lines = bytes.split(|byte| *byte == b'\n').map(|line| sanitise::line_max(line, PATH + 60));
    for line in lines.by_ref().take(LINES) {
        let Some((what, rest)) = line.strip_prefix("@@ ").map(|line| line.split_once(' ').unwrap_or((line, ""))) else {
            continue;
        };
        match what {
            "without" => return Err(format!("there is no {} on this host", sanitise::name(rest))),
            "now" => now = seconds(rest),
            "under" => rest.clone_into(&mut under),
            "partly" => read.whole = false,
            "root" => read.roots.push(bare(rest, &under)),
            "file" => {
                if let Some((changed, path)) = rest.split_once(' ').and_then(|(at, path)| Some((seconds(at)?, path))) {
                    read.files.insert(bare(path, &under), Found { changed, hash: None });
                }
            }
            "hash" => {
                let is_hash = |hash: &str| hash.len() == 16 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
                if let Some((hash, path)) = rest.split_once(' ').filter(|(hash, _)| is_hash(hash)) {
                    hashes.insert(bare(path, &under), hash.to_owned());
                }
            }
            "end" => ended = true,
            _ => {}
        }
    }
    let Some(now) = now.filter(|_| ended) else { return Err("its answer broke off".to_owned()) };
    read.whole &= read.files.len() <= FILES && lines.next().is_none_or(|line| line.is_empty());
    // The host's clock is moved onto ours.
    let skew = now.since(at);
    for (path, found) in &mut read.files {
        found.changed = found.changed - skew;
        found.hash = hashes.remove(path);
    }
    Ok(read)
}

fn seconds(text: &str) -> Option<Timestamp> {
    let seconds: i64 = text.trim().parse().ok().filter(|seconds| *seconds > 0)?;
    seconds.checked_mul(1_000).map(Timestamp)
}

/// Takes away where a simulated host's files lie.
fn bare(path: &str, under: &str) -> String {
    path.strip_prefix(under).unwrap_or(path).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: Timestamp = Timestamp(1_763_000_000_000);

    #[test]
    fn an_answer_is_read() {
        let told = b"@@ now 1763000060\n@@ under \n@@ root /etc/nginx\n@@ file 1762999000 /etc/nginx/a b.conf\n\
            @@ file 1762999060 /etc/nginx/key\n@@ hash 0123456789abcdef /etc/nginx/a b.conf\n@@ end\n";
        let read = read(told, AT).unwrap();
        assert!(read.whole && read.roots == ["/etc/nginx"]);
        let found = &read.files["/etc/nginx/a b.conf"];
        // Its clock is a minute ahead of ours.
        assert_eq!((found.changed, found.hash.as_deref()), (Timestamp(1_762_998_940_000), Some("0123456789abcdef")));
        assert_eq!(read.files["/etc/nginx/key"].hash, None, "it may not be read");
    }

    #[test]
    fn a_part_says_that_it_is_one() {
        assert!(!read(b"@@ now 1763000000\n@@ partly\n@@ end\n", AT).unwrap().whole);
        assert!(read(b"@@ file 1 /etc/hosts\n", AT).is_err());
        assert!(read(b"@@ without sha256sum\n", AT).is_err());
        assert!(read(b"", AT).is_err() && read(b"@@ end\n", AT).is_err());
        let many: Vec<String> = (0..=FILES).map(|at| format!("@@ file 1762999060 /etc/nginx/{at}\n")).collect();
        let many = many.concat();
        assert!(!read(format!("@@ now 1763000000\n{many}@@ end\n").as_bytes(), AT).unwrap().whole);
        // What somebody called a file cannot pass for an answer, nor move the screen.
        let odd = read(b"@@ now 1763000000\n@@ file x /etc/a\n@@ file 1762999060 /etc/\x1b[2J\n@@ hash\n@@ end\n", AT)
            .unwrap();
        assert!(odd.files.len() == 1 && odd.files.keys().all(|path| !path.contains('\x1b')), "{odd:?}");
    }
}
