//! Nginx: what is behind it is gone, and a site whose file breaks the configuration.
use super::{Desk, service};
use crate::{
    ops::Ops,
    support::{
        eventually,
        servers::{Exporter, free_port, nginx_sites},
    },
};

/// The processes of a master that Nginx wrote the number of.
pub(super) fn workers(pid: &std::path::Path) -> Vec<String> {
    let pid = std::fs::read_to_string(pid).unwrap();
    let children = std::fs::read_to_string(format!("/proc/{0}/task/{0}/children", pid.trim())).unwrap();
    children.split_whitespace().map(str::to_owned).collect()
}

#[tokio::test]
async fn a_dead_upstream_and_a_broken_site_are_told_apart_and_the_site_is_taken_out() {
    let ops = Ops::start(service).await;
    let (home, upstream) = (ops.sshd.home(), free_port());
    std::fs::create_dir_all(home.join("files")).unwrap();
    let Some(server) = nginx_sites(&home.join("files"), &home.join("bin")).await else { return };
    let at = |name: &str| server.dir.path().join(name);
    let link = |name: &str, text: &str| {
        std::fs::write(at("sites-available").join(name), text).unwrap();
        std::os::unix::fs::symlink(at("sites-available").join(name), at("sites-enabled").join(name)).unwrap();
    };
    link("app.conf", &format!("location /app {{ proxy_pass http://127.0.0.1:{upstream}; }}\n"));
    let given = [
        ("sudo", "no".to_owned()),
        ("url", format!("http://127.0.0.1:{}/app", server.port)),
        ("upstream", format!("127.0.0.1:{upstream}")),
        ("errors", at("error.log").display().to_string()),
        ("enabled", at("sites-enabled").display().to_string()),
        ("site", "odd.conf".to_owned()),
    ];
    let mut desk = Desk::open(ops, "video-streaming/nginx.md", &given).await;
    let app = Exporter::on(upstream, "ok").await;
    let before = workers(&at("nginx.pid"));
    desk.change("reload-it").await;
    // For a tenth of a second the old worker answers beside the new one, by what it was started with.
    eventually("the old worker to be gone", async || {
        let now = workers(&at("nginx.pid"));
        now.len() == 1 && now != before
    })
    .await;
    let looks = ["is-the-configuration-right", "what-users-get", "what-is-behind-it"];
    desk.gets_well("what-users-get").await;
    desk.well(&looks).await;

    drop(app);
    desk.well(&["is-the-configuration-right"]).await;
    desk.ill(&["what-users-get", "what-is-behind-it"]).await;
    let (_, told) = desk.look("what-it-says-of-it").await;
    assert!(told.contains("connect() failed"), "{told}");
    let app = Exporter::on(upstream, "ok").await;
    desk.gets_well("what-users-get").await;
    desk.well(&looks).await;

    link("odd.conf", "location /odd { retrun 200; }\n");
    desk.ill(&["is-the-configuration-right"]).await;
    desk.well(&["what-users-get", "what-is-behind-it"]).await;
    desk.change("take-a-site-out").await;
    assert!(!at("sites-enabled").join("odd.conf").exists() && at("sites-available").join("odd.conf").exists());
    desk.gets_well("what-users-get").await;
    desk.well(&looks).await;
    drop(app);
    desk.ran_all();
}
