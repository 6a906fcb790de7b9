// Package servers models how a server works off its requests: [FIFO], a queue before a
// number of workers, and [Sharing], cores that all requests share.
//
// Work is in ns on a server of speed 1. A server of speed s does s ns of work in a ns per
// worker or core; speed may change at any time, and then holds for what is under way, too.
package servers

// Queue is a server's way to work. Time must not go backwards; what is due (Next)
// must be popped before anything later happens.
type Queue interface {
	// Add takes in a request. Expires is when its caller gives up.
	Add(now int64, id int32, work float64, expires int64)
	// Next is when a request will be done, engine.Never if none is there.
	Next() int64
	// Pop takes out the request that is due at now.
	Pop(now int64) (id int32)
	// Dropped takes out a request that was found expired when its turn came, -1 if there
	// is none.
	Dropped() (id int32)
	// SetSpeed changes the speed, which must be more than 0.
	SetSpeed(now int64, speed float64)
	// Remove takes out all requests, in no order that matters, as when a server is killed.
	Remove(now int64) []int32
	// Busy is the share of the workers or cores that are busy.
	Busy() float64
	// Expected is how long a request with some work would take if it came now, as far
	// as the work that is left tells; coming are further requests, and their work, that
	// will be there before it.
	Expected(now int64, work float64, coming int, their float64) float64
	// Speed is the current speed.
	Speed() float64
}
