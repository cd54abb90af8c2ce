here() { git cat-file -e '@COMMIT@^{commit}' 2>/dev/null; }
here || git fetch -q origin || echo 'origin does not give all it has: only this commit is asked for'
here || { [ -n @FROM@ ] && git fetch -q origin @FROM@; }
here || git fetch -q origin @COMMIT@
here || { echo 'origin does not give @COMMIT@' >&2; exit 66; }
git log -1 --format='%h %an %ad %s' --date=short @COMMIT@
