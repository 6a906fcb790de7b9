package consul_test

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/resolver"

	"github.com/freshet-io/freshet/resolver/consul"
	"github.com/freshet-io/freshet/resolver/internal/watch/watchtest"
)

// follow starts a resolver of the service search in the bubble of the test.
func follow(t *testing.T, a *agent, options string, opts ...consul.Option) (resolver.Resolver, *watchtest.Channel) {
	t.Helper()
	b := consul.NewBuilder(append(opts, consul.WithHTTPClient(watchtest.Serve(t, a)))...)
	r, cc := watchtest.Build(t, b, "consul://agent.example:8500/search"+options)
	synctest.Wait()
	return r, cc
}

func wantAsked(t *testing.T, a *agent, want ...string) {
	t.Helper()
	if got := a.asked(); !slices.Equal(got, want) {
		t.Errorf("queries: got %q, want %q", got, want)
	}
}

const query = "?passing=true&wait=60000ms"

func TestChangesAreTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAgent(t, instances("10.0.0.2:1 10.0.0.1:1"))
		_, cc := follow(t, a, "")
		cc.Want(t, "10.0.0.1:1 10.0.0.2:1")
		wantAsked(t, a, query, "10"+query)
		watchtest.Advance(10 * time.Second)
		a.put(instances("10.0.0.3:1 10.0.0.1:1"))
		synctest.Wait()
		cc.Want(t, "10.0.0.1:1 10.0.0.3:1")
		wantAsked(t, a, "11"+query)
		a.put(instances("10.0.0.1:1 10.0.0.3:1")) // another order
		synctest.Wait()
		cc.Want(t)
		a.asked()
		watchtest.Advance(10 * time.Minute) // waits that end with nothing new
		cc.Want(t)
		if got := a.asked(); len(got) < 9 || len(got) > 10 {
			t.Errorf("asked %d times in 10 min, want once each 60 to 63.75 s", len(got))
		}
	})
}

func TestOptionsAreAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAgent(t, instances("10.0.0.2:1 10.0.0.1:1?"))
		_, cc := follow(t, a, "?tag=b&tag=a&dc=eu&near=_agent&ns=team&partition=p&wait=5s&passing=false")
		cc.Want(t, "10.0.0.2:1 10.0.0.1:1") // nearest first
		wantAsked(t, a, "?dc=eu&near=_agent&ns=team&partition=p&tag=a&tag=b&wait=5000ms", "10?dc=eu&near=_agent&ns=team&partition=p&tag=a&tag=b&wait=5000ms")
		a.put(instances("10.0.0.1:1 10.0.0.2:1"))
		synctest.Wait()
		cc.Want(t) // the order alone is no change
	})
}

func TestAnIndexThatGoesBackwards(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAgent(t, instances("10.0.0.1:1"))
		_, cc := follow(t, a, "")
		cc.Want(t, "10.0.0.1:1")
		a.asked()
		a.with(func() { a.index = 3; a.body = instances("10.0.0.2:1") })
		watchtest.Advance(time.Second)
		cc.Want(t, "10.0.0.2:1")
		wantAsked(t, a, query, "3"+query)
	})
}

func TestAnIndexOfZero(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAgent(t, instances("10.0.0.1:1"))
		a.index = 0
		_, cc := follow(t, a, "")
		cc.Want(t, "10.0.0.1:1")
		watchtest.Advance(time.Hour)
		cc.Want(t)
		got := a.asked()
		if len(got) > 300 || got[1] != "1"+query {
			t.Errorf("asked %d times in an hour, %q first, want at most 300, the second with index 1", len(got), got[:2])
		}
	})
}

func TestEndlessChangesAreNotAskedForEndlessly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAgent(t, instances("10.0.0.1:1"))
		a.answer = func(http.ResponseWriter, *http.Request) bool {
			a.mu.Lock()
			a.index++
			a.mu.Unlock()
			return false
		}
		_, cc := follow(t, a, "")
		watchtest.Advance(time.Minute)
		cc.Want(t, "10.0.0.1:1")
		if got := len(a.asked()); got < 60 || got > 65 {
			t.Errorf("asked %d times in a minute, want one a second and 4 at first", got)
		}
	})
}

