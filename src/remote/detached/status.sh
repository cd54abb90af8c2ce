d=$HOME/.quarterdeck/runs/@UID@
[ -e "$d/claim" ] || { echo absent; exit 0; }
r=$(cat "$d/pid" 2>/dev/null)
if [ -n "$r" ] && kill -0 "$r" 2>/dev/null &&
  { [ ! -r "/proc/$r/cmdline" ] || tr '\0' ' ' <"/proc/$r/cmdline" | grep -qF @UID@; }; then
  echo alive
else
  echo dead
fi
tail -n 200 "$d/journal"
