# qd-files 1: says the hashes of the files by which this host is configured. Reads only; never says what stands in them.
LC_ALL=C; export LC_ALL
R=${QD_ROOT:-}
command -v sha256sum >/dev/null 2>&1 || { echo '@@ without sha256sum'; exit 0; }
@FILES@
printf '@@ now %s\n@@ under %s\n' "$(date +%s)" "$R"
config_roots | while read -r d; do
  if [ -d "$d" ]; then [ -r "$d" ] && [ -x "$d" ]; else [ -e "${d%/*}" ]; fi && printf '@@ root %s\n' "$d"
done
for p in @PATHS@; do [ -x "$p" ] && printf '@@ root %s/.env\n@@ root %s/ecosystem.config.js\n' "$p" "$p"; done
l=$(config_files | head -n 2001)
case "
$l
" in *"
?
"*) echo '@@ partly' ;; esac
[ -n "$l" ] && {
  printf '%s\n' "$l" | tr '\n' '\0' | xargs -0 stat -c '@@ file %Z %n' 2>/dev/null
  config_files -size -2048k | head -n 2001 | tr '\n' '\0' | xargs -0 sha256sum 2>/dev/null | sed -n 's/^\([0-9a-f]\{16\}\)[0-9a-f]* [ *]/@@ hash \1 /p'
}
echo '@@ end'
