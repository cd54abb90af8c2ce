mask=$(umask)
umask 077
b=$HOME/.quarterdeck/runs
d=$b/@UID@
mkdir -p "$d" || exit 73
[ -d "$d/claim" ] && { echo already; exit 0; }
m=@MACHINE@
if [ -n "$m" ]; then
  is=
  for f in /etc/machine-id /var/lib/dbus/machine-id; do
    # By its name: simulated hosts, which share one file system, have a `cat` of their own.
    [ -n "$is" ] || [ ! -r "$f" ] || is=$(cat "$f")
  done
  [ "$is" = "$m" ] || { rmdir "$d" 2>/dev/null; echo "other ${is:-none}"; exit 0; }
fi
: >>"$d/journal" || exit 73
cat >"$d/plan.$$" <<'@END@' || exit 73
@PLAN@
@END@
mv "$d/plan.$$" "$d/plan" || exit 73
if command -v setsid >/dev/null 2>&1; then
  setsid sh "$d/plan" "$mask" setsid </dev/null >"$d/err" 2>&1 &
else
  nohup sh "$d/plan" "$mask" '' </dev/null >"$d/err" 2>&1 &
fi
n=0
while [ ! -e "$d/pid" ] && [ "$n" -lt 500 ]; do
  n=$((n + 1))
  sleep 0.01 2>/dev/null || { sleep 1; n=$((n + 99)); }
done
[ -e "$d/pid" ] || { cat "$d/err" >&2; exit 74; }
echo started
# It need not be waited for.
find "$b" -mindepth 1 -maxdepth 1 -type d -name 'qd-*' -mtime +30 -exec rm -rf {} + </dev/null >/dev/null 2>&1 &
