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
own sum
if [ -f "$a" ]; then
  if [ -r "$a" ]; then sum "$a"; else @SUDO@ cat "$a" | sum; fi
  own file
  { if [ -r "$a" ]; then cat "$a"; else @SUDO@ cat "$a"; fi; } | head -c 150001 | sed 's/^/|/'
  [ "$(wc -c <"$a" 2>/dev/null || echo 0)" -gt 150000 ] && printf '\nlong\n'
else
  echo none
fi
b=$a.qd-previous
if [ -f "$b" ]; then
  own previous
  if [ -r "$b" ]; then sum "$b"; else @SUDO@ cat "$b" | sum; fi
  own kept
  { if [ -r "$b" ]; then cat "$b"; else @SUDO@ cat "$b"; fi; } | head -c 150001 | sed 's/^/|/'
  [ "$(wc -c <"$b" 2>/dev/null || echo 0)" -gt 150000 ] && printf '\nlong\n'
fi
:
