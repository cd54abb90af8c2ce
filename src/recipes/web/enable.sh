rm -f "$n"
[ -f "$a" ] || { echo "$a is not there" >&2; exit 66; }
if [ -L "$e" ] && [ "$(readlink -f "$e")" = "$(readlink -f "$a")" ]; then
  echo "$e leads there already"
  take_it
  exit
fi
if [ -e "$e" ] || [ -L "$e" ]; then
  echo "$e is there, and is no link to $a: it is left as it is" >&2
  exit 65
fi
note enabled
run ln -s "$a" "$e" || exit 73
take_it || { run rm -f "$e"; failed; }
echo "$e -> $a"
