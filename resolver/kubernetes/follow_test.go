package kubernetes_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/resolver"

	"github.com/freshet-io/freshet/resolver/internal/watch/watchtest"
	"github.com/freshet-io/freshet/resolver/kubernetes"
)

const settle = 100 * time.Millisecond

// follow starts a resolver of the Service search in the bubble of the test.
func follow(t *testing.T, a *api, options string, opts ...kubernetes.Option) (resolver.Resolver, *watchtest.Channel) {
	t.Helper()
	b, err := kubernetes.NewBuilder(append(opts,
		kubernetes.WithURL("http://api.example"), kubernetes.WithHTTPClient(watchtest.Serve(t, a)))...)
	if err != nil {
		t.Fatal(err)
	}
	r, cc := watchtest.Build(t, b, "kubernetes:///search.shop:grpc"+options)
	synctest.Wait()
	return r, cc
}

func wantAsked(t *testing.T, a *api, want string) {
	t.Helper()
	if got := a.asked(); got != want {
		t.Errorf("requests: got %q, want %q", got, want)
	}
}

func TestAllSlicesAreOneList(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAPI(t)
		a.put("search-a", pods("IPv4", "p1=10.0.0.1@eu-1 p2=10.0.0.2@eu-2 p3!=10.0.0.3"))
		a.put("search-b", pods("IPv4", "p4=10.0.0.4"))
		_, cc := follow(t, a, "")
		cc.Want(t, "10.0.0.1:50051@eu-1 10.0.0.2:50051@eu-2 10.0.0.4:50051")

		a.put("search-c", pods("IPv4", "p5=10.0.0.5")) // ADDED
		watchtest.Advance(settle)
		cc.Want(t, "10.0.0.1:50051@eu-1 10.0.0.2:50051@eu-2 10.0.0.4:50051 10.0.0.5:50051")
		a.put("search-a", pods("IPv4", "p2=10.0.0.2@eu-2 p3=10.0.0.3")) // MODIFIED
		watchtest.Advance(settle)
		cc.Want(t, "10.0.0.2:50051@eu-2 10.0.0.3:50051 10.0.0.4:50051 10.0.0.5:50051")
		a.remove("search-b") // DELETED
		watchtest.Advance(settle)
		cc.Want(t, "10.0.0.2:50051@eu-2 10.0.0.3:50051 10.0.0.5:50051")
		a.put("search-c", pods("IPv4", "p6!=10.0.0.6 p5=10.0.0.5")) // nothing that counts
		watchtest.Advance(time.Hour)
		cc.Want(t)
	})
}

func TestAPodThatMovesBetweenSlicesStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAPI(t)
		a.put("search-a", pods("IPv4", "p1=10.0.0.1 p2=10.0.0.2"))
		_, cc := follow(t, a, "")
		cc.Want(t, "10.0.0.1:50051 10.0.0.2:50051")
		a.put("search-a", pods("IPv4", "p1=10.0.0.1"))
		watchtest.Advance(settle / 2)
		a.put("search-b", pods("IPv4", "p2=10.0.0.2"))
		watchtest.Advance(time.Minute)
		cc.Want(t)
	})
}

func TestPages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAPI(t)
		for i := range 250 {
			a.put(fmt.Sprintf("search-%03d", i), pods("IPv4", fmt.Sprintf("p%d=10.0.1.%d", i, i)))
		}
		// Something changes between two pages, once: then all begins anew.
		pages := 0
		a.answer = func(_ http.ResponseWriter, _ *http.Request, watch bool) bool {
			if pages++; pages == 2 {
				a.put("search-000", pods("IPv4", "p0=10.0.0.1"))
			}
			return false
		}
		_, cc := follow(t, a, "")
		cc.WantError(t, "410 Gone", "continue parameter is too old")
		watchtest.Advance(time.Second)
		lists, _ := cc.Drain()
		if len(lists) != 1 || len(strings.Fields(lists[0])) != 250 {
			t.Fatalf("got lists %.200q, want one of 250 endpoints", lists)
		}
		wantAsked(t, a, "list, more from 100, list, more from 100, more from 200, watch 351")
	})
}

func TestAWatchGoesOnWhereItEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAPI(t)
		a.put("search-a", pods("IPv4", "p1=10.0.0.1"))
		_, cc := follow(t, a, "")
		cc.Want(t, "10.0.0.1:50051")
		wantAsked(t, a, "list, watch 101")
		start := time.Now()
		for a.watches() == 1 && time.Since(start) < time.Hour {
			a.with(func() { a.version++ }) // something else changes: only bookmarks tell
			watchtest.Advance(time.Second)
			if got := a.asked(); got != "" {
				took := time.Since(start)
				if took < 5*time.Minute || took > 10*time.Minute+time.Second || got == "watch 101" || !strings.HasPrefix(got, "watch ") {
					t.Errorf("after %v: got request %q, want a watch from a bookmark after 5 to 10 min", took, got)
				}
				return
			}
		}
		t.Errorf("no new watch after %v", time.Since(start))
	})
}

func TestABrokenWatchIsMadeAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAPI(t)
		a.put("search-a", pods("IPv4", "p1=10.0.0.1"))
		_, cc := follow(t, a, "")
		cc.Want(t, "10.0.0.1:50051")
		a.cut()
		synctest.Wait()
		a.put("search-a", pods("IPv4", "p2=10.0.0.2"))
		cc.Want(t)
		watchtest.Advance(time.Second + settle)
		cc.Want(t, "10.0.0.2:50051")
		wantAsked(t, a, "list, watch 101, watch 101")
	})
}

func TestGone(t *testing.T) {
	for _, tt := range []struct {
		name string
		gone func(a *api)
	}{
		{name: "an event in the watch", gone: func(a *api) { a.forget() }},
		{name: "a status of the next watch", gone: func(a *api) {
			first := true
			a.answer = func(w http.ResponseWriter, _ *http.Request, watch bool) bool {
				if !watch || !first {
					return false
				}
				first = false
				refuse(w, http.StatusGone, "too old resource version")
				return true
			}
			a.cut()
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := newAPI(t)
				a.put("search-a", pods("IPv4", "p1=10.0.0.1"))
				a.put("search-b", pods("IPv4", "p2=10.0.0.2"))
				_, cc := follow(t, a, "?hold=0s")
				cc.Want(t, "10.0.0.1:50051 10.0.0.2:50051")
				watchtest.Advance(time.Minute)
				a.asked()
				// What is deleted now is told by no event.
				a.with(func() { a.version++; delete(a.objects, "search-b") })
				tt.gone(a)
				cc.Want(t) // the last list stays
				watchtest.Advance(3*time.Second + settle)
				cc.Want(t, "10.0.0.1:50051")
				if got := a.asked(); !strings.Contains(got, "list, watch ") {
					t.Errorf("requests: got %q, want a list and a watch", got)
				}
				a.put("search-a", pods("IPv4", "p9=10.0.0.9"))
				watchtest.Advance(settle)
				cc.Want(t, "10.0.0.9:50051")
			})
		})
	}
}

func TestGoneAgainAndAgainBacksOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAPI(t)
		a.put("search-a", pods("IPv4", "p1=10.0.0.1"))
		a.answer = func(w http.ResponseWriter, _ *http.Request, watch bool) bool {
			if watch {
				refuse(w, http.StatusGone, "too old resource version")
			}
			return watch
		}
		_, cc := follow(t, a, "")
		cc.Want(t, "10.0.0.1:50051")
		watchtest.Advance(10 * time.Minute)
		if lists := strings.Count(a.asked(), "list"); lists > 50 {
			t.Errorf("listed %d times in 10 min, want at most 50", lists)
		}
	})
}

func TestASilentWatchIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAPI(t)
		a.bookmark = time.Hour
		a.put("search-a", pods("IPv4", "p1=10.0.0.1"))
		_, cc := follow(t, a, "")
		cc.Want(t, "10.0.0.1:50051")
		a.asked()
		watchtest.Advance(150*time.Second - time.Millisecond)
		wantAsked(t, a, "")
		watchtest.Advance(2 * time.Second)
		wantAsked(t, a, "watch 101")
	})
}

