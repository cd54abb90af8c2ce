(
cd @PATH@ || exit 0
c() { @ENGINE@ compose --ansi=never @FILES@ "$@"; }
# What is no answer is set in by a blank: it never begins a section.
say() {
  if o=$("$@" 2>&1); then printf '%s\n' "$o"; else printf '%s\n' "$o" | head -n 5 | sed 's/^/ /'; fi
}
printf '@@ own version\n'
say @ENGINE@ compose version --short
printf '@@ own services\n'
say c config --services
printf '@@ own containers\n'
say c ps --all --no-trunc --format json @SERVICE@
printf '@@ own tag\n'
sed -n 's/^@VARIABLE@=//p' @ENV_FILE@ 2>/dev/null | tail -n 1
printf '@@ own tags\n'
tail -n 50 .qd-tags 2>/dev/null
)
