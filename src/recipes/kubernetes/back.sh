set -u
k() { kubectl --context=@CONTEXT@ --namespace=@NAMESPACE@ --request-timeout=60s "$@"; }
i=$(k get deployment @NAME@ -o 'go-template={{range .spec.template.spec.containers}}{{if eq .name "@CONTAINER@"}}{{.image}}{{end}}{{end}}') || exit 69
case $i in
  @IMAGE@) ;;
  @BEFORE@) echo "it is $i: nothing to take back"; exit 0 ;;
  *) echo "it is $i by now, which this run did not make it: it is left as it is" >&2; exit 65 ;;
esac
k rollout undo deployment/@NAME@ --to-revision=@REVISION@
