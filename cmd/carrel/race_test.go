//go:build race

package main

// raceEnabled makes tests that build the program build it as they were built.
const raceEnabled = true
