set -u
a() { AWS_PAGER= aws --region=@REGION@ @PROFILE@--cli-connect-timeout 5 --cli-read-timeout 20 --output text "$@"; }
primary() { a ecs describe-services --cluster @CLUSTER@ --services @NAME@ --query "services[0].deployments[?status=='PRIMARY'].id | [0]"; }
p=$(primary) || exit 69
[ "$p" = @PRIMARY@ ] || { echo "another deployment began since this was planned: $p; nothing is changed" >&2; exit 65; }
if ! n=$(a ecs update-service --cluster @CLUSTER@ --service @NAME@ @CHANGE@ --query "service.deployments[?status=='PRIMARY'].id | [0]"); then
  # Each call begins another deployment: it is not made again. Whether it was heard is seen by what is there now.
  n=$(primary) || exit 69
  [ "$n" != "$p" ] || exit 69
  echo 'the answer was lost; the deployment began'
fi
