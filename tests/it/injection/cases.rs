//! What each recipe is tried with. A recipe's settings that hold free text are found by themselves; here stands what they must look
//! like, what its hosts say, what its commands answer, and what is wanted of it.
use quarterdeck::core::{
    hosts::{Pm2List, Pm2Process},
    inventory::Service,
    runs::{Build, Order, Release, Survey, Wanted, What},
};
use serde_json::json;

use super::bench::Bench;

/// Says what a setting holds.
pub(super) type Setting<'a> = dyn Fn(&str) -> String + 'a;

/// One recipe as it is tried.
pub(super) struct Case {
    pub(super) kind: &'static str,
    /// Settings as they are written: those that are shell text by design, and those that choose.
    pub(super) fixed: &'static [(&'static str, &'static str)],
    /// What a setting looks like around the value.
    pub(super) patterns: &'static [(&'static str, &'static str)],
    /// Arms of a `case` over a command and its words.
    pub(super) answers: &'static str,
    /// Makes what stands on the host; settings by their names.
    pub(super) prepare: fn(&Bench, &Setting<'_>),
    /// What the host says, with what it is asked for, and the service's name.
    pub(super) says: fn(&str, &str) -> Survey,
    /// What is wanted.
    pub(super) wanted: fn(&str, &Build) -> Vec<Wanted>,
    /// Those of it that can be planned with plain words.
    pub(super) plans: &'static [usize],
    /// Commands that must have been called with plain words.
    pub(super) calls: &'static [&'static str],
}

const SUM: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const OLD: &str = "1111111111111111111111111111111111111111";
const NEW: &str = "2222222222222222222222222222222222222222";

