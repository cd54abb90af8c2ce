set -u
k() { kubectl --context=@CONTEXT@ --namespace=@NAMESPACE@ --request-timeout=60s "$@"; }
r=$(k get deployment @NAME@ -o 'go-template={{index .metadata.annotations "deployment.kubernetes.io/revision"}}') || exit 69
[ "$r" = @REVISION@ ] || { echo "it is at revision $r by now, and was at "@REVISION@" when this was planned: nothing is changed" >&2; exit 65; }
k @CHANGE@
