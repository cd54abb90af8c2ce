//! A believable night: eight services, eight hosts, one of each in trouble. The same every time.
use quarterdeck::{
    core::{action::Danger, alerts::Severity, inventory::EnvKind, services::Health},
    ui::{
        Over, Screen, View,
        boxes::{Ask, Palette, PaletteRow, Question, Review},
        details::{
            Alerts, CheckRow, DiskRow, Focus, Help, HelpRow, HostDetail, IncidentDetail, InstanceRow, OutputRow,
            ProcessRow, ProofRow, RunDetail, RunRow, ServiceDetail, StepRow,
        },
        overview::Overview,
        show::{
            AlertRow, Global, HostRow, IncidentRow, Level, Link, Message, Mode, Second, ServiceRow, Surround,
            TimelineRow, Tone, UpdateRow, Value,
        },
        widgets::bars::Day,
    },
};

fn days(marks: &[(usize, Day)], from: usize) -> Vec<Day> {
    let mut days = vec![Day::Full; 90];
    days.iter_mut().take(from).for_each(|day| *day = Day::NoData);
    for (at, day) in marks {
        days[*at] = *day;
    }
    days
}

fn wave(n: usize, base: f32, swing: f32, climb: f32) -> Vec<Option<f32>> {
    (0..n)
        .map(|at| Some((base + swing * (at as f32 * 0.9).sin() + climb * at as f32 / n as f32).clamp(0.0, 100.0)))
        .collect()
}

fn service(name: &str, health: Health, marks: &[(usize, Day)], percentages: [&str; 4], today: Value) -> ServiceRow {
    let level = |text: &str| if text.parse::<f64>().unwrap() < 99.9 { Level::Warn } else { Level::Quiet };
    ServiceRow {
        name: name.into(),
        health,
        days: days(marks, if name == "Satellite" { 3 } else { 0 }),
        percentages: percentages.map(|text| Value::at(text, level(text))),
        today,
        next: "23s".into(),
        latency: if health == Health::Down {
            wave(14, 40.0, 6.0, 0.0).into_iter().chain([None; 6]).collect()
        } else {
            wave(20, 40.0, 12.0, 0.0)
        },
        took: if health == Health::Down { Value::default() } else { Value::fine("48 ms") },
    }
}

pub(crate) fn services() -> Vec<ServiceRow> {
    let none = Value { text: Some(String::new()), level: Level::Quiet };
    vec![
        service(
            "Play",
            Health::Down,
            &[(40, Day::Bad), (41, Day::Low), (42, Day::Fair), (63, Day::High), (89, Day::Bad)],
            ["99.118", "99.611", "99.784", "99.805"],
            Value::at("12m41", Level::Bad),
        ),
        service(
            "API",
            Health::Degraded,
            &[(12, Day::High), (63, Day::High), (89, Day::Fair)],
            ["99.916", "99.988", "99.994", "99.997"],
            Value::at("1m12", Level::Warn),
        ),
        service(
            "Conecta",
            Health::Maintenance,
            &[
                (30, Day::Low),
                (31, Day::Fair),
                (68, Day::Maintenance),
                (75, Day::Maintenance),
                (82, Day::Maintenance),
                (89, Day::Maintenance),
            ],
            ["100.00", "100.00", "100.00", "99.945"],
            Value::at("04:00", Level::Quiet),
        ),
        service("Admin", Health::Up, &[(55, Day::High)], ["100.00", "100.00", "100.00", "99.998"], none.clone()),
        service("Billing", Health::Up, &[(12, Day::High)], ["100.00", "100.00", "100.00", "99.999"], none.clone()),
        service(
            "Cloud",
            Health::Up,
            &[(55, Day::Fair), (56, Day::High)],
            ["100.00", "100.00", "100.00", "99.996"],
            none.clone(),
        ),
        service("Connect", Health::Up, &[], ["100.00", "100.00", "100.00", "100.00"], none.clone()),
        service("Satellite", Health::Up, &[(66, Day::High)], ["100.00", "100.00", "100.00", "99.999"], none),
    ]
}

