# Ids may belong to other apps since the list was read. PM2 names the file of a process by both, and one that stayed behind
# tells of no child of the daemon; else PM2 is asked, which takes as long as a restart.
home=${PM2_HOME:-$HOME/.pm2}
unset known
for id in @IDS@; do
  pid=$(cat "$home"/pids/@APP@-"$id".pid 2>/dev/null) && daemon=$(cat "$home/pm2.pid" 2>/dev/null) &&
    grep -qx "PPid:[[:space:]]*$daemon" "/proc/$pid/status" 2>/dev/null && continue
  known=${known-$(pm2 id @APP@ --no-color | tr -c '0-9\n' ' ' | tr -s ' ' '\n')}
  printf '%s\n' "$known" | grep -qx "$id" || { echo "process $id is not "@APP@" any more" >&2; exit 65; }
done
