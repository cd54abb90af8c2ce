//! Where a host is and how one gets in: the configuration's own values first, then what OpenSSH would do, asked by `ssh -G`.
use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    process::Stdio,
    sync::Arc,
    time::Duration,
};

use ssh2_config::{ParseRule, SshConfig};
use tokio::process::Command;

use super::PoolOptions;
use crate::{
    core::{hosts::LinkFault, id::HostName, inventory::Host},
    parse::ssh_config::{HostKeyPolicy, IdentityAgent, JumpSpec, SshSettings, Tokens, parse_jumps, parse_ssh_g},
    remote::RemoteError,
};

/// `ssh -G` answers in milliseconds, unless a `Match exec` hangs.
const ASK: Duration = Duration::from_secs(5);
/// More hops than anyone has; a circle in the configuration ends here.
const MAX_HOPS: usize = 8;

/// One machine on the way.
#[derive(Clone, Debug)]
pub(super) struct Hop {
    pub(super) name: HostName,
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) user: String,
    /// Private key files, in the order they are tried.
    pub(super) identities: Vec<PathBuf>,
    /// Whether the first of them was named by our own configuration, and goes before an agent's keys.
    pub(super) identity_first: bool,
    pub(super) identities_only: bool,
    pub(super) certificates: Vec<PathBuf>,
    pub(super) agent: Option<PathBuf>,
    /// All known_hosts files; the first is where an accepted key goes.
    pub(super) known_hosts: Vec<PathBuf>,
    pub(super) revoked_keys: Option<PathBuf>,
    pub(super) alias: Option<String>,
    pub(super) policy: HostKeyPolicy,
    pub(super) hash_names: bool,
    pub(super) family: Option<String>,
    pub(super) proxy_command: Option<String>,
}

/// The way to a host: jump hosts, outermost first, and the host itself at the end.
pub(super) type Route = Vec<Arc<Hop>>;

/// Finds the way to a host.
pub(super) async fn route(
    host: &Host,
    hosts: &HashMap<HostName, Arc<Host>>,
    options: &PoolOptions,
) -> Result<Route, RemoteError> {
    let mut way = Vec::new();
    add(host, hosts, options, &mut way, Jumps::Follow).await?;
    way.reverse();
    Ok(way)
}

/// Whether a hop's own jump hosts count: in a list of several, only the first hop's do.
#[derive(Clone, Copy, PartialEq)]
enum Jumps {
    Follow,
    Given,
}

fn bad(host: &HostName, what: impl Into<String>, hint: impl Into<String>) -> RemoteError {
    RemoteError {
        host: host.clone(),
        fault: LinkFault::Protocol,
        what: what.into(),
        hint: Some(hint.into()),
        question: None,
    }
}

/// Adds a host and then, inside out, the hops before it.
fn add<'a>(
    host: &'a Host,
    hosts: &'a HashMap<HostName, Arc<Host>>,
    options: &'a PoolOptions,
    way: &'a mut Route,
    jumps: Jumps,
) -> futures_util::future::BoxFuture<'a, Result<(), RemoteError>> {
    Box::pin(async move {
        if way.len() >= MAX_HOPS {
            let hint = "look for a circle in `jump` or ProxyJump";
            return Err(bad(&host.name, format!("more than {MAX_HOPS} jump hosts"), hint));
        }
        let settings = ask(host, options).await?;
        let before = settings.proxy_jump.clone();
        let mut hop = hop(host, settings, options)?;
        if jumps == Jumps::Given || !host.jump.is_empty() || !before.is_empty() {
            hop.proxy_command = None;
        }
        way.push(Arc::new(hop));
        if jumps == Jumps::Given {
            return Ok(());
        }
        let mut before: Vec<Arc<Host>> = if host.jump.is_empty() {
            before.into_iter().map(|jump| Arc::new(ad_hoc(jump, hosts))).collect()
        } else {
            let mut named = Vec::new();
            for name in &host.jump {
                let jump = hosts.get(name).ok_or_else(|| {
                    bad(&host.name, format!("there is no jump host `{name}`"), "name a host of the configuration")
                })?;
                named.push(Arc::clone(jump));
            }
            named
        };
        before.reverse();
        let first = before.len().saturating_sub(1);
        for (at, jump) in before.iter().enumerate() {
            add(jump, hosts, options, way, if at == first { Jumps::Follow } else { Jumps::Given }).await?;
        }
        Ok(())
    })
}

