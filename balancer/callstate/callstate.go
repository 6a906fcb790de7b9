// Package callstate carries, within one client process, what a call and the
// picker of its channel tell each other.
//
// gRPC gives an interceptor no way to learn which backend a call was sent to,
// and gives a picker nothing of the call but its context. So an interceptor puts
// a [State] in the context before the call's first pick, and the picker of the
// policy freshet writes into it:
//
//	ctx, state := callstate.New(ctx)
//	err := invoker(ctx, method, req, reply, cc, opts...)
//	log.Print(state.Endpoint(), " after ", state.Attempts(), " attempts, by ", state.Rule())
//
// In the other direction, [State.SetAffinity] asks the picker to send calls with one
// key to one endpoint, as far as its load permits:
//
//	ctx, state := callstate.New(ctx)
//	state.SetAffinity(userID)
//
// And a call that is tried again avoids the endpoints that failed it while another
// is ready, whether gRPC retries it (gRFC A6) or an interceptor does with
// the same context.
//
// # Guarantees
//
// All attempts of a call (gRFC A6) share its context, and so its State: what is
// read after the call describes the last attempt. Under another policy than
// freshet, for a call that never got a backend, and for one of a method that
// package interceptor/cache has a rule for (it asks the origin under a State of its
// own; see its Outcome), the State stays empty. A State
// may be used concurrently.
//
// The package has no dependencies and no failure of its own.
package callstate

import (
	"context"
	"sync"
)

// State is what is known of one call. Its methods may be called concurrently,
// and on a nil State: it then knows nothing and learns nothing.
type State struct {
	mu       sync.Mutex
	last     pick
	before   pick // what last was before, to be able to retract one
	attempts int
	stream   bool
	strained bool

	affinity    string
	hasAffinity bool
	failed      [MaxFailed]any // endpoints, as the picker names them to itself
	failures    int
	ended       any // of the last attempt that has ended
}

type pick struct {
	endpoint string
	rule     Rule
}

type key struct{}

// New returns a context with a fresh State, which hides that of ctx. Use it for
// a call that is not its parent's, such as one that several callers share.
func New(ctx context.Context) (context.Context, *State) {
	s := new(State)
	return context.WithValue(ctx, key{}, s), s
}

// Ensure returns ctx and its State, or the result of [New] if it has none. Calls
// that are made with one context then share one State, which describes the last of them.
func Ensure(ctx context.Context) (context.Context, *State) {
	if s := From(ctx); s != nil {
		return ctx, s
	}
	return New(ctx)
}

// From returns the State of ctx, or nil.
func From(ctx context.Context) *State {
	s, _ := ctx.Value(key{}).(*State)
	return s
}

// Endpoint returns the first address of the endpoint that the call was last sent
// to, or "" if it was sent to none.
func (s *State) Endpoint() string {
	if s == nil {
		return ""
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last.endpoint
}

// Attempts returns how many times the call was sent to a backend: 0 if it never
// was, more than 1 after retries.
func (s *State) Attempts() int {
	if s == nil {
		return 0
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.attempts
}

// Rule returns why the endpoint was picked.
func (s *State) Rule() Rule {
	if s == nil {
		return RuleNone
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last.rule
}

// Stream reports whether the call was marked by [State.MarkStream].
func (s *State) Stream() bool {
	if s == nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stream
}

// Strained reports whether at any attempt there was nothing to choose between: too few of the
// picker's endpoints were well ([RulePanic]), or every one of them has said that it is
// overloaded. No choice among them helps then, but less work would.
func (s *State) Strained() bool {
	if s == nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.strained
}

// MarkStrained says what Strained reports. Pickers call it.
func (s *State) MarkStrained() {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.strained = true
}

// MarkStream tells the picker that the call is a stream, whose duration says
// nothing about the server's latency. Stream interceptors call it.
func (s *State) MarkStream() {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stream = true
}
