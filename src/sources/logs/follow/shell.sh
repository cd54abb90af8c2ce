# qd-logs 1: answers questions about files. Each answer ends with the mark $n, which nobody who writes a log can guess.
n=$(head -c 16 /dev/urandom 2>/dev/null | od -An -tx1 2>/dev/null | tr -d ' \n')
n=qd-$n-$$-$(date +%s)
exec 4>&1
k=; stat -L -c %i / >/dev/null 2>&1 && k=1
s() {
  if [ -n "$k" ]; then stat -L -c '%i %d %s %Y %f %n' -- "$@" 2>&1; else ls -Llnid -- "$@" 2>&1; fi </dev/null
  echo "$n"
}
r() {
  if [ ! -f "$1" ]; then echo "$n gone"; return; fi
  if [ ! -r "$1" ]; then echo "$n denied"; return; fi
  dd if="$1" bs="$2" skip="$3" count="$4" 2>/dev/null </dev/null
  printf '%s at ' "$n"
  if [ -n "$k" ]; then stat -L -c '%i %d %s %Y %f -' -- "$1" 2>/dev/null; else ls -Llnid -- "$1" 2>/dev/null; fi </dev/null || echo
}
u() {
  case $1 in
    *.gz|*.Z) gzip -dc -- "$1";;
    *.bz2) bzip2 -dc -- "$1";;
    *.xz) xz -dc -- "$1";;
    *.zst) zstd -dcq -- "$1";;
    *) cat -- "$1";;
  esac 2>/dev/null </dev/null
}
z() { u "$1" | tail -c "+$2" | head -c "$3"; echo "$n"; }
y() { u "$1" | wc -c; echo "$n"; }
f() {
  e=$({
    case $1 in
      *.gz|*.Z|*.bz2|*.xz|*.zst) u "$1" | tail -c "+$2";;
      *) dd if="$1" bs=65536 skip="$3" 2>/dev/null </dev/null | tail -c "+$4";;
    esac 2>/dev/null | head -c "$5" | { eval "$6"; [ $? -lt 2 ] && echo "$n" >&2; }
  } 2>&1 >&4)
  case $e in
    *'qd: a prefilter failed'*) echo "$n failed";;
    *"$n"*) echo "$n";;
    *) echo "$n failed";;
  esac
}
t() { date +%s%N; echo "$n"; }
printf '\n@@ qd-logs ready %s\n%s\n' "$n" "$HOME"
while IFS= read -r q; do eval "$q"; done
