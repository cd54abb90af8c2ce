//! Host keys side by side: every case is decided by the real `ssh` and by the pool, on the same configuration and files.
use std::{
    path::{Path, PathBuf},
    process::Stdio,
};

use futures_util::{StreamExt as _, stream};
use quarterdeck::{
    core::hosts::LinkFault,
    remote::{Lane, Remote as _, Script, ssh::PoolOptions},
};

use crate::{
    ssh::{host, options, pool},
    support::sshd::{Setup, Sshd, keygen, login, public_key},
};

/// What was decided; a changed key with the last part of the file's name and the line at fault.
#[derive(Clone, Debug, PartialEq)]
enum Decision {
    Trusted,
    Unknown,
    Changed(String),
    Revoked,
    Other(String),
}
use Decision::{Revoked, Trusted, Unknown};

fn changed(place: &str) -> Decision {
    Decision::Changed(place.to_owned())
}

/// Files and keys that the cases are made of.
struct Keys {
    ed: String,
    rsa: String,
    /// A key that no server has.
    stranger: String,
    stranger_rsa: String,
    authority: String,
    other_authority: String,
}

/// One case: a server, the name and port under which it is asked for, and what the files say.
struct Case {
    what: &'static str,
    server: &'static str,
    name: &'static str,
    port: u16,
    user: String,
    global: String,
    extra: &'static str,
    want: Decision,
}

fn case(what: &'static str, name: &'static str, port: u16, user: impl Into<String>, want: Decision) -> Case {
    Case { what, server: "both", name, port, user: user.into(), global: String::new(), extra: "", want }
}

impl Case {
    fn on(mut self, server: &'static str) -> Self {
        self.server = server;
        self
    }

    fn global(mut self, text: String) -> Self {
        self.global = text;
        self
    }

    fn extra(mut self, line: &'static str) -> Self {
        self.extra = line;
        self
    }
}

fn hashed(name: &str, key: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("k");
    std::fs::write(&file, format!("{name} {key}\n")).unwrap();
    let status = std::process::Command::new("ssh-keygen")
        .arg("-Hf")
        .arg(&file)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    assert!(status.unwrap().success());
    std::fs::read_to_string(file).unwrap()
}

