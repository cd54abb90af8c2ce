//! A second server takes over.
use quarterdeck::core::runs::RunOutcome;

use super::{Postgres, eventually};

const BEFORE: [&str; 3] = ["the-first-one-does-not-serve", "the-second-one-is-a-standby", "how-much-would-be-lost"];
const ONE: &str = "does-exactly-one-take-writes";
const FENCE: &str = "fence-the-first-one-should-it-come-back";

#[tokio::test]
async fn a_standby_takes_over_once_the_first_is_down_and_the_first_is_fenced_when_it_comes_back() {
    let Some(mut first) = Postgres::with("").await else { return };
    let second = first.standby().await;
    let mut desk = first.desk("email-saas/postgres-fail-over.md").await;
    desk.give("standby", second.address);
    first.sql("create table orders as select generate_series(1, 1000) as id; alter table orders owner to app");
    eventually("the copy", async || second.try_sql("select count(*) from orders").is_ok_and(|count| count == "1000"))
        .await;
    desk.ill(&BEFORE[..1]).await;
    desk.well(&BEFORE[1..]).await;
    desk.well(&[ONE]).await;

    // As long as the first one answers, nothing is promoted, whoever confirms it; and nobody fences the only one that serves.
    let (outcome, told) = desk.try_change("promote-the-second-one").await;
    assert!(outcome == RunOutcome::Failed && told.contains("the first one answers"), "{told}");
    assert_eq!(second.sql("select pg_is_in_recovery()"), "t");
    let (outcome, told) = desk.try_change(FENCE).await;
    assert!(outcome == RunOutcome::Failed && told.contains("the second one does not take writes"), "{told}");
    first.ask("app", "insert into orders values (1001)").unwrap();
    eventually("the copy", async || second.sql("select count(*) from orders") == "1001").await;

    first.kill();
    desk.well(&BEFORE).await;
    desk.ill(&[ONE]).await;
    // What it has is older than was agreed on.
    desk.give("most", 1);
    desk.gets_ill("how-much-would-be-lost").await;
    desk.give("most", 3600);
    desk.change("promote-the-second-one").await;
    desk.ill(&["the-second-one-is-a-standby"]).await;
    desk.well(&[ONE]).await;
    second.ask("app", "insert into orders values (1002)").unwrap();
    assert_eq!(second.sql("select count(*) from orders"), "1002", "all that was copied, and what is written since");
    let (outcome, told) = desk.try_change(FENCE).await;
    assert!(outcome == RunOutcome::Failed && told.contains("nothing to fence"), "{told}");

    // The first one comes back and knows of nothing: two take writes.
    first.comes_back().await;
    let stale = first.session("select 1;");
    first.ask("app", "insert into orders values (2001)").unwrap();
    desk.ill(&[ONE]).await;
    desk.change(FENCE).await;
    desk.well(&[ONE]).await;
    let refused = first.ask("app", "insert into orders values (2002)").unwrap_err();
    assert!(refused.contains("read-only transaction"), "{refused}");
    first.counts("true", "0").await;
    drop(stale);
    second.ask("app", "insert into orders values (1003)").unwrap();
    desk.ran_all();
}
