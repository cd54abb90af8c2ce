a=@AVAILABLE@/@SITE@
e=@ENABLED@/@SITE@
own sites
ls -1 @AVAILABLE@ 2>/dev/null | grep -v '\.qd-' | head -n 50 | sed 's/^/site /'
own enabled
if [ -L "$e" ] && [ "$(readlink -f "$e")" = "$(readlink -f "$a")" ]; then
  echo yes
elif [ -e "$e" ] || [ -L "$e" ]; then
  echo other
else
  echo no
fi
text() { if [ -r "$1" ]; then cat "$1"; else @SUDO@ cat "$1"; fi; }
own sum
if [ -f "$a" ] && ! text "$a" >/dev/null 2>&1; then
  echo unreadable
elif [ -f "$a" ]; then
  text "$a" | sum
  own file
  text "$a" | head -c 150001 | sed 's/^/|/'
  [ "$(wc -c <"$a" 2>/dev/null || echo 0)" -gt 150000 ] && printf '\nlong\n'
else
  echo none
fi
b=$a.qd-previous
if [ -f "$b" ] && text "$b" >/dev/null 2>&1; then
  own previous
  text "$b" | sum
  own kept
  text "$b" | head -c 150001 | sed 's/^/|/'
  [ "$(wc -c <"$b" 2>/dev/null || echo 0)" -gt 150000 ] && printf '\nlong\n'
fi
:
