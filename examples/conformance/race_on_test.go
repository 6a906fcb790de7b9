//go:build race

package main

// raceDetector: every case is ten times as slow under it.
const raceDetector = true
