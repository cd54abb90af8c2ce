b=$HOME/.quarterdeck/runs
if [ -d "$d/claim" ]; then
  unset qd_secret q
  echo 'S already'
else
  mask=$(umask)
  umask 077
  mkdir -p "$d" || exit 73
  m=@MACHINE@
  if [ -n "$m" ]; then
    is=
    for f in /etc/machine-id /var/lib/dbus/machine-id; do
      # By its name: simulated hosts, which share one file system, have a `cat` of their own.
      [ -n "$is" ] || [ ! -r "$f" ] || is=$(cat "$f")
    done
    [ "$is" = "$m" ] || { rmdir "$d" 2>/dev/null; echo "S other ${is:-none}"; exit 0; }
  fi
  : >>"$d/journal" || exit 73
  printf '%s\n' @PLAN@ >"$d/plan.$$" || {
    # A program has better words for why it cannot be written.
    head -c 65536 /dev/zero | cat >"$d/plan.$$"
    rm -f "$d/plan.$$"
    exit 73
  }
  alone=
  command -v setsid >/dev/null 2>&1 || alone=' alone'
  go() {
    [ -n "$alone" ] || exec setsid sh "$d/plan.$$" "$mask" setsid >"$d/err" 2>&1
    exec nohup sh "$d/plan.$$" "$mask" '' >"$d/err" 2>&1
  }
  @WORD@ go &
  # Who watches has no need of it.
  unset qd_secret q
  # The clock ticks five times a second.
  n=0
  while [ ! -s "$d/pid" ] && [ "$n" -lt 30 ]; do
    n=$((n + 1))
    pause
  done
  [ -s "$d/pid" ] || { cat "$d/err" >&2; leave 74; }
  echo "S started$alone"
  # Who watches may go at any time, and all that belongs to it is ended then.
  [ -z "$alone" ] || leave 0
fi
