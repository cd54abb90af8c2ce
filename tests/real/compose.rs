//! A service of Docker Compose. There is no daemon here: a `docker` on the host's PATH behaves as version 2.29 of Compose was
//! recorded to, as far as it is used: `compose version`, `config`, `ps` in both shapes, `pull`, `up`, `restart`, `logs`, and
//! `inspect`. It takes the tag from the environment, else from `.env`, as Compose does; a tag with `bad` in it comes up and exits.
use quarterdeck::core::runs::{Fit, RunOutcome, Wanted};

use crate::ops::{Ops, back, version};

const DOCKER: &str = r#"#!/bin/sh
s=$HOME/docker
mkdir -p "$s"
echo "$*" >>"$s/calls"
tag() { [ -n "${API_TAG:-}" ] && echo "$API_TAG" || sed -n 's/^API_TAG=//p' .env | tail -n 1; }
state() { read -r image state count 2>/dev/null <"$s/api"; }
if [ "$1" = inspect ]; then
  state
  [ -n "$image" ] || { echo "Error: No such object: $4" >&2; exit 1; }
  n=$(cat "$s/seen" 2>/dev/null || echo 0)
  echo $((n + 1)) >"$s/seen"
  h=healthy
  [ "$n" -ge 2 ] || h=starting
  code=0
  [ "$state" = running ] || { code=1 h=unhealthy; }
  echo "$state $h $count $code $image 1553b023"
  exit 0
fi
if [ "$1 $2" = 'image inspect' ]; then grep -qx "$3" "$s/images"; exit; fi
[ "$1" = compose ] || { echo "docker: '$1' is not a docker command." >&2; exit 1; }
shift
[ ! -e "$s/old" ] || { echo "docker: 'compose' is not a docker command." >&2; exit 1; }
while case $1 in --*) true ;; *) false ;; esac; do shift; done
verb=$1
shift
case $verb in
  version) echo 2.29.1 ;;
  config) printf 'api\ndb\n' ;;
  pull)
    t=$(tag)
    case $t in *none*) echo "Error response from daemon: manifest for reg/api:$t not found" >&2; exit 1 ;; esac
    [ ! -e "$s/offline" ] || { echo 'Error response from daemon: Get "https://reg/v2/": dial tcp: timeout' >&2; exit 1; }
    echo "reg/api:$t" >>"$s/images"
    ;;
  up)
    t=$(tag)
    r=running
    case $t in *bad*) r=exited ;; esac
    echo "reg/api:$t $r 0" >"$s/api"
    rm -f "$s/seen"
    echo ' Container shop-api-1  Started' >&2
    ;;
  restart) rm -f "$s/seen"; echo ' Container shop-api-1  Started' >&2 ;;
  logs) echo 'no database' ;;
  ps)
    state
    [ -n "$image" ] || exit 0
    case " $* " in *' --quiet '*) echo 1553b023; exit 0 ;; esac
    j='{"ID":"1553b023","Name":"shop-api-1","Image":"'$image'","Command":"\"/entry.sh\"","Project":"shop","Service":"api","State":"'$state'","Status":"Up 2 hours","Health":"","ExitCode":0,"Publishers":null}'
    if [ -e "$s/list" ]; then echo "[$j]"; else echo "$j"; fi
    ;;
esac
"#;

#[tokio::test]
async fn a_tag_is_brought_out_taken_back_and_gone_back_from() {
    let recipe = "kind = \"compose\"\nrecipe = { path = \"~/shop\", variable = \"API_TAG\", project = \"shop\", within = \"6s\" }";
    let mut ops = Ops::start(|_| recipe.to_owned()).await;
    ops.program("docker", DOCKER);
    assert!(ops.refused(version("v1")).await.contains("has no folder"));
    ops.write("shop/.env", "SECRET=a b\nAPI_TAG=v1\n# keep me\n");
    ops.write("docker/api", "reg/api:v1 running 0\n");
    let env = |tag: &str| format!("SECRET=a b\nAPI_TAG={tag}\n# keep me\n");

    let (outcome, told) = ops.change(version("v2")).await;
    assert_eq!((outcome, ops.read("shop/.env")), (RunOutcome::Succeeded, env("v2")), "{told}");
    assert!(ops.read("docker/api").starts_with("reg/api:v2 running"), "{told}");
    // What cannot be pulled changes nothing.
    let (outcome, told) = ops.change(version("none-3")).await;
    assert_eq!((outcome, ops.read("shop/.env")), (RunOutcome::Undone, env("v2")), "{told}");
    // It comes up, and ends.
    let (outcome, told) = ops.change(version("v3-bad")).await;
    assert_eq!((outcome, ops.read("shop/.env")), (RunOutcome::Undone, env("v2")), "{told}");
    assert!(told.contains("a container is exited, exit code 1") && told.contains("no database"), "{told}");
    assert!(ops.read("docker/api").starts_with("reg/api:v2 running"), "{told}");

    // Back to what was there before, though nothing can be pulled; once more is not forth again.
    ops.write("docker/offline", "");
    ops.write("docker/images", "reg/api:v1\nreg/api:v2\n");
    ops.write("docker/list", "");
    let (outcome, told) = ops.change(back(None)).await;
    assert_eq!((outcome, ops.read("shop/.env")), (RunOutcome::Succeeded, env("v1")), "{told}");
    assert!(ops.refused(back(None)).await.contains("does not know what ran before v1"));
    let (outcome, told) = ops.change(Wanted::Restart).await;
    assert_eq!(outcome, RunOutcome::Succeeded, "{told}");

    // Somebody else sets another tag between the plan and the run.
    std::fs::remove_file(ops.sshd.home().join("docker/offline")).unwrap();
    let review = ops.review(version("v4")).await.unwrap();
    assert!(review.plan.prechecks.iter().all(|check| check.verdict == Fit::Good), "{:?}", review.plan.prechecks);
    ops.write("shop/.env", &env("v9"));
    let run = ops.confirm().await;
    assert_eq!((run.outcome.unwrap().0, ops.read("shop/.env")), (RunOutcome::Failed, env("v9")));
    ops.write("docker/old", "");
    assert!(ops.refused(Wanted::Restart).await.contains("'compose' is not a docker command"));
}
