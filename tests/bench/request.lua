-- wrk sends one request again and again: wrk -s request.lua URL -- OPERATION FILE-WITH-BODY
-- At its end: "result RATE ANSWERED BAD", the rate a second.
function init(args)
    local file = assert(io.open(args[2], "rb"))
    wrk.method = "POST"
    wrk.body = file:read("*a")
    wrk.headers["Content-Type"] = "application/x-amz-json-1.1"
    wrk.headers["X-Amz-Target"] = "Kinesis_20131202." .. args[1]
    wrk.headers["X-Amz-Date"] = "20261123T000000Z"
    wrk.headers["Authorization"] = "AWS4-HMAC-SHA256 Credential=AKID/20261123/us-east-1/kinesis/aws4_request, " ..
        "SignedHeaders=content-type;host;x-amz-date;x-amz-target, Signature=" .. string.rep("0", 64)
    file:close()
end

function done(summary)
    local e = summary.errors
    local bad = e.status + e.connect + e.read + e.write + e.timeout
    print(string.format("result %.1f %d %d", summary.requests / summary.duration * 1e6, summary.requests, bad))
end
