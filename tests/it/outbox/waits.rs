//! How long a place asks to be left alone, in every way that it is said, by every tracker and channel.
use std::time::Duration;

use quarterdeck::core::{
    Msg,
    outbox::{Entry, News},
    time::{DAY, HOUR, MINUTE, SECOND},
};

use super::{
    faults, notices,
    sim::{Sim, means},
};
use crate::tickets::{Fault, Shared, Vendor, channels::Channel, start};

type Headers = &'static [(&'static str, &'static str)];

/// What is waited for after an answer.
#[derive(Clone, Copy, Debug)]
enum Waits {
    /// So long.
    Ms(i64),
    /// As long as where nothing is said.
    Own,
    /// As long as at most.
    Most,
}

const SAYS: [(Headers, Waits); 17] = [
    (&[("retry-after", "120")], Waits::Ms(120_000)),
    (&[("retry-after", " 7 ")], Waits::Ms(7_000)),
    (&[("retry-after", "+90")], Waits::Ms(90_000)),
    (
        &[("date", "Fri, 15 Jan 2027 08:00:00 GMT"), ("retry-after", "Fri, 15 Jan 2027 08:02:00 GMT")],
        Waits::Ms(120_000),
    ),
    // By the server's own clock, whatever it says.
    (&[("date", "Sun, 06 Nov 1994 08:49:37 GMT"), ("retry-after", "Sun, 06 Nov 1994 08:50:37 GMT")], Waits::Ms(60_000)),
    (
        &[("date", "Sun, 06 Nov 1994 08:49:37 GMT"), ("retry-after", "Sunday, 06-Nov-94 08:50:37 GMT")],
        Waits::Ms(60_000),
    ),
    (&[("date", "Sun, 06 Nov 1994 08:49:37 GMT"), ("retry-after", "Sun Nov  6 08:50:37 1994")], Waits::Ms(60_000)),
    (&[("retry-after", "Fri, 15 Jan 2027 08:02:00 GMT")], Waits::Own),
    (&[("date", "yesterday"), ("retry-after", "Fri, 15 Jan 2027 08:02:00 GMT")], Waits::Own),
    (&[("retry-after", "86401")], Waits::Most),
    (&[("retry-after", "9223372036854775807")], Waits::Most),
    (&[("retry-after", "99999999999999999999999999")], Waits::Most),
    (&[("date", "Fri, 15 Jan 2027 08:00:00 GMT"), ("retry-after", "Fri, 15 Jan 9999 08:02:00 GMT")], Waits::Most),
    (&[("retry-after", "soon")], Waits::Own),
    (&[("retry-after", "")], Waits::Own),
    (&[("retry-after", "1.5")], Waits::Own),
    (&[("retry-after", "--5")], Waits::Own),
];

/// What says "at once" says nothing where a server is not well: some say it on every answer.
const AT_ONCE: [Headers; 3] = [
    &[("retry-after", "0")],
    &[("retry-after", "-5")],
    &[("date", "Fri, 15 Jan 2027 08:00:00 GMT"), ("retry-after", "Fri, 15 Jan 2027 07:00:00 GMT")],
];

/// Milliseconds that are waited for after an answer: where nothing is said, and at most.
#[derive(Clone, Copy)]
struct Usual {
    own: i64,
    most: i64,
}

async fn holds(sim: &mut Sim, fake: &Shared, waits: i64, entry: impl Fn(&Sim) -> Entry, what: &str) {
    let (shown, before) = (entry(sim), fake.lock().unwrap().requests.len());
    assert_eq!(shown.next().map(|at| at.since(sim.now.utc)), Some(waits), "{what}: {shown:?}");
    sim.pass(waits - 1);
    sim.does(Msg::Ticked).await;
    assert_eq!(fake.lock().unwrap().requests.len(), before, "{what}: asked sooner than it shows");
    sim.pass(1);
    sim.does(Msg::Ticked).await;
    assert!(fake.lock().unwrap().requests.len() > before, "{what}: not asked at the moment that it shows");
}

fn cases() -> impl Iterator<Item = (u16, Headers, Waits)> {
    let said = [500, 502, 503, 504, 429].into_iter().flat_map(|status| SAYS.map(|(of, waits)| (status, of, waits)));
    said.chain(AT_ONCE.map(|headers| (503, headers, Waits::Own)))
}