#[expect(clippy::too_many_lines, reason = "a table")]
fn plain_cases(keys: &Keys) -> Vec<Case> {
    let Keys { ed, rsa, stranger, stranger_rsa, .. } = keys;
    let tabs = ed.replace(' ', "\t");
    let (algorithm, blob) = ed.split_once(' ').unwrap();
    let h = "h.example";
    vec![
        case("no file at all", h, 22, "", Unknown).extra("UserKnownHostsFile /nonexistent/known_hosts"),
        case("plain", h, 22, format!("h.example {ed}\n"), Trusted),
        case("in a list", h, 22, format!("a.example,h.example,10.0.0.1 {ed}\n"), Trusted),
        case("another host only", h, 22, format!("a.example {ed}\n"), Unknown),
        case("upper case in the file", h, 22, format!("H.EXAMPLE {ed}\n"), Trusted),
        case("upper case asked for", "H.Example", 22, format!("h.example {ed}\n"), Trusted),
        case("star", h, 22, format!("*.example {ed}\n"), Trusted),
        case("star that does not fit", h, 22, format!("*.example.org {ed}\n"), Unknown),
        case("question mark", h, 22, format!("?.example {ed}\n"), Trusted),
        case("negated after", h, 22, format!("*.example,!h.example {ed}\n"), Unknown),
        case("negated before", h, 22, format!("!h.example,*.example {ed}\n"), Unknown),
        case("another negated", h, 22, format!("*.example,!x.example {ed}\n"), Trusted),
        case("host and port", h, 2222, format!("[h.example]:2222 {ed}\n"), Trusted),
        case("another port", h, 2222, format!("[h.example]:2223 {ed}\n"), Unknown),
        case("with port, asked without", h, 22, format!("[h.example]:2222 {ed}\n"), Unknown),
        case("bracketed with port 22", h, 22, format!("[h.example]:22 {ed}\n"), Unknown),
        case("without port, asked with one", h, 2222, format!("h.example {ed}\n"), Trusted),
        case("another key without port", h, 2222, format!("h.example {stranger}\n"), Unknown),
        case(
            "another key with port",
            h,
            2222,
            format!("[h.example]:2222 {stranger}\nh.example {ed}\n"),
            changed("user:1"),
        ),
        case("star over ports", h, 2222, format!("[*.example]:* {ed}\n"), Trusted),
        case("star over everything", h, 2222, format!("* {ed}\n"), Trusted),
        case("hashed", h, 22, hashed("h.example", ed), Trusted),
        case("hashed with port", h, 2222, hashed("[h.example]:2222", ed), Trusted),
        case("hashed, another host", h, 22, hashed("a.example", ed), Unknown),
        case("hashed, another key", h, 22, hashed("h.example", stranger), changed("user:1")),
        case("hashed, asked in upper case", "H.EXAMPLE", 22, hashed("h.example", ed), Trusted),
        case("broken hash before", h, 22, format!("|1|xx|yy {stranger}\nh.example {ed}\n"), Trusted),
        case("two keys, second fits", h, 22, format!("h.example {stranger}\nh.example {ed}\n"), Trusted),
        case("two keys, first fits", h, 22, format!("h.example {ed}\nh.example {stranger}\n"), Trusted),
        case(
            "two keys, none fits",
            h,
            22,
            format!("h.example {stranger}\n\nh.example {stranger_rsa}\n"),
            changed("user:3"),
        ),
        case("changed", h, 22, format!("# comment\nh.example {stranger}\n"), changed("user:2")),
        case("changed by a star", h, 22, format!("*.example {stranger}\n"), changed("user:1")),
        case("known by another type", h, 22, format!("h.example {rsa}\n"), Trusted),
        case("changed, the other type", h, 22, format!("h.example {stranger_rsa}\n"), changed("user:1")),
        case("known by a type it does not have", h, 22, format!("h.example {stranger_rsa}\n"), changed("user:1"))
            .on("ed"),
        case("rsa server", h, 22, format!("h.example {rsa}\n"), Trusted).on("rsa"),
        case("revoked", h, 22, format!("@revoked h.example {ed}\n"), Revoked),
        case("revoked and known", h, 22, format!("h.example {ed}\n@revoked * {ed}\n"), Revoked),
        case("revoked elsewhere", h, 22, format!("@revoked a.example {ed}\nh.example {ed}\n"), Trusted),
        case("another key revoked", h, 22, format!("@revoked * {stranger}\nh.example {ed}\n"), Trusted),
        case(
            "revoked without port, asked with one",
            h,
            2222,
            format!("@revoked h.example {ed}\nh.example {ed}\n"),
            Revoked,
        ),
        case("tabs", h, 22, format!("h.example\t{tabs}\n"), Trusted),
        case("many blanks", h, 22, format!("  \t h.example  \t {algorithm}   {blob}   a comment\n"), Trusted),
        case("tab after a marker", h, 22, format!("@revoked\th.example\t{tabs}\nh.example {ed}\n"), Revoked),
        case(
            "comments and empty lines",
            h,
            22,
            format!("\n# h.example {stranger}\n   # x\n\t\nh.example {ed}\n"),
            Trusted,
        ),
        case("commented out", h, 22, format!("#h.example {ed}\n"), Unknown),
        case(
            "malformed lines before",
            h,
            22,
            format!("h.example\nh.example ssh-foo AAAA\nh.example ssh-ed25519 %%%\nh.example {ed}\n"),
            Trusted,
        ),
        case("malformed only", h, 22, "h.example ssh-ed25519 AAAA\nh.example\nh.example 2048 35 123\n", Unknown),
        case("type and key disagree", h, 22, format!("h.example ssh-rsa {blob}\n"), Unknown),
        case("unknown marker", h, 22, format!("@friend h.example {ed}\n"), Unknown),
        case("marker in upper case", h, 22, format!("@REVOKED h.example {ed}\nh.example {ed}\n"), Trusted),
        case("two markers", h, 22, format!("@revoked @cert-authority h.example {ed}\nh.example {ed}\n"), Trusted),
        case("carriage returns", h, 22, format!("h.example {ed}\r\n"), Trusted),
        case("no line break at the end", h, 22, format!("h.example {ed}"), Trusted),
        case("trailing comment", h, 22, format!("h.example {ed} root@h # since May\n"), Trusted),
        case("global file", h, 22, "", Trusted).global(format!("h.example {ed}\n")),
        case("global file, revoked", h, 22, format!("h.example {ed}\n"), Revoked).global(format!("@revoked * {ed}\n")),
        case("changed here, right there", h, 22, format!("h.example {stranger}\n"), Trusted)
            .global(format!("h.example {ed}\n")),
        case("changed there", h, 22, "", changed("global:2")).global(format!("\nh.example {stranger}\n")),
        case("alias", h, 2222, format!("other {ed}\n"), Trusted).extra("HostKeyAlias other"),
        case("alias has no port", h, 2222, format!("[other]:2222 {ed}\n"), Unknown).extra("HostKeyAlias other"),
        case("alias hides the host", h, 22, format!("h.example {ed}\n"), Unknown).extra("HostKeyAlias other"),
        case("alias, changed", h, 22, format!("h.example {ed}\nother {stranger}\n"), changed("user:2"))
            .extra("HostKeyAlias other"),
        case("authority is no key", h, 22, format!("@cert-authority h.example {ed}\n"), Unknown),
        case(
            "authority of another key beside",
            h,
            22,
            format!("@cert-authority * {stranger}\nh.example {ed}\n"),
            Trusted,
        ),
        case("list of revoked keys", h, 22, format!("h.example {ed}\n"), Decision::Other("revoked by list".into()))
            .extra("RevokedHostKeys REVOKED"),
    ]
}

