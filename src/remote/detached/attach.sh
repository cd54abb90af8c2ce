d=$HOME/.quarterdeck/runs/@UID@
j=@LINES@ c=@STEP@ o=@OFFSET@ missing=0 calm=0
[ -d "$d/claim" ] || { echo 'X absent'; exit 0; }
drain() {
  [ -e "$d/out.$c" ] || return 0
  while size=$(wc -c <"$d/out.$c"); k=$((size - o)); [ "$k" -gt 0 ]; do
    # Large pieces: some hosts' tail and wc read a file from its beginning each time.
    [ "$k" -gt 1048576 ] && k=1048576
    printf 'O %s %s %s\n' "$c" "$o" "$k"
    tail -c +$((o + 1)) "$d/out.$c" | head -c "$k"
    o=$((o + k))
  done
}
alive() {
  r=$(cat "$d/pid" 2>/dev/null)
  if [ -z "$r" ]; then
    missing=$((missing + 1))
    [ "$missing" -lt 60 ]
    return
  fi
  kill -0 "$r" 2>/dev/null || return 1
  [ ! -r "/proc/$r/cmdline" ] || tr '\0' ' ' <"/proc/$r/cmdline" | grep -qF @UID@
}
turn=0
while :; do
  # Who watches says so, for what the host does when nobody does.
  [ $((turn % 10)) -eq 0 ] && date +%s >"$d/seen" 2>/dev/null
  turn=$((turn + 1))
  # Asked before the journal is read: who ends in between has written its last line.
  if alive; then live=yes; else live=no; fi
  n=$(wc -l <"$d/journal")
  while [ "$j" -lt "$n" ]; do
    j=$((j + 1)) calm=0
    line=$(sed -n "${j}p" "$d/journal")
    read -r _ word number _ <<END-OF-LINE
$line
END-OF-LINE
    case $word in
      start) c=$number o=0 ;;
      end | timeout) drain ;;
    esac
    printf 'J %s\n' "$line"
    [ "$word" = done ] && exit 0
  done
  [ -n "$c" ] && drain
  [ "$live" = no ] && { echo 'X dead'; exit 0; }
  # What was just begun is often over soon: it is looked at often for a while.
  p=0.2
  [ "$calm" -lt 40 ] && p=0.03 calm=$((calm + 1))
  sleep "$p" 2>/dev/null || sleep 1
done
