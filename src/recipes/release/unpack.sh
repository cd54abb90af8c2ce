set -u
p=@PATH@
r=@RELEASE@
f=$HOME/.quarterdeck/uploads/@SUM@
to=$p/releases/$r
if [ -f "$to/.qd-release" ]; then
  grep -qx 'sha256=@SUM@' "$to/.qd-release" && { echo "$r is here, complete"; exit 0; }
  echo "$to is there already, from another build" >&2
  exit 65
fi
[ -f "$f" ] || { echo "the build is not on this host: $f" >&2; exit 66; }
[ -e "$to" ] && { echo "$to is there already, and was not made by quarterdeck" >&2; exit 65; }
# Looked at once more: an archive that is cut short may unpack without a word.
if command -v sha256sum >/dev/null 2>&1; then sum=$(sha256sum <"$f")
elif command -v shasum >/dev/null 2>&1; then sum=$(shasum -a 256 <"$f")
else sum=$(openssl dgst -sha256 -r <"$f"); fi
if [ "${sum%% *}" != @SUM@ ]; then
  rm -f "$f"
  echo 'the build on this host is damaged: it was thrown away, bring it out again' >&2
  exit 65
fi
part=$p/releases/.$r.part
rm -rf "$part" || exit 73
mkdir -p "$part" || exit 73
# Not by -C: GNU tar takes backslashes of its operands for escapes.
if gzip -t "$f" 2>/dev/null; then
  gzip -dc "$f" | (cd "$part" && tar -xf -) || { rm -rf "$part"; exit 74; }
else
  (cd "$part" && tar -xf -) <"$f" || { rm -rf "$part"; exit 74; }
fi
printf 'version=%s\nsha256=%s\nat=%s\nby=%s\n' @VERSION@ @SUM@ "$(date +%s)" "$(id -un)" >"$part/.qd-release" || exit 74
mv "$part" "$to" || exit 74
echo "$r is here, complete"
