(
@SERVER@
@FPM@
  export GIT_TERMINAL_PROMPT=0 GIT_OPTIONAL_LOCKS=0
  wrong() {
    own wrong
    printf 'said %s\n' "$1"
    exit 0
  }
  cd "$p" 2>/dev/null || wrong "there is no folder $p"
  [ -e .git ] || wrong "$p is no work tree of git"
  g=$(git rev-parse --absolute-git-dir 2>&1) || wrong "git: $g"
  h=$(git rev-parse -q --verify 'HEAD^{commit}') || wrong "$p has no commit checked out"
  own head
  echo "$h"
  printf '\n@@ current\n%s\n' "$(git rev-parse --short=8 HEAD)"
  printf '\n@@ releases\n'
  git for-each-ref --count=20 --sort=-creatordate \
    --format='release %(refname:strip=2)%0aversion=%(refname:strip=2)%0asha256=%(objectname)%0aat=%(creatordate:unix)' refs/tags
  own branches
  git for-each-ref --count=20 --sort=-committerdate --format='%(objectname:short=8) %(refname:strip=3)' refs/remotes/origin \
    | grep -v ' HEAD$'
  own dirty
  git status --porcelain --untracked-files=no | head -n 20
  own lacks
  if [ -f artisan ]; then
    if command -v php >/dev/null 2>&1; then
      own pending
      s=$(within 5 php artisan migrate:status --no-interaction --no-ansi </dev/null 2>&1) \
        && printf '%s\n' "$s" | grep -c 'Pending'
    else
      echo php
    fi
  fi
  own lacks
  [ -f composer.json ] && ! command -v composer >/dev/null 2>&1 && echo composer
  b=$(head -n 1 "$g/qd-before/$h" 2>/dev/null)
  if [ -n "$b" ] && git cat-file -e "$b^{commit}" 2>/dev/null; then
    own before
    echo "$b"
  fi
  r=@REF@
  [ -n "$r" ] || [ -n "@BACK@" ] || exit 0
  # The tag or the branch as `origin` has it now; what a tag of its own text leads to comes after it.
  origin() {
    o=$(within 8 git ls-remote -q origin "refs/tags/$r" "refs/tags/$r^{}" "refs/heads/$r" 2>&1) || {
      printf 'error %s\n' "$(printf '%s\n' "$o" | tail -n 1)"
      return
    }
    printf '%s\n' "$o" | {
      k=none c=
      while read -r sum name; do
        case $name in
          "refs/heads/$r") k=branch c=$sum ;;
          "refs/tags/$r" | "refs/tags/$r^{}")
            case $k in
              branch | both) k=both c= ;;
              *) k=tag c=$sum ;;
            esac
            ;;
        esac
      done
      echo "$k $c"
    }
  }
  hex=
  case $r in
    *[!0-9a-f]*) ;;
    ???????*) hex=yes ;;
  esac
  if [ -z "$r" ]; then
    t="commit $b"
  elif [ -n "$hex" ] && c=$(git rev-parse -q --verify "$r^{commit}" 2>/dev/null); then
    t="commit $c"
  elif [ -n "@BACK@" ] && c=$(git rev-parse -q --verify "refs/tags/$r^{commit}" 2>/dev/null); then
    t="tag $c"
  else
    t=$(origin)
  fi
  own target
  echo "$t"
  t=${t##* }
  case $t in
    '' | *[!0-9a-f]*) exit 0 ;;
  esac
  if git cat-file -e "$t^{commit}" 2>/dev/null; then
    own migrations
    echo "known"
    git diff --name-only --no-renames "$h" "$t" -- database/migrations | head -n 50
  fi
)
