//! An edge node: Nginx in the place of OpenResty, with the pages that the playbooks ask; NSD and Redis as they are. What an edge does
//! of itself (fetching a domain anew, counting in Lua) is files here.
use std::{path::Path, process::Command};

use quarterdeck::core::runs::RunOutcome;

use super::{Desk, dns::Nsd, eventually, redis::Redis, service};
use crate::{
    ops::Ops,
    support::{
        servers::{Server, free_port, nginx_of, program, tool},
        sshd::Sshd,
    },
};

const DOMAIN: &str = "shop.example";
const METRICS: &str = "nginx_http_requests_total{host=\"shop.example\",status=\"200\"} 7\nnginx_ssl_handshake_errors_total{phase=\"hello\"} 3\n";

/// An edge node, and how it is reached.
struct Edge {
    server: Server,
    tls: u16,
}

fn openssl(at: &Path, words: &str) {
    let done = Command::new("openssl").args(words.split(' ')).current_dir(at).output().unwrap();
    assert!(done.status.success(), "openssl {words}: {}", String::from_utf8_lossy(&done.stderr));
}

/// Makes what signs.
pub(super) fn authority(at: &Path) {
    openssl(
        at,
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout ca.key -out ca.pem -days 365 -subj /CN=ca",
    );
}

/// Makes a certificate for a name that is valid for so many days, and puts it where the node looks.
pub(super) fn certify(at: &Path, name: &str, days: u32, whole: bool) {
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout key.pem";
    openssl(at, &format!("req {key} -out csr -subj /CN={name} -addext subjectAltName=DNS:{name}"));
    let by = "-CA ca.pem -CAkey ca.key -CAcreateserial -copy_extensions copy";
    openssl(at, &format!("x509 -req -in csr {by} -days {days} -out leaf.pem"));
    let read = |name: &str| std::fs::read_to_string(at.join(name)).unwrap();
    let above = if whole { read("ca.pem") } else { String::new() };
    std::fs::write(at.join("cert.pem"), read("leaf.pem") + &above).unwrap();
}

impl Edge {
    async fn start(bin: &Path) -> Option<Self> {
        tool("QD_TEST_OPENSSL", "openssl")?;
        let tls = free_port();
        let server = nginx_of(bin, &["inner", "inner/domains", "known"], |at, port| {
            let folder = Path::new(&at.to_string()).to_owned();
            if !folder.join("ca.pem").exists() {
                authority(&folder);
            }
            certify(&folder, DOMAIN, 90, true);
            std::fs::write(folder.join("inner/healthz"), "ok\n").unwrap();
            std::fs::write(folder.join("inner/metrics"), METRICS).unwrap();
            std::fs::write(folder.join("known").join(DOMAIN), "").unwrap();
            std::fs::write(folder.join("metrics.conf"), "allow 127.0.0.1;\ndeny all;\n").unwrap();
            format!(
                "server {{ listen 127.0.0.1:{port}; root {at}/inner; location = /metrics {{ include {at}/metrics.conf; }} location \
                 /domains/ {{ dav_methods DELETE; }} }}\n  server {{ listen 127.0.0.1:{tls} ssl; ssl_certificate {at}/cert.pem; \
                 ssl_certificate_key {at}/key.pem; location / {{ if (!-e {at}/known/{DOMAIN}) {{ return 404; }} return 200 shop; }} }}"
            )
        })
        .await?;
        let (at, own) = (server.dir.path().display().to_string(), bin.display());
        program(&bin.join("openresty"), &format!("#!/bin/sh\nexec {own}/nginx \"$@\"\n"));
        // No systemd runs where tests run, and who calls sudo there may be root already.
        program(
            &bin.join("systemctl"),
            &format!(
                "#!/bin/sh\n[ \"$1 $2\" = 'reload openresty' ] && exec {own}/nginx -s reload\ncat \"$HOME/units\"; grep -qx active \"$HOME/units\"\n"
            ),
        );
        program(&bin.join("sudo"), "#!/bin/sh\nshift\nexec \"$@\"\n");
        // What signed is known to the node.
        program(&bin.join("openssl"), &format!("#!/bin/sh\nSSL_CERT_FILE={at}/ca.pem exec /usr/bin/openssl \"$@\"\n"));
        program(&bin.join("curl"), &format!("#!/bin/sh\nCURL_CA_BUNDLE={at}/ca.pem exec /usr/bin/curl \"$@\"\n"));
        Some(Self { server, tls })
    }