fn host(name: &str, role: &str, cpu: (f32, f32), memory: u8, load: &str) -> HostRow {
    let now = cpu.0 + cpu.1;
    let level = |value: f32, warn: f32, hard: f32| match value {
        value if value >= hard => Level::Bad,
        value if value >= warn => Level::Warn,
        _ => Level::Fine,
    };
    let hot = now >= 80.0;
    HostRow {
        name: name.into(),
        role: role.into(),
        hot,
        stale: false,
        cpu_history: wave(60, cpu.0, 3.0, cpu.1),
        cpu: Value::at(format!("{now:.0}%"), level(now, 80.0, 90.0)),
        memory_history: wave(60, f32::from(memory), 1.0, 0.0),
        memory: Value::at(format!("{memory}%"), level(f32::from(memory), 85.0, 95.0)),
        swap: Value::fine("0%"),
        disk: Value::fine("61%"),
        io: Value::fine("3%"),
        net: Value::fine("41M/88M"),
        load: Value::at(load, if hot { Level::Warn } else { Level::Fine }),
        uptime: Value::fine("41d"),
        age: "2s".into(),
        reason: String::new(),
    }
}

pub(crate) fn hosts() -> Vec<HostRow> {
    let gone = HostRow {
        name: "cloud-01".into(),
        role: "cloud".into(),
        stale: true,
        cpu_history: wave(50, 8.0, 2.0, 0.0).into_iter().chain([None; 8]).collect(),
        memory_history: wave(50, 48.0, 2.0, 0.0).into_iter().chain([None; 8]).collect(),
        age: "4m".into(),
        reason: "ssh timeout behind jump; again in 12s, try 9".into(),
        ..HostRow::default()
    };
    vec![
        host("play-01", "play", (52.0, 39.0), 78, "7.9"),
        host("db-01", "database", (60.0, 23.0), 88, "9.6"),
        gone,
        host("play-02", "play", (40.0, 14.0), 71, "3.1"),
        host("api-01", "api", (30.0, 3.0), 52, "1.6"),
        host("admin-01", "admin", (11.0, 1.0), 41, "0.4"),
        host("connect-01", "connect", (9.0, 1.0), 44, "0.3"),
        host("jump", "jump", (2.0, 0.0), 22, "0.0"),
    ]
}

fn alert(severity: Severity, age: &str, target: &str, rule: &str, value: Value, state: &str, owner: &str) -> AlertRow {
    AlertRow {
        severity,
        age: age.into(),
        target: target.into(),
        rule: rule.into(),
        value,
        state: state.into(),
        owner: (!owner.is_empty()).then(|| owner.to_owned()),
        unowned: owner.is_empty(),
        trend: wave(12, 20.0, 2.0, 60.0),
        incident: if severity == Severity::P1 { "INC-214".into() } else { String::new() },
        note: String::new(),
    }
}

pub(crate) fn alerts() -> Vec<AlertRow> {
    vec![
        alert(Severity::P1, "12m", "Play", "service down", Value::fine("0/3 up"), "firing", "op1"),
        alert(Severity::P2, "5m", "play-01", "CPU > 80% for 5m", Value::fine("91%"), "firing", "op1"),
        alert(Severity::P2, "13m", "API", "latency > 500 ms", Value::fine("812 ms"), "firing", "op1"),
        alert(Severity::P3, "4m", "cloud-01", "no data", Value::fine("4m"), "firing", "op2"),
        alert(Severity::P3, "2m", "db-01", "RAM > 85% for 2m", Value::fine("88%"), "pending", ""),
    ]
}

fn entry(at: &str, by: &str, kind: &str, tone: Tone, text: &str) -> TimelineRow {
    TimelineRow { at: at.into(), by: by.into(), kind: kind.into(), tone, text: text.into() }
}

pub(crate) fn timeline() -> Vec<TimelineRow> {
    vec![
        entry("02:58:40", "qd", "detected", Tone::Error, "Play down: page 503, expected 200-299, 3 failures in a row"),
        entry("03:00:20", "op1", "acknowledged", Tone::Info, "owned for 30 minutes"),
        entry("03:01:02", "op1", "opened", Tone::Info, "Play 503 on all hosts, P1"),
        entry("03:10:05", "op2", "note", Tone::Info, "PM2 says errored after 16 restarts, port 3004 refuses"),
        entry("03:11:30", "op1", "action", Tone::Warn, "RUN-882 restart play on play-01 by pm2 restart 4"),
        entry("03:11:34", "op1", "result", Tone::Good, "RUN-882 exit 0 in 3.2 s; the checks have not decided yet"),
    ]
}

