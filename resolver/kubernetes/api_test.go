package kubernetes_test

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// api is an API server that keeps the EndpointSlices of one namespace, and
// speaks lists in pages and watches as the real one does.
type api struct {
	t testing.TB

	mu       sync.Mutex
	changed  chan struct{} // closed at each change of what follows
	version  int
	objects  map[string]string // name to JSON, without its version
	versions map[string]int
	log      []change
	floor    int    // watches from before it are answered by 410
	raw      []line // written to each open watch once
	cuts     int    // watches begun before are cut

	tokens   map[string]bool // nil: no token is needed
	answer   func(w http.ResponseWriter, r *http.Request, watch bool) (done bool)
	bookmark time.Duration
	requests []string // "list", "more from 100" for a further page, "watch 7"
	open     int      // watches
}

type change struct {
	version int
	kind    string
	object  string
}

type line struct{ text string }

func newAPI(t testing.TB) *api {
	return &api{
		t: t, changed: make(chan struct{}), version: 100, bookmark: time.Minute,
		objects: map[string]string{}, versions: map[string]int{},
	}
}

// with runs f while nothing else happens, and wakes the watches.
func (a *api) with(f func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	f()
	close(a.changed)
	a.changed = make(chan struct{})
}

// put creates or replaces the slice; object is its JSON without metadata.
func (a *api) put(name, object string) {
	a.with(func() {
		a.version++
		kind := "MODIFIED"
		if _, ok := a.objects[name]; !ok {
			kind = "ADDED"
		}
		a.objects[name], a.versions[name] = object, a.version
		a.log = append(a.log, change{a.version, kind, render(name, object, a.version)})
	})
}

func (a *api) remove(name string) {
	a.with(func() {
		a.version++
		a.log = append(a.log, change{a.version, "DELETED", render(name, a.objects[name], a.version)})
		delete(a.objects, name)
	})
}

// forget makes the server answer 410 to whoever resumes from before now.
func (a *api) forget() { a.with(func() { a.version += 10; a.floor = a.version }) }

// cut breaks all open watches in the midst of a line.
func (a *api) cut() { a.with(func() { a.cuts++ }) }

// inject writes a line to all open watches.
func (a *api) inject(text string) { a.with(func() { a.raw = append(a.raw, line{text}) }) }

// asked returns the requests since the last call.
func (a *api) asked() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	s := strings.Join(a.requests, ", ")
	a.requests = nil
	return s
}

func (a *api) watches() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.open
}

func render(name, object string, version int) string {
	return fmt.Sprintf(`{"kind":"EndpointSlice","apiVersion":"discovery.k8s.io/v1","metadata":{"name":%q,"namespace":"shop","resourceVersion":"%d","labels":{"kubernetes.io/service-name":"search"}},%s`,
		name, version, strings.TrimPrefix(object, "{"))
}

func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	watch := query.Get("watch") == "true"
	a.mu.Lock()
	request := "list"
	switch {
	case watch:
		request = "watch " + query.Get("resourceVersion")
	case query.Get("continue") != "":
		_, offset, _ := strings.Cut(query.Get("continue"), "/")
		request = "more from " + offset
	}
	a.requests = append(a.requests, request)
	answer, tokens := a.answer, a.tokens
	a.mu.Unlock()
	if r.URL.Path != "/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices" || query.Get("labelSelector") != "kubernetes.io/service-name=search" || r.Method != http.MethodGet {
		refuse(w, http.StatusNotFound, "the server could not find the requested resource")
		a.t.Errorf("unexpected request: %s %s", r.Method, r.URL)
		return
	}
	if tokens != nil && !tokens[strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")] {
		refuse(w, http.StatusUnauthorized, "Unauthorized")
		return
	}
	if answer != nil && answer(w, r, watch) {
		return
	}
	w.Header().Set("Content-Type", "application/json")
	if watch {
		a.watch(w, r)
	} else {
		a.list(w, r)
	}
}

func refuse(w http.ResponseWriter, code int, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_, _ = fmt.Fprintf(w, `{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":%q,"code":%d}`, message, code)
}

