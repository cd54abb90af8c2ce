a() { AWS_PAGER= aws --region=@REGION@ @PROFILE@--cli-connect-timeout 5 --cli-read-timeout 20 "$@"; }
# What is no answer is set in by a blank: it never begins a section.
say() {
  if o=$(a --output json "$@" 2>&1); then printf '%s\n' "$o"; else printf '%s\n' "$o" | grep . | head -n 5 | sed 's/^/ /'; fi
}
printf '@@ own service\n'
say ecs describe-services --cluster @CLUSTER@ --services @NAME@ --query '{failures: failures[].reason, services: services[].{status: status, taskDefinition: taskDefinition, desiredCount: desiredCount, runningCount: runningCount, pendingCount: pendingCount, deployments: deployments, breaker: deploymentConfiguration.deploymentCircuitBreaker, controller: deploymentController.type}}'
t=$(a --output text ecs describe-services --cluster @CLUSTER@ --services @NAME@ --query 'services[0].taskDefinition' 2>/dev/null)
f=${t##*/}
f=${f%:*}
printf '@@ own definitions\n'
say ecs list-task-definitions --family-prefix "$f" --status ACTIVE --sort DESC --max-items 50 --query 'taskDefinitionArns'
printf '@@ own images\n'
say ecs describe-task-definition --task-definition "$t" --query 'taskDefinition.containerDefinitions[].image'
@SCALERS@
