set -u
k() { kubectl --context=@CONTEXT@ --namespace=@NAMESPACE@ "$@"; }
t='{{.metadata.generation}} {{or .status.observedGeneration 0}} {{or .spec.replicas 0}} {{or .status.updatedReplicas 0}} {{or .status.replicas 0}} {{or .status.availableReplicas 0}} .{{range .status.conditions}}{{if eq .type "Progressing"}}{{.reason}}{{end}}{{end}}'
end=$(($(date +%s) + @SECONDS@)) last=
# Its words are for whoever looks on; what counts is read below, also when the watch breaks off.
k rollout status deployment/@NAME@ --timeout=@SECONDS@s
why() {
  s=$(k --request-timeout=20s get deployment @NAME@ -o 'go-template={{range $k, $v := .spec.selector.matchLabels}}{{$k}}={{$v}},{{end}}' 2>/dev/null)
  [ -n "$s" ] && k --request-timeout=20s get pods --selector="${s%,}" -o 'go-template={{range .items}}{{.metadata.name}}: {{.status.phase}}{{range .status.containerStatuses}}{{with .state}}{{with .waiting}}, {{.reason}}: {{or .message ""}}{{end}}{{with .terminated}}, {{.reason}}, exit {{.exitCode}}{{end}}{{end}}{{with .restartCount}}, {{.}} restarts{{end}}{{end}}
{{end}}' 2>&1 | head -n 20
}
while :; do
  if s=$(k --request-timeout=20s get deployment @NAME@ -o go-template="$t" 2>&1); then
    read -r g o n u r a c <<END-OF-LINE
$s
END-OF-LINE
    case $a:$g$o$n$u$r in
      :* | *[!0-9:]* | *:*:*) w='what it answers cannot be read' ;;
      *)
        if [ "$g" -gt "$o" ]; then w='the change is not taken up yet'
        elif [ "$c" = .ProgressDeadlineExceeded ]; then
          echo "it made no progress for too long: $u of $n pods are new, $a available" >&2
          why >&2
          exit 1
        elif [ "$u" -lt "$n" ]; then w="$u of $n pods are new"
        elif [ "$r" -gt "$u" ]; then w="$((r - u)) old pods are ending"
        elif [ "$a" -lt "$u" ]; then w="$a of $u new pods are available"
        else
          echo "rolled out: $a of $n available"
          exit 0
        fi
        ;;
    esac
  else
    w=$(printf '%s\n' "$s" | head -n 1)
  fi
  [ "$w" = "$last" ] || echo "$w"
  last=$w
  [ "$(date +%s)" -lt "$end" ] || { echo "not rolled out within @SECONDS@ s: $w" >&2; why >&2; exit 1; }
  sleep 2
done
