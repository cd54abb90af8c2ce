g=$(git rev-parse --absolute-git-dir) || exit 66
[ -f "$g/qd-undo" ] || { echo 'nothing was checked out: nothing to take back'; exit 0; }
{
  read -r to
  read -r was
  read -r branch
} <"$g/qd-undo"
now=$(git rev-parse -q --verify 'HEAD^{commit}')
if [ "$to" != @COMMIT@ ] || { [ "$now" != "$to" ] && [ "$now" != "$was" ]; }; then
  echo "$now is checked out, and not what this run made it: it is left as it is" >&2
  exit 65
fi
# A checkout that broke off half way leaves files of both.
git -c advice.detachedHead=false checkout -q -f --detach "$was" || exit 74
if [ -n "$branch" ] && [ "$(git rev-parse -q --verify "refs/heads/$branch^{commit}")" = "$was" ]; then
  git checkout -q "$branch" -- || exit 74
fi
if [ -f .gitmodules ]; then
  git submodule update -q --init --recursive || exit 74
fi
rm -f "$g/qd-undo"
echo "$now -> $was${branch:+ ($branch)}"
