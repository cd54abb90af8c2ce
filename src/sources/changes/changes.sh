# qd-changes 1: says what changed on this host since @SINCE@ (seconds since 1970). Reads only. Names, times and hashes, never contents.
LC_ALL=C; export LC_ALL
R=${QD_ROOT:-}
T='	'
now=$(date +%s)
min=$(((now - @SINCE@) / 60 + 1))
from=$(date -d "@"@SINCE@ '+%Y-%m-%d %H:%M:%S' 2>/dev/null)
say() { printf '@@ %s\n' "$*"; }
missing() { printf '@@ missing %s%s%s\n' "$1" "$T" "$2"; }
say now "$now"
say zone "$(date +%z)"
say kernel "$(uname -r)"
sed -n 's/^btime /@@ boot /p' "$R/proc/stat" 2>/dev/null || sed -n 's/^btime /@@ boot /p' /proc/stat 2>/dev/null

@FILES@
for p in @PATHS@; do
  [ -d "$p" ] || { missing "$p" 'not there, or not to be read'; continue; }
  if [ -L "$p/current" ]; then
    c=$(readlink "$p/current")
    v=$(sed -n 's/^version=//p' "$p/current/.qd-release" 2>/dev/null | head -n 1)
    printf '@@ current %s%s%s%s%s\n' "$p" "$T" "${v:-${c##*/}}" "$T" "$(stat -c %Y "$p/current" 2>/dev/null)"
    ls -dt "$p"/releases/*/ 2>/dev/null | head -n 10 | while read -r r; do
      r=${r%/}
      printf '@@ release %s%s%s%s%s\n' "$p" "$T" "${r##*/}" "$T" "$(stat -c %Y "$r" 2>/dev/null)"
    done
  elif [ -d "$p/.git" ]; then
    [ -r "$p/.git/logs/HEAD" ] || missing "$p/.git" 'not to be read'
    tail -n 20 "$p/.git/logs/HEAD" 2>/dev/null | while read -r l; do printf '@@ git %s%s%.400s\n' "$p" "$T" "$l"; done
  else
    for f in .qd-release package.json server.js composer.lock index.php; do
      [ -f "$p/$f" ] && printf '@@ place %s%s%s%s%s\n' "$p" "$T" "$f" "$T" "$(stat -c %Y "$p/$f" 2>/dev/null)"
    done
  fi
done

# A time that was set by hand does not hide a file: when its inode changed cannot be set.
config_files \( -mmin -$min -o -cmin -$min \) | grep -v '^?$' | head -n 200 | while read -r f; do
  h=$(sha256sum <"$f" 2>/dev/null); h=${h%% *}
  printf '@@ file %s%s%s%s%s\n' "${f#"$R"}" "$T" "$(stat -c "%Y$T%Z$T%U" "$f" 2>/dev/null)" "$T" "$h"
done

for d in letsencrypt/live ssl/private nginx/ssl nginx/certs apache2/ssl; do
  d=$R/etc/$d
  [ -e "$d" ] || continue
  [ -r "$d" ] && [ -x "$d" ] || { missing "${d#"$R"}" 'not to be read'; continue; }
  find -L "$d" -type f \( -name '*.pem' -o -name '*.crt' -o -name '*.cer' \) -mmin -$min 2>/dev/null | head -n 50 | while read -r f; do
    printf '@@ cert %s%s%s\n' "${f#"$R"}" "$T" "$(stat -L -c %Y "$f" 2>/dev/null)"
  done
done

d=$R/var/log/dpkg.log
if [ -r "$d" ]; then
  { for f in "$d.2.gz" "$d.1.gz"; do [ -r "$f" ] && gzip -dc "$f" 2>/dev/null; done; cat "$d.1" "$d" 2>/dev/null; } |
    awk -v from="$from" '$3 ~ /^(install|upgrade|remove|purge)$/ && $1 " " $2 >= from' | tail -n 300 | cut -c 1-300 | sed 's/^/@@ dpkg /'
elif [ -e "$R/var/lib/dpkg" ]; then
  missing 'package log' 'not to be read'
fi

find "$R/etc/crontab" "$R/etc/cron.d" "$R/etc/cron.hourly" "$R/etc/cron.daily" "$R/etc/cron.weekly" "$R/var/spool/cron" -type f \( -mmin -$min -o -cmin -$min \) 2>/dev/null | head -n 50 | while read -r f; do
  printf '@@ crontab %s%s%s\n' "${f#"$R"}" "$T" "$(stat -c "%Y$T%Z" "$f" 2>/dev/null)"
done
crontab=
if [ -z "$R" ] && command -v journalctl >/dev/null 2>&1; then
  crontab=$(journalctl -q --no-pager -o short-unix --since "$from" -t CRON -t cron -t crond -n 400 2>/dev/null | grep ' CMD ' | cut -c 1-400)
fi
if [ -n "$crontab" ]; then
  printf '%s\n' "$crontab" | sed 's/^/@@ cron /'
else
  s=
  for f in "$R/var/log/syslog" "$R/var/log/cron.log" "$R/var/log/cron"; do [ -r "$f" ] && s="$s $f"; done
  if [ -n "$s" ]; then
    cat $(for f in $s; do [ -r "$f.1" ] && echo "$f.1"; echo "$f"; done) 2>/dev/null | grep -i 'cron.* CMD ' | tail -n 400 | cut -c 1-400 | sed 's/^/@@ cron /'
  else
    missing 'cron starts' 'neither the journal nor the system log is to be read'
  fi
fi

w=$R/var/log/wtmp
if command -v last >/dev/null 2>&1; then
  l=$(last -w -n 100 --time-format iso -f "$w" 2>/dev/null) || l=$(last -F -n 100 -f "$w" 2>/dev/null) || l=
  if [ -n "$l" ]; then printf '%s\n' "$l" | cut -c 1-300 | sed 's/^/@@ login /'; else missing logins 'no record of them is to be read'; fi
else
  missing logins 'no command that tells them: last'
fi
say end
