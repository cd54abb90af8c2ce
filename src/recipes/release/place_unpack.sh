set -u
p=@PATH@
f=$HOME/.quarterdeck/uploads/@SUM@
[ ! -L "$p" ] || { echo "$p is a link: it is left as it is" >&2; exit 65; }
[ -f "$f" ] || { echo "the build is not on this host: $f" >&2; exit 66; }
rm -rf "$p.qd-next" || exit 73
mkdir "$p.qd-next" || exit 73
if gzip -t "$f" 2>/dev/null; then
  gzip -dc "$f" | (cd "$p.qd-next" && tar -xf -) || { rm -rf "$p.qd-next"; exit 74; }
else
  (cd "$p.qd-next" && tar -xf -) <"$f" || { rm -rf "$p.qd-next"; exit 74; }
fi
for s in @SHARED@; do
  [ -e "$p/$s" ] && [ ! -e "$p.qd-next/$s" ] || continue
  case $s in
    */*) mkdir -p "$p.qd-next/${s%/*}" || exit 74 ;;
  esac
  cp -pR "$p/$s" "$p.qd-next/$s" || exit 74
  echo "$s is taken over"
done
chmod "$(stat -c %a "$p" 2>/dev/null || echo 755)" "$p.qd-next"
printf 'version=%s\nsha256=%s\nat=%s\nby=%s\nrelease=%s\n' @VERSION@ @SUM@ "$(date +%s)" "$(id -un)" @RELEASE@ >"$p.qd-next/.qd-release" || exit 74
echo "@RELEASE@ is beside it, complete"
