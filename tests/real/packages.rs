//! Packages, with the real apt and dpkg over real OpenSSH: a root of their own, and a repository of two versions of one package.
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use quarterdeck::core::runs::RunOutcome;

use crate::{
    ops::{Ops, task},
    support::servers::tool,
};

const NAME: &str = "qd-sample";

/// A root that packages are installed into, and where they come from.
struct Root(PathBuf);

impl Root {
    fn at(home: &Path) -> Self {
        let root = Self(home.join("system"));
        for folder in [
            "etc/apt/apt.conf.d",
            "etc/apt/preferences.d",
            "etc/apt/sources.list.d",
            "etc/apt/trusted.gpg.d",
            "var/lib/apt/lists/partial",
            "var/cache/apt/archives/partial",
            "var/lib/dpkg/info",
            "var/lib/dpkg/updates",
            "var/log/apt",
            "repo",
        ] {
            fs::create_dir_all(root.0.join(folder)).unwrap();
        }
        fs::write(root.0.join("var/lib/dpkg/status"), "").unwrap();
        let at = root.0.display();
        fs::write(
            root.0.join("apt.conf"),
            format!(
                "Dir \"{at}\";\nDir::State::status \"{at}/var/lib/dpkg/status\";\nAPT::Sandbox::User \"\";\nDPkg::Options {{ \
                 \"--root={at}\"; \"--force-not-root\"; \"--force-bad-path\"; \"--log={at}/dpkg.log\"; }};\n"
            ),
        )
        .unwrap();
        fs::write(root.0.join("etc/apt/sources.list"), format!("deb [trusted=yes] file:{at}/repo ./\n")).unwrap();
        root
    }

    /// Builds a version of the package and makes it the one that the repository has.
    fn offers(&self, version: &str) -> PathBuf {
        let (tree, deb) = (self.0.join(format!("tree-{version}")), self.0.join(format!("repo/{NAME}_{version}.deb")));
        fs::create_dir_all(tree.join("DEBIAN")).unwrap();
        fs::create_dir_all(tree.join("etc")).unwrap();
        let control = format!(
            "Package: {NAME}\nVersion: {version}\nArchitecture: all\nMaintainer: A <a@example.com>\nDescription: a sample\n"
        );
        fs::write(tree.join("DEBIAN/control"), &control).unwrap();
        fs::write(tree.join("DEBIAN/conffiles"), "/etc/sample.conf\n").unwrap();
        fs::write(tree.join("etc/sample.conf"), format!("version={version}\n")).unwrap();
        fs::write(tree.join("etc/plain"), version).unwrap();
        runs(Command::new("dpkg-deb").args(["--root-owner-group", "--build"]).arg(&tree).arg(&deb));
        let size = fs::metadata(&deb).unwrap().len();
        let sum = runs(Command::new("sha256sum").arg(&deb));
        let sum = sum.split(' ').next().unwrap();
        let list = format!("{control}Filename: ./{NAME}_{version}.deb\nSize: {size}\nSHA256: {sum}\n");
        fs::write(self.0.join("repo/Packages"), list).unwrap();
        deb
    }

    fn installs(&self, deb: &Path) {
        let root = format!("--root={}", self.0.display());
        let log = format!("--log={}/dpkg.log", self.0.display());
        runs(Command::new("dpkg").args([&*root, "--force-not-root", "--force-bad-path", &log, "-i"]).arg(deb));
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.0.join(name)).unwrap()
    }
}

fn runs(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// A host where apt and dpkg work in that root.
async fn host() -> Option<(Ops, Root)> {
    let (apt, dpkg) = (tool("QD_TEST_APT_GET", "apt-get")?, tool("QD_TEST_DPKG", "dpkg")?);
    let ops = Ops::start(|home| {
        fs::create_dir_all(home.join("system")).unwrap();
        "kind = \"packages\"\nrecipe = { path = \"~/app\", sudo = false }".into()
    })
    .await;
    let root = Root::at(&ops.sshd.home());
    let at = root.0.display();
    for (name, real) in [("apt-get", apt), ("dpkg", dpkg)] {
        // The real program, told where its system is.
        let script = format!(
            "#!/bin/sh\nAPT_CONFIG={at}/apt.conf DPKG_ADMINDIR={at}/var/lib/dpkg exec {} \"$@\"\n",
            real.display()
        );
        ops.program(name, &script);
    }
    Some((ops, root))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_apt_would_upgrade_is_reviewed_and_upgraded_and_a_changed_file_stays() {
    let Some((mut ops, root)) = host().await else { return };
    let old = root.offers("1.0");
    root.installs(&old);
    fs::write(root.0.join("etc/sample.conf"), "mine\n").unwrap();

    let said = ops.refused(task("upgrade", &[])).await;
    assert!(said.contains("nothing is to be upgraded"), "{said}");
    _ = root.offers("2.0");
    let said = ops.refused(task("upgrade", &[])).await;
    assert!(said.contains("`check` reads them anew"), "the lists are old: {said}");
    let (outcome, told) = ops.change(task("check", &[])).await;
    assert_eq!(outcome, RunOutcome::Succeeded, "{told}");
    assert_eq!(root.read("etc/plain"), "1.0", "nothing is changed by it");

    let review = ops.review(task("upgrade", &[])).await.unwrap();
    assert!(review.plan.effect.contains("1 package, no security fix: qd-sample 2.0"), "{}", review.plan.effect);
    let run = ops.confirm().await;
    assert_eq!(run.outcome.unwrap().0, RunOutcome::Succeeded);
    assert_eq!((root.read("etc/plain").as_str(), root.read("etc/sample.conf").as_str()), ("2.0", "mine\n"));
    let said = ops.refused(task("upgrade", &[])).await;
    assert!(said.contains("nothing is to be upgraded"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_archive_that_is_not_what_the_list_says_is_not_installed() {
    let Some((mut ops, root)) = host().await else { return };
    let old = root.offers("1.0");
    root.installs(&old);
    let new = root.offers("2.0");
    let (outcome, told) = ops.change(task("check", &[])).await;
    assert_eq!(outcome, RunOutcome::Succeeded, "{told}");
    // It was exchanged in the meantime, for something of the same size.
    let mut bytes = fs::read(&new).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(&new, bytes).unwrap();
    let (outcome, told) = ops.change(task("upgrade", &[("only", NAME)])).await;
    assert_eq!(outcome, RunOutcome::Failed, "{told}");
    assert_eq!(root.read("etc/plain"), "1.0");
    assert!(ops.refused(task("upgrade", &[("only", "-o")])).await.contains("is no name of a package"));
}
