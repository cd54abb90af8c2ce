//! PM2: a process that is errored, one that starts again and again, a list that is not saved.
use std::process::Command;

use quarterdeck::core::runs::RunOutcome;

use super::{Desk, service};
use crate::{
    ops::Ops,
    support::{
        eventually,
        servers::{Pm2, program},
    },
};

const LIVES: &str = "setInterval(() => {}, 1000);\n";
const DIES: &str = "console.error('no database'); setTimeout(() => process.exit(1), 200);\n";

#[tokio::test]
async fn an_errored_process_is_told_from_health_and_started() {
    let ops = Ops::start(service).await;
    let home = ops.sshd.home();
    // What runs there ends before the home is taken away: it goes first.
    let given = [("app", "play".to_owned()), ("seconds", "2".to_owned())];
    let mut desk = Desk::open(ops, "video-streaming/pm2.md", &given).await;
    let Some(pm2) = Pm2::idle(&home) else { return };
    let path = pm2.path_prefix.join(":");
    for name in ["pm2", "node"] {
        let bin = home.join("bin").join(name);
        program(
            &bin,
            &format!(
                "#!/bin/sh\nPATH='{path}':$PATH\nfor d in $(echo \"$PATH\" | tr : ' '); do\n  [ \"$d\" = '{}' ] || [ ! -x \"$d/{name}\" ] || exec \"$d/{name}\" \"$@\"\ndone\n",
                home.join("bin").display()
            ),
        );
    }
    let looks = [
        "does-pm2-run",
        "is-it-online",
        "does-it-start-again-and-again",
        "would-it-come-back-after-a-reboot",
        "how-large-are-its-logs",
    ];
    desk.ill(&["does-pm2-run", "is-it-online"]).await;
    assert!(!home.join(".pm2/pm2.pid").exists(), "a look starts no PM2");

    let script = home.join("play.js");
    std::fs::write(&script, LIVES).unwrap();
    let apps = serde_json::json!({ "apps": [{ "name": "play", "script": &script, "cwd": &home, "max_restarts": 3, "min_uptime": 1000 }] });
    std::fs::write(home.join("apps.json"), apps.to_string()).unwrap();
    assert!(pm2.run(&["start", "apps.json"]).status.success());
    desk.well(&["does-pm2-run", "is-it-online", "does-it-start-again-and-again"]).await;
    desk.ill(&["would-it-come-back-after-a-reboot"]).await;
    desk.change("save-the-list").await;
    desk.well(&looks).await;
    desk.give("app", "nobody");
    let (met, told) = desk.look("is-it-online").await;
    assert_eq!(met, None, "what PM2 does not know is unknown, not well: {told}");
    desk.give("app", "play");

    std::fs::write(&script, DIES).unwrap();
    drop(pm2.run(&["restart", "play"]));
    eventually("the process gives up", async || {
        String::from_utf8_lossy(&pm2.run(&["jlist"]).stdout).contains("\"status\":\"errored\"")
    })
    .await;
    desk.well(&["does-pm2-run", "would-it-come-back-after-a-reboot"]).await;
    desk.ill(&["is-it-online"]).await;
    let (_, told) = desk.look("what-it-says").await;
    assert!(told.contains("no database"), "{told}");

    std::fs::write(&script, LIVES).unwrap();
    desk.change("restart-it").await;
    desk.gets_well("does-it-start-again-and-again").await;
    desk.well(&looks).await;

    // One that dies some seconds after each start is online most of the time: only its age tells.
    std::fs::write(&script, "setTimeout(() => process.exit(1), 1500);\n").unwrap();
    drop(pm2.run(&["restart", "play"]));
    desk.ill(&["does-it-start-again-and-again"]).await;
    std::fs::write(&script, LIVES).unwrap();
    desk.change("restart-it").await;
    desk.gets_well("does-it-start-again-and-again").await;
    desk.well(&looks).await;

    // Logs that fill the disk; and the module that keeps them small, which PM2 takes settings for although it is not there.
    let log = home.join(".pm2/logs/play-out-0.log");
    assert!(Command::new("fallocate").args(["-l", "1025M"]).arg(&log).status().unwrap().success());
    desk.ill(&["how-large-are-its-logs"]).await;
    std::fs::remove_file(&log).unwrap();
    desk.well(&looks).await;
    let (outcome, told) = desk.try_change("keep-its-logs-small").await;
    assert!(outcome == RunOutcome::Failed && told.contains("pm2 install pm2-logrotate"), "{told}");
    // A folder in the place of the module itself.
    std::fs::create_dir_all(home.join(".pm2/modules/pm2-logrotate")).unwrap();
    desk.change("keep-its-logs-small").await;
    let set = std::fs::read_to_string(home.join(".pm2/module_conf.json")).unwrap();
    assert!(set.contains("\"max_size\": \"100M\"") && set.contains("\"retain\": \"10\""), "{set}");
    desk.ran_all();
}
