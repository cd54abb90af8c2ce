rm -f "$n"
if [ ! -e "$e" ] && [ ! -L "$e" ]; then
  echo "$e is not there already"
  take_it
  exit
fi
[ -L "$e" ] || { echo "$e is no link: it is left as it is" >&2; exit 65; }
t=$(readlink "$e")
note "disabled $t"
run rm -f "$e" || exit 73
take_it || { run ln -s "$t" "$e"; failed; }
echo "$e is gone"