// A restored cluster is at an earlier version, and a watch from a later one is
// refused until it gets there.
func TestAVersionFromTheFutureIsDoubted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAPI(t)
		a.put("search-a", pods("IPv4", "p1=10.0.0.1"))
		_, cc := follow(t, a, "")
		cc.Want(t, "10.0.0.1:50051")
		a.answer = func(w http.ResponseWriter, r *http.Request, watch bool) bool {
			if r.URL.Query().Get("resourceVersion") != "101" {
				return false
			}
			refuse(w, http.StatusGatewayTimeout, "Too large resource version: 101, current: 50")
			return true
		}
		a.with(func() {
			a.version, a.log = 50, nil
			a.objects["search-a"], a.versions["search-a"] = pods("IPv4", "p7=10.0.0.7"), 50
		})
		a.cut()
		watchtest.Advance(30 * time.Second)
		cc.Want(t, "10.0.0.7:50051")
	})
}

func TestNonsenseKeepsTheList(t *testing.T) {
	for _, tt := range []struct {
		name, line string
		listed     bool // again, because the stream would say the same again
	}{
		{name: "no JSON", listed: true, line: "<html>bad gateway</html>\n"},
		{name: "another type", listed: true, line: `{"type":"ADDED","object":{"metadata":{"name":7}}}` + "\n"},
		{name: "no object", listed: true, line: `{"type":"ADDED"}` + "\n"},
		{name: "no name", listed: true, line: `{"type":"DELETED","object":{"metadata":{"resourceVersion":"8"}}}` + "\n"},
		{name: "no version", listed: true, line: `{"type":"MODIFIED","object":{"metadata":{"name":"search-a"}}}` + "\n"},
		{name: "an error", line: `{"type":"ERROR","object":{"kind":"Status","code":500,"message":"oops"}}` + "\n"},
		{name: "an unknown event", line: `{"type":"RENAMED","object":{"metadata":{"name":"search-a","resourceVersion":"9"}}}` + "\n"},
		{name: "an unknown event without a slice", line: `{"type":"RENAMED","object":{}}` + "\n"},
		{name: "too large", listed: true, line: `{"type":"ADDED","object":{"metadata":{"name":"` + strings.Repeat("x", 17<<20) + `"}}}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := newAPI(t)
				a.put("search-a", pods("IPv4", "p1=10.0.0.1"))
				_, cc := follow(t, a, "")
				cc.Want(t, "10.0.0.1:50051")
				a.asked()
				a.inject(tt.line)
				watchtest.Advance(10 * time.Second)
				cc.Want(t)
				if got := a.asked(); strings.Contains(got, "list") != tt.listed {
					t.Errorf("requests: got %q, want a list: %t", got, tt.listed)
				}
				a.put("search-a", pods("IPv4", "p2=10.0.0.2"))
				watchtest.Advance(settle)
				cc.Want(t, "10.0.0.2:50051")
			})
		})
	}
}

func TestAServerThatFailsKeepsTheList(t *testing.T) {
	for _, tt := range []struct {
		name  string
		fail  func(w http.ResponseWriter, r *http.Request)
		first string // what calls get if it fails from the start
	}{
		{name: "forbidden", first: `listing EndpointSlices: HTTP status 403 Forbidden: "User \"system:serviceaccount:shop:default\" cannot list`, fail: func(w http.ResponseWriter, _ *http.Request) {
			refuse(w, http.StatusForbidden, `User "system:serviceaccount:shop:default" cannot list resource "endpointslices"`)
		}},
		{name: "unavailable", first: "HTTP status 503", fail: func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }},
		{name: "hangs", first: "no answer within 30s", fail: func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }},
		{name: "breaks", first: "EOF", fail: func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }},
		{name: "no JSON", first: "reading the answer: invalid character", fail: func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>") }},
		{name: "half an answer", first: "unexpected EOF", fail: func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"items":[`) }},
		{name: "no version", first: "no resourceVersion", fail: func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"items":[]}`) }},
		{name: "pages without end", first: "pages do not end", fail: func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, `{"metadata":{"continue":"x","resourceVersion":"7"},"items":[{"metadata":{"name":"a"}}]}`)
		}},
		{name: "no name", first: "one has no name", fail: func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, `{"metadata":{"resourceVersion":"7"},"items":[{}]}`)
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := newAPI(t)
				a.put("search-a", pods("IPv4", "p1=10.0.0.1"))
				failing := func(w http.ResponseWriter, r *http.Request, _ bool) bool {
					tt.fail(w, r)
					return true
				}
				a.answer = failing
				_, cc := follow(t, a, "")
				watchtest.Advance(30 * time.Second)
				_, faults := cc.Drain()
				if len(faults) != 1 || !strings.Contains(faults[0], tt.first) || !strings.HasPrefix(faults[0], "kubernetes: shop/search: ") {
					t.Errorf("from the start: got errors %q, want one with %q", faults, tt.first)
				}
				a.with(func() { a.answer = nil })
				watchtest.Advance(2 * time.Minute)
				cc.Want(t, "10.0.0.1:50051")

				a.with(func() { a.answer = failing })
				a.cut()
				watchtest.Advance(2 * time.Hour)
				cc.Want(t)
				a.put("search-a", pods("IPv4", "p2=10.0.0.2"))
				a.with(func() { a.answer = nil })
				watchtest.Advance(3 * time.Minute)
				cc.Want(t, "10.0.0.2:50051")
			})
		})
	}
}