// list answers with a page. The token that continues it holds the version of the
// first page; what has changed since makes it void, which is stricter than the
// real server.
func (a *api) list(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	limit, err := strconv.Atoi(r.URL.Query().Get("limit"))
	if err != nil {
		limit = 1 << 30
	}
	first, version := 0, a.version
	if c := r.URL.Query().Get("continue"); c != "" {
		if _, err := fmt.Sscanf(c, "%d/%d", &version, &first); err != nil || version != a.version {
			refuse(w, http.StatusGone, "The provided continue parameter is too old")
			return
		}
	}
	names := make([]string, 0, len(a.objects))
	for name := range a.objects {
		names = append(names, name)
	}
	slices.Sort(names)
	next := ""
	names = names[first:]
	if len(names) > limit {
		names = names[:limit]
		next = fmt.Sprintf("%d/%d", version, first+limit)
	}
	items := make([]string, 0, len(names))
	for _, name := range names {
		items = append(items, render(name, a.objects[name], a.versions[name]))
	}
	_, _ = fmt.Fprintf(w, `{"kind":"EndpointSliceList","apiVersion":"discovery.k8s.io/v1","metadata":{"resourceVersion":"%d","continue":%q},"items":[%s]}`,
		version, next, strings.Join(items, ","))
}

func (a *api) watch(w http.ResponseWriter, r *http.Request) {
	from, err := strconv.Atoi(r.URL.Query().Get("resourceVersion"))
	seconds, err2 := strconv.Atoi(r.URL.Query().Get("timeoutSeconds"))
	if err != nil || err2 != nil {
		a.t.Errorf("watch: unexpected query %q", r.URL.RawQuery)
		refuse(w, http.StatusBadRequest, "bad query")
		return
	}
	flusher := w.(http.Flusher)
	flusher.Flush()
	a.with(func() { a.open++ })
	defer a.with(func() { a.open-- })
	end := time.NewTimer(time.Duration(seconds) * time.Second)
	defer end.Stop()
	bookmark := time.NewTicker(a.bookmark)
	defer bookmark.Stop()
	a.mu.Lock()
	cuts, raw := a.cuts, len(a.raw)
	a.mu.Unlock()
	send := func(kind, object string) { _, _ = fmt.Fprintf(w, "{\"type\":%q,\"object\":%s}\n", kind, object) }
	for {
		a.mu.Lock()
		changed := a.changed
		if from < a.floor {
			send("ERROR", `{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"too old resource version","reason":"Expired","code":410}`)
			a.mu.Unlock()
			return
		}
		for _, c := range a.log {
			if c.version > from {
				send(c.kind, c.object)
				from = c.version
			}
		}
		for ; raw < len(a.raw); raw++ {
			_, _ = io.WriteString(w, a.raw[raw].text)
		}
		isCut, version := a.cuts > cuts, a.version
		a.mu.Unlock()
		flusher.Flush()
		if isCut {
			_, _ = io.WriteString(w, `{"type":"MODI`)
			flusher.Flush()
			panic(http.ErrAbortHandler)
		}
		select {
		case <-r.Context().Done():
			return
		case <-end.C:
			return
		case <-changed:
		case <-bookmark.C:
			if r.URL.Query().Get("allowWatchBookmarks") == "true" {
				send("BOOKMARK", fmt.Sprintf(`{"kind":"EndpointSlice","apiVersion":"discovery.k8s.io/v1","metadata":{"resourceVersion":"%d"},"endpoints":null,"ports":null}`, version))
				from = version
				flusher.Flush()
			}
		}
	}
}

// pods is a slice of ready pods with the port grpc=50051: names and addresses
// as "name=address" by spaces. A name may be followed by '!' (not ready), '~'
// (terminating and serving), and an address by "@zone".
func pods(family, described string) string {
	var endpoints []string
	for d := range strings.FieldsSeq(described) {
		name, address, _ := strings.Cut(d, "=")
		address, zone, _ := strings.Cut(address, "@")
		conditions := `"ready":true,"serving":true,"terminating":false`
		switch {
		case strings.HasSuffix(name, "!"):
			conditions = `"ready":false,"serving":false,"terminating":false`
		case strings.HasSuffix(name, "~"):
			conditions = `"ready":false,"serving":true,"terminating":true`
		}
		name = strings.Trim(name, "!~")
		endpoints = append(endpoints, fmt.Sprintf(`{"addresses":[%q],"conditions":{%s},"zone":%q,"nodeName":"n1","targetRef":{"kind":"Pod","namespace":"shop","name":%q,"uid":"uid-%s"}}`,
			address, conditions, zone, name, name))
	}
	return fmt.Sprintf(`{"addressType":%q,"endpoints":[%s],"ports":[{"name":"grpc","protocol":"TCP","port":50051,"appProtocol":"kubernetes.io/h2c"},{"name":"metrics","protocol":"TCP","port":9090}]}`,
		family, strings.Join(endpoints, ","))
}
