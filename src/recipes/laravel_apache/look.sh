g=$(git rev-parse --absolute-git-dir) || exit 66
rm -f "$g/qd-undo" || exit 73
now=$(git rev-parse -q --verify 'HEAD^{commit}')
if [ "$now" != @HEAD@ ]; then
  echo "$now is checked out by now, and not @HEAD@: it is left as it is" >&2
  exit 65
fi
d=$(git status --porcelain --untracked-files=no) || exit 66
if [ -n "$d" ]; then
  printf 'somebody changed files here, which are left as they are:\n%s\n' "$d" >&2
  exit 65
fi
echo "@HEAD@ is checked out, and nothing was changed in it"
