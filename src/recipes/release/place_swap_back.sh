set -u
p=@PATH@
name() {
  [ -e "$1" ] || { echo none; return; }
  r=$(sed -n 's/^release=//p' "$1/.qd-release" 2>/dev/null | head -n 1)
  echo "${r:-before}"
}
if [ "$(name "$p")" = @RELEASE@ ] && [ "$(name "$p.qd-previous")" = @OTHER@ ]; then
  echo "$p is @RELEASE@ already"
  exit 0
fi
if [ "$(name "$p")" != @OTHER@ ] || [ "$(name "$p.qd-previous")" != @RELEASE@ ]; then
  echo "$p is $(name "$p") by now, and $p.qd-previous is $(name "$p.qd-previous"): both are left as they are" >&2
  exit 65
fi
rm -rf "$p.qd-swap" || exit 73
mv "$p" "$p.qd-swap" || exit 73
mv "$p.qd-previous" "$p" || { mv "$p.qd-swap" "$p"; exit 73; }
mv "$p.qd-swap" "$p.qd-previous" || exit 73
echo "$p is @RELEASE@; $p.qd-previous is @OTHER@"
