//! The configuration for the fleet: what a person would write who had these hosts and services.
use std::{collections::BTreeMap, path::Path};

use super::{
    cast::{HOSTS, Host, SERVICES, Service},
    scribe,
    stage::Rooms,
};

/// Where everything listens, by name: `play-01`, `play@prod`.
pub(super) type Ports = BTreeMap<String, u16>;

/// File of the authority that signed the fleet's certificate, in its folder.
pub(super) const AUTHORITY: &str = "ca.pem";

/// Where its runbooks are, in its folder.
const RUNBOOKS: &str = "runbooks";

/// Writes its runbooks.
pub(super) fn write_runbooks(folder: &Path) -> std::io::Result<()> {
    std::fs::create_dir(folder.join(RUNBOOKS))?;
    std::fs::write(folder.join(RUNBOOKS).join("play.md"), include_str!("play.md"))
}

/// Writes the configuration.
pub(super) fn write(folder: &Path, ports: &Ports) -> String {
    let mut text = String::from(
        "# The fleet of `qd demo`: eight simulated hosts behind real SSH servers, the services of a video-streaming team\n\
         # behind real HTTP servers, all on 127.0.0.1. It lives as long as the demo that printed it.\n\
         version = 1\n\
         client = \"demo\"\n\n\
         # Beside an incident: `b` opens the one that fits.\n\
         runbooks = ",
    );
    line!(&mut text, "[{}]\n", quoted(&folder.join(RUNBOOKS).join("*.md")));
    text.push_str(
        "\
         # The kind decides how hard a change is guarded, not the name.\n\
         environment = [\n  { name = \"prod\", kind = \"production\" },\n  { name = \"staging\", kind = \"staging\" },\n]\n\n\
         # Sooner than the built-in rules, so that a demo shows them within a minute.\n\
         rule = [\n  { name = \"cpu\", metric = \"host.cpu\", above = 80, clear = 70, for = \"30s\", severity = \"P2\" },\n]\n\n\
         [display]\ntimezone = ",
    );
    line!(&mut text, "\"{}\"\n", super::history::ZONE);
    text.push_str("# The fleet's host keys, instead of your own list of them: nothing is asked, and nothing of it changes.\n[ssh]\nknown_hosts = ");
    line!(&mut text, "[{}]\n", quoted(&folder.join("known_hosts")));
    text.push_str("[store]\npath = ");
    line!(&mut text, "{}\n", quoted(&folder.join("state/qd.db")));
    text.push_str("# What a scanner of vulnerabilities found: made up, as its titles say.\n[qualys]\n");
    let scanner = port(ports, "cloud@prod");
    line!(&mut text, "base_url = \"http://127.0.0.1:{scanner}\"\nuser = \"demo\"\npassword = \"command:echo demo\"\n");
    for host in HOSTS {
        write_host(&mut text, host, folder, ports);
    }
    let mut written: Vec<&str> = Vec::new();
    for service in SERVICES {
        if !written.contains(&service.name) {
            written.push(service.name);
            write_service(&mut text, service.name, folder, ports);
        }
    }
    text.push_str("# PM2 tells where the logs of its applications are; the others are named here.\n");
    for service in SERVICES {
        write_logs(&mut text, service, folder);
    }
    text
}

fn write_logs(text: &mut String, service: &Service, folder: &Path) {
    let Some(host) = HOSTS.iter().find(|host| host.name == service.host) else { return };
    let root = Rooms::of(folder, host).root;
    for file in scribe::files(service) {
        let Some(format) = file.format else { continue };
        let kind = format.split('-').nth(1).unwrap_or("app");
        let kind = if kind == "timed" || kind == "combined" { "access" } else { kind };
        line!(
            text,
            "[[log]]\nname = \"{}-{}-{kind}\"\ntype = \"file\"\nservice = \"{}@{}\"\npath = {}\nformat = \"{format}\"\n",
            service.name,
            service.env,
            service.name,
            service.env,
            quoted(&root.join(&file.path))
        );
    }
}

/// Where a host or a service listens.
fn port(ports: &Ports, name: &str) -> u16 {
    ports.get(name).copied().unwrap_or_default()
}

fn quoted(path: &Path) -> String {
    toml::Value::String(path.to_string_lossy().into_owned()).to_string()
}

fn list(words: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    let words: Vec<String> = words.into_iter().map(|word| format!("\"{}\"", word.as_ref())).collect();
    format!("[{}]", words.join(", "))
}

