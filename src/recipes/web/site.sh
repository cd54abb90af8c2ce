a=@AVAILABLE@/@SITE@
e=@ENABLED@/@SITE@
n=$HOME/.quarterdeck/sites/@NOTE@
# What is done is noted first: the way back.
note() { (umask 077 && mkdir -p "$HOME/.quarterdeck/sites" && printf '%s\n' "$1" >"$n") || exit 73; }
take_it() { test_it && reload_it; }
# Puts the previous file in the place of what is there, which is the previous one then.
swap() {
  run cp -p "$a.qd-previous" "$a.qd-new" && run cp -p "$a" "$a.qd-old" && run mv -f "$a.qd-new" "$a" || return 1
  run mv -f "$a.qd-old" "$a.qd-previous" && return
  run mv -f "$a.qd-old" "$a"
  return 1
}
failed() {
  rm -f "$n"
  take_it >/dev/null 2>&1
  echo "@SITE@ is as it was" >&2
  exit 1
}
