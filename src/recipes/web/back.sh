[ -f "$n" ] || { echo 'nothing was changed: nothing to take back'; exit 0; }
read -r what rest <"$n"
same() {
  if [ -r "$a" ]; then s=$(sum "$a"); else s=$(run cat "$a" | sum); fi
  [ "$s" = "@SUM@" ] || { echo "$a is not what this run made it: it is left as it is" >&2; exit 65; }
}
case $what in
  enabled) run rm -f "$e" || exit 73 ;;
  disabled) [ -e "$e" ] || [ -L "$e" ] || run ln -s "$rest" "$e" || exit 73 ;;
  replaced)
    same
    run cp -p "$a.qd-previous" "$a.qd-new" && run mv -f "$a.qd-new" "$a" || exit 73
    ;;
  restored)
    same
    swap || exit 73
    ;;
  new)
    same
    run rm -f "$a" || exit 73
    ;;
esac
rm -f "$n"
take_it && echo "@SITE@ is as it was"
