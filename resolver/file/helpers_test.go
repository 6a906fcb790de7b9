package file_test

import (
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/resolver"

	"github.com/freshet-io/freshet/resolver/file"
)

// channel is what a resolver speaks to. It records, and refuses lists on demand.
type channel struct {
	resolver.ClientConn // panics on what is not overridden

	mu     sync.Mutex
	refuse error
	start  time.Time
	lists  []string        // one for each UpdateState: endpoints by spaces, addresses by '|'
	offers []time.Duration // when, since the start
	errors []string
}

func (c *channel) UpdateState(s resolver.State) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	var endpoints []string
	flat := 0
	for _, e := range s.Endpoints {
		var addresses []string
		for _, a := range e.Addresses {
			addresses = append(addresses, a.Addr)
			if s.Addresses[flat].Addr != a.Addr {
				panic("State.Addresses differs from State.Endpoints")
			}
			flat++
		}
		endpoints = append(endpoints, strings.Join(addresses, "|"))
	}
	c.lists = append(c.lists, strings.Join(endpoints, " "))
	c.offers = append(c.offers, time.Since(c.start))
	return c.refuse
}

func (c *channel) ReportError(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.errors = append(c.errors, err.Error())
}

func (c *channel) setRefuse(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.refuse = err
}

// drain returns what was published and reported since the last call.
func (c *channel) drain() (lists, errors []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	lists, errors = c.lists, c.errors
	c.lists, c.errors = nil, nil
	return lists, errors
}

// follow starts a resolver of path in the bubble of the test, and lets it read.
func follow(t *testing.T, path, options string) (resolver.Resolver, *channel) {
	t.Helper()
	logged.drain()
	u, err := url.Parse(targetOf(path) + options)
	if err != nil {
		t.Fatal(err)
	}
	c := &channel{start: time.Now()}
	r, err := file.NewBuilder().Build(resolver.Target{URL: *u}, c, resolver.BuildOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	synctest.Wait()
	return r, c
}

func targetOf(path string) string {
	return (&url.URL{Scheme: "file", Path: "/" + strings.TrimPrefix(filepath.ToSlash(path), "/")}).String()
}

// advance moves the time of the bubble, and lets what is due at the end happen.
func advance(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// listOf is a file with the endpoints that s separates by spaces, their
// addresses by '|'.
func listOf(s string) string {
	var b strings.Builder
	b.WriteString("endpoints:\n")
	for endpoint := range strings.FieldsSeq(s) {
		b.WriteString("- addresses: [\"" + strings.ReplaceAll(endpoint, "|", `", "`) + "\"]\n")
	}
	return b.String()
}

// write writes in place, as an editor may.
func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// replace writes beside and renames over, as it should be done.
func replace(t *testing.T, path, content string) {
	t.Helper()
	write(t, path+".new", content)
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}
