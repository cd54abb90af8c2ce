for d in "$p" "$p.qd-previous"; do
  [ -d "$d" ] || continue
  r=$(sed -n 's/^release=//p' "$d/.qd-release" 2>/dev/null | head -n 1)
  if [ "$d" = "$p" ]; then
    printf '@@ current\n%s\n' "${r:-before}"
  else
    printf '@@ own previous\n%s\n' "${r:-before}"
  fi
  printf '@@ releases\nrelease %s\n' "${r:-before}"
  if [ -n "$r" ]; then head -n 4 "$d/.qd-release"; else printf 'version=before\nsha256=\n'; fi
done
case $p in
  */*) [ -w "${p%/*}" ] || printf '@@ own closed\n%s\n' "${p%/*}" ;;
esac
printf '@@ own stands\n'
ls -A "$p" 2>/dev/null | head -n 40 | sed 's/^/| /'
