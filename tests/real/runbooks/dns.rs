//! A name server, NSD, of a test's own.
use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use tempfile::TempDir;

use super::eventually;
use crate::support::{
    servers::{free_port, program, tool},
    sshd::signal,
};

/// It serves the zones in its folder.
pub(super) struct Nsd {
    dir: TempDir,
    pub(super) port: u16,
    child: Child,
}

impl Drop for Nsd {
    fn drop(&mut self) {
        signal(self.child.id(), "TERM");
        drop(self.child.wait());
    }
}

/// What begins a zone of this serial number.
fn begin(serial: u32) -> String {
    format!("$TTL 60\n@ IN SOA localhost. ops.localhost. {serial} 60 60 60 60\n@ IN NS localhost.\n")
}

impl Nsd {
    /// Starts one that has this zone, and writes `nsd-control` for it into `bin`; none where NSD or dig is not there.
    pub(super) async fn start(bin: &Path, zone: &str, records: &str) -> Option<Self> {
        let (nsd, control) = (tool("QD_TEST_NSD", "nsd")?, tool("QD_TEST_NSD", "nsd-control")?);
        tool("QD_TEST_DIG", "dig")?;
        let (dir, port) = (tempfile::tempdir().unwrap(), free_port());
        let at = dir.path().display();
        std::fs::create_dir(dir.path().join("zones")).unwrap();
        std::fs::write(
            dir.path().join("nsd.conf"),
            format!(
                "server:\n ip-address: 127.0.0.1@{port}\n username: \"\"\n zonesdir: \"{at}/zones\"\n database: \"\"\n pidfile: \
                 \"{at}/pid\"\n xfrdfile: \"{at}/xfrd\"\n xfrdir: \"{at}\"\n zonelistfile: \"{at}/list\"\n logfile: \"{at}/log\"\n\
                 remote-control:\n control-enable: yes\n control-interface: {at}/control\nzone:\n name: {zone}\n zonefile: {zone}.zone\n"
            ),
        )
        .unwrap();
        let conf = dir.path().join("nsd.conf").display().to_string();
        program(&bin.join("nsd-control"), &format!("#!/bin/sh\nexec {} -c {conf} \"$@\"\n", control.display()));
        std::fs::write(dir.path().join(format!("zones/{zone}.zone")), format!("{}{records}", begin(1))).unwrap();
        let child = Command::new(nsd)
            .args(["-d", "-c", &conf])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let running = Self { dir, port, child };
        eventually("NSD", async || running.asked("SOA", zone).contains("localhost.")).await;
        Some(running)
    }

    /// Where its zones lie.
    pub(super) fn zones(&self) -> PathBuf {
        self.dir.path().join("zones")
    }

    /// Writes a zone anew; it is not read before somebody has it read.
    pub(super) fn write(&self, zone: &str, serial: u32, records: &str) {
        std::fs::write(self.zones().join(format!("{zone}.zone")), format!("{}{records}", begin(serial))).unwrap();
    }

    fn asked(&self, kind: &str, name: &str) -> String {
        let port = self.port.to_string();
        let said =
            Command::new("dig").args(["+short", "+time=1", "+tries=1", "-p", &port, kind, name, "@127.0.0.1"]).output();
        String::from_utf8_lossy(&said.unwrap().stdout).into_owned()
    }
}
