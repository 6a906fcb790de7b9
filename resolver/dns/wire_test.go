package dns_test

import (
	"fmt"
	"strings"
	"testing"

	"google.golang.org/grpc/resolver"

	"github.com/freshet-io/freshet/resolver/dns"
	"github.com/freshet-io/freshet/resolver/internal/resolvertest"
)

// events is a channel that hands on what it is told.
type events struct {
	resolver.ClientConn // panics on what is not overridden

	said chan string
}

func (e events) UpdateState(s resolver.State) error {
	e.said <- resolvertest.String(s)
	return nil
}

func (e events) ReportError(err error) { e.said <- "! " + err.Error() }

// next waits for what is said next.
func (e events) next(t *testing.T, want string) {
	t.Helper()
	select {
	case got := <-e.said:
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	case <-t.Context().Done():
		t.Fatal("nothing was said")
	}
}

// ask follows a name of the server, with the package's own builder.
func ask(t *testing.T, s *nameServer, name string) events {
	t.Helper()
	e := events{said: make(chan string, 100)}
	resolvertest.Build(t, dns.NewBuilder(), "dns+poll://"+s.address+"/"+name, e)
	return e
}

func TestAddressesOverUDP(t *testing.T) {
	s := newNameServer(t)
	s.set(typeA, "h.example.", ip("10.0.0.2"), ip("10.0.0.1"))
	s.set(typeAAAA, "h.example.", ip("2001:db8::1"))
	e := ask(t, s, "h.example.:80?interval=1s&jitter=0")
	e.next(t, "10.0.0.1:80 10.0.0.2:80 [2001:db8::1]:80")
	s.set(typeA, "h.example.", ip("10.0.0.3"))
	e.next(t, "10.0.0.3:80 [2001:db8::1]:80")
	// Failures of the server are no news.
	s.fail(true, false)
	s.set(typeA, "h.example.", ip("10.0.0.4"))
	s.wait(t, 4)
	s.fail(false, false)
	e.next(t, "10.0.0.4:80 [2001:db8::1]:80")
}

func TestSRVOverUDP(t *testing.T) {
	s := newNameServer(t)
	s.set(typeSRV, "_grpc._tcp.h.example.", srvData(10, 5, 8080, "b.example."), srvData(10, 7, 8081, "a.example."), srvData(20, 1, 8080, "c.example."))
	s.set(typeA, "a.example.", ip("10.0.0.1"))
	s.set(typeA, "b.example.", ip("10.0.0.2"))
	s.set(typeAAAA, "b.example.", ip("2001:db8::2"))
	s.set(typeAAAA, "c.example.", ip("2001:db8::3"))
	ask(t, s, "_grpc._tcp.h.example.").next(t, "10.0.0.1:8081*7 [2001:db8::2]:8080|10.0.0.2:8080*5 [2001:db8::3]:8080/1")
}

// A list that does not fit a datagram comes by TCP.
func TestLongAnswers(t *testing.T) {
	s := newNameServer(t)
	var data [][]byte
	for i := range 200 {
		data = append(data, ip(fmt.Sprintf("10.0.0.%d", i)))
	}
	s.set(typeA, "h.example.", data...)
	e := ask(t, s, "h.example.:80")
	got := strings.Fields(<-e.said)
	if len(got) != len(data) || s.countTCP() == 0 {
		t.Errorf("got %d addresses, %d connections, want %d and at least 1", len(got), s.countTCP(), len(data))
	}
}

func TestErrorsOverUDP(t *testing.T) {
	s := newNameServer(t)
	ask(t, s, "gone.example.").next(t, "! dns: gone.example.: no addresses")
	s.fail(false, true)
	e := ask(t, s, "h.example.?timeout=100ms")
	if got := <-e.said; !strings.HasPrefix(got, "! dns: h.example.: A") || !strings.Contains(got, "i/o timeout") {
		t.Errorf("got %q, want timeouts", got)
	}
}
