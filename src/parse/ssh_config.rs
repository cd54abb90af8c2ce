//! What `ssh -G HOST` prints: how OpenSSH itself would reach a host, one `key value` a line.
//!
//! `ssh -G` has already applied Host patterns, Match, Include and the tokens of `HostName`; it leaves `~`, `%d` and the other tokens of
//! identity files to the reader, which is what [`Tokens::expand`] is for. The form was read off OpenSSH 9.2.

/// How OpenSSH would reach a host. Lists are in the order OpenSSH tries them; paths are unexpanded, as printed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SshSettings {
    /// Name or address to connect to.
    pub hostname: Option<String>,
    /// Login name.
    pub user: Option<String>,
    /// Port.
    pub port: Option<u16>,
    /// Private key files; `none` leaves the list empty.
    pub identity_files: Vec<String>,
    /// Certificates that go with the keys.
    pub certificate_files: Vec<String>,
    /// Jump hosts, outermost first.
    pub proxy_jump: Vec<JumpSpec>,
    /// Command whose stdin and stdout are the connection.
    pub proxy_command: Option<String>,
    /// Name under which the host key is looked up instead of the host's.
    pub host_key_alias: Option<String>,
    /// The user's known_hosts files.
    pub user_known_hosts_files: Vec<String>,
    /// The machine's known_hosts files.
    pub global_known_hosts_files: Vec<String>,
    /// File of revoked host keys.
    pub revoked_host_keys: Option<String>,
    /// What to do about a host key that is not known.
    pub strict_host_key_checking: HostKeyPolicy,
    /// Only the listed identity files, whatever else an agent holds.
    pub identities_only: bool,
    /// Where the agent listens.
    pub identity_agent: IdentityAgent,
    /// Seconds allowed for the connection.
    pub connect_timeout_s: Option<u32>,
    /// Seconds between two keep-alive messages; zero is none.
    pub server_alive_interval_s: Option<u32>,
    /// Whether names are hashed when a key is appended to known_hosts.
    pub hash_known_hosts: bool,
    /// Host key algorithms, best first.
    pub host_key_algorithms: Vec<String>,
    /// `any`, `inet` or `inet6`.
    pub address_family: Option<String>,
}

/// A hop before the host: `user@bastion:2222`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JumpSpec {
    /// Login name, when one is given.
    pub user: Option<String>,
    /// Name, address or alias.
    pub host: String,
    /// Port, when one is given.
    pub port: Option<u16>,
}

/// `StrictHostKeyChecking`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HostKeyPolicy {
    /// A person decides about an unknown key. OpenSSH's default.
    #[default]
    Ask,
    /// An unknown key is refused.
    Strict,
    /// An unknown key is taken and remembered; a changed one is refused.
    AcceptNew,
    /// Nothing is refused.
    Off,
}

/// `IdentityAgent`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum IdentityAgent {
    /// The socket that `SSH_AUTH_SOCK` names.
    #[default]
    Environment,
    /// No agent.
    Off,
    /// This socket.
    Socket(String),
    /// The socket that this environment variable names: written `$NAME`.
    Variable(String),
}

/// Parses the output of `ssh -G`. Lines that are not understood are skipped: newer versions print keys that this one does not know.
pub fn parse_ssh_g(text: &str) -> SshSettings {
    let mut settings = SshSettings::default();
    for line in text.lines() {
        let (key, value) = line.trim().split_once(char::is_whitespace).unwrap_or((line.trim(), ""));
        let value = value.trim();
        if !value.is_empty() {
            settings.take(&key.to_ascii_lowercase(), value);
        }
    }
    settings
}

impl SshSettings {
    fn take(&mut self, key: &str, value: &str) {
        let one = || Some(value.to_owned());
        match key {
            "hostname" => self.hostname = one(),
            "user" => self.user = one(),
            "port" => self.port = value.parse().ok(),
            "identityfile" => self.identity_files.extend(unless_none(value)),
            "certificatefile" => self.certificate_files.extend(unless_none(value)),
            "proxyjump" => self.proxy_jump = parse_jumps(value),
            "proxycommand" => self.proxy_command = unless_none(value),
            "hostkeyalias" => self.host_key_alias = one(),
            "userknownhostsfile" => self.user_known_hosts_files = files(value),
            "globalknownhostsfile" => self.global_known_hosts_files = files(value),
            "revokedhostkeys" => self.revoked_host_keys = unless_none(value),
            "stricthostkeychecking" => self.strict_host_key_checking = policy(value),
            "identitiesonly" => self.identities_only = is_yes(value),
            "identityagent" => self.identity_agent = agent(value),
            "connecttimeout" => self.connect_timeout_s = value.parse().ok(),
            "serveraliveinterval" => self.server_alive_interval_s = value.parse().ok(),
            "hashknownhosts" => self.hash_known_hosts = is_yes(value),
            "hostkeyalgorithms" => self.host_key_algorithms = value.split(',').map(str::to_owned).collect(),
            "addressfamily" => self.address_family = one(),
            _ => {}
        }
    }
}