    fn at(&self) -> &Path {
        self.server.dir.path()
    }

    fn given(&self) -> Vec<(&'static str, String)> {
        vec![
            ("domain", DOMAIN.to_owned()),
            ("port", self.tls.to_string()),
            ("inner", format!("http://127.0.0.1:{}", self.server.port)),
            ("conf", self.at().join("metrics.conf").display().to_string()),
            ("errors", self.at().join("error.log").display().to_string()),
        ]
    }

    /// Writes a file of its pages, or takes it away.
    fn page(&self, name: &str, text: Option<&str>) {
        let file = self.at().join("inner").join(name);
        match text {
            Some(text) => std::fs::write(file, text).unwrap(),
            None => std::fs::remove_file(file).unwrap(),
        }
    }
}

/// Has the node reloaded, and waits until nobody answers any more by what it was started with.
async fn reload(edge: &Edge, how: impl AsyncFnOnce()) {
    let workers = || super::nginx::workers(&edge.at().join("nginx.pid"));
    let before = workers();
    how().await;
    eventually("the old worker to be gone", async || workers().len() == 1 && workers() != before).await;
}

/// A console for one host with a role.
async fn host(role: &str) -> Ops {
    Ops::labelled(Sshd::start().await, &format!("role = {role:?}"), service)
}

#[tokio::test]
async fn a_node_with_a_bad_certificate_is_told_from_health_and_loads_a_good_one() {
    const LOOKS: [&str; 3] = ["does-the-handshake-work", "how-long-the-certificate-is-valid", "is-the-chain-whole"];
    const LOAD: &str = "have-a-node-load-its-certificates";
    let ops = host("edge").await;
    let Some(edge) = Edge::start(&ops.sshd.home().join("bin")).await else { return };
    let mut desk = Desk::open(ops, "cdn/tls-handshake.md", &edge.given()).await;
    desk.well(&LOOKS).await;
    let (_, told) = desk.look("which-errors-it-counts").await;
    assert!(told.contains("{phase=\"hello\"} 3"), "{told}");

    // It ends soon, it is another's, what is above it is missing; each is told, and what is right comes back.
    for (name, days, whole, ill) in
        [(DOMAIN, 5, true, &LOOKS[1..2]), ("other.example", 90, true, &LOOKS[..1]), (DOMAIN, 90, false, &LOOKS[2..])]
    {
        certify(edge.at(), name, days, whole);
        reload(&edge, async || desk.change(LOAD).await).await;
        desk.gets_ill(ill[0]).await;
        let others: Vec<&str> = LOOKS.into_iter().filter(|look| !ill.contains(look)).collect();
        desk.well(&others).await;
        certify(edge.at(), DOMAIN, 90, true);
        reload(&edge, async || desk.change(LOAD).await).await;
        desk.gets_well(ill[0]).await;
        desk.well(&LOOKS).await;
    }
    // One that cannot be read is not loaded, and the node goes on.
    std::fs::write(edge.at().join("cert.pem"), "none").unwrap();
    let (outcome, told) = desk.try_change(LOAD).await;
    assert_eq!(outcome, RunOutcome::Failed, "{told}");
    desk.well(&LOOKS).await;
    drop(edge);
    desk.ill(&LOOKS).await;
    // timedatectl asks systemd, which does not run where tests run.
    desk.ran_all_but(&["is-its-clock-right"]);
}

