LC_ALL=C sudo -k -v
s=$?
[ ! -e "$lent/refused" ] || echo refused
exit "$s"
