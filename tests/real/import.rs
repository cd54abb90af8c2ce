//! Past days from a real Prometheus: what it says of each day is what it was given for it.
use std::{collections::BTreeMap, fmt::Write as _, time::Duration};

use quarterdeck::{
    core::{
        id::ServiceId,
        services::Split,
        time::{DAY, HOUR, Timestamp},
    },
    import::{Ask, Map, importer},
    remote::http::Trust,
};

use crate::support::{HANG, clock, servers::prometheus};

/// How one made-up day went: minutes down from its start, and minutes that were recorded at all.
const DAYS: [(i64, i64, i64); 4] = [(4, 1_440, 1_440), (3, 0, 0), (2, 144, 1_440), (1, 0, 720)];

#[tokio::test]
async fn days_come_as_they_were_recorded() {
    let play: ServiceId = "play@prod".parse().unwrap();
    let now = clock().now().utc;
    let today = now.0.div_euclid(DAY) * DAY;
    let mut past = String::from("# TYPE probe_success gauge\n");
    for (days_ago, down, recorded) in DAYS {
        for minute in 0..recorded {
            let at = (today - days_ago * DAY) / 1_000 + minute * 60 + 30;
            let up = u8::from(minute >= down);
            writeln!(past, "probe_success{{instance=\"https://play.acme.example/\"}} {up} {at}").unwrap();
        }
    }
    let Some(server) = prometheus(&past, &[]).await else { return };
    let ask = Ask {
        url: Some(format!("http://127.0.0.1:{}", server.port)),
        days: 5,
        now,
        zone: chrono_tz::UTC,
        services: vec![play.clone()],
        env: None,
        map: Map::Usual,
        names: BTreeMap::from([("https://play.acme.example/".to_owned(), play.clone())]),
        query: None,
        secret: None,
        trust: Trust::system(),
        timeout: Duration::from_secs(20),
    };
    let importing = importer("prometheus").unwrap().import(&ask);
    let report = tokio::time::timeout(HANG, importing).await.expect("the import hangs").unwrap();

    let got: BTreeMap<i64, Split> =
        report.buckets.iter().map(|bucket| ((today - bucket.start.0) / DAY, bucket.split)).collect();
    assert_eq!(got.keys().copied().collect::<Vec<_>>(), [1, 2, 4], "{report:#?}");
    assert!(report.buckets.iter().all(|bucket| {
        bucket.service == play
            && bucket.source == "prometheus"
            && bucket.length_ms == DAY
            && bucket.start < Timestamp(today)
    }));
    // The mean is taken over samples, known to the minute at best.
    println!(
        "ten percent down: {tenth_down:?}; half recorded: {half_known:?}",
        tenth_down = got[&2],
        half_known = got[&1]
    );
    let near = |ms: i64, wanted: i64| (ms - wanted).abs() <= 10 * 60_000;
    let (all_down, tenth_down, half_known) = (got[&4], got[&2], got[&1]);
    assert!(all_down.up_ms == 0 && near(all_down.down_ms, DAY), "{all_down:?}");
    assert!(near(tenth_down.down_ms, DAY / 10) && near(tenth_down.up_ms, DAY / 10 * 9), "{tenth_down:?}");
    assert!(half_known.down_ms == 0 && near(half_known.up_ms, 12 * HOUR), "{half_known:?}");
}