#[tokio::test]
async fn a_node_whose_metrics_are_missing_or_slow_is_told_from_health() {
    const LOOKS: [&str; 4] =
        ["does-the-node-answer", "are-there-metrics", "how-long-it-takes", "is-the-shared-memory-full"];
    let ops = host("edge").await;
    let Some(edge) = Edge::start(&ops.sshd.home().join("bin")).await else { return };
    let mut desk = Desk::open(ops, "cdn/metrics-missing.md", &edge.given()).await;
    desk.well(&LOOKS).await;
    let (_, told) = desk.look("who-may-ask").await;
    assert!(told.contains("deny all"), "{told}");

    edge.page("healthz", None);
    desk.ill(&LOOKS[..1]).await;
    desk.well(&LOOKS[1..]).await;
    edge.page("healthz", Some("ok\n"));
    edge.page("metrics", Some("nothing_of_ours 1\n"));
    desk.ill(&LOOKS[1..2]).await;
    edge.page("metrics", None);
    desk.ill(&LOOKS[1..3]).await;
    // Six seconds for all of it.
    edge.page("metrics", Some(&METRICS.repeat(45)));
    std::fs::write(edge.at().join("metrics.conf"), "allow 127.0.0.1; limit_rate 1k;\ndeny all;\n").unwrap();
    reload(&edge, async || desk.change("reload-the-node").await).await;
    desk.gets_ill("how-long-it-takes").await;
    std::fs::write(edge.at().join("metrics.conf"), "allow 127.0.0.1;\ndeny all;\n").unwrap();
    edge.page("metrics", Some(METRICS));
    reload(&edge, async || desk.change("reload-the-node").await).await;
    desk.gets_well("how-long-it-takes").await;

    let errors = edge.at().join("error.log");
    let before = std::fs::read_to_string(&errors).unwrap();
    std::fs::write(
        &errors,
        format!("{before}2026/11/20 03:07:00 [error] 1#1: ngx_slab_alloc() failed: no memory in metrics\n"),
    )
    .unwrap();
    desk.ill(&LOOKS[3..]).await;
    std::fs::write(&errors, before).unwrap();
    desk.well(&LOOKS).await;
    drop(edge);
    desk.ill(&LOOKS).await;
    desk.ran_all();
}

#[tokio::test]
async fn a_node_that_is_missing_in_the_zone_is_told_from_health_and_comes_back() {
    const LOOKS: [&str; 5] = [
        "is-nsd-well",
        "is-the-zone-right",
        "do-all-name-servers-have-the-same",
        "is-the-node-there",
        "is-the-node-well",
    ];
    const ALL: &str = "edge IN A 192.0.2.7\nedge IN A 192.0.2.8\n";
    const ZONE: &str = "cirrus.example";
    let sshd = Sshd::start().await;
    let also = format!(
        "[[host]]\nname = \"edge-1\"\nenv = \"stage\"\naddress = \"127.0.0.1\"\nport = {}\nuser = {:?}\nidentity = {:?}\npath_prefix = [{:?}]\nlabels = {{ role = \"edge\" }}\n",
        sshd.port,
        sshd.user,
        sshd.identity().display().to_string(),
        sshd.home().join("bin").display().to_string()
    );
    let ops = Ops::labelled(sshd, "role = \"dns\"", |home| service(home) + "\n" + &also);
    let bin = ops.sshd.home().join("bin");
    let Some(edge) = Edge::start(&bin).await else { return };
    let Some(nsd) = Nsd::start(&bin, ZONE, ALL).await else { return };
    ops.write("units", "active\n");
    let mut given = edge.given();
    given.extend([
        ("address", "192.0.2.7".to_owned()),
        ("dns_port", nsd.port.to_string()),
        ("zones", nsd.zones().display().to_string()),
    ]);
    let mut desk = Desk::open(ops, "cdn/node-missing-dns.md", &given).await;
    desk.well(&LOOKS).await;

    // The health task took it out, as it should: it is not well.
    nsd.write(ZONE, 2, "edge IN A 192.0.2.8\n");
    desk.change("have-nsd-read-its-zones").await;
    edge.page("healthz", None);
    desk.gets_ill("is-the-node-there").await;
    desk.ill(&LOOKS[3..]).await;
    desk.well(&LOOKS[..3]).await;
    edge.page("healthz", Some("ok\n"));
    // A zone that is wrong is not read; one that is right is.
    nsd.write(ZONE, 3, "edge IN A nowhere\n");
    desk.ill(&LOOKS[1..2]).await;
    let (outcome, told) = desk.try_change("have-nsd-read-its-zones").await;
    assert_eq!(outcome, RunOutcome::Failed, "{told}");
    nsd.write(ZONE, 4, ALL);
    desk.change("have-nsd-read-its-zones").await;
    desk.gets_well("is-the-node-there").await;
    desk.well(&LOOKS).await;

    // A second name server that says nothing.
    nsd.write(ZONE, 5, &format!("@ IN NS silent.invalid.\n{ALL}"));
    desk.change("have-nsd-read-its-zones").await;
    desk.gets_ill("do-all-name-servers-have-the-same").await;
    desk.ops.write("units", "failed\n");
    desk.ill(&LOOKS[..1]).await;
    drop(nsd);
    desk.ill(&LOOKS[2..4]).await;
    desk.ran_all();
}

