test_it() { run nginx -t; }
reload_it() {
  on reload
  s=$?
  [ "$s" = 69 ] || return "$s"
  run nginx -s reload
}
restart_it() {
  on restart
  s=$?
  [ "$s" = 69 ] || return "$s"
  echo 'no unit of it runs here (@UNITS@): it is left as it is' >&2
  return 69
}
