set -u
@SUDO@env LC_ALL=C apt-get -q -o DPkg::Lock::Timeout=300 update || exit 69
LC_ALL=C apt-get --simulate --quiet=2 upgrade | sed -n 's/^Inst //p'
