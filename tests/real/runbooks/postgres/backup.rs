//! A backup is taken, seen to be whole, and restored beside the live one to a moment.
use std::path::{Path, PathBuf};

use quarterdeck::core::runs::RunOutcome;

use super::{Postgres, eventually, server::ask_at};
use crate::support::{open_to_all, servers::free_port, sshd::signal};

const KEPT: &str = "is-what-is-written-kept";
const LOOKS: [&str; 2] = ["how-old-is-the-last-backup", "is-it-whole"];
const RESTORE: &str = "restore-beside-it";

/// Ends what was restored, however the test ends.
struct Scratch(PathBuf);

impl Scratch {
    fn process(&self) -> Option<u32> {
        std::fs::read_to_string(self.0.join("postmaster.pid")).ok()?.lines().next()?.trim().parse().ok()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        self.process().into_iter().for_each(|pid| signal(pid, "QUIT"));
    }
}

/// All that a table has, in a few letters.
const SUM: &str = "select count(*) || ' ' || md5(string_agg(id || note, ',' order by id)) from orders";

/// Waits until all that was written so far is in the archive.
async fn is_kept(postgres: &Postgres) {
    let segment = postgres.sql("select pg_walfile_name(pg_switch_wal())");
    let last = "select coalesce(last_archived_wal, '') from pg_stat_archiver";
    eventually("the archive", async || postgres.sql(last) >= segment).await;
}

fn newest(backups: &Path) -> PathBuf {
    std::fs::read_dir(backups).unwrap().next().unwrap().unwrap().path()
}

#[tokio::test]
async fn a_backup_is_taken_and_restored_beside_the_live_one_to_the_moment_before_a_mistake() {
    let archive = tempfile::tempdir().unwrap();
    let wal = archive.path().join("wal");
    // More sessions than a server takes that nobody told anything; and whoever restores may read what is kept.
    let settings = format!(
        "max_connections = 130\narchive_mode = on\narchive_command = 'install -m 644 %p {}/%f'\n",
        wal.display()
    );
    let Some(live) = Postgres::with(&settings).await else { return };
    let mut desk = live.desk("email-saas/postgres-backup.md").await;
    let (backups, scratch) = (desk.ops.sshd.home().join("backups"), Scratch(desk.ops.sshd.home().join("scratch")));
    std::fs::create_dir(&backups).unwrap();
    desk.ops.sshd.give(&backups);
    let port = free_port();
    desk.give("backups", backups.display());
    desk.give("scratch", scratch.0.display());
    desk.give("archive", wal.display());
    desk.give("port", port);
    desk.give("database", "postgres");

    // Nothing is kept, as there is no archive; no backup was ever taken.
    live.sql("create table orders as select n as id, 'note ' || n as note from generate_series(1, 1000) n");
    live.sql("select pg_switch_wal()");
    desk.ill(&[KEPT]).await;
    desk.ill(&LOOKS).await;
    desk.gets_to_say(KEPT, "FAILED").await;
    std::fs::create_dir(&wal).unwrap();
    open_to_all(archive.path());
    open_to_all(&wal);
    live.sql("create table payments (id int); select pg_switch_wal()");
    desk.gets_well(KEPT).await;
    desk.change("take-one-now").await;
    desk.well(&LOOKS).await;

    live.sql("insert into orders select n, 'later ' || n from generate_series(1001, 1500) n");
    let (before, moment) = (live.sql(SUM), live.sql("select clock_timestamp()"));
    live.sql("drop table orders");
    is_kept(&live).await;
    desk.give("until", &moment);
    desk.ill(&["what-came-of-it"]).await;
    desk.change(RESTORE).await;
    desk.well(&["what-came-of-it", "does-it-have-every-table"]).await;
    let (_, told) = desk.look("does-it-have-every-table").await;
    assert!(told.contains("only here: public.orders"), "{told}");
    assert_eq!(ask_at(port, SUM), Ok(before), "all of it, and nothing else");
    assert!(live.try_sql(SUM).unwrap_err().contains("does not exist"), "what serves users is not touched");
    live.sql("create table refunds (id int)");
    desk.ill(&["does-it-have-every-table"]).await;

    // Nothing is written over; and what is thrown away is what this book restored.
    let (outcome, told) = desk.try_change(RESTORE).await;
    assert!(outcome == RunOutcome::Failed && told.contains("is there already"), "{told}");
    desk.give("scratch", backups.display());
    let (outcome, told) = desk.try_change("throw-the-restored-one-away").await;
    assert!(outcome == RunOutcome::Failed && told.contains("was not restored by this book"), "{told}");
    desk.give("scratch", scratch.0.display());
    desk.change("throw-the-restored-one-away").await;
    assert!(!scratch.0.exists() && backups.exists());
    desk.ill(&["what-came-of-it"]).await;

    // A moment that the archive does not reach; then as far as it goes.
    desk.give("until", "2099-01-01 00:00:00+00");
    let (outcome, told) = desk.try_change(RESTORE).await;
    assert!(outcome == RunOutcome::Failed && told.contains("before configured recovery target"), "{outcome:?} {told}");
    desk.change("throw-the-restored-one-away").await;
    is_kept(&live).await;
    desk.give("until", "latest");
    desk.change(RESTORE).await;
    desk.well(&["what-came-of-it", "does-it-have-every-table"]).await;
    assert!(ask_at(port, SUM).unwrap_err().contains("does not exist"), "the mistake is in it");
    desk.change("throw-the-restored-one-away").await;
    assert!(scratch.process().is_none());

    // A file of it that is not what it was, and an archive that is full.
    let file = newest(&backups).join("base/1/PG_VERSION");
    std::fs::write(&file, "99\n").unwrap();
    desk.ill(&["is-it-whole"]).await;
    std::fs::remove_dir_all(&wal).unwrap();
    live.sql("create table more (id int); select pg_switch_wal()");
    desk.gets_ill(KEPT).await;
    desk.ran_all();
}
