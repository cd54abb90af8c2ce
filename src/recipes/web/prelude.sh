set -u
export LC_ALL=C PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"
run() { @SUDO@ "$@"; }
# on VERB: by systemd, where one of the units runs; 69 where none does.
on() {
  for u in @UNITS@; do
    if systemctl is-active -q "$u" 2>/dev/null; then
      run systemctl "$1" "$u"
      return
    fi
  done
  return 69
}
