//! The commands of a simulated host: small shell scripts that stand before the real ones on its PATH.
//!
//! They read what the simulation writes into the folder `$QD_SIM`. What changes something leaves a request there and
//! waits for its reply, so that a restart takes place in the simulated world and nowhere else.

/// Name and text of every shim.
pub(super) const ALL: &[(&str, &str)] = &[
    ("pm2", PM2),
    ("systemctl", SYSTEMCTL),
    ("sudo", SUDO),
    ("df", DF),
    ("ps", PS),
    ("date", DATE),
    ("hostname", "#!/bin/sh\nprintf '%s\\n' \"$QD_HOST\"\n"),
    ("cat", CAT),
    ("readlink", READLINK),
    ("curl", CURL),
    ("id", ID),
    (
        "ss",
        "#!/bin/sh\necho 'State  Recv-Q  Send-Q  Local Address:Port  Peer Address:Port'\necho 'LISTEN 0       511     127.0.0.1:3004      0.0.0.0:*'\n",
    ),
    ("dmesg", "#!/bin/sh\necho '[    0.000000] Linux version 6.1.0-28-amd64'\n"),
    ("uname", UNAME),
    ("nproc", "#!/bin/sh\nprintf '%s\\n' \"$QD_CORES\"\n"),
    ("mysqladmin", "#!/bin/sh\necho 'mysqld is alive'\n"),
    ("mongosh", "#!/bin/sh\necho 1\n"),
    ("redis-cli", "#!/bin/sh\necho PONG\n"),
    ("git", GIT),
];

/// The kernel that the hosts claim to have.
const UNAME: &str = "#!/bin/sh\ncase $* in *r*) echo Linux 6.1.0-28-amd64 ;; *) echo Linux ;; esac\n";

/// Every simulated host is a machine of its own.
const CAT: &str = r#"#!/bin/sh
for file; do
  shift
  case $file in
    /etc/machine-id) set -- "$@" "$QD_ROOT$file" ;;
    /proc/[a-z]*) set -- "$@" "$QD_PROC${file#/proc}" ;;
    *) set -- "$@" "$file" ;;
  esac
done
for real in /bin/cat /usr/bin/cat; do [ -x $real ] && exec $real "$@"; done
exit 127
"#;

