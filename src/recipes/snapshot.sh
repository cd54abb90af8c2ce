# Evidence that a restart destroys, kept with the run. It takes two seconds at most, and holds nothing up.
d=${QD_RUN:-}
[ -n "$d" ] || exit 0
d=$d/before pids=
mkdir -p "$d" || exit 0
t=
command -v timeout >/dev/null 2>&1 && t='timeout 2'
keep() {
  f=$1
  shift
  { "$@" | head -c 200000; } >"$d/$f" 2>&1 </dev/null &
  pids="$pids $!"
}
# Names, not arguments: those may hold what must not be kept.
keep processes $t sh -c 'ps -eo pid,ppid,user,pcpu,pmem,etime,comm 2>/dev/null || ps'
keep sockets $t ss -tan
keep disks $t df -Pk
keep kernel sh -c 'dmesg 2>/dev/null | tail -n 50'
keep load cat /proc/loadavg /proc/meminfo
[ -n '@PM2@' ] && keep pm2 $t pm2 list --no-color
n=0
for f in @LOGS@; do
  [ -r "$f" ] || continue
  n=$((n + 1))
  keep "log.$n" tail -n 200 "$f"
done
n=0
while [ "$n" -lt 20 ]; do
  left=
  for p in $pids; do kill -0 "$p" 2>/dev/null && left="$left $p"; done
  pids=$left
  [ -n "$pids" ] || break
  # Whoever watches may go on without it.
  [ -e "$QD_RUN/skip" ] && break
  n=$((n + 1))
  sleep 0.1 2>/dev/null || { sleep 1; n=$((n + 9)); }
done
[ -z "$pids" ] || kill $pids 2>/dev/null
[ ! -e "$QD_RUN/skip" ] || echo "left out by a person; what was there by then stays"
echo "kept in $d: $(ls "$d" | tr '\n' ' ')"
exit 0
