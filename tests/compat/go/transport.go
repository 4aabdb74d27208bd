package main

import (
	"bytes"
	"io"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// The SDK closes the body of a request as soon as it is answered. Where the answer is so quick that
// net/http has not yet looked for the body's end, it takes the closed body for a failed write, and closes
// the connection under the answer (issue 2737 of aws-sdk-go-v2; later versions of the SDK ask again). Here
// net/http has a body of its own.
type transport struct{ next aws.HTTPClient }

func (t transport) Do(request *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(request.Body)
	if err != nil {
		return nil, err
	}
	own := *request
	own.Body = io.NopCloser(bytes.NewReader(body))
	return t.next.Do(&own)
}