pub(crate) fn incident() -> IncidentRow {
    IncidentRow {
        id: "INC-214".into(),
        severity: Severity::P1,
        title: "Play 503 on all hosts".into(),
        service: "Play".into(),
        owner: Some("op1".into()),
        age: "12m41".into(),
        resolved: false,
        last: timeline(),
    }
}

pub(crate) fn updates() -> Vec<UpdateRow> {
    let update = |at: &str, by: &str, state: &str, over, service: &str, text: &str| UpdateRow {
        at: at.into(),
        by: by.into(),
        state: state.into(),
        over,
        service: service.into(),
        text: text.into(),
    };
    vec![
        update(
            "03:06",
            "op1",
            "investigating",
            false,
            "Play",
            "Streams do not start. We are looking into it; next update 03:20.",
        ),
        update("03:00", "op2", "maintenance", false, "Conecta", "Planned work until 04:00."),
        update(
            "15 Nov 21:14",
            "op2",
            "resolved",
            true,
            "API",
            "Slow answers after the database fail-over, 4m12 in all.",
        ),
    ]
}

pub(crate) fn surround() -> Surround {
    Surround {
        env: Some(("prod".into(), EnvKind::Production)),
        demo: false,
        client: "acme".into(),
        operator: "op1".into(),
        links: vec![
            Link { name: "recording".into(), health: Health::Up, number: String::new() },
            Link { name: "hosts".into(), health: Health::Degraded, number: "7/8".into() },
            Link { name: "checks".into(), health: Health::Up, number: "24".into() },
        ],
        utc: "03:12:41Z".into(),
        local: "22:12 BOG".into(),
        second: Second::Global(Global {
            up: 5,
            degraded: 1,
            down: 1,
            maintenance: 1,
            unknown: 0,
            percentages: vec![
                ("24h".into(), Value::at("99.862", Level::Warn)),
                ("7d".into(), Value::fine("99.941")),
                ("30d".into(), Value::fine("99.972")),
                ("90d".into(), Value::fine("99.966")),
            ],
        }),
        p1: Some(("00:12:41".into(), "12:41".into())),
        hints: [
            ("?", "help"),
            (":", "command"),
            ("/", "filter"),
            ("Tab", "pane"),
            ("Enter", "open"),
            ("i", "incident"),
            ("R", "restart"),
            ("u", "update"),
        ]
        .map(|(key, does)| (key.to_owned(), does.to_owned()))
        .to_vec(),
        rate: "1.2 KB/s".into(),
        mode: Mode::ReadOnly,
        message: None,
        filter: None,
        mouse: false,
    }
}

fn armed() -> Mode {
    Mode::Armed { left: "04:41".into(), kind: EnvKind::Production }
}

fn trail(steps: &[&str]) -> Second {
    Second::Trail(steps.iter().map(|step| (*step).to_owned()).collect())
}

pub(crate) fn overview() -> Screen {
    Screen {
        surround: Surround { mode: armed(), ..surround() },
        view: View::Overview(Box::new(Overview {
            services: services(),
            hosts: hosts(),
            alerts: alerts(),
            incident: Some(incident()),
            updates: updates(),
            next: "23s".into(),
            reading: false,
            no_services: String::new(),
        })),
        focus: Focus { pane: 1, cursor: 0, first: 0, zoomed: false },
        over: None,
    }
}

