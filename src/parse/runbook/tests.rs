use super::*;
use crate::core::runbooks::{Expect, On, Order, Takes};

const BOOK: &str = "---\ntypes: failure, performance\nservices: db\ntakes: minutes:int(1..60)=10\n---\n# Edge nodes\n\nFor whoever is on call.\n\n## Drain a node!\n\nTakes a node\nout of DNS.\n\nMore.\n\n```sh read on=first expect=\"number < 80\" timeout=20s\n# count them\nctl count $QD_MINUTES\n```\n\n1. then\n   ```bash change\n   if true; then\n     ctl drain \"${QD_NODE}\"\n   fi\n   ```\n\n```sh undo\nctl undrain\n```\n\n```text\nnot run\n```\n\n## Look only\nNothing here.\n\n~~~\n## no heading\n~~~\n";

fn faults(text: &str) -> Vec<(usize, usize, String)> {
    read("x", text).1.into_iter().map(|fault| (fault.line, fault.column, fault.what)).collect()
}

#[test]
fn fences_under_a_heading_are_its_steps() {
    let (book, faults) = read("edge", BOOK);
    assert_eq!(faults, []);
    assert_eq!((book.title.as_str(), book.about.as_str()), ("Edge nodes", "For whoever is on call."));
    assert_eq!(
        (book.types.as_slice(), book.services.as_slice()),
        (&["failure".into(), "performance".into()][..], &["db".into()][..])
    );
    let ids: Vec<&str> = book.steps.iter().map(|step| step.id.as_str()).collect();
    assert_eq!(ids, ["drain-a-node", "drain-a-node-2", "drain-a-node-3"]);
    let first = &book.steps[0];
    assert_eq!((first.name.as_str(), first.mode, &first.on), ("count them", Mode::Read, &On::First));
    assert_eq!((first.expect.as_slice(), first.timeout_ms), (&[Expect::Number(Order::Less, 80.0)][..], 20_000));
    assert_eq!((first.prose.as_str(), first.line), ("Takes a node\nout of DNS.\n\nMore.", 17));
    assert_eq!(book.steps[1].command, "if true; then\n  ctl drain \"${QD_NODE}\"\nfi");
    assert_eq!(
        (book.steps[1].mode, book.steps[1].name.as_str(), book.steps[1].prose.as_str()),
        (Mode::Change, "Drain a node! 2", "1. then")
    );
    assert_eq!(book.steps[2].mode, Mode::Undo);
    assert_eq!(book.sections[book.steps[0].section].doc, "Takes a node out of DNS.");
    let params: Vec<(&str, &Takes)> = book.params.iter().map(|param| (param.name.as_str(), &param.takes)).collect();
    assert_eq!(params, [("minutes", &Takes::Int { min: 1, max: 60 }), ("node", &Takes::Text)]);
    assert_eq!(book.step("2").unwrap().id, "drain-a-node-2", "by its number");
    assert_eq!(book.undo_of(&book.steps[1]).count(), 1);
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    for (text, line, column, what) in [
        ("## a\n```sh\nrm x\n", 2, 1, "never closed"),
        ("```sh\nx\n```\n", 1, 1, "under no heading"),
        ("## a\n\n```sh read look=1\nx\n```", 3, 12, "\"look=1\" cannot be read"),
        ("## a\n```sh read expect=\"number < x\"\nx\n```", 2, 12, "cannot be read"),
        ("## a\n```sh read expect=matches:(\nx\n```", 2, 12, "cannot be read"),
        ("## a\n```sh read \"x\nx\n```", 2, 12, "quote is never closed"),
        ("## a\n```sh read change\nx\n```", 2, 12, "one of read, change and undo"),
        ("## a\n```sh change expect=empty\nx\n```", 2, 6, "is not held against"),
        ("## a\n```sh takes=n:int(9..1)\n$QD_N\n```", 2, 7, "is no type"),
        ("## a\n```sh takes=n:int=x\n$QD_N\n```", 2, 7, "default does not fit"),
        ("## a\n```sh takes=n:int\n$QD_N\n```\n```sh takes=n:host\n$QD_N\n```", 5, 7, "something else in line 2"),
        ("## a\n```sh takes=n:int\nx\n```", 2, 1, "no step uses `n`"),
        (
            "## a\n```sh read\nok\n  sudo -n systemctl restart x\n```",
            4,
            3,
            "\"sudo -n systemctl restart\" changes something",
        ),
        ("## a\n```sh\npm2 delete all\n```", 3, 1, "is never done from here"),
        ("## a\n```sh\n\n```", 2, 1, "no command"),
        ("## !\n```sh\nx\n```", 2, 1, "no letters"),
        ("## a\n```sh id=b\nx\n```\n## b\n```sh\nx\n```", 6, 1, "two steps `b`"),
        ("---\ntypes: a\nwho: me\n---\n", 3, 1, "no `who` here"),
        ("---\ntypes: a\n", 1, 1, "not closed"),
        ("---\ntakes: N\n---\n", 2, 8, "cannot be the name"),
        ("## a\n```sh timeout=1d\nx\n```", 2, 7, "cannot be read"),
    ] {
        let found = faults(text);
        assert_eq!(found.len(), 1, "{text:?}: {found:?}");
        assert_eq!((found[0].0, found[0].1), (line, column), "{text:?}: {found:?}");
        assert!(found[0].2.contains(what), "{text:?}: {found:?}");
    }
}

