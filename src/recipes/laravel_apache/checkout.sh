g=$(git rev-parse --absolute-git-dir) || exit 66
was=$(git rev-parse -q --verify 'HEAD^{commit}') || exit 66
branch=$(git symbolic-ref -q --short HEAD)
printf '%s\n%s\n%s\n' @COMMIT@ "$was" "$branch" >"$g/qd-undo" || exit 73
if [ -n "@KEEP@" ] && [ "$was" != @COMMIT@ ]; then
  mkdir -p "$g/qd-before" && echo "$was" >"$g/qd-before/@COMMIT@" || exit 73
fi
git -c advice.detachedHead=false checkout -q --detach @COMMIT@ || exit 74
if [ -f .gitmodules ]; then
  git submodule update -q --init --recursive || exit 74
fi
echo "$was -> @COMMIT@"
