set -u
# Nothing asks, a configuration file that somebody changed stays, and who holds the lock of apt is waited for.
@SUDO@env DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=l LC_ALL=C apt-get -y -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold -o DPkg::Lock::Timeout=300 @WHAT@
