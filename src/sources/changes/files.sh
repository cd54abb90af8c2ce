# Folders that hold the configuration of this host, as far as they can be looked into.
config_roots() {
  for d in nginx apache2 httpd php haproxy pgbouncer postgresql mysql redis nsd systemd/system ssl/openssl.cnf sysctl.conf sysctl.d mongod.conf hosts resolv.conf environment; do
    printf '%s\n' "$R/etc/$d"
  done
  printf '%s\n' "$R/usr/local/openresty/nginx/conf"
}
# Files by which this host and its services are configured; arguments are tests of find. `?` stands for what could not be looked into.
config_files() {
  {
    config_roots | while read -r d; do
      [ -e "$d" ] || continue
      find "$d" \( -type f -o -type l \) "$@" 2>/dev/null || echo '?'
    done
    for p in @PATHS@; do
      for f in "$p/.env" "$p/shared/.env" "$p/current/.env" "$p/ecosystem.config.js"; do
        [ -f "$f" ] && find -L "$f" "$@" 2>/dev/null
      done
    done
  } | grep -v -E '(\.swp|~|\.dpkg-[a-z]+|\.lock)$'
}
