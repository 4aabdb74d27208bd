#!/bin/bash
# Tries the tree on a minimal Debian: scripts/chroot_test.sh SUITE [COMMAND...]
#
# SUITE is bookworm or trixie. COMMAND (default: scripts/run.sh, scripts/run.sh
# stop, scripts/test.sh) runs there as root, in a copy of this working tree
# without what git ignores. Needs root, debootstrap and /dev/fuse; the mirror is
# the one that this machine's apt is configured for.
#
# The base system is made once, in $KFS_CHROOTS (default
# /var/tmp/kinesisfs-chroots), and never changed: each run works in an overlay
# that is thrown away, inside its own mount and pid namespace, so that no mount
# and no process is left behind however it ends. Downloaded packages are kept.
set -euo pipefail

suite=${1:?usage: scripts/chroot_test.sh SUITE [COMMAND...]}
shift
here=$(cd "$(dirname "$0")/.." && pwd)
base=${KFS_CHROOTS:-/var/tmp/kinesisfs-chroots}
root=$base/$suite
archives=$base/$suite.archives

targets() { # the package indexes of this machine's apt: SITE RELEASE
    apt-get indextargets --format "\$(SITE) \$(RELEASE)" 'Created-By: Packages' 'Component: main' | sort -u
}

site_of() { # RELEASE-PATTERN
    targets | awk -v want="$1" '$2 ~ want { print $1; exit }'
}

make_base() {
    local new=$root.new main security
    main=$(site_of '^[a-z]+$')
    security=$(site_of '-security$')
    rm -rf --one-file-system "$new"
    mkdir -p "$base"
    chmod 700 "$base"
    debootstrap --variant=minbase "$suite" "$new" "${main:?apt has no main suite configured}"
    {
        echo "deb $main $suite main"
        echo "deb $main $suite-updates main"
        if [ -n "$security" ]; then echo "deb $security $suite-security main"; fi
    } >"$new/etc/apt/sources.list"
    apt-config dump | grep -E '^Acquire::(Check-|[a-z]+::Proxy)' >"$new/etc/apt/apt.conf.d/99host" || true
    mv "$new" "$root"
}

# Runs in namespaces of its own: $1 a scratch directory, the rest the command.
inside() {
    local scratch=$1 tree=$1/root
    shift
    mount --make-rprivate /
    mount -t overlay overlay -o "lowerdir=$root,upperdir=$scratch/upper,workdir=$scratch/work" "$tree"
    mount -t proc proc "$tree/proc"
    mount --rbind /sys "$tree/sys"
    mount --rbind /dev "$tree/dev"
    mount --bind "$archives" "$tree/var/cache/apt/archives"
    cp -L /etc/resolv.conf /etc/hosts "$tree/etc/"
    # Its package ca-certificates will trust what this machine does: a proxy may stand before registries.
    [ ! -d /usr/local/share/ca-certificates ] || cp -r /usr/local/share/ca-certificates "$tree/usr/local/share/"
    mkdir "$tree/root/kinesisfs"
    git -C "$here" ls-files -coz --exclude-standard |
        tar -C "$here" --null --ignore-failed-read -T - -cf - | tar -C "$tree/root/kinesisfs" -xf -
    exec chroot "$tree" /usr/bin/env -i HOME=/root LANG=C.UTF-8 TERM=dumb \
        PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
        sh -c 'cd /root/kinesisfs && exec "$@"' sh "$@"
}

if [ "$suite" = --inside ]; then
    suite=$1
    shift
    root=$base/$suite
    archives=$base/$suite.archives
    inside "$@"
fi

if [ "$(id -u)" -ne 0 ] || ! command -v debootstrap >/dev/null || [ ! -e /dev/fuse ]; then
    echo "$0: needs root, debootstrap and /dev/fuse" >&2
    exit 2
fi
[ -d "$root" ] || make_base
if [ $# -eq 0 ]; then
    set -- sh -ec 'scripts/run.sh; mkdir streams/try; scripts/run.sh stop; exec scripts/test.sh'
fi

mkdir -p "$archives/partial"
scratch=$(mktemp -d "$base/run.XXXXXX")
trap 'rm -rf --one-file-system "$scratch"' EXIT
trap 'exit 130' INT TERM
mkdir "$scratch/root" "$scratch/upper" "$scratch/work"
unshare --mount --pid --fork --kill-child "$0" --inside "$suite" "$scratch" "$@"
