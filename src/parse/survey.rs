//! What the survey before a change says of a host: sections that begin with `@@ NAME`.
use std::collections::BTreeMap;

use super::sanitise;
use crate::core::{
    runs::{Holder, Release, Survey, is_release},
    time::Timestamp,
};

/// Releases that are kept of a host's list.
const RELEASES: usize = 200;
/// Questions of a recipe's own, and bytes of an answer.
const OWN: usize = 32;
const OWN_BYTES: usize = 512 * 1024;

/// Reads a survey; none when it is not whole: a host that broke off has said nothing.
pub fn survey(bytes: &[u8]) -> Option<Survey> {
    let text = sanitise::text(bytes);
    let (mut survey, mut section, mut whole) = (Survey::default(), "", false);
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("@@ ") {
            section = name;
            whole = name == "end";
            continue;
        }
        match section {
            "machine" => {
                let fits = line.len() == 32 && line.bytes().all(|byte| byte.is_ascii_hexdigit());
                survey.machine_id = survey.machine_id.or_else(|| fits.then(|| line.to_owned()));
            }
            "lock" => held(survey.lock.get_or_insert_default(), line),
            "free" => survey.free_bytes = line.trim().parse::<u64>().ok().and_then(|kib| kib.checked_mul(1_024)),
            "current" => survey.current = is_release(line).then(|| line.to_owned()),
            "releases" => release(&mut survey.releases, line),
            _ => {
                if let Some(name) = section.strip_prefix("own ") {
                    own(&mut survey.own, name, line);
                }
            }
        }
    }
    survey.releases.retain(|release| !release.name.is_empty());
    // Names begin with when their build was made.
    survey.releases.sort_by(|a, b| a.name.cmp(&b.name));
    whole.then_some(survey)
}

/// Adds a line to what a recipe's own question was answered.
fn own(answers: &mut BTreeMap<String, String>, name: &str, line: &str) {
    if answers.len() >= OWN && !answers.contains_key(name) {
        return;
    }
    let answer = answers.entry(sanitise::name(name)).or_default();
    if answer.len() + line.len() < OWN_BYTES {
        if !answer.is_empty() {
            answer.push('\n');
        }
        answer.push_str(line);
    }
}

fn held(holder: &mut Holder, line: &str) {
    let Some((key, value)) = line.split_once('=') else { return };
    match key {
        "by" => holder.by = Some(sanitise::name(value)),
        "since" => holder.since = seconds(value),
        "alive" => holder.alive = Some(value == "yes"),
        "silent" => holder.silent_s = value.parse().ok(),
        "uid" => holder.run = Some(sanitise::name(value)),
        _ => {}
    }
}

fn release(releases: &mut Vec<Release>, line: &str) {
    if let Some(name) = line.strip_prefix("release ") {
        if releases.len() < RELEASES {
            // What follows is about this one, even where its name is nothing that can be one.
            let (name, version) = (if is_release(name) { name } else { "" }.to_owned(), String::new());
            releases.push(Release { name, version, sha256: String::new(), at: None, by: String::new() });
        }
        return;
    }
    let (Some(last), Some((key, value))) = (releases.last_mut(), line.split_once('=')) else { return };
    match key {
        "version" => last.version = sanitise::name(value),
        "sha256" => last.sha256 = sanitise::name(value),
        "at" => last.at = seconds(value),
        "by" => last.by = sanitise::name(value),
        _ => {}
    }
}

fn seconds(text: &str) -> Option<Timestamp> {
    text.trim().parse::<i64>().ok()?.checked_mul(1_000).map(Timestamp)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "@@ machine\n0123456789abcdef0123456789abcdef\n@@ lock\nuid=qd-0102\nsince=100\nby=ana\nsilent=3\n@@ free\n2048\n\
        @@ current\n20260101000000-v1\n@@ releases\nrelease 20260102000000-v2\nversion=v2\nsha256=ff\nat=7\nby=ben\n\
        release ../../etc\nversion=bad\nrelease 20260101000000-v1\nversion=v1\n@@ end\n";

    #[test]
    fn a_whole_survey_is_read() {
        let read = survey(TEXT.as_bytes()).unwrap();
        assert_eq!(read.machine_id.as_deref(), Some("0123456789abcdef0123456789abcdef"));
        let holder = read.lock.unwrap();
        assert_eq!((holder.by.as_deref(), holder.since), (Some("ana"), Some(Timestamp(100_000))));
        assert_eq!(holder.words(), "ana since 1970-01-01T00:01:40.000Z; its last sign of life was 3s ago");
        assert_eq!((read.free_bytes, read.current.as_deref()), (Some(2_097_152), Some("20260101000000-v1")));
        let names: Vec<&str> = read.releases.iter().map(|release| release.name.as_str()).collect();
        assert_eq!(names, ["20260101000000-v1", "20260102000000-v2"]);
    }

    #[test]
    fn what_broke_off_says_nothing() {
        for length in 0..TEXT.len() - 1 {
            assert_eq!(survey(TEXT.get(..length).unwrap().as_bytes()), None, "{length}");
        }
        let free = survey(b"@@ free\nno\n@@ machine\nshort\n@@ end\n").unwrap();
        assert_eq!(free, Survey::default());
    }
}
