//! `qd logs` as a person runs it: real files, real pipes.
use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use serde_json::Value;
use tempfile::TempDir;

/// A folder with logs, and what runs the command in it.
struct Desk(TempDir);

impl Desk {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn file(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_qd"));
        command.arg("logs").args(args).current_dir(self.0.path()).env_clear();
        command.env("HOME", self.0.path()).env("TZ", "UTC").stdin(Stdio::null());
        command
    }

    fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// Runs it where all goes well; returns what it printed.
    fn prints(&self, args: &[&str]) -> String {
        let output = self.run(args);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!((output.status.code(), said.as_str()), (Some(0), ""), "{args:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn json(&self, args: &[&str]) -> Vec<Value> {
        self.prints(args).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

fn access() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/logs/web/access.log")
}

/// A line as nginx writes it.
fn line(second: u32, path: &str, status: u16) -> String {
    format!(
        "203.0.113.9 - - [21/Nov/2026:03:12:{second:02} +0000] \"GET {path} HTTP/1.1\" {status} 17 \"-\" \"curl/8\"\n"
    )
}

#[test]
fn a_file_is_filtered_counted_and_made_a_table_of() {
    let desk = Desk::new();
    let text = [line(1, "/a", 200), line(2, "/b", 502), line(3, "/health", 503), line(4, "/b", 504)].concat();
    desk.file("access.log", &text);
    let expected = [line(2, "/b", 502), line(4, "/b", 504)].concat();
    assert_eq!(desk.prints(&["access.log", "-q", "status>=500 -path:/health"]), expected);
    assert_eq!(desk.prints(&["access.log", "-q", "-path:/health", "-c"]), "3\n");
    assert_eq!(
        desk.prints(&["access.log", "--since", "2026-11-21T03:12:02Z", "--until", "2026-11-21T03:12:04Z", "-c"]),
        "2\n"
    );
    let top = desk.prints(&["access.log", "-q", "| top 1 path"]);
    assert_eq!(top, "COUNT  SHARE  PATH\n2      50.0%  /b\n");
    let none = desk.run(&["access.log", "-q", "| p95 queue"]);
    assert_eq!(none.status.code(), Some(0));
    assert!(String::from_utf8_lossy(&none.stderr).contains("none of 4 records has a `queue`"));
    let by = &desk.json(&["access.log", "-q", "status:5xx | count by path, status", "--json"])[0];
    assert_eq!(by["schema"], "qd.logs.stage/1");
    assert_eq!(by["data"][0], serde_json::json!({ "by": { "path": "/b", "status": "502" }, "count": 1 }));
    let count = &desk.json(&["access.log", "-q", "status:5xx", "-c", "--json"])[0];
    assert_eq!(count["data"], serde_json::json!({ "count": 3, "records": 4 }));
}

#[test]
fn what_matches_is_what_other_programs_find() {
    let desk = Desk::new();
    let file = access().display().to_string();
    let text = std::fs::read_to_string(access()).unwrap();
    for (filter, keeps) in [
        ("googlebot", (|line: &str| line.to_lowercase().contains("googlebot")) as fn(&str) -> bool),
        ("\"Googlebot\" -'\" 200 '", |line| line.contains("Googlebot") && !line.contains("\" 200 ")),
        ("status>=400", |line| line.split("\" ").nth(1).is_some_and(|rest| rest.starts_with(['4', '5']))),
    ] {
        let wanted: Vec<&str> = text.lines().filter(|line| keeps(line)).collect();
        let got = desk.prints(&[&file, "--raw", "-q", filter]);
        assert!(got.lines().eq(wanted.iter().copied()), "{filter}: {} and {}", got.lines().count(), wanted.len());
    }
}

#[test]
fn files_are_merged_by_time_and_packed_ones_are_read() {
    let desk = Desk::new();
    desk.file("one.log", [line(1, "/1", 200), line(5, "/5", 200)].concat());
    desk.file("two.log", [line(2, "/2", 200), line(3, "/3", 200), line(9, "/9", 200)].concat());
    assert!(Command::new("gzip").arg(desk.0.path().join("two.log")).status().unwrap().success());
    let merged = desk.prints(&["two.log.gz", "one.log"]);
    let order: Vec<&str> = merged.lines().map(|line| line.split(' ').nth(6).unwrap()).collect();
    assert_eq!(order, ["/1", "/2", "/3", "/5", "/9"]);
    let json = desk.json(&["two.log.gz", "one.log", "--json"]);
    assert_eq!((json[0]["source"].as_str(), json[0]["at"].as_str()), (Some("one.log"), Some("2026-11-21T03:12:01Z")));
    assert_eq!(json[4]["fields"]["path"], "/9");
}

#[test]
fn a_record_of_many_lines_is_one() {
    let desk = Desk::new();
    let trace = "Traceback (most recent call last):\n  File \"a.py\", line 1, in <module>\nValueError: pool\n";
    let text = format!("2026-11-21 03:12:01,000 ERROR app: failed\n{trace}2026-11-21 03:12:02,000 INFO app: fine\n");
    desk.file("app.log", &text);
    let got = desk.prints(&["app.log", "--format", "python", "-q", "valueerror"]);
    assert_eq!(got, format!("2026-11-21 03:12:01,000 ERROR app: failed\n{trace}"));
    assert_eq!(desk.prints(&["app.log", "--format", "python", "-q", "level:error", "-c"]), "1\n");
}

#[test]
fn no_byte_is_lost_on_export() {
    let desk = Desk::new();
    let hostile: &[u8] = b"\xff\xfe nul\0 \x1b[31mred\r bidi \xe2\x80\xae x\nshort\nlast without an end";
    desk.file("raw.log", hostile);
    let output = desk.run(&["raw.log"]);
    assert_eq!(output.stdout, [hostile, b"\n"].concat());
    let json = desk.json(&["raw.log", "--json"]);
    assert_eq!(json[0]["line_base64"], "//4gbnVsACAbWzMxbXJlZA0gYmlkaSDigK4geA==");
    assert_eq!(json[1].get("line_base64"), None);
    assert_eq!(json[2]["line"], "last without an end");
    let long = format!("{}\nend\n", "x".repeat(3 << 20));
    desk.file("long.log", &long);
    assert_eq!(desk.prints(&["long.log"]), long);
}

#[test]
fn secrets_are_hidden_unless_they_are_asked_for() {
    let desk = Desk::new();
    let text = "2026-11-21T03:12:01Z INFO login ana@example.com password=hunter2-5512\n";
    desk.file("app.log", text);
    let shown = desk.prints(&["app.log"]);
    assert!(shown.contains("[redacted:") && !shown.contains("hunter2") && !shown.contains("ana@"), "{shown}");
    let json = desk.prints(&["app.log", "--json"]);
    assert!(json.contains("\"redacted\":true") && !json.contains("hunter2"), "{json}");
    let patterns = desk.prints(&["app.log", "--patterns"]);
    assert!(!patterns.contains("hunter2"), "{patterns}");
    assert_eq!(desk.prints(&["app.log", "--raw"]), text);
}

#[test]
fn a_wrong_filter_is_pointed_at() {
    let desk = Desk::new();
    desk.file("a.log", "x\n");
    let output = desk.run(&["a.log", "-q", "a level:errror"]);
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8(output.stderr).unwrap();
    let expected =
        "the filter is wrong, column 9: this is no level\n  a level:errror\n          ^^^^^^\n  did you mean error? ";
    assert!(said.starts_with(expected), "{said}");
    for (args, says) in [
        (&["a.log", "--since", "yesterday"][..], "--since -10m"),
        (&["a.log", "--since", "-5m", "-q", "since:-6m"], "say the same"),
        (&["a.log", "--format", "ngnix-combined"], "did you mean `nginx-combined`?"),
        (&["a.log", "-c", "-q", "| count"], "leave out --count"),
        (&["a.log", "--lines"], "--patterns"),
        (&["a.log", "-q", "since:@deploy"], "@deploy"),
    ] {
        let output = desk.run(args);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(says), "{said}");
    }
}

#[test]
fn what_cannot_be_read_is_said_and_the_rest_is_read() {
    let desk = Desk::new();
    desk.file("a.log", "one\n");
    desk.file("broken.gz", b"\x1f\x8bno gzip at all");
    let output = desk.run(&["gone.log", "a.log", "broken.gz"]);
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(4), &b"one\n"[..]));
    let said = String::from_utf8(output.stderr).unwrap();
    for name in ["gone.log: No such file", "broken.gz: "] {
        assert!(said.contains(name), "{said}");
    }
}

