//! What no step may do, and what a step that only looks may not.
use std::sync::LazyLock;

use regex::Regex;

/// What nobody means, at 3 am least of all.
static NEVER: LazyLock<Result<Regex, regex::Error>> = LazyLock::new(|| {
    Regex::new(
        r"\bpm2\s+(?:delete|del|stop)\s+(?:-\S+\s+)*all\b|\bpm2\s+kill\b|\brm\s+(?:-\S+\s+)+/(?:\s|\*|;|&|\||$)|\bmkfs\b|\bdd\b[^\n|;&]*\bof=/dev/|(?i:\bflushall\b|\bdrop\s+database\b)",
    )
});

/// Words that change something: no proof that the others do not, but a slip of the pen is caught.
static CHANGES: LazyLock<Result<Regex, regex::Error>> = LazyLock::new(|| {
    // Where a command may stand: at the beginning, after what ends another one, or after what calls one.
    let command =
        r"(?:^|[;&|({]|\b(?:then|do|else|sudo(?:\s+-\S+)*|exec|xargs(?:\s+-\S+)*|timeout\s+\S+|env)\s)\s*(?:\S*/)?";
    let words = [
        r"(?:rm|mv|rmdir|kill|pkill|killall|reboot|shutdown|halt|poweroff|truncate|shred|crontab\s+-r|chmod|chown|tee|mount|umount)\s",
        r"(?:systemctl\s+(?:-\S+\s+)*|service\s+\S+\s+)(?:start|stop|restart|reload|enable|disable|mask|kill|try-restart)\b",
        r"pm2\s+(?:-\S+\s+)*(?:start|stop|restart|reload|delete|del|save|flush|scale|reset|resurrect|set|install)\b",
        r"nginx\s+(?:\S+\s+)*-s\s",
        r"(?:apt|apt-get|dpkg|yum|dnf)\s+(?:-\S+\s+)*(?:install|upgrade|remove|purge|dist-upgrade|full-upgrade|autoremove|-i)\b",
        r"kubectl\s+(?:\S+\s+)*?(?:delete|apply|scale|patch|drain|cordon|edit|replace|annotate|label|set|rollout\s+(?:undo|restart|pause))\b",
        r"aws\s+\S+\s+(?:update|delete|put|create|stop|start|reboot|restore|promote|failover|terminate|modify)-",
        r"certbot\s+(?:renew|delete|revoke|certonly)\b(?:[^\n]*--dry-run)?",
        r"sed\s+(?:\S+\s+)*-[a-z]*i",
        r"(?:git\s+(?:push|reset|checkout|clean|revert|merge|pull))\b",
        r"(?:pg_ctl|pg_ctlcluster)\s+(?:\S+\s+)*(?:stop|restart|promote|reload)\b",
        r"ansible-playbook\s",
    ]
    .join("|");
    let anywhere = [
        r"(?i:\bredis-cli\b[^\n|;]*\s(?:del|unlink|set|setex|expire|persist|flushdb|rename|lpop|rpop|lpush|rpush|ltrim|zrem|hdel|client\s+kill|config\s+set|config\s+rewrite|shutdown|debug|bgrewriteaof|replicaof|slaveof)\b)",
        r"(?i:\bpg_(?:terminate_backend|cancel_backend|reload_conf|promote|switch_wal|drop_replication_slot|stat_statements_reset|stat_reset)\b)",
        r"(?i:\b(?:insert\s+into|delete\s+from|update\s+\S+\s+set|truncate\s+table|drop\s+(?:table|index|role|user|schema)|alter\s+(?:table|system|role|user|database)|create\s+(?:index|table|role|user)|vacuum|reindex|grant|revoke)\b)",
    ]
    .join("|");
    Regex::new(&format!("{command}(?:{words})|{anywhere}"))
});

/// Returns what of a text is never done from here.
pub fn never(text: &str) -> Option<&str> {
    NEVER.as_ref().ok()?.find(text).map(|found| found.as_str())
}

/// Returns what of a line changes something.
pub(super) fn changes(line: &str) -> Option<&str> {
    if line.trim_start().starts_with('#') {
        return None;
    }
    let trim = |text: &str| text.trim_matches(|letter: char| letter.is_whitespace() || ";&|({".contains(letter)).len();
    let found = CHANGES.as_ref().ok()?.find(line)?.as_str();
    let begin =
        found.len() - found.trim_start_matches(|letter: char| letter.is_whitespace() || ";&|({".contains(letter)).len();
    found.get(begin..begin + trim(found))
}
