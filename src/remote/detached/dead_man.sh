# Nobody may be there to take it back: whoever watches leaves the time, and starts the way back by the same name.
if [ "$r" = failed ]; then
  b=$HOME/.quarterdeck/runs/@BACK@
  at=$(date +%s)
  while [ ! -e "$b/claim" ]; do
    seen=$(cat "$d/seen" 2>/dev/null)
    [ "${seen:-0}" -gt "$at" ] && at=$seen
    [ $(($(date +%s) - at)) -ge @AFTER@ ] && break
    sleep 1
  done
  if [ ! -e "$b/claim" ] && mkdir -p "$b"; then
    : >>"$b/journal"
    printf '%s\n' @PLAN@ >"$b/plan.$$" && exec sh "$b/plan.$$" "$mask" "$own" "$lent" </dev/null >"$b/err" 2>&1
  fi
fi
