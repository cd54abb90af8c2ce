//! A Loki entry in the console: its past is read once for all its streams, and searched on the server while a filter acts.
use quarterdeck::core::logs::{Ask, shown::Back};

use super::*;
use crate::log_desk::{Console, Setup, Whole, holds, lines};

/// Lines of three web servers, one a second.
fn past() -> Vec<(i64, String, String)> {
    let line = |number: i64| {
        let at = T0 + number * 1_000_000_000;
        let time = chrono::DateTime::from_timestamp_nanos(at).format("%d/%b/%Y:%H:%M:%S +0000");
        let path = if number % 301 == 0 { "PoolX" } else { "titles" };
        let (status, agent) =
            (if number % 89 == 0 { 502 } else { 200 }, if number % 7 == 0 { "Health" } else { "curl" });
        let text = format!("203.0.113.9 - - [{time}] \"GET /{path}/{number} HTTP/1.1\" {status} 17 \"-\" \"{agent}\"");
        (at, ["a", "b", "c"][(number % 3) as usize].to_owned(), text)
    };
    (0..7_000).map(line).collect()
}

async fn console(lines: Vec<(i64, String, String)>) -> (World, Console) {
    let world = world(|inner| inner.lines = lines, |_| {}).await;
    let mut spec = (*world.spec).clone();
    spec.format = Some("nginx-combined".into());
    let mut console = Console::new(Setup { specs: vec![spec], ..Setup::default() });
    console.ask(Ask::Start);
    console.query(|_| {}).await;
    console.until("the newest lines", |shown, _| shown.total() >= 1_000).await;
    (world, console)
}

fn text(lines: &[(i64, String, String)]) -> String {
    lines.iter().map(|(_, _, line)| [line, "\n"].concat()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_filters_follow_one_another_the_view_is_that_of_all_lines() {
    let past = past();
    let whole = Whole::new(&text(&past), "nginx-combined");
    let (world, mut console) = console(past).await;
    let steps = [
        ("PoolX", 1),
        ("PoolX -Health", 1),
        ("PoolX", 2),
        ("", 1),
        ("(PoolX OR 502)", 1),
        ("(PoolX OR 502) Health status:502", 1),
        ("/tit.es.*Health/", 2),
        ("", 2),
        ("PoolX -Health", 3),
    ];
    whole.follows(&mut console, &steps).await;
    let shown = console.earlier().await;
    assert_eq!(shown.searched.back, Back::Begin);
    assert!(
        shown.sources.iter().any(|source| source.ran.starts_with("PoolX by Loki, PoolX -Health here")),
        "{shown:?}"
    );
    let asked = world.fake.inner.lock().unwrap().asked.clone();
    assert!(asked.iter().any(|asked| asked["query"].ends_with("|= \"PoolX\"")), "{asked:?}");
    // All that there is, once, though three streams have it.
    let mut shown = console.filter("").await;
    while shown.searched.back != Back::Begin {
        shown = console.earlier().await;
    }
    assert_eq!(lines(&shown).len(), 7_000);
    holds(&shown, &whole, "");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_of_several_lines_are_read_whole() {
    let mut lines = past();
    lines.truncate(5_000);
    // A stream that was silent for long, of a format of which nothing is known.
    lines.splice(
        0..0,
        [
            (T0 - 9, "jobs".to_owned(), "job failed: PoolX".to_owned()),
            (T0 - 8, "jobs".to_owned(), "  at PoolX.get".to_owned()),
        ],
    );
    let world = world(|inner| inner.lines = lines, |_| {}).await;
    let mut console = Console::new(Setup { specs: vec![(*world.spec).clone()], ..Setup::default() });
    console.ask(Ask::Start);
    console.query(|_| {}).await;
    console.until("the newest lines", |shown, _| shown.total() >= 1_000).await;
    console.filter("PoolX").await;
    let mut shown = console.earlier().await;
    for _ in 0..12 {
        shown = console.earlier().await;
    }
    assert_eq!((shown.searched.back, shown.found()), (Back::Begin, 0));
    assert_eq!(shown.snapshot.segments.iter().map(|segment| segment.lines()).sum::<usize>(), 5_002);
    assert_eq!(
        crate::log_desk::lines(&shown).iter().filter(|line| line.contains("job failed")).count(),
        1,
        "{:?}",
        lines_of(&shown)
    );
}

fn lines_of(shown: &quarterdeck::core::logs::shown::Shown) -> Vec<String> {
    lines(shown).into_iter().take(5).collect()
}
