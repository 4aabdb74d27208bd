#!/bin/bash
# Tries operations with the AWS CLI ($1), and prints "ran NAME" for each. Ends at the first
# that fails or answers what is not expected.
set -eu

k() { # OPERATION ARGUMENT...: its answer as JSON
    echo "ran $1" >&3
    "$aws" kinesis "$@" --output json
}

want() { # WHAT GOT
    [ "$1" = "$2" ] || { echo "wanted '$1', got '$2'" >&3 && exit 1; }
}

get() { # PYTHON-EXPRESSION of d, the answer on stdin
    python3 -c "import json, sys; d = json.load(sys.stdin); print($1)"
}

aws=$1
exec 3>&1
arn=arn:aws:kinesis:eu-west-1:000000000000:stream/s

k create-stream --stream-name s --shard-count 1
want "['s']" "$(k list-streams | get 'd["StreamNames"]')"
want ACTIVE "$(k describe-stream --stream-name s | get 'd["StreamDescription"]["StreamStatus"]')"
want 1 "$(k describe-stream-summary --stream-arn $arn | get 'd["StreamDescriptionSummary"]["OpenShardCount"]')"
want 1 "$(k describe-limits | get 'd["OpenShardCount"]')"
want shardId-000000000000 "$(k put-record --stream-name s --partition-key a --data aGk= | get 'd["ShardId"]')"
want 0 "$(k put-records --stream-name s --records Data=YQ==,PartitionKey=a Data=Yg==,PartitionKey=b |
    get 'd["FailedRecordCount"]')"
iterator=$(k get-shard-iterator --stream-name s --shard-id 0 --shard-iterator-type TRIM_HORIZON |
    get 'd["ShardIterator"]')
want 3 "$(k get-records --shard-iterator "$iterator" | get 'len(d["Records"])')"
k split-shard --stream-name s --shard-to-split shardId-000000000000 --new-starting-hash-key 1000
k merge-shards --stream-name s --shard-to-merge shardId-000000000001 --adjacent-shard-to-merge shardId-000000000002
want "['shardId-000000000003']" "$(k list-shards --stream-name s --shard-filter Type=AT_LATEST |
    get '[s["ShardId"] for s in d["Shards"]]')"
want 2 "$(k update-shard-count --stream-name s --target-shard-count 2 --scaling-type UNIFORM_SCALING |
    get 'd["TargetShardCount"]')"
k increase-stream-retention-period --stream-name s --retention-period-hours 48
k decrease-stream-retention-period --stream-name s --retention-period-hours 24
k add-tags-to-stream --stream-name s --tags a=1,b=2
k tag-resource --resource-arn $arn --tags c=3
k remove-tags-from-stream --stream-name s --tag-keys a
k untag-resource --resource-arn $arn --tag-keys c
want "[{'Key': 'b', 'Value': '2'}]" "$(k list-tags-for-stream --stream-name s | get 'd["Tags"]')"
want 1 "$(k list-tags-for-resource --resource-arn $arn | get 'len(d["Tags"])')"
consumer=$(k register-stream-consumer --stream-arn $arn --consumer-name c | get 'd["Consumer"]["ConsumerARN"]')
want c "$(k list-stream-consumers --stream-arn $arn | get 'd["Consumers"][0]["ConsumerName"]')"
want $arn "$(k describe-stream-consumer --consumer-arn "$consumer" | get 'd["ConsumerDescription"]["StreamARN"]')"
k deregister-stream-consumer --stream-arn $arn --consumer-name c
k start-stream-encryption --stream-name s --encryption-type KMS --key-id alias/mine
want KMS "$(k describe-stream --stream-name s | get 'd["StreamDescription"]["EncryptionType"]')"
k stop-stream-encryption --stream-name s --encryption-type KMS --key-id alias/mine
want 7 "$(k enable-enhanced-monitoring --stream-name s --shard-level-metrics ALL |
    get 'len(d["DesiredShardLevelMetrics"])')"
want 6 "$(k disable-enhanced-monitoring --stream-name s --shard-level-metrics IncomingBytes |
    get 'len(d["DesiredShardLevelMetrics"])')"
k update-max-record-size --stream-arn $arn --max-record-size-in-ki-b 2048
k update-stream-mode --stream-arn $arn --stream-mode-details StreamMode=ON_DEMAND
want ENABLED "$(k update-account-settings --minimum-throughput-billing-commitment Status=ENABLED |
    get 'd["MinimumThroughputBillingCommitment"]["Status"]')"
want ENABLED "$(k describe-account-settings | get 'd["MinimumThroughputBillingCommitment"]["Status"]')"
want 20 "$(k update-stream-warm-throughput --stream-arn $arn --warm-throughput-mi-bps 20 |
    get 'd["WarmThroughput"]["TargetMiBps"]')"
k put-resource-policy --resource-arn $arn --policy '{"Version":"2012-10-17"}'
want '{"Version":"2012-10-17"}' "$(k get-resource-policy --resource-arn $arn | get 'd["Policy"]')"
k delete-resource-policy --resource-arn $arn
k delete-stream --stream-name s
want "[]" "$(k list-streams | get 'd["StreamNames"]')"
