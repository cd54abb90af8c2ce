# quarterdeck run @UID@
umask 077
# What steps make is made as their login has it: a web server must be able to read what is brought out.
mask=$1
# What gives a step a group of its own; nothing where there is no such program.
own=${2-$(command -v setsid)}
# Where the run before this one has its sudo ask.
lent=$3
d=$HOME/.quarterdeck/runs/@UID@
# Those who watch wait at a pipe of theirs. Opened like this it lets nobody wait, whether anyone is there or not.
wake() {
  for w in "$d"/watch.*; do
    [ -p "$w" ] && echo "$1" 1<>"$w"
  done
  :
}
# take FILE: true for the only one who makes it.
take() {
  set -C
  { true >"$1"; } 2>/dev/null
  set -- "$?"
  set +C
  return "$1"
}
# Whoever makes this file runs the plan; a second start finds it and goes away.
take "$d/claim" || { rm -f "$0"; [ -e "$d/claim" ] || wake no; exit 0; }
# Without room for this much nothing is begun.
echo $$ >"$d/pid" || { rm -f "$d/pid" "$d/claim"; wake no; exit 73; }
wake
lock=@LOCK@
by=@BY@
# What time it is, without a program for each line: what it was for who started this, and how long the machine has been up since.
zero=@NOW@ up=
[ -r /proc/uptime ] && read -r up n </proc/uptime
[ -n "$zero" ] || zero=$(date +%s)
now() {
  t=$zero
  if [ -z "$up" ]; then
    t=$(date +%s)
  elif read -r n x </proc/uptime; then
    t=$((zero + ${n%.*} - ${up%.*}))
  fi
}
journal() {
  now
  printf '%s %s\n' "$t" "$*" >>"$d/journal" || return
  wake
}
@LEND@
unlock() {
  # Once: what stands there next is another's.
  [ -z "$locked" ] || { locked=; rm -f "$lock"; }
}
trap '' HUP
# The machine goes down: the step goes with it, and the lock is not left behind.
trap 'kill -TERM $g 2>/dev/null; [ -n "$over" ] && : >"$over"; unlock; unlend; journal done killed; exit 143' TERM INT
locked= g= over=
# The first deployment finds no folder yet.
[ -d "${lock%/*}" ] || (umask 022 && mkdir "${lock%/*}" 2>/dev/null)
# Others are to see who holds it: a lock that nobody can explain must not be.
umask 022
until take "$lock"; do
  if [ -e "$lock" ]; then
    umask 077
    of() { sed -n "s/^$1=//p" "$lock" 2>/dev/null | head -n 1; }
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
  fi
  # Once more, for the words of it; and it may have been given back just now.
  m=$(set -C; { true >"$lock"; } 2>&1) && break
  umask 077
  m=${m##*"$lock"}
  journal "nolock $(printf %s "${m#: }" | head -n 1)"
  journal 'done refused'
  exit 0
done
locked=yes
now
printf 'uid=@UID@\nsince=%s\npid=%s\nby=%s\n' "$t" "$$" "$by" >"$lock" || {
  umask 077
  unlock
  journal 'nolock its owner cannot be written there'
  journal 'done refused'
  exit 0
}
umask 077
# copy FILE COUNT: takes what comes to the end of a file, at once, until so many bytes came; false when no more comes.
# A count of dd is of reads, however short: what it took is measured. $got says how many bytes came.
copy() {
  got=0
  while [ "$got" -lt "$2" ]; do
    b=$(($2 - got))
    [ "$b" -gt 32768 ] && b=32768
    was=$(wc -c <"$1")
    dd bs="$b" count="$((($2 - got) / b))" 2>/dev/null >>"$1"
    now=$(wc -c <"$1")
    [ "$((now))" -gt "$((was))" ] || return 1
    got=$((got + now - was))
  done
}
# keep FILE: the first bytes as they come, and of the rest the last ones. It reads to the end, whoever holds the other end:
# one who is left in the background by a step must never write into nothing.
keep() {
  # Most say little, which one program takes.
  r=$(dd bs=32768 count=$((@FIRST@ / 32768)) 2>&1 >>"$1") || r=
  r=${r%% *}
  case $r in
    *[!0-9+]* | *+*+* | '') ;;
    # Fewer reads than it was to do: no more came.
    *+*) [ $(($r)) -lt $((@FIRST@ / 32768)) ] && return ;;
  esac
  # No more came, or there is no room for it: then it is read all the same, and lost.
  copy "$1" $((@FIRST@ - $(wc -c <"$1"))) || { cat >/dev/null; return; }
  : >"$1.new"
  if copy "$1.new" 1; then
    printf '\n[quarterdeck: more than @FIRST@ bytes: the end of the rest follows when the step ends]\n' >>"$1"
    cut=1
    while copy "$1.new" @LAST@; do
      cut=$((cut + got))
      mv "$1.new" "$1.old"
      : >"$1.new"
    done
    cut=$((cut + got - @LAST@))
    [ "$cut" -gt 0 ] && printf '[quarterdeck: %s bytes were not kept]\n' "$cut" >>"$1"
    cat "$1.old" "$1.new" 2>/dev/null | tail -c @LAST@ >>"$1"
  fi
  cat >/dev/null
  rm -f "$1.old" "$1.new"
}
last=@LAST_STEP@
# step NUMBER SECONDS PREFIX COMMAND
step() {
  # What would not be known of is not done.
  journal "start $1" || return 73
  over=$d/over.$1
  : >>"$d/out.$1"
  set -- "$@" "$own"
  # Through a pipe with a name, so that the step's own exit is seen. Where none can be made nothing is bounded.
  o=$d/pipe.$1 k=
  if { [ -p "$o" ] && [ -p "$d/told.$1" ]; } || mkfifo "$o" "$d/told.$1" 2>/dev/null; then
    exec 8<>"$d/told.$1"
    { keep "$d/out.$1"; : >"$d/kept.$1"; echo >&8; } <"$o" >/dev/null 2>&1 &
    k=yes
  else
    o=$d/out.$1
    exec 8>/dev/null
  fi
  (
    trap - TERM INT HUP
    [ -n "$3" ] && PATH=$3:$PATH && export PATH
    [ -n "$lent" ] && PATH=$lent/bin:$PATH SUDO_ASKPASS=$lent/ask && export PATH SUDO_ASKPASS
    QD_RUN=$d
    export QD_RUN
    cd
    [ -n "$mask" ] && umask "$mask"
    exec $5 sh -c "$4"
  ) </dev/null >>"$o" 2>&1 8>&- &
  p=$!
  # The step leads a group of its own where it can, so that its time-out ends all of it.
  g=$p
  [ -n "$5" ] && g=-$p
  # It looks for the end instead of being told by a signal: a shell that was just forked can lose one.
  (
    n=0
    while [ "$n" -lt "$2" ]; do
      # What has taken long already is looked at less often.
      k=$((n / 10 + 1))
      [ "$k" -le 5 ] || k=5
      [ "$k" -le $(($2 - n)) ] || k=$(($2 - n))
      sleep "$k"
      [ -e "$over" ] && { echo >&8; exit 0; }
      n=$((n + k))
      if kill -0 $$; then
        # A sign of life, for those who cannot see this process. Nothing is made: the lock may be given back by now.
        [ $((n % 5)) -ge "$k" ] || touch -c "$lock"
      else
        # Whoever runs this was killed: the step keeps its time, and nobody says when it is over.
        kill -0 "$p" && [ ! -e "$d/kept.$1" ] || exit 0
      fi
    done
    : >"$d/timeout.$1"
    kill -TERM $g
    sleep 5
    kill -KILL $g
    echo >&8
  ) </dev/null >/dev/null 2>&1 &
  wait "$p"
  s=$?
  : >"$over"
  # Before its end is told: who hears of it may want the lock next.
  if [ "$s" != 0 ] || [ "$1" = "$last" ] || [ -e "$d/timeout.$1" ]; then unlock; fi
  # Its last words first. Who keeps the pipe open in the background is waited for until the next look at the time: then what came
  # until now is all.
  [ -z "$k" ] || [ -e "$d/kept.$1" ] || read -r n <&8
  exec 8>&-
  g=
  if [ -e "$d/timeout.$1" ]; then
    s=1
    journal "timeout $1"
  else
    journal "end $1 $s"
  fi
  return "$s"
}
@BORROW@
exec </dev/null
if @STEPS@; then r=ok; else r=failed; fi
unlock
@FORGET@
journal "done $r"
# What need not be waited for: a moment later, when those who wait for the end of it have it.
trap exit TERM INT
sleep 1
rm -f "$d"/pipe.* "$d"/told.* "$d"/watch.*
mv "$0" "$d/plan" 2>/dev/null
find "${d%/*}" -mindepth 1 -maxdepth 1 -type d -name 'qd-*' -mtime +30 -exec rm -rf {} + </dev/null >/dev/null 2>&1 &
@DEAD_MAN@
unlend
