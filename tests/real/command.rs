//! Steps that a team wrote itself, and packages for partners, on real OpenSSH.
use quarterdeck::core::runs::{Fit, RunOutcome, Wanted};

use crate::ops::{Ops, back, task, version};

#[tokio::test]
async fn a_teams_own_steps_are_carried_out_and_taken_back() {
    let mut ops = Ops::start(|home| {
        std::fs::write(
            home.join("book.md"),
            "# Edge\n\n## Drain\n\nTakes a node out.\n\n```sh\n# note it\nprintf '%s\\n' \"$QD_VERSION\" >>~/log\necho drained >>~/log\n```\n",
        )
        .unwrap();
        format!(
            "kind = \"command\"\n[service.recipe]\npath = \"~/lock\"\nrunbook = {:?}\n[service.recipe.tasks.deploy]\nsteps = [\"# get it\\nprintf \
             '%s' \\\"$QD_VERSION\\\" >~/version\", \"grep -q good ~/version\"]\nundo = [\"echo before \
             >~/version\"]\n[service.recipe.tasks.say]\nsteps = [\"printf '%s' \\\"$QD_WORD\\\" >~/word\"]\ntakes = [\"word\"]",
            home.join("book.md").display().to_string()
        )
    })
    .await;
    let (outcome, told) = ops.change(version("good-1")).await;
    assert_eq!((outcome, ops.read("version").as_str()), (RunOutcome::Succeeded, "good-1"), "{told}");
    let (outcome, told) = ops.change(version("poor-2")).await;
    assert_eq!((outcome, ops.read("version").trim()), (RunOutcome::Undone, "before"), "{told}");
    let (outcome, told) = ops.change(task("drain", &[])).await;
    assert_eq!((outcome, ops.read("log").trim()), (RunOutcome::Succeeded, "drained"), "{told}");
    // What is given is a value, whatever stands in it.
    let word = "'; touch ~/pwned; echo \"$(touch ~/pwned)\" `touch ~/pwned` \\ @X@ é";
    let (outcome, told) = ops.change(task("say", &[("word", word)])).await;
    assert_eq!((outcome, ops.read("word").as_str()), (RunOutcome::Succeeded, word), "{told}");
    assert!(!ops.sshd.home().join("pwned").exists());
    assert!(ops.refused(Wanted::Restart).await.contains("no task `restart`"));
    assert!(ops.refused(back(None)).await.contains("no task `rollback`"));
}

#[tokio::test]
async fn a_package_is_sent_once_and_again_only_when_that_is_said() {
    let mut ops = Ops::start(|home| {
        let home = home.display();
        format!(
            "kind = \"resend\"\nrecipe = {{ path = \"~/lock\", file = \"{home}/out/$QD_PACKAGE.zip\", verify = \"grep -q PK \\\"$QD_FILE\\\"\", send = \
             \"test ! -e ~/down && cat \\\"$QD_FILE\\\" >>~/partner\" }}"
        )
    })
    .await;
    let resend = |package: &str| task("resend", &[("package", package)]);
    assert!(ops.refused(resend("P-1")).await.contains("P-1.zip is no file"));
    ops.write("out/P-1.zip", "PK one\n");
    let (outcome, told) = ops.change(resend("P-1")).await;
    assert_eq!((outcome, ops.read("partner").as_str()), (RunOutcome::Succeeded, "PK one\n"), "{told}");
    let review = ops.review(resend("P-1")).await.unwrap();
    assert!(review.plan.prechecks.iter().any(|check| check.verdict == Fit::Bad && check.text.contains("was sent")));
    ops.cancel();
    let again = task("resend", &[("package", "P-1"), ("again", "yes")]);
    let (outcome, told) = ops.change(again).await;
    assert_eq!((outcome, ops.read("partner").as_str()), (RunOutcome::Succeeded, "PK one\nPK one\n"), "{told}");

    // It is another file by the time it is confirmed: nothing is sent.
    ops.write("out/P-2.zip", "PK two\n");
    ops.review(resend("P-2")).await.unwrap();
    ops.write("out/P-2.zip", "PK other\n");
    let run = ops.confirm().await;
    assert_eq!((run.outcome.unwrap().0, ops.read("partner").lines().count()), (RunOutcome::Failed, 2));
    // It is no package at all.
    ops.write("out/P-3.zip", "no\n");
    assert_eq!(ops.change(resend("P-3")).await.0, RunOutcome::Failed);
    // The partner does not take it: nobody knows whether it has it, so it is not sent again by itself.
    ops.write("down", "");
    assert_eq!(ops.change(resend("P-2")).await.0, RunOutcome::Failed);
    assert!(ops.review(resend("P-2")).await.unwrap().plan.prechecks.iter().any(|check| check.verdict == Fit::Bad));
    assert_eq!(ops.read("partner").lines().count(), 2);
}
