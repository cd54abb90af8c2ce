set -u
umask 077
cd @PATH@ || exit 66
f=@ENV_FILE@
f=$(readlink -f "$f" 2>/dev/null || printf %s "$f")
now=$(sed -n 's/^@VARIABLE@=//p' "$f" 2>/dev/null | tail -n 1)
[ "$now" = @TO@ ] && { echo '@VARIABLE@ is '@TO@' already'; exit 0; }
[ "$now" = @FROM@ ] || { echo "@VARIABLE@ is $now by now, and was "@FROM@' when this was planned: nothing is changed' >&2; exit 65; }
# A copy first, for its owner and mode.
[ ! -f "$f" ] || cp -p "$f" "$f.qd" || exit 73
{ [ ! -f "$f" ] || cat "$f"; } | awk -v n=@VARIABLE@ -v t=@TO@ '
  index($0, n "=") == 1 { if (!done && t != "") print n "=" t; done = 1; next }
  { print }
  END { if (!done && t != "") print n "=" t }' >"$f.qd" || exit 74
mv "$f.qd" "$f" || exit 73
@NOTE@
echo "@VARIABLE@: ${now:-not set} -> "@TO@
