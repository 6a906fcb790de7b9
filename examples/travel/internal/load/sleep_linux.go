package load

import (
	"syscall"
	"time"
)

// Sleep waits for d, to some 0.1 ms. Where nothing else runs, time.Sleep rounds
// up to whole milliseconds on Linux, because the runtime waits in epoll_wait:
// several times what a cache takes to answer would count as its latency. The
// kernel's own sleep does not, at the price of a thread.
func Sleep(d time.Duration) {
	t := syscall.NsecToTimespec(int64(d))
	_ = syscall.Nanosleep(&t, nil) // a signal may end it early; the caller looks at the clock
}
