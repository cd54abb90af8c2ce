//! A playbook, by the real `ansible-playbook` over loopback SSH.
use quarterdeck::core::runs::{RunOutcome, Wanted};

use crate::{
    ops::{Ops, back, task, version},
    support::servers::tool,
};

const PLAYBOOK: &str = "
- hosts: edge
  gather_facts: false
  tasks:
    - name: bring it out
      ansible.builtin.copy:
        content: \"{{ edge_version }} {{ colour }}\"
        dest: \"{{ ansible_env_home }}/edge\"
    - name: look at it
      ansible.builtin.fail:
        msg: it does not start
      when: \"'bad' in edge_version\"
";

#[tokio::test]
async fn a_playbook_brings_a_version_out_and_the_one_before_back() {
    let Some(program) = tool("QD_TEST_ANSIBLE", "ansible-playbook") else { return };
    let recipe = "kind = \"ansible\"\nrecipe = { playbook = \"edge.yml\", path = \"~/plays\", inventory = \"hosts\", limit = \
                  \"edge:!lab\", version_var = \"edge_version\", vars = { colour = \"it's \\\"blue\\\"\" }, restart_playbook = \
                  \"restart.yml\" }";
    let mut ops = Ops::start(|_| recipe.to_owned()).await;
    let (home, sshd) = (ops.sshd.home(), &ops.sshd);
    let known = sshd.known_hosts(sshd.port);
    let host = |name: &str| {
        format!(
            "{name} ansible_host=127.0.0.1 ansible_port={} ansible_user={} ansible_ssh_private_key_file={} ansible_env_home={} \
             ansible_ssh_common_args='-o UserKnownHostsFile={} -o IdentitiesOnly=yes'\n",
            sshd.port,
            sshd.user,
            sshd.identity().display(),
            home.display(),
            known.display()
        )
    };
    let inventory = format!("[edge]\n{}{}[lab]\nlab-1\n", host("edge-1"), host("lab-1"));
    ops.write("plays/hosts", &inventory);
    ops.write("plays/edge.yml", PLAYBOOK);
    ops.write(
        "plays/restart.yml",
        "- hosts: edge\n  gather_facts: false\n  tasks:\n    - ansible.builtin.command: \"touch {{ ansible_env_home }}/restarted\"\n",
    );
    ops.program("ansible-playbook", &format!("#!/bin/sh\nexec {} \"$@\"\n", program.display()));

    let review = ops.review(task("check", &[("version", "v1")])).await.unwrap();
    assert!(review.plan.effect.contains("asked are edge-1"), "{}", review.plan.effect);
    let run = ops.confirm().await;
    assert_eq!((run.outcome.unwrap().0, ops.read("edge").as_str()), (RunOutcome::Succeeded, ""));
    assert!(run.output.iter().any(|line| line.text.contains("+v1 it's")), "the difference is shown");

    let (outcome, told) = ops.change(version("v1")).await;
    assert_eq!((outcome, ops.read("edge").as_str()), (RunOutcome::Succeeded, "v1 it's \"blue\""), "{told}");
    let (outcome, told) = ops.change(version("v2")).await;
    assert_eq!((outcome, ops.read("edge").as_str()), (RunOutcome::Succeeded, "v2 it's \"blue\""), "{told}");
    let (outcome, told) = ops.change(version("v3-bad")).await;
    assert_eq!((outcome, ops.read("edge").as_str()), (RunOutcome::Undone, "v2 it's \"blue\""), "{told}");
    let (outcome, told) = ops.change(back(None)).await;
    assert_eq!((outcome, ops.read("edge").as_str()), (RunOutcome::Succeeded, "v1 it's \"blue\""), "{told}");
    assert!(
        ops.refused(back(None)).await.contains("nobody knows what ran before v1"),
        "going back twice does not flip"
    );
    let (outcome, told) = ops.change(Wanted::Restart).await;
    assert_eq!(outcome, RunOutcome::Succeeded, "{told}");
    assert!(ops.sshd.home().join("restarted").exists());

    ops.write("plays/edge.yml", "- hosts: [\n");
    let why = ops.refused(version("v4")).await;
    assert!(why.contains("ansible-playbook on ops: ERROR"), "{why}");
    ops.write("plays/edge.yml", &PLAYBOOK.replace("edge\n  gather", "nowhere\n  gather"));
    assert!(ops.refused(version("v4")).await.contains("no hosts"));
}
