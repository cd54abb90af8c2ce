# qd-pm2 1: prints the process list of a PM2 daemon that is running already; starts none.
LC_ALL=C; PM2_DISCRETE_MODE=true; PM2_HOME=${PM2_HOME:-$HOME/.pm2}; export LC_ALL PM2_DISCRETE_MODE PM2_HOME
d=; p=
if [ -r "$PM2_HOME/pm2.pid" ] && [ -S "$PM2_HOME/rpc.sock" ]; then
  read -r d <"$PM2_HOME/pm2.pid" || [ -n "$d" ] || d=
  case $d in ''|*[!0-9]*) d=;; esac
  { [ -n "$d" ] && tr '\0' ' ' <"/proc/$d/cmdline" 2>/dev/null | grep -q -i pm2; } || d=
fi
x=$(command -v pm2 2>/dev/null); case $x in /*) p=$x;; esac
if [ -z "$p" ]; then
  e=; [ -z "$d" ] || e=$(readlink "/proc/$d/exe" 2>/dev/null)
  for c in "${e%/*}/pm2" "$HOME"/.nvm/versions/node/*/bin/pm2 /usr/local/bin/pm2 "$HOME/.volta/bin/pm2" \
    "$HOME/.npm-global/bin/pm2" "$HOME/.local/share/pnpm/pm2" "$HOME/.local/bin/pm2" "$HOME"/.local/share/fnm/node-versions/*/installation/bin/pm2 \
    /usr/bin/pm2 /opt/*/bin/pm2; do
    [ -x "$c" ] && { p=$c; break; }
  done
fi
k=$(du -sk "$PM2_HOME/logs" 2>/dev/null) && echo "@@ logs ${k%%[!0-9]*}"
[ -z "$d" ] || echo "@@ daemon $d"
[ -z "$p" ] || echo "@@ binary"
if [ -n "$d" ] && [ -n "$p" ]; then
  PATH=${p%/*}:$PATH; export PATH
  echo "@@ list"
  pm2 jlist --silent
fi
