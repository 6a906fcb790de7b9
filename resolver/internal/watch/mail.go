package watch

import (
	"sync"

	"google.golang.org/grpc/resolver"
)

// Answer is what a name service says.
type Answer struct {
	// Endpoints may be in any order, unless Ordered is set, and may repeat
	// addresses.
	Endpoints []resolver.Endpoint
	// Ordered says that the order of Endpoints means something: it is
	// published as it is. Another order of one list is still no change.
	Ordered bool
	// Why says of an answer without endpoints what was found instead.
	Why string
	// Skipped says what was left out because it could not be understood.
	Skipped error
}

// Mail carries what Ask hears to the goroutine that tells the channel. It holds
// the latest: what is overtaken before it is read is not told. All methods may
// be called concurrently.
type Mail struct {
	arrived chan struct{} // holds one

	mu     sync.Mutex
	latest letter
}

// letter is what has arrived since the last look.
type letter struct {
	build  func() Answer // nil: no answer
	alive  bool          // the service has answered, after the last error
	err    error
	failed int // errors in a row
}

func newMail() *Mail { return &Mail{arrived: make(chan struct{}, 1)} }

// Tell hands over an answer: build returns it. It is called once or never, later
// and on another goroutine, so that of many changes only the last is worked out.
func (m *Mail) Tell(build func() Answer) {
	m.put(func(l *letter) { l.build, l.alive, l.err = build, true, nil })
}

// Alive says that the service answers, though there is nothing new.
func (m *Mail) Alive() {
	m.put(func(l *letter) { l.alive, l.err = true, nil })
}

func (m *Mail) fail(err error, inARow int) {
	m.put(func(l *letter) { l.err, l.failed = err, inARow })
}

func (m *Mail) put(write func(*letter)) {
	m.mu.Lock()
	write(&m.latest)
	m.mu.Unlock()
	select {
	case m.arrived <- struct{}{}:
	default:
	}
}

func (m *Mail) take() letter {
	m.mu.Lock()
	defer m.mu.Unlock()
	l := m.latest
	m.latest = letter{}
	return l
}
