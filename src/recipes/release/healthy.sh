set -u
u=@URL@
v=@VERSION@
w=@OR@
get() {
  if command -v curl >/dev/null 2>&1; then curl -fsS -m 2 "$u"
  elif command -v wget >/dev/null 2>&1; then wget -q -T 2 -O - "$u"
  elif command -v node >/dev/null 2>&1; then
    node -e 'fetch(process.argv[1],{signal:AbortSignal.timeout(2000)}).then(async r=>{process.stdout.write(await r.text());process.exit(r.ok?0:22)},e=>{console.error(String(e));process.exit(7)})' "$u"
  else
    echo 'neither curl nor wget nor node is here' >&2
    return 127
  fi
}
n=0 ok=0
while [ "$n" -lt @TRIES@ ]; do
  n=$((n + 1))
  if b=$(get 2>&1); then
    case $b in
      *"$v"* | *"$w"*)
        ok=$((ok + 1))
        echo "good answer $ok of @HEALTHY@"
        [ "$ok" -ge @HEALTHY@ ] && exit 0
        ;;
      *)
        ok=0
        echo "it answers, and does not name $v"
        ;;
    esac
  else
    ok=0
    printf 'no good answer: %s\n' "$(printf %s "$b" | head -n 1)"
  fi
  sleep 1
done
echo "not @HEALTHY@ good answers in a row in @TRIES@ tries" >&2
exit 1
