//! Every setting that the file may have, but those of check kinds and recipes, which bring their own.
use super::{Field, Shape};

mod incidents;

pub(crate) use self::incidents::{CONTACT, DOCUMENT, INCIDENT_TYPE, MAINTENANCE, SEVERITIES, TEAM, UPDATE};

const fn field(name: &'static str, shape: Shape, doc: &'static str) -> Field {
    Field { name, shape, required: false, doc }
}

const fn required(name: &'static str, shape: Shape, doc: &'static str) -> Field {
    Field { name, shape, required: true, doc }
}

/// The file. Lists may also be written as `[[host]]` tables; those of included files are appended.
pub(crate) const FILE: &[Field] = &[
    required("version", Shape::Integer { min: 1, max: 1 }, "Version of this format. Always `1`."),
    field("client", Shape::Text, "Whose systems these are, shown at the top. Default: nothing."),
    field("include", Shape::List(&Shape::Text), "More files, relative to this one; `*` and `?` match within a name."),
    field(
        "environment",
        Shape::List(&Shape::Table(ENVIRONMENT)),
        "Environments; their kind decides how hard a change is guarded.",
    ),
    field("host", Shape::List(&Shape::Table(HOST)), "Machines, reached by SSH. `~/.ssh/config` fills what is silent."),
    field("service", Shape::List(&Shape::Table(SERVICE)), "Services and their checks, by environment."),
    field("log", Shape::List(&Shape::Table(LOG)), "Where logs are. PM2 files of services need no entry."),
    field("derive", Shape::List(&Shape::Table(DERIVE)), "Fields of log records, made of other fields: `partner`."),
    field("tracker", Shape::List(&Shape::Table(TRACKER)), "Where tickets of incidents are kept."),
    field(
        "notifier",
        Shape::List(&Shape::Table(NOTIFIER)),
        "How people are told of alerts and incidents: `[severity]` names who of them is.",
    ),
    field(
        "severity",
        Shape::Table(SEVERITIES),
        "What was agreed on for incidents: clocks by severity, and when one counts as mended.",
    ),
    field(
        "incident_type",
        Shape::List(&Shape::Table(INCIDENT_TYPE)),
        "Types of incidents and their procedures. A built-in's name changes it.",
    ),
    field(
        "runbooks",
        Shape::List(&Shape::Text),
        "Runbooks: Markdown files, relative to this one; `*` and `?` match within a name. Each is called after its file.",
    ),
    field("team", Shape::List(&Shape::Table(TEAM)), "Who is called, in this order."),
    field(
        "contact",
        Shape::List(&Shape::Table(CONTACT)),
        "Vendors and partners who are called, with their response times.",
    ),
    field(
        "maintenance",
        Shape::List(&Shape::Table(MAINTENANCE)),
        "Planned work: its alerts are muted, its time is counted apart.",
    ),
    field("qualys", Shape::Table(QUALYS), "The scanner whose findings of vulnerabilities are listed: Qualys VM."),
    field("document", Shape::Table(DOCUMENT), "How the documents of incidents are written."),
    field("update", Shape::Table(UPDATE), "How updates are worded, for everybody and for the team."),
    field("rule", Shape::List(&Shape::Table(RULE)), "Alert rules. A built-in's name changes it."),
    field("display", Shape::Table(DISPLAY), "How the console looks and tells time."),
    field("keys", Shape::Map(&KEYS), "Action id = key or keys, over the keymap."),
    field("ssh", Shape::Table(SSH), "How hosts are reached, beyond what `~/.ssh/config` says."),
    field("store", Shape::Table(STORE), "Where history is kept."),
    field("write", Shape::Table(WRITE), "When a change is allowed."),
];

/// Lists of tables, which included files may have too.
pub(crate) const LISTS: &[&str] = &[
    "environment",
    "host",
    "service",
    "log",
    "derive",
    "tracker",
    "runbooks",
    "notifier",
    "maintenance",
    "incident_type",
    "team",
    "contact",
    "rule",
];

/// Keys of the file that a later version uses.
pub(crate) const LATER: &[&str] = &[];

const KEYS: Shape = Shape::Either(&[Shape::Text, Shape::List(&Shape::Text)]);
const EVERY: Shape = Shape::Duration;

