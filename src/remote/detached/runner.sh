# quarterdeck run @UID@
umask 077
d=$HOME/.quarterdeck/runs/@UID@
# Whoever makes this directory runs the plan; a second start finds it and goes away.
mkdir "$d/claim" 2>/dev/null || exit 0
echo $$ >"$d/pid"
lock=@LOCK@
by=@BY@
journal() { printf '%s %s\n' "$(date +%s)" "$*" >>"$d/journal"; }
unlock() {
  rm -f "$lock/owner"
  rmdir "$lock" 2>/dev/null
}
trap '' HUP
# The machine goes down: the step goes with it, and the lock is not left behind.
trap 'kill -TERM $g 2>/dev/null; [ -n "$locked" ] && unlock; journal done killed; exit 143' TERM INT
locked= g=
if m=$(umask 022 && mkdir "$lock" 2>&1); then
  locked=yes
  # Others are to see who holds it.
  (umask 022 && printf 'uid=@UID@\nsince=%s\npid=%s\nby=%s\n' "$(date +%s)" "$$" "$by" >"$lock/owner")
elif [ -d "$lock" ]; then
  of() { sed -n "s/^$1=//p" "$lock/owner" 2>/dev/null | head -n 1; }
  u=$(of uid) p=$(of pid) a=unknown
  if [ -n "$p" ]; then
    a=no
    { kill -0 "$p" 2>/dev/null || [ -d "/proc/$p" ]; } && a=yes
    # The number may be another process's by now.
    [ "$a" = yes ] && [ -r "/proc/$p/cmdline" ] && ! tr '\0' ' ' <"/proc/$p/cmdline" | grep -qF "$u" && a=no
  fi
  s=$(of since) o=$(of by)
  journal "refused ${u:--} ${s:--} $a $o"
  journal 'done refused'
  exit 0
else
  journal "nolock $(printf %s "$m" | head -n 1)"
  journal 'done refused'
  exit 0
fi
# step NUMBER SECONDS PREFIX COMMAND
step() {
  journal "start $1"
  : >>"$d/out.$1"
  set -- "$@" "$(command -v setsid)"
  (
    trap - TERM INT HUP
    [ -n "$3" ] && PATH=$3:$PATH && export PATH
    cd
    exec $5 sh -c "$4"
  ) </dev/null >>"$d/out.$1" 2>&1 &
  p=$!
  # The step leads a group of its own where it can, so that its time-out ends all of it.
  g=$p
  [ -n "$5" ] && g=-$p
  (
    trap 'kill "$t"; exit 0' TERM
    sleep "$2" &
    t=$!
    wait "$t"
    : >"$d/timeout.$1"
    kill -TERM $g
    sleep 5
    kill -KILL $g
  ) </dev/null >/dev/null 2>&1 &
  w=$!
  wait "$p"
  s=$?
  kill "$w" 2>/dev/null
  if [ -e "$d/timeout.$1" ]; then
    g=
    journal "timeout $1"
    return 1
  fi
  g=
  journal "end $1 $s"
  return "$s"
}
if @STEPS@; then r=ok; else r=failed; fi
unlock
journal "done $r"