/// Makes a host of a ProxyJump entry; one that the configuration names as well keeps its settings.
fn ad_hoc(jump: JumpSpec, hosts: &HashMap<HostName, Arc<Host>>) -> Host {
    let name = HostName::from(jump.host.as_str());
    let known = hosts.get(&name).filter(|host| host.address == jump.host);
    Host {
        address: jump.host,
        port: jump.port.or_else(|| known.and_then(|host| host.port)),
        user: jump.user.or_else(|| known.and_then(|host| host.user.clone())),
        identity: known.and_then(|host| host.identity.clone()),
        ..Host::new(name)
    }
}

async fn ask(host: &Host, options: &PoolOptions) -> Result<SshSettings, RemoteError> {
    if host.address.is_empty() || host.address.starts_with('-') || host.address.chars().any(char::is_control) {
        return Err(bad(&host.name, "its address is no host name", "mend `address` in the configuration"));
    }
    let Some(ssh) = &options.ssh else { return by_library(host, options) };
    let mut command = Command::new(ssh);
    if let Some(file) = &options.ssh_config {
        command.arg("-F").arg(file);
    }
    command.arg("-G");
    if let Some(port) = host.port {
        command.arg("-p").arg(port.to_string());
    }
    if let Some(user) = &host.user {
        command.arg("-l").arg(user);
    }
    command.arg("--").arg(&host.address);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let output = match tokio::time::timeout(ASK, command.output()).await {
        Ok(Ok(output)) => output,
        Ok(Err(error)) if error.kind() == std::io::ErrorKind::NotFound => return by_library(host, options),
        Ok(Err(error)) => return Err(bad(&host.name, format!("cannot run {}: {error}", ssh.display()), "")),
        Err(_) => {
            return Err(bad(&host.name, "`ssh -G` does not answer", "look for `Match exec` in ~/.ssh/config"));
        }
    };
    if !output.status.success() {
        let said = crate::parse::sanitise::line(&output.stderr);
        return Err(bad(&host.name, format!("ssh does not accept its configuration: {said}"), "mend ~/.ssh/config"));
    }
    Ok(parse_ssh_g(&String::from_utf8_lossy(&output.stdout)))
}

/// Reads `~/.ssh/config` without OpenSSH. The library ignores `Match`, and then takes its lines for the block above: refused.
fn by_library(host: &Host, options: &PoolOptions) -> Result<SshSettings, RemoteError> {
    let file = options.ssh_config.clone().unwrap_or_else(|| options.home.join(".ssh/config"));
    let text = match std::fs::read_to_string(&file) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(bad(&host.name, format!("cannot read {}: {error}", file.display()), "")),
    };
    let has_match = |line: &str| line.trim_start().get(..5).is_some_and(|word| word.eq_ignore_ascii_case("match"));
    if text.lines().any(has_match) {
        let what = format!("{} has `Match`, which only OpenSSH's own client can read", file.display());
        return Err(bad(&host.name, what, "install the ssh client"));
    }
    let rules = ParseRule::ALLOW_UNKNOWN_FIELDS | ParseRule::ALLOW_UNSUPPORTED_FIELDS;
    let config = SshConfig::default()
        .home_dir(&options.home)
        .parse(&mut text.as_bytes(), rules)
        .map_err(|error| bad(&host.name, format!("{}: {error}", file.display()), "mend ~/.ssh/config"))?;
    let found = config.query(&host.address);
    let paths = |paths: Option<Vec<PathBuf>>| -> Vec<String> {
        paths.unwrap_or_default().iter().map(|path| path.display().to_string()).collect()
    };
    let other = |name: &str| found.unsupported_fields.get(name).cloned().unwrap_or_default();
    let mut identity_files = paths(found.identity_file.clone());
    if identity_files.is_empty() {
        identity_files = ["id_ed25519", "id_ecdsa", "id_rsa"].map(|name| format!("~/.ssh/{name}")).to_vec();
    }
    let user_known_hosts_files = match other("userknownhostsfile") {
        files if files.is_empty() => vec!["~/.ssh/known_hosts".into(), "~/.ssh/known_hosts2".into()],
        files => files,
    };
    Ok(SshSettings {
        hostname: found.host_name.map(|name| name.replace("%h", &host.address)),
        user: found.user,
        port: found.port,
        identity_files,
        certificate_files: paths(found.certificate_file.map(|file| vec![file])),
        proxy_jump: parse_jumps(&found.proxy_jump.unwrap_or_default().join(",")),
        proxy_command: Some(other("proxycommand").join(" ")).filter(|command| !command.is_empty()),
        host_key_alias: other("hostkeyalias").first().cloned(),
        user_known_hosts_files,
        global_known_hosts_files: vec!["/etc/ssh/ssh_known_hosts".into(), "/etc/ssh/ssh_known_hosts2".into()],
        identities_only: other("identitiesonly").iter().any(|value| value == "yes"),
        ..SshSettings::default()
    })
}

