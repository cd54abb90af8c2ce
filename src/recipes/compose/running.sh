set -u
cd @PATH@ || exit 66
end=$(($(date +%s) + @SECONDS@)) good=0 last= before=
while :; do
  ids=$(@ENGINE@ compose --ansi=never @FILES@ ps --all --quiet @SERVICE@ 2>/dev/null | tr '\n' ' ')
  w= seen=
  if [ -z "${ids% }" ]; then
    w='no container is there'
  else
    seen=$(@ENGINE@ inspect --format '{{.State.Status}} {{if .State.Health}}{{.State.Health.Status}}{{else}}-{{end}} {{.RestartCount}} {{.State.ExitCode}} {{.Config.Image}} {{.Id}}' $ids 2>&1) || w=$(printf '%s\n' "$seen" | head -n 1)
  fi
  if [ -z "$w" ]; then
    while read -r s h r x i _; do
      case $i in
        *@TAG@) ;;
        *) w="a container runs $i: does the compose file take its tag from the variable?" ;;
      esac
      case $h in healthy | -) ;; *) w="a container is $h" ;; esac
      [ "$s" = running ] || w="a container is $s, exit code $x"
    done <<END-OF-LINE
$seen
END-OF-LINE
  fi
  [ -n "$before" ] && [ "$seen" != "$before" ] && [ -z "$w" ] && good=0
  before=$seen
  if [ -z "$w" ]; then
    good=$((good + 1))
    [ "$good" -ge 3 ] && { printf '%s\n' "$seen"; exit 0; }
  else
    good=0
    [ "$w" = "$last" ] || echo "$w"
    last=$w
  fi
  if [ "$(date +%s)" -ge "$end" ]; then
    echo "not running within @SECONDS@ s: ${w:-it starts anew again and again}" >&2
    @ENGINE@ compose --ansi=never @FILES@ logs --no-color --no-log-prefix --tail 20 @SERVICE@ 2>&1 | tail -n 20 >&2
    exit 1
  fi
  sleep 1
done
