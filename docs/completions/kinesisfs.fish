# Completion of paths in a mount of kinesisfs for fish: the views behind an `@`, which no directory lists.
# Streams and shards are files, which fish completes itself.

function __kinesisfs_views
    set -l path (commandline -ct)
    set -l name (string replace -r '.*/' '' -- $path)
    set -l dir (string replace -r '[^/]*$' '' -- $path)
    set -l root $dir
    test -n "$root"; or set root ./
    string match -q '*@*' -- $name; and test -d "$root.kinesisfs"; or return
    set -l head (string replace -r '@.*' '@' -- $name)
    set -l list (string replace -r '^[^@]*@' '' -- $name)
    set -l part (string replace -r '.*,' '' -- $list)
    set -l chosen (string replace -r '[^,]*$' '' -- $list)
    set -l words lines nul raw len json follow from= key= keyfrom= cursor= kpl gzip zstd
    switch $part
        case 'from=*'
            set words from=start from=end from=-10m from=-100 from=after:
        case 'keyfrom=*'
            set words keyfrom=field: keyfrom=json: keyfrom=regex: keyfrom=random
        case 'key=*'
            set words key=random
        case 'cursor=*'
            set words cursor=(command ls "$root.kinesisfs/cursors" 2>/dev/null)
    end
    for word in $words
        set -l key (string replace -r '=.*' '' -- $word)
        if not string match -q -r ",$key"'[,=]' -- ",$chosen"
            printf "%s\n" "$dir$head$chosen$word"
        end
    end
end

for command in cat tail head less grep wc tee jq dd cp
    complete -c $command -a '(__kinesisfs_views)'
end
