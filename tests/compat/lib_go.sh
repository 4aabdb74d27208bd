# shellcheck shell=bash
# How tests/compat/go is built, for scripts/clients.sh, which fetches its modules with it,
# and for the case, which then needs no network and a second.

# Everything is kept in DIRECTORY, and nothing there is read-only. Not optimised: that
# takes twice as long.
go_build() { # DIRECTORY PROGRAM
    env -C "$(dirname "${BASH_SOURCE[0]}")/go" CGO_ENABLED=0 GOFLAGS=-modcacherw \
        GOMODCACHE="$1/modules" GOCACHE="$1/cache" go build -buildvcs=false -gcflags='all=-N -l' -o "$2" .
}
