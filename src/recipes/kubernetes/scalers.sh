printf '@@ own scalers\n'
say get horizontalpodautoscalers -o 'go-template={{range .items}}{"kind":{{printf "%q" .spec.scaleTargetRef.kind}},"name":{{printf "%q" .spec.scaleTargetRef.name}},"min":{{or .spec.minReplicas 1}},"max":{{or .spec.maxReplicas 0}}}
{{end}}'