pub(crate) fn calm() -> Screen {
    let none = Value { text: Some(String::new()), level: Level::Quiet };
    let services = ["Admin", "API", "Billing", "Cloud", "Conecta", "Connect", "Play", "Satellite"]
        .map(|name| service(name, Health::Up, &[], ["100.00"; 4], none.clone()));
    let mut screen = overview();
    screen.surround.p1 = None;
    screen.surround.mode = Mode::ReadOnly;
    screen.surround.demo = true;
    screen.surround.second = Second::Global(Global {
        up: 8,
        percentages: ["24h", "7d", "30d", "90d"].map(|window| (window.to_owned(), Value::fine("100.00"))).to_vec(),
        ..Global::default()
    });
    let hosts = hosts().into_iter().filter(|host| !host.hot && !host.stale).collect();
    let View::Overview(overview) = &mut screen.view else { unreachable!() };
    (overview.services, overview.hosts, overview.alerts, overview.incident) =
        (services.to_vec(), hosts, Vec::new(), None);
    overview.updates.clear();
    screen
}

pub(crate) fn empty() -> Screen {
    let mut screen = calm();
    screen.surround.demo = false;
    screen.surround.env = None;
    screen.surround.links.clear();
    screen.surround.second = Second::Global(Global::default());
    screen.view = View::Overview(Box::default());
    screen.surround.message = Some(Message {
        tone: Tone::Warn,
        text: "no configuration found".into(),
        more: "qd demo shows a made-up fleet".into(),
    });
    screen
}

pub(crate) fn service_detail() -> Screen {
    let check = |name: &str, kind: &str, health, detail: &str, took: Value, certificate: Value| CheckRow {
        name: name.into(),
        kind: kind.into(),
        health,
        detail: detail.into(),
        latency: wave(10, 40.0, 12.0, 0.0),
        took,
        certificate,
        age: "7s".into(),
        next: "23s".into(),
    };
    let instance = |host: &str, state: Value, restarts: Value, cpu: Value, pid: Value| InstanceRow {
        host: host.into(),
        name: "play".into(),
        state,
        id: "4".into(),
        pid,
        uptime: Value::fine("3m"),
        restarts,
        memory: Value::fine("412M"),
        cpu,
        version: "2.31.0".into(),
    };
    Screen {
        surround: Surround { second: trail(&["Overview", "Services", "Play"]), mode: armed(), ..surround() },
        view: View::Service(Box::new(ServiceDetail {
            row: services().remove(0),
            day: (0, "Fri 20 Nov  down 12m41 in 1 event, INC-214; unknown 0s; maintenance 0s".into()),
            slo: "SLO 99.9 % over 30d: 99.784, missed".into(),
            checks: vec![
                check(
                    "page",
                    "http",
                    Health::Down,
                    "503, expected 200-299",
                    Value::at("91 ms", Level::Bad),
                    Value::fine("61d"),
                ),
                check("port", "tcp", Health::Up, "connected", Value::fine("2 ms"), Value::default()),
                check(
                    "queue",
                    "command",
                    Health::Degraded,
                    "exit 0, 812 waiting",
                    Value::fine("48 ms"),
                    Value::default(),
                ),
            ],
            instances: vec![
                instance(
                    "play-01",
                    Value::at("errored", Level::Bad),
                    Value::at("16!", Level::Warn),
                    Value::default(),
                    Value::default(),
                ),
                instance("play-02", Value::fine("online"), Value::fine("2"), Value::fine("51%"), Value::fine("19802")),
            ],
            no_instances: String::new(),
            recent: timeline(),
            updates: updates(),
        })),
        focus: Focus { pane: 2, ..Focus::default() },
        over: None,
    }
}

pub(crate) fn hosts_table() -> Screen {
    Screen {
        surround: Surround { second: trail(&["Hosts"]), ..surround() },
        view: View::Hosts(hosts()),
        focus: Focus { pane: 1, ..Focus::default() },
        over: None,
    }
}