/// One environment.
pub(crate) const ENVIRONMENT: &[Field] = &[
    required("name", Shape::Text, "Its name: `prod`."),
    required(
        "kind",
        Shape::Choice(&["production", "staging", "other"]),
        "How hard a change is guarded. `production` needs armed write and the typed name.",
    ),
    field("every", EVERY, "Interval of its checks where they say none. Default `30s`."),
    field(
        "timeout",
        Shape::Duration,
        "Time-out of its checks where they say none. Default `10s`, at most the interval.",
    ),
    field("fail_after", FAIL_AFTER, "Failures in a row that make its checks down where they say nothing. Default `3`."),
    field("roles", Shape::Table(ROLES), "Who may change what there. Default: everybody everything."),
    field(
        "freeze",
        Shape::List(&Shape::Table(FREEZE)),
        "When no version is brought out, by the clock of `display.timezone`.",
    ),
    field(
        "windows",
        Shape::List(&Shape::Text),
        "The only times for it, as in `Sun 02:00-04:00` or `Mon-Fri 09:00-17:00`.",
    ),
];

/// Who may change what in an environment.
pub(crate) const ROLES: &[Field] = &[
    field("viewer", Shape::List(&Shape::Text), "Logins that look only."),
    field("responder", Shape::List(&Shape::Text), "Logins that also restart and roll back."),
    field("deployer", Shape::List(&Shape::Text), "Logins that also deploy, and run tasks."),
    field("admin", Shape::List(&Shape::Text), "Logins that also set aside what stands against a change."),
];

/// A time in which no version is brought out.
pub(crate) const FREEZE: &[Field] = &[
    required("from", Shape::Text, "A day, or a day and a time: `2026-12-20`, `2026-12-20 18:00`."),
    required("to", Shape::Text, "The last day, or a day and a time."),
    field("why", Shape::Text, "Why: it is shown to whoever would deploy."),
];

/// One host.
pub(crate) const HOST: &[Field] = &[
    required("name", Shape::Text, "Its name in this configuration."),
    field("env", Shape::Text, "Its environment; none means jump only, never changed."),
    field(
        "address",
        Shape::Text,
        "Address, or alias in `~/.ssh/config`; `local` is this machine without SSH. Default: its name.",
    ),
    field("port", Shape::Integer { min: 1, max: 65_535 }, "SSH port."),
    field("user", Shape::Text, "Login name."),
    field("jump", Shape::List(&Shape::Host), "Hosts on the way, outermost first."),
    field("identity", Shape::Path, "Private key file."),
    field("labels", Shape::Map(&Shape::Text), "Free labels, which rules may match."),
    field("path_prefix", Shape::List(&Shape::Text), "Directories put before PATH there: where `pm2` and `node` live."),
    field("units", Shape::List(&Shape::Text), "systemd units to watch: `nginx.service`."),
    field(
        "sudo",
        Shape::Choice(&["nopasswd", "password"]),
        "What `sudo` asks for there. With `password` a person is asked for it before a change whose steps name `sudo`. Default `nopasswd`.",
    ),
    field("sudo_password", Shape::Secret, "Reference to what `sudo` asks for, where no person is to be asked for it."),
];

/// One service.
pub(crate) const SERVICE: &[Field] = &[
    required("name", Shape::Text, "Its name; with the environment it is `play@prod`."),
    field("kind", Shape::Text, "The recipe that restarts it, or `external`: only watched. Default `external`."),
    field("owner", Shape::Text, "The team that owns it."),
    field("needs", Shape::List(&Shape::Text), "Services it needs, in the same environment unless NAME@ENV."),
    field("slo", Shape::Table(SLO), "Its objective."),
    field("recipe", Shape::Map(&Shape::Text), "Settings of its kind."),
    required("in", Shape::Map(&Shape::Table(PLACE)), "Where it runs, by environment: `[service.in.prod]`."),
];

/// Keys of a service that [`super::sections`] reads by itself.
pub(crate) const SERVICE_OWN: &[&str] = &["recipe", "in"];

/// A service in one environment.
pub(crate) const PLACE: &[Field] = &[
    field("hosts", Shape::List(&Shape::Host), "Hosts it runs on."),
    field("checks", Shape::List(&Shape::Table(CHECK)), "How it is asked whether it works."),
    field("rollout", Shape::Table(ROLLOUT), "How a change goes over its hosts."),
    field("pipeline", Shape::Table(PIPELINE), "The workflow of GitHub Actions that brings it out here."),
];

