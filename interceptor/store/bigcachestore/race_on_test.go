//go:build race

package bigcachestore_test

// raceEnabled: sync.Pool drops objects at random under the race detector.
const raceEnabled = true
