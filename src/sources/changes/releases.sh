# qd-releases 1: says which commits lie between two releases, $b and $a, of the service in $p, changed at $at. Reads only.
r=
# A name that git may be given.
plain() { case $1 in ''|-*|*..*|*[!A-Za-z0-9._/+-]*) return 1 ;; esac; }
version() { sed -n 's/^version=//p' "$1/.qd-release" 2>/dev/null | head -n 1; }
named() {
  ls -dt "$p"/releases/*/ 2>/dev/null | head -n 100 | while read -r x; do
    x=${x%/}
    if [ "${x##*/}" = "$1" ] || [ "$(version "$x")" = "$1" ]; then printf '%s\n' "$x"; break; fi
  done
}
# Of what a folder was made, as those who lay releases write it down.
made_of() {
  x=$(head -c 100 "$1/REVISION" 2>/dev/null | head -n 1)
  [ -n "$x" ] || x=$(sed -n 's/^\(commit\|revision\)=//p' "$1/.qd-release" 2>/dev/null | head -n 1)
  if [ -z "$x" ] && [ -d "$1/.git" ] && command -v git >/dev/null 2>&1; then d=$1/.git; x=$(g rev-parse -q --verify HEAD); fi
  plain "$x" && printf '%s' "$x"
}
[ -d "$p" ] || missing "$p" 'not there, or not to be read'
ra= rb= na=$a nb=$b
if [ -d "$p/releases" ]; then
  [ -n "$a" ] && ra=$(named "$a")
  [ -n "$a" ] || { ra=$(cd "$p/current" 2>/dev/null && pwd -P); na=${ra##*/}; }
  if [ -n "$b" ]; then
    rb=$(named "$b")
  elif [ -n "$ra" ]; then
    # The newest other one that was there by then.
    rb=$(ls -dt "$p"/releases/*/ 2>/dev/null | head -n 100 | while read -r x; do
      x=${x%/}
      [ "$x" -ef "$ra" ] && continue
      [ "$(stat -c %Y "$x" 2>/dev/null || echo 0)" -le $((at + 60)) ] || continue
      printf '%s\n' "$x"; break
    done)
    nb=${rb##*/}
    [ -n "$rb" ] && echo '@@ guessed'
  fi
fi
# A release that is called by its folder is known by its version.
x=; [ -n "$ra" ] && x=$(version "$ra"); na=${x:-$na}
x=; [ -n "$rb" ] && x=$(version "$rb"); nb=${x:-$nb}
ca=; [ -n "$ra" ] && ca=$(made_of "$ra")
cb=; [ -n "$rb" ] && cb=$(made_of "$rb")
for x in "$p/repo" "$p/.dep/repo" "$p/repo.git" "$p/shared/cached-copy" "$p" "$p/current" "$ra"; do
  [ -n "$x" ] || continue
  for d in "$x/.git" "$x"; do
    [ -d "$d/objects" ] && [ -e "$d/HEAD" ] && { r=$d; break 2; }
  done
done
if [ -n "$r" ] && ! command -v git >/dev/null 2>&1; then missing "$r" 'git is not installed there'; r=; fi
if [ -n "$r" ] && [ ! -r "$r/objects" ]; then missing "$r" 'not to be read'; r=; fi
if [ -n "$r" ]; then
  d=$r
  printf '@@ repo %s\n' "${r%/.git}"
  commit() {
    for x in "$@"; do
      plain "$x" || continue
      g rev-parse -q --verify "$x^{commit}" && return
    done
  }
  # Without a release before, what the work tree stood at before.
  if [ -z "$nb" ] && [ -z "$cb" ] && [ -r "$d/logs/HEAD" ]; then
    cb=$(tail -n 1 "$d/logs/HEAD" | cut -d ' ' -f 1); nb=$cb
    [ -n "$na" ] || na=$(g rev-parse -q --verify HEAD)
  fi
  ha=$(commit "$ca" "$na" "v$na" "${na#v}"); hb=$(commit "$cb" "$nb" "v$nb" "${nb#v}")
  [ -n "$ha" ] || missing "$r" "it knows no commit of ${na:-the release}"
  [ -n "$hb" ] || [ -z "$ha" ] || missing "$r" "it knows no commit of ${nb:-the release before}"
  if [ -n "$ha" ] && [ -n "$hb" ]; then
    ca=$ha cb=$hb
    n=$(g rev-list --count "$hb..$ha") o=$(g rev-list --count "$ha..$hb")
    if [ -n "$n" ] && [ -n "$o" ]; then
      range=$hb..$ha; [ "$n" = 0 ] && range=$ha..$hb
      printf '@@ count %s%s%s\n' "$n" "$T" "$o"
      g log -n 60 --no-color --no-notes --no-show-signature --format='@@ commit %H%x09%an%x09%s' "$range" -- | cut -c 1-400
      g diff --numstat --no-color --no-ext-diff --no-textconv --no-renames "$hb" "$ha" -- | head -n 100 | cut -c 1-400 | sed 's/^/@@ stat /'
      g diff --shortstat --no-color --no-ext-diff --no-textconv --no-renames "$hb" "$ha" -- | sed 's/^ */@@ total /'
    else
      missing "$r" 'git does not say what lies between them'
    fi
  fi
elif [ -d "$p" ]; then
  missing "$p" 'no repository of git lies there (repo, .dep/repo, shared/cached-copy, .git), nor in its releases'
fi
printf '@@ before %s%s%s\n@@ after %s%s%s\n@@ end\n' "$nb" "$T" "$cb" "$na" "$T" "$ca"
