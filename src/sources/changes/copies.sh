# qd-copies 1: says which older copies there are of the file $f. Reads only: times, sizes and hashes, never contents.
R=${QD_ROOT:-}
p=$f
[ -n "$R" ] && [ -d "$R${f%/*}" ] && p=$R$f
# What a link leads to is what was written.
[ -L "$p" ] && x=$(readlink -f "$p") && [ -f "$x" ] && p=$x
hash() { sha256sum <"$1" 2>/dev/null | cut -c 1-64; }
# copy KIND PATH
copy() {
  [ -f "$2" ] && [ ! -L "$2" ] || return 0
  [ "$2" -ef "$p" ] && return 0
  [ -r "$2" ] || { missing "${2#"$R"}" 'not to be read'; return 0; }
  printf '@@ copy %s%s%s%s%s%s%s\n' "$1" "$T" "${2#"$R"}" "$T" "$(stat -c "%Y$T%s" "$2" 2>/dev/null)" "$T" "$(hash "$2")"
}
copies() { head -n 30 | while read -r x; do copy "$1" "$x"; done; }
if [ -f "$p" ] && [ -r "$p" ]; then
  printf '@@ now %s%s%s\n' "$(stat -L -c "%Y$T%s" "$p")" "$T" "$(hash "$p")"
elif [ -e "$p" ] || [ -L "$p" ]; then
  missing "$f" 'not to be read'
elif [ -x "${p%/*}" ]; then
  echo '@@ gone'
else
  missing "${f%/*}" 'not there, or not to be looked into'
fi
for x in "$p~" "$p".bak* "$p.orig" "$p.old" "$p.save" "$p.qd-previous" "$p.dpkg-old" "$p.ucf-old" "$p.rpmsave" "$p.rpmorig" "$p".*~ "$p".20[0-9][0-9]*; do copy beside "$x"; done
for x in "$p.dpkg-dist" "$p.ucf-dist" "$p.dpkg-new" "$p.rpmnew"; do copy package "$x"; done
b= rel=
case $p in
  */releases/*/*) b=${p%%/releases/*} rel=${p#*/releases/} rel=${rel#*/} ;;
  */current/*) b=${p%%/current/*} rel=${p#*/current/} ;;
esac
[ -n "$rel" ] && [ -d "$b/releases" ] && ls -dt "$b"/releases/*/ 2>/dev/null | sed "s|\$|$(printf '%s' "$rel" | sed 's/[&|\\]/\\&/g')|" | copies release
n=${p##*/}
[ -d "$R/var/backups" ] && find "$R/var/backups" -maxdepth 6 -type f \( -name "$n" -o -name "$n.*" -o -name "$n~" \) ! -name '*.gz' 2>/dev/null | copies backup
# The repository that it lies in: of /etc that of etckeeper.
t=${p%/*}
while [ -n "$t" ] && [ ! -e "$t/.git" ]; do [ "$t" = "$R" ] && break; t=${t%/*}; done
d=$t/.git
if [ -n "$t" ] && [ -e "$d" ]; then
  if ! command -v git >/dev/null 2>&1; then missing "${t#"$R"}" 'it lies in a repository, and git is not installed'
  elif [ ! -r "$d/objects" ] || [ ! -r "$d/HEAD" ]; then missing "${d#"$R"}" 'not to be read'
  else
    rel=${p#"$t"/}
    g log -n 20 --no-color --no-notes --no-show-signature --format='%H%x09%ct%x09%an' -- "$rel" | while IFS=$T read -r c at by; do
      s=$(g cat-file -s "$c:$rel") || continue
      [ "$s" -le 1048576 ] || continue
      h=$(g cat-file blob "$c:$rel" | sha256sum | cut -c 1-64)
      printf '@@ commit %s%s%s%s%s%s%s%s%s%s%.60s\n' "$c" "$T" "${t#"$R"}" "$T" "$at" "$T" "$s" "$T" "$h" "$T" "$by"
    done
  fi
fi
echo '@@ end'
