# qd-copy 1: says what stands in the file $f and in its older copy: $x, or the commit $c of the repository in $x. Reads only.
R=${QD_ROOT:-}
under() { if [ -n "$R" ] && [ -d "$R${1%/*}" ]; then printf '%s' "$R$1"; else printf '%s' "$1"; fi; }
p=$(under "$f")
l=$p; [ -L "$p" ] && l=$(readlink -f "$p") && [ -f "$l" ] || l=$p
text() { head -c 262145 | base64 | tr -d '\n'; }
[ -f "$p" ] && printf '@@ now %s\n' "$(text <"$p")"
if [ -n "$c" ]; then
  t=$x; [ -n "$R" ] && [ -e "$R$x/.git" ] && t=$R$x
  d=$t/.git
  printf '@@ old %s\n' "$(g cat-file blob "$c:${l#"$t"/}" | text)"
else
  o=$(under "$x")
  [ -f "$o" ] && [ ! -L "$o" ] && printf '@@ old %s\n' "$(text <"$o")"
fi
echo '@@ end'
