a=$(dpkg --audit 2>&1)
[ -z "$a" ] || { printf 'not whole:\n%s\n' "$a" >&2; exit 1; }
if [ -e /run/reboot-required ]; then
  echo 'a reboot is needed:'
  cat /run/reboot-required.pkgs 2>/dev/null
else
  echo 'no reboot is needed'
fi
