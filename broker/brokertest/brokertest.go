// Package brokertest is the specification of a broker as a test suite.
package brokertest
