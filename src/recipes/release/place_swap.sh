set -u
p=@PATH@
rm -rf "$p.qd-old" || exit 73
if [ -e "$p.qd-previous" ]; then
  mv "$p.qd-previous" "$p.qd-old" || exit 73
fi
if [ -e "$p" ] && ! mv "$p" "$p.qd-previous"; then
  [ ! -e "$p.qd-old" ] || mv "$p.qd-old" "$p.qd-previous"
  exit 73
fi
if ! mv "$p.qd-next" "$p"; then
  [ ! -e "$p.qd-previous" ] || mv "$p.qd-previous" "$p"
  [ ! -e "$p.qd-old" ] || mv "$p.qd-old" "$p.qd-previous"
  exit 73
fi
echo "$p is @RELEASE@; what was there is $p.qd-previous"
