lent=
l=$HOME/.quarterdeck/sudo
mkdir -p "$l"
# What a killed one left: pipes and scripts, no word.
find "$l" -mindepth 1 -maxdepth 1 -mtime +1 -exec rm -rf {} + 2>/dev/null
rm -rf "$l/$$"
if printf '%s\n' "$qd_secret" | lend "$l/$$"; then
  lent=$l/$$
  trap unlend EXIT
  trap 'exit 143' TERM INT HUP
  PATH=$lent/bin:$PATH
  SUDO_ASKPASS=$lent/ask
  export PATH SUDO_ASKPASS
else
  @ELSE@
fi
unset qd_secret
