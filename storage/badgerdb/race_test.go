//go:build race

package badgerdb_test

const raceEnabled = true
