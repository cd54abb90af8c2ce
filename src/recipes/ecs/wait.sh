echo "deployment $n"
end=$(($(date +%s) + @SECONDS@)) pause=2 last=
why() {
  a ecs describe-services --cluster @CLUSTER@ --services @NAME@ --query 'services[0].events[:5].[createdAt, message]' 2>&1 | head -n 10
  t=$(a ecs list-tasks --cluster @CLUSTER@ --service-name @NAME@ --desired-status STOPPED --max-items 3 --query 'taskArns' 2>/dev/null)
  case $t in arn:*) a ecs describe-tasks --cluster @CLUSTER@ --tasks $t --query 'tasks[].[stopCode, stoppedReason, containers[0].exitCode]' 2>&1 | head -n 10 ;; esac
}
while :; do
  if s=$(a ecs describe-services --cluster @CLUSTER@ --services @NAME@ --query "services[0].deployments[?status=='PRIMARY'].[id, rolloutState, runningCount, desiredCount, pendingCount, failedTasks, taskDefinition] | [0]" 2>&1); then
    read -r i state run want wait bad _ <<END-OF-LINE
$s
END-OF-LINE
    bad=${bad:-0}
    [ "$bad" != None ] || bad=0
    case $wait:$run$want$bad in
      :* | None:* | *[!0-9:]*) w='what it answers cannot be read' ;;
      *)
        if [ "$i" != "$n" ]; then
          echo "another deployment is there by now, $i: AWS took this one back, or somebody began another" >&2
          why >&2
          exit 1
        fi
        w="$state: $run of $want tasks run, $wait are starting, $bad failed"
        case $state in
          FAILED) echo "$w" >&2; why >&2; exit 1 ;;
          COMPLETED | None) [ "$run" = "$want" ] && [ "$wait" = 0 ]@COUNT@ && { echo "$w"; exit 0; } ;;
        esac
        ;;
    esac
  else
    w=$(printf '%s\n' "$s" | grep . | head -n 1)
  fi
  [ "$w" = "$last" ] || echo "$w"
  last=$w
  [ "$(date +%s)" -lt "$end" ] || { echo "not through within @SECONDS@ s: $w" >&2; why >&2; exit 1; }
  sleep "$pause"
  [ "$pause" -ge 10 ] || pause=$((pause + 2))
done