fn certificate_cases(keys: &Keys) -> Vec<Case> {
    let Keys { ed, stranger, authority, other_authority, .. } = keys;
    let h = "h.example";
    let trusting = || format!("@cert-authority *.example {authority}\n");
    vec![
        case("certificate", h, 22, trusting(), Trusted).on("cert"),
        case("certificate, asked in upper case", "H.EXAMPLE", 22, trusting(), Trusted).on("cert"),
        case(
            "certificate, authority for this port",
            h,
            2222,
            format!("@cert-authority [h.example]:2222 {authority}\n"),
            Trusted,
        )
        .on("cert"),
        case("certificate, authority without port", h, 2222, trusting(), Trusted).on("cert"),
        case("certificate for another name", "x.example", 22, trusting(), Unknown).on("cert"),
        case("certificate by alias", h, 22, format!("@cert-authority * {authority}\n"), Trusted)
            .on("cert")
            .extra("HostKeyAlias alias.example"),
        case("authority for other hosts", h, 22, format!("@cert-authority *.org {authority}\n"), Unknown).on("cert"),
        case("another authority", h, 22, format!("@cert-authority * {other_authority}\n"), Unknown).on("cert"),
        case(
            "two authorities",
            h,
            22,
            format!("@cert-authority * {other_authority}\n@cert-authority * {authority}\n"),
            Trusted,
        )
        .on("cert"),
        case("revoked authority", h, 22, format!("@revoked * {authority}\n{}", trusting()), Revoked).on("cert"),
        case("revoked key with certificate", h, 22, format!("@revoked * {ed}\n{}", trusting()), Revoked).on("cert"),
        case("certificate, plain key known", h, 22, format!("h.example {ed}\n"), Trusted).on("cert"),
        case("certificate good, plain key changed", h, 22, format!("h.example {stranger}\n{}", trusting()), Trusted)
            .on("cert"),
        case(
            "another authority, plain key changed",
            h,
            22,
            format!("@cert-authority * {other_authority}\nh.example {stranger}\n"),
            changed("user:2"),
        )
        .on("cert"),
        case("expired", h, 22, trusting(), Unknown).on("expired"),
        case("expired, plain key known", h, 22, format!("{}h.example {ed}\n", trusting()), Trusted).on("expired"),
        case("not yet valid", h, 22, trusting(), Unknown).on("early"),
        case("for every name", h, 22, trusting(), Trusted).on("anyone"),
        case("known by rsa, certificate ignored", h, 22, format!("h.example {}\n", keys.rsa), Trusted).on("cert"),
    ]
}

/// Signs a copy of a host key and returns its path; the certificate lies beside it.
fn certify(folder: &Path, name: &str, key: &Path, authority: &Path, options: &[&str]) -> PathBuf {
    let copy = folder.join(format!("host_{name}"));
    std::fs::copy(key, &copy).unwrap();
    std::fs::copy(key.with_extension("pub"), copy.with_extension("pub")).unwrap();
    let status = std::process::Command::new("ssh-keygen")
        .args(["-q", "-h", "-I", name, "-s"])
        .arg(authority)
        .args(options)
        .arg(copy.with_extension("pub"))
        .status();
    assert!(status.unwrap().success());
    copy
}

