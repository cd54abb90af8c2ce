printf '@@ own upgrades\n'
if o=$(LC_ALL=C apt-get --simulate --quiet=2 -o Debug::NoLocking=1 upgrade 2>&1); then
  echo ok
  printf '%s\n' "$o" | grep '^Inst ' | head -n 2000
else
  printf '%s\n' "$o" | head -n 5 | sed 's/^/ /'
fi
printf '@@ own age\n'
f=$(ls -t /var/lib/apt/lists/*Release /var/lib/apt/lists/*Packages* 2>/dev/null | head -n 1)
[ -z "$f" ] || echo $(($(date +%s) - $(stat -c %Y "$f")))
printf '@@ own broken\n'
dpkg --audit 2>&1 | head -n 5 | sed 's/^/ /'
printf '@@ own reboot\n'
[ ! -e /run/reboot-required ] || { echo needed; cat /run/reboot-required.pkgs 2>/dev/null | head -n 20 | sed 's/^/ /'; }