pub(crate) fn host_detail() -> Screen {
    let number = |label: &str, value: Value| (label.to_owned(), value);
    let unit = |name: &str, state: Value| InstanceRow {
        host: "play-01".into(),
        name: name.into(),
        state,
        pid: Value::fine("889"),
        uptime: Value::fine("41d"),
        restarts: Value::fine("0"),
        memory: Value::fine("61M"),
        ..InstanceRow::default()
    };
    Screen {
        surround: Surround { second: trail(&["Hosts", "play-01"]), ..surround() },
        view: View::Host(Box::new(HostDetail {
            row: HostRow { cpu_history: wave(60, 30.0, 6.0, 61.0), ..hosts().remove(0) },
            facts: "4 cores  8.0 GB  up 41d  skew 12 ms".into(),
            cores: vec![94.0, 90.0, 89.0, 91.0],
            numbers: vec![
                number("steal", Value::fine("0.3%")),
                number("psi cpu", Value::at("71%", Level::Warn)),
                number("psi mem", Value::fine("0%")),
                number("psi io", Value::fine("2%")),
                number("swap", Value::fine("0%")),
                number("net", Value::fine("41M/88M")),
            ],
            disks: vec![
                DiskRow {
                    mount: "/".into(),
                    part: 0.61,
                    used: Value::fine("61%"),
                    free: "12 GB".into(),
                    inodes: Value::fine("9%"),
                },
                DiskRow {
                    mount: "/srv".into(),
                    part: 0.93,
                    used: Value::at("93%", Level::Bad),
                    free: "3.1 GB".into(),
                    inodes: Value::default(),
                },
            ],
            top: [
                (21877, "app", "88%", "412M", "node /srv/play/dist/main.js"),
                (889, "www", "4%", "61M", "nginx: worker"),
            ]
            .map(|(pid, user, cpu, memory, command)| ProcessRow {
                pid,
                user: user.into(),
                cpu: Value::fine(cpu),
                memory: memory.into(),
                command: command.into(),
            })
            .to_vec(),
            instances: vec![
                unit("play", Value::at("errored", Level::Bad)),
                unit("nginx.service", Value::fine("active")),
            ],
            pm2_fact: "PM2 logs 1.2 GB".into(),
            from: "02:13".into(),
        })),
        focus: Focus { pane: 1, ..Focus::default() },
        over: None,
    }
}

pub(crate) fn alerts_view() -> Screen {
    Screen {
        surround: Surround { second: trail(&["Alerts"]), ..surround() },
        view: View::Alerts(Box::new(Alerts {
            rows: alerts(),
            facts: vec![
                ("rule".into(), "service.down, P1, for 0s".into()),
                ("value".into(), "0 of 3 checks up".into()),
                ("since".into(), "02:58:40, fired 02:59:41".into()),
                ("owner".into(), "op1 until 03:30:20".into()),
                ("incident".into(), "INC-214".into()),
            ],
            timeline: timeline(),
            rules: 10,
        })),
        focus: Focus { pane: 1, ..Focus::default() },
        over: None,
    }
}

pub(crate) fn incidents_view() -> Screen {
    let old = IncidentRow {
        id: "INC-213".into(),
        severity: Severity::P3,
        title: "cloud-01 cannot be reached".into(),
        service: "Cloud".into(),
        owner: None,
        age: "2d03h".into(),
        resolved: true,
        last: Vec::new(),
    };
    Screen {
        surround: Surround { second: trail(&["Incidents"]), ..surround() },
        view: View::Incidents(vec![incident(), old]),
        focus: Focus { pane: 1, ..Focus::default() },
        over: None,
    }
}

pub(crate) fn incident_view() -> Screen {
    Screen {
        surround: Surround { second: trail(&["Incidents", "INC-214 Play 503 on all hosts"]), ..surround() },
        view: View::Incident(Box::new(IncidentDetail {
            row: incident(),
            facts: vec![
                ("service".into(), "Play (play@prod), down for 12m41".into()),
                ("alert".into(), "service down, firing, owned by op1 until 03:30:20".into()),
                ("runs".into(), "RUN-882 restart play: exit 0".into()),
                ("taken by".into(), "op1".into()),
            ],
            timeline: timeline(),
            runs: runs(),
        })),
        focus: Focus { pane: 1, cursor: 4, ..Focus::default() },
        over: None,
    }
}

pub(crate) fn review(typed: &str) -> Screen {
    let mut screen = overview();
    screen.surround.hints = [("Esc", "cancel"), ("Tab", "next field"), ("c", "commands")]
        .map(|(key, does)| (key.to_owned(), does.to_owned()))
        .to_vec();
    screen.over = Some(Over::Review(Box::new(Review {
        env: ("prod".into(), EnvKind::Production),
        title: "Restart Play".into(),
        verb: "restart".into(),
        service: "play".into(),
        hosts: vec!["play-01".into(), "play-02".into()],
        commands: vec![("play-01".into(), "pm2 restart 4".into()), ("play-02".into(), "pm2 restart 4".into())],
        commands_open: false,
        effect: "about 3 s per host, one at a time; open requests are cut".into(),
        undo: "not needed: the same version starts again".into(),
        prechecks: vec![
            (Tone::Good, "play-01 and play-02 answer, PM2 runs as app on both".into()),
            (Tone::Warn, "play-01 restarted 16 times by itself: a restart may not last".into()),
        ],
        level: 3,
        reason: ("INC-214 errored after 16 restarts".into(), None),
        typed: (typed.into(), Some(typed.len())),
        ready: typed == "play",
        blocked: String::new(),
        counting: None,
    })));
    screen
}

pub(crate) fn palette() -> Screen {
    let mut screen = overview();
    let row = |words: &str, env: &str, danger, key: &str| PaletteRow {
        words: words.into(),
        env: env.into(),
        danger,
        key: key.into(),
    };
    screen.over = Some(Over::Palette(Box::new(Palette {
        typed: ("play".into(), 4),
        rows: vec![
            row("restart Play", "prod", Danger::Changes, "R"),
            row("go to service Play", "prod", Danger::None, ""),
            row("go to host play-01", "prod", Danger::None, ""),
            row("go to host play-02", "prod", Danger::None, ""),
            row("open an incident for Play", "prod", Danger::Records, "i"),
        ],
        cursor: 0,
        preview: "restart play@prod on play-01 and play-02, after a review".into(),
        equals: "qd restart play@prod --yes-i-mean play@prod --reason …".into(),
    })));
    screen
}

pub(crate) fn passphrase() -> Screen {
    let mut screen = overview();
    screen.over = Some(Over::Ask(Box::new(Ask {
        title: "Passphrase".into(),
        text: "~/.ssh/id_ed25519 is encrypted. The passphrase is kept in memory until qd ends, and nowhere else."
            .into(),
        typed: ("correct horse".into(), 13),
        masked: true,
        rows: 1,
        verb: "unlock".into(),
        ..Ask::default()
    })));
    screen
}

pub(crate) fn update_box() -> Screen {
    let mut screen = overview();
    screen.over = Some(Over::Ask(Box::new(Ask {
        title: "Status update for Play".into(),
        choices: ["investigating", "identified", "monitoring", "resolved"].map(str::to_owned).to_vec(),
        chosen: 1,
        typed: ("The stream process on play-01 keeps failing. We restart it now; next update at 03:30.".into(), 0),
        rows: 4,
        verb: "publish".into(),
        ..Ask::default()
    })));
    screen
}

pub(crate) fn host_key() -> Screen {
    let mut screen = overview();
    screen.over = Some(Over::Question(Box::new(Question {
        title: "Unknown host key".into(),
        text: "api-02 is not in known_hosts. Compare the fingerprint with one you got another way; y writes it down."
            .into(),
        facts: vec![
            ("host", "api-02 (10.0.3.12:22) behind jump".into()),
            ("key", "ED25519 SHA256:tVbpjBQXpRBlw5cWmZWtUQDlpsFC7DdHyr4TeHQkqTk".into()),
        ],
        yes: "trust it".into(),
        alarm: false,
    })));
    screen
}

