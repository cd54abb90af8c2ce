(
cd @PATH@ || exit 0
printf '@@ own ansible\n'
ansible-playbook --version 2>&1 | head -n 1 | sed 's/^/ /'
printf '@@ own hosts\n'
o=$(@PLAY@ --list-hosts @PLAYBOOK@ </dev/null 2>&1)
printf 'exit %s\n' "$?"
# What it lists is set in by a blank: it never begins a section.
printf '%s\n' "$o" | head -n 2000 | sed 's/^/ /'
printf '@@ own versions\n'
tail -n 50 .qd-versions 2>/dev/null
)
