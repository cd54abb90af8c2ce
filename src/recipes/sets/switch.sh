set -u
export LC_ALL=C PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"
run() { @SUDO@ "$@"; }
test_it() { run @TEST@; }
reload_it() { run @RELOAD@; }
l=@LINK@
to=@TO@
was=@WAS@
n=${l%/*}/.${l##*/}.qd-new
m=${l%/*}/.${l##*/}.qd-switching
is() {
  t=$(readlink -f "$l")
  [ -n "$t" ] && [ "$t" = "$(readlink -f "$1")" ]
}
# By a rename: whoever reads it finds the one or the other.
lead() { run rm -f "$n" && run ln -s "$1" "$n" && run mv -f "$n" "$l"; }
if [ -d "$l" ] || [ ! -L "$l" ]; then
  echo "$l is no symbolic link to a file: it is left as it is" >&2
  exit 65
fi
# Somebody may have led it there without a reload: only what takes a change back trusts the link alone.
if [ -n '@BACK@' ] && is "$to" && [ ! -L "$m" ]; then
  echo "$l leads to $to already"
  exit 0
fi
if ! is "$to" && ! is "$was"; then
  echo "$l leads to $(readlink "$l") by now, which is of neither set: it is left as it is" >&2
  exit 65
fi
[ -f "$to" ] || { echo "$to is not there: $l is left as it is" >&2; exit 66; }
before=$(readlink "$l")
# What breaks off is seen by it: the file that was to be led to, until the server has taken it.
run rm -f "$m" && run ln -s "$to" "$m" || { echo "$l is left as it is" >&2; exit 73; }
if ! lead "$to"; then
  run rm -f "$m" "$n"
  is "$to" && { echo "where $l leads is not known" >&2; exit 70; }
  echo "$l is left as it is" >&2
  exit 73
fi
if test_it; then
  if reload_it; then
    run rm -f "$m" || exit 70
    echo "$l: $before -> $to"
    exit 0
  fi
  echo 'it did not take it' >&2
  if lead "$before" && reload_it; then
    run rm -f "$m" || exit 70
    echo "$l leads to $before again" >&2
    exit 1
  fi
  echo "it takes nothing: which set it leads to is not known" >&2
  exit 70
fi
echo 'its test failed' >&2
if ! lead "$before"; then
  echo "$l cannot be put back: it takes $to with its next reload, if ever" >&2
  exit 70
fi
run rm -f "$m" || exit 70
echo "$l leads to $before again; it saw nothing else" >&2
exit 1
