printf '@@ own scalers\n'
say application-autoscaling describe-scalable-targets --service-namespace ecs --resource-ids service/@CLUSTER@/@NAME@ --query 'ScalableTargets[].{min: MinCapacity, max: MaxCapacity}'
