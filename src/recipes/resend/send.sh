set -u
QD_PACKAGE=@PACKAGE@ QD_FILE=@FILE@
export QD_PACKAGE QD_FILE
s=$(sha256sum <"$QD_FILE" | cut -d ' ' -f 1)
[ "$s" = @SUM@ ] || { echo "$QD_FILE is another by now, $s: nothing is sent" >&2; exit 65; }
d=$HOME/.quarterdeck/resent/@SERVICE@
mkdir -p "$d" || exit 73
m=$d/$QD_PACKAGE
note() { printf 'state=%s\nat=%s\nsha256=%s\n' "$1" "$(date +%s)" "$s"; }
# The mark is made before anything is sent, and only where none is: twice at once, one of them sends.
@AGAIN@
(
@COMMAND@
)
r=$?
if [ "$r" = 0 ]; then
  note sent >"$m"
  echo "sent: $QD_PACKAGE"
else
  note failed >"$m"
  echo "the send command ended with $r: whether the partner has it is not known. It is sent once more only with again=yes" >&2
fi
exit "$r"
