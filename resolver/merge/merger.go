package merge

import (
	"sync"
	"time"

	"google.golang.org/grpc/resolver"

	"github.com/freshet-io/freshet/resolver/internal/decorate"
	"github.com/freshet-io/freshet/resolver/internal/list"
	"github.com/freshet-io/freshet/resolver/internal/target"
)

// patience is how long the first list waits for the slower sources.
const patience = time.Second

// merger makes one list of what the inputs have.
type merger struct {
	scheme string
	inputs []input

	mu     sync.Mutex
	out    *decorate.Outlet
	timer  *time.Timer
	begun  bool // the waiting for the first list is over
	closed bool
}

func newMerger(scheme string, sources []decorate.Source, cc resolver.ClientConn) *merger {
	m := &merger{scheme: scheme, inputs: make([]input, len(sources)), out: decorate.NewOutlet(cc)}
	for i, s := range sources {
		m.inputs[i].merger, m.inputs[i].name = m, s.String()
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.timer = time.AfterFunc(patience, m.begin)
	return m
}

func (m *merger) close() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	m.timer.Stop()
}

// begin ends the waiting, and publishes what there is.
func (m *merger) begin() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.closed {
		m.begun = true
		_ = m.publish() // no source is there to be told; the next list is offered again
	}
}

// publish tells the channel what the inputs come to, unless it is too early. It
// is called under the mutex.
func (m *merger) publish() error {
	if !m.ready() {
		return nil
	}
	s, found := m.union()
	var faults target.Faults
	for i := range m.inputs {
		if err := m.inputs[i].err; err != nil {
			faults.Addf("%w", err)
		}
	}
	switch err := faults.Err("merge"); {
	case list.Empty(s) && err != nil:
		m.out.Fail(err)
		return nil
	case !found:
		return nil // nobody has said anything yet
	default:
		return m.out.Publish(s)
	}
}

// ready reports whether every source has been heard, or has had its time.
func (m *merger) ready() bool {
	if m.begun {
		return true
	}
	for i := range m.inputs {
		if !m.inputs[i].heard() {
			return false
		}
	}
	m.begun = true
	m.timer.Stop()
	return true
}

// union returns the inputs' lists as one, and whether there is one.
func (m *merger) union() (s resolver.State, found bool) {
	var endpoints []resolver.Endpoint
	s.Endpoints = []resolver.Endpoint{}
	for i := range m.inputs {
		from := m.inputs[i].state
		if from == nil {
			continue
		}
		found = true
		endpoints = append(endpoints, from.Endpoints...)
		if s.ServiceConfig == nil {
			s.ServiceConfig = from.ServiceConfig
		}
		if s.Attributes == nil {
			s.Attributes = from.Attributes
		}
	}
	return list.With(s, endpoints), found
}