#[tokio::test]
async fn a_domain_that_no_node_knows_is_told_from_health() {
    const LOOKS: [&str; 4] =
        ["does-its-name-lead-here", "does-the-control-plane-know-it", "what-each-node-answers", "which-origin-it-has"];
    let ops = host("edge").await;
    let bin = ops.sshd.home().join("bin");
    let Some(edge) = Edge::start(&bin).await else { return };
    let Some(nsd) =
        Nsd::start(&bin, DOMAIN, "www IN CNAME edge.cirrus.example.\nold IN CNAME elsewhere.example.\n").await
    else {
        return;
    };
    let Some(redis) = Redis::start().await else { return };
    let known = |status: &str| redis.say(&["hset", "domain:www.shop.example", "status", status, "origin", "192.0.2.1"]);
    known("active");
    certify(edge.at(), "www.shop.example", 90, true);
    let mut given = edge.given();
    given.retain(|(name, _)| *name != "domain");
    given.extend([
        ("domain", "www.shop.example".to_owned()),
        ("resolver", "127.0.0.1".to_owned()),
        ("dns_port", nsd.port.to_string()),
        ("redis_port", redis.port.to_string()),
    ]);
    reload(&edge, async || {
        assert!(Command::new(bin.join("openresty")).args(["-s", "reload"]).status().unwrap().success());
    })
    .await;
    let mut desk = Desk::open(ops, "cdn/domain-404.md", &given).await;
    desk.well(&LOOKS).await;

    std::fs::remove_file(edge.at().join("known").join(DOMAIN)).unwrap();
    known("failed");
    desk.ill(&LOOKS[1..3]).await;
    desk.well(&[LOOKS[0], LOOKS[3]]).await;
    // What the node kept of it goes; that it asks for it anew is the node's own doing.
    edge.page("domains/www.shop.example", Some("old"));
    desk.change("have-the-nodes-take-it-anew").await;
    assert!(!edge.at().join("inner/domains/www.shop.example").exists());
    std::fs::write(edge.at().join("known").join(DOMAIN), "").unwrap();
    known("active");
    desk.well(&LOOKS).await;

    redis.say(&["hdel", "domain:www.shop.example", "origin"]);
    desk.ill(&LOOKS[3..]).await;
    desk.give("domain", "old.shop.example");
    desk.ill(&LOOKS[..2]).await;
    // Whom nobody can ask is not well.
    desk.give("domain", "www.shop.example");
    drop((nsd, redis, edge));
    desk.ill(&LOOKS[..2]).await;
    desk.ran_all();
}
