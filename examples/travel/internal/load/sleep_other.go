//go:build !linux

package load

import "time"

// Sleep waits for d, as exactly as the system's timers do.
func Sleep(d time.Duration) { time.Sleep(d) }