pub(super) const CASES: &[Case] = &[
    Case {
        kind: "ansible",
        fixed: &[("within", "\"10s\"")],
        patterns: &[("path", "~/{}"), ("args", "--tags={}")],
        answers: "",
        prepare: |bench, setting| bench.write(&format!("{}/.qd-versions", setting("path")), "v1\nv2\n"),
        says: |asked, _| {
            let hosts = "exit 0\n \n playbook: edge.yml\n   play #1\n     hosts (1):\n       edge-fra";
            says(&[
                ("ansible", " ansible-playbook [core 2.14]"),
                ("hosts", hosts),
                ("versions", &format!("{asked}\nv1\nv2")),
            ])
        },
        wanted: |asked, _| {
            vec![Wanted::Restart, version(asked), back(None), back(Some(asked)), order("check", &[("version", asked)])]
        },
        plans: &[0, 1, 2, 3, 4],
        calls: &["ansible-playbook"],
    },
    Case {
        kind: "apache-site",
        fixed: &[("health_within", "\"1s\"")],
        patterns: &[("available", "~/{}.a"), ("enabled", "~/{}.e"), ("site", "{}.conf"), ("unit", "{}.service")],
        answers: "",
        prepare: sites,
        says: site,
        wanted: site_wanted,
        plans: &[0, 1, 2, 4],
        calls: &["apachectl", "systemctl", "curl", "sudo"],
    },
    Case {
        kind: "command",
        fixed: &[(
            "tasks",
            "{ deploy = { steps = [\"tool deploy \\\"$QD_VERSION\\\"\"], undo = [\"tool undo \\\"$QD_VERSION\\\"\"] }, \
             restart = { steps = [\"tool restart\"] }, rollback = { steps = [\"tool back \\\"$QD_VERSION\\\"\"] }, \
             drain = { steps = [\"tool drain \\\"$QD_NODE\\\"\"], takes = [\"node\"] } }",
        )],
        patterns: &[("path", "~/{}")],
        answers: "",
        prepare: |_, _| {},
        says: |_, _| Survey::default(),
        wanted: |asked, _| vec![Wanted::Restart, version(asked), back(Some(asked)), order("drain", &[("node", asked)])],
        plans: &[0, 1, 2, 3],
        calls: &["tool"],
    },
    Case {
        kind: "compose",
        fixed: &[("within", "\"5s\""), ("health_within", "\"1s\"")],
        patterns: &[("path", "~/{}")],
        answers: "docker*' ps '*) echo id1 ;;\ndocker*inspect*--format*) printf 'running healthy 0 0 reg/%s:v3 id1\\n' \"$(printf %s \"$ASKED\" | tr -d ' \n')\" ;;",
        prepare: |bench, setting| {
            let (path, file, name) = (setting("path"), setting("env_file"), setting("variable"));
            bench.write(&format!("{path}/{file}"), &format!("A=b\n{name}=v2\n"));
        },
        says: |asked, service| {
            let container = json!({ "Name": asked, "Service": service, "Image": format!("reg/{}:v2", asked.replace('@', "")), "State": "running" });
            let services = format!("{service}\n{}", super::SETTING);
            says(&[
                ("version", "2.29.1"),
                ("services", &services),
                ("containers", &container.to_string()),
                ("tag", "v2"),
                ("tags", "v1\nv2"),
            ])
        },
        wanted: |asked, _| vec![Wanted::Restart, version("v3"), version(asked), back(None), back(Some(asked))],
        plans: &[0, 1, 2, 3, 4],
        calls: &["docker", "curl"],
    },
    Case {
        kind: "ecs",
        fixed: &[("within", "\"1s\"")],
        patterns: &[("path", "~/{}")],
        answers: "aws*\"[id, rolloutState\"*) printf '%s COMPLETED 2 2 0 0 x/api:43\\n' \"$(printf %s \"$ASKED\" | tr -d ' \n')\" ;;\n\
                  aws*\"[id, taskDefinition]\"*) printf '%s x/api:43\\n' \"$(printf %s \"$ASKED\" | tr -d ' \n')\" ;;\n\
                  aws*PRIMARY*) printf '%s\\n' \"$(printf %s \"$ASKED\" | tr -d ' \n')\" ;;",
        prepare: |_, _| {},
        says: |asked, _| {
            let id = asked.replace([' ', '\n'], "");
            let deployment = json!({ "id": id, "status": "PRIMARY", "taskDefinition": "x/api:42", "rolloutState": "COMPLETED", "failedTasks": 0 });
            let service = json!({ "failures": [], "services": [{ "status": "ACTIVE", "taskDefinition": "x/api:42", "desiredCount": 2,
                "runningCount": 2, "pendingCount": 0, "deployments": [deployment], "breaker": null, "controller": null }] });
            let definitions = json!(["x/api:43", "x/api:42", "x/api:41", format!("x/{asked}:7")]).to_string();
            let images = json!([format!("reg/{}:v2", asked.replace('@', ""))]).to_string();
            says(&[
                ("service", &service.to_string()),
                ("definitions", &definitions),
                ("images", &images),
                ("scalers", "[]"),
            ])
        },
        wanted: |asked, _| {
            let scale = |tasks| order("scale", &[("tasks", tasks)]);
            vec![
                Wanted::Restart,
                version("43"),
                version(&format!("{asked}:7")),
                version(asked),
                back(None),
                scale("5"),
                scale(asked),
            ]
        },
        plans: &[0, 1, 2, 4, 5],
        calls: &["aws"],
    },
    Case {
        kind: "kubernetes",
        fixed: &[("within", "\"1s\"")],
        patterns: &[("path", "~/{}")],
        answers: "kubectl*deployment.kubernetes.io/revision*) echo 12 ;;\n\
                  kubectl*.spec.template.spec.containers*) printf 'reg/%s:v3\\n' \"$ASKED\" ;;\n\
                  kubectl*.metadata.generation*) echo 8 8 3 3 3 3 . ;;",
        prepare: |_, _| {},
        says: |asked, _| {
            let image = format!("reg/{}:v2", asked.replace('@', ""));
            let deployment = json!({
                "metadata": { "uid": "u-1", "generation": 7, "annotations": { "deployment.kubernetes.io/revision": "12" } },
                "spec": { "replicas": 3, "strategy": { "type": "RollingUpdate" }, "progressDeadlineSeconds": 300,
                    "template": { "spec": { "containers": [{ "name": super::SETTING, "image": image }] } } },
                "status": { "observedGeneration": 7, "replicas": 3, "updatedReplicas": 3, "availableReplicas": 3 },
            });
            let kept = |number: u64, created: &str, image: &str| {
                json!({ "revision": number.to_string(), "owners": ["u-1"], "created": created, "images": { super::SETTING: image } }).to_string()
            };
            let revisions =
                [kept(9, "2026-01-01", &format!("reg/api:{}", asked.replace('@', ""))), kept(12, "2026-01-02", &image)]
                    .join("\n");
            says(&[("deployment", &deployment.to_string()), ("revisions", &revisions), ("rights", "yes")])
        },
        wanted: |asked, _| {
            let scale = |pods| order("scale", &[("replicas", pods)]);
            vec![
                Wanted::Restart,
                version("v3"),
                version(asked),
                back(None),
                back(Some(asked)),
                scale("5"),
                scale(asked),
            ]
        },
        plans: &[0, 1, 2, 3, 4, 5],
        calls: &["kubectl"],
    },
    Case {
        kind: "laravel-apache",
        fixed: &[("health_within", "\"1s\""), ("maintenance_mode", "true")],
        patterns: &[("path", "~/{}"), ("unit", "{}.service"), ("php_fpm", "{}-fpm")],
        answers: "git*--absolute-git-dir*) printf '%s/.git\\n' \"$PWD\" ;;\n\
                  git*HEAD^*) echo 1111111111111111111111111111111111111111 ;;\ngit*symbolic-ref*) echo main ;;",
        prepare: |bench, setting| {
            for name in [".git/HEAD", "artisan", "composer.json", ".gitmodules"] {
                bench.write(&format!("{}/{name}", setting("path")), "");
            }
        },
        says: |asked, _| {
            let (target, dirty) = (format!("branch {NEW}"), format!(" M {asked}"));
            says(&[("head", OLD), ("server", "good"), ("target", &target), ("dirty", &dirty)])
        },
        wanted: |asked, _| {
            let newest = Wanted::Deploy { what: What::Default };
            vec![Wanted::Restart, newest, version(asked), back(None), back(Some(asked))]
        },
        plans: &[0, 1, 2, 3, 4],
        calls: &["git", "php", "composer", "apachectl", "curl", "systemctl", "sudo"],
    },
    Case {
        kind: "nginx-site",
        fixed: &[("health_within", "\"1s\""), ("restart", "\"restart\"")],
        patterns: &[("available", "~/{}.a"), ("enabled", "~/{}.e"), ("site", "{}.conf"), ("unit", "{}.service")],
        answers: "",
        prepare: sites,
        says: site,
        wanted: site_wanted,
        plans: &[0, 1, 2, 4],
        calls: &["nginx", "systemctl", "curl", "sudo"],
    },
    Case {
        kind: "node-pm2",
        fixed: &[("health_within", "\"1s\"")],
        patterns: &[("path", "~/{}"), ("builds", "~/{}")],
        answers: "pm2*' id '* | 'pm2 id '*) echo '[ 4 ]' ;;\ncurl*) echo v1 ;;",
        prepare: |bench, setting| bench.write(&format!("{}/releases/.keep", setting("path")), ""),
        says: released,
        wanted: |asked, build| {
            vec![
                Wanted::Restart,
                Wanted::Deploy { what: What::Build(build.clone()) },
                Wanted::Deploy { what: What::Build(Build { version: asked.to_owned(), ..build.clone() }) },
                back(None),
                back(Some(asked)),
            ]
        },
        plans: &[0, 1, 2, 3],
        calls: &["pm2", "curl"],
    },
    Case {
        kind: "node-pm2",
        fixed: &[("health_within", "\"1s\""), ("layout", "\"in-place\"")],
        patterns: &[("path", "~/{}"), ("builds", "~/{}"), ("start", "{}.js")],
        answers: "'pm2 id '*) echo '[ 9 ]' ;;",
        prepare: |bench, setting| {
            bench.write(&format!("{}/{}", setting("path"), setting("shared")), "SECRET=1");
            bench.write(&format!("{}/{}.js", setting("path"), setting("start")), "old");
        },
        says: |asked, service| Survey {
            own: [("previous".to_owned(), format!("19700101000000-{asked}"))].into(),
            ..released(asked, service)
        },
        wanted: |asked, build| vec![Wanted::Deploy { what: What::Build(build.clone()) }, back(Some(asked))],
        plans: &[0, 1],
        calls: &["pm2", "curl"],
    },
    Case {
        kind: "packages",
        fixed: &[],
        patterns: &[("path", "~/{}")],
        answers: "apt-get*--simulate*) printf 'Inst %s [1] (2 x [amd64])\\n' \"$ASKED\" ;;",
        prepare: |_, _| {},
        says: |asked, _| {
            let upgrades = format!("ok\nInst {asked} [1] (2 x [amd64])");
            says(&[("upgrades", &upgrades), ("age", "60"), ("broken", ""), ("reboot", "")])
        },
        wanted: |asked, _| vec![order("check", &[]), order("upgrade", &[]), order("upgrade", &[("only", asked)])],
        plans: &[0, 1, 2],
        calls: &["apt-get", "dpkg", "sudo"],
    },
    Case {
        kind: "resend",
        fixed: &[
            ("verify", "\"tool verify \\\"$QD_FILE\\\"\""),
            ("send", "\"tool send \\\"$QD_PACKAGE\\\" \\\"$QD_FILE\\\"\""),
        ],
        patterns: &[("path", "~/{}"), ("file", "@HOME@/{}/$QD_PACKAGE.zip")],
        answers: "",
        prepare: |bench, setting| bench.write(&format!("{}/{}.zip", setting("file"), super::ASKED), "zip"),
        says: |asked, _| {
            let there = format!("ok\nfile={asked}\nsha256={}\nbytes=3", sum_of("zip"));
            says(&[("package", &there), ("mark", &format!("state={asked}\nat=1\nsha256=ff"))])
        },
        wanted: |asked, _| {
            let sent = |package: &str| order("resend", &[("package", package), ("again", "yes")]);
            vec![sent(asked)]
        },
        plans: &[0],
        calls: &["tool"],
    },
    Case {
        kind: "systemd",
        fixed: &[("test", "\"tool test\"")],
        patterns: &[("path", "~/{}"), ("unit", "{}.service")],
        answers: "",
        prepare: |_, _| {},
        says: |_, _| Survey::default(),
        wanted: |_, _| vec![Wanted::Restart],
        plans: &[0],
        calls: &["tool", "systemctl", "sudo"],
    },
];

