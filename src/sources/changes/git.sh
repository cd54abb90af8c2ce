LC_ALL=C GIT_TERMINAL_PROMPT=0 GIT_OPTIONAL_LOCKS=0 GIT_NO_LAZY_FETCH=1 GIT_ALLOW_PROTOCOL=none
export LC_ALL GIT_TERMINAL_PROMPT GIT_OPTIONAL_LOCKS GIT_NO_LAZY_FETCH GIT_ALLOW_PROTOCOL
unset GIT_DIR GIT_WORK_TREE GIT_EXTERNAL_DIFF GIT_PAGER GIT_CONFIG_PARAMETERS
T='	'
missing() { printf '@@ missing %s%s%s\n' "$1" "$T" "$2"; }
slow=; command -v timeout >/dev/null 2>&1 && slow='timeout 6'
# What a repository says of itself may have git run commands: what can be told it, is told not to.
g() {
  $slow git --no-pager --no-replace-objects --literal-pathspecs --git-dir="$d" -c core.fsmonitor=false -c core.hooksPath=/dev/null -c core.quotePath=false -c log.showSignature=false -c log.mailmap=false "$@" </dev/null 2>/dev/null
}