#[test]
fn the_logs_of_a_directory_are_read_as_one_and_what_is_left_out_is_said() {
    let desk = Desk::new();
    std::fs::create_dir_all(desk.0.path().join("var/journal")).unwrap();
    desk.file("var/app.log", "2026-11-21T03:12:01Z ERROR one\n2026-11-21T03:12:03Z INFO three\n");
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(b"2026-11-21T03:12:00Z ERROR none\n2026-11-21T03:12:02Z ERROR two\n").unwrap();
    desk.file("var/app.log.1.gz", packed.finish().unwrap());
    desk.file("var/.hidden", "2026-11-21T03:12:02Z ERROR hidden\n");
    desk.file("var/wtmp", [0; 384]);
    let output = desk.run(&["var", "-q", "level>=error"]);
    let lines = "2026-11-21T03:12:00Z ERROR none\n2026-11-21T03:12:01Z ERROR one\n2026-11-21T03:12:02Z ERROR two\n";
    assert_eq!((output.status.code(), String::from_utf8(output.stdout).unwrap().as_str()), (Some(0), lines));
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(said, "qd: var: 2 files read; left out: 1 directory, 1 hidden, 1 not text\n");
    // In one that holds no log there is nothing to answer with.
    let output = desk.run(&["var/journal", "--count"]);
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(4), &b""[..]));
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "qd: var/journal: 0 files read\n");
}