fn sum_of(text: &str) -> String {
    use sha2::Digest as _;
    sha2::Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn says(own: &[(&str, &str)]) -> Survey {
    let own = own.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
    Survey { own, ..Survey::default() }
}

fn version(version: &str) -> Wanted {
    Wanted::Deploy { what: What::Version { version: version.to_owned() } }
}

fn back(to: Option<&str>) -> Wanted {
    Wanted::Rollback { to: to.map(str::to_owned) }
}

fn order(task: &str, settings: &[(&str, &str)]) -> Wanted {
    let settings = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Wanted::Task(Order { task: task.to_owned(), settings, file: None })
}

fn sites(bench: &Bench, setting: &Setting<'_>) {
    bench.write(&format!("{}.a/{}.conf", setting("available"), setting("site")), "server {}\n");
    bench.write(&format!("{}.a/{}.conf.qd-previous", setting("available"), setting("site")), "server { }\n");
    bench.write(&format!("{}.a/other.conf", setting("available")), "server {}\n");
    bench.write(&format!("{}.e/other.conf", setting("enabled")), "");
}

fn site(asked: &str, _: &str) -> Survey {
    let sum = sum_of("server {}\n");
    let (previous, kept) = (sum_of("server { }\n"), format!("|{asked} "));
    let own = [("server", "good"), ("enabled", "no"), ("sum", &sum), ("file", &format!("|{asked}"))];
    says(&[own.as_slice(), &[("previous", &previous), ("kept", &kept)]].concat())
}

fn site_wanted(asked: &str, build: &Build) -> Vec<Wanted> {
    let replace = Order { task: "replace".to_owned(), file: Some(build.clone()), ..Order::default() };
    vec![back(None), Wanted::Restart, order("enable", &[]), order("disable", &[("site", asked)]), Wanted::Task(replace)]
}

fn released(asked: &str, _: &str) -> Survey {
    let release = |name: String, version: &str| Release {
        name,
        version: version.to_owned(),
        sha256: SUM.to_owned(),
        at: None,
        by: asked.to_owned(),
    };
    let (now, before) = ("20260101000000-v1".to_owned(), format!("19700101000000-{asked}"));
    Survey {
        current: Some(now.clone()),
        releases: vec![release(before, asked), release(now, "v1")],
        ..Survey::default()
    }
}

/// A release that is complete.
pub(super) fn release_of(name: &str) -> Release {
    let version = name.split_once('-').map_or(name, |(_, version)| version).to_owned();
    Release { name: name.to_owned(), version, sha256: SUM.to_owned(), at: None, by: "leo".to_owned() }
}

/// A list with one process of the service's app.
pub(super) fn pm2(service: &Service) -> Pm2List {
    let name = service.recipe.get("app").and_then(serde_json::Value::as_str).unwrap_or_default();
    let process = Pm2Process {
        pm_id: 4,
        name: name.to_owned(),
        status: "online".to_owned(),
        autorestart: true,
        pid: None,
        restarts: 0,
        unstable_restarts: 0,
        memory_bytes: None,
        cpu_pct: None,
        started_at: None,
        exec_mode: "fork_mode".to_owned(),
        version: None,
        node_version: None,
        log_paths: vec![format!("/root/.pm2/logs/{name}-out.log")],
    };
    // Where it is kept in place there is none yet: it is started.
    let is_new = service.recipe.get("layout").is_some();
    Pm2List { daemon: true, processes: if is_new { Vec::new() } else { vec![process] }, ..Pm2List::default() }
}
