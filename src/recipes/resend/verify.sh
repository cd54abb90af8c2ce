set -u
QD_PACKAGE=@PACKAGE@ QD_FILE=@FILE@
export QD_PACKAGE QD_FILE
s=$(sha256sum <"$QD_FILE" | cut -d ' ' -f 1)
[ "$s" = @SUM@ ] || { echo "$QD_FILE is another by now, $s: nothing is sent" >&2; exit 65; }
echo "sha256 $s"
@COMMAND@
