rm -f "$n"
b=$a.qd-previous
[ -f "$b" ] && [ ! -L "$b" ] || { echo "$b is not there: nothing to go back to" >&2; exit 66; }
[ -f "$a" ] && [ ! -L "$a" ] || { echo "$a is no file: it is left as it is" >&2; exit 65; }
of() { if [ -r "$1" ]; then sum "$1"; else run cat "$1" | sum; fi; }
if [ "$(of "$a")" != @WAS@ ] || [ "$(of "$b")" != @SUM@ ]; then
  echo "$a or $b is not what was looked at: both are left as they are" >&2
  exit 65
fi
note restored
swap || exit 73
if ! take_it; then
  swap
  failed
fi
echo "$a: @WAS@ -> @SUM@"
