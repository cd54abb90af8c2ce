set -u
p=@PATH@
is() { sed -n 's/^release=//p' "$1/.qd-release" 2>/dev/null | head -n 1; }
if [ ! -e "$p" ] && [ -e "$p.qd-previous" ]; then
  mv "$p.qd-previous" "$p" || exit 73
elif [ -e "$p.qd-next" ] || [ "$(is "$p")" != @RELEASE@ ]; then
  rm -rf "$p.qd-next"
  echo 'it was not swapped: nothing to take back'
  exit 0
elif [ -e "$p.qd-previous" ]; then
  mv "$p" "$p.qd-next" || exit 73
  mv "$p.qd-previous" "$p" || { mv "$p.qd-next" "$p"; exit 73; }
  rm -rf "$p.qd-next"
else
  mv "$p" "$p.qd-next" && rm -rf "$p.qd-next" || exit 73
  echo "nothing was there before: $p is gone"
  exit 0
fi
[ ! -e "$p.qd-old" ] || mv "$p.qd-old" "$p.qd-previous"
r=$(is "$p")
echo "$p is ${r:-what it was} again"
