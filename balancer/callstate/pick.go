package callstate

import "slices"

// MaxFailed is how many failed endpoints a State remembers: gRPC makes at most five
// attempts of a call (gRFC A6), so four can have failed when it picks again.
const MaxFailed = 4

// Wish is what a picker must know of a call.
type Wish struct {
	// Affinity is the key that was set by SetAffinity, if HasAffinity.
	Affinity    string
	HasAffinity bool
	// Stream says that the call was marked by MarkStream.
	Stream bool
	// Failed are the endpoints that failed this call, of which there are Failures: what the
	// picker gave to Ended.
	Failed   [MaxFailed]any
	Failures int
}

// SetAffinity asks that calls with the same key go to the same endpoint as long
// as that one is well and has room, and else to the next in an order that depends
// on the key alone. Every string is a key, also "". The last one set counts; it
// holds for all calls that are made with this State. Policies other than
// freshet ignore it.
func (s *State) SetAffinity(key string) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.affinity, s.hasAffinity = key, true
}

// Wish returns what a picker must know. Pickers call it before Picked.
func (s *State) Wish() Wish {
	if s == nil {
		return Wish{}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	w := Wish{Affinity: s.affinity, HasAffinity: s.hasAffinity, Stream: s.stream, Failures: s.failures}
	if w.Failures > 0 {
		w.Failed = s.failed
	}
	return w
}

// Picked counts an attempt at endpoint, picked by rule. Pickers call it.
func (s *State) Picked(endpoint string, rule Rule) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last, s.before = pick{endpoint, rule}, s.last
	s.attempts++
}

// Retracted takes the last attempt back: the endpoint was not ready after all,
// and gRPC picks again. Pickers call it before the next Picked.
func (s *State) Retracted() {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last = s.before
	s.attempts--
}

// Ended tells how an attempt ended. After a failure, endpoint is among what Wish
// returns as Failed, the last MaxFailed of them; a success forgets them
// all. An endpoint is any comparable value by which the picker
// recognises it. Pickers call it.
func (s *State) Ended(endpoint any, failed bool) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = endpoint
	switch {
	case failed:
		s.avoid(endpoint)
	case s.failures > 0:
		s.failed, s.failures = [MaxFailed]any{}, 0
	}
}

// Reject says that the last attempt will not do although it succeeded, as when a
// lagging replica has answered: if the call is made again with this State, the
// endpoint is avoided as after a failure. It does not count against the endpoint
// otherwise.
func (s *State) Reject() {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended != nil {
		s.avoid(s.ended)
	}
}

// avoid remembers an endpoint for Wish. The lock is held.
func (s *State) avoid(endpoint any) {
	if slices.Contains(s.failed[:s.failures], endpoint) {
		return
	}
	if s.failures == MaxFailed {
		copy(s.failed[:], s.failed[1:])
		s.failures--
	}
	s.failed[s.failures] = endpoint
	s.failures++
}
