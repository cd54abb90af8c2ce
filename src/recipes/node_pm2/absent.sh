# Somebody may have started it since the list was read: what is there by then is not this run's to stop.
rm -f @FROM@/.qd-started.@RELEASE@
known=$(pm2 id @APP@ --no-color | grep -x '[][0-9, ]*' | tr -cs '0-9' ' ' | tr -d ' ')
[ -z "$known" ] || { echo "PM2 has a process named "@APP@" by now: it is left as it is" >&2; exit 65; }
