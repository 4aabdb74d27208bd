# shellcheck shell=bash
# Completion of paths in a mount of kinesisfs for bash: streams, shards, and behind an `@` the views, which no
# directory lists. For the commands that the last line names; source it, or have bash-completion find it.

# Prints what a path may go on to, one in a line.
_kinesisfs_paths() { # PATH
    local name=${1##*/} dir root head list chosen part word words=()
    dir=${1%"$name"}
    root=${dir:-./}
    if [[ $name != *@* || ! -d $root.kinesisfs ]]; then
        compgen -f -- "$1"
        return
    fi
    head=$dir${name%%@*}@
    list=${name#*@}
    part=${list##*,}
    chosen=${list%"$part"}
    case $part in
    from=*) words=(from=start from=end from=-10m from=-100 from=after:) ;;
    keyfrom=*) words=(keyfrom=field: keyfrom=json: keyfrom=regex: keyfrom=random) ;;
    key=*) words=(key=random) ;;
    cursor=*) mapfile -t words < <(compgen -W "$(ls "$root.kinesisfs/cursors" 2>/dev/null)" -P cursor=) ;;
    *) words=(lines nul raw len json follow from= key= keyfrom= cursor= kpl gzip zstd) ;;
    esac
    for word in "${words[@]}"; do
        [[ $word != "$part"* || ,$chosen == *",${word%%=*}"[,=]* ]] || printf '%s\n' "$head$chosen$word"
    done
}

_kinesisfs() {
    local line=${COMP_LINE:0:COMP_POINT} path rest breaks=${COMP_WORDBREAKS//[$' \t\n']/} i
    path=${line##*[[:blank:]]}
    # What readline takes for the word begins behind the last of these in the path.
    rest=$path
    for ((i = 0; i < ${#breaks}; i++)); do
        rest=${rest##*"${breaks:i:1}"}
    done
    mapfile -t COMPREPLY < <(_kinesisfs_paths "$path")
    COMPREPLY=("${COMPREPLY[@]#"${path%"$rest"}"}")
}

complete -o nospace -o filenames -o bashdefault -o default -F _kinesisfs cat tail head less grep wc tee jq dd cp
