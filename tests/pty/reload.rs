//! `^r`: the file is read again while the console runs; a bad one changes nothing and says where it is wrong.
use std::{fmt::Write as _, fs, path::Path};

use crate::pty::{Terminal, command, qd};

fn write(home: &Path, services: &[&str]) {
    let mut text = format!(
        "version = 1\nenvironment = [{{ name = \"prod\", kind = \"production\" }}]\nstore = {{ path = {:?} }}\n",
        home.join("qd.db")
    );
    for name in services {
        _ = write!(
            text,
            "[[service]]\nname = \"{name}\"\n[service.in.prod]\nchecks = [{{ name = \"port\", type = \"tcp\", address = \
             \"127.0.0.1:{}\", every = \"1s\" }}]\n",
            crate::support::servers::free_port()
        );
    }
    fs::write(home.join("qd.toml"), text).unwrap();
}

#[test]
fn a_changed_file_is_used_and_a_bad_one_is_not() {
    let home = tempfile::tempdir().unwrap();
    write(home.path(), &["shop"]);
    let config = home.path().join("qd.toml");
    let mut terminal = Terminal::start(command(&qd(), home.path(), &["--config", config.to_str().unwrap()]), 120, 36);
    terminal.until("the first service", |text| text.contains("shop") && text.contains("DOWN"));

    write(home.path(), &["shop", "search"]);
    terminal.keys("\x12");
    terminal.until("the second service", |text| text.contains("search") && text.contains("shop"));

    let good = fs::read_to_string(&config).unwrap();
    fs::write(&config, good.replace("type = \"tcp\"", "typ = \"tcp\"")).unwrap();
    terminal.keys("\x12");
    let said = terminal.shows("the configuration in use stays");
    assert!(said.contains("qd.toml:7:"), "where: {said}");
    assert!(said.contains("search"), "what was there is there: {said}");

    write(home.path(), &["search"]);
    terminal.keys("\x12");
    terminal.until("the first is gone", |text| text.contains("Services 1 ") && text.contains("search"));
    terminal.keys("q");
    terminal.ended().clean();
}