impl Waits {
    fn ms(self, usual: Usual) -> i64 {
        match self {
            Self::Ms(ms) => ms,
            Self::Own => usual.own,
            Self::Most => usual.most,
        }
    }
}

#[tokio::test]
async fn a_tracker_is_asked_again_at_the_moment_that_it_names() {
    for vendor in [Vendor::GitHub, Vendor::JiraCloud, Vendor::JiraDataCenter, Vendor::Monday] {
        for (status, headers, waits) in cases() {
            // What may have been accepted is searched for soon; what it may not be asked for at all can take a day.
            let usual =
                if status == 429 { Usual { own: MINUTE, most: DAY } } else { Usual { own: 3 * SECOND, most: HOUR } };
            let (fake, url) = start(vendor, 0).await;
            let mut sim = Sim::new(&faults::tracker(vendor, &url), &fake, means(Duration::from_secs(30)));
            fake.lock().unwrap().faults = faults::first(vendor, Fault::Asks(status, headers));
            sim.opened().await;
            sim.step().await;
            let what = format!("{vendor:?} {status} {headers:?}");
            let entry = |sim: &Sim| sim.state.outbox.items.values().next().unwrap().clone();
            if status != 429 && headers == [("retry-after", "120")] {
                let (said, is) = (format!("{status}, and asks to wait 2m: upstream"), entry(&sim));
                assert!(is.reason().contains(&said), "{what}: {}", is.reason());
            }
            holds(&mut sim, &fake, waits.ms(usual), entry, &what).await;
            sim.settle(30).await;
            assert_eq!(fake.lock().unwrap().tickets.len(), 1, "{what}");
        }
    }
}

#[tokio::test]
async fn a_channel_is_asked_again_at_the_moment_that_it_names_and_a_page_never_waits_long() {
    for channel in Channel::ALL {
        for (status, headers, waits) in cases() {
            let own = if status == 429 { MINUTE } else { 5 * SECOND };
            let (fake, inventory, means) = notices::started(channel, Duration::from_secs(30)).await;
            let mut sim = Sim::with(inventory, &fake, means);
            fake.lock().unwrap().faults = vec![Fault::Asks(status, headers)];
            sim.opened().await;
            sim.step().await;
            let what = format!("{channel:?} {status} {headers:?}");
            let entry = |sim: &Sim| notices::entry(sim, News::Opened).clone();
            holds(&mut sim, &fake, waits.ms(Usual { own, most: 30 * MINUTE }), entry, &what).await;
            sim.settle(30).await;
            assert_eq!(fake.lock().unwrap().tickets.len(), 1, "{what}");
        }
    }
}

#[tokio::test]
async fn slack_and_monday_say_it_in_an_answer_that_is_well_by_its_status() {
    let (fake, inventory, means) = notices::started(Channel::Slack, Duration::from_secs(30)).await;
    let mut sim = Sim::with(inventory, &fake, means);
    fake.lock().unwrap().faults = vec![Fault::Unwell(r#"{"ok":false,"error":"service_unavailable"}"#)];
    sim.opened().await;
    sim.step().await;
    holds(&mut sim, &fake, 120_000, |sim| notices::entry(sim, News::Opened).clone(), "slack").await;

    for body in [
        r#"{"errors":[{"message":"no","extensions":{"status_code":503}}]}"#,
        r#"{"errors":[{"message":"no","extensions":{"code":"INTERNAL_SERVER_ERROR"}}]}"#,
    ] {
        let (fake, url) = start(Vendor::Monday, 0).await;
        let spec = faults::tracker(Vendor::Monday, &url);
        let mut sim = Sim::new(&spec, &fake, super::sim::means(Duration::from_secs(30)));
        fake.lock().unwrap().faults = faults::first(Vendor::Monday, Fault::Unwell(body));
        sim.opened().await;
        sim.step().await;
        let entry = |sim: &Sim| sim.state.outbox.items.values().next().unwrap().clone();
        holds(&mut sim, &fake, 120_000, entry, body).await;
    }
}