/// Parses a `ProxyJump` list: `user@a:22,[::1]:23`; `none` is empty. A hop that has no host is left out.
pub fn parse_jumps(text: &str) -> Vec<JumpSpec> {
    if text.eq_ignore_ascii_case("none") {
        return Vec::new();
    }
    text.split(',').filter_map(parse_jump).collect()
}

fn parse_jump(text: &str) -> Option<JumpSpec> {
    let text = text.trim();
    let text = text.strip_prefix("ssh://").unwrap_or(text).trim_end_matches('/');
    let (user, rest) = match text.rsplit_once('@') {
        Some((user, rest)) => (Some(user.to_owned()), rest),
        None => (None, text),
    };
    let (host, port) = match rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, port)) => (host, port.strip_prefix(':').and_then(|port| port.parse().ok())),
        None => match rest.split_once(':') {
            Some((host, port)) if !port.contains(':') => (host, Some(port.parse().ok()?)),
            _ => (rest, None),
        },
    };
    (!host.is_empty()).then(|| JumpSpec { user, host: host.to_owned(), port })
}

fn unless_none(value: &str) -> Option<String> {
    (!value.eq_ignore_ascii_case("none")).then(|| value.to_owned())
}

fn files(value: &str) -> Vec<String> {
    value.split_whitespace().filter_map(unless_none).collect()
}

fn is_yes(value: &str) -> bool {
    matches!(value, "yes" | "true")
}

fn policy(value: &str) -> HostKeyPolicy {
    match value {
        "yes" | "true" => HostKeyPolicy::Strict,
        "accept-new" => HostKeyPolicy::AcceptNew,
        "no" | "false" | "off" => HostKeyPolicy::Off,
        _ => HostKeyPolicy::Ask,
    }
}

fn agent(value: &str) -> IdentityAgent {
    match value {
        "none" => IdentityAgent::Off,
        "SSH_AUTH_SOCK" => IdentityAgent::Environment,
        _ => match value.strip_prefix('$') {
            Some(name) => IdentityAgent::Variable(name.trim_matches(['{', '}']).to_owned()),
            None => IdentityAgent::Socket(value.to_owned()),
        },
    }
}

/// What OpenSSH's percent tokens stand for on one connection.
#[derive(Clone, Copy, Debug)]
pub struct Tokens<'a> {
    /// `%h`: the host name connected to.
    pub hostname: &'a str,
    /// `%n`: the host as it was asked for.
    pub original: &'a str,
    /// `%r`: the login name there.
    pub user: &'a str,
    /// `%u`: the login name here.
    pub local_user: &'a str,
    /// `%d` and `~`: the home directory here.
    pub home: &'a str,
    /// `%p`: the port.
    pub port: u16,
    /// `%k`: the name under which the host key is looked up; none is the original.
    pub host_key_alias: Option<&'a str>,
}

/// A token that cannot be expanded here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown token `%{0}`")]
pub struct UnknownToken(pub String);

