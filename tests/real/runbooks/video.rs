//! What the first team has besides PM2 and Nginx: packages for partners, and an API that answers errors. PHP, Nginx and unzip are
//! real; artisan is a script in its place.
use std::{path::Path, process::Command};

use super::{Desk, service};
use crate::{
    ops::Ops,
    support::servers::{nginx_of, tool},
};

#[tokio::test]
async fn a_package_that_is_cut_off_or_was_sent_is_told_from_health() {
    const LOOKS: [&str; 3] = ["does-the-partner-answer", "is-the-package-whole", "what-is-in-it"];
    let ops = Ops::start(service).await;
    let (home, out) = (ops.sshd.home(), ops.sshd.home().join("out"));
    if tool("QD_TEST_ZIP", "zip").is_none() || tool("QD_TEST_ZIP", "unzip").is_none() {
        return;
    }
    let bin = home.join("bin");
    let partner = nginx_of(&bin, &[], |at, port| {
        format!(
            "server {{ listen 127.0.0.1:{port}; location = /health {{ if (-e {at}/ill) {{ return 503; }} return 200; }} }}"
        )
    });
    let Some(partner) = partner.await else { return };
    std::fs::create_dir_all(out.join("sent")).unwrap();
    let zip = |files: &[&str]| {
        drop(std::fs::remove_file(out.join("week-47.zip")));
        let made = Command::new("zip").arg("-q").arg(out.join("week-47.zip")).args(files).current_dir(&home).status();
        assert!(made.unwrap().success());
    };
    ops.write("list.csv", "1,2,3\n");
    ops.write("empty.csv", "");
    zip(&["list.csv"]);
    let given = [
        ("package", "week-47".to_owned()),
        ("folder", out.display().to_string()),
        ("endpoint", format!("http://127.0.0.1:{}/health", partner.port)),
    ];
    let mut desk = Desk::open(ops, "video-streaming/partner-package.md", &given).await;
    desk.well(&LOOKS).await;
    let (_, told) = desk.look("was-it-sent-before").await;
    assert!(!told.contains("week-47.zip"), "{told}");

    std::fs::write(partner.dir.path().join("ill"), "").unwrap();
    desk.ill(&LOOKS[..1]).await;
    zip(&["list.csv", "empty.csv"]);
    let (met, told) = desk.look("what-is-in-it").await;
    assert!(met == Some(false) && told.contains("1 empty: empty.csv"), "{told}");
    let whole = std::fs::read(out.join("week-47.zip")).unwrap();
    std::fs::write(out.join("week-47.zip"), &whole[..whole.len() / 2]).unwrap();
    desk.ill(&LOOKS[1..]).await;
    std::fs::write(out.join("sent/week-47.zip"), &whole).unwrap();
    let (_, told) = desk.look("was-it-sent-before").await;
    assert!(told.contains("week-47.zip"), "{told}");

    desk.give("content", "movie-7");
    desk.change("take-a-part-back").await;
    assert!(out.join("hold/movie-7").exists());
    zip(&["list.csv"]);
    std::fs::remove_file(partner.dir.path().join("ill")).unwrap();
    desk.well(&LOOKS).await;
    drop(partner);
    desk.ill(&LOOKS[..1]).await;
    desk.ran_all();
}

/// What stands for artisan: it says what it was asked for, and how the migrations stand.
const ARTISAN: &str = r#"<?php
$here = __DIR__;
switch ($argv[1]) {
    case 'migrate:status': if (!file_exists("$here/migrations")) exit(1); readfile("$here/migrations"); break;
    case 'up': unlink("$here/storage/framework/down"); break;
    default: file_put_contents("$here/asked", $argv[1] . "\n", FILE_APPEND);
}
"#;

#[tokio::test]
async fn an_api_in_maintenance_whose_migrations_wait_is_told_from_health() {
    const LOOKS: [&str; 4] = [
        "does-it-answer",
        "is-its-description-valid",
        "is-it-in-maintenance",
        "do-its-migrations-stand-as-the-code-has-them",
    ];
    const RAN: &str = "  2026_01_01_users .... [1] Ran\n";
    let ops = Ops::start(service).await;
    if tool("QD_TEST_PHP", "php").is_none() {
        return;
    }
    let home = ops.sshd.home();
    let app = home.join("app");
    let files = |name: &str, text: &str| std::fs::write(app.join(name), text).unwrap();
    for folder in ["storage/framework", "storage/logs", "public/api"] {
        std::fs::create_dir_all(app.join(folder)).unwrap();
    }
    let described = r#"{"openapi":"3.1.0","paths":{"/plays":{},"/users":{}}}"#;
    files("artisan", ARTISAN);
    files("migrations", RAN);
    files("storage/logs/laravel.log", "[2026-11-20 03:07:00] prod.INFO: ready\n");
    files("public/api/documentation.json", described);
    let bin = home.join("bin");
    let server = nginx_of(&bin, &[], |_, port| {
        let down = format!("if (-e {}) {{ return 503; }}", Path::new(&app).join("storage/framework/down").display());
        format!(
            "server {{ listen 127.0.0.1:{port}; root {}; location = /up {{ {down} return 200; }} }}",
            app.join("public").display()
        )
    });
    let Some(server) = server.await else { return };
    let given = [("path", app.display().to_string()), ("base", format!("http://127.0.0.1:{}", server.port))];
    let mut desk = Desk::open(ops, "video-streaming/api-errors.md", &given).await;
    desk.well(&LOOKS).await;
    let (_, told) = desk.look("errors-of-the-last-thousand-lines").await;
    assert!(!told.contains("prod."), "{told}");

    files("storage/framework/down", "");
    files("public/api/documentation.json", "<html>proxy</html>");
    files("migrations", &format!("{RAN}  2026_11_20_plays .... Pending\n"));
    files(
        "storage/logs/laravel.log",
        "[2026-11-20 03:07:00] prod.ERROR: no such column\n[2026-11-20 03:07:01] prod.INFO: ready\n",
    );
    desk.ill(&LOOKS).await;
    let (_, told) = desk.look("errors-of-the-last-thousand-lines").await;
    assert!(told.contains("no such column") && !told.contains("ready"), "{told}");
    desk.change("leave-maintenance").await;
    desk.well(&[LOOKS[0], LOOKS[2]]).await;
    files("public/api/documentation.json", described);
    files("migrations", RAN);
    desk.change("renew-its-caches").await;
    let asked = std::fs::read_to_string(app.join("asked")).unwrap();
    assert_eq!(asked.lines().collect::<Vec<_>>(), ["config:clear", "route:clear", "cache:clear", "optimize"]);
    desk.well(&LOOKS).await;
    // What cannot be asked is not well.
    std::fs::remove_file(app.join("migrations")).unwrap();
    drop(server);
    desk.ill(&[LOOKS[0], LOOKS[1], LOOKS[3]]).await;
    desk.ran_all();
}