/// The pipeline of a service in one environment.
pub(crate) const PIPELINE: &[Field] = &[
    required("repo", Shape::Text, "Its repository: `acme/play`."),
    required("workflow", Shape::Text, "The workflow's file: `deploy.yml`."),
    required("token", Shape::Secret, "Reference to a token that may read and write Actions."),
    field("environment", Shape::Text, "The environment at GitHub whose approval it waits for. Default: any."),
    field(
        "hold",
        Shape::Choice(&["workflow", "runs", "nothing"]),
        "What is held where the service goes back, as its review says: `workflow` disables it and stops runs that wait; `runs` only stops those. Default `workflow`.",
    ),
    field("branch", Shape::Text, "The branch or tag that a run is begun of. Default `main`."),
    field("inputs", Shape::Map(&Shape::Text), "What a run is given."),
    field("version_input", Shape::Text, "The input that takes the version. Default: none does."),
    field(
        "id_input",
        Shape::Text,
        "An input that the workflow shows in its `run-name`: by it a run that was begun is found again. Default: none.",
    ),
    field("api", Shape::Url, "Where the API is. Default `https://api.github.com`."),
];

/// How a change goes over hosts.
pub(crate) const ROLLOUT: &[Field] = &[
    field(
        "strategy",
        Shape::Choice(&["rolling", "canary", "all", "blue-green"]),
        "`rolling`: so many hosts at a time; `canary`: some first; `all`: at once; `blue-green`: those of two `sets` that serve nobody, then `switch`. Default `rolling`.",
    ),
    field(
        "parallel",
        Shape::Integer { min: 1, max: 1_000 },
        "How many hosts at a time. Default `1`; all of a set that serves nobody.",
    ),
    field(
        "sets",
        Shape::Map(&Shape::List(&Shape::Host)),
        "The two sets of `blue-green` by name, each host in one of them: `{ blue = [\"web-01\"], green = [\"web-02\"] }`.",
    ),
    field("switch", Shape::Table(SWITCH), "How balancers lead users to one of the two sets."),
    field("canary", Shape::List(&Shape::Host), "The hosts that are first. Default: the first one."),
    field(
        "max_failures",
        Shape::Integer { min: 0, max: 1_000 },
        "How many hosts may fail before it stops. Default `0`.",
    ),
    field("bake", Shape::Duration, "How long the checks must stay good after the last host. Default `0s`."),
    field("undo", Shape::Choice(&["auto", "ask"]), "Whether what failed is taken back by itself. Default `auto`."),
    field("migrate_on", Shape::Host, "The one host on which migrations run. Default: the first."),
    field(
        "staging_first",
        Shape::Duration,
        "Only what succeeded in staging within this time is brought out. Default: not asked for.",
    ),
    field(
        "snapshot",
        Shape::Flag,
        "Whether what is seen of each host (processes, sockets, disks, the ends of its logs) is kept before it is changed. Default `true`.",
    ),
    field(
        "dead_man",
        Shape::Duration,
        "How long nobody may watch a host whose health is bad, before it takes the change back by itself. Default: never.",
    ),
    field(
        "unattended",
        Shape::Flag,
        "Whether a run whose console is gone goes on under `qd watch`. Default `false`: it waits for a person.",
    ),
];

/// How balancers lead users to one of two sets.
pub(crate) const SWITCH: &[Field] = &[
    required("on", Shape::List(&Shape::Host), "The balancers, in the order in which they are switched."),
    required(
        "link",
        Shape::Text,
        "The symbolic link there that their configuration includes: `/etc/nginx/play-live.conf`. It says which set serves.",
    ),
    required("to", Shape::Map(&Shape::Text), "The file that the link leads to, for each set."),
    field("test", Shape::Text, "Their own test, before they take it. Default `nginx -t`."),
    field("reload", Shape::Text, "What has them take it. Default `systemctl reload nginx`."),
    field("sudo", Shape::Flag, "Whether this needs sudo; it is called with -n and never asks. Default `true`."),
];

/// A service's objective.
pub(crate) const SLO: &[Field] = &[
    required("objective", Shape::Number, "Percent of time that is to be up: `99.9`."),
    field("window", Shape::Duration, "Over how long. Default `30d`."),
];

const FAIL_AFTER: Shape = Shape::Integer { min: 1, max: 100 };

/// What all checks have.
pub(crate) const CHECK: &[Field] = &[
    required("name", Shape::Text, "Its name within the service: `play@prod/page`."),
    required("type", Shape::Text, "What kind of check."),
    field("every", EVERY, "Time between two starts, from `1s` to `1d`. Default: the environment's, or `30s`."),
    field("timeout", Shape::Duration, "When it is given up; at most `every`. Default: the environment's, or `10s`."),
    field("fail_after", FAIL_AFTER, "Failures in a row that make it down. Default: the environment's, or `3`."),
    field("slow", Shape::Duration, "From this time on an answer counts as degraded; less than `timeout`."),
    field("on", Shape::Host, "The host that a `command` runs on."),
];

