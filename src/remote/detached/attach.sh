d=$HOME/.quarterdeck/runs/@UID@
j=@LINES@ c=@STEP@ o=@OFFSET@ missing=0 r= part= tick= late=
# Whoever writes the journal wakes whoever waits here; and so does a clock, for output, and for those who die without a word.
pause() {
  case $tick in
    '')
      # What was written before it is there is looked for once more.
      tick=none
      [ -p "$d/watch.$$" ] || { late=yes; mkfifo "$d/watch.$$" 2>/dev/null; } || return 0
      exec 5<>"$d/watch.$$"
      (while kill -0 $$; do sleep 0.2 || sleep 1; echo; done) </dev/null >&5 2>/dev/null &
      tick=$!
      ;;
    none) sleep 0.2 2>/dev/null || sleep 1 ;;
    *) read -r n <&5 ;;
  esac
}
leave() {
  case $tick in
    '' | none) ;;
    *) kill "$tick" 2>/dev/null ;;
  esac
  # A run that ended before this pipe was made did not take it away.
  [ -z "$late" ] || rm -f "$d/watch.$$"
  exit "$1"
}
@BEGIN@
[ -e "$d/journal" ] || : >>"$d/journal"
# Watching must cost the host next to nothing: between two looks the shell asks by itself, and starts no other program.
exec 4<"$d/journal"
set -f
drain() {
  [ -s "$d/out.$c" ] || return 0
  while size=$(wc -c <"$d/out.$c"); k=$((size - o)); [ "$k" -gt 0 ]; do
    # Large pieces: some hosts' tail and wc read a file from its beginning each time.
    [ "$k" -gt 1048576 ] && k=1048576
    printf 'O %s %s %s\n' "$c" "$o" "$k"
    tail -c +$((o + 1)) "$d/out.$c" | head -c "$k"
    o=$((o + k))
  done
}
alive() {
  [ -n "$r" ] || read -r r 2>/dev/null <"$d/pid"
  if [ -z "$r" ]; then
    missing=$((missing + 1))
    [ "$missing" -lt 35 ]
    return
  fi
  kill -0 "$r" 2>/dev/null || return 1
  # The number may be another process's by now; that is asked now and then.
  [ $((turn % 10)) -ne 7 ] || [ ! -r "/proc/$r/cmdline" ] || tr '\0' ' ' <"/proc/$r/cmdline" | grep -qF @UID@
}
# What the watcher before has read.
while [ "$j" -gt 0 ] && IFS= read -r line <&4; do j=$((j - 1)); done
turn=0
while :; do
  # Who watches says so, for what the host does when nobody does.
  [ $((turn % 10)) -eq 5 ] && date +%s >"$d/seen" 2>/dev/null
  turn=$((turn + 1))
  # Asked before the journal is read: who ends in between has written its last line.
  if alive; then live=yes; else live=no; fi
  while :; do
    # A line that is being written is read in parts.
    line=
    IFS= read -r line <&4 || { part=$part$line; break; }
    line=$part$line part=
    set -- $line
    case $2 in
      start) c=$3 o=0 ;;
      end | timeout) drain ;;
    esac
    printf 'J %s\n' "$line"
    [ "$2" = done ] && leave 0
  done
  [ -n "$c" ] && drain
  [ "$live" = no ] && { rm -f "$d/watch.$$"; echo 'X dead'; leave 0; }
  pause
done