fn hop(host: &Host, settings: SshSettings, options: &PoolOptions) -> Result<Hop, RemoteError> {
    let port = host.port.or(settings.port).unwrap_or(22);
    let user = host.user.clone().or(settings.user).unwrap_or_else(|| options.user.clone());
    let hostname = settings.hostname.unwrap_or_else(|| host.address.clone());
    let home = options.home.display().to_string();
    let tokens = Tokens {
        hostname: &hostname,
        original: &host.address,
        user: &user,
        local_user: &options.user,
        home: &home,
        port,
        host_key_alias: settings.host_key_alias.as_deref(),
    };
    let path = |text: &str| {
        tokens.expand(text).map(PathBuf::from).map_err(|error| {
            bad(
                &host.name,
                format!("cannot tell which file `{text}` is: {error}"),
                "write the path out in ~/.ssh/config",
            )
        })
    };
    let paths = |texts: &[String]| texts.iter().map(|text| path(text)).collect::<Result<Vec<_>, _>>();
    let mut identities = paths(&settings.identity_files)?;
    if let Some(identity) = &host.identity {
        let first = tilde(identity, &options.home);
        identities.retain(|other| *other != first);
        identities.insert(0, first);
    }
    let known_hosts = if let Some(files) = &options.known_hosts {
        files.clone()
    } else {
        let mut files = paths(&settings.user_known_hosts_files)?;
        files.extend(paths(&settings.global_known_hosts_files)?);
        files
    };
    let agent = match &settings.identity_agent {
        IdentityAgent::Environment => options.agent.clone(),
        IdentityAgent::Off => None,
        IdentityAgent::Socket(socket) => Some(path(socket)?),
        IdentityAgent::Variable(name) => std::env::var_os(name).map(PathBuf::from),
    };
    let proxy_command = match settings.proxy_command.as_deref() {
        Some(command) => Some(tokens.expand(command).map_err(|error| {
            bad(&host.name, format!("cannot expand ProxyCommand: {error}"), "write it out in ~/.ssh/config")
        })?),
        None => None,
    };
    Ok(Hop {
        name: host.name.clone(),
        identity_first: host.identity.is_some(),
        identities,
        identities_only: settings.identities_only,
        certificates: paths(&settings.certificate_files)?,
        agent,
        known_hosts,
        revoked_keys: settings.revoked_host_keys.as_deref().map(path).transpose()?,
        policy: settings.strict_host_key_checking,
        hash_names: settings.hash_known_hosts,
        family: settings.address_family,
        proxy_command,
        port,
        alias: settings.host_key_alias.clone(),
        user: user.clone(),
        host: hostname.clone(),
    })
}

fn tilde(text: &str, home: &Path) -> PathBuf {
    text.strip_prefix("~/").map_or_else(|| PathBuf::from(text), |rest| home.join(rest))
}
