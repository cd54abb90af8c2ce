set -u
m=@FROM@/.qd-started.@RELEASE@
[ -f "$m" ] || { echo 'nothing was started: nothing to stop'; exit 0; }
# PM2 says more than ids where it has news.
ids() { grep -x '[][0-9, ]*' | tr -cs '0-9' '\n' | grep .; }
ours=$(ids <"$m")
now=$(pm2 id @APP@ --no-color | ids)
for id in $now; do
  # It may have broken off before it could note them; before, there was none.
  [ -z "$ours" ] || printf '%s\n' "$ours" | grep -qx "$id" || {
    echo "process $id is named "@APP@", and this run did not start it: all is left as it is" >&2
    exit 65
  }
done
for id in $now; do
  pm2 delete "$id" --no-color || exit 75
done
# What is to come back after a boot is as it was, unless it was saved since.
if [ "${PM2_HOME:-$HOME/.pm2}/dump.pm2" -nt "$m" ]; then
  pm2 save --force --no-color || exit 75
fi
rm -f "$m"
