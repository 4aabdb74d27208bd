package main

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/aws/smithy-go"
)

// Ends the program with what was not as expected.
func fail(format string, arguments ...any) {
	fmt.Fprintf(os.Stderr, format+"\n", arguments...)
	os.Exit(1)
}

// The result of a function that must not fail.
func must[T any](got T, err error) T {
	if err != nil {
		fail("%v", err)
	}
	return got
}

func equal[T comparable](want, got T, what string) {
	if want != got {
		fail("%s: wanted '%v', got '%v'", what, want, got)
	}
}

func recent(when *time.Time, what string) {
	if age := time.Since(*when); age > time.Minute || age < -time.Minute {
		fail("%s: %v is not just now", what, when)
	}
}

// A call's error is of type E, and of that name.
func failed[E smithy.APIError](name string, err error) {
	var want E
	if !errors.As(err, &want) {
		fail("wanted %s, got %v", name, err)
	}
	equal(name, want.ErrorCode(), "the error")
	if want.ErrorMessage() == "" {
		fail("%s says nothing", name)
	}
}
