printf '@@ own package\n'
QD_PACKAGE=@PACKAGE@
export QD_PACKAGE
f=@FILE@
if [ -f "$f" ]; then
  echo ok
  printf 'file=%s\nsha256=%s\nbytes=%s\n' "$f" "$(sha256sum <"$f" | cut -d ' ' -f 1)" "$(wc -c <"$f" | tr -d ' ')"
else
  printf ' %s is no file\n' "$f"
fi
printf '@@ own mark\n'
cat "$HOME/.quarterdeck/resent/"@SERVICE@/@PACKAGE@ 2>/dev/null | head -n 5