pub(crate) fn run_view() -> Screen {
    let step = |host: &str, tone, running, says: &str| StepRow {
        host: host.into(),
        name: "restart".into(),
        tone,
        running,
        says: says.into(),
        command: "pm2 restart 4".into(),
    };
    let out = |at: &str, text: &str, command| OutputRow { at: at.into(), text: text.into(), command };
    Screen {
        surround: Surround { second: trail(&["Runs", "RUN-882 restart play"]), mode: armed(), ..surround() },
        view: View::Run(Box::new(RunDetail {
            title: "RUN-882 restart play".into(),
            production: true,
            steps: vec![
                step("play-01", Some(Tone::Good), false, "exit 0, 3.2 s"),
                step("play-02", None, true, "runs for 2s"),
            ],
            facts: vec![
                ("reason".into(), "INC-214 errored after 16 restarts, by op1".into()),
                ("undo".into(), "not needed: the same version starts again".into()),
                ("lock".into(), "/srv/play/.qd.lock held by qd-8f21c0aa9d31".into()),
            ],
            output: vec![
                out("03:11:30", "play-01 $ pm2 restart 4", true),
                out("03:11:31", "[PM2] Applying action restartProcessId on app [4](ids: [ '4' ])", false),
                out("03:11:33", "[PM2] [play](4) ✓", false),
                out("03:11:34", "play-02 $ pm2 restart 4", true),
            ],
            live: true,
            proof: vec![
                ProofRow {
                    name: "page".into(),
                    before: Some((Health::Down, "503".into())),
                    now: (Health::Up, "200, 91 ms".into()),
                },
                ProofRow {
                    name: "port".into(),
                    before: Some((Health::Down, "refused".into())),
                    now: (Health::Up, "2 ms".into()),
                },
                ProofRow {
                    name: "queue".into(),
                    before: Some((Health::Unknown, "?".into())),
                    now: (Health::Unknown, "next in 4s".into()),
                },
            ],
            verdict: (Tone::Info, "not yet; the checks decide until 03:13:04".into()),
            lost: String::new(),
        })),
        focus: Focus { pane: 1, cursor: 1, ..Focus::default() },
        over: None,
    }
}

fn runs() -> Vec<RunRow> {
    let run = RunRow {
        id: "RUN-882".into(),
        title: "restart play".into(),
        hosts: "play-01 play-02".into(),
        by: "op1".into(),
        result: (Tone::Good, "exit 0 on 2 of 2".into()),
        proof: "recovered: down before, up after".into(),
        age: "1m".into(),
    };
    let lost = RunRow {
        id: "RUN-881".into(),
        result: (Tone::Warn, "unknown: link lost".into()),
        proof: String::new(),
        age: "3d".into(),
        ..run.clone()
    };
    vec![run, lost]
}

pub(crate) fn runs_view() -> Screen {
    Screen {
        surround: Surround { second: trail(&["Runs"]), ..surround() },
        view: View::Runs(runs()),
        focus: Focus { pane: 1, ..Focus::default() },
        over: None,
    }
}

pub(crate) fn help_view() -> Screen {
    let groups = quarterdeck::core::action::Scope::ALL
        .iter()
        .map(|scope| {
            let rows = quarterdeck::core::action::ACTIONS
                .iter()
                .filter(|entry| entry.scope == *scope)
                .map(|entry| HelpRow {
                    keys: entry.hint.chars().take(1).collect(),
                    words: entry.words.into(),
                    changes: entry.danger == Danger::Changes,
                })
                .collect();
            (scope.name().to_owned(), rows)
        })
        .collect();
    Screen {
        surround: Surround { second: trail(&["Help"]), ..surround() },
        view: View::Help(Box::new(Help { search: (String::new(), false), groups })),
        focus: Focus { pane: 1, ..Focus::default() },
        over: None,
    }
}

pub(crate) fn link_lost() -> Screen {
    let mut screen = overview();
    screen.surround.second = Second::Lost {
        what: "jump lost 00:42".into(),
        more: "retry in 5s, try 3   data is 44s old   changers off   1 draft kept".into(),
    };
    screen.surround.message = Some(Message {
        tone: Tone::Good,
        text: "sent 1.2 KB to the terminal by OSC 52".into(),
        more: "tmux may drop it; also in ~/.cache/quarterdeck/clip".into(),
    });
    screen
}

/// Every scene by name.
pub(crate) fn all() -> Vec<(&'static str, Screen)> {
    vec![
        ("overview", overview()),
        ("calm", calm()),
        ("empty", empty()),
        ("service", service_detail()),
        ("hosts", hosts_table()),
        ("host", host_detail()),
        ("alerts", alerts_view()),
        ("incidents", incidents_view()),
        ("incident", incident_view()),
        ("runs", runs_view()),
        ("run", run_view()),
        ("help", help_view()),
        ("review", review("pla")),
        ("palette", palette()),
        ("passphrase", passphrase()),
        ("update", update_box()),
        ("host-key", host_key()),
        ("link-lost", link_lost()),
    ]
}
