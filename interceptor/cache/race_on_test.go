//go:build race

package cache_test

// raceDetector: a sync.Pool drops at random under it, so allocations vary.
const raceDetector = true
