k() { kubectl --context=@CONTEXT@ --namespace=@NAMESPACE@ --request-timeout=20s "$@"; }
# What is no answer is set in by a blank: it never begins a section.
say() {
  if o=$(k "$@" 2>&1); then printf '%s\n' "$o"; else printf '%s\n' "$o" | head -n 5 | sed 's/^/ /'; fi
}
printf '@@ own deployment\n'
say get deployment @NAME@ -o json
printf '@@ own revisions\n'
s=$(k get deployment @NAME@ -o 'go-template={{range $k, $v := .spec.selector.matchLabels}}{{$k}}={{$v}},{{end}}' 2>/dev/null)
say get replicasets --selector="${s%,}" -o 'go-template={{range .items}}{"revision":{{with .metadata.annotations}}{{with index . "deployment.kubernetes.io/revision"}}{{printf "%q" .}}{{else}}""{{end}}{{else}}""{{end}},"owners":[{{range .metadata.ownerReferences}}{{printf "%q" .uid}},{{end}}""],"created":{{printf "%q" .metadata.creationTimestamp}},"images":{{"{"}}{{range .spec.template.spec.containers}}{{printf "%q:%q," .name .image}}{{end}}"":""}}
{{end}}'
@SCALERS@printf '@@ own rights\n'
say auth can-i @VERB@