fn write_host(text: &mut String, host: &Host, folder: &Path, ports: &Ports) {
    line!(
        text,
        "[[host]]\nname = \"{}\"\nenv = \"{}\"\naddress = \"127.0.0.1\"\nport = {}\nuser = \"deploy\"\nidentity = {}",
        host.name,
        host.env,
        port(ports, host.name),
        quoted(&folder.join("id_ed25519")),
    );
    if let Some(jump) = host.jump {
        line!(text, "jump = [\"{jump}\"]  # reached from inside only");
    }
    line!(text, "labels = {{ role = \"{}\" }}", host.role);
    if !host.units.is_empty() {
        line!(text, "units = {}", list(host.units.iter().map(|unit| unit.name)));
    }
    text.push('\n');
}

fn write_service(text: &mut String, name: &str, folder: &Path, ports: &Ports) {
    let in_envs: Vec<&Service> = SERVICES.iter().filter(|service| service.name == name).collect();
    let Some(first) = in_envs.first() else { return };
    // What nobody has brought out yet is of one application.
    let builds = (name == super::BUILDS_OF).then(|| format!(", builds = {}", quoted(&folder.join(super::BUILDS))));
    let (kind, recipe) = match first.unit {
        None => (
            "node-pm2",
            format!(
                "app = \"{name}\", path = \"{}\", health = \"http://127.0.0.1:3004/health\", version_url = \
                 \"http://127.0.0.1:3004/version\", health_within = \"8s\"{}",
                first.path,
                builds.unwrap_or_default()
            ),
        ),
        Some(unit) => {
            // Folders differ by host here, where a real team has one path everywhere: the first environment's stands.
            let path = HOSTS
                .iter()
                .find(|host| host.name == first.host)
                .map_or_else(|| folder.to_owned(), |host| Rooms::of(folder, host).deployed(first.path));
            ("systemd", format!("unit = \"{unit}\", path = {}", quoted(&path)))
        }
    };
    line!(text, "[[service]]\nname = \"{name}\"\nkind = \"{kind}\"\nowner = \"response\"");
    if !first.needs.is_empty() {
        line!(text, "needs = {}", list(first.needs));
    }
    line!(text, "slo = {{ objective = {}, window = \"30d\" }}\nrecipe = {{ {recipe} }}", first.objective);
    for service in in_envs {
        write_in_env(text, service, folder, ports);
    }
    text.push('\n');
}

fn write_in_env(text: &mut String, service: &Service, folder: &Path, ports: &Ports) {
    let (scheme, authority) = match service.certificate_days {
        Some(_) => ("https", format!("ca = {}, ", quoted(&folder.join(AUTHORITY)))),
        None => ("http", String::new()),
    };
    let url =
        format!("{scheme}://127.0.0.1:{}{}", port(ports, &format!("{}@{}", service.name, service.env)), service.page);
    line!(
        text,
        "[service.in.{}]\nhosts = [\"{}\"]\nchecks = [\n  {{ name = \"page\", type = \"http\", url = \"{url}\", {authority}expect = [\"2xx\"], \
         json = {{ pointer = \"/status\", equals = \"ok\" }}, slow = \"400ms\", every = \"3s\", timeout = \"2s\", fail_after = 2 }},",
        service.env,
        service.host,
    );
    let database = match (service.name, service.env) {
        ("play", "prod") => Some(("mongo", "mongosh --quiet --eval 'db.runCommand({ping:1}).ok'", "^1")),
        ("api" | "billing", "prod") => Some(("mysql", "mysqladmin --connect-timeout=3 ping", "is alive")),
        _ => None,
    };
    if let Some((name, run, expected)) = database {
        line!(
            text,
            "  {{ name = \"{name}\", type = \"command\", on = \"db-01\", run = \"{run}\", exit = 0, match = \"{expected}\", every = \
             \"5s\", timeout = \"4s\", fail_after = 2 }},"
        );
    }
    text.push_str("]\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_toml_with_every_host_and_service() {
        let ports = HOSTS.iter().map(|host| (host.name.to_owned(), 2_200)).collect();
        let text = write(Path::new("/tmp/a \"quoted\" folder"), &ports);
        let table: toml::Table = text.parse().unwrap();
        assert_eq!(table["host"].as_array().unwrap().len(), 8);
        assert_eq!(table["service"].as_array().unwrap().len(), 8);
        assert_eq!(table["store"]["path"].as_str(), Some("/tmp/a \"quoted\" folder/state/qd.db"));
    }
}
