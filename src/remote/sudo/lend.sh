# `sudo` gets what it asks for out of memory, by a pipe with a name: nothing of it is ever on a disk, an argument or a variable
# of the environment. Only one process has it, and goes when its shell does.
# lend FOLDER: what stands on stdin.
lend() {
  # A printf that is a program would show it among its arguments.
  [ "$(command -v printf)" = printf ] || { echo 'the shell there has no printf of its own' >&2; return 69; }
  lent=$1
  (umask 077 && mkdir -p "$lent/bin" && mkfifo "$lent/want") || { unlend; return 73; }
  cat >"$lent/ask" <<'@END_ASK@' || { unlend; return 73; }
#!/bin/sh
d=${0%/*}
[ ! -e "$d/refused" ] || exit 1
# Who asks twice was given the wrong one: it is not tried again, by nobody, for that would lock the account.
mkdir "$d/asked.$PPID" 2>/dev/null || { : >"$d/refused"; exit 1; }
# A pipe of its own: what one left in it must never come before what another reads. Both ends are held, so that nobody waits to open it.
f=$d/to.$$
(umask 077 && mkfifo "$f") && kill -0 "$(cat "$d/feeder")" || exit 1
exec 3<>"$f"
echo "$$" 1<>"$d/want"
head -n 1 <&3
rm -f "$f"
@END_ASK@
  cat >"$lent/bin/sudo" <<'@END_SUDO@' || { unlend; return 73; }
#!/bin/sh
d=${0%/bin/sudo}
p=:$PATH:
case $p in *":$d/bin:"*) p=${p%%":$d/bin:"*}:${p#*":$d/bin:"} ;; esac
p=${p#:}
PATH=${p%:}
# -n would refuse to ask.
k=$# o=yes v= a=-A
while [ "$k" -gt 0 ]; do
  k=$((k - 1)) w=$1
  shift
  if [ -n "$v" ]; then
    v=
  elif [ -n "$o" ]; then
    case $w in
      -n | --non-interactive) continue ;;
      -S | --stdin) a= ;;
      --user | --group | --host | --prompt | --chdir | --chroot | --close-from | --role | --type | --command-timeout | --other-user) v=yes ;;
      -- | [!-]*) case $w in *=*) ;; *) o= ;; esac ;;
      --*) ;;
      -*[!AEHKPSVbeiklnsv]*) case $w in -?) v=yes ;; esac ;;
      -*n*) w=${w%%n*}${w#*n} ;;
    esac
  fi
  set -- "$@" "$w"
done
rm -rf "$d/asked.$$"
SUDO_ASKPASS=$d/ask
export PATH SUDO_ASKPASS
exec sudo $a "$@"
@END_SUDO@
  # Where programs cannot be started from the home directory it cannot be lent.
  { chmod 700 "$lent/ask" "$lent/bin/sudo" && "$lent/bin/sudo" -V >/dev/null; } || { unlend; return 77; }
  # In the background stdin would be another one.
  exec 4<&0
  {
    unset w
    IFS= read -r w || exit
    trap '' PIPE HUP
    trap - TERM EXIT
    exec 4<>"$lent/want"
    while read -r to <&4; do
      case $to in '' | *[!0-9]*) ;; *) [ ! -p "$lent/to.$to" ] || printf '%s\n' "$w" 1<>"$lent/to.$to" ;; esac
    done
  } <&4 >/dev/null 2>&1 &
  fed=$!
  echo "$fed" >"$lent/feeder"
  exec 4<&-
  {
    trap - TERM EXIT
    while kill -0 $$ && [ -p "$lent/want" ]; do sleep 1; done
    # Another one may have made its own there by now.
    [ "$(cat "$lent/feeder")" != "$fed" ] || unlend
  } </dev/null >/dev/null 2>&1 &
}
unlend() {
  [ -n "$lent" ] || return 0
  [ ! -s "$lent/feeder" ] || kill "$(cat "$lent/feeder")" 2>/dev/null
  rm -rf "$lent"
  lent=
}
