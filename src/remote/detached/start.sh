b=$HOME/.quarterdeck/runs
if [ -e "$d/claim" ]; then
  unset qd_secret q
  echo 'S already'
else
  m=@MACHINE@
  if [ -n "$m" ]; then
    is=
    for f in /etc/machine-id /var/lib/dbus/machine-id; do
      # Simulated hosts, which share one file system, have theirs elsewhere.
      [ -n "$is" ] || [ ! -r "$QD_ROOT$f" ] || read -r is <"$QD_ROOT$f"
    done
    [ "$is" = "$m" ] || { echo "S other ${is:-none}"; exit 0; }
  fi
  mask=$(umask)
  umask 077
  mkdir -p "$d" && true >>"$d/journal" || exit 73
  printf '%s\n' @PLAN@ >"$d/plan.$$" || {
    # A program has better words for why it cannot be written.
    head -c 65536 /dev/zero | cat >"$d/plan.$$"
    rm -f "$d/plan.$$"
    exit 73
  }
  # One program for all pipes of the run: where it cannot, each is seen to when it is needed.
  mkfifo "$d/watch.$$" @PIPES@ 2>/dev/null
  alone=
  command -v setsid >/dev/null 2>&1 || alone=' alone'
  go() {
    [ -n "$alone" ] || exec setsid sh "$d/plan.$$" "$mask" setsid >"$d/err" 2>&1
    exec nohup sh "$d/plan.$$" "$mask" '' >"$d/err" 2>&1
  }
  @WORD@ go &
  # Who watches has no need of it.
  unset qd_secret q
  n=
  if [ -p "$d/watch.$$" ]; then
    # Whoever has the claim knocks, and who cannot begin does so with a word.
    exec 5<>"$d/watch.$$"
    until [ -s "$d/pid" ] || [ -n "$n" ]; do read -r n <&5; done
  else
    while [ ! -s "$d/pid" ] && [ "${#n}" -lt 30 ]; do
      n=x$n
      pause
    done
  fi
  [ -s "$d/pid" ] || {
    if [ -s "$d/err" ]; then cat "$d/err" >&2; else echo 'nothing can be written there' >&2; fi
    leave 73
  }
  echo "S started$alone"
  # Who watches may go at any time, and all that belongs to it is ended then.
  [ -z "$alone" ] || leave 0
fi
