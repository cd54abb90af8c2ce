use super::*;

fn at(text: &str) -> Nanos {
    Nanos(chrono::DateTime::parse_from_rfc3339(text).unwrap().timestamp_nanos_opt().unwrap())
}

fn assume(zone: chrono_tz::Tz) -> Assume {
    Assume { zone, now: at("2026-11-21T04:00:00Z") }
}

#[test]
fn every_way_of_writing_is_read_to_its_end() {
    let utc = assume(chrono_tz::UTC);
    for (text, is) in [
        ("20/Nov/2026:19:43:23 +0000", "2026-11-20T19:43:23Z"),
        ("20/Nov/2026:19:43:23 -0530", "2026-11-21T01:13:23Z"),
        ("2026-11-20T19:41:02.881Z", "2026-11-20T19:41:02.881Z"),
        ("2026-11-20T19:41:02.123456789+01:00", "2026-11-20T18:41:02.123456789Z"),
        ("2026-11-20T19:41:02.1234567891234Z", "2026-11-20T19:41:02.123456789Z"),
        ("2026-11-20 19:41:02.881 +00:00", "2026-11-20T19:41:02.881Z"),
        ("2026-11-20 19:41:02,5", "2026-11-20T19:41:02.5Z"),
        ("2026-11-20 19:41:02.881 UTC", "2026-11-20T19:41:02.881Z"),
        ("2026-11-20 19:41:02-05", "2026-11-21T00:41:02Z"),
        ("2026-11-20  9:41:02", "2026-11-20T09:41:02Z"),
        ("2026-11-20T19:41Z", "2026-11-20T19:41:00Z"),
        ("2026/11/20 19:39:17", "2026-11-20T19:39:17Z"),
        ("Fri Nov 20 19:39:17.376411 2026", "2026-11-20T19:39:17.376411Z"),
        ("Fri Nov  6 19:39:17 2026", "2026-11-06T19:39:17Z"),
        ("Fri Nov 20 19:39:17 UTC 2026", "2026-11-20T19:39:17Z"),
        ("Nov 20 19:41:02", "2026-11-20T19:41:02Z"),
        ("Nov  6 19:41:02", "2026-11-06T19:41:02Z"),
        ("Dec 31 23:59:59", "2025-12-31T23:59:59Z"),
        ("Feb 29 12:00:00", "2024-02-29T12:00:00Z"),
        ("I1120 19:41:02.123456", "2026-11-20T19:41:02.123456Z"),
        ("20 Nov 2026 19:41:02.881", "2026-11-20T19:41:02.881Z"),
        ("201120 19:41:02", "2020-11-20T19:41:02Z"),
        ("1795203729", "2026-11-20T19:42:09Z"),
        ("1795203729.125", "2026-11-20T19:42:09.125Z"),
        ("1795203729125", "2026-11-20T19:42:09.125Z"),
        ("1795203729125001", "2026-11-20T19:42:09.125001Z"),
        ("1795203729125000001", "2026-11-20T19:42:09.125000001Z"),
        ("2016-12-31T23:59:60Z", "2016-12-31T23:59:59Z"),
    ] {
        assert_eq!(read(text.as_bytes(), Style::Auto, utc), Some((at(is), text.len())), "{text}");
    }
}

#[test]
fn what_is_no_time_is_none() {
    let utc = assume(chrono_tz::UTC);
    for text in [
        "",
        "2",
        "2026-13-01T00:00:00Z",
        "2026-02-30 00:00:00",
        "2026-11-20T25:00:00Z",
        "20/Foo/2026:19:43:23 +0000",
        "99",
        "Nov 31 00:00:00",
        "20261120",
        "99999999999999999999",
        "1795203729x",
        "INFO x",
        "2026-11-20",
        "Feb 30 00:00:00",
        "E9999 99:99:99",
    ] {
        assert_eq!(read(text.as_bytes(), Style::Auto, utc), None, "{text}");
    }
}

#[test]
fn words_after_a_time_are_not_taken_for_its_zone() {
    let utc = assume(chrono_tz::UTC);
    for (text, taken) in [
        ("2026-11-20 19:41:02 INFO started", 19),
        ("2026-11-20 19:41:02.5 [main] x", 21),
        ("2026-11-20 19:41:02 CET x", 23),
        ("2026-11-20T19:41:09: x", 19),
    ] {
        assert_eq!(read(text.as_bytes(), Style::Auto, utc).map(|(_, taken)| taken), Some(taken), "{text}");
    }
}

#[test]
fn local_times_follow_their_zone() {
    let berlin = chrono_tz::Europe::Berlin;
    let local = |text: &str, assume: Assume| read(text.as_bytes(), Style::Auto, assume).unwrap().0;
    for (text, is) in [
        ("2026-07-01 12:00:00", "2026-07-01T10:00:00Z"),
        ("2026-12-01 12:00:00", "2026-12-01T11:00:00Z"),
        // The same quarters again, from what is remembered.
        ("2026-12-01 12:05:00", "2026-12-01T11:05:00Z"),
        // It happens twice: long ago nobody can tell, so it is the first one.
        ("2026-10-25 02:30:00", "2026-10-25T00:30:00Z"),
        ("2026-10-25 03:00:00", "2026-10-25T02:00:00Z"),
        // It never happens.
        ("2026-03-29 02:30:00", "2026-03-29T01:30:00Z"),
    ] {
        assert_eq!(local(text, assume(berlin)), at(is), "{text}");
    }
    let during = |now: &str| Assume { zone: berlin, now: at(now) };
    assert_eq!(local("2026-10-25 02:30:00", during("2026-10-25T00:30:01Z")), at("2026-10-25T00:30:00Z"), "live, first");
    assert_eq!(
        local("2026-10-25 02:30:00", during("2026-10-25T01:30:01Z")),
        at("2026-10-25T01:30:00Z"),
        "live, second"
    );
    assert_eq!(local("Nov 20 19:41:02", assume(chrono_tz::America::Bogota)), at("2026-11-21T00:41:02Z"));
}