struct Bench {
    folder: tempfile::TempDir,
    servers: Vec<(&'static str, Sshd)>,
    keys: Keys,
}

async fn bench() -> Bench {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    for (name, kind) in [
        ("ed", "ed25519"),
        ("rsa", "rsa"),
        ("stranger", "ed25519"),
        ("stranger_rsa", "rsa"),
        ("ca", "ed25519"),
        ("other_ca", "ed25519"),
    ] {
        keygen(&at(name), kind, "");
    }
    let public = |name: &str| public_key(&at(&format!("{name}.pub")));
    let keys = Keys {
        ed: public("ed"),
        rsa: public("rsa"),
        stranger: public("stranger"),
        stranger_rsa: public("stranger_rsa"),
        authority: public("ca"),
        other_authority: public("other_ca"),
    };
    std::fs::write(at("REVOKED"), format!("{}\n", keys.ed)).unwrap();
    let mut servers = Vec::new();
    for (name, files) in [("both", vec![at("ed"), at("rsa")]), ("ed", vec![at("ed")]), ("rsa", vec![at("rsa")])] {
        servers.push((name, Sshd::with(Setup { host_key_files: files, ..Setup::default() }).await));
    }
    for (name, signing) in [
        ("cert", &["-n", "h.example,alias.example"][..]),
        ("expired", &["-n", "h.example", "-V", "20200101:20200201"][..]),
        ("early", &["-n", "h.example", "-V", "20700101:20700201"][..]),
        ("anyone", &[][..]),
    ] {
        let key = certify(folder.path(), name, &at("ed"), &at("ca"), signing);
        let lines = vec![format!("HostCertificate {}-cert.pub", key.display())];
        let setup = Setup { host_key_files: vec![key, at("rsa")], lines, ..Setup::default() };
        servers.push((name, Sshd::with(setup).await));
    }
    Bench { folder, servers, keys }
}

impl Bench {
    /// Writes the files of a case and returns the SSH configuration that both sides read.
    fn lay_out(&self, case: &Case, number: usize) -> PathBuf {
        let folder = self.folder.path().join(format!("case{number}"));
        std::fs::create_dir(&folder).unwrap();
        let at = |name: &str| folder.join(name);
        std::fs::write(at("user"), &case.user).unwrap();
        std::fs::write(at("global"), &case.global).unwrap();
        let (_, server) = self.servers.iter().find(|(name, _)| *name == case.server).unwrap();
        // Any name and port lead to the server, so that what is looked up is free.
        let text = format!(
            "Host *\n {}\n ProxyCommand bash -c 'exec 2>/dev/null 3<>/dev/tcp/127.0.0.1/{}; cat <&3 & trap \"kill $!\" EXIT HUP TERM; cat >&3'\n \
             UserKnownHostsFile {}\n GlobalKnownHostsFile {}\n IdentityFile {}\n IdentitiesOnly yes\n IdentityAgent none\n \
             StrictHostKeyChecking yes\n UpdateHostKeys no\n BatchMode yes\n User {}\n",
            case.extra.replace("REVOKED", &self.folder.path().join("REVOKED").display().to_string()),
            server.port,
            at("user").display(),
            at("global").display(),
            server.identity().display(),
            login(),
        );
        std::fs::write(at("config"), text).unwrap();
        at("config")
    }

    async fn by_openssh(&self, case: &Case, config: &Path) -> Decision {
        let mut command = tokio::process::Command::new("ssh");
        command.arg("-F").arg(config).args(["-p", &case.port.to_string(), case.name, "true"]).stdin(Stdio::null());
        let output = command.output().await.unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        if output.status.success() {
            Trusted
        } else if said.contains("REVOKED HOST KEY DETECTED") {
            Revoked
        } else if said.contains("revoked by file") {
            Decision::Other("revoked by list".into())
        } else if said.contains("IDENTIFICATION HAS CHANGED") {
            let line = said.lines().find_map(|line| line.strip_prefix("Offending ")).unwrap_or_default();
            changed(last_part(line.split_once(" key in ").map_or("", |(_, place)| place)))
        } else if said.contains("host key is known for") {
            Unknown
        } else {
            Decision::Other(said)
        }
    }

