export LC_ALL=C PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"
within() {
  if command -v timeout >/dev/null 2>&1; then timeout "$@"; else shift; "$@"; fi
}
own() { printf '\n@@ own %s\n' "$1"; }
own server
if c=$(within 5 @SUDO@ @TEST@ 2>&1); then
  echo good
else
  printf '%s\n' "$c" | head -n 5 | sed 's/^/said /'
fi