/// Where a simulated process stands is the simulation's to say.
const READLINK: &str = r#"#!/bin/sh
case ${1:-} in
  /proc/*/cwd) exec cat "$QD_PROC${1#/proc}" ;;
esac
for real in /bin/readlink /usr/bin/readlink; do [ -x $real ] && exec $real "$@"; done
exit 127
"#;

const ID: &str = r#"#!/bin/sh
[ "$*" = -un ] && { echo deploy; exit 0; }
for real in /bin/id /usr/bin/id; do [ -x $real ] && exec $real "$@"; done
exit 127
"#;

/// Leaves a request, waits for the reply: its first line is the exit code.
macro_rules! ask {
    () => {
        r#"
ask() {
  id=$$.$(date +%s%N)
  printf '%s\n' "$*" >"$QD_SIM/req/.$id" && mv "$QD_SIM/req/.$id" "$QD_SIM/req/$id" || exit 1
  n=0
  while [ ! -e "$QD_SIM/rep/$id" ]; do
    n=$((n + 1))
    [ $n -gt 100 ] && { echo 'the simulation does not answer' >&2; exit 1; }
    sleep 0.1
  done
  { read -r code; cat; } <"$QD_SIM/rep/$id"
  rm -f "$QD_SIM/rep/$id"
  exit "${code:-1}"
}
"#
    };
}

const PM2: &str = concat!(
    "#!/bin/sh",
    ask!(),
    r#"
[ -s "$QD_SIM/jlist.json" ] || exit 1
for word; do
  shift
  case $word in
    --silent | -s | --no-color | --update-env | --force | --mini-list) ;;
    --lines | --kill-timeout) shift ;;
    *) set -- "$@" "$word" ;;
  esac
done
case ${1:-} in
  jlist) cat "$QD_SIM/jlist.json" ;;
  --version | -v) echo 7.0.4 ;;
  id)
    [ $# = 2 ] || exit 1
    awk -v name="$2" '$2 == name { s = s (s == "" ? " " : ", ") $1 } END { print "[" s (s == "" ? "" : " ") "]" }' "$QD_SIM/ids" ;;
  pid) awk -v name="$2" '$2 == name { print $3 }' "$QD_SIM/ids" ;;
  list | ls) awk 'BEGIN { print "id  name  pid" } { print $1 "   " $2 "  " $3 }' "$QD_SIM/ids" ;;
  ping) echo "{ msg: 'pong' }" ;;
  save) echo '[PM2] Saving current process list...' ;;
  restart | reload | start | stop)
    [ $# = 2 ] || { echo "error: missing required argument 'id|name'"; exit 1; }
    ask pm2 "$1" "$2" ;;
  *) echo "[PM2][ERROR] Command not found: ${1:-}" >&2; exit 1 ;;
esac
"#
);

/// The repositories of the fleet are lists, laid by [`repository`](super::repository); any other is for the real git, where there is one.
const GIT: &str = r#"#!/bin/sh
dir=
for word; do case $word in --git-dir=*) dir=${word#--git-dir=} ;; esac; done
list=$dir/demo-commits
if [ ! -r "$list" ]; then
  for real in /usr/local/bin/git /usr/bin/git /bin/git; do [ -x $real ] && exec $real "$@"; done
  exit 127
fi
while [ $# -gt 0 ]; do
  case $1 in
    -c) shift 2 ;;
    -*) shift ;;
    *) break ;;
  esac
done
verb=$1 how=$2 from= to=
for word; do
  case $word in
    *..*) from=${word%%..*} to=${word##*..} ;;
    *[!0-9a-f]* | '') ;;
    *) [ ${#word} = 40 ] && { [ -n "$from" ] && to=$word || from=$word; } ;;
  esac
done
# Newest first; what was taken back has its lines the other way round.
rows() {
  awk -F '\t' -v a="$1" -v b="$2" '$1 == a { i = NR } $1 == b { j = NR } { l[NR] = $0 } END { for (n = j; n > i; n--) print l[n] }' "$list"
}
stat() {
  { rows "$from" "$to"; rows "$to" "$from" | awk -F '\t' -v OFS='\t' '{ t = $5; $5 = $6; $6 = t; print }'; } |
    awk -F '\t' '{ a[$7] += $5; d[$7] += $6 } END { for (f in a) print a[f] "\t" d[f] "\t" f }' | sort -k 3
}
case $verb in
  rev-parse)
    for name; do :; done
    name=${name%^*}
    awk -F '\t' -v n="$name" '$1 == n || $2 == n || "v" $2 == n { s = $1 } END { if (s == "") exit 1; print s }' "$list" ;;
  rev-list) rows "$from" "$to" | wc -l | tr -d ' ' ;;
  log) rows "$from" "$to" | awk -F '\t' '{ print "@@ commit " $1 "\t" $3 "\t" $4 }' ;;
  diff)
    if [ "$how" = --numstat ]; then stat; else
      stat | awk '{ n++; a += $1; d += $2 } END { if (n) print " " n " files changed, " a " insertions(+), " d " deletions(-)" }'
    fi ;;
  *) exit 1 ;;
esac
"#;

/// Asks the application of the host it runs on.
const CURL: &str = concat!(
    "#!/bin/sh",
    ask!(),
    r#"
for url; do :; done
ask curl "$url"
"#
);

const SYSTEMCTL: &str = concat!(
    "#!/bin/sh",
    ask!(),
    r#"
verb= units= want=
for word; do
  case $word in
    -p) want=next; continue ;;
    --property=*) want=${word#--property=} ;;
    -*) ;;
    *)
      if [ "$want" = next ]; then want=$word
      elif [ -z "$verb" ]; then verb=$word
      else case $word in *.*) units="$units $word" ;; *) units="$units $word.service" ;; esac; fi ;;
  esac
done
case $verb in
  show)
    between=
    for unit in $units; do
      [ -n "$between" ] && echo
      between=yes
      if [ -f "$QD_SIM/units/$unit" ]; then cat "$QD_SIM/units/$unit"
      else printf 'Id=%s\nLoadState=not-found\nActiveState=inactive\nSubState=dead\nResult=success\nMainPID=0\n' "$unit"; fi |
        { [ -n "$want" ] && grep -E "^($(printf %s "$want" | tr , '|'))=" || cat; }
    done ;;
  is-active)
    code=3
    for unit in $units; do
      state=$(sed -n 's/^ActiveState=//p' "$QD_SIM/units/$unit" 2>/dev/null)
      [ "$state" = active ] && code=0
      echo "${state:-inactive}"
    done
    exit $code ;;
  restart | start | stop | reload | reload-or-restart)
    set -- $units
    ask systemctl "$verb" "$1" ;;
  *) echo "Unknown command verb $verb." >&2; exit 1 ;;
esac
"#
);

/// Who works on a simulated host may do everything there.
const SUDO: &str = r#"#!/bin/sh
while :; do
  case ${1:-} in
    -u | -g) shift 2 ;;
    -*) shift ;;
    *) break ;;
  esac
done
exec "$@"
"#;

const DF: &str = r#"#!/bin/sh
kind=k
for word; do
  case $word in
    -B1 | --block-size=1 | -PB1) kind=b ;;
    --block-size* | --local | --portability) ;;
    -*i*) kind=i ;;
  esac
done
# Everything that is deployed lies on the first file system.
case ${word:-} in
  -* | '') exec cat "$QD_SIM/df.$kind" ;;
  *) exec head -n 2 "$QD_SIM/df.$kind" ;;
esac
"#;

/// Prints the processes it is asked for by `-p`, or all.
const PS: &str = r#"#!/bin/sh
list=
while [ $# -gt 0 ]; do
  case $1 in
    -p) list=${2:-}; shift ;;
    -p*) list=${1#-p} ;;
  esac
  shift
done
[ -n "$list" ] || exec cat "$QD_SIM/ps"
exec awk -v list="$list" 'BEGIN { n = split(list, a, ","); for (i = 1; i <= n; i++) want[a[i]] = 1 } $1 in want' "$QD_SIM/ps"
"#;

/// A host's clock may be wrong.
const DATE: &str = r#"#!/bin/sh
for real in /bin/date /usr/bin/date; do
  [ -x $real ] || continue
  [ "${QD_SKEW:-0}" = 0 ] && exec $real "$@"
  exec $real -d "$QD_SKEW seconds" "$@"
done
exit 127
"#;