#[test]
fn standard_input_is_shown_as_it_comes() {
    let desk = Desk::new();
    let mut child =
        desk.command(&["-", "-q", "level>=warn"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    // Detection looks at what comes first.
    input.write_all(b"2026-11-21T03:12:01Z ERROR one\n2026-11-21T03:12:02Z INFO two\n").unwrap();
    let mut line = String::new();
    output.read_line(&mut line).unwrap();
    assert_eq!(line, "2026-11-21T03:12:01Z ERROR one\n", "while the other end is open");
    input.write_all(b"2026-11-21T03:12:03Z WARN three").unwrap();
    drop(input);
    let mut rest = String::new();
    output.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "2026-11-21T03:12:03Z WARN three\n");
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_reader_that_goes_away_ends_it_quietly() {
    let desk = Desk::new();
    desk.file("big.log", "2026-11-21T03:12:01Z INFO a line of some length that fills pipes\n".repeat(100_000));
    let mut child = desk.command(&["big.log"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut first = [0; 10];
    child.stdout.take().unwrap().read_exact(&mut first).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), String::from_utf8(output.stderr).unwrap().as_str()), (Some(0), ""));
}

#[test]
fn patterns_are_one_object_each() {
    let desk = Desk::new();
    let mut text = String::new();
    for number in 0..20 {
        text.push_str(&format!("2026-11-21T03:12:{number:02}Z ERROR pool timeout after {number} ms\n"));
        if number % 5 == 0 {
            text.push_str(&format!("2026-11-21T03:12:{number:02}Z INFO cache warm\n"));
        }
    }
    desk.file("app.log", &text);
    let all = desk.json(&["app.log", "--patterns", "--json", "--lines"]);
    assert_eq!(all.len(), 2, "{all:?}");
    assert_eq!((all[0]["count"].as_u64(), all[0]["level"].as_str()), (Some(20), Some("error")));
    assert!(all[0]["template"].as_str().unwrap().contains("pool timeout after"), "{}", all[0]);
    assert_eq!(all[0]["first"], "2026-11-21T03:12:00Z");
    assert_eq!(all[0]["last"], "2026-11-21T03:12:19Z");
    assert_eq!(all[1]["lines"], serde_json::json!([2, 8, 14, 20]));
    assert_eq!(all[0]["id"].as_str().map(str::len), Some(16));
    assert!(desk.json(&["app.log", "--patterns", "--json"])[0].get("lines").is_none());
    assert!(desk.prints(&["app.log", "--patterns", "-q", "level:error"]).starts_with("COUNT  LEVEL  FIRST"));
}

#[test]
fn a_file_that_is_followed_is_shown_as_it_grows() {
    let desk = Desk::new();
    let path = desk.file("app.log", "2026-11-21T03:12:01Z ERROR one\n2026-11-21T03:12:02Z INFO two\n");
    let mut child =
        desk.command(&["app.log", "--follow", "-q", "level>=error"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    output.read_line(&mut line).unwrap();
    assert_eq!(line, "2026-11-21T03:12:01Z ERROR one\n");
    let mut file = std::fs::OpenOptions::new().append(true).open(&path).unwrap();
    file.write_all(b"2026-11-21T03:12:03Z INFO three\n2026-11-21T03:12:04Z ERROR four\n").unwrap();
    line.clear();
    output.read_line(&mut line).unwrap();
    assert_eq!(line, "2026-11-21T03:12:04Z ERROR four\n");
    // Rotated: the new file is followed too.
    std::fs::rename(&path, desk.0.path().join("app.log.1")).unwrap();
    std::fs::write(&path, "2026-11-21T03:12:05Z ERROR five\n").unwrap();
    line.clear();
    output.read_line(&mut line).unwrap();
    assert_eq!(line, "2026-11-21T03:12:05Z ERROR five\n");
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn the_configured_sources_are_read_where_no_file_is_named() {
    let desk = Desk::new();
    desk.file("web.log", [line(1, "/a", 200), line(4, "/b", 502)].concat());
    desk.file("app.log", "2026-11-21T03:12:02Z ERROR pool\n2026-11-21T03:12:03Z INFO fine\n");
    let here = desk.0.path().display();
    let config = desk.file(
        "qd.toml",
        format!(
            "version = 1\nclient = \"acme\"\nenvironment = [{{ name = \"prod\", kind = \"production\" }}]\n\
             service = [{{ name = \"play\", in = {{ prod = {{ }} }} }}]\n\
             log = [\n  {{ name = \"web\", type = \"file\", service = \"play@prod\", path = \"{here}/web.log\", format = \"nginx-combined\" }},\n  \
             {{ name = \"app\", type = \"file\", env = \"prod\", path = \"{here}/app.log\" }},\n]\n"
        ),
    );
    let config = config.display().to_string();
    let got = desk.json(&["--config", &config, "-q", "level>=error", "--json"]);
    let seen: Vec<(&str, &str)> =
        got.iter().map(|one| (one["source"].as_str().unwrap(), one["at"].as_str().unwrap())).collect();
    assert_eq!(seen, [("app", "2026-11-21T03:12:02Z"), ("web", "2026-11-21T03:12:04Z")]);
    assert_eq!(got[1]["service"], "play");
    assert_eq!(desk.prints(&["--config", &config, "-q", "service:play", "-c"]), "2\n");
    assert_eq!(desk.prints(&["--config", &config, "--since", "2026-11-21T03:12:03Z", "-c"]), "2\n");
    let none = desk.run(&["--config", &config, "--env", "staging"]);
    assert_eq!(none.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&none.stderr).contains("no logs are configured"));
}

#[test]
fn formats_are_listed_shown_and_tried() {
    let desk = Desk::new();
    let run = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_qd"));
        command.arg("formats").args(args).current_dir(desk.0.path()).env_clear().env("HOME", desk.0.path());
        let output = command.stdin(Stdio::null()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap(), said)
    };
    let (code, listed, _) = run(&[]);
    assert_eq!(code, 0);
    assert!(listed.starts_with("NAME") && listed.contains("\nnginx-combined "), "{listed}");
    let (_, text, _) = run(&["show", "nginx-combined"]);
    let file = desk.file("mine.toml", &text);
    let (code, tried, said) = run(&["test", file.to_str().unwrap()]);
    assert_eq!((code, said.as_str()), (0, ""), "{tried}");
    assert!(tried.contains("as they say"), "{tried}");
    desk.file("access.log", [line(1, "/a", 200), line(2, "/b", 502)].concat());
    let (code, read, _) = run(&["test", "access.log", "-n", "1"]);
    assert_eq!(code, 0);
    assert!(read.starts_with("nginx-combined: 2 of 2 records are of it"), "{read}");
    assert!(read.contains("2026-11-21T03:12:01Z") && read.contains(".path") && !read.contains("/b"), "{read}");
    let (code, json, _) = run(&["test", "access.log", "--json"]);
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!((code, json["schema"].as_str()), (0, Some("qd.formats.test/1")));
    assert_eq!(json["data"]["records"][1]["status"], 502);
    desk.file("broken.toml", text.replacen("\nstatus = ", "\nstatus = 1", 1));
    let (code, told, _) = run(&["test", "broken.toml"]);
    assert_eq!(code, 2, "{told}");
    assert!(told.contains("status is "), "{told}");
    assert_eq!(run(&["show", "ngnix-combined"]).0, 2);
    assert_eq!(run(&["test", "gone.log"]).0, 4);
}