/// What all places that lines come from have.
pub(crate) const LOG: &[Field] = &[
    required("name", Shape::Text, "Its name: `play-access`."),
    required("type", Shape::Text, "What kind of place."),
    field("env", Shape::Text, "Its environment. Default: its service's, or its hosts'."),
    field("service", Shape::Text, "The service whose lines these are: `play@prod`."),
    field(
        "format",
        Shape::Text,
        "How its lines are read, as `qd formats` lists it. Default: found out from the lines.",
    ),
    field("timezone", Shape::Text, "The zone of times that name none. Default `UTC`."),
];

const LOG_HOSTS: Field =
    field("hosts", Shape::List(&Shape::Host), "Hosts to read on. Default: its service's; without any, this machine.");

/// What kinds of places there are, and what each has of its own.
pub(crate) const LOG_KINDS: &[(&str, &[Field])] = &[
    (
        "file",
        &[
            required("path", Shape::Text, "A file or a glob, as it is called on its hosts; `~/` is the login's home."),
            field("rotated", Shape::Text, "Glob of the rotated files. Default: what begins with the file's name."),
            LOG_HOSTS,
        ],
    ),
    (
        "loki",
        &[
            required("url", Shape::Url, "The server, with a path prefix if it has one."),
            field("tenant", Shape::Text, "Sent as `X-Scope-OrgID`."),
            field("auth", Shape::Table(LOG_AUTH), "How to log in."),
            required("select", Shape::Map(&Shape::Text), "Labels that must be equal: `{ app = \"play\" }`."),
            field("service_label", Shape::Text, "The label that names the service: `app`."),
        ],
    ),
    (
        "journald",
        &[field("units", Shape::List(&Shape::Text), "systemd units: `nginx.service`. Default: all."), LOG_HOSTS],
    ),
    ("docker", &[required("container", Shape::Text, "Name or id of a container."), LOG_HOSTS]),
    (
        "kubernetes",
        &[
            required("target", Shape::Text, "`deploy/api`, `pod/x`, or a label selector: `app=api`."),
            field("namespace", Shape::Text, "Its namespace."),
            field("context", Shape::Text, "The context of the kubeconfig."),
            field("container", Shape::Text, "One container. Default: all."),
            LOG_HOSTS,
        ],
    ),
    ("command", &[required("command", Shape::Text, "A shell command that prints lines."), LOG_HOSTS]),
];

/// What all trackers have.
pub(crate) const TRACKER: &[Field] = &[
    required("name", Shape::Text, "Its name: `ops-jira`."),
    required("type", Shape::Text, "What kind of tracker."),
    field(
        "send",
        Shape::List(&Shape::Choice(&[
            "title",
            "severity",
            "resolved",
            "update",
            "note",
            "action",
            "result",
            "acknowledged",
            "document",
        ])),
        "Which later events of an incident are written to its ticket. Default: all but `action` and `acknowledged`.",
    ),
    field(
        "severities",
        Shape::List(&Shape::Choice(&["P1", "P2", "P3", "P4"])),
        "Incidents of which severities get a ticket. Default: all.",
    ),
    field(
        "link",
        Shape::Url,
        "Where a ticket leads back to, `{incident}` being the incident's number: `https://wiki.example.com/{incident}`. Default: nowhere.",
    ),
    field(
        "consistency",
        Shape::Duration,
        "After how long a search there surely finds what was written. Default `15s`.",
    ),
];

/// What all notifiers have.
pub(crate) const NOTIFIER: &[Field] = &[
    required("name", Shape::Text, "Its name: `ops-slack`. `notify` under `[severity]` names it."),
    required("type", Shape::Text, "What kind of notifier."),
    field(
        "on",
        Shape::List(&Shape::Choice(&[
            "alert",
            "opened",
            "acknowledged",
            "severity",
            "escalated",
            "update",
            "mitigated",
            "resolved",
        ])),
        "What it tells of. Default: all that it can.",
    ),
    field(
        "audience",
        Shape::Choice(&["internal", "public"]),
        "Who hears it. `public`: only updates, in the words that are for everybody. Default `internal`.",
    ),
    field(
        "link",
        Shape::Url,
        "Where it leads back to, `{incident}` being the incident's number: `https://wiki.example.com/{incident}`. Default: nowhere.",
    ),
];

