set -u
a() { AWS_PAGER= aws --region=@REGION@ @PROFILE@--cli-connect-timeout 5 --cli-read-timeout 20 --output text "$@"; }
s=$(a ecs describe-services --cluster @CLUSTER@ --services @NAME@ --query "services[0].deployments[?status=='PRIMARY'].[id, taskDefinition] | [0]") || exit 69
read -r n t _ <<END-OF-LINE
$s
END-OF-LINE
case ${t##*/} in
  @BEFORE@) echo "it is ${t##*/}: AWS took it back already" ;;
  @TARGET@)
    n=$(a ecs update-service --cluster @CLUSTER@ --service @NAME@ --task-definition @BEFORE@ --query "service.deployments[?status=='PRIMARY'].id | [0]") || exit 69
    ;;
  *) echo "it is ${t##*/} by now, which this run did not make it: it is left as it is" >&2; exit 65 ;;
esac
