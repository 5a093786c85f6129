// Package cputime is for benchmarks: what something takes of the processor, which other
// work on the machine changes less than how long it takes.
package cputime
