// Package storagetest is the specification of storage as a test suite, with a
// reference store in memory. It refuses to know any implementation.
package storagetest
