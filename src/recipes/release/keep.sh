set -u
p=@PATH@
now=$(readlink "$p/current" 2>/dev/null)
now=${now##*/}
was=$(cat "$p/.qd-before.$now" 2>/dev/null)
was=${was##*/}
n=0
for r in $(ls -1r "$p/releases" 2>/dev/null); do
  [ -f "$p/releases/$r/.qd-release" ] || continue
  n=$((n + 1))
  [ "$n" -gt @KEEP@ ] || continue
  [ "$r" = "$now" ] || [ "$r" = "$was" ] && continue
  rm -rf "$p/releases/$r" && rm -f "$p/.qd-before.$r" && echo "removed $r"
done
exit 0
