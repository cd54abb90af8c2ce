rm -f "$n"
f=$HOME/.quarterdeck/uploads/@SUM@
[ -f "$f" ] || { echo "the file is not on this host: $f" >&2; exit 66; }
[ ! -L "$a" ] || { echo "$a is a link: it is left as it is" >&2; exit 65; }
was=none
if [ -f "$a" ]; then
  if [ -r "$a" ]; then was=$(sum "$a"); else was=$(run cat "$a" | sum); fi
fi
if [ "$was" != @WAS@ ]; then
  echo "$a is not what was looked at: it is left as it is" >&2
  exit 65
fi
if [ "$was" = none ]; then
  note new
  run cp "$f" "$a.qd-new" && run chmod 644 "$a.qd-new" || exit 73
else
  note replaced
  # A copy of it keeps owner and mode.
  run cp -p "$a" "$a.qd-previous" && run cp -p "$a" "$a.qd-new" && run cp "$f" "$a.qd-new" || exit 73
fi
run mv -f "$a.qd-new" "$a" || exit 73
if ! take_it; then
  if [ "$was" = none ]; then run rm -f "$a"; else run cp -p "$a.qd-previous" "$a.qd-new" && run mv -f "$a.qd-new" "$a"; fi
  failed
fi
echo "$a: $was -> @SUM@"
