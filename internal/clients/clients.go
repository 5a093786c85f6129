// Package clients drives a running server with clients and tools that we did not
// write, unmodified: the official clients in Python and JavaScript, that of fasta2a,
// and a fuzzer of HTTP APIs. The official client in Go is in the tests of package
// server.
//
// They are tests, against the agent in the folder agent. Each installs what it
// needs, once, into the user's cache folder; where that is not possible it is
// skipped and says so, but in CI it fails.
package clients
