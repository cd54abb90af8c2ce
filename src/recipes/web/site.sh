a=@AVAILABLE@/@SITE@
e=@ENABLED@/@SITE@
n=$HOME/.quarterdeck/sites/@NOTE@
# What is done is noted first: the way back.
note() { (umask 077 && mkdir -p "$HOME/.quarterdeck/sites" && printf '%s\n' "$1" >"$n") || exit 73; }
take_it() { test_it && reload_it; }
failed() {
  rm -f "$n"
  take_it >/dev/null 2>&1
  echo "@SITE@ is as it was" >&2
  exit 1
}
