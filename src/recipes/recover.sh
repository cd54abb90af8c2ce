set -u
l=@LOCK@
[ -e "$l" ] || { echo 'no lock is here any more'; exit 0; }
of() { sed -n "s/^$1=//p" "$l" 2>/dev/null | head -n 1; }
u=$(of uid) p=$(of pid) b=$(of by)
[ -n "$u" ] && [ -n "$p" ] || { echo "$l says not whose it is: it is left as it is" >&2; exit 65; }
if { kill -0 "$p" 2>/dev/null || [ -d "/proc/$p" ]; } &&
  { [ ! -r "/proc/$p/cmdline" ] || tr '\0' ' ' <"/proc/$p/cmdline" | grep -qF "$u"; }; then
  echo "the run $u of ${b:-somebody} goes on (process $p): its lock is left as it is" >&2
  exit 65
fi
d=$HOME/.quarterdeck/runs/$u
case ${u#qd-} in
  *[!0-9a-f]* | '') d=/nonexistent ;;
esac
if [ ! -r "$d/journal" ]; then
  echo "the journal of $u is not of this login: ask ${b:-its owner}, the lock is left as it is" >&2
  exit 77
fi
echo "$u of ${b:-somebody} died; its journal:"
cat "$d/journal"
last=$(tail -n 1 "$d/journal")
mv "$l" "$d/lock.$$" || exit 73
case $last in
  *' done '*) ;;
  *)
    case $last in
      *' start '*) echo 'it died within that step: whether the step did its work is unknown' ;;
      *) echo 'it died between two steps' ;;
    esac
    printf '%s done killed\n' "$(date +%s)" >>"$d/journal"
    ;;
esac
echo "the lock is recovered; it is kept in $d"
