printf '%s\n' @VERSION@ >>.qd-versions
