(
export LC_ALL=C PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"
within() {
  if command -v timeout >/dev/null 2>&1; then timeout "$@"; else shift; "$@"; fi
}
own() { printf '\n@@ own %s\n' "$1"; }
l=@LINK@
m=${l%/*}/.${l##*/}.qd-switching
own link
if [ -d "$l" ]; then
  echo folder
elif [ -L "$l" ]; then
  echo link
  own leads
  readlink "$l"
  own file
  t=$(readlink -f "$l")
  [ -n "$t" ] && [ "$t" = "$(readlink -f @FIRST@)" ] && echo 1
  [ -n "$t" ] && [ "$t" = "$(readlink -f @SECOND@)" ] && echo 2
elif [ -e "$l" ]; then
  echo other
else
  echo none
fi
if [ -L "$m" ]; then
  own begun
  readlink "$m"
fi
own lacks
[ -f @FIRST@ ] || echo 1
[ -f @SECOND@ ] || echo 2
own server
if c=$(within 5 @SUDO@ @TEST@ 2>&1); then
  echo good
else
  printf '%s\n' "$c" | tail -n 5 | sed 's/^/said /'
fi
)