func TestNothingReady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAPI(t)
		_, cc := follow(t, a, "?hold=20s")
		cc.WantError(t, "kubernetes: shop/search: no endpoints: no EndpointSlice has the label kubernetes.io/service-name=search; is there such a Service?")
		a.put("search-a", pods("IPv4", "p1!=10.0.0.1"))
		watchtest.Advance(settle)
		cc.WantError(t, "slices: 1, endpoints in them: 1, none is ready")
		a.put("search-a", pods("IPv4", "p1=10.0.0.1"))
		watchtest.Advance(settle)
		cc.Want(t, "10.0.0.1:50051")

		a.put("search-a", pods("IPv4", "p1!=10.0.0.1"))
		watchtest.Advance(19 * time.Second)
		cc.Want(t)
		watchtest.Advance(2 * time.Second)
		lists, faults := cc.Drain()
		if len(lists) != 1 || lists[0] != "" || len(faults) != 1 {
			t.Errorf("scaled to zero: got lists %q and errors %q, want an empty list and its reason", lists, faults)
		}
	})
}

func TestTheTokenIsRenewed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "token")
	write := func(s string) {
		if err := os.WriteFile(path, []byte(s), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("one")
	synctest.Test(t, func(t *testing.T) {
		a := newAPI(t)
		a.tokens = map[string]bool{"one": true}
		a.put("search-a", pods("IPv4", "p1=10.0.0.1"))
		_, cc := follow(t, a, "", kubernetes.WithTokenFile(path))
		cc.Want(t, "10.0.0.1:50051")
		a.asked()
		write("two")
		a.with(func() { a.tokens = map[string]bool{"two": true} })
		a.cut()
		synctest.Wait()
		a.put("search-a", pods("IPv4", "p2=10.0.0.2"))
		watchtest.Advance(time.Second + settle)
		cc.Want(t, "10.0.0.2:50051")
		wantAsked(t, a, "watch 101, watch 101") // refused, and again with the token of now
	})
}

func TestCloseEndsAnOpenWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAPI(t)
		a.put("search-a", pods("IPv4", "p1=10.0.0.1"))
		r, cc := follow(t, a, "")
		cc.Want(t, "10.0.0.1:50051")
		if got := a.watches(); got != 1 {
			t.Fatalf("open watches: got %d, want 1", got)
		}
		start := time.Now()
		r.ResolveNow(resolver.ResolveNowOptions{})
		r.Close()
		synctest.Wait()
		if took := time.Since(start); took != 0 || a.watches() != 0 {
			t.Errorf("Close took %v and left %d watches, want none at once", took, a.watches())
		}
		a.put("search-a", pods("IPv4", "p2=10.0.0.2"))
		watchtest.Advance(time.Hour)
		cc.Want(t)
	})
}

func TestARefusedListIsOfferedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAPI(t)
		a.put("search-a", pods("IPv4", "p1=10.0.0.1"))
		_, cc := follow(t, a, "")
		cc.Want(t, "10.0.0.1:50051")
		cc.Refuse(errors.New("no"))
		a.put("search-a", pods("IPv4", "p2=10.0.0.2"))
		watchtest.Advance(settle)
		cc.Want(t, "10.0.0.2:50051")
		cc.Refuse(nil)
		watchtest.Advance(time.Second)
		cc.Want(t, "10.0.0.2:50051")
	})
}
