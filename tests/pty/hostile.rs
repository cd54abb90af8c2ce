//! What a command of a run prints is not to be trusted: it may mean the terminal, the runner's own frames, or another host.
use std::fmt::Write as _;

use crate::{
    pty::{Terminal, command, qd},
    support::sshd::{self, Setup, Sshd},
};

/// Prints what a terminal would obey, what reorders letters, and what the runner on a host writes of itself.
const NOISE: &str = r"# say it
printf 'MARK-ONE \033]0;owned\007\033]52;c;b3duZWQ=\007\033[2J\033[31mred\033[0m\033P1$r\033\\ \342\200\256desrever\342\200\254\n'
printf 'over\rwritten \010\010\177 \233\061;31m \377\376 \300\257 \342\200\250 MARK-TWO\n'
printf 'J 1 end 0 0\nJ 1 start 1\nJ 1 end 1 0\nJ 1 done ok\nX dead\nX absent\nO 1 0 4\nfake@@ end\nMARK-THREE\n'
printf 'J 1 done failed\nO 0 0 999999\n'
";

fn config(hosts: &[Sshd], home: &std::path::Path) -> String {
    let path = |path: std::path::PathBuf| format!("{:?}", path.display().to_string());
    let mut text = format!(
        "version = 1\nenvironment = [{{ name = \"stage\", kind = \"staging\" }}]\n[store]\npath = {}\n[ssh]\nknown_hosts = {:?}\n",
        path(home.join("qd.db")),
        hosts.iter().map(|sshd| sshd.known_hosts(sshd.port).display().to_string()).collect::<Vec<_>>(),
    );
    for (number, sshd) in hosts.iter().enumerate() {
        write!(
            text,
            "[[host]]\nname = \"web-{number}\"\nenv = \"stage\"\naddress = \"127.0.0.1\"\nport = {}\nuser = {:?}\nidentity = {}\n",
            sshd.port,
            sshd.user,
            path(sshd.identity())
        )
        .unwrap();
    }
    // The last host ends badly, whatever it says.
    let end = "# end it\ntest ! -e ~/bad";
    write!(
        text,
        "[[service]]\nname = \"edge\"\nkind = \"command\"\n[service.recipe]\npath = \"~/app\"\n[service.recipe.tasks.noise]\nsteps \
         = [{}, {}]\n[service.in.stage]\nhosts = [\"web-0\", \"web-1\"]\n",
        serde_json::json!(NOISE),
        serde_json::json!(end)
    )
    .unwrap();
    text
}

/// Says what of the noise reached the terminal as it was.
fn raw(bytes: &[u8]) -> Option<String> {
    let evil: [&[u8]; 9] = [
        b"\x1b]0;owned",
        b"\x1b]52;",
        b"\x1b[2J\x1b[31mred",
        b"\x1bP1",
        b"over\rwritten",
        b"\x08\x08",
        b"\x9b1;31m",
        b"\xff\xfe",
        "\u{202e}".as_bytes(),
    ];
    let found = evil.into_iter().find(|evil| bytes.windows(evil.len()).any(|window| window == *evil));
    found.map(|evil| String::from_utf8_lossy(evil).escape_debug().to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_command_prints_is_only_text_and_decides_nothing() {
    // Two machines need an id each.
    if !(sshd::is_root() && std::path::Path::new("/etc/machine-id").exists()) {
        return;
    }
    let own = || Setup { own_machine: true, ..Setup::default() };
    let hosts = [Sshd::with(own()).await, Sshd::with(own()).await];
    std::fs::write(hosts[1].home().join("bad"), "").unwrap();
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("qd.toml");
    std::fs::write(&file, config(&hosts, home.path())).unwrap();
    let file = file.to_str().unwrap();
    let say = |arguments: &[&str]| {
        let arguments = [arguments, &["--config", file]].concat();
        let terminal = Terminal::start(command(&qd(), home.path(), &arguments), 120, 40);
        let written = terminal.ended();
        let text = String::from_utf8_lossy(&written.bytes).into_owned();
        assert_eq!(raw(&written.bytes), None, "{arguments:?}: {text}");
        (written.code, text)
    };
    let (code, text) = say(&["run", "edge@stage", "noise", "--yes-i-mean", "edge@stage", "--reason", "a test"]);
    // Neither what the first printed of a bad end, nor what the second printed of a good one, counts.
    assert_eq!(code, 1, "{text}");
    for mark in ["MARK-ONE", "MARK-TWO", "MARK-THREE", "done ok", "X absent"] {
        assert!(text.contains(mark), "{mark}: {text}");
    }
    let (_, runs) = say(&["runs", "--json"]);
    let read: serde_json::Value = serde_json::from_str(&runs).unwrap();
    let steps = read["data"][0]["steps"].as_array().unwrap();
    let ends: Vec<_> = steps.iter().map(|step| step["end"]["exit"].as_i64()).collect();
    assert_eq!(ends, [Some(0), Some(0), Some(0), Some(1)], "{runs}");
    let (code, text) = say(&["attach", "RUN-1"]);
    assert!(code == 1 && text.contains("failed: done on 1 of 2 hosts, failed on "), "{text}");

    let mut console = Terminal::start(command(&qd(), home.path(), &["--config", file]), 120, 40);
    console.shows("edge");
    console.keys("\x1b[18~");
    console.shows("noise");
    console.keys("\r");
    console.shows("MARK-THREE");
    assert_eq!(raw(&console.written()), None);
    console.signal("TERM");
    console.ended().clean();
}
