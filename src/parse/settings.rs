//! What may be shown of a configuration file: its lines, without the values that may be secrets. Of those only whether they differ.
use std::{collections::BTreeMap, sync::LazyLock};

use regex::Regex;

use super::sanitise;

/// Letters of a line that are compared, and those that are shown.
const LETTERS: usize = 4_000;
const SHOWN: usize = 300;
/// Files of which nothing is shown: they hold little but secrets.
const SECRET: [&str; 8] =
    ["shadow", "gshadow", "userlist.txt", ".htpasswd", "htpasswd", ".pgpass", ".netrc", "credentials"];
/// Endings of such files.
const KEYS: [&str; 7] = [".key", ".pem", ".p12", ".pfx", ".jks", ".keytab", ".htpasswd"];

/// `KEY=value`, as in a `.env`; also where it is commented out.
static ENV: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"^(\s*#?\s*(?:export\s+)?[A-Za-z_][A-Za-z0-9_.-]*\s*[=:]\s*)(.*)$").ok());
/// A name in capitals that is given a value, wherever in a line.
static CAPITALS: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"^(.*?\b[A-Z][A-Z0-9_]{2,}["'\]]*\s*(?:=>|=|:\s*["'`])\s*)(.*\S.*)$"#).ok());
/// A name that says that its value is a secret.
static NAMED: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let names = "passw(?:or)?d|passwort|passphrase|pwd|requirepass|masterauth|secret|token|credentials?|salt|(?:api|access|private|encryption|auth|signing|session)[_-]?key";
    Regex::new(&format!(r#"(?i)^(.*?(?:{names})[a-z0-9_.-]*["'\])]*(?:\s*(?:=>|=|:)\s*|\s+))(.*\S.*)$"#)).ok()
});
/// A value that is no secret, though its name says so.
static PLAIN: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"(?i)^["']?(?:on|off|yes|no|true|false|none|null)["']?\s*[;,]?$"#).ok());

/// A file as it may be shown: its lines.
pub type Shown = Vec<String>;

/// Returns the lines of a file before and since with what may be shown of them; none where nothing of it may be.
pub fn shown(path: &str, (old, new): (&[u8], &[u8])) -> Option<(Shown, Shown)> {
    let file = path.rsplit('/').next().unwrap_or(path).to_ascii_lowercase();
    let holds_key = |bytes: &[u8]| memchr::memmem::find(bytes, b"PRIVATE KEY").is_some();
    if SECRET.contains(&file.as_str()) || KEYS.iter().any(|end| file.ends_with(end)) || holds_key(old) || holds_key(new)
    {
        return None;
    }
    let is_env = file.starts_with(".env") || file.rsplit('.').next() == Some("env") || file == "environment";
    let lines = |bytes: &[u8]| -> Vec<(String, Option<String>)> {
        // The end of the last line begins no other.
        let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
        let all = bytes.split(|byte| *byte == b'\n').filter(|_| !bytes.is_empty());
        all.map(|line| split(&sanitise::line_max(line, LETTERS), is_env)).collect()
    };
    let (old, new) = (lines(old), lines(new));
    let (was, is) = (values(&old), values(&new));
    let written = |lines: &[(String, Option<String>)], word: &str| {
        // In such brackets no rule of the redactor takes it for a value.
        let line = |(head, value): &(String, Option<String>)| match value {
            None => head.clone(),
            // One that is only here or there differs by its line.
            Some(_) if was.get(head) == is.get(head) || !was.contains_key(head) || !is.contains_key(head) => {
                format!("{head}[hidden]")
            }
            Some(_) => format!("{head}[{word}]"),
        };
        lines.iter().map(|one| line(one).chars().take(SHOWN).collect()).collect()
    };
    Some((written(&old, "hidden: the value before"), written(&new, "hidden: another value")))
}

/// Parts a line from the value that may be a secret, where it has one.
fn split(line: &str, is_env: bool) -> (String, Option<String>) {
    let of = |rule: &Option<Regex>| {
        // A rule that cannot be read hides everything.
        let Some(rule) = rule else { return Some((String::new(), line.to_owned())) };
        let found = rule.captures(line)?;
        let part = |at| found.get(at).map_or("", |part| part.as_str()).to_owned();
        Some((part(1), part(2)))
    };
    let found = if is_env { of(&ENV) } else { None };
    let plain = |value: &str| PLAIN.as_ref().is_some_and(|rule| rule.is_match(value));
    let named = of(&NAMED).filter(|(_, value)| is_env || !plain(value));
    let found = found.or_else(|| named.into_iter().chain(of(&CAPITALS)).min_by_key(|(head, _)| head.len()));
    match found {
        Some((head, value)) => (head, Some(value)),
        // In such a file a line that is no setting goes on with the value before it.
        None if is_env && !line.trim().is_empty() && !line.trim_start().starts_with('#') => {
            (String::new(), Some(line.to_owned()))
        }
        None => (line.to_owned(), None),
    }
}

/// The values of each name, in their order.
fn values(lines: &[(String, Option<String>)]) -> BTreeMap<&String, Vec<&String>> {
    let mut all: BTreeMap<&String, Vec<&String>> = BTreeMap::new();
    for (head, value) in lines {
        if let Some(value) = value {
            all.entry(head).or_default().push(value);
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn both(path: &str, old: &str, new: &str) -> Option<(String, String)> {
        let (old, new) = shown(path, (old.as_bytes(), new.as_bytes()))?;
        Some((old.join("\n"), new.join("\n")))
    }

    #[test]
    fn values_of_an_environment_are_never_shown_only_whether_they_differ() {
        let old = "# ours\nAPP_ENV=production\nDB_PASSWORD=hunter2\n#OLD_KEY=zzz9\nCERT=\"one\ntwo\"\nGONE=1\n";
        let new = "# ours\nAPP_ENV=production\nexport X=1\nDB_PASSWORD=hunter3\n#OLD_KEY=zzz9\nCERT=\"one\ntwo\"\n";
        let (was, is) = both("/srv/play/shared/.env", old, new).unwrap();
        assert_eq!(
            was,
            "# ours\nAPP_ENV=[hidden]\nDB_PASSWORD=[hidden: the value before]\n#OLD_KEY=[hidden]\nCERT=[hidden]\n[hidden]\nGONE=[hidden]"
        );
        assert_eq!(
            is,
            "# ours\nAPP_ENV=[hidden]\nexport X=[hidden]\nDB_PASSWORD=[hidden: another value]\n#OLD_KEY=[hidden]\nCERT=[hidden]\n[hidden]"
        );
    }

    #[test]
    fn of_other_files_what_may_be_a_secret_is_hidden_and_the_rest_is_read() {
        let line = |text: &str| both("/etc/nginx/nginx.conf", text, text).unwrap().0;
        for open in [
            "worker_connections 1024;",
            "proxy_pass http://127.0.0.1:3004;",
            "server_tokens off;",
            "gzip_types text/css;",
            "    auth_basic \"Admin\";",
            "Listen [::]:443",
            "max_connections = 100",
            "ssl_certificate_key /etc/ssl/private/play.pem;",
            "fastcgi_param SCRIPT_FILENAME $document_root$fastcgi_script_name;",
            "  name: 'play',",
            "keepalive_timeout 65;",
        ] {
            assert_eq!(line(open), open);
        }
        for (secret, shows) in [
            ("requirepass hunter2", "requirepass [hidden]"),
            ("env[DB_URL] = mysql://hunter2@db", "env[DB_URL] = [hidden]"),
            ("Environment=\"TOKEN_X=hunter2\"", "Environment=\"TOKEN_X=[hidden]"),
            ("    env: { API_KEY: 'hunter2', PORT: 3004 },", "    env: { API_KEY: [hidden]"),
            ("fastcgi_param db_password \"hunter2\";", "fastcgi_param db_password [hidden]"),
            ("user admin password hunter2", "user admin password [hidden]"),
            ("proxy_set_header X-Token hunter2;", "proxy_set_header X-Token [hidden]"),
            ("\"clientSecret\": \"hunter2\",", "\"clientSecret\": [hidden]"),
        ] {
            assert_eq!(line(secret), shows);
        }
        let (was, is) = both("/etc/redis/redis.conf", "requirepass a1\nport 1\n", "requirepass b2\nport 2\n").unwrap();
        assert_eq!(
            (&*was, &*is),
            ("requirepass [hidden: the value before]\nport 1", "requirepass [hidden: another value]\nport 2")
        );
        assert_eq!(both("/etc/x", "", "").unwrap(), (String::new(), String::new()));
    }

    #[test]
    fn of_a_file_of_secrets_nothing_is_shown() {
        for path in
            ["/etc/pgbouncer/userlist.txt", "/etc/nginx/.htpasswd", "/etc/nginx/play.key", "/etc/haproxy/all.pem"]
        {
            assert_eq!(both(path, "ana:x", "ana:y"), None);
        }
        assert_eq!(both("/etc/nginx/x.conf", "-----BEGIN PRIVATE KEY-----", ""), None);
    }

    proptest::proptest! {
        #[test]
        fn a_value_is_not_shown_whatever_stands_around_it(before in "[ a-z#]{0,6}", name in "[A-Z]{3,8}", after in "[ -~]{0,9}") {
            let text = format!("{name}={after}hunter2\n{before}password = hunter2{after}\n");
            for path in ["/srv/.env", "/etc/nginx/x.conf", "/srv/ecosystem.config.js"] {
                let (was, is) = shown(path, (text.as_bytes(), b"")).unwrap();
                proptest::prop_assert!(is.is_empty() && !was.join("\n").contains("hunter2"), "{:?}", was);
            }
        }
    }
}