func TestAConsulThatFailsKeepsTheList(t *testing.T) {
	for _, tt := range []struct {
		name  string
		fail  func(w http.ResponseWriter, r *http.Request)
		first string // what calls get if it fails from the start
	}{
		{name: "no leader", first: `asking Consul: HTTP status 500 Internal Server Error: "No cluster leader"`, fail: func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "No cluster leader", http.StatusInternalServerError)
		}},
		{name: "hangs", first: "no answer within 1m13.75s", fail: func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }},
		{name: "breaks", first: "EOF", fail: func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }},
		{name: "no JSON", first: "reading the answer: invalid character", fail: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Consul-Index", "99")
			_, _ = io.WriteString(w, "<html>")
		}},
		{name: "half an answer", first: "unexpected EOF", fail: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Consul-Index", "99")
			_, _ = io.WriteString(w, `[{"Node":`)
		}},
		{name: "no index", first: `X-Consul-Index must be a number, got "": is this Consul?`, fail: func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `[]`) }},
		{name: "slowly", first: "no answer within 1m13.75s", fail: func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Consul-Index", "99")
			for r.Context().Err() == nil {
				_, _ = io.WriteString(w, " ")
				w.(http.Flusher).Flush()
				<-time.After(time.Second)
			}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := newAgent(t, instances("10.0.0.1:1"))
				failing := func(w http.ResponseWriter, r *http.Request) bool {
					tt.fail(w, r)
					return true
				}
				a.answer = failing
				_, cc := follow(t, a, "")
				watchtest.Advance(74 * time.Second)
				_, faults := cc.Drain()
				if len(faults) != 1 || !strings.Contains(faults[0], tt.first) || !strings.HasPrefix(faults[0], "consul: search: ") {
					t.Errorf("from the start: got errors %q, want one with %q", faults, tt.first)
				}
				a.with(func() { a.answer = nil })
				watchtest.Advance(3 * time.Minute)
				cc.Want(t, "10.0.0.1:1")

				a.with(func() { a.answer = failing })
				watchtest.Advance(2 * time.Hour)
				cc.Want(t)
				a.put(instances("10.0.0.2:1"))
				a.with(func() { a.answer = nil })
				watchtest.Advance(3 * time.Minute)
				cc.Want(t, "10.0.0.2:1")
			})
		})
	}
}

func TestAfterAnErrorAnAnswerIsAskedForAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAgent(t, instances("10.0.0.1:1"))
		_, cc := follow(t, a, "")
		cc.Want(t, "10.0.0.1:1")
		a.with(func() {
			a.answer = func(w http.ResponseWriter, _ *http.Request) bool {
				a.with(func() { a.answer = nil })
				w.WriteHeader(http.StatusInternalServerError)
				return true
			}
		})
		watchtest.Advance(70 * time.Second)
		cc.Want(t)
		wantAsked(t, a, query, "10"+query, "10"+query, query, "10"+query)
	})
}

func TestNothingHealthy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAgent(t, "[]")
		_, cc := follow(t, a, "?hold=20s")
		cc.WantError(t, "consul: search: no endpoints: Consul lists no instance that is passing")
		a.put(instances("10.0.0.1:1"))
		synctest.Wait()
		cc.Want(t, "10.0.0.1:1")
		a.put("[]")
		watchtest.Advance(20*time.Second - time.Nanosecond)
		cc.Want(t)
		watchtest.Advance(time.Nanosecond)
		lists, faults := cc.Drain()
		if len(lists) != 1 || lists[0] != "" || len(faults) != 1 {
			t.Errorf("after the hold: got lists %q and errors %q, want an empty list and its reason", lists, faults)
		}
		a.put(instances("10.0.0.1:1"))
		synctest.Wait()
		cc.Want(t, "10.0.0.1:1")
	})
}

func TestTokens(t *testing.T) {
	path := filepath.Join(t.TempDir(), "token")
	write := func(s string) {
		if err := os.WriteFile(path, []byte(s), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		name        string
		environment map[string]string
		opts        []consul.Option
		want        string
	}{
		{name: "option", opts: []consul.Option{consul.WithToken("a")}, want: "a"},
		{name: "option wins", environment: map[string]string{"CONSUL_HTTP_TOKEN": "b"}, opts: []consul.Option{consul.WithToken("a")}, want: "a"},
		{name: "environment", environment: map[string]string{"CONSUL_HTTP_TOKEN": "b"}, want: "b"},
		{name: "file of the environment", environment: map[string]string{"CONSUL_HTTP_TOKEN_FILE": path}, want: "c"},
		{name: "file", opts: []consul.Option{consul.WithToken("a"), consul.WithTokenFile(path)}, want: "c"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			write("c\n")
			for _, name := range []string{"CONSUL_HTTP_TOKEN", "CONSUL_HTTP_TOKEN_FILE"} {
				t.Setenv(name, tt.environment[name])
			}
			synctest.Test(t, func(t *testing.T) {
				a := newAgent(t, instances("10.0.0.1:1"))
				a.tokens = map[string]bool{tt.want: true}
				_, cc := follow(t, a, "", tt.opts...)
				cc.Want(t, "10.0.0.1:1")
				if tt.want != "c" {
					return
				}
				write("d") // a rotated token is used at once when the old one is refused
				a.with(func() { a.tokens = map[string]bool{"d": true} })
				a.put(instances("10.0.0.2:1"))
				synctest.Wait()
				a.put(instances("10.0.0.3:1"))
				synctest.Wait()
				lists, faults := cc.Drain()
				if len(lists) == 0 || lists[len(lists)-1] != "10.0.0.3:1" || len(faults) > 0 {
					t.Errorf("after a rotation: got lists %q, errors %q", lists, faults)
				}
			})
		})
	}
}

func TestCloseEndsAnOpenQuery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAgent(t, instances("10.0.0.1:1"))
		r, cc := follow(t, a, "")
		cc.Want(t, "10.0.0.1:1")
		if got := a.queries(); got != 1 {
			t.Fatalf("open queries: got %d, want 1", got)
		}
		start := time.Now()
		r.ResolveNow(resolver.ResolveNowOptions{})
		r.Close()
		synctest.Wait()
		if took := time.Since(start); took != 0 || a.queries() != 0 {
			t.Errorf("Close took %v and left %d queries, want none at once", took, a.queries())
		}
		a.put(instances("10.0.0.2:1"))
		watchtest.Advance(time.Hour)
		cc.Want(t)
	})
}
