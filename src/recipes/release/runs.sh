set -u
want=$(cd -P @FOLDER@ && pwd) || exit 66
[ -d /proc/self ] || { echo 'no /proc here: which release runs cannot be seen'; exit 0; }
n=0
while :; do
  n=$((n + 1)) seen= wrong=
  for pid in $(pm2 pid @APP@ 2>/dev/null | tr -c '0-9\n' ' '); do
    [ "$pid" -gt 0 ] || continue
    seen=yes
    cwd=$(readlink "/proc/$pid/cwd")
    case $cwd/ in
      "$want"/*) ;;
      *) wrong="process $pid runs in ${cwd:-?}" ;;
    esac
  done
  [ -n "$seen" ] && [ -z "$wrong" ] && { echo "runs from $want"; exit 0; }
  [ "$n" -ge 5 ] && break
  sleep 1
done
if [ -z "$seen" ]; then
  echo 'no process of it runs' >&2
else
  echo "$wrong, and not in $want: PM2 must start it from @START@" >&2
fi
exit 1