impl Tokens<'_> {
    /// Expands a leading `~/` and the tokens `%d %h %k %n %p %r %u %%`.
    ///
    /// # Errors
    /// On any other token: a wrong file would be worse than none.
    pub fn expand(&self, text: &str) -> Result<String, UnknownToken> {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        if let Some(after) = text.strip_prefix('~').filter(|after| after.is_empty() || after.starts_with('/')) {
            out.push_str(self.home);
            rest = after;
        }
        let mut letters = rest.chars();
        while let Some(letter) = letters.next() {
            if letter != '%' {
                out.push(letter);
                continue;
            }
            match letters.next() {
                Some('%') => out.push('%'),
                Some('d') => out.push_str(self.home),
                Some('h') => out.push_str(self.hostname),
                Some('k') => out.push_str(self.host_key_alias.unwrap_or(self.original)),
                Some('n') => out.push_str(self.original),
                Some('p') => out.push_str(&self.port.to_string()),
                Some('r') => out.push_str(self.user),
                Some('u') => out.push_str(self.local_user),
                other => return Err(UnknownToken(other.map(String::from).unwrap_or_default())),
            }
        }
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WEB: &str = include_str!("../../tests/fixtures/ssh/ssh_g_web.txt");
    const STRICT: &str = include_str!("../../tests/fixtures/ssh/ssh_g_strict.txt");
    const PROXY: &str = include_str!("../../tests/fixtures/ssh/ssh_g_proxy_command.txt");

    fn jump(user: Option<&str>, host: &str, port: Option<u16>) -> JumpSpec {
        JumpSpec { user: user.map(str::to_owned), host: host.to_owned(), port }
    }

    #[test]
    fn what_openssh_prints_is_read() {
        let web = parse_ssh_g(WEB);
        assert_eq!(web.hostname.as_deref(), Some("web.example"));
        assert_eq!(web.user.as_deref(), Some("deploy"));
        assert_eq!(web.port, Some(2222));
        assert_eq!(web.identity_files, ["~/.ssh/%r_key", "%d/.ssh/two"]);
        assert_eq!(web.certificate_files, ["~/.ssh/x-cert.pub"]);
        assert_eq!(web.proxy_jump, [jump(Some("a"), "b", Some(2200)), jump(None, "::1", Some(23))]);
        assert_eq!(web.proxy_command, None);
        assert_eq!(web.host_key_alias.as_deref(), Some("alias"));
        assert_eq!(web.user_known_hosts_files, ["/home/op/.ssh/kh", "/etc/k2"]);
        assert_eq!(web.global_known_hosts_files, ["/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2"]);
        assert_eq!(web.strict_host_key_checking, HostKeyPolicy::AcceptNew);
        assert!(web.identities_only);
        assert_eq!(web.identity_agent, IdentityAgent::Off);
        assert_eq!(web.connect_timeout_s, Some(5));
        assert_eq!(web.server_alive_interval_s, Some(0));
        assert_eq!(web.host_key_algorithms.first().map(String::as_str), Some("ssh-ed25519-cert-v01@openssh.com"));
    }

    #[test]
    fn none_is_nothing_and_yes_is_printed_as_true() {
        let strict = parse_ssh_g(STRICT);
        assert_eq!(strict.identity_files, Vec::<String>::new());
        assert_eq!(strict.user_known_hosts_files, Vec::<String>::new());
        assert_eq!(strict.proxy_jump, []);
        assert_eq!(strict.strict_host_key_checking, HostKeyPolicy::Strict);
        assert_eq!(strict.identity_agent, IdentityAgent::Socket("/home/op/a.sock".into()));
        assert_eq!(strict.connect_timeout_s, None);

        let proxy = parse_ssh_g(PROXY);
        assert_eq!(proxy.proxy_command.as_deref(), Some("nc %h %p"));
        assert_eq!(proxy.strict_host_key_checking, HostKeyPolicy::Off);
        assert_eq!(proxy.revoked_host_keys.as_deref(), Some("/etc/revoked"));
        assert_eq!(proxy.identity_files.len(), 7);
        assert_eq!(proxy.identity_agent, IdentityAgent::Environment);
    }

    #[test]
    fn jumps_are_read_in_every_form() {
        assert_eq!(parse_jumps("ssh://op@b.example:2222/"), [jump(Some("op"), "b.example", Some(2222))]);
        assert_eq!(parse_jumps("a, op@corp@b"), [jump(None, "a", None), jump(Some("op@corp"), "b", None)]);
        assert_eq!(parse_jumps("fe80::1"), [jump(None, "fe80::1", None)]);
        assert_eq!(parse_jumps("[fe80::1]"), [jump(None, "fe80::1", None)]);
        assert_eq!(parse_jumps("none"), []);
        assert_eq!(parse_jumps(",@,b:x"), []);
    }

    #[test]
    fn tokens_expand_and_unknown_ones_are_refused() {
        let tokens = Tokens {
            hostname: "web.example",
            original: "web",
            user: "deploy",
            local_user: "op",
            home: "/home/op",
            port: 2222,
            host_key_alias: None,
        };
        assert_eq!(tokens.expand("~/.ssh/%r_key").unwrap(), "/home/op/.ssh/deploy_key");
        assert_eq!(tokens.expand("%d/%u@%h:%p/%n-%k-100%%").unwrap(), "/home/op/op@web.example:2222/web-web-100%");
        assert_eq!(tokens.expand("~other/key").unwrap(), "~other/key");
        assert_eq!(tokens.expand("~").unwrap(), "/home/op");
        assert_eq!(tokens.expand("a%C").unwrap_err().to_string(), "unknown token `%C`");
        assert_eq!(tokens.expand("a%").unwrap_err(), UnknownToken(String::new()));
    }

    #[test]
    fn hostile_text_is_skipped() {
        assert_eq!(parse_ssh_g(""), SshSettings::default());
        assert_eq!(parse_ssh_g("port\nport 99999999\nport -1\n\u{0}\nuser\t \n"), SshSettings::default());
    }
}