    async fn by_us(&self, case: &Case, config: PathBuf) -> Decision {
        let mut machine = host("h", case.name, Some(case.port), None);
        machine.user = None;
        let options = PoolOptions { known_hosts: None, ssh_config: Some(config), ..options(Vec::new()) };
        let pool = pool(vec![machine], options);
        let Err(error) = pool.run(&"h".into(), Lane::Control, Script::new("true")).await else { return Trusted };
        let what = error.what.clone();
        if error.fault != LinkFault::HostKey {
            Decision::Other(format!("{error:?}"))
        } else if what.contains("is revoked by") && what.contains("REVOKED") {
            Decision::Other("revoked by list".into())
        } else if what.contains("is revoked by") {
            Revoked
        } else if what.contains("has changed") {
            let place = what.rsplit_once("}, ").map_or(what.as_str(), |(_, place)| place);
            let place = place.split(" has another").next().unwrap_or_default();
            changed(last_part(place))
        } else if what.contains("is unknown") {
            Unknown
        } else {
            Decision::Other(what)
        }
    }
}

fn last_part(place: &str) -> &str {
    place.trim().rsplit('/').next().unwrap_or_default()
}

#[tokio::test]
async fn every_host_key_is_decided_as_openssh_decides_it() {
    let bench = bench().await;
    let mut cases = plain_cases(&bench.keys);
    cases.extend(certificate_cases(&bench.keys));
    let mut wrong = 0;
    println!("{:<42} {:<16} {:<16}", "case", "ssh", "qd");
    let decide = async |(number, case): (usize, &Case)| {
        let config = bench.lay_out(case, number);
        (bench.by_openssh(case, &config).await, bench.by_us(case, config).await)
    };
    let decided: Vec<_> = stream::iter(cases.iter().enumerate()).map(decide).buffered(4).collect().await;
    for (case, (theirs, ours)) in cases.iter().zip(decided) {
        let mark = if theirs == ours && ours == case.want { "" } else { "  <-- expected otherwise" };
        wrong += usize::from(!mark.is_empty());
        println!("{:<42} {:<16} {:<16}{mark}", case.what, format!("{theirs:?}"), format!("{ours:?}"));
    }
    assert_eq!(wrong, 0, "of {} cases", cases.len());
}

#[tokio::test]
async fn a_file_that_cannot_be_read_is_an_error_and_no_unknown_host() {
    let sshd = Sshd::start().await;
    let folder = tempfile::tempdir().unwrap();
    let machine = host("h", "127.0.0.1", Some(sshd.port), Some(sshd.identity()));
    let pool = pool(vec![machine], options(vec![folder.path().to_owned(), sshd.known_hosts(sshd.port)]));
    let error = pool.run(&"h".into(), Lane::Control, Script::new("true")).await.unwrap_err();
    assert_eq!((error.fault, error.question), (LinkFault::HostKey, None));
    assert!(error.what.contains("cannot read"), "{}", error.what);
}

#[tokio::test]
async fn a_setting_that_lets_unknown_keys_pass_is_asked_about_all_the_same() {
    let sshd = Sshd::start().await;
    let known = sshd.path("kh");
    for (policy, asked, let_in) in
        [("no", true, false), ("ask", true, false), ("yes", false, false), ("accept-new", false, true)]
    {
        let config = sshd.path("config");
        std::fs::write(&config, format!("StrictHostKeyChecking {policy}\nUserKnownHostsFile {}\n", known.display()))
            .unwrap();
        let machine = host("h", "127.0.0.1", Some(sshd.port), Some(sshd.identity()));
        let options = PoolOptions { known_hosts: None, ssh_config: Some(config), ..options(Vec::new()) };
        let pool = pool(vec![machine], options);
        let result = pool.run(&"h".into(), Lane::Control, Script::new("true")).await;
        assert_eq!(result.is_ok(), let_in, "{policy}: {result:?}");
        assert_eq!(result.is_err_and(|error| error.question.is_some()), asked, "{policy}");
    }
    assert_eq!(std::fs::read_to_string(known).unwrap().lines().count(), 1);
}
