//! PostgreSQL: connections that run out, slow queries, backups, and a second server that takes over.
mod backup;
mod server;
mod takeover;

use server::{Postgres, Session};

use super::{Desk, eventually};

const LOOKS: [&str; 4] =
    ["share-of-connections-in-use", "idle-in-a-transaction", "queries-that-run-for-long", "who-waits-for-whom"];

#[tokio::test]
async fn connections_that_run_out_are_told_from_health_and_freed() {
    let Some(postgres) = Postgres::start().await else { return };
    let mut desk = postgres.desk("email-saas/postgres-connections.md").await;
    desk.give("minutes", 0);
    desk.give("login", "app");
    desk.well(&["is-it-there"]).await;
    desk.well(&LOOKS).await;

    postgres.sql("create table orders (id int); alter table orders owner to app");
    let holds = postgres.session("begin; lock table orders;");
    postgres.counts("state = 'idle in transaction'", "1").await;
    let idle: Vec<Session> = (0..5).map(|_| postgres.session("begin; select 1;")).collect();
    postgres.counts("state = 'idle in transaction'", "6").await;
    let waits = postgres.session("select count(*) from orders;");
    postgres.counts("wait_event_type = 'Lock'", "1").await;
    let refused = postgres.psql("app").args(["-c", "select 1"]).output().unwrap();
    assert!(String::from_utf8_lossy(&refused.stderr).contains("remaining connection slots"), "users are refused");
    desk.well(&["is-it-there"]).await;
    desk.ill(&LOOKS).await;
    let (_, told) = desk.look("who-has-them").await;
    assert!(told.contains("app | psql | idle in transaction | 6"), "{told}");

    desk.change("end-what-is-idle-in-a-transaction").await;
    postgres.counts("state = 'idle in transaction'", "0").await;
    // Who waited goes on, and keeps its connection.
    postgres.counts("state = 'idle'", "1").await;
    desk.well(&LOOKS).await;

    let long = postgres.session("select pg_sleep(600);");
    postgres.counts("state = 'active'", "1").await;
    desk.ill(&["queries-that-run-for-long"]).await;
    desk.change("end-queries-that-run-for-long").await;
    postgres.counts("state = 'active'", "0").await;
    desk.well(&LOOKS).await;
    desk.change("limit-idle-transactions").await;
    let limit = postgres.sql("select array_to_string(rolconfig, ',') from pg_roles where rolname = 'app'");
    assert_eq!(limit, "idle_in_transaction_session_timeout=5min");
    drop((holds, idle, waits, long));

    // A server that is not there is not well, and no look says that there is nothing to see.
    drop(postgres);
    desk.ill(&["is-it-there"]).await;
    desk.ill(&LOOKS).await;
    desk.ran_all();
}

#[tokio::test]
async fn slow_queries_are_told_from_health_and_mended() {
    let Some(postgres) = Postgres::start().await else { return };
    let mut desk = postgres.desk("email-saas/postgres-slow-queries.md").await;
    desk.give("calls", 2);
    desk.give("seconds", 0);
    desk.ill(&["is-it-measured"]).await;
    let (met, told) = desk.look("the-slowest-statement").await;
    assert_eq!(met, Some(false), "what is not measured is not fast: {told}");
    postgres.sql("create extension pg_stat_statements");
    let looks =
        ["is-it-measured", "the-slowest-statement", "tables-that-are-read-from-end-to-end", "what-runs-now-for-long"];
    desk.well(&looks).await;

    postgres.sql("create table orders as select n as id, 'c' || n % 500 as customer from generate_series(1, 20000) n");
    postgres.sql("analyze orders");
    let scans: Vec<&str> = vec!["select count(*) from orders where customer = 'c7'"; 60];
    postgres.sql(&scans.join("; "));
    for _ in 0..2 {
        postgres.sql("select pg_sleep(0.7)");
    }
    let sleeps = postgres.session("select pg_sleep(600);");
    postgres.counts("state = 'active'", "1").await;
    eventually("the statistics", async || {
        postgres.sql("select coalesce(max(seq_scan), 0) > 50 from pg_stat_user_tables") == "t"
    })
    .await;
    desk.well(&["is-it-measured"]).await;
    desk.ill(&looks[1..]).await;
    let (_, told) = desk.look("which-they-are").await;
    assert!(told.contains("pg_sleep"), "{told}");
    assert!(!told.contains("c7"), "values are not told: {told}");

    let process = postgres.sql("select pid from pg_stat_activity where usename = 'app' and state = 'active'");
    desk.give("process", process);
    desk.change("cancel-one-of-them").await;
    postgres.counts("state = 'active'", "0").await;
    desk.give("table", "orders");
    desk.give("column", "customer");
    desk.change("add-an-index").await;
    assert_eq!(postgres.sql("select count(*) from pg_indexes where indexname = 'qd_orders_customer'"), "1");
    desk.change("begin-to-count-anew").await;
    desk.well(&looks).await;
    drop(sleeps);
    desk.ran_all();
}
