test_it() { run apachectl configtest; }
reload_it() {
  on reload
  s=$?
  [ "$s" = 69 ] || return "$s"
  run apachectl graceful
}
restart_it() {
  on restart
  s=$?
  [ "$s" = 69 ] || return "$s"
  run apachectl restart
}
