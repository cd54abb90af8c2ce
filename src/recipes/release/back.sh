set -u
p=@PATH@
r=@RELEASE@
m=$p/.qd-before.$r
[ -f "$m" ] || { echo 'current was not switched: nothing to take back'; exit 0; }
was=$(cat "$m")
now=$(readlink "$p/current" 2>/dev/null)
if [ "$now" != "releases/$r" ]; then
  echo "current is $now, and not what this run made it: it is left as it is" >&2
  exit 65
fi
if [ -z "$was" ]; then
  rm -f "$p/current" || exit 73
else
  [ -d "$p/$was" ] || { echo "$p/$was is gone: current stays $now" >&2; exit 66; }
  rm -f "$p/.qd-current"
  ln -s "$was" "$p/.qd-current" || exit 73
  mv -fT "$p/.qd-current" "$p/current" 2>/dev/null || ln -sfn "$was" "$p/current" || exit 73
fi
rm -f "$m"
echo "current: $now -> ${was:-none}"
