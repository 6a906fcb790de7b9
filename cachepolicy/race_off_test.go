//go:build !race

package cachepolicy_test

const raceDetector = false
