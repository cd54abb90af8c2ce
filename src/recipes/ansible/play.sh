set -u
cd @PATH@ || exit 66
@PLAY@ @VARS@@PLAYBOOK@
s=$?
case $s in
  0) ;;
  2) echo 'the playbook failed on some hosts: its recap says on which' >&2 ;;
  4) echo 'some hosts could not be reached: what became of them is in its recap' >&2 ;;
  *) echo "ansible-playbook ended with $s" >&2 ;;
esac
[ "$s" = 0 ] || exit "$s"
@NOTE@