#[test]
fn text_in_backticks_is_no_fence() {
    assert_eq!(read("x", "## a\n```sh x``` is how it begins\n## b\n```sh\ny\n```").0.steps.len(), 1);
    assert_eq!(read("x", "####no heading\n```text\nx\n```").0.steps, []);
    assert_eq!(faults("## a\n```text\nnever closed"), [], "nothing of it would be run");
}

#[test]
fn what_changes_something_is_no_look() {
    for changes in [
        "rm -f /tmp/x",
        "true && rm x",
        "sudo -n rm x",
        "x | xargs -r kill -9",
        "systemctl --user restart x",
        "pm2 reload 3",
        "redis-cli -n 1 DEL acme:lock:x",
        "psql -c 'select pg_terminate_backend(1)'",
        "psql -c 'DELETE FROM t'",
        "nginx -s reload",
        "kubectl -n a rollout undo deploy/x",
        "aws rds failover-db-cluster",
        "sed -i s/a/b/ f",
        "psql -c 'create index concurrently x'",
        "timeout 5 systemctl stop x",
        "if true; then kill 1; fi",
    ] {
        assert!(guard::changes(changes).is_some(), "{changes}");
    }
    for looks in [
        "systemctl status x",
        "systemctl is-active x; systemctl show -p NRestarts x",
        "pm2 jlist",
        "redis-cli ttl k",
        "nginx -t",
        "# rm nothing",
        "grep -c 'kill ' /var/log/x",
        "kubectl get pods",
        "psql -c 'select count(*) from pg_stat_activity'",
        "psql -c 'select last_autovacuum from pg_stat_user_tables'",
        "redis-cli config get maxmemory",
        "df -P | sed -n 2p",
        "ps aux",
        "kubectl rollout history deploy/x",
        "aws ecs describe-services",
        "journalctl -u x -n 50",
        "pm2 describe start-x",
        "pm2 logs x --lines 100 --nostream",
    ] {
        assert_eq!(guard::changes(looks), None, "{looks}");
    }
}

mod properties {
    use proptest::prelude::*;

    use super::*;
    use crate::core::runbooks::{MOST_BYTES, assign};

    proptest! {
        #[test]
        fn no_text_breaks_the_reader(text in "\\PC*", lines in proptest::collection::vec("(```sh ?|~~~|#+ |---|takes: )?[a-z =:\"$({`|<.]{0,20}", 0..20)) {
            drop(read("x", &text));
            let (book, faults) = read("x", &lines.join("\n"));
            for fault in faults {
                prop_assert!(fault.line >= 1 && fault.line <= lines.len().max(1), "{fault:?}");
                prop_assert!(fault.column >= 1);
            }
            let mut ids: Vec<&String> = book.steps.iter().map(|step| &step.id).collect();
            ids.sort();
            ids.dedup();
            prop_assert_eq!(ids.len(), book.steps.len());
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(96))]
        // What is typed is one word to a real shell, and nothing of it is run.
        #[test]
        fn a_value_stays_a_value_in_a_real_shell(value in prop_oneof!["\\PC{0,60}", "[-'\"`$(){};&|<>*?~!#\\\\ a-z]{0,60}"]) {
            prop_assume!(value.len() <= MOST_BYTES && !value.contains(char::is_control));
            let script = format!("{}printf '%s' \"$QD_X\"; printf '|%s' \"$#\"", assign("QD_X", &value));
            let said = std::process::Command::new("sh").args(["-c", &script]).output().unwrap();
            prop_assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
            prop_assert_eq!(String::from_utf8(said.stdout).unwrap(), format!("{value}|0"));
        }
    }
}
