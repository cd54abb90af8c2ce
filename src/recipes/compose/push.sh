[ -f .qd-tags ] || printf '%s\n' @FROM@ >.qd-tags
printf '%s\n' @TO@ >>.qd-tags
