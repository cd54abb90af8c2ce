set -u
p=@PATH@
r=@RELEASE@
[ -f "$p/releases/$r/.qd-release" ] || { echo "$p/releases/$r is not complete" >&2; exit 66; }
if [ -e "$p/current" ] && [ ! -L "$p/current" ]; then
  echo "$p/current is no symbolic link: it is left as it is" >&2
  exit 65
fi
was=$(readlink "$p/current" 2>/dev/null)
if [ "$was" = "releases/$r" ]; then
  echo "current is $r already"
  exit 0
fi
printf '%s\n' "$was" >"$p/.qd-before.$r" || exit 73
rm -f "$p/.qd-current"
ln -s "releases/$r" "$p/.qd-current" || exit 73
mv -fT "$p/.qd-current" "$p/current" 2>/dev/null || ln -sfn "releases/$r" "$p/current" || exit 73
echo "current: ${was:-none} -> releases/$r"
