//! Each format is found out from few lines as from many, with foreign ones among them, and stays what it was found to be.
use super::built_in;
use crate::core::logs::format::detect;

/// Lines as a program writes them: `{i}` is a number, `{s}` a second of two digits. They are taken in turn.
struct Case {
    format: &'static str,
    path: Option<&'static str>,
    lines: &'static [&'static str],
}

const fn case(format: &'static str, lines: &'static [&'static str]) -> Case {
    Case { format, path: None, lines }
}

const fn at(format: &'static str, path: &'static str, lines: &'static [&'static str]) -> Case {
    Case { format, path: Some(path), lines }
}

const CASES: &[Case] = &[
    case(
        "alternatives",
        &[
            "update-alternatives 2026-11-21 00:37:{s}: link group csh{i} updated to point to /bin/tcsh",
            "update-alternatives 2026-11-21 00:37:{s}: run with --install /bin/csh csh /bin/tcsh {i}",
        ],
    ),
    case(
        "apt-history",
        &[
            "Start-Date: 2026-11-21  08:02:{s}\nCommandline: apt-get install -y nginx\nInstall: nginx:amd64 (1.22.{i})\nEnd-Date: 2026-11-21  08:03:51\n",
        ],
    ),
    case(
        "dpkg",
        &[
            "2026-11-21 08:02:{s} status half-configured dbus:amd64 1.14.{i}",
            "2026-11-21 08:02:{s} startup archives unpack",
        ],
    ),
    at(
        "apache-combined",
        "/var/log/apache2/access.log",
        &[r#"10.0.0.{i} - - [20/Nov/2026:19:41:{s} +0000] "GET /a/{i} HTTP/1.1" 200 1{i} "-" "curl/8 \"x\"""#],
    ),
    case("apache-common", &[r#"10.0.0.{i} - frank [20/Nov/2026:19:41:{s} +0000] "GET /a/{i} HTTP/1.1" 200 1{i}"#]),
    case(
        "apache-error",
        &[
            "[Fri Nov 20 19:43:{s}.580554 2026] [proxy:error] [pid {i}:tid 7] (111)Connection refused: AH00957: HTTP: attempt to connect failed",
            "[Fri Nov 20 19:43:{s}.580554 2026] [mpm_event:notice] [pid {i}:tid 7] AH00489: Apache/2.4.71 (Debian) configured",
        ],
    ),
    case(
        "apache-vhost",
        &[r#"shop.example:80 10.0.0.{i} - - [20/Nov/2026:19:43:{s} +0000] "GET /b/{i} HTTP/1.1" 200 138 "-" "curl/8""#],
    ),
    case(
        "bunyan",
        &[
            r#"{"name":"myapp","hostname":"web-01","pid":34,"level":30,"msg":"au revoir {i}","time":"2026-11-20T19:42:{s}.125Z","v":0}"#,
        ],
    ),
    case(
        "celery",
        &[
            "[2026-11-20 19:41:{s},881: INFO/MainProcess] Task shop.charge[{i}] received",
            "[2026-11-20 19:41:{s},881: ERROR/ForkPoolWorker-1] Task shop.charge[{i}] raised unexpected: ValueError('x')\nTraceback (most recent call last):\n  File \"app.py\", line 3, in charge\nValueError: x",
        ],
    ),
    case("docker-json", &[r#"{"log":"line {i}\n","stream":"stdout","time":"2026-11-20T19:41:{s}.881123456Z"}"#]),
    case(
        "java",
        &[
            "2026-11-20 19:41:{s},881 [main] INFO  c.a.shop.Main - started {i}",
            "2026-11-20 19:41:{s},881 [http-exec-1] ERROR c.a.shop.Pay - charge {i} failed\njava.lang.IllegalStateException: no card\n\tat c.a.shop.Pay.charge(Pay.java:42)\nCaused by: java.io.IOException: closed\n\tat c.a.shop.Io.read(Io.java:7)",
        ],
    ),
    case("java", &["2026-11-20T19:41:{s}.881+01:00  WARN 4711 --- [shop] [  main] o.s.b.TomcatWebServer  : port {i}"]),
    case("java", &["2026-11-20 19:41:{s},881 INFO  org.apache.zookeeper.Server: session {i}"]),
    case(
        "journald",
        &[
            r#"{"__CURSOR":"s=1;i={i}","__REALTIME_TIMESTAMP":"17636670604{s}001","PRIORITY":"4","MESSAGE":"GET /v1 {i}","_PID":"587","_SYSTEMD_UNIT":"api.service"}"#,
        ],
    ),
    case("json", &[r#"{"ts":"2026-11-20T19:42:{s}.5Z","what":"request {i}"}"#]),
    case(
        "klog",
        &[
            "I1120 19:41:{s}.123456       1 controller.go:138] synced {i}",
            "E1120 19:41:{s}.123456    1234 reflector.go:138] \"Failed to watch\" err=\"context canceled\"",
        ],
    ),
    case(
        "laravel",
        &[
            "[2026-11-20 19:41:{s}] production.INFO: invoice {i} sent {\"partner\":\"claro\"} ",
            "[2026-11-20 19:41:{s}] production.ERROR: SQLSTATE[HY000] {\"exception\":\"[object] (PDOException(code: 2002)\n[stacktrace]\n#0 /srv/app/Invoices.php({i}): PDO->__construct()\n#1 {main}\n\"} ",
        ],
    ),
    case("logfmt", &["ts=2026-11-20T19:42:{s}.125Z caller=main.go:12 level=info msg=\"done {i}\" dur=1.5s"]),
    case("loguru", &["2026-11-21 03:00:{s}.123 | INFO     | shop.pay:charge:{i} - accepted"]),
    case(
        "mongodb",
        &[
            r#"{"t":{"$date":"2026-11-20T19:41:{s}.881+00:00"},"s":"I","c":"NETWORK","id":51803,"ctx":"conn{i}","msg":"Connection ended"}"#,
        ],
    ),
    case(
        "mysql-error",
        &[
            "2026-11-20T19:41:{s}.123456Z {i} [Note] [MY-010116] [Server] ready",
            "2026-11-20 19:41:{s} {i} [ERROR] InnoDB: Unable to lock ./ibdata1 error: 11",
        ],
    ),
    case(
        "mysql-slow",
        &[
            "# Time: 2026-11-20T19:41:{s}.881123Z\n# User@Host: root[root] @ localhost []  Id:     8\n# Query_time: 2.000123  Lock_time: 0.000000 Rows_sent: 1  Rows_examined: {i}\nSET timestamp=17952036{s};\nSELECT SLEEP(2)\n  FROM dual;",
        ],
    ),
    case(
        "mysql-slow",
        &[
            "# Time: 261121  3:00:{s}\n# User@Host: shop[shop] @ app-01 [10.0.0.7]\n# Thread_id: {i}  Schema: shop  QC_hit: No\n# Query_time: 2.000123  Lock_time: 0.000041  Rows_sent: 1  Rows_examined: 6\n# Rows_affected: 0  Bytes_sent: 61\nSET timestamp=17952300{s};\nSELECT 1;",
            "# User@Host: shop[shop] @ app-01 [10.0.0.7]\n# Thread_id: {i}  Schema: shop  QC_hit: No\n# Query_time: 2.000123  Lock_time: 0.000041  Rows_sent: 1  Rows_examined: 6\n# Rows_affected: 0  Bytes_sent: 61\nSET timestamp=17952300{s};\nSELECT 2;",
        ],
    ),
    case(
        "nginx-combined",
        &[r#"10.0.0.{i} - - [20/Nov/2026:19:41:{s} +0000] "GET /a/{i} HTTP/1.1" 200 1{i} "-" "curl/8""#],
    ),
    case(
        "nginx-error",
        &[
            "2026/11/20 19:42:{s} [notice] 7#7: signal 1 (SIGHUP) received, reconfiguring",
            r#"2026/11/20 19:42:{s} [error] 7#7: *{i} connect() failed (111: Connection refused), client: 10.0.0.7, server: x, request: "GET / HTTP/1.1", host: "x""#,
        ],
    ),
    case(
        "nginx-json",
        &[
            r#"{"time":"2026-11-20T19:42:{s}+00:00","remote":"127.0.0.1","method":"GET","uri":"/play/{i}","status":200,"bytes":167,"rt":2.005,"ua":"curl"}"#,
        ],
    ),
    case(
        "nginx-timed",
        &[
            r#"10.0.0.1 - - [20/Nov/2026:19:42:{s} +0000] "GET /m/{i} HTTP/1.1" 200 17 "-" "curl/8" rt=0.001 uct="0.001" urt="0.001" us="200""#,
        ],
    ),
    case(
        "openresty",
        &[
            r#"2026/11/20 19:42:{s} [error] 7#7: *{i} [lua] access.lua:31: check(): refused, client: 10.0.0.7, server: x, request: "GET / HTTP/1.1", host: "x""#,
            "2026/11/20 19:42:{s} [error] 7#7: *{i} lua entry thread aborted: runtime error: access.lua:31: boom\nstack traceback:\ncoroutine 0:\n\t[C]: in function 'error', client: 10.0.0.7, server: x",
        ],
    ),
    case(
        "pino",
        &[
            r#"{"level":30,"time":17952037291{s},"pid":17,"hostname":"web-01","req":{"id":{i}},"res":{"statusCode":200},"responseTime":12,"msg":"request completed"}"#,
        ],
    ),
    case("plain", &["2026-11-21T03:00:{s}Z INFO seq={i}"]),
    case(
        "plain",
        &["2026-11-21T03:00:{s}Z INFO sequence {i} is done", "2026-11-21T03:00:{s}Z WARN sequence {i} is late"],
    ),
    case("plain", &["2026-11-21 03:00:{s} INFO started the worker {i}"]),
    case("plain", &["the quick brown fox jumps over {i} lazy dogs"]),
    case("plain", &["ERROR: cannot open {i}", "INFO: next"]),
    case(
        "pm2-json",
        &[
            r#"{"message":"line {i}\n","timestamp":"2026-11-20T19:41:{s}.444Z","type":"out","process_id":5,"app_name":"api"}"#,
        ],
    ),
    at(
        "pm2-plain",
        "/home/app/.pm2/logs/api-out.log",
        &["started {i}", "TypeError: no id\n    at boom (/srv/app.js:6:{i})"],
    ),
    case(
        "pm2-time",
        &[
            "2026-11-20T19:41:{s}: heartbeat {i}",
            "2026-11-20T19:41:{s}: TypeError: x\n2026-11-20T19:41:{s}:     at boom (/srv/app.js:6:49)",
        ],
    ),
    case(
        "postgres",
        &[
            "2026-11-20 19:41:{s}.881 UTC [{i}] app@shop LOG:  duration: 15.250 ms  statement: SELECT 1",
            "2026-11-20 19:41:{s}.881 UTC [{i}] app@shop ERROR:  duplicate key\n2026-11-20 19:41:{s}.881 UTC [{i}] app@shop STATEMENT:  INSERT INTO orders\n\tVALUES (42)",
        ],
    ),
    case("python", &["2026-11-21 03:00:{s},123 INFO app.module: text {i}"]),
    case(
        "python",
        &[
            "2026-11-21 03:00:{s},123 INFO app.module: text {i}",
            "2026-11-21 03:00:{s},123 ERROR app.db: failed {i}\nTraceback (most recent call last):\n  File \"/srv/app.py\", line 3, in charge\nValueError: x",
        ],
    ),
    case("python", &["2026-11-20 19:41:{s},881 - shop.pay - WARNING - charge {i}"]),
    case("python", &["2026-11-20 19:41:{s} - shop.pay - INFO - charge {i}"]),
    case("python", &["2026-11-20 19:41:{s},881 INFO done with {i}"]),
    case("python", &["2026-11-20 19:41:{s},881 [MainThread] INFO shop: done with {i}"]),
    case("python", &["[2026-11-20 19:41:{s} +0100] [{i}] [INFO] Booting worker"]),
    case("python-basic", &["INFO:root:text {i}"]),
    case(
        "python-basic",
        &[
            "WARNING:root:no disk {i}",
            "INFO:app.module:text",
            "ERROR:app:x\nTraceback (most recent call last):\n  File \"a.py\", line {i}\nOSError: x",
        ],
    ),
    case("python-basic", &["INFO:     127.0.0.1:53{i} - \"GET / HTTP/1.1\" 200 OK"]),
    case("redis", &["1234:M 20 Nov 2026 19:41:{s}.881 * {i} changes in 60 seconds. Saving..."]),
    case("syslog", &["Nov 20 19:41:{s} web-01 sshd[42{i}]: Failed password for root from 10.0.0.7 port 4711 ssh2"]),
    case("syslog", &["2026-11-20T19:41:{s}.123456+01:00 web-01 systemd[1]: Started Session {i} of User root."]),
    case("syslog-5424", &["<11>1 2026-11-20T19:41:{s}Z web-01 su {i} - - 'su root' failed"]),
    case(
        "winston",
        &[
            r#"{"level":"error","message":"payment {i} refused","service":"billing","timestamp":"2026-11-20T19:42:{s}.125Z"}"#,
        ],
    ),
];

impl Case {
    fn line(&self, number: usize) -> String {
        let second = format!("{:02}", number % 60);
        self.lines[number % self.lines.len()].replace("{i}", &(number + 1).to_string()).replace("{s}", &second)
    }

    fn lines(&self, count: usize) -> Vec<String> {
        (0..count).map(|number| self.line(number)).collect()
    }

    fn is(&self, text: &str, what: &str, wrong: &mut Vec<String>) {
        let found = detect(built_in(), text.as_bytes(), self.path);
        if found.format.name() != self.format {
            let second = found.runner_up.map(|(format, matched)| format!("{} {matched}", format.name()));
            let lines = text.lines().count();
            wrong.push(format!(
                "{what}, {lines} lines: {} is {} ({} of {}, then {second:?}): {}",
                self.format,
                found.format.name(),
                found.matched,
                found.of,
                self.lines[0]
            ));
        }
    }
}

/// Looks at every case; says all that is wrong at once.
fn each(look: impl Fn(&Case, &mut Vec<String>)) {
    let mut wrong = Vec::new();
    for case in CASES {
        look(case, &mut wrong);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn text(lines: &[String]) -> String {
    lines.join("\n") + "\n"
}

#[test]
fn every_format_has_a_case() {
    for format in built_in().iter() {
        assert!(CASES.iter().any(|case| case.format == format.name()), "{}", format.name());
    }
}

#[test]
fn few_lines_tell_as_much_as_many() {
    each(|case, wrong| {
        for count in [1, 3, 7, 50] {
            case.is(&text(&case.lines(count)), "lines", wrong);
        }
    });
}

#[test]
fn a_line_that_was_cut_or_is_foreign_changes_nothing() {
    each(|case, wrong| {
        for count in [1, 3, 7, 50] {
            let lines = text(&case.lines(count));
            case.is(&format!("Starting the service, please wait\n{lines}"), "a greeting", wrong);
            let whole = text(&case.lines(count + 1));
            let (_, cut) = whole.split_at(case.line(0).len() / 2);
            case.is(cut, "a first line that was cut", wrong);
            let mut mixed = case.lines(count);
            for number in (2..mixed.len()).step_by(4) {
                mixed.insert(number, "Segmentation fault (core dumped)".into());
            }
            case.is(&text(&mixed), "foreign lines", wrong);
        }
    });
}

#[test]
fn what_was_found_stays_as_lines_come() {
    each(|case, wrong| {
        let all = text(&case.lines(30));
        let first = case.line(0).len() + 1;
        for end in all.match_indices('\n').map(|(at, _)| at + 1).filter(|end| *end >= first) {
            let (begin, _) = all.split_at(end);
            case.is(begin, "a beginning", wrong);
        }
    });
}
