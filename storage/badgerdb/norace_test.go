//go:build !race

package badgerdb_test

const raceEnabled = false
