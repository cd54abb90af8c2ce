//! E-mail that is not delivered: the provider's numbers from Nginx with a certificate of its name, the domain's records from NSD, the
//! queue in Redis.
use std::{os::unix::fs::PermissionsExt as _, path::Path};

use super::{Desk, cdn, dns::Nsd, redis::Redis, service};
use crate::{
    ops::Ops,
    support::servers::{free_port, nginx_of, tool},
};

const LOOKS: [&str; 5] = ["bounces-of-the-last-day", "spf", "dkim", "dmarc", "what-waits"];
const RECORDS: &str = "@ IN TXT \"v=spf1 include:spf.mtasv.net ~all\"\npm._domainkey IN TXT \"k=rsa; p=MIGf\"\n_dmarc IN TXT \"v=DMARC1; p=reject\"\n";

#[tokio::test]
async fn mail_that_bounces_and_records_that_are_gone_are_told_from_health() {
    let ops = Ops::start(service).await;
    let (home, bin, tls) = (ops.sshd.home(), ops.sshd.home().join("bin"), free_port());
    if tool("QD_TEST_OPENSSL", "openssl").is_none() {
        return;
    }
    let provider = nginx_of(&bin, &["stats"], |at, port| {
        let folder = Path::new(&at.to_string()).to_owned();
        if !folder.join("ca.pem").exists() {
            cdn::authority(&folder);
        }
        cdn::certify(&folder, "api.postmarkapp.com", 90, true);
        format!(
            "server {{ listen 127.0.0.1:{port}; }} server {{ listen 127.0.0.1:{tls} ssl; ssl_certificate {at}/cert.pem; \
             ssl_certificate_key {at}/key.pem; root {at}; if ($http_x_postmark_server_token != only-for-tests) {{ return 401; }} }}"
        )
    });
    let Some(provider) = provider.await else { return };
    let Some(nsd) = Nsd::start(&bin, "nudge.example", RECORDS).await else { return };
    let Some(redis) = Redis::start().await else { return };
    let sent = |sent: u32, bounced: u32| {
        let text = format!("{{\"Sent\":{sent},\"Bounced\":{bounced},\"SpamComplaints\":1}}");
        std::fs::write(provider.dir.path().join("stats/outbound"), text).unwrap();
    };
    sent(1000, 7);
    // Where curl finds the token, it is told where the provider is, too.
    let file = home.join(".config/postmark.curl");
    let at = provider.dir.path().display();
    let settings = |token: &str| {
        format!(
            "header = \"X-Postmark-Server-Token: {token}\"\nconnect-to = \"api.postmarkapp.com:443:127.0.0.1:{tls}\"\ncacert = \"{at}/ca.pem\"\n"
        )
    };
    ops.write(".config/postmark.curl", &settings("only-for-tests"));
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    let given = [
        ("resolver", "127.0.0.1".to_owned()),
        ("dns_port", nsd.port.to_string()),
        ("redis_host", "127.0.0.1".to_owned()),
        ("redis_port", redis.port.to_string()),
    ];
    let mut desk = Desk::open(ops, "email-saas/delivery-failures.md", &given).await;
    desk.well(&LOOKS).await;

    sent(1000, 31);
    let (met, told) = desk.look("bounces-of-the-last-day").await;
    assert!(met == Some(false) && told.contains("3.1"), "{told}");
    sent(0, 0);
    let (met, told) = desk.look("bounces-of-the-last-day").await;
    assert!(met.is_none() && told.contains("nobody knows"), "nothing was sent: {told}");
    // A token that the provider does not take; and it is told nowhere.
    std::fs::write(&file, settings("another-secret")).unwrap();
    let (met, told) = desk.look("bounces-of-the-last-day").await;
    assert!(met == Some(false) && !told.contains("another-secret"), "{told}");
    sent(1000, 7);
    std::fs::write(&file, settings("only-for-tests")).unwrap();

    nsd.write("nudge.example", 2, "@ IN TXT \"v=spf1 include:elsewhere.example ~all\"\n");
    let read = std::process::Command::new(bin.join("nsd-control")).args(["reload", "nudge.example"]).status().unwrap();
    assert!(read.success());
    desk.gets_ill("spf").await;
    desk.ill(&["dkim", "dmarc"]).await;
    let jobs: Vec<String> = (0..1_200).map(|n| format!("job-{n}")).collect();
    let jobs: Vec<&str> = jobs.iter().map(String::as_str).collect();
    redis.say(&[&["lpush", "queue"], jobs.as_slice()].concat());
    desk.ill(&["what-waits"]).await;
    desk.give("campaign", "black-friday");
    desk.change("hold-a-campaign").await;
    assert_eq!(redis.say(&["get", "campaign:hold:black-friday"]), "qd");
    redis.say(&["del", "queue"]);
    nsd.write("nudge.example", 3, RECORDS);
    assert!(
        std::process::Command::new(bin.join("nsd-control"))
            .args(["reload", "nudge.example"])
            .status()
            .unwrap()
            .success()
    );
    desk.gets_well("spf").await;
    desk.well(&LOOKS).await;
    drop((provider, nsd, redis));
    desk.ill(&LOOKS).await;
    desk.ran_all();
}