/// One rule that makes a field of log records.
pub(crate) const DERIVE: &[Field] = &[
    required(
        "name",
        Shape::Text,
        "The field: `partner`. Several rules of one name are alternatives, the first one first.",
    ),
    required("from", Shape::Text, "The field it is made of, or that of an earlier rule; `line` is the whole record."),
    field("match", Shape::Regex, "What is taken of it: the group `v`, or the first group. Default: all."),
    field("lookup", Shape::Map(&Shape::Text), "What that stands for: `{ claro = \"Claro Colombia\" }`."),
    field("other", Shape::Text, "The value of what is not in `lookup`. Default: none."),
    field("formats", Shape::List(&Shape::Text), "Only records of these formats. Default: all."),
];

/// How to log in to a place of logs.
pub(crate) const LOG_AUTH: &[Field] = &[
    field("user", Shape::Text, "Login name, with `password`."),
    field("password", Shape::Secret, "Reference to the password."),
    field("token", Shape::Secret, "Reference to a bearer token."),
];

/// One alert rule.
pub(crate) const RULE: &[Field] = &[
    required("name", Shape::Text, "Its name; a built-in's name changes that one, setting by setting."),
    field("metric", Shape::Text, "What is measured: `host.cpu`, `check.latency`."),
    field("above", Shape::Number, "Fires above this."),
    field("below", Shape::Number, "Fires below this."),
    field("clear", Shape::Number, "Resolves once the value is back past this. Default: the limit."),
    field("for", Shape::Duration, "How long the value must be bad. Default `0s`."),
    field("severity", Shape::Choice(&["P1", "P2", "P3", "P4"]), "How bad. Default `P3`."),
    field("match", Shape::Map(&Shape::Text), "Only targets with these: `env`, `service`, `host`, or a label."),
    field("enabled", Shape::Flag, "`false` drops it. Default `true`."),
];

/// `[display]`.
pub(crate) const DISPLAY: &[Field] = &[
    field("theme", Shape::Text, "`dark`, `light`, `cb`, `mono`, or the path of a file. Default `dark`."),
    field("keymap", Shape::Text, "`default`, `arrows`, `emacs`, or the path of a file. Default `default`."),
    field("glyphs", Shape::Choice(&["auto", "unicode", "ascii"]), "What frames and bars are made of. Default `auto`."),
    field("timezone", Shape::Text, "Second clock and borders of days, as in `America/Bogota`. Default `UTC`."),
];

/// `[ssh]`.
pub(crate) const SSH: &[Field] = &[field(
    "known_hosts",
    Shape::List(&Shape::Path),
    "Files of host keys, read at the start instead of those that OpenSSH would read; a key that you accept goes into the first.",
)];

/// `[qualys]`.
pub(crate) const QUALYS: &[Field] = &[
    required(
        "base_url",
        Shape::Url,
        "The API server of your platform: `https://qualysapi.qg2.apps.qualys.eu`. Its name does not follow from the login.",
    ),
    required("user", Shape::Text, "Who asks: a reader with access to the API and no second factor."),
    required("password", Shape::Secret, "Reference to the password."),
    field(
        "every",
        Shape::Duration,
        "How often it is asked, from `1h` to `7d`: its calls are counted for all that ask it. Default `6h`.",
    ),
    field(
        "severities",
        Shape::List(&Shape::Integer { min: 1, max: 5 }),
        "Which severities, 1 to 5. Default `[3, 4, 5]`.",
    ),
    field("tags", Shape::List(&Shape::Text), "Only hosts with one of these tags. Default: all that the user sees."),
    field(
        "version",
        Shape::Text,
        "Version of its list of detections. Default `5.0`; where the server does not know it, `2.0` is asked for.",
    ),
];

/// `[store]`.
pub(crate) const STORE: &[Field] = &[
    field("path", Shape::Path, "The database. Default: `quarterdeck/qd.db` in the XDG state directory."),
    field(
        "samples",
        Shape::Duration,
        "How long one-minute samples of hosts are kept, from `1d` to `400d`. Default `30d`.",
    ),
];

/// `[write]`.
pub(crate) const WRITE: &[Field] = &[
    field("arm", Shape::Duration, "How long write stays armed, from `30s` to `1h`. Default `5m`."),
    field(
        "second_person",
        Shape::List(&Shape::Choice(&["data", "many-hosts", "maintenance", "lock", "fail-over"])),
        "What another person must approve from a console of their own; an incident of P1 waives it. Default: nothing.",
    ),
];

/// Kinds of service that a later version restarts: watched until then.
pub(crate) const LATER_KINDS: &[&str] = &["docker", "static"];

/// Settings of recipes that a later version uses.
pub(crate) const LATER_RECIPE: &[&str] = &["build"];

/// Beginnings of metrics that a later version measures.
pub(crate) const LATER_METRICS: &[&str] = &["log.", "probe.", "prom."];
