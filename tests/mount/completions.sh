#!/bin/bash
# The completions of bash, zsh and fish (of those that are installed) offer streams, shards, views, what a view's value may
# be, and cursors; all views that there are, and none that was chosen already.
. "$(dirname "$0")/lib.sh"

mount_fs
mkdir "$MNT/clicks" "$MNT/logs"
cat "$MNT/clicks@cursor=nightly/all"
cd "$WORK"
expect_errno ENOENT 'os.stat("clicks@none")'
read -ra views < <(jq -r .message "$MNT/.kinesisfs/errors" | sed -n 's/.*views are //p' | tr -d ,)
complete_bash() {
    bash -c '. "$0" && COMP_LINE="cat $1" COMP_POINT=$((${#1} + 4)) && _kinesisfs && cut="${1%"${1##*[@=:]}"}" &&
        printf "%s\n" "${COMPREPLY[@]/#/$cut}"' "$ROOT/docs/completions/kinesisfs.bash" "$1"
}
complete_zsh() { zsh -fc '. "$0"; _kinesisfs_views "$1" && print -l $reply' "$ROOT/docs/completions/_kinesisfs" "$1"; }
complete_fish() { fish -Nc "source '$ROOT/docs/completions/kinesisfs.fish'; complete -C'cat $1'" | cut -f 1; }
offers() { # SHELL PATH WANTED...
    equal "$(printf '%s\n' "${@:3}" | sort)" "$("complete_$1" "$2" | sort)" "$1: $2"
}
for shell in bash $(command -v zsh >/dev/null && echo zsh) $(command -v fish >/dev/null && echo fish); do
    offers "$shell" mnt/clicks@ "${views[@]/#/mnt/clicks@}"
    offers "$shell" mnt/clicks@json,f mnt/clicks@json,follow mnt/clicks@json,from=
    offers "$shell" mnt/clicks@from=-10m,f mnt/clicks@from=-10m,follow
    offers "$shell" mnt/clicks@cursor=n mnt/clicks@cursor=nightly
done
offers bash mnt/c mnt/clicks
offers bash mnt/clicks@json/s mnt/clicks@json/shardId-000000000000
