//go:build !race

package bigcachestore_test

const raceEnabled = false
