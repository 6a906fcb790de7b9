package consul_test

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// agent is a Consul agent that knows one service, and answers blocking queries
// as the real one does.
type agent struct {
	t testing.TB

	mu       sync.Mutex
	changed  chan struct{} // closed at each change of what follows
	index    uint64
	body     string
	tokens   map[string]bool // nil: no token is needed
	answer   func(w http.ResponseWriter, r *http.Request) (done bool)
	requests []string // the index of each query, with those of its other parameters that a test may set
	open     int
}

func newAgent(t testing.TB, body string) *agent {
	return &agent{t: t, changed: make(chan struct{}), index: 10, body: body}
}

// with runs f while nothing else happens, and wakes the queries.
func (a *agent) with(f func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	f()
	close(a.changed)
	a.changed = make(chan struct{})
}

func (a *agent) put(body string) { a.with(func() { a.index++; a.body = body }) }

// asked returns the queries since the last call.
func (a *agent) asked() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	got := a.requests
	a.requests = nil
	return got
}

func (a *agent) queries() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.open
}

func (a *agent) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	if r.URL.Path != "/v1/health/service/search" || r.Method != http.MethodGet || strings.Contains(r.URL.RawQuery, "token") {
		a.t.Errorf("unexpected request: %s %s", r.Method, r.URL)
		w.WriteHeader(http.StatusNotFound)
		return
	}
	a.with(func() { a.open++ })
	defer a.with(func() { a.open-- })
	a.mu.Lock()
	request := query.Get("index")
	query.Del("index")
	a.requests = append(a.requests, request+"?"+query.Encode())
	answer, tokens := a.answer, a.tokens
	a.mu.Unlock()
	if tokens != nil && !tokens[r.Header.Get("X-Consul-Token")] {
		http.Error(w, "ACL not found", http.StatusForbidden)
		return
	}
	if answer != nil && answer(w, r) {
		return
	}
	wait, err := time.ParseDuration(query.Get("wait"))
	if err != nil {
		a.t.Errorf("unexpected wait %q", query.Get("wait"))
	}
	after, _ := strconv.ParseUint(request, 10, 64)
	over := time.NewTimer(wait + rand.N(wait/16+1))
	defer over.Stop()
	for waiting := after > 0; waiting; {
		a.mu.Lock()
		changed, index := a.changed, a.index
		a.mu.Unlock()
		if index != after { // a real agent also answers when the index is lower
			break
		}
		select {
		case <-changed:
		case <-over.C:
			waiting = false
		case <-r.Context().Done():
			return
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	w.Header().Set("X-Consul-Index", strconv.FormatUint(a.index, 10))
	_, _ = io.WriteString(w, a.body)
}

// instances is an answer with instances "address:port" by spaces, each with '!'
// after it if it is critical, '?' if it has a warning.
func instances(described string) string {
	var entries []string
	for i, d := range strings.Fields(described) {
		health := "passing"
		switch d[len(d)-1] {
		case '!':
			health = "critical"
		case '?':
			health = "warning"
		}
		host, port, _ := strings.Cut(strings.TrimRight(d, "!?"), ":")
		entries = append(entries, fmt.Sprintf(`{"Node":{"Node":"n%d","Address":"192.0.2.1","Meta":{}},"Service":{"ID":"search-%d","Service":"search","Address":%q,"Port":%s},"Checks":[{"CheckID":"serfHealth","Status":"passing"},{"CheckID":"service:search","Status":%q}]}`,
			i, i, host, port, health))
	}
	return "[" + strings.Join(entries, ",") + "]"
}
